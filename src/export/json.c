/* json.c: a whole session, all branches, in a form that programs can rely on and import.c reads back: one object, each
 * message a line. The keys of a message are those of its record, see ivchat-session(5). */
#include "config.h"

#include "export/export.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "export/internal.h"

#define FORMAT_VERSION 1

static json_t *
text_or_null(const char *s)
{
	return s ? json_string(s) : json_null();
}

/* The shortest decimal fraction that is this float again: 0.7, not 0.699999988. */
static json_t *
number(float value)
{
	char digits[32];

	for (int precision = 6; precision <= 9; precision++) {
		snprintf(digits, sizeof digits, "%.*g", precision, (double)value);
		if (strtof(digits, NULL) == value)
			break;
	}
	return json_real(strtod(digits, NULL));
}

static json_t *
numbers(const int32_t *at, int n)
{
	json_t *list = json_array();

	for (int i = 0; i < n; i++)
		json_array_append_new(list, json_integer(at[i]));
	return list;
}

static json_t *
picture(struct export *e, const struct pic *pic)
{
	json_t *o = json_pack("{s:i, s:s, s:s?, s:i, s:i, s:s?}", "n", pic->n, "sha", pic->sha, "name", pic->name, "w",
	    pic->width, "h", pic->height, "type", pic->type);
	struct buf bytes = {0}, text = {0};

	if (e->embed && export_fetch(e, pic, &bytes)) {
		base64_encode(&text, bytes.at, bytes.n);
		json_object_set_new(o, "data", json_stringn_nocheck(text.at, text.n));
	}
	buf_done(&bytes);
	buf_done(&text);
	return o;
}

static void
add_pictures(struct export *e, json_t *o, const struct message *m)
{
	json_t *list = json_array();

	for (int i = 0; i < m->n_pics; i++)
		json_array_append_new(list, picture(e, &m->pics[i]));
	json_object_set_new(o, "pics", list);
}

/* A larger seed than JSON's readers hold travels as text, as in the record. */
static json_t *
seed(uint64_t value)
{
	char digits[32];

	if (value <= INT64_MAX)
		return json_integer((json_int_t)value);
	snprintf(digits, sizeof digits, "%" PRIu64, value);
	return json_string(digits);
}

/* [KIND, BEGIN, END, TO]: how the prompt was computed, see engine.h. */
static json_t *
segments(const struct message *m)
{
	json_t *list = json_array();

	for (int i = 0; i < m->n_segs; i++) {
		const struct seg *s = &m->segs[i];

		json_array_append_new(list, json_pack("[s, i, i, i]", s->kind == SEG_DECODE ? "decode" : "prefill",
		    s->begin, s->end, s->to));
	}
	return list;
}

static void
add_answer(json_t *o, const struct message *m)
{
	const struct sampling *s = &m->sampling;

	json_object_set_new(o, "stop", json_string(stop_name(m->stop)));
	if (m->cont)
		json_object_set_new(o, "cont", json_integer(m->cont));
	json_object_set_new(o, "sampling", json_pack("{s:i, s:o, s:o, s:i, s:o}", "max_tokens", m->max_tokens, "temp",
	    number(s->temp), "top_p", number(s->top_p), "top_k", s->top_k, "repeat_penalty", number(s->repeat_penalty)));
	json_object_set_new(o, "seed", seed(s->seed));
	json_object_set_new(o, "ids", numbers(m->ids, m->n_ids));
	if (m->ms)
		json_object_set_new(o, "ms", numbers(m->ms, m->n_ids));
	if (m->build)
		json_object_set_new(o, "build", json_string(m->build));
	if (m->device)
		json_object_set_new(o, "gpu", json_string(m->device));
	if (m->n_given)
		json_object_set_new(o, "given", json_integer(m->n_given));
	if (m->edited)
		json_object_set_new(o, "edited", json_true());
	if (m->n_prompt > 0) {
		json_object_set_new(o, "prompt", json_integer(m->n_prompt));
		json_object_set_new(o, "reused", json_integer(m->n_reused));
	}
	if (m->n_segs > 0)
		json_object_set_new(o, "segs", segments(m));
}

static json_t *
message(struct export *e, const struct message *m)
{
	json_t *o = json_pack("{s:i, s:i, s:s, s:s}", "id", m->id, "up", m->up, "role",
	    m->role == ROLE_USER ? "user" : "answer", "at", m->at);

	if (m->role == ROLE_USER)
		add_pictures(e, o, m);
	if (m->pinned)
		json_object_set_new(o, "pinned", json_true());
	if (m->role == ROLE_ANSWER)
		add_answer(o, m);
	json_object_set_new(o, "text", json_stringn(m->text, m->text_n));
	return o;
}

static json_t *
systems(const struct chat *c)
{
	json_t *list = json_array();

	for (int i = 0; i < c->n_systems; i++)
		json_array_append_new(list, json_pack("{s:i, s:o}", "up", c->systems[i].up, "text",
		    text_or_null(c->systems[i].text)));
	return list;
}

static json_t *
drops(const struct chat *c)
{
	json_t *list = json_array();

	for (int i = 0; i < c->n_drops; i++)
		json_array_append_new(list, json_pack("{s:i, s:b, s:o}", "up", c->drops[i].up, "on", !c->drops[i].back,
		    "ids", numbers(c->drops[i].ids, c->drops[i].n)));
	return list;
}

static json_t *
notes(const struct chat *c)
{
	json_t *list = json_array();

	for (int i = 0; i < c->n_notes; i++)
		json_array_append_new(list, json_pack("{s:i, s:s, s:o}", "up", c->notes[i].up, "at", c->notes[i].at, "text",
		    json_stringn(c->notes[i].text, c->notes[i].text_n)));
	return list;
}

static json_t *
tags(const struct chat *c)
{
	json_t *list = json_array();

	for (int i = 0; i < c->tags.n; i++)
		json_array_append_new(list, json_string(c->tags.at[i]));
	return list;
}

static json_t *
session(const struct chat *c)
{
	return json_pack("{s:i, s:s, s:s, s:s?, s:o, s:{s:s?, s:s?}, s:s?, s:i, s:o, s:o, s:o}", "ivchat", FORMAT_VERSION, "id", c->id,
	    "made", c->made, "name", c->name, "tags", tags(c), "model", "name", c->model_name, "digest",
	    c->model_digest, "origin", c->origin, "head", c->head, "systems", systems(c), "drops", drops(c),
	    "notes", notes(c));
}

static void
put_json(struct buf *out, json_t *value)
{
	char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));

	buf_str(out, text ? text : "null");
	free(text);
}

static int
write_json(struct export *e, struct buf *out, struct error *err)
{
	json_t *object = session(e->chat), *value;
	const char *key;

	(void)err;
	buf_str(out, "{\n");
	json_object_foreach(object, key, value) {
		buf_printf(out, "\"%s\": ", key);
		put_json(out, value);
		buf_str(out, ",\n");
	}
	buf_str(out, "\"messages\": [");
	for (int i = 0; i < e->chat->n_messages; i++) {
		json_t *m = message(e, &e->chat->messages[i]);

		buf_str(out, i > 0 ? ",\n" : "\n");
		put_json(out, m);
		json_decref(m);
	}
	buf_str(out, "\n]\n}\n");
	json_decref(object);
	return 0;
}

const struct export_format export_json = { "json", NULL, write_json };
