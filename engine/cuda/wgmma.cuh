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

/* A product's n sums in inline code: Pn names the first n operands, Sn(s) gives the registers of s[n / 4][4] for them. */
#define P4(a, b, c, d) "%" #a ",%" #b ",%" #c ",%" #d
#define P8 P4(0, 1, 2, 3) "," P4(4, 5, 6, 7)
#define P16 P8 "," P4(8, 9, 10, 11) "," P4(12, 13, 14, 15)
#define P24 P16 "," P4(16, 17, 18, 19) "," P4(20, 21, 22, 23)
#define P32 P24 "," P4(24, 25, 26, 27) "," P4(28, 29, 30, 31)
#define P48 P32 "," P4(32, 33, 34, 35) "," P4(36, 37, 38, 39) "," P4(40, 41, 42, 43) "," P4(44, 45, 46, 47)
#define P52 P48 "," P4(48, 49, 50, 51)
#define P56 P52 "," P4(52, 53, 54, 55)
#define P64 P56 "," P4(56, 57, 58, 59) "," P4(60, 61, 62, 63)
#define P72 P64 "," P4(64, 65, 66, 67) "," P4(68, 69, 70, 71)
#define P76 P72 "," P4(72, 73, 74, 75)
#define P80 P76 "," P4(76, 77, 78, 79)
#define P84 P80 "," P4(80, 81, 82, 83)
#define P88 P84 "," P4(84, 85, 86, 87)
#define P96 P88 "," P4(88, 89, 90, 91) "," P4(92, 93, 94, 95)
#define P104 P96 "," P4(96, 97, 98, 99) "," P4(100, 101, 102, 103)
#define P116 P104 "," P4(104, 105, 106, 107) "," P4(108, 109, 110, 111) "," P4(112, 113, 114, 115)
#define P128 P116 "," P4(116, 117, 118, 119) "," P4(120, 121, 122, 123) "," P4(124, 125, 126, 127)
#define R4(s, i) "+f"(s[i][0]), "+f"(s[i][1]), "+f"(s[i][2]), "+f"(s[i][3])
#define R8(s, i) R4(s, i), R4(s, i + 1)
#define R16(s, i) R8(s, i), R8(s, i + 2)
#define R32(s, i) R16(s, i), R16(s, i + 4)
#define R64(s, i) R32(s, i), R32(s, i + 8)
#define S8(s) R8(s, 0)
#define S16(s) R16(s, 0)
#define S24(s) R16(s, 0), R8(s, 4)
#define S32(s) R32(s, 0)
#define S48(s) R32(s, 0), R16(s, 8)
#define S52(s) R32(s, 0), R16(s, 8), R4(s, 12)
#define S56(s) R32(s, 0), R16(s, 8), R8(s, 12)
#define S64(s) R64(s, 0)
#define S72(s) R64(s, 0), R8(s, 16)
#define S76(s) R64(s, 0), R8(s, 16), R4(s, 18)
#define S80(s) R64(s, 0), R16(s, 16)
#define S84(s) R64(s, 0), R16(s, 16), R4(s, 20)
#define S88(s) R64(s, 0), R16(s, 16), R8(s, 20)
#define S96(s) R64(s, 0), R32(s, 16)
#define S104(s) R64(s, 0), R32(s, 16), R8(s, 24)
#define S116(s) R64(s, 0), R32(s, 16), R16(s, 24), R4(s, 28)
#define S128(s) R64(s, 0), R64(s, 16)

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

/* Arrives, and bytes are to come besides. */
static __device__ __forceinline__ void
arrive_expecting(uint32_t at, int bytes)
{
	asm volatile("mbarrier.arrive.expect_tx.shared.b64 _, [%0], %1;" :: "r"(at), "r"(bytes) : "memory");
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
