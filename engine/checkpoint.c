/* checkpoint.c: safetensors files, mapped.
 *
 * A file is 8 bytes of header length (little-endian), that many bytes of JSON, then the numbers. Opening reads
 * headers only, whatever the size of the data. Invariant: every stored tensor's bytes lie inside its file's mapping
 * and number exactly shape times item size; the tensors are sorted by name and no name occurs twice.
 */
#include "config.h"

#include "engine/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "engine/jsonfile.h"

#define INDEX_NAME "model.safetensors.index.json"
#define SINGLE_NAME "model.safetensors"
#define MAX_SHARDS 1024
#define MAX_HEADER (100u << 20)
#define LENGTH_BYTES 8
#define MAX_SIDE ((int64_t)1 << 40)             /* of one dimension */

struct shard {
	char *path;
	const unsigned char *map;
	size_t size;
	size_t header_n;
	struct file_stamp stamp;
};

struct checkpoint {
	struct shard *shards;
	int n_shards;
	struct stored *tensors;
	int n_tensors, cap_tensors;
	bool lenient;                   /* an array file of a test: unknown types are left out */
};

/* ---------------------------------------------------------------- one file */

/* Maps the file and reads its header's length. What is there is unmapped by checkpoint_close. */
static int
map_file(struct shard *s, int fd, struct error *err)
{
	struct stat st;
	uint64_t header_n = 0;
	void *map;

	if (fstat(fd, &st) < 0)
		return error_set(err, CODE_MODEL, "cannot read '%s': %s", s->path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return error_set(err, CODE_MODEL, "cannot read '%s': not a regular file", s->path);
	if (st.st_size < LENGTH_BYTES)
		return error_set(err, CODE_MODEL, "'%s' is truncated: %lld bytes, no safetensors header", s->path,
		    (long long)st.st_size);
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return error_set(err, CODE_MEMORY, "cannot map '%s' (%lld bytes): %s", s->path,
		    (long long)st.st_size, strerror(errno));
	s->map = map;
	s->size = (size_t)st.st_size;
	s->stamp = (struct file_stamp){ st.st_ino, st.st_mtim.tv_sec, st.st_mtim.tv_nsec };
	for (int i = LENGTH_BYTES - 1; i >= 0; i--)
		header_n = header_n << 8 | s->map[i];
	if (header_n > s->size - LENGTH_BYTES || header_n > MAX_HEADER)
		return error_set(err, CODE_MODEL,
		    "'%s' is truncated or no safetensors file: a header of %llu bytes in a file of %zu", s->path,
		    (unsigned long long)header_n, s->size);
	s->header_n = (size_t)header_n;
	return 0;
}

static int
open_file(struct shard *s, struct error *err)
{
	int fd = open(s->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int rc;

	if (fd < 0) {
		error_set(err, CODE_MODEL, "cannot open the weights '%s': %s", s->path, strerror(errno));
		return error_hint(err, "the folder is incomplete: download the missing file again");
	}
	rc = map_file(s, fd, err);
	close(fd);
	return rc;
}

/* ---------------------------------------------------------------- one tensor of a header */

static int
bad_tensor(const struct shard *s, const char *name, const char *why, struct error *err)
{
	return error_set(err, CODE_MODEL, "'%s': tensor %s: %s", s->path, name, why);
}

/* The type of that name, or -1. */
static int
find_dtype(const char *name)
{
	for (int type = 0; name && type < DTYPE_U4; type++)
		if (strcmp(name, dtype_name((enum dtype)type)) == 0)
			return type;
	return -1;
}

/* Reads the shape; *count gets the number of elements. Returns NULL or what is wrong. */
static const char *
read_shape(struct tensor *t, const json_t *shape, uint64_t *count)
{
	size_t n = json_array_size(shape);

	if (!json_is_array(shape) || n > TENSOR_MAX_DIMS)
		return "the shape is not a list of at most 4 numbers";
	*count = 1;
	t->n_dims = (int)n;
	for (size_t i = 0; i < n; i++) {
		const json_t *side = json_array_get(shape, i);

		t->shape[i] = json_integer_value(side);
		if (!json_is_integer(side) || t->shape[i] < 0 || t->shape[i] > MAX_SIDE)
			return "the shape has a side that is no sensible number";
		if (__builtin_mul_overflow(*count, (uint64_t)t->shape[i], count))
			return "the shape is too large";
	}
	return NULL;
}

/* Reads where the data lies and compares it with the file and the shape. Returns NULL or what is wrong. */
static const char *
read_place(struct stored *t, const json_t *offsets, const struct shard *s, uint64_t count)
{
	const json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
	uint64_t data = LENGTH_BYTES + s->header_n, bytes, from, to;

	if (json_array_size(offsets) != 2 || !json_is_integer(begin) || !json_is_integer(end))
		return "data_offsets is not a pair of numbers";
	from = (uint64_t)json_integer_value(begin);
	to = (uint64_t)json_integer_value(end);
	if (json_integer_value(begin) < 0 || json_integer_value(end) < 0 || from > to)
		return "data_offsets are not in order";
	if (to > s->size - data)
		return "its data lies beyond the end of the file, which is truncated";
	if (__builtin_mul_overflow(count, (uint64_t)dtype_bytes(t->view.type), &bytes) || bytes != to - from)
		return "its size in bytes does not match its shape and type";
	t->offset = data + from;
	t->bytes = bytes;
	t->view.data = s->map + t->offset;
	return NULL;
}

static struct stored *
add_tensor(struct checkpoint *c)
{
	if (c->n_tensors == c->cap_tensors) {
		c->cap_tensors = c->cap_tensors ? 2 * c->cap_tensors : 256;
		c->tensors = xreallocarray(c->tensors, (size_t)c->cap_tensors, sizeof *c->tensors);
	}
	return &c->tensors[c->n_tensors];
}

static int
read_tensor(struct checkpoint *c, int shard, const char *name, const json_t *entry, struct error *err)
{
	const struct shard *s = &c->shards[shard];
	const char *type = json_string_value(json_object_get(entry, "dtype"));
	int dtype = find_dtype(type);
	struct stored t = {.shard = shard};
	const char *wrong;
	uint64_t count;

	if (dtype < 0 && c->lenient)
		return 0;
	if (dtype < 0)
		return error_set(err, CODE_MODEL, "'%s': tensor %s: the type is %.40s; supported: BF16, F16, F32",
		    s->path, name, type ? type : "missing");
	t.view.type = (enum dtype)dtype;
	wrong = read_shape(&t.view, json_object_get(entry, "shape"), &count);
	if (!wrong)
		wrong = read_place(&t, json_object_get(entry, "data_offsets"), s, count);
	if (wrong)
		return bad_tensor(s, name, wrong, err);
	t.name = xstrdup(name);
	*add_tensor(c) = t;
	c->n_tensors++;
	return 0;
}

/* Names that carry no weights of ours: metadata, and tables that old exports stored beside them. */
static bool
is_ignored(const char *name)
{
	static const char suffix[] = "rotary_emb.inv_freq";
	size_t n = strlen(name), suffix_n = sizeof suffix - 1;

	return strcmp(name, "__metadata__") == 0 || (n >= suffix_n && strcmp(name + n - suffix_n, suffix) == 0);
}

static int
read_header(struct checkpoint *c, int shard, struct error *err)
{
	const struct shard *s = &c->shards[shard];
	json_error_t why;
	json_t *root = json_loadb((const char *)s->map + LENGTH_BYTES, s->header_n, JSON_REJECT_DUPLICATES, &why);
	const char *name;
	json_t *entry;
	int rc = 0;

	if (!json_is_object(root)) {
		json_decref(root);
		return error_set(err, CODE_MODEL, "'%s': the safetensors header is not a JSON object: %s", s->path,
		    root ? "another value" : why.text);
	}
	json_object_foreach(root, name, entry) {
		if (!is_ignored(name))
			rc = read_tensor(c, shard, name, entry, err);
		if (rc < 0)
			break;
	}
	json_decref(root);
	return rc;
}

/* Opens the file as the next shard; path is taken. */
static int
add_shard_take(struct checkpoint *c, char *path, struct error *err)
{
	c->shards = xreallocarray(c->shards, (size_t)c->n_shards + 1, sizeof *c->shards);
	c->shards[c->n_shards] = (struct shard){.path = path};
	c->n_shards++;
	if (open_file(&c->shards[c->n_shards - 1], err) < 0)
		return -1;
	return read_header(c, c->n_shards - 1, err);
}

/* ---------------------------------------------------------------- all files */

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct stored *)a)->name, ((const struct stored *)b)->name);
}

