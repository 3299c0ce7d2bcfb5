/* chat_budget.c: which turns go when the context is full, what is left out then, and what a fork takes along. A prompt
 * of the stand-in for the engine has 10 tokens a message, one more a character, 100 a picture. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "chat/chat.h"

static struct buf seen;         /* "one|a|two|" */

int
prompt_build(struct prompt *out, const struct card *card, const char *system, const struct turn *turns, int n_turns,
    enum picture_rule rule, struct error *err)
{
	(void)card;
	(void)rule;
	(void)err;
	out->ids.n = system ? strlen(system) : 50;
	buf_clear(&seen);
	for (int i = 0; i < n_turns; i++) {
		buf_add(&seen, turns[i].text, turns[i].text_n);
		buf_char(&seen, '|');
		out->ids.n += 10 + turns[i].text_n + 100 * (size_t)turns[i].n_pixels;
	}
	return 0;
}

void
prompt_done(struct prompt *p)
{
	(void)p;
}

static const struct pixels *
pixels_of(void *arg, const struct pic *pic, struct error *err)
{
	static const struct pixels square;

	(void)arg;
	if (pic->n < 9)
		return &square;
	error_set(err, CODE_INPUT, "lost");
	return NULL;
}

static int
ask(struct chat *c, const char *text)
{
	return chat_add_user(c, text, strlen(text), NULL, 0)->id;
}

static int
reply(struct chat *c, const char *text)
{
	struct message *m = chat_add_answer(c);

	message_append(m, text, strlen(text));
	return m->id;
}

static const char *
assembled(const struct chat *c, int leaf)
{
	struct prompt prompt = {0};

	assert_int_equal(chat_assemble(&prompt, c, leaf, NULL, pixels_of, NULL, NULL), 0);
	return buf_text(&seen);
}

/* ---- choosing */

static void
test_choice(void **state)
{
	struct turn_size turns[] = { { 1, 100, false, false }, { 3, 50, true, false }, { 5, 70, false, true }, { 7, 30, false, false } };
	int ids[4];

	(void)state;
	assert_int_equal(budget_drop(turns, 4, 0, ids), 0);
	assert_int_equal(budget_drop(turns, 4, -5, ids), 0);
	assert_int_equal(budget_drop(turns, 0, 1, ids), -1);
	assert_int_equal(budget_drop(turns, 4, 1, ids), 1);
	assert_int_equal(ids[0], 1);
	assert_int_equal(budget_drop(turns, 4, 100, ids), 1);
	assert_int_equal(budget_drop(turns, 4, 101, ids), 2);   /* neither the pinned nor the dropped one counts */
	assert_int_equal(ids[1], 7);
	assert_int_equal(budget_drop(turns, 4, 130, ids), 2);
	assert_int_equal(budget_drop(turns, 4, 131, ids), -1);
}

static void
test_sizes(void **state)
{
	struct pic pic = { .n = 1 };
	struct chat *c = chat_new();
	struct turn_size *sizes;

	(void)state;
	assert_int_equal(chat_measure(c, 0, NULL, pixels_of, NULL, &sizes, NULL), 0);
	free(sizes);
	chat_add_user(c, "four", 4, &pic, 1);
	reply(c, "12");
	chat_pin(c, ask(c, "unanswered"), true);
	ask(c, "q");
	assert_int_equal(chat_measure(c, c->head, NULL, pixels_of, NULL, &sizes, NULL), 3);
	assert_int_equal(sizes[0].id, 1);
	assert_int_equal(sizes[0].n_tokens, 114 + 12);
	assert_int_equal(sizes[1].n_tokens, 20);
	assert_true(sizes[1].pinned && !sizes[0].pinned);
	assert_int_equal(sizes[2].n_tokens, 11);
	free(sizes);
	chat_free(c);
}

static void
test_sizes_without_bytes(void **state)
{
	struct pic pic = { .n = 9 };
	struct error err = {0};
	struct chat *c = chat_new();
	struct turn_size *sizes;

	(void)state;
	chat_add_user(c, "x", 1, &pic, 1);
	assert_int_equal(chat_measure(c, c->head, NULL, pixels_of, NULL, &sizes, &err), -1);
	assert_null(sizes);
	assert_string_equal(err.what, "lost");
	chat_add_drop(c, 0, (const int[]){ 1 }, 1);                     /* what the model is not told of need not be there */
	assert_int_equal(chat_measure(c, c->head, NULL, pixels_of, NULL, &sizes, &err), 1);
	assert_true(sizes[0].dropped);
	assert_int_equal(sizes[0].n_tokens, 0);
	free(sizes);
	chat_free(c);
}

