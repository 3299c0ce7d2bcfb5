/* queue.c: see queue.h. Everything but the wishes is touched only with the lock held, and nothing is computed under it.
 *
 * The wish to stop belongs to a request, not to a moment: queue_next() sets the atomic from the request that
 * it hands out, both under the lock, so a stop can neither hit the next answer nor be lost between two of
 * them. `hurry` says besides that something waits behind the request at work, `asked` that it is a question; they are set
 * by what comes. */
#include "config.h"

#include "link/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Zeros: nothing is wished. */
static int
share_wishes(struct queue *q, struct error *err)
{
	void *at = MAP_FAILED;

	q->memory = memfd_create("wishes", MFD_CLOEXEC);
	if (q->memory >= 0 && ftruncate(q->memory, sizeof *q->wishes) == 0)
		at = mmap(NULL, sizeof *q->wishes, PROT_READ | PROT_WRITE, MAP_SHARED, q->memory, 0);
	if (at != MAP_FAILED) {
		q->wishes = at;
		return 0;
	}
	error_set(err, CODE_MEMORY, "no memory can be shared: %s", strerror(errno));
	if (q->memory >= 0)
		close(q->memory);
	return -1;
}

static void
drop_wishes(struct queue *q)
{
	munmap(q->wishes, sizeof *q->wishes);
	close(q->memory);
}

int
queue_init(struct queue *q, struct error *err)
{
	*q = (struct queue){.wake = {-1, -1}};
	q->requests_end = &q->requests;
	if (share_wishes(q, err) < 0)
		return -1;
	if (pipe(q->wake) < 0) {
		error_set(err, CODE_ENGINE, "cannot make a pipe: %s", strerror(errno));
		drop_wishes(q);
		return -1;
	}
	for (int i = 0; i < 2; i++) {
		fcntl(q->wake[i], F_SETFD, FD_CLOEXEC);
		fcntl(q->wake[i], F_SETFL, O_NONBLOCK);
	}
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->came, NULL);
	return 0;
}

static void
free_all(struct request *r)
{
	for (struct request *next; r; r = next) {
		next = r->next;
		request_free(r);
	}
}

void
queue_done(struct queue *q)
{
	struct event *e;

	free_all(q->requests);
	while ((e = q->events)) {
		q->events = e->next;
		event_free(e);
	}
	close(q->wake[0]);
	close(q->wake[1]);
	drop_wishes(q);
	pthread_cond_destroy(&q->came);
	pthread_mutex_destroy(&q->lock);
}

/* Takes out the requests of a kind that wait; the caller frees the list. */
static struct request *
take_out(struct queue *q, enum request_kind kind)
{
	struct request *out = NULL, **at = &q->requests;

	while (*at) {
		struct request *r = *at;

		if (r->kind != kind) {
			at = &r->next;
			continue;
		}
		*at = r->next;
		r->next = out;
		out = r;
	}
	q->requests_end = at;
	return out;
}

void
queue_put(struct queue *q, struct request *r)
{
	struct request *old = NULL;

	pthread_mutex_lock(&q->lock);
	if (r->kind == REQUEST_WARM)
		old = take_out(q, REQUEST_WARM);
	*q->requests_end = r;
	q->requests_end = &r->next;
	if (q->busy)
		atomic_store(&q->wishes->hurry, true);
	if (r->kind == REQUEST_ASK)
		atomic_store(&q->wishes->asked, true);
	pthread_cond_signal(&q->came);
	pthread_mutex_unlock(&q->lock);
	free_all(old);
}

void
queue_stop(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	for (struct request *r = q->requests; r; r = r->next)
		r->stopped = true;
	if (q->busy) {
		atomic_store(&q->wishes->stop, true);
		atomic_store(&q->wishes->hurry, true);
	}
	pthread_mutex_unlock(&q->lock);
}

void
queue_end(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->ending = true;
	atomic_store(&q->wishes->stop, true);
	atomic_store(&q->wishes->hurry, true);
	atomic_store(&q->wishes->asked, false);
	pthread_cond_signal(&q->came);
	pthread_mutex_unlock(&q->lock);
}

struct event *
queue_take(struct queue *q)
{
	struct event *all;
	char byte;

	pthread_mutex_lock(&q->lock);
	if (q->woken && read(q->wake[0], &byte, 1) == 1)
		q->woken = false;
	all = q->events;
	q->events = q->newest = NULL;
	pthread_mutex_unlock(&q->lock);
	return all;
}

static struct request *
pop(struct queue *q)
{
	struct request *r = q->requests;

	q->requests = r->next;
	if (!q->requests)
		q->requests_end = &q->requests;
	r->next = NULL;
	return r;
}

/* At the end nothing is done any more but what would be lost. */
static struct request *
pop_kept(struct queue *q)
{
	struct request *r;

	while (q->requests) {
		r = pop(q);
		if (r->kind == REQUEST_LEAVE)
			return r;
		request_free(r);
	}
	return NULL;
}

static bool
has(const struct queue *q, enum request_kind kind)
{
	for (const struct request *r = q->requests; r; r = r->next)
		if (r->kind == kind)
			return true;
	return false;
}

struct request *
queue_next(struct queue *q)
{
	struct request *r;

	pthread_mutex_lock(&q->lock);
	q->busy = false;
	while (!q->requests && !q->ending)
		pthread_cond_wait(&q->came, &q->lock);
	if (q->ending) {
		r = pop_kept(q);
	} else {
		r = pop(q);
		q->busy = true;
		atomic_store(&q->wishes->stop, r->stopped);
		atomic_store(&q->wishes->hurry, r->stopped || q->requests);
		atomic_store(&q->wishes->asked, has(q, REQUEST_ASK));
	}
	pthread_mutex_unlock(&q->lock);
	return r;
}

/* One byte stands for any number of events; the pipe never fills, so this never waits. */
static void
wake(struct queue *q)
{
	if (!q->woken && write(q->wake[1], "", 1) == 1)
		q->woken = true;
}

void
queue_tell(struct queue *q, struct event *e)
{
	bool joined;

	pthread_mutex_lock(&q->lock);
	joined = q->newest && event_merge(q->newest, e);
	if (!joined) {
		if (q->newest)
			q->newest->next = e;
		else
			q->events = e;
		q->newest = e;
	}
	wake(q);
	pthread_mutex_unlock(&q->lock);
	if (joined)
		event_free(e);
}
