/* cuda.c: the CUDA backend: its life, buffers, and the operators of backend.h put together from the files beside it.
 *
 * One row goes through gemv.cu and decode_attention.cu, and so do a few that are steps of their own; more rows through
 * cublasLt, gemm_wgmma.cu and attention.cu. A step of one row reads its token and position from the card's memory, so it is recorded once
 * as a graph and replayed for every token.
 * Nothing here waits but download, lend, best and sync.
 */
#include "config.h"

#include <assert.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "engine/cuda/cuda.h"
#include "engine/cuda/packed.h"

#define SLOTS 8                 /* of pinned memory that the host may be ahead by */

/* ---- failures */

static int
advise(struct error *err)
{
	return error_hint(err, "once more; if it repeats, look at `nvidia-smi` and the kernel's log");
}

int
cuda_error(struct error *err, cudaError_t rc, const char *doing)
{
	cudaGetLastError();
	if (rc == cudaErrorMemoryAllocation)
		return error_set(err, CODE_MEMORY, "the GPU's memory is full while %s", doing);
	error_set(err, CODE_ENGINE, "the GPU failed while %s: %s", doing, cudaGetErrorString(rc));
	return advise(err);
}

void
cuda_note(struct cuda *c, cudaError_t rc, const char *what, const char *file, int line)
{
	const char *name = strrchr(file, '/');

	if (rc == cudaSuccess || c->failure.code != CODE_OK)
		return;
	error_set(&c->failure, CODE_ENGINE, "the GPU failed in %s (%s:%d): %s", what, name ? name + 1 : file, line,
	    cudaGetErrorString(rc));
}

#define note_launch(c, what) NOTE(c, cudaGetLastError(), what)   /* by the line that asks */

static int
tell_failure(const struct cuda *c, struct error *err)
{
	*err = c->failure;
	return advise(err);
}

struct gpu *
cuda_use(struct cuda *c, int gpu)
{
	if (c->n_gpus > 1)
		cudaSetDevice(c->gpu[gpu].device);
	return &c->gpu[gpu];
}

void *
cuda_take(struct cuda *c, int gpu, size_t bytes, const char *what, struct error *err)
{
	void *at = NULL;
	size_t free_bytes = 0, all = 0;
	cudaError_t rc;

	cudaSetDevice(c->gpu[gpu].device);
	rc = cuda_is_lost(c) ? cudaSuccess : cudaMalloc(&at, bytes ? bytes : 1);
	if (at)
		return at;
	cudaGetLastError();
	if (rc != cudaErrorMemoryAllocation) {
		NOTE(c, rc, "taking memory");
		tell_failure(c, err);
		return NULL;
	}
	cudaMemGetInfo(&free_bytes, &all);
	error_set(err, CODE_MEMORY, "GPU %d has no memory for %s: %.1f GB are needed, %.1f GB are free", c->gpu[gpu].device,
	    what, (double)bytes / 1e9, (double)free_bytes / 1e9);
	error_hint(err, "`ivchat model plan` tells what fits: --quant int8 or int4, a smaller --ctx, or --gpus with more cards");
	return NULL;
}

/* Of all cards together: one that has failed, else one that is at work, else done. */
static cudaError_t
state_of_cards(struct cuda *c)
{
	cudaError_t rc, all = cudaSuccess;

	for (int g = 0; g < c->n_gpus; g++) {
		cuda_use(c, g);
		rc = cudaStreamQuery(c->gpu[g].stream);
		if (rc != cudaSuccess && rc != cudaErrorNotReady)
			return rc;
		all = rc == cudaSuccess ? all : rc;
	}
	return all;
}

cudaError_t
cuda_wait(struct cuda *c)
{
	cudaError_t rc;

	if (c->n_gpus == 1)
		return cudaStreamSynchronize(c->gpu[0].stream);
	while ((rc = state_of_cards(c)) == cudaErrorNotReady)
		sched_yield();
	cudaGetLastError();             /* not being ready counts as one */
	return rc;
}

static int
sync(struct backend *b, struct error *err)
{
	struct cuda *c = cuda_of(b);

	if (!cuda_is_lost(c))
		NOTE(c, cuda_wait(c), "what was asked of it");
	if (!cuda_is_lost(c))
		return 0;
	return tell_failure(c, err);
}

/* ---- buffers */

static void
buffer_free(struct backend *b, struct device_buffer *buf)
{
	struct cuda *c = cuda_of(b);

	if (!buf)
		return;
	for (int g = 0; g < c->n_gpus && !cuda_is_lost(c); g++) {
		cuda_use(c, g);
		cudaFree(buf->at[g]);
	}
	if (!cuda_is_lost(c)) {
		cudaFree(buf->best);
		cudaFreeHost(buf->host_best);
		cudaFreeHost(buf->lent);
	}
	free(buf);
}

static struct device_buffer *
buffer_new(struct backend *b, size_t n_values, struct error *err)
{
	struct cuda *c = cuda_of(b);
	struct device_buffer *buf = xcalloc(1, sizeof *buf);

	buf->n = n_values;
	for (int g = 0; g < c->n_gpus; g++) {
		buf->at[g] = cuda_take(c, g, n_values * sizeof(float), "work space", err);
		if (!buf->at[g]) {
			buffer_free(b, buf);
			return NULL;
		}
		cudaMemset(buf->at[g], 0, n_values * sizeof(float));
		cudaDeviceSynchronize();        /* our streams do not wait for it */
	}
	return buf;
}

