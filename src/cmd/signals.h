/* signals.h: the signals that end a program, as bytes in a pipe. A pipe rather than a mask, because
 * libraries have threads of their own, any of which may be the one that a signal interrupts. */
#ifndef CMD_SIGNALS_H
#define CMD_SIGNALS_H

#include "base/error.h"

/* Catches SIGINT, SIGTERM and SIGHUP from now on (those not ignored by whoever started us). */
int
signals_open(struct error *err);
int
signals_fd(void);               /* readable when one came */
int
signals_take(void);             /* its number, or 0 */
void
signals_close(void);            /* default actions again */

#endif
