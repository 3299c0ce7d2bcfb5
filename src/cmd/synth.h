/* synth.h: `ivchat model synth`. */
#ifndef CMD_SYNTH_H
#define CMD_SYNTH_H

#include "base/error.h"
#include "cmd/options.h"

/* Operands: synth DIR. Writes a checkpoint of random weights there and says what it is. */
int
synth_run(const struct options *o, struct error *err);

#endif
