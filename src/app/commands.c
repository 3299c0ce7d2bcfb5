/* commands.c: what each slash command does, in the order of the table in slash.c. Each is short: it reads its operands
 * and asks the part that knows. */
#include "config.h"

#include "commands.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "actions.h"
#include "again.h"
#include "internal.h"
#include "settings.h"
#include "slash.h"
#include "words.h"

#define SYSTEM_MAX_BYTES (1u << 20)

static int
check_idle(const struct app *app, struct error *err)
{
	if (!talk_is_busy(app))
		return 0;
	return error_set(err, CODE_INPUT, "an answer is running: Ctrl-C stops it");
}

static char *
first_word(const char *operands)
{
	return xstrndup(operands, strcspn(operands, " \t\n"));
}

/* ---- help */

void
command_help_page(struct app *app, bool reading)
{
	char *page = slash_help(app->keymap, reading);

	ui_page(app->ui, "Help", page);
	free(page);
}

int
command_help(struct app *app, const char *operands, struct error *err)
{
	const struct slash *s;
	char *word;

	if (!*operands) {
		command_help_page(app, false);
		return 0;
	}
	word = first_word(*operands == '/' ? operands + 1 : operands);
	s = slash_find(word, err);
	free(word);
	if (!s)
		return -1;
	word = app_slash_does(s);
	present_note(app, "/%s %s: %s", s->name, s->operands, word);
	free(word);
	return 0;
}

/* ---- pictures */

/* Whoever has no picture at hand begins with the samples. */
static int
choose_image(struct app *app, struct error *err)
{
	if (app->options->piped)
		return error_set(err, CODE_INPUT, "/image needs the path of a picture");
	if (app->staged.n == 0 && app->options->samples)
		browse_begin_in(app, app->options->samples);
	else
		browse_begin(app);
	return 0;
}

int
command_image(struct app *app, const char *operands, struct error *err)
{
	struct word word;
	int n = 0;

	if (!*operands)
		return choose_image(app, err);
	while (words_next(&operands, &word)) {
		n += staged_word(app, &word);
		word_done(&word);
	}
	if (n > 0)
		ui_flash(app->ui, n == 1 ? "picture added: it goes with the next message"
		                         : "pictures added: they go with the next message");
	return 0;
}

static void
list_said(const struct app *app, struct buf *out)
{
	int *ids, n = chat_branch(app->chat, app->chat->head, &ids), turn = 0;

	for (int i = 0; i < n; i++) {
		const struct message *m = chat_message(app->chat, ids[i]);

		turn += m->role == ROLE_USER;
		for (int k = 0; k < m->n_pics; k++) {
			char *label = present_label(&m->pics[k], m->pics[k].n);

			buf_printf(out, "%s  %s  sha %.6s  turn %d\n", label, m->pics[k].type ? m->pics[k].type : "",
			    m->pics[k].sha, turn);
			free(label);
		}
	}
	free(ids);
}

int
command_images(struct app *app, const char *operands, struct error *err)
{
	struct buf out = {0};

	(void)operands;
	(void)err;
	list_said(app, &out);
	for (int i = 0; i < app->staged.n; i++) {
		const struct pic *pic = &app->staged.at[i].pic;
		char *label = present_label(pic, staged_number(app, i));

		buf_printf(&out, "%s  %s  sha %.6s  not sent yet\n", label, pic->type, pic->sha);
		free(label);
	}
	if (out.n > 0)
		buf_cut(&out, out.n - 1);
	present_note(app, "%s", out.n ? buf_text(&out) : "There are no pictures; /image FILE adds one.");
	buf_done(&out);
	return 0;
}

static int
staged_index(const struct app *app, const char *number)
{
	int n = atoi(*number == '#' ? number + 1 : number);

	for (int i = 0; i < app->staged.n; i++)
		if (staged_number(app, i) == n)
			return i;
	return -1;
}

int
command_detach(struct app *app, const char *operands, struct error *err)
{
	if (strcmp(operands, "all") == 0) {
		while (staged_remove(app, app->staged.n - 1) == 0)
			;
		return 0;
	}
	if (staged_remove(app, staged_index(app, operands)) == 0)
		return 0;
	error_set(err, CODE_INPUT, "no picture \"%s\" waits to be sent", operands);
	return error_hint(err, "/detach N with a number from the line above the input, or /detach all");
}

