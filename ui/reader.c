/* reader.c: see reader.h. cut() looks at the beginning of what has come and says what it is and how long; it sees no
 * time. Bytes that are the beginning of something wait; when they have waited too long, give_up() decides.
 *
 * How long: a lone ESC, and ESC with the byte that could introduce a sequence, are keys that people press, so they wait
 * shortly. What is longer comes from a terminal and is never text: it waits long and is then dropped. */
#include "config.h"

#include "ui/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/text.h"

enum {
	WAIT_KEY_MS = 50,
	WAIT_ANSWER_MS = 500,           /* the same while answers are outstanding */
	WAIT_REST_MS = 3000,
	CSI_MAX = 64,
	STRING_MAX = 1 << 16,
};

#define ESC '\033'
#define PASTE_BEGIN "\033[200~"
#define PASTE_END "\033[201~"

struct reader {
	struct buf in;                  /* bytes not given out yet, from `at` on */
	size_t at;
	struct buf paste;               /* the clean text of the last paste */
	bool pasting;                   /* the rest of a paste is in `in`, or still to come */
	size_t looked;                  /* bytes of it that its end does not begin in */
	bool expecting;
	int64_t last;                   /* when the last byte came */
	const struct ui_keymap *keymap;
};

struct reader *
reader_new(void)
{
	return xcalloc(1, sizeof(struct reader));
}

void
reader_free(struct reader *r)
{
	if (!r)
		return;
	buf_done(&r->in);
	buf_done(&r->paste);
	free(r);
}

void
reader_set_keys(struct reader *r, const struct ui_keymap *map)
{
	r->keymap = map;
}

void
reader_expect(struct reader *r, bool answers)
{
	r->expecting = answers;
}

/* ---------------------------------------------------------------- what the bytes are */

enum cut_kind {
	CUT_WAIT,               /* may become something with more bytes */
	CUT_KEY,                /* of ours */
	CUT_CHAR,               /* a character for readline */
	CUT_SEQUENCE,           /* for readline, alone in its unit */
	CUT_ANSWER,
	CUT_MOUSE,
	CUT_PASTE,              /* the mark that begins one */
	CUT_SKIP,
};

struct cut {
	enum cut_kind kind;
	enum keys_action action;
	size_t n;
};

static struct cut
cut_as(enum cut_kind kind, size_t n)
{
	return (struct cut){ .kind = kind, .n = n };
}

/* A whole sequence or character: ours if the table has it. */
static struct cut
cut_key(const struct ui_keymap *map, const char *s, size_t n, enum cut_kind otherwise)
{
	bool more;
	enum keys_action action = keys_find(map, s, n, &more);

	return (struct cut){ action == KEYS_NONE ? otherwise : CUT_KEY, action, n };
}

/* Terminals answer with a private mark (? > =, < for the mouse) or one of these final bytes, which no key has. */
static bool
is_answer(const char *s, size_t n)
{
	return strchr("<=>?", s[2]) || strchr("cnRtxy", s[n - 1]);
}

/* s begins with ESC [. */
static struct cut
cut_csi(const struct ui_keymap *map, const char *s, size_t n)
{
	size_t i = 2;

	if (n > 2 && s[2] == '[')               /* function keys of the Linux console */
		return n > 3 ? cut_key(map, s, 4, CUT_SKIP) : cut_as(CUT_WAIT, 0);
	if (n > 2 && s[2] == 'M')               /* an old mouse report: three bytes follow */
		return n > 5 ? cut_as(CUT_SKIP, 6) : cut_as(CUT_WAIT, 0);
	while (i < n && s[i] >= 0x20 && s[i] <= 0x3f)
		i++;
	if (i == n)
		return i > CSI_MAX ? cut_as(CUT_SKIP, i) : cut_as(CUT_WAIT, 0);
	if (s[i] < 0x40 || s[i] == 0x7f)        /* broken off by a control character, or not ASCII: begin anew there */
		return cut_as(CUT_SKIP, i);
	i++;
	if (i == strlen(PASTE_BEGIN) && memcmp(s, PASTE_BEGIN, i) == 0)
		return cut_as(CUT_PASTE, i);
	if (i == 3 && (s[2] == 'I' || s[2] == 'O'))     /* focus */
		return cut_as(CUT_SKIP, i);
	if (s[2] == '<' && (s[i - 1] == 'M' || s[i - 1] == 'm'))
		return cut_as(CUT_MOUSE, i);
	if (is_answer(s, i))
		return cut_as(CUT_ANSWER, i);
	return cut_key(map, s, i, CUT_SEQUENCE);
}

