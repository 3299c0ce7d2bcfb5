/* gemv_test.cu: products of one row against sums in double, over odd and real shapes; packing and unpacking; and with
 * "bench" how fast matrices are read.
 *
 *   nvcc -O3 -std=c++17 -arch=sm_90 -I. -o gemv_test tests/cuda/gemv_test.cu engine/cuda/quant.cu
 *   ./gemv_test             checks; 77 without a device
 *   ./gemv_test bench       shapes of the kernels over 20 layers of the 40B decoder, as shares of a plain read; and that
 *                           kernels which begin early change nothing
 *
 * What may differ from a sum in double over the unpacked weights is the order of sums, the rounding of x at ties and, for
 * INT8, the unpacked weight's rounding to bfloat16.
 */
#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <vector>

#include "engine/cuda/packed.cuh"
#include "tests/cuda/testing.cuh"

namespace by_row {
#include "engine/cuda/gemv.cu"
}
namespace by_tile {
#include "engine/cuda/gemv_packed.cu"
}

typedef std::vector<uint16_t> halves;
typedef std::vector<float> floats;

static const char *const names[] = { "bf16", "fp8", "int8", "int4" };
static int n_sm, n_bad;
static bool chained;
static cudaStream_t stream;

static void
expect(bool good, const char *what, const char *quant, int rows, int cols, double is, double limit)
{
	if (good)
		return;
	if (n_bad++ >= SHOWN)
		return;
	printf("not ok: %s %s [%d, %d]: %g, at most %g\n", quant, what, rows, cols, is, limit);
}

/* ---- numbers */

/* Like weights: a bell of width 0.02, one in 4,096 ten times as far. */
static halves
weights(size_t n)
{
	halves w(n);

	for (uint16_t &h : w)
		h = bf16(0.02f * (uniform() + uniform() + uniform()) * ((seed >> 4 & 4095) ? 1.0f : 10.0f));
	return w;
}

/* A copy from pageable memory may return before the card has it, and our stream does not wait for it by itself. */
template <typename T>
static void
put(T *to, const std::vector<T> &v)
{
	CHECK(cudaMemcpy(to, v.data(), v.size() * sizeof(T), cudaMemcpyHostToDevice));
	CHECK(cudaDeviceSynchronize());
}

template <typename T>
static T *
on_card(const std::vector<T> &v)
{
	T *p;

	CHECK(cudaMalloc(&p, v.size() * sizeof(T) + 512));
	put(p, v);
	return p;
}

template <typename T>
static std::vector<T>
from_card(const T *p, size_t n)
{
	std::vector<T> v(n);

	CHECK(cudaStreamSynchronize(stream));
	CHECK(cudaMemcpy(v.data(), p, n * sizeof(T), cudaMemcpyDeviceToHost));
	return v;
}

/* ---- packing and unpacking */

struct packed {
	struct matrix m;
	halves from, back;              /* before packing, after unpacking */
	std::vector<double> length;     /* of each row */
};

/* Uneven portions, the last first. */
static void
pack_all(const struct matrix *m, const uint16_t *rows)
{
	for (int end = m->rows, n; end; end -= n) {
		n = std::min(end, m->rows / 3 + 1);
		cuda_pack_rows(stream, m, end - n, n, rows + (size_t)(end - n) * m->cols);
	}
}

static double
square(double v)
{
	return v * v;
}

static double
plain_error4(const uint16_t *w, int n)
{
	float most = 0, s;
	double sum = 0;
	uint32_t u;

	for (int i = 0; i < n; i++)
		most = std::max(most, std::fabs(value(w[i])));
	s = most / 7;
	memcpy(&u, &s, 4);
	u = (u + 0x7ffff) & ~0x7ffffu;
	memcpy(&s, &u, 4);
	for (int i = 0; i < n && s > 0; i++) {
		double d = value(w[i]) - s * std::rint(value(w[i]) / s);

		sum += d * d;
	}
	return sum;
}

