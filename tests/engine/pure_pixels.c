/* pure_pixels.c: the resize where its result is known without a reference: nothing changes, one colour, one pixel,
 * symmetry, a step whose overshoot is worked out from the kernel, and a picture put together from its rows or columns. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "engine/engine.h"

static void
resize(uint8_t *out, int to_width, int to_height, const uint8_t *rgb, int width, int height)
{
	assert_int_equal(pixels_resize(out, to_width, to_height, rgb, width, height, NULL), 0);
}

static void
test_same_size(void **state)
{
	uint8_t rgb[5 * 3 * 3], out[sizeof rgb];

	(void)state;
	for (size_t i = 0; i < sizeof rgb; i++)
		rgb[i] = (uint8_t)(i * 41);
	resize(out, 5, 3, rgb, 5, 3);
	assert_memory_equal(out, rgb, sizeof rgb);
}

/* Weights sum to one, so one colour stays that colour in every size. */
static void
test_one_colour(void **state)
{
	static const int sizes[][4] = {{1, 1, 7, 9}, {7, 9, 1, 1}, {100, 2, 3, 50}, {448, 1, 10, 10}};
	uint8_t rgb[448 * 9 * 3], out[448 * 9 * 3];

	(void)state;
	for (size_t i = 0; i < sizeof rgb; i++)
		rgb[i] = i % 3 == 0 ? 255 : i % 3 == 1 ? 0 : 77;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		resize(out, sizes[i][2], sizes[i][3], rgb, sizes[i][0], sizes[i][1]);
		assert_memory_equal(out, rgb, (size_t)sizes[i][2] * (size_t)sizes[i][3] * 3);
	}
}

static void
test_mirror(void **state)
{
	uint8_t rgb[11 * 3], mirrored[11 * 3], out[4 * 3], back[4 * 3];

	(void)state;
	for (int x = 0; x < 11; x++)
		for (int c = 0; c < 3; c++)
			rgb[3 * x + c] = mirrored[3 * (10 - x) + c] = (uint8_t)(x * x * (c + 1));
	resize(out, 4, 1, rgb, 11, 1);
	resize(back, 4, 1, mirrored, 11, 1);
	for (int x = 0; x < 4; x++)
		assert_memory_equal(out + 3 * x, back + 3 * (3 - x), 3);
}

/* 0 0 100 100 twice as wide. The kernel at 1/4, 3/4, 5/4 and 7/4 is 111, 29, -9 and -3 of 128; at an edge the weights
 * that are left are divided by their sum. */
static void
test_step(void **state)
{
	static const uint8_t step[] = {0, 0, 0, 0, 0, 0, 100, 100, 100, 100, 100, 100};
	static const uint8_t want[] = {
		0, 0, 0,        /* 100 * -9 / 131 and the like, cut at 0 */
		20,             /* 100 * (29 - 3) / 128 = 20.31 */
		80,             /* 100 * (111 - 9) / 128 = 79.69 */
		107,            /* 100 * (111 + 29) / 131 = 106.87 */
		102,            /* 100 * (29 + 111) / 137 = 102.19 */
		100,
	};
	uint8_t out[8 * 3];

	(void)state;
	resize(out, 8, 1, step, 4, 1);
	for (int x = 0; x < 8; x++)
		assert_int_equal(out[3 * x + x % 3], want[x]);
}

/* Rows first: a picture and its transpose agree up to rounding between the passes, not further. */
static void
test_columns_like_rows(void **state)
{
	uint8_t wide[9 * 3], tall[9 * 3], out_wide[4 * 3], out_tall[4 * 3];

	(void)state;
	for (size_t i = 0; i < sizeof wide; i++)
		wide[i] = tall[i] = (uint8_t)(i * 29);
	resize(out_wide, 4, 1, wide, 9, 1);
	resize(out_tall, 1, 4, tall, 1, 9);
	assert_memory_equal(out_wide, out_tall, sizeof out_wide);
}

#define SIDE 331                 /* odd, and enough work for several threads and for the widest loops */

/* Pixel i of row or column `line`. */
static const uint8_t *
pixel(const uint8_t *rgb, int width, bool is_row, int line, int i)
{
	return rgb + 3 * (is_row ? line * width + i : i * width + line);
}

/* A square of SIDE, resized along its rows or its columns alone, has in each of them what that one gives alone: as a
 * single column, which one thread computes byte by byte. */
static void
check_lines(const uint8_t *square, int n_out, bool is_row)
{
	int width = is_row ? n_out : SIDE, height = is_row ? SIDE : n_out;
	uint8_t *out = xcalloc((size_t)width * (size_t)height, 3), *line = xcalloc(SIDE, 3), *want = xcalloc((size_t)n_out, 3);

	resize(out, width, height, square, SIDE, SIDE);
	for (int y = 0; y < SIDE; y++) {
		for (int i = 0; i < SIDE; i++)
			memcpy(line + 3 * i, pixel(square, SIDE, is_row, y, i), 3);
		resize(want, 1, n_out, line, 1, SIDE);
		for (int i = 0; i < n_out; i++)
			assert_memory_equal(pixel(out, width, is_row, y, i), want + 3 * i, 3);
	}
	free(out);
	free(line);
	free(want);
}

static void
test_line_by_line(void **state)
{
	static const int sizes[] = {1, 2, 97, 330, 332, 700};
	uint8_t *square = xcalloc((size_t)SIDE * SIDE, 3);
	uint32_t random = 1;

	(void)state;
	for (size_t i = 0; i < (size_t)SIDE * SIDE * 3; i++) {
		random = random * 1664525u + 1013904223u;
		square[i] = random >> 31 ? (uint8_t)(random >> 20) : random >> 30 & 1 ? 255 : 0;
	}
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		check_lines(square, sizes[i], true);
		check_lines(square, sizes[i], false);
	}
	free(square);
}

static void
test_keys(void **state)
{
	uint8_t rgb[4 * 4 * 3] = {0};
	struct pixels a, b, c;

	(void)state;
	assert_int_equal(pixels_make(&a, 4, rgb, 4, 4, NULL), 0);
	assert_int_equal(pixels_make(&b, 4, rgb, 2, 1, NULL), 0);
	rgb[47] = 1;
	assert_int_equal(pixels_make(&c, 4, rgb, 4, 4, NULL), 0);
	assert_memory_equal(a.key, b.key, PIXELS_KEY);          /* the same square, however it was made */
	assert_memory_not_equal(a.key, c.key, PIXELS_KEY);
	pixels_done(&b);
	pixels_copy(&b, &c);
	assert_memory_equal(b.key, c.key, PIXELS_KEY);
	assert_memory_equal(b.rgb, rgb, sizeof rgb);
	pixels_done(&a);
	pixels_done(&b);
	pixels_done(&c);
	assert_null(a.rgb);
}

static void
test_refused(void **state)
{
	static const int sizes[][2] = {{0, 5}, {5, 0}, {-1, 5}};
	struct pixels p;
	struct error err = {0};
	uint8_t rgb[3] = {0};

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		assert_int_equal(pixels_make(&p, 4, rgb, sizes[i][0], sizes[i][1], &err), -1);
		assert_int_equal(err.code, CODE_INPUT);
		assert_null(p.rgb);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_size),
		cmocka_unit_test(test_one_colour),
		cmocka_unit_test(test_mirror),
		cmocka_unit_test(test_step),
		cmocka_unit_test(test_columns_like_rows),
		cmocka_unit_test(test_line_by_line),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
