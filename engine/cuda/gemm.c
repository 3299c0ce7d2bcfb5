/* gemm.c: products of many rows, by cublasLt, which is opened when it is first needed: the program starts, and runs on
 * the CPU, where the library is not.
 *
 * The algorithm for a shape comes from a fixed table (made offline by `ivchat bench --tune`, gemm_table.c) or else is
 * the library's first proposal, never the winner of a race at start: the same build on the same card has to give the
 * same bits again. cublasLt works on columns; our row-major y = x wᵀ is its column-major yᵀ = w xᵀ.
 */
#include "config.h"

#include <cublasLt.h>
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "engine/cuda/cuda.h"
#include "engine/cuda/gemm.h"

#define WORKSPACE_BYTES ((size_t)32 << 20)
#define MAX_PLANS 256           /* that are remembered: each look walks through them */

/* ---- the library */

#define LT_FUNCTIONS(F) \
	F(cublasLtCreate) F(cublasLtDestroy) F(cublasLtMatmul) F(cublasLtMatmulAlgoGetHeuristic) \
	F(cublasLtMatmulDescCreate) F(cublasLtMatmulDescDestroy) F(cublasLtMatmulDescSetAttribute) \
	F(cublasLtMatrixLayoutCreate) F(cublasLtMatrixLayoutDestroy) \
	F(cublasLtMatmulPreferenceCreate) F(cublasLtMatmulPreferenceDestroy) F(cublasLtMatmulPreferenceSetAttribute) \
	F(cublasLtMatmulAlgoInit) F(cublasLtMatmulAlgoConfigSetAttribute) F(cublasLtMatmulAlgoConfigGetAttribute) \
	F(cublasLtMatmulAlgoCheck) F(cublasLtGetVersion)

/* cublasLtMatmulDescCreate and the like are inline or have twins in some releases; the types come from the header. */
struct lt {
	void *handle;
#define F(name) __typeof__(&name) name;
	LT_FUNCTIONS(F)
#undef F
};

static struct lt lt;            /* one library a process; filled once by lt_open */

static int
lt_open(struct error *err)
{
	static const char *const names[] = { "libcublasLt.so.13", "libcublasLt.so.12", CUDA_LIBDIR "/libcublasLt.so" };

	for (size_t i = 0; i < sizeof names / sizeof *names && !lt.handle; i++)
		lt.handle = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
	if (!lt.handle) {
		error_set(err, CODE_MEMORY, "the GPU's matrix library cublasLt cannot be opened: %s", dlerror());
		return error_hint(err, "install the CUDA toolkit's cublas, or use --gpus none");
	}
#define F(name) if (!(lt.name = (__typeof__(lt.name))dlsym(lt.handle, #name))) \
		return error_set(err, CODE_MEMORY, "cublasLt has no function %s: another release is needed", #name);
	LT_FUNCTIONS(F)
#undef F
	return 0;
}

/* ---- plans */

/* A product's shape, and how it is computed. */
struct plan_entry {
	int m, n, k, x_stride;
	bool f32, add;
	cublasLtMatmulDesc_t desc;
	cublasLtMatrixLayout_t w, x, y;
	cublasLtMatmulAlgo_t algo;
};

struct gemm {
	cublasLtHandle_t handle;
	cudaStream_t stream;
	void *workspace;
	int cc;                         /* 90 */
	size_t version;
	struct plan_entry *plans;
	int n_plans, cap_plans;
};

struct gemm *
gemm_new(int device, cudaStream_t stream, struct error *err)
{
	struct gemm *g;
	int major = 0, minor = 0;

	if (!lt.handle && lt_open(err) != 0)
		return NULL;
	g = xcalloc(1, sizeof *g);
	g->stream = stream;
	g->version = lt.cublasLtGetVersion();
	cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device);
	cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device);
	g->cc = 10 * major + minor;
	if (lt.cublasLtCreate(&g->handle) == CUBLAS_STATUS_SUCCESS &&
	    cudaMalloc(&g->workspace, WORKSPACE_BYTES) == cudaSuccess)
		return g;
	gemm_free(g);
	error_set(err, CODE_MEMORY, "the GPU's matrix library has no memory to work with");
	return NULL;
}

