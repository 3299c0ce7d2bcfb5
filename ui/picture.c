/* picture.c: where pictures stand on the glass and when they are sent again.
 *
 * The invariant: `shown` is what a terminal of the right kind would paint again from its own
 * memory. So pictures are erased by printing spaces (EL and ECH leave ghosts in xterm), only where
 * the new one does not cover (no flicker), moved only by LF at the bottom margin (the one scroll
 * that moves glass and memory alike), and curses is told of both through curscr. ncurses scrolls by
 * itself whatever idlok says; see hold_scroll().
 */
#include "config.h"

#include "ui/picture.h"

#include <assert.h>
#include <string.h>

#include <curses.h>

#include "base/buf.h"
#include "base/clock.h"
#include "ui/term.h"

enum { MAX_WIDTH = 640 };

/* ---------------------------------------------------------------- pure */

static int
at_most(int a, int b)
{
	return a < b ? a : b;
}

static int
at_least(int a, int b)
{
	return a > b ? a : b;
}

static int
round_cells(double pixels, int cell, int most)
{
	return at_least(1, at_most(most, (int)(pixels / cell + 0.5)));
}

void
picture_cells(int w, int h, const struct picture_room *room, int *cols, int *rows)
{
	const int cw = room->cell_w, ch = room->cell_h;
	int most_w = at_least(1, at_most(room->cols * 6 / 10, (room->width > 0 ? room->width : MAX_WIDTH) / cw));
	int most_h = at_least(1, room->rows / 2);
	double scale = 1;

	assert(w > 0 && h > 0 && cw > 0 && ch > 0);
	if (room->max_w > 0)
		most_w = at_least(1, at_most(most_w, room->max_w / cw));
	if (room->max_h > 0)
		most_h = at_least(1, at_most(most_h, room->max_h / ch));
	if (w < 2 * cw && h < 2 * ch)
		scale = 2.0 * cw / w < 2.0 * ch / h ? 2.0 * cw / w : 2.0 * ch / h;
	if (w * scale > (double)most_w * cw)
		scale = (double)most_w * cw / w;
	if (h * scale > (double)most_h * ch)
		scale = (double)most_h * ch / h;
	*cols = round_cells(w * scale, cw, most_w);
	*rows = round_cells(h * scale, ch, most_h);
}

bool
place_same(const struct place *a, const struct place *b)
{
	return a->picture == b->picture && a->row == b->row && a->col == b->col && a->first == b->first &&
	       a->rows == b->rows && a->cols == b->cols && a->of == b->of;
}

bool
place_touches(const struct place *p, int row, int col, int rows, int cols)
{
	return p->row < row + rows && row < p->row + p->rows && p->col < col + cols && col < p->col + p->cols;
}

void
places_add(struct places *places, const struct place *place)
{
	if (places->n < PLACES_MAX && place->rows > 0 && place->cols > 0)
		places->at[places->n++] = *place;
}

bool
places_have(const struct places *places, const struct place *place)
{
	for (int i = 0; i < places->n; i++) {
		if (place_same(&places->at[i], place))
			return true;
	}
	return false;
}

void
places_scroll(struct places *places, int d)
{
	struct places left = { .n = 0 };

	for (int i = 0; i < places->n; i++) {
		struct place p = places->at[i];
		p.row -= d;
		if (p.row < 0) {
			p.first -= p.row;
			p.rows += p.row;
			p.row = 0;
		}
		places_add(&left, &p);
	}
	*places = left;
}

static bool
covered(const struct places *over, int row, int col)
{
	for (int i = 0; i < over->n; i++) {
		if (place_touches(&over->at[i], row, col, 1, 1))
			return true;
	}
	return false;
}

int
place_bare_run(const struct place *place, const struct places *over, int row, int *col)
{
	const int end = place->col + place->cols;
	int from = at_least(*col, place->col), to;

	if (row < place->row || row >= place->row + place->rows)
		return 0;
	while (from < end && covered(over, row, from))
		from++;
	for (to = from; to < end && !covered(over, row, to);)
		to++;
	*col = from;
	return to - from;
}

