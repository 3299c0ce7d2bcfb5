/* gemm_packed_test.cu: products of some rows with packed matrices against sums in double over the unpacked weights; and
 * with "bench" how fast they are for the shapes of the 40B decoder.
 *
 *   nvcc -O3 -std=c++17 -arch=sm_90 -I. -o gemm_packed_test tests/cuda/gemm_packed_test.cu \
 *       engine/cuda/gemm_packed_wgmma.cu engine/cuda/quant.cu
 *   ./gemm_packed_test             checks; 77 without a device
 *   ./gemm_packed_test bench       microseconds, by warpgroups where the card has them, and by warps
 */
#include <cmath>

#include "tests/cuda/card.cuh"

#include "engine/cuda/gemm_packed.cu"

static struct gemm_packed base;         /* what depends on the card */
static bool by_warps;                   /* by mma.sync, though the card may have wgmma */

#define MAX_COLS 20480
#define MAX_ROWS 64000

static void
make_matrix(struct matrix *m, enum quant quant, int rows, int cols, int half)
{
	size_t at, scale;
	void *room;

	memset(m, 0, sizeof *m);
	m->rows = rows, m->cols = cols, m->half = half, m->quant = quant;
	cuda_packed_bytes(m, &at, &scale);
	CHECK(cudaMalloc(&room, at + 512));
	CHECK(cudaMemset(room, 0xff, at));
	m->at = room;
	CHECK(cudaMalloc(&room, scale + 512));
	m->scale = room;
}

/* Packed from random numbers; back: what it holds then, as bf16. */
static void
fill_matrix(struct matrix *m, halves *back)
{
	size_t n = (size_t)m->rows * m->cols;
	halves w(n);
	uint16_t *on, *out;

	for (uint16_t &h : w)
		h = bf16(0.02f * (uniform() + uniform() + uniform()));
	on = on_card(w);
	cuda_pack_rows(stream, m, 0, m->rows, on);
	CHECK(cudaMalloc(&out, n * 2));
	cuda_unpack(stream, out, m);
	*back = from_card(out, n);
	CHECK(cudaFree(on));
	CHECK(cudaFree(out));
}

static void
free_matrix(struct matrix *m)
{
	CHECK(cudaFree((void *)m->at));
	CHECK(cudaFree((void *)m->scale));
}

/* INT8 is unpacked with a rounding that the product has not. */
#define TOLERANCE 1e-3

/* As the program does it, or by warps in any case. */
static void
multiply(const struct gemm_packed *g)
{
	struct gemm_args a = args_of(g);

	if (!by_warps) {
		cuda_gemm_packed(stream, g);
		return;
	}
	place_x<BY_ROWS>(stream, g, a, 1);
	run_any(stream, g, a, warp_tokens(g->m));
}

static const char *const ends[] = { "", " added", " swiglu" };

/* A sum of products, and how far from it the device's may be. */
struct wanted {
	double sum, limit;
};

static struct wanted
sum_of(const halves &w, const halves &x, int cols, size_t row, size_t from)
{
	double sum = 0, xx = 0, ww = 0;

	for (int i = 0; i < cols; i++) {
		double a = value(w[row * cols + i]), b = value(x[from + i]);

		sum += a * b;
		xx += b * b;
		ww += a * a;
	}
	return { sum, TOLERANCE * std::sqrt(xx * ww) + 1e-6 };
}

/* What y is to be from gate's and up's sums; these are rounded to bf16 first. */
static struct wanted
swiglu_of(const struct wanted &gate, const struct wanted &up)
{
	double g = gate.sum, silu = g / (1 + std::exp(-g)), y = silu * up.sum;
	double off_gate = gate.limit + std::fabs(g) / 256, off_up = up.limit + std::fabs(up.sum) / 256;

	return { y, 1.1 * off_gate * (std::fabs(up.sum) + off_up) + std::fabs(silu) * off_up + std::fabs(y) / 256 + 1e-6 };
}

