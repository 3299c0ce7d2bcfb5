/* norm.cu: RMSNorm and LayerNorm over rows, sums in float32 in a fixed order, one block a row.
 *
 * What is written is rounded to bfloat16 once, after the weight, as input of a product (model.md section 6 lets the
 * multiplication stay in float32). Bound by memory: a row is read once and kept in registers.
 */
#include "engine/cuda/common.cuh"

#define THREADS 256
#define KEEP 16                 /* values a thread keeps: rows up to 4096; longer ones are read twice */

/* Row of x, thread's share: calls f(i, value) for each. */
template <typename F>
__device__ __forceinline__ float
sum_squares(const float *x, int size, float *keep, F value)
{
	float sum = 0;
	int j = 0;

#pragma unroll
	for (int k = 0; k < KEEP; k++) {
		int i = threadIdx.x + k * THREADS;

		keep[k] = i < size ? value(x, i) : 0.0f;
		sum += keep[k] * keep[k];
		j = i;
	}
	for (int i = j + THREADS; i < size; i += THREADS) {
		float v = value(x, i);

		sum += v * v;
	}
	return sum;
}

__global__ void __launch_bounds__(THREADS)
rms_norm_kernel(uint16_t *out, const float *x, const float *w, int size, float eps)
{
	__shared__ float room[32];
	float keep[KEEP], scale;
	auto value = [](const float *at, int i) { return at[i]; };

	x += (size_t)blockIdx.x * size;
	out += (size_t)blockIdx.x * size;
	scale = rsqrtf(block_sum(sum_squares(x, size, keep, value), room) / (float)size + eps);
#pragma unroll
	for (int k = 0; k < KEEP; k++) {
		int i = threadIdx.x + k * THREADS;

		if (i < size)
			out[i] = bf16_of(w[i] * (keep[k] * scale));
	}
	for (int i = threadIdx.x + KEEP * THREADS; i < size; i += THREADS)
		out[i] = bf16_of(w[i] * (x[i] * scale));
}

/* blockIdx.y: 0 q, 1 k */
__global__ void __launch_bounds__(THREADS)
qk_norm_kernel(uint16_t *qkv, const float *q_norm, const float *k_norm, int size, float eps)
{
	__shared__ float room[32];
	uint16_t *at = qkv + (size_t)blockIdx.x * 3 * size + (size_t)blockIdx.y * size;
	const float *w = blockIdx.y ? k_norm : q_norm;
	float sum = 0, scale;

	for (int i = threadIdx.x; i < size; i += THREADS)
		sum += bf16_value(at[i]) * bf16_value(at[i]);
	scale = rsqrtf(block_sum(sum, room) / (float)size + eps);
	for (int i = threadIdx.x; i < size; i += THREADS)
		at[i] = bf16_of(w[i] * (bf16_value(at[i]) * scale));
}

__global__ void __launch_bounds__(THREADS)
residual_norm_kernel(float *x, const uint16_t *y, const float *bias, const float *layer_scale, uint16_t *out,
    const float *w, int size, float eps)
{
	__shared__ float room[32];
	size_t at = (size_t)blockIdx.x * size;
	float keep[KEEP], sum = 0, scale;

	x += at;
	y += at;
#pragma unroll
	for (int k = 0; k < KEEP; k++) {
		int i = threadIdx.x + k * THREADS;

		keep[k] = i < size ? x[i] + layer_scale[i] * (bf16_value(y[i]) + bias[i]) : 0.0f;
		if (i < size)
			x[i] = keep[k];
		sum += keep[k] * keep[k];
	}
	for (int i = threadIdx.x + KEEP * THREADS; i < size; i += THREADS) {
		float v = x[i] + layer_scale[i] * (bf16_value(y[i]) + bias[i]);

		x[i] = v;
		sum += v * v;
	}
	if (!w)
		return;
	out += at;
	scale = rsqrtf(block_sum(sum, room) / (float)size + eps);
#pragma unroll
	for (int k = 0; k < KEEP; k++) {
		int i = threadIdx.x + k * THREADS;

		if (i < size)
			out[i] = bf16_of(w[i] * (keep[k] * scale));
	}
	for (int i = threadIdx.x + KEEP * THREADS; i < size; i += THREADS)
		out[i] = bf16_of(w[i] * (x[i] * scale));
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
	rms_norm_kernel<<<n, THREADS, 0, s>>>(out, x, w, size, eps);
}

extern "C" void
cuda_qk_norm(cudaStream_t s, uint16_t *qkv, const float *q_norm, const float *k_norm, int n, int size, float eps)
{
	qk_norm_kernel<<<dim3(n, 2), THREADS, 0, s>>>(qkv, q_norm, k_norm, size, eps);
}

extern "C" void
cuda_residual_norm(cudaStream_t s, float *x, const uint16_t *y, const float *bias, const float *scale, uint16_t *out,
    const float *w, int n, int size, float eps)
{
	residual_norm_kernel<<<n, THREADS, 0, s>>>(x, y, bias, scale, out, w, size, eps);
}

extern "C" void
cuda_layer_norm(cudaStream_t s, uint16_t *out, const uint16_t *x, const float *w, const float *bias, int n, int size,
    float eps)
{
	layer_norm_kernel<<<n, THREADS, 0, s>>>(out, x, w, bias, size, eps);
}
