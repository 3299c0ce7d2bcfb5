/* attention.c: softmax(q kᵀ / √D) v for many query heads over fewer kv heads, scores in float32.
 *
 * Many rows: an item is TILE rows of one head; its scores [TILE, n_keys] are the only scratch, so memory grows with
 * the context and not with its square. Few rows: an item is one row of one kv head, whose query heads share each
 * key and value read.
 */
#include "config.h"

#include <assert.h>
#include <cblas.h>
#include <math.h>
#include <string.h>

#include "engine/cpu/cpu.h"

#define TILE 64
#define FEW_ROWS 4

struct job {
	struct cpu *cpu;
	const struct attention *a;
	float scale;
	int n_tiles;
};

/* Keys that row r may see. */
static int
visible(const struct attention *a, int row)
{
	int n = a->pos < 0 ? a->n_keys : a->pos + row + 1;

	assert(n <= a->n_keys);
	return n;
}

static float
largest(const float *s, int n)
{
	float m = s[0];

	for (int i = 1; i < n; i++)
		m = s[i] > m ? s[i] : m;
	return m;
}

/* Scores → weights that sum to 1; n of them, the rest up to n_all is hidden and gets 0. */
static void
softmax(const struct kernels *k, float *s, int n, int n_all)
{
	float scale = 1.0f / k->exp_sum(s, largest(s, n), (size_t)n);

	for (int i = 0; i < n; i++)
		s[i] *= scale;
	memset(s + n, 0, (size_t)(n_all - n) * sizeof *s);
}

/* ---- few rows */

/* One row of the query heads that share a kv head; scores is [group, n_keys]. */
static void
group_row(const struct job *j, int row, int kv_head, float *scores)
{
	const struct attention *a = j->a;
	const struct kernels *k = j->cpu->kernels;
	int group = a->n_heads / a->n_kv_heads, n = visible(a, row);
	size_t dim = (size_t)a->head_dim, kv_at = (size_t)kv_head * dim, at = kv_at * (size_t)group;
	const float *q = a->q + (size_t)row * a->q_stride + at;
	float *out = a->out + (size_t)row * a->out_stride + at;

	for (int i = 0; i < n; i++) {
		const float *key = a->k + (size_t)i * a->k_stride + kv_at;

		for (int h = 0; h < group; h++)
			scores[h * n + i] = j->scale * k->dot_f32(key, q + (size_t)h * dim, dim);
	}
	for (int h = 0; h < group; h++)
		softmax(k, scores + (size_t)h * (size_t)n, n, n);
	memset(out, 0, (size_t)group * dim * sizeof *out);
	for (int i = 0; i < n; i++) {
		const float *value = a->v + (size_t)i * a->v_stride + kv_at;

		for (int h = 0; h < group; h++)
			k->add_scaled(out + (size_t)h * dim, scores[h * n + i], value, dim);
	}
}

static void
group_item(void *arg, int item, int worker)
{
	const struct job *j = arg;
	int n_kv_heads = j->a->n_kv_heads;

	group_row(j, item / n_kv_heads, item % n_kv_heads, j->cpu->worker[worker].at);
}

/* ---- many rows */

static void
tile_item(void *arg, int tile, int worker)
{
	const struct job *j = arg;
	const struct attention *a = j->a;
	int head = tile / j->n_tiles, row = tile % j->n_tiles * TILE, dim = a->head_dim;
	int n_rows = a->n_rows - row < TILE ? a->n_rows - row : TILE, n_keys = visible(a, row + n_rows - 1);
	size_t at = (size_t)head * (size_t)dim, kv_at = (size_t)(head / (a->n_heads / a->n_kv_heads)) * (size_t)dim;
	const float *q = a->q + (size_t)row * a->q_stride + at;
	float *out = a->out + (size_t)row * a->out_stride + at, *scores = j->cpu->worker[worker].at;

	cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n_rows, n_keys, dim, j->scale, q, (int)a->q_stride,
	    a->k + kv_at, (int)a->k_stride, 0.0f, scores, n_keys);
	for (int r = 0; r < n_rows; r++)
		softmax(j->cpu->kernels, scores + (size_t)r * (size_t)n_keys, visible(a, row + r), n_keys);
	cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n_rows, dim, n_keys, 1.0f, scores, n_keys,
	    a->v + kv_at, (int)a->v_stride, 0.0f, out, (int)a->out_stride);
}

static void
few_rows(struct job *j)
{
	const struct attention *a = j->a;
	size_t scores = (size_t)(a->n_heads / a->n_kv_heads) * (size_t)a->n_keys;

	if (cpu_worker_scratch(j->cpu, scores))
		pool_run(j->cpu->pool, a->n_rows * a->n_kv_heads, pool_each(2 * scores * (size_t)a->head_dim), group_item, j);
}

static void
many_rows(struct job *j)
{
	const struct attention *a = j->a;

	j->n_tiles = (a->n_rows + TILE - 1) / TILE;
	if (cpu_worker_scratch(j->cpu, (size_t)a->n_keys * TILE))
		pool_run(j->cpu->pool, a->n_heads * j->n_tiles, 1, tile_item, j);
}

void
cpu_attend(struct cpu *c, const struct attention *a)
{
	struct job j = { .cpu = c, .a = a, .scale = 1.0f / sqrtf((float)a->head_dim) };

	assert(a->n_heads % a->n_kv_heads == 0 && a->n_keys > 0);
	if (a->n_rows <= FEW_ROWS)
		few_rows(&j);
	else
		many_rows(&j);
}
