/* progress.c: see progress.h. What takes less than half a second is not worth a line. */
#include "config.h"

#include "cmd/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define PATIENCE_MS 500

void
progress_init(struct progress *p, bool quiet)
{
	const char *term = getenv("TERM");

	*p = (struct progress){.since = clock_ms()};
	p->on = !quiet && isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
}

void
progress_show(struct progress *p, enum stage stage, long long done, long long total)
{
	static const char *const names[] = {
		[STAGE_LOAD] = "loading the model",
		[STAGE_PICTURE] = "looking at the picture",
		[STAGE_PREFILL] = "reading",
	};

	if (!p->on || total <= 0 || clock_ms() - p->since < PATIENCE_MS)
		return;
	fprintf(stderr, "\r\033[K%s %d %%", names[stage], (int)(100 * done / total));
	fflush(stderr);
	p->shown = true;
}

void
progress_clear(struct progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
	fflush(stderr);
	p->shown = false;
}
