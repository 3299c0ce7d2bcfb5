/* message.c: making, freeing and joining of requests and events. Knows no lock: whoever calls owns the
 * message. */
#include "config.h"

#include "link/message.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

struct request *
request_new(enum request_kind kind)
{
	struct request *r = xcalloc(1, sizeof *r);

	r->kind = kind;
	return r;
}

void
request_free(struct request *r)
{
	if (!r)
		return;
	pixels_done(&r->pixels);
	prompt_done(&r->question.prompt);
	free(r->question.segs);
	free(r->path);
	free(r);
}

struct event *
event_new(enum event_kind kind, int ticket)
{
	struct event *e = xcalloc(1, sizeof *e);

	e->kind = kind;
	e->ticket = ticket;
	return e;
}

void
event_free(struct event *e)
{
	if (!e)
		return;
	for (int i = 0; i < e->n_tokens; i++)
		free(e->tokens[i].best);
	free(e->tokens);
	free(e->segs);
	free(e->text);
	free(e->device);
	free(e);
}

static void
join_text(struct event *last, const struct event *more)
{
	if (more->text_n == 0)
		return;
	last->text = xrealloc(last->text, last->text_n + more->text_n + 1);
	memcpy(last->text + last->text_n, more->text, more->text_n);
	last->text_n += more->text_n;
	last->text[last->text_n] = '\0';
}

/* The candidates of the moved tokens change hands: more->n_tokens is 0 afterwards. */
static void
join_tokens(struct event *last, struct event *more)
{
	size_t had = (size_t)last->n_tokens, came = (size_t)more->n_tokens;

	if (came == 0)
		return;
	last->tokens = xreallocarray(last->tokens, had + came, sizeof *last->tokens);
	memcpy(last->tokens + had, more->tokens, came * sizeof *more->tokens);
	last->n_tokens += more->n_tokens;
	more->n_tokens = 0;
}

bool
event_merge(struct event *last, struct event *more)
{
	if (last->kind != more->kind || last->ticket != more->ticket)
		return false;
	if (last->kind == EVENT_TEXT) {
		join_text(last, more);
		join_tokens(last, more);
		return true;
	}
	if (last->kind == EVENT_PROGRESS && last->stage == more->stage) {
		last->done = more->done;
		last->total = more->total;
		return true;
	}
	return false;
}
