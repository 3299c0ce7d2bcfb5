/* ui.c: the door: its life, the terminal and its time, and what the program sets. Keys are done in act.c, frames in
 * frame.c. Keys become events in ui_read, the screen follows in ui_draw; nothing is written while nothing has changed.
 */
#include "config.h"

#include "ui/internal.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <curses.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"
#include "ui/input.h"
#include "ui/osc52.h"
#include "ui/panes.h"
#include "ui/picker.h"
#include "ui/plain.h"
#include "ui/reader.h"
#include "ui/reading.h"
#include "ui/row.h"
#include "ui/screen.h"
#include "ui/term.h"
#include "ui/transcript.h"
#include "ui/view.h"

enum {
	FRAME_MS = 33,          /* 30 frames a second */
	SLOW_FRAME_MS = 100,    /* 10 where the terminal answers later than SLOW_MS */
	SLOW_MS = 250,
	KEY_FRAME_MS = 8,       /* what a key changed is not kept waiting for a whole frame */
	RESIZE_MS = 100,        /* and after the last change of the size */
	QUESTION_MS = 3000,     /* unanswered questions are given up */
	LEAVE_MS = 200,         /* how long leaving waits for answers */
	SLOW_BYTES_MS = 400,    /* a line that carries fewer bytes a ms gets smaller pictures, */
	SLOW_KIB = 64,          /* of this many KiB */
	LARGE_TIMES = 4,        /* a picture over the conversation may have so many times the bytes */
	PASTE_TOLD = 1 << 18,   /* bytes of a paste that is not whole from which on it is talked about */
};

void
ui_touch(struct ui *ui, enum dirt dirt)
{
	if (dirt > ui->dirt)
		ui->dirt = dirt;
}

int64_t
ui_later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* ---------------------------------------------------------------- events */

struct ui_event *
ui_push(struct ui *ui, enum ui_event_kind kind)
{
	struct events *e = &ui->events;

	if (e->taken == e->n)
		e->taken = e->n = 0;
	if (e->n == e->cap) {
		e->cap = e->cap ? 2 * e->cap : 8;
		e->at = xreallocarray(e->at, (size_t)e->cap, sizeof *e->at);
	}
	e->at[e->n] = (struct ui_event){ .kind = kind, .pick = -1 };
	return &e->at[e->n++];
}

static bool
has_event(const struct ui *ui)
{
	return ui->events.taken < ui->events.n;
}

/* ---------------------------------------------------------------- what the terminal is */

static enum view_images
images(const struct ui *ui)
{
	const bool blocks = screen_colors() >= 256;

	switch (ui->options.images) {
	case UI_IMAGES_NONE:
		return VIEW_LABELS;
	case UI_IMAGES_SIXEL:
		return VIEW_SIXEL;
	case UI_IMAGES_AUTO:
		if (ui->term.sixel == TERM_YES)
			return VIEW_SIXEL;
		break;
	case UI_IMAGES_BLOCKS:
		break;
	}
	if (!blocks)
		return VIEW_LABELS;
	return term_true_color(&ui->term) ? VIEW_TRUE_BLOCKS : VIEW_BLOCKS;
}

static size_t
max_bytes(const struct ui *ui, int times)
{
	enum { MOST = 1000, USUAL = 256 };      /* KiB; tmux ignores strings over 1 MiB */
	int kib = (ui->options.image_max_kib > 0 ? ui->options.image_max_kib : USUAL);

	kib = kib > MOST / times ? MOST : kib * times;
	if (ui->slow && kib > SLOW_KIB * times)
		kib = SLOW_KIB * times;
	return (size_t)kib << 10;
}

