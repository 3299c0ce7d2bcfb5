/* model.c: the names and shapes of every tensor, written once. Binding, loading and checking walk the same tables,
 * in the order of computation. */
#include "config.h"

#include "engine/model.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* A side of a shape, by its meaning; NONE ends a shape. The letters are those of model.h. */
enum side { NONE, ONE, THREE, C, C3, C4, F, PATCH, TOKENS, H, M, Q, KV, V, N_SIDES };

struct slot {
	const char *name;               /* behind the part's prefix */
	size_t offset;                  /* of the tensor in the part's struct */
	enum side shape[TENSOR_MAX_DIMS];
	bool packs;                     /* one of those that may be packed */
};

#define SLOT(type, field, name, ...) {name, offsetof(struct type, field), {__VA_ARGS__}, false}
#define PACK(type, field, name, ...) {name, offsetof(struct type, field), {__VA_ARGS__}, true}

static const struct slot vision_slots[] = {
	SLOT(vision, class_embedding, "class_embedding", ONE, ONE, C),
	SLOT(vision, patch, "patch_embedding.weight", C, THREE, PATCH, PATCH),
	SLOT(vision, patch_bias, "patch_embedding.bias", C),
	SLOT(vision, position, "position_embedding", ONE, TOKENS, C),
	{0}
};

static const struct slot vision_layer_slots[] = {
	SLOT(vision_layer, norm1, "norm1.weight", C),
	SLOT(vision_layer, qkv, "attn.qkv.weight", C3, C),
	SLOT(vision_layer, q_norm, "attn.q_norm.weight", C),
	SLOT(vision_layer, k_norm, "attn.k_norm.weight", C),
	SLOT(vision_layer, proj, "attn.proj.weight", C, C),
	SLOT(vision_layer, proj_bias, "attn.proj.bias", C),
	SLOT(vision_layer, ls1, "ls1", C),
	SLOT(vision_layer, norm2, "norm2.weight", C),
	SLOT(vision_layer, fc1, "mlp.fc1.weight", F, C),
	SLOT(vision_layer, fc1_bias, "mlp.fc1.bias", F),
	SLOT(vision_layer, fc2, "mlp.fc2.weight", C, F),
	SLOT(vision_layer, fc2_bias, "mlp.fc2.bias", C),
	SLOT(vision_layer, ls2, "ls2", C),
	{0}
};

static const struct slot projector_slots[] = {
	SLOT(projector, norm, "0.weight", C4),
	SLOT(projector, norm_bias, "0.bias", C4),
	SLOT(projector, fc1, "1.weight", H, C4),
	SLOT(projector, fc1_bias, "1.bias", H),
	SLOT(projector, fc2, "3.weight", H, H),
	SLOT(projector, fc2_bias, "3.bias", H),
	{0}
};

static const struct slot embed_slots[] = {
	SLOT(decoder, embed, "model.embed_tokens.weight", V, H),
	{0}
};

static const struct slot decoder_layer_slots[] = {
	SLOT(decoder_layer, attn_norm, "input_layernorm.weight", H),
	PACK(decoder_layer, wq, "self_attn.q_proj.weight", Q, H),
	PACK(decoder_layer, wk, "self_attn.k_proj.weight", KV, H),
	PACK(decoder_layer, wv, "self_attn.v_proj.weight", KV, H),
	PACK(decoder_layer, wo, "self_attn.o_proj.weight", H, Q),
	SLOT(decoder_layer, mlp_norm, "post_attention_layernorm.weight", H),
	PACK(decoder_layer, gate, "mlp.gate_proj.weight", M, H),
	PACK(decoder_layer, up, "mlp.up_proj.weight", M, H),
	PACK(decoder_layer, down, "mlp.down_proj.weight", H, M),
	{0}
};

static const struct slot output_slots[] = {
	SLOT(decoder, norm, "model.norm.weight", H),
	PACK(decoder, lm_head, "lm_head.weight", V, H),
	{0}
};

static const struct slot tied_output_slots[] = {
	SLOT(decoder, norm, "model.norm.weight", H),
	SLOT(decoder, lm_head, "model.embed_tokens.weight", V, H),
	{0}
};

/* What a walk does at every tensor. */
struct visitor {
	int (*visit)(struct visitor *v, const char *name, struct tensor *t, const struct slot *slot,
	    struct error *err);
	const struct checkpoint *checkpoint;            /* binding: where to look, and the sizes to find there */
	int64_t sides[N_SIDES];
	enum dtype packed;                              /* of slots that pack, if it is a packed one */
	int (*fn)(void *arg, const char *name, struct tensor *t, struct error *err);    /* model_each */
	void *arg;
};

/* ---------------------------------------------------------------- walking */

