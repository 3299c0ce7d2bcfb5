/* gemv_packed.cu: one row, or up to GEMV_ROWS, times a matrix of 4 bits on the tensor cores, with the norm before it and
 * what follows it.
 *
 * Reads rows cols / 2 bytes and a 32nd more for scales, once; bound by the card's reading. packed.cuh says where a weight
 * lies. The weights are the A operand of mma.m16n8k16 (f16 in, float32 sums), x is B. A lane's 16 bytes are its A
 * fragments as soon as they are widened; its B fragments are 16 bytes of x in natural order. One row is the same for all
 * eight columns of B, so every column of the result is the product. Several rows are a column each, and what comes of a
 * row is to the bit what comes of it alone: the order of sums over the columns of the matrix depends on WARPS alone.
 *
 * A block takes a tile of 16 rows at a time, its warps groups of 128 columns in turn; each keeps FLIGHT groups requested,
 * on into the block's next tile. The warps' sums meet in shared memory, and one warp (another for each tile) adds them in
 * order and finishes. The first weights are requested before the kernel waits for the one before it, and PREFETCH more
 * bytes a block are called into the L2, so that reading goes on while x is prepared.
 *
 * x is rounded to bfloat16, as for products of many rows, then written as fp16 times a power of two that brings its
 * largest to 2^13 … 2^14: exact for all that is not 2^30 smaller.
 * Widening: a nibble masked into an fp16 is q 2^-24, a subnormal, which mma takes as it is; one 4 bits higher is 16 times
 * that, so x is divided by 16 there. The sums of a group begin with -8 times the sum of x in it.
 */
#include <assert.h>

#include "engine/cuda/packed.cuh"

struct packed_args {
	const uint4 *at;
	const void *scale;
	const float *norm, *x;
	const uint16_t *in;
	float eps;
	int rows, cols, half, n_tiles, n_groups;
	float *out;                     /* RESIDUAL, PLAIN */
	uint16_t *h;                    /* SWIGLU */
	struct gemv_rope rope;          /* QKV */
	int n;                          /* rows of x; for the kernel of several */
};

/* ---- weights */

struct group {
	uint4 w[2];
	uint32_t scale;                 /* fp16 of row low, of row high */
};

/* Where the lane's part of a group is. */
struct source {
	const uint4 *w;
	const uint32_t *scale;
};

static __device__ __forceinline__ struct source
source_of(const struct packed_args &a, int tile, int i)
{
	size_t at = (size_t)tile * a.n_groups + i;
	int lane = threadIdx.x & 31;
	struct source from = { a.at + at * 64 + lane, (const uint32_t *)a.scale + at * 8 + lane / 4 };

	return from;
}

/* f: so many groups further. */
static __device__ __forceinline__ void
request(struct group &to, const struct source &from, int f)
{
	to.w[0] = load_stream(from.w + f * 64);
	to.w[1] = load_stream(from.w + f * 64 + 32);
	to.scale = __ldg(from.scale + f * 8);
}

/* The first FLIGHT groups of the warp in the block's first tile. */
template <int WARPS, int FLIGHT>
static __device__ __forceinline__ void
request_first(const struct packed_args &a, struct group (&u)[FLIGHT])
{
	int warp = threadIdx.x >> 5;
	struct source from = source_of(a, blockIdx.x, warp);

#pragma unroll
	for (int f = 0; f < FLIGHT; f++)
		if (warp + f * WARPS < a.n_groups)
			request(u[f], from, f * WARPS);
}

/* n bytes of the block's tiles into the L2, behind what is requested: so many groups, or all of the first tile. */
static __device__ __forceinline__ void
call_ahead(const struct packed_args &a, int n_requested, int n)
{
	int tile_bytes = a.n_groups * 2 * PIECE_BYTES, skip = min(tile_bytes, n_requested * 2 * PIECE_BYTES);

	for (int i = threadIdx.x * 128; i < n; i += blockDim.x * 128) {
		int at = skip + i, tile = blockIdx.x + at / tile_bytes * gridDim.x;
		const char *p = (const char *)a.at + (size_t)tile * tile_bytes + at % tile_bytes;

		if (tile < a.n_tiles)
			asm volatile("prefetch.global.L2 [%0];" :: "l"(p));
	}
}

