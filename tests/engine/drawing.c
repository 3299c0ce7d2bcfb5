/* drawing.c: that what is faster than the sampler's definition chooses as the definition does, to the bit: over rows of
 * every shape, settings out of all proportion, and draws that end where the next token begins.
 */
#include "config.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "engine/sampler.h"
#include "engine/survey.h"

/* ---- the definition, plainly: all is sorted, and all sums are taken one after the other */

struct plain {
	struct sampling how;
	int n_vocab, n;
	bool *chosen;           /* [n_vocab], and so the others */
	float *logits, *probs;
	int32_t *ids;
	double share;           /* that top_p has reached */
	uint64_t state[4];      /* of the sampler's own generator */
};

static const struct plain *sorting;     /* qsort takes no argument */

static int
by_logit(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
	float p = sorting->logits[x], q = sorting->logits[y];

	return p != q ? (p < q ? 1 : -1) : (x > y) - (x < y);
}

static double
next_unit(uint64_t s[4])
{
	uint64_t x = s[1] * 5, result = (x << 7 | x >> 57) * 9, t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = s[3] << 45 | s[3] >> 19;
	return (double)(result >> 11) * 0x1p-53;
}

static void
seed_units(uint64_t seed, uint64_t s[4])
{
	for (int i = 0; i < 4; i++) {
		uint64_t z = seed += 0x9e3779b97f4a7c15;

		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
		z = (z ^ z >> 27) * 0x94d049bb133111eb;
		s[i] = z ^ z >> 31;
	}
}

static void
plain_init(struct plain *p, const struct sampling *h, int n_vocab)
{
	size_t n = (size_t)n_vocab;

	*p = (struct plain){ .how = *h, .n_vocab = n_vocab, .chosen = xcalloc(n, sizeof *p->chosen),
		.logits = xcalloc(n, sizeof *p->logits), .probs = xcalloc(n, sizeof *p->probs), .ids = xcalloc(n, sizeof *p->ids) };
	seed_units(h->seed, p->state);
}

static void
plain_done(struct plain *p)
{
	free(p->chosen);
	free(p->logits);
	free(p->probs);
	free(p->ids);
}

static float
plain_logit(const struct plain *p, float logit, bool chosen)
{
	if (chosen && p->how.repeat_penalty != 1)
		logit = logit > 0 ? logit / p->how.repeat_penalty : logit * p->how.repeat_penalty;
	return p->how.temp > 0 && p->how.temp != 1 ? logit / p->how.temp : logit;
}

static double
plain_sum(const struct plain *p, int n, float max)
{
	double sum = 0;

	for (int i = 0; i < n; i++)
		sum += exp((double)p->logits[p->ids[i]] - max);
	return sum;
}

/* By top_k and top_p; the total is that of ids in order where top_k takes none. */
static void
plain_keep(struct plain *p, float max)
{
	bool by_k = p->how.top_k > 0 && p->how.top_k < p->n_vocab, by_p = p->how.top_p < 1;
	double total = plain_sum(p, p->n_vocab, max), before = 0;
	int n = 0;

	sorting = p;
	if (by_k || by_p)
		qsort(p->ids, (size_t)p->n_vocab, sizeof *p->ids, by_logit);
	if (by_k) {
		for (n = p->how.top_k; n < p->n_vocab && p->logits[p->ids[n]] == p->logits[p->ids[n - 1]]; n++)
			;
		p->n = n;
		total = plain_sum(p, n, max);
	}
	for (n = 0; by_p && n < p->n && (n == 0 || before < p->how.top_p); n++)
		before += exp((double)p->logits[p->ids[n]] - max) / total;
	p->n = by_p ? n : p->n;
	p->share = before;
}

static void
plain_filter(struct plain *p, const float *from)
{
	float max = -INFINITY;
	double total;

	p->n = p->n_vocab;
	for (int i = 0; i < p->n_vocab; i++) {
		p->ids[i] = i;
		p->logits[i] = plain_logit(p, from[i], p->chosen[i]);
		max = p->logits[i] > max ? p->logits[i] : max;
	}
	plain_keep(p, max);
	total = plain_sum(p, p->n, max);
	for (int i = 0; i < p->n; i++)
		p->probs[i] = (float)(exp((double)p->logits[p->ids[i]] - max) / total);
}

static int32_t
plain_draw(struct plain *p)
{
	double u = next_unit(p->state), sum = 0;

	for (int i = 0; i < p->n; i++) {
		sum += p->probs[i];
		if (u < sum)
			return p->ids[i];
	}
	return p->ids[0];
}

