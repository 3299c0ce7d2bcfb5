/* field.h: a text that is being edited, as rows: prompt, soft lines, caret, and a long paste folded into one word. Pure.
 *
 * The text is any bytes; what has no shape is shown as ^X or <XX>. Rows are broken at blanks. The last cell
 * of a row stays free but for such a blank, so that the caret has a place behind every character. */
#ifndef UI_FIELD_H
#define UI_FIELD_H

#include <stddef.h>

#include "ui/row.h"

/* Everything is lent for the calls. */
struct field {
	const char *prompt;
	const char *text;
	size_t n;
	int width;
	long fold;              /* where the folded paste begins in the text, or -1 */
	size_t fold_n;
	int fold_lines;
};

/* Which bytes [start, end) each row shows. {0} is empty. */
struct slices {
	struct slice {
		size_t start, end;
	} *at;
	int n, cap;
};

/* At least one row. */
void
field_slice(const struct field *field, struct slices *slices);
void
slices_done(struct slices *slices);

/* The row that byte pos is in. */
int
field_row(const struct slices *slices, size_t pos);
/* The cell at which byte pos of the row stands. */
int
field_col(const struct field *field, const struct slices *slices, int row, size_t pos);
/* The byte of the row that stands at cell col, or before it where none does. */
size_t
field_pos(const struct field *field, const struct slices *slices, int row, int col);

void
field_draw(const struct field *field, const struct slices *slices, int row, struct row *out);

#endif
