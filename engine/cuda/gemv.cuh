/* gemv.cuh: what the products of one row (gemv.cu) and of a few (gemv_rows.cu) have in common. Nothing of it knows how many
 * threads a block has: what a row's numbers become must not hang on the company they are in.
 *
 * Arithmetic that a compiler may contract in more than one way is written with the functions that it must not touch.
 */
#ifndef ENGINE_CUDA_GEMV_CUH
#define ENGINE_CUDA_GEMV_CUH

#include "engine/cuda/packed.cuh"

#define BLOCKS_AN_SM 2          /* of the kernel of one row */

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

/* ---- the vector, in chunks of 8 */

/* The norm's weights, which depend on no kernel before. */
static __device__ __forceinline__ void
keep_norm(const struct gemv_args &a, float4 *kept)
{
	for (int i = threadIdx.x; i < a.cols / 4; i += (int)blockDim.x)
		kept[i] = ((const float4 *)a.norm)[i];
}

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

static __device__ __forceinline__ float
squares(float4 v)
{
	return fmaf(v.w, v.w, fmaf(v.z, v.z, fmaf(v.x, v.x, __fmul_rn(v.y, v.y))));
}

static __device__ __forceinline__ float4
times(float4 a, float4 b)
{
	return make_float4(a.x * b.x, a.y * b.y, a.z * b.z, a.w * b.w);
}

static __device__ __forceinline__ float
largest_of(float most, float4 v)
{
	return fmaxf(fmaxf(fmaxf(most, fabsf(v.x)), fmaxf(fabsf(v.y), fabsf(v.z))), fabsf(v.w));
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

/* Eight bf16 as fp16 times factor. */
static __device__ __forceinline__ uint4
widened(uint4 v, float factor)
{
	return make_uint4(operand<QUANT_INT8>(bf16_low(v.x), bf16_high(v.x), factor),
	    operand<QUANT_INT8>(bf16_low(v.y), bf16_high(v.y), factor),
	    operand<QUANT_INT8>(bf16_low(v.z), bf16_high(v.z), factor),
	    operand<QUANT_INT8>(bf16_low(v.w), bf16_high(v.w), factor));
}

/* ---- after: what becomes of the sums of a pair of rows of w; which: 0 the first of the pair, 1 the second. t: the row of
 * the step. */

/* What finishing needs from memory, asked for when the task begins. */
struct needs {
	float scale;
	float old;                      /* RESIDUAL */
	float cos, sin;                 /* QKV */
	int pos;
};

template <int QUANT, int EPILOGUE>
static __device__ __forceinline__ struct needs
ask(const struct gemv_args &a, int t, int task, int row)
{
	struct needs n = { 1, 0, 1, 0, 0 };

	if (QUANT != QUANT_BF16 && row < a.rows)
		n.scale = a.scale[row];
	if (EPILOGUE == RESIDUAL && row < a.rows)
		n.old = a.out[(size_t)t * a.rows + row];
	if (EPILOGUE == QKV) {
		int half = a.rope.head_dim / 2;

		n.pos = a.rope.state[t].pos;
		if (task < (a.rope.n_heads + a.rope.n_kv_heads) * half) {
			n.cos = a.rope.cos[(size_t)n.pos * half + task % half];
			n.sin = a.rope.sin[(size_t)n.pos * half + task % half];
		}
	}
	return n;
}

/* A sum of bytes and of fp16 as what it stands for. */
template <int QUANT>
static __device__ __forceinline__ float
scaled(float v, float back, float scale)
{
	return QUANT == QUANT_BF16 ? v : v * (back * scale * (QUANT == QUANT_FP8 ? E4M3_SCALE : 1.0f));
}

/* v is the product with `row`, other that with its partner. */
template <int EPILOGUE>
static __device__ __forceinline__ void
put(const struct gemv_args &a, const struct needs &n, int t, int task, int row, int which, float v, float other)
{
	if (EPILOGUE == QKV) {
		float turned = __fmul_rn(rounded(other), n.sin);

		*place_in_step(a.rope, t, n.pos, row) = bf16_of(fmaf(rounded(v), n.cos, which ? turned : -turned));
	} else if (EPILOGUE == SWIGLU) {
		v = rounded(v);
		if (which == 0)
			a.h[t * pitch_of_rows(a.rows / 2) + task] = bf16_of(v / (1.0f + __expf(-v)) * rounded(other));
	} else {
		a.out[(size_t)t * a.rows + row] = EPILOGUE == RESIDUAL ? __fadd_rn(n.old, v) : v;
	}
}

/* ---- the weights */

/* 16 bytes of a row; zeros beyond the end, which are numbers whatever they stand for. */
static __device__ __forceinline__ uint4
piece(const struct gemv_args &a, int row, int i, int n_pieces)
{
	if (i < n_pieces && row < a.rows)
		return load_stream((const uint4 *)a.w + (size_t)row * n_pieces + i);
	return make_uint4(0, 0, 0, 0);
}

/* Four mma over a piece of two rows and 16 numbers of x. */
template <int QUANT>
static __device__ __forceinline__ void
multiply_bytes(float sum[4], uint4 low, uint4 high, uint4 x, uint4 y)
{
	mma(sum, halves_of<QUANT>(low.x), halves_of<QUANT>(high.x), x.x, x.y);
	mma(sum, halves_of<QUANT>(low.y), halves_of<QUANT>(high.y), x.z, x.w);
	mma(sum, halves_of<QUANT>(low.z), halves_of<QUANT>(high.z), y.x, y.y);
	mma(sum, halves_of<QUANT>(low.w), halves_of<QUANT>(high.w), y.z, y.w);
}

static __device__ __forceinline__ float
dot2(uint32_t w, uint32_t x, float sum)
{
	return fmaf(bf16_high(w), bf16_high(x), fmaf(bf16_low(w), bf16_low(x), sum));
}

/* ---- launching */

/* Rounds of blocks that all fit on the card at once. */
static int
rounds_of(int n_tasks, int n_sm, int warps)
{
	return ceil_div(n_tasks, (long long)n_sm * BLOCKS_AN_SM * warps);
}

/* The warps a block of the kernel of one row with which the last round leaves the least of the card idle. */
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

static struct gemv_args
args_of(const struct gemv *g, const struct gemv_to *to)
{
	struct gemv_args a = {};

	a.w = g->w->at;
	a.scale = (const float *)g->w->scale;
	a.norm = g->norm;
	a.x = g->x;
	a.in = g->in;
	a.eps = g->eps;
	a.n_tasks = (g->w->rows + 1) / 2;
	a.rows = g->w->rows;
	a.cols = g->w->cols;
	a.out = to->out;
	a.h = to->h;
	a.rope = to->rope;
	return a;
}

/* gemv_rows.cu: 2 … as many rows as fit at once; not for INT4. */
extern "C" void
cuda_gemv_rows(cudaStream_t s, const struct gemv *g, enum epilogue what, const struct gemv_to *to);
/* How many rows of g->n that is; 1: only gemv.cu can. */
extern "C" int
cuda_rows_at_once(const struct gemv *g);

#endif