static int
walk_part(struct visitor *v, const char *prefix, const struct slot *slots, void *base, struct error *err)
{
	char name[160];

	for (; slots->name; slots++) {
		struct tensor *t = (struct tensor *)(void *)((char *)base + slots->offset);

		snprintf(name, sizeof name, "%s%s", prefix, slots->name);
		if (v->visit(v, name, t, slots, err) < 0)
			return -1;
	}
	return 0;
}

static int
walk_vision(struct visitor *v, struct model *m, struct error *err)
{
	char prefix[80];

	if (walk_part(v, "vision_model.embeddings.", vision_slots, &m->vision, err) < 0)
		return -1;
	for (int i = 0; i < m->hp.n_vision_run; i++) {
		snprintf(prefix, sizeof prefix, "vision_model.encoder.layers.%d.", i);
		if (walk_part(v, prefix, vision_layer_slots, &m->vision.layers[i], err) < 0)
			return -1;
	}
	return walk_part(v, "mlp1.", projector_slots, &m->projector, err);
}

static int
walk_decoder(struct visitor *v, struct model *m, struct error *err)
{
	const char *root = m->hp.text_only ? "" : "language_model.";
	bool is_tied = m->hp.llm.tie_word_embeddings && m->hp.stored == ENGINE_AUTO;
	const struct slot *output = is_tied ? tied_output_slots : output_slots;
	char prefix[80];

	if (walk_part(v, root, embed_slots, &m->decoder, err) < 0)
		return -1;
	for (int i = 0; i < m->hp.llm.n_layers; i++) {
		snprintf(prefix, sizeof prefix, "%smodel.layers.%d.", root, i);
		if (walk_part(v, prefix, decoder_layer_slots, &m->decoder.layers[i], err) < 0)
			return -1;
	}
	return walk_part(v, root, output, &m->decoder, err);
}

static int
walk(struct visitor *v, struct model *m, struct error *err)
{
	if (!m->hp.text_only && walk_vision(v, m, err) < 0)
		return -1;
	return walk_decoder(v, m, err);
}

/* ---------------------------------------------------------------- binding */

static void
set_sides(int64_t sides[N_SIDES], const struct hparams *hp)
{
	const struct vision_hparams *v = &hp->vision;
	const struct llm_hparams *l = &hp->llm;
	int64_t grid = hp->text_only ? 0 : v->image_size / v->patch_size;

	sides[ONE] = 1;
	sides[THREE] = 3;
	sides[C] = v->hidden_size;
	sides[C3] = 3 * sides[C];
	sides[C4] = 4 * sides[C];
	sides[F] = v->intermediate_size;
	sides[PATCH] = v->patch_size;
	sides[TOKENS] = 1 + grid * grid;
	sides[H] = l->hidden_size;
	sides[M] = l->intermediate_size;
	sides[Q] = (int64_t)l->n_heads * l->head_dim;
	sides[KV] = (int64_t)l->n_kv_heads * l->head_dim;
	sides[V] = l->vocab_size;
}

/* "[9600, 3200]" */
static void
print_shape(char *out, size_t cap, const int64_t *shape, int n)
{
	size_t at = (size_t)snprintf(out, cap, "[");

	for (int i = 0; i < n && at < cap; i++)
		at += (size_t)snprintf(out + at, cap - at, "%s%lld", i ? ", " : "", (long long)shape[i]);
	if (at < cap)
		snprintf(out + at, cap - at, "]");
}

static int
refuse_shape(const char *name, const struct tensor *t, const int64_t *need, int n, const char *path,
    struct error *err)
{
	char is[96], want[96];

	print_shape(is, sizeof is, t->shape, t->n_dims);
	print_shape(want, sizeof want, need, n);
	return error_set(err, CODE_MODEL, "'%s': tensor %s has the shape %s; config.json needs %s", path, name, is, want);
}

/* The tensor of this shape; NULL with what is wrong. */
static const struct stored *
find(const struct visitor *v, const char *name, const int64_t *need, int n, struct error *err)
{
	const struct stored *s = checkpoint_find(v->checkpoint, name);

	if (!s) {
		error_set(err, CODE_MODEL, "tensor %s is missing from the weights beside '%s'", name,
		    checkpoint_shard_path(v->checkpoint, 0));
		error_hint(err, "the weights are of another config.json, or a shard is not in the index");
		return NULL;
	}
	if (s->view.n_dims == n && memcmp(s->view.shape, need, (size_t)n * sizeof *need) == 0)
		return s;
	refuse_shape(name, &s->view, need, n, checkpoint_shard_path(v->checkpoint, s->shard), err);
	return NULL;
}

static int
refuse_type(const struct visitor *v, const struct stored *s, const char *need, struct error *err)
{
	return error_set(err, CODE_MODEL, "'%s': tensor %s: the type is %s; %s", checkpoint_shard_path(v->checkpoint, s->shard),
	    s->name, dtype_name(s->view.type), need);
}

