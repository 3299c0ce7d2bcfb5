/* picker.c: see picker.h. A list keeps its items and the indices of those that the filter lets through; a page keeps
 * its text and lays it out for the width it is drawn with. */
#include "config.h"

#include "ui/picker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/text.h"
#include "ui/wrap.h"

enum {
	KEY_INDENT = 4,         /* of what a key does, where it has to stand under the key */
	BESIDE_COLS = 20,       /* it stands beside the key when it has so many columns */
	TITLE_LEAST = 8,        /* columns that a filter leaves to the title, */
	LEFT_LEAST = 28,        /* and what stands on the right of an item to its left, */
	RIGHT_MOST = 120,       /* which is not farther than the eye follows a row */
};

/* A row of a page: what stands in the column of keys (or nothing), and text from `indent` on. */
struct page_line {
	size_t key, key_end, start, end;
	int indent;
	enum theme_role role;
};

struct picker {
	char *title;
	bool ascii, page;
	int height;             /* rows of the body when it was drawn last, */
	int rows, caret;        /* of all, and the column of the caret in the first of them */
	int first;              /* the item or line in the first of them */

	char **items;           /* a list: what stands on the left, */
	char **ends;            /* what stands on the right, or NULL, */
	char **folded;          /* for finding: both, case folded */
	int n;
	struct buf filter;
	int *kept;              /* indices of the items shown */
	int n_kept;
	int here;               /* into kept */

	struct buf text;        /* a page: visible text */
	struct page_line *lines;
	int n_lines, cap_lines;
	int width;              /* that they are laid out for */
};

/* ---------------------------------------------------------------- filter */

/* Text as it is compared: without difference of case. The caller frees. */
static char *
fold(const char *s)
{
	struct buf out = {0};

	for (size_t i = 0, n = strlen(s); i < n;) {
		int32_t cp;
		char c[4];

		i += text_decode(s + i, n - i, &cp);
		buf_add(&out, c, text_encode(text_lower(cp), c));
	}
	return buf_take(&out);
}

/* Keeps the items that hold the filter; the selection stays on its item when that is among them. */
static void
refilter(struct picker *p)
{
	int was = p->n_kept > 0 ? p->kept[p->here] : -1;
	char *wanted = fold(buf_text(&p->filter));

	p->n_kept = p->here = 0;
	for (int i = 0; i < p->n; i++) {
		if (!strstr(p->folded[i], wanted))
			continue;
		if (i == was)
			p->here = p->n_kept;
		p->kept[p->n_kept++] = i;
	}
	free(wanted);
}

/* ---------------------------------------------------------------- life */

static struct picker *
picker_new(const char *title, bool ascii)
{
	struct picker *p = xcalloc(1, sizeof *p);

	p->title = xstrdup(title);
	p->ascii = ascii;
	p->height = 1;
	return p;
}

struct picker *
picker_list(const char *title, const char *const *items, int n, int selected, bool ascii)
{
	struct picker *p = picker_new(title, ascii);

	p->n = n;
	p->items = xcalloc((size_t)n, sizeof *p->items);
	p->ends = xcalloc((size_t)n, sizeof *p->ends);
	p->folded = xcalloc((size_t)n, sizeof *p->folded);
	p->kept = xcalloc((size_t)n, sizeof *p->kept);
	for (int i = 0; i < n; i++) {
		const size_t left = strcspn(items[i], "\t");

		p->items[i] = xstrndup(items[i], left);
		p->ends[i] = items[i][left] ? xstrdup(items[i] + left + 1) : NULL;
		p->folded[i] = fold(items[i]);
	}
	refilter(p);
	p->here = selected < 0 || n == 0 ? 0 : selected < n ? selected : n - 1;
	return p;
}

struct picker *
picker_page(const char *title, const char *text, bool ascii)
{
	struct picker *p = picker_new(title, ascii);

	p->page = true;
	text_visible(&p->text, text, strlen(text));
	return p;
}

void
picker_free(struct picker *p)
{
	if (!p)
		return;
	for (int i = 0; i < p->n; i++) {
		free(p->items[i]);
		free(p->ends[i]);
		free(p->folded[i]);
	}
	free(p->items);
	free(p->ends);
	free(p->folded);
	free(p->kept);
	free(p->title);
	buf_done(&p->filter);
	buf_done(&p->text);
	free(p->lines);
	free(p);
}

