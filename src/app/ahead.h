/* ahead.h: work before it is asked for: what is sure to stand at the beginning of the next prompt is computed while the
 * person types. */
#ifndef APP_AHEAD_H
#define APP_AHEAD_H

#include "link/link.h"

struct app;

struct ahead {
	struct prompt held;             /* what the worker has been given last; of its pictures the keys alone */
};

/* The next prompt may begin differently, or the worker is free again: hands it what it lacks of it. */
void
ahead_offer(struct app *app);
/* A question goes to the worker; its answer is there. */
void
ahead_asked(struct ahead *a, const struct prompt *prompt);
void
ahead_answered(struct ahead *a, const struct message *answer);
/* The worker holds nothing, or something else. */
void
ahead_forget(struct ahead *a);

#endif
