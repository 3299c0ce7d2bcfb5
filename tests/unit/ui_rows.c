/* What is made of rows: the status line, lists, pages; rows themselves and the themes. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "ui/picker.h"
#include "ui/row.h"
#include "ui/status.h"
#include "ui/colors.h"
#include "ui/theme.h"

/* ---------------------------------------------------------------- rows */

static void
spans(void **state)
{
	struct row row = {0};

	(void)state;
	row_str(&row, ROLE_TEXT, "ab");
	row_str(&row, ROLE_TEXT, "c");
	row_str(&row, ROLE_MARK, "猫\033");
	row_str(&row, ROLE_TEXT, "");
	assert_int_equal(row.n_spans, 2);
	assert_int_equal(row.spans[0].n, 3);
	assert_memory_equal(row.spans[0].at, "abc", 3);
	assert_memory_equal(row.spans[1].at, "猫^[", 5);
	assert_int_equal(row.spans[1].cols, 4);
	assert_int_equal(row.cols, 7);
	row_pad(&row, ROLE_TEXT, 9);
	assert_int_equal(row.cols, 9);
	row_pad(&row, ROLE_TEXT, 3);
	assert_int_equal(row.cols, 9);
	row_clear(&row);
	assert_int_equal(row.n_spans, 0);
	assert_int_equal(row_fit(&row, ROLE_TEXT, "猫狗", 6, 3), 2);
	assert_string_equal(row.text.at, "猫");
	assert_int_equal(row_fit(&row, ROLE_TEXT, "x", 1, 0), 0);
	assert_int_equal(row_fit(&row, ROLE_TEXT, "x", 1, -1), 0);
	row_done(&row);
}

/* Spans point into the row's bytes, which move when it grows. */
static void
spans_follow_their_bytes(void **state)
{
	struct row row = {0};

	(void)state;
	for (int i = 0; i < 500; i++)
		row_str(&row, i % 2 ? ROLE_TEXT : ROLE_MARK, i % 2 ? "b" : "aa");
	assert_int_equal(row.n_spans, 500);
	for (int i = 0; i < 500; i++)
		assert_memory_equal(row.spans[i].at, i % 2 ? "b" : "aa", row.spans[i].n);
	assert_ptr_equal(row.spans[0].at, row.text.at);
	row_done(&row);
}

/* ---------------------------------------------------------------- status */

static void
assert_status(const struct status_view *view, int width, const char *expected)
{
	struct row row = {0};
	struct buf text = {0};

	status_layout(view, width, &row);
	assert_int_equal(row.cols, width);
	buf_str(&text, buf_text(&row.text));
	while (text.n > 0 && text.at[text.n - 1] == ' ')
		buf_cut(&text, text.n - 1);
	assert_string_equal(buf_text(&text), expected);
	row_done(&row);
	buf_done(&text);
}

static enum theme_role
role_of(const struct row *row, const char *text)
{
	for (int i = 0; i < row->n_spans; i++)
		if (row->spans[i].n == strlen(text) && memcmp(row->spans[i].at, text, strlen(text)) == 0)
			return row->spans[i].role;
	return N_ROLES;
}

static void
status_fields(void **state)
{
	struct ui_status s = { .name = "cats", .state = "answering", .context = "ctx 1312/4096", .speed = "31.4 tok/s",
		.model = "InternVL" };
	struct status_view view = { .status = &s };

	(void)state;
	assert_status(&view, 80, " cats · answering · ctx 1312/4096 · 31.4 tok/s · InternVL");
	assert_status(&view, 58, " cats · answering · ctx 1312/4096 · 31.4 tok/s · InternVL");
	assert_status(&view, 57, " cats · answering · ctx 1312/4096 · 31.4 tok/s");
	assert_status(&view, 20, " cats · answering");
	s.name = "Two cats and a dog on a sofa";
	assert_status(&view, 82, " Two cats and a dog on a sofa · answering · ctx 1312/4096 · 31.4 tok/s · InternVL");
	assert_status(&view, 81, " Two cats and a dog on a so… · answering · ctx 1312/4096 · 31.4 tok/s · InternVL");
	assert_status(&view, 70, " Two cats and a … · answering · ctx 1312/4096 · 31.4 tok/s · InternVL");
	assert_status(&view, 66, " Two cats an… · answering · ctx 1312/4096 · 31.4 tok/s · InternVL");
	assert_status(&view, 65, " Two cats and a dog on… · answering · ctx 1312/4096 · 31.4 tok/s");
	assert_status(&view, 20, " Two cats and a do…");
	view.reading = " READING ";
	view.hint = "q back";
	assert_status(&view, 60, "  READING  q back · Two cats and a dog on a so… · answering");
	view.reading = view.hint = NULL;
	s.mode = " REPLAY ";
	s.hint = "F1 keys";
	assert_status(&view, 90, "  REPLAY  Two cats and a d… · answering · ctx 1312/4096 · 31.4 tok/s · InternVL · F1 keys");
	s.mode = s.hint = NULL;
	s.name = "cats";
	assert_status(&view, 4, " c…");
	assert_status(&view, 1, "");
	s.state = "";
	s.speed = NULL;
	view.below = 1;
	view.ascii = true;
	view.mode = "NORMAL";
	assert_status(&view, 80, " cats | NORMAL | +1 line | ctx 1312/4096 | InternVL");
	view.below = 12;
	s.private_session = true;
	assert_status(&view, 80, " PRIVATE | cats | NORMAL | +12 lines | ctx 1312/4096 | InternVL");
	s = (struct ui_status){0};
	view = (struct status_view){ .status = &s };
	assert_status(&view, 10, "");
}

