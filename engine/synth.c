/* synth.c: a whole checkpoint of random weights: which tensors there are (the table of model.c), which shard each lies
 * in, headers and index, and the threads that fill the files.
 *
 * Work is dealt in chunks, the next one to another shard, so that threads do not wait for one file's lock. Whatever
 * goes wrong, what was made is removed.
 */
#include "config.h"

#include "engine/synth.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/thread.h"
#include "engine/model.h"
#include "engine/watch.h"

#define SHARD_BYTES UINT64_C(5000000000)
#define CHUNK_VALUES ((uint64_t)32 << 20)       /* dealt at once */
#define WRITE_VALUES ((size_t)512 << 10)        /* written at once */
#define SPARE_BYTES ((uint64_t)64 << 20)        /* left free on the disk for the rest */
#define MAX_THREADS 64
#define POLL_MS 20

struct item {
	char *name;
	struct tensor shape;
	struct synth_values values;
	int shard;
	uint64_t offset;                /* among the shard's data */
	uint64_t n;                     /* values */
};

struct shard {
	char *path;
	const char *name;               /* last part of the path */
	uint64_t data_bytes, header_bytes;      /* header with its length in front */
};

struct chunk {
	int item, turn;                 /* the turn-th of its shard */
	uint64_t first, n;
};

struct plan_of_files {
	const struct synth *s;
	struct hparams hp;
	struct item *items;
	struct shard *shards;
	struct chunk *chunks;
	int n_items, n_shards, n_chunks;
	uint64_t bytes;
	bool made_dir;
	float *pool;
	atomic_int next, n_running;
	atomic_llong done;
	atomic_bool quit;
	pthread_mutex_t lock;           /* of what follows */
	bool failed;
	struct error failure;
};

/* ---------------------------------------------------------------- tensors */

static bool
ends_with(const char *name, const char *end)
{
	size_t n = strlen(name), end_n = strlen(end);

	return n >= end_n && strcmp(name + n - end_n, end) == 0;
}

/* Norms about 1, the scales of residual branches about 0.1, matrices such that they keep the size of what they multiply. */
static void
choose_values(struct item *it, uint64_t seed, int index)
{
	const struct tensor *t = &it->shape;
	double cols = t->n_dims > 0 ? (double)it->n / (double)t->shape[0] : 1;

	it->values = (struct synth_values){.spread = 0.02f, .key = seed * UINT64_C(0x2545f4914f6cdd1d) +
	    ((uint64_t)index + 1) * UINT64_C(0xd1342543de82ef95)};
	if (ends_with(it->name, ".ls1") || ends_with(it->name, ".ls2")) {
		it->values.mean = 0.1f;
	} else if (t->n_dims == 1 && ends_with(it->name, ".weight")) {
		it->values.mean = 1;
		it->values.spread = 0.05f;
	} else if ((t->n_dims == 2 || t->n_dims == 4) && !ends_with(it->name, "embed_tokens.weight")) {
		it->values.spread = (float)(1 / sqrt(cols));
	}
}

/* A tied output matrix is walked twice and stored once. */
static bool
has_item(const struct plan_of_files *p, const char *name)
{
	for (int i = 0; i < p->n_items; i++)
		if (strcmp(p->items[i].name, name) == 0)
			return true;
	return false;
}

static int
add_item(void *arg, const char *name, struct tensor *t, struct error *err)
{
	struct plan_of_files *p = arg;
	struct item *it;

	(void)err;
	if (has_item(p, name))
		return 0;
	p->items = xreallocarray(p->items, (size_t)p->n_items + 1, sizeof *p->items);
	it = &p->items[p->n_items];
	*it = (struct item){.name = xstrdup(name), .shape = *t, .n = (uint64_t)tensor_count(t)};
	choose_values(it, p->s->seed, p->n_items++);
	return 0;
}

static uint64_t
item_bytes(const struct item *it)
{
	return it->n * sizeof(uint16_t);
}

/* All layers of the tower are stored, whether they are run or not. */
static void
list_items(struct plan_of_files *p)
{
	struct hparams all = p->hp;
	struct model m;

	all.n_vision_run = all.vision.n_layers;
	model_shape(&m, &all);
	model_each(&m, add_item, p, NULL);
	model_done(&m);
}

/* ---------------------------------------------------------------- shards */

