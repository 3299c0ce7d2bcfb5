/* link_worker.c: the whole link against an engine that the test plays: order, loss, stopping, failing,
 * ending. A test that waits for what never comes is ended by the alarm. */
#include "config.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "link/link.h"
#include "link_fake.h"

#define PATIENCE_S 60

/* What came of one question, or of the load (ticket 0). */
struct heard {
	struct buf text;
	int n_tokens, n_events, n_text_events, n_progress;
	int last_id, last_ms;
	bool ordered;           /* ids came in the order they were made, ms never fell */
	bool over;
	enum event_kind how;
	enum stop stop;
	int n_reused;
	struct error error;
};

static struct link *
start(void)
{
	static const struct engine_options options;
	struct link *l = link_start(NULL, &options, NULL);

	assert_non_null(l);
	return l;
}

static void
hear_tokens(struct heard *h, const struct event *e)
{
	if (e->text_n > 0)
		buf_add(&h->text, e->text, e->text_n);
	for (int i = 0; i < e->n_tokens; i++) {
		h->ordered = h->ordered && e->tokens[i].id == FAKE_FIRST_ID + h->n_tokens &&
		    e->tokens[i].ms >= h->last_ms;
		h->last_id = e->tokens[i].id;
		h->last_ms = e->tokens[i].ms;
		h->n_tokens++;
	}
}

static void
hear(struct heard *h, const struct event *e)
{
	h->n_events++;
	h->n_progress += e->kind == EVENT_PROGRESS;
	h->n_text_events += e->kind == EVENT_TEXT;
	hear_tokens(h, e);
	if (e->kind == EVENT_PROGRESS || e->kind == EVENT_TEXT)
		return;
	assert_false(h->over);
	h->over = true;
	h->how = e->kind;
	h->stop = e->stop;
	h->n_reused = e->sync.n_reused;
	h->error = e->error;
}

/* Takes what there is, waiting for at least one event; tickets index `heard`. */
static void
listen(struct link *l, struct heard *heard)
{
	struct pollfd fd = {.fd = link_fd(l), .events = POLLIN};
	struct event *next;

	poll(&fd, 1, -1);
	for (struct event *e = link_take(l); e; e = next) {
		next = e->next;
		hear(&heard[e->ticket], e);
		event_free(e);
	}
}

static void
listen_until_over(struct link *l, struct heard *heard, int ticket)
{
	while (!heard[ticket].over)
		listen(l, heard);
}

static void
ask(struct link *l, int ticket, int max_tokens, int n_best)
{
	struct question q = {.ticket = ticket, .max_tokens = max_tokens, .n_best = n_best};

	q.prompt.ids.at = xcalloc(3, sizeof *q.prompt.ids.at);
	q.prompt.ids.n = 3;
	link_ask_take(l, &q);
	assert_null(q.prompt.ids.at);
}

static void
forget(struct heard *heard, int n)
{
	for (int i = 0; i < n; i++) {
		buf_done(&heard[i].text);
		heard[i] = (struct heard){.ordered = true};
	}
}

/* A loaded link with nothing heard yet. */
static struct link *
start_loaded(struct heard *heard, int n)
{
	struct link *l = start();

	memset(heard, 0, (size_t)n * sizeof *heard);
	forget(heard, n);
	link_load(l);
	listen_until_over(l, heard, 0);
	assert_int_equal(heard[0].how, EVENT_READY);
	forget(heard, 1);
	return l;
}

static void
test_start_and_end(void **state)
{
	struct link *l = start();

	(void)state;
	assert_null(link_take(l));
	link_stop(l);
	link_end(l);
	link_end(NULL);
}

static void
test_load(void **state)
{
	struct link *l = start();
	struct heard heard[1] = {{.ordered = true}};

	(void)state;
	link_load(l);
	listen_until_over(l, heard, 0);
	assert_int_equal(heard[0].how, EVENT_READY);
	assert_true(heard[0].n_progress >= 1);
	assert_true(atomic_load(&fake.signals_blocked));
	forget(heard, 1);
	link_load(l);
	listen_until_over(l, heard, 0);
	assert_int_equal(heard[0].how, EVENT_READY);
	assert_int_equal(atomic_load(&fake.n_opened), 1);
	link_end(l);
	assert_int_equal(atomic_load(&fake.n_freed), 1);
}

