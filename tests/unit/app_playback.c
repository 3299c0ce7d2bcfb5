/* app_playback.c: recorded times → what is there when, by a clock that the test holds; jumps; where text is cut when no
 * tokenizer says. And whether an answer that was computed again is the recorded one. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/app.h"
#include "app/playback.h"
#include "base/alloc.h"

static struct message *
say(struct chat *c, const char *at, const char *text)
{
	struct message *m = chat_add_user(c, text, strlen(text), NULL, 0);

	snprintf(m->at, sizeof m->at, "%s", at);
	return m;
}

/* n tokens, the first at `first` ms, then one every `each`. */
static struct message *
reply(struct chat *c, const char *at, const char *text, int n, int first, int each)
{
	struct message *m = chat_add_answer(c);

	snprintf(m->at, sizeof m->at, "%s", at);
	message_set_text(m, text, strlen(text));
	for (int i = 0; i < n; i++)
		message_add_id(m, 10 + i, first + i * each);
	m->stop = STOP_EOS;
	return m;
}

/* A question at 0; four tokens of two letters at 1.0, 1.1, 1.2, 1.3 s; a minute later another, with one token 5 s on. */
static struct chat *
two_turns(void)
{
	struct chat *c = chat_new();

	say(c, "2026-01-01T00:00:00.000Z", "q1");
	reply(c, "2026-01-01T00:00:00.000Z", "aabbccdd", 4, 1000, 100);
	say(c, "2026-01-01T00:01:01.300Z", "q2");
	reply(c, "2026-01-01T00:01:01.300Z", "ee", 1, 5000, 0);
	return c;
}

static struct playback
play(const struct chat *c, double speed, double idle)
{
	struct playback_how how = { .leaf = c->head, .speed = speed, .idle_limit = idle };
	struct playback p;
	struct error err = {0};

	if (playback_init(&p, c, &how, 1000, &err) < 0)
		fail_msg("%s", err.what);
	return p;
}

/* What is there: the message and how much of its text. */
static void
assert_at(const struct playback *p, int message, size_t end)
{
	const struct playback_step *at = playback_at(p);

	if (message == 0) {
		assert_null(at);
		return;
	}
	assert_non_null(at);
	assert_int_equal(at->message, message);
	assert_int_equal(at->end, end);
}

static void
times_are_kept_and_pauses_cut(void **state)
{
	static const int at[] = { 0, 0, 1000, 1100, 1200, 1300, 3300, 3300, 5300 };
	struct chat *c = two_turns();
	struct playback p = play(c, 1, 2);

	(void)state;
	assert_int_equal(p.n, sizeof at / sizeof *at);
	for (int i = 0; i < p.n; i++)
		assert_int_equal(p.steps[i].at, at[i]);
	assert_int_equal(playback_length(&p), 5300);
	playback_done(&p);
	p = play(c, 1, 0);
	assert_int_equal(playback_length(&p), 0);
	playback_done(&p);
	p = play(c, 1, 1000);
	assert_int_equal(playback_length(&p), 61300 + 5000);
	playback_done(&p);
	chat_free(c);
}

static void
what_is_there_follows_the_clock(void **state)
{
	struct chat *c = two_turns();
	struct playback p = play(c, 1, 2);

	(void)state;
	assert_int_equal(playback_wait(&p), 0);
	assert_true(playback_tick(&p, 1000));
	assert_at(&p, 2, 0);
	assert_false(playback_tick(&p, 1999));
	assert_int_equal(playback_wait(&p), 2);         /* 1 ms, and one for what is cut off */
	assert_true(playback_tick(&p, 2000));
	assert_at(&p, 2, 2);
	assert_true(playback_tick(&p, 2250));
	assert_at(&p, 2, 6);
	assert_true(playback_tick(&p, 100000));
	assert_at(&p, 4, 2);
	assert_true(playback_ended(&p));
	assert_int_equal(playback_wait(&p), -1);
	assert_false(playback_tick(&p, 200000));
	playback_done(&p);
	chat_free(c);
}

