/* screen.h: curses start and end, and rows → cells; the terminal is given back on every way out.
 *
 * curses and termios keep one state a process, so this file has no struct: it is static in screen.c.
 */
#ifndef UI_SCREEN_H
#define UI_SCREEN_H

#include <stdbool.h>

#include "base/error.h"
#include "ui/ui.h"

struct row;

struct screen_options {
	enum ui_theme theme;
	bool no_color;
	const struct ui_colors *colors;
};

struct screen_size {
	int rows, cols;
	int xpixel, ypixel;     /* the window's pixels, or 0 */
};

/* Takes the terminal of descriptors 0 and 1: raw, without echo, bracketed paste on; nothing is
 * painted yet. */
int
screen_open(const struct screen_options *options, struct error *err);
void
screen_close(void);

/* As the kernel says now. */
struct screen_size
screen_size(void);

/* Tells curses the size; the next frame clears and paints everything. */
void
screen_resize(const struct screen_size *size);

/* Gives the terminal back, stops this process group, and takes the terminal again when it goes on. */
void
screen_suspend(void);
/* The same without stopping: another program uses the terminal between the two. */
void
screen_lend(void);
void
screen_return(void);

/* Async-signal-safe: one write and the old modes. Does nothing when the terminal is not ours. */
void
screen_emergency(void);

/* Whether the terminal reports the mouse; off at first. */
void
screen_mouse(bool on);

/* The terminal's title, of visible text, until the terminal is let go, which gives the one before back. */
void
screen_title(const char *title);

/* For what is painted from now on. */
void
screen_set_theme(enum ui_theme theme);

/* Colours in use: 0 without, else as many as the terminal has. */
int
screen_colors(void);

/* Paints a row into stdscr. It must fit. */
void
screen_row(int y, int x, const struct row *row);

/* Cells that a picture covers: U+00A0, because curses clears runs of blanks by sequences that wipe
 * a picture. */
void
screen_filler(int y, int x, int n);

#endif
