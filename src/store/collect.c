/* collect.c: pictures that nothing names any more. A picture is stored before the record that names it; between the two
 * its writer holds a shared lock, and nobody collects. When in doubt a picture stays: every file under sessions/ and
 * trash/ is read as bytes, whatever it is called, and one that cannot be read ends the collecting. */
#include "config.h"

#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "store/internal.h"

#define SHA_DIGITS 64

struct names {
	char (*at)[SHA_DIGITS + 1];
	int n, cap;
};

/* ---- the lock. Where the file system has none, there is none: the time between picture and record is short. */

static int
open_lock(const struct store *s)
{
	char *path = xasprintf("%s/.lock", s->pictures);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);

	free(path);
	return fd;
}

void
pictures_hold(struct store *s)
{
	if (s->hold_fd >= 0)
		return;
	s->hold_fd = open_lock(s);
	while (s->hold_fd >= 0 && flock(s->hold_fd, LOCK_SH) < 0 && errno == EINTR)
		;
}

void
pictures_release(struct store *s)
{
	if (s->hold_fd >= 0)
		close(s->hold_fd);
	s->hold_fd = -1;
}

/* The descriptor to close when done. */
static int
lock_alone(const struct store *s, struct error *err)
{
	int fd = open_lock(s);

	if (fd < 0)
		return error_set(err, CODE_STORE, "cannot write in '%s': %s", s->pictures, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
		return fd;
	close(fd);
	error_set(err, CODE_STORE, "a chat is about to send a picture");
	return error_hint(err, "again in a moment");
}

/* ---- what is named */

static void
add_name(struct names *names, const char *sha)
{
	if (names->n == names->cap) {
		names->cap = names->cap ? 2 * names->cap : 64;
		names->at = xreallocarray(names->at, (size_t)names->cap, sizeof *names->at);
	}
	memcpy(names->at[names->n], sha, SHA_DIGITS);
	names->at[names->n++][SHA_DIGITS] = '\0';
}

/* Every run of 64 digits: also in a line that cannot be parsed. */
static void
add_names(struct names *names, const struct buf *file)
{
	static const char digits[] = "0123456789abcdef";
	const char *p = buf_text(file), *end = p + file->n;

	while (p < end) {
		size_t n = strspn(p, digits);

		if (n == SHA_DIGITS)
			add_name(names, p);
		p += n + 1;
	}
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int
read_names_of(struct names *names, const FTSENT *e, struct error *err)
{
	struct buf file = {0};
	int rc = 0;

	if (e->fts_info == FTS_DNR || e->fts_info == FTS_ERR || (e->fts_info == FTS_NS && e->fts_errno != ENOENT))
		return error_set(err, CODE_STORE, "cannot read '%s': %s", e->fts_path, strerror(e->fts_errno));
	if (e->fts_info == FTS_F)
		rc = file_read(e->fts_path, SESSION_MAX_BYTES, &file, CODE_STORE, err);
	if (rc == 0)
		add_names(names, &file);
	buf_done(&file);
	return rc;
}

static int
read_names(const struct store *s, struct names *names, struct error *err)
{
	char *roots[] = { s->sessions, s->trash, NULL };
	FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *e;
	int rc = 0;

	if (!tree)
		return error_set(err, CODE_STORE, "cannot read '%s': %s", s->sessions, strerror(errno));
	while (rc == 0 && (e = fts_read(tree)))
		rc = read_names_of(names, e, err);
	fts_close(tree);
	if (names->n > 0)
		qsort(names->at, (size_t)names->n, sizeof *names->at, by_name);
	return rc;
}

/* ---- what is there */

static bool
is_garbage(const FTSENT *e, const struct names *names)
{
	char sha[SHA_DIGITS + 1];

	if (e->fts_info != FTS_F || strspn(e->fts_name, "0123456789abcdef") != SHA_DIGITS)
		return false;
	memcpy(sha, e->fts_name, SHA_DIGITS);
	sha[SHA_DIGITS] = '\0';
	if (strstr(e->fts_name, ".tmp"))        /* of a writer that was killed: we are alone */
		return true;
	return names->n == 0 || !bsearch(sha, names->at, (size_t)names->n, sizeof *names->at, by_name);
}

static int
collect(const struct store *s, const struct names *names, bool remove, struct garbage *found, struct error *err)
{
	char *roots[] = { s->pictures, NULL };
	FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *e;
	int rc = 0;

	while (tree && rc == 0 && (e = fts_read(tree))) {
		if (!is_garbage(e, names))
			continue;
		if (remove && unlink(e->fts_path) < 0) {
			rc = error_set(err, CODE_STORE, "cannot remove '%s': %s", e->fts_path, strerror(errno));
			continue;
		}
		found->n++;
		found->bytes += e->fts_statp->st_size;
	}
	if (tree)
		fts_close(tree);
	return rc;
}

int
store_collect(struct store *s, bool remove, struct garbage *found, struct error *err)
{
	struct names names = {0};
	int lock, rc;

	*found = (struct garbage){0};
	if (!file_exists(s->pictures))
		return 0;
	lock = lock_alone(s, err);
	if (lock < 0)
		return -1;
	rc = read_names(s, &names, err);
	if (rc == 0)
		rc = collect(s, &names, remove, found, err);
	close(lock);
	free(names.at);
	return rc;
}
