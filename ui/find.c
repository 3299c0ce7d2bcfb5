/* find.c: see find.h. The visible text of one entry after the other is laid out as code points that know where they are
 * drawn, with a mark where a line ends; the pattern is looked for in that. */
#include "config.h"

#include "ui/find.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/text.h"
#include "ui/row.h"
#include "ui/transcript.h"

enum { BREAK = -1 };

/* One code point of an entry's text. */
struct point {
	int32_t cp;             /* folded like the pattern; BREAK: the line ends */
	int line;
	size_t start, end;      /* bytes of the row's text */
};

struct points {
	struct point *at;
	int n, cap;
};

/* ---------------------------------------------------------------- the pattern */

void
find_done(struct find *f)
{
	free(f->pattern);
	free(f->hits);
	*f = (struct find){0};
}

static bool
has_capital(const char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		int32_t cp;

		i += text_decode(s + i, n - i, &cp);
		if (text_lower(cp) != cp)
			return true;
	}
	return false;
}

void
find_set(struct find *f, const char *pattern, size_t n)
{
	struct row drawn = {0};

	row_add(&drawn, ROLE_TEXT, pattern, n);
	f->fold = !has_capital(pattern, n);
	f->n_pattern = f->n_hits = f->n_matches = 0;
	f->here = -1;
	f->fresh = false;
	f->pattern = xreallocarray(f->pattern, drawn.text.n + 1, sizeof *f->pattern);
	for (size_t i = 0; i < drawn.text.n;)
		i += text_decode(drawn.text.at + i, drawn.text.n - i, &f->pattern[f->n_pattern++]);
	row_done(&drawn);
}

/* ---------------------------------------------------------------- the text */

static void
add_point(struct points *points, struct point point)
{
	if (points->n == points->cap) {
		points->cap = points->cap ? points->cap * 2 : 1024;
		points->at = xreallocarray(points->at, (size_t)points->cap, sizeof *points->at);
	}
	points->at[points->n++] = point;
}

static void
add_line(struct points *points, const struct row *row, int line, bool fold)
{
	for (size_t i = 0; i < row->text.n;) {
		struct point point = { .line = line, .start = i };

		i += text_decode(row->text.at + i, row->text.n - i, &point.cp);
		point.end = i;
		if (fold)
			point.cp = text_lower(point.cp);
		add_point(points, point);
	}
	add_point(points, (struct point){ .cp = BREAK, .line = line });
}

/* ---------------------------------------------------------------- matches */

/* The end of the match that begins at i, or 0. Behind a break the next line's indentation is passed over. */
static int
match_end(const struct find *f, const struct points *points, int i)
{
	int j = i;

	for (int k = 0; k < f->n_pattern; k++) {
		if (j > i && j < points->n && points->at[j].cp == BREAK) {
			do
				j++;
			while (j < points->n && points->at[j].cp == ' ');
			if (f->pattern[k] == ' ')
				continue;
		}
		if (j == points->n || points->at[j].cp != f->pattern[k])
			return 0;
		j++;
	}
	return j;
}

static void
add_hit(struct find *f, const struct point *point)
{
	struct find_hit *last = f->n_hits > 0 ? &f->hits[f->n_hits - 1] : NULL;

	if (last && last->match == f->n_matches && last->line == point->line) {
		last->end = point->end;
		return;
	}
	if (f->n_hits == f->cap) {
		f->cap = f->cap ? f->cap * 2 : 64;
		f->hits = xreallocarray(f->hits, (size_t)f->cap, sizeof *f->hits);
	}
	f->hits[f->n_hits++] = (struct find_hit){ point->line, f->n_matches, point->start, point->end };
}

/* Adds the matches of one entry and forgets its text. */
static void
search(struct find *f, struct points *points)
{
	for (int i = 0; i < points->n;) {
		int end = points->at[i].cp == BREAK ? 0 : match_end(f, points, i);

		if (end == 0) {
			i++;
			continue;
		}
		for (; i < end; i++)
			if (points->at[i].cp != BREAK)
				add_hit(f, &points->at[i]);
		f->n_matches++;
	}
	points->n = 0;
}

static void
search_all(struct find *f, struct transcript *t)
{
	const int n = transcript_lines(t);
	struct points points = {0};
	struct line line = {0};
	int entry = 0;

	for (int i = 0; i < n; i++) {
		transcript_line(t, i, &line);
		if (line.entry != entry)
			search(f, &points);
		entry = line.entry;
		if (line.kind == LINE_TEXT || line.kind == LINE_RULE)
			add_line(&points, &line.row, i, f->fold);
	}
	search(f, &points);
	free(points.at);
	row_done(&line.row);
}

void
find_run(struct find *f, struct transcript *t)
{
	const unsigned version = transcript_version(t);

	if (f->fresh && f->version == version)
		return;
	f->fresh = true;
	f->version = version;
	f->n_hits = f->n_matches = 0;
	if (f->n_pattern > 0)
		search_all(f, t);
	if (f->here >= f->n_matches)
		f->here = f->n_matches - 1;
}

/* ---------------------------------------------------------------- asking */

int
find_line(const struct find *f, int i)
{
	for (int k = 0; k < f->n_hits; k++)
		if (f->hits[k].match == i)
			return f->hits[k].line;
	return 0;
}

int
find_from(const struct find *f, int line, int by)
{
	int last = -1;

	for (int k = 0; k < f->n_hits; k++) {
		if (k > 0 && f->hits[k].match == f->hits[k - 1].match)
			continue;
		if (by > 0 && f->hits[k].line >= line)
			return f->hits[k].match;
		if (by < 0 && f->hits[k].line <= line)
			last = f->hits[k].match;
	}
	if (f->n_matches == 0)
		return -1;
	return by > 0 ? 0 : last >= 0 ? last : f->n_matches - 1;
}

const struct find_hit *
find_hits(const struct find *f, int line, int *n)
{
	int low = 0, high = f->n_hits;

	while (low < high) {
		int mid = low + (high - low) / 2;

		if (f->hits[mid].line < line)
			low = mid + 1;
		else
			high = mid;
	}
	*n = 0;
	while (low + *n < f->n_hits && f->hits[low + *n].line == line)
		++*n;
	return f->hits + low;
}
