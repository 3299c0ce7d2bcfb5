/* operators.c: every operator of the CPU backend alone, on small odd shapes, against plain loops in double; and the
 * promise that the number of threads changes no bit. */
#include "config.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "engine/cpu/cpu.h"
#include "tiny.h"

static uint64_t random_state = 7;

static float *
random_values(size_t n)
{
	float *x = xcalloc(n + 1, sizeof *x);

	for (size_t i = 0; i < n; i++)
		x[i] = tiny_random(&random_state);
	return x;
}

static struct cpu *
new_cpu(int n_threads)
{
	return cpu_of(cpu_backend_new(n_threads, NULL));
}

static void
free_cpu(struct cpu *c)
{
	assert_int_equal(c->base.ops->sync(&c->base, NULL), 0);
	c->base.ops->free(&c->base);
}

/* |got - want| within tolerance * (1 + |want|) */
static void
assert_near(double got, double want, double tolerance)
{
	if (!(fabs(got - want) <= tolerance * (1 + fabs(want))))
		fail_msg("%.9g is not %.9g (tolerance %.1g)", got, want, tolerance);
}

/* A weight [out, in] of any type with the values it really holds. */
struct weight {
	struct tensor tensor;
	void *stored;
	float *values;
};

static struct weight
random_weight(enum dtype type, int out, int in)
{
	size_t n = (size_t)out * (size_t)in;
	struct weight w = { .values = random_values(n) };
	uint16_t *half;

	w.tensor = (struct tensor){ .type = type, .n_dims = 2, .shape = { out, in } };
	w.stored = xcalloc(n + 1, dtype_bytes(type));
	half = w.stored;
	for (size_t i = 0; i < n; i++)
		if (type == DTYPE_BF16)
			w.values[i] = bf16_float(half[i] = float_bf16(w.values[i]));
		else if (type == DTYPE_F16)
			w.values[i] = f16_float(half[i] = float_f16(w.values[i]));
		else
			((float *)w.stored)[i] = w.values[i];
	w.tensor.data = w.stored;
	return w;
}

static void
free_weight(struct weight *w)
{
	free(w->stored);
	free(w->values);
}

/* ---- stored numbers */

static void
halves_survive_a_round_trip(void **state)
{
	(void)state;
	for (unsigned h = 0; h < 65536; h++) {
		float f = f16_float((uint16_t)h), b = bf16_float((uint16_t)h);

		if (!isnan(f))
			assert_int_equal(float_f16(f), h);
		if (!isnan(b))
			assert_int_equal(float_bf16(b), h);
	}
}

static void
rounding_to_halves_takes_the_even_one(void **state)
{
	(void)state;
	assert_int_equal(float_bf16(1.0f + 0x1p-8f), 0x3f80);           /* between 1 and 1 + 2^-7: even is 1 */
	assert_int_equal(float_bf16(1.0f + 3 * 0x1p-8f), 0x3f82);
	assert_int_equal(float_f16(1.0f + 0x1p-11f), 0x3c00);
	assert_int_equal(float_f16(1.0f + 3 * 0x1p-11f), 0x3c02);
	assert_int_equal(float_f16(0x1.ffep-15f), 0x0400);              /* rounds up into the normal numbers */
	assert_int_equal(float_f16(65519.0f), 0x7bff);
	assert_int_equal(float_f16(65520.0f), 0x7c00);
	assert_int_equal(float_f16(-1e-9f), 0x8000);
}

/* ---- kernels */

static void
dots_of_one_set_agree_to_the_bit(void **state)
{
	const struct kernels *all[KERNELS_MAX];
	int n_sets = kernels_all(all);

	(void)state;
	for (int s = 0; s < n_sets; s++)
		for (int n = 0; n < 200; n += n < 70 ? 1 : 43) {
			struct weight b = random_weight(DTYPE_BF16, 1, n ? n : 1);
			struct weight f = random_weight(DTYPE_F16, 1, n ? n : 1);
			float *x = random_values((size_t)n), got;
			double want = 0;

			for (int i = 0; i < n; i++)
				want += (double)b.values[i] * x[i];
			got = all[s]->dot_bf16(b.stored, x, (size_t)n);
			assert_near(got, want, 1e-5);
			assert_true(got == all[s]->dot_f32(b.values, x, (size_t)n));
			got = all[s]->dot_f16(f.stored, x, (size_t)n);
			assert_true(got == all[s]->dot_f32(f.values, x, (size_t)n));
			free_weight(&b);
			free_weight(&f);
			free(x);
		}
}

