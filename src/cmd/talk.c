/* talk.c: see talk.h. Standard input has one use at most: a picture (-i -), messages (--messages -), or
 * text. */
#include "config.h"

#include "cmd/talk.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/text.h"
#include "cmd/jsontext.h"

#define TEXT_MAX (16u << 20)

/* ---- pictures */

static int
read_picture(struct picture *p, const char *path, enum orient orient, struct error *err)
{
	struct buf bytes = {0};

	if (strcmp(path, "-") != 0)
		return picture_open(p, path, orient, err);
	if (file_read_fd(STDIN_FILENO, "stdin", PICTURE_MAX_BYTES, &bytes, CODE_INPUT, err) < 0) {
		buf_done(&bytes);
		return -1;
	}
	return picture_decode_take(p, "stdin", &bytes, orient, err);
}

static int
read_pictures(struct talk *t, const struct options *o, struct error *err)
{
	enum orient orient = o->orient_ignore || o->reference ? ORIENT_IGNORE : ORIENT_APPLY;

	t->pictures = xcalloc((size_t)o->n_images, sizeof *t->pictures);
	for (int i = 0; i < o->n_images; i++) {
		if (read_picture(&t->pictures[i], o->images[i], orient, err) < 0)
			return -1;
		t->n_pictures++;
	}
	return 0;
}

/* ---- a question from words and standard input */

static int
n_stdin_pictures(const struct options *o)
{
	int n = 0;

	for (int i = 0; i < o->n_images; i++)
		n += strcmp(o->images[i], "-") == 0;
	return n;
}

static int
read_stdin(struct buf *text, const struct options *o, struct error *err)
{
	if (n_stdin_pictures(o) > 0 || isatty(STDIN_FILENO))
		return 0;
	if (file_read_fd(STDIN_FILENO, "stdin", TEXT_MAX, text, CODE_INPUT, err) < 0)
		return -1;
	while (text->n > 0 && (text->at[text->n - 1] == '\n' || text->at[text->n - 1] == '\r'))
		buf_cut(text, text->n - 1);
	return 0;
}

static void
add_words(struct buf *text, const struct options *o)
{
	if (text->n > 0 && o->n_operands > 0)
		buf_str(text, "\n\n");
	for (int i = 0; i < o->n_operands; i++) {
		if (i > 0)
			buf_char(text, ' ');
		buf_str(text, o->operands[i]);
	}
}

void
talk_add_said(struct talk *t, enum role role, const char *text, size_t n)
{
	t->said = xreallocarray(t->said, (size_t)t->n_said + 1, sizeof *t->said);
	t->said[t->n_said++] = (struct said){role, xstrndup(text, n), n};
}

static int
read_question(struct talk *t, const struct options *o, struct error *err)
{
	struct buf text = {0};
	int failed = read_stdin(&text, o, err);

	add_words(&text, o);
	if (!failed && text.n == 0 && t->n_pictures > 0)
		buf_str(&text, o->conf->image_question);
	if (!failed && text.n == 0) {
		error_set(err, CODE_USAGE, "nothing to ask: no text and no picture");
		failed = error_hint(err, "ivchat ask 'What is a fox?'");
	}
	if (!failed && !text_valid(text.at, text.n)) {
		error_set(err, CODE_INPUT, "the text is not UTF-8");
		failed = error_hint(err, "iconv -f latin1 -t utf-8 FILE | ivchat ask");
	}
	if (!failed)
		talk_add_said(t, ROLE_USER, text.at, text.n);
	buf_done(&text);
	return failed;
}

/* ---- a conversation from a file */

/* What may come at this place: the system first, then user and assistant in turn. */
static int
add_message(struct talk *t, const char *name, size_t i, json_t *message, struct error *err)
{
	const char *role = json_string_value(json_object_get(message, "role"));
	json_t *content = json_object_get(message, "content");
	const char *want = t->n_said % 2 ? "assistant" : "user";

	if (!role || !json_is_string(content))
		return error_set(err, CODE_INPUT,
		    "%s: message %zu is not {\"role\": TEXT, \"content\": TEXT}", name, i + 1);
	if (strcmp(role, "system") == 0 && i == 0) {
		t->system = xstrdup(json_string_value(content));
		return 0;
	}
	if (strcmp(role, want) != 0)
		return error_set(err, CODE_INPUT,
		    "%s: message %zu is of \"%s\", where one of \"%s\" must stand", name, i + 1, role, want);
	talk_add_said(t, t->n_said % 2 ? ROLE_ANSWER : ROLE_USER, json_string_value(content),
	    json_string_length(content));
	return 0;
}

int
talk_add_messages(struct talk *t, const char *name, json_t *list, struct error *err)
{
	json_t *message;
	size_t i;

	if (!json_is_array(list))
		return error_set(err, CODE_INPUT, "%s: must be a list of messages", name);
	json_array_foreach(list, i, message)
		if (add_message(t, name, i, message, err) < 0)
			return -1;
	if (t->n_said % 2 == 0)
		return error_set(err, CODE_INPUT,
		    "%s: the last message must be the question, of \"user\"", name);
	return 0;
}

static int
read_messages(struct talk *t, const struct options *o, struct error *err)
{
	bool from_stdin = strcmp(o->messages, "-") == 0;
	const char *name = from_stdin ? "stdin" : o->messages;
	struct buf text = {0};
	size_t n;
	char *json;
	json_error_t where;
	json_t *list;
	int failed;

	failed = from_stdin ? file_read_fd(STDIN_FILENO, name, TEXT_MAX, &text, CODE_INPUT, err) :
	    file_read(name, TEXT_MAX, &text, CODE_INPUT, err);
	if (failed) {
		buf_done(&text);
		return -1;
	}
	n = text.n;
	json = buf_take(&text);
	list = jsontext_load(json, n, 0, &where);
	free(json);
	if (!list)
		return error_set(err, CODE_INPUT, "%s: line %d: %s", name, where.line, where.text);
	failed = talk_add_messages(t, name, list, err);
	json_decref(list);
	return failed;
}

/* ---- all together */

static int
check(const struct options *o, struct error *err)
{
	if (n_stdin_pictures(o) + (o->messages && strcmp(o->messages, "-") == 0) > 1)
		return error_set(err, CODE_USAGE, "standard input can be read once: more than one '-'");
	if (o->messages && o->n_operands > 0)
		return error_set(err, CODE_USAGE, "--messages holds the question already: '%s' is too much",
		    o->operands[0]);
	return 0;
}

int
talk_read(struct talk *t, const struct options *o, struct error *err)
{
	*t = (struct talk){0};
	if (check(o, err) < 0 || read_pictures(t, o, err) < 0)
		return -1;
	return o->messages ? read_messages(t, o, err) : read_question(t, o, err);
}

void
talk_done(struct talk *t)
{
	for (int i = 0; i < t->n_said; i++)
		free(t->said[i].text);
	for (int i = 0; i < t->n_pictures; i++)
		picture_done(&t->pictures[i]);
	free(t->said);
	free(t->pictures);
	free(t->system);
	*t = (struct talk){0};
}
