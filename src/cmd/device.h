/* device.h: what the options say of the engine, as the engine takes it. */
#ifndef CMD_DEVICE_H
#define CMD_DEVICE_H

#include "cmd/options.h"
#include "engine/engine.h"

/* quant of a list is left at AUTO. */
struct engine_options
device_options(const struct options *o);

/* "bf16" → ENGINE_BF16; false: it is none of them. */
bool
device_quant_find(const char *name, enum engine_quant *out);
const char *
device_quant_name(enum engine_quant quant);

#endif
