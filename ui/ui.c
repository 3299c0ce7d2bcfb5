/* ui.c: the door: ties the reader, the input line, the transcript, the lists and the screen
 * together.
 *
 * Keys become events in ui_read, the screen follows in ui_draw, which paints a whole frame out of
 * what is known and lets curses and picture.c send what differs. Nothing is written while nothing
 * has changed.
 */
#include "config.h"

#include "ui/ui.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curses.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "ui/input.h"
#include "ui/keys.h"
#include "ui/picker.h"
#include "ui/reader.h"
#include "ui/row.h"
#include "ui/screen.h"
#include "ui/status.h"
#include "ui/term.h"
#include "ui/transcript.h"
#include "ui/view.h"

enum {
	MIN_COLS = 40, MIN_ROWS = 8,
	INDENT = 2,             /* of what stands above the input: as far as its prompt */
	INPUT_ROWS = 10, MENU_ROWS = 8,
	FRAME_MS = 33,          /* 30 frames a second */
	SLOW_FRAME_MS = 100,    /* 10 where the terminal answers later than SLOW_MS */
	SLOW_MS = 250,
	KEY_FRAME_MS = 8,       /* what a key changed is not kept waiting for a whole frame */
	SCROLL_MS = 150,        /* pictures are sent this long after the last step of a person */
	RESIZE_MS = 100,        /* and after the last change of the size */
	QUESTION_MS = 3000,     /* unanswered questions are given up */
	LEAVE_MS = 200,         /* how long leaving waits for answers */
	SLOW_BYTES_MS = 400,    /* a line that carries fewer bytes a ms gets smaller pictures, */
	SLOW_KIB = 64,          /* of this many KiB */
};

enum dirt { CLEAN, BY_PROGRAM, BY_KEY };

/* Copies of what ui_set_status was given. */
struct status_text {
	char *name, *state, *context, *speed, *model;
	int context_percent;
	bool private_session;
};

struct events {
	struct ui_event *at;
	int n, cap, taken;
};

struct ui {
	struct ui_options options;      /* history and complete are not used after input_new */
	struct term term;
	struct reader *reader;
	struct input *input;
	struct transcript *transcript;
	struct view *view;
	struct picker *picker;          /* or NULL */
	struct events events;
	struct screen_size size;
	int cell_w, cell_h;

	struct status_text status;
	struct buf chips, flash;        /* empty: no such row */
	bool busy;                      /* an answer runs */
	bool gone;                      /* the terminal is */
	bool slow;                      /* the line is: smaller pictures */
	int latency;                    /* ms of the quickest answer, or -1 */

	enum dirt dirt;
	bool clear;                     /* the next frame paints everything anew */
	int64_t drawn;                  /* when the last frame was made */
	int64_t calm;                   /* pictures are not sent before */

	struct rows input_rows, menu_rows, picker_rows;         /* work space */
	struct row row;
};

static void
touch(struct ui *ui, enum dirt dirt)
{
	if (dirt > ui->dirt)
		ui->dirt = dirt;
}

static int64_t
later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* ---------------------------------------------------------------- events */

static struct ui_event *
push_event(struct ui *ui, enum ui_event_kind kind)
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

static void
push_action(struct ui *ui, enum ui_action action)
{
	if (action != UI_ACT_NONE)
		push_event(ui, UI_EVENT_ACTION)->action = action;
}

bool
ui_next(struct ui *ui, struct ui_event *event)
{
	if (ui->events.taken == ui->events.n)
		return false;
	*event = ui->events.at[ui->events.taken++];
	return true;
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
	return blocks ? VIEW_BLOCKS : VIEW_LABELS;
}

