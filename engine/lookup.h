/* lookup.h: strings → ids, two ways: exactly this string, and the longest one that a text begins with. Strings are
 * lent: they must outlive the table. Inside the engine only. */
#ifndef ENGINE_LOOKUP_H
#define ENGINE_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- exact: open addressing, at most half full */

struct exact_entry {
	const char *at;
	size_t n;
	int32_t id;
};

struct exact {
	struct exact_entry *slots;      /* 1 << bits of them; at is NULL in a free one */
	int bits;
};

/* Room for n strings. */
void
exact_init(struct exact *e, size_t n);
void
exact_done(struct exact *e);

/* Adds a string that is not there yet: false, and nothing changed, when it is. */
bool
exact_add(struct exact *e, const char *s, size_t n, int32_t id);
int32_t
exact_find(const struct exact *e, const char *s, size_t n);     /* -1: not there */

/* ---- longest: strings by first byte, long ones first */

struct longest {
	struct exact_entry *list;
	size_t n, cap;
	size_t first[257];              /* where the strings of each first byte begin, after longest_sort */
};

void
longest_add(struct longest *l, const char *s, size_t n, int32_t id);    /* n > 0 */
void
longest_sort(struct longest *l);        /* before the first match */
void
longest_done(struct longest *l);

/* The longest string that s[0..n) begins with; its length (0: none) and its id. */
size_t
longest_match(const struct longest *l, const char *s, size_t n, int32_t *id);

#endif
