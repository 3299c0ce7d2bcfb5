/* store_writer.c: writers that are killed, meet, or find the disk full. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "store/internal.h"
#include "store_util.h"

static void
pause_ms(int ms)
{
	usleep((useconds_t)ms * 1000);
}

static char *
lock_of(struct fixture *f, const char *id)
{
	return session_path(f->store, id, ".lock");
}

/* The child: a question, two parts more than a second apart, and text that no part holds yet; then it waits for death. */
static void
stream_and_wait(struct store *s, int ready)
{
	struct chat *c = chat_new();
	struct session *w = session_new(s, c);
	struct message *m;

	session_put_user(w, say(c, "question"), NULL);
	m = chat_add_answer(c);
	message_append(m, "first \xe7\x8c", 8);         /* the last character is not whole yet */
	session_put_part(w, m, NULL);
	message_append(m, "\xab second", 8);
	session_put_part(w, m, NULL);                   /* too early: not written */
	pause_ms(1050);
	session_put_part(w, m, NULL);
	message_append(m, " lost", 5);
	session_put_part(w, m, NULL);
	if (write(ready, c->id, 32) == 32)
		pause();
	_exit(0);
}

static void
test_kill_while_streaming(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	struct session *w;
	struct chat *c;
	char id[32], *lock;
	int ready[2], n_bad;
	pid_t child;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0)
		stream_and_wait(f->store, ready[1]);
	assert_int_equal(read(ready[0], id, 32), 32);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	close(ready[0]);
	close(ready[1]);

	c = store_read(f->store, id, &n_bad, NULL, &err);
	assert_non_null(c);
	assert_int_equal(n_bad, 0);
	assert_int_equal(c->n_messages, 2);
	assert_string_equal(c->messages[0].text, "question");
	assert_string_equal(c->messages[1].text, "first \xe7\x8c\xab second");
	assert_int_equal(c->messages[1].stop, STOP_NONE);
	assert_int_equal(c->head, 2);

	lock = lock_of(f, id);
	assert_true(file_exists(lock));                 /* the dead one's, taken over now */
	w = session_resume(f->store, c, &err);
	assert_non_null(w);
	assert_int_equal(session_put_user(w, say(c, "next"), &err), 0);
	session_close(w);
	assert_false(file_exists(lock));
	chat_free(c);
	c = store_read(f->store, id, &n_bad, NULL, &err);
	assert_int_equal(c->messages[2].up, 2);
	chat_free(c);
	free(lock);
}

static void
test_parts_are_void_after_answer(void **state)
{
	struct fixture *f = *state;
	struct chat *c = chat_new(), *back;
	struct session *w = session_new(f->store, c);
	struct message *m;

	session_put_user(w, say(c, "q"), NULL);
	m = reply(c, "half");
	session_put_part(w, m, NULL);
	message_set_text(m, "whole", 5);
	session_put_answer(w, m, NULL);
	session_close(w);
	back = store_read(f->store, c->id, NULL, NULL, NULL);
	assert_int_equal(back->n_messages, 2);
	assert_string_equal(back->messages[1].text, "whole");
	assert_int_equal(back->messages[1].stop, STOP_EOS);
	chat_free(back);
	chat_free(c);
}

static void
hold(struct fixture *f, const char *id, int ready)
{
	struct chat *c = store_read(f->store, id, NULL, NULL, NULL);
	struct session *w = session_resume(f->store, c, NULL);
	char ok = w != NULL;

	if (write(ready, &ok, 1) == 1)
		pause();
	_exit(0);
}

static void
test_two_writers(void **state)
{
	struct fixture *f = *state;
	struct chat *c = stored_turn(f->store, "one", "two");
	struct error err = {0};
	struct session *w;
	char ok = 0, pid[32];
	int ready[2];
	pid_t child;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0)
		hold(f, c->id, ready[1]);
	assert_int_equal(read(ready[0], &ok, 1), 1);
	assert_int_equal(ok, 1);
	assert_null(session_resume(f->store, c, &err));
	assert_int_equal(err.code, CODE_STORE);
	snprintf(pid, sizeof pid, "process %d on ", (int)child);
	assert_non_null(strstr(err.what, pid));
	assert_true(err.hint[0] != '\0');
	assert_int_equal(store_trash(f->store, c->id, &err), -1);       /* nor thrown away */
	assert_int_equal(err.code, CODE_STORE);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	close(ready[0]);
	close(ready[1]);
	w = session_resume(f->store, c, &err);
	assert_non_null(w);
	session_close(w);
	chat_free(c);
}

