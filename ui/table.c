/* table.c: see table.h. The cells' texts stand one after the other in one styled text; a cell is a place in it. */
#include "config.h"

#include "ui/table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "ui/inline.h"
#include "ui/wrap.h"

enum {
	GAP = 3,                        /* cells between columns */
	CELL_MIN = 6,                   /* a column narrower than its text and than this is no help */
	COLS_MAX = 64,
};

struct cell {
	size_t start, end;
};

struct column {
	enum table_align align;
	int natural, width;
};

struct table {
	struct styled text;
	struct cell *cells;             /* of all rows, row by row */
	size_t *first;                  /* [rows + 1]: where the cells of each row begin */
	int rows, cols;                 /* row 0 is the head; cols: of the longest row */
	struct column column[COLS_MAX];
	bool ascii, math;
};

/* ---------------------------------------------------------------- source lines */

/* Where the cell that begins at `at` ends: at a | outside code and not escaped. */
static size_t
cell_end(const char *s, size_t at, size_t end)
{
	bool code = false;

	for (; at < end; at++) {
		if (s[at] == '\\' && at + 1 < end)
			at++;
		else if (s[at] == '`')
			code = !code && memchr(s + at + 1, '`', end - at - 1);
		else if (s[at] == '|' && !code)
			break;
	}
	return at;
}

static void
trim(const char *s, size_t *start, size_t *end)
{
	while (*start < *end && s[*start] == ' ')
		++*start;
	while (*start < *end && s[*end - 1] == ' ')
		--*end;
}

/* The cells of a line, at most max, of which the last takes all that is left; returns how many there are. */
static int
split(const char *s, size_t start, size_t end, struct cell *cells, int max)
{
	int n = 0;

	trim(s, &start, &end);
	if (start < end && s[start] == '|')
		start++;
	while (start < end && n < max) {
		struct cell cell = { start, n == max - 1 ? end : cell_end(s, start, end) };

		start = cell.end + 1;
		trim(s, &cell.start, &cell.end);
		cells[n++] = cell;
	}
	return n;
}

bool
table_is_row(const char *s, size_t n)
{
	return cell_end(s, 0, n) < n;
}

static bool
is_delimiter_cell(const char *s, struct cell cell)
{
	size_t dashes = 0;

	if (cell.start < cell.end && s[cell.start] == ':')
		cell.start++;
	if (cell.start < cell.end && s[cell.end - 1] == ':')
		cell.end--;
	for (; cell.start < cell.end && s[cell.start] == '-'; cell.start++)
		dashes++;
	return dashes > 0 && cell.start == cell.end;
}

bool
table_is_delimiter(const char *s, size_t n)
{
	struct cell cells[COLS_MAX];
	int k = table_is_row(s, n) ? split(s, 0, n, cells, COLS_MAX) : 0;

	for (int i = 0; i < k; i++)
		if (!is_delimiter_cell(s, cells[i]))
			return false;
	return k > 0;
}

static enum table_align
alignment(const char *s, struct cell cell)
{
	bool left = s[cell.start] == ':', right = s[cell.end - 1] == ':';

	return left && right ? TABLE_CENTER : right ? TABLE_RIGHT : TABLE_LEFT;
}

/* ---------------------------------------------------------------- reading */

static size_t
line_end(const struct styled *in, size_t at)
{
	const char *newline = memchr(in->text + at, '\n', in->n - at);

	return newline ? (size_t)(newline - in->text) : in->n;
}

static void
add_row(struct table *t, const struct styled *in, size_t start, size_t end)
{
	struct cell cells[COLS_MAX];
	int n = split(in->text, start, end, cells, COLS_MAX);
	size_t first = t->rows > 0 ? t->first[t->rows] : 0;

	t->cells = xreallocarray(t->cells, first + (size_t)n + 1, sizeof *t->cells);
	t->first = xreallocarray(t->first, (size_t)t->rows + 2, sizeof *t->first);
	for (int i = 0; i < n; i++) {
		struct cell *cell = &t->cells[first + (size_t)i];

		cell->start = t->text.n;
		inline_add(&t->text, t->rows == 0 ? ROLE_STRONG : ROLE_TEXT, in, cells[i].start, cells[i].end, t->math);
		cell->end = t->text.n;
	}
	t->first[t->rows] = first;
	t->first[t->rows + 1] = first + (size_t)n;
	if (n > t->cols)
		t->cols = n;
	t->rows++;
}