/* ---------------------------------------------------------------- the plan */

void
glass_forget(struct glass *glass)
{
	glass->shown.n = 0;
}

/* Whether p is on the glass as a part of what is there. Text over the other rows takes only these away in the terminals
 * that scroll pictures as text; tmux forgets the whole picture, Konsole keeps it above the text. */
static bool
is_part(const struct places *there, const struct place *p)
{
	for (int i = 0; i < there->n; i++) {
		struct place whole = there->at[i];

		if (p->row < whole.row || p->row + p->rows > whole.row + whole.rows)
			continue;
		whole.first += p->row - whole.row;
		whole.row = p->row;
		whole.rows = p->rows;
		if (place_same(&whole, p))
			return true;
	}
	return false;
}

/* Splits what is wanted into what is there already and what would have to be sent. */
static void
divide(struct glass *glass, const struct places *there, const struct places *wanted, bool parts)
{
	glass->next.n = glass->send.n = 0;
	for (int i = 0; i < wanted->n; i++) {
		if (places_have(there, &wanted->at[i]) || (parts && is_part(there, &wanted->at[i])))
			places_add(&glass->next, &wanted->at[i]);
		else
			places_add(&glass->send, &wanted->at[i]);
	}
}

/* xterm forgets the topmost first: the lowest is sent first, so that it is the oldest but the last
 * to go. */
static void
lowest_first(struct places *places)
{
	for (int i = 1; i < places->n; i++) {
		const struct place p = places->at[i];
		int j = i;
		for (; j > 0 && places->at[j - 1].row < p.row; j--)
			places->at[j] = places->at[j - 1];
		places->at[j] = p;
	}
}

/* Everything wanted is sent, on a glass without pictures. */
static void
start_over(struct glass *glass, const struct places *wanted)
{
	glass->up = 0;
	glass->next.n = 0;
	glass->send = *wanted;
}

void
glass_plan(struct glass *glass, const struct term *term, const struct glass_wish *wish)
{
	struct places there = glass->shown;
	const bool scroll = term->quirks.scrolls && there.n > 0 && wish->up > 0 && wish->up < wish->old_area;

	glass->flush = glass->anew = glass->owed = false;
	glass->up = scroll ? wish->up : 0;
	places_scroll(&there, glass->up);
	divide(glass, &there, wish->wanted, term->quirks.scrolls);
	if (!wish->may_send) {
		glass->owed = glass->send.n > 0;
		glass->send.n = 0;
	}
	glass->flush = term->quirks.forgets && glass->slots + glass->send.n > PLACES_MAX;
	glass->anew = term->quirks.erase_all && there.n > glass->next.n;
	if (glass->flush || (glass->anew && wish->may_send))
		start_over(glass, wish->wanted);
	else if (glass->anew)
		glass->next.n = 0;
	lowest_first(&glass->send);
	for (int i = 0; i < glass->send.n; i++)
		places_add(&glass->next, &glass->send.at[i]);
	glass->moved = (there.n > 0 || glass->shown.n > 0 || glass->next.n > 0) &&
	               (wish->changed || there.n > glass->next.n - glass->send.n || glass->send.n > 0);
}

void
glass_refuse(struct glass *glass, int i)
{
	const struct place refused = glass->send.at[i];
	struct places left = { .n = 0 };

	memmove(&glass->send.at[i], &glass->send.at[i + 1], (size_t)(glass->send.n - i - 1) * sizeof refused);
	glass->send.n--;
	for (int k = 0; k < glass->next.n; k++) {
		if (!place_same(&glass->next.at[k], &refused))
			places_add(&left, &glass->next.at[k]);
	}
	glass->next = left;
}

/* ---------------------------------------------------------------- the glass */

static void
move_to(struct buf *out, int row, int col)
{
	buf_printf(out, "\033[%d;%dH", row + 1, col + 1);
}