static void
test_answer(void **state)
{
	struct heard heard[2];
	struct link *l = start_loaded(heard, 2);

	(void)state;
	ask(l, 1, 100, 0);
	listen_until_over(l, heard, 1);
	assert_int_equal(heard[1].how, EVENT_DONE);
	assert_int_equal(heard[1].stop, STOP_EOS);
	assert_string_equal(heard[1].text.at, "abcde");
	assert_int_equal(heard[1].n_tokens, 5);
	assert_true(heard[1].ordered);
	link_end(l);
	forget(heard, 2);
}

/* Of an answer that goes on only what follows comes; what was held back at its end (the fake's last letter) first. */
static void
test_answer_goes_on(void **state)
{
	struct heard heard[2];
	struct link *l = start_loaded(heard, 2);
	struct question q = {.ticket = 1, .max_tokens = 3, .n_said = 2};

	(void)state;
	q.prompt.ids.at = xcalloc(3, sizeof *q.prompt.ids.at);
	q.prompt.ids.n = 3;
	q.prompt.ids.at[1] = FAKE_FIRST_ID + 24;
	q.prompt.ids.at[2] = FAKE_FIRST_ID + 25;
	link_ask_take(l, &q);
	listen_until_over(l, heard, 1);
	assert_string_equal(heard[1].text.at, "zabc");
	assert_int_equal(atomic_load(&fake.n_remembered), 2);
	forget(heard, 2);
	link_end(l);
}

static void
test_answer_of_nothing(void **state)
{
	struct heard heard[2];
	struct link *l;

	(void)state;
	fake.n_answer = 0;
	l = start_loaded(heard, 2);
	ask(l, 1, 1, 0);
	listen_until_over(l, heard, 1);
	assert_int_equal(heard[1].stop, STOP_EOS);
	assert_int_equal(heard[1].text.n, 0);
	assert_int_equal(heard[1].n_tokens, 0);
	link_end(l);
}

static void
test_limits(void **state)
{
	struct heard heard[4];
	struct link *l = start_loaded(heard, 4);

	(void)state;
	ask(l, 1, 5, 0);
	ask(l, 2, 1, 0);
	listen_until_over(l, heard, 2);
	assert_int_equal(heard[1].stop, STOP_LENGTH);
	assert_int_equal(heard[1].n_tokens, 5);
	assert_int_equal(heard[2].stop, STOP_LENGTH);
	assert_string_equal(heard[2].text.at, "a");
	link_end(l);
	forget(heard, 4);
	fake.n_context = 3;
	l = start_loaded(heard, 4);
	ask(l, 3, 0, 0);
	listen_until_over(l, heard, 3);
	assert_int_equal(heard[3].stop, STOP_CONTEXT);
	assert_string_equal(heard[3].text.at, "abc");
	link_end(l);
	forget(heard, 4);
}

/* Nobody takes for as long as the whole answer lasts: all of it is one event then. */
static void
test_a_burst_loses_nothing(void **state)
{
	struct heard heard[2];
	struct link *l;

	(void)state;
	fake.n_answer = 20000;
	l = start_loaded(heard, 2);
	ask(l, 1, 0, 0);
	while (atomic_load(&fake.n_steps) < fake.n_answer)
		usleep(1000);
	listen(l, heard);
	assert_true(heard[1].n_tokens >= fake.n_answer - 1);
	assert_true(heard[1].n_text_events <= 1);
	if (!heard[1].over)
		listen_until_over(l, heard, 1);
	assert_int_equal(heard[1].n_tokens, fake.n_answer);
	assert_int_equal(heard[1].text.n, fake.n_answer);
	assert_true(heard[1].ordered);
	link_end(l);
	forget(heard, 2);
}

