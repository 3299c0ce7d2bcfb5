/* sampling.c: the sampler's filters at their borders, and that a seed decides everything. */
#include "config.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "engine/sampler.h"

#define N 8
static const float logits[N] = { 1, 4, 3, 3, -2, 0, 3, 2 };

static struct sampling
how(float temp, int top_k, float top_p)
{
	return (struct sampling){ .temp = temp, .top_k = top_k, .top_p = top_p, .repeat_penalty = 1, .seed = 5 };
}

static int
n_kept(struct sampling s)
{
	struct sampler *sampler = sampler_new(&s, N);
	struct drawable d = sampler_filter(sampler, logits);
	double sum = 0;

	for (int i = 0; i < d.n; i++)
		sum += d.probs[i];
	assert_true(fabs(sum - 1) < 1e-6);
	sampler_free(sampler);
	return d.n;
}

static void
top_k_keeps_ties(void **state)
{
	(void)state;
	assert_int_equal(n_kept(how(1, 0, 1)), N);
	assert_int_equal(n_kept(how(1, 1, 1)), 1);
	assert_int_equal(n_kept(how(1, 2, 1)), 4);      /* three logits of 3 share the second place */
	assert_int_equal(n_kept(how(1, 4, 1)), 4);
	assert_int_equal(n_kept(how(1, 5, 1)), 5);
	assert_int_equal(n_kept(how(1, N, 1)), N);
	assert_int_equal(n_kept(how(1, 1000, 1)), N);
}

/* exp of the logits over their sum: .433, three of .159, .059, .022, .008, .001. */
static void
top_p_keeps_until_the_sum_is_reached(void **state)
{
	(void)state;
	assert_int_equal(n_kept(how(1, 0, 1e-6f)), 1);
	assert_int_equal(n_kept(how(1, 0, 0.40f)), 1);
	assert_int_equal(n_kept(how(1, 0, 0.44f)), 2);
	assert_int_equal(n_kept(how(1, 0, 0.80f)), 4);
	assert_int_equal(n_kept(how(1, 0, 0.95f)), 5);
	assert_int_equal(n_kept(how(1, 0, 0.9995f)), N);
	assert_int_equal(n_kept(how(1, 2, 0.45f)), 1);  /* of the four left by top_k the best has .475 */
	assert_int_equal(n_kept(how(0.1f, 0, 0.9f)), 1);        /* a low temperature sharpens first */
}

static void
the_distribution_is_the_softmax(void **state)
{
	struct sampling s = how(2, 0, 1);
	struct sampler *sampler = sampler_new(&s, N);
	struct drawable d = sampler_filter(sampler, logits);
	double sum = 0;

	(void)state;
	for (int i = 0; i < N; i++)
		sum += exp(logits[i] / 2);
	for (int i = 0; i < N; i++)
		assert_true(fabs(d.probs[i] - exp(logits[d.ids[i]] / 2) / sum) < 1e-6);
	sampler_free(sampler);
}

static void
the_penalty_counts_what_was_chosen(void **state)
{
	struct sampling s = how(0, 0, 1);
	static const int32_t want[] = { 1, 2, 3, 6, 1 };
	struct sampler *sampler;

	(void)state;
	s.repeat_penalty = 2;
	sampler = sampler_new(&s, N);
	/* 4 becomes 2; then the threes become 1.5 one after another; then 2 is best, of id 1 before id 7 */
	for (int i = 0; i < 5; i++)
		assert_int_equal(sampler_choose(sampler, logits), want[i]);
	sampler_free(sampler);
}

static void
the_penalty_pushes_negative_logits_down(void **state)
{
	static const float negative[3] = { -1, -1.5f, -3 };
	struct sampling s = how(0, 0, 1);
	struct sampler *sampler;

	(void)state;
	s.repeat_penalty = 2;
	sampler = sampler_new(&s, 3);
	assert_int_equal(sampler_choose(sampler, negative), 0);
	assert_int_equal(sampler_choose(sampler, negative), 1);
	assert_int_equal(sampler_choose(sampler, negative), 0);         /* -2, -3, -3 */
	sampler_free(sampler);
}

static void
greedy_takes_the_first_of_equals(void **state)
{
	static const float equal[4] = { 0, 2, 2, 1 };
	struct sampling s = how(0, 0, 1);
	struct sampler *sampler = sampler_new(&s, 4);

	(void)state;
	assert_int_equal(sampler_choose(sampler, equal), 1);
	sampler_free(sampler);
}

/* Given ids come whatever is likeliest, and then the likeliest; no logits are asked for. */
static void
given_ids_come_first(void **state)
{
	static const int32_t ids[] = { 3, 0, 3 };
	struct sampling s = how(0, 0, 1);
	struct sampler *given = sampler_given(ids, 3, 4), *greedy = sampler_new(&s, 4), *drawn;

	(void)state;
	s.temp = 1;
	drawn = sampler_new(&s, 4);
	assert_false(sampler_needs_logits(given));
	assert_false(sampler_needs_logits(greedy));
	assert_true(sampler_needs_logits(drawn));
	for (int i = 0; i < 3; i++)
		assert_int_equal(sampler_follow(given, 2), ids[i]);
	assert_int_equal(sampler_follow(given, 2), 2);
	assert_int_equal(sampler_follow(greedy, 1), 1);
	sampler_free(given);
	sampler_free(greedy);
	sampler_free(drawn);
}

static void
draw_many(uint64_t seed, int32_t *out, int n)
{
	struct sampling s = how(1, 0, 1);
	struct sampler *sampler;

	s.seed = seed;
	sampler = sampler_new(&s, N);
	for (int i = 0; i < n; i++)
		out[i] = sampler_choose(sampler, logits);
	sampler_free(sampler);
}

static void
a_seed_decides_everything(void **state)
{
	int32_t a[50], b[50], c[50];

	(void)state;
	draw_many(1, a, 50);
	draw_many(1, b, 50);
	draw_many(2, c, 50);
	assert_memory_equal(a, b, sizeof a);
	assert_memory_not_equal(a, c, sizeof a);
}

/* 40,000 draws: each id within five standard deviations of its probability. */
static void
draws_follow_the_probabilities(void **state)
{
	enum { DRAWS = 40000 };
	static int32_t drawn[DRAWS];
	int count[N] = {0};
	double sum = 0;

	(void)state;
	draw_many(3, drawn, DRAWS);
	for (int i = 0; i < DRAWS; i++)
		count[drawn[i]]++;
	for (int i = 0; i < N; i++)
		sum += exp(logits[i]);
	for (int i = 0; i < N; i++) {
		double p = exp(logits[i]) / sum;

		assert_true(fabs(count[i] - DRAWS * p) < 5 * sqrt(DRAWS * p * (1 - p)));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(top_k_keeps_ties),
		cmocka_unit_test(top_p_keeps_until_the_sum_is_reached),
		cmocka_unit_test(the_distribution_is_the_softmax),
		cmocka_unit_test(the_penalty_counts_what_was_chosen),
		cmocka_unit_test(the_penalty_pushes_negative_logits_down),
		cmocka_unit_test(given_ids_come_first),
		cmocka_unit_test(greedy_takes_the_first_of_equals),
		cmocka_unit_test(a_seed_decides_everything),
		cmocka_unit_test(draws_follow_the_probabilities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
