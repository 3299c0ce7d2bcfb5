/* burst.h: lines that come all at once, from a terminal that does not bracket pastes: what of them is typed and what is
 * pasted. Bytes with a line's end in them are held until nothing follows any more; then their content decides. Pure. */
#ifndef UI_BURST_H
#define UI_BURST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct burst {
	struct buf bytes;               /* what stood in the input and, from n_before on, what came; empty: there is none */
	size_t n_before;
	bool sure;                      /* nobody can have typed it: the line held nothing back, nor did we */
	int64_t last;                   /* when the last of it came */
};

/* Begins one, when the bytes that were read at once can: text with a line's end in it. false: they cannot. */
bool
burst_begin(struct burst *b, const char *before, const char *s, size_t n, bool sure, int64_t now);
/* Takes bytes that go on with it. false: they do not, or came too late. */
bool
burst_add(struct burst *b, const char *s, size_t n, int64_t now);
/* ms until it is over, or -1: there is none. */
int
burst_left(const struct burst *b, int64_t now);
/* How many of the bytes that came are keys; what is behind them is a paste.
 *
 * A line's end that nothing follows is Enter, and so is the one of a command like /image, whatever follows. Else lines
 * with text behind them are pasted, except for a few characters that a slow line may have held back: of those the first
 * Enter counts. */
size_t
burst_typed(const struct burst *b);
void
burst_clear(struct burst *b);

#endif
