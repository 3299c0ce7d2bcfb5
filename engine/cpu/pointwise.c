/* pointwise.c: what happens to values one by one or by small neighbourhoods: activations, residuals, positions and
 * their resampling, pixel shuffle. Rows are shared out to the threads; no sum crosses a row. */
#include "config.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "engine/cpu/cpu.h"

struct rows {
	float *x;
	const float *y, *bias, *scale;
	int size;
};

static void
gelu_item(void *arg, int row, int worker)
{
	const struct rows *r = arg;
	float *x = r->x + (size_t)row * (size_t)r->size;

	(void)worker;
	for (int i = 0; i < r->size; i++) {
		float v = x[i] + r->bias[i];

		x[i] = 0.5f * v * (1.0f + erff(v * 0.70710678f));
	}
}

void
cpu_bias_gelu(struct cpu *c, float *x, const struct tensor *bias, int n, int size)
{
	struct rows r = { .x = x, .bias = cpu_vector(c, SCRATCH_VECTOR, bias), .size = size };

	if (r.bias)
		pool_run(c->pool, n, pool_each(64 * (size_t)size), gelu_item, &r);
}

static void
bias_item(void *arg, int row, int worker)
{
	const struct rows *r = arg;
	float *x = r->x + (size_t)row * (size_t)r->size;

	(void)worker;
	for (int i = 0; i < r->size; i++)
		x[i] += r->bias[i];
}

void
cpu_add_bias(struct cpu *c, float *x, const struct tensor *bias, int n, int size)
{
	struct rows r = { .x = x, .bias = cpu_vector(c, SCRATCH_VECTOR, bias), .size = size };

	if (r.bias)
		pool_run(c->pool, n, pool_each((size_t)size), bias_item, &r);
}

static void
scaled_item(void *arg, int row, int worker)
{
	const struct rows *r = arg;
	size_t at = (size_t)row * (size_t)r->size;

	(void)worker;
	for (int i = 0; i < r->size; i++)
		r->x[at + (size_t)i] += r->scale[i] * (r->y[at + (size_t)i] + r->bias[i]);
}

void
cpu_add_scaled(struct cpu *c, float *x, const float *y, const struct tensor *bias, const struct tensor *scale, int n,
    int size)
{
	struct rows r = { x, y, cpu_vector(c, SCRATCH_VECTOR, bias), cpu_vector(c, SCRATCH_VECTOR2, scale), size };

	if (r.bias && r.scale)
		pool_run(c->pool, n, pool_each(2 * (size_t)size), scaled_item, &r);
}

static void
silu_item(void *arg, int row, int worker)
{
	const struct rows *r = arg;
	float *g = r->x + (size_t)row * (size_t)r->size;
	const float *u = r->y + (size_t)row * (size_t)r->size;

	(void)worker;
	for (int i = 0; i < r->size; i++)
		g[i] = g[i] / (1.0f + expf(-g[i])) * u[i];
}

void
cpu_silu_mul(struct cpu *c, float *g, const float *u, int n, int size)
{
	struct rows r = { .x = g, .y = u, .size = size };

	pool_run(c->pool, n, pool_each(64 * (size_t)size), silu_item, &r);
}

/* ---- positions */

/* Keys' cubic with a = -0.75 at distance t: the kernel of torch's bicubic interpolation (not Pillow's -0.5). */
static float
cubic(float t)
{
	const float a = -0.75f;

	t = fabsf(t);
	if (t <= 1)
		return ((a + 2) * t - (a + 3)) * t * t + 1;
	return t < 2 ? ((a * t - 5 * a) * t + 8 * a) * t - 4 * a : 0;
}

/* The four inputs of n_in that output i of n_out looks at, and their weights. */
struct taps {
	size_t at[4];
	float weight[4];
};

