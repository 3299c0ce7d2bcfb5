/* kernels.c: the innermost loops, once in plain C and once for each instruction set worth having, and the choice.
 *
 * A set is chosen when the backend is made and never changes, so that one machine gives one result. Every dot adds
 * with four accumulators of LANES lanes, then folds them pairwise, then adds the tail in order: the order depends on
 * n and the set alone, not on how the weights are stored.
 */
#include "config.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "engine/cpu/cpu.h"

/* The loops here are meant as vector code. GCC's -O2 makes that only of loops whose number of turns it knows. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("tree-vectorize", "vect-cost-model=dynamic")
#endif

#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_X86 1
#include <cpuid.h>
#include <immintrin.h>
#endif

/* ---- stored numbers */

static inline float
bits_float(uint32_t bits)
{
	float f;

	memcpy(&f, &bits, sizeof f);
	return f;
}

static inline uint32_t
float_bits(float f)
{
	uint32_t bits;

	memcpy(&bits, &f, sizeof bits);
	return bits;
}

float
bf16_float(uint16_t h)
{
	return bits_float((uint32_t)h << 16);
}

float
f16_float(uint16_t h)
{
	uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, fraction = h & 1023;

	if (exponent == 31)
		return bits_float(sign | 0x7f800000 | fraction << 13);
	if (exponent == 0) {
		float f = (float)fraction * 0x1p-24f;

		return sign ? -f : f;
	}
	return bits_float(sign | (exponent + 112) << 23 | fraction << 13);
}

uint16_t
float_bf16(float f)
{
	uint32_t bits = float_bits(f);

	if (isnan(f))
		return (uint16_t)(bits >> 16 | 64);
	return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

uint16_t
float_f16(float f)
{
	uint32_t sign = float_bits(f) >> 16 & 0x8000;
	float a = fabsf(f);
	int exponent;
	long q;

	if (isnan(f))
		return (uint16_t)(sign | 0x7e00);
	if (a >= 65520.0f)
		return (uint16_t)(sign | 0x7c00);
	if (a < 0x1p-14f)
		return (uint16_t)(sign | (uint32_t)lrintf(a * 0x1p24f));
	frexpf(a, &exponent);           /* a = m 2^exponent, m in [0.5, 1) */
	q = lrintf(ldexpf(a, 11 - exponent));   /* 1024 … 2048 */
	return (uint16_t)(sign | (((uint32_t)(exponent + 13) << 10) + (uint32_t)q));
}

static inline float
get_f32(const void *w, size_t i)
{
	return ((const float *)w)[i];
}

static inline float
get_bf16(const void *w, size_t i)
{
	return bf16_float(((const uint16_t *)w)[i]);
}

static inline float
get_f16(const void *w, size_t i)
{
	return f16_float(((const uint16_t *)w)[i]);
}

/* ---- exp(x) for x <= 0, written so that a compiler turns it into vector code. After Cephes' expf: x = k ln 2 + r,
 * a polynomial of degree 6 for r; error below 2 units in the last place. Under -87 it stays at exp(-87) = 1.6e-38,
 * which is nothing beside a sum that holds a 1. */

static inline float
exp_negative(float x)
{
	/* as integers, -87 and all below it are the larger ones; compilers keep a branch for the same in float */
	uint32_t bits = float_bits(x), least = float_bits(-87.0f);
	float y = bits_float(bits < least ? bits : least);
	float k = (y * 1.44269504f + 12582912.0f) - 12582912.0f;        /* rounds to an integer */
	float r = (y - k * 0.693359375f) + k * 2.12194440e-4f;
	float p = 1.9875691500e-4f;

	p = p * r + 1.3981999507e-3f;
	p = p * r + 8.3334519073e-3f;
	p = p * r + 4.1665795894e-2f;
	p = p * r + 1.6666665459e-1f;
	p = p * r + 5.0000001201e-1f;
	p = p * r * r + r + 1.0f;
	return p * bits_float((uint32_t)((int32_t)k + 127) << 23);
}

/* Two loops, each of which becomes a vector loop; sixteen partial sums keep the order fixed. */
static inline float
exp_sum_loop(float *s, float max, size_t n)
{
	float sum[16] = {0}, total = 0;
	size_t i;

	for (i = 0; i < n; i++)
		s[i] = exp_negative(s[i] - max);
	for (i = 0; i + 16 <= n; i += 16)
		for (size_t j = 0; j < 16; j++)
			sum[j] += s[i + j];
	for (; i < n; i++)
		total += s[i];
	for (size_t j = 0; j < 16; j++)
		total += sum[j];
	return total;
}

/* ---- plain C */

#define PLAIN_DOT(name, get) \
static float \
name(const void *w, const float *x, size_t n) \
{ \
	float sum[16] = {0}, total; \
	size_t i = 0; \
 \
	for (; i + 16 <= n; i += 16) \
		for (size_t j = 0; j < 16; j++) \
			sum[j] += get(w, i + j) * x[i + j]; \
	for (size_t step = 8; step > 0; step /= 2) \
		for (size_t j = 0; j < step; j++) \
			sum[j] += sum[j + step]; \
	for (total = sum[0]; i < n; i++) \
		total += get(w, i) * x[i]; \
	return total; \
}

PLAIN_DOT(plain_dot_f32, get_f32)
PLAIN_DOT(plain_dot_bf16, get_bf16)
PLAIN_DOT(plain_dot_f16, get_f16)

static void
plain_widen_bf16(float *to, const void *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = get_bf16(from, i);
}

static void
plain_widen_f16(float *to, const void *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = get_f16(from, i);
}

static void
plain_add_scaled(float *y, float a, const float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] += a * x[i];
}

