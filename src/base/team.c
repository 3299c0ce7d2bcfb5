/* team.c: see team.h. A job that waits for a list waits only for jobs that some thread has taken already, so it cannot
 * wait for ever, however few threads there are. */
#include "config.h"

#include "base/team.h"

#include <pthread.h>
#include <stdbool.h>

#include "base/thread.h"

#define MOST_THREADS 16

struct team {
	const struct jobs *lists;
	int n_lists;
	void *arg;
	pthread_mutex_t lock;           /* of what follows */
	pthread_cond_t moved;           /* to another list */
	int at;                         /* the list that is done now; n_lists: all are */
	int next, n_left;               /* of it: the first job that nobody has taken; those that are not done */
};

/* To the list that comes next and has jobs. */
static void
move(struct team *t)
{
	do
		t->at++;
	while (t->at < t->n_lists && t->lists[t->at].n == 0);
	t->next = 0;
	t->n_left = t->at < t->n_lists ? t->lists[t->at].n : 0;
	pthread_cond_broadcast(&t->moved);
}

/* The next job; false: there is none any more. */
static bool
take(struct team *t, const struct jobs **list, int *i)
{
	bool found;

	pthread_mutex_lock(&t->lock);
	while (t->at < t->n_lists && t->next == t->lists[t->at].n)
		pthread_cond_wait(&t->moved, &t->lock);
	found = t->at < t->n_lists;
	if (found) {
		*list = &t->lists[t->at];
		*i = t->next++;
	}
	pthread_mutex_unlock(&t->lock);
	return found;
}

static void
finish(struct team *t)
{
	pthread_mutex_lock(&t->lock);
	if (--t->n_left == 0)
		move(t);
	pthread_mutex_unlock(&t->lock);
}

static void *
work(void *arg)
{
	struct team *t = arg;
	const struct jobs *list;
	int i;

	while (take(t, &list, &i)) {
		list->job(t->arg, i);
		finish(t);
	}
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
	pthread_t threads[MOST_THREADS];
	int n = n_threads > 0 ? n_threads : team_usual(), most = longest(lists, n_lists), n_started = 0;

	n = n < MOST_THREADS ? n : MOST_THREADS;
	n = n < most ? n : most;
	pthread_mutex_init(&t.lock, NULL);
	pthread_cond_init(&t.moved, NULL);
	move(&t);
	while (n_started < n - 1 && thread_start_small(&threads[n_started], work, &t) == 0)
		n_started++;
	work(&t);
	for (int i = 0; i < n_started; i++)
		pthread_join(threads[i], NULL);
	pthread_cond_destroy(&t.moved);
	pthread_mutex_destroy(&t.lock);
}

int
team_usual(void)
{
	int n = thread_n_cores();

	return n < MOST_THREADS ? n : MOST_THREADS;
}
