/* reply.c: see reply.h. The loop of a program without a screen: worker and signals. */
#include "config.h"

#include "cmd/reply.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "cmd/signals.h"

struct waiting {
	struct reply *reply;
	struct link *link;
	const struct listener *to;
	struct error *err;
	bool failed;            /* err holds the first failure */
};

/* Ctrl-C is the person's wish; anything else took the listener away. */
static enum stop
stop_reason(const struct waiting *w, enum stop stop)
{
	if (stop != STOP_USER)
		return stop;
	return w->reply->signal == SIGINT ? STOP_USER : STOP_HANGUP;
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

static void
take_text(struct waiting *w, struct event *e)
{
	if (!w->failed && w->to->text(w->to->arg, e, w->err) < 0) {
		w->failed = true;
		link_stop(w->link);
	}
	buf_add(&w->reply->text, e->text, e->text_n);
	take_tokens(w->reply, e);
}

static void
take_done(struct waiting *w, struct event *e)
{
	struct reply *r = w->reply;

	r->segs = e->segs;
	r->n_segs = e->n_segs;
	e->segs = NULL;
	r->over = true;
	r->stop = stop_reason(w, e->stop);
	r->sync = e->sync;
	r->ms_prefill = e->ms_prefill;
	r->ms_first = e->ms_first;
	r->ms_total = e->ms_total;
}

/* Loading that was stopped is an answer stopped before its first word. */
static void
take_failed(struct waiting *w, const struct event *e)
{
	struct reply *r = w->reply;

	r->over = true;
	r->stop = STOP_ERROR;
	if (e->error.code == CODE_SIGINT) {
		r->stop = stop_reason(w, STOP_USER);
		return;
	}
	if (!w->failed)
		*w->err = e->error;
	w->failed = true;
}

static void
take(struct waiting *w, struct event *e)
{
	struct reply *r = w->reply;

	switch (e->kind) {
	case EVENT_PROGRESS:
		w->to->progress(w->to->arg, e);
		break;
	case EVENT_READY:
		r->begun = true;
		r->ms_load = e->ms_load;
		free(r->device);
		r->device = xstrdup(e->device);
		break;
	case EVENT_TEXT:
		take_text(w, e);
		break;
	case EVENT_DONE:
		take_done(w, e);
		break;
	case EVENT_FAILED:
		take_failed(w, e);
		break;
	}
}

static void
take_all(struct waiting *w)
{
	struct event *next;

	for (struct event *e = link_take(w->link); e; e = next) {
		next = e->next;
		if (!w->reply->over)
			take(w, e);
		event_free(e);
	}
}

static void
take_signal(struct waiting *w)
{
	int sig = signals_take();

	if (!sig)
		return;
	if (!w->reply->signal)
		w->reply->signal = sig;
	link_stop(w->link);
}

int
reply_get(struct reply *r, struct link *l, const struct listener *to, struct error *err)
{
	struct waiting w = {.reply = r, .link = l, .to = to, .err = err};
	struct pollfd fds[2] = {{.fd = link_fd(l), .events = POLLIN}, {.fd = signals_fd(), .events = POLLIN}};

	while (!r->over) {
		poll(fds, 2, -1);
		take_signal(&w);
		take_all(&w);
	}
	return w.failed ? -1 : 0;
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
