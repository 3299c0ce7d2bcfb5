/* norm.cu: RMSNorm and LayerNorm over rows, sums in float32 in a fixed order, a row a block.
 *
 * What is written is rounded to bfloat16 once, after the weight, as input of a product (model.md section 6 lets the
 * multiplication stay in float32). Bound by memory: a row is read once, all of it asked for at a time, and kept in
 * registers as far as they go; the rest is read twice. How many threads keep how much was measured for each kernel.
 */
#include "engine/cuda/common.cuh"

#define THREADS 256

__device__ __forceinline__ float
squares(float4 v)
{
	return v.x * v.x + v.y * v.y + v.z * v.z + v.w * v.w;
}

/* Four values as they lie in memory: float32, bf16. */
__device__ __forceinline__ float4
four_of(float4 v)
{
	return v;
}

__device__ __forceinline__ float4
four_of(uint2 v)
{
	return make_float4(bf16_low(v.x), bf16_high(v.x), bf16_low(v.y), bf16_high(v.y));
}

__device__ __forceinline__ void
store_scaled(uint16_t *out, int i, float4 v, float4 by, float scale)
{
	((uint2 *)out)[i] = make_uint2(bf16_pair(by.x * (v.x * scale), by.y * (v.y * scale)),
	    bf16_pair(by.z * (v.z * scale), by.w * (v.w * scale)));
}

__device__ __forceinline__ float
value_at(const float *p, int i)
{
	return p[i];
}

__device__ __forceinline__ float
value_at(const uint16_t *p, int i)
{
	return bf16_value(p[i]);
}

/* out = w * x / rms(x), for sizes that are no multiple of four; out may be x. */
template <typename T>
__device__ __forceinline__ void
rms_row_odd(uint16_t *out, const T *x, const float *w, int size, float eps, float *room)
{
	float sum = 0, scale;

	for (int i = threadIdx.x; i < size; i += blockDim.x)
		sum += value_at(x, i) * value_at(x, i);
	scale = rsqrtf(block_sum(sum, room) / (float)size + eps);
	for (int i = threadIdx.x; i < size; i += blockDim.x)
		out[i] = bf16_of(w[i] * (value_at(x, i) * scale));
}

/* The weights are asked for before the sum is waited for. Three blocks fit a multiprocessor: 300 rows all run at once. */
template <int KEEP>
__global__ void __launch_bounds__(THREADS, 3)
rms_norm_kernel(uint16_t *out, const float *x, const float *w, int size, float eps)
{
	__shared__ float room[32];
	const float4 *xs = (const float4 *)(x + (size_t)blockIdx.x * size), *ws = (const float4 *)w;
	float4 keep[KEEP], by[KEEP];
	float sum = 0, scale;
	int n = size / 4;

	out += (size_t)blockIdx.x * size;
#pragma unroll
	for (int k = 0; k < KEEP; k++)
		keep[k] = threadIdx.x + k * THREADS < n ? xs[threadIdx.x + k * THREADS] : make_float4(0, 0, 0, 0);
#pragma unroll
	for (int k = 0; k < KEEP; k++)
		if (threadIdx.x + k * THREADS < n)
			by[k] = ws[threadIdx.x + k * THREADS];
#pragma unroll
	for (int k = 0; k < KEEP; k++)
		sum += squares(keep[k]);
	for (int i = threadIdx.x + KEEP * THREADS; i < n; i += THREADS)
		sum += squares(xs[i]);
	scale = rsqrtf(block_sum(sum, room) / (float)size + eps);
#pragma unroll
	for (int k = 0; k < KEEP; k++)
		if (threadIdx.x + k * THREADS < n)
			store_scaled(out, threadIdx.x + k * THREADS, keep[k], by[k], scale);
	for (int i = threadIdx.x + KEEP * THREADS; i < n; i += THREADS)
		store_scaled(out, i, xs[i], ws[i], scale);
}

__global__ void __launch_bounds__(THREADS)
rms_norm_odd_kernel(uint16_t *out, const float *x, const float *w, int size, float eps)
{
	__shared__ float room[32];
	size_t at = (size_t)blockIdx.x * size;

	rms_row_odd(out + at, x + at, w, size, eps, room);
}

#define QK_THREADS 160          /* times QK_KEEP fours: 3200 values */
#define QK_KEEP 5
#define QK_ROWS 3               /* a block, one after the other */

