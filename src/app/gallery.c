/* gallery.c: the pictures of the conversation, by hash: the square that the vision tower sees, for the prompt, and a
 * small copy for the screen. Made once from the decoded file; what is not here is read from the store. */
#include "config.h"

#include "gallery.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "internal.h"

#define KEPT_ITEMS 64
/* Larger than any place on a screen: inline pictures take at most 640 pixels of width. */
#define SMALL_WIDTH 640
#define SMALL_HEIGHT 800

const struct gallery_item *
gallery_find(const struct gallery *g, const char *sha)
{
	for (int i = 0; i < g->n; i++)
		if (strcmp(g->items[i]->sha, sha) == 0)
			return g->items[i];
	return NULL;
}

static void
free_item(struct gallery_item *item)
{
	if (!item)
		return;
	pixels_done(&item->pixels);
	free(item->rgb);
	free(item);
}

/* The largest size of this shape that fits, never larger than the picture. */
static void
small_size(const struct picture *p, int *width, int *height)
{
	*width = p->width;
	*height = p->height;
	if (*width > SMALL_WIDTH) {
		*height = (int)((long long)p->height * SMALL_WIDTH / p->width);
		*width = SMALL_WIDTH;
	}
	if (*height > SMALL_HEIGHT) {
		*width = (int)((long long)p->width * SMALL_HEIGHT / p->height);
		*height = SMALL_HEIGHT;
	}
	*width = *width < 1 ? 1 : *width;
	*height = *height < 1 ? 1 : *height;
}

static int
make_small(struct gallery_item *item, const struct picture *p, struct error *err)
{
	const uint8_t *from = p->shown ? p->shown : p->rgb;

	small_size(p, &item->width, &item->height);
	item->rgb = xmalloc((size_t)item->width * (size_t)item->height * 3);
	return pixels_resize(item->rgb, item->width, item->height, from, p->width, p->height, err);
}

static const struct gallery_item *
append(struct gallery *g, struct gallery_item *item)
{
	g->items = xreallocarray(g->items, (size_t)g->n + 1, sizeof *g->items);
	g->items[g->n++] = item;
	return item;
}

const struct gallery_item *
gallery_add(struct gallery *g, const struct picture *p, int image_size, struct error *err)
{
	const struct gallery_item *old = gallery_find(g, p->sha);
	struct gallery_item *item;

	if (old)
		return old;
	item = xcalloc(1, sizeof *item);
	memcpy(item->sha, p->sha, sizeof item->sha);
	if (make_small(item, p, err) != 0 ||
	    (image_size > 0 && pixels_make(&item->pixels, image_size, p->rgb, p->width, p->height, err) != 0)) {
		free_item(item);
		return NULL;
	}
	return append(g, item);
}

static const struct gallery_item *
load(struct app *app, const struct pic *pic, struct error *err)
{
	enum orient orient = app->options->orient_ignore ? ORIENT_IGNORE : ORIENT_APPLY;
	const struct gallery_item *item;
	struct picture p = {0};
	struct buf bytes = {0};

	if (store_get_picture(app->store, pic, &bytes, err) != 0) {
		buf_done(&bytes);
		return NULL;
	}
	if (picture_decode_take(&p, pic->name, &bytes, orient, err) != 0)
		return NULL;
	item = gallery_add(&app->gallery, &p, app->card ? card_info(app->card)->image_size : 0, err);
	picture_done(&p);
	return item;
}

const struct gallery_item *
gallery_get(struct app *app, const struct pic *pic, struct error *err)
{
	const struct gallery_item *item = gallery_find(&app->gallery, pic->sha);

	return item ? item : load(app, pic, err);
}

const struct pixels *
gallery_pixels(void *arg, const struct pic *pic, struct error *err)
{
	const struct gallery_item *item = gallery_get(arg, pic, err);

	return item ? &item->pixels : NULL;
}

void
gallery_trim(struct gallery *g)
{
	int extra = g->n - KEPT_ITEMS;

	if (extra <= 0)
		return;
	for (int i = 0; i < extra; i++)
		free_item(g->items[i]);
	memmove(g->items, g->items + extra, (size_t)KEPT_ITEMS * sizeof *g->items);
	g->n = KEPT_ITEMS;
}

void
gallery_done(struct gallery *g)
{
	for (int i = 0; i < g->n; i++)
		free_item(g->items[i]);
	free(g->items);
	*g = (struct gallery){0};
}