bool
picker_is_page(const struct picker *p)
{
	return p->page;
}

int
picker_picked(const struct picker *p)
{
	return p->n_kept > 0 ? p->kept[p->here] : -1;
}

/* ---------------------------------------------------------------- keys */

static int
clamp(int i, int n)
{
	return i >= n ? (n > 0 ? n - 1 : 0) : i < 0 ? 0 : i;
}

/* By lines: the selection of a list, the text of a page. */
static void
move(struct picker *p, int by)
{
	if (p->page)
		p->first = clamp(p->first + by, p->n_lines - p->height + 1);
	else
		p->here = clamp(p->here + by, p->n_kept);
}

static enum picker_end
take(const struct picker *p)
{
	if (p->page)
		return PICKER_LEFT;
	return p->n_kept > 0 ? PICKER_TAKEN : PICKER_STAYS;
}

static void
shorten_filter(struct picker *p)
{
	buf_cut(&p->filter, p->filter.n - text_grapheme_before(buf_text(&p->filter), p->filter.n));
	refilter(p);
}

enum picker_end
picker_key(struct picker *p, enum keys_action key)
{
	int page = p->height > 1 ? p->height - 1 : 1, all = p->n + p->n_lines;

	switch (key) {
	case KEYS_SEND:
		return take(p);
	case KEYS_ESC:
	case KEYS_STOP:
	case KEYS_DELETE:
		return PICKER_LEFT;
	case KEYS_BACKSPACE:
		shorten_filter(p);
		break;
	case KEYS_UP:
	case KEYS_LINE_UP:
		move(p, -1);
		break;
	case KEYS_DOWN:
	case KEYS_LINE_DOWN:
		move(p, 1);
		break;
	case KEYS_PAGE_UP:
		move(p, -page);
		break;
	case KEYS_PAGE_DOWN:
		move(p, page);
		break;
	case KEYS_HOME:
	case KEYS_TOP:
		move(p, -all);
		break;
	case KEYS_END:
	case KEYS_BOTTOM:
		move(p, all);
		break;
	default:
		break;
	}
	return PICKER_STAYS;
}

static enum picker_end
type_at_page(struct picker *p, char c)
{
	if (c == 'q')
		return PICKER_LEFT;
	if (c == 'j' || c == 'k')
		move(p, c == 'j' ? 1 : -1);
	else if (c == ' ')
		return picker_key(p, KEYS_PAGE_DOWN);
	return PICKER_STAYS;
}

enum picker_end
picker_type(struct picker *p, const char *s, size_t n)
{
	enum { CTRL_N = 'N' & 0x1f, CTRL_P = 'P' & 0x1f, CTRL_U = 'U' & 0x1f, ESC = 0x1b };

	if (n == 0 || s[0] == ESC)
		return PICKER_STAYS;
	for (size_t i = 0; i < n; i++) {
		enum picker_end end = p->page ? type_at_page(p, s[i]) : PICKER_STAYS;

		if (end != PICKER_STAYS)
			return end;
		if (s[i] == CTRL_N || s[i] == CTRL_P)
			move(p, s[i] == CTRL_N ? 1 : -1);
		else if (s[i] == CTRL_U)
			buf_clear(&p->filter);
		else if ((unsigned char)s[i] >= 0x20 && s[i] != 0x7f)
			buf_char(&p->filter, s[i]);
	}
	if (!p->page)
		refilter(p);
	return PICKER_STAYS;
}

enum picker_end
picker_click(struct picker *p, int row)
{
	const int item = p->first + row - 1;

	if (p->page || row < 1 || row > p->height || item >= p->n_kept)
		return PICKER_STAYS;
	if (item == p->here)
		return PICKER_TAKEN;
	p->here = item;
	return PICKER_STAYS;
}

/* ---------------------------------------------------------------- the lines of a page */

static void
push_line(struct picker *p, struct page_line line)
{
	if (p->n_lines == p->cap_lines) {
		p->cap_lines = p->cap_lines ? p->cap_lines * 2 : 64;
		p->lines = xreallocarray(p->lines, (size_t)p->cap_lines, sizeof *p->lines);
	}
	p->lines[p->n_lines++] = line;
}

