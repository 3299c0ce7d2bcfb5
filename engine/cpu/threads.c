/* threads.c: a pool that splits one loop at a time.
 *
 * Threads take items from a shared counter, so that a slow core takes fewer. A job is open from pool_run's start
 * until the counter is used up; a thread that wakes up late finds it closed and sleeps again, nobody waits for it.
 * Waiting threads look for a few microseconds (the next operator of a layer is about to come), then sleep in the
 * kernel.
 */
#include "config.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/thread.h"
#include "engine/cpu/cpu.h"

#define SPINS 2000              /* looks before sleeping: about 20 microseconds */
#define TURN (1 << 16)          /* multiply-adds of a turn: some 5 microseconds, more than handing it over costs */

struct worker {
	struct pool *pool;
	pthread_t thread;
	int index;
};

/* One pool_run. */
struct job {
	item_fn fn;                     /* NULL: none is open */
	void *arg;
	int n_items, each;
};

struct pool {
	struct worker *workers;         /* n_threads - 1: the caller is number 0 */
	int n_threads;
	pthread_mutex_t mutex;
	pthread_cond_t wake, idle;
	/* under the mutex; the atomic ones are also looked at without it */
	struct job current;
	bool quit;
	atomic_uint job;                /* number of the latest job */
	atomic_int n_active;            /* workers inside the job */
	atomic_int next;                /* first item of the next turn */
};

static void
relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#endif
}

static void
run_items(const struct job *j, int begin, int end, int worker)
{
	for (int i = begin; i < end; i++)
		j->fn(j->arg, i, worker);
}

static void
take_turns(struct pool *p, const struct job *j, int worker)
{
	int begin;

	while ((begin = atomic_fetch_add_explicit(&p->next, j->each, memory_order_relaxed)) < j->n_items)
		run_items(j, begin, j->n_items - begin < j->each ? j->n_items : begin + j->each, worker);
}

/* Returns when a job newer than `seen` may be there. */
static void
await_job(struct pool *p, unsigned seen)
{
	for (int i = 0; i < SPINS; i++) {
		if (atomic_load_explicit(&p->job, memory_order_acquire) != seen)
			return;
		relax();
	}
	pthread_mutex_lock(&p->mutex);
	while (atomic_load(&p->job) == seen && !p->quit)
		pthread_cond_wait(&p->wake, &p->mutex);
	pthread_mutex_unlock(&p->mutex);
}

static void
join_job(struct pool *p, int worker)
{
	struct job j = p->current;

	if (!j.fn)
		return;
	atomic_fetch_add(&p->n_active, 1);
	pthread_mutex_unlock(&p->mutex);
	take_turns(p, &j, worker);
	pthread_mutex_lock(&p->mutex);
	if (atomic_fetch_sub(&p->n_active, 1) == 1)
		pthread_cond_signal(&p->idle);
}

static void *
work(void *arg)
{
	struct worker *w = arg;
	struct pool *p = w->pool;
	unsigned seen = 0;
	bool quit = false;

	while (!quit) {
		await_job(p, seen);
		pthread_mutex_lock(&p->mutex);
		seen = atomic_load(&p->job);
		quit = p->quit;
		if (!quit)
			join_job(p, w->index);
		pthread_mutex_unlock(&p->mutex);
	}
	return NULL;
}

static void
start_workers(struct pool *p, int n_threads)
{
	for (int i = 1; i < n_threads; i++) {
		struct worker *w = &p->workers[i - 1];

		w->pool = p;
		w->index = i;
		if (thread_start(&w->thread, work, w) != 0)
			break;
		p->n_threads = i + 1;
	}
}

struct pool *
pool_new(int n_threads)
{
	struct pool *p = xcalloc(1, sizeof *p);

	if (n_threads <= 0)
		n_threads = thread_n_cores();
	pthread_mutex_init(&p->mutex, NULL);
	pthread_cond_init(&p->wake, NULL);
	pthread_cond_init(&p->idle, NULL);
	p->workers = xcalloc((size_t)n_threads, sizeof *p->workers);
	p->n_threads = 1;
	start_workers(p, n_threads);
	return p;
}

void
pool_free(struct pool *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->mutex);
	p->quit = true;
	atomic_fetch_add(&p->job, 1);
	pthread_cond_broadcast(&p->wake);
	pthread_mutex_unlock(&p->mutex);
	for (int i = 1; i < p->n_threads; i++)
		pthread_join(p->workers[i - 1].thread, NULL);
	pthread_cond_destroy(&p->idle);
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->mutex);
	free(p->workers);
	free(p);
}

int
pool_n_threads(const struct pool *p)
{
	return p->n_threads;
}

static void
open_job(struct pool *p, const struct job *j)
{
	pthread_mutex_lock(&p->mutex);
	p->current = *j;
	atomic_store(&p->next, 0);
	atomic_fetch_add(&p->job, 1);
	pthread_cond_broadcast(&p->wake);
	pthread_mutex_unlock(&p->mutex);
}

/* The lock at the end makes what the workers wrote visible to the caller. */
static void
close_job(struct pool *p)
{
	for (int i = 0; i < SPINS && atomic_load_explicit(&p->n_active, memory_order_relaxed) > 0; i++)
		relax();
	pthread_mutex_lock(&p->mutex);
	p->current.fn = NULL;
	while (atomic_load(&p->n_active) > 0)
		pthread_cond_wait(&p->idle, &p->mutex);
	pthread_mutex_unlock(&p->mutex);
}

void
pool_run(struct pool *p, int n_items, int each, item_fn fn, void *arg)
{
	struct job j = { fn, arg, n_items, each };

	assert(each > 0);
	if (p->n_threads == 1 || n_items <= each) {
		run_items(&j, 0, n_items, 0);
		return;
	}
	open_job(p, &j);
	take_turns(p, &j, 0);
	close_job(p);
}

int
pool_each(size_t cost)
{
	return cost >= TURN ? 1 : cost == 0 ? TURN : (int)(TURN / cost);
}
