/* attention_wgmma.cu: attention.cu's sums by the warpgroup products of sm_90, which read their operands from shared memory
 * and run on while the registers do something else. For heads of more than 64 and at most 128 values.
 *
 * A block takes 128 rows that share keys and values: of a group of query heads row i is head i % group of token
 * i / group. A warpgroup has 64 of them. Keys and values come in tiles of 128 through three stages of shared memory, which
 * one thread of a third warpgroup fetches by the tensor copies of sm_90. While one warpgroup's products run, of a tile's
 * keys and of the values before, the other softens its scores: FlashAttention-3's ways (Shah et al. 2024).
 * Rounding as in attention.cu: float32 but for the weights, which are bfloat16 when they meet the values. A row sees the
 * tiles in order whatever other rows are computed with it.
 * Shared memory: rows of 64 values (128 bytes) one after another, of both halves of a head; the eight 16-byte pieces of a
 * row are exchanged by its number (the 128-byte swizzle that wgmma's descriptors name), so no bank is met twice.
 * 4 rows keys D operations a head. Measured on an H200: 500 TFLOP/s of 1000 rows behind 2000; two warps a scheduler issue an
 * instruction every third cycle, and softening is what they wait in.
 */
#include "engine/cuda/attention.cuh"
#include "engine/cuda/wgmma.cuh"

#define WARPGROUPS 2            /* that compute */
#define THREADS ((1 + WARPGROUPS) * 128)
#define ROWS (WARPGROUPS * 64)
#define KEYS 128
#define DIM 128
#define HALF_BYTES(n) ((n) * 128)       /* n rows of half a head */
#define TILE_BYTES (2 * HALF_BYTES(KEYS))
#define STAGES 3                /* tiles of keys, and of values, that are here or on their way */
#define BARRIER_BYTES 64
#define SHARED_BYTES (2 * HALF_BYTES(ROWS) + 2 * STAGES * TILE_BYTES + BARRIER_BYTES + 1024)

#if defined(__CUDA_ARCH_FEAT_SM90_ALL) || !defined(__CUDA_ARCH__)

/* ---- wgmma */

/* s = a b + (more ? s : 0): 64 rows, 128 columns, 16 terms. */
static __device__ __forceinline__ void
multiply_shared(float (&s)[16][4], uint64_t a, uint64_t b, int more)
{
	asm volatile("{.reg .pred p; setp.ne.b32 p, %66, 0;\n"
	    "wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {" P64 "}, %64, %65, p, 1, 1, 0, 0;}"
	    : S64(s) : "l"(a), "l"(b), "r"(more));
}

/* The same for 16 columns. */
static __device__ __forceinline__ void
multiply_shared_16(float (&s)[2][4], uint64_t a, uint64_t b, int more)
{
	asm volatile("{.reg .pred p; setp.ne.b32 p, %10, 0;\n"
	    "wgmma.mma_async.sync.aligned.m64n16k16.f32.bf16.bf16 {" P8 "}, %8, %9, p, 1, 1, 0, 0;}"
	    : S8(s) : "l"(a), "l"(b), "r"(more));
}

/* out += p b: p from registers, 16 keys; b's columns follow one another in memory. */
static __device__ __forceinline__ void
multiply_weights(float (&out)[16][4], const uint32_t p[4], uint64_t b)
{
	asm volatile("wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {" P64 "}, {%64,%65,%66,%67}, %68, 1, 1, 1, 1;"
	    : S64(out) : "r"(p[0]), "r"(p[1]), "r"(p[2]), "r"(p[3]), "l"(b));
}

/* Between products that are under way and code that uses their registers the compiler sees no tie: this is one. */
static __device__ __forceinline__ void
hold(float (&s)[16][4])
{
	asm volatile("" : S64(s) :: "memory");
}

static __device__ __forceinline__ void
hold(float (&s)[2][4])
{
	asm volatile("" : S8(s) :: "memory");
}

/* ---- tiles */

/* Where 16 bytes of a row of a tile of n_rows lie. */
static __device__ __forceinline__ uint32_t
place(uint32_t tile, int n_rows, int row, int piece)
{
	return tile + (uint32_t)((piece >> 3) * HALF_BYTES(n_rows) + row * 128 + ((piece ^ row) & 7) * 16);
}

