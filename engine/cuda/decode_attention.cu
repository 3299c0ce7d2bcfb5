/* decode_attention.cu: softmax(q kᵀ / √D) v for one row of a step or a few, keys split over blocks.
 *
 * A block takes one kv head and one slice of the keys; the query heads of the group (up to 8 at a time) share every key
 * and value that it reads. 8 lanes hold a key, 4 keys a warp; then 16 threads hold a row of the values, every sixteenth
 * row of the slice. A slice leaves maximum, sum and unnormalised output in float32; the last block of a head to
 * finish joins them, slices in order. How many slices there are depends on the number of keys alone, so results repeat;
 * blocks beyond it leave at once, so one recorded launch serves every length. Several rows have their own blocks, each row
 * as if it were alone. Reads 4 keys D bytes a kv head; bound by latency at short contexts, by memory at long ones.
 */
#include "engine/cuda/common.cuh"

#define THREADS 256
#define WARPS (THREADS / 32)
#define HEADS 8                 /* query heads a block takes at most */
#define MIN_SLICE 32            /* keys */
#define MAX_DIM 256

struct step_attention {
	uint16_t *out;
	const uint16_t *q, *k, *v;
	const struct step_state *state;
	float *partial;
	unsigned *counters;             /* a row and kv head and block of heads each */
	int n_heads, n_kv_heads, head_dim;
	float scale;
};

static __device__ __forceinline__ int
n_slices_of(int n_keys)
{
	return min(DECODE_SPLITS, (n_keys + MIN_SLICE - 1) / MIN_SLICE);
}

/* How many of a row's keys a slice has, from which on. */
__device__ __forceinline__ int
keys_of(int n_keys, int n_slices, int slice, int *begin)
{
	int each = (n_keys + n_slices - 1) / n_slices;

	*begin = slice * each;
	return slice < n_slices ? max(0, min(each, n_keys - *begin)) : 0;
}

/* partial of a row: outputs [heads][DECODE_SPLITS][pitch of D], then maximum and sum [heads][DECODE_SPLITS][2] */
static __host__ __device__ __forceinline__ int
pitch_of(int head_dim)
{
	return (head_dim + 7) / 8 * 8;
}

/* Eight values of a row from d on; beyond the end: zeros. */
__device__ __forceinline__ void
load8(float out[8], const uint16_t *row, int d, int dim)
{
	if (dim % 8 == 0) {
		uint4 v = *(const uint4 *)(row + d);
		const uint32_t vs[4] = { v.x, v.y, v.z, v.w };

#pragma unroll
		for (int i = 0; i < 4; i++) {
			out[2 * i] = bf16_low(vs[i]);
			out[2 * i + 1] = bf16_high(vs[i]);
		}
		return;
	}
#pragma unroll
	for (int i = 0; i < 8; i++)
		out[i] = d + i < dim ? bf16_value(row[d + i]) : 0.0f;
}

/* Calls a slice's rows into the L2: they were written by steps before this one, so nothing has to be waited for. */
__device__ __forceinline__ void
call_rows(const uint16_t *rows, int n, size_t stride, int dim)
{
	int lines = (dim * 2 + 127) / 128;

	for (int i = threadIdx.x; i < n * lines; i += THREADS)
		asm volatile("prefetch.global.L2 [%0];" :: "l"(rows + (size_t)(i / lines) * stride + i % lines * 64));
}

/* The block's queries into shared memory as float32, zeros up to the pitch. */
__device__ __forceinline__ void
take_queries(const struct step_attention &a, float *q, const uint16_t *row, int first_head, int n_heads, int pitch)
{
	for (int i = threadIdx.x; i < n_heads * pitch; i += THREADS)
		q[i] = i % pitch < a.head_dim ? bf16_value(row[(size_t)(first_head + i / pitch) * a.head_dim + i % pitch]) : 0.0f;
}