static void
check_row(const struct packed *p, int row)
{
	int cols = p->m.cols;
	const uint16_t *w = &p->from[(size_t)row * cols], *b = &p->back[(size_t)row * cols];
	double most = 0, error = 0, limit = 0, worst = 0, squares = 0;

	for (int i = 0; i < cols; i++)
		most = std::max(most, (double)std::fabs(value(w[i])));
	for (int i = 0; i < cols; i++) {
		double v = value(w[i]), d = std::fabs(v - value(b[i]));

		error += d * d;
		squares += v * v;
		worst = std::max(worst, d - std::fabs(v) / 15.999 - most * 1.126 / 448 / 1024);
	}
	if (p->m.quant == QUANT_FP8)
		expect(worst <= 0, "unpacked", "fp8", p->m.rows, cols, worst, 0);
	if (p->m.quant == QUANT_INT8) {
		limit = cols * most * most / (127 * 127 * 4.0) * (cols < 1000 ? 1 : 0.5) + squares / 65536;
		expect(error <= limit, "unpacked", "int8", p->m.rows, cols, error, limit);
	}
	if (p->m.quant == QUANT_INT4)
		for (int g = 0; g < cols; g += GROUP) {
			int n = std::min(GROUP, cols - g);

			limit = plain_error4(w + g, n) * 1.001 + 1e-12;
			error = 0;
			for (int i = g; i < g + n; i++)
				error += square((double)value(w[i]) - value(b[i]));
			expect(error <= limit, "unpacked", "int4", p->m.rows, cols, error, limit);
		}
}

static void
measure(struct packed *p)
{
	size_t cols = (size_t)p->m.cols;

	p->length.resize((size_t)p->m.rows);
	for (size_t r = 0; r < p->length.size(); r++) {
		double sum = 0;

		for (size_t i = 0; i < cols; i++)
			sum += square(value(p->back[r * cols + i]));
		p->length[r] = std::sqrt(sum);
	}
}

static void
pack(struct packed *p, enum quant quant, int rows, int cols, int half)
{
	size_t n = (size_t)rows * cols, at, scale;
	uint16_t *from, *out;
	void *room;
	halves guard(64, 0x1234);

	memset(&p->m, 0, sizeof p->m);
	p->m.rows = rows, p->m.cols = cols, p->m.half = half, p->m.quant = quant;
	if (quant == QUANT_BF16) {
		p->back = p->from = weights(n);
		p->m.at = on_card(p->from);
		measure(p);
		return;
	}
	cuda_packed_bytes(&p->m, &at, &scale);
	CHECK(cudaMalloc(&room, at));
	CHECK(cudaMemset(room, 0xff, at));
	p->m.at = room;
	CHECK(cudaMalloc(&room, scale));
	CHECK(cudaMemset(room, 0xff, scale));
	p->m.scale = room;
	p->from = weights(n);
	from = on_card(p->from);
	pack_all(&p->m, from);
	CHECK(cudaMalloc(&out, (n + 64) * 2));
	put(out + n, guard);
	cuda_unpack(stream, out, &p->m);
	CHECK(cudaGetLastError());
	p->back = from_card(out, n + 64);
	expect(!memcmp(&p->back[n], guard.data(), 128), "wrote beyond the end", names[quant], rows, cols, 0, 0);
	for (int r = 0; r < rows; r++)
		check_row(p, r);
	measure(p);
	CHECK(cudaFree(from));
	CHECK(cudaFree(out));
}

static void
unpack_free(struct packed *p)
{
	CHECK(cudaFree((void *)p->m.at));
	CHECK(cudaFree((void *)p->m.scale));
}

/* ---- products */

static double
dot(const struct packed *p, int row, const floats &x)
{
	const uint16_t *w = &p->back[(size_t)row * p->m.cols];
	double sum = 0;

	for (int i = 0; i < p->m.cols; i++)
		sum += (double)value(w[i]) * x[(size_t)i];
	return sum;
}

