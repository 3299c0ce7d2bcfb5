/* quant.c: rows of numbers into packed ones and back: against sums written down thread by thread as a GPU adds them, exact
 * rows, rows at the ends of what there is, and every loop that this processor has. */
#include "config.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "engine/cpu/cpu.h"
#include "engine/cpu/quant.h"
#include "tiny.h"

#define MAX_COLS 5000
#define BLOCK 256               /* threads of a block of cuda/quant.cu */

/* A row, what it was packed into, and what comes back. */
struct row {
	enum dtype type;
	int cols;
	float from[MAX_COLS + QUANT_PAD], back[MAX_COLS];
	uint8_t q[MAX_COLS];
	union {
		float one;
		uint16_t half[MAX_COLS / QUANT_GROUP + 1];
	} scale;
};

static const enum dtype types[] = {DTYPE_I8, DTYPE_F8, DTYPE_U4};

static float
bf16(float f)
{
	return bf16_float(float_bf16(f));
}

/* Like weights: a bell, one in 512 ten times as far. */
static void
fill(struct row *r, enum dtype type, int cols, float size, uint64_t seed)
{
	memset(r, 0, sizeof *r);
	r->type = type;
	r->cols = cols;
	for (int i = 0; i < cols; i++) {
		float v = tiny_random(&seed) + tiny_random(&seed) + tiny_random(&seed);

		r->from[i] = bf16(size * v * (tiny_random(&seed) > 0.996f ? 10 : 1));
	}
}

static struct tensor
view(const struct row *r)
{
	return (struct tensor){.data = r->q, .scale = &r->scale, .type = r->type, .n_dims = 2, .shape = {1, r->cols}};
}

static void
unpack(struct row *r)
{
	struct tensor t = view(r);

	quant_unpack_row(r->back, &t, 0, 0, (size_t)r->cols);
}

static void
pack(struct row *r)
{
	assert_int_equal(quant_pack_row(r->type, r->q, &r->scale, r->from, r->cols), -1);
	unpack(r);
}

/* ---- the same sums, as they are written in cuda/quant.cu */

/* What every lane has after the exchanges of warp_sum() and its like. */
static float
exchange(float *lane, int n)
{
	for (int m = n / 2; m; m /= 2) {
		float next[BLOCK];

		for (int i = 0; i < n; i++)
			next[i] = lane[i] + lane[i ^ m];
		memcpy(lane, next, (size_t)n * sizeof *lane);
	}
	return lane[0];
}

static float
block_sum(const float *thread)
{
	float lane[32], room[32] = {0};

	for (int w = 0; w < BLOCK / 32; w++) {
		memcpy(lane, thread + 32 * w, sizeof lane);
		room[w] = exchange(lane, 32);
	}
	return exchange(room, 32);
}

static float
nearest(float v, float inverse, float least, float most)
{
	return fmaxf(least, fminf(most, nearbyintf(v * inverse)));
}

static float
int8_scale(const struct row *r, float absmax)
{
	float best = 0, best_error = INFINITY;

	for (int t = 0; t < 12; t++) {
		float s = absmax / 127 * fmaf(-0.05f, (float)t, 1), thread[BLOCK] = {0}, error;

		for (int k = 0; k < BLOCK; k++)
			for (int i = k; i < r->cols; i += BLOCK) {
				float d = fmaf(-s, nearest(r->from[i], 1 / s, -127, 127), r->from[i]);

				thread[k] = fmaf(d, d, thread[k]);
			}
		error = block_sum(thread);
		if (error < best_error) {
			best_error = error;
			best = s;
		}
	}
	return best;
}

static float
int4_error(const float *v, float s)
{
	float lane[16] = {0};

	for (int l = 0; l < 16; l++)
		for (int i = 0; i < 8; i++) {
			float d = fmaf(-s, nearest(v[8 * l + i], 1 / s, -8, 7), v[8 * l + i]);

			lane[l] = fmaf(d, d, lane[l]);
		}
	return exchange(lane, 16);
}

