/* Markdown → styled lines: what each construct becomes, that nothing is lost, and that a stream ends like the whole. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/text.h"
#include "ui/boxes.h"
#include "ui/markdown.h"

/* ---------------------------------------------------------------- what is drawn */

static char
letter(enum theme_role role)
{
	switch (role) {
	case ROLE_HEADING1:
		return '1';
	case ROLE_HEADING2:
		return '2';
	case ROLE_HEADING3:
		return '3';
	case ROLE_STRONG:
		return 's';
	case ROLE_EMPH:
		return 'e';
	case ROLE_STRIKE:
		return 'x';
	case ROLE_CODE:
		return 'c';
	case ROLE_CODE_NAME:
		return 'n';
	case ROLE_CODE_KEYWORD:
		return 'k';
	case ROLE_LINK:
		return 'l';
	case ROLE_URL:
		return 'u';
	case ROLE_REF:
		return 'r';
	case ROLE_MATH:
		return 'm';
	case ROLE_LIST:
		return 'i';
	case ROLE_QUOTE:
		return 'q';
	case ROLE_LINE:
		return 't';
	case ROLE_TEXT:
		return 0;
	default:
		return '?';
	}
}

/* One line; what is not plain text stands as {letter:text}. */
static void
describe(const struct markdown *m, int line, int width, bool roles, struct buf *out)
{
	struct row row = {0};

	markdown_row(m, line, width, &row);
	for (int i = 0; i < row.n_spans; i++) {
		char role = letter(row.spans[i].role);

		if (role && roles)
			buf_printf(out, "{%c:%.*s}", role, (int)row.spans[i].n, row.spans[i].at);
		else
			buf_add(out, row.spans[i].at, row.spans[i].n);
	}
	buf_char(out, '\n');
	row_done(&row);
}

static void
describe_all(const struct markdown *m, int width, bool roles, struct buf *out)
{
	for (int i = 0; i < markdown_lines(m); i++)
		describe(m, i, width, roles, out);
}

static void
assert_styled(const char *source, int width, bool ascii, bool roles, const char *expected)
{
	struct markdown *m = markdown_new(width, ascii);
	struct buf got = {0};
	size_t n = strlen(source);

	markdown_feed(m, source, n, n, true);
	assert_int_equal(markdown_done(m), n);
	describe_all(m, width, roles, &got);
	assert_string_equal(buf_text(&got), expected);
	buf_done(&got);
	markdown_free(m);
}

static void
formulas_stay_source(void **state)
{
	const char *source = "# $x^2$\n\nand \\(\\alpha\\) *so*\n\n|a|\n|-|\n|$x^2$|\n\n$$\ny^2\n$$\n";
	struct markdown *m = markdown_new(40, true);
	struct buf got = {0};
	size_t n = strlen(source);

	(void)state;
	markdown_set_math(m, false);
	markdown_feed(m, source, n, n, true);
	describe_all(m, 40, false, &got);
	assert_non_null(strstr(buf_text(&got), "$x^2$\n\nand \\(\\alpha\\) so\n"));
	assert_non_null(strstr(buf_text(&got), "\n$x^2$\n"));
	assert_non_null(strstr(buf_text(&got), "y^2"));
	buf_done(&got);
	markdown_free(m);
}

static void
assert_roles(const char *source, const char *expected)
{
	assert_styled(source, 40, false, true, expected);
}

static void
assert_text(const char *source, int width, const char *expected)
{
	assert_styled(source, width, false, false, expected);
}

/* ---------------------------------------------------------------- inline */

static void
emphasis(void **state)
{
	(void)state;
	assert_roles("a *b* **c** ***d*** _e_ __f__", "a {e:b} {s:c} {s:d} {e:e} {s:f}\n");
	assert_roles("**a *b* c**", "{s:a b c}\n");
	assert_roles("*a **b** c*", "{e:a }{s:b}{e: c}\n");
	assert_roles("~~a~~ ~b~", "{x:~~a~~} ~b~\n");
	assert_roles("a ** b * c", "a ** b * c\n");
	assert_roles("2*3*4, a*b*c, 2**10**2", "2*3*4, a*b*c, 2**10**2\n");
	assert_roles("snake_case_name __init__.py", "snake_case_name {s:init}.py\n");
	assert_roles("**open *and `left", "**open *and `left\n");
	assert_roles("a ****", "a ****\n");
	assert_roles("**a\nb**", "{s:a}\n{s:b}\n");
}