static struct wanted
wanted_of(const struct matrix *m, const halves &w, const halves &x, size_t from, int r, enum gemm_end end, double before)
{
	struct wanted a = sum_of(w, x, m->cols, r, from);

	if (end == GEMM_SWIGLU)
		return swiglu_of(a, sum_of(w, x, m->cols, r + m->rows / 2, from));
	if (end == GEMM_ADD)
		return { a.sum + before, a.limit };
	return { a.sum, a.limit + std::fabs(a.sum) / 256 };
}

static void
check_rows(const struct matrix *m, const halves &w, const halves &x, int stride, int n_rows, const floats &before,
    const floats &y, enum gemm_end end)
{
	int step_token = n_rows > 8 ? n_rows / 5 : 1, step_row = m->rows > 600 ? 37 : 1;
	int rows = end == GEMM_SWIGLU ? m->rows / 2 : m->rows;

	for (int t = 0; t < n_rows; t = t + step_token < n_rows || t == n_rows - 1 ? t + step_token : n_rows - 1)
		for (int r = 0; r < rows; r += r % 128 < 127 && r % 16 < 14 ? 1 + (m->rows > 600) * (r % step_row) : 1) {
			size_t at = (size_t)t * m->rows + r;
			struct wanted wanted = wanted_of(m, w, x, (size_t)t * stride, r, end, before[at]);

			if (!(std::fabs(wanted.sum - y[at]) <= wanted.limit) && n_bad++ < SHOWN)
				printf("not ok: %s [%d, %d] half %d, %d rows%s: y[%d, %d] = %g, not %g\n", names[m->quant], m->rows, m->cols,
				    m->half, n_rows, ends[end], t, r, y[at], wanted.sum);
		}
}

/* Of gate and up the second halves of y's rows are as they were. */
static void
check_untouched(const struct matrix *m, int n_rows, const floats &y)
{
	for (int t = 0; t < n_rows; t++)
		for (int r = m->rows / 2; r < m->rows; r++)
			if (y[(size_t)t * m->rows + r] != value(0x7777) && n_bad++ < SHOWN)
				printf("not ok: %s [%d, %d], %d rows: y[%d, %d] is written\n", names[m->quant], m->rows, m->cols, n_rows, t, r);
}

/* y after a product, as numbers. */
static floats
run_product(const struct gemm_packed &how, size_t n, const floats &before)
{
	bool add = how.end == GEMM_ADD;
	struct gemm_packed g = how;
	halves guard(64, 0x1234), h;
	floats y(n);

	g.y = add ? (void *)on_card(before) : (void *)on_card(halves(n, 0x7777));
	CHECK(cudaMemcpy((char *)g.y + n * (add ? 4 : 2), guard.data(), 128, cudaMemcpyHostToDevice));
	CHECK(cudaDeviceSynchronize());
	multiply(&g);
	CHECK(cudaGetLastError());
	if (add)
		y = from_card((float *)g.y, n);
	else
		h = from_card((uint16_t *)g.y, n);
	for (size_t i = 0; i < h.size(); i++)
		y[i] = value(h[i]);
	if (memcmp(from_card((uint16_t *)g.y + n * (add ? 2 : 1), 64).data(), guard.data(), 128) && n_bad++ < SHOWN)
		printf("not ok: %s [%d, %d], %d rows: wrote beyond the end\n", names[g.w->quant], g.w->rows, g.w->cols, g.m);
	CHECK(cudaFree(g.y));
	return y;
}

static halves
random_rows(int n_rows, int stride)
{
	halves x((size_t)n_rows * stride);

	for (size_t i = 0; i < x.size(); i++)   /* all columns tell, or few do */
		x[i] = bf16(uniform() * (n_rows % 2 ? 1.0f : (i % 97 == 5 ? 1000.0f : 1.0f) * (i % 2 ? 1e4f : 1e-2f)));
	return x;
}

