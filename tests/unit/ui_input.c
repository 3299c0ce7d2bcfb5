/* The line that is being written: readline fed as the reader feeds it, drawn by our own layout. */
#include "config.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/text.h"
#include "ui/input.h"

/* What readline itself forgets when a key sequence is broken off is not ours to free. */
const char *
__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
	return "leak:libreadline";
}

struct screen {
	struct rows rows;
	int row, col;
};

static struct ui_options options = { .paste_fold = 8 };

static int
setup(void **state)
{
	*state = input_new(&options);
	return 0;
}

static int
teardown(void **state)
{
	input_free(*state);
	return 0;
}

static void
type(struct input *in, const char *s)
{
	input_type(in, s, strlen(s));
}

static void
paste(struct input *in, const char *s)
{
	input_paste(in, s, strlen(s));
}

static void
assert_sent(struct input *in, const char *expected)
{
	size_t n;
	char *sent = input_sent(in, &n);

	if (!expected) {
		assert_null(sent);
		return;
	}
	assert_non_null(sent);
	assert_string_equal(sent, expected);
	assert_int_equal(n, strlen(expected));
	free(sent);
}

/* Rows joined by '/', and the caret. */
static void
assert_drawn(struct input *in, int width, int max_rows, const char *expected, int row, int col)
{
	struct screen s = {0};
	struct buf all = {0};

	input_layout(in, width, max_rows, &s.rows, &s.row, &s.col);
	for (int i = 0; i < s.rows.n; i++) {
		assert_true(s.rows.at[i].cols <= width);
		buf_printf(&all, "%s%s", i ? "/" : "", buf_text(&s.rows.at[i].text));
	}
	assert_string_equal(buf_text(&all), expected);
	assert_int_equal(s.row, row);
	assert_int_equal(s.col, col);
	buf_done(&all);
	rows_done(&s.rows);
}

static void
an_empty_line(void **state)
{
	struct input *in = *state;

	assert_true(input_empty(in));
	assert_drawn(in, 20, 10, "> ", 0, 2);
	assert_int_equal(input_key(in, KEYS_SEND, false), UI_ACT_NONE);
	assert_sent(in, "");                            /* what it means without text is the program's affair */
	assert_int_equal(input_key(in, KEYS_BACKSPACE, false), UI_ACT_UNSTAGE);
	assert_int_equal(input_key(in, KEYS_DELETE, false), UI_ACT_QUIT);
	assert_int_equal(input_key(in, KEYS_STOP, false), UI_ACT_INTERRUPT);
}

static void
typing_and_sending(void **state)
{
	struct input *in = *state;

	type(in, "hello");
	assert_true(input_changed(in));
	assert_false(input_changed(in));
	assert_sent(in, NULL);
	input_key(in, KEYS_SEND, false);
	assert_sent(in, "hello");
	assert_sent(in, NULL);
	assert_true(input_empty(in));
	assert_true(input_changed(in));
	type(in, "again");
	assert_string_equal(input_text(in), "again");
}

static void
wide_characters_are_edited_whole(void **state)
{
	struct input *in = *state;

	type(in, "猫和狗");
	assert_drawn(in, 20, 10, "> 猫和狗", 0, 8);
	type(in, "\033[D");
	type(in, "\033[D");
	assert_drawn(in, 20, 10, "> 猫和狗", 0, 4);
	type(in, "很");
	assert_string_equal(input_text(in), "猫很和狗");
	input_key(in, KEYS_BACKSPACE, false);
	input_key(in, KEYS_BACKSPACE, false);
	assert_string_equal(input_text(in), "和狗");
	input_key(in, KEYS_DELETE, false);
	assert_string_equal(input_text(in), "狗");
}

