/* verify.c: see verify.h. One answer at a time: the same tokens before it, by the same stretches, with the same choices;
 * then the ids are compared by verdict.c and a line tells. The conversation is only read; nothing that changes which one
 * is open may happen while this runs (talk_is_busy). */
#include "config.h"

#include "verify.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "internal.h"

static void
drop_tokens(struct verify *v)
{
	for (int i = 0; i < v->n_tokens; i++)
		free(v->tokens[i].best);
	free(v->tokens);
	v->tokens = NULL;
	v->n_tokens = 0;
}

void
verify_done(struct verify *v)
{
	drop_tokens(v);
	free(v->ids);
	*v = (struct verify){0};
}

static void
tell(struct app *app, const struct verdict *verdict)
{
	struct verify *v = &app->verify;
	struct buf line = {0};

	v->n_same += verdict->kind == VERDICT_SAME;
	v->n_differ += verdict->kind == VERDICT_DIFFERS;
	verdict_text(verdict, card_tokenizer(app->card), &line);
	present_note(app, "turn %d: %s", v->turn, buf_text(&line));
	buf_done(&line);
}

static void
end(struct app *app)
{
	struct verify *v = &app->verify;
	bool stopped = v->stopping;

	if (stopped)
		present_note(app, "verifying stopped");
	else if (v->n_same + v->n_differ > 1)
		present_note(app, "%d answers are the same, %d differ", v->n_same, v->n_differ);
	verify_done(v);
	ahead_forget(&app->ahead);
	ui_set_busy(app->ui, false);
	meter_touch(app);
	meter_show(app);
	if (stopped)
		talk_recall(app);
	else
		talk_next(app);
}

/* ---- asking */

/* An answer that went on: the question, and the ids that stood already; or, when those are not known, the open text. */
static int
assemble(struct app *app, const struct message *m, struct prompt *prompt, struct error *err)
{
	int leaf = m->cont && m->n_given == 0 ? m->cont : m->up;

	if (chat_assemble(prompt, app->chat, leaf, app->card, gallery_pixels, app, err) < 0) {
		prompt_done(prompt);
		return -1;
	}
	for (int i = 0; i < m->n_given; i++)
		ids_add(&prompt->ids, m->ids[i]);
	return 0;
}

static unsigned
others(const struct app *app, const struct message *m, const struct prompt *prompt)
{
	char digest[65];
	struct error err;
	bool model = app->chat->model_digest && card_digest(app->card, digest, &err) == 0 &&
	    strcmp(app->chat->model_digest, digest) == 0;
	bool device = m->device && app->device && strcmp(m->device, app->device) == 0;

	return (model ? 0u : OTHER_MODEL) | (device ? 0u : OTHER_GPU) |
	    (m->build && strcmp(m->build, PACKAGE_VERSION) == 0 ? 0u : OTHER_BUILD) |
	    ((int)prompt->ids.n == m->n_prompt ? 0u : OTHER_PROMPT) | (m->n_segs > 0 ? 0u : OTHER_CONTEXT);
}

static void
take_segs(struct question *q, const struct message *m)
{
	q->segs = xreallocarray(NULL, (size_t)m->n_segs, sizeof *q->segs);
	memcpy(q->segs, m->segs, (size_t)m->n_segs * sizeof *q->segs);
	q->n_segs = m->n_segs;
}

static int
ask(struct app *app, const struct message *m, struct error *err)
{
	struct verify *v = &app->verify;
	struct prompt prompt = {0};
	struct question q;

	if (assemble(app, m, &prompt, err) < 0)
		return -1;
	v->ticket = ++app->talk.ticket;
	v->other = others(app, m, &prompt);
	q = (struct question){ .ticket = v->ticket, .prompt = prompt, .sampling = m->sampling, .n_best = 2,
		.max_tokens = verdict_n_wanted(m), .n_said = m->n_given };
	if (!(v->other & (OTHER_PROMPT | OTHER_CONTEXT)))
		take_segs(&q, m);
	link_ask_take(app->link, &q);
	return 0;
}

static bool
is_wanted(struct verify *v, const struct message *m)
{
	v->turn += m->role == ROLE_USER;
	return m->role == ROLE_ANSWER && (!v->only || v->turn == v->only);
}

/* Up to the next answer that has to be computed, or the end. */
static void
go_on(struct app *app)
{
	struct verify *v = &app->verify;
	struct verdict nothing;
	struct error err;

	for (; v->at < v->n && !v->stopping; v->at++) {
		const struct message *m = chat_message(app->chat, v->ids[v->at]);

		if (!is_wanted(v, m))
			continue;
		if (verdict_n_wanted(m) == 0) {
			verdict_compare(&nothing, m, NULL, 0);
			tell(app, &nothing);
		} else if (ask(app, m, &err) == 0) {
			return;
		} else {
			present_error(app, &err);
		}
	}
	end(app);
}

int
verify_begin(struct app *app, int turn, struct error *err)
{
	struct verify *v = &app->verify;
	int n_wanted = 0;

	if (talk_check_free(app, err) != 0)
		return -1;
	v->only = turn;
	v->n = chat_branch(app->chat, app->chat->head, &v->ids);
	for (int i = 0; i < v->n; i++)
		n_wanted += is_wanted(v, chat_message(app->chat, v->ids[i]));
	if (n_wanted == 0) {
		verify_done(v);
		return turn ? error_set(err, CODE_INPUT, "there is no answer in turn %d", turn) :
		    error_set(err, CODE_INPUT, "there is no answer yet");
	}
	v->turn = 0;
	v->running = true;
	ui_set_busy(app->ui, true);
	meter_show(app);
	go_on(app);
	return 0;
}

/* ---- what comes */

static void
take_tokens(struct verify *v, struct event *e)
{
	v->tokens = xreallocarray(v->tokens, (size_t)(v->n_tokens + e->n_tokens) + 1, sizeof *v->tokens);
	for (int i = 0; i < e->n_tokens; i++) {
		v->tokens[v->n_tokens++] = e->tokens[i];
		e->tokens[i].best = NULL;
	}
}

static void
take_end(struct app *app)
{
	struct verify *v = &app->verify;
	struct verdict verdict;

	if (!v->stopping) {
		verdict_compare(&verdict, chat_message(app->chat, v->ids[v->at]), v->tokens, v->n_tokens);
		verdict.other = v->other;
		tell(app, &verdict);
	}
	drop_tokens(v);
	v->at++;
	go_on(app);
}

bool
verify_event(struct app *app, struct event *e)
{
	struct verify *v = &app->verify;

	if (!v->running || e->ticket != v->ticket)
		return false;
	take_tokens(v, e);
	if (e->kind == EVENT_FAILED) {
		if (e->error.code == CODE_ENGINE)
			app->engine = ENGINE_LOST;
		present_error(app, &e->error);
		v->stopping = true;
	}
	if (e->kind == EVENT_DONE || e->kind == EVENT_FAILED)
		take_end(app);
	return true;
}

void
verify_stop(struct app *app)
{
	app->verify.stopping = true;
	link_stop(app->link);
}
