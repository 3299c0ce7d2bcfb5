/* rows_test.cu: what decoding computes for a few rows at once must be, to the bit, what it computes for each alone: products
 * in every format with all that follows them, attention, the choice among logits; and with "bench" what the rows cost.
 *
 *   nvcc -O3 -std=c++17 -arch=sm_90 -I. -o rows_test tests/cuda/rows_test.cu engine/cuda/gemv.cu engine/cuda/quant.cu \
 *       engine/cuda/decode_attention.cu engine/cuda/sample.cu engine/cuda/norm.cu
 *   ./rows_test             checks; 77 without a device
 *   ./rows_test bench [more]        20 layers of the 40B decoder with 1 … 4 rows; more: other shapes of the kernels
 */
#include <cassert>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/cuda/chain.cuh"

namespace by_row {
#include "engine/cuda/gemv_rows.cu"
}
namespace by_tile {
#include "engine/cuda/gemv_packed.cu"
}

typedef std::vector<uint8_t> bytes;
typedef std::function<void(const struct gemv *g, void *out, int t)> call;       /* t: the row that g begins with */

/* Of enum epilogue. */
static const char *const afters[] = { "qkv", "residual", "swiglu", "plain" };

static void
differ(const char *what, int n, int rows, int cols, const bytes &got, const bytes &want, size_t width)
{
	size_t i = 0;

	while (got[i] == want[i])
		i++;
	if (n_bad++ >= SHOWN)
		return;
	i -= i % width;
	if (width == 4) {
		float a, b;

		memcpy(&a, &got[i], 4);
		memcpy(&b, &want[i], 4);
		printf("not ok: %s of %d rows [%d, %d]: value %zu is %.9g, alone %.9g\n", what, n, rows, cols, i / 4, a, b);
	} else {
		uint16_t a, b;

		memcpy(&a, &got[i], 2);
		memcpy(&b, &want[i], 2);
		printf("not ok: %s of %d rows [%d, %d]: value %zu is %.9g, alone %.9g\n", what, n, rows, cols, i / 2, value(a), value(b));
	}
}

/* ---- products */

struct matrix_on_card {
	struct matrix m;
	void *at, *scale;
};

/* Numbers of the size of weights; FP8: no NaN. */
static void
matrix_make(struct matrix_on_card *w, enum quant quant, int rows, int cols, int half)
{
	static const uint32_t keep[] = { 0x80ff80ff, 0xbfbfbfbf, ~0u, ~0u }, set[] = { 0x3c003c00, 0, 0, 0 };
	size_t at = (size_t)rows * cols * 2, scale = 0;
	struct matrix m = {};

	m.rows = rows, m.cols = cols, m.half = half, m.quant = quant;
	if (quant != QUANT_BF16)
		cuda_packed_bytes(&m, &at, &scale);
	at = (at + 511) / 512 * 512;
	scale = (scale + 511) / 512 * 512;
	CHECK(cudaMalloc(&w->at, at));
	CHECK(cudaMalloc(&w->scale, scale + 512));
	fill_kernel<<<n_sm, 512, 0, stream>>>((uint32_t *)w->at, at / 4, keep[quant], set[quant]);
	if (quant == QUANT_INT4)        /* fp16 of some 2^-11 */
		fill_kernel<<<n_sm, 512, 0, stream>>>((uint32_t *)w->scale, scale / 4, 0x83ff83ff, 0x10001000);
	else if (scale)                 /* float32 of some 2^-14 */
		fill_kernel<<<n_sm, 512, 0, stream>>>((uint32_t *)w->scale, scale / 4, 0x007fffff, 0x38800000);
	m.at = w->at;
	m.scale = w->scale;
	w->m = m;
}

static void
matrix_free(struct matrix_on_card *w)
{
	CHECK(cudaFree(w->at));
	CHECK(cudaFree(w->scale));
}

