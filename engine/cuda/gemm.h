/* gemm.h: the table of algorithms, and how it is made. For gemm.c and tuning. */
#ifndef ENGINE_CUDA_GEMM_H
#define ENGINE_CUDA_GEMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GEMM_N_SETTINGS 9

/* What cublasLt shall do for products of up to m rows (and more than the next smaller m of the same n, k). */
struct gemm_choice {
	int cc;                         /* compute capability: 90 */
	size_t version;                 /* of cublasLt */
	int m, n, k;
	bool f32;
	uint32_t settings[GEMM_N_SETTINGS];     /* id, tile, stages, split k, reduction, swizzle, custom, inner, cluster */
};

/* Ends with n 0. */
extern const struct gemm_choice gemm_table[];

struct gemm;
struct product;

/* The time of the fastest of the library's proposals for one product, over n_ws weights (more than the cache holds), each
 * the median of three passes: of a card that had rest, and once more, when it has been at work for some time. What the table
 * has is not tried: these are measures, and shall not move when that grows. -1: none computes it. */
int
gemm_ceiling(struct gemm *g, const struct product *p, const void *const *ws, int n_ws, float *rested_ms, float *ms);
/* Of these proposals, and of what the table has for other shapes, the one that is fastest when the card has no rest, among
 * those that are near the fastest; first_ms: of the library's first proposal, in passes as above. */
int
gemm_tune(struct gemm *g, const struct product *p, const void *const *ws, int n_ws, struct gemm_choice *out,
    float *first_ms, float *best_ms);

#endif
