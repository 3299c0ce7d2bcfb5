/* chain.cuh: what the tests of decoding products share: the matrices of 20 layers of the 40B
 * decoder, timed one after another as a graph, so that nothing of them is in the L2 when its turn comes.
 */
#ifndef TESTS_CUDA_CHAIN_CUH
#define TESTS_CUDA_CHAIN_CUH

#include <algorithm>

#include "tests/cuda/card.cuh"

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
	c->x = on_card(floats(GEMV_ROWS * HIDDEN, 0.5f));
	c->norm = on_card(floats(HIDDEN, 1.0f));
	c->cosines = on_card(floats(64, 0.7f));
	c->q = on_card(halves(GEMV_ROWS * HIDDEN));
	c->k = on_card(halves(2048));
	c->h = on_card(halves(GEMV_ROWS * WIDE));
	c->state = on_card(std::vector<struct step_state>(GEMV_ROWS));
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

/* As the program does it. */
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

/* The matrices which (a bit each) of all layers, with n rows. */
static void
all_layers(struct chain *c, product p, int which, bool pdl, int n = 1)
{
	struct gemv_rope r = { c->q, c->k, c->k + 1024, c->cosines, c->cosines, c->state, 56, 8, 128 };

	for (int l = 0; l < LAYERS; l++)
		for (int i = 0; i < 4; i++) {
			struct gemv g = { &c->m[l][i], i % 2 ? NULL : c->norm, c->x, i == 1 ? c->q : c->h, 1e-5f, n, n_sm,
				shared_bytes, pdl };

			if (which >> i & 1)
				p(&g, &r, c, i);
		}
}

/* Milliseconds of them, as a graph. */
static double
chain_ms(struct chain *c, product p, int which, bool pdl, int n = 1)
{
	cudaGraph_t graph;
	cudaGraphExec_t run;
	double ms;

	all_layers(c, p, which, pdl, n);        /* attributes are set outside the capture */
	CHECK(cudaStreamSynchronize(stream));
	CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
	all_layers(c, p, which, pdl, n);
	CHECK(cudaStreamEndCapture(stream, &graph));
	CHECK(cudaGraphInstantiate(&run, graph, 0));
	ms = median_ms([&] { CHECK(cudaGraphLaunch(run, stream)); });
	CHECK(cudaGraphExecDestroy(run));
	CHECK(cudaGraphDestroy(graph));
	return ms;
}

#endif
