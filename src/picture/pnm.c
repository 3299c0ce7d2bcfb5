/* pnm.c: P1 to P6, plain and binary. Samples of two bytes give their high byte, other ranges are scaled to 255. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "picture/decoders.h"

struct pnm {
	const uint8_t *at, *end;
	int kind;               /* 1 to 6 */
	long width, height, max;
};

static bool
is_space(int c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool
is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static void
skip_space(struct pnm *p)
{
	for (; p->at < p->end && (is_space(*p->at) || *p->at == '#'); p->at++)
		if (*p->at == '#')
			while (p->at + 1 < p->end && *p->at != '\n')
				p->at++;
}

/* The next number, or -1. */
static long
take_number(struct pnm *p)
{
	long n = 0;

	skip_space(p);
	if (p->at == p->end || !is_digit(*p->at))
		return -1;
	for (; p->at < p->end && is_digit(*p->at); p->at++)
		if (n < 1000000000)
			n = 10 * n + (*p->at - '0');
	return n;
}

/* A digit of P1 may stand without space before the next. */
static long
take_bit(struct pnm *p)
{
	skip_space(p);
	if (p->at == p->end || (*p->at != '0' && *p->at != '1'))
		return -1;
	return *p->at++ - '0';
}

static bool
take_header(struct pnm *p)
{
	p->kind = p->at[1] - '0';
	p->at += 2;
	p->width = take_number(p);
	p->height = take_number(p);
	p->max = p->kind == 1 || p->kind == 4 ? 1 : take_number(p);
	if (p->width < 0 || p->height < 0 || p->max < 1 || p->max > 65535)
		return false;
	if (p->kind >= 4)       /* exactly one white character before the bytes */
		return p->at < p->end && is_space(*p->at++);
	return true;
}

static uint8_t
scale(const struct pnm *p, long value)
{
	if (value > p->max)
		value = p->max;
	return (uint8_t)(p->max == 65535 ? value >> 8 : (value * 255 + p->max / 2) / p->max);
}

static long
take_sample(struct pnm *p)
{
	long value;

	if (p->kind < 4)
		return take_number(p);
	if (p->end - p->at < (p->max > 255 ? 2 : 1))
		return -1;
	value = *p->at++;
	return p->max > 255 ? value << 8 | *p->at++ : value;
}

/* In both kinds of bitmap 1 is black; packed rows begin at a byte. */
static bool
read_bitmap_row(struct pnm *p, uint8_t *to)
{
	const uint8_t *packed = p->at;

	if (p->kind == 4) {
		if ((p->end - p->at) < (p->width + 7) / 8)
			return false;
		p->at += (p->width + 7) / 8;
	}
	for (long x = 0; x < p->width; x++, to += 3) {
		long bit = p->kind == 4 ? packed[x / 8] >> (7 - x % 8) & 1 : take_bit(p);

		if (bit < 0)
			return false;
		to[0] = to[1] = to[2] = bit ? 0 : 255;
	}
	return true;
}

/* What most files are: bytes as we keep them. */
static bool
copy_row(struct pnm *p, uint8_t *to)
{
	size_t n = 3 * (size_t)p->width;

	if ((size_t)(p->end - p->at) < n)
		return false;
	memcpy(to, p->at, n);
	p->at += n;
	return true;
}

static bool
read_row(struct pnm *p, uint8_t *to)
{
	int n_channels = p->kind % 3 == 0 ? 3 : 1;

	for (long x = 0; x < p->width; x++, to += 3)
		for (int c = 0; c < 3; c++) {
			long value = c < n_channels ? take_sample(p) : 0;

			if (value < 0)
				return false;
			to[c] = c < n_channels ? scale(p, value) : to[0];
		}
	return true;
}

static bool
known(const uint8_t *bytes, size_t n)
{
	return n >= 3 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '6' && (is_space(bytes[2]) || bytes[2] == '#');
}

static int
decode(struct raster *r, const uint8_t *bytes, size_t n, struct error *err)
{
	struct pnm p = { .at = bytes, .end = bytes + n };
	bool (*read)(struct pnm *p, uint8_t *to);

	if (!take_header(&p))
		return raster_fail(r, err, "its header is cut short or damaged");
	if (raster_begin(r, p.width, p.height, err) < 0)
		return -1;
	read = p.kind % 3 == 1 ? read_bitmap_row : p.kind == 6 && p.max == 255 ? copy_row : read_row;
	for (long y = 0; y < p.height; y++)
		if (!read(&p, r->rgb + 3 * (size_t)y * (size_t)p.width))
			return raster_fail(r, err, "it is cut short");
	return 0;
}

const struct format pnm_format = { "PNM", "image/x-portable-anymap", "pnm", known, decode, NULL };