static void
test_product(enum quant quant, int rows, int cols, int half, int n_rows, enum gemm_end end)
{
	struct matrix m;
	struct gemm_packed g = base;
	halves w, x;
	size_t n = (size_t)n_rows * rows;
	floats before(n), y;

	make_matrix(&m, quant, rows, cols, half);
	if (!by_warps && n_rows > PACKED_MAX_ROWS_MMA && !packed_wgmma_tokens(&m, n_rows)) {
		free_matrix(&m);
		return;
	}
	fill_matrix(&m, &w);
	if (!by_warps && !cuda_gemm_packed_tokens(&m, n_rows, base.shared_block)) {
		n_bad++;
		printf("not ok: %s [%d, %d] does not fit\n", names[quant], rows, cols);
	}
	g.x_stride = cols + (n_rows % 3 ? 0 : 24);
	x = random_rows(n_rows, g.x_stride);
	for (float &v : before)
		v = uniform();
	g.w = &m;
	g.x = on_card(x);
	g.m = n_rows;
	g.end = end;
	y = run_product(g, n, before);
	if (run_product(g, n, before) != y && n_bad++ < SHOWN)
		printf("not ok: %s [%d, %d], %d rows: differs when repeated\n", names[quant], rows, cols, n_rows);
	check_rows(&m, w, x, g.x_stride, n_rows, before, y, end);
	if (end == GEMM_SWIGLU)
		check_untouched(&m, n_rows, y);
	CHECK(cudaFree((void *)g.x));
	free_matrix(&m);
}

static int
test_all(void)
{
	static const int tokens[] = { 2, 7, 16, 17, 32, 33, 40, 48, 50, 64, 65, 100, 128, 129, 150, 160, 200, 256, 285, 296, 300,
		320, 330, 512, 1000 };
	int large = 256 * base.n_sm + 138;

	for (enum quant quant : { QUANT_FP8, QUANT_INT8, QUANT_INT4 }) {
		int bad = n_bad;

		for (int t : tokens) {
			enum gemm_end either = t % 2 ? GEMM_ADD : GEMM_STORE;

			if (by_warps && t > PACKED_MAX_ROWS_MMA)
				break;
			test_product(quant, 384, 512, 0, t, GEMM_STORE);
			test_product(quant, 200, 320, quant == QUANT_INT4 ? 50 : 0, t, GEMM_ADD);
			test_product(quant, 2050, 1024, 0, t, either);
			test_product(quant, 664, 384, 332, t, GEMM_SWIGLU);
		}
		if (!by_warps)          /* more large tiles than multiprocessors, the last one ragged */
			for (int t : { 15, 31, 40, 63, 65, 100, 299, 330 }) {
				test_product(quant, large, 384, quant == QUANT_INT4 ? large / 2 : 0, t, t % 2 ? GEMM_ADD : GEMM_STORE);
				test_product(quant, large, 384, large / 2, t, GEMM_SWIGLU);
			}
		for (int t : { 3, 40, 250 }) {
			test_product(quant, 640, 7168, quant == QUANT_INT4 ? 320 : 0, t, GEMM_STORE);
			test_product(quant, 128, 20480, 0, t, GEMM_ADD);
			test_product(quant, 9216, 512, quant == QUANT_INT4 ? 64 : 0, t, GEMM_STORE);
			test_product(quant, 640, 7168, 320, t, GEMM_SWIGLU);
			if (quant == QUANT_INT4) {
				test_product(quant, 77, 75, 0, t, GEMM_ADD);
				test_product(quant, 40, 300, 5, t, GEMM_STORE);
				test_product(quant, 42, 300, 21, t, GEMM_SWIGLU);
			}
		}
		printf("%s%s: %s\n", names[quant], by_warps ? " by warps" : "", n_bad == bad ? "ok" : "FAILED");
	}
	return n_bad ? 1 : 0;
}

/* ---- how fast */

static void
all_of(struct matrix *ms, int n, const struct gemm_packed *g)
{
	for (int i = 0; i < n; i++) {
		struct gemm_packed h = *g;

		h.w = &ms[i];
		multiply(&h);
	}
}

