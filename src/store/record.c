/* record.c: see record.h. Written by hand, so that the order of keys and the bytes of the text are certain; read by
 * jansson. A line comes from a disk, and perhaps from an editor: every number is doubted before it is used. */
#include "config.h"

#include "store/record.h"

#include <ctype.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"

#define MAX_MODEL_NAME 256      /* keeps the first line under 1 KiB */
#define MAX_GAP 16

/* ---- writing */

static void
put_escaped(struct buf *out, int32_t cp)
{
	switch (cp) {
	case '"': buf_str(out, "\\\""); break;
	case '\\': buf_str(out, "\\\\"); break;
	case '\n': buf_str(out, "\\n"); break;
	case '\r': buf_str(out, "\\r"); break;
	case '\t': buf_str(out, "\\t"); break;
	default: buf_printf(out, "\\u%04x", (unsigned)cp);
	}
}

static bool
needs_escape(int32_t cp)
{
	return cp < 0x20 || cp == '"' || cp == '\\' || (cp >= 0x7f && cp < 0xa0);
}

static void
put_string(struct buf *out, const char *s, size_t n)
{
	char utf8[4];

	buf_char(out, '"');
	while (n > 0) {
		int32_t cp;
		size_t taken = text_decode(s, n, &cp);

		if (needs_escape(cp))
			put_escaped(out, cp);
		else
			buf_add(out, utf8, text_encode(cp, utf8));
		s += taken;
		n -= taken;
	}
	buf_char(out, '"');
}

static void
put_key(struct buf *out, const char *key)
{
	buf_printf(out, ",\"%s\":", key);
}

static void
put_text(struct buf *out, const char *key, const char *s)
{
	put_key(out, key);
	if (s)
		put_string(out, s, strlen(s));
	else
		buf_str(out, "null");
}

/* The locale may write a comma, or another sign of several bytes, where JSON wants a point. */
static void
put_float(struct buf *out, const char *key, float value)
{
	char digits[32];
	bool in_point = false;

	put_key(out, key);
	snprintf(digits, sizeof digits, "%.9g", isfinite(value) ? (double)value : 0.0);
	for (const char *p = digits; *p; p++) {
		bool plain = isdigit((unsigned char)*p) || *p == '-' || *p == '+' || *p == 'e';

		if (plain)
			buf_char(out, *p);
		else if (!in_point)
			buf_char(out, '.');
		in_point = !plain;
	}
}

static void
put_int(struct buf *out, const char *key, long long value)
{
	put_key(out, key);
	buf_printf(out, "%lld", value);
}

static void
put_head_of(struct buf *out, const char *kind, const struct message *m)
{
	buf_printf(out, "{\"t\":\"%s\",\"id\":%d,\"up\":%d", kind, m->id, m->up);
	put_text(out, "at", m->at);
}

static void
put_tail(struct buf *out, const char *text, size_t n)
{
	put_key(out, "text");
	put_string(out, text, n);
	buf_str(out, "}\n");
}

static void
put_now(struct buf *out)
{
	char now[32];

	clock_utc(now);
	put_text(out, "at", now);
}

void
record_session(struct buf *out, const struct chat *c)
{
	const char *name = c->model_name ? c->model_name : "";
	size_t n = strlen(name) < MAX_MODEL_NAME ? strlen(name) : MAX_MODEL_NAME;

	n -= text_partial(name, n);
	buf_printf(out, "{\"t\":\"session\",\"v\":%d", RECORD_VERSION);
	put_text(out, "id", c->id);
	put_text(out, "made", c->made);
	put_text(out, "app", PACKAGE_VERSION);
	buf_str(out, ",\"model\":{\"name\":");
	put_string(out, name, n);
	put_text(out, "digest", c->model_digest);
	buf_char(out, '}');
	if (c->origin)
		put_text(out, "origin", c->origin);
	buf_str(out, "}\n");
}

static void
put_pic(struct buf *out, const struct pic *pic)
{
	buf_printf(out, "{\"n\":%d", pic->n);
	put_text(out, "sha", pic->sha);
	put_text(out, "name", pic->name);
	buf_printf(out, ",\"w\":%d,\"h\":%d", pic->width, pic->height);
	put_text(out, "type", pic->type);
	buf_char(out, '}');
}