static void
plan_done(struct plan_entry *p)
{
	if (p->desc)
		lt.cublasLtMatmulDescDestroy(p->desc);
	if (p->w)
		lt.cublasLtMatrixLayoutDestroy(p->w);
	if (p->x)
		lt.cublasLtMatrixLayoutDestroy(p->x);
	if (p->y)
		lt.cublasLtMatrixLayoutDestroy(p->y);
}

void
gemm_forget(struct gemm *g)
{
	if (!g)
		return;
	for (int i = 0; i < g->n_plans; i++)
		plan_done(&g->plans[i]);
	free(g->plans);
	free(g);
}

void
gemm_free(struct gemm *g)
{
	if (g && g->workspace)
		cudaFree(g->workspace);
	if (g && g->handle)
		lt.cublasLtDestroy(g->handle);
	gemm_forget(g);
}

static bool
make_layouts(struct plan_entry *e, const struct product *p)
{
	cublasOperation_t transposed = CUBLAS_OP_T, plain = CUBLAS_OP_N;
	cudaDataType_t out = p->f32 ? CUDA_R_32F : CUDA_R_16BF;

	return lt.cublasLtMatmulDescCreate(&e->desc, CUBLAS_COMPUTE_32F, CUDA_R_32F) == CUBLAS_STATUS_SUCCESS &&
	    lt.cublasLtMatmulDescSetAttribute(e->desc, CUBLASLT_MATMUL_DESC_TRANSA, &transposed, sizeof transposed) ==
	    CUBLAS_STATUS_SUCCESS &&
	    lt.cublasLtMatmulDescSetAttribute(e->desc, CUBLASLT_MATMUL_DESC_TRANSB, &plain, sizeof plain) ==
	    CUBLAS_STATUS_SUCCESS &&
	    lt.cublasLtMatrixLayoutCreate(&e->w, CUDA_R_16BF, (uint64_t)p->k, (uint64_t)p->n, p->k) ==
	    CUBLAS_STATUS_SUCCESS &&
	    lt.cublasLtMatrixLayoutCreate(&e->x, CUDA_R_16BF, (uint64_t)p->k, (uint64_t)p->m, p->x_stride) ==
	    CUBLAS_STATUS_SUCCESS &&
	    lt.cublasLtMatrixLayoutCreate(&e->y, out, (uint64_t)p->n, (uint64_t)p->m, p->n) == CUBLAS_STATUS_SUCCESS;
}

static int
candidates(struct gemm *g, struct plan_entry *e, cublasLtMatmulHeuristicResult_t *out, int most)
{
	cublasLtMatmulPreference_t preference;
	size_t bytes = WORKSPACE_BYTES;
	int n = 0;

	if (lt.cublasLtMatmulPreferenceCreate(&preference) != CUBLAS_STATUS_SUCCESS)
		return 0;
	lt.cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &bytes, sizeof bytes);
	if (lt.cublasLtMatmulAlgoGetHeuristic(g->handle, e->desc, e->w, e->x, e->y, e->y, preference, most, out, &n) !=
	    CUBLAS_STATUS_SUCCESS)
		n = 0;
	lt.cublasLtMatmulPreferenceDestroy(preference);
	return n;
}

/* ---- the table */

static const cublasLtMatmulAlgoConfigAttributes_t settings[GEMM_N_SETTINGS] = {
	CUBLASLT_ALGO_CONFIG_ID, CUBLASLT_ALGO_CONFIG_TILE_ID, CUBLASLT_ALGO_CONFIG_STAGES_ID,
	CUBLASLT_ALGO_CONFIG_SPLITK_NUM, CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME, CUBLASLT_ALGO_CONFIG_CTA_SWIZZLING,
	CUBLASLT_ALGO_CONFIG_CUSTOM_OPTION, CUBLASLT_ALGO_CONFIG_INNER_SHAPE_ID, CUBLASLT_ALGO_CONFIG_CLUSTER_SHAPE_ID,
};

/* Two of them are 16 bits wide. */
static size_t
setting_bytes(int i)
{
	return i >= 7 ? sizeof(uint16_t) : sizeof(uint32_t);
}

