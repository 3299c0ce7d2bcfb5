/* weights.c: where everything lies: one arena on every card, tensors fused as the operators want them, and the list of
 * landings by which load.c fills it. The same walk, without an address, tells the plan how many bytes it will be.
 *
 * Matrices are bfloat16 whatever the files hold; those of the decoder may be packed. Vectors are float32. Decoder layers
 * are dealt to the cards in order, so that each holds about as much; tower, projector and embeddings lie on the first,
 * the output matrix on the last.
 */
#include "config.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "engine/cpu/tables.h"
#include "engine/cuda/cuda.h"
#include "engine/cuda/packed.h"
#include "engine/cuda/sizes.h"

#define ALIGN 512               /* bytes */
#define UNIT 8                  /* values: rows of the patch matrix are padded to it */

/* One walk over the model. */
struct placer {
	struct cuda *cuda;              /* NULL: only counting */
	const struct model *model;
	const struct checkpoint *from;
	enum quant quant;
	int gpu;                        /* where the next things go */
	size_t used[MAX_GPUS];
	struct tensor_name *names;            /* of all tensors */
	int n_names;
};

/* ---- taking room */

static void *
take(struct placer *p, size_t bytes)
{
	size_t at = p->used[p->gpu];

	p->used[p->gpu] += (bytes + ALIGN - 1) / ALIGN * ALIGN;
	return p->cuda ? p->cuda->gpu[p->gpu].arena + at : NULL;
}

static const char *
name_of(const struct placer *p, const struct tensor *t)
{
	for (int i = 0; i < p->n_names; i++)
		if (p->names[i].tensor == t)
			return p->names[i].text;
	return "";
}

static struct landing *
add_landing(struct placer *p, const struct tensor *t)
{
	struct cuda *c = p->cuda;
	struct landing *l;

	c->landings = xreallocarray(c->landings, (size_t)c->n_landings + 1, sizeof *c->landings);
	l = &c->landings[c->n_landings++];
	*l = (struct landing){ .name = name_of(p, t), .type = t->type, .gpu = p->gpu };
	if (p->from && t->data)
		l->from = checkpoint_find(p->from, l->name);
	l->cols = (int)(tensor_count(t) / t->shape[0]);
	l->rows = (int)t->shape[0];
	l->pitch = l->cols;
	l->range = 1.73205f / sqrtf((float)l->cols);
	return l;
}

/* A vector as float32. */
static const float *
vector(struct placer *p, const struct tensor *t, float mean, float range)
{
	size_t n = (size_t)tensor_count(t);
	float *at = take(p, n * sizeof *at);
	struct landing *l;

	if (!p->cuda)
		return NULL;
	l = add_landing(p, t);
	l->kind = LAND_F32;
	l->rows = 1;
	l->cols = l->pitch = (int)n;
	l->to = at;
	l->mean = mean;
	l->range = range;
	return at;
}

static void
land_rows(struct placer *p, const struct matrix *m, const struct tensor *t, int row, int pitch)
{
	struct landing *l = add_landing(p, t);

	if (m->quant != QUANT_BF16) {
		l->kind = LAND_PACKED;
		l->matrix = m;
		l->row = row;
		return;
	}
	l->kind = LAND_BF16;
	l->to = (uint16_t *)(uintptr_t)m->at + (size_t)row * (size_t)pitch;
	l->pitch = pitch;
}

/* Rows that were packed when the files were written, and their scales. */
static void
land_stored(struct placer *p, const struct matrix *m, const struct tensor *t, int row)
{
	bool is_tiled = m->quant == QUANT_INT4;
	struct landing *l = add_landing(p, t);
	char *name;

	assert(l->from && dtype_is_packed(t->type) && is_tiled == (t->type == DTYPE_U4));
	name = xasprintf("%s_scale", l->name);
	l->kind = is_tiled ? LAND_INT4 : m->quant == QUANT_INT8 ? LAND_INT8 : LAND_BYTES;
	l->type = is_tiled ? DTYPE_U8 : t->type;
	l->cols = l->pitch = is_tiled ? (m->cols + 1) / 2 : m->cols;
	l->matrix = m;
	l->row = row;
	l->to = (uint8_t *)(uintptr_t)m->at + (size_t)row * (size_t)m->cols;
	l = add_landing(p, t);
	l->from = checkpoint_find(p->from, name);
	l->name = l->from->name;
	l->kind = is_tiled ? LAND_INT4_SCALES : LAND_SCALES;
	l->type = is_tiled ? DTYPE_F16 : DTYPE_F32;
	l->rows = is_tiled ? l->rows : 1;
	l->cols = l->pitch = is_tiled ? (int)tensor_n_scales(t) : (int)t->shape[0];
	l->matrix = m;
	l->row = row;
	l->to = (float *)(uintptr_t)m->scale + row;
	free(name);
}

