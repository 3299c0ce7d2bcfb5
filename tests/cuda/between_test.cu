/* between_test.cu: the kernels that stand between the products of many rows, norm.cu's and pointwise.cu's, against plain
 * loops in double over odd and real sizes; and with "bench" how fast they are.
 *
 *   nvcc -O3 -std=c++17 -arch=sm_90 -I. -o between_test tests/cuda/between_test.cu
 *   ./between_test          checks; 77 without a device
 *   ./between_test bench    a layer of the tower and of 300 rows of the 40B decoder, beside copies of as many bytes
 *
 * A result in bfloat16 may be off by half a unit in its last place, which is rounding, and by what the float32 before it
 * may be off: a share of 2^-20, of GELU 2^-17.
 */
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <vector>

#include "engine/cuda/common.cuh"
#include "tests/cuda/testing.cuh"

namespace norms {
#include "engine/cuda/norm.cu"
}
#undef THREADS
#include "engine/cuda/pointwise.cu"

#define HALF_UNIT 0x1p-8        /* of a bfloat16, as a share of it */
#define FLOAT_LIMIT 0x1p-20
#define GELU_LIMIT 0x1p-17
#define EPS 1e-6f
#define GUARD 64                /* values behind an array that nobody may write */
#define MARK 0x7777

typedef std::vector<uint16_t> halves;
typedef std::vector<float> floats;

static int n_bad, n_values;

/* ---- numbers, here and on the card */

template <typename T>
struct on_card {
	T *at;

	explicit on_card(const std::vector<T> &v)
	{
		CHECK(cudaMalloc(&at, v.size() * sizeof(T)));
		CHECK(cudaMemcpy(at, v.data(), v.size() * sizeof(T), cudaMemcpyHostToDevice));
		CHECK(cudaDeviceSynchronize());         /* our stream does not wait for it */
	}
	explicit on_card(size_t n)      /* zeros */
	{
		CHECK(cudaMalloc(&at, n * sizeof(T)));
		CHECK(cudaMemset(at, 0, n * sizeof(T)));
		CHECK(cudaDeviceSynchronize());
	}
	~on_card()
	{
		CHECK(cudaFree(at));
	}
	std::vector<T> fetch(size_t n) const
	{
		std::vector<T> v(n);

		CHECK(cudaStreamSynchronize(stream));
		CHECK(cudaMemcpy(v.data(), at, n * sizeof(T), cudaMemcpyDeviceToHost));
		return v;
	}
};

static halves
some_halves(size_t n, float range)
{
	halves v(n + GUARD, MARK);

	for (size_t i = 0; i < n; i++)
		v[i] = bf16(range * uniform());
	return v;
}

static floats
some_floats(size_t n, float middle, float range)
{
	floats v(n + GUARD, 12345);

	for (size_t i = 0; i < n; i++)
		v[i] = middle + range * uniform();
	return v;
}

/* ---- what is right */

struct call {
	const char *what;
	int n, size;
};

static void
complain(const struct call *c, size_t i, double is, double want)
{
	if (n_bad++ < SHOWN)
		printf("not ok: %s of %d rows of %d: value %zu (row %zu, %zu) is %.9g, not %.9g\n", c->what, c->n, c->size, i,
		    i / (size_t)c->size, i % (size_t)c->size, is, want);
}

/* limit: a share of want, beyond the rounding; slack: in itself. */
static void
near(const struct call *c, size_t i, uint16_t got, double want, double limit, double slack)
{
	double is = value(got);

	n_values++;
	if (!(std::fabs(is - want) <= std::fabs(want) * (HALF_UNIT + limit) + slack))
		complain(c, i, is, want);
}

static void
same(const struct call *c, size_t i, float is, float want)
{
	n_values++;
	if (memcmp(&is, &want, sizeof is) != 0)
		complain(c, i, is, want);
}

static void
unwritten(const struct call *c, const halves &v)
{
	for (size_t i = v.size() - GUARD; i < v.size(); i++)
		if (v[i] != MARK)
			complain(c, i, v[i], MARK);
}

/* ---- norms */

