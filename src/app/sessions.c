/* sessions.c: which conversation is open: a new one, one from the store, one chosen from the list. Opening reads and
 * locks the new one before it lets the old one go, so that a failure changes nothing. */
#include "config.h"

#include "sessions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "actions.h"
#include "internal.h"
#include "snapshot.h"
#include "words.h"

/* Takes chat and session over. */
static void
replace(struct app *app, struct chat *chat, struct session *session)
{
	if (app->chat) {
		snapshot_leave(app);
		keep_close(app);
	}
	follow_end(&app->follow);
	chat_free(app->chat);
	app->chat = chat;
	app->keep.session = session;
	app->edit.id = 0;
	app->talk.answer = 0;
	app->talk.told_pictures = chat->n_pics > 1;
	app->read_only = false;
	app->n_bad_lines = 0;
}

void
sessions_new(struct app *app, const char *name)
{
	struct chat *chat = chat_new();

	if (name && *name)
		chat_set_name(chat, name);
	if (app->options->system)
		chat_set_system(chat, app->options->system);
	replace(app, chat, app->options->no_save ? NULL : session_new(app->store, chat));
	app->private = app->options->no_save;
}

void
sessions_private(struct app *app)
{
	struct chat *chat = chat_new();

	if (app->options->system)
		chat_set_system(chat, app->options->system);
	replace(app, chat, NULL);
	app->private = true;
}

void
sessions_next(struct app *app)
{
	const char *system = chat_system(app->chat, app->chat->head);
	struct chat *chat = chat_new();

	if (system)
		chat_set_system(chat, system);
	replace(app, chat, app->private ? NULL : session_new(app->store, chat));
}

/* An answer that a kill cut off was never ended; in the new session it is. */
static void
end_answers(struct chat *chat)
{
	for (int i = 0; i < chat->n_messages; i++)
		if (chat->messages[i].role == ROLE_ANSWER && chat->messages[i].stop == STOP_NONE)
			chat->messages[i].stop = STOP_HANGUP;
}

void
sessions_fork(struct app *app, int leaf, const char *name)
{
	struct chat *chat = chat_fork(app->chat, leaf);

	end_answers(chat);
	if (*name)
		chat_set_name(chat, name);
	replace(app, chat, app->private ? NULL : session_new(app->store, chat));
	keep_all(app);
}

/* What cannot be written is read along. */
static int
follow(struct app *app, const char *id, const struct error *why, struct error *err)
{
	struct follower *reader = store_follow(app->store, id, err);

	if (!reader)
		return -1;
	replace(app, follower_chat(reader), NULL);
	app->follow.reader = reader;
	app->follow.why = *why;
	app->private = false;
	return 0;
}

int
sessions_open(struct app *app, const char *which, struct error *err)
{
	struct session *session = NULL;
	struct error why;
	struct chat *chat;
	bool read_only = false;
	int n_bad = 0;
	char id[32];

	if (store_find(app->store, which, id, err) != 0)
		return -1;
	if (app->chat && strcmp(app->chat->id, id) == 0)
		return 0;
	chat = store_read(app->store, id, &n_bad, &read_only, err);
	if (!chat)
		return -1;
	if (!read_only && !app->options->no_save && !(session = session_resume(app->store, chat, &why))) {
		chat_free(chat);
		return follow(app, id, &why, err);
	}
	replace(app, chat, session);
	app->read_only = read_only;
	app->n_bad_lines = n_bad;
	app->keep.n_systems = chat->n_systems;
	app->keep.n_notes = chat->n_notes;
	app->keep.named = chat->name != NULL;
	app->private = app->options->no_save;
	log_debug("session %s opened: %d messages, %d lines left out", id, chat->n_messages, n_bad);
	if (session)
		keep_last(app);
	snapshot_restore(app);
	return 0;
}

int
sessions_check_writable(struct app *app, struct error *err)
{
	if (app->follow.reader)
		return follow_take_over(app, err);
	if (!app->read_only)
		return 0;
	error_set(err, CODE_STORE, "this session was written by a newer ivchat and is only shown");
	return error_hint(err, "/fork goes on in a session of its own, /new begins another one");
}

int
sessions_check(struct app *app, struct error *err)
{
	if (talk_is_busy(app))
		return error_set(err, CODE_INPUT, "an answer is running: Ctrl-C stops it");
	return keep_flush(app, err);
}

void
sessions_show(struct app *app)
{
	present_chat(app);
	if (app->read_only)
		present_note(app, "This session was written by a newer ivchat: it is shown, and cannot be gone on with.");
	follow_show(app);
	if (app->n_bad_lines > 0)
		present_note(app, "%d line%s of the session file could not be read and %s left out.", app->n_bad_lines,
		    app->n_bad_lines == 1 ? "" : "s", app->n_bad_lines == 1 ? "is" : "are");
	meter_touch(app);
	meter_show(app);
}

const char *
sessions_tail(const struct chat *chat)
{
	const char *dash = strrchr(chat->id, '-');

	return dash ? dash + 1 : chat->id;
}

/* ---- the picker */

static void
forget(struct picks *p)
{
	session_list_free(p->list, p->n);
	*p = (struct picks){0};
}

/* The title, and in columns at the right what else tells sessions apart. */
static char *
describe(const struct session_info *s)
{
	const char *dash = strrchr(s->id, '-');
	char pictures[24] = "", used[24], *title, *line;
	struct buf safe = {0};

	if (s->n_pics > 0)
		snprintf(pictures, sizeof pictures, "%d pic%s", s->n_pics, s->n_pics == 1 ? " " : "s");
	clock_local(s->used, used);
	text_visible_line(&safe, s->title, strlen(s->title));
	title = buf_take(&safe);
	line = xasprintf("%s\t%8s  %3d turn%s  %16s  %s", title, pictures, s->n_turns, s->n_turns == 1 ? " " : "s", used,
	    dash ? dash + 1 : s->id);
	free(title);
	return line;
}

int
sessions_pick(struct app *app, struct error *err)
{
	struct picks *p = &app->picks;
	char **items;
	int selected = 0;

	actions_leave_pick(app);
	forget(p);
	if (store_list(app->store, &p->list, &p->n, err) != 0)
		return -1;
	if (p->n == 0)
		return error_set(err, CODE_INPUT, "there are no stored sessions yet");
	items = xcalloc((size_t)p->n + 1, sizeof *items);
	for (int i = 0; i < p->n; i++) {
		items[i] = describe(&p->list[i]);
		if (strcmp(p->list[i].id, app->chat->id) == 0)
			selected = i;
	}
	actions_pick(app, "Sessions", (const char *const *)items, p->n, selected, sessions_picked);
	words_free(items);
	return 0;
}

int
sessions_switch(struct app *app, const char *id, struct error *err)
{
	if (sessions_check(app, err) != 0)
		return -1;
	talk_recall(app);
	if (sessions_open(app, id, err) != 0)
		return -1;
	staged_renumber(app, 0);
	sessions_show(app);
	return 0;
}

void
sessions_picked(struct app *app, int i)
{
	struct error err;

	if (i >= 0 && i < app->picks.n && sessions_switch(app, app->picks.list[i].id, &err) != 0)
		present_error(app, &err);
	forget(&app->picks);
}
