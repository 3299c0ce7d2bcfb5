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
	static const char *const yes[] = { "line\rline\r", "int a;\n\tint b;", "\r\ntext text", "猫猫\r猫\r" };
	static const char *const no[] = { "a line of text", "a line of text\r", "text text\r\r\n", "a\rb\r", "", "line\033[A\rline",
		"line\rline\003", "line\rline\177" };

	(void)state;
	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
		assert_true(burst_begins(yes[i], strlen(yes[i])));
	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		assert_false(burst_begins(no[i], strlen(no[i])));
}

static void
it_goes_on_for_a_while(void **state)
{
	struct burst b = {0};

	(void)state;
	assert_int_equal(burst_left(&b, 100), -1);
	assert_true(burst_add(&b, "one\rtwo\r", 8, 100));
	assert_int_equal(burst_left(&b, 100), 20);
	assert_false(burst_add(&b, "\033[A", 3, 105));
	assert_true(burst_add(&b, "three\r", 6, 119));
	assert_int_equal(burst_left(&b, 130), 9);
	assert_int_equal(burst_left(&b, 139), 0);
	assert_false(burst_add(&b, "typed", 5, 140));
	assert_int_equal(b.bytes.n, 14);
	buf_done(&b.bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(what_begins_one), cmocka_unit_test(it_goes_on_for_a_while) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
