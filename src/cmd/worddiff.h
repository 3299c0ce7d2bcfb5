/* worddiff.h: what changed from one text to another, word by word, as one text: [-gone-] {+new+}. */
#ifndef CMD_WORDDIFF_H
#define CMD_WORDDIFF_H

#include <stddef.h>

#include "base/buf.h"

/* What stands around the words. */
struct worddiff_marks {
	const char *gone, *gone_end, *new, *new_end;
};
extern const struct worddiff_marks worddiff_plain;      /* as above */

/* Appends the second text with what the first had in its place. A word ends at white space; a character of a script
 * without spaces is a word of its own. White space alone makes no difference. */
void
worddiff(struct buf *out, const char *a, size_t a_n, const char *b, size_t b_n, const struct worddiff_marks *marks);

#endif
