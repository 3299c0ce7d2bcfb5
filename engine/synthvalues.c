/* synthvalues.c: many random bfloat16 values, fast, each a function of seed, tensor and index alone, so that any number
 * of threads in any order writes the same bytes.
 *
 * A bell-shaped pool is made once. A block of a tensor is a stretch of it from a random place on, with random signs and
 * low bits, so that nothing repeats. Values whose mean is not 0 keep their sign.
 */
#include "config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "engine/synth.h"

#define PER_WORD 4                      /* values in 64 bits */
#define SIGNS UINT64_C(0x8000800080008000)
#define LOW_BITS UINT64_C(0x0003000300030003)

struct synth_mill {
	const float *pool;
	float mean, spread;             /* of scaled */
	uint16_t scaled[SYNTH_POOL];
};

/* Steele, Lea and Flood's SplitMix64: a good 64-bit number for each counter. */
static uint64_t
mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

#define GOLDEN UINT64_C(0x9e3779b97f4a7c15)

/* Sums of twelve uniform numbers: near enough to normal, without a library's rounding. */
float *
synth_pool(uint64_t seed)
{
	float *pool = xcalloc(SYNTH_POOL, sizeof *pool);
	uint64_t counter = mix(seed);

	for (size_t i = 0; i < SYNTH_POOL; i++) {
		int64_t sum = -((int64_t)6 << 24);

		for (int k = 0; k < 12; k++)
			sum += (int64_t)(mix(counter += GOLDEN) >> 40);
		pool[i] = (float)sum * 0x1p-24f;
	}
	return pool;
}

struct synth_mill *
synth_mill_new(const float *pool)
{
	struct synth_mill *m = xcalloc(1, sizeof *m);

	m->pool = pool;
	return m;
}

void
synth_mill_free(struct synth_mill *m)
{
	free(m);
}

/* To the nearest, ties to even; f is finite. */
static uint16_t
round_bf16(float f)
{
	uint32_t bits;

	memcpy(&bits, &f, sizeof bits);
	return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static void
scale(struct synth_mill *m, float mean, float spread)
{
	if (m->mean == mean && m->spread == spread)
		return;
	m->mean = mean;
	m->spread = spread;
	for (size_t i = 0; i < SYNTH_POOL; i++)
		m->scaled[i] = round_bf16(mean + spread * m->pool[i]);
}

static void
make_block(const struct synth_mill *m, uint16_t *out, uint64_t key, uint64_t first, uint64_t mask)
{
	const uint16_t *from = m->scaled + mix(key - first) % (SYNTH_POOL - SYNTH_BLOCK);
	uint64_t counter = key + first * GOLDEN, word;

	for (size_t i = 0; i < SYNTH_BLOCK; i += PER_WORD) {
		memcpy(&word, from + i, sizeof word);
		word ^= mix(counter += GOLDEN) & mask;
		memcpy(out + i, &word, sizeof word);
	}
}

void
synth_make(struct synth_mill *m, uint16_t *out, const struct synth_values *v, uint64_t first, size_t n)
{
	uint64_t mask = v->mean == 0 ? SIGNS | LOW_BITS : LOW_BITS;

	assert(first % SYNTH_BLOCK == 0 && n % SYNTH_BLOCK == 0 && v->spread > 0);
	scale(m, v->mean, v->spread);
	for (size_t i = 0; i < n; i += SYNTH_BLOCK)
		make_block(m, out + i, v->key, first + i, mask);
}
