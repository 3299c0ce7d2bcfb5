/* text.c: see text.h. The tables are utf8proc's; what is decided here is how many cells a terminal gives a code point,
 * which of them make one grapheme, and which part of a grapheme is drawn.
 *
 * A grapheme is Unicode's, with one difference: a code point that has cells of its own joins the one before only as
 * part of an emoji sequence, since in everything else (vowel signs of Indic scripts, old Hangul) terminals draw it. */
#include "config.h"

#include "base/text.h"

#include <utf8proc.h>

enum {
	REPLACEMENT = 0xfffd,
	DOTTED_CIRCLE = 0x25cc,         /* carries a mark that has no base */
	ZWJ = 0x200d,
	MARKS_MAX = 4,                  /* what ncurses keeps in a cell */
};

/* ---------------------------------------------------------------- UTF-8 */

/* Bytes of the character that this byte begins; 0 when it begins none. */
static size_t
lead_length(unsigned char c)
{
	if (c < 0x80)
		return 1;
	if (c >= 0xc2 && c <= 0xdf)
		return 2;
	if (c >= 0xe0 && c <= 0xef)
		return 3;
	return c >= 0xf0 && c <= 0xf4 ? 4 : 0;
}

/* Whether c may follow this lead: overlong forms, surrogates and what is above U+10FFFF are refused here. */
static bool
second_fits(unsigned char lead, unsigned char c)
{
	unsigned char low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
	unsigned char high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;

	return c >= low && c <= high;
}

/* How many bytes of s[0..n) belong to one character, whole or not; 0 when the first is bad. */
static size_t
sequence(const char *s, size_t n, size_t *whole)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t i = 1;

	*whole = lead_length(u[0]);
	if (*whole < 2)
		return *whole;
	while (i < n && i < *whole && (i == 1 ? second_fits(u[0], u[1]) : (u[i] & 0xc0) == 0x80))
		i++;
	return i;
}

size_t
text_decode(const char *s, size_t n, int32_t *cp)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t whole, got = sequence(s, n, &whole);

	if (got == 0 || got < whole) {
		*cp = REPLACEMENT;
		return 1;
	}
	if (whole == 1)
		*cp = u[0];
	else if (whole == 2)
		*cp = (u[0] & 0x1f) << 6 | (u[1] & 0x3f);
	else if (whole == 3)
		*cp = (u[0] & 0x0f) << 12 | (u[1] & 0x3f) << 6 | (u[2] & 0x3f);
	else
		*cp = (u[0] & 0x07) << 18 | (u[1] & 0x3f) << 12 | (u[2] & 0x3f) << 6 | (u[3] & 0x3f);
	return whole;
}

size_t
text_encode(int32_t cp, char out[4])
{
	return (size_t)utf8proc_encode_char(cp, (utf8proc_uint8_t *)out);
}

size_t
text_partial(const char *s, size_t n)
{
	for (size_t back = 1; back <= 3 && back <= n; back++) {
		size_t whole, got = sequence(s + n - back, back, &whole);

		if (whole > 1)
			return got == back && got < whole ? back : 0;
		if (whole == 1)
			return 0;
	}
	return 0;
}

bool
text_valid(const char *s, size_t n)
{
	while (n > 0) {
		size_t whole, got = sequence(s, n, &whole);

		if (got == 0 || got < whole)
			return false;
		s += whole;
		n -= whole;
	}
	return true;
}

/* ---------------------------------------------------------------- cells */

static bool
is_selector(int32_t cp)
{
	return (cp >= 0xfe00 && cp <= 0xfe0f) || (cp >= 0xe0100 && cp <= 0xe01ef) || (cp >= 0x180b && cp <= 0x180f);
}

/* Drawn into the cell of the code point before it: combining marks, and the later parts of a Hangul syllable. */
static bool
is_mark(int32_t cp)
{
	utf8proc_category_t category = utf8proc_category(cp);

	if (category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_ME)
		return !is_selector(cp);
	return (cp >= 0x1160 && cp <= 0x11ff) || (cp >= 0xd7b0 && cp <= 0xd7ff);
}

/* Has no shape: controls, joiners, selectors, tags, soft hyphens. */
static bool
is_unseen(int32_t cp)
{
	switch (utf8proc_category(cp)) {
	case UTF8PROC_CATEGORY_CC:
	case UTF8PROC_CATEGORY_CF:
	case UTF8PROC_CATEGORY_CS:
	case UTF8PROC_CATEGORY_ZL:
	case UTF8PROC_CATEGORY_ZP:
		return true;
	default:
		return is_selector(cp);
	}
}

