/* shelf.c: the slash commands about stored conversations: tags, searching all of them, writing one elsewhere, and one of
 * which nothing is stored. */
#include "config.h"

#include "shelf.h"

#include <stdlib.h>
#include <string.h>

#include "actions.h"
#include "base/alloc.h"
#include "base/file.h"
#include "base/text.h"
#include "commands.h"
#include "export/export.h"
#include "internal.h"
#include "words.h"

#define MOST_HITS 200
#define HIT_BYTES 160

/* ---- tags */

static void
show_tags(struct app *app)
{
	struct buf out = {0};

	for (int i = 0; i < app->chat->tags.n; i++)
		buf_printf(&out, "%s%s", i ? ", " : "", app->chat->tags.at[i]);
	present_note(app, "Tags: %s", out.n ? buf_text(&out) : "none");
	buf_done(&out);
}

static int
set_tag(struct app *app, const char *change, struct error *err)
{
	const char *tag = change + (*change == '+' || *change == '-');
	bool on = *change != '-';

	if (!tag_valid(tag)) {
		error_set(err, CODE_INPUT, "\"%s\" cannot be a tag", change);
		return error_hint(err, "a word of at most %d bytes without commas; -TAG takes one off", TAG_MAX_BYTES);
	}
	if (tags_has(&app->chat->tags, tag) == on)
		return 0;
	tags_set(&app->chat->tags, tag, on);
	keep_tag(app, tag, on);
	return 0;
}

int
command_tag(struct app *app, const char *operands, struct error *err)
{
	struct word word;
	int rc = 0;

	if (*operands && sessions_check_writable(app, err) != 0)
		return -1;
	while (rc == 0 && words_next(&operands, &word)) {
		rc = set_tag(app, word.text, err);
		word_done(&word);
	}
	if (rc == 0)
		show_tags(app);
	return rc;
}

/* ---- searching */

static void
forget_hits(struct hits *h)
{
	free(h->at);
	free(h->pattern);
	*h = (struct hits){0};
}

struct search {
	struct hits *hits;
	char **items;
};

static char *
describe(const struct found *f)
{
	const char *dash = strrchr(f->id, '-');
	struct buf line = {0};
	size_t from = f->n_lines ? f->lines[0].from : 0, n = f->n_lines ? f->lines[0].to - from : 0;

	text_visible_line(&line, f->text + from, n < HIT_BYTES ? n : HIT_BYTES);
	buf_printf(&line, "\t%s  turn %2d  %s", f->role, f->turn, dash ? dash + 1 : f->id);
	return buf_take(&line);
}

static int
add_hit(void *arg, const struct found *f)
{
	struct search *s = arg;
	struct hits *h = s->hits;

	h->at = xreallocarray(h->at, (size_t)h->n + 1, sizeof *h->at);
	h->at[h->n].message = f->message;
	memcpy(h->at[h->n].id, f->id, strlen(f->id) + 1);
	s->items = xreallocarray(s->items, (size_t)h->n + 2, sizeof *s->items);
	s->items[h->n++] = describe(f);
	s->items[h->n] = NULL;
	return h->n == MOST_HITS;
}

/* The branch with the message, if it is not the current one. */
static void
go_to(struct app *app, int id)
{
	if (present_entry(app, id) || !chat_message(app->chat, id))
		return;
	chat_set_head(app->chat, chat_leaf_below(app->chat, id));
	keep_head(app);
	talk_repaint(app);
	meter_touch(app);
}

static void
hit_picked(struct app *app, int i)
{
	struct hits *h = &app->hits;
	struct error err;

	if (i >= 0 && i < h->n) {
		if (strcmp(app->chat->id, h->at[i].id) != 0 && sessions_switch(app, h->at[i].id, &err) != 0) {
			present_error(app, &err);
		} else if (!app->talk.running) {
			go_to(app, h->at[i].message);
			ui_find(app->ui, h->pattern);
		}
	}
	forget_hits(h);
}

int
command_search(struct app *app, const char *operands, struct error *err)
{
	struct query query = { .pattern = operands };
	struct search search = { .hits = &app->hits };
	int rc;

	if (!*operands)
		return error_set(err, CODE_INPUT, "/search needs the text to look for");
	actions_leave_pick(app);
	forget_hits(&app->hits);
	rc = store_search(app->store, &query, add_hit, &search, err);
	if (rc > 0) {
		app->hits.pattern = xstrdup(operands);
		actions_pick(app, "Found", (const char *const *)search.items, app->hits.n, 0, hit_picked);
	} else if (rc == 0) {
		present_note(app, "Nothing stored says \"%s\".", operands);
	}
	words_free(search.items);
	return rc < 0 ? -1 : 0;
}

void
hits_done(struct hits *h)
{
	forget_hits(h);
}

/* ---- writing it elsewhere */

static int
export_to(struct app *app, const struct export_format *format, const char *file, struct error *err)
{
	char *pictures = xasprintf("%s.pictures", file);
	struct export e = { .store = app->store, .chat = app->chat, .pictures = pictures };
	struct buf bytes = {0};
	int rc;

	app_look(&e);
	rc = export_write(format, &e, &bytes, err);

	if (rc == 0)
		rc = export_put_file(file, buf_text(&bytes), bytes.n, false, err);
	if (rc == 0)
		present_note(app, "Written to %s.", file);
	if (rc == 0 && e.n_missing > 0)
		present_note(app, "Pictures that are not in the store, only named: %d.", e.n_missing);
	buf_done(&bytes);
	free(pictures);
	return rc;
}

/* One word is a format if there is one of that name, else a file whose name says the format. */
static int
choose(const char *first, const char *second, const struct export_format **format, char **file, struct app *app,
    struct error *err)
{
	const char *path = second;

	*format = first ? export_find(first) : export_find("md");
	if (!*format && !second) {
		path = first;
		*format = export_of_file(first);
	}
	if (!*format) {
		error_set(err, CODE_INPUT, "\"%s\" is no format to export to", first);
		return error_hint(err, "md, html, json, txt or cast");
	}
	*file = path ? file_expand_home(path) :
	    xasprintf("%s.%s", *app->chat->id ? app->chat->id : "ivchat", (*format)->name);
	return 0;
}

int
command_export(struct app *app, const char *operands, struct error *err)
{
	const struct export_format *format;
	struct word first = {0}, second = {0};
	char *file = NULL;
	int rc;

	if (app->chat->n_messages == 0)
		return error_set(err, CODE_INPUT, "there is nothing to export yet");
	words_next(&operands, &first);
	words_next(&operands, &second);
	rc = choose(first.text, second.text, &format, &file, app, err);
	if (rc == 0 && file_exists(file))
		rc = error_set(err, CODE_INPUT, "\"%s\" is already there", file);
	if (rc == 0)
		rc = export_to(app, format, file, err);
	word_done(&first);
	word_done(&second);
	free(file);
	return rc;
}

/* ---- none of it */

int
command_private(struct app *app, const char *operands, struct error *err)
{
	(void)operands;
	if (sessions_check(app, err) != 0)
		return -1;
	talk_recall(app);
	sessions_private(app);
	staged_renumber(app, 0);
	sessions_show(app);
	return 0;
}
