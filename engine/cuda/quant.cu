/* quant.cu: bf16 rows into packed ones, and back; and rows that were packed before into the layout of the card.
 *
 * Where a weight goes says packed.cuh. Numbers, the same to the bit as those of its twin cpu/quant.c, which adds errors in
 * the order of the threads here, so that a folder that was packed there holds what is made here from its source:
 *   INT8  row scale s (float32), q = -127 … 127 kept as q + 128. s: the one of 12 below absmax / 127 with the smallest
 *         squared error, so that one far value does not spoil a row.
 *   FP8   e4m3, row scale at least absmax / 448. Rounding is relative, so the scale hardly matters: it has 4 significant
 *         bits, with which value times scale is a bf16 exactly.
 *   INT4  group of 128 columns, s (fp16) times q - 8, q = 0 … 15. s may be negative: the end with 8 steps then lies on the
 *         other side. Of both signs and 14 sizes below absmax / 7 the one with the smallest squared error. 5 significant
 *         bits: again value times scale is a bf16, and products of one row and of many see the same weights.
 * Packing reads 2 bytes a weight and writes 1 or 1/2, behind a copy from the host that is 50 times slower. A block takes
 * a row; INT4: it writes 4 bytes a thread between those of 15 other rows, which meet in the L2.
 * Taking packed rows moves 1 or 1/2 byte a weight twice, also behind a copy from the host.
 * Unpacking reads 1 or 1/2 and writes 2 bytes a weight; INT4: 64 bytes in a run for each row. Bound by memory.
 */
#include <assert.h>
#include <cuda_fp8.h>

#include "engine/cuda/packed.cuh"

#define THREADS 256
#define INT8_TRIES 12
#define INT4_TRIES 14
#define LEAST 1e-30f            /* what no value of a row is above is zero in 8 bits */

/* ---- sizes */

extern "C" void
cuda_packed_bytes(const struct matrix *m, size_t *at, size_t *scale)
{
	size_t tiles = (size_t)tiles_of(m->rows, m->half), groups = (size_t)groups_of(m->cols);

	assert(m->quant != QUANT_BF16 && (!m->half || m->rows % (2 * m->half) == 0));
	if (m->quant == QUANT_INT4) {
		*at = tiles * groups * 2 * PIECE_BYTES;
		*scale = tiles * groups * TILE_ROWS * sizeof(__half);
	} else {
		*at = (size_t)m->rows * (size_t)m->cols;
		*scale = (size_t)m->rows * sizeof(float);
	}
}

/* ---- packing */

struct pack_args {
	uint8_t *at;
	void *scale;
	const uint16_t *rows;
	int row, cols, half;
};

/* Columns 8 c … 8 c + 7 of a row, zeros beyond the end. */
static __device__ __forceinline__ void
eight(float *v, const uint16_t *row, int c, int cols)
{
#pragma unroll
	for (int i = 0; i < 8; i++)
		v[i] = 8 * c + i < cols ? bf16_value(row[8 * c + i]) : 0.0f;
}

static __device__ __forceinline__ float
block_max(float v, float *room)
{
	int lane = threadIdx.x & 31;

#pragma unroll
	for (int m = 16; m; m >>= 1)
		v = fmaxf(v, __shfl_xor_sync(FULL, v, m));
	if (lane == 0)
		room[threadIdx.x >> 5] = v;
	__syncthreads();
	v = lane < THREADS / 32 ? room[lane] : 0.0f;
#pragma unroll
	for (int m = 16; m; m >>= 1)
		v = fmaxf(v, __shfl_xor_sync(FULL, v, m));
	__syncthreads();
	return v;
}

static __device__ __forceinline__ int
int8_of(float v, float inverse)
{
	return max(-127, min(127, __float2int_rn(v * inverse)));
}

