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
#include "ui/blocks.h"
#include "ui/row.h"
#include "ui/screen.h"
#include "ui/term.h"
#include "ui/transcript.h"

enum {
	BLOCKS_MAX = 16,
	INDENT = 2,             /* of everything but labels: as far as the prompt of the input */
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
	struct sixels *sixels;
	struct blocks blocks[BLOCKS_MAX];
	int next_blocks;
	int top, area;          /* of the last frame; area 0: there was none */
	int lines, popup_rows;  /* of the same frame */
	int next_area;          /* of the frame that is being made */
	const struct buf *strings[PLACES_MAX];
	struct line line;       /* work space */
};

struct view *
view_new(struct transcript *transcript, struct term *term)
{
	struct view *v = xcalloc(1, sizeof *v);

	v->transcript = transcript;
	v->term = term;
	v->sixels = sixels_new();
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

	v->look = *look;
	sixels_limit(v->sixels, &look->limits);
	if (!same)
		transcript_set_measure(v->transcript, measure, v);
}

int
view_columns(int screen_cols)
{
	return screen_cols - INDENT;
}

void
view_forget(struct view *v)
{
	glass_forget(&v->glass);
	v->area = 0;
}

/* ---------------------------------------------------------------- what is wanted */

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
 * move seldom: a view that follows may leave a gap under the last line until new ones fill it. */
static int
choose_top(struct view *v, const struct view_frame *frame)
{
	const int top = transcript_top(v->transcript), gap = v->top - top;
	const bool scrolls = v->term->quirks.scrolls;
	const int step = frame->area / 3;

	if (v->look.images != VIEW_SIXEL || v->glass.shown.n == 0 || v->area == 0)
		return top;
	if (!transcript_following(v->transcript) || transcript_lines(v->transcript) <= frame->area)
		return top;
	if (gap >= 0 && gap <= step)
		return v->top;
	return !scrolls && frame->carry && gap < 0 ? top + step : top;
}

static void
want(struct view *v, const struct view_frame *frame, int top, struct places *wanted)
{
	wanted->n = 0;
	if (v->look.images != VIEW_SIXEL || frame->overlay)
		return;
	collect(v, top, frame->area, wanted);
	places_drop(wanted, frame->area - frame->popup_rows, 0, frame->popup_rows, v->look.room.cols);
}

/* The strings of what is to be sent; a place without one stays a label. */
static void
encode(struct view *v)
{
	for (int i = 0; i < v->glass.send.n;) {
		const struct place *place = &v->glass.send.at[i];
		const struct transcript_picture *p = transcript_picture(v->transcript, place->picture);
		const struct sixel_source source = { p->id, p->rgb, p->width, p->height };
		v->strings[i] = sixels_get(v->sixels, place, &source);
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

static void
paint(struct view *v, int top, int area)
{
	const int n = transcript_lines(v->transcript);
	int last_picture = 0;

	for (int y = 0; y < area && top + y < n; y++) {
		transcript_line(v->transcript, top + y, &v->line);
		if (v->line.kind == LINE_PICTURE) {
			paint_picture(v, y, v->line.picture != last_picture);
			last_picture = v->line.picture;
		} else {
			screen_row(y, v->line.kind == LINE_LABEL ? 0 : INDENT, &v->line.row);
		}
	}
}

/* ---------------------------------------------------------------- one frame */

void
view_compose(struct view *v, const struct view_frame *frame)
{
	const int top = choose_top(v, frame), lines = transcript_lines(v->transcript);
	struct places wanted;
	struct glass_wish wish = { .wanted = &wanted, .old_area = v->area, .may_send = frame->may_send };

	want(v, frame, top, &wanted);
	wish.up = v->area > 0 ? top - v->top : 0;
	wish.changed = top != v->top || frame->area != v->area || lines != v->lines ||
	               frame->popup_rows != v->popup_rows;
	glass_plan(&v->glass, v->term, &wish);
	encode(v);
	if (!frame->overlay)
		paint(v, top, frame->area);
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