/* scores[h][i] of the slice's keys i; q in shared memory [heads][pitch]. A thread has two keys in flight. */
__device__ __forceinline__ void
score(const struct step_attention &a, const float *q, int pitch, float *scores, int n_heads, const uint16_t *k, int n,
    size_t stride)
{
	int lane = threadIdx.x & 31, part = lane & 7, key = (threadIdx.x >> 5) * 4 + (lane >> 3);

	for (int base = 0; base < n; base += 2 * WARPS * 4) {
		int i = base + key, j = i + WARPS * 4;
		float sum[HEADS] = {}, other[HEADS] = {};

		for (int d = part * 8; d < a.head_dim; d += 64) {
			float x[8] = {}, y[8] = {};

			if (i < n)
				load8(x, k + (size_t)i * stride, d, a.head_dim);
			if (j < n)
				load8(y, k + (size_t)j * stride, d, a.head_dim);
#pragma unroll
			for (int h = 0; h < HEADS; h++)
				if (h < n_heads)
#pragma unroll
					for (int e = 0; e < 8; e++) {
						float f = q[h * pitch + d + e];

						sum[h] = fmaf(x[e], f, sum[h]);
						other[h] = fmaf(y[e], f, other[h]);
					}
		}
#pragma unroll
		for (int h = 0; h < HEADS; h++) {
#pragma unroll
			for (int mask = 4; mask; mask >>= 1) {
				sum[h] += __shfl_xor_sync(FULL, sum[h], mask);
				other[h] += __shfl_xor_sync(FULL, other[h], mask);
			}
			if (part == 0 && i < n && h < n_heads)
				scores[h * n + i] = sum[h] * a.scale;
			if (part == 0 && j < n && h < n_heads)
				scores[h * n + j] = other[h] * a.scale;
		}
	}
}

/* A warp a head: scores → exp(score - max); leaves max and sum. */
__device__ __forceinline__ void
soften(float *scores, int n_heads, int n, float *max_of, float *sum_of)
{
	int lane = threadIdx.x & 31, h = threadIdx.x >> 5;
	float m = -INFINITY, sum = 0;

	if (h >= n_heads)
		return;
	for (int i = lane; i < n; i += 32)
		m = fmaxf(m, scores[h * n + i]);
	for (int mask = 16; mask; mask >>= 1)
		m = fmaxf(m, __shfl_xor_sync(FULL, m, mask));
	for (int i = lane; i < n; i += 32) {
		float e = __expf(scores[h * n + i] - m);

		scores[h * n + i] = e;
		sum += e;
	}
	sum = warp_sum(sum);
	if (lane == 0) {
		max_of[h] = m;
		sum_of[h] = sum;
	}
}

/* The block's part of the sum over values: 16 threads a row, 8 columns each; then over the two rows of a warp. What is
 * left is a sum for every warp: gathered, shared memory [WARPS][HEADS][D]. */
__device__ __forceinline__ void
gather(const struct step_attention &a, const float *scores, float *gathered, int n_heads, const uint16_t *v, int n,
    size_t stride)
{
	int warp = threadIdx.x >> 5, lane = threadIdx.x & 31;

	for (int d = (lane & 15) * 8; d < (a.head_dim + 127) / 128 * 128; d += 128) {
		float sum[HEADS][8] = {};

#pragma unroll 4
		for (int i = threadIdx.x >> 4; i < n; i += THREADS / 16) {
			float x[8] = {};

			if (d < a.head_dim)
				load8(x, v + (size_t)i * stride, d, a.head_dim);
#pragma unroll
			for (int h = 0; h < HEADS; h++)
				if (h < n_heads) {
					float p = scores[h * n + i];

#pragma unroll
					for (int e = 0; e < 8; e++)
						sum[h][e] = fmaf(p, x[e], sum[h][e]);
				}
		}
#pragma unroll
		for (int h = 0; h < HEADS; h++)
#pragma unroll
			for (int e = 0; e < 8; e++) {
				float both = sum[h][e] + __shfl_xor_sync(FULL, sum[h][e], 16);

				if (lane < 16 && h < n_heads && d + e < a.head_dim)
					gathered[(warp * HEADS + h) * a.head_dim + d + e] = both;
			}
	}
}

