/* gemm_packed_wgmma.cu: some rows times a packed matrix by the warpgroup products of sm_90. gemm_packed.cu says what is
 * computed, and how work is dealt; here a unit is 128 columns, a tile 256 rows of weights, or 128 where there are few, by
 * TOKENS rows of x.
 *
 * Four warps load: weights by cp.async into rows of 128 bytes, whose halves change places from row to row, and x, which
 * lies in memory as the tensor cores want it, in one bulk copy a stage. Two warpgroups multiply, half of the rows each:
 * their warps widen 16 rows of 64 columns at a time into registers, A of wgmma, while the products before run. Stages go
 * from one side to the other by barriers in shared memory. The order of the columns within 64 is the one in which a
 * lane finds its weights; x was placed in the same.
 */
#include "engine/cuda/gemm_packed.cuh"
#include "engine/cuda/wgmma.cuh"

#define LOADERS 128
#define THREADS (LOADERS + 256)
#define UNIT 128
#define MAX_STAGES 8
#define BARRIER_BYTES (2 * MAX_STAGES * 8)

/* A tile of so many rows of x, and so many times 128 of weights. MULTIPLYING, LOADING: registers of a thread; a block has
 * THREADS times 168. With 240 ptxas lets products of 152 columns wait for one another, with 232 those of 144 (its note
 * C7512 tells). */
template <int ROWS, int M>
struct way {
	static constexpr int TILE_M = 128 * M, TOKENS = ROWS, TILES_M = M, TILES_N = ROWS / 8, SUMMERS = 256, SYNCED = 256;
	static constexpr int MULTIPLYING = ROWS > 152 ? 240 : 224, LOADING = ROWS > 152 ? 24 : 56;

	static_assert(256 * MULTIPLYING + LOADERS * LOADING <= THREADS * 168, "");
	static_assert(ROWS % 8 == 0 && ROWS <= PACKED_PART_TOKENS && TILE_M <= PACKED_PART_ROWS && (M == 1 || M == 2), "");
};

/* Bytes of a stage: x, weights, scales of 4 bits. */
template <class S>
static constexpr int X_BYTES = S::TOKENS * UNIT * 2;
template <int QUANT, class S>
static constexpr int STAGE = X_BYTES<S> + (QUANT == QUANT_INT4 ? S::TILE_M * UNIT / 2 + 1024 : S::TILE_M * UNIT);

#if defined(__CUDA_ARCH_FEAT_SM90_ALL) || !defined(__CUDA_ARCH__)

/* ---- copies and stages */

/* Arrives when all copies of this thread so far have come. */
static __device__ __forceinline__ void
arrive_behind_copies(uint32_t at)
{
	asm volatile("cp.async.mbarrier.arrive.noinc.shared.b64 [%0];" :: "r"(at) : "memory");
}

static __device__ __forceinline__ void
copy16(uint32_t to, const void *from)
{
	asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" :: "r"(to), "l"(from) : "memory");
}

/* n bytes, of which the barrier is told. */
static __device__ __forceinline__ void
copy_bulk(uint32_t to, const void *from, int n, uint32_t barrier)
{
	arrive_expecting(barrier, n);
	asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];"
	    :: "r"(to), "l"(from), "r"(n), "r"(barrier) : "memory");
}

/* A ring of stages, seen from one side. */
struct ring {
	uint32_t stages, full, empty;   /* addresses; barriers are 8 bytes apart */
	int n, at;
	uint32_t phase;
};

static __device__ __forceinline__ void
turn(struct ring *r)
{
	if (++r->at == r->n) {
		r->at = 0;
		r->phase ^= 1;
	}
}

/* ---- loading */

#define COPY_ROWS (LOADERS / 8)         /* of 8 bits, that all load at once */
#define COPY_TILES (LOADERS / 64)       /* of 4 bits */

