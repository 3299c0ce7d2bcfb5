/* checkpoint.h: a published folder's weights: shard index, safetensors headers, mmap. Every number read from a file
 * is compared with the bytes there are before it is believed. */
#ifndef ENGINE_CHECKPOINT_H
#define ENGINE_CHECKPOINT_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "engine/tensor.h"

struct checkpoint;

/* One tensor of a shard as its header states it: for loaders that read the file themselves. */
struct stored {
	const char *name;
	int shard;              /* index for checkpoint_shard_path */
	uint64_t offset;        /* from the start of the file */
	uint64_t bytes;
	struct tensor view;     /* data points into the mapping */
};

/* Maps model.safetensors or, by model.safetensors.index.json, the shards. A tensor that the index names but its shard
 * lacks, a header longer than its file, offsets beyond it, a size that does not match shape and type, a dtype that
 * tensor.h has not: CODE_MODEL with file and tensor. Which of them a weight may have is model_bind's business. */
struct checkpoint *
checkpoint_open(const char *dir, struct error *err);

/* One safetensors file by its path, for tests: tensors of other types are left out. */
struct checkpoint *
checkpoint_open_file(const char *path, struct error *err);

void
checkpoint_close(struct checkpoint *c);

/* The tensor of that name, or NULL. Lent until close; its data until then too. */
const struct stored *
checkpoint_find(const struct checkpoint *c, const char *name);

int
checkpoint_n_tensors(const struct checkpoint *c);
const struct stored *
checkpoint_at(const struct checkpoint *c, int i);

int
checkpoint_n_shards(const struct checkpoint *c);
const char *
checkpoint_shard_path(const struct checkpoint *c, int shard);
uint64_t
checkpoint_shard_bytes(const struct checkpoint *c, int shard);  /* size of the file */

/* Which file it is, and when it was written last: another copy of the same bytes has another one. */
struct file_stamp {
	uint64_t inode;
	int64_t s, ns;
};

struct file_stamp
checkpoint_shard_stamp(const struct checkpoint *c, int shard);

/* The JSON header of a shard, lent until close; *n gets its length. */
const char *
checkpoint_header(const struct checkpoint *c, int shard, size_t *n);

uint64_t
checkpoint_bytes(const struct checkpoint *c);   /* of all tensors */

#endif
