/* picker.c: see picker.h. A list keeps its items and the indices of those that the filter lets through; a page keeps
 * its text and wraps it for the width it is drawn with. */
#include "config.h"

#include "ui/picker.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/text.h"
#include "ui/wrap.h"

struct picker {
	char *title;
	bool ascii, page;
	int height;             /* rows of the body when it was drawn last */
	int first;              /* the item or line in the first of them */

	char **items;           /* a list: */
	char **folded;          /* for finding: case folded */
	int n;
	struct buf filter;
	int *kept;              /* indices of the items shown */
	int n_kept;
	int here;               /* into kept */

	struct buf text;        /* a page: visible text */
	struct wrap wrap;
	int width;              /* that it is wrapped for */
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
	p->folded = xcalloc((size_t)n, sizeof *p->folded);
	p->kept = xcalloc((size_t)n, sizeof *p->kept);
	for (int i = 0; i < n; i++) {
		p->items[i] = xstrdup(items[i]);
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
		free(p->folded[i]);
	}
	free(p->items);
	free(p->folded);
	free(p->kept);
	free(p->title);
	buf_done(&p->filter);
	buf_done(&p->text);
	wrap_done(&p->wrap);
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
		p->first = clamp(p->first + by, p->wrap.n - p->height + 1);
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
	int page = p->height > 1 ? p->height - 1 : 1, all = p->n + p->wrap.n;

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

/* ---------------------------------------------------------------- drawing */

static void
draw_title(const struct picker *p, int width, struct row *row)
{
	row_fit(row, ROLE_TITLE, " ", 1, width);
	row_fit(row, ROLE_TITLE, p->title, strlen(p->title), width - row->cols);
	if (!p->page && p->filter.n > 0) {
		row_fit(row, ROLE_TITLE, ": ", 2, width - row->cols);
		row_fit(row, ROLE_FILTER, p->filter.at, p->filter.n, width - row->cols);
	}
	row_pad(row, ROLE_TITLE, width);
}

static void
draw_item(const struct picker *p, int i, int width, struct row *row)
{
	enum theme_role role = i == p->here ? ROLE_ITEM_HERE : ROLE_ITEM;
	const char *mark = i != p->here ? "  " : p->ascii ? "> " : "› ";

	if (i >= p->n_kept)
		role = ROLE_ITEM;
	else {
		const char *item = p->items[p->kept[i]];

		row_fit(row, role, mark, strlen(mark), width);
		row_fit(row, role, item, strlen(item), width - row->cols);
	}
	row_pad(row, role, width);
}

static void
draw_line(const struct picker *p, int i, int width, struct row *row)
{
	if (i < p->wrap.n) {
		const struct wrap_line *line = &p->wrap.lines[i];

		row_fit(row, ROLE_ITEM, " ", 1, width);
		row_fit(row, ROLE_ITEM, p->text.at + line->start, line->end - line->start, width - row->cols);
	}
	row_pad(row, ROLE_ITEM, width);
}

static void
draw_hint(const struct picker *p, int width, struct row *row)
{
	const char *hint = p->page ? " q leaves" : p->n_kept == 0 ? " nothing matches; Esc leaves" :
		" Enter takes, Esc leaves, typing filters";

	row_fit(row, ROLE_HINT, hint, strlen(hint), width);
	row_pad(row, ROLE_HINT, width);
}

/* Brings the body's first row to where the selection is seen, and no empty rows stand below. */
static void
scroll(struct picker *p, int height)
{
	int n = p->page ? p->wrap.n : p->n_kept;

	p->height = height;
	if (!p->page && p->here < p->first)
		p->first = p->here;
	if (!p->page && p->here >= p->first + height)
		p->first = p->here - height + 1;
	p->first = clamp(p->first, n - height + 1);
}

static void
rewrap(struct picker *p, int width)
{
	if (!p->page || p->width == width)
		return;
	p->width = width;
	wrap_cut(&p->wrap, 0);
	wrap_add(&p->wrap, buf_text(&p->text), 0, p->text.n, width > 2 ? width - 2 : 1);
}

void
picker_layout(struct picker *p, int width, int height, struct rows *out)
{
	bool hint = height >= 4;
	int body = height - 1 - hint;

	rows_clear(out);
	rewrap(p, width);
	scroll(p, body > 0 ? body : 1);
	if (height > 0)
		draw_title(p, width, rows_add(out));
	for (int i = 0; i < body; i++) {
		if (p->page)
			draw_line(p, p->first + i, width, rows_add(out));
		else
			draw_item(p, p->first + i, width, rows_add(out));
	}
	if (hint)
		draw_hint(p, width, rows_add(out));
}

void
picker_caret(const struct picker *p, int *row, int *col)
{
	*row = 0;
	*col = 1 + text_width(p->title, strlen(p->title));
	if (p->filter.n > 0)
		*col += 2 + text_width(p->filter.at, p->filter.n);
}
