/* cpu.h: what the files of the CPU backend share: the backend's struct, the thread pool, the kernels chosen for this
 * processor, and the operators' inner functions (also for their tests). Nobody outside cpu/ needs it.
 *
 * Two rules keep results the same whatever the number of threads: work is cut into tasks by shape alone, and one
 * task computes its outputs in one fixed order of sums.
 */
#ifndef ENGINE_CPU_CPU_H
#define ENGINE_CPU_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "engine/backend.h"
#include "engine/cpu/tables.h"
#include "engine/tensor.h"

/* ---------------------------------------------------------------- threads.c */

struct pool;

/* One item of a parallel loop; worker is 0 … pool_n_threads - 1 and picks scratch memory. */
typedef void (*item_fn)(void *arg, int item, int worker);

/* n_threads 0: as many as this process may run on. The caller is one of them. Fewer when threads cannot be had. */
struct pool *
pool_new(int n_threads);
void
pool_free(struct pool *p);
int
pool_n_threads(const struct pool *p);

/* Runs fn for items 0 … n_items - 1, a thread taking `each` neighbours at a time, and returns when all are done. One
 * caller at a time. */
void
pool_run(struct pool *p, int n_items, int each, item_fn fn, void *arg);

/* How many items make a turn worth handing to another thread, when one of them costs so many multiply-adds. */
int
pool_each(size_t cost);

/* ---------------------------------------------------------------- kernels.c */

/* Inner loops over contiguous numbers. The three dots of one set add in the same order: the same values give the
 * same bits, however they are stored. */
struct kernels {
	const char *name;
	float (*dot_f32)(const void *w, const float *x, size_t n);
	float (*dot_bf16)(const void *w, const float *x, size_t n);
	float (*dot_f16)(const void *w, const float *x, size_t n);
	void (*widen_bf16)(float *to, const void *from, size_t n);
	void (*widen_f16)(float *to, const void *from, size_t n);
	void (*add_scaled)(float *y, float a, const float *x, size_t n);        /* y += a x */
	float (*exp_sum)(float *s, float max, size_t n);        /* s = exp(s - max); their sum. s <= max */
};

#define KERNELS_MAX 3

/* The best for this processor. */
const struct kernels *
kernels_best(void);
/* Every set that this processor can run, the plain one first; returns how many. For tests. */
int
kernels_all(const struct kernels *out[KERNELS_MAX]);

float
bf16_float(uint16_t h);
float
f16_float(uint16_t h);
uint16_t
float_bf16(float f);            /* nearest, ties to even */
uint16_t
float_f16(float f);

/* ---------------------------------------------------------------- cpu.c */

#define MAX_STEPS 4

struct device_buffer {
	float *at;
	size_t n;
	struct best best[MAX_STEPS];    /* of logits, by rows */
};

struct kv_cache {
	int n_ctx;
	size_t row;                     /* values a token: n_kv_heads * head_dim */
	size_t layer_values;            /* n_ctx * row */
	float *k, *v;                   /* [n_layers, n_ctx, n_kv_heads, head_dim]; untouched pages cost nothing */
	float *cos, *sin;               /* [n_ctx, head_dim / 2] */
};

/* Memory that outlives no operator. ROWS … are whole arrays of the calling thread. */
enum { SCRATCH_ROWS, SCRATCH_ROWS2, SCRATCH_VECTOR, SCRATCH_VECTOR2, SCRATCH_N };

struct scratch {
	float *at;
	size_t n;
};

struct cpu {
	struct backend base;            /* first: a struct backend * is a struct cpu * */
	struct pool *pool;
	const struct kernels *kernels;
	char text[64];                  /* for describe() */
	struct scratch shared[SCRATCH_N];
	struct scratch *worker;         /* one a thread */
	void **copies;                  /* weights that could not be read in place */
	int n_copies;
	size_t n_ahead;                 /* bytes of weights that the kernel was asked to read */
	struct error failure;           /* the first since the last sync; CODE_OK: none */
	/* the step between begin() and end() */
	int32_t *ids;
	int n_ids, cap_ids, pos;
	int first;                      /* of the step's rows that is still computed */
	bool one_by_one;                /* each row is computed as a step of its own */
};

static inline struct cpu *
cpu_of(struct backend *b)
{
	return (struct cpu *)b;
}

/* Room for n values, kept until the next call with the same slot. NULL when there is no memory: the failure is noted
 * and the operator returns. */
float *
cpu_scratch(struct cpu *c, int slot, size_t n);
/* Room for n values for every worker: c->worker[i].at. */
bool
cpu_worker_scratch(struct cpu *c, size_t n);
/* A small weight as float32: in place, or widened into the slot. */
const float *
cpu_vector(struct cpu *c, int slot, const struct tensor *t);

/* ---------------------------------------------------------------- gemm.c */

/* y[n, out] = x[n, in] wᵀ, or y += … when add; w is [out, in], further dimensions counted into `in`. */
void
cpu_linear(struct cpu *c, float *y, size_t y_stride, const float *x, size_t x_stride, const struct tensor *w, int n,
    bool add);

/* ---------------------------------------------------------------- attention.c */

/* Heads of q, k, v and out as they lie in memory: row r, head h begins at at + r * stride + h * head_dim. */
struct attention {
	const float *q, *k, *v;
	float *out;
	size_t q_stride, k_stride, v_stride, out_stride;
	int n_heads, n_kv_heads, head_dim;
	int n_rows, n_keys;
	int pos;                        /* row r sees keys 0 … pos + r; -1: all keys */
};

void
cpu_attend(struct cpu *c, const struct attention *a);

/* ---------------------------------------------------------------- norm.c, rope.c, pointwise.c */

/* out[n, size] = w * x / sqrt(mean(x²) + eps); out may be x. */
void
cpu_rms_norm(struct cpu *c, float *out, size_t out_stride, const float *x, size_t x_stride, const struct tensor *w,
    int n, int size, float eps);
/* x[n, size] = w * (x - mean) / sqrt(variance + eps) + bias */
void
cpu_layer_norm(struct cpu *c, float *x, const struct tensor *w, const struct tensor *bias, int n, int size,
    float eps);
/* Turns n_heads heads of n rows that stand at pos, pos + 1, … */
void
cpu_rope(struct cpu *c, float *x, size_t stride, int n, int n_heads, int head_dim, int pos, const float *cos,
    const float *sin);

/* x[n, size] = gelu(x + bias), exact erf form */
void
cpu_bias_gelu(struct cpu *c, float *x, const struct tensor *bias, int n, int size);
/* x[n, size] += bias */
void
cpu_add_bias(struct cpu *c, float *x, const struct tensor *bias, int n, int size);
/* x[n, size] += scale * (y + bias) */
void
cpu_add_scaled(struct cpu *c, float *x, const float *y, const struct tensor *bias, const struct tensor *scale, int n,
    int size);
/* g[n, size] = silu(g) * u */
void
cpu_silu_mul(struct cpu *c, float *g, const float *u, int n, int size);
/* x[1 + grid², C] += positions, resampled from the stored square grid when it is another (model.md section 4.1) */
void
cpu_add_positions(struct cpu *c, float *x, const struct tensor *position, int grid);
/* out[out_h * out_w, C] = bicubic (a = -0.75, no antialias, half-pixel centres, clamped) of in[size², C] */
void
cpu_resample(float *out, int out_h, int out_w, const float *in, int size, int n_channels);
/* out[(grid / 2)², 4C] from x[grid², C] (model.md section 5) */
void
cpu_pixel_shuffle(float *out, const float *x, int grid, int n_channels, enum shuffle order);

#endif