static float
int4_scale(const float *v, float absmax)
{
	float best = 0, best_error = INFINITY, first = absmax / 7;
	uint32_t bits;

	memcpy(&bits, &first, sizeof bits);
	bits = (bits + 0x7ffff) & ~0x7ffffu;
	for (uint32_t t = 0; t < 14; t++, bits -= 0x80000) {
		float s;

		memcpy(&s, &bits, sizeof s);
		s = f16_float(float_f16(s));
		for (int sign = 1; sign >= -1 && s > 0; sign -= 2) {
			float error = int4_error(v, (float)sign * s);

			if (error < best_error) {
				best_error = error;
				best = (float)sign * s;
			}
		}
	}
	return best;
}

static float
largest(const float *v, int n)
{
	float most = 0;

	for (int i = 0; i < n; i++)
		most = fmaxf(most, fabsf(v[i]));
	return most;
}

static int
nibble(const struct row *r, int i)
{
	return (r->q[i / 2] >> 4 * (i % 2) & 15) - 8;
}

static void
assert_as_on_the_card(const struct row *r)
{
	if (r->type == DTYPE_I8) {
		float s = int8_scale(r, largest(r->from, r->cols));

		assert_true(r->scale.one == s);
		for (int i = 0; i < r->cols; i++)
			assert_int_equal((int8_t)r->q[i], (int)nearest(r->from[i], 1 / s, -127, 127));
	}
	for (int at = 0; r->type == DTYPE_U4 && at < r->cols; at += QUANT_GROUP) {
		float s = int4_scale(r->from + at, largest(r->from + at, QUANT_GROUP));

		assert_true(f16_float(r->scale.half[at / QUANT_GROUP]) == s);
		for (int i = at; i < at + QUANT_GROUP && i < r->cols; i++)
			assert_int_equal(nibble(r, i), s != 0 ? (int)nearest(r->from[i], 1 / s, -8, 7) : 0);
	}
}

static const int widths[] = {1, 2, 31, 127, 128, 129, 255, 256, 257, 1000, 2048, 2049, 4801};

static void
scales_are_those_of_the_card(void **state)
{
	struct row *r = xmalloc(sizeof *r);

	(void)state;
	for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
		for (int k = 0; k < 3; k++)
			for (uint64_t seed = 0; seed < 5; seed++) {
				fill(r, types[k], widths[i], seed == 4 ? 1e-6f : 0.02f, seed);
				pack(r);
				assert_as_on_the_card(r);
			}
	free(r);
}

static void
all_loops_give_the_same_bits(void **state)
{
	const struct quant_loops *all[QUANT_LOOPS_MAX];
	int n = quant_all(all);
	struct row *r = xmalloc(sizeof *r), *other = xmalloc(sizeof *other);

	(void)state;
	for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
		for (int k = 0; k < 3; k++)
			for (int l = 0; l < n; l++) {
				struct tensor t = view(other);

				fill(r, types[k], widths[i], 0.02f, 7 + (uint64_t)k);
				pack(r);
				fill(other, types[k], widths[i], 0.02f, 7 + (uint64_t)k);
				all[l]->pack(types[k], other->q, &other->scale, other->from, widths[i],
				    largest(other->from, widths[i]));
				t = view(other);
				all[l]->unpack(other->back, &t, 0, 0, (size_t)widths[i]);
				assert_memory_equal(other, r, sizeof *r);
			}
	free(r);
	free(other);
}

/* ---- bounds */

static double
error_of(const struct row *r)
{
	double sum = 0;

	for (int i = 0; i < r->cols; i++)
		sum += ((double)r->from[i] - (double)r->back[i]) * ((double)r->from[i] - (double)r->back[i]);
	return sum;
}

/* No worse than by the plain scales, absmax over the steps there are; FP8: each value to 4 significant bits. */
static void
errors_are_bounded(void **state)
{
	struct row *r = xmalloc(sizeof *r);

	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		double most, plain;

		fill(r, DTYPE_I8, 3000, 0.02f, seed);
		pack(r);
		most = (double)largest(r->from, r->cols);
		assert_true(error_of(r) <= r->cols * most * most / (4 * 127 * 127));
		fill(r, DTYPE_U4, QUANT_GROUP, 0.02f, seed);
		pack(r);
		plain = (double)int4_error(r->from, bf16(largest(r->from, QUANT_GROUP) / 7) * 1.03f);
		assert_true(error_of(r) <= plain * 1.2);
		fill(r, DTYPE_F8, 3000, 0.02f, seed);
		pack(r);
		for (int i = 0; i < r->cols; i++)
			assert_true(fabsf(r->from[i] - r->back[i]) <= fabsf(r->from[i]) / 16 + r->scale.one * 0x1p-10f);
	}
	free(r);
}