/* A slice's outputs, warps in order, to where they are joined. */
__device__ __forceinline__ void
leave_outputs(const struct step_attention &a, const float *gathered, float *partial, int first_head, int n_heads, int slice,
    int pitch)
{
	for (int at = threadIdx.x; at < n_heads * a.head_dim; at += THREADS) {
		int h = at / a.head_dim, d = at % a.head_dim;
		float sum = 0;

#pragma unroll
		for (int w = 0; w < WARPS; w++)
			sum += gathered[(w * HEADS + h) * a.head_dim + d];
		partial[((size_t)(first_head + h) * DECODE_SPLITS + slice) * pitch + d] = sum;
	}
}

static __host__ __device__ __forceinline__ size_t
partial_of_row(int n_heads, int head_dim)
{
	return (size_t)n_heads * DECODE_SPLITS * (size_t)(pitch_of(head_dim) + 2);
}

/* What each slice's sum counts in the whole; a warp a head, a lane a slice. */
__device__ __forceinline__ void
weigh_slices(const float *stats, int first_head, int n_heads, int n_slices, float (*weights)[DECODE_SPLITS])
{
	int lane = threadIdx.x & 31, h = threadIdx.x >> 5;
	float2 one = make_float2(-INFINITY, 0);
	float m, weight, sum;

	if (h >= n_heads)
		return;
	if (lane < n_slices)
		one = __ldcg((const float2 *)stats + (size_t)(first_head + h) * DECODE_SPLITS + lane);
	m = one.x;
	for (int mask = 16; mask; mask >>= 1)
		m = fmaxf(m, __shfl_xor_sync(FULL, m, mask));
	weight = lane < n_slices ? __expf(one.x - m) : 0.0f;
	sum = warp_sum(weight * one.y);
	weights[h][lane] = weight / sum;
}

/* All slices of the block's heads, in order, into the output: four values a thread. */
__device__ __forceinline__ void
join_slices(const struct step_attention &a, const float *partial, uint16_t *out, int first_head, int n_heads, int n_slices,
    const float (*weights)[DECODE_SPLITS])
{
	int pitch = pitch_of(a.head_dim);

	for (int at = threadIdx.x; at < n_heads * (pitch / 4); at += THREADS) {
		int h = at / (pitch / 4), d = at % (pitch / 4) * 4;
		const float4 *p = (const float4 *)(partial + (size_t)(first_head + h) * DECODE_SPLITS * pitch + d);
		uint16_t *to = out + (size_t)(first_head + h) * a.head_dim + d;
		float sum[4] = {};

#pragma unroll 16
		for (int s = 0; s < n_slices; s++) {
			float4 v = __ldcg(p + (size_t)s * (pitch / 4));
			float w = weights[h][s];

			sum[0] = fmaf(w, v.x, sum[0]);
			sum[1] = fmaf(w, v.y, sum[1]);
			sum[2] = fmaf(w, v.z, sum[2]);
			sum[3] = fmaf(w, v.w, sum[3]);
		}
#pragma unroll
		for (int e = 0; e < 4; e++)
			if (d + e < a.head_dim)
				to[e] = bf16_of(sum[e]);
	}
}

static_assert(DECODE_SPLITS == 32 && HEADS <= WARPS, "weigh_slices has a lane a slice and a warp a head");

/* True in the last of n blocks to come here, which sees what the others have written. */
__device__ __forceinline__ bool
is_last(unsigned *counter, int n)
{
	__shared__ bool last;

	__threadfence();
	__syncthreads();
	if (threadIdx.x == 0)
		last = atomicAdd(counter, 1) == (unsigned)n - 1;
	__syncthreads();
	if (!last)
		return false;
	__threadfence();
	return true;
}