static void
test_answers_come_in_order(void **state)
{
	struct heard heard[9];
	struct link *l = start_loaded(heard, 9);

	(void)state;
	for (int i = 1; i < 9; i++)
		ask(l, i, 0, 0);
	for (int i = 1; i < 9; i++) {
		listen_until_over(l, heard, i);
		for (int k = i + 1; k < 9; k++)
			assert_true(!heard[k].over || heard[k - 1].over);
	}
	for (int i = 1; i < 9; i++)
		assert_string_equal(heard[i].text.at, "abcde");
	link_end(l);
	forget(heard, 9);
}

static void
test_best_candidates_travel(void **state)
{
	struct heard heard[2];
	struct link *l = start_loaded(heard, 2);
	struct event *e;
	bool seen = false;

	(void)state;
	ask(l, 1, 1, 3);
	while (!heard[1].over) {
		struct pollfd fd = {.fd = link_fd(l), .events = POLLIN};

		poll(&fd, 1, -1);
		while ((e = link_take(l)))
			for (struct event *next; e; e = next) {
				next = e->next;
				if (e->n_tokens > 0) {
					assert_int_equal(e->tokens[0].n_best, 3);
					assert_int_equal(e->tokens[0].best[2].id, FAKE_FIRST_ID + 2);
					assert_true(e->tokens[0].logprob < 0);
					seen = true;
				}
				hear(&heard[1], e);
				event_free(e);
			}
	}
	assert_true(seen);
	link_end(l);
	forget(heard, 2);
}

static void
test_stop_within_one_token(void **state)
{
	struct heard heard[3];
	struct link *l;

	(void)state;
	fake.n_answer = -1;
	l = start_loaded(heard, 3);
	atomic_store(&fake.gated, true);
	ask(l, 1, 0, 0);
	fake_let(4);
	while (heard[1].n_tokens < 4)
		listen(l, heard);
	link_stop(l);
	fake_let_all();
	listen_until_over(l, heard, 1);
	assert_int_equal(heard[1].stop, STOP_USER);
	assert_true(heard[1].n_tokens <= 5);
	assert_int_equal(heard[1].text.n, heard[1].n_tokens);
	fake.n_answer = 5;
	ask(l, 2, 0, 0);
	listen_until_over(l, heard, 2);
	assert_int_equal(heard[2].stop, STOP_EOS);
	link_end(l);
	forget(heard, 3);
}

static void
test_stop_meets_queued_answers(void **state)
{
	struct heard heard[4];
	struct link *l;

	(void)state;
	l = start_loaded(heard, 4);
	atomic_store(&fake.gated, true);
	ask(l, 1, 0, 0);
	ask(l, 2, 0, 0);
	fake_let(1);
	while (heard[1].n_tokens < 1)
		listen(l, heard);
	link_stop(l);
	ask(l, 3, 0, 0);
	fake_let_all();
	listen_until_over(l, heard, 3);
	assert_int_equal(heard[1].stop, STOP_USER);
	assert_int_equal(heard[2].stop, STOP_USER);
	assert_int_equal(heard[2].n_tokens, 0);
	assert_int_equal(heard[3].stop, STOP_EOS);
	link_end(l);
	forget(heard, 4);
}

static void
test_stop_while_loading(void **state)
{
	struct heard heard[1] = {{.ordered = true}};
	struct link *l = start();

	(void)state;
	atomic_store(&fake.gated, true);
	link_load(l);
	while (heard[0].n_progress < 1)
		listen(l, heard);
	link_stop(l);
	fake_let_all();
	listen_until_over(l, heard, 0);
	assert_int_equal(heard[0].how, EVENT_FAILED);
	assert_int_equal(heard[0].error.code, CODE_SIGINT);
	assert_int_equal(atomic_load(&fake.n_opened), 0);
	forget(heard, 1);
	link_load(l);
	listen_until_over(l, heard, 0);
	assert_int_equal(heard[0].how, EVENT_READY);
	link_end(l);
}

