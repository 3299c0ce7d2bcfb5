/* table.h: pipe tables → lines that fit a width: columns, with cells of several lines where they must, or a line
 * "head: value" a cell where columns would be too narrow to read. Pure. */
#ifndef UI_TABLE_H
#define UI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "ui/styled.h"

/* Whether s[0..n) is the line under a table's head: | --- | :-: |. */
bool
table_is_delimiter(const char *s, size_t n);
bool
table_is_row(const char *s, size_t n);          /* has a | that is not escaped */

/* The cells of such a table in reading order, the head (row 0) first; each row is as long as the longest. */
enum table_align { TABLE_LEFT, TABLE_RIGHT, TABLE_CENTER };
struct table_cell {
	int row, col, n_cols;
	enum table_align align;
	const struct styled *text;      /* text[start..end) */
	size_t start, end;
};
void
table_each(const struct styled *in, bool math, void (*fn)(void *arg, const struct table_cell *cell), void *arg);

/* Appends the table whose source lines `in` has, the delimiter second: ready lines, each ended by a newline, none
 * wider than width (>= 1) unless a character is. */
void
table_add(struct styled *out, const struct styled *in, int width, bool ascii, bool math);

#endif
