/* base64.c: see base64.h. A pasted picture is up to 90 MB of letters, so reading goes by a table. */
#include "config.h"

#include "base/base64.h"

#include <stdint.h>
#include <string.h>

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
base64_encode(struct buf *out, const void *bytes, size_t n)
{
	const unsigned char *from = bytes;
	char *to = buf_room(out, (n + 2) / 3 * 4);

	out->n += (n + 2) / 3 * 4;
	for (; n > 0; from += 3) {
		uint32_t bits = (uint32_t)from[0] << 16;

		bits |= n > 1 ? (uint32_t)from[1] << 8 : 0;
		bits |= n > 2 ? from[2] : 0;
		*to++ = letters[bits >> 18];
		*to++ = letters[bits >> 12 & 63];
		*to++ = n > 1 ? letters[bits >> 6 & 63] : '=';
		*to++ = n > 2 ? letters[bits & 63] : '=';
		n -= n < 3 ? n : 3;
	}
	*to = '\0';
}

/* ---- back */

enum { BAD = 64, PADDING, SPACE };

static void
fill_values(uint8_t values[256])
{
	memset(values, BAD, 256);
	for (int i = 0; i < 64; i++)
		values[(unsigned char)letters[i]] = (uint8_t)i;
	values['='] = PADDING;
	values[' '] = values['\t'] = values['\r'] = values['\n'] = SPACE;
}

/* Writes the bytes to `to`; returns how many, or -1. */
static long
decode(const char *text, size_t n, const uint8_t values[256], char *to)
{
	size_t n_letters = 0, n_padding = 0;
	const char *start = to;
	uint32_t bits = 0;

	for (size_t i = 0; i < n; i++) {
		const uint8_t value = values[(unsigned char)text[i]];

		if (value == SPACE)
			continue;
		if (value == BAD || (n_padding > 0 && value != PADDING))
			return -1;
		if (value == PADDING) {
			n_padding++;
			continue;
		}
		bits = bits << 6 | value;
		if (n_letters++ % 4 != 0)
			*to++ = (char)(bits >> (6 - 2 * ((n_letters - 1) % 4)));
	}
	if (n_letters % 4 == 1 || n_padding > 2 || (n_padding > 0 && (n_letters + n_padding) % 4 != 0))
		return -1;
	return to - start;
}

int
base64_decode(struct buf *out, const char *text, size_t n)
{
	uint8_t values[256];
	char *to = buf_room(out, n / 4 * 3 + 3);
	long got;

	fill_values(values);
	got = decode(text, n, values, to);
	if (got > 0)
		out->n += (size_t)got;
	if (out->at)
		out->at[out->n] = '\0';
	return got < 0 ? -1 : 0;
}
