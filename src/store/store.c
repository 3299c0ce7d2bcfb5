/* store.c: the folders of the store, ids and their paths, the session used last. */
#include "config.h"

#include "store/store.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "store/internal.h"

#define ID_PATTERN "dddddddd-dddddd-xxxx"
#define ID_TAIL 16              /* where the last four characters begin */
#define MAX_TRIES 65536

struct store *
store_open(const struct paths *paths, struct error *err)
{
	struct store *s = xcalloc(1, sizeof *s);

	(void)err;
	s->sessions = xasprintf("%s/sessions", paths->data);
	s->pictures = xasprintf("%s/pictures", paths->data);
	s->trash = xasprintf("%s/trash", paths->data);
	s->snapshots = xasprintf("%s/kv", paths->cache);
	s->state = xstrdup(paths->state);
	s->history = xasprintf("%s/history", paths->state);
	s->last = xasprintf("%s/last", paths->state);
	s->hold_fd = -1;
	return s;
}

void
store_close(struct store *s)
{
	if (!s)
		return;
	pictures_release(s);
	free(s->sessions);
	free(s->pictures);
	free(s->trash);
	free(s->snapshots);
	free(s->state);
	free(s->history);
	free(s->last);
	free(s);
}

char *
store_snapshot_path(const struct store *s, const char *id)
{
	return xasprintf("%s/%s", s->snapshots, id);
}

/* ---- ids */

static bool
fits(char c, char pattern)
{
	if (pattern == 'd')
		return isdigit((unsigned char)c);
	if (pattern == 'x')
		return isxdigit((unsigned char)c) && !isupper((unsigned char)c);
	return c == pattern;
}

bool
id_valid(const char *id)
{
	const char *p = ID_PATTERN;

	while (*p && fits(*id, *p)) {
		id++;
		p++;
	}
	return *p == '\0' && *id == '\0';
}

bool
id_of_file(const char *file_name, char id[32])
{
	size_t n = sizeof ID_PATTERN - 1;

	if (strlen(file_name) != n + 6 || strcmp(file_name + n, ".jsonl") != 0)
		return false;
	memcpy(id, file_name, n);
	id[n] = '\0';
	return id_valid(id);
}

bool
id_matches(const char *id, const char *part)
{
	size_t n = strlen(part);

	return n > 0 && (strncmp(id, part, n) == 0 || strcmp(id + ID_TAIL, part) == 0);
}

char *
session_path(const struct store *s, const char *id, const char *suffix)
{
	return xasprintf("%s/%.4s/%s%s", s->sessions, id, id, suffix);
}

static void
make_id(unsigned number, char id[32])
{
	char stamp[16];

	clock_stamp(stamp);
	snprintf(id, 32, "%s-%04x", stamp, number & 0xffff);
}

static int
make_year(const struct store *s, const char *id, struct error *err)
{
	char *year = xasprintf("%s/%.4s", s->sessions, id);
	int rc = file_make_dirs(year, FOLDER_MODE, err);

	free(year);
	return rc;
}

/* One try: the descriptor, -1 with err, or -2 when the name is taken. */
static int
try_create(const struct store *s, const char *id, struct error *err)
{
	char *path = session_path(s, id, ".jsonl");
	int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);

	if (fd < 0 && errno == EEXIST)
		fd = -2;
	else if (fd < 0)
		error_set(err, CODE_STORE, "cannot make '%s': %s", path, strerror(errno));
	free(path);
	return fd;
}

int
session_create(const struct store *s, unsigned random, char id[32], struct error *err)
{
	for (unsigned i = 0; i < MAX_TRIES; i++) {
		char made[32];
		int fd;

		make_id(random + i, made);
		if (make_year(s, made, err) < 0)
			return -1;
		fd = try_create(s, made, err);
		if (fd >= 0)
			memcpy(id, made, sizeof made);
		if (fd != -2)
			return fd;
	}
	return error_set(err, CODE_STORE, "cannot make a session in '%s': every name is taken", s->sessions);
}

int
store_path(struct store *s, const char *id, char **path, struct error *err)
{
	*path = NULL;
	if (id_valid(id))
		*path = session_path(s, id, ".jsonl");
	if (*path && file_exists(*path))
		return 0;
	free(*path);
	*path = NULL;
	return error_set(err, CODE_INPUT, "no session '%s'", id);
}

void
folder_sync(const char *path)
{
	char *folder = xstrndup(path, (size_t)(strrchr(path, '/') - path));
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		log_line("cannot sync '%s': %s", folder, strerror(errno));
	if (fd >= 0)
		close(fd);
	free(folder);
}

/* ---- the session used last */

int
store_set_last(struct store *s, const char *id, struct error *err)
{
	char line[40];

	if (!id_valid(id))      /* a session whose file could not be made yet */
		return 0;
	if (file_make_dirs(s->state, FOLDER_MODE, err) < 0)
		return -1;
	snprintf(line, sizeof line, "%.31s\n", id);
	return file_replace(s->last, line, strlen(line), FILE_MODE, err);
}
