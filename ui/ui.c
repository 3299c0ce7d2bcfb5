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
#include "base/text.h"
#include "ui/input.h"
#include "ui/keys.h"
#include "ui/osc52.h"
#include "ui/panes.h"
#include "ui/picker.h"
#include "ui/plain.h"
#include "ui/reader.h"
#include "ui/reading.h"
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
	LARGE_TIMES = 4,        /* a picture over the conversation may have so many times the bytes */
	WHEEL_LINES = 3,
	PREVIEW_COLS = 60,      /* of a screen that has room for a list and a picture beside it */
	PASTE_TOLD = 1 << 18,   /* bytes of a paste that is not whole from which on it is talked about */
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
	struct plain *plain;            /* or NULL; if not, nothing else below is there but status and chips */
	struct ui_options options;      /* history and complete are not used after input_new */
	struct term term;
	struct reader *reader;
	struct input *input;
	struct transcript *transcript;
	struct view *view;
	struct picker *picker;          /* or NULL */
	bool previews;                  /* it has a picture beside it: */
	int previewed;                  /* of this item */
	struct reading reading;
	struct panes panes;             /* over the conversation, or beside the picker */
	bool mouse;
	int area;                       /* rows of the conversation in the last frame */
	struct events events;
	struct screen_size size;
	int cell_w, cell_h;

	struct status_text status;
	struct buf chips, flash;        /* empty: no such row */
	bool busy;                      /* an answer runs */
	bool keys_only;                 /* nothing is typed */
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

/* An action of reading mode, on its selected entry. */
static void
push_on_entry(struct ui *ui, enum ui_action action)
{
	struct ui_event *event = push_event(ui, UI_EVENT_ACTION);

	event->action = action;
	event->entry = ui->reading.entry;
}

/* The same on a picture, wherever that stands. */
static void
push_on_picture(struct ui *ui, enum ui_action action, int picture)
{
	int index, entry = transcript_owner(ui->transcript, picture, &index);
	struct ui_event *event;

	if (entry == 0) {
		ui_flash(ui, "there is no picture here");
		return;
	}
	event = push_event(ui, UI_EVENT_ACTION);
	event->action = action;
	event->entry = entry;
	event->picture = index;
}

bool
ui_next(struct ui *ui, struct ui_event *event)
{
	if (ui->plain)
		return plain_next(ui->plain, event);
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
	look.room = (struct picture_room){ ui->size.cols, ui->size.rows, w, h, t->max_w, t->max_h };
	look.limits = (struct sixel_limits){ w, h, t->registers > 0 && t->registers < 256 ? t->registers : 256,
	                                     max_bytes(ui, 1) };
	look.large_bytes = max_bytes(ui, LARGE_TIMES);
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
	panes_set(&ui->panes, NULL, 0);
}

