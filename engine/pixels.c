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
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/team.h"
#include "engine/engine.h"

#define PRECISION 22
#define CHANNELS 3

/* How one axis is resampled: output i is the sum of n[i] inputs from lo[i] on, by the weights at k + i * stride. */
struct axis {
	int n_in, n_out, stride;
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
weigh(const struct axis *a, int i, double scale, double *w)
{
	double stretch = fmax(scale, 1), support = 2 * stretch, inverse = 1 / stretch;
	double centre = (i + 0.5) * scale, sum = 0;
	int lo = (int)(centre - support + 0.5), hi = (int)(centre + support + 0.5);

	lo = lo < 0 ? 0 : lo;
	hi = hi > a->n_in ? a->n_in : hi;
	for (int j = 0; j < hi - lo; j++) {
		w[j] = bicubic((j + lo - centre + 0.5) * inverse);
		sum += w[j];
	}
	a->lo[i] = lo;
	a->n[i] = hi - lo;
	for (int j = 0; j < hi - lo; j++)
		a->k[(size_t)i * (size_t)a->stride + (size_t)j] = fixed_point(sum != 0 ? w[j] / sum : w[j]);
}

/* Without its weights. */
static void
axis_init(struct axis *a, int n_in, int n_out)
{
	double scale = (double)n_in / n_out;

	a->n_in = n_in;
	a->n_out = n_out;
	a->stride = (int)ceil(2 * fmax(scale, 1)) * 2 + 1;
	a->lo = xreallocarray(NULL, (size_t)n_out, sizeof *a->lo);
	a->n = xreallocarray(NULL, (size_t)n_out, sizeof *a->n);
	a->k = xcalloc((size_t)n_out * (size_t)a->stride, sizeof *a->k);
}

/* Those of some outputs. */
static void
axis_fill(const struct axis *a, int begin, int end)
{
	double *w = xreallocarray(NULL, (size_t)a->stride, sizeof *w);

	for (int i = begin; i < end; i++)
		weigh(a, i, (double)a->n_in / a->n_out, w);
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
	int16_t *split;                 /* rows by AVX2: the weights in two parts, n_groups for each output */
	int n_groups;
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

#define GROUP 4                 /* pixels that are weighed at once */
#define LOW_BITS 11
#define BLOCK 8                 /* rows that share weights while these are at hand */

/* A weight is two numbers of 16 bits, so that two pixels are weighed by one instruction: k = high << 11 | low. For each
 * group of four pixels 32 numbers: high of the first two, four times (a time for each channel, one for nobody), high of
 * the others, and low the same way. */
static void
split_weights(const struct pass *p, int begin, int end)
{
	const struct axis *a = p->a;
	int16_t *to = p->split + (size_t)begin * (size_t)p->n_groups * 32;

	for (int i = begin; i < end; i++)
		for (int j = 0; j < p->n_groups * GROUP; j += GROUP, to += 32)
			for (int k = 0; k < 16; k++) {
				int at = j + k / 8 * 2 + k % 2;
				int32_t w = at < a->n[i] ? a->k[(size_t)i * (size_t)a->stride + (size_t)at] : 0;

				to[k] = (int16_t)(w >> LOW_BITS);
				to[16 + k] = (int16_t)(w & ((1 << LOW_BITS) - 1));
			}
}

/* r g b of n_groups groups of four, the fourth number is for nobody. 4 bytes are read behind the last group. */
AVX2 static __m128i
weigh_pixels(const uint8_t *in, const int16_t *w, int n_groups)
{
	const __m256i pairs = _mm256_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1,
	    6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1);
	__m256i high = _mm256_setzero_si256(), low = high, sum;

	for (int g = 0; g < n_groups; g++, in += GROUP * CHANNELS, w += 32) {
		__m256i v = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)in));

		v = _mm256_shuffle_epi8(v, pairs);
		high = _mm256_add_epi32(high, _mm256_madd_epi16(v, _mm256_load_si256((const __m256i *)w)));
		low = _mm256_add_epi32(low, _mm256_madd_epi16(v, _mm256_load_si256((const __m256i *)(w + 16))));
	}
	sum = _mm256_add_epi32(_mm256_slli_epi32(high, LOW_BITS), low);
	return _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
}

AVX2 static uint32_t
clip_avx2(__m128i sum)
{
	sum = _mm_srai_epi32(_mm_add_epi32(sum, _mm_set1_epi32(1 << (PRECISION - 1))), PRECISION);
	sum = _mm_packs_epi32(sum, sum);
	return (uint32_t)_mm_cvtsi128_si32(_mm_packus_epi16(sum, sum));
}

