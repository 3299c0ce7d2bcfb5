/* ui_sixel.c: the strings are read back by a small decoder of their own: size, colours, and every
 * pixel set. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ui/picture.h"
#include "ui/sixel.h"

enum { SIDE = 1024 };

/* What a string paints. */
struct canvas {
	int w, h;               /* by the raster attributes */
	int colours;            /* registers it defines */
	int rgb[256][3];        /* percent */
	bool outside;           /* something was painted beyond the raster */
	int16_t pixel[SIDE][SIDE];      /* register, or -1 */
};

static int
number(const char **s)
{
	int v = 0;

	while (**s >= '0' && **s <= '9')
		v = v * 10 + *(*s)++ - '0';
	return v;
}

static void
define(struct canvas *c, const char **s, int reg)
{
	assert_int_equal(*(*s)++, ';');
	assert_int_equal(number(s), 2);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(*(*s)++, ';');
		c->rgb[reg][i] = number(s);
		assert_true(c->rgb[reg][i] <= 100);
	}
	c->colours++;
}

static void
paint(struct canvas *c, int x, int band, int bits, int reg)
{
	for (int k = 0; k < 6; k++) {
		const int y = band * 6 + k;
		if (!(bits >> k & 1))
			continue;
		if (x >= c->w || y >= c->h)
			c->outside = true;
		else
			c->pixel[y][x] = (int16_t)reg;
	}
}

static void
decode(const struct buf *string, struct canvas *c)
{
	const char *s = string->at;
	int x = 0, band = 0, reg = 0, times;

	memset(c, 0, sizeof *c);
	memset(c->pixel, 0xff, sizeof c->pixel);
	assert_true(string->n > 10 && strncmp(s, "\033Pq\"1;1;", 8) == 0);
	s += 8;
	c->w = number(&s);
	assert_int_equal(*s++, ';');
	c->h = number(&s);
	assert_true(c->w <= SIDE && c->h <= SIDE);
	while (*s != '\033') {
		times = 1;
		if (*s == '#') {
			s++;
			reg = number(&s);
			assert_true(reg < 256);
			if (*s == ';')
				define(c, &s, reg);
			continue;
		}
		if (*s == '!') {
			s++;
			times = number(&s);
		}
		if (*s == '$')
			x = 0;
		else if (*s == '-')
			x = 0, band++;
		else if (*s >= '?' && *s <= '~')
			for (; times > 0; times--)
				paint(c, x++, band, *s - '?', reg);
		else
			fail_msg("byte %d at %td", *s, s - string->at);
		s++;
	}
	assert_int_not_equal(s[-1], '-');
	assert_string_equal(s, "\033\\");
}

static int
unpainted(const struct canvas *c)
{
	int n = 0;

	for (int y = 0; y < c->h; y++) {
		for (int x = 0; x < c->w; x++)
			n += c->pixel[y][x] < 0;
	}
	return n;
}

static uint8_t *
gradient(int w, int h)
{
	uint8_t *rgb = malloc((size_t)w * (size_t)h * 3);

	for (int i = 0; i < w * h; i++) {
		rgb[3 * i] = (uint8_t)(255 * (i % w) / w);
		rgb[3 * i + 1] = (uint8_t)(255 * (i / w) / h);
		rgb[3 * i + 2] = (uint8_t)((i * 7919) % 251);
	}
	return rgb;
}

static struct canvas canvas, other;

static void
test_whole_picture(void **state)
{
	struct sixels *s = sixels_new();
	uint8_t *rgb = gradient(100, 80);
	const struct place place = { 1, 3, 2, 0, 7, 20, 7 };
	const struct sixel_limits limits = { 9, 18, 256, 256 << 10 };

	(void)state;
	sixels_limit(s, &limits);
	const struct buf *string = sixels_get(s, &place, &(struct sixel_source){ 1, rgb, 100, 80 });
	assert_non_null(string);
	decode(string, &canvas);
	assert_int_equal(canvas.w, 180);
	assert_int_equal(canvas.h, 126);
	assert_int_equal(unpainted(&canvas), 0);
	assert_false(canvas.outside);
	assert_true(canvas.colours >= 64 && canvas.colours <= 256);
	free(rgb);
	sixels_free(s);
}

