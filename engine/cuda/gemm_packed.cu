/* gemm_packed.cu: some rows, up to a thousand, times a matrix of 8 or 4 bits a weight, without unpacking it first.
 *
 * y [m, rows] = x [m, cols] wᵀ, or added to y, or gate and up together; reads the weights once (once for each column of
 * tiles that the rows of x need), bound by that up to about 64 rows and by the tensor cores beyond. For more rows than
 * PACKED_MAX_ROWS it pays to unpack and let cublasLt multiply. Here is the kernel for any card; gemm_packed_wgmma.cu has
 * that of sm_90, where mma.sync reaches two thirds of what the card can do.
 *
 * Weights are the A operand of mma.m16n8k16 (fp16, float32 sums), rows of x its columns. Both come through a ring of
 * stages in shared memory, 64 columns a stage. The order of columns in a product is free as long as both sides agree: of
 * each half of 32, lane t of a quad has 8 t … 8 t + 7, one read of x (16 bytes) and one of the weights (8 bytes, or 4 of
 * 4 bits) for two instructions. Where in a stage a piece lies is chosen so that no read meets a bank twice, save those
 * of 4 bits.
 *
 * Work is dealt in units of a stage: every block takes as many, one after another, whatever tiles they belong to (the
 * stream-K of Osama et al. 2023, arXiv 2301.03598), and its loads run on across tiles. A tile that several blocks share
 * is added up by the one of them that ends last, in the order of the columns, so results repeat: they depend on m and on
 * the card's number of multiprocessors alone.
 *
 * x is written before as fp16, each row times a power of two that brings its largest to 2^13 … 2^14 (exact for all that
 * is not 2^30 smaller), as the products of one row have it. 8 bits: exact products, the row's scale comes last. 4 bits: a
 * weight is (q - 8) scale, rounded to fp16.
 */
#include "engine/cuda/gemm_packed.cuh"

#define THREADS 256
#define TILE 128                /* weight rows of a block's tile */
#define STAGE_COLS 64
#define SCALE_BYTES (TILE * 2)

/* How a block's eight warps share a tile. K 2: each has a half of every stage's columns. */
template <int M, int N, int K, int M16, int N8>
struct shape {
	static constexpr int WARPS_M = M, WARPS_N = N, WARPS_K = K, TILES_M = M16, TILES_N = N8;
	static constexpr int TILE_M = TILE, TOKENS = N * N8 * 8, SUMMERS = THREADS / K, SYNCED = THREADS;

	static_assert(M * N * K * 32 == THREADS && M * M16 * 16 == TILE && TOKENS <= PACKED_PART_TOKENS, "");
};

/* Bytes of a stage: weights (and scales of 4 bits), then x. */
template <int QUANT>
static constexpr int WEIGHTS = QUANT == QUANT_INT4 ? TILE * STAGE_COLS / 2 + SCALE_BYTES : TILE * STAGE_COLS;
template <int QUANT, class S>
static constexpr int STAGE = WEIGHTS<QUANT> + S::TOKENS * STAGE_COLS * 2;

/* ---- loading a stage */

static __device__ __forceinline__ void
copy16(char *to, const void *from)
{
	asm volatile("cp.async.cg.shared.global [%0], [%1], 16;"
	    :: "r"((uint32_t)__cvta_generic_to_shared(to)), "l"(from) : "memory");
}

/* Two rows share a line of 128 bytes; its quarters (row, half of the columns) change places from line to line. */
static __device__ __forceinline__ int
place8(int row, int half)
{
	int line = row >> 1;

	return line * 128 + (((row & 1) * 2 + half) ^ (line & 3)) * 32;
}

#define WEIGHT_COPIES (TILE * STAGE_COLS / 16 / THREADS)        /* of 8 bits, a thread */
#define COPY_ROWS (THREADS / 4)

/* What the block loads next, and where the thread's pieces of it are. */
struct loader {
	int unit, end, k, down, at;     /* at: the stage it goes to */
	const char *w[WEIGHT_COPIES];
	const char *scales;
	const uint16_t *x;
};

