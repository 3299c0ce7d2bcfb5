/* store_session.c: what was said is what is read: round trips, torn and unreadable lines, newer versions. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <locale.h>
#include <sys/stat.h>

#include "store_util.h"

static struct chat *
read_back(struct store *s, const char *id, int *n_bad)
{
	struct error err = {0};
	struct chat *c = store_read(s, id, n_bad, NULL, &err);

	if (!c)
		fail_msg("%s", err.what);
	return c;
}

static char *
path_of(struct store *s, const char *id)
{
	char *path;

	assert_int_equal(store_path(s, id, &path, NULL), 0);
	return path;
}

static void
append(struct store *s, const char *id, const char *bytes, size_t n)
{
	char *path = path_of(s, id);
	int fd = open(path, O_WRONLY | O_APPEND);

	assert_int_equal(file_write_all(fd, bytes, n), 0);
	close(fd);
	free(path);
}

static void
read_bytes(struct store *s, const char *id, struct buf *out)
{
	char *path = path_of(s, id);

	assert_int_equal(file_read(path, 1 << 20, out, CODE_STORE, NULL), 0);
	free(path);
}

static void
check_full_answer(const struct message *m)
{
	assert_int_equal(m->stop, STOP_LENGTH);
	assert_true(m->sampling.temp == 0.7f && m->sampling.top_p == 0.95f && m->sampling.repeat_penalty == 1.1f);
	assert_int_equal(m->sampling.top_k, 40);
	assert_true(m->sampling.seed == UINT64_MAX);
	assert_int_equal(m->max_tokens, 512);
	assert_int_equal(m->n_ids, 3);
	assert_int_equal(m->ids[2], 63999);
	assert_int_equal(m->ms[2], 300);
	assert_int_equal(m->n_prompt, 283);
	assert_int_equal(m->n_reused, 17);
	assert_int_equal(m->n_segs, 3);
	assert_true(m->segs[0].kind == SEG_PREFILL && m->segs[0].begin == 0 && m->segs[0].end == 12 && m->segs[0].to == 20);
	assert_true(m->segs[1].kind == SEG_DECODE && m->segs[1].begin == 12 && m->segs[1].end == 17 && m->segs[1].to == 17);
	assert_true(m->segs[2].kind == SEG_PREFILL && m->segs[2].begin == 17 && m->segs[2].end == 283);
	assert_string_equal(m->build, "0.1 (abc)");
	assert_string_equal(m->device, "cpu, 2 threads");
}

static void
test_all_fields(void **state)
{
	struct fixture *f = *state;
	struct pic pic = { .sha = "ab", .name = (char *)"a \"b\"\n.png", .type = (char *)"image/png", .width = 7, .height = 9 };
	struct chat *c = chat_new(), *back;
	struct session *w = session_new(f->store, c);
	struct message *m;

	chat_set_name(c, "two\twords\033[2J");
	c->model_name = xstrdup("tiny");
	assert_int_equal(session_put_name(w, c->name, NULL), 0);
	assert_string_equal(c->id, "");         /* nothing said: no file */
	m = chat_add_user(c, "q", 1, &pic, 1);
	assert_int_equal(session_put_user(w, m, NULL), 0);
	m = reply(c, "猫 \"x\" \\ \x7f \xc2\x85 done");
	m->stop = STOP_LENGTH;
	m->sampling = (struct sampling){ .temp = 0.7f, .top_p = 0.95f, .top_k = 40, .repeat_penalty = 1.1f, .seed = UINT64_MAX };
	m->max_tokens = 512;
	message_add_id(m, 1, 100);
	message_add_id(m, 2, 200);
	message_add_id(m, 63999, 300);
	m->n_prompt = 283;
	m->n_reused = 17;
	message_set_segs(m, (const struct seg[]){ { SEG_PREFILL, 0, 12, 20 }, { SEG_DECODE, 12, 17, 17 },
	                    { SEG_PREFILL, 17, 283, 283 } }, 3);
	m->build = xstrdup("0.1 (abc)");
	m->device = xstrdup("cpu, 2 threads");
	assert_int_equal(session_put_answer(w, m, NULL), 0);
	chat_set_system(c, "be brief");
	assert_int_equal(session_put_system(w, &c->systems[0], NULL), 0);
	assert_int_equal(session_put_note(w, chat_add_note(c, 2, NULL, "a\0\n\"猫", 7), NULL), 0);
	chat_set_head(c, 1);
	assert_int_equal(session_put_head(w, 1, NULL), 0);
	session_close(w);

	back = read_back(f->store, c->id, NULL);
	assert_int_equal(back->n_messages, 2);
	assert_int_equal(back->head, 1);
	assert_string_equal(back->name, "two\twords\033[2J");
	assert_string_equal(back->model_name, "tiny");
	assert_string_equal(back->made, c->made);
	assert_string_equal(back->messages[0].pics[0].name, pic.name);
	assert_int_equal(back->messages[0].pics[0].n, 1);
	assert_int_equal(back->messages[0].pics[0].height, 9);
	assert_string_equal(back->messages[1].text, c->messages[1].text);
	assert_string_equal(back->messages[1].at, c->messages[1].at);
	check_full_answer(&back->messages[1]);
	assert_string_equal(chat_system(back, 2), "be brief");
	assert_int_equal(back->n_notes, 1);
	assert_int_equal(back->notes[0].up, 2);
	assert_string_equal(back->notes[0].at, c->notes[0].at);
	assert_int_equal(back->notes[0].text_n, 7);
	assert_memory_equal(back->notes[0].text, "a\0\n\"猫", 7);
	chat_free(back);
	chat_free(c);
}

