/* rerun.c: every question of a branch answered again, into a session of its own. With the recorded answers as the past
 * (the default) the turns do not depend on each other: the new session holds the old branch, and each new answer stands
 * beside the old one. With the new answers as the past it is a conversation of its own. */
#include "config.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "base/alloc.h"
#include "base/text.h"
#include "cmd/repeat.h"
#include "cmd/cmd.h"
#include "cmd/paint.h"
#include "cmd/worddiff.h"

struct rerun {
	struct repeat *repeat;
	struct chat *old;       /* the branch by itself */
	struct chat *chat;      /* the new session */
	int *ids;               /* [old->n_messages + 1]: ids in it */
	struct session *writer; /* NULL: --no-save */
	json_t *turns;          /* NULL without --json */
};

/* ---- how each answer is to be chosen: as recorded, but for the options given */

static void
take_options(struct message *m, const struct options *o)
{
	if (o->temp_set)
		m->sampling.temp = o->temp;
	if (o->top_p_set)
		m->sampling.top_p = o->top_p;
	if (o->top_k_set)
		m->sampling.top_k = o->top_k;
	if (o->repeat_penalty_set)
		m->sampling.repeat_penalty = o->repeat_penalty;
	if (o->seed_set)
		m->sampling.seed = o->seed;
	if (o->max_tokens_set)
		m->max_tokens = o->max_tokens;
}

/* old: the recorded answer, or NULL where the question had none. */
static void
choose_sampling(struct message *m, const struct message *old, const struct options *o)
{
	if (old && old->max_tokens > 0) {
		m->sampling = old->sampling;
		m->max_tokens = old->max_tokens;
	} else {
		m->sampling = (struct sampling){o->temp, o->top_p, o->top_k, o->repeat_penalty, o->seed};
		m->sampling.seed = o->seed_set ? o->seed : asker_random_seed();
		m->max_tokens = o->max_tokens;
	}
	take_options(m, o);
}

/* ---- one answer */

static int
hear(void *arg, const struct event *e, struct error *err)
{
	struct rerun *r = arg;
	struct message *m = &r->chat->messages[r->chat->n_messages - 1];

	message_append(m, e->text, e->text_n);
	for (int i = 0; i < e->n_tokens; i++)
		message_add_id(m, e->tokens[i].id, e->tokens[i].ms);
	return r->writer ? session_put_part(r->writer, m, err) : 0;
}

static int
make_question(struct rerun *r, int question, const struct message *old, struct question *q, struct error *err)
{
	struct repeat *a = r->repeat;
	struct message wish = {0};

	*q = (struct question){.ticket = 1};
	choose_sampling(&wish, old, a->o);
	q->sampling = wish.sampling;
	q->max_tokens = wish.max_tokens;
	if (chat_assemble(&q->prompt, r->chat, question, a->asker.card, squares_find, &a->squares, err) == 0 &&
	    asker_has_room(&a->asker, (int)q->prompt.ids.n, q->max_tokens, err))
		return 0;
	prompt_done(&q->prompt);
	return -1;
}

static void
describe(struct message *m, const struct question *q, const struct reply *reply)
{
	m->stop = reply->stop;
	m->sampling = q->sampling;
	m->max_tokens = q->max_tokens;
	m->n_prompt = reply->sync.n_prompt;
	m->n_reused = reply->sync.n_reused;
	message_set_segs(m, reply->segs, reply->n_segs);
	m->build = xstrdup(PACKAGE_VERSION);
	m->device = reply->device ? xstrdup(reply->device) : NULL;
}

/* Asks the question (its id in the new session) and leaves the answer at the head. */
static int
ask(struct rerun *r, int question, const struct message *old, struct error *err)
{
	struct reply reply = {0};
	struct question q, asked;
	struct message *m;
	int failed;

	if (make_question(r, question, old, &q, err) < 0)
		return -1;
	asked = q;
	chat_set_head(r->chat, question);
	chat_add_answer(r->chat);
	failed = asker_ask_take(&r->repeat->asker, &q, hear, r, &reply, err);
	m = &r->chat->messages[r->chat->n_messages - 1];
	describe(m, &asked, &reply);
	r->repeat->signal = reply.signal;
	reply_done(&reply);
	if (r->writer && session_put_answer(r->writer, m, failed ? NULL : err) < 0)
		failed = -1;
	return failed;
}

