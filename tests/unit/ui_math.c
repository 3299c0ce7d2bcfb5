/* TeX as Unicode where it is certain. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/text.h"
#include "ui/math.h"

static void
assert_math(const char *tex, const char *expected)
{
	struct buf out = {0};

	buf_str(&out, "before ");
	if (math_unicode(&out, tex, strlen(tex)) != (expected != NULL))
		fail_msg("%s: %s", tex, expected ? "not known" : buf_text(&out));
	assert_string_equal(out.at + 7, expected ? expected : "");
	buf_done(&out);
}

static void
symbols_and_relations(void **state)
{
	(void)state;
	assert_math("\\alpha \\le \\beta", "α ≤ β");
	assert_math("x \\in \\mathbb{R}", "x ∈ ℝ");
	assert_math("a \\times b \\neq c", "a × b ≠ c");
	assert_math("f: A \\to B", "f: A → B");
	assert_math("2\\pi r", "2πr");
	assert_math("a\\cdot b", "a·b");
	assert_math("\\forall x \\exists y", "∀ x ∃ y");
	assert_math("\\partial f/\\partial x", "∂f/∂x");
	assert_math("10 \\text{ cm}~x", "10 cm x");
	assert_math("O(n \\log n)", "O(n log n)");
	assert_math(" p \\Rightarrow q ", "p ⇒ q");
	assert_math("\\mathcal{L}(\\theta)", "ℒ(θ)");
	assert_math("\\sin x + \\cos\\theta", "sin x + cos θ");
	assert_math("x'", "x′");
	assert_math("\\mathbf{x}\\sin x", "x sin x");
	assert_math("\\left. \\|x\\| \\right|", "‖x‖ |");
	assert_math("\\left( a \\right)", "( a )");
	assert_math("50\\%", "50%");
	assert_math("\\text{面积} = 3", "面积 = 3");
}

static void
indices(void **state)
{
	(void)state;
	assert_math("E = mc^2", "E = mc²");
	assert_math("x_i^{n+1}", "xᵢⁿ⁺¹");
	assert_math("x_{max}", "xₘₐₓ");
	assert_math("\\sum_{i=1}^{n} x_i", "∑ᵢ₌₁ⁿ xᵢ");
	assert_math("90^\\circ", "90°");
	assert_math("A^T", "Aᵀ");
	assert_math("W_Q", NULL);                       /* no such letter below the line */
	assert_math("\\int_0^\\infty", NULL);
	assert_math("x^{\\frac{1}{2}}", NULL);
	assert_math("x^", NULL);
	assert_math("x^{2", NULL);
}

static void
fractions_and_roots(void **state)
{
	(void)state;
	assert_math("\\frac{a}{b}", "a/b");
	assert_math("\\frac{a+b}{2}", "(a+b)/2");
	assert_math("\\frac{1}{2a}", "1/(2a)");
	assert_math("\\frac{1}{x^2}", "1/x²");
	assert_math("\\frac12", "1/2");
	assert_math("\\frac{1}{2}mv^2", "(1/2)mv²");
	assert_math("2\\frac{1}{3}", "2(1/3)");
	assert_math("x = \\frac{-b \\pm \\sqrt{b^2 - 4ac}}{2a}", "x = (-b ± √(b² - 4ac))/(2a)");
	assert_math("\\frac{1}{\\sqrt{2\\pi}}", "1/√(2π)");
	assert_math("\\text{softmax}(\\frac{QK^T}{\\sqrt{d_k}})V", "softmax(QKᵀ/√(dₖ))V");
	assert_math("\\sqrt{2}", "√2");
	assert_math("\\sqrt[3]{x+1}", "∛(x+1)");
	assert_math("\\sqrt[5]{x}", NULL);
	assert_math("\\frac{a}", NULL);
	assert_math("\\frac{}{b}", NULL);
	assert_math("\\hat{x}", "x\xcc\x82");
	assert_math("\\hat{xy}", NULL);
}

static void
what_is_not_certain(void **state)
{
	(void)state;
	assert_math("", NULL);
	assert_math("  ", NULL);
	assert_math("\\unknown x", NULL);
	assert_math("a & b \\\\ c & d", NULL);
	assert_math("\\begin{matrix} a \\end{matrix}", NULL);
	assert_math("}", NULL);
	assert_math("{", NULL);
	assert_math("\\", NULL);
	assert_math("\\sqrt", NULL);
	assert_math("\\sqrt[", NULL);
	assert_math("\\text{a", NULL);
}

static void
nesting_is_bounded(void **state)
{
	static const char *const parts[] = { "{", "\\hat", "\\frac", "x^", "\\sqrt[" };
	struct buf tex = {0}, out = {0};

	(void)state;
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		buf_clear(&tex);
		for (int k = 0; k < 100000; k++)
			buf_str(&tex, parts[i]);
		assert_false(math_unicode(&out, tex.at, tex.n));
		assert_int_equal(out.n, 0);
	}
	assert_math("{{{{x}}}}", "x");
	buf_done(&tex);
	buf_done(&out);
}

static void
prices_are_no_formulas(void **state)
{
	static const struct {
		const char *text;
		bool likely;
	} cases[] = {
		{ "x", true }, { "n + 1", true }, { "f(x)", true }, { "E = mc^2", true }, { "\\text{area} = 3", true },
		{ "", false }, { "5 and then some more for ", false }, { "HOME/bin", false }, { "say \"x\"", false },
		{ "5，而", false }, { "长 \\times 宽", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (math_likely(cases[i].text, strlen(cases[i].text)) != cases[i].likely)
			fail_msg("%s", cases[i].text);
}

static void
any_bytes(void **state)
{
	static const char *const bits[] = {
		"\\frac", "{", "}", "^", "_", "\\sqrt", "[", "]", "x", "2", "\\alpha", " ", "\\left", "\\text", "\\", "猫", "\xe7",
		"\\hat", "\\mathbb", "R", "\\,", "'", "\n",
	};
	uint32_t seed = 5;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		struct buf tex = {0}, out = {0};

		for (int i = 0; i < 20; i++) {
			seed = seed * 1664525 + 1013904223;
			buf_str(&tex, bits[(seed >> 12) % (sizeof bits / sizeof *bits)]);
		}
		if (!math_unicode(&out, tex.at, tex.n))
			assert_int_equal(out.n, 0);
		else
			assert_true(out.n > 0);
		math_likely(tex.at, tex.n);
		buf_done(&tex);
		buf_done(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(symbols_and_relations),
		cmocka_unit_test(indices),
		cmocka_unit_test(fractions_and_roots),
		cmocka_unit_test(what_is_not_certain),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(prices_are_no_formulas),
		cmocka_unit_test(any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
