/* What comes from elsewhere and goes there: pasted pictures, code blocks, the clipboard's programs, boxes on a picture. */
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

#include "app/boxed.h"
#include "app/clipboard.h"
#include "app/copy.h"
#include "app/pasted.h"
#include "base/alloc.h"
#include "base/base64.h"
#include "base/file.h"

/* ---------------------------------------------------------------- pastes */

/* A PNM of 59 bytes, in two lines of letters. */
static const char picture[] = "P6\n4 4\n255\nabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuv";
#define FIRST_LETTERS "UDYKNCA0CjI1NQphYmNkZWZnaGlqa2xtbm9wcXJz"
#define LAST_LETTERS "dHV2d3h5emFiY2RlZmdoaWprbG1ub3BxcnN0dXY="
#define PICTURE_BASE64_REST "KNCA0CjI1NQphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5emFiY2RlZmdoaWprbG1ub3BxcnN0dXY="
#define PICTURE_BASE64 FIRST_LETTERS LAST_LETTERS

static void
assert_pasted(const char *text, int expected)
{
	struct buf out = {0};
	struct error err = {0};

	assert_int_equal(pasted_decode(text, strlen(text), &out, &err), expected);
	if (expected > 0) {
		assert_int_equal(out.n, sizeof picture - 1);
		assert_memory_equal(out.at, picture, out.n);
	} else {
		assert_int_equal(out.n, 0);
	}
	assert_int_equal(err.what[0] != '\0', expected < 0);
	buf_done(&out);
}

static void
pictures_are_pasted(void **state)
{
	(void)state;
	assert_pasted(PICTURE_BASE64, 1);
	assert_pasted("\n  " PICTURE_BASE64 "\n", 1);
	assert_pasted(FIRST_LETTERS "\r\n" LAST_LETTERS "\n", 1);
	assert_pasted("U D Y\t" PICTURE_BASE64_REST, 1);
	assert_pasted("data:image/x-portable-pixmap;base64," PICTURE_BASE64, 1);
	assert_pasted("DATA:Image/png;name=a.png;BASE64,\n" PICTURE_BASE64, 1);
}

static void
text_is_not_a_picture(void **state)
{
	(void)state;
	assert_pasted("", 0);
	assert_pasted("  \n", 0);
	assert_pasted("UDYK", 0);                               /* too little to know */
	assert_pasted("What is this?", 0);
	assert_pasted("aGVsbG8gd29ybGQsIHRoaXMgaXMgbm8gcGljdHVyZSBhdCBhbGw=", 0);
	assert_pasted("data:text/plain;base64," PICTURE_BASE64, 0);
	assert_pasted("data:", 0);
}

static void
broken_pictures_are_told(void **state)
{
	(void)state;
	assert_pasted(PICTURE_BASE64 "!", -1);
	assert_pasted(PICTURE_BASE64 PICTURE_BASE64, -1);
	assert_pasted(PICTURE_BASE64 " and text", -1);
	assert_pasted("data:image/png," PICTURE_BASE64, -1);
	assert_pasted("data:image/png;base64", -1);
	assert_pasted("data:image/png;base64,", -1);
	assert_pasted("data:image/png;base64,aGVsbG8gd29ybGQsIHRoaXMgaXMgbm8gcGljdHVyZSBhdCBhbGw=", -1);
}

/* ---------------------------------------------------------------- code blocks */

static void
assert_code(const char *text, int which, int count, const char *expected)
{
	const char *at;
	size_t n;

	assert_int_equal(copy_find_code(text, strlen(text), which, &at, &n), count);
	if (!expected) {
		assert_null(at);
		return;
	}
	assert_non_null(at);
	assert_int_equal(n, strlen(expected));
	assert_memory_equal(at, expected, n);
}

static void
code_blocks_are_found(void **state)
{
	static const char two[] = "see\n```c\nint x;\n\n```\nand\n~~~\n```\n~~~~\nend";

	(void)state;
	assert_code("", 1, 0, NULL);
	assert_code("no `code` here\n", 1, 0, NULL);
	assert_code(two, 1, 2, "int x;\n\n");
	assert_code(two, 2, 2, "```\n");
	assert_code(two, 3, 2, NULL);
	assert_code("```\nopen\nto the end", 1, 1, "open\nto the end");
	assert_code("````\n```\n````\n", 1, 1, "```\n");
	assert_code("   ```\nx\n   ```", 1, 1, "x\n");
	assert_code("    ```\nx\n", 1, 0, NULL);
	assert_code("```\n```\n", 1, 1, "");
	assert_code("```", 1, 1, "");
	assert_code("```\na\n```\n```\nb\n```", 1, 2, "a\n");
	assert_code("```\na\n```\n```\nb\n```", 2, 2, "b\n");
}

/* ---------------------------------------------------------------- the clipboard's programs */

