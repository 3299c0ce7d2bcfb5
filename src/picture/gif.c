/* gif.c: the first frame of a GIF. Transparent pixels keep their palette colour in rgb (what the model sees) and are
 * white in shown. Places of the screen that the frame leaves out hold the transparent index, or index 0. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "picture/decoders.h"

#define MAX_CODES 4096

struct gif {
	const uint8_t *at, *end;
	int screen_width, screen_height;
	int x, y, width, height;        /* the frame */
	bool interlaced;
	int transparent;                /* index, or -1 */
	const uint8_t *palette;         /* 3 bytes an entry */
	int n_colours;
	/* LZW data, in blocks of up to 255 bytes */
	int block_left;
	uint32_t bits;
	int n_bits;
	int code_size;                  /* of the file: literals are below 1 << code_size */
};

static int
take8(struct gif *g)
{
	return g->at < g->end ? *g->at++ : -1;
}

static int
take16(struct gif *g)
{
	int low = take8(g), high = take8(g);

	return low < 0 || high < 0 ? -1 : low | high << 8;
}

static bool
take_palette(struct gif *g, int flags)
{
	size_t n = (size_t)2 << (flags & 7);

	if (!(flags & 0x80))
		return true;
	if ((size_t)(g->end - g->at) < 3 * n)
		return false;
	g->palette = g->at;
	g->n_colours = (int)n;
	g->at += 3 * n;
	return true;
}

static bool
skip_blocks(struct gif *g)
{
	int n;

	while ((n = take8(g)) > 0) {
		if (g->end - g->at < n)
			return false;
		g->at += n;
	}
	return n == 0;
}

static bool
take_extension(struct gif *g)
{
	int label = take8(g);

	if (label == 0xf9 && g->end - g->at >= 5 && g->at[0] == 4)
		g->transparent = g->at[1] & 1 ? g->at[4] : -1;
	return skip_blocks(g);
}

/* From the start to the first frame's data; false when the file ends before. */
static bool
take_header(struct gif *g)
{
	int flags, kind;

	g->at += 6;
	g->screen_width = take16(g);
	g->screen_height = take16(g);
	flags = take8(g);
	take16(g);
	if (flags < 0 || !take_palette(g, flags))
		return false;
	while ((kind = take8(g)) == 0x21)
		if (!take_extension(g))
			return false;
	if (kind != 0x2c)
		return false;
	g->x = take16(g);
	g->y = take16(g);
	g->width = take16(g);
	g->height = take16(g);
	flags = take8(g);
	if (flags < 0 || !take_palette(g, flags))
		return false;
	g->interlaced = flags & 0x40;
	g->code_size = take8(g);
	return g->code_size >= 1 && g->code_size <= 8 && g->width > 0 && g->height > 0;
}

static int
take_code(struct gif *g, int n)
{
	int code;

	while (g->n_bits < n) {
		int byte;

		if (g->block_left == 0 && (g->block_left = take8(g)) <= 0)
			return -1;
		byte = take8(g);
		if (byte < 0)
			return -1;
		g->block_left--;
		g->bits |= (uint32_t)byte << g->n_bits;
		g->n_bits += 8;
	}
	code = (int)(g->bits & ((1u << n) - 1));
	g->bits >>= n;
	g->n_bits -= n;
	return code;
}

/* LZW: each code stands for the string of its prefix and one more index. */
struct codes {
	uint16_t prefix[MAX_CODES], length[MAX_CODES];
	uint8_t first[MAX_CODES], last[MAX_CODES];
	int n, width;                   /* codes known; bits of the next one */
};

static void
reset_codes(struct codes *c, int code_size)
{
	c->n = (1 << code_size) + 2;
	c->width = code_size + 1;
	for (int i = 0; i < 1 << code_size; i++) {
		c->first[i] = c->last[i] = (uint8_t)i;
		c->length[i] = 1;
	}
}

static void
add_code(struct codes *c, int before, uint8_t last)
{
	if (c->n == MAX_CODES)
		return;
	c->prefix[c->n] = (uint16_t)before;
	c->length[c->n] = (uint16_t)(c->length[before] + 1);
	c->first[c->n] = c->first[before];
	c->last[c->n] = last;
	c->n++;
	if (c->n == 1 << c->width && c->width < 12)
		c->width++;
}

