/* pointwise.cu: what happens to values one by one or by small neighbourhoods: embeddings, activations, rotary positions
 * into the cache, patches, pixel shuffle, conversions. All bound by memory; what every layer needs takes 16 bytes at a
 * time.
 */
#include "engine/cuda/common.cuh"

#define THREADS 256

static dim3
grid_of(size_t n_values)
{
	return dim3((unsigned)ceil_div((long long)n_values, THREADS));
}

/* ---- embeddings */

__global__ void
embed_kernel(float *x, const uint16_t *table, const int32_t *ids, int size)
{
	int32_t id = ids[blockIdx.x];

	for (int i = threadIdx.x; id >= 0 && i < size; i += THREADS)
		x[(size_t)blockIdx.x * size + i] = bf16_value(table[(size_t)id * size + i]);
}

__global__ void
embed_step_kernel(float *x, const uint16_t *table, const struct step_state *state, int size)
{
	int i = blockIdx.x * THREADS + threadIdx.x;

	if (i < size)
		x[i] = bf16_value(table[(size_t)state->id * size + i]);
}

extern "C" void
cuda_embed(cudaStream_t s, float *x, const uint16_t *table, const int32_t *ids, int n, int size)
{
	embed_kernel<<<n, THREADS, 0, s>>>(x, table, ids, size);
}

extern "C" void
cuda_embed_step(cudaStream_t s, float *x, const uint16_t *table, const struct step_state *state, int size)
{
	embed_step_kernel<<<grid_of((size_t)size), THREADS, 0, s>>>(x, table, state, size);
}

/* ---- activations */

/* Eight values a thread where the size allows it. */
__global__ void
silu_mul_kernel(uint16_t *gu, int size)
{
	uint16_t *gate = gu + (size_t)blockIdx.y * 2 * size, *up = gate + size;
	int i = (blockIdx.x * THREADS + threadIdx.x) * 8;
	uint4 g, u;
	uint32_t *gs = (uint32_t *)&g, *us = (uint32_t *)&u;

	if (i >= size)
		return;
	if (size % 8 == 0) {
		g = *(const uint4 *)(gate + i);
		u = *(const uint4 *)(up + i);
#pragma unroll
		for (int k = 0; k < 4; k++)
			gs[k] = bf16_pair(silu_mul(bf16_low(gs[k]), bf16_low(us[k])), silu_mul(bf16_high(gs[k]), bf16_high(us[k])));
		*(uint4 *)(gate + i) = g;
		return;
	}
	for (int end = min(i + 8, size); i < end; i++)
		gate[i] = bf16_of(silu_mul(bf16_value(gate[i]), bf16_value(up[i])));
}

extern "C" void
cuda_silu_mul(cudaStream_t s, uint16_t *gu, int n, int size)
{
	silu_mul_kernel<<<dim3((unsigned)ceil_div(size, 8 * THREADS), (unsigned)n), THREADS, 0, s>>>(gu, size);
}

/* v (1 + erf(v / √2)) / 2, the exact form, as max(v, 0) - |v| Φ(-|v|), where log2 Φ(-a) is a polynomial: the best of its
 * degree over 0 ≤ a ≤ 6, Φ's error a share of 2^-18 (one of degree 6 has 2^-14). Beyond it falls faster than Φ does, where
 * |v| Φ(-|v|) is below 6e-9. One exponential and no division: with both, arithmetic bound and not memory. */
__device__ __forceinline__ float
gelu(float v)
{
	float a = fabsf(v), p = -1.83481775e-6f;

	p = fmaf(p, a, 6.15984293e-5f);
	p = fmaf(p, a, -9.30526008e-4f);
	p = fmaf(p, a, 8.50789590e-3f);
	p = fmaf(p, a, -5.39600801e-2f);
	p = fmaf(p, a, -0.458464383f);
	p = fmaf(p, a, -1.15125105f);
	p = fmaf(p, a, -0.999995295f);
	return fmaf(-a, power_of_2(p), fmaxf(v, 0.0f));
}

/* A thread takes eight columns of GELU_ROWS rows, so that it reads the bias once for all and asks for the rows together. */
#define GELU_ROWS 4
#define GELU_THREADS 128

__device__ __forceinline__ void
bias_gelu_eight(uint4 *at, uint4 v, const float4 *bias)
{
	v.x = bf16_pair(gelu(bf16_low(v.x) + bias[0].x), gelu(bf16_high(v.x) + bias[0].y));
	v.y = bf16_pair(gelu(bf16_low(v.y) + bias[0].z), gelu(bf16_high(v.y) + bias[0].w));
	v.z = bf16_pair(gelu(bf16_low(v.z) + bias[1].x), gelu(bf16_high(v.z) + bias[1].y));
	v.w = bf16_pair(gelu(bf16_low(v.w) + bias[1].z), gelu(bf16_high(v.w) + bias[1].w));
	*at = v;
}