static double
length(const floats &x)
{
	double sum = 0;

	for (float v : x)
		sum += (double)v * v;
	return std::sqrt(sum);
}

/* x as the kernel sees it, and the arguments. */
struct input {
	struct gemv g;
	floats seen;
	double length;
	float *x, *norm;
	uint16_t *in;
};

static void
input_make(struct input *in, const struct packed *p, bool norm)
{
	size_t n = (size_t)p->m.cols;
	floats x(n), w(n);
	halves h(n);
	double sum = 0, scale = 1;

	for (size_t i = 0; i < n; i++) {
		x[i] = 3 * uniform() * (i % 97 == 5 ? 300.0f : 1.0f);
		w[i] = 1 + 0.5f * uniform();
		h[i] = bf16(x[i] * 1000);       /* beyond fp16 */
		sum += (double)x[i] * x[i];
	}
	scale = 1 / std::sqrt(sum / (double)n + 1e-5);
	in->seen.resize(n);
	for (size_t i = 0; i < n; i++)
		in->seen[i] = norm ? value(bf16((float)(w[i] * x[i] * scale))) : value(h[i]);
	in->length = length(in->seen);
	in->x = on_card(x);
	in->norm = on_card(w);
	in->in = on_card(h);
	memset(&in->g, 0, sizeof in->g);
	in->g.w = &p->m;
	in->g.norm = norm ? in->norm : NULL;
	in->g.x = in->x;
	in->g.in = in->in;
	in->g.eps = 1e-5f;
	in->g.n_sm = n_sm;
	in->g.chained = chained;
}

static void
input_free(struct input *in)
{
	CHECK(cudaFree(in->x));
	CHECK(cudaFree(in->norm));
	CHECK(cudaFree(in->in));
}

/* Calls the product twice from the same out; the bits must repeat. */
template <typename T>
static std::vector<T>
twice(const std::vector<T> &before, const struct packed *p, const std::function<void(T *)> &product)
{
	T *out = on_card(before);
	std::vector<T> first, second;

	product(out);
	CHECK(cudaGetLastError());
	first = from_card(out, before.size());
	put(out, before);
	product(out);
	second = from_card(out, before.size());
	expect(!memcmp(first.data(), second.data(), before.size() * sizeof(T)), "differs when repeated", names[p->m.quant],
	    p->m.rows, p->m.cols, 0, 0);
	CHECK(cudaFree(out));
	return first;
}

#define TOLERANCE 1e-3

static void
test_vector(enum quant quant, int rows, int cols, bool residual)
{
	struct packed p;
	struct input in;
	floats before((size_t)rows), out;

	pack(&p, quant, rows, cols, 0);
	input_make(&in, &p, !residual);
	for (float &v : before)
		v = uniform();
	out = twice<float>(before, &p, [&](float *to) {
		if (residual)
			cuda_gemv_residual(stream, &in.g, to);
		else
			cuda_gemv_plain(stream, &in.g, to);
	});
	for (int r = 0; r < rows; r++) {
		double want = dot(&p, r, in.seen) + (residual ? before[(size_t)r] : 0);
		double limit = TOLERANCE * p.length[(size_t)r] * in.length + 1e-6, d = std::fabs(want - out[(size_t)r]);

		expect(d <= limit, residual ? "residual" : "plain", names[quant], rows, cols, d, limit);
	}
	input_free(&in);
	unpack_free(&p);
}

