/* attention.cu: softmax(q kᵀ / √D) v for many rows: a chunk of a prompt over the cache, or a picture's tokens among
 * themselves. FlashAttention's way (Dao et al. 2022): no score leaves the block.
 *
 * A block takes 128 rows of one head, a warp 32 of them, so that a fragment of keys or values that was fetched serves two
 * products; keys and values come in tiles of 64 through two stages of shared memory (cp.async). Two blocks share a
 * multiprocessor, and a picture's tokens go in one wave. Fewer rows a block read the keys and values too often from the
 * L2; fewer rows a warp fetch too many fragments. Both products by mma.m16n8k16 in bfloat16 with float32 sums; maximum,
 * sum and output stay in float32, the weights are rounded to bfloat16 before they meet the values, as the reference does.
 * A row sees the tiles in order whatever other rows are computed with it, so its result does not depend on them. Rows of
 * shared memory are 16 bytes longer than the data: ldmatrix then meets no bank twice. Head dimensions up to 64, 128 or 256
 * are padded with zeros. 4 rows keys D operations a head; bound by latency (measured on an H100: 220 TFLOP/s), which is
 * why sm_90 has attention_wgmma.cu.
 */
#include "engine/cuda/attention.cuh"

#define WARPS 4
#define THREADS (WARPS * 32)

template <int DIM>
struct tile {
	static const int keys = DIM > 128 ? 32 : 64;    /* that are fetched at once */
	static const int part = 32;                     /* of them, that are scored at once: what registers hold */
	static const int strips = DIM <= 128 ? 2 : 1;   /* of 16 rows, a warp */
	static const int rows = WARPS * 16 * strips;
	static const int pitch = DIM + 8;               /* values */
	static const int blocks = DIM <= 128 ? 2 : 1;   /* that share a multiprocessor */
	static const size_t bytes = sizeof(uint16_t) * (size_t)pitch * (rows + 4 * keys);
};

__device__ __forceinline__ void
load_matrices(uint32_t r[4], uint32_t address)
{
	asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
	    : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(address));
}

__device__ __forceinline__ void
load_matrices_transposed(uint32_t r[4], uint32_t address)
{
	asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
	    : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(address));
}

