/* kv.c: keys and values of a context, on the cards that have its layers; and the angles of their positions. */
#include "config.h"

#include <assert.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "engine/cpu/tables.h"
#include "engine/cuda/cuda.h"

void
cuda_kv_free(struct backend *b, struct kv_cache *kv)
{
	struct cuda *c = cuda_of(b);

	if (!kv)
		return;
	for (int g = 0; g < c->n_gpus && !cuda_is_lost(c); g++) {
		cuda_use(c, g);
		cudaFree(kv->block[g]);
	}
	free(kv->k);
	free(kv->v);
	free(kv);
}

/* On one card: the angles' tables, then keys and values of its layers. */
static int
kv_on_card(struct cuda *c, struct kv_cache *kv, const struct llm_hparams *hp, int gpu, struct error *err)
{
	size_t table = (size_t)kv->n_ctx * (size_t)hp->head_dim / 2, at, n = 0;
	float *cos = xcalloc(2 * table + 1, sizeof *cos);
	cudaError_t rc;

	for (int i = 0; i < hp->n_layers; i++)
		n += c->w.layers[i].gpu == gpu;
	at = (2 * table * sizeof *cos + 255) / 256 * 256;
	kv->block[gpu] = cuda_take(c, gpu, at + 2 * n * kv->layer_values * sizeof(uint16_t), "keys and values", err);
	if (!kv->block[gpu]) {
		free(cos);
		return -1;
	}
	cpu_rope_table(cos, cos + table, kv->n_ctx, hp->head_dim, hp->rope_theta);
	rc = cudaMemcpy(kv->block[gpu], cos, 2 * table * sizeof *cos, cudaMemcpyHostToDevice);
	if (rc == cudaSuccess)
		rc = cudaDeviceSynchronize();   /* a copy from pageable memory may end after its call */
	free(cos);
	kv->cos[gpu] = kv->block[gpu];
	kv->sin[gpu] = kv->cos[gpu] + table;
	for (int i = 0; i < hp->n_layers; i++)
		if (c->w.layers[i].gpu == gpu) {
			kv->k[i] = (uint16_t *)(void *)((char *)kv->block[gpu] + at);
			kv->v[i] = kv->k[i] + kv->layer_values;
			at += 2 * kv->layer_values * sizeof(uint16_t);
		}
	return rc == cudaSuccess ? 0 : cuda_error(err, rc, "making room for keys and values");
}

struct kv_cache *
cuda_kv_new(struct backend *b, const struct model *m, int n_ctx, struct error *err)
{
	struct cuda *c = cuda_of(b);
	const struct llm_hparams *hp = &m->hp.llm;
	struct kv_cache *kv = xcalloc(1, sizeof *kv);

	kv->n_ctx = n_ctx;
	kv->row = (size_t)hp->n_kv_heads * (size_t)hp->head_dim;
	kv->layer_values = (size_t)n_ctx * kv->row;
	kv->layer_values = (kv->layer_values + 127) / 128 * 128;
	kv->k = xcalloc((size_t)hp->n_layers, sizeof *kv->k);
	kv->v = xcalloc((size_t)hp->n_layers, sizeof *kv->v);
	for (int g = 0; g < c->n_gpus; g++)
		if (kv_on_card(c, kv, hp, g, err) != 0) {
			cuda_kv_free(b, kv);
			return NULL;
		}
	return kv;
}

size_t
cuda_kv_row_bytes(const struct kv_cache *kv)
{
	return kv->row * sizeof **kv->k;
}

/* Behind whatever was asked of the layer's card before, and waited for: the memory here is pageable. */
static void
copy_rows(struct cuda *c, int layer, void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind)
{
	struct gpu *g = cuda_use(c, c->w.layers[layer].gpu);

	NOTE(c, cudaMemcpyAsync(to, from, bytes, kind, g->stream), "copying keys and values");
	NOTE(c, cuda_wait(c), "copying keys and values");
}

void
cuda_kv_read(struct backend *b, const struct kv_cache *kv, int layer, int pos, int n, void *to)
{
	size_t at = (size_t)pos * kv->row, bytes = (size_t)n * cuda_kv_row_bytes(kv);

	assert(pos >= 0 && n >= 0 && pos + n <= kv->n_ctx);
	copy_rows(cuda_of(b), layer, to, kv->k[layer] + at, bytes, cudaMemcpyDeviceToHost);
	copy_rows(cuda_of(b), layer, (char *)to + bytes, kv->v[layer] + at, bytes, cudaMemcpyDeviceToHost);
}

void
cuda_kv_write(struct backend *b, struct kv_cache *kv, int layer, int pos, int n, const void *from)
{
	size_t at = (size_t)pos * kv->row, bytes = (size_t)n * cuda_kv_row_bytes(kv);

	assert(pos >= 0 && n >= 0 && pos + n <= kv->n_ctx);
	copy_rows(cuda_of(b), layer, kv->k[layer] + at, from, bytes, cudaMemcpyHostToDevice);
	copy_rows(cuda_of(b), layer, kv->v[layer] + at, (const char *)from + bytes, bytes, cudaMemcpyHostToDevice);
}