void
record_user(struct buf *out, const struct message *m)
{
	put_head_of(out, "user", m);
	buf_str(out, ",\"pics\":[");
	for (int i = 0; i < m->n_pics; i++) {
		if (i > 0)
			buf_char(out, ',');
		put_pic(out, &m->pics[i]);
	}
	buf_char(out, ']');
	put_tail(out, m->text, m->text_n);
}

void
record_part(struct buf *out, const struct message *m, size_t from, size_t to)
{
	put_head_of(out, "part", m);
	if (m->cont)
		put_int(out, "cont", m->cont);
	put_tail(out, m->text + from, to - from);
}

static void
put_sampling(struct buf *out, const struct message *m)
{
	const struct sampling *s = &m->sampling;

	buf_printf(out, ",\"sampling\":{\"max_tokens\":%d,\"top_k\":%d", m->max_tokens, s->top_k);
	put_float(out, "temp", s->temp);
	put_float(out, "top_p", s->top_p);
	put_float(out, "repeat_penalty", s->repeat_penalty);
	buf_char(out, '}');
	/* JSON readers have 63 bits; a larger seed travels as text. */
	put_key(out, "seed");
	buf_printf(out, s->seed > INT64_MAX ? "\"%" PRIu64 "\"" : "%" PRIu64, s->seed);
}

static void
put_array(struct buf *out, const char *key, const int32_t *at, int n)
{
	put_key(out, key);
	buf_char(out, '[');
	for (int i = 0; i < n; i++)
		buf_printf(out, i ? ",%d" : "%d", (int)at[i]);
	buf_char(out, ']');
}

/* How the context was computed: [kind, from, to], and where a batch was larger than what is left of it, its end too. */
static void
put_segs(struct buf *out, const struct message *m)
{
	put_key(out, "segs");
	buf_char(out, '[');
	for (int i = 0; i < m->n_segs; i++) {
		const struct seg *s = &m->segs[i];

		buf_printf(out, "[\"%s\",%d,%d", s->kind == SEG_DECODE ? "decode" : "prefill", s->begin, s->end);
		if (s->to != s->end)
			buf_printf(out, ",%d", s->to);
		buf_str(out, "],");
	}
	if (m->n_segs == 0)
		buf_printf(out, "[\"kept\",0,%d],[\"prefill\",%d,%d],", m->n_reused, m->n_reused, m->n_prompt);
	buf_printf(out, "[\"decode\",%d,%d]]", m->n_prompt, m->n_prompt + m->n_ids - m->n_given);
}

void
record_answer(struct buf *out, const struct message *m)
{
	put_head_of(out, "answer", m);
	put_text(out, "stop", stop_name(m->stop));
	if (m->cont)
		put_int(out, "cont", m->cont);
	if (m->n_given)
		put_int(out, "given", m->n_given);
	if (m->edited)
		buf_str(out, ",\"edited\":true");
	put_sampling(out, m);
	put_array(out, "ids", m->ids, m->n_ids);
	if (m->ms)
		put_array(out, "ms", m->ms, m->n_ids);
	if (m->build)
		put_text(out, "build", m->build);
	if (m->device)
		put_text(out, "gpu", m->device);
	if (m->n_prompt > 0) {
		put_int(out, "reused", m->n_reused);
		put_segs(out, m);
	}
	put_tail(out, m->text, m->text_n);
}

void
record_head(struct buf *out, int head)
{
	buf_printf(out, "{\"t\":\"head\",\"id\":%d", head);
	put_now(out);
	buf_str(out, "}\n");
}

void
record_name(struct buf *out, const char *name)
{
	buf_str(out, "{\"t\":\"name\"");
	put_now(out);
	put_text(out, "name", name);
	buf_str(out, "}\n");
}

void
record_tag(struct buf *out, const char *tag, bool on)
{
	buf_printf(out, "{\"t\":\"tag\",\"on\":%s", on ? "true" : "false");
	put_now(out);
	put_text(out, "tag", tag);
	buf_str(out, "}\n");
}

void
record_system(struct buf *out, const struct system_change *change)
{
	buf_printf(out, "{\"t\":\"system\",\"up\":%d", change->up);
	put_now(out);
	put_text(out, "text", change->text);
	buf_str(out, "}\n");
}

void
record_drop(struct buf *out, const struct drop *drop)
{
	buf_printf(out, "{\"t\":\"drop\",\"up\":%d", drop->up);
	put_now(out);
	if (drop->back)
		buf_str(out, ",\"on\":false");
	put_array(out, "ids", drop->ids, drop->n);
	buf_str(out, "}\n");
}