/* 1 / rms of n values */
template <typename F>
static double
inverse_rms(int n, F at)
{
	double sum = 0;

	for (int i = 0; i < n; i++)
		sum += (double)at(i) * at(i);
	return 1 / std::sqrt(sum / n + (double)EPS);
}

static void
check_rms_row(const struct call *c, const uint16_t *got, const float *x, const floats &w, size_t row)
{
	double scale = inverse_rms(c->size, [&](int i) { return x[i]; });

	for (int i = 0; i < c->size; i++)
		near(c, row * (size_t)c->size + (size_t)i, got[i], w[(size_t)i] * (x[i] * scale), FLOAT_LIMIT, 0);
}

static void
test_rms_norm(int n, int size)
{
	struct call c = { "rms_norm", n, size };
	size_t all = (size_t)n * (size_t)size;
	floats x = some_floats(all, 0.1f, 3), w = some_floats((size_t)size, 1, 0.5f);
	on_card<float> x_card(x), w_card(w);
	on_card<uint16_t> out_card(some_halves(all, 1));
	halves out;

	cuda_rms_norm(stream, out_card.at, x_card.at, w_card.at, n, size, EPS);
	out = out_card.fetch(all + GUARD);
	for (size_t r = 0; r < (size_t)n; r++)
		check_rms_row(&c, &out[r * (size_t)size], &x[r * (size_t)size], w, r);
	unwritten(&c, out);
}

static void
test_qk_norm(int n, int size)
{
	struct call c = { "qk_norm", n, size };
	size_t width = 3 * (size_t)size, all = (size_t)n * width;
	halves qkv = some_halves(all, 3), out;
	floats w[2] = { some_floats((size_t)size, 1, 0.5f), some_floats((size_t)size, -1, 0.5f) };
	on_card<uint16_t> card(qkv);
	on_card<float> q_card(w[0]), k_card(w[1]);

	cuda_qk_norm(stream, card.at, q_card.at, k_card.at, n, size, EPS);
	out = card.fetch(all + GUARD);
	for (size_t r = 0; r < (size_t)n; r++)
		for (size_t part = 0; part < 3; part++) {
			size_t at = r * width + part * (size_t)size;
			double scale = inverse_rms(size, [&](int i) { return value(qkv[at + (size_t)i]); });

			for (size_t i = 0; i < (size_t)size; i++)
				if (part == 2)
					same(&c, at + i, value(out[at + i]), value(qkv[at + i]));
				else
					near(&c, at + i, out[at + i], w[part][i] * (value(qkv[at + i]) * scale), FLOAT_LIMIT, 0);
		}
	unwritten(&c, out);
}

/* x to the bit: a sum, then a multiplication and addition rounded once. */
static void
test_residual_norm(int n, int size, bool last)
{
	struct call c = { last ? "the last residual" : "residual_norm", n, size };
	size_t all = (size_t)n * (size_t)size, s = (size_t)size;
	floats x = some_floats(all, 0.1f, 3), b = some_floats(s, 0, 1), by = some_floats(s, 0, 0.2f), w = some_floats(s, 1, 0.5f);
	halves y = some_halves(all, 2), old = some_halves(all, 1), out;
	on_card<float> x_card(x), b_card(b), by_card(by), w_card(w);
	on_card<uint16_t> y_card(y), out_card(old);

	cuda_residual_norm(stream, x_card.at, y_card.at, b_card.at, by_card.at, out_card.at, last ? NULL : w_card.at, n, size,
	    EPS);
	for (size_t i = 0; i < all; i++)
		x[i] = fmaf(by[i % s], value(y[i]) + b[i % s], x[i]);
	floats sums = x_card.fetch(all + GUARD);
	out = out_card.fetch(all + GUARD);
	for (size_t i = 0; i < all + GUARD; i++)
		same(&c, i, sums[i], x[i]);
	for (size_t r = 0; !last && r < (size_t)n; r++)
		check_rms_row(&c, &out[r * s], &x[r * s], w, r);
	if (last && out != old)
		complain(&c, 0, 1, 0);
	unwritten(&c, out);
}

