/* quantize.c: a model folder with its decoder packed, made from a plain one: which tensors are packed, which copied; the
 * threads that do it; and the folder around them.
 *
 * Tensors keep the order in which they lie in the source, so that it is read from front to back, a piece of whole rows at
 * a time. The scales of a matrix follow it, as NAME_scale. Everything is made in TO.part, which is ours from the moment
 * it is made: renamed at the end, or removed with all that is in it.
 */
#include "config.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "engine/card.h"
#include "engine/checkpoint.h"
#include "engine/cpu/quant.h"
#include "engine/crew.h"
#include "engine/jsonfile.h"
#include "engine/model.h"
#include "engine/shards.h"

#define LANES 16                        /* sums side by side; a divisor of QUANT_PAD */
#define PIECE_BYTES ((size_t)8 << 20)   /* of the source, read at once */

/* A tensor of the packed model, and the one of the source that it is made of. */
struct target {
	char *name;
	struct tensor shape;            /* as the model takes it */
	const struct stored *from;
};

/* A tensor of the source on its way. */
struct item {
	const struct stored *from;
	struct tensor shape;            /* packed: as the model takes it */
	int tensor, scale;              /* where it goes; scale -1: it is copied */
};

/* Whole rows of a tensor that is packed, bytes of one that is copied. */
struct piece {
	int item;
	size_t first, n;
};

struct work {
	const struct quantize *q;
	char *part;                     /* the folder while it is made */
	struct card *card;
	struct checkpoint *from;
	int *fds;                       /* of the source's files */
	struct target *targets;
	struct item *items;
	struct piece *pieces;
	int n_targets, n_items, n_pieces;
	struct shards shards;
	long long total;                /* bytes to read */
	pthread_mutex_t lock;           /* of what follows */
	double error, size;             /* sums of squares */
};

/* A thread's own. */
struct hand {
	unsigned char *raw;             /* PIECE_BYTES of the source */
	unsigned char *packed;          /* what becomes of them: never more */
	unsigned char *scales;          /* a row of one value may have one of 4 bytes */
	float *row, *back;
	size_t row_values;
};

/* ---------------------------------------------------------------- what becomes of each tensor */

static int
add_target(void *arg, const char *name, struct tensor *t, struct error *err)
{
	struct work *w = arg;

	(void)err;
	w->targets = xreallocarray(w->targets, (size_t)w->n_targets + 1, sizeof *w->targets);
	w->targets[w->n_targets++] = (struct target){xstrdup(name), *t, NULL};
	return 0;
}

struct sources {
	struct work *work;
	int n;
};

/* The same walk over the source: a tied output matrix has another name there. */
static int
find_source(void *arg, const char *name, struct tensor *t, struct error *err)
{
	struct sources *s = arg;

	(void)t;
	(void)err;
	s->work->targets[s->n++].from = checkpoint_find(s->work->from, name);
	return 0;
}

static int
list_targets(struct work *w, struct error *err)
{
	struct hparams packed = w->card->hp;
	struct sources s = {.work = w};
	struct model m;

	packed.stored = w->q->quant;
	model_shape(&m, &packed);
	model_each(&m, add_target, w, NULL);
	model_done(&m);
	if (model_bind(&m, &w->card->hp, w->from, err) < 0)
		return -1;
	model_each(&m, find_source, &s, NULL);
	model_done(&m);
	assert(s.n == w->n_targets);
	return 0;
}

static const struct target *
find_target(const struct work *w, const char *name)
{
	for (int i = 0; i < w->n_targets; i++)
		if (strcmp(w->targets[i].name, name) == 0)
			return &w->targets[i];
	return NULL;
}

static struct item *
add_item(struct work *w, const struct stored *from)
{
	w->items = xreallocarray(w->items, (size_t)w->n_items + 1, sizeof *w->items);
	w->items[w->n_items] = (struct item){.from = from, .scale = -1};
	w->total += (long long)from->bytes;
	return &w->items[w->n_items++];
}