static void
widening_is_exact(void **state)
{
	const struct kernels *all[KERNELS_MAX];
	int n_sets = kernels_all(all);

	(void)state;
	for (int s = 0; s < n_sets; s++)
		for (int n = 1; n < 40; n++) {
			struct weight b = random_weight(DTYPE_BF16, 1, n), f = random_weight(DTYPE_F16, 1, n);
			float wide[40];

			all[s]->widen_bf16(wide, b.stored, (size_t)n);
			assert_memory_equal(wide, b.values, (size_t)n * sizeof *wide);
			all[s]->widen_f16(wide, f.stored, (size_t)n);
			assert_memory_equal(wide, f.values, (size_t)n * sizeof *wide);
			free_weight(&b);
			free_weight(&f);
		}
}

static void
exponentials_are_accurate(void **state)
{
	const struct kernels *all[KERNELS_MAX];
	int n_sets = kernels_all(all);

	(void)state;
	for (int s = 0; s < n_sets; s++) {
		float x[37], got[37], sum;
		double want = 0;

		for (int i = 0; i < 37; i++)
			x[i] = 3 - (float)(i * i) / 16;
		x[36] = -500;
		memcpy(got, x, sizeof got);
		sum = all[s]->exp_sum(got, 3, 37);
		for (int i = 0; i < 36; i++) {
			assert_true(fabs(got[i] / exp((double)x[i] - 3) - 1) < 2e-7);
			want += exp((double)x[i] - 3);
		}
		assert_near(sum, want, 1e-6);
		assert_true(got[0] == 1);
		assert_true(got[36] < 2e-38f);
	}
}

/* ---- products */

/* The tolerance grows with the depth as rounding does. */
static void
check_linear(struct cpu *c, enum dtype type, int n, int out, int in, bool add)
{
	struct weight w = random_weight(type, out, in);
	size_t x_stride = (size_t)in + 3, y_stride = (size_t)out + 2;
	float *x = random_values((size_t)n * x_stride), *y = random_values((size_t)n * y_stride);
	float *before = xcalloc((size_t)n * y_stride, sizeof *before);

	memcpy(before, y, (size_t)n * y_stride * sizeof *y);
	cpu_linear(c, y, y_stride, x, x_stride, &w.tensor, n, add);
	for (size_t r = 0; r < (size_t)n; r++) {
		for (size_t o = 0; o < (size_t)out; o++) {
			double want = add ? before[r * y_stride + o] : 0;

			for (size_t i = 0; i < (size_t)in; i++)
				want += (double)x[r * x_stride + i] * w.values[o * (size_t)in + i];
			assert_near(y[r * y_stride + o], want, 1e-6 * (1 + sqrt(in)));
		}
		assert_memory_equal(y + r * y_stride + out, before + r * y_stride + out, 2 * sizeof *y);
	}
	free_weight(&w);
	free(x);
	free(y);
	free(before);
}

static void
products_match_plain_loops(void **state)
{
	static const int rows[] = { 1, 2, 8, 9, 31, 33, 257 };
	static const int shapes[][2] = { { 1, 1 }, { 1, 33 }, { 33, 1 }, { 31, 33 }, { 65, 31 }, { 130, 64 } };
	struct cpu *c = new_cpu(3);

	(void)state;
	for (enum dtype type = DTYPE_F32; type <= DTYPE_F16; type++)
		for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
			for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
				check_linear(c, type, rows[r], shapes[s][0], shapes[s][1], false);
				check_linear(c, type, rows[r], shapes[s][0], shapes[s][1], true);
			}
	free_cpu(c);
}

/* More inputs than one depth of a panel: the panels' sums are added up. */
static void
deep_products_match_plain_loops(void **state)
{
	struct cpu *c = new_cpu(2);

	(void)state;
	for (enum dtype type = DTYPE_F32; type <= DTYPE_F16; type++)
		for (int add = 0; add < 2; add++) {
			check_linear(c, type, 1, 33, 2100, add);
			check_linear(c, type, 11, 33, 2100, add);
		}
	free_cpu(c);
}

