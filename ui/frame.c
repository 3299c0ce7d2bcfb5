/* frame.c: one frame: conversation, status line, chips, input, and what lies over them, composed anew out of what is known.
 * curses and picture.c send what differs. */
#include "config.h"

#include "ui/internal.h"

#include <stdio.h>
#include <string.h>

#include <curses.h>

#include "base/text.h"
#include "ui/find.h"
#include "ui/input.h"
#include "ui/picker.h"
#include "ui/status.h"
#include "ui/transcript.h"
#include "ui/view.h"
#include "ui/wrap.h"

enum {
	MIN_COLS = 40, MIN_ROWS = 8,
	LEAST_AREA = 1,         /* rows of the conversation, whatever stands below it */
	INDENT = 2,             /* of what stands above the input: as far as its prompt */
	INPUT_ROWS = 10, MENU_ROWS = 8, FLASH_ROWS = 4,
	PREVIEW_COLS = 60,      /* of a screen that has room for a list and a picture beside it */
};

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

/* The flash in rows: as many as it takes and there is room for; what has none says so. */
static void
lay_out_flash(struct ui *ui, int room)
{
	const char *more = ui->options.ascii ? "..." : "…";
	const int cols = ui->size.cols - INDENT - 1, most = room < FLASH_ROWS ? room : FLASH_ROWS;
	struct buf text = {0};
	struct wrap wrap = {0};

	rows_clear(&ui->flash_rows);
	text_visible_line(&text, buf_text(&ui->flash), ui->flash.n);
	wrap_add(&wrap, buf_text(&text), 0, text.n, cols);
	for (int i = 0; i < wrap.n && i < most; i++) {
		const size_t start = wrap.lines[i].start;
		const bool whole = i + 1 < most || wrap.n <= most;
		struct row *row = rows_add(&ui->flash_rows);

		row_fit(row, ROLE_FLASH, text.at + start, wrap.lines[i].end - start, whole ? cols : cols - (int)strlen(more));
		if (!whole)
			row_str(row, ROLE_FLASH, more);
	}
	wrap_done(&wrap);
	buf_done(&text);
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
	lay_out_flash(ui, y - LEAST_AREA - 1 - (ui->chips.n > 0));
	y -= ui->reading.asking ? 1 : ui->flash_rows.n;
	l->flash = y;
	y -= ui->chips.n > 0;
	l->chips = y;
	l->area = y - 1;
	l->caret_row += l->input;
	transcript_resize(ui->transcript, view_columns(cols), l->area);
	ui->area = l->area;
}

static void
paint_rows(const struct rows *rows, int y, int x)
{
	for (int i = 0; i < rows->n; i++)
		screen_row(y + i, x, &rows->at[i]);
}

