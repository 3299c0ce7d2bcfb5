/* vision.h: one picture through the tower, layer by layer, so that tests can look at every state. Private to
 * engine/. Order of calls: vision_embed, vision_layer 0 … n_vision_run - 1, vision_project; or vision_run for all. */
#ifndef ENGINE_VISION_H
#define ENGINE_VISION_H

#include "engine/backend.h"
#include "engine/engine.h"

struct vision_work {
	struct backend *backend;
	const struct model *model;
	int n_tokens;                           /* class token included */
	float *values;                          /* pixel values on the host [3, S, S]; NULL: the device computes them */
	struct device_buffer *pixels;           /* the same on the device */
	struct device_buffer *x;                /* residual stream [n_tokens, C] */
	struct device_buffer *qkv;              /* [n_tokens, 3C] */
	struct device_buffer *attended;         /* [n_tokens, C] */
	struct device_buffer *h;                /* [n_tokens, F] */
	struct device_buffer *tmp;              /* projector: [tokens, 4C] + [tokens, H] */
	struct device_buffer *out;              /* [tokens, H], where a recorded run leaves its rows */
	struct device_graph *graph;             /* a whole picture, where the backend records */
	bool warm;                              /* one has been computed: nothing is loaded while it is recorded */
};

/* Allocates for pictures of the model's size. vision_done takes half-made ones. */
int
vision_init(struct vision_work *w, struct backend *b, const struct model *m, struct error *err);
void
vision_done(struct vision_work *w);

/* out[3, S, S] = (rgb / 255 - mean) / std */
void
vision_pixel_values(float *out, const struct pixels *pixels);

void
vision_embed(struct vision_work *w, const struct pixels *pixels);
void
vision_layer(struct vision_work *w, int layer);
void
vision_project(struct vision_work *w, struct device_buffer *out);

/* out[n_image_tokens, H]. Stopped: CODE_SIGINT, out is undefined. A device that records may still be at work on it: what is
 * asked of it later comes after, and a failure is found by the next sync. */
int
vision_run(struct vision_work *w, const struct pixels *pixels, struct device_buffer *out, const struct watch *watch,
    struct error *err);

#endif