static void
every_kernel_set_multiplies(void **state)
{
	const struct kernels *all[KERNELS_MAX];
	int n_sets = kernels_all(all);
	struct cpu *c = new_cpu(1);

	(void)state;
	for (int s = 0; s < n_sets; s++)
		for (enum dtype type = DTYPE_F32; type <= DTYPE_F16; type++) {
			c->kernels = all[s];
			check_linear(c, type, 1, 31, 67, false);
			check_linear(c, type, 5, 31, 67, true);
			check_linear(c, type, 40, 31, 67, false);
		}
	free_cpu(c);
}

/* ---- norms and pointwise */

static double
mean_of(const float *x, int n)
{
	double sum = 0;

	for (int i = 0; i < n; i++)
		sum += x[i];
	return sum / n;
}

/* Mean of (x - centre)². */
static double
spread_of(const float *x, int n, double centre)
{
	double sum = 0;

	for (int i = 0; i < n; i++)
		sum += (x[i] - centre) * (x[i] - centre);
	return sum / n;
}

static void
rms_norm_matches_its_formula(void **state)
{
	enum { N = 5 };
	struct cpu *c = new_cpu(2);

	(void)state;
	for (int size = 1; size < 70; size += 15) {
		struct weight w = random_weight(DTYPE_BF16, 1, size);
		float *x = random_values((size_t)(N * size)), *got = random_values((size_t)(N * size));

		cpu_rms_norm(c, got, (size_t)size, x, (size_t)size, &w.tensor, N, size, 1e-5f);
		for (int i = 0; i < N * size; i++) {
			double square = spread_of(x + i / size * size, size, 0);

			assert_near(got[i], w.values[i % size] * x[i] / sqrt(square + 1e-5f), 1e-5);
		}
		free_weight(&w);
		free(x);
		free(got);
	}
	free_cpu(c);
}

static void
layer_norm_matches_its_formula(void **state)
{
	enum { N = 5 };
	struct cpu *c = new_cpu(2);

	(void)state;
	for (int size = 1; size < 70; size += 15) {
		struct weight w = random_weight(DTYPE_BF16, 1, size), b = random_weight(DTYPE_F16, 1, size);
		float *x = random_values((size_t)(N * size)), *got = xcalloc((size_t)(N * size), sizeof *got);

		memcpy(got, x, (size_t)(N * size) * sizeof *x);
		cpu_layer_norm(c, got, &w.tensor, &b.tensor, N, size, 1e-3f);
		for (int i = 0; i < N * size; i++) {
			const float *row = x + i / size * size;
			double mean = mean_of(row, size), scale = 1 / sqrt(spread_of(row, size, mean) + 1e-3f);

			assert_near(got[i], w.values[i % size] * (x[i] - mean) * scale + b.values[i % size], 1e-5);
		}
		free_weight(&w);
		free_weight(&b);
		free(x);
		free(got);
	}
	free_cpu(c);
}

static void
activations_match_their_formulas(void **state)
{
	enum { N = 3, SIZE = 31 };
	struct cpu *c = new_cpu(2);
	struct weight bias = random_weight(DTYPE_BF16, 1, SIZE), scale = random_weight(DTYPE_F32, 1, SIZE);
	float *x = random_values(N * SIZE), *u = random_values(N * SIZE), *got = xcalloc(N * SIZE, sizeof *got);

	(void)state;
	memcpy(got, x, N * SIZE * sizeof *x);
	cpu_bias_gelu(c, got, &bias.tensor, N, SIZE);
	for (int i = 0; i < N * SIZE; i++) {
		double v = (double)x[i] + bias.values[i % SIZE];

		assert_near(got[i], 0.5 * v * (1 + erf(v / sqrt(2))), 1e-6);
	}
	memcpy(got, x, N * SIZE * sizeof *x);
	cpu_silu_mul(c, got, u, N, SIZE);
	for (int i = 0; i < N * SIZE; i++)
		assert_near(got[i], (double)x[i] / (1 + exp(-(double)x[i])) * u[i], 1e-6);
	memcpy(got, x, N * SIZE * sizeof *x);
	cpu_add_scaled(c, got, u, &bias.tensor, &scale.tensor, N, SIZE);
	for (int i = 0; i < N * SIZE; i++) {
		double y = (double)u[i] + bias.values[i % SIZE];

		assert_near(got[i], x[i] + scale.values[i % SIZE] * y, 1e-6);
	}
	free_weight(&bias);
	free_weight(&scale);
	free(x);
	free(u);
	free(got);
	free_cpu(c);
}

