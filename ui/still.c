/* still.c: a picture as one sixel string, away from any screen: for recordings. */
#include "ui/ui.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "ui/picture.h"
#include "ui/shrink.h"
#include "ui/sixel.h"

enum { CELL_W = 10, CELL_H = 20, COLOURS = 256, MAX_BYTES = 256 * 1024 };

char *
ui_sixel(const uint8_t *rgb, int width, int height, int max_w, int max_h)
{
	const struct sixel_limits limits = { CELL_W, CELL_H, COLOURS, MAX_BYTES };
	const struct sixel_source source = { 1, rgb, width, height };
	struct sixels *sixels = sixels_new();
	struct place place = { .picture = 1 };
	const struct buf *string;
	char *copy;
	int w, h;

	shrink_size(width, height, max_w, max_h, &w, &h);
	place.cols = (w + CELL_W - 1) / CELL_W;
	place.rows = place.of = (h + CELL_H - 1) / CELL_H;
	sixels_limit(sixels, &limits);
	string = sixels_get(sixels, &place, &source);
	copy = string ? xstrndup(string->at, string->n) : NULL;
	sixels_free(sixels);
	return copy;
}
