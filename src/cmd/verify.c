/* verify.c: every recorded answer once more, from the same tokens, by the same stretches, with the same choices; then
 * the ids are compared. Answers of all branches, each with its own past. */
#include "config.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "base/buf.h"
#include "cmd/paint.h"
#include "cmd/repeat.h"

struct tally {
	struct repeat *repeat;
	json_t *turns;          /* NULL without --json */
	int n_same, n_differ;
	unsigned other;         /* what is another for the whole session */
};

/* ---- one answer */

static struct question
make_question(const struct message *m, struct prompt *prompt, struct verdict *v)
{
	struct question q = {
		.ticket = 1, .prompt = *prompt, .sampling = m->sampling, .n_best = 2,
		.max_tokens = verdict_n_wanted(m), .n_said = m->n_given,
	};

	*prompt = (struct prompt){0};
	v->other |= (int)q.prompt.ids.n != m->n_prompt ? OTHER_PROMPT : 0;
	v->other |= m->n_segs == 0 ? OTHER_CONTEXT : 0;
	if (v->other & (OTHER_PROMPT | OTHER_CONTEXT))
		return q;
	q.n_segs = m->n_segs;
	q.segs = malloc((size_t)m->n_segs * sizeof *q.segs);
	if (q.segs)
		memcpy(q.segs, m->segs, (size_t)m->n_segs * sizeof *q.segs);
	return q;
}

/* An answer that went on: the question, and the ids that stood already; or, when those are not known, the open text. */
static int
assemble(struct tally *t, const struct message *m, struct prompt *prompt, struct error *err)
{
	struct repeat *a = t->repeat;
	int leaf = m->cont && m->n_given == 0 ? m->cont : m->up;

	if (chat_assemble(prompt, a->chat, leaf, a->asker.card, squares_find, &a->squares, err) < 0) {
		prompt_done(prompt);
		return -1;
	}
	for (int i = 0; i < m->n_given; i++)
		ids_add(&prompt->ids, m->ids[i]);
	return 0;
}

static int
ask(struct tally *t, const struct message *m, struct verdict *v, struct reply *r, struct error *err)
{
	struct prompt prompt = {0};
	struct question q;

	if (assemble(t, m, &prompt, err) < 0)
		return -1;
	q = make_question(m, &prompt, v);
	return asker_ask_take(&t->repeat->asker, &q, NULL, NULL, r, err);
}

static unsigned
other_engine(const struct message *m, const struct reply *r)
{
	bool build = !m->build || strcmp(m->build, PACKAGE_VERSION) != 0;
	bool device = !m->device || !r->device || strcmp(m->device, r->device) != 0;

	return (build ? OTHER_BUILD : 0u) | (device ? OTHER_GPU : 0u);
}

static int
compare(struct tally *t, const struct message *m, struct verdict *v, struct error *err)
{
	struct verdict asked = {.other = t->other};
	struct reply r = {0};
	int failed;

	verdict_compare(v, m, NULL, 0);
	if (v->kind == VERDICT_NOTHING)
		return 0;
	failed = ask(t, m, &asked, &r, err);
	if (!failed) {
		verdict_compare(v, m, r.tokens, r.n_tokens);
		v->other = asked.other | other_engine(m, &r);
		t->repeat->signal = r.signal;
	}
	reply_done(&r);
	return failed;
}

/* ---- in words */

static void
print_line(const struct tally *t, const struct message *m, const struct verdict *v)
{
	const struct chat *chat = t->repeat->chat;
	const struct painter p = painter_of(t->repeat->o);
	const enum paint kind = v->kind == VERDICT_SAME ? PAINT_GOOD : v->kind == VERDICT_DIFFERS ? PAINT_BAD : PAINT_TEXT;
	struct buf line = {0};
	int *ids, n = chat_siblings(chat, m->id, &ids), k = 0;

	buf_printf(&line, "turn %d", repeat_turn(chat, m->id));
	while (k < n && ids[k] != m->id)
		k++;
	if (n > 1)
		buf_printf(&line, ", answer %d of %d", k + 1, n);
	buf_str(&line, ": ");
	buf_str(&line, paint_on(&p, kind));
	verdict_text(v, card_tokenizer(t->repeat->asker.card), &line);
	buf_str(&line, paint_off(&p, kind));
	puts(line.at);
	fflush(stdout);
	buf_done(&line);
	free(ids);
}

