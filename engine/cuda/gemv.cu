/* gemv.cu: one row times a matrix, with the norm before it and what follows it: a step of decoding is made of these.
 *
 * w [rows, cols] row-major, bf16 or a byte a weight (packed.cuh says which), read once: 2 or 1 rows cols bytes, 2 rows
 * cols operations; bound by the card's reading. A warp takes two rows that belong together (the halves of a head for
 * RoPE, gate and up for SwiGLU) and keeps FLIGHT 16-byte loads a lane and row requested, across rows. The vector lies in
 * shared memory: every block normalises it anew (it comes from the L2), after it has asked for its first weights, which
 * depend on nothing.
 * Bytes: unpacking and multiplying them one by one takes as long as reading them, so the tensor cores multiply: a lane's
 * pieces of both rows are rows g and g + 8 of A (mma.m16n8k16, fp16), its piece of x is column g of B, and of what comes
 * out the diagonal counts, an eighth of the sum for every four lanes. No weight changes its place for that. x is rounded
 * to bfloat16, then written as fp16 times a power of two that brings its largest to 2^13 … 2^14: exact for all that is
 * not 2^30 smaller. bf16 weights keep to the plain units, which are in time for them (measured: 2 % ahead).
 * Sums: float32 of exact products, in a fixed order, so results repeat; the scale of a row comes last. Rounded where the
 * products of many rows round (q, k, v, gate, up to bfloat16 first), so that a token decoded and a token prefilled agree.
 * Matrices of 4 bits go to gemv_packed.cu, a few rows at once to gemv_rows.cu.
 */
#include <assert.h>

#include "engine/cuda/gemv.cuh"

#define ODD_WARPS 16

/* ---- before: the vector into shared memory, in chunks of 8. A thread meets its own values only until the last barrier */

/* xs = w x / rms(x), by way of kept = w x; cols is a multiple of 8. Returns what sums must be multiplied by. */
template <int QUANT>
static __device__ __forceinline__ float
normalise(const struct gemv_args &a, uint4 *xs, float4 *kept, float2 *room)
{
	int n = a.cols / 4, e;
	float sum = 0, most = 0, scale, factor;
	float2 both;

#pragma unroll 4
	for (int i = threadIdx.x; i < n; i += (int)blockDim.x) {
		float4 x = ((const float4 *)a.x)[i], w = kept[i];

		sum += squares(x);
		w = times(w, x);
		if (QUANT != QUANT_BF16)
			most = largest_of(most, w);
		kept[i] = w;
	}
	both = block_sum_max(sum, most, room);
	scale = rsqrtf(both.x / (float)a.cols + a.eps);
	e = exponent_of(both.y * scale);
	factor = power_of_two(13 - e);
	for (int i = threadIdx.x; i < n; i += (int)blockDim.x) {
		float4 v = kept[i];
		uint2 *to = (uint2 *)(xs + word_of<QUANT>(i / 2)) + i % 2;

		*to = make_uint2(operand<QUANT>(v.x * scale, v.y * scale, factor), operand<QUANT>(v.z * scale, v.w * scale, factor));
	}
	return power_of_two(e - 13);
}

/* xs = in, bf16: without a register on the way, so that all of it is under way at once. cols is a multiple of 8. */
static __device__ __forceinline__ void
copy_in(const struct gemv_args &a, uint4 *xs)
{
	for (int c = threadIdx.x; c < a.cols / 8; c += (int)blockDim.x)
		asm volatile("cp.async.cg.shared.global [%0], [%1], 16;"
		    :: "r"((uint32_t)__cvta_generic_to_shared(xs + c)), "l"((const uint4 *)a.in + c) : "memory");
	asm volatile("cp.async.wait_all;" ::: "memory");
}

