/* Entries → lines, and the place in them that stays. */
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
#include "ui/shrink.h"
#include "ui/transcript.h"

static int
add(struct transcript *t, enum ui_look look, const char *text)
{
	return transcript_add(t, look, text, strlen(text));
}

static void
append(struct transcript *t, int entry, const char *text)
{
	transcript_append(t, entry, text, strlen(text));
}

static void
add_picture(struct transcript *t, int entry, int width, int height, const char *label)
{
	uint8_t *rgb = xcalloc((size_t)width * (size_t)height, 3);

	transcript_add_picture(t, entry, &(struct ui_picture){ rgb, width, height, label });
	free(rgb);
}

/* A cell is 10x20 here. */
static bool
measure(void *arg, int width, int height, int columns, int *cols, int *rows)
{
	(void)arg;
	*cols = (width + 9) / 10 < columns ? (width + 9) / 10 : columns;
	*rows = (height + 19) / 20;
	return true;
}

/* One line in words: its kind, then what is drawn. */
static void
describe(struct transcript *t, int index, struct buf *out)
{
	struct line line = {0};
	int cols = 0;

	transcript_line(t, index, &line);
	buf_char(out, "_LTPR"[line.kind]);
	if (line.kind == LINE_PICTURE)
		buf_printf(out, "%d", line.picture_row);
	for (int i = 0; i < line.row.n_spans; i++) {
		const struct span *span = &line.row.spans[i];

		buf_add(out, span->at, span->n);
		assert_int_equal(span->cols, text_width(span->at, span->n));
		cols += span->cols;
	}
	assert_int_equal(cols, line.row.cols);
	buf_char(out, '\n');
	row_done(&line.row);
}

static void
assert_lines(struct transcript *t, const char *expected)
{
	struct buf got = {0};

	for (int i = 0; i < transcript_lines(t); i++)
		describe(t, i, &got);
	assert_string_equal(buf_text(&got), expected);
	buf_done(&got);
}

static void
assert_top(struct transcript *t, const char *expected)
{
	struct buf got = {0};

	describe(t, transcript_top(t), &got);
	buf_cut(&got, got.n - 1);
	assert_string_equal(got.at, expected);
	buf_done(&got);
}

static void
nothing(void **state)
{
	struct transcript *t = transcript_new(false);

	(void)state;
	assert_int_equal(transcript_lines(t), 0);
	assert_int_equal(transcript_top(t), 0);
	assert_int_equal(transcript_below(t), 0);
	assert_true(transcript_following(t));
	transcript_scroll(t, -3);
	transcript_page(t, 1);
	transcript_home(t);
	transcript_end(t);
	assert_true(transcript_following(t));
	transcript_append(t, 1, "x", 1);
	transcript_remove(t, 7);
	transcript_set_mark(t, 0, "m");
	assert_null(transcript_picture(t, 1));
	transcript_free(t);
	transcript_free(NULL);
}

/* Notes of one line stand together. */
static void
short_notes_join(void **state)
{
	struct transcript *t = transcript_new(true);
	int first;

	(void)state;
	add(t, UI_LOOK_NOTE, "turn 1: same");
	first = add(t, UI_LOOK_NOTE, "turn 2: same");
	add(t, UI_LOOK_NOTE, "size  12\nuse   3");
	add(t, UI_LOOK_NOTE, "saved");
	assert_lines(t, "Tturn 1: same\nTturn 2: same\n_\nTsize  12\nTuse   3\n_\nTsaved\n");
	transcript_set_text(t, first, "two\nlines", 9);
	assert_lines(t, "Tturn 1: same\n_\nTtwo\nTlines\n_\nTsize  12\nTuse   3\n_\nTsaved\n");
	transcript_free(t);
}