/* Tensors one above the other as one matrix. */
static void
matrix(struct placer *p, struct matrix *out, enum quant quant, int half, const struct tensor *const *parts, int n)
{
	int cols = (int)(tensor_count(parts[0]) / parts[0]->shape[0]), row = 0;
	size_t at_bytes, scale_bytes;

	*out = (struct matrix){ .cols = cols, .quant = quant, .gpu = p->gpu, .half = half };
	for (int i = 0; i < n; i++)
		out->rows += (int)parts[i]->shape[0];
	if (quant == QUANT_BF16) {
		out->at = take(p, (size_t)out->rows * (size_t)cols * sizeof(uint16_t));
	} else {
		cuda_packed_bytes(out, &at_bytes, &scale_bytes);
		out->at = take(p, at_bytes);
		out->scale = take(p, scale_bytes);
	}
	for (int i = 0; p->cuda && i < n; row += (int)parts[i++]->shape[0])
		if (dtype_is_packed(parts[i]->type))
			land_stored(p, out, parts[i], row);
		else
			land_rows(p, out, parts[i], row, cols);
}

static void
single(struct placer *p, struct matrix *out, enum quant quant, const struct tensor *t)
{
	matrix(p, out, quant, 0, &t, 1);
}

/* Rows padded to whole pieces of 16 bytes: the patches' width is no round number. */
static void
patch_matrix(struct placer *p, struct matrix *out, const struct tensor *t)
{
	int cols = (int)(tensor_count(t) / t->shape[0]), pitch = (cols + UNIT - 1) / UNIT * UNIT;

	*out = (struct matrix){ .rows = (int)t->shape[0], .cols = pitch, .gpu = p->gpu };
	out->at = take(p, (size_t)out->rows * (size_t)pitch * sizeof(uint16_t));
	if (p->cuda)
		land_rows(p, out, t, 0, pitch);
}

/* ---- the model, in the order of computation */

static void
place_tower_layer(struct placer *p, struct cuda_tower_layer *to, const struct vision_layer *from)
{
	to->norm1 = vector(p, &from->norm1, 1, 0.1f);
	single(p, &to->qkv, QUANT_BF16, &from->qkv);
	to->q_norm = vector(p, &from->q_norm, 1, 0.1f);
	to->k_norm = vector(p, &from->k_norm, 1, 0.1f);
	single(p, &to->proj, QUANT_BF16, &from->proj);
	to->proj_bias = vector(p, &from->proj_bias, 0, 0.02f);
	to->ls1 = vector(p, &from->ls1, 0.1f, 0.05f);
	to->norm2 = vector(p, &from->norm2, 1, 0.1f);
	single(p, &to->fc1, QUANT_BF16, &from->fc1);
	to->fc1_bias = vector(p, &from->fc1_bias, 0, 0.02f);
	single(p, &to->fc2, QUANT_BF16, &from->fc2);
	to->fc2_bias = vector(p, &from->fc2_bias, 0, 0.02f);
	to->ls2 = vector(p, &from->ls2, 0.1f, 0.05f);
}

/* Positions for the tower's own grid; filled by cuda_fill_positions, for they may have to be resampled. */
static const float *
place_positions(struct placer *p)
{
	const struct hparams *hp = &p->model->hp;
	size_t grid = (size_t)(hp->image_size / hp->vision.patch_size);

	return take(p, (grid * grid + 1) * (size_t)hp->vision.hidden_size * sizeof(float));
}

