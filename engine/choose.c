/* choose.c: see choose.h. Built with CUDA only. */
#include "config.h"

#include "engine/choose.h"

#ifdef HAVE_CUDA

#include <cuda_runtime_api.h>
#include <string.h>

#include "engine/cuda/sizes.h"
#include "engine/running.h"

#define MARGIN (256LL << 20)            /* bytes that are left free: what the runtime itself takes along the way */
#define LIBRARY (96LL << 20)            /* workspace and code of the matrix library */

static const enum quant quants[] = { [ENGINE_AUTO] = QUANT_BF16, [ENGINE_BF16] = QUANT_BF16, [ENGINE_FP8] = QUANT_FP8,
	[ENGINE_INT8] = QUANT_INT8, [ENGINE_INT4] = QUANT_INT4 };

static long long
larger(long long a, long long b)
{
	return a > b ? a : b;
}

/* What decoder_init, vision_init, the pictures' cache and the backend take on every card. */
static long long
work_bytes(const struct model *m, enum quant quant)
{
	const struct llm_hparams *l = &m->hp.llm;
	long long chunk = CONTEXT_CHUNK, q = (long long)l->n_heads * l->head_dim, kv = (long long)l->n_kv_heads * l->head_dim;
	long long hidden = l->hidden_size, values = chunk * (hidden + 2 * q + l->intermediate_size) + l->vocab_size;
	long long halves = chunk * hidden + chunk * (q + 2 * kv);

	if (!m->hp.text_only) {
		long long side = m->hp.image_size, grid = side / m->hp.vision.patch_size, n = grid * grid + 1;
		long long size = m->hp.vision.hidden_size, tokens = n / 4;

		values += 3 * side * side + n * (5 * size + m->hp.vision.intermediate_size) + tokens * (4 * size + hidden);
		values += engine_n_slots(&m->hp) * tokens * hidden;
		halves += n * size + larger(n * size, tokens * hidden);
	}
	if (quant != QUANT_BF16)
		halves += larger(larger(2LL * l->intermediate_size, l->vocab_size), q + 2 * kv) *
		    larger(hidden, l->intermediate_size / 2);
	return 4 * values + 2 * halves + LIBRARY;
}

void
choose_loads(const struct model *m, enum engine_quant quant, int n_ctx, int n_gpus, struct card_load out[])
{
	const struct llm_hparams *l = &m->hp.llm;
	struct gpu_sizes sizes[ENGINE_MAX_GPUS];
	long long row = 2LL * l->n_kv_heads * l->head_dim * 2;  /* bf16 keys and values of a token */

	cuda_sizes(m, quants[quant], n_gpus, sizes);
	for (int g = 0; g < n_gpus; g++)
		out[g] = (struct card_load){ (long long)sizes[g].weights, sizes[g].n_layers * n_ctx * row +
			8LL * n_ctx * l->head_dim / 2, work_bytes(m, quants[quant]) };
}

/* ---- what there is */

static int
find_cards(struct choice *c, const struct engine_options *o, struct error *err)
{
	int n = 0;
	cudaError_t rc = cudaGetDeviceCount(&n);

	cudaGetLastError();
	if (rc != cudaSuccess)
		n = 0;
	c->n_gpus = o->n_gpus > 0 ? o->n_gpus : n < ENGINE_MAX_GPUS ? n : ENGINE_MAX_GPUS;
	for (int i = 0; i < c->n_gpus; i++) {
		c->gpus[i] = o->n_gpus > 0 ? o->gpus[i] : i;
		if (c->gpus[i] >= 0 && c->gpus[i] < n)
			continue;
		error_set(err, CODE_MEMORY, "there is no GPU %d: %s", c->gpus[i], rc == cudaErrorInsufficientDriver ?
		    "the NVIDIA driver is older than this program needs, or there is none" :
		    n == 0 ? "no NVIDIA GPU can be used here" : "the numbers end before it");
		return error_hint(err, "`ivchat doctor` tells what GPUs there are; --gpus none computes on the CPU");
	}
	return 0;
}

static int
ask_free(struct choice *c, struct error *err)
{
	for (int i = 0; i < c->n_gpus; i++) {
		size_t free_bytes = 0, all = 0;
		cudaError_t rc = cudaSetDevice(c->gpus[i]);

		if (rc == cudaSuccess)
			rc = cudaMemGetInfo(&free_bytes, &all);
		cudaGetLastError();
		if (rc != cudaSuccess)
			return error_set(err, CODE_MEMORY, "GPU %d cannot be used: %s", c->gpus[i], cudaGetErrorString(rc));
		c->free[i] = (long long)free_bytes;
	}
	return 0;
}

static bool
fits(const struct choice *c, int n)
{
	for (int i = 0; i < n; i++)
		if (c->load[i].weights + c->load[i].kv + c->load[i].work + MARGIN > c->free[i])
			return false;
	return true;
}

/* As few of the cards as hold it; all of them when they were named. */
static int
fewest(struct choice *c, const struct model *m, enum engine_quant quant, int n_ctx, bool all)
{
	for (int n = all ? c->n_gpus : 1; n <= c->n_gpus; n++) {
		choose_loads(m, quant, n_ctx, n, c->load);
		if (n <= m->hp.llm.n_layers && fits(c, n))
			return n;
	}
	return 0;
}

static int
nothing_fits(const struct choice *c, const struct model *m, enum engine_quant quant, int n_ctx, struct error *err)
{
	struct card_load one;

	choose_loads(m, quant, n_ctx, 1, &one);
	error_set(err, CODE_MEMORY, "the model does not fit: it takes %.1f GB, and %d GPU%s with %.1f GB free %s there",
	    (double)(one.weights + one.kv + one.work) / 1e9, c->n_gpus, c->n_gpus == 1 ? "" : "s", (double)c->free[0] / 1e9,
	    c->n_gpus == 1 ? "is" : "are");
	return error_hint(err, "`ivchat model plan` tells what fits: --quant int8 or int4, a smaller --ctx, more --gpus");
}

int
choose_device(struct choice *c, const struct model *m, const struct engine_options *o, int n_ctx, struct error *err)
{
	static const enum engine_quant order[] = { ENGINE_BF16, ENGINE_INT8, ENGINE_INT4 };
	bool any = o->quant == ENGINE_AUTO;
	int n = 0;

	memset(c, 0, sizeof *c);
	c->quant = ENGINE_BF16;
	choose_loads(m, ENGINE_BF16, n_ctx, 1, c->load);
	if (o->n_gpus == 0 && any && c->load[0].weights < CHOOSE_SMALL && !o->random_shape)
		return 0;
	if (find_cards(c, o, err) != 0)
		return -1;
	if (c->n_gpus == 0)
		return any && !o->random_shape ? 0 : error_set(err, CODE_MEMORY, "--quant is for GPUs, and there is none here");
	if (ask_free(c, err) != 0)
		return -1;
	for (size_t i = 0; i < (any ? 3 : 1) && n == 0; i++) {
		c->quant = any ? order[i] : o->quant;
		n = fewest(c, m, c->quant, n_ctx, o->n_gpus > 0);
	}
	if (n == 0)
		return nothing_fits(c, m, c->quant, n_ctx, err);
	c->n_gpus = n;
	return 0;
}

#endif
