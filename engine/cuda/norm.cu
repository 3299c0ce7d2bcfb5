/* norm.cu: RMSNorm and LayerNorm over rows, sums in float32 in a fixed order, one block a row.
 *
 * What is written is rounded to bfloat16 once, after the weight, as input of a product (model.md section 6 lets the
 * multiplication stay in float32). Bound by memory: a row is read once and kept in registers.
 */
#include "engine/cuda/common.cuh"

#define THREADS 256

/* KEEP: float4 that a thread keeps, 4 for rows up to 4096, else 8; rows beyond 8192 are read twice. */
#define SHORT_ROW (4 * 4 * THREADS)

__device__ __forceinline__ float
squares(float4 v)
{
	return v.x * v.x + v.y * v.y + v.z * v.z + v.w * v.w;
}

__device__ __forceinline__ float4
four_at(const float *p, int i)
{
	return ((const float4 *)p)[i];
}

__device__ __forceinline__ float4
four_at(const uint16_t *p, int i)
{
	uint2 v = ((const uint2 *)p)[i];

	return make_float4(bf16_low(v.x), bf16_high(v.x), bf16_low(v.y), bf16_high(v.y));
}

__device__ __forceinline__ void
store_scaled(uint16_t *out, int i, float4 v, const float *w, float scale)
{
	float4 by = four_at(w, i);

	((uint2 *)out)[i] = make_uint2(bf16_pair(by.x * (v.x * scale), by.y * (v.y * scale)),
	    bf16_pair(by.z * (v.z * scale), by.w * (v.w * scale)));
}

/* All of a row: what is kept, and the rest from x once more. */
template <int KEEP, typename T>
__device__ __forceinline__ void
store_row(uint16_t *out, const float4 (&keep)[KEEP], const T *x, const float *w, int n, float scale)
{
#pragma unroll
	for (int k = 0; k < KEEP; k++)
		if (threadIdx.x + k * THREADS < n)
			store_scaled(out, threadIdx.x + k * THREADS, keep[k], w, scale);
	for (int i = threadIdx.x + KEEP * THREADS; i < n; i += THREADS)
		store_scaled(out, i, four_at(x, i), w, scale);
}

