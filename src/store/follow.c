/* follow.c: reading along while another process writes: what is whole is applied once, in order. The file only grows
 * behind the last line that ended; a failed write may come and go there, and is never looked at. */
#include "config.h"

#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/log.h"
#include "store/internal.h"
#include "store/lock.h"
#include "store/record.h"

struct follower {
	struct record_reader reader;
	char *lock_path;
	int fd;
	off_t done;             /* where the last line that was read ends */
};

/* What stands behind `done`, appended. */
static int
read_rest(const struct follower *f, struct buf *out)
{
	char piece[65536];
	off_t at = f->done;
	ssize_t n;

	while ((n = pread(f->fd, piece, sizeof piece, at)) > 0) {
		buf_add(out, piece, (size_t)n);
		at += n;
		if (out->n > SESSION_MAX_BYTES)
			return -1;
	}
	return n < 0 ? -1 : 0;
}

static int
apply_lines(struct follower *f, const struct buf *text)
{
	const char *p = buf_text(text), *end = p + text->n, *stop;
	int n = 0;

	for (; p < end && (stop = memchr(p, '\n', (size_t)(end - p))); p = stop + 1) {
		if (stop > p && record_read(&f->reader, p, (size_t)(stop - p)) < 0)
			f->reader.n_bad += f->reader.begun;
		f->done += stop + 1 - p;
		n++;
	}
	return n;
}

bool
follower_step(struct follower *f)
{
	struct buf rest = {0};
	struct stat st;
	int n = 0;

	if (fstat(f->fd, &st) == 0 && st.st_size > f->done && read_rest(f, &rest) == 0)
		n = apply_lines(f, &rest);
	buf_done(&rest);
	return n > 0;
}

struct chat *
follower_chat(struct follower *f)
{
	return f->reader.chat;
}

enum store_writer
follower_writer(const struct follower *f)
{
	return lock_writer(f->lock_path);
}

struct follower *
store_follow(struct store *s, const char *id, struct error *err)
{
	struct follower *f;
	char *path;
	int fd;

	if (store_path(s, id, &path, err) < 0)
		return NULL;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		error_set(err, CODE_INPUT, "cannot read '%s': %s", path, strerror(errno));
		free(path);
		return NULL;
	}
	f = xcalloc(1, sizeof *f);
	f->fd = fd;
	f->lock_path = session_path(s, id, ".lock");
	f->reader.chat = chat_new();
	memcpy(f->reader.chat->id, id, strlen(id) + 1);
	follower_step(f);
	if (!f->reader.begun) {
		error_set(err, CODE_INPUT, "'%s' is not a session: its first line cannot be read", path);
		chat_free(follower_close(f));
		f = NULL;
	}
	free(path);
	return f;
}

struct chat *
follower_close(struct follower *f)
{
	struct chat *chat;

	if (!f)
		return NULL;
	chat = f->reader.chat;
	close(f->fd);
	free(f->lock_path);
	free(f);
	return chat;
}

int
store_break_lock(struct store *s, const char *id, struct error *err)
{
	char *path = session_path(s, id, ".lock");
	int rc = 0;

	log_line("lock '%s' taken away as a person said", path);
	if (unlink(path) < 0 && errno != ENOENT)
		rc = error_set(err, CODE_STORE, "cannot remove '%s': %s", path, strerror(errno));
	free(path);
	return rc;
}