/* size is a multiple of 8. */
__global__ void __launch_bounds__(GELU_THREADS)
bias_gelu_kernel(uint16_t *x, const float *bias, int n, int size)
{
	int i = blockIdx.x * GELU_THREADS + threadIdx.x, row = blockIdx.y * GELU_ROWS, step = size / 8;
	uint4 *at = (uint4 *)(x + (size_t)row * size) + i, v[GELU_ROWS];
	float4 b[2];

	if (i >= step)
		return;
#pragma unroll
	for (int r = 0; r < GELU_ROWS; r++)
		if (row + r < n)
			v[r] = at[(size_t)r * step];
	b[0] = ((const float4 *)bias)[2 * i];
	b[1] = ((const float4 *)bias)[2 * i + 1];
#pragma unroll
	for (int r = 0; r < GELU_ROWS; r++) {
		if (row + r >= n)
			return;
		bias_gelu_eight(at + (size_t)r * step, v[r], b);
	}
}

__global__ void __launch_bounds__(GELU_THREADS)
bias_gelu_odd_kernel(uint16_t *x, const float *bias, int size)
{
	x += (size_t)blockIdx.x * size;
	for (int i = threadIdx.x; i < size; i += GELU_THREADS)
		x[i] = bf16_of(gelu(bf16_value(x[i]) + bias[i]));
}

extern "C" void
cuda_bias_gelu(cudaStream_t s, uint16_t *x, const float *bias, int n, int size)
{
	dim3 grid((unsigned)ceil_div(size, 8 * GELU_THREADS), (unsigned)ceil_div(n, GELU_ROWS));

	if (size % 8)
		bias_gelu_odd_kernel<<<n, GELU_THREADS, 0, s>>>(x, bias, size);
	else
		bias_gelu_kernel<<<grid, GELU_THREADS, 0, s>>>(x, bias, n, size);
}

__global__ void
add_bias_kernel(float *out, const uint16_t *y, const float *bias, int size)
{
	size_t at = (size_t)blockIdx.x * size;

	for (int i = threadIdx.x; i < size; i += THREADS)
		out[at + i] = bf16_value(y[at + i]) + bias[i];
}

extern "C" void
cuda_add_bias(cudaStream_t s, float *out, const uint16_t *y, const float *bias, int n, int size)
{
	add_bias_kernel<<<n, THREADS, 0, s>>>(out, y, bias, size);
}

/* ---- pictures */

struct three {
	float at[3];
};

/* The host's float operations, one by one: the same numbers to the last bit. */
__global__ void
pixel_values_kernel(float *out, const uint8_t *rgb, int n, struct three mean, struct three std)
{
	int i = blockIdx.x * THREADS + threadIdx.x;

	for (int c = 0; c < 3 && i < n; c++)
		out[(size_t)c * n + i] = __fdiv_rn(__fsub_rn(__fdiv_rn((float)rgb[3 * (size_t)i + c], 255.0f), mean.at[c]),
		    std.at[c]);
}

extern "C" void
cuda_pixel_values(cudaStream_t s, float *out, const uint8_t *rgb, int size, const float mean[3], const float std[3])
{
	struct three m = { { mean[0], mean[1], mean[2] } }, d = { { std[0], std[1], std[2] } };

	pixel_values_kernel<<<(unsigned)ceil_div(size * size, THREADS), THREADS, 0, s>>>(out, rgb, size * size, m, d);
}

__global__ void
patches_kernel(uint16_t *out, const float *pixels, int size, int patch, int width)
{
	int grid = size / patch, i = blockIdx.x / grid, j = blockIdx.x % grid;

	for (int at = threadIdx.x; at < width; at += THREADS) {
		int column = at % patch, line = at / patch % patch, channel = at / (patch * patch);

		out[(size_t)blockIdx.x * width + at] = channel >= 3 ? 0 :
		    bf16_of(pixels[((size_t)channel * size + i * patch + line) * size + j * patch + column]);
	}
}

extern "C" void
cuda_patches(cudaStream_t s, uint16_t *out, const float *pixels, int size, int patch, int width)
{
	int grid = size / patch;

	patches_kernel<<<grid * grid, THREADS, 0, s>>>(out, pixels, size, patch, width);
}

