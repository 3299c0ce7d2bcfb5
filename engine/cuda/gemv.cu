/* gemv.cu: one row times a matrix, with the norm before it and what follows it: a step of decoding is made of these.
 *
 * w [rows, cols] row-major, bf16 or a byte a weight (packed.cuh says which), read once: 2 or 1 rows cols bytes, 2 rows
 * cols operations; bound by the card's reading. A warp takes two rows that belong together (the halves of a head for
 * RoPE, gate and up for SwiGLU) and keeps FLIGHT 16-byte loads a lane and row requested, across rows. The vector lies in
 * shared memory as bfloat16: every block normalises it anew (it comes from the L2), after it has asked for its first
 * weights, which depend on nothing.
 * Sums: float32 of exact products, each lane its pieces in order, then the warp: fixed, so results repeat; the scale of a
 * row comes last. Rounded where the products of many rows round (q, k, v, gate, up to bfloat16 first), so that a token
 * decoded and a token prefilled agree. Matrices of 4 bits go to gemv_packed.cu.
 */
#include <assert.h>

#include "engine/cuda/packed.cuh"

#define BLOCKS_AN_SM 2
#define ODD_WARPS 16

enum epilogue { QKV, RESIDUAL, SWIGLU, PLAIN };

struct gemv_args {
	const void *w;
	const float *scale;             /* FP8, INT8: of each row */
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
static __device__ __forceinline__ int2
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

/* ---- before: the vector into shared memory, in chunks of 8. A thread meets its own values only until the last barrier */

static __host__ __device__ __forceinline__ int
piece_cols(int quant)
{
	return quant == QUANT_BF16 ? 8 : 16;
}

/* 16-byte words that the vector takes. */
static __host__ __device__ __forceinline__ int
words_of(int quant, int cols)
{
	return quant == QUANT_BF16 ? (cols + 7) / 8 : (cols + 511) / 512 * 64;
}

/* Where chunk c lies. A byte a weight: lane l reads chunks 2 l and 2 l + 1; all the even ones of a warp, then the odd
 * ones, so that neither read meets a bank twice. */
template <int QUANT>
static __device__ __forceinline__ int
word_of(int c)
{
	return QUANT == QUANT_BF16 ? c : (c & ~63) + (c & 1) * 32 + (c >> 1 & 31);
}

/* The norm's weights, which depend on no kernel before. */
static __device__ __forceinline__ void
keep_norm(const struct gemv_args &a, float4 *kept)
{
	for (int i = threadIdx.x; i < a.cols / 4; i += (int)blockDim.x)
		kept[i] = ((const float4 *)a.norm)[i];
}

/* xs = w x / rms(x), by way of kept = w x; cols is a multiple of 8. */
template <int QUANT>
static __device__ __forceinline__ void
normalise(const struct gemv_args &a, uint4 *xs, float4 *kept, float *room)
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
		uint2 *to = (uint2 *)(xs + word_of<QUANT>(i / 2)) + i % 2;

		*to = make_uint2(bf16_pair(v.x * scale, v.y * scale), bf16_pair(v.z * scale, v.w * scale));
	}
}

/* xs = in, without a register on the way: all of it is under way at once. cols is a multiple of 8. */
template <int QUANT>
static __device__ __forceinline__ void
copy_in(const struct gemv_args &a, uint4 *xs)
{
	for (int c = threadIdx.x; c < a.cols / 8; c += (int)blockDim.x)
		asm volatile("cp.async.cg.shared.global [%0], [%1], 16;"
		    :: "r"((uint32_t)__cvta_generic_to_shared(xs + word_of<QUANT>(c))), "l"((const uint4 *)a.in + c) : "memory");
	asm volatile("cp.async.wait_all;" ::: "memory");
}

/* Any cols, in natural order. */
static __device__ __forceinline__ void
normalise_odd(const struct gemv_args &a, uint16_t *xs, float *room)
{
	float sum = 0, scale;

	for (int i = threadIdx.x; i < a.cols; i += (int)blockDim.x)
		sum += a.x[i] * a.x[i];
	scale = rsqrtf(block_sum(sum, room) / (float)a.cols + a.eps);
	for (int i = threadIdx.x; i < a.cols; i += (int)blockDim.x)
		xs[i] = bf16_of(a.norm[i] * a.x[i] * scale);
}

/* ---- after: what becomes of a pair of sums; lane 0 has the first row, lane 1 the second, the other lanes look on */

/* What finishing needs from memory, asked for when the task begins. */
struct needs {
	float scale;
	float old;                      /* RESIDUAL */
	float cos, sin;                 /* QKV */
	int pos;
};

