/* inline.c: see inline.h.
 *
 * Three passes: scan() cuts the text into nodes, pair() finds which runs of * _ ~ belong together (CommonMark's rules,
 * with Chinese and Japanese neighbours counted like blanks, since their words stand without any), write() walks the
 * nodes and counts what is open. Every search for an end that fails is remembered, so that it is not made again. */
#include "config.h"

#include "ui/inline.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "ui/boxes.h"
#include "ui/math.h"

enum { TICKS_MAX = 32, URL_MAX_BYTES = 1000 };

enum node_kind {
	NODE_TEXT,
	NODE_RUN,               /* of * _ or ~ */
	NODE_BRACKET,           /* [ or ![ that may begin a link */
	NODE_LINK,              /* it does: [ is not shown */
	NODE_LINK_END,          /* ](url): `inner` is the url */
	NODE_CODE,              /* `inner` is what is shown */
	NODE_URL,
	NODE_REF,
	NODE_MATH,              /* `inner` is in the list of formulas */
};

struct node {
	enum node_kind kind;
	size_t start, end;              /* of the text */
	size_t inner, inner_end;
	char run;
	bool opens, closes;             /* what a run may do */
	int length;                     /* of a run, all of it */
	size_t opened, closed;          /* characters of a run that were taken, at its end and at its start */
	int emph_on, emph_off, strong_on, strong_off, strike_on, strike_off;
};

struct scanner {
	bool math;              /* formulas are made Unicode */
	const char *s;
	size_t n, at, plain;            /* plain: where the text not yet in a node begins */
	struct node *nodes;
	int n_nodes, cap;
	int *brackets;                  /* nodes that are open brackets */
	int n_brackets, brackets_cap;
	struct buf formulas;
	bool no_ticks[TICKS_MAX + 1];   /* no run of so many backquotes follows */
	bool no_dollars, no_paren, no_square;
};

/* ---------------------------------------------------------------- characters */

static bool
is_wide_script(int32_t cp)
{
	return (cp >= 0x1100 && cp <= 0x11ff) || (cp >= 0x2e80 && cp <= 0xa4cf) || (cp >= 0xac00 && cp <= 0xd7af) ||
		(cp >= 0xf900 && cp <= 0xfaff) || (cp >= 0xfe30 && cp <= 0xfe4f) || (cp >= 0xff00 && cp <= 0xffef) ||
		(cp >= 0x20000 && cp <= 0x3ffff);
}

static bool
is_punct(int32_t cp)
{
	if (cp < 0x80)
		return cp > ' ' && strchr("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", cp);
	return (cp >= 0x2010 && cp <= 0x2027) || (cp >= 0x2030 && cp <= 0x205e) || (cp >= 0x3001 && cp <= 0x3003) ||
		(cp >= 0x3008 && cp <= 0x3011) || (cp >= 0x3014 && cp <= 0x301f) || (cp >= 0xff01 && cp <= 0xff0f) ||
		(cp >= 0xff1a && cp <= 0xff20) || (cp >= 0xff3b && cp <= 0xff40) || (cp >= 0xff5b && cp <= 0xff65) ||
		cp == 0xa1 || cp == 0xa7 || cp == 0xab || cp == 0xb6 || cp == 0xb7 || cp == 0xbb || cp == 0xbf;
}

static bool
is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The character before a place, a blank at the beginning. */
static int32_t
char_before(const struct scanner *c, size_t at)
{
	size_t from = at;
	int32_t cp = ' ';

	while (from > 0 && at - from < 4) {
		from--;
		if (((unsigned char)c->s[from] & 0xc0) != 0x80)
			break;
	}
	if (from < at)
		text_decode(c->s + from, at - from, &cp);
	return cp;
}

static int32_t
char_at(const struct scanner *c, size_t at)
{
	int32_t cp = ' ';

	if (at < c->n)
		text_decode(c->s + at, c->n - at, &cp);
	return cp;
}

static bool
stands(const struct scanner *c, size_t at, const char *word)
{
	size_t n = strlen(word);

	return at <= c->n && c->n - at >= n && memcmp(c->s + at, word, n) == 0;
}

/* ---------------------------------------------------------------- nodes */

static struct node *
push(struct scanner *c, enum node_kind kind, size_t start, size_t end)
{
	if (c->n_nodes == c->cap) {
		c->cap = c->cap ? c->cap * 2 : 16;
		c->nodes = xreallocarray(c->nodes, (size_t)c->cap, sizeof *c->nodes);
	}
	c->nodes[c->n_nodes] = (struct node){ .kind = kind, .start = start, .end = end };
	return &c->nodes[c->n_nodes++];
}

