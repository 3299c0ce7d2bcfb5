/* sixel.c: RGB → sixel strings; the only user of libsixel.
 *
 * libsixel chooses the palette and writes the string. Scaling and the mapping to the palette are
 * done here: Atkinson's dithering with a table of 32768 nearest colours that is filled on demand is
 * several times faster than libsixel's own and gives smaller strings. The index image is whole;
 * each place encodes a slice of it, because a cut in a finished string falls between cells only
 * when the cell is a multiple of six pixels.
 *
 * No config.h here: sixel.h defines PACKAGE_VERSION too.
 */
#include "ui/sixel.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <sixel.h>

#include "base/alloc.h"
#include "ui/picture.h"

enum { MADE_MAX = 24, STRINGS_MAX = 48 };

/* One picture at one size: its palette and the colour number of every pixel. */
struct made {
	int picture, cols, of;
	int w, h;
	uint8_t palette[256 * 3];
	int colours;
	uint8_t *index;         /* [h, w]; NULL: this slot is free */
	unsigned used;
};

struct string {
	struct place place;     /* row and col are 0: a string is the same everywhere */
	struct buf text;
	unsigned used;          /* 0: this slot is free */
};

struct sixels {
	struct sixel_limits limits;
	struct made made[MADE_MAX];
	struct string strings[STRINGS_MAX];
	unsigned clock;
};

/* ---------------------------------------------------------------- scaling */

/* The mean of the source pixels that fall into each pixel of [w, h]; nearest when it grows. */
static uint8_t *
scale(const uint8_t *rgb, int from_w, int from_h, int w, int h)
{
	uint8_t *out = xmalloc((size_t)w * (size_t)h * 3), *p = out;

	for (int y = 0; y < h; y++) {
		const int y0 = (int)((int64_t)y * from_h / h), y1 = (int)(((int64_t)y + 1) * from_h / h);
		for (int x = 0; x < w; x++) {
			const int x0 = (int)((int64_t)x * from_w / w), x1 = (int)(((int64_t)x + 1) * from_w / w);
			unsigned sum[3] = { 0, 0, 0 }, n = 0;
			for (int j = y0; j < y1 || j == y0; j++) {
				for (int i = x0; i < x1 || i == x0; i++, n++) {
					const uint8_t *s = rgb + ((size_t)j * (size_t)from_w + (size_t)i) * 3;
					sum[0] += s[0], sum[1] += s[1], sum[2] += s[2];
				}
			}
			for (int c = 0; c < 3; c++)
				*p++ = (uint8_t)((sum[c] + n / 2) / n);
		}
	}
	return out;
}

/* Squares of `side` pixels take the colour of their corner: a string of fewer bytes, of the same
 * size. */
static void
coarsen(uint8_t *index, int w, int h, int side)
{
	for (int y = 0; y < h; y++) {
		for (int x = 0; x < w; x++)
			index[(size_t)y * (size_t)w + (size_t)x] =
			    index[(size_t)(y - y % side) * (size_t)w + (size_t)(x - x % side)];
	}
}

/* ---------------------------------------------------------------- mapping */

struct mapper {
	const uint8_t *palette;
	int colours;
	int16_t table[32768];   /* 5 bits a channel → colour number, or -1: not asked yet */
};

static int
nearest(const struct mapper *m, int r, int g, int b)
{
	int best = 0, best_d = 1 << 30;

	for (int i = 0; i < m->colours; i++) {
		const uint8_t *p = m->palette + 3 * i;
		const int dr = p[0] - r, dg = p[1] - g, db = p[2] - b;
		const int d = 2 * dr * dr + 3 * dg * dg + db * db;
		if (d < best_d) {
			best_d = d;
			best = i;
		}
	}
	return best;
}

static int
look_up(struct mapper *m, const int rgb[3])
{
	const int key = (rgb[0] >> 3) << 10 | (rgb[1] >> 3) << 5 | rgb[2] >> 3;

	if (m->table[key] < 0)
		m->table[key] = (int16_t)nearest(m, rgb[0], rgb[1], rgb[2]);
	return m->table[key];
}

static int
clamp(int v)
{
	return v < 0 ? 0 : v > 255 ? 255 : v;
}

/* Atkinson: six neighbours take an eighth of the error each, a quarter of it is lost. `err` are
 * three rows of errors, in eighths, with two cells of margin, this row first. */
static void
spread(int *err[3], int x, int c, int e)
{
	const int i = (x + 2) * 3 + c;

	err[0][i + 3] += e;
	err[0][i + 6] += e;
	err[1][i - 3] += e;
	err[1][i] += e;
	err[1][i + 3] += e;
	err[2][i] += e;
}

static void
map_row(struct mapper *m, const uint8_t *rgb, int w, int *err[3], bool dither, uint8_t *index)
{
	for (int x = 0; x < w; x++) {
		int want[3];
		for (int c = 0; c < 3; c++)
			want[c] = clamp(rgb[x * 3 + c] + (dither ? err[0][(x + 2) * 3 + c] / 8 : 0));
		index[x] = (uint8_t)look_up(m, want);
		for (int c = 0; c < 3 && dither; c++)
			spread(err, x, c, want[c] - m->palette[index[x] * 3 + c]);
	}
}

