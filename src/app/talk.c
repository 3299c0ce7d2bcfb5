/* talk.c: sending, streaming, ending an answer. One answer runs at a time; what is sent meanwhile, or while the model
 * loads, waits in a queue of our own and is no message yet, so that it can come back into the input. The invariant:
 * a question is in the store before the worker hears of it, and text is never dropped: what cannot be sent returns to
 * the input with its pictures. */
#include "config.h"

#include "talk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "actions.h"
#include "internal.h"

#define ROOM_FOR_ANSWER 64      /* tokens; a question that leaves fewer is not sent */

int
talk_n_ctx(const struct app *app)
{
	int most = card_info(app->card)->n_ctx_max;

	return app->options->n_ctx > 0 && app->options->n_ctx < most ? app->options->n_ctx : most;
}

struct message *
talk_answer(struct app *app)
{
	assert(app->talk.running);
	return &app->chat->messages[app->talk.answer - 1];
}

/* ---- the prompt of a question that is not a message yet */

static struct pic *
pics_of(const struct staged *s)
{
	struct pic *pics = xcalloc((size_t)s->n + 1, sizeof *pics);

	for (int i = 0; i < s->n; i++)
		pics[i] = s->at[i].pic;
	return pics;
}

static void
copy_message(struct chat *to, const struct message *m)
{
	if (m->role == ROLE_USER)
		chat_add_user(to, m->text, m->text_n, m->pics, m->n_pics);
	else
		message_set_text(chat_add_answer(to), m->text, m->text_n);
}

/* The branch as it stands, with this question at its end. */
static struct chat *
draft(const struct app *app, const char *text, size_t n, const struct staged *pictures)
{
	const char *system = chat_system(app->chat, app->chat->head);
	struct chat *c = chat_new();
	struct pic *pics = pics_of(pictures);
	int *ids, n_ids = chat_branch(app->chat, app->chat->head, &ids);

	if (system)
		chat_set_system(c, system);
	for (int i = 0; i < n_ids; i++)
		copy_message(c, chat_message(app->chat, ids[i]));
	chat_add_user(c, text, n, pics, pictures->n);
	free(pics);
	free(ids);
	return c;
}

static int
draft_prompt(struct app *app, struct prompt *out, const char *text, size_t n, const struct staged *pictures,
    struct error *err)
{
	struct chat *c = draft(app, text, n, pictures);
	int rc = chat_assemble(out, c, c->head, app->card, gallery_pixels, app, err);

	chat_free(c);
	return rc;
}

int
talk_count(struct app *app)
{
	struct prompt prompt = {0};
	struct error err;
	int n = -1;

	if (draft_prompt(app, &prompt, "", 0, &app->staged, &err) == 0)
		n = (int)prompt.ids.n;
	prompt_done(&prompt);
	return n;
}

static int
check_room(const struct app *app, const struct prompt *prompt, struct error *err)
{
	int n = (int)prompt->ids.n, n_ctx = talk_n_ctx(app);

	if (n + ROOM_FOR_ANSWER <= n_ctx)
		return 0;
	error_set(err, CODE_INPUT, "not sent: %d of %d tokens of context would be used, an answer needs %d", n, n_ctx,
	    ROOM_FOR_ANSWER);
	return error_hint(err, "a shorter message, /detach, /undo, or /new for a fresh conversation");
}

/* ---- the queue */

static void
free_queued(struct queued *q)
{
	free(q->text);
	staged_done(&q->pictures);
	*q = (struct queued){0};
}

static void
give_back(struct app *app, struct queued *q)
{
	if (q->entry)
		present_remove(app, q->entry);
	staged_return(app, &q->pictures);
	actions_give_back(app, q->text);
	free_queued(q);
}

static int
show_queued(struct app *app, struct queued *q, const char *mark)
{
	struct pic *pics = pics_of(&q->pictures);
	int entry = present_user(app, 0, pics, q->pictures.n, q->text, q->text_n, mark);

	free(pics);
	return entry;
}

static void
enqueue(struct app *app, struct queued *q)
{
	struct talk *t = &app->talk;

	for (int i = 0, n = staged_next_number(app); i < q->pictures.n; i++)
		if (q->pictures.at[i].pic.n == 0)
			q->pictures.at[i].pic.n = n++;
	q->entry = show_queued(app, q, "[queued]");
	t->queue = xreallocarray(t->queue, (size_t)t->n_queued + 1, sizeof *t->queue);
	t->queue[t->n_queued++] = *q;
	*q = (struct queued){0};
	staged_show(app);
}

static struct queued
dequeue(struct talk *t)
{
	struct queued q = t->queue[0];

	t->n_queued--;
	memmove(t->queue, t->queue + 1, (size_t)t->n_queued * sizeof t->queue[0]);
	return q;
}

/* What waits stands below the answer that comes before it. */
static void
move_queue_down(struct app *app)
{
	for (int i = 0; i < app->talk.n_queued; i++) {
		struct queued *q = &app->talk.queue[i];

		present_remove(app, q->entry);
		q->entry = show_queued(app, q, "[queued]");
	}
}