static void
emphasis_beside_wide_scripts(void **state)
{
	(void)state;
	assert_roles("这是**重点**。", "这是{s:重点}。\n");
	assert_roles("他说**“你好”**是对的", "他说{s:“你好”}是对的\n");
	assert_roles("**（一）**项", "{s:（一）}项\n");
	assert_roles("これは*強調*です", "これは{e:強調}です\n");
}

static void
code_links_and_escapes(void **state)
{
	(void)state;
	assert_roles("`a*b*` ``c`d`` ` e", "{c:a*b*} {c:c`d} ` e\n");
	assert_roles("`` `x` ``", "{c:`x`}\n");
	assert_roles("\\*a\\* \\_ \\\\ \\q", "*a* _ \\ \\q\n");
	assert_roles("[a *b*](http://x.y)", "{l:a b}{u: (http://x.y)}\n");
	assert_roles("[http://x.y](http://x.y)", "{l:http://x.y}\n");
	assert_roles("![alt](p.png \"t\") [](u)", "{l:alt}{u: (p.png)} {u:(u)}\n");
	assert_roles("[a] [b](c d) [", "[a] [b](c d) [\n");
	assert_roles("see https://a.b/c_d_(e). \n见http://x.y/z。", "see {l:https://a.b/c_d_(e)}.\n见{l:http://x.y/z}。\n");
	assert_roles("(https://a.b/c).", "({l:https://a.b/c}).\n");
	assert_roles("𠮷**（一）**𠮷", "𠮷{s:（一）}𠮷\n");
	assert_roles("<https://a.b> <b>x</b> &amp; http://", "{l:https://a.b} <b>x</b> &amp; http://\n");
}

static void
formulas(void **state)
{
	(void)state;
	assert_roles("$x^2$ and \\(\\alpha\\)", "{m:x²} and {m:α}\n");
	assert_roles("$5 and $10, $HOME/$USER", "$5 and $10, $HOME/$USER\n");
	assert_roles("$W_Q$ \\(\\foo\\)", "$W_Q$ \\(\\foo\\)\n");
	assert_roles("\\[\nx = 1\n\\]\nz", "  {m:x = 1}\nz\n");
	assert_roles("\\[\na & b \\\\\n- c\n\\]", "  \\[\n  a & b \\\\\n  - c\n  \\]\n");
	assert_roles("$$\na\n\nb", "  $$\n  a\n\nb\n");
	assert_roles("a \\[ b \\) c", "a \\[ b \\) c\n");
	assert_roles("\\(some words here\\)", "\\(some words here\\)\n");
}

static void
references(void **state)
{
	(void)state;
	assert_roles("<ref>the cat</ref><box>[[1, 2, 3, 4]]</box> sits", "{r:the cat} sits\n");
	assert_roles("<ref>猫</ref><box>[[1,2,3,4],[5,6,7,8]]</box>", "{r:猫}\n");
	assert_roles("<ref>a</ref><box>[[4,2,3,4]]</box>", "<ref>a</ref><box>[[4,2,3,4]]</box>\n");
	assert_roles("<ref>a</ref>", "<ref>a</ref>\n");
}

/* ---------------------------------------------------------------- blocks */

static void
headings_and_rules(void **state)
{
	(void)state;
	assert_roles("# A *b*\ntext\n## C ##\n###### D", "{1:A b}\ntext\n\n{2:C}\n\n{3:D}\n");
	assert_roles("#no\n####### no", "#no\n####### no\n");
	assert_roles("A\n===\nB\n---\nc\nd\n---", "{1:A}\n\n{2:B}\nc\nd\n{t:────────────────────────────────────────}\n");
	assert_styled("***", 5, true, true, "{t:-----}\n");
}

static void
paragraphs(void **state)
{
	(void)state;
	assert_text("", 10, "");
	assert_text("\n\n", 10, "");
	assert_text("\n\na  \n  b\n\n\n\nc\n", 10, "a\nb\n\nc\n");
	assert_text("one two three", 7, "one two\nthree\n");
	assert_text("猫", 1, "\n");                       /* it has no room */
}