static float
plain_exp_sum(float *s, float max, size_t n)
{
	return exp_sum_loop(s, max, n);
}

static const struct kernels plain = {
	"plain", plain_dot_f32, plain_dot_bf16, plain_dot_f16, plain_widen_bf16, plain_widen_f16, plain_add_scaled,
	plain_exp_sum,
};

#ifdef HAVE_X86

/* ---- AVX2, FMA, F16C: 8 lanes */

#define AVX2 __attribute__((target("avx2,fma,f16c")))

AVX2 static inline __m256
avx2_load_f32(const void *w, size_t i)
{
	return _mm256_loadu_ps((const float *)w + i);
}

AVX2 static inline __m256
avx2_load_bf16(const void *w, size_t i)
{
	__m128i h = _mm_loadu_si128((const __m128i *)(const void *)((const uint16_t *)w + i));

	return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(h), 16));
}

AVX2 static inline __m256
avx2_load_f16(const void *w, size_t i)
{
	return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)((const uint16_t *)w + i)));
}

AVX2 static inline float
avx2_fold(__m256 a, __m256 b, __m256 c, __m256 d)
{
	__m256 s = _mm256_add_ps(_mm256_add_ps(a, b), _mm256_add_ps(c, d));
	__m128 t = _mm_add_ps(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1));

	t = _mm_add_ps(t, _mm_movehl_ps(t, t));
	return _mm_cvtss_f32(_mm_add_ss(t, _mm_movehdup_ps(t)));
}

#define AVX2_DOT(name, load, get) \
AVX2 static float \
name(const void *w, const float *x, size_t n) \
{ \
	__m256 a = _mm256_setzero_ps(), b = a, c = a, d = a; \
	size_t i = 0; \
	float total; \
 \
	for (; i + 32 <= n; i += 32) { \
		a = _mm256_fmadd_ps(load(w, i), _mm256_loadu_ps(x + i), a); \
		b = _mm256_fmadd_ps(load(w, i + 8), _mm256_loadu_ps(x + i + 8), b); \
		c = _mm256_fmadd_ps(load(w, i + 16), _mm256_loadu_ps(x + i + 16), c); \
		d = _mm256_fmadd_ps(load(w, i + 24), _mm256_loadu_ps(x + i + 24), d); \
	} \
	for (; i + 8 <= n; i += 8) \
		a = _mm256_fmadd_ps(load(w, i), _mm256_loadu_ps(x + i), a); \
	for (total = avx2_fold(a, b, c, d); i < n; i++) \
		total += get(w, i) * x[i]; \
	return total; \
}

AVX2_DOT(avx2_dot_f32, avx2_load_f32, get_f32)
AVX2_DOT(avx2_dot_bf16, avx2_load_bf16, get_bf16)
AVX2_DOT(avx2_dot_f16, avx2_load_f16, get_f16)

AVX2 static void
avx2_widen_bf16(float *to, const void *from, size_t n)
{
	size_t i = 0;

	for (; i + 8 <= n; i += 8)
		_mm256_storeu_ps(to + i, avx2_load_bf16(from, i));
	for (; i < n; i++)
		to[i] = get_bf16(from, i);
}

