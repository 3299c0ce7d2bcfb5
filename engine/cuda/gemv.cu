/* gemv.cu: one row times a matrix, with the norm before it and what follows it: a step of decoding is made of these.
 *
 * w bf16 [rows, cols] row-major, read once: 2 rows cols bytes, 2 rows cols operations; bound by the card's reading. A
 * warp takes two rows that belong together (the halves of a head for RoPE, gate and up for SwiGLU) and keeps four
 * 16-byte loads a lane and row in flight, across rows. The vector lies in shared memory as bfloat16: every block
 * normalises it anew (it comes from the L2), after it has asked for its first weights, which depend on nothing.
 * Sums: float32, each lane its pieces in order, then the warp: fixed, so results repeat. Rounded where the products of
 * many rows round (q, k, v, gate, up to bfloat16 first), so that a token decoded and a token prefilled agree.
 * Packed matrices go to gemv_packed.cu.
 */
#include "engine/cuda/common.cuh"
#include "engine/cuda/packed.h"

#define BLOCKS_AN_SM 2
#define ODD_WARPS 16
#define FLIGHT 4                /* loads in flight a lane and row */

enum epilogue { QKV, RESIDUAL, SWIGLU, PLAIN };

struct gemv_args {
	const uint16_t *w;
	const float *norm, *x;
	const uint16_t *in;
	float eps;
	int n_tasks, rows, cols;
	float *out;                     /* RESIDUAL, PLAIN */
	uint16_t *h;                    /* SWIGLU */
	struct gemv_rope rope;          /* QKV */
};

/* The two rows of a task; RESIDUAL and PLAIN: the second may be beyond the end. */
template <int EPILOGUE>
__device__ __forceinline__ int2
rows_of(const struct gemv_args &a, int task)
{
	if (EPILOGUE == QKV) {
		int half = a.rope.head_dim / 2, row = task / half * a.rope.head_dim + task % half;

		return make_int2(row, row + half);
	}
	if (EPILOGUE == SWIGLU)
		return make_int2(task, task + a.rows / 2);
	return make_int2(2 * task, 2 * task + 1);
}

/* ---- before: the vector into shared memory. A thread meets its own values only until the last barrier. */

/* The norm's weights, which depend on no kernel before. */
__device__ __forceinline__ void
keep_norm(const struct gemv_args &a, float4 *kept)
{
	for (int i = threadIdx.x; i < a.cols / 4; i += (int)blockDim.x)
		kept[i] = ((const float4 *)a.norm)[i];
}

/* xs = w x / rms(x), by way of kept = w x; cols is a multiple of 4. */
__device__ __forceinline__ void
normalise(const struct gemv_args &a, uint16_t *xs, float4 *kept, float *room)
{
	int n = a.cols / 4;
	float sum = 0, scale;

#pragma unroll 4
	for (int i = threadIdx.x; i < n; i += (int)blockDim.x) {
		float4 x = ((const float4 *)a.x)[i], w = kept[i];

		sum += x.x * x.x + x.y * x.y + x.z * x.z + x.w * x.w;
		kept[i] = make_float4(w.x * x.x, w.y * x.y, w.z * x.z, w.w * x.w);
	}
	scale = rsqrtf(block_sum(sum, room) / (float)a.cols + a.eps);
	for (int i = threadIdx.x; i < n; i += (int)blockDim.x) {
		float4 v = kept[i];

		((uint2 *)xs)[i] = make_uint2(bf16_pair(v.x * scale, v.y * scale), bf16_pair(v.z * scale, v.w * scale));
	}
}

/* Any cols. */
__device__ __forceinline__ void
normalise_odd(const struct gemv_args &a, uint16_t *xs, float *room)
{
	float sum = 0, scale;

	for (int i = threadIdx.x; i < a.cols; i += (int)blockDim.x)
		sum += a.x[i] * a.x[i];
	scale = rsqrtf(block_sum(sum, room) / (float)a.cols + a.eps);
	for (int i = threadIdx.x; i < a.cols; i += (int)blockDim.x)
		xs[i] = bf16_of(a.norm[i] * a.x[i] * scale);
}

/* ---- after: what becomes of a pair of sums; called by one lane */

__device__ __forceinline__ float
rounded(float v)
{
	return bf16_value(bf16_of(v));
}

__device__ __forceinline__ void
finish_qkv(const struct gemv_args &a, int task, float low, float high)
{
	const struct gemv_rope &r = a.rope;
	int half = r.head_dim / 2, head = task / half, i = task % half, pos = r.state->pos;
	size_t row = (size_t)pos * r.n_kv_heads * r.head_dim;
	float c = 1, s = 0;
	uint16_t *to;

	low = rounded(low);
	high = rounded(high);
	if (head < r.n_heads + r.n_kv_heads) {
		c = r.cos[(size_t)pos * half + i];
		s = r.sin[(size_t)pos * half + i];
	}
	if (head < r.n_heads)
		to = r.q + (size_t)head * r.head_dim + i;
	else if (head < r.n_heads + r.n_kv_heads)
		to = r.k + row + (size_t)(head - r.n_heads) * r.head_dim + i;
	else
		to = r.v + row + (size_t)(head - r.n_heads - r.n_kv_heads) * r.head_dim + i;
	to[0] = bf16_of(low * c - high * s);
	to[half] = bf16_of(high * c + low * s);
}