static void
lists(void **state)
{
	(void)state;
	assert_roles("- a\n- b\n  - c\n    - d", "{i:•} a\n{i:•} b\n  {i:◦} c\n    {i:▪} d\n");
	assert_text("- a b c d e f g h i j k\n10. m n o p q r s t", 16, "• a b c d e f g\n  h i j k\n10. m n o p q r\n    s t\n");
	assert_text("1. a\n  - b\n2. c\n\n   d\n\ne", 20, "1. a\n   ◦ b\n2. c\n\n   d\n\ne\n");
	assert_text("- a\nlazy\n\nno", 20, "• a\n  lazy\n\nno\n");
	assert_text("- [ ] a\n- [x] b\n- [y] c", 20, "☐ a\n☑ b\n• [y] c\n");
	assert_styled("* a\n  + b\n- [X] c", 20, true, false, "- a\n  - b\n[x] c\n");
	assert_text("-\n- b\n- - c", 20, "• \n• b\n• ◦ c\n");
	assert_text("2024. A year\n-5 is cold\n*x* y", 20, "2024. A year\n      -5 is cold\n      x y\n");
}

static void
deep_lists_keep_their_marks(void **state)
{
	(void)state;
	assert_text("- - - - x", 14, "• ◦\n  ▪\n  •\n  x\n");
}

static void
quotes(void **state)
{
	(void)state;
	assert_roles("> a\n> b\nlazy\n\nc", "{q:▎ }a\n{q:▎ }b\n{q:▎ }lazy\n\nc\n");
	assert_text("> a\n>\n> > b\n> c\n\n> d", 20, "▎ a\n▎ \n▎ ▎ b\n▎ ▎ c\n\n▎ d\n");
	assert_text("- > a\n  >\n  > b", 20, "• ▎ a\n  ▎ \n  ▎ b\n");
	assert_text("> - a\n>   b\n> ```\n> x\nout", 20, "▎ • a\n▎   b\n▎   x\nout\n");
	assert_styled(">x", 20, true, false, "| x\n");
}

static void
code(void **state)
{
	(void)state;
	assert_roles("```c\nint x;\n\n  y\n```\nz", "  {n:c}\n{c:  }{k:int}{c: x;}\n\n{c:    y}\nz\n");
	assert_roles("~~~\n```\n~~~", "{c:  ```}\n");
	assert_roles("```\n*a* <b>", "{c:  *a* <b>}\n");
	assert_text("```\n0123456789abcdef\n```", 14, "  0123456789ab\n  cdef\n");
	assert_text("    a\n\n      b\n\nc", 20, "  a\n\n    b\n\nc\n");
	assert_text("1. a\n   ```\nx\n   y\n```\n2. b", 20, "1. a\n     x\n     y\n2. b\n");
	assert_text("```a`b\nc", 20, "```a`b\nc\n");
	assert_text("``` python {x}\n```", 20, "  python {x}\n");
}

static void
tables(void **state)
{
	(void)state;
	assert_roles("| a | b |\n|---|:-:|\n| *c* | d\\|e |\nout",
		"{s:a}{t: │ } {s:b}\n{t:──┼────}\n{e:c}{t: │ }d|e\nout\n");
	assert_text("名|n\n-|-:\n猫|1\n中文|22", 20, "名   │  n\n─────┼───\n猫   │  1\n中文 │ 22\n");
	assert_text("|a|\n|-|\n|b|c|", 20, "a │ \n──┼──\nb │ c\n");
	assert_text("text\na|b\n-|-", 20, "text\na │ b\n──┼──\n");
	assert_text("a|b\nno", 20, "a|b\nno\n");
	assert_text("|`a|b`|c|\n|-|-|", 20, "a|b │ c\n────┼──\n");
}

static void
narrow_tables(void **state)
{
	(void)state;
	assert_text("|aaa|bbb|\n|-|-|\n|one two three|x y|", 14, "aaa      │ bbb\n─────────┼────\none two  │ x y\nthree    │ \n");
	assert_text("|name|what it is|\n|-|-|\n|cat|an animal|\n|oak|a tree|", 12,
		"name: cat\nwhat it\n  is: an\n  animal\n\nname: oak\nwhat it\n  is: a tree\n");
	assert_text("|aaaaaaaa|bbbbbbbbb|\n|-|-|", 6, "aaaaaa\naa\nbbbbbb\nbbb\n");
}

static void
too_many_cells(void **state)
{
	struct buf source = {0};
	struct markdown *m = markdown_new(400, false);
	struct buf got = {0};

	(void)state;
	for (int i = 0; i < 70; i++)
		buf_str(&source, "|h");
	buf_str(&source, "\n|-|\n");
	for (int i = 0; i < 69; i++)
		buf_str(&source, "|x");
	buf_str(&source, "|last");
	markdown_feed(m, source.at, source.n, source.n, true);
	describe_all(m, 400, false, &got);
	assert_non_null(strstr(got.at, "last"));
	buf_done(&source);
	buf_done(&got);
	markdown_free(m);
}