static bool
is_flag_half(int32_t cp)
{
	return cp >= 0x1f1e6 && cp <= 0x1f1ff;
}

static bool
is_skin_tone(int32_t cp)
{
	return cp >= 0x1f3fb && cp <= 0x1f3ff;
}

/* Cells of one code point by itself. Where utf8proc and the C library (that is, ncurses) differ on characters that
 * are in use, terminals side with the library. */
static int
cells(int32_t cp)
{
	utf8proc_category_t category = utf8proc_category(cp);

	if (is_mark(cp) || is_unseen(cp))
		return 0;
	if (category == UTF8PROC_CATEGORY_MC || category == UTF8PROC_CATEGORY_CN)
		return 1;
	if ((cp >= 0x4dc0 && cp <= 0x4dff) || (cp >= 0x3248 && cp <= 0x324f))
		return 2;
	return utf8proc_charwidth(cp);
}

/* Whether cp goes on with the grapheme that has come as far as prev. */
static bool
joins(int32_t prev, int32_t cp, utf8proc_int32_t *state)
{
	if (utf8proc_grapheme_break_stateful(prev, cp, state))
		return false;
	return cells(cp) == 0 || is_skin_tone(cp) || prev == ZWJ || (is_flag_half(prev) && is_flag_half(cp));
}

/* What is drawn for a code point: an unassigned one could be anything in the terminal. */
static int32_t
shape(int32_t cp)
{
	return utf8proc_category(cp) == UTF8PROC_CATEGORY_CN ? REPLACEMENT : cp;
}

size_t
text_grapheme(const char *s, size_t n, int *cols)
{
	utf8proc_int32_t state = 0;
	int32_t first, prev, cp;
	bool flag = false;
	size_t i;

	if (s[0] >= 0x20 && s[0] < 0x7f && (n == 1 || (unsigned char)s[1] < 0x80)) {
		*cols = 1;
		return 1;
	}
	i = text_decode(s, n, &first);
	for (prev = first; i < n; prev = cp) {
		size_t k = text_decode(s + i, n - i, &cp);

		if (!joins(prev, cp, &state))
			break;
		flag = flag || is_flag_half(cp);
		i += k;
	}
	*cols = flag ? 2 : is_mark(first) ? 1 : cells(first);
	return i;
}

/* A place before pos where a grapheme certainly begins: ASCII with a shape joins nothing before it. */
static size_t
certain_start(const char *s, size_t pos)
{
	size_t i = pos - 1;

	while (i > 0 && !(s[i] >= 0x20 && s[i] < 0x7f) && s[i - 1] != '\n')
		i--;
	return i;
}

size_t
text_grapheme_before(const char *s, size_t pos)
{
	size_t i = pos ? certain_start(s, pos) : 0, last = 0;
	int cols;

	for (; i < pos; i += last)
		last = text_grapheme(s + i, pos - i, &cols);
	return last;
}

int
text_width(const char *s, size_t n)
{
	int sum = 0;

	while (n > 0) {
		int cols;
		size_t k = text_grapheme(s, n, &cols);

		sum += cols;
		s += k;
		n -= k;
	}
	return sum;
}

size_t
text_fit(const char *s, size_t n, int cols)
{
	size_t i = 0;

	while (i < n) {
		int c;
		size_t k = text_grapheme(s + i, n - i, &c);

		if (c > cols)
			break;
		cols -= c;
		i += k;
	}
	return i;
}

/* ---------------------------------------------------------------- what is drawn */

static void
put(struct buf *out, int32_t cp)
{
	out->n += text_encode(cp, buf_room(out, 4));
	out->at[out->n] = '\0';
}

void
text_draw(struct buf *out, const char *s, size_t n)
{
	int32_t first, cp;
	int marks = 0;
	size_t i = text_decode(s, n, &first);

	if (is_unseen(first))
		return;
	if (is_mark(first))
		put(out, DOTTED_CIRCLE);
	put(out, shape(first));
	while (i < n) {
		i += text_decode(s + i, n - i, &cp);
		if (cp == ZWJ)
			break;
		if ((is_mark(cp) && marks++ < MARKS_MAX) || (is_flag_half(first) && is_flag_half(cp)))
			put(out, cp);
	}
}

