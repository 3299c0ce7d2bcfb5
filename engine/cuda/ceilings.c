/* ceilings.c: what a card can do at most, measured on the weights that were just loaded; what a step reads of them; and
 * the table of algorithms for products of many rows. */
#include "config.h"

#include "engine/cuda/ceilings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "engine/cuda/cuda.h"
#include "engine/cuda/gemm.h"
#include "engine/cuda/packed.h"

#define PASSES 4                        /* of each way to read; the first is warm-up */
#define COPY_BYTES ((size_t)64 << 20)
#define COPIES 16
#define MAX_WS 8

/* ---- shapes */

void
cuda_bench_shape(const struct backend *b, struct bench_shape *out)
{
	static const enum engine_quant quants[] = { [QUANT_BF16] = ENGINE_BF16, [QUANT_FP8] = ENGINE_FP8,
		[QUANT_INT8] = ENGINE_INT8, [QUANT_INT4] = ENGINE_INT4 };
	const struct cuda *c = (const struct cuda *)b;

	out->quant = quants[c->quant];
	out->n_gpus = c->n_gpus;
	out->weight_bytes = 0;
	for (int i = 0; i < c->n_gpus; i++) {
		out->gpus[i] = c->gpu[i].device;
		out->weight_bytes += (long long)c->gpu[i].arena_bytes;
	}
}

static double
matrix_bytes(const struct matrix *m)
{
	size_t at, scale;

	if (m->quant == QUANT_BF16)
		return (double)m->rows * m->cols * (double)sizeof(uint16_t);
	cuda_packed_bytes(m, &at, &scale);
	return (double)at + (double)scale;
}

double
cuda_step_bytes(const struct backend *b, const struct model *m)
{
	const struct cuda_weights *w = &((const struct cuda *)b)->w;
	double sum = matrix_bytes(&w->lm_head);

	for (int i = 0; i < m->hp.llm.n_layers; i++)
		sum += matrix_bytes(&w->layers[i].qkv) + matrix_bytes(&w->layers[i].o) + matrix_bytes(&w->layers[i].gate_up) +
		    matrix_bytes(&w->layers[i].down);
	return sum;
}

/* ---- time of what a stream does */

struct stopwatch {
	cudaStream_t stream;
	cudaEvent_t begin, end;
};

static void
watch_init(struct stopwatch *w, cudaStream_t s)
{
	w->stream = s;
	cudaEventCreate(&w->begin);
	cudaEventCreate(&w->end);
	cudaStreamSynchronize(s);
}

static void
watch_start(struct stopwatch *w)
{
	cudaEventRecord(w->begin, w->stream);
}

/* Seconds; -1: the device failed. */
static double
watch_stop(struct stopwatch *w)
{
	float ms = 0;

	cudaEventRecord(w->end, w->stream);
	if (cudaEventSynchronize(w->end) != cudaSuccess || cudaEventElapsedTime(&ms, w->begin, w->end) != cudaSuccess)
		return -1;
	return 1e-3 * (double)ms;
}

static void
watch_done(struct stopwatch *w)
{
	cudaEventDestroy(w->begin);
	cudaEventDestroy(w->end);
}

/* ---- reading */

/* The best time of reading all weights of a card, over grids and loads in flight. */
static double
read_time(const struct gpu *g, int *unroll, int *per_sm)
{
	unsigned *sink = (unsigned *)g->top2_work;
	size_t n = g->arena_bytes / 16 * 16;
	struct stopwatch w;
	double best = -1;

	watch_init(&w, g->stream);
	for (int u = 4; u <= 8; u += 4)
		for (int k = 1; k <= 4; k++)
			for (int i = 0; i < PASSES; i++) {
				double t;

				watch_start(&w);
				cuda_read_all(g->stream, g->arena, n, u, k * g->n_sm, sink);
				t = watch_stop(&w);
				if (i == 0 || t <= 0 || (best > 0 && t >= best))
					continue;
				best = t;
				*unroll = u;
				*per_sm = k;
			}
	watch_done(&w);
	return best;
}

