/* wrap.h: text → lines of a width. Breaks at spaces and between wide characters, never before ，。！？ and their like
 * nor after an opening bracket; a word longer than the line is cut between graphemes; a wide character is never cut
 * at the edge. Pure.
 *
 * The text is visible text (base/text.h: text_visible): newlines are the only control characters. A newline ends a
 * line, so that "a\n" is one line, "a\n\n" two and "" none. */
#ifndef UI_WRAP_H
#define UI_WRAP_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes [start, end) of the text; blanks at which the line was broken and what hangs over the edge belong to no line. */
struct wrap_line {
	size_t start, end;
	int cols;
	int indent;             /* blank cells before it, not counted in cols */
};

/* An empty one is {0}. */
struct wrap {
	struct wrap_line *lines;
	int n, cap;
	bool hang;              /* set by the owner: what goes on of a line of two columns stands under the second one */
};

/* Appends the lines of s[from..n); from must be the beginning of a line. width >= 1. A wide character in a width of
 * one gets a line of its own. */
void
wrap_add(struct wrap *w, const char *s, size_t from, size_t n, int width);

/* Forgets the lines that begin at or after byte `from`. */
void
wrap_cut(struct wrap *w, size_t from);

/* The index of the line that byte `pos` is drawn in (or follows); 0 when there is none. */
int
wrap_find(const struct wrap *w, size_t pos);

void
wrap_done(struct wrap *w);

#endif
