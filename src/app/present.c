/* present.c: conversation → entries of the screen; the only place that turns roles into looks. It remembers which entry
 * is which message, so that a branch can be cut off without painting the rest anew. Pictures of a conversation that was
 * read from disk are drawn one message at a time, newest first: the text is there before the first of them. */
#include "config.h"

#include "present.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "internal.h"
#include "plain.h"

#define RULE_CHARACTERS 60
#define MISSING_WIDTH 96
#define MISSING_HEIGHT 64

static void
append(struct app *app, int entry, int id)
{
	struct present *p = &app->present;

	p->shown = xreallocarray(p->shown, (size_t)p->n + 1, sizeof *p->shown);
	p->shown[p->n++] = (struct shown){ .entry = entry, .id = id };
}

static void
show_time(struct app *app, int entry, int id)
{
	const struct message *m = chat_message(app->chat, id);
	char when[24];

	if (!m || !app->options->conf->timestamps)
		return;
	clock_local(m->at, when);
	ui_set_time(app->ui, entry, when);
}

static int
add(struct app *app, int id, enum ui_look look, const char *text, size_t n)
{
	int entry = ui_add(app->ui, look, text, n);

	show_time(app, entry, id);
	append(app, entry, id);
	return entry;
}

/* ---- what the program says */

void
present_note(struct app *app, const char *fmt, ...)
{
	char *text;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	add(app, 0, UI_LOOK_NOTE, text, (size_t)n);
	free(text);
}

void
present_error(struct app *app, const struct error *err)
{
	struct buf text = {0};

	if (!app->first_error)
		app->first_error = err->code;
	buf_str(&text, err->what);
	if (err->hint[0])
		buf_printf(&text, "\ntry: %s", err->hint);
	add(app, 0, UI_LOOK_ERROR, text.at, text.n);
	buf_done(&text);
}

void
present_rule(struct app *app, const char *system)
{
	struct buf text = {0};
	size_t n = system ? strlen(system) : 0, pos = 0;
	int cols;

	buf_str(&text, "system message: ");
	if (!system)
		buf_str(&text, "the model's own");
	else if (n == 0)
		buf_str(&text, "none");
	for (int i = 0; i < RULE_CHARACTERS && pos < n; i++)
		pos += text_grapheme(system + pos, n - pos, &cols);
	text_visible_line(&text, system, pos);
	if (pos < n)
		buf_str(&text, "...");
	add(app, 0, UI_LOOK_RULE, text.at, text.n);
	buf_done(&text);
}

void
present_remark(struct app *app, const struct note *note)
{
	struct buf text = {0};

	buf_str(&text, "Note: ");
	buf_add(&text, note->text, note->text_n);
	add(app, 0, UI_LOOK_NOTE, text.at, text.n);
	buf_done(&text);
}

static void
write_banner(const struct app *app, struct buf *out)
{
	const struct card_info *card = app->card ? card_info(app->card) : NULL;
	double n = card ? (double)card->n_params : 0;

	if (!card)
		buf_printf(out, "model %s", app->options->model_dir);
	else if (app->options->model_is_bundled)
		buf_printf(out, "demo model, %.0f M parameters, for simple drawings; -m DIR opens the real one%s",
		    n / 1e6, app->options->draft ? "" : "\nivchat --demo shows it at work");
	else if (n < 1e9)
		buf_printf(out, "%s, %.1f M parameters", card->name, n / 1e6);
	else
		buf_printf(out, "%s, %.1f G parameters", card->name, n / 1e9);
	if (app->chat->head == 0)
		buf_str(out, "\n/image FILE adds a picture, /help lists commands and keys, Ctrl-D leaves");
}

void
present_banner(struct app *app)
{
	struct buf text = {0};

	if (app->options->piped)
		return;
	write_banner(app, &text);
	if (app->present.banner)
		ui_set_text(app->ui, app->present.banner, text.at, text.n);
	else
		app->present.banner = add(app, 0, UI_LOOK_NOTE, text.at, text.n);
	buf_done(&text);
}

/* ---- messages */

char *
present_label(const struct pic *pic, int n)
{
	struct buf label = {0};

	buf_printf(&label, "#%d ", n);
	if (pic->name)
		text_visible_line(&label, pic->name, strlen(pic->name));
	buf_printf(&label, " %dx%d", pic->width, pic->height);
	return buf_take(&label);
}

static void
draw_picture(struct app *app, int entry, const struct pic *pic, const struct gallery_item *item)
{
	char *label = present_label(pic, pic->n);
	struct ui_picture picture = { item->rgb, item->width, item->height, label };

	ui_add_picture(app->ui, entry, &picture);
	free(label);
}

/* A grey field stands where a picture was said that is lost. */
static void
draw_missing(struct app *app, int entry, const struct pic *pic)
{
	uint8_t grey[MISSING_WIDTH * MISSING_HEIGHT * 3];
	char *label = present_label(pic, pic->n), *missing = xasprintf("%s (missing)", label);
	struct ui_picture picture = { grey, MISSING_WIDTH, MISSING_HEIGHT, missing };

	memset(grey, 0x70, sizeof grey);
	ui_add_picture(app->ui, entry, &picture);
	free(missing);
	free(label);
}

int
present_user(struct app *app, int id, const struct pic *pics, int n_pics, const char *text, size_t n, const char *mark)
{
	int entry = add(app, id, UI_LOOK_USER, text, n);

	for (int i = 0; i < n_pics; i++) {
		const struct gallery_item *item = gallery_find(&app->gallery, pics[i].sha);

		if (item)
			draw_picture(app, entry, &pics[i], item);
	}
	ui_set_mark(app->ui, entry, mark);
	return entry;
}

