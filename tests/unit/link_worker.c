/* link_worker.c: the whole link against an engine that the test plays: order, loss, stopping, failing,
 * ending. A test that waits for what never comes is ended by the alarm. */
#include "config.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "link/link.h"
#include "link_fake.h"

#define PATIENCE_S 60
#define MAX_TICKETS 9

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

/* A case's link, what was heard over it, by tickets, and for what is left and restored two files in a folder. */
struct talk {
	struct link *link;
	struct heard heard[MAX_TICKETS];
	char *dir, *a, *b;
};

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

/* Takes what there is, waiting for at least one event. */
static void
listen(struct talk *t)
{
	struct pollfd fd = {.fd = link_fd(t->link), .events = POLLIN};
	struct event *next;

	poll(&fd, 1, -1);
	for (struct event *e = link_take(t->link); e; e = next) {
		next = e->next;
		hear(&t->heard[e->ticket], e);
		event_free(e);
	}
}

static void
listen_until_over(struct talk *t, int ticket)
{
	while (!t->heard[ticket].over)
		listen(t);
}

static void
forget(struct heard *h)
{
	buf_done(&h->text);
	*h = (struct heard){.ordered = true};
}

static bool apart;                      /* the engine is in another process from the first load on */

static void
start(struct talk *t)
{
	static const struct engine_options options;

	t->link = link_start(NULL, &options, NULL);
	assert_non_null(t->link);
}

/* The engine is there, and nothing heard yet. */
static void
load(struct talk *t)
{
	link_load(t->link);
	listen_until_over(t, 0);
	assert_int_equal(t->heard[0].how, EVENT_READY);
	forget(&t->heard[0]);
}

static void
end(struct talk *t)
{
	link_end(t->link);
	t->link = NULL;
}

static void
ask(struct talk *t, int ticket, int max_tokens, int n_best)
{
	struct question q = {.ticket = ticket, .max_tokens = max_tokens, .n_best = n_best};

	q.prompt.ids.at = xcalloc(3, sizeof *q.prompt.ids.at);
	q.prompt.ids.n = 3;
	link_ask_take(t->link, &q);
	assert_null(q.prompt.ids.at);
}

/* ---- cases: those that load what they ask, those that find it loaded, and those that have a folder too */

static int
set_up(void **state)
{
	struct talk *t = xcalloc(1, sizeof *t);

	fake_reset();
	fake.spoilt = apart;
	alarm(PATIENCE_S);
	for (int i = 0; i < MAX_TICKETS; i++)
		t->heard[i].ordered = true;
	start(t);
	*state = t;
	return 0;
}

static int
set_up_loaded(void **state)
{
	set_up(state);
	load(*state);
	return 0;
}

static int
set_up_folder(void **state)
{
	char path[] = "link-test-XXXXXX";
	struct talk *t;

	set_up_loaded(state);
	t = *state;
	assert_non_null(mkdtemp(path));
	t->dir = xstrdup(path);
	t->a = xasprintf("%s/a", path);
	t->b = xasprintf("%s/b", path);
	return 0;
}

static void
remove_folder(struct talk *t)
{
	unlink(t->a);
	unlink(t->b);
	assert_int_equal(rmdir(t->dir), 0);
	free(t->a);
	free(t->b);
	free(t->dir);
}

/* A gate that a failed case has left shut is opened. */
static int
tear_down(void **state)
{
	struct talk *t = *state;

	fake_let_all();
	end(t);
	for (int i = 0; i < MAX_TICKETS; i++)
		forget(&t->heard[i]);
	if (t->dir)
		remove_folder(t);
	free(t);
	return 0;
}

static void
test_start_and_end(void **state)
{
	struct talk *t = *state;

	assert_null(link_take(t->link));
	link_stop(t->link);
	end(t);
	link_end(NULL);
}

static void
test_load(void **state)
{
	struct talk *t = *state;

	link_load(t->link);
	listen_until_over(t, 0);
	assert_int_equal(t->heard[0].how, EVENT_READY);
	assert_true(t->heard[0].n_progress >= 1);
	assert_true(apart || atomic_load(&fake.signals_blocked));
	forget(&t->heard[0]);
	link_load(t->link);
	listen_until_over(t, 0);
	assert_int_equal(t->heard[0].how, EVENT_READY);
	assert_int_equal(atomic_load(&fake.n_opened), 1);
	end(t);
	assert_int_equal(atomic_load(&fake.n_freed), 1);
}