static void
upload(struct backend *b, struct device_buffer *to, size_t at, const float *from, size_t n)
{
	struct cuda *c = cuda_of(b);
	struct gpu *g = cuda_use(c, 0);

	assert(at + n <= to->n);
	NOTE(c, cudaMemcpyAsync(to->at[0] + at, from, n * sizeof *from, cudaMemcpyHostToDevice, g->stream), "upload");
}

/* The bytes wait in the work space of products: nothing that is asked for later can be there before. */
static void
upload_picture(struct backend *b, struct device_buffer *to, const uint8_t *rgb, int size, const float mean[3],
    const float std[3])
{
	struct cuda *c = cuda_of(b);
	struct gpu *g = cuda_use(c, 0);
	size_t n = 3 * (size_t)size * (size_t)size;

	assert(n <= to->n && n <= g->wide_bytes);
	NOTE(c, cudaMemcpyAsync(g->wide, rgb, n, cudaMemcpyHostToDevice, g->stream), "upload");
	cuda_pixel_values(g->stream, to->at[0], g->wide, size, mean, std);
	note_launch(c, "upload");
}

/* From the card that computed it last: the tower's values from the first, logits from the last. */
static void
download(struct backend *b, float *to, const struct device_buffer *from, size_t at, size_t n)
{
	struct cuda *c = cuda_of(b);
	int last = from->home;
	struct gpu *g = cuda_use(c, last);

	assert(at + n <= from->n);
	NOTE(c, cudaMemcpyAsync(to, from->at[last] + at, n * sizeof *to, cudaMemcpyDeviceToHost, g->stream), "download");
	NOTE(c, cuda_wait(c), "download");
}

static bool
has_room(struct cuda *c, struct device_buffer *buf, size_t n)
{
	if (buf->n_lent >= n)
		return true;
	cudaFreeHost(buf->lent);
	buf->lent = NULL;
	buf->n_lent = 0;
	NOTE(c, cudaHostAlloc((void **)&buf->lent, n * sizeof *buf->lent, 0), "lending");
	if (buf->lent)
		buf->n_lent = n;
	return buf->lent != NULL;
}

/* By way of pinned memory, which the card writes by itself. */
static const float *
lend(struct backend *b, struct device_buffer *from, size_t at, size_t n)
{
	struct cuda *c = cuda_of(b);

	if (!has_room(c, from, n))
		return NULL;
	download(b, from->lent, from, at, n);
	return from->lent;
}

static void
copy(struct backend *b, struct device_buffer *to, size_t to_at, const struct device_buffer *from, size_t at, size_t n)
{
	struct cuda *c = cuda_of(b);
	struct gpu *g = cuda_use(c, 0);

	assert(to_at + n <= to->n && at + n <= from->n);
	NOTE(c, cudaMemcpyAsync(to->at[0] + to_at, from->at[0] + at, n * sizeof *to->at[0], cudaMemcpyDeviceToDevice,
	    g->stream), "copy");
}

/* The first n values of x go on to another card, which waits for them; the card that gives waits until they are taken. */
static void
hand_over(struct cuda *c, struct device_buffer *x, int from, int to, size_t n)
{
	struct gpu *a = &c->gpu[from], *b = &c->gpu[to];

	cuda_use(c, from);
	NOTE(c, cudaEventRecord(a->event, a->stream), "handing over");
	cuda_use(c, to);
	NOTE(c, cudaStreamWaitEvent(b->stream, a->event, 0), "handing over");
	NOTE(c, cudaMemcpyAsync(x->at[to], x->at[from], n * sizeof(float), cudaMemcpyDefault, b->stream), "handing over");
	NOTE(c, cudaEventRecord(b->event, b->stream), "handing over");
	cuda_use(c, from);
	NOTE(c, cudaStreamWaitEvent(a->stream, b->event, 0), "handing over");
	x->home = to;
	c->spread = true;
}

/* ---- products of many rows */

/* Of some rows with a packed matrix. */
static void
multiply_packed(struct cuda *c, const struct matrix *w, const struct product *p, enum gemm_end end)
{
	struct gpu *g = cuda_use(c, w->gpu);
	struct gemm_packed how = { .w = w, .x = p->x, .y = p->y, .m = p->m, .x_stride = p->x_stride ? p->x_stride : w->cols,
		.end = end, .work = g->packed_work, .max_cols = c->max_cols, .max_rows = c->max_rows, .n_sm = g->n_sm,
		.shared_sm = g->shared_sm, .shared_block = g->shared_block, .chained = g->chained };

	cuda_gemm_packed(g->stream, &how);
}

/* A matrix in bf16, unpacked if it has to be. */
static const void *
rows_of(struct gpu *g, const struct matrix *w)
{
	if (w->quant == QUANT_BF16)
		return w->at;
	cuda_unpack(g->stream, g->unpacked, w);
	return g->unpacked;
}

static void
multiply(struct cuda *c, const struct matrix *w, const struct product *how, const char *what)
{
	struct gpu *g = cuda_use(c, w->gpu);
	struct product p = *how;
	const char *why = NULL;

	if (cuda_gemm_packed_tokens(w, p.m, g->shared_block)) {
		assert(p.f32 == p.add);
		multiply_packed(c, w, &p, p.add ? GEMM_ADD : GEMM_STORE);
		return;
	}
	p.n = w->rows;
	p.k = w->cols;
	p.w = rows_of(g, w);
	if (p.x_stride == 0)
		p.x_stride = p.k;
	if (gemm_run(g->gemm, &p, &why) == 0 || c->failure.code != CODE_OK)
		return;
	error_set(&c->failure, CODE_ENGINE, "the GPU failed in %s: %s (%d x %d by %d)", what, why, p.m, p.k, p.n);
}

