/* keyname.c: see keyname.h. What xterm and its many relatives send, the older ways of rxvt and the Linux console, and the
 * newer one of CSI u for keys that had no modifiers before. */
#include "config.h"

#include "ui/keyname.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { SHIFT = 1, ALT = 2, CTRL = 4 };

struct sequences {
	char (*at)[KEYNAME_BYTES];
	int n;
};

__attribute__((format(printf, 2, 3))) static void
add(struct sequences *out, const char *fmt, ...)
{
	va_list ap;

	if (out->n == KEYNAME_MOST)
		return;
	va_start(ap, fmt);
	vsnprintf(out->at[out->n++], KEYNAME_BYTES, fmt, ap);
	va_end(ap);
}

/* ---------------------------------------------------------------- keys that are no character */

/* A final letter behind CSI and SS3, a number before ~, or both; 0: not that way. */
static const struct special {
	const char *name;
	char letter;
	int number, other;
} specials[] = {
	{ "Up", 'A', 0, 0 }, { "Down", 'B', 0, 0 }, { "Right", 'C', 0, 0 }, { "Left", 'D', 0, 0 },
	{ "Home", 'H', 1, 7 }, { "End", 'F', 4, 8 },
	{ "Insert", 0, 2, 0 }, { "Delete", 0, 3, 0 }, { "PgUp", 0, 5, 0 }, { "PgDn", 0, 6, 0 },
	{ "F1", 'P', 11, 0 }, { "F2", 'Q', 12, 0 }, { "F3", 'R', 13, 0 }, { "F4", 'S', 14, 0 },
	{ "F5", 0, 15, 0 }, { "F6", 0, 17, 0 }, { "F7", 0, 18, 0 }, { "F8", 0, 19, 0 }, { "F9", 0, 20, 0 },
	{ "F10", 0, 21, 0 }, { "F11", 0, 23, 0 }, { "F12", 0, 24, 0 },
};

static const struct special *
find_special(const char *name)
{
	for (size_t i = 0; i < sizeof specials / sizeof *specials; i++)
		if (strcasecmp(specials[i].name, name) == 0)
			return &specials[i];
	return NULL;
}

static void
add_bare(struct sequences *out, const struct special *s)
{
	if (s->letter && s->letter != 'R')      /* CSI R is where the cursor stands */
		add(out, "\033[%c", s->letter);
	if (s->letter)
		add(out, "\033O%c", s->letter);
	if (s->number)
		add(out, "\033[%d~", s->number);
	if (s->other)
		add(out, "\033[%d~", s->other);
	if (s->number >= 11 && s->number <= 15)
		add(out, "\033[[%c", 'A' + s->number - 11);
}

/* rxvt says Ctrl by another last byte, Alt by an ESC in front. */
static void
add_rxvt(struct sequences *out, const struct special *s, int mods)
{
	const int number = s->other ? s->other : s->number;

	if (mods == CTRL && s->letter >= 'A' && s->letter <= 'D') {
		add(out, "\033O%c", tolower(s->letter));
		add(out, "\033[5%c", s->letter);
	} else if (mods == CTRL && number) {
		add(out, "\033[%d^", number);
	} else if (mods == ALT && s->letter && !s->number) {
		add(out, "\033[1;9%c", s->letter);
		add(out, "\033\033[%c", s->letter);
		add(out, "\033\033O%c", s->letter);
	} else if (mods == ALT && number) {
		add(out, "\033\033[%d~", number);
	}
}

static void
add_special(struct sequences *out, const struct special *s, int mods)
{
	if (mods == 0) {
		add_bare(out, s);
		return;
	}
	if (s->letter && s->letter != 'R')
		add(out, "\033[1;%d%c", mods + 1, s->letter);
	if (s->number)
		add(out, "\033[%d;%d~", s->number, mods + 1);
	add_rxvt(out, s, mods);
}

/* ---------------------------------------------------------------- control characters with a name */

