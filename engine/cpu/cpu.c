/* cpu.c: the CPU backend: its life, buffers, and the operators of backend.h put together from the files beside it.
 *
 * Activations are float32, weights are read where the file is mapped. Operators run at once, in the caller's thread
 * and the pool's; the only way to fail is lack of memory for scratch, which is noted and told by sync().
 */
#include "config.h"

#include <assert.h>
#include <cblas.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "engine/cpu/cpu.h"
#include "engine/cpu/quant.h"
#include "engine/watch.h"

/* ---- scratch and failure */

static bool
grow(struct cpu *c, struct scratch *s, size_t n)
{
	float *at;

	if (n <= s->n)
		return true;
	at = realloc(s->at, n * sizeof *at);
	if (!at) {
		if (c->failure.code == CODE_OK)
			error_set(&c->failure, CODE_MEMORY, "no memory for %zu MiB of work space",
			    n * sizeof *at >> 20);
		return false;
	}
	s->at = at;
	s->n = n;
	return true;
}

float *
cpu_scratch(struct cpu *c, int slot, size_t n)
{
	return grow(c, &c->shared[slot], n) ? c->shared[slot].at : NULL;
}

bool
cpu_worker_scratch(struct cpu *c, size_t n)
{
	for (int i = 0; i < pool_n_threads(c->pool); i++)
		if (!grow(c, &c->worker[i], n))
			return false;
	return true;
}

static void
widen(struct cpu *c, float *to, const struct tensor *t, size_t at, size_t n)
{
	const char *from = (const char *)t->data + at * dtype_bytes(t->type);

	if (t->type == DTYPE_BF16)
		c->kernels->widen_bf16(to, from, n);
	else if (t->type == DTYPE_F16)
		c->kernels->widen_f16(to, from, n);
	else
		memcpy(to, from, n * sizeof *to);
}

const float *
cpu_vector(struct cpu *c, int slot, const struct tensor *t)
{
	size_t n = (size_t)tensor_count(t);
	float *at;

	assert(tensor_has(t));
	if (t->type == DTYPE_F32)
		return t->data;
	at = cpu_scratch(c, slot, n);
	if (at)
		widen(c, at, t, 0, n);
	return at;
}

/* ---- life and memory */

static void
backend_free(struct backend *b)
{
	struct cpu *c = cpu_of(b);

	for (int i = 0; i < SCRATCH_N; i++)
		free(c->shared[i].at);
	for (int i = 0; i < pool_n_threads(c->pool); i++)
		free(c->worker[i].at);
	for (int i = 0; i < c->n_copies; i++)
		free(c->copies[i]);
	free(c->copies);
	free(c->worker);
	free(c->ids);
	pool_free(c->pool);
	free(c);
}

static const char *
describe(const struct backend *b)
{
	return ((const struct cpu *)b)->text;
}

/* Asks the kernel to read these pages while we go on; only a wish, so its answer does not matter. Not for more than
 * most of the memory: reading the rest would only push out the beginning. */
static void
read_ahead(struct cpu *c, const void *data, size_t n_bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), n_pages = (size_t)sysconf(_SC_PHYS_PAGES);
	uintptr_t begin = (uintptr_t)data & ~(uintptr_t)(page - 1);

	c->n_ahead += n_bytes;
	if (c->n_ahead / page < n_pages / 4 * 3)
		posix_madvise((void *)begin, (uintptr_t)data + n_bytes - begin, POSIX_MADV_WILLNEED);
}

/* The format does not promise that numbers lie on their natural boundary; those that do not are copied. */
static int
make_usable(struct cpu *c, const void **data, size_t n_bytes, size_t each, struct error *err)
{
	void *copy;

	read_ahead(c, *data, n_bytes);
	if ((uintptr_t)*data % each == 0)
		return 0;
	copy = malloc(n_bytes);
	if (!copy)
		return error_set(err, CODE_MEMORY, "no memory for %zu MiB of unaligned weights", n_bytes >> 20);
	memcpy(copy, *data, n_bytes);
	c->copies = xreallocarray(c->copies, (size_t)c->n_copies + 1, sizeof *c->copies);
	c->copies[c->n_copies++] = copy;
	*data = copy;
	return 0;
}

