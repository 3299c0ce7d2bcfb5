/* lock.h: private to store/: one writer a session.
 *
 * Two locks, because neither works everywhere: flock on the session file (gone with its process, but not known to all
 * file systems), and ID.lock, which names host, process and its start time, so that a dead owner on this host can be
 * told from a live one. */
#ifndef STORE_LOCK_H
#define STORE_LOCK_H

#include "base/error.h"
#include "store/store.h"

/* Locks the open session file fd and writes lock_path. CODE_STORE when another writer has it. */
int
lock_take(int fd, const char *lock_path, struct error *err);

/* Removes lock_path; the flock ends when the caller closes fd. */
void
lock_drop(const char *lock_path);

/* Who has it, as far as the file tells: another host's process, or a living one of this host. */
enum store_writer
lock_writer(const char *lock_path);

#endif
