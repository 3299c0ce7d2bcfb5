/* math.c: see math.h. A formula is read from left to right by one function that stops at what it does not know: an
 * alignment, an environment, an index without a form in Unicode. Half of a formula is worse than its source. */
#include "config.h"

#include "ui/math.h"

#include <stdint.h>
#include <string.h>

#include "base/text.h"

enum { DEPTH_MAX = 12 };

struct tex {
	const char *s;
	size_t n, at;
	int depth;
};

static bool
read_some(struct tex *t, struct buf *out, char until);

/* ---------------------------------------------------------------- tables */

struct symbol {
	const char *name, *text;
};

static const struct symbol symbols[] = {
	{ "alpha", "α" }, { "beta", "β" }, { "gamma", "γ" }, { "delta", "δ" }, { "epsilon", "ϵ" }, { "varepsilon", "ε" },
	{ "zeta", "ζ" }, { "eta", "η" }, { "theta", "θ" }, { "vartheta", "ϑ" }, { "iota", "ι" }, { "kappa", "κ" },
	{ "lambda", "λ" }, { "mu", "μ" }, { "nu", "ν" }, { "xi", "ξ" }, { "pi", "π" }, { "varpi", "ϖ" }, { "rho", "ρ" },
	{ "varrho", "ϱ" }, { "sigma", "σ" }, { "varsigma", "ς" }, { "tau", "τ" }, { "upsilon", "υ" }, { "phi", "ϕ" },
	{ "varphi", "φ" }, { "chi", "χ" }, { "psi", "ψ" }, { "omega", "ω" }, { "Gamma", "Γ" }, { "Delta", "Δ" },
	{ "Theta", "Θ" }, { "Lambda", "Λ" }, { "Xi", "Ξ" }, { "Pi", "Π" }, { "Sigma", "Σ" }, { "Upsilon", "Υ" },
	{ "Phi", "Φ" }, { "Psi", "Ψ" }, { "Omega", "Ω" },
	{ "times", "×" }, { "div", "÷" }, { "cdot", "·" }, { "pm", "±" }, { "mp", "∓" }, { "ast", "∗" }, { "star", "⋆" },
	{ "circ", "∘" }, { "bullet", "•" }, { "oplus", "⊕" }, { "ominus", "⊖" }, { "otimes", "⊗" }, { "odot", "⊙" },
	{ "wedge", "∧" }, { "land", "∧" }, { "vee", "∨" }, { "lor", "∨" }, { "neg", "¬" }, { "lnot", "¬" }, { "cap", "∩" },
	{ "cup", "∪" }, { "setminus", "∖" }, { "dagger", "†" },
	{ "le", "≤" }, { "leq", "≤" }, { "ge", "≥" }, { "geq", "≥" }, { "ne", "≠" }, { "neq", "≠" }, { "approx", "≈" },
	{ "equiv", "≡" }, { "sim", "∼" }, { "simeq", "≃" }, { "cong", "≅" }, { "propto", "∝" }, { "ll", "≪" }, { "gg", "≫" },
	{ "in", "∈" }, { "notin", "∉" }, { "ni", "∋" }, { "subset", "⊂" }, { "supset", "⊃" }, { "subseteq", "⊆" },
	{ "supseteq", "⊇" }, { "perp", "⊥" }, { "parallel", "∥" }, { "mid", "∣" }, { "models", "⊨" }, { "vdash", "⊢" },
	{ "to", "→" }, { "rightarrow", "→" }, { "leftarrow", "←" }, { "gets", "←" }, { "leftrightarrow", "↔" },
	{ "Rightarrow", "⇒" }, { "Leftarrow", "⇐" }, { "Leftrightarrow", "⇔" }, { "implies", "⟹" }, { "iff", "⟺" },
	{ "longrightarrow", "⟶" }, { "longleftarrow", "⟵" }, { "mapsto", "↦" }, { "uparrow", "↑" }, { "downarrow", "↓" },
	{ "sum", "∑" }, { "prod", "∏" }, { "int", "∫" }, { "iint", "∬" }, { "oint", "∮" }, { "partial", "∂" },
	{ "nabla", "∇" }, { "infty", "∞" }, { "forall", "∀" }, { "exists", "∃" }, { "nexists", "∄" }, { "emptyset", "∅" },
	{ "varnothing", "∅" }, { "angle", "∠" }, { "triangle", "△" }, { "degree", "°" }, { "prime", "′" }, { "hbar", "ℏ" },
	{ "ell", "ℓ" }, { "Re", "ℜ" }, { "Im", "ℑ" }, { "aleph", "ℵ" }, { "therefore", "∴" }, { "because", "∵" },
	{ "ldots", "…" }, { "dots", "…" }, { "cdots", "⋯" }, { "vdots", "⋮" }, { "ddots", "⋱" },
	{ "langle", "⟨" }, { "rangle", "⟩" }, { "lfloor", "⌊" }, { "rfloor", "⌋" }, { "lceil", "⌈" }, { "rceil", "⌉" },
	{ "lvert", "|" }, { "rvert", "|" }, { "lVert", "‖" }, { "rVert", "‖" }, { "Vert", "‖" }, { "vert", "|" },
	{ "lbrace", "{" }, { "rbrace", "}" }, { "colon", ":" }, { "backslash", "\\" },
	{ "quad", "  " }, { "qquad", "    " },
	{ "sin", "sin" }, { "cos", "cos" }, { "tan", "tan" }, { "cot", "cot" }, { "sec", "sec" }, { "csc", "csc" },
	{ "arcsin", "arcsin" }, { "arccos", "arccos" }, { "arctan", "arctan" }, { "sinh", "sinh" }, { "cosh", "cosh" },
	{ "tanh", "tanh" }, { "log", "log" }, { "ln", "ln" }, { "lg", "lg" }, { "exp", "exp" }, { "lim", "lim" },
	{ "max", "max" }, { "min", "min" }, { "sup", "sup" }, { "inf", "inf" }, { "arg", "arg" }, { "det", "det" },
	{ "dim", "dim" }, { "ker", "ker" }, { "gcd", "gcd" }, { "deg", "deg" }, { "Pr", "Pr" }, { "bmod", "mod" },
	{ NULL, NULL },
};

