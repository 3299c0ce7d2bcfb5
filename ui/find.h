/* find.h: text that is found in what is visible of the conversation. A match may go over the end of a line: there a
 * blank of the pattern, or nothing, stands for the break. Without regard to case unless the pattern has a capital. Pure. */
#ifndef UI_FIND_H
#define UI_FIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct transcript;

/* The part of a match that stands in one line: bytes [start, end) of its row's text. */
struct find_hit {
	int line, match;
	size_t start, end;
};

/* An empty one is {0}: no pattern, nothing found. */
struct find {
	int32_t *pattern;               /* as drawn, case folded when `fold` */
	int n_pattern;
	bool fold;
	struct find_hit *hits;          /* in the order of the lines */
	int n_hits, cap;
	int n_matches;
	int here;                       /* the match that a person stands on, or -1 */
	bool fresh;                     /* made for this version of the transcript */
	unsigned version;
};

/* Another pattern; n = 0: none. Nothing is found before find_run. */
void
find_set(struct find *f, const char *pattern, size_t n);
/* Finds anew if the pattern or any line has changed. */
void
find_run(struct find *f, struct transcript *t);
/* The first match that begins in `line` or below it (by > 0), or the last one that begins there or above; around the
 * end if there is none. -1: nothing is found. */
int
find_from(const struct find *f, int line, int by);
/* The line that match i begins in. */
int
find_line(const struct find *f, int i);
/* The hits of a line; *n of them. */
const struct find_hit *
find_hits(const struct find *f, int line, int *n);
void
find_done(struct find *f);

#endif