static void
place_vision(struct placer *p, struct cuda_weights *w)
{
	const struct vision *v = &p->model->vision;
	const struct projector *j = &p->model->projector;

	w->class_embedding = vector(p, &v->class_embedding, 0, 0.1f);
	patch_matrix(p, &w->patch, &v->patch);
	w->patch_bias = vector(p, &v->patch_bias, 0, 0.1f);
	w->position = place_positions(p);
	for (int i = 0; i < p->model->hp.n_vision_run; i++)
		place_tower_layer(p, &w->tower[i], &v->layers[i]);
	w->proj_norm = vector(p, &j->norm, 1, 0.1f);
	w->proj_norm_bias = vector(p, &j->norm_bias, 0, 0.02f);
	single(p, &w->fc1, QUANT_BF16, &j->fc1);
	w->fc1_bias = vector(p, &j->fc1_bias, 0, 0.02f);
	single(p, &w->fc2, QUANT_BF16, &j->fc2);
	w->fc2_bias = vector(p, &j->fc2_bias, 0, 0.02f);
}

static void
place_decoder_layer(struct placer *p, struct cuda_decoder_layer *to, const struct decoder_layer *from, int head_dim)
{
	const struct tensor *qkv[] = { &from->wq, &from->wk, &from->wv }, *gate_up[] = { &from->gate, &from->up };

	to->gpu = p->gpu;
	to->attn_norm = vector(p, &from->attn_norm, 1, 0.1f);
	matrix(p, &to->qkv, p->quant, head_dim / 2, qkv, 3);
	single(p, &to->o, p->quant, &from->wo);
	to->mlp_norm = vector(p, &from->mlp_norm, 1, 0.1f);
	matrix(p, &to->gate_up, p->quant, (int)from->gate.shape[0], gate_up, 2);
	single(p, &to->down, p->quant, &from->down);
}

static void
walk(struct placer *p, struct cuda_weights *w, const int gpu_of_layer[], int n_gpus)
{
	const struct decoder *d = &p->model->decoder;
	const struct llm_hparams *hp = &p->model->hp.llm;
	struct matrix embed;

	p->gpu = 0;
	if (!p->model->hp.text_only)
		place_vision(p, w);
	single(p, &embed, QUANT_BF16, &d->embed);
	w->embed = embed.at;
	for (int i = 0; i < hp->n_layers; i++) {
		p->gpu = gpu_of_layer[i];
		place_decoder_layer(p, &w->layers[i], &d->layers[i], hp->head_dim);
	}
	p->gpu = n_gpus - 1;
	w->norm = vector(p, &d->norm, 1, 0.1f);
	single(p, &w->lm_head, p->quant, &d->lm_head);
}

/* ---- which card has which layer */

/* Parameters of the parts, near enough to deal them out evenly. */
static void
deal_layers(const struct hparams *hp, int n_gpus, int gpu_of_layer[])
{
	const struct llm_hparams *l = &hp->llm;
	double all = (double)hparams_n_params(hp), ends = (double)l->vocab_size * l->hidden_size;
	double layer = (double)l->hidden_size * (2.0 * l->n_heads * l->head_dim + 2.0 * l->n_kv_heads * l->head_dim +
	    3.0 * l->intermediate_size), first = all - layer * l->n_layers - ends, each = all / n_gpus, sum = first;

	for (int i = 0, gpu = 0; i < l->n_layers; i++) {
		if (gpu < n_gpus - 1 && sum + layer / 2 > each * (gpu + 1))
			gpu++;
		gpu_of_layer[i] = gpu;
		sum += layer;
	}
}

static void
make_room(struct cuda_weights *w, const struct hparams *hp)
{
	w->layers = xcalloc((size_t)hp->llm.n_layers, sizeof *w->layers);
	w->tower = xcalloc((size_t)hp->n_vision_run + 1, sizeof *w->tower);
}

static void
weights_done(struct cuda_weights *w)
{
	free(w->layers);
	free(w->tower);
	w->layers = NULL;
	w->tower = NULL;
}

