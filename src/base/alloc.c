/* alloc.c: see alloc.h. */
#include "config.h"

#include "base/alloc.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/error.h"

#define HUGE_PAGE ((size_t)2 << 20)

static void (*failure_hook)(void);

void
alloc_on_failure(void (*hook)(void))
{
	failure_hook = hook;
}

static _Noreturn void
out_of_memory(size_t n)
{
	if (failure_hook)
		failure_hook();
	fprintf(stderr, "ivchat: out of memory: %zu bytes were refused\n", n);
	_Exit(CODE_MEMORY);
}

void *
xmalloc(size_t n)
{
	void *p = malloc(n ? n : 1);

	if (!p)
		out_of_memory(n);
	return p;
}

void *
xcalloc(size_t count, size_t size)
{
	void *p = calloc(count ? count : 1, size ? size : 1);

	if (!p)
		out_of_memory(count * size);
	return p;
}

void *
xrealloc(void *p, size_t n)
{
	p = realloc(p, n ? n : 1);
	if (!p)
		out_of_memory(n);
	return p;
}

void *
xreallocarray(void *p, size_t count, size_t size)
{
	if (size && count > SIZE_MAX / size)
		out_of_memory(SIZE_MAX);
	return xrealloc(p, count * size);
}

void *
alloc_large(size_t n)
{
#ifdef MADV_HUGEPAGE
	size_t whole = n < SIZE_MAX - HUGE_PAGE ? (n + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE : 0;
	void *p = n >= HUGE_PAGE / 8 && whole ? aligned_alloc(HUGE_PAGE, whole) : NULL;

	if (p) {
		madvise(p, whole, MADV_HUGEPAGE);       /* a wish */
		return p;
	}
#endif
	return malloc(n ? n : 1);
}

char *
xstrndup(const char *s, size_t n)
{
	char *copy = xmalloc(n + 1);

	memcpy(copy, s, n);
	copy[n] = '\0';
	return copy;
}

char *
xstrdup(const char *s)
{
	return xstrndup(s, strlen(s));
}

char *
xasprintf(const char *fmt, ...)
{
	va_list ap, again;
	char *s;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		n = 0;
	s = xmalloc((size_t)n + 1);
	s[0] = '\0';
	vsnprintf(s, (size_t)n + 1, fmt, again);
	va_end(again);
	return s;
}
