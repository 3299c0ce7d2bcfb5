/* match.c: see match.h. Where letters are not exact, pattern and line are both folded to small letters and compared as
 * bytes: byte by byte when only ASCII letters of the pattern have two forms, else by code points. */
#include "config.h"

#include "store/match.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

enum fold { FOLD_NONE, FOLD_ASCII, FOLD_ALL };

struct match {
	enum fold fold;
	bool is_regex, word;
	bool plain;             /* there is a literal, and it stands in JSON as it is: nothing in it is escaped */
	struct buf literal;     /* folded; of an expression its required(), or empty */
	regex_t regex;
	struct buf line;        /* the folded line; for an expression: its copy with a NUL behind it */
};

/* ---- folding */

static bool
has_capital(const char *s, size_t n)
{
	while (n > 0) {
		int32_t cp;
		size_t taken = text_decode(s, n, &cp);

		if (text_lower(cp) != cp)
			return true;
		s += taken;
		n -= taken;
	}
	return false;
}

/* What must be folded so that no spelling of s is missed. */
static enum fold
fold_for(const char *s, size_t n)
{
	enum fold fold = FOLD_NONE;

	while (n > 0) {
		int32_t cp;
		size_t taken = text_decode(s, n, &cp);

		if (text_is_cased(cp) && cp >= 0x80)
			return FOLD_ALL;
		if (text_is_cased(cp))
			fold = FOLD_ASCII;
		s += taken;
		n -= taken;
	}
	return fold;
}

static void
fold_ascii(struct buf *out, const char *s, size_t n)
{
	char *to = buf_room(out, n);

	for (size_t i = 0; i < n; i++)
		to[i] = (char)(s[i] + ((unsigned char)(s[i] - 'A') < 26 ? 'a' - 'A' : 0));
	out->n += n;
	to[n] = '\0';
}

static void
fold_all(struct buf *out, const char *s, size_t n)
{
	while (n > 0) {
		char utf8[4];
		int32_t cp;
		size_t taken = 0;

		while (taken < n && (unsigned char)s[taken] < 0x80)
			taken++;
		fold_ascii(out, s, taken);
		if (taken == 0) {
			taken = text_decode(s, n, &cp);
			buf_add(out, utf8, text_encode(text_lower(cp), utf8));
		}
		s += taken;
		n -= taken;
	}
}

static void
fold(struct match *m, struct buf *out, const char *s, size_t n)
{
	buf_clear(out);
	if (m->fold == FOLD_ALL)
		fold_all(out, s, n);
	else if (m->fold == FOLD_ASCII)
		fold_ascii(out, s, n);
	else
		buf_add(out, s, n);
}

/* ---- making */

/* The letters that every line must have that fits an expression: those that it begins with. Where branches stand side
 * by side there are none. */
static size_t
required(const char *pattern, const char **start)
{
	static const char special[] = "\\^$.[]|()*+?{}";
	int depth = 0;
	size_t n;

	for (const char *p = pattern; *p; p++) {
		depth += (*p == '(') - (*p == ')');
		if (strchr("\\[", *p) && strchr(p, '|'))
			return 0;
		if (*p == '|' && depth == 0)
			return 0;
	}
	*start = pattern + (pattern[0] == '^');
	n = strcspn(*start, special);
	if (n > 0 && (*start)[n] && strchr("*?{", (*start)[n]))
		do
			n--;
		while (n > 0 && ((unsigned char)(*start)[n] & 0xc0) == 0x80);
	return n;
}

static int
compile(struct match *m, const char *pattern, bool exact, struct error *err)
{
	char why[160];
	int rc = regcomp(&m->regex, pattern, REG_EXTENDED | (exact ? 0 : REG_ICASE));

	m->is_regex = rc == 0;
	if (rc == 0)
		return 0;
	regerror(rc, &m->regex, why, sizeof why);
	return error_set(err, CODE_USAGE, "'%s' is not an extended regular expression: %s", pattern, why);
}

/* Whether these bytes stand in JSON as they are. */
static bool
is_plain(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < 0x20 || strchr("\"\\\177", s[i]))
			return false;
	return n > 0;
}

