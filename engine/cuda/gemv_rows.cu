/* gemv_rows.cu: 2 to 4 rows times a matrix of bf16 or bytes, each to the bit as gemv.cu computes it alone, at the cost of
 * reading the matrix once: for tokens that are only guessed to come next.
 *
 * What decides a row's bits, and how it is kept here:
 * - The sum of squares is one over the threads of a block. Here as many warps as gemv.cu would take (sum_warps) are played
 *   by those that there are, each for two rows.
 * - bf16: a lane adds its pieces in order, then the lanes are added by halves. The same here, row beside row; of the sums
 *   of all rows a lane keeps half at each halving, so that eight take hardly more exchanges than one.
 * - Bytes: lanes 4 g … 4 g + 3 make a sum D[g] in one cell of the tensor cores' result, which is the chain of the very
 *   same products wherever in the result the cell lies; then ((D0 + D1) + (D4 + D5)) + ((D2 + D3) + (D6 + D7)).
 *   In gemv.cu one cell of eight counts. Here four warps share eight rows of the matrix, warp p has g = 2 p and 2 p + 1 of
 *   all: A is 4 pairs of rows by two g, B four rows of x by two g, and of what comes out every second cell counts, for no
 *   more mma and no more reads of x than one row takes. The four warps' sums meet in shared memory.
 * Rows of x, of in and of what comes out follow one another as kernels.h says. Blocks take a multiprocessor each: the
 * vectors of all rows are in its shared memory.
 */
#include <assert.h>

#include "engine/cuda/gemv.cuh"

#define PARTS 4                 /* bytes: warps that share rows */
#define STATIC_BYTES 12288      /* more than the kernels' own shared memory */

struct rows_args {
	struct gemv_args one;
	int n;                          /* rows of x */
	int sum_warps;
};

/* ---- before: the vectors into shared memory, words_of() apart */

/* Nothing beyond the end of a row. */
template <int QUANT>
static __device__ __forceinline__ void
clear_ends(const struct rows_args &a, uint4 *xs)
{
	int words = words_of(QUANT, a.one.cols), from = a.one.cols / 8, n = words - from;

	for (int i = threadIdx.x; i < a.n * n; i += (int)blockDim.x)
		xs[i / n * words + word_of<QUANT>(from + i % n)] = make_uint4(0, 0, 0, 0);
}

/* Sum of squares and largest |norm x|: of the values that warp w of sum_warps has, of every second row from `first` on. */
template <int QUANT, int T>
static __device__ __forceinline__ void
sum_as_warp(const struct rows_args &a, const float4 *kept, int w, int first, float2 (*room)[32])
{
	constexpr int EACH = (T + 1) / 2;
	int n = a.one.cols / 4, lane = threadIdx.x & 31;
	float sum[EACH] = {}, most[EACH] = {};

#pragma unroll 4
	for (int i = w * 32 + lane; i < n; i += a.sum_warps * 32)
#pragma unroll
		for (int e = 0; e < EACH; e++)
			if (first + 2 * e < a.n) {
				float4 x = ((const float4 *)a.one.x)[(size_t)(first + 2 * e) * n + i];

				sum[e] += squares(x);
				if (QUANT != QUANT_BF16)
					most[e] = largest_of(most[e], times(kept[i], x));
			}
#pragma unroll
	for (int e = 0; e < EACH; e++) {
		float2 both = make_float2(warp_sum(sum[e]), QUANT == QUANT_BF16 ? 0 : warp_max(most[e]));

		if (lane == 0 && first + 2 * e < a.n)
			room[first + 2 * e][w] = both;
	}
}