static void
set_alignments(struct table *t, const struct styled *in, size_t start, size_t end)
{
	struct cell cells[COLS_MAX];
	int n = split(in->text, start, end, cells, COLS_MAX);

	for (int i = 0; i < n; i++)
		t->column[i].align = alignment(in->text, cells[i]);
}

static void
read_table(struct table *t, const struct styled *in)
{
	size_t start = 0, end;

	for (int line = 0; start < in->n; line++, start = end + 1) {
		end = line_end(in, start);
		if (line == 1)
			set_alignments(t, in, start, end);
		else
			add_row(t, in, start, end);
	}
}

static const struct cell *
cell_at(const struct table *t, int row, int col)
{
	static const struct cell none;
	size_t at = t->first[row] + (size_t)col;

	return at < t->first[row + 1] ? &t->cells[at] : &none;
}

static int
cell_width(const struct table *t, const struct cell *cell)
{
	return cell->end > cell->start ? text_width(t->text.text + cell->start, cell->end - cell->start) : 0;
}

/* ---------------------------------------------------------------- widths */

static int
sum_capped(const struct table *t, int cap)
{
	int sum = 0;

	for (int i = 0; i < t->cols; i++)
		sum += t->column[i].natural < cap ? t->column[i].natural : cap;
	return sum;
}

/* Narrow columns keep their width, the wide ones share what is left. false: it is not enough to read. */
static bool
choose_widths(struct table *t, int room)
{
	int cap = 0, spare;

	room -= GAP * (t->cols - 1);
	for (int r = 0; r < t->rows; r++)
		for (int i = 0; i < t->cols; i++)
			if (cell_width(t, cell_at(t, r, i)) > t->column[i].natural)
				t->column[i].natural = cell_width(t, cell_at(t, r, i));
	while (cap < room && sum_capped(t, cap + 1) <= room && sum_capped(t, cap) < sum_capped(t, cap + 1))
		cap++;
	spare = room - sum_capped(t, cap);
	for (int i = 0; i < t->cols; i++) {
		struct column *c = &t->column[i];

		c->width = c->natural < cap ? c->natural : cap;
		if (c->width < c->natural && spare > 0) {
			c->width++;
			spare--;
		}
		if (c->width < c->natural && c->width < CELL_MIN)
			return false;
		c->width = c->width < 1 ? 1 : c->width;
	}
	return room > 0;
}

/* ---------------------------------------------------------------- columns */

static void
add_cell_line(struct styled *out, const struct table *t, const struct wrap *w, int line, const struct column *c,
              bool last)
{
	const struct wrap_line none = {0}, *part = line < w->n ? &w->lines[line] : &none;
	size_t place = out->n > 0 ? out->source[out->n - 1] : 0;
	int spare = c->width > part->cols ? c->width - part->cols : 0;
	int before = c->align == TABLE_RIGHT ? spare : c->align == TABLE_CENTER ? spare / 2 : 0;

	if (part->end > part->start)
		place = t->text.source[part->start];
	styled_pad(out, ROLE_TEXT, before, place);
	styled_copy(out, &t->text, part->start, part->end);
	if (!last)
		styled_pad(out, ROLE_TEXT, spare - before, place);
}

static int
tallest(const struct wrap *w, int n)
{
	int lines = 1;

	for (int i = 0; i < n; i++)
		if (w[i].n > lines)
			lines = w[i].n;
	return lines;
}

static int
add_columns_row(struct styled *out, const struct table *t, int row)
{
	struct wrap w[COLS_MAX] = {{0}};
	int lines;

	for (int i = 0; i < t->cols; i++) {
		const struct cell *cell = cell_at(t, row, i);

		wrap_add(&w[i], t->text.text, cell->start, cell->end, t->column[i].width);
	}
	lines = tallest(w, t->cols);
	for (int line = 0; line < lines; line++) {
		for (int i = 0; i < t->cols; i++) {
			add_cell_line(out, t, &w[i], line, &t->column[i], i == t->cols - 1);
			if (i < t->cols - 1)
				styled_str(out, ROLE_LINE, t->ascii ? " | " : " │ ", out->n > 0 ? out->source[out->n - 1] : 0);
		}
		styled_str(out, ROLE_TEXT, "\n", out->n > 0 ? out->source[out->n - 1] : 0);
	}
	for (int i = 0; i < t->cols; i++)
		wrap_done(&w[i]);
	return lines;
}