static void
test_swiglu(enum quant quant, int half, int cols)
{
	struct packed p;
	struct input in;
	halves out;

	pack(&p, quant, 2 * half, cols, half);
	input_make(&in, &p, true);
	out = twice<uint16_t>(halves((size_t)half), &p, [&](uint16_t *to) { cuda_gemv_swiglu(stream, &in.g, to); });
	for (int i = 0; i < half; i++) {
		double gate = dot(&p, i, in.seen), up = dot(&p, half + i, in.seen), silu = gate / (1 + std::exp(-gate));
		double e_gate = TOLERANCE * p.length[(size_t)i] * in.length + std::fabs(gate) / 256;
		double e_up = TOLERANCE * p.length[(size_t)(half + i)] * in.length + std::fabs(up) / 256;
		double limit = 1.1 * std::fabs(up) * e_gate + std::fabs(silu) * e_up + e_gate * e_up + std::fabs(silu * up) / 128;
		double d = std::fabs(silu * up - value(out[(size_t)i]));

		expect(d <= limit + 1e-6, "swiglu", names[quant], 2 * half, cols, d, limit);
	}
	input_free(&in);
	unpack_free(&p);
}

/* q, then the whole cache of four positions for k, then for v, in one buffer. */
static void
test_qkv(enum quant quant, int n_heads, int n_kv_heads, int head_dim, int cols)
{
	struct packed p;
	struct input in;
	struct gemv_rope r = {};
	int half = head_dim / 2, q = n_heads * head_dim, kv = n_kv_heads * head_dim, rows = q + 2 * kv, pos = 2, n = 4;
	floats cosines((size_t)(n * half)), sines((size_t)(n * half));
	halves out, empty((size_t)(q + 2 * n * kv), 0x7777);
	std::vector<bool> written(empty.size());
	std::vector<struct step_state> state(1);

	pack(&p, quant, rows, cols, half);
	input_make(&in, &p, true);
	for (int i = 0; i < n * half; i++) {
		cosines[(size_t)i] = (float)std::cos(i * 0.37);
		sines[(size_t)i] = (float)std::sin(i * 0.37);
	}
	state[0].id = 0;
	state[0].pos = pos;
	r.cos = on_card(cosines);
	r.sin = on_card(sines);
	r.state = on_card(state);
	r.n_heads = n_heads, r.n_kv_heads = n_kv_heads, r.head_dim = head_dim;
	out = twice<uint16_t>(empty, &p, [&](uint16_t *to) {
		r.q = to;
		r.k = to + q;
		r.v = to + q + n * kv;
		cuda_gemv_qkv(stream, &in.g, &r);
	});
	for (int row = 0; row < rows; row++) {
		int i = row % head_dim, low = i < half ? row : row - half, high = low + half;
		size_t t = (size_t)(pos * half + i % half);
		size_t at = (size_t)(row < q ? row : row < q + kv ? q + pos * kv + row - q : q + n * kv + pos * kv + row - q - kv);
		double c = row < q + kv ? cosines[t] : 1, s = row < q + kv ? sines[t] : 0;
		double a = dot(&p, low, in.seen), b = dot(&p, high, in.seen);
		double want = i < half ? a * c - b * s : b * c + a * s, d = std::fabs(want - value(out[at]));
		double limit = TOLERANCE * (p.length[(size_t)low] + p.length[(size_t)high]) * in.length +
		    (std::fabs(a) + std::fabs(b)) / 128;

		expect(d <= limit, "qkv", names[quant], rows, cols, d, limit);
		written[at] = true;
	}
	for (size_t i = 0; i < out.size(); i++)
		expect(written[i] || out[i] == 0x7777, "qkv wrote elsewhere", names[quant], rows, cols, (double)i, 0);
	CHECK(cudaFree((void *)r.cos));
	CHECK(cudaFree((void *)r.sin));
	CHECK(cudaFree((void *)r.state));
	input_free(&in);
	unpack_free(&p);
}