/* Drops, pins, an answer that went on and one that was edited; records that cannot be true change nothing. */
static void
test_talking(void **state)
{
	static const char bad[] = "{\"t\":\"drop\",\"up\":-1,\"ids\":[1]}\n{\"t\":\"drop\",\"ids\":7}\n"
	    "{\"t\":\"pin\",\"id\":2,\"on\":true}\n{\"t\":\"pin\",\"id\":99,\"on\":true}\n"
	    "{\"t\":\"note\",\"up\":-1,\"text\":\"\"}\n{\"t\":\"note\",\"up\":1,\"text\":null}\n"
	    "{\"t\":\"note\",\"text\":\"a\"}\n{\"t\":\"drop\",\"ids\":[99,-4,\"x\"]}\n";
	struct fixture *f = *state;
	struct chat *c = stored_turn(f->store, "one", "half"), *back;
	struct session *w = session_resume(f->store, c, NULL);
	struct message *m;
	bool *left_out;
	int n_bad;

	assert_non_null(w);
	c->messages[1].stop = STOP_USER;
	message_add_id(&c->messages[1], 7, 10);
	m = chat_add_continued(c, 2);
	message_append(m, " and more", 9);
	message_add_id(m, 8, 20);
	m->stop = STOP_LENGTH;
	m->n_prompt = 12;
	assert_int_equal(session_put_answer(w, m, NULL), 0);
	m = chat_add_as(c, 4, 1, ROLE_ANSWER);
	message_set_text(m, "mine", 4);
	m->stop = STOP_USER;
	m->edited = true;
	assert_int_equal(session_put_answer(w, m, NULL), 0);
	assert_int_equal(session_put_user(w, say(c, "two"), NULL), 0);
	chat_add_drop(c, 4, (const int[]){ 1 }, 1);
	assert_int_equal(session_put_drop(w, &c->drops[0], NULL), 0);
	assert_int_equal(session_put_pin(w, 5, true, NULL), 0);
	assert_int_equal(session_put_pin(w, 1, true, NULL), 0);
	assert_int_equal(session_put_pin(w, 1, false, NULL), 0);
	session_close(w);
	append(f->store, c->id, bad, sizeof bad - 1);

	back = read_back(f->store, c->id, &n_bad);
	assert_int_equal(n_bad, 7);
	assert_int_equal(back->n_messages, 5);
	assert_string_equal(back->messages[2].text, "half and more");
	assert_int_equal(back->messages[2].cont, 2);
	assert_int_equal(back->messages[2].n_given, 1);
	assert_int_equal(back->messages[2].n_ids, 2);
	assert_false(back->messages[2].edited);
	assert_true(back->messages[3].edited);
	assert_true(back->messages[4].pinned);
	assert_false(back->messages[0].pinned);
	assert_int_equal(back->n_drops, 2);
	assert_int_equal(back->drops[0].up, 4);
	left_out = chat_left_out(back, 4);
	assert_true(left_out[1] && left_out[4] && !left_out[5] && !left_out[3]);
	free(left_out);
	chat_free(back);
	chat_free(c);
}