/* The thread's pieces of the tile's weights at its first column. */
template <int QUANT>
static __device__ __forceinline__ void
aim(const struct gemm_args &a, struct loader *l)
{
	if constexpr (QUANT == QUANT_INT4) {
		int of = threadIdx.x >> 5, lane = threadIdx.x & 31;
		int tile = min(l->down * (TILE / TILE_ROWS) + of, tiles_of(a.rows, a.half) - 1);
		size_t from = (size_t)tile * (a.cols / GROUP);

		l->w[0] = (const char *)a.w + from * 2 * PIECE_BYTES + lane * 16;
		l->scales = (const char *)a.scale + from * 32 + (lane & 1) * 16;
	} else {
#pragma unroll
		for (int i = 0; i < WEIGHT_COPIES; i++) {
			int row = min(l->down * TILE + i * COPY_ROWS + (int)(threadIdx.x >> 2), a.rows - 1);

			l->w[i] = (const char *)a.w + (size_t)source_row(a, row) * a.cols + (threadIdx.x & 3) * 16;
		}
	}
}

template <int QUANT>
static __device__ __forceinline__ void
load_weights(const struct loader &l, char *stage)
{
	if constexpr (QUANT == QUANT_INT4) {
		int of = threadIdx.x >> 5, lane = threadIdx.x & 31;

		copy16(stage + threadIdx.x * 16, l.w[0] + (size_t)l.k * PIECE_BYTES);
		if (lane < 2)
			copy16(stage + TILE * STAGE_COLS / 2 + of * 32 + lane * 16, l.scales + l.k / 2 * 32);
	} else {
#pragma unroll
		for (int i = 0; i < WEIGHT_COPIES; i++) {
			int row = i * COPY_ROWS + (threadIdx.x >> 2), c = threadIdx.x & 3;

			copy16(stage + place8(row, c >> 1) + (c & 1) * 16, l.w[i] + l.k * STAGE_COLS);
		}
	}
}

/* 128 bytes a token; neighbours have their halves the other way round. */
template <class S>
static __device__ __forceinline__ void
load_tokens(const struct gemm_args &a, const struct loader &l, char *stage)
{
	int token = threadIdx.x >> 3, c = threadIdx.x & 7;
	char *to = stage + token * 128 + (c ^ (token & 1) << 2) * 16;

#pragma unroll
	for (int i = 0; i < (S::TOKENS * 8 + THREADS - 1) / THREADS; i++)
		if (S::TOKENS * 8 % THREADS == 0 || token + i * (THREADS / 8) < S::TOKENS)
			copy16(to + i * (THREADS / 8) * 128, l.x + (size_t)i * (THREADS / 8) * a.cols + l.k * STAGE_COLS);
}

/* The next stage's, if there is one; a group of copies in any case. */
template <int QUANT, class S>
static __device__ __forceinline__ void
load_next(const struct gemm_args &a, struct loader *l, char *stages)
{
	if (l->unit < l->end) {
		char *stage = stages + l->at * STAGE<QUANT, S>;

		load_weights<QUANT>(*l, stage);
		load_tokens<S>(a, *l, stage + WEIGHTS<QUANT>);
		l->unit++;
		l->at = l->at + 1 == a.n_stages ? 0 : l->at + 1;
		if (++l->k == a.n_k) {
			l->k = 0;
			l->down++;
			aim<QUANT>(a, l);
		}
	}
	asm volatile("cp.async.commit_group;" ::: "memory");
}

/* All but the n_stages - 2 latest have come. */
static __device__ __forceinline__ void
await_stage(int n_stages)
{
	if (n_stages == 6)
		asm volatile("cp.async.wait_group 4;" ::: "memory");
	else if (n_stages == 4)
		asm volatile("cp.async.wait_group 2;" ::: "memory");
	else
		asm volatile("cp.async.wait_group 1;" ::: "memory");
	__syncthreads();
}

/* ---- multiplying a stage */

