/* asker.h: the engine as the subcommands use it that ask more than once: opened by the first question, kept for those
 * that follow, opened again after it failed. */
#ifndef CMD_ASKER_H
#define CMD_ASKER_H

#include "cmd/options.h"
#include "cmd/progress.h"
#include "cmd/reply.h"
#include "engine/engine.h"
#include "link/link.h"

struct asker {
	const struct options *o;
	struct card *card;
	struct link *link;      /* NULL: no weights are open */
	char *device;           /* NULL until they were */
	struct progress progress;
};

/* Opens the card, and reads the headers of all shards. signals_open() comes before the first question. */
int
asker_open(struct asker *a, const struct options *o, struct error *err);
void
asker_close(struct asker *a);

/* Puts the question, whose contents are taken over, and waits for the end of the answer. `text` hears it as it comes
 * (NULL: nobody). -1: it failed, and r->stop is STOP_ERROR; what was said until then is in r. */
int
asker_ask_take(struct asker *a, struct question *q, int (*text)(void *arg, const struct event *e, struct error *err),
    void *arg, struct reply *r, struct error *err);

/* False: the prompt leaves no room for an answer; err says so. n_wanted tokens are enough, 64 are never too few. */
int
asker_missing(const struct asker *a, int n_prompt, int n_wanted);       /* tokens too many for it, 0: there is room */
bool
asker_has_room(const struct asker *a, int n_prompt, int n_wanted, struct error *err);

/* 32 bits, so that a person can type it again. */
uint64_t
asker_random_seed(void);

#endif