static int
make_scales_usable(struct cpu *c, const char *name, struct tensor *t, struct error *err)
{
	if (make_usable(c, &t->scale, tensor_scale_bytes(t), t->type == DTYPE_U4 ? sizeof(uint16_t) : sizeof(float), err) != 0)
		return -1;
	return quant_check_scales(t->scale, t->type, (size_t)t->shape[0] * tensor_n_scales(t)) ? 0 :
	    error_set(err, CODE_MODEL, "tensor %s_scale has a scale that is no number", name);
}

struct loading {
	struct cpu *cpu;
	const struct watch *watch;
	long long done, total;          /* bytes */
};

static int
load_weight(void *arg, const char *name, struct tensor *t, struct error *err)
{
	struct loading *l = arg;

	if (watch_stopped(l->watch))
		return error_set(err, CODE_SIGINT, "stopped while loading the model");
	if (make_usable(l->cpu, &t->data, tensor_bytes(t), t->type == DTYPE_U4 ? 1 : dtype_bytes(t->type), err) != 0)
		return -1;
	if (dtype_is_packed(t->type) && make_scales_usable(l->cpu, name, t, err) != 0)
		return -1;
	l->done += (long long)(tensor_bytes(t) + tensor_scale_bytes(t));
	watch_report(l->watch, STAGE_LOAD, l->done < l->total ? l->done : l->total, l->total);
	return 0;
}

static int
load(struct backend *b, struct model *m, const struct checkpoint *from, const struct watch *watch, struct error *err)
{
	struct loading l = { .cpu = cpu_of(b), .watch = watch };

	if (!from)
		return error_set(err, CODE_USAGE, "random weights are made up on a GPU only");
	l.total = (long long)checkpoint_bytes(from);
	watch_report(watch, STAGE_LOAD, 0, l.total);
	return model_each(m, load_weight, &l, err);
}

static struct device_buffer *
buffer_new(struct backend *b, size_t n_values, struct error *err)
{
	struct device_buffer *buf = xcalloc(1, sizeof *buf);

	(void)b;
	buf->n = n_values;
	buf->at = calloc(n_values ? n_values : 1, sizeof *buf->at);
	if (buf->at)
		return buf;
	free(buf);
	error_set(err, CODE_MEMORY, "no memory for a buffer of %zu MiB", n_values * sizeof(float) >> 20);
	return NULL;
}

static void
buffer_free(struct backend *b, struct device_buffer *buf)
{
	(void)b;
	if (!buf)
		return;
	free(buf->at);
	free(buf);
}

static void
upload(struct backend *b, struct device_buffer *to, size_t at, const float *from, size_t n)
{
	(void)b;
	assert(at + n <= to->n);
	memcpy(to->at + at, from, n * sizeof *from);
}

static void
download(struct backend *b, float *to, const struct device_buffer *from, size_t at, size_t n)
{
	(void)b;
	assert(at + n <= from->n);
	memcpy(to, from->at + at, n * sizeof *to);
}

static const float *
lend(struct backend *b, struct device_buffer *from, size_t at, size_t n)
{
	(void)b;
	assert(at + n <= from->n);
	return from->at + at;
}

static void
copy(struct backend *b, struct device_buffer *to, size_t to_at, const struct device_buffer *from, size_t at,
    size_t n)
{
	(void)b;
	assert(to_at + n <= to->n && at + n <= from->n);
	memcpy(to->at + to_at, from->at + at, n * sizeof *to->at);
}

static int
sync_failure(struct backend *b, struct error *err)
{
	struct cpu *c = cpu_of(b);

	if (c->failure.code == CODE_OK)
		return 0;
	error_set(err, c->failure.code, "%s", c->failure.what);
	error_clear(&c->failure);
	return -1;
}

/* ---- vision tower */