/* The A operands of the two instructions of a half stage: rows g, and rows g + 8, each two pairs of columns. */
template <int QUANT>
static __device__ __forceinline__ void
take_weights(const char *stage, int tile, int half, uint2 low[2], uint2 high[2])
{
	int lane = threadIdx.x & 31, g = lane >> 2, t = lane & 3;

	if (QUANT == QUANT_INT4) {
		uint2 words = *(const uint2 *)(stage + tile * PIECE_BYTES + lane * 16 + half * 8);
		__half2 scales = *(const __half2 *)(stage + TILE * STAGE_COLS / 2 + tile * 32 + g * 4);
		uint32_t pairs[4];

		widen_word4(words.x, __low2half2(scales), pairs);
		low[0] = make_uint2(pairs[0], pairs[1]);
		low[1] = make_uint2(pairs[2], pairs[3]);
		widen_word4(words.y, __high2half2(scales), pairs);
		high[0] = make_uint2(pairs[0], pairs[1]);
		high[1] = make_uint2(pairs[2], pairs[3]);
		return;
	}
	uint2 a = *(const uint2 *)(stage + place8(tile * 16 + 2 * g, half) + t * 8);
	uint2 b = *(const uint2 *)(stage + place8(tile * 16 + 2 * g + 1, half) + t * 8);

	low[0] = halves_of<QUANT>(a.x);
	low[1] = halves_of<QUANT>(a.y);
	high[0] = halves_of<QUANT>(b.x);
	high[1] = halves_of<QUANT>(b.y);
}

template <int QUANT, class S>
static __device__ __forceinline__ void
multiply_half(const char *stage, int half, int warp_m, int warp_n, float (&sums)[S::TILES_M][S::TILES_N][4])
{
	const char *tokens = stage + WEIGHTS<QUANT>;
	int lane = threadIdx.x & 31, g = lane >> 2, t = lane & 3;
	uint4 x[S::TILES_N];

#pragma unroll
	for (int n = 0; n < S::TILES_N; n++) {
		int token = (warp_n * S::TILES_N + n) * 8 + g;

		x[n] = *(const uint4 *)(tokens + token * 128 + ((half * 4 + t) ^ (g & 1) << 2) * 16);
	}
#pragma unroll
	for (int m = 0; m < S::TILES_M; m++) {
		uint2 low[2], high[2];

		take_weights<QUANT>(stage, warp_m * S::TILES_M + m, half, low, high);
#pragma unroll
		for (int n = 0; n < S::TILES_N; n++) {
			mma(sums[m][n], low[0], high[0], x[n].x, x[n].y);
			mma(sums[m][n], low[1], high[1], x[n].z, x[n].w);
		}
	}
}

/* The second half of the warps gives its sums to the first. */
template <class S>
static __device__ __forceinline__ void
join_halves(float4 *room, int thread, float (&sums)[S::TILES_M][S::TILES_N][4])
{
	bool gives = thread >= S::SUMMERS;
	float4 *at = room + thread % S::SUMMERS;

	__syncthreads();
#pragma unroll
	for (int m = 0; m < S::TILES_M; m++)
#pragma unroll
		for (int n = 0; n < S::TILES_N; n++)
			if (gives)
				at[(m * S::TILES_N + n) * S::SUMMERS] = make_float4(sums[m][n][0], sums[m][n][1], sums[m][n][2],
				    sums[m][n][3]);
	__syncthreads();
#pragma unroll
	for (int m = 0; m < S::TILES_M; m++)
#pragma unroll
		for (int n = 0; n < S::TILES_N; n++)
			if (!gives) {
				float4 v = at[(m * S::TILES_N + n) * S::SUMMERS];

				sums[m][n][0] += v.x;
				sums[m][n][1] += v.y;
				sums[m][n][2] += v.z;
				sums[m][n][3] += v.w;
			}
}

