/* Reading mode without a screen: the cursor, finding, large pictures, marks in a row, the clipboard's sequence. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/base64.h"
#include "base/buf.h"
#include "ui/find.h"
#include "ui/osc52.h"
#include "ui/panes.h"
#include "ui/reading.h"
#include "ui/transcript.h"

static int
add(struct transcript *t, enum ui_look look, const char *text)
{
	return transcript_add(t, look, text, strlen(text));
}

/* ---------------------------------------------------------------- rows */

static void
assert_spans(const struct row *row, const char *expected)
{
	struct buf got = {0};
	int cols = 0;

	for (int i = 0; i < row->n_spans; i++) {
		buf_printf(&got, "%d'%.*s'", row->spans[i].role == ROLE_FOUND, (int)row->spans[i].n, row->spans[i].at);
		cols += row->spans[i].cols;
	}
	assert_string_equal(buf_text(&got), expected);
	assert_int_equal(row->cols, cols);
	buf_done(&got);
}

static void
assert_marked(size_t start, size_t end, const char *expected)
{
	struct row row = {0};

	row_str(&row, ROLE_USER, "ab");
	row_str(&row, ROLE_TEXT, "猫d");
	row_mark(&row, start, end, ROLE_FOUND);
	assert_spans(&row, expected);
	row_done(&row);
}

static void
a_row_is_marked(void **state)
{
	(void)state;
	assert_marked(0, 0, "0'ab'0'猫d'");
	assert_marked(0, 6, "1'ab猫d'");
	assert_marked(1, 5, "0'a'1'b猫'0'd'");
	assert_marked(2, 5, "0'ab'1'猫'0'd'");
	assert_marked(5, 99, "0'ab'0'猫'1'd'");
	assert_marked(6, 9, "0'ab'0'猫d'");
}

/* ---------------------------------------------------------------- finding */

/* Every hit as line:start-end/match. */
static void
assert_found(struct transcript *t, const char *pattern, const char *expected)
{
	struct find f = {0};
	struct buf got = {0};

	find_set(&f, pattern, strlen(pattern));
	find_run(&f, t);
	for (int i = 0; i < f.n_hits; i++)
		buf_printf(&got, "%s%d:%zu-%zu/%d", i ? " " : "", f.hits[i].line, f.hits[i].start, f.hits[i].end,
		           f.hits[i].match);
	assert_string_equal(buf_text(&got), expected);
	buf_done(&got);
	find_done(&f);
}

static void
text_is_found(void **state)
{
	struct transcript *t = transcript_new(false);

	(void)state;
	assert_found(t, "a", "");
	transcript_resize(t, 40, 10);
	add(t, UI_LOOK_USER, "The Cat and the cat\ncatcat");             /* 0: label, 1, 2 */
	add(t, UI_LOOK_NOTE, "über Katzen 猫猫");                         /* 3 blank, 4 */
	assert_found(t, "", "");
	assert_found(t, "cat", "1:4-7/0 1:16-19/1 2:0-3/2 2:3-6/3");
	assert_found(t, "Cat", "1:4-7/0");
	assert_found(t, "CAT", "");
	assert_found(t, "User", "");                                    /* labels are not text */
	assert_found(t, "über", "4:0-5/0");
	assert_found(t, "猫", "4:13-16/0 4:16-19/1");
	assert_found(t, "t\x1b", "");
	assert_found(t, "\xff", "");
	transcript_free(t);
}

static void
a_match_goes_over_the_end_of_a_line(void **state)
{
	struct transcript *t = transcript_new(false);

	(void)state;
	transcript_resize(t, 10, 10);
	add(t, UI_LOOK_NOTE, "one two three 一二三四五六七");             /* "one two", "three 一二", "三四五六七" */
	assert_found(t, "two three", "0:4-7/0 1:0-5/0");
	assert_found(t, "twothree", "0:4-7/0 1:0-5/0");
	assert_found(t, "二三", "1:9-12/0 2:0-3/0");
	assert_found(t, "two  three", "");
	assert_found(t, "七 ", "2:12-15/0");
	add(t, UI_LOOK_NOTE, "eight");                                  /* another entry: nothing goes over to it */
	assert_found(t, "七eight", "");
	transcript_free(t);
}

