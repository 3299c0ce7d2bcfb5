/* boxes.h: the places that an answer names: <ref>name</ref><box>[[x1, y1, x2, y2], ...]</box>. Coordinates are
 * thousandths of the picture's width and height. Pure. */
#ifndef UI_BOXES_H
#define UI_BOXES_H

#include <stdbool.h>
#include <stddef.h>

struct boxes_rect {
	int x1, y1, x2, y2;             /* 0 to 1000; x1 <= x2, y1 <= y2 */
};

/* One name and where it is. */
struct boxes_named {
	size_t name, name_n;            /* bytes of the text */
	int first, n;                   /* its rectangles among all of them */
};

/* An empty one is {0}. */
struct boxes {
	struct boxes_named *names;
	int n_names, names_cap;
	struct boxes_rect *rects;
	int n_rects, rects_cap;
};

/* Adds what is well formed in s[0..n); the rest is passed over. */
void
boxes_parse(struct boxes *b, const char *s, size_t n);
void
boxes_done(struct boxes *b);

/* Bytes of a reference with its box that s[0..n) begins with; 0: it begins with none. The name is lent from s. */
size_t
boxes_at(const char *s, size_t n, const char **name, size_t *name_n);

#endif