/* ---- in words */

static bool
same_text(const struct message *a, const struct message *b)
{
	return a && a->text_n == b->text_n && memcmp(a->text, b->text, b->text_n) == 0;
}

/* As the painter has texts. */
static void
add_text(const struct painter *p, const struct message *m, struct buf *out)
{
	if (m && p->visible)
		text_visible(out, m->text, m->text_n);
	else if (m)
		buf_add(out, m->text, m->text_n);
}

static void
print_diff(const struct painter *p, const struct message *old, const struct message *m)
{
	char gone[16], gone_end[16], new[16], new_end[16];
	const struct worddiff_marks marks = { gone, gone_end, new, new_end };
	struct buf was = {0}, now = {0}, diff = {0};

	snprintf(gone, sizeof gone, "%s[-", paint_on(p, PAINT_BAD));
	snprintf(gone_end, sizeof gone_end, "-]%s", paint_off(p, PAINT_BAD));
	snprintf(new, sizeof new, "%s{+", paint_on(p, PAINT_GOOD));
	snprintf(new_end, sizeof new_end, "+}%s", paint_off(p, PAINT_GOOD));
	add_text(p, old, &was);
	add_text(p, m, &now);
	worddiff(&diff, buf_text(&was), was.n, buf_text(&now), now.n, &marks);
	fwrite(buf_text(&diff), 1, diff.n, stdout);
	puts("\n");
	buf_done(&was);
	buf_done(&now);
	buf_done(&diff);
}

static void
print_turn(const struct rerun *r, int turn, const struct message *old, const struct message *m)
{
	const struct painter p = painter_of(r->repeat->o);
	bool same = same_text(old, m);

	printf("%sturn %d: %s%s\n", paint_on(&p, PAINT_HEAD), turn, !old ? "new" : same ? "same text" : "other text",
	    paint_off(&p, PAINT_HEAD));
	if (r->repeat->o->diff)
		print_diff(&p, old, m);
	fflush(stdout);
}

static void
add_object(struct rerun *r, int turn, const struct message *old, const struct message *m)
{
	json_t *one = json_pack("{s:i, s:i, s:b, s:s, s:i}", "turn", turn, "message", m->id, "same", same_text(old, m),
	    "stop", stop_name(m->stop), "tokens", m->n_ids);
	struct buf diff = {0};

	json_object_set_new(one, "was", old ? json_stringn(old->text, old->text_n) : json_null());
	json_object_set_new(one, "text", json_stringn(m->text, m->text_n));
	if (r->repeat->o->diff) {
		worddiff(&diff, old ? old->text : "", old ? old->text_n : 0, m->text, m->text_n,
		    &worddiff_plain);
		json_object_set_new(one, "diff", json_stringn(buf_text(&diff), diff.n));
	}
	buf_done(&diff);
	json_array_append_new(r->turns, one);
}

static void
tell(struct rerun *r, int turn, const struct message *old)
{
	const struct message *m = chat_message(r->chat, r->chat->n_messages);

	if (r->turns)
		add_object(r, turn, old, m);
	else
		print_turn(r, turn, old, m);
}

static void
tell_end(const struct rerun *r)
{
	json_t *whole;

	if (!r->turns) {
		if (r->writer)
			printf("session %s\n", r->chat->id);
		return;
	}
	whole = json_pack("{s:i, s:s?, s:s?, s:O}", "v", 1, "session", r->writer ? r->chat->id : NULL, "origin",
	    r->chat->origin, "turns", r->turns);
	json_dumpf(whole, stdout, 0);
	putchar('\n');
	json_decref(whole);
}

/* ---- all of them */

/* The answer that the branch has to its question, or NULL. */
static const struct message *
answer_to(const struct chat *old, int question)
{
	const struct message *next = chat_message(old, question + 1);

	return next && next->role == ROLE_ANSWER ? next : NULL;
}

