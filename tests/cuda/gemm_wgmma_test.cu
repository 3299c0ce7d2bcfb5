/* gemm_wgmma_test.cu: gate and up of many rows against sums in double, by every way that takes the shape; and with "bench"
 * how fast the ways are for the 40B decoder's, in a burst and kept up.
 *
 *   nvcc -O3 -std=c++17 -arch=sm_90a -I. -o gemm_wgmma_test tests/cuda/gemm_wgmma_test.cu engine/cuda/pointwise.cu
 *   ./gemm_wgmma_test              checks; 77 without a device, or one that has no such products
 *   ./gemm_wgmma_test bench [N…]   microseconds, for N rows of x
 */
#include <cmath>

#include "tests/cuda/card.cuh"

#include "engine/cuda/gemm_wgmma.cu"

static void *work;
static unsigned *marks;
#define WORK_BYTES ((size_t)64 << 20)

static double
silu_of(double v)
{
	return v / (1 + std::exp(-v));
}

/* A row of weights by a row of x. */
static double
sum_of(const struct swiglu &g, const halves &w, const halves &x, int t, int r)
{
	double sum = 0;

	for (int i = 0; i < g.cols; i++)
		sum += value(x[(size_t)t * g.x_stride + i]) * value(w[(size_t)r * g.cols + i]);
	return sum;
}

/* y[t, r], within what two roundings to bf16 before and one behind may do. */
static void
check_value(const char *way, const struct swiglu &g, const halves &w, const halves &x, int t, int r, double y)
{
	double gate = sum_of(g, w, x, t, r), up = sum_of(g, w, x, t, g.rows + r), wanted = silu_of(gate) * up;
	double limit = 1e-4 + std::fabs(wanted) * (3 + std::fabs(gate)) / 256 + 1e-3 * std::fabs(up);

	if (!(std::fabs(wanted - y) <= limit) && n_bad++ < SHOWN)
		printf("not ok: %s, [%d, %d] by %d rows: y[%d, %d] = %g, not %g\n", way, g.rows, g.cols, g.n, t, r, y, wanted);
}

/* All marks are zero again. */
static void
check_marks(const char *way)
{
	for (unsigned m : from_card(marks, SWIGLU_MARKS))
		if (m && n_bad++ < SHOWN)
			printf("not ok: %s leaves a mark\n", way);
}

static bool
is_outside(const struct swiglu &g, size_t i)
{
	return (int)(i / g.y_stride) >= g.n || (int)(i % g.y_stride) >= g.rows;
}

static void
check_way(const struct choice &c, struct swiglu g, const halves &w, const halves &x)
{
	halves before((size_t)(g.n + 2) * g.y_stride), y;
	int step = g.n > 40 ? g.n / 13 : 1;

	for (uint16_t &v : before)
		v = bf16(uniform());
	g.y = on_card(before);
	if (!c.run(stream, &g)) {
		n_bad++;
		printf("not ok: %s refuses [%d, %d] by %d rows\n", c.name, g.rows, g.cols, g.n);
	}
	CHECK(cudaGetLastError());
	y = from_card(g.y, before.size());
	for (int t = 0; t < g.n; t = t + step < g.n || t == g.n - 1 ? t + step : g.n - 1)
		for (int r = t % 3; r < g.rows; r += g.rows > 300 ? 3 : 1)
			check_value(c.name, g, w, x, t, r, value(y[(size_t)t * g.y_stride + r]));
	for (size_t i = 0; i < y.size(); i++)
		if (is_outside(g, i) && y[i] != before[i] && n_bad++ < SHOWN)
			printf("not ok: %s, [%d, %d] by %d rows writes to %zu\n", c.name, g.rows, g.cols, g.n, i);
	check_marks(c.name);
	CHECK(cudaFree(g.y));
}

/* By all ways: on the whole card, and by few blocks that take many tiles each, or parts of the last ones. */
static int
test_shape(int rows, int cols, int n)
{
	struct swiglu g = { .rows = rows, .cols = cols, .n = n, .x_stride = cols + (n % 2 ? 0 : 8), .y_stride = 2 * rows + 6,
		.work = work, .work_bytes = WORK_BYTES, .marks = marks };
	halves w((size_t)2 * rows * cols), x((size_t)n * g.x_stride);
	int n_ways = 0;

	for (uint16_t &v : w)
		v = bf16(0.2f * uniform());
	for (uint16_t &v : x)
		v = bf16(uniform());
	g.w = on_card(w);
	g.x = on_card(x);
	for (const struct choice &c : choices)
		for (int sms : { n_sm, 6, 10, 26 }) {
			g.n_sm = sms;
			g.work_bytes = sms == 10 ? 0 : WORK_BYTES;
			if (c.cost(&g) == 0)
				continue;
			check_way(c, g, w, x);
			n_ways++;
		}
	CHECK(cudaFree((void *)g.w));
	CHECK(cudaFree((void *)g.x));
	return n_ways;
}

