/* import_own.c: what json.c wrote. The file comes from somewhere: every value is checked for its kind and range, so that
 * what is stored is a session like one of our own. Keys that are not known are passed over. */
#include "config.h"

#include "export/import.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

#define FORMAT_VERSION 1
#define MAX_PICTURE_NUMBER 100000

/* An object of the file and where it stands: "messages[3]". */
struct object {
	struct import *im;
	const json_t *json;
	char place[64];
};

static int
wrong(const struct object *o, const char *key, const char *why)
{
	char place[128];

	snprintf(place, sizeof place, "%s%s%s", o->place, o->place[0] ? "." : "", key);
	return import_wrong(o->im, place, "%s", why);
}

/* ---- values */

/* Required, from `least` to `most`. */
static int
get_int(const struct object *o, const char *key, int least, int most, int *out)
{
	const json_t *value = json_object_get(o->json, key);
	json_int_t n = json_integer_value(value);
	char why[96];

	if (json_is_integer(value) && n >= least && n <= most) {
		*out = (int)n;
		return 0;
	}
	snprintf(why, sizeof why, "must be a whole number from %d to %d", least, most);
	return wrong(o, key, why);
}

/* Absent and null are the same. */
static const json_t *
get_optional(const struct object *o, const char *key)
{
	const json_t *value = json_object_get(o->json, key);

	return json_is_null(value) ? NULL : value;
}

static int
get_number(const struct object *o, const char *key, float *out)
{
	const json_t *value = json_object_get(o->json, key);

	*out = (float)json_number_value(value);
	return json_is_number(value) && isfinite(*out) ? 0 : wrong(o, key, "must be a number");
}

/* Optional text without NUL, copied. */
static int
get_text(const struct object *o, const char *key, char **out)
{
	const json_t *value = get_optional(o, key);

	if (!value)
		return 0;
	if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
		return wrong(o, key, "must be text without NUL");
	free(*out);
	*out = xstrdup(json_string_value(value));
	return 0;
}

/* "2026-08-23T14:15:03.120Z" */
static int
get_time(const struct object *o, const char *key, char out[32])
{
	const char *s = json_string_value(json_object_get(o->json, key));

	if (!s || strlen(s) > 31 || strspn(s, "0123456789-:.TZ") != strlen(s))
		return wrong(o, key, "must be a time: \"2026-08-23T14:15:03.120Z\"");
	memcpy(out, s, strlen(s) + 1);
	return 0;
}

static int
get_array(const struct object *o, const char *key, int32_t **out, int *n)
{
	const json_t *list = get_optional(o, key);
	json_t *value;
	size_t i;

	*n = (int)json_array_size(list);
	*out = *n ? xcalloc((size_t)*n, sizeof **out) : NULL;
	if (list && !json_is_array(list))
		return wrong(o, key, "must be a list");
	json_array_foreach(list, i, value) {
		json_int_t v = json_integer_value(value);

		if (!json_is_integer(value) || v < 0 || v > INT32_MAX)
			return wrong(o, key, "must be a list of whole numbers from 0 to 2147483647");
		(*out)[i] = (int32_t)v;
	}
	return 0;
}

/* ---- pictures */

static int
get_sha(const struct object *o, char out[65])
{
	const char *sha = json_string_value(json_object_get(o->json, "sha"));

	if (!sha || strlen(sha) != 64 || strspn(sha, "0123456789abcdef") != 64)
		return wrong(o, "sha", "must be a SHA-256 in 64 small hexadecimal digits");
	memcpy(out, sha, 65);
	return 0;
}

static int
read_data(const struct object *o, const struct pic *pic)
{
	const json_t *data = get_optional(o, "data");
	const struct picture *picture;
	char place[128];

	if (!data)
		return 0;
	if (!json_is_string(data))
		return wrong(o, "data", "must be base64");
	snprintf(place, sizeof place, "%s.data", o->place);
	picture = import_picture(o->im, place, pic->name ? pic->name : "picture", json_string_value(data),
	    json_string_length(data));
	if (!picture)
		return -1;
	return strcmp(picture->sha, pic->sha) == 0 ? 0 : wrong(o, "data", "has other bytes than its sha says");
}