static void
test_answer(void **state)
{
	struct talk *t = *state;

	ask(t, 1, 100, 0);
	listen_until_over(t, 1);
	assert_int_equal(t->heard[1].how, EVENT_DONE);
	assert_int_equal(t->heard[1].stop, STOP_EOS);
	assert_string_equal(t->heard[1].text.at, "abcde");
	assert_int_equal(t->heard[1].n_tokens, 5);
	assert_true(t->heard[1].ordered);
}

/* Of an answer that goes on only what follows comes; what was held back at its end (the fake's last letter) first. */
static void
test_answer_goes_on(void **state)
{
	struct talk *t = *state;
	struct question q = {.ticket = 1, .max_tokens = 3, .n_said = 2};

	q.prompt.ids.at = xcalloc(3, sizeof *q.prompt.ids.at);
	q.prompt.ids.n = 3;
	q.prompt.ids.at[1] = FAKE_FIRST_ID + 24;
	q.prompt.ids.at[2] = FAKE_FIRST_ID + 25;
	link_ask_take(t->link, &q);
	listen_until_over(t, 1);
	assert_string_equal(t->heard[1].text.at, "zabc");
	assert_int_equal(atomic_load(&fake.n_remembered), 2);
}

static void
test_answer_of_nothing(void **state)
{
	struct talk *t = *state;

	fake.n_answer = 0;
	ask(t, 1, 1, 0);
	listen_until_over(t, 1);
	assert_int_equal(t->heard[1].stop, STOP_EOS);
	assert_int_equal(t->heard[1].text.n, 0);
	assert_int_equal(t->heard[1].n_tokens, 0);
}

static void
test_limits(void **state)
{
	struct talk *t = *state;

	ask(t, 1, 5, 0);
	ask(t, 2, 1, 0);
	listen_until_over(t, 2);
	assert_int_equal(t->heard[1].stop, STOP_LENGTH);
	assert_int_equal(t->heard[1].n_tokens, 5);
	assert_int_equal(t->heard[2].stop, STOP_LENGTH);
	assert_string_equal(t->heard[2].text.at, "a");
	end(t);
	fake.n_context = 3;
	start(t);
	load(t);
	ask(t, 3, 0, 0);
	listen_until_over(t, 3);
	assert_int_equal(t->heard[3].stop, STOP_CONTEXT);
	assert_string_equal(t->heard[3].text.at, "abc");
}

/* Nobody takes for as long as the whole answer lasts: all of it is one event then. */
static void
test_a_burst_loses_nothing(void **state)
{
	struct talk *t = *state;

	fake.n_answer = 20000;
	ask(t, 1, 0, 0);
	while (atomic_load(&fake.n_steps) < fake.n_answer)
		usleep(1000);
	listen(t);
	if (!apart) {           /* what another process has told may be on its way */
		assert_true(t->heard[1].n_tokens >= fake.n_answer - 1);
		assert_true(t->heard[1].n_text_events <= 1);
	}
	if (!t->heard[1].over)
		listen_until_over(t, 1);
	assert_int_equal(t->heard[1].n_tokens, fake.n_answer);
	assert_int_equal(t->heard[1].text.n, fake.n_answer);
	assert_true(t->heard[1].ordered);
}

static void
test_answers_come_in_order(void **state)
{
	struct talk *t = *state;

	for (int i = 1; i < 9; i++)
		ask(t, i, 0, 0);
	for (int i = 1; i < 9; i++) {
		listen_until_over(t, i);
		for (int k = i + 1; k < 9; k++)
			assert_true(!t->heard[k].over || t->heard[k - 1].over);
	}
	for (int i = 1; i < 9; i++)
		assert_string_equal(t->heard[i].text.at, "abcde");
}

