/* report.c: an answer as JSON: one object (--json), or a line an event (--stream-json). The keys are
 * documented in the manual; new ones may come, none goes. */
#include "config.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cmd/ask.h"

/* The shortest decimal that is this float, so that 0.7 prints as 0.7. */
static json_t *
number(float x)
{
	char digits[32];

	snprintf(digits, sizeof digits, "%.7g", (double)x);
	return json_real(strtod(digits, NULL));
}

/* The bytes of one token may be half a character: JSON gets U+FFFD for it. */
static json_t *
piece(const struct ask *a, int32_t id)
{
	struct buf bytes = {0}, text = {0};
	json_t *s;

	tokenizer_piece(card_tokenizer(a->card), id, false, &bytes);
	for (size_t i = 0; i < bytes.n;) {
		int32_t cp;
		char out[4];

		i += text_decode(bytes.at + i, bytes.n - i, &cp);
		buf_add(&text, out, text_encode(cp, out));
	}
	s = json_stringn(buf_text(&text), text.n);
	buf_done(&bytes);
	buf_done(&text);
	return s;
}

static json_t *
token_ids(const struct reply *r)
{
	json_t *list = json_array();

	for (int i = 0; i < r->n_tokens; i++)
		json_array_append_new(list, json_integer(r->tokens[i].id));
	return list;
}

static json_t *
prompt_ids(const struct ids *ids)
{
	json_t *list = json_array();

	for (size_t i = 0; i < ids->n; i++)
		json_array_append_new(list, json_integer(ids->at[i]));
	return list;
}

static json_t *
scored(const struct ask *a, int32_t id, float logprob)
{
	return json_pack("{s:i, s:o, s:o}", "id", (int)id, "text", piece(a, id), "logprob", number(logprob));
}

static json_t *
logprobs(const struct ask *a)
{
	json_t *list = json_array();

	for (int i = 0; i < a->reply.n_tokens; i++) {
		const struct token *t = &a->reply.tokens[i];
		json_t *one = scored(a, t->id, t->logprob), *best = json_array();

		for (int k = 0; k < t->n_best; k++)
			json_array_append_new(best, scored(a, t->best[k].id, t->best[k].logprob));
		json_object_set_new(one, "best", best);
		json_array_append_new(list, one);
	}
	return list;
}

static json_t *
pictures(const struct ask *a)
{
	const struct message *m = chat_message(a->place.chat, a->place.first);
	json_t *list = json_array();

	for (int i = 0; m && i < m->n_pics; i++)
		json_array_append_new(list,
		    json_pack("{s:i, s:s}", "n", m->pics[i].n, "sha", m->pics[i].sha));
	return list;
}

static json_t *
sampling(const struct sampling *s)
{
	return json_pack("{s:o, s:o, s:i, s:o, s:I}", "temp", number(s->temp), "top_p", number(s->top_p),
	    "top_k", s->top_k, "repeat_penalty", number(s->repeat_penalty), "seed", (json_int_t)s->seed);
}

static json_t *
speed(const struct reply *r)
{
	int ms = r->ms_total - r->ms_first;
	double rate = r->n_tokens > 1 && ms > 0 ? (r->n_tokens - 1) * 1000.0 / ms : 0;

	return number((float)rate);
}

/* null: nothing is kept, or the disk would not have it. */
static json_t *
session(const struct ask *a)
{
	return a->place.writer && a->place.chat->id[0] ? json_string(a->place.chat->id) : json_null();
}

/* Everything that is known at the end but the text itself. */
void
report_add_figures(json_t *to, const struct ask *a)
{
	const struct reply *r = &a->reply;

	json_object_set_new(to, "stop", json_string(stop_name(r->stop)));
	json_object_set_new(to, "tokens", json_pack("{s:i, s:i, s:i, s:i}", "prompt", a->n_prompt, "pictures",
	    a->n_picture_tokens, "answer", r->n_tokens, "reused", r->sync.n_reused));
	json_object_set_new(to, "ms",
	    json_pack("{s:i, s:i, s:i, s:i}", "load", r->ms_load, "prefill", r->ms_prefill, "first",
	        r->ms_first, "total", r->ms_total));
	json_object_set_new(to, "tokens_per_s", speed(r));
	json_object_set_new(to, "model", json_string(card_info(a->card)->name));
	json_object_set_new(to, "sampling", sampling(&a->sampling));
	json_object_set_new(to, "pictures", pictures(a));
	json_object_set_new(to, "ids", token_ids(r));
	if (a->o->prompt_ids)
		json_object_set_new(to, "prompt_ids", prompt_ids(&a->prompt_ids));
	if (a->o->logprobs)
		json_object_set_new(to, "logprobs", logprobs(a));
}

static json_t *
head(const struct ask *a, const char *event)
{
	json_t *to = json_object();

	if (event)
		json_object_set_new(to, "e", json_string(event));
	json_object_set_new(to, "v", json_integer(1));
	json_object_set_new(to, "session", session(a));
	json_object_set_new(to, "turn", json_integer(chat_n_turns(a->place.chat)));
	return to;
}

static int
print(struct ask *a, json_t *object, struct error *err)
{
	char *line = json_dumps(object, JSON_REAL_PRECISION(9));
	int failed = output_text(&a->out, line, strlen(line), err);

	if (!failed)
		failed = output_end_line(&a->out, err);
	free(line);
	json_decref(object);
	return failed;
}

int
report_whole(struct ask *a, struct error *err)
{
	json_t *object = head(a, NULL);

	json_object_set_new(object, "text", json_stringn(buf_text(&a->reply.text), a->reply.text.n));
	report_add_figures(object, a);
	return print(a, object, err);
}

int
report_start(struct ask *a, struct error *err)
{
	json_t *object = head(a, "start");

	json_object_set_new(object, "model", json_string(card_info(a->card)->name));
	return print(a, object, err);
}

int
report_text(struct ask *a, const char *text, size_t n, struct error *err)
{
	return n == 0 ? 0 : print(a, json_pack("{s:s, s:o}", "e", "text", "s", json_stringn(text, n)), err);
}

int
report_end(struct ask *a, struct error *err)
{
	json_t *object = head(a, "end");

	json_object_set_new(object, "text", json_stringn(buf_text(&a->reply.text), a->reply.text.n));
	report_add_figures(object, a);
	return print(a, object, err);
}

int
report_error(struct ask *a, const struct error *what, struct error *err)
{
	return print(a,
	    json_pack("{s:s, s:i, s:s}", "e", "error", "code", (int)what->code, "message", what->what), err);
}
