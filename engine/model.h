/* model.h: the design page: vision tower, projector, decoder, as structs with a shape on every field.
 *
 * C vision hidden, F its intermediate, H decoder hidden, M its intermediate, D head_dim, V vocabulary.
 * A linear weight [out, in] computes y = x wᵀ. Sources: modeling_intern_vit.py and modeling_internvl_chat.py of
 * OpenGVLab/InternVL; Llama in transformers; restated in the specification's model.md sections 4 to 6.
 */
#ifndef ENGINE_MODEL_H
#define ENGINE_MODEL_H

#include "base/error.h"
#include "engine/checkpoint.h"
#include "engine/hparams.h"
#include "engine/tensor.h"

struct vision_layer {
	struct tensor norm1, norm2;             /* [C] */
	struct tensor qkv;                      /* [3C, C]: rows q, k, v */
	struct tensor q_norm, k_norm;           /* [C], over all heads together */
	struct tensor proj, proj_bias;          /* [C, C], [C] */
	struct tensor ls1, ls2;                 /* [C], multiplied before the residual is added */
	struct tensor fc1, fc1_bias;            /* [F, C], [F] */
	struct tensor fc2, fc2_bias;            /* [C, F], [C] */
};

struct vision {
	struct tensor class_embedding;          /* [1, 1, C] */
	struct tensor patch, patch_bias;        /* [C, 3, P, P], [C] */
	struct tensor position;                 /* [1, 1 + grid², C] */
	struct vision_layer *layers;            /* n_vision_run of them */
};

struct projector {
	struct tensor norm, norm_bias;          /* [4C] */
	struct tensor fc1, fc1_bias;            /* [H, 4C], [H] */
	struct tensor fc2, fc2_bias;            /* [H, H], [H] */
};

struct decoder_layer {
	struct tensor attn_norm, mlp_norm;      /* [H] */
	struct tensor wq;                       /* [n_heads D, H] */
	struct tensor wk, wv;                   /* [n_kv_heads D, H] */
	struct tensor wo;                       /* [H, n_heads D] */
	struct tensor gate, up;                 /* [M, H] */
	struct tensor down;                     /* [H, M] */
};

struct decoder {
	struct tensor embed;                    /* [V, H] */
	struct decoder_layer *layers;
	struct tensor norm;                     /* [H] */
	struct tensor lm_head;                  /* [V, H]; embed itself when tied */
};

struct model {
	struct hparams hp;
	struct vision vision;
	struct projector projector;
	struct decoder decoder;
};

/* Fills the tensors from the checkpoint by one table of names and shapes; data point into the mapping. With hp.stored
 * the decoder's matrices but embed are packed: NAME holds what tensor.h says (U4 as U8 of half the columns), NAME_scale
 * its scales; lm_head then stands by itself, tied or not. Failure: CODE_MODEL naming the tensor, what is there and what
 * is needed. model_done frees the layer arrays only. */
int
model_bind(struct model *m, const struct hparams *hp, const struct checkpoint *c, struct error *err);
/* Shapes and types alone, plain weights as bfloat16 would be stored; data stay NULL. */
void
model_shape(struct model *m, const struct hparams *hp);
void
model_done(struct model *m);

/* Calls fn for every tensor of the model in the order of computation: for loaders and checks. Stops when fn fails. */
int
model_each(struct model *m, int (*fn)(void *arg, const char *name, struct tensor *t, struct error *err), void *arg,
    struct error *err);

#endif