static void
looks(void **state)
{
	struct transcript *t = transcript_new(false);

	(void)state;
	transcript_resize(t, 16, 5);
	assert_int_equal(add(t, UI_LOOK_USER, "hello there you"), 1);
	assert_int_equal(add(t, UI_LOOK_ANSWER, "two\n\nparts"), 2);
	add(t, UI_LOOK_NOTE, "noted");
	add(t, UI_LOOK_ERROR, "went wrong today");
	add(t, UI_LOOK_RULE, "resumed");
	add(t, UI_LOOK_RULE, "");
	assert_lines(t, "LUser\nThello there you\n_\nLAssistant\nTtwo\nT\nTparts\n_\nTnoted\n_\n"
		"T! went wrong\nT  today\n_\nR── resumed ─────\n_\nR────────────────\n");
	transcript_free(t);
	t = transcript_new(true);
	transcript_resize(t, 12, 5);
	add(t, UI_LOOK_RULE, "a rule that is too long");
	assert_lines(t, "R-- a rule  -\n");
	transcript_free(t);
}

static void
roles(void **state)
{
	struct transcript *t = transcript_new(false);
	struct line line = {0};

	(void)state;
	add(t, UI_LOOK_USER, "x");
	add(t, UI_LOOK_ERROR, "y");
	transcript_set_mark(t, 1, "[queued]");
	transcript_line(t, 0, &line);
	assert_int_equal(line.row.spans[0].role, ROLE_USER);
	transcript_line(t, 1, &line);
	assert_int_equal(line.row.n_spans, 2);
	assert_int_equal(line.row.spans[0].role, ROLE_TEXT);
	assert_int_equal(line.row.spans[1].role, ROLE_MARK);
	assert_string_equal(line.row.text.at, "x [queued]");
	transcript_line(t, 3, &line);
	assert_int_equal(line.entry, 2);
	assert_int_equal(line.row.spans[0].role, ROLE_ERROR);
	row_done(&line.row);
	transcript_free(t);
}

static void
marks(void **state)
{
	struct transcript *t = transcript_new(false);

	(void)state;
	transcript_resize(t, 12, 5);
	add(t, UI_LOOK_ANSWER, "");
	transcript_set_mark(t, 1, "[stopped]");
	assert_lines(t, "LAssistant\nT[stopped]\n");
	append(t, 1, "ab");
	assert_lines(t, "LAssistant\nTab [stopped]\n");
	append(t, 1, "c");
	assert_lines(t, "LAssistant\nTabc\nT[stopped]\n");
	transcript_set_mark(t, 1, "[cut \033 at 512 and more]");
	assert_lines(t, "LAssistant\nTabc\nT[cut ^[ at 5\n");
	transcript_set_mark(t, 1, NULL);
	assert_lines(t, "LAssistant\nTabc\n");
	transcript_free(t);
}

static void
text_is_made_safe(void **state)
{
	struct transcript *t = transcript_new(false);

	(void)state;
	add(t, UI_LOOK_ANSWER, "a\033]52;c;eA==\a\tb\xe2\x80\xae\xff");
	assert_lines(t, "LAssistant\nTa^[]52;c;eA==^G b<202E>\xef\xbf\xbd\n");
	transcript_free(t);
}

static void
half_characters_are_held(void **state)
{
	struct transcript *t = transcript_new(false);

	(void)state;
	add(t, UI_LOOK_ANSWER, "a\xe7");
	assert_lines(t, "LAssistant\nTa\n");
	append(t, 1, "\x8c");
	assert_lines(t, "LAssistant\nTa\n");
	append(t, 1, "\xab");
	assert_lines(t, "LAssistant\nTa猫\n");
	append(t, 1, "\xe7");
	append(t, 1, "x");
	assert_lines(t, "LAssistant\nTa猫\xef\xbf\xbdx\n");
	transcript_free(t);
}

