/* markdown.h: an answer's Markdown → lines of a width with roles, while it streams.
 *
 * Blocks that are finished become lines that never change again, whatever text follows; time is linear in the text. The
 * last block stays source until it is finished, except that code in an open fence is code already. Nothing is lost:
 * what is no well-formed markup is shown as it is written, HTML too.
 *
 * Differences from CommonMark, because it is a chat: single newlines stay; only a paragraph of one line can be
 * underlined into a heading; items nest from two columns on; a fence in a list ends only where it is closed; runs of *
 * beside Chinese, Japanese and Korean work. Pure. */
#ifndef UI_MARKDOWN_H
#define UI_MARKDOWN_H

#include <stdbool.h>
#include <stddef.h>

#include "ui/row.h"
#include "ui/styled.h"

struct markdown;

/* Instead of lines: the blocks themselves, for who draws elsewhere than on a screen. */
enum markdown_kind { BLOCK_TEXT, BLOCK_HEADING, BLOCK_MATH, BLOCK_TABLE, BLOCK_RULE, BLOCK_FENCE, BLOCK_CODE, BLOCK_NOTHING };

struct markdown_holder {
	bool quote;                     /* else a list item */
	const char *marker;             /* of an item: "•", "☑", "3." */
	size_t source;                  /* where it begins: tells it from others */
};

struct markdown_block {
	enum markdown_kind kind;        /* FENCE begins code, CODE is a line of it, NOTHING an item without a text */
	int level;                      /* HEADING: from 1 */
	const struct styled *text;      /* of a TABLE its source lines; FENCE: the language; RULE, NOTHING: empty */
	struct markdown_holder holders[10];     /* outermost first */
	int depth;
};

typedef void markdown_sink(void *arg, const struct markdown_block *block);

struct markdown *
markdown_new(int width, bool ascii);            /* width >= 1 */
/* Every block goes there, in order, and no line is made. Before any text. */
void
markdown_set_sink(struct markdown *m, markdown_sink *sink, void *arg);
/* Formulas as Unicode where that is certain, as at first, or all as source. Before any text. */
void
markdown_set_math(struct markdown *m, bool on);
void
markdown_free(struct markdown *m);

/* s[0..n): all of the text until now, visible text (base/text.h), of which s[0..settled), whole lines, is as it was at the
 * last call and will not change. closed: no more will come, the last block is finished too. */
void
markdown_feed(struct markdown *m, const char *s, size_t settled, size_t n, bool closed);

/* The lines stand for s[0..done); what is behind is an open block, to be shown as it is. */
size_t
markdown_done(const struct markdown *m);

int
markdown_lines(const struct markdown *m);
int
markdown_cols(const struct markdown *m, int line);
/* Appends what to draw, at most max_cols cells. */
void
markdown_row(const struct markdown *m, int line, int max_cols, struct row *row);

/* The place in s that a line stands for, and the line in which a place is drawn or which follows it. */
size_t
markdown_place(const struct markdown *m, int line);
int
markdown_find(const struct markdown *m, size_t place);

#endif