/* Writes the string of a code at out + pos, from its end to its start; returns the position behind it. */
static size_t
put_string(const struct codes *c, int code, uint8_t *out, size_t pos, size_t n)
{
	size_t end = pos + c->length[code];

	for (size_t i = end; i-- > pos; code = c->prefix[code])
		if (i < n)
			out[i] = c->last[code];
	return end;
}

/* Fills out[0..n); false when the codes end before or make no sense. */
static bool
unpack(struct gif *g, uint8_t *out, size_t n)
{
	struct codes c;
	const int clear = 1 << g->code_size;
	int code, before = -1;
	size_t pos = 0;

	reset_codes(&c, g->code_size);
	while (pos < n) {
		code = take_code(g, c.width);
		if (code == clear) {
			reset_codes(&c, g->code_size);
			before = -1;
			continue;
		}
		if (code < 0 || code == clear + 1 || code > c.n || (code == c.n && before < 0))
			return false;
		if (before >= 0)
			add_code(&c, before, c.first[code == c.n ? before : code]);
		pos = put_string(&c, code, out, pos, n);
		before = code;
	}
	return true;
}

static void
place(const struct gif *g, struct raster *r, size_t at, int index)
{
	uint8_t rgb[3] = { (uint8_t)index, (uint8_t)index, (uint8_t)index };

	if (g->palette) {
		memset(rgb, 0, 3);
		if (index < g->n_colours)
			memcpy(rgb, g->palette + 3 * index, 3);
	}
	raster_put(r, at, rgb, index == g->transparent ? 0 : 255);
}

/* The row where line i of an interlaced frame stands: every 8th, then the 4th between, the 2nd, the rest. */
static int
interlaced_row(int i, int height)
{
	static const int start[] = { 0, 4, 2, 1 }, step[] = { 8, 8, 4, 2 };

	for (int pass = 0; pass < 4; pass++) {
		int n = (height - start[pass] + step[pass] - 1) / step[pass];

		if (i < n)
			return start[pass] + i * step[pass];
		i -= n > 0 ? n : 0;
	}
	return height - 1;
}

static void
paint(const struct gif *g, struct raster *r, const uint8_t *indices)
{
	size_t n = (size_t)r->width * (size_t)r->height;

	for (size_t i = 0; i < n; i++)
		place(g, r, i, g->transparent >= 0 ? g->transparent : 0);
	for (int i = 0; i < g->height; i++) {
		int y = g->y + (g->interlaced ? interlaced_row(i, g->height) : i);

		for (int x = 0; x < g->width; x++)
			place(g, r, (size_t)y * (size_t)r->width + (size_t)(g->x + x), *indices++);
	}
}

static bool
known(const uint8_t *bytes, size_t n)
{
	return n >= 6 && (memcmp(bytes, "GIF87a", 6) == 0 || memcmp(bytes, "GIF89a", 6) == 0);
}

static int
larger(int a, int b)
{
	return a > b ? a : b;
}

static int
decode(struct raster *r, const uint8_t *bytes, size_t n, struct error *err)
{
	struct gif g = { .at = bytes, .end = bytes + n, .transparent = -1 };
	size_t n_indices;
	uint8_t *indices;
	int rc = 0;

	if (!take_header(&g))
		return raster_fail(r, err, "it is cut short: no frame");
	if (raster_begin(r, larger(g.screen_width, g.x + g.width), larger(g.screen_height, g.y + g.height), err) < 0 ||
	    (g.transparent >= 0 && raster_begin_shown(r, err) < 0))
		return -1;
	memset(r->rgb, 0, 3 * (size_t)r->width * (size_t)r->height);    /* the frame may not cover all of it */
	n_indices = (size_t)g.width * (size_t)g.height;
	indices = malloc(n_indices);
	if (!indices)
		return raster_fail(r, err, "no memory for its frame");
	if (unpack(&g, indices, n_indices))
		paint(&g, r, indices);
	else
		rc = raster_fail(r, err, "it is cut short or damaged");
	free(indices);
	return rc;
}

const struct format gif_format = { "GIF", "image/gif", "gif", known, decode, NULL };