/* Wraps bytes [start, end) from column `indent` on; beside the key, when there is one. */
static void
push_text(struct picker *p, struct page_line line)
{
	const int cols = p->width - line.indent - 1;
	struct wrap wrap = {0};

	wrap_add(&wrap, p->text.at, line.start, line.end, cols > 0 ? cols : 1);
	for (int i = 0; i < wrap.n; i++) {
		line.start = wrap.lines[i].start;
		line.end = wrap.lines[i].end;
		push_line(p, line);
		line.key = line.key_end = 0;
	}
	if (wrap.n == 0)
		push_line(p, line);
	wrap_done(&wrap);
}

/* "  KEY   what it does": where the second column begins, or 0 when the line is no such row. */
static size_t
second_column(const char *s, size_t n)
{
	const char *gap = n > 2 && memcmp(s, "  ", 2) == 0 && s[2] != ' ' ? memmem(s + 2, n - 2, "  ", 2) : NULL;
	size_t at = gap ? (size_t)(gap - s) : n;

	while (at < n && s[at] == ' ')
		at++;
	return at < n ? at : 0;
}

/* A line of two columns: side by side where there is room, else one under the other. */
static void
push_key(struct picker *p, size_t start, size_t end, size_t column)
{
	struct page_line line = { .key = start + 2, .key_end = start + column, .start = start + column, .end = end,
	                          .role = ROLE_ITEM };
	int indent = 1 + text_width(p->text.at + start, column);

	while (line.key_end > line.key && p->text.at[line.key_end - 1] == ' ')
		line.key_end--;
	if (p->width - indent >= BESIDE_COLS) {
		line.indent = indent;
		push_text(p, line);
		return;
	}
	push_line(p, (struct page_line){ line.key, line.key_end, end, end, 0, ROLE_ITEM });
	line.key = line.key_end = 0;
	line.indent = KEY_INDENT + 1;
	push_text(p, line);
}

static void
push_source(struct picker *p, size_t start, size_t end)
{
	const char *s = p->text.at + start;
	const size_t n = end - start, column = second_column(s, n);
	const bool heading = n > 0 && s[0] != ' ' && s[n - 1] == ':';

	if (column > 0)
		push_key(p, start, end, column);
	else
		push_text(p, (struct page_line){ .start = start, .end = end, .indent = 1,
		                                 .role = heading ? ROLE_STRONG : ROLE_ITEM });
}

static void
lay_out_page(struct picker *p, int width)
{
	const char *s = buf_text(&p->text);

	if (!p->page || p->width == width)
		return;
	p->width = width;
	p->n_lines = 0;
	for (size_t at = 0; at < p->text.n;) {
		const char *newline = memchr(s + at, '\n', p->text.n - at);
		const size_t end = newline ? (size_t)(newline - s) : p->text.n;

		push_source(p, at, end);
		at = end + 1;
	}
}

/* ---------------------------------------------------------------- drawing */

/* "3/17": the selected one of a list, the last line of a page that is seen; nothing when all is. */
static void
say_place(const struct picker *p, char *text, size_t size)
{
	const int n = p->page ? p->n_lines : p->n_kept;
	const int last = p->first + p->height < n ? p->first + p->height : n;

	text[0] = '\0';
	if (n > p->height)
		snprintf(text, size, "%d/%d ", p->page ? last : p->here + 1, n);
}

/* The end of the filter that fits into `cols`. */
static const char *
filter_end(const struct picker *p, int cols)
{
	const char *s = buf_text(&p->filter), *end = s + p->filter.n;
	int used;

	while (s < end && text_width(s, (size_t)(end - s)) > cols)
		s += text_grapheme(s, (size_t)(end - s), &used);
	return s;
}

