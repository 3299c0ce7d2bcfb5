/* context.h: what context.c, step.c and snapshot.c share: the timeline's struct. Private to engine/. */
#ifndef ENGINE_CONTEXT_H
#define ENGINE_CONTEXT_H

#include "engine/decoder.h"
#include "engine/guess.h"
#include "engine/running.h"
#include "engine/worth.h"

#define NOTHING (-1)

/* One token of the timeline. */
struct place {
	int32_t id;
	int row;                        /* of the picture that stands here; NOTHING: text */
	uint8_t key[PIXELS_KEY];        /* the picture's */
	int begin, to;                  /* of the batch that computed it */
	bool stepped;                   /* that batch was a step of its own */
};

/* What was asked of the device last: one token after another, of which the first is chosen and the others are guessed to
 * be. Rows 0 … row are tokens of the timeline; those behind were computed, but nobody has chosen them yet. */
struct pass {
	int n;                          /* rows; 0: none but a prompt's, which has its logits in row 0 */
	int32_t ids[BACKEND_MAX_STEPS];
	int row;                        /* the last one of the timeline, whose logits are those at its end */
	enum guess_by by;
	double begun;                   /* seconds of the clock */
};

struct context {
	struct engine *engine;
	struct decoder_work decoder;
	struct place *places;           /* [n_ctx] */
	int n_used;
	int32_t pending;                /* chosen, not computed; NOTHING: none */
	bool launched;                  /* the pass that begins with the pending token has been asked for already */
	struct pass pass;
	struct guess *guess;            /* NULL: nothing is guessed */
	bool always;                    /* … whether it pays or not */
	struct worth worth;
	struct guess_report guesses;
	bool has_logits;                /* there are logits at the end of the timeline, on the device */
	const float *logits;            /* … and here [vocab_size], lent by the backend; NULL: not asked for */
	struct device_graph *graph;     /* a step of one token, where the backend records such */
	int32_t *ids;                   /* of the step in work; -1 where a picture stands */
};

/* Forgets what is behind the timeline: logits, the token chosen, what was asked for in advance. (context.c) */
void
context_drop_end(struct context *ctx);

/* Asks for the logits of the step in work, and for the greedy choice among them. (step.c) */
void
context_find_logits(struct context *ctx);

#endif
