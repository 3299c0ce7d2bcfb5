/* branches.h: the other branches of the conversation. */
#ifndef APP_BRANCHES_H
#define APP_BRANCHES_H

#include "base/error.h"

struct app;

/* The branch before (-1) or after (1) the one of message `id`, if another begins there. */
int
branches_step(struct app *app, int id, int by, struct error *err);
/* The question of turn `turn` on the current branch, from 1; 0: there is no such turn. */
int
branches_turn(const struct app *app, int turn);
/* A new session of the branch up to the turn of message `id`; name may be empty. */
int
branches_fork(struct app *app, int id, const char *name, struct error *err);

#endif