static void
test_not_loaded(void **state)
{
	struct heard heard[2] = {{.ordered = true}, {.ordered = true}};
	struct link *l = start();
	struct pixels pixels = {.size = 1, .rgb = xcalloc(1, 3)};

	(void)state;
	fake.fail_open = true;
	link_see_take(l, &pixels);
	assert_null(pixels.rgb);
	link_load(l);
	ask(l, 1, 0, 0);
	listen_until_over(l, heard, 1);
	assert_int_equal(heard[0].how, EVENT_FAILED);
	assert_int_equal(heard[0].error.code, CODE_MODEL);
	assert_int_equal(heard[1].how, EVENT_FAILED);
	assert_int_equal(heard[1].error.code, CODE_ENGINE);
	assert_int_equal(atomic_load(&fake.n_seen), 0);
	link_end(l);
}

/* The device is lost in mid-answer: what was said stays, the engine goes, a new load brings it back. */
static void
test_lost_device(void **state)
{
	struct heard heard[4];
	struct link *l;

	(void)state;
	fake.fail_step_at = 3;
	l = start_loaded(heard, 4);
	ask(l, 1, 0, 0);
	ask(l, 2, 0, 0);
	listen_until_over(l, heard, 2);
	assert_int_equal(heard[1].how, EVENT_FAILED);
	assert_int_equal(heard[1].error.code, CODE_ENGINE);
	assert_string_equal(heard[1].text.at, "abc");
	assert_int_equal(heard[2].how, EVENT_FAILED);
	assert_int_equal(atomic_load(&fake.n_freed), 1);
	fake.fail_step_at = -1;
	link_load(l);
	ask(l, 3, 0, 0);
	listen_until_over(l, heard, 3);
	assert_int_equal(heard[3].stop, STOP_EOS);
	link_end(l);
	assert_int_equal(atomic_load(&fake.n_freed), 2);
	forget(heard, 4);
}

/* A prompt that is too long is the question's fault, not the engine's. */
static void
test_refused_prompt(void **state)
{
	struct heard heard[3];
	struct link *l;

	(void)state;
	fake.fail_sync = true;
	l = start_loaded(heard, 3);
	ask(l, 1, 0, 0);
	listen_until_over(l, heard, 1);
	assert_int_equal(heard[1].how, EVENT_FAILED);
	assert_int_equal(heard[1].error.code, CODE_INPUT);
	fake.fail_sync = false;
	ask(l, 2, 0, 0);
	listen_until_over(l, heard, 2);
	assert_int_equal(heard[2].stop, STOP_EOS);
	link_end(l);
	forget(heard, 3);
}

static void
test_see(void **state)
{
	struct heard heard[2];
	struct link *l = start_loaded(heard, 2);
	struct pixels pixels = {.size = 1, .rgb = xcalloc(1, 3)};

	(void)state;
	link_see_take(l, &pixels);
	ask(l, 1, 0, 0);
	listen_until_over(l, heard, 1);
	assert_int_equal(atomic_load(&fake.n_seen), 1);
	assert_int_equal(heard[0].n_events, 0);
	fake.fail_see = true;
	pixels = (struct pixels){.size = 1, .rgb = xcalloc(1, 3)};
	link_see_take(l, &pixels);
	listen_until_over(l, heard, 0);
	assert_int_equal(heard[0].error.code, CODE_MEMORY);
	link_end(l);
	forget(heard, 2);
}

/* n tokens of a prompt; those up to `own` are like those of every other. */
static struct prompt
prompt_of(int n, int own)
{
	struct prompt p = {0};

	p.ids.at = xcalloc((size_t)n, sizeof *p.ids.at);
	p.ids.n = (size_t)n;
	for (int i = 0; i < n; i++)
		p.ids.at[i] = i < own ? i : 1000 + own;
	return p;
}

static void
warm(struct link *l, int n, int own)
{
	struct prompt p = prompt_of(n, own);

	link_warm_take(l, &p);
	assert_null(p.ids.at);
}

static void
ask_prompt(struct link *l, int ticket, int n)
{
	struct question q = {.ticket = ticket, .prompt = prompt_of(n, n)};

	link_ask_take(l, &q);
}

