/* fetch.c: see fetch.h.
 *
 *     OSC 5522 ; type=read ; base64("image/png image/jpeg …") ST        the question
 *     OSC 5522 ; type=read:status=OK ST                                 the answer: first OK,
 *     OSC 5522 ; type=read:status=DATA:mime=base64 ; base64 ST          then pieces, each base64 by itself,
 *     OSC 5522 ; type=read:status=DONE ST                               then DONE; or another word: it will not
 */
#include "config.h"

#include "ui/fetch.h"

#include <string.h>

#include "base/base64.h"
#include "ui/term.h"

#define MOST_BYTES (64u << 20)
#define PATIENCE_MS 30000       /* a person may have to allow it */
#define PREFIX "\033]5522;"

void
fetch_begin(struct fetch *f, const struct term *term, int64_t now)
{
	static const char kinds[] = "image/png image/jpeg image/gif image/webp image/bmp";
	struct buf question = {0};

	fetch_done(f);
	f->until = now + PATIENCE_MS;
	buf_str(&question, PREFIX "type=read;");
	base64_encode(&question, kinds, sizeof kinds - 1);
	buf_str(&question, "\033\\");
	term_out(term, question.at, question.n);
	buf_done(&question);
}

/* The value of a key in key=value:key=value, or NULL. */
static const char *
value_of(const char *s, size_t n, const char *key, size_t *value_n)
{
	const size_t key_n = strlen(key);

	for (size_t at = 0; at < n;) {
		const char *colon = memchr(s + at, ':', n - at);
		const size_t end = colon ? (size_t)(colon - s) : n;

		if (end - at > key_n && memcmp(s + at, key, key_n) == 0 && s[at + key_n] == '=') {
			*value_n = end - at - key_n - 1;
			return s + at + key_n + 1;
		}
		at = end + 1;
	}
	return NULL;
}

static bool
is(const char *s, size_t n, const char *word)
{
	return s && n == strlen(word) && memcmp(s, word, n) == 0;
}

static enum fetch_end
take_piece(struct fetch *f, const char *mime, size_t mime_n, const char *s, size_t n)
{
	if (f->mime.n == 0)
		buf_add(&f->mime, mime, mime_n);
	if (f->mime.n != mime_n || memcmp(f->mime.at, mime, mime_n) != 0)
		return FETCH_GOES_ON;           /* the same picture in another format */
	if (base64_decode(&f->bytes, s, n) != 0 || f->bytes.n > MOST_BYTES)
		return FETCH_FAILED;
	return FETCH_GOES_ON;
}

enum fetch_end
fetch_answer(struct fetch *f, const char *s, size_t n)
{
	const size_t start = sizeof PREFIX - 1;
	const char *semicolon, *status, *mime;
	size_t end, status_n = 0, mime_n = 0;

	if (!f->until || n < start + 1 || memcmp(s, PREFIX, start) != 0)
		return FETCH_GOES_ON;
	end = s[n - 1] == '\a' ? n - 1 : n - 2;
	semicolon = memchr(s + start, ';', end - start);
	n = (semicolon ? (size_t)(semicolon - s) : end) - start;
	status = value_of(s + start, n, "status", &status_n);
	mime = value_of(s + start, n, "mime", &mime_n);
	if (is(status, status_n, "OK"))
		return FETCH_GOES_ON;
	if (is(status, status_n, "DONE"))
		return f->bytes.n > 0 ? FETCH_DONE : FETCH_FAILED;
	if (!is(status, status_n, "DATA") || !mime || !semicolon)
		return FETCH_FAILED;
	return take_piece(f, mime, mime_n, semicolon + 1, (size_t)(s + end - semicolon - 1));
}

void
fetch_done(struct fetch *f)
{
	buf_done(&f->mime);
	buf_done(&f->bytes);
	*f = (struct fetch){0};
}
