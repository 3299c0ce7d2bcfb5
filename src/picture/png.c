/* png.c: PNG by stb_image, which looks at no checksum and takes missing data for zeros; so the chunks are walked here
 * first: lengths, CRCs, an IHDR in front and an IEND at the end. */
#include "config.h"

#include <string.h>

#include "picture/decoders.h"
#include "picture/exif.h"

#define SIGNATURE "\x89PNG\r\n\x1a\n"

struct chunk {
	const uint8_t *name, *data;
	size_t n;
};

static uint32_t
read32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* CRC-32 of ISO 3309, four bits at a time. */
static uint32_t
crc_of(const uint8_t *p, size_t n)
{
	static const uint32_t table[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
		0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	uint32_t crc = 0xffffffff;

	while (n-- > 0) {
		crc ^= *p++;
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}

/* The chunk at *at, which moves behind it; false when it does not fit into the file. */
static bool
next_chunk(const uint8_t *bytes, size_t n, size_t *at, struct chunk *c)
{
	if (n - *at < 12 || read32(bytes + *at) > n - *at - 12)
		return false;
	c->n = read32(bytes + *at);
	c->name = bytes + *at + 4;
	c->data = c->name + 4;
	*at += 12 + c->n;
	return true;
}

static bool
is(const struct chunk *c, const char *name)
{
	return memcmp(c->name, name, 4) == 0;
}

static int
check(const struct raster *r, const uint8_t *bytes, size_t n, struct error *err)
{
	size_t at = 8;
	struct chunk c;

	for (bool first = true; next_chunk(bytes, n, &at, &c); first = false) {
		if (crc_of(c.name, c.n + 4) != read32(c.data + c.n))
			return raster_fail(r, err, "it is damaged: a checksum is wrong");
		if (first && (!is(&c, "IHDR") || c.n != 13))
			return raster_fail(r, err, "it is damaged: no header in front");
		if (is(&c, "IEND"))
			return 0;
	}
	return raster_fail(r, err, "it is cut short");
}

static bool
known(const uint8_t *bytes, size_t n)
{
	return n >= 8 && memcmp(bytes, SIGNATURE, 8) == 0;
}

static int
decode(struct raster *r, const uint8_t *bytes, size_t n, struct error *err)
{
	size_t pixels;

	if (check(r, bytes, n, err) < 0)
		return -1;
	/* Twice 16-bit RGBA and filter bytes, and the joined data chunks, which grow by doubling. */
	pixels = (size_t)read32(bytes + 16) * read32(bytes + 20);
	return stb_decode(r, bytes, n, 2 * 8 * pixels + 16 * (size_t)read32(bytes + 20) + 4 * n + 65536, err);
}

static int
orientation(const uint8_t *bytes, size_t n)
{
	size_t at = 8;
	struct chunk c;

	while (next_chunk(bytes, n, &at, &c))
		if (is(&c, "eXIf"))
			return exif_orientation_prefixed(c.data, c.n);
	return 1;
}

const struct format png_format = { "PNG", "image/png", "png", known, decode, orientation };