/* Brings the view in line with what is known of the terminal and its size. */
static void
apply_terminal(struct ui *ui)
{
	const struct term *t = &ui->term;
	struct view_look look = { .images = images(ui) };
	int w, h;

	term_cell(t, ui->size.cols, ui->size.rows, ui->size.xpixel, ui->size.ypixel, &w, &h);
	if (ui->cell_w && (w != ui->cell_w || h != ui->cell_h))
		ui->clear = true;       /* pictures of the old size are on the glass */
	ui->cell_w = w;
	ui->cell_h = h;
	if ((int)look.images != ui->images && ui->images == VIEW_TRUE_BLOCKS)
		ui->clear = true;       /* what stands there is no text of curses */
	ui->images = look.images;
	look.room = (struct picture_room){ ui->size.cols, ui->size.rows, w, h, t->max_w, t->max_h,
	                                    ui->options.image_width };
	look.limits = (struct sixel_limits){ w, h, t->registers > 0 && t->registers < 256 ? t->registers : 256,
	                                     max_bytes(ui, 1) };
	look.large_bytes = max_bytes(ui, LARGE_TIMES);
	view_set_look(ui->view, &look);
	if (ui->options.theme == UI_THEME_AUTO && t->light == TERM_YES)
		screen_set_theme(UI_THEME_LIGHT);
	ui_touch(ui, BY_PROGRAM);
}

/* A line is slow when the pictures took long beyond the time that an empty answer takes. */
static void
measure_line(struct ui *ui)
{
	const int ms = ui->term.round_trip - ui->latency;
	const size_t sent = view_sent(ui->view);

	if (ui->latency >= 0 && sent > 16 << 10 && ms > 0 && sent / (size_t)ms < SLOW_BYTES_MS)
		ui->slow = true;
	if (ui->latency < 0 || ms < 0)
		ui->latency = ui->term.round_trip;
}

/* What the terminal does not give, the program may get another way. */
static void
take_fetched(struct ui *ui, enum fetch_end end)
{
	if (end == FETCH_GOES_ON)
		return;
	buf_clear(&ui->flash);
	if (end == FETCH_DONE) {
		struct ui_event *event = ui_push(ui, UI_EVENT_PICTURE);

		event->text_n = ui->fetch.bytes.n;
		event->text = buf_take(&ui->fetch.bytes);
	} else {
		ui_push(ui, UI_EVENT_ACTION)->action = UI_ACT_CLIPBOARD;
	}
	fetch_done(&ui->fetch);
	ui_touch(ui, BY_KEY);
}

static void
take_answer(struct ui *ui, const char *s, size_t n)
{
	const int64_t waiting = ui->term.asked + ui->term.pinged;

	term_answer(&ui->term, s, n, clock_ms());
	if (waiting != ui->term.asked + ui->term.pinged)
		measure_line(ui);
	take_fetched(ui, fetch_answer(&ui->fetch, s, n));
	reader_expect(ui->reader, ui->term.asked || ui->term.pinged || ui->fetch.until);
	apply_terminal(ui);
}

/* ---------------------------------------------------------------- reading the terminal */

/* A long paste takes its time on a slow line. */
static void
tell_paste(struct ui *ui)
{
	char text[64];

	if (reader_pasting(ui->reader) < PASTE_TOLD)
		return;
	snprintf(text, sizeof text, "paste: %.1f MiB so far", (double)reader_pasting(ui->reader) / (1 << 20));
	ui_flash(ui, text);
}

static void
take_unit(struct ui *ui, const struct reader_unit *unit)
{
	if (unit->kind == READER_ANSWER) {
		take_answer(ui, unit->at, unit->n);
		return;
	}
	act_take(ui, unit);
	if (unit->kind != READER_PASTE || !ui->guessed)
		return;
	ui->guessed = false;
	if (ui->flash.n == 0 && !input_empty(ui->input))
		ui_flash(ui, input_folded(ui->input) ? "taken for a paste: Enter shows it, and again sends it" :
		                                       "taken for a paste: Enter sends it");
}

/* Until there is an event: the keys behind it are for what the program makes of it, a list that it opens for example. */
static void
take_units(struct ui *ui)
{
	struct reader_unit unit;

	while (!has_event(ui) && reader_next(ui->reader, clock_ms(), &unit))
		take_unit(ui, &unit);
}