/* Rows of very different size; with a zero row when asked. */
static void
input_make(struct gemv *g, const struct matrix *m, bool norm, bool zero)
{
	static const float sizes[] = { 1, 300, 0.001f, 30 };
	size_t cols = (size_t)m->cols, pitch = pitch_of_rows(m->cols);
	floats x(GEMV_ROWS * cols), w(cols);
	halves in(GEMV_ROWS * pitch, 0x7fc0);   /* no numbers between the rows */
	struct gemv empty = {};

	for (size_t t = 0; t < GEMV_ROWS; t++)
		for (size_t i = 0; i < cols; i++) {
			float v = sizes[t] * uniform() * (i % 97 == 5 ? 300.0f : 1.0f);

			x[t * cols + i] = zero && t == 1 ? 0 : v;
			in[t * pitch + i] = bf16(x[t * cols + i] * 100);
		}
	for (float &v : w)
		v = 1 + 0.5f * uniform();
	*g = empty;
	g->w = m;
	g->norm = norm ? on_card(w) : NULL;
	g->x = norm ? on_card(x) : NULL;
	g->in = norm ? NULL : on_card(in);
	g->eps = 1e-5f;
	g->n = 1;
	g->n_sm = n_sm;
	g->shared = shared_bytes;
}

static void
input_free(struct gemv *g)
{
	CHECK(cudaFree((void *)g->norm));
	CHECK(cudaFree((void *)g->x));
	CHECK(cudaFree((void *)g->in));
}

static struct gemv
row_of(const struct gemv *g, int t)
{
	struct gemv one = *g;

	one.n = 1;
	one.x = g->x ? g->x + (size_t)t * g->w->cols : NULL;
	one.in = g->in ? g->in + t * pitch_of_rows(g->w->cols) : NULL;
	return one;
}

/* All rows at once against each alone, from the same `before`; on cards that have less shared memory too. */
static void
compare(const char *what, const struct gemv *g, const bytes &before, size_t width, const call &product)
{
	static const int rooms[] = { 1 << 20, 163 << 10, 99 << 10, 48 << 10 };
	uint8_t *out = on_card(before);

	for (int n = 2; n <= GEMV_ROWS; n++) {
		bytes want, got;

		put(out, before);
		for (int t = 0; t < n; t++) {
			struct gemv one = row_of(g, t);

			product(&one, out, t);
		}
		CHECK(cudaGetLastError());
		want = from_card(out, before.size());
		for (int room : rooms)
			for (int pdl = 0; pdl <= (chained ? 1 : 0); pdl++) {
				struct gemv all = *g;

				all.n = n;
				all.shared = std::min(shared_bytes, room);
				all.chained = pdl;
				put(out, before);
				product(&all, out, 0);
				CHECK(cudaGetLastError());
				got = from_card(out, before.size());
				if (got != want)
					differ(what, n, g->w->rows, g->w->cols, got, want, width);
			}
		if (want == before && n_bad++ < SHOWN)
			printf("not ok: %s [%d, %d]: nothing was written\n", what, g->w->rows, g->w->cols);
	}
	CHECK(cudaFree(out));
}

static bytes
filled(size_t n)
{
	floats v((n + 3) / 4);
	bytes b(v.size() * 4);

	for (float &f : v)
		f = uniform();
	memcpy(b.data(), v.data(), b.size());
	return b;
}

static const char *
name(enum quant quant, enum epilogue after)
{
	static char text[32];

	snprintf(text, sizeof text, "%s %s", names[quant], afters[after]);
	return text;
}

static void
test_vector(enum quant quant, enum epilogue after, int rows, int cols, bool zero)
{
	struct matrix_on_card w;
	struct gemv g;

	matrix_make(&w, quant, rows, cols, 0);
	input_make(&g, &w.m, after != RESIDUAL, zero);
	compare(name(quant, after), &g, filled(GEMV_ROWS * (size_t)rows * 4), 4, [&](const struct gemv *how, void *out, int t) {
		float *to = (float *)out + (size_t)t * rows;

		if (after == RESIDUAL)
			cuda_gemv_residual(stream, how, to);
		else
			cuda_gemv_plain(stream, how, to);
	});
	input_free(&g);
	matrix_free(&w);
}

static void
test_swiglu(enum quant quant, int half, int cols)
{
	struct matrix_on_card w;
	struct gemv g;

	matrix_make(&w, quant, 2 * half, cols, half);
	input_make(&g, &w.m, true, false);
	compare(name(quant, SWIGLU), &g, filled(GEMV_ROWS * pitch_of_rows(half) * 2), 2, [&](const struct gemv *how, void *out, int t) {
		cuda_gemv_swiglu(stream, how, (uint16_t *)out + t * pitch_of_rows(half));
	});
	input_free(&g);
	matrix_free(&w);
}

