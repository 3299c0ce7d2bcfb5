/* ui_picture.c: sizes in cells, crops, runs to erase, and what a frame decides to send. No
 * terminal. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ui/picture.h"
#include "ui/term.h"

static const struct picture_room room = { .cols = 100, .rows = 32, .cell_w = 9, .cell_h = 18 };

static void
expect_cells(int w, int h, const struct picture_room *r, int want_cols, int want_rows)
{
	int cols, rows;

	picture_cells(w, h, r, &cols, &rows);
	assert_int_equal(cols, want_cols);
	assert_int_equal(rows, want_rows);
}

static void
test_cells(void **state)
{
	struct picture_room r = room;

	(void)state;
	expect_cells(90, 90, &r, 10, 5);                /* one to one */
	expect_cells(270, 288, &r, 30, 16);             /* just half the screen high */
	expect_cells(4000, 400, &r, 60, 3);             /* 60 % of the columns */
	expect_cells(448, 448, &r, 32, 16);             /* half the screen high */
	expect_cells(4000, 1, &r, 60, 1);
	expect_cells(1, 4000, &r, 1, 16);
	expect_cells(1, 1, &r, 2, 1);                   /* tiny ones grow to two cells */
	expect_cells(20, 1, &r, 2, 1);
	r.cols = 300;
	expect_cells(4000, 400, &r, 71, 4);             /* 640 pixels */
	r.width = 180;
	expect_cells(4000, 400, &r, 20, 1);             /* as the person wants */
	r.width = 0;
	r.max_w = 320;
	expect_cells(4000, 400, &r, 35, 2);             /* what the terminal draws */
	r = (struct picture_room){ .cols = 40, .rows = 8, .cell_w = 10, .cell_h = 20 };
	expect_cells(448, 448, &r, 8, 4);
	r = (struct picture_room){ .cols = 1, .rows = 1, .cell_w = 64, .cell_h = 128 };
	expect_cells(448, 448, &r, 1, 1);
}

static void
test_scroll_crops_at_the_top(void **state)
{
	struct places p = { .n = 3, .at = { { 1, 0, 0, 2, 3, 5, 8 }, { 2, 4, 0, 0, 6, 5, 6 }, { 3, 12, 0, 0, 2, 5, 2 } } };

	(void)state;
	places_scroll(&p, 0);
	assert_int_equal(p.n, 3);
	places_scroll(&p, 2);
	assert_int_equal(p.at[0].row, 0);
	assert_int_equal(p.at[0].first, 4);
	assert_int_equal(p.at[0].rows, 1);
	assert_int_equal(p.at[1].row, 2);
	assert_int_equal(p.at[1].first, 0);
	places_scroll(&p, 7);
	assert_int_equal(p.n, 2);
	assert_int_equal(p.at[0].picture, 2);
	assert_int_equal(p.at[0].first, 5);
	assert_int_equal(p.at[0].rows, 1);
	assert_int_equal(p.at[1].row, 3);
	places_scroll(&p, 100);
	assert_int_equal(p.n, 0);
}

static void
test_places_are_limited(void **state)
{
	struct places p = { .n = 0 };
	struct place one = { 1, 0, 0, 0, 1, 1, 1 };

	(void)state;
	for (int i = 0; i < PLACES_MAX + 5; i++, one.row++)
		places_add(&p, &one);
	assert_int_equal(p.n, PLACES_MAX);
	one.rows = 0;
	p.n = 0;
	places_add(&p, &one);
	assert_int_equal(p.n, 0);
}

static void
test_runs_are_what_nothing_covers(void **state)
{
	const struct place old = { 1, 2, 5, 0, 3, 10, 3 };
	const struct places none = { .n = 0 };
	const struct places over = { .n = 2, .at = { { 2, 0, 0, 0, 4, 7, 4 }, { 3, 3, 9, 0, 5, 2, 5 } } };
	int col = 0;

	(void)state;
	assert_int_equal(place_bare_run(&old, &none, 1, &col), 0);
	assert_int_equal(place_bare_run(&old, &none, 5, &col), 0);
	assert_int_equal(place_bare_run(&old, &none, 2, &col), 10);
	assert_int_equal(col, 5);
	col = 0;
	assert_int_equal(place_bare_run(&old, &over, 2, &col), 8);
	assert_int_equal(col, 7);
	col = 0;
	assert_int_equal(place_bare_run(&old, &over, 3, &col), 2);
	assert_int_equal(col, 7);
	col += 2;
	assert_int_equal(place_bare_run(&old, &over, 3, &col), 4);
	assert_int_equal(col, 11);
	col += 4;
	assert_int_equal(place_bare_run(&old, &over, 3, &col), 0);
}

