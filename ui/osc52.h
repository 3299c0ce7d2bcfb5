/* osc52.h: text → the sequence that puts it into the terminal's clipboard. Pure. */
#ifndef UI_OSC52_H
#define UI_OSC52_H

#include <stddef.h>

#include "base/buf.h"

/* Who stands between us and the terminal. */
enum osc52_way { OSC52_PLAIN, OSC52_TMUX, OSC52_SCREEN };

/* Appends the sequence for the beginning of s[0..n), at most max bytes of it, cut between characters; returns how many. */
size_t
osc52_write(struct buf *out, enum osc52_way way, const char *s, size_t n, size_t max);

#endif