/* A node for the next `n` bytes, after one for the plain text before them. */
static struct node *
take(struct scanner *c, enum node_kind kind, size_t n)
{
	if (c->plain < c->at)
		push(c, NODE_TEXT, c->plain, c->at);
	c->at += n;
	c->plain = c->at;
	return push(c, kind, c->at - n, c->at);
}

static size_t
run_length(const struct scanner *c, size_t at)
{
	size_t from = at;

	while (at < c->n && c->s[at] == c->s[from])
		at++;
	return at - from;
}

/* ---------------------------------------------------------------- what is not looked into */

static bool
scan_escape(struct scanner *c)
{
	struct node *node;

	if (c->at + 1 >= c->n || !strchr("\\`*_{}[]()#+-.!|~>$<\"'", c->s[c->at + 1]))
		return false;
	node = take(c, NODE_TEXT, 2);
	node->start++;
	return true;
}

/* One blank on both sides is there to keep backquotes apart. */
static void
trim_code(const struct scanner *c, struct node *node)
{
	const char *s = c->s;
	size_t i = node->inner;

	while (i < node->inner_end && s[i] == ' ')
		i++;
	if (i < node->inner_end && s[node->inner] == ' ' && s[node->inner_end - 1] == ' ') {
		node->inner++;
		node->inner_end--;
	}
}

/* Where a run of exactly n backquotes begins, from `at` on. */
static bool
find_ticks(const struct scanner *c, size_t at, size_t n, size_t *found)
{
	while (at < c->n) {
		size_t k = c->s[at] == '`' ? run_length(c, at) : 0;

		if (k == n) {
			*found = at;
			return true;
		}
		at += k ? k : 1;
	}
	return false;
}

static bool
scan_code(struct scanner *c)
{
	size_t n = run_length(c, c->at), from = c->at + n, to;
	struct node *node;

	if (n > TICKS_MAX || c->no_ticks[n] || !find_ticks(c, from, n, &to)) {
		c->no_ticks[n > TICKS_MAX ? 0 : n] = true;
		c->at += n;
		return true;
	}
	node = take(c, NODE_CODE, to + n - c->at);
	node->inner = from;
	node->inner_end = to;
	trim_code(c, node);
	return true;
}

/* A formula from `from` to `to`, its marks of `mark` bytes around it; as source when it is not certain. */
static void
add_formula(struct scanner *c, size_t from, size_t to, size_t mark)
{
	size_t before = c->formulas.n;
	bool known = c->math && math_likely(c->s + from, to - from) && math_unicode(&c->formulas, c->s + from, to - from);
	struct node *node = take(c, known ? NODE_MATH : NODE_TEXT, to + mark - c->at);

	node->inner = before;
	node->inner_end = c->formulas.n;
}

/* Where `word` stands, from `at` on; *none remembers that it does not. */
static bool
find_word(const struct scanner *c, size_t at, const char *word, bool *none, size_t *found)
{
	for (*found = at; !*none && *found < c->n; ++*found)
		if (c->s[*found] == word[0] && stands(c, *found, word))
			return true;
	*none = true;
	return false;
}

/* \( … \) and \[ … \]. */
static bool
scan_brackets(struct scanner *c)
{
	bool square = stands(c, c->at, "\\[");
	size_t to;

	if (!square && !stands(c, c->at, "\\("))
		return false;
	if (!find_word(c, c->at + 2, square ? "\\]" : "\\)", square ? &c->no_square : &c->no_paren, &to)) {
		c->at += 2;                     /* it stays as it is: an escape would take the sign away */
		return true;
	}
	add_formula(c, c->at + 2, to, 2);
	return true;
}

static bool
scan_backslash(struct scanner *c)
{
	if (stands(c, c->at, "\\)") || stands(c, c->at, "\\]")) {
		c->at += 2;
		return true;
	}
	return scan_brackets(c) || scan_escape(c);
}

/* $ … $ on one line: nothing blank inside the dollars, no word or number right outside. */
static bool
scan_dollar(struct scanner *c)
{
	size_t from = c->at + 1, to = from;

	if (stands(c, c->at, "$$")) {
		if (!find_word(c, c->at + 2, "$$", &c->no_dollars, &to)) {
			c->at += 2;
			return true;
		}
		add_formula(c, c->at + 2, to, 2);
		return true;
	}
	while (to < c->n && c->s[to] != '$' && c->s[to] != '\n')
		to += c->s[to] == '\\' && to + 1 < c->n ? 2 : 1;
	if (to >= c->n || c->s[to] != '$' || to == from || c->s[from] == ' ' || c->s[to - 1] == ' ')
		return false;
	if ((to + 1 < c->n && is_alnum(c->s[to + 1])) || (c->at > 0 && is_alnum(c->s[c->at - 1])))
		return false;
	add_formula(c, from, to, 1);
	return true;
}

