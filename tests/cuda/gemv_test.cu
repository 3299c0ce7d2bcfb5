/* gemv_test.cu: products of one row against sums in double, over odd and real shapes; packing and unpacking; and with
 * "bench" how fast matrices are read.
 *
 *   nvcc -O3 -std=c++17 -arch=sm_90 -I. -o gemv_test tests/cuda/gemv_test.cu engine/cuda/gemv_rows.cu engine/cuda/quant.cu
 *   ./gemv_test             checks; 77 without a device
 *   ./gemv_test bench       shapes of the kernels over 20 layers of the 40B decoder, as shares of a plain read; and that
 *                           kernels which begin early change nothing
 *
 * What may differ from a sum in double over the unpacked weights is the order of sums, the rounding of x at ties and, for
 * INT8, the unpacked weight's rounding to bfloat16.
 */
#include <cassert>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/cuda/chain.cuh"

namespace by_row {
#include "engine/cuda/gemv.cu"
}
namespace by_tile {
#include "engine/cuda/gemv_packed.cu"
}

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
	in->g.n = 1;
	in->g.n_sm = n_sm;
	in->g.shared = shared_bytes;
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

template <int QUANT, int WARPS, int FLIGHT>
static void
rows(const struct gemv *g, const struct gemv_rope *r, const struct chain *c, int i)
{
	struct gemv_to to = { c->x, c->h, *r };
	struct by_row::gemv_args a = by_row::args_of(g, &to);

	if (i == 0)
		by_row::run_shape<QUANT, QKV, WARPS, FLIGHT>(stream, g, a);
	else if (i == 2)
		by_row::run_shape<QUANT, SWIGLU, WARPS, FLIGHT>(stream, g, a);
	else
		by_row::run_shape<QUANT, RESIDUAL, WARPS, FLIGHT>(stream, g, a);
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
		by_tile::run_shape<QKV, 1, WARPS, FLIGHT, PREFETCH, RESIDENT, PER_SM>(stream, g, a);
	else if (i == 2)
		by_tile::run_shape<SWIGLU, 1, WARPS, FLIGHT, PREFETCH, RESIDENT, PER_SM>(stream, g, a);
	else
		by_tile::run_shape<RESIDUAL, 1, WARPS, FLIGHT, PREFETCH, RESIDENT, PER_SM>(stream, g, a);
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
	if (!open_card())
		return 77;
	if (argc > 1 && !strcmp(argv[1], "bench")) {
		bench();
		return n_bad ? 1 : 0;
	}
	return test_all();
}
