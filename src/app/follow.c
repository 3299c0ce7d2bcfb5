/* follow.c: see follow.h. The file is looked at a few times a second: a way to be told of changes that works on network
 * file systems too does not exist. What is on the screen already is not painted anew unless it changed. */
#include "config.h"

#include "follow.h"

#include <stdlib.h>

#include "actions.h"
#include "base/clock.h"
#include "internal.h"

#define LOOK_EVERY_MS 250

/* ---- what came */

static int
n_changes(const struct chat *c)
{
	return c->n_systems + c->n_drops + c->n_notes;
}

static void
remember(struct app *app)
{
	struct follow *f = &app->follow;
	const struct message *m = chat_message(app->chat, app->chat->head);

	f->last = m ? m->id : 0;
	f->last_n = m ? m->text_n : 0;
	f->n_changes = n_changes(app->chat);
}

/* How many messages of the branch stand on the screen, in order, or -1: other ones do. */
static int
n_shown(const struct app *app, const int *ids, int n)
{
	int at = 0;

	for (int i = 0; i < app->present.n; i++) {
		if (app->present.shown[i].id == 0)
			continue;
		if (at == n || app->present.shown[i].id != ids[at])
			return -1;
		at++;
	}
	return at;
}

/* Line by line an answer is said when it is whole. */
static bool
is_to_come(const struct app *app, const struct message *m)
{
	return app->options->plain && m->role == ROLE_ANSWER && m->stop == STOP_NONE;
}

static void
show_pictures(struct app *app, const struct message *m)
{
	struct error err;

	for (int i = 0; i < m->n_pics; i++)
		if (!gallery_get(app, &m->pics[i], &err))
			present_error(app, &err);
}

static void
show_message(struct app *app, const struct message *m)
{
	int entry;

	if (is_to_come(app, m))
		return;
	show_pictures(app, m);
	entry = m->role == ROLE_USER ? present_user(app, m->id, m->pics, m->n_pics, m->text, m->text_n, NULL)
	                             : present_answer(app, m);
	present_mark(app, entry, m);
}

/* The message that stood last may have grown, or ended. */
static void
grow(struct app *app, const struct message *m)
{
	int entry = present_entry(app, m->id);

	if (m->stop == STOP_NONE && m->text_n >= app->follow.last_n)
		ui_append(app->ui, entry, m->text + app->follow.last_n, m->text_n - app->follow.last_n);
	else
		ui_set_text(app->ui, entry, m->text, m->text_n);
	present_mark(app, entry, m);
}

static void
show_changes(struct app *app)
{
	int *ids, n = chat_branch(app->chat, app->chat->head, &ids), shown = n_shown(app, ids, n);

	if (shown < 0 || n_changes(app->chat) != app->follow.n_changes) {
		talk_repaint(app);
	} else {
		if (shown > 0 && ids[shown - 1] == app->follow.last)
			grow(app, chat_message(app->chat, app->follow.last));
		for (int i = shown; i < n; i++)
			show_message(app, chat_message(app->chat, ids[i]));
	}
	free(ids);
	remember(app);
	ui_set_busy(app->ui, false);
	meter_touch(app);
	meter_show(app);
}

static void
watch_writer(struct app *app)
{
	struct follow *f = &app->follow;
	bool free = follower_writer(f->reader) == WRITER_NONE;

	if (free && !f->free && f->why.code == CODE_STORE)
		present_note(app, "The other terminal has let this session go: the next message goes on with it here.");
	f->free = free;
}

int
follow_timeout(const struct app *app)
{
	int64_t left = app->follow.due - clock_ms();

	if (!app->follow.reader)
		return -1;
	return left > 0 ? (int)left : 0;
}

void
follow_tick(struct app *app)
{
	if (follow_timeout(app) != 0)
		return;
	app->follow.due = clock_ms() + LOOK_EVERY_MS;
	if (follower_step(app->follow.reader))
		show_changes(app);
	watch_writer(app);
}

/* ---- taking over */

int
follow_take_over(struct app *app, struct error *err)
{
	struct follow *f = &app->follow;
	struct session *session;

	if (follower_step(f->reader))
		show_changes(app);
	session = session_resume(app->store, app->chat, err);
	if (!session)
		return error_hint(err, "/fork goes on in a session of its own");
	follow_end(f);
	app->keep.session = session;
	app->keep.n_systems = app->chat->n_systems;
	app->keep.n_notes = app->chat->n_notes;
	app->keep.named = app->chat->name != NULL;
	return 0;
}

static void
picked(struct app *app, int i)
{
	struct error err;

	if (i != 1)
		return;
	if (store_break_lock(app->store, app->chat->id, &err) != 0 || follow_take_over(app, &err) != 0)
		present_error(app, &err);
	else
		ui_flash(app->ui, "this session is written here now");
}

void
follow_show(struct app *app)
{
	static const char *const choices[] = {
		"It may be alive: only read along; /fork goes on in a session of its own",
		"It is gone: take the session over",
	};
	struct follow *f = &app->follow;

	if (!f->reader)
		return;
	f->free = follower_writer(f->reader) == WRITER_NONE;
	remember(app);
	present_note(app, "%s.\nIt is shown here as it grows; /fork goes on in a session of its own.", f->why.what);
	if (follower_writer(f->reader) == WRITER_ELSEWHERE && !app->options->piped)
		actions_pick(app, f->why.what, choices, 2, 0, picked);
}

void
follow_end(struct follow *f)
{
	follower_close(f->reader);
	*f = (struct follow){0};
}
