/* gemm_wgmma.cu: gate and up of many rows by the warpgroup products of sm_90: y = silu(x gateᵀ) (x upᵀ), and neither gate nor
 * up is ever in memory.
 *
 * A tile is 64 or 128 rows of weights for each of two warpgroups, by TOKENS rows of x. Blocks come in pairs (clusters of two)
 * whose tiles have their weights in common, or their x: each fetches half of that and the card's tensor copies give it to
 * both, so the second level of cache is read less. One thread of a third warpgroup fetches, 64 columns a stage. Blocks stay
 * and take tile after tile; while a tile's end is computed the next one's stages come in.
 *
 * In the last round most blocks may have no tile. Then the columns of its tiles are dealt out to several blocks; what the
 * others have summed is added by the first, in order.
 *
 * In a tile rows of gate and up take turns of eight, which is how the copies place them. So a lane has gate and up of the
 * same places in its registers, and rounds and multiplies them as cuda_silu_mul does.
 *
 * What bounds it is power: half a second of these on an H200 runs at 1.5 to 1.6 GHz of 1.98. 1,504 rows of the 40B shape by
 * 256 x 192: 670 to 715 TFLOP/s on several cards, where cublasLt's best and cuda_silu_mul kept up 660 to 670. The decoder's
 * other matrices are too few tiles for this: cublasLt's smaller ones were 5 to 10 % faster.
 */
#include "engine/cuda/wgmma.cuh"

#define DEPTH 64                /* columns of a stage: rows of 128 bytes */
#define THREADS 384
#define MAX_STAGES 8
#define BARRIER_BYTES (2 * MAX_STAGES * 8)
#define MAX_PARTS 4             /* of a tile */
#define PART_ROUNDS 0.15f       /* what leaving and taking sums costs, in rounds */
#define BOTH ((uint16_t)3)      /* blocks of a pair */
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
#define IN_PAIRS __cluster_dims__(2, 1, 1)
#else
#define IN_PAIRS
#endif

/* What the tiles of a pair have in common: they are neighbours along the other. */
enum sharing { SHARE_WEIGHTS, SHARE_TOKENS };

template <int TIMES, int N, enum sharing OF>
struct way {
	static constexpr int M = TIMES, TOKENS = N, GROUP_ROWS = 64 * M, ROWS = 2 * GROUP_ROWS;
	static constexpr int GROUP_BYTES = GROUP_ROWS * 128, W_BYTES = 2 * GROUP_BYTES, X_BYTES = TOKENS * 128;
	static constexpr int STAGE = W_BYTES + X_BYTES, ROOM = 227 * 1024 - 1024 - BARRIER_BYTES;
	static constexpr int STAGES = ROOM / STAGE < MAX_STAGES ? ROOM / STAGE : MAX_STAGES;
	static constexpr int SHARED = STAGES * STAGE + BARRIER_BYTES + 1024;
	static constexpr bool WEIGHTS = OF == SHARE_WEIGHTS;    /* in common */

	static_assert((M == 1 || M == 2) && TOKENS % (WEIGHTS ? 8 : 16) == 0 && TOKENS <= 256 / M + 64 * (M - 1), "");
};

/* What is computed, in tiles. */
struct tiled {
	uint16_t *y;
	int y_stride, m;                /* rows of x and y */
	int n_across, n_pairs, n_k;     /* tiles along these rows; all, in pairs; stages of each */
	int n_whole, n_parts;           /* pairs that are done whole; parts of each that is left */
	float *sums;                    /* of parts but the first: [parts - 1][left][2][a tile] */
	unsigned *done;                 /* … and which of them are there [parts - 1][left][2] */
};

#if defined(__CUDA_ARCH_FEAT_SM90_ALL) || !defined(__CUDA_ARCH__)

/* ---- pairs of blocks */

static __device__ __forceinline__ uint32_t
rank_in_pair(void)
{
	uint32_t rank;

	asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
	return rank;
}

static __device__ __forceinline__ void
meet_pair(void)
{
	asm volatile("barrier.cluster.arrive.aligned;\nbarrier.cluster.wait.aligned;" ::: "memory");
}

