/* highlight.h: source code → a role for each byte, line by line, so that code can be coloured while it streams. It knows
 * words, strings, comments and numbers of a few languages and no grammar. Pure. */
#ifndef UI_HIGHLIGHT_H
#define UI_HIGHLIGHT_H

#include <stddef.h>

struct language;

/* What goes on from line to line. One that begins is { highlight_find(…) }. */
struct highlight {
	const struct language *language;        /* NULL: plain */
	const char *until;              /* inside a comment or string that ends with this, or NULL */
	unsigned char role;             /* of that comment or string */
};

/* By the first word after the fence ("c", "C++", "py", "bash" …); NULL when it is none that is known. */
const struct language *
highlight_find(const char *name, size_t n);

/* Fills roles[0..n) (enum theme_role) for one line without its newline. Lines are given in their order. */
void
highlight_line(struct highlight *h, const char *s, size_t n, unsigned char *roles);

#endif