/* These only change size or place. */
static const struct symbol silent[] = {
	{ "left", "" }, { "right", "" }, { "big", "" }, { "Big", "" }, { "bigl", "" }, { "bigr", "" }, { "Bigl", "" },
	{ "Bigr", "" }, { "displaystyle", "" }, { "textstyle", "" }, { "limits", "" }, { "nolimits", "" }, { NULL, NULL },
};

/* Accents as a combining mark after one letter. */
static const struct symbol accents[] = {
	{ "hat", "\xcc\x82" }, { "bar", "\xcc\x84" }, { "overline", "\xcc\x85" }, { "tilde", "\xcc\x83" },
	{ "dot", "\xcc\x87" }, { "ddot", "\xcc\x88" }, { "vec", "\xe2\x83\x97" }, { NULL, NULL },
};

struct index {
	const char *plain, *super, *sub;        /* "": has no such form */
};

static const struct index indices[] = {
	{ "0", "⁰", "₀" }, { "1", "¹", "₁" }, { "2", "²", "₂" }, { "3", "³", "₃" }, { "4", "⁴", "₄" }, { "5", "⁵", "₅" },
	{ "6", "⁶", "₆" }, { "7", "⁷", "₇" }, { "8", "⁸", "₈" }, { "9", "⁹", "₉" }, { "+", "⁺", "₊" }, { "-", "⁻", "₋" },
	{ "=", "⁼", "₌" }, { "(", "⁽", "₍" }, { ")", "⁾", "₎" }, { "a", "ᵃ", "ₐ" }, { "b", "ᵇ", "" }, { "c", "ᶜ", "" },
	{ "d", "ᵈ", "" }, { "e", "ᵉ", "ₑ" }, { "f", "ᶠ", "" }, { "g", "ᵍ", "" }, { "h", "ʰ", "ₕ" }, { "i", "ⁱ", "ᵢ" },
	{ "j", "ʲ", "ⱼ" }, { "k", "ᵏ", "ₖ" }, { "l", "ˡ", "ₗ" }, { "m", "ᵐ", "ₘ" }, { "n", "ⁿ", "ₙ" }, { "o", "ᵒ", "ₒ" },
	{ "p", "ᵖ", "ₚ" }, { "r", "ʳ", "ᵣ" }, { "s", "ˢ", "ₛ" }, { "t", "ᵗ", "ₜ" }, { "u", "ᵘ", "ᵤ" }, { "v", "ᵛ", "ᵥ" },
	{ "w", "ʷ", "" }, { "x", "ˣ", "ₓ" }, { "y", "ʸ", "" }, { "z", "ᶻ", "" }, { "T", "ᵀ", "" }, { "N", "ᴺ", "" },
	{ "M", "ᴹ", "" }, { "K", "ᴷ", "" }, { "H", "ᴴ", "" }, { "A", "ᴬ", "" }, { "B", "ᴮ", "" }, { "D", "ᴰ", "" },
	{ "E", "ᴱ", "" }, { "G", "ᴳ", "" }, { "I", "ᴵ", "" }, { "J", "ᴶ", "" }, { "L", "ᴸ", "" }, { "O", "ᴼ", "" },
	{ "P", "ᴾ", "" }, { "R", "ᴿ", "" }, { "U", "ᵁ", "" }, { "W", "ᵂ", "" }, { "α", "ᵅ", "" }, { "β", "ᵝ", "ᵦ" },
	{ "γ", "ᵞ", "ᵧ" }, { "δ", "ᵟ", "" }, { "θ", "ᶿ", "" }, { "ρ", "", "ᵨ" }, { "φ", "ᵠ", "ᵩ" }, { "χ", "ᵡ", "ᵪ" },
	{ "∘", "°", "" }, { "°", "°", "" }, { "′", "′", "" }, { "∗", "*", "" }, { "*", "*", "" }, { "†", "†", "" },
	{ " ", "", "" }, { NULL, NULL, NULL },
};

