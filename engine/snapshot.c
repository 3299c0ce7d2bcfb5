/* snapshot.c: a timeline as a file: context_save and context_restore.
 *
 * Numbers as this machine has them; a file is read by the build that wrote it, and no other:
 *
 *     magic[8], n_key, n_places       what it is
 *     key[n_key]                      all that must be the same, a line each: see make_key()
 *     struct stored_place[n_places]
 *     per layer                       keys [n_places, row], then values
 *     SHA-256                         of all before it
 *
 * Invariant: a context has places of a file only after every byte of that was read, hashed and found right.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/file.h"
#include "engine/context.h"

#define MAGIC "ivch-kv"          /* and its NUL */
#define MOST_KEY 4096

struct head {
	char magic[8];
	uint32_t n_key, n_places;
};

struct stored_place {
	int32_t id, row, begin, to, stepped;
	uint8_t key[PIXELS_KEY];
};

/* ---- the key */

static void
add_hex(struct buf *out, struct sha256_ctx *sha)
{
	uint8_t digest[SHA256_DIGEST_SIZE];

	sha256_digest(sha, sizeof digest, digest);
	for (size_t i = 0; i < sizeof digest; i++)
		buf_printf(out, "%02x", digest[i]);
}

/* A version number stays the same while a program is worked on; the file that runs does not. */
static int
add_build(struct buf *key, struct error *err)
{
	struct stat st;

	if (stat("/proc/self/exe", &st) < 0)
		return error_set(err, CODE_STORE, "cannot tell which build this is: /proc/self/exe: %s", strerror(errno));
	buf_printf(key, "build %s %jd %jd.%09ld\n", PACKAGE_VERSION, (intmax_t)st.st_size, (intmax_t)st.st_mtim.tv_sec,
	    st.st_mtim.tv_nsec);
	return 0;
}

/* Headers tell shapes, not numbers: which file it is and when it was written have to stand for these. */
static void
hash_shard(struct sha256_ctx *sha, const struct checkpoint *weights, int shard)
{
	struct file_stamp stamp = checkpoint_shard_stamp(weights, shard);
	struct buf text = {0};
	size_t n;
	const char *header = checkpoint_header(weights, shard, &n);

	buf_printf(&text, "%" PRIu64 " %" PRIu64 " %" PRId64 ".%09" PRId64 " %zu\n", checkpoint_shard_bytes(weights, shard),
	    stamp.inode, stamp.s, stamp.ns, n);
	sha256_update(sha, text.n, (const uint8_t *)buf_text(&text));
	sha256_update(sha, n, (const uint8_t *)header);
	buf_done(&text);
}

static void
add_weights(struct buf *key, const struct checkpoint *weights)
{
	struct sha256_ctx sha;

	sha256_init(&sha);
	for (int i = 0; i < checkpoint_n_shards(weights); i++)
		hash_shard(&sha, weights, i);
	buf_str(key, "weights ");
	add_hex(key, &sha);
	buf_char(key, '\n');
}

/* What config.json says beside the shapes. */
static void
add_numbers(struct buf *key, const struct hparams *hp)
{
	const struct vision_hparams *v = &hp->vision;
	const struct llm_hparams *l = &hp->llm;

	buf_printf(key, "config %d %d %d %d %d %d %d %.9g, %d %d %d, %d %d %d %d %d %d %d %.9g %.9g\n", v->hidden_size, v->n_layers,
	    v->n_heads, v->head_dim, v->intermediate_size, v->patch_size, v->image_size, (double)v->norm_eps, hp->image_size,
	    hp->n_vision_run, (int)hp->shuffle, l->hidden_size, l->n_layers, l->n_heads, l->n_kv_heads, l->head_dim,
	    l->intermediate_size, l->vocab_size, (double)l->rope_theta, (double)l->norm_eps);
}

