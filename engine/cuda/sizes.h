/* sizes.h: what a model takes on the cards, for the plan: arithmetic alone, no card is touched. */
#ifndef ENGINE_CUDA_SIZES_H
#define ENGINE_CUDA_SIZES_H

#include "engine/cuda/kernels.h"
#include "engine/model.h"

struct gpu_sizes {
	size_t weights;                 /* bytes */
	int n_layers;                   /* of the decoder; each has keys and values */
};

/* m needs shapes only. */
void
cuda_sizes(const struct model *m, enum quant quant, int n_gpus, struct gpu_sizes out[]);

#endif
