/* digests.h: whether the files of a model folder are those that were published: `ivchat model check --full` */
#ifndef CMD_DIGESTS_H
#define CMD_DIGESTS_H

#include "base/error.h"

/* Reads every file of a model folder, prints its SHA-256 and whether it is what its download said it would be. -1 with
 * CODE_MODEL: a file is another one, or cannot be read; those after it are not looked at. */
int
digests_check(const char *dir, struct error *err);

#endif
