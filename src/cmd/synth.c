/* synth.c: writes a checkpoint of random weights in the published layout: files of the true size to measure with. */
#include "config.h"

#include "cmd/synth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "cmd/cmd.h"
#include "cmd/writing.h"
#include "engine/engine.h"

/* Where the tokenizer comes from: the folder given, else that of the shape, else the small model. */
static const char *
choose_tokenizer(const struct options *o, char *of_shape)
{
	return o->model_is_bundled && file_exists(of_shape) ? o->shape : o->model;
}

static int
write_it(const struct options *o, struct synth_report *report, struct error *err)
{
	struct synth s = {.dir = o->operands[1], .shape = o->shape ? o->shape : "40b", .seed = o->seed,
		.n_threads = o->threads};
	char *of_shape = xasprintf("%s/tokenizer.model", s.shape);
	struct writing w;
	struct watch watch = writing_watch(&w);

	s.tokenizer = choose_tokenizer(o, of_shape);
	free(of_shape);
	if (writing_begin(&w, "writing", o->quiet, err) < 0)
		return -1;
	return writing_end(&w, synth_write(&s, &watch, report, err), err);
}

int
synth_run(const struct options *o, struct error *err)
{
	struct synth_report report;
	const char *dir;

	if (o->n_operands != 2) {
		error_set(err, CODE_USAGE, "model synth needs the folder to write");
		return error_hint(err, "ivchat model synth /dev/shm/model --shape 40b");
	}
	dir = o->operands[1];
	if (write_it(o, &report, err) < 0)
		return -1;
	cmd_print(stdout, dir, strlen(dir));
	printf(": %lld bytes of random weights in %d file%s, seed %llu\n", report.bytes, report.n_shards,
	    report.n_shards == 1 ? "" : "s", (unsigned long long)o->seed);
	return 0;
}
