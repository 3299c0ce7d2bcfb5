/* styled.c: see styled.h. Three arrays of one length, grown together. */
#include "config.h"

#include "ui/styled.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

static void
make_room(struct styled *st, size_t n)
{
	if (st->n + n <= st->cap)
		return;
	st->cap = (st->n + n) * 2;
	st->text = xrealloc(st->text, st->cap);
	st->roles = xrealloc(st->roles, st->cap);
	st->source = xreallocarray(st->source, st->cap, sizeof *st->source);
}

/* step: how far the source goes on from byte to byte, 0 or 1. */
static void
append(struct styled *st, enum theme_role role, const char *s, size_t n, size_t source, size_t step)
{
	if (n == 0)
		return;
	make_room(st, n);
	memcpy(st->text + st->n, s, n);
	memset(st->roles + st->n, (int)role, n);
	for (size_t i = 0; i < n; i++)
		st->source[st->n + i] = (uint32_t)(source + i * step);
	st->n += n;
}

void
styled_add(struct styled *st, enum theme_role role, const char *s, size_t n, size_t source)
{
	append(st, role, s, n, source, 1);
}

void
styled_put(struct styled *st, enum theme_role role, const char *s, size_t n, size_t source)
{
	append(st, role, s, n, source, 0);
}

void
styled_str(struct styled *st, enum theme_role role, const char *s, size_t source)
{
	append(st, role, s, strlen(s), source, 0);
}

void
styled_pad(struct styled *st, enum theme_role role, int cols, size_t source)
{
	for (; cols > 0; cols--)
		append(st, role, " ", 1, source, 0);
}

void
styled_copy(struct styled *st, const struct styled *from, size_t start, size_t end)
{
	assert(start <= end && end <= from->n);
	if (start == end)
		return;
	make_room(st, end - start);
	memcpy(st->text + st->n, from->text + start, end - start);
	memcpy(st->roles + st->n, from->roles + start, end - start);
	memcpy(st->source + st->n, from->source + start, (end - start) * sizeof *st->source);
	st->n += end - start;
}

void
styled_copy_as(struct styled *st, enum theme_role role, const struct styled *from, size_t start, size_t end)
{
	styled_copy(st, from, start, end);
	if (end > start)
		memset(st->roles + st->n - (end - start), (int)role, end - start);
}

/* The end of the graphemes from `at` on that begin with the same role. */
static size_t
run_end(const struct styled *st, size_t at, size_t end)
{
	unsigned char role = st->roles[at];

	while (at < end && st->roles[at] == role) {
		int cols;

		at += text_grapheme(st->text + at, end - at, &cols);
	}
	return at;
}

void
styled_row(const struct styled *st, size_t start, size_t end, int max_cols, struct row *row)
{
	int used = 0;

	while (start < end) {
		size_t to = run_end(st, start, end);

		used += row_fit(row, (enum theme_role)st->roles[start], st->text + start, to - start, max_cols - used);
		start = to;
	}
}

void
styled_cut(struct styled *st, size_t n)
{
	assert(n <= st->n);
	st->n = n;
}

void
styled_done(struct styled *st)
{
	free(st->text);
	free(st->roles);
	free(st->source);
	*st = (struct styled){0};
}
