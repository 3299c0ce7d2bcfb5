/* asker.h: the engine as the subcommands use it that ask more than once: opened by the first question, kept for those
 * that follow, opened again after it failed. For several questions at a time the CPU has several engines, each with its
 * share of the threads and all on the same mapped weights; GPUs have one, whose questions wait for each other. */
#ifndef CMD_ASKER_H
#define CMD_ASKER_H

#include <poll.h>

#include "cmd/options.h"
#include "cmd/progress.h"
#include "cmd/reply.h"
#include "engine/engine.h"
#include "link/link.h"

struct asking;

struct asker {
	const struct options *o;
	struct card *card;
	struct link **links;            /* [n_links]; NULL: not started */
	int n_links, n_threads;         /* each engine's threads; 0: what the options say */
	struct asking *asking;          /* questions under way, oldest first */
	int ticket;                     /* of the latest question */
	struct progress progress;
};

/* Opens the card, and reads the headers of all shards. signals_open() comes before the first question. */
int
asker_open(struct asker *a, const struct options *o, struct error *err);
void
asker_close(struct asker *a);

/* So many questions may be under way at a time from now on; before the first one. */
int
asker_widen(struct asker *a, int n, struct error *err);

/* Hears the text as it comes; -1: nobody listens. */
typedef int (*asker_text_fn)(void *arg, const struct event *e, struct error *err);

/* Puts the question, whose contents are taken over, and waits for the end of the answer. `text` hears it as it comes
 * (NULL: nobody). -1: it failed, and r->stop is STOP_ERROR; what was said until then is in r. */
int
asker_ask_take(struct asker *a, struct question *q, asker_text_fn text, void *arg, struct reply *r, struct error *err);

/* The same without waiting: r stays where it is until r->over. */
int
asker_put_take(struct asker *a, struct question *q, asker_text_fn text, void *arg, struct reply *r, struct error *err);
/* The descriptors of what asker_hear() would take, one for each engine: fds has room for n_links. Returns how many. */
int
asker_fds(const struct asker *a, struct pollfd *fds);
/* What the engines have said since. */
void
asker_hear(struct asker *a);
/* Stops all questions under way; their replies get the signal. */
void
asker_stop(struct asker *a, int signal);

/* False: the prompt leaves no room for an answer; err says so. n_wanted tokens are enough, 64 are never too few. */
int
asker_missing(const struct asker *a, int n_prompt, int n_wanted);       /* tokens too many for it, 0: there is room */
bool
asker_has_room(const struct asker *a, int n_prompt, int n_wanted, struct error *err);

/* 32 bits, so that a person can type it again. */
uint64_t
asker_random_seed(void);

#endif
