/* settings.h: what /set can show and change. */
#ifndef APP_SETTINGS_H
#define APP_SETTINGS_H

#include "base/error.h"

struct app;

/* One of temp top_p top_k repeat_penalty seed max_tokens. */
int
settings_set(struct app *app, const char *key, const char *value, struct error *err);
char *
settings_show(const struct app *app, const char *key, struct error *err);       /* key NULL: all; the caller frees */
const char *
settings_key(int i);                            /* NULL past the last */

#endif
