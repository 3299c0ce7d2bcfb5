/* apart.h: the engine in a process of its own, for when this one has no use of its GPU any more: CUDA, after a kernel that
 * read or wrote where nothing is, works again in a new process only. The other is this program once more (link_serve); it is
 * given one request after the other, and what it has to tell is told here. */
#ifndef LINK_APART_H
#define LINK_APART_H

#include <stdbool.h>
#include <sys/types.h>

#include "link/worker.h"

struct apart {
	pid_t pid;                      /* 0: there is none */
	int fd;
};

static inline bool
apart_is_open(const struct apart *a)
{
	return a->pid != 0;
}

/* Starts a process with w's card and options, and its wishes, which lie in this memory. */
int
apart_open(struct apart *a, const struct worker *w, int memory, struct error *err);
/* It has ended by itself since: nobody was there to see it. */
bool
apart_has_ended(const struct apart *a);
/* Has it carry out the request as w would, and returns then. A process that ends, or has lost its engine, is told as a
 * failure and closed: the next load opens another. */
void
apart_do(struct apart *a, const struct worker *w, const struct request *r);
void
apart_close(struct apart *a);

#endif