static int
tower_grid(const struct model *m)
{
	return m->hp.image_size / m->hp.vision.patch_size;
}

/* Patch (i, j) as one row [3 P P] in the order of the weight: channel, line, column. */
static void
cut_patches(float *out, const float *pixels, int size, int patch)
{
	size_t width = (size_t)size, step = (size_t)patch, grid = width / step;

	for (size_t i = 0; i < grid; i++)
		for (size_t j = 0; j < grid; j++)
			for (size_t line = 0; line < 3 * step; line++, out += step) {
				size_t channel = line / step, y = i * step + line % step;

				memcpy(out, pixels + (channel * width + y) * width + j * step, step * sizeof *out);
			}
}

static void
vision_embed(struct backend *b, const struct model *m, struct device_buffer *x, const struct device_buffer *pixels)
{
	struct cpu *c = cpu_of(b);
	int grid = tower_grid(m), patch = m->hp.vision.patch_size, n = grid * grid, width = 3 * patch * patch;
	size_t size = (size_t)m->hp.vision.hidden_size;
	float *patches = cpu_scratch(c, SCRATCH_ROWS, (size_t)n * (size_t)width);

	if (!patches)
		return;
	cut_patches(patches, pixels->at, m->hp.image_size, patch);
	widen(c, x->at, &m->vision.class_embedding, 0, size);
	cpu_linear(c, x->at + size, size, patches, (size_t)width, &m->vision.patch, n, false);
	cpu_add_bias(c, x->at + size, &m->vision.patch_bias, n, (int)size);
	cpu_add_positions(c, x->at, &m->vision.position, grid);
}

static void
vision_qkv(struct backend *b, const struct model *m, int layer, struct device_buffer *qkv,
    const struct device_buffer *x, int n)
{
	struct cpu *c = cpu_of(b);
	const struct vision_layer *l = &m->vision.layers[layer];
	int size = m->hp.vision.hidden_size;
	size_t width = (size_t)size, wide = 3 * width;
	float eps = m->hp.vision.norm_eps, *normed = cpu_scratch(c, SCRATCH_ROWS, (size_t)n * width);

	if (!normed)
		return;
	cpu_rms_norm(c, normed, width, x->at, width, &l->norm1, n, size, eps);
	cpu_linear(c, qkv->at, wide, normed, width, &l->qkv, n, false);
	cpu_rms_norm(c, qkv->at, wide, qkv->at, wide, &l->q_norm, n, size, eps);
	cpu_rms_norm(c, qkv->at + size, wide, qkv->at + size, wide, &l->k_norm, n, size, eps);
}

static void
vision_attention(struct backend *b, const struct model *m, struct device_buffer *out,
    const struct device_buffer *qkv, int n)
{
	size_t width = (size_t)m->hp.vision.hidden_size;
	struct attention a = { .q = qkv->at, .k = qkv->at + width, .v = qkv->at + 2 * width, .out = out->at,
		.q_stride = 3 * width, .k_stride = 3 * width, .v_stride = 3 * width, .out_stride = width,
		.n_heads = m->hp.vision.n_heads, .n_kv_heads = m->hp.vision.n_heads,
		.head_dim = m->hp.vision.head_dim, .n_rows = n, .n_keys = n, .pos = -1 };

	cpu_attend(cpu_of(b), &a);
}

/* x += scale * (in wᵀ + bias) */
static void
residual(struct cpu *c, float *x, const float *in, const struct tensor *w, const struct tensor *bias,
    const struct tensor *scale, int n)
{
	int n_in = (int)w->shape[1], n_out = (int)w->shape[0];
	float *y = cpu_scratch(c, SCRATCH_ROWS, (size_t)n * (size_t)n_out);

	if (!y)
		return;
	cpu_linear(c, y, (size_t)n_out, in, (size_t)n_in, w, n, false);
	cpu_add_scaled(c, x, y, bias, scale, n, n_out);
}

