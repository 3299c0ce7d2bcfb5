/* bench.c: see bench.h. Shapes and costs follow model.h; ceilings of a GPU are measured in cuda/ceilings.c, the CPU's
 * here. */
#include "config.h"

#include "engine/bench.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/thread.h"
#include "engine/context.h"
#include "engine/running.h"

#ifdef HAVE_CUDA
#include "engine/cuda/ceilings.h"
#endif

/* ---- shapes and costs */

static double
bytes_of(const struct tensor *t)
{
	return (double)(tensor_bytes(t) + tensor_scale_bytes(t));
}

/* The matrices that a step goes through, as they are stored. */
static double
stored_step_bytes(const struct model *m)
{
	double sum = bytes_of(&m->decoder.lm_head);

	for (int i = 0; i < m->hp.llm.n_layers; i++) {
		const struct decoder_layer *l = &m->decoder.layers[i];

		sum += bytes_of(&l->wq) + bytes_of(&l->wk) + bytes_of(&l->wv) + bytes_of(&l->wo) + bytes_of(&l->gate) +
		    bytes_of(&l->up) + bytes_of(&l->down);
	}
	return sum;
}

static int
add_bytes(void *arg, const char *name, struct tensor *t, struct error *err)
{
	double *sum = arg;

	(void)name;
	(void)err;
	*sum += bytes_of(t);
	return 0;
}

#ifdef HAVE_CUDA
static bool
is_cuda(const struct engine *e)
{
	return strcmp(e->backend->ops->name, "cuda") == 0;
}
#endif

void
bench_shape(const struct engine *e, struct bench_shape *out)
{
	const struct hparams *hp = &e->model.hp;
	double bytes = 0;

	memset(out, 0, sizeof *out);
	out->vocab_size = hp->llm.vocab_size;
	out->n_ctx = e->n_ctx;
	out->image_size = hp->text_only ? 0 : hp->image_size;
	out->n_image_tokens = hp->text_only ? 0 : hparams_n_image_tokens(hp);
	out->made_up = !e->checkpoint;
	out->max_steps = e->backend->ops->max_steps;
	out->guesses = e->backend->ops->max_steps > 1 && e->backend->ops->cheap_steps;
	out->quant = hp->stored != ENGINE_AUTO ? hp->stored : ENGINE_BF16;
	model_each((struct model *)(uintptr_t)&e->model, add_bytes, &bytes, NULL);
	out->weight_bytes = (long long)bytes;
#ifdef HAVE_CUDA
	if (is_cuda(e))
		cuda_bench_shape(e->backend, out);
#endif
}

static double
picture_flop(const struct hparams *hp)
{
	double c = hp->vision.hidden_size, f = hp->vision.intermediate_size, h = hp->llm.hidden_size;
	double patch = hp->vision.patch_size, grid = hp->image_size / hp->vision.patch_size, n = grid * grid + 1;
	double layer = n * (4 * c * c + 2 * c * f) + 2 * n * n * c, tokens = hparams_n_image_tokens(hp);

	return 2 * (grid * grid * 3 * patch * patch * c + hp->n_vision_run * layer + tokens * (4 * c * h + h * h));
}

void
bench_costs(const struct engine *e, struct bench_costs *out)
{
	const struct hparams *hp = &e->model.hp;
	const struct llm_hparams *l = &hp->llm;
	double h = l->hidden_size, q = (double)l->n_heads * l->head_dim, kv = (double)l->n_kv_heads * l->head_dim;

	*out = (struct bench_costs){
		.step_bytes = stored_step_bytes(&e->model),
		.kv_bytes = 2 * kv * l->n_layers * (double)sizeof(float),
		.token_flop = 2 * l->n_layers * (h * (2 * q + 2 * kv) + 3 * h * l->intermediate_size),
		.pair_flop = 2 * 2 * q * l->n_layers,
		.last_flop = 2 * h * l->vocab_size,
		.picture_flop = hp->text_only ? 0 : picture_flop(hp),
	};
#ifdef HAVE_CUDA
	if (is_cuda(e)) {
		out->step_bytes = cuda_step_bytes(e->backend, &e->model);
		out->kv_bytes /= 2;     /* bfloat16 */
	}
#endif
}

/* ---- passes */

int
bench_pass(struct context *ctx, int n, double *seconds, struct error *err)
{
	struct decoder_work *d = &ctx->decoder;
	int32_t ids[BACKEND_MAX_STEPS] = {0};
	double begin;

	context_drop_end(ctx);
	if (d->backend->ops->sync(d->backend, err) != 0)
		return -1;
	begin = clock_seconds();
	decoder_embed_steps(d, ids, n, ctx->n_used);
	for (int i = 0; i < d->model->hp.llm.n_layers; i++)
		decoder_layer(d, i);
	context_find_logits(ctx);
	if (d->backend->ops->sync(d->backend, err) != 0)
		return -1;
	*seconds = clock_seconds() - begin;
	return 0;
}

