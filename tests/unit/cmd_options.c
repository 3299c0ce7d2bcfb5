/* cmd_options.c: the command line: forms, ranges, abbreviations, what is near, where the subcommand
 * stands. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cmd/device.h"
#include "cmd/nearest.h"
#include "cmd/options.h"

#define MAX_WORDS 16
#define ASK (OPT_MODEL | OPT_PICTURE | OPT_TALK | OPT_SESSION | OPT_ASK)

/* Words with one space between. The array and the words are lent until the next call. */
static int
split(const char *line, char *argv[MAX_WORDS])
{
	static char words[512];
	int n = 0;

	strcpy(words, line);
	for (char *word = strtok(words, " "); word; word = strtok(NULL, " "))
		argv[n++] = word;
	return n;
}

static int
parse(struct options *o, unsigned groups, const char *line, struct error *err)
{
	char *argv[MAX_WORDS];
	int argc = split(line, argv);

	*err = (struct error){0};
	return options_parse(o, groups, argc, argv, err);
}

static void
accept(struct options *o, unsigned groups, const char *line)
{
	struct error err;

	if (parse(o, groups, line, &err) < 0)
		fail_msg("'%s': %s", line, err.what);
}

static void
refuse(unsigned groups, const char *line, enum code code, const char *what, const char *hint)
{
	struct options o;
	struct error err;

	assert_int_equal(parse(&o, groups, line, &err), -1);
	assert_int_equal(err.code, code);
	assert_string_equal(err.what, what);
	assert_string_equal(err.hint, hint);
	options_done(&o);
}

static void
test_defaults(void **state)
{
	struct options o;

	(void)state;
	accept(&o, ASK, "");
	assert_int_equal(o.max_tokens, 512);
	assert_true(o.temp == 0 && o.top_p == 1 && o.top_k == 0 && o.repeat_penalty == 1);
	assert_false(o.seed_set || o.temp_set || o.max_tokens_set);
	assert_null(o.system);
	assert_string_equal(o.image_mode, "auto");
	assert_true(o.model_is_bundled);
	assert_non_null(o.model);
	assert_int_equal(o.n_operands, 0);
	options_done(&o);
}

static void
test_forms_of_one_value(void **state)
{
	static const char *const lines[] = {
		"-n 5", "-n5", "--max-tokens 5", "--max-tokens=5", "--max 5", "--max=5", "-qn5", "-qn 5",
		"word -n 5", "-n 5 word", "-n 9 -n 5",
	};
	struct options o;

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		accept(&o, ASK, lines[i]);
		assert_int_equal(o.max_tokens, 5);
		assert_true(o.max_tokens_set);
		options_done(&o);
	}
}

static void
test_numbers_at_their_borders(void **state)
{
	struct options o;

	(void)state;
	accept(&o, ASK,
	    "-t 100 --top-p 0 --top-k 1048576 --repeat-penalty 0.01 --seed 9223372036854775807 -n 1");
	assert_true(o.temp == 100 && o.top_p == 0 && o.top_k == 1 << 20);
	assert_true(o.seed == INT64_MAX && o.seed_set);
	options_done(&o);
	refuse(ASK, "-n 0", CODE_USAGE, "--max-tokens '0': must be a whole number from 1 to 1048576", "");
	refuse(ASK, "-n 1048577", CODE_USAGE,
	    "--max-tokens '1048577': must be a whole number from 1 to 1048576", "");
	refuse(ASK, "-n 5x", CODE_USAGE, "--max-tokens '5x': must be a whole number from 1 to 1048576", "");
	refuse(ASK, "-n=", CODE_USAGE, "--max-tokens '=': must be a whole number from 1 to 1048576", "");
	refuse(ASK, "--max-tokens=", CODE_USAGE,
	    "--max-tokens '': must be a whole number from 1 to 1048576", "");
	refuse(ASK, "-n 99999999999999999999", CODE_USAGE,
	    "--max-tokens '99999999999999999999': must be a whole number from 1 to 1048576", "");
	refuse(ASK, "-t nan", CODE_USAGE, "--temp 'nan': must be a number from 0 to 100", "");
	refuse(ASK, "-t -0.1", CODE_USAGE, "--temp '-0.1': must be a number from 0 to 100", "");
	refuse(ASK, "--top-p 1.01", CODE_USAGE, "--top-p '1.01': must be a number from 0 to 1", "");
	refuse(ASK, "--seed -1", CODE_USAGE, "--seed '-1': must be a whole number from 0 on", "");
	refuse(ASK, "--seed 9223372036854775808", CODE_USAGE,
	    "--seed '9223372036854775808': must be a whole number from 0 on", "");
}

