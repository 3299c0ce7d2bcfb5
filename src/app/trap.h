/* trap.h: signals as bytes that a loop can wait for; crashes that give the terminal back first. One per process. */
#ifndef APP_TRAP_H
#define APP_TRAP_H

#include "base/error.h"

int
trap_open(struct error *err);                /* the descriptor to wait on, or -1 */
/* The next signal that came, or 0. */
int
trap_next(void);
void
trap_close(void);

#endif