template <int QUANT, class S>
static __global__ void __launch_bounds__(THREADS, 2)
gemm_packed_kernel(const __grid_constant__ struct gemm_args a)
{
	extern __shared__ uint4 ring[];
	char *stages = (char *)ring;
	int warp = threadIdx.x >> 5, warp_k = warp / (S::WARPS_M * S::WARPS_N), warp_m = warp % S::WARPS_M;
	int warp_n = warp / S::WARPS_M % S::WARPS_N, across = blockIdx.x % a.n_across;
	int block = blockIdx.x / a.n_across, n_blocks = gridDim.x / a.n_across;
	int unit = first_unit(a, block, n_blocks), end = first_unit(a, block + 1, n_blocks);
	int down = unit / a.n_k, k = unit % a.n_k, began = k, at = 0;
	struct loader next = { unit, end, k, down, 0 };
	float sums[S::TILES_M][S::TILES_N][4] = {};

	aim<QUANT>(a, &next);
	next.x = a.x + (size_t)(across * S::TOKENS + (threadIdx.x >> 3)) * a.cols + (threadIdx.x & 7) * 8;
	wait_for_previous();
	for (int i = 0; i < a.n_stages - 1; i++)
		load_next<QUANT, S>(a, &next, stages);
	for (; unit < end; unit++) {
		const char *stage = stages + at * STAGE<QUANT, S>;

		await_stage(a.n_stages);
		load_next<QUANT, S>(a, &next, stages);
		for (int half = S::WARPS_K == 2 ? warp_k : 0; half < 2; half += S::WARPS_K)
			multiply_half<QUANT, S>(stage, half, warp_m, warp_n, sums);
		at = at + 1 == a.n_stages ? 0 : at + 1;
		if (++k < a.n_k && unit + 1 < end)
			continue;
		if (S::WARPS_K == 2)
			join_halves<S>((float4 *)(stages + a.n_stages * STAGE<QUANT, S>), threadIdx.x, sums);
		struct corner c = { down * (TILE / 16) + warp_m * S::TILES_M, 1, across * S::TOKENS + warp_n * S::TILES_N * 8 };

		finish_tile<QUANT, S>(a, down, across, n_blocks, began, k, threadIdx.x, c, sums);
		clear<S>(sums);
		k = began = 0;
		down++;
	}
}

/* ---- x as fp16 */

enum layout { BY_ROWS, FOR_BYTES, FOR_NIBBLES };        /* the last two: for wgmma and weights of 8 and 4 bits */

/* The place of columns 2 i and 2 i + 1 of chunk c of 8. */
template <int LAYOUT>
static __device__ __forceinline__ int
column_of(int c, int i)
{
	int block = c >> 3 << 6, step = c >> 1 & 3, high = c & 1;

	if (LAYOUT == BY_ROWS)
		return c * 8 + i * 2;
	if (LAYOUT == FOR_BYTES)
		return block + i * 16 + step * 4 + high * 2;
	return block + (step >> 1) * 32 + i * 8 + (step & 1) * 4 + high * 2;
}

static __device__ __forceinline__ float
largest(const uint4 &v)
{
	const uint32_t two[4] = { v.x, v.y, v.z, v.w };
	float most = 0;

#pragma unroll
	for (uint32_t t : two)
		most = fmaxf(most, fmaxf(fabsf(bf16_low(t)), fabsf(bf16_high(t))));
	return most;
}

#define MAX_PLACERS 1024