static void
add_word(struct buf *mark, const char *word)
{
	buf_printf(mark, "%s%s", mark->n ? " " : "", word);
}

/* "[2/2]": which of the branches that begin here this is. */
static void
add_branch(struct buf *mark, const struct chat *chat, const struct message *m)
{
	int *ids, n = chat_siblings(chat, m->id, &ids), at = 0;

	while (at < n && ids[at] != m->id)
		at++;
	if (n > 1)
		buf_printf(mark, "[%d/%d]", at + 1, n);
	free(ids);
}

/* Whether the next question tells the model nothing of this one. */
static bool
is_dropped(const struct chat *chat, int question)
{
	bool *left_out = chat_left_out(chat, chat->head), dropped = left_out[question];

	free(left_out);
	return dropped;
}

void
present_mark(struct app *app, int entry, const struct message *m)
{
	struct buf mark = {0};

	add_branch(&mark, app->chat, m);
	message_mark(m, app->follow.reader && !app->follow.free, &mark);
	if (m->pinned)
		add_word(&mark, "[pinned]");
	if (m->role == ROLE_USER && app->chat->n_drops > 0 && is_dropped(app->chat, m->id))
		add_word(&mark, "[dropped]");
	ui_set_mark(app->ui, entry, mark.n ? buf_text(&mark) : NULL);
	buf_done(&mark);
}

int
present_answer(struct app *app, const struct message *m)
{
	return add(app, m->id, UI_LOOK_ANSWER, m->text, m->text_n);
}

/* ---- the whole conversation */

/* What was changed and noted at message `id`. */
static void
add_rules(struct app *app, int id)
{
	const struct note *note;
	int from = 0;

	for (int i = 0; i < app->chat->n_systems; i++)
		if (chat_is_at(app->chat, app->chat->systems[i].up, id))
			present_rule(app, app->chat->systems[i].text);
	while ((note = chat_next_note(app->chat, id, &from)))
		present_remark(app, note);
}

static void
add_message(struct app *app, const struct message *m)
{
	int entry = m->role == ROLE_USER ? add(app, m->id, UI_LOOK_USER, m->text, m->text_n) : present_answer(app, m);

	present_mark(app, entry, m);
}

/* The last of the messages in front that the next question tells the model nothing of, or 0. */
static int
last_dropped(const struct chat *chat, const int *ids, int n)
{
	bool *left_out = chat_left_out(chat, chat->head);
	int last = 0;

	for (int i = 0; i < n && left_out[ids[i]]; i++)
		last = ids[i];
	free(left_out);
	return last;
}

static void
add_drop_rule(struct app *app)
{
	static const char text[] = "the model does not see what is above";

	add(app, 0, UI_LOOK_RULE, text, sizeof text - 1);
}

void
present_chat(struct app *app)
{
	int *ids, n = chat_branch(app->chat, app->chat->head, &ids), dropped = last_dropped(app->chat, ids, n);

	ui_clear(app->ui);
	app->present.n = 0;
	app->present.banner = 0;
	present_banner(app);
	add_rules(app, 0);
	for (int i = 0; i < n; i++) {
		add_message(app, chat_message(app->chat, ids[i]));
		if (ids[i] == dropped)
			add_drop_rule(app);
		add_rules(app, ids[i]);
	}
	app->present.undrawn = app->present.n;
	free(ids);
	plain_chat(app);
}

static void
draw_all(struct app *app, int entry, const struct message *m)
{
	for (int i = 0; i < m->n_pics; i++) {
		struct error err = {0};
		const struct gallery_item *item = gallery_get(app, &m->pics[i], &err);

		if (item) {
			draw_picture(app, entry, &m->pics[i], item);
		} else {
			draw_missing(app, entry, &m->pics[i]);
			present_error(app, &err);
		}
	}
}

bool
present_step(struct app *app)
{
	struct present *p = &app->present;

	while (p->undrawn > 0) {
		struct shown s = p->shown[--p->undrawn];
		const struct message *m = chat_message(app->chat, s.id);

		if (m && m->n_pics > 0) {
			draw_all(app, s.entry, m);
			return true;
		}
	}
	return false;
}

/* ---- changes */

void
present_claim(struct app *app, int entry, int id)
{
	for (int i = 0; i < app->present.n; i++)
		if (app->present.shown[i].entry == entry)
			app->present.shown[i].id = id;
}

int
present_entry(const struct app *app, int id)
{
	for (int i = 0; i < app->present.n; i++)
		if (id && app->present.shown[i].id == id)
			return app->present.shown[i].entry;
	return 0;
}

int
present_id(const struct app *app, int entry)
{
	for (int i = 0; i < app->present.n; i++)
		if (app->present.shown[i].entry == entry)
			return app->present.shown[i].id;
	return 0;
}

static void
forget(struct present *p, int i)
{
	memmove(&p->shown[i], &p->shown[i + 1], (size_t)(p->n - i - 1) * sizeof p->shown[0]);
	p->n--;
	if (p->undrawn > i)
		p->undrawn--;
}

void
present_remove(struct app *app, int entry)
{
	ui_remove(app->ui, entry);
	for (int i = 0; i < app->present.n; i++)
		if (app->present.shown[i].entry == entry) {
			forget(&app->present, i);
			return;
		}
}

void
present_cut(struct app *app, int id)
{
	struct present *p = &app->present;
	int from = 0;

	while (from < p->n && p->shown[from].id != id)
		from++;
	while (p->n > from) {
		ui_remove(app->ui, p->shown[p->n - 1].entry);
		forget(p, p->n - 1);
	}
}

void
present_done(struct present *p)
{
	free(p->shown);
	*p = (struct present){0};
}