__device__ __forceinline__ void
take_row(uint2 *to, const uint16_t *row, int n)
{
#pragma unroll
	for (int k = 0; k < QK_KEEP; k++)
		to[k] = threadIdx.x + k * QK_THREADS < n ? ((const uint2 *)row)[threadIdx.x + k * QK_THREADS] : make_uint2(0, 0);
}

/* Every gridDim.x-th row; blockIdx.y: 0 q, 1 k. The weights stay in registers, and a row is asked for while the one before
 * it is worked on. */
__global__ void __launch_bounds__(QK_THREADS)
qk_norm_kernel(uint16_t *qkv, const float *q_norm, const float *k_norm, int n_rows, int size, float eps)
{
	__shared__ float room[32];
	const float4 *w = (const float4 *)(blockIdx.y ? k_norm : q_norm);
	uint16_t *at = qkv + (size_t)blockIdx.x * 3 * size + (size_t)blockIdx.y * size;
	size_t step = (size_t)gridDim.x * 3 * size;
	float4 by[QK_KEEP];
	uint2 keep[QK_KEEP], next[QK_KEEP];
	int n = size / 4;

	take_row(next, at, n);
#pragma unroll
	for (int k = 0; k < QK_KEEP; k++)
		by[k] = threadIdx.x + k * QK_THREADS < n ? w[threadIdx.x + k * QK_THREADS] : make_float4(0, 0, 0, 0);
	for (int row = blockIdx.x; row < n_rows; row += gridDim.x, at += step) {
		float sum = 0, scale;

#pragma unroll
		for (int k = 0; k < QK_KEEP; k++)
			keep[k] = next[k];
		if (row + gridDim.x < n_rows)
			take_row(next, at + step, n);
#pragma unroll
		for (int k = 0; k < QK_KEEP; k++)
			sum += squares(four_of(keep[k]));
		for (int i = threadIdx.x + QK_KEEP * QK_THREADS; i < n; i += QK_THREADS)
			sum += squares(four_of(((const uint2 *)at)[i]));
		scale = rsqrtf(block_sum(sum, room) / (float)size + eps);
#pragma unroll
		for (int k = 0; k < QK_KEEP; k++)
			if (threadIdx.x + k * QK_THREADS < n)
				store_scaled(at, threadIdx.x + k * QK_THREADS, four_of(keep[k]), by[k], scale);
		for (int i = threadIdx.x + QK_KEEP * QK_THREADS; i < n; i += QK_THREADS)
			store_scaled(at, i, four_of(((const uint2 *)at)[i]), w[i], scale);
	}
}

__global__ void __launch_bounds__(QK_THREADS)
qk_norm_odd_kernel(uint16_t *qkv, const float *q_norm, const float *k_norm, int n_rows, int size, float eps)
{
	__shared__ float room[32];

	for (int row = blockIdx.x; row < n_rows; row += gridDim.x) {
		uint16_t *at = qkv + (size_t)row * 3 * size + (size_t)blockIdx.y * size;

		rms_row_odd(at, at, blockIdx.y ? k_norm : q_norm, size, eps, room);
	}
}

#define RESIDUAL_KEEP 2
#define RESIDUAL_THREADS 1024   /* at most; 416 have a row of 3200 */

/* x + layer_scale * (y + bias) for four i */
__device__ __forceinline__ float4
added(float4 x, float4 y, const float *bias, const float *layer_scale, int i)
{
	float4 b = ((const float4 *)bias)[i], c = ((const float4 *)layer_scale)[i];

	return make_float4(x.x + c.x * (y.x + b.x), x.y + c.y * (y.y + b.y), x.z + c.z * (y.z + b.z), x.w + c.w * (y.w + b.w));
}