__global__ void
place_patches_kernel(float *x, const uint16_t *y, const float *class_embedding, const float *bias, const float *position,
    int size)
{
	size_t row = blockIdx.x;

	for (int i = threadIdx.x; i < size; i += THREADS)
		x[row * size + i] = position[row * size + i] +
		    (row == 0 ? class_embedding[i] : bf16_value(y[(row - 1) * size + i]) + bias[i]);
}

extern "C" void
cuda_place_patches(cudaStream_t s, float *x, const uint16_t *y, const float *class_embedding, const float *bias,
    const float *position, int n_patches, int size)
{
	place_patches_kernel<<<n_patches + 1, THREADS, 0, s>>>(x, y, class_embedding, bias, position, size);
}

/* Output token a * m + b takes a 2 x 2 block of patches: block row b, column a in the first release (the walk is
 * transposed; its weights were trained so), row a, column b from V1.5 on. */
__global__ void
pixel_shuffle_kernel(uint16_t *out, const float *x, int grid, int n_channels, bool transposed)
{
	int m = grid / 2, token = blockIdx.x, part = blockIdx.y, a = token / m, b = token % m;
	int row = 2 * (transposed ? b : a) + part / 2, column = 2 * (transposed ? a : b) + part % 2;
	const float *from = x + ((size_t)row * grid + column + 1) * n_channels;

	out += ((size_t)token * 4 + part) * n_channels;
	for (int i = threadIdx.x; i < n_channels; i += THREADS)
		out[i] = bf16_of(from[i]);
}

extern "C" void
cuda_pixel_shuffle(cudaStream_t s, uint16_t *out, const float *x, int grid, int n_channels, bool transposed)
{
	int m = grid / 2;

	pixel_shuffle_kernel<<<dim3((unsigned)(m * m), 4), THREADS, 0, s>>>(out, x, grid, n_channels, transposed);
}

/* ---- rotary positions; the convention is that of the CPU's rope.c */

/* Where value i of head lies: in place for q, in the cache for k and v. */
__device__ __forceinline__ uint16_t *
rope_target(uint16_t *x, uint16_t *k, uint16_t *v, int head, int n_heads, int n_kv_heads, int head_dim, int i)
{
	if (head >= n_heads + n_kv_heads)
		return v + (size_t)(head - n_heads - n_kv_heads) * head_dim + i;
	if (head >= n_heads)
		return k + (size_t)(head - n_heads) * head_dim + i;
	return x;
}

/* EACH values from one place to the other, 16 bytes at a time where they are so many. */
template <int EACH, typename T>
__device__ __forceinline__ void
take(T *to, const T *from)
{
	if (EACH == 1)
		*to = *from;
	else
#pragma unroll
		for (int i = 0; i < EACH * (int)sizeof(T) / 16; i++)
			((uint4 *)to)[i] = ((const uint4 *)from)[i];
}

template <int EACH>
__device__ __forceinline__ void
turn(uint16_t *low, uint16_t *high, const float *cos, const float *sin)
{
	__align__(16) float c[8], s[8];

	take<EACH>(c, cos);
	take<EACH>(s, sin);
#pragma unroll
	for (int j = 0; j < EACH; j++) {
		float a = bf16_value(low[j]), b = bf16_value(high[j]);

		low[j] = bf16_of(a * c[j] - b * s[j]);
		high[j] = bf16_of(b * c[j] + a * s[j]);
	}
}

#define ROPE_THREADS 192        /* three blocks have 72 heads of 128 */

/* The blocks of a row share its neighbouring pairs; a thread turns EACH of them: 8 where half a head is a multiple of it,
 * else 1. */
template <int EACH>
__global__ void __launch_bounds__(ROPE_THREADS)
rope_store_kernel(uint16_t *qkv, uint16_t *k, uint16_t *v, const float *cos, const float *sin, int pos, int n_heads,
    int n_kv_heads, int head_dim)
{
	int row = blockIdx.x, half = head_dim / 2, at = blockIdx.y * ROPE_THREADS + threadIdx.x;
	int head = at / (half / EACH), i = at % (half / EACH) * EACH;
	size_t kv = (size_t)(pos + row) * n_kv_heads * head_dim, angle = (size_t)(pos + row) * half + i;
	uint16_t *x = qkv + ((size_t)row * (n_heads + 2 * n_kv_heads) + head) * head_dim + i;
	uint16_t *to = rope_target(x, k + kv, v + kv, head, n_heads, n_kv_heads, head_dim, i);
	__align__(16) uint16_t low[8], high[8];

	if (head >= n_heads + 2 * n_kv_heads)
		return;
	take<EACH>(low, (const uint16_t *)x);
	take<EACH>(high, (const uint16_t *)x + half);
	if (head < n_heads + n_kv_heads)
		turn<EACH>(low, high, cos + angle, sin + angle);
	take<EACH>(to, (const uint16_t *)low);
	take<EACH>(to + half, (const uint16_t *)high);
}

