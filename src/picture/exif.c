/* exif.c: see exif.h. A TIFF header gives the byte order and the place of the first directory; its entries are 12
 * bytes: tag, type, count, value. Every offset is doubted. */
#include "config.h"

#include "picture/exif.h"

#include <stdbool.h>
#include <string.h>

#define TAG_ORIENTATION 0x0112
#define TYPE_SHORT 3

struct tiff {
	const uint8_t *at;
	size_t n;
	bool big;
};

static uint32_t
read16(const struct tiff *t, size_t at)
{
	const uint8_t *p = t->at + at;

	return t->big ? (uint32_t)p[0] << 8 | p[1] : (uint32_t)p[1] << 8 | p[0];
}

static uint32_t
read32(const struct tiff *t, size_t at)
{
	return t->big ? read16(t, at) << 16 | read16(t, at + 2) : read16(t, at + 2) << 16 | read16(t, at);
}

static int
find_orientation(const struct tiff *t)
{
	size_t at = read32(t, 4), n_entries;

	if (read16(t, 2) != 42 || at > t->n - 2)
		return 1;
	n_entries = read16(t, at);
	for (at += 2; n_entries-- > 0 && t->n - at >= 12; at += 12) {
		uint32_t value = read16(t, at + 8);

		if (read16(t, at) == TAG_ORIENTATION)
			return read16(t, at + 2) == TYPE_SHORT && value >= 1 && value <= 8 ? (int)value : 1;
	}
	return 1;
}

int
exif_orientation(const uint8_t *tiff, size_t n)
{
	struct tiff t = { tiff, n, false };

	if (n < 14)
		return 1;
	if (memcmp(tiff, "MM", 2) == 0)
		t.big = true;
	else if (memcmp(tiff, "II", 2) != 0)
		return 1;
	return find_orientation(&t);
}

int
exif_orientation_prefixed(const uint8_t *bytes, size_t n)
{
	if (n >= 6 && memcmp(bytes, "Exif\0\0", 6) == 0)
		return exif_orientation(bytes + 6, n - 6);
	return exif_orientation(bytes, n);
}
