/* decoders.h: private to picture/: what a format is, and where a decoder puts its pixels.
 *
 * A decoder reads the size from the header, asks raster_begin for memory (the one place where limits are kept), and
 * fills rgb row by row from the top. It refuses what is cut short or damaged: a picture that is half grey would be
 * described by the model with the same confidence as a whole one. */
#ifndef PICTURE_DECODERS_H
#define PICTURE_DECODERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct raster {
	const char *name;       /* of the file, for messages; lent */
	int width, height;
	uint8_t *rgb;           /* [height, width, 3], alpha dropped */
	uint8_t *shown;         /* NULL, or the same composed over white */
	int n_threads;          /* that may decode it; 0: the usual number */
	int n_pieces;           /* that it was decoded in at the same time; 0: it was not. For tests */
};

struct format {
	const char *label;      /* "PNG" */
	const char *type;       /* "image/png" */
	const char *suffix;
	bool (*known)(const uint8_t *bytes, size_t n);
	int (*decode)(struct raster *r, const uint8_t *bytes, size_t n, struct error *err);
	int (*orientation)(const uint8_t *bytes, size_t n);     /* EXIF, 1 to 8; NULL: the format has none */
};

extern const struct format jpeg_format, png_format, gif_format, bmp_format, pnm_format, webp_format;

/* Checks the limits and allocates rgb, which the decoder fills: nothing is in it. */
int
raster_begin(struct raster *r, long long width, long long height, struct error *err);
/* Allocates shown as well, zeroed, for a picture with transparency. */
int
raster_begin_shown(struct raster *r, struct error *err);
void
raster_done(struct raster *r);

/* Writes pixel i from a colour and its alpha; alpha 255 where there is no shown. */
void
raster_put(struct raster *r, size_t i, const uint8_t rgb[3], uint8_t alpha);

/* Fails with the name in front: return raster_fail(r, err, "is cut short"). */
int
raster_fail(const struct raster *r, struct error *err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* stb.c: what stb_image reads; `room` bounds every single allocation that a damaged file can cause. */
int
stb_decode(struct raster *r, const uint8_t *bytes, size_t n, size_t room, struct error *err);

#endif
