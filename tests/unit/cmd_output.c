/* cmd_output.c: an answer that comes in pieces looks as it would in one piece; a pipe gets whole lines as they are. */
#include "config.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "cmd/output.h"

/* An output whose other end the test reads. */
static int
open_pipe(struct output *out, bool terminal)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	*out = (struct output){.fd = ends[1], .name = "test", .terminal = terminal};
	return ends[0];
}

static void
expect(int from, const char *want, size_t n)
{
	char got[4096];
	ssize_t came = read(from, got, sizeof got);

	assert_int_equal(came > 0 ? (size_t)came : 0, n);
	assert_memory_equal(got, want, n);
}

static void
test_pieces_look_like_the_whole(void **state)
{
	static const char text[] = "a\tb\r\ncd\033[2J\te\r\n\r\n\tf\rg 猫\t|\n";
	struct buf visible = {0};

	(void)state;
	text_visible(&visible, text, sizeof text - 1);
	for (size_t piece = 1; piece < sizeof text; piece++) {
		struct output out;
		int from = open_pipe(&out, true);

		for (size_t at = 0, n; at < sizeof text - 1; at += n) {
			n = sizeof text - 1 - at < piece ? sizeof text - 1 - at : piece;
			n += text_partial(text, at + n) ? 3 - text_partial(text, at + n) : 0;
			assert_int_equal(output_text(&out, text + at, n, NULL), 0);
		}
		expect(from, visible.at, visible.n);
		output_close(&out);
		close(from);
	}
	buf_done(&visible);
}

static void
test_a_terminal_sees_every_piece(void **state)
{
	struct output out;
	int from = open_pipe(&out, true);

	(void)state;
	output_text(&out, "on", 2, NULL);
	expect(from, "on", 2);
	output_text(&out, "", 0, NULL);
	expect(from, "", 0);
	output_text(&out, "ce", 2, NULL);
	expect(from, "ce", 2);
	output_end_line(&out, NULL);
	expect(from, "\n", 1);
	output_close(&out);
	close(from);
}

static void
test_a_pipe_sees_whole_lines(void **state)
{
	struct output out;
	int from = open_pipe(&out, false);

	(void)state;
	output_text(&out, "a\033b", 3, NULL);
	expect(from, "", 0);
	output_text(&out, "c\nd\ne\0", 6, NULL);
	expect(from, "a\033bc\nd\n", 7);
	output_text(&out, "f", 1, NULL);
	expect(from, "", 0);
	output_end_line(&out, NULL);
	expect(from, "e\0f\n", 4);
	output_close(&out);
	close(from);
}

/* After the first failure nothing is tried any more, and each call says so. */
static void
test_a_broken_way(void **state)
{
	struct output out = {.fd = open("/dev/full", O_WRONLY), .name = "test"};
	struct error err = {0};

	(void)state;
	assert_int_equal(output_text(&out, "held", 4, &err), 0);
	assert_int_equal(output_end_line(&out, &err), -1);
	assert_int_equal(err.code, CODE_STORE);
	assert_string_equal(err.what, "cannot write the answer to test: No space left on device");
	assert_true(out.broken);
	assert_int_equal(output_text(&out, "x\n", 2, &err), -1);
	output_close(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces_look_like_the_whole),
		cmocka_unit_test(test_a_terminal_sees_every_piece),
		cmocka_unit_test(test_a_pipe_sees_whole_lines),
		cmocka_unit_test(test_a_broken_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
