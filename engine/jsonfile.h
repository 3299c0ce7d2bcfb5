/* jsonfile.h: the JSON files of a model folder. Inside the engine only. */
#ifndef ENGINE_JSONFILE_H
#define ENGINE_JSONFILE_H

#include <jansson.h>

#include "base/error.h"

/* The object in <dir>/<name>; the caller owns it. A file that is missing, above 64 MiB, not JSON, not an object, or
 * with one key twice: NULL with CODE_MODEL. */
json_t *
jsonfile_read(const char *dir, const char *name, struct error *err);

/* The same for a file that need not be there: *out is then NULL. Returns 0 or -1. */
int
jsonfile_read_optional(json_t **out, const char *dir, const char *name, struct error *err);

#endif
