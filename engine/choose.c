/* choose.c: see choose.h. */
#include "config.h"

#include "engine/choose.h"

static const char *const names[] = { [ENGINE_AUTO] = "auto", [ENGINE_BF16] = "bf16", [ENGINE_FP8] = "fp8",
	[ENGINE_INT8] = "int8", [ENGINE_INT4] = "int4" };

/* What the files hold packed is used as it is. */
static int
check_stored(const struct hparams *hp, const struct engine_options *o, struct error *err)
{
	if (hp->stored == ENGINE_AUTO || o->quant == ENGINE_AUTO || o->quant == hp->stored)
		return 0;
	error_set(err, CODE_USAGE, "--quant %s: the weights are stored in %s, and are used as they are", names[o->quant],
	    names[hp->stored]);
	return error_hint(err, "--quant auto, or the folder that they were made from");
}

#ifdef HAVE_CUDA

#include <cuda_runtime_api.h>
#include <stdio.h>
#include <string.h>

#include "engine/cuda/packed.h"
#include "engine/cuda/sizes.h"
#include "engine/running.h"

#define LIBRARY (96LL << 20)            /* workspace and code of the matrix library */
#define MOST_SM 192                     /* multiprocessors of the largest card */

static const enum quant quants[] = { [ENGINE_AUTO] = QUANT_BF16, [ENGINE_BF16] = QUANT_BF16, [ENGINE_FP8] = QUANT_FP8,
	[ENGINE_INT8] = QUANT_INT8, [ENGINE_INT4] = QUANT_INT4 };

enum quant
choose_quant(enum engine_quant quant)
{
	return quants[quant];
}

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
	long long halves = chunk * hidden + chunk * (q + 2 * kv), packed = 0;

	if (!m->hp.text_only) {
		long long side = m->hp.image_size, grid = side / m->hp.vision.patch_size, n = grid * grid + 1;
		long long size = m->hp.vision.hidden_size, tokens = n / 4;

		values += 3 * side * side + n * (5 * size + m->hp.vision.intermediate_size) + tokens * (4 * size + hidden);
		values += engine_n_slots(&m->hp) * tokens * hidden;
		halves += n * size + larger(n * size, tokens * hidden);
	}
	if (quant != QUANT_BF16) {
		long long rows = larger(larger(2LL * l->intermediate_size, l->vocab_size), q + 2 * kv);

		halves += rows * larger(hidden, l->intermediate_size / 2);
		packed = (long long)cuda_gemm_packed_work(MOST_SM, (int)larger(larger(hidden, q), l->intermediate_size), (int)rows);
	}
	return 4 * values + 2 * halves + packed + LIBRARY;
}

void
choose_loads(const struct model *m, enum engine_quant quant, int n_ctx, int n_gpus, struct card_load out[])
{
	const struct llm_hparams *l = &m->hp.llm;
	struct gpu_sizes sizes[ENGINE_MAX_GPUS];
	long long row = 2LL * l->n_kv_heads * l->head_dim * 2;  /* bf16 keys and values of a token */

	cuda_sizes(m, choose_quant(quant), n_gpus, sizes);
	for (int g = 0; g < n_gpus; g++)
		out[g] = (struct card_load){ (long long)sizes[g].weights, sizes[g].n_layers * n_ctx * row +
			8LL * n_ctx * l->head_dim / 2, work_bytes(m, choose_quant(quant)) };
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
cannot_be_used(int gpu, cudaError_t rc, struct error *err)
{
	if (cuda_is_spoilt())
		return error_set(err, CODE_ENGINE, "GPU %d failed, and cannot be used again by this process", gpu);
	error_set(err, CODE_MEMORY, "GPU %d cannot be used: %s", gpu, cudaGetErrorString(rc));
	return error_hint(err, "`ivchat doctor` tells what GPUs there are; --gpus none computes on the CPU");
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
			return cannot_be_used(c->gpus[i], rc, err);
		c->free[i] = (long long)free_bytes;
	}
	return 0;
}