/* Of several cards the sum of their times, for they work one after another. */
static int
find_read(struct cuda *c, struct bench_ceilings *out, struct error *err)
{
	double bytes = 0, time = 0;

	for (int i = 0; i < c->n_gpus; i++) {
		int unroll = 0, per_sm = 0;
		double t;

		cudaSetDevice(c->gpu[i].device);
		t = read_time(&c->gpu[i], &unroll, &per_sm);
		if (t <= 0)
			return cuda_error(err, cudaGetLastError(), "measuring how fast its memory is read");
		bytes += (double)(c->gpu[i].arena_bytes / 16 * 16);
		time += t;
		snprintf(out->read_how, sizeof out->read_how, "%d blocks an SM, %d loads a thread", per_sm, unroll);
	}
	out->read = bytes / time;
	return 0;
}

/* ---- products */

/* Room for operands: x [m, k_max] random, y. NULL at: no memory. */
static void *
take(size_t bytes)
{
	void *at = NULL;

	if (cudaMalloc(&at, bytes) == cudaSuccess)
		return at;
	cudaGetLastError();
	return NULL;
}

static uint16_t *
take_random(cudaStream_t s, size_t n, uint32_t seed)
{
	uint16_t *at = take(n * sizeof *at);

	if (at)
		cuda_random(s, at, NUMBER_BF16, n, 1, 0, seed);
	return at;
}

/* Some of the model's own matrices of that shape on the first card, if it has such in bf16. */
static int
find_matrices(const struct cuda *c, int n_layers, int rows, int cols, const void *ws[MAX_WS])
{
	int n = 0;

	for (int i = 0; i < n_layers && n < MAX_WS; i++) {
		const struct cuda_decoder_layer *l = &c->w.layers[i];
		const struct matrix *all[] = { &l->qkv, &l->o, &l->gate_up, &l->down };

		for (int k = 0; k < 4 && n < MAX_WS; k++)
			if (all[k]->quant == QUANT_BF16 && all[k]->gpu == 0 && all[k]->rows == rows && all[k]->cols == cols)
				ws[n++] = all[k]->at;
	}
	return n;
}

/* Left 0 where there is no room for the operands. */
static void
find_product(struct cuda *c, int n_layers, struct bench_ceilings *out)
{
	struct gpu *g = &c->gpu[0];
	struct product p = { .m = 1024, .n = 40960, .k = 7168, .x_stride = 7168 };
	const void *ws[MAX_WS];
	int n_ws = find_matrices(c, n_layers, p.n, p.k, ws);
	uint16_t *own = n_ws ? NULL : take_random(g->stream, (size_t)p.n * (size_t)p.k, 5);
	uint16_t *x = take_random(g->stream, (size_t)p.m * (size_t)p.k, 7), *y = take((size_t)p.m * (size_t)p.n * sizeof *y);
	float rested = 0, at_work = 0;
	double flop = 2.0 * p.m * p.n * p.k;

	if (own)
		ws[n_ws++] = own;
	p.x = x;
	p.y = y;
	p.w = n_ws ? ws[0] : NULL;
	if (n_ws > 0 && x && y && gemm_ceiling(g->gemm, &p, ws, n_ws, &rested, &at_work) == 0) {
		out->flop = flop / (1e-3 * (double)at_work);
		out->flop_rested = flop / (1e-3 * (double)rested);
	}
	cudaStreamSynchronize(g->stream);
	cudaFree(own);
	cudaFree(x);
	cudaFree(y);
}

/* ---- copying */

static double
copy_rate(const struct gpu *g)
{
	void *host = NULL, *to = take(COPY_BYTES);
	struct stopwatch w;
	double best = 0;

	if (to && cudaHostAlloc(&host, COPY_BYTES, 0) == cudaSuccess) {
		memset(host, 0x5a, COPY_BYTES);
		watch_init(&w, g->stream);
		for (int pass = 0; pass < PASSES; pass++) {
			double t;

			watch_start(&w);
			for (int i = 0; i < COPIES; i++)
				cudaMemcpyAsync(to, host, COPY_BYTES, cudaMemcpyHostToDevice, g->stream);
			t = watch_stop(&w);
			if (pass > 0 && t > 0 && COPIES * (double)COPY_BYTES / t > best)
				best = COPIES * (double)COPY_BYTES / t;
		}
		watch_done(&w);
	}
	cudaGetLastError();
	cudaFreeHost(host);
	cudaFree(to);
	return best;
}

