/* survey.c: see survey.h. Loops over whole blocks, without branches, so that a compiler makes vector code of them; once
 * more for AVX2, chosen when called. What the two say of a weight may differ within SURVEY_ERROR, tops never.
 */
#include "config.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "engine/survey.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_X86 1
#define AVX2 __attribute__((target("avx2,fma")))
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

#define LOWEST 700.0f           /* exp of less is too near to the smallest double */

/* ---- floats as integers: compilers keep branches for comparisons of floats */

INLINE int32_t
order(float f)
{
	int32_t i;

	memcpy(&i, &f, sizeof i);
	return i ^ (i >> 31 & 0x7fffffff);
}

INLINE float
ordered(int32_t i)
{
	float f;

	i ^= i >> 31 & 0x7fffffff;
	memcpy(&f, &i, sizeof f);
	return f;
}

INLINE float
at_least(float f, float least)
{
	int32_t a = order(f), b = order(least);

	return ordered(a > b ? a : b);
}

/* ---- exp(x), -701 < x <= 0: x = k ln 2 + r, exp(r) by the first nine terms of its series; what is left out is below
 * 3e-10 of it, for |r| <= ln 2 / 2. k comes as the low bits of a sum in which they stand for whole numbers, and goes
 * straight to where a double has its exponent. */

/* a b + c, by one instruction where there is one. */
INLINE double
multiply_add(double a, double b, double c, bool fused)
{
	return fused ? fma(a, b, c) : a * b + c;
}

INLINE double
about_exp(double x, bool fused)
{
	double sum = multiply_add(x, 0x1.71547652b82fep0, 0x1.8p52, fused);
	double r = multiply_add(sum - 0x1.8p52, -0x1.62e42fefa39efp-1, x, fused);
	double p = multiply_add(1.0 / 40320, r, 1.0 / 5040, fused);
	uint64_t k, bits;

	p = multiply_add(p, r, 1.0 / 720, fused);
	p = multiply_add(p, r, 1.0 / 120, fused);
	p = multiply_add(p, r, 1.0 / 24, fused);
	p = multiply_add(p, r, 1.0 / 6, fused);
	p = multiply_add(p, r, 0.5, fused);
	p = multiply_add(p, r, 1, fused);
	p = multiply_add(p, r, 1, fused);
	memcpy(&k, &sum, sizeof k);
	memcpy(&bits, &p, sizeof bits);
	bits += k << 52;
	memcpy(&p, &bits, sizeof p);
	return p;
}

/* ---- blocks */

INLINE void
divide_blocks(float *logits, float by, float *top, int n_blocks)
{
	for (int b = 0; b < n_blocks; b++, logits += SURVEY_BLOCK) {
		int32_t largest = INT32_MIN;

		for (int i = 0; i < SURVEY_BLOCK; i++)
			logits[i] /= by;
		for (int i = 0; i < SURVEY_BLOCK; i++)
			largest = order(logits[i]) > largest ? order(logits[i]) : largest;
		top[b] = ordered(largest);
	}
}

INLINE void
weigh_blocks(double *weights, const float *logits, float max, int n_blocks, bool fused)
{
	for (int b = 0; b < n_blocks; b++, logits += SURVEY_BLOCK) {
		double sum[8] = {0};

		for (int i = 0; i < SURVEY_BLOCK; i += 8)
			for (int j = 0; j < 8; j++)
				sum[j] += about_exp((double)at_least(logits[i + j], max - LOWEST) - max, fused);
		weights[b] = ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
	}
}

#ifdef HAVE_X86
AVX2 static void
divide_avx2(float *logits, float by, float *top, int n_blocks)
{
	divide_blocks(logits, by, top, n_blocks);
}

AVX2 static void
weigh_avx2(double *weights, const float *logits, float max, int n_blocks)
{
	weigh_blocks(weights, logits, max, n_blocks, true);
}

static bool
has_avx2(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#endif

int32_t
survey_order(float f)
{
	return order(f);
}

void
survey_divide(float *logits, float by, float *top, int n_blocks)
{
#ifdef HAVE_X86
	if (has_avx2()) {
		divide_avx2(logits, by, top, n_blocks);
		return;
	}
#endif
	divide_blocks(logits, by, top, n_blocks);
}

void
survey_weigh(double *weights, const float *logits, float max, int n_blocks)
{
	assert(max >= -SURVEY_FAR && max <= SURVEY_FAR);
#ifdef HAVE_X86
	if (has_avx2()) {
		weigh_avx2(weights, logits, max, n_blocks);
		return;
	}
#endif
	weigh_blocks(weights, logits, max, n_blocks, false);
}