static void
settings_of(const cublasLtMatmulAlgo_t *algo, uint32_t out[GEMM_N_SETTINGS])
{
	for (int i = 0; i < GEMM_N_SETTINGS; i++) {
		uint32_t wide = 0;
		uint16_t narrow = 0;
		size_t n;
		bool is_wide = setting_bytes(i) == sizeof wide;

		lt.cublasLtMatmulAlgoConfigGetAttribute(algo, settings[i], is_wide ? (void *)&wide : (void *)&narrow,
		    setting_bytes(i), &n);
		out[i] = is_wide ? wide : narrow;
	}
}

static bool
make_algo(struct gemm *g, const struct plan_entry *e, const uint32_t in[GEMM_N_SETTINGS], cublasLtMatmulAlgo_t *algo)
{
	cudaDataType_t out = e->f32 ? CUDA_R_32F : CUDA_R_16BF;
	cublasLtMatmulHeuristicResult_t checked;

	if (lt.cublasLtMatmulAlgoInit(g->handle, CUBLAS_COMPUTE_32F, CUDA_R_32F, CUDA_R_16BF, CUDA_R_16BF, out, out,
	    (int)in[0], algo) != CUBLAS_STATUS_SUCCESS)
		return false;
	for (int i = 1; i < GEMM_N_SETTINGS; i++) {
		uint16_t narrow = (uint16_t)in[i];
		bool is_wide = setting_bytes(i) == sizeof in[i];

		if (lt.cublasLtMatmulAlgoConfigSetAttribute(algo, settings[i], is_wide ? (const void *)&in[i] :
		    (const void *)&narrow, setting_bytes(i)) != CUBLAS_STATUS_SUCCESS && in[i] != 0)
			return false;
	}
	return lt.cublasLtMatmulAlgoCheck(g->handle, e->desc, e->w, e->x, e->y, e->y, algo, &checked) ==
	    CUBLAS_STATUS_SUCCESS && checked.state == CUBLAS_STATUS_SUCCESS && checked.workspaceSize <= WORKSPACE_BYTES;
}

/* The row of the table for this card, library and shape whose m is the smallest that is not below ours. */
static const struct gemm_choice *
find_choice(const struct gemm *g, const struct plan_entry *e)
{
	const struct gemm_choice *best = NULL;

	for (const struct gemm_choice *c = gemm_table; c->n; c++)
		if (c->cc == g->cc && c->version == g->version && c->n == e->n && c->k == e->k && c->f32 == e->f32 &&
		    c->m >= e->m && (!best || c->m < best->m))
			best = c;
	return best;
}

static bool
choose(struct gemm *g, struct plan_entry *e)
{
	const struct gemm_choice *c = find_choice(g, e);
	cublasLtMatmulHeuristicResult_t first;

	if (c && make_algo(g, e, c->settings, &e->algo))
		return true;
	if (candidates(g, e, &first, 1) < 1)
		return false;
	e->algo = first.algo;
	return true;
}

/* ---- running */

static bool
is_for(const struct plan_entry *e, const struct product *p)
{
	return e->m == p->m && e->n == p->n && e->k == p->k && e->x_stride == p->x_stride && e->f32 == p->f32 &&
	    e->add == p->add;
}

static struct plan_entry *
find_plan(struct gemm *g, const struct product *p)
{
	struct plan_entry *e;

	for (int i = 0; i < g->n_plans; i++)
		if (is_for(&g->plans[i], p))
			return &g->plans[i];
	if (g->n_plans == MAX_PLANS) {  /* made again when asked for: a long conversation has batches of hundreds of lengths */
		for (int i = 0; i < g->n_plans; i++)
			plan_done(&g->plans[i]);
		g->n_plans = 0;
	}
	if (g->n_plans == g->cap_plans) {
		g->cap_plans = g->cap_plans ? 2 * g->cap_plans : 64;
		g->plans = xreallocarray(g->plans, (size_t)g->cap_plans, sizeof *g->plans);
	}
	e = &g->plans[g->n_plans];
	*e = (struct plan_entry){ .m = p->m, .n = p->n, .k = p->k, .x_stride = p->x_stride, .f32 = p->f32,
		.add = p->add };
	if (make_layouts(e, p) && choose(g, e)) {
		g->n_plans++;
		return e;
	}
	plan_done(e);
	return NULL;
}