/* ---- x into shared memory */

/* Eight of n values from 8 c on, zeros beyond the end; where rows of n do not all begin on 16 bytes, one by one. */
static __device__ __forceinline__ void
eight_floats(float *v, const float *from, int c, int n)
{
	if (8 * c + 8 <= n && n % 4 == 0) {
		float4 low = ((const float4 *)from)[2 * c], high = ((const float4 *)from)[2 * c + 1];

		v[0] = low.x, v[1] = low.y, v[2] = low.z, v[3] = low.w;
		v[4] = high.x, v[5] = high.y, v[6] = high.z, v[7] = high.w;
		return;
	}
#pragma unroll
	for (int i = 0; i < 8; i++)
		v[i] = 8 * c + i < n ? from[8 * c + i] : 0.0f;
}

static __device__ __forceinline__ uint4
eight_bf16(const uint16_t *from, int c, int n)
{
	uint32_t v[4];

	if (8 * c + 8 <= n)
		return ((const uint4 *)from)[c];
#pragma unroll
	for (int i = 0; i < 4; i++) {
		v[i] = 8 * c + 2 * i < n ? from[8 * c + 2 * i] : 0;
		v[i] |= 8 * c + 2 * i + 1 < n ? (uint32_t)from[8 * c + 2 * i + 1] << 16 : 0;
	}
	return make_uint4(v[0], v[1], v[2], v[3]);
}

/* The largest of eight bf16, and of most. */
static __device__ __forceinline__ float
largest_of(float most, uint4 v)
{
	const uint32_t two[4] = { v.x, v.y, v.z, v.w };

#pragma unroll
	for (int i = 0; i < 4; i++)
		most = fmaxf(most, fmaxf(fabsf(bf16_low(two[i])), fabsf(bf16_high(two[i]))));
	return most;
}

/* Values 8 c … of bf16 as fp16 times factor, a 16th of that where the nibble lies high; and what a group's sum begins
 * with. All lanes of a warp call it. */
template <int ROWS>
static __device__ __forceinline__ void
place_x(uint4 *xs, float *begin, int c, int n_chunks, const uint32_t *two, float factor)
{
	uint32_t out[4];
	float sum = 0;

#pragma unroll
	for (int i = 0; i < 4; i++) {
		float low = bf16_low(two[i]) * factor, high = bf16_high(two[i]) * factor;
		float part = i % 2 ? 1.0f / 16 : 1.0f;
		__half2 h = __floats2half2_rn(low * part, high * part);

		sum += low + high;
		out[i] = *(uint32_t *)&h;
	}
	if (c < n_chunks)
		xs[c] = make_uint4(out[0], out[1], out[2], out[3]);
#pragma unroll
	for (int m = 8; m; m >>= 1)
		sum += __shfl_xor_sync(FULL, sum, m);
	if (c < n_chunks && c % 16 == 0)
		begin[c / 16 * ROWS] = sum * (-8.0f / (1 << 24));
}

/* Chunk c as bf16: what was kept of it times scale, or as it came. */
template <bool NORM>
static __device__ __forceinline__ void
chunk_of_x(int c, const uint4 *xs, const float *kept, float scale, uint32_t two[4])
{
	if (NORM) {
		float4 low = ((float4 *)kept)[2 * c], high = ((float4 *)kept)[2 * c + 1];

		two[0] = bf16_pair(low.x * scale, low.y * scale);
		two[1] = bf16_pair(low.z * scale, low.w * scale);
		two[2] = bf16_pair(high.x * scale, high.y * scale);
		two[3] = bf16_pair(high.z * scale, high.w * scale);
	} else {
		uint4 v = xs[c];

		two[0] = v.x, two[1] = v.y, two[2] = v.z, two[3] = v.w;
	}
}

/* Each thread meets its own values only, so kept and xs need no barrier of their own. back: what
 * sums must be multiplied by. */