template <class S>
static __device__ __forceinline__ void
load_bytes(const struct gemm_args &a, uint32_t to, int down, int k)
{
	int row = threadIdx.x >> 3, c = threadIdx.x & 7, first = down * S::TILE_M + row;
	const char *from = (const char *)a.w + (size_t)source_row(a, first) * a.cols + k * UNIT + c * 16;
	size_t step = (size_t)(a.end == GEMM_SWIGLU ? COPY_ROWS / 2 : COPY_ROWS) * a.cols;

	to += (uint32_t)(row * 128 + (c ^ (row & 1) << 2) * 16);
	if ((down + 1) * S::TILE_M <= a.rows) {
#pragma unroll
		for (int i = 0; i < S::TILE_M / COPY_ROWS; i++)
			copy16(to + i * COPY_ROWS * 128, from + i * step);
		return;
	}
#pragma unroll
	for (int i = 0; i < S::TILE_M / COPY_ROWS; i++)
		if (first + i * COPY_ROWS < a.rows)
			copy16(to + i * COPY_ROWS * 128, from + i * step);
}

/* A group of a tile of 16 rows is 1024 bytes, and 32 of scales. */
template <class S>
static __device__ __forceinline__ void
load_nibbles(const struct gemm_args &a, uint32_t to, int down, int k)
{
	int n = tiles_of(a.rows, a.half), first = down * (S::TILE_M / TILE_ROWS), of = threadIdx.x >> 6;

#pragma unroll
	for (int i = 0; i < S::TILE_M / TILE_ROWS / COPY_TILES; i++) {
		int tile = of + i * COPY_TILES;

		if (first + tile < n)
			copy16(to + tile * 1024 + (threadIdx.x & 63) * 16,
			    (const char *)a.w + ((size_t)(first + tile) * a.n_k + k) * 1024 + (threadIdx.x & 63) * 16);
	}
	if (threadIdx.x < S::TILE_M / TILE_ROWS * 2 && first + ((int)threadIdx.x >> 1) < n)
		copy16(to + S::TILE_M * UNIT / 2 + threadIdx.x * 16,
		    (const char *)a.scale + ((size_t)(first + (threadIdx.x >> 1)) * a.n_k + k) * 32 + (threadIdx.x & 1) * 16);
}

template <int QUANT, class S>
static __device__ __forceinline__ void
load_weights(const struct gemm_args &a, const struct ring &r, int at, int down, int k)
{
	uint32_t to = r.stages + (uint32_t)(at * STAGE<QUANT, S> + X_BYTES<S>);

	if (QUANT == QUANT_INT4)
		load_nibbles<S>(a, to, down, k);
	else
		load_bytes<S>(a, to, down, k);
	arrive_behind_copies(r.full + at * 8);
}

/* The first weights need not wait for what comes before in the stream, as x does. */
template <int QUANT, class S>
static __device__ __forceinline__ void
load_all(const struct gemm_args &a, struct ring r, int unit, int end, int across)
{
	int down = unit / a.n_k, k = unit % a.n_k, early = min(r.n, end - unit);
	const char *x = (const char *)a.x + (size_t)across * a.n_k * X_BYTES<S>;

	for (int i = 0; i < early; i++)
		load_weights<QUANT, S>(a, r, i, down + (k + i) / a.n_k, (k + i) % a.n_k);
	wait_for_previous();
	for (; unit < end; unit++) {
		if (early-- <= 0) {
			await(r.empty + r.at * 8, r.phase ^ 1);
			load_weights<QUANT, S>(a, r, r.at, down, k);
		}
		if (threadIdx.x == 0)
			copy_bulk(r.stages + (uint32_t)(r.at * STAGE<QUANT, S>), x + (size_t)k * X_BYTES<S>, X_BYTES<S>,
			    r.full + r.at * 8);
		turn(&r);
		if (++k == a.n_k) {
			k = 0;
			down++;
		}
	}
}

/* ---- multiplying */