/* ---------------------------------------------------------------- plans */

static struct term
terminal(const char *name)
{
	struct term t;

	term_init(&t, -1);
	t.quirks = term_quirks(name);
	return t;
}

static const struct place here = { 1, 6, 0, 0, 4, 10, 4 };

static struct glass
glass_with(const struct place *place)
{
	struct glass g = { .shown = { .n = 0 } };

	places_add(&g.shown, place);
	return g;
}

static void
plan(struct glass *g, const char *name, const struct places *wanted, int up, bool may_send)
{
	const struct term t = terminal(name);
	const struct glass_wish wish = { wanted, up, 20, up != 0, may_send };

	glass_plan(g, &t, &wish);
}

static void
test_nothing_to_do(void **state)
{
	struct glass g = glass_with(&here);
	const struct places wanted = g.shown;

	(void)state;
	plan(&g, "XTerm(379)", &wanted, 0, true);
	assert_int_equal(g.send.n, 0);
	assert_int_equal(g.next.n, 1);
	assert_int_equal(g.up, 0);
	assert_false(g.moved || g.owed || g.flush || g.anew);
}

/* Text over some of its rows takes these away and leaves the others; uncovered, it is sent whole. */
static void
test_a_part_is_not_sent(void **state)
{
	struct glass g = glass_with(&here);
	struct places wanted = { .n = 1, .at = { { 1, 6, 0, 0, 2, 10, 4 } } };

	(void)state;
	plan(&g, "XTerm(379)", &wanted, 0, true);
	assert_int_equal(g.send.n, 0);
	assert_int_equal(g.next.n, 1);
	assert_int_equal(g.next.at[0].rows, 2);
	wanted.at[0] = (struct place){ 1, 7, 0, 1, 3, 10, 4 };
	plan(&g, "XTerm(379)", &wanted, 0, true);
	assert_int_equal(g.send.n, 0);
	wanted.at[0].first = 0;         /* its upper rows one row lower: it has moved */
	plan(&g, "XTerm(379)", &wanted, 0, true);
	assert_int_equal(g.send.n, 1);
	wanted.at[0] = (struct place){ 1, 6, 0, 0, 2, 10, 4 };
	plan(&g, "Konsole 22", &wanted, 0, true);       /* text does not cover pictures there, */
	assert_int_equal(g.send.n, 1);
	plan(&g, "tmux 3.5a", &wanted, 0, true);        /* and takes all of one away here */
	assert_int_equal(g.send.n, 1);
	g.shown = wanted;
	wanted.at[0].rows = 4;
	plan(&g, "XTerm(379)", &wanted, 0, true);
	assert_int_equal(g.send.n, 1);
}

static void
test_streaming_scrolls_where_it_can(void **state)
{
	struct glass g = glass_with(&here);
	struct places wanted = g.shown;

	(void)state;
	places_scroll(&wanted, 2);
	plan(&g, "XTerm(379)", &wanted, 2, true);
	assert_int_equal(g.up, 2);
	assert_int_equal(g.send.n, 0);
	assert_true(g.moved);

	g = glass_with(&here);
	plan(&g, "tmux 3.4", &wanted, 2, true);
	assert_int_equal(g.up, 0);
	assert_int_equal(g.send.n, 1);
	assert_true(g.moved);
}

static void
test_jumps_do_not_scroll(void **state)
{
	struct glass g = glass_with(&here);
	struct places wanted = g.shown;

	(void)state;
	wanted.at[0].row += 3;
	plan(&g, "XTerm(379)", &wanted, -3, true);
	assert_int_equal(g.up, 0);
	assert_int_equal(g.send.n, 1);
	wanted.n = 0;
	plan(&g, "XTerm(379)", &wanted, 20, true);
	assert_int_equal(g.up, 0);
	assert_true(g.moved);
}