static void
status_colours_the_context(void **state)
{
	static const struct {
		int percent;
		enum theme_role role;
	} cases[] = { { 0, ROLE_STATUS }, { 74, ROLE_STATUS }, { 75, ROLE_STATUS_WARM }, { 89, ROLE_STATUS_WARM },
		{ 90, ROLE_STATUS_HOT }, { 120, ROLE_STATUS_HOT } };
	struct row row = {0};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct ui_status s = { .name = "n", .context = "ctx", .speed = "x", .context_percent = cases[i].percent };
		struct status_view view = { .status = &s };

		status_layout(&view, 40, &row);
		if (cases[i].role == ROLE_STATUS)
			assert_int_equal(role_of(&row, "ctx"), N_ROLES);        /* one span with its neighbours */
		else
			assert_int_equal(role_of(&row, "ctx"), cases[i].role);
		assert_int_equal(role_of(&row, "n"), ROLE_STATUS_NAME);
	}
	row_done(&row);
}

/* ---------------------------------------------------------------- lists */

/* Rows without the blanks at their ends, joined by '|'. */
static void
assert_picker(struct picker *p, int width, int height, const char *expected)
{
	struct rows rows = {0};
	struct buf got = {0};

	picker_layout(p, width, width, height, &rows);
	assert_int_equal(rows.n, height);
	for (int i = 0; i < rows.n; i++) {
		assert_int_equal(rows.at[i].cols, width);
		if (i)
			buf_char(&got, '|');
		buf_str(&got, buf_text(&rows.at[i].text));
		while (got.n > 0 && got.at[got.n - 1] == ' ')
			buf_cut(&got, got.n - 1);
	}
	assert_string_equal(buf_text(&got), expected);
	rows_done(&rows);
	buf_done(&got);
}

static enum picker_end
type(struct picker *p, const char *s)
{
	return picker_type(p, s, strlen(s));
}

static const char *const animals[] = { "cat", "Dog", "catfish", "猫 Katze", "ÄFFE" };

static void
an_empty_list(void **state)
{
	struct picker *p = picker_list("None", NULL, 0, 3, true);

	(void)state;
	assert_int_equal(picker_picked(p), -1);
	assert_int_equal(picker_key(p, KEYS_SEND), PICKER_STAYS);
	picker_key(p, KEYS_DOWN);
	picker_key(p, KEYS_BACKSPACE);
	assert_picker(p, 12, 3, " None:|| nothing mat");
	assert_int_equal(picker_key(p, KEYS_ESC), PICKER_LEFT);
	picker_free(p);
	p = picker_list("One", (const char *const []){ "cat" }, 1, 0, true);
	assert_picker(p, 12, 3, " One:|> cat| Enter takes");
	picker_free(p);
	picker_free(NULL);
}

static void
moving_in_a_list(void **state)
{
	struct picker *p = picker_list("Pick", animals, 5, 1, true);

	(void)state;
	assert_false(picker_is_page(p));
	assert_picker(p, 12, 3, " Pick:|  cat|> Dog");
	picker_key(p, KEYS_DOWN);
	assert_picker(p, 12, 3, " Pick:|  Dog|> catfish");
	type(p, "\x0e\x0e\x0e\x0e");
	assert_picker(p, 12, 3, " Pick:|  猫 Katze|> ÄFFE");
	assert_int_equal(picker_picked(p), 4);
	type(p, "\x10");
	assert_int_equal(picker_picked(p), 3);
	picker_key(p, KEYS_HOME);
	assert_picker(p, 12, 3, " Pick:|> cat|  Dog");
	picker_key(p, KEYS_PAGE_DOWN);
	picker_key(p, KEYS_PAGE_DOWN);
	assert_int_equal(picker_picked(p), 2);
	picker_key(p, KEYS_END);
	picker_key(p, KEYS_DOWN);
	assert_int_equal(picker_picked(p), 4);
	assert_int_equal(picker_key(p, KEYS_SEND), PICKER_TAKEN);
	picker_free(p);
	p = picker_list("Pick", animals, 5, 99, false);
	assert_int_equal(picker_picked(p), 4);
	picker_free(p);
}