static void
test_gpus(void **state)
{
	static const char *const bad[] = { "", "0,", ",0", "0,0", "-1", "a", "1,none", "0,1,2,3,4,5,6,7,8", "256" };
	struct engine_options e;
	struct options o;
	struct error err;

	(void)state;
	accept(&o, ASK, "");
	e = device_options(&o);
	assert_true(!e.no_gpu && e.n_gpus == 0 && e.quant == ENGINE_AUTO);
	options_done(&o);
	accept(&o, ASK, "-g 3,0 --quant int4 --ctx 99 --threads 2");
	e = device_options(&o);
	assert_true(!e.no_gpu && e.n_gpus == 2 && e.gpus[0] == 3 && e.gpus[1] == 0 && e.quant == ENGINE_INT4);
	assert_true(e.n_ctx == 99 && e.n_threads == 2 && !e.random_shape);
	options_done(&o);
	accept(&o, ASK, "--set model.gpus=1 --set model.quant=fp8 --gpus none");
	e = device_options(&o);
	assert_true(e.no_gpu && e.n_gpus == 0 && e.quant == ENGINE_FP8);
	options_done(&o);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		char line[64];

		snprintf(line, sizeof line, "--gpus=%s", bad[i]);
		assert_int_equal(parse(&o, ASK, line, &err), -1);
		options_done(&o);
	}
	accept(&o, ASK, "");
	assert_int_equal(device_options(&o).guess, ENGINE_GUESS_AUTO);
	options_done(&o);
	accept(&o, ASK, "--set engine.guess=off");
	assert_int_equal(device_options(&o).guess, ENGINE_GUESS_OFF);
	options_done(&o);
	accept(&o, ASK, "--set engine.guess=off --guess on");
	assert_int_equal(device_options(&o).guess, ENGINE_GUESS_ON);
	options_done(&o);
	refuse(ASK, "--guess often", CODE_USAGE, "--guess 'often': must be one of: auto off on", "");
	refuse(ASK, "--gpus 0,0", CODE_USAGE, "--gpus '0,0': must be auto, none, or numbers of GPUs such as 0 or 0,1", "");
	refuse(ASK, "--quant int2", CODE_USAGE, "--quant 'int2': must be one of: auto bf16 fp8 int8 int4", "");
}

static void
test_operands(void **state)
{
	struct options o;

	(void)state;
	accept(&o, ASK, "what -q is - this -- -v --json --");
	assert_int_equal(o.n_operands, 7);
	assert_string_equal(o.operands[0], "what");
	assert_string_equal(o.operands[2], "-");
	assert_string_equal(o.operands[4], "-v");
	assert_string_equal(o.operands[6], "--");
	assert_true(o.quiet);
	assert_false(o.verbose || o.json);
	options_done(&o);
}

static void
test_pictures_keep_their_order(void **state)
{
	struct options o;

	(void)state;
	accept(&o, ASK, "-i b --image=a -i - -ic --image b");
	assert_int_equal(o.n_images, 5);
	assert_string_equal(o.images[0], "b");
	assert_string_equal(o.images[1], "a");
	assert_string_equal(o.images[2], "-");
	assert_string_equal(o.images[3], "c");
	assert_string_equal(o.images[4], "b");
	options_done(&o);
}

static void
test_unknown(void **state)
{
	(void)state;
	refuse(ASK, "--modle x", CODE_USAGE, "unknown option '--modle'", "--model");
	refuse(ASK, "--xyzzy", CODE_USAGE, "unknown option '--xyzzy'", "");
	refuse(ASK, "-z", CODE_USAGE, "unknown option '-z'", "");
	refuse(ASK, "-qz", CODE_USAGE, "unknown option '-z'", "");
	refuse(ASK, "--=5", CODE_USAGE, "unknown option '--'", "");
	refuse(OPT_LIST, "--temp 1", CODE_USAGE, "option '--temp' does not go with this command", "");
	refuse(OPT_LIST, "-t 1", CODE_USAGE, "option '-t' (--temp) does not go with this command", "");
}

