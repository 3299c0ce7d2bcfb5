/* cmd_batch.c: the small parts of `batch` and `replay --run`: names of keys, shards, what an output holds already, and
 * the difference of two texts. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "cmd/batch.h"
#include "cmd/worddiff.h"

static void
keys_are_renamed(void **state)
{
	struct names names;
	struct error err;

	(void)state;
	assert_int_equal(names_parse(&names, NULL, &err), 0);
	assert_string_equal(names.id, "id");
	assert_string_equal(names.out, "answer");
	names_done(&names);
	assert_int_equal(names_parse(&names, "id=question_id,image=file,text=q=1,out=said,id=x", &err), 0);
	assert_string_equal(names.id, "x");
	assert_string_equal(names.image, "file");
	assert_string_equal(names.text, "q=1");
	assert_string_equal(names.out, "said");
	names_done(&names);
}

static void
wrong_maps_are_refused(void **state)
{
	static const char *const wrong[] = { "id", "id=", "=a", "ids=a", "i=a", "id=a,,text=b", ",", "out=id" };
	struct names names;
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		if (names_parse(&names, wrong[i], &err) == 0)
			fail_msg("'%s' was taken", wrong[i]);
		assert_int_equal(err.code, CODE_USAGE);
		names_done(&names);
	}
}

static void
shards_cover_every_line_once(void **state)
{
	static const char *const wrong[] = { "", "1", "0/2", "3/2", "1/0", "a/b", "1/2x", "-1/2", "1/", "/2", "1/2/3" };
	struct shard s;
	struct error err;

	(void)state;
	for (long line = 1; line < 20; line++) {
		int n = 0;

		for (int k = 1; k <= 3; k++) {
			s = (struct shard){ k, 3 };
			n += shard_has(&s, line);
		}
		assert_int_equal(n, 1);
	}
	assert_int_equal(shard_parse(&s, NULL, &err), 0);
	assert_true(shard_has(&s, 1) && shard_has(&s, 2));
	assert_int_equal(shard_parse(&s, "2/5", &err), 0);
	assert_true(!shard_has(&s, 1) && shard_has(&s, 2) && shard_has(&s, 7));
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_int_equal(shard_parse(&s, wrong[i], &err), -1);
}

/* ---- what is done */

static struct names plain = { (char *)"id", (char *)"image", (char *)"text", (char *)"answer" };

static int
take(struct answered *a, const char *id, long line)
{
	json_t *json = json_loads(id, JSON_DECODE_ANY, NULL);
	char *key = answered_key(json, line);
	bool taken = answered_take(a, key);

	free(key);
	json_decref(json);
	return taken;
}

static void
what_is_done_is_known_by_its_id(void **state)
{
	static const char text[] = "{\"id\": \"b\", \"answer\": \"x\"}\n{\"id\": 2, \"answer\": \"\"}\n"
	    "{\"id\": null, \"line\": 3, \"error\": {}}\n{\"id\": \"b\", \"answer\": \"y\"}\n{\"id\": {\"z\":1,\"a\":2}, \"answer\": 1}\n";
	struct answered a;
	struct error err;
	size_t whole = 0;

	(void)state;
	assert_int_equal(answered_read(&a, &plain, "out", text, sizeof text - 1, &whole, &err), 0);
	assert_int_equal(whole, sizeof text - 1);
	assert_int_equal(a.n, 5);
	assert_int_equal(a.n_failed, 1);
	assert_true(take(&a, "\"b\"", 9));
	assert_true(take(&a, "\"b\"", 9));      /* it is there twice */
	assert_false(take(&a, "\"b\"", 9));
	assert_false(take(&a, "\"2\"", 9));     /* a text is no number */
	assert_true(take(&a, "2", 9));
	assert_false(take(&a, "null", 4));
	assert_true(take(&a, "null", 3));       /* without an id: by its place */
	assert_true(take(&a, "{\"a\": 2, \"z\": 1}", 9));
	answered_done(&a);
}

