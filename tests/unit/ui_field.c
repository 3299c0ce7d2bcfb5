/* An edited text as rows, and the completions of a word. */
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
#include "base/buf.h"
#include "base/text.h"
#include "ui/field.h"
#include "ui/menu.h"

/* Rows joined by '/'. */
static void
assert_field(const struct field *field, const char *expected)
{
	struct slices slices = {0};
	struct row row = {0};
	struct buf got = {0};

	field_slice(field, &slices);
	for (int r = 0; r < slices.n; r++) {
		row_clear(&row);
		field_draw(field, &slices, r, &row);
		buf_printf(&got, "%s%s", r ? "/" : "", buf_text(&row.text));
	}
	assert_string_equal(buf_text(&got), expected);
	slices_done(&slices);
	row_done(&row);
	buf_done(&got);
}

static struct field
plain(const char *text, int width)
{
	return (struct field){ .prompt = "> ", .text = text, .n = strlen(text), .width = width, .fold = -1 };
}

static void
rows_of_a_text(void **state)
{
	struct field f = plain("", 10);

	(void)state;
	assert_field(&f, "> ");
	f = plain("a\n", 10);
	assert_field(&f, "> a/  ");
	f = plain("\n\n", 10);
	assert_field(&f, "> /  /  ");
	f = plain("猫猫猫猫", 9);
	assert_field(&f, "> 猫猫猫/  猫");
	f = plain("one two three", 10);
	assert_field(&f, "> one two /  three");
	f = plain("one two123", 10);
	assert_field(&f, "> one /  two123");
	f = plain("onetwo123456789", 10);
	assert_field(&f, "> onetwo1/  2345678/  9");
	f = plain("ab 猫猫猫 cd", 10);
	assert_field(&f, "> ab 猫猫/  猫 cd");
	f = plain("1234567 ", 10);
	assert_field(&f, "> 1234567 /  ");
	f = plain("a 3456789, b", 11);
	assert_field(&f, "> a /  3456789, /  b");
	f = plain("\x01\x7f\xff", 20);
	assert_field(&f, "> ^A^?\xef\xbf\xbd");
	f = plain("ab\tc\n\td", 30);
	assert_field(&f, "> ab      c/          d");
	f.prompt = "(a prompt longer than half) ";
	f.width = 20;
	f.text = "12345678901";
	f.n = 11;
	assert_field(&f, "(a prompt 123456789/  01");
}

static void
a_fold_is_one_word(void **state)
{
	struct field f = plain("ab\n\n\ncd", 20);

	(void)state;
	f.fold = 2;
	f.fold_n = 3;
	f.fold_lines = 3;
	assert_field(&f, "> ab[paste 3 lines]/  cd");
	f.width = 40;
	assert_field(&f, "> ab[paste 3 lines]cd");
}

static void
bytes_and_cells(void **state)
{
	struct field f = plain("a猫b\nc", 20);
	struct slices s = {0};

	(void)state;
	field_slice(&f, &s);
	assert_int_equal(field_row(&s, 0), 0);
	assert_int_equal(field_row(&s, 5), 0);
	assert_int_equal(field_row(&s, 6), 1);
	assert_int_equal(field_col(&f, &s, 0, 0), 2);
	assert_int_equal(field_col(&f, &s, 0, 4), 5);
	assert_int_equal(field_col(&f, &s, 0, 2), 3);           /* inside the cat */
	assert_int_equal(field_col(&f, &s, 1, 7), 3);
	assert_int_equal(field_pos(&f, &s, 0, 0), 0);
	assert_int_equal(field_pos(&f, &s, 0, 4), 1);
	assert_int_equal(field_pos(&f, &s, 0, 5), 4);
	assert_int_equal(field_pos(&f, &s, 0, 99), 5);
	assert_int_equal(field_pos(&f, &s, 1, 99), 7);
	f = plain("one two three", 10);
	field_slice(&f, &s);
	assert_int_equal(field_pos(&f, &s, 0, 99), 7);          /* before the blank at the edge, not in the next row */
	assert_int_equal(field_pos(&f, &s, 1, 99), 13);
	slices_done(&s);
}

