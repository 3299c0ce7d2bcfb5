/* kernels.h: what runs on the card, as C functions that launch it on a stream. No function here waits, allocates or
 * fails by itself: a launch that the device refuses is found by cuda_note() behind the call.
 *
 * Types: x, logits and all vectors (norms, biases, scales of layers) are float32; activations between products and the
 * KV cache are bfloat16, written as uint16_t here. Rows are n_columns apart unless a stride is given.
 */
#ifndef ENGINE_CUDA_KERNELS_H
#define ENGINE_CUDA_KERNELS_H

#include <cuda_runtime_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How a matrix of the decoder is stored. */
enum quant { QUANT_BF16, QUANT_FP8, QUANT_INT8, QUANT_INT4 };

/* A matrix [rows, cols] on the card. BF16, FP8, INT8: row-major. INT4: in tiles (packed.cuh says how). */
struct matrix {
	const void *at;
	const void *scale;              /* float32 a row; INT4: fp16 a row and group of 128 */
	int rows, cols;
	int half;                       /* rows half apart belong together: head_dim / 2, or all of gate; 0: none do */
	enum quant quant;
	int gpu;                        /* index into cuda.gpu */
};

/* Rows that are computed at once, each as it would be alone: what decoding products and attention take at most. */
#define GEMV_ROWS 4

/* What a row of a decoding step reads from the card's memory, so that one recorded graph serves every step. */
struct step_state {
	int32_t id, pos;                /* the token and its place; it sees keys 0 … pos */
};

/* The two largest of a row of logits, the lower id on a tie; finite: none of them is NaN and the best is a number. */
struct top2 {
	int32_t id, second_id;
	float best, second;
	int32_t finite;
};

/* ---- norm.cu */

/* out[n, size] bf16 = w * rms(x) */
void
cuda_rms_norm(cudaStream_t s, uint16_t *out, const float *x, const float *w, int n, int size, float eps);
/* In place on bf16 rows that are stride apart: q and k of the tower, each over its whole width, in one launch. */
void
cuda_qk_norm(cudaStream_t s, uint16_t *qkv, const float *q_norm, const float *k_norm, int n, int size, float eps);
/* x += scale * (y + bias); and, when w is given, out = w * rms(x). y is bf16 [n, size]. */
void
cuda_residual_norm(cudaStream_t s, float *x, const uint16_t *y, const float *bias, const float *scale, uint16_t *out,
    const float *w, int n, int size, float eps);
/* out bf16 = layer norm of x bf16, in place allowed */
void
cuda_layer_norm(cudaStream_t s, uint16_t *out, const uint16_t *x, const float *w, const float *bias, int n, int size,
    float eps);

/* ---- pointwise.cu */

/* x[i] = table[ids[i]] where ids[i] ≥ 0; table bf16 [vocab, size] */
void
cuda_embed(cudaStream_t s, float *x, const uint16_t *table, const int32_t *ids, int n, int size);
/* The same for the one token of the state. */
void
cuda_embed_step(cudaStream_t s, float *x, const uint16_t *table, const struct step_state *state, int size);
/* Row i of gu [n, 2 size] becomes silu(gate) * up in its first half: h with a stride of 2 size. */
void
cuda_silu_mul(cudaStream_t s, uint16_t *gu, int n, int size);
/* x = gelu(x + bias), exact erf form */
void
cuda_bias_gelu(cudaStream_t s, uint16_t *x, const float *bias, int n, int size);
/* out f32 = y bf16 + bias */
void
cuda_add_bias(cudaStream_t s, float *out, const uint16_t *y, const float *bias, int n, int size);
/* out[3, size, size] = (rgb / 255 - mean) / std of rgb[size, size, 3], each step rounded as on the host */
void
cuda_pixel_values(cudaStream_t s, float *out, const uint8_t *rgb, int size, const float mean[3], const float std[3]);
/* Rows of 3 P P pixel values, in the weight's order: channel, line, column; padded with zeros to width. */
void
cuda_patches(cudaStream_t s, uint16_t *out, const float *pixels, int size, int patch, int width);
/* x[0] = class + position[0]; x[1 + i] = y[i] + bias + position[1 + i]; position is of the tower's own grid */
void
cuda_place_patches(cudaStream_t s, float *x, const uint16_t *y, const float *class_embedding, const float *bias,
    const float *position, int n_patches, int size);
/* out[t, 4 C] bf16 from x[1 + grid², C] without its class token; transposed: the first release's order */
void
cuda_pixel_shuffle(cudaStream_t s, uint16_t *out, const float *x, int grid, int n_channels, bool transposed);
/* qkv bf16 [n, q + 2 kv] → q roped in place, k roped and v into the cache at positions pos … ; tables f32 [n_ctx, D/2] */
void
cuda_rope_store(cudaStream_t s, uint16_t *qkv, uint16_t *k, uint16_t *v, const float *cos, const float *sin, int n, int pos,
    int n_heads, int n_kv_heads, int head_dim);