/* Reading along sees each whole line once; what is still being written, or was cut off again, not at all. */
static void
test_follow(void **state)
{
	struct fixture *f = *state;
	struct chat *c = stored_turn(f->store, "one", "two");
	struct session *w = session_resume(f->store, c, NULL);
	struct follower *r = store_follow(f->store, c->id, NULL);
	struct message *m;
	char *path;
	int fd;

	assert_non_null(w);
	assert_non_null(r);
	assert_int_equal(follower_writer(r), WRITER_HERE);
	assert_int_equal(follower_chat(r)->n_messages, 2);
	assert_false(follower_step(r));
	assert_int_equal(session_put_user(w, say(c, "three"), NULL), 0);
	m = chat_add_answer(c);
	message_append(m, "fo", 2);
	assert_int_equal(session_put_part(w, m, NULL), 0);
	assert_true(follower_step(r));
	assert_false(follower_step(r));
	assert_int_equal(follower_chat(r)->n_messages, 4);
	assert_string_equal(follower_chat(r)->messages[3].text, "fo");
	assert_int_equal(follower_chat(r)->messages[3].stop, STOP_NONE);

	assert_int_equal(store_path(f->store, c->id, &path, NULL), 0);
	fd = open(path, O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, "{\"t\":\"na", 8), 8);
	assert_false(follower_step(r));
	assert_int_equal(ftruncate(fd, lseek(fd, 0, SEEK_END) - 8), 0);
	message_append(m, "ur", 2);
	m->stop = STOP_EOS;
	assert_int_equal(session_put_answer(w, m, NULL), 0);
	assert_true(follower_step(r));
	assert_string_equal(follower_chat(r)->messages[3].text, "four");
	assert_int_equal(follower_chat(r)->messages[3].stop, STOP_EOS);
	assert_int_equal(follower_chat(r)->head, 4);

	session_close(w);
	assert_int_equal(follower_writer(r), WRITER_NONE);
	close(fd);
	free(path);
	chat_free(follower_close(r));
	chat_free(c);
}

static void
test_two_in_one_process(void **state)
{
	struct fixture *f = *state;
	struct chat *c = stored_turn(f->store, "one", "two"), *again = store_read(f->store, c->id, NULL, NULL, NULL);
	struct session *w = session_resume(f->store, c, NULL);
	struct error err = {0};

	assert_null(session_resume(f->store, again, &err));
	assert_int_equal(err.code, CODE_STORE);
	assert_int_equal(session_put_user(w, say(c, "x"), &err), 0);    /* and the first goes on */
	session_close(w);
	chat_free(again);
	chat_free(c);
}

/* Resumes over a lock file with this text: true when the writer's place was given. */
static bool
resumes_over(struct fixture *f, struct chat *c, const char *text, struct error *err)
{
	char *lock = lock_of(f, c->id);
	struct session *w;

	unlink(lock);
	assert_int_equal(file_replace(lock, text, strlen(text), 0600, NULL), 0);
	w = session_resume(f->store, c, err);
	session_close(w);
	free(lock);
	return w != NULL;
}

static void
test_lock_files(void **state)
{
	struct fixture *f = *state;
	struct chat *c = stored_turn(f->store, "one", "two");
	struct error err = {0};
	char host[256], text[320], *lock = lock_of(f, c->id);
	pid_t dead = fork();

	if (dead == 0)
		_exit(0);
	waitpid(dead, NULL, 0);
	gethostname(host, sizeof host);
	snprintf(text, sizeof text, "%s %d 0\n", host, (int)dead);
	assert_true(resumes_over(f, c, text, &err));
	snprintf(text, sizeof text, "%s %d 1\n", host, (int)getppid());         /* the pid lives, but as another process */
	assert_true(resumes_over(f, c, text, &err));
	assert_true(resumes_over(f, c, "", &err));
	assert_true(resumes_over(f, c, "\x01 garbage", &err));
	snprintf(text, sizeof text, "%s %d 0\n", host, (int)getppid());         /* alive, as far as anybody can tell */
	assert_false(resumes_over(f, c, text, &err));
	assert_int_equal(err.code, CODE_STORE);
	assert_false(resumes_over(f, c, "elsewhere.example 1 5\n", &err));
	assert_int_equal(err.code, CODE_STORE);
	assert_non_null(strstr(err.what, "elsewhere.example"));
	assert_non_null(strstr(err.hint, lock));
	chat_free(c);
	free(lock);
}

static off_t
size_of(struct fixture *f, const char *id)
{
	char *path;
	struct stat st;

	assert_int_equal(store_path(f->store, id, &path, NULL), 0);
	assert_int_equal(stat(path, &st), 0);
	free(path);
	return st.st_size;
}