/* Whether lines that come all at once are looked at as a possible paste: they are for the input, from a terminal of which
 * it is not known that it brackets pastes. */
static bool
may_burst(const struct ui *ui)
{
	return !ui->brackets && !ui->term.brackets && !reader_in_paste(ui->reader) && !ui->picker && !ui->reading.on &&
	       !ui->reading.asking && !ui->keys_only;
}

/* What came while we were waiting for it, on a line whose answers take no time, was not typed earlier and held back. */
static bool
came_at_once(const struct ui *ui, int64_t now)
{
	enum { QUICK_MS = 50, RESTED_MS = 2 };

	return ui->term.round_trip >= 0 && ui->term.round_trip <= QUICK_MS && now - ui->rested >= RESTED_MS;
}

static void
end_burst(struct ui *ui, int64_t now)
{
	struct burst *b = &ui->burst;
	const size_t typed = burst_typed(b), n = b->bytes.n - b->n_before;
	const char *s = b->bytes.at + b->n_before;

	if (typed > 0)
		reader_feed(ui->reader, s, typed, now);
	if (typed < n)
		reader_feed_paste(ui->reader, s + typed, n - typed, now);
	ui->guessed = typed < n;
	burst_clear(b);
	take_units(ui);
}

static void
take_bytes(struct ui *ui, const char *s, size_t n)
{
	static const char bracket[] = "\033[200~";
	const int64_t now = clock_ms();

	ui->brackets |= memmem(s, n, bracket, sizeof bracket - 1) != NULL;
	if (ui->burst.bytes.n > 0) {
		if (burst_add(&ui->burst, s, n, now))
			return;
		end_burst(ui, now);
	}
	if (may_burst(ui) && burst_begin(&ui->burst, input_text(ui->input), s, n, came_at_once(ui, now), now))
		return;
	reader_feed(ui->reader, s, n, now);
	take_units(ui);
}

static bool
readable(void)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };

	return poll(&p, 1, 0) > 0 && (p.revents & (POLLIN | POLLHUP | POLLERR));
}

static void
read_once(struct ui *ui)
{
	char bytes[4096];
	const ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);

	if (n > 0) {
		take_bytes(ui, bytes, (size_t)n);
	} else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
		ui->gone = true;
		ui_push(ui, UI_EVENT_EOF);
	}
}

void
ui_read(struct ui *ui)
{
	enum { READS = 16 };    /* a flood of keys must not keep the screen from being drawn */

	if (ui->plain) {
		plain_read(ui->plain);
		return;
	}
	for (int i = 0; i < READS && !ui->gone && !has_event(ui) && readable(); i++)
		read_once(ui);
	if (burst_left(&ui->burst, clock_ms()) == 0)
		end_burst(ui, clock_ms());
	take_units(ui);
	if (ui->fetch.until && clock_ms() >= ui->fetch.until)
		take_fetched(ui, FETCH_FAILED);
	tell_paste(ui);
}

bool
ui_next(struct ui *ui, struct ui_event *event)
{
	if (ui->plain)
		return plain_next(ui->plain, event);
	take_units(ui);
	if (!has_event(ui) && input_changed(ui->input)) {
		ui_touch(ui, BY_KEY);
		ui_push(ui, UI_EVENT_TYPED);
	}
	if (!has_event(ui))
		return false;
	*event = ui->events.at[ui->events.taken++];
	return true;
}

/* ---------------------------------------------------------------- drawing */

static int64_t
frame_ms(const struct ui *ui)
{
	if (ui->dirt == BY_KEY)
		return KEY_FRAME_MS;
	return ui->latency > SLOW_MS ? SLOW_FRAME_MS : FRAME_MS;
}

/* When the next frame is due, or -1: when something happens. */
static int64_t
due(const struct ui *ui)
{
	int64_t at = ui->drawn + frame_ms(ui);

	if (ui->dirt != CLEAN)
		return at;
	if (!view_owed(ui->view))
		return -1;
	at = ui_later(at, ui->calm);
	return ui->term.pinged ? ui_later(at, ui->term.pinged + QUESTION_MS) : at;
}

