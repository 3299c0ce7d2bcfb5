/* quantize.h: `ivchat model quantize`. */
#ifndef CMD_QUANTIZE_H
#define CMD_QUANTIZE_H

#include "base/error.h"
#include "cmd/options.h"

/* Operands: quantize FROM TO. Writes the model there with packed weights and says what it is. */
int
quantize_run(const struct options *o, struct error *err);

#endif
