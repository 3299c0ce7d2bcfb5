/* team.h: threads that share out short work and are gone when the call returns. For work of a millisecond or more: until all
 * are there takes some tenths. */
#ifndef BASE_TEAM_H
#define BASE_TEAM_H

/* So many jobs of one kind, in any order and at the same time. */
struct jobs {
	void (*job)(void *arg, int i);  /* i: 0 … n - 1 */
	int n;
	void (*then)(void *arg);        /* NULL, or what comes when all of them are done, before the next list */
};

/* Does the lists one after another: a job begins when all of the lists before its own are done, and whoever is free takes
 * the next. n_threads: at most, this one counted; 0: one a core, of 16 at most. Without another thread this one does all. */
void
team_run(const struct jobs lists[], int n_lists, void *arg, int n_threads);

/* How many would work when none are asked for. */
int
team_usual(void);

#endif
