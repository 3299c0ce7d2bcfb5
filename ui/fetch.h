/* fetch.h: a picture out of the terminal's own clipboard, by OSC 5522 (kitty's): one question, and an answer in many
 * pieces. The terminal may ask the person first. Pure but for the question. */
#ifndef UI_FETCH_H
#define UI_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct term;

struct fetch {
	int64_t until;                  /* when it is given up; 0: nothing was asked */
	struct buf mime, bytes;         /* what is being taken: the first kind that comes */
};

enum fetch_end { FETCH_GOES_ON, FETCH_DONE, FETCH_FAILED };

void
fetch_begin(struct fetch *f, const struct term *term, int64_t now);
/* One whole answer of the terminal; others than these change nothing. DONE: the picture's file is in bytes. After DONE
 * and FAILED: fetch_done. */
enum fetch_end
fetch_answer(struct fetch *f, const char *s, size_t n);
void
fetch_done(struct fetch *f);

#endif
