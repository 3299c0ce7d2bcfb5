/* UTF-8, graphemes, the width table, and bytes that would act on a terminal. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

static void
decoding(void **state)
{
	static const struct {
		const char *s;
		size_t n;
		int32_t cp;
	} cases[] = {
		{ "a", 1, 'a' }, { "", 1, 0 }, { "\xc3\xa9", 2, 0xe9 }, { "\xe7\x8c\xab", 3, 0x732b },
		{ "\xf0\x9f\x91\x8d", 4, 0x1f44d }, { "\xf4\x8f\xbf\xbf", 4, 0x10ffff },
		{ "\x80", 1, 0xfffd }, { "\xc0\x80", 1, 0xfffd }, { "\xc1\xbf", 1, 0xfffd },
		{ "\xe0\x80\x80", 1, 0xfffd }, { "\xed\xa0\x80", 1, 0xfffd },           /* overlong; surrogate */
		{ "\xf4\x90\x80\x80", 1, 0xfffd }, { "\xf5\x80\x80\x80", 1, 0xfffd }, { "\xff", 1, 0xfffd },
		{ "\xe7\x8c", 1, 0xfffd }, { "\xe7" "aa", 1, 0xfffd },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int32_t cp = -1;
		size_t n = strlen(cases[i].s);

		assert_int_equal(text_decode(cases[i].s, n ? n : 1, &cp), cases[i].n);
		assert_int_equal(cp, cases[i].cp);
	}
}

static void
every_code_point_survives(void **state)
{
	(void)state;
	for (int32_t cp = 0; cp < 0x110000; cp++) {
		char s[4];
		int32_t back;
		size_t n;

		if (cp >= 0xd800 && cp < 0xe000)
			continue;
		n = text_encode(cp, s);
		assert_int_equal(text_decode(s, n, &back), n);
		assert_int_equal(back, cp);
		assert_true(text_valid(s, n));
		for (size_t k = 1; k < n; k++)
			assert_int_equal(text_partial(s, k), k);
		assert_int_equal(text_partial(s, n), 0);
	}
}

static void
parts_of_characters(void **state)
{
	(void)state;
	assert_int_equal(text_partial("", 0), 0);
	assert_int_equal(text_partial("ab", 2), 0);
	assert_int_equal(text_partial("a\xe7", 2), 1);
	assert_int_equal(text_partial("a\xe7\x8c", 3), 2);
	assert_int_equal(text_partial("a\xf0\x9f\x91", 4), 3);
	assert_int_equal(text_partial("\xf0\x9f\x91\x8d", 4), 0);
	/* What can never become whole is not waited for. */
	assert_int_equal(text_partial("\xff", 1), 0);
	assert_int_equal(text_partial("\x80\x80", 2), 0);
	assert_int_equal(text_partial("\xe0\x80", 2), 0);
	assert_int_equal(text_partial("\xed\xa0", 2), 0);
	assert_int_equal(text_partial("\xc0", 1), 0);
}

/* Text, its graphemes' bytes, its cells, and what is drawn. */
static void
assert_graphemes(const char *s, const char *bytes, int cells, const char *drawn)
{
	struct buf got = {0}, out = {0};

	for (size_t i = 0, n = strlen(s); i < n;) {
		int cols;
		size_t k = text_grapheme(s + i, n - i, &cols);

		buf_printf(&got, "%s%zu", i ? " " : "", k);
		text_draw(&out, s + i, k);
		i += k;
		assert_int_equal(text_grapheme_before(s, i), k);
	}
	assert_string_equal(buf_text(&got), bytes);
	assert_int_equal(text_width(s, strlen(s)), cells);
	assert_string_equal(buf_text(&out), drawn);
	buf_done(&got);
	buf_done(&out);
}

static void
width_table(void **state)
{
	(void)state;
	assert_graphemes("ab", "1 1", 2, "ab");
	assert_graphemes("猫", "3", 2, "猫");
	assert_graphemes("e\xcc\x81x", "3 1", 2, "e\xcc\x81x");
	assert_graphemes("…", "3", 1, "…");
	assert_graphemes("\xc2\xa0", "2", 1, "\xc2\xa0");
	assert_graphemes("👍🏽", "8", 2, "👍");                                /* skin tone */
	assert_graphemes("👩‍👩‍👧a", "18 1", 3, "👩a");                        /* family */
	assert_graphemes("👩\xe2\x80\x8d👩\xcc\x81", "13", 2, "👩");          /* a mark on what is not drawn */
	assert_graphemes("❤️", "6", 1, "❤");                                   /* VS16 */
	assert_graphemes("🇩🇪🇫🇷", "8 8", 4, "🇩🇪🇫🇷");                        /* flags: two cells everywhere */
	assert_graphemes("\xf0\x9f\xab\xa0", "4", 2, "\xf0\x9f\xab\xa0");      /* U+1FAE0 */
	assert_graphemes("1️⃣", "7", 1, "1⃣");
	assert_graphemes("각", "3", 2, "각");
	assert_graphemes("\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8", "9", 2,
		"\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8");                  /* jamo */
	assert_graphemes("का", "3 3", 2, "का");                                 /* a vowel sign with a cell of its own */
	assert_graphemes("\xcc\x81", "2", 1, "◌\xcc\x81");                     /* a mark without a base */
	assert_graphemes("a\xe2\x80\x8b" "b", "1 3 1", 2, "ab");               /* zero width space */
	assert_graphemes("\xef\xbf\xbf", "3", 1, "\xef\xbf\xbd");              /* unassigned */
	assert_graphemes("", "", 0, "");
}