/* DCS, OSC and APC as terminals answer by them; other bytes after the introducer make it Alt and a letter. */
static bool
begins_string(char introducer, char c)
{
	switch (introducer) {
	case 'P':
		return (c >= '0' && c <= '9') || (c && strchr(">!$+=|", c));
	case ']':
		return c >= '0' && c <= '9';
	case '_':
		return c == 'G';
	default:
		return false;
	}
}

/* The end of a string is ST; OSC may end by BEL. Another ESC breaks it off. */
static struct cut
cut_string(const char *s, size_t n)
{
	for (size_t i = 2; i < n; i++) {
		if (s[1] == ']' && s[i] == '\a')
			return cut_as(CUT_ANSWER, i + 1);
		if (s[i] == ESC && i + 1 < n)
			return s[i + 1] == '\\' ? cut_as(CUT_ANSWER, i + 2) : cut_as(CUT_SKIP, i);
	}
	return n > STRING_MAX ? cut_as(CUT_SKIP, n) : cut_as(CUT_WAIT, 0);
}

static struct cut
cut_char(const char *s, size_t n, size_t before)
{
	int32_t cp;

	if (text_partial(s, n < 4 ? n : 4) == n)
		return cut_as(CUT_WAIT, 0);
	return cut_as(CUT_CHAR, before + text_decode(s, n, &cp));
}

static struct cut
cut_escape(const struct ui_keymap *map, const char *s, size_t n);

/* ESC ESC: Alt with a key that is a sequence itself when the table has it, else an ESC of its own. */
static struct cut
cut_two_escapes(const struct ui_keymap *map, const char *s, size_t n)
{
	struct cut alone = { CUT_KEY, KEYS_ESC, 1 }, inner = n > 2 ? cut_escape(map, s + 1, n - 1) : cut_as(CUT_WAIT, 0);

	if (n > 2 && s[2] != '[' && s[2] != 'O')
		return alone;
	if (inner.kind == CUT_WAIT)
		return inner;
	inner = cut_key(map, s, inner.n + 1, CUT_SKIP);
	return inner.kind == CUT_KEY ? inner : alone;
}

static struct cut
cut_escape(const struct ui_keymap *map, const char *s, size_t n)
{
	struct cut c;

	if (n == 1)
		return cut_as(CUT_WAIT, 0);
	if (s[1] == ESC)
		return cut_two_escapes(map, s, n);
	if (s[1] == '[')
		return n > 2 ? cut_csi(map, s, n) : cut_as(CUT_WAIT, 0);
	if (s[1] == 'O')
		return n > 2 ? cut_key(map, s, 3, CUT_SEQUENCE) : cut_as(CUT_WAIT, 0);
	if (s[1] == 'P' || s[1] == ']' || s[1] == '_') {
		if (n == 2)
			return cut_as(CUT_WAIT, 0);
		if (begins_string(s[1], s[2]))
			return cut_string(s, n);
	}
	c = cut_char(s + 1, n - 1, 1);
	return c.kind == CUT_WAIT ? c : cut_key(map, s, c.n, CUT_SEQUENCE);
}