/* xs = norm x / rms(x); back: what sums must be multiplied by. x is read twice; the second time it is in the L1. */
template <int QUANT, int T>
static __device__ __forceinline__ void
normalise(const struct rows_args &a, uint4 *xs, const float4 *kept, float2 (*room)[32], float *back)
{
	int n = a.one.cols / 4, words = words_of(QUANT, a.one.cols), n_warps = (int)blockDim.x >> 5, lane = threadIdx.x & 31;
	float scale[T], factor[T];

	for (int v = threadIdx.x >> 5; v < 2 * a.sum_warps; v += n_warps)
		sum_as_warp<QUANT, T>(a, kept, v % a.sum_warps, v / a.sum_warps, room);
	__syncthreads();
#pragma unroll
	for (int t = 0; t < T; t++) {
		float2 part = t < a.n && lane < a.sum_warps ? room[t][lane] : make_float2(0, 0);
		int e;

		scale[t] = rsqrtf(warp_sum(part.x) / (float)a.one.cols + a.one.eps);
		e = exponent_of(warp_max(part.y) * scale[t]);
		factor[t] = power_of_two(13 - e);
		if (QUANT != QUANT_BF16 && threadIdx.x == 0)
			back[t] = power_of_two(e - 13);
	}
	for (int i = threadIdx.x; i < n; i += (int)blockDim.x) {
		float4 w = kept[i];
#pragma unroll
		for (int t = 0; t < T; t++)
			if (t < a.n) {
				float4 v = times(w, ((const float4 *)a.one.x)[(size_t)t * n + i]);
				uint2 *to = (uint2 *)(xs + t * words + word_of<QUANT>(i / 2)) + i % 2;

				*to = make_uint2(operand<QUANT>(v.x * scale[t], v.y * scale[t], factor[t]),
				    operand<QUANT>(v.z * scale[t], v.w * scale[t], factor[t]));
			}
	}
}

static __device__ __forceinline__ void
copy_in(const struct rows_args &a, uint4 *xs)
{
	int n = a.one.cols / 8, words = words_of(QUANT_BF16, a.one.cols);

	for (int t = 0; t < a.n; t++)
		for (int c = threadIdx.x; c < n; c += (int)blockDim.x)
			asm volatile("cp.async.cg.shared.global [%0], [%1], 16;"
			    :: "r"((uint32_t)__cvta_generic_to_shared(xs + t * words + c)),
			    "l"((const uint4 *)a.one.in + (size_t)t * n + c) : "memory");
	asm volatile("cp.async.wait_all;" ::: "memory");
}

/* xs = in as fp16, each row by its own largest. A thread meets its own values only. */
template <int T>
static __device__ __forceinline__ void
widen_in(const struct rows_args &a, uint4 *xs, float2 (*room)[32], float *back)
{
	int n = a.one.cols / 8, words = words_of(QUANT_INT8, a.one.cols), n_warps = (int)blockDim.x >> 5;
	int lane = threadIdx.x & 31;
	float most[T] = {};

	for (int c = threadIdx.x; c < n; c += (int)blockDim.x)
#pragma unroll
		for (int t = 0; t < T; t++)
			if (t < a.n) {
				uint4 v = ((const uint4 *)a.one.in)[(size_t)t * n + c];

				most[t] = fmaxf(most[t], largest_of(v));
				xs[t * words + word_of<QUANT_INT8>(c)] = v;
			}
#pragma unroll
	for (int t = 0; t < T; t++) {
		most[t] = warp_max(most[t]);
		if (lane == 0)
			room[t][threadIdx.x >> 5].y = most[t];
	}
	__syncthreads();
#pragma unroll
	for (int t = 0; t < T; t++)
		if (t < a.n) {
			int e = exponent_of(warp_max(lane < n_warps ? room[t][lane].y : 0.0f));
			float factor = power_of_two(13 - e);

			if (threadIdx.x == 0)
				back[t] = power_of_two(e - 13);
			for (int c = threadIdx.x; c < n; c += (int)blockDim.x) {
				uint4 *at = xs + t * words + word_of<QUANT_INT8>(c);

				*at = widened(*at, factor);
			}
		}
}

/* All of the above, after the wait for what makes x. Ends with a barrier. */
template <int QUANT, int EPILOGUE, int T>
static __device__ __forceinline__ void
prepare(const struct rows_args &a, uint4 *xs, float2 (*room)[32], float *back)
{
	float4 *kept = (float4 *)(xs + a.n * words_of(QUANT, a.one.cols));

	if (EPILOGUE != RESIDUAL)
		keep_norm(a.one, kept);
	clear_ends<QUANT>(a, xs);
	wait_for_previous();
	if (EPILOGUE != RESIDUAL) {
		__syncthreads();
		normalise<QUANT, T>(a, xs, kept, room, back);
	} else if (QUANT == QUANT_BF16) {
		copy_in(a, xs);
	} else {
		widen_in<T>(a, xs, room, back);
	}
	__syncthreads();
}

/* ---- after. A lane has one sum: of row t of x with the first or second row of a task's pair, and mask lanes away is the
 * other. */
