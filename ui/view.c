/* view.c: paints the conversation: transcript lines → cells and places.
 *
 * A picture's lines become one place as long as they stand together. Where the place is on the
 * glass, or will be after this frame, its cells are filler that nothing else writes to; where it
 * has to wait they show its label.
 */
#include "config.h"

#include "ui/view.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/text.h"
#include "ui/blocks.h"
#include "ui/find.h"
#include "ui/panes.h"
#include "ui/row.h"
#include "ui/screen.h"
#include "ui/term.h"
#include "ui/transcript.h"

enum {
	BLOCKS_MAX = 16,
	INDENT = 2,             /* of everything but labels: as far as the prompt of the input */
	MARGIN_FROM = 60,       /* columns of a screen that has a margin at the right */
	GAP_LEFT = 2,           /* lines that are not worth sending pictures again */
	TEXT_MAX = 120,         /* columns of text on a wide screen */
};

/* A picture as half blocks, kept while it is looked at. */
struct blocks {
	int picture, cols, rows;
	struct block *cells;    /* [rows, cols]; NULL: this slot is free */
};

struct view {
	struct transcript *transcript;
	struct term *term;
	struct view_look look;
	struct glass glass;
	struct sixels *sixels, *large;  /* of the conversation, of panes */
	struct blocks blocks[BLOCKS_MAX];
	struct buf drawn[PLACES_MAX];   /* 24-bit blocks of the frame that is being made */
	int next_blocks;
	int top, area;          /* of the last frame; area 0: there was none */
	int lines, popup_rows;  /* of the same frame */
	int next_area;          /* of the frame that is being made */
	const struct buf *strings[PLACES_MAX];
	const struct panes *panes;      /* of the frame that is being made */
	bool had_panes;         /* the last frame did */
	bool ascii;
	struct line line;       /* work space */
};

struct view *
view_new(struct transcript *transcript, struct term *term, bool ascii)
{
	struct view *v = xcalloc(1, sizeof *v);

	v->transcript = transcript;
	v->term = term;
	v->ascii = ascii;
	v->sixels = sixels_new();
	v->large = sixels_new();
	return v;
}

static void
drop_blocks(struct view *v)
{
	for (int i = 0; i < BLOCKS_MAX; i++) {
		free(v->blocks[i].cells);
		v->blocks[i] = (struct blocks){ 0 };
	}
}

void
view_free(struct view *v)
{
	if (!v)
		return;
	drop_blocks(v);
	sixels_free(v->sixels);
	sixels_free(v->large);
	for (int i = 0; i < PLACES_MAX; i++)
		buf_done(&v->drawn[i]);
	row_done(&v->line.row);
	free(v);
}

/* ---------------------------------------------------------------- how pictures are drawn */

static bool
measure(void *arg, int width, int height, int columns, int *cols, int *rows)
{
	const struct view *v = arg;

	(void)columns;          /* the room's own are the screen's */
	if (v->look.images == VIEW_LABELS)
		return false;
	picture_cells(width, height, &v->look.room, cols, rows);
	return true;
}

void
view_set_look(struct view *v, const struct view_look *look)
{
	const bool same = v->look.images == look->images &&
	                  memcmp(&v->look.room, &look->room, sizeof look->room) == 0;
	struct sixel_limits large = look->limits;

	large.max_bytes = look->large_bytes;
	v->look = *look;
	sixels_limit(v->sixels, &look->limits);
	sixels_limit(v->large, &large);
	if (!same)
		transcript_set_measure(v->transcript, measure, v);
}

/* A margin at the right as at the left, where there is room for one; and lines that are not too long for the eye. */
int
view_columns(int screen_cols)
{
	const int cols = screen_cols - INDENT - (screen_cols >= MARGIN_FROM ? INDENT : 0);

	return cols < TEXT_MAX ? cols : TEXT_MAX;
}

void
view_forget(struct view *v)
{
	glass_forget(&v->glass);
	v->area = 0;
}

void
view_panes(const struct view *v, struct panes *panes, const struct box *box)
{
	panes_lay_out(panes, box, &v->look.room, v->look.images != VIEW_LABELS);
}

int
view_top(const struct view *v)
{
	return v->top;
}

/* ---------------------------------------------------------------- what is wanted */

/* Pictures are strings beside curses: sixels, or cells in more colours than it has. */
static bool
is_raw(const struct view *v)
{
	return v->look.images == VIEW_SIXEL || v->look.images == VIEW_TRUE_BLOCKS;
}

/* Cells with colours move and go as any other text does, on every terminal. */
static struct term
as_drawn_on(const struct view *v)
{
	struct term term = *v->term;

	if (v->look.images == VIEW_TRUE_BLOCKS) {
		term.quirks.scrolls = true;
		term.quirks.forgets = term.quirks.erase_all = false;
	}
	return term;
}

