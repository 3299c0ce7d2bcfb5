/* message.h: what travels between the threads. A message is made by one side, handed over whole and freed by
 * the other; it owns all it names, so that it can also be written to a socket (wire.h). */
#ifndef LINK_MESSAGE_H
#define LINK_MESSAGE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "link/link.h"

enum request_kind { REQUEST_LOAD, REQUEST_SEE, REQUEST_WARM, REQUEST_ASK, REQUEST_LEAVE, REQUEST_RESTORE };

struct request {
	struct request *next;
	enum request_kind kind;
	bool stopped;                   /* link_stop() came while it was still waiting */
	struct pixels pixels;           /* SEE */
	struct question question;       /* ASK; of WARM the prompt */
	char *path;                     /* RESTORE; LEAVE, or NULL */
	long long max_bytes;            /* LEAVE */
};

/* What is wished of the request at work, looked at between tokens, layers and chunks; by two processes at times. */
struct wishes {
	atomic_bool stop;
	atomic_bool hurry;              /* the same, or another request waits: a favour ends here */
	atomic_bool asked;              /* a question waits, and its answer is wanted */
};

struct request *
request_new(enum request_kind kind);
void
request_free(struct request *r);

struct event *
event_new(enum event_kind kind, int ticket);

/* Adds what `more` says to `last`, the newest event that nobody has taken yet. False: they do not go
 * together. */
bool
event_merge(struct event *last, struct event *more);

#endif
