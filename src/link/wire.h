/* wire.h: messages on a socket between two processes of one program file: their structs as they lie in memory, and behind
 * them what their pointers name. Whoever is at the other end is ours, and trusted. */
#ifndef LINK_WIRE_H
#define LINK_WIRE_H

#include "base/buf.h"
#include "base/log.h"
#include "link/message.h"

/* HELLO comes first, once, then REQUEST after REQUEST; to each of them EVENTs come back, and OVER. */
enum wire_kind { WIRE_HELLO, WIRE_REQUEST, WIRE_EVENT, WIRE_OVER };

/* 0; -1: nobody is there any more. */
int
wire_send(int fd, enum wire_kind kind, const struct buf *body);
/* Waits. The body is replaced. */
int
wire_take(int fd, enum wire_kind *kind, struct buf *body);

/* What a worker is made of. */
struct hello {
	char *dir;                      /* the model's, owned */
	struct engine_options options;  /* of weights that are read */
	enum log_level log;             /* what it logs */
};

/* A body out of a message, which stays as it is; and a message, the caller's, out of a body. */
void
wire_put_hello(struct buf *body, const struct hello *h);
void
wire_get_hello(const struct buf *body, struct hello *h);
void
wire_put_request(struct buf *body, const struct request *r);
struct request *
wire_get_request(const struct buf *body);
void
wire_put_event(struct buf *body, const struct event *e);
struct event *
wire_get_event(const struct buf *body);

#endif
