/* staged.c: pictures that wait to be said. Opening one decodes it and shows its chip. A turn of the loop later its square
 * is made and handed to the vision tower, so that the answer can begin sooner; then the pixels are let go and only the
 * file's bytes wait for the store. */
#include "config.h"

#include "staged.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "internal.h"
#include "words.h"

static void
free_pic(struct pic *pic)
{
	free(pic->name);
	free(pic->type);
}

static void
append(struct staged *s, struct staged_picture p)
{
	s->at = xreallocarray(s->at, (size_t)s->n + 1, sizeof *s->at);
	s->at[s->n++] = p;
}

int
staged_next_number(const struct app *app)
{
	int most = app->chat->n_pics;

	for (int q = 0; q < app->talk.n_queued; q++) {
		const struct staged *s = &app->talk.queue[q].pictures;

		for (int i = 0; i < s->n; i++)
			most = s->at[i].pic.n > most ? s->at[i].pic.n : most;
	}
	return most + 1;
}

int
staged_number(const struct app *app, int i)
{
	const struct staged *s = &app->staged;
	int n = staged_next_number(app);

	if (s->at[i].pic.n > 0)
		return s->at[i].pic.n;
	for (int k = 0; k < i; k++)
		n += s->at[k].pic.n == 0;
	return n;
}

void
staged_renumber(struct app *app, int most)
{
	for (int i = 0; i < app->staged.n; i++)
		if (app->staged.at[i].pic.n > most)
			app->staged.at[i].pic.n = 0;
	staged_show(app);
}

void
staged_show(struct app *app)
{
	char **chips = xcalloc((size_t)app->staged.n + 1, sizeof *chips);

	for (int i = 0; i < app->staged.n; i++) {
		char *label = present_label(&app->staged.at[i].pic, staged_number(app, i));

		chips[i] = xasprintf("[%s]", label);
		free(label);
	}
	ui_set_staged(app->ui, (const char *const *)chips, app->staged.n);
	words_free(chips);
	meter_touch(app);
}

static void
see(struct app *app, const struct pic *pic)
{
	const struct gallery_item *item = gallery_find(&app->gallery, pic->sha);
	struct pixels copy;

	if (!app->link || !item || item->pixels.size == 0)
		return;
	pixels_copy(&copy, &item->pixels);
	link_see_take(app->link, &copy);
}

void
staged_see(struct app *app)
{
	for (int i = 0; i < app->staged.n; i++)
		see(app, &app->staged.at[i].pic);
}

static struct pic
describe(const struct picture *p)
{
	struct pic pic = { .name = xstrdup(p->name), .type = xstrdup(p->type), .width = p->width, .height = p->height };

	memcpy(pic.sha, p->sha, sizeof pic.sha);
	return pic;
}

static void
drop_pixels(struct picture *p)
{
	free(p->rgb);
	free(p->shown);
	p->rgb = p->shown = NULL;
}

static int
stage_take(struct app *app, struct picture *file, struct error *err)
{
	struct staged_picture new = { .file = *file };

	if (!gallery_add(&app->gallery, &new.file, err)) {
		picture_done(&new.file);
		return -1;
	}
	new.pic = describe(&new.file);
	append(&app->staged, new);
	staged_show(app);
	return 0;
}

static enum orient
orient(const struct app *app)
{
	return app->options->orient_ignore ? ORIENT_IGNORE : ORIENT_APPLY;
}

int
staged_open(struct app *app, const char *path, struct error *err)
{
	struct picture file = {0};

	return picture_open(&file, path, orient(app), err) == 0 ? stage_take(app, &file, err) : -1;
}

int
staged_decode_take(struct app *app, const char *name, struct buf *bytes, struct error *err)
{
	struct picture file = {0};

	if (picture_decode_take(&file, name, bytes, orient(app), err) != 0)
		return -1;
	free(file.name);
	file.name = xasprintf("%s.%s", name, file.suffix);
	return stage_take(app, &file, err);
}

bool
staged_prepare(struct app *app)
{
	struct error err;

	for (int i = 0; i < app->staged.n; i++) {
		struct staged_picture *p = &app->staged.at[i];

		if (!p->file.rgb)
			continue;
		if (gallery_square(app, &p->file, &err) != 0)
			present_error(app, &err);
		drop_pixels(&p->file);
		see(app, &p->pic);
		meter_touch(app);
		return true;
	}
	return false;
}

static void
explain_foreign(const char *path, struct error *err)
{
	error_set(err, CODE_INPUT, "\"%s\" is a path of another computer: this program runs at the far end of ssh", path);
	error_hint(err, "there: base64 < FILE | pbcopy, and paste here; or scp FILE %s:",
	    getenv("HOSTNAME") ? getenv("HOSTNAME") : "HOST");
}

static void
explain_url(const char *url, struct error *err)
{
	error_set(err, CODE_INPUT, "%s is not fetched: this program never uses the network", url);
	error_hint(err, "curl -sL '%s' | ivchat ask -i - \"What is this?\"", url);
}

int
staged_word(struct app *app, const struct word *word)
{
	char **files;
	struct error err;
	int n = 0;

	if (word_is_url(word->text)) {
		explain_url(word->text, &err);
		present_error(app, &err);
		return 0;
	}
	files = word_files(word);
	for (char **f = files; *f; f++) {
		if (staged_open(app, *f, &err) == 0) {
			n++;
			continue;
		}
		if (word_is_foreign(word->text) && getenv("SSH_CONNECTION") && !file_exists(word->text))
			explain_foreign(word->text, &err);
		present_error(app, &err);
	}
	words_free(files);
	return n;
}

void
staged_return(struct app *app, struct staged *from)
{
	for (int i = 0; i < app->staged.n; i++)
		append(from, app->staged.at[i]);
	free(app->staged.at);
	app->staged = *from;
	*from = (struct staged){0};
	staged_renumber(app, app->chat->n_pics);
}

void
staged_again(struct app *app, const struct message *m)
{
	struct staged again = {0};

	for (int i = 0; i < m->n_pics; i++) {
		struct pic copy = m->pics[i];

		copy.name = xstrdup(copy.name ? copy.name : "");
		copy.type = xstrdup(copy.type ? copy.type : "");
		append(&again, (struct staged_picture){ .pic = copy });
	}
	staged_return(app, &again);
}

static void
free_staged(struct staged_picture *p)
{
	free_pic(&p->pic);
	picture_done(&p->file);
}

int
staged_remove(struct app *app, int i)
{
	struct staged *s = &app->staged;

	if (i < 0 || i >= s->n)
		return -1;
	free_staged(&s->at[i]);
	memmove(&s->at[i], &s->at[i + 1], (size_t)(s->n - i - 1) * sizeof s->at[0]);
	s->n--;
	staged_show(app);
	return 0;
}

void
staged_take(struct app *app, struct staged *to)
{
	while (staged_prepare(app))
		;
	*to = app->staged;
	app->staged = (struct staged){0};
	staged_show(app);
}

void
staged_done(struct staged *s)
{
	for (int i = 0; i < s->n; i++)
		free_staged(&s->at[i]);
	free(s->at);
	*s = (struct staged){0};
}
