/* quantize.c: writes a model with packed weights as a folder that loads by itself. */
#include "config.h"

#include "cmd/quantize.h"

#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/device.h"
#include "cmd/writing.h"
#include "engine/engine.h"

static int
write_it(const struct quantize *q, bool quiet, struct quantize_report *report, struct error *err)
{
	struct writing w;
	struct watch watch = writing_watch(&w);

	if (writing_begin(&w, "packing", quiet, err) < 0)
		return -1;
	return writing_end(&w, quantize_write(q, &watch, report, err), err);
}

int
quantize_run(const struct options *o, struct error *err)
{
	struct quantize q = {.n_threads = o->threads};
	struct quantize_report report;

	device_quant_find(o->quant, &q.quant);
	if (o->n_operands != 3 || q.quant < ENGINE_FP8) {
		error_set(err, CODE_USAGE, o->n_operands != 3 ? "model quantize needs the model's folder and the one to write" :
		    "model quantize needs --quant fp8, int8 or int4");
		return error_hint(err, "ivchat model quantize InternVL-Chat-V1-2-Plus InternVL-int8 --quant int8");
	}
	q.from = o->operands[1];
	q.to = o->operands[2];
	if (write_it(&q, o->quiet, &report, err) < 0)
		return -1;
	cmd_print(stdout, q.to, strlen(q.to));
	printf(": %s, %lld bytes of weights in %d file%s, of %lld; packed ones are off by %.2f %%\n", o->quant, report.bytes,
	    report.n_files, report.n_files == 1 ? "" : "s", report.from_bytes, 100 * report.error);
	return 0;
}