template <bool NORM>
static __device__ __forceinline__ void
prepare_x(const struct packed_args &a, uint4 *xs, float *begin, float *kept, float2 *room, float *back)
{
	int n_chunks = a.n_groups * (GROUP / 8), base = threadIdx.x & ~31, lane = threadIdx.x & 31, e;
	float sum = 0, most = 0, scale = 1;
	float2 both;

	for (int c = threadIdx.x; c < n_chunks; c += blockDim.x) {
		if (NORM) {
			float x[8];
			float4 *k = (float4 *)kept + 2 * c, low = k[0], high = k[1];

			eight_floats(x, a.x, c, a.cols);
#pragma unroll
			for (int i = 0; i < 8; i++)
				sum = fmaf(x[i], x[i], sum);
			low = make_float4(low.x * x[0], low.y * x[1], low.z * x[2], low.w * x[3]);
			high = make_float4(high.x * x[4], high.y * x[5], high.z * x[6], high.w * x[7]);
			most = fmaxf(most, fmaxf(fmaxf(fabsf(low.x), fabsf(low.y)), fmaxf(fabsf(low.z), fabsf(low.w))));
			most = fmaxf(most, fmaxf(fmaxf(fabsf(high.x), fabsf(high.y)), fmaxf(fabsf(high.z), fabsf(high.w))));
			k[0] = low;
			k[1] = high;
		} else {
			uint4 v = eight_bf16(a.in, c, a.cols);

			most = largest_of(most, v);
			xs[c] = v;
		}
	}
	both = block_sum_max(sum, most, room);
	if (NORM)
		scale = rsqrtf(both.x / (float)a.cols + a.eps);
	e = exponent_of(both.y * scale);
	if (threadIdx.x == 0)
		*back = power_of_two(e - 13);
	for (int c = base; c < n_chunks; c += blockDim.x) {
		int mine = min(c + lane, n_chunks - 1);
		uint32_t two[4];

		chunk_of_x<NORM>(mine, xs, kept, scale, two);
		place_x<1>(xs, begin, c + lane, n_chunks, two, power_of_two(13 - e));
	}
}

/* Words between the rows of x: two rows' reads of shared memory meet no bank twice. */
static __host__ __device__ __forceinline__ int
x_pitch(int n_groups)
{
	return n_groups * (GROUP / 8) + 4;
}

/* Takes the squares and the largest of a row's chunk c in; without a norm the chunk goes to its place. */
template <bool NORM>
static __device__ __forceinline__ void
look_at(const struct packed_args &a, const float *x_row, const uint16_t *in_row, int c, uint4 *xs, const float *kept,
    float &sum, float &most)
{
	if (NORM) {
		float x[8];

		eight_floats(x, x_row, c, a.cols);
#pragma unroll
		for (int i = 0; i < 8; i++) {
			sum = fmaf(x[i], x[i], sum);
			most = fmaxf(most, fabsf(kept[8 * c + i] * x[i]));
		}
	} else {
		uint4 v = eight_bf16(in_row, c, a.cols);

		most = largest_of(most, v);
		xs[c] = v;
	}
}

/* Chunk c of a row as bf16: normalised by scale, or as it came. */
template <bool NORM>
static __device__ __forceinline__ void
chunk_of_row(const struct packed_args &a, const float *x_row, int c, const uint4 *xs, const float *kept, float scale,
    uint32_t two[4])
{
	if (NORM) {
		const float *w = kept + 8 * c;
		float x[8];

		eight_floats(x, x_row, c, a.cols);
#pragma unroll
		for (int i = 0; i < 4; i++)
			two[i] = bf16_pair(w[2 * i] * x[2 * i] * scale, w[2 * i + 1] * x[2 * i + 1] * scale);
	} else {
		uint4 v = xs[c];

		two[0] = v.x, two[1] = v.y, two[2] = v.z, two[3] = v.w;
	}
}

/* The same for a.n rows, each with its own sums and power of two. kept stays the norm's weights, and x is read twice, the
 * second time from the L1. */