/* The same bits again, whoever comes first. */
static void
test_again(void)
{
	struct swiglu g = { .rows = 1024, .cols = 1024, .n = 300, .x_stride = 1024, .y_stride = 2048, .work = work,
		.work_bytes = WORK_BYTES, .marks = marks, .n_sm = n_sm };
	halves w((size_t)2 * g.rows * g.cols), x((size_t)g.n * g.cols), y((size_t)g.n * g.y_stride, 0), first;

	for (uint16_t &v : w)
		v = bf16(0.1f * uniform());
	for (uint16_t &v : x)
		v = bf16(uniform());
	g.w = on_card(w);
	g.x = on_card(x);
	g.y = on_card(y);
	for (int i = 0; i < 50; i++) {
		cuda_swiglu(stream, &g);
		y = from_card(g.y, y.size());
		first = i == 0 ? y : first;
		if (y != first && n_bad++ < SHOWN)
			printf("not ok: run %d differs from the first\n", i);
	}
	CHECK(cudaFree((void *)g.w));
	CHECK(cudaFree((void *)g.x));
	CHECK(cudaFree(g.y));
}

static void
test_choice(void)
{
	struct swiglu g = { .rows = 20480, .cols = 7168, .n = SWIGLU_MIN_ROWS - 1, .x_stride = 7168, .y_stride = 40960,
		.work = work, .work_bytes = WORK_BYTES, .marks = marks, .n_sm = n_sm };

	if (cuda_swiglu_takes(&g) && n_bad++ < SHOWN)
		printf("not ok: few rows are taken\n");
	for (g.n = SWIGLU_MIN_ROWS; g.n <= 4096; g.n++)
		if (!cuda_swiglu_takes(&g) && n_bad++ < SHOWN)
			printf("not ok: %d rows are not taken\n", g.n);
	g.rows = 20480 - 8;
	if (cuda_swiglu_takes(&g) && n_bad++ < SHOWN)
		printf("not ok: %d rows of weights are no tiles, but taken\n", g.rows);
}

/* ---- speed */

#define N_WEIGHTS 6

static double
kept_ms(const std::function<void(int)> &f, double burst)
{
	cudaEvent_t a, b;
	float ms;
	int n = (int)(150 / burst), i = 0;

	CHECK(cudaEventCreate(&a));
	CHECK(cudaEventCreate(&b));
	for (int k = 0; k < n / 2; k++)
		f(i++);
	CHECK(cudaEventRecord(a, stream));
	for (int k = 0; k < n; k++)
		f(i++);
	CHECK(cudaEventRecord(b, stream));
	CHECK(cudaEventSynchronize(b));
	CHECK(cudaEventElapsedTime(&ms, a, b));
	return ms / n;
}

static void
bench_rows(struct swiglu g, const uint16_t *w)
{
	size_t each = (size_t)2 * g.rows * g.cols;

	for (const struct choice &c : choices) {
		auto one = [&](int i) { g.w = w + i % N_WEIGHTS * each; c.run(stream, &g); };
		double burst, kept;
		int i = 0;

		if (c.cost(&g) == 0 || c.cost(&g) > 1.2f * choose(&g)->cost(&g))
			continue;
		burst = median_ms([&] { one(i++); });
		kept = kept_ms(one, burst);
		printf("%5d rows, %-30s %s burst %7.1f us, kept up %7.1f us, %.0f TFLOP/s; cost %.0f\n", g.n, c.name,
		    choose(&g) == &c ? "*" : " ", burst * 1e3, kept * 1e3, 2.0 * g.n * (double)each / kept / 1e9, c.cost(&g));
	}
}

static void
bench(int argc, char **argv)
{
	static const int usual[] = { 136, 200, 256, 300, 400, 512, 640, 768, 1000, 1256, 1504 };
	struct swiglu g = { .rows = 20480, .cols = 7168, .x_stride = 7168, .y_stride = 40960, .work = work,
		.work_bytes = (size_t)1536 * 9216 * 2, .marks = marks, .n_sm = n_sm };
	size_t n_w = (size_t)N_WEIGHTS * 2 * g.rows * g.cols, n_x = (size_t)4096 * g.cols;
	uint16_t *w, *x;

	CHECK(cudaMalloc(&w, n_w * 2));
	CHECK(cudaMalloc(&x, n_x * 2));
	CHECK(cudaMalloc(&g.y, (size_t)4096 * g.y_stride * 2));
	cuda_random(stream, w, NUMBER_BF16, n_w, 0.02f, 0, 1);
	cuda_random(stream, x, NUMBER_BF16, n_x, 1, 0, 2);
	g.x = x;
	for (int i = 0; i < (argc ? argc : (int)(sizeof usual / sizeof *usual)); i++) {
		g.n = argc ? atoi(argv[i]) : usual[i];
		bench_rows(g, w);
	}
}

int
main(int argc, char **argv)
{
	int n_ways = 0;

	if (!open_card())
		return 77;
	if (!runs_wgmma<swiglu_kernel<way<2, 192, SHARE_WEIGHTS>>>()) {
		printf("no warpgroup products on this card\n");
		return 77;
	}
	CHECK(cudaMalloc(&work, WORK_BYTES));
	marks = on_card(std::vector<unsigned>(SWIGLU_MARKS, 0));
	if (argc > 1) {
		bench(argc - 2, argv + 2);
		return 0;
	}
	for (int n : { 129, 256, 301, 520 })
		n_ways += test_shape(512, 256, n);
	n_ways += test_shape(192, 64, 150);     /* one stage a tile */
	n_ways += test_shape(256, 4160, 1003);
	test_again();
	test_choice();
	printf("%d ways, %s\n", n_ways, n_bad ? "not ok" : "ok");
	return n_bad != 0 || n_ways == 0;
}
