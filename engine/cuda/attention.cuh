/* attention.cuh: what both kernels for attention of many rows share. */
#ifndef ENGINE_CUDA_ATTENTION_CUH
#define ENGINE_CUDA_ATTENTION_CUH

#include "engine/cuda/common.cuh"

__device__ __forceinline__ uint32_t
shared_address(const void *p)
{
	return (uint32_t)__cvta_generic_to_shared(p);
}

__device__ __forceinline__ void
copy16(uint32_t to, const void *from, bool there)
{
	int n = there ? 16 : 0;

	asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" :: "r"(to), "l"(from), "r"(n) : "memory");
}

__device__ __forceinline__ float
quad_max(float v)
{
	v = fmaxf(v, __shfl_xor_sync(FULL, v, 1));
	return fmaxf(v, __shfl_xor_sync(FULL, v, 2));
}

__device__ __forceinline__ float
quad_sum(float v)
{
	v += __shfl_xor_sync(FULL, v, 1);
	return v + __shfl_xor_sync(FULL, v, 2);
}

/* Scores of one row of scores → weights, against the largest so far; returns what the output so far is worth. */
template <int N>
__device__ __forceinline__ float
soften(float (&s)[N][4], int half, float *largest, float *sum, float scale_log2)
{
	float m = *largest, scale, part = 0;

#pragma unroll
	for (int n = 0; n < N; n++)
		m = fmaxf(m, fmaxf(s[n][2 * half], s[n][2 * half + 1]));
	m = quad_max(m);
	scale = m == -INFINITY ? 1.0f : power_of_2((*largest - m) * scale_log2);
	*largest = m;
	m = m == -INFINITY ? 0.0f : m * scale_log2;
#pragma unroll
	for (int n = 0; n < N; n++)
#pragma unroll
		for (int i = 2 * half; i < 2 * half + 2; i++) {
			s[n][i] = power_of_2(fmaf(s[n][i], scale_log2, -m));
			part += s[n][i];
		}
	*sum = *sum * scale + part;
	return scale;
}

/* By the warpgroup products of sm_90; false: not on this card, or not these shapes. */
bool
attention_by_wgmma(cudaStream_t s, const struct attend *a);

#endif