template <bool NORM>
static __device__ __forceinline__ void
prepare_rows(const struct packed_args &a, uint4 *xs, float *begin, const float *kept, float2 (*room)[32], float *back)
{
	int n_chunks = a.n_groups * (GROUP / 8), base = threadIdx.x & ~31, lane = threadIdx.x & 31, pitch = x_pitch(a.n_groups);
	int n_warps = (int)blockDim.x >> 5;
	size_t in_pitch = pitch_of_rows(a.cols);
	float sum[GEMV_ROWS] = {}, most[GEMV_ROWS] = {};

	for (int c = threadIdx.x; c < n_chunks; c += blockDim.x)
#pragma unroll
		for (int t = 0; t < GEMV_ROWS; t++) {
			if (t >= a.n)
				break;
			look_at<NORM>(a, a.x + (size_t)t * a.cols, a.in + t * in_pitch, c, xs + t * pitch, kept, sum[t], most[t]);
		}
#pragma unroll
	for (int t = 0; t < GEMV_ROWS; t++) {
		float2 both = make_float2(warp_sum(sum[t]), warp_max(most[t]));

		if (lane == 0)
			room[t][threadIdx.x >> 5] = both;
	}
	__syncthreads();
#pragma unroll
	for (int t = 0; t < GEMV_ROWS; t++) {
		float2 part = lane < n_warps ? room[t][lane] : make_float2(0, 0);
		float scale = NORM ? rsqrtf(warp_sum(part.x) / (float)a.cols + a.eps) : 1;
		int e = exponent_of(warp_max(part.y) * scale);

		if (t >= a.n)
			break;
		if (threadIdx.x == 0)
			back[t] = power_of_two(e - 13);
		for (int c = base; c < n_chunks; c += blockDim.x) {
			int mine = min(c + lane, n_chunks - 1);
			uint32_t two[4];

			chunk_of_row<NORM>(a, a.x + (size_t)t * a.cols, mine, xs + t * pitch, kept, scale, two);
			place_x<GEMV_ROWS>(xs + t * pitch, begin + t, c + lane, n_chunks, two, power_of_two(13 - e));
		}
	}
}

/* ---- the product */

/* Sums of the lane's two rows over its warp's groups of a tile; of several rows of x it has two, which lane % 2 tells. */
template <int ROWS>
struct sums {
	float part[4];                  /* of mma, of a group: 0 and 1 row low, 2 and 3 row high */
	float low[ROWS > 1 ? 2 : 1], high[ROWS > 1 ? 2 : 1];    /* of groups, scaled */
};

/* xs: where the lane's B fragments begin. */
template <int ROWS>
static __device__ __forceinline__ void
multiply(struct sums<ROWS> &s, const struct group &u, const uint4 *xs, const float *begin, int i)
{
	__half2 scale = *(const __half2 *)&u.scale;

	if (ROWS > 1) {
		float2 two = ((const float2 *)begin)[i * (ROWS / 2) + (threadIdx.x & 1)];

		s.part[0] = s.part[2] = two.x;
		s.part[1] = s.part[3] = two.y;
	} else {
		s.part[0] = s.part[1] = s.part[2] = s.part[3] = begin[i];
	}
	xs += i * 16;
#pragma unroll
	for (int p = 0; p < 2; p++) {
		const uint32_t w[4] = { u.w[p].x, u.w[p].y, u.w[p].z, u.w[p].w };
#pragma unroll
		for (int h = 0; h < 2; h++) {
			uint32_t low = w[2 * h], high = w[2 * h + 1];
			uint4 x = xs[p * 8 + h * 4];

			mma(s.part, make_uint2(low & 0x000f000fu, low & 0x00f000f0u), make_uint2(high & 0x000f000fu, high & 0x00f000f0u), x.x, x.y);
			low >>= 8;
			high >>= 8;
			mma(s.part, make_uint2(low & 0x000f000fu, low & 0x00f000f0u), make_uint2(high & 0x000f000fu, high & 0x00f000f0u), x.z, x.w);
		}
	}
#pragma unroll
	for (int k = 0; k < (ROWS > 1 ? 2 : 1); k++) {
		s.low[k] = fmaf(__low2float(scale), s.part[k], s.low[k]);
		s.high[k] = fmaf(__high2float(scale), s.part[2 + k], s.high[k]);
	}
}