/* Joins screen row y to the place that ends above it, if it goes on there, else begins a new one. */
static void
collect_line(struct places *places, const struct line *line, const struct transcript_picture *picture, int y)
{
	struct place *last = places->n > 0 ? &places->at[places->n - 1] : NULL;

	if (last && last->picture == line->picture && last->row + last->rows == y &&
	    last->first + last->rows == line->picture_row) {
		last->rows++;
		return;
	}
	places_add(places, &(struct place){ .picture = line->picture, .row = y, .col = INDENT,
	                                    .first = line->picture_row, .rows = 1,
	                                    .cols = picture->cols, .of = picture->rows });
}

static void
collect(struct view *v, int top, int area, struct places *places)
{
	const int n = transcript_lines(v->transcript);

	places->n = 0;
	for (int y = 0; y < area && top + y < n; y++) {
		transcript_line(v->transcript, top + y, &v->line);
		if (v->line.kind != LINE_PICTURE)
			continue;
		const struct transcript_picture *picture = transcript_picture(v->transcript, v->line.picture);
		if (picture)
			collect_line(places, &v->line, picture, y);
	}
}

/* The first line to paint. Pictures should not move down, and where they cannot scroll they should
 * move seldom: a view that follows may leave a gap under the last line until new ones fill it, or the answer has ended. */
static int
choose_top(struct view *v, const struct view_frame *frame)
{
	const int top = transcript_top(v->transcript), gap = v->top - top;
	const bool scrolls = as_drawn_on(v).quirks.scrolls;
	const int step = frame->area / 3;

	if (!is_raw(v) || v->glass.shown.n == 0 || v->area == 0)
		return top;
	if (!transcript_following(v->transcript) || transcript_lines(v->transcript) <= frame->area)
		return top;
	if (gap >= 0 && gap <= (frame->carry || scrolls ? step : GAP_LEFT))
		return v->top;
	return !scrolls && frame->carry && gap < 0 ? top + step : top;
}

static void
collect_panes(const struct panes *panes, struct places *wanted)
{
	for (int i = 0; i < panes->n; i++) {
		const struct pane *p = &panes->at[i];

		places_add(wanted, &(struct place){ .picture = p->picture.id, .row = p->box.row, .col = p->box.col,
		                                    .rows = p->box.rows, .cols = p->box.cols, .of = p->box.rows });
	}
}

static void
want(struct view *v, const struct view_frame *frame, int top, struct places *wanted)
{
	wanted->n = 0;
	if (!is_raw(v))
		return;
	if (frame->panes)
		collect_panes(frame->panes, wanted);
	if (frame->overlay)
		return;
	collect(v, top, frame->area - frame->popup_rows, wanted);
}

static const struct transcript_picture *
look_up(struct view *v, int id)
{
	return id < 0 ? panes_picture(v->panes, id) : transcript_picture(v->transcript, id);
}

static const struct buf *
draw_blocks(struct view *v, int i, const struct transcript_picture *p)
{
	buf_clear(&v->drawn[i]);
	blocks_string(&v->drawn[i], &v->glass.send.at[i], p->rgb, p->width, p->height);
	return &v->drawn[i];
}

/* The strings of what is to be sent; a place without one stays a label. */
static void
encode(struct view *v)
{
	for (int i = 0; i < v->glass.send.n;) {
		const struct place *place = &v->glass.send.at[i];
		const struct transcript_picture *p = look_up(v, place->picture);
		const struct sixel_source source = { p->id, p->rgb, p->width, p->height };

		if (v->look.images == VIEW_TRUE_BLOCKS)
			v->strings[i] = draw_blocks(v, i, p);
		else
			v->strings[i] = sixels_get(p->id < 0 ? v->large : v->sixels, place, &source);
		if (v->strings[i])
			i++;
		else
			glass_refuse(&v->glass, i);
	}
}

/* ---------------------------------------------------------------- painting */

static const struct blocks *
blocks_for(struct view *v, const struct transcript_picture *p)
{
	struct blocks *b;

	for (int i = 0; i < BLOCKS_MAX; i++) {
		b = &v->blocks[i];
		if (b->cells && b->picture == p->id && b->cols == p->cols && b->rows == p->rows)
			return b;
	}
	b = &v->blocks[v->next_blocks++ % BLOCKS_MAX];
	free(b->cells);
	*b = (struct blocks){ p->id, p->cols, p->rows, NULL };
	b->cells = xcalloc((size_t)p->cols * (size_t)p->rows, sizeof *b->cells);
	blocks_map(p->rgb, p->width, p->height, p->cols, p->rows, b->cells);
	return b;
}

static bool
on_glass(const struct view *v, int picture, int y)
{
	for (int i = 0; i < v->glass.next.n; i++) {
		const struct place *p = &v->glass.next.at[i];
		if (p->picture == picture && y >= p->row && y < p->row + p->rows)
			return true;
	}
	return false;
}

static void
paint_label(const struct transcript_picture *p, int y)
{
	struct row row = { 0 };

	row_fit(&row, ROLE_PICTURE, p->label, strlen(p->label), p->cols);
	screen_row(y, INDENT, &row);
	row_done(&row);
}