static int
test_all(void)
{
	static const int shapes[][2] = { { 16, 128 }, { 17, 48 }, { 1, 50 }, { 33, 80 }, { 64, 64 }, { 100, 20480 },
		{ 31, 172 }, { 8191, 384 } };

	for (enum quant quant : { QUANT_BF16, QUANT_FP8, QUANT_INT8, QUANT_INT4 }) {
		int bad = n_bad;

		for (auto &s : shapes) {
			test_vector(quant, s[0], s[1], false);
			test_vector(quant, s[0], s[1], true);
		}
		test_vector(quant, 7168, 7168, true);
		test_vector(quant, 7168, 20480, true);
		test_vector(quant, 64000, 1024, false);
		test_swiglu(quant, 36, 48);
		test_swiglu(quant, 5, 300);
		test_swiglu(quant, 20, 172);
		test_swiglu(quant, 4096, 7168);
		test_qkv(quant, 4, 2, 8, 64);
		test_qkv(quant, 4, 1, 20, 48);
		test_qkv(quant, 4, 1, 8, 172);
		test_qkv(quant, 6, 2, 64, 80);
		test_qkv(quant, 56, 8, 128, 7168);
		printf("%s: %s\n", names[quant], n_bad == bad ? "ok" : "FAILED");
	}
	if (n_bad > SHOWN)
		printf("%d failures in all\n", n_bad);
	return n_bad ? 1 : 0;
}

/* ---- how fast */

static __global__ void
fill_kernel(uint32_t *p, size_t n, uint32_t keep, uint32_t set)
{
	for (size_t i = blockIdx.x * (size_t)blockDim.x + threadIdx.x; i < n; i += (size_t)gridDim.x * blockDim.x) {
		uint64_t x = (i + 1) * 0x9e3779b97f4a7c15ull;

		x ^= x >> 33;
		x *= 0xff51afd7ed558ccdull;
		p[i] = ((uint32_t)(x >> 29) & keep) | set;
	}
}

static __global__ void
read_kernel(const uint4 *p, size_t n, uint32_t *out)
{
	uint32_t all = 0;
	size_t step = (size_t)gridDim.x * blockDim.x;

	for (size_t i = blockIdx.x * (size_t)blockDim.x + threadIdx.x; i < n; i += step * 8) {
		uint4 v[8];

#pragma unroll
		for (int u = 0; u < 8; u++)
			v[u] = i + u * step < n ? load_stream(p + i + u * step) : make_uint4(0, 0, 0, 0);
#pragma unroll
		for (int u = 0; u < 8; u++)
			all ^= v[u].x ^ v[u].y ^ v[u].z ^ v[u].w;
	}
	if (all == 0x12345678u)
		*out = all;
}

static double
median_ms(const std::function<void()> &f)
{
	cudaEvent_t a, b;
	floats t;

	CHECK(cudaEventCreate(&a));
	CHECK(cudaEventCreate(&b));
	for (int i = 0; i < 9; i++) {
		float ms;

		CHECK(cudaEventRecord(a, stream));
		f();
		CHECK(cudaEventRecord(b, stream));
		CHECK(cudaEventSynchronize(b));
		CHECK(cudaEventElapsedTime(&ms, a, b));
		if (i >= 2)
			t.push_back(ms);
	}
	CHECK(cudaGetLastError());
	CHECK(cudaEventDestroy(a));
	CHECK(cudaEventDestroy(b));
	std::sort(t.begin(), t.end());
	return t[t.size() / 2];
}

#define LAYERS 20
#define HIDDEN 7168
#define WIDE 20480

struct chain {
	struct matrix m[LAYERS][4];
	char *room;
	size_t bytes, of[4];            /* in all, and of one layer's matrices */
	float *x, *norm, *cosines;
	uint16_t *q, *k, *h;
	struct step_state *state;
	double read;                    /* bytes in a millisecond */
};