/* Programs of ours in front of the path, and no others. */
static char *
make_programs(const char *const *names, const char *const *bodies, int n)
{
	char *dir = xstrdup("clip-XXXXXX"), *full;
	char cwd[4096];

	assert_non_null(mkdtemp(dir));
	for (int i = 0; i < n; i++) {
		char *path = xasprintf("%s/%s", dir, names[i]);
		FILE *f = fopen(path, "w");

		assert_non_null(f);
		fprintf(f, "#!/bin/sh\nPATH=/bin:/usr/bin\ncd \"${0%%/*}\"\n%s\n", bodies[i]);
		fclose(f);
		assert_int_equal(chmod(path, 0700), 0);
		free(path);
	}
	assert_non_null(getcwd(cwd, sizeof cwd));
	full = xasprintf("%s/%s", cwd, dir);
	setenv("PATH", full, 1);
	free(full);
	return dir;
}

static void
drop_programs(char *dir, const char *path)
{
	char *command = xasprintf("rm -r %s", dir);

	setenv("PATH", path, 1);
	assert_int_equal(system(command), 0);
	free(command);
	free(dir);
}

static void
text_is_written(void **state)
{
	static const char *const names[] = { "wl-copy", "xclip" };
	static const char *const bodies[] = { "exit 1", "cat >got; echo \"$*\" >args" };
	char *path = xstrdup(getenv("PATH")), *dir = make_programs(names, bodies, 2), *file;
	struct buf got = {0};
	char *text = xmalloc(300000);

	(void)state;
	memset(text, 'x', 300000);                              /* more than a socket holds */
	unsetenv("WAYLAND_DISPLAY");
	unsetenv("DISPLAY");
	assert_false(clipboard_write("a", 1));
	setenv("WAYLAND_DISPLAY", "x", 1);
	assert_false(clipboard_write("a", 1));
	setenv("DISPLAY", "x", 1);
	assert_true(clipboard_write(text, 300000));
	file = xasprintf("%s/got", dir);
	assert_int_equal(file_read(file, 1 << 20, &got, CODE_INPUT, NULL), 0);
	assert_int_equal(got.n, 300000);
	assert_true(clipboard_write("", 0));
	buf_done(&got);
	free(file);
	free(text);
	drop_programs(dir, path);
	free(path);
}

/* A program that reads nothing, one that never ends, and one that is gone at once do not hold us up, and kill nobody. */
static void
bad_programs_are_ended(void **state)
{
	static const char *const names[] = { "wl-copy", "xclip", "wl-paste" };
	static const char *const bodies[] = { "exit 0", "exec sleep 600", "exec sleep 600" };
	char *path = xstrdup(getenv("PATH")), *dir = make_programs(names, bodies, 3);
	char *text = xcalloc(3000000, 1);
	struct buf out = {0};

	(void)state;
	setenv("WAYLAND_DISPLAY", "x", 1);
	setenv("DISPLAY", "x", 1);
	assert_false(clipboard_write(text, 3000000));
	assert_int_equal(clipboard_read_picture(&out), -1);
	assert_int_equal(out.n, 0);
	buf_done(&out);
	free(text);
	drop_programs(dir, path);
	free(path);
}

static void
a_picture_is_read(void **state)
{
	static const char *const names[] = { "wl-paste", "xclip" };
	static const char *const bodies[] = { "echo this is no picture", "printf 'P6\\n4 4\\n255\\nabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuv'" };
	char *path = xstrdup(getenv("PATH")), *dir = make_programs(names, bodies, 2);
	struct buf out = {0};

	(void)state;
	setenv("WAYLAND_DISPLAY", "x", 1);
	setenv("DISPLAY", "x", 1);
	buf_str(&out, "+");
	assert_int_equal(clipboard_read_picture(&out), 0);
	assert_int_equal(out.n, sizeof picture);
	assert_memory_equal(out.at + 1, picture, sizeof picture - 1);
	buf_done(&out);
	drop_programs(dir, path);
	free(path);
}

/* ---------------------------------------------------------------- boxes */

static void
boxes_are_drawn(void **state)
{
	static const char text[] = "<ref>a</ref><box>[[250, 250, 750, 750]]</box><ref>b</ref><box>[[0, 0, 1000, 1000]]</box>";
	enum { W = 40, H = 20 };
	uint8_t rgb[W * H * 3] = { 0 };
	struct boxes boxes = {0};

	(void)state;
	boxes_parse(&boxes, text, strlen(text));
	assert_int_equal(boxes.n_names, 2);
	boxed_draw(rgb, W, H, &boxes);
	assert_int_equal(rgb[(5 * W + 20) * 3], 255);           /* the upper edge of a, red */
	assert_int_equal(rgb[(5 * W + 20) * 3 + 1], 64);
	assert_int_equal(rgb[(10 * W + 20) * 3], 0);            /* inside nothing is touched */
	assert_int_equal(rgb[(10 * W + 30) * 3], 255);
	assert_int_equal(rgb[2], 255);                          /* the corner of b, blue */
	assert_int_equal(rgb[sizeof rgb - 1], 255);
	boxed_draw(rgb, 1, 1, &boxes);
	boxes_done(&boxes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pictures_are_pasted), cmocka_unit_test(text_is_not_a_picture),
		cmocka_unit_test(broken_pictures_are_told), cmocka_unit_test(code_blocks_are_found),
		cmocka_unit_test(text_is_written), cmocka_unit_test(bad_programs_are_ended),
		cmocka_unit_test(a_picture_is_read), cmocka_unit_test(boxes_are_drawn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
