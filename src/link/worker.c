/* worker.c: requests are carried out here: the only caller of the running half of engine.h, and the only place where an
 * answer is generated. Everything it has to say is told as an event; it touches nothing else of the program. */
#include "config.h"

#include "link/worker.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

/* One request while it is worked on. */
struct job {
	struct worker *worker;
	int ticket;
	int64_t since;
};

static int
ms_since(int64_t since)
{
	return (int)(clock_ms() - since);
}

static bool
stopped(const struct worker *w)
{
	return atomic_load(&w->wishes->stop);
}

static void
report(void *arg, enum stage stage, long long done, long long total)
{
	struct job *job = arg;
	struct event *e = event_new(EVENT_PROGRESS, job->ticket);

	e->stage = stage;
	e->done = done;
	e->total = total;
	job->worker->tell(job->worker->to, e);
}

static struct watch
watch_of(struct job *job)
{
	return (struct watch){.stop = &job->worker->wishes->stop, .report = report, .arg = job};
}

static void
tell_failed(struct worker *w, int ticket, const struct error *err)
{
	struct event *e = event_new(EVENT_FAILED, ticket);

	e->error = *err;
	w->tell(w->to, e);
}

static void
drop_engine(struct worker *w)
{
	context_free(w->context);
	engine_free(w->engine);
	w->context = NULL;
	w->engine = NULL;
	w->computed = false;
}

/* After it has been told: a device in trouble may take its time to let go. */
static void
drop_lost(struct worker *w, const struct error *why)
{
	if (why->code == CODE_ENGINE)
		drop_engine(w);
}

/* ---- load, see, warm */

static int
open_engine(struct job *job, struct error *err)
{
	struct worker *w = job->worker;
	struct watch watch = watch_of(job);

	if (w->engine)
		return 0;
	if (stopped(w))
		return error_set(err, CODE_SIGINT, "loading was stopped");
	w->engine = engine_open(w->card, &w->options, &watch, err);
	if (!w->engine)
		return -1;
	w->context = context_new(w->engine, err);
	if (w->context)
		return 0;
	drop_engine(w);
	return -1;
}

static void
load(struct worker *w)
{
	struct job job = {.worker = w, .since = clock_ms()};
	struct error err = {0};
	struct event *e;

	if (open_engine(&job, &err) < 0) {
		tell_failed(w, 0, &err);
		return;
	}
	e = event_new(EVENT_READY, 0);
	e->device = xstrdup(engine_device(w->engine));
	e->ms_load = ms_since(job.since);
	w->tell(w->to, e);
}

/* A picture seen early is a favour: without an engine, or when stopped, it is left for the answer. */
static void
see(struct worker *w, const struct pixels *pixels)
{
	struct watch watch = {.stop = &w->wishes->stop};
	struct error err = {0};

	if (!w->engine || stopped(w) || engine_see(w->engine, pixels, &watch, &err) == 0 ||
	    err.code == CODE_SIGINT)
		return;
	tell_failed(w, 0, &err);
	drop_lost(w, &err);
}

/* The prompt's beginning computed early is a favour too, and gives way to whatever comes; what is done by then stays in the
 * context, which says of itself how far it is. */
static void
warm(struct worker *w, const struct prompt *prompt)
{
	struct watch watch = {.stop = &w->wishes->hurry};
	struct error err = {0};

	if (!w->engine || atomic_load(&w->wishes->hurry))
		return;
	w->computed = true;
	if (context_sync(w->context, prompt, &watch, NULL, &err) == 0 || err.code == CODE_SIGINT || err.code == CODE_INPUT)
		return;
	tell_failed(w, 0, &err);
	drop_lost(w, &err);
}

/* ---- leave, restore */