/* Group i of a tile and those of the warp behind it, FLIGHT in all, while the next FLIGHT are requested in their places:
 * on into the block's next tile. */
template <int ROWS, int WARPS, int FLIGHT>
static __device__ __forceinline__ void
multiply_round(const struct packed_args &a, struct sums<ROWS> &s, struct group (&u)[FLIGHT], const uint4 *x, const float *begin,
    int tile, int i)
{
	int warp = threadIdx.x >> 5;
	bool more = i - warp + WARPS * FLIGHT < a.n_groups;
	int at = more ? i + WARPS * FLIGHT : warp, of = more ? tile : tile + (int)gridDim.x;
	int end = of < a.n_tiles ? a.n_groups : 0;
	struct source from = source_of(a, of, at);

#pragma unroll
	for (int f = 0; f < FLIGHT; f++) {
		if (i + f * WARPS < a.n_groups)
			multiply<ROWS>(s, u[f], x, begin, i + f * WARPS);
		if (at + f * WARPS < end)
			request(u[f], from, f * WARPS);
	}
}

/* A warp's sums to where the finishing one finds them. */
template <int ROWS, int WARPS>
static __device__ __forceinline__ void
leave(const struct sums<ROWS> &s, float (*partial)[WARPS][TILE_ROWS])
{
	int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;

	if (lane % 4 >= (ROWS > 1 ? ROWS / 2 : 1))
		return;
#pragma unroll
	for (int k = 0; k < (ROWS > 1 ? 2 : 1); k++) {
		int t = lane % 4 * 2 + k;

		partial[t][warp][lane / 4] = s.low[k];
		partial[t][warp][8 + lane / 4] = s.high[k];
	}
}

/* ---- after: one warp for each row t of x, lane r (and 16 + r) for row r of the tile */

/* What was in x before, asked for when the tile begins. */
static __device__ __forceinline__ float
ask(const struct packed_args &a, int t, int tile)
{
	int row = row_at(a.rows, a.half, tile, threadIdx.x & 15);

	return row >= 0 ? a.out[(size_t)t * a.rows + row] : 0.0f;
}

/* The cosines of row t, then its sines. */
static __device__ __forceinline__ void
keep_angles(const struct packed_args &a, int t, float *angles)
{
	size_t at = (size_t)a.rope.state[t].pos * a.half;

	for (int i = threadIdx.x; i < a.half; i += blockDim.x) {
		angles[i] = a.rope.cos[at + i];
		angles[a.half + i] = a.rope.sin[at + i];
	}
}

/* Row row and its partner of the other half of a head: into q, or into the step's row of the cache. */
static __device__ __forceinline__ void
put_qkv(const struct packed_args &a, int t, const float *angles, int row, float low, float high)
{
	const struct gemv_rope &r = a.rope;
	int i = row % r.head_dim;
	bool turns = row < (r.n_heads + r.n_kv_heads) * r.head_dim;
	float c = turns ? angles[i] : 1.0f, s = turns ? angles[a.half + i] : 0.0f;
	uint16_t *to = place_in_step(r, t, r.state[t].pos, row);

	low = rounded(low);
	high = rounded(high);
	to[0] = bf16_of(fmaf(low, c, -__fmul_rn(high, s)));
	to[a.half] = bf16_of(fmaf(low, s, __fmul_rn(high, c)));
}

template <int EPILOGUE, int WARPS>
static __device__ __forceinline__ void
finish(const struct packed_args &a, int t, float old, int tile, const float (*partial)[TILE_ROWS], float back,
    const float *angles)
{
	int lane = threadIdx.x & 31, row = row_at(a.rows, a.half, tile, lane & 15);
	float v = 0, other;

#pragma unroll
	for (int w = 0; w < WARPS; w += 2)
		v += partial[w + lane / 16][lane % 16];
	v += __shfl_xor_sync(FULL, v, 16);
	v *= back * (float)(1 << 24);
	other = __shfl_xor_sync(FULL, v, 8);
	if (lane >= (EPILOGUE == QKV || EPILOGUE == SWIGLU ? 8 : 16) || row < 0)
		return;
	if (EPILOGUE == QKV) {
		put_qkv(a, t, angles, row, v, other);
	} else if (EPILOGUE == SWIGLU) {
		v = rounded(v);
		a.h[t * pitch_of_rows(a.rows / 2) + row] = bf16_of(v / (1.0f + __expf(-v)) * rounded(other));
	} else {
		a.out[(size_t)t * a.rows + row] = EPILOGUE == RESIDUAL ? __fadd_rn(old, v) : v;
	}
}

