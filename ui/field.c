/* field.c: see field.h. A unit is what one step of the eye takes: a grapheme, a control character's name, the blanks of
 * a tab, the folded paste. */
#include "config.h"

#include "ui/field.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/text.h"

enum { INDENT = 2, TAB = 8 };

/* Cells before the text of a row. */
static int
indent(const struct field *f, int row)
{
	int prompt = text_width(f->prompt, strlen(f->prompt));

	if (row > 0)
		return f->width > 2 * INDENT ? INDENT : 0;
	return prompt > f->width / 2 ? f->width / 2 : prompt;
}

/* Appends to *shape how the unit at byte i looks, at cell col; returns its bytes. */
static size_t
unit_at(const struct field *f, size_t i, int col, struct buf *shape, enum theme_role *role)
{
	const char *s = f->text + i;
	int cols;
	size_t k;

	*role = ROLE_INPUT;
	if ((long)i == f->fold) {
		*role = ROLE_CHIP;
		buf_printf(shape, "[paste %d lines]", f->fold_lines);
		return f->fold_n;
	}
	k = text_grapheme(s, f->n - i, &cols);
	if (*s == '\t') {
		buf_printf(shape, "%*s", TAB - (col < INDENT ? 0 : col - INDENT) % TAB, "");
		return k;
	}
	text_visible_line(shape, s, k);
	if (shape->n != k || memcmp(shape->at, s, k) != 0)
		*role = ROLE_CONTROL;
	return k;
}

/* Its size alone: bytes, and cells in *cols. `shape` is work space. */
static size_t
measure_unit(const struct field *f, size_t i, int col, struct buf *shape, int *cols)
{
	const char *s = f->text + i;
	enum theme_role role;
	size_t k;

	*cols = 1;
	if ((long)i != f->fold && s[0] >= 0x20 && s[0] < 0x7f && i + 1 < f->n && !(s[1] & 0x80))
		return 1;
	buf_clear(shape);
	k = unit_at(f, i, col, shape, &role);
	*cols = text_width(buf_text(shape), shape->n);
	return k;
}

static void
push(struct slices *slices, size_t start, size_t end)
{
	if (slices->n == slices->cap) {
		slices->cap = slices->cap ? slices->cap * 2 : 16;
		slices->at = xreallocarray(slices->at, (size_t)slices->cap, sizeof *slices->at);
	}
	slices->at[slices->n++] = (struct slice){ start, end };
}

/* The walk along one row. */
struct walk_row {
	size_t start, i;
	size_t after_blank;     /* the last place in the row where a word begins, or start */
	int col;
	bool after_wide;
};

/* Ends the row before byte `at`, which begins the next one. */
static void
end_row(const struct field *f, struct slices *slices, struct walk_row *w, size_t at)
{
	push(slices, w->start, at);
	*w = (struct walk_row){ .start = at, .i = at, .after_blank = at, .col = indent(f, 1) };
}

/* The unit at w->i has no room: a blank ends the row, in the cell that is otherwise free; a word goes to the next row,
 * unless it fills one; wide characters are no words. */
static void
overflow(const struct field *f, struct slices *slices, struct walk_row *w, int cols)
{
	if (f->text[w->i] == ' ' && w->i + 1 < f->n && f->text[w->i + 1] == '\n' && (long)w->i + 1 != f->fold)
		w->i++;         /* the line ends here anyway */
	else if (f->text[w->i] == ' ')
		end_row(f, slices, w, w->i + 1);
	else if (w->after_blank > w->start && cols < 2 && !w->after_wide)
		end_row(f, slices, w, w->after_blank);
	else
		end_row(f, slices, w, w->i);
}

void
field_slice(const struct field *f, struct slices *slices)
{
	struct walk_row w = { .col = indent(f, 0) };
	struct buf shape = {0};

	slices->n = 0;
	while (w.i < f->n) {
		const bool folded = (long)w.i == f->fold, newline = f->text[w.i] == '\n' && !folded;
		int cols = 0;
		size_t k = newline ? 1 : measure_unit(f, w.i, w.col, &shape, &cols);

		if (newline) {
			push(slices, w.start, w.i);
			w = (struct walk_row){ .start = w.i + 1, .i = w.i + 1, .after_blank = w.i + 1, .col = indent(f, 1) };
			continue;
		}
		if (w.col + cols > f->width - 1 && w.i > w.start) {
			overflow(f, slices, &w, folded ? 2 : cols);     /* what did not fit is measured anew: a tab has another width there */
			continue;
		}
		w.col += cols;
		w.after_wide = cols == 2;
		w.i += k;
		if (!folded && f->text[w.i - 1] == ' ')
			w.after_blank = w.i;
	}
	push(slices, w.start, f->n);
	buf_done(&shape);
}

void
slices_done(struct slices *slices)
{
	free(slices->at);
	*slices = (struct slices){0};
}

int
field_row(const struct slices *slices, size_t pos)
{
	int row = slices->n - 1;

	while (row > 0 && slices->at[row].start > pos)
		row--;
	return row;
}

/* Goes along a row as far as byte `until` and cell `max_col`, not into a unit; *col gets the cell that was reached. */
static size_t
walk(const struct field *f, struct slice slice, int from, size_t until, int max_col, int *col)
{
	struct buf shape = {0};
	size_t i = slice.start;

	*col = from;
	while (i < slice.end && i < until) {
		int cols;
		size_t k = measure_unit(f, i, *col, &shape, &cols);

		if (i + k > until || *col + cols > max_col)
			break;
		*col += cols;
		i += k;
	}
	buf_done(&shape);
	return i;
}

int
field_col(const struct field *f, const struct slices *slices, int row, size_t pos)
{
	int col;

	walk(f, slices->at[row], indent(f, row), pos, f->width - 1, &col);
	return col;
}

size_t
field_pos(const struct field *f, const struct slices *slices, int row, int col)
{
	const struct slice slice = slices->at[row];
	int reached;
	size_t pos = walk(f, slice, indent(f, row), f->n, col, &reached);

	if (pos < slice.end || pos == slice.start || row + 1 == slices->n || slices->at[row + 1].start > pos)
		return pos;
	/* The end of a row that goes on is the beginning of the next one: before its last unit one is still in it. */
	return (long)pos == f->fold + (long)f->fold_n ? (size_t)f->fold : pos - text_grapheme_before(f->text, pos);
}

void
field_draw(const struct field *f, const struct slices *slices, int row, struct row *out)
{
	struct slice slice = slices->at[row];
	struct buf shape = {0};
	enum theme_role role;

	if (row == 0)
		row_fit(out, ROLE_PROMPT, f->prompt, strlen(f->prompt), indent(f, 0));
	row_pad(out, ROLE_PROMPT, indent(f, row));
	for (size_t i = slice.start; i < slice.end;) {
		buf_clear(&shape);
		i += unit_at(f, i, out->cols, &shape, &role);
		row_fit(out, role, shape.at, shape.n, f->width - out->cols);
	}
	buf_done(&shape);
}
