/* writing.h: a checkpoint being written: how far it is, on standard error, and the signals that end it. */
#ifndef CMD_WRITING_H
#define CMD_WRITING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "engine/engine.h"

struct writing {
	const char *verb;               /* "writing" */
	atomic_bool stop;
	int signal;                     /* that stopped it, or 0 */
	bool visible;
	int64_t began, shown;
};

/* Catches signals from now on, and shows progress on a terminal unless quiet. */
int
writing_begin(struct writing *w, const char *verb, bool quiet, struct error *err);
/* What the engine is told; w stays where it is. */
struct watch
writing_watch(struct writing *w);
/* Wipes the line; after a failure the signal that it came from becomes its code. Returns rc. */
int
writing_end(struct writing *w, int rc, struct error *err);

#endif