/* ---------------------------------------------------------------- any text */

static const char *const bits[] = {
	"word ", "a", "b1", "猫", "，", "**", "*", "_", "`", "```", "```c\n", "~~", "[", "](u)", "]", "(", "\n", "\n", "\n\n",
	"- ", "1. ", "  ", "    ", "> ", "# ", "---", "===", "|", "|-|-|\n", "\n|a|b|\n|-|-|\n|c|d|\n", "<ref>n</ref>", "$", "$$",
	"\\(", "\\)", "\\[", "\\]", "\\", "!", "<", "e\xcc\x81", "👩‍👩‍👧", "\xf0\x9f\x87\xa6", "\xcc\x81", "~~~\n", "* ", "- [x] ",
	"http://a.b", "x^2", "long long long words ",
};

static unsigned
roll(uint32_t *seed, unsigned sides)
{
	*seed = *seed * 1664525 + 1013904223;
	return (*seed >> 12) % sides;
}

static void
write_any(struct buf *out, uint32_t *seed)
{
	unsigned n = roll(seed, 60);

	for (unsigned i = 0; i < n; i++)
		buf_str(out, bits[roll(seed, sizeof bits / sizeof *bits)]);
}

static size_t
whole_lines(const char *s, size_t n)
{
	while (n > 0 && s[n - 1] != '\n')
		n--;
	return n;
}

/* Lines fit, their widths are those of what is drawn, and their places rise. */
static void
assert_sound(const struct markdown *m, int width, size_t n)
{
	struct row row = {0};

	for (int i = 0; i < markdown_lines(m); i++) {
		row_clear(&row);
		markdown_row(m, i, 1 << 20, &row);
		assert_int_equal(row.cols, markdown_cols(m, i));
		if (row.cols > width)
			fail_msg("%d > %d: %s", row.cols, width, row.text.at);
		assert_true(markdown_place(m, i) <= n);
		assert_true(i == 0 || markdown_place(m, i) >= markdown_place(m, i - 1));
	}
	row_done(&row);
}

/* Given piece by piece, what was drawn of finished blocks stays, and the end is that of the whole. */
static void
assert_stream(const char *s, size_t n, int width, uint32_t *seed)
{
	struct markdown *m = markdown_new(width, false), *whole = markdown_new(width, false);
	struct buf before = {0}, now = {0}, all = {0};
	size_t done = 0;

	markdown_feed(whole, s, n, n, true);
	assert_sound(whole, width, n);
	describe_all(whole, width, true, &all);
	for (size_t at = 0; at < n; at += 1 + roll(seed, 9)) {
		buf_clear(&now);
		markdown_feed(m, s, whole_lines(s, at), whole_lines(s, at), false);
		assert_true(markdown_done(m) >= done);
		done = markdown_done(m);
		describe_all(m, width, true, &now);
		assert_true(now.n >= before.n && memcmp(buf_text(&now), buf_text(&before), before.n) == 0);
		assert_true(all.n >= now.n && memcmp(buf_text(&all), buf_text(&now), now.n) == 0);
		buf_clear(&before);
		buf_add(&before, buf_text(&now), now.n);
		markdown_feed(m, s, whole_lines(s, at), at, false);
		assert_sound(m, width, n);
	}
	markdown_feed(m, s, whole_lines(s, n), n, true);
	buf_clear(&now);
	describe_all(m, width, true, &now);
	assert_string_equal(buf_text(&now), buf_text(&all));
	markdown_feed(m, s, n, n, true);                /* and once more, as if it had been opened again */
	buf_clear(&now);
	describe_all(m, width, true, &now);
	assert_string_equal(buf_text(&now), buf_text(&all));
	buf_done(&before);
	buf_done(&now);
	buf_done(&all);
	markdown_free(m);
	markdown_free(whole);
}

static void
a_stream_ends_like_the_whole(void **state)
{
	uint32_t seed = 3;

	(void)state;
	for (int round = 0; round < 600; round++) {
		struct buf source = {0}, text = {0};

		write_any(&source, &seed);
		text_visible(&text, buf_text(&source), source.n);
		assert_stream(buf_text(&text), text.n, 2 + (int)roll(&seed, 40), &seed);
		buf_done(&source);
		buf_done(&text);
	}
}

