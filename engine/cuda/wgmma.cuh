/* wgmma.cuh: what kernels by the warpgroup products of sm_90 share: naming operands in shared memory, waiting for products,
 * and barriers in shared memory. Only for code that is compiled for sm_90a.
 */
#ifndef ENGINE_CUDA_WGMMA_CUH
#define ENGINE_CUDA_WGMMA_CUH

#include "engine/cuda/common.cuh"

#if defined(__CUDA_ARCH_FEAT_SM90_ALL) || !defined(__CUDA_ARCH__)

/* ---- products */

/* Rows of 128 bytes, swizzled; eight rows are 1024 bytes after the eight before. far: bytes from one
 * 64 columns to the next, where those lie along the columns of the product; else 16. */
static __device__ __forceinline__ uint64_t
descriptor(uint32_t at, uint32_t far)
{
	return (uint64_t)(at >> 4 & 0x3fff) | (uint64_t)(far >> 4) << 16 | (uint64_t)(1024 >> 4) << 32 | (uint64_t)1 << 62;
}

static __device__ __forceinline__ void
begin_products(void)
{
	asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}

static __device__ __forceinline__ void
commit_products(void)
{
	asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}

/* All but the last N groups of products are done: what they wrote may be read. */
template <int N>
static __device__ __forceinline__ void
await_products(void)
{
	asm volatile("wgmma.wait_group.sync.aligned %0;" :: "n"(N) : "memory");
}

/* ---- barriers: addresses in shared memory, 8 bytes each */

static __device__ __forceinline__ void
barrier_init(uint32_t at, int n)
{
	asm volatile("mbarrier.init.shared.b64 [%0], %1;" :: "r"(at), "r"(n) : "memory");
}

/* What was initialised is seen by copies too; other threads see it behind the block's barrier. */
static __device__ __forceinline__ void
show_barriers(void)
{
	asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}

static __device__ __forceinline__ void
arrive(uint32_t at)
{
	asm volatile("mbarrier.arrive.shared.b64 _, [%0];" :: "r"(at) : "memory");
}

static __device__ __forceinline__ void
await(uint32_t at, uint32_t phase)
{
	asm volatile("{.reg .pred p;\n"
	    "again: mbarrier.try_wait.parity.shared.b64 p, [%0], %1;\n"
	    "@!p bra again;}" :: "r"(at), "r"(phase) : "memory");
}

#endif

#endif
