/* pure_guess.c: what a text makes likely to come next, and whether guessing pays, by times that are made up. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "engine/guess.h"
#include "engine/worth.h"

/* ---- guesses; a letter a token, '#' a picture's place */

static void
add(struct guess *g, const char *text)
{
	for (; *text; text++)
		guess_add(g, *text == '#' ? GUESS_PICTURE : *text);
}

static void
assert_next(const struct guess *g, int most, const char *want, enum guess_by want_by)
{
	int32_t ids[BACKEND_MAX_STEPS];
	enum guess_by by;
	char got[BACKEND_MAX_STEPS + 1];
	int n = guess_next(g, most, ids, &by);

	for (int i = 0; i < n; i++)
		got[i] = (char)ids[i];
	got[n] = '\0';
	assert_string_equal(got, want);
	if (n > 0)
		assert_int_equal(by, want_by);
}

static void
what_followed_comes_again(void **state)
{
	static const struct {
		const char *text, *next;
		enum guess_by by;
	} cases[] = {
		{ "", "", 0 }, { "a", "", 0 }, { "ab", "", 0 }, { "abcd", "", 0 },
		{ "abcdef abc", "def", GUESS_BY_THREE },
		{ "abcX abcY abc", "Y a", GUESS_BY_THREE },     /* the latest */
		{ "abcdef bc", "def", GUESS_BY_TWO },
		{ "abcX bcY abc", "X b", GUESS_BY_THREE },      /* three before two, though two are later */
		{ "abc Zc", "", 0 },                            /* one is not enough */
		{ "xxx", "xxx", GUESS_BY_TWO },                 /* it overlaps itself … */
		{ "xxxx", "xxx", GUESS_BY_THREE },
		{ "ababab", "aba", GUESS_BY_THREE },            /* … and goes on beyond the end */
		{ "ab#ab", "", 0 },                             /* a picture follows there */
		{ "abc#ab", "c", GUESS_BY_TWO },                /* … or a token later */
		{ "a#ba#b", "", 0 },                            /* nothing is found across a picture */
		{ "###", "", 0 }, { "ab##", "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct guess *g = guess_new(32);

		add(g, cases[i].text);
		assert_int_equal(guess_n(g), strlen(cases[i].text));
		assert_next(g, 3, cases[i].next, cases[i].by);
		guess_free(g);
	}
}

static void
no_more_than_asked_for(void **state)
{
	struct guess *g = guess_new(16);

	(void)state;
	add(g, "abcdefghijk abc");
	assert_next(g, 0, "", GUESS_BY_THREE);
	assert_next(g, 1, "d", GUESS_BY_THREE);
	assert_next(g, 8, "defghijk", GUESS_BY_THREE);
	assert_next(g, 15, "defghijk abcdef", GUESS_BY_THREE);
	guess_free(g);
}

/* What stood behind the cut is forgotten, what stood before it is not. */
static void
a_cut_text_is_as_if_new(void **state)
{
	struct guess *g = guess_new(64);

	(void)state;
	add(g, "abcd_abcX abc");
	assert_next(g, 3, "X a", GUESS_BY_THREE);
	guess_cut(g, 8);
	assert_int_equal(guess_n(g), 8);
	assert_next(g, 3, "d_a", GUESS_BY_THREE);
	add(g, "Y");
	guess_cut(g, 40);               /* not longer by that */
	add(g, "#abc");
	assert_next(g, 2, "Y", GUESS_BY_THREE);
	guess_cut(g, 2);
	assert_next(g, 2, "", 0);
	guess_cut(g, 0);
	add(g, "bc bc");
	assert_next(g, 2, " b", GUESS_BY_TWO);
	guess_free(g);
}

/* Letters of few kinds, cut back and added to at random: the same as a table that was made anew. */
static void
cuts_leave_no_trace(void **state)
{
	uint32_t random = 1;
	char text[201] = "";
	struct guess *g = guess_new(200);
	int n_found = 0;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct guess *fresh = guess_new(200);
		int32_t got[4], want[4];
		enum guess_by by = 0, by_fresh = 0;
		int n, to = (int)((random = random * 1664525u + 1013904223u) >> 16) % 200;

		guess_cut(g, to);
		text[to < (int)strlen(text) ? to : (int)strlen(text)] = '\0';
		while ((n = (int)strlen(text)) < to) {
			text[n] = "abcd#"[((random = random * 1664525u + 1013904223u) >> 20) % 5];
			text[n + 1] = '\0';
			add(g, text + n);
		}
		add(fresh, text);
		n = guess_next(g, 4, got, &by);
		assert_int_equal(n, guess_next(fresh, 4, want, &by_fresh));
		assert_memory_equal(got, want, (size_t)n * sizeof *got);
		assert_int_equal(by, by_fresh);
		n_found += n > 0;
		guess_free(fresh);
	}
	assert_in_range(n_found, 500, 2000);
	guess_free(g);
}

/* ---- whether it pays */

/* A device on which a pass of n rows takes 1 + each * (n - 1), and a text of which each guess is right so often. */
struct world {
	double each;
	int right_of_100;
	uint32_t random;
	double clock;
	int n_tokens, n_passes;
};

static bool
is_right(struct world *w)
{
	w->random = w->random * 1664525u + 1013904223u;
	return (int)((w->random >> 8) % 100) < w->right_of_100;
}

/* One pass, with its guesses. */
static void
pass(struct worth *worth, struct world *w, enum guess_by by)
{
	int n = worth_take(worth, by, 3);
	double took = 1 + w->each * n;

	assert_in_range(n, 0, 3);
	worth_passed(worth, by, 1 + n, took);
	w->clock += took;
	w->n_tokens++;
	w->n_passes += n > 0;
	for (int i = 0; i < n; i++) {
		bool right = is_right(w);

		worth_tried(worth, by, i, right);
		if (!right)
			break;
		w->n_tokens++;
	}
}

