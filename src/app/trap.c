/* trap.c: signals → bytes of a pipe that the loop waits on, and the handlers of a crash, which give the terminal back
 * and let the signal do its work. The only file here with static state: signal handlers have no other way to it. */
#include "config.h"

#include "trap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "ui/ui.h"

static int pipe_ends[2] = { -1, -1 };
static struct sigaction before_sigbus;  /* main's, which tells of weights that were cut short */

static const int caught[] = { SIGWINCH, SIGTERM, SIGHUP, SIGINT, SIGTSTP, SIGCONT };
static const int crashes[] = { SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGQUIT };

#define N_CAUGHT (sizeof caught / sizeof caught[0])
#define N_CRASHES (sizeof crashes / sizeof crashes[0])

static void
pass_on(int sig)
{
	unsigned char byte = (unsigned char)sig;
	int saved = errno;
	ssize_t n = write(pipe_ends[1], &byte, 1);

	(void)n;                /* full: what is in it wakes the loop as well */
	errno = saved;
}

/* Installed with SA_RESETHAND: the second time is the real one. */
static void
crash(int sig)
{
	ui_emergency();
	if (sig == SIGBUS)
		sigaction(sig, &before_sigbus, NULL);
	raise(sig);
}

/* What is ignored from the start (nohup) stays so. */
static void
install(int sig, void (*handler)(int), int flags)
{
	struct sigaction sa = { .sa_handler = handler, .sa_flags = flags }, before;

	sigemptyset(&sa.sa_mask);
	if (sigaction(sig, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
		sigaction(sig, &sa, NULL);
}

int
trap_open(struct error *err)
{
	if (pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK) != 0)
		return error_set(err, CODE_ENGINE, "cannot make a pipe: %s", strerror(errno));
	for (size_t i = 0; i < N_CAUGHT; i++)
		install(caught[i], pass_on, SA_RESTART);
	sigaction(SIGBUS, NULL, &before_sigbus);
	for (size_t i = 0; i < N_CRASHES; i++)
		install(crashes[i], crash, SA_RESETHAND | SA_NODEFER);
	return pipe_ends[0];
}

int
trap_next(void)
{
	unsigned char byte;

	return read(pipe_ends[0], &byte, 1) == 1 ? byte : 0;
}

void
trap_close(void)
{
	for (size_t i = 0; i < N_CAUGHT; i++)
		install(caught[i], SIG_DFL, 0);
	for (size_t i = 0; i < N_CRASHES; i++)
		install(crashes[i], SIG_DFL, 0);
	sigaction(SIGBUS, &before_sigbus, NULL);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
	pipe_ends[0] = pipe_ends[1] = -1;
}
