/* The terminal's bytes → units, split everywhere; and the table of keys that decides what they are. */
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
#include "ui/keyname.h"
#include "ui/reader.h"

static const char *const names[] = {
	[KEYS_SEND] = "K<send>", [KEYS_NEWLINE] = "K<newline>", [KEYS_STOP] = "K<stop>", [KEYS_DELETE] = "K<delete>",
	[KEYS_BACKSPACE] = "K<backspace>", [KEYS_UP] = "K<up>", [KEYS_DOWN] = "K<down>", [KEYS_HOME] = "K<home>",
	[KEYS_END] = "K<end>", [KEYS_COMPLETE] = "K<complete>", [KEYS_COMPLETE_BACK] = "K<complete-back>",
	[KEYS_ESC] = "K<esc>", [KEYS_PAGE_UP] = "K<page-up>", [KEYS_PAGE_DOWN] = "K<page-down>",
	[KEYS_LINE_UP] = "K<line-up>", [KEYS_LINE_DOWN] = "K<line-down>", [KEYS_TOP] = "K<top>",
	[KEYS_BOTTOM] = "K<bottom>", [KEYS_REDRAW] = "K<redraw>", [KEYS_SUSPEND] = "K<suspend>",
	[KEYS_HELP] = "K<help>", [KEYS_SESSIONS] = "K<sessions>", [KEYS_RECALL] = "K<recall>",
	[KEYS_CLIPBOARD] = "K<clipboard>", [KEYS_PICTURES] = "K<pictures>", [KEYS_FIND] = "K<find>",
	[KEYS_MOUSE] = "K<mouse>", [KEYS_EDITOR] = "K<editor>",
};

/* What comes out, as text: K<up> is a key, T"…" P"…" A"…" are text, paste, answer, M<…> the mouse; texts that follow each other are one,
 * since how they are cut follows from how they were read. ESC is shown as E. */
struct log {
	struct buf text;
	enum reader_kind last;
};

static void
log_bytes(struct log *log, const struct reader_unit *unit)
{
	bool whole = unit->kind != READER_TEXT || unit->at[0] == '\033';

	if (!whole && log->text.n > 0 && log->last == READER_TEXT)
		buf_cut(&log->text, log->text.n - 1);
	else
		buf_printf(&log->text, "%c'", "KTPA"[unit->kind]);
	for (size_t i = 0; i < unit->n; i++)
		buf_char(&log->text, unit->at[i] == '\033' ? 'E' : unit->at[i]);
	buf_char(&log->text, '\'');
	log->last = whole ? READER_KEY : READER_TEXT;
}

static void
drain(struct reader *r, int64_t now, struct log *log)
{
	struct reader_unit unit;

	while (reader_next(r, now, &unit)) {
		if (unit.kind == READER_MOUSE) {
			buf_printf(&log->text, "M<%d %d,%d>", (int)unit.mouse.button, unit.mouse.row, unit.mouse.col);
			log->last = READER_MOUSE;
			continue;
		}
		if (unit.kind != READER_KEY) {
			log_bytes(log, &unit);
			continue;
		}
		buf_str(&log->text, names[unit.action]);
		log->last = READER_KEY;
	}
}

/* Feeds s in two reads cut at `split`, then byte by byte if split is n. */
static void
run(const char *s, size_t n, size_t split, struct log *log)
{
	struct reader *r = reader_new();
	int64_t now = 1000;

	log->last = READER_KEY;
	if (split < n) {
		reader_feed(r, s, split, now);
		drain(r, now, log);
		reader_feed(r, s + split, n - split, now + 1);
		drain(r, now + 1, log);
	} else {
		for (size_t i = 0; i < n; i++) {
			reader_feed(r, s + i, 1, now + (int64_t)i);
			drain(r, now + (int64_t)i, log);
		}
	}
	drain(r, now + 10000, log);
	reader_free(r);
}

/* Whatever the reads are, the units are these. */
static void
assert_units(const char *s, const char *expected)
{
	size_t n = strlen(s);

	for (size_t split = 0; split <= n; split++) {
		struct log log = {0};

		run(s, n, split, &log);
		assert_string_equal(buf_text(&log.text), expected);
		buf_done(&log.text);
	}
}

