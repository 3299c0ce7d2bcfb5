/* main.c: locale, open descriptors, failing writes, then the table of subcommands. Everything else is in
 * cmd/. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "cmd/cmd.h"
#include "link/link.h"

/* Descriptors 0 to 2 are never somebody else's file by accident. */
static void
open_standard_files(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= 2);
	if (fd > 2)
		close(fd);
}

/* A handler rather than SIG_IGN: programs that are started from here get the usual disposition back. */
static void
take_no_notice(int sig)
{
	(void)sig;
}

/* A reader that went away and a file over its limit are errors of write(2), not reasons to die with text in
 * hand. */
static void
survive_failing_writes(void)
{
	struct sigaction sa = {.sa_handler = take_no_notice, .sa_flags = SA_RESTART};

	sigemptyset(&sa.sa_mask);
	sigaction(SIGPIPE, &sa, NULL);
	sigaction(SIGXFSZ, &sa, NULL);
}

/* Weights are read where their files are mapped: one that is cut short meanwhile, or a disk that fails, comes as this
 * signal in the middle of a sum, where nothing can go on. What was said until then is in the session. */
static void
lose_weights(int sig)
{
	static const char line[] = "ivchat: a file of the model was cut short, or could not be read, while it was in use\n";
	ssize_t n = write(STDERR_FILENO, line, sizeof line - 1);

	(void)sig;
	(void)n;
	_exit(CODE_ENGINE);
}

static void
explain_lost_weights(void)
{
	struct sigaction sa = {.sa_handler = lose_weights};

	sigemptyset(&sa.sa_mask);
	sigaction(SIGBUS, &sa, NULL);
}

/* Takes argv[at] out and leaves the rest in order. */
static void
take_word(int argc, char **argv, int at)
{
	memmove(argv + at, argv + at + 1, (size_t)(argc - at) * sizeof *argv);
}

/* "ivchat ask …", or with options in front; without a subcommand the words are pictures for the chat. */
static int
dispatch(int argc, char **argv)
{
	int at = options_first_operand(argc, argv);
	const struct command *c = at < 0 ? NULL : cmd_find(argv[at]);

	if (!c)
		return cmd_run(&cmd_chat, argc, argv);
	take_word(argc, argv, at);
	return cmd_run(c, argc - 1, argv);
}

/* What stdio still holds goes out here, so that a full disk is not taken for success. */
static int
finish_output(int status)
{
	struct error err = {0};
	int failed = fflush(stdout), why = errno;

	if (!failed && !ferror(stdout))
		return status;
	if (failed && why == EPIPE)
		return CODE_SIGPIPE;
	error_set(&err, CODE_STORE, "cannot write to standard output: %s", strerror(failed ? why : EIO));
	return status ? status : cmd_fail(&err);
}

static int
serve(void)
{
	struct error err = {0};

	return link_serve(&err) == 0 ? CODE_OK : cmd_fail(&err);
}

int
main(int argc, char **argv)
{
	open_standard_files();
	survive_failing_writes();
	explain_lost_weights();
	setlocale(LC_ALL, "");
	setlocale(LC_NUMERIC, "C");
	if (argc == 2 && strcmp(argv[1], LINK_SERVE) == 0)
		return serve();
	if (argc == 2 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0))
		return finish_output(cmd_run(&cmd_help, 0, NULL));
	return finish_output(dispatch(argc > 0 ? argc - 1 : 0, argv + 1));
}