/* q of four rows, then eight rows of keys, of values. The rows begin at position 3. */
static void
test_qkv(enum quant quant, int n_heads, int n_kv_heads, int head_dim, int cols)
{
	int half = head_dim / 2, q = n_heads * head_dim, kv = n_kv_heads * head_dim, n_ctx = 8;
	floats cosines((size_t)(n_ctx * half)), sines(cosines.size());
	std::vector<struct step_state> state(GEMV_ROWS);
	struct gemv_rope r = {};
	struct matrix_on_card w;
	struct gemv g;

	for (size_t i = 0; i < cosines.size(); i++) {
		cosines[i] = (float)std::cos((double)i * 0.37);
		sines[i] = (float)std::sin((double)i * 0.37);
	}
	for (int t = 0; t < GEMV_ROWS; t++)
		state[(size_t)t].pos = 3 + t;
	r.cos = on_card(cosines);
	r.sin = on_card(sines);
	r.state = on_card(state);
	r.n_heads = n_heads, r.n_kv_heads = n_kv_heads, r.head_dim = head_dim;
	matrix_make(&w, quant, q + 2 * kv, cols, half);
	input_make(&g, &w.m, true, false);
	compare(name(quant, QKV), &g, filled((size_t)(GEMV_ROWS * q + 2 * n_ctx * kv) * 2), 2,
	    [&](const struct gemv *how, void *out, int t) {
		struct gemv_rope at = r;

		at.q = (uint16_t *)out + t * q;
		at.k = (uint16_t *)out + GEMV_ROWS * q;
		at.v = at.k + n_ctx * kv;
		at.state = r.state + t;
		cuda_gemv_qkv(stream, how, &at);
	});
	CHECK(cudaFree((void *)r.cos));
	CHECK(cudaFree((void *)r.sin));
	CHECK(cudaFree((void *)r.state));
	input_free(&g);
	matrix_free(&w);
}

static void
test_products(void)
{
	static const int shapes[][2] = { { 16, 128 }, { 17, 48 }, { 1, 50 }, { 33, 80 }, { 64, 64 }, { 100, 20480 },
		{ 31, 172 }, { 8191, 384 }, { 7168, 7168 }, { 7168, 20480 }, { 5000, 12288 } };

	for (enum quant quant : { QUANT_BF16, QUANT_FP8, QUANT_INT8, QUANT_INT4 }) {
		int bad = n_bad;

		for (auto &s : shapes) {
			test_vector(quant, PLAIN, s[0], s[1], s[0] == 33);
			test_vector(quant, RESIDUAL, s[0], s[1], s[0] == 33);
		}
		test_vector(quant, PLAIN, 64000, 7168, false);
		test_swiglu(quant, 36, 48);
		test_swiglu(quant, 5, 300);
		test_swiglu(quant, 20, 172);
		test_swiglu(quant, 20480, 7168);
		test_qkv(quant, 4, 2, 8, 64);
		test_qkv(quant, 4, 1, 20, 48);
		test_qkv(quant, 4, 1, 8, 172);
		test_qkv(quant, 6, 2, 64, 80);
		test_qkv(quant, 56, 8, 128, 7168);
		printf("%s: %s\n", names[quant], n_bad == bad ? "ok" : "FAILED");
		fflush(stdout);
	}
}

/* ---- attention */

static halves
random_halves(size_t n, float size)
{
	halves v(n);

	for (uint16_t &h : v)
		h = bf16(size * uniform());
	return v;
}

#define N_CTX 4096

static void
test_attention(int n_heads, int n_kv_heads, int head_dim)
{
	static const int contexts[] = { 1, 2, 31, 32, 33, 300, 3000, 4093 };    /* keys of the first row */
	size_t kv = (size_t)N_CTX * n_kv_heads * head_dim, width = (size_t)n_heads * head_dim, pitch = pitch_of_rows((int)width);
	uint16_t *k = on_card(random_halves(kv, 1)), *v = on_card(random_halves(kv, 1));
	uint16_t *q = on_card(random_halves(GEMV_ROWS * width, 3));
	float *partial = on_card(floats(cuda_decode_partial(n_heads, head_dim)));
	unsigned *counters = on_card(std::vector<unsigned>((size_t)(GEMV_ROWS * n_heads)));
	uint16_t *out = on_card(halves(GEMV_ROWS * pitch));
	std::vector<struct step_state> state(GEMV_ROWS);
	struct step_state *at = on_card(state);

	for (int context : contexts)
		for (int n = 2; n <= GEMV_ROWS; n++) {
			halves empty(GEMV_ROWS * pitch, 0x7777), want, got;

			for (int t = 0; t < n; t++)
				state[(size_t)t].pos = context - 1 + t;
			put(at, state);
			put(out, empty);
			for (int t = 0; t < n; t++)
				cuda_decode_attention(stream, out + t * pitch, q + t * width, k, v, at + t, 1, partial, counters, n_heads,
				    n_kv_heads, head_dim, N_CTX, chained);
			want = from_card(out, empty.size());
			for (int round = 0; round < 3; round++) {
				put(out, empty);
				cuda_decode_attention(stream, out, q, k, v, at, n, partial, counters, n_heads, n_kv_heads, head_dim, N_CTX,
				    round && chained);
				CHECK(cudaGetLastError());
				got = from_card(out, empty.size());
				if (got != want && n_bad++ < SHOWN)
					printf("not ok: attention of %d rows behind %d keys, %d heads of %d\n", n, context, n_heads, head_dim);
			}
		}
	for (void *p : { (void *)k, (void *)v, (void *)q, (void *)partial, (void *)counters, (void *)out, (void *)at })
		CHECK(cudaFree(p));
}