/* The best of the scales from absmax / 127 down to 0.45 of it. */
static __device__ float
int8_scale(const uint16_t *row, int cols, float absmax, float *room)
{
	float best = 0, best_error = INFINITY;

	if (!(absmax > LEAST))
		return 0;
	for (int t = 0; t < INT8_TRIES; t++) {
		float s = absmax / 127.0f * fmaf(-0.05f, (float)t, 1.0f), inverse = 1.0f / s, error = 0;

		for (int i = threadIdx.x; i < cols; i += THREADS) {
			float v = bf16_value(row[i]), d = fmaf(-s, (float)int8_of(v, inverse), v);

			error = fmaf(d, d, error);
		}
		error = block_sum(error, room);
		if (error < best_error) {
			best_error = error;
			best = s;
		}
	}
	return best;
}

/* The next number up with so many significant bits. */
static __device__ __forceinline__ float
short_above(float v, int bits)
{
	uint32_t below = (1u << (24 - bits)) - 1;

	return __uint_as_float((__float_as_uint(v) + below) & ~below);
}

static __device__ __forceinline__ float
fp8_scale(float absmax)
{
	return absmax > 0 ? short_above(fmaxf(absmax / 448.0f, LEAST), 4) : 0.0f;
}

template <int QUANT>
static __device__ __forceinline__ uint32_t
byte_of(float v, float inverse)
{
	if (QUANT == QUANT_INT8)
		return (uint32_t)(int8_of(v, inverse) + 128);
	return __nv_cvt_float_to_fp8(v * inverse, __NV_SATFINITE, __NV_E4M3);
}

template <int QUANT>
static __global__ void __launch_bounds__(THREADS)
pack8_kernel(struct pack_args a)
{
	__shared__ float room[32];
	const uint16_t *row = a.rows + (size_t)blockIdx.x * a.cols;
	uint8_t *to = a.at + (size_t)(a.row + (int)blockIdx.x) * a.cols;
	float absmax = 0, scale, inverse;

	for (int i = threadIdx.x; i < a.cols; i += THREADS)
		absmax = fmaxf(absmax, fabsf(bf16_value(row[i])));
	absmax = block_max(absmax, room);
	scale = QUANT == QUANT_INT8 ? int8_scale(row, a.cols, absmax, room) : fp8_scale(absmax);
	inverse = scale > 0 ? 1.0f / scale : 0.0f;
	if (threadIdx.x == 0)
		((float *)a.scale)[a.row + (int)blockIdx.x] = scale;
	for (int i = threadIdx.x; i < a.cols; i += THREADS)
		to[i] = (uint8_t)byte_of<QUANT>(bf16_value(row[i]), inverse);
}

static __device__ __forceinline__ float
half_warp_sum(float v)
{
#pragma unroll
	for (int m = 8; m; m >>= 1)
		v += __shfl_xor_sync(FULL, v, m);
	return v;
}

static __device__ __forceinline__ float
half_warp_max(float v)
{
#pragma unroll
	for (int m = 8; m; m >>= 1)
		v = fmaxf(v, __shfl_xor_sync(FULL, v, m));
	return v;
}

static __device__ __forceinline__ int
int4_of(float v, float inverse)
{
	return max(0, min(15, __float2int_rn(v * inverse) + 8));
}

static __device__ __forceinline__ float
int4_error(const float *v, float scale)
{
	float inverse = 1.0f / scale, error = 0;

#pragma unroll
	for (int i = 0; i < 8; i++) {
		float d = fmaf(-scale, (float)(int4_of(v[i], inverse) - 8), v[i]);

		error = fmaf(d, d, error);
	}
	return half_warp_sum(error);
}

/* The scale of a group that 16 lanes hold, 8 values each. Beside 2^-20 fp16 has no 5 bits any more: what is smaller
 * than 2^-24 a step becomes zero. */