/* Bytes of any kind, made visible as an answer's are. */
static void
any_bytes(void **state)
{
	uint32_t seed = 21;

	(void)state;
	for (int round = 0; round < 300; round++) {
		char bytes[200];
		struct buf text = {0};

		for (size_t i = 0; i < sizeof bytes; i++)
			bytes[i] = (char)(roll(&seed, 3) ? roll(&seed, 256) : (unsigned)"\n*`|-> #[]()$\\_~<"[roll(&seed, 18)]);
		text_visible(&text, bytes, sizeof bytes);
		assert_stream(text.at, text.n, 2 + (int)roll(&seed, 50), &seed);
		buf_done(&text);
	}
}

static bool
counts(int32_t cp)
{
	return cp >= 0x80 || (cp >= '0' && cp <= '9') || (cp >= 'a' && cp <= 'z') || (cp >= 'A' && cp <= 'Z');
}

/* The letters and digits of a text. Of what is drawn, bullets, bars and lines are not counted. */
static void
add_letters(struct buf *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		int32_t cp;
		size_t k = text_decode(s + i, n - i, &cp);

		if (counts(cp))
			buf_add(out, s + i, k);
		i += k;
	}
}

static void
add_drawn_letters(struct buf *out, const struct markdown *m)
{
	struct row row = {0};

	for (int i = 0; i < markdown_lines(m); i++) {
		row_clear(&row);
		markdown_row(m, i, 1 << 20, &row);
		for (int k = 0; k < row.n_spans; k++) {
			enum theme_role role = row.spans[k].role;
			bool number = role == ROLE_LIST && counts((unsigned char)row.spans[k].at[0]) && row.spans[k].at[0] > 0;

			if (number || (role != ROLE_LIST && role != ROLE_QUOTE && role != ROLE_LINE))
				add_letters(out, row.spans[k].at, row.spans[k].n);
		}
	}
	row_done(&row);
}

/* Every letter and digit of the source is drawn, in its order, and no other; formulas and tasks apart, which change
 * letters. Emoji sequences and stray marks are drawn in part, so they are left out. */
static void
nothing_is_lost(void **state)
{
	static const char *const skipped[] = { "$", "$$", "\\(", "\\[", "x^2", "- [x] ", "👩‍👩‍👧", "\xf0\x9f\x87\xa6", "\xcc\x81", "e\xcc\x81" };
	uint32_t seed = 11;

	(void)state;
	for (int round = 0; round < 1500; round++) {
		struct markdown *m = markdown_new(300, false);
		struct buf source = {0}, expected = {0}, got = {0};

		for (unsigned i = roll(&seed, 50); i > 0; i--) {
			const char *bit = bits[roll(&seed, sizeof bits / sizeof *bits)];
			bool skip = false;

			for (size_t k = 0; k < sizeof skipped / sizeof *skipped; k++)
				skip = skip || strcmp(bit, skipped[k]) == 0;
			if (!skip)
				buf_str(&source, bit);
		}
		markdown_feed(m, buf_text(&source), source.n, source.n, true);
		add_letters(&expected, buf_text(&source), source.n);
		add_drawn_letters(&got, m);
		if (strcmp(buf_text(&expected), buf_text(&got)) != 0)
			fail_msg("%s\n-----\n%s\n%s", source.at, buf_text(&expected), buf_text(&got));
		buf_done(&source);
		buf_done(&expected);
		buf_done(&got);
		markdown_free(m);
	}
}

/* Much of one thing takes no longer than it is long. */
static void
much_of_one_thing(void **state)
{
	static const char *const things[] = {
		"[", "](", "[a](", "*", "**a ", "*a_", "`", "`a``", "$", "$a", "$$", "\\(", "\\[", "<", "<ref>", "<ref>a</ref><box>[[1,",
		">", "> ", "- ", "1. ", "#", "|", "|\n", "a|b\n-|-\n", "~~", "_a", "http://", "\n", "> \n", "- a\n", "```\n", "    ",
		"\\frac{", "$x^2$", "![", "]", "a\n", "  - a\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof things / sizeof *things; i++) {
		struct markdown *m = markdown_new(40, false);
		struct buf source = {0};

		while (source.n < 20000)
			buf_str(&source, things[i]);
		markdown_feed(m, source.at, source.n, source.n, true);
		assert_sound(m, 40, source.n);
		buf_done(&source);
		markdown_free(m);
	}
}

/* ---------------------------------------------------------------- while it streams */

