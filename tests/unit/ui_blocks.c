/* ui_blocks.c: colours of the 256 and half blocks. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ui/blocks.h"

/* The real colour of a number from 16 on. */
static void
colour(int number, int rgb[3])
{
	static const int levels[] = { 0, 95, 135, 175, 215, 255 };

	if (number >= 232) {
		rgb[0] = rgb[1] = rgb[2] = 8 + 10 * (number - 232);
		return;
	}
	rgb[0] = levels[(number - 16) / 36];
	rgb[1] = levels[(number - 16) / 6 % 6];
	rgb[2] = levels[(number - 16) % 6];
}

static long
distance(const int a[3], const int b[3])
{
	const int r = a[0] - b[0], g = a[1] - b[1], bl = a[2] - b[2];

	return 2L * r * r + 3L * g * g + (long)bl * bl;
}

static void
test_every_colour_is_its_own_nearest(void **state)
{
	(void)state;
	for (int number = 16; number < 256; number++) {
		int rgb[3];
		uint8_t back[3];
		colour(number, rgb);
		blocks_nearest(rgb, back);
		for (int c = 0; c < 3; c++)
			assert_int_equal(back[c], rgb[c]);
	}
}

static void
test_nearest_is_nearly_the_best_of_all(void **state)
{
	(void)state;
	for (int i = 0; i < 3000; i++) {
		const int rgb[3] = { i * 37 % 256, i * 101 % 256, i * 53 % 256 };
		uint8_t back[3];
		int got[3], other[3];
		long best = 1L << 40;
		const int number = blocks_nearest(rgb, back);
		assert_in_range(number, 16, 255);
		colour(number, got);
		for (int n = 16; n < 256; n++) {
			colour(n, other);
			if (distance(rgb, other) < best)
				best = distance(rgb, other);
		}
		/* Greys are taken by the mean of the channels, so a mixed colour may miss the best
		 * grey by a little. */
		assert_true(distance(rgb, got) <= best + best / 2 + 600);
	}
}

static void
test_halves(void **state)
{
	/* Red above green: one cell; and the same from a larger picture. */
	static const uint8_t two[2 * 3] = { 255, 0, 0, 0, 255, 0 };
	uint8_t big[8 * 8 * 3];
	struct block cell;

	(void)state;
	blocks_map(two, 1, 2, 1, 1, &cell);
	assert_int_equal(cell.upper, 196);
	assert_int_equal(cell.lower, 46);
	for (int i = 0; i < 64; i++) {
		big[3 * i] = i < 32 ? 255 : 0;
		big[3 * i + 1] = i < 32 ? 0 : 255;
		big[3 * i + 2] = 0;
	}
	blocks_map(big, 8, 8, 1, 1, &cell);
	assert_int_equal(cell.upper, 196);
	assert_int_equal(cell.lower, 46);
}

/* One colour is one colour: no pattern is made to come nearer to it. */
static void
test_a_flat_picture_stays_flat(void **state)
{
	enum { COLS = 24, ROWS = 12, N = COLS * ROWS };
	static struct block cells[N];
	static const uint8_t flat[3] = { 110, 70, 180 };
	uint8_t back[3];
	const uint8_t nearest = blocks_nearest((const int[]){ flat[0], flat[1], flat[2] }, back);

	(void)state;
	blocks_map(flat, 1, 1, COLS, ROWS, cells);
	for (int i = 0; i < N; i++) {
		assert_int_equal(cells[i].upper, nearest);
		assert_int_equal(cells[i].lower, nearest);
	}
}

static void
test_fewer_pixels_than_samples(void **state)
{
	static const uint8_t one[3] = { 0, 0, 255 };
	struct block cells[6];

	(void)state;
	blocks_map(one, 1, 1, 3, 2, cells);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(cells[i].upper, 21);
		assert_int_equal(cells[i].lower, 21);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_colour_is_its_own_nearest),
		cmocka_unit_test(test_nearest_is_nearly_the_best_of_all),
		cmocka_unit_test(test_halves),
		cmocka_unit_test(test_a_flat_picture_stays_flat),
		cmocka_unit_test(test_fewer_pixels_than_samples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