static void
wait_for(atomic_int *what, int n)
{
	while (atomic_load(what) < n)
		usleep(1000);
}

static void
test_warm_then_ask(void **state)
{
	struct heard heard[2];
	struct link *l = start_loaded(heard, 2);

	(void)state;
	warm(l, 20, 20);
	wait_for(&fake.n_synced, 20);
	ask_prompt(l, 1, 24);
	listen_until_over(l, heard, 1);
	assert_string_equal(heard[1].text.at, "abcde");
	assert_int_equal(heard[1].n_reused, 20);
	assert_int_equal(atomic_load(&fake.n_synced), 24);
	assert_int_equal(heard[0].n_events, 0);
	link_end(l);
	forget(heard, 2);
}

/* The question need not wait for what was begun for it, and what was done by then counts. */
static void
test_ask_ends_a_warm(void **state)
{
	struct heard heard[2];
	struct link *l = start_loaded(heard, 2);

	(void)state;
	atomic_store(&fake.sync_gated, true);
	warm(l, 20, 20);
	fake_let(7);
	wait_for(&fake.n_synced, 7);
	ask_prompt(l, 1, 24);
	fake_let_all();
	listen_until_over(l, heard, 1);
	assert_int_equal(heard[1].stop, STOP_EOS);
	assert_int_equal(heard[1].n_reused, 7);
	assert_int_equal(heard[0].n_events, 0);
	link_end(l);
	forget(heard, 2);
}

/* The wish to stop that ends a warm is not the next question's. */
static void
test_stop_ends_a_warm(void **state)
{
	struct heard heard[2];
	struct link *l = start_loaded(heard, 2);

	(void)state;
	atomic_store(&fake.sync_gated, true);
	warm(l, 20, 20);
	fake_let(3);
	wait_for(&fake.n_synced, 3);
	link_stop(l);
	fake_let_all();
	ask_prompt(l, 1, 24);
	listen_until_over(l, heard, 1);
	assert_int_equal(heard[1].stop, STOP_EOS);
	assert_int_equal(heard[1].n_reused, 3);
	link_end(l);
	forget(heard, 2);
}

/* Of several that wait the newest is computed, the others not at all. */
static void
test_newer_warm_takes_its_place(void **state)
{
	struct heard heard[3];
	struct link *l = start_loaded(heard, 3);

	(void)state;
	atomic_store(&fake.gated, true);
	ask_prompt(l, 1, 1);
	wait_for(&fake.n_synced, 1);
	warm(l, 60, 3);
	warm(l, 50, 4);
	warm(l, 20, 20);
	fake_let_all();
	wait_for(&fake.n_synced, 20);
	ask_prompt(l, 2, 24);
	listen_until_over(l, heard, 2);
	assert_int_equal(heard[2].n_reused, 20);
	assert_int_equal(atomic_load(&fake.n_synced), 24);
	link_end(l);
	forget(heard, 3);
}

/* ---- leave and restore */

static char *
new_folder(void)
{
	char path[] = "link-test-XXXXXX";

	assert_non_null(mkdtemp(path));
	return xstrdup(path);
}

static bool
is_there(const char *path)
{
	return access(path, F_OK) == 0;
}

static char *
file_in(const char *dir, const char *name)
{
	return xasprintf("%s/%s", dir, name);
}

static void
remove_folder(char *dir, char *a, char *b)
{
	unlink(a);
	unlink(b);
	assert_int_equal(rmdir(dir), 0);
	free(a);
	free(b);
	free(dir);
}

/* All requests until now are done. */
static void
settle(struct link *l)
{
	int n = atomic_load(&fake.n_seen);

	link_see_take(l, &(struct pixels){0});
	wait_for(&fake.n_seen, n + 1);
}