/* One block a row; columns beyond the end are zeros. tokens: of a tile, for wgmma. */
template <int LAYOUT>
static __global__ void __launch_bounds__(MAX_PLACERS)
place_x_kernel(uint4 *out, float *back, const uint16_t *x, int x_stride, int cols, int padded, int tokens)
{
	extern __shared__ uint4 kept[];
	__shared__ float2 room[32];
	const uint16_t *from = x + (size_t)blockIdx.x * x_stride;
	const uint32_t *row = (const uint32_t *)kept;
	float most = 0, factor;
	int e;

	wait_for_previous();
	if (cols % 8 == 0 && x_stride % 8 == 0) {
#pragma unroll 4
		for (int i = threadIdx.x; i < padded / 8; i += blockDim.x) {
			uint4 v = i < cols / 8 ? ((const uint4 *)from)[i] : make_uint4(0, 0, 0, 0);

			kept[i] = v;
			most = fmaxf(most, largest(v));
		}
	} else {
		for (int i = threadIdx.x; i < padded; i += blockDim.x) {
			uint16_t v = i < cols ? from[i] : 0;

			((uint16_t *)kept)[i] = v;
			most = fmaxf(most, fabsf(bf16_value(v)));
		}
	}
	e = exponent_of(block_sum_max(0, most, room).y);        /* where all meet */
	factor = power_of_two(13 - e);
	for (int c = threadIdx.x; c < padded / 8; c += blockDim.x) {
		int token = (int)blockIdx.x % tokens;
		size_t to = LAYOUT == BY_ROWS ? (size_t)blockIdx.x * (padded / 8) + c :
		    (((size_t)(blockIdx.x / tokens) * (padded / 64) + (c >> 3)) * tokens + token) * 8 + ((c ^ token) & 7);
		uint32_t two[4];

#pragma unroll
		for (int i = 0; i < 4; i++) {
			uint32_t v = row[column_of<LAYOUT>(c, i) / 2];
			__half2 h = __floats2half2_rn(bf16_low(v) * factor, bf16_high(v) * factor);

			two[i] = *(uint32_t *)&h;
		}
		out[to] = make_uint4(two[0], two[1], two[2], two[3]);
	}
	if (threadIdx.x == 0)
		back[blockIdx.x] = power_of_two(e - 13);
}

template <int LAYOUT>
static void
place_x(cudaStream_t s, const struct gemm_packed *g, const struct gemm_args &a, int tokens)
{
	size_t shared = (size_t)a.cols * sizeof(uint16_t);

	if (shared > 48 << 10)
		cudaFuncSetAttribute(place_x_kernel<LAYOUT>, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)shared);
	launch(place_x_kernel<LAYOUT>, dim3(g->m), dim3(a.cols > 8192 ? MAX_PLACERS : a.cols > 2048 ? 512 : 256), shared, s,
	    g->chained, (uint4 *)a.x, (float *)a.back, g->x, g->x_stride, g->w->cols, a.cols, tokens);
}

/* ---- launching */

/* Columns that a row of x and of the weights has, with padding. */
static int
padded(const struct matrix *w)
{
	return w->quant == QUANT_INT4 ? groups_of(w->cols) * GROUP : w->cols;
}

static int
warp_tokens(int m)
{
	return m <= 64 ? (m + 15) / 16 * 16 : 128;
}

int
cuda_gemm_packed_tokens(const struct matrix *w, int m, size_t shared_block)
{
	int tokens;

	if (w->quant == QUANT_BF16 || m < 2 || m > PACKED_MAX_ROWS || (size_t)padded(w) * sizeof(uint16_t) > shared_block - 2048)
		return 0;
	tokens = packed_wgmma_tokens(w, m);
	if (tokens || m > PACKED_MAX_ROWS_MMA)
		return tokens;
	if (w->quant != QUANT_INT4 && (w->cols % STAGE_COLS || w->rows % 2))
		return 0;
	return warp_tokens(m);
}

static size_t
aligned(size_t bytes)
{
	return (bytes + 1023) / 1024 * 1024;
}

/* The parts of the work space, one after another. */
struct places {
	size_t x, back, counters, partial, end;
};

static struct places
places_of(int n_sm, int max_cols, int max_rows)
{
	size_t rows = PACKED_MAX_ROWS + PACKED_PART_TOKENS, tiles = (size_t)(max_rows / TILE) + 2;
	struct places p = {};

	p.back = p.x + aligned(rows * ((size_t)max_cols + GROUP) * sizeof(uint16_t));
	p.counters = p.back + aligned(rows * sizeof(float));
	p.partial = p.counters + aligned(tiles * 2 * (PACKED_MAX_ROWS / 16) * sizeof(unsigned));
	p.end = p.partial + (size_t)n_sm * 2 * PACKED_PART_ROWS * PACKED_PART_TOKENS * sizeof(float);
	return p;
}

size_t
cuda_gemm_packed_work(int n_sm, int max_cols, int max_rows)
{
	return places_of(n_sm, max_cols, max_rows).end;
}