template <int EPILOGUE>
__device__ __forceinline__ void
finish(const struct gemv_args &a, int task, int2 row, float low, float high)
{
	if (EPILOGUE == QKV) {
		finish_qkv(a, task, low, high);
	} else if (EPILOGUE == SWIGLU) {
		low = rounded(low);
		a.h[task] = bf16_of(low / (1.0f + __expf(-low)) * rounded(high));
	} else {
		a.out[row.x] = EPILOGUE == RESIDUAL ? a.out[row.x] + low : low;
		if (row.y < a.rows)
			a.out[row.y] = EPILOGUE == RESIDUAL ? a.out[row.y] + high : high;
	}
}

/* ---- the product */

/* 16 bytes of a row; zeros beyond the end. */
__device__ __forceinline__ uint4
piece(const struct gemv_args &a, int row, int i, int n_pieces)
{
	if (i < n_pieces && row < a.rows)
		return load_stream((const uint4 *)a.w + (size_t)row * n_pieces + i);
	return make_uint4(0, 0, 0, 0);
}

__device__ __forceinline__ float
dot8(uint4 w, uint4 x, float sum)
{
	const uint32_t ws[4] = { w.x, w.y, w.z, w.w }, xs[4] = { x.x, x.y, x.z, x.w };

#pragma unroll
	for (int i = 0; i < 4; i++) {
		sum = fmaf(bf16_low(ws[i]), bf16_low(xs[i]), sum);
		sum = fmaf(bf16_high(ws[i]), bf16_high(xs[i]), sum);
	}
	return sum;
}

/* In a round block b takes tasks that follow one another, so that a multiprocessor's rows share pages of memory. */
template <int EPILOGUE, bool NORM, int WARPS>
__global__ void __launch_bounds__(WARPS * 32, BLOCKS_AN_SM)
gemv_kernel(const __grid_constant__ struct gemv_args a)
{
	extern __shared__ uint4 shared[];
	__shared__ float room[32];
	uint16_t *xs = (uint16_t *)shared;
	float4 *kept = (float4 *)(shared + (a.cols + 7) / 8);
	int lane = threadIdx.x & 31, step = gridDim.x * WARPS, n_pieces = a.cols / 8;
	int task = blockIdx.x * WARPS + (threadIdx.x >> 5);
	int2 row = rows_of<EPILOGUE>(a, task);
	uint4 low[FLIGHT], high[FLIGHT];

#pragma unroll
	for (int u = 0; u < FLIGHT; u++) {
		low[u] = task < a.n_tasks ? piece(a, row.x, u * 32 + lane, n_pieces) : make_uint4(0, 0, 0, 0);
		high[u] = task < a.n_tasks ? piece(a, row.y, u * 32 + lane, n_pieces) : make_uint4(0, 0, 0, 0);
	}
	if (NORM)
		keep_norm(a, kept);
	wait_for_previous();
	if (NORM)
		normalise(a, xs, kept, room);
	else
		for (int i = threadIdx.x; i < n_pieces; i += (int)blockDim.x)
			shared[i] = ((const uint4 *)a.in)[i];
	__syncthreads();
	while (task < a.n_tasks) {
		int next = task + step;
		int2 next_row = rows_of<EPILOGUE>(a, next);
		float sum_low = 0, sum_high = 0;

		for (int i = lane; i - lane < n_pieces; i += 32 * FLIGHT) {
			bool more = i - lane + 32 * FLIGHT < n_pieces;
			int2 from = more ? row : next_row;
			int at = more ? i + 32 * FLIGHT : lane;
			bool there = more || next < a.n_tasks;
#pragma unroll
			for (int u = 0; u < FLIGHT; u++) {
				if (i + u * 32 < n_pieces) {
					uint4 x = shared[i + u * 32];

					sum_low = dot8(low[u], x, sum_low);
					sum_high = dot8(high[u], x, sum_high);
				}
				if (there) {
					low[u] = piece(a, from.x, at + u * 32, n_pieces);
					high[u] = piece(a, from.y, at + u * 32, n_pieces);
				}
			}
		}
		sum_low = warp_sum(sum_low);
		sum_high = warp_sum(sum_high);
		if (lane == 0)
			finish<EPILOGUE>(a, task, row, sum_low, sum_high);
		task = next;
		row = next_row;
	}
}

