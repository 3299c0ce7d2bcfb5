/* export_formats.c: every format at its borders: nothing said, text that means something to the format, a picture that
 * is gone, an answer that ends oddly. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <jansson.h>

#include "export/export.h"
#include "store_util.h"

static char *
written(struct fixture *f, const struct chat *c, const char *format, bool all)
{
	struct export e = { .store = f->store, .chat = c, .all_branches = all };
	struct buf out = {0};

	assert_int_equal(export_write(export_find(format), &e, &out, NULL), 0);
	return buf_take(&out);
}

static void
assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in '%s'", part, text);
}

static void
test_names(void **state)
{
	(void)state;
	assert_null(export_find("pdf"));
	assert_string_equal(export_of_file("a.b/x.HTM")->name, "html");
	assert_string_equal(export_of_file("x.markdown")->name, "md");
	assert_null(export_of_file("json"));
	assert_null(export_of_file("a.json/x"));
	assert_null(export_of_file(""));
}

static void
test_nothing_said(void **state)
{
	struct chat *c = chat_new();

	for (int i = 0; export_formats[i]; i++) {
		char *all = written(*state, c, export_formats[i]->name, true);
		char *current = written(*state, c, export_formats[i]->name, false);

		assert_string_equal(all, current);
		assert_int_equal(all[strlen(all) - 1], '\n');
		free(all);
		free(current);
	}
	chat_free(c);
}

static void
test_page_escapes(void **state)
{
	struct chat *c = chat_new();
	char *page;

	say(c, "<b>&amp;\"\033[2J\xe2\x80\xae");
	chat_set_name(c, "</title><script>");
	page = written(*state, c, "html", false);
	assert_has(page, "&lt;b&gt;&amp;amp;&quot;^[[2J");
	assert_has(page, "<title>&lt;/title&gt;&lt;script&gt;</title>");
	assert_null(strstr(page, "\xe2\x80\xae"));
	assert_null(strstr(page, "<script"));
	free(page);
	chat_free(c);
}

static void
test_markdown_heading(void **state)
{
	struct chat *c = chat_new();
	char *text;

	say(c, "*q*");
	chat_set_name(c, "a_b *c*\n# d");
	text = written(*state, c, "md", false);
	assert_has(text, "# a\\_b \\*c\\* \\# d\n");
	assert_has(text, "\n## User\n\n*q*\n");
	free(text);
	chat_free(c);
}

static void
test_ends(void **state)
{
	static const struct {
		enum stop stop;
		const char *mark;
	} ends[] = {
		{ STOP_NONE, " [interrupted]\n" }, { STOP_EOS, "Assistant:\na\n" }, { STOP_LENGTH, "a [cut at 7]\n" },
		{ STOP_USER, "a [stopped]\n" }, { STOP_CONTEXT, "a [context full]\n" }, { STOP_ERROR, "a [failed]\n" },
		{ STOP_HANGUP, "a [interrupted]\n" },
	};

	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		struct chat *c = chat_new();
		struct message *m;
		char *text;

		say(c, "q");
		m = reply(c, "a");
		m->stop = ends[i].stop;
		m->max_tokens = 7;
		text = written(*state, c, "txt", false);
		assert_has(text, ends[i].mark);
		free(text);
		chat_free(c);
	}
}

static void
test_picture_is_gone(void **state)
{
	struct pic pic = { .name = "a]b.png", .type = "image/png", .width = 5, .height = 3 };
	struct chat *c = chat_new();

	memset(pic.sha, 'a', 64);
	chat_add_user(c, "", 0, &pic, 1);
	for (int i = 0; export_formats[i]; i++) {
		struct fixture *f = *state;
		struct export e = { .store = f->store, .chat = c, .embed = true };
		struct buf out = {0};

		assert_int_equal(export_write(export_formats[i], &e, &out, NULL), 0);
		assert_non_null(strstr(buf_text(&out), "b.png"));
		buf_done(&out);
	}
	chat_free(c);
}

/* Every line of a recording is JSON, also when pieces of the answer fall inside characters and CR LF. */
static void
test_recording_lines(void **state)
{
	struct chat *c = chat_new();
	struct message *m;
	char *text, *rest, *line;
	int n = 0;

	say(c, "q");
	m = reply(c, "\xe7\x8c\xab\n\xe7\x8c\xab\n\n\xe7\x8c\xab");
	for (int i = 0; i < 9; i++)
		message_add_id(m, i, 10 * i);
	text = written(*state, c, "cast", false);
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest), n++) {
		json_t *event = json_loads(line, 0, NULL);

		assert_non_null(event);
		json_decref(event);
	}
	assert_in_range(n, 5, 16);
	free(text);
	chat_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_said, setup, teardown),
		cmocka_unit_test_setup_teardown(test_page_escapes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_markdown_heading, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(test_picture_is_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_recording_lines, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