/* What is ready before: x placed. */
static void
products_of(struct matrix *ms, int n, const struct gemm_packed *g)
{
	for (int i = 0; i < n; i++) {
		struct gemm_packed h = *g;
		int tokens;

		h.w = &ms[i];
		tokens = by_warps ? 0 : packed_wgmma_tokens(h.w, h.m);
		if (tokens)
			packed_wgmma(stream, &h, args_of(&h), tokens);
		else
			run_any(stream, &h, args_of(&h), warp_tokens(h.m));
	}
}

#define LAYERS 6

static void
bench(enum quant quant)
{
	static const int shapes[][2] = { { 9216, 7168 }, { 7168, 7168 }, { 40960, 7168 }, { 7168, 20480 } };
	struct matrix ms[4][LAYERS];
	struct gemm_packed g = base;
	halves x((size_t)1024 * 20480), w((size_t)40960 * 7168);
	uint16_t *from;

	for (uint16_t &h : x)
		h = bf16(uniform());
	for (uint16_t &h : w)
		h = bf16(0.02f * uniform());
	from = on_card(w);
	g.x = on_card(x);
	CHECK(cudaMalloc(&g.y, (size_t)1024 * 40960 * 4));
	for (int i = 0; i < 4; i++)
		for (int l = 0; l < LAYERS; l++) {
			make_matrix(&ms[i][l], quant, shapes[i][0], shapes[i][1], i == 2 ? shapes[i][0] / 2 : 0);
			cuda_pack_rows(stream, &ms[i][l], 0, shapes[i][0], from);
		}
	CHECK(cudaStreamSynchronize(stream));
	for (int m : { 16, 40, 64, 100, 128, 160, 256, 300, 320, 512, 1000 }) {
		double sum = 0;

		if (m > (by_warps ? PACKED_MAX_ROWS_MMA : quant == QUANT_INT4 ? PACKED_MAX_ROWS_4 : PACKED_MAX_ROWS))
			break;
		printf("%s%s %3d rows: us (products alone)", names[quant], by_warps ? " by warps" : "", m);
		for (int i = 0; i < 4; i++) {
			double all;

			g.m = m;
			g.end = i == 2 ? GEMM_SWIGLU : i % 2 ? GEMM_ADD : GEMM_STORE;
			g.x_stride = shapes[i][1];
			all = median_ms([&] { all_of(ms[i], LAYERS, &g); }) / LAYERS;
			sum += all;
			printf(" %.1f (%.1f)", all * 1e3, median_ms([&] { products_of(ms[i], LAYERS, &g); }) / LAYERS * 1e3);
		}
		printf("; 60 layers %.2f ms, %.0f TFLOP/s\n", 60 * sum,
		    2e-9 * m * (9216. * 7168 + 7168. * 7168 + 40960. * 7168 + 7168. * 20480) / sum);
		fflush(stdout);
	}
	for (auto &of : ms)
		for (struct matrix &m : of)
			free_matrix(&m);
	CHECK(cudaFree(from));
	CHECK(cudaFree((void *)g.x));
	CHECK(cudaFree(g.y));
}

int
main(int argc, char **argv)
{
	size_t bytes;
	int shared_sm;

	if (!open_card())
		return 77;
	CHECK(cudaDeviceGetAttribute(&shared_sm, cudaDevAttrMaxSharedMemoryPerMultiprocessor, 0));
	base.n_sm = n_sm;
	base.chained = chained;
	base.shared_sm = (size_t)shared_sm;
	base.shared_block = (size_t)shared_bytes;
	base.max_cols = MAX_COLS;
	base.max_rows = MAX_ROWS;
	bytes = cuda_gemm_packed_work(base.n_sm, MAX_COLS, MAX_ROWS);
	CHECK(cudaMalloc(&base.work, bytes));
	CHECK(cudaMemset(base.work, 0, bytes));
	CHECK(cudaDeviceSynchronize());
	if (argc > 1 && !strcmp(argv[1], "bench")) {
		for (enum quant quant : { QUANT_INT8, QUANT_INT4, QUANT_FP8 }) {
			by_warps = false;
			bench(quant);
			by_warps = true;
			if (argc == 2)
				bench(quant);
		}
		return 0;
	}
	test_all();
	by_warps = true;
	return test_all();
}
