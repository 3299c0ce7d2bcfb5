/* sampler.c: logits → id, in the order of transformers' generate(): repetition penalty over generated ids,
 * temperature, top_k (ties at the k-th stay), top_p, softmax, draw (model.md section 9).
 *
 * transformers sorts ascending and removes while the sum is <= 1 - top_p; keeping, from the top, every token whose
 * betters sum to less than top_p is the same set.
 *
 * The choice is defined by plain sums over the whole row, which takes longer than the device should wait. So a survey
 * (survey.h) goes before: few logits are sorted, and sums over all are known only to an error that is bounded here. Where
 * a choice comes nearer to its border than that error, the plain sums decide: no choice ever depends on the survey.
 */
#include "config.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "engine/sampler.h"
#include "engine/survey.h"

/* How far a share of the surveyed total may be from the same share by plain sums: what errs are the weights (above and
 * below the line) and 2^-53 for each of at most a million additions. */
#define SHARE_ERROR (4 * SURVEY_ERROR + 1e-9)
/* … and from a sum of probabilities that were rounded to float, each by 2^-24 of itself. */
#define DRAW_ERROR (SHARE_ERROR + 0x1p-24)

struct sampler {
	struct sampling how;
	int n_vocab, n_blocks;
	bool *chosen;           /* [n_vocab]: generated before */
	int32_t *past;          /* [n_past]: the same, as a list */
	int n_past;
	float *logits;          /* [n_blocks, SURVEY_BLOCK]: after penalty and temperature; -inf beyond n_vocab */
	float *top;             /* [n_blocks]: the largest of each */
	int32_t *best_blocks;   /* [n_blocks]: those whose largest is largest first */
	float max;              /* of all */
	double *block_weights;  /* [n_blocks]: about the sum of exp(logit - max) */
	uint64_t *keys, *room;  /* [n_vocab]: what is being sorted */
	int32_t *ids;           /* [n_vocab]: what is left to draw from */
	double *weights;        /* [n_vocab]: exp(logit - max) of these */
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

/* ---- the row */

static void
survey(struct sampler *s, const float *logits)
{
	float penalty = s->how.repeat_penalty;

	memcpy(s->logits, logits, (size_t)s->n_vocab * sizeof *logits);
	for (int i = 0; i < s->n_past && penalty != 1; i++) {
		float *l = &s->logits[s->past[i]];

		*l = *l > 0 ? *l / penalty : *l * penalty;
	}
	survey_divide(s->logits, s->how.temp > 0 ? s->how.temp : 1, s->top, s->n_blocks);
	s->max = s->top[0];
	for (int b = 1; b < s->n_blocks; b++)
		s->max = s->top[b] > s->max ? s->top[b] : s->max;
}

/* The lowest id that has the largest logit. */
static int32_t
largest(const struct sampler *s)
{
	int b = 0;
	int32_t id;

	while (b < s->n_blocks - 1 && s->top[b] != s->max)
		b++;
	for (id = b * SURVEY_BLOCK; id < s->n_vocab - 1 && s->logits[id] != s->max; id++)
		;
	return id;
}

static double
weigh(const struct sampler *s, int32_t id)
{
	return exp((double)s->logits[id] - s->max);
}

/* About the sum of all weights, and of each block; NaN, which nothing is sure by, where logits are too large to tell. */
static double
survey_total(struct sampler *s)
{
	double sum = 0;

	if (!(fabsf(s->max) <= SURVEY_FAR))
		return NAN;
	survey_weigh(s->block_weights, s->logits, s->max, s->n_blocks);
	for (int b = 0; b < s->n_blocks; b++)
		sum += s->block_weights[b];
	return sum;
}

static double
total_weight(const struct sampler *s)
{
	double sum = 0;

	for (int i = 0; i < s->n_vocab; i++)
		sum += weigh(s, i);
	return sum;
}

/* ---- the best of the row, in order */

/* Ascending keys are descending logits; adding 0 makes -0 the 0 that it equals. */
static uint64_t
key(float logit, int i)
{
	return (uint64_t)(0x7fffffff - (int64_t)survey_order(logit + 0.0f)) << 32 | (uint32_t)i;
}

/* By the upper half of each key; those alike stay in order. */
static void
sort_keys(struct sampler *s, int n)
{
	for (int shift = 32; shift < 64; shift += 8) {
		int begin[257] = {0};
		uint64_t *sorted = s->room;

		for (int i = 0; i < n; i++)
			begin[(s->keys[i] >> shift & 255) + 1]++;
		for (int i = 1; i < 256; i++)
			begin[i] += begin[i - 1];
		for (int i = 0; i < n; i++)
			sorted[begin[s->keys[i] >> shift & 255]++] = s->keys[i];
		s->room = s->keys;
		s->keys = sorted;
	}
}

/* ids = all whose logits are not below the floor: the largest first, the lower id on a tie. How many. */
static int
sort_down_to(struct sampler *s, float floor)
{
	int n = 0;

	for (int b = 0; b < s->n_blocks; b++) {
		int begin = b * SURVEY_BLOCK, end = begin + SURVEY_BLOCK < s->n_vocab ? begin + SURVEY_BLOCK : s->n_vocab;

		if (s->top[b] < floor)
			continue;
		for (int i = begin; i < end; i++) {
			s->keys[n] = key(s->logits[i], i);
			n += !(s->logits[i] < floor);
		}
	}
	sort_keys(s, n);
	for (int i = 0; i < n; i++)
		s->ids[i] = (int32_t)(uint32_t)s->keys[i];
	return n;
}

static void
sort_blocks(struct sampler *s)
{
	for (int b = 0; b < s->n_blocks; b++)
		s->keys[b] = key(s->top[b], b);
	sort_keys(s, s->n_blocks);
	for (int b = 0; b < s->n_blocks; b++)
		s->best_blocks[b] = (int32_t)(uint32_t)s->keys[b];
}

/* At least n logits are not below it, and seldom many more: the n-th of the blocks' largest. */
static float
floor_for(const struct sampler *s, int n)
{
	return n <= s->n_blocks ? s->top[s->best_blocks[n - 1]] : -INFINITY;
}

/* ---- filters: each fills ids and weights with what it keeps, one at least, and returns how many */

static void
fill_weights(struct sampler *s, int n)
{
	for (int i = 0; i < n; i++)
		s->weights[i] = weigh(s, s->ids[i]);
}

static double
sum_weights(const struct sampler *s, int n)
{
	double sum = 0;

	for (int i = 0; i < n; i++)
		sum += s->weights[i];
	return sum;
}

static int
keep_all(struct sampler *s)
{
	for (int i = 0; i < s->n_vocab; i++)
		s->ids[i] = i;
	fill_weights(s, s->n_vocab);
	return s->n_vocab;
}

/* The k best and those equal to the k-th. */
static int
keep_top_k(struct sampler *s)
{
	int n_sorted, n = s->how.top_k;

	sort_blocks(s);
	n_sorted = sort_down_to(s, floor_for(s, n));
	while (n < n_sorted && s->logits[s->ids[n]] == s->logits[s->ids[n - 1]])
		n++;
	fill_weights(s, n);
	return n;
}

/* How many of the first n are needed until the sum before one reaches top_p; 0: a sum came too near to tell. */
static int
count_top_p(const struct sampler *s, int n, double total, double error)
{
	double before = s->weights[0] / total, top_p = s->how.top_p;
	int i;

	for (i = 1; i < n && before < top_p - error; i++)
		before += s->weights[i] / total;
	return i == n || error == 0 || before > top_p + error ? i : 0;
}

/* The same among the first n, which may not be all, by the plain total where the survey's is not enough. */
static int
reach_top_p(struct sampler *s, int n, double total)
{
	int kept;

	fill_weights(s, n);
	kept = count_top_p(s, n, total, SHARE_ERROR);
	return kept > 0 ? kept : count_top_p(s, n, total_weight(s), 0);
}

/* As few as suffice; what lies below the last floor but one weighs less than top_p leaves out, even if all weighed as much
 * as it does there. */
static int
keep_top_p(struct sampler *s)
{
	enum { N_FLOORS = 4 };
	double total = survey_total(s), left_out = (1 - (double)s->how.top_p) * total;
	float floors[N_FLOORS];
	int kept = 0;

	sort_blocks(s);
	floors[0] = floor_for(s, s->n_blocks / 16 + 1);
	floors[1] = floor_for(s, s->n_blocks / 2 + 1);
	floors[2] = (float)(s->max + log(left_out / s->n_vocab));
	floors[3] = -INFINITY;
	for (int i = 0; i < N_FLOORS; i++) {
		int n = sort_down_to(s, floors[i]);

		kept = n > 0 ? reach_top_p(s, n, total) : 0;
		if (kept < n)
			break;
	}
	return kept;
}

static bool
has_top_k(const struct sampler *s)
{
	return s->how.top_k > 0 && s->how.top_k < s->n_vocab;
}

static bool
has_top_p(const struct sampler *s)
{
	return s->how.top_p < 1;
}

static int
keep(struct sampler *s)
{
	int n;

	if (!has_top_k(s))
		return has_top_p(s) ? keep_top_p(s) : keep_all(s);
	n = keep_top_k(s);
	return has_top_p(s) ? count_top_p(s, n, sum_weights(s, n), 0) : n;
}

static struct drawable
filter(struct sampler *s)
{
	struct drawable d = { .n = keep(s), .ids = s->ids, .probs = s->probs };
	double total = sum_weights(s, d.n);

	for (int i = 0; i < d.n; i++)
		s->probs[i] = (float)(s->weights[i] / total);
	return d;
}

struct drawable
sampler_filter(struct sampler *s, const float *logits)
{
	assert(s->how.temp > 0);
	survey(s, logits);
	return filter(s);
}

/* ---- choosing */

static int32_t
draw(const struct drawable *d, double u)
{
	double sum = 0;

	for (int i = 0; i < d->n; i++) {
		sum += d->probs[i];
		if (u < sum)
			return d->ids[i];
	}
	return d->ids[0];       /* the sum fell short of 1 by rounding */
}

/* The same from all ids, by the survey: its id, or -1 when u lies too near to where the next one begins. */
static int32_t
draw_surely(struct sampler *s, double u)
{
	double total = survey_total(s), before = 0, after, low = (u - DRAW_ERROR) * total, high = (u + DRAW_ERROR) * total;
	int b = 0;
	int32_t id;

	while (b < s->n_blocks && before + s->block_weights[b] <= low)
		before += s->block_weights[b++];
	for (id = b * SURVEY_BLOCK; id < s->n_vocab; id++) {
		after = before + weigh(s, id);
		if (after > low)
			return after > high ? id : -1;
		before = after;
	}
	return -1;
}

static int32_t
draw_any(struct sampler *s, const float *logits)
{
	double u = random_unit(s);
	bool filtered = has_top_k(s) || has_top_p(s);
	struct drawable d;
	int32_t id;

	survey(s, logits);
	id = filtered ? -1 : draw_surely(s, u);
	if (id >= 0)
		return id;
	d = filter(s);
	return draw(&d, u);
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
		id = draw_any(s, logits);
	} else {
		survey(s, logits);
		id = largest(s);
	}
	sampler_remember(s, id);
	return id;
}

