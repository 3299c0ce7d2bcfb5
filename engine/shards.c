/* shards.c: see shards.h. */
#include "config.h"

#include "engine/shards.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/file.h"

#define FILE_BYTES UINT64_C(5000000000)
#define SPARE_BYTES ((uint64_t)64 << 20)        /* left free on the disk for the rest */
#define INDEX_NAME "model.safetensors.index.json"

/* ---- which tensor where */

int
shards_add(struct shards *s, const char *name, const struct tensor *shape)
{
	struct shard_tensor *t;

	s->tensors = xreallocarray(s->tensors, (size_t)s->n_tensors + 1, sizeof *s->tensors);
	t = &s->tensors[s->n_tensors];
	*t = (struct shard_tensor){.name = xstrdup(name), .shape = *shape, .bytes = tensor_bytes(shape)};
	t->shape.data = t->shape.scale = NULL;
	return s->n_tensors++;
}

int
shards_find(const struct shards *s, const char *name)
{
	for (int i = 0; i < s->n_tensors; i++)
		if (strcmp(s->tensors[i].name, name) == 0)
			return i;
	return -1;
}

static struct shard_file *
add_file(struct shards *s)
{
	s->files = xreallocarray(s->files, (size_t)s->n_files + 1, sizeof *s->files);
	s->files[s->n_files] = (struct shard_file){.fd = -1};
	return &s->files[s->n_files++];
}

void
shards_deal(struct shards *s, uint64_t most)
{
	struct shard_file *f = NULL;

	most = most ? most : FILE_BYTES;
	for (int i = 0; i < s->n_tensors; i++) {
		struct shard_tensor *t = &s->tensors[i];

		if (!f || (f->data_bytes > 0 && f->data_bytes + t->bytes > most))
			f = add_file(s);
		t->file = s->n_files - 1;
		t->offset = f->data_bytes;
		f->data_bytes += t->bytes;
		s->bytes += t->bytes;
	}
	for (int i = 0; i < s->n_files; i++) {
		s->files[i].path = xasprintf("%s/model-%05d-of-%05d.safetensors", s->dir, i + 1, s->n_files);
		s->files[i].name = strrchr(s->files[i].path, '/') + 1;
	}
}

int
shards_room(const struct shards *s, struct error *err)
{
	struct statvfs v;
	uint64_t room;

	if (statvfs(s->dir, &v) < 0)
		return error_set(err, CODE_STORE, "cannot ask for the room in '%s': %s", s->dir, strerror(errno));
	room = (uint64_t)v.f_bavail * v.f_frsize;
	if (room >= s->bytes + SPARE_BYTES)
		return 0;
	return error_set(err, CODE_STORE, "no room in '%s': the weights take %.1f GB, %.1f GB are free", s->dir,
	    (double)s->bytes / 1e9, (double)room / 1e9);
}

/* ---- files */

/* ,"name": */
static void
put_name(struct buf *b, const char *name)
{
	json_t *string = json_string(name);
	char *text = json_dumps(string, JSON_ENCODE_ANY);

	buf_printf(b, ",%s:", text);
	free(text);
	json_decref(string);
}

/* The length of the JSON, then the JSON, filled up with spaces so that the data begin at a multiple of 8. */
static void
make_header(const struct shards *s, int file, struct buf *out)
{
	struct buf b = {0};

	buf_str(&b, "{\"__metadata__\":{\"format\":\"pt\"}");
	for (int i = 0; i < s->n_tensors; i++) {
		const struct shard_tensor *t = &s->tensors[i];

		if (t->file != file)
			continue;
		put_name(&b, t->name);
		buf_printf(&b, "{\"dtype\":\"%s\",\"shape\":[", dtype_name(t->shape.type));
		for (int d = 0; d < t->shape.n_dims; d++)
			buf_printf(&b, "%s%lld", d ? "," : "", (long long)t->shape.shape[d]);
		buf_printf(&b, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)t->offset,
		    (unsigned long long)(t->offset + t->bytes));
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

static int
make_file(struct shards *s, int file, struct error *err)
{
	struct shard_file *f = &s->files[file];
	struct buf header = {0};
	int rc = -1;

	make_header(s, file, &header);
	f->header_bytes = header.n;
	f->fd = open(f->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (f->fd >= 0 && file_write_all(f->fd, header.at, header.n) == 0 &&
	    ftruncate(f->fd, (off_t)(header.n + f->data_bytes)) == 0)
		rc = 0;
	if (rc < 0)
		cannot_write(f->path, err);
	buf_done(&header);
	return rc;
}

int
shards_make(struct shards *s, struct error *err)
{
	for (int i = 0; i < s->n_files; i++)
		if (make_file(s, i, err) < 0)
			return -1;
	return 0;
}

int
shards_write(const struct shards *s, int tensor, uint64_t at, const void *bytes, size_t n, struct error *err)
{
	const struct shard_tensor *t = &s->tensors[tensor];
	const struct shard_file *f = &s->files[t->file];
	uint64_t offset = f->header_bytes + t->offset + at;
	const char *from = bytes;

	while (n > 0) {
		ssize_t done = pwrite(f->fd, from, n, (off_t)offset);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return cannot_write(f->path, err);
		from += done;
		n -= (size_t)done;
		offset += (uint64_t)done;
	}
	return 0;
}

/* ---- the end */

static int
write_index(const struct shards *s, struct error *err)
{
	char *path = xasprintf("%s/" INDEX_NAME, s->dir), *text;
	json_t *map = json_object(), *root;
	int rc;

	for (int i = 0; i < s->n_tensors; i++)
		json_object_set_new(map, s->tensors[i].name, json_string(s->files[s->tensors[i].file].name));
	root = json_pack("{s:{s:I}, s:o}", "metadata", "total_size", (json_int_t)s->bytes, "weight_map", map);
	text = json_dumps(root, JSON_INDENT(2) | JSON_SORT_KEYS);
	rc = file_replace(path, text, strlen(text), 0644, err);
	free(text);
	json_decref(root);
	free(path);
	return rc;
}

int
shards_finish(struct shards *s, struct error *err)
{
	for (int i = 0; i < s->n_files; i++) {
		int fd = s->files[i].fd, rc = fdatasync(fd);

		s->files[i].fd = -1;
		if (close(fd) < 0 || rc < 0)
			return cannot_write(s->files[i].path, err);
	}
	return write_index(s, err);
}

void
shards_remove(struct shards *s)
{
	char *index = xasprintf("%s/" INDEX_NAME, s->dir);

	for (int i = 0; i < s->n_files; i++)
		unlink(s->files[i].path);
	unlink(index);
	free(index);
}

void
shards_done(struct shards *s)
{
	for (int i = 0; i < s->n_tensors; i++)
		free(s->tensors[i].name);
	for (int i = 0; i < s->n_files; i++) {
		if (s->files[i].fd >= 0)
			close(s->files[i].fd);
		free(s->files[i].path);
	}
	free(s->tensors);
	free(s->files);
	*s = (struct shards){0};
}

bool
shards_is_empty(const char *dir)
{
	DIR *d = opendir(dir);
	const struct dirent *e;
	bool empty = d != NULL;

	while (d && empty && (e = readdir(d)))
		empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
	if (d)
		closedir(d);
	return empty;
}
