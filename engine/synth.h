/* synth.h: the parts of a made-up checkpoint. Private to engine/. */
#ifndef ENGINE_SYNTH_H
#define ENGINE_SYNTH_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/hparams.h"

/* Values of POOL random numbers, of mean 0 and spread 1; the same on every machine. */
#define SYNTH_POOL (1u << 18)
float *
synth_pool(uint64_t seed);              /* the caller frees */

/* How the values of a tensor lie. */
struct synth_values {
	float mean, spread;
	uint64_t key;                   /* its own */
};

struct synth_mill;                      /* a thread's means to make them */
struct synth_mill *
synth_mill_new(const float *pool);      /* lent */
void
synth_mill_free(struct synth_mill *m);
/* out[n] = values [first, first + n) as bfloat16; first and n are multiples of SYNTH_BLOCK. */
#define SYNTH_BLOCK 2048
void
synth_make(struct synth_mill *m, uint16_t *out, const struct synth_values *v, uint64_t first, size_t n);

/* Whether the shape is the built-in one rather than a folder. */
static inline bool
synth_is_40b(const char *shape)
{
	return strcmp(shape, "40b") == 0;
}

/* Small files: config, tokenizer and what goes with them, config.json last. */
int
synth_small_files(const struct synth *s, const struct hparams *hp, struct error *err);
/* Their names, NULL at the end: what to remove. */
extern const char *const synth_small_names[];
/* CODE_MODEL when the tokenizer has more ids than the vocabulary. */
int
synth_check_tokenizer(const struct synth *s, const struct hparams *hp, struct error *err);

#endif
