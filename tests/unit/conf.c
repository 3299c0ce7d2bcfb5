/* conf.c: settings: the order in which they are given, files with every kind of line, hostile files, presets. */
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

#include "conf/conf.h"

static char folder[] = "conf-test-XXXXXX";
static struct paths paths = { .config = folder };

static void
write_bytes(const char *name, const void *bytes, size_t n)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, n, f), n);
	fclose(f);
}

static void
write_text(const char *name, const char *text)
{
	write_bytes(name, text, strlen(text));
}

static void
load(struct conf *c, const char *text)
{
	write_text("config", text);
	conf_init(c);
	conf_load(c, &paths);
}

/* The only warning is this one. */
static void
assert_warns(const struct conf *c, const char *where, const char *what)
{
	char line[1024];

	snprintf(line, sizeof line, "%s/%s: %s", folder, where, what);
	assert_int_equal(c->n_warnings, 1);
	assert_string_equal(c->warnings[0], line);
}

static void
refuse(const char *text, const char *what)
{
	struct conf c;

	load(&c, text);
	assert_warns(&c, "config:1", what);
	assert_true(c.temp == 0 && c.top_k == 0 && !c.seed_set && c.history_save);
	assert_string_equal(c.image_mode, "auto");
	conf_done(&c);
}

static const char *
origin(const struct conf *c, const char *name)
{
	struct conf_key key;

	for (int i = 0; conf_key(i, &key); i++)
		if (strcmp(key.name, name) == 0)
			return conf_origin(c, i);
	fail_msg("no key %s", name);
	return NULL;
}

static void
test_defaults_without_a_file(void **state)
{
	struct conf c;

	(void)state;
	conf_init(&c);
	conf_load(&c, &(struct paths){ .config = (char *)"/nowhere" });
	assert_int_equal(c.n_warnings, 0);
	assert_int_equal(c.max_tokens, 512);
	assert_true(c.temp == 0 && c.top_p == 1 && c.top_k == 0 && c.repeat_penalty == 1);
	assert_null(c.system);
	assert_null(c.model_dir);
	assert_string_equal(c.image_question, "Please describe the image in detail.");
	assert_string_equal(c.path, "/nowhere/config");
	assert_string_equal(origin(&c, "gen.temp"), "default");
	conf_done(&c);
}

static void
test_times(void **state)
{
	struct conf c;

	(void)state;
	load(&c, "");
	assert_int_equal(c.hangup_grace, 600);
	conf_done(&c);
	load(&c, "hangup.grace = 90\nhangup.grace = 1.5h");
	assert_int_equal(c.hangup_grace, 5400);
	conf_done(&c);
	refuse("hangup.grace = 1d", "hangup.grace '1d': must be a time such as 90s, 10m or 2h, at most 24h");
	refuse("hangup.grace = m", "hangup.grace 'm': must be a time such as 90s, 10m or 2h, at most 24h");
	refuse("hangup.grace = 1mm", "hangup.grace '1mm': must be a time such as 90s, 10m or 2h, at most 24h");
	refuse("hangup.grace = 25h", "hangup.grace '25h': must be a time such as 90s, 10m or 2h, at most 24h");
	refuse("hangup.grace = -1s", "hangup.grace '-1s': must be a time such as 90s, 10m or 2h, at most 24h");
	refuse("hangup.grace = nan", "hangup.grace 'nan': must be a time such as 90s, 10m or 2h, at most 24h");
}

static void
test_sizes(void **state)
{
	struct conf c;

	(void)state;
	load(&c, "");
	assert_false(c.kv_snapshot);
	assert_int_equal(c.kv_snapshot_max, 8LL << 30);
	conf_done(&c);
	load(&c, "kv.snapshot = on\nkv.snapshot_max = 500 MiB");
	assert_true(c.kv_snapshot);
	assert_int_equal(c.kv_snapshot_max, 500 << 20);
	conf_done(&c);
	load(&c, "kv.snapshot_max = 1025");
	assert_int_equal(c.kv_snapshot_max, 1025);
	conf_done(&c);
	refuse("kv.snapshot_max = 8GB", "kv.snapshot_max '8GB': must be a size such as 8GiB, 500MiB or 0");
	refuse("kv.snapshot_max = -1", "kv.snapshot_max '-1': must be a size such as 8GiB, 500MiB or 0");
	refuse("kv.snapshot_max = GiB", "kv.snapshot_max 'GiB': must be a size such as 8GiB, 500MiB or 0");
	refuse("kv.snapshot_max = 9000000TiB", "kv.snapshot_max '9000000TiB': must be a size such as 8GiB, 500MiB or 0");
}