/* Cut at every byte: whole lines stay, the rest is torn, and nothing is taken for a foreign file. */
static void
a_torn_line_is_found(void **state)
{
	static const char text[] = "{\"id\": 1, \"answer\": \"x\"}\n{\"id\": 2, \"answer\": \"y\"}\n";
	size_t first = (size_t)(strchr(text, '\n') - text) + 1;

	(void)state;
	for (size_t n = 0; n < sizeof text; n++) {
		struct answered a;
		struct error err;
		size_t whole = 0;

		assert_int_equal(answered_read(&a, &plain, "out", text, n, &whole, &err), 0);
		assert_int_equal(whole, n < first ? 0 : n < sizeof text - 1 ? first : sizeof text - 1);
		assert_int_equal(a.n, (n >= first) + (n == sizeof text - 1));
		answered_done(&a);
	}
}

static void
foreign_files_are_refused(void **state)
{
	static const char *const wrong[] = { "hello\n", "hello", "{}\n", "{\"id\":1}\n", "\n", "[1]\n",
		"{\"id\": 1, \"answer\": \"x\"}\nnot ours" };

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct answered a;
		struct error err;
		size_t whole;

		if (answered_read(&a, &plain, "out", wrong[i], strlen(wrong[i]), &whole, &err) == 0)
			fail_msg("'%s' was taken", wrong[i]);
		assert_int_equal(err.code, CODE_INPUT);
		answered_done(&a);
	}
}

/* ---- the difference */

static void
assert_diff(const char *a, const char *b, const char *want)
{
	struct buf out = {0};

	worddiff(&out, a, strlen(a), b, strlen(b), &worddiff_plain);
	assert_string_equal(buf_text(&out), want);
	buf_done(&out);
}

static void
differences(void **state)
{
	(void)state;
	assert_diff("", "", "");
	assert_diff("a", "", "[-a-]");
	assert_diff("", "a", "{+a+}");
	assert_diff("a b c", "a b c", "a b c");
	assert_diff("a b c", "a x c", "a [-b-] {+x+} c");
	assert_diff("a b c d", "a d", "a [-b c-] d");
	assert_diff("a d", "a b c d", "a {+b c+} d");
	assert_diff("the red fox jumps", "the brown fox sleeps here", "the [-red-] {+brown+} fox [-jumps-] {+sleeps here+}");
	assert_diff("a  b\nc", "a b c", "a b c");                     /* white space alone */
	assert_diff("x\ny z\n", "x\nw z\n", "x\n[-y-] {+w+} z\n");
	assert_diff("红色的猫", "蓝色的猫", "[-红-] {+蓝+}色的猫");
	assert_diff("a a a b", "a a b", "a a [-a-] b");
}

/* Too much for the table: still true, only coarser. */
static void
a_long_difference(void **state)
{
	struct buf a = {0}, b = {0}, out = {0};

	(void)state;
	for (int i = 0; i < 5000; i++) {
		buf_printf(&a, "a%d ", i);
		buf_printf(&b, "b%d ", i);
	}
	buf_str(&a, "end");
	buf_str(&b, "end");
	worddiff(&out, a.at, a.n, b.at, b.n, &worddiff_plain);
	assert_int_equal(strncmp(out.at, "[-a0 a1 ", 8), 0);
	assert_non_null(strstr(out.at, " a4999-] {+b0 "));
	assert_string_equal(out.at + out.n - 12, " b4999+} end");
	buf_done(&a);
	buf_done(&b);
	buf_done(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_renamed),
		cmocka_unit_test(wrong_maps_are_refused),
		cmocka_unit_test(shards_cover_every_line_once),
		cmocka_unit_test(what_is_done_is_known_by_its_id),
		cmocka_unit_test(a_torn_line_is_found),
		cmocka_unit_test(foreign_files_are_refused),
		cmocka_unit_test(differences),
		cmocka_unit_test(a_long_difference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
