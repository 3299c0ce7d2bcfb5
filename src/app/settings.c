/* settings.c: what /set can change, as one table: key, kind, range, place in struct app. */
#include "config.h"

#include "settings.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "internal.h"

enum kind { KIND_FLOAT, KIND_INT, KIND_SEED, KIND_OVERFLOW };

struct setting {
	const char *key;
	enum kind kind;
	double low, high;
	size_t offset;
};

#define IN_APP(field) offsetof(struct app, field)

static const struct setting settings[] = {
	{ "temp", KIND_FLOAT, 0, 100, IN_APP(sampling.temp) },
	{ "top_p", KIND_FLOAT, 0, 1, IN_APP(sampling.top_p) },
	{ "top_k", KIND_INT, 0, 1000000, IN_APP(sampling.top_k) },
	{ "repeat_penalty", KIND_FLOAT, 0.01, 100, IN_APP(sampling.repeat_penalty) },
	{ "seed", KIND_SEED, 0, 0, IN_APP(sampling.seed) },
	{ "max_tokens", KIND_INT, 1, 1000000, IN_APP(max_tokens) },
	{ "overflow", KIND_OVERFLOW, 0, 0, IN_APP(room.overflow) },
};

#define N_SETTINGS (sizeof settings / sizeof settings[0])

const char *
settings_key(int i)
{
	return i >= 0 && (size_t)i < N_SETTINGS ? settings[i].key : NULL;
}

static const struct setting *
find(const char *key, struct error *err)
{
	for (size_t i = 0; i < N_SETTINGS; i++)
		if (strcmp(settings[i].key, key) == 0)
			return &settings[i];
	error_set(err, CODE_INPUT, "there is no setting \"%s\"", key);
	error_hint(err, "temp, top_p, top_k, repeat_penalty, seed, max_tokens or overflow");
	return NULL;
}

static int
bad_number(const struct setting *s, const char *value, struct error *err)
{
	if (s->kind == KIND_SEED)
		return error_set(err, CODE_INPUT, "seed: \"%s\" is not a whole number or \"random\"", value);
	return error_set(err, CODE_INPUT, "%s: \"%s\" is not a%s number from %g to %g", s->key, value,
	    s->kind == KIND_INT ? " whole" : "", s->low, s->high);
}

static int
set_seed(struct app *app, const struct setting *s, const char *value, struct error *err)
{
	unsigned long long seed;
	char *end;

	if (strcmp(value, "random") == 0) {
		app->seed_set = false;
		return 0;
	}
	errno = 0;
	seed = strtoull(value, &end, 10);
	if (*end || end == value || *value == '-' || errno)
		return bad_number(s, value, err);
	app->sampling.seed = seed;
	app->seed_set = true;
	return 0;
}

static int
set_overflow(struct app *app, const char *value, struct error *err)
{
	int policy = room_overflow_from(value);

	if (policy < 0)
		return error_set(err, CODE_INPUT, "overflow: \"%s\" is none of ask, drop, stop", value);
	app->room.overflow = (enum overflow)policy;
	return 0;
}

int
settings_set(struct app *app, const char *key, const char *value, struct error *err)
{
	const struct setting *s = find(key, err);
	double number;
	char *end;

	if (!s)
		return -1;
	if (s->kind == KIND_SEED)
		return set_seed(app, s, value, err);
	if (s->kind == KIND_OVERFLOW)
		return set_overflow(app, value, err);
	number = strtod(value, &end);
	if (*end || end == value || !(number >= s->low && number <= s->high))
		return bad_number(s, value, err);
	if (s->kind == KIND_INT && number != floor(number))
		return bad_number(s, value, err);
	if (s->kind == KIND_INT)
		*(int *)((char *)app + s->offset) = (int)number;
	else
		*(float *)((char *)app + s->offset) = (float)number;
	return 0;
}

static void
show_one(const struct app *app, const struct setting *s, struct buf *out)
{
	const char *at = (const char *)app + s->offset;

	buf_printf(out, "%s%s = ", out->n ? "\n" : "", s->key);
	if (s->kind == KIND_FLOAT)
		buf_printf(out, "%g", (double)*(const float *)at);
	else if (s->kind == KIND_INT)
		buf_printf(out, "%d", *(const int *)at);
	else if (s->kind == KIND_OVERFLOW)
		buf_str(out, room_overflow_name(app->room.overflow));
	else if (app->seed_set)
		buf_printf(out, "%llu", (unsigned long long)app->sampling.seed);
	else
		buf_str(out, "random");
}

char *
settings_show(const struct app *app, const char *key, struct error *err)
{
	struct buf out = {0};
	const struct setting *s;

	if (key && *key) {
		if (!(s = find(key, err)))
			return NULL;
		show_one(app, s, &out);
		return buf_take(&out);
	}
	for (size_t i = 0; i < N_SETTINGS; i++)
		show_one(app, &settings[i], &out);
	return buf_take(&out);
}