static void
test_lines(void **state)
{
	struct conf c;

	(void)state;
	load(&c, "# comment\n\n  gen.temp=0.7# no comment: not after a blank\n");
	assert_int_equal(c.n_warnings, 1);
	conf_done(&c);
	load(&c, "\tgen.temp =\t0.7 # warm\r\n#gen.top_k = 1\ngen.seed = 7\nhistory.save=off\n"
	    "gen.system = \"Be \\\"brief\\\" # \\\\ \\n\" # all of it\nimage.question = 'What \\n?'\nui.theme = dark");
	assert_int_equal(c.n_warnings, 0);
	assert_true(c.temp == 0.7f && c.top_k == 0 && c.seed_set && c.seed == 7 && !c.history_save);
	assert_string_equal(c.system, "Be \"brief\" # \\ \n");
	assert_string_equal(c.image_question, "What \\n?");
	assert_string_equal(c.theme, "dark");
	assert_non_null(strstr(origin(&c, "gen.seed"), "/config:3"));
	conf_done(&c);
	load(&c, "gen.system =\n");
	assert_string_equal(c.system, "");
	conf_done(&c);
}

static void
test_bad_lines_are_one_warning(void **state)
{
	(void)state;
	refuse("gen.tmep = 1", "there is no key 'gen.tmep'");
	refuse("gen.temp", "neither 'key = value' nor 'include FILE' nor '[preset NAME]'");
	refuse("gen.temp = warm", "gen.temp 'warm': must be a number from 0 to 100");
	refuse("gen.temp =", "gen.temp '': must be a number from 0 to 100");
	refuse("gen.temp = nan", "gen.temp 'nan': must be a number from 0 to 100");
	refuse("gen.top_k = 1.5", "gen.top_k '1.5': must be a whole number from 0 to 1048576");
	refuse("gen.seed = -1", "gen.seed '-1': must be random, or a whole number from 0 on");
	refuse("history.save = maybe", "history.save 'maybe': must be on or off");
	refuse("image.mode = sixel blocks", "image.mode 'sixel blocks': must be one of: auto sixel blocks none");
	refuse("gen.system = \"open", "the quotes around the value do not end it");
	refuse("gen.system = \"a\" b", "the quotes around the value do not end it");
	refuse("[colours]\ngen.temp = 1\nx = 2", "not a section: [preset NAME] is the only kind");
	refuse("[preset x", "not a section: [preset NAME] is the only kind");
	refuse("[preset ]", "not a section: [preset NAME] is the only kind");
	refuse("include", "neither 'key = value' nor 'include FILE' nor '[preset NAME]'");
	refuse("include # nothing", "include needs the name of a file");
	refuse("include no-such", "the included file cannot be found");
	refuse("gen.temp\033[2J = 1", "this is not UTF-8 text: the file is left here");
}

static void
test_order(void **state)
{
	struct conf c;
	struct error err = {0};

	(void)state;
	setenv("IVCHAT_MODEL", "/env", 1);
	load(&c, "model.dir = /file\ngen.temp = 1\ngen.top_k = 1\ngen.temp = 2\n[preset p]\ntemp = 3\ntop_k = 3\n");
	assert_int_equal(c.n_warnings, 0);
	assert_string_equal(c.model_dir, "/env");
	assert_string_equal(origin(&c, "model.dir"), "environment IVCHAT_MODEL");
	assert_true(c.temp == 2 && c.top_k == 1);
	assert_int_equal(conf_use_preset(&c, "p", &err), 0);
	assert_true(c.temp == 3 && c.top_k == 3);
	assert_int_equal(conf_set(&c, "gen.temp=4", &err), 0);
	assert_true(c.temp == 4 && c.top_k == 3);
	assert_string_equal(origin(&c, "gen.temp"), "--set");
	assert_int_equal(conf_set(&c, "model.dir=", &err), 0);
	assert_null(c.model_dir);
	conf_done(&c);
	unsetenv("IVCHAT_MODEL");
}