static void
vision_proj(struct backend *b, const struct model *m, int layer, struct device_buffer *x,
    const struct device_buffer *a, int n)
{
	const struct vision_layer *l = &m->vision.layers[layer];

	residual(cpu_of(b), x->at, a->at, &l->proj, &l->proj_bias, &l->ls1, n);
}

static void
vision_fc1(struct backend *b, const struct model *m, int layer, struct device_buffer *h,
    const struct device_buffer *x, int n)
{
	struct cpu *c = cpu_of(b);
	const struct vision_layer *l = &m->vision.layers[layer];
	size_t width = (size_t)m->hp.vision.hidden_size, wide = (size_t)m->hp.vision.intermediate_size;
	float *normed = cpu_scratch(c, SCRATCH_ROWS, (size_t)n * width);

	if (!normed)
		return;
	cpu_rms_norm(c, normed, width, x->at, width, &l->norm2, n, (int)width, m->hp.vision.norm_eps);
	cpu_linear(c, h->at, wide, normed, width, &l->fc1, n, false);
	cpu_bias_gelu(c, h->at, &l->fc1_bias, n, (int)wide);
}

static void
vision_fc2(struct backend *b, const struct model *m, int layer, struct device_buffer *x,
    const struct device_buffer *h, int n)
{
	const struct vision_layer *l = &m->vision.layers[layer];

	residual(cpu_of(b), x->at, h->at, &l->fc2, &l->fc2_bias, &l->ls2, n);
}

static void
project(struct backend *b, const struct model *m, struct device_buffer *out, const struct device_buffer *x,
    struct device_buffer *tmp)
{
	struct cpu *c = cpu_of(b);
	const struct projector *p = &m->projector;
	int grid = tower_grid(m), n = grid * grid / 4, size = m->hp.vision.hidden_size;
	size_t width = 4 * (size_t)size, hidden = (size_t)m->hp.llm.hidden_size;
	float *shuffled = tmp->at, *h = tmp->at + (size_t)n * width;

	assert(tmp->n >= (size_t)n * (width + hidden) && out->n >= (size_t)n * hidden);
	cpu_pixel_shuffle(shuffled, x->at + size, grid, size, m->hp.shuffle);
	cpu_layer_norm(c, shuffled, &p->norm, &p->norm_bias, n, (int)width, 1e-5f);
	cpu_linear(c, h, hidden, shuffled, width, &p->fc1, n, false);
	cpu_bias_gelu(c, h, &p->fc1_bias, n, (int)hidden);
	cpu_linear(c, out->at, hidden, h, hidden, &p->fc2, n, false);
	cpu_add_bias(c, out->at, &p->fc2_bias, n, (int)hidden);
}

/* ---- decoder */

static void
kv_free(struct backend *b, struct kv_cache *kv)
{
	(void)b;
	if (!kv)
		return;
	free(kv->k);
	free(kv->v);
	free(kv->cos);
	free(kv->sin);
	free(kv);
}

/* calloc of this size is a fresh mapping: pages come into being when tokens do. */
static struct kv_cache *
kv_new(struct backend *b, const struct model *m, int n_ctx, struct error *err)
{
	const struct llm_hparams *hp = &m->hp.llm;
	struct kv_cache *kv = xcalloc(1, sizeof *kv);
	size_t half = (size_t)hp->head_dim / 2, n_layers = (size_t)hp->n_layers;

	kv->n_ctx = n_ctx;
	kv->row = (size_t)hp->n_kv_heads * (size_t)hp->head_dim;
	kv->layer_values = (size_t)n_ctx * kv->row;
	kv->k = calloc(n_layers, kv->layer_values * sizeof *kv->k);
	kv->v = calloc(n_layers, kv->layer_values * sizeof *kv->v);
	kv->cos = calloc((size_t)n_ctx, half * sizeof *kv->cos);
	kv->sin = calloc((size_t)n_ctx, half * sizeof *kv->sin);
	if (!kv->k || !kv->v || !kv->cos || !kv->sin) {
		error_set(err, CODE_MEMORY, "no memory for the keys and values of %d tokens (%zu MiB)", n_ctx,
		    2 * n_layers * kv->layer_values * sizeof *kv->k >> 20);
		kv_free(b, kv);
		return NULL;
	}
	cpu_rope_table(kv->cos, kv->sin, n_ctx, hp->head_dim, hp->rope_theta);
	return kv;
}