void
sampler_remember(struct sampler *s, int32_t id)
{
	assert(id >= 0 && id < s->n_vocab);
	if (!s->chosen[id])
		s->past[s->n_past++] = id;
	s->chosen[id] = true;
}

struct sampler *
sampler_new(const struct sampling *how, int vocab_size)
{
	struct sampler *s = xcalloc(1, sizeof *s);
	size_t n = (size_t)vocab_size, n_blocks = (n + SURVEY_BLOCK - 1) / SURVEY_BLOCK;
	uint64_t seed = how->seed;

	assert(vocab_size > 0);
	s->how = *how;
	s->n_vocab = vocab_size;
	s->n_blocks = (int)n_blocks;
	s->chosen = xcalloc(n, sizeof *s->chosen);
	s->past = xcalloc(n, sizeof *s->past);
	s->logits = xcalloc(n_blocks * SURVEY_BLOCK, sizeof *s->logits);
	for (size_t i = n; i < n_blocks * SURVEY_BLOCK; i++)
		s->logits[i] = -INFINITY;
	s->top = xcalloc(n_blocks, sizeof *s->top);
	s->best_blocks = xcalloc(n_blocks, sizeof *s->best_blocks);
	s->block_weights = xcalloc(n_blocks, sizeof *s->block_weights);
	s->keys = xcalloc(n, sizeof *s->keys);
	s->room = xcalloc(n, sizeof *s->room);
	s->ids = xcalloc(n, sizeof *s->ids);
	s->weights = xcalloc(n, sizeof *s->weights);
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
	free(s->past);
	free(s->logits);
	free(s->top);
	free(s->best_blocks);
	free(s->block_weights);
	free(s->keys);
	free(s->room);
	free(s->ids);
	free(s->weights);
	free(s->probs);
	free(s);
}
