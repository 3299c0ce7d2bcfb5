/* transcript.h: the conversation as entries, its hard lines for a width, and the place where a person stands in it.
 * Entries are the truth, lines are derived from them when somebody asks; only what changed is wrapped again, of a
 * streaming answer only its last paragraph. Answers are Markdown, drawn block by block as they are finished (markdown.h).
 * Pure: no curses, no descriptor.
 *
 * Lines are counted from 0 over the whole conversation; the view shows [top, top + height). A view that follows stands
 * at the end and stays there; another keeps its top visible line through appends, new widths and new picture sizes.
 */
#ifndef UI_TRANSCRIPT_H
#define UI_TRANSCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ui/row.h"
#include "ui/ui.h"

struct transcript;

/* Cells that a picture of so many pixels takes in a conversation `columns` wide. false, or rows 0: it is not drawn and
 * its label stands alone. */
typedef bool transcript_measure(void *arg, int width, int height, int columns, int *cols, int *rows);

struct transcript *
transcript_new(bool ascii);
void
transcript_free(struct transcript *t);

/* ---------------------------------------------------------------- entries */

/* As in ui.h; handles 1, 2, … A handle that is gone is ignored. */
int
transcript_add(struct transcript *t, enum ui_look look, const char *text, size_t n);
void
transcript_append(struct transcript *t, int entry, const char *text, size_t n);
void
transcript_set_text(struct transcript *t, int entry, const char *text, size_t n);
/* No entry goes on: the last block of each answer is finished. Who appends after this opens the entry again. */
void
transcript_finish(struct transcript *t);
/* Formulas of answers as Unicode where that is certain, as at first, or as source; of those added later. */
void
transcript_set_math(struct transcript *t, bool on);
/* An answer as it was written instead of styled; entry 0: all of them, later ones too. */
void
transcript_set_raw(struct transcript *t, int entry, bool raw);
void
transcript_set_time(struct transcript *t, int entry, const char *when);
void
transcript_set_mark(struct transcript *t, int entry, const char *mark);
void
transcript_add_picture(struct transcript *t, int entry, const struct ui_picture *picture);
void
transcript_remove(struct transcript *t, int entry);
void
transcript_clear(struct transcript *t);

/* ---------------------------------------------------------------- lines */

/* width and height of the conversation's area, both >= 1. */
void
transcript_resize(struct transcript *t, int width, int height);

/* How pictures are measured, NULL: labels only. Call it again whenever its results have changed (cell size, images
 * switched, height of the screen): every picture is measured anew. */
void
transcript_set_measure(struct transcript *t, transcript_measure *measure, void *arg);

enum line_kind { LINE_BLANK, LINE_LABEL, LINE_TEXT, LINE_PICTURE, LINE_RULE };

struct line {
	enum line_kind kind;
	int entry;
	enum ui_look look;      /* of the entry */
	int picture;            /* LINE_PICTURE, or its caption: id for transcript_picture, else 0 */
	int picture_row;        /* LINE_PICTURE: which of its rows this line is */
	struct row row;         /* what to draw; empty for BLANK and PICTURE */
};

int
transcript_lines(struct transcript *t);
/* Fills *out, whose row is used again (begin with {0}, end with row_done(&out->row)). 0 <= index < transcript_lines. */
void
transcript_line(struct transcript *t, int index, struct line *out);

/* Reduced to at most 1600x1200 by area means. Lent until its entry goes. */
struct transcript_picture {
	int id;                 /* 1, 2, …; never reused */
	int width, height;
	const uint8_t *rgb;     /* [height, width, 3] */
	const char *label;
	int cols, rows;         /* as measured last; 0 when not drawn */
};
/* NULL when it is gone. */
const struct transcript_picture *
transcript_picture(struct transcript *t, int id);
/* Whose picture it is, and which of its pictures from 0; 0: of none. */
int
transcript_owner(struct transcript *t, int picture, int *index);
/* The lines of an entry, the blank one before it included; 0: there is no such entry. */
int
transcript_extent(struct transcript *t, int entry, int *first);
/* Changes whenever a line may have changed. */
unsigned
transcript_version(struct transcript *t);

/* ---------------------------------------------------------------- place */

int
transcript_height(const struct transcript *t);  /* of the area, as it was given */
int
transcript_top(struct transcript *t);           /* index of the first visible line */
int
transcript_below(struct transcript *t);         /* lines under the view: the N of "+N lines" */
bool
transcript_following(struct transcript *t);
void
transcript_scroll(struct transcript *t, int lines);     /* negative: up */
void
transcript_page(struct transcript *t, int pages);       /* a page is the height less one line */
void
transcript_home(struct transcript *t);
void
transcript_end(struct transcript *t);           /* follows from now on */

#endif
