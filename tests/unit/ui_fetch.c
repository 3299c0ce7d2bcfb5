/* ui_fetch.c: a picture out of the terminal's clipboard, piece by piece. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ui/fetch.h"
#include "ui/term.h"

#define OSC "\033]5522;"
#define ST "\033\\"

static enum fetch_end
answer(struct fetch *f, const char *s)
{
	return fetch_answer(f, s, strlen(s));
}

static void
begin(struct fetch *f)
{
	int ends[2];
	char asked[256];
	ssize_t n;

	assert_int_equal(pipe(ends), 0);
	fetch_begin(f, &(struct term){ .fd = ends[1] }, 1000);
	n = read(ends[0], asked, sizeof asked);
	assert_true(n > 30);
	assert_memory_equal(asked, OSC "type=read;aW1hZ2UvcG5nIG", 24);
	assert_memory_equal(asked + n - 2, ST, 2);
	assert_true(f->until > 1000);
	close(ends[0]);
	close(ends[1]);
}

static void
pieces_are_one_file(void **state)
{
	struct fetch f = {0};

	(void)state;
	assert_int_equal(answer(&f, OSC "type=read:status=DONE" ST), FETCH_GOES_ON);        /* nothing was asked */
	begin(&f);
	assert_int_equal(answer(&f, "\033[?62;4c"), FETCH_GOES_ON);
	assert_int_equal(answer(&f, OSC "type=read:status=OK" ST), FETCH_GOES_ON);
	assert_int_equal(answer(&f, OSC "type=read:status=DATA:mime=cG5n;Zm8=" ST), FETCH_GOES_ON);
	assert_int_equal(answer(&f, OSC "status=DATA:mime=anBn:type=read;eHh4" ST), FETCH_GOES_ON);
	assert_int_equal(answer(&f, OSC "type=read:mime=cG5n:status=DATA;b2Jhcg==\a"), FETCH_GOES_ON);
	assert_int_equal(answer(&f, OSC "type=read:status=DONE" ST), FETCH_DONE);
	assert_int_equal(f.bytes.n, 6);
	assert_memory_equal(f.bytes.at, "foobar", 6);
	fetch_done(&f);
	assert_int_equal(f.until, 0);
}

static void
what_is_no_picture_fails(void **state)
{
	static const char *const bad[] = {
		OSC "type=read:status=EPERM" ST, OSC "type=read:status=ENOSYS\a", OSC "type=read:status=DONE" ST, OSC ST, OSC ";;;" ST,
		OSC "type=read:status=DATA;Zm8=" ST, OSC "type=read:status=DATA:mime=cG5n" ST,
		OSC "type=read:status=DATA:mime=cG5n;???" ST, OSC "status" ST, OSC "\a",
	};
	struct fetch f = {0};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		begin(&f);
		assert_int_equal(answer(&f, bad[i]), FETCH_FAILED);
		fetch_done(&f);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_one_file), cmocka_unit_test(what_is_no_picture_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