/* The same where the split decides: all in one read. */
static void
assert_read(const char *s, const char *expected)
{
	struct log log = {0};

	run(s, strlen(s), 0, &log);
	assert_string_equal(buf_text(&log.text), expected);
	buf_done(&log.text);
}

static void
text(void **state)
{
	(void)state;
	assert_units("abc", "T'abc'");
	assert_units("猫e\xcc\x81👍🏽", "T'猫e\xcc\x81👍🏽'");
	assert_units("\xff" "a\xe7\x8c" "b", "T'\xff" "a\xe7\x8c" "b'");
	assert_units("\033b", "T'Eb'");
	assert_units("\033猫", "T'E猫'");
	assert_units("\022", "T'\022'");
}

static void
keys(void **state)
{
	static const struct {
		const char *bytes;
		enum keys_action action;
	} cases[] = {
		{ "\r", KEYS_SEND }, { "\033\r", KEYS_NEWLINE }, { "\n", KEYS_NEWLINE }, { "\003", KEYS_STOP },
		{ "\177", KEYS_BACKSPACE }, { "\033[A", KEYS_UP }, { "\033OA", KEYS_UP }, { "\033[1;3A", KEYS_RECALL },
		{ "\033\033[A", KEYS_RECALL }, { "\033[5~", KEYS_PAGE_UP }, { "\033[1;5H", KEYS_TOP },
		{ "\033[Z", KEYS_COMPLETE_BACK }, { "\033OP", KEYS_HELP }, { "\033[[A", KEYS_HELP },
		{ "\033[11~", KEYS_HELP }, { "\033p", KEYS_LINE_UP }, { "\033[1~", KEYS_HOME }, { "\033", KEYS_ESC },
		{ "\t", KEYS_COMPLETE }, { "\014", KEYS_REDRAW }, { "\032", KEYS_SUSPEND }, { "\017", KEYS_SESSIONS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_units(cases[i].bytes, names[cases[i].action]);
	assert_units("a\033[Ab", "T'a'K<up>T'b'");
}

static void
sequences_for_readline(void **state)
{
	(void)state;
	assert_units("\033[D", "T'E[D'");
	assert_units("\033[1;5C", "T'E[1;5C'");
	assert_units("\033[3~x", "T'E[3~'T'x'");
	assert_units("\033OQ", "T'EOQ'");
}

/* terminal.md: the forms that terminals give. */
static const char *const answers[] = {
	"\033P>|XTerm(379)\033\\", "\033[?2026;2$y", "\033[6;18;9t", "\033[4;580;904t", "\033[?1;0;256S",
	"\033[?2;0;1000;1000S", "\033[?62;4;22c", "\033[?64;1;2;4;6;9;15;18;21;22c", "\033[>24;279;0c", "\033[0n",
	"\033[24;80R", "\033]11;rgb:0000/0000/0000\033\\", "\033]11;rgb:ffff/ffff/ffff\a", "\033_Gi=31;OK\033\\",
	"\033P1$r0m\033\\", "\033P!|00000000\033\\", "\033[?997;1n", "\033[?1;2c",
};

static void
answers_are_never_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		struct buf bytes = {0}, expected = {0};

		buf_printf(&bytes, "a%s猫", answers[i]);
		buf_str(&expected, "T'a'A'");
		for (const char *p = answers[i]; *p; p++)
			buf_char(&expected, *p == '\033' ? 'E' : *p);
		buf_str(&expected, "'T'猫'");
		assert_units(bytes.at, expected.at);
		buf_done(&bytes);
		buf_done(&expected);
	}
}

/* Late and in pieces, with long pauses: while answers are expected, nothing of them is typed. */
static void
slow_answers_are_never_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		for (size_t split = 1; split < strlen(answers[i]); split++) {
			struct reader *r = reader_new();
			struct log log = {0};

			reader_expect(r, true);
			reader_feed(r, answers[i], split, 0);
			drain(r, 400, &log);
			reader_feed(r, answers[i] + split, strlen(answers[i]) - split, 400);
			drain(r, 400, &log);
			assert_int_equal(log.text.at[0], 'A');
			assert_int_equal(log.text.n, strlen(answers[i]) + 3);
			buf_done(&log.text);
			reader_free(r);
		}
	}
}

