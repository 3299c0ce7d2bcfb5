/* cmd_asker.c: several questions at a time, of engines that the test plays: who is asked, what becomes of those behind a
 * failure, stopping. A test that waits for what never comes is ended by the alarm. */
#include "config.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "cmd/asker.h"
#include "link_fake.h"

#define PATIENCE_S 60
#define MOST 8

static struct plan planned;             /* what plan_make tells */

int
card_check(const struct card *card, long long *bytes, struct error *err)
{
	(void)card;
	(void)bytes;
	(void)err;
	return 0;
}

int
plan_make(struct plan *p, const struct card *card, const struct engine_options *options, struct error *err)
{
	(void)card;
	(void)options;
	(void)err;
	*p = planned;
	return 0;
}

/* ---- what every test needs */

struct bench {
	struct conf conf;
	struct options o;
	struct asker asker;
	struct reply replies[MOST];
};

static struct bench *
begin(int n_gpus, int n_threads, int n_jobs)
{
	struct bench *b = xcalloc(1, sizeof *b);

	fake_reset();
	alarm(PATIENCE_S);
	planned = (struct plan){ .n_gpus = n_gpus, .n_threads = n_threads };
	b->o = (struct options){ .conf = &b->conf, .quant = "auto", .gpus = "auto", .guess = "auto", .quiet = true };
	b->asker = (struct asker){ .o = &b->o, .n_links = 1, .links = xcalloc(1, sizeof *b->asker.links) };
	assert_int_equal(asker_widen(&b->asker, n_jobs, NULL), 0);
	return b;
}

static void
end(struct bench *b)
{
	fake_let_all();
	asker_close(&b->asker);
	assert_int_equal(fake.n_freed, fake.n_opened);
	for (int i = 0; i < MOST; i++)
		reply_done(&b->replies[i]);
	free(b);
	alarm(0);
}

static void
put(struct bench *b, int i)
{
	struct question q = { .fresh = true };

	ids_add(&q.prompt.ids, 1);
	assert_int_equal(asker_put_take(&b->asker, &q, NULL, NULL, &b->replies[i], NULL), 0);
}

/* Until those up to here are over. */
static void
hear(struct bench *b, int n)
{
	struct pollfd fds[MOST];

	for (int i = 0; i < n; i++)
		while (!b->replies[i].over) {
			poll(fds, (nfds_t)asker_fds(&b->asker, fds), -1);
			asker_hear(&b->asker);
		}
}

void
ids_add(struct ids *ids, int32_t id)
{
	ids->at = xreallocarray(ids->at, ids->n + 1, sizeof *ids->at);
	ids->at[ids->n++] = id;
}

static void
check_answered(const struct reply *r)
{
	assert_true(r->over && r->begun);
	assert_int_equal(r->error.code, CODE_OK);
	assert_int_equal(r->stop, STOP_EOS);
	assert_string_equal(buf_text(&r->text), "abcde");
	assert_string_equal(r->device, "fake device");
}

/* ---- */

/* As many engines as jobs, at most one a thread, and none before it is needed. */
static void
test_engines_of_the_cpu(void **state)
{
	struct bench *b = begin(0, 7, 3);

	(void)state;
	assert_int_equal(b->asker.n_links, 3);
	assert_int_equal(b->asker.n_threads, 2);
	put(b, 0);
	hear(b, 1);
	put(b, 1);
	hear(b, 2);
	assert_int_equal(fake.n_opened, 1);
	for (int i = 2; i < MOST; i++)
		put(b, i);
	hear(b, MOST);
	assert_int_equal(fake.n_opened, 3);
	for (int i = 0; i < MOST; i++)
		check_answered(&b->replies[i]);
	end(b);
	b = begin(0, 2, 5);
	assert_int_equal(b->asker.n_links, 2);
	assert_int_equal(b->asker.n_threads, 1);
	end(b);
}

static void
test_one_engine_on_gpus(void **state)
{
	struct bench *b = begin(2, 8, 4);

	(void)state;
	assert_int_equal(b->asker.n_links, 1);
	for (int i = 0; i < MOST; i++)
		put(b, i);
	hear(b, MOST);
	assert_int_equal(fake.n_opened, 1);
	for (int i = 0; i < MOST; i++)
		check_answered(&b->replies[i]);
	end(b);
}

/* The device fails in the first answer; those that wait behind it are answered by an engine opened anew. */
static void
test_behind_a_failure(void **state)
{
	struct bench *b = begin(1, 8, 3);

	(void)state;
	atomic_store(&fake.gated, true);
	fake.fail_step_at = 2;
	for (int i = 0; i < 3; i++)
		put(b, i);
	fake_let(10 + 3);       /* the load, and the step that fails */
	hear(b, 1);
	assert_int_equal(b->replies[0].error.code, CODE_ENGINE);
	assert_int_equal(b->replies[0].stop, STOP_ERROR);
	assert_string_equal(buf_text(&b->replies[0].text), "ab");
	assert_false(b->replies[1].over);
	fake.fail_step_at = -1; /* the worker waits in the load of the second */
	fake_let_all();
	hear(b, 3);
	check_answered(&b->replies[1]);
	check_answered(&b->replies[2]);
	assert_int_equal(fake.n_opened, 2);
	end(b);
}

/* Each question tells it, once, and none is taken for an answer. */
static void
test_weights_that_cannot_be_opened(void **state)
{
	struct bench *b = begin(1, 8, 3);

	(void)state;
	fake.fail_open = true;
	for (int i = 0; i < 3; i++)
		put(b, i);
	hear(b, 3);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(b->replies[i].error.code, CODE_MODEL);
		assert_int_equal(b->replies[i].stop, STOP_ERROR);
		assert_false(b->replies[i].begun);
	}
	assert_null(b->asker.asking);
	end(b);
}

static void
test_stopping(void **state)
{
	struct bench *b = begin(0, 2, 2);

	(void)state;
	fake.n_answer = -1;
	for (int i = 0; i < 4; i++)
		put(b, i);
	asker_stop(&b->asker, SIGINT);
	hear(b, 4);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(b->replies[i].signal, SIGINT);
		assert_int_equal(b->replies[i].stop, STOP_USER);
		assert_int_equal(b->replies[i].error.code, CODE_OK);
	}
	end(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_engines_of_the_cpu),
		cmocka_unit_test(test_one_engine_on_gpus),
		cmocka_unit_test(test_behind_a_failure),
		cmocka_unit_test(test_weights_that_cannot_be_opened),
		cmocka_unit_test(test_stopping),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