static json_t *
token_object(const struct tally *t, int32_t id)
{
	struct buf bytes = {0};
	json_t *token, *text;

	if (id < 0)
		return json_null();
	tokenizer_decode(card_tokenizer(t->repeat->asker.card), &id, 1, false, &bytes);
	text = json_stringn(buf_text(&bytes), bytes.n);
	token = json_pack("{s:i, s:o}", "id", (int)id, "text", text ? text : json_string(""));
	buf_done(&bytes);
	return token;
}

static void
add_object(struct tally *t, const struct message *m, const struct verdict *v)
{
	static const char *const names[] = {"same", "differs", "nothing"};
	json_t *other = json_array(), *one;

	for (int i = 0; i < N_OTHERS; i++)
		if (v->other & 1u << i)
			json_array_append_new(other, json_string(verdict_other_name(i)));
	one = json_pack("{s:i, s:i, s:s, s:i, s:o}", "turn", repeat_turn(t->repeat->chat, m->id), "message", m->id,
	    "result", names[v->kind], "tokens", v->n, "other", other);
	if (v->kind == VERDICT_DIFFERS) {
		json_object_set_new(one, "at", json_integer(v->at + 1));
		json_object_set_new(one, "was", token_object(t, v->was));
		json_object_set_new(one, "now", token_object(t, v->now));
		json_object_set_new(one, "margin", v->margin < 0 ? json_null() : json_real((double)v->margin));
	}
	json_array_append_new(t->turns, one);
}

static void
tell(struct tally *t, const struct message *m, const struct verdict *v)
{
	t->n_same += v->kind == VERDICT_SAME;
	t->n_differ += v->kind == VERDICT_DIFFERS;
	if (t->turns)
		add_object(t, m, v);
	else
		print_line(t, m, v);
}

static void
print_object(struct tally *t)
{
	json_t *whole = json_pack("{s:i, s:s, s:i, s:i, s:O}", "v", 1, "session", t->repeat->chat->id, "same", t->n_same,
	    "differ", t->n_differ, "turns", t->turns);

	json_dumpf(whole, stdout, JSON_REAL_PRECISION(6));
	putchar('\n');
	json_decref(whole);
}

/* ---- all of them */

static unsigned
other_model(const struct repeat *a)
{
	struct error err;
	char digest[65];

	if (!a->chat->model_digest || card_digest(a->asker.card, digest, &err) < 0)
		return OTHER_MODEL;
	return strcmp(a->chat->model_digest, digest) == 0 ? 0 : OTHER_MODEL;
}

static bool
wanted(const struct repeat *a, const struct message *m)
{
	return m->role == ROLE_ANSWER && (!a->o->turn || repeat_turn(a->chat, m->id) == a->o->turn);
}

static int
each(struct tally *t, struct error *err)
{
	struct repeat *a = t->repeat;
	int n_turns = 0;

	for (int id = 1; id <= a->chat->n_messages && !a->signal; id++) {
		const struct message *m = chat_message(a->chat, id);
		struct verdict v;

		if (!wanted(a, m))
			continue;
		n_turns++;
		if (compare(t, m, &v, err) < 0)
			return -1;
		if (!a->signal)
			tell(t, m, &v);
	}
	if (n_turns == 0 && a->o->turn)
		return error_set(err, CODE_INPUT, "session %s has no answer in turn %d", a->chat->id, a->o->turn);
	return 0;
}

int
repeat_verify(struct repeat *a, struct error *err)
{
	struct tally t = {.repeat = a, .turns = a->o->json ? json_array() : NULL, .other = other_model(a)};
	int failed = each(&t, err);

	if (!failed && !a->signal && t.turns)
		print_object(&t);
	json_decref(t.turns);
	a->negative = t.n_differ > 0;
	return failed;
}
