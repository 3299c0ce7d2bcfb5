/* batch.c: many questions, a line of JSON each, a line of JSON for each. What is wrong with a line is said in its own
 * output line and the run goes on; what is wrong with the model, the output or the command line ends it. A line goes out
 * when it is whole and those before it are out, so a run that was stopped is gone on with by the same command.
 *
 * With --jobs several lines are under way at a time. They wait in a list in the order of the input: at its front the line
 * that the output needs next, behind it some that may be answered already. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
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
#define HELD_MAX 16     /* lines in the list, of each job: how far the others may run ahead of a long answer */

/* A line from its reading until it is out. */
struct line {
	struct line *next;
	struct options o;       /* the run's, with the line's own sampling */
	struct ask ask;
	json_t *id;             /* NULL: none */
	long number;
	bool asked;             /* and not answered yet */
	json_t *out;            /* what is to be written; NULL: not known yet, or stopped */
};

struct batch {
	const struct options *o;
	struct names names;
	struct shard shard;
	struct answered answered;
	struct asker asker;
	int in;                 /* descriptor */
	const char *in_name;
	struct buf text;        /* read; `taken` bytes of it were lines, `searched` have no end of line in them */
	size_t taken, searched;
	bool at_end;            /* of the input */
	long number;            /* of the latest line */
	struct line *lines, **lines_end;
	int n_lines, n_asked;
	struct pollfd *fds;
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
	if (open_in(b, err) < 0 || asker_open(&b->asker, b->o, err) < 0 || asker_widen(&b->asker, b->o->jobs, err) < 0)
		return -1;
	b->fds = xcalloc((size_t)b->asker.n_links + 2, sizeof *b->fds);
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
	free(b->fds);
	if (b->in > STDERR_FILENO)
		close(b->in);
	signals_close();
}

/* ---- a line out */

/* The number stands there for lines that have no id. */
static json_t *
begin_line(const struct batch *b, const struct line *l)
{
	json_t *object = json_object();

	json_object_set(object, b->names.id, l->id ? l->id : json_null());
	if (!l->id || json_is_null(l->id))
		json_object_set_new(object, "line", json_integer(l->number));
	return object;
}

static void
put_answer(const struct batch *b, struct line *l)
{
	const struct ask *a = &l->ask;

	l->out = begin_line(b, l);
	json_object_set_new(l->out, b->names.out, json_stringn(buf_text(&a->reply.text), a->reply.text.n));
	if (a->place.writer)
		json_object_set_new(l->out, "session", json_string(a->place.chat->id));
	report_add_figures(l->out, a);
}

static void
put_error(const struct batch *b, struct line *l, const struct error *what)
{
	l->out = begin_line(b, l);
	json_object_set_new(l->out, "error", json_pack("{s:i, s:s}", "code", (int)what->code, "message", what->what));
}

static int
write_line(struct batch *b, const json_t *object, struct error *err)
{
	char *line = json_dumps(object, JSON_REAL_PRECISION(9));
	int failed = output_text(&b->out, line, strlen(line), err);

	if (!failed)
		failed = output_end_line(&b->out, err);
	free(line);
	b->n_done++;
	b->n_failed += json_object_get(object, b->names.out) == NULL;
	return failed;
}

/* ---- the list */

static struct line *
add_line(struct batch *b, long number)
{
	struct line *l = xcalloc(1, sizeof *l);

	l->o = *b->o;
	l->o.no_save = !l->o.keep;
	l->ask = (struct ask){.o = &l->o, .out = {.fd = -1}, .asker = &b->asker};
	l->number = number;
	*b->lines_end = l;
	b->lines_end = &l->next;
	b->n_lines++;
	return l;
}

static void
drop_first(struct batch *b)
{
	struct line *l = b->lines;

	b->lines = l->next;
	if (!b->lines)
		b->lines_end = &b->lines;
	b->n_lines--;
	ask_done(&l->ask);
	json_decref(l->id);
	json_decref(l->out);
	free(l);
}

/* Writes what is whole at the front. Behind a line that was stopped stand some that are whole: they go out too. */
static int
write_front(struct batch *b, struct error *err)
{
	int failed = 0;

	while (!failed && b->lines && !b->lines->asked) {
		if (b->lines->out)
			failed = write_line(b, b->lines->out, err);
		drop_first(b);
	}
	return failed;
}

/* ---- one line */

/* What ends the run, not the line: weights that cannot be opened, a disk that is full. */
static bool
is_fatal(const struct ask *a, const struct error *err)
{
	return a->place.trouble.code || err->code == CODE_STORE ||
	    (!a->reply.begun && (err->code == CODE_MODEL || err->code == CODE_MEMORY));
}

/* The line's answer is there, or it failed. */
static int
end_line(struct batch *b, struct line *l, struct error *err)
{
	struct error what = {0};
	int failed = ask_end(&l->ask, &what);

	l->asked = false;
	b->n_asked--;
	if (l->ask.place.trouble.code) {
		what = l->ask.place.trouble;
		error_hint(&what, b->out.name && b->o->out ? "make room and run the same again: it goes on from there" :
		    "make room");
	}
	if (l->ask.reply.signal)
		return 0;
	if (is_fatal(&l->ask, &what)) {
		*err = what;
		return -1;
	}
	if (failed)
		put_error(b, l, &what);
	else
		put_answer(b, l);
	return 0;
}