static int32_t
plain_largest(const struct plain *p)
{
	int32_t best = 0;

	for (int i = 1; i < p->n_vocab; i++)
		if (p->logits[i] > p->logits[best])
			best = i;
	return best;
}

/* ---- rows of logits, of every shape that makes a difference */

static uint64_t noise = 88172645463325252;

static double
unit_noise(void)
{
	noise ^= noise << 13;
	noise ^= noise >> 7;
	noise ^= noise << 17;
	return ((double)(noise >> 11) + 0.5) * 0x1p-53;
}

static double
normal_noise(void)
{
	return sqrt(-2 * log(unit_noise())) * cos(6.283185307179586 * unit_noise());
}

enum shape { PEAKED, SPREAD, FLAT, EQUAL, STEPPED, ZEROS, HOLED, LONELY, WIDE, N_SHAPES };

static const char *const shapes[N_SHAPES] = {
	"peaked", "spread", "flat", "equal", "stepped", "zeros", "holed", "lonely", "wide",
};

static float
logit_of(enum shape shape, int i)
{
	switch (shape) {
	case PEAKED: return (float)(unit_noise() < 1e-3 ? 12 + 4 * unit_noise() : 2.5 * normal_noise());
	case SPREAD: return (float)(2.5 * normal_noise());
	case FLAT: return (float)(0.3 * normal_noise());
	case EQUAL: return 1.5f;
	case STEPPED: return (float)floor(4 * normal_noise());          /* many are alike */
	case ZEROS: return i % 3 ? 0.0f : -0.0f;
	case HOLED: return unit_noise() < 0.5 ? -INFINITY : (float)normal_noise();
	case LONELY: return -INFINITY;
	default: return (float)(300 * normal_noise());                  /* most weigh nothing, some not even that */
	}
}

static void
make_row(float *row, int n, enum shape shape)
{
	for (int i = 0; i < n; i++)
		row[i] = logit_of(shape, i);
	row[(int)(unit_noise() * n)] = shape == LONELY || shape == HOLED ? 3 : row[0];
}

static void
wrong(const struct plain *p, enum shape shape, const char *what, int got, int want)
{
	const struct sampling *h = &p->how;

	fail_msg("%s, vocabulary %d, temp %g, top_p %g, top_k %d, penalty %g: %s %d, plainly %d", shapes[shape], p->n_vocab,
	    (double)h->temp, (double)h->top_p, h->top_k, (double)h->repeat_penalty, what, got, want);
}

static void
compare(const struct drawable *got, const struct plain *want, enum shape shape)
{
	if (got->n != want->n)
		wrong(want, shape, "keeps", got->n, want->n);
	for (int i = 0; i < got->n; i++)
		if (got->ids[i] != want->ids[i])
			wrong(want, shape, "keeps id", got->ids[i], want->ids[i]);
	if (memcmp(got->probs, want->probs, (size_t)got->n * sizeof *got->probs) != 0)
		wrong(want, shape, "other probabilities, of ids", got->n, want->n);
}

/* n choices, each in a row of its own or all in one; what is chosen may be chosen again, under the penalty. */
static void
try_choices(struct sampling h, int n_vocab, enum shape shape, int n, bool one_row)
{
	float *row = xcalloc((size_t)n_vocab, sizeof *row);
	struct sampler *s = sampler_new(&h, n_vocab);
	struct plain p;

	plain_init(&p, &h, n_vocab);
	for (int i = 0; i < n; i++) {
		int32_t got, want;

		if (i == 0 || !one_row) {
			make_row(row, n_vocab, shape);
			plain_filter(&p, row);
			if (h.temp > 0) {
				struct drawable d = sampler_filter(s, row);

				compare(&d, &p, shape);
			}
		}
		want = h.temp > 0 ? plain_draw(&p) : plain_largest(&p);
		got = sampler_choose(s, row);
		if (got != want)
			wrong(&p, shape, "chooses", got, want);
		p.chosen[want] = true;
	}
	sampler_free(s);
	plain_done(&p);
	free(row);
}

static void
try_settings(int n_vocab, enum shape shape, float temp)
{
	static const float top_ps[] = { 0, 1e-6f, 0.5f, 0.9f, 0.999999f, 1 }, penalties[] = { 1, 1.1f, 0.5f };
	static const int top_ks[] = { 0, 1, 40, 900, 1000000 };
	static uint64_t seed;

	for (size_t k = 0; k < sizeof top_ks / sizeof *top_ks; k++)
		for (size_t p = 0; p < sizeof top_ps / sizeof *top_ps; p++) {
			struct sampling h = { .temp = temp, .top_p = top_ps[p], .top_k = top_ks[k], .seed = seed,
				.repeat_penalty = penalties[(seed + seed / 30) % 3] };

			try_choices(h, n_vocab, shape, 2, false);
			seed++;
		}
}

