/* chat_tree.c: the conversation as a tree, and what of it goes into a prompt. The engine's half of assembling is stood
 * in for by a prompt_build that writes down what it was given. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "chat/chat.h"

static struct {
	struct buf turns;       /* "user(2):question|answer(0):reply|…" */
	const char *system;
} seen;

int
prompt_build(struct prompt *out, const struct card *card, const char *system, const struct turn *turns, int n_turns,
    enum picture_rule rule, struct error *err)
{
	(void)out;
	(void)card;
	(void)err;
	assert_int_equal(rule, PICTURES_FIRST);
	seen.system = system;
	buf_clear(&seen.turns);
	for (int i = 0; i < n_turns; i++) {
		buf_printf(&seen.turns, "%s(", turns[i].role == ROLE_USER ? "user" : "answer");
		for (int k = 0; k < turns[i].n_pixels; k++)
			buf_printf(&seen.turns, "%d", turns[i].pixels[k]->size);
		buf_printf(&seen.turns, "):%.*s|", (int)turns[i].text_n, turns[i].text);
	}
	return 0;
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

static void
check_branch(const struct chat *c, int leaf, const char *want)
{
	struct buf got = {0};
	int *ids, n = chat_branch(c, leaf, &ids);

	for (int i = 0; i < n; i++)
		buf_printf(&got, "%d ", ids[i]);
	assert_string_equal(buf_text(&got), want);
	buf_done(&got);
	free(ids);
}

static void
test_empty(void **state)
{
	struct chat *c = chat_new();
	char *title = chat_title(c);

	(void)state;
	assert_string_equal(title, "");
	assert_null(chat_message(c, 0));
	assert_null(chat_message(c, 1));
	check_branch(c, 0, "");
	assert_int_equal(chat_n_turns(c), 0);
	assert_int_equal(chat_parent_turn(c), -1);
	assert_int_equal(chat_set_head(c, 0), 0);
	assert_int_equal(chat_set_head(c, 1), -1);
	assert_null(chat_system(c, 0));
	assert_null(chat_add_continued(c, 1));
	free(title);
	chat_free(c);
	chat_free(NULL);
}

static void
test_branches(void **state)
{
	struct chat *c = chat_new();
	int *ids;

	(void)state;
	ask(c, "1");
	reply(c, "2");
	ask(c, "3");
	reply(c, "4");
	assert_int_equal(chat_n_turns(c), 2);
	assert_int_equal(chat_parent_turn(c), 2);
	chat_set_head(c, 2);
	assert_int_equal(chat_n_turns(c), 1);
	assert_int_equal(chat_parent_turn(c), 0);
	assert_int_equal(ask(c, "edited 3"), 5);
	check_branch(c, c->head, "1 2 5 ");
	check_branch(c, 4, "1 2 3 4 ");
	assert_int_equal(chat_siblings(c, 5, &ids), 2);
	assert_int_equal(ids[0], 3);
	assert_int_equal(ids[1], 5);
	free(ids);
	assert_int_equal(chat_siblings(c, 1, &ids), 1);
	free(ids);
	assert_int_equal(chat_siblings(c, 99, &ids), 0);
	free(ids);
	chat_free(c);
}

static void
test_many(void **state)
{
	struct chat *c = chat_new();

	(void)state;
	for (int i = 1; i <= 1000; i++)
		assert_int_equal(i % 2 ? ask(c, "q") : reply(c, "a"), i);
	assert_int_equal(chat_n_turns(c), 500);
	assert_int_equal(chat_message(c, 1000)->up, 999);
	chat_free(c);
}

static void
test_add_as(void **state)
{
	struct chat *c = chat_new();

	(void)state;
	assert_null(chat_add_as(c, 2, 0, ROLE_USER));
	assert_null(chat_add_as(c, 1, 1, ROLE_USER));
	assert_null(chat_add_as(c, 1, -1, ROLE_USER));
	assert_non_null(chat_add_as(c, 1, 0, ROLE_USER));
	assert_null(chat_add_as(c, 1, 0, ROLE_USER));
	assert_string_equal(chat_message(c, 1)->text, "");
	chat_free(c);
}

static void
test_continued(void **state)
{
	struct chat *c = chat_new();
	struct message *m;
	int *ids;

	(void)state;
	ask(c, "q");
	reply(c, "short");
	message_add_id(&c->messages[1], 11, 5);
	assert_null(chat_add_continued(c, 1));
	m = chat_add_continued(c, 2);
	message_append(m, " and more", 9);
	message_add_id(m, 12, 9);
	assert_string_equal(m->text, "short and more");
	assert_int_equal(m->up, 1);
	assert_int_equal(m->cont, 2);
	assert_int_equal(m->n_ids, 2);
	assert_string_equal(chat_message(c, 2)->text, "short");
	assert_int_equal(chat_siblings(c, 3, &ids), 1);
	free(ids);
	assert_int_equal(chat_siblings(c, 2, &ids), 2);        /* standing on the shorter one, it is shown */
	free(ids);
	chat_free(c);
}

static void
test_pics(void **state)
{
	struct pic pics[2] = { { .name = (char *)"a" }, { .n = 7, .name = (char *)"b" } };
	struct chat *c = chat_new();

	(void)state;
	chat_add_user(c, "", 0, pics, 2);
	assert_int_equal(c->messages[0].pics[0].n, 1);
	assert_int_equal(c->messages[0].pics[1].n, 7);
	chat_add_user(c, "", 0, pics, 1);
	assert_int_equal(c->messages[1].pics[0].n, 8);
	assert_int_equal(c->n_pics, 8);
	assert_ptr_not_equal(c->messages[0].pics[0].name, pics[0].name);
	chat_free(c);
}

static void
test_systems(void **state)
{
	struct chat *c = chat_new();

	(void)state;
	chat_set_system(c, "first");
	ask(c, "1");
	reply(c, "2");
	chat_set_system(c, "second");
	chat_set_system(c, "third");
	ask(c, "3");
	assert_string_equal(chat_system(c, 0), "first");
	assert_string_equal(chat_system(c, 1), "first");
	assert_string_equal(chat_system(c, 3), "third");
	chat_set_head(c, 1);
	reply(c, "4");
	assert_string_equal(chat_system(c, 4), "first");
	chat_set_system(c, NULL);
	assert_null(chat_system(c, 4));
	chat_set_system(c, "");
	assert_string_equal(chat_system(c, 4), "");
	chat_free(c);
}

/* What was changed or noted at a stopped answer stands at the longer one that takes its place. */
static void
test_changes_at_a_continued_answer(void **state)
{
	struct chat *c = chat_new(), *fork;
	const struct note *note;
	bool *left_out;
	int from = 0;

	(void)state;
	ask(c, "1");
	reply(c, "half");
	chat_set_system(c, "brief");
	chat_add_note(c, 2, NULL, "look\0here", 9);
	chat_add_note(c, 0, "2026-01-01T00:00:00.000Z", "", 0);
	chat_add_drop(c, 2, (const int[]){ 1 }, 1);
	assert_int_equal(chat_add_continued(c, 2)->id, 3);
	assert_int_equal(chat_add_continued(c, 3)->id, 4);
	ask(c, "5");
	assert_true(chat_is_at(c, 2, 4));
	assert_false(chat_is_at(c, 4, 2));
	assert_false(chat_is_at(c, 2, 5));
	assert_string_equal(chat_system(c, 5), "brief");
	left_out = chat_left_out(c, 4);
	assert_true(left_out[1]);
	free(left_out);
	note = chat_next_note(c, 4, &from);
	assert_int_equal(note->text_n, 9);
	assert_memory_equal(note->text, "look\0here", 9);
	assert_int_equal(strlen(note->at), 24);
	assert_null(chat_next_note(c, 4, &from));

	fork = chat_fork(c, 5);
	assert_int_equal(fork->n_messages, 3);
	assert_int_equal(fork->n_notes, 2);
	assert_int_equal(fork->notes[0].up, 2);
	assert_string_equal(fork->notes[1].at, "2026-01-01T00:00:00.000Z");
	assert_string_equal(chat_system(fork, 3), "brief");
	chat_free(fork);
	fork = chat_fork(c, 1);
	assert_int_equal(fork->n_notes, 1);
	chat_free(fork);
	chat_free(c);
}

static void
check_title(const char *question, const char *want)
{
	struct chat *c = chat_new();
	char *title;

	ask(c, question);
	title = chat_title(c);
	assert_string_equal(title, want);
	free(title);
	chat_free(c);
}

static void
test_title(void **state)
{
	static const char sixty[] = "123456789 123456789 123456789 123456789 123456789 123456789 ";
	char longer[128], cats[256], sixty_cats[256] = "";
	struct pic pic = { .name = (char *)"cat.jpg" };
	struct chat *c = chat_new();
	char *title;

	(void)state;
	snprintf(longer, sizeof longer, "%sX", sixty);
	check_title(longer, sixty);
	for (int i = 0; i < 60; i++)
		strcat(sixty_cats, "猫");
	snprintf(cats, sizeof cats, "%s猫", sixty_cats);
	check_title(cats, sixty_cats);
	check_title("  two\nlines ", "two lines");
	chat_add_user(c, "", 0, &pic, 1);
	title = chat_title(c);
	assert_string_equal(title, "cat.jpg");
	free(title);
	chat_set_name(c, "a\033name");
	title = chat_title(c);
	assert_null(strchr(title, '\033'));
	assert_non_null(strstr(title, "name"));
	free(title);
	chat_free(c);
}

static void
test_stops(void **state)
{
	(void)state;
	for (int i = STOP_NONE; i <= STOP_HANGUP; i++)
		assert_int_equal(stop_from_name(stop_name((enum stop)i)), i);
	assert_int_equal(stop_from_name("something new"), STOP_NONE);
}

/* ---- assembling */

static const struct pixels *
pixels_of(void *arg, const struct pic *pic, struct error *err)
{
	const struct pixels *all = arg;

	if (pic->n > 2) {
		error_set(err, CODE_INPUT, "no bytes of #%d", pic->n);
		return NULL;
	}
	return &all[pic->n - 1];
}

static void
test_assemble(void **state)
{
	struct pixels squares[2] = { { .size = 7 }, { .size = 8 } };
	struct pic pics[2] = { { .n = 1 }, { .n = 2 } };
	struct chat *c = chat_new();

	(void)state;
	chat_add_user(c, "one", 3, pics, 2);
	reply(c, "");
	chat_set_system(c, "later");
	chat_add_user(c, "two", 3, pics + 1, 1);
	assert_int_equal(chat_assemble(NULL, c, 1, NULL, pixels_of, squares, NULL), 0);
	assert_string_equal(seen.turns.at, "user(78):one|");
	assert_null(seen.system);               /* the change came after this question */
	assert_int_equal(chat_assemble(NULL, c, 3, NULL, pixels_of, squares, NULL), 0);
	assert_string_equal(seen.turns.at, "user(78):one|answer():|user(8):two|");
	assert_string_equal(seen.system, "later");
	chat_set_system(c, "too late");
	reply(c, "half");
	chat_set_system(c, "much too late");
	assert_int_equal(chat_assemble(NULL, c, 4, NULL, pixels_of, squares, NULL), 0);
	assert_string_equal(seen.turns.at, "user(78):one|answer():|user(8):two|answer():half|");
	assert_string_equal(seen.system, "later");
	chat_free(c);
	buf_done(&seen.turns);
}

static void
test_assemble_without_bytes(void **state)
{
	struct pic pic = { .n = 3 };
	struct chat *c = chat_new();
	struct error err = {0};

	(void)state;
	chat_add_user(c, "one", 3, &pic, 1);
	assert_int_equal(chat_assemble(NULL, c, 1, NULL, pixels_of, NULL, &err), -1);
	assert_string_equal(err.what, "no bytes of #3");
	chat_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_branches),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_add_as),
		cmocka_unit_test(test_continued),
		cmocka_unit_test(test_pics),
		cmocka_unit_test(test_systems),
		cmocka_unit_test(test_changes_at_a_continued_answer),
		cmocka_unit_test(test_title),
		cmocka_unit_test(test_stops),
		cmocka_unit_test(test_assemble),
		cmocka_unit_test(test_assemble_without_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