static void
filtering_a_list(void **state)
{
	struct picker *p = picker_list("Pick", animals, 5, 2, true);
	int row, col;

	(void)state;
	assert_picker(p, 14, 4, " Pick:    3/5|  Dog|> catfish| Enter takes,");
	picker_caret(p, &row, &col);
	assert_int_equal(col, 7);
	type(p, "CAT");
	assert_picker(p, 14, 4, " Pick: CAT|  cat|> catfish| Enter takes,");
	assert_int_equal(picker_picked(p), 2);          /* the selection stays on its item */
	picker_caret(p, &row, &col);
	assert_int_equal(row, 0);
	assert_int_equal(col, 10);
	type(p, "x");
	assert_int_equal(picker_picked(p), -1);
	assert_picker(p, 24, 4, " Pick: CATx||| nothing matches; Esc le");
	type(p, "\x15猫");
	assert_int_equal(picker_picked(p), 3);
	picker_key(p, KEYS_BACKSPACE);
	assert_picker(p, 12, 2, " Pick:|> 猫 Katze");
	type(p, "äf");
	assert_int_equal(picker_picked(p), 4);
	assert_int_equal(type(p, "\033[C"), PICKER_STAYS);
	picker_free(p);
}

static void
a_page_scrolls(void **state)
{
	struct picker *p = picker_page("Help", "one\ntwo\nthree four\nfive\033\n", true);

	(void)state;
	assert_true(picker_is_page(p));
	assert_picker(p, 20, 6, " Help| one| two| three four| five^[| q leaves");
	assert_picker(p, 9, 3, " Help| one| two");
	type(p, "j");
	assert_picker(p, 9, 3, " Help| two| three");
	picker_key(p, KEYS_END);
	assert_picker(p, 9, 3, " Help| four| five^[");
	picker_key(p, KEYS_DOWN);
	type(p, "k");
	assert_picker(p, 9, 3, " Help| three| four");
	type(p, " ");
	assert_picker(p, 9, 3, " Help| four| five^[");
	picker_key(p, KEYS_TOP);
	assert_picker(p, 9, 3, " Help| one| two");
	assert_int_equal(type(p, "q"), PICKER_LEFT);
	assert_int_equal(picker_key(p, KEYS_SEND), PICKER_LEFT);
	assert_int_equal(picker_key(p, KEYS_STOP), PICKER_LEFT);
	picker_free(p);
}

static void
a_page_grows_with_the_screen(void **state)
{
	struct picker *p = picker_page("T", "1\n2\n3\n4\n5\n6", true);

	(void)state;
	assert_picker(p, 9, 3, " T   2/6| 1| 2");
	picker_key(p, KEYS_BOTTOM);
	assert_picker(p, 9, 3, " T   6/6| 5| 6");
	assert_picker(p, 9, 9, " T| 1| 2| 3| 4| 5| 6|| q leaves");
	assert_picker(p, 9, 1, " T   1/6");
	picker_free(p);
}

static void
a_page_has_columns(void **state)
{
	struct picker *p = picker_page("Help", "Keys:\n  Enter  send it to the one who answers\n  j, k   move\n", true);
	struct rows rows = {0};

	(void)state;
	assert_picker(p, 30, 7, " Help| Keys:|   Enter  send it to the one|          who answers|   j, k   move|| q leaves");
	picker_layout(p, 30, 30, 7, &rows);
	assert_int_equal(role_of(&rows.at[2], "Enter"), ROLE_KEY);
	assert_int_equal(rows.at[1].spans[1].role, ROLE_STRONG);
	rows_done(&rows);
	/* Too narrow: one under the other. */
	assert_picker(p, 24, 8, " Help| Keys:|   Enter|     send it to the one|     who answers|   j, k|     move| q leaves");
	picker_free(p);
}

static void
an_item_has_a_right_end(void **state)
{
	static const char *const items[] = { "a long title that does not fit\t2 turns", "short\t1 turn " };
	struct picker *p = picker_list("Pick", items, 2, 0, true);
	int row, col;

	(void)state;
	assert_picker(p, 40, 3, " Pick:|> a long title that does not fi 2 turns|  short                         1 turn");
	assert_picker(p, 36, 3, " Pick:|> a long title that does not fit|  short");
	type(p, "1 turn");
	assert_int_equal(picker_picked(p), 1);
	picker_free(p);
	/* A long filter shortens the title, and shows its end. */
	p = picker_list("Pictures in a folder", items, 2, 0, true);
	type(p, "abcdefghijklmnop");
	assert_picker(p, 24, 2, " Pictures: efghijklmnop|");
	picker_caret(p, &row, &col);
	assert_int_equal(row, 0);
	assert_int_equal(col, 23);
	picker_free(p);
}

