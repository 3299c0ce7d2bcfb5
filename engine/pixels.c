/* pixels.c: RGB → the square that the vision tower sees, by Pillow's bicubic for 8-bit pictures, bit for bit.
 *
 * Two passes, the horizontal one first, each skipped when its side does not change; what lies between them is 8-bit
 * too. The kernel is stretched when shrinking. Weights are fixed-point numbers of 22 bits. Source: Pillow's
 * src/libImaging/Resample.c, restated in model.md section 3; the order of every floating-point operation counts.
 */
#include "config.h"

#include <assert.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif
#include <math.h>
#include <pthread.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/thread.h"
#include "engine/engine.h"

#define PRECISION 22
#define CHANNELS 3

/* How one axis is resampled: output i is the sum of n[i] inputs from lo[i] on, by the weights at k + i * stride. */
struct axis {
	int n_out, stride;
	int *lo, *n;
	int32_t *k;
};

/* ---------------------------------------------------------------- weights */

static double
bicubic(double x)
{
	const double a = -0.5;

	x = fabs(x);
	if (x < 1)
		return ((a + 2) * x - (a + 3)) * x * x + 1;
	if (x < 2)
		return (((x - 5) * x + 8) * x - 4) * a;
	return 0;
}

static int32_t
fixed_point(double w)
{
	return (int32_t)(w * (1 << PRECISION) + (w < 0 ? -0.5 : 0.5));
}

/* The weights of output i; `w` has room for stride numbers. */
static void
weigh(struct axis *a, int i, int n_in, double scale, double *w)
{
	double stretch = fmax(scale, 1), support = 2 * stretch, inverse = 1 / stretch;
	double centre = (i + 0.5) * scale, sum = 0;
	int lo = (int)(centre - support + 0.5), hi = (int)(centre + support + 0.5);

	lo = lo < 0 ? 0 : lo;
	hi = hi > n_in ? n_in : hi;
	for (int j = 0; j < hi - lo; j++) {
		w[j] = bicubic((j + lo - centre + 0.5) * inverse);
		sum += w[j];
	}
	a->lo[i] = lo;
	a->n[i] = hi - lo;
	for (int j = 0; j < hi - lo; j++)
		a->k[(size_t)i * (size_t)a->stride + (size_t)j] = fixed_point(sum != 0 ? w[j] / sum : w[j]);
}

static void
axis_init(struct axis *a, int n_in, int n_out)
{
	double scale = (double)n_in / n_out;
	double *w;

	a->n_out = n_out;
	a->stride = (int)ceil(2 * fmax(scale, 1)) * 2 + 1;
	a->lo = xreallocarray(NULL, (size_t)n_out, sizeof *a->lo);
	a->n = xreallocarray(NULL, (size_t)n_out, sizeof *a->n);
	a->k = xcalloc((size_t)n_out * (size_t)a->stride, sizeof *a->k);
	w = xreallocarray(NULL, (size_t)a->stride, sizeof *w);
	for (int i = 0; i < n_out; i++)
		weigh(a, i, n_in, scale, w);
	free(w);
}

static void
axis_done(struct axis *a)
{
	free(a->lo);
	free(a->n);
	free(a->k);
}

/* ---------------------------------------------------------------- passes */

