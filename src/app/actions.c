/* actions.c: what a key's action does, and what Enter does with the line: a picture's path becomes a chip, a slash begins
 * a command, all else is said. A line that could not be used is put back into the input. */
#include "config.h"

#include "actions.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "again.h"
#include "branches.h"
#include "commands.h"
#include "complete.h"
#include "editor.h"
#include "internal.h"
#include "pasted.h"
#include "show.h"
#include "slash.h"
#include "words.h"

void
actions_give_back(struct app *app, const char *text)
{
	const char *typed = ui_input(app->ui);
	char *both;

	if (!*text)
		return;
	both = *typed ? xasprintf("%s\n%s", text, typed) : xstrdup(text);
	ui_set_input(app->ui, both);
	free(both);
	meter_typed(app);
}

void
actions_give_back_message(struct app *app, const char *text)
{
	char *escaped = text[0] == '/' ? xasprintf("/%s", text) : NULL;

	actions_give_back(app, escaped ? escaped : text);
	free(escaped);
}

static void
take_pick(struct app *app, int i)
{
	void (*picked)(struct app *app, int i) = app->picked;

	app->picked = NULL;
	if (!browse_picked(app, i) && picked)
		picked(app, i);
}

void
actions_leave_pick(struct app *app)
{
	take_pick(app, -1);
}

void
actions_pick(struct app *app, const char *title, const char *const *items, int n, int selected,
    void (*picked)(struct app *app, int i))
{
	actions_leave_pick(app);
	app->picked = picked;
	ui_pick(app->ui, title, items, n, selected);
}

/* ---- Enter */

static void
remember(struct app *app, const char *line)
{
	const struct conf *conf = app->options->conf;
	struct error err;

	if (app->options->piped || !conf->history_save)
		return;
	ui_history_add(app->ui, line);
	if (*line == ' ' || app->private)
		return;
	store_history_add(app->store, line, conf->history_size, &err);       /* a lost line of history is no trouble to tell */
}

/* The address of a picture is taken for one, so that staged_word() explains why it is none: the model would make up what
 * it shows. */
static bool
names_picture(const struct word *word)
{
	return pasted_is_picture(word) || (word_is_url(word->text) && complete_is_picture_name(word->text));
}

/* Stages the pictures that the line begins with, until one cannot be. Returns what is left of the line, or NULL when it
 * does not begin with any. */
static const char *
take_pictures(struct app *app, const char *line)
{
	const char *rest = NULL, *next = line;
	struct word word;
	bool go_on = true;

	while (go_on && words_next(&next, &word)) {
		go_on = names_picture(&word);
		if (go_on && !rest)
			rest = line;
		if (go_on && (go_on = staged_word(app, &word) > 0))
			rest = next;
		word_done(&word);
	}
	return rest;
}

static void
enter_rest(struct app *app, const char *rest)
{
	if (app->options->piped && rest[strspn(rest, " \t")]) {
		talk_send(app, rest, strlen(rest));
		return;
	}
	ui_set_input(app->ui, rest);
	if (app->staged.n > 0)
		ui_flash(app->ui, "picture added: Enter sends it, Backspace in an empty line takes it back");
}

static bool
is_blank(const char *text)
{
	while (isspace((unsigned char)*text))
		text++;
	return !*text;
}

static void
enter_blank(struct app *app)
{
	const char *question = app->options->conf->image_question;

	if (app->staged.n == 0)
		return;
	if (app->options->piped) {
		talk_send(app, question, strlen(question));
		return;
	}
	ui_set_input(app->ui, question);
	ui_flash(app->ui, app->staged.n == 1 ? "Enter sends this question with the picture"
	                                     : "Enter sends this question with the pictures");
	meter_typed(app);
}

static void
enter_command(struct app *app, const char *line)
{
	struct error err;

	if (slash_run(app, line + 1, &err) == 0)
		return;
	present_error(app, &err);
	actions_give_back(app, line);
}

/* The screen's input line is always text; a pipe's line may be anything. */
static bool
check_text(struct app *app, const char *line, size_t n)
{
	struct error err;

	if (strlen(line) == n && text_valid(line, n))
		return true;
	error_set(&err, CODE_INPUT, "not sent: the line is not UTF-8 text");
	present_error(app, &err);
	return false;
}

static void
enter(struct app *app, const char *line, size_t n)
{
	const char *rest;

	meter_typed(app);
	if (!check_text(app, line, n))
		return;
	if (is_blank(line)) {
		enter_blank(app);
		return;
	}
	remember(app, line);
	rest = take_pictures(app, line);
	if (rest) {
		enter_rest(app, rest);
	} else if (line[0] == '/' && line[1] != '/') {
		enter_command(app, line);
	} else {
		size_t skip = line[0] == '/' ? 1 : 0;

		if (!edit_enter(app, line + skip, n - skip))
			talk_send(app, line + skip, n - skip);
	}
}