static void
deal_shards(struct plan_of_files *p)
{
	uint64_t most = p->s->shard_bytes ? p->s->shard_bytes : SHARD_BYTES;

	for (int i = 0; i < p->n_items; i++) {
		struct item *it = &p->items[i];

		if (p->n_shards == 0 || (p->shards[p->n_shards - 1].data_bytes > 0 &&
		    p->shards[p->n_shards - 1].data_bytes + item_bytes(it) > most)) {
			p->shards = xreallocarray(p->shards, (size_t)p->n_shards + 1, sizeof *p->shards);
			p->shards[p->n_shards++] = (struct shard){0};
		}
		it->shard = p->n_shards - 1;
		it->offset = p->shards[it->shard].data_bytes;
		p->shards[it->shard].data_bytes += item_bytes(it);
		p->bytes += item_bytes(it);
	}
	for (int i = 0; i < p->n_shards; i++) {
		p->shards[i].path = xasprintf("%s/model-%05d-of-%05d.safetensors", p->s->dir, i + 1, p->n_shards);
		p->shards[i].name = strrchr(p->shards[i].path, '/') + 1;
	}
}

static int
by_turn(const void *a, const void *b)
{
	const struct chunk *x = a, *y = b;

	return x->turn != y->turn ? (x->turn < y->turn ? -1 : 1) : (x->item > y->item) - (x->item < y->item);
}

static void
deal_chunks(struct plan_of_files *p)
{
	int turn = 0;

	for (int i = 0; i < p->n_items; i++) {
		if (i > 0 && p->items[i].shard != p->items[i - 1].shard)
			turn = 0;
		for (uint64_t at = 0; at < p->items[i].n; at += CHUNK_VALUES) {
			uint64_t left = p->items[i].n - at;

			p->chunks = xreallocarray(p->chunks, (size_t)p->n_chunks + 1, sizeof *p->chunks);
			p->chunks[p->n_chunks++] = (struct chunk){i, turn++, at, left < CHUNK_VALUES ? left : CHUNK_VALUES};
		}
	}
	qsort(p->chunks, (size_t)p->n_chunks, sizeof *p->chunks, by_turn);
}

/* The length of the JSON, then the JSON, filled up with spaces so that the data begin at a multiple of 8. */
static void
make_header(const struct plan_of_files *p, int shard, struct buf *out)
{
	struct buf b = {0};

	buf_str(&b, "{\"__metadata__\":{\"format\":\"pt\"}");
	for (int i = 0; i < p->n_items; i++) {
		const struct item *it = &p->items[i];

		if (it->shard != shard)
			continue;
		buf_printf(&b, ",\"%s\":{\"dtype\":\"BF16\",\"shape\":[", it->name);
		for (int d = 0; d < it->shape.n_dims; d++)
			buf_printf(&b, "%s%lld", d ? "," : "", (long long)it->shape.shape[d]);
		buf_printf(&b, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)it->offset,
		    (unsigned long long)(it->offset + item_bytes(it)));
	}
	buf_char(&b, '}');
	while (b.n % 8 != 0)
		buf_char(&b, ' ');
	for (int i = 0; i < 8; i++)
		buf_char(out, (char)((uint64_t)b.n >> (8 * i)));
	buf_add(out, b.at, b.n);
	buf_done(&b);
}

static int
cannot_write(const char *path, struct error *err)
{
	return error_set(err, CODE_STORE, "cannot write '%s': %s", path, strerror(errno));
}

/* The file with its header, in its full length. */
static int
make_shard(struct plan_of_files *p, int shard, struct error *err)
{
	struct shard *s = &p->shards[shard];
	int fd = open(s->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644), rc = -1;
	struct buf header = {0};

	make_header(p, shard, &header);
	s->header_bytes = header.n;
	if (fd >= 0 && file_write_all(fd, header.at, header.n) == 0 &&
	    ftruncate(fd, (off_t)(header.n + s->data_bytes)) == 0)
		rc = 0;
	if (rc < 0)
		cannot_write(s->path, err);
	if (fd >= 0)
		close(fd);
	buf_done(&header);
	return rc;
}