static __device__ __forceinline__ int
my_row(int2 row)
{
	return threadIdx.x & 1 ? row.y : row.x;
}

template <int QUANT, int EPILOGUE>
static __device__ __forceinline__ struct needs
ask(const struct gemv_args &a, int task, int row)
{
	struct needs n = { 1, 0, 1, 0, 0 };

	if (QUANT != QUANT_BF16 && row < a.rows)
		n.scale = a.scale[row];
	if (EPILOGUE == RESIDUAL && row < a.rows)
		n.old = a.out[row];
	if (EPILOGUE == QKV) {
		int half = a.rope.head_dim / 2;

		n.pos = a.rope.state->pos;
		if (task < (a.rope.n_heads + a.rope.n_kv_heads) * half) {
			n.cos = a.rope.cos[(size_t)n.pos * half + task % half];
			n.sin = a.rope.sin[(size_t)n.pos * half + task % half];
		}
	}
	return n;
}

static __device__ __forceinline__ float
rounded(float v)
{
	return bf16_value(bf16_of(v));
}

/* Where a row of q, k or v goes. */
static __device__ __forceinline__ uint16_t *
place_of_row(const struct gemv_rope &r, int pos, int row)
{
	int k_from = r.n_heads * r.head_dim, v_from = k_from + r.n_kv_heads * r.head_dim;
	size_t cache = (size_t)pos * r.n_kv_heads * r.head_dim;

	if (row < k_from)
		return r.q + row;
	return row < v_from ? r.k + cache + (row - k_from) : r.v + cache + (row - v_from);
}

template <int QUANT, int EPILOGUE>
static __device__ __forceinline__ void
finish(const struct gemv_args &a, const struct needs &n, int task, int row, float low, float high)
{
	int lane = threadIdx.x & 31;
	float v = lane & 1 ? high : low, other;

	if (QUANT != QUANT_BF16)
		v *= n.scale * (QUANT == QUANT_FP8 ? E4M3_SCALE : 1.0f);
	other = __shfl_xor_sync(FULL, v, 1);
	if (lane > 1 || row >= a.rows)
		return;
	if (EPILOGUE == QKV) {
		v = rounded(v);
		other = rounded(other);
		*place_of_row(a.rope, n.pos, row) = bf16_of(lane ? v * n.cos + other * n.sin : v * n.cos - other * n.sin);
	} else if (EPILOGUE == SWIGLU) {
		v = rounded(v);
		if (lane == 0)
			a.h[task] = bf16_of(v / (1.0f + __expf(-v)) * rounded(other));
	} else {
		a.out[row] = EPILOGUE == RESIDUAL ? n.old + v : v;
	}
}

/* ---- the product */

/* 16 bytes of a row; zeros beyond the end, which are numbers whatever they stand for. */
static __device__ __forceinline__ uint4
piece(const struct gemv_args &a, int row, int i, int n_pieces)
{
	if (i < n_pieces && row < a.rows)
		return load_stream((const uint4 *)a.w + (size_t)row * n_pieces + i);
	return make_uint4(0, 0, 0, 0);
}

/* Two weights: of a word as bf16, or of its bytes 0 and 1, or 2 and 3. */
template <int QUANT, int HIGH>
static __device__ __forceinline__ float2
weights_of(uint32_t word)
{
	if (QUANT == QUANT_BF16)
		return make_float2(bf16_low(word), bf16_high(word));
	if (QUANT == QUANT_FP8) {
		uint32_t two = e4m3_pair<HIGH>(word);

		return __half22float2(*(__half2 *)&two);
	}
	/* 2^23 + 128 + q */
	return make_float2(__uint_as_float(__byte_perm(word, 0x4b000000u, HIGH ? 0x7442 : 0x7440)) - 8388736.0f,
	    __uint_as_float(__byte_perm(word, 0x4b000000u, HIGH ? 0x7443 : 0x7441)) - 8388736.0f);
}

static __device__ __forceinline__ float
dot2(float2 w, uint32_t x, float sum)
{
	return fmaf(w.y, bf16_high(x), fmaf(w.x, bf16_low(x), sum));
}

/* Eight weights of two words of bytes. */
template <int QUANT>
static __device__ __forceinline__ float
dot_bytes(uint32_t first, uint32_t second, uint4 x, float sum)
{
	sum = dot2(weights_of<QUANT, 0>(first), x.x, sum);
	sum = dot2(weights_of<QUANT, 1>(first), x.y, sum);
	sum = dot2(weights_of<QUANT, 0>(second), x.z, sum);
	return dot2(weights_of<QUANT, 1>(second), x.w, sum);
}

