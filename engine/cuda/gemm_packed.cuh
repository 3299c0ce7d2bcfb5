/* gemm_packed.cuh: what both kernels for some rows times a packed matrix share: widening weights, dealing tiles out to
 * blocks, adding up and storing what they have summed. gemm_packed.cu says how it works.
 *
 * A kernel describes its way to share a tile in a struct S: TILE_M weight rows and TOKENS rows of x a tile; TILES_M and
 * TILES_N products of 16 by 8 a warp; SUMMERS threads that have sums, numbered from 0, of SYNCED that meet for it. A
 * thread's sums [TILES_M][TILES_N][4] are as mma.m16n8k16 has them: of A's rows g and g + 8 (g = lane / 4), columns 2 t and
 * 2 t + 1 (t = lane % 4).
 */
#ifndef ENGINE_CUDA_GEMM_PACKED_CUH
#define ENGINE_CUDA_GEMM_PACKED_CUH

#include "engine/cuda/packed.cuh"

#define PACKED_PART_ROWS 256    /* of weights, and of x: what the largest part of a tile has, that is handed in */
#define PACKED_PART_TOKENS 160

struct gemm_args {
	const void *w, *scale;
	const uint16_t *x;              /* fp16, laid out as the kernel likes it */
	const float *back;              /* what the rows' sums must be multiplied by */
	void *y;
	float *partial;
	unsigned *counters;
	int rows, cols, half, m;        /* cols: with padding */
	int n_k;                        /* units of a tile: equal portions of its columns */
	int n_down, n_across;           /* tiles of weight rows, of rows of x */
	int n_stages;
	enum gemm_end end;
};

/* Where a thread's sums belong: its first tile of 16 weight rows and the step to its next, its first row of x. */
struct corner {
	int tile, step, token;
};

/* ---- widening */

/* The two nibbles at bits 4 … 7 of the halves, less 8, times scale. 0x5400 is 64, whose last place there is 1. */
static __device__ __forceinline__ uint32_t
widen4(uint32_t word, __half2 scale)
{
	uint32_t bits = (word & 0x00f000f0u) | 0x54005400u;
	__half2 v = __hmul2(__hsub2(*(__half2 *)&bits, __floats2half2_rn(72, 72)), scale);

	return *(uint32_t *)&v;
}

/* A word of eight nibbles, in pairs of columns. */
static __device__ __forceinline__ void
widen_word4(uint32_t word, __half2 scale, uint32_t pairs[4])
{
	pairs[0] = widen4(word << 4, scale);
	pairs[1] = widen4(word, scale);
	pairs[2] = widen4(word >> 4, scale);
	pairs[3] = widen4(word >> 8, scale);
}

/* ---- storing */

/* Of 8 bits, the weight row that is the r-th of all in the order of tiles: rows of gate and up by turns. */
static __device__ __forceinline__ int
source_row(const struct gemm_args &a, int r)
{
	return a.end == GEMM_SWIGLU ? (r >> 1) + (r & 1) * (a.rows >> 1) : r;
}

/* The weight rows that a lane has of a tile of 16: for 8 bits neighbours, for 4 as packed.cuh says; -1: none. */
template <int QUANT>
static __device__ __forceinline__ int2
rows_of(const struct gemm_args &a, int tile)
{
	int g = (threadIdx.x & 31) >> 2;

	if (QUANT == QUANT_INT4 && tile >= tiles_of(a.rows, a.half))
		return make_int2(-1, -1);
	if (QUANT == QUANT_INT4)
		return make_int2(row_at(a.rows, a.half, tile, g), row_at(a.rows, a.half, tile, g + 8));
	g = tile * 16 + 2 * g;
	return make_int2(g < a.rows ? source_row(a, g) : -1, g + 1 < a.rows ? source_row(a, g + 1) : -1);
}