static int
read_pic(const struct object *o, struct message *m)
{
	struct pic pic = {0};
	int rc = 0;

	if (get_int(o, "n", 1, MAX_PICTURE_NUMBER, &pic.n) < 0 || get_sha(o, pic.sha) < 0 ||
	    get_text(o, "name", &pic.name) < 0 || get_text(o, "type", &pic.type) < 0 ||
	    get_int(o, "w", 0, INT32_MAX, &pic.width) < 0 || get_int(o, "h", 0, INT32_MAX, &pic.height) < 0 ||
	    read_data(o, &pic) < 0)
		rc = -1;
	else
		chat_add_pic(o->im->chat, m, &pic);
	free(pic.name);
	free(pic.type);
	return rc;
}

static int
read_pics(const struct object *o, struct message *m)
{
	const json_t *list = get_optional(o, "pics");
	json_t *value;
	size_t i;

	if (list && !json_is_array(list))
		return wrong(o, "pics", "must be a list");
	json_array_foreach(list, i, value) {
		struct object pic = { .im = o->im, .json = value };

		snprintf(pic.place, sizeof pic.place, "%.30s.pics[%zu]", o->place, i);
		if (read_pic(&pic, m) < 0)
			return -1;
	}
	return 0;
}

/* ---- answers */

static int
read_stop(const struct object *o, struct message *m)
{
	const char *stop = json_string_value(json_object_get(o->json, "stop"));

	m->stop = stop ? stop_from_name(stop) : STOP_NONE;
	if (!stop || strcmp(stop_name(m->stop), stop) != 0)
		return wrong(o, "stop", "must be one of: eos length user context error hangup part");
	return 0;
}

static int
read_seed(const struct object *o, struct message *m)
{
	const json_t *seed = get_optional(o, "seed");

	if (seed && !json_is_string(seed) && !(json_is_integer(seed) && json_integer_value(seed) >= 0))
		return wrong(o, "seed", "must be a whole number from 0 on");
	m->sampling.seed = json_is_string(seed) ? strtoull(json_string_value(seed), NULL, 10) :
		(uint64_t)json_integer_value(seed);
	return 0;
}

static int
read_sampling(const struct object *o, struct message *m)
{
	struct object s = { .im = o->im, .json = get_optional(o, "sampling") };

	if (!s.json)
		return 0;
	snprintf(s.place, sizeof s.place, "%.40s.sampling", o->place);
	if (get_int(&s, "max_tokens", 0, INT32_MAX, &m->max_tokens) < 0 || get_number(&s, "temp", &m->sampling.temp) < 0 ||
	    get_number(&s, "top_p", &m->sampling.top_p) < 0 || get_int(&s, "top_k", 0, INT32_MAX, &m->sampling.top_k) < 0 ||
	    get_number(&s, "repeat_penalty", &m->sampling.repeat_penalty) < 0)
		return -1;
	return read_seed(o, m);
}

static int
read_tokens(const struct object *o, struct message *m)
{
	int n_ms;

	if (get_array(o, "ids", &m->ids, &m->n_ids) < 0 || get_array(o, "ms", &m->ms, &n_ms) < 0)
		return -1;
	return n_ms == 0 || n_ms == m->n_ids ? 0 : wrong(o, "ms", "must be as long as ids");
}

/* 0 where the key is not there. */
static int
get_count(const struct object *o, const char *key, int most, int *out)
{
	return get_optional(o, key) ? get_int(o, key, 0, most, out) : 0;
}

