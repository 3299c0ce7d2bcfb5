/* session.c: one session file: read whole, appended record by record.
 *
 * The invariant of writing: the file ends with a newline, or `torn_at` says where its last good line ends and the next
 * write begins by cutting there. What could not be written stands in `waiting`, in order; nothing is written before
 * it. Parts are the exception: one that fails is forgotten, because the next one covers its text. */
#include "config.h"

#include "store/store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "store/internal.h"
#include "store/lock.h"
#include "store/record.h"

#define PART_INTERVAL_MS 1000
#define LOG_PIECE 1500

struct line {
	struct buf text;
	bool sync;              /* to be on the disk before we go on */
};

struct session {
	struct store *store;
	struct chat *chat;
	int fd;                 /* -1: no file yet */
	char *path, *lock_path;
	bool begun;             /* something was said: before, names and settings wait without a file */
	bool unsynced;          /* written, but fdatasync failed */
	off_t torn_at;          /* -1, or where a failed write began that could not be cut off */
	struct line *waiting;
	int n_waiting;
	int part_id;            /* the answer whose parts are being written */
	size_t part_n;          /* bytes of its text that are in the file */
	int64_t part_ms;
};

/* ---- reading */

static void
read_lines(struct record_reader *r, const struct buf *file)
{
	const char *p = buf_text(file), *end = p + file->n, *stop;

	for (; p < end; p = stop + 1) {
		bool last = !(stop = memchr(p, '\n', (size_t)(end - p)));

		if (last)
			stop = end;
		if (stop == p || record_read(r, p, (size_t)(stop - p)) == 0)
			continue;
		if (!r->begun)
			return;
		r->n_bad += !last;      /* a torn last line is nothing bad: its writer was killed */
	}
}

struct chat *
store_read(struct store *s, const char *id, int *n_bad, bool *read_only, struct error *err)
{
	struct record_reader r = {0};
	struct buf file = {0};
	char *path;

	if (store_path(s, id, &path, err) < 0)
		return NULL;
	if (file_read(path, SESSION_MAX_BYTES, &file, CODE_INPUT, err) == 0) {
		r.chat = chat_new();
		memcpy(r.chat->id, id, strlen(id) + 1);
		read_lines(&r, &file);
		if (!r.begun) {
			chat_free(r.chat);
			r.chat = NULL;
			error_set(err, CODE_INPUT, "'%s' is not a session: its first line cannot be read", path);
		}
	}
	buf_done(&file);
	free(path);
	if (n_bad)
		*n_bad = r.n_bad;
	if (read_only)
		*read_only = r.read_only;
	return r.chat;
}

/* ---- opening for writing */

static struct session *
make(struct store *s, struct chat *chat)
{
	struct session *w = xcalloc(1, sizeof *w);

	w->store = s;
	w->chat = chat;
	w->fd = -1;
	w->torn_at = -1;
	return w;
}

struct session *
session_new(struct store *s, struct chat *chat)
{
	return make(s, chat);
}

/* Where the last line that ends with a newline ends. */
static off_t
end_of_lines(const struct buf *file)
{
	const char *newline = file->n ? memrchr(file->at, '\n', file->n) : NULL;

	return newline ? newline + 1 - file->at : 0;
}

static void
log_torn(const char *path, const char *text, size_t n)
{
	log_line("torn last line of '%s', %zu bytes, cut off:", path, n);
	for (size_t at = 0; at < n; at += LOG_PIECE)
		log_line("| %.*s", (int)(n - at < LOG_PIECE ? n - at : LOG_PIECE), text + at);
}

/* A last line without its newline is either whole but for that, or torn. */
static int
mend_end(const struct session *w, const char *tail, size_t n, bool whole, off_t good)
{
	if (n == 0)
		return 0;
	if (whole)
		return file_write_all(w->fd, "\n", 1);
	log_torn(w->path, tail, n);
	return ftruncate(w->fd, good);
}