static void
pictures(void **state)
{
	struct transcript *t = transcript_new(false);
	const struct transcript_picture *p;

	(void)state;
	add(t, UI_LOOK_USER, "what?");
	add_picture(t, 1, 100, 41, "#1 cat.jpg");
	add_picture(t, 1, 5, 5, "#2 dot");
	assert_lines(t, "LUser\nT#1 cat.jpg\nT#2 dot\nTwhat?\n");
	transcript_set_measure(t, measure, NULL);
	assert_lines(t, "LUser\nP0\nP1\nP2\nT#1 cat.jpg\nP0\nT#2 dot\nTwhat?\n");
	p = transcript_picture(t, 1);
	assert_int_equal(p->cols, 10);
	assert_int_equal(p->rows, 3);
	assert_string_equal(p->label, "#1 cat.jpg");
	assert_int_equal(transcript_picture(t, 2)->width, 5);
	assert_null(transcript_picture(t, 3));
	transcript_set_measure(t, NULL, NULL);
	assert_lines(t, "LUser\nT#1 cat.jpg\nT#2 dot\nTwhat?\n");
	transcript_remove(t, 1);
	assert_null(transcript_picture(t, 1));
	transcript_free(t);
}

static void
large_pictures_are_reduced(void **state)
{
	struct transcript *t = transcript_new(false);
	const struct transcript_picture *p;
	int w, h;

	(void)state;
	add(t, UI_LOOK_USER, "");
	add_picture(t, 1, 3200, 600, "");
	p = transcript_picture(t, 1);
	assert_int_equal(p->width, 1600);
	assert_int_equal(p->height, 300);
	transcript_free(t);
	shrink_size(1600, 1200, 1600, 1200, &w, &h);
	assert_true(w == 1600 && h == 1200);
	shrink_size(100000, 1, 1600, 1200, &w, &h);
	assert_true(w == 1600 && h == 1);
	shrink_size(3000, 4000, 1600, 1200, &w, &h);
	assert_true(w == 900 && h == 1200);
}

static void
reducing_takes_means(void **state)
{
	static const uint8_t rgb[] = { 0, 10, 255,  100, 20, 255,  7, 7, 7,  0, 30, 255,  100, 40, 255,  9, 9, 10 };
	uint8_t *out = shrink_rgb(rgb, 3, 2, 1, 1), *same = shrink_rgb(rgb, 3, 2, 3, 2);
	uint8_t *wide = shrink_rgb(rgb, 3, 2, 2, 1);

	(void)state;
	assert_int_equal(out[0], (0 + 100 + 7 + 0 + 100 + 9) / 6);
	assert_memory_equal(same, rgb, sizeof rgb);
	assert_int_equal(wide[0], 0);                   /* columns 0 and 1, 2 */
	assert_int_equal(wide[3], (100 + 7 + 100 + 9) / 4);
	free(out);
	free(same);
	free(wide);
}

static void
answers_are_styled(void **state)
{
	struct transcript *t = transcript_new(false);

	(void)state;
	transcript_resize(t, 30, 5);
	add(t, UI_LOOK_USER, "**a**");
	add(t, UI_LOOK_ANSWER, "");
	append(t, 2, "**b**\n\n- *c");
	assert_lines(t, "LUser\nT**a**\n_\nLAssistant\nTb\nT\nT- *c\n");
	append(t, 2, "*");
	transcript_finish(t);
	assert_lines(t, "LUser\nT**a**\n_\nLAssistant\nTb\nT\nT• c\n");
	append(t, 2, " d");                             /* it goes on after all */
	assert_lines(t, "LUser\nT**a**\n_\nLAssistant\nTb\nT\nT- *c* d\n");
	transcript_finish(t);
	transcript_set_mark(t, 2, "[stopped]");
	assert_lines(t, "LUser\nT**a**\n_\nLAssistant\nTb\nT\nT• c d [stopped]\n");
	transcript_free(t);
}

