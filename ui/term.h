/* term.h: what the terminal is, and bytes to it beside curses.
 *
 * All questions go out in one write before curses starts and nothing waits for them. The reader
 * (reader.c) cuts answers out of the input and term_answer() notes what they say. They may come
 * late, twice, or never. The pure half (answer, quirks, cell) touches no descriptor.
 */
#ifndef UI_TERM_H
#define UI_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum term_known { TERM_UNKNOWN, TERM_NO, TERM_YES };

/* How one terminal differs from the rest; one row of the table in term.c. */
struct term_quirks {
	const char *name;               /* beginning of its answer to CSI > q; "" is any other */
	bool scrolls;                   /* LF at the bottom margin carries pictures along, on the glass and in memory */
	bool forgets;                   /* keeps 16 pictures, the topmost goes first: xterm */
	bool erase_all;                 /* only ED 2 takes pictures away: Konsole */
	bool after_sync;                /* pictures go after the synchronized update, not into it */
	int cell_w, cell_h;             /* what a cell always is for its sixels, or 0 */
};

struct term {
	int fd;                         /* the terminal, for writing */
	enum term_known sixel;          /* from the device attributes, the fence of the questions */
	enum term_known light;          /* the background is */
	bool sync;                      /* mode 2026 is there */
	bool brackets;                  /* and 2004: pastes are marked */
	bool clipboard;                 /* and OSC 5522 */
	bool in_tmux;
	struct term_quirks quirks;
	int registers;                  /* colours a sixel may use, or 0 when not said */
	int max_w, max_h;               /* largest sixel in pixels, or 0 */
	int answer_w, answer_h;         /* cell by CSI 16 t, or 0 */
	int area_w, area_h;             /* text area in pixels by CSI 14 t, or 0 */
	unsigned answers;               /* counts what was noted; a change means: look again */
	int64_t asked, pinged;          /* clock_ms of the questions and of a CSI 5 n on its way; 0: none */
	int round_trip;                 /* ms of the last answered CSI 5 n or fence, or -1 */
};

/* Notes one whole answer, from its ESC to its last byte, which arrived at `now` (clock_ms). Unknown
 * ones change nothing. */
void
term_answer(struct term *term, const char *s, size_t n, int64_t now);

/* The row of the table for a name as the terminal gives it ("" or NULL: none was given). */
struct term_quirks
term_quirks(const char *name);

/* Pixels of one cell: the first plausible of the quirk, CSI 16 t, pixels/cells of the window, CSI
 * 14 t, 10x20. */
void
term_cell(const struct term *term, int cols, int rows, int xpixel, int ypixel, int *w, int *h);

/* ---------------------------------------------------------------- the world */

/* Whether it takes 24-bit colours: tmux does, and passes on what the terminal around it can show; others by $COLORTERM,
 * which GNU screen hands on without keeping its promise. */
bool
term_true_color(const struct term *term);

/* Starts with no fact known; $TMUX and $TERM give the first ones. */
void
term_init(struct term *term, int fd);
/* All questions in one write. */
void
term_ask(struct term *term);
/* Only what a resize or a font change may alter. */
void
term_ask_sizes(struct term *term);
/* Every byte, or the terminal is gone. Nothing else in ui/ writes beside curses. */
void
term_out(const struct term *term, const char *s, size_t n);
/* CSI 5 n, whose answer says that everything before it was taken. */
void
term_ping(struct term *term, int64_t now);
/* A ping is on its way and not older than 3 s. */
bool
term_busy(const struct term *term, int64_t now);

#endif