/* What stands in the file: first line under 1 KiB, text last and readable, control characters escaped, bad UTF-8 mended. */
static void
test_bytes_of_file(void **state)
{
	struct fixture *f = *state;
	struct chat *c = chat_new(), *back;
	struct session *w = session_new(f->store, c);
	struct buf file = {0};
	struct message *m;

	c->model_name = xmalloc(5000);
	memset(c->model_name, 'm', 4999);
	c->model_name[4999] = '\0';
	say(c, "");
	message_set_text(&c->messages[0], "a\0b\xff\xe7\x8c\x1b 猫", 11);
	assert_int_equal(session_put_user(w, &c->messages[0], NULL), 0);
	m = reply(c, "fine");
	assert_int_equal(session_put_answer(w, m, NULL), 0);
	session_close(w);
	read_bytes(f->store, c->id, &file);
	assert_true(strchr(file.at, '\n') - file.at < 1024);
	assert_non_null(strstr(file.at, "\"pics\":[],\"text\":\"a\\u0000b\xef\xbf\xbd"));
	assert_non_null(strstr(file.at, "\\u001b 猫\"}\n"));
	assert_non_null(strstr(file.at, "\"text\":\"fine\"}\n"));
	back = read_back(f->store, c->id, NULL);
	assert_memory_equal(back->messages[0].text, "a\0b\xef\xbf\xbd", 6);
	chat_free(back);
	chat_free(c);
	buf_done(&file);
}

static void
test_comma_locale(void **state)
{
	struct fixture *f = *state;
	struct chat *c = chat_new(), *back;
	struct session *w = session_new(f->store, c);
	struct message *m;
	bool comma = setlocale(LC_NUMERIC, "de_DE.UTF-8") || setlocale(LC_NUMERIC, "fr_FR.UTF-8");

	session_put_user(w, say(c, "q"), NULL);
	m = reply(c, "a");
	m->sampling.temp = 0.25f;
	session_put_answer(w, m, NULL);
	session_close(w);
	setlocale(LC_NUMERIC, "C");
	back = read_back(f->store, c->id, NULL);
	assert_int_equal(back->n_messages, 2);
	assert_true(back->messages[1].sampling.temp == 0.25f);
	chat_free(back);
	chat_free(c);
	if (!comma)
		print_message("no locale with a decimal comma is installed: only the point was tried\n");
}

/* The last record cut at every byte: the turn before it always stays, resuming always works, and what follows is read. */
static void
test_torn_at_every_byte(void **state)
{
	struct fixture *f = *state;
	struct chat *c = stored_turn(f->store, "first", "whole"), *back;
	struct buf file = {0};
	char *path = path_of(f->store, c->id);
	size_t start;
	int n_bad;

	read_bytes(f->store, c->id, &file);
	start = (size_t)((char *)memrchr(file.at, '\n', file.n - 1) + 1 - file.at);
	for (size_t cut = start; cut <= file.n; cut++) {
		bool whole = cut >= file.n - 1;         /* only its newline is missing */
		struct error err = {0};
		struct session *w;

		assert_int_equal(file_replace(path, file.at, cut, 0600, &err), 0);
		back = read_back(f->store, c->id, &n_bad);
		assert_int_equal(n_bad, 0);
		assert_int_equal(back->n_messages, whole ? 2 : 1);
		w = session_resume(f->store, back, &err);
		assert_non_null(w);
		assert_int_equal(session_put_user(w, say(back, "again"), &err), 0);
		session_close(w);
		chat_free(back);
		back = read_back(f->store, c->id, &n_bad);
		assert_int_equal(n_bad, 0);
		assert_int_equal(back->n_messages, whole ? 3 : 2);
		assert_string_equal(back->messages[back->n_messages - 1].text, "again");
		chat_free(back);
	}
	chat_free(c);
	buf_done(&file);
	free(path);
}

