/* source.h: one line of Markdown, and what it begins with. Blocks are told apart here; what they mean is markdown.c's.
 * Pure. */
#ifndef UI_SOURCE_H
#define UI_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

/* s[at..end) is what is left of the line, without its newline. */
struct source {
	const char *s;
	size_t at, end;
};

size_t
source_blanks(const struct source *c);          /* at its beginning */
int
source_indent(const struct source *c);          /* the same, at most 1000 */
bool
source_is_blank(const struct source *c);
char
source_first(const struct source *c);           /* behind the blanks; NUL at the end */
size_t
source_run(const struct source *c, size_t at, char what);       /* how many of them stand from `at` on */

bool
source_is_quote(const struct source *c);
void
source_skip_quote(struct source *c);
/* Three or more of - * _ with nothing but blanks between. */
bool
source_is_rule(const struct source *c);
/* Nothing but `mark`, three times or more: it underlines a heading. */
bool
source_is_underline(const struct source *c, char mark);
int
source_heading(const struct source *c);         /* 1 to 6; 0: it is none */
size_t
source_fence(const struct source *c);           /* its length; 0: it is none */
/* Bytes of a list marker behind the blanks; 0: there is none. */
size_t
source_marker(const struct source *c);
bool
source_is_empty_item(const struct source *c, size_t marker);
/* Whether the line ends a paragraph that would go on without the marks of what holds it. */
bool
source_begins_block(const struct source *c);
/* \[ or $$ at the beginning of a line that does not go on behind their end; *ends: the end is on the line. */
bool
source_begins_math(const struct source *c, bool *ends);

#endif
