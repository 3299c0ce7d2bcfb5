/* progress.h: one line on standard error, when that is a terminal, while there is nothing else to see. */
#ifndef CMD_PROGRESS_H
#define CMD_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/engine.h"

struct progress {
	bool on;
	bool shown;
	int64_t since;
};

void
progress_init(struct progress *p, bool quiet);
void
progress_show(struct progress *p, enum stage stage, long long done, long long total);
void
progress_clear(struct progress *p);     /* before anything else is written; may be called at any time */

#endif