/* Tokens in the time that one takes without guesses. */
static double
gain(struct worth *worth, struct world *w, enum guess_by by, int n_tokens)
{
	w->clock = 0;
	w->n_tokens = w->n_passes = 0;
	while (w->n_tokens < n_tokens)
		pass(worth, w, by);
	return w->n_tokens / w->clock;
}

static double
gain_of_new(double each, int right_of_100, enum guess_by by, int n_tokens)
{
	struct world w = { .each = each, .right_of_100 = right_of_100, .random = 5 };
	struct worth worth;

	worth_init(&worth);
	return gain(&worth, &w, by, n_tokens);
}

/* What a copied text gains when rows cost little: at most 4 tokens in 1.09 of the time. */
static void
right_guesses_pay(void **state)
{
	(void)state;
	assert_true(gain_of_new(0.03, 100, GUESS_BY_THREE, 1000) > 3.6);
	assert_true(gain_of_new(0.03, 100, GUESS_BY_TWO, 1000) > 3.6);
	assert_true(gain_of_new(0.03, 80, GUESS_BY_THREE, 1000) > 2.5);
	assert_true(gain_of_new(0.03, 30, GUESS_BY_TWO, 1000) > 1.2);
	assert_true(gain_of_new(0.25, 90, GUESS_BY_THREE, 1000) > 1.7);
}

/* However dear rows are and however wrong guesses, little is lost: beside a few passes at the beginning, a hundredth. */
static void
wrong_guesses_cost_little(void **state)
{
	static const double each[] = { 0, 0.01, 0.03, 0.1, 0.3, 0.5, 1 };

	(void)state;
	for (size_t i = 0; i < sizeof each / sizeof *each; i++)
		for (int right = 0; right <= 100; right += 5)
			for (int by = 0; by < GUESS_KINDS; by++) {
				double much = gain_of_new(each[i], right, (enum guess_by)by, 5000);
				double few = gain_of_new(each[i], right, (enum guess_by)by, 200);

				if (much < 0.985 || few < 0.95)
					fail_msg("%g a row, %d %% right: %.3f, and %.3f of 200 tokens", each[i], right, much,
					    few);
			}
}

/* Also where four rows take longer than two passes: then one is tried with fewer. */
static void
a_text_that_changes_is_followed(void **state)
{
	static const double each[] = { 0.04, 0.4 }, good[] = { 2, 1.1 };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct world w = { .each = each[i], .right_of_100 = 0, .random = 9 };
		struct worth worth;

		worth_init(&worth);
		assert_true(gain(&worth, &w, GUESS_BY_THREE, 2000) > 0.985);
		assert_true(w.n_passes > 10);           /* it goes on to try */
		w.right_of_100 = 95;
		assert_true(gain(&worth, &w, GUESS_BY_THREE, 600) > good[i]);
		w.right_of_100 = 0;
		assert_true(gain(&worth, &w, GUESS_BY_THREE, 2000) > 0.985);
	}
}

/* The two ways to guess are told apart: one may pay while the other does not. */
static void
what_a_guess_stands_on_counts(void **state)
{
	struct world good = { .each = 0.05, .right_of_100 = 90, .random = 3 }, bad = { .each = 0.05, .random = 4 };
	struct worth worth;

	(void)state;
	worth_init(&worth);
	for (int i = 0; i < 300; i++) {
		pass(&worth, &good, GUESS_BY_THREE);
		pass(&worth, &bad, GUESS_BY_TWO);
	}
	assert_true(good.n_passes > 290);
	assert_true(bad.n_passes < 100);
}

/* No guess before it is known what one row takes; the first passes, which prepare things, and those that somebody was
 * late for change nothing. */
static void
odd_times_are_not_believed(void **state)
{
	struct worth worth;

	(void)state;
	worth_init(&worth);
	assert_int_equal(worth_take(&worth, GUESS_BY_THREE, 3), 0);
	worth_passed(&worth, GUESS_BY_THREE, 1, 50);
	assert_int_equal(worth_take(&worth, GUESS_BY_THREE, 3), 0);
	worth_passed(&worth, GUESS_BY_THREE, 1, 1);
	assert_int_equal(worth_take(&worth, GUESS_BY_THREE, 3), 3);
	assert_int_equal(worth_take(&worth, GUESS_BY_THREE, 1), 1);
	worth_passed(&worth, GUESS_BY_THREE, 4, 90);
	for (int i = 0; i < 3; i++)
		worth_tried(&worth, GUESS_BY_THREE, i, true);
	assert_int_equal(worth_take(&worth, GUESS_BY_THREE, 3), 3);
	worth_passed(&worth, GUESS_BY_THREE, 4, 1.1);
	worth_passed(&worth, GUESS_BY_THREE, 1, 3600);
	worth_passed(&worth, GUESS_BY_THREE, 4, 3600);
	assert_true(worth.cost[1] < 1.02 && worth.cost[4] < 1.13);
	worth_passed(&worth, GUESS_BY_THREE, 1, 0.9);
	assert_true(worth.cost[1] == 0.9);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_followed_comes_again),
		cmocka_unit_test(no_more_than_asked_for),
		cmocka_unit_test(a_cut_text_is_as_if_new),
		cmocka_unit_test(cuts_leave_no_trace),
		cmocka_unit_test(right_guesses_pay),
		cmocka_unit_test(wrong_guesses_cost_little),
		cmocka_unit_test(a_text_that_changes_is_followed),
		cmocka_unit_test(what_a_guess_stands_on_counts),
		cmocka_unit_test(odd_times_are_not_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
