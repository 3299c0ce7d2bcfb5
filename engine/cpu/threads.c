/* threads.c: a pool that splits one loop at a time.
 *
 * Threads take tasks from a shared counter, so that a slow core takes fewer. A job is open from pool_run's start
 * until the counter is used up; a thread that wakes up late finds it closed and sleeps again, nobody waits for it.
 * Waiting threads look for a few microseconds (the next operator of a layer is about to come), then sleep in the
 * kernel.
 */
#include "config.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "engine/cpu/cpu.h"

#define SPINS 2000              /* looks before sleeping: about 20 microseconds */

struct worker {
	struct pool *pool;
	pthread_t thread;
	int index;
};

struct pool {
	struct worker *workers;         /* n_threads - 1: the caller is number 0 */
	int n_threads;
	pthread_mutex_t mutex;
	pthread_cond_t wake, idle;
	/* under the mutex; the atomic ones are also looked at without it */
	task_fn fn;                     /* NULL: no job is open */
	void *arg;
	int n_tasks;
	bool quit;
	atomic_uint job;                /* number of the latest job */
	atomic_int n_active;            /* workers inside the job */
	atomic_int next;                /* next task to take */
};

static void
relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#endif
}

static void
take_tasks(struct pool *p, task_fn fn, void *arg, int n_tasks, int worker)
{
	int task;

	while ((task = atomic_fetch_add_explicit(&p->next, 1, memory_order_relaxed)) < n_tasks)
		fn(arg, task, worker);
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
	task_fn fn = p->fn;
	void *arg = p->arg;
	int n_tasks = p->n_tasks;

	if (!fn)
		return;
	atomic_fetch_add(&p->n_active, 1);
	pthread_mutex_unlock(&p->mutex);
	take_tasks(p, fn, arg, n_tasks, worker);
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

static int
count_cores(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);
#ifdef CPU_COUNT
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof set, &set) == 0)
		n = CPU_COUNT(&set);
#endif
	return n < 1 ? 1 : n > 256 ? 256 : (int)n;
}

/* Signals are for the program's own threads. */
static void
start_workers(struct pool *p, int n_threads)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (int i = 1; i < n_threads; i++) {
		struct worker *w = &p->workers[i - 1];

		w->pool = p;
		w->index = i;
		if (pthread_create(&w->thread, NULL, work, w) != 0)
			break;
		p->n_threads = i + 1;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

struct pool *
pool_new(int n_threads)
{
	struct pool *p = xcalloc(1, sizeof *p);

	if (n_threads <= 0)
		n_threads = count_cores();
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
open_job(struct pool *p, int n_tasks, task_fn fn, void *arg)
{
	pthread_mutex_lock(&p->mutex);
	p->fn = fn;
	p->arg = arg;
	p->n_tasks = n_tasks;
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
	p->fn = NULL;
	while (atomic_load(&p->n_active) > 0)
		pthread_cond_wait(&p->idle, &p->mutex);
	pthread_mutex_unlock(&p->mutex);
}

void
pool_run(struct pool *p, int n_tasks, task_fn fn, void *arg)
{
	if (p->n_threads == 1 || n_tasks < 2) {
		for (int i = 0; i < n_tasks; i++)
			fn(arg, i, 0);
		return;
	}
	open_job(p, n_tasks, fn, arg);
	take_tasks(p, fn, arg, n_tasks, 0);
	close_job(p);
}