template <int QUANT>
static __device__ __forceinline__ void
store_two(const struct gemm_args &a, int2 row, int token, float low, float high)
{
	size_t at = (size_t)token * a.rows;
	float *f = (float *)a.y + at;
	uint16_t *h = (uint16_t *)a.y + at;

	if (a.end == GEMM_ADD) {        /* each value by one thread, and none waits for what it was */
		if (row.x >= 0)
			atomicAdd(f + row.x, low);
		if (row.y >= 0)
			atomicAdd(f + row.y, high);
	} else if (QUANT != QUANT_INT4 && row.y >= 0) {        /* neighbours, and rows is even */
		*(uint32_t *)(h + row.x) = bf16_pair(low, high);
	} else {
		if (row.x >= 0)
			h[row.x] = bf16_of(low);
		if (row.y >= 0)
			h[row.y] = bf16_of(high);
	}
}

template <int QUANT>
static __device__ __forceinline__ float
scale_of(const struct gemm_args &a, int row)
{
	if (QUANT == QUANT_INT4 || row < 0)
		return 1;
	return ((const float *)a.scale)[row] * (QUANT == QUANT_FP8 ? E4M3_SCALE : 1.0f);
}

/* A row's values of gate and up for two rows of x, the first of which has a tile's column `token`: lanes change places, so
 * that each has two neighbours of a row of y. row: the tile's first, of gate. */
static __device__ __forceinline__ void
store_swiglu(const struct gemm_args &a, int row, int token, const float (&gate)[2], const float (&up)[2])
{
	int lane = threadIdx.x & 31, n = a.rows >> 1;
	uint32_t two = transpose(bf16_pair(silu_mul(rounded(gate[0]), rounded(up[0])), silu_mul(rounded(gate[1]), rounded(up[1]))));
	uint16_t *y = (uint16_t *)a.y + (size_t)(token + (lane >> 2)) * a.rows;

	row += (lane & 3) * 2;
	if (row >= n || token + (lane >> 2) >= a.m)
		return;
	if (row + 1 < n)
		*(uint32_t *)(y + row) = two;
	else
		y[row] = (uint16_t)two;
}

/* The sums of two rows of x, times what belongs to these and to the weights' rows. */
static __device__ __forceinline__ void
scale_sums(const struct gemm_args &a, const float (&sums)[4], float low, float high, int token, float (&l)[2], float (&h)[2])
{
#pragma unroll
	for (int i = 0; i < 2; i++) {
		l[i] = sums[i] * low * a.back[token + i];
		h[i] = sums[i + 2] * high * a.back[token + i];
	}
}

template <int QUANT, class S>
static __device__ __forceinline__ void
store(const struct gemm_args &a, const struct corner &c, const float (&sums)[S::TILES_M][S::TILES_N][4])
{
#pragma unroll
	for (int m = 0; m < S::TILES_M; m++) {
		int2 row = rows_of<QUANT>(a, c.tile + m * c.step);
		float low = scale_of<QUANT>(a, row.x), high = scale_of<QUANT>(a, row.y);
#pragma unroll
		for (int n = 0; n < S::TILES_N; n++) {
			int first = c.token + n * 8, token = first + (threadIdx.x & 3) * 2;
			float l[2], h[2];

			scale_sums(a, sums[m][n], low, high, token, l, h);
			if (a.end == GEMM_SWIGLU) {
				store_swiglu(a, (c.tile + m * c.step) * 8, first, l, h);
				continue;
			}
#pragma unroll
			for (int i = 0; i < 2; i++)
				if (token + i < a.m)
					store_two<QUANT>(a, row, token + i, l[i], h[i]);
		}
	}
}

template <class S>
static __device__ __forceinline__ void
clear(float (&sums)[S::TILES_M][S::TILES_N][4])
{
#pragma unroll
	for (int m = 0; m < S::TILES_M; m++)
#pragma unroll
		for (int n = 0; n < S::TILES_N; n++)
#pragma unroll
			for (int i = 0; i < 4; i++)
				sums[m][n][i] = 0;
}

/* ---- dealing */

/* The first unit of block b, of n blocks that share all units of a column of tiles. */
static __device__ __forceinline__ int
first_unit(const struct gemm_args &a, int b, int n)
{
	return (int)((long long)a.n_down * a.n_k * b / n);
}