static void
raw_answers(void **state)
{
	struct transcript *t = transcript_new(true);

	(void)state;
	add(t, UI_LOOK_ANSWER, "**a**");
	add(t, UI_LOOK_ANSWER, "- b");
	transcript_set_raw(t, 1, true);
	assert_lines(t, "LAssistant\nT**a**\n_\nLAssistant\nT- b\n");
	transcript_set_raw(t, 0, false);
	assert_lines(t, "LAssistant\nTa\n_\nLAssistant\nT- b\n");
	transcript_set_raw(t, 0, true);
	add(t, UI_LOOK_ANSWER, "*c*");
	assert_lines(t, "LAssistant\nT**a**\n_\nLAssistant\nT- b\n_\nLAssistant\nT*c*\n");
	transcript_free(t);
}

/* ---------------------------------------------------------------- place */

static struct transcript *
numbered(int lines, int width, int height)
{
	struct transcript *t = transcript_new(false);

	transcript_resize(t, width, height);
	add(t, UI_LOOK_NOTE, "line 0\n");
	for (int i = 1; i < lines; i++) {
		char s[32];

		snprintf(s, sizeof s, "line %d\n", i);
		append(t, 1, s);
	}
	return t;
}

static void
following(void **state)
{
	struct transcript *t = numbered(20, 40, 5);

	(void)state;
	assert_true(transcript_following(t));
	assert_top(t, "Tline 15");
	append(t, 1, "line 20\n");
	assert_top(t, "Tline 16");
	transcript_scroll(t, -1);
	assert_false(transcript_following(t));
	assert_int_equal(transcript_below(t), 1);
	append(t, 1, "line 21\n");
	assert_top(t, "Tline 15");
	assert_int_equal(transcript_below(t), 2);
	transcript_page(t, -1);
	assert_top(t, "Tline 11");
	transcript_page(t, 9);
	assert_true(transcript_following(t));
	transcript_home(t);
	assert_top(t, "Tline 0");
	transcript_scroll(t, -100);
	assert_top(t, "Tline 0");
	transcript_end(t);
	assert_top(t, "Tline 17");
	transcript_clear(t);
	assert_int_equal(transcript_lines(t), 0);
	assert_int_equal(add(t, UI_LOOK_NOTE, "x"), 1);
	transcript_free(t);
}

static void
the_top_line_stays_through_widths(void **state)
{
	struct transcript *t = transcript_new(false);
	struct buf text = {0};
	int top;

	(void)state;
	for (int i = 0; i < 200; i++)
		buf_printf(&text, "word%d ", i);
	transcript_resize(t, 40, 5);
	add(t, UI_LOOK_USER, text.at);
	add(t, UI_LOOK_ANSWER, text.at);
	transcript_home(t);
	transcript_scroll(t, 50);
	top = transcript_top(t);
	assert_top(t, "Tword37 word38 word39 word40 word41");
	transcript_resize(t, 23, 5);
	assert_top(t, "Tword35 word36 word37");
	transcript_resize(t, 7, 5);
	assert_top(t, "Tword37");
	transcript_resize(t, 80, 9);
	transcript_resize(t, 40, 5);
	assert_int_equal(transcript_top(t), top);
	buf_done(&text);
	transcript_free(t);
}

static void
the_top_line_stays_through_changes_above(void **state)
{
	struct transcript *t = numbered(10, 40, 4);

	(void)state;
	add(t, UI_LOOK_USER, "mine");
	add_picture(t, 2, 100, 100, "#1");
	add(t, UI_LOOK_ANSWER, "a\nb\nc\nd\ne\nf");
	transcript_scroll(t, -2);
	assert_top(t, "Ta");
	transcript_set_measure(t, measure, NULL);
	assert_top(t, "Ta");
	transcript_remove(t, 1);
	assert_top(t, "Ta");
	transcript_scroll(t, -5);
	assert_top(t, "P4");
	transcript_set_measure(t, NULL, NULL);
	assert_top(t, "T#1");
	transcript_set_measure(t, measure, NULL);
	assert_top(t, "P4");
	transcript_remove(t, 2);
	assert_top(t, "LAssistant");
	transcript_free(t);
}