/* ---- leaving out */

/* one, a, two, b, three; another answer to "two" with a question below it */
static struct chat *
tree(void)
{
	struct chat *c = chat_new();

	ask(c, "one");
	reply(c, "a");
	ask(c, "two");
	reply(c, "b");
	ask(c, "three");
	chat_set_head(c, 3);
	reply(c, "B");
	ask(c, "other");
	return c;
}

static void
test_left_out(void **state)
{
	struct chat *c = tree();

	(void)state;
	assert_string_equal(assembled(c, 5), "one|a|two|b|three|");
	chat_add_drop(c, 4, (const int[]){ 1 }, 1);
	assert_string_equal(assembled(c, 5), "two|b|three|");
	assert_string_equal(assembled(c, 3), "one|a|two|");             /* was asked with all of it */
	assert_string_equal(assembled(c, 4), "one|a|two|b|");
	assert_string_equal(assembled(c, 7), "one|a|two|B|other|");     /* another branch */
	chat_add_drop(c, 0, (const int[]){ 3, 7, 99, -1 }, 4);          /* everywhere, but never the question itself */
	assert_string_equal(assembled(c, 7), "one|a|other|");
	assert_string_equal(assembled(c, 5), "three|");
	assert_string_equal(assembled(c, 3), "one|a|two|");
	chat_add_drop(c, 4, (const int[]){ 3 }, 1)->back = true;        /* seen again, there */
	assert_string_equal(assembled(c, 5), "two|b|three|");
	assert_string_equal(assembled(c, 7), "one|a|other|");
	chat_add_drop(c, 50, (const int[]){ 1 }, 1);                    /* below a message that there is not */
	assert_string_equal(assembled(c, 7), "one|a|other|");
	chat_free(c);
	buf_done(&seen);
}

/* ---- branches */

static void
test_leaf_below(void **state)
{
	struct chat *c = tree();

	(void)state;
	assert_int_equal(chat_leaf_below(c, 1), 7);
	assert_int_equal(chat_leaf_below(c, 4), 5);
	assert_int_equal(chat_leaf_below(c, 5), 5);
	assert_int_equal(chat_add_continued(c, 4)->id, 8);
	assert_int_equal(chat_leaf_below(c, 3), 8);
	assert_int_equal(chat_question_of(c, 8), 3);
	assert_int_equal(chat_question_of(c, 7), 7);
	assert_int_equal(chat_question_of(c, 0), 0);
	chat_free(c);
}

static void
test_fork(void **state)
{
	struct chat *c = tree(), *copy;
	struct message *m = &c->messages[5];

	(void)state;
	message_add_id(m, 42, 7);
	m->stop = STOP_LENGTH;
	m->edited = true;
	m->n_given = 1;
	chat_add_system(c, 2, "brief");
	chat_add_system(c, 4, "of the other branch");
	chat_add_drop(c, 6, (const int[]){ 1, 4 }, 2);
	chat_add_drop(c, 4, (const int[]){ 3 }, 1);
	chat_pin(c, 3, true);
	copy = chat_fork(c, 7);
	assert_string_equal(copy->id, "");
	assert_int_equal(copy->n_messages, 5);
	assert_int_equal(copy->head, 5);
	assert_string_equal(assembled(copy, 5), "two|B|other|");
	assert_string_equal(assembled(copy, 3), "one|a|two|");
	assert_string_equal(chat_system(copy, 5), "brief");
	assert_true(copy->messages[2].pinned && !copy->messages[0].pinned);
	assert_int_equal(copy->messages[3].ids[0], 42);
	assert_int_equal(copy->messages[3].stop, STOP_LENGTH);
	assert_true(copy->messages[3].edited);
	assert_int_equal(copy->n_drops, 1);
	chat_free(copy);
	copy = chat_fork(c, 0);
	assert_int_equal(copy->n_messages, 0);
	chat_free(copy);
	chat_free(c);
	buf_done(&seen);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_sizes_without_bytes),
		cmocka_unit_test(test_left_out),
		cmocka_unit_test(test_leaf_below),
		cmocka_unit_test(test_fork),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