/* ---- attention */

static double
score(const struct attention *a, int row, int head, int key)
{
	size_t dim = (size_t)a->head_dim, kv_head = (size_t)(head * a->n_kv_heads / a->n_heads);
	double sum = 0;

	for (size_t i = 0; i < dim; i++)
		sum += (double)a->q[(size_t)row * a->q_stride + (size_t)head * dim + i] *
		    a->k[(size_t)key * a->k_stride + kv_head * dim + i];
	return sum / sqrt(a->head_dim);
}

static void
assert_attended(const struct attention *a, int row, int head)
{
	size_t dim = (size_t)a->head_dim, kv_head = (size_t)(head * a->n_kv_heads / a->n_heads);
	int n = a->pos < 0 ? a->n_keys : a->pos + row + 1;
	double sum = 0, *weights = xcalloc((size_t)n, sizeof *weights);

	for (int key = 0; key < n; key++)
		sum += weights[key] = exp(score(a, row, head, key));
	for (size_t i = 0; i < dim; i++) {
		double want = 0;

		for (int key = 0; key < n; key++)
			want += weights[key] / sum * a->v[(size_t)key * a->v_stride + kv_head * dim + i];
		assert_near(a->out[(size_t)row * a->out_stride + (size_t)head * dim + i], want, 1e-5);
	}
	free(weights);
}

/* Rows of q behind `pos` earlier keys (or all keys when pos is -1). */
static void
check_attention(struct cpu *c, int n_rows, int pos, int n_heads, int n_kv_heads, int dim)
{
	int n_keys = pos < 0 ? n_rows : pos + n_rows;
	size_t q_stride = (size_t)(n_heads * dim) + 1, kv_stride = (size_t)(n_kv_heads * dim) + 2;
	float *q = random_values((size_t)n_rows * q_stride), *out = random_values((size_t)n_rows * q_stride);
	float *k = random_values((size_t)n_keys * kv_stride), *v = random_values((size_t)n_keys * kv_stride);
	struct attention a = { .q = q, .k = k, .v = v, .out = out, .q_stride = q_stride, .k_stride = kv_stride,
		.v_stride = kv_stride, .out_stride = q_stride, .n_heads = n_heads, .n_kv_heads = n_kv_heads,
		.head_dim = dim, .n_rows = n_rows, .n_keys = n_keys, .pos = pos };

	cpu_attend(c, &a);
	for (int r = 0; r < n_rows; r++)
		for (int h = 0; h < n_heads; h++)
			assert_attended(&a, r, h);
	free(q);
	free(out);
	free(k);
	free(v);
}

static void
attention_matches_plain_loops(void **state)
{
	static const int rows[] = { 1, 3, 5, 31, 33, 70 };
	struct cpu *c = new_cpu(3);

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		check_attention(c, rows[i], -1, 2, 2, 16);
		check_attention(c, rows[i], 0, 6, 2, 8);
		check_attention(c, rows[i], 33, 7, 1, 31);
		check_attention(c, rows[i], 1, 3, 3, 1);
	}
	free_cpu(c);
}

/* 90 rows at once and the same rows in pieces of 1, 31 and 58. */
static void
chunks_attend_like_the_whole(void **state)
{
	enum { N = 90, HEADS = 4, DIM = 16, WIDTH = HEADS * DIM };
	static const int pieces[] = { 1, 31, 58 };
	struct cpu *c = new_cpu(2);
	float *q = random_values(N * WIDTH), *k = random_values(N * WIDTH), *v = random_values(N * WIDTH);
	float *whole = random_values(N * WIDTH), *parts = random_values(N * WIDTH);
	struct attention a = { .q = q, .k = k, .v = v, .out = whole, .q_stride = WIDTH, .k_stride = WIDTH,
		.v_stride = WIDTH, .out_stride = WIDTH, .n_heads = HEADS, .n_kv_heads = HEADS, .head_dim = DIM,
		.n_rows = N, .n_keys = N, .pos = 0 };

	(void)state;
	cpu_attend(c, &a);
	for (size_t i = 0; i < 3; i++) {
		a.q = q + a.pos * WIDTH;
		a.out = parts + a.pos * WIDTH;
		a.n_rows = pieces[i];
		a.n_keys = a.pos + a.n_rows;
		cpu_attend(c, &a);
		a.pos += a.n_rows;
	}
	for (int i = 0; i < N * WIDTH; i++)
		assert_near(parts[i], whole[i], 1e-5);
	free(q);
	free(k);
	free(v);
	free(whole);
	free(parts);
	free_cpu(c);
}

