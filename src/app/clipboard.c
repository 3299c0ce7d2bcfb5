/* clipboard.c: see clipboard.h. A child gets one end of a socket as its input and its output; it is given a second and
 * then ended. A socket and not a pipe, because writing to one whose reader has gone can be told not to raise SIGPIPE. */
#include "config.h"

#include "clipboard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "picture/picture.h"

enum { PATIENCE_MS = 1000, NAP_MS = 5 };

extern char **environ;

/* A program, and the variable that says whether it can reach anything ("": always). */
struct helper {
	const char *needs;
	const char *argv[8];
};

static const struct helper writers[] = {
	{ "WAYLAND_DISPLAY", { "wl-copy" } },
	{ "DISPLAY", { "xclip", "-selection", "clipboard" } },
	{ "", { "pbcopy" } },
};

static const struct helper readers[] = {
	{ "WAYLAND_DISPLAY", { "wl-paste", "--no-newline", "--type", "image/png" } },
	{ "DISPLAY", { "xclip", "-selection", "clipboard", "-target", "image/png", "-out" } },
	{ "WAYLAND_DISPLAY", { "wl-paste", "--no-newline", "--type", "image/jpeg" } },
	{ "DISPLAY", { "xclip", "-selection", "clipboard", "-target", "image/jpeg", "-out" } },
};

struct child {
	pid_t pid;
	int fd;
	int64_t until;
};

static bool
can_run(const struct helper *helper)
{
	const char *value = helper->needs[0] ? getenv(helper->needs) : "set";

	return value && *value;
}

/* Standard input or output is `fd`, the rest is nowhere, and no signal is blocked. */
static int
spawn(pid_t *pid, const struct helper *helper, int as, int fd)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none;
	int rc;

	sigemptyset(&none);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	for (int i = 0; i < 3; i++)
		if (i == as)
			posix_spawn_file_actions_adddup2(&files, fd, i);
		else
			posix_spawn_file_actions_addopen(&files, i, "/dev/null", O_RDWR, 0);
	rc = posix_spawnp(pid, helper->argv[0], &files, &attr, (char *const *)helper->argv, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return rc == 0 ? 0 : -1;
}

static int
start(struct child *child, const struct helper *helper, int as, int64_t until)
{
	int ends[2], rc;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return -1;
	rc = spawn(&child->pid, helper, as, ends[1]);
	close(ends[1]);
	if (rc != 0)
		close(ends[0]);
	child->fd = ends[0];
	child->until = until;
	return rc;
}

static int
time_left(const struct child *child)
{
	int64_t left = child->until - clock_ms();

	return left > 0 ? (int)left : 0;
}

/* Whether it ended well in its time. */
static bool
end(struct child *child)
{
	int status = -1;
	pid_t got;

	close(child->fd);
	while ((got = waitpid(child->pid, &status, WNOHANG)) == 0 && time_left(child) > 0)
		poll(NULL, 0, NAP_MS);
	if (got == 0) {
		kill(child->pid, SIGKILL);
		waitpid(child->pid, &status, 0);
	}
	return got == child->pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool
ready(const struct child *child, short events)
{
	struct pollfd p = { .fd = child->fd, .events = events };
	int left;

	while ((left = time_left(child)) > 0) {
		const int n = poll(&p, 1, left);

		if (n > 0)
			return true;
		if (n == 0 || errno != EINTR)
			return false;
	}
	return false;
}

static bool
send_all(const struct child *child, const char *text, size_t n)
{
	while (n > 0) {
		ssize_t k = ready(child, POLLOUT) ? send(child->fd, text, n, MSG_NOSIGNAL | MSG_DONTWAIT) : -1;

		if (k < 0 && errno == EAGAIN && time_left(child) > 0)
			continue;
		if (k < 0)
			return false;
		text += k;
		n -= (size_t)k;
	}
	return true;
}

static bool
receive_all(const struct child *child, struct buf *out)
{
	enum { PIECE = 1 << 16 };

	while (out->n <= PICTURE_MAX_BYTES && ready(child, POLLIN)) {
		ssize_t k = read(child->fd, buf_room(out, PIECE), PIECE);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return k == 0;
		out->n += (size_t)k;
	}
	return false;
}

bool
clipboard_write(const char *text, size_t n)
{
	const int64_t until = clock_ms() + PATIENCE_MS;
	struct child child;

	for (size_t i = 0; i < sizeof writers / sizeof *writers; i++) {
		bool sent;

		if (!can_run(&writers[i]) || start(&child, &writers[i], STDIN_FILENO, until) != 0)
			continue;
		sent = send_all(&child, text, n);
		if (end(&child) && sent)
			return true;
	}
	return false;
}

int
clipboard_read_picture(struct buf *out)
{
	const int64_t until = clock_ms() + PATIENCE_MS;
	const size_t before = out->n;
	struct child child;

	for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
		bool whole;

		if (!can_run(&readers[i]) || start(&child, &readers[i], STDOUT_FILENO, until) != 0)
			continue;
		whole = receive_all(&child, out);
		if (end(&child) && whole && picture_known(buf_text(out) + before, out->n - before))
			return 0;
		buf_cut(out, before);
	}
	return -1;
}
