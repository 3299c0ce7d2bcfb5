/* again.c: another answer to a question, and an answer that goes on. Both make a new message: the old answer stays as a
 * branch, or as the shorter one that the new one continues. */
#include "config.h"

#include "again.h"

#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* ---- another answer */

/* Whether these settings choose the same tokens again: greedy, or the same seed. */
static bool
repeats(const struct app *app, const struct message *old, float temp)
{
	const struct sampling *a = &old->sampling, *b = &app->sampling;

	if (old->edited || a->temp != temp || a->repeat_penalty != b->repeat_penalty)
		return false;
	if (old->stop != STOP_EOS && (old->stop != STOP_LENGTH || old->max_tokens != app->max_tokens))
		return false;
	return temp == 0 || (app->seed_set && a->seed == b->seed && a->top_p == b->top_p && a->top_k == b->top_k);
}

/* The answer to this question on the current branch. */
static const struct message *
answer_to(const struct app *app, int question)
{
	const struct message *m = chat_message(app->chat, app->chat->head);

	while (m && m->up != question)
		m = chat_message(app->chat, m->up);
	return m && m->role == ROLE_ANSWER ? m : NULL;
}

static int
check_different(const struct app *app, int question, float temp, struct error *err)
{
	const struct message *old = answer_to(app, question);

	if (temp < 0)
		temp = app->sampling.temp;
	if (!old || !repeats(app, old, temp))
		return 0;
	error_set(err, CODE_INPUT, "the result would be the same: %s",
	    temp == 0 ? "decoding is greedy (temp 0)" : "the seed is set");
	return error_hint(err, temp == 0 ? "/regen 0.7, a temperature for this once" : "/set seed random");
}

static int
answer_prompt(struct app *app, struct prompt *out, int leaf, struct error *err)
{
	if (chat_assemble(out, app->chat, leaf, app->card, gallery_pixels, app, err) == 0 && room_check(app, out, err) == 0)
		return 0;
	prompt_done(out);
	return -1;
}

/* The branch ends in this question now. */
static void
go_back_to(struct app *app, int question)
{
	const struct message *old = answer_to(app, question);

	if (old && present_entry(app, old->id))
		present_cut(app, old->id);
	chat_set_head(app->chat, question);
	if (!present_entry(app, question))
		talk_repaint(app);
}

int
again_regen(struct app *app, int id, float temp, struct error *err)
{
	int question = chat_question_of(app->chat, id);
	struct prompt prompt = {0};
	struct message *m;

	if (!question)
		return error_set(err, CODE_INPUT, "there is no question yet");
	if (check_different(app, question, temp, err) != 0 || talk_check_free(app, err) != 0 ||
	    answer_prompt(app, &prompt, question, err) != 0)
		return -1;
	go_back_to(app, question);
	m = chat_add_answer(app->chat);
	talk_start(app, m, present_answer(app, m), &prompt, 0, temp);
	return 0;
}

/* ---- going on */

static int
check_unfinished(const struct app *app, int id, struct error *err)
{
	const struct message *m = chat_message(app->chat, id);

	if (!m || m->role != ROLE_ANSWER) {
		error_set(err, CODE_INPUT, "there is no answer to go on with");
		return m ? error_hint(err, "/regen answers the question") : -1;
	}
	if (id != app->chat->head) {
		error_set(err, CODE_INPUT, "only the last answer can go on");
		return error_hint(err, "/fork makes a session that ends in this one");
	}
	if (m->stop == STOP_EOS)
		return error_set(err, CODE_INPUT, "this answer is complete: the model ended it itself");
	return 0;
}

/* What the worker has given out when these are its tokens. `all`: with what it holds back at the end. */
static void
spell(const struct app *app, const struct message *m, bool all, struct buf *out)
{
	struct buf held = {0};
	struct stream stream;

	stream_init(&stream, card_tokenizer(app->card));
	for (int i = 0; i < m->n_ids; i++)
		stream_push(&stream, m->ids[i], out);
	stream_finish(&stream, all ? out : &held);
	buf_done(&held);
}

static bool
ids_spell_text(const struct app *app, const struct message *m)
{
	struct buf text = {0};
	bool same;

	spell(app, m, true, &text);
	same = m->n_ids > 0 && text.n == m->text_n && memcmp(buf_text(&text), m->text, text.n) == 0;
	buf_done(&text);
	return same;
}

/* The question's prompt and the very tokens of the answer. */
static int
prompt_by_ids(struct app *app, const struct message *m, struct prompt *out, struct error *err)
{
	if (chat_assemble(out, app->chat, m->up, app->card, gallery_pixels, app, err) != 0)
		return -1;
	for (int i = 0; i < m->n_ids; i++)
		ids_add(&out->ids, m->ids[i]);
	return m->n_ids;
}

/* The answer's words as a prompt spells them: how many tokens they are is what the question's prompt lacks. */
static int
prompt_by_text(struct app *app, const struct message *m, struct prompt *out, struct error *err)
{
	struct prompt question = {0};
	size_t same = 0;

	if (chat_assemble(&question, app->chat, m->up, app->card, gallery_pixels, app, err) != 0)
		return -1;
	if (chat_assemble(out, app->chat, m->id, app->card, gallery_pixels, app, err) != 0) {
		prompt_done(&question);
		return -1;
	}
	while (same < question.ids.n && same < out->ids.n && question.ids.at[same] == out->ids.at[same])
		same++;
	prompt_done(&question);
	return (int)(out->ids.n - same);
}

/* The text to go on from is what the worker will have given out for these tokens; of words without tokens, the words,
 * and their tokens are the prompt's. */
static void
begin_from(struct app *app, struct message *m, bool by_ids, const struct prompt *prompt, int n_said)
{
	struct buf text = {0};

	if (by_ids) {
		spell(app, m, false, &text);
		message_set_text(m, buf_text(&text), text.n);
		buf_done(&text);
		return;
	}
	m->n_ids = 0;
	for (int i = 0; i < n_said; i++)
		message_add_id(m, prompt->ids.at[prompt->ids.n - (size_t)(n_said - i)], 0);
	m->n_given = n_said;
}

int
again_continue(struct app *app, int id, struct error *err)
{
	const struct message *old = chat_message(app->chat, id);
	struct prompt prompt = {0};
	struct message *m;
	int n_said, entry;
	bool by_ids;

	if (check_unfinished(app, id, err) != 0 || talk_check_free(app, err) != 0)
		return -1;
	by_ids = ids_spell_text(app, old);
	n_said = by_ids ? prompt_by_ids(app, old, &prompt, err) : prompt_by_text(app, old, &prompt, err);
	if (n_said < 0 || room_check(app, &prompt, err) != 0) {
		prompt_done(&prompt);
		return -1;
	}
	m = chat_add_continued(app->chat, id);
	begin_from(app, m, by_ids, &prompt, n_said);
	entry = present_entry(app, id);
	present_claim(app, entry, m->id);
	ui_set_text(app->ui, entry, m->text, m->text_n);
	ui_set_mark(app->ui, entry, NULL);
	talk_start(app, m, entry, &prompt, n_said, -1);
	return 0;
}
