/* buf.h: bytes that grow. `at` is always followed by a NUL that n does not count; an empty one is {0}. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stddef.h>

struct buf {
	char *at;
	size_t n, cap;
};

void
buf_add(struct buf *b, const void *bytes, size_t n);
void
buf_str(struct buf *b, const char *s);
void
buf_char(struct buf *b, char c);
void
buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Makes room for n more bytes and returns where they go; the caller adds to b->n what it wrote. */
char *
buf_room(struct buf *b, size_t n);

void
buf_cut(struct buf *b, size_t n);       /* keeps the first n bytes; n <= b->n */
void
buf_drop(struct buf *b, size_t n);      /* removes the first n bytes; n <= b->n */
void
buf_clear(struct buf *b);               /* n = 0, memory kept */
void
buf_done(struct buf *b);                /* frees; b is {0} again */
const char *
buf_text(const struct buf *b);          /* never NULL, NUL-terminated, lent until b changes */
char *
buf_take(struct buf *b);                /* the caller owns the bytes (never NULL); b is {0} again */

#endif