static size_t
max_bytes(const struct ui *ui)
{
	enum { MOST = 1000, USUAL = 256 };      /* KiB; tmux ignores strings over 1 MiB */
	int kib = ui->options.image_max_kib > 0 ? ui->options.image_max_kib : USUAL;

	if (kib > MOST)
		kib = MOST;
	if (ui->slow && kib > SLOW_KIB)
		kib = SLOW_KIB;
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
	look.room = (struct picture_room){ ui->size.cols, ui->size.rows, w, h, t->max_w, t->max_h };
	look.limits = (struct sixel_limits){ w, h, t->registers > 0 && t->registers < 256 ? t->registers : 256,
	                                     max_bytes(ui) };
	view_set_look(ui->view, &look);
	if (ui->options.theme == UI_THEME_AUTO && t->light == TERM_YES)
		screen_set_theme(UI_THEME_LIGHT);
	touch(ui, BY_PROGRAM);
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

static void
take_answer(struct ui *ui, const char *s, size_t n)
{
	const int64_t waiting = ui->term.asked + ui->term.pinged;

	term_answer(&ui->term, s, n, clock_ms());
	if (waiting != ui->term.asked + ui->term.pinged)
		measure_line(ui);
	reader_expect(ui->reader, ui->term.asked || ui->term.pinged);
	apply_terminal(ui);
}

/* ---------------------------------------------------------------- keys */

static void
end_picker(struct ui *ui, enum picker_end end)
{
	if (end == PICKER_STAYS)
		return;
	if (!picker_is_page(ui->picker))
		push_event(ui, UI_EVENT_PICK)->pick = end == PICKER_TAKEN ? picker_picked(ui->picker) : -1;
	picker_free(ui->picker);
	ui->picker = NULL;
}

/* A person moves through the text: pictures wait until the last step. */
static void
stepped(struct ui *ui)
{
	ui->calm = later(ui->calm, clock_ms() + SCROLL_MS);
}

/* Keys that move the view; false: it is none. */
static bool
scroll_key(struct ui *ui, enum keys_action key)
{
	const int top = transcript_top(ui->transcript);

	switch (key) {
	case KEYS_PAGE_UP:   transcript_page(ui->transcript, -1); break;
	case KEYS_PAGE_DOWN: transcript_page(ui->transcript, 1); break;
	case KEYS_LINE_UP:   transcript_scroll(ui->transcript, -1); break;
	case KEYS_LINE_DOWN: transcript_scroll(ui->transcript, 1); break;
	case KEYS_TOP:       transcript_home(ui->transcript); break;
	case KEYS_BOTTOM:    transcript_end(ui->transcript); break;
	case KEYS_END:
		if (!input_empty(ui->input))
			return false;
		transcript_end(ui->transcript);
		break;
	default:
		return false;
	}
	if (transcript_top(ui->transcript) != top)
		stepped(ui);
	return true;
}

static void
take_key(struct ui *ui, enum keys_action key)
{
	if (key == KEYS_REDRAW)
		ui_redraw(ui);
	else if (ui->picker && key != KEYS_SUSPEND)
		end_picker(ui, picker_key(ui->picker, key));
	else if (keys_asks(key) != UI_ACT_NONE)
		push_action(ui, keys_asks(key));
	else if (!scroll_key(ui, key))
		push_action(ui, input_key(ui->input, key, ui->busy));
}

static void
take_text(struct ui *ui, const struct reader_unit *unit)
{
	if (ui->picker)
		end_picker(ui, picker_type(ui->picker, unit->at, unit->n));
	else if (unit->kind == READER_PASTE)
		input_paste(ui->input, unit->at, unit->n);
	else
		input_type(ui->input, unit->at, unit->n);
}

static void
take_sent(struct ui *ui)
{
	size_t n;
	char *text = input_sent(ui->input, &n);

	if (!text)
		return;
	struct ui_event *event = push_event(ui, UI_EVENT_LINE);
	event->text = text;
	event->text_n = n;
	transcript_end(ui->transcript);
}

static void
take_unit(struct ui *ui, const struct reader_unit *unit)
{
	if (unit->kind == READER_ANSWER) {
		take_answer(ui, unit->at, unit->n);
		return;
	}
	buf_clear(&ui->flash);
	touch(ui, BY_KEY);
	if (unit->kind == READER_KEY)
		take_key(ui, unit->action);
	else
		take_text(ui, unit);
	take_sent(ui);
}

static bool
readable(void)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };

	return poll(&p, 1, 0) > 0 && (p.revents & (POLLIN | POLLHUP | POLLERR));
}

void
ui_read(struct ui *ui)
{
	enum { READS = 16 };    /* a flood of keys must not keep the screen from being drawn */
	char bytes[4096];
	struct reader_unit unit;

	for (int i = 0; i < READS && !ui->gone && readable(); i++) {
		const ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
		if (n > 0) {
			reader_feed(ui->reader, bytes, (size_t)n, clock_ms());
		} else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
			ui->gone = true;
			push_event(ui, UI_EVENT_EOF);
		}
	}
	while (reader_next(ui->reader, clock_ms(), &unit))
		take_unit(ui, &unit);
	if (input_changed(ui->input)) {
		touch(ui, BY_KEY);
		push_event(ui, UI_EVENT_TYPED);
	}
}

/* ---------------------------------------------------------------- one frame */

/* From top to bottom: conversation, status line, chips, flash, input. */
struct layout {
	int area, chips, flash, input;  /* first rows; area: how many */
	int caret_row, caret_col;
};

static bool
too_small(const struct ui *ui)
{
	return ui->size.rows < MIN_ROWS || ui->size.cols < MIN_COLS;
}