/* As many blocks an SM, and as many stages, as its shared memory allows. */
static int
plan_stages(const struct gemm_packed *g, size_t stage, size_t more, int *per_sm)
{
	static const int tries[][2] = { { 2, 6 }, { 2, 4 }, { 2, 3 }, { 1, 6 }, { 1, 4 }, { 1, 3 } };

	for (const int *t : tries) {
		size_t bytes = stage * (size_t)t[1] + more;

		*per_sm = t[0];
		if (bytes <= g->shared_block && (bytes + 1024) * (size_t)t[0] <= g->shared_sm)
			return t[1];
	}
	return 3;
}

template <int QUANT, class S>
static void
run_shape(cudaStream_t s, const struct gemm_packed *g, struct gemm_args a)
{
	size_t more = S::WARPS_K == 2 ? (size_t)TILE * S::TOKENS * sizeof(float) : 0, shared;
	int per_sm;

	a.n_across = ceil_div(a.m, S::TOKENS);
	a.n_stages = plan_stages(g, (size_t)STAGE<QUANT, S>, more, &per_sm);
	shared = (size_t)(a.n_stages * STAGE<QUANT, S>) + more;
	cudaFuncSetAttribute(gemm_packed_kernel<QUANT, S>, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)shared);
	launch(gemm_packed_kernel<QUANT, S>, dim3(g->n_sm * per_sm / a.n_across * a.n_across), dim3(THREADS), shared, s,
	    g->chained, a);
}

template <int QUANT>
static void
run(cudaStream_t s, const struct gemm_packed *g, struct gemm_args a, int tokens)
{
	a.n_k = a.cols / STAGE_COLS;
	a.n_down = QUANT == QUANT_INT4 ? ceil_div(tiles_of(a.rows, a.half), TILE / TILE_ROWS) : ceil_div(a.rows, TILE);
	switch (tokens) {
	case 16: run_shape<QUANT, shape<4, 1, 2, 2, 2>>(s, g, a); break;
	case 32: run_shape<QUANT, shape<4, 1, 2, 2, 4>>(s, g, a); break;
	case 48: run_shape<QUANT, shape<4, 1, 2, 2, 6>>(s, g, a); break;
	case 64: run_shape<QUANT, shape<4, 1, 2, 2, 8>>(s, g, a); break;
	default: run_shape<QUANT, shape<2, 4, 1, 4, 4>>(s, g, a); break;
	}
}

static struct gemm_args
args_of(const struct gemm_packed *g)
{
	struct places p = places_of(g->n_sm, g->max_cols, g->max_rows);
	char *work = (char *)g->work;
	struct gemm_args a = {};

	a.w = g->w->at;
	a.scale = g->w->scale;
	a.x = (const uint16_t *)(work + p.x);
	a.back = (const float *)(work + p.back);
	a.counters = (unsigned *)(work + p.counters);
	a.partial = (float *)(work + p.partial);
	a.y = g->y;
	a.rows = g->w->rows;
	a.cols = padded(g->w);
	a.half = g->w->half;
	a.m = g->m;
	a.end = g->end;
	return a;
}

/* The product by mma.sync, x being placed. */
static void
run_any(cudaStream_t s, const struct gemm_packed *g, const struct gemm_args &a, int tokens)
{
	if (g->w->quant == QUANT_INT8)
		run<QUANT_INT8>(s, g, a, tokens);
	else if (g->w->quant == QUANT_FP8)
		run<QUANT_FP8>(s, g, a, tokens);
	else
		run<QUANT_INT4>(s, g, a, tokens);
}

void
cuda_gemm_packed(cudaStream_t s, const struct gemm_packed *g)
{
	struct gemm_args a = args_of(g);
	int tokens = packed_wgmma_tokens(g->w, g->m);

	if (tokens && g->w->quant == QUANT_INT4)
		place_x<FOR_NIBBLES>(s, g, a, tokens);
	else if (tokens)
		place_x<FOR_BYTES>(s, g, a, tokens);
	if (tokens) {
		packed_wgmma(s, g, a, tokens);
		return;
	}
	place_x<BY_ROWS>(s, g, a, 1);
	run_any(s, g, a, warp_tokens(g->m));
}
