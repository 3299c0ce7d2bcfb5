/* golden.c: see golden.h. */
#include "config.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "golden.h"

static void
print_line(struct tally *t, bool ok, const char *text)
{
	t->n_checks++;
	t->n_failed += !ok;
	printf("%-4s %s: %s\n", ok ? "ok" : "FAIL", t->what, text);
}

void
check_true(struct tally *t, bool ok, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	print_line(t, ok, text);
}

bool
check_failed(struct tally *t, const char *doing, const struct error *err)
{
	check_true(t, false, "%s: %s", doing, err->what);
	return false;
}

void
check_close(struct tally *t, const char *name, const float *got, const float *want, size_t n, double tolerance)
{
	double worst = 0;
	size_t where = 0;

	for (size_t i = 0; i < n; i++) {
		double d = fabs((double)got[i] - want[i]);

		if (!(d <= worst)) {
			worst = d;
			where = i;
		}
	}
	check_true(t, worst <= tolerance, "%s: max %.2g (%.0e), %zu values, at %zu", name, worst, tolerance, n,
	    where);
}

static void
check_relative(struct tally *t, const char *name, const float *got, const float *want, size_t n, double tolerance)
{
	double wrong = 0, all = 0;

	for (size_t i = 0; i < n; i++) {
		wrong += ((double)got[i] - want[i]) * ((double)got[i] - want[i]);
		all += (double)want[i] * want[i];
	}
	check_true(t, sqrt(wrong) <= tolerance * sqrt(all), "%s: relative %.2g (%.2g), %zu values", name,
	    sqrt(wrong / all), tolerance, n);
}

void
check_near(struct tally *t, const char *name, const float *got, const float *want, size_t n, double tolerance,
    double relative)
{
	if (t->bf16)
		check_relative(t, name, got, want, n, relative);
	else
		check_close(t, name, got, want, n, tolerance);
}

struct golden
golden_array(const struct checkpoint *c, const char *fmt, ...)
{
	char name[256];
	const struct stored *s;
	struct golden g = {0};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(name, sizeof name, fmt, ap);
	va_end(ap);
	s = checkpoint_find(c, name);
	if (!s || s->view.type != DTYPE_F32 || s->view.n_dims < 1)
		return g;
	g.at = s->view.data;
	g.n = (size_t)tensor_count(&s->view);
	g.n_rows = (size_t)s->view.shape[0];
	g.n_columns = g.n_rows ? g.n / g.n_rows : 0;
	return g;
}

const struct tensor *
golden_bytes(const struct checkpoint *c, const char *fmt, ...)
{
	char name[256];
	const struct stored *s;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(name, sizeof name, fmt, ap);
	va_end(ap);
	s = checkpoint_find(c, name);
	return s && s->view.type == DTYPE_U8 ? &s->view : NULL;
}

static int32_t *
read_ints(const char *path, uint64_t at, size_t n)
{
	int32_t *ints = xcalloc(n, sizeof *ints);
	FILE *f = fopen(path, "rb");

	if (!f || fseek(f, (long)at, SEEK_SET) != 0 || fread(ints, sizeof *ints, n, f) != n) {
		free(ints);
		ints = NULL;
	}
	if (f)
		fclose(f);
	return ints;
}

int32_t *
golden_ints(const struct checkpoint *c, const char *name, size_t *n)
{
	size_t n_header;
	const char *header = checkpoint_header(c, 0, &n_header);
	json_t *root = json_loadb(header, n_header, 0, NULL);
	const json_t *entry = json_object_get(root, name), *offsets = json_object_get(entry, "data_offsets");
	const char *type = json_string_value(json_object_get(entry, "dtype"));
	uint64_t begin = (uint64_t)json_integer_value(json_array_get(offsets, 0));
	uint64_t end = (uint64_t)json_integer_value(json_array_get(offsets, 1));
	int32_t *ints = NULL;

	*n = (size_t)(end - begin) / sizeof *ints;
	if (type && strcmp(type, "I32") == 0)
		ints = read_ints(checkpoint_shard_path(c, 0), 8 + n_header + begin, *n);
	json_decref(root);
	return ints;
}

int32_t *
json_ints(const json_t *list, size_t *n)
{
	int32_t *ints;

	*n = json_array_size(list);
	ints = xcalloc(*n + 1, sizeof *ints);
	for (size_t i = 0; i < *n; i++)
		ints[i] = (int32_t)json_integer_value(json_array_get(list, i));
	return ints;
}