static void
test_unreadable_in_the_middle(void **state)
{
	static const char *const bad[] = {
		"garbage\n", "{\"t\":\"user\"}\n", "{\"t\":\"user\",\"id\":2000000000,\"up\":0,\"text\":\"x\"}\n", "[]\n",
		"{\"t\":\"answer\",\"id\":3,\"up\":9,\"stop\":\"eos\",\"text\":\"x\"}\n", "{\"t\":\"head\",\"id\":77}\n",
		"{\"t\":\"user\",\"id\":3,\"up\":2,\"text\":\"\xff\"}\n", "{\"t\":\"system\",\"up\":-1,\"text\":\"x\"}\n",
	};
	struct fixture *f = *state;
	struct chat *c = stored_turn(f->store, "one", "two"), *back;
	static const char later[] = "\n{\"t\":\"later\",\"tag\":\"x\"}\n";   /* an empty line, and a kind that we do not know */
	static const char last[] = "{\"t\":\"user\",\"id\":3,\"up\":2,\"pics\":[],\"text\":\"three\",\"new\":1}\n";
	int n_bad;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		append(f->store, c->id, bad[i], strlen(bad[i]));
	append(f->store, c->id, later, sizeof later - 1);
	append(f->store, c->id, last, sizeof last - 1);
	back = read_back(f->store, c->id, &n_bad);
	assert_int_equal(n_bad, sizeof bad / sizeof bad[0]);
	assert_int_equal(back->n_messages, 3);
	assert_int_equal(back->head, 3);
	assert_string_equal(back->messages[2].text, "three");
	chat_free(back);
	chat_free(c);
}

/* An answer's line is lost: what was said below it must not be lost with it. */
static void
test_lost_line_keeps_what_follows(void **state)
{
	struct fixture *f = *state;
	struct chat *c = stored_turn(f->store, "one", "two"), *back;
	struct session *w = session_resume(f->store, c, NULL);
	struct buf file = {0};
	char *path = path_of(f->store, c->id);
	int n_bad;

	session_put_user(w, say(c, "three"), NULL);
	session_put_answer(w, reply(c, "four"), NULL);
	session_close(w);
	read_bytes(f->store, c->id, &file);
	*strstr(file.at, "\"t\":\"answer\"") = '#';
	assert_int_equal(file_replace(path, file.at, file.n, 0600, NULL), 0);
	back = read_back(f->store, c->id, &n_bad);
	assert_int_equal(n_bad, 1);
	assert_int_equal(back->n_messages, 4);
	assert_string_equal(back->messages[1].text, "");
	assert_int_equal(back->messages[1].role, ROLE_ANSWER);
	assert_string_equal(back->messages[2].text, "three");
	assert_string_equal(back->messages[3].text, "four");
	assert_int_equal(chat_n_turns(back), 2);
	chat_free(back);
	chat_free(c);
	buf_done(&file);
	free(path);
}

static void
test_newer_version_is_read_only(void **state)
{
	struct fixture *f = *state;
	struct chat *c = stored_turn(f->store, "one", "two"), *back;
	struct buf file = {0};
	struct error err = {0};
	char *path = path_of(f->store, c->id);
	bool read_only = false;

	read_bytes(f->store, c->id, &file);
	strstr(file.at, "\"v\":1")[4] = '2';
	assert_int_equal(file_replace(path, file.at, file.n, 0600, NULL), 0);
	back = store_read(f->store, c->id, NULL, &read_only, NULL);
	assert_non_null(back);
	assert_true(read_only);
	assert_null(session_resume(f->store, back, &err));
	assert_int_equal(err.code, CODE_STORE);
	assert_non_null(strstr(err.what, "newer"));
	chat_free(back);
	chat_free(c);
	buf_done(&file);
	free(path);
}

static void
test_not_a_session(void **state)
{
	struct fixture *f = *state;
	struct chat *c = stored_turn(f->store, "one", "two");
	struct error err = {0};
	char *path = path_of(f->store, c->id);

	assert_int_equal(file_replace(path, "hello\n", 6, 0600, NULL), 0);
	assert_null(store_read(f->store, c->id, NULL, NULL, &err));
	assert_int_equal(err.code, CODE_INPUT);
	assert_int_equal(file_replace(path, "", 0, 0600, NULL), 0);
	assert_null(store_read(f->store, c->id, NULL, NULL, &err));
	assert_null(store_read(f->store, "../../etc/passwd", NULL, NULL, &err));
	assert_int_equal(err.code, CODE_INPUT);
	chat_free(c);
	free(path);
}