static uint8_t
clip(int32_t sum)
{
	sum >>= PRECISION;
	return (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

/* What is done to a part of the rows of the result, so that several threads may share it. */
struct pass {
	uint8_t *out;
	const uint8_t *in;
	int width;                      /* of a row of in, pixels */
	const struct axis *a;
};
typedef void pass_fn(const struct pass *p, int begin, int end);

/* One pixel from n that stand side by side. */
static void
sample(uint8_t out[CHANNELS], const uint8_t *in, const int32_t *k, int n)
{
	int32_t r = 1 << (PRECISION - 1), g = r, b = r;

	for (int j = 0; j < n; j++, in += CHANNELS) {
		r += in[0] * k[j];
		g += in[1] * k[j];
		b += in[2] * k[j];
	}
	out[0] = clip(r);
	out[1] = clip(g);
	out[2] = clip(b);
}

/* out[height, n_out, 3] from in[height, width, 3] */
static void
rows_plain(const struct pass *p, int begin, int end)
{
	const struct axis *a = p->a;
	uint8_t *out = p->out + (size_t)begin * (size_t)a->n_out * CHANNELS;

	for (int y = begin; y < end; y++) {
		const uint8_t *row = p->in + (size_t)y * (size_t)p->width * CHANNELS;

		for (int x = 0; x < a->n_out; x++, out += CHANNELS)
			sample(out, row + (size_t)a->lo[x] * CHANNELS, a->k + (size_t)x * (size_t)a->stride, a->n[x]);
	}
}

/* Bytes i … of one row of out[n_out, width, 3], from in[height, width, 3]. */
static void
column_bytes(const struct pass *p, int y, size_t i, size_t end)
{
	size_t step = (size_t)p->width * CHANNELS;
	const int32_t *k = p->a->k + (size_t)y * (size_t)p->a->stride;

	for (; i < end; i++) {
		const uint8_t *from = p->in + (size_t)p->a->lo[y] * step + i;
		int32_t sum = 1 << (PRECISION - 1);

		for (int j = 0; j < p->a->n[y]; j++, from += step)
			sum += *from * k[j];
		p->out[(size_t)y * step + i] = clip(sum);
	}
}

static void
columns_plain(const struct pass *p, int begin, int end)
{
	for (int y = begin; y < end; y++)
		column_bytes(p, y, 0, (size_t)p->width * CHANNELS);
}

#if defined(__x86_64__)
#define AVX2 __attribute__((target("avx2")))

/* The same sums, all of a pixel at once; the fourth of them, of a byte beside it, is for nobody. */
AVX2 static void
sample_avx2(uint8_t out[CHANNELS], const uint8_t *in, const int32_t *k, int n)
{
	__m128i even = _mm_set1_epi32(1 << (PRECISION - 1)), odd = _mm_setzero_si128();
	int32_t sum[4], last = 0;
	int j = 0;

	for (; j + 2 < n; j += 2, in += 2 * CHANNELS) {
		even = _mm_add_epi32(even, _mm_mullo_epi32(_mm_cvtepu8_epi32(_mm_loadu_si32(in)), _mm_set1_epi32(k[j])));
		odd = _mm_add_epi32(odd, _mm_mullo_epi32(_mm_cvtepu8_epi32(_mm_loadu_si32(in + CHANNELS)),
		    _mm_set1_epi32(k[j + 1])));
	}
	for (; j < n; j++, in += CHANNELS) {    /* what lies behind the last pixel is not read */
		memcpy(&last, in, CHANNELS);
		even = _mm_add_epi32(even, _mm_mullo_epi32(_mm_cvtepu8_epi32(_mm_cvtsi32_si128(last)), _mm_set1_epi32(k[j])));
	}
	_mm_storeu_si128((__m128i *)sum, _mm_add_epi32(even, odd));
	for (int c = 0; c < CHANNELS; c++)
		out[c] = clip(sum[c]);
}

AVX2 static void
rows_avx2(const struct pass *p, int begin, int end)
{
	const struct axis *a = p->a;
	uint8_t *out = p->out + (size_t)begin * (size_t)a->n_out * CHANNELS;

	for (int y = begin; y < end; y++) {
		const uint8_t *row = p->in + (size_t)y * (size_t)p->width * CHANNELS;

		for (int x = 0; x < a->n_out; x++, out += CHANNELS)
			sample_avx2(out, row + (size_t)a->lo[x] * CHANNELS, a->k + (size_t)x * (size_t)a->stride, a->n[x]);
	}
}

/* 32 bytes of a row at a time, their sums in registers while the rows of the input go by. */
AVX2 static void
columns_avx2(const struct pass *p, int begin, int end)
{
	size_t step = (size_t)p->width * CHANNELS;

	for (int y = begin; y < end; y++) {
		const int32_t *k = p->a->k + (size_t)y * (size_t)p->a->stride;
		const uint8_t *from = p->in + (size_t)p->a->lo[y] * step;
		size_t i;

		for (i = 0; i + 32 <= step; i += 32) {
			__m256i sum[4];
			int32_t out[32];

			for (int c = 0; c < 4; c++)
				sum[c] = _mm256_set1_epi32(1 << (PRECISION - 1));
			for (int j = 0; j < p->a->n[y]; j++) {
				__m256i weight = _mm256_set1_epi32(k[j]);

				for (int c = 0; c < 4; c++) {
					__m128i eight = _mm_loadl_epi64((const __m128i *)(from + (size_t)j * step + i + 8 * c));

					sum[c] = _mm256_add_epi32(sum[c], _mm256_mullo_epi32(_mm256_cvtepu8_epi32(eight), weight));
				}
			}
			for (int c = 0; c < 4; c++)
				_mm256_storeu_si256((__m256i *)(out + 8 * c), sum[c]);
			for (int c = 0; c < 32; c++)
				p->out[(size_t)y * step + i + (size_t)c] = clip(out[c]);
		}
		column_bytes(p, y, i, step);
	}
}

static bool
has_avx2(void)
{
	return __builtin_cpu_supports("avx2");
}
#else
#define rows_avx2 rows_plain
#define columns_avx2 columns_plain

static bool
has_avx2(void)
{
	return false;
}
#endif

/* ---------------------------------------------------------------- threads */

#define MAX_THREADS 8
#define ROW_WORK (1 << 18)      /* multiply-adds that are worth a thread: some 50 microseconds */

struct stripe {
	pthread_t thread;
	pass_fn *fn;
	const struct pass *pass;
	int begin, end;
};

static void *
run_stripe(void *arg)
{
	const struct stripe *s = arg;

	s->fn(s->pass, s->begin, s->end);
	return NULL;
}

/* All n_rows of the result; work: multiply-adds. Without another thread this one does it all. */
static void
run_pass(pass_fn *fn, const struct pass *p, int n_rows, long long work)
{
	struct stripe stripes[MAX_THREADS];
	long n = thread_n_cores(), most = 1 + (long)(work / ROW_WORK < MAX_THREADS ? work / ROW_WORK : MAX_THREADS);
	int n_started = 0;

	n = n < most ? n : most;
	n = n < n_rows ? n : n_rows;
	n = n < MAX_THREADS ? n : MAX_THREADS;
	for (long i = 1; i < n; i++) {
		struct stripe *s = &stripes[n_started];

		*s = (struct stripe){ .fn = fn, .pass = p, .begin = (int)(n_rows * i / n), .end = (int)(n_rows * (i + 1) / n) };
		if (thread_start(&s->thread, run_stripe, s) != 0)
			fn(p, s->begin, s->end);
		else
			n_started++;
	}
	fn(p, 0, n > 1 ? (int)(n_rows / n) : n_rows);
	for (int i = 0; i < n_started; i++)
		pthread_join(stripes[i].thread, NULL);
}

static void
resample_rows(uint8_t *out, const uint8_t *in, int width, int height, const struct axis *a)
{
	struct pass p = { out, in, width, a };

	run_pass(has_avx2() ? rows_avx2 : rows_plain, &p, height,
	    (long long)height * a->n_out * a->stride * CHANNELS);
}

static void
resample_columns(uint8_t *out, const uint8_t *in, int width, const struct axis *a)
{
	struct pass p = { out, in, width, a };

	run_pass(has_avx2() ? columns_avx2 : columns_plain, &p, a->n_out,
	    (long long)width * a->n_out * a->stride * CHANNELS);
}

/* Makes the picture out_width wide; NULL without memory. */
static uint8_t *
widen(const uint8_t *rgb, int width, int height, int out_width)
{
	uint8_t *out = malloc((size_t)out_width * (size_t)height * CHANNELS);
	struct axis a;

	if (!out)
		return NULL;
	axis_init(&a, width, out_width);
	resample_rows(out, rgb, width, height, &a);
	axis_done(&a);
	return out;
}

/* ---------------------------------------------------------------- the door */

int
pixels_resize(uint8_t *out, int out_width, int out_height, const uint8_t *rgb, int width, int height,
    struct error *err)
{
	uint8_t *wide = NULL;
	struct axis a;

	assert(out_width > 0 && out_height > 0);
	if (width < 1 || height < 1)
		return error_set(err, CODE_INPUT, "a picture of %d x %d pixels cannot be looked at", width, height);
	if (out_width != width) {
		wide = widen(rgb, width, height, out_width);
		if (!wide)
			return error_set(err, CODE_MEMORY, "no memory to resize a picture of %d x %d pixels", width,
			    height);
		rgb = wide;
	}
	if (out_height == height) {
		memcpy(out, rgb, (size_t)out_width * (size_t)out_height * CHANNELS);
	} else {
		axis_init(&a, height, out_height);
		resample_columns(out, rgb, out_width, &a);
		axis_done(&a);
	}
	free(wide);
	return 0;
}

/* Names what the tower sees: the side as four bytes, little-endian, then the pixels. */
static void
make_key(struct pixels *p)
{
	uint8_t size[4];
	struct sha256_ctx sha;

	for (int i = 0; i < 4; i++)
		size[i] = (uint8_t)(p->size >> 8 * i);
	sha256_init(&sha);
	sha256_update(&sha, sizeof size, size);
	sha256_update(&sha, (size_t)p->size * (size_t)p->size * CHANNELS, p->rgb);
	sha256_digest(&sha, SHA256_DIGEST_SIZE, p->key);
}

int
pixels_make(struct pixels *p, int size, const uint8_t *rgb, int width, int height, struct error *err)
{
	assert(size > 0);
	*p = (struct pixels){.size = size, .rgb = malloc((size_t)size * (size_t)size * CHANNELS)};
	if (!p->rgb)
		return error_set(err, CODE_MEMORY, "no memory for a picture of %d x %d pixels", size, size);
	if (pixels_resize(p->rgb, size, size, rgb, width, height, err) < 0) {
		pixels_done(p);
		return -1;
	}
	make_key(p);
	return 0;
}

void
pixels_copy(struct pixels *to, const struct pixels *from)
{
	size_t n = (size_t)from->size * (size_t)from->size * CHANNELS;

	*to = *from;
	to->rgb = xmalloc(n);
	memcpy(to->rgb, from->rgb, n);
}

void
pixels_done(struct pixels *p)
{
	free(p->rgb);
	*p = (struct pixels){0};
}
