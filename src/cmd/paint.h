/* paint.h: colours of what subcommands print, from the sixteen that a terminal has by its own choice. On a terminal there
 * are some, unless it is dumb, ACCESSIBLE is set or ui.theme is mono; NO_COLOR leaves bold and faint; elsewhere there are
 * none but with CLICOLOR_FORCE, which NO_COLOR overrules. */
#ifndef CMD_PAINT_H
#define CMD_PAINT_H

#include <stdbool.h>

#include "cmd/options.h"

enum paint { PAINT_TEXT, PAINT_HEAD, PAINT_NAME, PAINT_USER, PAINT_ANSWER, PAINT_FAINT, PAINT_GOOD, PAINT_BAD };

struct painter {
	bool colours, attributes;
	bool visible;           /* what is printed acts on a terminal: control characters of texts are made visible */
};

/* For standard output. */
struct painter
painter_of(const struct options *o);
/* The same where a pager reads it, which may take escape codes for letters. */
struct painter
painter_of_pager(const struct options *o);

/* What begins and ends a stretch of this kind: "" where there is nothing to say. Static. */
const char *
paint_on(const struct painter *p, enum paint kind);
const char *
paint_off(const struct painter *p, enum paint kind);

/* Text that somebody else wrote, onto standard output. */
void
paint_text(const struct painter *p, enum paint kind, const char *text, size_t n);

#endif