static void
test_abbreviation_that_is_not_clear(void **state)
{
	struct options o;

	(void)state;
	refuse(ASK, "--se 1", CODE_USAGE, "option '--se' is not clear: --seed or another one", "");
	accept(&o, ASK, "--see 1");
	assert_true(o.seed_set);
	options_done(&o);
	accept(&o, OPT_SCREEN | OPT_PICTURE, "--image x");
	assert_int_equal(o.n_images, 1);
	options_done(&o);
}

static void
test_values_where_none_belongs(void **state)
{
	(void)state;
	refuse(ASK, "--json=1", CODE_USAGE, "--json takes no value", "");
	refuse(ASK, "-n", CODE_USAGE, "--max-tokens needs a value: N", "");
	refuse(ASK, "--model", CODE_USAGE, "--model needs a value: DIR", "");
	refuse(OPT_SCREEN, "--images sixels", CODE_USAGE,
	    "--images 'sixels': must be one of: auto sixel blocks none", "");
	refuse(OPT_SCREEN, "--images=", CODE_USAGE,
	    "--images '': must be one of: auto sixel blocks none", "");
	refuse(OPT_SCREEN, "--theme a", CODE_USAGE, "--theme 'a': must be one of: auto dark light mono", "");
}

static void
test_environment(void **state)
{
	struct options o;

	(void)state;
	setenv("IVCHAT_MODEL", "/models/x", 1);
	setenv("IVCHAT_IMAGES", "blocks", 1);
	accept(&o, OPT_MODEL | OPT_SCREEN, "");
	assert_string_equal(o.model, "/models/x");
	assert_false(o.model_is_bundled);
	assert_string_equal(o.image_mode, "blocks");
	options_done(&o);
	accept(&o, OPT_MODEL | OPT_SCREEN, "-m y --images none");
	assert_string_equal(o.model, "y");
	assert_string_equal(o.image_mode, "none");
	options_done(&o);
	setenv("IVCHAT_IMAGES", "kitty", 1);
	accept(&o, OPT_MODEL | OPT_SCREEN, "");
	assert_string_equal(o.image_mode, "auto");
	assert_int_equal(o.conf->n_warnings, 1);
	options_done(&o);
	unsetenv("IVCHAT_IMAGES");
	setenv("IVCHAT_MODEL", "", 1);
	setenv("IVCHAT_SHARE", "/share", 1);
	accept(&o, OPT_MODEL, "");
	assert_string_equal(o.model, "/share/model");
	assert_true(o.model_is_bundled);
	options_done(&o);
	unsetenv("IVCHAT_MODEL");
	unsetenv("IVCHAT_SHARE");
}

/* Over the file stand preset and --set, over those the options, wherever they are written. */
static void
test_settings(void **state)
{
	static const char path[] = "cmd_options.tmp";
	struct options o;
	FILE *f = fopen(path, "w");

	(void)state;
	assert_non_null(f);
	fputs("gen.temp = 1\ngen.top_k = 1\ngen.top_p = 0.1\ngen.max_tokens = 1\ngen.system = usual\n"
	    "[preset p]\ntop_k = 2\ntop_p = 0.2\nmax_tokens = 2\n", f);
	fclose(f);
	setenv("IVCHAT_CONFIG", path, 1);
	accept(&o, ASK, "-n 4 --set gen.top_p=0.3 --preset p --set gen.max_tokens=3 -i a word");
	assert_true(o.temp == 1 && o.top_k == 2 && o.top_p == 0.3f && o.max_tokens == 4);
	assert_false(o.temp_set || o.top_k_set || o.top_p_set);
	assert_true(o.max_tokens_set && o.system_is_usual);
	assert_string_equal(o.system, "usual");
	assert_int_equal(o.n_images, 1);
	assert_int_equal(o.n_operands, 1);
	options_done(&o);
	accept(&o, ASK, "--set gen.system=x");
	assert_false(o.system_is_usual);
	options_done(&o);
	accept(&o, ASK, "-S y");
	assert_false(o.system_is_usual);
	assert_string_equal(o.system, "y");
	options_done(&o);
	accept(&o, ASK, "--reference");
	assert_true(o.temp == 0 && o.top_k == 0 && o.top_p == 1 && o.max_tokens == 512 && !o.system);
	options_done(&o);
	accept(&o, OPT_LIST, "");
	assert_int_equal(o.conf->n_warnings, 0);
	options_done(&o);
	refuse(ASK, "--preset q", CODE_USAGE, "there is no preset 'q'", "one of: p");
	refuse(ASK, "--set gen.top_k=-1", CODE_USAGE,
	    "gen.top_k '-1': must be a whole number from 0 to 1048576", "ivchat config");
	refuse(ASK, "--set gen.top_k", CODE_USAGE, "--set 'gen.top_k': must be KEY=VALUE", "ivchat config");
	setenv("IVCHAT_CONFIG", "/dev/null", 1);
	remove(path);
}