/* Asks for the picture of the item that the picker stands on. */
static void
ask_preview(struct ui *ui)
{
	const int here = ui->picker && ui->previews ? picker_picked(ui->picker) : -1;

	if (here < 0 || here == ui->previewed)
		return;
	ui->previewed = here;
	push_event(ui, UI_EVENT_PREVIEW)->pick = here;
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

/* ---------------------------------------------------------------- reading mode */

static void
find_again(struct ui *ui, int by)
{
	if (reading_find_next(&ui->reading, by))
		stepped(ui);
	else
		ui_flash(ui, ui->reading.find.n_pattern > 0 ? "not found" : "nothing is looked for: / begins");
}

/* What reading mode asks of the program. */
static void
ask_program(struct ui *ui, enum ui_action action)
{
	switch (action) {
	case UI_ACT_NONE:
		ui_flash(ui, "reading: q goes back to typing, F1 lists the keys");
		break;
	case UI_ACT_ENLARGE:
	case UI_ACT_VIEW:
		push_on_picture(ui, action, reading_picture(&ui->reading));
		break;
	case UI_ACT_EDIT:
	case UI_ACT_REGEN:
	case UI_ACT_CONTINUE:
	case UI_ACT_FORK:
		push_on_entry(ui, action);
		reading_leave(&ui->reading);
		break;
	default:
		push_on_entry(ui, action);
		break;
	}
}

static void
take_reading(struct ui *ui, enum keys_reading key)
{
	struct reading *r = &ui->reading;

	switch (key) {
	case READING_FIND:
	case READING_FIND_BACK:
		reading_ask(r, key == READING_FIND ? 1 : -1);
		break;
	case READING_FIND_NEXT:
		find_again(ui, r->by);
		break;
	case READING_FIND_PREV:
		find_again(ui, -r->by);
		break;
	case READING_LEAVE:
		reading_leave(r);
		break;
	default:
		if (reading_move(r, key))
			stepped(ui);
		else
			ask_program(ui, keys_reading_asks(key));
		break;
	}
}

/* Keys while a pattern is being typed. */
static void
take_question(struct ui *ui, enum keys_action key)
{
	struct reading *r = &ui->reading;

	switch (key) {
	case KEYS_SEND:
		if (r->find.n_matches == 0 && r->pattern.n > 0)
			ui_flash(ui, "not found");
		reading_take(r);
		break;
	case KEYS_ESC:
	case KEYS_STOP:
		reading_give_up(r);
		break;
	case KEYS_BACKSPACE:
		reading_erase(r);
		break;
	case KEYS_FIND:
		reading_find_next(r, r->by);
		break;
	case KEYS_UP:
	case KEYS_DOWN:
		reading_find_next(r, key == KEYS_UP ? -1 : 1);
		break;
	default:
		return;
	}
	stepped(ui);
}

/* Typed characters as keys; what follows one that leads back to typing is typed. */
static void
read_text(struct ui *ui, const char *s, size_t n)
{
	size_t i = 0;

	if (s[0] == '\033')
		return;
	while (i < n && ui->reading.on && !ui->reading.asking)
		take_reading(ui, keys_reading_char(s[i++]));
	if (i < n && ui->reading.asking)
		reading_type(&ui->reading, s + i, n - i);
	else if (i < n)
		input_type(ui->input, s + i, n - i);
}

/* ---------------------------------------------------------------- mouse */

static void
toggle_mouse(struct ui *ui)
{
	ui->mouse = !ui->mouse;
	screen_mouse(ui->mouse);
	ui_flash(ui, ui->mouse ? "mouse on: the wheel scrolls, a click selects; with Shift the terminal's own selection"
	                       : "mouse off");
}

static void
take_wheel(struct ui *ui, int by)
{
	if (ui->picker) {
		picker_key(ui->picker, by < 0 ? KEYS_UP : KEYS_DOWN);
		return;
	}
	transcript_scroll(ui->transcript, by * WHEEL_LINES);
	if (ui->reading.on)
		reading_drag(&ui->reading);
	stepped(ui);
}

/* A click on a picture enlarges it; another one selects the message, unless a line is being written. */
static void
take_click(struct ui *ui, int row)
{
	const int index = view_top(ui->view) + row;
	struct line line = {0};

	if (ui->picker || row >= ui->area || index >= transcript_lines(ui->transcript))
		return;
	transcript_line(ui->transcript, index, &line);
	row_done(&line.row);
	if (ui->reading.on || input_empty(ui->input)) {
		ui->reading.on = true;
		reading_stand(&ui->reading, index);
	}
	if (line.kind == LINE_PICTURE)
		push_on_picture(ui, UI_ACT_ENLARGE, line.picture);
}

static void
take_mouse(struct ui *ui, const struct reader_mouse *mouse)
{
	if (mouse->button == MOUSE_WHEEL_UP || mouse->button == MOUSE_WHEEL_DOWN)
		take_wheel(ui, mouse->button == MOUSE_WHEEL_UP ? -1 : 1);
	else if (mouse->button == MOUSE_LEFT)
		take_click(ui, mouse->row);
}

/* ---------------------------------------------------------------- what comes from the terminal */

/* Keys that act wherever one is; false: it is none. */
static bool
screen_key(struct ui *ui, enum keys_action key)
{
	if (key == KEYS_REDRAW)
		ui_redraw(ui);
	else if (key == KEYS_SUSPEND)
		push_action(ui, UI_ACT_SUSPEND);
	else if (key == KEYS_MOUSE)
		toggle_mouse(ui);
	else
		return false;
	return true;
}

static void
take_key(struct ui *ui, enum keys_action key)
{
	struct reading *r = &ui->reading;

	if (screen_key(ui, key))
		return;
	if (ui->picker)
		end_picker(ui, picker_key(ui->picker, key));
	else if (r->asking)
		take_question(ui, key);
	else if (keys_asks(key) != UI_ACT_NONE)
		push_action(ui, keys_asks(key));
	else if (r->on)
		take_reading(ui, keys_reading_key(key));
	else if (key == KEYS_FIND)
		reading_ask(r, -1);
	else if (key == KEYS_ESC && !input_wants_esc(ui->input))
		reading_enter(r);
	else if (!scroll_key(ui, key))
		push_action(ui, input_key(ui->input, key, ui->busy));
}

/* ---- keys only */

void
ui_set_keys_only(struct ui *ui, bool on)
{
	ui->keys_only = on;
}

static void
push_key(struct ui *ui, int32_t key)
{
	push_event(ui, UI_EVENT_KEY)->key = key;
}

static void
push_special(struct ui *ui, enum keys_action key)
{
	switch (key) {
	case KEYS_SEND:      push_key(ui, UI_KEY_ENTER); break;
	case KEYS_BACKSPACE: push_key(ui, UI_KEY_BACKSPACE); break;
	case KEYS_ESC:       push_key(ui, UI_KEY_ESC); break;
	case KEYS_STOP:      push_key(ui, UI_KEY_INTERRUPT); break;
	case KEYS_DELETE:    push_key(ui, UI_KEY_EOF); break;
	default:             scroll_key(ui, key); break;
	}
}

/* Whole characters, or one escape sequence that is none of our actions. */
static void
push_characters(struct ui *ui, const char *s, size_t n)
{
	int32_t cp;

	if (s[0] == '\033') {
		if (n == 3 && (s[2] == 'C' || s[2] == 'D'))
			push_key(ui, s[2] == 'C' ? UI_KEY_RIGHT : UI_KEY_LEFT);
		return;
	}
	for (size_t i = 0; i < n;) {
		i += text_decode(s + i, n - i, &cp);
		push_key(ui, cp);
	}
}

static void
take_only_key(struct ui *ui, const struct reader_unit *unit)
{
	if (unit->kind == READER_MOUSE)
		take_mouse(ui, &unit->mouse);
	else if (unit->kind == READER_TEXT)
		push_characters(ui, unit->at, unit->n);
	else if (unit->kind != READER_KEY || screen_key(ui, unit->action))
		return;
	else if (keys_asks(unit->action) != UI_ACT_NONE)
		push_action(ui, keys_asks(unit->action));
	else
		push_special(ui, unit->action);
}

static void
take_text(struct ui *ui, const struct reader_unit *unit)
{
	if (ui->picker)
		end_picker(ui, picker_type(ui->picker, unit->at, unit->n));
	else if (ui->reading.asking)
		reading_type(&ui->reading, unit->at, unit->n);
	else if (ui->reading.on)
		read_text(ui, unit->at, unit->n);
	else
		input_type(ui->input, unit->at, unit->n);
}

static void
take_paste(struct ui *ui, const struct reader_unit *unit)
{
	const struct ui_options *o = &ui->options;

	if (ui->picker || ui->reading.asking) {
		take_text(ui, unit);
		return;
	}
	reading_leave(&ui->reading);
	if (!o->paste || !o->paste(o->paste_arg, unit->at, unit->n))
		input_paste(ui->input, unit->at, unit->n);
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

/* Any key takes away what ui_show shows, and does nothing else. */
static bool
leaves_panes(struct ui *ui, const struct reader_unit *unit)
{
	if (ui->panes.n == 0 || ui->picker)
		return false;
	if (unit->kind == READER_KEY && (unit->action == KEYS_REDRAW || unit->action == KEYS_SUSPEND))
		return false;
	panes_set(&ui->panes, NULL, 0);
	return true;
}

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
	buf_clear(&ui->flash);
	touch(ui, BY_KEY);
	if (leaves_panes(ui, unit))
		return;
	if (ui->keys_only && !ui->picker) {
		take_only_key(ui, unit);
		return;
	}
	if (unit->kind == READER_KEY)
		take_key(ui, unit->action);
	else if (unit->kind == READER_MOUSE)
		take_mouse(ui, &unit->mouse);
	else if (unit->kind == READER_PASTE)
		take_paste(ui, unit);
	else
		take_text(ui, unit);
	ask_preview(ui);
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

	if (ui->plain) {
		plain_read(ui->plain);
		return;
	}
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
	tell_paste(ui);
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
	y -= ui->flash.n > 0 || ui->reading.asking;
	l->flash = y;
	y -= ui->chips.n > 0;
	l->chips = y;
	l->area = y - 1;
	l->caret_row += l->input;
	transcript_resize(ui->transcript, view_columns(cols), l->area);
	ui->area = l->area;
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

/* "match 3 of 17"; NULL when nothing is looked for. */
static const char *
say_found(const struct reading *r, char *text, size_t size)
{
	if (r->find.n_pattern == 0)
		return NULL;
	if (r->find.n_matches == 0)
		return "not found";
	snprintf(text, size, "match %d of %d", r->find.here + 1, r->find.n_matches);
	return text;
}

static void
paint_status(struct ui *ui, int y)
{
	const struct status_text *s = &ui->status;
	const struct ui_status status = { s->name, s->state, s->context, s->speed, s->model, s->context_percent,
	                                  s->private_session };
	const bool follows = transcript_following(ui->transcript);
	char found[48];
	struct status_view view = { .status = &status, .below = follows ? 0 : transcript_below(ui->transcript),
	                            .mode = input_mode(ui->input), .ascii = ui->options.ascii };

	if (ui->panes.n > 0 && !ui->picker) {
		view.reading = " PICTURE ";
		view.hint = "any key returns";
	} else if (ui->reading.on) {
		view.reading = ui->reading.asking ? " FIND " : " READING ";
		view.found = say_found(&ui->reading, found, sizeof found);
		view.hint = ui->reading.asking ? "Enter takes, Esc leaves" : "q back, F1 keys";
	}
	status_layout(&view, ui->size.cols, &ui->row);
	screen_row(y, 0, &ui->row);
}

/* Columns of the list, when a picture stands beside it. */
static int
picker_cols(const struct ui *ui)
{
	const bool beside = ui->previews && ui->size.cols >= PREVIEW_COLS;

	return beside ? ui->size.cols / 2 : ui->size.cols;
}

static void
lay_out_panes(struct ui *ui, const struct layout *l, struct view_frame *frame)
{
	struct box box = { 0, 0, l->area, ui->size.cols };

	if (ui->panes.n == 0 || (ui->picker && picker_cols(ui) == ui->size.cols))
		return;
	if (ui->picker)
		box = (struct box){ 1, picker_cols(ui) + 1, l->area - 2, ui->size.cols - picker_cols(ui) - 2 };
	view_panes(ui->view, &ui->panes, &box);
	frame->panes = &ui->panes;
}

/* What lies over the conversation: completions at its end, or a list or pictures over all of it. */
static void
lay_out_over(struct ui *ui, const struct layout *l, struct view_frame *frame)
{
	frame->overlay = ui->picker || ui->panes.n > 0;
	rows_clear(&ui->menu_rows);
	if (!ui->picker)
		input_menu(ui->input, ui->size.cols, l->area < MENU_ROWS ? l->area : MENU_ROWS, &ui->menu_rows);
	frame->popup_rows = ui->menu_rows.n;
	lay_out_panes(ui, l, frame);
}

/* What reading mode shows in the conversation. */
static void
lay_out_reading(struct ui *ui, struct view_frame *frame)
{
	struct reading *r = &ui->reading;

	frame->cursor = -1;
	if (!r->on)
		return;
	reading_settle(r);
	find_run(&r->find, ui->transcript);
	frame->cursor = transcript_lines(ui->transcript) > 0 ? reading_cursor(r) : -1;
	frame->selected = r->entry;
	frame->find = &r->find;
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
	picker_layout(ui->picker, picker_cols(ui), l->area, &ui->picker_rows);
	paint_rows(&ui->picker_rows, 0);
	picker_caret(ui->picker, &l->caret_row, &l->caret_col);
}

/* The pattern that is being typed, in the row of the flash. */
static void
paint_question(struct ui *ui, struct layout *l)
{
	const struct buf *pattern = &ui->reading.pattern;

	row_clear(&ui->row);
	row_str(&ui->row, ROLE_PROMPT, "find: ");
	row_fit(&ui->row, ROLE_INPUT, buf_text(pattern), pattern->n, ui->size.cols - INDENT - ui->row.cols - 1);
	screen_row(l->flash, INDENT, &ui->row);
	l->caret_row = l->flash;
	l->caret_col = INDENT + ui->row.cols;
}

/* In reading mode the terminal's cursor is at the line that is read. */
static void
paint_reading(struct ui *ui, struct layout *l, const struct view_frame *frame)
{
	if (!ui->reading.on || ui->picker || ui->panes.n > 0)
		return;
	if (frame->cursor >= 0) {
		l->caret_row = frame->cursor - view_top(ui->view);
		l->caret_col = 0;
	}
	if (ui->reading.asking)
		paint_question(ui, l);
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
	lay_out_reading(ui, &frame);
	frame.area = l.area;
	frame.may_send = now >= ui->calm && !term_busy(&ui->term, now);
	erase();
	view_compose(ui->view, &frame);
	paint_status(ui, l.area);
	paint_text(ui, l.chips, ROLE_CHIP, &ui->chips);
	paint_text(ui, l.flash, ROLE_FLASH, &ui->flash);
	paint_rows(&ui->input_rows, l.input);
	paint_reading(ui, &l, &frame);
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
	int64_t now, at;

	if (ui->plain) {
		plain_draw(ui->plain);
		return;
	}
	now = clock_ms();
	at = due(ui);
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
	return (int)wait;
}

int
ui_fd(const struct ui *ui)
{
	return ui->plain ? plain_fd(ui->plain) : STDIN_FILENO;
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

static struct ui *
open_plain(const struct ui_options *options)
{
	struct ui *ui = xcalloc(1, sizeof *ui);

	ui->options = *options;
	ui->plain = plain_open();
	return ui;
}

struct ui *
ui_open(const struct ui_options *options, struct error *err)
{
	const struct screen_options screen = { options->theme, options->no_color };
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
	reader_expect(ui->reader, true);
	ui->transcript = transcript_new(options->ascii);
	ui->view = view_new(ui->transcript, &ui->term, options->ascii);
	reading_init(&ui->reading, ui->transcript);
	ui->mouse = options->mouse;
	screen_mouse(ui->mouse);
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

static void
close_screen(struct ui *ui)
{
	await_answers(ui);
	screen_close();
	picker_free(ui->picker);
	panes_done(&ui->panes);
	reading_done(&ui->reading);
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
	ui->calm = later(ui->calm, clock_ms() + RESIZE_MS);
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
	if (ui->plain)
		return plain_add(ui->plain, look, text, n);
	touch(ui, BY_PROGRAM);
	return transcript_add(ui->transcript, look, text, n);
}

void
ui_append(struct ui *ui, int entry, const char *text, size_t n)
{
	if (ui->plain) {
		plain_append(ui->plain, entry, text, n);
		return;
	}
	touch(ui, BY_PROGRAM);
	transcript_append(ui->transcript, entry, text, n);
}

void
ui_set_text(struct ui *ui, int entry, const char *text, size_t n)
{
	if (ui->plain) {
		plain_set_text(ui->plain, entry, text, n);
		return;
	}
	touch(ui, BY_PROGRAM);
	transcript_set_text(ui->transcript, entry, text, n);
}

void
ui_set_mark(struct ui *ui, int entry, const char *mark)
{
	if (ui->plain) {
		plain_set_mark(ui->plain, entry, mark);
		return;
	}
	touch(ui, BY_PROGRAM);
	transcript_set_mark(ui->transcript, entry, mark);
}

void
ui_remove(struct ui *ui, int entry)
{
	if (ui->plain) {
		plain_remove(ui->plain, entry);
		return;
	}
	touch(ui, BY_PROGRAM);
	transcript_remove(ui->transcript, entry);
}

void
ui_clear(struct ui *ui)
{
	if (ui->plain) {
		plain_clear(ui->plain);
		return;
	}
	touch(ui, BY_PROGRAM);
	transcript_clear(ui->transcript);
}

void
ui_set_raw(struct ui *ui, bool raw)
{
	if (ui->plain)
		return;         /* it always is */
	touch(ui, BY_KEY);
	transcript_set_raw(ui->transcript, 0, raw);
}

void
ui_add_picture(struct ui *ui, int entry, const struct ui_picture *picture)
{
	if (ui->plain) {
		plain_add_picture(ui->plain, entry, picture->label);
		return;
	}
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
	if (ui->plain && n > 0)
		plain_tell(ui->plain, ui->chips.at);
	touch(ui, BY_PROGRAM);
}

void
ui_set_busy(struct ui *ui, bool answering)
{
	ui->busy = answering;
	if (answering || ui->plain)
		return;
	transcript_finish(ui->transcript);
	touch(ui, BY_PROGRAM);
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
	touch(ui, BY_KEY);
}

void
ui_set_input(struct ui *ui, const char *text)
{
	if (ui->plain) {
		plain_set_input(ui->plain, text);
		return;
	}
	input_set_text(ui->input, text);
	touch(ui, BY_KEY);
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
	touch(ui, BY_KEY);
}

void
ui_pick_pictures(struct ui *ui, const char *title, const char *const *items, int n, int selected)
{
	ui_pick(ui, title, items, n, selected);
	if (ui->plain)
		return;
	ui->previews = true;
	ui->previewed = -1;
	ask_preview(ui);
}

void
ui_preview(struct ui *ui, const struct ui_picture *picture)
{
	if (ui->plain || !ui->picker || !ui->previews)
		return;
	panes_set(&ui->panes, picture, picture ? 1 : 0);
	touch(ui, BY_KEY);
}

void
ui_show(struct ui *ui, const struct ui_picture *pictures, int n)
{
	for (int i = 0; ui->plain && i < n; i++)
		plain_tell(ui->plain, pictures[i].label);
	if (ui->plain)
		return;
	panes_set(&ui->panes, pictures, n);
	touch(ui, BY_KEY);
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
	touch(ui, BY_KEY);
}

int
ui_find(struct ui *ui, const char *pattern)
{
	if (ui->plain)
		return 0;
	touch(ui, BY_KEY);
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
	touch(ui, BY_KEY);
}
