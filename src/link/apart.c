/* apart.c: see apart.h. */
#include "config.h"

#include "link/apart.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "link/serve.h"
#include "link/wire.h"

#define PATIENCE_MS 3000        /* with a process that is to end by itself */
#define STOP_MS 5000            /* with one that was asked to stop and says nothing, or leaves a message half taken */
#define LOOK_MS 100             /* how often the wish to stop is looked at */

/* ---- opening */

/* Descriptors of the other process, each put in its place from one that is nobody's place. */
static int
place_files(posix_spawn_file_actions_t *files, const int given[SERVE_END], int high[SERVE_END])
{
	posix_spawn_file_actions_init(files);
	for (int fd = 0; fd < SERVE_SOCKET; fd++)
		posix_spawn_file_actions_addopen(files, fd, "/dev/null", O_RDWR, 0);
	for (int fd = SERVE_SOCKET; fd < SERVE_END; fd++) {
		high[fd] = given[fd] < 0 ? -1 : fcntl(given[fd], F_DUPFD_CLOEXEC, SERVE_END);
		if (given[fd] >= 0 && high[fd] < 0)
			return errno;
		if (high[fd] >= 0)
			posix_spawn_file_actions_adddup2(files, high[fd], fd);
	}
	return 0;
}

/* It is in a group of its own, so that keys of the terminal are not for it, and no signal is blocked. */
static int
spawn(pid_t *pid, const int given[SERVE_END])
{
	char *argv[] = {(char *)"ivchat", (char *)LINK_SERVE, NULL};
	int high[SERVE_END], rc;
	posix_spawn_file_actions_t files;
	posix_spawnattr_t how;
	sigset_t none;

	memset(high, -1, sizeof high);
	sigemptyset(&none);
	posix_spawnattr_init(&how);
	posix_spawnattr_setsigmask(&how, &none);
	posix_spawnattr_setpgroup(&how, 0);
	posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
	rc = place_files(&files, given, high);
	if (rc == 0)
		rc = posix_spawn(pid, "/proc/self/exe", &files, &how, argv, environ);
	for (int fd = SERVE_SOCKET; fd < SERVE_END; fd++)
		if (high[fd] >= 0)
			close(high[fd]);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&how);
	return rc;
}

/* A message that has begun does not stand still, on its way there as on its way back. */
static void
set_patience(int fd)
{
	static const struct timeval most = {.tv_sec = STOP_MS / 1000};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
}

/* 0, or what went wrong. */
static int
start(struct apart *a, int memory, int log)
{
	int both[2], given[SERVE_END], rc;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both) < 0)
		return errno;
	a->fd = both[0];
	set_patience(a->fd);
	given[SERVE_SOCKET] = both[1];
	given[SERVE_MEMORY] = memory;
	given[SERVE_LOG] = log;
	rc = spawn(&a->pid, given);
	close(both[1]);
	return rc;
}

/* If it has ended already, the first request finds out. */
static void
greet(struct apart *a, const struct hello *hello)
{
	struct buf body = {0};

	wire_put_hello(&body, hello);
	wire_send(a->fd, WIRE_HELLO, &body);
	buf_done(&body);
}

int
apart_open(struct apart *a, const struct worker *w, int memory, struct error *err)
{
	struct hello hello = {.dir = (char *)(uintptr_t)card_info(w->card)->dir, .options = w->options};
	int log = log_descriptor(&hello.log), rc;

	*a = (struct apart){.fd = -1};
	rc = start(a, memory, log);
	if (rc != 0) {
		a->pid = 0;
		apart_close(a);
		error_set(err, CODE_ENGINE, "no process can be started for the engine: %s", strerror(rc));
		return error_hint(err, "leave and start ivchat again; -c goes on with the last conversation");
	}
	log_line("the engine runs in a process of its own now, number %d", (int)a->pid);
	greet(a, &hello);
	return 0;
}

/* ---- closing */

