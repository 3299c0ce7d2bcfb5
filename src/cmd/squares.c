/* squares.c: see squares.h. */
#include "config.h"

#include "cmd/squares.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

int
squares_add(struct squares *s, const struct picture *picture, struct error *err)
{
	struct square *square = xcalloc(1, sizeof *square);

	memcpy(square->sha, picture->sha, sizeof square->sha);
	if (pixels_make(&square->pixels, s->size, picture->rgb, picture->width, picture->height, err) < 0) {
		free(square);
		return -1;
	}
	s->at = xreallocarray(s->at, (size_t)s->n + 1, sizeof *s->at);
	s->at[s->n++] = square;
	return 0;
}

static const struct pixels *
find(const struct squares *s, const char *sha)
{
	for (int i = 0; i < s->n; i++)
		if (strcmp(s->at[i]->sha, sha) == 0)
			return &s->at[i]->pixels;
	return NULL;
}

static int
fetch(struct squares *s, const struct pic *pic, struct error *err)
{
	const char *name = pic->name ? pic->name : pic->sha;
	struct picture picture = {0};
	struct buf bytes = {0};
	int failed;

	if (!s->store)
		return error_set(err, CODE_INPUT, "picture '%s' is not at hand", name);
	if (store_get_picture(s->store, pic, &bytes, err) < 0) {
		buf_done(&bytes);
		return -1;
	}
	failed = picture_decode_take(&picture, name, &bytes, s->orient, err) < 0;
	if (!failed)
		failed = squares_add(s, &picture, err);
	picture_done(&picture);
	return failed ? -1 : 0;
}

const struct pixels *
squares_find(void *arg, const struct pic *pic, struct error *err)
{
	struct squares *s = arg;
	const struct pixels *pixels = find(s, pic->sha);

	if (!pixels && fetch(s, pic, err) == 0)
		pixels = find(s, pic->sha);
	return pixels;
}

void
squares_done(struct squares *s)
{
	for (int i = 0; i < s->n; i++) {
		pixels_done(&s->at[i]->pixels);
		free(s->at[i]);
	}
	free(s->at);
	*s = (struct squares){0};
}
