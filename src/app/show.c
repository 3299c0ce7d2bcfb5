/* show.c: see show.h. A picture is decoded anew from its bytes, because what the gallery keeps is only as large as a
 * place in the conversation; the square of the model is the gallery's own. */
#include "config.h"

#include "show.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "boxed.h"
#include "internal.h"

/* A picture in full, ready for the screen; its pixels are file's or the gallery's. */
struct large {
	struct picture file;
	char *label;
	struct ui_picture shown;
};

static void
large_done(struct large *l)
{
	picture_done(&l->file);
	free(l->label);
}

/* ---- which picture */

/* Of a message that is shown as this entry. */
static const struct pic *
pic_of_entry(const struct app *app, int entry, int index)
{
	const struct message *m = chat_message(app->chat, present_id(app, entry));

	return m && index < m->n_pics ? &m->pics[index] : NULL;
}

static const struct staged_picture *
staged_with_number(const struct app *app, int n)
{
	for (int i = 0; i < app->staged.n; i++)
		if (staged_number(app, i) == n)
			return &app->staged.at[i];
	return NULL;
}

/* Picture #n of the session, said or staged. */
static const struct pic *
pic_with_number(const struct app *app, int n)
{
	const struct staged_picture *staged = staged_with_number(app, n);

	for (int i = 0; i < app->chat->n_messages; i++)
		for (int k = 0; k < app->chat->messages[i].n_pics; k++)
			if (app->chat->messages[i].pics[k].n == n)
				return &app->chat->messages[i].pics[k];
	return staged ? &staged->pic : NULL;
}

/* ---- its pixels */

/* Its bytes: those that wait to be sent, or the store's. */
static int
read_bytes(struct app *app, const struct pic *pic, struct buf *out, struct error *err)
{
	for (int i = 0; i < app->staged.n; i++) {
		const struct staged_picture *s = &app->staged.at[i];

		if (strcmp(s->pic.sha, pic->sha) == 0 && s->file.bytes.n > 0) {
			buf_add(out, s->file.bytes.at, s->file.bytes.n);
			return 0;
		}
	}
	return store_get_picture(app->store, pic, out, err);
}

/* Where the bytes are not kept (a private session) the small copy has to do. */
static int
load(struct app *app, const struct pic *pic, int n, struct large *l, struct error *err)
{
	const enum orient orient = app->options->orient_ignore ? ORIENT_IGNORE : ORIENT_APPLY;
	const struct gallery_item *item = gallery_find(&app->gallery, pic->sha);
	struct buf bytes = {0};
	int rc = read_bytes(app, pic, &bytes, err);

	if (rc == 0)
		rc = picture_decode_take(&l->file, pic->name, &bytes, orient, err);
	else
		buf_done(&bytes);
	if (rc != 0 && !item)
		return -1;
	l->label = present_label(pic, n);
	if (rc != 0)
		l->shown = (struct ui_picture){ item->rgb, item->width, item->height, l->label };
	else
		l->shown = (struct ui_picture){ l->file.shown ? l->file.shown : l->file.rgb, l->file.width,
			l->file.height, l->label };
	return 0;
}

static int
show_one(struct app *app, const struct pic *pic, int n, struct error *err)
{
	struct large l = {0};

	if (load(app, pic, n, &l, err) != 0)
		return -1;
	ui_show(app->ui, &l.shown, 1);
	large_done(&l);
	return 0;
}

/* ---- keys */

void
show_enlarged(struct app *app, int entry, int index)
{
	const struct pic *pic = pic_of_entry(app, entry, index);
	struct error err;

	if (!pic)
		ui_flash(app->ui, "this picture is not said yet");
	else if (show_one(app, pic, pic->n, &err) != 0)
		present_error(app, &err);
}

static int
show_square(struct app *app, const struct pic *pic, struct error *err)
{
	const struct gallery_item *item = gallery_get(app, pic, err);
	char *label, *text;

	if (!item)
		return -1;
	if (item->pixels.size == 0)
		return error_set(err, CODE_INPUT, "without a model there is nothing that it sees");
	label = present_label(pic, pic->n);
	text = xasprintf("%s as the model sees it: %dx%d", label, item->pixels.size, item->pixels.size);
	ui_show(app->ui, &(struct ui_picture){ item->pixels.rgb, item->pixels.size, item->pixels.size, text }, 1);
	free(text);
	free(label);
	return 0;
}