int
cuda_ceilings(struct backend *b, struct bench_ceilings *out, struct error *err)
{
	struct cuda *c = cuda_of(b);
	int n_layers = 0;

	if (b->ops->sync(b, err) != 0 || find_read(c, out, err) != 0)
		return -1;
	while (c->w.layers[n_layers].qkv.at && n_layers < MAX_WS)
		n_layers++;
	cudaSetDevice(c->gpu[0].device);
	find_product(c, n_layers, out);
	out->copy = copy_rate(&c->gpu[0]);
	return b->ops->sync(b, err);
}

/* ---- tuning */

/* A product as the backend asks for it. */
struct wanted {
	int n, k, x_stride;
	bool f32, add;
	const struct matrix *some[MAX_WS];      /* weights of that shape */
	int n_some;
};

static void
want(struct wanted *w, const struct matrix *m, const struct matrix *same[], int n_same, int x_stride, bool f32)
{
	*w = (struct wanted){ .n = m->rows, .k = m->cols, .x_stride = x_stride ? x_stride : m->cols, .f32 = f32, .add = f32 };
	for (int i = 0; i < n_same && i < MAX_WS; i++)
		if (same[i]->gpu == 0)
			w->some[w->n_some++] = same[i];
}

struct tuning {
	struct cuda *c;
	uint16_t *x;
	void *y;
	uint16_t *own;                  /* packed weights, unpacked: one matrix */
	bench_tell *tell;
	void *arg;
};

static void
tell_row(const struct tuning *t, const struct gemm_choice *c, float first_ms, float best_ms)
{
	const uint32_t *s = c->settings;
	char row[256];

	snprintf(row, sizeof row, "\t{ %d, %zu, %d, %d, %d, %s, { %u, %u, %u, %u, %u, %u, %u, %u, %u } },", c->cc, c->version,
	    c->m, c->n, c->k, c->f32 ? "true" : "false", s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7], s[8]);
	t->tell(t->arg, row, (double)first_ms, (double)best_ms);
}

static int
tune(const struct tuning *t, const struct wanted *w, int m, struct error *err)
{
	struct gpu *g = &t->c->gpu[0];
	struct product p = { .x = t->x, .y = t->y, .m = m, .n = w->n, .k = w->k, .x_stride = w->x_stride, .f32 = w->f32,
		.add = w->add };
	const void *ws[MAX_WS];
	struct gemm_choice choice;
	float first, best;
	int n = 0;

	for (int i = 0; i < w->n_some; i++)
		if (w->some[i]->quant == QUANT_BF16)
			ws[n++] = w->some[i]->at;
	if (n == 0) {
		cuda_unpack(g->stream, t->own, w->some[0]);
		ws[n++] = t->own;
	}
	p.w = ws[0];
	if (gemm_tune(g->gemm, &p, ws, n, &choice, &first, &best) != 0)
		return error_set(err, CODE_ENGINE, "no algorithm computes a product of %d x %d by %d", m, w->k, w->n);
	tell_row(t, &choice, first, best);
	return 0;
}