/* ---------------------------------------------------------------- links */

/* The bytes of an address from `at` on, without what only ends the sentence. */
static size_t
url_length(const struct scanner *c, size_t at)
{
	size_t i = at;
	int parens = 0;

	while (i < c->n && (unsigned char)c->s[i] > ' ' && (unsigned char)c->s[i] < 0x80 && !strchr("<>[]\"`|\\", c->s[i])) {
		parens += c->s[i] == '(' ? 1 : c->s[i] == ')' ? -1 : 0;
		if (parens < 0)
			break;
		i++;
	}
	while (i > at && strchr(".,;:!?'*_~}", c->s[i - 1]))
		i--;
	return i - at;
}

static size_t
scheme_length(const struct scanner *c, size_t at)
{
	return stands(c, at, "https://") ? 8 : stands(c, at, "http://") ? 7 : 0;
}

static bool
scan_address(struct scanner *c)
{
	size_t scheme = scheme_length(c, c->at), n;
	struct node *node;

	if (scheme == 0 || (c->at > 0 && is_alnum(c->s[c->at - 1])))
		return false;
	n = url_length(c, c->at);
	if (n <= scheme)
		return false;
	node = take(c, NODE_URL, n);
	node->inner = node->start;
	node->inner_end = node->end;
	return true;
}

/* <https://…>, and <ref>name</ref><box>[[…]]</box>. */
static bool
scan_angle(struct scanner *c)
{
	size_t scheme = scheme_length(c, c->at + 1), n = scheme ? url_length(c, c->at + 1) : 0;
	const char *name;
	struct node *node;

	if (n > scheme && stands(c, c->at + 1 + n, ">")) {
		node = take(c, NODE_URL, n + 2);
		node->inner = node->start + 1;
		node->inner_end = node->end - 1;
		return true;
	}
	n = boxes_at(c->s + c->at, c->n - c->at, &name, &scheme);
	if (n == 0)
		return false;
	node = take(c, NODE_REF, n);
	node->inner = (size_t)(name - c->s);
	node->inner_end = node->inner + scheme;
	return true;
}

static bool
scan_open(struct scanner *c, size_t n)
{
	if (c->n_brackets == c->brackets_cap) {
		c->brackets_cap = c->brackets_cap ? c->brackets_cap * 2 : 8;
		c->brackets = xreallocarray(c->brackets, (size_t)c->brackets_cap, sizeof *c->brackets);
	}
	take(c, NODE_BRACKET, n);
	c->brackets[c->n_brackets++] = c->n_nodes - 1;
	return true;
}

/* The bytes of "(url)" or "(url "title")" at `at`, 0 when there is none; the address is [at + 1, *end). */
static size_t
destination(const struct scanner *c, size_t at, size_t *end)
{
	size_t i = at + 1, limit = c->n - at < URL_MAX_BYTES ? c->n : at + URL_MAX_BYTES;
	int parens = 0;

	if (at >= c->n || c->s[at] != '(')
		return 0;
	while (i < limit && !strchr(" \n", c->s[i]) && !(c->s[i] == ')' && parens == 0)) {
		parens += c->s[i] == '(' ? 1 : c->s[i] == ')' ? -1 : 0;
		i++;
	}
	*end = i;
	if (i < limit && c->s[i] == ' ' && i + 1 < limit && c->s[i + 1] == '"') {
		for (i += 2; i < limit && c->s[i] != '"' && c->s[i] != '\n'; i++)
			continue;
		i += i < limit && c->s[i] == '"';
	}
	return i < limit && c->s[i] == ')' && *end > at + 1 ? i + 1 - at : 0;
}

static bool
scan_close(struct scanner *c)
{
	size_t end, n;
	struct node *node;

	if (c->n_brackets == 0)
		return false;
	c->n_brackets--;
	n = destination(c, c->at + 1, &end);
	if (n == 0)
		return false;
	c->nodes[c->brackets[c->n_brackets]].kind = NODE_LINK;
	node = take(c, NODE_LINK_END, n + 1);
	node->inner = node->start + 2;
	node->inner_end = end;
	return true;
}

