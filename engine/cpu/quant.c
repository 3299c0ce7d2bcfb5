/* quant.c: packed weights on the host.
 *
 *   I8   s (float32) for a row: the one of 12 from absmax / 127 down to 0.45 of it with the smallest squared error, so
 *        that one far value does not spoil a row.
 *   F8   e4m3, s at least absmax / 448 with 4 significant bits, with which value times scale is a bfloat16.
 *   U4   s (fp16) for 128 columns, of both signs and 14 sizes from absmax / 7 down the one with the smallest squared
 *        error; 5 significant bits.
 *
 * The choice must not depend on where it is made, so errors are summed as a block of cuda/quant.cu sums them: fused
 * multiply-adds into as many partial sums as it has threads, which are then halved until one is left. In that order the
 * loops are also what a compiler makes wide loops of.
 */
#include "config.h"

#include "engine/cpu/quant.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "engine/cpu/cpu.h"

#define INT8_TRIES 12
#define INT4_TRIES 14
#define ROW_SUMS QUANT_PAD              /* threads of a block there */
#define WARP 32
#define LANES 16                        /* threads that share a group there, 8 neighbours each */
#define EACH (QUANT_GROUP / LANES)
#define MANY 16                         /* groups of a row that are worked on at a time, side by side */
#define LEAST 1e-30f                    /* what no value of a row is above has the scale zero */
#define MOST_INT8 1e18f                 /* beyond it squared errors are no numbers */
#define HALF_MOST (65504.0f * 0.96f)    /* what a scale of fp16 goes up to */

/* The loops are compiled twice, the second time for AVX2, and chosen between at each call. A fused multiply-add is one by
 * definition, so both give the same bits. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("tree-vectorize", "no-math-errno", "no-trapping-math")
#define HAVE_WIDE 1
#define WIDE __attribute__((target("avx2,fma")))
#endif
#define INLINE static inline __attribute__((always_inline))

static float
bits_float(uint32_t bits)
{
	float f;

	memcpy(&f, &bits, sizeof f);
	return f;
}

static uint32_t
float_bits(float f)
{
	uint32_t bits;

	memcpy(&bits, &f, sizeof bits);
	return bits;
}

/* Values as they lie in a file, where nothing need be aligned. */
INLINE float
float_at(const void *values, size_t i)
{
	float v;

	memcpy(&v, (const char *)values + i * sizeof v, sizeof v);
	return v;
}

INLINE uint16_t
half_at(const void *values, size_t i)
{
	uint16_t v;

	memcpy(&v, (const char *)values + i * sizeof v, sizeof v);
	return v;
}

/* ---- what the loops do */

/* Halves n sums until one is left. */
INLINE float
fold(float *sum, int n)
{
	for (n /= 2; n > 0; n /= 2)
		for (int i = 0; i < n; i++)
			sum[i] += sum[i + n];
	return sum[0];
}

/* To the nearest from least to most. v is a few times as large at most: the scale is never much too small. */
INLINE int
round_to(float v, int least, int most)
{
	int i = (int)rintf(v);

	i = i < least ? least : i;
	return i > most ? most : i;
}

INLINE int
int8_of(float v, float inverse)
{
	return round_to(v * inverse, -127, 127);
}

INLINE int
int4_of(float v, float inverse)
{
	return round_to(v * inverse, -8, 7);
}

/* The sum of the squared errors of a row of n values, a multiple of ROW_SUMS. */
INLINE float
int8_error(const float *row, size_t n, float s)
{
	float sum[ROW_SUMS] = {0}, warps[ROW_SUMS / WARP], inverse = 1.0f / s;

	for (size_t at = 0; at < n; at += ROW_SUMS)
		for (size_t i = 0; i < ROW_SUMS; i++) {
			float d = fmaf(-s, (float)int8_of(row[at + i], inverse), row[at + i]);

			sum[i] = fmaf(d, d, sum[i]);
		}
	for (int i = 0; i < ROW_SUMS / WARP; i++)
		warps[i] = fold(sum + i * WARP, WARP);
	return fold(warps, ROW_SUMS / WARP);
}

