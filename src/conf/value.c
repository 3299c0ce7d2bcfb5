/* value.c: see value.h. Pure. */
#include "config.h"

#include "conf/value.h"

#include <errno.h>
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
value_is_choice(const char *choices, const char *text)
{
	size_t n = strcspn(text, " ");

	for (const char *at = choices; n && !text[n] && (at = strstr(at, text)); at++)
		if ((at == choices || at[-1] == ' ') && (at[n] == ' ' || !at[n]))
			return true;
	return false;
}
