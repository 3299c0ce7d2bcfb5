/* context.h: what context.c and snapshot.c share: the timeline's struct. Private to engine/. */
#ifndef ENGINE_CONTEXT_H
#define ENGINE_CONTEXT_H

#include "engine/decoder.h"
#include "engine/running.h"

#define NOTHING (-1)

/* One token of the timeline. */
struct place {
	int32_t id;
	int row;                        /* of the picture that stands here; NOTHING: text */
	uint8_t key[PIXELS_KEY];        /* the picture's */
	int begin, to;                  /* of the batch that computed it */
	bool stepped;                   /* that batch was a step of its own */
};

struct context {
	struct engine *engine;
	struct decoder_work decoder;
	struct place *places;           /* [n_ctx] */
	int n_used;
	int32_t pending;                /* chosen, not computed; NOTHING: none */
	bool launched;                  /* the step of the pending token has been asked for already */
	bool has_logits;                /* there are logits at the end of the timeline, on the device */
	bool has_copy;                  /* … and here */
	float *logits;                  /* [vocab_size] */
	struct device_graph *graph;     /* a step of one token, where the backend records such */
	int32_t *ids;                   /* of the step in work; -1 where a picture stands */
};

#endif