/* ---- positions */

static void
rope_turns_pairs_by_their_angle(void **state)
{
	enum { N_CTX = 50, DIM = 10, HEADS = 3, N = 4, POS = 46 };
	struct cpu *c = new_cpu(2);
	float cos_at[N_CTX * DIM / 2], sin_at[N_CTX * DIM / 2];
	float *x = random_values(N * HEADS * DIM), *got = xcalloc(N * HEADS * DIM, sizeof *got);

	(void)state;
	memcpy(got, x, N * HEADS * DIM * sizeof *x);
	cpu_rope_table(cos_at, sin_at, N_CTX, DIM, 10000);
	cpu_rope(c, got, HEADS * DIM, N, HEADS, DIM, POS, cos_at, sin_at);
	for (int r = 0; r < N * HEADS; r++)
		for (int i = 0; i < DIM / 2; i++) {
			double angle = (POS + r / HEADS) * pow(10000, -2.0 * i / DIM);
			double a = x[r * DIM + i], b = x[r * DIM + i + DIM / 2];

			assert_near(got[r * DIM + i], a * cos(angle) - b * sin(angle), 1e-5);
			assert_near(got[r * DIM + i + DIM / 2], b * cos(angle) + a * sin(angle), 1e-5);
		}
	free(x);
	free(got);
	free_cpu(c);
}

static void
resampling_to_the_same_grid_changes_nothing(void **state)
{
	float *in = random_values(7 * 7 * 3), out[7 * 7 * 3];

	(void)state;
	cpu_resample(out, 7, 7, in, 7, 3);
	assert_memory_equal(in, out, sizeof out);
	free(in);
}

/* A cubic filter whose weights sum to 1 keeps a plane, away from the clamped border, also when shrinking. */
static void
resampling_keeps_a_plane(void **state)
{
	float in[12 * 12], out[5 * 9];

	(void)state;
	for (int i = 0; i < 144; i++)
		in[i] = (float)(i / 12) + 10 * (float)(i % 12);
	cpu_resample(out, 5, 9, in, 12, 1);
	for (int r = 1; r < 4; r++)
		for (int i = 2; i < 7; i++)
			assert_near(out[r * 9 + i], (r + 0.5) * 12 / 5 - 0.5 + 10 * ((i + 0.5) * 12 / 9 - 0.5),
			    0.02);
}

static void
shuffles_walk_blocks_in_their_order(void **state)
{
	static const float v1[] = { 0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15 };
	static const float v2[] = { 0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15 };
	float in[16], out[16];

	(void)state;
	for (int i = 0; i < 16; i++)
		in[i] = (float)i;
	cpu_pixel_shuffle(out, in, 4, 1, SHUFFLE_V1);
	assert_memory_equal(out, v1, sizeof out);
	cpu_pixel_shuffle(out, in, 4, 1, SHUFFLE_V2);
	assert_memory_equal(out, v2, sizeof out);
}

static struct best
best_of(struct backend *b, struct device_buffer *buf, int n)
{
	struct best best;

	b->ops->find_best(b, buf, n);
	b->ops->best(b, buf, 0, &best);
	return best;
}

static void
best_is_the_first_of_equals(void **state)
{
	struct cpu *c = new_cpu(1);
	struct backend *b = &c->base;
	static const float values[] = { -3, 2, 7, 7, 1 }, bad[] = { 1, NAN, 2 };
	struct device_buffer *buf = b->ops->buffer_new(b, 5, NULL);

	(void)state;
	b->ops->upload(b, buf, 0, values, 5);
	assert_int_equal(best_of(b, buf, 5).id, 2);
	assert_true(best_of(b, buf, 5).second == 7 && best_of(b, buf, 5).finite);
	assert_int_equal(best_of(b, buf, 2).id, 1);
	assert_true(best_of(b, buf, 2).second == -3);
	assert_int_equal(best_of(b, buf, 1).id, 0);
	assert_true(best_of(b, buf, 1).second == -3);
	b->ops->upload(b, buf, 0, bad, 3);
	assert_false(best_of(b, buf, 3).finite);
	b->ops->buffer_free(b, buf);
	free_cpu(c);
}