/* A block's: row i is head i % group of token i / group. */
struct rows {
	int first, end, group;
};

/* The warpgroup's 64, by itself. */
static __device__ __forceinline__ void
fetch_queries(uint32_t tile, const struct attend &a, const uint16_t *q, const struct rows &r, int warpgroup)
{
	int piece = threadIdx.x & 15, first = warpgroup * 64;

#pragma unroll
	for (int i = first + (int)(threadIdx.x & 127) / 16; i < first + 64; i += 8) {
		int row = r.first + i;
		bool there = row < r.end && piece * 8 < a.head_dim;
		const uint16_t *source = q + (size_t)(row / r.group) * a.q_stride + (row % r.group) * a.head_dim + piece * 8;

		copy16(place(tile, ROWS, i, piece), there ? source : q, there);
	}
	asm volatile("cp.async.wait_all;" ::: "memory");
	asm volatile("fence.proxy.async;" ::: "memory");
	asm volatile("bar.sync %0, 128;" :: "r"(1 + warpgroup) : "memory");
}

/* ---- tiles come and go: fetch t brings tile t of the keys and t - 1 of the values */

struct ring {
	uint32_t ks, vs, full, empty;   /* addresses: STAGES of each; barriers are 8 bytes apart */
};

/* Both halves of KEYS rows of a head from row first on; rows and columns that are not there are zeros. */
static __device__ __forceinline__ void
fetch_tile(uint32_t to, const CUtensorMap *from, int head, int first, uint32_t barrier)
{
	for (int half = 0; half < 2; half++)
		asm volatile("cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], "
		    "[%1, {%2, %3, %4}], [%5];"
		    :: "r"(to + half * HALF_BYTES(KEYS)), "l"(from), "r"(half * 64), "r"(head), "r"(first), "r"(barrier) : "memory");
}

/* All of them, by one thread. */
static __device__ __forceinline__ void
fetch_all(const struct ring &r, const CUtensorMap *k, const CUtensorMap *v, int head, int n_tiles)
{
	for (int t = 0; t <= n_tiles; t++) {
		uint32_t stage = t % STAGES, full = r.full + stage * 8, n = (t < n_tiles) + (t > 0);

		if (t >= STAGES)
			await(r.empty + stage * 8, (t / STAGES + 1) & 1);
		arrive_expecting(full, n * TILE_BYTES);
		if (t < n_tiles)
			fetch_tile(r.ks + stage * TILE_BYTES, k, head, t * KEYS, full);
		if (t > 0)
			fetch_tile(r.vs + (t - 1) % STAGES * TILE_BYTES, v, head, (t - 1) * KEYS, full);
	}
}

/* ---- the warpgroup's part of a tile */

/* What does not change while the tiles go by. */
struct work {
	int n_plain;                    /* tiles that every row of the block sees whole */
	int key, last[2];               /* the lane's first of a tile; the last that each of its rows sees */
	int warpgroup;
	uint32_t qs;                    /* its rows */
	struct ring r;
	float scale_log2;
};

/* What a thread keeps of its two rows: maximum and sum so far, and what the output so far is worth. */
struct running {
	float largest[2], sum[2], worth[2];
};

static __device__ __forceinline__ uint32_t
tile_at(uint32_t tiles, int t)
{
	return tiles + t % STAGES * TILE_BYTES;
}

/* What fetch t brought is here. */
static __device__ __forceinline__ void
await_fetched(const struct work &w, int t)
{
	await(w.r.full + t % STAGES * 8, t / STAGES & 1);
}

/* The warp has no more use for it. */
static __device__ __forceinline__ void
release(const struct work &w, int t)
{
	if ((threadIdx.x & 31) == 0)
		arrive(w.r.empty + t % STAGES * 8);
}

static __device__ __forceinline__ void
score(const struct work &w, float (&s)[16][4], int t)
{
#pragma unroll
	for (int d = 0; d < DIM / 16; d++)
		multiply_shared(s, descriptor(w.qs + (d >> 2) * HALF_BYTES(ROWS) + (d & 3) * 32, 16),
		    descriptor(tile_at(w.r.ks, t) + (d >> 2) * HALF_BYTES(KEYS) + (d & 3) * 32, 16), d > 0);
	commit_products();
}