/* Output x of some rows, as pass_fn. */
AVX2 static void
column_of_rows(const struct pass *p, int x, int begin, int end)
{
	const struct axis *a = p->a;
	size_t in_step = (size_t)p->width * CHANNELS, out_step = (size_t)a->n_out * CHANNELS, at = (size_t)a->lo[x] * CHANNELS;
	int n_groups = (a->n[x] + GROUP - 1) / GROUP;
	const int16_t *w = p->split + (size_t)x * (size_t)p->n_groups * 32;
	bool inside = at + (size_t)n_groups * GROUP * CHANNELS + 4 <= in_step;

	for (int y = begin; y < end; y++) {
		const uint8_t *in = p->in + (size_t)y * in_step + at;
		uint8_t *out = p->out + (size_t)y * out_step + (size_t)x * CHANNELS;
		uint32_t rgb;

		if (inside) {
			rgb = clip_avx2(weigh_pixels(in, w, n_groups));
			memcpy(out, &rgb, CHANNELS);
		} else {
			sample(out, in, a->k + (size_t)x * (size_t)a->stride, a->n[x]);
		}
	}
}

AVX2 static void
rows_avx2(const struct pass *p, int begin, int end)
{
	for (int y = begin; y < end; y += BLOCK)
		for (int x = 0; x < p->a->n_out; x++)
			column_of_rows(p, x, y, y + BLOCK < end ? y + BLOCK : end);
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
			__m256i sum[4], low, high;

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
				sum[c] = _mm256_srai_epi32(sum[c], PRECISION);
			low = _mm256_packs_epi32(sum[0], sum[1]);       /* both pack half by half: quarters 0 2 4 6 1 3 5 7 */
			high = _mm256_packs_epi32(sum[2], sum[3]);
			low = _mm256_permutevar8x32_epi32(_mm256_packus_epi16(low, high), _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
			_mm256_storeu_si256((__m256i *)(p->out + (size_t)y * step + i), low);
		}
		column_bytes(p, y, i, step);
	}
}

static bool
has_avx2(void)
{
	return __builtin_cpu_supports("avx2");
}

/* How rows are done; without memory for the split weights, as plainly as elsewhere. */
static pass_fn *
choose_rows(struct pass *p)
{
	p->n_groups = (p->a->stride + GROUP - 1) / GROUP;
	if (has_avx2())
		p->split = aligned_alloc(32, (size_t)p->a->n_out * (size_t)p->n_groups * 32 * sizeof *p->split);
	return p->split ? rows_avx2 : rows_plain;
}

static pass_fn *
choose_columns(void)
{
	return has_avx2() ? columns_avx2 : columns_plain;
}
#else
static pass_fn *
choose_rows(struct pass *p)
{
	(void)p;
	return rows_plain;
}

static void
split_weights(const struct pass *p, int begin, int end)
{
	(void)p;
	(void)begin;
	(void)end;
}

static pass_fn *
choose_columns(void)
{
	return columns_plain;
}
#endif

/* ---------------------------------------------------------------- both passes, by a team */

#define JOB_WORK (1 << 18)      /* multiply-adds that are worth a thread: some 50 microseconds */
#define AXIS_JOBS 8             /* for each of two: done while threads are still being started */
#define ROW_JOBS 32
#define STRIPES 16              /* of the result */

struct resize {
	struct pass across, down;
	struct axis x, y;
	pass_fn *rows, *columns;        /* NULL: this side stays as it is */
	int height, n_row_jobs;         /* of the input */
	int out_width, out_height;
	uint8_t *wide;                  /* what lies between the passes, if both are done */
	uint8_t (*digests)[SHA256_DIGEST_SIZE];         /* of the stripes of the result, if asked for */
};

/* The weights of a part of an axis that changes. */
static void
axis_job(void *arg, int i)
{
	const struct resize *r = arg;
	const struct axis *a = i < AXIS_JOBS ? &r->x : &r->y;
	int part = i % AXIS_JOBS, begin = a->n_out * part / AXIS_JOBS, end = a->n_out * (part + 1) / AXIS_JOBS;

	if (begin == end)
		return;
	axis_fill(a, begin, end);
	if (a == &r->x && r->across.split)
		split_weights(&r->across, begin, end);
}

static void
row_job(void *arg, int i)
{
	const struct resize *r = arg;

	r->rows(&r->across, r->height * i / r->n_row_jobs, r->height * (i + 1) / r->n_row_jobs);
}

static void
digest(uint8_t out[SHA256_DIGEST_SIZE], const uint8_t *at, size_t n)
{
	struct sha256_ctx sha;

	sha256_init(&sha);
	sha256_update(&sha, n, at);
	sha256_digest(&sha, SHA256_DIGEST_SIZE, out);
}

