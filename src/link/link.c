/* link.c: the door: starts and ends the worker's thread, puts requests down, takes events up. Main thread only, but for that
 * thread itself: it has requests carried out here, or, once this process has lost its GPU, in another. */
#include "config.h"

#include "link/link.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/thread.h"
#include "link/apart.h"
#include "link/queue.h"
#include "link/worker.h"

struct link {
	struct queue queue;
	struct worker worker;
	struct apart apart;             /* the thread's */
	pthread_t thread;
	bool joined;
};

static void
tell_queue(void *to, struct event *e)
{
	queue_tell(to, e);
}

static int
move_out(struct link *l)
{
	struct event *e = event_new(EVENT_FAILED, 0);
	int rc = apart_open(&l->apart, &l->worker, l->queue.memory, &e->error);

	if (rc == 0)
		event_free(e);
	else
		queue_tell(&l->queue, e);
	return rc;
}

/* Here, until this process has lost its GPU; from the next load on in another. */
static void
have_done(struct link *l, const struct request *r)
{
	bool loads = r->kind == REQUEST_LOAD;

	if (loads && apart_is_open(&l->apart) && apart_has_ended(&l->apart))
		apart_close(&l->apart);
	if (loads && !apart_is_open(&l->apart) && engine_is_spoilt() && move_out(l) < 0)
		return;
	if (!apart_is_open(&l->apart)) {
		worker_do(&l->worker, r);
		return;
	}
	atomic_store(&l->worker.keeping, r->kind == REQUEST_LEAVE && r->path);
	apart_do(&l->apart, &l->worker, r);
	atomic_store(&l->worker.keeping, false);
}

static void *
run(void *arg)
{
	struct link *l = arg;
	struct request *r;

	while ((r = queue_next(&l->queue))) {
		have_done(l, r);
		request_free(r);
	}
	if (apart_is_open(&l->apart))
		apart_close(&l->apart);
	worker_done(&l->worker);
	return NULL;
}

struct link *
link_start(const struct card *card, const struct engine_options *options, struct error *err)
{
	struct link *l = xcalloc(1, sizeof *l);
	int failed;

	if (queue_init(&l->queue, err) < 0) {
		free(l);
		return NULL;
	}
	l->worker = (struct worker){.card = card, .options = *options, .wishes = l->queue.wishes, .tell = tell_queue,
	    .to = &l->queue};
	failed = thread_start(&l->thread, run, l);
	if (failed) {
		error_set(err, CODE_MEMORY, "cannot start the engine's thread: %s", strerror(failed));
		queue_done(&l->queue);
		free(l);
		return NULL;
	}
	return l;
}

bool
link_end_within(struct link *l, int ms)
{
	struct timespec until;

	queue_end(&l->queue);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	if (!l->joined)
		l->joined = pthread_timedjoin_np(l->thread, NULL, &until) == 0;
	return l->joined;
}

bool
link_is_keeping(const struct link *l)
{
	return atomic_load(&l->worker.keeping);
}

void
link_end(struct link *l)
{
	if (!l)
		return;
	queue_end(&l->queue);
	if (!l->joined)
		pthread_join(l->thread, NULL);
	queue_done(&l->queue);
	free(l);
}

int
link_fd(const struct link *l)
{
	return l->queue.wake[0];
}

void
link_load(struct link *l)
{
	queue_put(&l->queue, request_new(REQUEST_LOAD));
}

void
link_see_take(struct link *l, struct pixels *pixels)
{
	struct request *r = request_new(REQUEST_SEE);

	r->pixels = *pixels;
	*pixels = (struct pixels){0};
	queue_put(&l->queue, r);
}

void
link_warm_take(struct link *l, struct prompt *prompt)
{
	struct request *r = request_new(REQUEST_WARM);

	r->question.prompt = *prompt;
	*prompt = (struct prompt){0};
	queue_put(&l->queue, r);
}

void
link_leave(struct link *l, const char *path, long long max_bytes)
{
	struct request *r = request_new(REQUEST_LEAVE);

	r->path = path ? xstrdup(path) : NULL;
	r->max_bytes = max_bytes;
	queue_put(&l->queue, r);
}

void
link_restore(struct link *l, const char *path)
{
	struct request *r = request_new(REQUEST_RESTORE);

	r->path = xstrdup(path);
	queue_put(&l->queue, r);
}

void
link_ask_take(struct link *l, struct question *q)
{
	struct request *r = request_new(REQUEST_ASK);

	r->question = *q;
	*q = (struct question){0};
	queue_put(&l->queue, r);
}

void
link_stop(struct link *l)
{
	queue_stop(&l->queue);
}

struct event *
link_take(struct link *l)
{
	return queue_take(&l->queue);
}
