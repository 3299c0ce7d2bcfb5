/* tensor.h: what operators take instead of loose sizes: where the numbers lie, what they are, and their shape. */
#ifndef ENGINE_TENSOR_H
#define ENGINE_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* U8 occurs in arrays of tests only (checkpoint_open_file); no weight has it. */
enum dtype { DTYPE_F32, DTYPE_BF16, DTYPE_F16, DTYPE_U8 };

static inline size_t
dtype_bytes(enum dtype type)
{
	return type == DTYPE_F32 ? 4 : type == DTYPE_U8 ? 1 : 2;
}

const char *
dtype_name(enum dtype type);

#define TENSOR_MAX_DIMS 4

/* A view; row-major, the last dimension runs fastest. data belongs to whoever made the view: on the host for the CPU
 * backend, on the device for others. A tensor that a model does not have is {0}. */
struct tensor {
	const void *data;
	enum dtype type;
	int n_dims;
	int64_t shape[TENSOR_MAX_DIMS];
};

static inline int64_t
tensor_count(const struct tensor *t)
{
	int64_t n = 1;

	for (int i = 0; i < t->n_dims; i++)
		n *= t->shape[i];
	return n;
}

static inline bool
tensor_has(const struct tensor *t)
{
	return t->data != NULL;
}

#endif
