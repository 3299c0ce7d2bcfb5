/* attention.cuh: what both kernels for attention of many rows share. */
#ifndef ENGINE_CUDA_ATTENTION_CUH
#define ENGINE_CUDA_ATTENTION_CUH

#include "engine/cuda/common.cuh"

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

/* By the warpgroup products of sm_90; false: not on this card, or not these shapes. */
bool
attention_by_wgmma(cudaStream_t s, const struct attend *a);

#endif
