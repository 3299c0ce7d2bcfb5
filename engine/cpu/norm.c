/* norm.c: RMSNorm and LayerNorm over rows, all in float32: sums by the fixed order of the kernels' dot. */
#include "config.h"

#include <math.h>

#include "engine/cpu/cpu.h"

struct norm {
	const struct kernels *kernels;
	float *out;
	const float *x;
	size_t out_stride, x_stride;
	const float *w, *bias;
	int size;
	float eps;
};

static void
rms_item(void *arg, int row, int worker)
{
	const struct norm *m = arg;
	const float *x = m->x + (size_t)row * m->x_stride;
	float *out = m->out + (size_t)row * m->out_stride;
	float scale = 1.0f / sqrtf(m->kernels->dot_f32(x, x, (size_t)m->size) / (float)m->size + m->eps);

	(void)worker;
	for (int i = 0; i < m->size; i++)
		out[i] = m->w[i] * (x[i] * scale);
}

void
cpu_rms_norm(struct cpu *c, float *out, size_t out_stride, const float *x, size_t x_stride, const struct tensor *w,
    int n, int size, float eps)
{
	struct norm m = { c->kernels, out, x, out_stride, x_stride, cpu_vector(c, SCRATCH_VECTOR, w), NULL, size,
		eps };

	if (m.w)
		pool_run(c->pool, n, pool_each(2 * (size_t)size), rms_item, &m);
}

/* The mean is taken off first: the sum of squares of what remains loses nothing to a large mean. */
static void
layer_item(void *arg, int row, int worker)
{
	const struct norm *m = arg;
	float *x = m->out + (size_t)row * m->out_stride, scale;
	double sum = 0;

	(void)worker;
	for (int i = 0; i < m->size; i++)
		sum += x[i];
	for (int i = 0; i < m->size; i++)
		x[i] -= (float)(sum / m->size);
	scale = 1.0f / sqrtf(m->kernels->dot_f32(x, x, (size_t)m->size) / (float)m->size + m->eps);
	for (int i = 0; i < m->size; i++)
		x[i] = m->w[i] * (x[i] * scale) + m->bias[i];
}

void
cpu_layer_norm(struct cpu *c, float *x, const struct tensor *w, const struct tensor *bias, int n, int size,
    float eps)
{
	struct norm m = { c->kernels, x, x, (size_t)size, (size_t)size, cpu_vector(c, SCRATCH_VECTOR, w),
		cpu_vector(c, SCRATCH_VECTOR2, bias), size, eps };

	if (m.w && m.bias)
		pool_run(c->pool, n, pool_each(8 * (size_t)size), layer_item, &m);
}