/* Moves every colour to the mean of the pixels that it stands for: libsixel counts colours by their
 * upper bits only, and flat ones would come out a shade off. */
static void
settle(struct mapper *m, struct made *made, const uint8_t *rgb)
{
	uint64_t sum[256][3] = { { 0 } }, n[256] = { 0 };

	for (size_t i = 0; i < (size_t)made->w * (size_t)made->h; i++, rgb += 3) {
		const int k = look_up(m, (const int[]){ rgb[0], rgb[1], rgb[2] });
		n[k]++;
		for (int c = 0; c < 3; c++)
			sum[k][c] += rgb[c];
	}
	for (int k = 0; k < made->colours; k++) {
		for (int c = 0; c < 3 && n[k] > 0; c++)
			made->palette[3 * k + c] = (uint8_t)((sum[k][c] + n[k] / 2) / n[k]);
	}
	memset(m->table, 0xff, sizeof m->table);
}

static void
map(struct made *made, const uint8_t *rgb, bool dither)
{
	struct mapper *m = xmalloc(sizeof *m);
	const size_t row_n = ((size_t)made->w + 4) * 3;
	int *rows = xcalloc(3 * row_n, sizeof *rows);
	int *err[3] = { rows, rows + row_n, rows + 2 * row_n };

	m->palette = made->palette;
	m->colours = made->colours;
	memset(m->table, 0xff, sizeof m->table);
	settle(m, made, rgb);
	for (int y = 0; y < made->h; y++) {
		const size_t at = (size_t)y * (size_t)made->w;
		map_row(m, rgb + at * 3, made->w, err, dither, made->index + at);
		int *first = err[0];
		memset(first, 0, row_n * sizeof *first);
		err[0] = err[1], err[1] = err[2], err[2] = first;
	}
	free(rows);
	free(m);
}

/* ---------------------------------------------------------------- libsixel */

/* Chooses at most `colours` of them for the whole picture. */
static int
choose_palette(struct made *made, uint8_t *rgb, int colours)
{
	sixel_dither_t *dither = NULL;
	int failed;

	if (SIXEL_FAILED(sixel_dither_new(&dither, colours, NULL)))
		return -1;
	failed = SIXEL_FAILED(sixel_dither_initialize(dither, rgb, made->w, made->h,
	                                              SIXEL_PIXELFORMAT_RGB888, SIXEL_LARGE_NORM,
	                                              SIXEL_REP_CENTER_BOX, SIXEL_QUALITY_HIGH));
	if (!failed) {
		made->colours = sixel_dither_get_num_of_palette_colors(dither);
		if (made->colours > colours)
			made->colours = colours;
		memcpy(made->palette, sixel_dither_get_palette(dither), (size_t)made->colours * 3);
	}
	sixel_dither_unref(dither);
	return failed ? -1 : 0;
}

static int
take_bytes(char *data, int size, void *arg)
{
	buf_add(arg, data, (size_t)size);
	return size;
}

static int
encode(const struct made *made, int y, int rows, struct buf *out)
{
	sixel_dither_t *dither = NULL;
	sixel_output_t *output = NULL;
	int rc = -1;

	if (SIXEL_FAILED(sixel_dither_new(&dither, made->colours, NULL)))
		return -1;
	sixel_dither_set_palette(dither, (unsigned char *)made->palette);
	sixel_dither_set_pixelformat(dither, SIXEL_PIXELFORMAT_PAL8);
	if (SIXEL_FAILED(sixel_output_new(&output, take_bytes, out, NULL)))
		goto out;
	sixel_output_set_encode_policy(output, SIXEL_ENCODEPOLICY_SIZE);
	rc = SIXEL_FAILED(sixel_encode(made->index + (size_t)y * (size_t)made->w, made->w, rows, 8, dither,
	                               output)) ? -1 : 0;
	sixel_output_unref(output);
out:
	sixel_dither_unref(dither);
	return rc;
}

/* ---------------------------------------------------------------- one picture */

/* What is tried, in order, until the whole picture fits. */
static const struct attempt {
	int colours;
	bool dither;
	int side;               /* of squares of one colour */
} attempts[] = {
	{ 256, true, 1 }, { 128, false, 1 }, { 64, false, 1 }, { 32, false, 1 },
	{ 32, false, 2 }, { 16, false, 3 }, { 16, false, 6 }, { 8, false, 12 },
};

static int
attempt(struct made *made, uint8_t *rgb, const struct attempt *a, int colours, struct buf *whole)
{
	if (choose_palette(made, rgb, a->colours < colours ? a->colours : colours) < 0)
		return -1;
	map(made, rgb, a->dither);
	if (a->side > 1)
		coarsen(made->index, made->w, made->h, a->side);
	buf_clear(whole);
	return encode(made, 0, made->h, whole);
}

