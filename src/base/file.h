/* file.h: whole files, safe replacement, folders. Every failure names the path and the reason. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"

/* Appends the whole file to out. More than max bytes, a folder or a read error: -1 with `code`. */
int
file_read(const char *path, size_t max, struct buf *out, enum code code, struct error *err);

/* The same from an open descriptor until its end; `name` stands for it in messages. */
int
file_read_fd(int fd, const char *name, size_t max, struct buf *out, enum code code, struct error *err);

/* write(2) until all is written or an error comes (EINTR is retried). Returns 0, or -1 with errno. */
int
file_write_all(int fd, const void *bytes, size_t n);

/* Replaces path by these bytes: temporary name beside it, fsync, rename. All of it or nothing. */
int
file_replace(const char *path, const void *bytes, size_t n, mode_t mode, struct error *err);

/* mkdir -p, new folders with `mode`. */
int
file_make_dirs(const char *path, mode_t mode, struct error *err);

/* Removes files of this folder, those changed longest ago first, until the others have max bytes at most. What cannot be
 * removed is left. A folder that is not there is empty. */
int
file_make_room(const char *folder, long long max, struct error *err);

bool
file_exists(const char *path);

/* "~" and "~/x" become paths in $HOME; other text is copied. The caller frees. */
char *
file_expand_home(const char *path);
/* The other way: what lies in $HOME begins with "~". The caller frees. */
char *
file_shorten_home(const char *path);

#endif
