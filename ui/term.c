/* term.c: the questions to the terminal, what its answers mean, and raw writes beside curses.
 *
 * The pure half comes first and sees bytes only. Every terminal answers CSI c and all answer in
 * order, so what has not come before it will not come: it is the fence, and its attribute 4 is
 * sixel.
 */
#include "config.h"

#include "ui/term.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

/* ---------------------------------------------------------------- what differs */

static const struct term_quirks quirk_table[] = {
	/* name           scrolls forgets erase_all after_sync cell */
	{ "XTerm(",          true,  true,  false, false, 0, 0 },
	{ "foot(",           true,  false, false, false, 0, 0 },
	{ "mlterm",          true,  false, false, false, 0, 0 },        /* by its DA2: it gives no name */
	{ "Windows Terminal",true,  false, false, true, 10, 20 },       /* by its DA1 */
	{ "WezTerm",         true,  false, false, false, 0, 0 },
	{ "iTerm2",          true,  false, false, false, 0, 0 },
	{ "xterm.js",        true,  false, false, false, 0, 0 },
	{ "Konsole",         false, false, true,  false, 0, 0 },
	{ "mintty",          false, false, false, false, 0, 0 },
	{ "tmux",            false, false, false, false, 0, 0 },
	{ "",                false, false, false, false, 0, 0 },
};

struct term_quirks
term_quirks(const char *name)
{
	const struct term_quirks *q = quirk_table;

	while (q->name[0] && strncmp(name ? name : "", q->name, strlen(q->name)) != 0)
		q++;
	return *q;
}

/* ---------------------------------------------------------------- what answers say */

enum { NUMBERS_MAX = 24 };

/* The decimal numbers of s[0..n), separated by anything; an empty one counts as 0 only between two
 * semicolons. */
static int
numbers(const char *s, size_t n, int out[NUMBERS_MAX])
{
	int count = 0;

	for (size_t i = 0; i < n && count < NUMBERS_MAX; i++) {
		int value = 0;
		for (; i < n && s[i] >= '0' && s[i] <= '9'; i++)
			value = value < 1000000 ? value * 10 + (s[i] - '0') : value;
		out[count++] = value;
	}
	return count;
}

static bool
contains(const int *list, int n, int value)
{
	for (int i = 0; i < n; i++) {
		if (list[i] == value)
			return true;
	}
	return false;
}

/* CSI ? 61 ; 4 ; 6 … c. The first number is the terminal's class. */
static void
note_attributes(struct term *term, const int *p, int n, int64_t now)
{
	/* Windows Terminal gives no name, and is alone with these. */
	static const int windows[] = { 61, 4, 6, 7, 14, 21, 22, 23, 24, 28, 32, 42 };

	term->sixel = n > 1 && contains(p + 1, n - 1, 4) ? TERM_YES : TERM_NO;
	if (n >= 12 && memcmp(p, windows, sizeof windows) == 0 && !term->quirks.name[0])
		term->quirks = term_quirks("Windows Terminal");
	if (term->asked && now >= term->asked) {
		term->round_trip = (int)(now - term->asked);
		term->asked = 0;
	}
}

/* CSI ? item ; status ; values S: only status 0 means something. */
static void
note_graphics(struct term *term, const int *p, int n)
{
	if (n >= 3 && p[0] == 1 && p[1] == 0 && p[2] >= 2)
		term->registers = p[2];
	if (n >= 4 && p[0] == 2 && p[1] == 0 && p[2] > 0 && p[3] > 0) {
		term->max_w = p[2];
		term->max_h = p[3];
	}
}

static void
note_pixels(struct term *term, const int *p, int n)
{
	if (n == 3 && p[0] == 6) {
		term->answer_h = p[1];
		term->answer_w = p[2];
	}
	if (n == 3 && p[0] == 4) {
		term->area_h = p[1];
		term->area_w = p[2];
	}
}

static void
note_name(struct term *term, const char *s, size_t n)
{
	char name[64] = "";

	memcpy(name, s, n < sizeof name - 1 ? n : sizeof name - 1);
	if (!term->in_tmux)
		term->quirks = term_quirks(name);
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 0;
}

/* OSC 11 ; rgb:RRRR/GGGG/BBBB: one to four hex digits a channel, the first of which is enough to
 * tell light from dark. */
static void
note_background(struct term *term, const char *s, size_t n)
{
	static const int weights[3] = { 3, 6, 1 };
	int sum = 0, channels = 0;

	for (size_t i = 0; i + 1 < n && channels < 3; i++) {
		if (s[i] != ':' && s[i] != '/')
			continue;
		sum += hex(s[i + 1]) * weights[channels++];
	}
	if (channels == 3)
		term->light = sum >= 80 ? TERM_YES : TERM_NO;
}