__global__ void __launch_bounds__(RESIDUAL_THREADS)
residual_norm_kernel(float *x, const uint16_t *y, const float *bias, const float *layer_scale, uint16_t *out,
    const float *w, int size, float eps)
{
	__shared__ float room[32];
	size_t at = (size_t)blockIdx.x * size;
	float4 keep[RESIDUAL_KEEP], *xs = (float4 *)(x + at);
	uint2 more[RESIDUAL_KEEP];
	const uint2 *ys = (const uint2 *)(y + at);
	float sum = 0, scale;
	int n = size / 4;

#pragma unroll
	for (int k = 0; k < RESIDUAL_KEEP; k++) {
		int i = threadIdx.x + k * blockDim.x;

		if (i < n) {
			keep[k] = xs[i];
			more[k] = ys[i];
		}
	}
#pragma unroll
	for (int k = 0; k < RESIDUAL_KEEP; k++) {
		int i = threadIdx.x + k * blockDim.x;

		if (i < n) {
			xs[i] = keep[k] = added(keep[k], four_of(more[k]), bias, layer_scale, i);
			sum += squares(keep[k]);
		}
	}
	for (int i = threadIdx.x + RESIDUAL_KEEP * blockDim.x; i < n; i += blockDim.x) {
		float4 v = xs[i] = added(xs[i], four_of(ys[i]), bias, layer_scale, i);

		sum += squares(v);
	}
	if (!w)
		return;
	scale = rsqrtf(block_sum(sum, room) / (float)size + eps);
	out += at;
#pragma unroll
	for (int k = 0; k < RESIDUAL_KEEP; k++) {
		int i = threadIdx.x + k * blockDim.x;

		if (i < n)
			store_scaled(out, i, keep[k], ((const float4 *)w)[i], scale);
	}
	for (int i = threadIdx.x + RESIDUAL_KEEP * blockDim.x; i < n; i += blockDim.x)
		store_scaled(out, i, xs[i], ((const float4 *)w)[i], scale);
}

__global__ void __launch_bounds__(RESIDUAL_THREADS)
residual_norm_odd_kernel(float *x, const uint16_t *y, const float *bias, const float *layer_scale, uint16_t *out,
    const float *w, int size, float eps)
{
	__shared__ float room[32];
	size_t at = (size_t)blockIdx.x * size;

	x += at;
	y += at;
	for (int i = threadIdx.x; i < size; i += blockDim.x)
		x[i] += layer_scale[i] * (bf16_value(y[i]) + bias[i]);
	if (w)
		rms_row_odd(out + at, x, w, size, eps, room);
}

/* The mean is taken off first: the sum of squares of what remains loses nothing to a large mean. */
__global__ void __launch_bounds__(THREADS)
layer_norm_kernel(uint16_t *out, const uint16_t *x, const float *w, const float *bias, int size, float eps)
{
	__shared__ float room[32];
	float sum = 0, squares = 0, mean, scale;

	x += (size_t)blockIdx.x * size;
	out += (size_t)blockIdx.x * size;
	for (int i = threadIdx.x; i < size; i += blockDim.x)
		sum += bf16_value(x[i]);
	mean = block_sum(sum, room) / (float)size;
	for (int i = threadIdx.x; i < size; i += blockDim.x) {
		float d = bf16_value(x[i]) - mean;

		squares += d * d;
	}
	scale = rsqrtf(block_sum(squares, room) / (float)size + eps);
	for (int i = threadIdx.x; i < size; i += blockDim.x)
		out[i] = bf16_of((bf16_value(x[i]) - mean) * scale * w[i] + bias[i]);
}

/* ---- launchers */

extern "C" void
cuda_rms_norm(cudaStream_t s, uint16_t *out, const float *x, const float *w, int n, int size, float eps)
{
	if (size % 4)
		rms_norm_odd_kernel<<<n, THREADS, 0, s>>>(out, x, w, size, eps);
	else
		(size > 4 * 4 * THREADS ? rms_norm_kernel<7> : rms_norm_kernel<4>)<<<n, THREADS, 0, s>>>(out, x, w, size, eps);
}

extern "C" void
cuda_qk_norm(cudaStream_t s, uint16_t *qkv, const float *q_norm, const float *k_norm, int n, int size, float eps)
{
	dim3 grid((unsigned)ceil_div(n, QK_ROWS), 2);

	(size % 4 ? qk_norm_odd_kernel : qk_norm_kernel)<<<grid, QK_THREADS, 0, s>>>(qkv, q_norm, k_norm, n, size, eps);
}

extern "C" void
cuda_residual_norm(cudaStream_t s, float *x, const uint16_t *y, const float *bias, const float *scale, uint16_t *out,
    const float *w, int n, int size, float eps)
{
	int n_threads = ceil_div(size, 4 * RESIDUAL_KEEP * 32) * 32;

	if (n_threads > RESIDUAL_THREADS)
		n_threads = RESIDUAL_THREADS;
	(size % 4 ? residual_norm_odd_kernel : residual_norm_kernel)<<<n, n_threads, 0, s>>>(x, y, bias, scale, out, w, size,
	    eps);
}

extern "C" void
cuda_layer_norm(cudaStream_t s, uint16_t *out, const uint16_t *x, const float *w, const float *bias, int n, int size,
    float eps)
{
	layer_norm_kernel<<<n, THREADS, 0, s>>>(out, x, w, bias, size, eps);
}
