/* link_fake.h: an engine that a test plays: it loads, answers, fails and waits as told. It stands in for
 * libengine.a, so that what is tested of link/ does not depend on arithmetic, and every turn of the two
 * threads, or processes, can be forced. */
#ifndef LINK_FAKE_H
#define LINK_FAKE_H

#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "engine/engine.h"

#define FAKE_STOP_ID 7
#define FAKE_MOST_HELD 64
#define FAKE_FIRST_ID 100       /* the k-th token of an answer has id FAKE_FIRST_ID + k and is one letter */

struct fake_engine {
	/* what to do; set while the worker has nothing to do, or waits at a gate */
	int n_answer;           /* tokens before the stop id; -1: it never comes */
	int n_context;          /* tokens until the context is full; 0: never */
	int fail_step_at;       /* the step that fails with CODE_ENGINE; -1: none */
	bool fail_card;         /* it cannot be opened any more */
	bool fail_open, fail_sync, lose_sync, fail_see, lose_restore;
	bool spoilt;            /* the process has no use of its device any more */
	int die_step_at;        /* the step that ends the process; -1: none */
	int die_status;         /* with which it ends; 0: by a signal */
	int hang_step_at;       /* the step that never returns, whatever is wished; -1: none */
	atomic_bool gated;      /* steps and loading wait for fake_let() */
	atomic_bool sync_gated; /* each token of a prompt does */
	/* what was seen */
	atomic_int n_steps, n_opened, n_freed, n_seen, n_segs, n_resets, n_remembered;
	atomic_int n_saves;
	atomic_int n_tries;     /* to open an engine */
	atomic_int n_synced;    /* tokens of prompts that were computed */
	atomic_bool signals_blocked;
	atomic_int opener;      /* the process that has opened an engine last */
	atomic_int hanging;     /* the process that is in the step that never returns */
	sem_t gate;
};

/* Of the test, and of a process that its link starts: that is the test's program again, whose main() says so. */
extern struct fake_engine *fake_shared;
#define fake (*fake_shared)

void
fake_reset(void);
void
fake_let(int n);                /* n steps through the gate */
void
fake_let_all(void);             /* opens it for good */

#endif