/* A person sees one character, so one key passes or deletes it. */
static void
graphemes_are_edited_whole(void **state)
{
	struct input *in = *state;

	type(in, "a👩‍👩‍👧e\xcc\x81");
	type(in, "\033[D");
	assert_drawn(in, 20, 10, "> a👩e\xcc\x81", 0, 5);
	type(in, "\002");
	assert_drawn(in, 20, 10, "> a👩e\xcc\x81", 0, 3);
	type(in, "\033OC");
	input_key(in, KEYS_BACKSPACE, false);
	assert_string_equal(input_text(in), "ae\xcc\x81");
	input_key(in, KEYS_DELETE, false);
	assert_string_equal(input_text(in), "a");
	input_key(in, KEYS_DELETE, false);
	assert_string_equal(input_text(in), "a");
	type(in, "\037\037");
	assert_string_equal(input_text(in), "a👩‍👩‍👧e\xcc\x81");
}

static void
bad_bytes_do_not_get_in(void **state)
{
	struct input *in = *state;

	type(in, "a\xff" "b\xe7\x8c");
	assert_string_equal(input_text(in), "a\xef\xbf\xbd" "b\xef\xbf\xbd\xef\xbf\xbd");
}

static void
unknown_sequences_are_not_typed(void **state)
{
	struct input *in = *state;

	type(in, "a");
	type(in, "\033[25~");
	type(in, "\033[57399u");
	type(in, "\033OZ");
	assert_string_equal(input_text(in), "a");
}

static void
emacs_keys(void **state)
{
	struct input *in = *state;

	type(in, "one two three");
	type(in, "\033b");
	type(in, "\033[1;5D");
	type(in, "\033d");
	assert_string_equal(input_text(in), "one  three");
	type(in, "\031");
	assert_string_equal(input_text(in), "one two three");
	input_key(in, KEYS_HOME, false);
	type(in, "\013");
	assert_string_equal(input_text(in), "");
	type(in, "\037");
	assert_string_equal(input_text(in), "one two three");
	input_key(in, KEYS_END, false);
	type(in, "\027");
	assert_string_equal(input_text(in), "one two ");
}

static void
the_caret_wraps(void **state)
{
	struct input *in = *state;

	type(in, "abcdefg");                    /* width 10: seven cells and the free one */
	assert_drawn(in, 10, 10, "> abcdefg", 0, 9);
	type(in, "h");
	assert_drawn(in, 10, 10, "> abcdefg/  h", 1, 3);
	input_set_text(in, "abcdef猫");
	assert_drawn(in, 10, 10, "> abcdef/  猫", 1, 4);
	input_set_text(in, "猫");
	type(in, "\001");
	input_key(in, KEYS_HOME, false);
	assert_drawn(in, 10, 10, "> 猫", 0, 2);
}

static void
control_characters_are_shown(void **state)
{
	struct input *in = *state;

	type(in, "\026\033");
	assert_drawn(in, 20, 10, "> ^[", 0, 4);
	input_set_text(in, "a\tb");
	assert_drawn(in, 20, 10, "> a       b", 0, 11);
	input_set_text(in, "a\xe2\x80\xae" "b");
	assert_drawn(in, 20, 10, "> a<202E>b", 0, 10);
}

static void
many_rows_scroll_around_the_caret(void **state)
{
	struct input *in = *state;

	input_set_text(in, "1\n2\n3\n4\n5");
	assert_drawn(in, 20, 3, "  3/  4/  5", 2, 3);
	for (int i = 0; i < 4; i++)
		input_key(in, KEYS_UP, false);
	assert_drawn(in, 20, 3, "> 1/  2/  3", 0, 3);
	input_key(in, KEYS_DOWN, false);
	assert_drawn(in, 20, 3, "> 1/  2/  3", 1, 3);
	input_set_text(in, "x");
	assert_drawn(in, 20, 3, "> x", 0, 3);
}

static void
moving_keeps_its_column(void **state)
{
	struct input *in = *state;

	input_set_text(in, "猫猫猫\na\nlonger");
	assert_drawn(in, 20, 10, "> 猫猫猫/  a/  longer", 2, 8);
	input_key(in, KEYS_UP, false);
	assert_drawn(in, 20, 10, "> 猫猫猫/  a/  longer", 1, 3);
	input_key(in, KEYS_UP, false);
	assert_drawn(in, 20, 10, "> 猫猫猫/  a/  longer", 0, 8);
	type(in, "\033[D");
	type(in, "\033[D");
	input_key(in, KEYS_DOWN, false);
	input_key(in, KEYS_DOWN, false);
	assert_drawn(in, 20, 10, "> 猫猫猫/  a/  longer", 2, 4);
}

