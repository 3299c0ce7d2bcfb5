/* edit.c: a message of before in the input. Nothing is overwritten: a question that is sent anew begins a branch beside
 * the old one, an answer that is changed stands beside what the model said, marked as a person's words. */
#include "config.h"

#include "edit.h"

#include "actions.h"
#include "base/text.h"
#include "internal.h"

static int
check(struct app *app, const struct message *m, struct error *err)
{
	if (!m)
		return error_set(err, CODE_INPUT, "there is no message to edit");
	if (sessions_check_writable(app, err) != 0)
		return -1;
	if (app->talk.running && app->talk.answer == m->id)
		return error_set(err, CODE_INPUT, "this answer is running: Ctrl-C stops it");
	return 0;
}

int
edit_begin(struct app *app, int id, struct error *err)
{
	const struct message *m = chat_message(app->chat, id);

	if (check(app, m, err) != 0)
		return -1;
	edit_cancel(app);
	app->edit.id = id;
	if (m->role == ROLE_USER)
		staged_again(app, m);
	actions_give_back_message(app, m->text);
	ui_flash(app->ui, "Enter makes a new branch of it, Ctrl-C on an empty line leaves it as it was");
	meter_touch(app);
	meter_show(app);
	return 0;
}

int
edit_question(const struct app *app)
{
	const struct message *m = chat_message(app->chat, app->edit.id);

	return m && m->role == ROLE_USER ? m->id : 0;
}

int
edit_end(struct app *app)
{
	int question = edit_question(app);

	app->edit.id = 0;
	return question;
}

void
edit_take_back(struct app *app, int question)
{
	app->edit.id = question;
	meter_show(app);
}

/* Only pictures that came back with the message have no bytes of their own. */
static void
unstage_old(struct app *app)
{
	for (int i = app->staged.n; i-- > 0;)
		if (app->staged.at[i].file.bytes.n == 0)
			staged_remove(app, i);
}

bool
edit_cancel(struct app *app)
{
	if (!app->edit.id)
		return false;
	if (edit_question(app))
		unstage_old(app);
	app->edit.id = 0;
	meter_touch(app);
	meter_show(app);
	return true;
}

/* ---- an answer */

/* Below the same question as `old`. */
static const struct message *
add_edited(struct app *app, int old, const char *text, size_t n)
{
	struct message *m;

	chat_set_head(app->chat, chat_message(app->chat, old)->up);
	m = chat_add_answer(app->chat);
	message_set_text(m, text, n);
	m->edited = true;
	m->stop = STOP_USER;
	m->sampling = app->sampling;
	m->max_tokens = app->max_tokens;
	return m;
}

static void
show_edited(struct app *app, int old, const struct message *m)
{
	if (!present_entry(app, old)) {
		talk_repaint(app);
		return;
	}
	present_cut(app, old);
	present_mark(app, present_answer(app, m), m);
}

static int
put_answer(struct app *app, const char *text, size_t n, struct error *err)
{
	const struct message *m;
	int old = app->edit.id;

	if (talk_is_busy(app))
		return error_set(err, CODE_INPUT, "an answer is running: Ctrl-C stops it");
	text_strip(&text, &n);
	if (n == 0)
		return error_set(err, CODE_INPUT, "an answer cannot be empty");
	m = add_edited(app, old, text, n);
	app->edit.id = 0;
	keep_answer(app, m);
	show_edited(app, old, m);
	ui_flash(app->ui, "/continue goes on from its end");
	meter_touch(app);
	meter_show(app);
	return 0;
}

bool
edit_enter(struct app *app, const char *text, size_t n)
{
	struct error err;

	if (!app->edit.id || edit_question(app))
		return false;
	if (put_answer(app, text, n, &err) != 0) {
		present_error(app, &err);
		actions_give_back_message(app, text);
	}
	return true;
}