/* ---- vision tower, on the first card */

static void
vision_embed(struct backend *b, const struct model *m, struct device_buffer *x, const struct device_buffer *pixels)
{
	struct cuda *c = cuda_of(b);
	struct gpu *g = cuda_use(c, 0);
	int patch = m->hp.vision.patch_size, grid = m->hp.image_size / patch, size = m->hp.vision.hidden_size;

	x->home = 0;
	cuda_patches(g->stream, g->normed, pixels->at[0], m->hp.image_size, patch, c->w.patch.cols);
	multiply(c, &c->w.patch, &(struct product){ .x = g->normed, .y = g->wide, .m = grid * grid }, "the patches");
	cuda_place_patches(g->stream, x->at[0], g->wide, c->w.class_embedding, c->w.patch_bias, c->w.position, grid * grid,
	    size);
	cuda_rms_norm(g->stream, g->normed, x->at[0], c->w.tower[0].norm1, grid * grid + 1, size, m->hp.vision.norm_eps);
	note_launch(c, "the patches");
}

/* The rows are normalised already, by what was before. */
static void
vision_qkv(struct backend *b, const struct model *m, int layer, struct device_buffer *qkv,
    const struct device_buffer *x, int n)
{
	struct cuda *c = cuda_of(b);
	struct gpu *g = cuda_use(c, 0);
	const struct cuda_tower_layer *l = &c->w.tower[layer];

	(void)x;
	multiply(c, &l->qkv, &(struct product){ .x = g->normed, .y = qkv->at[0], .m = n }, "the tower's attention");
	cuda_qk_norm(g->stream, (uint16_t *)qkv->at[0], l->q_norm, l->k_norm, n, m->hp.vision.hidden_size,
	    m->hp.vision.norm_eps);
	note_launch(c, "the tower's attention");
}

static void
vision_attention(struct backend *b, const struct model *m, struct device_buffer *out, const struct device_buffer *qkv,
    int n)
{
	struct cuda *c = cuda_of(b);
	struct gpu *g = cuda_use(c, 0);
	int size = m->hp.vision.hidden_size;
	const uint16_t *q = (const uint16_t *)qkv->at[0];
	struct attend a = { .q = q, .k = q + size, .v = q + 2 * size, .out = (uint16_t *)out->at[0], .q_stride = 3 * size,
		.kv_stride = 3 * size, .out_stride = size, .n_heads = m->hp.vision.n_heads,
		.n_kv_heads = m->hp.vision.n_heads, .head_dim = m->hp.vision.head_dim, .n_rows = n, .n_keys = n, .pos = -1 };

	cuda_attention(g->stream, &a);
	note_launch(c, "the tower's attention");
}

static void
vision_proj(struct backend *b, const struct model *m, int layer, struct device_buffer *x, const struct device_buffer *a,
    int n)
{
	struct cuda *c = cuda_of(b);
	struct gpu *g = cuda_use(c, 0);
	const struct cuda_tower_layer *l = &c->w.tower[layer];

	multiply(c, &l->proj, &(struct product){ .x = a->at[0], .y = g->wide, .m = n }, "the tower's attention");
	cuda_residual_norm(g->stream, x->at[0], g->wide, l->proj_bias, l->ls1, g->normed, l->norm2, n,
	    m->hp.vision.hidden_size, m->hp.vision.norm_eps);
	note_launch(c, "the tower's attention");
}

static void
vision_fc1(struct backend *b, const struct model *m, int layer, struct device_buffer *h, const struct device_buffer *x,
    int n)
{
	struct cuda *c = cuda_of(b);
	struct gpu *g = cuda_use(c, 0);
	const struct cuda_tower_layer *l = &c->w.tower[layer];

	(void)x;
	multiply(c, &l->fc1, &(struct product){ .x = g->normed, .y = h->at[0], .m = n }, "the tower's MLP");
	cuda_bias_gelu(g->stream, (uint16_t *)h->at[0], l->fc1_bias, n, m->hp.vision.intermediate_size);
	note_launch(c, "the tower's MLP");
}

static void
vision_fc2(struct backend *b, const struct model *m, int layer, struct device_buffer *x, const struct device_buffer *h,
    int n)
{
	struct cuda *c = cuda_of(b);
	struct gpu *g = cuda_use(c, 0);
	const struct cuda_tower_layer *l = &c->w.tower[layer];
	bool last = layer + 1 == m->hp.n_vision_run;

	multiply(c, &l->fc2, &(struct product){ .x = h->at[0], .y = g->wide, .m = n }, "the tower's MLP");
	cuda_residual_norm(g->stream, x->at[0], g->wide, l->fc2_bias, l->ls2, g->normed, last ? NULL : l[1].norm1, n,
	    m->hp.vision.hidden_size, m->hp.vision.norm_eps);
	note_launch(c, "the tower's MLP");
}

static void
project(struct backend *b, const struct model *m, struct device_buffer *out, const struct device_buffer *x,
    struct device_buffer *tmp)
{
	struct cuda *c = cuda_of(b);
	struct gpu *g = cuda_use(c, 0);
	int grid = m->hp.image_size / m->hp.vision.patch_size, n = grid * grid / 4, width = 4 * m->hp.vision.hidden_size;
	int hidden = m->hp.llm.hidden_size;
	uint16_t *shuffled = (uint16_t *)tmp->at[0], *h = shuffled + (size_t)n * (size_t)width;

