/* Words of a line: quotes, backslashes, paths, patterns. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/words.h"
#include "base/alloc.h"

/* All words of the line joined by '|'. */
static char *
split(const char *line)
{
	struct buf out = {0};
	struct word w;
	int n = 0;

	while (words_next(&line, &w)) {
		buf_printf(&out, "%s%s", n++ ? "|" : "", w.text);
		word_done(&w);
	}
	return buf_take(&out);
}

static void
check(const char *line, const char *expected)
{
	char *got = split(line);

	assert_string_equal(got, expected);
	free(got);
}

static void
words(void **state)
{
	(void)state;
	check("", "");
	check("  \t\n ", "");
	check("one", "one");
	check("  one   two ", "one|two");
	check("'a b' \"c d\"e", "a b|c de");
	check("a\\ b c\\\\d", "a b|c\\d");
	check("'it\\s'", "it\\s");
	check("\"say \\\"x\\\"\"", "say \"x\"");
	check("\"open", "open");
	check("end\\", "end\\");
	check("'' x", "|x");
	check("~/\xe5\x9b\xbe\xe7\x89\x87.png \xe8\xaf\xb4", "~/\xe5\x9b\xbe\xe7\x89\x87.png|\xe8\xaf\xb4");
}

static void
rest(void **state)
{
	const char *line = "'a b.png'  what is  this?";
	struct word w;

	(void)state;
	assert_true(words_next(&line, &w));
	assert_string_equal(line, "what is  this?");
	word_done(&w);
}

static void
quoted_pattern(void **state)
{
	const char *line = "'*'x*";
	struct word w;

	(void)state;
	assert_true(words_next(&line, &w));
	assert_string_equal(w.text, "*x*");
	assert_string_equal(w.pattern, "\\*x*");
	word_done(&w);
}

static void
kinds(void **state)
{
	(void)state;
	assert_true(word_is_path("/a"));
	assert_true(word_is_path("./a"));
	assert_true(word_is_path("../a"));
	assert_true(word_is_path("~/a"));
	assert_false(word_is_path("a/b"));
	assert_false(word_is_path("~a"));
	assert_false(word_is_path(""));
	assert_true(word_is_foreign("C:\\x.png"));
	assert_true(word_is_foreign("/Users/me/x.png"));
	assert_false(word_is_foreign("/home/me/x.png"));
}

static void
make(const char *dir, const char *name)
{
	char *path = xasprintf("%s/%s", dir, name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fclose(f);
	free(path);
}

static int
count_files(const char *dir, const char *word)
{
	char *text = xasprintf("%s/%s", dir, word);
	const char *line = text;
	struct word w;
	char **files;
	int n = 0;

	assert_true(words_next(&line, &w));
	files = word_files(&w);
	while (files[n])
		n++;
	words_free(files);
	word_done(&w);
	free(text);
	return n;
}

static void
files(void **state)
{
	char dir[] = "words-XXXXXX";
	char *command;

	(void)state;
	assert_non_null(mkdtemp(dir));
	make(dir, "a1.png");
	make(dir, "a2.png");
	make(dir, "b*.png");
	assert_int_equal(count_files(dir, "a*.png"), 2);
	assert_int_equal(count_files(dir, "b*.png"), 1);        /* the file that is spelled so */
	assert_int_equal(count_files(dir, "'a*.png'"), 1);      /* none: the word itself, for the message */
	assert_int_equal(count_files(dir, "none"), 1);
	assert_int_equal(count_files(dir, "*.png"), 3);
	command = xasprintf("rm -r %s", dir);
	assert_int_equal(system(command), 0);
	free(command);
}

static void
dropped(void **state)
{
	static const char *const pairs[][2] = {
		{ "file:///home/me/a%20b.png", "/home/me/a b.png" }, { "file://host/a.png", "/a.png" },
		{ "'file:///x y.png'", "/x y.png" }, { "file:///a%2", "/a%2" }, { "file:///a%zz%41", "/a%zzA" },
		{ "file:///a%00b", "/a" }, { "file://", "file://" },
		{ "C:\\Users\\me\\a.png", "C:\\Users\\me\\a.png" }, { "C:/x", "C:/x" },
		{ "/home/a\\ b.png", "/home/a b.png" }, { "\"/home/a b.png\"", "/home/a b.png" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		const char *line = pairs[i][0];
		struct word w;

		assert_true(words_next(&line, &w));
		assert_string_equal(w.text, pairs[i][1]);
		assert_string_equal(line, "");
		word_done(&w);
	}
	assert_true(word_is_foreign("C:\\x") && word_is_url("https://x") && !word_is_url("httpx"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words), cmocka_unit_test(rest), cmocka_unit_test(quoted_pattern), cmocka_unit_test(kinds),
		cmocka_unit_test(files), cmocka_unit_test(dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
