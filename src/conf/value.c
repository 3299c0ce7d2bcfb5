/* value.c: see value.h. Pure. */
#include "config.h"

#include "conf/value.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool
value_whole(const char *text, double least, double most, int *out)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (end == text || *end || errno || (double)n < least || (double)n > most)
		return false;
	*out = (int)n;
	return true;
}

bool
value_seed(const char *text, uint64_t *out)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(text, &end, 10);
	if (end == text || *end || errno || n < 0)
		return false;
	*out = (uint64_t)n;
	return true;
}

bool
value_real(const char *text, double least, double most, float *out)
{
	char *end;
	double x = strtod(text, &end);

	if (end == text || *end || !isfinite(x) || x < least || x > most)
		return false;
	*out = (float)x;
	return true;
}

bool
value_span(const char *text, double most, int *out)
{
	char *end;
	double n = strtod(text, &end);
	double unit = *end == 'h' ? 3600 : *end == 'm' ? 60 : 1;

	if (end == text || (*end && strchr("smh", *end) && end[1]) || (*end && !strchr("smh", *end)))
		return false;
	if (!(n * unit >= 0 && n * unit <= most))
		return false;
	*out = (int)(n * unit);
	return true;
}

bool
value_size(const char *text, long long *out)
{
	static const char *const units[] = { "", "KiB", "MiB", "GiB", "TiB" };
	char *unit;
	long long n;

	errno = 0;
	n = strtoll(text, &unit, 10);
	if (unit == text || errno || n < 0)
		return false;
	unit += *unit == ' ';
	for (unsigned i = 0; i < sizeof units / sizeof *units; i++)
		if (strcmp(unit, units[i]) == 0 && n <= LLONG_MAX >> 10 * i) {
			*out = n << 10 * i;
			return true;
		}
	return false;
}

/* The number at the beginning; its end, or NULL. */
static const char *
read_gpu(const char *text, int *out)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (*text < '0' || *text > '9' || n > 255)
		return NULL;
	*out = (int)n;
	return end;
}

static bool
has(const int *numbers, int n, int number)
{
	for (int i = 0; i < n; i++)
		if (numbers[i] == number)
			return true;
	return false;
}

bool
value_gpus(const char *text, int gpus[VALUE_MAX_GPUS], int *n)
{
	int found[VALUE_MAX_GPUS], n_found = 0;

	if (strcmp(text, "auto") == 0 || strcmp(text, "none") == 0) {
		*n = *text == 'a' ? 0 : -1;
		return true;
	}
	do {
		int gpu;

		if (!(text = read_gpu(text, &gpu)) || n_found == VALUE_MAX_GPUS || has(found, n_found, gpu))
			return false;
		found[n_found++] = gpu;
	} while (*text == ',' && *++text);
	if (*text || text[-1] == ',')
		return false;
	memcpy(gpus, found, (size_t)n_found * sizeof *gpus);
	*n = n_found;
	return true;
}

bool
value_is_choice(const char *choices, const char *text)
{
	size_t n = strcspn(text, " ");

	for (const char *at = choices; n && !text[n] && (at = strstr(at, text)); at++)
		if ((at == choices || at[-1] == ' ') && (at[n] == ' ' || !at[n]))
			return true;
	return false;
}
