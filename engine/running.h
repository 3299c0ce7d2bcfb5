/* running.h: what engine.c and context.c share: the engine's struct, its pictures, the watch. Private to engine/. */
#ifndef ENGINE_RUNNING_H
#define ENGINE_RUNNING_H

#include "engine/backend.h"
#include "engine/checkpoint.h"
#include "engine/engine.h"
#include "engine/model.h"
#include "engine/vision.h"
#include "engine/watch.h"

#define PICTURES_MAX 16
#define PICTURES_MAX_BYTES (64 << 20)

/* The rows of a picture seen lately. */
struct seen {
	bool valid;
	uint8_t key[PIXELS_KEY];
	uint64_t used;                  /* engine's clock when last asked for */
	struct device_buffer *rows;     /* [n_image_tokens, H] */
};

struct engine {
	struct checkpoint *checkpoint;  /* NULL: the weights are made up */
	struct model model;
	struct backend *backend;
	int n_ctx;
	enum engine_guess guess;
	int n_stops;                    /* ids after which nothing is asked for in advance */
	int32_t stops[CARD_MAX_STOPS];
	struct vision_work vision;      /* unused when text_only */
	struct seen seen[PICTURES_MAX];
	int n_seen, max_seen;           /* slots in use, slots allowed */
	uint64_t clock;
};

/* How many pictures the cache may hold: by number and by bytes, one at least. */
int
engine_n_slots(const struct hparams *hp);

/* The picture's rows, from the cache or computed, perhaps still on their way, as vision_run says; lent until the next call.
 * *computed says which. */
const struct device_buffer *
engine_rows(struct engine *e, const struct pixels *pixels, const struct watch *watch, bool *computed,
    struct error *err);

#endif