static void
nothing_but_enter_sends(void **state)
{
	struct input *in = *state;

	type(in, "text");
	type(in, "\033#");
	type(in, "\030\005");
	paste(in, "\n\n");
	input_key(in, KEYS_NEWLINE, false);
	assert_sent(in, NULL);
}

static void
lines_before_history(void **state)
{
	struct input *in = *state;

	input_history_add(in, "old\nsecond");
	type(in, "new");
	input_key(in, KEYS_UP, false);
	assert_string_equal(input_text(in), "old\nsecond");
	assert_drawn(in, 20, 10, "> old/  second", 1, 8);
	input_key(in, KEYS_UP, false);
	assert_drawn(in, 20, 10, "> old/  second", 0, 5);
	input_key(in, KEYS_UP, false);                  /* there is nothing older */
	assert_string_equal(input_text(in), "old\nsecond");
	input_key(in, KEYS_DOWN, false);
	input_key(in, KEYS_DOWN, false);
	assert_string_equal(input_text(in), "new");
}

static void
history_is_not_edited_by_sending(void **state)
{
	struct input *in = *state;

	input_history_add(in, "first");
	input_key(in, KEYS_UP, false);
	type(in, "!");
	input_key(in, KEYS_SEND, false);
	assert_sent(in, "first!");
	input_key(in, KEYS_UP, false);
	assert_string_equal(input_text(in), "first");
	input_key(in, KEYS_STOP, false);
	assert_true(input_empty(in));
	type(in, "draft");
	input_key(in, KEYS_UP, false);
	input_key(in, KEYS_DOWN, false);
	assert_string_equal(input_text(in), "draft");
}

static void
drafts_survive_the_history(void **state)
{
	struct input *in = *state;

	input_history_add(in, "first");
	input_history_add(in, "second");
	type(in, "draft");
	type(in, "\020");
	type(in, "\020");
	assert_string_equal(input_text(in), "first");
	type(in, "!");
	type(in, "\016");
	assert_string_equal(input_text(in), "second");
	type(in, "\016");
	assert_string_equal(input_text(in), "draft");
	input_key(in, KEYS_DOWN, false);
	assert_string_equal(input_text(in), "draft");
	type(in, "\022" "fir");
	input_key(in, KEYS_SEND, false);
	type(in, "?");
	input_key(in, KEYS_SEND, false);
	assert_sent(in, "first?");
	type(in, "\020");
	assert_string_equal(input_text(in), "second");
	type(in, "\020");
	assert_string_equal(input_text(in), "first");
}

static void
searching_the_history(void **state)
{
	struct input *in = *state;

	input_history_add(in, "a 猫 sat");
	input_history_add(in, "a dog ran");
	type(in, "\022");
	assert_false(input_empty(in));
	type(in, "猫");
	assert_string_equal(input_text(in), "a 猫 sat");
	assert_drawn(in, 60, 10, "history `猫': a 猫 sat", 0, 16);
	input_key(in, KEYS_SEND, false);                /* takes, does not send */
	assert_sent(in, NULL);
	assert_string_equal(input_text(in), "a 猫 sat");
	input_key(in, KEYS_STOP, false);
	type(in, "mine");
	type(in, "\022" "dog");
	assert_string_equal(input_text(in), "a dog ran");
	input_key(in, KEYS_ESC, false);
	assert_string_equal(input_text(in), "mine");
	assert_drawn(in, 20, 10, "> mine", 0, 6);
}

static void
ctrl_c_clears_or_interrupts(void **state)
{
	struct input *in = *state;

	type(in, "text");
	assert_int_equal(input_key(in, KEYS_STOP, true), UI_ACT_INTERRUPT);
	assert_string_equal(input_text(in), "text");
	assert_int_equal(input_key(in, KEYS_STOP, false), UI_ACT_NONE);
	assert_true(input_empty(in));
	type(in, "\037");
	assert_string_equal(input_text(in), "text");
}