static void
assert_open(const char *source, const char *drawn, const char *open)
{
	struct markdown *m = markdown_new(40, false);
	struct buf got = {0};
	size_t n = strlen(source);

	markdown_feed(m, source, whole_lines(source, n), n, false);
	describe_all(m, 40, false, &got);
	assert_string_equal(buf_text(&got), drawn);
	assert_string_equal(source + markdown_done(m), open);
	buf_done(&got);
	markdown_free(m);
}

static void
the_open_block_is_source(void **state)
{
	(void)state;
	assert_open("", "", "");
	assert_open("**a**", "", "**a**");
	assert_open("**a**\n", "", "**a**\n");
	assert_open("**a**\n\n", "a\n", "\n");
	assert_open("**a**\n\n*b", "a\n", "\n*b");
	assert_open("# A\n*b", "A\n", "*b");
	assert_open("- *a*\n- *b*\n", "• a\n", "- *b*\n");
	assert_open("x\n|a|\n|-|\n|b|\n", "x\n", "|a|\n|-|\n|b|\n");
	assert_open("> *a*\n\n> b", "▎ a\n", "\n> b");
	assert_open("-\n", "", "-\n");
}

static void
open_code_is_code(void **state)
{
	(void)state;
	assert_open("```c\n", "  c\n", "");
	assert_open("```c\nint", "  c\n  int\n", "");
	assert_open("```c\nint x;\n``", "  c\n  int x;\n", "");
	assert_open("```c\nint x;\n```", "  c\n  int x;\n", "");
	assert_open("```c\nint x;\n```\ny", "  c\n  int x;\n", "y");
	assert_open("> ```\n> a\nb", "▎   a\n", "b");
}

static void
places(void **state)
{
	struct markdown *m = markdown_new(14, false);
	static const char source[] = "# one\n\ntwo three fourth\n\n- five";
	size_t n = sizeof source - 1;

	(void)state;
	assert_int_equal(markdown_find(m, 5), 0);
	markdown_feed(m, source, n, n, true);
	assert_int_equal(markdown_lines(m), 6);
	assert_int_equal(markdown_find(m, 0), 0);
	assert_int_equal(markdown_find(m, 8), 2);       /* "two" */
	assert_int_equal(markdown_place(m, 3), strstr(source, "four") - source);
	assert_int_equal(markdown_find(m, n), 5);
	markdown_free(m);
	markdown_free(NULL);
}

static void
boxes(void **state)
{
	static const char text[] = "A <ref>cat</ref><box>[[1, 2, 3, 4], [0,0,1000,1000]]</box>, <ref>x</ref> "
		"<ref>dog</ref><box>[[5,6,7,8]]</box><ref>bad</ref><box>[[1,2,3,1001]]</box><ref>cut</ref><box>[[1,2";
	struct boxes b = {0};

	(void)state;
	boxes_parse(&b, "", 0);
	boxes_parse(&b, text, sizeof text - 1);
	assert_int_equal(b.n_names, 2);
	assert_int_equal(b.n_rects, 3);
	assert_memory_equal(text + b.names[0].name, "cat", b.names[0].name_n);
	assert_memory_equal(text + b.names[1].name, "dog", 3);
	assert_int_equal(b.names[0].n, 2);
	assert_int_equal(b.names[1].first, 2);
	assert_int_equal(b.rects[1].x2, 1000);
	assert_int_equal(b.rects[2].y1, 6);
	boxes_done(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formulas_stay_source),
		cmocka_unit_test(emphasis),
		cmocka_unit_test(emphasis_beside_wide_scripts),
		cmocka_unit_test(code_links_and_escapes),
		cmocka_unit_test(formulas),
		cmocka_unit_test(references),
		cmocka_unit_test(headings_and_rules),
		cmocka_unit_test(paragraphs),
		cmocka_unit_test(lists),
		cmocka_unit_test(deep_lists_keep_their_marks),
		cmocka_unit_test(quotes),
		cmocka_unit_test(code),
		cmocka_unit_test(tables),
		cmocka_unit_test(narrow_tables),
		cmocka_unit_test(too_many_cells),
		cmocka_unit_test(a_stream_ends_like_the_whole),
		cmocka_unit_test(any_bytes),
		cmocka_unit_test(nothing_is_lost),
		cmocka_unit_test(much_of_one_thing),
		cmocka_unit_test(the_open_block_is_source),
		cmocka_unit_test(open_code_is_code),
		cmocka_unit_test(places),
		cmocka_unit_test(boxes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