/* Of the first 16 keys. */
static __device__ __forceinline__ void
score_few(const struct work &w, float (&s)[2][4], int t)
{
#pragma unroll
	for (int d = 0; d < DIM / 16; d++)
		multiply_shared_16(s, descriptor(w.qs + (d >> 2) * HALF_BYTES(ROWS) + (d & 3) * 32, 16),
		    descriptor(tile_at(w.r.ks, t) + (d >> 2) * HALF_BYTES(KEYS) + (d & 3) * 32, 16), d > 0);
	commit_products();
}

/* N times 16 keys of tile t. */
template <int N>
static __device__ __forceinline__ void
gather(const struct work &w, float (&out)[16][4], const uint32_t (&p)[N][4], int t)
{
#pragma unroll
	for (int i = 0; i < N; i++)
		multiply_weights(out, p[i], descriptor(tile_at(w.r.vs, t) + i * 2048, HALF_BYTES(KEYS)));
	commit_products();
}

#define CHAINS 4                /* that run beside each other where one would wait for itself */

/* The largest score of a row, and the sum of its weights, over the four lanes that have it. */
template <int N>
static __device__ __forceinline__ float
largest_score(const float (&s)[N][4], int half, float largest)
{
	float m[CHAINS] = { largest, -INFINITY, -INFINITY, -INFINITY };

#pragma unroll
	for (int n = 0; n < N; n++)
#pragma unroll
		for (int i = 0; i < 2; i++)
			m[(2 * n + i) % CHAINS] = fmaxf(m[(2 * n + i) % CHAINS], s[n][2 * half + i]);
	return quad_max(fmaxf(fmaxf(m[0], m[1]), fmaxf(m[2], m[3])));
}

