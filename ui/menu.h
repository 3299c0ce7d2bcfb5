/* menu.h: completions on offer for a word of the input: which word, how a match is quoted, how they are shown. Pure. */
#ifndef UI_MENU_H
#define UI_MENU_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "ui/row.h"

/* {0} is a closed one. */
struct menu {
	char **matches;         /* whole words, not quoted */
	const char **notes;     /* what each is, or NULL */
	int n, here;            /* here: the one that is in the line, or -1 */
	bool is_path;           /* blanks and quotes in a match are escaped */
	char quote;             /* the quote that is open before the word, or 0 */
	size_t start, end;      /* the word in the line */
	size_t typed;           /* its bytes without quoting, when the menu was opened */
};

/* As ui.h has it: candidates for line[start..end), what they are behind a tab. */
typedef char **menu_complete(void *arg, const char *line, int start, int end, bool *is_path);

/* Opens a closed menu for the word before the caret, which `complete` sees without its quoting; n stays 0 when it knows
 * nothing. */
void
menu_open(struct menu *menu, const char *line, size_t caret, menu_complete *complete, void *arg);
void
menu_close(struct menu *menu);

/* Bytes that all matches begin with, cut between characters. */
size_t
menu_common(const struct menu *menu);

/* Appends the first n bytes of match i as they stand in the line; whole: with what ends the word. */
void
menu_word(const struct menu *menu, int i, size_t n, bool whole, struct buf *out);

/* At most max_rows rows, with the chosen match among them; none when it is closed. Matches that all have rows of their
 * own are told what they are. */
void
menu_draw(const struct menu *menu, int width, int max_rows, struct rows *out);

#endif