/* ---- threads */

struct counted {
	atomic_int runs[97];
};

static void
count_run(void *arg, int item, int worker)
{
	struct counted *n = arg;

	assert_in_range(worker, 0, 4);
	atomic_fetch_add(&n->runs[item], 1);
}

static void
every_item_runs_once(void **state)
{
	struct pool *p = pool_new(5);

	(void)state;
	assert_int_equal(pool_n_threads(p), 5);
	for (int round = 0; round < 500; round++) {
		struct counted n = {0};
		int n_items = round % 98, each = 1 + round % 7;

		pool_run(p, n_items, each, count_run, &n);
		for (int i = 0; i < 97; i++)
			assert_int_equal(atomic_load(&n.runs[i]), i < n_items);
	}
	pool_free(p);
}

/* Wide enough that also a single row is shared out. */
enum { WIDE = 640, N_KEYS = 800 };

/* One of each kind of operator in a row, on the first n rows of x[N_KEYS, WIDE]; out gets all results [3, n, WIDE]. */
static void
compute_everything(int n_threads, const struct weight *w, const float *x, int n, float *out)
{
	struct cpu *c = new_cpu(n_threads);
	struct attention a = { .q = out, .k = x, .v = x, .out = out + (size_t)n * WIDE, .q_stride = WIDE,
		.k_stride = WIDE, .v_stride = WIDE, .out_stride = WIDE, .n_heads = 40, .n_kv_heads = 40, .head_dim = 16,
		.n_rows = n, .n_keys = N_KEYS, .pos = N_KEYS - n };

	cpu_linear(c, out, WIDE, x, WIDE, &w->tensor, n, false);
	cpu_attend(c, &a);
	cpu_rms_norm(c, out + 2 * (size_t)n * WIDE, WIDE, a.out, WIDE, &w->tensor, n, WIDE, 1e-5f);
	free_cpu(c);
}

static void
threads_change_no_bit(void **state)
{
	static const int rows[] = { 1, 3, 40, 300 }, threads[] = { 2, 3, 7 };
	struct weight w = random_weight(DTYPE_BF16, WIDE, WIDE);
	float *x = random_values((size_t)N_KEYS * WIDE);

	(void)state;
	for (size_t r = 0; r < 4; r++) {
		size_t n = 3 * (size_t)WIDE * (size_t)rows[r];
		float *one = xcalloc(n, sizeof *one), *many = xcalloc(n, sizeof *many);

		compute_everything(1, &w, x, rows[r], one);
		for (size_t t = 0; t < 3; t++) {
			compute_everything(threads[t], &w, x, rows[r], many);
			assert_memory_equal(one, many, n * sizeof *one);
		}
		free(one);
		free(many);
	}
	free_weight(&w);
	free(x);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(halves_survive_a_round_trip),
		cmocka_unit_test(rounding_to_halves_takes_the_even_one),
		cmocka_unit_test(dots_of_one_set_agree_to_the_bit),
		cmocka_unit_test(widening_is_exact),
		cmocka_unit_test(exponentials_are_accurate),
		cmocka_unit_test(products_match_plain_loops),
		cmocka_unit_test(deep_products_match_plain_loops),
		cmocka_unit_test(every_kernel_set_multiplies),
		cmocka_unit_test(rms_norm_matches_its_formula),
		cmocka_unit_test(layer_norm_matches_its_formula),
		cmocka_unit_test(activations_match_their_formulas),
		cmocka_unit_test(attention_matches_plain_loops),
		cmocka_unit_test(chunks_attend_like_the_whole),
		cmocka_unit_test(rope_turns_pairs_by_their_angle),
		cmocka_unit_test(resampling_to_the_same_grid_changes_nothing),
		cmocka_unit_test(resampling_keeps_a_plane),
		cmocka_unit_test(shuffles_walk_blocks_in_their_order),
		cmocka_unit_test(best_is_the_first_of_equals),
		cmocka_unit_test(every_item_runs_once),
		cmocka_unit_test(threads_change_no_bit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
