/* crew.h: threads that share out long work piece by piece, while the caller watches. Private to engine/. */
#ifndef ENGINE_CREW_H
#define ENGINE_CREW_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/error.h"

struct watch;

struct crew {
	int n_pieces;
	int n_threads;                  /* 0: all cores */
	long long total;                /* bytes, as the watch is told */
	void *arg;
	/* What one thread has for itself, and its end; then piece after piece, whoever is free taking the next: 0, or -1
	 * with the reason, which ends all. A piece that takes long looks at crew_ends() now and then, and returns. */
	void *(*begin)(void *arg);
	void (*end)(void *own);
	int (*work)(struct crew *c, void *own, int piece, struct error *err);
	/* private */
	atomic_int next, n_running;
	atomic_llong done;
	atomic_bool quit;
	pthread_mutex_t lock;           /* of what follows */
	bool failed;
	struct error failure;
};

/* Returns when all is done, or with the first failure; CODE_SIGINT when stopped. doing: "writing the checkpoint". */
int
crew_run(struct crew *c, const char *doing, const struct watch *watch, struct error *err);

static inline bool
crew_ends(struct crew *c)
{
	return atomic_load(&c->quit);
}

static inline void
crew_did(struct crew *c, long long bytes)
{
	atomic_fetch_add(&c->done, bytes);
}

#endif