struct match *
match_new(const struct query *q, struct error *err)
{
	const char *literal = q->pattern;
	size_t n = strlen(q->pattern);
	bool exact = q->letters == LETTERS_EXACT || (q->letters == LETTERS_SMART && has_capital(q->pattern, n));
	struct match *m;

	if (n == 0 || !text_valid(q->pattern, n)) {
		error_set(err, CODE_USAGE, n ? "the pattern is not UTF-8" : "the pattern is empty");
		return NULL;
	}
	m = xcalloc(1, sizeof *m);
	m->word = q->word;
	if (q->extended) {
		if (compile(m, q->pattern, exact, err) < 0) {
			free(m);
			return NULL;
		}
		n = required(q->pattern, &literal);
	}
	m->fold = exact ? FOLD_NONE : fold_for(literal, n);
	fold(m, &m->literal, literal, n);
	m->plain = is_plain(literal, n);
	return m;
}

void
match_free(struct match *m)
{
	if (!m)
		return;
	if (m->is_regex)
		regfree(&m->regex);
	buf_done(&m->literal);
	buf_done(&m->line);
	free(m);
}

/* ---- words */

/* Scripts that write without spaces: each character is a word. */
static bool
is_alone(int32_t cp)
{
	return (cp >= 0x2e80 && cp <= 0x2fdf) || (cp >= 0x3005 && cp <= 0x3007) || (cp >= 0x3040 && cp <= 0x30ff) ||
		(cp >= 0x31f0 && cp <= 0x31ff) || (cp >= 0x3400 && cp <= 0x4dbf) || (cp >= 0x4e00 && cp <= 0x9fff) ||
		(cp >= 0xac00 && cp <= 0xd7a3) || (cp >= 0xf900 && cp <= 0xfaff) || (cp >= 0x20000 && cp <= 0x3ffff);
}

/* Between these two a word ends. */
static bool
is_border(int32_t before, int32_t after)
{
	return !text_is_word(before) || !text_is_word(after) || is_alone(before) || is_alone(after);
}

static int32_t
before(const char *line, size_t at)
{
	size_t n = 1;
	int32_t cp;

	while (n < 4 && n < at && ((unsigned char)line[at - n] & 0xc0) == 0x80)
		n++;
	text_decode(line + at - n, n, &cp);
	return cp;
}

static int32_t
after(const char *line, size_t n, size_t at)
{
	int32_t cp;

	text_decode(line + at, n - at, &cp);
	return cp;
}

static bool
is_word(const char *line, size_t n, size_t from, size_t to)
{
	if (from == to)
		return false;
	if (from > 0 && !is_border(before(line, from), after(line, n, from)))
		return false;
	return to == n || is_border(before(line, to), after(line, n, to));
}

/* ---- looking */

bool
match_maybe(struct match *m, const char *json, size_t n)
{
	if (!m->plain)
		return true;
	if (m->fold != FOLD_NONE) {
		fold(m, &m->line, json, n);
		json = buf_text(&m->line);
		n = m->line.n;
	}
	/* Another writer may have escaped anything: \u00e9. */
	return memmem(json, n, m->literal.at, m->literal.n) || memmem(json, n, "\\u", 2);
}

static bool
has_literal(const struct match *m, const char *line, size_t n)
{
	const char *p = line, *end = line + n;

	while ((p = memmem(p, (size_t)(end - p), m->literal.at, m->literal.n))) {
		if (!m->word || is_word(line, n, (size_t)(p - line), (size_t)(p - line) + m->literal.n))
			return true;
		p++;
	}
	return false;
}

/* The longest match at each place, as POSIX has it; one character on when it is no whole word. */
static bool
has_regex(const struct match *m, const char *line, size_t n)
{
	regmatch_t at;
	size_t from = 0;

	while (from <= n && regexec(&m->regex, line + from, 1, &at, from > 0 ? REG_NOTBOL : 0) == 0) {
		if (!m->word || is_word(line, n, from + (size_t)at.rm_so, from + (size_t)at.rm_eo))
			return true;
		from += (size_t)at.rm_so;
		from += from < n ? text_decode(line + from, n - from, &(int32_t){0}) : 1;
	}
	return false;
}

bool
match_line(struct match *m, const char *line, size_t n)
{
	if (m->fold == FOLD_NONE && !m->is_regex)
		return has_literal(m, line, n);
	if (m->is_regex) {
		buf_clear(&m->line);
		buf_add(&m->line, line, n);
		return has_regex(m, buf_text(&m->line), strlen(buf_text(&m->line)));
	}
	fold(m, &m->line, line, n);
	return has_literal(m, buf_text(&m->line), m->line.n);
}
