/* ask.c: one question, the answer on standard output, end. The order: everything that can be wrong with the
 * question is found before anything is stored; the question is stored before the weights are loaded; the
 * answer as it comes. */
#include "config.h"

#include "cmd/ask.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "cmd/cmd.h"
#include "cmd/signals.h"
#include "link/link.h"

/* ---- before */

static int
check_reference(const struct options *o, struct error *err)
{
	if (o->temp_set || o->top_p_set || o->top_k_set || o->repeat_penalty_set || o->seed_set)
		return error_set(err, CODE_USAGE, "--reference is greedy: it takes no sampling options");
	if (o->system)
		return error_set(err, CODE_USAGE,
		    "--reference uses the model's own system message: it takes no -S");
	if (o->go_on || o->session || o->name)
		return error_set(err, CODE_USAGE, "--reference is not stored: it takes no -c, -s or --name");
	return 0;
}

static int
check_options(const struct options *o, struct error *err)
{
	if (o->go_on && o->session)
		return error_set(err, CODE_USAGE, "-c and -s do not go together");
	if (o->messages && (o->go_on || o->session))
		return error_set(err, CODE_USAGE, "--messages is a whole conversation: it takes no -c or -s");
	if (o->json && o->stream_json)
		return error_set(err, CODE_USAGE, "--json and --stream-json do not go together");
	if ((o->prompt_ids || o->logprobs) && !o->json && !o->stream_json)
		return error_set(err, CODE_USAGE, "--%s is printed as JSON only: it needs --json",
		    o->prompt_ids ? "prompt-ids" : "logprobs");
	return o->reference ? check_reference(o, err) : 0;
}

static void
choose_sampling(struct ask *a)
{
	const struct options *o = a->o;

	a->sampling = (struct sampling){o->temp, o->top_p, o->top_k, o->repeat_penalty, o->seed};
	if (!o->seed_set)
		a->sampling.seed = asker_random_seed();
	if (o->reference)
		a->sampling = (struct sampling){.temp = 0, .top_p = 1, .repeat_penalty = 1};
}

static int
check_card(const struct ask *a, struct error *err)
{
	const struct card_info *info = card_info(a->card);

	if (info->text_only && a->talk.n_pictures > 0)
		return error_set(err, CODE_INPUT,
		    "'%s' is a plain text model: it takes no pictures", info->name);
	if (a->o->reference && a->talk.system && strcmp(a->talk.system, info->system_message) != 0)
		return error_set(err, CODE_INPUT,
		    "the messages begin with a system message, and --reference uses the model's own");
	return 0;
}

/* The squares are made: what the pictures decode to is not needed any more, and may be large. */
static void
drop_pixels(struct talk *t)
{
	for (int i = 0; i < t->n_pictures; i++) {
		free(t->pictures[i].rgb);
		t->pictures[i].rgb = NULL;
	}
}

int
ask_prepare(struct ask *a, struct error *err)
{
	a->card = a->asker->card;
	if (check_card(a, err) < 0 || place_open(&a->place, a->o, a->card, err) < 0)
		return -1;
	choose_sampling(a);
	a->question = place_say(&a->place, &a->talk, a->o);
	if (ask_prompt(a, err) < 0)
		return -1;
	drop_pixels(&a->talk);
	return 0;
}

/* The asker reads the headers of all shards, so that a folder that is not whole leaves no session behind. */
static int
prepare(struct ask *a, struct error *err)
{
	if (check_options(a->o, err) < 0 || output_open(&a->out, a->o->out, err) < 0)
		return -1;
	if (talk_read(&a->talk, a->o, err) < 0 || asker_open(a->asker, a->o, err) < 0)
		return -1;
	return ask_prepare(a, err);
}

/* ---- while it is answered */

static void
store_part(struct ask *a, const struct event *e)
{
	struct message *m = place_answer(&a->place);

	message_append(m, e->text, e->text_n);
	for (int i = 0; i < e->n_tokens; i++)
		message_add_id(m, e->tokens[i].id, e->tokens[i].ms);
	place_put_part(&a->place);
}

/* Stored first, shown then: what was seen is never lost. */
static int
hear_text(void *arg, const struct event *e, struct error *err)
{
	struct ask *a = arg;

	store_part(a, e);
	return a->hear ? a->hear(a, e, err) : 0;
}

static int
print_text(struct ask *a, const struct event *e, struct error *err)
{
	if (a->o->stream_json)
		return report_text(a, e->text, e->text_n, err);
	if (a->o->json || a->o->no_stream)
		return 0;
	return output_text(&a->out, e->text, e->text_n, err);
}

static struct question
take_question(struct ask *a)
{
	struct question q = {
		.prompt = a->prompt, .sampling = a->sampling, .max_tokens = a->o->max_tokens, .n_best = a->o->logprobs,
		.fresh = true,
	};

	a->prompt = (struct prompt){0};
	return q;
}

/* ---- after */

