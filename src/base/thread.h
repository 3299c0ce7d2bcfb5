/* thread.h: threads that work for the main one. */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>

/* pthread_create for a thread that no signal interrupts: they are the main thread's business. Faults of its own
 * (SIGBUS and its like) stay open: blocked, they would end the program before any handler. */
int
thread_start(pthread_t *thread, void *(*run)(void *arg), void *arg);

/* The same with half a megabyte of stack, which is had in half the time. */
int
thread_start_small(pthread_t *thread, void *(*run)(void *arg), void *arg);

/* How many cores this process may run on, which may be fewer than there are: 1 to 256. */
int
thread_n_cores(void);

#endif
