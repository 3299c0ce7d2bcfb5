/* reply.c: see reply.h. */
#include "config.h"

#include "cmd/reply.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* Ctrl-C is the person's wish; anything else took the listener away. */
static enum stop
stop_reason(const struct reply *r, enum stop stop)
{
	if (stop != STOP_USER)
		return stop;
	return r->signal == SIGINT ? STOP_USER : STOP_HANGUP;
}

/* The tokens change hands. */
static void
take_tokens(struct reply *r, struct event *e)
{
	size_t had = (size_t)r->n_tokens, came = (size_t)e->n_tokens;

	if (came == 0)
		return;
	r->tokens = xreallocarray(r->tokens, had + came, sizeof *r->tokens);
	memcpy(r->tokens + had, e->tokens, came * sizeof *e->tokens);
	r->n_tokens += e->n_tokens;
	e->n_tokens = 0;
}

static int
take_text(struct reply *r, struct event *e, const struct listener *to)
{
	int failed = r->error.code ? 0 : to->text(to->arg, e, &r->error);

	buf_add(&r->text, e->text, e->text_n);
	take_tokens(r, e);
	return failed;
}

static void
take_done(struct reply *r, struct event *e)
{
	r->segs = e->segs;
	r->n_segs = e->n_segs;
	e->segs = NULL;
	r->over = true;
	r->stop = stop_reason(r, e->stop);
	r->sync = e->sync;
	r->guesses = e->guesses;
	r->ms_prefill = e->ms_prefill;
	r->ms_first = e->ms_first;
	r->ms_total = e->ms_total;
}

/* Loading that was stopped is an answer stopped before its first word. */
static void
take_failed(struct reply *r, const struct event *e)
{
	r->over = true;
	r->stop = STOP_ERROR;
	if (e->error.code == CODE_SIGINT)
		r->stop = stop_reason(r, STOP_USER);
	else if (!r->error.code)
		r->error = e->error;
}

int
reply_take(struct reply *r, struct event *e, const struct listener *to)
{
	switch (e->kind) {
	case EVENT_PROGRESS:
		to->progress(to->arg, e);
		break;
	case EVENT_READY:
		r->begun = true;
		r->ms_load = e->ms_load;
		free(r->device);
		r->device = xstrdup(e->device);
		break;
	case EVENT_TEXT:
		return take_text(r, e, to);
	case EVENT_DONE:
		take_done(r, e);
		break;
	case EVENT_FAILED:
		take_failed(r, e);
		break;
	}
	return 0;
}

void
reply_done(struct reply *r)
{
	for (int i = 0; i < r->n_tokens; i++)
		free(r->tokens[i].best);
	free(r->tokens);
	free(r->segs);
	free(r->device);
	buf_done(&r->text);
	*r = (struct reply){0};
}
