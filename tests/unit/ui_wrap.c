/* Text → lines of a width. */
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
#include "base/text.h"
#include "ui/wrap.h"

/* The lines joined by '|'. */
static void
assert_wrapped(const char *s, int width, const char *expected)
{
	struct wrap w = {0};
	struct buf got = {0};

	wrap_add(&w, s, 0, strlen(s), width);
	for (int i = 0; i < w.n; i++) {
		const struct wrap_line *line = &w.lines[i];

		if (i)
			buf_char(&got, '|');
		buf_add(&got, s + line->start, line->end - line->start);
		assert_int_equal(line->cols, text_width(s + line->start, line->end - line->start));
		assert_true(line->cols <= width || (width == 1 && line->cols == 2));
		assert_int_equal(wrap_find(&w, line->start), i);
	}
	assert_string_equal(buf_text(&got), expected);
	buf_done(&got);
	wrap_done(&w);
}

static void
newlines(void **state)
{
	struct wrap w = {0};

	(void)state;
	wrap_add(&w, "", 0, 0, 10);
	assert_int_equal(w.n, 0);
	wrap_add(&w, "\n", 0, 1, 10);
	assert_int_equal(w.n, 1);
	wrap_done(&w);
	assert_wrapped("a", 10, "a");
	assert_wrapped("a\n", 10, "a");
	assert_wrapped("a\n\n", 10, "a|");
	assert_wrapped("\na", 10, "|a");
	assert_wrapped("ab\ncd", 1, "a|b|c|d");
}

static void
words(void **state)
{
	(void)state;
	assert_wrapped("one two three", 13, "one two three");
	assert_wrapped("one two three", 12, "one two|three");
	assert_wrapped("one two three", 8, "one two|three");
	assert_wrapped("one two three", 7, "one two|three");
	assert_wrapped("one two three", 6, "one|two|three");
	assert_wrapped("one two three", 4, "one|two|thre|e");
	assert_wrapped("one two three", 1, "o|n|e|t|w|o|t|h|r|e|e");
	assert_wrapped("abcdefgh ij", 3, "abc|def|gh|ij");
	assert_wrapped("xx abcdefgh", 5, "xx|abcde|fgh");
}

static void
blanks(void **state)
{
	(void)state;
	assert_wrapped("abc    def", 4, "abc|def");             /* they hang over the edge */
	assert_wrapped("abc   ", 3, "abc");
	assert_wrapped("ab   ", 3, "ab ");
	assert_wrapped("  ab cd", 5, "  ab|cd");                /* an indent stays */
	assert_wrapped("    x", 3, "   |x");
	assert_wrapped("     ", 3, "   ");
	assert_wrapped("a  b", 2, "a|b");
	assert_wrapped("   \nx", 2, "  |x");
}

static void
wide_characters(void **state)
{
	(void)state;
	assert_wrapped("猫和狗在家", 10, "猫和狗在家");
	assert_wrapped("猫和狗在家", 9, "猫和狗在|家");
	assert_wrapped("猫和狗", 5, "猫和|狗");
	assert_wrapped("猫和", 1, "猫|和");
	assert_wrapped("a猫b和", 3, "a猫|b和");
	assert_wrapped("a猫b和", 2, "a|猫|b|和");
	assert_wrapped("看图 word 好", 9, "看图 word|好");
	assert_wrapped("👍🏽👍🏽👍🏽", 4, "👍🏽👍🏽|👍🏽");
	assert_wrapped("e\xcc\x81" "e\xcc\x81" "e\xcc\x81", 2, "e\xcc\x81" "e\xcc\x81|e\xcc\x81");
}

