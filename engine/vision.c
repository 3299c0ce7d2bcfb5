/* vision.c: pixel values → tower → shuffle → projector → rows of the decoder's width (model.md sections 3.4 to 5).
 * It calls operators in order and computes nothing itself but the pixel values. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "engine/running.h"
#include "engine/vision.h"

static struct device_buffer *
make(struct vision_work *w, size_t rows, int columns, struct error *err)
{
	return w->backend->ops->buffer_new(w->backend, rows * (size_t)columns, err);
}

int
vision_init(struct vision_work *w, struct backend *b, const struct model *m, struct error *err)
{
	const struct vision_hparams *hp = &m->hp.vision;
	size_t side = (size_t)m->hp.image_size, n_tokens = (size_t)hparams_n_image_tokens(&m->hp), n;
	int grid = m->hp.image_size / hp->patch_size;

	memset(w, 0, sizeof *w);
	w->backend = b;
	w->model = m;
	w->n_tokens = grid * grid + 1;
	n = (size_t)w->n_tokens;
	if (!b->ops->upload_picture && !(w->values = malloc(3 * side * side * sizeof *w->values)))
		return error_set(err, CODE_MEMORY, "no memory for a picture of %d x %d", m->hp.image_size,
		    m->hp.image_size);
	if (!(w->pixels = make(w, 3 * side * side, 1, err)) || !(w->x = make(w, n, hp->hidden_size, err)) ||
	    !(w->qkv = make(w, n, 3 * hp->hidden_size, err)) || !(w->attended = make(w, n, hp->hidden_size, err)) ||
	    !(w->h = make(w, n, hp->intermediate_size, err)) ||
	    !(w->tmp = make(w, n_tokens, 4 * hp->hidden_size + m->hp.llm.hidden_size, err)) ||
	    (b->ops->record && !(w->out = make(w, n_tokens, m->hp.llm.hidden_size, err))))
		return -1;
	return 0;
}

void
vision_done(struct vision_work *w)
{
	struct device_buffer *buffers[] = { w->pixels, w->x, w->qkv, w->attended, w->h, w->tmp, w->out };

	for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
		if (buffers[i])
			w->backend->ops->buffer_free(w->backend, buffers[i]);
	if (w->graph)
		w->backend->ops->graph_free(w->backend, w->graph);
	free(w->values);
	memset(w, 0, sizeof *w);
}

/* ImageNet's, the ones that every release was trained with (preprocessor_config.json repeats them) */
static const float mean[3] = { 0.485f, 0.456f, 0.406f }, std[3] = { 0.229f, 0.224f, 0.225f };

void
vision_pixel_values(float *out, const struct pixels *pixels)
{
	size_t n = (size_t)pixels->size * (size_t)pixels->size;
	float values[3][256];

	for (int v = 0; v < 256; v++)
		for (int c = 0; c < 3; c++)
			values[c][v] = ((float)v / 255.0f - mean[c]) / std[c];
	for (size_t i = 0; i < n; i++)
		for (size_t c = 0; c < 3; c++)
			out[c * n + i] = values[c][pixels->rgb[3 * i + c]];
}

/* Pixel values → the device: computed there, from a quarter of the bytes, where it can. */
static void
send(struct vision_work *w, const struct pixels *pixels)
{
	const struct backend_ops *ops = w->backend->ops;

	if (ops->upload_picture) {
		ops->upload_picture(w->backend, w->pixels, pixels->rgb, pixels->size, mean, std);
		return;
	}
	vision_pixel_values(w->values, pixels);
	ops->upload(w->backend, w->pixels, 0, w->values, 3 * (size_t)pixels->size * (size_t)pixels->size);
}

void
vision_embed(struct vision_work *w, const struct pixels *pixels)
{
	send(w, pixels);
	w->backend->ops->vision_embed(w->backend, w->model, w->x, w->pixels);
}

void
vision_layer(struct vision_work *w, int layer)
{
	struct backend *b = w->backend;
	const struct backend_ops *ops = b->ops;

	ops->vision_qkv(b, w->model, layer, w->qkv, w->x, w->n_tokens);
	ops->vision_attention(b, w->model, w->attended, w->qkv, w->n_tokens);
	ops->vision_proj(b, w->model, layer, w->x, w->attended, w->n_tokens);
	ops->vision_fc1(b, w->model, layer, w->h, w->x, w->n_tokens);
	ops->vision_fc2(b, w->model, layer, w->x, w->h, w->n_tokens);
}

void
vision_project(struct vision_work *w, struct device_buffer *out)
{
	w->backend->ops->project(w->backend, w->model, out, w->x, w->tmp);
}

static int
run_layers(struct vision_work *w, const struct pixels *pixels, struct device_buffer *out, const struct watch *watch,
    struct error *err)
{
	int n_layers = w->model->hp.n_vision_run;

	vision_embed(w, pixels);
	for (int i = 0; i < n_layers; i++) {
		watch_report(watch, STAGE_PICTURE, i, n_layers);
		if (watch_stopped(watch))
			return error_set(err, CODE_SIGINT, "stopped while looking at a picture");
		vision_layer(w, i);
	}
	vision_project(w, out);
	return 0;
}

static void
record(struct vision_work *w)
{
	struct backend *b = w->backend;

	if (b->ops->record(b) != 0)
		return;
	b->ops->vision_embed(b, w->model, w->x, w->pixels);
	for (int i = 0; i < w->model->hp.n_vision_run; i++)
		vision_layer(w, i);
	vision_project(w, w->out);
	w->graph = b->ops->record_end(b);
}

/* All at once, without a launch between; nobody waits for it here, so what comes next is asked for while it runs. */
static void
run_recorded(struct vision_work *w, const struct pixels *pixels, struct device_buffer *out, const struct watch *watch)
{
	struct backend *b = w->backend;
	size_t n = (size_t)hparams_n_image_tokens(&w->model->hp) * (size_t)w->model->hp.llm.hidden_size;

	watch_report(watch, STAGE_PICTURE, 0, w->model->hp.n_vision_run);
	send(w, pixels);
	if (!w->graph)
		record(w);
	if (w->graph)
		b->ops->replay(b, w->graph);
	b->ops->copy(b, out, 0, w->out, 0, n);
}

int
vision_run(struct vision_work *w, const struct pixels *pixels, struct device_buffer *out, const struct watch *watch,
    struct error *err)
{
	int n_layers = w->model->hp.n_vision_run;

	if (pixels->size != w->model->hp.image_size)
		return error_set(err, CODE_INPUT, "a picture of %d x %d, where the model sees %d x %d", pixels->size,
		    pixels->size, w->model->hp.image_size, w->model->hp.image_size);
	if (w->warm && w->out) {
		run_recorded(w, pixels, out, watch);
	} else {
		if (run_layers(w, pixels, out, watch, err) != 0 || w->backend->ops->sync(w->backend, err) != 0)
			return -1;
		w->warm = true;
	}
	watch_report(watch, STAGE_PICTURE, n_layers, n_layers);
	return 0;
}