void
record_note(struct buf *out, const struct note *note)
{
	buf_printf(out, "{\"t\":\"note\",\"up\":%d", note->up);
	put_text(out, "at", note->at);
	put_tail(out, note->text, note->text_n);
}

void
record_pin(struct buf *out, int id, bool on)
{
	buf_printf(out, "{\"t\":\"pin\",\"id\":%d,\"on\":%s", id, on ? "true" : "false");
	put_now(out);
	buf_str(out, "}\n");
}

/* ---- reading */

static int
get_int(const json_t *object, const char *key, int otherwise)
{
	const json_t *value = json_object_get(object, key);
	json_int_t n = json_integer_value(value);

	return json_is_integer(value) && n >= INT32_MIN && n <= INT32_MAX ? (int)n : otherwise;
}

static const char *
get_text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static void
get_time(const json_t *object, const char *key, char out[32])
{
	const char *s = get_text(object, key);

	snprintf(out, 32, "%s", s ? s : "");
}

static char *
get_copy(const json_t *object, const char *key)
{
	const char *s = get_text(object, key);

	return s ? xstrdup(s) : NULL;
}

static float
get_float(const json_t *object, const char *key, float otherwise)
{
	const json_t *value = json_object_get(object, key);

	return json_is_number(value) ? (float)json_number_value(value) : otherwise;
}

static int
read_session(struct record_reader *r, const json_t *record)
{
	const json_t *model = json_object_get(record, "model");
	int version = get_int(record, "v", 0);

	if (version < 1 || r->begun)
		return -1;
	r->begun = true;
	r->read_only = version > RECORD_VERSION;
	get_time(record, "made", r->chat->made);
	r->chat->model_name = get_copy(model, "name");
	r->chat->model_digest = get_copy(model, "digest");
	r->chat->origin = get_copy(record, "origin");
	return 0;
}

/* Lines between the last message and this one are gone. What hangs below them must stay readable: each gets an empty
 * message in its place, below the one before. More than could have been lost is a wrong number. */
static int
fill_gap(struct record_reader *r, int id)
{
	struct chat *c = r->chat;

	if (id <= c->n_messages || id - c->n_messages - 1 > r->n_bad + MAX_GAP)
		return -1;
	while (c->n_messages + 1 < id) {
		const struct message *before = chat_message(c, c->n_messages);
		enum role role = before && before->role == ROLE_USER ? ROLE_ANSWER : ROLE_USER;

		chat_add_as(c, c->n_messages + 1, c->n_messages, role)->stop = STOP_ERROR;
	}
	return 0;
}

static struct message *
add_message(struct record_reader *r, const json_t *record, enum role role)
{
	int id = get_int(record, "id", 0), up = get_int(record, "up", -1);
	struct message *m;

	if (up < 0 || up >= id || fill_gap(r, id) < 0)
		return NULL;
	m = chat_add_as(r->chat, id, up, role);
	get_time(record, "at", m->at);
	return m;
}

static void
take_text(struct message *m, const json_t *text)
{
	message_set_text(m, json_string_value(text), json_string_length(text));
}

static void
read_pic(struct chat *c, struct message *m, json_t *from)
{
	struct pic pic = {
		.n = get_int(from, "n", 0),
		.width = get_int(from, "w", 0),
		.height = get_int(from, "h", 0),
		.name = get_copy(from, "name"),
		.type = get_copy(from, "type"),
	};
	const char *sha = get_text(from, "sha");

	snprintf(pic.sha, sizeof pic.sha, "%s", sha ? sha : "");
	if (pic.n < 0 || pic.n > c->n_pics + 100000)
		pic.n = 0;
	chat_add_pic(c, m, &pic);
	free(pic.name);
	free(pic.type);
}

static int
read_user(struct record_reader *r, const json_t *record)
{
	const json_t *text = json_object_get(record, "text");
	struct message *m;
	json_t *pic;
	size_t i;

	if (!json_is_string(text) || !(m = add_message(r, record, ROLE_USER)))
		return -1;
	take_text(m, text);
	json_array_foreach(json_object_get(record, "pics"), i, pic)
		read_pic(r->chat, m, pic);
	return 0;
}

