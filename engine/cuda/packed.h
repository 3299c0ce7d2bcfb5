/* packed.h: matrices of 8 and 4 bits a weight: their layout, packing, unpacking, and products with some rows.
 *
 * m->rows, cols, half and quant decide the layout; m->at and m->scale are taken by the caller, aligned to 512 bytes, in
 * the sizes of cuda_packed_bytes(), and need no clearing. Rows are named in the order of the unfused tensors one after
 * the other (all of q, k, v; all of gate, up) wherever they lie packed.
 */
#ifndef ENGINE_CUDA_PACKED_H
#define ENGINE_CUDA_PACKED_H

#include "engine/cuda/kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- quant.cu */

void
cuda_packed_bytes(const struct matrix *m, size_t *at, size_t *scale);
/* Rows row … row + n_rows - 1 of m from rows, bf16 [n_rows, cols] on the card. Whole rows, in any order and number. */
void
cuda_pack_rows(cudaStream_t s, const struct matrix *m, int row, int n_rows, const uint16_t *rows);
/* What was packed before, as tensor.h says that it lies in files. n bytes of INT8 in place: the sign becomes the offset that
 * packed.cuh has. INT4 from q [n_rows, (cols + 1) / 2] and scales fp16 [n_rows, groups], both on the card. */
void
cuda_take_int8(cudaStream_t s, void *at, size_t n);
void
cuda_take_int4(cudaStream_t s, const struct matrix *m, int row, int n_rows, const void *from);
void
cuda_take_int4_scales(cudaStream_t s, const struct matrix *m, int row, int n_rows, const void *from);
/* out bf16 [rows, cols]: all of m in its unfused order. INT4 and FP8 exactly, INT8 rounded to bf16. */
void
cuda_unpack(cudaStream_t s, uint16_t *out, const struct matrix *m);

/* ---- gemm_packed.cu: some rows */
/* Of x. With more, unpacking once and multiplying as bf16 is faster: by wgmma, of 8 bits and of 4; by mma.sync. */
#define PACKED_MAX_ROWS 1024
#define PACKED_MAX_ROWS_4 512
#define PACKED_MAX_ROWS_MMA 256
enum gemm_end {
	GEMM_STORE,                     /* y bf16 [m, rows] */
	GEMM_ADD,                       /* y float32 [m, rows], and is added to */
	GEMM_SWIGLU,                    /* w is gate above up, both products are rounded to bf16: silu(gate) up, bf16 [m, rows], */
};                                      /* of which the first halves of the rows are written */
struct gemm_packed {
	const struct matrix *w;
	const uint16_t *x;              /* bf16 [m, cols], x_stride values apart */
	void *y;
	int m, x_stride;
	enum gemm_end end;
	void *work;                     /* cuda_gemm_packed_work bytes, zero at first */
	int max_cols, max_rows;         /* what work was made for */
	int n_sm;
	size_t shared_sm, shared_block; /* bytes of shared memory a multiprocessor has, and a block may take */
	bool chained;
};
/* Whether a product of m rows is to be had this way: rows of x that a tile then has, or 0. */
int
cuda_gemm_packed_tokens(const struct matrix *w, int m, size_t shared_block);
size_t
cuda_gemm_packed_work(int n_sm, int max_cols, int max_rows);
void
cuda_gemm_packed(cudaStream_t s, const struct gemm_packed *g);

#ifdef __cplusplus
}
#endif

#endif
