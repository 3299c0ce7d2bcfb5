/* repeat.h: a stored session and an engine, for the two ways of `replay` that compute: --verify and --run. */
#ifndef CMD_REPEAT_H
#define CMD_REPEAT_H

#include "cmd/asker.h"
#include "cmd/shelf.h"
#include "cmd/squares.h"

struct repeat {
	const struct options *o;
	struct shelf shelf;
	struct chat *chat;
	struct asker asker;
	struct squares squares;
	bool negative;          /* something differs */
	int signal;             /* that ended it, or 0 */
};

int
repeat_open(struct repeat *a, const struct options *o, struct error *err);
void
repeat_close(struct repeat *a);

/* Which question of its branch a message is or answers, from 1 on. */
int
repeat_turn(const struct chat *c, int id);

/* verify.c, rerun.c. -1 with err; otherwise look at `negative` and `signal`. */
int
repeat_verify(struct repeat *a, struct error *err);
int
repeat_run(struct repeat *a, struct error *err);

#endif
