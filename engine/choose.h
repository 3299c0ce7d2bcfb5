/* choose.h: which device computes, and how the weights are held there. Private to engine/. */
#ifndef ENGINE_CHOOSE_H
#define ENGINE_CHOOSE_H

#include "engine/engine.h"
#include "engine/model.h"

/* What one card would hold, in bytes. */
struct card_load {
	long long weights, kv, work;
};

struct choice {
	int n_gpus;                     /* 0: the CPU */
	int gpus[ENGINE_MAX_GPUS];      /* device numbers */
	enum engine_quant quant;        /* never AUTO */
	struct card_load load[ENGINE_MAX_GPUS];
	long long free[ENGINE_MAX_GPUS];
};

/* How much n cards hold of a model with these shapes. */
void
choose_loads(const struct model *m, enum engine_quant quant, int n_ctx, int n_gpus, struct card_load out[]);

/* By what was asked for and what is free: as few cards as hold it, in bf16 if any number of them does, else in int8,
 * else in int4. A model under CHOOSE_SMALL bytes is left to the CPU unless cards are asked for by number, for a card
 * takes longer to wake than such a model to answer. CODE_MEMORY: cards were asked for and are not there, or nothing
 * fits; the hint says what would. */
#define CHOOSE_SMALL (512LL << 20)
int
choose_device(struct choice *out, const struct model *m, const struct engine_options *o, int n_ctx, struct error *err);

#endif
