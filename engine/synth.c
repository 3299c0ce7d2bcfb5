/* synth.c: a whole checkpoint of random weights: which tensors there are (the table of model.c), and the threads that fill
 * the files of shards.c.
 *
 * Work is dealt in chunks, the next one to another shard, so that threads do not wait for one file's lock. Whatever
 * goes wrong, what was made is removed.
 */
#include "config.h"

#include "engine/synth.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "engine/crew.h"
#include "engine/model.h"
#include "engine/shards.h"

#define CHUNK_VALUES ((uint64_t)32 << 20)       /* dealt at once */
#define WRITE_VALUES ((size_t)512 << 10)        /* written at once */

struct chunk {
	int tensor, turn;               /* the turn-th of its file */
	uint64_t first, n;
};

struct work {
	const struct synth *s;
	struct hparams hp;
	struct shards shards;
	struct synth_values *values;    /* of each tensor */
	struct chunk *chunks;
	int n_chunks;
	bool made_dir;
	float *pool;
};

/* A thread's own. */
struct hand {
	struct synth_mill *mill;
	uint16_t *buffer;               /* WRITE_VALUES */
};

/* ---------------------------------------------------------------- tensors */

static bool
ends_with(const char *name, const char *end)
{
	size_t n = strlen(name), end_n = strlen(end);

	return n >= end_n && strcmp(name + n - end_n, end) == 0;
}

/* Norms about 1, the scales of residual branches about 0.1, matrices such that they keep the size of what they multiply. */
static struct synth_values
choose_values(const char *name, const struct tensor *t, uint64_t seed, int index)
{
	struct synth_values v = {.spread = 0.02f, .key = seed * UINT64_C(0x2545f4914f6cdd1d) +
	    ((uint64_t)index + 1) * UINT64_C(0xd1342543de82ef95)};

	if (ends_with(name, ".ls1") || ends_with(name, ".ls2")) {
		v.mean = 0.1f;
	} else if (t->n_dims == 1 && ends_with(name, ".weight")) {
		v.mean = 1;
		v.spread = 0.05f;
	} else if ((t->n_dims == 2 || t->n_dims == 4) && !ends_with(name, "embed_tokens.weight")) {
		v.spread = (float)(1 / sqrt((double)tensor_cols(t)));
	}
	return v;
}

/* A tied output matrix is walked twice and stored once. */
static int
add_tensor(void *arg, const char *name, struct tensor *t, struct error *err)
{
	struct work *w = arg;
	int i;

	(void)err;
	if (shards_find(&w->shards, name) >= 0)
		return 0;
	i = shards_add(&w->shards, name, t);
	w->values = xreallocarray(w->values, (size_t)i + 1, sizeof *w->values);
	w->values[i] = choose_values(name, t, w->s->seed, i);
	return 0;
}

/* All layers of the tower are stored, whether they are run or not. */
static void
list_tensors(struct work *w)
{
	struct hparams all = w->hp;
	struct model m;

	all.n_vision_run = all.vision.n_layers;
	model_shape(&m, &all);
	model_each(&m, add_tensor, w, NULL);
	model_done(&m);
}

/* ---------------------------------------------------------------- chunks */

static int
by_turn(const void *a, const void *b)
{
	const struct chunk *x = a, *y = b;

	return x->turn != y->turn ? (x->turn < y->turn ? -1 : 1) : (x->tensor > y->tensor) - (x->tensor < y->tensor);
}

static void
deal_chunks(struct work *w)
{
	int turn = 0;

	for (int i = 0; i < w->shards.n_tensors; i++) {
		const struct shard_tensor *t = &w->shards.tensors[i];
		uint64_t n = t->bytes / sizeof(uint16_t);

		if (i > 0 && t->file != t[-1].file)
			turn = 0;
		for (uint64_t at = 0; at < n; at += CHUNK_VALUES) {
			uint64_t left = n - at;

			w->chunks = xreallocarray(w->chunks, (size_t)w->n_chunks + 1, sizeof *w->chunks);
			w->chunks[w->n_chunks++] = (struct chunk){i, turn++, at, left < CHUNK_VALUES ? left : CHUNK_VALUES};
		}
	}
	qsort(w->chunks, (size_t)w->n_chunks, sizeof *w->chunks, by_turn);
}

/* ---------------------------------------------------------------- writing */