static void
test_set_that_cannot_be(void **state)
{
	struct conf c;
	struct error err = {0};

	(void)state;
	conf_init(&c);
	assert_int_equal(conf_set(&c, "gen.temp", &err), -1);
	assert_string_equal(err.what, "--set 'gen.temp': must be KEY=VALUE");
	assert_int_equal(conf_set(&c, "gen.tmep=1", &err), -1);
	assert_string_equal(err.what, "there is no key 'gen.tmep'");
	assert_int_equal(conf_set(&c, "=1", &err), -1);
	assert_int_equal(conf_set(&c, "gen.temp=-1", &err), -1);
	assert_int_equal(err.code, CODE_USAGE);
	assert_true(c.temp == 0);
	conf_done(&c);
}

static void
test_presets(void **state)
{
	struct conf c;
	struct error err = {0};
	const char *key, *value;
	char *text;

	(void)state;
	load(&c, "[preset a]\ntemp = 1\ntemp = 2\n[ preset  two words ] # yes\nsystem = \"x y\"\n[preset a]\ntop_p = 0.5\n");
	assert_int_equal(c.n_warnings, 0);
	assert_string_equal(conf_preset_name(&c, 1), "two words");
	assert_null(conf_preset_name(&c, 3));
	assert_int_equal(conf_preset_find(&c, "a", &err), 2);
	assert_true(conf_preset_entry(&c, 0, 0, &key, &value));
	assert_string_equal(key, "temp");
	assert_string_equal(value, "2");
	assert_false(conf_preset_entry(&c, 0, 1, &key, &value));
	text = conf_preset_text(&c, 1);
	assert_string_equal(text, "system             = \"x y\"\n");
	free(text);
	assert_int_equal(conf_use_preset(&c, "b", &err), -1);
	assert_string_equal(err.what, "there is no preset 'b'");
	assert_string_equal(err.hint, "one of: a, two words, a");
	conf_done(&c);
	load(&c, "[preset a]\nui.ascii = on\n");
	assert_warns(&c, "config:2", "a preset cannot hold 'ui.ascii': system, temp, top_p, top_k, max_tokens only");
	conf_done(&c);
	load(&c, "[preset a]\ntop_p = 2\n");
	assert_warns(&c, "config:2", "gen.top_p '2': must be a number from 0 to 1");
	conf_done(&c);
}

static void
test_include(void **state)
{
	struct conf c;

	(void)state;
	write_text("more", "gen.temp = 1\n[preset inner]\ntemp = 5\n");
	load(&c, "include more # yes\ngen.top_k = 3\n");
	assert_int_equal(c.n_warnings, 0);
	assert_true(c.temp == 1 && c.top_k == 3 && c.n_presets == 1);
	assert_non_null(strstr(origin(&c, "gen.temp"), "/more:1"));
	conf_done(&c);
}

static void
test_include_cycles(void **state)
{
	struct conf c;

	(void)state;
	load(&c, "gen.temp = 1\ninclude config\ngen.top_k = 3\n");
	assert_warns(&c, "config:2", "the included file is this one, or includes it");
	assert_true(c.temp == 1 && c.top_k == 3);
	conf_done(&c);
	write_text("b", "include 'config'\n");
	load(&c, "include b\n");
	assert_warns(&c, "b:1", "the included file is this one, or includes it");
	conf_done(&c);
}

/* 2^20 readings if nobody counted. */
static void
test_include_many(void **state)
{
	char name[8], text[64];
	struct conf c;

	(void)state;
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof name, "c%d", i);
		snprintf(text, sizeof text, "include c%d\ninclude c%d\n", i + 1, i + 1);
		write_text(name, text);
	}
	load(&c, "include c0\ngen.temp = 3\n");
	assert_true(c.temp == 3);
	assert_int_equal(c.n_warnings, 21);
	assert_string_equal(c.warnings[20], "further warnings are left out");
	conf_done(&c);
}