static void
stripe_job(void *arg, int i)
{
	const struct resize *r = arg;
	int begin = r->out_height * i / STRIPES, end = r->out_height * (i + 1) / STRIPES;
	size_t step = (size_t)r->out_width * CHANNELS, at = (size_t)begin * step, n = (size_t)(end - begin) * step;

	if (r->columns)
		r->columns(&r->down, begin, end);
	else if (r->down.in != r->down.out)
		memcpy(r->down.out + at, r->down.in + at, n);
	if (r->digests)
		digest(r->digests[i], r->down.out + at, n);
}

static int
n_jobs(long long work, int most)
{
	return work / JOB_WORK + 1 < most ? (int)(work / JOB_WORK) + 1 : most;
}

/* The axes that change, and where the passes read and write. */
static int
prepare(struct resize *r, uint8_t *out, const uint8_t *rgb, int width, struct error *err)
{
	bool across = r->out_width != width, down = r->out_height != r->height;

	r->down = (struct pass){ .out = out, .in = rgb, .width = r->out_width, .a = &r->y };
	if (down) {
		axis_init(&r->y, r->height, r->out_height);
		r->columns = choose_columns();
	}
	if (!across)
		return 0;
	axis_init(&r->x, width, r->out_width);
	r->across = (struct pass){ .out = out, .in = rgb, .width = width, .a = &r->x };
	r->rows = choose_rows(&r->across);
	r->down.in = out;
	if (!down)
		return 0;
	r->wide = alloc_large((size_t)r->out_width * (size_t)r->height * CHANNELS);
	r->down.in = r->across.out = r->wide;
	return r->wide ? 0 : error_set(err, CODE_MEMORY, "no memory to resize a picture of %d x %d pixels", width, r->height);
}

static void
run(struct resize *r)
{
	long long across = r->rows ? (long long)r->height * r->out_width * r->x.stride * CHANNELS : 0;
	long long down = r->columns ? (long long)r->out_height * r->out_width * r->y.stride * CHANNELS : 0;
	struct jobs lists[] = { { axis_job, 2 * AXIS_JOBS, NULL }, { row_job, r->rows ? n_jobs(across, ROW_JOBS) : 0, NULL },
		{ stripe_job, STRIPES, NULL } };

	r->n_row_jobs = lists[1].n;
	team_run(lists, 3, r, n_jobs(across > down ? across : down, team_usual()));
}

static int
resize(struct resize *r, uint8_t *out, const uint8_t *rgb, int width, struct error *err)
{
	int rc;

	assert(r->out_width > 0 && r->out_height > 0);
	if (width < 1 || r->height < 1)
		return error_set(err, CODE_INPUT, "a picture of %d x %d pixels cannot be looked at", width, r->height);
	rc = prepare(r, out, rgb, width, err);
	if (rc == 0)
		run(r);
	axis_done(&r->x);
	axis_done(&r->y);
	free(r->across.split);
	free(r->wide);
	return rc;
}

/* ---------------------------------------------------------------- the door */

int
pixels_resize(uint8_t *out, int out_width, int out_height, const uint8_t *rgb, int width, int height,
    struct error *err)
{
	struct resize r = { .height = height, .out_width = out_width, .out_height = out_height };

	return resize(&r, out, rgb, width, err);
}

/* Names what the tower sees: the side as four bytes, little-endian, then what names the stripes. */
static void
make_key(struct pixels *p, const uint8_t digests[STRIPES][SHA256_DIGEST_SIZE])
{
	uint8_t all[4 + STRIPES * SHA256_DIGEST_SIZE];

	for (int i = 0; i < 4; i++)
		all[i] = (uint8_t)(p->size >> 8 * i);
	memcpy(all + 4, digests, sizeof all - 4);
	digest(p->key, all, sizeof all);
}

int
pixels_make(struct pixels *p, int size, const uint8_t *rgb, int width, int height, struct error *err)
{
	uint8_t digests[STRIPES][SHA256_DIGEST_SIZE];
	struct resize r = { .height = height, .out_width = size, .out_height = size, .digests = digests };

	assert(size > 0);
	*p = (struct pixels){.size = size, .rgb = malloc((size_t)size * (size_t)size * CHANNELS)};
	if (!p->rgb)
		return error_set(err, CODE_MEMORY, "no memory for a picture of %d x %d pixels", size, size);
	if (resize(&r, p->rgb, rgb, width, err) < 0) {
		pixels_done(p);
		return -1;
	}
	make_key(p, digests);
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
