/* keyname.h: a key as people write it ("Ctrl-O", "Alt-Up", "F5", "Ctrl-X Ctrl-E") → the bytes that terminals send for it.
 * Pure. */
#ifndef UI_KEYNAME_H
#define UI_KEYNAME_H

#include <stddef.h>

enum { KEYNAME_MOST = 12, KEYNAME_BYTES = 20 };

/* The sequences, each ended by a NUL; returns how many, 0: it is no key that can be bound (characters are text). */
int
keyname_sequences(const char *name, char sequences[KEYNAME_MOST][KEYNAME_BYTES]);

#endif
