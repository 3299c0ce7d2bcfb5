/* inline.h: the text of one paragraph, heading or cell, from Markdown to styled text: emphasis, code, links, formulas.
 * What is not well formed stays as it was written. Time is linear in the text. Pure. */
#ifndef UI_INLINE_H
#define UI_INLINE_H

#include <stdbool.h>

#include "ui/styled.h"

/* Appends in->text[start..end) without its markup; `base` is the role of plain text; `math`: formulas that are certain
 * as Unicode. */
void
inline_add(struct styled *out, enum theme_role base, const struct styled *in, size_t start, size_t end,
    bool math);

#endif