static void
a_paste_is_one_step(void **state)
{
	struct input *in = *state;

	type(in, "ab\033[D");
	type(in, "x");
	paste(in, "one\ntwo\n");
	assert_sent(in, NULL);
	assert_true(strstr(input_text(in), "one\ntwo\n") != NULL);
	type(in, "\037");
	assert_null(strchr(input_text(in), '\n'));
	assert_non_null(strchr(input_text(in), 'x'));
}

static void
a_long_paste_folds(void **state)
{
	struct input *in = *state;
	const char *text = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10";

	type(in, "see: ");
	paste(in, text);
	type(in, " ok");
	assert_drawn(in, 40, 10, "> see: [paste 10 lines] ok", 0, 26);
	for (int i = 0; i < 4; i++)
		type(in, "\033[D");                     /* into the paste */
	assert_drawn(in, 40, 3, "  8/  9/  10 ok", 2, 3);
	input_key(in, KEYS_END, false);
	input_key(in, KEYS_SEND, false);
	assert_sent(in, "see: 1\n2\n3\n4\n5\n6\n7\n8\n9\n10 ok");
}

/* Enter beside the word unfolds; the next one sends. */
static void
enter_unfolds_a_paste(void **state)
{
	struct input *in = *state;

	paste(in, "1\n2\n3\n4\n5\n6\n7\n8\n9\n10");
	assert_drawn(in, 40, 10, "> [paste 10 lines]", 0, 18);
	input_key(in, KEYS_SEND, false);
	assert_sent(in, NULL);
	assert_drawn(in, 40, 2, "  9/  10", 1, 4);
	input_key(in, KEYS_SEND, false);
	assert_sent(in, "1\n2\n3\n4\n5\n6\n7\n8\n9\n10");
}

static int
setup_unfolded(void **state)
{
	static struct ui_options unfolded;

	*state = input_new(&unfolded);
	return 0;
}

static void
no_paste_folds(void **state)
{
	struct input *in = *state;

	paste(in, "1\n2\n3\n4\n5\n6\n7\n8\n9\n10");
	assert_drawn(in, 40, 2, "  9/  10", 1, 4);
}

static void
newline_keys(void **state)
{
	struct input *in = *state;

	type(in, "a");
	input_key(in, KEYS_NEWLINE, false);
	type(in, "b");
	assert_drawn(in, 20, 10, "> a/  b", 1, 3);
	input_key(in, KEYS_HOME, false);
	assert_drawn(in, 20, 10, "> a/  b", 1, 2);
	input_key(in, KEYS_SEND, false);
	assert_sent(in, "a\nb");
}

/* ---------------------------------------------------------------- completion */

static char **
candidates(void *arg, const char *line, int start, int end, bool *is_path)
{
	static const char *const all[] = { "/image", "/images", "/info", "my cat.png", "my dog.png", "猫.png", "猎.png",
		"/new\t[NAME]  begin anew", "/next\tgo on" };
	char **found = xcalloc(10, sizeof *found);
	int n = 0;

	(void)arg;
	assert_int_equal(end, strlen(line));
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (strncmp(all[i], line + start, (size_t)(end - start)) == 0)
			found[n++] = xstrdup(all[i]);
	*is_path = strchr(line, '.') || strchr(line, ' ');
	return found;
}

static void
assert_menu(struct input *in, int max_rows, const char *expected)
{
	struct rows rows = {0};
	struct buf all = {0};

	input_menu(in, 40, max_rows, &rows);
	for (int i = 0; i < rows.n; i++) {
		assert_int_equal(rows.at[i].cols, 40);
		buf_str(&all, buf_text(&rows.at[i].text));
	}
	while (all.n > 0 && all.at[all.n - 1] == ' ')
		buf_cut(&all, all.n - 1);
	assert_string_equal(buf_text(&all), expected);
	buf_done(&all);
	rows_done(&rows);
}

