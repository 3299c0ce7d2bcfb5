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
#include "base/log.h"
#include "actions.h"
#include "edit.h"
#include "internal.h"

int
talk_n_ctx(const struct app *app)
{
	int most = card_info(app->card)->n_ctx_max;

	return app->options->engine.n_ctx > 0 && app->options->engine.n_ctx < most ? app->options->engine.n_ctx : most;
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

/* The branch that the question goes below, with the question at its end. */
static struct chat *
draft(const struct app *app, const char *text, size_t n, const struct staged *pictures, int edited)
{
	struct chat *c = chat_fork(app->chat, edited ? chat_message(app->chat, edited)->up : app->chat->head);
	struct pic *pics = pics_of(pictures);

	chat_add_user(c, text, n, pics, pictures->n);
	free(pics);
	return c;
}

static int
draft_prompt(struct app *app, struct prompt *out, const char *text, size_t n, const struct staged *pictures, int edited,
    struct error *err)
{
	struct chat *c = draft(app, text, n, pictures, edited);
	int rc = chat_assemble(out, c, c->head, app->card, gallery_pixels, app, err);

	chat_free(c);
	return rc;
}

int
talk_next_prompt(struct app *app, struct prompt *out, const char *text, struct error *err)
{
	return draft_prompt(app, out, text, strlen(text), &app->staged, edit_question(app), err);
}

int
talk_count(struct app *app, struct error *err)
{
	struct prompt prompt = {0};
	int n = -1;

	if (talk_next_prompt(app, &prompt, "", err) == 0)
		n = (int)prompt.ids.n;
	prompt_done(&prompt);
	return n;
}

/* ---- the queue */

void
queued_done(struct queued *q)
{
	free(q->text);
	staged_done(&q->pictures);
	*q = (struct queued){0};
}

void
talk_give_back(struct app *app, struct queued *q)
{
	if (q->entry)
		present_remove(app, q->entry);
	staged_return(app, &q->pictures);
	edit_take_back(app, q->edited);
	actions_give_back_message(app, q->text);
	queued_done(q);
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

void
talk_repaint(struct app *app)
{
	for (int i = 0; i < app->talk.n_queued; i++)
		present_remove(app, app->talk.queue[i].entry);
	present_chat(app);
	for (int i = 0; i < app->talk.n_queued; i++)
		app->talk.queue[i].entry = show_queued(app, &app->talk.queue[i], "[queued]");
}

/* Newest first, so that the oldest ends up in front. */
bool
talk_recall(struct app *app)
{
	struct talk *t = &app->talk;
	bool any = t->n_queued > 0;

	while (t->n_queued > 0)
		talk_give_back(app, &t->queue[--t->n_queued]);
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

void
talk_start(struct app *app, struct message *m, int entry, struct prompt *prompt, int n_said, float temp)
{
	struct talk *t = &app->talk;
	struct question q = { .ticket = ++t->ticket, .prompt = *prompt, .n_said = n_said };

	describe_answer(app, m, temp);
	q.sampling = m->sampling;
	q.max_tokens = m->max_tokens;
	t->running = true;
	t->stopping = false;
	t->total = 0;
	t->answer = m->id;
	t->entry = entry;
	t->ms_before = m->n_ids > 0 ? m->ms[m->n_ids - 1] : 0;
	ahead_asked(&app->ahead, &q.prompt);
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

/* A question that takes another's place begins a branch of its own above that one. */
static void
leave_edited(struct app *app, int edited)
{
	int up = chat_message(app->chat, edited)->up;

	if (present_entry(app, edited)) {
		present_cut(app, edited);
		chat_set_head(app->chat, up);
	} else {
		chat_set_head(app->chat, up);
		talk_repaint(app);
	}
}

static void
say(struct app *app, struct queued *q)
{
	struct pic *pics = pics_of(&q->pictures);
	const struct message *m;

	if (q->edited)
		leave_edited(app, q->edited);
	m = chat_add_user(app->chat, q->text, q->text_n, pics, q->pictures.n);
	free(pics);
	keep_user(app, m, &q->pictures);
	if (q->entry)
		present_remove(app, q->entry);
	present_mark(app, present_user(app, m->id, m->pics, m->n_pics, m->text, m->text_n, NULL), m);
	tell_pictures(app);
}

/* The prompt of q with room for an answer. 0, -1, or 1: room.c holds q and has asked the person. */
static int
prompt_with_room(struct app *app, struct queued *q, struct prompt *prompt, struct error *err)
{
	int rc = draft_prompt(app, prompt, q->text, q->text_n, &q->pictures, q->edited, err);

	while (rc == 0 && room_missing(app, prompt) > 0) {
		rc = room_make(app, q, room_missing(app, prompt), err);
		prompt_done(prompt);
		if (rc == 0)
			rc = draft_prompt(app, prompt, q->text, q->text_n, &q->pictures, q->edited, err);
	}
	return rc;
}

int
talk_ask(struct app *app, struct queued *q)
{
	struct prompt prompt = {0};
	struct message *m;
	struct error err;
	int rc = prompt_with_room(app, q, &prompt, &err);

	if (rc < 0) {
		present_error(app, &err);
		talk_give_back(app, q);
	}
	if (rc != 0)
		return rc;
	say(app, q);
	queued_done(q);
	m = chat_add_answer(app->chat);
	talk_start(app, m, present_answer(app, m), &prompt, 0, -1);
	if (app->keep.session)
		gallery_trim(&app->gallery);
	return 0;
}

bool
talk_is_busy(const struct app *app)
{
	return app->talk.running || app->verify.running;
}

int
talk_check_ready(struct app *app, struct error *err)
{
	if (sessions_check_writable(app, err) != 0)
		return -1;
	if (app->engine == ENGINE_NONE) {
		error_set(err, CODE_MODEL, "not sent: there is no model");
		return error_hint(err, "leave by /quit and start again with -m DIR");
	}
	return 0;
}

void
talk_send(struct app *app, const char *text, size_t n)
{
	struct queued q = { .text = xstrndup(text, n), .text_n = n, .edited = edit_end(app) };
	struct error err;

	staged_take(app, &q.pictures);
	if (talk_check_ready(app, &err) != 0) {
		present_error(app, &err);
		talk_give_back(app, &q);
	} else if (app->engine != ENGINE_READY || talk_is_busy(app) || room_asks(app)) {
		if (app->engine == ENGINE_LOST)
			load_again(app);
		enqueue(app, &q);
	} else {
		talk_ask(app, &q);
	}
}

void
talk_next(struct app *app)
{
	struct queued q;

	if (app->talk.n_queued == 0 || talk_is_busy(app) || app->engine != ENGINE_READY || room_asks(app))
		return;
	q = dequeue(&app->talk);
	if (talk_ask(app, &q) < 0)
		talk_recall(app);
}

int
talk_check_free(struct app *app, struct error *err)
{
	if (talk_is_busy(app))
		return error_set(err, CODE_INPUT, "an answer is running: Ctrl-C stops it");
	if (talk_check_ready(app, err) != 0)
		return -1;
	if (app->engine == ENGINE_READY)
		return 0;
	if (app->engine == ENGINE_LOADING)
		return error_set(err, CODE_INPUT, "the model is still loading: try again when it is there");
	load_again(app);
	return error_set(err, CODE_INPUT, "the model is loaded again now: try again when it is there");
}

/* ---- the answer comes */

static void
take_text(struct app *app, const struct event *e)
{
	struct message *m = talk_answer(app);

	app->talk.total = 0;
	for (int i = 0; i < e->n_tokens; i++)
		message_add_id(m, e->tokens[i].id, app->talk.ms_before + e->tokens[i].ms);
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
	ahead_answered(&app->ahead, m);
	log_debug("answer %d: %s after %d tokens, %.1f a second; prompt of %d tokens, %d of them reused", m->id,
	    stop_name(stop), m->n_ids, meter_speed(m), m->n_prompt, m->n_reused);
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

static void
take_failure(struct app *app, const struct event *e)
{
	bool is_lost = e->error.code == CODE_ENGINE;

	if (is_lost)
		app->engine = ENGINE_LOST;
	end_and_go_on(app, STOP_ERROR);
	if (is_lost)
		load_lost(app, &e->error);
	else
		present_error(app, &e->error);
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
		queued_done(&t->queue[i]);
	free(t->queue);
	*t = (struct talk){0};
}