static size_t
kv_row_bytes(const struct kv_cache *kv)
{
	return kv->row * sizeof *kv->k;
}

static void
kv_read(struct backend *b, const struct kv_cache *kv, int layer, int pos, int n, void *to)
{
	size_t at = (size_t)layer * kv->layer_values + (size_t)pos * kv->row, n_values = (size_t)n * kv->row;

	(void)b;
	assert(pos >= 0 && n >= 0 && pos + n <= kv->n_ctx);
	memcpy(to, kv->k + at, n_values * sizeof *kv->k);
	memcpy((float *)to + n_values, kv->v + at, n_values * sizeof *kv->v);
}

static void
kv_write(struct backend *b, struct kv_cache *kv, int layer, int pos, int n, const void *from)
{
	size_t at = (size_t)layer * kv->layer_values + (size_t)pos * kv->row, n_values = (size_t)n * kv->row;

	(void)b;
	assert(pos >= 0 && n >= 0 && pos + n <= kv->n_ctx);
	memcpy(kv->k + at, from, n_values * sizeof *kv->k);
	memcpy(kv->v + at, (const float *)from + n_values, n_values * sizeof *kv->v);
}

static void
begin(struct backend *b, const int32_t *ids, int n, int pos)
{
	struct cpu *c = cpu_of(b);

	assert(n > 0 && pos >= 0);
	if (n > c->cap_ids) {
		c->ids = xreallocarray(c->ids, (size_t)n, sizeof *c->ids);
		c->cap_ids = n;
	}
	memcpy(c->ids, ids, (size_t)n * sizeof *ids);
	c->n_ids = n;
	c->first = 0;
	c->pos = pos;
	c->one_by_one = false;
}

static void
begin_steps(struct backend *b, const int32_t *ids, int n, int pos)
{
	assert(n <= MAX_STEPS);
	begin(b, ids, n, pos);
	cpu_of(b)->one_by_one = true;
}

static void
last_row(struct backend *b)
{
	struct cpu *c = cpu_of(b);

	assert(!c->one_by_one);
	c->first = c->n_ids - 1;
}

/* Rows of the step that an operator takes together: all that are left, or one, as in a step of its own. Operators go
 * from c->first to c->n_ids by these; what they make is numbered from c->first on. */
static int
rows_at_once(const struct cpu *c)
{
	return c->one_by_one ? 1 : c->n_ids - c->first;
}

static void
embed(struct backend *b, const struct model *m, struct device_buffer *x)
{
	struct cpu *c = cpu_of(b);
	size_t width = (size_t)m->hp.llm.hidden_size;

	assert((size_t)c->n_ids * width <= x->n);
	for (int i = 0; i < c->n_ids; i++)
		if (c->ids[i] >= 0) {
			assert(c->ids[i] < m->hp.llm.vocab_size);
			widen(c, x->at + (size_t)i * width, &m->decoder.embed, (size_t)c->ids[i] * width, width);
		}
}

/* Rows of x from `row` on, normalised; NULL without memory. */
static const float *
normed_rows(struct cpu *c, const struct model *m, const struct tensor *norm, const struct device_buffer *x, int row, int n)
{
	size_t width = (size_t)m->hp.llm.hidden_size;
	float *out = cpu_scratch(c, SCRATCH_ROWS, (size_t)n * width);

	if (out)
		cpu_rms_norm(c, out, width, x->at + (size_t)row * width, width, norm, n, (int)width, m->hp.llm.norm_eps);
	return out;
}