/* The matrix as files have it, and behind it its scales. */
static void
add_packed(struct work *w, const struct target *t)
{
	struct item *it = add_item(w, t->from);
	struct tensor shape = t->shape, scale = {.type = DTYPE_F32, .n_dims = 1};
	char *name = xasprintf("%s_scale", t->name);

	it->shape = t->shape;
	scale.shape[0] = t->shape.shape[0];
	if (t->shape.type == DTYPE_U4) {
		shape.type = DTYPE_U8;
		shape.shape[1] = (shape.shape[1] + 1) / 2;
		scale.type = DTYPE_F16;
		scale.n_dims = 2;
		scale.shape[1] = (int64_t)tensor_n_scales(&t->shape);
	}
	it->tensor = shards_add(&w->shards, t->name, &shape);
	it->scale = shards_add(&w->shards, name, &scale);
	free(name);
}

static int
by_place(const void *a, const void *b)
{
	const struct stored *x = *(const struct stored *const *)a, *y = *(const struct stored *const *)b;

	if (x->shard != y->shard)
		return x->shard < y->shard ? -1 : 1;
	return (x->offset > y->offset) - (x->offset < y->offset);
}

/* An output matrix that is tied and stored all the same is left out: the model does not use it. */
static void
list_items(struct work *w)
{
	int n = checkpoint_n_tensors(w->from);
	const struct stored **all = xcalloc((size_t)n + 1, sizeof *all);

	for (int i = 0; i < n; i++)
		all[i] = checkpoint_at(w->from, i);
	qsort(all, (size_t)n, sizeof *all, by_place);
	for (int i = 0; i < n; i++) {
		const struct target *t = find_target(w, all[i]->name);
		bool packs = t && dtype_is_packed(t->shape.type);

		if (packs && t->from == all[i])
			add_packed(w, t);
		else if (!packs)
			add_item(w, all[i])->tensor = shards_add(&w->shards, all[i]->name, &all[i]->view);
	}
	for (int i = 0; i < w->n_targets; i++)
		if (dtype_is_packed(w->targets[i].shape.type) && strcmp(w->targets[i].from->name, w->targets[i].name) != 0)
			add_packed(w, &w->targets[i]);
	free(all);
}

static size_t
row_bytes(const struct item *it)
{
	return (size_t)tensor_cols(&it->from->view) * dtype_bytes(it->from->view.type);
}

static void
cut_items(struct work *w)
{
	for (int i = 0; i < w->n_items; i++) {
		const struct item *it = &w->items[i];
		size_t n = it->scale < 0 ? it->from->bytes : (size_t)it->shape.shape[0];
		size_t most = it->scale < 0 ? PIECE_BYTES : PIECE_BYTES / row_bytes(it);

		assert(most > 0);       /* hparams.c limits how long a row can be */
		for (size_t at = 0; at < n; at += most) {
			w->pieces = xreallocarray(w->pieces, (size_t)w->n_pieces + 1, sizeof *w->pieces);
			w->pieces[w->n_pieces++] = (struct piece){i, at, n - at < most ? n - at : most};
		}
	}
}

/* ---------------------------------------------------------------- one piece */

static void *
begin(void *arg)
{
	struct hand *h = xcalloc(1, sizeof *h);

	(void)arg;
	h->raw = xmalloc(PIECE_BYTES);
	h->packed = xmalloc(PIECE_BYTES);
	h->scales = xmalloc(2 * PIECE_BYTES);
	return h;
}

static void
end(void *own)
{
	struct hand *h = own;

	free(h->raw);
	free(h->packed);
	free(h->scales);
	free(h->row);
	free(h->back);
	free(h);
}

static void
make_rows(struct hand *h, size_t cols)
{
	size_t n = (cols + QUANT_PAD - 1) / QUANT_PAD * QUANT_PAD;

	if (n <= h->row_values)
		return;
	h->row = xreallocarray(h->row, n, sizeof *h->row);
	h->back = xreallocarray(h->back, n, sizeof *h->back);
	h->row_values = n;
}

static int
read_at(const struct work *w, const struct stored *from, uint64_t at, unsigned char *to, size_t n, struct error *err)
{
	const char *path = checkpoint_shard_path(w->from, from->shard);

	while (n > 0) {
		ssize_t got = pread(w->fds[from->shard], to, n, (off_t)(from->offset + at));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_set(err, CODE_MODEL, "cannot read '%s': %s", path, strerror(errno));
		if (got == 0)
			return error_set(err, CODE_MODEL, "'%s' has become shorter while it was read", path);
		to += got;
		at += (uint64_t)got;
		n -= (size_t)got;
	}
	return 0;
}

