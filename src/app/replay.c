/* replay.c: a stored session played on the screen. playback.c says what is there at a time; here it becomes entries as a
 * live conversation makes them, and keys become its verbs. There is no engine: of struct app only the screen, the store,
 * the chat, the pictures and the entries are used. */
#include "config.h"

#include "app.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "internal.h"
#include "playback.h"
#include "trap.h"

#define JUMP_MS 5000
#define LONGEST_WAIT_MS 1000    /* the clock in the status line goes on */

/* A message that is on the screen. */
struct seen_message {
	int id, entry;
	size_t end;             /* bytes of its text that are there */
	bool marked;
};

struct replay {
	const struct replay_options *options;
	struct app app;
	struct playback playback;
	int leaf;
	struct seen_message *seen;
	int n_seen;
	bool finding;           /* the text for / is being typed */
	struct buf wanted;      /* what is looked for */
	int go_on;              /* message to go on from */
};

static const char help[] =
    "  Space        pause, go on\n"
    "  . ,          a step forward, back: a token\n"
    "  Right, Left  5 seconds forward, back\n"
    "  ] [          next, previous message\n"
    "  p P          next, previous picture\n"
    "  + -          faster, slower\n"
    "  0 to 9       to so many tenths of the whole\n"
    "  /            jump to a text\n"
    "  g G          begin, end\n"
    "  < >          previous, next branch\n"
    "  c            go on from here, in a fork\n"
    "  q            leave\n";

/* ---- what is there at this time → entries */

static int
add_entry(struct replay *r, const struct message *m)
{
	struct error err;

	for (int i = 0; i < m->n_pics; i++)
		gallery_get(&r->app, &m->pics[i], &err);        /* one that is lost is left out */
	if (m->role == ROLE_USER)
		return present_user(&r->app, m->id, m->pics, m->n_pics, "", 0, NULL);
	return ui_add(r->app.ui, UI_LOOK_ANSWER, "", 0);
}

static void
set_end(struct replay *r, struct seen_message *s, size_t end)
{
	const struct message *m = chat_message(r->app.chat, s->id);
	bool whole = end == m->text_n && m->role == ROLE_ANSWER;

	if (end > s->end)
		ui_append(r->app.ui, s->entry, m->text + s->end, end - s->end);
	else if (end < s->end)
		ui_set_text(r->app.ui, s->entry, m->text, end);
	s->end = end;
	if (whole && !s->marked)
		present_mark(&r->app, s->entry, m);
	else if (!whole && s->marked)
		ui_set_mark(r->app.ui, s->entry, NULL);
	s->marked = whole;
}

static void
drop_from(struct replay *r, int n)
{
	while (r->n_seen > n)
		present_remove(&r->app, r->seen[--r->n_seen].entry);
}

/* Makes the kth message on the screen this one, as far as `end`. */
static void
show_message(struct replay *r, int k, int id, size_t end)
{
	if (k < r->n_seen && r->seen[k].id != id)
		drop_from(r, k);
	if (k == r->n_seen) {
		int entry = add_entry(r, chat_message(r->app.chat, id));

		r->seen = xreallocarray(r->seen, (size_t)r->n_seen + 1, sizeof *r->seen);
		r->seen[r->n_seen++] = (struct seen_message){ .id = id, .entry = entry };
	}
	set_end(r, &r->seen[k], end);
}

static void
show_now(struct replay *r)
{
	const struct playback *p = &r->playback;
	int k = 0;

	for (int i = 0; i < p->shown; i++)
		if (i + 1 == p->shown || p->steps[i + 1].message != p->steps[i].message)
			show_message(r, k++, p->steps[i].message, p->steps[i].end);
	drop_from(r, k);
	ui_set_busy(r->app.ui, k > 0 && !r->seen[k - 1].marked && !p->paused);
}

static const char *
state_name(const struct playback *p)
{
	return playback_ended(p) ? "end" : p->paused ? "paused" : "playing";
}

