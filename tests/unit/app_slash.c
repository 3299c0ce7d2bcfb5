/* Slash commands: finding one by its name, and what Tab offers. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/complete.h"
#include "app/internal.h"
#include "app/settings.h"
#include "app/slash.h"
#include "app/words.h"
#include "base/alloc.h"

static void
check(const char *word, const char *name)
{
	struct error err;
	const struct slash *s = slash_find(word, &err);

	if (!s)
		fail_msg("/%s: %s", word, err.what);
	assert_string_equal(s->name, name);
}

static void
found(void **state)
{
	(void)state;
	check("help", "help");
	check("?", "help");
	check("he", "help");
	check("image", "image");        /* whole, although /images begins so too */
	check("images", "images");
	check("q", "quit");
	check("exit", "quit");
	check("by", "quit");
	check("resu", "sessions");
	check("clear", "new");
}

static void
not_found(void **state)
{
	struct error err;

	(void)state;
	assert_null(slash_find("frobnicate", &err));
	assert_non_null(strstr(err.what, "/frobnicate"));
	assert_null(slash_find("", &err));
	assert_null(slash_find("helpx", &err));
	assert_null(slash_find("im", &err));
	assert_non_null(strstr(err.what, "/images"));
	assert_null(slash_find("Help", &err));
}

/* Every row can be shown and run; no name or alias stands twice. */
static void
table(void **state)
{
	struct error err;

	(void)state;
	for (const struct slash *s = app_slash_table(); s->name; s++) {
		assert_non_null(s->run);
		assert_non_null(s->operands);
		assert_true(strlen(s->does) > 0);
		assert_ptr_equal(slash_find(s->name, &err), s);
	}
}

static void
operands(void **state)
{
	struct error err;

	(void)state;
	assert_int_equal(slash_run(NULL, "undo now", &err), -1);
	assert_non_null(strstr(err.what, "takes nothing"));
	assert_int_equal(slash_run(NULL, "rename  ", &err), -1);
}

static void
set(struct app *app, const char *key, const char *value, int expected)
{
	struct error err;
	int rc = settings_set(app, key, value, &err);

	if (rc != expected)
		fail_msg("/set %s %s gives %d", key, value, rc);
}

static void
settings(void **state)
{
	struct app app = {0};
	char *shown;

	(void)state;
	set(&app, "temp", "0.7", 0);
	set(&app, "temp", "-1", -1);
	set(&app, "temp", "nan", -1);
	set(&app, "temp", "", -1);
	set(&app, "top_p", "1.5", -1);
	set(&app, "top_k", "40", 0);
	set(&app, "top_k", "4.5", -1);
	set(&app, "max_tokens", "0", -1);
	set(&app, "max_tokens", "64", 0);
	set(&app, "repeat_penalty", "0", -1);
	set(&app, "seed", "18446744073709551615", 0);
	set(&app, "seed", "18446744073709551616", -1);
	set(&app, "seed", "-1", -1);
	set(&app, "colour", "red", -1);
	assert_true(app.seed_set && app.sampling.seed == UINT64_MAX);
	assert_int_equal(app.sampling.top_k, 40);
	assert_int_equal(app.max_tokens, 64);
	set(&app, "seed", "random", 0);
	set(&app, "overflow", "forget", -1);
	set(&app, "overflow", "drop", 0);
	shown = settings_show(&app, NULL, NULL);
	assert_string_equal(shown, "temp = 0.7\ntop_p = 0\ntop_k = 40\nrepeat_penalty = 0\nseed = random\nmax_tokens = 64\n"
	    "overflow = drop");
	free(shown);
}

/* The candidates for the last word of the line, sorted, joined by blanks, without what is told of them. */
static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
offers(const char *line, int start, const char *expected, bool path)
{
	bool is_path;
	struct app app = {0};
	struct buf out = {0};
	char **list = complete_word(&app, line, start, (int)strlen(line), &is_path);
	size_t n = 0;

	while (list && list[n])
		n++;
	if (n > 1)
		qsort(list, n, sizeof *list, compare);
	for (size_t i = 0; i < n; i++)
		buf_printf(&out, "%s%.*s", i ? " " : "", (int)strcspn(list[i], "\t"), list[i]);
	assert_string_equal(buf_text(&out), expected);
	if (n > 0)
		assert_int_equal(is_path, path);
	buf_done(&out);
	words_free(list);
}

static void
completion(void **state)
{
	(void)state;
	offers("/im", 0, "/image /images", false);
	offers("/xyz", 0, "", false);
	offers("hello", 0, "", false);
	offers("hello /im", 6, "", false);
	offers("/set te", 5, "temp", false);
	offers("/set top", 5, "top_k top_p", false);
	offers("/set temp ", 10, "", false);
	offers("/help un", 6, "undo", false);
	offers("/system d", 8, "default", false);
	offers("/detach ", 8, "all", false);
	offers("//set te", 6, "", false);
	offers("", 0, "", false);
}

static void
path_completion(void **state)
{
	(void)state;
	assert_int_equal(system("rm -rf complete.tmp && mkdir -p 'complete.tmp/a b' && "
	                        "cd complete.tmp && touch one.png two.JPG three.txt .hidden.png"), 0);
	offers("/image complete.tmp/", 7, "complete.tmp/a b/ complete.tmp/one.png complete.tmp/two.JPG", true);
	offers("/image complete.tmp/o", 7, "complete.tmp/one.png", true);
	offers("/image complete.tmp/a\\ ", 7, "complete.tmp/a b/", true);
	offers("/image complete.tmp/.", 7, "complete.tmp/.hidden.png", true);
	offers("./complete.tmp/t", 0, "./complete.tmp/two.JPG", true);
	offers("/system @complete.tmp/th", 8, "@complete.tmp/three.txt", true);
	offers("/image nowhere/x", 7, "", true);
	assert_int_equal(system("rm -rf complete.tmp"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found), cmocka_unit_test(not_found), cmocka_unit_test(table), cmocka_unit_test(operands),
		cmocka_unit_test(settings), cmocka_unit_test(completion), cmocka_unit_test(path_completion),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
