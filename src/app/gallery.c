/* gallery.c: the pictures of the conversation, by hash: the square that the vision tower sees, for the prompt, and a
 * small copy for the screen. Made once from the decoded file; what is not here is read from the store. */
#include "config.h"

#include "gallery.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "branches.h"
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

static void
add_row(uint32_t *sums, const uint8_t *from, int w, int k)
{
	for (int x = 0; x < w; x++, sums += 3)
		for (int i = 0; i < k; i++, from += 3) {
			sums[0] += from[0];
			sums[1] += from[1];
			sums[2] += from[2];
		}
}

/* The mean of the k x k pixels at each place: [height / k, width / k, 3]. */
static uint8_t *
average(const uint8_t *rgb, int width, int height, int k)
{
	int w = width / k, h = height / k;
	uint8_t *out = xmalloc((size_t)w * (size_t)h * 3), *to = out;
	uint32_t *sums = xmalloc((size_t)w * 3 * sizeof *sums);

	for (int y = 0; y < h; y++) {
		memset(sums, 0, (size_t)w * 3 * sizeof *sums);
		for (int j = 0; j < k; j++)
			add_row(sums, rgb + ((size_t)y * (size_t)k + (size_t)j) * (size_t)width * 3, w, k);
		for (int x = 0; x < w * 3; x++)
			*to++ = (uint8_t)(sums[x] / (uint32_t)(k * k));
	}
	free(sums);
	return out;
}

/* A large photograph is averaged down to at least twice the size first: only the eye sees this copy, and the exact
 * resize takes ten times as long. */
static int
make_small(struct gallery_item *item, const struct picture *p, struct error *err)
{
	const uint8_t *from = p->shown ? p->shown : p->rgb;
	int width = p->width, height = p->height, k, rc;
	uint8_t *averaged = NULL;

	small_size(p, &item->width, &item->height);
	k = width / (2 * item->width) < height / (2 * item->height) ? width / (2 * item->width) : height / (2 * item->height);
	if (k > 1) {
		averaged = average(from, width, height, k);
		from = averaged;
		width /= k;
		height /= k;
	}
	item->rgb = xmalloc((size_t)item->width * (size_t)item->height * 3);
	rc = pixels_resize(item->rgb, item->width, item->height, from, width, height, err);
	free(averaged);
	return rc;
}

static const struct gallery_item *
append(struct gallery *g, struct gallery_item *item)
{
	g->items = xreallocarray(g->items, (size_t)g->n + 1, sizeof *g->items);
	g->items[g->n++] = item;
	return item;
}

const struct gallery_item *
gallery_add(struct gallery *g, const struct picture *p, struct error *err)
{
	const struct gallery_item *old = gallery_find(g, p->sha);
	struct gallery_item *item;

	if (old)
		return old;
	item = xcalloc(1, sizeof *item);
	memcpy(item->sha, p->sha, sizeof item->sha);
	if (make_small(item, p, err) != 0) {
		free_item(item);
		return NULL;
	}
	return append(g, item);
}

int
gallery_square(struct app *app, const struct picture *p, struct error *err)
{
	int size = app->card ? card_info(app->card)->image_size : 0;

	for (int i = 0; i < app->gallery.n; i++) {
		struct gallery_item *item = app->gallery.items[i];

		if (strcmp(item->sha, p->sha) == 0 && item->pixels.size == 0 && size > 0)
			return pixels_make(&item->pixels, size, p->rgb, p->width, p->height, err);
	}
	return 0;
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
	item = gallery_add(&app->gallery, &p, err);
	if (item && gallery_square(app, &p, err) != 0)
		item = NULL;
	picture_done(&p);
	return item;
}

const struct gallery_item *
gallery_get(struct app *app, const struct pic *pic, struct error *err)
{
	const struct gallery_item *item = gallery_find(&app->gallery, pic->sha);

	return item ? item : load(app, pic, err);
}

/* The number of the turn of this branch that shows the picture to the model, or 0. */
static int
turn_of(const struct app *app, const char *sha)
{
	bool *left_out = chat_left_out(app->chat, app->chat->head);
	int found = 0;

	for (int turn = 1, id; !found && (id = branches_turn(app, turn)) != 0; turn++) {
		const struct message *m = chat_message(app->chat, id);

		for (int i = 0; i < m->n_pics && !left_out[id]; i++)
			if (strcmp(m->pics[i].sha, sha) == 0)
				found = turn;
	}
	free(left_out);
	return found;
}

const struct pixels *
gallery_pixels(void *arg, const struct pic *pic, struct error *err)
{
	const struct app *app = arg;
	const struct gallery_item *item = gallery_get(arg, pic, err);
	int turn = item ? 0 : turn_of(app, pic->sha);

	if (turn > 0)
		error_hint(err, "/drop %d goes on without the turn of that picture", turn);
	if (!item || item->pixels.size == card_info(app->card)->image_size)
		return item ? &item->pixels : NULL;
	error_set(err, CODE_INPUT, "picture '%s' has no pixels for the model", pic->name);
	return NULL;
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