/* All that keys and values depend on, beside the places. The device's description says the weights' quantization. */
static int
make_key(struct buf *key, const struct context *ctx, struct error *err)
{
	const struct engine *e = ctx->engine;

	if (!e->checkpoint)
		return error_set(err, CODE_INPUT, "weights that are made up cannot be told from others");
	if (add_build(key, err) < 0)
		return -1;
	buf_printf(key, "device %s\n", engine_device(e));
	add_weights(key, e->checkpoint);
	add_numbers(key, &e->model.hp);
	buf_printf(key, "row %zu\n", e->backend->ops->kv_row_bytes(ctx->decoder.kv));
	return 0;
}

/* ---- sizes */

static size_t
layer_bytes(const struct context *ctx, size_t n_places)
{
	return 2 * n_places * ctx->engine->backend->ops->kv_row_bytes(ctx->decoder.kv);
}

static long long
file_bytes(const struct context *ctx, size_t n_key, size_t n_places)
{
	return (long long)(sizeof(struct head) + n_key + n_places * sizeof(struct stored_place) +
	    (size_t)ctx->engine->model.hp.llm.n_layers * layer_bytes(ctx, n_places) + SHA256_DIGEST_SIZE);
}

/* The key is not made for this: its longest stands for it. */
long long
context_save_bytes(const struct context *ctx)
{
	return file_bytes(ctx, MOST_KEY, (size_t)ctx->n_used);
}

/* ---- writing */

/* A file on its way in or out. */
struct passing {
	const char *path;
	int fd;
	struct sha256_ctx sha;
	const struct watch *watch;
};

static int
put(struct passing *p, const void *bytes, size_t n, struct error *err)
{
	sha256_update(&p->sha, n, bytes);
	if (file_write_all(p->fd, bytes, n) < 0)
		return error_set(err, CODE_STORE, "cannot write '%s': %s", p->path, strerror(errno));
	return 0;
}

static int
put_head(struct passing *p, const struct context *ctx, const struct buf *key, struct error *err)
{
	struct head head = { MAGIC, (uint32_t)key->n, (uint32_t)ctx->n_used };

	return put(p, &head, sizeof head, err) == 0 ? put(p, buf_text(key), key->n, err) : -1;
}

static int
put_places(struct passing *p, const struct context *ctx, struct error *err)
{
	struct stored_place *all = xcalloc((size_t)ctx->n_used, sizeof *all);
	int rc;

	for (int i = 0; i < ctx->n_used; i++) {
		const struct place *from = &ctx->places[i];

		all[i] = (struct stored_place){ .id = from->id, .row = from->row, .begin = from->begin, .to = from->to,
			.stepped = from->stepped };
		if (from->row != NOTHING)
			memcpy(all[i].key, from->key, PIXELS_KEY);
	}
	rc = put(p, all, (size_t)ctx->n_used * sizeof *all, err);
	free(all);
	return rc;
}

static int
put_layers(struct passing *p, struct context *ctx, struct error *err)
{
	struct backend *b = ctx->engine->backend;
	size_t n = layer_bytes(ctx, (size_t)ctx->n_used);
	void *rows = xmalloc(n);
	int rc = 0;

	for (int i = 0; rc == 0 && i < ctx->engine->model.hp.llm.n_layers; i++) {
		if (watch_stopped(p->watch)) {
			rc = error_set(err, CODE_SIGINT, "stopped while writing '%s'", p->path);
			break;
		}
		b->ops->kv_read(b, ctx->decoder.kv, i, 0, ctx->n_used, rows);
		rc = b->ops->sync(b, err) == 0 ? put(p, rows, n, err) : -1;
	}
	free(rows);
	return rc;
}

static int
put_digest(struct passing *p, struct error *err)
{
	uint8_t digest[SHA256_DIGEST_SIZE];

	sha256_digest(&p->sha, sizeof digest, digest);
	if (file_write_all(p->fd, digest, sizeof digest) < 0)
		return error_set(err, CODE_STORE, "cannot write '%s': %s", p->path, strerror(errno));
	return 0;
}

