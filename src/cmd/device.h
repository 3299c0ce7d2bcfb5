/* device.h: what the options say of the engine, as the engine takes it. */
#ifndef CMD_DEVICE_H
#define CMD_DEVICE_H

#include "cmd/options.h"
#include "engine/engine.h"

struct engine_options
device_options(const struct options *o);

/* "bf16" → ENGINE_BF16; the word must be one. */
enum engine_quant
device_quant(const char *name);
const char *
device_quant_name(enum engine_quant quant);

#endif
