/* worker.h: the engine's thread. It knows a queue and a card; no screen, no conversation, no file but those that requests name. */
#ifndef LINK_WORKER_H
#define LINK_WORKER_H

#include "engine/engine.h"
#include "link/queue.h"

struct worker {
	struct queue *queue;
	const struct card *card;
	struct engine_options options;
	struct engine *engine;          /* NULL until loaded, and after the device failed */
	struct context *context;
	bool computed;                  /* the timeline holds what no file does, of the conversation that is open */
	atomic_bool keeping;            /* a file of it is being written */
};

/* The thread's function: takes requests until the queue ends, then frees the engine. */
void *
worker_run(void *worker);

#endif
