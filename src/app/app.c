/* app.c: see app.h. The loop and the order of starting and leaving. Starting: what is on disk, the screen, and only then
 * the model, so that the first frame waits for nothing. Leaving: stop, the last text, the store, the screen, the worker:
 * what was said is safe before anything that can take long. */
#include "config.h"

#include "app.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "actions.h"
#include "complete.h"
#include "internal.h"
#include "snapshot.h"
#include "pasted.h"
#include "plain.h"
#include "trap.h"

#define DEFAULT_MAX_TOKENS 512
#define LAST_EVENTS_MS 500      /* how long leaving waits for an answer to stop */

/* ---- starting */

static void
open_log(const struct app_options *options)
{
	if (!options->no_save && file_make_dirs(options->paths->state, 0700, NULL) == 0)
		conf_open_log(options->conf, options->paths, options->verbose);
}

static enum ui_images
image_mode(const char *name)
{
	const char *env = getenv("IVCHAT_IMAGES");

	if ((!name || strcmp(name, "auto") == 0) && env && *env)
		name = env;
	if (name && strcmp(name, "sixel") == 0)
		return UI_IMAGES_SIXEL;
	if (name && strcmp(name, "blocks") == 0)
		return UI_IMAGES_BLOCKS;
	if (name && strcmp(name, "none") == 0)
		return UI_IMAGES_NONE;
	return UI_IMAGES_AUTO;
}

static enum ui_theme
theme(const char *name)
{
	if (name && strcmp(name, "dark") == 0)
		return UI_THEME_DARK;
	if (name && strcmp(name, "light") == 0)
		return UI_THEME_LIGHT;
	if (name && strcmp(name, "mono") == 0)
		return UI_THEME_MONO;
	return UI_THEME_AUTO;
}

struct ui *
app_open_screen(struct app *app, struct error *err)
{
	const char *no_color = getenv("NO_COLOR");
	struct ui_options o = {
		.images = image_mode(app->options->image_mode),
		.theme = theme(app->options->theme),
		.ascii = app->options->ascii,
		.no_color = no_color && *no_color,
		.plain = app->options->plain,
		.vi_mode = strcmp(app->options->conf->input_mode, "vi") == 0,
		.mouse = app->options->conf->mouse,
		.source = app->raw,
		.math_source = !app->options->conf->math,
		.title = app->options->conf->title,
		.paste_fold = app->options->conf->paste_fold,
		.image_width = app->options->conf->image_width,
		.image_max_kib = app->options->conf->image_max_kib,
		.complete = complete_word,
		.keymap = app->keymap,
		.colors = app->colors,
		.complete_arg = app,
		.paste = pasted_take,
		.paste_arg = app,
	};
	char **history = NULL;
	struct ui *ui;
	int n = 0;

	if (store_history_read(app->store, &history, &n, NULL) == 0) {
		o.history = (const char *const *)history;
		o.n_history = n;
	}
	ui = ui_open(&o, err);
	for (int i = 0; i < n; i++)
		free(history[i]);
	free(history);
	return ui;
}

static int
open_conversation(struct app *app, struct error *err)
{
	app->store = store_open(app->options->paths, err);
	if (!app->store)
		return -1;
	if (!app->options->resume) {
		sessions_new(app, app->options->name);
		return 0;
	}
	if (sessions_open(app, app->options->resume, err) != 0)
		return -1;
	if (app->options->system && !app->options->system_is_usual && !app->read_only && !app->follow.reader)
		chat_set_system(app->chat, app->options->system);
	return 0;
}

static void
tell_nobody(void *arg, const char *line)
{
	(void)arg;
	(void)line;
}

static struct app *
new_app(const struct app_options *options)
{
	struct app *app = xcalloc(1, sizeof *app);

	app->options = options;
	app->sampling = options->sampling;
	app->seed_set = options->seed_set;
	app->max_tokens = options->max_tokens > 0 ? options->max_tokens : DEFAULT_MAX_TOKENS;
	app->meter.n_base = -1;
	app->engine = ENGINE_LOADING;
	app->colors = app_colors(options->conf, tell_nobody, NULL);
	app->keymap = app_keymap(options->conf, tell_nobody, NULL);      /* show_warnings does, on the screen */
	app->raw = !options->conf->markdown;
	app->leave = -1;
	app->room.overflow = (enum overflow)room_overflow_from(options->conf->overflow);
	if (options->piped && app->room.overflow == OVERFLOW_ASK)
		app->room.overflow = OVERFLOW_STOP;     /* there is nobody to ask */
	return app;
}

static void
show_warning(void *arg, const char *line)
{
	present_note(arg, "%s", line);
}

static void
show_warnings(struct app *app)
{
	ui_keymap_free(app_keymap(app->options->conf, show_warning, app));
	ui_colors_free(app_colors(app->options->conf, show_warning, app));
	for (int i = 0; i < app->options->conf->n_warnings; i++)
		present_note(app, "%s", app->options->conf->warnings[i]);
}

