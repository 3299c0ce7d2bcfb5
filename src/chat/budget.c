/* budget.c: what of a conversation fits into the context: what each turn takes, and which would go next. A turn is its
 * question and the answers to it; only whole turns go, oldest first, and none that is pinned. */
#include "config.h"

#include "chat/chat.h"

#include <stdlib.h>

#include "base/alloc.h"

int
budget_drop(const struct turn_size *turns, int n, int excess, int *ids)
{
	int n_ids = 0;

	for (int i = 0; i < n && excess > 0; i++)
		if (!turns[i].pinned && !turns[i].dropped) {
			ids[n_ids++] = turns[i].id;
			excess -= turns[i].n_tokens;
		}
	return excess > 0 ? -1 : n_ids;
}

/* ---- sizes */

struct counting {
	const struct card *card;
	pixels_fn pixels_of;
	void *arg;
};

/* The tokens of a turn between others: messages begin and end with tokens of their own, so that the tokens of a
 * conversation are those of its parts. `next` stands for the question after it. */
static int
count(const struct counting *how, const struct message *question, const struct message *answer, struct error *err)
{
	struct chat *c = chat_new();
	struct prompt prompt = {0};
	int n = -1;

	chat_set_system(c, "");
	if (question)
		chat_add_user(c, question->text, question->text_n, question->pics, question->n_pics);
	if (answer)
		message_set_text(chat_add_answer(c), answer->text, answer->text_n);
	chat_add_user(c, "next", 4, NULL, 0);
	if (chat_assemble(&prompt, c, c->head, how->card, how->pixels_of, how->arg, err) == 0)
		n = (int)prompt.ids.n;
	prompt_done(&prompt);
	chat_free(c);
	return n;
}

static const struct message *
answer_after(const struct chat *c, const int *ids, int n, int i)
{
	const struct message *m = i + 1 < n ? chat_message(c, ids[i + 1]) : NULL;

	return m && m->role == ROLE_ANSWER ? m : NULL;
}

/* The tokens of the turn that ids[i] begins when those of a conversation without it are `empty`; -1: they cannot be
 * counted. */
static int
measure(const struct counting *how, const struct chat *c, const int *ids, int n, int i, int empty, struct error *err)
{
	int with = count(how, chat_message(c, ids[i]), answer_after(c, ids, n, i), err);

	return with < 0 ? -1 : with - empty;
}

int
chat_measure(const struct chat *c, int place, const struct card *card, pixels_fn pixels_of, void *arg,
    struct turn_size **out, struct error *err)
{
	struct counting how = { card, pixels_of, arg };
	bool *left_out = chat_left_out(c, place);
	int *ids, n_ids = chat_branch(c, place, &ids), empty = count(&how, NULL, NULL, err), n = 0;

	*out = xcalloc((size_t)n_ids + 1, sizeof **out);
	for (int i = 0; i < n_ids && empty >= 0; i++) {
		const struct message *m = chat_message(c, ids[i]);
		int takes = 0;

		if (m->role != ROLE_USER)
			continue;
		if (!left_out[m->id])
			takes = measure(&how, c, ids, n_ids, i, empty, err);
		if (takes < 0)
			empty = -1;
		else
			(*out)[n++] = (struct turn_size){ m->id, takes, m->pinned, left_out[m->id] };
	}
	free(left_out);
	free(ids);
	if (empty >= 0)
		return n;
	free(*out);
	*out = NULL;
	return -1;
}