static const struct symbol doubled[] = {
	{ "C", "ℂ" }, { "N", "ℕ" }, { "P", "ℙ" }, { "Q", "ℚ" }, { "R", "ℝ" }, { "Z", "ℤ" }, { "H", "ℍ" }, { "E", "𝔼" },
	{ "1", "𝟙" }, { "F", "𝔽" }, { NULL, NULL },
};

static const struct symbol calligraphic[] = {
	{ "L", "ℒ" }, { "O", "𝒪" }, { "N", "𝒩" }, { "H", "ℋ" }, { "F", "ℱ" }, { "R", "ℛ" }, { "B", "ℬ" }, { "E", "ℰ" },
	{ "I", "ℐ" }, { "M", "ℳ" }, { "D", "𝒟" }, { "A", "𝒜" }, { "C", "𝒞" }, { "X", "𝒳" }, { "Y", "𝒴" }, { "S", "𝒮" },
	{ NULL, NULL },
};

static const char *
look_up(const struct symbol *table, const char *name, size_t n)
{
	for (; table->name; table++)
		if (strlen(table->name) == n && memcmp(table->name, name, n) == 0)
			return table->text;
	return NULL;
}

/* ---------------------------------------------------------------- parts */

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void
skip_blanks(struct tex *t)
{
	while (t->at < t->n && (t->s[t->at] == ' ' || t->s[t->at] == '\n'))
		t->at++;
}

static bool
read_one(struct tex *t, struct buf *out);

/* What a command or an index stands for: one thing, or a group in braces. */
static bool
read_argument(struct tex *t, struct buf *out)
{
	skip_blanks(t);
	if (t->at == t->n)
		return false;
	if (t->s[t->at] != '{') {
		bool known = ++t->depth <= DEPTH_MAX && read_one(t, out);

		t->depth--;
		return known;
	}
	t->at++;
	return read_some(t, out, '}');
}

/* The group as it stands, for \text and names. */
static bool
read_verbatim(struct tex *t, struct buf *out)
{
	size_t from;

	skip_blanks(t);
	if (t->at == t->n || t->s[t->at] != '{')
		return false;
	for (from = ++t->at; t->at < t->n && t->s[t->at] != '}'; t->at++)
		if (strchr("\\{$\n", t->s[t->at]))
			return false;
	if (t->at == t->n)
		return false;
	if (t->at > from && t->s[from] == ' ' && out->n > 0 && out->at[out->n - 1] == ' ')
		from++;
	buf_add(out, t->s + from, t->at++ - from);
	return true;
}

/* Superscripts, subscripts, primes and combining marks: they belong to what is before them. */
static bool
is_attached(int32_t cp)
{
	return cp == 0xb2 || cp == 0xb3 || cp == 0xb9 || (cp >= 0x2b0 && cp <= 0x36f) || (cp >= 0x1d2c && cp <= 0x1d6a) ||
		(cp >= 0x1d9c && cp <= 0x1dbf) || (cp >= 0x2070 && cp <= 0x209f) || cp == 0x2032 || cp == 0x2c7c;
}

