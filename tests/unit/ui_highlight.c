/* Code → colours: each byte's role as a letter. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "ui/highlight.h"
#include "ui/theme.h"

static char
letter(unsigned char role)
{
	switch ((enum theme_role)role) {
	case ROLE_CODE:
		return '.';
	case ROLE_CODE_KEYWORD:
		return 'k';
	case ROLE_CODE_STRING:
		return 's';
	case ROLE_CODE_COMMENT:
		return 'c';
	case ROLE_CODE_NUMBER:
		return 'n';
	case ROLE_CODE_ADDED:
		return '+';
	case ROLE_CODE_REMOVED:
		return '-';
	default:
		return '?';
	}
}

static struct highlight
begin(const char *name)
{
	return (struct highlight){ .language = highlight_find(name, strlen(name)) };
}

static void
assert_roles(struct highlight *h, const char *line, const char *expected)
{
	size_t n = strlen(line);
	unsigned char *roles = xcalloc(n + 1, 1);
	char *got = xcalloc(n + 1, 1);

	highlight_line(h, line, n, roles);
	for (size_t i = 0; i < n; i++)
		got[i] = letter(roles[i]);
	assert_string_equal(got, expected);
	free(roles);
	free(got);
}

static void
languages(void **state)
{
	static const char *const known[] = { "c", "C", "cpp", "C++", "python", "py", "json", "bash", "sh", "diff" };

	(void)state;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (!highlight_find(known[i], strlen(known[i])))
			fail_msg("%s", known[i]);
	assert_null(highlight_find("", 0));
	assert_null(highlight_find(" ", 1));
	assert_null(highlight_find("pyth", 4));
	assert_null(highlight_find("c h", 3));
	assert_null(highlight_find("a language of a long name", 25));
}

static void
c(void **state)
{
	struct highlight h = begin("c");

	(void)state;
	assert_roles(&h, "", "");
	assert_roles(&h, "int x = 0x1f;", "kkk.....nnnn.");
	assert_roles(&h, "interest", "........");
	assert_roles(&h, "\"a\\\"b\" 'c'", "ssssss.sss");
	assert_roles(&h, "x; // y \"z", "...ccccccc");
	assert_roles(&h, "a /* b", "..cccc");
	assert_roles(&h, "c \" d", "ccccc");
	assert_roles(&h, "*/ 1e-5", "cc.nnnn");
	assert_roles(&h, "\"open", "sssss");
	assert_roles(&h, "if", "kk");                   /* a string ends with its line */
	assert_roles(&h, "#include <a.h>", "nnnnnnnn......");
}

static void
python(void **state)
{
	struct highlight h = begin("python");

	(void)state;
	assert_roles(&h, "def f(): # x", "kkk......ccc");
	assert_roles(&h, "\"\"\"doc", "ssssss");
	assert_roles(&h, "def", "sss");
	assert_roles(&h, "\"\"\" + None", "sss...kkkk");
	assert_roles(&h, "@property", "nnnnnnnnn");
}

static void
json(void **state)
{
	struct highlight h = begin("json");

	(void)state;
	assert_roles(&h, "{\"a\" : \"b\", 1.5, null}", ".kkk...sss..nnn..kkkk.");
}

static void
shell(void **state)
{
	struct highlight h = begin("bash");

	(void)state;
	assert_roles(&h, "echo $x a#b # c", "kkkk.nn.....ccc");
	assert_roles(&h, "'a\\' b", "ssss..");
	assert_roles(&h, "\"a", "ss");
	assert_roles(&h, "b\" if", "ss.kk");
}

static void
diff(void **state)
{
	struct highlight h = begin("diff");

	(void)state;
	assert_roles(&h, "--- a", "ccccc");
	assert_roles(&h, "@@ -1 @@", "kkkkkkkk");
	assert_roles(&h, "-x", "--");
	assert_roles(&h, "+x", "++");
	assert_roles(&h, " x", "..");
	assert_roles(&h, "", "");
}

static void
plain(void **state)
{
	struct highlight h = begin("fortran");

	(void)state;
	assert_roles(&h, "if \"x\" /* 1", "...........");
}

/* Every byte gets a role of code, whatever the line is. */
static void
any_bytes(void **state)
{
	static const char *const names[] = { "c", "cpp", "python", "json", "bash", "diff", "" };
	static const char alphabet[] = "\"'/*#\\$@ aif019.eE-+(){}:\xe7\x8c\xab`R";
	uint32_t seed = 9;

	(void)state;
	for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
		struct highlight h = begin(names[k]);

		for (int round = 0; round < 2000; round++) {
			char line[24];
			unsigned char roles[24] = {0};
			size_t n = round % 24;

			for (size_t i = 0; i < n; i++) {
				seed = seed * 1664525 + 1013904223;
				line[i] = alphabet[(seed >> 12) % (sizeof alphabet - 1)];
			}
			highlight_line(&h, line, n, roles);
			for (size_t i = 0; i < n; i++)
				assert_true(letter(roles[i]) != '?');
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(languages), cmocka_unit_test(c), cmocka_unit_test(python), cmocka_unit_test(json),
		cmocka_unit_test(shell), cmocka_unit_test(diff), cmocka_unit_test(plain), cmocka_unit_test(any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
