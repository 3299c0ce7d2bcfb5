/* tokenize.c: text to ids and back, a line each; needs only the tokenizer files of a model folder. For
 * comparing with other programs, so --json carries any string: newlines, NUL, and what JSON writers make of
 * lone surrogates. */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "cmd/cmd.h"
#include "engine/engine.h"

struct job {
	const struct tokenizer *tokenizer;
	const struct options *o;
	size_t line;            /* its number, from 1 */
};

/* ---- JSON in */

/* The value of four hexadecimal digits, or -1. */
static int
hex4(const char *s)
{
	int value = 0;

	for (int i = 0; i < 4; i++) {
		if (!isxdigit((unsigned char)s[i]))
			return -1;
		value = value * 16 +
		    (isdigit((unsigned char)s[i]) ? s[i] - '0' : tolower((unsigned char)s[i]) - 'a' + 10);
	}
	return value;
}

/* A code unit \uXXXX at s, or -1. */
static int
unit_at(const char *s)
{
	return s[0] == '\\' && s[1] == 'u' ? hex4(s + 2) : -1;
}

/* Half a pair is no character: it becomes \ufffd in place, as decoders do with it. */
static void
mend_surrogates(char *s)
{
	while ((s = strchr(s, '\\'))) {
		int unit = unit_at(s), next = unit >= 0 ? unit_at(s + 6) : -1;

		if (unit >= 0xd800 && unit < 0xdc00 && next >= 0xdc00 && next < 0xe000) {
			s += 12;
			continue;
		}
		if (unit >= 0xd800 && unit < 0xe000)
			memcpy(s, "\\ufffd", 6);
		s += unit >= 0 ? 6 : s[1] ? 2 : 1;
	}
}

static json_t *
parse(const struct job *job, char *line, size_t n, struct error *err)
{
	json_error_t where;
	json_t *value;

	mend_surrogates(line);
	value = json_loadb(line, n, JSON_DECODE_ANY | JSON_ALLOW_NUL, &where);
	if (!value)
		error_set(err, CODE_INPUT, "line %zu: not JSON: %s", job->line, where.text);
	return value;
}

/* ---- ids in */

static int
add_id(const struct job *job, long long id, struct ids *ids, struct error *err)
{
	int n = tokenizer_n_ids(job->tokenizer);

	if (id < 0 || id >= n)
		return error_set(err, CODE_INPUT,
		    "line %zu: %lld is no id: they go from 0 to %d", job->line, id, n - 1);
	ids_add(ids, (int32_t)id);
	return 0;
}

/* "1 2 3" */
static int
read_ids(const struct job *job, const char *line, struct ids *ids, struct error *err)
{
	while (line[strspn(line, " \t\r")]) {
		char *end;
		long long id;

		errno = 0;
		id = strtoll(line, &end, 10);
		if (end == line || errno || (*end && !isspace((unsigned char)*end)))
			return error_set(err, CODE_INPUT,
			    "line %zu: must be ids with spaces between", job->line);
		if (add_id(job, id, ids, err) < 0)
			return -1;
		line = end;
	}
	return 0;
}

/* [1, 2, 3] or {"ids": [1, 2, 3]} */
static int
read_json_ids(const struct job *job, const json_t *value, struct ids *ids, struct error *err)
{
	const json_t *list = json_is_object(value) ? json_object_get(value, "ids") : value;
	json_t *id;
	size_t i;

	if (!json_is_array(list))
		return error_set(err, CODE_INPUT, "line %zu: must be [ids] or {\"ids\": [ids]}", job->line);
	json_array_foreach(list, i, id) {
		if (!json_is_integer(id))
			return error_set(err, CODE_INPUT,
			    "line %zu: id %zu is not a whole number", job->line, i + 1);
		if (add_id(job, json_integer_value(id), ids, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- out */

static void
print_ids(const struct ids *ids, bool json)
{
	if (json)
		fputs("{\"ids\": [", stdout);
	for (size_t i = 0; i < ids->n; i++)
		printf("%s%d", i == 0 ? "" : json ? ", " : " ", (int)ids->at[i]);
	puts(json ? "]}" : "");
}

static void
print_text(const struct buf *text, bool json)
{
	json_t *value;

	if (!json) {
		cmd_print(stdout, buf_text(text), text->n);
		putchar('\n');
		return;
	}
	value = json_stringn(buf_text(text), text->n);
	json_dumpf(value, stdout, JSON_ENCODE_ANY);
	putchar('\n');
	json_decref(value);
}

/* ---- a line */

static int
encode_line(const struct job *job, char *line, size_t n, struct error *err)
{
	struct ids ids = {0};
	json_t *value = NULL;

	if (job->o->json && !(value = parse(job, line, n, err)))
		return -1;
	if (value && !json_is_string(value)) {
		json_decref(value);
		return error_set(err, CODE_INPUT, "line %zu: must be a JSON string", job->line);
	}
	if (value)
		tokenizer_encode(job->tokenizer, json_string_value(value), json_string_length(value),
		    !job->o->no_bos, &ids);
	else
		tokenizer_encode(job->tokenizer, line, n, !job->o->no_bos, &ids);
	print_ids(&ids, job->o->json);
	json_decref(value);
	ids_done(&ids);
	return 0;
}

static int
decode_line(const struct job *job, char *line, size_t n, struct error *err)
{
	struct ids ids = {0};
	struct buf text = {0};
	json_t *value = NULL;
	int failed;

	if (job->o->json && !(value = parse(job, line, n, err)))
		return -1;
	failed = value ? read_json_ids(job, value, &ids, err) : read_ids(job, line, &ids, err);
	if (!failed) {
		tokenizer_decode(job->tokenizer, ids.at, ids.n, false, &text);
		print_text(&text, job->o->json);
	}
	json_decref(value);
	ids_done(&ids);
	buf_done(&text);
	return failed;
}

static int
each_line(struct job *job, struct error *err)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	int failed = 0;

	while (!failed && (n = getline(&line, &cap, stdin)) >= 0) {
		job->line++;
		if (n > 0 && line[n - 1] == '\n')
			line[--n] = '\0';
		failed = job->o->decode ? decode_line(job, line, (size_t)n, err) :
		                          encode_line(job, line, (size_t)n, err);
	}
	if (!failed && ferror(stdin))
		failed = error_set(err, CODE_INPUT, "cannot read standard input: %s", strerror(errno));
	free(line);
	return failed;
}

static int
run(const struct command *self, struct options *o)
{
	struct tokenizer *tokenizer;
	struct error err = {0};
	int failed;

	(void)self;
	if (o->n_operands > 0) {
		error_set(&err, CODE_USAGE, "tokenize reads standard input, not '%s'", o->operands[0]);
		error_hint(&err, "echo '%s' | ivchat tokenize", o->operands[0]);
		return cmd_fail(&err);
	}
	tokenizer = tokenizer_open(o->model, &err);
	if (!tokenizer)
		return cmd_fail(&err);
	failed = each_line(&(struct job){tokenizer, o, 0}, &err);
	tokenizer_free(tokenizer);
	return failed ? cmd_fail(&err) : CODE_OK;
}

const struct command cmd_tokenize = {
	"tokenize", "", "Turn lines of text into token ids, or ids into text (--decode).",
	OPT_MODEL | OPT_TOKENIZE, run,
};