static void
test_best_candidates_travel(void **state)
{
	struct talk *t = *state;
	struct event *e;
	bool seen = false;

	ask(t, 1, 1, 3);
	while (!t->heard[1].over) {
		struct pollfd fd = {.fd = link_fd(t->link), .events = POLLIN};

		poll(&fd, 1, -1);
		while ((e = link_take(t->link)))
			for (struct event *next; e; e = next) {
				next = e->next;
				if (e->n_tokens > 0) {
					assert_int_equal(e->tokens[0].n_best, 3);
					assert_int_equal(e->tokens[0].best[2].id, FAKE_FIRST_ID + 2);
					assert_true(e->tokens[0].logprob < 0);
					seen = true;
				}
				hear(&t->heard[1], e);
				event_free(e);
			}
	}
	assert_true(seen);
}

static void
test_stop_within_one_token(void **state)
{
	struct talk *t = *state;

	fake.n_answer = -1;
	atomic_store(&fake.gated, true);
	ask(t, 1, 0, 0);
	fake_let(4);
	while (t->heard[1].n_tokens < 4)
		listen(t);
	link_stop(t->link);
	fake_let_all();
	listen_until_over(t, 1);
	assert_int_equal(t->heard[1].stop, STOP_USER);
	assert_true(t->heard[1].n_tokens <= 5);
	assert_int_equal(t->heard[1].text.n, t->heard[1].n_tokens);
	fake.n_answer = 5;
	ask(t, 2, 0, 0);
	listen_until_over(t, 2);
	assert_int_equal(t->heard[2].stop, STOP_EOS);
}

static void
test_stop_meets_queued_answers(void **state)
{
	struct talk *t = *state;

	atomic_store(&fake.gated, true);
	ask(t, 1, 0, 0);
	ask(t, 2, 0, 0);
	fake_let(1);
	while (t->heard[1].n_tokens < 1)
		listen(t);
	link_stop(t->link);
	ask(t, 3, 0, 0);
	fake_let_all();
	listen_until_over(t, 3);
	assert_int_equal(t->heard[1].stop, STOP_USER);
	assert_int_equal(t->heard[2].stop, STOP_USER);
	assert_int_equal(t->heard[2].n_tokens, 0);
	assert_int_equal(t->heard[3].stop, STOP_EOS);
}

static void
test_stop_while_loading(void **state)
{
	struct talk *t = *state;

	atomic_store(&fake.gated, true);
	link_load(t->link);
	while (t->heard[0].n_progress < 1)
		listen(t);
	link_stop(t->link);
	fake_let_all();
	listen_until_over(t, 0);
	assert_int_equal(t->heard[0].how, EVENT_FAILED);
	assert_int_equal(t->heard[0].error.code, CODE_SIGINT);
	assert_int_equal(atomic_load(&fake.n_opened), 0);
	forget(&t->heard[0]);
	link_load(t->link);
	listen_until_over(t, 0);
	assert_int_equal(t->heard[0].how, EVENT_READY);
}

/* As of a batch, which puts every question behind a load: those that wait are not begun, for a device takes its time to
 * open before anything looks at the wish to stop. */
static void
test_stop_meets_queued_loads(void **state)
{
	struct talk *t = *state;
	struct pollfd fd = {.fd = link_fd(t->link), .events = POLLIN};
	int n_failed = 0;

	atomic_store(&fake.gated, true);
	link_load(t->link);
	while (t->heard[0].n_progress < 1)
		listen(t);
	link_load(t->link);
	link_load(t->link);
	link_stop(t->link);
	fake_let_all();
	while (n_failed < 3) {
		poll(&fd, 1, -1);
		for (struct event *next, *e = link_take(t->link); e; e = next, n_failed++) {
			next = e->next;
			assert_int_equal(e->kind, EVENT_FAILED);
			assert_int_equal(e->error.code, CODE_SIGINT);
			event_free(e);
		}
	}
	assert_int_equal(atomic_load(&fake.n_tries), 1);
}

static void
test_not_loaded(void **state)
{
	struct talk *t = *state;
	struct pixels pixels = {.size = 1, .rgb = xcalloc(1, 3)};

	fake.fail_open = true;
	link_see_take(t->link, &pixels);
	assert_null(pixels.rgb);
	link_load(t->link);
	ask(t, 1, 0, 0);
	listen_until_over(t, 1);
	assert_int_equal(t->heard[0].how, EVENT_FAILED);
	assert_int_equal(t->heard[0].error.code, CODE_MODEL);
	assert_int_equal(t->heard[1].how, EVENT_FAILED);
	assert_int_equal(t->heard[1].error.code, CODE_ENGINE);
	assert_int_equal(atomic_load(&fake.n_seen), 0);
}