/* No file may grow beyond this: the kernel cuts the write there and fails the next one, as a full disk does. */
static void
limit_files(rlim_t bytes)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void
test_full_disk(void **state)
{
	struct fixture *f = *state;
	struct chat *c = stored_turn(f->store, "one", "two"), *back;
	struct session *w = session_resume(f->store, c, NULL);
	struct error err = {0};
	off_t before = size_of(f, c->id);
	int n_bad;

	for (rlim_t room = 0; room < 60; room += 7) {
		limit_files((rlim_t)before + room);
		assert_int_equal(session_put_user(w, say(c, "three"), &err), -1);
		assert_int_equal(err.code, CODE_STORE);
		assert_int_equal(session_put_head(w, 1, &err), -1);
		assert_int_equal(session_n_waiting(w), 2);
		assert_int_equal(size_of(f, c->id), before);            /* the torn piece is gone again */
		limit_files(RLIM_INFINITY);
		chat_set_head(c, 1);
		assert_int_equal(session_put_answer(w, reply(c, "four"), &err), 0);
		assert_int_equal(session_n_waiting(w), 0);
		before = size_of(f, c->id);
	}
	session_close(w);
	back = store_read(f->store, c->id, &n_bad, NULL, NULL);
	assert_int_equal(n_bad, 0);
	assert_int_equal(back->n_messages, c->n_messages);
	for (int i = 0; i < c->n_messages; i++) {
		assert_string_equal(back->messages[i].text, c->messages[i].text);
		assert_int_equal(back->messages[i].up, c->messages[i].up);
	}
	chat_free(back);
	chat_free(c);
}

static void
test_part_on_a_full_disk(void **state)
{
	struct fixture *f = *state;
	struct chat *c = stored_turn(f->store, "one", "two"), *back;
	struct session *w = session_resume(f->store, c, NULL);
	struct message *m;
	int n_bad;

	session_put_user(w, say(c, "three"), NULL);
	m = chat_add_answer(c);
	message_append(m, "abc", 3);
	limit_files((rlim_t)size_of(f, c->id) + 10);
	assert_int_equal(session_put_part(w, m, NULL), -1);
	limit_files(RLIM_INFINITY);
	message_append(m, "def", 3);
	pause_ms(1050);
	assert_int_equal(session_put_part(w, m, NULL), 0);
	back = store_read(f->store, c->id, &n_bad, NULL, NULL);
	assert_int_equal(n_bad, 0);
	assert_string_equal(back->messages[3].text, "abcdef");
	session_close(w);
	chat_free(back);
	chat_free(c);
}

static void
test_no_folder_then_one(void **state)
{
	struct fixture *f = *state;
	struct chat *c = chat_new(), *back;
	struct session *w = session_new(f->store, c);
	struct error err = {0};

	assert_int_equal(file_replace(f->paths.data, "in the way", 10, 0600, NULL), 0);
	assert_int_equal(session_put_user(w, say(c, "one"), &err), -1);
	assert_int_equal(err.code, CODE_STORE);
	assert_string_equal(c->id, "");
	assert_int_equal(session_put_answer(w, reply(c, "two"), &err), -1);
	assert_int_equal(session_n_waiting(w), 2);
	unlink(f->paths.data);
	assert_int_equal(session_retry(w, &err), 0);
	assert_int_equal(session_n_waiting(w), 0);
	session_close(w);
	back = store_read(f->store, c->id, NULL, NULL, NULL);
	assert_int_equal(back->n_messages, 2);
	chat_free(back);
	chat_free(c);
}

static void
test_nothing_said_makes_no_file(void **state)
{
	struct fixture *f = *state;
	struct chat *c = chat_new();
	struct session *w = session_new(f->store, c);

	assert_int_equal(session_put_name(w, "name", NULL), 0);
	assert_int_equal(session_put_system(w, &(struct system_change){ 0, NULL }, NULL), 0);
	assert_int_equal(session_n_waiting(w), 0);
	session_close(w);
	assert_false(file_exists(f->paths.data));
	chat_free(c);
}

static void
test_ids_collide(void **state)
{
	struct fixture *f = *state;
	char a[32], b[32];
	int fds[2] = { session_create(f->store, 0xffff, a, NULL), session_create(f->store, 0xffff, b, NULL) };

	assert_true(fds[0] >= 0 && fds[1] >= 0);
	assert_string_not_equal(a, b);
	if (strncmp(a, b, 15) == 0)             /* the same second: counted on, around the end */
		assert_string_equal(b + 15, "-0000");
	close(fds[0]);
	close(fds[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_kill_while_streaming, setup, teardown),
		cmocka_unit_test_setup_teardown(test_parts_are_void_after_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two_writers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_follow, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two_in_one_process, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lock_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_disk, setup, teardown),
		cmocka_unit_test_setup_teardown(test_part_on_a_full_disk, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_folder_then_one, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_said_makes_no_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ids_collide, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
