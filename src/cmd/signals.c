/* signals.c: see signals.h. Handlers can only reach globals: the pipe is static here. */
#include "config.h"

#include "cmd/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static const int caught[] = {SIGINT, SIGTERM, SIGHUP};

static int pipe_fds[2] = {-1, -1};

static void
note(int sig)
{
	char byte = (char)sig;
	int before = errno;
	ssize_t n = write(pipe_fds[1], &byte, 1);

	(void)n;
	errno = before;
}

/* nohup(1) and background jobs of a shell have some of them ignored: that stays. */
static void
set_handler(int sig, void (*handler)(int))
{
	struct sigaction sa = {.sa_handler = handler, .sa_flags = SA_RESTART}, old;

	sigemptyset(&sa.sa_mask);
	if (sigaction(sig, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
		sigaction(sig, &sa, NULL);
}

int
signals_open(struct error *err)
{
	if (pipe(pipe_fds) < 0)
		return error_set(err, CODE_ENGINE, "cannot make a pipe: %s", strerror(errno));
	for (int i = 0; i < 2; i++) {
		fcntl(pipe_fds[i], F_SETFD, FD_CLOEXEC);
		fcntl(pipe_fds[i], F_SETFL, O_NONBLOCK);
	}
	for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
		set_handler(caught[i], note);
	return 0;
}

int
signals_fd(void)
{
	return pipe_fds[0];
}

int
signals_take(void)
{
	char byte;

	return read(pipe_fds[0], &byte, 1) == 1 ? byte : 0;
}

void
signals_close(void)
{
	if (pipe_fds[0] < 0)
		return;
	for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
		set_handler(caught[i], SIG_DFL);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	pipe_fds[0] = pipe_fds[1] = -1;
}
