/* attention_test.cu: attention of many rows against sums in double, over odd and real shapes, by each of its kernels; and
 * with "bench" how fast they are.
 *
 *   nvcc -O3 -std=c++17 -gencode arch=compute_90a,code=sm_90a -I. -o attention_test tests/cuda/attention_test.cu
 *   ./attention_test        checks; 77 without a device
 *   ./attention_test bench  a layer of the tower, and of the decoder's prompts
 *
 * What may differ is the order of sums and the weights' rounding to bfloat16: of values below 1 at most 2^-8 in all.
 */
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "engine/cuda/attention.cuh"
#include "tests/cuda/testing.cuh"

namespace by_mma {
#include "engine/cuda/attention.cu"
}
#undef THREADS
#include "engine/cuda/attention_wgmma.cu"

#define LIMIT (1.0 / 128)

static int n_bad;

/* q, k and v of a shape, here and on the card; rows of q, of k and of v lie in one buffer each. */
struct inputs {
	struct attend a;
	std::vector<uint16_t> q, k, v, out;
	size_t n_out;
};

static uint16_t *
on_card(const std::vector<uint16_t> &v)
{
	uint16_t *p;

	CHECK(cudaMalloc(&p, v.size() * 2));
	CHECK(cudaMemcpy(p, v.data(), v.size() * 2, cudaMemcpyHostToDevice));
	return p;
}

/* Values up to the end of the last row that counts are numbers; behind it lie NaN. */
static std::vector<uint16_t>
rows(int n, int width, int stride, float size)
{
	std::vector<uint16_t> v((size_t)n * (size_t)stride + 64, 0x7fff);

	for (int i = 0; i < n; i++)
		for (int d = 0; d < width; d++)
			v[(size_t)i * (size_t)stride + (size_t)d] = bf16(size * uniform());
	return v;
}

static void
make(struct inputs *in, int n_heads, int n_kv_heads, int head_dim, int n_rows, int n_keys, int pos)
{
	struct attend *a = &in->a;

	memset(a, 0, sizeof *a);
	a->n_heads = n_heads, a->n_kv_heads = n_kv_heads, a->head_dim = head_dim;
	a->n_rows = n_rows, a->n_keys = n_keys, a->pos = pos;
	a->q_stride = n_heads * head_dim + 8;
	a->kv_stride = n_kv_heads * head_dim + 16;
	a->out_stride = n_heads * head_dim;
	in->q = rows(n_rows, n_heads * head_dim, a->q_stride, 3);
	in->k = rows(n_keys, n_kv_heads * head_dim, a->kv_stride, 1);
	in->v = rows(n_keys, n_kv_heads * head_dim, a->kv_stride, 1);
	a->q = on_card(in->q);
	a->k = on_card(in->k);
	a->v = on_card(in->v);
	in->out.assign((size_t)n_rows * (size_t)a->out_stride + 64, 0x7777);
	a->out = on_card(in->out);
}

static void
done(struct inputs *in)
{
	CHECK(cudaFree((void *)in->a.q));
	CHECK(cudaFree((void *)in->a.k));
	CHECK(cudaFree((void *)in->a.v));
	CHECK(cudaFree(in->a.out));
}

/* One row of one head, in double. */
static std::vector<double>
expected(const struct inputs *in, int row, int head)
{
	const struct attend *a = &in->a;
	int n = a->pos < 0 ? a->n_keys : std::min(a->n_keys, a->pos + row + 1), kv = head / (a->n_heads / a->n_kv_heads);
	const uint16_t *q = &in->q[(size_t)row * (size_t)a->q_stride + (size_t)(head * a->head_dim)];
	std::vector<double> weight((size_t)n), out((size_t)a->head_dim);
	double most = -1e30, sum = 0;

	for (int i = 0; i < n; i++) {
		const uint16_t *k = &in->k[(size_t)i * (size_t)a->kv_stride + (size_t)(kv * a->head_dim)];
		double s = 0;

		for (int d = 0; d < a->head_dim; d++)
			s += (double)value(q[d]) * value(k[d]);
		weight[(size_t)i] = s / std::sqrt((double)a->head_dim);
		most = std::max(most, weight[(size_t)i]);
	}
	for (double &w : weight)
		sum += w = std::exp(w - most);
	for (int i = 0; i < n; i++) {
		const uint16_t *v = &in->v[(size_t)i * (size_t)a->kv_stride + (size_t)(kv * a->head_dim)];

		for (int d = 0; d < a->head_dim; d++)
			out[(size_t)d] += weight[(size_t)i] / sum * value(v[d]);
	}
	return out;
}

static bool
run_kernel(const struct attend *a, bool wgmma)
{
	if (wgmma)
		return attention_by_wgmma(stream, a);
	if (a->head_dim <= 64)
		by_mma::run<64>(stream, a);
	else if (a->head_dim <= 128)
		by_mma::run<128>(stream, a);
	else
		by_mma::run<256>(stream, a);
	return true;
}

static void
complain(const struct attend *a, const char *what, double is)
{
	if (n_bad++ < SHOWN)
		printf("not ok: %d rows, %d keys from %d, %d/%d heads of %d: %s %g\n", a->n_rows, a->n_keys, a->pos, a->n_heads,
		    a->n_kv_heads, a->head_dim, what, is);
}

static std::vector<uint16_t>
results(struct inputs *in, bool wgmma)
{
	std::vector<uint16_t> out(in->out.size());

	CHECK(cudaMemcpy(in->a.out, in->out.data(), out.size() * 2, cudaMemcpyHostToDevice));
	run_kernel(&in->a, wgmma);
	CHECK(cudaStreamSynchronize(stream));
	CHECK(cudaMemcpy(out.data(), in->a.out, out.size() * 2, cudaMemcpyDeviceToHost));
	return out;
}