/* Far from zero: a mean taken off late would lose the row. */
static void
test_layer_norm(int n, int size)
{
	struct call c = { "layer_norm", n, size };
	size_t all = (size_t)n * (size_t)size;
	halves x = some_halves(all, 3), out;
	floats w = some_floats((size_t)size, 1, 0.5f), b = some_floats((size_t)size, 0, 1);

	for (size_t i = 0; i < all; i++)
		x[i] = bf16(value(x[i]) + 20);
	on_card<uint16_t> card(x);
	on_card<float> w_card(w), b_card(b);
	cuda_layer_norm(stream, card.at, card.at, w_card.at, b_card.at, n, size, EPS);
	out = card.fetch(all + GUARD);
	for (size_t at = 0; at < all; at += (size_t)size) {
		double mean = 0, scale;

		for (int i = 0; i < size; i++)
			mean += value(x[at + (size_t)i]) / (double)size;
		scale = inverse_rms(size, [&](int i) { return value(x[at + (size_t)i]) - mean; });
		for (size_t i = 0; i < (size_t)size; i++) {
			double part = (value(x[at + i]) - mean) * scale * w[i];

			near(&c, at + i, out[at + i], part + b[i], 0, (std::fabs(part) + 1) * 0x1p-18);
		}
	}
	unwritten(&c, out);
}

/* ---- activations */

static double
silu(double v)
{
	return v / (1 + std::exp(-v));
}

static double
gelu_exactly(double v)
{
	return v / 2 * std::erfc(-v / std::sqrt(2.0));
}

/* Any finite bfloat16 in its turn; of those that are none, zero. */
static uint16_t
any_half(size_t i)
{
	return (i & 0x7f80) == 0x7f80 ? 0 : (uint16_t)i;
}

/* Numbers below float32's smallest normal one may be lost on the way. */
#define LOST 0x1p-115

static void
test_silu_mul(int n, int size, bool every)
{
	struct call c = { every ? "silu_mul of every gate" : "silu_mul", n, 2 * size };
	size_t width = 2 * (size_t)size, all = (size_t)n * width;
	halves gu = some_halves(all, 8), out;

	for (size_t i = 0; every && i < all; i++)
		if (i % width < (size_t)size)
			gu[i] = any_half(i % width);
	on_card<uint16_t> card(gu);
	cuda_silu_mul(stream, card.at, n, size);
	out = card.fetch(all + GUARD);
	for (size_t i = 0; i < all; i++)
		if (i % width >= (size_t)size) {
			same(&c, i, value(out[i]), value(gu[i]));
		} else {
			double gate = value(gu[i]), want = silu(gate) * value(gu[i + (size_t)size]);

			if (std::fabs(want) < 3e38)
				near(&c, i, out[i], want, FLOAT_LIMIT * (1 + std::fabs(gate) / 16), LOST);
		}
	unwritten(&c, out);
}

/* Below -6 a value that is next to nothing may be off by 2^-30. */
static void
test_bias_gelu(int n, int size, bool every)
{
	struct call c = { every ? "bias_gelu of every number" : "bias_gelu", n, size };
	size_t all = (size_t)n * (size_t)size;
	halves x = some_halves(all, 6), out;
	floats bias = some_floats((size_t)size, 0, every ? 0 : 1);

	for (size_t i = 0; every && i < all; i++)
		x[i] = any_half(i);
	on_card<uint16_t> card(x);
	on_card<float> bias_card(bias);
	cuda_bias_gelu(stream, card.at, bias_card.at, n, size);
	out = card.fetch(all + GUARD);
	for (size_t i = 0; i < all; i++) {
		float v = value(x[i]) + bias[i % (size_t)size];

		near(&c, i, out[i], gelu_exactly(v), GELU_LIMIT, v < -6 ? 0x1p-30 : LOST);
	}
	unwritten(&c, out);
}

/* ---- rotary positions */

static void
check_turned(const struct call *c, size_t at, size_t half, const uint16_t *got, const uint16_t *x, double cos, double sin)
{
	double a = value(x[0]), b = value(x[half]), slack = (std::fabs(a) + std::fabs(b)) * FLOAT_LIMIT;

	near(c, at, got[0], a * cos - b * sin, 0, slack);
	near(c, at + half, got[half], b * cos + a * sin, 0, slack);
}