INLINE float
int8_scale(const float *row, size_t n, float absmax)
{
	float best = 0, best_error = INFINITY;

	for (int t = 0; t < INT8_TRIES; t++) {
		float s = absmax / 127.0f * fmaf(-0.05f, (float)t, 1.0f), error = int8_error(row, n, s);

		best = error < best_error ? s : best;
		best_error = error < best_error ? error : best_error;
	}
	return best;
}

/* The next number up with so many significant bits. */
INLINE float
short_above(float v, int bits)
{
	uint32_t below = (1u << (24 - bits)) - 1;

	return bits_float((float_bits(v) + below) & ~below);
}

/* To the nearest number of fp16, of those with 5 significant bits: only the smallest are not such themselves. */
INLINE float
half_of(float s)
{
	return s < 0x1p-14f ? rintf(s * 0x1p24f) * 0x1p-24f : s;
}

/* One for each group. */
struct sums {
	float at[MANY];
};

/* Value k of group g is v[k].at[g]; error[g] becomes the sum of the squared errors with the scale s[g]. */
INLINE void
int4_errors(struct sums *error, const struct sums *v, const struct sums *s)
{
	struct sums sum[LANES] = {0}, inverse;

	for (int g = 0; g < MANY; g++)
		inverse.at[g] = s->at[g] != 0 ? 1.0f / s->at[g] : 0;
	for (int i = 0; i < EACH; i++)
		for (int l = 0; l < LANES; l++)
			for (int g = 0; g < MANY; g++) {
				float one = v[l * EACH + i].at[g], d = fmaf(-s->at[g], (float)int4_of(one, inverse.at[g]), one);

				sum[l].at[g] = fmaf(d, d, sum[l].at[g]);
			}
	for (int n = LANES / 2; n > 0; n /= 2)
		for (int l = 0; l < n; l++)
			for (int g = 0; g < MANY; g++)
				sum[l].at[g] += sum[l + n].at[g];
	*error = sum[0];
}

INLINE void
keep_better(struct sums *best, struct sums *best_error, const struct sums *s, const struct sums *error)
{
	for (int g = 0; g < MANY; g++) {
		bool better = s->at[g] != 0 && error->at[g] < best_error->at[g];

		best_error->at[g] = better ? error->at[g] : best_error->at[g];
		best->at[g] = better ? s->at[g] : best->at[g];
	}
}

INLINE void
int4_scales(struct sums *best, const struct sums *v)
{
	struct sums best_error, absmax = {0}, first, s, error;

	for (int k = 0; k < QUANT_GROUP; k++)
		for (int g = 0; g < MANY; g++)
			absmax.at[g] = fabsf(v[k].at[g]) > absmax.at[g] ? fabsf(v[k].at[g]) : absmax.at[g];
	for (int g = 0; g < MANY; g++) {
		first.at[g] = short_above(absmax.at[g] / 7.0f, 5);
		best->at[g] = 0;
		best_error.at[g] = INFINITY;
	}
	for (uint32_t t = 0; t < INT4_TRIES; t++) {
		for (int g = 0; g < MANY; g++)
			s.at[g] = half_of(bits_float(float_bits(first.at[g]) - (t << 19)));
		int4_errors(&error, v, &s);
		keep_better(best, &best_error, &s, &error);
		for (int g = 0; g < MANY; g++)
			s.at[g] = -s.at[g];
		int4_errors(&error, v, &s);
		keep_better(best, &best_error, &s, &error);
	}
}

/* The nearest number of e4m3, ties to even; what is beyond the largest, 448, becomes it. */
INLINE uint8_t
e4m3_of(float v)
{
	uint32_t bits = float_bits(v), sign = bits >> 24 & 0x80;
	float size = fabsf(v) < 448.0f ? fabsf(v) : 448.0f;
	uint32_t normal = float_bits(size), small = (uint32_t)(int32_t)rintf((size < 0.015625f ? size : 0.0f) * 512.0f);

	normal = ((normal + 0x7ffff + (normal >> 20 & 1)) >> 20) - (120 << 3);
	return (uint8_t)(sign | (size < 0.015625f ? small : normal));
}

/* ---- one row, n values with the zeros behind it */

INLINE float
absmax_of(const float *row, size_t n)
{
	uint32_t most[LANES] = {0};

	for (size_t at = 0; at < n; at += LANES)
		for (size_t i = 0; i < LANES; i++) {
			uint32_t bits = float_bits(row[at + i]) & 0x7fffffff;

			most[i] = bits > most[i] ? bits : most[i];
		}
	for (int i = 1; i < LANES; i++)
		most[0] = most[i] > most[0] ? most[i] : most[0];
	return bits_float(most[0]);
}

