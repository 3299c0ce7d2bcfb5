/* webp.c: WebP by libwebp, still pictures. Without libwebp this file is empty. */
#include "config.h"

#ifdef HAVE_WEBP

#include <stdlib.h>
#include <string.h>
#include <webp/decode.h>

#include "picture/decoders.h"
#include "picture/exif.h"

static int
decode_opaque(struct raster *r, const uint8_t *bytes, size_t n, struct error *err)
{
	size_t row_bytes = 3 * (size_t)r->width;

	if (!WebPDecodeRGBInto(bytes, n, r->rgb, row_bytes * (size_t)r->height, (int)row_bytes))
		return raster_fail(r, err, "it is cut short or damaged");
	return 0;
}

static int
decode_alpha(struct raster *r, const uint8_t *bytes, size_t n, struct error *err)
{
	size_t n_pixels = (size_t)r->width * (size_t)r->height;
	int width, height;
	uint8_t *rgba;

	if (raster_begin_shown(r, err) < 0)
		return -1;
	rgba = WebPDecodeRGBA(bytes, n, &width, &height);
	if (!rgba)
		return raster_fail(r, err, "it is cut short or damaged");
	for (size_t i = 0; i < n_pixels; i++)
		raster_put(r, i, rgba + 4 * i, rgba[4 * i + 3]);
	WebPFree(rgba);
	return 0;
}

static bool
known(const uint8_t *bytes, size_t n)
{
	return n >= 12 && memcmp(bytes, "RIFF", 4) == 0 && memcmp(bytes + 8, "WEBP", 4) == 0;
}

static int
decode(struct raster *r, const uint8_t *bytes, size_t n, struct error *err)
{
	WebPBitstreamFeatures about;

	if (WebPGetFeatures(bytes, n, &about) != VP8_STATUS_OK)
		return raster_fail(r, err, "its header is cut short or damaged");
	if (about.has_animation)
		return raster_fail(r, err, "this is an animated WebP, and only still ones are read");
	if (raster_begin(r, about.width, about.height, err) < 0)
		return -1;
	return (about.has_alpha ? decode_alpha : decode_opaque)(r, bytes, n, err);
}

static uint32_t
read32(const uint8_t *p)
{
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

/* RIFF chunks: name, length, data padded to an even length. */
static int
orientation(const uint8_t *bytes, size_t n)
{
	size_t at = 12;

	while (n - at >= 8) {
		size_t length = read32(bytes + at + 4);

		if (length > n - at - 8)
			return 1;
		if (memcmp(bytes + at, "EXIF", 4) == 0)
			return exif_orientation_prefixed(bytes + at + 8, length);
		at += 8 + length + (length & 1);
		if (at > n)
			return 1;
	}
	return 1;
}

const struct format webp_format = { "WebP", "image/webp", "webp", known, decode, orientation };

#endif
