/* editor.c: see editor.h. The text travels in a file of its own in $TMPDIR, which nobody else can read and which is gone
 * afterwards. Whatever goes wrong, the input stays as it was. An answer goes on meanwhile; the screen shows it later. */
#include "config.h"

#include "editor.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/text.h"
#include "internal.h"

#define INPUT_MAX_BYTES (4u << 20)

extern char **environ;

/* Keys that stop a program are the editor's: what they do to a process group must not end the chat, but Ctrl-Z stops
 * both, so that the shell is there. */
static const struct {
	int sig;
	void (*handler)(int);
} meanwhile[] = { { SIGINT, SIG_IGN }, { SIGQUIT, SIG_IGN }, { SIGTSTP, SIG_DFL } };

enum { N_MEANWHILE = sizeof meanwhile / sizeof *meanwhile };

static const char *
command(void)
{
	const char *visual = getenv("VISUAL"), *editor = getenv("EDITOR");

	if (visual && *visual)
		return visual;
	return editor && *editor ? editor : "vi";
}

/* The name of a new file with the text in it; NULL with err. The caller frees. */
static char *
write_text(const char *text, struct error *err)
{
	const char *folder = getenv("TMPDIR");
	char *path = xasprintf("%s/ivchat-XXXXXX.md", folder && *folder ? folder : "/tmp");
	int fd = mkstemps(path, 3);

	if (fd >= 0 && file_write_all(fd, text, strlen(text)) == 0 && (!*text || file_write_all(fd, "\n", 1) == 0) &&
	    close(fd) == 0)
		return path;
	error_set(err, CODE_STORE, "cannot write '%s': %s", path, strerror(errno));
	if (fd >= 0)
		unlink(path);
	free(path);
	return NULL;
}

static int
spawn(pid_t *pid, const char *path)
{
	char *line = xasprintf("%s \"$1\"", command());
	char *argv[] = { "sh", "-c", line, "sh", (char *)path, NULL };
	posix_spawnattr_t attr;
	sigset_t none, usual;
	int rc;

	sigemptyset(&none);
	sigemptyset(&usual);
	for (int i = 0; i < N_MEANWHILE; i++)
		sigaddset(&usual, meanwhile[i].sig);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &usual);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	rc = posix_spawn(pid, "/bin/sh", NULL, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	free(line);
	return rc;
}

static int
edit(const char *path, struct error *err)
{
	struct sigaction kept[N_MEANWHILE];
	int status = 0, rc;
	pid_t pid;

	for (int i = 0; i < N_MEANWHILE; i++) {
		struct sigaction sa = { .sa_handler = meanwhile[i].handler };

		sigaction(meanwhile[i].sig, &sa, &kept[i]);
	}
	rc = spawn(&pid, path);
	while (rc == 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	for (int i = 0; i < N_MEANWHILE; i++)
		sigaction(meanwhile[i].sig, &kept[i], NULL);
	if (rc != 0)
		return error_set(err, CODE_INPUT, "cannot start an editor: %s", strerror(rc));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	error_set(err, CODE_INPUT, "the editor '%s' failed: the message is as it was", command());
	return error_hint(err, "VISUAL or EDITOR names another one");
}

static int
read_text(const char *path, struct buf *out, struct error *err)
{
	if (file_read(path, INPUT_MAX_BYTES, out, CODE_INPUT, err) != 0)
		return -1;
	while (out->n > 0 && out->at[out->n - 1] == '\n')
		buf_cut(out, out->n - 1);
	if (strlen(buf_text(out)) == out->n && text_valid(out->at, out->n))
		return 0;
	return error_set(err, CODE_INPUT, "what the editor wrote is not UTF-8 text: the message is as it was");
}

void
editor_run(struct app *app)
{
	struct error err;
	struct buf text = {0};
	char *path = write_text(ui_input(app->ui), &err);
	int rc = -1;

	if (path) {
		ui_lend(app->ui);
		rc = edit(path, &err);
		ui_return(app->ui);
		if (rc == 0)
			rc = read_text(path, &text, &err);
		unlink(path);
	}
	if (rc == 0)
		ui_set_input(app->ui, buf_text(&text));
	else
		present_error(app, &err);
	meter_typed(app);
	buf_done(&text);
	free(path);
}