/* The answer that a part or an answer record speaks of: one that is not ended yet, or a new one. */
static struct message *
open_answer(struct record_reader *r, const json_t *record)
{
	int id = get_int(record, "id", 0);
	struct message *m;

	if (id < 1 || id > r->chat->n_messages)
		return add_message(r, record, ROLE_ANSWER);
	m = &r->chat->messages[id - 1];
	return m->role == ROLE_ANSWER && m->stop == STOP_NONE ? m : NULL;
}

static int
read_cont(const struct message *m, const json_t *record)
{
	int cont = get_int(record, "cont", 0);

	return cont > 0 && cont < m->id ? cont : 0;
}

static int
read_part(struct record_reader *r, const json_t *record)
{
	const json_t *text = json_object_get(record, "text");
	const struct message *there = chat_message(r->chat, get_int(record, "id", 0));
	struct message *m = json_is_string(text) ? open_answer(r, record) : NULL;

	if (!m)
		return there && there->role == ROLE_ANSWER ? 0 : -1;    /* void: its answer is there */
	message_append(m, json_string_value(text), json_string_length(text));
	m->cont = read_cont(m, record);
	return 0;
}

static int32_t *
read_array(const json_t *array, int *n)
{
	size_t count = json_array_size(array), i;
	int32_t *out = count ? xcalloc(count, sizeof *out) : NULL;
	json_t *value;

	json_array_foreach(array, i, value)
		out[i] = (int32_t)json_integer_value(value);
	*n = (int)count;
	return out;
}

static void
read_tokens(struct message *m, const json_t *record)
{
	int n_ms;

	m->ids = read_array(json_object_get(record, "ids"), &m->n_ids);
	m->ms = read_array(json_object_get(record, "ms"), &n_ms);
	if (n_ms == m->n_ids)
		return;
	free(m->ms);
	m->ms = NULL;
}

static void
read_sampling(struct message *m, const json_t *record)
{
	const json_t *from = json_object_get(record, "sampling"), *seed = json_object_get(record, "seed");

	m->max_tokens = get_int(from, "max_tokens", 0);
	m->sampling = (struct sampling){
		.temp = get_float(from, "temp", 0),
		.top_p = get_float(from, "top_p", 1),
		.top_k = get_int(from, "top_k", 0),
		.repeat_penalty = get_float(from, "repeat_penalty", 1),
		.seed = json_is_string(seed) ? strtoull(json_string_value(seed), NULL, 10) :
		    (uint64_t)json_integer_value(seed),
	};
}

/* False: not a stretch that this version knows. */
static bool
read_seg(struct seg *s, const json_t *from)
{
	const char *kind = json_string_value(json_array_get(from, 0));
	json_int_t begin = json_integer_value(json_array_get(from, 1)), end = json_integer_value(json_array_get(from, 2));
	json_int_t to = json_array_size(from) > 3 ? json_integer_value(json_array_get(from, 3)) : end;

	if (!kind || begin < 0 || end < begin || to < end || to > INT32_MAX)
		return false;
	*s = (struct seg){ strcmp(kind, "decode") == 0 ? SEG_DECODE : SEG_PREFILL, (int)begin, (int)end, (int)to };
	return s->kind == SEG_DECODE || strcmp(kind, "prefill") == 0;
}

static int
kept(const json_t *list)
{
	const json_t *first = json_array_get(list, 0);
	const char *kind = json_string_value(json_array_get(first, 0));
	json_int_t n = json_integer_value(json_array_get(first, 2));

	return kind && strcmp(kind, "kept") == 0 && n >= 0 && n <= INT32_MAX ? (int)n : 0;
}

/* The last stretch is the answer's own; before it stand the prompt's. An older record says only what was "kept", not
 * how that had been computed. */
static void
read_segs(struct message *m, const json_t *record)
{
	const json_t *list = json_object_get(record, "segs");
	size_t n = json_array_size(list);
	struct seg *segs = xcalloc(n + 1, sizeof *segs);
	bool known = n > 1;

	for (size_t i = 0; i < n; i++)
		known &= read_seg(&segs[i], json_array_get(list, i));
	if (known)
		message_set_segs(m, segs, (int)n - 1);
	if (n > 1)
		m->n_prompt = segs[n - 2].end;
	m->n_reused = get_int(record, "reused", known ? segs[n - 2].begin : kept(list));
	free(segs);
}