static void
give_up_questions(struct ui *ui, int64_t now)
{
	if (ui->term.asked && now - ui->term.asked >= QUESTION_MS) {
		ui->term.asked = 0;
		reader_expect(ui->reader, ui->term.pinged != 0);
	}
}

void
ui_draw(struct ui *ui)
{
	int64_t now, at;

	if (ui->plain) {
		plain_draw(ui->plain);
		return;
	}
	now = clock_ms();
	at = due(ui);
	give_up_questions(ui, now);
	ui->rested = now;
	if (ui->gone || at < 0 || now < at)
		return;
	if (ui->clear) {
		clearok(curscr, TRUE);
		view_forget(ui->view);
		ui->clear = false;
	}
	ui->dirt = CLEAN;
	ui->drawn = now;
	frame_draw(ui, now);
	ui->rested = clock_ms();
}

int
ui_timeout(const struct ui *ui)
{
	int64_t now, at, wait;
	int key;

	if (ui->plain)
		return plain_timeout(ui->plain);
	now = clock_ms();
	at = due(ui);
	key = reader_timeout(ui->reader, now);
	wait = at < 0 ? -1 : at <= now ? 0 : at - now;
	if (key >= 0 && (wait < 0 || key < wait))
		wait = key;
	key = burst_left(&ui->burst, now);
	if (key >= 0 && (wait < 0 || key < wait))
		wait = key;
	if (ui->fetch.until && (wait < 0 || ui->fetch.until - now < wait))
		wait = ui->fetch.until > now ? ui->fetch.until - now : 0;
	return (int)wait;
}

int
ui_fd(const struct ui *ui)
{
	return ui->plain ? plain_fd(ui->plain) : STDIN_FILENO;
}

/* The terminal's, which it forgets when it is let go. */
static void
show_title(const struct ui *ui)
{
	const char *name = ui->status.name;
	struct buf title = {0};

	if (ui->plain || ui->gone || !ui->options.title)
		return;
	buf_str(&title, name && *name ? "ivchat: " : "ivchat");
	if (name)
		text_visible_line(&title, name, strlen(name));
	screen_title(buf_text(&title));
	buf_done(&title);
}

/* ---------------------------------------------------------------- opening and closing */

static void
free_status(struct status_text *s)
{
	free(s->name);
	free(s->state);
	free(s->context);
	free(s->speed);
	free(s->model);
	free(s->mode);
	free(s->hint);
}

static struct ui *
open_plain(const struct ui_options *options)
{
	struct ui *ui = xcalloc(1, sizeof *ui);

	ui->options = *options;
	ui->plain = plain_open();
	return ui;
}

/* What was typed before the terminal was ours: it has made LF of Enter there. A line that one ends was to be sent; of
 * several lines nobody can say whether they were pasted, so they stay in the input. */
static void
take_early(struct ui *ui)
{
	char bytes[4096], *newline;
	int waiting = 0;
	ssize_t n;

	if (ioctl(STDIN_FILENO, FIONREAD, &waiting) != 0 || waiting <= 0)
		return;
	n = read(STDIN_FILENO, bytes, (size_t)waiting < sizeof bytes ? (size_t)waiting : sizeof bytes);
	if (n <= 0)
		return;
	newline = memchr(bytes, '\n', (size_t)n);
	if (newline == bytes + n - 1)
		*newline = '\r';
	reader_feed(ui->reader, bytes, (size_t)n, clock_ms());
}

