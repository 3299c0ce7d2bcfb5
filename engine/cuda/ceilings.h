/* ceilings.h: what engine/bench.c asks of the CUDA backend. C, and the two kernels' launchers. */
#ifndef ENGINE_CUDA_CEILINGS_H
#define ENGINE_CUDA_CEILINGS_H

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Reads n bytes (a multiple of 16) and keeps nothing: `unroll` 4 or 8 loads of 16 bytes a thread in flight, 512 threads
 * a block, n_blocks blocks. sink: 4 bytes that are never written in practice. */
void
cuda_read_all(cudaStream_t s, const void *at, size_t n, int unroll, int n_blocks, unsigned *sink);

#ifdef __cplusplus
}
#else

#include "engine/bench.h"
#include "engine/backend.h"

void
cuda_bench_shape(const struct backend *b, struct bench_shape *out);
double
cuda_step_bytes(const struct backend *b, const struct model *m);
int
cuda_ceilings(struct backend *b, struct bench_ceilings *out, struct error *err);
int
cuda_tune(struct backend *b, const struct model *m, bench_tell *tell, void *arg, struct error *err);

#endif

#endif
