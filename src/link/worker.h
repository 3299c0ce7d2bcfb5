/* worker.h: what carries requests out, one after the other. It knows a card, whom to tell, and what is wished of it meanwhile;
 * no screen, no conversation, no file but those that requests name. */
#ifndef LINK_WORKER_H
#define LINK_WORKER_H

#include "engine/engine.h"
#include "link/message.h"

struct worker {
	const struct card *card;
	struct engine_options options;
	const struct wishes *wishes;
	void (*tell)(void *to, struct event *e);        /* takes the event over */
	void *to;
	struct engine *engine;          /* NULL until loaded, and after the device failed */
	struct context *context;
	bool computed;                  /* the timeline holds what no file does, of the conversation that is open */
	atomic_bool keeping;            /* a file of it is being written */
};

/* All of them on one thread. */
void
worker_do(struct worker *w, const struct request *r);
void
worker_done(struct worker *w);          /* frees the engine */

#endif