/* The same as fp16 by the largest of them. */
static __device__ __forceinline__ float
widen_in(const struct gemv_args &a, uint4 *xs, float2 *room)
{
	float most = 0, factor;
	int e;

#pragma unroll 4
	for (int c = threadIdx.x; c < a.cols / 8; c += (int)blockDim.x) {
		uint4 v = ((const uint4 *)a.in)[c];

		most = fmaxf(most, largest_of(v));
		xs[word_of<QUANT_INT8>(c)] = v;
	}
	e = exponent_of(block_sum_max(0, most, room).y);
	factor = power_of_two(13 - e);
	for (int c = threadIdx.x; c < a.cols / 8; c += (int)blockDim.x) {
		uint4 *at = xs + word_of<QUANT_INT8>(c);

		*at = widened(*at, factor);
	}
	return power_of_two(e - 13);
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

/* ---- after: lane 0 has the sum of the first row, lane 1 that of the second, the other lanes look on */

static __device__ __forceinline__ int
my_row(int2 row)
{
	return threadIdx.x & 1 ? row.y : row.x;
}

template <int QUANT, int EPILOGUE>
static __device__ __forceinline__ void
finish(const struct gemv_args &a, const struct needs &n, int task, int row, float low, float high, float back)
{
	int lane = threadIdx.x & 31;
	float v = scaled<QUANT>(lane & 1 ? high : low, back, n.scale), other = __shfl_xor_sync(FULL, v, 1);

	if (lane > 1 || row >= a.rows)
		return;
	put<EPILOGUE>(a, n, 0, task, row, lane, v, other);
}

/* ---- the product */

/* Piece i of both rows. */
template <int QUANT>
static __device__ __forceinline__ void
multiply(float sum[4], uint4 low, uint4 high, const uint4 *xs, int i)
{
	if (QUANT == QUANT_BF16) {
		uint4 x = xs[i];

		sum[0] = dot2(low.w, x.w, dot2(low.z, x.z, dot2(low.y, x.y, dot2(low.x, x.x, sum[0]))));
		sum[2] = dot2(high.w, x.w, dot2(high.z, x.z, dot2(high.y, x.y, dot2(high.x, x.x, sum[2]))));
		return;
	}
	multiply_bytes<QUANT>(sum, low, high, xs[word_of<QUANT>(2 * i)], xs[word_of<QUANT>(2 * i + 1)]);
}

/* The lane's sums of both rows. Lane 4 g + t has two numbers of the diagonal: of rows g and g + 8, column g. */
template <int QUANT>
static __device__ __forceinline__ float2
own_sums(const float sum[4])
{
	if (QUANT == QUANT_BF16)
		return make_float2(sum[0], sum[2]);
	int lane = threadIdx.x & 31, g = lane >> 2;
	bool mine = (lane & 3) == g >> 1;

	return make_float2(mine ? g & 1 ? sum[1] : sum[0] : 0.0f, mine ? g & 1 ? sum[3] : sum[2] : 0.0f);
}

/* In a round block b takes tasks that follow one another, so that a multiprocessor's rows share pages of memory. */
template <int QUANT, int EPILOGUE, int WARPS, int FLIGHT>
static __global__ void __launch_bounds__(WARPS * 32, BLOCKS_AN_SM)
gemv_kernel(const __grid_constant__ struct gemv_args a)
{
	constexpr bool NORM = EPILOGUE != RESIDUAL;
	extern __shared__ uint4 xs[];
	__shared__ float2 room[32];
	float4 *kept = (float4 *)(xs + words_of(QUANT, a.cols));
	float back = 1;
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
	for (int c = a.cols / 8 + threadIdx.x; c < words_of(QUANT, a.cols); c += WARPS * 32)
		xs[word_of<QUANT>(c)] = make_uint4(0, 0, 0, 0);
	wait_for_previous();
	if (NORM)
		back = normalise<QUANT>(a, xs, kept, room);
	else if (QUANT == QUANT_BF16)
		copy_in(a, xs);
	else
		back = widen_in(a, xs, room);
	__syncthreads();
	while (task < a.n_tasks) {
		struct needs n = ask<QUANT, EPILOGUE>(a, 0, task, my_row(row));
		int next = task + step;
		int2 next_row = rows_of<EPILOGUE>(a, next);
		float sums[4] = {};
		float2 sum;

		for (int i = lane; i - lane < n_pieces; i += 32 * FLIGHT) {
			bool more = i - lane + 32 * FLIGHT < n_pieces;
			int2 from = more ? row : next_row;
			int at = more ? i + 32 * FLIGHT : lane;
			bool there = more || next < a.n_tasks;
#pragma unroll
			for (int u = 0; u < FLIGHT; u++) {
				if (i - lane + u * 32 < n_pieces)
					multiply<QUANT>(sums, low[u], high[u], xs, i + u * 32);
				if (there) {
					low[u] = piece(a, from.x, at + u * 32, n_pieces);
					high[u] = piece(a, from.y, at + u * 32, n_pieces);
				}
			}
		}
		sum = own_sums<QUANT>(sums);
		sum.x = warp_sum(sum.x);
		sum.y = warp_sum(sum.y);
		finish<QUANT, EPILOGUE>(a, n, task, my_row(row), sum.x, sum.y, back);
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
	uint32_t byte = ((const uint8_t *)a.w)[at];

	if (QUANT == QUANT_INT8)
		return (float)byte - 128.0f;
	byte = e4m3_pair<0>(byte);
	return __low2float(*(__half2 *)&byte);
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
		struct needs n = ask<QUANT, EPILOGUE>(a, 0, task, my_row(row));
		float low = 0, high = 0;

		for (int i = lane; i < a.cols; i += 32) {
			float x = bf16_value(xs[i]);

			low = fmaf(weight_at<QUANT>(a, row.x, i), x, low);
			high = fmaf(weight_at<QUANT>(a, row.y, i), x, high);
		}
		low = warp_sum(low);
		high = warp_sum(high);
		finish<QUANT, EPILOGUE>(a, n, task, my_row(row), low, high, 1);
	}
}

/* ---- launchers */

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

/* Row at of g, and as many of those behind it as one launch takes. */
static struct gemv
part_of(const struct gemv *g, int at)
{
	struct gemv p = *g;
	size_t cols = (size_t)g->w->cols;

	p.n = g->n - at;
	p.n = p.n == 1 ? 1 : g->w->quant == QUANT_INT4 ? cuda_packed_at_once(&p) : cuda_rows_at_once(&p);
	p.x = g->x ? g->x + (size_t)at * cols : NULL;
	p.in = g->in ? g->in + (size_t)at * pitch_of_rows(g->w->cols) : NULL;
	return p;
}

/* Where that goes which comes of row at and of those behind it. */
static struct gemv_to
to_of(const struct gemv *g, const struct gemv_to *to, int at)
{
	struct gemv_to t = *to;

	if (t.out)
		t.out += (size_t)at * (size_t)g->w->rows;
	if (t.h)
		t.h += (size_t)at * pitch_of_rows(g->w->rows / 2);
	if (t.rope.q) {
		t.rope.q += (size_t)at * (size_t)(t.rope.n_heads * t.rope.head_dim);
		t.rope.state += at;
	}
	return t;
}

/* All rows of g, by the kernel for weights of 4 bits, for a few rows, or for one. */
template <enum epilogue EPILOGUE>
static void
run_rows(cudaStream_t s, const struct gemv *g, const struct gemv_to &to)
{
	struct gemv p;

	for (int at = 0; at < g->n; at += p.n) {
		struct gemv_to there = to_of(g, &to, at);

		p = part_of(g, at);
		if (g->w->quant == QUANT_INT4)
			cuda_gemv_packed(s, &p, EPILOGUE, &there);
		else if (p.n > 1)
			cuda_gemv_rows(s, &p, EPILOGUE, &there);
		else
			run<EPILOGUE>(s, &p, args_of(&p, &there));
	}
}

extern "C" void
cuda_gemv_qkv(cudaStream_t s, const struct gemv *g, const struct gemv_rope *r)
{
	assert(g->w->rows == (r->n_heads + 2 * r->n_kv_heads) * r->head_dim);
	run_rows<QKV>(s, g, { NULL, NULL, *r });
}

extern "C" void
cuda_gemv_residual(cudaStream_t s, const struct gemv *g, float *x_out)
{
	run_rows<RESIDUAL>(s, g, { x_out, NULL, {} });
}

extern "C" void
cuda_gemv_swiglu(cudaStream_t s, const struct gemv *g, uint16_t *h)
{
	run_rows<SWIGLU>(s, g, { NULL, h, {} });
}

extern "C" void
cuda_gemv_plain(cudaStream_t s, const struct gemv *g, float *out)
{
	run_rows<PLAIN>(s, g, { out, NULL, {} });
}
