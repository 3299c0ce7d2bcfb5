/* file.c: see file.h. */
#include "config.h"

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"

#define READ_STEP 65536

int
file_read_fd(int fd, const char *name, size_t max, struct buf *out, enum code code, struct error *err)
{
	size_t total = 0;

	for (;;) {
		ssize_t got = read(fd, buf_room(out, READ_STEP), READ_STEP);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_set(err, code, "cannot read '%s': %s", name, strerror(errno));
		if (got == 0)
			return 0;
		out->n += (size_t)got;
		out->at[out->n] = '\0';
		total += (size_t)got;
		if (total > max)
			return error_set(err, code, "'%s' is too large: more than %zu bytes", name, max);
	}
}

int
file_read(const char *path, size_t max, struct buf *out, enum code code, struct error *err)
{
	struct stat st;
	int fd, rc;

	/* O_NONBLOCK: opening a FIFO must not hang before we have seen what it is. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return error_set(err, code, "cannot open '%s': %s", path, strerror(errno));
	if (fstat(fd, &st) != 0)
		st = (struct stat){ .st_mode = S_IFREG };
	if (!S_ISREG(st.st_mode)) {
		close(fd);
		return error_set(err, code, "cannot read '%s': not a regular file", path);
	}
	if (st.st_size > 0 && (uintmax_t)st.st_size <= max)
		buf_room(out, (size_t)st.st_size + READ_STEP);          /* all of it at once */
	rc = file_read_fd(fd, path, max, out, code, err);
	close(fd);
	return rc;
}

int
file_write_all(int fd, const void *bytes, size_t n)
{
	const char *p = bytes;

	while (n > 0) {
		ssize_t put = write(fd, p, n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -1;
		p += put;
		n -= (size_t)put;
	}
	return 0;
}

static int
replace_failed(const char *temp, const char *path, int fd, struct error *err)
{
	int why = errno;

	if (fd >= 0)
		close(fd);
	unlink(temp);
	return error_set(err, CODE_STORE, "cannot write '%s': %s", path, strerror(why));
}

int
file_replace(const char *path, const void *bytes, size_t n, mode_t mode, struct error *err)
{
	char *temp = xasprintf("%s.%ld.tmp", path, (long)getpid());
	int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	int rc = 0;

	if (fd < 0 || file_write_all(fd, bytes, n) < 0 || fsync(fd) < 0) {
		rc = replace_failed(temp, path, fd, err);
	} else if (close(fd) < 0 || rename(temp, path) < 0) {
		rc = replace_failed(temp, path, -1, err);
	}
	free(temp);
	return rc;
}

int
file_make_dirs(const char *path, mode_t mode, struct error *err)
{
	char *copy = xstrdup(path);
	int rc = 0;

	for (char *p = copy + 1; rc == 0; p++) {
		char c = *p;

		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		if (mkdir(copy, mode) < 0 && errno != EEXIST)
			rc = error_set(err, CODE_STORE, "cannot make folder '%s': %s", copy, strerror(errno));
		*p = c;
		if (c == '\0')
			break;
	}
	free(copy);
	return rc;
}

/* ---- room in a folder */

struct old_file {
	char *path;
	struct timespec changed;
	long long bytes;
};

static int
by_age(const void *a, const void *b)
{
	const struct timespec *x = &((const struct old_file *)a)->changed, *y = &((const struct old_file *)b)->changed;

	if (x->tv_sec != y->tv_sec)
		return x->tv_sec < y->tv_sec ? -1 : 1;
	return x->tv_nsec < y->tv_nsec ? -1 : x->tv_nsec > y->tv_nsec;
}

/* The regular files, oldest first; returns how many. */
static size_t
list_files(DIR *dir, const char *folder, struct old_file **out)
{
	struct old_file *all = NULL;
	struct dirent *e;
	size_t n = 0;

	while ((e = readdir(dir))) {
		char *path = xasprintf("%s/%s", folder, e->d_name);
		struct stat st;

		if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode)) {
			free(path);
			continue;
		}
		all = xreallocarray(all, n + 1, sizeof *all);
		all[n++] = (struct old_file){ path, st.st_mtim, (long long)st.st_size };
	}
	if (n > 0)
		qsort(all, n, sizeof *all, by_age);
	*out = all;
	return n;
}

int
file_make_room(const char *folder, long long max, struct error *err)
{
	DIR *dir = opendir(folder);
	struct old_file *all;
	long long sum = 0;
	size_t n;

	if (!dir && errno == ENOENT)
		return 0;
	if (!dir)
		return error_set(err, CODE_STORE, "cannot read '%s': %s", folder, strerror(errno));
	n = list_files(dir, folder, &all);
	closedir(dir);
	for (size_t i = 0; i < n; i++)
		sum += all[i].bytes;
	for (size_t i = 0; i < n; i++) {
		if (sum > max && unlink(all[i].path) == 0)
			sum -= all[i].bytes;
		free(all[i].path);
	}
	free(all);
	return sum <= max ? 0 : error_set(err, CODE_STORE, "cannot make room in '%s'", folder);
}

bool
file_exists(const char *path)
{
	return access(path, F_OK) == 0;
}

char *
file_expand_home(const char *path)
{
	const char *home = getenv("HOME");

	if (path[0] == '~' && (path[1] == '/' || path[1] == '\0') && home)
		return xasprintf("%s%s", home, path + 1);
	return xstrdup(path);
}

char *
file_shorten_home(const char *path)
{
	const char *home = getenv("HOME");
	const size_t n = home ? strlen(home) : 0;

	if (n > 1 && strncmp(path, home, n) == 0 && (path[n] == '/' || path[n] == '\0'))
		return xasprintf("~%s", path + n);
	return xstrdup(path);
}
