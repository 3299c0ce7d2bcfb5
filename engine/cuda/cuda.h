/* cuda.h: what the files of the CUDA backend share. C only; kernels are behind kernels.h.
 *
 * Weights are fused when they are placed: q k v in one matrix, gate and up in one. Layers may lie on several cards;
 * a buffer exists on each of them, and the residual stream is copied where the next layer is on another card.
 * Calls never wait and never fail on their own: the first failure is kept, with operator and place, until sync().
 */
#ifndef ENGINE_CUDA_CUDA_H
#define ENGINE_CUDA_CUDA_H

#include "engine/backend.h"
#include "engine/cuda/kernels.h"

#define MAX_GPUS 8              /* ENGINE_MAX_GPUS */

struct gemm;                    /* gemm.c: products of many rows on one card */

/* One card. */
struct gpu {
	int device;                     /* its number for the runtime */
	int n_sm;
	size_t shared_sm, shared_block; /* bytes of shared memory a multiprocessor has, and a block may take */
	bool chained;                   /* kernels may begin before the one before has ended: sm_90 and later */
	cudaStream_t stream;
	cudaEvent_t event;              /* hands the residual stream over to the next card */
	struct gemm *gemm;
	char *arena;                    /* all weights that lie here */
	size_t arena_bytes;
	struct step_state *state;       /* of the decoding step [GEMV_ROWS] */
	int32_t *ids;                   /* of the rows of a step [CONTEXT_CHUNK] */
	void *normed;                   /* bf16 rows, normalised: input of a product */
	void *wide;                     /* bf16 rows: output of a product that something else finishes */
	void *unpacked;                 /* bf16: one packed matrix, for products of many rows */
	void *packed_work;              /* of products of some rows with packed matrices */
	size_t normed_bytes, wide_bytes, unpacked_bytes, packed_bytes;
	float *partial;                 /* of decode attention */
	unsigned *counters;             /* zero between kernels */
	void *top2_work;
};

struct cuda_tower_layer {
	struct matrix qkv, proj, fc1, fc2;
	const float *norm1, *norm2, *q_norm, *k_norm, *proj_bias, *ls1, *ls2, *fc1_bias, *fc2_bias;
};

struct cuda_decoder_layer {
	struct matrix qkv, o, gate_up, down;
	const float *attn_norm, *mlp_norm;
	int gpu;
};

/* The model on the cards. The tower and the projector lie on the first, the output matrix on the last. */
struct cuda_weights {
	struct cuda_tower_layer *tower;
	struct cuda_decoder_layer *layers;
	struct matrix patch, fc1, fc2, lm_head;
	const float *class_embedding, *patch_bias, *position;
	const float *proj_norm, *proj_norm_bias, *fc1_bias, *fc2_bias, *norm;
	const uint16_t *embed;
};

/* Where the numbers of one tensor go. */
enum landing_kind {
	LAND_BF16,                      /* as bf16, row after row; columns padded with zeros to pitch */
	LAND_F32,                       /* as float32 */
	LAND_PACKED,                    /* rows into a packed matrix */
	/* what is packed already */
	LAND_BYTES,                     /* FP8: bytes as they are */
	LAND_INT8,                      /* bytes, whose sign becomes an offset */
	LAND_INT4,                      /* rows of two values a byte into tiles */
	LAND_SCALES,                    /* float32 as they are */
	LAND_INT4_SCALES,               /* rows of fp16 into tiles */
};

struct landing {
	const struct stored *from;      /* NULL: nothing to read, filled with random numbers */
	const char *name;
	enum landing_kind kind;
	enum dtype type;                /* as it is stored */
	int rows, cols, pitch;          /* vectors: one row; pitch of the destination in values */
	void *to;                       /* address on the card, of those without a matrix */
	const struct matrix *matrix;    /* LAND_PACKED, LAND_INT4, LAND_INT4_SCALES */
	int row;                        /* of them: where its first row stands in the fused matrix, as if unfused */
	int gpu;
	float range, mean;              /* of random numbers */
};

struct tensor_name {
	const struct tensor *tensor;
	char *text;
};