static int
copy_bytes(struct work *w, struct hand *h, const struct item *it, const struct piece *p, struct error *err)
{
	if (read_at(w, it->from, p->first, h->raw, p->n, err) < 0)
		return -1;
	return shards_write(&w->shards, it->tensor, p->first, h->raw, p->n, err);
}

static int
refuse_value(const struct work *w, const struct item *it, size_t row, int col, float value, struct error *err)
{
	return error_set(err, CODE_MODEL, "'%s': tensor %s, row %zu, column %d: %g cannot be packed", checkpoint_shard_path(w->from,
	    it->from->shard), it->from->name, row, col, (double)value);
}

/* What packing has changed, as sums of squares. */
static void
measure(struct hand *h, const struct tensor *packed, size_t row, double *error, double *size)
{
	size_t cols = (size_t)tensor_cols(packed);
	float errors[LANES] = {0}, sizes[LANES] = {0};

	quant_unpack_row(h->back, packed, row, 0, cols);
	for (size_t i = cols; i % LANES != 0; i++)
		h->back[i] = 0;
	for (size_t at = 0; at < cols; at += LANES)
		for (size_t i = 0; i < LANES; i++) {
			float d = h->back[at + i] - h->row[at + i];

			errors[i] += d * d;
			sizes[i] += h->row[at + i] * h->row[at + i];
		}
	for (size_t i = 0; i < LANES; i++) {
		*error += (double)errors[i];
		*size += (double)sizes[i];
	}
}

static int
pack_rows(struct work *w, struct hand *h, const struct item *it, const struct piece *p, struct error *err)
{
	int cols = (int)tensor_cols(&it->shape);
	size_t raw_bytes = row_bytes(it);
	struct tensor packed = it->shape;
	size_t each, scale_each;
	double error = 0, size = 0;

	packed.shape[0] = (int64_t)p->n;
	packed.data = h->packed;
	packed.scale = h->scales;
	each = tensor_bytes(&packed) / p->n;
	scale_each = tensor_scale_bytes(&packed) / p->n;
	make_rows(h, (size_t)cols);
	if (read_at(w, it->from, p->first * raw_bytes, h->raw, p->n * raw_bytes, err) < 0)
		return -1;
	for (size_t i = 0; i < p->n; i++) {
		int bad;

		quant_take_row(h->row, h->raw + i * raw_bytes, it->from->view.type, (size_t)cols);
		bad = quant_pack_row(packed.type, h->packed + i * each, h->scales + i * scale_each, h->row, cols);
		if (bad >= 0)
			return refuse_value(w, it, p->first + i, bad, h->row[bad], err);
		measure(h, &packed, i, &error, &size);
	}
	pthread_mutex_lock(&w->lock);
	w->error += error;
	w->size += size;
	pthread_mutex_unlock(&w->lock);
	if (shards_write(&w->shards, it->tensor, p->first * each, h->packed, p->n * each, err) < 0)
		return -1;
	return shards_write(&w->shards, it->scale, p->first * scale_each, h->scales, p->n * scale_each, err);
}

static int
run_piece(struct crew *crew, void *own, int number, struct error *err)
{
	struct work *w = crew->arg;
	const struct piece *p = &w->pieces[number];
	const struct item *it = &w->items[p->item];
	int rc = it->scale < 0 ? copy_bytes(w, own, it, p, err) : pack_rows(w, own, it, p, err);

	crew_did(crew, (long long)(it->scale < 0 ? p->n : p->n * row_bytes(it)));
	return rc;
}

/* ---------------------------------------------------------------- small files */

static bool
ends_with(const char *name, const char *end)
{
	size_t n = strlen(name), end_n = strlen(end);

	return n >= end_n && strcmp(name + n - end_n, end) == 0;
}

/* config.json is written anew; weights, in whatever form, would only be there twice. */
static bool
is_copied(const char *name)
{
	static const char *const weights[] = {".safetensors", ".safetensors.index.json", ".bin", ".bin.index.json", ".pt", ".pth",
		".gguf", ".h5", ".msgpack", ".onnx"};

	if (name[0] == '.' || strcmp(name, "config.json") == 0)
		return false;
	for (size_t i = 0; i < sizeof weights / sizeof *weights; i++)
		if (ends_with(name, weights[i]))
			return false;
	return true;
}

