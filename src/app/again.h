/* again.h: the model answers once more, or goes on. */
#ifndef APP_AGAIN_H
#define APP_AGAIN_H

#include "base/error.h"

struct app;

/* Another answer to the question of this message's turn; temp < 0: as it is set. */
int
again_regen(struct app *app, int id, float temp, struct error *err);
/* The answer `id`, which must be the end of the branch, goes on from its last token. */
int
again_continue(struct app *app, int id, struct error *err);

#endif
