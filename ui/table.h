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

/* Appends the table whose source lines `in` has, the delimiter second: ready lines, each ended by a newline, none
 * wider than width (>= 1) unless a character is. */
void
table_add(struct styled *out, const struct styled *in, int width, bool ascii, bool math);

#endif
