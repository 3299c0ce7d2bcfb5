/* tokenize.c: text to ids and back, a line each; needs only the tokenizer files of a model folder. For
 * comparing with other programs, so lines are JSON (--json says what is so anyway): that carries any string,
 * newlines and NUL too. */
#include "config.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "cmd/cmd.h"
#include "cmd/jsontext.h"
#include "engine/engine.h"

struct job {
	const struct tokenizer *tokenizer;
	const struct options *o;
	size_t line;            /* its number, from 1 */
};

/* ---- JSON in */

static json_t *
parse(const struct job *job, char *line, size_t n, struct error *err)
{
	json_error_t where;
	json_t *value;

	value = jsontext_load(line, n, JSON_DECODE_ANY, &where);
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

/* [1, 2, 3] or {"ids": [1, 2, 3]} */
static int
read_ids(const struct job *job, const json_t *value, struct ids *ids, struct error *err)
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
print_ids(const struct ids *ids)
{
	fputs("{\"ids\": [", stdout);
	for (size_t i = 0; i < ids->n; i++)
		printf("%s%d", i == 0 ? "" : ", ", (int)ids->at[i]);
	puts("]}");
}

static void
print_text(const struct buf *text)
{
	json_t *value = json_stringn(buf_text(text), text->n);

	json_dumpf(value, stdout, JSON_ENCODE_ANY);
	putchar('\n');
	json_decref(value);
}

/* ---- a line */

static int
encode(const struct job *job, const json_t *value, struct error *err)
{
	struct ids ids = {0};

	if (!json_is_string(value))
		return error_set(err, CODE_INPUT, "line %zu: must be a JSON string", job->line);
	tokenizer_encode(job->tokenizer, json_string_value(value), json_string_length(value), !job->o->no_bos, &ids);
	print_ids(&ids);
	ids_done(&ids);
	return 0;
}

static int
decode(const struct job *job, const json_t *value, struct error *err)
{
	struct ids ids = {0};
	struct buf text = {0};
	int failed = read_ids(job, value, &ids, err);

	if (!failed) {
		tokenizer_decode(job->tokenizer, ids.at, ids.n, false, &text);
		print_text(&text);
	}
	ids_done(&ids);
	buf_done(&text);
	return failed;
}

/* An empty line is nobody's text: that of an empty one is "". */
static int
take_line(const struct job *job, char *line, size_t n, struct error *err)
{
	json_t *value;
	int failed;

	if (strspn(line, " \t\r\n") == n)
		return 0;
	value = parse(job, line, n, err);
	if (!value)
		return -1;
	failed = job->o->decode ? decode(job, value, err) : encode(job, value, err);
	json_decref(value);
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
		failed = take_line(job, line, (size_t)n, err);
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
		error_hint(&err, "echo '\"%s\"' | ivchat tokenize", o->operands[0]);
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
	"tokenize", "", "Turn JSON strings, one a line, into token ids, or ids into text (--decode).",
	OPT_MODEL | OPT_TOKENIZE, run,
};