/* Fills `made` for one size; `whole` gets the string of all its rows. */
static int
make(struct made *made, const struct sixel_limits *limits, const struct place *place,
     const struct sixel_source *source, struct buf *whole)
{
	const size_t n_attempts = sizeof attempts / sizeof attempts[0];
	uint8_t *rgb;
	int rc = -1;

	made->picture = place->picture;
	made->cols = place->cols;
	made->of = place->of;
	made->w = place->cols * limits->cell_w;
	made->h = place->of * limits->cell_h;
	made->index = xmalloc((size_t)made->w * (size_t)made->h);
	rgb = scale(source->rgb, source->width, source->height, made->w, made->h);
	for (size_t i = 0; i < n_attempts; i++) {
		rc = attempt(made, rgb, &attempts[i], limits->colours, whole);
		if (rc < 0 || whole->n <= limits->max_bytes)
			break;
	}
	free(rgb);
	if (rc == 0)
		return 0;
	free(made->index);
	made->index = NULL;
	return -1;
}

/* ---------------------------------------------------------------- the cache */

struct sixels *
sixels_new(void)
{
	struct sixels *s = xcalloc(1, sizeof *s);

	s->limits = (struct sixel_limits){ 10, 20, 256, 256 << 10 };
	return s;
}

void
sixels_clear(struct sixels *s)
{
	for (int i = 0; i < MADE_MAX; i++) {
		free(s->made[i].index);
		s->made[i] = (struct made){ 0 };
	}
	for (int i = 0; i < STRINGS_MAX; i++) {
		buf_done(&s->strings[i].text);
		s->strings[i] = (struct string){ 0 };
	}
}

void
sixels_free(struct sixels *s)
{
	if (s)
		sixels_clear(s);
	free(s);
}

void
sixels_limit(struct sixels *s, const struct sixel_limits *limits)
{
	const struct sixel_limits *old = &s->limits;

	assert(limits->cell_w > 0 && limits->cell_h > 0 && limits->colours >= 2 && limits->colours <= 256);
	if (old->cell_w == limits->cell_w && old->cell_h == limits->cell_h && old->colours == limits->colours &&
	    old->max_bytes == limits->max_bytes)
		return;
	sixels_clear(s);
	s->limits = *limits;
}

static struct string *
find_string(struct sixels *s, const struct place *key)
{
	for (int i = 0; i < STRINGS_MAX; i++) {
		if (s->strings[i].used && place_same(&s->strings[i].place, key))
			return &s->strings[i];
	}
	return NULL;
}

/* The slot used longest ago, emptied, for `key`. */
static struct string *
new_string(struct sixels *s, const struct place *key)
{
	struct string *oldest = s->strings;

	for (int i = 1; i < STRINGS_MAX; i++) {
		if (s->strings[i].used < oldest->used)
			oldest = &s->strings[i];
	}
	buf_clear(&oldest->text);
	oldest->place = *key;
	oldest->used = 0;
	return oldest;
}

static struct made *
find_made(struct sixels *s, const struct place *key)
{
	for (int i = 0; i < MADE_MAX; i++) {
		struct made *m = &s->made[i];
		if (m->index && m->picture == key->picture && m->cols == key->cols && m->of == key->of)
			return m;
	}
	return NULL;
}

static struct made *
new_made(struct sixels *s)
{
	struct made *oldest = s->made;

	for (int i = 1; i < MADE_MAX; i++) {
		if (s->made[i].used < oldest->used)
			oldest = &s->made[i];
	}
	free(oldest->index);
	*oldest = (struct made){ 0 };
	return oldest;
}

/* The index image of a place's picture, made now if need be; its whole string is kept with it. */
static struct made *
made_for(struct sixels *s, const struct place *key, const struct sixel_source *source)
{
	struct made *made = find_made(s, key);

	if (!made) {
		struct place all = *key;
		all.first = 0;
		all.rows = all.of;
		struct string *whole = new_string(s, &all);
		made = new_made(s);
		if (make(made, &s->limits, key, source, &whole->text) < 0)
			return NULL;
		whole->used = ++s->clock;
	}
	made->used = ++s->clock;
	return made;
}

const struct buf *
sixels_get(struct sixels *s, const struct place *place, const struct sixel_source *source)
{
	struct place key = *place;
	struct string *string;
	struct made *made;

	assert(place->first >= 0 && place->rows > 0 && place->first + place->rows <= place->of);
	key.row = key.col = 0;
	if (!find_string(s, &key)) {
		made = made_for(s, &key, source);
		if (!made)
			return NULL;
		if (!find_string(s, &key)) {
			const int ch = s->limits.cell_h;
			string = new_string(s, &key);
			if (encode(made, key.first * ch, key.rows * ch, &string->text) < 0)
				return NULL;
			string->used = ++s->clock;
		}
	}
	string = find_string(s, &key);
	string->used = ++s->clock;
	return &string->text;
}
