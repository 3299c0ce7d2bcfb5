/* menu.c: see menu.h. */
#include "config.h"

#include "ui/menu.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

/* ---------------------------------------------------------------- words */

/* Where the word at the caret begins: after the last blank that is neither quoted nor escaped. Of a word in quotes it is
 * the byte behind the quote, which *quote gets. */
static size_t
word_start(const char *s, size_t caret, char *quote)
{
	size_t start = 0;

	*quote = 0;
	for (size_t i = 0; i < caret; i++) {
		if (*quote && s[i] == *quote) {
			*quote = 0;
		} else if (!*quote && s[i] == '\\') {
			i++;
		} else if (!*quote && (s[i] == '"' || s[i] == '\'') && i == start) {
			*quote = s[i];
			start = i + 1;
		} else if (!*quote && (s[i] == ' ' || s[i] == '\n' || s[i] == '\t')) {
			start = i + 1;
		}
	}
	return start;
}

static void
unescape(struct buf *out, const char *s, size_t n, char quote)
{
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '\\' && !quote && i + 1 < n)
			i++;
		buf_char(out, s[i]);
	}
}

void
menu_word(const struct menu *menu, int i, size_t n, bool whole, struct buf *out)
{
	const char *match = menu->matches[i];

	for (size_t k = 0; k < n; k++) {
		if (menu->is_path && !menu->quote && strchr(" \t\n\\\"'", match[k]))
			buf_char(out, '\\');
		buf_char(out, match[k]);
	}
	if (!whole || (n > 0 && match[n - 1] == '/'))           /* a folder goes on */
		return;
	if (menu->quote)
		buf_char(out, menu->quote);
	buf_char(out, ' ');
}

/* ---------------------------------------------------------------- matches */

/* A note stays in the memory of its match. */
static void
split_notes(struct menu *menu)
{
	menu->notes = xcalloc((size_t)menu->n + 1, sizeof *menu->notes);
	for (int i = 0; i < menu->n; i++) {
		char *tab = strchr(menu->matches[i], '\t');

		if (!tab)
			continue;
		*tab = '\0';
		menu->notes[i] = tab + 1;
	}
}

void
menu_open(struct menu *menu, const char *line, size_t caret, menu_complete *complete, void *arg)
{
	struct buf plain = {0};

	*menu = (struct menu){ .here = -1, .end = caret };
	menu->start = word_start(line, caret, &menu->quote);
	buf_add(&plain, line, menu->start);
	unescape(&plain, line + menu->start, caret - menu->start, menu->quote);
	menu->typed = plain.n - menu->start;
	menu->matches = complete(arg, plain.at, (int)menu->start, (int)plain.n, &menu->is_path);
	while (menu->matches && menu->matches[menu->n])
		menu->n++;
	split_notes(menu);
	buf_done(&plain);
}

void
menu_close(struct menu *menu)
{
	for (int i = 0; i < menu->n; i++)
		free(menu->matches[i]);
	free(menu->matches);
	free(menu->notes);
	*menu = (struct menu){0};
}

size_t
menu_common(const struct menu *menu)
{
	size_t n = strlen(menu->matches[0]);

	for (int i = 1; i < menu->n; i++) {
		size_t k = 0;

		while (k < n && menu->matches[i][k] == menu->matches[0][k])
			k++;
		n = k;
	}
	return n - text_partial(menu->matches[0], n);
}

/* ---------------------------------------------------------------- drawing */

/* Paths are named by their last part: what follows the last slash but one at the end. */
static const char *
short_name(const struct menu *menu, int i)
{
	const char *name = menu->matches[i];

	for (const char *p = name; menu->is_path && *p; p++)
		if (*p == '/' && p[1])
			name = p + 1;
	return name;
}

/* As many matches from `first` on as one row holds, at least one; returns the one behind them. */
static int
draw_row(const struct menu *menu, int first, int width, struct row *row)
{
	int i = first;

	for (; i < menu->n; i++) {
		const char *name = short_name(menu, i);
		enum theme_role role = i == menu->here ? ROLE_MATCH_HERE : ROLE_MATCH;

		if (i > first && row->cols + text_width(name, strlen(name)) + 2 > width)
			break;
		row_fit(row, role, " ", 1, width - row->cols);
		row_fit(row, role, name, strlen(name), width - row->cols);
		row_fit(row, role, " ", 1, width - row->cols);
	}
	row_pad(row, ROLE_MATCH, width);
	return i;
}

static bool
has_notes(const struct menu *menu)
{
	for (int i = 0; i < menu->n; i++)
		if (menu->notes[i])
			return true;
	return false;
}

/* A match a row, and what it is in a second column. */
static void
draw_notes(const struct menu *menu, int width, struct rows *out)
{
	int column = 0;

	for (int i = 0; i < menu->n; i++) {
		const int cols = text_width(menu->matches[i], strlen(menu->matches[i])) + 3;

		column = cols > column ? cols : column;
	}
	for (int i = 0; i < menu->n; i++) {
		const enum theme_role role = i == menu->here ? ROLE_MATCH_HERE : ROLE_MATCH;
		const char *note = menu->notes[i] ? menu->notes[i] : "";
		struct row *row = rows_add(out);

		row_fit(row, role, " ", 1, width);
		row_fit(row, role, menu->matches[i], strlen(menu->matches[i]), width - row->cols);
		row_pad(row, role, column < width ? column : width);
		row_fit(row, role, note, strlen(note), width - row->cols);
		row_pad(row, role, width);
	}
}

void
menu_draw(const struct menu *menu, int width, int max_rows, struct rows *out)
{
	int next = 0;

	rows_clear(out);
	if (menu->n <= max_rows && has_notes(menu)) {
		draw_notes(menu, width, out);
		return;
	}
	while (next < menu->n && max_rows > 0) {
		if (out->n == max_rows && menu->here < next)
			break;
		if (out->n == max_rows)
			rows_clear(out);
		next = draw_row(menu, next, width, rows_add(out));
	}
}
