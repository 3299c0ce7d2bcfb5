/* link_queue.c: which events join, and that the wish to stop belongs to the request it was meant for. */
#include "config.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "link/queue.h"

static struct event *
text_event(int ticket, const char *text, int32_t id)
{
	struct event *e = event_new(EVENT_TEXT, ticket);

	e->text = xstrdup(text);
	e->text_n = strlen(text);
	e->tokens = xcalloc(1, sizeof *e->tokens);
	e->tokens[0].id = id;
	e->tokens[0].n_best = 1;
	e->tokens[0].best = xcalloc(1, sizeof *e->tokens[0].best);
	e->n_tokens = 1;
	return e;
}

static int
readable(const struct queue *q)
{
	struct pollfd fd = {.fd = q->wake[0], .events = POLLIN};

	return poll(&fd, 1, 0);
}

static void
test_text_joins_text_of_its_answer(void **state)
{
	struct event *a = text_event(3, "on", 11), *b = text_event(3, "ce", 12);
	struct event *other = text_event(4, "!", 13);

	(void)state;
	assert_true(event_merge(a, b));
	assert_int_equal(a->text_n, 4);
	assert_string_equal(a->text, "once");
	assert_int_equal(a->n_tokens, 2);
	assert_int_equal(a->tokens[1].id, 12);
	assert_non_null(a->tokens[1].best);
	assert_int_equal(b->n_tokens, 0);
	assert_false(event_merge(a, other));
	assert_int_equal(a->text_n, 4);
	event_free(a);
	event_free(b);
	event_free(other);
}

static void
test_text_with_nul_and_without_text(void **state)
{
	struct event *a = text_event(1, "", 1), *b = text_event(1, "", 2), *c = text_event(1, "x", 3);

	(void)state;
	free(b->text);
	b->text = NULL;
	memcpy(c->text, "\0", 1);
	assert_true(event_merge(a, b));
	assert_true(event_merge(a, c));
	assert_int_equal(a->text_n, 1);
	assert_int_equal(a->text[0], 0);
	assert_int_equal(a->n_tokens, 3);
	event_free(a);
	event_free(b);
	event_free(c);
}

static void
test_progress_keeps_the_newest_of_a_stage(void **state)
{
	struct event *a = event_new(EVENT_PROGRESS, 0), *b = event_new(EVENT_PROGRESS, 0);
	struct event *c = event_new(EVENT_PROGRESS, 0), *done = event_new(EVENT_DONE, 0);

	(void)state;
	a->done = 1;
	b->done = 5;
	b->total = 9;
	c->stage = STAGE_PREFILL;
	assert_true(event_merge(a, b));
	assert_int_equal(a->done, 5);
	assert_int_equal(a->total, 9);
	assert_false(event_merge(a, c));
	assert_false(event_merge(a, done));
	event_free(a);
	event_free(b);
	event_free(c);
	event_free(done);
}

static void
test_one_byte_wakes_for_any_number(void **state)
{
	struct queue q;
	struct event *all;

	(void)state;
	assert_int_equal(queue_init(&q, NULL), 0);
	assert_null(queue_take(&q));
	assert_int_equal(readable(&q), 0);
	for (int i = 0; i < 100000; i++)
		queue_tell(&q, event_new(EVENT_READY, i));
	assert_int_equal(readable(&q), 1);
	all = queue_take(&q);
	assert_int_equal(readable(&q), 0);
	for (int i = 0; i < 100000; i++) {
		struct event *next = all->next;

		assert_int_equal(all->ticket, i);
		event_free(all);
		all = next;
	}
	assert_null(all);
	queue_tell(&q, event_new(EVENT_READY, 1));
	assert_int_equal(readable(&q), 1);
	queue_done(&q);
}

/* What was taken belongs to the taker: nothing joins it afterwards. */
static void
test_nothing_joins_what_was_taken(void **state)
{
	struct queue q;
	struct event *first, *second;

	(void)state;
	assert_int_equal(queue_init(&q, NULL), 0);
	queue_tell(&q, text_event(1, "a", 1));
	first = queue_take(&q);
	queue_tell(&q, text_event(1, "b", 2));
	second = queue_take(&q);
	assert_string_equal(first->text, "a");
	assert_string_equal(second->text, "b");
	assert_null(second->next);
	event_free(first);
	event_free(second);
	queue_done(&q);
}