static void
test_continued_answer(void **state)
{
	struct fixture *f = *state;
	struct chat *c = chat_new(), *back;
	struct session *w = session_new(f->store, c);
	struct message *m;
	int *ids;

	session_put_user(w, say(c, "q"), NULL);
	m = reply(c, "short");
	m->stop = STOP_LENGTH;
	message_add_id(m, 5, 10);
	session_put_answer(w, m, NULL);
	m = chat_add_continued(c, 2);
	message_append(m, " and long", 9);
	message_add_id(m, 6, 20);
	m->stop = STOP_EOS;
	session_put_answer(w, m, NULL);
	session_close(w);
	back = read_back(f->store, c->id, NULL);
	assert_int_equal(back->messages[2].cont, 2);
	assert_int_equal(back->messages[2].up, 1);
	assert_int_equal(back->messages[2].n_ids, 2);
	assert_string_equal(back->messages[2].text, "short and long");
	assert_int_equal(chat_siblings(back, 3, &ids), 1);
	assert_int_equal(ids[0], 3);
	free(ids);
	chat_free(back);
	chat_free(c);
}

/* The system message is changed while an answer streams, of which no part is stored yet. */
static void
test_system_before_its_answer(void **state)
{
	struct fixture *f = *state;
	struct chat *c = chat_new(), *back;
	struct session *w = session_new(f->store, c);
	int n_bad;

	session_put_user(w, say(c, "q"), NULL);
	reply(c, "a");
	chat_set_system(c, "be brief");
	session_put_system(w, &c->systems[0], NULL);
	session_put_answer(w, &c->messages[1], NULL);
	session_close(w);
	back = read_back(f->store, c->id, &n_bad);
	assert_int_equal(n_bad, 0);
	assert_string_equal(chat_system(back, 2), "be brief");
	assert_null(chat_system(back, 1));
	chat_free(back);
	chat_free(c);
}

static int
mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void
test_modes(void **state)
{
	struct fixture *f = *state;
	struct chat *c = stored_turn(f->store, "one", "two");
	char *path = path_of(f->store, c->id), *folder = xasprintf("%s/data/sessions", f->dir);

	assert_int_equal(mode_of(path), 0600);
	assert_int_equal(mode_of(folder), 0700);
	assert_int_equal(mode_of(f->paths.data), 0700);
	free(folder);
	free(path);
	chat_free(c);
}

static uint32_t
next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* Cuts and flipped bits anywhere: never a crash, and reading, listing and writing on never fail together. */
static void
test_random_damage(void **state)
{
	struct fixture *f = *state;
	struct chat *c = stored_turn(f->store, "one", "two \"quoted\" 猫"), *back;
	struct session *w = session_resume(f->store, c, NULL);
	struct buf file = {0};
	char *path = path_of(f->store, c->id);
	uint32_t seed = 1;
	int n_read = 0;

	session_put_system(w, &(struct system_change){ 2, (char *)"be brief" }, NULL);
	session_put_head(w, 0, NULL);
	session_put_name(w, "name", NULL);
	session_close(w);
	read_bytes(f->store, c->id, &file);
	for (int i = 0; i < 3000; i++) {
		struct buf copy = {0};
		struct session_info *list;
		int n, n_flips = (int)(next_random(&seed) % 4);

		buf_add(&copy, file.at, i % 3 == 0 ? next_random(&seed) % file.n : file.n);
		while (n_flips-- > 0 && copy.n > 0)
			copy.at[next_random(&seed) % copy.n] ^= (char)(1u << next_random(&seed) % 8);
		int fd = open(path, O_WRONLY | O_TRUNC);
		assert_int_equal(file_write_all(fd, copy.at, copy.n), 0);
		close(fd);
		assert_int_equal(store_list(f->store, &list, &n, NULL), 0);
		session_list_free(list, n);
		back = store_read(f->store, c->id, NULL, NULL, NULL);
		n_read += back != NULL;
		w = back ? session_resume(f->store, back, NULL) : NULL;
		session_close(w);
		chat_free(back);
		buf_done(&copy);
	}
	assert_true(n_read > 1000);
	chat_free(c);
	buf_done(&file);
	free(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_all_fields, setup, teardown),
		cmocka_unit_test_setup_teardown(test_talking, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bytes_of_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_comma_locale, setup, teardown),
		cmocka_unit_test_setup_teardown(test_torn_at_every_byte, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unreadable_in_the_middle, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost_line_keeps_what_follows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_newer_version_is_read_only, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_a_session, setup, teardown),
		cmocka_unit_test_setup_teardown(test_continued_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_system_before_its_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_modes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_random_damage, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
