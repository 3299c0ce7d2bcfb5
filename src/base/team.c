/* team.c: see team.h. A thread that waits for a list to end waits only for jobs that some thread has taken already, so it
 * cannot wait for ever, however few threads there are. */
#include "config.h"

#include "base/team.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/thread.h"

#define MOST_THREADS 16
#define LOOKS 2000              /* at whether a list has ended, before a thread sleeps: some tens of microseconds */

struct team;

/* A thread. It starts two others, so that all are there sooner than one could start them. */
struct member {
	struct team *team;
	int number;
	pthread_t thread;
	bool started;
};

struct team {
	const struct jobs *lists;
	int n_lists;
	void *arg;
	struct member members[MOST_THREADS];
	int n;
	atomic_int at;                  /* the list that is done now; n_lists: all are. Changed under the lock */
	pthread_mutex_t lock;           /* of what follows */
	pthread_cond_t moved;           /* to another list */
	int next, n_left;               /* of this one: the first job that nobody has taken; those that are not done */
};

/* To the list that comes next and has jobs. */
static void
move(struct team *t)
{
	int at = atomic_load(&t->at);

	do
		at++;
	while (at < t->n_lists && t->lists[at].n == 0);
	t->next = 0;
	t->n_left = at < t->n_lists ? t->lists[at].n : 0;
	atomic_store(&t->at, at);
	pthread_cond_broadcast(&t->moved);
}

/* All jobs of the list are taken. The others will not take long. */
static void
wait_for_end(struct team *t, int list)
{
	pthread_mutex_unlock(&t->lock);
	for (int i = 0; i < LOOKS && atomic_load_explicit(&t->at, memory_order_relaxed) == list; i++) {
#if defined(__x86_64__)
		__builtin_ia32_pause();
#endif
	}
	pthread_mutex_lock(&t->lock);
	while (atomic_load(&t->at) == list)
		pthread_cond_wait(&t->moved, &t->lock);
}

/* The next job; false: there is none any more. */
static bool
take(struct team *t, const struct jobs **list, int *i)
{
	int at;
	bool found;

	pthread_mutex_lock(&t->lock);
	while ((at = atomic_load(&t->at)) < t->n_lists && t->next == t->lists[at].n)
		wait_for_end(t, at);
	found = at < t->n_lists;
	if (found) {
		*list = &t->lists[at];
		*i = t->next++;
	}
	pthread_mutex_unlock(&t->lock);
	return found;
}

/* Only the last of a list finds nobody else at work. */
static void
finish(struct team *t, const struct jobs *list)
{
	bool last;

	pthread_mutex_lock(&t->lock);
	last = --t->n_left == 0;
	pthread_mutex_unlock(&t->lock);
	if (!last)
		return;
	if (list->then)
		list->then(t->arg);
	pthread_mutex_lock(&t->lock);
	move(t);
	pthread_mutex_unlock(&t->lock);
}

static void *
work(void *arg)
{
	struct member *m = arg;
	struct team *t = m->team;
	const struct jobs *list;
	int first = 2 * m->number + 1, i;

	for (i = first; i < first + 2 && i < t->n; i++)
		t->members[i].started = thread_start_small(&t->members[i].thread, work, &t->members[i]) == 0;
	while (take(t, &list, &i)) {
		list->job(t->arg, i);
		finish(t, list);
	}
	for (i = first; i < first + 2 && i < t->n; i++)
		if (t->members[i].started)
			pthread_join(t->members[i].thread, NULL);
	return NULL;
}

static int
longest(const struct jobs lists[], int n)
{
	int most = 1;

	for (int i = 0; i < n; i++)
		most = lists[i].n > most ? lists[i].n : most;
	return most;
}

void
team_run(const struct jobs lists[], int n_lists, void *arg, int n_threads)
{
	struct team t = { .lists = lists, .n_lists = n_lists, .arg = arg, .at = -1 };
	int n = n_threads > 0 ? n_threads : team_usual(), most = longest(lists, n_lists);

	n = n < MOST_THREADS ? n : MOST_THREADS;
	t.n = n < most ? n : most;
	for (int i = 0; i < t.n; i++)
		t.members[i] = (struct member){ .team = &t, .number = i };
	pthread_mutex_init(&t.lock, NULL);
	pthread_cond_init(&t.moved, NULL);
	move(&t);
	work(&t.members[0]);
	pthread_cond_destroy(&t.moved);
	pthread_mutex_destroy(&t.lock);
}

int
team_usual(void)
{
	int n = thread_n_cores();

	return n < MOST_THREADS ? n : MOST_THREADS;
}
