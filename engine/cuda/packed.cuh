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

/* ---- what the products have in common */

/* Sum of one, largest of the other over the block, for every thread. */
static __device__ __forceinline__ float2
block_sum_max(float sum, float most, float2 *room)
{
	int lane = threadIdx.x & 31, n_warps = (int)blockDim.x >> 5;

	sum = warp_sum(sum);
	most = warp_max(most);
	if (lane == 0)
		room[threadIdx.x >> 5] = make_float2(sum, most);
	__syncthreads();
	return make_float2(warp_sum(lane < n_warps ? room[lane].x : 0.0f), warp_max(lane < n_warps ? room[lane].y : 0.0f));
}

/* The e with 2^e ≤ v, within what keeps 2^(13 - e) and its inverse normal numbers. */
static __device__ __forceinline__ int
exponent_of(float v)
{
	return max(-100, min(113, (int)(__float_as_uint(v) >> 23) - 127));
}

static __device__ __forceinline__ float
power_of_two(int e)
{
	return __uint_as_float((uint32_t)(e + 127) << 23);
}

/* sum += A B, m16n8k16. */
static __device__ __forceinline__ void
mma(float sum[4], uint2 low, uint2 high, uint32_t x0, uint32_t x1)
{
	asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
	    : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
	    : "r"(low.x), "r"(high.x), "r"(low.y), "r"(high.y), "r"(x0), "r"(x1));
}

/* Four weights of a byte, two a word, as the tensor cores take them. */
template <int QUANT>
static __device__ __forceinline__ uint2
halves_of(uint32_t word)
{
	const __half2 zero = __floats2half2_rn(1152, 1152);     /* 1024 + 128 */
	uint32_t low, high;
	__half2 v;

	if (QUANT == QUANT_FP8)
		return make_uint2(e4m3_pair<0>(word), e4m3_pair<1>(word));
	low = __byte_perm(word, 0x64646464u, 0x4140);   /* 1024 + 128 + q */
	high = __byte_perm(word, 0x64646464u, 0x4342);
	v = __hsub2(*(__half2 *)&low, zero);
	low = *(uint32_t *)&v;
	v = __hsub2(*(__half2 *)&high, zero);
	high = *(uint32_t *)&v;
	return make_uint2(low, high);
}

/* Of n rows, of which `fit` have room at once: how many to take first, so that none is left with little company. */
static inline int
even_share(int n, long long fit)
{
	return fit >= n ? n : fit < 2 ? 1 : ceil_div(n, ceil_div(n, fit));
}

/* Where a row of q, k or v goes, of row t of the step. */
static __device__ __forceinline__ uint16_t *
place_in_step(const struct gemv_rope &r, int t, int pos, int row)
{
	int k_from = r.n_heads * r.head_dim, v_from = k_from + r.n_kv_heads * r.head_dim;
	size_t cache = (size_t)pos * r.n_kv_heads * r.head_dim;

	if (row < k_from)
		return r.q + (size_t)t * k_from + row;
	return row < v_from ? r.k + cache + (row - k_from) : r.v + cache + (row - v_from);
}

/* ---- products of one row or a few: what follows them, and where that goes */

enum epilogue { QKV, RESIDUAL, SWIGLU, PLAIN };

struct gemv_to {
	float *out;                     /* RESIDUAL, PLAIN */
	uint16_t *h;                    /* SWIGLU */
	struct gemv_rope rope;          /* QKV */
};

/* gemv_packed.cu: for INT4, and as many rows as fit at once. */
extern "C" void
cuda_gemv_packed(cudaStream_t s, const struct gemv *g, enum epilogue what, const struct gemv_to *to);
/* How many rows of g->n that is. */
extern "C" int
cuda_packed_at_once(const struct gemv *g);

#endif