static void
completion(void **state)
{
	struct input *in = *state;

	type(in, "/inf");
	input_key(in, KEYS_COMPLETE, false);
	assert_string_equal(input_text(in), "/info ");
	assert_menu(in, 3, "");
	input_set_text(in, "/i");
	input_key(in, KEYS_COMPLETE, false);
	assert_string_equal(input_text(in), "/i");
	assert_menu(in, 3, " /image  /images  /info");
	input_key(in, KEYS_COMPLETE, false);
	assert_string_equal(input_text(in), "/image");
	input_key(in, KEYS_COMPLETE, false);
	assert_string_equal(input_text(in), "/images");
	input_key(in, KEYS_COMPLETE_BACK, false);
	input_key(in, KEYS_COMPLETE_BACK, false);
	assert_string_equal(input_text(in), "/info");
	type(in, " ");
	assert_menu(in, 3, "");
	input_set_text(in, "/n");
	input_key(in, KEYS_COMPLETE, false);            /* what they are, when all have a row */
	assert_string_equal(input_text(in), "/ne");
	assert_menu(in, 2, " /new   [NAME]  begin anew               /next  go on");
	assert_menu(in, 1, " /new  /next");
	type(in, "x");
	input_key(in, KEYS_COMPLETE, false);
	assert_string_equal(input_text(in), "/next ");
}

static void
completion_of_paths(void **state)
{
	struct input *in = *state;

	type(in, "/image m");
	input_key(in, KEYS_COMPLETE, false);
	assert_string_equal(input_text(in), "/image my\\ ");
	type(in, "d");
	input_key(in, KEYS_COMPLETE, false);
	assert_string_equal(input_text(in), "/image my\\ dog.png ");
	input_set_text(in, "/image \"my c");
	input_key(in, KEYS_COMPLETE, false);
	assert_string_equal(input_text(in), "/image \"my cat.png\" ");
	input_set_text(in, "/image nothing");
	input_key(in, KEYS_COMPLETE, false);
	assert_string_equal(input_text(in), "/image nothing");
}

/* 猫 and 猎 begin with the same two bytes: half a character must not come into the line. */
static void
completion_stops_between_characters(void **state)
{
	struct input *in = *state;

	type(in, "/image \xe7\x8c");
	input_set_text(in, "/image ");
	input_key(in, KEYS_COMPLETE, false);
	assert_string_equal(input_text(in), "/image ");
	assert_menu(in, 2, " image  images  info  my cat.png         my dog.png  猫.png  猎.png  new  next");
	assert_menu(in, 1, " image  images  info  my cat.png");
	for (int i = 0; i < 6; i++)
		input_key(in, KEYS_COMPLETE, false);
	assert_menu(in, 1, " my dog.png  猫.png  猎.png  new  next");
}

/* ---------------------------------------------------------------- vi */

static int
setup_vi(void **state)
{
	static struct ui_options vi = { .vi_mode = true };

	*state = input_new(&vi);
	return 0;
}

static void
vi_keys(void **state)
{
	struct input *in = *state;

	type(in, "abc");
	assert_null(input_mode(in));
	input_key(in, KEYS_ESC, false);
	assert_string_equal(input_mode(in), "NORMAL");
	type(in, "r你");
	assert_string_equal(input_text(in), "ab你");
	type(in, "0x");
	assert_string_equal(input_text(in), "b你");
	input_key(in, KEYS_SEND, false);
	assert_sent(in, "b你");
	assert_null(input_mode(in));
	type(in, "\033[D");
	type(in, "z");
	assert_string_equal(input_text(in), "z");
}

static void
what_is_undone_is_redone(void **state)
{
	struct input *in = *state;

	type(in, "one");
	input_paste(in, " two", 4);
	type(in, "\037");
	assert_string_equal(input_text(in), "one");
	type(in, "\037");
	assert_string_equal(input_text(in), "");
	type(in, "\033_");
	assert_string_equal(input_text(in), "one");
	type(in, "\033_");
	assert_string_equal(input_text(in), "one two");
	type(in, "\033_");
	assert_string_equal(input_text(in), "one two");
	type(in, "\037");
	type(in, "!");
	type(in, "\033_");                      /* something else was written since */
	assert_string_equal(input_text(in), "one!");
}

/* ---------------------------------------------------------------- anything */