/* As many chips as there is room for, and how many more there are. */
static void
paint_chips(struct ui *ui, int y)
{
	const char *at = buf_text(&ui->chips), *const end = at + ui->chips.n;
	const int room = ui->size.cols - 2 * INDENT;
	char more[16];
	int n = 0;

	row_clear(&ui->row);
	for (const char *next; at < end; at = next + 1, n++) {
		next = memchr(at, '\n', (size_t)(end - at));
		snprintf(more, sizeof more, " +%d", ui->n_chips - n);
		if (n > 0 && ui->row.cols + 1 + text_width(at, (size_t)(next - at)) +
		    (next + 1 < end ? (int)strlen(more) : 0) > room)
			break;
		if (n > 0)
			row_str(&ui->row, ROLE_CHIP, " ");
		row_fit(&ui->row, ROLE_CHIP, at, (size_t)(next - at), room - ui->row.cols - (next + 1 < end ? 4 : 0));
	}
	if (n < ui->n_chips)
		row_str(&ui->row, ROLE_CHIP, more);
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
	const struct ui_status status = { s->name, s->state, s->context, s->speed, s->model, s->mode, s->hint,
	                                  s->context_percent, s->private_session };
	const bool follows = transcript_following(ui->transcript);
	char found[48];
	struct status_view view = { .status = &status, .below = follows ? 0 : transcript_below(ui->transcript),
	                            .mode = input_mode(ui->input), .ascii = ui->options.ascii };

	if (ui->picker || ui->panes.n > 0)
		view.below = 0;         /* what lies over the conversation has its own place */
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

/* Rows of the list or page that is open: a short list leaves the end of the conversation in sight. */
static int
picker_height(const struct ui *ui, int area)
{
	const int rows = ui->previews ? -1 : picker_rows(ui->picker);

	return rows > 0 && 3 * rows <= 2 * area ? rows : area;
}

/* What lies over the conversation: completions or a short list at its end, or a list or pictures over all of it. */
static void
lay_out_over(struct ui *ui, const struct layout *l, struct view_frame *frame)
{
	const int picker = ui->picker ? picker_height(ui, l->area) : 0;

	frame->overlay = picker == l->area || (ui->panes.n > 0 && !ui->picker);
	rows_clear(&ui->menu_rows);
	if (!ui->picker)
		input_menu(ui->input, ui->size.cols, l->area < MENU_ROWS ? l->area : MENU_ROWS, &ui->menu_rows);
	frame->popup_rows = ui->picker ? (frame->overlay ? 0 : picker) : ui->menu_rows.n;
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

/* Rows in place of the last of the conversation. */
static void
paint_popup(const struct rows *rows, int area)
{
	for (int i = 0; i < rows->n; i++) {
		move(area - rows->n + i, 0);
		clrtoeol();
	}
	paint_rows(rows, area - rows->n, 0);
}

static void
paint_picker(struct ui *ui, struct layout *l)
{
	const int height = picker_height(ui, l->area);

	picker_layout(ui->picker, ui->size.cols, picker_cols(ui), height, &ui->picker_rows);
	if (height < l->area)
		paint_popup(&ui->picker_rows, l->area);
	else
		paint_rows(&ui->picker_rows, 0, 0);
	picker_caret(ui->picker, &l->caret_row, &l->caret_col);
	l->caret_row += l->area - height;
}

static void
paint_over(struct ui *ui, struct layout *l)
{
	paint_popup(&ui->menu_rows, l->area);
	if (ui->picker)
		paint_picker(ui, l);
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

/* What is typed, or how far it is with what plays. */
static void
paint_input(struct ui *ui, struct layout *l)
{
	const int room = ui->size.cols - 2 * INDENT, done = room * ui->progress / 1000;
	const bool ascii = ui->options.ascii;

	if (!ui->keys_only) {
		paint_rows(&ui->input_rows, l->input, 0);
		return;
	}
	row_clear(&ui->row);
	for (int i = 0; i < room; i++) {
		const bool past = i < done;
		const char *mark = ascii ? past ? "=" : "-" : past ? "━" : "─";

		row_str(&ui->row, past ? ROLE_PROMPT : ROLE_RULE, mark);
	}
	screen_row(l->input, INDENT, &ui->row);
	l->caret_row = l->input;
	l->caret_col = INDENT + (done < room ? done : room - 1);
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
	if (ui->n_chips > 0)
		paint_chips(ui, l.chips);
	if (!ui->reading.asking)
		paint_rows(&ui->flash_rows, l.flash, INDENT);
	paint_input(ui, &l);
	paint_reading(ui, &l, &frame);
	paint_over(ui, &l);
	move(l.caret_row, l.caret_col);
	wnoutrefresh(stdscr);
	view_before(ui->view);
	doupdate();
	view_after(ui->view);
	reader_expect(ui->reader, ui->term.asked || ui->term.pinged);
}

void
frame_draw(struct ui *ui, int64_t now)
{
	if (too_small(ui))
		draw_too_small(ui);
	else
		draw_frame(ui, now);
}