INLINE float
pack_int8(int8_t *to, const float *row, int cols, size_t n, float absmax)
{
	float s = absmax > LEAST ? int8_scale(row, n, absmax) : 0, inverse = s > 0 ? 1.0f / s : 0;

	for (int i = 0; i < cols; i++)
		to[i] = (int8_t)int8_of(row[i], inverse);
	return s;
}

INLINE float
pack_fp8(uint8_t *to, const float *row, int cols, float absmax)
{
	float least = absmax / 448.0f > LEAST ? absmax / 448.0f : LEAST;
	float s = absmax > 0 ? short_above(least, 4) : 0, inverse = s > 0 ? 1.0f / s : 0;

	for (int i = 0; i < cols; i++)
		to[i] = e4m3_of(row[i] * inverse);
	return s;
}

/* MANY groups, of which the row may have fewer: what lies behind its end has the scale 0. */
INLINE void
pack_int4_groups(uint8_t *to, uint16_t *scale, const float *row, int cols)
{
	struct sums v[QUANT_GROUP], best;

	memset(v, 0, sizeof v);
	for (int g = 0; g < MANY && g * QUANT_GROUP < cols; g++)
		for (int k = 0; k < QUANT_GROUP; k++)
			v[k].at[g] = row[g * QUANT_GROUP + k];
	int4_scales(&best, v);
	for (int g = 0; g < MANY && g * QUANT_GROUP < cols; g++) {
		float inverse = best.at[g] != 0 ? 1.0f / best.at[g] : 0;
		const float *from = row + g * QUANT_GROUP;
		int left = cols - g * QUANT_GROUP;
		uint8_t q[QUANT_GROUP], pairs[QUANT_GROUP / 2];

		for (int i = 0; i < QUANT_GROUP; i++)
			q[i] = (uint8_t)(int4_of(from[i], inverse) + 8);
		for (int i = 0; i < QUANT_GROUP / 2; i++)
			pairs[i] = (uint8_t)(q[2 * i] | q[2 * i + 1] << 4);
		scale[g] = float_f16(best.at[g]);
		memcpy(to + g * (QUANT_GROUP / 2), pairs, left < QUANT_GROUP ? ((size_t)left + 1) / 2 : sizeof pairs);
	}
}

INLINE void
pack_int4(uint8_t *to, uint16_t *scale, const float *row, int cols)
{
	for (int at = 0; at < cols; at += MANY * QUANT_GROUP)
		pack_int4_groups(to + at / 2, scale + at / QUANT_GROUP, row + at, cols - at);
}

INLINE void
pack(enum dtype type, void *to, void *scale, const float *row, int cols, float absmax)
{
	size_t n = ((size_t)cols + QUANT_PAD - 1) / QUANT_PAD * QUANT_PAD;

	if (type == DTYPE_I8)
		*(float *)scale = pack_int8(to, row, cols, n, absmax);
	else if (type == DTYPE_F8)
		*(float *)scale = pack_fp8(to, row, cols, absmax);
	else
		pack_int4(to, scale, row, cols);
}

/* ---- and back */

INLINE float
e4m3_value(uint8_t byte)
{
	uint32_t low = byte & 0x7f;
	float size = low < 8 ? (float)(int)low * 0x1p-9f : bits_float((low << 20) + (120u << 23));

	size = low == 0x7f ? NAN : size;
	return bits_float(float_bits(size) | (uint32_t)(byte & 0x80) << 24);
}

/* From a column that begins a byte on. */
INLINE void
unpack_int4(float *to, const uint8_t *q, const void *scale, size_t at, size_t n)
{
	for (size_t i = 0, end; i < n; i = end) {
		size_t group = (at + i) / QUANT_GROUP, left = (group + 1) * QUANT_GROUP - at;
		float s = f16_float(half_at(scale, group));

		end = left < n ? left : n;
		for (size_t k = 0; k < (end - i) / 2; k++) {
			to[i + 2 * k] = s * (float)((q[(at + i) / 2 + k] & 15) - 8);
			to[i + 2 * k + 1] = s * (float)((q[(at + i) / 2 + k] >> 4) - 8);
		}
		if ((end - i) % 2)
			to[end - 1] = s * (float)((q[(at + end - 1) / 2] & 15) - 8);
	}
}

