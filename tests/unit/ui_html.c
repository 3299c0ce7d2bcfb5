/* ui_html.c: Markdown → HTML: each kind of block, what holds what, and that nothing of a text becomes markup. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "ui/ui.h"

static void
assert_html(const char *text, const char *wanted)
{
	char *html = ui_html(text, strlen(text));

	assert_string_equal(html, wanted);
	free(html);
}

static void
words(void **state)
{
	(void)state;
	assert_html("", "");
	assert_html("a *b* **c** `d` ~~e~~", "<p>a <em>b</em> <strong>c</strong> <code>d</code> <del>e</del></p>\n");
	assert_html("one\ntwo\n\nthree", "<p>one<br>\ntwo</p>\n<p>three</p>\n");
	assert_html("# A\n## B\n###### C", "<h3>A</h3>\n<h4>B</h4>\n<h6>C</h6>\n");
	assert_html("a\n\n***\n", "<p>a</p>\n<hr>\n");
	assert_html("$$\\alpha$$", "<p class=\"formula\"><span class=\"math\">α</span></p>\n");
	assert_html("<ref>cat</ref><box>[[1,2,3,4]]</box>", "<p><span class=\"ref\">cat</span></p>\n");
}

static void
links(void **state)
{
	(void)state;
	assert_html("[x](https://a.b/?c&d)", "<p><a rel=\"noreferrer\" href=\"https://a.b/?c&amp;d\">x</a></p>\n");
	assert_html("https://a.b", "<p><a rel=\"noreferrer\" href=\"https://a.b\">https://a.b</a></p>\n");
	assert_html("[x](javascript:y)", "<p><u>x</u> (javascript:y)</p>\n");
	assert_html("[x](https://a\"onclick=\"b)",
	    "<p><a rel=\"noreferrer\" href=\"https://a&quot;onclick=&quot;b\">x</a></p>\n");
}

static void
lists(void **state)
{
	(void)state;
	assert_html("- a\n- b", "<ul>\n<li>a\n</li>\n<li>b\n</li>\n</ul>\n");
	assert_html("- a\n  - b\n- c", "<ul>\n<li>a\n<ul>\n<li>b\n</li>\n</ul>\n</li>\n<li>c\n</li>\n</ul>\n");
	assert_html("3. a\n\n   b\n4. c", "<ol start=\"3\">\n<li>a\n<p>b</p>\n</li>\n<li>c\n</li>\n</ol>\n");
	assert_html("- a\n1. b", "<ul>\n<li>a\n</li>\n</ul>\n<ol start=\"1\">\n<li>b\n</li>\n</ol>\n");
	assert_html("- [x] a", "<ul>\n<li class=\"task\">☑ a\n</li>\n</ul>\n");
	assert_html("-\n- b", "<ul>\n<li></li>\n<li>b\n</li>\n</ul>\n");
	assert_html("> a\n> > b\n\nc", "<blockquote>\n<p>a</p>\n<blockquote>\n<p>b</p>\n</blockquote>\n</blockquote>\n<p>c</p>\n");
	assert_html("> - a\n\n- b", "<blockquote>\n<ul>\n<li>a\n</li>\n</ul>\n</blockquote>\n<ul>\n<li>b\n</li>\n</ul>\n");
}

static void
code(void **state)
{
	(void)state;
	assert_html("```c\nint a; // b\n\n<c>\n```\nd", "<p class=\"language\">c</p>\n<pre><code><span class=\"k\">int</span> a; "
	    "<span class=\"c\">// b</span>\n\n&lt;c&gt;\n</code></pre>\n<p>d</p>\n");
	assert_html("```\nopen", "<pre><code>open\n</code></pre>\n");
	assert_html("    a\n\n    b\n\nc", "<pre><code>a\n\nb\n</code></pre>\n<p>c</p>\n");
	assert_html("```\na\n```\n```\nb\n```", "<pre><code>a\n</code></pre>\n<pre><code>b\n</code></pre>\n");
	assert_html("- a\n  ```\n  b\n  ```\n- c", "<ul>\n<li>a\n<pre><code>b\n</code></pre>\n</li>\n<li>c\n</li>\n</ul>\n");
}

static void
tables(void **state)
{
	(void)state;
	assert_html("|a|b|\n|-|:-:|\n|1|*2*|\n|3|", "<table>\n<tr><th><strong>a</strong></th><th class=\"center\"><strong>b</strong></th></tr>\n"
	    "<tr><td>1</td><td class=\"center\"><em>2</em></td></tr>\n<tr><td>3</td><td class=\"center\"></td></tr>\n</table>\n");
}

/* Whatever it is made of: no element that we did not write, and all of ours closed. */
static void
nothing_of_a_text_is_markup(void **state)
{
	static const char *const bits[] = { "<script>", "\"", "&", "'", "*", "**", "`", "```\n", "- ", "1. ", "> ", "\n", "\n\n", "|", "|-|\n",
		"[a](", ")", "https://x", "# ", "~~", "$$", "    ", "\033[31m", "<ref>", "</ref>", "<img src=x onerror=y>" };
	uint32_t seed = 7;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		struct buf text = {0};
		char *html;
		int open = 0;

		for (int k = 0; k < 20; k++) {
			seed = seed * 1664525 + 1013904223;
			buf_str(&text, bits[(seed >> 16) % (sizeof bits / sizeof *bits)]);
		}
		html = ui_html(buf_text(&text), text.n);
		assert_null(strstr(html, "<script"));
		assert_null(strstr(html, "<img"));
		assert_null(strchr(html, '\033'));
		for (const char *p = html; (p = strchr(p, '<')); p++)
			if (strncmp(p, "<br>", 4) != 0 && strncmp(p, "<hr>", 4) != 0)
				open += p[1] == '/' ? -1 : 1;
		assert_int_equal(open, 0);
		free(html);
		buf_done(&text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words), cmocka_unit_test(links), cmocka_unit_test(lists), cmocka_unit_test(code),
		cmocka_unit_test(tables), cmocka_unit_test(nothing_of_a_text_is_markup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