static int
write_timeline(struct worker *w, const char *path, long long max_bytes, struct error *err)
{
	struct watch watch = {.stop = &w->wishes->asked};
	long long bytes = context_save_bytes(w->context);
	char *folder = xstrndup(path, (size_t)(strrchr(path, '/') - path));
	int rc = 0;

	if (bytes > max_bytes)
		rc = error_set(err, CODE_STORE, "it would have %lld bytes, and %lld are allowed", bytes, max_bytes);
	if (rc == 0)
		rc = file_make_dirs(folder, 0700, err);
	if (rc == 0)
		rc = file_make_room(folder, max_bytes - bytes, err);
	if (rc == 0)
		rc = context_save(w->context, path, &watch, err);
	free(folder);
	return rc;
}

/* What went wrong with a favour is for the log; a lost device is not. */
static void
favour_failed(struct worker *w, const char *what, const struct error *err)
{
	log_line("%s: %s", what, err->what);
	if (err->code != CODE_ENGINE)
		return;
	tell_failed(w, 0, err);
	drop_lost(w, err);
}

static void
leave(struct worker *w, const char *path, long long max_bytes)
{
	int64_t since = clock_ms();
	struct error err = {0};

	if (path && w->computed && context_n_used(w->context) > 0) {
		atomic_store(&w->keeping, true);
		if (write_timeline(w, path, max_bytes, &err) == 0)
			log_debug("%d tokens kept in '%s' after %d ms", context_n_used(w->context), path, ms_since(since));
		else
			favour_failed(w, "no KV snapshot is written", &err);
		atomic_store(&w->keeping, false);
	}
	w->computed = false;
}

static void
restore(struct worker *w, const char *path)
{
	struct watch watch = {.stop = &w->wishes->stop};
	int64_t since = clock_ms();
	struct error err = {0};

	if (!w->engine || stopped(w))
		return;
	w->computed = false;
	if (context_restore(w->context, path, &watch, &err) == 0)
		log_debug("%d tokens taken from '%s' after %d ms", context_n_used(w->context), path, ms_since(since));
	else
		favour_failed(w, "the KV snapshot is not used", &err);
}

/* ---- an answer */

struct answer {
	struct job job;
	const struct question *question;
	struct sampler *sampler;
	struct stream stream;
	struct event *done;             /* figures are gathered here while it goes on */
};

static bool
ends(const struct worker *w, int32_t id)
{
	const struct card_info *info = card_info(w->card);

	for (int i = 0; i < info->n_stops; i++)
		if (info->stops[i] == id)
			return true;
	return false;
}

static void
set_text(struct event *e, struct buf *text)
{
	e->text_n = text->n;
	e->text = buf_take(text);
}

/* What was said of this answer before, so that the text and the repetition penalty go on from there. */
static void
recall_said(struct answer *a)
{
	const struct ids *ids = &a->question->prompt.ids;
	struct buf text = {0};

	assert(a->question->n_said >= 0 && (size_t)a->question->n_said <= ids->n);
	for (size_t i = ids->n - (size_t)a->question->n_said; i < ids->n; i++) {
		stream_push(&a->stream, ids->at[i], &text);
		sampler_remember(a->sampler, ids->at[i]);
	}
	buf_done(&text);
}

static struct token
token_of(const struct answer *a, const struct step *step)
{
	struct token t = {.id = step->id, .ms = ms_since(a->job.since)};

	if (a->question->n_best > 0 && step->n_best > 0) {
		t.logprob = step->logprob;
		t.n_best = step->n_best;
		t.best = xreallocarray(NULL, (size_t)step->n_best, sizeof *t.best);
		memcpy(t.best, step->best, (size_t)step->n_best * sizeof *t.best);
	}
	return t;
}

static void
tell_token(struct answer *a, const struct step *step)
{
	struct event *e = event_new(EVENT_TEXT, a->job.ticket);
	struct buf text = {0};

	stream_push(&a->stream, step->id, &text);
	set_text(e, &text);
	e->tokens = xmalloc(sizeof *e->tokens);
	e->tokens[0] = token_of(a, step);
	e->n_tokens = 1;
	a->job.worker->tell(a->job.worker->to, e);
}