static void
lay_out(struct ui *ui, struct layout *l)
{
	const int rows = ui->size.rows, cols = ui->size.cols;
	int most = rows / 2 - 1, y = rows;

	if (most > INPUT_ROWS)
		most = INPUT_ROWS;
	input_layout(ui->input, cols, most, &ui->input_rows, &l->caret_row, &l->caret_col);
	y -= ui->input_rows.n;
	l->input = y;
	y -= ui->flash.n > 0;
	l->flash = y;
	y -= ui->chips.n > 0;
	l->chips = y;
	l->area = y - 1;
	l->caret_row += l->input;
	transcript_resize(ui->transcript, view_columns(cols), l->area);
}

static void
paint_rows(const struct rows *rows, int y)
{
	for (int i = 0; i < rows->n; i++)
		screen_row(y + i, 0, &rows->at[i]);
}

static void
paint_text(struct ui *ui, int y, enum theme_role role, const struct buf *text)
{
	if (text->n == 0)
		return;
	row_clear(&ui->row);
	row_fit(&ui->row, role, text->at, text->n, ui->size.cols - INDENT);
	screen_row(y, INDENT, &ui->row);
}

static void
paint_status(struct ui *ui, int y)
{
	const struct status_text *s = &ui->status;
	const struct ui_status status = { s->name, s->state, s->context, s->speed, s->model, s->context_percent,
	                                  s->private_session };
	const bool follows = transcript_following(ui->transcript);
	const struct status_view view = { &status, follows ? 0 : transcript_below(ui->transcript),
	                                  input_mode(ui->input), ui->options.ascii };

	status_layout(&view, ui->size.cols, &ui->row);
	screen_row(y, 0, &ui->row);
}

/* What lies over the conversation: completions at its end, or a list over all of it. */
static void
lay_out_over(struct ui *ui, const struct layout *l, struct view_frame *frame)
{
	frame->overlay = ui->picker != NULL;
	rows_clear(&ui->menu_rows);
	if (!ui->picker)
		input_menu(ui->input, ui->size.cols, l->area < MENU_ROWS ? l->area : MENU_ROWS, &ui->menu_rows);
	frame->popup_rows = ui->menu_rows.n;
}

static void
paint_over(struct ui *ui, struct layout *l)
{
	for (int i = 0; i < ui->menu_rows.n; i++) {
		move(l->area - ui->menu_rows.n + i, 0);
		clrtoeol();
	}
	paint_rows(&ui->menu_rows, l->area - ui->menu_rows.n);
	if (!ui->picker)
		return;
	picker_layout(ui->picker, ui->size.cols, l->area, &ui->picker_rows);
	paint_rows(&ui->picker_rows, 0);
	picker_caret(ui->picker, &l->caret_row, &l->caret_col);
}

static void
draw_too_small(struct ui *ui)
{
	char line[96];

	snprintf(line, sizeof line, "ivchat needs %dx%d, this is %dx%d", MIN_COLS, MIN_ROWS, ui->size.cols,
	         ui->size.rows);
	erase();
	mvaddnstr(0, 0, line, ui->size.cols);
	refresh();
	view_forget(ui->view);
}

static void
draw_frame(struct ui *ui, int64_t now)
{
	struct layout l;
	struct view_frame frame = { .carry = ui->busy };

	lay_out(ui, &l);
	lay_out_over(ui, &l, &frame);
	frame.area = l.area;
	frame.may_send = now >= ui->calm && !term_busy(&ui->term, now);
	erase();
	view_compose(ui->view, &frame);
	paint_status(ui, l.area);
	paint_text(ui, l.chips, ROLE_CHIP, &ui->chips);
	paint_text(ui, l.flash, ROLE_FLASH, &ui->flash);
	paint_rows(&ui->input_rows, l.input);
	paint_over(ui, &l);
	move(l.caret_row, l.caret_col);
	wnoutrefresh(stdscr);
	view_before(ui->view);
	doupdate();
	view_after(ui->view);
	reader_expect(ui->reader, ui->term.asked || ui->term.pinged);
}

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
	at = later(at, ui->calm);
	return ui->term.pinged ? later(at, ui->term.pinged + QUESTION_MS) : at;
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
	const int64_t now = clock_ms(), at = due(ui);

	give_up_questions(ui, now);
	if (ui->gone || at < 0 || now < at)
		return;
	if (ui->clear) {
		clearok(curscr, TRUE);
		view_forget(ui->view);
		ui->clear = false;
	}
	ui->dirt = CLEAN;
	ui->drawn = now;
	if (too_small(ui))
		draw_too_small(ui);
	else
		draw_frame(ui, now);
}

int
ui_timeout(const struct ui *ui)
{
	const int64_t now = clock_ms(), at = due(ui);
	const int key = reader_timeout(ui->reader, now);
	int64_t wait = at < 0 ? -1 : at <= now ? 0 : at - now;

	if (key >= 0 && (wait < 0 || key < wait))
		wait = key;
	return (int)wait;
}

int
ui_fd(const struct ui *ui)
{
	(void)ui;
	return STDIN_FILENO;
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
}