/* [KIND, BEGIN, END, TO], each beginning where the one before ended. */
static bool
read_seg(struct seg *s, const json_t *from)
{
	const char *kind = json_string_value(json_array_get(from, 0));
	json_int_t begin = json_integer_value(json_array_get(from, 1)), end = json_integer_value(json_array_get(from, 2));
	json_int_t to = json_integer_value(json_array_get(from, 3));

	if (!kind || begin < 0 || end < begin || to < end || to > INT32_MAX)
		return false;
	*s = (struct seg){ strcmp(kind, "decode") == 0 ? SEG_DECODE : SEG_PREFILL, (int)begin, (int)end, (int)to };
	return s->kind == SEG_DECODE || strcmp(kind, "prefill") == 0;
}

static int
read_segs(const struct object *o, struct message *m)
{
	const json_t *list = get_optional(o, "segs");
	size_t n = json_array_size(list);
	struct seg *segs = xcalloc(n + 1, sizeof *segs);
	bool good = !list || json_is_array(list);

	for (size_t i = 0; i < n && good; i++)
		good = read_seg(&segs[i], json_array_get(list, i));
	if (good && n > 0)
		message_set_segs(m, segs, (int)n);
	free(segs);
	if (!good)
		return wrong(o, "segs", "must be a list of [KIND, BEGIN, END, TO]");
	return get_count(o, "prompt", INT32_MAX / 2, &m->n_prompt) < 0 ||
	    get_count(o, "reused", m->n_prompt, &m->n_reused) < 0 ? -1 : 0;
}

static int
read_answer(const struct object *o, struct message *m)
{
	m->sampling = (struct sampling){ .top_p = 1, .repeat_penalty = 1 };
	if (get_optional(o, "cont") && get_int(o, "cont", 1, m->id - 1, &m->cont) < 0)
		return -1;
	if (read_stop(o, m) < 0 || read_sampling(o, m) < 0 || read_tokens(o, m) < 0 || read_segs(o, m) < 0)
		return -1;
	m->edited = json_is_true(json_object_get(o->json, "edited"));
	if (get_count(o, "given", m->n_ids, &m->n_given) < 0)
		return -1;
	return get_text(o, "build", &m->build) < 0 || get_text(o, "gpu", &m->device) < 0 ? -1 : 0;
}

/* ---- the whole */

static int
read_message(struct import *im, int id, const json_t *json)
{
	struct object o = { .im = im, .json = json };
	const json_t *text = json_object_get(json, "text");
	const char *role = json_string_value(json_object_get(json, "role"));
	struct message *m;
	int given, up;

	snprintf(o.place, sizeof o.place, "messages[%d]", id - 1);
	if (get_int(&o, "id", id, id, &given) < 0 || get_int(&o, "up", 0, id - 1, &up) < 0)
		return -1;
	if (!role || (strcmp(role, "user") != 0 && strcmp(role, "answer") != 0))
		return wrong(&o, "role", "must be \"user\" or \"answer\"");
	if (!json_is_string(text))
		return wrong(&o, "text", "must be text");
	m = chat_add_as(im->chat, id, up, role[0] == 'u' ? ROLE_USER : ROLE_ANSWER);
	message_set_text(m, json_string_value(text), json_string_length(text));
	if (get_time(&o, "at", m->at) < 0)
		return -1;
	if (m->role == ROLE_ANSWER)
		return read_answer(&o, m);
	m->pinned = json_is_true(json_object_get(json, "pinned"));
	return read_pics(&o, m);
}

static int
read_messages(const struct object *top)
{
	const json_t *list = json_object_get(top->json, "messages");
	json_t *message;
	size_t i;

	if (!json_is_array(list))
		return wrong(top, "messages", "must be a list");
	json_array_foreach(list, i, message)
		if (read_message(top->im, (int)i + 1, message) < 0)
			return -1;
	return 0;
}

