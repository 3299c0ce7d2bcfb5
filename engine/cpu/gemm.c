/* gemm.c: y = x wᵀ for weights as they are stored.
 *
 * Few rows (decoding): bound by reading the weights, so every weight row is met once by all of x with our own dots.
 * Packed ones are widened to float32 row by row first, so that their products are those of the numbers they stand for.
 * Many rows: equal tiles of up to ROW_TILE rows by PANEL outputs; a panel's weights are widened to float32 for DEPTH
 * inputs at a time and multiplied by the BLAS, single threaded, one tile an item. Tiles follow from the shape alone
 * and the depth is walked in order, so the number of threads never changes a bit.
 */
#include "config.h"

#include <assert.h>
#include <cblas.h>

#include "engine/cpu/cpu.h"
#include "engine/cpu/quant.h"

#define FEW_ROWS 8
#define ROW_TILE 288            /* the towers have 257 and 1025 rows: one tile and four, none of a single row */
#define PANEL 64
#define DEPTH 1024

struct linear {
	struct cpu *cpu;
	float *y;
	const float *x;
	size_t y_stride, x_stride;
	const struct tensor *w;
	int n, n_in, n_out;
	int n_panels, tile_rows;
	bool add;
};

static const void *
weight_at(const struct tensor *w, size_t i)
{
	return (const char *)w->data + i * dtype_bytes(w->type);
}

static void
widen(const struct kernels *k, float *to, const struct tensor *w, size_t at, size_t n)
{
	size_t cols = (size_t)tensor_cols(w);

	if (dtype_is_packed(w->type))
		quant_unpack_row(to, w, at / cols, at % cols, n);
	else if (w->type == DTYPE_BF16)
		k->widen_bf16(to, weight_at(w, at), n);
	else
		k->widen_f16(to, weight_at(w, at), n);
}

/* ---- few rows */

static float
dot(const struct kernels *k, const struct tensor *w, size_t at, const float *x, size_t n)
{
	if (w->type == DTYPE_BF16)
		return k->dot_bf16(weight_at(w, at), x, n);
	if (w->type == DTYPE_F16)
		return k->dot_f16(weight_at(w, at), x, n);
	return k->dot_f32(weight_at(w, at), x, n);
}

static void
put(const struct linear *l, int row, int out, float value)
{
	float *y = l->y + (size_t)row * l->y_stride + out;

	*y = l->add ? *y + value : value;
}

/* Output `out` of all rows; the weights are widened once when there are several. */
static void
output_item(void *arg, int out, int worker)
{
	const struct linear *l = arg;
	const struct kernels *k = l->cpu->kernels;
	size_t at = (size_t)out * (size_t)l->n_in, n = (size_t)l->n_in;
	float *wide = l->cpu->worker[worker].at;
	const float *w = wide;

	if (l->n == 1 && !dtype_is_packed(l->w->type)) {
		put(l, 0, out, dot(k, l->w, at, l->x, n));
		return;
	}
	if (l->w->type == DTYPE_F32)
		w = weight_at(l->w, at);
	else
		widen(k, wide, l->w, at, n);
	for (int r = 0; r < l->n; r++)
		put(l, r, out, k->dot_f32(w, l->x + (size_t)r * l->x_stride, n));
}

static void
few_rows(struct linear *l)
{
	if (cpu_worker_scratch(l->cpu, (size_t)l->n_in))
		pool_run(l->cpu->pool, l->n_out, pool_each((size_t)l->n_in * (size_t)l->n), output_item, l);
}

/* ---- many rows */

/* The panel's weights [n_outs, n_deep] as float32, in place or widened; *stride gets the distance of its rows. */
static const float *
panel_weights(const struct linear *l, int out, int n_outs, int deep, int n_deep, float *wide, int *stride)
{
	size_t at = (size_t)out * (size_t)l->n_in + (size_t)deep;

	if (l->w->type == DTYPE_F32) {
		*stride = l->n_in;
		return weight_at(l->w, at);
	}
	for (int i = 0; i < n_outs; i++)
		widen(l->cpu->kernels, wide + (size_t)i * (size_t)n_deep, l->w, at + (size_t)i * (size_t)l->n_in,
		    (size_t)n_deep);
	*stride = n_deep;
	return wide;
}

static void
tile_item(void *arg, int tile, int worker)
{
	const struct linear *l = arg;
	int row = tile / l->n_panels * l->tile_rows, out = tile % l->n_panels * PANEL;
	int n_rows = l->n - row < l->tile_rows ? l->n - row : l->tile_rows;
	int n_outs = l->n_out - out < PANEL ? l->n_out - out : PANEL;
	const float *x = l->x + (size_t)row * l->x_stride;
	float *y = l->y + (size_t)row * l->y_stride + out;

	for (int deep = 0; deep < l->n_in; deep += DEPTH) {
		int n_deep = l->n_in - deep < DEPTH ? l->n_in - deep : DEPTH, stride;
		const float *w = panel_weights(l, out, n_outs, deep, n_deep, l->cpu->worker[worker].at, &stride);

		cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n_rows, n_outs, n_deep, 1.0f, x + deep,
		    (int)l->x_stride, w, stride, deep > 0 || l->add ? 1.0f : 0.0f, y, (int)l->y_stride);
	}
}

static void
many_rows(struct linear *l)
{
	int n_tiles = (l->n + ROW_TILE - 1) / ROW_TILE;

	l->tile_rows = (l->n + n_tiles - 1) / n_tiles;
	l->n_panels = (l->n_out + PANEL - 1) / PANEL;
	if (cpu_worker_scratch(l->cpu, (size_t)PANEL * DEPTH))
		pool_run(l->cpu->pool, n_tiles * l->n_panels, 1, tile_item, l);
}

void
cpu_linear(struct cpu *c, float *y, size_t y_stride, const float *x, size_t x_stride, const struct tensor *w, int n,
    bool add)
{
	struct linear l = { .cpu = c, .y = y, .x = x, .y_stride = y_stride, .x_stride = x_stride, .w = w, .n = n,
		.n_out = (int)w->shape[0], .add = add };

	assert(tensor_has(w) && w->type != DTYPE_U8 && w->n_dims >= 2 && n >= 0);
	l.n_in = (int)(tensor_count(w) / w->shape[0]);
	assert(x_stride >= (size_t)l.n_in && y_stride >= (size_t)l.n_out);
	if (n <= FEW_ROWS)
		few_rows(&l);
	else
		many_rows(&l);
}