AVX2 static void
avx2_widen_f16(float *to, const void *from, size_t n)
{
	size_t i = 0;

	for (; i + 8 <= n; i += 8)
		_mm256_storeu_ps(to + i, avx2_load_f16(from, i));
	for (; i < n; i++)
		to[i] = get_f16(from, i);
}

AVX2 static void
avx2_add_scaled(float *y, float a, const float *x, size_t n)
{
	__m256 va = _mm256_set1_ps(a);
	size_t i = 0;

	for (; i + 8 <= n; i += 8)
		_mm256_storeu_ps(y + i, _mm256_fmadd_ps(va, _mm256_loadu_ps(x + i), _mm256_loadu_ps(y + i)));
	for (; i < n; i++)
		y[i] += a * x[i];
}

AVX2 static float
avx2_exp_sum(float *s, float max, size_t n)
{
	return exp_sum_loop(s, max, n);
}

static const struct kernels avx2 = {
	"avx2", avx2_dot_f32, avx2_dot_bf16, avx2_dot_f16, avx2_widen_bf16, avx2_widen_f16, avx2_add_scaled,
	avx2_exp_sum,
};

/* ---- AVX-512 (foundation only): 16 lanes */

#define AVX512 __attribute__((target("avx512f,avx2,fma,f16c")))

AVX512 static inline __m512
avx512_load_f32(const void *w, size_t i)
{
	return _mm512_loadu_ps((const float *)w + i);
}

AVX512 static inline __m512
avx512_load_bf16(const void *w, size_t i)
{
	__m256i h = _mm256_loadu_si256((const __m256i *)(const void *)((const uint16_t *)w + i));

	return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16));
}

AVX512 static inline __m512
avx512_load_f16(const void *w, size_t i)
{
	return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)((const uint16_t *)w + i)));
}

#define AVX512_DOT(name, load, get) \
AVX512 static float \
name(const void *w, const float *x, size_t n) \
{ \
	__m512 a = _mm512_setzero_ps(), b = a, c = a, d = a; \
	size_t i = 0; \
	float total; \
 \
	for (; i + 64 <= n; i += 64) { \
		a = _mm512_fmadd_ps(load(w, i), _mm512_loadu_ps(x + i), a); \
		b = _mm512_fmadd_ps(load(w, i + 16), _mm512_loadu_ps(x + i + 16), b); \
		c = _mm512_fmadd_ps(load(w, i + 32), _mm512_loadu_ps(x + i + 32), c); \
		d = _mm512_fmadd_ps(load(w, i + 48), _mm512_loadu_ps(x + i + 48), d); \
	} \
	for (; i + 16 <= n; i += 16) \
		a = _mm512_fmadd_ps(load(w, i), _mm512_loadu_ps(x + i), a); \
	total = _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(a, b), _mm512_add_ps(c, d))); \
	for (; i < n; i++) \
		total += get(w, i) * x[i]; \
	return total; \
}

AVX512_DOT(avx512_dot_f32, avx512_load_f32, get_f32)
AVX512_DOT(avx512_dot_bf16, avx512_load_bf16, get_bf16)
AVX512_DOT(avx512_dot_f16, avx512_load_f16, get_f16)

AVX512 static float
avx512_exp_sum(float *s, float max, size_t n)
{
	return exp_sum_loop(s, max, n);
}

static const struct kernels avx512 = {
	"avx512", avx512_dot_f32, avx512_dot_bf16, avx512_dot_f16, avx2_widen_bf16, avx2_widen_f16, avx2_add_scaled,
	avx512_exp_sum,
};

/* Clang's __builtin_cpu_supports does not know the name. */
static bool
has_f16c(void)
{
	unsigned a, b, c = 0, d;

	return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}

#endif

int
kernels_all(const struct kernels *out[KERNELS_MAX])
{
	int n = 0;

	out[n++] = &plain;
#ifdef HAVE_X86
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c())
		out[n++] = &avx2;
	if (n == 2 && __builtin_cpu_supports("avx512f"))
		out[n++] = &avx512;
#endif
	assert(n <= KERNELS_MAX);
	return n;
}

const struct kernels *
kernels_best(void)
{
	const struct kernels *all[KERNELS_MAX];

	return all[kernels_all(all) - 1];
}
