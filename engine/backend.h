/* backend.h: the border. One struct of functions a device must have, by what they compute; no CUDA header here.
 *
 * Rules of the border, made for a GPU and kept by the CPU:
 * - Buffers are opaque and live on the device; only uploads and what is downloaded or lent cross. One owner each: engine or
 *   context.
 * - Operators are fused to the size at which a GPU wants to be asked (a norm with the product that follows it, a
 *   product with its bias, activation, scale and residual), so that no unfused value needs a name of its own.
 * - Operators return nothing and may run later: the backend keeps the first failure, with operator and place, and
 *   sync() reports it. Everything before a sync() is in order.
 * - Positions, context length and the token ids of a step live behind begin(): operators between begin() and end()
 *   work on "the rows of this step", so that one captured graph serves every decoding step.
 * - Activations are float32 on the CPU (the reference) and what the device likes elsewhere; weights are as stored.
 */
#ifndef ENGINE_BACKEND_H
#define ENGINE_BACKEND_H

#include "base/error.h"
#include "engine/model.h"
#include "engine/tensor.h"

#define CONTEXT_CHUNK 1536      /* rows of a step at most: bounded work space, a place to stop */
#define BACKEND_MAX_STEPS 16    /* no device's max_steps is larger */

struct watch;                   /* engine.h */
struct backend;
struct device_buffer;           /* device memory, made by buffer_new */
struct device_graph;            /* a recorded step */

/* The largest of the logits, the lower id on a tie, and the runner-up's value (the same when there is none). */
struct best {
	int32_t id;
	float best, second;
	bool finite;                    /* no logit is NaN and the largest is a number */
};

/* The KV cache of one context: per layer k and v [n_ctx, n_kv_heads, head_dim]. */
struct kv_cache;

struct backend_ops {
	const char *name;               /* "cpu", "cuda" */
	int max_steps;                  /* rows that begin_steps takes at most; 1: there is no begin_steps */
	bool cheap_steps;               /* … and several take about as long as one */

	/* ---- life, memory, time */
	void (*free)(struct backend *b);
	const char *(*describe)(const struct backend *b);
	/* Makes all weights usable by the operators: in place for the CPU; read into its memory, and fused with their
	 * neighbours, for a device. from NULL: the model has shapes only, and numbers are made up, for measuring.
	 * CODE_SIGINT when stopped. */
	int (*load)(struct backend *b, struct model *m, const struct checkpoint *from, const struct watch *watch,
	    struct error *err);
	struct device_buffer *(*buffer_new)(struct backend *b, size_t n_values, struct error *err);     /* activations */
	void (*buffer_free)(struct backend *b, struct device_buffer *buf);
	void (*upload)(struct backend *b, struct device_buffer *to, size_t at, const float *from, size_t n);
	/* to[3, size, size] = (rgb / 255 - mean) / std of rgb[size, size, 3], each step rounded; NULL: the caller computes
	 * them for upload. It is done with rgb when it returns. */
	void (*upload_picture)(struct backend *b, struct device_buffer *to, const uint8_t *rgb, int size, const float mean[3],
	    const float std[3]);
	void (*download)(struct backend *b, float *to, const struct device_buffer *from, size_t at, size_t n);  /* waits */
	/* n values from `at` on, readable here until the next lend of this buffer or until something is computed into it;
	 * waits. NULL: a failure, which sync tells. */
	const float *(*lend)(struct backend *b, struct device_buffer *from, size_t at, size_t n);
	void (*copy)(struct backend *b, struct device_buffer *to, size_t to_at, const struct device_buffer *from, size_t at,
	    size_t n);
	/* Waits; 0, or the first failure. After it the backend may be of no more use: then every call fails at once. */
	int (*sync)(struct backend *b, struct error *err);

	/* ---- graphs: what is asked of the device between record and record_end happens at each replay. A device that has
	 * none leaves these NULL and is called operator by operator; one that has them works behind the call, so that the
	 * next step can be asked for before the last one's token has been shown. */
	int (*record)(struct backend *b);
	struct device_graph *(*record_end)(struct backend *b);
	void (*replay)(struct backend *b, struct device_graph *g);
	void (*graph_free)(struct backend *b, struct device_graph *g);

