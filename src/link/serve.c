/* serve.c: the other end of apart.c: a process that carries out what it is given, until nobody gives any more. */
#include "config.h"

#include "link/serve.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "link/link.h"
#include "link/wire.h"
#include "link/worker.h"

struct service {
	struct worker worker;
	struct wishes *wishes;
	struct buf body;                /* of what is sent */
};

/* When nobody listens any more, whatever is at work has no purpose. */
static void
tell_other(void *to, struct event *e)
{
	struct service *s = to;

	wire_put_event(&s->body, e);
	if (wire_send(SERVE_SOCKET, WIRE_EVENT, &s->body) < 0) {
		atomic_store(&s->wishes->stop, true);
		atomic_store(&s->wishes->hurry, true);
	}
	event_free(e);
}

static void
serve_all(struct service *s)
{
	struct buf body = {0};
	enum wire_kind kind;

	while (wire_take(SERVE_SOCKET, &kind, &body) == 0 && kind == WIRE_REQUEST) {
		struct request *r = wire_get_request(&body);

		worker_do(&s->worker, r);
		request_free(r);
		if (wire_send(SERVE_SOCKET, WIRE_OVER, NULL) < 0)
			break;
	}
	buf_done(&body);
}

/* The load that comes first. It is taken before anything is said: who ends earlier closes the door to it, and what was said
 * is not looked for any more. */
static void
refuse(struct service *s, const struct error *why)
{
	struct event *e = event_new(EVENT_FAILED, 0);
	struct buf body = {0};
	enum wire_kind kind;

	wire_take(SERVE_SOCKET, &kind, &body);
	buf_done(&body);
	e->error = *why;
	tell_other(s, e);
	wire_send(SERVE_SOCKET, WIRE_OVER, NULL);
}

static int
by_hand(struct error *err)
{
	error_set(err, CODE_USAGE, LINK_SERVE " is not for people: ivchat starts itself so, when it has lost a GPU");
	return -1;
}

static int
serve(struct service *s, struct error *err)
{
	struct card *card = NULL;
	struct buf body = {0};
	enum wire_kind kind;
	struct hello hello;
	struct error why;

	if (wire_take(SERVE_SOCKET, &kind, &body) < 0)
		return by_hand(err);
	wire_get_hello(&body, &hello);
	buf_done(&body);
	card = card_open(hello.dir, &why);
	log_take(hello.log == LOG_OFF ? -1 : SERVE_LOG, hello.log);
	s->worker = (struct worker){.card = card, .options = hello.options, .wishes = s->wishes, .tell = tell_other, .to = s};
	if (card)
		serve_all(s);
	else
		refuse(s, &why);
	worker_done(&s->worker);
	card_free(card);
	free(hello.dir);
	return 0;
}

/* Also in the middle of a computation that never looks up again: nobody would be left who could end it, and it holds a
 * card's memory. A parent that is gone by now is found out by the socket. */
static void
end_with_parent(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* Whether the descriptors are those that apart.c gives: any other is somebody's file. */
static bool
is_started_by_link(void)
{
	struct stat at, memory;

	return fstat(SERVE_SOCKET, &at) == 0 && S_ISSOCK(at.st_mode) && fstat(SERVE_MEMORY, &memory) == 0 &&
	    memory.st_size == (off_t)sizeof(struct wishes);
}

int
link_serve(struct error *err)
{
	struct service s = {0};
	int rc;

	if (!is_started_by_link())
		return by_hand(err);
	end_with_parent();
	prctl(PR_SET_NAME, "ivchat");   /* it is "exe" by the path of which it was started */
	close_range(SERVE_END, ~0U, 0);
	s.wishes = mmap(NULL, sizeof *s.wishes, PROT_READ | PROT_WRITE, MAP_SHARED, SERVE_MEMORY, 0);
	if (s.wishes == MAP_FAILED)
		return by_hand(err);
	rc = serve(&s, err);
	buf_done(&s.body);
	return rc;
}