/* The frame with the conversation in it, not only the empty one of ui_open. Line by line, what was said once is not said
 * anew when the model's name is known. */
static void
draw_first(struct app *app)
{
	int ms = ui_timeout(app->ui);

	if (app->options->plain)
		return;
	if (ms > 0)
		poll(NULL, 0, ms);
	ui_draw(app->ui);
}

/* The screen first, with all that is known without the model. */
static int
start(struct app *app, struct error *err)
{
	if (open_conversation(app, err) != 0)
		return -1;
	app->ui = app_open_screen(app, err);
	if (!app->ui)
		return -1;
	sessions_show(app);
	show_warnings(app);
	draw_first(app);
	load_start(app);
	plain_chat(app);
	return 0;
}

/* ---- the loop */

static void
take_signals(struct app *app)
{
	for (int sig; (sig = trap_next()) != 0;)
		switch (sig) {
		case SIGWINCH:
			ui_resize(app->ui);
			break;
		case SIGCONT:
			ui_redraw(app->ui);
			break;
		case SIGTSTP:
			ui_suspend(app->ui);
			break;
		case SIGINT:
			if (app->options->piped)
				app->leave = CODE_SIGINT;
			else
				actions_interrupt(app);
			break;
		default:
			app->leave = 128 + sig;
		}
}

static void
take_keys(struct app *app)
{
	struct ui_event e;

	ui_read(app->ui);
	while (app->leave < 0 && ui_next(app->ui, &e))
		actions_event(app, &e);
}

static void
take_events(struct app *app)
{
	struct event *next;

	for (struct event *e = link_take(app->link); e; e = next) {
		next = e->next;
		if (e->ticket == 0)
			load_event(app, e);
		else if (!verify_event(app, e))
			talk_event(app, e);
		event_free(e);
	}
}

static void
open_next_image(struct app *app)
{
	const char *path = app->options->images[app->n_images_opened++];
	struct error err;

	if (staged_open(app, path, &err) != 0)
		present_error(app, &err);
}

/* Work that waits for no one, a piece at a time between keys: false when there is none. */
static bool
work(struct app *app)
{
	if (present_step(app))
		return true;
	if (app->n_images_opened < app->options->n_images) {
		open_next_image(app);
		return true;
	}
	if (staged_prepare(app) || browse_step(app))
		return true;
	if (app->options->say && !app->said) {
		app->said = true;
		talk_send(app, app->options->say, strlen(app->options->say));
		return true;
	}
	if (app->options->draft && !app->said) {
		app->said = true;
		if (!ui_input(app->ui)[0])
			ui_set_input(app->ui, app->options->draft);
		return true;
	}
	return false;
}

static int
sooner(int a, int b)
{
	if (a < 0 || b < 0)
		return a < 0 ? b : a;
	return a < b ? a : b;
}

static int
timeout(const struct app *app, bool busy)
{
	return busy ? 0 : sooner(ui_timeout(app->ui), sooner(keep_timeout(app), sooner(meter_timeout(app), follow_timeout(app))));
}

/* Lets a running answer stop, so that its last text and times are kept. */
static void
stop_answer(struct app *app)
{
	int64_t until = clock_ms() + LAST_EVENTS_MS;
	int left;

	talk_stop(app);
	while (app->talk.running && (left = (int)(until - clock_ms())) > 0) {
		struct pollfd fd = { .fd = link_fd(app->link), .events = POLLIN };

		if (poll(&fd, 1, left) > 0)
			take_events(app);
	}
	if (app->talk.running)
		talk_end(app, STOP_USER);
}

/* A person who leaves by a key can still be asked something; what else ends the program is not waited for. */
static bool
is_over(struct app *app)
{
	if (app->leave != CODE_OK)
		return app->leave >= 0;
	stop_answer(app);
	if (!rescue_may_leave(app))
		app->leave = -1;
	return app->leave >= 0;
}

static void
loop(struct app *app, int signal_fd)
{
	bool busy = true;

	while (!is_over(app)) {
		struct pollfd fds[] = {
			{ .fd = ui_fd(app->ui), .events = POLLIN },
			{ .fd = signal_fd, .events = POLLIN },
			{ .fd = app->link ? link_fd(app->link) : -1, .events = POLLIN },
		};
		int n = poll(fds, 3, timeout(app, busy));

		if (fds[1].revents || n < 0)
			take_signals(app);
		if (app->leave < 0)
			take_keys(app);         /* also without new bytes: a lone Esc is a key when nothing follows it */
		if (n > 0 && fds[2].revents && app->leave < 0)
			take_events(app);
		keep_tick(app);
		follow_tick(app);
		meter_tick(app);
		busy = app->leave < 0 && work(app);
		plain_tick(app);
		if (app->leave < 0)
			ui_draw(app->ui);
	}
}

/* ---- leaving */

/* A terminal that is closed may hang up twice: only what asks for the end by itself cuts the grace short. */
static bool
is_ended(struct app *app)
{
	for (int sig; (sig = trap_next()) != 0;)
		if (sig == SIGTERM || sig == SIGINT) {
			app->leave = 128 + sig;
			return true;
		}
	return false;
}