/* ---------------------------------------------------------------- runs */

static bool
is_loose(int32_t cp)
{
	return text_is_space(cp) || is_punct(cp) || is_wide_script(cp);
}

static bool
is_digit(int32_t cp)
{
	return cp >= '0' && cp <= '9';
}

/* 2*3*4, a*b*c and 2**10**2 are products and powers. */
static bool
is_operator(int32_t before, size_t n, int32_t after)
{
	if (before >= 0x80 || after >= 0x80 || !is_alnum((char)before) || !is_alnum((char)after))
		return false;
	return n == 1 || is_digit(before) || is_digit(after);
}

static bool
scan_run(struct scanner *c)
{
	size_t n = run_length(c, c->at);
	int32_t before = char_before(c, c->at), after = char_at(c, c->at + n);
	bool left = !text_is_space(after) && (!is_punct(after) || is_loose(before));
	bool right = !text_is_space(before) && (!is_punct(before) || is_loose(after));
	struct node *node;

	if (c->s[c->at] == '~' ? n != 2 : is_operator(before, n, after)) {
		c->at += n;
		return true;
	}
	node = take(c, NODE_RUN, n);
	node->run = c->s[node->start];
	node->length = n < 1000 ? (int)n : 1000;
	node->opens = left;
	node->closes = right;
	if (node->run == '_') {
		node->opens = left && (!right || is_punct(before));
		node->closes = right && (!left || is_punct(after));
	}
	return true;
}

static bool
scan_special(struct scanner *c)
{
	switch (c->s[c->at]) {
	case '\\':
		return scan_backslash(c);
	case '`':
		return scan_code(c);
	case '$':
		return scan_dollar(c);
	case '*':
	case '_':
	case '~':
		return scan_run(c);
	case '[':
		return scan_open(c, 1);
	case '!':
		return stands(c, c->at, "![") && scan_open(c, 2);
	case ']':
		return scan_close(c);
	case '<':
		return scan_angle(c);
	case 'h':
		return scan_address(c);
	default:
		return false;
	}
}

static void
scan(struct scanner *c)
{
	while (c->at < c->n)
		if (!scan_special(c))
			c->at++;
	if (c->plain < c->n)
		push(c, NODE_TEXT, c->plain, c->n);
}

/* ---------------------------------------------------------------- pairs */

static size_t
left_of(const struct node *node)
{
	return node->end - node->start - node->opened - node->closed;
}

/* CommonMark: a run that could do both pairs only when the lengths do not add up to a multiple of three. */
static bool
pairs_with(const struct node *open, const struct node *close)
{
	if (open->run != close->run)
		return false;
	if (open->run == '~' || (!open->closes && !close->opens))
		return true;
	return (open->length + close->length) % 3 != 0 || (open->length % 3 == 0 && close->length % 3 == 0);
}

static void
join(struct node *open, struct node *close)
{
	bool strike = open->run == '~', strong = !strike && left_of(open) >= 2 && left_of(close) >= 2;
	size_t n = strike || strong ? 2 : 1;

	open->opened += n;
	close->closed += n;
	open->strike_on += strike;
	close->strike_off += strike;
	open->strong_on += strong;
	close->strong_off += strong;
	open->emph_on += !strike && !strong;
	close->emph_off += !strike && !strong;
}

/* Runs that may open, by their node; and below which of them a search for each kind of end has failed. */
struct pairing {
	int *stack;
	int n;
	int bottom[3][2][3];            /* by character, by whether the end could also begin, by length */
};

static int *
bottom_of(struct pairing *p, const struct node *close)
{
	return &p->bottom[close->run == '*' ? 0 : close->run == '_' ? 1 : 2][close->opens][close->length % 3];
}

/* The place in the stack of what this run ends, or -1. */
static int
find_opener(const struct scanner *c, struct pairing *p, const struct node *close)
{
	int *bottom = bottom_of(p, close);

	for (int i = p->n - 1; i >= 0 && p->stack[i] >= *bottom; i--)
		if (pairs_with(&c->nodes[p->stack[i]], close))
			return i;
	*bottom = p->n > 0 ? p->stack[p->n - 1] + 1 : 0;
	return -1;
}

static void
close_run(const struct scanner *c, struct pairing *p, struct node *close)
{
	while (left_of(close) > 0) {
		int i = find_opener(c, p, close);

		if (i < 0)
			return;
		join(&c->nodes[p->stack[i]], close);
		p->n = i + (left_of(&c->nodes[p->stack[i]]) > 0);
	}
}