/* The barrier at the same place in the memory of the block of that rank. */
static __device__ __forceinline__ void
arrive_at(uint32_t at, uint32_t rank)
{
	asm volatile("{.reg .b32 there;\n"
	    "mapa.shared::cluster.u32 there, %0, %1;\n"
	    "mbarrier.arrive.shared::cluster.b64 _, [there];}" :: "r"(at), "r"(rank) : "memory");
}

/* ---- fetching */

struct ring {
	uint32_t stages, full, empty;   /* addresses; barriers are 8 bytes apart */
	int at;
	uint32_t phase;
};

template <class W>
static __device__ __forceinline__ void
turn(struct ring *r)
{
	if (++r->at == W::STAGES) {
		r->at = 0;
		r->phase ^= 1;
	}
}

/* Copies that end at a barrier; of both: into the memory of both blocks, and at the barriers of both. */
static __device__ __forceinline__ void
fetch_weights(uint32_t to, const CUtensorMap *w, int k, int group, uint32_t barrier, bool both)
{
	if (both)
		asm volatile("cp.async.bulk.tensor.5d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.multicast::cluster "
		    "[%0], [%1, {%2, 0, 0, %3, 0}], [%4], %5;"
		    :: "r"(to), "l"(w), "r"(k), "r"(group), "r"(barrier), "h"(BOTH) : "memory");
	else
		asm volatile("cp.async.bulk.tensor.5d.shared::cluster.global.tile.mbarrier::complete_tx::bytes "
		    "[%0], [%1, {%2, 0, 0, %3, 0}], [%4];" :: "r"(to), "l"(w), "r"(k), "r"(group), "r"(barrier) : "memory");
}

static __device__ __forceinline__ void
fetch_rows(uint32_t to, const CUtensorMap *x, int k, int row, uint32_t barrier, bool both)
{
	if (both)
		asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.multicast::cluster "
		    "[%0], [%1, {%2, %3}], [%4], %5;"
		    :: "r"(to), "l"(x), "r"(k), "r"(row), "r"(barrier), "h"(BOTH) : "memory");
	else
		asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes "
		    "[%0], [%1, {%2, %3}], [%4];" :: "r"(to), "l"(x), "r"(k), "r"(row), "r"(barrier) : "memory");
}

/* A tile: which rows of the weights, and which of x. */
struct place {
	int down, across;
};

/* What a pair of blocks does at once: tiles, or a part of their columns: stages from … to. */
struct task {
	int pair, part, from, to;
};

static __device__ __forceinline__ int
n_left(const struct tiled &t)
{
	return t.n_pairs - t.n_whole;
}

static __device__ __forceinline__ int
n_tasks(const struct tiled &t)
{
	return t.n_whole + n_left(t) * t.n_parts;
}

static __device__ __forceinline__ struct task
task_of(const struct tiled &t, int i)
{
	int left = i - t.n_whole, part = left < 0 ? 0 : left / n_left(t);

	if (left < 0)
		return { i, 0, 0, t.n_k };
	return { t.n_whole + left % n_left(t), part, t.n_k * part / t.n_parts, t.n_k * (part + 1) / t.n_parts };
}

/* Pairs with the same weights are next to each other in time. */
template <class W>
static __device__ __forceinline__ struct place
place_of(const struct tiled &t, int pair, int rank)
{
	int n = W::WEIGHTS ? t.n_across / 2 : t.n_across;

	return W::WEIGHTS ? place{ pair / n, pair % n * 2 + rank } : place{ pair / n * 2 + rank, pair % n };
}

