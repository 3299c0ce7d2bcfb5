/* engine.c: load and free, choice of the backend, and the cache of pictures. An engine holds what all contexts of a
 * model share: weights, work space of the tower, rows of recent pictures. */
#include "config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "engine/choose.h"
#include "engine/running.h"

/* ---- loading */

static int
limit_of(const struct engine_options *options, const struct hparams *hp)
{
	int most = hp->llm.max_position_embeddings;

	return options && options->n_ctx > 0 && options->n_ctx < most ? options->n_ctx : most;
}

int
engine_n_slots(const struct hparams *hp)
{
	size_t each = (size_t)hparams_n_image_tokens(hp) * (size_t)hp->llm.hidden_size * sizeof(float);
	size_t n = PICTURES_MAX_BYTES / each;

	return n < 1 ? 1 : n > PICTURES_MAX ? PICTURES_MAX : (int)n;
}

static struct backend *
open_cpu(const struct hparams *hp, const struct engine_options *o, struct error *err)
{
	return choose_cpu(hp, o, err) == 0 ? cpu_backend_new(o->n_threads, err) : NULL;
}

#ifdef HAVE_CUDA

static int
open_backend(struct engine *e, const struct engine_options *o, struct error *err)
{
	struct choice choice;

	if (o->no_gpu)
		e->backend = open_cpu(&e->model.hp, o, err);
	else if (choose_device(&choice, &e->model, o, e->n_ctx, err) != 0)
		return -1;
	else if (choice.n_gpus == 0)
		e->backend = cpu_backend_new(o->n_threads, err);
	else
		e->backend = cuda_backend_new(choice.gpus, choice.n_gpus, choose_quant(choice.quant), err);
	return e->backend ? 0 : -1;
}

bool
engine_is_spoilt(void)
{
	return cuda_is_spoilt();
}

#else

bool
engine_is_spoilt(void)
{
	return false;
}

static int
open_backend(struct engine *e, const struct engine_options *o, struct error *err)
{
	e->backend = open_cpu(&e->model.hp, o, err);
	return e->backend ? 0 : -1;
}

#endif

/* Weights from the files, or shapes alone for numbers that are made up. */
static int
bind_model(struct engine *e, const struct hparams *hp, const char *dir, const struct engine_options *o,
    struct error *err)
{
	if (o->random_shape) {
		model_shape(&e->model, hp);
		return 0;
	}
	e->checkpoint = checkpoint_open(dir, err);
	return e->checkpoint ? model_bind(&e->model, hp, e->checkpoint, err) : -1;
}

static int
read_hparams(struct hparams *hp, const char *dir, const struct engine_options *o, struct error *err)
{
	int rc;

	if (o->random_shape && strcmp(o->random_shape, "40b") == 0)
		return hparams_default(hp, err);
	rc = hparams_read(hp, o->random_shape ? o->random_shape : dir, err);
	if (o->random_shape)
		hp->stored = ENGINE_AUTO;       /* what is made up is in no file */
	return rc;
}

static int
open_all(struct engine *e, const struct card *card, const struct engine_options *o, const struct watch *watch,
    struct error *err)
{
	const char *dir = card_info(card)->dir;
	struct hparams hp;

	if (read_hparams(&hp, dir, o, err) != 0 || bind_model(e, &hp, dir, o, err) != 0)
		return -1;
	e->n_ctx = limit_of(o, &hp);
	e->guess = o->guess;
	e->n_stops = card_info(card)->n_stops;
	memcpy(e->stops, card_info(card)->stops, sizeof e->stops);
	if (open_backend(e, o, err) != 0 || e->backend->ops->load(e->backend, &e->model, e->checkpoint, watch, err) != 0)
		return -1;
	if (hp.text_only)
		return 0;
	e->max_seen = engine_n_slots(&hp);
	return vision_init(&e->vision, e->backend, &e->model, err);
}

struct engine *
engine_open(const struct card *card, const struct engine_options *options, const struct watch *watch,
    struct error *err)
{
	static const struct engine_options usual;
	struct engine *e = xcalloc(1, sizeof *e);

	if (open_all(e, card, options ? options : &usual, watch, err) == 0)
		return e;
	engine_free(e);
	return NULL;
}

void
engine_free(struct engine *e)
{
	if (!e)
		return;
	vision_done(&e->vision);
	for (int i = 0; i < e->n_seen; i++)
		e->backend->ops->buffer_free(e->backend, e->seen[i].rows);
	if (e->backend)
		e->backend->ops->free(e->backend);
	model_done(&e->model);
	checkpoint_close(e->checkpoint);
	free(e);
}

const char *
engine_device(const struct engine *e)
{
	return e->backend->ops->describe(e->backend);
}

/* ---- pictures */

static struct seen *
find_seen(struct engine *e, const uint8_t key[PIXELS_KEY])
{
	for (int i = 0; i < e->n_seen; i++)
		if (e->seen[i].valid && memcmp(e->seen[i].key, key, PIXELS_KEY) == 0)
			return &e->seen[i];
	return NULL;
}

static struct seen *
oldest_seen(struct engine *e)
{
	struct seen *oldest = &e->seen[0];

	for (int i = 1; i < e->n_seen; i++)
		if (e->seen[i].used < oldest->used)
			oldest = &e->seen[i];
	return oldest;
}

/* A slot to fill: a new one while there may be more, else the one unused for longest. */
static struct seen *
take_slot(struct engine *e, struct error *err)
{
	const struct hparams *hp = &e->model.hp;
	struct seen *s;

	if (e->n_seen == e->max_seen)
		return oldest_seen(e);
	s = &e->seen[e->n_seen];
	s->rows = e->backend->ops->buffer_new(e->backend,
	    (size_t)hparams_n_image_tokens(hp) * (size_t)hp->llm.hidden_size, err);
	if (!s->rows)
		return NULL;
	e->n_seen++;
	return s;
}

const struct device_buffer *
engine_rows(struct engine *e, const struct pixels *pixels, const struct watch *watch, bool *computed,
    struct error *err)
{
	struct seen *s = find_seen(e, pixels->key);

	*computed = !s;
	if (!s) {
		s = take_slot(e, err);
		if (!s)
			return NULL;
		s->valid = false;
		s->used = 0;
		if (vision_run(&e->vision, pixels, s->rows, watch, err) != 0)
			return NULL;
		memcpy(s->key, pixels->key, PIXELS_KEY);
		s->valid = true;
	}
	s->used = ++e->clock;
	return s->rows;
}

int
engine_see(struct engine *e, const struct pixels *pixels, const struct watch *watch, struct error *err)
{
	bool computed;

	if (e->model.hp.text_only)
		return error_set(err, CODE_INPUT, "this model is for text only: it cannot look at pictures");
	return engine_rows(e, pixels, watch, &computed, err) ? e->backend->ops->sync(e->backend, err) : -1;
}