struct ui *
ui_open(const struct ui_options *options, struct error *err)
{
	const struct screen_options screen = { options->theme, options->no_color, options->colors };
	struct ui *ui;

	if (options->plain)
		return open_plain(options);
	if (screen_open(&screen, err) < 0)
		return NULL;
	alloc_on_failure(screen_emergency);
	ui = xcalloc(1, sizeof *ui);
	ui->options = *options;
	ui->latency = -1;
	ui->size = screen_size();
	term_init(&ui->term, STDOUT_FILENO);
	term_ask(&ui->term);
	ui->reader = reader_new();
	reader_set_keys(ui->reader, options->keymap);
	reader_expect(ui->reader, true);
	take_early(ui);
	ui->transcript = transcript_new(options->ascii);
	ui->view = view_new(ui->transcript, &ui->term, options->ascii);
	reading_init(&ui->reading, ui->transcript);
	transcript_set_raw(ui->transcript, 0, options->source);
	transcript_set_math(ui->transcript, !options->math_source);
	ui->mouse = options->mouse;
	screen_mouse(ui->mouse);
	show_title(ui);
	ui->input = input_new(options);
	input_resize(ui->input, ui->size.rows, ui->size.cols);
	apply_terminal(ui);
	ui_draw(ui);
	return ui;
}

/* An answer that comes when the terminal is let go would be typed into the shell. */
static void
await_answers(struct ui *ui)
{
	const int64_t until = clock_ms() + LEAVE_MS;
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
	int64_t left;

	while (!ui->gone && (ui->term.asked || ui->term.pinged) && (left = until - clock_ms()) > 0)
		if (poll(&p, 1, (int)left) > 0)
			read_once(ui);
}

static void
close_screen(struct ui *ui)
{
	await_answers(ui);
	screen_close();
	picker_free(ui->picker);
	panes_done(&ui->panes);
	reading_done(&ui->reading);
	fetch_done(&ui->fetch);
	buf_done(&ui->burst.bytes);
	input_free(ui->input);
	view_free(ui->view);
	transcript_free(ui->transcript);
	reader_free(ui->reader);
}

void
ui_close(struct ui *ui)
{
	if (!ui)
		return;
	if (ui->plain)
		plain_close(ui->plain);
	else
		close_screen(ui);
	free_status(&ui->status);
	for (int i = ui->events.taken; i < ui->events.n; i++)
		free(ui->events.at[i].text);
	free(ui->events.at);
	buf_done(&ui->chips);
	buf_done(&ui->flash);
	rows_done(&ui->input_rows);
	rows_done(&ui->menu_rows);
	rows_done(&ui->flash_rows);
	rows_done(&ui->picker_rows);
	row_done(&ui->row);
	free(ui);
}

void
ui_let_go(struct ui *ui)
{
	if (ui->plain)
		return;
	await_answers(ui);
	ui->gone = true;
	screen_close();
}

void
ui_emergency(void)
{
	screen_emergency();
}

void
ui_hold(struct ui *ui, bool held)
{
	if (ui->plain)
		plain_hold(ui->plain, held);
}

void
ui_resize(struct ui *ui)
{
	if (ui->plain)
		return;
	ui->size = screen_size();
	screen_resize(&ui->size);
	input_resize(ui->input, ui->size.rows, ui->size.cols);
	ui->calm = ui_later(ui->calm, clock_ms() + RESIZE_MS);
	ui->clear = true;
	term_ask_sizes(&ui->term);
	apply_terminal(ui);
}

void
ui_suspend(struct ui *ui)
{
	if (ui->plain) {
		plain_suspend(ui->plain);
		return;
	}
	await_answers(ui);
	screen_suspend();
	show_title(ui);
	ui_resize(ui);
}

void
ui_lend(struct ui *ui)
{
	if (ui->plain)
		return;
	await_answers(ui);
	screen_lend();
}

void
ui_return(struct ui *ui)
{
	if (ui->plain)
		return;
	screen_return();
	show_title(ui);
	ui_resize(ui);
}

void
ui_redraw(struct ui *ui)
{
	ui->clear = true;
	ui_touch(ui, BY_KEY);
}

/* ---------------------------------------------------------------- the conversation */

int
ui_add(struct ui *ui, enum ui_look look, const char *text, size_t n)
{
	if (ui->plain)
		return plain_add(ui->plain, look, text, n);
	ui_touch(ui, BY_PROGRAM);
	return transcript_add(ui->transcript, look, text, n);
}

