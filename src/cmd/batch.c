/* batch.c: many questions, a line of JSON each, a line of JSON for each. What is wrong with a line is said in its own
 * output line and the run goes on; what is wrong with the model, the output or the command line ends it. A line goes out
 * when it is whole, so a run that was stopped is gone on with by the same command. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "cmd/ask.h"
#include "cmd/batch.h"
#include "cmd/cmd.h"
#include "cmd/jsontext.h"
#include "cmd/signals.h"

#define OUT_MAX ((size_t)1 << 32)
#define READ_BYTES 65536

struct batch {
	const struct options *o;
	struct names names;
	struct shard shard;
	struct answered answered;
	struct asker asker;
	int in;                 /* descriptor */
	const char *in_name;
	struct buf text;        /* read, not answered; `taken` bytes of it were the line before */
	size_t taken;
	struct output out;
	int n_done, n_failed;   /* lines of the output, with those of earlier runs; how many of them hold an error */
	int signal;
	bool progress;
};

/* ---- the options */

static int
check_options(const struct options *o, struct error *err)
{
	if (o->n_operands != 1) {
		error_set(err, CODE_USAGE, "batch needs one file of questions; - is standard input");
		return error_hint(err, "ivchat batch IN.jsonl -o OUT.jsonl");
	}
	if (o->jobs > 1)
		return error_set(err, CODE_USAGE, "--jobs %d: this engine gives one answer at a time", o->jobs);
	if (!o->reference)
		return 0;
	if (o->keep)
		return error_set(err, CODE_USAGE, "--reference is not stored: it takes no --keep");
	if (o->system || o->temp_set || o->top_p_set || o->top_k_set || o->repeat_penalty_set || o->seed_set)
		return error_set(err, CODE_USAGE,
		    "--reference is greedy with the model's own system message: it takes no -S and no sampling options");
	return 0;
}

/* ---- files */

static int
open_in(struct batch *b, struct error *err)
{
	const char *path = b->o->operands[0];

	b->in_name = path;
	if (strcmp(path, "-") == 0) {
		b->in = STDIN_FILENO;
		b->in_name = "standard input";
		return 0;
	}
	b->in = open(path, O_RDONLY | O_CLOEXEC);
	return b->in >= 0 ? 0 : error_set(err, CODE_INPUT, "cannot open '%s': %s", path, strerror(errno));
}

static int
read_answered(struct batch *b, struct error *err)
{
	struct buf text = {0};
	size_t whole = 0;
	int failed = file_read(b->o->out, OUT_MAX, &text, CODE_INPUT, err);

	if (!failed)
		failed = answered_read(&b->answered, &b->names, b->o->out, buf_text(&text), text.n, &whole, err);
	if (!failed && whole < text.n && ftruncate(b->out.fd, (off_t)whole) < 0)
		failed = error_set(err, CODE_STORE, "cannot write '%s': %s", b->o->out, strerror(errno));
	b->n_done = b->answered.n;
	b->n_failed = b->answered.n_failed;
	buf_done(&text);
	return failed;
}