/* What the steps hold exactly comes back exactly. */
static void
steps_come_back(void **state)
{
	struct row *r = xmalloc(sizeof *r);

	(void)state;
	fill(r, DTYPE_I8, 255, 1, 0);
	for (int i = 0; i < 255; i++)
		r->from[i] = (float)(i - 127) * 0x1p-9f;
	pack(r);
	assert_true(r->scale.one == 0x1p-9f);
	assert_memory_equal(r->back, r->from, 255 * sizeof *r->back);
	for (int sign = -1; sign <= 1; sign += 2) {
		fill(r, DTYPE_U4, 300, 1, 0);
		for (int i = 0; i < 300; i++)
			r->from[i] = (float)(sign * (i % 16 - 8)) * 0x1.8p-7f;
		pack(r);
		for (int i = 0; i < 300; i++)
			assert_true(r->back[i] == r->from[i]);          /* -0 comes back as 0 */
		assert_int_equal(r->scale.half[0] >> 15, sign < 0);
	}
	free(r);
}

/* Every byte of e4m3 but the two that are no number; 448, the largest, makes the scale 1. */
static void
every_number_of_fp8_comes_back(void **state)
{
	struct row *r = xmalloc(sizeof *r);
	struct tensor t;

	(void)state;
	fill(r, DTYPE_F8, 256, 1, 0);
	for (int i = 0; i < 256; i++)
		r->q[i] = (uint8_t)i;
	r->scale.one = 1;
	unpack(r);
	assert_true(isnan(r->back[0x7f]) && isnan(r->back[0xff]));
	assert_true(r->back[0x7e] == 448 && r->back[0xfe] == -448 && r->back[1] == 0x1p-9f && r->back[8] == 0x1p-6f);
	assert_true(r->back[0x38] == 1 && r->back[0x39] == 1.125f && signbit(r->back[0x80]) && r->back[0x80] == 0);
	for (int i = 1; i < 0x7f; i++)
		assert_true(r->back[i] > r->back[i - 1]);
	memcpy(r->from, r->back, sizeof r->back[0] * 256);
	r->from[0x7f] = r->from[0xff] = 0;
	pack(r);
	assert_true(r->scale.one == 1);
	for (int i = 0; i < 256; i++)
		assert_int_equal(r->q[i], (i & 0x7f) == 0x7f ? 0 : i);
	t = view(r);
	quant_unpack_row(r->back, &t, 0, 16, 3);
	assert_memory_equal(r->back, r->from + 16, 3 * sizeof *r->back);
	free(r);
}

static void
fp8_rounds_to_even(void **state)
{
	static const struct { float v; uint8_t q; } cases[] = {
		{448, 0x7e}, {1.0625f, 0x38}, {1.1875f, 0x3a}, {-1.0625f, 0xb8}, {1.07f, 0x39}, {0x1p-10f, 0}, {0x1.8p-9f, 2},
		{0x1.04p-10f, 1}, {0x1.ep-7f, 8}, {0x1.fp-7f, 8}, {432, 0x7e}, {431, 0x7d},
	};
	struct row *r = xmalloc(sizeof *r);
	int n = (int)(sizeof cases / sizeof *cases);

	(void)state;
	fill(r, DTYPE_F8, n, 1, 0);
	for (int i = 0; i < n; i++)
		r->from[i] = cases[i].v;
	pack(r);
	assert_true(r->scale.one == 1);
	for (int i = 0; i < n; i++)
		assert_int_equal(r->q[i], cases[i].q);
	free(r);
}

/* ---- rows at the ends */

static void
nothing_is_nothing(void **state)
{
	struct row *r = xmalloc(sizeof *r);

	(void)state;
	for (int k = 0; k < 3; k++) {
		fill(r, types[k], 301, 1, 0);
		memset(r->from, 0, sizeof r->from);
		r->from[5] = 1e-39f;            /* as good as nothing in all but fp8, where it is less than half a step */
		pack(r);
		for (int i = 0; i < r->cols; i++)
			assert_true(r->back[i] == 0);
	}
	free(r);
}

