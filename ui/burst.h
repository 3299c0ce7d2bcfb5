/* burst.h: a paste from a terminal that does not bracket pastes, told from typing: lines that come faster than a person
 * can type. Pure; what makes it certain that they were not typed earlier and held back by a slow line is the caller's. */
#ifndef UI_BURST_H
#define UI_BURST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct burst {
	struct buf bytes;               /* what came of it until now; empty: there is none */
	int64_t last;                   /* when */
};

/* Whether bytes that were read at once begin one: text, a line's end, and text behind it. */
bool
burst_begins(const char *s, size_t n);
/* Takes bytes that go on with it. false: they do not, or came too late. */
bool
burst_add(struct burst *b, const char *s, size_t n, int64_t now);
/* ms until it is over, or -1: there is none. */
int
burst_left(const struct burst *b, int64_t now);

#endif
