/* sixel.h: RGB → sixel strings; the only user of libsixel, and only for encoding pixels of our own.
 *
 * A picture is scaled to whole cells, and its palette and index image are made once per size. A
 * place is a slice of them, a string with its own raster attributes; the last strings are kept.
 */
#ifndef UI_SIXEL_H
#define UI_SIXEL_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct place;

/* What the terminal allows; a change throws away what was made. */
struct sixel_limits {
	int cell_w, cell_h;
	int colours;            /* 2 … 256 */
	size_t max_bytes;       /* of the whole picture: fewer colours, then coarser pixels, until it fits */
};

struct sixel_source {
	int picture;            /* id, the cache's key */
	const uint8_t *rgb;     /* [height, width, 3] */
	int width, height;
};

struct sixels;

struct sixels *
sixels_new(void);
void
sixels_free(struct sixels *sixels);
void
sixels_limit(struct sixels *sixels, const struct sixel_limits *limits);
void
sixels_clear(struct sixels *sixels);

/* The string of one place; lent until sixels_limit, sixels_clear, or PLACES_MAX further calls.
 * NULL: it could not be made. */
const struct buf *
sixels_get(struct sixels *sixels, const struct place *place, const struct sixel_source *source);

#endif