INLINE void
unpack(float *to, const struct tensor *t, size_t row, size_t at, size_t n)
{
	size_t cols = (size_t)tensor_cols(t);
	const uint8_t *q = t->data;
	float s;

	if (t->type == DTYPE_U4) {
		unpack_int4(to, q + row * ((cols + 1) / 2), (const char *)t->scale + row * tensor_n_scales(t) * sizeof(uint16_t), at,
		    n);
		return;
	}
	q += row * cols + at;
	s = float_at(t->scale, row);
	if (t->type == DTYPE_I8)
		for (size_t i = 0; i < n; i++)
			to[i] = s * (float)(int8_t)q[i];
	else
		for (size_t i = 0; i < n; i++)
			to[i] = s * e4m3_value(q[i]);
}

/* ---- once as it is, once wide */

static void
plain_pack(enum dtype type, void *to, void *scale, const float *row, int cols, float absmax)
{
	pack(type, to, scale, row, cols, absmax);
}

static void
plain_unpack(float *to, const struct tensor *t, size_t row, size_t at, size_t n)
{
	unpack(to, t, row, at, n);
}

#ifdef HAVE_WIDE

WIDE static void
wide_pack(enum dtype type, void *to, void *scale, const float *row, int cols, float absmax)
{
	pack(type, to, scale, row, cols, absmax);
}

WIDE static void
wide_unpack(float *to, const struct tensor *t, size_t row, size_t at, size_t n)
{
	unpack(to, t, row, at, n);
}

#endif

static const struct quant_loops plain = { plain_pack, plain_unpack };

int
quant_all(const struct quant_loops *out[QUANT_LOOPS_MAX])
{
	int n = 0;

	out[n++] = &plain;
#ifdef HAVE_WIDE
	static const struct quant_loops wide = { wide_pack, wide_unpack };

	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
		out[n++] = &wide;
#endif
	return n;
}

static const struct quant_loops *
best(void)
{
	const struct quant_loops *all[QUANT_LOOPS_MAX];

	return all[quant_all(all) - 1];
}

/* ---- the door */

void
quant_take_row(float *to, const void *from, enum dtype type, size_t n)
{
	size_t all = (n + QUANT_PAD - 1) / QUANT_PAD * QUANT_PAD;

	assert(type <= DTYPE_F16);
	for (size_t i = 0; i < n; i++) {
		if (type == DTYPE_BF16)
			to[i] = bits_float((uint32_t)half_at(from, i) << 16);
		else if (type == DTYPE_F16)
			to[i] = bf16_float(float_bf16(f16_float(half_at(from, i))));
		else
			to[i] = bf16_float(float_bf16(float_at(from, i)));
	}
	memset(to + n, 0, (all - n) * sizeof *to);
}

int
quant_pack_row(enum dtype type, void *to, void *scale, const float *row, int cols)
{
	float most = type == DTYPE_I8 ? MOST_INT8 : type == DTYPE_F8 ? FLT_MAX : 7 * HALF_MOST;
	float absmax = absmax_of(row, ((size_t)cols + QUANT_PAD - 1) / QUANT_PAD * QUANT_PAD);

	assert(dtype_is_packed(type) && cols > 0);
	if (absmax <= most) {
		best()->pack(type, to, scale, row, cols, absmax);
		return -1;
	}
	for (int i = 0; i < cols; i++)
		if (!(fabsf(row[i]) <= most))
			return i;
	return 0;
}

void
quant_unpack_row(float *to, const struct tensor *t, size_t row, size_t at, size_t n)
{
	assert(dtype_is_packed(t->type) && at % 2 == 0);
	best()->unpack(to, t, row, at, n);
}

bool
quant_check_scales(const void *scale, enum dtype type, size_t n)
{
	bool good = true;

	if (type == DTYPE_U4)
		for (size_t i = 0; i < n; i++)
			good = good && isfinite(f16_float(half_at(scale, i)));
	else
		for (size_t i = 0; i < n; i++)
			good = good && isfinite(float_at(scale, i));
	return good;
}