static void
the_next_match_is_chosen(void **state)
{
	struct transcript *t = transcript_new(false);
	struct find f = {0};
	int n, entry;

	(void)state;
	transcript_resize(t, 40, 10);
	entry = add(t, UI_LOOK_NOTE, "x\n-\nx x\n-\n");
	find_set(&f, "x", 1);
	find_run(&f, t);
	assert_int_equal(f.n_matches, 3);
	assert_int_equal(find_from(&f, 0, 1), 0);
	assert_int_equal(find_from(&f, 1, 1), 1);
	assert_int_equal(find_from(&f, 3, 1), 0);                       /* around the end */
	assert_int_equal(find_from(&f, 3, -1), 2);
	assert_int_equal(find_from(&f, 1, -1), 0);
	assert_int_equal(find_line(&f, 2), 2);
	find_hits(&f, 2, &n);
	assert_int_equal(n, 2);
	find_hits(&f, 1, &n);
	assert_int_equal(n, 0);
	f.here = 2;
	transcript_set_text(t, entry, "x", 1);
	find_run(&f, t);
	assert_int_equal(f.here, 0);
	transcript_set_text(t, entry, "y", 1);
	find_run(&f, t);
	assert_int_equal(f.here, -1);
	assert_int_equal(find_from(&f, 0, 1), -1);
	find_done(&f);
	transcript_free(t);
}

/* ---------------------------------------------------------------- reading */

static bool
measure(void *arg, int width, int height, int columns, int *cols, int *rows)
{
	(void)arg;
	(void)width;
	(void)columns;
	*cols = 10;
	*rows = height / 10;
	return true;
}

/* Three messages of three lines each, with a picture of two rows in the second; 6 lines are seen. */
static struct transcript *
conversation(struct reading *r)
{
	static const uint8_t rgb[10 * 20 * 3];
	struct transcript *t = transcript_new(false);
	int second;

	transcript_resize(t, 40, 6);
	transcript_set_measure(t, measure, NULL);
	add(t, UI_LOOK_USER, "1\n2");                   /* 0 label, 1, 2 */
	second = add(t, UI_LOOK_USER, "3");             /* 3 blank, 4 label, 5 6 picture, 7 caption, 8 */
	transcript_add_picture(t, second, &(struct ui_picture){ rgb, 10, 20, "#1" });
	add(t, UI_LOOK_ANSWER, "4\n5\n6");              /* 9 blank, 10 label, 11 12 13 */
	add(t, UI_LOOK_NOTE, "note");                   /* 14 blank, 15 */
	reading_init(r, t);
	return t;
}

static void
assert_place(struct reading *r, int cursor, int entry, int top)
{
	assert_int_equal(reading_cursor(r), cursor);
	assert_int_equal(r->entry, entry);
	assert_int_equal(transcript_top(r->transcript), top);
}

static void
the_cursor_moves(void **state)
{
	struct reading r;
	struct transcript *t = conversation(&r);

	(void)state;
	reading_enter(&r);
	assert_place(&r, 13, 3, 10);                    /* the last message in sight, not the note */
	reading_move(&r, READING_UP);
	assert_place(&r, 12, 3, 10);
	reading_move(&r, READING_PREV);
	assert_place(&r, 10, 3, 9);                     /* with the blank line above it */
	reading_move(&r, READING_PREV);
	assert_place(&r, 4, 2, 3);
	reading_move(&r, READING_PREV);
	assert_place(&r, 0, 1, 0);
	reading_move(&r, READING_PREV);
	assert_place(&r, 0, 1, 0);
	reading_move(&r, READING_UP);
	assert_place(&r, 0, 1, 0);
	reading_move(&r, READING_NEXT);
	assert_place(&r, 4, 2, 3);
	reading_move(&r, READING_UP);
	assert_place(&r, 2, 1, 2);                      /* not on the blank line between the two */
	reading_move(&r, READING_DOWN);
	assert_place(&r, 4, 2, 2);
	reading_move(&r, READING_BOTTOM);
	assert_place(&r, 15, 4, 10);
	reading_move(&r, READING_DOWN);
	assert_place(&r, 15, 4, 10);
	reading_move(&r, READING_NEXT);
	assert_place(&r, 15, 4, 10);
	reading_move(&r, READING_TOP);
	assert_place(&r, 0, 1, 0);
	reading_move(&r, READING_PAGE_DOWN);
	assert_place(&r, 5, 2, 5);
	reading_move(&r, READING_PAGE_UP);
	assert_place(&r, 0, 1, 0);
	assert_false(reading_move(&r, READING_FIND));
	reading_done(&r);
	transcript_free(t);
}