/* q turned in place, k turned and v as it is in the cache's rows from pos on; k and v stay where they were. */
static void
test_rope_store(int n, int pos, int n_heads, int n_kv_heads, int head_dim)
{
	struct call c = { "rope_store", n, (n_heads + 2 * n_kv_heads) * head_dim };
	size_t d = (size_t)head_dim, half = d / 2, width = (size_t)c.size, kv = (size_t)n_kv_heads * d, all = (size_t)n * width;
	size_t n_ctx = (size_t)(pos + n + 1), before = (size_t)pos * kv;
	halves qkv = some_halves(all, 3), cache(n_ctx * kv, MARK);
	floats cos = some_floats(n_ctx * half, 0, 1), sin = some_floats(n_ctx * half, 0, 1);
	on_card<uint16_t> card(qkv), k_card(cache), v_card(cache);
	on_card<float> cos_card(cos), sin_card(sin);

	cuda_rope_store(stream, card.at, k_card.at, v_card.at, cos_card.at, sin_card.at, n, pos, n_heads, n_kv_heads, head_dim);
	halves out = card.fetch(all + GUARD), k = k_card.fetch(n_ctx * kv), v = v_card.fetch(n_ctx * kv);
	for (size_t i = 0; i < all; i++) {
		size_t row = i / width, head = i % width / d, p = ((size_t)pos + row) * half + i % d;
		size_t to = before + row * kv + i % width - (size_t)n_heads * d;

		if (head >= (size_t)n_heads)
			same(&c, i, value(out[i]), value(qkv[i]));
		if (head >= (size_t)(n_heads + n_kv_heads))
			same(&c, i, value(v[to - kv]), value(qkv[i]));
		else if (i % d < half)
			check_turned(&c, i, half, head < (size_t)n_heads ? &out[i] : &k[to], &qkv[i], cos[p], sin[p]);
	}
	for (size_t i = 0; i < n_ctx * kv; i++)
		if ((i < before || i >= before + (size_t)n * kv) && (k[i] != MARK || v[i] != MARK))
			complain(&c, i, k[i], MARK);
	unwritten(&c, out);
}

static int
test_all(void)
{
	static const int sizes[] = { 1, 2, 3, 4, 5, 7, 8, 12, 31, 33, 64, 100, 127, 128, 129, 1000, 1024, 2048, 3200, 3204, 4096,
		4100, 7168, 8192, 8200, 12800, 20001, 40000 };
	static const int rows[] = { 1, 2, 3, 7, 8, 9 };

	for (int size : sizes)
		for (int n : rows) {
			test_rms_norm(n, size);
			test_qk_norm(n, size);
			test_residual_norm(n, size, false);
			test_residual_norm(n, size, true);
			test_layer_norm(n, size);
			test_silu_mul(n, size, false);
			test_bias_gelu(n, size, false);
		}
	test_rms_norm(300, 7168);
	test_qk_norm(1025, 3200);
	test_residual_norm(1025, 3200, false);
	test_silu_mul(300, 20480, false);
	test_silu_mul(3, 65536, true);
	test_bias_gelu(1025, 12800, false);
	test_bias_gelu(4, 16384, true);
	test_bias_gelu(3, 21845, true);
	test_rope_store(300, 7, 56, 8, 128);
	for (int n : rows)
		for (int head_dim : { 2, 6, 16, 26, 32, 64, 80, 96, 128, 160, 256 }) {
			test_rope_store(n, 0, 7, 1, head_dim);
			test_rope_store(n, 33, 3, 3, head_dim);
		}
	printf("%d values: %d failures\n", n_values, n_bad);
	return n_bad ? 1 : 0;
}

/* ---- how fast */

#define REPEATS 20
#define WEIGHTS (80u << 20)     /* bytes that a product reads, of WEIGHT_SETS in turn: none are found in the L2 cache */
#define WEIGHT_SETS 3

