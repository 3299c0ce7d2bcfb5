/* jsontext.h: JSON that other programs wrote, read with what they get slightly wrong put right. */
#ifndef CMD_JSONTEXT_H
#define CMD_JSONTEXT_H

#include <jansson.h>
#include <stddef.h>

/* A mark of byte order in front is left out. Half of a surrogate pair, as writers leave it of a text cut in two,
 * becomes U+FFFD. text[0..n) ends with a NUL at text[n] and is changed in place. Strings may hold NUL. */
json_t *
jsontext_load(char *text, size_t n, size_t flags, json_error_t *where);

#endif