/* out = w * x / rms(x) over four times n values, of float32 or bf16; out may be x. */
template <int KEEP, typename T>
__device__ __forceinline__ void
rms_row(uint16_t *out, const T *x, const float *w, int n, int size, float eps, float *room)
{
	float4 keep[KEEP];
	float sum = 0, scale;

#pragma unroll
	for (int k = 0; k < KEEP; k++) {
		int i = threadIdx.x + k * THREADS;

		keep[k] = i < n ? four_at(x, i) : make_float4(0, 0, 0, 0);
		sum += squares(keep[k]);
	}
	for (int i = threadIdx.x + KEEP * THREADS; i < n; i += THREADS)
		sum += squares(four_at(x, i));
	scale = rsqrtf(block_sum(sum, room) / (float)size + eps);
	store_row(out, keep, x, w, n, scale);
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

/* The same for sizes that are no multiple of four. */
template <typename T>
__device__ __forceinline__ void
rms_row_odd(uint16_t *out, const T *x, const float *w, int size, float eps, float *room)
{
	float sum = 0, scale;

	for (int i = threadIdx.x; i < size; i += THREADS)
		sum += value_at(x, i) * value_at(x, i);
	scale = rsqrtf(block_sum(sum, room) / (float)size + eps);
	for (int i = threadIdx.x; i < size; i += THREADS)
		out[i] = bf16_of(w[i] * (value_at(x, i) * scale));
}

template <int KEEP>
__global__ void __launch_bounds__(THREADS)
rms_norm_kernel(uint16_t *out, const float *x, const float *w, int size, float eps)
{
	__shared__ float room[32];
	size_t at = (size_t)blockIdx.x * size;

	if (size % 4)
		rms_row_odd(out + at, x + at, w, size, eps, room);
	else
		rms_row<KEEP>(out + at, x + at, w, size / 4, size, eps, room);
}

/* blockIdx.y: 0 q, 1 k */
template <int KEEP>
__global__ void __launch_bounds__(THREADS)
qk_norm_kernel(uint16_t *qkv, const float *q_norm, const float *k_norm, int size, float eps)
{
	__shared__ float room[32];
	uint16_t *at = qkv + (size_t)blockIdx.x * 3 * size + (size_t)blockIdx.y * size;
	const float *w = blockIdx.y ? k_norm : q_norm;

	if (size % 4)
		rms_row_odd(at, at, w, size, eps, room);
	else
		rms_row<KEEP>(at, at, w, size / 4, size, eps, room);
}

/* x += layer_scale * (y + bias) */
__device__ __forceinline__ float4
add_four(float *x, const uint16_t *y, const float *bias, const float *layer_scale, int i)
{
	float4 v = four_at(x, i), a = four_at(y, i), b = four_at(bias, i), c = four_at(layer_scale, i);

	v = make_float4(v.x + c.x * (a.x + b.x), v.y + c.y * (a.y + b.y), v.z + c.z * (a.z + b.z), v.w + c.w * (a.w + b.w));
	((float4 *)x)[i] = v;
	return v;
}

template <int KEEP>
__global__ void __launch_bounds__(THREADS)
residual_norm_kernel(float *x, const uint16_t *y, const float *bias, const float *layer_scale, uint16_t *out,
    const float *w, int size, float eps)
{
	__shared__ float room[32];
	size_t at = (size_t)blockIdx.x * size;
	float4 keep[KEEP];
	float sum = 0, scale;
	int n = size / 4;

	x += at;
	y += at;
#pragma unroll
	for (int k = 0; k < KEEP; k++) {
		int i = threadIdx.x + k * THREADS;

		keep[k] = i < n ? add_four(x, y, bias, layer_scale, i) : make_float4(0, 0, 0, 0);
		sum += squares(keep[k]);
	}
	for (int i = threadIdx.x + KEEP * THREADS; i < n; i += THREADS)
		sum += squares(add_four(x, y, bias, layer_scale, i));
	if (!w)
		return;
	out += at;
	scale = rsqrtf(block_sum(sum, room) / (float)size + eps);
	store_row(out, keep, x, w, n, scale);
}

__global__ void __launch_bounds__(THREADS)
residual_norm_odd_kernel(float *x, const uint16_t *y, const float *bias, const float *layer_scale, uint16_t *out,
    const float *w, int size, float eps)
{
	__shared__ float room[32];
	size_t at = (size_t)blockIdx.x * size;

	x += at;
	y += at;
	for (int i = threadIdx.x; i < size; i += THREADS)
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
	for (int i = threadIdx.x; i < size; i += THREADS)
		sum += bf16_value(x[i]);
	mean = block_sum(sum, room) / (float)size;
	for (int i = threadIdx.x; i < size; i += THREADS) {
		float d = bf16_value(x[i]) - mean;

		squares += d * d;
	}
	scale = rsqrtf(block_sum(squares, room) / (float)size + eps);
	for (int i = threadIdx.x; i < size; i += THREADS)
		out[i] = bf16_of((bf16_value(x[i]) - mean) * scale * w[i] + bias[i]);
}

/* ---- launchers */

extern "C" void
cuda_rms_norm(cudaStream_t s, uint16_t *out, const float *x, const float *w, int n, int size, float eps)
{
	(size > SHORT_ROW ? rms_norm_kernel<8> : rms_norm_kernel<4>)<<<n, THREADS, 0, s>>>(out, x, w, size, eps);
}

extern "C" void
cuda_qk_norm(cudaStream_t s, uint16_t *qkv, const float *q_norm, const float *k_norm, int n, int size, float eps)
{
	(size > SHORT_ROW ? qk_norm_kernel<8> : qk_norm_kernel<4>)<<<dim3(n, 2), THREADS, 0, s>>>(qkv, q_norm, k_norm, size, eps);
}

extern "C" void
cuda_residual_norm(cudaStream_t s, float *x, const uint16_t *y, const float *bias, const float *scale, uint16_t *out,
    const float *w, int n, int size, float eps)
{
	if (size % 4)
		residual_norm_odd_kernel<<<n, THREADS, 0, s>>>(x, y, bias, scale, out, w, size, eps);
	else
		(size > SHORT_ROW ? residual_norm_kernel<8> : residual_norm_kernel<4>)<<<n, THREADS, 0, s>>>(x, y, bias, scale,
		    out, w, size, eps);
}

extern "C" void
cuda_layer_norm(cudaStream_t s, uint16_t *out, const uint16_t *x, const float *w, const float *bias, int n, int size,
    float eps)
{
	layer_norm_kernel<<<n, THREADS, 0, s>>>(out, x, w, bias, size, eps);
}
