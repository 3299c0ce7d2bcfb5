/* conform_images.c: pictures from the file to the rows that stand in the prompt, stage by stage. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "conform.h"
#include "engine/cpu/cpu.h"
#include "picture/picture.h"

/* The decoder and the resize together, against the golden's square, byte for byte. */
static void
check_decoding(struct fixture *f, const char *name)
{
	const struct tensor *rgb = golden_bytes(f->golden, "image.%s.rgb", name);
	char *path = xasprintf("%s/images/%s", f->folder, name);
	struct error err = {0};
	struct picture picture;
	struct pixels p = {0};

	if (!rgb || !file_exists(path)) {
		free(path);
		return;
	}
	if (picture_open(&picture, path, ORIENT_IGNORE, &err) != 0 ||
	    pixels_make(&p, (int)rgb->shape[0], picture.rgb, picture.width, picture.height, &err) != 0)
		check_failed(f->tally, name, &err);
	else
		check_true(f->tally, memcmp(p.rgb, rgb->data, (size_t)tensor_count(rgb)) == 0,
		    "%s decoded and resized: equal", name);
	pixels_done(&p);
	picture_done(&picture);
	free(path);
}

static void
check_pixel_values(struct fixture *f, const char *name, const struct pixels *p)
{
	struct golden want = golden_array(f->golden, "image.%s.pixel_values", name);
	float *got;

	if (!want.at)
		return;
	got = xcalloc(want.n, sizeof *got);
	vision_pixel_values(got, p);
	check_close(f->tally, "pixel_values", got, want.at, want.n, TOLERANCE_PIXELS);
	free(got);
}

/* Rows of a hidden state against an array that holds all of them or those listed. */
static void
check_rows(struct fixture *f, const char *label, const float *state, struct golden want, const char *list)
{
	size_t n_rows;
	int32_t *rows = json_ints(json_object_get(f->json, list), &n_rows);
	float *got;

	if (want.at) {
		got = xcalloc(want.n, sizeof *got);
		for (size_t i = 0; i < want.n_rows; i++) {
			size_t row = want.n_rows == n_rows ? (size_t)rows[i] : i;

			memcpy(got + i * want.n_columns, state + row * want.n_columns, want.n_columns * sizeof *got);
		}
		check_near(f->tally, label, got, want.at, want.n, TOLERANCE_STATES, RELATIVE_STATES);
		free(got);
	}
	free(rows);
}

/* Hidden state `index` of the tower (0: embeddings) against whatever the goldens have of it. */
static void
check_state(struct fixture *f, const char *name, const struct vision_work *w, int index, int n_layers)
{
	size_t n = (size_t)w->n_tokens * (size_t)w->model->hp.vision.hidden_size;
	float *state = xcalloc(n, sizeof *state);
	struct golden whole = {0};
	char label[128];

	w->backend->ops->download(w->backend, state, w->x, 0, n);
	if (index == 0)
		whole = golden_array(f->golden, "image.%s.vit.embeddings", name);
	else if (index == n_layers)
		whole = golden_array(f->golden, "image.%s.vit.last", name);
	snprintf(label, sizeof label, "%s vit state %d", name, index);
	check_rows(f, label, state, whole, "");
	if (index > 0)
		check_rows(f, label, state, golden_array(f->golden, "image.%s.vit.layer%d", name, index - 1), "");
	check_rows(f, label, state, golden_array(f->golden, "image.%s.vit.h%d.rows", name, index), "vit_rows");
	free(state);
}

static void
check_projector(struct fixture *f, const char *name, struct vision_work *w)
{
	const struct hparams *hp = &f->engine->model.hp;
	int grid = hp->image_size / hp->vision.patch_size, width = hp->vision.hidden_size;
	size_t n = (size_t)w->n_tokens * (size_t)width;
	size_t n_out = (size_t)hparams_n_image_tokens(hp) * (size_t)hp->llm.hidden_size;
	float *x = xcalloc(n, sizeof *x), *shuffled = xcalloc(n, sizeof *x), *rows = xcalloc(n_out, sizeof *rows);
	struct golden want = golden_array(f->golden, "image.%s.embeds", name);
	struct device_buffer *out = w->backend->ops->buffer_new(w->backend, n_out, NULL);
	char label[128];

	w->backend->ops->download(w->backend, x, w->x, 0, n);
	cpu_pixel_shuffle(shuffled, x + width, grid, width, hp->shuffle);
	snprintf(label, sizeof label, "%s shuffled", name);
	check_rows(f, label, shuffled, golden_array(f->golden, "image.%s.shuffled.rows", name), "shuffled_rows");
	vision_project(w, out);
	w->backend->ops->download(w->backend, rows, out, 0, n_out);
	snprintf(label, sizeof label, "%s embeds", name);
	if (want.at)
		check_near(f->tally, label, rows, want.at, want.n, TOLERANCE_STATES, RELATIVE_STATES);
	w->backend->ops->buffer_free(w->backend, out);
	free(x);
	free(shuffled);
	free(rows);
}

/* Runs all layers of `all`. */
static void
check_tower(struct fixture *f, struct model *all, const char *name, const struct pixels *p)
{
	struct vision_work w;
	struct error err = {0};
	int n_layers = all->hp.vision.n_layers;

	if (vision_init(&w, f->engine->backend, all, &err) != 0) {
		check_failed(f->tally, "vision_init", &err);
		return;
	}
	vision_embed(&w, p);
	check_state(f, name, &w, 0, n_layers);
	for (int i = 0; i < all->hp.n_vision_run; i++) {
		vision_layer(&w, i);
		check_state(f, name, &w, i + 1, n_layers);
		if (i + 1 == f->engine->model.hp.n_vision_run)
			check_projector(f, name, &w);
	}
	vision_done(&w);
}

static void
check_image(struct fixture *f, struct model *all, const char *name)
{
	struct pixels p = {0};

	check_decoding(f, name);
	if (!fixture_pixels(f, name, &p))
		return;
	check_pixel_values(f, name, &p);
	check_tower(f, all, name, &p);
	pixels_done(&p);
}

static void
check_each(struct fixture *f, struct model *all)
{
	const char *name;
	json_t *value;

	json_object_foreach(json_object_get(f->json, "images"), name, value)
		check_image(f, all, name);
}

/* On the CPU also the layers behind select_layer, which the goldens know and the model does not need; a GPU has only
 * those that it needs. */
void
check_images(struct fixture *f)
{
	struct hparams hp = f->engine->model.hp;
	struct model all = {0};
	struct error err = {0};

	if (f->gpu) {
		check_each(f, &f->engine->model);
		return;
	}
	hp.n_vision_run = hp.vision.n_layers;
	if (model_bind(&all, &hp, f->engine->checkpoint, &err) != 0) {
		check_failed(f->tally, "model_bind", &err);
		return;
	}
	check_each(f, &all);
	model_done(&all);
}