/* The file as it stands now must be the one that the chat was read from. */
static int
check(struct session *w, const struct buf *file, struct error *err)
{
	struct record_reader now = { .chat = chat_new() };
	off_t good = end_of_lines(file);
	const char *tail = buf_text(file) + good;
	size_t n = file->n - (size_t)good;
	bool whole;
	int rc = 0;

	read_lines(&now, &(struct buf){ .at = file->at, .n = (size_t)good });
	whole = n > 0 && record_read(&now, tail, n) == 0;
	if (now.read_only)
		rc = error_set(err, CODE_STORE, "session '%s' was written by a newer ivchat: it can only be read",
		    w->chat->id);
	else if (now.chat->n_messages != w->chat->n_messages)
		rc = error_set(err, CODE_STORE, "session '%s' has been written by another terminal meanwhile",
		    w->chat->id);
	else if (mend_end(w, tail, n, whole, good) < 0)
		rc = error_set(err, CODE_STORE, "cannot write '%s': %s", w->path, strerror(errno));
	chat_free(now.chat);
	return rc;
}

static int
prepare(struct session *w, struct error *err)
{
	struct buf file = {0};
	int rc = file_read_fd(w->fd, w->path, SESSION_MAX_BYTES, &file, CODE_STORE, err);

	if (rc == 0)
		rc = check(w, &file, err);
	buf_done(&file);
	return rc;
}

static void
free_session(struct session *w)
{
	for (int i = 0; i < w->n_waiting; i++)
		buf_done(&w->waiting[i].text);
	free(w->waiting);
	if (w->fd >= 0)
		close(w->fd);
	free(w->path);
	free(w->lock_path);
	free(w);
}

struct session *
session_resume(struct store *s, struct chat *chat, struct error *err)
{
	struct session *w;
	char *path;

	if (store_path(s, chat->id, &path, err) < 0)
		return NULL;
	w = make(s, chat);
	w->begun = true;
	w->path = path;
	w->lock_path = session_path(s, chat->id, ".lock");
	w->fd = open(path, O_RDWR | O_APPEND | O_CLOEXEC);
	if (w->fd < 0) {
		error_set(err, CODE_STORE, "cannot write '%s': %s", path, strerror(errno));
	} else if (lock_take(w->fd, w->lock_path, err) == 0) {
		if (prepare(w, err) == 0)
			return w;
		lock_drop(w->lock_path);
	}
	free_session(w);
	return NULL;
}

void
session_abandon(struct session *w)
{
	if (!w)
		return;
	if (w->fd >= 0)
		lock_drop(w->lock_path);
	free_session(w);
}

void
session_close(struct session *w)
{
	struct error err = {0};

	if (w && session_retry(w, &err) < 0)
		log_line("%d records were lost on leaving: %s", session_n_waiting(w), err.what);
	session_abandon(w);
}

/* ---- appending */

static int
write_failed(const struct session *w, struct error *err)
{
	int why = errno;

	error_set(err, CODE_STORE, "cannot write '%s': %s", w->path, strerror(why));
	return error_hint(err, "what is said stays in memory and is written when there is room again");
}

/* One line, whole or not at all. */
static int
write_line(struct session *w, const struct buf *line, struct error *err)
{
	struct stat st;

	if (w->torn_at >= 0 && ftruncate(w->fd, w->torn_at) < 0)
		return write_failed(w, err);
	w->torn_at = -1;
	if (fstat(w->fd, &st) < 0)
		return write_failed(w, err);
	if (file_write_all(w->fd, line->at, line->n) == 0)
		return 0;
	write_failed(w, err);
	if (ftruncate(w->fd, st.st_size) < 0)
		w->torn_at = st.st_size;
	return -1;
}

static int
sync_file(struct session *w, struct error *err)
{
	w->unsynced = fdatasync(w->fd) < 0;
	return w->unsynced ? write_failed(w, err) : 0;
}

static unsigned
random_number(void)
{
	uint16_t r;

	if (getrandom(&r, sizeof r, GRND_NONBLOCK) != sizeof r)
		r = (uint16_t)(clock_ms() ^ getpid());
	return r;
}

static void
forget_file(struct session *w)
{
	unlink(w->path);
	close(w->fd);
	w->fd = -1;
	free(w->path);
	free(w->lock_path);
	w->path = w->lock_path = NULL;
}