/* ---- system message, settings */

static int
read_system(const char *path, struct buf *out, struct error *err)
{
	char *file = file_expand_home(path);
	int rc = file_read(file, SYSTEM_MAX_BYTES, out, CODE_INPUT, err);

	free(file);
	while (rc == 0 && out->n > 0 && out->at[out->n - 1] == '\n')
		buf_cut(out, out->n - 1);
	return rc;
}

static void
show_system(struct app *app)
{
	const char *system = chat_system(app->chat, app->chat->head);

	if (!system)
		present_note(app, "System message, the model's own: %s", app->card ? card_info(app->card)->system_message : "");
	else
		present_note(app, "System message: %s", *system ? system : "none");
}

static void
change_system(struct app *app, const char *text)
{
	chat_set_system(app->chat, text);
	present_rule(app, text);
	if (!app->talk.running)
		keep_settings(app);
	meter_touch(app);
}

int
command_system(struct app *app, const char *operands, struct error *err)
{
	struct buf file = {0};

	if (*operands && sessions_check_writable(app, err) != 0)
		return -1;
	if (!*operands)
		show_system(app);
	else if (strcmp(operands, "default") == 0)
		change_system(app, NULL);
	else if (strcmp(operands, "none") == 0)
		change_system(app, "");
	else if (*operands != '@')
		change_system(app, operands);
	else if (read_system(operands + 1, &file, err) != 0)
		return -1;
	else
		change_system(app, buf_text(&file));
	buf_done(&file);
	return 0;
}

int
command_set(struct app *app, const char *operands, struct error *err)
{
	char *key = first_word(operands), *text;
	const char *value = operands + strlen(key);
	int rc = 0;

	value += strspn(value, " \t\n=");
	if (*value)
		rc = settings_set(app, key, value, err);
	text = rc == 0 ? settings_show(app, key, err) : NULL;
	if (text)
		present_note(app, "%s", text);
	free(key);
	free(text);
	return text ? 0 : -1;
}

static void
list_presets(struct app *app)
{
	const struct conf *conf = app->options->conf;
	struct buf out = {0};

	for (int i = 0; conf_preset_name(conf, i); i++) {
		char *text = conf_preset_text(conf, i);

		buf_printf(&out, "[preset %s]\n%s", conf_preset_name(conf, i), text);
		free(text);
	}
	present_note(app, "%s", out.n ? buf_text(&out) : "There are no presets; a section [preset NAME] in the config file is one.");
	buf_done(&out);
}

int
command_preset(struct app *app, const char *operands, struct error *err)
{
	const struct conf *conf = app->options->conf;
	const char *key, *value;
	int i;

	if (!*operands) {
		list_presets(app);
		return 0;
	}
	i = conf_preset_find(conf, operands, err);
	for (int k = 0; i >= 0 && conf_preset_entry(conf, i, k, &key, &value); k++) {
		bool is_system = strcmp(key, "system") == 0;

		if ((is_system ? command_system(app, value, err) : settings_set(app, key, value, err)) != 0)
			return -1;
		if (!is_system)
			present_note(app, "%s = %s", key, value);
	}
	return i < 0 ? -1 : 0;
}

/* ---- conversations */

int
command_new(struct app *app, const char *operands, struct error *err)
{
	if (sessions_check(app, err) != 0)
		return -1;
	talk_recall(app);
	sessions_new(app, operands);
	staged_renumber(app, 0);
	sessions_show(app);
	return 0;
}

int
command_sessions(struct app *app, const char *operands, struct error *err)
{
	return *operands ? sessions_switch(app, operands, err) : sessions_pick(app, err);
}

int
command_rename(struct app *app, const char *operands, struct error *err)
{
	if (!*operands)
		return error_set(err, CODE_INPUT, "/rename needs a name");
	if (sessions_check_writable(app, err) != 0)
		return -1;
	chat_set_name(app->chat, operands);
	app->keep.named = false;
	keep_settings(app);
	meter_show(app);
	return 0;
}

/* ---- turns */

