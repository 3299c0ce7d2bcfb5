/* base/ beside text: bytes that grow, files, errors, folders, clocks. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/base64.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/paths.h"
#include "base/team.h"

/* ---------------------------------------------------------------- buf */

static void
an_empty_buf(void **state)
{
	struct buf b = {0};
	char *s;

	(void)state;
	assert_string_equal(buf_text(&b), "");
	buf_add(&b, "", 0);
	assert_int_equal(b.n, 0);
	buf_done(&b);
	s = buf_take(&b);
	assert_string_equal(s, "");
	free(s);
}

/* Room that nothing was put into, in memory that held something else. */
static void
a_buf_with_room_is_a_text(void **state)
{
	struct buf b = {0};

	(void)state;
	free(memset(xmalloc(4096), 'x', 4096));
	buf_room(&b, 4095);
	assert_string_equal(buf_text(&b), "");
	buf_done(&b);
}

static void
a_buf_grows(void **state)
{
	struct buf b = {0};

	(void)state;
	for (int i = 0; i < 10000; i++)
		buf_char(&b, (char)('a' + i % 26));
	assert_int_equal(b.n, 10000);
	assert_int_equal(strlen(b.at), 10000);
	assert_int_equal(b.at[9999], 'a' + 9999 % 26);
	buf_printf(&b, "%s-%d", "x", 7);
	assert_string_equal(b.at + 10000, "x-7");
	buf_add(&b, "n\0n", 3);
	assert_int_equal(b.n, 10006);
	buf_done(&b);
}

static void
a_buf_is_cut_at_both_ends(void **state)
{
	struct buf b = {0};
	char *s;

	(void)state;
	buf_str(&b, "abcdef");
	buf_drop(&b, 0);
	buf_drop(&b, 2);
	assert_string_equal(b.at, "cdef");
	buf_cut(&b, 3);
	assert_string_equal(b.at, "cde");
	buf_drop(&b, 3);
	assert_string_equal(b.at, "");
	buf_str(&b, "z");
	s = buf_take(&b);
	assert_string_equal(s, "z");
	assert_null(b.at);
	free(s);
}

/* ---------------------------------------------------------------- error */

static void
errors_are_one_safe_line(void **state)
{
	struct error err;

	(void)state;
	assert_int_equal(error_set(&err, CODE_INPUT, "cannot open '%s': %s", "a\033[2J\nb\x7f", "no"), -1);
	assert_int_equal(err.code, CODE_INPUT);
	assert_string_equal(err.what, "cannot open 'a?[2J?b?': no");
	assert_string_equal(err.hint, "");
	assert_int_equal(error_hint(&err, "try %d", 2), -1);
	assert_string_equal(err.hint, "try 2");
	error_set(&err, CODE_INPUT, "%s", "a\xc2\x9b" "2Jb\xc2\xa0");
	assert_string_equal(err.what, "a??2Jb\xc2\xa0");
	error_clear(&err);
	assert_int_equal(err.code, CODE_OK);
	assert_string_equal(err.what, "");
	assert_int_equal(error_set(NULL, CODE_INPUT, "nobody listens"), -1);
}

static void
a_long_error_ends_between_characters(void **state)
{
	struct error err;
	char path[2000];

	(void)state;
	for (size_t pad = 0; pad < 3; pad++) {
		memset(path, 'x', pad);
		for (size_t i = pad; i + 3 < sizeof path; i += 3)
			memcpy(path + i, "\xe7\x8c\xab", 4);
		error_set(&err, CODE_INPUT, "%s", path);
		assert_true(strlen(err.what) >= sizeof err.what - 4);
		assert_int_equal((strlen(err.what) - pad) % 3, 0);
	}
}

/* ---------------------------------------------------------------- file */

static char *
folder(void)
{
	char path[] = "base-test-XXXXXX";

	if (!mkdtemp(path))
		fail_msg("no folder for the test: %s", strerror(errno));
	return xstrndup(path, sizeof path - 1);
}

static void
files_are_replaced_and_read(void **state)
{
	char *dir = folder(), *path = xasprintf("%s/a", dir);
	struct buf b = {0};
	struct error err;
	struct stat st;

	(void)state;
	assert_false(file_exists(path));
	assert_int_equal(file_replace(path, "one", 3, 0600, &err), 0);
	assert_int_equal(file_replace(path, "two\0x", 5, 0600, &err), 0);
	assert_true(file_exists(path));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	buf_str(&b, "+");
	assert_int_equal(file_read(path, 5, &b, CODE_INPUT, &err), 0);
	assert_int_equal(b.n, 6);
	assert_memory_equal(b.at, "+two\0x", 6);
	assert_int_equal(file_read(path, 4, &b, CODE_INPUT, &err), -1);
	assert_non_null(strstr(err.what, "too large"));
	buf_done(&b);
	unlink(path);
	assert_int_equal(rmdir(dir), 0);                /* no temporary file is left */
	free(path);
	free(dir);
}