	assert(tmp->n >= (size_t)n * (size_t)(width + hidden) && out->n >= (size_t)n * (size_t)hidden);
	out->home = 0;
	cuda_pixel_shuffle(g->stream, shuffled, x->at[0], grid, m->hp.vision.hidden_size, m->hp.shuffle == SHUFFLE_V1);
	cuda_layer_norm(g->stream, shuffled, shuffled, c->w.proj_norm, c->w.proj_norm_bias, n, width, 1e-5f);
	multiply(c, &c->w.fc1, &(struct product){ .x = shuffled, .y = h, .m = n }, "the projector");
	cuda_bias_gelu(g->stream, h, c->w.fc1_bias, n, hidden);
	multiply(c, &c->w.fc2, &(struct product){ .x = h, .y = g->wide, .m = n }, "the projector");
	cuda_add_bias(g->stream, out->at[0], g->wide, c->w.fc2_bias, n, hidden);
	note_launch(c, "the projector");
}

/* ---- decoder */

/* n_alone: rows of the step that are computed each as if alone. */
static void
begin_rows(struct cuda *c, const int32_t *ids, int n, int pos, int n_alone)
{
	int32_t *to = c->host_ids + (size_t)c->slot * CONTEXT_CHUNK;
	struct step_state *state = c->host_state + (size_t)c->slot * GEMV_ROWS;

	assert(n > 0 && n <= CONTEXT_CHUNK && n_alone <= GEMV_ROWS && pos >= 0);
	c->n_ids = n;
	c->first = 0;
	c->pos = pos;
	c->one_by_one = n_alone > 1;
	c->slot = (c->slot + 1) % SLOTS;
	memcpy(to, ids, (size_t)n * sizeof *ids);
	for (int i = 0; i < n_alone; i++)
		state[i] = (struct step_state){ ids[i], pos + i };
	for (int i = 0; i < c->n_gpus; i++) {
		struct gpu *g = cuda_use(c, i);

		if (n_alone)
			NOTE(c, cudaMemcpyAsync(g->state, state, (size_t)n_alone * sizeof *state, cudaMemcpyHostToDevice, g->stream),
			    "begin");
		if (i == 0)
			NOTE(c, cudaMemcpyAsync(g->ids, to, (size_t)n * sizeof *to, cudaMemcpyHostToDevice, g->stream), "begin");
	}
}

static void
begin(struct backend *b, const int32_t *ids, int n, int pos)
{
	begin_rows(cuda_of(b), ids, n, pos, n == 1);
}

static void
begin_steps(struct backend *b, const int32_t *ids, int n, int pos)
{
	assert(!cuda_of(b)->recording);
	begin_rows(cuda_of(b), ids, n, pos, n);
}

/* Rows of the step that are still computed; and how many of them as if alone, by the kernels of few rows. */
static int
rows_left(const struct cuda *c)
{
	return c->n_ids - c->first;
}

static int
rows_alone(const struct cuda *c)
{
	return c->one_by_one ? c->n_ids : rows_left(c) == 1;
}

static void
embed(struct backend *b, const struct model *m, struct device_buffer *x)
{
	struct cuda *c = cuda_of(b);
	struct gpu *g = cuda_use(c, 0);

	assert((size_t)c->n_ids * (size_t)m->hp.llm.hidden_size <= x->n);
	x->home = 0;
	if (c->n_ids == 1 && c->recording)
		cuda_embed_step(g->stream, x->at[0], c->w.embed, g->state, m->hp.llm.hidden_size);
	else
		cuda_embed(g->stream, x->at[0], c->w.embed, g->ids, c->n_ids, m->hp.llm.hidden_size);
	note_launch(c, "embedding");
}

static struct gemv
gemv_of(const struct gpu *g, const struct matrix *w, const float *norm, const float *x, const void *in, int n, float eps)
{
	return (struct gemv){ .w = w, .norm = norm, .x = x, .in = in, .eps = eps, .n = n, .n_sm = g->n_sm,
		.shared = (int)g->shared_block, .chained = g->chained };
}

static void
qkv_rope(struct backend *b, const struct model *m, int layer, struct device_buffer *q, struct kv_cache *kv,
    const struct device_buffer *x)
{
	struct cuda *c = cuda_of(b);
	const struct llm_hparams *hp = &m->hp.llm;
	const struct cuda_decoder_layer *l = &c->w.layers[layer];
	struct gpu *g;

	assert(c->pos + c->n_ids <= kv->n_ctx);
	if (x->home != l->gpu)
		hand_over(c, (struct device_buffer *)(uintptr_t)x, x->home, l->gpu, (size_t)c->n_ids * (size_t)hp->hidden_size);
	g = cuda_use(c, l->gpu);
	if (c->n_ids == 1 || c->one_by_one) {
		struct gemv how = gemv_of(g, &l->qkv, l->attn_norm, x->at[l->gpu], NULL, c->n_ids, hp->norm_eps);
		struct gemv_rope rope = { (uint16_t *)q->at[l->gpu], kv->k[layer], kv->v[layer], kv->cos[l->gpu],
			kv->sin[l->gpu], g->state, hp->n_heads, hp->n_kv_heads, hp->head_dim };

		cuda_gemv_qkv(g->stream, &how, &rope);
	} else {
		cuda_rms_norm(g->stream, g->normed, x->at[l->gpu], l->attn_norm, c->n_ids, hp->hidden_size, hp->norm_eps);
		multiply(c, &l->qkv, &(struct product){ .x = g->normed, .y = g->wide, .m = c->n_ids }, "attention");
		cuda_rope_store(g->stream, g->wide, kv->k[layer], kv->v[layer], kv->cos[l->gpu], kv->sin[l->gpu], c->n_ids,
		    c->pos, hp->n_heads, hp->n_kv_heads, hp->head_dim);
	}
	note_launch(c, "attention");
}

