/* synth.c: writes a checkpoint of random weights in the published layout: files of the true size to measure with. */
#include "config.h"

#include "cmd/synth.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "cmd/cmd.h"
#include "cmd/signals.h"
#include "engine/engine.h"

#define SHOW_MS 200

struct writing {
	atomic_bool stop;
	int signal;                     /* that stopped it, or 0 */
	bool visible;
	int64_t began, shown;
};

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
	fprintf(stderr, "\r\033[Kwriting %.1f of %.1f GB, %.1f GB/s, %.0f s left", (double)done / 1e9, (double)total / 1e9,
	    rate, (double)(total - done) / 1e9 / rate);
	fflush(stderr);
	w->shown = now;
}

/* Where the tokenizer comes from: the folder given, else that of the shape, else the small model. */
static const char *
choose_tokenizer(const struct options *o, char *of_shape)
{
	return o->model_is_bundled && file_exists(of_shape) ? o->shape : o->model;
}

static int
write_it(const struct options *o, struct writing *w, struct synth_report *report, struct error *err)
{
	struct synth s = {.dir = o->operands[1], .shape = o->shape ? o->shape : "40b", .seed = o->seed,
		.n_threads = o->threads};
	struct watch watch = {.stop = &w->stop, .report = show, .arg = w};
	char *of_shape = xasprintf("%s/tokenizer.model", s.shape);
	int rc;

	s.tokenizer = choose_tokenizer(o, of_shape);
	free(of_shape);
	if (signals_open(err) < 0)
		return -1;
	rc = synth_write(&s, &watch, report, err);
	signals_close();
	if (w->shown)
		fputs("\r\033[K", stderr);
	if (rc < 0 && w->signal)
		err->code = (enum code)(128 + w->signal);
	return rc;
}

int
synth_run(const struct options *o, struct error *err)
{
	struct writing w = {.visible = !o->quiet && isatty(STDERR_FILENO), .began = clock_ms()};
	struct synth_report report;
	const char *dir;

	if (o->n_operands != 2) {
		error_set(err, CODE_USAGE, "model synth needs the folder to write");
		return error_hint(err, "ivchat model synth /dev/shm/model --shape 40b");
	}
	dir = o->operands[1];
	if (write_it(o, &w, &report, err) < 0)
		return -1;
	cmd_print(stdout, dir, strlen(dir));
	printf(": %lld bytes of random weights in %d file%s, seed %llu\n", report.bytes, report.n_shards,
	    report.n_shards == 1 ? "" : "s", (unsigned long long)o->seed);
	return 0;
}