extern "C" void
cuda_rope_store(cudaStream_t s, uint16_t *qkv, uint16_t *k, uint16_t *v, const float *cos, const float *sin, int n, int pos,
    int n_heads, int n_kv_heads, int head_dim)
{
	int each = head_dim % 16 ? 1 : 8, n_threads = (n_heads + 2 * n_kv_heads) * (head_dim / 2 / each);
	dim3 grid((unsigned)n, (unsigned)ceil_div(n_threads, ROPE_THREADS));

	(each == 1 ? rope_store_kernel<1> : rope_store_kernel<8>)<<<grid, ROPE_THREADS, 0, s>>>(qkv, k, v, cos, sin, pos,
	    n_heads, n_kv_heads, head_dim);
}

/* ---- conversions */

template <int TYPE>
__device__ __forceinline__ float
number_at(const void *in, size_t i)
{
	if (TYPE == NUMBER_F32)
		return ((const float *)in)[i];
	if (TYPE == NUMBER_BF16)
		return bf16_value(((const uint16_t *)in)[i]);
	return __half2float(((const __half *)in)[i]);
}

template <int TYPE>
__global__ void
to_bf16_kernel(uint16_t *out, const void *in, size_t n)
{
	size_t i = (size_t)blockIdx.x * THREADS + threadIdx.x;

	if (i < n)
		out[i] = bf16_of(number_at<TYPE>(in, i));
}

template <int TYPE>
__global__ void
to_f32_kernel(float *out, const void *in, size_t n)
{
	size_t i = (size_t)blockIdx.x * THREADS + threadIdx.x;

	if (i < n)
		out[i] = number_at<TYPE>(in, i);
}

extern "C" void
cuda_to_bf16(cudaStream_t s, uint16_t *out, const void *in, enum number type, size_t n)
{
	if (type == NUMBER_F32)
		to_bf16_kernel<NUMBER_F32><<<grid_of(n), THREADS, 0, s>>>(out, in, n);
	else if (type == NUMBER_F16)
		to_bf16_kernel<NUMBER_F16><<<grid_of(n), THREADS, 0, s>>>(out, in, n);
	else
		to_bf16_kernel<NUMBER_BF16><<<grid_of(n), THREADS, 0, s>>>(out, in, n);
}

extern "C" void
cuda_to_f32(cudaStream_t s, float *out, const void *in, enum number type, size_t n)
{
	if (type == NUMBER_F32)
		to_f32_kernel<NUMBER_F32><<<grid_of(n), THREADS, 0, s>>>(out, in, n);
	else if (type == NUMBER_F16)
		to_f32_kernel<NUMBER_F16><<<grid_of(n), THREADS, 0, s>>>(out, in, n);
	else
		to_f32_kernel<NUMBER_BF16><<<grid_of(n), THREADS, 0, s>>>(out, in, n);
}

/* A generator by counting: value i depends on i and the seed alone (a finaliser in the manner of MurmurHash3). */
__device__ __forceinline__ float
uniform_at(size_t i, uint32_t seed)
{
	uint64_t x = (uint64_t)i * 0x9e3779b97f4a7c15ull + seed;

	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdull;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ull;
	x ^= x >> 33;
	return (float)(uint32_t)(x >> 40) * 0x1p-23f - 1.0f;
}

__global__ void
random_kernel(void *out, bool is_bf16, size_t n, float range, float mean, uint32_t seed)
{
	size_t step = (size_t)gridDim.x * THREADS;

	for (size_t i = (size_t)blockIdx.x * THREADS + threadIdx.x; i < n; i += step) {
		float v = mean + range * uniform_at(i, seed);

		if (is_bf16)
			((uint16_t *)out)[i] = bf16_of(v);
		else
			((float *)out)[i] = v;
	}
}

extern "C" void
cuda_random(cudaStream_t s, void *out, enum number type, size_t n, float range, float mean, uint32_t seed)
{
	dim3 grid = grid_of(n);

	if (grid.x > 16384)
		grid.x = 16384;
	random_kernel<<<grid, THREADS, 0, s>>>(out, type == NUMBER_BF16, n, range, mean, seed);
}