static void
test_stop_meets_what_waits_and_nothing_later(void **state)
{
	struct queue q;
	struct request *r;

	(void)state;
	assert_int_equal(queue_init(&q, NULL), 0);
	queue_stop(&q);
	queue_put(&q, request_new(REQUEST_ASK));
	r = queue_next(&q);
	assert_false(atomic_load(&q.wishes->stop));
	queue_put(&q, request_new(REQUEST_ASK));
	queue_stop(&q);
	assert_true(atomic_load(&q.wishes->stop));
	queue_put(&q, request_new(REQUEST_LOAD));
	request_free(r);
	r = queue_next(&q);
	assert_true(r->stopped);
	assert_true(atomic_load(&q.wishes->stop));
	request_free(r);
	r = queue_next(&q);
	assert_int_equal(r->kind, REQUEST_LOAD);
	assert_false(atomic_load(&q.wishes->stop));
	request_free(r);
	queue_done(&q);
}

/* Haste is not the wish to stop: it comes with whatever is put behind the request at work. */
static void
test_hurry_is_what_waits(void **state)
{
	struct queue q;
	struct request *r;

	(void)state;
	assert_int_equal(queue_init(&q, NULL), 0);
	queue_put(&q, request_new(REQUEST_WARM));
	r = queue_next(&q);
	assert_false(atomic_load(&q.wishes->hurry));
	queue_put(&q, request_new(REQUEST_ASK));
	assert_true(atomic_load(&q.wishes->hurry));
	assert_false(atomic_load(&q.wishes->stop));
	queue_put(&q, request_new(REQUEST_SEE));
	request_free(r);
	request_free(queue_next(&q));
	assert_true(atomic_load(&q.wishes->hurry));
	request_free(queue_next(&q));
	assert_false(atomic_load(&q.wishes->hurry));
	queue_stop(&q);
	assert_true(atomic_load(&q.wishes->hurry));
	queue_done(&q);
}

static void
test_one_warm_waits(void **state)
{
	struct queue q;
	struct request *r, *newest = request_new(REQUEST_WARM);

	(void)state;
	assert_int_equal(queue_init(&q, NULL), 0);
	queue_put(&q, request_new(REQUEST_WARM));
	queue_put(&q, request_new(REQUEST_SEE));
	queue_put(&q, request_new(REQUEST_WARM));
	queue_put(&q, newest);
	queue_put(&q, request_new(REQUEST_ASK));
	r = queue_next(&q);
	assert_int_equal(r->kind, REQUEST_SEE);
	request_free(r);
	r = queue_next(&q);
	assert_ptr_equal(r, newest);
	request_free(r);
	r = queue_next(&q);
	assert_int_equal(r->kind, REQUEST_ASK);
	request_free(r);
	assert_null(q.requests);
	queue_done(&q);
}

static void
test_end_overtakes_what_waits(void **state)
{
	struct queue q;

	(void)state;
	assert_int_equal(queue_init(&q, NULL), 0);
	queue_put(&q, request_new(REQUEST_LOAD));
	queue_tell(&q, text_event(1, "never taken", 1));
	queue_end(&q);
	assert_null(queue_next(&q));
	assert_true(atomic_load(&q.wishes->stop));
	queue_done(&q);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_joins_text_of_its_answer),
		cmocka_unit_test(test_text_with_nul_and_without_text),
		cmocka_unit_test(test_progress_keeps_the_newest_of_a_stage),
		cmocka_unit_test(test_one_byte_wakes_for_any_number),
		cmocka_unit_test(test_nothing_joins_what_was_taken),
		cmocka_unit_test(test_stop_meets_what_waits_and_nothing_later),
		cmocka_unit_test(test_hurry_is_what_waits),
		cmocka_unit_test(test_one_warm_waits),
		cmocka_unit_test(test_end_overtakes_what_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
