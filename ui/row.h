/* row.h: one line of the screen as it will be drawn: spans of a role, their bytes drawable as they are (graphemes
 * reduced by text_draw, nothing that could act on a terminal). Everything that the pure half makes is rows; screen.c
 * draws nothing else. Pure. */
#ifndef UI_ROW_H
#define UI_ROW_H

#include <stddef.h>

#include "base/buf.h"
#include "ui/theme.h"

struct span {
	enum theme_role role;
	const char *at;         /* into the row's text; lent until the row changes */
	size_t n;
	int cols;
};

/* An empty one is {0}. The spans are contiguous in `text`. */
struct row {
	struct buf text;
	struct span *spans;
	int n_spans, cap;
	int cols;               /* sum over the spans */
};

/* Appends s, made safe and drawable on one line. A span of the same role just grows. */
void
row_add(struct row *row, enum theme_role role, const char *s, size_t n);
void
row_str(struct row *row, enum theme_role role, const char *s);
/* The same, but at most max_cols cells of it; returns the cells used. */
int
row_fit(struct row *row, enum theme_role role, const char *s, size_t n, int max_cols);
/* Adds blanks until the row has `cols` cells. */
void
row_pad(struct row *row, enum theme_role role, int cols);
/* Gives bytes [start, end) of the row's text another role; cut between characters. */
void
row_mark(struct row *row, size_t start, size_t end, enum theme_role role);
void
row_clear(struct row *row);             /* memory kept */
void
row_done(struct row *row);

/* A list of rows that keeps its memory from frame to frame; {0} is empty. */
struct rows {
	struct row *at;
	int n, cap;
};

/* A new empty row at the end, lent until the next rows_add. */
struct row *
rows_add(struct rows *rows);
void
rows_clear(struct rows *rows);
void
rows_done(struct rows *rows);

#endif
