/* worth.h: whether it pays to compute tokens that are only guessed. Pure; private to engine/.
 *
 * A pass of several rows takes longer than one of a single row, by a factor that is measured while it goes; a guess that
 * is right saves a pass. How often guesses are right is followed too, by what they stand on and by how far ahead they are.
 * As many are made as promise the most; none where that is nothing. What is promised may not come: so each kind of guess
 * has a purse, which pays for what its passes took longer, gets what they saved, and is filled by a small part of all
 * time. An empty one ends guessing; so more than that part, and what the purse holds, is never lost. Where nothing is
 * promised a full purse pays for a trial, so that guessing begins again when the text has changed. */
#ifndef ENGINE_WORTH_H
#define ENGINE_WORTH_H

#include <stdbool.h>

#include "engine/backend.h"
#include "engine/guess.h"

struct worth {
	double cost[BACKEND_MAX_STEPS + 1];     /* seconds of a pass by its rows; 0: not known yet */
	bool begun[BACKEND_MAX_STEPS + 1];      /* there was one, which is not counted: it prepares things */
	double odds[GUESS_KINDS][BACKEND_MAX_STEPS];    /* of guess i (0: the next token), those before it being right */
	double purse[GUESS_KINDS];              /* in passes of a single row */
};

void
worth_init(struct worth *w);

/* How many of n guesses to compute beside the token that is known; 0: none. */
int
worth_take(const struct worth *w, enum guess_by by, int n);

/* A pass of so many rows took so long; its guesses stood on `by`. */
void
worth_passed(struct worth *w, enum guess_by by, int n_rows, double seconds);
/* Guess i of a pass was (not) the token chosen; not told where it did not come to that. */
void
worth_tried(struct worth *w, enum guess_by by, int i, bool right);

#endif
