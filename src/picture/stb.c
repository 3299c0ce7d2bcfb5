/* stb.c: the only user of stb_image: PNG and BMP, and JPEG in a build without libjpeg. What stb_image does not check
 * (checksums, missing ends) its callers have checked before.
 *
 * stb_image lets a zlib stream grow without bound; its allocator is therefore ours, with a limit that the caller
 * knows from the header. The limit is what the library forces to be static. */
#include "config.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "picture/decoders.h"

static _Thread_local size_t room_left;

static void *
bounded_realloc(void *p, size_t n)
{
	return n > room_left ? NULL : realloc(p, n);
}

#define STBI_MALLOC(n) bounded_realloc(NULL, n)
#define STBI_REALLOC(p, n) bounded_realloc(p, n)
#define STBI_FREE(p) free(p)
#define STBI_ONLY_PNG
#define STBI_ONLY_BMP
#ifndef HAVE_JPEG
#define STBI_ONLY_JPEG
#endif
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#define STBI_MAX_DIMENSIONS 100000000
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
/* Reported at the end of the file, so not to be ended by the pop: what the header declares and we left out. */
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#include <stb_image.h>
#pragma GCC diagnostic pop

/* n_channels as stb_image counts: grey, grey and alpha, RGB, RGB and alpha. */
static void
copy_pixels(struct raster *r, const uint8_t *from, int n_channels)
{
	size_t n = (size_t)r->width * (size_t)r->height;
	bool grey = n_channels <= 2, alpha = n_channels == 2 || n_channels == 4;

	for (size_t i = 0; i < n; i++, from += n_channels) {
		uint8_t rgb[3] = { from[0], from[grey ? 0 : 1], from[grey ? 0 : 2] };

		raster_put(r, i, rgb, alpha ? from[n_channels - 1] : 255);
	}
}

int
stb_decode(struct raster *r, const uint8_t *bytes, size_t n, size_t room, struct error *err)
{
	int width, height, n_channels, rc;
	uint8_t *pixels;

	if (n > INT_MAX || !stbi_info_from_memory(bytes, (int)n, &width, &height, &n_channels))
		return raster_fail(r, err, "it is damaged (%s)", stbi_failure_reason());
	if (raster_begin(r, width, llabs(height), err) < 0)     /* of a BMP, negative: the top row comes first */
		return -1;
	room_left = room;
	pixels = stbi_load_from_memory(bytes, (int)n, &width, &height, &n_channels, 0);
	if (!pixels)
		return raster_fail(r, err, "it is damaged (%s)", stbi_failure_reason());
	rc = width == r->width && height == r->height ? 0 : raster_fail(r, err, "its size changes inside the file");
	if (rc == 0 && (n_channels == 2 || n_channels == 4))
		rc = raster_begin_shown(r, err);
	if (rc == 0)
		copy_pixels(r, pixels, n_channels);
	stbi_image_free(pixels);
	return rc;
}