/* f32 or f16 → bf16 (nearest even); bf16, f16 or f32 → f32 */
enum number { NUMBER_F32, NUMBER_BF16, NUMBER_F16 };
void
cuda_to_bf16(cudaStream_t s, uint16_t *out, const void *in, enum number type, size_t n);
void
cuda_to_f32(cudaStream_t s, float *out, const void *in, enum number type, size_t n);
/* Uniform in ±range, bf16 or f32 (mean then added): weights for measuring. */
void
cuda_random(cudaStream_t s, void *out, enum number type, size_t n, float range, float mean, uint32_t seed);

/* ---- gemm_wgmma.cu: y [n, rows] = silu(x gateᵀ) (x upᵀ), of many rows; gate and up are rounded to bf16 first. sm_90 only */
#define SWIGLU_MIN_ROWS 129             /* fewer are bound by reading the weights, by whatever way */
#define SWIGLU_MARKS 512
struct swiglu {
	const void *w;                  /* bf16 [2 rows, cols]: gate, then up */
	const void *x;                  /* bf16 [n, cols], x_stride values apart */
	uint16_t *y;                    /* bf16, y_stride values apart */
	int rows, cols, n, x_stride, y_stride;
	void *work;                     /* room that nobody else uses meanwhile; the more, the better use of the last blocks */
	size_t work_bytes;
	unsigned *marks;                /* [SWIGLU_MARKS], all zero, and left so */
	int n_sm;
};
/* Whether it is for the current card and this shape; w is not looked at. */
bool
cuda_swiglu_takes(const struct swiglu *g);
/* false: nothing was done, the driver does not describe tensors for copies. */
bool
cuda_swiglu(cudaStream_t s, const struct swiglu *g);

/* ---- attention.cu: many rows. out bf16 [n, heads D] = softmax(q kᵀ / √D) v, row r sees keys 0 … pos + r; pos < 0: all */
struct attend {
	const uint16_t *q, *k, *v;
	uint16_t *out;
	int q_stride, kv_stride, out_stride;    /* in values, between rows */
	int n_heads, n_kv_heads, head_dim, n_rows, n_keys, pos;
};
void
cuda_attention(cudaStream_t s, const struct attend *a);

/* ---- decode_attention.cu: n rows of a step, 1 … GEMV_ROWS, each by its own state and as if alone; q bf16 [n, heads D], out
 * in rows that begin on 16 bytes, as gemv.cu takes them */
#define DECODE_SPLITS 32
/* Values of float32 that partial holds, for GEMV_ROWS. */
size_t
cuda_decode_partial(int n_heads, int head_dim);
/* counters: a zero for every row, kv head and block of 8 heads; left zero. */
void
cuda_decode_attention(cudaStream_t s, uint16_t *out, const uint16_t *q, const uint16_t *k, const uint16_t *v,
    const struct step_state *state, int n, float *partial, unsigned *counters, int n_heads, int n_kv_heads, int head_dim,
    int n_ctx, bool chained);

/* ---- gemv.cu: products of one row or a few with a matrix, and what follows them. What comes of a row does not hang on
 * the others, to the bit. bf16 rows (in, h) begin on 16 bytes: they are as many values apart as they have, or up to 7 more. */
struct gemv {
	const struct matrix *w;         /* fused: q k v, or gate up */
	const float *norm;              /* x is normalised by it first; NULL: in is used */
	const float *x;                 /* f32 [n, cols] */
	const uint16_t *in;             /* bf16 [n, cols] */
	float eps;
	int n;                          /* rows, 1 … GEMV_ROWS */
	int n_sm;
	int shared;                     /* bytes of shared memory that a block can have */
	bool chained;                   /* the card lets a kernel begin while the one before ends (sm_90) */
};
/* q bf16 [n, heads D]; k and v into the cache rows of the step */
struct gemv_rope {
	uint16_t *q, *k, *v;
	const float *cos, *sin;
	const struct step_state *state; /* [n] */
	int n_heads, n_kv_heads, head_dim;
};
void
cuda_gemv_qkv(cudaStream_t s, const struct gemv *g, const struct gemv_rope *r);
/* x_out [n, rows] += w in */
void
cuda_gemv_residual(cudaStream_t s, const struct gemv *g, float *x_out);
/* h bf16 [n, rows / 2] = silu(gate) * up */
void
cuda_gemv_swiglu(cudaStream_t s, const struct gemv *g, uint16_t *h);
/* out f32 [n, rows] */
void
cuda_gemv_plain(cudaStream_t s, const struct gemv *g, float *out);

/* ---- sample.cu */
/* out [n_rows] of logits [n_rows, n]. work: room for 2 KiB a row, zero at first and left so */
void
cuda_top2(cudaStream_t s, struct top2 *out, const float *logits, int n_rows, int n, void *work, bool chained);

#ifdef __cplusplus
}
#endif

#endif