/* Newest first, so that the oldest ends up in front. */
bool
talk_recall(struct app *app)
{
	struct talk *t = &app->talk;
	bool any = t->n_queued > 0;

	while (t->n_queued > 0)
		give_back(app, &t->queue[--t->n_queued]);
	return any;
}

/* ---- asking */

static uint64_t
random_seed(void)
{
	uint64_t seed = 0;

	if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed)
		seed = (uint64_t)clock_ms();
	return seed >> 11;      /* 53 bits: JSON readers keep them all */
}

static void
describe_answer(struct app *app, struct message *m, float temp)
{
	m->sampling = app->sampling;
	if (temp >= 0)
		m->sampling.temp = temp;
	if (!app->seed_set)
		m->sampling.seed = random_seed();
	m->max_tokens = app->max_tokens;
	m->build = xstrdup(PACKAGE_VERSION);
	m->device = app->device ? xstrdup(app->device) : NULL;
}

/* Below the head, which is the question; takes the prompt over. */
static void
start_answer(struct app *app, struct prompt *prompt, float temp)
{
	struct talk *t = &app->talk;
	struct message *m = chat_add_answer(app->chat);
	struct question q = { .ticket = ++t->ticket, .prompt = *prompt };

	describe_answer(app, m, temp);
	q.sampling = m->sampling;
	q.max_tokens = m->max_tokens;
	t->running = true;
	t->stopping = false;
	t->total = 0;
	t->answer = m->id;
	t->entry = present_answer(app, m);
	link_ask_take(app->link, &q);
	*prompt = (struct prompt){0};
	ui_set_busy(app->ui, true);
	move_queue_down(app);
	meter_touch(app);
	meter_show(app);
}

static void
tell_pictures(struct app *app)
{
	int *ids, n = chat_branch(app->chat, app->chat->head, &ids), n_pics = 0;

	for (int i = 0; i < n; i++)
		n_pics += chat_message(app->chat, ids[i])->n_pics;
	free(ids);
	if (n_pics < 2 || app->talk.told_pictures)
		return;
	app->talk.told_pictures = true;
	present_note(app, "The model was trained on one picture in a conversation: answers about several may mix them up.");
}

static void
say(struct app *app, struct queued *q)
{
	struct pic *pics = pics_of(&q->pictures);
	const struct message *m = chat_add_user(app->chat, q->text, q->text_n, pics, q->pictures.n);

	free(pics);
	keep_user(app, m, &q->pictures);
	if (q->entry)
		present_remove(app, q->entry);
	present_user(app, m->id, m->pics, m->n_pics, m->text, m->text_n, NULL);
	tell_pictures(app);
}

/* Empties q: it is said, or back in the input. */
static int
ask(struct app *app, struct queued *q)
{
	struct prompt prompt = {0};
	struct error err;

	if (draft_prompt(app, &prompt, q->text, q->text_n, &q->pictures, &err) != 0 ||
	    check_room(app, &prompt, &err) != 0) {
		present_error(app, &err);
		prompt_done(&prompt);
		give_back(app, q);
		return -1;
	}
	say(app, q);
	free_queued(q);
	start_answer(app, &prompt, -1);
	if (app->keep.session)
		gallery_trim(&app->gallery);
	return 0;
}

static int
check_ready(const struct app *app, struct error *err)
{
	if (app->read_only) {
		error_set(err, CODE_STORE, "not sent: this session was written by a newer ivchat and is only shown");
		return error_hint(err, "/new begins another conversation");
	}
	if (app->engine == ENGINE_NONE) {
		error_set(err, CODE_MODEL, "not sent: there is no model");
		return error_hint(err, "leave by /quit and start again with -m DIR");
	}
	return 0;
}

void
talk_send(struct app *app, const char *text, size_t n)
{
	struct queued q = { .text = xstrndup(text, n), .text_n = n };
	struct error err;

	staged_take(app, &q.pictures);
	if (check_ready(app, &err) != 0) {
		present_error(app, &err);
		give_back(app, &q);
	} else if (app->engine != ENGINE_READY || app->talk.running) {
		if (app->engine == ENGINE_LOST)
			load_again(app);
		enqueue(app, &q);
	} else {
		ask(app, &q);
	}
}

void
talk_next(struct app *app)
{
	struct queued q;

	if (app->talk.n_queued == 0 || app->talk.running || app->engine != ENGINE_READY)
		return;
	q = dequeue(&app->talk);
	if (ask(app, &q) != 0)
		talk_recall(app);
}

/* ---- once more */

static const struct message *
last_question(const struct app *app)
{
	const struct message *m = chat_message(app->chat, app->chat->head);

	while (m && m->role != ROLE_USER)
		m = chat_message(app->chat, m->up);
	return m;
}