__device__ __forceinline__ void
multiply(float c[4], const uint32_t a[4], uint32_t b0, uint32_t b1)
{
	asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
	    "{%0,%1,%2,%3};" : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
	    : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/* N_ROWS rows of a head from row first on, of which rows at or beyond end and columns beyond dim are zeros. A thread
 * always has the same columns. */
template <int DIM, int N_ROWS>
__device__ __forceinline__ void
fetch(uint16_t *to, const uint16_t *from, int stride, int first, int end, int dim, bool wide)
{
	constexpr int PIECES = DIM / 8, STEP = THREADS / PIECES;
	int d = threadIdx.x % PIECES * 8, row = threadIdx.x / PIECES;
	uint16_t *at = to + row * tile<DIM>::pitch + d;
	const uint16_t *source = from + (size_t)(first + row) * stride + d;

#pragma unroll
	for (int i = 0; i < N_ROWS; i += STEP, row += STEP) {
		bool there = first + row < end && d < dim;

		if (N_ROWS % STEP && row >= N_ROWS)
			break;
		if (wide)
			copy16(shared_address(at), there ? source : from, there);
		else
			for (int k = 0; k < 8; k++)
				at[k] = there && d + k < dim ? source[k] : 0;
		at += STEP * tile<DIM>::pitch;
		source += (size_t)STEP * stride;
	}
}

/* Scores of keys that a row does not see: key is the first that this lane holds, of 8 a tile row. */
template <int N>
__device__ __forceinline__ void
hide(float (&s)[N][4], int key, int n_keys, int pos, int row)
{
#pragma unroll
	for (int n = 0; n < N; n++)
#pragma unroll
		for (int i = 0; i < 4; i++) {
			int at = key + n * 8 + (i & 1);

			if (at >= n_keys || (pos >= 0 && at > pos + row + (i >> 1) * 8))
				s[n][i] = -INFINITY;
		}
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

/* ---- a warp's part: PART keys from key on of a tile */

template <int DIM>
using scores = float[tile<DIM>::strips][tile<DIM>::part / 8][4];
template <int DIM>
using sums = float[tile<DIM>::strips][DIM / 8][4];

/* s = q kᵀ; q_at and k_at: where the lane's part of the warp's rows, and of the tile's first key, lies. */
template <int DIM>
__device__ __forceinline__ void
score(scores<DIM> &s, uint32_t q_at, uint32_t k_at, int key)
{
	constexpr int PITCH = tile<DIM>::pitch, STRIPS = tile<DIM>::strips;

#pragma unroll
	for (int d = 0; d < DIM / 16; d++) {
		uint32_t qf[STRIPS][4];

#pragma unroll
		for (int m = 0; m < STRIPS; m++)
			load_matrices(qf[m], q_at + (m * 16 * PITCH + d * 16) * 2);
#pragma unroll
		for (int n = 0; n < tile<DIM>::part / 16; n++) {
			uint32_t b[4];

			load_matrices(b, k_at + ((key + n * 16) * PITCH + d * 16) * 2);
#pragma unroll
			for (int m = 0; m < STRIPS; m++) {
				multiply(s[m][2 * n], qf[m], b[0], b[1]);
				multiply(s[m][2 * n + 1], qf[m], b[2], b[3]);
			}
		}
	}
}

/* Scores → weights; what out holds counts less when a larger score was found. */
template <int DIM>
__device__ __forceinline__ void
soften_all(scores<DIM> &s, sums<DIM> &out, float (*largest)[2], float (*sum)[2], float scale_log2)
{
	constexpr int STRIPS = tile<DIM>::strips;
	float worth[STRIPS][2];
	bool new_largest = false;

#pragma unroll
	for (int m = 0; m < STRIPS; m++)
#pragma unroll
		for (int half = 0; half < 2; half++) {
			worth[m][half] = soften(s[m], half, &largest[m][half], &sum[m][half], scale_log2);
			new_largest |= worth[m][half] != 1.0f;
		}
	if (!__any_sync(FULL, new_largest))
		return;
#pragma unroll
	for (int m = 0; m < STRIPS; m++)
#pragma unroll
		for (int n = 0; n < DIM / 8; n++)
#pragma unroll
			for (int i = 0; i < 4; i++)
				out[m][n][i] *= worth[m][i >> 1];
}

/* out += weights v */
template <int DIM>
__device__ __forceinline__ void
gather(sums<DIM> &out, const scores<DIM> &s, uint32_t v_at, int key)
{
	constexpr int PITCH = tile<DIM>::pitch, STRIPS = tile<DIM>::strips;

#pragma unroll
	for (int j = 0; j < tile<DIM>::part / 16; j++) {
		uint32_t p[STRIPS][4];

#pragma unroll
		for (int m = 0; m < STRIPS; m++)
#pragma unroll
			for (int i = 0; i < 4; i++)
				p[m][i] = bf16_pair(s[m][2 * j + (i >> 1)][2 * (i & 1)], s[m][2 * j + (i >> 1)][2 * (i & 1) + 1]);
#pragma unroll
		for (int n = 0; n < DIM / 16; n++) {
			uint32_t b[4];

			load_matrices_transposed(b, v_at + ((key + j * 16) * PITCH + n * 16) * 2);
#pragma unroll
			for (int m = 0; m < STRIPS; m++) {
				multiply(out[m][2 * n], p[m], b[0], b[1]);
				multiply(out[m][2 * n + 1], p[m], b[2], b[3]);
			}
		}
	}
}

/* Row r of a head, of which the lane holds two values in eight. */
template <int DIM>
__device__ __forceinline__ void
store_row(const struct attend &a, int head, int r, const float (&out)[DIM / 8][4], int half, float scale)
{
	uint16_t *to = a.out + (size_t)r * a.out_stride + (size_t)head * a.head_dim;

	if (r >= a.n_rows)
		return;
#pragma unroll
	for (int n = 0; n < DIM / 8; n++)
#pragma unroll
		for (int i = 0; i < 2; i++) {
			int d = n * 8 + (threadIdx.x & 3) * 2 + i;

			if (d < a.head_dim)
				to[d] = bf16_of(out[n][2 * half + i] * scale);
		}
}

/* ---- the block */

/* A tile of keys and of values, on its way into stage t % 2. */
template <int DIM>
__device__ __forceinline__ void
fetch_tile(const struct attend &a, uint16_t *ks, uint16_t *vs, int kv_head, int t, int n_keys, bool wide)
{
	constexpr int KEYS = tile<DIM>::keys, STAGE = KEYS * tile<DIM>::pitch;
	size_t at = (size_t)kv_head * a.head_dim;

	fetch<DIM, KEYS>(ks + (t & 1) * STAGE, a.k + at, a.kv_stride, t * KEYS, n_keys, a.head_dim, wide);
	fetch<DIM, KEYS>(vs + (t & 1) * STAGE, a.v + at, a.kv_stride, t * KEYS, n_keys, a.head_dim, wide);
	asm volatile("cp.async.commit_group;" ::: "memory");
}

template <int DIM>
__global__ void __launch_bounds__(THREADS, tile<DIM>::blocks)
attention_kernel(const __grid_constant__ struct attend a, float scale_log2, bool wide)
{
	constexpr int KEYS = tile<DIM>::keys, PART = tile<DIM>::part, PITCH = tile<DIM>::pitch, STRIPS = tile<DIM>::strips,
	    ROWS = tile<DIM>::rows;
	extern __shared__ __align__(16) uint16_t memory[];
	uint16_t *qs = memory, *ks = qs + ROWS * PITCH, *vs = ks + 2 * KEYS * PITCH;
	int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, head = blockIdx.y, kv_head = head / (a.n_heads / a.n_kv_heads);
	int first = (gridDim.x - 1 - blockIdx.x) * ROWS;        /* the longest first */
	int warp_first = first + warp * 16 * STRIPS, row = warp_first + (lane >> 2);    /* and + 8, + 16, … */
	int last = min(first + ROWS, a.n_rows) - 1, n_keys = a.pos < 0 ? a.n_keys : min(a.n_keys, a.pos + last + 1);
	int n_tiles = (n_keys + KEYS - 1) / KEYS;
	int n_seen = a.pos < 0 ? n_keys : min(n_keys, a.pos + warp_first + 1);  /* keys that all of the warp's rows see */
	int warp_end = a.pos < 0 ? n_keys : min(n_keys, a.pos + warp_first + 16 * STRIPS);      /* … that any of them sees */
	float largest[STRIPS][2], sum[STRIPS][2] = {};
	sums<DIM> out = {};
	uint32_t q_at = shared_address(qs + (warp * 16 * STRIPS + (lane & 15)) * PITCH + (lane >> 4) * 8);

#pragma unroll
	for (int m = 0; m < STRIPS; m++)
		largest[m][0] = largest[m][1] = -INFINITY;
	if (warp_first >= a.n_rows)
		warp_end = 0;
	fetch<DIM, ROWS>(qs, a.q + (size_t)head * a.head_dim, a.q_stride, first, a.n_rows, a.head_dim, wide);
	fetch_tile<DIM>(a, ks, vs, kv_head, 0, n_keys, wide);
	for (int t = 0; t < n_tiles; t++) {
		int stage = (t & 1) * KEYS * PITCH;
		uint32_t k_at = shared_address(ks + stage + ((lane & 7) + (lane >> 4) * 8) * PITCH + (lane >> 3 & 1) * 8);
		uint32_t v_at = shared_address(vs + stage + (lane & 15) * PITCH + (lane >> 4) * 8);

		if (t + 1 < n_tiles) {
			fetch_tile<DIM>(a, ks, vs, kv_head, t + 1, n_keys, wide);
			asm volatile("cp.async.wait_group 1;" ::: "memory");
		} else {
			asm volatile("cp.async.wait_group 0;" ::: "memory");
		}
		__syncthreads();
#pragma unroll
		for (int key = 0; key < KEYS; key += PART) {
			scores<DIM> s = {};

			if (t * KEYS + key >= warp_end)
				break;
			score<DIM>(s, q_at, k_at, key);
			if (t * KEYS + key + PART > n_seen)
#pragma unroll
				for (int m = 0; m < STRIPS; m++)
					hide(s[m], t * KEYS + key + (lane & 3) * 2, n_keys, a.pos, row + m * 16);
			soften_all<DIM>(s, out, largest, sum, scale_log2);
			gather<DIM>(out, s, v_at, key);
		}
		__syncthreads();
	}
#pragma unroll
	for (int m = 0; m < STRIPS; m++)
#pragma unroll
		for (int half = 0; half < 2; half++)
			store_row<DIM>(a, head, row + m * 16 + half * 8, out[m], half, 1.0f / quad_sum(sum[m][half]));
}

template <int DIM>
static void
run(cudaStream_t s, const struct attend *a)
{
	dim3 grid((unsigned)ceil_div(a->n_rows, tile<DIM>::rows), (unsigned)a->n_heads);
	float scale_log2 = 1.44269504f / sqrtf((float)a->head_dim);
	bool wide = a->head_dim % 8 == 0 && a->q_stride % 8 == 0 && a->kv_stride % 8 == 0;

	cudaFuncSetAttribute(attention_kernel<DIM>, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)tile<DIM>::bytes);
	attention_kernel<DIM><<<grid, THREADS, tile<DIM>::bytes, s>>>(*a, scale_log2, wide);
}

extern "C" void
cuda_attention(cudaStream_t s, const struct attend *a)
{
	if (attention_by_wgmma(s, a))
		return;
	if (a->head_dim <= 64)
		run<64>(s, a);
	else if (a->head_dim <= 128)
		run<128>(s, a);
	else
		run<256>(s, a);
}
