/* boxes.c: see boxes.h. Names and lists of numbers are short; the limits keep a text of nothing but beginnings from
 * being read again and again. */
#include "config.h"

#include "ui/boxes.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

enum { NAME_MAX_BYTES = 256, RECTS_MAX = 64, FULL = 1000 };

struct scan {
	const char *s;
	size_t n, at;
};

static bool
take(struct scan *c, const char *word)
{
	size_t n = strlen(word);

	if (c->n - c->at < n || memcmp(c->s + c->at, word, n) != 0)
		return false;
	c->at += n;
	return true;
}

static void
skip_blanks(struct scan *c)
{
	while (c->at < c->n && (c->s[c->at] == ' ' || c->s[c->at] == '\n'))
		c->at++;
}

/* A sign between blanks. */
static bool
take_sign(struct scan *c, const char *sign)
{
	skip_blanks(c);
	if (!take(c, sign))
		return false;
	skip_blanks(c);
	return true;
}

static bool
take_number(struct scan *c, int *value)
{
	size_t from = c->at;

	*value = 0;
	while (c->at < c->n && c->s[c->at] >= '0' && c->s[c->at] <= '9' && *value <= FULL)
		*value = *value * 10 + (c->s[c->at++] - '0');
	return c->at > from && *value <= FULL;
}

static bool
take_rect(struct scan *c, struct boxes_rect *r)
{
	return take_sign(c, "[") && take_number(c, &r->x1) && take_sign(c, ",") && take_number(c, &r->y1) &&
		take_sign(c, ",") && take_number(c, &r->x2) && take_sign(c, ",") && take_number(c, &r->y2) &&
		take_sign(c, "]") && r->x1 <= r->x2 && r->y1 <= r->y2;
}

/* The number of rectangles, 0 when they are not well formed. */
static int
take_rects(struct scan *c, struct boxes_rect *rects)
{
	int n = 0;

	if (!take_sign(c, "["))
		return 0;
	do {
		if (n == RECTS_MAX || !take_rect(c, &rects[n++]))
			return 0;
	} while (take_sign(c, ","));
	return take_sign(c, "]") ? n : 0;
}

static bool
take_name(struct scan *c, const char **name, size_t *n)
{
	*name = c->s + c->at;
	for (*n = 0; *n < NAME_MAX_BYTES && c->at < c->n; ++*n, c->at++)
		if (c->s[c->at] == '<')
			return *n > 0 && take(c, "</ref>");
	return false;
}

static int
take_named(struct scan *c, const char **name, size_t *name_n, struct boxes_rect *rects)
{
	int n;

	if (!take(c, "<ref>") || !take_name(c, name, name_n) || !take_sign(c, "<box>"))
		return 0;
	n = take_rects(c, rects);
	return n > 0 && take(c, "</box>") ? n : 0;
}

size_t
boxes_at(const char *s, size_t n, const char **name, size_t *name_n)
{
	struct boxes_rect rects[RECTS_MAX];
	struct scan c = { s, n, 0 };

	return take_named(&c, name, name_n, rects) > 0 ? c.at : 0;
}

static void
add(struct boxes *b, struct boxes_named named, const struct boxes_rect *rects)
{
	if (b->n_names == b->names_cap) {
		b->names_cap = b->names_cap ? b->names_cap * 2 : 4;
		b->names = xreallocarray(b->names, (size_t)b->names_cap, sizeof *b->names);
	}
	if (b->n_rects + named.n > b->rects_cap) {
		b->rects_cap = (b->n_rects + named.n) * 2;
		b->rects = xreallocarray(b->rects, (size_t)b->rects_cap, sizeof *b->rects);
	}
	named.first = b->n_rects;
	memcpy(b->rects + b->n_rects, rects, (size_t)named.n * sizeof *rects);
	b->n_rects += named.n;
	b->names[b->n_names++] = named;
}

void
boxes_parse(struct boxes *b, const char *s, size_t n)
{
	struct boxes_rect rects[RECTS_MAX];
	size_t at = 0;

	while (at < n) {
		struct scan c = { s, n, at };
		struct boxes_named named = {0};
		const char *name;

		named.n = s[at] == '<' ? take_named(&c, &name, &named.name_n, rects) : 0;
		if (named.n > 0) {
			named.name = (size_t)(name - s);
			add(b, named, rects);
		}
		at = named.n > 0 ? c.at : at + 1;
	}
}

void
boxes_done(struct boxes *b)
{
	free(b->names);
	free(b->rects);
	*b = (struct boxes){0};
}