static void
last_row(struct backend *b)
{
	struct cuda *c = cuda_of(b);

	assert(!c->one_by_one);
	c->first = c->n_ids - 1;
}

/* Where those of x are that are still computed. */
static float *
x_rows(const struct cuda *c, const struct model *m, const struct device_buffer *x, int gpu)
{
	return x->at[gpu] + (size_t)c->first * (size_t)m->hp.llm.hidden_size;
}

static void
attention(struct backend *b, const struct model *m, int layer, struct device_buffer *out, const struct device_buffer *q,
    struct kv_cache *kv)
{
	struct cuda *c = cuda_of(b);
	const struct llm_hparams *hp = &m->hp.llm;
	int gpu = c->w.layers[layer].gpu, kv_row = hp->n_kv_heads * hp->head_dim, row = hp->n_heads * hp->head_dim;
	struct gpu *g = cuda_use(c, gpu);
	uint16_t *to = (uint16_t *)out->at[gpu];
	struct attend a = { .q = (uint16_t *)g->wide + (size_t)c->first * (size_t)(row + 2 * kv_row), .k = kv->k[layer],
		.v = kv->v[layer], .out = to, .q_stride = row + 2 * kv_row, .kv_stride = kv_row, .out_stride = row,
		.n_heads = hp->n_heads, .n_kv_heads = hp->n_kv_heads, .head_dim = hp->head_dim,
		.n_rows = rows_left(c), .n_keys = c->pos + c->n_ids, .pos = c->pos + c->first };

	if (c->n_ids == 1 || c->one_by_one)
		cuda_decode_attention(g->stream, to, (const uint16_t *)q->at[gpu], kv->k[layer], kv->v[layer], g->state, c->n_ids,
		    g->partial, g->counters, hp->n_heads, hp->n_kv_heads, hp->head_dim, kv->n_ctx, g->chained);
	else
		cuda_attention(g->stream, &a);
	note_launch(c, "attention");
}

static void
add_product(struct cuda *c, const struct matrix *w, float *x, const void *in, int in_stride, const char *what)
{
	struct gpu *g = cuda_use(c, w->gpu);
	int n = rows_alone(c);

	if (n) {
		struct gemv how = gemv_of(g, w, NULL, NULL, in, n, 0);

		cuda_gemv_residual(g->stream, &how, x);
	} else {
		multiply(c, w, &(struct product){ .x = in, .x_stride = in_stride, .y = x, .m = c->n_ids, .f32 = true,
		    .add = true }, what);
	}
	note_launch(c, what);
}

static void
attn_out(struct backend *b, const struct model *m, int layer, struct device_buffer *x, const struct device_buffer *a)
{
	const struct matrix *w = &cuda_of(b)->w.layers[layer].o;

	add_product(cuda_of(b), w, x_rows(cuda_of(b), m, x, w->gpu), a->at[w->gpu], 0, "attention");
}

/* Gate and up of many rows at once, if the card can. q, k and v, which were in `wide`, are of no more use. */
static bool
multiply_swiglu(struct cuda *c, const struct matrix *w, const uint16_t *x, uint16_t *h)
{
	struct gpu *g = cuda_use(c, w->gpu);
	struct swiglu how = { .w = w->at, .x = x, .y = h, .rows = w->rows / 2, .cols = w->cols, .n = c->n_ids,
		.x_stride = w->cols, .y_stride = w->rows, .work = g->wide, .work_bytes = g->wide_bytes, .marks = g->counters,
		.n_sm = g->n_sm };

	if (cuda_gemm_packed_tokens(w, c->n_ids, g->shared_block)) {
		multiply_packed(c, w, &(struct product){ .x = x, .y = h, .m = c->n_ids }, GEMM_SWIGLU);
		return true;
	}
	if (!cuda_swiglu_takes(&how))
		return false;
	how.w = rows_of(g, w);
	return cuda_swiglu(g->stream, &how);
}

/* Many rows: h in the first half of each row, where gate and up are side by side before if they are not done at once. */
static void
swiglu(struct backend *b, const struct model *m, int layer, struct device_buffer *h, const struct device_buffer *x)
{
	struct cuda *c = cuda_of(b);
	const struct llm_hparams *hp = &m->hp.llm;
	const struct cuda_decoder_layer *l = &c->w.layers[layer];
	struct gpu *g = cuda_use(c, l->gpu);
	uint16_t *to = (uint16_t *)h->at[l->gpu];
	int n = rows_alone(c);

	if (n) {
		struct gemv how = gemv_of(g, &l->gate_up, l->mlp_norm, x_rows(c, m, x, l->gpu), NULL, n, hp->norm_eps);

		cuda_gemv_swiglu(g->stream, &how, to);
	} else {
		cuda_rms_norm(g->stream, g->normed, x->at[l->gpu], l->mlp_norm, c->n_ids, hp->hidden_size, hp->norm_eps);
		if (!multiply_swiglu(c, &l->gate_up, g->normed, to)) {
			multiply(c, &l->gate_up, &(struct product){ .x = g->normed, .y = to, .m = c->n_ids }, "the MLP");
			cuda_silu_mul(g->stream, to, c->n_ids, hp->intermediate_size);
		}
	}
	note_launch(c, "the MLP");
}

static void
mlp_out(struct backend *b, const struct model *m, int layer, struct device_buffer *x, const struct device_buffer *h)
{
	const struct matrix *w = &cuda_of(b)->w.layers[layer].down;

	add_product(cuda_of(b), w, x_rows(cuda_of(b), m, x, w->gpu), h->at[w->gpu], 2 * m->hp.llm.intermediate_size, "the MLP");
}

