/* bmp.c: BMP by stb_image, after a look at the header: stb_image takes missing rows for black. */
#include "config.h"

#include <string.h>

#include "picture/decoders.h"

static uint32_t
read32(const uint8_t *p)
{
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static bool
known(const uint8_t *bytes, size_t n)
{
	return n >= 18 && memcmp(bytes, "BM", 2) == 0 && read32(bytes + 14) >= 12 && read32(bytes + 14) <= 124;
}

/* Width, height (negative: top row first) and bits a pixel; the oldest header (12 bytes) has short fields. */
static void
read_size(const uint8_t *bytes, long long *width, long long *height, long long *bits)
{
	if (read32(bytes + 14) == 12) {
		*width = bytes[18] | bytes[19] << 8;
		*height = bytes[20] | bytes[21] << 8;
		*bits = bytes[24] | bytes[25] << 8;
	} else {
		*width = (int32_t)read32(bytes + 18);
		*height = (int32_t)read32(bytes + 22);
		*bits = bytes[28] | bytes[29] << 8;
	}
	if (*height < 0)
		*height = -*height;
}

static int
decode(struct raster *r, const uint8_t *bytes, size_t n, struct error *err)
{
	long long width, height, bits, row_bytes;

	if (n < 30)
		return raster_fail(r, err, "it is cut short");
	read_size(bytes, &width, &height, &bits);
	if (width < 1 || width > INT32_MAX || bits < 1 || bits > 32)
		return raster_fail(r, err, "its header is damaged");
	row_bytes = (width * bits + 31) / 32 * 4;
	if (height > 0 && row_bytes > ((long long)n - (long long)read32(bytes + 10)) / height)
		return raster_fail(r, err, "it is cut short, or compressed");
	return stb_decode(r, bytes, n, (size_t)width * (size_t)height * 4 + 65536, err);
}

const struct format bmp_format = { "BMP", "image/bmp", "bmp", known, decode, NULL };
