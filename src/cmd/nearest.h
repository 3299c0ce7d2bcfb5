/* nearest.h: which known word did a person mean? */
#ifndef CMD_NEAREST_H
#define CMD_NEAREST_H

/* How many letters must be put in, taken out, changed or swapped with a neighbour. Words over 63 bytes are
 * cut. */
int
nearest_distance(const char *a, const char *b);

/* True if b is near enough to a to be offered as a correction. */
int
nearest_is_close(const char *a, const char *b);

#endif
