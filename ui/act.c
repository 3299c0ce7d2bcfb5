/* act.c: what keys, text, pastes and the mouse do: in the input, in the list that is open, in reading mode, or as an event
 * for the program. */
#include "config.h"

#include "ui/internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "ui/input.h"
#include "ui/keys.h"
#include "ui/picker.h"
#include "ui/transcript.h"
#include "ui/view.h"

enum {
	SCROLL_MS = 150,        /* pictures are sent this long after the last step of a person */
	WHEEL_LINES = 3,
};

/* ---------------------------------------------------------------- events */

static void
push_action(struct ui *ui, enum ui_action action)
{
	if (action != UI_ACT_NONE)
		ui_push(ui, UI_EVENT_ACTION)->action = action;
}

/* An action of reading mode, on its selected entry. */
static void
push_on_entry(struct ui *ui, enum ui_action action)
{
	struct ui_event *event = ui_push(ui, UI_EVENT_ACTION);

	event->action = action;
	event->entry = ui->reading.entry;
}

/* A key that asks the program wherever one is; help tells of reading mode first there. */
static void
push_asked(struct ui *ui, enum ui_action action)
{
	if (ui->reading.on && action == UI_ACT_HELP)
		push_on_entry(ui, action);
	else
		push_action(ui, action);
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
	event = ui_push(ui, UI_EVENT_ACTION);
	event->action = action;
	event->entry = entry;
	event->picture = index;
}

/* ---------------------------------------------------------------- keys */

static void
end_picker(struct ui *ui, enum picker_end end)
{
	if (end == PICKER_STAYS)
		return;
	if (!picker_is_page(ui->picker))
		ui_push(ui, UI_EVENT_PICK)->pick = end == PICKER_TAKEN ? picker_picked(ui->picker) : -1;
	picker_free(ui->picker);
	ui->picker = NULL;
	panes_set(&ui->panes, NULL, 0);
}

/* Asks for the picture of the item that the picker stands on. */
void
act_ask_preview(struct ui *ui)
{
	const int here = ui->picker && ui->previews ? picker_picked(ui->picker) : -1;

	if (here < 0 || here == ui->previewed)
		return;
	ui->previewed = here;
	ui_push(ui, UI_EVENT_PREVIEW)->pick = here;
}

/* A person moves through the text: pictures wait until the last step. */
static void
stepped(struct ui *ui)
{
	ui->calm = ui_later(ui->calm, clock_ms() + SCROLL_MS);
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
	for (; i < n && ui->reading.on && !ui->reading.asking; i++)
		take_reading(ui, keys_reading_find(ui->options.keymap, s + i, 1, KEYS_NONE));
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
	ui_flash(ui, ui->mouse ? "mouse on: wheel scrolls, click selects; with Shift as without it"
	                       : "mouse off");
}

static void
take_wheel(struct ui *ui, int by)
{
	if (ui->picker) {
		for (int i = picker_is_page(ui->picker) ? WHEEL_LINES : 1; i > 0; i--)
			picker_key(ui->picker, by < 0 ? KEYS_UP : KEYS_DOWN);
		return;
	}
	transcript_scroll(ui->transcript, by * WHEEL_LINES);
	if (ui->reading.on)
		reading_drag(&ui->reading);
	stepped(ui);
}

/* In a list a click is for its items. A click on a picture enlarges it; another one selects the message, unless a line is
 * being written. */
static void
take_click(struct ui *ui, int row)
{
	const int index = view_top(ui->view) + row;
	struct line line = {0};

	if (ui->picker) {
		end_picker(ui, picker_click(ui->picker, row - ui->area + ui->picker_rows.n));
		return;
	}
	if (row >= ui->area || index >= transcript_lines(ui->transcript))
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

static void
ask_clipboard(struct ui *ui)
{
	fetch_begin(&ui->fetch, &ui->term, clock_ms());
	reader_expect(ui->reader, true);
	ui_flash(ui, "the terminal is asked for the picture in its clipboard");
}

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
	else if (key == KEYS_CLIPBOARD && ui->term.clipboard && !ui->keys_only)
		ask_clipboard(ui);
	else
		return false;
	return true;
}

/* Reading mode has the keys. */
static bool
reads(const struct ui *ui)
{
	return ui->reading.on && !ui->reading.asking && !ui->picker && !ui->keys_only;
}

static void
take_key(struct ui *ui, const struct reader_unit *unit)
{
	const struct ui_keymap *map = ui->options.keymap;
	const enum keys_action key = unit->action;
	struct reading *r = &ui->reading;

	if (reads(ui) && keys_reading_bound(map, unit->at, unit->n)) {
		take_reading(ui, keys_reading_find(map, unit->at, unit->n, key));
		return;
	}
	if (screen_key(ui, key))
		return;
	if (ui->picker)
		end_picker(ui, picker_key(ui->picker, key));
	else if (r->asking)
		take_question(ui, key);
	else if (keys_asks(key) != UI_ACT_NONE)
		push_asked(ui, keys_asks(key));
	else if (r->on)
		take_reading(ui, keys_reading_find(map, unit->at, unit->n, key));
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
	ui_push(ui, UI_EVENT_KEY)->key = key;
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
	struct ui_event *event = ui_push(ui, UI_EVENT_LINE);
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

/* A key that is one in reading mode only is what it would be without. */
static void
act_elsewhere(struct ui *ui, const struct reader_unit *unit)
{
	struct reader_unit text = *unit;

	text.kind = READER_TEXT;
	text.action = KEYS_NONE;
	act_take(ui, &text);
}

void
act_take(struct ui *ui, const struct reader_unit *unit)
{
	if (unit->kind == READER_KEY && unit->action == KEYS_READS && !reads(ui)) {
		act_elsewhere(ui, unit);
		return;
	}
	buf_clear(&ui->flash);
	ui_touch(ui, BY_KEY);
	if (leaves_panes(ui, unit))
		return;
	if (ui->keys_only && !ui->picker) {
		take_only_key(ui, unit);
		return;
	}
	if (unit->kind == READER_KEY)
		take_key(ui, unit);
	else if (unit->kind == READER_MOUSE)
		take_mouse(ui, &unit->mouse);
	else if (unit->kind == READER_PASTE)
		take_paste(ui, unit);
	else
		take_text(ui, unit);
	act_ask_preview(ui);
	take_sent(ui);
}