void
show_as_seen(struct app *app, int entry, int index)
{
	const struct pic *pic = pic_of_entry(app, entry, index);
	struct error err;

	if (!pic)
		ui_flash(app->ui, "this picture is not said yet");
	else if (show_square(app, pic, &err) != 0)
		present_error(app, &err);
}

/* ---- boxes */

/* The last picture that was said before an answer, or with its question. */
static const struct pic *
pic_before(const struct app *app, const struct message *m)
{
	for (; m; m = chat_message(app->chat, m->up))
		if (m->n_pics > 0)
			return &m->pics[m->n_pics - 1];
	return NULL;
}

static char *
name_boxes(const char *label, const struct message *m, const struct boxes *boxes)
{
	struct buf text = {0};

	buf_printf(&text, "%s:", label);
	for (int i = 0; i < boxes->n_names; i++) {
		buf_str(&text, i ? ", " : " ");
		buf_add(&text, m->text + boxes->names[i].name, boxes->names[i].name_n);
		if (boxes->n_names > 1)
			buf_printf(&text, " (%s)", boxed_colour(i));
	}
	return buf_take(&text);
}

static int
show_boxed(struct app *app, const struct pic *pic, const struct message *m, const struct boxes *boxes, struct error *err)
{
	struct large l = {0};
	uint8_t *rgb;
	char *label;
	size_t n;

	if (load(app, pic, pic->n, &l, err) != 0)
		return -1;
	n = (size_t)l.shown.width * (size_t)l.shown.height * 3;
	rgb = xmalloc(n);
	memcpy(rgb, l.shown.rgb, n);
	boxed_draw(rgb, l.shown.width, l.shown.height, boxes);
	label = name_boxes(l.label, m, boxes);
	ui_show(app->ui, &(struct ui_picture){ rgb, l.shown.width, l.shown.height, label }, 1);
	free(label);
	free(rgb);
	large_done(&l);
	return 0;
}

void
show_boxes(struct app *app, int entry)
{
	const struct message *m = chat_message(app->chat, present_id(app, entry));
	const struct pic *pic = pic_before(app, m);
	struct boxes boxes = {0};
	struct error err;

	if (m)
		boxes_parse(&boxes, m->text, m->text_n);
	if (boxes.n_names == 0 || !pic)
		ui_flash(app->ui, "this message names no place in a picture");
	else if (show_boxed(app, pic, m, &boxes, &err) != 0)
		present_error(app, &err);
	boxes_done(&boxes);
}

/* ---- commands */

/* "3" or "#3" at *operands, which moves behind it. */
static const struct pic *
take_number(const struct app *app, const char **operands, int *n, struct error *err)
{
	const char *s = *operands + (**operands == '#');
	const struct pic *pic;
	char *end;
	long number = strtol(s, &end, 10);

	if (end == s || number < 1 || number > 1000000 || (*end && *end != ' ')) {
		error_set(err, CODE_INPUT, "a picture is named by its number, as in #1; /images lists them");
		return NULL;
	}
	*n = (int)number;
	*operands = end + strspn(end, " ");
	pic = pic_with_number(app, *n);
	if (!pic)
		error_set(err, CODE_INPUT, "there is no picture #%d in this conversation; /images lists them", *n);
	return pic;
}

int
command_view(struct app *app, const char *operands, struct error *err)
{
	int n;
	const struct pic *pic = take_number(app, &operands, &n, err);

	return pic ? show_one(app, pic, n, err) : -1;
}

int
command_compare(struct app *app, const char *operands, struct error *err)
{
	struct large l[2] = { 0 };
	int n, rc = 0;

	for (int i = 0; i < 2 && rc == 0; i++) {
		const struct pic *pic = take_number(app, &operands, &n, err);

		rc = pic ? load(app, pic, n, &l[i], err) : -1;
	}
	if (rc == 0)
		ui_show(app->ui, (const struct ui_picture[]){ l[0].shown, l[1].shown }, 2);
	large_done(&l[0]);
	large_done(&l[1]);
	return rc;
}