/* Every byte is in one row, no row is too wide, every place of the caret is on the screen. */
static void
any_text_has_its_rows(void **state)
{
	static const char *const bits[] = { "a", "猫", "\n", "\t", "\033", "\xff", "👍🏽", "e\xcc\x81", "word ", "\xe2\x80\xae" };
	uint32_t seed = 3;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct buf text = {0};
		struct slices s = {0};
		struct row row = {0};
		struct field f;

		for (int i = 0; i < 30; i++) {
			seed = seed * 1664525 + 1013904223;
			buf_str(&text, bits[(seed >> 16) % (sizeof bits / sizeof *bits)]);
		}
		f = plain(text.at, 16 + round % 20);
		field_slice(&f, &s);
		assert_int_equal(s.at[0].start, 0);
		assert_int_equal(s.at[s.n - 1].end, text.n);
		for (int r = 0; r < s.n; r++) {
			if (r > 0)
				assert_int_equal(s.at[r].start, s.at[r - 1].end + (text.at[s.at[r - 1].end] == '\n'));
			row_clear(&row);
			field_draw(&f, &s, r, &row);
			assert_true(row.cols < f.width || (row.cols == f.width && text.at[s.at[r].end - 1] == ' '));
			assert_int_equal(field_col(&f, &s, r, s.at[r].end), row.cols < f.width ? row.cols : f.width - 1);
		}
		for (size_t pos = 0; pos <= text.n; pos++) {
			int r = field_row(&s, pos), col = field_col(&f, &s, r, pos);

			assert_true(col >= 2 && col < f.width);
			assert_true(field_pos(&f, &s, r, col) <= pos || col == 2);
		}
		row_done(&row);
		slices_done(&s);
		buf_done(&text);
	}
}

/* ---------------------------------------------------------------- completion */

/* What the program was asked, and what it knows. */
struct known {
	const char *const *all;
	bool is_path;
	char asked[64];
};

static char **
complete(void *arg, const char *line, int start, int end, bool *is_path)
{
	struct known *known = arg;
	char **found = xcalloc(8, sizeof *found);
	int n = 0;

	snprintf(known->asked, sizeof known->asked, "%.*s", end - start, line + start);
	for (int i = 0; known->all[i]; i++)
		if (strncmp(known->all[i], known->asked, strlen(known->asked)) == 0)
			found[n++] = xstrdup(known->all[i]);
	*is_path = known->is_path;
	return found;
}

/* Opens the menu at the end of `line`: what the program is asked, and how the first match stands in the line. */
static void
assert_word(struct known *known, const char *line, const char *asked, size_t start, const char *word)
{
	struct menu menu = {0};
	struct buf got = {0};

	menu_open(&menu, line, strlen(line), complete, known);
	assert_string_equal(known->asked, asked);
	assert_int_equal(menu.start, start);
	assert_int_equal(menu.typed, strlen(asked));
	if (word) {
		menu_word(&menu, 0, strlen(menu.matches[0]), true, &got);
		assert_string_equal(buf_text(&got), word);
	} else {
		assert_int_equal(menu.n, 0);
	}
	buf_done(&got);
	menu_close(&menu);
	assert_null(menu.matches);
}

static void
words_are_found_and_quoted(void **state)
{
	static const char *const all[] = { "my cat's.png", "dir/", NULL };
	struct known known = { .all = all, .is_path = true };

	(void)state;
	assert_word(&known, "", "", 0, "my\\ cat\\'s.png ");
	assert_word(&known, "/image my", "my", 7, "my\\ cat\\'s.png ");
	assert_word(&known, "/image my\\ c", "my c", 7, "my\\ cat\\'s.png ");
	assert_word(&known, "/image \"my c", "my c", 8, "my cat's.png\" ");
	assert_word(&known, "a 'b c' my", "my", 8, "my\\ cat\\'s.png ");
	assert_word(&known, "it's di", "di", 5, "dir/");
	assert_word(&known, "two\nd", "d", 4, "dir/");
	assert_word(&known, "x\\", "x\\", 0, NULL);
	known.is_path = false;
	assert_word(&known, "my", "my", 0, "my cat's.png ");
}

static void
matches_agree_between_characters(void **state)
{
	static const char *const cats[] = { "猫", "猎", NULL }, *const words[] = { "image", "images", NULL };
	struct known known = { .all = cats };
	struct menu menu = {0};

	(void)state;
	menu_open(&menu, "", 0, complete, &known);
	assert_int_equal(menu_common(&menu), 0);
	menu_close(&menu);
	known.all = words;
	menu_open(&menu, "i", 1, complete, &known);
	assert_int_equal(menu_common(&menu), 5);
	menu_close(&menu);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_of_a_text),
		cmocka_unit_test(a_fold_is_one_word),
		cmocka_unit_test(bytes_and_cells),
		cmocka_unit_test(any_text_has_its_rows),
		cmocka_unit_test(words_are_found_and_quoted),
		cmocka_unit_test(matches_agree_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