static bool
fits(const struct choice *c, int n)
{
	for (int i = 0; i < n; i++)
		if (c->load[i].weights + c->load[i].kv + c->load[i].work + CHOOSE_MARGIN > c->free[i])
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

/* ---- what would fit, when nothing does */

static const enum engine_quant order[] = { ENGINE_BF16, ENGINE_INT8, ENGINE_INT4 };

static bool
would_fit(const struct choice *all, const struct model *m, enum engine_quant quant, int n_ctx)
{
	struct choice c = *all;

	return fewest(&c, m, quant, n_ctx, true) > 0;
}

/* The first kind smaller than what was asked for that fits; AUTO: none. */
static enum engine_quant
smaller_quant(const struct choice *c, const struct model *m, enum engine_quant asked, int n_ctx)
{
	for (int i = asked == ENGINE_BF16 ? 1 : asked == ENGINE_FP8 || asked == ENGINE_INT8 ? 2 : 3; i < 3; i++)
		if (would_fit(c, m, order[i], n_ctx))
			return order[i];
	return ENGINE_AUTO;
}

/* In steps of 64 tokens; 0: not even the first of them fits. */
static int
most_ctx(const struct choice *c, const struct model *m, enum engine_quant quant, int n_ctx)
{
	int least = 0, most = n_ctx / 64;

	while (least < most) {
		int middle = (least + most + 1) / 2;

		if (would_fit(c, m, quant, 64 * middle))
			least = middle;
		else
			most = middle - 1;
	}
	return 64 * least;
}

/* How many cards with as much free as the emptiest of these; 0: not even ENGINE_MAX_GPUS of them. */
static int
enough_cards(const struct choice *c, const struct model *m, enum engine_quant quant, int n_ctx)
{
	struct choice more = *c;
	long long most = 0;

	for (int i = 0; i < c->n_gpus; i++)
		most = larger(most, c->free[i]);
	for (int i = 0; i < ENGINE_MAX_GPUS; i++)
		more.free[i] = most;
	more.n_gpus = ENGINE_MAX_GPUS;
	return fewest(&more, m, quant, n_ctx, false);
}

static int
nothing_fits(const struct choice *c, const struct model *m, enum engine_quant asked, int n_ctx, struct error *err)
{
	bool is_stored = m->hp.stored != ENGINE_AUTO;
	enum engine_quant least = asked == ENGINE_AUTO ? ENGINE_INT4 : asked;
	enum engine_quant smaller = is_stored ? ENGINE_AUTO : smaller_quant(c, m, asked, n_ctx);
	int ctx = most_ctx(c, m, least, n_ctx), n = enough_cards(c, m, least, n_ctx);
	struct card_load one;
	char hint[200] = "";
	size_t at = 0;

	choose_loads(m, least, n_ctx, 1, &one);
	error_set(err, CODE_MEMORY, "the model does not fit: in %s, with %d tokens, it takes %.1f GB, and %s %.1f GB free",
	    names[least], n_ctx, (double)(one.weights + one.kv + one.work) / 1e9,
	    c->n_gpus == 1 ? "the GPU has" : "the first GPU has", (double)c->free[0] / 1e9);
	if (smaller != ENGINE_AUTO)
		at += (size_t)snprintf(hint, sizeof hint, "--quant %s", names[smaller]);
	if (ctx > 0)
		at += (size_t)snprintf(hint + at, sizeof hint - at, "%s--ctx %d", at ? ", or " : "", ctx);
	if (n > c->n_gpus)
		at += (size_t)snprintf(hint + at, sizeof hint - at, "%s%d GPUs with as much free", at ? ", or " : "", n);
	snprintf(hint + at, sizeof hint - at, "%s%s", at ? ", or " : "", "--gpus none, on the CPU");
	return error_hint(err, "%s", hint);
}

int
choose_among(struct choice *c, const struct model *m, const struct engine_options *o, int n_ctx, struct error *err)
{
	enum engine_quant asked = m->hp.stored != ENGINE_AUTO ? m->hp.stored : o->quant;
	bool any = asked == ENGINE_AUTO;
	int n = 0;

	for (size_t i = 0; i < (any ? sizeof order / sizeof *order : 1) && n == 0; i++) {
		c->quant = any ? order[i] : asked;
		n = fewest(c, m, c->quant, n_ctx, o->n_gpus > 0);
	}
	if (n == 0)
		return nothing_fits(c, m, asked, n_ctx, err);
	c->n_gpus = n;
	return 0;
}

int
choose_device(struct choice *c, const struct model *m, const struct engine_options *o, int n_ctx, struct error *err)
{
	bool is_stored = m->hp.stored != ENGINE_AUTO, any = o->quant == ENGINE_AUTO || is_stored;

	memset(c, 0, sizeof *c);
	if (check_stored(&m->hp, o, err) != 0)
		return -1;
	c->quant = is_stored ? m->hp.stored : ENGINE_BF16;
	choose_loads(m, c->quant, n_ctx, 1, c->load);
	if (o->n_gpus == 0 && any && c->load[0].weights < CHOOSE_SMALL && !o->random_shape)
		return 0;
	if (find_cards(c, o, err) != 0)
		return -1;
	if (c->n_gpus == 0)
		return any && !o->random_shape ? 0 : error_set(err, CODE_MEMORY, "--quant is for GPUs, and there is none here");
	return ask_free(c, err) == 0 ? choose_among(c, m, o, n_ctx, err) : -1;
}

#endif

int
choose_cpu(const struct hparams *hp, const struct engine_options *o, struct error *err)
{
	if (o->n_gpus > 0) {
		error_set(err, CODE_MEMORY, "this ivchat was built without CUDA: it has no use for a GPU");
		return error_hint(err, "build it where nvcc is (README), or leave --gpus away");
	}
	if (hp->stored != ENGINE_AUTO)
		return check_stored(hp, o, err);
	if (o->quant != ENGINE_AUTO && o->quant != ENGINE_BF16) {
		error_set(err, CODE_USAGE, "--quant is for GPUs: the CPU computes with the weights as they are stored");
		return error_hint(err, "--quant auto");
	}
	return 0;
}
