/* store_around.c: what lies around session files: lists and names, pictures, trash, history, the session used last. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/stat.h>
#include <sys/wait.h>
#include <utime.h>

#include "store_util.h"

/* A session file made by hand, so that its id and times are known. */
static void
put_file(struct fixture *f, const char *id, const char *at, const char *more)
{
	char *folder = xasprintf("%s/data/sessions/%.4s", f->dir, id), *path = xasprintf("%s/%s.jsonl", folder, id);
	char *text = xasprintf("{\"t\":\"session\",\"v\":1,\"id\":\"%s\",\"made\":\"2026-01-01T00:00:00.000Z\"}\n"
	    "{\"t\":\"user\",\"id\":1,\"up\":0,\"at\":\"%s\",\"pics\":[],\"text\":\"question of %s\"}\n%s", id, at, id, more);

	assert_int_equal(file_make_dirs(folder, 0700, NULL), 0);
	assert_int_equal(file_replace(path, text, strlen(text), 0600, NULL), 0);
	free(text);
	free(path);
	free(folder);
}

#define ID_A "20260101-000000-7f3a"
#define ID_B "20260102-000000-aaaa"
#define ID_C "20250103-000000-bbbb"

static void
put_three(struct fixture *f)
{
	put_file(f, ID_A, "2026-03-03T00:00:00.000Z", "{\"t\":\"name\",\"name\":\"old\"}\n{\"t\":\"name\",\"name\":\"my \\u001b[2J name\"}\n");
	put_file(f, ID_B, "2026-03-01T00:00:00.000Z", "{\"t\":\"name\",\"name\":\"7f3a\"}\n");
	put_file(f, ID_C, "2026-03-02T00:00:00.000Z",
	    "{\"t\":\"user\",\"id\":2,\"up\":1,\"at\":\"2026-03-02T01:00:00.000Z\",\"pics\":[{\"n\":1,\"sha\":\"x\"},"
	    "{\"n\":12,\"sha\":\"y\"}],\"text\":\"{\\\"n\\\":99\"}\n{\"t\":\"us");
}

static void
test_list(void **state)
{
	struct fixture *f = *state;
	struct session_info *list;
	char *stray = xasprintf("%s/data/sessions/2026/20260101-000000-7f3a.lock", f->dir);
	int n;

	assert_int_equal(store_list(f->store, &list, &n, NULL), 0);
	assert_int_equal(n, 0);
	session_list_free(list, n);
	put_three(f);
	assert_int_equal(file_replace(stray, "x", 1, 0600, NULL), 0);
	assert_int_equal(store_list(f->store, &list, &n, NULL), 0);
	assert_int_equal(n, 3);
	assert_string_equal(list[0].id, ID_A);
	assert_true(list[0].named);
	assert_null(strchr(list[0].title, '\033'));
	assert_non_null(strstr(list[0].title, "my "));
	assert_string_equal(list[1].id, ID_C);
	assert_string_equal(list[1].used, "2026-03-02T01:00:00.000Z");
	assert_string_equal(list[1].title, "question of " ID_C);
	assert_false(list[1].named);
	assert_int_equal(list[1].n_turns, 2);
	assert_int_equal(list[1].n_pics, 12);
	assert_string_equal(list[2].id, ID_B);
	assert_string_equal(list[2].made, "2026-01-01T00:00:00.000Z");
	session_list_free(list, n);
	free(stray);
}

static void
finds(struct fixture *f, const char *which, const char *want)
{
	struct error err = {0};
	char id[32];

	if (store_find(f->store, which, id, &err) < 0)
		fail_msg("'%s': %s", which, err.what);
	assert_string_equal(id, want);
}

static void
finds_none(struct fixture *f, const char *which, const char *why)
{
	struct error err = {0};
	char id[32];

	assert_int_equal(store_find(f->store, which, id, &err), -1);
	assert_int_equal(err.code, CODE_INPUT);
	if (!strstr(err.what, why))
		fail_msg("'%s' does not say '%s'", err.what, why);
}

