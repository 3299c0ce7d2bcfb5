/* choose.h: which device computes, and how the weights are held there. Private to engine/. */
#ifndef ENGINE_CHOOSE_H
#define ENGINE_CHOOSE_H

#include "engine/engine.h"
#include "engine/model.h"

#define CHOOSE_MARGIN (256LL << 20)     /* bytes that are left free: what the runtime itself takes along the way */

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

/* A model under so many bytes is left to the CPU unless cards are asked for by number, for a card takes longer to wake
 * than such a model to answer. */
#define CHOOSE_SMALL (512LL << 20)
/* By what was asked for and what is free: as few cards as hold it, in bf16 if any number of them does, else in int8,
 * else in int4; weights that are stored packed only as they are. c->n_gpus, gpus and free say what there is, and become what is taken. CODE_MEMORY: nothing fits; the
 * hint says what would, and c keeps all cards with what they would have to hold. Touches no card. */
int
choose_among(struct choice *c, const struct model *m, const struct engine_options *o, int n_ctx, struct error *err);
/* choose_among() the cards there are, by what they have free now; 0 cards: the CPU. CODE_USAGE: stored weights are asked for
 * in another form. */
int
choose_device(struct choice *out, const struct model *m, const struct engine_options *o, int n_ctx, struct error *err);

/* Where the CPU is to compute: 0, or the word that what was asked for takes a GPU. */
int
choose_cpu(const struct hparams *hp, const struct engine_options *o, struct error *err);

#ifdef HAVE_CUDA
#include "engine/cuda/kernels.h"        /* enum quant */

/* The same for the backend; AUTO is BF16. */
enum quant
choose_quant(enum engine_quant quant);
#endif

#endif
