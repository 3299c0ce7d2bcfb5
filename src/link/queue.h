/* queue.h: two lists of messages under one mutex, the wish to stop, the haste of what waits, and the descriptor that
 * wakes the main loop. This is all that the two threads share. */
#ifndef LINK_QUEUE_H
#define LINK_QUEUE_H

#include <pthread.h>
#include <stdbool.h>

#include "base/error.h"
#include "link/message.h"

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t came;            /* a request was put, or the end was called */
	struct request *requests, **requests_end;
	struct event *events, *newest;
	bool busy;                      /* the worker is at a request */
	bool ending;
	bool woken;                     /* a byte is in the pipe */
	int wake[2];
	struct wishes *wishes;
	int memory;                     /* the descriptor of what they lie in, which another process can map too */
};

int
queue_init(struct queue *q, struct error *err);
void
queue_done(struct queue *q);            /* both threads but one are gone */

/* ---- the main thread's side */

void
queue_put(struct queue *q, struct request *r);  /* a WARM takes the place of one that waits */
void
queue_stop(struct queue *q);            /* the request at work, and all that wait now */
void
queue_end(struct queue *q);             /* queue_next() gives what is to be kept, then NULL, from now on */
struct event *
queue_take(struct queue *q);

/* ---- the worker's side */

/* Waits for the next request; NULL when the end was called. The wishes are then those of this request alone. */
struct request *
queue_next(struct queue *q);
void
queue_tell(struct queue *q, struct event *e);

#endif
