/* buf.c: see buf.h. */
#include "config.h"

#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

char *
buf_room(struct buf *b, size_t n)
{
	if (b->cap - b->n < n + 1 || !b->at) {
		size_t cap = b->cap ? b->cap : 64;

		while (cap - b->n < n + 1)
			cap = cap > (size_t)-1 / 2 ? b->n + n + 1 : cap * 2;
		b->at = xrealloc(b->at, cap);
		b->at[b->n] = '\0';     /* the caller may have nothing to put there */
		b->cap = cap;
	}
	return b->at + b->n;
}

void
buf_add(struct buf *b, const void *bytes, size_t n)
{
	char *to = buf_room(b, n);

	if (n)
		memcpy(to, bytes, n);
	b->n += n;
	b->at[b->n] = '\0';
}

void
buf_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void
buf_char(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n > 0) {
		vsnprintf(buf_room(b, (size_t)n), (size_t)n + 1, fmt, again);
		b->n += (size_t)n;
	}
	va_end(again);
}

void
buf_cut(struct buf *b, size_t n)
{
	assert(n <= b->n);
	b->n = n;
	if (b->at)
		b->at[n] = '\0';
}

void
buf_drop(struct buf *b, size_t n)
{
	assert(n <= b->n);
	if (n == 0)
		return;
	memmove(b->at, b->at + n, b->n - n + 1);
	b->n -= n;
}

void
buf_clear(struct buf *b)
{
	buf_cut(b, 0);
}

void
buf_done(struct buf *b)
{
	free(b->at);
	*b = (struct buf){0};
}

const char *
buf_text(const struct buf *b)
{
	return b->at ? b->at : "";
}

char *
buf_take(struct buf *b)
{
	char *s = b->at ? b->at : xstrdup("");

	*b = (struct buf){0};
	return s;
}