template <class W>
static __device__ __forceinline__ void
fetch_stage(const struct ring &r, const CUtensorMap *w, const CUtensorMap *x, const struct place &p, int k, int rank)
{
	uint32_t ws = r.stages + (uint32_t)(r.at * W::STAGE), xs = ws + W::W_BYTES, full = r.full + r.at * 8;

	await(r.empty + r.at * 8, r.phase ^ 1);
	arrive_expecting(full, W::STAGE);
	if (W::WEIGHTS) {
		fetch_weights(ws + rank * W::GROUP_BYTES, w, k, (p.down * 2 + rank) * 4, full, true);
		fetch_rows(xs, x, k, p.across * W::TOKENS, full, false);
	} else {
		fetch_weights(ws, w, k, p.down * 8, full, false);
		fetch_weights(ws + W::GROUP_BYTES, w, k, p.down * 8 + 4, full, false);
		fetch_rows(xs + rank * W::X_BYTES / 2, x, k, p.across * W::TOKENS + rank * W::TOKENS / 2, full, true);
	}
}

template <class W>
static __device__ __forceinline__ void
fetch_all(const struct tiled &t, struct ring r, const CUtensorMap *w, const CUtensorMap *x, int first, int step, int rank)
{
	for (int i = first; i < n_tasks(t); i += step) {
		struct task a = task_of(t, i);
		struct place p = place_of<W>(t, a.pair, rank);

		for (int k = a.from; k < a.to; k++) {
			fetch_stage<W>(r, w, x, p, k * DEPTH, rank);
			turn<W>(&r);
		}
	}
}

/* ---- multiplying */

/* s = a b + (more ? s : 0): 64 rows, 16 terms, both from shared memory. */
#define MULTIPLY(N, OUT, REGISTERS, A, B, MORE) \
	static __device__ __forceinline__ void \
	multiply(float (&s)[N / 8][4], uint64_t a, uint64_t b, int more) \
	{ \
		asm volatile("{.reg .pred p; setp.ne.b32 p, %" #MORE ", 0;\n" \
		    "wgmma.mma_async.sync.aligned.m64n" #N "k16.f32.bf16.bf16 {" OUT "}, %" #A ", %" #B ", p, 1, 1, 0, 0;}" \
		    : REGISTERS(s) : "l"(a), "l"(b), "r"(more)); \
	} \
	static __device__ __forceinline__ void \
	hold(float (&s)[N / 8][4]) \
	{ \
		asm volatile("" : REGISTERS(s) :: "memory"); \
	}

MULTIPLY(104, P52, S52, 52, 53, 54)
MULTIPLY(112, P56, S56, 56, 57, 58)
MULTIPLY(128, P64, S64, 64, 65, 66)
MULTIPLY(152, P76, S76, 76, 77, 78)
MULTIPLY(168, P84, S84, 84, 85, 86)
MULTIPLY(176, P88, S88, 88, 89, 90)
MULTIPLY(192, P96, S96, 96, 97, 98)
MULTIPLY(208, P104, S104, 104, 105, 106)
MULTIPLY(232, P116, S116, 116, 117, 118)
MULTIPLY(256, P128, S128, 128, 129, 130)

template <class W>
static __device__ __forceinline__ void
multiply_stage(float (&sums)[W::M][W::TOKENS / 8][4], uint32_t ws, uint32_t xs, bool first)
{
	begin_products();
#pragma unroll
	for (int i = 0; i < DEPTH / 16; i++)
#pragma unroll
		for (int b = 0; b < W::M; b++)
			multiply(sums[b], descriptor(ws + b * 64 * 128 + i * 32, 16), descriptor(xs + i * 32, 16), !(first && i == 0));
	commit_products();
}

/* The warp has no more use for the stage: both who write there are told. */
static __device__ __forceinline__ void
release(uint32_t empty)
{
	uint32_t lane = threadIdx.x & 31;

	if (lane < 2)
		arrive_at(empty, lane);
}

template <class W>
static __device__ __forceinline__ void
multiply_tile(float (&sums)[W::M][W::TOKENS / 8][4], struct ring *r, int n_k, int group)
{
	uint32_t before = 0;

	for (int k = 0; k < n_k; k++) {
		uint32_t stage = r->stages + (uint32_t)(r->at * W::STAGE);

		await(r->full + r->at * 8, r->phase);
		multiply_stage<W>(sums, stage + group * W::GROUP_BYTES, stage + W::W_BYTES, k == 0);
		await_products<1>();
		if (before)
			release(before);
		before = r->empty + r->at * 8;
		turn<W>(r);
	}
	await_products<0>();
	for (int b = 0; b < W::M; b++)
		hold(sums[b]);
	release(before);
}