static void
speed_and_pause(void **state)
{
	struct chat *c = two_turns();
	struct playback p = play(c, 0.5, 2);

	(void)state;
	for (int now = 1000; now < 2999; now++)
		playback_tick(&p, now);         /* single ms of half a ms each are not lost */
	assert_at(&p, 2, 0);
	playback_tick(&p, 3001);
	assert_at(&p, 2, 2);
	playback_pause(&p, true);
	assert_int_equal(playback_wait(&p), -1);
	assert_false(playback_tick(&p, 50000));
	playback_pause(&p, false);
	assert_false(playback_tick(&p, 50001));         /* the pause did not count */
	playback_faster(&p, 4);
	assert_true(playback_tick(&p, 50101));          /* 200 ms of the recording */
	assert_at(&p, 2, 6);
	for (int i = 0; i < 20; i++)
		playback_faster(&p, 2);
	assert_true(p.speed == 64);
	for (int i = 0; i < 40; i++)
		playback_faster(&p, 0.5);
	assert_true(p.speed == 0.125);
	playback_done(&p);
	p = play(c, 0, 2);
	assert_int_equal(playback_wait(&p), 0);
	assert_true(playback_tick(&p, 1000));
	assert_true(playback_ended(&p));
	playback_done(&p);
	chat_free(c);
}

static void
steps_forward_and_back(void **state)
{
	struct chat *c = two_turns();
	struct playback p = play(c, 1, 2);

	(void)state;
	playback_step_by(&p, -1);
	assert_at(&p, 0, 0);
	for (int i = 0; i < 20; i++)
		playback_step_by(&p, 1);
	assert_at(&p, 4, 2);
	assert_true(p.paused);
	playback_step_by(&p, -1);
	assert_at(&p, 4, 0);
	for (int i = 0; i < 5; i++)
		playback_step_by(&p, -1);
	assert_at(&p, 2, 2);
	playback_pause(&p, false);
	playback_tick(&p, 1000);
	playback_tick(&p, 1100);        /* it goes on from there */
	assert_at(&p, 2, 4);
	playback_done(&p);
	chat_free(c);
}

static void
jumps(void **state)
{
	struct chat *c = two_turns();
	struct playback p = play(c, 1, 2);

	(void)state;
	playback_seek(&p, 1150);
	assert_at(&p, 2, 4);
	playback_seek(&p, -5);
	assert_at(&p, 2, 0);
	playback_seek(&p, 1e9);
	assert_at(&p, 4, 2);
	assert_true(playback_message(&p, -1, false));
	assert_at(&p, 4, 0);
	assert_true(playback_message(&p, -1, false));
	assert_at(&p, 3, 2);
	assert_true(playback_message(&p, -1, false));
	assert_at(&p, 2, 0);
	assert_true(playback_message(&p, -1, false));
	assert_at(&p, 1, 2);
	assert_false(playback_message(&p, -1, false));
	assert_true(playback_message(&p, 1, false));
	assert_true(playback_message(&p, 1, false));
	assert_at(&p, 3, 2);
	assert_false(playback_message(&p, 1, true));    /* no picture anywhere */
	playback_done(&p);
	chat_free(c);
}

static void
to_the_next_picture(void **state)
{
	struct pic pic = { .sha = "ab", .width = 1, .height = 1 };
	struct chat *c = two_turns();
	struct playback p;

	(void)state;
	chat_add_user(c, "q3", 2, &pic, 1);
	p = play(c, 1, 2);
	assert_true(playback_message(&p, 1, true));
	assert_at(&p, 5, 2);
	assert_false(playback_message(&p, 1, true));
	playback_done(&p);
	chat_free(c);
}

static void
text_is_found_where_it_is_complete(void **state)
{
	struct chat *c = two_turns();
	struct playback p = play(c, 1, 2);

	(void)state;
	assert_true(playback_find(&p, "bc"));
	assert_at(&p, 2, 6);
	assert_true(playback_find(&p, "q2"));
	assert_at(&p, 3, 2);
	assert_true(playback_find(&p, "aa"));           /* from the beginning again */
	assert_at(&p, 2, 2);
	assert_false(playback_find(&p, "zz"));
	assert_at(&p, 2, 2);
	assert_false(playback_find(&p, ""));
	playback_done(&p);
	chat_free(c);
}

