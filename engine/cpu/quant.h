/* quant.h: rows of numbers into 8 and 4 bits a weight, and back, on the host. What tensor.h says of packed types is the
 * layout; quant.c has how scales are chosen. The twin of cuda/quant.cu: the same bfloat16 row gives the same bits there. */
#ifndef ENGINE_CPU_QUANT_H
#define ENGINE_CPU_QUANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/tensor.h"

#define QUANT_PAD 256           /* rows to be packed are filled up with zeros to a multiple of it */

/* Numbers of any plain type as bfloat16 would hold them, the form that packing takes: to [n rounded up to QUANT_PAD],
 * zeros behind n. */
void
quant_take_row(float *to, const void *from, enum dtype type, size_t n);

/* The row as cols values of a packed type: to [cols], or [(cols + 1) / 2] for U4; scale one float32, or an fp16 for each
 * group. Returns -1, or the column of a value that is not finite or too large for the scale to hold. */
int
quant_pack_row(enum dtype type, void *to, void *scale, const float *row, int cols);

/* Values [at, at + n) of a row of packed weights as float32: what the type holds times the scale. at is even. */
void
quant_unpack_row(float *to, const struct tensor *t, size_t row, size_t at, size_t n);

/* Whether all n scales of weights of that packed type are finite, wherever they lie. */
bool
quant_check_scales(const void *scale, enum dtype type, size_t n);

/* The loops behind these, for tests: every set that this processor can run, the plain one first; returns how many. */
struct quant_loops {
	void (*pack)(enum dtype type, void *to, void *scale, const float *row, int cols, float absmax);
	void (*unpack)(float *to, const struct tensor *t, size_t row, size_t at, size_t n);
};
#define QUANT_LOOPS_MAX 2
int
quant_all(const struct quant_loops *out[QUANT_LOOPS_MAX]);

#endif
