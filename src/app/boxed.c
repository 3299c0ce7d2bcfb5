/* boxed.c: see boxed.h. A line is a colour between two thin dark ones, so that it is seen on any picture. */
#include "config.h"

#include "boxed.h"

static const uint8_t colours[][3] = {
	{ 255, 64, 64 }, { 64, 200, 255 }, { 255, 220, 0 }, { 80, 230, 80 }, { 255, 120, 255 }, { 255, 160, 40 },
};
static const char *const colour_names[] = { "red", "blue", "yellow", "green", "pink", "orange" };
static const uint8_t dark[3] = { 16, 16, 16 };

enum { N_COLOURS = sizeof colours / sizeof *colours, FULL = 1000 };

_Static_assert(sizeof colour_names / sizeof *colour_names == N_COLOURS, "every colour has a name");

struct canvas {
	uint8_t *rgb;
	int width, height;
};

static int
clamp(int n, int most)
{
	return n < 0 ? 0 : n > most ? most : n;
}

/* Pixels [x1, x2) x [y1, y2), as far as they are in the picture. */
static void
fill(const struct canvas *c, int x1, int y1, int x2, int y2, const uint8_t colour[3])
{
	x1 = clamp(x1, c->width);
	x2 = clamp(x2, c->width);
	y1 = clamp(y1, c->height);
	y2 = clamp(y2, c->height);
	for (int y = y1; y < y2; y++)
		for (int x = x1; x < x2; x++)
			for (int i = 0; i < 3; i++)
				c->rgb[((size_t)y * (size_t)c->width + (size_t)x) * 3 + (size_t)i] = colour[i];
}

/* A frame that reaches `out` pixels out of the edge and `in` into it. */
static void
frame(const struct canvas *c, const struct boxes_rect *edge, int out, int in, const uint8_t colour[3])
{
	const int x1 = edge->x1, y1 = edge->y1, x2 = edge->x2, y2 = edge->y2;

	fill(c, x1 - out, y1 - out, x2 + out, y1 + in, colour);
	fill(c, x1 - out, y2 - in, x2 + out, y2 + out, colour);
	fill(c, x1 - out, y1 - out, x1 + in, y2 + out, colour);
	fill(c, x2 - in, y1 - out, x2 + out, y2 + out, colour);
}

static void
draw(const struct canvas *c, const struct boxes_rect *rect, const uint8_t colour[3])
{
	const int longer = c->width > c->height ? c->width : c->height, half = 1 + longer / 500, edge = 1 + longer / 1500;
	const struct boxes_rect pixels = {
		(int)((long long)rect->x1 * c->width / FULL), (int)((long long)rect->y1 * c->height / FULL),
		(int)((long long)rect->x2 * c->width / FULL), (int)((long long)rect->y2 * c->height / FULL),
	};

	frame(c, &pixels, half + edge, half + edge, dark);
	frame(c, &pixels, half, half, colour);
}

void
boxed_draw(uint8_t *rgb, int width, int height, const struct boxes *boxes)
{
	const struct canvas canvas = { rgb, width, height };

	for (int i = 0; i < boxes->n_names; i++)
		for (int k = 0; k < boxes->names[i].n; k++)
			draw(&canvas, &boxes->rects[boxes->names[i].first + k], colours[i % N_COLOURS]);
}

const char *
boxed_colour(int i)
{
	return colour_names[i % N_COLOURS];
}