static int
ask_line(struct batch *b, struct line *l, const json_t *object, struct error *err)
{
	struct error what = {0};

	if (question_read(&l->ask, &l->o, &b->names, object, &what) == 0 && ask_put(&l->ask, &what) == 0) {
		l->asked = true;
		b->n_asked++;
		return 0;
	}
	if (what.code == CODE_STORE) {
		*err = what;
		return -1;
	}
	put_error(b, l, &what);
	return 0;
}

static int
take_line(struct batch *b, char *text, size_t n, long number, struct error *err)
{
	json_error_t where;
	json_t *object = jsontext_load(text, n, 0, &where), *id = json_object_get(object, b->names.id);
	char *key = answered_key(id, number);
	struct error what;
	int failed = 0;

	if (!answered_take(&b->answered, key)) {
		struct line *l = add_line(b, number);

		l->id = json_incref(id);
		if (object)
			failed = ask_line(b, l, object, err);
		else
			put_error(b, l, (error_set(&what, CODE_INPUT, "the line is not JSON: %s", where.text), &what));
	}
	free(key);
	json_decref(object);
	return failed;
}

/* ---- the run */

static void
show_progress(const struct batch *b)
{
	if (b->progress)
		fprintf(stderr, "\r\033[Kline %ld: %d done, %d failed ", b->number, b->n_done, b->n_failed);
}

static bool
is_blank(const char *s)
{
	return s[strspn(s, " \t\r\n")] == '\0';
}

static bool
has_room(const struct batch *b)
{
	return !b->signal && b->n_asked < b->o->jobs && b->n_lines < b->o->jobs * HELD_MAX;
}

/* The next line with a NUL behind it, lent until the next call; NULL: it has not been read yet, or there is none. */
static char *
next_line(struct batch *b, size_t *n)
{
	const char *end;

	buf_drop(&b->text, b->taken);
	b->taken = 0;
	end = memchr(buf_text(&b->text) + b->searched, '\n', b->text.n - b->searched);
	b->searched = end ? 0 : b->text.n;
	if (!end && (!b->at_end || b->text.n == 0))
		return NULL;
	*n = end ? (size_t)(end - b->text.at) : b->text.n;
	b->taken = end ? *n + 1 : *n;
	b->searched = 0;
	b->text.at[*n] = '\0';
	return b->text.at;
}

static int
take_lines(struct batch *b, struct error *err)
{
	char *text;
	size_t n;
	int failed = 0;

	while (!failed && has_room(b) && (text = next_line(b, &n))) {
		b->number++;
		if (!shard_has(&b->shard, b->number) || is_blank(text))
			continue;
		show_progress(b);
		failed = take_line(b, text, n, b->number, err);
		if (!failed)
			failed = write_front(b, err);
	}
	return failed;
}

static int
read_more(struct batch *b, struct error *err)
{
	ssize_t got = read(b->in, buf_room(&b->text, READ_BYTES), READ_BYTES);

	if (got < 0)
		return error_set(err, CODE_INPUT, "cannot read %s: %s", b->in_name, strerror(errno));
	b->text.n += (size_t)got;
	b->at_end = got == 0;
	return 0;
}

/* Until an answer has gone on, more can be read (if `more` is wanted), or a signal came. */
static int
wait_for(struct batch *b, bool more, struct error *err)
{
	int n = asker_fds(&b->asker, b->fds + 2);

	b->fds[0] = (struct pollfd){.fd = signals_fd(), .events = POLLIN};
	b->fds[1] = (struct pollfd){.fd = more ? b->in : -1, .events = POLLIN};
	poll(b->fds, (nfds_t)n + 2, -1);
	if ((b->signal = signals_take())) {
		asker_stop(&b->asker, b->signal);
		return 0;
	}
	asker_hear(&b->asker);
	return b->fds[1].revents ? read_more(b, err) : 0;
}

static int
end_lines(struct batch *b, struct error *err)
{
	int failed = 0;

	for (struct line *l = b->lines; l; l = l->next)
		if (l->asked && l->ask.reply.over && end_line(b, l, err) < 0)
			failed = -1;
	return failed;
}

/* A signal or a failure: the answers under way are stopped and waited for; those that are whole go out. */
static int
wind_up(struct batch *b)
{
	struct error later = {0};
	int failed = 0;

	asker_stop(&b->asker, b->signal ? b->signal : SIGTERM);
	while (b->n_asked > 0) {
		poll(b->fds + 2, (nfds_t)asker_fds(&b->asker, b->fds + 2), -1);
		asker_hear(&b->asker);
		end_lines(b, &later);
	}
	failed = b->out.broken ? -1 : write_front(b, &later);
	while (b->lines)
		drop_first(b);
	return failed;
}

static int
each_line(struct batch *b, struct error *err)
{
	int failed = take_lines(b, err);

	while (!failed && !b->signal && (b->n_asked > 0 || !b->at_end || b->text.n > b->taken)) {
		failed = wait_for(b, has_room(b) && !b->at_end, err) < 0 || end_lines(b, err) < 0 ||
		    write_front(b, err) < 0 || take_lines(b, err) < 0;
	}
	wind_up(b);
	if (b->progress)
		fputs("\r\033[K", stderr);
	return failed ? -1 : 0;
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
	struct batch b = {.o = o, .in = -1, .lines_end = &b.lines, .out = {.fd = -1}, .progress = !o->quiet && isatty(STDERR_FILENO)};
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