int
command_undo(struct app *app, const char *operands, struct error *err)
{
	int up = chat_parent_turn(app->chat);
	const struct message *m = chat_message(app->chat, app->chat->head);

	(void)operands;
	if (check_idle(app, err) != 0 || sessions_check_writable(app, err) != 0)
		return -1;
	if (up < 0)
		return error_set(err, CODE_INPUT, "there is no turn to take back");
	while (m->role != ROLE_USER)
		m = chat_message(app->chat, m->up);
	present_cut(app, m->id);
	chat_set_head(app->chat, up);
	keep_head(app);
	staged_again(app, m);
	actions_give_back_message(app, m->text);
	app->talk.answer = 0;
	meter_show(app);
	return 0;
}

int
command_regen(struct app *app, const char *operands, struct error *err)
{
	char *end;
	float temp = -1;

	if (check_idle(app, err) != 0)
		return -1;
	if (*operands) {
		temp = strtof(operands, &end);
		if (*end || !(temp >= 0 && temp <= 100))
			return error_set(err, CODE_INPUT, "/regen: \"%s\" is not a temperature from 0 to 100", operands);
	}
	return again_regen(app, app->chat->head, temp, err);
}

/* ---- what there is */

int
command_find(struct app *app, const char *operands, struct error *err)
{
	if (!*operands)
		return error_set(err, CODE_INPUT, "/find needs the text to find; Ctrl-S finds while you type");
	if (ui_find(app->ui, operands) == 0)
		return error_set(err, CODE_INPUT, "\"%s\" does not stand in this conversation", operands);
	return 0;
}

static char *
session_file(const struct app *app)
{
	char *path = NULL;

	if (app->private)
		return xstrdup("none: this is a private session");
	if (!app->chat->id[0])
		return xstrdup("none yet: it is made with the first message");
	if (store_path(app->store, app->chat->id, &path, NULL) != 0)
		return xstrdup("unknown");
	return path;
}

int
command_info(struct app *app, const char *operands, struct error *err)
{
	const struct card_info *card = app->card ? card_info(app->card) : NULL;
	const struct message *m = chat_message(app->chat, app->talk.answer);
	char *file = session_file(app);
	struct buf out = {0};

	(void)operands;
	(void)err;
	buf_printf(&out, "model    %s", card ? card->dir : "none");
	if (card)
		buf_printf(&out, ", %.1f M parameters", (double)card->n_params / 1e6);
	buf_printf(&out, "\ndevice   %s", app->device ? app->device : "not loaded");
	if (card && app->meter.n_base >= 0)
		buf_printf(&out, "\ncontext  %d of %d tokens for the next message", app->meter.n_base, talk_n_ctx(app));
	if (m && m->n_prompt > 0)
		buf_printf(&out, "\nreused   %d of the last prompt's %d tokens", m->n_reused, m->n_prompt);
	buf_printf(&out, "\nsession  %s", file);
	present_note(app, "%s", buf_text(&out));
	buf_done(&out);
	free(file);
	return 0;
}

static int
save_in(struct app *app, const char *folder, struct error *err)
{
	if (check_idle(app, err) != 0)
		return -1;
	if (app->private || !app->keep.session)
		return error_set(err, CODE_INPUT, "this conversation is not kept: /fork makes a session of one that is only read");
	if (app->chat->head == 0)
		return error_set(err, CODE_INPUT, "there is nothing to save yet");
	return keep_move(app, folder, err);
}

int
command_save(struct app *app, const char *operands, struct error *err)
{
	char *file;

	if (*operands && save_in(app, operands, err) != 0)
		return -1;
	file = session_file(app);
	if (keep_n_waiting(app) > 0)
		present_note(app, "%d records could not be written yet to %s", keep_n_waiting(app), file);
	else if (app->chat->id[0])
		present_note(app, "Everything said is saved in %s", file);
	else
		present_note(app, "Session file: %s", file);
	free(file);
	return 0;
}

int
command_raw(struct app *app, const char *operands, struct error *err)
{
	(void)operands;
	(void)err;
	app->raw = !app->raw;
	ui_set_raw(app->ui, app->raw);
	return 0;
}

int
command_redraw(struct app *app, const char *operands, struct error *err)
{
	(void)operands;
	(void)err;
	ui_redraw(app->ui);
	return 0;
}

int
command_quit(struct app *app, const char *operands, struct error *err)
{
	(void)operands;
	(void)err;
	app->leave = CODE_OK;
	return 0;
}
