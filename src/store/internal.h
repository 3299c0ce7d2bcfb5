/* internal.h: private to store/: the folders, and what its files tell each other about session files. */
#ifndef STORE_INTERNAL_H
#define STORE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "store/store.h"

#define SESSION_MAX_BYTES ((size_t)1 << 30)
#define FOLDER_MODE 0700
#define FILE_MODE 0600

struct store {
	char *sessions, *pictures, *trash;      /* folders */
	char *snapshots;                        /* the same; of files that may go at any time */
	char *state;
	char *history, *last;                   /* files in state */
	int hold_fd;                            /* pictures_hold(), or -1 */
};

/* "20260823-141503-7f3a": anything else never becomes part of a path. */
bool
id_valid(const char *id);
/* The id in a file name ID.jsonl; false for other names. */
bool
id_of_file(const char *file_name, char id[32]);
/* Whether a person may mean this id by `part`: it, a beginning of it, or its last four characters. */
bool
id_matches(const char *id, const char *part);

char *
session_path(const struct store *s, const char *id, const char *suffix);        /* ".jsonl", ".lock"; caller frees */

/* Makes an empty session file that nobody else made: its name from the clock and `random`, counted up while taken.
 * Returns the descriptor and fills id. */
int
session_create(const struct store *s, unsigned random, char id[32], struct error *err);

/* collect.c: from before a picture is stored until the record that names it is written, nobody collects. */
void
pictures_hold(struct store *s);
void
pictures_release(struct store *s);

/* Syncs the folder of a new file: one whose name a power cut could take is not stored yet. */
void
folder_sync(const char *path);

/* Every id in the store, in no order; the caller frees. A missing folder is an empty store. */
int
list_ids(const struct store *s, char (**ids)[32], int *n, struct error *err);
/* The same of one folder with ID.jsonl files, appended. */
void
list_folder(const char *folder, char (**ids)[32], int *n);

/* The "at" of a line of a session file, which stands near its beginning; without one `time` stays as it is. */
void
line_time(const char *line, size_t n, char time[32]);

/* "none" or "several" for a WHICH that does not name exactly one of n ids. */
int
find_among(char (*ids)[32], int n, const char *which, char id[32], struct error *err);

#endif