static void
marks_beyond_a_cell_are_dropped(void **state)
{
	struct buf s = {0}, out = {0};
	int cols;

	(void)state;
	buf_str(&s, "a");
	for (int i = 0; i < 100; i++)
		buf_str(&s, "\xcc\x81");
	assert_int_equal(text_grapheme(s.at, s.n, &cols), s.n);
	assert_int_equal(cols, 1);
	text_draw(&out, s.at, s.n);
	assert_int_equal(out.n, 1 + 4 * 2);
	buf_done(&s);
	buf_done(&out);
}

static void
fitting(void **state)
{
	(void)state;
	assert_int_equal(text_fit("abc", 3, 2), 2);
	assert_int_equal(text_fit("abc", 3, 9), 3);
	assert_int_equal(text_fit("猫狗", 6, 3), 3);
	assert_int_equal(text_fit("猫狗", 6, 1), 0);
	assert_int_equal(text_fit("e\xcc\x81" "a", 4, 1), 3);
	assert_int_equal(text_fit("", 0, 1), 0);
}

static void
assert_visible(const char *s, size_t n, const char *expected)
{
	struct buf out = {0};

	text_visible(&out, s, n);
	assert_string_equal(buf_text(&out), expected);
	assert_true(text_valid(buf_text(&out), out.n));
	buf_done(&out);
}

#define ASSERT_VISIBLE(s, expected) assert_visible(s, sizeof(s) - 1, expected)

static void
visible(void **state)
{
	(void)state;
	ASSERT_VISIBLE("", "");
	ASSERT_VISIBLE("plain 猫\nnext", "plain 猫\nnext");
	ASSERT_VISIBLE("a\r\nb\rc\n\r", "a\nb\nc\n\n");
	ASSERT_VISIBLE("\033[2J\033]52;c;aGk=\a", "^[[2J^[]52;c;aGk=^G");
	ASSERT_VISIBLE("nul\0x\x7f\b", "nul^@x^?^H");
	ASSERT_VISIBLE("\xc2\x9b" "31m\xc2\x85", "<9B>31m<85>");
	ASSERT_VISIBLE("\x9b" "31m", "\xef\xbf\xbd" "31m");
	ASSERT_VISIBLE("a\xe2\x80\xae" "b\xe2\x81\xa6\xd8\x9c", "a<202E>b<2066><61C>");
	ASSERT_VISIBLE("\xe2\x80\xa8x", "\nx");
	ASSERT_VISIBLE("\xff\xe7\x8c", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

static void
tabs(void **state)
{
	(void)state;
	ASSERT_VISIBLE("\tx", "        x");
	ASSERT_VISIBLE("abc\tx", "abc     x");
	ASSERT_VISIBLE("12345678\tx", "12345678        x");
	ASSERT_VISIBLE("猫\t\tx", "猫              x");
	ASSERT_VISIBLE("abc\n\033\tx", "abc\n^[      x");
}

/* Whatever comes, what is drawn of it holds nothing that acts. */
static void
nothing_acts_on_the_terminal(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct buf visible = {0};
		char s[64];
		int32_t cp;

		for (size_t i = 0; i < sizeof s; i++) {
			seed = seed * 1664525 + 1013904223;
			s[i] = (char)(seed >> 24);
			if (seed >> 16 & 1)
				s[i] = "\033\xc2\x9b\xe2\x80\xae\r\t"[seed >> 17 & 7];
		}
		text_visible(&visible, s, sizeof s);
		for (size_t i = 0; i < visible.n; i += text_decode(visible.at + i, visible.n - i, &cp)) {
			text_decode(visible.at + i, visible.n - i, &cp);
			assert_true(cp == '\n' || (cp >= 0x20 && cp < 0x7f) || cp >= 0xa0);
			assert_false((cp >= 0x202a && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069));
		}
		assert_true(text_valid(visible.at, visible.n));
		buf_done(&visible);
	}
}

static void
one_line(void **state)
{
	struct buf out = {0};

	(void)state;
	text_visible_line(&out, "a\tb\r\nc\033", 7);
	assert_string_equal(out.at, "a b c^[");
	buf_done(&out);
}

static void
assert_stripped(const char *s, const char *expected)
{
	size_t n = strlen(s);

	text_strip(&s, &n);
	assert_int_equal(n, strlen(expected));
	assert_memory_equal(s, expected, n);
}

static void
stripping(void **state)
{
	(void)state;
	assert_stripped("", "");
	assert_stripped(" \n\t ", "");
	assert_stripped("  a b \n", "a b");
	assert_stripped("\xe3\x80\x80猫\xc2\xa0\xe2\x80\x83", "猫");
	assert_stripped("\x1c猫\x1f", "猫");
	assert_stripped("\xe2\x80\x8b", "\xe2\x80\x8b");                /* not a space to Python */
	assert_stripped("a \x80", "a \x80");
	assert_stripped("\xa0 a \xe7\x8c", "\xa0 a \xe7\x8c");
}

static void
small_letters(void **state)
{
	(void)state;
	assert_int_equal(text_lower('A'), 'a');
	assert_int_equal(text_lower(0xc4), 0xe4);
	assert_int_equal(text_lower(0x732b), 0x732b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decoding),
		cmocka_unit_test(every_code_point_survives),
		cmocka_unit_test(parts_of_characters),
		cmocka_unit_test(width_table),
		cmocka_unit_test(marks_beyond_a_cell_are_dropped),
		cmocka_unit_test(fitting),
		cmocka_unit_test(visible),
		cmocka_unit_test(tabs),
		cmocka_unit_test(nothing_acts_on_the_terminal),
		cmocka_unit_test(one_line),
		cmocka_unit_test(stripping),
		cmocka_unit_test(small_letters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