static void
test_not_allowed_to_send(void **state)
{
	struct glass g = glass_with(&here);
	struct places wanted = g.shown;
	const struct place other = { 2, 12, 0, 0, 3, 8, 3 };

	(void)state;
	places_add(&wanted, &other);
	plan(&g, "XTerm(379)", &wanted, 0, false);
	assert_int_equal(g.send.n, 0);
	assert_int_equal(g.next.n, 1);
	assert_true(g.owed);
	assert_false(g.moved);
	plan(&g, "XTerm(379)", &wanted, 0, true);
	assert_int_equal(g.send.n, 1);
	assert_int_equal(g.next.n, 2);
	assert_false(g.owed);
}

static void
test_lowest_is_sent_first(void **state)
{
	struct glass g = { .shown = { .n = 0 } };
	const struct places wanted = { .n = 3, .at = { { 1, 0, 0, 0, 2, 5, 2 }, { 2, 9, 0, 0, 2, 5, 2 },
	                                               { 3, 4, 0, 0, 2, 5, 2 } } };

	(void)state;
	plan(&g, "XTerm(379)", &wanted, 0, true);
	assert_int_equal(g.send.at[0].picture, 2);
	assert_int_equal(g.send.at[1].picture, 3);
	assert_int_equal(g.send.at[2].picture, 1);
}

static void
test_xterm_is_flushed_before_the_seventeenth(void **state)
{
	struct glass g = glass_with(&here);
	struct places wanted = g.shown;
	const struct place other = { 2, 12, 0, 0, 3, 8, 3 };

	(void)state;
	places_add(&wanted, &other);
	g.slots = 15;
	plan(&g, "XTerm(379)", &wanted, 0, true);
	assert_false(g.flush);
	assert_int_equal(g.send.n, 1);
	g.slots = 16;
	plan(&g, "XTerm(379)", &wanted, 0, true);
	assert_true(g.flush);
	assert_int_equal(g.send.n, 2);
	assert_int_equal(g.next.n, 2);
	plan(&g, "foot(1.13)", &wanted, 0, true);
	assert_false(g.flush);
	assert_int_equal(g.send.n, 1);
}

static void
test_konsole_starts_over_when_something_goes(void **state)
{
	struct glass g = glass_with(&here);
	struct places wanted = g.shown;
	const struct place other = { 2, 12, 0, 0, 3, 8, 3 };

	(void)state;
	places_add(&wanted, &other);
	plan(&g, "Konsole 22", &wanted, 0, true);
	assert_false(g.anew);
	assert_int_equal(g.send.n, 1);
	g.shown = wanted;
	wanted.at[0].row--;
	plan(&g, "Konsole 22", &wanted, 1, true);
	assert_true(g.anew);
	assert_int_equal(g.send.n, 2);
	plan(&g, "Konsole 22", &wanted, 1, false);
	assert_true(g.anew && g.owed);
	assert_int_equal(g.next.n, 0);
}

static void
test_refused_stays_away(void **state)
{
	struct glass g = glass_with(&here);
	struct places wanted = g.shown;
	const struct place other = { 2, 12, 0, 0, 3, 8, 3 };

	(void)state;
	places_add(&wanted, &other);
	plan(&g, "XTerm(379)", &wanted, 0, true);
	glass_refuse(&g, 0);
	assert_int_equal(g.send.n, 0);
	assert_int_equal(g.next.n, 1);
	assert_int_equal(g.next.at[0].picture, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cells),
		cmocka_unit_test(test_scroll_crops_at_the_top),
		cmocka_unit_test(test_places_are_limited),
		cmocka_unit_test(test_runs_are_what_nothing_covers),
		cmocka_unit_test(test_nothing_to_do),
		cmocka_unit_test(test_a_part_is_not_sent),
		cmocka_unit_test(test_streaming_scrolls_where_it_can),
		cmocka_unit_test(test_jumps_do_not_scroll),
		cmocka_unit_test(test_not_allowed_to_send),
		cmocka_unit_test(test_lowest_is_sent_first),
		cmocka_unit_test(test_xterm_is_flushed_before_the_seventeenth),
		cmocka_unit_test(test_konsole_starts_over_when_something_goes),
		cmocka_unit_test(test_refused_stays_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
