/* math.h: TeX formulas as Unicode text, where that is certain. Pure. */
#ifndef UI_MATH_H
#define UI_MATH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Appends the formula tex[0..n) (without its dollars or brackets). false when anything in it is not known or has no
 * form in a line of Unicode; out is then as it was. */
bool
math_unicode(struct buf *out, const char *tex, size_t n);

/* Whether text between dollars or brackets is meant as a formula, and not two prices, variables or some words. */
bool
math_likely(const char *tex, size_t n);

#endif