/* ---- the choice */

static void
test_choice(int n)
{
	floats values((size_t)(GEMV_ROWS * n));
	float *logits;
	std::vector<char> zero(GEMV_ROWS * 2048);
	char *work = on_card(zero);
	std::vector<struct top2> want(GEMV_ROWS), got;
	struct top2 *out = on_card(want);

	for (float &v : values)
		v = std::rint(uniform() * 1000);        /* with ties */
	values[(size_t)n] = NAN;        /* the second row has no choice */
	logits = on_card(values);
	for (int rows = 2; rows <= GEMV_ROWS; rows++) {
		for (int t = 0; t < rows; t++)
			cuda_top2(stream, out + t, logits + (size_t)t * n, 1, n, work, chained);
		want = from_card(out, GEMV_ROWS);
		for (int round = 0; round < 3; round++) {
			CHECK(cudaMemset(out, 0, (size_t)rows * sizeof *out));
			CHECK(cudaDeviceSynchronize());
			cuda_top2(stream, out, logits, rows, n, work, round && chained);
			got = from_card(out, GEMV_ROWS);
			if (memcmp(got.data(), want.data(), sizeof want[0] * (size_t)rows) != 0 && n_bad++ < SHOWN)
				printf("not ok: choice of %d rows of %d\n", rows, n);
			if ((got[0].finite != 1 || got[1].finite != 0) && n_bad++ < SHOWN)
				printf("not ok: choice of %d rows of %d: what is no number\n", rows, n);
		}
	}
	if (from_card(work, zero.size()).back() != 0)
		n_bad++;
	for (void *p : { (void *)logits, (void *)work, (void *)out })
		CHECK(cudaFree(p));
}

static int
test_all(void)
{
	int bad;

	test_products();
	bad = n_bad;
	test_attention(56, 8, 128);
	test_attention(7, 1, 80);
	test_attention(3, 3, 26);
	test_attention(14, 2, 64);
	test_attention(4, 2, 160);
	test_attention(20, 1, 128);
	printf("attention: %s\n", n_bad == bad ? "ok" : "FAILED");
	bad = n_bad;
	for (int n : { 1, 2, 33, 1001, 64000, 100003 })
		test_choice(n);
	printf("choice: %s\n", n_bad == bad ? "ok" : "FAILED");
	if (n_bad > SHOWN)
		printf("%d failures in all\n", n_bad);
	return n_bad ? 1 : 0;
}

/* ---- what the rows cost */

template <int T, int WARPS, int FLIGHT, int RESIDENT, int PER_SM>
static void
rows(const struct gemv *g, const struct gemv_rope *r, const struct chain *c, int i)
{
	struct gemv_to to = { c->x, c->h, *r };
	struct by_row::rows_args a = by_row::rows_args_of(g, &to);

	if (i == 0)
		by_row::run_rows<QKV, T, WARPS, FLIGHT, RESIDENT, PER_SM>(stream, g, a);
	else if (i == 2)
		by_row::run_rows<SWIGLU, T, WARPS, FLIGHT, RESIDENT, PER_SM>(stream, g, a);
	else if (PER_SM == 1 || i == 1)
		by_row::run_rows<RESIDUAL, T, WARPS, FLIGHT, RESIDENT, PER_SM>(stream, g, a);
	else
		as_built(g, r, c, i);
}