static void
what_is_no_file_is_refused(void **state)
{
	char *dir = folder(), *fifo = xasprintf("%s/fifo", dir), *none = xasprintf("%s/none/a", dir);
	struct buf b = {0};
	struct error err;

	(void)state;
	assert_int_equal(file_read(dir, 10, &b, CODE_MODEL, &err), -1);
	assert_int_equal(err.code, CODE_MODEL);
	assert_non_null(strstr(err.what, dir));
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(file_read(fifo, 10, &b, CODE_INPUT, &err), -1);
	assert_int_equal(file_read(none, 10, &b, CODE_INPUT, &err), -1);
	assert_non_null(strstr(err.what, "No such file"));
	assert_int_equal(file_replace(none, "x", 1, 0600, &err), -1);
	assert_int_equal(err.code, CODE_STORE);
	assert_int_equal(b.n, 0);
	unlink(fifo);
	rmdir(dir);
	buf_done(&b);
	free(none);
	free(fifo);
	free(dir);
}

static void
a_descriptor_is_read_to_its_end(void **state)
{
	struct buf b = {0};
	struct error err;
	int fd[2];

	(void)state;
	assert_int_equal(pipe(fd), 0);
	assert_int_equal(file_write_all(fd[1], "bytes", 5), 0);
	close(fd[1]);
	assert_int_equal(file_read_fd(fd[0], "standard input", 5, &b, CODE_INPUT, &err), 0);
	assert_string_equal(b.at, "bytes");
	close(fd[0]);
	assert_int_equal(file_read_fd(fd[0], "standard input", 5, &b, CODE_INPUT, &err), -1);
	assert_non_null(strstr(err.what, "standard input"));
	assert_int_equal(file_write_all(fd[1], "x", 1), -1);
	assert_int_equal(errno, EBADF);
	buf_done(&b);
}