static void
qkv_rope(struct backend *b, const struct model *m, int layer, struct device_buffer *q, struct kv_cache *kv,
    const struct device_buffer *x)
{
	struct cpu *c = cpu_of(b);
	const struct llm_hparams *hp = &m->hp.llm;
	const struct decoder_layer *l = &m->decoder.layers[layer];
	size_t width = (size_t)hp->hidden_size, q_row = (size_t)hp->n_heads * (size_t)hp->head_dim;
	int n = rows_at_once(c);

	assert(c->first == 0 && c->pos + c->n_ids <= kv->n_ctx);
	for (int row = 0; row < c->n_ids; row += n) {
		int pos = c->pos + row;
		size_t at = (size_t)layer * kv->layer_values + (size_t)pos * kv->row;
		const float *normed = normed_rows(c, m, &l->attn_norm, x, row, n);
		float *q_at = q->at + (size_t)row * q_row;

		if (!normed)
			return;
		cpu_linear(c, q_at, q_row, normed, width, &l->wq, n, false);
		cpu_linear(c, kv->k + at, kv->row, normed, width, &l->wk, n, false);
		cpu_linear(c, kv->v + at, kv->row, normed, width, &l->wv, n, false);
		cpu_rope(c, q_at, q_row, n, hp->n_heads, hp->head_dim, pos, kv->cos, kv->sin);
		cpu_rope(c, kv->k + at, kv->row, n, hp->n_kv_heads, hp->head_dim, pos, kv->cos, kv->sin);
	}
}

static void
attention(struct backend *b, const struct model *m, int layer, struct device_buffer *out,
    const struct device_buffer *q, struct kv_cache *kv)
{
	struct cpu *c = cpu_of(b);
	const struct llm_hparams *hp = &m->hp.llm;
	size_t width = (size_t)hp->n_heads * (size_t)hp->head_dim, at = (size_t)layer * kv->layer_values;
	int n = rows_at_once(c);

	for (int row = c->first; row < c->n_ids; row += n) {
		struct attention a = { .q = q->at + (size_t)row * width, .k = kv->k + at, .v = kv->v + at,
			.out = out->at + (size_t)(row - c->first) * width, .q_stride = width, .k_stride = kv->row,
			.v_stride = kv->row, .out_stride = width, .n_heads = hp->n_heads, .n_kv_heads = hp->n_kv_heads,
			.head_dim = hp->head_dim, .n_rows = n, .n_keys = c->pos + row + n, .pos = c->pos + row };

		cpu_attend(c, &a);
	}
}

/* Rows of x += in wᵀ */
static void
add_product(struct cpu *c, const struct model *m, struct device_buffer *x, const struct device_buffer *in,
    const struct tensor *w)
{
	size_t width = (size_t)m->hp.llm.hidden_size, n_in = (size_t)tensor_cols(w);
	int n = rows_at_once(c);

	for (int row = c->first; row < c->n_ids; row += n)
		cpu_linear(c, x->at + (size_t)row * width, width, in->at + (size_t)(row - c->first) * n_in, n_in, w, n, true);
}

static void
attn_out(struct backend *b, const struct model *m, int layer, struct device_buffer *x, const struct device_buffer *a)
{
	add_product(cpu_of(b), m, x, a, &m->decoder.layers[layer].wo);
}

static void
swiglu(struct backend *b, const struct model *m, int layer, struct device_buffer *h, const struct device_buffer *x)
{
	struct cpu *c = cpu_of(b);
	const struct decoder_layer *l = &m->decoder.layers[layer];
	size_t width = (size_t)m->hp.llm.hidden_size, wide = (size_t)m->hp.llm.intermediate_size;
	int n = rows_at_once(c);

	for (int row = c->first; row < c->n_ids; row += n) {
		const float *normed = normed_rows(c, m, &l->mlp_norm, x, row, n);
		float *up = cpu_scratch(c, SCRATCH_ROWS2, (size_t)n * wide), *gate = h->at + (size_t)(row - c->first) * wide;

		if (!normed || !up)
			return;
		cpu_linear(c, gate, wide, normed, width, &l->gate, n, false);
		cpu_linear(c, up, wide, normed, width, &l->up, n, false);
		cpu_silu_mul(c, gate, up, n, (int)wide);
	}
}