/* How many rows of the step have logits; the last has. */
static int
rows_of_logits(const struct cuda *c)
{
	return c->one_by_one ? c->n_ids : 1;
}

static void
logits(struct backend *b, const struct model *m, struct device_buffer *out, const struct device_buffer *x)
{
	struct cuda *c = cuda_of(b);
	const struct llm_hparams *hp = &m->hp.llm;
	int gpu = c->w.lm_head.gpu;
	struct gpu *g = cuda_use(c, gpu);
	int n = rows_of_logits(c);
	const float *rows = x->at[gpu] + (size_t)(c->n_ids - n) * (size_t)hp->hidden_size;
	struct gemv how = gemv_of(g, &c->w.lm_head, c->w.norm, rows, NULL, n, hp->norm_eps);

	assert(x->home == gpu && (size_t)n * (size_t)hp->vocab_size <= out->n);
	out->home = gpu;
	cuda_gemv_plain(g->stream, &how, out->at[gpu]);
	note_launch(c, "the output matrix");
}

/* Taken at the first choice of a context, which is never recorded. */
static bool
has_place(struct cuda *c, struct device_buffer *logits)
{
	if (logits->best)
		return true;
	NOTE(c, cudaMalloc((void **)&logits->best, GEMV_ROWS * sizeof *logits->best), "choosing");
	NOTE(c, cudaHostAlloc((void **)&logits->host_best, GEMV_ROWS * sizeof *logits->host_best, 0), "choosing");
	return c->failure.code == CODE_OK;
}

static void
find_best(struct backend *b, struct device_buffer *logits, int n_vocab)
{
	struct cuda *c = cuda_of(b);
	struct gpu *g = cuda_use(c, logits->home);
	int n = rows_of_logits(c);

	if (!has_place(c, logits))
		return;
	cuda_top2(g->stream, logits->best, logits->at[logits->home], n, n_vocab, g->top2_work, g->chained);
	NOTE(c, cudaMemcpyAsync(logits->host_best, logits->best, (size_t)n * sizeof *logits->best, cudaMemcpyDeviceToHost,
	    g->stream), "choosing");
	note_launch(c, "choosing");
}

static void
best(struct backend *b, const struct device_buffer *logits, int row, struct best *out)
{
	struct cuda *c = cuda_of(b);
	const struct top2 *t = logits->host_best ? logits->host_best + row : NULL;

	assert(row >= 0 && row < GEMV_ROWS);
	NOTE(c, cuda_wait(c), "choosing");
	*out = (struct best){ .finite = false };
	if (t)
		*out = (struct best){ .id = t->id, .best = t->best, .second = t->second_id < 0 ? t->best : t->second,
			.finite = t->finite != 0 };
}

/* ---- graphs */

static int
record(struct backend *b)
{
	struct cuda *c = cuda_of(b);
	struct gpu *g = cuda_use(c, 0);

	if (!cuda_is_lost(c))
		NOTE(c, cudaStreamBeginCapture(g->stream, cudaStreamCaptureModeThreadLocal), "recording a step");
	c->recording = !cuda_is_lost(c);
	c->spread = false;
	return c->recording ? 0 : -1;
}

static struct device_graph *
record_end(struct backend *b)
{
	struct cuda *c = cuda_of(b);
	cudaGraphExec_t exec = NULL;
	cudaGraph_t graph = NULL;

	for (int i = 1; i < c->n_gpus && c->spread; i++) {      /* what was recorded elsewhere ends before the step does */
		cuda_use(c, i);
		NOTE(c, cudaEventRecord(c->gpu[i].event, c->gpu[i].stream), "recording a step");
		cuda_use(c, 0);
		NOTE(c, cudaStreamWaitEvent(c->gpu[0].stream, c->gpu[i].event, 0), "recording a step");
	}
	cuda_use(c, 0);
	NOTE(c, cudaStreamEndCapture(c->gpu[0].stream, &graph), "recording a step");
	c->recording = false;
	if (graph)
		NOTE(c, cudaGraphInstantiate(&exec, graph, 0), "recording a step");
	if (graph)
		cudaGraphDestroy(graph);
	return (struct device_graph *)exec;
}

static void
replay(struct backend *b, struct device_graph *graph)
{
	struct cuda *c = cuda_of(b);

	cuda_use(c, 0);
	for (int i = 1; i < c->n_gpus; i++) {   /* their copies of the state are there before the graph is */
		NOTE(c, cudaEventRecord(c->gpu[i].event, c->gpu[i].stream), "a step");
		NOTE(c, cudaStreamWaitEvent(c->gpu[0].stream, c->gpu[i].event, 0), "a step");
	}
	NOTE(c, cudaGraphLaunch((cudaGraphExec_t)graph, c->gpu[0].stream), "a step");
	for (int i = 1; i < c->n_gpus; i++) {
		NOTE(c, cudaEventRecord(c->gpu[0].event, c->gpu[0].stream), "a step");
		NOTE(c, cudaStreamWaitEvent(c->gpu[i].stream, c->gpu[0].event, 0), "a step");
	}
}

static void
graph_free(struct backend *b, struct device_graph *graph)
{
	if (graph && !cuda_is_lost(cuda_of(b)))
		cudaGraphExecDestroy((cudaGraphExec_t)graph);
}

/* ---- life */

