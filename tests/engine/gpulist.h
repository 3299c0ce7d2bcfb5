/* gpulist.h: the GPUs that a test is told to use, such as "0" or "0,1". */
#ifndef TESTS_GPULIST_H
#define TESTS_GPULIST_H

#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"

/* text NULL: none, the CPU computes. */
static inline void
take_gpus(struct engine_options *o, const char *text)
{
	o->no_gpu = !text;
	for (o->n_gpus = 0; text && *text && o->n_gpus < ENGINE_MAX_GPUS; text += *text == ',') {
		o->gpus[o->n_gpus++] = atoi(text);
		text += strcspn(text, ",");
	}
}

#endif