/* The row of x that the calling warp finishes in the block's tile number turn (modulo WARPS), in turn; ROWS: none. */
template <int ROWS, int WARPS>
static __device__ __forceinline__ int
row_in_turn(int turn)
{
	int warp = threadIdx.x >> 5, t = ROWS == 1 ? warp != turn : (warp + ROWS * (WARPS - turn)) % WARPS;

	return min(t, ROWS);
}

/* ROWS 1, or GEMV_ROWS for 2 … GEMV_ROWS. */
template <int EPILOGUE, int ROWS, int WARPS, int FLIGHT, int PREFETCH, int RESIDENT>
static __global__ void __launch_bounds__(WARPS * 32, RESIDENT)
packed_kernel(const __grid_constant__ struct packed_args a)
{
	constexpr bool NORM = EPILOGUE != RESIDUAL;
	static_assert(WARPS % 2 == 0, "finish() adds two at a time, and partial alternates when turn wraps");
	extern __shared__ uint4 xs[];
	__shared__ float partial[2][ROWS][WARPS][TILE_ROWS];
	__shared__ float2 room[ROWS][32];
	__shared__ float back[ROWS];
	float *begin = (float *)(xs + (ROWS == 1 ? a.n_groups * (GROUP / 8) : a.n * x_pitch(a.n_groups)));
	float *kept = begin + (ROWS * a.n_groups + 3) / 4 * 4;
	float *angles = kept + a.n_groups * GROUP;    /* QKV */
	int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, tile = blockIdx.x, turn = 0;
	const uint4 *x = xs + lane % 4;
	struct group u[FLIGHT];

	request_first<WARPS>(a, u);
	call_ahead(a, FLIGHT * WARPS, PREFETCH);
	if (NORM)
		for (int c = threadIdx.x; c < a.n_groups * (GROUP / 8); c += WARPS * 32)
			eight_floats(kept + 8 * c, a.norm, c, a.cols);
	wait_for_previous();
	if (EPILOGUE == QKV)
		for (int t = 0; t < (ROWS == 1 ? 1 : a.n); t++)
			keep_angles(a, t, angles + t * 2 * a.half);
	if (ROWS == 1) {
		prepare_x<NORM>(a, xs, begin, kept, room[0], back);
	} else {
		prepare_rows<NORM>(a, xs, begin, kept, room, back);
		x += min(lane / 4 % ROWS, a.n - 1) * x_pitch(a.n_groups);
	}
	__syncthreads();
	for (; tile < a.n_tiles; tile += gridDim.x, turn = turn + 1 < WARPS ? turn + 1 : 0) {
		struct sums<ROWS> s = {};
		int t = row_in_turn<ROWS, WARPS>(turn);
		bool mine = ROWS == 1 ? turn == warp : t < a.n;
		float old = 0;

		if (EPILOGUE == RESIDUAL && mine)
			old = ask(a, t, tile);
		for (int i = warp; i - warp < a.n_groups; i += WARPS * FLIGHT)
			multiply_round<ROWS, WARPS>(a, s, u, x, begin, tile, i);
		leave<ROWS, WARPS>(s, partial[turn & 1]);
		__syncthreads();        /* the other partial is free again when its warps have come here */
		if (mine)
			finish<EPILOGUE, WARPS>(a, t, old, tile, partial[turn & 1][t], back[t], angles + t * 2 * a.half);
	}
}

/* ---- launchers */