/* A slice shows the same pixels as the whole, and the second time it is the same string. */
static void
test_slices_agree_with_the_whole(void **state)
{
	struct sixels *s = sixels_new();
	uint8_t *rgb = gradient(90, 90);
	const struct sixel_source source = { 7, rgb, 90, 90 };
	const struct sixel_limits limits = { 9, 19, 256, 256 << 10 };
	struct place place = { 7, 0, 0, 0, 5, 10, 5 };

	(void)state;
	sixels_limit(s, &limits);
	decode(sixels_get(s, &place, &source), &canvas);
	for (int first = 0; first < 5; first++) {
		place.first = first;
		place.rows = first == 4 ? 1 : 2;
		const struct buf *string = sixels_get(s, &place, &source);
		place.row = 11;
		assert_ptr_equal(sixels_get(s, &place, &source), string);
		decode(string, &other);
		assert_int_equal(other.h, place.rows * 19);
		assert_int_equal(unpainted(&other), 0);
		assert_false(other.outside);
		for (int y = 0; y < other.h; y++) {
			for (int x = 0; x < other.w; x++) {
				const int *a = other.rgb[other.pixel[y][x]];
				const int *b = canvas.rgb[canvas.pixel[y + first * 19][x]];
				assert_memory_equal(a, b, sizeof other.rgb[0]);
			}
		}
	}
	free(rgb);
	sixels_free(s);
}

static void
test_one_colour_and_one_pixel(void **state)
{
	static const uint8_t red[3] = { 204, 51, 0 };
	struct sixels *s = sixels_new();
	const struct place place = { 1, 0, 0, 0, 1, 2, 1 };

	(void)state;
	sixels_limit(s, &(struct sixel_limits){ 4, 6, 256, 1000 });
	decode(sixels_get(s, &place, &(struct sixel_source){ 1, red, 1, 1 }), &canvas);
	assert_int_equal(canvas.w, 8);
	assert_int_equal(canvas.h, 6);
	assert_int_equal(unpainted(&canvas), 0);
	assert_int_equal(canvas.rgb[canvas.pixel[5][7]][0], 80);
	assert_int_equal(canvas.rgb[canvas.pixel[5][7]][1], 20);
	assert_int_equal(canvas.rgb[canvas.pixel[5][7]][2], 0);
	sixels_free(s);
}

static void
test_limits_of_colours_and_bytes(void **state)
{
	static const int kib[] = { 256, 64, 24, 10 };
	struct sixels *s = sixels_new();
	uint8_t *rgb = gradient(400, 300);
	const struct sixel_source source = { 1, rgb, 400, 300 };
	const struct place place = { 1, 0, 0, 0, 15, 40, 15 };

	(void)state;
	for (size_t i = 0; i < sizeof kib / sizeof kib[0]; i++) {
		sixels_limit(s, &(struct sixel_limits){ 10, 20, 256, (size_t)kib[i] << 10 });
		const struct buf *string = sixels_get(s, &place, &source);
		assert_true(string->n <= (size_t)kib[i] << 10);
		decode(string, &canvas);
		assert_int_equal(unpainted(&canvas), 0);
		assert_int_equal(canvas.w, 400);
	}
	sixels_limit(s, &(struct sixel_limits){ 10, 20, 16, 256 << 10 });
	decode(sixels_get(s, &place, &source), &canvas);
	assert_true(canvas.colours <= 16);
	free(rgb);
	sixels_free(s);
}

/* More pictures than the cache keeps: every one is still right. */
static void
test_many_pictures(void **state)
{
	struct sixels *s = sixels_new();
	uint8_t rgb[3];

	(void)state;
	for (int round = 0; round < 2; round++) {
		for (int i = 1; i <= 60; i++) {
			const struct place place = { i, 0, 0, 0, 1, 1, 1 };
			rgb[0] = rgb[1] = rgb[2] = (uint8_t)(i * 4);
			decode(sixels_get(s, &place, &(struct sixel_source){ i, rgb, 1, 1 }), &canvas);
			assert_in_range(canvas.rgb[canvas.pixel[0][0]][0], i * 400 / 255 - 1, i * 400 / 255 + 1);
		}
	}
	sixels_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_picture),
		cmocka_unit_test(test_slices_agree_with_the_whole),
		cmocka_unit_test(test_one_colour_and_one_pixel),
		cmocka_unit_test(test_limits_of_colours_and_bytes),
		cmocka_unit_test(test_many_pictures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
