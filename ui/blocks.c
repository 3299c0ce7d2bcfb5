/* blocks.c: pictures out of half blocks, two samples a cell.
 *
 * The 6x6x6 cube has uneven levels (0 95 135 175 215 255) and the grey ramp is 8 + 10 k; a linear
 * map looks poor. Errors are not spread: samples are as large as half a cell, and what would be a
 * shade in pixels is a chequered pattern in them.
 */
#include "config.h"

#include "ui/blocks.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <curses.h>

#include "ui/picture.h"


static const int levels[6] = { 0, 95, 135, 175, 215, 255 };

static int
cube_step(int v)
{
	return v < 48 ? 0 : v < 115 ? 1 : (v - 35) / 40;
}

static int
grey_step(int v)
{
	const int k = (v - 3) / 10;

	return k < 0 ? 0 : k > 23 ? 23 : k;
}

static int
distance(const int a[3], const int b[3])
{
	const int dr = a[0] - b[0], dg = a[1] - b[1], db = a[2] - b[2];

	return 2 * dr * dr + 3 * dg * dg + db * db;
}

uint8_t
blocks_nearest(const int rgb[3], uint8_t back[3])
{
	const int r = cube_step(rgb[0]), g = cube_step(rgb[1]), b = cube_step(rgb[2]);
	const int grey = grey_step((rgb[0] + rgb[1] + rgb[2]) / 3), v = 8 + 10 * grey;
	const int cube[3] = { levels[r], levels[g], levels[b] }, ramp[3] = { v, v, v };
	const bool use_ramp = distance(rgb, ramp) < distance(rgb, cube);

	for (int c = 0; c < 3; c++)
		back[c] = (uint8_t)(use_ramp ? ramp[c] : cube[c]);
	return (uint8_t)(use_ramp ? 232 + grey : 16 + 36 * r + 6 * g + b);
}

/* ---------------------------------------------------------------- mapping */

/* The mean of the source pixels under sample x, y of a grid of cols x rows samples. */
static void
mean(const uint8_t *rgb, int w, int h, int cols, int rows, int x, int y, int out[3])
{
	const int x0 = (int)((int64_t)x * w / cols), x1 = (int)(((int64_t)x + 1) * w / cols);
	const int y0 = (int)((int64_t)y * h / rows), y1 = (int)(((int64_t)y + 1) * h / rows);
	int64_t sum[3] = { 0, 0, 0 }, n = 0;

	for (int j = y0; j < y1 || j == y0; j++) {
		for (int i = x0; i < x1 || i == x0; i++, n++) {
			const uint8_t *s = rgb + ((size_t)j * (size_t)w + (size_t)i) * 3;
			sum[0] += s[0], sum[1] += s[1], sum[2] += s[2];
		}
	}
	for (int c = 0; c < 3; c++)
		out[c] = (int)(sum[c] / n);
}

void
blocks_map(const uint8_t *rgb, int w, int h, int cols, int rows, struct block *cells)
{
	int colour[3];
	uint8_t back[3];

	for (int y = 0; y < 2 * rows; y++) {
		for (int x = 0; x < cols; x++) {
			struct block *cell = &cells[(size_t)(y / 2) * (size_t)cols + (size_t)x];
			mean(rgb, w, h, cols, 2 * rows, x, y, colour);
			*(y % 2 ? &cell->lower : &cell->upper) = blocks_nearest(colour, back);
		}
	}
}

/* ---------------------------------------------------------------- painting */

void
blocks_paint(int row, int col, const struct block *cells, int n)
{
	for (int i = 0; i < n; i++) {
		const int pair = alloc_pair(cells[i].upper, cells[i].lower);
		cchar_t c;
		setcchar(&c, L"\u2580", A_NORMAL, 0, &pair);
		mvadd_wchnstr(row, col + i, &c, 1);
	}
}

/* ---------------------------------------------------------------- 24-bit colour */

/* What the cell changes of the colours that the one before it had. */
static void
set_colours(struct buf *out, const int upper[3], const int lower[3], const int before[6])
{
	const bool fore = upper[0] != before[0] || upper[1] != before[1] || upper[2] != before[2];
	const bool back = lower[0] != before[3] || lower[1] != before[4] || lower[2] != before[5];

	if (fore)
		buf_printf(out, "\033[38;2;%d;%d;%dm", upper[0], upper[1], upper[2]);
	if (back)
		buf_printf(out, "\033[48;2;%d;%d;%dm", lower[0], lower[1], lower[2]);
}

void
blocks_string(struct buf *out, const struct place *p, const uint8_t *rgb, int w, int h)
{
	int colours[6], before[6] = { -1, -1, -1, -1, -1, -1 };

	buf_str(out, "\0337\033[0m");
	for (int y = 0; y < p->rows; y++) {
		buf_printf(out, "\033[%d;%dH", p->row + y + 1, p->col + 1);
		for (int x = 0; x < p->cols; x++) {
			mean(rgb, w, h, p->cols, 2 * p->of, x, 2 * (p->first + y), colours);
			mean(rgb, w, h, p->cols, 2 * p->of, x, 2 * (p->first + y) + 1, colours + 3);
			set_colours(out, colours, colours + 3, before);
			memcpy(before, colours, sizeof before);
			buf_str(out, "\u2580");
		}
	}
	buf_str(out, "\0338");
}