static __device__ float
int4_scale(const float *v, float absmax)
{
	float best = 0, best_error = INFINITY;
	uint32_t first = __float_as_uint(short_above(fminf(absmax / 7.0f, 65504.0f * 0.96f), 5));

#pragma unroll 1
	for (int t = 0; t < INT4_TRIES; t++) {
		float s = __half2float(__float2half_rn(__uint_as_float(first - ((uint32_t)t << 19))));
		float plus, minus;

		plus = s > 0 ? int4_error(v, s) : INFINITY;
		minus = s > 0 ? int4_error(v, -s) : INFINITY;
		if (plus < best_error) {
			best_error = plus;
			best = s;
		}
		if (minus < best_error) {
			best_error = minus;
			best = -s;
		}
	}
	return best;
}

static __global__ void __launch_bounds__(THREADS)
pack4_kernel(struct pack_args a)
{
	const uint16_t *row = a.rows + (size_t)blockIdx.x * a.cols;
	int2 place = place_of(a.half, a.row + (int)blockIdx.x);
	int n_groups = groups_of(a.cols), n = n_groups * (GROUP / 8);
	uint8_t *to = a.at + (size_t)place.x * n_groups * 2 * PIECE_BYTES + (place.y & 7) * 64 + (place.y >> 3) * 4;
	__half *scales = (__half *)a.scale + (size_t)place.x * n_groups * TILE_ROWS + (place.y & 7) * 2 + (place.y >> 3);

	for (int c = threadIdx.x; c - (int)(threadIdx.x & 31) < n; c += THREADS) {
		float v[8], absmax = 0, scale, inverse;
		uint32_t word = 0;

		eight(v, row, c, a.cols);
#pragma unroll
		for (int i = 0; i < 8; i++)
			absmax = fmaxf(absmax, fabsf(v[i]));
		scale = int4_scale(v, half_warp_max(absmax));
		inverse = scale != 0 ? 1.0f / scale : 0.0f;
#pragma unroll
		for (int i = 0; i < 8; i++)
			word |= (uint32_t)int4_of(v[i], inverse) << 4 * (i / 2 + 4 * (i % 2));
		if (c >= n)
			continue;
		if (c % 16 == 0)
			scales[(size_t)(c / 16) * TILE_ROWS] = __float2half_rn(scale);
		*(uint32_t *)(to + (size_t)(c / 8) * PIECE_BYTES + c % 4 * 16 + c / 4 % 2 * 8) = word;
	}
}

extern "C" void
cuda_pack_rows(cudaStream_t s, const struct matrix *m, int row, int n_rows, const uint16_t *rows)
{
	struct pack_args a = { (uint8_t *)m->at, (void *)m->scale, rows, row, m->cols, m->half };

	assert(row >= 0 && row + n_rows <= m->rows);
	if (n_rows == 0)
		return;
	if (m->quant == QUANT_INT8)
		pack8_kernel<QUANT_INT8><<<n_rows, THREADS, 0, s>>>(a);
	else if (m->quant == QUANT_FP8)
		pack8_kernel<QUANT_FP8><<<n_rows, THREADS, 0, s>>>(a);
	else
		pack4_kernel<<<n_rows, THREADS, 0, s>>>(a);
}

/* ---- rows that are packed already */

static __global__ void __launch_bounds__(THREADS)
flip_kernel(uint8_t *at, size_t n)
{
	size_t i = ((size_t)blockIdx.x * THREADS + threadIdx.x) * 16;

	if (i + 16 <= n && ((uintptr_t)at & 15) == 0) {
		uint4 v = *(uint4 *)(at + i);

		*(uint4 *)(at + i) = make_uint4(v.x ^ 0x80808080u, v.y ^ 0x80808080u, v.z ^ 0x80808080u, v.w ^ 0x80808080u);
		return;
	}
	for (int k = 0; k < 16 && i + k < n; k++)
		at[i + k] ^= 0x80;
}

extern "C" void
cuda_take_int8(cudaStream_t s, void *at, size_t n)
{
	if (n > 0)
		flip_kernel<<<ceil_div((long long)n, THREADS * 16), THREADS, 0, s>>>((uint8_t *)at, n);
}