static struct taps
find_taps(int i, int n_out, int n_in)
{
	float centre = ((float)i + 0.5f) * ((float)n_in / (float)n_out) - 0.5f;
	int first = (int)floorf(centre) - 1;
	struct taps t;

	for (int k = 0; k < 4; k++) {
		int p = first + k;

		t.at[k] = (size_t)(p < 0 ? 0 : p >= n_in ? n_in - 1 : p);
		t.weight[k] = cubic(centre - (float)p);
	}
	return t;
}

/* One output of all channels from in[size, size, n_channels]. */
static void
resample_point(float *out, const float *in, size_t size, size_t n_channels, const struct taps *y, const struct taps *x)
{
	for (size_t c = 0; c < n_channels; c++) {
		out[c] = 0;
		for (int j = 0; j < 4; j++) {
			const float *line = in + y->at[j] * size * n_channels + c;
			float across = 0;

			for (int i = 0; i < 4; i++)
				across += x->weight[i] * line[x->at[i] * n_channels];
			out[c] += y->weight[j] * across;
		}
	}
}

void
cpu_resample(float *out, int out_h, int out_w, const float *in, int size, int n_channels)
{
	for (int r = 0; r < out_h; r++) {
		struct taps y = find_taps(r, out_h, size);

		for (int c = 0; c < out_w; c++, out += n_channels) {
			struct taps x = find_taps(c, out_w, size);

			resample_point(out, in, (size_t)size, (size_t)n_channels, &y, &x);
		}
	}
}

/* The resampled values are rounded to the type of the stored ones, as the reference does. */
static void
round_to(float *x, size_t n, enum dtype type)
{
	if (type == DTYPE_BF16)
		for (size_t i = 0; i < n; i++)
			x[i] = bf16_float(float_bf16(x[i]));
	else if (type == DTYPE_F16)
		for (size_t i = 0; i < n; i++)
			x[i] = f16_float(float_f16(x[i]));
}

static int
side_of(int64_t n)
{
	int side = (int)lround(sqrt((double)n));

	assert((int64_t)side * side == n);
	return side;
}

void
cpu_add_positions(struct cpu *c, float *x, const struct tensor *position, int grid)
{
	int n_channels = (int)position->shape[2], stored = side_of(position->shape[1] - 1);
	size_t n = (size_t)grid * (size_t)grid * (size_t)n_channels;
	const float *at = cpu_vector(c, SCRATCH_ROWS, position), *patches;
	float *resampled = NULL;

	if (!at || (stored != grid && !(resampled = cpu_scratch(c, SCRATCH_ROWS2, n))))
		return;
	patches = at + n_channels;
	if (resampled) {
		cpu_resample(resampled, grid, grid, patches, stored, n_channels);
		round_to(resampled, n, position->type);
		patches = resampled;
	}
	c->kernels->add_scaled(x, 1.0f, at, (size_t)n_channels);
	c->kernels->add_scaled(x + n_channels, 1.0f, patches, n);
}

void
cpu_positions(float *out, const struct tensor *position, int grid)
{
	struct backend *b = cpu_backend_new(1, NULL);

	memset(out, 0, ((size_t)grid * (size_t)grid + 1) * (size_t)position->shape[2] * sizeof *out);
	cpu_add_positions(cpu_of(b), out, position, grid);
	b->ops->free(b);
}

/* Output token a * m + b takes a 2x2 block of patches: block row b, column a in the first release (the walk is
 * transposed; its weights were trained so), row a, column b from V1.5 on. */
void
cpu_pixel_shuffle(float *out, const float *x, int grid, int n_channels, enum shuffle order)
{
	size_t m = (size_t)grid / 2, width = (size_t)n_channels;

	for (size_t token = 0; token < m * m; token++)
		for (size_t part = 0; part < 4; part++) {
			size_t a = token / m, b = token % m;
			size_t row = 2 * (order == SHUFFLE_V1 ? b : a) + part / 2;
			size_t column = 2 * (order == SHUFFLE_V1 ? a : b) + part % 2;

			memcpy(out + (token * 4 + part) * width, x + (row * (size_t)grid + column) * width,
			    width * sizeof *out);
		}
}
