/* error.c: see error.h. */
#include "config.h"

#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* An error is one line on somebody's terminal: bytes of a file name must not move the cursor. The controls from U+0080
 * to U+009F are two bytes of UTF-8. */
static void
make_safe(char *s)
{
	for (; *s; s++) {
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
		else if (s[0] == '\xc2' && (unsigned char)s[1] >= 0x80 && (unsigned char)s[1] <= 0x9f)
			s[0] = s[1] = '?';
	}
}

/* Cuts an incomplete UTF-8 character that vsnprintf left at the end of a full buffer. */
static void
trim_partial(char *s, size_t cap)
{
	size_t n = strlen(s);

	if (n + 1 < cap)
		return;
	while (n > 0 && ((unsigned char)s[n - 1] & 0xc0) == 0x80)
		n--;
	if (n > 0 && ((unsigned char)s[n - 1] & 0x80))
		n--;
	s[n] = '\0';
}

int
error_set(struct error *err, enum code code, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return -1;
	err->code = code;
	err->hint[0] = '\0';
	va_start(ap, fmt);
	vsnprintf(err->what, sizeof err->what, fmt, ap);
	va_end(ap);
	trim_partial(err->what, sizeof err->what);
	make_safe(err->what);
	return -1;
}

int
error_hint(struct error *err, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return -1;
	va_start(ap, fmt);
	vsnprintf(err->hint, sizeof err->hint, fmt, ap);
	va_end(ap);
	trim_partial(err->hint, sizeof err->hint);
	make_safe(err->hint);
	return -1;
}

void
error_clear(struct error *err)
{
	if (!err)
		return;
	err->code = CODE_OK;
	err->what[0] = err->hint[0] = '\0';
}
