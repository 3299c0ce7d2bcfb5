/* base64.h: bytes as text and back (RFC 4648). */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stddef.h>

#include "base/buf.h"

void
base64_encode(struct buf *out, const void *bytes, size_t n);

/* Appends the bytes. White space is skipped, padding may be left out; anything else is -1, and out is as before. */
int
base64_decode(struct buf *out, const char *text, size_t n);

#endif
