/* blocks.h: pictures out of half blocks: the upper half of a cell is the foreground, the lower the
 * background.
 *
 * In 256 colours they are ordinary curses cells, so that scrolling and erasing cost nothing extra.
 * Curses knows no more of them: in 24-bit colour they are strings written beside it, as sixels are.
 */
#ifndef UI_BLOCKS_H
#define UI_BLOCKS_H

#include <stdint.h>

#include "base/buf.h"

struct place;

/* Colours of one cell, numbers of the 256 (16 … 255: those of the cube and the grey ramp). */
struct block {
	uint8_t upper, lower;
};

/* The number of the colour of the cube or the ramp that is nearest to r, g, b; *back gets what it
 * is: [3]. */
uint8_t
blocks_nearest(const int rgb[3], uint8_t back[3]);

/* rgb [h, w, 3] → cells [rows, cols]: each half is the mean of its area. */
void
blocks_map(const uint8_t *rgb, int w, int h, int cols, int rows, struct block *cells);

/* Paints n cells at the screen's row and column. */
void
blocks_paint(int row, int col, const struct block *cells, int n);

/* The string that draws a place in 24-bit colour, appended; cursor and attributes are as before then. */
void
blocks_string(struct buf *out, const struct place *place, const uint8_t *rgb, int w, int h);

#endif