/* ---- what follows */

/* In a lane's sums row 0 is gate's and row 1 up's. */
template <class W>
static __device__ __forceinline__ void
store(const struct tiled &t, const float (&sums)[W::M][W::TOKENS / 8][4], const struct place &p, int group)
{
	int lane = threadIdx.x & 31, warp = threadIdx.x >> 5 & 3;
	int token = p.across * W::TOKENS + (lane >> 2), column = ((p.down * 2 + group) * 4 + warp) * 8 * W::M + (lane & 3) * 2;
	uint16_t *y = t.y + (size_t)token * t.y_stride + column;

#pragma unroll
	for (int j = 0; j < W::TOKENS / 8; j++)
#pragma unroll
		for (int b = 0; b < W::M; b++) {
			const float *s = sums[b][j];
			float even = silu_mul(rounded(s[0]), rounded(s[2])), odd = silu_mul(rounded(s[1]), rounded(s[3]));
			uint32_t two = transpose(bf16_pair(even, odd));

			if (token + j * 8 < t.m)
				*(uint32_t *)(y + (size_t)(j * 8) * t.y_stride + b * 8) = two;
		}
}

/* ---- parts */

/* Of both warpgroups. */
static __device__ __forceinline__ void
meet_computing(void)
{
	asm volatile("bar.sync 1, 256;" ::: "memory");
}

static __device__ __forceinline__ int
slot_of(const struct tiled &t, const struct task &a, int part, int rank)
{
	return ((part - 1) * n_left(t) + a.pair - t.n_whole) * 2 + rank;
}

/* Four sums of a thread of those that compute, one after another for all of them. */
template <class W>
static __device__ __forceinline__ float4 *
sums_at(const struct tiled &t, int slot)
{
	return (float4 *)(t.sums + (size_t)slot * W::ROWS * W::TOKENS) + (threadIdx.x - 128);
}

template <class W>
static __device__ __forceinline__ void
leave_sums(const struct tiled &t, const float (&sums)[W::M][W::TOKENS / 8][4], int slot)
{
	float4 *to = sums_at<W>(t, slot);

#pragma unroll
	for (int b = 0; b < W::M; b++)
#pragma unroll
		for (int j = 0; j < W::TOKENS / 8; j++) {
			const float *s = sums[b][j];

			__stcg(to + (b * (W::TOKENS / 8) + j) * 256, make_float4(s[0], s[1], s[2], s[3]));
		}
	__threadfence();
	meet_computing();
	if (threadIdx.x == 128)
		asm volatile("st.release.gpu.global.u32 [%0], 1;" :: "l"(t.done + slot) : "memory");
}

/* The mark is taken back: the next kernel finds none. */
static __device__ __forceinline__ void
await_sums(unsigned *done)
{
	unsigned there = 0;

	if (threadIdx.x == 128) {
		while (!there)
			asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(there) : "l"(done) : "memory");
		*done = 0;
	}
	meet_computing();
}

template <class W>
static __device__ __forceinline__ void
take_sums(const struct tiled &t, float (&sums)[W::M][W::TOKENS / 8][4], int slot)
{
	const float4 *from = sums_at<W>(t, slot);

	await_sums(t.done + slot);
#pragma unroll
	for (int b = 0; b < W::M; b++)
#pragma unroll
		for (int j = 0; j < W::TOKENS / 8; j++) {
			float4 v = __ldcg(from + (b * (W::TOKENS / 8) + j) * 256);

			sums[b][j][0] += v.x;
			sums[b][j][1] += v.y;
			sums[b][j][2] += v.z;
			sums[b][j][3] += v.w;
		}
}