static void
add_enter(struct sequences *out, int mods)
{
	if (mods == 0) {
		add(out, "\r");
		add(out, "\033OM");
		return;
	}
	if (mods == ALT) {
		add(out, "\033\r");
		add(out, "\033\n");
	}
	add(out, "\033[13;%du", mods + 1);
	add(out, "\033[27;%d;13~", mods + 1);
}

static void
add_tab(struct sequences *out, int mods)
{
	if (mods == 0)
		add(out, "\t");
	if (mods == SHIFT)
		add(out, "\033[Z");
	if (mods == ALT)
		add(out, "\033\t");
}

static void
add_backspace(struct sequences *out, int mods)
{
	if (mods & ~ALT)
		return;
	add(out, "%s\177", mods ? "\033" : "");
	add(out, "%s\b", mods ? "\033" : "");
}

/* Letters and marks: with Ctrl a control character, with Alt an ESC in front. Alone they are text, and what Ctrl makes an
 * ESC or a NUL of is no key. */
static void
add_character(struct sequences *out, char c, int mods)
{
	char sent = mods & CTRL ? (char)(toupper((unsigned char)c) & 0x1f) : c;

	if (mods == ALT)
		sent = (char)tolower((unsigned char)c);
	if (!mods || (mods & SHIFT) || (unsigned char)c <= ' ' || (unsigned char)c > 0x7e)
		return;
	if ((mods & CTRL) && (toupper((unsigned char)c) < '@' || !sent || sent == '\033'))
		return;
	if (mods == ALT && strchr("[O", c) && c == '[')
		return;                 /* begins what other keys send */
	add(out, "%s%c", mods & ALT ? "\033" : "", sent);
}

/* ---------------------------------------------------------------- names */

static const struct {
	const char *name;
	int mod;
} modifiers[] = { { "Ctrl-", CTRL }, { "C-", CTRL }, { "Alt-", ALT }, { "Meta-", ALT }, { "M-", ALT }, { "Shift-", SHIFT }, { "S-", SHIFT } };

/* Takes the modifiers off the front of a name. */
static int
take_modifiers(const char **name)
{
	int mods = 0;

	for (size_t i = 0; i < sizeof modifiers / sizeof *modifiers; i++) {
		const size_t n = strlen(modifiers[i].name);

		if (strncasecmp(*name, modifiers[i].name, n) != 0 || !(*name)[n])
			continue;
		mods |= modifiers[i].mod;
		*name += n;
		i = (size_t)-1;
	}
	return mods;
}

static void
add_key(struct sequences *out, const char *name)
{
	const int mods = take_modifiers(&name);
	const struct special *special = find_special(name);

	if (special)
		add_special(out, special, mods);
	else if (strcasecmp(name, "Enter") == 0)
		add_enter(out, mods);
	else if (strcasecmp(name, "Tab") == 0)
		add_tab(out, mods);
	else if (strcasecmp(name, "Backspace") == 0)
		add_backspace(out, mods);
	else if (strlen(name) == 1)
		add_character(out, name[0], mods);
}

/* Two keys one after the other: the first is a control character. */
static void
add_chord(struct sequences *out, const char *first, const char *second)
{
	char one[KEYNAME_MOST][KEYNAME_BYTES], two[KEYNAME_MOST][KEYNAME_BYTES];
	struct sequences a = { one, 0 }, b = { two, 0 };

	add_key(&a, first);
	add_key(&b, second);
	if (a.n == 0 || one[0][1] || (unsigned char)one[0][0] >= ' ')
		return;
	for (int i = 0; i < b.n; i++)
		if (strlen(two[i]) == 1)
			add(out, "%c%s", one[0][0], two[i]);
}

int
keyname_sequences(const char *name, char sequences[KEYNAME_MOST][KEYNAME_BYTES])
{
	struct sequences out = { sequences, 0 };
	const char *blank = strchr(name, ' ');
	char first[16];

	if (!blank) {
		add_key(&out, name);
	} else if ((size_t)(blank - name) < sizeof first) {
		memcpy(first, name, (size_t)(blank - name));
		first[blank - name] = '\0';
		add_chord(&out, first, blank + strspn(blank, " "));
	}
	return out.n;
}