static int
read_systems(const struct object *top)
{
	const json_t *list = get_optional(top, "systems");
	json_t *value;
	size_t i;

	if (list && !json_is_array(list))
		return wrong(top, "systems", "must be a list");
	json_array_foreach(list, i, value) {
		struct object o = { .im = top->im, .json = value };
		char *text = NULL;
		int up, rc;

		snprintf(o.place, sizeof o.place, "systems[%zu]", i);
		rc = get_int(&o, "up", 0, top->im->chat->n_messages, &up) < 0 || get_text(&o, "text", &text) < 0 ? -1 : 0;
		if (rc == 0)
			chat_add_system(top->im->chat, up, text);
		free(text);
		if (rc < 0)
			return -1;
	}
	return 0;
}

static int
read_drop(const struct object *o)
{
	int32_t *ids = NULL;
	int up, n = 0, rc = 0;

	if (get_int(o, "up", 0, o->im->chat->n_messages, &up) < 0 || get_array(o, "ids", &ids, &n) < 0)
		rc = -1;
	for (int i = 0; i < n && rc == 0; i++)
		if (!chat_message(o->im->chat, ids[i]))
			rc = wrong(o, "ids", "must be ids of messages");
	if (rc == 0)
		chat_add_drop(o->im->chat, up, ids, n)->back = json_is_false(json_object_get(o->json, "on"));
	free(ids);
	return rc;
}

static int
read_drops(const struct object *top)
{
	const json_t *list = get_optional(top, "drops");
	json_t *value;
	size_t i;

	if (list && !json_is_array(list))
		return wrong(top, "drops", "must be a list");
	json_array_foreach(list, i, value) {
		struct object o = { .im = top->im, .json = value };

		snprintf(o.place, sizeof o.place, "drops[%zu]", i);
		if (read_drop(&o) < 0)
			return -1;
	}
	return 0;
}

static int
read_note(const struct object *o)
{
	const json_t *text = json_object_get(o->json, "text");
	char at[32];
	int up;

	if (get_int(o, "up", 0, o->im->chat->n_messages, &up) < 0 || get_time(o, "at", at) < 0)
		return -1;
	if (!json_is_string(text))
		return wrong(o, "text", "must be text");
	chat_add_note(o->im->chat, up, at, json_string_value(text), json_string_length(text));
	return 0;
}

static int
read_notes(const struct object *top)
{
	const json_t *list = get_optional(top, "notes");
	json_t *value;
	size_t i;

	if (list && !json_is_array(list))
		return wrong(top, "notes", "must be a list");
	json_array_foreach(list, i, value) {
		struct object o = { .im = top->im, .json = value };

		snprintf(o.place, sizeof o.place, "notes[%zu]", i);
		if (read_note(&o) < 0)
			return -1;
	}
	return 0;
}

static int
read_tags(const struct object *top)
{
	const json_t *list = get_optional(top, "tags");
	json_t *tag;
	size_t i;

	if (list && !json_is_array(list))
		return wrong(top, "tags", "must be a list");
	json_array_foreach(list, i, tag) {
		if (!json_is_string(tag) || !tag_valid(json_string_value(tag)))
			return wrong(top, "tags", "must be words without spaces and commas");
		tags_set(&top->im->chat->tags, json_string_value(tag), true);
	}
	return 0;
}

static int
read_model(const struct object *top)
{
	struct object o = { .im = top->im, .json = get_optional(top, "model"), .place = "model" };
	struct chat *c = top->im->chat;

	return get_text(&o, "name", &c->model_name) < 0 || get_text(&o, "digest", &c->model_digest) < 0 ? -1 : 0;
}

int
import_own(struct import *im, const json_t *object)
{
	struct object top = { .im = im, .json = object };
	int version, head;

	if (get_int(&top, "ivchat", 1, FORMAT_VERSION, &version) < 0 || read_messages(&top) < 0 || read_systems(&top) < 0 ||
	    read_drops(&top) < 0 || read_notes(&top) < 0 || get_text(&top, "origin", &im->chat->origin) < 0 ||
	    read_tags(&top) < 0 || read_model(&top) < 0 || get_text(&top, "name", &im->chat->name) < 0 ||
	    get_int(&top, "head", 0, im->chat->n_messages, &head) < 0)
		return -1;
	return chat_set_head(im->chat, head);
}