/* "(…)" or "√(…)" as a whole. */
static bool
is_group(const char *s, size_t n)
{
	int open = 0;

	if (n > 3 && memcmp(s, "√", 3) == 0) {
		s += 3;
		n -= 3;
	}
	for (size_t i = 0; i < n; i++) {
		open += s[i] == '(' ? 1 : s[i] == ')' ? -1 : 0;
		if (open == 0)
			return i > 0 && i == n - 1;
	}
	return false;
}

/* A number, or one letter with what belongs to it. */
static bool
is_one(const char *s, size_t n)
{
	int letters = 0, digits = 0;
	int32_t cp;

	for (size_t i = 0; i < n; i += text_decode(s + i, n - i, &cp)) {
		text_decode(s + i, n - i, &cp);
		if ((cp >= '0' && cp <= '9') || cp == '.')
			digits++;
		else if (!is_attached(cp))
			letters++;
	}
	return letters + (digits > 0) == 1;
}

/* Products need no parentheses above the stroke, but below it: 1/(2a). */
static bool
is_product(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strchr(" +-*/=<>,|", s[i]))
			return false;
	return true;
}

static void
add_part(struct buf *out, const struct buf *part, bool over)
{
	bool single = is_group(part->at, part->n) || is_one(part->at, part->n) || (over && is_product(part->at, part->n));

	buf_str(out, single ? "" : "(");
	buf_add(out, buf_text(part), part->n);
	buf_str(out, single ? "" : ")");
}

/* Whether what stands before or behind could be read as a part of a fraction that is written in one line. */
static bool
is_beside(const struct tex *t, const struct buf *out)
{
	size_t i = t->at;

	if (out->n > 0 && !strchr(" (=<>,|+-[{", out->at[out->n - 1]))
		return true;
	while (i < t->n && t->s[i] == ' ')
		i++;
	return i < t->n && !strchr("})]=<>,.;:|+-&\n", t->s[i]);
}

static bool
read_fraction(struct tex *t, struct buf *out)
{
	struct buf over = {0}, under = {0};
	bool known = read_argument(t, &over) && read_argument(t, &under) && over.n > 0 && under.n > 0;

	if (known) {
		bool beside = is_beside(t, out);

		buf_str(out, beside ? "(" : "");
		add_part(out, &over, true);
		buf_char(out, '/');
		add_part(out, &under, false);
		buf_str(out, beside ? ")" : "");
	}
	buf_done(&over);
	buf_done(&under);
	return known;
}

static const char *
root_sign(const struct buf *degree)
{
	if (degree->n == 0 || strcmp(degree->at, "2") == 0)
		return "√";
	return strcmp(degree->at, "3") == 0 ? "∛" : strcmp(degree->at, "4") == 0 ? "∜" : NULL;
}

static bool
read_root(struct tex *t, struct buf *out)
{
	struct buf degree = {0}, of = {0};
	const char *sign = NULL;

	skip_blanks(t);
	if (t->at < t->n && t->s[t->at] == '[') {
		t->at++;
		if (!read_some(t, &degree, ']'))
			goto out;
	}
	sign = root_sign(&degree);
	if (!sign || !read_argument(t, &of)) {
		sign = NULL;
		goto out;
	}
	buf_str(out, sign);
	if (text_width(buf_text(&of), of.n) == 1)
		buf_add(out, of.at, of.n);
	else
		buf_printf(out, "(%s)", buf_text(&of));
out:
	buf_done(&degree);
	buf_done(&of);
	return sign != NULL;
}

static const char *
index_for(const char *s, size_t n, bool super)
{
	for (const struct index *x = indices; x->plain; x++)
		if (strlen(x->plain) == n && memcmp(x->plain, s, n) == 0) {
			const char *text = super ? x->super : x->sub;

			return text[0] || s[0] == ' ' ? text : NULL;
		}
	return NULL;
}

static bool
read_index(struct tex *t, struct buf *out, bool super)
{
	struct buf plain = {0};
	bool known = read_argument(t, &plain) && plain.n > 0;

	for (size_t i = 0; known && i < plain.n;) {
		int32_t cp;
		size_t k = text_decode(plain.at + i, plain.n - i, &cp);
		const char *text = index_for(plain.at + i, k, super);

		known = text != NULL;
		buf_str(out, known ? text : "");
		i += k;
	}
	buf_done(&plain);
	return known;
}

