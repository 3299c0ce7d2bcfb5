/* decoder.h: one step of the language model over some rows: a chunk of a prompt or one token. Private to engine/.
 * Order of calls: picture rows are copied into x, decoder_embed fills the others, decoder_layer 0 … n_layers - 2,
 * decoder_last_layer (or decoder_layer once more), decoder_logits when the last row's are wanted. */
#ifndef ENGINE_DECODER_H
#define ENGINE_DECODER_H

#include "engine/backend.h"

struct decoder_work {
	struct backend *backend;
	const struct model *model;
	struct kv_cache *kv;
	int max_rows;                           /* of one step */
	struct device_buffer *x;                /* residual stream [max_rows, H] */
	struct device_buffer *q;                /* [max_rows, n_heads D] */
	struct device_buffer *attended;         /* [max_rows, n_heads D] */
	struct device_buffer *h;                /* [max_rows, M] */
	struct device_buffer *logits;           /* [max_steps, V] */
};

/* decoder_done takes half-made ones. */
int
decoder_init(struct decoder_work *w, struct backend *b, const struct model *m, int n_ctx, int max_rows,
    struct error *err);
void
decoder_done(struct decoder_work *w);

/* The step is n ids at positions pos …; ids below 0 leave their row of x to the caller. */
void
decoder_embed(struct decoder_work *w, const int32_t *ids, int n, int pos);
/* The same for tokens that each get what a step of its own would give (begin_steps); decoder_layer only, then. */
void
decoder_embed_steps(struct decoder_work *w, const int32_t *ids, int n, int pos);
void
decoder_layer(struct decoder_work *w, int layer);
/* The last of them for a step of n rows of which only the last has logits, or none has: the other rows of x are left as
 * the layer before made them. */
void
decoder_last_layer(struct decoder_work *w, int layer, int n, bool has_logits);
void
decoder_logits(struct decoder_work *w);

#endif