static int
run_with(struct gemm *g, const struct plan_entry *e, const struct product *p, const cublasLtMatmulAlgo_t *algo)
{
	float one = 1, beta = p->add ? 1 : 0;

	return lt.cublasLtMatmul(g->handle, e->desc, &one, p->w, e->w, p->x, e->x, &beta, p->y, e->y, p->y, e->y, algo,
	    g->workspace, WORKSPACE_BYTES, g->stream) == CUBLAS_STATUS_SUCCESS ? 0 : -1;
}

/* On a card that has failed, of whatever, the library fails too, and knows not why. */
static const char *
reason(const struct gemm *g, const char *of_library)
{
	cudaError_t rc = cudaStreamQuery(g->stream);

	cudaGetLastError();             /* not being ready counts as one */
	return rc == cudaSuccess || rc == cudaErrorNotReady ? of_library : cudaGetErrorString(rc);
}

int
gemm_run(struct gemm *g, const struct product *p, const char **why)
{
	const struct plan_entry *e = find_plan(g, p);

	if (e && run_with(g, e, p, &e->algo) == 0)
		return 0;
	*why = reason(g, e ? "cublasLt refused a product" : "cublasLt has no way to compute a product of this shape");
	return -1;
}

/* ---- tuning */

#define TIMED_PASSES 3
#define MAX_CANDIDATES 128
#define MAX_PROPOSALS 32        /* of them the library's; the others are the table's */
#define SHORT_LIST 12           /* of candidates, that are timed at length */
#define NEAR 1.12f              /* … within so much of the fastest */
#define KEPT_MS 40.0f
#define WARM_MS 200.0f          /* of products, and the power of a card is at its limit */
#define REFUSED INFINITY