template <int QUANT, int EPILOGUE>
static __device__ __forceinline__ void
finish(const struct gemv_args &a, const struct needs &n, int t, int task, int row, int which, float v, float back, int mask,
    bool mine)
{
	float other;

	v = scaled<QUANT>(v, back, n.scale);
	other = __shfl_xor_sync(FULL, v, mask);
	if (mine && task < a.n_tasks && row < a.rows)
		put<EPILOGUE>(a, n, t, task, row, which, v, other);
}

/* ---- bf16: a warp takes a pair of rows of the matrix, as gemv.cu does */

/* Sums over the warp of N values a lane, added as warp_sum() adds them: lane l has that of value l / (32 / N). */
template <int N>
static __device__ __forceinline__ float
scatter_sums(float *v)
{
	int lane = threadIdx.x & 31, m = 16;

#pragma unroll
	for (int half = N / 2; half; half /= 2, m /= 2)
#pragma unroll
		for (int i = 0; i < half; i++) {
			float keep = lane & m ? v[i + half] : v[i], give = lane & m ? v[i] : v[i + half];

			v[i] = keep + __shfl_xor_sync(FULL, give, m);
		}
#pragma unroll
	for (; m; m /= 2)
		v[0] += __shfl_xor_sync(FULL, v[0], m);
	return v[0];
}

/* Piece i of both rows with all of x. */
template <int T>
static __device__ __forceinline__ void
multiply(float *sums, uint4 low, uint4 high, const uint4 *xs, int words)
{
#pragma unroll
	for (int t = 0; t < T; t++) {
		uint4 x = xs[t * words];
		float *sum = sums + 2 * t;

		sum[0] = dot2(low.w, x.w, dot2(low.z, x.z, dot2(low.y, x.y, dot2(low.x, x.x, sum[0]))));
		sum[1] = dot2(high.w, x.w, dot2(high.z, x.z, dot2(high.y, x.y, dot2(high.x, x.x, sum[1]))));
	}
}

template <int EPILOGUE, int T, int WARPS, int FLIGHT, int RESIDENT>
static __global__ void __launch_bounds__(WARPS * 32, RESIDENT)
rows_kernel(const __grid_constant__ struct rows_args a)
{
	constexpr int N = T == 2 ? 4 : 8, LANES = 32 / N;       /* sums; lanes that have the same one */
	extern __shared__ uint4 xs[];
	__shared__ float2 room[T][32];
	int lane = threadIdx.x & 31, step = gridDim.x * WARPS, n_pieces = a.one.cols / 8, words = words_of(QUANT_BF16, a.one.cols);
	int which = lane / LANES & 1, t = lane / LANES / 2;
	int task = blockIdx.x * WARPS + (threadIdx.x >> 5);
	int2 row = rows_of<EPILOGUE>(a.one, task);
	uint4 low[FLIGHT], high[FLIGHT];

#pragma unroll
	for (int u = 0; u < FLIGHT; u++) {
		low[u] = task < a.one.n_tasks ? piece(a.one, row.x, u * 32 + lane, n_pieces) : make_uint4(0, 0, 0, 0);
		high[u] = task < a.one.n_tasks ? piece(a.one, row.y, u * 32 + lane, n_pieces) : make_uint4(0, 0, 0, 0);
	}
	prepare<QUANT_BF16, EPILOGUE, T>(a, xs, room, NULL);
	while (task < a.one.n_tasks) {
		int mine = which ? row.y : row.x, next = task + step;
		struct needs n = ask<QUANT_BF16, EPILOGUE>(a.one, min(t, T - 1), task, mine);
		int2 next_row = rows_of<EPILOGUE>(a.one, next);
		float sums[N] = {};

		for (int i = lane; i - lane < n_pieces; i += 32 * FLIGHT) {
			bool more = i - lane + 32 * FLIGHT < n_pieces;
			int2 from = more ? row : next_row;
			int at = more ? i + 32 * FLIGHT : lane;
			bool there = more || next < a.one.n_tasks;
#pragma unroll
			for (int u = 0; u < FLIGHT; u++) {
				if (i - lane + u * 32 < n_pieces)
					multiply<T>(sums, low[u], high[u], xs + i + u * 32, words);
				if (there) {
					low[u] = piece(a.one, from.x, at + u * 32, n_pieces);
					high[u] = piece(a.one, from.y, at + u * 32, n_pieces);
				}
			}
		}
		finish<QUANT_BF16, EPILOGUE>(a.one, n, t, task, mine, which, scatter_sums<N>(sums), 1, LANES,
		    t < T && lane % LANES == 0);
		task = next;
		row = next_row;
	}
}