struct take_args {
	uint8_t *at;
	__half *scale;
	const void *from;
	int row, cols, half;
};

/* A block takes a row; a thread 8 columns, which are 4 bytes of the row. What lies beyond its end is zero, 8. */
static __global__ void __launch_bounds__(THREADS)
take4_kernel(struct take_args a)
{
	int row_bytes = (a.cols + 1) / 2, n_groups = groups_of(a.cols);
	const uint8_t *row = (const uint8_t *)a.from + (size_t)blockIdx.x * row_bytes;
	int2 place = place_of(a.half, a.row + (int)blockIdx.x);
	uint8_t *to = a.at + (size_t)place.x * n_groups * 2 * PIECE_BYTES + (place.y & 7) * 64 + (place.y >> 3) * 4;

	for (int c = threadIdx.x; c < n_groups * (GROUP / 8); c += THREADS) {
		uint32_t word = 0;

#pragma unroll
		for (int i = 0; i < 8; i++) {
			uint32_t q = 8 * c + i < a.cols ? row[4 * c + i / 2] >> 4 * (i % 2) & 15 : 8;

			word |= q << 4 * (i / 2 + 4 * (i % 2));
		}
		*(uint32_t *)(to + (size_t)(c / 8) * PIECE_BYTES + c % 4 * 16 + c / 4 % 2 * 8) = word;
	}
}

extern "C" void
cuda_take_int4(cudaStream_t s, const struct matrix *m, int row, int n_rows, const void *from)
{
	struct take_args a = { (uint8_t *)m->at, NULL, from, row, m->cols, m->half };

	assert(m->quant == QUANT_INT4 && row >= 0 && row + n_rows <= m->rows);
	if (n_rows > 0)
		take4_kernel<<<n_rows, THREADS, 0, s>>>(a);
}

static __global__ void __launch_bounds__(THREADS)
take4_scales_kernel(struct take_args a)
{
	int n_groups = groups_of(a.cols);
	const __half *row = (const __half *)a.from + (size_t)blockIdx.x * n_groups;
	int2 place = place_of(a.half, a.row + (int)blockIdx.x);
	__half *to = a.scale + (size_t)place.x * n_groups * TILE_ROWS + (place.y & 7) * 2 + (place.y >> 3);

	for (int i = threadIdx.x; i < n_groups; i += THREADS)
		to[(size_t)i * TILE_ROWS] = row[i];
}

extern "C" void
cuda_take_int4_scales(cudaStream_t s, const struct matrix *m, int row, int n_rows, const void *from)
{
	struct take_args a = { NULL, (__half *)m->scale, from, row, m->cols, m->half };

	assert(m->quant == QUANT_INT4 && row >= 0 && row + n_rows <= m->rows);
	if (n_rows > 0)
		take4_scales_kernel<<<n_rows, THREADS, 0, s>>>(a);
}

/* ---- unpacking */

struct unpack_args {
	const void *at;
	const void *scale;
	uint16_t *out;
	int rows, cols, half, n_pieces;
	long long n;                    /* pieces of all tiles */
};

/* Eight values to columns col … of a row; row -1: nowhere. */
static __device__ __forceinline__ void
put_eight(const struct unpack_args &a, int row, int col, const float *v)
{
	uint16_t *to = a.out + (size_t)row * a.cols + col;

	if (row < 0)
		return;
	if (a.cols % 8 == 0 && col < a.cols) {
		*(uint4 *)to = make_uint4(bf16_pair(v[0], v[1]), bf16_pair(v[2], v[3]), bf16_pair(v[4], v[5]),
		    bf16_pair(v[6], v[7]));
		return;
	}
#pragma unroll
	for (int i = 0; i < 8; i++)
		if (col + i < a.cols)
			to[i] = bf16_of(v[i]);
}

