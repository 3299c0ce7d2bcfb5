/* alloc.h: memory for small things, which never fails in the eyes of its caller.
 *
 * When there is none, one hook runs (the screen restores the terminal there) and the program ends with one line
 * and status 5. Large blocks whose size a file decides (weights, pictures, caches) use malloc and report.
 */
#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H

#include <stddef.h>

void *
xmalloc(size_t n);
void *
xcalloc(size_t count, size_t size);     /* zeroed; count * size is checked for overflow */
void *
xrealloc(void *p, size_t n);
void *
xreallocarray(void *p, size_t count, size_t size);
char *
xstrdup(const char *s);
char *
xstrndup(const char *s, size_t n);
char *
xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Large blocks: NULL when there is no memory; free() gives them back. From an eighth of a huge page on they lie in huge ones where
 * the system has them, for a fault every 4 kB takes longer than to fill what they bring. Not zeroed. */
void *
alloc_large(size_t n);

/* The hook that runs before the program ends for lack of memory. */
void
alloc_on_failure(void (*hook)(void));

#endif
