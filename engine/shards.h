/* shards.h: writing a folder's weights: which file each tensor lies in, headers, index. Private to engine/; reading is
 * checkpoint.h's.
 *
 * Order of calls: add every tensor, deal, ask for room, make the files, fill them in any order from any thread, finish.
 */
#ifndef ENGINE_SHARDS_H
#define ENGINE_SHARDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "engine/tensor.h"

struct shard_tensor {
	char *name;
	struct tensor shape;            /* type as files have it; no data */
	uint64_t bytes;
	int file;                       /* once dealt */
	uint64_t offset;                /* among the file's data */
};

struct shard_file {
	char *path;
	const char *name;               /* last part of the path */
	uint64_t header_bytes, data_bytes;      /* header with its length in front */
	int fd;                         /* -1: not open */
};

struct shards {
	const char *dir;                /* lent */
	struct shard_tensor *tensors;
	struct shard_file *files;
	int n_tensors, n_files;
	uint64_t bytes;                 /* of all tensors */
};

/* Returns its number. */
int
shards_add(struct shards *s, const char *name, const struct tensor *shape);
int
shards_find(const struct shards *s, const char *name);          /* -1: not there */
/* Tensors in order into files of at most so many bytes of data (0: 5 GB, as published). */
void
shards_deal(struct shards *s, uint64_t most);
/* CODE_STORE when the disk has not that much and some to spare. The folder is there. */
int
shards_room(const struct shards *s, struct error *err);
/* Every file with its header and in its full length. */
int
shards_make(struct shards *s, struct error *err);
/* Bytes [at, at + n) of a tensor. */
int
shards_write(const struct shards *s, int tensor, uint64_t at, const void *bytes, size_t n, struct error *err);
/* All of it on the disk, and the index. */
int
shards_finish(struct shards *s, struct error *err);
/* The files and the index, as far as they were made. */
void
shards_remove(struct shards *s);
void
shards_done(struct shards *s);

/* Whether a folder holds nothing. */
bool
shards_is_empty(const char *dir);

#endif
