/* sampler.c: logits → id, in the order of transformers' generate(): repetition penalty over generated ids,
 * temperature, top_k (ties at the k-th stay), top_p, softmax, draw (model.md section 9).
 *
 * Only what can still be drawn is sorted: candidates leave a heap in descending order until the filters say enough.
 * transformers sorts ascending and removes while the sum is <= 1 - top_p; keeping, from the top, every token whose
 * betters sum to less than top_p is the same set.
 */
#include "config.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "engine/sampler.h"

struct sampler {
	struct sampling how;
	int n_vocab;
	bool *chosen;           /* [n_vocab]: generated before */
	float *logits;          /* [n_vocab]: after penalty and temperature */
	int32_t *heap;          /* [n_vocab]: ids, best first */
	int n_heap;
	int32_t *ids;           /* [n_vocab]: what is left to draw from */
	float *probs;           /* [n_vocab] */
	uint64_t state[4];
	int32_t *given;         /* [n_given]: what it takes instead; NULL: none */
	size_t n_given, at;
};

/* ---- random numbers: xoshiro256** seeded by splitmix64 (Blackman and Vigna) */

static uint64_t
split_mix(uint64_t *x)
{
	uint64_t z = *x += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static uint64_t
rotate(uint64_t x, int n)
{
	return x << n | x >> (64 - n);
}

static uint64_t
random_bits(uint64_t s[4])
{
	uint64_t result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return result;
}

/* Uniform in [0, 1). */
static double
random_unit(struct sampler *s)
{
	return (double)(random_bits(s->state) >> 11) * 0x1p-53;
}

/* ---- a heap of ids: the largest logit on top, the lower id on a tie */

static bool
better(const struct sampler *s, int32_t a, int32_t b)
{
	return s->logits[a] > s->logits[b] || (s->logits[a] == s->logits[b] && a < b);
}

static void
sift_down(struct sampler *s, int at)
{
	int32_t id = s->heap[at];

	for (int child; (child = 2 * at + 1) < s->n_heap; at = child) {
		if (child + 1 < s->n_heap && better(s, s->heap[child + 1], s->heap[child]))
			child++;
		if (!better(s, s->heap[child], id))
			break;
		s->heap[at] = s->heap[child];
	}
	s->heap[at] = id;
}

static void
fill_heap(struct sampler *s)
{
	s->n_heap = s->n_vocab;
	for (int i = 0; i < s->n_vocab; i++)
		s->heap[i] = i;
	for (int i = s->n_heap / 2 - 1; i >= 0; i--)
		sift_down(s, i);
}

static int32_t
pop(struct sampler *s)
{
	int32_t id = s->heap[0];

	s->heap[0] = s->heap[--s->n_heap];
	if (s->n_heap > 0)
		sift_down(s, 0);
	return id;
}

/* ---- filters */

static void
adjust(struct sampler *s, const float *logits)
{
	float penalty = s->how.repeat_penalty;

	memcpy(s->logits, logits, (size_t)s->n_vocab * sizeof *logits);
	if (penalty != 1)
		for (int i = 0; i < s->n_vocab; i++)
			if (s->chosen[i])
				s->logits[i] = s->logits[i] > 0 ? s->logits[i] / penalty : s->logits[i] * penalty;
	if (s->how.temp > 0 && s->how.temp != 1)
		for (int i = 0; i < s->n_vocab; i++)
			s->logits[i] /= s->how.temp;
}

/* The k best and those equal to the k-th, in descending order. */
static int
take_top_k(struct sampler *s)
{
	int n = 0;

	while (s->n_heap > 0 && (n < s->how.top_k || s->logits[s->heap[0]] == s->logits[s->ids[n - 1]]))
		s->ids[n++] = pop(s);
	return n;
}

static double
sum_exp(const struct sampler *s, const int32_t *ids, int n, float max)
{
	double sum = 0;

	for (int i = 0; i < n; i++)
		sum += exp((double)s->logits[ids ? ids[i] : i] - max);
	return sum;
}

/* From the top until the sum before a token reaches top_p; from ids when they are sorted, else by the heap. */
static int
take_top_p(struct sampler *s, int n_sorted, double total, float max)
{
	int n_all = n_sorted ? n_sorted : s->n_vocab, n = 0;

	for (double before = 0; n < n_all && (n == 0 || before < s->how.top_p); n++) {
		if (!n_sorted)
			s->ids[n] = pop(s);
		before += exp((double)s->logits[s->ids[n]] - max) / total;
	}
	return n;
}

static int
take_all(struct sampler *s)
{
	for (int i = 0; i < s->n_vocab; i++)
		s->ids[i] = i;
	return s->n_vocab;
}

/* Fills ids with what passes the filters; returns how many, one at least. */
static int
keep(struct sampler *s, float max)
{
	bool by_k = s->how.top_k > 0 && s->how.top_k < s->n_vocab, by_p = s->how.top_p < 1;
	int n = 0;

	if (!by_k && !by_p)
		return take_all(s);
	fill_heap(s);
	if (by_k)
		n = take_top_k(s);
	if (!by_p)
		return n;
	return take_top_p(s, n, sum_exp(s, by_k ? s->ids : NULL, by_k ? n : s->n_vocab, max), max);
}

static int32_t
largest(const float *logits, int n)
{
	int32_t best = 0;

	for (int i = 1; i < n; i++)
		if (logits[i] > logits[best])
			best = i;
	return best;
}

struct drawable
sampler_filter(struct sampler *s, const float *logits)
{
	struct drawable d = { .ids = s->ids, .probs = s->probs };
	double total;
	float max;

	assert(s->how.temp > 0);
	adjust(s, logits);
	max = s->logits[largest(s->logits, s->n_vocab)];
	d.n = keep(s, max);
	total = sum_exp(s, s->ids, d.n, max);
	for (int i = 0; i < d.n; i++)
		s->probs[i] = (float)(exp((double)s->logits[s->ids[i]] - max) / total);
	return d;
}

/* ---- choosing */

static int32_t
draw(struct sampler *s, const struct drawable *d)
{
	double u = random_unit(s), sum = 0;

	for (int i = 0; i < d->n; i++) {
		sum += d->probs[i];
		if (u < sum)
			return d->ids[i];
	}
	return d->ids[0];       /* the sum fell short of 1 by rounding */
}

bool
sampler_needs_logits(const struct sampler *s)
{
	return !s->given && (s->how.temp != 0 || s->how.repeat_penalty != 1);
}

int32_t
sampler_follow(struct sampler *s, int32_t best)
{
	assert(!sampler_needs_logits(s));
	return s->at < s->n_given ? s->given[s->at++] : best;
}

int32_t
sampler_choose(struct sampler *s, const float *logits)
{
	int32_t id;

	if (s->how.temp > 0) {
		struct drawable d = sampler_filter(s, logits);

		id = draw(s, &d);
	} else {
		adjust(s, logits);
		id = largest(s->logits, s->n_vocab);
	}
	sampler_remember(s, id);
	return id;
}

void
sampler_remember(struct sampler *s, int32_t id)
{
	assert(id >= 0 && id < s->n_vocab);
	s->chosen[id] = true;
}

struct sampler *
sampler_new(const struct sampling *how, int vocab_size)
{
	struct sampler *s = xcalloc(1, sizeof *s);
	size_t n = (size_t)vocab_size;
	uint64_t seed = how->seed;

	assert(vocab_size > 0);
	s->how = *how;
	s->n_vocab = vocab_size;
	s->chosen = xcalloc(n, sizeof *s->chosen);
	s->logits = xcalloc(n, sizeof *s->logits);
	s->heap = xcalloc(n, sizeof *s->heap);
	s->ids = xcalloc(n, sizeof *s->ids);
	s->probs = xcalloc(n, sizeof *s->probs);
	for (int i = 0; i < 4; i++)
		s->state[i] = split_mix(&seed);
	return s;
}

struct sampler *
sampler_given(const int32_t *ids, size_t n, int vocab_size)
{
	static const struct sampling greedy = { .top_p = 1, .repeat_penalty = 1 };
	struct sampler *s = sampler_new(&greedy, vocab_size);

	s->given = xreallocarray(NULL, n + 1, sizeof *s->given);
	memcpy(s->given, ids, n * sizeof *ids);
	s->n_given = n;
	return s;
}

void
sampler_free(struct sampler *s)
{
	if (!s)
		return;
	free(s->given);
	free(s->chosen);
	free(s->logits);
	free(s->heap);
	free(s->ids);
	free(s->probs);
	free(s);
}
