/* value.h: text → value, for the command line and for settings alike. All of them: false, and nothing changed, when the
 * text is not wholly such a value. */
#ifndef CONF_VALUE_H
#define CONF_VALUE_H

#include <stdbool.h>
#include <stdint.h>

bool
value_whole(const char *text, double least, double most, int *out);
/* Up to 2^63 - 1, so that it goes through JSON unharmed. */
bool
value_seed(const char *text, uint64_t *out);
bool
value_real(const char *text, double least, double most, float *out);
/* Seconds: "90", "90s", "10m", "2h". */
bool
value_span(const char *text, double most, int *out);
/* Bytes: "8GiB", "500 MiB", "64KiB", "1TiB"; a number alone is bytes. */
bool
value_size(const char *text, long long *out);
/* Numbers of GPUs, "0" or "0,1": how many, each once, in order; "auto": 0; "none": -1. */
#define VALUE_MAX_GPUS 8
bool
value_gpus(const char *text, int gpus[VALUE_MAX_GPUS], int *n);
/* One of the words in "auto sixel blocks". */
bool
value_is_choice(const char *choices, const char *text);

#endif