/* Plays the product before: it reads weights and writes what the kernel takes. */
__global__ void
product_kernel(const uint4 *weights, size_t n_weights, uint4 *y, size_t n, uint4 *never)
{
	size_t step = (size_t)gridDim.x * blockDim.x, at = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
	uint4 all = make_uint4(0, 0, 0, 0);

#pragma unroll 4
	for (size_t i = at; i < n_weights; i += step)
		all.x |= weights[i].x, all.y |= weights[i].y;
	for (size_t i = at; i < n; i += step)
		y[i] = make_uint4(0x3f803f80, 0x3fc03f80, 0x3f803fa0 + (uint32_t)(i & 7), 0x3f803f90);
	if (all.x | all.y)
		*never = all;
}

/* n units of 16 bytes; where more is given, another is read for each that is written. */
struct copied {
	uint4 *to;
	const uint4 *from, *more;
	size_t n;
};

#define COPY_BLOCK (2 * 256)    /* units a block */

__global__ void __launch_bounds__(256)
copy_kernel(struct copied a, struct copied b, unsigned b_from)
{
	const struct copied c = blockIdx.x < b_from ? a : b;
	size_t i = (size_t)(blockIdx.x < b_from ? blockIdx.x : blockIdx.x - b_from) * COPY_BLOCK + threadIdx.x;
	uint4 v[2];

#pragma unroll
	for (int k = 0; k < 2; k++)
		if (i + k * 256 < c.n)
			v[k] = c.from[i + k * 256];
#pragma unroll
	for (int k = 0; k < 2; k++)
		if (i + k * 256 < c.n) {
			if (c.more)
				v[k].x ^= c.more[i + k * 256].x, v[k].w ^= c.more[i + k * 256].w;
			c.to[i + k * 256] = v[k];
		}
}

static struct copied
copied(void *to, const void *from, const void *more, size_t bytes)
{
	return { (uint4 *)to, (const uint4 *)from, (const uint4 *)more, bytes / 16 };
}

static void
copy(struct copied a, struct copied b)
{
	unsigned n_a = (unsigned)ceil_div((long long)a.n, COPY_BLOCK), n_b = (unsigned)ceil_div((long long)b.n, COPY_BLOCK);

	copy_kernel<<<n_a + n_b, 256, 0, stream>>>(a, b, n_a);
}

/* Twice as many bytes are read as are written. */
static void
fold(void *to, const void *from, size_t bytes)
{
	copy(copied(to, from, (const char *)from + bytes, bytes), {});
}

/* Microseconds of one turn of what launches, recorded REPEATS times as a graph. */
static double
time_of(const std::function<void(int)> &launches)
{
	cudaGraph_t graph;
	cudaGraphExec_t exec;
	cudaEvent_t begin, end;
	floats times;

	CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
	for (int i = 0; i < REPEATS; i++)
		launches(i);
	CHECK(cudaStreamEndCapture(stream, &graph));
	CHECK(cudaGraphInstantiate(&exec, graph, 0));
	CHECK(cudaEventCreate(&begin));
	CHECK(cudaEventCreate(&end));
	for (int i = 0; i < 9; i++) {
		float ms;

		CHECK(cudaEventRecord(begin, stream));
		CHECK(cudaGraphLaunch(exec, stream));
		CHECK(cudaEventRecord(end, stream));
		CHECK(cudaEventSynchronize(end));
		CHECK(cudaEventElapsedTime(&ms, begin, end));
		times.push_back(ms * 1000 / REPEATS);
	}
	CHECK(cudaGraphExecDestroy(exec));
	CHECK(cudaGraphDestroy(graph));
	std::sort(times.begin(), times.end());
	return times[times.size() / 2];
}

struct bench {
	uint4 *weights;
	void *y;                        /* what the product before writes */
	size_t y_bytes;
};

static void
produce(const struct bench *b, int i, size_t weight_bytes)
{
	product_kernel<<<1024, 256, 0, stream>>>(b->weights + (size_t)(i % WEIGHT_SETS) * WEIGHTS / 16, weight_bytes / 16,
	    (uint4 *)b->y, b->y_bytes / 16, b->weights);
}

/* A launch behind its product, less the product. */
static double
behind(const struct bench *b, size_t weight_bytes, const std::function<void()> &launch)
{
	return time_of([&](int i) { produce(b, i, weight_bytes); launch(); }) -
	    time_of([&](int i) { produce(b, i, weight_bytes); });
}

