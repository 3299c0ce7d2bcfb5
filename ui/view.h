/* view.h: the one place that paints the conversation: the transcript's lines as text, its pictures
 * as sixel, blocks or labels. What it paints follows from the transcript and the frame alone; what
 * is on the glass is picture.c's.
 */
#ifndef UI_VIEW_H
#define UI_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "ui/picture.h"
#include "ui/sixel.h"

struct box;
struct find;
struct panes;
struct term;
struct transcript;
struct view;

enum view_images { VIEW_LABELS, VIEW_BLOCKS, VIEW_TRUE_BLOCKS, VIEW_SIXEL };

/* How pictures are drawn. A change is told to the transcript, which measures them anew. */
struct view_look {
	enum view_images images;
	struct picture_room room;
	struct sixel_limits limits;
	size_t large_bytes;     /* of a picture over the conversation, instead of limits.max_bytes */
};

struct view_frame {
	int area;               /* rows of the conversation, from row 0 */
	int popup_rows;         /* rows at the area's end that something lies over */
	bool overlay;           /* something lies over all of it */
	const struct panes *panes;      /* pictures that do, laid out by view_panes; NULL: none */
	int selected;           /* the entry with a bar at its left, or 0 */
	int cursor;             /* the line that is marked, or -1 */
	const struct find *find;        /* matches to show, or NULL */
	bool carry;             /* an answer streams: where pictures cannot scroll, move in large steps */
	bool may_send;
};

/* Lends both for its life. */
struct view *
view_new(struct transcript *transcript, struct term *term, bool ascii);
void
view_free(struct view *view);

void
view_set_look(struct view *view, const struct view_look *look);

/* Columns that the transcript's lines may have on a screen so wide. */
int
view_columns(int screen_cols);

/* The screen was or will be cleared: nothing is on it. */
void
view_forget(struct view *view);

/* Composes the conversation into stdscr, which is empty. */
void
view_compose(struct view *view, const struct view_frame *frame);
/* Gives panes their cells within a box of the screen. */
void
view_panes(const struct view *view, struct panes *panes, const struct box *box);
/* The line of the conversation that the last frame had in screen row 0. */
int
view_top(const struct view *view);

/* Around doupdate. */
void
view_before(struct view *view);
void
view_after(struct view *view);

/* A picture waits to be sent. */
bool
view_owed(const struct view *view);
/* Bytes of the pictures of the last frame that sent some. */
size_t
view_sent(const struct view *view);

#endif
