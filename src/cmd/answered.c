/* answered.c: the small parts of `batch`: names of keys, shards, and what an earlier run has done. See batch.h. */
#include "config.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "cmd/batch.h"

/* ---- names */

static char **
name_at(struct names *names, const char *key, size_t n)
{
	char **at[] = {&names->id, &names->image, &names->text, &names->out};
	static const char *const keys[] = {"id", "image", "text", "out"};

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (strlen(keys[i]) == n && strncmp(keys[i], key, n) == 0)
			return at[i];
	return NULL;
}

static int
parse_one(struct names *names, const char *pair, size_t n, struct error *err)
{
	const char *equals = memchr(pair, '=', n);
	char **to = equals ? name_at(names, pair, (size_t)(equals - pair)) : NULL;
	size_t name_n = equals ? n - (size_t)(equals + 1 - pair) : 0;

	if (!to || name_n == 0)
		return error_set(err, CODE_USAGE, "--map '%.*s': must be id=, image=, text= or out= and a name", (int)n,
		    pair);
	free(*to);
	*to = xstrndup(equals + 1, name_n);
	return 0;
}

int
names_parse(struct names *names, const char *map, struct error *err)
{
	*names = (struct names){xstrdup("id"), xstrdup("image"), xstrdup("text"), xstrdup("answer")};
	for (const char *at = map; at && *at;) {
		size_t n = strcspn(at, ",");

		if (parse_one(names, at, n, err) < 0)
			return -1;
		at += n + (at[n] == ',');
	}
	if (strcmp(names->out, names->id) == 0)
		return error_set(err, CODE_USAGE, "--map: the answer and the id have the same name, '%s'", names->id);
	return 0;
}

void
names_done(struct names *names)
{
	free(names->id);
	free(names->image);
	free(names->text);
	free(names->out);
	*names = (struct names){0};
}

/* ---- shards */

int
shard_parse(struct shard *s, const char *text, struct error *err)
{
	char *end = NULL;
	long k = 1, n = 1;

	if (text) {
		k = strtol(text, &end, 10);
		n = end > text && *end == '/' ? strtol(end + 1, &end, 10) : 0;
	}
	if ((end && *end) || k < 1 || n < k || n > 1 << 30)
		return error_set(err, CODE_USAGE, "--shard '%s': must be K/N, with K from 1 to N", text);
	*s = (struct shard){(int)k, (int)n};
	return 0;
}

bool
shard_has(const struct shard *s, long line)
{
	return (line - 1) % s->n == s->k - 1;
}

/* ---- what is done */

char *
answered_key(const struct json_t *id, long line)
{
	if (!id || json_is_null(id))
		return xasprintf("line %ld", line);
	return json_dumps(id, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
}

static int
compare_keys(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int
read_line(struct answered *a, const struct names *names, const char *line, size_t n)
{
	json_t *object = json_loadb(line, n, JSON_ALLOW_NUL, NULL);
	const json_t *answer = json_object_get(object, names->out), *error = json_object_get(object, "error");

	if (!answer && !error) {
		json_decref(object);
		return -1;
	}
	a->keys = xreallocarray(a->keys, (size_t)a->n + 1, sizeof *a->keys);
	a->keys[a->n++] = answered_key(json_object_get(object, names->id),
	    (long)json_integer_value(json_object_get(object, "line")));
	a->n_failed += !answer;
	json_decref(object);
	return 0;
}

/* What a run that was killed leaves at the end: the beginning of a line of ours. */
static bool
is_torn(const struct names *names, const char *s, size_t n)
{
	char *begin = xasprintf("{\"%s\"", names->id);
	size_t most = strlen(begin) < n ? strlen(begin) : n;
	bool torn = strncmp(s, begin, most) == 0;

	free(begin);
	return torn;
}

int
answered_read(struct answered *a, const struct names *names, const char *name, const char *text, size_t n, size_t *whole,
    struct error *err)
{
	const char *end = text + n, *next;
	int line = 1;

	*a = (struct answered){0};
	for (const char *at = text; at < end; at = next + 1, line++) {
		*whole = (size_t)(at - text);
		next = memchr(at, '\n', (size_t)(end - at));
		if (next ? read_line(a, names, at, (size_t)(next - at)) < 0 : !is_torn(names, at, (size_t)(end - at)))
			return error_set(err, CODE_INPUT, "'%s', line %d: this is not the output of a batch with these "
			    "names", name, line);
		if (!next)
			break;
		*whole = (size_t)(next + 1 - text);
	}
	a->taken = xcalloc((size_t)a->n + 1, sizeof *a->taken);
	if (a->n > 0)
		qsort(a->keys, (size_t)a->n, sizeof *a->keys, compare_keys);
	return 0;
}

bool
answered_take(struct answered *a, const char *key)
{
	int low = 0, high = a->n;

	while (low < high) {
		int mid = low + (high - low) / 2;

		if (strcmp(a->keys[mid], key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < a->n && strcmp(a->keys[low], key) == 0; low++) {
		if (a->taken[low])
			continue;
		return a->taken[low] = true;
	}
	return false;
}

void
answered_done(struct answered *a)
{
	for (int i = 0; i < a->n; i++)
		free(a->keys[i]);
	free(a->keys);
	free(a->taken);
	*a = (struct answered){0};
}