/* Sorts the tensors for checkpoint_find and refuses a name that two shards have. */
static int
sort_tensors(struct checkpoint *c, struct error *err)
{
	if (c->n_tensors > 0)
		qsort(c->tensors, (size_t)c->n_tensors, sizeof *c->tensors, by_name);
	for (int i = 1; i < c->n_tensors; i++)
		if (by_name(&c->tensors[i - 1], &c->tensors[i]) == 0)
			return error_set(err, CODE_MODEL, "tensor %s is stored twice, in '%s' and '%s'",
			    c->tensors[i].name, c->shards[c->tensors[i - 1].shard].path,
			    c->shards[c->tensors[i].shard].path);
	return 0;
}

/* A shard's name in the index is a plain file name: nothing outside the folder is opened. */
static bool
is_plain_name(const char *name)
{
	return name && *name && name[0] != '.' && !strchr(name, '/');
}

/* The shard whose file has this name, opened on first sight; -1 on failure. */
static int
find_shard(struct checkpoint *c, const char *dir, const char *file, struct error *err)
{
	for (int i = 0; i < c->n_shards; i++)
		if (strcmp(strrchr(c->shards[i].path, '/') + 1, file) == 0)
			return i;
	if (c->n_shards == MAX_SHARDS)
		return error_set(err, CODE_MODEL, "'%s/%s' names more than %d files", dir, INDEX_NAME, MAX_SHARDS);
	if (add_shard_take(c, xasprintf("%s/%s", dir, file), err) < 0)
		return -1;
	return c->n_shards - 1;
}