template <int QUANT>
static __device__ __forceinline__ void
four_bytes(float *v, uint32_t word, float scale)
{
	if (QUANT == QUANT_INT8) {
#pragma unroll
		for (int i = 0; i < 4; i++)
			v[i] = scale * (float)((int)(word >> 8 * i & 0xff) - 128);
	} else {
		uint32_t low = e4m3_pair<0>(word), high = e4m3_pair<1>(word);
		float2 first = __half22float2(*(__half2 *)&low), second = __half22float2(*(__half2 *)&high);

		scale *= E4M3_SCALE;
		v[0] = scale * first.x;
		v[1] = scale * first.y;
		v[2] = scale * second.x;
		v[3] = scale * second.y;
	}
}

/* Bytes 8 c … of a row, zeros beyond the end. */
static __device__ __forceinline__ uint2
eight_bytes(const uint8_t *row, int c, int cols)
{
	uint32_t word[2] = { 0, 0 };

	if (cols % 8 == 0)
		return ((const uint2 *)row)[c];
	for (int i = 0; i < 8 && 8 * c + i < cols; i++)
		word[i / 4] |= (uint32_t)row[8 * c + i] << 8 * (i % 4);
	return make_uint2(word[0], word[1]);
}

/* A block takes a row. */
template <int QUANT>
static __global__ void __launch_bounds__(THREADS)
unpack8_kernel(struct unpack_args a)
{
	const uint8_t *row = (const uint8_t *)a.at + (size_t)blockIdx.x * a.cols;
	float scale = ((const float *)a.scale)[blockIdx.x];

#pragma unroll 4
	for (int c = threadIdx.x; c < (a.cols + 7) / 8; c += THREADS) {
		uint2 w = eight_bytes(row, c, a.cols);
		float v[8];

		four_bytes<QUANT>(v, w.x, scale);
		four_bytes<QUANT>(v + 4, w.y, scale);
		put_eight(a, (int)blockIdx.x, 8 * c, v);
	}
}

/* A warp takes a piece. */
static __global__ void __launch_bounds__(THREADS)
unpack4_kernel(struct unpack_args a)
{
	int lane = threadIdx.x & 31, tile, piece;
	long long at = (long long)blockIdx.x * (THREADS / 32) + (threadIdx.x >> 5);
	const __half *scales;
	uint32_t words[4];
	uint4 w;

	if (at >= a.n)
		return;
	w = load_stream((const uint4 *)a.at + at * 32 + lane);
	words[0] = w.x, words[1] = w.y, words[2] = w.z, words[3] = w.w;
	tile = (int)(at / a.n_pieces);
	piece = (int)(at % a.n_pieces);
	scales = (const __half *)a.scale + (size_t)(tile * (a.n_pieces / 2) + piece / 2) * TILE_ROWS;
#pragma unroll
	for (int k = 0; k < 4; k++) {
		int high = k & 1;
		float scale = __half2float(scales[lane / 4 * 2 + high]), v[8];

#pragma unroll
		for (int i = 0; i < 8; i++)
			v[i] = scale * (float)((int)(words[k] >> 4 * (i / 2 + 4 * (i % 2)) & 15) - 8);
		put_eight(a, row_at(a.rows, a.half, tile, high * 8 + lane / 4), piece * 64 + k / 2 * 32 + lane % 4 * 8, v);
	}
}

extern "C" void
cuda_unpack(cudaStream_t s, uint16_t *out, const struct matrix *m)
{
	struct unpack_args a = { m->at, m->scale, out, m->rows, m->cols, m->half, 0, 0 };

	a.n_pieces = groups_of(m->cols) * 2;
	a.n = (long long)tiles_of(m->rows, m->half) * a.n_pieces;
	if (m->quant == QUANT_INT8)
		unpack8_kernel<QUANT_INT8><<<m->rows, THREADS, 0, s>>>(a);
	else if (m->quant == QUANT_FP8)
		unpack8_kernel<QUANT_FP8><<<m->rows, THREADS, 0, s>>>(a);
	else
		unpack4_kernel<<<ceil_div(a.n, THREADS / 32), THREADS, 0, s>>>(a);
}
