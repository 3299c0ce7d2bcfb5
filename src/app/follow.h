/* follow.h: a conversation that another terminal writes, read along. It is shown as it grows; nothing can be changed in
 * it until that writer has let it go: then the first change takes it over. */
#ifndef APP_FOLLOW_H
#define APP_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "store/store.h"

struct app;

struct follow {
	struct follower *reader;        /* NULL: this is no such conversation; its chat is app->chat */
	struct error why;               /* why it cannot be written */
	int64_t due;                    /* when to look again */
	int last;                       /* the message that was shown last, */
	size_t last_n;                  /* and how much of its text */
	int n_changes;                  /* system messages and drops that were shown */
	bool free;                      /* its writer is gone, and that was said */
};

/* What is open now: says why it is only shown, and asks what to do about another host's lock. */
void
follow_show(struct app *app);
int
follow_timeout(const struct app *app);          /* ms until follow_tick has something to do, or -1 */
void
follow_tick(struct app *app);
/* 0 when nobody writes it any more: it is ours now. */
int
follow_take_over(struct app *app, struct error *err);
/* Ends following; the chat stays. */
void
follow_end(struct follow *f);

#endif
