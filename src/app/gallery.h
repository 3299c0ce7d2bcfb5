/* gallery.h: every picture of the conversation by its hash: the square that the vision tower sees, and a small copy for
 * the screen. Items are made once and lent until the next gallery_trim. */
#ifndef APP_GALLERY_H
#define APP_GALLERY_H

#include <stdint.h>

#include "base/error.h"
#include "chat/chat.h"
#include "engine/engine.h"
#include "picture/picture.h"

struct app;

struct gallery_item {
	char sha[65];
	struct pixels pixels;           /* what the tower sees; size 0 without a model */
	uint8_t *rgb;                   /* [height, width, 3], small enough for any screen */
	int width, height;
};

struct gallery {
	struct gallery_item **items;    /* newest last; the items stay where they are */
	int n;
};

const struct gallery_item *
gallery_find(const struct gallery *g, const char *sha);
/* From a decoded picture, without its square; there already: that one. */
const struct gallery_item *
gallery_add(struct gallery *g, const struct picture *p, struct error *err);
/* Makes the square of a picture that is in the gallery, if it has none; without a model there is nothing to do. */
int
gallery_square(struct app *app, const struct picture *p, struct error *err);
/* Both, from the store's bytes when it is not in the gallery. */
const struct gallery_item *
gallery_get(struct app *app, const struct pic *pic, struct error *err);
/* A pixels_fn for chat_assemble; arg is the app. */
const struct pixels *
gallery_pixels(void *arg, const struct pic *pic, struct error *err);
/* Forgets the oldest beyond what a context can hold; only for sessions whose pictures are in the store. */
void
gallery_trim(struct gallery *g);
void
gallery_done(struct gallery *g);

#endif