static void
show_status(struct replay *r)
{
	const struct playback *p = &r->playback;
	int at = (int)(p->clock / 1000), of = (int)(playback_length(p) / 1000);
	char *name = chat_title(r->app.chat), state[64], speed[32];
	struct ui_status status = { .name = name, .state = state, .speed = speed, .mode = " REPLAY ",
		.hint = "Space pauses, F1 keys" };
	const int64_t length = playback_length(p);

	snprintf(state, sizeof state, "%s %d:%02d/%d:%02d", state_name(p), at / 60, at % 60, of / 60, of % 60);
	snprintf(speed, sizeof speed, p->speed > 0 ? "x%g" : "at once", p->speed);
	ui_set_status(r->app.ui, &status);
	ui_set_progress(r->app.ui, length > 0 && !playback_ended(p) ? (int)(p->clock * 1000 / (double)length) : 1000);
	free(name);
}

static void
show_wanted(struct replay *r)
{
	char *text;

	text = xasprintf("/%s", buf_text(&r->wanted));
	ui_flash(r->app.ui, text);
	free(text);
}

/* ---- another branch */

static int
open_branch(struct replay *r, int leaf, struct error *err)
{
	struct playback_how how = {
		.leaf = leaf, .from = r->options->from, .to = r->options->to, .speed = r->options->speed,
		.idle_limit = r->options->idle_limit, .tokenizer = r->options->tokenizer,
	};
	struct playback p;

	if (leaf <= 0 || playback_init(&p, r->app.chat, &how, clock_ms(), err) < 0)
		return -1;
	playback_done(&r->playback);
	r->playback = p;
	r->leaf = leaf;
	return 0;
}

static int
branch_number(const struct chat *c, int leaf)
{
	for (int n = 1, at; (at = playback_leaf(c, n)) > 0; n++)
		if (at == leaf)
			return n;
	return 0;
}

/* The same time of the neighbour, paused or not as this one is. */
static void
go_to_branch(struct replay *r, int by)
{
	int n = branch_number(r->app.chat, r->leaf) + by;
	const struct playback before = r->playback;
	struct error err = {0};
	char text[64];

	if (n < 1 || open_branch(r, playback_leaf(r->app.chat, n), &err) < 0) {
		ui_flash(r->app.ui, by > 0 ? "this is the last branch" : "this is the first branch");
		return;
	}
	r->playback.speed = before.speed;
	r->playback.paused = before.paused;
	playback_seek(&r->playback, before.clock);
	snprintf(text, sizeof text, "branch %d", n);
	ui_flash(r->app.ui, text);
}

/* ---- keys */

static void
find_key(struct replay *r, int32_t key)
{
	char c[4];

	if (key == UI_KEY_ENTER && r->wanted.n > 0 && !playback_find(&r->playback, buf_text(&r->wanted))) {
		r->finding = false;
		ui_flash(r->app.ui, "that is not said");
		return;
	}
	if (key == UI_KEY_ENTER || key == UI_KEY_ESC || key == UI_KEY_INTERRUPT)
		r->finding = false;
	else if (key == UI_KEY_BACKSPACE)
		buf_cut(&r->wanted, text_grapheme_before(buf_text(&r->wanted), r->wanted.n));
	else if (key >= ' ' && key < UI_KEY_LEFT)
		buf_add(&r->wanted, c, text_encode(key, c));
	if (r->finding)
		show_wanted(r);
	else
		playback_pause(&r->playback, true);
}

static void
begin_find(struct replay *r)
{
	r->finding = true;
	buf_clear(&r->wanted);
	playback_pause(&r->playback, true);
	show_wanted(r);
}

/* At the end, Space plays it once more. */
static void
pause_or_go_on(struct playback *p)
{
	if (playback_ended(p))
		playback_seek(p, 0);
	else
		playback_pause(p, !p->paused);
}

static void
leave(struct replay *r, bool go_on)
{
	const struct playback_step *at = playback_at(&r->playback);

	r->go_on = go_on && at ? at->message : 0;
	r->app.leave = CODE_OK;
}

static void
jump_key(struct playback *p, int32_t key)
{
	if (key == UI_KEY_RIGHT || key == UI_KEY_LEFT)
		playback_seek(p, p->clock + (key == UI_KEY_RIGHT ? JUMP_MS : -JUMP_MS));
	else if (key == '.' || key == ',')
		playback_step_by(p, key == '.' ? 1 : -1);
	else if (key == ']' || key == '[')
		playback_message(p, key == ']' ? 1 : -1, false);
	else if (key == 'p' || key == 'P')
		playback_message(p, key == 'p' ? 1 : -1, true);
	else if (key == 'g' || key == 'G')
		playback_seek(p, key == 'g' ? 0 : (double)playback_length(p));
	else if (key >= '0' && key <= '9')
		playback_seek(p, (double)playback_length(p) * (key - '0') / 10);
}