/* Every row of small shapes, some of large ones; the same bits twice. false: not by this kernel. */
static bool
test(int n_heads, int n_kv_heads, int head_dim, int n_rows, int n_keys, int pos, bool wgmma)
{
	struct inputs in;
	std::vector<uint16_t> out, again;
	long long work = (long long)n_heads * n_rows * n_keys, every = std::max(1LL, work / 400000);
	bool can;

	make(&in, n_heads, n_kv_heads, head_dim, n_rows, n_keys, pos);
	can = run_kernel(&in.a, wgmma);
	if (can) {
		out = results(&in, wgmma);
		again = results(&in, wgmma);
		if (out != again)
			complain(&in.a, "differs when repeated", 0);
		for (long long i = 0; i < (long long)n_rows * n_heads; i++) {
			int row = (int)(i / n_heads), head = (int)(i % n_heads);
			double worst = 0;

			if (i % every && row > 0 && row < n_rows - 1)
				continue;
			std::vector<double> want = expected(&in, row, head);
			for (int d = 0; d < head_dim; d++) {
				double is = value(out[(size_t)row * (size_t)in.a.out_stride + (size_t)(head * head_dim + d)]);

				worst = std::fabs(is - want[(size_t)d]) <= LIMIT ? worst : std::fabs(is - want[(size_t)d]);
			}
			if (worst != 0)
				complain(&in.a, "is wrong by", worst);
		}
		for (size_t i = out.size() - 64; i < out.size(); i++)
			if (out[i] != 0x7777)
				complain(&in.a, "wrote beyond the end", (double)i);
	}
	done(&in);
	return can;
}

static int
test_all(void)
{
	static const struct {
		int n_heads, n_kv_heads, head_dim, n_rows, n_keys, pos;
	} shapes[] = {
		{ 25, 25, 128, 1025, 1025, -1 }, { 3, 3, 128, 1024, 1024, -1 }, { 2, 2, 128, 129, 129, -1 },
		{ 2, 2, 128, 130, 144, -1 }, { 2, 2, 128, 100, 145, -1 }, { 2, 2, 128, 5, 16, -1 }, { 2, 2, 80, 70, 257, -1 },
		{ 56, 8, 128, 300, 300, 0 }, { 56, 8, 128, 40, 300, 260 }, { 56, 8, 128, 1000, 3000, 2000 },
		{ 7, 1, 128, 1, 1, 0 }, { 7, 1, 128, 1, 129, 128 }, { 7, 1, 128, 18, 128, 110 }, { 14, 2, 128, 19, 146, 127 },
		{ 4, 2, 96, 200, 200, 0 }, { 4, 4, 72, 63, 190, 127 }, { 6, 2, 104, 511, 1023, 512 },
		{ 3, 3, 64, 65, 65, -1 }, { 4, 2, 20, 33, 70, 37 }, { 4, 2, 6, 40, 40, 0 }, { 2, 1, 192, 70, 200, 130 },
		{ 2, 2, 256, 65, 65, -1 }, { 3, 1, 127, 50, 50, 0 },
	};
	int n_wgmma = 0;

	for (auto &s : shapes) {
		test(s.n_heads, s.n_kv_heads, s.head_dim, s.n_rows, s.n_keys, s.pos, false);
		n_wgmma += test(s.n_heads, s.n_kv_heads, s.head_dim, s.n_rows, s.n_keys, s.pos, true);
	}
	printf("%d shapes, %d of them by wgmma too: %d failures\n", (int)(sizeof shapes / sizeof *shapes), n_wgmma, n_bad);
	return n_bad ? 1 : 0;
}

/* ---- how fast */

static void
bench(const char *name, int n_heads, int n_kv_heads, int n_rows, int n_keys, int pos)
{
	struct inputs in;
	cudaEvent_t begin, end;
	double pairs = pos < 0 ? (double)n_rows * n_keys : (double)n_rows * pos + (double)n_rows * (n_rows + 1) / 2;

	make(&in, n_heads, n_kv_heads, 128, n_rows, n_keys, pos);
	CHECK(cudaEventCreate(&begin));
	CHECK(cudaEventCreate(&end));
	printf("%-24s", name);
	for (int wgmma = 0; wgmma <= 1; wgmma++) {
		std::vector<float> times;

		for (int i = 0; i < 21; i++) {
			float ms;

			CHECK(cudaEventRecord(begin, stream));
			for (int k = 0; k < 10; k++)
				run_kernel(&in.a, wgmma);
			CHECK(cudaEventRecord(end, stream));
			CHECK(cudaEventSynchronize(end));
			CHECK(cudaEventElapsedTime(&ms, begin, end));
			times.push_back(ms * 100);
		}
		std::sort(times.begin(), times.end());
		printf("  %s %7.1f us %6.1f TFLOP/s", wgmma ? "wgmma" : "mma", times[10], pairs * n_heads * 128 * 4 / times[10] / 1e6);
	}
	printf("\n");
	done(&in);
}

int
main(int argc, char **argv)
{
	if (!open_stream())
		return 77;
	if (argc > 1 && !strcmp(argv[1], "bench")) {
		bench("tower", 25, 25, 1025, 1025, -1);
		bench("prompt of 300", 56, 8, 300, 300, 0);
		bench("40 behind 300", 56, 8, 40, 340, 300);
		bench("512 behind 2048", 56, 8, 512, 2560, 2048);
		bench("1000 behind 2000", 56, 8, 1000, 3000, 2000);
		return 0;
	}
	return test_all();
}
