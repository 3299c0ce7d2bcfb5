/* survey.h: a row of logits from afar, by blocks of SURVEY_BLOCK: the largest of each, and about what each weighs. Enough
 * to tell which logits need a closer look, at a fraction of what looking at all of them takes. Private to engine/. */
#ifndef ENGINE_SURVEY_H
#define ENGINE_SURVEY_H

#include <stdint.h>

#define SURVEY_BLOCK 64
#define SURVEY_ERROR 1e-9       /* of a weight, relative, at most */
#define SURVEY_FAR 0x1p20f      /* floats of that size are 1/8 apart at most */

/* Integers in the order of floats; -0 comes just before 0. */
int32_t
survey_order(float f);

/* logits[n_blocks, SURVEY_BLOCK] /= by; top[n_blocks] = the largest of each block. No logit is NaN. */
void
survey_divide(float *logits, float by, float *top, int n_blocks);

/* weights[n_blocks] = about the sum of exp(logit - max) over each block; no logit is larger than max, and that is not further
 * than SURVEY_FAR from 0. What is more than 700 below max counts as if it were 700 below: as nothing. */
void
survey_weigh(double *weights, const float *logits, float max, int n_blocks);

#endif