/* Of the kernel for one row, or for several: for each of them, and for all. */
static size_t
row_bytes(const struct packed_args &a)
{
	return (size_t)x_pitch(a.n_groups) * 16 + (a.rope.q ? 2 * (size_t)a.half * sizeof(float) : 0);
}

static size_t
common_bytes(const struct packed_args &a, int rows)
{
	return ((size_t)rows * (size_t)a.n_groups + 3) / 4 * 16 + (a.norm ? (size_t)a.n_groups * GROUP * sizeof(float) : 0);
}

static size_t
shared_bytes(const struct packed_args &a)
{
	return a.n == 1 ? row_bytes(a) - 64 + common_bytes(a, 1) : (size_t)a.n * row_bytes(a) + common_bytes(a, GEMV_ROWS);
}

/* PER_SM blocks of WARPS warps work on a multiprocessor, of RESIDENT that fit: the rest is room for the next kernel. */
template <int EPILOGUE, int ROWS, int WARPS, int FLIGHT, int PREFETCH, int RESIDENT, int PER_SM>
static void
run_shape(cudaStream_t s, const struct gemv *g, const struct packed_args &a)
{
	void (*kernel)(struct packed_args) = packed_kernel<EPILOGUE, ROWS, WARPS, FLIGHT, PREFETCH, RESIDENT>;
	size_t shared = shared_bytes(a);
	int grid = min(a.n_tiles, g->n_sm * PER_SM);

	if (shared > 40 << 10)
		cudaFuncSetAttribute((const void *)kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)shared);
	launch(kernel, dim3((unsigned)grid), dim3(WARPS * 32), shared, s, g->chained, a);
}

/* 28 warps: 7168 columns are 2 groups a warp. All that one row asks for, any card from sm_80 on has. */
#define BLOCK_WARPS 28

template <int EPILOGUE>
static void
run(cudaStream_t s, const struct gemv *g, const struct packed_args &a)
{
	if (a.n == 1)
		run_shape<EPILOGUE, 1, BLOCK_WARPS, 2, 65536, 1, 1>(s, g, a);
	else
		run_shape<EPILOGUE, GEMV_ROWS, BLOCK_WARPS, 2, 65536, 1, 1>(s, g, a);
}

static struct packed_args
args_of(const struct gemv *g)
{
	const struct matrix *m = g->w;
	struct packed_args a = {};

	assert(m->quant == QUANT_INT4);
	a.at = (const uint4 *)m->at;
	a.scale = m->scale;
	a.norm = g->norm;
	a.x = g->x;
	a.in = g->in;
	a.eps = g->eps;
	a.rows = m->rows;
	a.cols = m->cols;
	a.half = m->half;
	a.n_tiles = tiles_of(m->rows, m->half);
	a.n_groups = groups_of(m->cols);
	a.n = g->n;
	return a;
}

/* Halves that are less than all of the matrix are those of heads, which have angles. */
extern "C" int
cuda_packed_at_once(const struct gemv *g)
{
	struct packed_args a = args_of(g);
	long long angles = 2 * a.half < a.rows ? 2LL * a.half * (long long)sizeof(float) : 0;
	long long own = 2 * GEMV_ROWS * BLOCK_WARPS * TILE_ROWS * sizeof(float) + GEMV_ROWS * 32 * sizeof(float2) + 64;

	return even_share(g->n, (g->shared - own - (long long)common_bytes(a, GEMV_ROWS)) / ((long long)row_bytes(a) + angles));
}

extern "C" void
cuda_gemv_packed(cudaStream_t s, const struct gemv *g, enum epilogue what, const struct gemv_to *to)
{
	struct packed_args a = args_of(g);

	assert(2 * a.half == (what == QKV ? to->rope.head_dim : what == SWIGLU ? a.rows : 0));
	a.out = to->out;
	a.h = to->h;
	a.rope = to->rope;
	switch (what) {
	case QKV: run<QKV>(s, g, a); break;
	case RESIDUAL: run<RESIDUAL>(s, g, a); break;
	case SWIGLU: run<SWIGLU>(s, g, a); break;
	case PLAIN: run<PLAIN>(s, g, a); break;
	}
}
