/* question.c: a line of a batch, an object, as talk and options. See batch.h. */
#include "config.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "cmd/ask.h"
#include "cmd/batch.h"

static int
add_picture(struct ask *a, const struct names *names, const json_t *path, struct error *err)
{
	const char *name = json_string_value(path), *root = a->o->images_root;
	enum orient orient = a->o->orient_ignore || a->o->reference ? ORIENT_IGNORE : ORIENT_APPLY;
	struct talk *t = &a->talk;
	char *whole;
	int failed;

	if (!name)
		return error_set(err, CODE_INPUT, "\"%s\" must be the name of a picture, or a list of names", names->image);
	whole = root && name[0] != '/' ? xasprintf("%s/%s", root, name) : xstrdup(name);
	t->pictures = xreallocarray(t->pictures, (size_t)t->n_pictures + 1, sizeof *t->pictures);
	failed = picture_open(&t->pictures[t->n_pictures], whole, orient, err);
	t->n_pictures += !failed;
	free(whole);
	return failed;
}

static int
add_pictures(struct ask *a, const struct names *names, const json_t *line, struct error *err)
{
	const json_t *image = json_object_get(line, names->image);
	json_t *one;
	size_t i;

	if (!image || json_is_null(image))
		return 0;
	if (!json_is_array(image))
		return add_picture(a, names, image, err);
	json_array_foreach(image, i, one)
		if (add_picture(a, names, one, err) < 0)
			return -1;
	return 0;
}

static void
add_suffix(struct talk *t, const char *suffix)
{
	struct said *last = &t->said[t->n_said - 1];
	struct buf text = {0};

	if (!suffix)
		return;
	buf_add(&text, last->text, last->n);
	buf_str(&text, suffix);
	free(last->text);
	last->n = text.n;
	last->text = buf_take(&text);
}

static int
add_text(struct ask *a, const struct names *names, const json_t *line, struct error *err)
{
	const json_t *text = json_object_get(line, names->text);
	json_t *messages = json_object_get(line, "messages");
	const char *usual = a->o->conf->image_question;
	struct talk *t = &a->talk;

	if (text && messages)
		return error_set(err, CODE_INPUT, "\"%s\" and \"messages\" are both there", names->text);
	if (messages)
		return talk_add_messages(t, "messages", messages, err);
	if (text && !json_is_string(text))
		return error_set(err, CODE_INPUT, "\"%s\" must be a text", names->text);
	if (json_string_length(text) > 0)
		talk_add_said(t, ROLE_USER, json_string_value(text), json_string_length(text));
	else if (t->n_pictures > 0)
		talk_add_said(t, ROLE_USER, usual, strlen(usual));
	else
		return error_set(err, CODE_INPUT, "nothing to ask: no \"%s\" and no \"%s\"", names->text,
		    names->image);
	return 0;
}

static int
take_number(const json_t *from, const char *key, double least, double most, bool whole, double *to, struct error *err)
{
	const json_t *value = json_object_get(from, key);
	double x = json_number_value(value);

	if (!value)
		return 0;
	if (!json_is_number(value) || (whole && !json_is_integer(value)) || !(x >= least && x <= most))
		return error_set(err, CODE_INPUT, "\"%s\" must be a %snumber from %g to %.10g", key,
		    whole ? "whole " : "", least, most);
	*to = x;
	return 1;
}

/* "sampling": {"temp", "top_p", "top_k", "repeat_penalty", "seed", "max_tokens"}, each as the option of its name. */
static int
take_sampling(struct options *o, const json_t *line, struct error *err)
{
	const json_t *from = json_object_get(line, "sampling");
	double temp = o->temp, top_p = o->top_p, top_k = o->top_k, penalty = o->repeat_penalty, n = o->max_tokens, seed;
	int seeded;

	if (!from)
		return 0;
	if (!json_is_object(from))
		return error_set(err, CODE_INPUT, "\"sampling\" must be an object");
	if (o->reference)
		return error_set(err, CODE_INPUT, "--reference is greedy: it takes no \"sampling\"");
	if (take_number(from, "temp", 0, 100, false, &temp, err) < 0 ||
	    take_number(from, "top_p", 0, 1, false, &top_p, err) < 0 ||
	    take_number(from, "top_k", 0, 1 << 20, true, &top_k, err) < 0 ||
	    take_number(from, "repeat_penalty", 0.01, 100, false, &penalty, err) < 0 ||
	    take_number(from, "max_tokens", 1, 1 << 20, true, &n, err) < 0 ||
	    (seeded = take_number(from, "seed", 0, 0x1p63, true, &seed, err)) < 0)
		return -1;
	o->temp = (float)temp;
	o->top_p = (float)top_p;
	o->top_k = (int)top_k;
	o->repeat_penalty = (float)penalty;
	o->max_tokens = (int)n;
	if (seeded) {
		o->seed_set = true;
		o->seed = (uint64_t)json_integer_value(json_object_get(from, "seed"));
	}
	return 0;
}

int
question_read(struct ask *a, struct options *o, const struct names *names, const json_t *line, struct error *err)
{
	if (!json_is_object(line))
		return error_set(err, CODE_INPUT, "the line is not a JSON object");
	if (take_sampling(o, line, err) < 0 || add_pictures(a, names, line, err) < 0 || add_text(a, names, line, err) < 0)
		return -1;
	add_suffix(&a->talk, o->suffix);
	return ask_prepare(a, err);
}
