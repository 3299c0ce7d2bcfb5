/* trash.c: removing that can be taken back. A session file moves to trash/ and back under its own name; its time of
 * change is set to when it was thrown away. Pictures stay: other sessions may name them. */
#include "config.h"

#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "store/internal.h"
#include "store/lock.h"

#define DAY_SECONDS 86400

static char *
trash_path(const struct store *s, const char *id)
{
	return xasprintf("%s/%s.jsonl", s->trash, id);
}

/* What the model computed of a session tells what was said in it. */
static void
remove_snapshot(const struct store *s, const char *id)
{
	char *path = store_snapshot_path(s, id), *part = xasprintf("%s.part", path);

	unlink(path);
	unlink(part);
	free(part);
	free(path);
}

static int
move(const char *from, const char *to, struct error *err)
{
	if (file_exists(to))
		return error_set(err, CODE_STORE, "'%s' is already there", to);
	if (rename(from, to) < 0)
		return error_set(err, CODE_STORE, "cannot move '%s' to '%s': %s", from, to, strerror(errno));
	return 0;
}

/* Moves a file that nobody writes. */
static int
move_unused(const char *from, const char *lock_path, const char *to, struct error *err)
{
	int fd = open(from, O_RDWR | O_CLOEXEC), rc;

	if (fd < 0)
		return error_set(err, CODE_STORE, "cannot open '%s': %s", from, strerror(errno));
	rc = lock_take(fd, lock_path, err);
	if (rc == 0) {
		rc = move(from, to, err);
		if (rc == 0)
			futimens(fd, NULL);
		lock_drop(lock_path);
	}
	close(fd);
	return rc;
}

int
store_trash(struct store *s, const char *id, struct error *err)
{
	char *from, *to, *lock_path;
	int rc = store_path(s, id, &from, err);

	if (rc < 0 || file_make_dirs(s->trash, FOLDER_MODE, err) < 0) {
		free(from);
		return -1;
	}
	to = trash_path(s, id);
	lock_path = session_path(s, id, ".lock");
	rc = move_unused(from, lock_path, to, err);
	if (rc == 0)
		remove_snapshot(s, id);
	free(lock_path);
	free(to);
	free(from);
	return rc;
}

int
store_restore(struct store *s, const char *which, struct error *err)
{
	char (*ids)[32] = NULL, id[32], *from, *to, *year;
	int n = 0, rc;

	list_folder(s->trash, &ids, &n);
	rc = find_among(ids, n, which, id, err);
	free(ids);
	if (rc < 0)
		return error_hint(err, "only what is in the trash can be taken back");
	year = xasprintf("%s/%.4s", s->sessions, id);
	from = trash_path(s, id);
	to = session_path(s, id, ".jsonl");
	rc = file_make_dirs(year, FOLDER_MODE, err);
	if (rc == 0)
		rc = move(from, to, err);
	free(year);
	free(from);
	free(to);
	return rc;
}

/* By the fine clock: time() may still be in the second before the one that a file was just given. */
static bool
is_older(const char *path, int days)
{
	struct timespec now;
	struct stat st;

	clock_gettime(CLOCK_REALTIME, &now);
	return stat(path, &st) == 0 && now.tv_sec - st.st_mtime >= (time_t)days * DAY_SECONDS;
}

int
store_empty_trash(struct store *s, int older_than_days, int *n_removed, struct error *err)
{
	char (*ids)[32] = NULL;
	int n = 0, rc = 0;

	*n_removed = 0;
	list_folder(s->trash, &ids, &n);
	for (int i = 0; i < n && rc == 0; i++) {
		char *path = trash_path(s, ids[i]);

		if (is_older(path, older_than_days)) {
			if (unlink(path) < 0)
				rc = error_set(err, CODE_STORE, "cannot remove '%s': %s", path, strerror(errno));
			else
				(*n_removed)++;
			remove_snapshot(s, ids[i]);
		}
		free(path);
	}
	free(ids);
	return rc;
}
