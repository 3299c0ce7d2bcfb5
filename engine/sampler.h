/* sampler.h: the part of a sampler that context.c and tests use. Private to engine/. */
#ifndef ENGINE_SAMPLER_H
#define ENGINE_SAMPLER_H

#include "engine/engine.h"

/* What may be drawn after all filters: n ids and probabilities that sum to 1; most probable first when there is a
 * filter, in order of ids when there is none. */
struct drawable {
	int n;
	const int32_t *ids;
	const float *probs;
};

/* The filtered distribution for these raw logits, none of which is NaN; lent until the next call. Temperature must not be 0. */
struct drawable
sampler_filter(struct sampler *s, const float *logits);

/* Without temperature and penalty it takes the largest logit as it is, and one that was given its ids takes those. */
bool
sampler_needs_logits(const struct sampler *s);

/* The next id for these raw logits [vocab_size]; remembered. */
int32_t
sampler_choose(struct sampler *s, const float *logits);
/* The next id of one that needs no logits, when `best` has the largest. */
int32_t
sampler_follow(struct sampler *s, int32_t best);

#endif