/* A control character that begins a sequence of two waits for the second one. */
static struct cut
cut_chord(const struct ui_keymap *map, const char *s, size_t n)
{
	bool more;

	if (keys_find(map, s, 1, &more) != KEYS_NONE || !more)
		return cut_key(map, s, 1, CUT_CHAR);
	if (n == 1)
		return cut_as(CUT_WAIT, 0);
	return keys_find(map, s, 2, &more) == KEYS_NONE ? cut_as(CUT_CHAR, 1) : cut_key(map, s, 2, CUT_CHAR);
}

static struct cut
cut(const struct ui_keymap *map, const char *s, size_t n)
{
	struct cut c;

	if (s[0] == ESC)
		return cut_escape(map, s, n);
	if ((unsigned char)s[0] < 0x20)
		return cut_chord(map, s, n);
	c = cut_char(s, n, 0);
	return c.kind == CUT_WAIT ? c : cut_key(map, s, c.n, CUT_CHAR);
}

/* ---------------------------------------------------------------- waiting */

/* For how long the beginning in s[0..n) may wait, or -1: for ever (a character that is not whole). */
static int
patience(const struct reader *r, const char *s, size_t n)
{
	if (r->pasting)
		return WAIT_REST_MS;
	if (n == 0 || s[0] != ESC)
		return -1;
	if (n > 2)
		return WAIT_REST_MS;
	return r->expecting ? WAIT_ANSWER_MS : WAIT_KEY_MS;
}

/* No more bytes came: what the beginning is after all. */
static struct cut
give_up(const char *s, size_t n)
{
	if (n == 1 || s[1] == ESC)
		return (struct cut){ CUT_KEY, KEYS_ESC, 1 };
	if (n > 2 || s[1] == '[')
		return cut_as(CUT_SKIP, n);
	return cut_as(CUT_SEQUENCE, n);
}

int
reader_timeout(const struct reader *r, int64_t now_ms)
{
	int wait = patience(r, buf_text(&r->in) + r->at, r->in.n - r->at);
	int64_t left = r->last + wait - now_ms;

	if (wait < 0)
		return -1;
	return left < 0 ? 0 : (int)left;
}

/* ---------------------------------------------------------------- pastes */

/* Appends the pasted bytes as text: line ends become LF, tabs stay, other control characters go, bad bytes become
 * U+FFFD. */
static void
clean(struct buf *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		int32_t cp;
		size_t k = text_decode(s + i, n - i, &cp);

		if (cp == '\r') {
			k += i + 1 < n && s[i + 1] == '\n';
			buf_char(out, '\n');
		} else if (cp >= 0xa0 || (cp >= 0x20 && cp < 0x7f) || cp == '\n' || cp == '\t') {
			char c[4];

			buf_add(out, c, text_encode(cp, c));
		}
		i += k;
	}
}

/* Where the paste that fills s[0..n) ends; n when its end has not come. A long one comes in thousands of reads: each
 * byte is looked at once. */
static size_t
paste_end(struct reader *r, const char *s, size_t n)
{
	const size_t from = r->looked < n ? r->looked : n, len = strlen(PASTE_END);
	const char *end = memmem(s + from, n - from, PASTE_END, len);

	if (end)
		return (size_t)(end - s);
	r->looked = n < len ? 0 : n - (len - 1);
	return n;
}

size_t
reader_pasting(const struct reader *r)
{
	return r->pasting ? r->in.n - r->at : 0;
}

static bool
next_paste(struct reader *r, int64_t now_ms, struct reader_unit *unit)
{
	const char *s = buf_text(&r->in) + r->at;
	size_t n = r->in.n - r->at, end = paste_end(r, s, n);

	if (end == n && reader_timeout(r, now_ms) != 0)
		return false;
	buf_clear(&r->paste);
	clean(&r->paste, s, end);
	r->at += end == n ? n : end + strlen(PASTE_END);
	r->pasting = false;
	r->looked = 0;
	*unit = (struct reader_unit){ .kind = READER_PASTE, .at = buf_text(&r->paste), .n = r->paste.n };
	return true;
}