/* Piece i of both rows. */
template <int QUANT>
static __device__ __forceinline__ void
multiply(float2 &sum, uint4 low, uint4 high, const uint4 *xs, int i)
{
	if (QUANT == QUANT_BF16) {
		uint4 x = xs[i];
		const uint32_t xw[4] = { x.x, x.y, x.z, x.w };
		const uint32_t lw[4] = { low.x, low.y, low.z, low.w }, hw[4] = { high.x, high.y, high.z, high.w };

#pragma unroll
		for (int k = 0; k < 4; k++) {
			sum.x = dot2(weights_of<QUANT, 0>(lw[k]), xw[k], sum.x);
			sum.y = dot2(weights_of<QUANT, 0>(hw[k]), xw[k], sum.y);
		}
		return;
	}
	xs += word_of<QUANT>(2 * i);
	sum.x = dot_bytes<QUANT>(low.x, low.y, xs[0], sum.x);
	sum.y = dot_bytes<QUANT>(high.x, high.y, xs[0], sum.y);
	sum.x = dot_bytes<QUANT>(low.z, low.w, xs[32], sum.x);
	sum.y = dot_bytes<QUANT>(high.z, high.w, xs[32], sum.y);
}

/* In a round block b takes tasks that follow one another, so that a multiprocessor's rows share pages of memory. */
template <int QUANT, int EPILOGUE, int WARPS, int FLIGHT>
static __global__ void __launch_bounds__(WARPS * 32, BLOCKS_AN_SM)
gemv_kernel(const __grid_constant__ struct gemv_args a)
{
	constexpr bool NORM = EPILOGUE != RESIDUAL;
	extern __shared__ uint4 xs[];
	__shared__ float room[32];
	float4 *kept = (float4 *)(xs + words_of(QUANT, a.cols));
	int lane = threadIdx.x & 31, step = gridDim.x * WARPS, n_pieces = a.cols / piece_cols(QUANT);
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
		normalise<QUANT>(a, xs, kept, room);
	else
		copy_in<QUANT>(a, xs);
	__syncthreads();
	while (task < a.n_tasks) {
		struct needs n = ask<QUANT, EPILOGUE>(a, task, my_row(row));
		int next = task + step;
		int2 next_row = rows_of<EPILOGUE>(a, next);
		float2 sum = make_float2(0, 0);

		for (int i = lane; i - lane < n_pieces; i += 32 * FLIGHT) {
			bool more = i - lane + 32 * FLIGHT < n_pieces;
			int2 from = more ? row : next_row;
			int at = more ? i + 32 * FLIGHT : lane;
			bool there = more || next < a.n_tasks;
#pragma unroll
			for (int u = 0; u < FLIGHT; u++) {
				if (i + u * 32 < n_pieces)
					multiply<QUANT>(sum, low[u], high[u], xs, i + u * 32);
				if (there) {
					low[u] = piece(a, from.x, at + u * 32, n_pieces);
					high[u] = piece(a, from.y, at + u * 32, n_pieces);
				}
			}
		}
		sum.x = warp_sum(sum.x);
		sum.y = warp_sum(sum.y);
		finish<QUANT, EPILOGUE>(a, n, task, my_row(row), sum.x, sum.y);
		task = next;
		row = next_row;
	}
}

template <int QUANT>
static __device__ __forceinline__ float
weight_at(const struct gemv_args &a, int row, int i)
{
	size_t at = (size_t)row * a.cols + i;

	if (row >= a.rows)
		return 0;
	if (QUANT == QUANT_BF16)
		return bf16_value(((const uint16_t *)a.w)[at]);
	return weights_of<QUANT, 0>(((const uint8_t *)a.w)[at]).x;
}