static void
compare(struct bench *b, const char *name, void *y, size_t y_bytes, const std::function<void()> &launch,
    const std::function<void()> &as_copy)
{
	double is[2], least[2];

	b->y = y;
	b->y_bytes = y_bytes;
	for (int i = 0; i < 2; i++) {
		is[i] = behind(b, i ? WEIGHTS : 0, launch);
		least[i] = behind(b, i ? WEIGHTS : 0, as_copy);
	}
	printf("%-24s in the cache %5.1f us, a copy %5.1f (%3.0f %%); behind 80 MB of weights %5.1f us, a copy %5.1f (%3.0f %%)\n",
	    name, is[0], least[0], 100 * least[0] / is[0], is[1], least[1], 100 * least[1] / is[1]);
}

static void
bench_tower(struct bench *b)
{
	const int n = 1025, size = 3200, wide = 12800;
	size_t all = (size_t)n * size;
	on_card<uint16_t> h(4 * all), qkv(3 * all), out(all);
	on_card<float> x(some_floats(all, 0, 1)), bias(some_floats((size_t)wide, 0, 1)), w(some_floats((size_t)size, 1, 0.5f));

	compare(b, "bias_gelu", h.at, all * 8, [&] { cuda_bias_gelu(stream, h.at, bias.at, n, wide); },
	    [&] { copy(copied(h.at, h.at, NULL, all * 8), {}); });
	/* y is the first of what is written: x was last seen before much else, as in a layer */
	compare(b, "residual_norm", h.at, all * 8,
	    [&] { cuda_residual_norm(stream, x.at, h.at, bias.at, w.at, out.at, w.at, n, size, EPS); },
	    [&] { copy(copied(x.at, x.at, NULL, all * 4), copied(out.at, h.at, NULL, all * 2)); });
	compare(b, "qk_norm", qkv.at, all * 6, [&] { cuda_qk_norm(stream, qkv.at, w.at, w.at, n, size, EPS); },
	    [&] { copy(copied(qkv.at, qkv.at, NULL, all * 4), {}); });
}

static void
bench_prompt(struct bench *b)
{
	const int n = 300, size = 7168, wide = 20480, n_heads = 56, n_kv_heads = 8, head_dim = 128;
	size_t all = (size_t)n * size, kv = (size_t)n * n_kv_heads * head_dim, gates = (size_t)n * wide;
	on_card<uint16_t> gu(2 * gates), qkv(all + 2 * kv), k(kv), v(kv), out(all);
	on_card<float> x(some_floats(all, 0, 1)), w(some_floats((size_t)size, 1, 0.5f)), angles(some_floats(kv, 0, 1));

	compare(b, "rms_norm", x.at, all * 4, [&] { cuda_rms_norm(stream, out.at, x.at, w.at, n, size, EPS); },
	    [&] { fold(out.at, x.at, all * 2); });
	compare(b, "rope_store", qkv.at, (all + 2 * kv) * 2,
	    [&] { cuda_rope_store(stream, qkv.at, k.at, v.at, angles.at, angles.at, n, 0, n_heads, n_kv_heads, head_dim); },
	    [&] { copy(copied(qkv.at, qkv.at, NULL, (all + 2 * kv) * 2), {}); });
	compare(b, "silu_mul", gu.at, gates * 4, [&] { cuda_silu_mul(stream, gu.at, n, wide); },
	    [&] { fold(gu.at, gu.at, gates * 2); });
}

static void
bench(void)
{
	struct bench b = {};

	CHECK(cudaMalloc(&b.weights, (size_t)WEIGHT_SETS * WEIGHTS));
	CHECK(cudaMemset(b.weights, 0, (size_t)WEIGHT_SETS * WEIGHTS));
	bench_tower(&b);
	bench_prompt(&b);
	CHECK(cudaFree(b.weights));
}

int
main(int argc, char **argv)
{
	if (!open_stream())
		return 77;
	if (argc > 1 && !strcmp(argv[1], "bench")) {
		bench();
		return 0;
	}
	return test_all();
}
