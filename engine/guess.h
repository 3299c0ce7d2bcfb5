/* guess.h: what may come next, out of the text itself: where its last three tokens (else its last two) stood latest
 * before, what followed them there is the guess. Pure; private to engine/. */
#ifndef ENGINE_GUESS_H
#define ENGINE_GUESS_H

#include <stdint.h>

#define GUESS_PICTURE (-1)      /* a place that no text matches */

/* How many tokens were found again; the longer, the likelier that the guess is right. */
enum guess_by { GUESS_BY_TWO, GUESS_BY_THREE, GUESS_KINDS };

struct guess;

/* For texts of n_max tokens at most. */
struct guess *
guess_new(int n_max);
void
guess_free(struct guess *g);

/* The text: how long it is, one token more, and only its first n. Each takes the same short time for every token. */
int
guess_n(const struct guess *g);
void
guess_add(struct guess *g, int32_t id);
void
guess_cut(struct guess *g, int n);

/* Up to `most` tokens that may follow the text; returns how many, and in *by what they stand on. */
int
guess_next(const struct guess *g, int most, int32_t *ids, enum guess_by *by);

#endif