/* s += a b: 64 rows from registers, 16 terms. */
#define MULTIPLY(N, OUT, REGISTERS, A0, A1, A2, A3, B) \
	static __device__ __forceinline__ void \
	multiply(float (&s)[N / 8][4], const uint32_t (&a)[4], uint64_t b) \
	{ \
		asm volatile("wgmma.mma_async.sync.aligned.m64n" #N "k16.f32.f16.f16 {" OUT "}, {%" #A0 ",%" #A1 ",%" #A2 ",%" #A3 \
		    "}, %" #B ", 1, 1, 1, 0;" : REGISTERS(s) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b)); \
	} \
	static __device__ __forceinline__ void \
	hold(float (&s)[N / 8][4]) \
	{ \
		asm volatile("" : REGISTERS(s) :: "memory"); \
	}

MULTIPLY(16, P8, S8, 8, 9, 10, 11, 12)
MULTIPLY(32, P16, S16, 16, 17, 18, 19, 20)
MULTIPLY(48, P24, S24, 24, 25, 26, 27, 28)
MULTIPLY(64, P32, S32, 32, 33, 34, 35, 36)
MULTIPLY(96, P48, S48, 48, 49, 50, 51, 52)
MULTIPLY(128, P64, S64, 64, 65, 66, 67, 68)
MULTIPLY(144, P72, S72, 72, 73, 74, 75, 76)
MULTIPLY(152, P76, S76, 76, 77, 78, 79, 80)
MULTIPLY(160, P80, S80, 80, 81, 82, 83, 84)

/* What a lane has of 16 rows and 64 columns, not yet widened. */
struct raw {
	uint4 low, high;
	__half2 scales;
};

/* tile: of 16 rows, in the block's; half: of the unit. */
template <int QUANT, class S>
static __device__ __forceinline__ struct raw
take_weights(const char *weights, int tile, int half)
{
	int lane = threadIdx.x & 31, g = lane >> 2, t = lane & 3;
	struct raw r;

	if constexpr (QUANT == QUANT_INT4) {
		r.low = *(const uint4 *)(weights + tile * 1024 + half * PIECE_BYTES + lane * 16);
		r.scales = *(const __half2 *)(weights + S::TILE_M * UNIT / 2 + tile * 32 + g * 4);
	} else {
		const char *row = weights + (tile * 16 + 2 * g) * 128 + t * 16;

		r.low = *(const uint4 *)(row + half * 64);
		r.high = *(const uint4 *)(row + 128 + (half ^ 1) * 64);
	}
	return r;
}

/* The A operands of four products of 16 columns. */
template <int QUANT>
static __device__ __forceinline__ void
widen(const struct raw &r, uint32_t (&a)[4][4])
{
	if constexpr (QUANT == QUANT_INT4) {
		uint32_t low[8], high[8];

		widen_word4(r.low.x, __low2half2(r.scales), low);
		widen_word4(r.low.y, __high2half2(r.scales), high);
		widen_word4(r.low.z, __low2half2(r.scales), low + 4);
		widen_word4(r.low.w, __high2half2(r.scales), high + 4);
#pragma unroll
		for (int i = 0; i < 4; i++) {
			a[i][0] = low[2 * i];
			a[i][1] = high[2 * i];
			a[i][2] = low[2 * i + 1];
			a[i][3] = high[2 * i + 1];
		}
	} else {
		const uint32_t low[4] = { r.low.x, r.low.y, r.low.z, r.low.w }, high[4] = { r.high.x, r.high.y, r.high.z, r.high.w };

#pragma unroll
		for (int i = 0; i < 4; i++) {
			uint2 l = halves_of<QUANT>(low[i]), h = halves_of<QUANT>(high[i]);

			a[i][0] = l.x;
			a[i][1] = h.x;
			a[i][2] = l.y;
			a[i][3] = h.y;
		}
	}
}

/* A part of a unit: half its columns, 64 of the warpgroup's rows. The products of the one before go on meanwhile. */
template <int QUANT, class S, int HALF, int M>
static __device__ __forceinline__ void
multiply_part(const char *weights, uint32_t x, int tile, uint32_t (&a)[4][4], float (&sums)[S::TILES_M][S::TILES_N][4])
{
	struct raw r = take_weights<QUANT, S>(weights, tile + M * 4, HALF);

	await_products<1>();            /* who had these registers */
	widen<QUANT>(r, a);
	begin_products();
#pragma unroll
	for (int i = 0; i < 4; i++)
		multiply(sums[M], a[i], descriptor(x + HALF * S::TOKENS * 128 + i * 32, 16));
	commit_products();
}

template <int QUANT, class S>
static __device__ __forceinline__ void
multiply_all(const struct gemm_args &a, struct ring r, const char *memory, int unit, int end, int across, int n_blocks)
{
	int thread = threadIdx.x - LOADERS, warp = thread >> 5, tile = (warp >> 2) * 4 * S::TILES_M + (warp & 3);
	float sums[S::TILES_M][S::TILES_N][4];
	uint32_t one[4][4], other[4][4];

	for (int down = unit / a.n_k; unit < end; down++) {
		int from = unit - down * a.n_k, to = min(a.n_k, from + end - unit);
		struct corner c = { down * (S::TILE_M / 16) + tile, 4, across * S::TOKENS };
		uint32_t before = 0;

		clear<S>(sums);
		for (int k = from; k < to; k++) {
			const char *weights = memory + r.at * STAGE<QUANT, S> + X_BYTES<S>;
			uint32_t x = r.stages + (uint32_t)(r.at * STAGE<QUANT, S>), now = r.empty + r.at * 8;

			await(r.full + r.at * 8, r.phase);
			multiply_part<QUANT, S, 0, 0>(weights, x, tile, one, sums);
			multiply_part<QUANT, S, 2 - S::TILES_M, S::TILES_M - 1>(weights, x, tile, other, sums);
			if (before && (threadIdx.x & 31) == 0)
				arrive(before);         /* its last products are done */
			if constexpr (S::TILES_M == 2) {
				multiply_part<QUANT, S, 1, 0>(weights, x, tile, one, sums);
				multiply_part<QUANT, S, 1, 1>(weights, x, tile, other, sums);
			}
			before = now;
			turn(&r);
		}
		await_products<0>();
		hold(sums[0]);
		hold(sums[S::TILES_M - 1]);
		if ((threadIdx.x & 31) == 0)
			arrive(before);
		finish_tile<QUANT, S>(a, down, across, n_blocks, from, to, thread, c, sums);
		unit += to - from;
	}
}

#endif

template <int QUANT, class S>
static __global__ void __launch_bounds__(THREADS, 1)
packed_wgmma_kernel(const __grid_constant__ struct gemm_args a)
{
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
	extern __shared__ __align__(1024) char memory[];
	uint32_t base = shared_address(memory), barriers = base + (uint32_t)(a.n_stages * STAGE<QUANT, S>);
	int across = blockIdx.x % a.n_across, block = blockIdx.x / a.n_across, n_blocks = gridDim.x / a.n_across;
	int unit = first_unit(a, block, n_blocks), end = first_unit(a, block + 1, n_blocks);
	struct ring r = { base, barriers, barriers + MAX_STAGES * 8, a.n_stages, 0, 0 };

	if (threadIdx.x == 0) {
		for (int i = 0; i < a.n_stages; i++) {
			barrier_init(r.full + i * 8, LOADERS + 1);
			barrier_init(r.empty + i * 8, 8);
		}
		show_barriers();
	}
	__syncthreads();
	/* known to be the same in a warp, which products that run on need */
	if (__shfl_sync(FULL, (int)threadIdx.x / LOADERS, 0) == 0) {
		asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" :: "n"(S::LOADING));
		load_all<QUANT, S>(a, r, unit, end, across);
		asm volatile("cp.async.wait_all;" ::: "memory");
	} else {
		asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" :: "n"(S::MULTIPLYING));
		wait_for_previous();
		multiply_all<QUANT, S>(a, r, memory, unit, end, across, n_blocks);
	}
#endif
}

/* ---- launching */

/* The tiles that waste least, the larger where two do. */
int
packed_wgmma_tokens(const struct matrix *w, int m)
{
	static const int ways[] = { 160, 152, 144, 128, 96, 64, 48, 32, 16 };
	int best = ways[0], waste = (m + best - 1) / best * best;

	if (m > (w->quant == QUANT_INT4 ? PACKED_MAX_ROWS_4 : PACKED_MAX_ROWS))
		return 0;
	if ((w->quant != QUANT_INT4 && (w->cols % UNIT || w->rows % 2)) || !runs_wgmma<packed_wgmma_kernel<QUANT_INT8, way<160, 2>>>())
		return 0;
	for (int t : ways)
		if ((m <= 64 ? m <= t : t >= 96) && (m + t - 1) / t * t < waste) {
			best = t;
			waste = (m + t - 1) / t * t;
		}
	return best;
}

/* Blocks for a column of tiles. Ending a tile costs as much as several units, so where blocks are enough for it none has
 * parts of two. */
static int
blocks_for(int n_tiles, int most)
{
	return n_tiles <= most ? most / n_tiles * n_tiles : most;
}

template <int QUANT, class S>
static void
run_way(cudaStream_t s, const struct gemm_packed *g, struct gemm_args a)
{
	size_t shared;

	a.n_k = a.cols / UNIT;
	a.n_down = QUANT == QUANT_INT4 ? ceil_div(tiles_of(a.rows, a.half), S::TILE_M / TILE_ROWS) :
	    ceil_div(a.rows, S::TILE_M);
	a.n_across = ceil_div(a.m, S::TOKENS);
	a.n_stages = (int)((g->shared_block - BARRIER_BYTES - 1024) / STAGE<QUANT, S>);
	a.n_stages = a.n_stages < MAX_STAGES ? a.n_stages : MAX_STAGES;
	shared = (size_t)(a.n_stages * STAGE<QUANT, S>) + BARRIER_BYTES;
	cudaFuncSetAttribute(packed_wgmma_kernel<QUANT, S>, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)shared);
	launch(packed_wgmma_kernel<QUANT, S>, dim3(blocks_for(a.n_down, g->n_sm / a.n_across) * a.n_across), dim3(THREADS), shared, s,
	    g->chained, a);
}