static void
mlp_out(struct backend *b, const struct model *m, int layer, struct device_buffer *x, const struct device_buffer *h)
{
	add_product(cpu_of(b), m, x, h, &m->decoder.layers[layer].down);
}

/* How many rows of the step have logits; the last has. */
static int
rows_of_logits(const struct cpu *c)
{
	return c->one_by_one ? c->n_ids : 1;
}

static void
logits(struct backend *b, const struct model *m, struct device_buffer *out, const struct device_buffer *x)
{
	struct cpu *c = cpu_of(b);
	size_t width = (size_t)m->hp.llm.hidden_size, n_vocab = (size_t)m->hp.llm.vocab_size;
	int n = rows_of_logits(c);

	assert((size_t)n * n_vocab <= out->n);
	for (int i = 0; i < n; i++) {
		const float *normed = normed_rows(c, m, &m->decoder.norm, x, c->n_ids - n + i, 1);

		if (normed)
			cpu_linear(c, out->at + (size_t)i * n_vocab, n_vocab, normed, width, &m->decoder.lm_head, 1, false);
	}
}

/* One number that is none makes every comparison with it a matter of order. */
static struct best
best_of(const float *at, int n)
{
	struct best best = { .finite = !isnan(at[0]) };
	int second = -1;

	for (int i = 1; i < n; i++) {
		best.finite = best.finite && !isnan(at[i]);
		if (at[i] > at[best.id]) {
			second = best.id;
			best.id = i;
		} else if (second < 0 || at[i] > at[second]) {
			second = i;
		}
	}
	best.best = at[best.id];
	best.second = second < 0 ? best.best : at[second];
	best.finite = best.finite && isfinite(best.best);
	return best;
}

static void
find_best(struct backend *b, struct device_buffer *logits, int n_vocab)
{
	int n = rows_of_logits(cpu_of(b));

	for (int i = 0; i < n; i++)
		logits->best[i] = best_of(logits->at + (size_t)i * (size_t)n_vocab, n_vocab);
}

static void
best(struct backend *b, const struct device_buffer *logits, int row, struct best *out)
{
	(void)b;
	assert(row >= 0 && row < MAX_STEPS);
	*out = logits->best[row];
}

static const struct backend_ops cpu_ops = {
	.name = "cpu", .max_steps = MAX_STEPS, .free = backend_free, .describe = describe, .load = load, .buffer_new = buffer_new,
	.buffer_free = buffer_free, .upload = upload, .download = download, .lend = lend, .copy = copy, .sync = sync_failure,
	.vision_embed = vision_embed, .vision_qkv = vision_qkv, .vision_attention = vision_attention,
	.vision_proj = vision_proj, .vision_fc1 = vision_fc1, .vision_fc2 = vision_fc2, .project = project,
	.kv_new = kv_new, .kv_free = kv_free, .kv_row_bytes = kv_row_bytes, .kv_read = kv_read, .kv_write = kv_write,
	.begin = begin, .begin_steps = begin_steps, .embed = embed, .qkv_rope = qkv_rope, .last_row = last_row,
	.attention = attention, .attn_out = attn_out, .swiglu = swiglu, .mlp_out = mlp_out, .logits = logits,
	.find_best = find_best, .best = best,
};

/* The BLAS keeps threads of its own; ours share the work, so it must not. */
struct backend *
cpu_backend_new(int n_threads, struct error *err)
{
	struct cpu *c = xcalloc(1, sizeof *c);
	int n;

	(void)err;
	openblas_set_num_threads(1);
	c->base.ops = &cpu_ops;
	c->pool = pool_new(n_threads);
	c->kernels = kernels_best();
	n = pool_n_threads(c->pool);
	c->worker = xcalloc((size_t)n, sizeof *c->worker);
	snprintf(c->text, sizeof c->text, "cpu, %d thread%s, %s", n, n == 1 ? "" : "s", c->kernels->name);
	return &c->base;
}
