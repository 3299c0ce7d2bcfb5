/* verify.h: /verify: recorded answers computed once more by the engine that is loaded. While it runs the engine is taken:
 * what is sent waits in the queue of talk.c. */
#ifndef APP_VERIFY_H
#define APP_VERIFY_H

#include <stdbool.h>

#include "base/error.h"
#include "link/link.h"

struct app;

struct verify {
	bool running, stopping;
	int ticket;
	int *ids;                       /* messages of one branch: at `at` and behind are still to be looked at */
	int n, at;
	int turn;                       /* of the one that runs */
	int only;                       /* this turn; 0: all */
	unsigned other;                 /* enum verdict_other of the one that runs */
	struct token *tokens;           /* that it gives now */
	int n_tokens;
	int n_same, n_differ;
};

/* Begins with the answers of the current branch, or with one turn's. */
int
verify_begin(struct app *app, int turn, struct error *err);
/* true: the event was one of these answers'. */
bool
verify_event(struct app *app, struct event *e);
void
verify_stop(struct app *app);
void
verify_done(struct verify *v);

#endif