static int
make_file(struct session *w, struct error *err)
{
	struct buf line = {0};
	int rc;

	w->fd = session_create(w->store, random_number(), w->chat->id, err);
	if (w->fd < 0)
		return -1;
	w->path = session_path(w->store, w->chat->id, ".jsonl");
	w->lock_path = session_path(w->store, w->chat->id, ".lock");
	clock_utc(w->chat->made);
	record_session(&line, w->chat);
	rc = lock_take(w->fd, w->lock_path, err);
	if (rc == 0 && (rc = write_line(w, &line, err)) < 0)
		lock_drop(w->lock_path);
	buf_done(&line);
	if (rc < 0) {
		forget_file(w);
		w->chat->id[0] = w->chat->made[0] = '\0';
		w->torn_at = -1;
		return -1;
	}
	folder_sync(w->path);
	return 0;
}

static void
drop_first(struct session *w)
{
	buf_done(&w->waiting[0].text);
	w->n_waiting--;
	memmove(w->waiting, w->waiting + 1, (size_t)w->n_waiting * sizeof *w->waiting);
}

int
session_retry(struct session *w, struct error *err)
{
	bool sync = w->unsynced;

	if (!w->begun)
		return 0;
	if (w->fd < 0 && make_file(w, err) < 0)
		return -1;
	while (w->n_waiting > 0) {
		if (write_line(w, &w->waiting[0].text, err) < 0)
			return -1;
		sync |= w->waiting[0].sync;
		drop_first(w);
	}
	return sync ? sync_file(w, err) : 0;
}

int
session_n_waiting(const struct session *w)
{
	return w->begun ? w->n_waiting : 0;
}

static int
put(struct session *w, struct buf *line, bool sync, struct error *err)
{
	w->waiting = xreallocarray(w->waiting, (size_t)w->n_waiting + 1, sizeof *w->waiting);
	w->waiting[w->n_waiting++] = (struct line){ *line, sync };
	*line = (struct buf){0};
	return session_retry(w, err);
}

int
session_put_user(struct session *w, const struct message *m, struct error *err)
{
	struct buf line = {0};

	w->begun = true;
	record_user(&line, m);
	if (put(w, &line, true, err) < 0)
		return -1;
	pictures_release(w->store);
	return 0;
}

int
session_put_part(struct session *w, const struct message *m, struct error *err)
{
	struct buf line = {0};
	size_t end = m->text_n - text_partial(m->text, m->text_n);
	int rc;

	if (m->id != w->part_id) {
		w->part_id = m->id;
		w->part_n = 0;
	} else if (clock_ms() - w->part_ms < PART_INTERVAL_MS || end <= w->part_n) {
		return 0;
	}
	w->part_ms = clock_ms();
	w->begun = true;
	if (session_retry(w, err) < 0)
		return -1;
	record_part(&line, m, w->part_n, end);
	rc = write_line(w, &line, err);
	buf_done(&line);
	if (rc < 0)
		return -1;
	w->part_n = end;
	return sync_file(w, err);
}

int
session_put_answer(struct session *w, const struct message *m, struct error *err)
{
	struct buf line = {0};

	assert(m->stop != STOP_NONE);
	w->begun = true;
	record_answer(&line, m);
	return put(w, &line, true, err);
}

int
session_put_head(struct session *w, int head, struct error *err)
{
	struct buf line = {0};

	record_head(&line, head);
	return put(w, &line, false, err);
}

int
session_put_name(struct session *w, const char *name, struct error *err)
{
	struct buf line = {0};

	record_name(&line, name);
	return put(w, &line, false, err);
}

int
session_put_tag(struct session *w, const char *tag, bool on, struct error *err)
{
	struct buf line = {0};

	record_tag(&line, tag, on);
	return put(w, &line, false, err);
}

int
session_put_system(struct session *w, const struct system_change *change, struct error *err)
{
	struct buf line = {0};

	record_system(&line, change);
	return put(w, &line, false, err);
}

int
session_put_drop(struct session *w, const struct drop *drop, struct error *err)
{
	struct buf line = {0};

	record_drop(&line, drop);
	return put(w, &line, false, err);
}

int
session_put_note(struct session *w, const struct note *note, struct error *err)
{
	struct buf line = {0};

	record_note(&line, note);
	return put(w, &line, true, err);
}

int
session_put_pin(struct session *w, int id, bool on, struct error *err)
{
	struct buf line = {0};

	record_pin(&line, id, on);
	return put(w, &line, false, err);
}