static void
reports_are_skipped(void **state)
{
	(void)state;
	assert_units("a\033[Ib\033[Oc", "T'abc'");
	assert_units("a\033[M !!b", "T'ab'");
	assert_units("\033[12\033[A", "K<up>");            /* broken off */
	assert_units("\033P1234\033[A", "K<up>");
}

static void
a_stuck_sequence_is_dropped(void **state)
{
	struct reader *r = reader_new();
	struct log log = {0};

	(void)state;
	reader_feed(r, "\033]11;rgb", 8, 0);
	assert_int_equal(reader_timeout(r, 0), 3000);
	drain(r, 2999, &log);
	assert_int_equal(log.text.n, 0);
	drain(r, 3000, &log);
	assert_int_equal(reader_timeout(r, 3000), -1);
	reader_feed(r, "x", 1, 3000);
	drain(r, 3000, &log);
	assert_string_equal(log.text.at, "T'x'");
	buf_done(&log.text);
	reader_free(r);
}

static void
a_lone_escape_waits(void **state)
{
	struct reader *r = reader_new();
	struct log log = {0};

	(void)state;
	assert_int_equal(reader_timeout(r, 0), -1);
	reader_feed(r, "\033", 1, 100);
	drain(r, 149, &log);
	assert_int_equal(log.text.n, 0);
	assert_int_equal(reader_timeout(r, 110), 40);
	assert_int_equal(reader_timeout(r, 149), 1);
	drain(r, 150, &log);
	assert_string_equal(log.text.at, names[KEYS_ESC]);
	assert_int_equal(reader_timeout(r, 150), -1);
	reader_expect(r, true);
	reader_feed(r, "\033", 1, 1000);
	assert_int_equal(reader_timeout(r, 1000), 500);
	drain(r, 1499, &log);
	assert_string_equal(log.text.at, names[KEYS_ESC]);
	buf_done(&log.text);
	reader_free(r);
}

static void
escape_and_letter_apart_are_two(void **state)
{
	struct reader *r = reader_new();
	struct log log = {0};

	(void)state;
	reader_feed(r, "\033", 1, 0);
	drain(r, 60, &log);
	reader_feed(r, "p", 1, 60);
	drain(r, 60, &log);
	assert_string_equal(log.text.at, "K<esc>T'p'");
	buf_done(&log.text);
	reader_free(r);
}

static void
two_escapes(void **state)
{
	(void)state;
	assert_read("\033\033", "K<esc>K<esc>");
	assert_read("\033\033p", "K<esc>K<line-up>");
}

static void
alt_letters_that_introduce_strings(void **state)
{
	(void)state;
	assert_read("\033P", "T'EP'");
	assert_read("\033_", "T'E_'");
	assert_units("\033Pq", "T'EP'T'q'");
	assert_read("\033[", "");
}

static void
pastes(void **state)
{
	(void)state;
	assert_units("\033[200~\033[201~", "P''");
	assert_units("a\033[200~one\rtwo\r\nthree\n\033[201~b", "T'a'P'one\ntwo\nthree\n'T'b'");
	assert_units("\033[200~\tkeep 猫\033[31m\003\x7f\xc2\x9b\033[201~", "P'\tkeep 猫[31m'");
	assert_units("\033[200~\033[201\033[200~x\033[201~", "P'[201[200~x'");
	assert_units("\033[200~bad\xff\xe7\033[201~", "P'bad\xef\xbf\xbd\xef\xbf\xbd'");
	assert_units("\033[200~never ended\r", "P'never ended\n'");
	assert_units("\033[200~a\033[201~\033[200~b\033[201~", "P'a'P'b'");
}