template <int N>
static __device__ __forceinline__ float
weights_sum(const float (&s)[N][4], int half)
{
	float sum[CHAINS] = {};

#pragma unroll
	for (int n = 0; n < N; n++)
#pragma unroll
		for (int i = 0; i < 2; i++)
			sum[(2 * n + i) % CHAINS] += s[n][2 * half + i];
	return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* Scores of tile t → weights, against the largest so far. */
template <int N>
static __device__ __forceinline__ void
soften_tile(const struct work &w, float (&s)[N][4], struct running *now, int t, bool hides)
{
	float most[2];

	if (hides)
#pragma unroll
		for (int n = 0; n < N; n++)
#pragma unroll
			for (int i = 0; i < 4; i++)
				if (t * KEYS + w.key + n * 8 + (i & 1) > w.last[i >> 1])
					s[n][i] = -INFINITY;
#pragma unroll
	for (int i = 0; i < 2; i++) {
		float m = largest_score(s, i, now->largest[i]);

		now->worth[i] = m == -INFINITY ? 1.0f : power_of_2((now->largest[i] - m) * w.scale_log2);
		now->largest[i] = m;
		most[i] = m == -INFINITY ? 0.0f : m * w.scale_log2;
	}
#pragma unroll
	for (int n = 0; n < N; n++)
#pragma unroll
		for (int i = 0; i < 4; i++)
			s[n][i] = power_of_2(fmaf(s[n][i], w.scale_log2, -most[i >> 1]));
#pragma unroll
	for (int i = 0; i < 2; i++)
		now->sum[i] = now->sum[i] * now->worth[i] + weights_sum(s, i);
}

static __device__ __forceinline__ void
weigh(float (&out)[16][4], const struct running &now)
{
#pragma unroll
	for (int n = 0; n < 16; n++)
#pragma unroll
		for (int i = 0; i < 4; i++)
			out[n][i] *= now.worth[i >> 1];
}

template <int N>
static __device__ __forceinline__ void
round_weights(uint32_t (&p)[N][4], const float (&s)[2 * N][4])
{
#pragma unroll
	for (int j = 0; j < N; j++)
#pragma unroll
		for (int i = 0; i < 4; i++)
			p[j][i] = bf16_pair(s[2 * j + (i >> 1)][2 * (i & 1)], s[2 * j + (i >> 1)][2 * (i & 1) + 1]);
}

/* The last 16 keys at most, tile t, of which K is here; and the values of the tile before. */
static __device__ __forceinline__ void
finish_few(const struct work &w, float (&out)[16][4], const uint32_t (&p)[8][4], struct running *now, int t)
{
	float few[2][4];
	uint32_t weights[1][4];

	begin_products();
	score_few(w, few, t);
	gather(w, out, p, t - 1);
	await_products<0>();
	hold(few);
	hold(out);
	soften_tile(w, few, now, t, true);
	weigh(out, *now);
	round_weights(weights, few);
	await_fetched(w, t + 1);
	begin_products();
	gather(w, out, weights, t);
}

/* What is left when the whole tiles before t have been softened. */
template <bool TAIL>
static __device__ __forceinline__ void
finish(const struct work &w, float (&out)[16][4], const uint32_t (&p)[8][4], struct running *now, int t)
{
	if (TAIL) {
		finish_few(w, out, p, now, t);
	} else {
		begin_products();
		gather(w, out, p, t - 1);
	}
	await_products<0>();
	hold(out);
}

/* ---- turns: while one warpgroup's products run the other softens, so they issue theirs one after the other */

#define TURN(warpgroup) (1 + WARPGROUPS + (warpgroup))  /* barriers; 0 is of the block, then come the queries' */

static __device__ __forceinline__ void
await_turn(int warpgroup)
{
	asm volatile("bar.sync %0, 256;" :: "r"(TURN(warpgroup)) : "memory");
}

static __device__ __forceinline__ void
give_turn(int warpgroup)
{
	asm volatile("bar.arrive %0, 256;" :: "r"(TURN(1 - warpgroup)) : "memory");
}

template <bool TAIL>
static __device__ __forceinline__ void
run(const struct work &w, float (&out)[16][4], struct running *now, int n_tiles)
{
	float s[16][4];
	uint32_t p[8][4];
	int t;

	auto step = [&](bool hides) {
		await_fetched(w, t);
		await_turn(w.warpgroup);
		begin_products();
		score(w, s, t);
		gather(w, out, p, t - 1);
		give_turn(w.warpgroup);
		await_products<1>();
		hold(s);
		soften_tile(w, s, now, t, hides);
		await_products<0>();
		hold(out);
		release(w, t);
		weigh(out, *now);
		round_weights(p, s);
	};
	if (w.warpgroup == 1)
		give_turn(1);           /* the first has the first */
	await_fetched(w, 0);
	begin_products();
	score(w, s, 0);
	await_products<0>();
	hold(s);
	release(w, 0);
	soften_tile(w, s, now, 0, true);
	round_weights(p, s);
	for (t = 1; t < w.n_plain; t++)
		step(false);
	for (; t < n_tiles; t++)
		step(true);
	await_fetched(w, t);
	finish<TAIL>(w, out, p, now, t);
	if (w.warpgroup == 0)
		await_turn(0);          /* which nobody takes any more */
}

static __device__ __forceinline__ void
store(const struct attend &a, uint16_t *out, const struct rows &r, int row, const float (&sums)[16][4], int half, float scale)
{
	uint16_t *to = out + (size_t)(row / r.group) * a.out_stride + (row % r.group) * a.head_dim;

	if (row >= r.end)
		return;
#pragma unroll
	for (int n = 0; n < 16; n++) {
		int d = n * 8 + (threadIdx.x & 3) * 2;

		if (d < a.head_dim)
			*(uint32_t *)(to + d) = bf16_pair(sums[n][2 * half] * scale, sums[n][2 * half + 1] * scale);
	}
}

/* A warpgroup's rows. */
template <bool TAIL>
static __device__ __forceinline__ void
compute(const struct attend &a, const struct rows &r, const struct ring &ring, uint32_t queries, int warpgroup, int n_keys,
    float scale_log2)
{
	int row = r.first + warpgroup * 64 + (int)(threadIdx.x >> 5 & 3) * 16 + (int)(threadIdx.x & 31) / 4;    /* and + 8 */
	float out[16][4] = {};
	struct running now = { { -INFINITY, -INFINITY }, { 0, 0 } };
	struct work w;

	w.n_plain = (a.pos < 0 ? n_keys : min(n_keys, a.pos + r.first / r.group + 1)) / KEYS;
	w.key = (threadIdx.x & 3) * 2;
	w.last[0] = a.pos < 0 ? n_keys - 1 : min(n_keys - 1, a.pos + row / r.group);
	w.last[1] = a.pos < 0 ? n_keys - 1 : min(n_keys - 1, a.pos + (row + 8) / r.group);
	w.warpgroup = warpgroup;
	w.qs = queries + warpgroup * HALF_BYTES(64);
	w.r = ring;
	w.scale_log2 = scale_log2;
	fetch_queries(queries, a, a.q + (size_t)blockIdx.y * r.group * a.head_dim, r, warpgroup);
	run<TAIL>(w, out, &now, (n_keys + KEYS - 1) / KEYS - TAIL);
#pragma unroll
	for (int half = 0; half < 2; half++)
		store(a, a.out + (size_t)blockIdx.y * r.group * a.head_dim, r, row + half * 8, out, half,
		    1.0f / quad_sum(now.sum[half]));
}

#endif

/* TAIL: at most 16 keys are left behind the last whole tile: a picture's 1025 tokens. */
template <bool TAIL>
static __global__ void __launch_bounds__(THREADS, 1)
wgmma_kernel(const __grid_constant__ struct attend a, const __grid_constant__ CUtensorMap k,
    const __grid_constant__ CUtensorMap v, float scale_log2)
{
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
	extern __shared__ uint8_t memory[];
	uint32_t base = (shared_address(memory) + 1023) & ~1023u;
	int warpgroup = __shfl_sync(FULL, (int)threadIdx.x >> 7, 0) - 1, group = a.n_heads / a.n_kv_heads;
	struct rows r = { (int)(gridDim.x - 1 - blockIdx.x) * ROWS, a.n_rows * group, group };  /* the longest first */
	int last_token = (min(r.first + ROWS, r.end) - 1) / group;
	int n_keys = a.pos < 0 ? a.n_keys : min(a.n_keys, a.pos + last_token + 1);
	struct ring ring;

	ring.ks = base + 2 * HALF_BYTES(ROWS);
	ring.vs = ring.ks + STAGES * TILE_BYTES;
	ring.full = ring.vs + STAGES * TILE_BYTES;
	ring.empty = ring.full + STAGES * 8;
	if (threadIdx.x == 0) {
		for (int i = 0; i < STAGES; i++) {
			barrier_init(ring.full + i * 8, 1);
			barrier_init(ring.empty + i * 8, WARPGROUPS * 4);
		}
		show_barriers();
	}
	__syncthreads();
	if (warpgroup < 0) {
		asm volatile("setmaxnreg.dec.sync.aligned.u32 24;");
		if (threadIdx.x == 0)
			fetch_all(ring, &k, &v, blockIdx.y, (n_keys + KEYS - 1) / KEYS);
	} else {
		asm volatile("setmaxnreg.inc.sync.aligned.u32 240;");
		compute<TAIL>(a, r, ring, base, warpgroup, n_keys, scale_log2);
	}
#endif
}

/* Keys or values as [n_keys, n_kv_heads, head_dim], of which a tile's half is copied at a time. */
static bool
describe(CUtensorMap *map, const uint16_t *rows, const struct attend *a)
{
	cuuint64_t sizes[3] = { (cuuint64_t)a->head_dim, (cuuint64_t)a->n_kv_heads, (cuuint64_t)a->n_keys };
	cuuint64_t strides[2] = { (cuuint64_t)a->head_dim * 2, (cuuint64_t)a->kv_stride * 2 };
	cuuint32_t box[3] = { 64, 1, KEYS };

	return describe_tensor(map, rows, 3, sizes, strides, box);
}

bool
attention_by_wgmma(cudaStream_t s, const struct attend *a)
{
	int group = a->n_heads / a->n_kv_heads, left = a->n_keys % KEYS;
	dim3 grid((unsigned)ceil_div((long long)a->n_rows * group, ROWS), (unsigned)a->n_kv_heads);
	auto kernel = a->pos < 0 && a->n_keys > KEYS && left > 0 && left <= 16 ? wgmma_kernel<true> : wgmma_kernel<false>;
	CUtensorMap k, v;

	if (a->head_dim <= 64 || a->head_dim > DIM || a->head_dim % 8 || a->q_stride % 8 || a->kv_stride % 8 ||
	    !runs_wgmma<wgmma_kernel<false>>() || !describe(&k, a->k, a) || !describe(&v, a->v, a))
		return false;
	cudaFuncSetAttribute((const void *)kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, SHARED_BYTES);
	kernel<<<grid, THREADS, SHARED_BYTES, s>>>(*a, k, v, 1.44269504f / sqrtf((float)a->head_dim));
	return true;
}