static void
store_answer(struct ask *a)
{
	const struct reply *r = &a->reply;
	struct message *m;

	if (!r->begun && r->stop == STOP_ERROR)
		return;
	m = place_answer(&a->place);
	m->stop = r->stop;
	m->sampling = a->sampling;
	m->max_tokens = a->o->max_tokens;
	m->n_prompt = a->n_prompt;
	m->n_reused = r->sync.n_reused;
	message_set_segs(m, r->segs, r->n_segs);
	m->build = xstrdup(PACKAGE_VERSION);
	m->device = r->device ? xstrdup(r->device) : NULL;
	place_put_answer(&a->place);
}

/* An engine that failed before it said anything leaves nothing on standard output. */
static int
end_output(struct ask *a, struct error *err)
{
	const struct reply *r = &a->reply;

	if (a->o->stream_json)
		return r->stop == STOP_ERROR ? 0 : report_end(a, err);
	if (r->stop == STOP_ERROR && (a->o->json || r->text.n == 0))
		return 0;
	if (a->o->json)
		return report_whole(a, err);
	if (a->o->no_stream && output_text(&a->out, buf_text(&r->text), r->text.n, err) < 0)
		return -1;
	return output_end_line(&a->out, err);
}

static void
print_notes(const struct ask *a)
{
	const struct reply *r = &a->reply;
	int ms = r->ms_total - r->ms_first;
	char guesses[64] = "";
	char *figures;

	if (r->guesses.guessed > 0)
		snprintf(guesses, sizeof guesses, " (%lld of %lld guesses right)", r->guesses.right, r->guesses.guessed);
	figures = xasprintf("load %d ms; prompt %d tokens (%d of pictures, %d reused) in %d ms; answer %d tokens, "
	                    "%.1f tokens/s%s; %s; %s",
	    r->ms_load, a->n_prompt, a->n_picture_tokens, r->sync.n_reused, r->ms_prefill, r->n_tokens,
	    r->n_tokens > 1 && ms > 0 ? (r->n_tokens - 1) * 1000.0 / ms : 0.0, guesses, stop_name(r->stop),
	    r->device ? r->device : "");

	log_debug("%s", figures);
	if (a->o->verbose)
		fprintf(stderr, "%s\n", figures);
	free(figures);
	if (a->o->quiet || !isatty(STDERR_FILENO))
		return;
	if (r->stop == STOP_LENGTH)
		fprintf(stderr, "ivchat: the answer is cut at %d tokens (-n)\n", a->o->max_tokens);
	if (r->stop == STOP_CONTEXT)
		fputs("ivchat: the context is full: the answer is cut\n", stderr);
}

int
ask_put(struct ask *a, struct error *err)
{
	struct question q = take_question(a);

	place_put_question(&a->place, &a->talk, a->o);
	return asker_put_take(a->asker, &q, hear_text, a, &a->reply, err);
}

int
ask_end(struct ask *a, struct error *err)
{
	store_answer(a);
	if (a->reply.error.code)
		*err = a->reply.error;
	return a->reply.error.code ? -1 : 0;
}

static int
put_and_wait(struct ask *a, struct error *err)
{
	struct question q;
	int failed;

	place_put_question(&a->place, &a->talk, a->o);
	if (a->o->stream_json && report_start(a, err) < 0)
		return -1;
	q = take_question(a);
	failed = asker_ask_take(a->asker, &q, hear_text, a, &a->reply, err);
	store_answer(a);
	return failed;
}

static int
answer(struct ask *a, struct error *err)
{
	struct error later = {0};
	int failed = put_and_wait(a, err);

	if (end_output(a, &later) < 0 && !failed) {
		*err = later;
		failed = -1;
	}
	print_notes(a);
	return failed;
}

/* A signal says more than the write errors that it brings along. */
static int
status_of(struct ask *a, int failed, struct error *err)
{
	struct error later;

	if (a->reply.signal)
		return 128 + a->reply.signal;
	if (failed && a->o->stream_json && a->out.fd >= 0 && err->code != CODE_SIGPIPE)
		report_error(a, err, &later);
	if (failed)
		return cmd_fail(err);
	if (!a->place.trouble.code)
		return CODE_OK;
	if (session_n_waiting(a->place.writer) > 0)
		error_hint(&a->place.trouble, "make room, or another place by IVCHAT_HOME: the answer is only what was "
		    "printed, it is not stored");
	return cmd_fail(&a->place.trouble);
}

void
ask_done(struct ask *a)
{
	place_close(&a->place);
	squares_done(&a->squares);
	prompt_done(&a->prompt);
	ids_done(&a->prompt_ids);
	reply_done(&a->reply);
	talk_done(&a->talk);
}

static int
run(const struct command *self, struct options *o)
{
	struct asker asker = {0};
	struct ask a = {.o = o, .out = {.fd = -1}, .asker = &asker, .hear = print_text};
	struct error err = {0};
	int status, failed;

	(void)self;
	failed = prepare(&a, &err) < 0 || signals_open(&err) < 0 || answer(&a, &err) < 0;
	status = status_of(&a, failed, &err);
	ask_done(&a);
	asker_close(&asker);
	output_close(&a.out);
	signals_close();
	return status;
}

const struct command cmd_ask = {
	"ask", "[TEXT...]", "Ask one question; the answer goes to standard output.",
	OPT_MODEL | OPT_PICTURE | OPT_TALK | OPT_SESSION | OPT_ASK, run,
};