/* Sides that slot names; returns how many. */
static int
sides_of(const struct visitor *v, const struct slot *slot, int64_t out[TENSOR_MAX_DIMS])
{
	int n = 0;

	for (; n < TENSOR_MAX_DIMS && slot->shape[n] != NONE; n++)
		out[n] = v->sides[slot->shape[n]];
	return n;
}

/* What the packed tensor's scales are called, and their type and shape. */
static int
bind_scale(struct visitor *v, const char *name, struct tensor *t, struct error *err)
{
	bool grouped = t->type == DTYPE_U4;
	int64_t need[] = {t->shape[0], (int64_t)tensor_n_scales(t)};
	const struct stored *s;
	char text[192];

	snprintf(text, sizeof text, "%s_scale", name);
	if (!(s = find(v, text, need, grouped ? 2 : 1, err)))
		return -1;
	if (s->view.type != (grouped ? DTYPE_F16 : DTYPE_F32))
		return refuse_type(v, s, grouped ? "it must be F16" : "it must be F32", err);
	t->scale = s->view.data;
	return 0;
}

static int
bind_packed(struct visitor *v, const char *name, struct tensor *t, const struct slot *slot, struct error *err)
{
	struct tensor packed = {.type = v->packed};
	enum dtype type = v->packed == DTYPE_U4 ? DTYPE_U8 : v->packed;
	int64_t need[TENSOR_MAX_DIMS];
	const struct stored *s;
	char must[64];

	packed.n_dims = sides_of(v, slot, packed.shape);
	memcpy(need, packed.shape, sizeof need);
	if (v->packed == DTYPE_U4)
		need[1] = (need[1] + 1) / 2;
	if (!(s = find(v, name, need, packed.n_dims, err)))
		return -1;
	snprintf(must, sizeof must, "config.json needs %s", dtype_name(type));
	if (s->view.type != type)
		return refuse_type(v, s, must, err);
	packed.data = s->view.data;
	*t = packed;
	return bind_scale(v, name, t, err);
}

static int
bind(struct visitor *v, const char *name, struct tensor *t, const struct slot *slot, struct error *err)
{
	int64_t need[TENSOR_MAX_DIMS];
	const struct stored *s;

	if (slot->packs && dtype_is_packed(v->packed))
		return bind_packed(v, name, t, slot, err);
	if (!(s = find(v, name, need, sides_of(v, slot, need), err)))
		return -1;
	if (s->view.type > DTYPE_F16)
		return refuse_type(v, s, "supported: BF16, F16, F32", err);
	*t = s->view;
	return 0;
}

static enum dtype
packed_type(const struct hparams *hp)
{
	static const enum dtype types[] = { [ENGINE_AUTO] = DTYPE_BF16, [ENGINE_BF16] = DTYPE_BF16, [ENGINE_FP8] = DTYPE_F8,
		[ENGINE_INT8] = DTYPE_I8, [ENGINE_INT4] = DTYPE_U4 };

	return types[hp->stored];
}

static void
make_layers(struct model *m, const struct hparams *hp)
{
	*m = (struct model){.hp = *hp};
	m->decoder.layers = xcalloc((size_t)hp->llm.n_layers, sizeof *m->decoder.layers);
	if (!hp->text_only)
		m->vision.layers = xcalloc((size_t)hp->n_vision_run, sizeof *m->vision.layers);
}

static int
shape(struct visitor *v, const char *name, struct tensor *t, const struct slot *slot, struct error *err)
{
	(void)name;
	(void)err;
	*t = (struct tensor){.type = slot->packs ? v->packed : DTYPE_BF16};
	t->n_dims = sides_of(v, slot, t->shape);
	return 0;
}

void
model_shape(struct model *m, const struct hparams *hp)
{
	struct visitor v = {.visit = shape, .packed = packed_type(hp)};

	make_layers(m, hp);
	set_sides(v.sides, hp);
	walk(&v, m, NULL);
}

int
model_bind(struct model *m, const struct hparams *hp, const struct checkpoint *c, struct error *err)
{
	struct visitor v = {.visit = bind, .checkpoint = c, .packed = packed_type(hp)};

	make_layers(m, hp);
	set_sides(v.sides, hp);
	if (walk(&v, m, err) == 0)
		return 0;
	model_done(m);
	return -1;
}

void
model_done(struct model *m)
{
	free(m->vision.layers);
	free(m->decoder.layers);
	m->vision.layers = NULL;
	m->decoder.layers = NULL;
}

static int
call(struct visitor *v, const char *name, struct tensor *t, const struct slot *slot, struct error *err)
{
	(void)slot;
	return v->fn(v->arg, name, t, err);
}

int
model_each(struct model *m, int (*fn)(void *arg, const char *name, struct tensor *t, struct error *err), void *arg,
    struct error *err)
{
	struct visitor v = {.visit = call, .fn = fn, .arg = arg};

	return walk(&v, m, err);
}