void
cuda_sizes(const struct model *m, enum quant quant, int n_gpus, struct gpu_sizes out[])
{
	struct placer p = { .model = m, .quant = quant };
	struct cuda_weights w = {0};
	int *gpu_of_layer = xcalloc((size_t)m->hp.llm.n_layers, sizeof *gpu_of_layer);

	make_room(&w, &m->hp);
	deal_layers(&m->hp, n_gpus, gpu_of_layer);
	walk(&p, &w, gpu_of_layer, n_gpus);
	for (int g = 0; g < n_gpus; g++) {
		out[g] = (struct gpu_sizes){ .weights = p.used[g] };
		for (int i = 0; i < m->hp.llm.n_layers; i++)
			out[g].n_layers += gpu_of_layer[i] == g;
	}
	weights_done(&w);
	free(gpu_of_layer);
}

/* ---- placing */

static int
note_name(void *arg, const char *name, struct tensor *t, struct error *err)
{
	struct placer *p = arg;

	(void)err;
	p->names = xreallocarray(p->names, (size_t)p->n_names + 1, sizeof *p->names);
	p->names[p->n_names++] = (struct tensor_name){ t, xstrdup(name) };
	return 0;
}

static int
take_arenas(struct cuda *c, const size_t bytes[], struct error *err)
{
	for (int g = 0; g < c->n_gpus; g++) {
		c->gpu[g].arena_bytes = bytes[g];
		if (!(c->gpu[g].arena = cuda_take(c, g, bytes[g], "the weights", err)))
			return -1;
	}
	return 0;
}

int
cuda_place(struct cuda *c, const struct model *m, const struct checkpoint *from, struct error *err)
{
	struct placer count = { .model = m, .quant = c->quant }, p = { .cuda = c, .model = m, .from = from,
		.quant = c->quant };
	int *gpu_of_layer = xcalloc((size_t)m->hp.llm.n_layers, sizeof *gpu_of_layer), rc;

	make_room(&c->w, &m->hp);
	deal_layers(&m->hp, c->n_gpus, gpu_of_layer);
	walk(&count, &c->w, gpu_of_layer, c->n_gpus);
	rc = take_arenas(c, count.used, err);
	if (rc == 0) {
		model_each((struct model *)(uintptr_t)m, note_name, &p, err);
		walk(&p, &c->w, gpu_of_layer, c->n_gpus);
	}
	c->names = p.names;
	c->n_names = p.n_names;
	free(gpu_of_layer);
	return rc;
}

void
cuda_unplace(struct cuda *c)
{
	for (int g = 0; g < c->n_gpus; g++) {
		if (!cuda_is_lost(c)) {
			cudaSetDevice(c->gpu[g].device);
			cudaFree(c->gpu[g].arena);
		}
		c->gpu[g].arena = NULL;
	}
	for (int i = 0; i < c->n_names; i++)
		free(c->names[i].text);
	free(c->names);
	free(c->landings);
	c->names = NULL;
	c->landings = NULL;
	c->n_names = c->n_landings = 0;
	weights_done(&c->w);
}

int
cuda_fill_positions(struct cuda *c, const struct model *m, struct error *err)
{
	int grid = m->hp.text_only ? 0 : m->hp.image_size / m->hp.vision.patch_size;
	size_t n = ((size_t)grid * (size_t)grid + 1) * (size_t)m->hp.vision.hidden_size;
	float *x;
	cudaError_t rc;

	if (grid == 0)
		return 0;
	cudaSetDevice(c->gpu[0].device);
	if (!m->vision.position.data) {
		cuda_random(c->gpu[0].stream, (float *)(uintptr_t)c->w.position, NUMBER_F32, n, 0.1f, 0, 77);
		return 0;
	}
	x = xcalloc(n, sizeof *x);
	cpu_positions(x, &m->vision.position, grid);
	rc = cudaMemcpy((float *)(uintptr_t)c->w.position, x, n * sizeof *x, cudaMemcpyHostToDevice);
	if (rc == cudaSuccess)
		rc = cudaDeviceSynchronize();   /* a copy from pageable memory may end after its call */
	free(x);
	return rc == cudaSuccess ? 0 : cuda_error(err, rc, "copying the positions of the vision tower");
}