static void
mouse(void **state)
{
	(void)state;
	assert_units("\033[<0;10;3M\033[<0;10;3m", "M<0 2,9>");
	assert_units("a\033[<64;1;1Mb\033[<65;200;100M", "T'a'M<3 0,0>T'b'M<4 99,199>");
	assert_units("\033[<2;5;5M\033[<4;5;5M", "M<2 4,4>M<0 4,4>");         /* right; left with Shift */
	assert_units("\033[<35;5;5M\033[<32;5;5M\033[<3;5;5M\033[<66;5;5M\033[<128;5;5M", "");
	assert_units("\033[<0;0;5M\033[<0;5M\033[<;;M\033[<0;5;5;5M\033[<99999999;5;5M", "");
}

/* A picture that is pasted through ssh comes in thousands of reads. */
static void
long_paste(void **state)
{
	struct reader *r = reader_new();
	struct reader_unit unit;
	char piece[1000];

	(void)state;
	memset(piece, 'A', sizeof piece);
	reader_feed(r, "\033[200~", 6, 0);
	for (int i = 0; i < 5000; i++) {
		reader_feed(r, piece, sizeof piece, i);
		assert_false(reader_next(r, i, &unit));
		assert_int_equal(reader_pasting(r), (size_t)(i + 1) * sizeof piece);
	}
	reader_feed(r, "\033[201~x", 7, 5000);
	assert_true(reader_next(r, 5000, &unit));
	assert_int_equal(unit.kind, READER_PASTE);
	assert_int_equal(unit.n, 5000 * sizeof piece);
	assert_int_equal(reader_pasting(r), 0);
	assert_true(reader_next(r, 5000, &unit));
	assert_int_equal(unit.kind, READER_TEXT);
	reader_free(r);
}

static enum keys_reading
reads(const struct ui_keymap *map, const char *s)
{
	bool more;

	return keys_reading_find(map, s, strlen(s), keys_find(map, s, strlen(s), &more));
}

static void
reading_keys(void **state)
{
	const struct ui_key_help *help = ui_reading_table(NULL);

	(void)state;
	for (; help->keys; help++)
		assert_true(help->keys[0] && help->does[0]);
	assert_int_equal(reads(NULL, "j"), READING_DOWN);
	assert_int_equal(reads(NULL, "i"), READING_LEAVE);
	assert_int_equal(reads(NULL, "Z"), READING_NONE);
	assert_int_equal(keys_reading_find(NULL, "\0", 1, KEYS_NONE), READING_NONE);
	assert_int_equal(reads(NULL, "\r"), READING_ENLARGE);
	assert_int_equal(reads(NULL, "\033[B"), READING_DOWN);
	assert_int_equal(reads(NULL, "\033[1;5H"), READING_TOP);
	assert_int_equal(reads(NULL, "\004"), READING_NONE);
	assert_int_equal(keys_reading_asks(READING_EDIT), UI_ACT_EDIT);
	assert_int_equal(keys_reading_asks(READING_BRANCH_NEXT), UI_ACT_BRANCH_NEXT);
	assert_int_equal(keys_reading_asks(READING_DOWN), UI_ACT_NONE);
}

static const char *
reading_row_of(const struct ui_keymap *map, const char *does)
{
	const struct ui_key_help *help = ui_reading_table(map);

	while (strcmp(help->does, does) != 0)
		help++;
	return help->keys;
}