/* ---- keys */

void
actions_interrupt(struct app *app)
{
	if (app->talk.running)
		talk_stop(app);
	else if (app->verify.running)
		verify_stop(app);
	else if (edit_cancel(app))
		ui_flash(app->ui, "the message stays as it was");
	else if (load_stop(app))
		ui_flash(app->ui, "loading is being stopped");
	else if (!talk_recall(app))
		ui_flash(app->ui, "Ctrl-D or /quit leaves");
}

/* A queued message comes back as it is; one that was answered to be edited. */
static int
recall(struct app *app, struct error *err)
{
	int question = chat_question_of(app->chat, app->chat->head);

	if (talk_recall(app) || *ui_input(app->ui) || !question)
		return 0;
	return edit_begin(app, question, err);
}

/* What changes the conversation at the selected message, or at the last. 1: not one of these. */
static int
act_on_message(struct app *app, enum ui_action action, int id, struct error *err)
{
	switch (action) {
	case UI_ACT_EDIT:
		return edit_begin(app, id, err);
	case UI_ACT_REGEN:
		return again_regen(app, id, -1, err);
	case UI_ACT_CONTINUE:
		return again_continue(app, id, err);
	case UI_ACT_FORK:
		return branches_fork(app, id, "", err);
	case UI_ACT_BRANCH_PREV:
		return branches_step(app, id, -1, err);
	case UI_ACT_BRANCH_NEXT:
		return branches_step(app, id, 1, err);
	default:
		return 1;
	}
}

/* The keys of reading mode. */
static void
act_on_entry(struct app *app, const struct ui_event *e)
{
	int id = present_id(app, e->entry);
	struct error err;

	if (act_on_message(app, e->action, id ? id : app->chat->head, &err) < 0)
		present_error(app, &err);
	switch (e->action) {
	case UI_ACT_COPY:
		copy_entry(app, e->entry);
		break;
	case UI_ACT_COPY_CODE:
		copy_code_of(app, e->entry);
		break;
	case UI_ACT_ENLARGE:
		show_enlarged(app, e->entry, e->picture);
		break;
	case UI_ACT_VIEW:
		show_as_seen(app, e->entry, e->picture);
		break;
	case UI_ACT_BOXES:
		show_boxes(app, e->entry);
		break;
	default:
		break;
	}
}

static void
act(struct app *app, const struct ui_event *e)
{
	struct error err;

	switch (e->action) {
	case UI_ACT_NONE:
		break;
	case UI_ACT_INTERRUPT:
		actions_interrupt(app);
		break;
	case UI_ACT_QUIT:
		app->leave = CODE_OK;
		break;
	case UI_ACT_SUSPEND:
		ui_suspend(app->ui);
		break;
	case UI_ACT_SESSIONS:
		if (sessions_pick(app, &err) != 0)
			present_error(app, &err);
		break;
	case UI_ACT_HELP:
		command_help_page(app, e->entry != 0);
		break;
	case UI_ACT_UNSTAGE:
		staged_remove(app, app->staged.n - 1);
		break;
	case UI_ACT_RECALL:
		if (recall(app, &err) != 0)
			present_error(app, &err);
		break;
	case UI_ACT_CLIPBOARD:
		pasted_clipboard(app);
		break;
	case UI_ACT_EDITOR:
		editor_run(app);
		break;
	case UI_ACT_PICTURES:
		browse_begin(app);
		break;
	default:
		act_on_entry(app, e);
		break;
	}
}

void
actions_event(struct app *app, struct ui_event *e)
{
	switch (e->kind) {
	case UI_EVENT_LINE:
		enter(app, e->text, e->text_n);
		free(e->text);
		break;
	case UI_EVENT_ACTION:
		act(app, e);
		break;
	case UI_EVENT_PICK:
		take_pick(app, e->pick);
		break;
	case UI_EVENT_PREVIEW:
		browse_preview(app, e->pick);
		break;
	case UI_EVENT_KEY:              /* of replay only */
		break;
	case UI_EVENT_PICTURE:
		pasted_picture(app, e->text, e->text_n);
		break;
	case UI_EVENT_TYPED:
		meter_typed(app);
		break;
	case UI_EVENT_EOF:
		app->leave = app->options->piped ? CODE_SIGPIPE : CODE_SIGHUP;
		break;
	}
}