static void
add_rule(struct styled *out, const struct table *t)
{
	size_t place = out->n > 0 ? out->source[out->n - 1] : 0;

	for (int i = 0; i < t->cols; i++) {
		for (int k = 0; k < t->column[i].width; k++)
			styled_str(out, ROLE_LINE, t->ascii ? "-" : "─", place);
		if (i < t->cols - 1)
			styled_str(out, ROLE_LINE, t->ascii ? "-+-" : "─┼─", place);
	}
	styled_str(out, ROLE_TEXT, "\n", place);
}

/* Whether a row takes more than one line: rows are then kept apart by rules. */
static bool
has_tall_rows(const struct table *t)
{
	for (int i = 0; i < t->cols; i++)
		if (t->column[i].width < t->column[i].natural)
			return true;
	return false;
}

static void
add_columns(struct styled *out, const struct table *t)
{
	bool tall = has_tall_rows(t);

	for (int r = 0; r < t->rows; r++) {
		add_columns_row(out, t, r);
		if (r == 0 || (tall && r < t->rows - 1))
			add_rule(out, t);
	}
}

/* ---------------------------------------------------------------- pairs */

/* "head: value" on lines of their own, what goes on under it two cells in. */
static void
add_pair(struct styled *out, const struct table *t, int row, int col, int width)
{
	const struct cell *head = cell_at(t, 0, col), *value = cell_at(t, row, col);
	struct styled pair = {0};
	struct wrap w = {0};
	int indent = width > 8 ? 2 : 0;
	size_t place;

	place = value->end > value->start ? t->text.source[value->start] : out->n > 0 ? out->source[out->n - 1] : 0;
	if (head->end > head->start)
		styled_put(&pair, ROLE_STRONG, t->text.text + head->start, head->end - head->start, place);
	if (row > 0 && pair.n > 0)
		styled_str(&pair, ROLE_STRONG, ": ", place);
	if (row > 0)
		styled_copy(&pair, &t->text, value->start, value->end);
	if (pair.n > 0)
		wrap_add(&w, pair.text, 0, pair.n, width - indent);
	for (int i = 0; i < w.n; i++) {
		styled_pad(out, ROLE_TEXT, i > 0 ? indent : 0, pair.source[w.lines[i].start]);
		styled_copy(out, &pair, w.lines[i].start, w.lines[i].end);
		styled_str(out, ROLE_TEXT, "\n", pair.source[w.lines[i].start]);
	}
	wrap_done(&w);
	styled_done(&pair);
}

static void
add_pairs(struct styled *out, const struct table *t, int width)
{
	for (int r = t->rows > 1 ? 1 : 0; r < t->rows; r++) {
		if (r > 1)
			styled_str(out, ROLE_TEXT, "\n", out->n > 0 ? out->source[out->n - 1] : 0);
		for (int i = 0; i < t->cols; i++)
			add_pair(out, t, r, i, width);
	}
}

void
table_each(const struct styled *in, bool math, void (*fn)(void *arg, const struct table_cell *cell), void *arg)
{
	struct table t = { .math = math };

	read_table(&t, in);
	for (int row = 0; row < t.rows; row++)
		for (int col = 0; col < t.cols; col++) {
			const struct cell *at = cell_at(&t, row, col);
			struct table_cell cell = { row, col, t.cols, t.column[col].align, &t.text, at->start, at->end };

			fn(arg, &cell);
		}
	styled_done(&t.text);
	free(t.cells);
	free(t.first);
}

void
table_add(struct styled *out, const struct styled *in, int width, bool ascii, bool math)
{
	struct table t = { .ascii = ascii, .math = math };

	assert(width >= 1);
	read_table(&t, in);
	if (choose_widths(&t, width))
		add_columns(out, &t);
	else
		add_pairs(out, &t, width);
	styled_done(&t.text);
	free(t.cells);
	free(t.first);
}