/* The first part waits for the others, which wait for nobody. */
template <class W>
static __device__ __forceinline__ void
compute_all(const struct tiled &t, struct ring r, int first, int step, int rank, int group)
{
	for (int i = first; i < n_tasks(t); i += step) {
		struct task a = task_of(t, i);
		float sums[W::M][W::TOKENS / 8][4];

		multiply_tile<W>(sums, &r, a.to - a.from, group);
		if (a.part > 0) {
			leave_sums<W>(t, sums, slot_of(t, a, a.part, rank));
			continue;
		}
		for (int part = 1; i >= t.n_whole && part < t.n_parts; part++)
			take_sums<W>(t, sums, slot_of(t, a, part, rank));
		store<W>(t, sums, place_of<W>(t, a.pair, rank), group);
	}
}

#endif

/* w: gate and up. */
template <class W>
static __global__ void IN_PAIRS __launch_bounds__(THREADS, 1)
swiglu_kernel(const __grid_constant__ struct tiled t, const __grid_constant__ CUtensorMap w,
    const __grid_constant__ CUtensorMap x)
{
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
	extern __shared__ uint8_t memory[];
	uint32_t base = (shared_address(memory) + 1023) & ~1023u, barriers = base + W::STAGES * W::STAGE;
	int warpgroup = __shfl_sync(FULL, (int)threadIdx.x >> 7, 0) - 1, rank = (int)rank_in_pair();
	int first = blockIdx.x / 2, step = gridDim.x / 2;
	struct ring r = { base, barriers, barriers + MAX_STAGES * 8, 0, 0 };

	if (threadIdx.x == 0) {
		for (int i = 0; i < W::STAGES; i++) {
			barrier_init(r.full + i * 8, 1);
			barrier_init(r.empty + i * 8, 2 * 8);   /* the warps that compute, of both blocks */
		}
		show_barriers();
	}
	meet_pair();
	wait_for_previous();
	if (warpgroup < 0) {
		asm volatile("setmaxnreg.dec.sync.aligned.u32 40;");
		if (threadIdx.x == 0)
			fetch_all<W>(t, r, &w, &x, first, step, rank);
		__syncwarp();
	} else {
		asm volatile("setmaxnreg.inc.sync.aligned.u32 232;");
		compute_all<W>(t, r, first, step, rank, warpgroup);
	}
	meet_pair();            /* nobody leaves to whom the other still writes */
#endif
}

/* ---- launching */

/* Of weights what the copies put into a tile: turns of eight rows of gate and up; a warpgroup's four warps have 8 M of each
 * that follow one another, in which y's columns of a warp are neighbours. */
template <class W>
static bool
describe(CUtensorMap *w, CUtensorMap *x, const struct swiglu *g)
{
	cuuint64_t line = (cuuint64_t)g->cols * 2, rows = (cuuint64_t)g->rows, m = W::M;
	cuuint64_t w_sizes[5] = { (cuuint64_t)g->cols, 8, 2, rows / (8 * m), m };
	cuuint64_t w_strides[4] = { line, rows * line, 8 * m * line, 8 * line };
	cuuint64_t x_sizes[2] = { (cuuint64_t)g->cols, (cuuint64_t)g->n }, x_strides[1] = { (cuuint64_t)g->x_stride * 2 };
	cuuint32_t w_box[5] = { DEPTH, 8, 2, 4, W::M }, x_box[2] = { DEPTH, W::WEIGHTS ? W::TOKENS : W::TOKENS / 2 };

	return describe_tensor(w, g->w, 5, w_sizes, w_strides, w_box) && describe_tensor(x, g->x, 2, x_sizes, x_strides, x_box);
}

/* Into how many parts to deal the columns of the tiles of the last round, of which `left` pairs of `step` blocks have one. */
static int
parts_of(const struct swiglu *g, int left, int step, size_t tile)
{
	int parts = left > 0 ? step / left : 1, most = g->cols / DEPTH / 8;

	parts = parts < MAX_PARTS ? parts : MAX_PARTS;
	parts = parts < most ? parts : most;
	while (parts > 1 && ((size_t)(parts - 1) * left * 2 * tile > g->work_bytes || (parts - 1) * left * 2 > SWIGLU_MARKS))
		parts--;
	return parts > 1 ? parts : 1;
}