static void
note_private(struct term *term, char end, const int *p, int n, int64_t now)
{
	if (end == 'c')
		note_attributes(term, p, n, now);
	else if (end == 'S')
		note_graphics(term, p, n);
	else if (end == 'y' && n >= 2 && p[0] == 2026)
		term->sync = p[1] == 1 || p[1] == 2;
	else if (end == 'y' && n >= 2 && p[0] == 2004)
		term->brackets = p[1] >= 1 && p[1] <= 3;
	else if (end == 'y' && n >= 2 && p[0] == 5522)
		term->clipboard = p[1] >= 1 && p[1] <= 3;
}

static void
note_plain(struct term *term, char end, const int *p, int n, int64_t now)
{
	if (end == 't')
		note_pixels(term, p, n);
	else if (end == 'n' && n == 1 && p[0] == 0 && term->pinged) {
		term->round_trip = (int)(now - term->pinged);
		term->pinged = 0;
	}
}

void
term_answer(struct term *term, const char *s, size_t n, int64_t now)
{
	int p[NUMBERS_MAX];
	size_t body;

	if (n < 3 || s[0] != '\033')
		return;
	term->answers++;
	if (s[1] == 'P' && n > 6 && s[2] == '>' && s[3] == '|') {
		note_name(term, s + 4, n - 6);
		return;
	}
	if (s[1] == ']' && n > 5 && memcmp(s + 2, "11;", 3) == 0)
		note_background(term, s + 5, n - 5);
	if (s[1] != '[')
		return;
	body = s[2] == '?' || s[2] == '>' ? 3 : 2;
	if (body >= n)
		return;
	const int count = numbers(s + body, n - 1 - body, p);
	if (s[2] == '?')
		note_private(term, s[n - 1], p, count, now);
	else if (s[2] == '>' && s[n - 1] == 'c' && count >= 1 && p[0] == 24 && !term->in_tmux)
		term->quirks = term_quirks("mlterm");
	else if (s[2] != '>')
		note_plain(term, s[n - 1], p, count, now);
}

/* ---------------------------------------------------------------- size of a cell */

static bool
take_cell(int cell_w, int cell_h, int *w, int *h)
{
	if (cell_w < 4 || cell_w > 64 || cell_h < 6 || cell_h > 128)
		return false;
	*w = cell_w;
	*h = cell_h;
	return true;
}

void
term_cell(const struct term *term, int cols, int rows, int xpixel, int ypixel, int *w, int *h)
{
	if (take_cell(term->quirks.cell_w, term->quirks.cell_h, w, h))
		return;
	if (take_cell(term->answer_w, term->answer_h, w, h))
		return;
	if (cols > 0 && rows > 0 && take_cell(xpixel / cols, ypixel / rows, w, h))
		return;
	if (cols > 0 && rows > 0 && take_cell(term->area_w / cols, term->area_h / rows, w, h))
		return;
	*w = 10;
	*h = 20;
}

/* ---------------------------------------------------------------- the world */

bool
term_true_color(const struct term *term)
{
	const char *color = getenv("COLORTERM"), *name = getenv("TERM");

	if (term->in_tmux)
		return true;
	if (getenv("STY") || (name && strncmp(name, "screen", 6) == 0))
		return false;
	return color && (strcmp(color, "truecolor") == 0 || strcmp(color, "24bit") == 0);
}

void
term_init(struct term *term, int fd)
{
	const char *tmux = getenv("TMUX"), *name = getenv("TERM");

	*term = (struct term){ .fd = fd, .round_trip = -1 };
	term->in_tmux = (tmux && *tmux) || (name && strncmp(name, "tmux", 4) == 0);
	term->quirks = term_quirks(term->in_tmux ? "tmux" : "");
}

/* Name, second attributes (mlterm), background, synchronized updates, bracketed pastes, clipboard, cell, area, 256
 * registers please, registers, largest picture, fence. */
void
term_ask(struct term *term)
{
	static const char questions[] = "\033[>q\033[>c\033]11;?\033\\\033[?2026$p\033[?2004$p\033[?5522$p"
	                                "\033[16t\033[14t\033[?1;3;256S\033[?1;1;0S\033[?2;4;0S\033[c";

	term->asked = clock_ms();
	term_out(term, questions, sizeof questions - 1);
}

void
term_ask_sizes(struct term *term)
{
	static const char questions[] = "\033[16t\033[14t";

	term_out(term, questions, sizeof questions - 1);
}

void
term_out(const struct term *term, const char *s, size_t n)
{
	while (n > 0) {
		const ssize_t k = write(term->fd, s, n);
		if (k < 0 && errno == EAGAIN) {
			/* Somebody else made the shared open file non-blocking. */
			poll(&(struct pollfd){ .fd = term->fd, .events = POLLOUT }, 1, 1000);
			continue;
		}
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return;
		s += k;
		n -= (size_t)k;
	}
}

void
term_ping(struct term *term, int64_t now)
{
	term->pinged = now;
	term_out(term, "\033[5n", 4);
}

bool
term_busy(const struct term *term, int64_t now)
{
	return term->pinged && now - term->pinged < 3000;
}