/* The device is lost in mid-answer: what was said stays, the engine goes, a new load brings it back. */
static void
test_lost_device(void **state)
{
	struct talk *t = *state;

	fake.fail_step_at = 3;
	ask(t, 1, 0, 0);
	ask(t, 2, 0, 0);
	listen_until_over(t, 2);
	assert_int_equal(t->heard[1].how, EVENT_FAILED);
	assert_int_equal(t->heard[1].error.code, CODE_ENGINE);
	assert_string_equal(t->heard[1].text.at, "abc");
	assert_int_equal(t->heard[2].how, EVENT_FAILED);
	assert_int_equal(atomic_load(&fake.n_freed), 1);
	fake.fail_step_at = -1;
	link_load(t->link);
	ask(t, 3, 0, 0);
	listen_until_over(t, 3);
	assert_int_equal(t->heard[3].stop, STOP_EOS);
	end(t);
	assert_int_equal(atomic_load(&fake.n_freed), 2);
}

/* And with it what this process can do: the load is another's, and so is what comes behind it; when that one loses the
 * device too, or its life, there is a third. */
static void
test_lost_process(void **state)
{
	struct talk *t = *state;

	fake.fail_step_at = 3;
	ask(t, 1, 0, 0);
	listen_until_over(t, 1);
	assert_int_equal(t->heard[1].error.code, CODE_ENGINE);
	fake.spoilt = true;
	for (int ticket = 2; ticket < 6; ticket++) {
		fake.fail_step_at = ticket == 3 ? 2 : -1;
		fake.die_step_at = ticket == 4 ? 3 : -1;
		link_load(t->link);
		ask(t, ticket, 0, 0);
		listen_until_over(t, ticket);
		assert_int_equal(t->heard[0].how, EVENT_READY);
		forget(&t->heard[0]);
	}
	assert_string_equal(t->heard[2].text.at, "abcde");
	assert_string_equal(t->heard[3].text.at, "ab");
	assert_string_equal(t->heard[3].error.what, "the device was lost");
	assert_string_equal(t->heard[4].text.at, "ab");      /* the third was held back, as it might have been the last */
	assert_int_equal(t->heard[4].error.code, CODE_ENGINE);
	assert_string_equal(t->heard[4].error.what, "the engine's process was ended by signal 9");
	assert_string_equal(t->heard[5].text.at, "abcde");
	ask(t, 6, 0, 0);
	listen_until_over(t, 6);
	assert_string_equal(t->heard[6].text.at, "abcde");
	end(t);
	assert_int_equal(atomic_load(&fake.n_opened), 4);
	assert_int_equal(atomic_load(&fake.n_freed), 3);        /* but for what died */
}

/* A prompt that is too long is the question's fault, not the engine's. */
static void
test_refused_prompt(void **state)
{
	struct talk *t = *state;

	fake.fail_sync = true;
	ask(t, 1, 0, 0);
	listen_until_over(t, 1);
	assert_int_equal(t->heard[1].how, EVENT_FAILED);
	assert_int_equal(t->heard[1].error.code, CODE_INPUT);
	fake.fail_sync = false;
	ask(t, 2, 0, 0);
	listen_until_over(t, 2);
	assert_int_equal(t->heard[2].stop, STOP_EOS);
}

