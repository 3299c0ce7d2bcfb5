/* match.h: private to store/: a pattern that a person gave, ready to be looked for in lines of text. Literal text or a
 * POSIX extended expression; letters exact or not; anywhere or as whole words. */
#ifndef STORE_MATCH_H
#define STORE_MATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "store/store.h"

struct match;

/* CODE_USAGE: an empty pattern, not UTF-8, or an expression that regcomp refuses. */
struct match *
match_new(const struct query *query, struct error *err);
void
match_free(struct match *m);

/* Whether a JSON string, given as its bytes between the quotes, may have a line that fits. False is certain. Made to be
 * fast: most strings of a store end here. */
bool
match_maybe(struct match *m, const char *json, size_t n);

/* Whether this line, without its newline, fits. */
bool
match_line(struct match *m, const char *line, size_t n);

#endif
