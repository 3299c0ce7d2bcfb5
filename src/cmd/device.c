/* device.c: see device.h. */
#include "config.h"

#include "cmd/device.h"

#include <assert.h>
#include <string.h>

#include "conf/value.h"

_Static_assert((int)VALUE_MAX_GPUS == (int)ENGINE_MAX_GPUS, "one limit");

static const char *const quants[] = {
	[ENGINE_AUTO] = "auto", [ENGINE_BF16] = "bf16", [ENGINE_FP8] = "fp8", [ENGINE_INT8] = "int8", [ENGINE_INT4] = "int4",
};

static const char *const guesses[] = {
	[ENGINE_GUESS_AUTO] = "auto", [ENGINE_GUESS_OFF] = "off", [ENGINE_GUESS_ON] = "on",
};

bool
device_quant_find(const char *name, enum engine_quant *out)
{
	for (size_t i = 0; i < sizeof quants / sizeof *quants; i++)
		if (strcmp(quants[i], name) == 0) {
			*out = (enum engine_quant)i;
			return true;
		}
	return false;
}

const char *
device_quant_name(enum engine_quant quant)
{
	return quants[quant];
}

static enum engine_guess
find_guess(const char *name)
{
	for (size_t i = 0; i < sizeof guesses / sizeof *guesses; i++)
		if (strcmp(guesses[i], name) == 0)
			return (enum engine_guess)i;
	assert(!"it was looked at when it was given");
	return ENGINE_GUESS_AUTO;
}

struct engine_options
device_options(const struct options *o)
{
	struct engine_options e = {.n_threads = o->threads, .n_ctx = o->ctx, .guess = find_guess(o->guess)};
	bool good = value_gpus(o->gpus, e.gpus, &e.n_gpus);

	assert(good);           /* it was looked at when it was given */
	(void)good;
	device_quant_find(o->quant, &e.quant);
	e.no_gpu = e.n_gpus < 0;
	e.n_gpus = e.n_gpus < 0 ? 0 : e.n_gpus;
	return e;
}
