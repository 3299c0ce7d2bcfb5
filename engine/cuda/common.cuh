/* common.cuh: rows, wide loads, sums over a block, waiting for the kernel before. Nothing here computes a layer. */
#ifndef ENGINE_CUDA_COMMON_CUH
#define ENGINE_CUDA_COMMON_CUH

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>
#include <stdint.h>

#include "engine/cuda/kernels.h"

#define FULL 0xffffffffu

static inline int
ceil_div(long long a, long long b)
{
	return (int)((a + b - 1) / b);
}

/* Rows of bf16 that are an input of a product begin on 16 bytes: so many values apart. */
static __host__ __device__ __forceinline__ size_t
pitch_of_rows(int cols)
{
	return ((size_t)cols + 7) / 8 * 8;
}

/* A kernel may begin while the one before it still runs (sm_90 and later): it asks for its weights, then waits here
 * for everything the kernels before have written. Elsewhere the launch order does that. */
__device__ __forceinline__ void
wait_for_previous(void)
{
#if __CUDA_ARCH__ >= 900
	asm volatile("griddepcontrol.launch_dependents;");
	asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

/* 16 bytes that nobody will ask for again. */
__device__ __forceinline__ uint4
load_stream(const void *p)
{
	uint4 v;

	asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0,%1,%2,%3}, [%4];"
	    : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(p));
	return v;
}

__device__ __forceinline__ uint32_t
shared_address(const void *p)
{
	return (uint32_t)__cvta_generic_to_shared(p);
}

__device__ __forceinline__ float
bf16_low(uint32_t two)
{
	return __uint_as_float(two << 16);
}

__device__ __forceinline__ float
bf16_high(uint32_t two)
{
	return __uint_as_float(two & 0xffff0000u);
}

__device__ __forceinline__ float
bf16_value(uint16_t h)
{
	return __uint_as_float((uint32_t)h << 16);
}

__device__ __forceinline__ uint16_t
bf16_of(float f)
{
	return __bfloat16_as_ushort(__float2bfloat16_rn(f));
}

static __device__ __forceinline__ float
rounded(float v)
{
	return bf16_value(bf16_of(v));
}

__device__ __forceinline__ uint32_t
bf16_pair(float low, float high)
{
	uint32_t two;

	asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(two) : "f"(high), "f"(low));
	return two;
}

/* Eight rows of eight values of 16 bits, of which a lane has two of a row: now two of a column. */
static __device__ __forceinline__ uint32_t
transpose(uint32_t two)
{
	uint32_t out;

	asm volatile("movmatrix.sync.aligned.m8n8.trans.b16 %0, %1;" : "=r"(out) : "r"(two));
	return out;
}

/* silu(gate) up, of numbers that have been rounded to bfloat16. */
__device__ __forceinline__ float
silu_mul(float gate, float up)
{
	return __fdividef(gate, 1.0f + __expf(-gate)) * up;
}

/* 2^x; results below the normal numbers are zero. */
__device__ __forceinline__ float
power_of_2(float x)
{
	float y;

	asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
	return y;
}

__device__ __forceinline__ float
warp_sum(float v)
{
#pragma unroll
	for (int m = 16; m; m >>= 1)
		v += __shfl_xor_sync(FULL, v, m);
	return v;
}

__device__ __forceinline__ float
warp_max(float v)
{
#pragma unroll
	for (int m = 16; m; m >>= 1)
		v = fmaxf(v, __shfl_xor_sync(FULL, v, m));
	return v;
}

/* The sum over all threads of a block, in a fixed order, for every thread; room: a float for each warp. */
__device__ __forceinline__ float
block_sum(float v, float *room)
{
	int lane = threadIdx.x & 31, n_warps = (blockDim.x + 31) >> 5;

	v = warp_sum(v);
	if (lane == 0)
		room[threadIdx.x >> 5] = v;
	__syncthreads();
	v = warp_sum(lane < n_warps ? room[lane] : 0.0f);
	__syncthreads();
	return v;
}

/* Launches kernel(args…) so that it may begin early where the card can; without chained as any other. */
template <typename... P, typename... A>
static inline void
launch(void (*kernel)(P...), dim3 grid, dim3 block, size_t shared, cudaStream_t s, bool chained, A... args)
{
	cudaLaunchConfig_t c = {};
	cudaLaunchAttribute at = {};

	at.id = cudaLaunchAttributeProgrammaticStreamSerialization;
	at.val.programmaticStreamSerializationAllowed = 1;
	c.gridDim = grid;
	c.blockDim = block;
	c.dynamicSmemBytes = shared;
	c.stream = s;
	c.attrs = &at;
	c.numAttrs = chained ? 1 : 0;
	cudaLaunchKernelEx(&c, kernel, (P)args...);
}

#endif