/* One letter from a table of letters. */
static bool
read_letter(struct tex *t, struct buf *out, const struct symbol *table)
{
	struct buf letter = {0};
	const char *text = read_argument(t, &letter) ? look_up(table, buf_text(&letter), letter.n) : NULL;

	if (text)
		buf_str(out, text);
	buf_done(&letter);
	return text != NULL;
}

static bool
read_accent(struct tex *t, struct buf *out, const char *mark)
{
	struct buf base = {0};
	bool known = read_argument(t, &base) && text_width(buf_text(&base), base.n) == 1;

	if (known)
		buf_printf(out, "%s%s", base.at, mark);
	buf_done(&base);
	return known;
}

/* ---------------------------------------------------------------- commands */

enum command { FRACTION, ROOT, DOUBLED, CALLIGRAPHIC, VERBATIM, ARGUMENT, N_COMMANDS };

static const struct {
	const char *name;
	enum command is;
} commands[] = {
	{ "frac", FRACTION }, { "dfrac", FRACTION }, { "tfrac", FRACTION }, { "sqrt", ROOT }, { "mathbb", DOUBLED },
	{ "mathcal", CALLIGRAPHIC }, { "text", VERBATIM }, { "textbf", VERBATIM }, { "mathrm", VERBATIM },
	{ "operatorname", VERBATIM }, { "mathbf", ARGUMENT }, { "boldsymbol", ARGUMENT }, { "mathit", ARGUMENT },
	{ "boxed", ARGUMENT },
};

static enum command
find_command(const char *name, size_t n)
{
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (strlen(commands[i].name) == n && memcmp(commands[i].name, name, n) == 0)
			return commands[i].is;
	return N_COMMANDS;
}

static bool
run_command(struct tex *t, struct buf *out, enum command command)
{
	switch (command) {
	case FRACTION:
		return read_fraction(t, out);
	case ROOT:
		return read_root(t, out);
	case DOUBLED:
		return read_letter(t, out, doubled);
	case CALLIGRAPHIC:
		return read_letter(t, out, calligraphic);
	case VERBATIM:
		return read_verbatim(t, out);
	case ARGUMENT:
		return read_argument(t, out);
	case N_COMMANDS:
		break;
	}
	return false;
}

/* The blank that ends a command's name is no blank of the formula; but a function's name stays apart from letters, and
 * signs keep the room that they have. */
static bool
add_symbol(struct tex *t, struct buf *out, const char *text)
{
	bool is_name = is_letter(text[0]);
	size_t from;
	char next;

	if (is_name && out->n > 0 && is_letter(out->at[out->n - 1]))
		buf_char(out, ' ');
	buf_str(out, text);
	from = t->at;
	skip_blanks(t);
	if (t->at == t->n)
		return true;
	next = t->s[t->at];
	if (is_name ? is_letter(next) || next == '\\' : t->at > from && !is_letter(next) && !strchr("^_{}()[]", next))
		buf_char(out, ' ');
	return true;
}

/* Relations, arrows and their like: not Greek letters, names, ∂ and ∇, which belong to what follows. */
static bool
is_operator(const char *text)
{
	return (unsigned char)text[0] >= 0x80 && text[0] != (char)0xce && text[0] != (char)0xcf &&
		strcmp(text, "∂") != 0 && strcmp(text, "∇") != 0;
}

/* It has a blank on both sides or on none; the one behind its name counts only when there is one before it. */
static bool
add_operator(struct tex *t, struct buf *out, const char *text)
{
	bool tight = out->n > 0 && out->at[out->n - 1] != ' ';

	buf_str(out, text);
	if (tight)
		skip_blanks(t);
	return true;
}

static bool
read_named(struct tex *t, struct buf *out, const char *name, size_t n)
{
	const char *text = look_up(symbols, name, n), *mark = look_up(accents, name, n);

	if (text && is_operator(text))
		return add_operator(t, out, text);
	if (text)
		return add_symbol(t, out, text);
	if (mark)
		return read_accent(t, out, mark);
	if (look_up(silent, name, n)) {
		if (t->at < t->n && t->s[t->at] == '.')
			t->at++;                        /* \right. closes nothing */
		return true;
	}
	return run_command(t, out, find_command(name, n));
}

/* \, \{ \% and their like. */
static bool
read_escaped(struct tex *t, struct buf *out)
{
	char c = t->s[t->at++];

	if (strchr("{}%$#_&", c))
		buf_char(out, c);
	else if (strchr(",;:> ", c))
		buf_char(out, ' ');
	else if (c == '|')
		buf_str(out, "‖");
	else if (c != '!')
		return false;
	return true;
}