/* What was computed is there again in another process' place, in the order of the calls. */
static void
test_leave_and_restore(void **state)
{
	struct heard heard[4];
	struct link *l = start_loaded(heard, 4);
	char *dir = new_folder(), *a = file_in(dir, "a"), *b = file_in(dir, "b");

	(void)state;
	ask_prompt(l, 1, 20);
	listen_until_over(l, heard, 1);
	link_leave(l, a, 1000);
	settle(l);
	ask_prompt(l, 2, 3);
	listen_until_over(l, heard, 2);
	link_leave(l, NULL, 1000);              /* private: neither now nor later */
	link_leave(l, b, 1000);
	link_restore(l, a);
	ask_prompt(l, 3, 24);
	listen_until_over(l, heard, 3);
	assert_int_equal(heard[3].n_reused, 20);
	assert_true(is_there(a));
	assert_false(is_there(b));
	assert_int_equal(heard[0].n_events, 0);
	link_end(l);
	remove_folder(dir, a, b);
	forget(heard, 4);
}

/* Nothing was computed of the conversation since it was restored, or of the new one: there is nothing to keep. */
static void
test_leave_without_news(void **state)
{
	struct heard heard[2];
	struct link *l = start_loaded(heard, 2);
	char *dir = new_folder(), *a = file_in(dir, "a"), *b = file_in(dir, "b");

	(void)state;
	ask_prompt(l, 1, 20);
	listen_until_over(l, heard, 1);
	link_leave(l, a, 1000);
	link_leave(l, b, 1000);
	link_restore(l, a);
	link_leave(l, b, 1000);
	link_restore(l, b);                     /* is not there: a line in the log */
	link_leave(l, b, 1000);
	assert_true(link_end_within(l, 60000));
	assert_int_equal(atomic_load(&fake.n_saves), 1);
	assert_int_equal(heard[0].n_events, 0);
	link_end(l);
	remove_folder(dir, a, b);
	forget(heard, 2);
}

/* The end waits for the file, and says so when asked. */
static void
test_end_keeps(void **state)
{
	struct heard heard[2];
	struct link *l = start_loaded(heard, 2);
	char *dir = new_folder(), *a = file_in(dir, "a"), *b = file_in(dir, "b");

	(void)state;
	ask_prompt(l, 1, 20);
	listen_until_over(l, heard, 1);
	atomic_store(&fake.gated, true);
	ask_prompt(l, 1, 20);                   /* is stopped by the end */
	link_leave(l, a, 1000);
	assert_false(link_end_within(l, 50));
	fake_let(6);
	assert_false(link_end_within(l, 50));
	assert_true(link_is_keeping(l));
	fake_let_all();
	link_end(l);
	assert_true(is_there(a));
	remove_folder(dir, a, b);
	forget(heard, 2);
}

static void
test_ask_ends_a_leave(void **state)
{
	struct heard heard[3];
	struct link *l = start_loaded(heard, 3);
	char *dir = new_folder(), *a = file_in(dir, "a"), *b = file_in(dir, "b");

	(void)state;
	ask_prompt(l, 1, 20);
	listen_until_over(l, heard, 1);
	atomic_store(&fake.gated, true);
	link_leave(l, a, 1000);
	wait_for(&fake.n_saves, 1);
	link_restore(l, b);                     /* no reason to hurry */
	fake_let(5);
	ask_prompt(l, 2, 24);
	fake_let_all();
	listen_until_over(l, heard, 2);
	assert_int_equal(heard[2].stop, STOP_EOS);
	assert_false(is_there(a));
	link_end(l);
	remove_folder(dir, a, b);
	forget(heard, 3);
}

/* The cap: what does not fit is not written, and older files go before it is passed. */
static void
test_leave_makes_room(void **state)
{
	struct heard heard[4];
	struct link *l = start_loaded(heard, 4);
	char *dir = new_folder(), *a = file_in(dir, "a"), *b = file_in(dir, "b");

	(void)state;
	ask_prompt(l, 1, 20);
	listen_until_over(l, heard, 1);
	link_leave(l, a, 19);
	ask_prompt(l, 2, 30);
	listen_until_over(l, heard, 2);
	assert_false(is_there(a));
	link_leave(l, a, 40);
	settle(l);
	assert_true(is_there(a));
	ask_prompt(l, 3, 11);
	listen_until_over(l, heard, 3);
	link_leave(l, b, 40);
	link_end(l);
	assert_false(is_there(a));
	assert_true(is_there(b));
	remove_folder(dir, a, b);
	forget(heard, 4);
}

