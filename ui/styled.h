/* styled.h: text with a role for each of its bytes, and the place in the source that each of them stands for. What
 * markdown.c and its helpers hand to each other. Pure. */
#ifndef UI_STYLED_H
#define UI_STYLED_H

#include <stddef.h>
#include <stdint.h>

#include "ui/row.h"
#include "ui/theme.h"

/* An empty one is {0}. Text is visible text (base/text.h); a newline in it ends a line. */
struct styled {
	char *text;
	unsigned char *roles;           /* enum theme_role */
	uint32_t *source;               /* offset of the byte that this one was made from */
	size_t n, cap;
};

/* Appends bytes that stand in the source from `source` on. */
void
styled_add(struct styled *st, enum theme_role role, const char *s, size_t n, size_t source);
/* Appends bytes that are drawn for one place of the source. */
void
styled_put(struct styled *st, enum theme_role role, const char *s, size_t n, size_t source);
void
styled_str(struct styled *st, enum theme_role role, const char *s, size_t source);
void
styled_pad(struct styled *st, enum theme_role role, int cols, size_t source);
/* Appends from->text[start..end), with the roles it has or with one role. */
void
styled_copy(struct styled *st, const struct styled *from, size_t start, size_t end);
void
styled_copy_as(struct styled *st, enum theme_role role, const struct styled *from, size_t start, size_t end);

/* Appends text[start..end) to the row, at most max_cols cells of it. A grapheme has the role of its first byte. */
void
styled_row(const struct styled *st, size_t start, size_t end, int max_cols, struct row *row);

void
styled_cut(struct styled *st, size_t n);        /* keeps the first n bytes */
void
styled_done(struct styled *st);

#endif
