/* tensor.h: what operators take instead of loose sizes: where the numbers lie, what they are, and their shape. */
#ifndef ENGINE_TENSOR_H
#define ENGINE_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Plain numbers; then bytes, which are no weight by themselves; then packed weights, whose values are those below times
 * a scale: I8 -127 … 127 and F8 e4m3 with a float32 for each row, U4 0 … 15 minus 8 with an fp16 for each row and
 * QUANT_GROUP columns, two to a byte, the even column low; a row begins at a byte. U4 is no type of a file: it is U8 there. */
enum dtype { DTYPE_F32, DTYPE_BF16, DTYPE_F16, DTYPE_U8, DTYPE_I8, DTYPE_F8, DTYPE_U4 };

#define QUANT_GROUP 128

/* Of one number; not of U4. */
static inline size_t
dtype_bytes(enum dtype type)
{
	return type == DTYPE_F32 ? 4 : type >= DTYPE_U8 ? 1 : 2;
}

static inline bool
dtype_is_packed(enum dtype type)
{
	return type >= DTYPE_I8;
}

const char *
dtype_name(enum dtype type);

#define TENSOR_MAX_DIMS 4

/* A view; row-major, the last dimension runs fastest. data belongs to whoever made the view: on the host for the CPU
 * backend, on the device for others. A tensor that a model does not have is {0}. */
struct tensor {
	const void *data;
	const void *scale;              /* of packed weights: [rows], or [rows, groups]; else NULL */
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

/* Of the last dimensions together, the first apart. */
static inline int64_t
tensor_cols(const struct tensor *t)
{
	return t->n_dims > 0 && t->shape[0] > 0 ? tensor_count(t) / t->shape[0] : tensor_count(t);
}

static inline size_t
tensor_bytes(const struct tensor *t)
{
	if (t->type == DTYPE_U4)
		return (size_t)t->shape[0] * (((size_t)tensor_cols(t) + 1) / 2);
	return (size_t)tensor_count(t) * dtype_bytes(t->type);
}

/* Scales of a row of packed weights. */
static inline size_t
tensor_n_scales(const struct tensor *t)
{
	return t->type == DTYPE_U4 ? ((size_t)tensor_cols(t) + QUANT_GROUP - 1) / QUANT_GROUP : 1;
}

static inline size_t
tensor_scale_bytes(const struct tensor *t)
{
	if (!dtype_is_packed(t->type))
		return 0;
	return (size_t)t->shape[0] * tensor_n_scales(t) * (t->type == DTYPE_U4 ? sizeof(uint16_t) : sizeof(float));
}

static inline bool
tensor_has(const struct tensor *t)
{
	return t->data != NULL;
}

#endif
