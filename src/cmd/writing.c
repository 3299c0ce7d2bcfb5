/* writing.c: see writing.h. */
#include "config.h"

#include "cmd/writing.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "cmd/signals.h"

#define SHOW_MS 200

/* Called often while it writes: the place to see a signal. */
static void
show(void *arg, enum stage stage, long long done, long long total)
{
	struct writing *w = arg;
	int64_t now = clock_ms();
	double rate = now > w->began ? (double)done / 1e6 / (double)(now - w->began) : 0;        /* GB/s */

	(void)stage;
	if (!w->signal && (w->signal = signals_take()))
		atomic_store(&w->stop, true);
	if (!w->visible || now - w->shown < SHOW_MS || rate <= 0)
		return;
	fprintf(stderr, "\r\033[K%s %.1f of %.1f GB, %.1f GB/s, %.0f s left", w->verb, (double)done / 1e9,
	    (double)total / 1e9, rate, (double)(total - done) / 1e9 / rate);
	fflush(stderr);
	w->shown = now;
}

int
writing_begin(struct writing *w, const char *verb, bool quiet, struct error *err)
{
	*w = (struct writing){.verb = verb, .visible = !quiet && isatty(STDERR_FILENO), .began = clock_ms()};
	return signals_open(err);
}

struct watch
writing_watch(struct writing *w)
{
	return (struct watch){.stop = &w->stop, .report = show, .arg = w};
}

int
writing_end(struct writing *w, int rc, struct error *err)
{
	signals_close();
	if (w->shown)
		fputs("\r\033[K", stderr);
	if (rc < 0 && w->signal)
		err->code = (enum code)(128 + w->signal);
	return rc;
}
