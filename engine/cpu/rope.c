/* rope.c: rotary positions, half-rotation convention: element i of a head turns with element i + head_dim / 2.
 * Formula: Su et al., "RoFormer"; the convention is that of transformers' Llama. Angles in float32, as there: a
 * double would be more exact and further from the reference at large positions. */
#include "config.h"

#include <assert.h>
#include <math.h>

#include "engine/cpu/cpu.h"

struct rotation {
	float *x;
	size_t stride;
	int n_heads, head_dim, pos;
	const float *cos, *sin;
};

void
cpu_rope_table(float *cos, float *sin, int n_ctx, int head_dim, float theta)
{
	int half = head_dim / 2;

	assert(head_dim % 2 == 0);
	for (int i = 0; i < half; i++) {
		float inv = 1.0f / powf(theta, (float)(2 * i) / (float)head_dim);

		for (int pos = 0; pos < n_ctx; pos++) {
			float angle = (float)pos * inv;

			cos[(size_t)pos * (size_t)half + (size_t)i] = cosf(angle);
			sin[(size_t)pos * (size_t)half + (size_t)i] = sinf(angle);
		}
	}
}

static void
turn_head(float *x, int half, const float *cos, const float *sin)
{
	for (int i = 0; i < half; i++) {
		float a = x[i], b = x[i + half];

		x[i] = a * cos[i] - b * sin[i];
		x[i + half] = b * cos[i] + a * sin[i];
	}
}

static void
row_item(void *arg, int row, int worker)
{
	const struct rotation *r = arg;
	int half = r->head_dim / 2;
	size_t at = (size_t)(r->pos + row) * (size_t)half;
	float *x = r->x + (size_t)row * r->stride;

	(void)worker;
	for (int h = 0; h < r->n_heads; h++, x += r->head_dim)
		turn_head(x, half, r->cos + at, r->sin + at);
}

void
cpu_rope(struct cpu *c, float *x, size_t stride, int n, int n_heads, int head_dim, int pos, const float *cos,
    const float *sin)
{
	struct rotation r = { x, stride, n_heads, head_dim, pos, cos, sin };

	pool_run(c->pool, n, pool_each(4 * (size_t)(n_heads * head_dim)), row_item, &r);
}