static void
test_find(void **state)
{
	struct fixture *f = *state;

	finds_none(f, "last", "no session yet");
	finds_none(f, "7f3a", "no session");
	put_three(f);
	finds(f, ID_B, ID_B);
	finds(f, "2025", ID_C);
	finds(f, "20260101", ID_A);
	finds(f, "bbbb", ID_C);
	finds(f, "7f3a", ID_B);                         /* a name comes before the end of an id */
	finds(f, "my \033[2J name", ID_A);
	finds_none(f, "2026", "fits 2 sessions: ");
	finds_none(f, "old", "no session 'old'");       /* not its name any more */
	finds_none(f, "", "no session");
	finds_none(f, "20260101-000000-ffff", "no session");
	finds(f, "last", ID_A);
	finds(f, "last~1", ID_C);
	finds(f, "last~2", ID_B);
	finds_none(f, "last~3", "there are 3");
	finds_none(f, "last~", "no session");
	assert_int_equal(store_set_last(f->store, ID_B, NULL), 0);
	finds(f, "last", ID_B);
	finds(f, "last~1", ID_A);
	finds(f, "last~2", ID_C);
	assert_int_equal(store_set_last(f->store, "", NULL), 0);        /* a session that has no file: nothing changes */
	finds(f, "last", ID_B);
	assert_int_equal(store_set_last(f->store, "20200101-000000-0000", NULL), 0);     /* gone since */
	finds(f, "last", ID_A);
}