static int
put_systems(struct rerun *r, int old_up, struct error *err)
{
	int rc = 0;

	for (int i = 0; i < r->old->n_systems && rc == 0; i++) {
		if (r->old->systems[i].up != old_up)
			continue;
		chat_add_system(r->chat, r->ids[old_up], r->old->systems[i].text);
		if (r->writer)
			rc = session_put_system(r->writer, &r->chat->systems[r->chat->n_systems - 1], err);
	}
	return rc;
}

static int
say_again(struct rerun *r, const struct message *question, struct error *err)
{
	const struct message *m = chat_add_user(r->chat, question->text, question->text_n, question->pics,
	    question->n_pics);

	r->ids[question->id] = m->id;
	return r->writer ? session_put_user(r->writer, m, err) : 0;
}

/* A conversation of its own: what a message of the old branch changed is changed at its place in the new one. */
static int
run_new(struct rerun *r, struct error *err)
{
	int turn = 0, rc = put_systems(r, 0, err);

	if (rc == 0 && r->writer && r->chat->name)
		rc = session_put_name(r->writer, r->chat->name, err);
	for (int id = 1; id <= r->old->n_messages && rc == 0 && !r->repeat->signal; id++) {
		const struct message *m = chat_message(r->old, id), *old = answer_to(r->old, id);

		if (m->role == ROLE_USER && (rc = say_again(r, m, err)) == 0 &&
		    (rc = ask(r, r->ids[id], old, err)) == 0) {
			tell(r, ++turn, old);
			r->ids[old ? old->id : 0] = old ? r->chat->head : 0;
		}
		if (rc == 0)
			rc = put_systems(r, id, err);
	}
	return rc;
}

static int
run_recorded(struct rerun *r, struct error *err)
{
	int turn = 0, rc = r->writer ? session_put_chat(r->writer, r->chat, err) : 0;

	for (int id = 1; id <= r->old->n_messages && rc == 0 && !r->repeat->signal; id++) {
		const struct message *old = answer_to(r->old, id);

		if (chat_message(r->old, id)->role != ROLE_USER)
			continue;
		rc = ask(r, id, old, err);
		if (rc == 0)
			tell(r, ++turn, old);
	}
	return rc;
}

static void
set_system(struct chat *c, const char *text)
{
	for (int i = 0; i < c->n_systems; i++)
		free(c->systems[i].text);
	c->n_systems = 0;
	chat_add_system(c, 0, text);
}

static int
run_all(struct rerun *r, struct error *err)
{
	struct repeat *a = r->repeat;
	bool own = a->o->history && strcmp(a->o->history, "new") == 0;
	char digest[65];

	if (card_digest(a->asker.card, digest, err) < 0)
		return -1;
	if (a->o->system && !a->o->system_is_usual)
		set_system(r->old, a->o->system);
	r->chat = own ? chat_new() : chat_fork(r->old, r->old->head);
	free(r->chat->origin);
	free(r->chat->model_name);
	free(r->chat->model_digest);
	r->chat->origin = xstrdup(a->chat->id);
	r->chat->model_name = xstrdup(card_info(a->asker.card)->name);
	r->chat->model_digest = xstrdup(digest);
	if (!a->o->no_save)
		r->writer = session_new(a->shelf.store, r->chat);
	if (a->o->name)
		chat_set_name(r->chat, a->o->name);
	return own ? run_new(r, err) : run_recorded(r, err);
}

int
repeat_run(struct repeat *a, struct error *err)
{
	int leaf = playback_leaf(a->chat, a->o->branch), failed;
	struct rerun r = {.repeat = a, .turns = a->o->json ? json_array() : NULL};

	if (leaf <= 0)
		return error_set(err, CODE_INPUT, "session %s has no branch %d", a->chat->id, a->o->branch);
	r.old = chat_fork(a->chat, leaf);
	r.ids = xcalloc((size_t)r.old->n_messages + 1, sizeof *r.ids);
	failed = run_all(&r, err);
	if (!failed)
		tell_end(&r);
	session_close(r.writer);
	json_decref(r.turns);
	free(r.ids);
	chat_free(r.old);
	chat_free(r.chat);
	return failed;
}
