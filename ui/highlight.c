/* highlight.c: see highlight.h. A language is a row of a table: its words and how comments and strings begin and end.
 * Diffs alone have a rule of their own: the first character of the line says all. */
#include "config.h"

#include "ui/highlight.h"

#include <stdbool.h>
#include <string.h>

#include "ui/theme.h"

struct delimiter {
	const char *begin, *end;        /* end NULL: the end of the line */
	bool lines;                     /* may go on on the next line */
};

enum { DELIMITERS_MAX = 6 };

struct language {
	const char *names;              /* between blanks */
	const char *words;              /* between blanks */
	struct delimiter comments[3];
	struct delimiter strings[DELIMITERS_MAX];
	const char *sigils;             /* they begin a word that is coloured like a number: $x, @x, #include as a word */
	bool comment_starts_word;       /* a comment begins only where a word could */
	bool keys;                      /* a string before a colon is coloured like a word of the language */
	bool raw_quote;                 /* no escapes between single quotes */
	bool diff;
};

#define C_WORDS \
	" auto break case char const continue default do double else enum extern float for goto if inline int long " \
	"register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while " \
	"bool true false NULL size_t ssize_t int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t " \
	"_Bool _Static_assert _Alignas _Atomic "

static const struct language languages[] = {
	{ .names = " c h cuda cu objc ", .words = C_WORDS, .sigils = "#",
	  .comments = { { "//", NULL, false }, { "/*", "*/", true } },
	  .strings = { { "\"", "\"", false }, { "'", "'", false } } },
	{ .names = " c++ cpp cc cxx hpp hxx ", .sigils = "#",
	  .words = C_WORDS "alignas alignof and catch class concept consteval constexpr constinit const_cast co_await "
	           "co_return co_yield decltype delete dynamic_cast explicit export final friend mutable namespace new "
	           "noexcept not nullptr operator or override private protected public reinterpret_cast requires "
	           "static_assert static_cast template this thread_local throw try typeid typename using virtual "
	           "wchar_t string vector ",
	  .comments = { { "//", NULL, false }, { "/*", "*/", true } },
	  .strings = { { "R\"(", ")\"", true }, { "\"", "\"", false }, { "'", "'", false } } },
	{ .names = " python py python3 pycon ", .sigils = "@",
	  .words = " False None True and as assert async await break case class continue def del elif else except "
	           "finally for from global if import in is lambda match nonlocal not or pass raise return self try "
	           "while with yield ",
	  .comments = { { "#", NULL, false } },
	  .strings = { { "\"\"\"", "\"\"\"", true }, { "'''", "'''", true }, { "\"", "\"", false }, { "'", "'", false } } },
	{ .names = " json jsonc json5 jsonl ", .words = " true false null ", .keys = true,
	  .comments = { { "//", NULL, false }, { "/*", "*/", true } },
	  .strings = { { "\"", "\"", false } } },
	{ .names = " sh bash shell zsh ksh console shell-session ", .sigils = "$", .comment_starts_word = true,
	  .raw_quote = true,
	  .words = " if then else elif fi case esac for while until do done in function select time return exit break "
	           "continue local export readonly declare unset set shift source alias cd echo printf read test trap "
	           "eval exec sudo ",
	  .comments = { { "#", NULL, false } },
	  .strings = { { "\"", "\"", true }, { "'", "'", true } } },
	{ .names = " diff patch udiff ", .diff = true },
	{ 0 },
};

/* ---------------------------------------------------------------- words */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || (unsigned char)c >= 0x80;
}

/* Whether the list has this word; letters of the list are compared as they are. */
static bool
has_word(const char *list, const char *s, size_t n)
{
	const char *at = list;

	if (!list || n == 0)
		return false;
	while ((at = strchr(at, ' ')) && at[1]) {
		at++;
		if (strncmp(at, s, n) == 0 && at[n] == ' ')
			return true;
	}
	return false;
}

const struct language *
highlight_find(const char *name, size_t n)
{
	char low[16];

	if (n == 0 || n >= sizeof low || memchr(name, ' ', n))
		return NULL;
	for (size_t i = 0; i < n; i++)
		low[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 'a' - 'A' : name[i]);
	for (const struct language *l = languages; l->names; l++)
		if (has_word(l->names, low, n))
			return l;
	return NULL;
}

/* ---------------------------------------------------------------- one line */

struct line {
	struct highlight *h;
	const char *s;
	size_t n, at;
	unsigned char *roles;
};

static bool
stands(const struct line *l, const char *word)
{
	size_t n = strlen(word);

	return l->n - l->at >= n && memcmp(l->s + l->at, word, n) == 0;
}

static void
paint(struct line *l, size_t to, enum theme_role role)
{
	memset(l->roles + l->at, (int)role, to - l->at);
	l->at = to;
}