static int
copy_small(const char *from, const char *to, struct error *err)
{
	int in = open(from, O_RDONLY | O_CLOEXEC), out = -1, rc = -1;
	char *buffer = xmalloc(PIECE_BYTES);
	ssize_t n = -1;

	if (in >= 0)
		out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	while (out >= 0 && (n = read(in, buffer, PIECE_BYTES)) > 0 && file_write_all(out, buffer, (size_t)n) == 0)
		;
	if (out >= 0 && n == 0 && fdatasync(out) == 0)
		rc = 0;
	if (rc < 0)
		error_set(err, CODE_STORE, "cannot copy '%s' to '%s': %s", from, to, strerror(errno));
	if (in >= 0)
		close(in);
	if (out >= 0 && close(out) < 0 && rc == 0)
		rc = error_set(err, CODE_STORE, "cannot write '%s': %s", to, strerror(errno));
	free(buffer);
	return rc;
}

static int
copy_small_files(const struct work *w, struct error *err)
{
	DIR *d = opendir(w->q->from);
	const struct dirent *e;
	int rc = 0;

	while (d && rc == 0 && (e = readdir(d))) {
		char *from = xasprintf("%s/%s", w->q->from, e->d_name), *to = xasprintf("%s/%s", w->part, e->d_name);
		struct stat st;

		if (is_copied(e->d_name) && stat(from, &st) == 0 && S_ISREG(st.st_mode))
			rc = copy_small(from, to, err);
		free(from);
		free(to);
	}
	if (!d)
		rc = error_set(err, CODE_MODEL, "cannot read the folder '%s': %s", w->q->from, strerror(errno));
	else
		closedir(d);
	return rc;
}

/* What hparams.c reads back. */
static json_t *
make_block(enum engine_quant quant)
{
	const char *format = quant == ENGINE_FP8 ? "fp8" : quant == ENGINE_INT8 ? "int8" : "int4";

	if (quant == ENGINE_INT4)
		return json_pack("{s:s, s:s, s:i, s:i}", "quant_method", "ivchat", "format", format, "bits", 4, "group_size",
		    QUANT_GROUP);
	return json_pack("{s:s, s:s, s:i}", "quant_method", "ivchat", "format", format, "bits", 8);
}

static int
write_config(const struct work *w, struct error *err)
{
	char *path = xasprintf("%s/config.json", w->part), *text = NULL;
	json_t *root = jsonfile_read(w->q->from, "config.json", err);
	struct buf b = {0};
	int rc = -1;

	if (root) {
		json_object_set_new(root, "quantization_config", make_block(w->q->quant));
		text = json_dumps(root, JSON_INDENT(2));
		buf_printf(&b, "%s\n", text);
		rc = file_replace(path, b.at, b.n, 0644, err);
	}
	buf_done(&b);
	free(text);
	json_decref(root);
	free(path);
	return rc;
}

/* ---------------------------------------------------------------- the folder */

static int
check_place(const char *to, struct error *err)
{
	struct stat st;

	if (stat(to, &st) < 0 && errno == ENOENT)
		return 0;
	if (!S_ISDIR(st.st_mode))
		return error_set(err, CODE_STORE, "'%s' is there, and is no folder", to);
	if (shards_is_empty(to))
		return 0;
	error_set(err, CODE_STORE, "'%s' is not empty", to);
	return error_hint(err, "a new folder: a checkpoint is not written over anything");
}

static int
make_parent(const char *path, struct error *err)
{
	char *parent = xstrdup(path), *slash = strrchr(parent, '/');
	int rc = 0;

	if (slash && slash != parent) {
		*slash = '\0';
		rc = file_make_dirs(parent, 0755, err);
	}
	free(parent);
	return rc;
}

/* TO.part, new; w->part is set when it is ours. */
static int
make_part(struct work *w, struct error *err)
{
	size_t n = strlen(w->q->to);
	char *part;

	while (n > 1 && w->q->to[n - 1] == '/')
		n--;
	part = xasprintf("%.*s.part", (int)n, w->q->to);
	if (make_parent(part, err) == 0 && mkdir(part, 0755) == 0) {
		w->shards.dir = w->part = part;
		return 0;
	}
	if (file_exists(part)) {
		error_set(err, CODE_STORE, "'%s' is there: another run makes it, or one that was killed has left it", part);
		error_hint(err, "remove it when no other run makes it");
	} else if (err->code == CODE_OK) {
		error_set(err, CODE_STORE, "cannot make the folder '%s': %s", part, strerror(errno));
	}
	free(part);
	return -1;
}