struct cuda {
	struct backend base;
	struct gpu gpu[MAX_GPUS];
	int n_gpus;
	enum quant quant;
	struct cuda_weights w;
	struct landing *landings;
	int n_landings;
	struct tensor_name *names;      /* of the model's tensors: what landings are called */
	int n_names;
	int max_cols, max_rows;         /* of the decoder's matrices */
	int n_ids, pos;                 /* of the step between begin() and end() */
	int first;                      /* of its rows that is still computed */
	bool one_by_one;                /* each of several rows is computed as if it were alone */
	int32_t *host_ids;              /* pinned: a ring of slots */
	struct step_state *host_state;  /* pinned: a ring of slots, of GEMV_ROWS each */
	int slot;
	bool recording;
	bool spread;                    /* what is recorded went on to other cards */
	struct error failure;
	char text[160];
};

struct device_buffer {
	size_t n;                       /* values of 4 bytes */
	int home;                       /* index of the card that has the newest */
	float *at[MAX_GPUS];
	float *lent;                    /* pinned, for lend: room for n_lent values; NULL before something is lent */
	size_t n_lent;
	struct top2 *best, *host_best;  /* of rows of logits: on the card, and pinned; NULL before they are asked for */
};

struct kv_cache {
	int n_ctx, n_layers;
	size_t row;                     /* values a token: n_kv_heads * head_dim */
	size_t layer_values;            /* n_ctx * row, and what alignment asks for */
	uint16_t **k, **v;              /* a layer each, on the layer's card */
	float *cos[MAX_GPUS], *sin[MAX_GPUS];
	void *block[MAX_GPUS];          /* what holds them all on each card */
};

static inline struct cuda *
cuda_of(struct backend *b)
{
	return (struct cuda *)b;
}

/* ---- cuda.c */

/* Keeps the first failure. what: the operator. */
void
cuda_note(struct cuda *c, cudaError_t rc, const char *what, const char *file, int line);
#define NOTE(c, rc, what) cuda_note(c, rc, what, __FILE__, __LINE__)
/* In words, for a person: CODE_MEMORY when the card is full, else CODE_ENGINE. */
int
cuda_error(struct error *err, cudaError_t rc, const char *doing);
/* Bytes of the card's memory, or CODE_MEMORY saying what for. */
void *
cuda_take(struct cuda *c, int gpu, size_t bytes, const char *what, struct error *err);

/* The card, made the one that calls go to. */
struct gpu *
cuda_use(struct cuda *c, int gpu);

/* Waits for all that was asked of the cards, or until one has failed: what others wait for on its behalf may never come. */
cudaError_t
cuda_wait(struct cuda *c);

/* A card has failed: nothing is computed any more, and what lies on the cards is left to the reset at the end. */
static inline bool
cuda_is_lost(const struct cuda *c)
{
	return c->failure.code != CODE_OK;
}

/* ---- kv.c: the operators of backend.h that keep keys and values */
struct kv_cache *
cuda_kv_new(struct backend *b, const struct model *m, int n_ctx, struct error *err);
void
cuda_kv_free(struct backend *b, struct kv_cache *kv);
size_t
cuda_kv_row_bytes(const struct kv_cache *kv);
void
cuda_kv_read(struct backend *b, const struct kv_cache *kv, int layer, int pos, int n, void *to);
void
cuda_kv_write(struct backend *b, struct kv_cache *kv, int layer, int pos, int n, const void *from);

/* ---- weights.c: where everything lies. cuda_place allocates and makes the list of landings; nothing is read. */
int
cuda_place(struct cuda *c, const struct model *m, const struct checkpoint *from, struct error *err);
void
cuda_unplace(struct cuda *c);
/* The tower's positions, resampled where the grids differ; they are no landing. */
int
cuda_fill_positions(struct cuda *c, const struct model *m, struct error *err);

/* ---- load.c: files → the places. */
int
cuda_load(struct cuda *c, const struct checkpoint *from, const struct watch *watch, struct error *err);

/* ---- gemm.c: y[m, n] = x[m, k] wᵀ (+ y), bf16 in, float32 sums */
struct gemm *
gemm_new(int device, cudaStream_t stream, struct error *err);
void
gemm_free(struct gemm *g);
void
gemm_forget(struct gemm *g);            /* frees what is here, and leaves what is on the card to its reset */
struct product {
	const void *x;                  /* bf16 [m, k], x_stride values apart */
	const void *w;                  /* bf16 [n, k] */
	void *y;                        /* bf16 or f32 [m, n] dense */
	int m, n, k, x_stride;
	bool f32;                       /* y is float32 */
	bool add;                       /* y += */
};
/* 0, or -1 with the library's word. */
int
gemm_run(struct gemm *g, const struct product *p, const char **why);

#endif