static int
read_given(const struct message *m, const json_t *record)
{
	int n = get_int(record, "given", 0);

	return n >= 0 && n <= m->n_ids ? n : 0;
}

static int
read_answer(struct record_reader *r, const json_t *record)
{
	const json_t *text = json_object_get(record, "text");
	const char *stop = get_text(record, "stop");
	struct message *m = json_is_string(text) && stop ? open_answer(r, record) : NULL;

	if (!m)
		return -1;
	take_text(m, text);
	get_time(record, "at", m->at);
	m->stop = stop_from_name(stop);
	if (m->stop == STOP_NONE)
		m->stop = STOP_ERROR;   /* a reason that a later version knows */
	m->cont = read_cont(m, record);
	m->edited = json_is_true(json_object_get(record, "edited"));
	read_tokens(m, record);
	m->n_given = read_given(m, record);
	read_sampling(m, record);
	read_segs(m, record);
	m->build = get_copy(record, "build");
	m->device = get_copy(record, "gpu");
	r->chat->head = m->id;
	return 0;
}

static int
read_head(struct record_reader *r, const json_t *record)
{
	return chat_set_head(r->chat, get_int(record, "id", -1));
}

static int
read_name(struct record_reader *r, const json_t *record)
{
	const json_t *name = json_object_get(record, "name");

	if (!json_is_string(name) && !json_is_null(name))
		return -1;
	chat_set_name(r->chat, json_string_value(name));
	return 0;
}

static int
read_tag(struct record_reader *r, const json_t *record)
{
	const char *tag = get_text(record, "tag");
	const json_t *on = json_object_get(record, "on");

	if (!tag || !tag_valid(tag) || !json_is_boolean(on))
		return -1;
	tags_set(&r->chat->tags, tag, json_is_true(on));
	return 0;
}

static int
read_system(struct record_reader *r, const json_t *record)
{
	const json_t *text = json_object_get(record, "text");
	int up = get_int(record, "up", -1);     /* an answer that streams may have no record yet */

	if ((!json_is_string(text) && !json_is_null(text)) || up < 0)
		return -1;
	chat_add_system(r->chat, up, json_string_value(text));
	return 0;
}

static int
read_drop(struct record_reader *r, const json_t *record)
{
	const json_t *list = json_object_get(record, "ids");
	int up = get_int(record, "up", 0), n;
	int32_t *ids;

	if (!json_is_array(list) || up < 0)
		return -1;
	ids = read_array(list, &n);
	chat_add_drop(r->chat, up, ids, n)->back = json_is_false(json_object_get(record, "on"));
	free(ids);
	return 0;
}

static int
read_note(struct record_reader *r, const json_t *record)
{
	const json_t *text = json_object_get(record, "text");
	const char *at = get_text(record, "at");
	int up = get_int(record, "up", -1);     /* as of a system message */

	if (!json_is_string(text) || up < 0)
		return -1;
	chat_add_note(r->chat, up, at ? at : "", json_string_value(text), json_string_length(text));
	return 0;
}

static int
read_pin(struct record_reader *r, const json_t *record)
{
	int id = get_int(record, "id", 0);
	const struct message *m = chat_message(r->chat, id);
	const json_t *on = json_object_get(record, "on");

	if (!m || m->role != ROLE_USER || !json_is_boolean(on))
		return -1;
	chat_pin(r->chat, id, json_is_true(on));
	return 0;
}

static const struct {
	const char *name;
	int (*read)(struct record_reader *r, const json_t *record);
} kinds[] = {
	{ "session", read_session },
	{ "user", read_user },
	{ "part", read_part },
	{ "answer", read_answer },
	{ "head", read_head },
	{ "name", read_name },
	{ "tag", read_tag },
	{ "system", read_system },
	{ "drop", read_drop },
	{ "note", read_note },
	{ "pin", read_pin },
};

/* A kind that is not ours is skipped: a later version wrote it, and the file keeps it. */
static int
apply(struct record_reader *r, const json_t *record)
{
	const char *kind = get_text(record, "t");

	if (!kind)
		return -1;
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (strcmp(kinds[i].name, kind) == 0)
			return kinds[i].read(r, record);
	return 0;
}

int
record_read(struct record_reader *r, const char *line, size_t n)
{
	json_t *record = json_loadb(line, n, JSON_ALLOW_NUL, NULL);
	int rc = record ? apply(r, record) : -1;

	json_decref(record);
	return rc;
}