static void
pictures_are_reached(void **state)
{
	struct reading r;
	struct transcript *t = conversation(&r);
	int index;

	(void)state;
	reading_enter(&r);
	assert_int_equal(reading_picture(&r), 1);       /* of an answer: the nearest above */
	reading_move(&r, READING_PICTURE_PREV);
	assert_place(&r, 5, 2, 4);                      /* with its label */
	assert_int_equal(reading_picture(&r), 1);
	reading_move(&r, READING_PICTURE_PREV);
	assert_place(&r, 5, 2, 4);
	reading_stand(&r, 8);
	assert_int_equal(reading_picture(&r), 1);       /* of the message, although the cursor is below it */
	reading_stand(&r, 1);
	assert_int_equal(reading_picture(&r), 0);
	reading_move(&r, READING_PICTURE_NEXT);
	assert_int_equal(reading_cursor(&r), 5);
	assert_int_equal(transcript_owner(t, 1, &index), 2);
	assert_int_equal(index, 0);
	assert_int_equal(transcript_owner(t, 2, &index), 0);
	reading_done(&r);
	transcript_free(t);
}

static void
the_cursor_outlives_changes(void **state)
{
	struct reading r;
	struct transcript *t = conversation(&r);

	(void)state;
	reading_enter(&r);
	reading_stand(&r, 12);
	transcript_append(t, 3, "\n7\n8\n9\n10\n11", 13);
	reading_settle(&r);
	assert_int_equal(reading_cursor(&r), 12);
	assert_true(transcript_top(t) <= 12);           /* text that comes does not take the cursor out of sight */
	transcript_remove(t, 1);
	reading_settle(&r);
	assert_int_equal(r.entry, 3);
	assert_int_equal(reading_cursor(&r), 8);
	transcript_remove(t, 3);
	reading_settle(&r);
	assert_true(r.entry == 2 || r.entry == 4);
	transcript_clear(t);
	reading_settle(&r);
	assert_int_equal(reading_cursor(&r), 0);
	assert_int_equal(reading_picture(&r), 0);
	for (enum keys_reading key = READING_NONE; key <= READING_BRANCH_NEXT; key++)
		reading_move(&r, key);
	reading_leave(&r);
	reading_enter(&r);
	assert_int_equal(r.entry, 0);
	reading_done(&r);
	transcript_free(t);
}

static void
finding_goes_and_comes_back(void **state)
{
	struct reading r;
	struct transcript *t = conversation(&r);

	(void)state;
	reading_ask(&r, -1);
	assert_true(r.on && r.asking);
	reading_type(&r, "1\x1b\n", 3);                 /* what is no text is not taken */
	assert_int_equal(r.find.n_matches, 2);          /* "1", and the caption "#1" */
	assert_int_equal(reading_cursor(&r), 7);
	reading_give_up(&r);
	assert_false(r.on);
	assert_true(transcript_following(t));
	assert_int_equal(reading_find(&r, "zebra", 5), 0);
	assert_false(r.on);
	assert_int_equal(reading_find(&r, "1", 1), 2);
	assert_true(r.on && !r.asking);
	assert_true(reading_find_next(&r, -1));
	assert_int_equal(reading_cursor(&r), 1);
	assert_true(reading_find_next(&r, -1));
	assert_int_equal(reading_cursor(&r), 7);
	reading_ask(&r, 1);
	reading_type(&r, "猫", 3);
	assert_int_equal(reading_cursor(&r), 7);        /* not found: nothing moves */
	reading_erase(&r);
	assert_int_equal(r.pattern.n, 0);
	reading_erase(&r);                              /* nothing left: the question goes */
	assert_true(r.on && !r.asking);
	reading_leave(&r);
	assert_false(reading_find_next(&r, 1));
	reading_done(&r);
	transcript_free(t);
}

/* ---------------------------------------------------------------- panes */

static void
set_panes(struct panes *panes, int n, int w, int h)
{
	uint8_t *rgb = xcalloc((size_t)w * (size_t)h, 3);
	struct ui_picture pictures[3] = { { rgb, w, h, "a" }, { rgb, h, w, NULL }, { rgb, w, h, "c" } };

	panes_set(panes, pictures, n);
	free(rgb);
}