static void
test_system_from_a_file(void **state)
{
	static const char path[] = "cmd_options.tmp";
	struct options o;
	struct error err;
	FILE *f = fopen(path, "w");

	(void)state;
	assert_non_null(f);
	fputs("Be brief.\n\n", f);
	fclose(f);
	accept(&o, ASK, "-S @cmd_options.tmp");
	assert_string_equal(o.system, "Be brief.\n");
	options_done(&o);
	remove(path);
	assert_int_equal(parse(&o, ASK, "-S @cmd_options.tmp", &err), -1);
	assert_int_equal(err.code, CODE_INPUT);
	options_done(&o);
	accept(&o, ASK, "--system=");
	assert_string_equal(o.system, "");
	options_done(&o);
}

static void
test_where_the_subcommand_stands(void **state)
{
	static const struct { const char *line; int at; } cases[] = {
		{"", -1}, {"ask", 0}, {"-q ask", 1}, {"-m dir ask", 2}, {"--model dir ask", 2},
		{"--model=dir ask", 1}, {"-mdir ask", 1}, {"-qn 5 ask", 2}, {"-qn5 ask", 1}, {"-- ask", -1},
		{"-q", -1}, {"-m", -1},
		{"- ask", 0}, {"--unknown ask", 1}, {"-c -s x ask", 3},
	};
	char *argv[MAX_WORDS];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int argc = split(cases[i].line, argv);

		if (options_first_operand(argc, argv) != cases[i].at)
			fail_msg("'%s': %d", cases[i].line, options_first_operand(argc, argv));
	}
}

static void
test_distance(void **state)
{
	(void)state;
	assert_int_equal(nearest_distance("", ""), 0);
	assert_int_equal(nearest_distance("", "ask"), 3);
	assert_int_equal(nearest_distance("ask", "ask"), 0);
	assert_int_equal(nearest_distance("aks", "ask"), 1);
	assert_int_equal(nearest_distance("tokenise", "tokenize"), 1);
	assert_int_equal(nearest_distance("shw", "show"), 1);
	assert_int_equal(nearest_distance("kitten", "sitting"), 3);
	assert_true(nearest_is_close("tokenise", "tokenize"));
	assert_false(nearest_is_close("cat.jpg", "chat"));
}

/* Every option is printed in the help of its group. */
static void
test_help_names_every_option(void **state)
{
	static char text[16384];
	FILE *f = fmemopen(text, sizeof text, "w");

	(void)state;
	assert_non_null(f);
	options_print(OPT_RM, f);
	fclose(f);
	assert_non_null(strstr(text, "-f, --force"));
	assert_non_null(strstr(text, "--empty-trash"));
	assert_non_null(strstr(text, "-h, --help"));
	assert_null(strstr(text, "--model"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_forms_of_one_value),
		cmocka_unit_test(test_numbers_at_their_borders),
		cmocka_unit_test(test_gpus),
		cmocka_unit_test(test_operands),
		cmocka_unit_test(test_pictures_keep_their_order),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_abbreviation_that_is_not_clear),
		cmocka_unit_test(test_values_where_none_belongs),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_system_from_a_file),
		cmocka_unit_test(test_where_the_subcommand_stands),
		cmocka_unit_test(test_distance),
		cmocka_unit_test(test_help_names_every_option),
	};

	unsetenv("IVCHAT_MODEL");
	unsetenv("IVCHAT_IMAGES");
	unsetenv("IVCHAT_SHARE");
	setenv("IVCHAT_CONFIG", "/dev/null", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
