/* burst.c: see burst.h. */
#include "config.h"

#include "ui/burst.h"

#include <ctype.h>
#include <string.h>

enum {
	LEAST_BYTES = 8,        /* read at once; fewer are typed */
	HELD_BYTES = 32,        /* what a person types while a bad line stands still for two seconds */
	GAP_MS = 5,             /* the next character of a paste comes sooner */
	PASTE_GAP_MS = 50,      /* and the next piece of a long one; a person who has seen it takes longer to press Enter */
};

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

/* The first line's end from i on, or n. */
static size_t
line_end(const char *s, size_t i, size_t n)
{
	while (i < n && !ends_line(s[i]))
		i++;
	return i;
}

/* Behind the ends of lines that stand at i. */
static size_t
skip_ends(const char *s, size_t i, size_t n)
{
	while (i < n && ends_line(s[i]))
		i++;
	return i;
}

/* A slash, a word of small letters, and nothing more or a blank: no path, and no comment of a program. */
static bool
is_command(const char *s, size_t n)
{
	size_t i = 1;

	if (n < 2 || s[0] != '/')
		return false;
	while (i < n && islower((unsigned char)s[i]))
		i++;
	return i > 1 && (i == n || s[i] == ' ' || ends_line(s[i]));
}

/* Where the lines of commands end that the message begins with. */
static size_t
skip_commands(const struct burst *b)
{
	const char *s = b->bytes.at;
	const size_t n = b->bytes.n;
	size_t at = b->n_before, message = 0;

	while (at < n && is_command(s + message, n - message)) {
		const size_t end = line_end(s, at, n);

		if (end == n || s[end] != '\r')         /* LF is Ctrl-J: a line of the command */
			break;
		message = at = end + 1;
	}
	return at;
}

/* Whether a line of s[at..n) has text behind it. */
static bool
goes_on(const char *s, size_t at, size_t n)
{
	return skip_ends(s, line_end(s, at, n), n) < n;
}

bool
burst_begin(struct burst *b, const char *before, const char *s, size_t n, bool sure, int64_t now)
{
	if (n < LEAST_BYTES || !is_text(s, n) || line_end(s, 0, n) == n)
		return false;
	buf_str(&b->bytes, before);
	b->n_before = b->bytes.n;
	b->sure = sure;
	buf_add(&b->bytes, s, n);
	b->last = now;
	return true;
}

bool
burst_add(struct burst *b, const char *s, size_t n, int64_t now)
{
	if (!is_text(s, n) || burst_left(b, now) == 0)
		return false;
	buf_add(&b->bytes, s, n);
	b->last = now;
	return true;
}

int
burst_left(const struct burst *b, int64_t now)
{
	int64_t left;

	if (b->bytes.n == 0)
		return -1;
	left = b->last + (goes_on(b->bytes.at, skip_commands(b), b->bytes.n) ? PASTE_GAP_MS : GAP_MS) - now;
	return left > 0 ? (int)left : 0;
}

size_t
burst_typed(const struct burst *b)
{
	const char *s = b->bytes.at;
	const size_t n = b->bytes.n, at = skip_commands(b), first = skip_ends(s, line_end(s, at, n), n);
	const bool one_line = first == n, one_end = line_end(s, first, n) == n;

	if (one_line || (!b->sure && one_end && n - at < HELD_BYTES))
		return n - b->n_before;
	return at - b->n_before;
}

void
burst_clear(struct burst *b)
{
	buf_clear(&b->bytes);
	b->n_before = 0;
}