/* Never within a character, never less than before, all of it at the end. */
static void
text_is_cut_between_characters(void **state)
{
	static const char text[] = "猫e\xcc\x81x犬👩‍👩‍👧y";
	struct chat *c = chat_new();
	struct playback p;

	(void)state;
	say(c, "", "q");
	reply(c, "", text, 7, 10, 10);
	p = play(c, 1, 2);
	for (int i = 1; i < p.n; i++) {
		size_t end = p.steps[i].end;

		assert_true(end == sizeof text - 1 || ((unsigned char)text[end] & 0xc0) != 0x80);
		assert_true(end == 0 || strncmp(text + end, "\xcc\x81", 2) != 0);
		assert_true(i == 1 || end > p.steps[i - 1].end);
	}
	assert_int_equal(p.steps[p.n - 1].end, sizeof text - 1);
	playback_done(&p);
	chat_free(c);
}

static void
borders(void **state)
{
	struct chat *c = chat_new();
	struct playback_how how = { .speed = 1, .idle_limit = 2 };
	struct playback p;
	struct error err;

	(void)state;
	assert_int_equal(playback_init(&p, c, &how, 0, &err), -1);
	assert_int_equal(err.code, CODE_INPUT);
	say(c, "nonsense", "");                         /* no text, no time */
	reply(c, "2026-01-01T00:00:00Z", "", 0, 0, 0);
	chat_add_answer(c)->up = 1;                     /* and no tokens */
	how.leaf = 2;
	assert_int_equal(playback_init(&p, c, &how, 0, &err), 0);
	assert_int_equal(p.n, 2);
	assert_true(playback_tick(&p, 0));
	assert_true(playback_ended(&p));
	playback_done(&p);
	how.from = 2;
	assert_int_equal(playback_init(&p, c, &how, 0, &err), -1);
	chat_free(c);
}

static void
turns_are_chosen(void **state)
{
	struct chat *c = two_turns();
	struct playback_how how = { .leaf = 4, .from = 2, .to = 2, .speed = 1, .idle_limit = 2 };
	struct playback p;

	(void)state;
	assert_int_equal(playback_init(&p, c, &how, 0, NULL), 0);
	assert_int_equal(p.steps[0].message, 3);
	assert_int_equal(p.steps[0].at, 0);
	playback_done(&p);
	how = (struct playback_how){ .leaf = 4, .to = 1, .speed = 1, .idle_limit = 2 };
	assert_int_equal(playback_init(&p, c, &how, 0, NULL), 0);
	assert_int_equal(p.steps[p.n - 1].message, 2);
	playback_done(&p);
	chat_free(c);
}

/* An answer that went on has its times counted from two questions. */
static void
a_continued_answer_goes_on(void **state)
{
	struct chat *c = chat_new();
	struct message *m;
	struct playback p;

	(void)state;
	say(c, "2026-01-01T00:00:00Z", "q");
	reply(c, "2026-01-01T00:00:00Z", "aabb", 2, 1000, 500);
	m = chat_add_continued(c, 2);
	snprintf(m->at, sizeof m->at, "2026-01-01T00:00:00Z");
	message_append(m, "ccdd", 4);
	message_add_id(m, 1, 300);
	message_add_id(m, 1, 700);
	p = play(c, 1, 2);
	assert_int_equal(p.steps[3].at, 1500);
	assert_int_equal(p.steps[4].at, 1800);
	assert_int_equal(p.steps[5].at, 2200);
	assert_int_equal(playback_leaf(c, 1), 3);       /* the shorter one is no branch */
	assert_int_equal(playback_leaf(c, 2), 0);
	playback_done(&p);
	chat_free(c);
}

