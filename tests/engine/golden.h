/* golden.h: reading reference files and reporting comparisons, for conform.c. */
#ifndef TESTS_GOLDEN_H
#define TESTS_GOLDEN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/checkpoint.h"
#include "engine/engine.h"

/* The tally of one run; every check prints one line. */
struct tally {
	int n_checks, n_failed;
	const char *what;               /* the fixture in work, printed in front */
	bool bf16;                      /* the engine computes in bfloat16, not in float32 */
};

/* One array of a golden .safetensors file: rows [n_rows, n_columns] of float32; at NULL: not there. */
struct golden {
	const float *at;
	size_t n_rows, n_columns, n;
};

void
check_true(struct tally *t, bool ok, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* A check that could not be made: the error's words; returns false. */
bool
check_failed(struct tally *t, const char *doing, const struct error *err);
/* Largest absolute difference of n values against a tolerance. */
void
check_close(struct tally *t, const char *name, const float *got, const float *want, size_t n, double tolerance);

/* The same for an engine of either precision: in bfloat16 the relative L2 error against another tolerance. */
void
check_near(struct tally *t, const char *name, const float *got, const float *want, size_t n, double tolerance,
    double relative);

/* The array of that name (printf); an array of another type is as good as absent. */
struct golden
golden_array(const struct checkpoint *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The U8 array of that name, or NULL. */
const struct tensor *
golden_bytes(const struct checkpoint *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* An I32 array, which the checkpoint reader does not know; the caller frees. NULL: not there. */
int32_t *
golden_ints(const struct checkpoint *c, const char *name, size_t *n);

/* A list of integers; the caller frees. */
int32_t *
json_ints(const json_t *list, size_t *n);

#endif