struct ui *
ui_open(const struct ui_options *options, struct error *err)
{
	const struct screen_options screen = { options->theme, options->no_color };
	struct ui *ui;

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
	reader_expect(ui->reader, true);
	ui->transcript = transcript_new(options->ascii);
	ui->view = view_new(ui->transcript, &ui->term);
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
			ui_read(ui);
}

void
ui_close(struct ui *ui)
{
	if (!ui)
		return;
	await_answers(ui);
	screen_close();
	picker_free(ui->picker);
	input_free(ui->input);
	view_free(ui->view);
	transcript_free(ui->transcript);
	reader_free(ui->reader);
	free_status(&ui->status);
	for (int i = ui->events.taken; i < ui->events.n; i++)
		free(ui->events.at[i].text);
	free(ui->events.at);
	buf_done(&ui->chips);
	buf_done(&ui->flash);
	rows_done(&ui->input_rows);
	rows_done(&ui->menu_rows);
	rows_done(&ui->picker_rows);
	row_done(&ui->row);
	free(ui);
}

void
ui_emergency(void)
{
	screen_emergency();
}

void
ui_resize(struct ui *ui)
{
	ui->size = screen_size();
	screen_resize(&ui->size);
	input_resize(ui->input, ui->size.rows, ui->size.cols);
	ui->calm = later(ui->calm, clock_ms() + RESIZE_MS);
	ui->clear = true;
	term_ask_sizes(&ui->term);
	apply_terminal(ui);
}

void
ui_suspend(struct ui *ui)
{
	await_answers(ui);
	screen_suspend();
	ui_resize(ui);
}

void
ui_redraw(struct ui *ui)
{
	ui->clear = true;
	touch(ui, BY_KEY);
}

/* ---------------------------------------------------------------- the conversation */

int
ui_add(struct ui *ui, enum ui_look look, const char *text, size_t n)
{
	touch(ui, BY_PROGRAM);
	return transcript_add(ui->transcript, look, text, n);
}

void
ui_append(struct ui *ui, int entry, const char *text, size_t n)
{
	touch(ui, BY_PROGRAM);
	transcript_append(ui->transcript, entry, text, n);
}

void
ui_set_text(struct ui *ui, int entry, const char *text, size_t n)
{
	touch(ui, BY_PROGRAM);
	transcript_set_text(ui->transcript, entry, text, n);
}

void
ui_set_mark(struct ui *ui, int entry, const char *mark)
{
	touch(ui, BY_PROGRAM);
	transcript_set_mark(ui->transcript, entry, mark);
}

void
ui_remove(struct ui *ui, int entry)
{
	touch(ui, BY_PROGRAM);
	transcript_remove(ui->transcript, entry);
}

void
ui_clear(struct ui *ui)
{
	touch(ui, BY_PROGRAM);
	transcript_clear(ui->transcript);
}

void
ui_add_picture(struct ui *ui, int entry, const struct ui_picture *picture)
{
	touch(ui, BY_PROGRAM);
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
	bool changed = s->context_percent != status->context_percent ||
	               s->private_session != status->private_session;

	changed |= copy_text(&s->name, status->name);
	changed |= copy_text(&s->state, status->state);
	changed |= copy_text(&s->context, status->context);
	changed |= copy_text(&s->speed, status->speed);
	changed |= copy_text(&s->model, status->model);
	s->context_percent = status->context_percent;
	s->private_session = status->private_session;
	if (changed)
		touch(ui, BY_PROGRAM);
}

void
ui_set_staged(struct ui *ui, const char *const *chips, int n)
{
	buf_clear(&ui->chips);
	for (int i = 0; i < n; i++) {
		if (i > 0)
			buf_char(&ui->chips, ' ');
		buf_str(&ui->chips, chips[i]);
	}
	touch(ui, BY_PROGRAM);
}

void
ui_set_busy(struct ui *ui, bool answering)
{
	ui->busy = answering;
}

void
ui_flash(struct ui *ui, const char *text)
{
	buf_clear(&ui->flash);
	buf_str(&ui->flash, text);
	touch(ui, BY_KEY);
}

void
ui_set_input(struct ui *ui, const char *text)
{
	input_set_text(ui->input, text);
	touch(ui, BY_KEY);
}

const char *
ui_input(const struct ui *ui)
{
	return input_text(ui->input);
}

void
ui_history_add(struct ui *ui, const char *line)
{
	input_history_add(ui->input, line);
}

void
ui_pick(struct ui *ui, const char *title, const char *const *items, int n, int selected)
{
	picker_free(ui->picker);
	ui->picker = picker_list(title, items, n, selected, ui->options.ascii);
	touch(ui, BY_KEY);
}

void
ui_page(struct ui *ui, const char *title, const char *text)
{
	picker_free(ui->picker);
	ui->picker = picker_page(title, text, ui->options.ascii);
	touch(ui, BY_KEY);
}