static void
panes_share_a_box(void **state)
{
	const struct picture_room room = { 80, 24, 10, 20, 0, 0, 0 }, small = { 80, 24, 10, 20, 100, 100, 0 };
	const struct box box = { 0, 0, 21, 80 };
	struct panes panes = {0};
	int id;

	(void)state;
	panes_lay_out(&panes, &box, &room, true);
	set_panes(&panes, 1, 400, 200);
	panes_lay_out(&panes, &box, &room, true);
	assert_int_equal(panes.at[0].box.rows, 20);                     /* twice its size; the last row is the caption's */
	assert_int_equal(panes.at[0].box.cols, 80);
	assert_int_equal(panes.at[0].box.row, 0);
	panes_lay_out(&panes, &box, &small, true);
	assert_int_equal(panes.at[0].box.rows, 3);                      /* 100x50 pixels is what the terminal draws */
	assert_int_equal(panes.at[0].box.cols, 10);
	panes_lay_out(&panes, &box, &room, false);
	assert_int_equal(panes.at[0].box.rows, 0);
	id = panes.at[0].picture.id;
	assert_true(id < 0 && panes_picture(&panes, id));
	set_panes(&panes, 3, 20, 30);
	assert_int_equal(panes.n, 2);
	assert_null(panes_picture(&panes, id));                         /* an id is never used again */
	panes_lay_out(&panes, &box, &room, true);
	assert_int_equal(panes.at[0].box.cols, 8);                      /* four times its size at most */
	assert_true(panes.at[0].box.col + 8 <= 39 && panes.at[1].box.col >= 41);
	panes_lay_out(&panes, &(struct box){ 1, 2, 1, 3 }, &room, true);
	assert_int_equal(panes.at[0].box.rows, 0);
	panes_done(&panes);
}

/* ---------------------------------------------------------------- clipboard */

/* The text that a sequence without wrapping holds. */
static void
assert_holds(const char *sequence, size_t n, const char *expected, size_t expected_n)
{
	struct buf text = {0};

	assert_true(n > 8 && memcmp(sequence, "\033]52;c;", 7) == 0 && sequence[n - 1] == '\a');
	assert_int_equal(base64_decode(&text, sequence + 7, n - 8), 0);
	assert_int_equal(text.n, expected_n);
	assert_memory_equal(text.at, expected, expected_n);
	buf_done(&text);
}

static void
copies_are_plain(void **state)
{
	struct buf out = {0};

	(void)state;
	assert_int_equal(osc52_write(&out, OSC52_PLAIN, "a猫\033", 5, 100), 5);
	assert_holds(out.at, out.n, "a猫\033", 5);
	buf_clear(&out);
	assert_int_equal(osc52_write(&out, OSC52_PLAIN, "a猫猫", 7, 6), 4);      /* no half of a character */
	assert_holds(out.at, out.n, "a猫", 4);
	buf_clear(&out);
	assert_int_equal(osc52_write(&out, OSC52_PLAIN, "", 0, 6), 0);
	assert_string_equal(out.at, "\033]52;c;\a");
	buf_done(&out);
}

static void
copies_go_through_tmux_and_screen(void **state)
{
	char text[1000];
	struct buf out = {0}, joined = {0};
	size_t at;

	(void)state;
	osc52_write(&out, OSC52_TMUX, "hi", 2, 100);
	assert_string_equal(out.at, "\033]52;c;aGk=\a\033Ptmux;\033\033]52;c;aGk=\a\033\\");
	buf_clear(&out);
	memset(text, 'x', sizeof text);
	osc52_write(&out, OSC52_SCREEN, text, sizeof text, sizeof text);
	for (at = 0; at < out.n; at += 2) {             /* pieces between DCS and ST, none too long for screen */
		const char *end = memmem(out.at + at, out.n - at, "\033\\", 2);

		assert_memory_equal(out.at + at, "\033P", 2);
		assert_non_null(end);
		assert_true((size_t)(end - out.at) - at <= 256);
		buf_add(&joined, out.at + at + 2, (size_t)(end - out.at) - at - 2);
		at = (size_t)(end - out.at);
	}
	assert_holds(joined.at, joined.n, text, sizeof text);
	buf_done(&joined);
	buf_done(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_is_marked),
		cmocka_unit_test(text_is_found),
		cmocka_unit_test(a_match_goes_over_the_end_of_a_line),
		cmocka_unit_test(the_next_match_is_chosen),
		cmocka_unit_test(the_cursor_moves),
		cmocka_unit_test(pictures_are_reached),
		cmocka_unit_test(the_cursor_outlives_changes),
		cmocka_unit_test(finding_goes_and_comes_back),
		cmocka_unit_test(panes_share_a_box),
		cmocka_unit_test(copies_are_plain),
		cmocka_unit_test(copies_go_through_tmux_and_screen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