static int
tune_decoder(const struct tuning *t, const struct model *m, struct error *err)
{
	static const int rows[] = { 16, 32, 48, 64, 96, 128, 160, 192, 224, 256, 288, 296, 300, 304, 308, 312, 320, 336, 352,
		384, 416, 448, 480, 512, 576, 640, 704, 768, 832, 896, 960, 1000, 1024, 1088, 1152, 1216, 1280, 1344, 1408, 1472,
		1504, 1536 };
	const struct cuda_weights *w = &t->c->w;
	const struct matrix *same[4][MAX_WS];
	int n = m->hp.llm.n_layers < MAX_WS / 2 ? m->hp.llm.n_layers : MAX_WS / 2;
	struct wanted all[4];

	for (int i = 0; i < n; i++) {
		same[0][i] = &w->layers[i].qkv;
		same[1][i] = &w->layers[i].o;
		same[2][i] = &w->layers[i].gate_up;
		same[3][i] = &w->layers[i].down;
	}
	want(&all[0], same[0][0], same[0], n, 0, false);
	want(&all[1], same[1][0], same[1], n, 0, true);
	want(&all[2], same[2][0], same[2], n, 0, false);
	want(&all[3], same[3][0], same[3], n, 2 * m->hp.llm.intermediate_size, true);
	for (int k = 0; k < 4; k++)
		for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
			if (tune(t, &all[k], rows[i], err) != 0)
				return -1;
	return 0;
}

static int
tune_vision(const struct tuning *t, const struct model *m, struct error *err)
{
	const struct cuda_weights *w = &t->c->w;
	int n = m->hp.n_vision_run < MAX_WS ? m->hp.n_vision_run : MAX_WS;
	int grid = m->hp.text_only ? 0 : m->hp.image_size / m->hp.vision.patch_size, n_rows = grid * grid + 1;
	const struct matrix *same[4][MAX_WS], *fc1 = &w->fc1, *fc2 = &w->fc2, *patch = &w->patch;
	struct wanted one;

	if (grid == 0)
		return 0;
	for (int i = 0; i < n; i++) {
		same[0][i] = &w->tower[i].qkv;
		same[1][i] = &w->tower[i].proj;
		same[2][i] = &w->tower[i].fc1;
		same[3][i] = &w->tower[i].fc2;
	}
	for (int k = 0; k < 4; k++) {
		want(&one, same[k][0], same[k], n, 0, false);
		if (tune(t, &one, n_rows, err) != 0)
			return -1;
	}
	want(&one, patch, &patch, 1, 0, false);
	if (tune(t, &one, grid * grid, err) != 0)
		return -1;
	want(&one, fc1, &fc1, 1, 0, false);
	if (tune(t, &one, grid * grid / 4, err) != 0)
		return -1;
	want(&one, fc2, &fc2, 1, 0, false);
	return tune(t, &one, grid * grid / 4, err);
}

static size_t
larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* Of the widest rows between two products of tower and projector. */
static size_t
tower_values(const struct hparams *hp)
{
	size_t grid = (size_t)(hp->image_size / hp->vision.patch_size), n = grid * grid + 1;

	return n * larger(larger(3 * (size_t)hp->vision.hidden_size, (size_t)hp->vision.intermediate_size),
	    (size_t)hp->llm.hidden_size);
}

int
cuda_tune(struct backend *b, const struct model *m, bench_tell *tell, void *arg, struct error *err)
{
	struct cuda *c = cuda_of(b);
	const struct llm_hparams *l = &m->hp.llm;
	size_t wide = 2 * (size_t)l->intermediate_size, values = CONTEXT_CHUNK * wide, own;
	struct tuning t = { .c = c, .tell = tell, .arg = arg };
	int rc;

	if (b->ops->sync(b, err) != 0)
		return -1;
	cudaSetDevice(c->gpu[0].device);
	own = wide * (size_t)l->hidden_size;
	if (!m->hp.text_only)
		values = larger(values, tower_values(&m->hp));
	t.x = take_random(c->gpu[0].stream, values, 3);
	t.y = take(values * sizeof(float));
	t.own = c->quant == QUANT_BF16 ? NULL : take(own * sizeof *t.own);
	if (!t.x || !t.y || (c->quant != QUANT_BF16 && !t.own))
		rc = error_set(err, CODE_MEMORY, "the GPU has no memory left to tune with");
	else
		rc = tune_decoder(&t, m, err) == 0 && tune_vision(&t, m, err) == 0 ? 0 : -1;
	cudaStreamSynchronize(c->gpu[0].stream);
	cudaFree(t.x);
	cudaFree(t.y);
	cudaFree(t.own);
	return rc;
}
