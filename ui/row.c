/* row.c: see row.h. Every byte that reaches the screen comes through add(): nothing else makes spans. */
#include "config.h"

#include "ui/row.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

/* The text may have moved: the spans follow each other in it, so their places are sums. */
static void
repoint(struct row *row)
{
	const char *at = buf_text(&row->text);

	for (int i = 0; i < row->n_spans; i++) {
		row->spans[i].at = at;
		at += row->spans[i].n;
	}
}

static struct span *
span_for(struct row *row, enum theme_role role)
{
	if (row->n_spans > 0 && row->spans[row->n_spans - 1].role == role)
		return &row->spans[row->n_spans - 1];
	if (row->n_spans == row->cap) {
		row->cap = row->cap ? row->cap * 2 : 4;
		row->spans = xreallocarray(row->spans, (size_t)row->cap, sizeof *row->spans);
	}
	row->spans[row->n_spans] = (struct span){ .role = role };
	return &row->spans[row->n_spans++];
}

/* Draws graphemes of safe text while they fit; returns the cells used. */
static int
add(struct row *row, enum theme_role role, const char *s, size_t n, int max_cols)
{
	struct span *span;
	size_t before = row->text.n, i = 0;
	int used = 0, cols;

	if (n == 0)
		return 0;
	span = span_for(row, role);
	while (i < n) {
		size_t k = text_grapheme(s + i, n - i, &cols);

		if (cols > max_cols - used)
			break;
		text_draw(&row->text, s + i, k);
		used += cols;
		i += k;
	}
	span->n += row->text.n - before;
	span->cols += used;
	row->cols += used;
	repoint(row);
	return used;
}

int
row_fit(struct row *row, enum theme_role role, const char *s, size_t n, int max_cols)
{
	struct buf safe = {0};
	int used;

	text_visible_line(&safe, s, n);
	used = add(row, role, buf_text(&safe), safe.n, max_cols);
	buf_done(&safe);
	return used;
}

void
row_add(struct row *row, enum theme_role role, const char *s, size_t n)
{
	row_fit(row, role, s, n, 1 << 30);
}

void
row_str(struct row *row, enum theme_role role, const char *s)
{
	row_add(row, role, s, strlen(s));
}

void
row_pad(struct row *row, enum theme_role role, int cols)
{
	while (row->cols < cols)
		add(row, role, " ", 1, 1);
}

/* Appends n bytes of the text, from the row's end on, as a span of their own. */
static void
cut_span(struct row *out, enum theme_role role, const char *s, size_t n)
{
	struct span *span;

	if (n == 0)
		return;
	span = span_for(out, role);
	buf_add(&out->text, s, n);
	span->n += n;
	span->cols += text_width(s, n);
	out->cols += text_width(s, n);
}

void
row_mark(struct row *row, size_t start, size_t end, enum theme_role role)
{
	struct row marked = {0};
	size_t at = 0;

	for (int i = 0; i < row->n_spans; i++) {
		const struct span *span = &row->spans[i];
		const size_t a = start <= at ? 0 : start - at < span->n ? start - at : span->n;
		const size_t b = end <= at + a ? a : end - at < span->n ? end - at : span->n;

		cut_span(&marked, span->role, span->at, a);
		cut_span(&marked, role, span->at + a, b - a);
		cut_span(&marked, span->role, span->at + b, span->n - b);
		at += span->n;
	}
	repoint(&marked);
	row_done(row);
	*row = marked;
}

void
row_clear(struct row *row)
{
	buf_clear(&row->text);
	row->n_spans = 0;
	row->cols = 0;
}

void
row_done(struct row *row)
{
	buf_done(&row->text);
	free(row->spans);
	*row = (struct row){0};
}

struct row *
rows_add(struct rows *rows)
{
	if (rows->n == rows->cap) {
		int cap = rows->cap ? rows->cap * 2 : 16;

		rows->at = xreallocarray(rows->at, (size_t)cap, sizeof *rows->at);
		for (int i = rows->cap; i < cap; i++)
			rows->at[i] = (struct row){0};
		rows->cap = cap;
	}
	row_clear(&rows->at[rows->n]);
	return &rows->at[rows->n++];
}

void
rows_clear(struct rows *rows)
{
	rows->n = 0;
}

void
rows_done(struct rows *rows)
{
	for (int i = 0; i < rows->cap; i++)
		row_done(&rows->at[i]);
	free(rows->at);
	*rows = (struct rows){0};
}