template <int QUANT, int WARPS, int FLIGHT, int RESIDENT, int PER_SM>
static void
eights(const struct gemv *g, const struct gemv_rope *r, const struct chain *c, int i)
{
	struct gemv_to to = { c->x, c->h, *r };
	struct by_row::rows_args a = by_row::rows_args_of(g, &to);

	if (i == 0)
		by_row::run_bytes<QUANT, QKV, WARPS, FLIGHT, RESIDENT, PER_SM>(stream, g, a);
	else if (i == 2)
		by_row::run_bytes<QUANT, SWIGLU, WARPS, FLIGHT, RESIDENT, PER_SM>(stream, g, a);
	else if (PER_SM == 1 || i == 1)
		by_row::run_bytes<QUANT, RESIDUAL, WARPS, FLIGHT, RESIDENT, PER_SM>(stream, g, a);
	else
		as_built(g, r, c, i);
}

template <int WARPS, int FLIGHT, int PREFETCH>
static void
tiles(const struct gemv *g, const struct gemv_rope *r, const struct chain *c, int i)
{
	struct by_tile::packed_args a = by_tile::args_of(g);

	a.out = c->x;
	a.h = c->h;
	if (i == 0)
		a.rope = *r;
	if (i == 0)
		by_tile::run_shape<QKV, GEMV_ROWS, WARPS, FLIGHT, PREFETCH, 1, 1>(stream, g, a);
	else if (i == 2)
		by_tile::run_shape<SWIGLU, GEMV_ROWS, WARPS, FLIGHT, PREFETCH, 1, 1>(stream, g, a);
	else
		by_tile::run_shape<RESIDUAL, GEMV_ROWS, WARPS, FLIGHT, PREFETCH, 1, 1>(stream, g, a);
}

/* ms of the whole chain, of each of its four matrices; and how often what one row takes, where that is known. */
static void
show(struct chain *c, const char *name, product p, int n, double *one)
{
	double ms[5];

	printf("  %-16s %d rows", name, n);
	for (int i = 0; i < 5; i++) {
		ms[i] = chain_ms(c, p, i ? 1 << (i - 1) : 15, chained, n);
		if (n == 1)
			one[i] = ms[i];
		printf("%s%8.3f (%.3f)", i == 1 ? " ms | qkv o gate_up down" : "", ms[i], ms[i] / one[i]);
	}
	printf("\n");
	fflush(stdout);
}

/* The output matrix by itself: four of them in turn. */
static void
show_output(enum quant quant)
{
	struct matrix_on_card w[4];
	float *out, *x, *norm;
	double one = 0;

	for (auto &m : w)
		matrix_make(&m, quant, 64000, HIDDEN, 0);
	out = on_card(floats(GEMV_ROWS * 64000));
	x = on_card(floats(GEMV_ROWS * HIDDEN, 0.5f));
	norm = on_card(floats(HIDDEN, 1.0f));
	printf("  output matrix");
	for (int n = 1; n <= GEMV_ROWS; n++) {
		double ms = median_ms([&] {
			for (auto &m : w) {
				struct gemv g = { &m.m, norm, x, NULL, 1e-5f, n, n_sm, shared_bytes, chained };

				cuda_gemv_plain(stream, &g, out);
			}
		});

		one = n == 1 ? ms : one;
		printf("  %d: %.4f ms (%.3f)", n, ms / 4, ms / one);
	}
	printf("\n");
	for (auto &m : w)
		matrix_free(&m);
	for (float *p : { out, x, norm })
		CHECK(cudaFree(p));
}

static void
show_attention(void)
{
	size_t kv = (size_t)N_CTX * 1024;
	uint16_t *cache = on_card(halves(40 * kv)), *q = on_card(halves(GEMV_ROWS * 2 * 7168));
	float *partial = on_card(floats(cuda_decode_partial(56, 128)));
	unsigned *counters = on_card(std::vector<unsigned>(GEMV_ROWS * 56));
	std::vector<struct step_state> state(GEMV_ROWS);
	struct step_state *at = on_card(state);

	for (int context : { 300, 3000 }) {
		double one = 0;

		for (int t = 0; t < GEMV_ROWS; t++)
			state[(size_t)t].pos = context + t;
		put(at, state);
		printf("attention of a layer behind %d:", context);
		for (int n = 1; n <= GEMV_ROWS; n++) {
			double ms = median_ms([&] {
				for (int l = 0; l < 20; l++)
					cuda_decode_attention(stream, q + GEMV_ROWS * 7168, q, cache + 2 * l * kv, cache + (2 * l + 1) * kv, at, n, partial,
					    counters, 56, 8, 128, N_CTX, chained);
			}) / 20;

			one = n == 1 ? ms : one;
			printf("  %d: %.2f us (%.3f)", n, ms * 1000, ms / one);
		}
		printf("\n");
	}
	for (void *p : { (void *)cache, (void *)q, (void *)partial, (void *)counters, (void *)at })
		CHECK(cudaFree(p));
}

