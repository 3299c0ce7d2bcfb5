/* reply.h: one answer from the worker, gathered event by event until it has ended. */
#ifndef CMD_REPLY_H
#define CMD_REPLY_H

#include "base/buf.h"
#include "base/error.h"
#include "link/link.h"

struct reply {
	bool over;
	bool begun;             /* the engine was ready and took the question up */
	int signal;             /* the first that came, or 0; set by whoever waits */
	enum stop stop;
	struct error error;     /* the first failure, of the engine or of the listener; code 0: none */
	struct buf text;
	struct token *tokens;   /* the stop id left out */
	int n_tokens;
	struct sync_report sync;
	struct guess_report guesses;
	struct seg *segs;       /* how the prompt was computed */
	int n_segs;
	int ms_load, ms_prefill, ms_first, ms_total;
	char *device;
};

struct listener {
	void (*progress)(void *arg, const struct event *e);
	int (*text)(void *arg, const struct event *e, struct error *err);    /* -1: nobody listens */
	void *arg;
};

/* What the worker says of this answer. The event's contents may change hands; the caller frees it. -1: the listener
 * failed just now, and the answer may as well be stopped. */
int
reply_take(struct reply *r, struct event *e, const struct listener *to);
void
reply_done(struct reply *r);

#endif