/* grid: slices of row after row, kv heads, blocks of HEADS query heads of a group */
__global__ void __launch_bounds__(THREADS)
step_attention_kernel(const __grid_constant__ struct step_attention a)
{
	extern __shared__ float shared[];
	__shared__ float max_of[HEADS], sum_of[HEADS], weights[HEADS][DECODE_SPLITS];
	int row = blockIdx.x / DECODE_SPLITS, slice = blockIdx.x % DECODE_SPLITS, width = a.n_heads * a.head_dim;
	float *partial = a.partial + row * partial_of_row(a.n_heads, a.head_dim);
	float *stats = partial + (size_t)a.n_heads * DECODE_SPLITS * pitch_of(a.head_dim);
	const uint16_t *q_row = a.q + (size_t)row * width;
	int group = a.n_heads / a.n_kv_heads, first = blockIdx.z * HEADS, n_heads = min(HEADS, group - first);
	int first_head = blockIdx.y * group + first, pitch = pitch_of(a.head_dim);
	size_t stride = (size_t)a.n_kv_heads * a.head_dim;
	int n_keys, n_slices, begin, n;
	float *q = shared, *gathered = q + HEADS * pitch, *scores = gathered + WARPS * HEADS * a.head_dim;
	const uint16_t *k = a.k, *v = a.v;
	unsigned *counter = a.counters + (row * gridDim.y + blockIdx.y) * gridDim.z + blockIdx.z;

	n_keys = a.state[row].pos + 1;  /* written before the step began */
	n_slices = n_slices_of(n_keys);
	n = keys_of(n_keys, n_slices, slice, &begin);
	k += begin * stride + (size_t)blockIdx.y * a.head_dim;
	v += begin * stride + (size_t)blockIdx.y * a.head_dim;
	call_rows(k, n, stride, a.head_dim);
	call_rows(v, n, stride, a.head_dim);
	wait_for_previous();
	if (slice >= n_slices)
		return;
	take_queries(a, q, q_row, first_head, n_heads, pitch);
	__syncthreads();
	score(a, q, pitch, scores, n_heads, k, n, stride);
	__syncthreads();
	soften(scores, n_heads, n, max_of, sum_of);
	__syncthreads();
	gather(a, scores, gathered, n_heads, v, n, stride);
	__syncthreads();
	leave_outputs(a, gathered, partial, first_head, n_heads, slice, pitch);
	for (int h = threadIdx.x; h < n_heads; h += THREADS) {
		float *p = stats + 2 * ((size_t)(first_head + h) * DECODE_SPLITS + slice);

		p[0] = max_of[h];
		p[1] = sum_of[h];
	}
	if (!is_last(counter, n_slices))
		return;
	weigh_slices(stats, first_head, n_heads, n_slices, weights);
	__syncthreads();
	join_slices(a, partial, a.out + row * pitch_of_rows(width), first_head, n_heads, n_slices, weights);
	if (threadIdx.x == 0)
		*counter = 0;
}

extern "C" size_t
cuda_decode_partial(int n_heads, int head_dim)
{
	return GEMV_ROWS * partial_of_row(n_heads, head_dim);
}

extern "C" void
cuda_decode_attention(cudaStream_t s, uint16_t *out, const uint16_t *q, const uint16_t *k, const uint16_t *v,
    const struct step_state *state, int n, float *partial, unsigned *counters, int n_heads, int n_kv_heads, int head_dim,
    int n_ctx, bool chained)
{
	struct step_attention a = { out, q, k, v, state, partial, counters, n_heads, n_kv_heads, head_dim,
		1.0f / sqrtf((float)head_dim) };
	int group = n_heads / n_kv_heads, longest = ceil_div(n_ctx, DECODE_SPLITS);
	size_t shared;

	if (longest < MIN_SLICE)
		longest = MIN_SLICE;
	shared = sizeof(float) * ((size_t)HEADS * (size_t)pitch_of(head_dim) + (size_t)WARPS * HEADS * (size_t)head_dim +
	    (size_t)HEADS * (size_t)longest);
	if (shared > 40 << 10)
		cudaFuncSetAttribute((const void *)step_attention_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
		    (int)shared);
	launch(step_attention_kernel, dim3((unsigned)n * DECODE_SPLITS, (unsigned)n_kv_heads, (unsigned)ceil_div(group, HEADS)),
	    dim3(THREADS), shared, s, chained, a);
}
