/* reply.h: one answer from the worker, gathered until it has ended, with signals and the listener's troubles
 * turned into a stop. */
#ifndef CMD_REPLY_H
#define CMD_REPLY_H

#include "base/buf.h"
#include "base/error.h"
#include "link/link.h"

struct reply {
	bool over;
	bool begun;             /* the engine was ready and took the question up */
	int signal;             /* the first that came, or 0 */
	enum stop stop;
	struct buf text;
	struct token *tokens;   /* the stop id left out */
	int n_tokens;
	struct sync_report sync;
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

/* Waits until the answer has ended. -1: the engine or the listener failed; what was said so far is in r all
 * the same. */
int
reply_get(struct reply *r, struct link *l, const struct listener *to, struct error *err);
void
reply_done(struct reply *r);

#endif