static void
test_hostile_files(void **state)
{
	static char line[10 << 20];
	struct conf c;

	(void)state;
	memset(line, 'x', sizeof line);
	write_bytes("config", line, sizeof line);
	conf_init(&c);
	conf_load(&c, &paths);
	assert_int_equal(c.n_warnings, 1);
	assert_non_null(strstr(c.warnings[0], "is too large"));
	conf_done(&c);

	write_bytes("config", "gen.temp = 1\ngen.top_k = 2\0\n\xff\xfe\ngen.top_k = 3\n", 45);
	conf_init(&c);
	conf_load(&c, &paths);
	assert_warns(&c, "config:2", "this is not UTF-8 text: the file is left here");
	assert_true(c.temp == 1 && c.top_k == 0);
	conf_done(&c);

	load(&c, "");
	assert_int_equal(c.n_warnings, 0);
	conf_done(&c);
}

static void
test_other_places(void **state)
{
	struct conf c;

	(void)state;
	setenv("IVCHAT_CONFIG", "/no/such/file", 1);
	load(&c, "gen.temp = 1");
	assert_int_equal(c.n_warnings, 1);
	assert_string_equal(c.warnings[0], "cannot open '/no/such/file': No such file or directory");
	assert_true(c.temp == 0);
	conf_done(&c);
	setenv("IVCHAT_CONFIG", "/dev/null", 1);
	load(&c, "gen.temp = 1");
	assert_int_equal(c.n_warnings, 0);
	conf_done(&c);
	setenv("IVCHAT_CONFIG", folder, 1);
	load(&c, "gen.temp = 1");
	assert_int_equal(c.n_warnings, 1);
	conf_done(&c);
	unsetenv("IVCHAT_CONFIG");
	setenv("IVCHAT_IMAGES", "kitty", 1);
	load(&c, "image.mode = none");
	assert_int_equal(c.n_warnings, 1);
	assert_string_equal(c.image_mode, "none");
	conf_done(&c);
	unsetenv("IVCHAT_IMAGES");
}

/* What is printed for a text reads back as the same text. */
static void
test_values_read_back(void **state)
{
	static const char text[] = "a \"b\" \\n\n#'";
	struct conf c;
	struct conf_key key;
	struct error err = {0};
	char *value, *line;

	(void)state;
	conf_init(&c);
	assert_int_equal(conf_set(&c, "gen.system=a \"b\" \\n\n#'", &err), 0);
	for (int i = 0; conf_key(i, &key); i++)
		if (strcmp(key.name, "gen.system") == 0) {
			value = conf_value(&c, i);
			line = malloc(strlen(value) + 20);
			sprintf(line, "gen.system = %s", value);
			conf_done(&c);
			load(&c, line);
			free(value);
			free(line);
			break;
		}
	assert_string_equal(c.system, text);
	conf_done(&c);
}

/* Every key's own default is a value that it takes. */
static void
test_table(void **state)
{
	struct conf c;
	struct conf_key key;
	struct error err = {0};
	char line[128];

	(void)state;
	conf_init(&c);
	for (int i = 0; conf_key(i, &key); i++) {
		assert_true(key.form[0] && key.help[0]);
		snprintf(line, sizeof line, "%s=%s", key.name, key.value);
		if (conf_set(&c, line, &err) != 0)
			fail_msg("%s: %s", line, err.what);
	}
	conf_done(&c);
}

static int
make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int
remove_folder(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof command, "rm -r %s", folder);
	return system(command);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults_without_a_file),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_sizes), cmocka_unit_test(test_lines),
		cmocka_unit_test(test_bad_lines_are_one_warning),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_set_that_cannot_be),
		cmocka_unit_test(test_presets),
		cmocka_unit_test(test_include),
		cmocka_unit_test(test_include_cycles),
		cmocka_unit_test(test_include_many),
		cmocka_unit_test(test_hostile_files),
		cmocka_unit_test(test_other_places),
		cmocka_unit_test(test_values_read_back),
		cmocka_unit_test(test_table),
	};

	unsetenv("IVCHAT_MODEL");
	unsetenv("IVCHAT_IMAGES");
	unsetenv("IVCHAT_CONFIG");
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