static size_t
larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* Bytes of bf16 rows that stand between two operators. */
static void
measure_work(struct cuda *c, const struct model *m)
{
	const struct llm_hparams *l = &m->hp.llm;
	size_t chunk = CONTEXT_CHUNK, q = (size_t)l->n_heads * (size_t)l->head_dim;
	size_t kv = (size_t)l->n_kv_heads * (size_t)l->head_dim, hidden = (size_t)l->hidden_size;
	size_t normed = chunk * hidden, wide = chunk * (q + 2 * kv), packed = 0;

	if (!m->hp.text_only) {
		size_t grid = (size_t)(m->hp.image_size / m->hp.vision.patch_size), n = grid * grid + 1;
		size_t size = (size_t)m->hp.vision.hidden_size;

		normed = larger(normed, n * larger(size, (size_t)c->w.patch.cols));
		wide = larger(wide, larger(n * size, n / 4 * hidden));
		wide = larger(wide, 3 * (size_t)m->hp.image_size * (size_t)m->hp.image_size / sizeof(uint16_t));
	}
	c->max_cols = (int)larger(larger(hidden, q), (size_t)l->intermediate_size);
	c->max_rows = (int)larger(larger(2 * (size_t)l->intermediate_size, (size_t)l->vocab_size), q + 2 * kv);
	if (c->quant != QUANT_BF16)
		packed = larger(larger(2 * (size_t)l->intermediate_size, (size_t)l->vocab_size), q + 2 * kv) * larger(hidden,
		    (size_t)l->intermediate_size / 2);
	for (int g = 0; g < c->n_gpus; g++) {
		c->gpu[g].normed_bytes = normed * sizeof(uint16_t);
		c->gpu[g].wide_bytes = wide * sizeof(uint16_t);
		c->gpu[g].unpacked_bytes = packed * sizeof(uint16_t);
		c->gpu[g].packed_bytes = packed ? cuda_gemm_packed_work(c->gpu[g].n_sm, c->max_cols, c->max_rows) : 0;
	}
}

static int
take_work(struct cuda *c, const struct model *m, struct error *err)
{
	const struct llm_hparams *l = &m->hp.llm;
	size_t counters = larger(GEMV_ROWS * (size_t)l->n_heads, SWIGLU_MARKS) * sizeof(unsigned), top2 = GEMV_ROWS * 2048;

	measure_work(c, m);
	for (int i = 0; i < c->n_gpus; i++) {
		struct gpu *g = &c->gpu[i];

		if (!(g->normed = cuda_take(c, i, g->normed_bytes, "work space", err)) ||
		    !(g->wide = cuda_take(c, i, g->wide_bytes, "work space", err)) ||
		    (g->unpacked_bytes && !(g->unpacked = cuda_take(c, i, g->unpacked_bytes, "unpacked weights", err))) ||
		    (g->packed_bytes && !(g->packed_work = cuda_take(c, i, g->packed_bytes, "work space", err))) ||
		    !(g->partial = cuda_take(c, i, cuda_decode_partial(l->n_heads, l->head_dim) * sizeof(float), "work space",
		    err)) || !(g->counters = cuda_take(c, i, counters, "work space", err)) ||
		    !(g->ids = cuda_take(c, i, CONTEXT_CHUNK * sizeof *g->ids, "work space", err)) ||
		    !(g->state = cuda_take(c, i, GEMV_ROWS * sizeof *g->state, "work space", err)) ||
		    !(g->top2_work = cuda_take(c, i, top2, "work space", err)))
			return -1;
		cudaMemset(g->counters, 0, counters);
		if (g->packed_work)
			cudaMemset(g->packed_work, 0, g->packed_bytes);
		cudaMemset(g->top2_work, 0, top2);
		cudaDeviceSynchronize();
	}
	return 0;
}

static int
load(struct backend *b, struct model *m, const struct checkpoint *from, const struct watch *watch,
    struct error *err)
{
	struct cuda *c = cuda_of(b);

	return cuda_place(c, m, from, err) == 0 && take_work(c, m, err) == 0 && cuda_load(c, from, watch, err) == 0 &&
	    cuda_fill_positions(c, m, err) == 0 ? sync(b, err) : -1;
}

static void
free_card(struct gpu *g)
{
	void *taken[] = { g->normed, g->wide, g->unpacked, g->packed_work, g->partial, g->counters, g->ids, g->state,
		g->top2_work };

	cudaSetDevice(g->device);
	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
		cudaFree(taken[i]);
	gemm_free(g->gemm);
	if (g->event)
		cudaEventDestroy(g->event);
	if (g->stream)
		cudaStreamDestroy(g->stream);
}

static atomic_bool spoilt;      /* the CUDA runtime is one a process, and so is what it has come to */

bool
cuda_is_spoilt(void)
{
	return atomic_load(&spoilt);
}

/* Takes away all that was made on the cards. By its documentation CUDA does not work again in the same process after a
 * kernel has faulted; a reset succeeds, but what is asked then fails (driver 580: devices unavailable). The cards' memory
 * is free for another process. */
static void
reset_cards(struct cuda *c)
{
	for (int g = 0; g < c->n_gpus; g++) {
		cudaSetDevice(c->gpu[g].device);
		cudaDeviceReset();
		cudaGetLastError();
		if (cudaFree(NULL) != cudaSuccess)
			atomic_store(&spoilt, true);
	}
}

/* After a failure nothing is given back piece by piece, which might wait for work that never ends. It may have come
 * unnoticed: while loading, or behind the last sync(). */
