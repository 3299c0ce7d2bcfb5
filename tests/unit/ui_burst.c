/* ui_burst.c: what comes all at once is a paste, what may be typing is not. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ui/burst.h"

static void
what_begins_one(void **state)
{
	static const char *const yes[] = { "line\rline\r", "a line of text\r", "int a;\n\tint b;", "\r\ntext text", "猫猫\r猫\r" };
	static const char *const no[] = { "a line of text", "a\rb\r", "", "line\033[A\rline", "line\rline\003", "line\rline\177" };
	struct burst b = {0};

	(void)state;
	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
		assert_true(burst_begin(&b, "", yes[i], strlen(yes[i]), true, 0));
		burst_clear(&b);
	}
	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		assert_false(burst_begin(&b, "", no[i], strlen(no[i]), true, 0));
	buf_done(&b.bytes);
}

static void
begin(struct burst *b, const char *s, int64_t now)
{
	assert_true(burst_begin(b, "", s, strlen(s), true, now));
}

static void
enter_waits_for_what_follows_at_once(void **state)
{
	struct burst b = {0};

	(void)state;
	assert_int_equal(burst_left(&b, 100), -1);
	begin(&b, "one line\r", 100);
	assert_int_equal(burst_left(&b, 101), 4);
	assert_false(burst_add(&b, "\033[A", 3, 102));
	assert_int_equal(burst_left(&b, 105), 0);
	assert_false(burst_add(&b, "typed", 5, 105));
	assert_true(burst_add(&b, "two", 3, 104));
	assert_int_equal(b.bytes.n, 12);
	buf_done(&b.bytes);
}

static void
a_paste_goes_on_for_a_while(void **state)
{
	struct burst b = {0};

	(void)state;
	begin(&b, "one\rtwo\r", 100);
	assert_int_equal(burst_left(&b, 100), 50);
	assert_true(burst_add(&b, "three\r", 6, 149));
	assert_int_equal(burst_left(&b, 160), 39);
	assert_false(burst_add(&b, "typed", 5, 199));
	burst_clear(&b);
	begin(&b, "/image a.png\rwhat?\r", 100);       /* two lines, and no paste until now */
	assert_int_equal(burst_left(&b, 100), 5);
	buf_done(&b.bytes);
}

/* What came, and how much of it are keys when nobody can have typed it, and when a slow line may have held it back. */
static void
what_is_typed(void **state)
{
	static const struct {
		const char *before, *came, *sure, *unsure;      /* the keys; NULL: all of it */
	} rows[] = {
		{ "", "a script's line\r", NULL, NULL },
		{ "", "a line's end\r\r\n", NULL, NULL },
		{ "", "line one\rline two\r", "", "" },
		{ "", "line one\r\rline two", "", NULL },
		{ "", "line one\rline two", "", NULL },
		{ "", "the end of a line\rand thirty characters", "", "" },
		{ "", "ello\rhow are", "", NULL },
		{ "wor", "ld, hello\rhow are you\r", "", "" },
		{ "", "/image a.png\rwhat is it?\r", NULL, NULL },
		{ "", "/image 图.png\r图里有什么？\r", NULL, NULL },
		{ "/im", "age a.png\rwhat is it?\r", NULL, NULL },
		{ "/image a b", ".png\r/image c.png\rand?\r", NULL, NULL },
		{ "", "/images\r/tokens\rone\rtwo\r", "/images\r/tokens\r", "/images\r/tokens\r" },
		{ "", "/images\r/tokens\r", NULL, NULL },
		{ "", "/image a.png\nline two\rx", "", "" },
		{ "hello ", "/image a.png\rwhat?\r", "", "" },
		{ "", "/usr/bin/a\r/usr/bin/b\r", "", "" },
		{ "", "/* a comment */\rint a;\r", "", "" },
		{ "", "// a comment\rint a;\r", "", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const size_t n = strlen(rows[i].came);

		for (int sure = 0; sure < 2; sure++) {
			const char *keys = sure ? rows[i].sure : rows[i].unsure;
			struct burst b = {0};

			assert_true(burst_begin(&b, rows[i].before, rows[i].came, n, sure, 0));
			if (burst_typed(&b) != (keys ? strlen(keys) : n))
				fail_msg("row %zu, sure %d: %zu bytes are keys", i, sure, burst_typed(&b));
			buf_done(&b.bytes);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_begins_one), cmocka_unit_test(enter_waits_for_what_follows_at_once),
		cmocka_unit_test(a_paste_goes_on_for_a_while), cmocka_unit_test(what_is_typed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