static void
bench_bf16(struct chain *c, double *one)
{
	show(c, "28 x 2", rows<4, 28, 2, 1, 1>, 4, one);
	show(c, "28 x 4", rows<4, 28, 4, 1, 1>, 4, one);
	show(c, "32 x 2", rows<4, 32, 2, 1, 1>, 4, one);
	show(c, "32 x 3", rows<4, 32, 3, 1, 1>, 4, one);
	show(c, "20 x 4", rows<4, 20, 4, 1, 1>, 4, one);
	show(c, "18 x 5", rows<4, 18, 5, 1, 1>, 4, one);
	show(c, "16 x 3, 1 of 2", rows<4, 16, 3, 2, 1>, 4, one);
	show(c, "16 x 4, 1 of 2", rows<4, 16, 4, 2, 1>, 4, one);
	show(c, "18 x 2, 2 of 2", rows<4, 18, 2, 2, 2>, 4, one);
	show(c, "28 x 2", rows<3, 28, 2, 1, 1>, 3, one);
	show(c, "28 x 3", rows<3, 28, 3, 1, 1>, 3, one);
	show(c, "28 x 4", rows<3, 28, 4, 1, 1>, 3, one);
	show(c, "28 x 2", rows<2, 28, 2, 1, 1>, 2, one);
	show(c, "32 x 3", rows<2, 32, 3, 1, 1>, 2, one);
}

template <int QUANT>
static void
bench_bytes(struct chain *c, double *one)
{
	show(c, "28 x 2", eights<QUANT, 28, 2, 1, 1>, 4, one);
	show(c, "32 x 2", eights<QUANT, 32, 2, 1, 1>, 4, one);
	show(c, "32 x 3", eights<QUANT, 32, 3, 1, 1>, 4, one);
	show(c, "32 x 4", eights<QUANT, 32, 4, 1, 1>, 4, one);
	show(c, "20 x 4", eights<QUANT, 20, 4, 1, 1>, 4, one);
	show(c, "16 x 4, 1 of 2", eights<QUANT, 16, 4, 2, 1>, 4, one);
	show(c, "16 x 3, 1 of 2", eights<QUANT, 16, 3, 2, 1>, 4, one);
	show(c, "16 x 3, 2 of 2", eights<QUANT, 16, 3, 2, 2>, 4, one);
	show(c, "12 x 5, 2 of 2", eights<QUANT, 12, 5, 2, 2>, 4, one);
	show(c, "20 x 2, 2 of 2", eights<QUANT, 20, 2, 2, 2>, 4, one);
}

static void
bench_tiles(struct chain *c, double *one)
{
	show(c, "28 x 1 64K", tiles<28, 1, 65536>, 4, one);
	show(c, "28 x 2 0", tiles<28, 2, 0>, 4, one);
	show(c, "28 x 2 32K", tiles<28, 2, 32768>, 4, one);
	show(c, "28 x 2 128K", tiles<28, 2, 131072>, 4, one);
}

static void
bench(bool more)
{
	show_attention();
	for (enum quant quant : { QUANT_BF16, QUANT_INT8, QUANT_FP8, QUANT_INT4 }) {
		struct chain c;
		double one[5];

		chain_make(&c, quant);
		printf("%s %.2f GB, plain read %.1f GB/s\n", names[quant], (double)c.bytes / 1e9, c.read / 1e6);
		for (int n = 1; n <= GEMV_ROWS; n++)
			show(&c, "as built", as_built, n, one);
		if (more && quant == QUANT_BF16)
			bench_bf16(&c, one);
		else if (more && quant == QUANT_FP8)
			bench_bytes<QUANT_FP8>(&c, one);
		else if (more && quant == QUANT_INT8)
			bench_bytes<QUANT_INT8>(&c, one);
		else if (more)
			bench_tiles(&c, one);
		chain_free(&c);
		show_output(quant);
	}
}

int
main(int argc, char **argv)
{
	if (!open_card())
		return 77;
	if (argc > 1 && !strcmp(argv[1], "bench")) {
		bench(argc > 2);
		return 0;
	}
	return test_all();
}