static void *
begin(void *arg)
{
	const struct work *w = arg;
	struct hand *h = xcalloc(1, sizeof *h);

	h->mill = synth_mill_new(w->pool);
	h->buffer = xcalloc(WRITE_VALUES, sizeof *h->buffer);
	return h;
}

static void
end(void *own)
{
	struct hand *h = own;

	synth_mill_free(h->mill);
	free(h->buffer);
	free(h);
}

/* One chunk through the buffer. */
static int
fill(struct crew *crew, void *own, int piece, struct error *err)
{
	struct work *w = crew->arg;
	const struct chunk *c = &w->chunks[piece];
	struct hand *h = own;

	for (uint64_t at = c->first; at < c->first + c->n && !crew_ends(crew); at += WRITE_VALUES) {
		uint64_t left = c->first + c->n - at;
		size_t n = left < WRITE_VALUES ? (size_t)left : WRITE_VALUES;

		synth_make(h->mill, h->buffer, &w->values[c->tensor], at, (n + SYNTH_BLOCK - 1) / SYNTH_BLOCK * SYNTH_BLOCK);
		if (shards_write(&w->shards, c->tensor, at * sizeof *h->buffer, h->buffer, n * sizeof *h->buffer, err) < 0)
			return -1;
		crew_did(crew, (long long)(n * sizeof *h->buffer));
	}
	return 0;
}

/* ---------------------------------------------------------------- the folder */

static int
make_folder(struct work *w, struct error *err)
{
	struct stat st;

	w->made_dir = stat(w->s->dir, &st) < 0 && errno == ENOENT;
	if (file_make_dirs(w->s->dir, 0755, err) < 0)
		return -1;
	if (stat(w->s->dir, &st) < 0 || !S_ISDIR(st.st_mode))
		return error_set(err, CODE_STORE, "'%s' is not a folder", w->s->dir);
	if (shards_is_empty(w->s->dir))
		return 0;
	error_set(err, CODE_STORE, "'%s' is not empty", w->s->dir);
	return error_hint(err, "a new folder: a checkpoint is not written over anything");
}

/* Only what was made here: the folder was empty. */
static void
remove_all(struct work *w)
{
	shards_remove(&w->shards);
	for (int i = 0; synth_small_names[i]; i++) {
		char *path = xasprintf("%s/%s", w->s->dir, synth_small_names[i]);

		unlink(path);
		free(path);
	}
	if (w->made_dir)
		rmdir(w->s->dir);
}

static int
write_folder(struct work *w, const struct watch *watch, struct error *err)
{
	struct crew crew = {.n_threads = w->s->n_threads, .total = (long long)w->shards.bytes, .arg = w, .begin = begin,
		.end = end, .work = fill};

	deal_chunks(w);
	crew.n_pieces = w->n_chunks;
	if (shards_make(&w->shards, err) < 0 || crew_run(&crew, "writing the checkpoint", watch, err) < 0)
		return -1;
	return shards_finish(&w->shards, err) < 0 ? -1 : synth_small_files(w->s, &w->hp, err);
}

static void
work_done(struct work *w)
{
	shards_done(&w->shards);
	free(w->values);
	free(w->chunks);
	free(w->pool);
}

static int
read_shape(struct work *w, struct error *err)
{
	if (synth_is_40b(w->s->shape))
		return hparams_default(&w->hp, err);
	if (hparams_read(&w->hp, w->s->shape, err) < 0)
		return -1;
	if (w->hp.stored == ENGINE_AUTO)
		return 0;
	error_set(err, CODE_MODEL, "'%s' is a shape of packed weights: only plain ones are made up", w->s->shape);
	return error_hint(err, "--shape with the folder that it was made from");
}

int
synth_write(const struct synth *s, const struct watch *watch, struct synth_report *report, struct error *err)
{
	struct work w = {.s = s, .shards = {.dir = s->dir}};
	int rc = -1;

	if (read_shape(&w, err) < 0 || synth_check_tokenizer(s, &w.hp, err) < 0)
		return -1;
	list_tensors(&w);
	shards_deal(&w.shards, s->shard_bytes);
	w.pool = synth_pool(s->seed);
	*report = (struct synth_report){(long long)w.shards.bytes, w.shards.n_files};
	if (make_folder(&w, err) == 0) {
		rc = shards_room(&w.shards, err);
		if (rc == 0)
			rc = write_folder(&w, watch, err);
		if (rc < 0)
			remove_all(&w);
	}
	work_done(&w);
	return rc;
}