/* One value far from all others keeps half its size at least; in INT4 only its group is the worse for it, in FP8 none. */
static void
one_huge_value_does_not_spoil_a_row(void **state)
{
	struct row *r = xmalloc(sizeof *r);

	(void)state;
	for (int k = 0; k < 3; k++) {
		fill(r, types[k], 4096, 0.02f, 3);
		r->from[1000] = 300;
		pack(r);
		assert_true(fabsf(r->back[1000] - 300) <= 300 / 2);
		for (int i = 0; types[k] != DTYPE_I8 && i < r->cols; i++)
			if (i / QUANT_GROUP != 1000 / QUANT_GROUP)
				assert_true(fabsf(r->back[i] - r->from[i]) <= (types[k] == DTYPE_U4 ? 0.06f + fabsf(r->from[i]) / 2 :
				    fabsf(r->from[i]) / 16 + r->scale.one * 0x1p-10f));
	}
	free(r);
}

static void
what_cannot_be_packed_is_named(void **state)
{
	static const float bad[] = {NAN, -INFINITY, INFINITY};
	struct row *r = xmalloc(sizeof *r);

	(void)state;
	for (int k = 0; k < 3; k++)
		for (int i = 0; i < 3; i++) {
			fill(r, types[k], 777, 1, 0);
			r->from[650] = bad[i];
			assert_int_equal(quant_pack_row(r->type, r->q, &r->scale, r->from, r->cols), 650);
		}
	fill(r, DTYPE_U4, 777, 1, 0);
	r->from[3] = -500000;
	assert_int_equal(quant_pack_row(r->type, r->q, &r->scale, r->from, r->cols), 3);
	r->type = DTYPE_I8;
	pack(r);
	r->from[4] = 3e38f;
	assert_int_equal(quant_pack_row(r->type, r->q, &r->scale, r->from, r->cols), 4);
	r->type = DTYPE_F8;
	pack(r);
	assert_true(fabsf(r->back[4] - 3e38f) < 2e37f);
	free(r);
}

/* Any plain type goes through bfloat16, as on the card. */
static void
rows_are_taken_as_bfloat16(void **state)
{
	static const float from[] = {1, -2.5f, 1.00390625f, 1.01171875f, 65504};
	static const float want[] = {1, -2.5f, 1, 1.015625f, 65536};
	uint16_t half[5], wide[5];
	float row[QUANT_PAD];

	(void)state;
	for (int i = 0; i < 5; i++) {
		half[i] = float_f16(from[i]);
		wide[i] = float_bf16(from[i]);
	}
	memset(row, 0xff, sizeof row);
	quant_take_row(row, from, DTYPE_F32, 5);
	assert_memory_equal(row, want, sizeof want);
	for (int i = 5; i < QUANT_PAD; i++)
		assert_true(row[i] == 0);
	quant_take_row(row, half, DTYPE_F16, 5);
	assert_memory_equal(row, want, sizeof want);
	quant_take_row(row, wide, DTYPE_BF16, 5);
	assert_memory_equal(row, want, sizeof want);
}

static void
scales_must_be_finite(void **state)
{
	uint16_t half[] = {0x3c00, 0x0001, 0xfbff};
	float one[] = {1, -2, 0};
	char off[16];

	(void)state;
	assert_true(quant_check_scales(half, DTYPE_U4, 3));
	half[2] = 0x7c00;
	assert_false(quant_check_scales(half, DTYPE_U4, 3));
	assert_true(quant_check_scales(one, DTYPE_I8, 3));
	one[1] = NAN;
	memcpy(off + 1, one, sizeof one);
	assert_false(quant_check_scales(off + 1, DTYPE_F8, 3));
	assert_true(quant_check_scales(off + 1, DTYPE_F8, 1));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(scales_are_those_of_the_card),
		cmocka_unit_test(all_loops_give_the_same_bits),
		cmocka_unit_test(errors_are_bounded),
		cmocka_unit_test(steps_come_back),
		cmocka_unit_test(every_number_of_fp8_comes_back),
		cmocka_unit_test(fp8_rounds_to_even),
		cmocka_unit_test(nothing_is_nothing),
		cmocka_unit_test(one_huge_value_does_not_spoil_a_row),
		cmocka_unit_test(what_cannot_be_packed_is_named),
		cmocka_unit_test(rows_are_taken_as_bfloat16),
		cmocka_unit_test(scales_must_be_finite),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