static int
open_shards(struct checkpoint *c, const char *dir, const json_t *map, struct error *err)
{
	const char *name;
	json_t *file;

	json_object_foreach((json_t *)map, name, file) {
		if (!is_plain_name(json_string_value(file)))
			return error_set(err, CODE_MODEL,
			    "'%s/%s': tensor %s: '%.80s' is not the name of a file in this folder", dir, INDEX_NAME,
			    name, json_is_string(file) ? json_string_value(file) : "?");
		if (find_shard(c, dir, json_string_value(file), err) < 0)
			return -1;
	}
	return 0;
}

/* Every tensor that the index names is in the shard where the index says it is. */
static int
check_index(struct checkpoint *c, const char *dir, const json_t *map, struct error *err)
{
	const char *name;
	json_t *file;

	json_object_foreach((json_t *)map, name, file) {
		const struct stored *t = checkpoint_find(c, name);
		int shard = find_shard(c, dir, json_string_value(file), err);

		if ((t && t->shard == shard) || is_ignored(name))
			continue;
		error_set(err, CODE_MODEL, "tensor %s is not in '%s', where %s places it", name,
		    c->shards[shard].path, INDEX_NAME);
		return error_hint(err, "the folder is incomplete or mixed: download it again");
	}
	return 0;
}

static int
open_index(struct checkpoint *c, const char *dir, struct error *err)
{
	json_t *root = jsonfile_read(dir, INDEX_NAME, err);
	const json_t *map = json_object_get(root, "weight_map");
	int rc = -1;

	if (!root)
		return -1;
	if (json_object_size(map) == 0)
		error_set(err, CODE_MODEL, "'%s/%s': weight_map is missing or empty", dir, INDEX_NAME);
	else if (open_shards(c, dir, map, err) == 0 && sort_tensors(c, err) == 0)
		rc = check_index(c, dir, map, err);
	json_decref(root);
	return rc;
}

static int
open_single(struct checkpoint *c, char *path_taken, struct error *err)
{
	return add_shard_take(c, path_taken, err) < 0 ? -1 : sort_tensors(c, err);
}

static int
open_dir(struct checkpoint *c, const char *dir, struct error *err)
{
	char *single = xasprintf("%s/%s", dir, SINGLE_NAME);
	char *index = xasprintf("%s/%s", dir, INDEX_NAME);
	bool sharded = !file_exists(single) && file_exists(index);
	int rc;

	free(index);
	if (sharded) {
		free(single);
		rc = open_index(c, dir, err);
	} else {
		rc = open_single(c, single, err);
	}
	return rc;
}

/* ---------------------------------------------------------------- the door */

struct checkpoint *
checkpoint_open(const char *dir, struct error *err)
{
	struct checkpoint *c = xcalloc(1, sizeof *c);

	if (open_dir(c, dir, err) == 0)
		return c;
	checkpoint_close(c);
	return NULL;
}

struct checkpoint *
checkpoint_open_file(const char *path, struct error *err)
{
	struct checkpoint *c = xcalloc(1, sizeof *c);

	c->lenient = true;
	if (open_single(c, xstrdup(path), err) == 0)
		return c;
	checkpoint_close(c);
	return NULL;
}

void
checkpoint_close(struct checkpoint *c)
{
	if (!c)
		return;
	for (int i = 0; i < c->n_shards; i++) {
		if (c->shards[i].map)
			munmap((void *)(uintptr_t)c->shards[i].map, c->shards[i].size);
		free(c->shards[i].path);
	}
	for (int i = 0; i < c->n_tensors; i++)
		free((char *)(uintptr_t)c->tensors[i].name);
	free(c->shards);
	free(c->tensors);
	free(c);
}

const struct stored *
checkpoint_find(const struct checkpoint *c, const char *name)
{
	struct stored key = {.name = name};

	if (c->n_tensors == 0)
		return NULL;
	return bsearch(&key, c->tensors, (size_t)c->n_tensors, sizeof *c->tensors, by_name);
}

int
checkpoint_n_tensors(const struct checkpoint *c)
{
	return c->n_tensors;
}

const struct stored *
checkpoint_at(const struct checkpoint *c, int i)
{
	return &c->tensors[i];
}

int
checkpoint_n_shards(const struct checkpoint *c)
{
	return c->n_shards;
}

const char *
checkpoint_shard_path(const struct checkpoint *c, int shard)
{
	return c->shards[shard].path;
}

uint64_t
checkpoint_shard_bytes(const struct checkpoint *c, int shard)
{
	return c->shards[shard].size;
}

struct file_stamp
checkpoint_shard_stamp(const struct checkpoint *c, int shard)
{
	return c->shards[shard].stamp;
}

const char *
checkpoint_header(const struct checkpoint *c, int shard, size_t *n)
{
	*n = c->shards[shard].header_n;
	return (const char *)c->shards[shard].map + LENGTH_BYTES;
}

uint64_t
checkpoint_bytes(const struct checkpoint *c)
{
	uint64_t sum = 0;

	for (int i = 0; i < c->n_tensors; i++)
		sum += c->tensors[i].bytes;
	return sum;
}
