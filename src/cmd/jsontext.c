/* jsontext.c: see jsontext.h. */
#include "config.h"

#include "cmd/jsontext.h"

#include <ctype.h>
#include <string.h>

#define BOM "\xef\xbb\xbf"

/* The value of four hexadecimal digits, or -1. */
static int
hex4(const char *s)
{
	int value = 0;

	for (int i = 0; i < 4; i++) {
		if (!isxdigit((unsigned char)s[i]))
			return -1;
		value = value * 16 +
		    (isdigit((unsigned char)s[i]) ? s[i] - '0' : tolower((unsigned char)s[i]) - 'a' + 10);
	}
	return value;
}

/* A code unit \uXXXX at s, or -1. */
static int
unit_at(const char *s)
{
	return s[0] == '\\' && s[1] == 'u' ? hex4(s + 2) : -1;
}

/* Half a pair is no character: it becomes \ufffd in place, as decoders do with it. */
static void
mend_surrogates(char *s)
{
	while ((s = strchr(s, '\\'))) {
		int unit = unit_at(s), next = unit >= 0 ? unit_at(s + 6) : -1;

		if (unit >= 0xd800 && unit < 0xdc00 && next >= 0xdc00 && next < 0xe000) {
			s += 12;
			continue;
		}
		if (unit >= 0xd800 && unit < 0xe000)
			memcpy(s, "\\ufffd", 6);
		s += unit >= 0 ? 6 : s[1] ? 2 : 1;
	}
}

json_t *
jsontext_load(char *text, size_t n, size_t flags, json_error_t *where)
{
	size_t skip = strncmp(text, BOM, 3) == 0 ? 3 : 0;

	mend_surrogates(text);
	return json_loadb(text + skip, n - skip, flags | JSON_ALLOW_NUL, where);
}