void
ui_append(struct ui *ui, int entry, const char *text, size_t n)
{
	if (ui->plain) {
		plain_append(ui->plain, entry, text, n);
		return;
	}
	ui_touch(ui, BY_PROGRAM);
	transcript_append(ui->transcript, entry, text, n);
}

void
ui_set_text(struct ui *ui, int entry, const char *text, size_t n)
{
	if (ui->plain) {
		plain_set_text(ui->plain, entry, text, n);
		return;
	}
	ui_touch(ui, BY_PROGRAM);
	transcript_set_text(ui->transcript, entry, text, n);
}

void
ui_set_mark(struct ui *ui, int entry, const char *mark)
{
	if (ui->plain) {
		plain_set_mark(ui->plain, entry, mark);
		return;
	}
	ui_touch(ui, BY_PROGRAM);
	transcript_set_mark(ui->transcript, entry, mark);
}

void
ui_set_time(struct ui *ui, int entry, const char *when)
{
	if (ui->plain) {
		plain_set_time(ui->plain, entry, when);
		return;
	}
	ui_touch(ui, BY_PROGRAM);
	transcript_set_time(ui->transcript, entry, when);
}

void
ui_remove(struct ui *ui, int entry)
{
	if (ui->plain) {
		plain_remove(ui->plain, entry);
		return;
	}
	ui_touch(ui, BY_PROGRAM);
	transcript_remove(ui->transcript, entry);
}

void
ui_clear(struct ui *ui)
{
	if (ui->plain) {
		plain_clear(ui->plain);
		return;
	}
	ui_touch(ui, BY_PROGRAM);
	transcript_clear(ui->transcript);
}

void
ui_set_raw(struct ui *ui, bool raw)
{
	if (ui->plain)
		return;         /* it always is */
	ui_touch(ui, BY_KEY);
	transcript_set_raw(ui->transcript, 0, raw);
}

void
ui_add_picture(struct ui *ui, int entry, const struct ui_picture *picture)
{
	if (ui->plain) {
		plain_add_picture(ui->plain, entry, picture->label);
		return;
	}
	ui_touch(ui, BY_PROGRAM);
	transcript_add_picture(ui->transcript, entry, picture);
}

/* ---------------------------------------------------------------- the rest of the screen */

static bool
same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

/* Replaces *to; true when it differs from what was there. */
static bool
copy_text(char **to, const char *from)
{
	if (same_text(*to, from))
		return false;
	free(*to);
	*to = from ? xstrdup(from) : NULL;
	return true;
}

void
ui_set_status(struct ui *ui, const struct ui_status *status)
{
	struct status_text *s = &ui->status;
	const bool named = copy_text(&s->name, status->name);
	bool changed = named || s->context_percent != status->context_percent ||
	               s->private_session != status->private_session;

	changed |= copy_text(&s->state, status->state);
	changed |= copy_text(&s->context, status->context);
	changed |= copy_text(&s->speed, status->speed);
	changed |= copy_text(&s->model, status->model);
	changed |= copy_text(&s->mode, status->mode);
	changed |= copy_text(&s->hint, status->hint);
	s->context_percent = status->context_percent;
	s->private_session = status->private_session;
	if (named)
		show_title(ui);
	if (changed)
		ui_touch(ui, BY_PROGRAM);
}

void
ui_set_progress(struct ui *ui, int permille)
{
	const int cols = ui->size.cols;

	if (ui->progress * cols / 1000 != permille * cols / 1000)
		ui_touch(ui, BY_PROGRAM);
	ui->progress = permille;
}

void
ui_set_staged(struct ui *ui, const char *const *chips, int n)
{
	buf_clear(&ui->chips);
	for (int i = 0; i < n; i++) {
		text_visible_line(&ui->chips, chips[i], strlen(chips[i]));
		buf_char(&ui->chips, ui->plain && i + 1 < n ? ' ' : '\n');
	}
	ui->n_chips = n;
	if (ui->plain && n > 0) {
		buf_cut(&ui->chips, ui->chips.n - 1);
		plain_tell(ui->plain, buf_text(&ui->chips));
	}
	ui_touch(ui, BY_PROGRAM);
}