static void
chain_make(struct chain *c, enum quant quant)
{
	static const int shape[4][3] = { { 9216, HIDDEN, 64 }, { HIDDEN, HIDDEN, 0 }, { 2 * WIDE, HIDDEN, WIDE },
		{ HIDDEN, WIDE, 0 } };
	/* BF16: of some 2^-7; FP8: no NaN */
	static const uint32_t keep[] = { 0x80ff80ff, 0xbfbfbfbf, ~0u, ~0u }, set[] = { 0x3c003c00, 0, 0, 0 };
	size_t at, scale;
	struct chain empty = {};

	*c = empty;
	for (int pass = 0; pass < 2; pass++) {
		c->bytes = 0;
		for (int l = 0; l < LAYERS; l++)
			for (int i = 0; i < 4; i++) {
				struct matrix *m = &c->m[l][i];

				m->rows = shape[i][0], m->cols = shape[i][1], m->half = shape[i][2], m->quant = quant;
				at = (size_t)m->rows * (size_t)m->cols * 2;
				scale = 0;
				if (quant != QUANT_BF16)
					cuda_packed_bytes(m, &at, &scale);
				m->at = c->room + c->bytes;
				m->scale = c->room + c->bytes + at;
				c->bytes += at + (scale + 511) / 512 * 512;
				c->of[i] = at + scale;
				if (pass && quant == QUANT_INT4)        /* fp16 of some 2^-11 */
					fill_kernel<<<n_sm, 512, 0, stream>>>((uint32_t *)m->scale, scale / 4, 0x83ff83ff, 0x10001000);
				else if (pass && scale)                 /* float32 of some 2^-14 */
					fill_kernel<<<n_sm, 512, 0, stream>>>((uint32_t *)m->scale, scale / 4, 0x007fffff, 0x38800000);
			}
		if (pass)
			break;
		CHECK(cudaMalloc(&c->room, c->bytes));
		fill_kernel<<<n_sm * 8, 512, 0, stream>>>((uint32_t *)c->room, c->bytes / 4, keep[quant], set[quant]);
	}
	c->x = on_card(floats(HIDDEN, 0.5f));
	c->norm = on_card(floats(HIDDEN, 1.0f));
	c->cosines = on_card(floats(64, 0.7f));
	c->q = on_card(halves(9216));
	c->k = on_card(halves(9216));
	c->h = on_card(halves(WIDE));
	c->state = on_card(std::vector<struct step_state>(1));
	c->read = 0;
	for (int per : { 2, 3, 4 }) {
		double ms = median_ms([&] {
			read_kernel<<<n_sm * per, 512, 0, stream>>>((const uint4 *)c->room, c->bytes / 16, (uint32_t *)c->k);
		});

		c->read = std::max(c->read, (double)c->bytes / ms);
	}
}

static void
chain_free(struct chain *c)
{
	void *all[] = { c->room, c->x, c->norm, c->cosines, c->q, c->k, c->h, c->state };

	for (void *p : all)
		CHECK(cudaFree(p));
}

/* Product i of a layer. */
typedef void (*product)(const struct gemv *g, const struct gemv_rope *r, const struct chain *c, int i);

static void
as_built(const struct gemv *g, const struct gemv_rope *r, const struct chain *c, int i)
{
	if (i == 0)
		cuda_gemv_qkv(stream, g, r);
	else if (i == 2)
		cuda_gemv_swiglu(stream, g, c->h);
	else
		cuda_gemv_residual(stream, g, c->x);
}

template <int QUANT, int WARPS, int FLIGHT>
static void
rows(const struct gemv *g, const struct gemv_rope *r, const struct chain *c, int i)
{
	struct by_row::gemv_args a = by_row::args_of(g, g->w->rows / 2);

	a.out = c->x;
	a.h = c->h;
	a.rope = *r;
	if (i == 0)
		by_row::run_shape<QUANT, by_row::QKV, WARPS, FLIGHT>(stream, g, a);
	else if (i == 2)
		by_row::run_shape<QUANT, by_row::SWIGLU, WARPS, FLIGHT>(stream, g, a);
	else
		by_row::run_shape<QUANT, by_row::RESIDUAL, WARPS, FLIGHT>(stream, g, a);
}