static void
folders_are_made(void **state)
{
	char *dir = folder(), *deep = xasprintf("%s/a/b/c", dir), *file = xasprintf("%s/f", dir);
	char *under = xasprintf("%s/f/x", dir);
	struct error err;
	struct stat st;

	(void)state;
	assert_int_equal(file_make_dirs(deep, 0700, &err), 0);
	assert_int_equal(file_make_dirs(deep, 0700, &err), 0);
	assert_int_equal(stat(deep, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(file_replace(file, "", 0, 0600, &err), 0);
	assert_int_equal(file_make_dirs(under, 0700, &err), -1);
	unlink(file);
	while (strcmp(deep, dir) != 0) {
		rmdir(deep);
		*strrchr(deep, '/') = '\0';
	}
	assert_int_equal(rmdir(dir), 0);
	free(under);
	free(file);
	free(deep);
	free(dir);
}

static void
assert_expands(const char *path, const char *expected)
{
	char *got = file_expand_home(path);

	assert_string_equal(got, expected);
	free(got);
}

static void
assert_shortens(const char *path, const char *expected)
{
	char *got = file_shorten_home(path);

	assert_string_equal(got, expected);
	free(got);
}

static char *
aged_file(const char *dir, const char *name, size_t n, time_t changed)
{
	char *path = xasprintf("%s/%s", dir, name), *bytes = xcalloc(n, 1);
	struct timespec times[] = { { .tv_sec = changed }, { .tv_sec = changed } };

	assert_int_equal(file_replace(path, bytes, n, 0600, NULL), 0);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	free(bytes);
	return path;
}

static void
the_oldest_files_make_room(void **state)
{
	char *dir = folder(), *none = xasprintf("%s/none", dir);
	char *old = aged_file(dir, "c", 100, 1000), *mid = aged_file(dir, "a", 100, 2000), *new = aged_file(dir, "b", 100, 3000);
	struct error err;

	(void)state;
	assert_int_equal(file_make_room(none, 0, &err), 0);
	assert_int_equal(file_make_room(dir, 300, &err), 0);
	assert_true(file_exists(old));
	assert_int_equal(file_make_room(dir, 299, &err), 0);
	assert_false(file_exists(old));
	assert_true(file_exists(mid) && file_exists(new));
	assert_int_equal(file_make_room(dir, 100, &err), 0);
	assert_false(file_exists(mid));
	assert_true(file_exists(new));
	assert_int_equal(file_make_room(dir, 0, &err), 0);
	assert_false(file_exists(new));
	assert_int_equal(rmdir(dir), 0);
	free(none);
	free(old);
	free(mid);
	free(new);
	free(dir);
}

static void
home_is_expanded(void **state)
{
	(void)state;
	setenv("HOME", "/home/me", 1);
	assert_expands("~", "/home/me");
	assert_expands("~/a b", "/home/me/a b");
	assert_expands("~you/a", "~you/a");
	assert_expands("a/~", "a/~");
	assert_expands("", "");
	assert_shortens("/home/me", "~");
	assert_shortens("/home/me/a b", "~/a b");
	assert_shortens("/home/menu", "/home/menu");
	assert_shortens("/tmp", "/tmp");
}

/* ---------------------------------------------------------------- paths, clock */

static void
paths_follow_the_environment(void **state)
{
	struct paths p;
	struct error err;

	(void)state;
	unsetenv("IVCHAT_HOME");
	unsetenv("XDG_CONFIG_HOME");
	setenv("XDG_DATA_HOME", "/data", 1);
	setenv("XDG_STATE_HOME", "relative", 1);
	setenv("XDG_CACHE_HOME", "", 1);
	setenv("HOME", "/home/me", 1);
	assert_int_equal(paths_init(&p, &err), 0);
	assert_string_equal(p.config, "/home/me/.config/ivchat");
	assert_string_equal(p.data, "/data/ivchat");
	assert_string_equal(p.state, "/home/me/.local/state/ivchat");
	assert_string_equal(p.cache, "/home/me/.cache/ivchat");
	paths_done(&p);
	setenv("IVCHAT_HOME", "/own", 1);
	assert_int_equal(paths_init(&p, &err), 0);
	assert_string_equal(p.data, "/own/data");
	assert_string_equal(p.cache, "/own/cache");
	paths_done(&p);
	unsetenv("IVCHAT_HOME");
	unsetenv("HOME");
	assert_int_equal(paths_init(&p, &err), -1);
	assert_int_equal(err.code, CODE_STORE);
	assert_non_null(strstr(err.hint, "IVCHAT_HOME"));
	paths_done(&p);
}

static void
clocks_have_their_forms(void **state)
{
	char utc[32], stamp[16];
	int64_t before = clock_ms();
	int y, mo, d, h, mi, s, ms;
	char end;

	(void)state;
	clock_utc(utc);
	assert_int_equal(strlen(utc), 24);
	assert_int_equal(sscanf(utc, "%4d-%2d-%2dT%2d:%2d:%2d.%3d%c", &y, &mo, &d, &h, &mi, &s, &ms, &end), 8);
	assert_int_equal(end, 'Z');
	clock_stamp(stamp);
	assert_int_equal(strlen(stamp), 15);
	assert_int_equal(stamp[8], '-');
	assert_true(clock_ms() >= before);
}

static void
times_are_told_in_local_time(void **state)
{
	char utc[32], local[24];

	(void)state;
	setenv("TZ", "EST5", 1);
	tzset();
	clock_local("2020-03-01T02:05:59.123Z", local);
	assert_string_equal(local, "2020-02-29 21:05");
	clock_utc(utc);
	clock_local(utc, local);
	assert_int_equal(strlen(local), 5);
	clock_local("yesterday", local);
	assert_string_equal(local, "");
	clock_local("", local);
	assert_string_equal(local, "");
	unsetenv("TZ");
	tzset();
}

/* ---------------------------------------------------------------- base64 */

static void
base64_has_the_forms_of_the_standard(void **state)
{
	static const char *const pairs[][2] = {
		{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" }, { "\xff\xef\xbe", "/+++" },
	};
	struct buf out = {0};

	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		buf_clear(&out);
		base64_encode(&out, pairs[i][0], strlen(pairs[i][0]));
		assert_string_equal(out.at, pairs[i][1]);
		buf_clear(&out);
		assert_int_equal(base64_decode(&out, pairs[i][1], strlen(pairs[i][1])), 0);
		assert_string_equal(out.at, pairs[i][0]);
	}
	buf_done(&out);
}

static void
base64_is_read_with_spaces_and_without_padding(void **state)
{
	static const char *const bad[] = { "Z", "Zm9vY", "Zg=", "Zg===", "Z===", "Zg==Zg==", "Zm9-", "Zm9v\x01", "猫" };
	struct buf out = {0};

	(void)state;
	buf_str(&out, "+");
	assert_int_equal(base64_decode(&out, " Zm\r\n9v\tYg ", 11), 0);
	assert_string_equal(out.at, "+foob");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(base64_decode(&out, bad[i], strlen(bad[i])), -1);
		assert_string_equal(out.at, "+foob");
	}
	assert_int_equal(base64_decode(&out, "Zg==\0", 5), -1);
	buf_done(&out);
}

static void
base64_keeps_every_byte(void **state)
{
	unsigned char bytes[256];
	struct buf text = {0}, back = {0};

	(void)state;
	for (int i = 0; i < 256; i++)
		bytes[i] = (unsigned char)i;
	base64_encode(&text, bytes, sizeof bytes);
	assert_int_equal(base64_decode(&back, text.at, text.n), 0);
	assert_int_equal(back.n, sizeof bytes);
	assert_memory_equal(back.at, bytes, sizeof bytes);
	buf_done(&text);
	buf_done(&back);
}

/* ---------------------------------------------------------------- teams */

#define JOBS 40

/* Each job of a list writes who it is; the one job of the next list looks whether all of them have, and what comes behind
 * it whether that one has. */
struct counted {
	int done[3][JOBS];
	int seen;
};

static void
first_job(void *arg, int i)
{
	((struct counted *)arg)->done[0][i]++;
}

static void
look_job(void *arg, int i)
{
	struct counted *c = arg;

	for (int k = 0; k < JOBS; k++)
		c->seen += c->done[0][k];
	c->done[1][i]++;
}

static void
look_again(void *arg)
{
	struct counted *c = arg;

	c->seen += c->done[1][0];
}

static void
last_job(void *arg, int i)
{
	struct counted *c = arg;

	c->done[2][i] += c->seen;
}

static void
a_team_does_one_list_after_another(void **state)
{
	static const struct jobs lists[] = { { first_job, JOBS, NULL }, { look_job, 1, look_again }, { first_job, 0, NULL },
		{ last_job, JOBS, NULL } };

	(void)state;
	for (int n_threads = 0; n_threads <= 17; n_threads++)
		for (int again = 0; again < 20; again++) {
			struct counted c = {0};

			team_run(lists, 4, &c, n_threads);
			for (int i = 0; i < JOBS; i++) {
				assert_int_equal(c.done[0][i], 1);
				assert_int_equal(c.done[2][i], JOBS + 1);
			}
			assert_int_equal(c.done[1][0], 1);
		}
}

static void
a_team_without_jobs_returns(void **state)
{
	static const struct jobs none[] = { { first_job, 0, NULL } };

	(void)state;
	team_run(none, 1, NULL, 4);
	team_run(none, 0, NULL, 0);
	assert_in_range(team_usual(), 1, 16);
}

/* ---------------------------------------------------------------- large blocks */

static void
large_blocks_are_had_and_given_back(void **state)
{
	static const size_t sizes[] = { 0, 1, 100000, 1 << 20, (2 << 20) - 1, 2 << 20, 5000001 };

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		char *at = alloc_large(sizes[i]);

		assert_non_null(at);
		memset(at, 1, sizes[i]);
		free(at);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_buf),
		cmocka_unit_test(a_buf_with_room_is_a_text),
		cmocka_unit_test(a_buf_grows),
		cmocka_unit_test(a_buf_is_cut_at_both_ends),
		cmocka_unit_test(errors_are_one_safe_line),
		cmocka_unit_test(a_long_error_ends_between_characters),
		cmocka_unit_test(files_are_replaced_and_read),
		cmocka_unit_test(what_is_no_file_is_refused),
		cmocka_unit_test(a_descriptor_is_read_to_its_end),
		cmocka_unit_test(folders_are_made),
		cmocka_unit_test(the_oldest_files_make_room),
		cmocka_unit_test(home_is_expanded),
		cmocka_unit_test(paths_follow_the_environment),
		cmocka_unit_test(clocks_have_their_forms), cmocka_unit_test(times_are_told_in_local_time),
		cmocka_unit_test(base64_has_the_forms_of_the_standard),
		cmocka_unit_test(base64_is_read_with_spaces_and_without_padding),
		cmocka_unit_test(base64_keeps_every_byte),
		cmocka_unit_test(a_team_does_one_list_after_another),
		cmocka_unit_test(a_team_without_jobs_returns),
		cmocka_unit_test(large_blocks_are_had_and_given_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