/* ---------------------------------------------------------------- themes */

static void
every_role_has_a_look(void **state)
{
	static const enum ui_theme themes[] = { UI_THEME_AUTO, UI_THEME_DARK, UI_THEME_LIGHT };

	(void)state;
	for (int role = 0; role < N_ROLES; role++) {
		for (size_t i = 0; i < sizeof themes / sizeof *themes; i++) {
			const struct theme_look *look = theme_look(themes[i], true, (enum theme_role)role);

			/* 0 would be a row that the table forgot. */
			assert_true(look->fg != 0 && look->bg != 0 && look->fg < 256 && look->bg < 256);
		}
		assert_int_equal(theme_look(UI_THEME_MONO, true, (enum theme_role)role)->fg, -1);
		assert_ptr_equal(theme_look(UI_THEME_DARK, false, (enum theme_role)role),
			theme_look(UI_THEME_MONO, true, (enum theme_role)role));
	}
	assert_ptr_equal(theme_look(UI_THEME_AUTO, true, ROLE_USER), theme_look(UI_THEME_DARK, true, ROLE_USER));
	assert_int_not_equal(theme_look(UI_THEME_DARK, true, ROLE_USER)->fg,
		theme_look(UI_THEME_DARK, true, ROLE_ANSWER)->fg);
}

static void
colours_are_reduced(void **state)
{
	(void)state;
	assert_int_equal(theme_hue(-1), -1);
	assert_int_equal(theme_hue(110), 6);    /* the label of the user: cyan */
	assert_int_equal(theme_hue(203), 1);    /* errors: red */
	assert_int_equal(theme_hue(5), 5);
	assert_int_equal(theme_hue(231), -1);
	assert_int_equal(theme_hue(244), -1);
	assert_true(theme_few(UI_THEME_DARK, ROLE_STATUS).reverse);
	assert_int_equal(theme_few(UI_THEME_DARK, ROLE_STATUS).fg, -1);
	assert_int_equal(theme_few(UI_THEME_DARK, ROLE_USER).fg, 6);
	assert_int_equal(theme_few(UI_THEME_MONO, ROLE_USER).fg, -1);
}

static void
colours_of_ones_own(void **state)
{
	struct ui_colors *c = ui_colors_new();
	const struct theme_look *theme = theme_look(UI_THEME_DARK, true, ROLE_STATUS_HOT);
	struct theme_look look = *theme;
	struct error err;

	(void)state;
	colors_apply(NULL, ROLE_STATUS_HOT, &look);
	colors_apply(c, ROLE_STATUS_HOT, &look);
	assert_memory_equal(&look, theme, sizeof look);
	assert_int_equal(ui_colors_set(c, "status.hot", "#ff8800", &err), 0);
	colors_apply(c, ROLE_STATUS_HOT, &look);
	assert_int_equal(look.fg, 208);
	assert_int_equal(look.bg, theme->bg);
	assert_true(look.bold);
	assert_int_equal(ui_colors_set(c, "status.hot", " red on  default underline", &err), 0);
	colors_apply(c, ROLE_STATUS_HOT, &look);
	assert_int_equal(look.fg, 1);
	assert_int_equal(look.bg, -1);
	assert_true(look.underline && !look.bold);
	assert_int_equal(ui_colors_set(c, "status.hot", "plain", &err), 0);
	colors_apply(c, ROLE_STATUS_HOT, &look);
	assert_false(look.underline || look.bold);
	assert_int_equal(ui_colors_set(c, "heading", "#808080", &err), 0);
	colors_apply(c, ROLE_HEADING3, &look);
	assert_int_equal(look.fg, 244);
	for (size_t i = 0; i < 8; i++) {
		static const char *const bad[] = { "", "on", "on red blue x", "256", "-1", "#12345", "#12345g", "bold on" };

		assert_int_equal(ui_colors_set(c, "user", bad[i], &err), -1);
	}
	assert_int_equal(ui_colors_set(c, "nobody", "red", &err), -1);
	assert_string_equal(err.what, "color.nobody: nothing has this name");
	ui_colors_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spans),
		cmocka_unit_test(spans_follow_their_bytes),
		cmocka_unit_test(status_fields),
		cmocka_unit_test(status_colours_the_context),
		cmocka_unit_test(an_empty_list),
		cmocka_unit_test(moving_in_a_list),
		cmocka_unit_test(filtering_a_list),
		cmocka_unit_test(a_page_scrolls),
		cmocka_unit_test(a_page_grows_with_the_screen),
		cmocka_unit_test(a_page_has_columns),
		cmocka_unit_test(an_item_has_a_right_end),
		cmocka_unit_test(every_role_has_a_look),
		cmocka_unit_test(colours_of_ones_own),
		cmocka_unit_test(colours_are_reduced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
