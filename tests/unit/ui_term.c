/* ui_term.c: what the terminal's answers mean, whatever form they have, and the size of a cell. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ui/reader.h"
#include "ui/term.h"

static struct term
fresh(void)
{
	struct term t;

	unsetenv("TMUX");
	setenv("TERM", "xterm-256color", 1);
	term_init(&t, -1);
	t.asked = 1000;
	return t;
}

static void
answer(struct term *t, const char *s)
{
	term_answer(t, s, strlen(s), 1200);
}

static void
test_sixel_is_a_whole_number_after_the_first(void **state)
{
	static const struct { const char *s; enum term_known sixel; } cases[] = {
		{ "\033[?62;4;22c", TERM_YES },
		{ "\033[?62;22;4c", TERM_YES },
		{ "\033[?63;1;2;4;6;9;15;16;22;28;29c", TERM_YES },
		{ "\033[?64;1;2;6;9;15;16;17;18;21;22;28c", TERM_NO },
		{ "\033[?62;24;44;14;41c", TERM_NO },
		{ "\033[?4;2c", TERM_NO },
		{ "\033[?4c", TERM_NO },
		{ "\033[?1;2c", TERM_NO },
		{ "\033[?c", TERM_NO },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct term t = fresh();
		assert_int_equal(t.sixel, TERM_UNKNOWN);
		answer(&t, cases[i].s);
		assert_int_equal(t.sixel, cases[i].sixel);
		assert_int_equal(t.round_trip, 200);
		assert_int_equal(t.asked, 0);
	}
}

static void
test_names_choose_quirks(void **state)
{
	static const struct { const char *s; bool scrolls, forgets, erase_all; } cases[] = {
		{ "\033P>|XTerm(379)\033\\", true, true, false },
		{ "\033P>|foot(1.13.1)\033\\", true, false, false },
		{ "\033P>|Konsole 22.12.3\033\\", false, false, true },
		{ "\033P>|WezTerm 20240203\033\\", true, false, false },
		{ "\033P>|tmux 3.4\033\\", false, false, false },
		{ "\033P>|mintty 3.7.0\033\\", false, false, false },
		{ "\033P>|something else\033\\", false, false, false },
		{ "\033P>|\033\\", false, false, false },
		{ "\033[>24;279;0c", true, false, false },
		{ "\033[>41;379;0c", false, false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct term t = fresh();
		answer(&t, cases[i].s);
		assert_int_equal(t.quirks.scrolls, cases[i].scrolls);
		assert_int_equal(t.quirks.forgets, cases[i].forgets);
		assert_int_equal(t.quirks.erase_all, cases[i].erase_all);
	}
}

static void
test_windows_terminal_is_known_by_its_attributes(void **state)
{
	struct term t = fresh();
	int w, h;

	(void)state;
	answer(&t, "\033[6;40;20t");
	answer(&t, "\033[?61;4;6;7;14;21;22;23;24;28;32;42c");
	assert_true(t.quirks.after_sync);
	term_cell(&t, 80, 24, 0, 0, &w, &h);
	assert_int_equal(w, 10);
	assert_int_equal(h, 20);
}

static void
test_tmux_never_scrolls_whatever_is_around_it(void **state)
{
	struct term t;

	(void)state;
	setenv("TMUX", "/run/tmux,1,0", 1);
	term_init(&t, -1);
	unsetenv("TMUX");
	answer(&t, "\033P>|XTerm(379)\033\\");
	assert_false(t.quirks.scrolls);
	answer(&t, "\033[>24;279;0c");
	assert_false(t.quirks.scrolls);
}

static void
test_sync_needs_one_or_two(void **state)
{
	static const struct { const char *s; bool sync; } cases[] = {
		{ "\033[?2026;0$y", false }, { "\033[?2026;1$y", true }, { "\033[?2026;2$y", true },
		{ "\033[?2026;4$y", false }, { "\033[?2027;1$y", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct term t = fresh();
		answer(&t, cases[i].s);
		assert_int_equal(t.sync, cases[i].sync);
	}
}

static void
test_pastes_are_bracketed_where_the_mode_is_known(void **state)
{
	static const struct { const char *s; bool brackets; } cases[] = {
		{ "\033[?2004;0$y", false }, { "\033[?2004;1$y", true }, { "\033[?2004;2$y", true }, { "\033[?2004;4$y", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct term t = fresh();
		answer(&t, cases[i].s);
		assert_int_equal(t.brackets, cases[i].brackets);
	}
}

static void
test_graphics_only_with_status_zero(void **state)
{
	struct term t = fresh();

	(void)state;
	answer(&t, "\033[?1;0;16S");
	answer(&t, "\033[?2;0;1000;1000S");
	assert_int_equal(t.registers, 16);
	assert_int_equal(t.max_w, 1000);
	assert_int_equal(t.max_h, 1000);
	answer(&t, "\033[?1;3;256S");
	answer(&t, "\033[?2;3S");
	answer(&t, "\033[?1;0S");
	answer(&t, "\033[?2;0;5S");
	assert_int_equal(t.registers, 16);
	assert_int_equal(t.max_w, 1000);
	answer(&t, "\033[?1;0;256S");
	assert_int_equal(t.registers, 256);
}

static void
test_background_is_light_or_dark(void **state)
{
	static const struct { const char *s; enum term_known light; } cases[] = {
		{ "\033]11;rgb:0000/0000/0000\033\\", TERM_NO }, { "\033]11;rgb:ffff/ffff/ffff\033\\", TERM_YES },
		{ "\033]11;rgb:FD/F6/E3\a", TERM_YES }, { "\033]11;rgb:0/2/3\a", TERM_NO },
		{ "\033]11;rgb:ffff/0000/0000\a", TERM_NO }, { "\033]11;rgb:ff/ff\a", TERM_UNKNOWN },
		{ "\033]11;\a", TERM_UNKNOWN }, { "\033]10;rgb:ffff/ffff/ffff\a", TERM_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct term t = fresh();
		answer(&t, cases[i].s);
		assert_int_equal(t.light, cases[i].light);
	}
}

static void
test_ping_is_answered_once(void **state)
{
	struct term t = fresh();

	(void)state;
	answer(&t, "\033[0n");
	assert_int_equal(t.round_trip, -1);
	t.pinged = 1100;
	assert_true(term_busy(&t, 1200));
	assert_false(term_busy(&t, 1100 + 3000));
	answer(&t, "\033[3n");
	assert_true(term_busy(&t, 1200));
	answer(&t, "\033[0n");
	assert_int_equal(t.round_trip, 100);
	assert_false(term_busy(&t, 1200));
}

static void
test_cell_takes_the_first_plausible(void **state)
{
	struct term t = fresh();
	int w, h;

	(void)state;
	term_cell(&t, 100, 32, 0, 0, &w, &h);
	assert_int_equal(w, 10);
	assert_int_equal(h, 20);
	answer(&t, "\033[4;580;904t");
	term_cell(&t, 100, 32, 0, 0, &w, &h);
	assert_int_equal(w, 9);
	assert_int_equal(h, 18);
	term_cell(&t, 100, 32, 804, 516, &w, &h);
	assert_int_equal(w, 8);
	assert_int_equal(h, 16);
	answer(&t, "\033[6;24;12t");
	term_cell(&t, 100, 32, 804, 516, &w, &h);
	assert_int_equal(w, 12);
	assert_int_equal(h, 24);
	answer(&t, "\033[6;1000;0t");
	term_cell(&t, 100, 32, 804, 516, &w, &h);
	assert_int_equal(w, 8);
	term_cell(&t, 0, 0, 804, 516, &w, &h);
	assert_int_equal(w, 10);
}

static void
test_hostile_answers_change_nothing(void **state)
{
	static const char *const cases[] = {
		"\033[?99999999999999999999c", "\033[;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;t", "\033[t", "\033[n", "\033P",
		"\033[?", "\033P>|", "\033]11;rgb:0/0/0\033\\", "\033[?S", "\033[?$y",
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct term t = fresh();
		answer(&t, cases[i]);
		assert_int_not_equal(t.sixel, TERM_YES);
		assert_int_equal(t.answer_w, 0);
		assert_int_equal(t.registers, 0);
		assert_false(t.sync);
		assert_false(t.quirks.scrolls);
	}
}

/* A terminal's whole reply, cut in two at every byte: the reader gives it to term.c all the same,
 * and none of it is text. */
