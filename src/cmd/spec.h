/* spec.h: what guessing ahead is worth (engine/guess.h): three fixed texts, answered with and without. */
#ifndef CMD_SPEC_H
#define CMD_SPEC_H

#include "cmd/measure.h"

/* What passes take by their rows, then copying, talking, changing code: figures of group spec. A model chooses the tokens of its answer itself; weights that
 * are made up say nothing, so these are given the answer's tokens, a word each, as if they had been chosen, while the
 * device computes all that it would. how: as from the options; where it then does not guess by itself, it does so
 * whatever it costs. Stops at the first failure. */
int
spec_measure(struct measure *m, enum engine_guess how);

#endif
