/* load.h: the model: its card, the worker, loading in the background. */
#ifndef APP_LOAD_H
#define APP_LOAD_H

#include "link/link.h"

struct app;

enum engine_state {
	ENGINE_NONE,            /* there is no model, and there will be none */
	ENGINE_LOADING,
	ENGINE_READY,
	ENGINE_LOST,            /* it failed, or its loading was stopped; the next question loads it again */
};

void
load_start(struct app *app);
void
load_again(struct app *app);                    /* after the engine was lost */
void
load_lost(struct app *app, const struct error *why);    /* says why, and that what is said next loads it again */
bool
load_stop(struct app *app);                     /* false: nothing is loading */
void
load_event(struct app *app, const struct event *e);
void
load_end(struct app *app);

#endif