/* ---- bytes: four warps take eight rows of the matrix. Lane 8 s + r has pieces 8 p + r of every 32 of pair s, and of row s
 * of x. Of mma's result lane 8 s + 4 j + t has both g for pair s and row t, of which g = 2 p + j counts. */

/* The warps of a team wait for each other. */
static __device__ __forceinline__ void
meet(int team)
{
	asm volatile("bar.sync %0, %1;" :: "r"(1 + team), "n"(PARTS * 32) : "memory");
}

/* The sums of both g, of the lane's row: j = 0 the first of the pair, j = 1 the second. */
static __device__ __forceinline__ float
both_sums(const float sum[4])
{
	bool j = threadIdx.x & 4;
	float low = j ? sum[1] : sum[0], high = j ? sum[3] : sum[2];

	low += __shfl_xor_sync(FULL, low, 4);
	high += __shfl_xor_sync(FULL, high, 4);
	return j ? high : low;
}

template <int QUANT, int EPILOGUE, int WARPS, int FLIGHT, int RESIDENT>
static __global__ void __launch_bounds__(WARPS * 32, RESIDENT)
rows_bytes_kernel(const __grid_constant__ struct rows_args a)
{
	static_assert(WARPS % PARTS == 0 && WARPS / PARTS < 16, "teams have a barrier each, beside the block's");
	constexpr int TEAMS = WARPS / PARTS;
	extern __shared__ uint4 xs[];
	__shared__ float2 room[GEMV_ROWS][32];
	__shared__ float back[GEMV_ROWS];
	__shared__ float sums[2][TEAMS][PARTS][32];
	int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, team = warp / PARTS, part = warp % PARTS, turn = 0;
	int s = lane / 8, which = lane / 4 & 1, t = lane & 3, r = part * 8 + lane % 8;
	int n_pieces = a.one.cols / 16, step = gridDim.x * TEAMS * 4;
	const uint4 *x = xs + min(s, a.n - 1) * words_of(QUANT, a.one.cols) + r;
	int task = (blockIdx.x * TEAMS + team) * 4 + s;
	int2 row = rows_of<EPILOGUE>(a.one, task);
	uint4 low[FLIGHT], high[FLIGHT];

#pragma unroll
	for (int u = 0; u < FLIGHT; u++) {
		low[u] = piece(a.one, row.x, u * 32 + r, n_pieces);
		high[u] = piece(a.one, row.y, u * 32 + r, n_pieces);
	}
	prepare<QUANT, EPILOGUE, GEMV_ROWS>(a, xs, room, back);
	for (; task - s < a.one.n_tasks; turn = (turn + 1) % PARTS) {
		int mine = which ? row.y : row.x, next = task + step;
		struct needs n = {};
		int2 next_row = rows_of<EPILOGUE>(a.one, next);
		float sum[4] = {};

		if (turn == part && t < a.n)
			n = ask<QUANT, EPILOGUE>(a.one, t, task, mine);
		for (int i = 0; i < n_pieces; i += 32 * FLIGHT) {
			bool more = i + 32 * FLIGHT < n_pieces;
			int2 from = more ? row : next_row;
			int at = more ? i + 32 * FLIGHT + r : r;
			bool there = more || next - s < a.one.n_tasks;
#pragma unroll
			for (int u = 0; u < FLIGHT; u++) {
				if (i + u * 32 < n_pieces)
					multiply_bytes<QUANT>(sum, low[u], high[u], x[2 * (i + u * 32)], x[2 * (i + u * 32) + 32]);
				if (there) {
					low[u] = piece(a.one, from.x, at + u * 32, n_pieces);
					high[u] = piece(a.one, from.y, at + u * 32, n_pieces);
				}
			}
		}
		sums[turn & 1][team][part][lane] = both_sums(sum);
		meet(team);             /* the other sums are free again when their warp has come here */
		if (turn == part) {
			const float (*of)[32] = sums[turn & 1][team];
			float v = (of[0][lane] + of[2][lane]) + (of[1][lane] + of[3][lane]);

			finish<QUANT, EPILOGUE>(a.one, n, t, task, mine, which, v, back[t], 4, t < a.n);
		}
		task = next;
		row = next_row;
	}
}

/* ---- launchers */

static struct rows_args
rows_args_of(const struct gemv *g, const struct gemv_to *to)
{
	struct rows_args a = {};

	assert(g->n > 1 && g->n <= GEMV_ROWS);
	a.one = args_of(g, to);
	a.n = g->n;
	a.sum_warps = warps_for(a.one.n_tasks, g->n_sm);
	return a;
}

