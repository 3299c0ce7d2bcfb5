/* probe.c: what the terminal is and what its keys send, told before or instead of a screen: for reports about trouble.
 * Uses the same questions and the same table of keys as the chat, without curses. Restores the terminal's modes.
 */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <termcap.h>

#include "base/buf.h"
#include "base/clock.h"
#include "ui/keys.h"
#include "ui/reader.h"
#include "ui/screen.h"
#include "ui/term.h"
#include "ui/ui.h"

enum { WAIT_MS = 1000 };

static void
make_raw(struct termios *before)
{
	struct termios raw;

	tcgetattr(STDIN_FILENO, before);
	raw = *before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG | IEXTEN);
	raw.c_iflag &= ~(tcflag_t)(IXON | ICRNL);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

/* ---- the terminal */

/* ESC P > | NAME ESC \ */
static void
take_name(struct ui_terminal *t, const char *s, size_t n)
{
	const size_t head = 4;
	size_t end = head;

	if (n < head || memcmp(s, "\033P>|", head) != 0)
		return;
	while (end < n && s[end] != '\033' && s[end] != '\a' && end - head + 1 < sizeof t->name)
		end++;
	memcpy(t->name, s + head, end - head);
	t->name[end - head] = '\0';
}

static void
take_answers(struct term *term, struct reader *reader, struct ui_terminal *out)
{
	char bytes[4096];
	ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
	struct reader_unit unit;

	if (n <= 0)
		return;
	reader_feed(reader, bytes, (size_t)n, clock_ms());
	while (reader_next(reader, clock_ms(), &unit))
		if (unit.kind == READER_ANSWER) {
			take_name(out, unit.at, unit.n);
			term_answer(term, unit.at, unit.n, clock_ms());
		}
}

/* Until the fence of the questions comes back. */
static void
await_answers(struct term *term, struct ui_terminal *out)
{
	struct pollfd fd = { .fd = STDIN_FILENO, .events = POLLIN };
	struct reader *reader = reader_new();
	const int64_t until = clock_ms() + WAIT_MS;
	int64_t left;

	reader_expect(reader, true);
	while (term->asked && (left = until - clock_ms()) > 0)
		if (poll(&fd, 1, (int)left) > 0)
			take_answers(term, reader, out);
	reader_free(reader);
}

static void
describe(const struct term *term, struct ui_terminal *out)
{
	struct screen_size size = screen_size();

	out->answered = !term->asked;
	out->sixel = term->sixel == TERM_YES;
	out->sync = term->sync;
	out->registers = term->registers;
	out->max_w = term->max_w;
	out->max_h = term->max_h;
	out->cols = size.cols;
	out->rows = size.rows;
	out->cell_told = term->answer_w > 0 || size.xpixel > 0;
	term_cell(term, size.cols, size.rows, size.xpixel, size.ypixel, &out->cell_w, &out->cell_h);
}

static int
count_colors(void)
{
	char space[4096];
	const char *name = getenv("TERM");

	return name && tgetent(space, name) == 1 ? tgetnum("Co") : -1;
}

bool
ui_probe(struct ui_terminal *out)
{
	struct termios before;
	struct term term;

	*out = (struct ui_terminal){ .colors = count_colors() };
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return false;
	make_raw(&before);
	term_init(&term, STDOUT_FILENO);
	term_ask(&term);
	await_answers(&term, out);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	describe(&term, out);
	return true;
}

/* ---- its keys */

static void
print_bytes(const char *s, size_t n)
{
	int width = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == '\033')
			width += printf("ESC ");
		else if (c < ' ' || c == 0x7f)
			width += printf("^%c ", c ^ 0x40);
		else if (c < 0x80)
			width += printf("%c ", c);
		else
			width += printf("%02x ", c);
	}
	printf("%*s", width < 28 ? 28 - width : 1, "");
}

static void
print_key(const struct ui_keymap *map, const char *s, size_t n)
{
	const struct ui_key_help *key = keys_help(map, s, n), *reading = keys_reading_help(map, s, n);

	print_bytes(s, n);
	if (key)
		printf("%s: %s", key->keys, key->does);
	else
		fputs((unsigned char)s[0] < ' ' || s[0] == 0x7f ? "bound to nothing" : "text", stdout);
	if (reading)
		printf("; reading: %s", reading->does);
	puts("");
	fflush(stdout);
}

int
ui_show_keys(const struct ui_keymap *map, struct error *err)
{
	struct termios before;
	char bytes[64];
	ssize_t n;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return error_set(err, CODE_USAGE, "keys come from a terminal, and this is none");
	make_raw(&before);
	puts("Press keys; q ends.");
	fflush(stdout);
	while ((n = read(STDIN_FILENO, bytes, sizeof bytes)) > 0 || (n < 0 && errno == EINTR)) {
		if (n == 1 && bytes[0] == 'q')
			break;
		if (n > 0)
			print_key(map, bytes, (size_t)n);
	}
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	return 0;
}