static int
write_index(const struct plan_of_files *p, struct error *err)
{
	char *path = xasprintf("%s/model.safetensors.index.json", p->s->dir), *text;
	json_t *map = json_object(), *root;
	int rc;

	for (int i = 0; i < p->n_items; i++)
		json_object_set_new(map, p->items[i].name, json_string(p->shards[p->items[i].shard].name));
	root = json_pack("{s:{s:I}, s:o}", "metadata", "total_size", (json_int_t)p->bytes, "weight_map", map);
	text = json_dumps(root, JSON_INDENT(2) | JSON_SORT_KEYS);
	rc = file_replace(path, text, strlen(text), 0644, err);
	free(text);
	json_decref(root);
	free(path);
	return rc;
}

/* ---------------------------------------------------------------- writing */

static void
keep_failure(struct plan_of_files *p, const char *path)
{
	int number = errno;

	pthread_mutex_lock(&p->lock);
	errno = number;
	if (!p->failed)
		cannot_write(path, &p->failure);
	p->failed = true;
	pthread_mutex_unlock(&p->lock);
	atomic_store(&p->quit, true);
}

static int
write_at(int fd, const void *bytes, size_t n, uint64_t offset)
{
	const char *at = bytes;

	while (n > 0) {
		ssize_t done = pwrite(fd, at, n, (off_t)offset);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		at += done;
		n -= (size_t)done;
		offset += (uint64_t)done;
	}
	return 0;
}

/* Values [first, first + n) of the chunk's tensor through the buffer of WRITE_VALUES. */
static int
fill(struct plan_of_files *p, const struct chunk *c, int fd, struct synth_mill *mill, uint16_t *buffer)
{
	const struct item *it = &p->items[c->item];
	uint64_t data = p->shards[it->shard].header_bytes + it->offset;

	for (uint64_t at = c->first; at < c->first + c->n && !atomic_load(&p->quit); at += WRITE_VALUES) {
		uint64_t left = c->first + c->n - at;
		size_t n = left < WRITE_VALUES ? (size_t)left : WRITE_VALUES;

		synth_make(mill, buffer, &it->values, at, (n + SYNTH_BLOCK - 1) / SYNTH_BLOCK * SYNTH_BLOCK);
		if (write_at(fd, buffer, n * sizeof *buffer, data + at * sizeof *buffer) < 0)
			return -1;
		atomic_fetch_add(&p->done, (long long)(n * sizeof *buffer));
	}
	return 0;
}

static void *
run_writer(void *arg)
{
	struct plan_of_files *p = arg;
	struct synth_mill *mill = synth_mill_new(p->pool);
	uint16_t *buffer = xcalloc(WRITE_VALUES, sizeof *buffer);
	int i;

	while (!atomic_load(&p->quit) && (i = atomic_fetch_add(&p->next, 1)) < p->n_chunks) {
		const char *path = p->shards[p->items[p->chunks[i].item].shard].path;
		int fd = open(path, O_WRONLY | O_CLOEXEC);

		if (fd < 0 || fill(p, &p->chunks[i], fd, mill, buffer) < 0)
			keep_failure(p, path);
		if (fd >= 0 && close(fd) < 0)
			keep_failure(p, path);
	}
	free(buffer);
	synth_mill_free(mill);
	atomic_fetch_sub(&p->n_running, 1);
	return NULL;
}

static void
attend_to(struct plan_of_files *p, const struct watch *watch)
{
	const struct timespec nap = {0, POLL_MS * 1000000L};

	while (atomic_load(&p->n_running) > 0) {
		nanosleep(&nap, NULL);
		watch_report(watch, STAGE_LOAD, atomic_load(&p->done), (long long)p->bytes);
		if (watch_stopped(watch))
			atomic_store(&p->quit, true);
	}
}

static int
write_weights(struct plan_of_files *p, const struct watch *watch, struct error *err)
{
	pthread_t threads[MAX_THREADS];
	long n_cores = sysconf(_SC_NPROCESSORS_ONLN);
	int n = p->s->n_threads > 0 ? p->s->n_threads : n_cores > 0 ? (int)n_cores : 1, n_started = 0;

	for (int i = 0; i < n && i < MAX_THREADS && i < p->n_chunks; i++) {
		atomic_fetch_add(&p->n_running, 1);
		if (thread_start(&threads[n_started], run_writer, p) == 0)
			n_started++;
		else
			atomic_fetch_sub(&p->n_running, 1);
	}
	attend_to(p, watch);
	for (int i = 0; i < n_started; i++)
		pthread_join(threads[i], NULL);
	if (p->failed) {
		*err = p->failure;
		return -1;
	}
	if (n_started == 0)
		return error_set(err, CODE_MEMORY, "no thread can be started to write the weights");
	return watch_stopped(watch) ? error_set(err, CODE_SIGINT, "stopped while writing the checkpoint") : 0;
}

