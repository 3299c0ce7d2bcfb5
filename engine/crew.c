/* crew.c: see crew.h. Only the calling thread touches the watch. */
#include "config.h"

#include "engine/crew.h"

#include <time.h>

#include "base/thread.h"
#include "engine/watch.h"

#define MAX_THREADS 64
#define POLL_MS 20

static void
keep_failure(struct crew *c, const struct error *e)
{
	pthread_mutex_lock(&c->lock);
	if (!c->failed)
		c->failure = *e;
	c->failed = true;
	pthread_mutex_unlock(&c->lock);
	atomic_store(&c->quit, true);
}

static void *
run(void *arg)
{
	struct crew *c = arg;
	void *own = c->begin(c->arg);
	struct error e = {0};
	int i;

	while (!crew_ends(c) && (i = atomic_fetch_add(&c->next, 1)) < c->n_pieces)
		if (c->work(c, own, i, &e) < 0)
			keep_failure(c, &e);
	c->end(own);
	atomic_fetch_sub(&c->n_running, 1);
	return NULL;
}

static int
start(struct crew *c, pthread_t *threads)
{
	int n = c->n_threads > 0 ? c->n_threads : thread_n_cores(), n_started = 0;

	for (int i = 0; i < n && i < MAX_THREADS && i < c->n_pieces; i++) {
		atomic_fetch_add(&c->n_running, 1);
		if (thread_start(&threads[n_started], run, c) == 0)
			n_started++;
		else
			atomic_fetch_sub(&c->n_running, 1);
	}
	return n_started;
}

static void
attend(struct crew *c, const struct watch *watch)
{
	const struct timespec nap = {0, POLL_MS * 1000000L};

	while (atomic_load(&c->n_running) > 0) {
		nanosleep(&nap, NULL);
		watch_report(watch, STAGE_LOAD, atomic_load(&c->done), c->total);
		if (watch_stopped(watch))
			atomic_store(&c->quit, true);
	}
}

int
crew_run(struct crew *c, const char *doing, const struct watch *watch, struct error *err)
{
	pthread_t threads[MAX_THREADS];
	int n;

	pthread_mutex_init(&c->lock, NULL);
	n = start(c, threads);
	attend(c, watch);
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	pthread_mutex_destroy(&c->lock);
	if (c->failed) {
		*err = c->failure;
		return -1;
	}
	if (n == 0 && c->n_pieces > 0)
		return error_set(err, CODE_MEMORY, "no thread can be started for %s", doing);
	return watch_stopped(watch) ? error_set(err, CODE_SIGINT, "stopped while %s", doing) : 0;
}