static void
remove_part(const struct work *w)
{
	DIR *d = opendir(w->part);
	const struct dirent *e;

	while (d && (e = readdir(d))) {
		char *path = xasprintf("%s/%s", w->part, e->d_name);

		unlink(path);
		free(path);
	}
	if (d)
		closedir(d);
	rmdir(w->part);
}

/* The card that the new folder has, and its headers: what a person would find wrong later. */
static int
check_result(const struct work *w, struct error *err)
{
	struct card *card = card_open(w->part, err);
	int rc = card ? card_check(card, NULL, err) : -1;

	card_free(card);
	return rc;
}

static int
fill_part(struct work *w, const struct watch *watch, struct error *err)
{
	struct crew crew = {.n_pieces = w->n_pieces, .n_threads = w->q->n_threads, .total = w->total, .arg = w, .begin = begin,
		.end = end, .work = run_piece};

	if (shards_room(&w->shards, err) < 0 || shards_make(&w->shards, err) < 0)
		return -1;
	if (crew_run(&crew, "packing the weights", watch, err) < 0 || shards_finish(&w->shards, err) < 0)
		return -1;
	if (copy_small_files(w, err) < 0 || write_config(w, err) < 0 || check_result(w, err) < 0)
		return -1;
	if (rename(w->part, w->q->to) == 0)
		return 0;
	return error_set(err, CODE_STORE, "cannot rename '%s' to '%s': %s", w->part, w->q->to, strerror(errno));
}

/* ---------------------------------------------------------------- all of it */

static int
open_source(struct work *w, struct error *err)
{
	int n;

	w->card = card_open(w->q->from, err);
	if (!w->card)
		return -1;
	if (w->card->hp.stored != ENGINE_AUTO) {
		error_set(err, CODE_MODEL, "'%s' is packed already, in %s", w->q->from, w->card->info.stored);
		return error_hint(err, "the folder that it was made from");
	}
	w->from = checkpoint_open(w->q->from, err);
	if (!w->from)
		return -1;
	n = checkpoint_n_shards(w->from);
	w->fds = xcalloc((size_t)n, sizeof *w->fds);
	for (int i = 0; i < n; i++)
		w->fds[i] = -1;
	for (int i = 0; i < n; i++)
		if ((w->fds[i] = open(checkpoint_shard_path(w->from, i), O_RDONLY | O_CLOEXEC)) < 0)
			return error_set(err, CODE_MODEL, "cannot read '%s': %s", checkpoint_shard_path(w->from, i),
			    strerror(errno));
	return 0;
}

static void
work_done(struct work *w)
{
	shards_done(&w->shards);
	for (int i = 0; w->fds && i < checkpoint_n_shards(w->from); i++)
		if (w->fds[i] >= 0)
			close(w->fds[i]);
	for (int i = 0; i < w->n_targets; i++)
		free(w->targets[i].name);
	free(w->fds);
	free(w->targets);
	free(w->items);
	free(w->pieces);
	free(w->part);
	checkpoint_close(w->from);
	card_free(w->card);
	pthread_mutex_destroy(&w->lock);
}

static int
plan_work(struct work *w, struct error *err)
{
	if (open_source(w, err) < 0 || list_targets(w, err) < 0 || check_place(w->q->to, err) < 0)
		return -1;
	list_items(w);
	cut_items(w);
	return make_part(w, err);
}

int
quantize_write(const struct quantize *q, const struct watch *watch, struct quantize_report *report, struct error *err)
{
	struct work w = {.q = q, .lock = PTHREAD_MUTEX_INITIALIZER};
	int rc = plan_work(&w, err);

	assert(q->quant >= ENGINE_FP8);
	if (rc == 0) {
		shards_deal(&w.shards, q->shard_bytes);
		rc = fill_part(&w, watch, err);
		if (rc < 0)
			remove_part(&w);
	}
	if (rc == 0)
		*report = (struct quantize_report){.from_bytes = (long long)checkpoint_bytes(w.from),
			.bytes = (long long)w.shards.bytes, .n_files = w.shards.n_files,
			.error = w.size > 0 ? sqrt(w.error / w.size) : 0};
	work_done(&w);
	return rc;
}