/* ---------------------------------------------------------------- the folder */

static bool
is_empty(const char *dir)
{
	DIR *d = opendir(dir);
	const struct dirent *e;
	bool empty = true;

	while (d && empty && (e = readdir(d)))
		empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
	if (d)
		closedir(d);
	return empty;
}

static int
make_folder(struct plan_of_files *p, struct error *err)
{
	struct stat st;

	p->made_dir = stat(p->s->dir, &st) < 0 && errno == ENOENT;
	if (file_make_dirs(p->s->dir, 0755, err) < 0)
		return -1;
	if (stat(p->s->dir, &st) < 0 || !S_ISDIR(st.st_mode))
		return error_set(err, CODE_STORE, "'%s' is not a folder", p->s->dir);
	if (is_empty(p->s->dir))
		return 0;
	error_set(err, CODE_STORE, "'%s' is not empty", p->s->dir);
	return error_hint(err, "a new folder: a checkpoint is not written over anything");
}

static int
check_room(const struct plan_of_files *p, struct error *err)
{
	struct statvfs v;
	uint64_t room;

	if (statvfs(p->s->dir, &v) < 0)
		return error_set(err, CODE_STORE, "cannot ask for the room in '%s': %s", p->s->dir, strerror(errno));
	room = (uint64_t)v.f_bavail * v.f_frsize;
	if (room >= p->bytes + SPARE_BYTES)
		return 0;
	return error_set(err, CODE_STORE, "no room in '%s': the weights take %.1f GB, %.1f GB are free", p->s->dir,
	    (double)p->bytes / 1e9, (double)room / 1e9);
}

static void
remove_file(const struct plan_of_files *p, const char *name)
{
	char *path = xasprintf("%s/%s", p->s->dir, name);

	unlink(path);
	free(path);
}

/* Only what was made here: the folder was empty. */
static void
remove_all(const struct plan_of_files *p)
{
	for (int i = 0; i < p->n_shards; i++)
		unlink(p->shards[i].path);
	for (int i = 0; synth_small_names[i]; i++)
		remove_file(p, synth_small_names[i]);
	remove_file(p, "model.safetensors.index.json");
	if (p->made_dir)
		rmdir(p->s->dir);
}

static int
write_folder(struct plan_of_files *p, const struct watch *watch, struct error *err)
{
	deal_chunks(p);
	for (int i = 0; i < p->n_shards; i++)
		if (make_shard(p, i, err) < 0)
			return -1;
	if (write_weights(p, watch, err) < 0 || write_index(p, err) < 0)
		return -1;
	return synth_small_files(p->s, &p->hp, err);
}

static void
plan_done(struct plan_of_files *p)
{
	for (int i = 0; i < p->n_items; i++)
		free(p->items[i].name);
	for (int i = 0; i < p->n_shards; i++)
		free(p->shards[i].path);
	free(p->items);
	free(p->shards);
	free(p->chunks);
	free(p->pool);
	pthread_mutex_destroy(&p->lock);
}

static int
read_shape(struct plan_of_files *p, struct error *err)
{
	if (synth_is_40b(p->s->shape))
		return hparams_default(&p->hp, err);
	return hparams_read(&p->hp, p->s->shape, err);
}

int
synth_write(const struct synth *s, const struct watch *watch, struct synth_report *report, struct error *err)
{
	struct plan_of_files p = {.s = s, .lock = PTHREAD_MUTEX_INITIALIZER};
	int rc = -1;

	if (read_shape(&p, err) < 0 || synth_check_tokenizer(s, &p.hp, err) < 0)
		return -1;
	list_items(&p);
	deal_shards(&p);
	p.pool = synth_pool(s->seed);
	*report = (struct synth_report){(long long)p.bytes, p.n_shards};
	if (make_folder(&p, err) == 0) {
		rc = check_room(&p, err);
		if (rc == 0)
			rc = write_folder(&p, watch, err);
		if (rc < 0)
			remove_all(&p);
	}
	plan_done(&p);
	return rc;
}