static void
take_key(struct replay *r, int32_t key)
{
	struct playback *p = &r->playback;

	if (r->finding)
		find_key(r, key);
	else if (key == 'q' || key == 'c' || key == UI_KEY_INTERRUPT || key == UI_KEY_EOF)
		leave(r, key == 'c');
	else if (key == ' ')
		pause_or_go_on(p);
	else if (key == '+' || key == '=' || key == '-')
		playback_faster(p, key == '-' ? 0.5 : 2);
	else if (key == '/')
		begin_find(r);
	else if (key == '<' || key == '>')
		go_to_branch(r, key == '>' ? 1 : -1);
	else
		jump_key(p, key);
}

static void
take_event(struct replay *r, const struct ui_event *e)
{
	if (e->kind == UI_EVENT_KEY)
		take_key(r, e->key);
	else if (e->kind == UI_EVENT_EOF)
		r->app.leave = CODE_SIGHUP;
	else if (e->kind == UI_EVENT_ACTION && e->action == UI_ACT_SUSPEND)
		ui_suspend(r->app.ui);
	else if (e->kind == UI_EVENT_ACTION && e->action == UI_ACT_HELP)
		ui_page(r->app.ui, "Keys of replay", help);
	free(e->text);
}

static void
take_signals(struct replay *r)
{
	for (int sig; (sig = trap_next()) != 0;) {
		if (sig == SIGWINCH)
			ui_resize(r->app.ui);
		else if (sig == SIGCONT)
			ui_redraw(r->app.ui);
		else if (sig == SIGTSTP)
			ui_suspend(r->app.ui);
		else
			r->app.leave = 128 + sig;
	}
}

/* ---- the loop */

static int
wait_ms(const struct replay *r)
{
	int screen = ui_timeout(r->app.ui), play = playback_wait(&r->playback);

	if (play > LONGEST_WAIT_MS)
		play = LONGEST_WAIT_MS;
	if (screen < 0 || play < 0)
		return screen < 0 ? play : screen;
	return screen < play ? screen : play;
}

static void
loop(struct replay *r, int signal_fd)
{
	struct ui_event e;

	while (r->app.leave < 0) {
		struct pollfd fds[] = {
			{ .fd = ui_fd(r->app.ui), .events = POLLIN },
			{ .fd = signal_fd, .events = POLLIN },
		};

		playback_tick(&r->playback, clock_ms());
		show_now(r);
		show_status(r);
		ui_draw(r->app.ui);
		poll(fds, 2, wait_ms(r));
		take_signals(r);
		playback_tick(&r->playback, clock_ms());
		ui_read(r->app.ui);
		while (r->app.leave < 0 && ui_next(r->app.ui, &e))
			take_event(r, &e);
		if (r->options->loop && r->playback.speed > 0 && playback_ended(&r->playback) && !r->playback.paused)
			playback_seek(&r->playback, 0);
	}
}

static int
start(struct replay *r, struct error *err)
{
	int leaf = playback_leaf(r->app.chat, r->options->branch);

	if (leaf <= 0)
		return error_set(err, CODE_INPUT, "session %s has no branch %d", r->app.chat->id, r->options->branch);
	if (open_branch(r, leaf, err) < 0)
		return -1;
	r->app.ui = app_open_screen(&r->app, err);
	if (!r->app.ui)
		return -1;
	ui_set_keys_only(r->app.ui, true);
	return 0;
}

int
replay_run(const struct replay_options *options, int *go_on, struct error *err)
{
	struct replay r = { .options = options };
	int signal_fd, rc = -1;

	r.app = (struct app){ .options = options->screen, .store = options->store, .chat = options->chat, .leave = -1,
		.raw = !options->screen->conf->markdown };
	alloc_on_failure(ui_emergency);
	signal_fd = trap_open(err);
	if (signal_fd >= 0 && start(&r, err) == 0) {
		loop(&r, signal_fd);
		rc = r.app.leave;
	}
	if (r.app.ui)
		ui_close(r.app.ui);
	trap_close();
	alloc_on_failure(NULL);
	playback_done(&r.playback);
	present_done(&r.app.present);
	gallery_done(&r.app.gallery);
	buf_done(&r.wanted);
	free(r.seen);
	*go_on = r.go_on;
	return rc < 0 ? (int)err->code : rc;
}