/* Every multiprocessor has work: a unit is what a warp, or a team of them, takes at a time, and a block has `units` of them. */
static void
start(cudaStream_t s, const struct gemv *g, const struct rows_args &a, void (*kernel)(struct rows_args), int threads,
    int blocks, int units, int n_units)
{
	int grid = min(g->n_sm * blocks, ceil_div(n_units, units));
	size_t shared = (size_t)a.n * words_of(g->w->quant, a.one.cols) * 16 + (a.one.norm ? (size_t)a.one.cols * sizeof(float) : 0);

	cudaFuncSetAttribute((const void *)kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)shared);
	launch(kernel, dim3((unsigned)grid), dim3((unsigned)threads), shared, s, g->chained, a);
}

/* PER_SM blocks of WARPS warps work on a multiprocessor, of RESIDENT that fit: the rest is room for the next kernel. */
template <int EPILOGUE, int T, int WARPS, int FLIGHT, int RESIDENT, int PER_SM>
static void
run_rows(cudaStream_t s, const struct gemv *g, const struct rows_args &a)
{
	start(s, g, a, rows_kernel<EPILOGUE, T, WARPS, FLIGHT, RESIDENT>, WARPS * 32, PER_SM, WARPS, a.one.n_tasks);
}

template <int QUANT, int EPILOGUE, int WARPS, int FLIGHT, int RESIDENT, int PER_SM>
static void
run_bytes(cudaStream_t s, const struct gemv *g, const struct rows_args &a)
{
	start(s, g, a, rows_bytes_kernel<QUANT, EPILOGUE, WARPS, FLIGHT, RESIDENT>, WARPS * 32, PER_SM, WARPS / PARTS,
	    ceil_div(a.one.n_tasks, 4));
}

/* q k v of the 40B decoder are 35 pairs of rows a multiprocessor, 9 times four: two rounds of 18 warps, or 10 teams. */
template <int QUANT, int EPILOGUE>
static void
run_teams(cudaStream_t s, const struct gemv *g, const struct rows_args &a)
{
	if (EPILOGUE == QKV)
		run_bytes<QUANT, EPILOGUE, 20, 2, 2, 2>(s, g, a);
	else if (EPILOGUE == RESIDUAL)
		run_bytes<QUANT, EPILOGUE, 28, 4, 1, 1>(s, g, a);
	else
		run_bytes<QUANT, EPILOGUE, 32, 2, 1, 1>(s, g, a);
}

template <int EPILOGUE, int T>
static void
run_few(cudaStream_t s, const struct gemv *g, const struct rows_args &a)
{
	constexpr int WARPS = EPILOGUE == QKV ? 18 : 28, FLIGHT = EPILOGUE == QKV ? 5 : EPILOGUE == RESIDUAL && T > 2 ? 2 : 4;

	run_rows<EPILOGUE, T, WARPS, FLIGHT, 1, 1>(s, g, a);
}

template <int EPILOGUE>
static void
run(cudaStream_t s, const struct gemv *g, const struct rows_args &a)
{
	if (g->w->quant == QUANT_FP8)
		run_teams<QUANT_FP8, EPILOGUE>(s, g, a);
	else if (g->w->quant == QUANT_INT8)
		run_teams<QUANT_INT8, EPILOGUE>(s, g, a);
	else if (a.n == 2)
		run_few<EPILOGUE, 2>(s, g, a);
	else if (a.n == 3)
		run_few<EPILOGUE, 3>(s, g, a);
	else
		run_few<EPILOGUE, 4>(s, g, a);
}

extern "C" int
cuda_rows_at_once(const struct gemv *g)
{
	int quant = g->w->quant, cols = g->w->cols;
	long long room = g->shared - STATIC_BYTES - (g->norm ? (long long)cols * 4 : 0);

	if (cols % piece_cols(quant))
		return 1;
	return even_share(g->n, room / (words_of(quant, cols) * 16LL));
}

extern "C" void
cuda_gemv_rows(cudaStream_t s, const struct gemv *g, enum epilogue what, const struct gemv_to *to)
{
	struct rows_args a = rows_args_of(g, to);

	switch (what) {
	case QKV: run<QKV>(s, g, a); break;
	case RESIDUAL: run<RESIDUAL>(s, g, a); break;
	case SWIGLU: run<SWIGLU>(s, g, a); break;
	case PLAIN: run<PLAIN>(s, g, a); break;
	}
}