static void
pair(struct scanner *c)
{
	struct pairing p = { .stack = xreallocarray(NULL, (size_t)c->n_nodes + 1, sizeof *p.stack) };

	for (int i = 0; i < c->n_nodes; i++) {
		struct node *node = &c->nodes[i];

		if (node->kind != NODE_RUN)
			continue;
		if (node->closes)
			close_run(c, &p, node);
		if (node->opens && left_of(node) > 0)
			p.stack[p.n++] = i;
	}
	free(p.stack);
}

/* ---------------------------------------------------------------- out */

struct writer {
	struct styled *out;
	const struct styled *in;
	size_t start;                   /* of the scanned text in `in` */
	enum theme_role base;
	int emph, strong, strike, link;
	size_t link_from;               /* in out: where the last link's text begins */
};

static bool
is_heading(enum theme_role role)
{
	return role == ROLE_HEADING1 || role == ROLE_HEADING2 || role == ROLE_HEADING3;
}

static enum theme_role
role_now(const struct writer *w)
{
	if (w->link > 0)
		return ROLE_LINK;
	if (w->strike > 0)
		return ROLE_STRIKE;
	if (is_heading(w->base))
		return w->base;
	return w->strong > 0 ? ROLE_STRONG : w->emph > 0 ? ROLE_EMPH : w->base;
}

static void
copy(struct writer *w, enum theme_role role, size_t start, size_t end)
{
	styled_copy_as(w->out, role, w->in, w->start + start, w->start + end);
}

/* In code of one line a newline is a blank. */
static void
write_code(struct writer *w, const struct node *node)
{
	size_t from = w->out->n;

	copy(w, ROLE_CODE, node->inner, node->inner_end);
	for (size_t i = from; i < w->out->n; i++)
		if (w->out->text[i] == '\n')
			w->out->text[i] = ' ';
}

/* What is left of the run stands between what it ends and what it begins; of ~~ nothing is taken away. */
static void
write_run(struct writer *w, const struct node *node)
{
	bool tilde = node->run == '~';

	w->emph -= node->emph_off;
	w->strong -= node->strong_off;
	w->strike += tilde ? node->strike_on : 0;
	copy(w, role_now(w), node->start + (tilde ? 0 : node->closed), node->end - (tilde ? 0 : node->opened));
	w->strike -= node->strike_off;
	w->emph += node->emph_on;
	w->strong += node->strong_on;
}

static void
end_link(struct writer *w, const struct node *node)
{
	size_t n = node->inner_end - node->inner, shown = w->out->n - w->link_from;
	const char *url = w->in->text + w->start + node->inner;

	w->link--;
	if (n == shown && memcmp(w->out->text + w->link_from, url, n) == 0)
		return;
	styled_str(w->out, ROLE_URL, shown ? " (" : "(", w->in->source[w->start + node->start]);
	copy(w, ROLE_URL, node->inner, node->inner_end);
	styled_str(w->out, ROLE_URL, ")", w->in->source[w->start + node->end - 1]);
}

static void
write_node(struct writer *w, const struct scanner *c, const struct node *node)
{
	switch (node->kind) {
	case NODE_TEXT:
	case NODE_BRACKET:
		copy(w, role_now(w), node->start, node->end);
		break;
	case NODE_RUN:
		write_run(w, node);
		break;
	case NODE_LINK:
		w->link++;
		w->link_from = w->out->n;
		break;
	case NODE_LINK_END:
		end_link(w, node);
		break;
	case NODE_CODE:
		write_code(w, node);
		break;
	case NODE_URL:
		copy(w, ROLE_LINK, node->inner, node->inner_end);
		break;
	case NODE_REF:
		copy(w, ROLE_REF, node->inner, node->inner_end);
		break;
	case NODE_MATH:
		styled_put(w->out, ROLE_MATH, c->formulas.at + node->inner, node->inner_end - node->inner,
		           w->in->source[w->start + node->start]);
		break;
	}
}

void
inline_add(struct styled *out, enum theme_role base, const struct styled *in, size_t start, size_t end,
    bool math)
{
	struct scanner c = { .s = in->text + start, .n = end - start, .math = math };
	struct writer w = { .out = out, .in = in, .start = start, .base = base };

	assert(start <= end && end <= in->n);
	if (start == end)
		return;
	scan(&c);
	pair(&c);
	for (int i = 0; i < c.n_nodes; i++)
		write_node(&w, &c, &c.nodes[i]);
	free(c.nodes);
	free(c.brackets);
	buf_done(&c.formulas);
}