	/* ---- vision tower; n = tokens of one picture, class token included */
	/* x[n, C] = class and patch embeddings of pixels [3, S, S], plus positions (resampled when the grids differ) */
	void (*vision_embed)(struct backend *b, const struct model *m, struct device_buffer *x,
	    const struct device_buffer *pixels);
	/* qkv[n, 3C] = rms(x, norm1) qkvᵀ, then q and k normalised over all heads */
	void (*vision_qkv)(struct backend *b, const struct model *m, int layer, struct device_buffer *qkv,
	    const struct device_buffer *x, int n);
	/* out[n, C] = softmax(q kᵀ / √D) v, no mask */
	void (*vision_attention)(struct backend *b, const struct model *m, struct device_buffer *out,
	    const struct device_buffer *qkv, int n);
	/* x += ls1 * (a projᵀ + bias) */
	void (*vision_proj)(struct backend *b, const struct model *m, int layer, struct device_buffer *x,
	    const struct device_buffer *a, int n);
	/* h[n, F] = gelu(rms(x, norm2) fc1ᵀ + bias), exact erf form */
	void (*vision_fc1)(struct backend *b, const struct model *m, int layer, struct device_buffer *h,
	    const struct device_buffer *x, int n);
	/* x += ls2 * (h fc2ᵀ + bias) */
	void (*vision_fc2)(struct backend *b, const struct model *m, int layer, struct device_buffer *x,
	    const struct device_buffer *h, int n);
	/* out[tokens, H] = projector(shuffle(x without its class token)); tmp has room for [tokens, 4C] + [tokens, H] */
	void (*project)(struct backend *b, const struct model *m, struct device_buffer *out, const struct device_buffer *x,
	    struct device_buffer *tmp);

	/* ---- decoder; rows are those of the step between begin() and end() */
	struct kv_cache *(*kv_new)(struct backend *b, const struct model *m, int n_ctx, struct error *err);
	void (*kv_free)(struct backend *b, struct kv_cache *kv);
	/* Keys of n tokens from pos on in one layer, and values after them [2, n, kv_row_bytes], to memory here and back, as
	 * the device holds them. read waits; write may return before the bytes are there, but is done with `from`. */
	size_t (*kv_row_bytes)(const struct kv_cache *kv);      /* a token's keys, or its values, in one layer */
	void (*kv_read)(struct backend *b, const struct kv_cache *kv, int layer, int pos, int n, void *to);
	void (*kv_write)(struct backend *b, struct kv_cache *kv, int layer, int pos, int n, const void *from);
	/* The next step: n tokens at positions pos … pos + n - 1. */
	void (*begin)(struct backend *b, const int32_t *ids, int n, int pos);
	/* The same, but until the next begin every row is computed exactly, bit for bit, as n single steps one after another
	 * would have computed it: embed, qkv_rope, attention, attn_out, swiglu, mlp_out, logits and find_best work on n
	 * rows, each as if it were alone. For tokens that are only guessed to come next. No last_row() then, and never
	 * between record and record_end. */
	void (*begin_steps)(struct backend *b, const int32_t *ids, int n, int pos);
	/* x[n, H] = embedding rows of the step's ids; negative ids leave their row alone (a picture's place) */
	void (*embed)(struct backend *b, const struct model *m, struct device_buffer *x);
	/* q[n, n_heads D] = rope(rms(x, attn_norm) wqᵀ); k (roped) and v go to the cache at the step's positions */
	void (*qkv_rope)(struct backend *b, const struct model *m, int layer, struct device_buffer *q, struct kv_cache *kv,
	    const struct device_buffer *x);
	/* From here to the next begin() only the step's last row is computed: nobody reads the others any more. Its x stays
	 * where it is; what else it has, beginning with attention's out, is a first row. */
	void (*last_row)(struct backend *b);
	/* out[n, n_heads D]: causal attention of the step's rows over the cache; head h reads kv head h / (n_heads / n_kv_heads) */
	void (*attention)(struct backend *b, const struct model *m, int layer, struct device_buffer *out,
	    const struct device_buffer *q, struct kv_cache *kv);
	/* x += a woᵀ */
	void (*attn_out)(struct backend *b, const struct model *m, int layer, struct device_buffer *x,
	    const struct device_buffer *a);
	/* h[n, M] = silu(g) * u with g, u = rms(x, mlp_norm) gateᵀ, upᵀ */
	void (*swiglu)(struct backend *b, const struct model *m, int layer, struct device_buffer *h,
	    const struct device_buffer *x);
	/* x += h downᵀ */
	void (*mlp_out)(struct backend *b, const struct model *m, int layer, struct device_buffer *x,
	    const struct device_buffer *h);
	/* logits[V] = rms(last row of x, norm) lm_headᵀ; after begin_steps logits[n, V], of every row */
	void (*logits)(struct backend *b, const struct model *m, struct device_buffer *logits,
	    const struct device_buffer *x);
	/* The greedy choice in each row of logits [rows, n_vocab], where they lie, so that they need not travel; it is kept
	 * with them, and best() waits for that of one row. */
	void (*find_best)(struct backend *b, struct device_buffer *logits, int n_vocab);
	void (*best)(struct backend *b, const struct device_buffer *logits, int row, struct best *out);
};

struct backend {
	const struct backend_ops *ops;
};

/* The reference: float32 arithmetic, weights read in place. n_threads 0 = all cores. */
struct backend *
cpu_backend_new(int n_threads, struct error *err);

#ifdef HAVE_CUDA
#include "engine/cuda/kernels.h"        /* enum quant */

/* NVIDIA cards by their numbers; layers are dealt to them in order. CODE_MEMORY: a card cannot be used. */
struct backend *
cuda_backend_new(const int devices[], int n_devices, enum quant quant, struct error *err);
/* After some failures the process has no use of its cards any more. */
bool
cuda_is_spoilt(void);
#endif

#endif