/* A block's sums of a part of a tile: the first place if others have begun it, the second if it begins there. */
template <class S>
static __device__ __forceinline__ float4 *
part_of(const struct gemm_args &a, int block, bool begins)
{
	return (float4 *)(a.partial + ((size_t)block * 2 + begins) * S::TILE_M * S::TOKENS);
}

/* The sums of all parts of a tile, in the order of its columns. */
template <class S>
static __device__ __forceinline__ void
add_parts(const struct gemm_args &a, int down, int across, int n_blocks, int thread, float (&sums)[S::TILES_M][S::TILES_N][4])
{
	int begin = down * a.n_k, end = begin + a.n_k, b = (int)((long long)begin * n_blocks / ((long long)a.n_down * a.n_k));

	while (b > 0 && first_unit(a, b, n_blocks) > begin)
		b--;
	while (first_unit(a, b + 1, n_blocks) <= begin)
		b++;
	clear<S>(sums);
	for (; b < n_blocks && first_unit(a, b, n_blocks) < end; b++) {
		const float4 *part = part_of<S>(a, b * a.n_across + across, first_unit(a, b, n_blocks) <= begin);

		if (first_unit(a, b + 1, n_blocks) == first_unit(a, b, n_blocks))
			continue;               /* more blocks than units: it had none */
#pragma unroll
		for (int m = 0; m < S::TILES_M; m++)
#pragma unroll
			for (int n = 0; n < S::TILES_N; n++) {
				float4 v = __ldcg(part + (m * S::TILES_N + n) * S::SUMMERS + thread);

				sums[m][n][0] += v.x;
				sums[m][n][1] += v.y;
				sums[m][n][2] += v.z;
				sums[m][n][3] += v.w;
			}
	}
}

/* All that take part in adding up. */
template <class S>
static __device__ __forceinline__ void
meet(void)
{
	asm volatile("bar.sync 1, %0;" :: "n"(S::SYNCED) : "memory");
}

/* The block's sums of n_units of a tile go to memory. True in the block that is the last of those to do so. */
template <class S>
static __device__ __forceinline__ bool
hand_in(const struct gemm_args &a, int down, int across, bool begins, int n_units, int thread,
    const float (&sums)[S::TILES_M][S::TILES_N][4])
{
	__shared__ bool last;
	float4 *part = part_of<S>(a, blockIdx.x, begins);
	unsigned *counter = a.counters + down * a.n_across + across;

	if (thread < S::SUMMERS)
#pragma unroll
		for (int m = 0; m < S::TILES_M; m++)
#pragma unroll
			for (int n = 0; n < S::TILES_N; n++)
				__stcg(part + (m * S::TILES_N + n) * S::SUMMERS + thread,
				    make_float4(sums[m][n][0], sums[m][n][1], sums[m][n][2], sums[m][n][3]));
	__threadfence();
	meet<S>();
	if (thread == 0) {
		last = atomicAdd(counter, (unsigned)n_units) + (unsigned)n_units == (unsigned)a.n_k;
		if (last)
			*counter = 0;
	}
	meet<S>();
	if (last)
		__threadfence();
	return last;
}

/* Units from … to of a tile have been summed: they are stored when they are all of it, or the last of it. */
template <int QUANT, class S>
static __device__ __forceinline__ void
finish_tile(const struct gemm_args &a, int down, int across, int n_blocks, int from, int to, int thread, const struct corner &c,
    float (&sums)[S::TILES_M][S::TILES_N][4])
{
	if (to - from < a.n_k) {
		if (!hand_in<S>(a, down, across, from == 0, to - from, thread, sums))
			return;
		if (thread < S::SUMMERS)
			add_parts<S>(a, down, across, n_blocks, thread, sums);
	}
	if (thread < S::SUMMERS)
		store<QUANT, S>(a, c, sums);
}

/* ---- by the warpgroup products of sm_90 (gemm_packed_wgmma.cu) */

/* Rows of x that a tile has; 0: not on this card, or not this matrix. */
int
packed_wgmma_tokens(const struct matrix *w, int m);
/* x is placed: blocks of 64 columns of so many rows, 128 bytes a row, swizzled as wgmma's descriptors name it. */
void
packed_wgmma(cudaStream_t s, const struct gemm_packed *g, struct gemm_args a, int tokens);

#endif