/* Whatever is pressed, the text stays UTF-8, the caret is in sight, and only Enter sends. */
static void
any_keys_keep_the_line_whole(void **state)
{
	static const char *const bits[] = {
		"a", "猫", "👩‍👩‍👧", " ", "\033[D", "\033[C", "\022", "\033b", "\033d", "\013", "\031", "\033y", "\037", "\024",
		"\033P", "\026", "\0335", "\030", "\035", "\033", "\033#", "\033[3~", "\027", "\033.", "\033_", "\033\\", "r", "0", "v", "/",
	};
	struct input *in = *state;
	struct screen s = {0};
	uint32_t seed = 11;
	size_t n;

	input_history_add(in, "an old 猫 line");
	input_history_add(in, "with\nrows");
	for (int i = 0; i < 20000; i++) {
		unsigned what;

		seed = seed * 1664525 + 1013904223;
		what = (seed >> 12) % 100;
		if (what < 70) {
			type(in, bits[(seed >> 20) % (sizeof bits / sizeof *bits)]);
		} else if (what < 73) {
			paste(in, "1\n2\n3\n4\n5\n6\n7\n8\n9\n猫");
		} else {
			enum keys_action key = (enum keys_action)((seed >> 20) % KEYS_PAGE_UP);

			input_key(in, key, false);
			if (key == KEYS_SEND)
				free(input_sent(in, &n));
		}
		assert_null(input_sent(in, &n));
		assert_true(text_valid(input_text(in), strlen(input_text(in))));
		input_layout(in, 40, 5, &s.rows, &s.row, &s.col);
		assert_in_range(s.rows.n, 1, 5);
		assert_true(s.row >= 0 && s.row < s.rows.n && s.col >= 0 && s.col < 40);
		if (strlen(input_text(in)) > 2000)
			input_set_text(in, "");
	}
	rows_done(&s.rows);
}

int
main(void)
{
	static const char *const history[] = { "oldest" };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_empty_line, setup, teardown),
		cmocka_unit_test_setup_teardown(typing_and_sending, setup, teardown),
		cmocka_unit_test_setup_teardown(wide_characters_are_edited_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(graphemes_are_edited_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(moving_keeps_its_column, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_but_enter_sends, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_bytes_do_not_get_in, setup, teardown),
		cmocka_unit_test_setup_teardown(unknown_sequences_are_not_typed, setup, teardown),
		cmocka_unit_test_setup_teardown(emacs_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(the_caret_wraps, setup, teardown),
		cmocka_unit_test_setup_teardown(control_characters_are_shown, setup, teardown),
		cmocka_unit_test_setup_teardown(many_rows_scroll_around_the_caret, setup, teardown),
		cmocka_unit_test_setup_teardown(lines_before_history, setup, teardown),
		cmocka_unit_test_setup_teardown(history_is_not_edited_by_sending, setup, teardown),
		cmocka_unit_test_setup_teardown(drafts_survive_the_history, setup, teardown),
		cmocka_unit_test_setup_teardown(searching_the_history, setup, teardown),
		cmocka_unit_test_setup_teardown(ctrl_c_clears_or_interrupts, setup, teardown),
		cmocka_unit_test_setup_teardown(a_paste_is_one_step, setup, teardown),
		cmocka_unit_test_setup_teardown(a_long_paste_folds, setup, teardown),
		cmocka_unit_test_setup_teardown(enter_unfolds_a_paste, setup, teardown),
		cmocka_unit_test_setup_teardown(no_paste_folds, setup_unfolded, teardown),
		cmocka_unit_test_setup_teardown(newline_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(completion, setup, teardown),
		cmocka_unit_test_setup_teardown(completion_of_paths, setup, teardown),
		cmocka_unit_test_setup_teardown(completion_stops_between_characters, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_undone_is_redone, setup, teardown),
		cmocka_unit_test_setup_teardown(any_keys_keep_the_line_whole, setup, teardown),
		/* readline stays in vi mode from here on */
		cmocka_unit_test_setup_teardown(vi_keys, setup_vi, teardown),
		cmocka_unit_test_setup_teardown(any_keys_keep_the_line_whole, setup_vi, teardown),
	};

	if (!setlocale(LC_ALL, "C.UTF-8"))
		return 77;
	setenv("INPUTRC", "/dev/null", 1);
	options.history = history;
	options.n_history = 0;
	options.complete = candidates;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