/* Rows that do not begin on 16 bytes: value by value. */
template <int QUANT, int EPILOGUE>
static __global__ void __launch_bounds__(ODD_WARPS * 32)
gemv_odd_kernel(const __grid_constant__ struct gemv_args a)
{
	extern __shared__ uint4 words[];
	__shared__ float room[32];
	uint16_t *xs = (uint16_t *)words;
	int lane = threadIdx.x & 31, step = gridDim.x * ODD_WARPS;

	wait_for_previous();
	if (EPILOGUE != RESIDUAL)
		normalise_odd(a, xs, room);
	else
		for (int i = threadIdx.x; i < a.cols; i += ODD_WARPS * 32)
			xs[i] = a.in[i];
	__syncthreads();
	for (int task = blockIdx.x * ODD_WARPS + (threadIdx.x >> 5); task < a.n_tasks; task += step) {
		int2 row = rows_of<EPILOGUE>(a, task);
		struct needs n = ask<QUANT, EPILOGUE>(a, task, my_row(row));
		float low = 0, high = 0;

		for (int i = lane; i < a.cols; i += 32) {
			float x = bf16_value(xs[i]);

			low = fmaf(weight_at<QUANT>(a, row.x, i), x, low);
			high = fmaf(weight_at<QUANT>(a, row.y, i), x, high);
		}
		low = warp_sum(low);
		high = warp_sum(high);
		finish<QUANT, EPILOGUE>(a, n, task, my_row(row), low, high);
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

static void
start(cudaStream_t s, const struct gemv *g, const struct gemv_args &a, void (*kernel)(struct gemv_args), int warps,
    size_t shared)
{
	int grid = ceil_div(a.n_tasks, rounds_of(a.n_tasks, g->n_sm, warps) * warps);

	if (shared > 40 << 10)
		cudaFuncSetAttribute((const void *)kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)shared);
	launch(kernel, dim3((unsigned)grid), dim3((unsigned)warps * 32), shared, s, g->chained, a);
}

template <int QUANT, int EPILOGUE, int WARPS, int FLIGHT>
static void
run_shape(cudaStream_t s, const struct gemv *g, const struct gemv_args &a)
{
	size_t shared = (size_t)words_of(QUANT, a.cols) * 16 + (EPILOGUE == RESIDUAL ? 0 : (size_t)a.cols * sizeof(float));

	start(s, g, a, gemv_kernel<QUANT, EPILOGUE, WARPS, FLIGHT>, WARPS, shared);
}

template <int QUANT, int EPILOGUE>
static void
run_quant(cudaStream_t s, const struct gemv *g, const struct gemv_args &a)
{
	int warps = warps_for(a.n_tasks, g->n_sm);

	if (a.cols % piece_cols(QUANT))
		start(s, g, a, gemv_odd_kernel<QUANT, EPILOGUE>, ODD_WARPS, (size_t)a.cols * sizeof(uint16_t));
	else if (warps == 14)
		run_shape<QUANT, EPILOGUE, 14, 4>(s, g, a);
	else if (warps == 16)
		run_shape<QUANT, EPILOGUE, 16, 4>(s, g, a);
	else
		run_shape<QUANT, EPILOGUE, 18, QUANT == QUANT_BF16 ? 4 : 2>(s, g, a);
}

template <int EPILOGUE>
static void
run(cudaStream_t s, const struct gemv *g, const struct gemv_args &a)
{
	if (g->w->quant == QUANT_BF16)
		run_quant<QUANT_BF16, EPILOGUE>(s, g, a);
	else if (g->w->quant == QUANT_FP8)
		run_quant<QUANT_FP8, EPILOGUE>(s, g, a);
	else
		run_quant<QUANT_INT8, EPILOGUE>(s, g, a);
}

static struct gemv_args
args_of(const struct gemv *g, int n_tasks)
{
	struct gemv_args a = {};

	a.w = g->w->at;
	a.scale = (const float *)g->w->scale;
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

	assert(g->w->rows == (r->n_heads + 2 * r->n_kv_heads) * r->head_dim);
	if (g->w->quant == QUANT_INT4) {
		cuda_packed_qkv(s, g, r);
		return;
	}
	a.rope = *r;
	run<QKV>(s, g, a);
}

extern "C" void
cuda_gemv_residual(cudaStream_t s, const struct gemv *g, float *x_out)
{
	struct gemv_args a = args_of(g, (g->w->rows + 1) / 2);

	if (g->w->quant == QUANT_INT4) {
		cuda_packed_residual(s, g, x_out);
		return;
	}
	a.out = x_out;
	run<RESIDUAL>(s, g, a);
}

extern "C" void
cuda_gemv_swiglu(cudaStream_t s, const struct gemv *g, uint16_t *h)
{
	struct gemv_args a = args_of(g, g->w->rows / 2);

	if (g->w->quant == QUANT_INT4) {
		cuda_packed_swiglu(s, g, h);
		return;
	}
	a.h = h;
	run<SWIGLU>(s, g, a);
}

extern "C" void
cuda_gemv_plain(cudaStream_t s, const struct gemv *g, float *out)
{
	struct gemv_args a = args_of(g, (g->w->rows + 1) / 2);

	if (g->w->quant == QUANT_INT4) {
		cuda_packed_plain(s, g, out);
		return;
	}
	a.out = out;
	run<PLAIN>(s, g, a);
}
