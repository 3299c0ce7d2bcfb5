/* plan.c: what loading a model would take, from the headers of its files alone, and what memory there is. The sums
 * follow decoder.c, vision.c, context.c and the CPU's scratch memory; a test compares them with what is allocated. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "engine/card.h"
#include "engine/choose.h"
#include "engine/running.h"

#define PANEL_VALUES ((long long)64 * 1024)     /* of each worker: widened weights */
#define SCORE_ROWS 64                           /* of each worker: rows of attention at a time */
#define PLACE_BYTES 64                          /* of each token: what stands there */

static long long
larger(long long a, long long b)
{
	return a > b ? a : b;
}

/* ---- what it takes, in values of float32 */

static long long
kv_values(const struct llm_hparams *hp, long long n_ctx)
{
	long long row = (long long)hp->n_kv_heads * hp->head_dim;

	return 2 * hp->n_layers * n_ctx * row + n_ctx * hp->head_dim;
}

static long long
decoder_values(const struct llm_hparams *hp, long long n_ctx)
{
	long long rows = n_ctx < CONTEXT_CHUNK ? n_ctx : CONTEXT_CHUNK, q = (long long)hp->n_heads * hp->head_dim;

	return rows * (hp->hidden_size + 2 * q + hp->intermediate_size) + 2LL * hp->vocab_size;
}

static long long
vision_values(const struct hparams *hp)
{
	long long side = hp->image_size, grid = side / hp->vision.patch_size, n = grid * grid + 1;
	long long tokens = hparams_n_image_tokens(hp), hidden = hp->llm.hidden_size, wide = hp->vision.hidden_size;

	return 6 * side * side + n * (5 * wide + hp->vision.intermediate_size) + tokens * (4 * wide + hidden) +
	    engine_n_slots(hp) * tokens * hidden;
}

/* Rows that an operator needs for itself, and each worker's. */
static long long
scratch_values(const struct hparams *hp, long long n_ctx, int n_threads)
{
	long long rows = n_ctx < CONTEXT_CHUNK ? n_ctx : CONTEXT_CHUNK;
	long long own = rows * ((long long)hp->llm.hidden_size + hp->llm.intermediate_size);
	long long grid = hp->text_only ? 0 : hp->image_size / hp->vision.patch_size;
	long long tower = (grid * grid + 1) * hp->vision.hidden_size;

	return larger(own, tower) + n_threads * larger(PANEL_VALUES, n_ctx * SCORE_ROWS);
}

/* ---- what there is */

/* The number behind a word at the beginning of a line; -1: not there. */
static long long
read_number(const char *path, const char *word)
{
	FILE *f = fopen(path, "re");
	char line[256];
	long long n = -1;

	while (f && n < 0 && fgets(line, sizeof line, f))
		if (strncmp(line, word, strlen(word)) == 0)
			sscanf(line + strlen(word), " %lld", &n);
	if (f)
		fclose(f);
	return n;
}

/* What a container may still take; -1: no limit. */
static long long
container_room(void)
{
	long long most = read_number("/sys/fs/cgroup/memory.max", "");
	long long used = read_number("/sys/fs/cgroup/memory.current", "");
	long long files = read_number("/sys/fs/cgroup/memory.stat", "file");

	if (most < 0 || used < 0)
		return -1;
	used -= files > 0 && files < used ? files : 0;  /* pages of files are given back when they are needed */
	return most > used ? most - used : 0;
}

static long long
memory_available(void)
{
	long long kib = read_number("/proc/meminfo", "MemAvailable:"), room = container_room();
	long long bytes = kib < 0 ? -1 : kib * 1024;

	return room >= 0 && (bytes < 0 || room < bytes) ? room : bytes;
}

/* ---- the plan */

static void
plan_cpu(struct plan *p, const struct hparams *hp)
{
	p->kv = kv_values(&hp->llm, p->n_ctx) * (long long)sizeof(float);
	p->work = (decoder_values(&hp->llm, p->n_ctx) + (hp->text_only ? 0 : vision_values(hp)) +
	    scratch_values(hp, p->n_ctx, p->n_threads)) * (long long)sizeof(float) + (long long)p->n_ctx * PLACE_BYTES;
	p->available = memory_available();
}

#ifdef HAVE_CUDA

static void
take_choice(struct plan *p, const struct choice *c)
{
	p->n_gpus = c->n_gpus;
	p->quant = c->quant;
	p->margin = CHOOSE_MARGIN;
	p->weights = p->available = 0;
	for (int i = 0; i < c->n_gpus; i++) {
		p->gpus[i] = (struct plan_gpu){ c->gpus[i], c->free[i], c->load[i].weights, c->load[i].kv, c->load[i].work };
		p->weights += c->load[i].weights;
		p->kv += c->load[i].kv;
		p->work += c->load[i].work;
		p->available += c->free[i];
	}
}

/* GPUs, where they are asked for or there and worth it; what cannot be held is told, and no failure. */
static int
plan_gpus(struct plan *p, const struct hparams *hp, const struct engine_options *options, struct error *err)
{
	struct choice c = {0};
	struct model shapes = {0};
	int rc;

	if (options->no_gpu)
		return choose_cpu(hp, options, err);
	model_shape(&shapes, hp);
	rc = choose_device(&c, &shapes, options, p->n_ctx, err);
	if (rc == 0 && c.n_gpus > 0)
		take_choice(p, &c);
	if (rc != 0 && c.n_gpus > 0 && c.free[0] > 0) {
		take_choice(p, &c);
		p->refusal = *err;
		rc = 0;
	}
	model_done(&shapes);
	return rc;
}

#else

static int
plan_gpus(struct plan *p, const struct hparams *hp, const struct engine_options *options, struct error *err)
{
	(void)p;
	return choose_cpu(hp, options, err);
}

#endif

int
plan_make(struct plan *p, const struct card *card, const struct engine_options *options, struct error *err)
{
	const struct hparams *hp = &card->hp;

	memset(p, 0, sizeof *p);
	if (card_check(card, &p->weights, err) != 0)
		return -1;
	p->n_ctx = hp->llm.max_position_embeddings;
	if (options->n_ctx > 0 && options->n_ctx < p->n_ctx)
		p->n_ctx = options->n_ctx;
	p->n_threads = options->n_threads > 0 ? options->n_threads : thread_n_cores();
	if (plan_gpus(p, hp, options, err) != 0)
		return -1;
	if (p->n_gpus == 0)
		plan_cpu(p, hp);
	return 0;
}

int
plan_most_ctx(const struct plan *p)
{
	long long each = (p->kv + p->n_ctx - 1) / p->n_ctx, room = p->available - p->weights - p->work;
	long long n = room > 0 ? room / each : 0;

	return n > p->n_ctx ? p->n_ctx : (int)n;
}