static void
test_restore_loses_the_engine(void **state)
{
	struct heard heard[2];
	struct link *l = start_loaded(heard, 2);

	(void)state;
	fake.lose_restore = true;
	link_restore(l, "nothing");
	listen_until_over(l, heard, 0);
	assert_int_equal(heard[0].error.code, CODE_ENGINE);
	ask_prompt(l, 1, 3);
	listen_until_over(l, heard, 1);
	assert_int_equal(heard[1].error.code, CODE_ENGINE);
	link_end(l);
	forget(heard, 2);
}

/* A prompt that does not fit is no news; a lost engine is, and the next load brings it back. */
static void
test_warm_fails(void **state)
{
	struct heard heard[2];
	struct link *l;

	(void)state;
	fake.fail_sync = true;
	l = start_loaded(heard, 2);
	warm(l, 20, 20);
	ask_prompt(l, 1, 2);
	listen_until_over(l, heard, 1);
	assert_int_equal(heard[1].how, EVENT_FAILED);
	assert_int_equal(heard[0].n_events, 0);
	fake.fail_sync = false;
	fake.lose_sync = true;
	warm(l, 20, 20);
	listen_until_over(l, heard, 0);
	assert_int_equal(heard[0].error.code, CODE_ENGINE);
	assert_int_equal(atomic_load(&fake.n_freed), 1);
	link_end(l);
	forget(heard, 2);
}

static void
test_end_while_warming(void **state)
{
	struct heard heard[1];
	struct link *l = start_loaded(heard, 1);

	(void)state;
	atomic_store(&fake.sync_gated, true);
	warm(l, 20, 20);
	warm(l, 30, 30);
	fake_let_all();
	link_end(l);
	assert_int_equal(atomic_load(&fake.n_freed), 1);
}

static void
test_end_while_answering(void **state)
{
	struct heard heard[3];
	struct link *l;

	(void)state;
	fake.n_answer = -1;
	l = start_loaded(heard, 3);
	ask(l, 1, 0, 0);
	ask(l, 2, 0, 0);
	while (heard[1].n_tokens < 10)
		listen(l, heard);
	link_end(l);
	assert_int_equal(atomic_load(&fake.n_freed), 1);
	forget(heard, 3);
}

static void
test_end_while_loading(void **state)
{
	struct link *l = start();

	(void)state;
	link_load(l);
	ask(l, 1, 0, 0);
	link_end(l);
	assert_int_equal(atomic_load(&fake.n_opened), atomic_load(&fake.n_freed));
}

static int
set_up(void **state)
{
	(void)state;
	fake_reset();
	alarm(PATIENCE_S);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup(f, set_up)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_start_and_end),
		TEST(test_load),
		TEST(test_answer),
		TEST(test_answer_goes_on),
		TEST(test_answer_of_nothing),
		TEST(test_limits),
		TEST(test_a_burst_loses_nothing),
		TEST(test_answers_come_in_order),
		TEST(test_best_candidates_travel),
		TEST(test_stop_within_one_token),
		TEST(test_stop_meets_queued_answers),
		TEST(test_stop_while_loading),
		TEST(test_not_loaded),
		TEST(test_lost_device),
		TEST(test_refused_prompt),
		TEST(test_see),
		TEST(test_warm_then_ask),
		TEST(test_ask_ends_a_warm),
		TEST(test_stop_ends_a_warm),
		TEST(test_newer_warm_takes_its_place),
		TEST(test_leave_and_restore),
		TEST(test_leave_without_news),
		TEST(test_end_keeps),
		TEST(test_ask_ends_a_leave),
		TEST(test_leave_makes_room),
		TEST(test_restore_loses_the_engine),
		TEST(test_warm_fails),
		TEST(test_end_while_warming),
		TEST(test_end_while_answering),
		TEST(test_end_while_loading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