static void
paint_picture(struct view *v, int y, bool first)
{
	const struct transcript_picture *p = transcript_picture(v->transcript, v->line.picture);
	const int row = v->line.picture_row;

	if (!p || row >= p->rows)
		return;
	if (v->look.images == VIEW_BLOCKS) {
		const struct blocks *b = blocks_for(v, p);
		blocks_paint(y, INDENT, b->cells + (size_t)row * (size_t)b->cols, b->cols);
	} else if (on_glass(v, p->id, y)) {
		screen_filler(y, INDENT, p->cols);
	} else if (first) {
		paint_label(p, y);
	}
}

/* Shows the matches of line `index` in its row. */
static void
mark_found(struct row *row, const struct find *find, int index)
{
	int n;
	const struct find_hit *hits = find_hits(find, index, &n);

	for (int i = 0; i < n; i++)
		row_mark(row, hits[i].start, hits[i].end,
		         hits[i].match == find->here ? ROLE_FOUND_HERE : ROLE_FOUND);
}

static void
paint_bar(const struct view *v, int y, bool here)
{
	const char *bar = v->ascii ? here ? ">" : "|" : here ? "▌" : "▎";
	struct row row = { 0 };

	row_str(&row, here ? ROLE_BAR_HERE : ROLE_BAR, bar);
	screen_row(y, 0, &row);
	row_done(&row);
}

/* The label of the selected entry makes room for the bar. */
static void
paint_text(struct view *v, const struct view_frame *frame, int y, int index)
{
	const bool label = v->line.kind == LINE_LABEL && v->line.entry != frame->selected;

	if (frame->find)
		mark_found(&v->line.row, frame->find, index);
	screen_row(y, label ? 0 : INDENT, &v->line.row);
}

static void
paint(struct view *v, const struct view_frame *frame, int top)
{
	const int n = transcript_lines(v->transcript);
	int last_picture = 0;

	for (int y = 0; y < frame->area && top + y < n; y++) {
		transcript_line(v->transcript, top + y, &v->line);
		if (v->line.kind == LINE_PICTURE) {
			paint_picture(v, y, v->line.picture != last_picture);
			last_picture = v->line.picture;
		} else {
			paint_text(v, frame, y, top + y);
		}
		if (top + y == frame->cursor || (v->line.entry == frame->selected && v->line.kind != LINE_BLANK))
			paint_bar(v, y, top + y == frame->cursor);
	}
}

/* ---------------------------------------------------------------- panes */

static void
paint_caption(const struct pane *pane)
{
	const struct transcript_picture *p = &pane->picture;
	const struct box *part = &pane->part;
	const int width = text_width(p->label, strlen(p->label));
	int col = pane->box.col + (pane->box.cols - width) / 2;
	struct row row = { 0 };

	if (col + width > part->col + part->cols)
		col = part->col + part->cols - width;
	if (col < part->col)
		col = part->col;
	row_fit(&row, ROLE_PICTURE, p->label, strlen(p->label), part->col + part->cols - col);
	screen_row(pane->box.row + pane->box.rows, col, &row);
	row_done(&row);
}

static void
paint_pane(struct view *v, const struct pane *pane)
{
	const struct box *box = &pane->box;
	const bool blocks = v->look.images == VIEW_BLOCKS && box->rows > 0;
	const struct blocks *b = blocks ? blocks_for(v, &pane->picture) : NULL;

	for (int i = 0; i < box->rows; i++) {
		if (b)
			blocks_paint(box->row + i, box->col, b->cells + (size_t)i * (size_t)b->cols, b->cols);
		else if (on_glass(v, pane->picture.id, box->row + i))
			screen_filler(box->row + i, box->col, box->cols);
	}
	paint_caption(pane);
}

/* ---------------------------------------------------------------- one frame */

void
view_compose(struct view *v, const struct view_frame *frame)
{
	const int top = choose_top(v, frame), lines = transcript_lines(v->transcript);
	struct places wanted;
	const struct term term = as_drawn_on(v);
	struct glass_wish wish = { .wanted = &wanted, .old_area = v->area, .may_send = frame->may_send };

	v->panes = frame->panes;
	want(v, frame, top, &wanted);
	wish.up = v->area > 0 && !frame->panes && !v->had_panes ? top - v->top : 0;
	wish.changed = top != v->top || frame->area != v->area || lines != v->lines ||
	               frame->popup_rows != v->popup_rows;
	glass_plan(&v->glass, &term, &wish);
	encode(v);
	if (!frame->overlay)
		paint(v, frame, top);
	for (int i = 0; frame->panes && i < frame->panes->n; i++)
		paint_pane(v, &frame->panes->at[i]);
	v->had_panes = frame->panes != NULL;
	v->top = top;
	v->lines = lines;
	v->popup_rows = frame->popup_rows;
	v->next_area = frame->area;
}

void
view_before(struct view *v)
{
	glass_before(&v->glass, v->term, v->area);
}

void
view_after(struct view *v)
{
	glass_after(&v->glass, v->term, v->strings);
	v->area = v->next_area;
}

bool
view_owed(const struct view *v)
{
	return v->glass.owed;
}

size_t
view_sent(const struct view *v)
{
	return v->glass.sent;
}