/* Whether these settings choose the same tokens again: greedy, or the same seed. */
static bool
repeats(const struct app *app, const struct message *old, float temp)
{
	const struct sampling *a = &old->sampling, *b = &app->sampling;

	if (a->temp != temp || a->repeat_penalty != b->repeat_penalty)
		return false;
	if (old->stop != STOP_EOS && (old->stop != STOP_LENGTH || old->max_tokens != app->max_tokens))
		return false;
	return temp == 0 || (app->seed_set && a->seed == b->seed && a->top_p == b->top_p && a->top_k == b->top_k);
}

static int
check_different(const struct app *app, float temp, struct error *err)
{
	const struct message *old = chat_message(app->chat, app->chat->head);

	if (temp < 0)
		temp = app->sampling.temp;
	if (old->role != ROLE_ANSWER || !repeats(app, old, temp))
		return 0;
	error_set(err, CODE_INPUT, "the result would be the same: %s",
	    temp == 0 ? "decoding is greedy (temp 0)" : "the seed is set");
	return error_hint(err, temp == 0 ? "/regen 0.7, a temperature for this once" : "/set seed random");
}

static int
wait_for_engine(struct app *app, struct error *err)
{
	if (app->engine == ENGINE_LOST)
		load_again(app);
	return error_set(err, CODE_INPUT, "the model is still loading: /regen when it is there");
}

int
talk_regen(struct app *app, float temp, struct error *err)
{
	const struct message *question = last_question(app);
	struct prompt prompt = {0};
	int id;

	if (!question)
		return error_set(err, CODE_INPUT, "there is no question yet");
	if (check_ready(app, err) != 0 || check_different(app, temp, err) != 0)
		return -1;
	if (app->engine != ENGINE_READY)
		return wait_for_engine(app, err);
	id = question->id;
	if (chat_assemble(&prompt, app->chat, id, app->card, gallery_pixels, app, err) != 0 ||
	    check_room(app, &prompt, err) != 0) {
		prompt_done(&prompt);
		return -1;
	}
	if (app->chat->head != id)
		present_cut(app, app->chat->head);
	chat_set_head(app->chat, id);
	start_answer(app, &prompt, temp);
	return 0;
}

/* ---- the answer comes */

static void
take_text(struct app *app, const struct event *e)
{
	struct message *m = talk_answer(app);

	app->talk.total = 0;
	for (int i = 0; i < e->n_tokens; i++)
		message_add_id(m, e->tokens[i].id, e->tokens[i].ms);
	if (e->text_n == 0)
		return;
	message_append(m, e->text, e->text_n);
	ui_append(app->ui, app->talk.entry, e->text, e->text_n);
	keep_part(app, m);
}

void
talk_end(struct app *app, enum stop stop)
{
	struct message *m = talk_answer(app);

	m->stop = stop;
	keep_answer(app, m);
	present_mark(app, app->talk.entry, m);
	app->talk.running = app->talk.stopping = false;
	app->talk.total = 0;
	ui_set_busy(app->ui, false);
	meter_touch(app);
	meter_show(app);
}

/* What waits goes on by itself only after an answer that ended by itself. */
static void
end_and_go_on(struct app *app, enum stop stop)
{
	talk_end(app, stop);
	if (stop == STOP_USER || stop == STOP_ERROR)
		talk_recall(app);
	else
		talk_next(app);
}

static void
take_end(struct app *app, const struct event *e)
{
	struct message *m = talk_answer(app);

	m->n_prompt = e->sync.n_prompt;
	m->n_reused = e->sync.n_reused;
	message_set_segs(m, e->segs, e->n_segs);
	take_text(app, e);
	end_and_go_on(app, e->stop);
}

/* A lost engine is loaded again by the next question. */
static void
take_failure(struct app *app, const struct event *e)
{
	struct error err = e->error;

	if (err.code == CODE_ENGINE) {
		app->engine = ENGINE_LOST;
		if (!err.hint[0])
			error_hint(&err, "the next message, or /regen: the model is loaded again first");
	}
	end_and_go_on(app, STOP_ERROR);
	present_error(app, &err);
}

static void
take_progress(struct app *app, const struct event *e)
{
	app->talk.stage = e->stage;
	app->talk.done = e->done;
	app->talk.total = e->total;
	meter_show(app);
}

void
talk_event(struct app *app, const struct event *e)
{
	if (!app->talk.running || e->ticket != app->talk.ticket)
		return;
	switch (e->kind) {
	case EVENT_PROGRESS:
		take_progress(app, e);
		break;
	case EVENT_TEXT:
		take_text(app, e);
		meter_show(app);
		break;
	case EVENT_DONE:
		take_end(app, e);
		break;
	case EVENT_FAILED:
		take_failure(app, e);
		break;
	case EVENT_READY:
		break;
	}
}

void
talk_stop(struct app *app)
{
	if (!app->talk.running || app->talk.stopping)
		return;
	app->talk.stopping = true;
	link_stop(app->link);
	talk_recall(app);
	meter_show(app);
}

void
talk_clear(struct talk *t)
{
	for (int i = 0; i < t->n_queued; i++)
		free_queued(&t->queue[i]);
	free(t->queue);
	*t = (struct talk){0};
}
