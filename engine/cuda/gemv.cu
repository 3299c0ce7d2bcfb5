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
 * Matrices of 4 bits go to gemv_packed.cu.
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
	return quant == QUANT_BF16 ? (cols + 255) / 256 * 32 : (cols + 511) / 512 * 64;
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

/* Two values as the weights meet them: bf16, or that as fp16 times factor. */
template <int QUANT>
static __device__ __forceinline__ uint32_t
operand(float low, float high, float factor)
{
	uint32_t two = bf16_pair(low, high);
	__half2 h;

	if (QUANT == QUANT_BF16)
		return two;
	h = __floats2half2_rn(bf16_low(two) * factor, bf16_high(two) * factor);
	return *(uint32_t *)&h;
}

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

		sum += x.x * x.x + x.y * x.y + x.z * x.z + x.w * x.w;
		w = make_float4(w.x * x.x, w.y * x.y, w.z * x.z, w.w * x.w);
		if (QUANT != QUANT_BF16)
			most = fmaxf(fmaxf(fmaxf(most, fabsf(w.x)), fmaxf(fabsf(w.y), fabsf(w.z))), fabsf(w.w));
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

static __device__ __forceinline__ float
largest_of(uint4 v)
{
	const uint32_t two[4] = { v.x, v.y, v.z, v.w };
	float most = 0;

#pragma unroll
	for (int i = 0; i < 4; i++)
		most = fmaxf(most, fmaxf(fabsf(bf16_low(two[i])), fabsf(bf16_high(two[i]))));
	return most;
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
		uint4 *at = xs + word_of<QUANT_INT8>(c), v = *at;

		*at = make_uint4(operand<QUANT_INT8>(bf16_low(v.x), bf16_high(v.x), factor),
		    operand<QUANT_INT8>(bf16_low(v.y), bf16_high(v.y), factor),
		    operand<QUANT_INT8>(bf16_low(v.z), bf16_high(v.z), factor),
		    operand<QUANT_INT8>(bf16_low(v.w), bf16_high(v.w), factor));
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

template <int QUANT, int EPILOGUE>
static __device__ __forceinline__ void
finish(const struct gemv_args &a, const struct needs &n, int task, int row, float low, float high, float back)
{
	int lane = threadIdx.x & 31;
	float v = lane & 1 ? high : low, other;

	if (QUANT != QUANT_BF16)
		v *= back * n.scale * (QUANT == QUANT_FP8 ? E4M3_SCALE : 1.0f);
	other = __shfl_xor_sync(FULL, v, 1);
	if (lane > 1 || row >= a.rows)
		return;
	if (EPILOGUE == QKV) {
		v = rounded(v);
		other = rounded(other);
		*place_in_step(a.rope, n.pos, row) = bf16_of(lane ? v * n.cos + other * n.sin : v * n.cos - other * n.sin);
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

/* Four weights, two a word, as the tensor cores take them. */
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

static __device__ __forceinline__ float
dot2(uint32_t w, uint32_t x, float sum)
{
	return fmaf(bf16_high(w), bf16_high(x), fmaf(bf16_low(w), bf16_low(x), sum));
}

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
	uint4 x = xs[word_of<QUANT>(2 * i)], y = xs[word_of<QUANT>(2 * i + 1)];

	mma(sum, halves_of<QUANT>(low.x), halves_of<QUANT>(high.x), x.x, x.y);
	mma(sum, halves_of<QUANT>(low.y), halves_of<QUANT>(high.y), x.z, x.w);
	mma(sum, halves_of<QUANT>(low.z), halves_of<QUANT>(high.z), y.x, y.y);
	mma(sum, halves_of<QUANT>(low.w), halves_of<QUANT>(high.w), y.z, y.w);
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
		struct needs n = ask<QUANT, EPILOGUE>(a, task, my_row(row));
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
		struct needs n = ask<QUANT, EPILOGUE>(a, task, my_row(row));
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