/* What the stream held back: a character that stayed unfinished. */
static void
tell_rest(struct answer *a)
{
	struct event *e = event_new(EVENT_TEXT, a->job.ticket);
	struct buf text = {0};

	stream_finish(&a->stream, &text);
	set_text(e, &text);
	if (e->text_n > 0)
		a->job.worker->tell(a->job.worker->to, e);
	else
		event_free(e);
}

/* Token after token until something ends it. STOP_ERROR leaves the reason in err. */
static enum stop
generate(struct answer *a, struct error *err)
{
	struct worker *w = a->job.worker;
	const struct question *q = a->question;
	struct step step;

	for (int n = 0; q->max_tokens <= 0 || n < q->max_tokens; n++) {
		if (stopped(w))
			return STOP_USER;
		if (context_step(w->context, a->sampler, q->n_best, &step, err) < 0)
			return err->code == CODE_INPUT ? STOP_CONTEXT : STOP_ERROR;
		if (n == 0)
			a->done->ms_first = ms_since(a->job.since);
		if (ends(w, step.id))
			return STOP_EOS;
		tell_token(a, &step);
	}
	return STOP_LENGTH;
}

static int
prefill(struct answer *a, struct error *err)
{
	struct worker *w = a->job.worker;
	const struct question *q = a->question;
	struct watch watch = watch_of(&a->job);
	int rc;

	w->computed = true;
	if (q->fresh)
		context_reset(w->context);
	if (q->segs)
		rc = context_sync_as(w->context, &q->prompt, q->segs, q->n_segs, &watch, &a->done->sync, err);
	else
		rc = context_sync(w->context, &q->prompt, &watch, &a->done->sync, err);
	if (rc == 0)
		a->done->n_segs = context_segs(w->context, &a->done->segs);
	return rc;
}

static enum stop
prefill_and_generate(struct answer *a, struct error *err)
{
	struct worker *w = a->job.worker;
	struct guess_report before, after;
	enum stop stop;

	if (stopped(w))
		return STOP_USER;
	if (!w->engine) {
		error_set(err, CODE_ENGINE, "the model is not loaded");
		return STOP_ERROR;
	}
	if (prefill(a, err) < 0)
		return err->code == CODE_SIGINT ? STOP_USER : STOP_ERROR;
	a->done->ms_prefill = ms_since(a->job.since);
	before = context_guesses(w->context);
	stop = generate(a, err);
	after = context_guesses(w->context);
	a->done->guesses = (struct guess_report){ after.passes - before.passes, after.guessed - before.guessed,
		after.right - before.right };
	return stop;
}

static void
answer(struct worker *w, const struct question *q)
{
	struct answer a = {.job = {w, q->ticket, clock_ms()}, .question = q};
	struct error err = {0};

	a.done = event_new(EVENT_DONE, q->ticket);
	a.sampler = sampler_new(&q->sampling, card_info(w->card)->vocab_size);
	stream_init(&a.stream, card_tokenizer(w->card));
	recall_said(&a);
	a.done->stop = prefill_and_generate(&a, &err);
	a.done->ms_total = ms_since(a.job.since);
	tell_rest(&a);
	if (a.done->stop == STOP_ERROR) {
		a.done->kind = EVENT_FAILED;
		a.done->error = err;
	}
	w->tell(w->to, a.done);
	drop_lost(w, &err);
	sampler_free(a.sampler);
}

void
worker_do(struct worker *w, const struct request *r)
{
	switch (r->kind) {
	case REQUEST_LOAD:
		load(w);
		break;
	case REQUEST_SEE:
		see(w, &r->pixels);
		break;
	case REQUEST_WARM:
		warm(w, &r->question.prompt);
		break;
	case REQUEST_ASK:
		answer(w, &r->question);
		break;
	case REQUEST_LEAVE:
		leave(w, r->path, r->max_bytes);
		break;
	case REQUEST_RESTORE:
		restore(w, r->path);
		break;
	}
}

void
worker_done(struct worker *w)
{
	drop_engine(w);
}