/* ---------------------------------------------------------------- mouse */

/* CSI < button ; column ; row M: pressed (m: let go). The third and fourth bit are Shift and Alt, 32 is a movement, 64
 * the wheel. false: nothing that is acted on. */
static bool
read_mouse(const char *s, size_t n, struct reader_mouse *mouse)
{
	enum { MOVED = 32, WHEEL = 64, BUTTON = 3 };
	unsigned b, col, row;
	char text[CSI_MAX + 1], end;

	if (n < 4 || n - 3 > CSI_MAX)
		return false;
	memcpy(text, s + 3, n - 3);
	text[n - 3] = '\0';
	if (sscanf(text, "%5u;%5u;%5u%c", &b, &col, &row, &end) != 4 || end != 'M' || col == 0 || row == 0)
		return false;
	if ((b & MOVED) || (b & BUTTON) == BUTTON || b >= 2 * WHEEL || ((b & WHEEL) && (b & BUTTON) > 1))
		return false;
	mouse->button = (enum reader_button)((b & WHEEL ? MOUSE_WHEEL_UP : MOUSE_LEFT) + (b & BUTTON));
	mouse->row = (int)row - 1;
	mouse->col = (int)col - 1;
	return true;
}

/* ---------------------------------------------------------------- units */

void
reader_feed(struct reader *r, const char *bytes, size_t n, int64_t now_ms)
{
	buf_drop(&r->in, r->at);
	r->at = 0;
	buf_add(&r->in, bytes, n);
	r->last = now_ms;
}

bool
reader_in_paste(const struct reader *r)
{
	return r->pasting;
}

void
reader_feed_paste(struct reader *r, const char *bytes, size_t n, int64_t now_ms)
{
	reader_feed(r, PASTE_BEGIN, strlen(PASTE_BEGIN), now_ms);
	reader_feed(r, bytes, n, now_ms);
	reader_feed(r, PASTE_END, strlen(PASTE_END), now_ms);
}

/* Characters that stand together go to readline together. */
static size_t
run_of_chars(const struct reader *r, const char *s, size_t n)
{
	size_t i = 0;

	while (i < n) {
		struct cut c = cut(r->keymap, s + i, n - i);

		if (c.kind != CUT_CHAR)
			break;
		i += c.n;
	}
	return i;
}

/* false: the cut says nothing to anyone. */
static bool
make_unit(const struct cut *c, const char *s, struct reader_unit *unit)
{
	*unit = (struct reader_unit){ .kind = READER_TEXT, .action = c->action, .at = s, .n = c->n };
	switch (c->kind) {
	case CUT_KEY:
		unit->kind = READER_KEY;
		return true;
	case CUT_ANSWER:
		unit->kind = READER_ANSWER;
		return true;
	case CUT_MOUSE:
		unit->kind = READER_MOUSE;
		return read_mouse(s, c->n, &unit->mouse);
	case CUT_SKIP:
	case CUT_PASTE:
		return false;
	default:
		return true;
	}
}

bool
reader_next(struct reader *r, int64_t now_ms, struct reader_unit *unit)
{
	while (r->at < r->in.n || r->pasting) {
		const char *s = r->in.at + r->at;
		size_t n = r->in.n - r->at;
		struct cut c;

		if (r->pasting)
			return next_paste(r, now_ms, unit);
		c = cut(r->keymap, s, n);
		if (c.kind == CUT_WAIT && reader_timeout(r, now_ms) == 0)
			c = give_up(s, n);
		if (c.kind == CUT_WAIT)
			return false;
		if (c.kind == CUT_CHAR)
			c.n = run_of_chars(r, s, n);
		r->at += c.n;
		r->pasting = c.kind == CUT_PASTE;
		if (make_unit(&c, s, unit))
			return true;
	}
	return false;
}