/* Scrolls rows [0, area) up by d on the glass and in curses' idea of it. */
static void
scroll_up(struct buf *out, int area, int d)
{
	buf_printf(out, "\033[0m\033[1;%dr\033[%d;1H", area, area);
	for (int i = 0; i < d; i++)
		buf_char(out, '\n');
	buf_str(out, "\033[r");
	scrollok(curscr, TRUE);
	wsetscrreg(curscr, 0, area - 1);
	wscrl(curscr, d);
	wsetscrreg(curscr, 0, LINES - 1);
	scrollok(curscr, FALSE);
}

/* n blanks at a cell, on the glass and in curses' idea of it. */
static void
blank_run(struct buf *out, int row, int col, int n)
{
	cchar_t blank;

	setcchar(&blank, L" ", A_NORMAL, 0, NULL);
	move_to(out, row, col);
	buf_printf(out, "\033[0m%*s", n, "");
	for (int i = 0; i < n; i++)
		mvwadd_wchnstr(curscr, row, col + i, &blank, 1);
}

static void
erase_place(struct buf *out, const struct place *place, const struct places *next)
{
	for (int row = place->row; row < place->row + place->rows; row++) {
		int col = place->col, n;
		while ((n = place_bare_run(place, next, row, &col)) > 0) {
			blank_run(out, row, col, n);
			col += n;
		}
	}
}

/* ncurses recognises moved lines by their hashes and scrolls them, pictures included, although
 * idlok is off. One cell at the right edge that it believes to be unknown makes every line new to
 * it; the price is one written cell a row. */
static void
hold_scroll(void)
{
	WINDOW *edge = newwin(LINES, 1, 0, COLS - 1);

	if (edge) {
		wredrawln(edge, 0, LINES);
		delwin(edge);
	}
}

static void
take_away(struct glass *glass, struct buf *out, int old_area)
{
	if (glass->up > 0) {
		scroll_up(out, old_area, glass->up);
		places_scroll(&glass->shown, glass->up);
	}
	if (glass->flush) {
		const int rows = at_most(glass->reach, LINES);
		scroll_up(out, rows, rows);
		glass->shown.n = 0;
		glass->slots = glass->reach = 0;
	}
	if (glass->anew) {
		clearok(curscr, TRUE);
		glass->shown.n = 0;
	}
	for (int i = 0; i < glass->shown.n; i++) {
		if (!places_have(&glass->next, &glass->shown.at[i]))
			erase_place(out, &glass->shown.at[i], &glass->next);
	}
}

void
glass_before(struct glass *glass, const struct term *term, int old_area)
{
	struct buf out = { 0 };
	int row, col;

	getyx(curscr, row, col);
	if (term->sync)
		buf_str(&out, "\033[?2026h");
	if (glass->moved) {
		buf_str(&out, "\033[?25l");
		take_away(glass, &out, old_area);
		move_to(&out, row, col);        /* where curses believes the cursor to be */
		wmove(curscr, row, col);
		hold_scroll();
	}
	term_out(term, buf_text(&out), out.n);
	buf_done(&out);
}

static void
send_place(struct glass *glass, struct buf *out, const struct place *place, const struct buf *string)
{
	move_to(out, place->row, place->col);
	buf_add(out, string->at, string->n);
	glass->sent += string->n;
	glass->slots++;
	glass->reach = at_least(glass->reach, place->row + place->rows);
}

void
glass_after(struct glass *glass, struct term *term, const struct buf *const *strings)
{
	struct buf out = { 0 };
	int row, col;

	getyx(curscr, row, col);
	if (glass->send.n > 0)
		glass->sent = 0;
	if (term->sync && term->quirks.after_sync)
		buf_str(&out, "\033[?2026l");
	for (int i = 0; i < glass->send.n; i++)
		send_place(glass, &out, &glass->send.at[i], strings[i]);
	if (glass->moved) {
		move_to(&out, row, col);
		buf_str(&out, "\033[?25h");
	}
	if (term->sync && !term->quirks.after_sync)
		buf_str(&out, "\033[?2026l");
	term_out(term, buf_text(&out), out.n);
	buf_done(&out);
	if (glass->send.n > 0)
		term_ping(term, clock_ms());
	glass->shown = glass->next;
}
