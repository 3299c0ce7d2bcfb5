/* tables.h: numbers that every backend computes with and that are made on the host, once. */
#ifndef ENGINE_CPU_TABLES_H
#define ENGINE_CPU_TABLES_H

#include "engine/tensor.h"

/* cos and sin [n_ctx, head_dim / 2] of the rotary angles */
void
cpu_rope_table(float *cos, float *sin, int n_ctx, int head_dim, float theta);

/* out [1 + grid², C] = the stored positions, the patches' resampled when the grids differ */
void
cpu_positions(float *out, const struct tensor *position, int grid);

#endif