template <int WARPS, int FLIGHT, int PREFETCH, int RESIDENT, int PER_SM>
static void
tiles(const struct gemv *g, const struct gemv_rope *r, const struct chain *c, int i)
{
	struct by_tile::packed_args a = by_tile::args_of(g);

	a.out = c->x;
	a.h = c->h;
	a.rope = *r;
	if (i == 0)
		by_tile::run_shape<by_tile::QKV, WARPS, FLIGHT, PREFETCH, RESIDENT, PER_SM>(stream, g, a);
	else if (i == 2)
		by_tile::run_shape<by_tile::SWIGLU, WARPS, FLIGHT, PREFETCH, RESIDENT, PER_SM>(stream, g, a);
	else
		by_tile::run_shape<by_tile::RESIDUAL, WARPS, FLIGHT, PREFETCH, RESIDENT, PER_SM>(stream, g, a);
}

/* The matrices which (a bit each) of all layers. */
static void
all_layers(struct chain *c, product p, int which, bool pdl)
{
	struct gemv_rope r = { c->q, c->k, c->k + 1024, c->cosines, c->cosines, c->state, 56, 8, 128 };

	for (int l = 0; l < LAYERS; l++)
		for (int i = 0; i < 4; i++) {
			struct gemv g = { &c->m[l][i], i % 2 ? NULL : c->norm, c->x, i == 1 ? c->q : c->h, 1e-5f, n_sm, pdl };

			if (which >> i & 1)
				p(&g, &r, c, i);
		}
}

/* Milliseconds of them, as a graph. */
static double
chain_ms(struct chain *c, product p, int which, bool pdl)
{
	cudaGraph_t graph;
	cudaGraphExec_t run;
	double ms;

	all_layers(c, p, which, pdl);           /* attributes are set outside the capture */
	CHECK(cudaStreamSynchronize(stream));
	CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
	all_layers(c, p, which, pdl);
	CHECK(cudaStreamEndCapture(stream, &graph));
	CHECK(cudaGraphInstantiate(&run, graph, 0));
	ms = median_ms([&] { CHECK(cudaGraphLaunch(run, stream)); });
	CHECK(cudaGraphExecDestroy(run));
	CHECK(cudaGraphDestroy(graph));
	return ms;
}

/* Kernels that begin early must not change a bit of what 20 layers make of x. */
static void
check_chained(struct chain *c, enum quant quant)
{
	floats start(HIDDEN), first, x;

	for (float &v : start)
		v = uniform();
	for (int round = 0; round < 20; round++) {
		put(c->x, start);
		all_layers(c, as_built, 15, chained && round);
		x = from_card(c->x, HIDDEN);
		if (round == 0)
			first = x;
		expect(!memcmp(x.data(), first.data(), HIDDEN * sizeof(float)), "chained differs", names[quant], 0, 0, round, 0);
	}
	expect(std::isfinite(length(x)) && length(x) != length(start), "chain", names[quant], 0, 0, length(x), 0);
}

static void
show(struct chain *c, const char *name, product p)
{
	printf("  %-24s", name);
	for (int pdl = 0; pdl <= (chained ? 1 : 0); pdl++) {
		double ms = chain_ms(c, p, 15, pdl);

		printf("  %s %7.1f GB/s %.3f", pdl ? "chained" : "plain", (double)c->bytes / ms / 1e6, (double)c->bytes / ms / c->read);
	}
	printf("  | qkv o gate_up down");
	for (int i = 0; i < 4; i++)
		printf(" %.3f", (double)c->of[i] * LAYERS / chain_ms(c, p, 1 << i, chained) / c->read);
	printf("\n");
	fflush(stdout);
}