static void
test_answers_cut_at_every_byte(void **state)
{
	static const char all[] = "\033P>|XTerm(379)\033\\\033[>41;379;0c\033]11;rgb:ffff/ffff/ffff\033\\"
	                          "\033[?2026;2$y\033[6;18;9t\033[4;580;904t"
	                          "\033[?1;0;256S\033[?1;0;256S\033[?2;0;1000;1000S\033[?64;1;2;4;6c\033[0n";

	(void)state;
	for (size_t cut = 1; cut < sizeof all - 1; cut++) {
		struct term t = fresh();
		struct reader *r = reader_new();
		struct reader_unit unit;
		t.pinged = 1100;
		reader_expect(r, true);
		for (int half = 0; half < 2; half++) {
			reader_feed(r, half ? all + cut : all, half ? sizeof all - 1 - cut : cut, 1150 + 40 * half);
			while (reader_next(r, 1150 + 40 * half, &unit)) {
				assert_int_equal(unit.kind, READER_ANSWER);
				term_answer(&t, unit.at, unit.n, 1200);
			}
		}
		assert_int_equal(t.sixel, TERM_YES);
		assert_true(t.sync && t.quirks.forgets && t.light == TERM_YES);
		assert_int_equal(t.answer_w, 9);
		assert_int_equal(t.area_h, 580);
		assert_int_equal(t.registers, 256);
		assert_int_equal(t.max_h, 1000);
		assert_int_equal(t.pinged, 0);
		reader_free(r);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sixel_is_a_whole_number_after_the_first),
		cmocka_unit_test(test_names_choose_quirks),
		cmocka_unit_test(test_windows_terminal_is_known_by_its_attributes),
		cmocka_unit_test(test_tmux_never_scrolls_whatever_is_around_it),
		cmocka_unit_test(test_sync_needs_one_or_two),
		cmocka_unit_test(test_pastes_are_bracketed_where_the_mode_is_known),
		cmocka_unit_test(test_graphics_only_with_status_zero),
		cmocka_unit_test(test_background_is_light_or_dark),
		cmocka_unit_test(test_ping_is_answered_once),
		cmocka_unit_test(test_cell_takes_the_first_plausible),
		cmocka_unit_test(test_hostile_answers_change_nothing),
		cmocka_unit_test(test_answers_cut_at_every_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