template <class W>
static struct tiled
tiles_of(const struct swiglu *g)
{
	int across = ceil_div(g->n, W::TOKENS), down = 2 * g->rows / W::ROWS, step = g->n_sm / 2, pairs, left;

	across = W::WEIGHTS ? (across + 1) / 2 * 2 : across;
	pairs = across * down / 2;
	left = pairs % step;
	return { g->y, g->y_stride, g->n, across, pairs, g->cols / DEPTH, pairs - left,
		parts_of(g, left, step, (size_t)W::ROWS * W::TOKENS * sizeof(float)), (float *)g->work, g->marks };
}

/* What a way costs: its rounds, a tile's products, and, of these, the share that fetching a tile's operands takes more of
 * power where tiles are small (fitted to what an H200 kept up). 0: the way is not for this shape. */
template <class W>
static float
cost(const struct swiglu *g)
{
	struct tiled t = tiles_of<W>(g);
	int left = t.n_pairs - t.n_whole;
	float rounds = (float)(t.n_whole / (g->n_sm / 2)) + (left > 0 ? 1.0f / t.n_parts : 0) + (t.n_parts > 1 ? PART_ROUNDS : 0);

	if (2 * g->rows % (W::WEIGHTS ? W::ROWS : 2 * W::ROWS))
		return 0;
	return rounds * W::M * W::TOKENS * (1 + 36.0f / W::ROWS + 36.0f / W::TOKENS);
}

template <class W>
static bool
run(cudaStream_t s, const struct swiglu *g)
{
	CUtensorMap w, x;

	if (!describe<W>(&w, &x, g))
		return false;
	cudaFuncSetAttribute(swiglu_kernel<W>, cudaFuncAttributeMaxDynamicSharedMemorySize, W::SHARED);
	launch(swiglu_kernel<W>, dim3((unsigned)(g->n_sm / 2 * 2)), dim3(THREADS), W::SHARED, s, true, tiles_of<W>(g), w, x);
	return true;
}

struct choice {
	bool (*run)(cudaStream_t s, const struct swiglu *g);
	float (*cost)(const struct swiglu *g);
	const char *name;
};

#define WAY(M, N, OF) { run<way<M, N, OF>>, cost<way<M, N, OF>>, #M " x 128 by " #N ", " #OF }

static const struct choice choices[] = {
	WAY(2, 192, SHARE_WEIGHTS), WAY(2, 168, SHARE_WEIGHTS), WAY(2, 152, SHARE_WEIGHTS), WAY(2, 128, SHARE_WEIGHTS),
	WAY(1, 256, SHARE_WEIGHTS), WAY(1, 232, SHARE_WEIGHTS), WAY(1, 208, SHARE_WEIGHTS), WAY(1, 176, SHARE_WEIGHTS),
	WAY(1, 152, SHARE_WEIGHTS), WAY(1, 128, SHARE_WEIGHTS), WAY(1, 104, SHARE_WEIGHTS),
	WAY(1, 256, SHARE_TOKENS), WAY(1, 208, SHARE_TOKENS), WAY(1, 176, SHARE_TOKENS), WAY(1, 112, SHARE_TOKENS),
};

/* The least cost, the first where two have it; NULL: the shape is for none. */
static const struct choice *
choose(const struct swiglu *g)
{
	const struct choice *best = NULL;
	float least = 0;

	for (const struct choice &c : choices) {
		float now = c.cost(g);

		if (now > 0 && (!best || now < least)) {
			best = &c;
			least = now;
		}
	}
	return best;
}

bool
cuda_swiglu_takes(const struct swiglu *g)
{
	return g->n >= SWIGLU_MIN_ROWS && g->cols % DEPTH == 0 && g->x_stride % 8 == 0 && g->y_stride % 2 == 0 &&
	    runs_wgmma<swiglu_kernel<way<2, 192, SHARE_WEIGHTS>>>() && choose(g);
}

bool
cuda_swiglu(cudaStream_t s, const struct swiglu *g)
{
	return choose(g)->run(s, g);
}
