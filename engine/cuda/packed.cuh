/* packed.cuh: where a weight lies in a packed matrix. Shared by quant.cu, which writes there, and the products.
 *
 * 8 bits: row-major, a byte a weight; INT8 as q + 128. Scales float32, one a row.
 * 4 bits: a tile is 16 rows over all columns, a piece of it 512 bytes: what a warp reads at once, 16 bytes a lane, already
 * in the order of the A operand of mma.m16n8k16. Lane 4 g + t has rows g and g + 8 of the tile ("low" and "high"), 64
 * columns a piece, of them 8 t … 8 t + 7 and those + 32: a word low, a word high, then the same of the second eight. In a
 * word column i is nibble i / 2 + 4 (i % 2), so that a mask gives pairs.
 * Pieces of a tile follow one another, tiles too. Columns are padded with zeros to a group; padding rows hold anything,
 * since nothing reads their sums. Scales fp16 [tile, group, 8, 2], low beside high.
 * Rows of a tile: in natural order, or, with m->half, 8 rows of a first half above the 8 of the second half that belong
 * to them; a half that is no multiple of 8 leaves the end of its last tile unused.
 */
#ifndef ENGINE_CUDA_PACKED_CUH
#define ENGINE_CUDA_PACKED_CUH

#include "engine/cuda/common.cuh"
#include "engine/cuda/packed.h"

#define TILE_ROWS 16
#define PIECE_BYTES 512
#define GROUP 128               /* columns that share a scale of 4 bits: two pieces */

static __host__ __device__ __forceinline__ int
groups_of(int cols)
{
	return (cols + GROUP - 1) / GROUP;
}

static __host__ __device__ __forceinline__ int
tiles_of(int rows, int half)
{
	return half ? rows / (2 * half) * ((half + 7) / 8) : (rows + TILE_ROWS - 1) / TILE_ROWS;
}

/* The row that is the r-th of a tile; -1: padding. */
static __device__ __forceinline__ int
row_at(int rows, int half, int tile, int r)
{
	int per, i;

	if (!half) {
		i = tile * TILE_ROWS + r;
		return i < rows ? i : -1;
	}
	per = (half + 7) / 8;
	i = tile % per * 8 + (r & 7);
	return i < half ? tile / per * 2 * half + (r >> 3) * half + i : -1;
}

/* The other way: x the tile, y the place in it. */
static __device__ __forceinline__ int2
place_of(int half, int row)
{
	int per, section, i, high;

	if (!half)
		return make_int2(row / TILE_ROWS, row % TILE_ROWS);
	per = (half + 7) / 8;
	section = row / (2 * half);
	i = row % (2 * half);
	high = i >= half;
	i -= high * half;
	return make_int2(section * per + i / 8, high * 8 + i % 8);
}

/* Two numbers of e4m3 as fp16; times 2^-8 before sm_89, which has no instruction for it. */
#if __CUDA_ARCH__ >= 890
#define E4M3_SCALE 1.0f
#else
#define E4M3_SCALE 256.0f
#endif

template <int HIGH>
static __device__ __forceinline__ uint32_t
e4m3_pair(uint32_t four)
{
	uint32_t two;

#if __CUDA_ARCH__ >= 890
	uint16_t in = (uint16_t)(HIGH ? four >> 16 : four);

	asm("cvt.rn.f16x2.e4m3x2 %0, %1;" : "=r"(two) : "h"(in));
#else
	uint32_t wide = __byte_perm(four, 0, HIGH ? 0x3424 : 0x1404);

	two = (wide & 0x80008000u) | (wide & 0x7f007f00u) >> 1;
#endif
	return two;
}

#endif