/* After a hangup, without the terminal: what runs, and what waits for it, is answered for as long as the person allows. */
static void
finish_answer(struct app *app, int signal_fd)
{
	int64_t until = clock_ms() + 1000LL * app->options->conf->hangup_grace;
	int left;

	ui_let_go(app->ui);
	while (app->talk.running && !is_ended(app) && (left = (int)(until - clock_ms())) > 0) {
		struct pollfd fds[] = {
			{ .fd = link_fd(app->link), .events = POLLIN },
			{ .fd = signal_fd, .events = POLLIN },
		};

		poll(fds, 2, sooner(left, keep_timeout(app)));
		take_events(app);
		keep_tick(app);
	}
}

static void
end_answer(struct app *app, int signal_fd)
{
	if (app->talk.running && app->leave == CODE_SIGHUP)
		finish_answer(app, signal_fd);
	if (!app->talk.running)
		return;
	if (app->leave == CODE_OK || app->leave == CODE_SIGINT) {
		stop_answer(app);
	} else {
		talk_end(app, STOP_HANGUP);
		link_stop(app->link);
	}
}

static void
print_message(const struct message *m, struct buf *out)
{
	buf_str(out, m->role == ROLE_USER ? "User\n" : "Assistant\n");
	for (int i = 0; i < m->n_pics; i++) {
		char *label = present_label(&m->pics[i], m->pics[i].n);

		buf_printf(out, "[%s]\n", label);
		free(label);
	}
	text_visible(out, m->text, m->text_n);
	buf_str(out, "\n\n");
}

/* The first message of a branch that is to be printed; n: none. Line by line all of them were. */
static int
first_printed(const struct app *app, const int *ids, int n)
{
	const char *what = app->options->conf->exit_print;

	if (app->options->plain)
		return n;
	if (strcmp(what, "all") == 0)
		return 0;
	while (n > 0 && chat_message(app->chat, ids[--n])->role != ROLE_USER)
		;
	return n;
}

/* The last turn on the normal screen, where the scrollback keeps it, and how to go on. */
static void
print_last_turn(const struct app *app)
{
	int *ids, n = chat_branch(app->chat, app->chat->head, &ids), from = first_printed(app, ids, n);
	struct buf out = {0};

	for (int i = from; i < n; i++)
		print_message(chat_message(app->chat, ids[i]), &out);
	if (n > 0 && app->chat->id[0] && app->folder)
		buf_printf(&out, "ivchat --set 'store.dir=%s' -s %s\n", app->folder, sessions_tail(app->chat));
	else if (n > 0 && app->chat->id[0])
		buf_printf(&out, "ivchat -s %s\n", sessions_tail(app->chat));
	fwrite(buf_text(&out), 1, out.n, stdout);
	fflush(stdout);
	buf_done(&out);
	free(ids);
}

static int
leave(struct app *app, int signal_fd, struct error *err)
{
	bool hung_up = app->leave == CODE_SIGHUP;
	int kept;

	end_answer(app, signal_fd);
	kept = keep_flush(app, err);
	if (app->leave == CODE_OK || hung_up)
		snapshot_leave(app);
	keep_close(app);
	ui_close(app->ui);
	app->ui = NULL;
	if (!hung_up && !app->options->piped && strcmp(app->options->conf->exit_print, "none") != 0)
		print_last_turn(app);
	if (app->leave == CODE_OK && kept != 0)
		app->leave = CODE_STORE;
	if (app->leave == CODE_OK && app->options->piped)
		app->leave = (int)app->first_error;
	return app->leave;
}

static void
free_app(struct app *app)
{
	load_end(app);
	talk_clear(&app->talk);
	ahead_forget(&app->ahead);
	room_done(&app->room);
	verify_done(&app->verify);
	hits_done(&app->hits);
	staged_done(&app->staged);
	gallery_done(&app->gallery);
	present_done(&app->present);
	browse_done(&app->browse);
	session_list_free(app->picks.list, app->picks.n);
	session_close(app->keep.session);
	follow_end(&app->follow);
	free(app->folder);
	rescue_done(&app->rescue);
	chat_free(app->chat);
	store_close(app->store);
	ui_keymap_free(app->keymap);
	ui_colors_free(app->colors);
	free(app);
}

int
app_run(const struct app_options *options, struct error *err)
{
	struct app *app = new_app(options);
	int signal_fd, rc;

	open_log(options);
	alloc_on_failure(ui_emergency);
	signal_fd = trap_open(err);
	if (signal_fd < 0 || start(app, err) != 0) {
		rc = err->code;
	} else {
		loop(app, signal_fd);
		rc = leave(app, signal_fd, err);
	}
	trap_close();           /* what is left may wait for the engine: Ctrl-C ends that */
	free_app(app);
	alloc_on_failure(NULL);
	log_close();
	return rc;
}