static int
by_value(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

struct timed {
	cublasLtMatmulAlgo_t algo;
	float burst, kept[TIMED_PASSES];        /* milliseconds a product; REFUSED: the library does not compute it so */
};

/* Milliseconds of n products, each with the next of the weights. */
static float
time_of(struct gemm *g, const struct plan_entry *e, const struct product *p, const cublasLtMatmulAlgo_t *algo,
    const void *const *ws, int n_ws, int n)
{
	cudaEvent_t begin, end;
	struct product q = *p;
	float ms = REFUSED;
	int rc = 0;

	cudaEventCreate(&begin);
	cudaEventCreate(&end);
	cudaEventRecord(begin, g->stream);
	for (int i = 0; i < n; i++) {
		q.w = ws[i % n_ws];
		rc |= run_with(g, e, &q, algo);
	}
	cudaEventRecord(end, g->stream);
	if (cudaEventSynchronize(end) != cudaSuccess || rc != 0 || cudaEventElapsedTime(&ms, begin, end) != cudaSuccess)
		ms = REFUSED;
	cudaEventDestroy(begin);
	cudaEventDestroy(end);
	return ms;
}

static float
median(float *times, int n)
{
	qsort(times, (size_t)n, sizeof *times, by_value);
	return times[n / 2];
}

/* The median of some passes over the weights, after one that does not count. */
static void
time_burst(struct gemm *g, const struct plan_entry *e, const struct product *p, struct timed *c, const void *const *ws,
    int n_ws)
{
	float times[TIMED_PASSES];

	c->burst = time_of(g, e, p, &c->algo, ws, n_ws, n_ws);
	for (int i = 0; i < TIMED_PASSES && c->burst < REFUSED; i++)
		times[i] = time_of(g, e, p, &c->algo, ws, n_ws, n_ws);
	if (c->burst < REFUSED)
		c->burst = median(times, TIMED_PASSES) / (float)n_ws;
}

/* What other rows of the table chose: the library does not propose all that it can do. */
static int
from_table(struct gemm *g, const struct plan_entry *e, struct timed *out, int most)
{
	int n = 0;

	for (const struct gemm_choice *c = gemm_table; c->n && n < most; c++) {
		bool before = false;

		for (const struct gemm_choice *d = gemm_table; d < c && !before; d++)
			before = memcmp(c->settings, d->settings, sizeof c->settings) == 0;
		if (!before && c->cc == g->cc && c->version == g->version && make_algo(g, e, c->settings, &out[n].algo))
			n++;
	}
	return n;
}

static int
proposals(struct gemm *g, struct plan_entry *e, struct timed *out)
{
	static cublasLtMatmulHeuristicResult_t found[MAX_PROPOSALS];
	int n = candidates(g, e, found, MAX_PROPOSALS);

	for (int i = 0; i < n; i++)
		out[i].algo = found[i].algo;
	return n;
}

static int
by_burst(const void *a, const void *b)
{
	float x = ((const struct timed *)a)->burst, y = ((const struct timed *)b)->burst;

	return (x > y) - (x < y);
}

static void
time_bursts(struct gemm *g, const struct plan_entry *e, const struct product *p, const void *const *ws, int n_ws,
    struct timed *all, int n)
{
	for (int i = 0; i < n; i++)
		time_burst(g, e, p, &all[i], ws, n_ws);
}

/* The fastest of all, milliseconds; and how long their timing took. */
static float
time_best(struct gemm *g, const struct plan_entry *e, const struct product *p, const void *const *ws, int n_ws,
    struct timed *all, int n, float *took)
{
	float best = REFUSED;

	time_bursts(g, e, p, ws, n_ws, all, n);
	for (int i = 0; i < n; i++)
		if (all[i].burst < REFUSED) {
			best = all[i].burst < best ? all[i].burst : best;
			*took += all[i].burst * (float)(n_ws * (1 + TIMED_PASSES));
		}
	return best;
}

int
gemm_ceiling(struct gemm *g, const struct product *p, const void *const *ws, int n_ws, float *rested_ms, float *ms)
{
	static struct timed all[MAX_CANDIDATES];
	struct plan_entry *e = find_plan(g, p);
	int n = e ? proposals(g, e, all) : 0;
	float took = 0;

	*rested_ms = time_best(g, e, p, ws, n_ws, all, n, &took);
	while (took > 0 && took < WARM_MS)
		time_best(g, e, p, ws, n_ws, all, n, &took);
	*ms = time_best(g, e, p, ws, n_ws, all, n, &took);
	return *rested_ms < REFUSED && *ms < REFUSED ? 0 : -1;
}

/* Candidates take turns, and the card has no rest: what long prompts find. */
static void
time_kept(struct gemm *g, const struct plan_entry *e, const struct product *p, struct timed *all, int n,
    const void *const *ws, int n_ws)
{
	for (int pass = 0; pass < TIMED_PASSES; pass++)
		for (int i = 0; i < n; i++) {
			struct timed *c = &all[pass % 2 ? n - 1 - i : i];
			int count = 1 + (int)(KEPT_MS / c->burst);

			time_of(g, e, p, &c->algo, ws, n_ws, count / 3);
			c->kept[pass] = time_of(g, e, p, &c->algo, ws, n_ws, count) / (float)count;
		}
}

int
gemm_tune(struct gemm *g, const struct product *p, const void *const *ws, int n_ws, struct gemm_choice *out,
    float *first_ms, float *best_ms)
{
	static struct timed all[MAX_CANDIDATES];
	struct plan_entry *e = find_plan(g, p);
	int n = e ? proposals(g, e, all) : 0, near = 0, best = 0;

	n += e ? from_table(g, e, all + n, MAX_CANDIDATES - n) : 0;
	time_bursts(g, e, p, ws, n_ws, all, n);
	*first_ms = n > 0 ? all[0].burst : REFUSED;
	qsort(all, (size_t)n, sizeof *all, by_burst);
	while (near < n && near < SHORT_LIST && all[near].burst < REFUSED && all[near].burst <= NEAR * all[0].burst)
		near++;
	if (near == 0)
		return -1;
	time_kept(g, e, p, all, near, ws, n_ws);
	*best_ms = REFUSED;
	for (int i = 0; i < near; i++) {
		float kept = median(all[i].kept, TIMED_PASSES);

		if (kept < *best_ms) {
			*best_ms = kept;
			best = i;
		}
	}
	*out = (struct gemm_choice){ .cc = g->cc, .version = g->version, .m = p->m, .n = p->n, .k = p->k, .f32 = p->f32 };
	settings_of(&all[best].algo, out->settings);
	return 0;
}
