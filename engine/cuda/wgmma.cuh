/* wgmma.cuh: what kernels by the warpgroup products of sm_90 share: whether a card runs them, describing tensors for its
 * copies, naming operands in shared memory, waiting for products, and barriers in shared memory. The device's part is only
 * for sm_90a.
 */
#ifndef ENGINE_CUDA_WGMMA_CUH
#define ENGINE_CUDA_WGMMA_CUH

#include "engine/cuda/common.cuh"

#include <atomic>
#include <cuda.h>
#include <cudaTypedefs.h>

/* ---- the card */

#define REMEMBERED_CARDS 64

/* Whether the current card runs KERNEL's code for sm_90a; what is compiled for others is empty, and needs few registers.
 * That never changes, and every product asks: a card's answer is remembered. */
template <auto KERNEL>
static bool
runs_wgmma(void)
{
	static std::atomic<signed char> answers[REMEMBERED_CARDS] = {}; /* 0: not asked yet; 1 yes, -1 no */
	struct cudaFuncAttributes is;
	int card, answer;

	if (cudaGetDevice(&card) != cudaSuccess)
		return false;
	answer = card < REMEMBERED_CARDS ? answers[card].load() : 0;
	if (answer == 0) {
		if (cudaFuncGetAttributes(&is, KERNEL) != cudaSuccess)
			return false;
		answer = is.binaryVersion == 90 && is.numRegs > 64 ? 1 : -1;
		if (card < REMEMBERED_CARDS)
			answers[card] = (signed char)answer;
	}
	return answer > 0;
}

/* ---- tensor copies */

/* The driver's function that describes a tensor; NULL: it has none. */
static inline PFN_cuTensorMapEncodeTiled_v12000
tensor_encoder(void)
{
	void *f = NULL;
	enum cudaDriverEntryPointQueryResult found;
	cudaError_t rc;

#if CUDART_VERSION >= 12050
	rc = cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &f, 12000, cudaEnableDefault, &found);
#else
	rc = cudaGetDriverEntryPoint("cuTensorMapEncodeTiled", &f, cudaEnableDefault, &found);
#endif
	if (rc != cudaSuccess) {        /* else an error that stands is a launch's, and not ours to take away */
		cudaGetLastError();
		return NULL;
	}
	return (PFN_cuTensorMapEncodeTiled_v12000)f;
}

/* bf16, n dimensions, the nearest first (64 values of a box: rows of 128 bytes, swizzled); strides in bytes, of all but the
 * first. What is not there is copied as zeros. */
static inline bool
describe_tensor(CUtensorMap *map, const void *at, int n, const cuuint64_t sizes[], const cuuint64_t strides[],
    const cuuint32_t box[])
{
	static const cuuint32_t steps[5] = { 1, 1, 1, 1, 1 };
	PFN_cuTensorMapEncodeTiled_v12000 encode = tensor_encoder();

	return encode && encode(map, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, (cuuint32_t)n, (void *)at, sizes, strides, box, steps,
	    CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B, CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
	    CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE) == CUDA_SUCCESS;
}

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
