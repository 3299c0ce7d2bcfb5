/* slash.h: running a slash command by its line. The table is in app.h. */
#ifndef APP_SLASH_H
#define APP_SLASH_H

#include "app.h"
#include "base/error.h"

struct app;

int
slash_run(struct app *app, const char *line, struct error *err);        /* line: without the slash */
/* The command of that name, alias or unique prefix; NULL with err set. */
const struct slash *
slash_find(const char *word, struct error *err);
char *
slash_help(const struct ui_keymap *map, bool reading);         /* the whole page, what one does first; the caller frees */

#endif