/* Nothing is synced: what a power cut tears has another digest. */
static int
write_all(struct passing *p, struct context *ctx, const struct buf *key, const char *path, struct error *err)
{
	int rc = -1;

	p->fd = open(p->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (p->fd < 0)
		return error_set(err, CODE_STORE, "cannot write '%s': %s", p->path, strerror(errno));
	sha256_init(&p->sha);
	if (put_head(p, ctx, key, err) == 0 && put_places(p, ctx, err) == 0 && put_layers(p, ctx, err) == 0)
		rc = put_digest(p, err);
	if (close(p->fd) < 0 && rc == 0)
		rc = error_set(err, CODE_STORE, "cannot write '%s': %s", p->path, strerror(errno));
	if (rc == 0 && rename(p->path, path) < 0)
		rc = error_set(err, CODE_STORE, "cannot write '%s': %s", path, strerror(errno));
	if (rc != 0)
		unlink(p->path);
	return rc;
}

int
context_save(struct context *ctx, const char *path, const struct watch *watch, struct error *err)
{
	char *part = xasprintf("%s.part", path);
	struct passing p = { .path = part, .watch = watch };
	struct buf key = {0};
	int rc;

	if (ctx->n_used == 0)
		rc = error_set(err, CODE_INPUT, "the context has no prompt yet");
	else
		rc = make_key(&key, ctx, err);
	if (rc == 0)
		rc = write_all(&p, ctx, &key, path, err);
	buf_done(&key);
	free(part);
	return rc;
}

/* ---- reading */

static int
torn(const struct passing *p, struct error *err)
{
	return error_set(err, CODE_INPUT, "'%s' is torn", p->path);
}

static int
take_plain(struct passing *p, void *bytes, size_t n, struct error *err)
{
	char *at = bytes;

	while (n > 0) {
		ssize_t got = read(p->fd, at, n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_set(err, CODE_STORE, "cannot read '%s': %s", p->path, strerror(errno));
		if (got == 0)
			return torn(p, err);
		at += got;
		n -= (size_t)got;
	}
	return 0;
}

static int
take(struct passing *p, void *bytes, size_t n, struct error *err)
{
	if (take_plain(p, bytes, n, err) != 0)
		return -1;
	sha256_update(&p->sha, n, bytes);
	return 0;
}

/* Names the first line that differs by its first word. */
static int
compare_keys(const struct passing *p, const char *was, size_t n_was, const struct buf *now, struct error *err)
{
	const char *text = buf_text(now);
	size_t line = 0;

	if (n_was == now->n && memcmp(was, text, n_was) == 0)
		return 0;
	for (size_t i = 0; i < n_was && i < now->n && was[i] == text[i]; i++)
		if (text[i] == '\n')
			line = i + 1;
	return error_set(err, CODE_INPUT, "'%s' was computed otherwise: %.*s", p->path, (int)strcspn(text + line, " \n"),
	    text + line);
}

/* Compares all that is known before the places: magic, key, number of places against the context and the file's size. */
static int
take_head(struct passing *p, const struct context *ctx, int *n_places, struct error *err)
{
	struct buf key = {0}, was = {0};
	struct head head;
	struct stat st;
	int rc;

	*n_places = 0;
	if (take(p, &head, sizeof head, err) != 0)
		return -1;
	if (memcmp(head.magic, MAGIC, sizeof head.magic) != 0 || head.n_key > MOST_KEY)
		return error_set(err, CODE_INPUT, "'%s' is no KV snapshot", p->path);
	rc = take(p, buf_room(&was, head.n_key), head.n_key, err);
	if (rc == 0)
		rc = make_key(&key, ctx, err);
	if (rc == 0)
		rc = compare_keys(p, was.at, head.n_key, &key, err);
	if (rc == 0 && (head.n_places == 0 || head.n_places > (uint32_t)ctx->engine->n_ctx))
		rc = error_set(err, CODE_INPUT, "'%s' holds %u tokens; the context holds %d", p->path, head.n_places,
		    ctx->engine->n_ctx);
	if (rc == 0 && (fstat(p->fd, &st) < 0 || st.st_size != file_bytes(ctx, head.n_key, head.n_places)))
		rc = torn(p, err);
	*n_places = (int)head.n_places;
	buf_done(&was);
	buf_done(&key);
	return rc;
}

static bool
is_sound(const struct stored_place *s, int i, const struct context *ctx)
{
	const struct hparams *hp = &ctx->engine->model.hp;

	return s->id >= 0 && s->id < hp->llm.vocab_size && s->begin >= 0 && s->begin <= i && s->to > i &&
	    s->to <= ctx->engine->n_ctx && s->row >= NOTHING &&
	    (s->row == NOTHING || (!hp->text_only && s->row < hparams_n_image_tokens(hp)));
}

static int
take_places(struct passing *p, const struct context *ctx, struct place *places, int n, struct error *err)
{
	struct stored_place *all = xcalloc((size_t)n, sizeof *all);
	int rc = take(p, all, (size_t)n * sizeof *all, err);

	for (int i = 0; rc == 0 && i < n; i++) {
		if (!is_sound(&all[i], i, ctx))
			rc = torn(p, err);
		places[i] = (struct place){ .id = all[i].id, .row = all[i].row, .begin = all[i].begin, .to = all[i].to,
			.stepped = all[i].stepped != 0 };
		memcpy(places[i].key, all[i].key, PIXELS_KEY);
	}
	free(all);
	return rc;
}

static int
take_layers(struct passing *p, struct context *ctx, int n_places, struct error *err)
{
	struct backend *b = ctx->engine->backend;
	size_t n = layer_bytes(ctx, (size_t)n_places);
	void *rows = xmalloc(n);
	int rc = b->ops->sync(b, err);  /* a step that was asked for in advance may still be writing */

	for (int i = 0; rc == 0 && i < ctx->engine->model.hp.llm.n_layers; i++) {
		if (watch_stopped(p->watch)) {
			rc = error_set(err, CODE_SIGINT, "stopped while reading '%s'", p->path);
			break;
		}
		rc = take(p, rows, n, err);
		if (rc == 0)
			b->ops->kv_write(b, ctx->decoder.kv, i, 0, n_places, rows);
	}
	if (rc == 0)
		rc = b->ops->sync(b, err);
	free(rows);
	return rc;
}

static int
take_digest(struct passing *p, struct error *err)
{
	uint8_t was[SHA256_DIGEST_SIZE], now[SHA256_DIGEST_SIZE];

	if (take_plain(p, was, sizeof was, err) != 0)
		return -1;
	sha256_digest(&p->sha, sizeof now, now);
	return memcmp(was, now, sizeof was) == 0 ? 0 : torn(p, err);
}

/* The cache is written over before it is known that the file is whole: the timeline is empty until then. */
static int
read_all(struct passing *p, struct context *ctx, struct error *err)
{
	struct place *places;
	int n, rc;

	if (take_head(p, ctx, &n, err) != 0)
		return -1;
	places = xcalloc((size_t)n, sizeof *places);
	rc = take_places(p, ctx, places, n, err);
	if (rc == 0) {
		context_reset(ctx);
		rc = take_layers(p, ctx, n, err);
	}
	if (rc == 0)
		rc = take_digest(p, err);
	if (rc == 0) {
		memcpy(ctx->places, places, (size_t)n * sizeof *places);
		ctx->n_used = n;
	}
	free(places);
	return rc;
}

int
context_restore(struct context *ctx, const char *path, const struct watch *watch, struct error *err)
{
	struct passing p = { .path = path, .watch = watch };
	int rc;

	p.fd = open(path, O_RDONLY | O_CLOEXEC);
	if (p.fd < 0)
		return error_set(err, CODE_STORE, "cannot open '%s': %s", path, strerror(errno));
	sha256_init(&p.sha);
	rc = read_all(&p, ctx, err);
	close(p.fd);
	return rc;
}