/* Rows that do not begin on 16 bytes: value by value. */
template <int EPILOGUE, bool NORM>
__global__ void __launch_bounds__(ODD_WARPS * 32)
gemv_odd_kernel(const __grid_constant__ struct gemv_args a)
{
	extern __shared__ uint4 shared[];
	__shared__ float room[32];
	uint16_t *xs = (uint16_t *)shared;
	int lane = threadIdx.x & 31, step = gridDim.x * ODD_WARPS;

	wait_for_previous();
	if (NORM)
		normalise_odd(a, xs, room);
	else
		for (int i = threadIdx.x; i < a.cols; i += (int)blockDim.x)
			xs[i] = a.in[i];
	__syncthreads();
	for (int task = blockIdx.x * ODD_WARPS + (threadIdx.x >> 5); task < a.n_tasks; task += step) {
		int2 row = rows_of<EPILOGUE>(a, task);
		float low = 0, high = 0;

		for (int i = lane; i < a.cols; i += 32) {
			float x = bf16_value(xs[i]);

			low = fmaf(bf16_value(a.w[(size_t)row.x * a.cols + i]), x, low);
			if (row.y < a.rows)
				high = fmaf(bf16_value(a.w[(size_t)row.y * a.cols + i]), x, high);
		}
		low = warp_sum(low);
		high = warp_sum(high);
		if (lane == 0)
			finish<EPILOGUE>(a, task, row, low, high);
	}
}

/* ---- launchers */

/* Rounds of blocks that all fit on the card at once. */
static int
rounds_of(int n_tasks, int n_sm, int warps)
{
	return ceil_div(n_tasks, (long long)n_sm * BLOCKS_AN_SM * warps);
}

/* The warps a block with which the last round leaves the least of the card idle. */
static int
warps_for(int n_tasks, int n_sm)
{
	static const int some[] = { 14, 16, 18 };
	int best = some[0];

	for (int w : some)
		if (rounds_of(n_tasks, n_sm, w) * w < rounds_of(n_tasks, n_sm, best) * best)
			best = w;
	return best;
}

template <int EPILOGUE, bool NORM>
static void
run(cudaStream_t s, const struct gemv *g, const struct gemv_args &a)
{
	size_t shared = (size_t)((a.cols + 7) / 8) * 16 + (NORM ? (size_t)a.cols * sizeof(float) : 0);
	int warps = a.cols % 8 ? ODD_WARPS : warps_for(a.n_tasks, g->n_sm);
	int grid = ceil_div(a.n_tasks, rounds_of(a.n_tasks, g->n_sm, warps) * warps);
	void (*kernel)(struct gemv_args);

	if (a.cols % 8)
		kernel = gemv_odd_kernel<EPILOGUE, NORM>;
	else if (warps == 14)
		kernel = gemv_kernel<EPILOGUE, NORM, 14>;
	else if (warps == 16)
		kernel = gemv_kernel<EPILOGUE, NORM, 16>;
	else
		kernel = gemv_kernel<EPILOGUE, NORM, 18>;
	if (shared > 40 << 10)
		cudaFuncSetAttribute((const void *)kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)shared);
	launch(kernel, dim3((unsigned)grid), dim3((unsigned)warps * 32), shared, s, g->chained, a);
}

static struct gemv_args
args_of(const struct gemv *g, int n_tasks)
{
	struct gemv_args a = {};

	a.w = (const uint16_t *)g->w->at;
	a.norm = g->norm;
	a.x = g->x;
	a.in = g->in;
	a.eps = g->eps;
	a.n_tasks = n_tasks;
	a.rows = g->w->rows;
	a.cols = g->w->cols;
	return a;
}

extern "C" void
cuda_gemv_qkv(cudaStream_t s, const struct gemv *g, const struct gemv_rope *r)
{
	struct gemv_args a = args_of(g, g->w->rows / 2);

	if (g->w->quant != QUANT_BF16) {
		cuda_packed_qkv(s, g, r);
		return;
	}
	a.rope = *r;
	run<QKV, true>(s, g, a);
}

extern "C" void
cuda_gemv_residual(cudaStream_t s, const struct gemv *g, float *x_out)
{
	struct gemv_args a = args_of(g, (g->w->rows + 1) / 2);

	if (g->w->quant != QUANT_BF16) {
		cuda_packed_residual(s, g, x_out);
		return;
	}
	a.out = x_out;
	run<RESIDUAL, false>(s, g, a);
}

extern "C" void
cuda_gemv_swiglu(cudaStream_t s, const struct gemv *g, uint16_t *h)
{
	struct gemv_args a = args_of(g, g->w->rows / 2);

	if (g->w->quant != QUANT_BF16) {
		cuda_packed_swiglu(s, g, h);
		return;
	}
	a.h = h;
	run<SWIGLU, true>(s, g, a);
}

extern "C" void
cuda_gemv_plain(cudaStream_t s, const struct gemv *g, float *out)
{
	struct gemv_args a = args_of(g, (g->w->rows + 1) / 2);

	if (g->w->quant != QUANT_BF16) {
		cuda_packed_plain(s, g, out);
		return;
	}
	a.out = out;
	run<PLAIN, true>(s, g, a);
}
