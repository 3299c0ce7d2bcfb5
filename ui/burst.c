/* burst.c: see burst.h. */
#include "config.h"

#include "ui/burst.h"

enum { LEAST_BYTES = 8, GAP_MS = 20 };

static bool
ends_line(char c)
{
	return c == '\r' || c == '\n';
}

/* Keys other than characters are never pasted. */
static bool
is_text(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (((unsigned char)s[i] < 0x20 && !ends_line(s[i]) && s[i] != '\t') || s[i] == 0x7f)
			return false;
	return true;
}

bool
burst_begins(const char *s, size_t n)
{
	size_t i = 0;

	if (n < LEAST_BYTES || !is_text(s, n))
		return false;
	while (i < n && !ends_line(s[i]))
		i++;
	while (i < n && ends_line(s[i]))
		i++;
	return i < n;
}

bool
burst_add(struct burst *b, const char *s, size_t n, int64_t now)
{
	if (!is_text(s, n) || (b->bytes.n > 0 && burst_left(b, now) == 0))
		return false;
	buf_add(&b->bytes, s, n);
	b->last = now;
	return true;
}

int
burst_left(const struct burst *b, int64_t now)
{
	int64_t left = b->last + GAP_MS - now;

	if (b->bytes.n == 0)
		return -1;
	return left > 0 ? (int)left : 0;
}
