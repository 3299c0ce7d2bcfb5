/* picture.h: where pictures stand on the glass and when they are sent again.
 *
 * A picture is a raw write beside curses. Curses knows filler cells (U+00A0) in its place; this
 * file knows what is really on the glass (`shown`) and brings it to what the view wants, by the
 * cheapest way that leaves nothing behind. Places, crops and runs are pure arithmetic; the frame at
 * the end of the file is the only part that writes.
 */
#ifndef UI_PICTURE_H
#define UI_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which rows of which picture stand where. The picture has been scaled to whole cells: cols x `of`
 * of them. */
struct place {
	int picture;            /* id of the transcript */
	int row, col;           /* on the screen */
	int first, rows;        /* rows [first, first + rows) of the picture */
	int cols, of;           /* its whole size in cells */
};

enum { PLACES_MAX = 16 };       /* xterm keeps no more */

struct places {
	struct place at[PLACES_MAX];
	int n;
};

/* ---------------------------------------------------------------- pure */

/* What a picture may take of the screen. */
struct picture_room {
	int cols, rows;         /* the screen, in cells */
	int cell_w, cell_h;     /* pixels */
	int max_w, max_h;       /* largest the terminal draws, pixels; 0: no limit */
	int width;              /* widest in the conversation, pixels; 0: 640 */
};

/* Cells of a picture of w x h pixels: at most 60 % of the columns and `width` pixels wide, at most half
 * the screen high, never enlarged beyond one to one but to be two cells. At least 1x1. */
void
picture_cells(int w, int h, const struct picture_room *room, int *cols, int *rows);

bool
place_same(const struct place *a, const struct place *b);
bool
place_touches(const struct place *place, int row, int col, int rows, int cols);

/* More than PLACES_MAX are left out. */
void
places_add(struct places *places, const struct place *place);
bool
places_have(const struct places *places, const struct place *place);
/* The screen's rows moved up by d: shifts, crops what passes row 0, drops what is gone. */
void
places_scroll(struct places *places, int d);
/* Cells of `place` in screen row `row` that no place of `over` covers: the first run at or after
 * *col. Returns its length and sets *col to its beginning; 0 when there is none. */
int
place_bare_run(const struct place *place, const struct places *over, int row, int *col);

/* ---------------------------------------------------------------- one frame */

struct term;
struct buf;

/* What is on the glass, and the plan of the frame that is being made. */
struct glass {
	struct places shown;
	int slots;              /* pictures sent since the last flush, where the terminal forgets */
	int reach;              /* and the rows from the top that they stood in */
	size_t sent;            /* bytes of pictures in the last frame that sent some */

	int up;                 /* the plan: rows the old area scrolls, */
	bool flush, anew;       /* whether all pictures scroll away, or all is cleared, first, */
	bool moved;             /* whether anything moves (curses must not scroll by itself then), */
	bool owed;              /* whether a wanted place was not allowed to be sent, */
	struct places next;     /* and what will be on the glass */
	struct places send;     /* the part of `next` that has to be sent, lowest first */
};

struct glass_wish {
	const struct places *wanted;
	int up;                 /* rows the conversation moved up since the last frame, or <= 0 */
	int old_area;           /* rows of the conversation in the last frame: what scrolls */
	bool changed;           /* the layout differs from the last frame's */
	bool may_send;
};

/* Nothing is on the glass any more: it was, or will be, cleared. */
void
glass_forget(struct glass *glass);

/* Decides; writes nothing. After it the view paints filler into `next` and labels into the rest of
 * what was wanted. */
void
glass_plan(struct glass *glass, const struct term *term, const struct glass_wish *wish);

/* The string of send.at[i] could not be made: the place stays a label. */
void
glass_refuse(struct glass *glass, int i);

/* Before doupdate, with stdscr composed: begins the synchronized update, scrolls the old area,
 * erases. */
void
glass_before(struct glass *glass, const struct term *term, int old_area);

/* After doupdate: sends strings[i] for send.at[i], puts the cursor back and ends the update. */
void
glass_after(struct glass *glass, struct term *term, const struct buf *const *strings);

#endif
