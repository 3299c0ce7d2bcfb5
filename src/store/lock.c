/* lock.c: see lock.h. */
#include "config.h"

#include "store/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "store/internal.h"

struct owner {
	char host[256];
	long pid;
	unsigned long long start;       /* clock ticks after boot, 0 = not known; tells a reused pid */
};

/* Field 22 of /proc/PID/stat; the second field is a name in parentheses that may hold anything. */
static unsigned long long
start_of(long pid)
{
	char path[64];
	struct buf stat = {0};
	unsigned long long start = 0;
	const char *p;

	snprintf(path, sizeof path, "/proc/%ld/stat", pid);
	if (file_read(path, 65536, &stat, CODE_STORE, NULL) == 0 && (p = strrchr(buf_text(&stat), ')')))
		sscanf(p + 1, " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu",
		    &start);
	buf_done(&stat);
	return start;
}

static void
describe_self(struct owner *o)
{
	*o = (struct owner){ .pid = (long)getpid() };
	if (gethostname(o->host, sizeof o->host - 1) < 0 || !o->host[0])
		snprintf(o->host, sizeof o->host, "localhost");
	o->start = start_of(o->pid);
}

static bool
read_owner(const char *path, struct owner *o)
{
	struct buf text = {0};
	bool ok;

	*o = (struct owner){0};
	ok = file_read(path, 4096, &text, CODE_STORE, NULL) == 0 &&
	    sscanf(buf_text(&text), "%255s %ld %llu", o->host, &o->pid, &o->start) == 3 && o->pid > 0;
	buf_done(&text);
	return ok;
}

static bool
is_alive(const struct owner *o)
{
	unsigned long long start;

	if (o->pid > INT_MAX || (kill((pid_t)o->pid, 0) < 0 && errno == ESRCH))
		return false;
	start = start_of(o->pid);
	return start == 0 || o->start == 0 || start == o->start;
}

static int
refuse(const struct owner *o, const char *lock_path, bool other_host, struct error *err)
{
	error_set(err, CODE_STORE, "this session is open in another terminal: process %ld on '%s' writes it", o->pid,
	    o->host);
	if (other_host)
		return error_hint(err, "end it there; if it is gone, remove '%s'", lock_path);
	return error_hint(err, "end that one, or read along: ivchat -s SESSION");
}

/* Writes who we are into a file that must not exist. -1 with errno. */
static int
write_owner(const char *lock_path, const struct owner *self)
{
	int fd = open(lock_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE), why;
	char line[400];
	int n = snprintf(line, sizeof line, "%s %ld %llu\n", self->host, self->pid, self->start);

	if (fd < 0)
		return -1;
	if (file_write_all(fd, line, (size_t)n) == 0)
		return close(fd);
	why = errno;
	close(fd);
	unlink(lock_path);
	errno = why;
	return -1;
}

/* ID.lock exists: 0 when its owner is gone and the file has been removed. What cannot be read was left by a writer
 * that was killed between making it and filling it. */
static int
clear_dead(const char *lock_path, const struct owner *self, struct error *err)
{
	struct owner o;

	if (read_owner(lock_path, &o)) {
		if (strcmp(o.host, self->host) != 0)
			return refuse(&o, lock_path, true, err);
		if (is_alive(&o))
			return refuse(&o, lock_path, false, err);
		log_line("lock '%s' of process %ld, which is gone, taken over", lock_path, o.pid);
	}
	if (unlink(lock_path) < 0 && errno != ENOENT)
		return error_set(err, CODE_STORE, "cannot remove '%s': %s", lock_path, strerror(errno));
	return 0;
}

static int
take_file(const char *lock_path, struct error *err)
{
	struct owner self;

	describe_self(&self);
	for (int i = 0; i < 3; i++) {
		if (write_owner(lock_path, &self) == 0)
			return 0;
		if (errno != EEXIST) {
			/* A full disk must not keep anybody from talking: the flock holds alone. */
			log_line("cannot write '%s': %s", lock_path, strerror(errno));
			return 0;
		}
		if (clear_dead(lock_path, &self, err) < 0)
			return -1;
	}
	return error_set(err, CODE_STORE, "cannot lock the session: others keep taking '%s'", lock_path);
}

int
lock_take(int fd, const char *lock_path, struct error *err)
{
	struct owner o;

	if (flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
		return take_file(lock_path, err);
	if (read_owner(lock_path, &o))
		return refuse(&o, lock_path, false, err);
	error_set(err, CODE_STORE, "this session is open in another terminal");
	return error_hint(err, "end that one, or read along: ivchat -s SESSION");
}

enum store_writer
lock_writer(const char *lock_path)
{
	struct owner o, self;

	if (!read_owner(lock_path, &o))
		return WRITER_NONE;
	describe_self(&self);
	if (strcmp(o.host, self.host) != 0)
		return WRITER_ELSEWHERE;
	return is_alive(&o) ? WRITER_HERE : WRITER_NONE;
}

void
lock_drop(const char *lock_path)
{
	unlink(lock_path);
}