/* A table that is redrawn as one, and back to its source. */
static void
the_top_line_stays_through_styles(void **state)
{
	struct transcript *t = transcript_new(false);

	(void)state;
	transcript_resize(t, 40, 4);
	add(t, UI_LOOK_ANSWER, "# head\n\n|a|b|\n|-|-|\n|c|d|\n\nfirst *line*\n\n- x\n- y\n- z\n- w\n- v\n");
	transcript_home(t);
	transcript_scroll(t, 7);
	assert_top(t, "Tfirst line");
	transcript_set_raw(t, 0, true);
	assert_top(t, "Tfirst *line*");
	transcript_resize(t, 8, 4);
	assert_top(t, "Tfirst");
	transcript_resize(t, 40, 4);
	transcript_set_raw(t, 0, false);
	assert_top(t, "Tfirst line");
	append(t, 1, "more");
	assert_top(t, "Tfirst line");
	transcript_free(t);
}

static void
standing_at_the_end_is_following(void **state)
{
	struct transcript *t = numbered(10, 40, 5);

	(void)state;
	transcript_scroll(t, -2);
	transcript_resize(t, 40, 10);                   /* now all is seen */
	assert_int_equal(transcript_below(t), 0);
	append(t, 1, "line 10\n");
	assert_top(t, "Tline 1");
	transcript_free(t);
}

/* ---------------------------------------------------------------- as if it had always been so */

static void
byte_by_byte_is_the_same(void **state)
{
	static const char text[] = "First 猫 paragraph, long enough to wrap.\r\n\n\tcode\r\nlone\rCR e\xcc\x81 👩‍👩‍👧 "
		"\033[1m bad \xff\xe7\x8c. End\n\n";
	struct transcript *whole = transcript_new(false), *parts = transcript_new(false);
	struct buf expected = {0}, got = {0};

	(void)state;
	transcript_resize(whole, 17, 9);
	transcript_resize(parts, 17, 9);
	add(whole, UI_LOOK_ANSWER, text);
	add(parts, UI_LOOK_ANSWER, "");
	for (size_t i = 0; i + 1 < sizeof text; i++) {
		transcript_append(parts, 1, text + i, 1);
		transcript_lines(parts);
	}
	transcript_finish(parts);
	assert_int_equal(transcript_lines(whole), transcript_lines(parts));
	for (int i = 0; i < transcript_lines(whole); i++) {
		describe(whole, i, &expected);
		describe(parts, i, &got);
	}
	assert_string_equal(got.at, expected.at);
	buf_done(&expected);
	buf_done(&got);
	transcript_free(whole);
	transcript_free(parts);
}

/* What a transcript was told, to tell it to a fresh one. */
struct told {
	int id, pictures;
	enum ui_look look;
	struct buf text;
	const char *mark;
};

struct story {
	struct transcript *t;
	struct told told[64];
	int n, width;
	bool raw;
	uint32_t seed;
};

static unsigned
roll(struct story *s, unsigned sides)
{
	s->seed = s->seed * 1664525 + 1013904223;
	return (s->seed >> 12) % sides;
}

static void
change_text(struct story *s, struct told *e)
{
	static const char *const bits[] = {
		"word ", "猫", "，", "\n", "\r", "\r\n", "\xe7", "\x8c", "\xab", "longlonglonglong", "\t", "\033[m", "  ",
		"e", "\xcc\x81", "👍", "\xf0\x9f", "\n\n", "**", "\n- ", "\n```\n", "# ", "> ", "\na|b\n-|-\n", "`",
	};
	const char *bit = bits[roll(s, sizeof bits / sizeof *bits)];

	if (roll(s, 12) == 0) {
		buf_clear(&e->text);
		buf_str(&e->text, bit);
		transcript_set_text(s->t, e->id, bit, strlen(bit));
	} else {
		buf_str(&e->text, bit);
		transcript_append(s->t, e->id, bit, strlen(bit));
	}
}