/* ---- how fast the CPU's memory can be read */

#define READ_BYTES ((size_t)512 << 20)
#define READ_PASSES 5

struct reader {
	pthread_t thread;
	const uint64_t *at;
	size_t n;
	uint64_t sum;
};

static void *
read_slice(void *arg)
{
	struct reader *r = arg;
	uint64_t sums[8] = {0};

	for (size_t i = 0; i + 8 <= r->n; i += 8)
		for (size_t k = 0; k < 8; k++)
			sums[k] ^= r->at[i + k];
	for (size_t k = 0; k < 8; k++)
		r->sum ^= sums[k];
	return NULL;
}

static double
read_once(struct reader *readers, int n)
{
	double begin = clock_seconds();
	int started = 0;

	while (started < n && thread_start(&readers[started].thread, read_slice, &readers[started]) == 0)
		started++;
	for (int i = 0; i < started; i++)
		pthread_join(readers[i].thread, NULL);
	return started == n ? clock_seconds() - begin : -1;
}

static int
cpu_ceilings(int n_threads, struct bench_ceilings *out, struct error *err)
{
	int n = n_threads > 0 ? n_threads : thread_n_cores();
	struct reader *readers = xcalloc((size_t)n, sizeof *readers);
	uint64_t *at = malloc(READ_BYTES);
	size_t each = READ_BYTES / sizeof *at / (size_t)n;

	if (!at) {
		free(readers);
		return error_set(err, CODE_MEMORY, "no memory to measure how fast it can be read");
	}
	for (size_t i = 0; i < READ_BYTES / sizeof *at; i++)
		at[i] = i * 0x9e3779b97f4a7c15u;
	for (int i = 0; i < n; i++)
		readers[i] = (struct reader){ .at = at + (size_t)i * each, .n = each };
	for (int i = 0; i < READ_PASSES; i++) {
		double t = read_once(readers, n), rate = t > 0 ? (double)(each * (size_t)n * sizeof *at) / t : 0;

		out->read = rate > out->read ? rate : out->read;
	}
	snprintf(out->read_how, sizeof out->read_how, "%d threads", n);
	free(at);
	free(readers);
	return 0;
}

int
bench_ceilings(struct engine *e, int n_threads, struct bench_ceilings *out, struct error *err)
{
	memset(out, 0, sizeof *out);
#ifdef HAVE_CUDA
	if (is_cuda(e))
		return cuda_ceilings(e->backend, out, err);
#endif
	(void)e;
	return cpu_ceilings(n_threads, out, err);
}

int
bench_tune(struct engine *e, bench_tell *tell, void *arg, struct error *err)
{
#ifdef HAVE_CUDA
	if (is_cuda(e))
		return cuda_tune(e->backend, &e->model, tell, arg, err);
#endif
	(void)e;
	(void)tell;
	(void)arg;
	return error_set(err, CODE_USAGE, "--tune is for GPUs: the engine runs on the CPU");
}

/* ---- files */

static double
forget_file(const char *path, double *bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	size_t page = (size_t)sysconf(_SC_PAGESIZE), n = ((size_t)size + page - 1) / page, there = 0;
	unsigned char *in = xmalloc(n + 1);
	void *map = MAP_FAILED;

	if (size > 0 && fdatasync(fd) == 0 && posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0)
		map = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fd, 0);
	if (map != MAP_FAILED && mincore(map, (size_t)size, in) == 0)
		for (size_t i = 0; i < n; i++)
			there += in[i] & 1;
	else
		there = n;
	if (map != MAP_FAILED)
		munmap(map, (size_t)size);
	if (fd >= 0)
		close(fd);
	free(in);
	*bytes += (double)size;
	return (double)there * (double)page;
}

int
bench_forget_files(const char *dir, double *left, struct error *err)
{
	struct checkpoint *c = checkpoint_open(dir, err);
	int n = c ? checkpoint_n_shards(c) : 0;
	char **paths = xcalloc((size_t)n + 1, sizeof *paths);
	double bytes = 0, there = 0;

	for (int i = 0; i < n; i++)
		paths[i] = xstrdup(checkpoint_shard_path(c, i));
	checkpoint_close(c);
	for (int i = 0; i < n; i++) {
		there += forget_file(paths[i], &bytes);
		free(paths[i]);
	}
	free(paths);
	*left = bytes > 0 && there < bytes ? there / bytes : 1;
	return c ? 0 : -1;
}