/* Blocks that have work by tiles of one size. */
template <class S>
static int
busy(const struct gemm_packed *g, const struct gemm_args &a)
{
	return blocks_for(ceil_div(a.rows, S::TILE_M), g->n_sm / ceil_div(a.m, S::TOKENS));
}

/* Where large tiles are fewer than multiprocessors, small ones, unless they keep fewer of these at work. */
template <int QUANT, int ROWS>
static void
run_rows(cudaStream_t s, const struct gemm_packed *g, const struct gemm_args &a)
{
	typedef way<ROWS, 1> small;
	typedef way<ROWS, 2> large;

	if (ceil_div(a.rows, large::TILE_M) * ceil_div(a.m, ROWS) < g->n_sm && busy<small>(g, a) >= busy<large>(g, a))
		run_way<QUANT, small>(s, g, a);
	else
		run_way<QUANT, large>(s, g, a);
}

template <int QUANT>
static void
run(cudaStream_t s, const struct gemm_packed *g, const struct gemm_args &a, int tokens)
{
	switch (tokens) {
	case 16: run_rows<QUANT, 16>(s, g, a); break;
	case 32: run_rows<QUANT, 32>(s, g, a); break;
	case 48: run_rows<QUANT, 48>(s, g, a); break;
	case 64: run_rows<QUANT, 64>(s, g, a); break;
	case 96: run_rows<QUANT, 96>(s, g, a); break;
	case 128: run_rows<QUANT, 128>(s, g, a); break;
	case 144: run_rows<QUANT, 144>(s, g, a); break;
	case 152: run_rows<QUANT, 152>(s, g, a); break;
	default: run_rows<QUANT, 160>(s, g, a); break;
	}
}

void
packed_wgmma(cudaStream_t s, const struct gemm_packed *g, struct gemm_args a, int tokens)
{
	if (g->w->quant == QUANT_INT8)
		run<QUANT_INT8>(s, g, a, tokens);
	else if (g->w->quant == QUANT_FP8)
		run<QUANT_FP8>(s, g, a, tokens);
	else
		run<QUANT_INT4>(s, g, a, tokens);
}
