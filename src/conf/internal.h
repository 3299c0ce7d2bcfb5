/* internal.h: what conf.c (values) and file.c (lines) share. */
#ifndef CONF_INTERNAL_H
#define CONF_INTERNAL_H

#include "conf/conf.h"

enum conf_from { CONF_DEFAULT, CONF_FILE, CONF_ENVIRONMENT, CONF_PRESET, CONF_SET };

/* Gives a key its value. -1, CODE_USAGE: no such key, or not such a value. */
int
conf_give(struct conf *c, const char *key, const char *value, enum conf_from from, const char *where,
    struct error *err);
void
conf_warn(struct conf *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The key of "bind KEY", or NULL: it is something else. */
const char *
conf_bound_key(const char *name);
void
conf_bind(struct conf *c, const char *key, const char *action, const char *where);

/* Begins a preset anew, also one that was there. */
void
conf_preset_begin(struct conf *c, const char *name);
/* Adds "temp" and its like to the preset that was begun last. */
int
conf_preset_add(struct conf *c, const char *key, const char *value, const char *where, struct error *err);

/* Reads a file and what it includes. */
void
conf_read(struct conf *c, const char *path);

#endif
