/* thread.c: see thread.h. */
#include "config.h"

#include "base/thread.h"

#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#define MOST_CORES 256
#define SMALL_STACK ((size_t)512 << 10)

static int
start(pthread_t *thread, const pthread_attr_t *how, void *(*run)(void *arg), void *arg)
{
	static const int faults[] = {SIGBUS, SIGSEGV, SIGFPE, SIGILL, SIGABRT};
	sigset_t blocked, before;
	int failed;

	sigfillset(&blocked);
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
		sigdelset(&blocked, faults[i]);
	pthread_sigmask(SIG_SETMASK, &blocked, &before);
	failed = pthread_create(thread, how, run, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return failed;
}

int
thread_start(pthread_t *thread, void *(*run)(void *arg), void *arg)
{
	return start(thread, NULL, run, arg);
}

int
thread_start_small(pthread_t *thread, void *(*run)(void *arg), void *arg)
{
	pthread_attr_t how;
	int failed = pthread_attr_init(&how);

	if (failed)
		return failed;
	pthread_attr_setstacksize(&how, SMALL_STACK);
	failed = start(thread, &how, run, arg);
	pthread_attr_destroy(&how);
	return failed;
}

int
thread_n_cores(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);
#ifdef CPU_COUNT
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof set, &set) == 0)
		n = CPU_COUNT(&set);
#endif
	return n < 1 ? 1 : n > MOST_CORES ? MOST_CORES : (int)n;
}
