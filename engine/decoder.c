/* decoder.c: the language model, from top to bottom like the paper (model.md section 6). Operators in order; what
 * they compute is behind the border. */
#include "config.h"

#include <assert.h>
#include <string.h>

#include "engine/decoder.h"

static struct device_buffer *
make(struct decoder_work *w, size_t rows, int columns, struct error *err)
{
	return w->backend->ops->buffer_new(w->backend, rows * (size_t)columns, err);
}

int
decoder_init(struct decoder_work *w, struct backend *b, const struct model *m, int n_ctx, int max_rows,
    struct error *err)
{
	const struct llm_hparams *hp = &m->hp.llm;
	size_t n = (size_t)max_rows;

	memset(w, 0, sizeof *w);
	w->backend = b;
	w->model = m;
	w->max_rows = max_rows;
	if (!(w->kv = b->ops->kv_new(b, m, n_ctx, err)) || !(w->x = make(w, n, hp->hidden_size, err)) ||
	    !(w->q = make(w, n, hp->n_heads * hp->head_dim, err)) ||
	    !(w->attended = make(w, n, hp->n_heads * hp->head_dim, err)) ||
	    !(w->h = make(w, n, hp->intermediate_size, err)) || !(w->logits = make(w, (size_t)b->ops->max_steps, hp->vocab_size, err)))
		return -1;
	return 0;
}

void
decoder_done(struct decoder_work *w)
{
	struct device_buffer *buffers[] = { w->x, w->q, w->attended, w->h, w->logits };

	for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
		if (buffers[i])
			w->backend->ops->buffer_free(w->backend, buffers[i]);
	if (w->kv)
		w->backend->ops->kv_free(w->backend, w->kv);
	memset(w, 0, sizeof *w);
}

void
decoder_embed(struct decoder_work *w, const int32_t *ids, int n, int pos)
{
	assert(n <= w->max_rows);
	w->backend->ops->begin(w->backend, ids, n, pos);
	w->backend->ops->embed(w->backend, w->model, w->x);
}

void
decoder_embed_steps(struct decoder_work *w, const int32_t *ids, int n, int pos)
{
	assert(n <= w->max_rows && n <= w->backend->ops->max_steps);
	w->backend->ops->begin_steps(w->backend, ids, n, pos);
	w->backend->ops->embed(w->backend, w->model, w->x);
}

static void
finish_layer(struct decoder_work *w, int layer)
{
	struct backend *b = w->backend;
	const struct backend_ops *ops = b->ops;

	ops->attention(b, w->model, layer, w->attended, w->q, w->kv);
	ops->attn_out(b, w->model, layer, w->x, w->attended);
	ops->swiglu(b, w->model, layer, w->h, w->x);
	ops->mlp_out(b, w->model, layer, w->x, w->h);
}

void
decoder_layer(struct decoder_work *w, int layer)
{
	struct backend *b = w->backend;

	b->ops->qkv_rope(b, w->model, layer, w->q, w->kv, w->x);
	finish_layer(w, layer);
}

/* Of the last layer all keys and values are kept, but what comes behind them is of use in one row: the one that has
 * logits, if any. */
void
decoder_last_layer(struct decoder_work *w, int layer, int n, bool has_logits)
{
	struct backend *b = w->backend;

	b->ops->qkv_rope(b, w->model, layer, w->q, w->kv, w->x);
	if (!has_logits)
		return;
	if (n > 1)
		b->ops->last_row(b);
	finish_layer(w, layer);
}

void
decoder_logits(struct decoder_work *w)
{
	w->backend->ops->logits(w->backend, w->model, w->logits, w->x);
}