static void
every_choice_is_that_of_the_definition(void **state)
{
	static const int sizes[] = { 1, 2, 63, 64, 65, 129, 1000, 5000 };
	static const float temps[] = { 0, 1e-38f, 1e-4f, 0.1f, 0.7f, 1, 2, 100, 1e38f };

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		for (size_t t = 0; t < sizeof temps / sizeof *temps; t++)
			for (int shape = 0; shape < N_SHAPES; shape++)
				try_settings(sizes[i], shape, temps[t]);
}

/* Each block of one logit, so that nothing hides its error, down to where nothing is left to weigh; the rest lies lower. */
static void
the_survey_errs_by_less_than_it_says(void **state)
{
	enum { BLOCKS = 7000 };
	float *row = xcalloc(BLOCKS * SURVEY_BLOCK, sizeof *row), *top = xcalloc(BLOCKS, sizeof *top);
	double *weights = xcalloc(BLOCKS, sizeof *weights);

	(void)state;
	for (int i = 0; i < BLOCKS * SURVEY_BLOCK; i++)
		row[i] = i % SURVEY_BLOCK ? -INFINITY : 17 - (float)(i / SURVEY_BLOCK + unit_noise()) / 10;
	survey_divide(row, 1, top, BLOCKS);
	survey_weigh(weights, row, 17, BLOCKS);
	for (int b = 0; b < BLOCKS; b++) {
		double want = exp((double)row[b * SURVEY_BLOCK] - 17);

		assert_true(top[b] == row[b * SURVEY_BLOCK]);
		if (fabs(weights[b] - want) > SURVEY_ERROR * want + SURVEY_BLOCK * 1e-304)
			fail_msg("exp(%.9g) is said to be %.17g", (double)row[b * SURVEY_BLOCK] - 17, weights[b]);
	}
	free(row);
	free(top);
	free(weights);
}

/* The model's own size, with the usual settings. */
static void
a_large_vocabulary_too(void **state)
{
	static const struct sampling usual[] = {
		{ 0.7f, 1, 0, 1, 1 }, { 1, 1, 0, 1, 2 }, { 0.7f, 0.9f, 0, 1, 3 }, { 1, 0.9f, 0, 1.1f, 4 }, { 0.7f, 1, 40, 1, 5 },
		{ 1, 0.9f, 40, 1.1f, 6 }, { 0, 1, 0, 1.1f, 7 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
		for (int shape = 0; shape < N_SHAPES; shape++)
			try_choices(usual[i], 64000, shape, 2, false);
}

/* In the first two every token has so little probability that in one draw of a hundred the survey cannot tell which. */
static void
draws_close_to_a_border_are_those_of_the_definition(void **state)
{
	static const struct sampling all = { .temp = 1, .top_p = 1, .repeat_penalty = 1, .seed = 5 };

	(void)state;
	try_choices(all, 64000, FLAT, 3000, true);
	try_choices(all, 64000, EQUAL, 3000, true);
	try_choices(all, 64000, PEAKED, 3000, true);
}

/* top_p is, but for its rounding, a sum that is reached. */
static void
try_border(int n_vocab, enum shape shape)
{
	struct sampling h = { .temp = 1, .top_p = (float)(0.999 * unit_noise()), .repeat_penalty = 1 };
	float row[64];
	struct sampler *s;
	struct plain p;
	struct drawable d;

	assert_true(n_vocab <= 64);
	make_row(row, n_vocab, shape);
	plain_init(&p, &h, n_vocab);
	plain_filter(&p, row);
	p.how.top_p = (float)p.share;
	plain_filter(&p, row);
	s = sampler_new(&p.how, n_vocab);
	d = sampler_filter(s, row);
	compare(&d, &p, shape);
	sampler_free(s);
	plain_done(&p);
}

static void
top_p_on_the_border_is_that_of_the_definition(void **state)
{
	(void)state;
	for (int i = 0; i < 100000; i++)
		try_border(1 + i % 40, i % 3 ? SPREAD : EQUAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_choice_is_that_of_the_definition),
		cmocka_unit_test(a_large_vocabulary_too),
		cmocka_unit_test(draws_close_to_a_border_are_those_of_the_definition),
		cmocka_unit_test(top_p_on_the_border_is_that_of_the_definition),
		cmocka_unit_test(the_survey_errs_by_less_than_it_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