/* What is bound there changes nothing while typing. */
static void
reading_keys_are_bound(void **state)
{
	struct ui_keymap *map = ui_keymap_new();
	struct error err;
	bool more;

	(void)state;
	assert_string_equal(reading_row_of(map, "a page down"), "Space, PgDn");
	assert_int_equal(ui_keymap_bind(map, "y", "read-edit", &err), 0);
	assert_int_equal(ui_keymap_bind(map, "Space", "read-none", &err), 0);
	assert_int_equal(ui_keymap_bind(map, "F5", "read-copy", &err), 0);
	assert_int_equal(ui_keymap_bind(map, "Ctrl-O", "read-next", &err), 0);
	assert_int_equal(ui_keymap_bind(map, "Ctrl-X Ctrl-N", "read-fork", &err), 0);
	assert_int_equal(ui_keymap_bind(map, "F6", "page-down", &err), 0);
	assert_int_equal(ui_keymap_bind(map, "Esc", "read-copy", &err), -1);
	assert_int_equal(ui_keymap_bind(map, "yy", "read-copy", &err), -1);
	assert_int_equal(reads(map, "y"), READING_EDIT);
	assert_int_equal(reads(map, "e"), READING_EDIT);
	assert_int_equal(reads(map, " "), READING_NONE);
	assert_int_equal(reads(map, "\033[15~"), READING_COPY);
	assert_int_equal(reads(map, "\017"), READING_NEXT);
	assert_int_equal(reads(map, "\030\016"), READING_FORK);
	assert_int_equal(reads(map, "\033[17~"), READING_PAGE_DOWN);
	assert_true(keys_reading_bound(map, "\017", 1));
	assert_false(keys_reading_bound(map, "e", 1));
	assert_int_equal(keys_find(map, "y", 1, &more), KEYS_NONE);
	assert_int_equal(keys_find(map, "\017", 1, &more), KEYS_SESSIONS);
	assert_int_equal(keys_find(map, "\033[15~", 5, &more), KEYS_READS);
	assert_string_equal(reading_row_of(map, "a page down"), "PgDn, F6");
	assert_string_equal(reading_row_of(map, "copy the message"), "F5");
	assert_string_equal(reading_row_of(map, "edit the message"), "e, y");
	assert_string_equal(reading_row_of(map, "next message"), "], Ctrl-O");
	assert_string_equal(keys_reading_help(map, "\017", 1)->does, "next message");
	assert_null(keys_reading_help(map, " ", 1));
	assert_null(keys_help(map, "y", 1));
	ui_keymap_free(map);
}

static void
the_table_is_consistent(void **state)
{
	const struct ui_key_help *help = ui_key_table(NULL);
	bool more;

	(void)state;
	assert_non_null(help->keys);
	for (; help->keys; help++) {
		assert_non_null(help->does);
		assert_true(help->keys[0] && help->does[0]);
	}
	assert_null(help->does);
	assert_int_equal(keys_find(NULL, "\033[1", 3, &more), KEYS_NONE);
	assert_true(more);
	assert_int_equal(keys_find(NULL, "x", 1, &more), KEYS_NONE);
	assert_false(more);
	assert_int_equal(keys_find(NULL, "\033\r", 2, &more), KEYS_NEWLINE);
	assert_int_equal(keys_asks(KEYS_HELP), UI_ACT_HELP);
	assert_int_equal(keys_asks(KEYS_UP), UI_ACT_NONE);
}

/* Every key of the table is made of a name that can be bound, and every sequence of it is one of that name's. */
static void
names_of_keys(void **state)
{
	static const char *const none[] = { "x", "Ctrl-", "Ctrl-[", "Ctrl-@", "Ctrl-1", "Hyper-A", "Up Down", "Ctrl-X Up", "", "Alt-[", "F13", "Shift-a" };
	char s[KEYNAME_MOST][KEYNAME_BYTES];
	bool more;

	(void)state;
	for (const struct ui_key_help *help = ui_key_table(NULL); help->keys; help++) {
		char keys[64], *key, *rest = keys;

		snprintf(keys, sizeof keys, "%s", help->keys);
		while ((key = strsep(&rest, ","))) {
			int n = keyname_sequences(key + (*key == ' '), s);

			if (strcmp(key, "Esc") == 0) {
				assert_int_equal(n, 0);
				continue;
			}
			assert_true(n > 0);
			assert_ptr_equal(keys_help(NULL, s[0], strlen(s[0]))->keys, help->keys);
		}
	}
	assert_int_equal(keyname_sequences("ctrl-alt-x", s), 1);
	assert_string_equal(s[0], "\033\030");
	assert_int_equal(keyname_sequences("C-Left", s), 3);
	assert_string_equal(s[0], "\033[1;5D");
	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		assert_int_equal(keyname_sequences(none[i], s), 0);
	assert_int_equal(keys_find(NULL, "\030", 1, &more), KEYS_NONE);
	assert_true(more);
}

static const struct ui_key_help *
row_of(const struct ui_keymap *map, const char *does)
{
	const struct ui_key_help *help = ui_key_table(map);

	while (strcmp(help->does, does) != 0)
		help++;
	return help;
}

static void
collect_bound(void *arg, const char *seq, const char *command, bool own)
{
	if (own)
		buf_printf(arg, "%s=%s ", seq, command);
}