static void
bench_unpack(struct chain *c, enum quant quant)
{
	uint16_t *out;
	struct matrix *m = &c->m[3][2];
	double ms, bytes = (double)m->rows * m->cols * 2;

	CHECK(cudaMalloc(&out, (size_t)bytes));
	ms = median_ms([&] { cuda_unpack(stream, out, m); });
	printf("%-5s unpack gate_up: %.3f ms, %.1f GB/s read and written\n", names[quant], ms, (bytes + (double)c->of[2]) / ms / 1e6);
	ms = median_ms([&] { cuda_pack_rows(stream, m, 0, m->rows, out); });
	printf("%-5s pack gate_up: %.3f ms, %.1f GB/s of bf16\n", names[quant], ms, bytes / ms / 1e6);
	CHECK(cudaFree(out));
}

/* Of a matrix by rows: warps a block, loads requested a lane and row. */
template <int QUANT>
static void
bench_rows(struct chain *c)
{
	show(c, "14 x 2", rows<QUANT, 14, 2>);
	show(c, "14 x 4", rows<QUANT, 14, 4>);
	show(c, "16 x 2", rows<QUANT, 16, 2>);
	show(c, "16 x 4", rows<QUANT, 16, 4>);
	show(c, "18 x 2", rows<QUANT, 18, 2>);
	show(c, "18 x 3", rows<QUANT, 18, 3>);
	show(c, "18 x 4", rows<QUANT, 18, 4>);
	show(c, "20 x 2", rows<QUANT, 20, 2>);
	show(c, "24 x 2", rows<QUANT, 24, 2>);
}

/* Warps a block, groups requested, bytes called ahead, blocks that fit and that run on a multiprocessor. */
static void
bench_tiles(struct chain *c)
{
	show(c, "28 x 2 64K 1 1", tiles<28, 2, 65536, 1, 1>);
	show(c, "28 x 2 0 1 1", tiles<28, 2, 0, 1, 1>);
	show(c, "28 x 2 32K 1 1", tiles<28, 2, 32768, 1, 1>);
	show(c, "28 x 1 64K 1 1", tiles<28, 1, 65536, 1, 1>);
	show(c, "32 x 2 64K 1 1", tiles<32, 2, 65536, 1, 1>);
	show(c, "20 x 3 64K 1 1", tiles<20, 3, 65536, 1, 1>);
	show(c, "14 x 2 32K 2 2", tiles<14, 2, 32768, 2, 2>);
	show(c, "14 x 4 32K 2 2", tiles<14, 4, 32768, 2, 2>);
}

static void
bench(void)
{
	for (enum quant quant : { QUANT_BF16, QUANT_FP8, QUANT_INT8, QUANT_INT4 }) {
		struct chain c;

		chain_make(&c, quant);
		printf("%s %.2f GB, plain read %.1f GB/s\n", names[quant], (double)c.bytes / 1e9, c.read / 1e6);
		check_chained(&c, quant);
		show(&c, "as built", as_built);
		if (quant == QUANT_BF16)
			bench_rows<QUANT_BF16>(&c);
		else if (quant == QUANT_FP8)
			bench_rows<QUANT_FP8>(&c);
		else if (quant == QUANT_INT8)
			bench_rows<QUANT_INT8>(&c);
		else
			bench_tiles(&c);
		if (quant != QUANT_BF16)
			bench_unpack(&c, quant);
		chain_free(&c);
	}
}

int
main(int argc, char **argv)
{
	struct cudaDeviceProp p;
	int n = 0;

	if (cudaGetDeviceCount(&n) != cudaSuccess || n == 0) {
		printf("no device\n");
		return 77;
	}
	CHECK(cudaGetDeviceProperties(&p, 0));
	n_sm = p.multiProcessorCount;
	chained = p.major >= 9;
	CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
	printf("%s, %d multiprocessors\n", p.name, n_sm);
	if (argc > 1 && !strcmp(argv[1], "bench")) {
		bench();
		return n_bad ? 1 : 0;
	}
	return test_all();
}
