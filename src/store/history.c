/* history.c: the input lines of all chats in one file, an entry a line. Backslash, newline and return are escaped, so
 * that an entry of several lines stays whole. Two programs append at once: the file is locked while it is written, and
 * trimming replaces it, so who waited for the lock looks again whether it still has the file that has the name. */
#include "config.h"

#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "store/internal.h"

#define HISTORY_MAX_BYTES ((size_t)64 << 20)

static void
escape(struct buf *out, const char *line)
{
	for (; *line; line++)
		switch (*line) {
		case '\\': buf_str(out, "\\\\"); break;
		case '\n': buf_str(out, "\\n"); break;
		case '\r': buf_str(out, "\\r"); break;
		default: buf_char(out, *line);
		}
	buf_char(out, '\n');
}

static char *
unescape(const char *line, size_t n)
{
	struct buf out = {0};

	for (size_t i = 0; i < n; i++) {
		char c = line[i];

		if (c == '\\' && i + 1 < n) {
			c = line[++i];
			c = c == 'n' ? '\n' : c == 'r' ? '\r' : c;
		}
		if (c != '\0')
			buf_char(&out, c);
	}
	return buf_take(&out);
}

/* The next line of text[*at..n), and *at behind it; false at the end. */
static bool
next_line(const struct buf *text, size_t *at, const char **line, size_t *n)
{
	const char *from = buf_text(text) + *at, *newline;

	if (*at >= text->n)
		return false;
	newline = memchr(from, '\n', text->n - *at);
	*line = from;
	*n = newline ? (size_t)(newline - from) : text->n - *at;
	*at += *n + 1;
	return true;
}

int
store_history_read(struct store *s, char ***lines, int *n, struct error *err)
{
	struct buf text = {0};
	size_t at = 0, length;
	const char *line;
	int rc = 0;

	*lines = NULL;
	*n = 0;
	if (file_exists(s->history))
		rc = file_read(s->history, HISTORY_MAX_BYTES, &text, CODE_STORE, err);
	while (rc == 0 && next_line(&text, &at, &line, &length)) {
		*lines = xreallocarray(*lines, (size_t)*n + 1, sizeof **lines);
		(*lines)[(*n)++] = unescape(line, length);
	}
	buf_done(&text);
	return rc;
}

/* Opens and locks the file that has the name now. */
static int
open_locked(const char *path)
{
	for (;;) {
		struct stat here, there;
		int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, FILE_MODE);

		if (fd < 0)
			return -1;
		while (flock(fd, LOCK_EX) < 0 && errno == EINTR)
			;
		if (fstat(fd, &here) == 0 && stat(path, &there) == 0 && here.st_ino == there.st_ino)
			return fd;
		close(fd);
	}
}

static int
count_lines(const struct buf *text)
{
	const char *line;
	size_t at = 0, length;
	int n = 0;

	while (next_line(text, &at, &line, &length))
		n++;
	return n;
}

/* Replaces the file by its last `max` lines. */
static int
trim(const char *path, const struct buf *text, int n_lines, int max, struct error *err)
{
	const char *line;
	size_t at = 0, length;

	while (n_lines-- > max)
		next_line(text, &at, &line, &length);
	return file_replace(path, text->at + at, text->n - at, FILE_MODE, err);
}

static int
add_locked(const struct store *s, int fd, const char *line, int max, struct error *err)
{
	struct buf text = {0}, entry = {0};
	int rc = file_read_fd(fd, s->history, HISTORY_MAX_BYTES, &text, CODE_STORE, err), n;

	if (rc == 0) {
		if (text.n > 0 && text.at[text.n - 1] != '\n')  /* a writer was killed in mid-line */
			buf_char(&entry, '\n');
		escape(&entry, line);
		if (file_write_all(fd, entry.at, entry.n) < 0)
			rc = error_set(err, CODE_STORE, "cannot write '%s': %s", s->history, strerror(errno));
	}
	if (rc == 0) {
		buf_add(&text, entry.at, entry.n);
		n = count_lines(&text);
		if (n > max + max / 8)
			rc = trim(s->history, &text, n, max, err);
	}
	buf_done(&text);
	buf_done(&entry);
	return rc;
}

int
store_history_add(struct store *s, const char *line, int max, struct error *err)
{
	int fd, rc;

	if (line[0] == '\0' || line[0] == ' ' || max < 1)
		return 0;
	if (file_make_dirs(s->state, FOLDER_MODE, err) < 0)
		return -1;
	fd = open_locked(s->history);
	if (fd < 0)
		return error_set(err, CODE_STORE, "cannot write '%s': %s", s->history, strerror(errno));
	rc = add_locked(s, fd, line, max, err);
	close(fd);
	return rc;
}