/* Until it has ended by itself, its engine freed, or time is over. */
static void
await_end(const struct apart *a)
{
	struct pollfd fd = {.fd = a->fd, .events = POLLIN};
	char byte;

	shutdown(a->fd, SHUT_WR);
	while (poll(&fd, 1, PATIENCE_MS) > 0 && recv(a->fd, &byte, 1, 0) > 0)
		;
}

/* How it ended, as waitpid() has it. */
static int
end(struct apart *a)
{
	int status = 0;

	if (a->pid != 0) {
		await_end(a);
		kill(a->pid, SIGKILL);
		while (waitpid(a->pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	if (a->fd >= 0)
		close(a->fd);
	*a = (struct apart){.fd = -1};
	return status;
}

void
apart_close(struct apart *a)
{
	end(a);
}

bool
apart_has_ended(const struct apart *a)
{
	char byte;

	return recv(a->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* ---- requests */

/* What else came of a request. */
struct outcome {
	bool lost;                      /* the process has no engine any more */
	bool hung;                      /* it did not stop, and was killed */
};

/* Until there is a message, or the end of all. A GPU that is waited for in vain keeps its process from stopping, and must
 * not keep this one from it; only a file may take its time to be written. */
static void
await_message(const struct apart *a, const struct worker *w, const struct request *r, struct outcome *o)
{
	struct pollfd fd = {.fd = a->fd, .events = POLLIN};
	int silent = 0;

	while (poll(&fd, 1, LOOK_MS) <= 0) {
		bool may_wait = r->kind == REQUEST_LEAVE || !atomic_load(&w->wishes->stop);

		silent = may_wait ? 0 : silent + LOOK_MS;
		if (silent >= STOP_MS && !o->hung) {
			o->hung = true;
			kill(a->pid, SIGKILL);
		}
	}
}

/* 0; -1: the process has ended. */
static int
relay(struct apart *a, const struct worker *w, const struct request *r, struct outcome *o)
{
	enum wire_kind kind = WIRE_REQUEST;
	struct buf body = {0};
	int rc;

	wire_put_request(&body, r);
	rc = wire_send(a->fd, WIRE_REQUEST, &body);
	while (rc == 0 && kind != WIRE_OVER) {
		await_message(a, w, r, o);
		rc = wire_take(a->fd, &kind, &body);
		if (rc == 0 && kind == WIRE_EVENT) {
			struct event *e = wire_get_event(&body);

			o->lost |= e->kind == EVENT_FAILED && (r->kind == REQUEST_LOAD || e->error.code == CODE_ENGINE);
			w->tell(w->to, e);
		}
	}
	buf_done(&body);
	return rc;
}

/* What the process itself says of two of its ends is read by nobody. The engine is lost by each. */
static void
say_end(struct error *err, int status)
{
	if (WIFSIGNALED(status))
		error_set(err, CODE_ENGINE, "the engine's process was ended by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status) == CODE_ENGINE)
		error_set(err, CODE_ENGINE, "a file of the model was cut short, or could not be read, while it was in use");
	else if (WEXITSTATUS(status) == CODE_MEMORY)
		error_set(err, CODE_ENGINE, "the engine's process was refused memory, and ended");
	else
		error_set(err, CODE_ENGINE, "the engine's process ended with status %d", WEXITSTATUS(status));
}

static void
tell_ended(const struct worker *w, const struct request *r, int status, bool hung)
{
	struct event *e = event_new(EVENT_FAILED, r->kind == REQUEST_ASK ? r->question.ticket : 0);

	if (hung && r->kind == REQUEST_LOAD)
		error_set(&e->error, CODE_SIGINT, "loading was stopped");
	else if (hung)
		error_set(&e->error, CODE_ENGINE, "the engine's process did not stop, and was ended");
	else
		say_end(&e->error, status);
	w->tell(w->to, e);
}

void
apart_do(struct apart *a, const struct worker *w, const struct request *r)
{
	struct outcome o = {0};

	if (relay(a, w, r, &o) < 0)
		tell_ended(w, r, end(a), o.hung);
	else if (o.lost || o.hung)
		apart_close(a);
}