static void
step(struct story *s)
{
	struct told *e = s->n ? &s->told[roll(s, (unsigned)s->n)] : NULL;
	unsigned what = roll(s, 40);

	if (!e || (what == 0 && s->n < 64)) {
		e = &s->told[s->n++];
		*e = (struct told){ .look = (enum ui_look)roll(s, 5) };
		e->id = transcript_add(s->t, e->look, "", 0);
	} else if (what == 1) {
		e->mark = roll(s, 2) ? "[stopped]" : NULL;
		transcript_set_mark(s->t, e->id, e->mark);
	} else if (what == 2) {
		e->pictures++;
		add_picture(s->t, e->id, 60, 50, "#1 picture");
	} else if (what == 3) {
		transcript_remove(s->t, e->id);
		buf_done(&e->text);
		memmove(e, e + 1, (size_t)(s->told + s->n - (e + 1)) * sizeof *e);
		s->n--;
	} else if (what == 4) {
		s->width = 1 + (int)roll(s, 30);
		transcript_resize(s->t, s->width, 1 + (int)roll(s, 8));
	} else if (what == 6) {
		s->raw = !s->raw;
		transcript_set_raw(s->t, 0, s->raw);
	} else if (what == 5) {
		transcript_scroll(s->t, (int)roll(s, 20) - 10);
	} else {
		change_text(s, e);
	}
}

static void
assert_like_fresh(struct story *s)
{
	struct transcript *fresh = transcript_new(false);
	struct buf expected = {0}, got = {0};

	transcript_finish(s->t);
	transcript_set_measure(fresh, measure, NULL);
	transcript_resize(fresh, s->width, 5);
	transcript_set_raw(fresh, 0, s->raw);
	for (int i = 0; i < s->n; i++) {
		const struct told *e = &s->told[i];
		int id = transcript_add(fresh, e->look, buf_text(&e->text), e->text.n);

		transcript_set_mark(fresh, id, e->mark);
		for (int k = 0; k < e->pictures; k++)
			add_picture(fresh, id, 60, 50, "#1 picture");
	}
	assert_int_equal(transcript_lines(s->t), transcript_lines(fresh));
	for (int i = 0; i < transcript_lines(fresh); i++) {
		describe(fresh, i, &expected);
		describe(s->t, i, &got);
	}
	assert_string_equal(buf_text(&got), buf_text(&expected));
	buf_done(&expected);
	buf_done(&got);
	transcript_free(fresh);
}

static void
any_story_ends_like_a_fresh_layout(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 40; seed++) {
		struct story s = { .t = transcript_new(false), .seed = seed, .width = 20 };

		transcript_set_measure(s.t, measure, NULL);
		transcript_resize(s.t, s.width, 5);
		for (int i = 0; i < 300; i++) {
			step(&s);
			if (roll(&s, 4) == 0) {
				int top = transcript_top(s.t), below = transcript_below(s.t);

				assert_true(top >= 0 && below >= 0);
			}
			if (roll(&s, 10) == 0)
				assert_like_fresh(&s);
		}
		assert_like_fresh(&s);
		for (int i = 0; i < s.n; i++)
			buf_done(&s.told[i].text);
		transcript_free(s.t);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing),
		cmocka_unit_test(short_notes_join),
		cmocka_unit_test(looks),
		cmocka_unit_test(roles),
		cmocka_unit_test(marks),
		cmocka_unit_test(text_is_made_safe),
		cmocka_unit_test(half_characters_are_held),
		cmocka_unit_test(answers_are_styled),
		cmocka_unit_test(raw_answers),
		cmocka_unit_test(pictures),
		cmocka_unit_test(large_pictures_are_reduced),
		cmocka_unit_test(reducing_takes_means),
		cmocka_unit_test(following),
		cmocka_unit_test(the_top_line_stays_through_widths),
		cmocka_unit_test(the_top_line_stays_through_changes_above),
		cmocka_unit_test(the_top_line_stays_through_styles),
		cmocka_unit_test(standing_at_the_end_is_following),
		cmocka_unit_test(byte_by_byte_is_the_same),
		cmocka_unit_test(any_story_ends_like_a_fresh_layout),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