/* Goes on to behind `until`, or to the line's end; true when it was found. */
static bool
paint_until(struct line *l, const char *until, unsigned char role, bool escapes)
{
	size_t from = l->at;

	for (; l->at < l->n; l->at++) {
		if (stands(l, until)) {
			l->at += strlen(until);
			memset(l->roles + from, role, l->at - from);
			return true;
		}
		if (escapes && l->s[l->at] == '\\' && l->at + 1 < l->n)
			l->at++;
	}
	memset(l->roles + from, role, l->at - from);
	return false;
}

static bool
has_escapes(const struct language *lang, unsigned char role, const char *end)
{
	return role == ROLE_CODE_STRING && !(lang->raw_quote && end[0] == '\'') && end[0] != ')';
}

/* A string or comment that begins here, to its end. */
static bool
paint_delimited(struct line *l, const struct delimiter *set, size_t n, enum theme_role role)
{
	for (size_t i = 0; i < n && set[i].begin; i++) {
		const struct delimiter *d = &set[i];

		if (!stands(l, d->begin))
			continue;
		if (!d->end) {
			paint(l, l->n, role);
			return true;
		}
		paint(l, l->at + strlen(d->begin), role);
		if (!paint_until(l, d->end, (unsigned char)role, has_escapes(l->h->language, (unsigned char)role, d->end)) &&
		    d->lines) {
			l->h->until = d->end;
			l->h->role = (unsigned char)role;
		}
		return true;
	}
	return false;
}

static bool
comment_may_begin(const struct line *l)
{
	return !l->h->language->comment_starts_word || l->at == 0 || strchr(" ;(&|`", l->s[l->at - 1]);
}

/* A string before a colon is the name of a value. */
static void
paint_key(struct line *l, size_t from)
{
	size_t k = l->at;

	while (k < l->n && l->s[k] == ' ')
		k++;
	if (k < l->n && l->s[k] == ':')
		memset(l->roles + from, ROLE_CODE_KEYWORD, l->at - from);
}

static size_t
word_end(const struct line *l, size_t at)
{
	while (at < l->n && is_word(l->s[at]))
		at++;
	return at;
}

/* 0x1f, 1e-3, 3.14f: letters, digits, dots, and a sign after an exponent. */
static size_t
number_end(const struct line *l)
{
	size_t i = l->at;

	while (i < l->n && (is_word(l->s[i]) || l->s[i] == '.' ||
	       ((l->s[i] == '-' || l->s[i] == '+') && (l->s[i - 1] == 'e' || l->s[i - 1] == 'E'))))
		i++;
	return i;
}

static bool
is_sigil(const struct line *l)
{
	const char *sigils = l->h->language->sigils;

	return sigils && strchr(sigils, l->s[l->at]) && l->at + 1 < l->n && is_word(l->s[l->at + 1]);
}

static void
paint_word(struct line *l)
{
	size_t to = word_end(l, l->at);

	paint(l, to, has_word(l->h->language->words, l->s + l->at, to - l->at) ? ROLE_CODE_KEYWORD : ROLE_CODE);
}

static void
paint_next(struct line *l)
{
	const struct language *lang = l->h->language;
	size_t from = l->at;

	if (comment_may_begin(l) && paint_delimited(l, lang->comments, 3, ROLE_CODE_COMMENT))
		return;
	if (paint_delimited(l, lang->strings, DELIMITERS_MAX, ROLE_CODE_STRING)) {
		if (lang->keys)
			paint_key(l, from);
	} else if (is_sigil(l)) {
		paint(l, word_end(l, l->at + 1), ROLE_CODE_NUMBER);
	} else if (is_digit(l->s[l->at])) {
		paint(l, number_end(l), ROLE_CODE_NUMBER);
	} else if (is_word(l->s[l->at])) {
		paint_word(l);
	} else {
		paint(l, l->at + 1, ROLE_CODE);
	}
}

static enum theme_role
diff_role(const char *s, size_t n)
{
	if (n >= 3 && (memcmp(s, "+++", 3) == 0 || memcmp(s, "---", 3) == 0))
		return ROLE_CODE_COMMENT;
	if (n >= 2 && memcmp(s, "@@", 2) == 0)
		return ROLE_CODE_KEYWORD;
	if (n > 0 && s[0] == '+')
		return ROLE_CODE_ADDED;
	return n > 0 && s[0] == '-' ? ROLE_CODE_REMOVED : ROLE_CODE;
}

void
highlight_line(struct highlight *h, const char *s, size_t n, unsigned char *roles)
{
	struct line l = { h, s, n, 0, roles };

	if (n == 0)
		return;
	if (!h->language) {
		paint(&l, n, ROLE_CODE);
	} else if (h->language->diff) {
		paint(&l, n, diff_role(s, n));
	} else {
		if (h->until && paint_until(&l, h->until, h->role, has_escapes(h->language, h->role, h->until)))
			h->until = NULL;
		while (l.at < n)
			paint_next(&l);
	}
}