static bool
read_command(struct tex *t, struct buf *out)
{
	size_t from = ++t->at;

	if (from == t->n)
		return false;
	while (t->at < t->n && is_letter(t->s[t->at]))
		t->at++;
	return t->at == from ? read_escaped(t, out) : read_named(t, out, t->s + from, t->at - from);
}

/* ---------------------------------------------------------------- the formula */

/* Blanks of the source, as one. */
static bool
read_blank(struct tex *t, struct buf *out)
{
	skip_blanks(t);
	if (out->n > 0 && out->at[out->n - 1] != ' ')
		buf_char(out, ' ');
	return true;
}

static bool
read_one(struct tex *t, struct buf *out)
{
	char c = t->s[t->at];
	int32_t cp;
	size_t k;

	switch (c) {
	case '\\':
		return read_command(t, out);
	case '{':
		t->at++;
		return read_some(t, out, '}');
	case '^':
	case '_':
		t->at++;
		return read_index(t, out, c == '^');
	case '~':
		t->at++;
		return read_blank(t, out);
	case ' ':
	case '\n':
		return read_blank(t, out);
	case '\'':
		t->at++;
		buf_str(out, "′");
		return true;
	case '}':
	case '&':
	case '$':
	case '%':
	case '#':
		return false;
	default:
		k = text_decode(t->s + t->at, t->n - t->at, &cp);
		buf_add(out, t->s + t->at, k);
		t->at += k;
		return true;
	}
}

/* Up to and with `until`; NUL: to the end. */
static bool
read_some(struct tex *t, struct buf *out, char until)
{
	bool known = ++t->depth <= DEPTH_MAX;

	while (known && t->at < t->n && (until == '\0' || t->s[t->at] != until))
		known = read_one(t, out);
	t->depth--;
	if (!known || until == '\0')
		return known;
	return t->at < t->n && t->s[t->at++] == until;
}

bool
math_unicode(struct buf *out, const char *tex, size_t n)
{
	struct tex t = { tex, n, 0, 0 };
	struct buf text = {0};
	bool known;

	skip_blanks(&t);
	while (t.n > t.at && (tex[t.n - 1] == ' ' || tex[t.n - 1] == '\n'))
		t.n--;
	known = t.at < t.n && read_some(&t, &text, '\0') && text.n > 0;
	if (known)
		buf_add(out, text.at, text.n);
	buf_done(&text);
	return known;
}

/* What a text looks like from afar. */
struct traits {
	bool strong;                    /* has a command or an index */
	bool relation, foreign, quoted;
	int words;                      /* of two letters or more, between blanks */
	size_t longest;                 /* run of letters */
};

/* Behind the command at `at`, with the group of those that hold plain text. */
static size_t
command_end(const char *s, size_t n, size_t at)
{
	size_t from = ++at;

	while (at < n && is_letter(s[at]))
		at++;
	if (at == from)
		return at + (at < n);
	if (at < n && s[at] == '{' && find_command(s + from, at - from) == VERBATIM)
		while (at < n && s[at] != '}')
			at++;
	return at;
}

static size_t
run_end(const char *s, size_t n, size_t at, struct traits *traits)
{
	size_t from = at;

	while (at < n && is_letter(s[at]))
		at++;
	if (at - from > traits->longest)
		traits->longest = at - from;
	if (at - from >= 2 && (from == 0 || s[from - 1] == ' ') && (at == n || s[at] == ' '))
		traits->words++;
	return at;
}

static struct traits
look_at(const char *s, size_t n)
{
	struct traits traits = {0};

	for (size_t i = 0; i < n;) {
		traits.strong = traits.strong || s[i] == '\\' || s[i] == '^' || s[i] == '_';
		traits.relation = traits.relation || s[i] == '=';
		traits.foreign = traits.foreign || (unsigned char)s[i] >= 0x80;
		traits.quoted = traits.quoted || s[i] == '"' || s[i] == '`';
		if (s[i] == '\\')
			i = command_end(s, n, i);
		else
			i = is_letter(s[i]) ? run_end(s, n, i, &traits) : i + 1;
	}
	return traits;
}

bool
math_likely(const char *tex, size_t n)
{
	struct traits traits = look_at(tex, n);

	if (n == 0 || traits.quoted || traits.words >= 2 || (traits.foreign && !traits.strong))
		return false;
	return traits.strong || traits.relation || traits.longest < 3;
}
