/* lookup.c: see lookup.h. */
#include "config.h"

#include "engine/lookup.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* FNV-1a, its high bits folded down. */
static size_t
hash(const char *s, size_t n)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)s[i]) * 0x100000001b3u;
	return (size_t)(h ^ h >> 32);
}

void
exact_init(struct exact *e, size_t n)
{
	e->bits = 4;
	while (((size_t)1 << e->bits) < 2 * n)
		e->bits++;
	e->slots = xcalloc((size_t)1 << e->bits, sizeof *e->slots);
}

void
exact_done(struct exact *e)
{
	free(e->slots);
	*e = (struct exact){0};
}

/* The slot that holds the string, or the free one where it belongs. */
static struct exact_entry *
slot_of(const struct exact *e, const char *s, size_t n)
{
	size_t mask = ((size_t)1 << e->bits) - 1;
	size_t i = hash(s, n) & mask;

	while (e->slots[i].at && (e->slots[i].n != n || memcmp(e->slots[i].at, s, n) != 0))
		i = (i + 1) & mask;
	return &e->slots[i];
}

bool
exact_add(struct exact *e, const char *s, size_t n, int32_t id)
{
	struct exact_entry *slot = slot_of(e, s, n);

	if (slot->at)
		return false;
	*slot = (struct exact_entry){s, n, id};
	return true;
}

int32_t
exact_find(const struct exact *e, const char *s, size_t n)
{
	const struct exact_entry *slot = slot_of(e, s, n);

	return slot->at ? slot->id : -1;
}

void
longest_add(struct longest *l, const char *s, size_t n, int32_t id)
{
	assert(n > 0);
	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 64;
		l->list = xreallocarray(l->list, l->cap, sizeof *l->list);
	}
	l->list[l->n++] = (struct exact_entry){s, n, id};
}

static int
by_byte_then_length(const void *a, const void *b)
{
	const struct exact_entry *x = a, *y = b;
	unsigned char p = (unsigned char)x->at[0], q = (unsigned char)y->at[0];

	if (p != q)
		return p < q ? -1 : 1;
	return x->n > y->n ? -1 : x->n < y->n;
}

void
longest_sort(struct longest *l)
{
	size_t i = 0;

	if (l->n > 0)
		qsort(l->list, l->n, sizeof *l->list, by_byte_then_length);
	for (int byte = 0; byte < 257; byte++) {
		while (i < l->n && (unsigned char)l->list[i].at[0] < byte)
			i++;
		l->first[byte] = i;
	}
}

void
longest_done(struct longest *l)
{
	free(l->list);
	*l = (struct longest){0};
}

size_t
longest_match(const struct longest *l, const char *s, size_t n, int32_t *id)
{
	unsigned char byte = n > 0 ? (unsigned char)s[0] : 0;

	for (size_t i = l->first[byte]; n > 0 && i < l->first[byte + 1]; i++) {
		const struct exact_entry *e = &l->list[i];

		if (e->n <= n && memcmp(e->at, s, e->n) == 0) {
			*id = e->id;
			return e->n;
		}
	}
	return 0;
}