/* The title, which the filter may shorten, and where one is. */
static void
draw_title(struct picker *p, int width, struct row *row)
{
	const int filter = text_width(buf_text(&p->filter), p->filter.n), room = width - 4;
	char place[32];
	int left = room - filter > TITLE_LEAST ? room - filter : TITLE_LEAST;

	row_fit(row, ROLE_TITLE, " ", 1, width);
	row_fit(row, ROLE_TITLE, p->title, strlen(p->title), p->page ? width - row->cols : left < room ? left : room);
	if (!p->page) {
		const char *end;

		row_fit(row, ROLE_TITLE, ": ", 2, width - row->cols);
		end = filter_end(p, width - row->cols - 1);
		row_fit(row, ROLE_FILTER, end, strlen(end), width - row->cols);
	}
	p->caret = row->cols < width ? row->cols : width - 1;
	say_place(p, place, sizeof place);
	if (row->cols + 2 + (int)strlen(place) <= width) {
		row_pad(row, ROLE_TITLE, width - (int)strlen(place));
		row_str(row, ROLE_TITLE, place);
	}
	row_pad(row, ROLE_TITLE, width);
}

/* What stands on the right goes where that leaves too little to the left. */
static void
draw_item(const struct picker *p, int i, int width, struct row *row)
{
	const bool here = i == p->here && i < p->n_kept;
	const enum theme_role role = here ? ROLE_ITEM_HERE : ROLE_ITEM;
	const char *mark = !here ? "  " : p->ascii ? "> " : "› ";

	if (i < p->n_kept) {
		const char *item = p->items[p->kept[i]], *end = p->ends[p->kept[i]];
		const int end_cols = end ? text_width(end, strlen(end)) + 2 : 0;
		const int room = end && width > RIGHT_MOST ? RIGHT_MOST : width;
		const bool fits = end && room - end_cols >= LEFT_LEAST;

		row_fit(row, role, mark, strlen(mark), room);
		row_fit(row, role, item, strlen(item), room - row->cols - (fits ? end_cols : 0));
		if (fits) {
			row_pad(row, role, room - end_cols + 1);
			row_fit(row, here ? role : ROLE_HINT, end, strlen(end), room - row->cols);
		}
	}
	row_pad(row, role, width);
}

static void
draw_line(const struct picker *p, int i, int width, struct row *row)
{
	if (i < p->n_lines) {
		const struct page_line *line = &p->lines[i];

		if (line->key_end > line->key) {
			row_fit(row, ROLE_ITEM, "   ", 3, width);
			row_fit(row, ROLE_KEY, p->text.at + line->key, line->key_end - line->key, width - row->cols);
		}
		row_pad(row, ROLE_ITEM, line->indent < width ? line->indent : width);
		row_fit(row, line->role, p->text.at + line->start, line->end - line->start, width - row->cols);
	}
	row_pad(row, ROLE_ITEM, width);
}

static const char *
hint(const struct picker *p)
{
	if (p->page)
		return p->n_lines > p->height ? " Space, PgUp scroll; q leaves" : " q leaves";
	return p->n_kept == 0 ? " nothing matches; Esc leaves" : " Enter takes, Esc leaves, typing filters";
}

static void
draw_hint(const struct picker *p, int width, struct row *row)
{
	row_fit(row, ROLE_HINT, hint(p), strlen(hint(p)), width);
	row_pad(row, ROLE_HINT, width);
}

/* Brings the body's first row to where the selection is seen, and no empty rows stand below. */
static void
scroll(struct picker *p, int height)
{
	int n = p->page ? p->n_lines : p->n_kept;

	p->height = height;
	if (!p->page && p->here < p->first)
		p->first = p->here;
	if (!p->page && p->here >= p->first + height)
		p->first = p->here - height + 1;
	p->first = clamp(p->first, n - height + 1);
}

int
picker_rows(const struct picker *p)
{
	return p->page ? -1 : p->n + 2;
}

void
picker_layout(struct picker *p, int bar, int width, int height, struct rows *out)
{
	const bool hints = height >= 4 || (!p->page && height >= picker_rows(p));
	int body = height - 1 - hints;

	rows_clear(out);
	lay_out_page(p, width);
	scroll(p, body > 0 ? body : 1);
	if (height > 0)
		draw_title(p, bar, rows_add(out));
	for (int i = 0; i < body; i++) {
		if (p->page)
			draw_line(p, p->first + i, width, rows_add(out));
		else
			draw_item(p, p->first + i, width, rows_add(out));
	}
	if (hints)
		draw_hint(p, width, rows_add(out));
	p->rows = out->n;
}

void
picker_caret(const struct picker *p, int *row, int *col)
{
	*row = p->page && p->rows > 0 ? p->rows - 1 : 0;
	*col = p->page ? 0 : p->caret;
}
