/* verdict.c: see app.h. Compares token ids; text is only made of the two that differ. Pure. */
#include "config.h"

#include "app.h"

#include <string.h>

#include "base/buf.h"
#include "base/text.h"

/* An end that the model chose is a choice too: one token more must be asked for to see it. */
int
verdict_n_wanted(const struct message *m)
{
	if (m->role != ROLE_ANSWER || m->n_prompt == 0)
		return 0;
	return m->n_ids - m->n_given + (m->stop == STOP_EOS);
}

static float
margin_of(const struct token *t)
{
	return t->n_best >= 2 ? t->best[0].logprob - t->best[1].logprob : -1;
}

void
verdict_compare(struct verdict *v, const struct message *m, const struct token *tokens, int n)
{
	const int32_t *ids = m->ids + m->n_given;
	int n_wanted = verdict_n_wanted(m);

	*v = (struct verdict){ .kind = n_wanted ? VERDICT_SAME : VERDICT_NOTHING, .n = m->n_ids - m->n_given,
		.was = -1, .now = -1, .margin = -1 };
	for (int i = 0; i < n_wanted; i++) {
		int32_t was = i < v->n ? ids[i] : -1, now = i < n ? tokens[i].id : -1;

		if (was == now)
			continue;
		v->kind = VERDICT_DIFFERS;
		v->at = i;
		v->was = was;
		v->now = now;
		v->margin = i < n ? margin_of(&tokens[i]) : -1;
		return;
	}
}

/* ---- in words */

static const char *const others[N_OTHERS] = { "model", "build", "gpu", "prompt", "context" };

const char *
verdict_other_name(int bit)
{
	return others[bit];
}

static void
add_others(struct buf *out, unsigned other)
{
	const char *before = "other ";

	for (int i = 0; i < N_OTHERS; i++) {
		if (!(other & 1u << i))
			continue;
		buf_printf(out, "%s%s", before, others[i]);
		before = "/";
	}
	if (other)
		buf_str(out, ": ");
}

static void
add_token(struct buf *out, const struct tokenizer *t, int32_t id)
{
	struct buf bytes = {0};

	if (id < 0) {
		buf_str(out, "the end");
		return;
	}
	tokenizer_piece(t, id, false, &bytes);
	buf_char(out, '"');
	text_visible_line(out, buf_text(&bytes), bytes.n);
	buf_char(out, '"');
	buf_done(&bytes);
}

void
verdict_text(const struct verdict *v, const struct tokenizer *t, struct buf *out)
{
	add_others(out, v->other);
	if (v->kind == VERDICT_NOTHING) {
		buf_str(out, "nothing to compare: no tokens are recorded");
		return;
	}
	if (v->kind == VERDICT_SAME) {
		buf_printf(out, "same %d", v->n);
		return;
	}
	buf_printf(out, "differs at %d of %d: was ", v->at + 1, v->n);
	add_token(out, t, v->was);
	buf_str(out, " now ");
	add_token(out, t, v->now);
	if (v->margin >= 0)
		buf_printf(out, ", margin %.4f", (double)v->margin);
}