/* Turns the direction of what follows, or is shown differently by every terminal. */
static bool
is_hidden_control(int32_t cp)
{
	return (cp >= 0x80 && cp <= 0x9f) || cp == 0x061c || cp == 0x200e || cp == 0x200f ||
		(cp >= 0x202a && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x206f) || (cp >= 0xfff9 && cp <= 0xfffb);
}

static bool
is_line_end(int32_t cp)
{
	return cp == '\n' || cp == '\r' || cp == 0x2028 || cp == 0x2029;
}

/* A code point that may not stand as it is; false when it may. */
static bool
name_control(struct buf *out, int32_t cp)
{
	if (cp == 0x7f)
		buf_str(out, "^?");
	else if (cp < 0x20)
		buf_printf(out, "^%c", (int)cp + 0x40);
	else if (is_hidden_control(cp))
		buf_printf(out, "<%02X>", (unsigned)cp);
	else
		return false;
	return true;
}

/* Appends s with `newline` for line ends and, where tabs is false, one space for a tab. */
static void
make_visible(struct buf *out, const char *s, size_t n, char newline, bool tabs)
{
	size_t counted = out->n;        /* for tabs: the line has `col` cells up to here */
	int col = 0;

	for (size_t i = 0; i < n;) {
		int32_t cp;
		int cols;
		size_t k = text_decode(s + i, n - i, &cp);

		if (is_line_end(cp)) {
			k += cp == '\r' && i + 1 < n && s[i + 1] == '\n';
			buf_char(out, newline);
			counted = out->n;
			col = 0;
		} else if (cp == '\t') {
			col += text_width(buf_text(out) + counted, out->n - counted);
			for (int pad = tabs ? 8 - col % 8 : 1; pad > 0; pad--, col++)
				buf_char(out, ' ');
			counted = out->n;
		} else if (cp == REPLACEMENT && k == 1) {
			put(out, REPLACEMENT);
		} else if (!name_control(out, cp)) {
			k = text_grapheme(s + i, n - i, &cols);
			buf_add(out, s + i, k);
		}
		i += k;
	}
}

void
text_visible(struct buf *out, const char *s, size_t n)
{
	make_visible(out, s, n, '\n', true);
}

void
text_visible_line(struct buf *out, const char *s, size_t n)
{
	make_visible(out, s, n, ' ', false);
}

/* ---------------------------------------------------------------- case and blanks */

int32_t
text_lower(int32_t cp)
{
	return utf8proc_tolower(cp);
}

bool
text_is_cased(int32_t cp)
{
	return utf8proc_tolower(cp) != cp || utf8proc_toupper(cp) != cp;
}

bool
text_is_word(int32_t cp)
{
	switch (utf8proc_category(cp)) {
	case UTF8PROC_CATEGORY_LU:
	case UTF8PROC_CATEGORY_LL:
	case UTF8PROC_CATEGORY_LT:
	case UTF8PROC_CATEGORY_LM:
	case UTF8PROC_CATEGORY_LO:
	case UTF8PROC_CATEGORY_MN:
	case UTF8PROC_CATEGORY_MC:
	case UTF8PROC_CATEGORY_ND:
	case UTF8PROC_CATEGORY_NL:
	case UTF8PROC_CATEGORY_PC:
		return true;
	default:
		return false;
	}
}

bool
text_is_space(int32_t cp)
{
	return (cp >= 0x09 && cp <= 0x0d) || (cp >= 0x1c && cp <= 0x20) || cp == 0x85 || cp == 0xa0 || cp == 0x1680 ||
		(cp >= 0x2000 && cp <= 0x200a) || cp == 0x2028 || cp == 0x2029 || cp == 0x202f || cp == 0x205f ||
		cp == 0x3000;
}

void
text_strip(const char **s, size_t *n)
{
	int32_t cp;
	size_t k;

	while (*n > 0) {
		k = text_decode(*s, *n, &cp);
		if (!text_is_space(cp))
			break;
		*s += k;
		*n -= k;
	}
	while (*n > 0) {
		for (k = 1; k < 4 && k < *n && ((*s)[*n - k] & 0xc0) == 0x80; k++)
			;
		if (text_decode(*s + *n - k, k, &cp) != k || !text_is_space(cp))
			break;
		*n -= k;
	}
}

void
text_html(struct buf *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		switch (s[i]) {
		case '&': buf_str(out, "&amp;"); break;
		case '<': buf_str(out, "&lt;"); break;
		case '>': buf_str(out, "&gt;"); break;
		case '"': buf_str(out, "&quot;"); break;
		default: buf_char(out, s[i]);
		}
}