static void
backend_free(struct backend *b)
{
	struct cuda *c = cuda_of(b);

	for (int g = 0; g < c->n_gpus && !cuda_is_lost(c); g++)
		if (c->gpu[g].stream) {         /* else it could not be opened */
			cudaSetDevice(c->gpu[g].device);
			NOTE(c, cudaDeviceSynchronize(), "closing");
		}
	cuda_unplace(c);
	for (int g = 0; g < c->n_gpus; g++)
		if (cuda_is_lost(c))
			gemm_forget(c->gpu[g].gemm);
		else
			free_card(&c->gpu[g]);
	if (cuda_is_lost(c)) {
		reset_cards(c);
	} else {
		cudaFreeHost(c->host_ids);
		cudaFreeHost(c->host_state);
	}
	cudaGetLastError();
	free(c);
}

static const char *
describe(const struct backend *b)
{
	return ((const struct cuda *)b)->text;
}

static const struct backend_ops cuda_ops = {
	.name = "cuda", .max_steps = GEMV_ROWS, .cheap_steps = true, .free = backend_free, .describe = describe,
	.load = load, .buffer_new = buffer_new, .buffer_free = buffer_free, .upload = upload, .upload_picture = upload_picture,
	.download = download, .lend = lend, .copy = copy, .sync = sync,
	.record = record, .record_end = record_end, .replay = replay, .graph_free = graph_free,
	.vision_embed = vision_embed, .vision_qkv = vision_qkv, .vision_attention = vision_attention,
	.vision_proj = vision_proj, .vision_fc1 = vision_fc1, .vision_fc2 = vision_fc2, .project = project,
	.kv_new = cuda_kv_new, .kv_free = cuda_kv_free, .kv_row_bytes = cuda_kv_row_bytes,
	.kv_read = cuda_kv_read, .kv_write = cuda_kv_write,
	.begin = begin, .begin_steps = begin_steps, .embed = embed, .qkv_rope = qkv_rope, .last_row = last_row,
	.attention = attention, .attn_out = attn_out, .swiglu = swiglu, .mlp_out = mlp_out, .logits = logits,
	.find_best = find_best, .best = best,
};

static int
open_card(struct gpu *g, int device, struct error *err)
{
	int major = 0, sm = 0, block = 0;
	cudaError_t rc;

	g->device = device;
	rc = cudaSetDevice(device);
	if (rc == cudaSuccess)
		rc = cudaDeviceGetAttribute(&g->n_sm, cudaDevAttrMultiProcessorCount, device);
	if (rc == cudaSuccess)
		rc = cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device);
	if (rc == cudaSuccess)
		rc = cudaDeviceGetAttribute(&sm, cudaDevAttrMaxSharedMemoryPerMultiprocessor, device);
	if (rc == cudaSuccess)
		rc = cudaDeviceGetAttribute(&block, cudaDevAttrMaxSharedMemoryPerBlockOptin, device);
	if (rc == cudaSuccess)
		rc = cudaStreamCreateWithFlags(&g->stream, cudaStreamNonBlocking);
	if (rc == cudaSuccess)
		rc = cudaEventCreateWithFlags(&g->event, cudaEventDisableTiming);
	if (rc != cudaSuccess) {
		cudaGetLastError();
		error_set(err, CODE_MEMORY, "GPU %d cannot be used: %s", device, cudaGetErrorString(rc));
		return error_hint(err, "`ivchat doctor` tells what GPUs there are; --gpus none computes on the CPU");
	}
	g->chained = major >= 9;
	g->shared_sm = (size_t)sm;
	g->shared_block = (size_t)block;
	return (g->gemm = gemm_new(device, g->stream, err)) ? 0 : -1;
}

/* Cards that reach each other's memory copy without the host. */
static void
join_cards(struct cuda *c)
{
	for (int a = 0; a < c->n_gpus; a++)
		for (int b = 0; b < c->n_gpus; b++) {
			int can = 0;

			if (a == b || cudaDeviceCanAccessPeer(&can, c->gpu[a].device, c->gpu[b].device) != cudaSuccess || !can)
				continue;
			cudaSetDevice(c->gpu[a].device);
			cudaDeviceEnablePeerAccess(c->gpu[b].device, 0);
		}
	cudaGetLastError();
}

static void
fill_text(struct cuda *c)
{
	static const char *const quants[] = { "bf16", "fp8", "int8", "int4" };
	struct cudaDeviceProp p;
	char more[32] = "";

	cudaGetDeviceProperties(&p, c->gpu[0].device);
	if (c->n_gpus > 1)
		snprintf(more, sizeof more, "%d x ", c->n_gpus);
	snprintf(c->text, sizeof c->text, "cuda, %s%.100s, %s", more, p.name, quants[c->quant]);
}

struct backend *
cuda_backend_new(const int devices[], int n_devices, enum quant quant, struct error *err)
{
	struct cuda *c = xcalloc(1, sizeof *c);

	assert(n_devices > 0 && n_devices <= MAX_GPUS);
	c->base.ops = &cuda_ops;
	c->quant = quant;
	for (c->n_gpus = 0; c->n_gpus < n_devices; c->n_gpus++)
		if (open_card(&c->gpu[c->n_gpus], devices[c->n_gpus], err) != 0) {
			c->n_gpus++;
			backend_free(&c->base);
			return NULL;
		}
	join_cards(c);
	cudaSetDevice(c->gpu[0].device);
	if (cudaHostAlloc((void **)&c->host_ids, SLOTS * CONTEXT_CHUNK * sizeof *c->host_ids, 0) == cudaSuccess &&
	    cudaHostAlloc((void **)&c->host_state, SLOTS * GEMV_ROWS * sizeof *c->host_state, 0) == cudaSuccess) {
		fill_text(c);
		return &c->base;
	}
	error_set(err, CODE_MEMORY, "no pinned memory for the GPU");
	backend_free(&c->base);
	return NULL;
}
