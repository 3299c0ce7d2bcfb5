/* picker.h: what lies over the conversation for a while: a list to take something from, filtered by typing, or a page
 * of text with its own scroll. Pure. */
#ifndef UI_PICKER_H
#define UI_PICKER_H

#include <stdbool.h>
#include <stddef.h>

#include "ui/keys.h"
#include "ui/row.h"

struct picker;

/* Items are copied; what follows a tab stands at the right, where there is room. `selected` is clamped. */
struct picker *
picker_list(const char *title, const char *const *items, int n, int selected, bool ascii);
/* Lines that begin with two blanks and have two columns are laid out as such, lines that end with a colon are headings. */
struct picker *
picker_page(const char *title, const char *text, bool ascii);
void
picker_free(struct picker *p);
bool
picker_is_page(const struct picker *p);

enum picker_end {
	PICKER_STAYS,
	PICKER_TAKEN,           /* picker_picked() has the index */
	PICKER_LEFT,
};

enum picker_end
picker_key(struct picker *p, enum keys_action key);
/* A READER_TEXT or READER_PASTE unit: grows the filter of a list (Ctrl-N, Ctrl-P and Ctrl-U act); q leaves a page. */
enum picker_end
picker_type(struct picker *p, const char *s, size_t n);
/* A click on a row of what was laid out last: selects the item there, and takes it when it was selected already. */
enum picker_end
picker_click(struct picker *p, int row);
int
picker_picked(const struct picker *p);          /* index into the items as given, or -1 */

/* Rows that show all of a list; -1: as many as there are. */
int
picker_rows(const struct picker *p);
/* Exactly `height` rows of exactly `width` cells, title first, which has `bar` of them; keeps the selection in sight. */
void
picker_layout(struct picker *p, int bar, int width, int height, struct rows *out);
/* Where the cursor belongs, in cells from the top left of what was laid out: the end of the filter, the hint of a page. */
void
picker_caret(const struct picker *p, int *row, int *col);

#endif