/* The output is locked: two runs that go on with the same one would both answer its lines. */
static int
open_out(struct batch *b, struct error *err)
{
	const char *path = b->o->out;

	if (!path || strcmp(path, "-") == 0)
		return output_open(&b->out, NULL, err);
	b->out.name = path;
	b->out.fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (b->out.fd < 0)
		return error_set(err, CODE_STORE, "cannot write '%s': %s", path, strerror(errno));
	if (flock(b->out.fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return error_set(err, CODE_STORE, "'%s' is being written by another batch", path);
	return read_answered(b, err);
}

static int
open_all(struct batch *b, struct error *err)
{
	if (check_options(b->o, err) < 0 || names_parse(&b->names, b->o->map, err) < 0 ||
	    shard_parse(&b->shard, b->o->shard, err) < 0)
		return -1;
	if (open_in(b, err) < 0 || asker_open(&b->asker, b->o, err) < 0)
		return -1;
	return open_out(b, err) < 0 ? -1 : signals_open(err);
}

static void
close_all(struct batch *b)
{
	asker_close(&b->asker);
	output_close(&b->out);
	answered_done(&b->answered);
	names_done(&b->names);
	buf_done(&b->text);
	if (b->in > STDERR_FILENO)
		close(b->in);
	signals_close();
}

/* ---- a line in: an object → talk and options */

static int
add_picture(struct batch *b, struct talk *t, const json_t *path, struct error *err)
{
	const char *name = json_string_value(path);
	enum orient orient = b->o->orient_ignore || b->o->reference ? ORIENT_IGNORE : ORIENT_APPLY;
	const char *root = b->o->images_root;
	char *whole;
	int failed;

	if (!name)
		return error_set(err, CODE_INPUT, "\"%s\" must be the name of a picture, or a list of names",
		    b->names.image);
	whole = root && name[0] != '/' ? xasprintf("%s/%s", root, name) : xstrdup(name);
	t->pictures = xreallocarray(t->pictures, (size_t)t->n_pictures + 1, sizeof *t->pictures);
	failed = picture_open(&t->pictures[t->n_pictures], whole, orient, err);
	t->n_pictures += !failed;
	free(whole);
	return failed;
}

static int
add_pictures(struct batch *b, struct talk *t, const json_t *line, struct error *err)
{
	const json_t *image = json_object_get(line, b->names.image);
	json_t *one;
	size_t i;

	if (!image || json_is_null(image))
		return 0;
	if (!json_is_array(image))
		return add_picture(b, t, image, err);
	json_array_foreach(image, i, one)
		if (add_picture(b, t, one, err) < 0)
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
add_text(struct batch *b, struct talk *t, const json_t *line, struct error *err)
{
	const json_t *text = json_object_get(line, b->names.text);
	json_t *messages = json_object_get(line, "messages");

	if (text && messages)
		return error_set(err, CODE_INPUT, "\"%s\" and \"messages\" are both there", b->names.text);
	if (messages)
		return talk_add_messages(t, "messages", messages, err);
	if (text && !json_is_string(text))
		return error_set(err, CODE_INPUT, "\"%s\" must be a text", b->names.text);
	if (json_string_length(text) > 0)
		talk_add_said(t, ROLE_USER, json_string_value(text), json_string_length(text));
	else if (t->n_pictures > 0)
		talk_add_said(t, ROLE_USER, b->o->conf->image_question, strlen(b->o->conf->image_question));
	else
		return error_set(err, CODE_INPUT, "nothing to ask: no \"%s\" and no \"%s\"", b->names.text,
		    b->names.image);
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

static int
read_question(struct batch *b, struct ask *a, struct options *o, const json_t *line, struct error *err)
{
	if (!json_is_object(line))
		return error_set(err, CODE_INPUT, "the line is not a JSON object");
	if (take_sampling(o, line, err) < 0 || add_pictures(b, &a->talk, line, err) < 0 ||
	    add_text(b, &a->talk, line, err) < 0)
		return -1;
	add_suffix(&a->talk, o->suffix);
	return ask_prepare(a, err);
}

/* ---- a line out */

static int
write_line(struct batch *b, json_t *object, struct error *err)
{
	char *line = json_dumps(object, JSON_REAL_PRECISION(9));
	int failed = output_text(&b->out, line, strlen(line), err);

	if (!failed)
		failed = output_end_line(&b->out, err);
	free(line);
	json_decref(object);
	b->n_done++;
	return failed;
}

/* The number stands there for lines that have no id. */
static json_t *
begin_line(const struct batch *b, json_t *id, long line)
{
	json_t *object = json_object();

	json_object_set(object, b->names.id, id ? id : json_null());
	if (!id || json_is_null(id))
		json_object_set_new(object, "line", json_integer(line));
	return object;
}

static int
write_answer(struct batch *b, const struct ask *a, json_t *id, long line, struct error *err)
{
	json_t *object = begin_line(b, id, line);

	json_object_set_new(object, b->names.out, json_stringn(buf_text(&a->reply.text), a->reply.text.n));
	if (a->place.writer)
		json_object_set_new(object, "session", json_string(a->place.chat->id));
	report_add_figures(object, a);
	return write_line(b, object, err);
}

static int
write_error(struct batch *b, const struct error *what, json_t *id, long line, struct error *err)
{
	json_t *object = begin_line(b, id, line);

	json_object_set_new(object, "error", json_pack("{s:i, s:s}", "code", (int)what->code, "message", what->what));
	b->n_failed++;
	return write_line(b, object, err);
}

/* ---- one line */

/* What ends the run, not the line: weights that cannot be opened, a disk that is full. */
static bool
is_fatal(const struct batch *b, const struct ask *a, const struct error *err)
{
	return a->place.trouble.code || (!b->asker.device && (err->code == CODE_MODEL || err->code == CODE_MEMORY));
}

static int
answer_line(struct batch *b, json_t *object, json_t *id, long line, struct error *err)
{
	struct options o = *b->o;
	struct ask a = {.o = &o, .out = {.fd = -1}, .asker = &b->asker};
	struct error what = {0};
	int failed;

	o.no_save = !o.keep;
	failed = read_question(b, &a, &o, object, &what) < 0 || ask_answer(&a, &what) < 0;
	b->signal = a.reply.signal;
	if (a.place.trouble.code)
		what = a.place.trouble;
	if (b->signal) {
		failed = 0;
	} else if (is_fatal(b, &a, &what)) {
		*err = what;
		failed = -1;
	} else {
		failed = failed ? write_error(b, &what, id, line, err) : write_answer(b, &a, id, line, err);
	}
	ask_done(&a);
	return failed;
}

static int
take_line(struct batch *b, char *text, size_t n, long line, struct error *err)
{
	json_error_t where;
	json_t *object = jsontext_load(text, n, 0, &where), *id = json_object_get(object, b->names.id);
	char *key = answered_key(id, line);
	struct error what;
	int failed = 0;

	if (answered_take(&b->answered, key)) {
		/* done by an earlier run */
	} else if (object) {
		failed = answer_line(b, object, id, line, err);
	} else {
		error_set(&what, CODE_INPUT, "the line is not JSON: %s", where.text);
		failed = write_error(b, &what, NULL, line, err);
	}
	free(key);
	json_decref(object);
	return failed;
}

static void
show_progress(const struct batch *b, long line)
{
	if (b->progress)
		fprintf(stderr, "\r\033[Kline %ld: %d done, %d failed ", line, b->n_done, b->n_failed);
}

static bool
is_blank(const char *s)
{
	return s[strspn(s, " \t\r\n")] == '\0';
}

/* The next line with a NUL behind it, lent until the next call; NULL at the end, or when a signal came. */
static char *
next_line(struct batch *b, size_t *n, struct error *err)
{
	struct pollfd fds[2] = {{.fd = b->in, .events = POLLIN}, {.fd = signals_fd(), .events = POLLIN}};
	const char *end;
	ssize_t got = 1;

	buf_drop(&b->text, b->taken);
	while (!(end = memchr(buf_text(&b->text), '\n', b->text.n)) && got > 0) {
		poll(fds, 2, -1);
		if ((b->signal = signals_take()))
			return NULL;
		got = read(b->in, buf_room(&b->text, READ_BYTES), READ_BYTES);
		if (got < 0)
			error_set(err, CODE_INPUT, "cannot read %s: %s", b->in_name, strerror(errno));
		b->text.n += got > 0 ? (size_t)got : 0;
	}
	*n = end ? (size_t)(end - b->text.at) : b->text.n;
	b->taken = end ? *n + 1 : *n;
	if (b->taken == 0)
		return NULL;
	b->text.at[*n] = '\0';
	return b->text.at;
}

static int
each_line(struct batch *b, struct error *err)
{
	char *text;
	size_t n;
	int failed = 0;

	for (long line = 1; !failed && !b->signal && (text = next_line(b, &n, err)); line++) {
		if (!shard_has(&b->shard, line) || is_blank(text))
			continue;
		show_progress(b, line);
		failed = take_line(b, text, n, line, err);
	}
	if (b->progress)
		fputs("\r\033[K", stderr);
	return failed || err->code ? -1 : 0;
}

static int
status_of(const struct batch *b, int failed, const struct error *err)
{
	if (b->signal)
		return 128 + b->signal;
	if (failed)
		return cmd_fail(err);
	if (b->n_failed == 0)
		return CODE_OK;
	fprintf(stderr, "ivchat: %d of %d lines failed: the output says why\n", b->n_failed, b->n_done);
	return CODE_NEGATIVE;
}

static int
run(const struct command *self, struct options *o)
{
	struct batch b = {.o = o, .in = -1, .out = {.fd = -1}, .progress = !o->quiet && isatty(STDERR_FILENO)};
	struct error err = {0};
	int failed, status;

	(void)self;
	failed = open_all(&b, &err) < 0 || each_line(&b, &err) < 0;
	status = status_of(&b, failed, &err);
	close_all(&b);
	return status;
}

const struct command cmd_batch = {
	"batch", "IN.jsonl", "Answer many questions, a line of JSON each.",
	OPT_MODEL | OPT_TALK | OPT_BATCH, run,
};
