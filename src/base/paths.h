/* paths.h: where the program keeps things: the XDG folders, or all of them under $IVCHAT_HOME. */
#ifndef BASE_PATHS_H
#define BASE_PATHS_H

#include "base/error.h"

struct paths {
	char *config;           /* $XDG_CONFIG_HOME/ivchat  or $IVCHAT_HOME/config */
	char *data;             /* $XDG_DATA_HOME/ivchat    or $IVCHAT_HOME/data */
	char *state;            /* $XDG_STATE_HOME/ivchat   or $IVCHAT_HOME/state */
	char *cache;            /* $XDG_CACHE_HOME/ivchat   or $IVCHAT_HOME/cache */
};

/* Reads the environment; makes nothing on disk. Fails (CODE_STORE) when neither HOME nor what would replace it
 * is set. paths_done() also takes a half-made one. */
int
paths_init(struct paths *p, struct error *err);
void
paths_done(struct paths *p);

#endif