static void
test_see(void **state)
{
	struct talk *t = *state;
	struct pixels pixels = {.size = 1, .rgb = xcalloc(1, 3)};

	link_see_take(t->link, &pixels);
	ask(t, 1, 0, 0);
	listen_until_over(t, 1);
	assert_int_equal(atomic_load(&fake.n_seen), 1);
	assert_int_equal(t->heard[0].n_events, 0);
	fake.fail_see = true;
	pixels = (struct pixels){.size = 1, .rgb = xcalloc(1, 3)};
	link_see_take(t->link, &pixels);
	listen_until_over(t, 0);
	assert_int_equal(t->heard[0].error.code, CODE_MEMORY);
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
warm(struct talk *t, int n, int own)
{
	struct prompt p = prompt_of(n, own);

	link_warm_take(t->link, &p);
	assert_null(p.ids.at);
}

static void
ask_prompt(struct talk *t, int ticket, int n)
{
	struct question q = {.ticket = ticket, .prompt = prompt_of(n, n)};

	link_ask_take(t->link, &q);
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
	struct talk *t = *state;

	warm(t, 20, 20);
	wait_for(&fake.n_synced, 20);
	ask_prompt(t, 1, 24);
	listen_until_over(t, 1);
	assert_string_equal(t->heard[1].text.at, "abcde");
	assert_int_equal(t->heard[1].n_reused, 20);
	assert_int_equal(atomic_load(&fake.n_synced), 24);
	assert_int_equal(t->heard[0].n_events, 0);
}

/* The question need not wait for what was begun for it, and what was done by then counts. */
static void
test_ask_ends_a_warm(void **state)
{
	struct talk *t = *state;

	atomic_store(&fake.sync_gated, true);
	warm(t, 20, 20);
	fake_let(7);
	wait_for(&fake.n_synced, 7);
	ask_prompt(t, 1, 24);
	fake_let_all();
	listen_until_over(t, 1);
	assert_int_equal(t->heard[1].stop, STOP_EOS);
	assert_int_equal(t->heard[1].n_reused, 7);
	assert_int_equal(t->heard[0].n_events, 0);
}

/* The wish to stop that ends a warm is not the next question's. */
static void
test_stop_ends_a_warm(void **state)
{
	struct talk *t = *state;

	atomic_store(&fake.sync_gated, true);
	warm(t, 20, 20);
	fake_let(3);
	wait_for(&fake.n_synced, 3);
	link_stop(t->link);
	fake_let_all();
	ask_prompt(t, 1, 24);
	listen_until_over(t, 1);
	assert_int_equal(t->heard[1].stop, STOP_EOS);
	assert_int_equal(t->heard[1].n_reused, 3);
}

/* Of several that wait the newest is computed, the others not at all. */
static void
test_newer_warm_takes_its_place(void **state)
{
	struct talk *t = *state;

	atomic_store(&fake.gated, true);
	ask_prompt(t, 1, 1);
	wait_for(&fake.n_synced, 1);
	warm(t, 60, 3);
	warm(t, 50, 4);
	warm(t, 20, 20);
	fake_let_all();
	wait_for(&fake.n_synced, 20);
	ask_prompt(t, 2, 24);
	listen_until_over(t, 2);
	assert_int_equal(t->heard[2].n_reused, 20);
	assert_int_equal(atomic_load(&fake.n_synced), 24);
}

/* ---- leave and restore */

static bool
is_there(const char *path)
{
	return access(path, F_OK) == 0;
}

/* All requests until now are done. */
static void
settle(struct talk *t)
{
	int n = atomic_load(&fake.n_seen);

	link_see_take(t->link, &(struct pixels){0});
	wait_for(&fake.n_seen, n + 1);
}

/* What was computed is there again in another process' place, in the order of the calls. */
static void
test_leave_and_restore(void **state)
{
	struct talk *t = *state;

	ask_prompt(t, 1, 20);
	listen_until_over(t, 1);
	link_leave(t->link, t->a, 1000);
	settle(t);
	ask_prompt(t, 2, 3);
	listen_until_over(t, 2);
	link_leave(t->link, NULL, 1000);              /* private: neither now nor later */
	link_leave(t->link, t->b, 1000);
	link_restore(t->link, t->a);
	ask_prompt(t, 3, 24);
	listen_until_over(t, 3);
	assert_int_equal(t->heard[3].n_reused, 20);
	assert_true(is_there(t->a));
	assert_false(is_there(t->b));
	assert_int_equal(t->heard[0].n_events, 0);
}

/* Nothing was computed of the conversation since it was restored, or of the new one: there is nothing to keep. */
static void
test_leave_without_news(void **state)
{
	struct talk *t = *state;

	ask_prompt(t, 1, 20);
	listen_until_over(t, 1);
	link_leave(t->link, t->a, 1000);
	link_leave(t->link, t->b, 1000);
	link_restore(t->link, t->a);
	link_leave(t->link, t->b, 1000);
	link_restore(t->link, t->b);                     /* is not there: a line in the log */
	link_leave(t->link, t->b, 1000);
	assert_true(link_end_within(t->link, 60000));
	assert_int_equal(atomic_load(&fake.n_saves), 1);
	assert_int_equal(t->heard[0].n_events, 0);
}

/* What a file brings takes the place of what was computed, also where that was not left before, and need not be written. */
static void
test_restore_is_no_news(void **state)
{
	struct talk *t = *state;

	ask_prompt(t, 1, 20);
	listen_until_over(t, 1);
	link_leave(t->link, t->a, 1000);
	settle(t);
	ask_prompt(t, 2, 24);
	listen_until_over(t, 2);
	link_restore(t->link, t->a);
	link_leave(t->link, t->b, 1000);
	settle(t);
	assert_false(is_there(t->b));
}

/* The end waits for the file, and says so when asked. */
static void
test_end_keeps(void **state)
{
	struct talk *t = *state;

	ask_prompt(t, 1, 20);
	listen_until_over(t, 1);
	atomic_store(&fake.gated, true);
	ask_prompt(t, 1, 20);                   /* is stopped by the end */
	link_leave(t->link, t->a, 1000);
	assert_false(link_end_within(t->link, 50));
	fake_let(6);
	assert_false(link_end_within(t->link, 50));
	assert_true(link_is_keeping(t->link));
	fake_let_all();
	end(t);
	assert_true(is_there(t->a));
}

static void
test_ask_ends_a_leave(void **state)
{
	struct talk *t = *state;

	ask_prompt(t, 1, 20);
	listen_until_over(t, 1);
	atomic_store(&fake.gated, true);
	link_leave(t->link, t->a, 1000);
	wait_for(&fake.n_saves, 1);
	link_restore(t->link, t->b);                     /* no reason to hurry */
	fake_let(5);
	ask_prompt(t, 2, 24);
	fake_let_all();
	listen_until_over(t, 2);
	assert_int_equal(t->heard[2].stop, STOP_EOS);
	assert_false(is_there(t->a));
}

/* The cap: what does not fit is not written, and older files go before it is passed. */
static void
test_leave_makes_room(void **state)
{
	struct talk *t = *state;

	ask_prompt(t, 1, 20);
	listen_until_over(t, 1);
	link_leave(t->link, t->a, 19);
	ask_prompt(t, 2, 30);
	listen_until_over(t, 2);
	assert_false(is_there(t->a));
	link_leave(t->link, t->a, 40);
	settle(t);
	assert_true(is_there(t->a));
	ask_prompt(t, 3, 11);
	listen_until_over(t, 3);
	link_leave(t->link, t->b, 40);
	end(t);
	assert_false(is_there(t->a));
	assert_true(is_there(t->b));
}

/* Others are not given up for what cannot be kept whatever goes. */
static void
test_leave_of_too_much(void **state)
{
	struct talk *t = *state;

	ask_prompt(t, 1, 20);
	listen_until_over(t, 1);
	link_leave(t->link, t->a, 29);
	settle(t);
	ask_prompt(t, 2, 30);
	listen_until_over(t, 2);
	link_leave(t->link, t->b, 29);
	settle(t);
	assert_true(is_there(t->a));
	assert_false(is_there(t->b));
}

static void
test_restore_loses_the_engine(void **state)
{
	struct talk *t = *state;

	fake.lose_restore = true;
	link_restore(t->link, "nothing");
	listen_until_over(t, 0);
	assert_int_equal(t->heard[0].error.code, CODE_ENGINE);
	ask_prompt(t, 1, 3);
	listen_until_over(t, 1);
	assert_int_equal(t->heard[1].error.code, CODE_ENGINE);
}

/* A prompt that does not fit is no news; a lost engine is, and the next load brings it back. */
static void
test_warm_fails(void **state)
{
	struct talk *t = *state;

	fake.fail_sync = true;
	warm(t, 20, 20);
	ask_prompt(t, 1, 2);
	listen_until_over(t, 1);
	assert_int_equal(t->heard[1].how, EVENT_FAILED);
	assert_int_equal(t->heard[0].n_events, 0);
	fake.fail_sync = false;
	fake.lose_sync = true;
	warm(t, 20, 20);
	listen_until_over(t, 0);
	assert_int_equal(t->heard[0].error.code, CODE_ENGINE);
	fake.lose_sync = false;
	ask_prompt(t, 2, 2);            /* it is told of before it goes */
	listen_until_over(t, 2);
	assert_int_equal(t->heard[2].error.code, CODE_ENGINE);
	assert_int_equal(atomic_load(&fake.n_freed), 1);
}

static void
test_end_while_warming(void **state)
{
	struct talk *t = *state;

	atomic_store(&fake.sync_gated, true);
	warm(t, 20, 20);
	warm(t, 30, 30);
	fake_let_all();
	end(t);
	assert_int_equal(atomic_load(&fake.n_freed), 1);
}

static void
test_end_while_answering(void **state)
{
	struct talk *t = *state;

	fake.n_answer = -1;
	ask(t, 1, 0, 0);
	ask(t, 2, 0, 0);
	while (t->heard[1].n_tokens < 10)
		listen(t);
	end(t);
	assert_int_equal(atomic_load(&fake.n_freed), 1);
}

static void
test_end_while_loading(void **state)
{
	struct talk *t = *state;

	link_load(t->link);
	ask(t, 1, 0, 0);
	end(t);
	assert_int_equal(atomic_load(&fake.n_opened), atomic_load(&fake.n_freed));
}

/* ---- of an engine in another process alone */

/* Its own death: whoever has the other process then is this one. */
static void
die_while_the_engine_hangs(void)
{
	struct talk t = {0};

	start(&t);
	link_load(t.link);
	ask(&t, 1, 0, 0);
	while (!atomic_load(&fake.hanging))
		usleep(1000);
	raise(SIGKILL);
}

/* Whatever the other process is at, it ends with the one that started it. */
static void
test_parent_dies(void **state)
{
	pid_t parent;
	int status;

	(void)state;
	fake_reset();
	fake.spoilt = true;
	fake.hang_step_at = 2;
	alarm(PATIENCE_S);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	parent = fork();
	if (parent == 0)
		die_while_the_engine_hangs();
	assert_int_equal(waitpid(parent, &status, 0), parent);
	assert_int_equal(waitpid((pid_t)atomic_load(&fake.hanging), &status, 0), atomic_load(&fake.hanging));
	assert_true(WIFSIGNALED(status));
}

/* What it says of its end itself is read by nobody. */
static void
test_a_process_that_ends_says_why(void **state)
{
	struct talk *t = *state;

	fake.die_step_at = 0;
	for (int ticket = 1; ticket <= 3; ticket++) {
		fake.die_status = ticket == 1 ? CODE_ENGINE : ticket == 2 ? CODE_MEMORY : CODE_STORE;
		link_load(t->link);
		ask(t, ticket, 0, 0);
		listen_until_over(t, ticket);
		assert_int_equal(t->heard[ticket].error.code, CODE_ENGINE);
		forget(&t->heard[0]);
	}
	assert_non_null(strstr(t->heard[1].error.what, "a file of the model was cut short"));
	assert_string_equal(t->heard[2].error.what, "the engine's process was refused memory, and ended");
	assert_string_equal(t->heard[3].error.what, "the engine's process ended with status 6");
}

/* It is ended, and the next load opens another. */
static void
test_stop_meets_a_hung_process(void **state)
{
	struct talk *t = *state;

	fake.hang_step_at = 2;
	ask(t, 1, 0, 0);
	while (!atomic_load(&fake.hanging))
		usleep(1000);
	link_stop(t->link);
	listen_until_over(t, 1);
	assert_string_equal(t->heard[1].error.what, "the engine's process did not stop, and was ended");
	assert_int_equal(t->heard[1].error.code, CODE_ENGINE);
	fake.hang_step_at = -1;
	load(t);
	ask(t, 2, 0, 0);
	listen_until_over(t, 2);
	assert_string_equal(t->heard[2].text.at, "abcde");
}

static void
test_end_meets_a_hung_process(void **state)
{
	struct talk *t = *state;

	fake.hang_step_at = 0;
	ask(t, 1, 0, 0);
	while (!atomic_load(&fake.hanging))
		usleep(1000);
	end(t);
	assert_int_equal(kill((pid_t)atomic_load(&fake.hanging), 0), -1);
}

/* While nobody asks: a load is what opens another, and does not fail for it. */
static void
test_load_after_an_idle_death(void **state)
{
	struct talk *t = *state;
	pid_t first = (pid_t)atomic_load(&fake.opener);
	siginfo_t how;

	assert_int_equal(kill(first, SIGKILL), 0);
	assert_int_equal(waitid(P_PID, (id_t)first, &how, WEXITED | WNOWAIT), 0);
	load(t);
	assert_int_not_equal(atomic_load(&fake.opener), first);
}

/* A picture's worth does not fit into a socket that nobody reads. */
static void
test_a_process_that_takes_nothing(void **state)
{
	struct talk *t = *state;
	struct pixels pixels = {.size = 1024, .rgb = xcalloc(3, 1024 * 1024)};

	assert_int_equal(kill((pid_t)atomic_load(&fake.opener), SIGSTOP), 0);
	link_see_take(t->link, &pixels);
	listen_until_over(t, 0);
	assert_int_equal(t->heard[0].error.code, CODE_ENGINE);
	forget(&t->heard[0]);
	load(t);
}

/* Each time why, however soon the process is gone. */
static void
test_no_card(void **state)
{
	struct talk *t = *state;

	fake.fail_card = true;
	for (int i = 0; i < 10; i++) {
		link_load(t->link);
		listen_until_over(t, 0);
		assert_string_equal(t->heard[0].error.what, "no config.json");
		forget(&t->heard[0]);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
#define LOADED(f) cmocka_unit_test_setup_teardown(f, set_up_loaded, tear_down)
#define FOLDER(f) cmocka_unit_test_setup_teardown(f, set_up_folder, tear_down)

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(test_start_and_end),
		TEST(test_load),
		LOADED(test_answer),
		LOADED(test_answer_goes_on),
		LOADED(test_answer_of_nothing),
		LOADED(test_limits),
		LOADED(test_a_burst_loses_nothing),
		LOADED(test_answers_come_in_order),
		LOADED(test_best_candidates_travel),
		LOADED(test_stop_within_one_token),
		LOADED(test_stop_meets_queued_answers),
		TEST(test_stop_while_loading),
		TEST(test_stop_meets_queued_loads),
		TEST(test_not_loaded),
		LOADED(test_lost_device),
		LOADED(test_lost_process),
		LOADED(test_refused_prompt),
		LOADED(test_see),
		LOADED(test_warm_then_ask),
		LOADED(test_ask_ends_a_warm),
		LOADED(test_stop_ends_a_warm),
		LOADED(test_newer_warm_takes_its_place),
		FOLDER(test_leave_and_restore),
		FOLDER(test_leave_without_news),
		FOLDER(test_restore_is_no_news),
		FOLDER(test_end_keeps),
		FOLDER(test_ask_ends_a_leave),
		FOLDER(test_leave_makes_room),
		FOLDER(test_leave_of_too_much),
		LOADED(test_restore_loses_the_engine),
		LOADED(test_warm_fails),
		LOADED(test_end_while_warming),
		LOADED(test_end_while_answering),
		TEST(test_end_while_loading),
	};
	const struct CMUnitTest tests_apart[] = {
		cmocka_unit_test(test_parent_dies),
		TEST(test_no_card),
		TEST(test_a_process_that_ends_says_why),
		LOADED(test_load_after_an_idle_death),
		LOADED(test_stop_meets_a_hung_process),
		LOADED(test_end_meets_a_hung_process),
		LOADED(test_a_process_that_takes_nothing),
	};

	int n_failed;

	if (argc == 2 && strcmp(argv[1], LINK_SERVE) == 0)
		return link_serve(NULL);
	n_failed = cmocka_run_group_tests_name("in a thread", tests, NULL, NULL);
	apart = true;
	n_failed += cmocka_run_group_tests_name("in another process", tests, NULL, NULL);
	return n_failed + cmocka_run_group_tests_name("of another process", tests_apart, NULL, NULL);
}