static void
test_trash(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	struct utimbuf old = { 1000, 1000 };
	char *path = xasprintf("%s/data/trash/" ID_C ".jsonl", f->dir), id[32];
	int n;

	put_three(f);
	assert_int_equal(store_trash(f->store, ID_A, &err), 0);
	assert_int_equal(store_trash(f->store, ID_C, &err), 0);
	assert_int_equal(store_trash(f->store, ID_C, &err), -1);
	assert_int_equal(err.code, CODE_INPUT);
	assert_int_equal(store_find(f->store, ID_A, id, &err), -1);
	assert_int_equal(store_restore(f->store, "7f3a", &err), 0);
	finds(f, ID_A, ID_A);
	assert_int_equal(store_restore(f->store, "7f3a", &err), -1);
	assert_int_equal(store_empty_trash(f->store, 30, &n, &err), 0);
	assert_int_equal(n, 0);
	utime(path, &old);
	assert_int_equal(store_empty_trash(f->store, 30, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_int_equal(store_restore(f->store, ID_C, &err), -1);
	finds(f, ID_B, ID_B);
	free(path);
}

/* What was computed of a session goes when it does, and again when it goes for good. */
static void
test_snapshots_go_along(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	char *folder = xasprintf("%s/cache/kv", f->dir), *path = store_snapshot_path(f->store, ID_A);
	char *part = xasprintf("%s.part", path), *other = store_snapshot_path(f->store, ID_B);
	int n;

	put_three(f);
	assert_int_equal(file_make_dirs(folder, 0700, &err), 0);
	assert_int_equal(file_replace(path, "x", 1, 0600, &err), 0);
	assert_int_equal(file_replace(part, "x", 1, 0600, &err), 0);
	assert_int_equal(file_replace(other, "x", 1, 0600, &err), 0);
	assert_int_equal(store_trash(f->store, ID_A, &err), 0);
	assert_false(file_exists(path));
	assert_false(file_exists(part));
	assert_int_equal(file_replace(path, "x", 1, 0600, &err), 0);
	assert_int_equal(store_empty_trash(f->store, 0, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_false(file_exists(path));
	assert_true(file_exists(other));
	free(folder);
	free(path);
	free(part);
	free(other);
}

/* ---- pictures */

static void
make_picture(struct picture *p)
{
	struct buf bytes = {0};

	buf_add(&bytes, "P6 1 1 255\nabc", 14);
	assert_int_equal(picture_decode_take(p, "a.ppm", &bytes, ORIENT_APPLY, NULL), 0);
}

static void
test_pictures(void **state)
{
	struct fixture *f = *state;
	struct picture p;
	struct pic pic = { .n = 1 };
	struct buf out = {0};
	struct error err = {0};
	struct stat st;
	char *path;

	make_picture(&p);
	memcpy(pic.sha, p.sha, sizeof pic.sha);
	buf_str(&out, "before");
	assert_int_equal(store_get_picture(f->store, &pic, &out, &err), -1);
	assert_int_equal(err.code, CODE_INPUT);
	assert_int_equal(store_put_picture(f->store, &p, &err), 0);
	assert_int_equal(store_put_picture(f->store, &p, &err), 0);
	assert_int_equal(store_get_picture(f->store, &pic, &out, &err), 0);
	assert_string_equal(buf_text(&out), "beforeP6 1 1 255\nabc");
	path = xasprintf("%s/data/pictures/%.2s/%s.pnm", f->dir, p.sha, p.sha);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0400);

	assert_int_equal(file_replace(path, "P6 1 1 255\nabd", 14, 0400, NULL), 0);
	assert_int_equal(store_get_picture(f->store, &pic, &out, &err), -1);
	assert_non_null(strstr(err.what, "damaged"));
	assert_string_equal(buf_text(&out), "beforeP6 1 1 255\nabc");
	memcpy(pic.sha, "../../../etc", 13);
	assert_int_equal(store_get_picture(f->store, &pic, &out, &err), -1);
	buf_done(&out);
	picture_done(&p);
	free(path);
}

/* ---- history */

static void
check_history(struct fixture *f, int want_n, const char *first, const char *last)
{
	char **lines;
	int n;

	assert_int_equal(store_history_read(f->store, &lines, &n, NULL), 0);
	assert_int_equal(n, want_n);
	if (n > 0) {
		assert_string_equal(lines[0], first);
		assert_string_equal(lines[n - 1], last);
	}
	for (int i = 0; i < n; i++)
		free(lines[i]);
	free(lines);
}

static void
test_history(void **state)
{
	struct fixture *f = *state;
	char *path = xasprintf("%s/state/history", f->dir), line[32];
	struct buf file = {0};
	struct stat st;

	check_history(f, 0, NULL, NULL);
	assert_int_equal(store_history_add(f->store, "two\nlines \\ and \\n \r", 10000, NULL), 0);
	assert_int_equal(store_history_add(f->store, " secret", 10000, NULL), 0);
	assert_int_equal(store_history_add(f->store, "", 10000, NULL), 0);
	assert_int_equal(store_history_add(f->store, "猫", 10000, NULL), 0);
	check_history(f, 2, "two\nlines \\ and \\n \r", "猫");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(file_read(path, 1000, &file, CODE_STORE, NULL), 0);
	assert_null(strstr(file.at, "secret"));
	buf_done(&file);
	assert_int_equal(file_replace(path, "torn", 4, 0600, NULL), 0);
	for (int i = 0; i < 20; i++) {
		snprintf(line, sizeof line, "line %d", i);
		assert_int_equal(store_history_add(f->store, line, 5, NULL), 0);
	}
	check_history(f, 5, "line 15", "line 19");
	free(path);
}

/* Four programs append and trim at once: what stands of each is its last entries, whole and without a hole. */
static void
test_history_together(void **state)
{
	struct fixture *f = *state;
	char **lines, line[64];
	int n, next[4] = {0};

	for (int c = 0; c < 4; c++)
		if (fork() == 0) {
			for (int i = 0; i < 25; i++) {
				snprintf(line, sizeof line, "child %d entry %d", c, i);
				store_history_add(f->store, line, 40, NULL);
			}
			_exit(0);
		}
	while (wait(NULL) > 0)
		;
	assert_int_equal(store_history_read(f->store, &lines, &n, NULL), 0);
	assert_true(n >= 40 && n <= 45);
	for (int i = 0; i < n; i++) {
		int child = 0, entry;

		assert_int_equal(sscanf(lines[i], "child %d entry %d", &child, &entry), 2);
		assert_true(next[child] == 0 || entry == next[child]);
		next[child] = entry + 1;
		free(lines[i]);
	}
	for (int c = 0; c < 4; c++)
		assert_true(next[c] == 0 || next[c] == 25);
	free(lines);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_list, setup, teardown),
		cmocka_unit_test_setup_teardown(test_find, setup, teardown),
		cmocka_unit_test_setup_teardown(test_trash, setup, teardown),
		cmocka_unit_test_setup_teardown(test_snapshots_go_along, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pictures, setup, teardown),
		cmocka_unit_test_setup_teardown(test_history, setup, teardown),
		cmocka_unit_test_setup_teardown(test_history_together, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