static void
punctuation_stays_with_its_word(void **state)
{
	(void)state;
	assert_wrapped("猫和狗，在家", 6, "猫和|狗，在|家");
	assert_wrapped("猫和狗。", 6, "猫和|狗。");
	assert_wrapped("猫和（狗）", 6, "猫和|（狗）");
	assert_wrapped("他说「好」", 6, "他说|「好」");
	assert_wrapped("他说“好”吗", 5, "他说|“好”|吗");
	assert_wrapped("好！！！", 4, "好！|！！");               /* nowhere else to go */
	assert_wrapped("猫(cat)和", 6, "猫|(cat)|和");
	assert_wrapped("猫cat.", 5, "猫|cat.");
}

/* What goes on of a line of two columns stands under the second. */
static void
columns_hang(void **state)
{
	static const char s[] = "size  a b c d e f g h\nplain words that go on\nlong before the";
	static const struct { int indent; const char *text; } want[] = {
		{ 0, "size  a b c d e f" }, { 6, "g h" }, { 0, "plain words that" }, { 0, "go on" }, { 0, "long before the" },
	};
	struct wrap w = { .hang = true };

	(void)state;
	wrap_add(&w, s, 0, strlen(s), 18);
	assert_int_equal(w.n, 5);
	for (int i = 0; i < w.n; i++) {
		assert_int_equal(w.lines[i].indent, want[i].indent);
		assert_int_equal(w.lines[i].end - w.lines[i].start, strlen(want[i].text));
		assert_memory_equal(s + w.lines[i].start, want[i].text, strlen(want[i].text));
	}
	wrap_done(&w);
}

static void
lines_can_be_cut_and_wrapped_again(void **state)
{
	const char *s = "one two\nthree four\nfive";
	struct wrap w = {0};

	(void)state;
	wrap_add(&w, s, 0, strlen(s), 5);
	assert_int_equal(w.n, 5);
	wrap_cut(&w, 8);
	assert_int_equal(w.n, 2);
	wrap_add(&w, s, 8, strlen(s), 20);
	assert_int_equal(w.n, 4);
	assert_int_equal(w.lines[2].start, 8);
	assert_int_equal(w.lines[3].end, strlen(s));
	assert_int_equal(wrap_find(&w, 12), 2);
	assert_int_equal(wrap_find(&w, 1000), 3);
	wrap_cut(&w, 0);
	assert_int_equal(w.n, 0);
	assert_int_equal(wrap_find(&w, 3), 0);
	wrap_done(&w);
}

/* No byte but blanks at breaks and newlines is lost, none comes twice, none is too wide. */
static void
nothing_is_lost(void **state)
{
	static const char *const bits[] = { "a", "bc", " ", "  ", "\n", "猫", "，", "（", "👍🏽", "e\xcc\x81", "longword", "." };
	uint32_t seed = 7;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		struct buf s = {0};
		struct wrap w = {0};
		size_t at = 0;
		int width;

		for (int i = 0; i < 20; i++) {
			seed = seed * 1664525 + 1013904223;
			buf_str(&s, bits[(seed >> 16) % (sizeof bits / sizeof *bits)]);
		}
		width = 2 + (int)((seed >> 8) % 19);
		wrap_add(&w, s.at, 0, s.n, width);
		for (int i = 0; i < w.n; i++) {
			for (; at < w.lines[i].start; at++)
				assert_true(s.at[at] == ' ' || s.at[at] == '\n');
			assert_int_equal(at, w.lines[i].start);
			assert_true(w.lines[i].cols <= width);
			assert_int_equal(w.lines[i].cols, text_width(s.at + at, w.lines[i].end - at));
			at = w.lines[i].end;
		}
		for (; at < s.n; at++)
			assert_true(s.at[at] == ' ' || s.at[at] == '\n');
		wrap_done(&w);
		buf_done(&s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(newlines),
		cmocka_unit_test(words),
		cmocka_unit_test(blanks),
		cmocka_unit_test(wide_characters),
		cmocka_unit_test(punctuation_stays_with_its_word),
		cmocka_unit_test(columns_hang),
		cmocka_unit_test(lines_can_be_cut_and_wrapped_again),
		cmocka_unit_test(nothing_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