static void
branches_are_counted(void **state)
{
	struct chat *c = two_turns();

	(void)state;
	chat_set_head(c, 1);
	reply(c, "", "other", 1, 1, 1);
	assert_int_equal(playback_leaf(c, 0), 5);
	assert_int_equal(playback_leaf(c, 1), 4);
	assert_int_equal(playback_leaf(c, 2), 5);
	assert_int_equal(playback_leaf(c, 3), 0);
	chat_free(c);
}

/* ---- verdicts */

static struct verdict
compare(const struct message *m, const int32_t *ids, int n)
{
	struct candidate best[2] = { { 0, -0.5f }, { 1, -0.75f } };
	struct token tokens[8] = {0};
	struct verdict v;

	for (int i = 0; i < n; i++)
		tokens[i] = (struct token){ .id = ids[i], .n_best = 2, .best = best };
	verdict_compare(&v, m, tokens, n);
	return v;
}

static void
verdicts(void **state)
{
	static const int32_t ids[] = { 10, 11, 12, 13, 14 }, other[] = { 10, 99, 12 };
	struct chat *c = chat_new();
	struct message *m = reply(c, "", "abc", 3, 1, 1);
	struct verdict v;

	(void)state;
	assert_int_equal(verdict_n_wanted(m), 0);       /* no engine said it */
	assert_int_equal(compare(m, ids, 3).kind, VERDICT_NOTHING);
	m->n_prompt = 5;
	assert_int_equal(verdict_n_wanted(m), 4);       /* the end must be seen too */
	assert_int_equal(compare(m, ids, 3).kind, VERDICT_SAME);
	v = compare(m, ids, 4);
	assert_true(v.kind == VERDICT_DIFFERS && v.at == 3 && v.was == -1 && v.now == 13 && v.n == 3);
	v = compare(m, ids, 2);
	assert_true(v.kind == VERDICT_DIFFERS && v.at == 2 && v.was == 12 && v.now == -1 && v.margin == -1);
	v = compare(m, other, 3);
	assert_true(v.kind == VERDICT_DIFFERS && v.at == 1 && v.was == 11 && v.now == 99 && v.margin == 0.25f);
	m->stop = STOP_LENGTH;
	assert_int_equal(verdict_n_wanted(m), 3);
	assert_int_equal(compare(m, ids, 3).kind, VERDICT_SAME);
	m->n_given = 2;                                 /* an answer that went on: only what is new */
	assert_int_equal(verdict_n_wanted(m), 1);
	assert_int_equal(compare(m, ids + 2, 1).kind, VERDICT_SAME);
	assert_int_equal(compare(m, ids, 1).kind, VERDICT_DIFFERS);
	chat_free(c);
}

static void
verdicts_in_words(void **state)
{
	struct verdict v = { .kind = VERDICT_SAME, .n = 118 };
	struct buf out = {0};

	(void)state;
	verdict_text(&v, NULL, &out);
	assert_string_equal(out.at, "same 118");
	buf_clear(&out);
	v = (struct verdict){ .kind = VERDICT_DIFFERS, .other = OTHER_BUILD | OTHER_GPU, .n = 5, .at = 4, .was = -1,
		.now = -1, .margin = 0.0031f };
	verdict_text(&v, NULL, &out);
	assert_string_equal(out.at, "other build/gpu: differs at 5 of 5: was the end now the end, margin 0.0031");
	buf_done(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_kept_and_pauses_cut),
		cmocka_unit_test(what_is_there_follows_the_clock),
		cmocka_unit_test(speed_and_pause),
		cmocka_unit_test(steps_forward_and_back),
		cmocka_unit_test(jumps),
		cmocka_unit_test(to_the_next_picture),
		cmocka_unit_test(text_is_found_where_it_is_complete),
		cmocka_unit_test(text_is_cut_between_characters),
		cmocka_unit_test(borders),
		cmocka_unit_test(turns_are_chosen),
		cmocka_unit_test(a_continued_answer_goes_on),
		cmocka_unit_test(branches_are_counted),
		cmocka_unit_test(verdicts),
		cmocka_unit_test(verdicts_in_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