void
ui_set_busy(struct ui *ui, bool answering)
{
	ui->busy = answering;
	if (answering || ui->plain)
		return;
	transcript_finish(ui->transcript);
	ui_touch(ui, BY_PROGRAM);
}

void
ui_flash(struct ui *ui, const char *text)
{
	if (ui->plain) {
		plain_tell(ui->plain, text);
		return;
	}
	buf_clear(&ui->flash);
	buf_str(&ui->flash, text);
	ui_touch(ui, BY_KEY);
}

void
ui_set_input(struct ui *ui, const char *text)
{
	if (ui->plain) {
		plain_set_input(ui->plain, text);
		return;
	}
	input_set_text(ui->input, text);
	ui_touch(ui, BY_KEY);
}

const char *
ui_input(const struct ui *ui)
{
	return ui->plain ? plain_input(ui->plain) : input_text(ui->input);
}

void
ui_history_add(struct ui *ui, const char *line)
{
	if (!ui->plain)
		input_history_add(ui->input, line);
}

void
ui_pick(struct ui *ui, const char *title, const char *const *items, int n, int selected)
{
	if (ui->plain) {
		plain_pick(ui->plain, title, items, n);
		return;
	}
	picker_free(ui->picker);
	panes_set(&ui->panes, NULL, 0);
	ui->picker = picker_list(title, items, n, selected, ui->options.ascii);
	ui->previews = false;
	ui_touch(ui, BY_KEY);
}

void
ui_pick_pictures(struct ui *ui, const char *title, const char *const *items, int n, int selected)
{
	ui_pick(ui, title, items, n, selected);
	if (ui->plain)
		return;
	ui->previews = true;
	ui->previewed = -1;
	act_ask_preview(ui);
}

void
ui_preview(struct ui *ui, const struct ui_picture *picture)
{
	if (ui->plain || !ui->picker || !ui->previews)
		return;
	panes_set(&ui->panes, picture, picture ? 1 : 0);
	ui_touch(ui, BY_KEY);
}

void
ui_show(struct ui *ui, const struct ui_picture *pictures, int n)
{
	for (int i = 0; ui->plain && i < n; i++)
		plain_tell(ui->plain, pictures[i].label);
	if (ui->plain)
		return;
	panes_set(&ui->panes, pictures, n);
	ui_touch(ui, BY_KEY);
}

/* ---------------------------------------------------------------- reading, finding, copying */

void
ui_select(struct ui *ui, int entry)
{
	if (ui->plain)
		return;
	if (entry == 0)
		reading_leave(&ui->reading);
	else
		reading_select(&ui->reading, entry);
	ui_touch(ui, BY_KEY);
}

int
ui_find(struct ui *ui, const char *pattern)
{
	if (ui->plain)
		return 0;
	ui_touch(ui, BY_KEY);
	return reading_find(&ui->reading, pattern, strlen(pattern));
}

size_t
ui_copy(struct ui *ui, const char *text, size_t n)
{
	const char *name = getenv("TERM");
	const bool in_screen = getenv("STY") || (name && strncmp(name, "screen", 6) == 0);
	const enum osc52_way way = ui->term.in_tmux ? OSC52_TMUX : in_screen ? OSC52_SCREEN : OSC52_PLAIN;
	struct buf out = {0};

	if (ui->plain)
		return 0;
	n = osc52_write(&out, way, text, n, UI_COPY_MAX);
	term_out(&ui->term, out.at, out.n);
	buf_done(&out);
	return n;
}

void
ui_page(struct ui *ui, const char *title, const char *text)
{
	if (ui->plain) {
		plain_tell(ui->plain, text);
		return;
	}
	picker_free(ui->picker);
	panes_set(&ui->panes, NULL, 0);
	ui->previews = false;
	ui->picker = picker_page(title, text, ui->options.ascii);
	ui_touch(ui, BY_KEY);
}