static void
keys_are_bound(void **state)
{
	struct ui_keymap *map = ui_keymap_new();
	struct buf out = {0};
	struct error err;
	bool more;

	(void)state;
	assert_string_equal(row_of(map, "sessions")->keys, "Ctrl-O");
	assert_int_equal(ui_keymap_bind(map, "F2", "sessions", &err), 0);
	assert_int_equal(ui_keymap_bind(map, "Ctrl-O", "kill-line", &err), 0);
	assert_int_equal(ui_keymap_bind(map, "Ctrl-T", "none", &err), 0);
	assert_int_equal(ui_keymap_bind(map, "Ctrl-X x", "redraw", &err), -1);
	assert_int_equal(ui_keymap_bind(map, "Ctrl-X Ctrl-L", "help", &err), 0);
	assert_int_equal(ui_keymap_bind(map, "x", "help", &err), -1);
	assert_int_equal(err.code, CODE_USAGE);
	assert_string_equal(err.what, "bind x: this is not a key that can be bound");
	assert_int_equal(ui_keymap_bind(map, "F3", "fly", &err), -1);
	assert_string_equal(err.what, "bind F3: there is no action 'fly'");
	assert_int_equal(keys_find(map, "\033OQ", 3, &more), KEYS_SESSIONS);
	assert_int_equal(keys_find(map, "\017", 1, &more), KEYS_NONE);
	assert_int_equal(keys_find(map, "\030\014", 2, &more), KEYS_HELP);
	assert_int_equal(keys_find(map, "\030\005", 2, &more), KEYS_EDITOR);
	assert_string_equal(row_of(map, "sessions")->keys, "F2");
	assert_string_equal(row_of(map, "kill to the end")->keys, "Ctrl-K, Ctrl-O");
	assert_string_equal(row_of(map, "transpose")->keys, "(no key)");
	assert_string_equal(keys_help(map, "\033[12~", 5)->does, "sessions");
	assert_null(keys_help(map, "\024", 1));
	keys_each_readline(map, collect_bound, &out);
	assert_string_equal(buf_text(&out), "\017=kill-line \024=nothing ");
	buf_done(&out);
	ui_keymap_free(map);
}

/* Ctrl-X waits for what follows; what is no pair is two characters. */
static void
pairs_of_keys(void **state)
{
	struct reader *r = reader_new();
	struct reader_unit unit;

	(void)state;
	reader_feed(r, "\030", 1, 0);
	assert_false(reader_next(r, 100000, &unit));
	assert_int_equal(reader_timeout(r, 100000), -1);
	reader_feed(r, "\005", 1, 200000);
	assert_true(reader_next(r, 200000, &unit));
	assert_int_equal(unit.kind, READER_KEY);
	assert_int_equal(unit.action, KEYS_EDITOR);
	assert_false(reader_next(r, 200000, &unit));
	reader_feed(r, "\030a", 2, 200000);
	assert_true(reader_next(r, 200000, &unit));
	assert_int_equal(unit.kind, READER_TEXT);
	assert_int_equal(unit.n, 2);
	reader_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text),
		cmocka_unit_test(keys),
		cmocka_unit_test(names_of_keys),
		cmocka_unit_test(keys_are_bound),
		cmocka_unit_test(pairs_of_keys),
		cmocka_unit_test(sequences_for_readline),
		cmocka_unit_test(answers_are_never_text),
		cmocka_unit_test(slow_answers_are_never_text),
		cmocka_unit_test(reports_are_skipped),
		cmocka_unit_test(a_stuck_sequence_is_dropped),
		cmocka_unit_test(a_lone_escape_waits),
		cmocka_unit_test(escape_and_letter_apart_are_two),
		cmocka_unit_test(two_escapes),
		cmocka_unit_test(alt_letters_that_introduce_strings),
		cmocka_unit_test(pastes),
		cmocka_unit_test(mouse),
		cmocka_unit_test(long_paste),
		cmocka_unit_test(reading_keys), cmocka_unit_test(reading_keys_are_bound),
		cmocka_unit_test(the_table_is_consistent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
