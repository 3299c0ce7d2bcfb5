/* screen.c: curses start and end, and rows → cells.
 *
 * curses is output only: keys are read by reader.c from descriptor 0. The state here is static
 * because curses, termios and a crash handler know one terminal a process. Whoever takes the
 * terminal's modes gives them back in let_go(), and the string of screen_emergency() undoes the
 * same.
 */
#include "config.h"

#include "ui/screen.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#include <curses.h>
#include <term.h>

#include "base/text.h"
#include "ui/colors.h"
#include "ui/row.h"

static volatile sig_atomic_t ours;      /* the terminal is ours: an emergency has something to undo */
static struct termios before;           /* its modes before */
static SCREEN *curses;
static struct {
	enum ui_theme theme;
	const struct ui_colors *colors;
	bool color, italics;
} look;

static const char mode_on[] = "\033[?2004h";
static const char mode_off[] = "\033[?2004l";
static const char mouse_on[] = "\033[?1000h\033[?1006h";
static const char mouse_off[] = "\033[?1006l\033[?1000l";
static bool mouse;

static const char title_keep[] = "\033[22;2t";
static const char title_back[] = "\033[23;2t";
static bool titled;

/* Closes a half-sent sixel, ends the update, margins, attributes, mouse, paste mode; cursor on, and the
 * other screen. */
static const char emergency[] =
	"\033\\\033[?2026l\033[r\033[0m\033[?1006l\033[?1000l\033[?2004l\033[?25h\033[?1049l";

/* ---------------------------------------------------------------- taking and giving back */

/* ncurses installs handlers of its own; signals belong to the program's loop. */
static SCREEN *
new_terminal(const char *name)
{
	static const int list[] = { SIGTSTP, SIGWINCH, SIGINT, SIGTERM };
	enum { N = sizeof list / sizeof list[0] };
	struct sigaction kept[N];
	SCREEN *made;

	for (int i = 0; i < N; i++)
		sigaction(list[i], NULL, &kept[i]);
	made = newterm(name, stdout, stdin);
	for (int i = 0; i < N; i++)
		sigaction(list[i], &kept[i], NULL);
	return made;
}

static void
say(const char *s, size_t n)
{
	while (n > 0) {
		const ssize_t k = write(STDOUT_FILENO, s, n);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return;
		s += k;
		n -= (size_t)k;
	}
}

static void
set_modes(void)
{
	raw();
	noecho();
	nonl();
	typeahead(-1);          /* else doupdate stops half-way when a key waits */
	say(mode_on, sizeof mode_on - 1);
	if (mouse)
		say(mouse_on, sizeof mouse_on - 1);
	ours = 1;
}

static void
let_go(void)
{
	if (mouse)
		say(mouse_off, sizeof mouse_off - 1);
	if (titled)
		say(title_back, sizeof title_back - 1);
	titled = false;
	say(mode_off, sizeof mode_off - 1);
	endwin();
	ours = 0;
}

static int
check_terminal(struct error *err)
{
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		error_set(err, CODE_USAGE, "the chat screen needs a terminal on standard input and output");
		return error_hint(err, "ivchat ask, or --plain");
	}
	if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0) {
		error_set(err, CODE_USAGE, "the chat screen needs a UTF-8 locale, this one is %s",
		          nl_langinfo(CODESET));
		return error_hint(err, "LC_ALL=C.UTF-8 ivchat, or --plain");
	}
	return 0;
}

/* Some terminals cannot place the cursor (TERM=dumb). */
static bool
can_move(void)
{
	const char *cup = tigetstr("cup");

	return cup && cup != (const char *)-1;
}

static int
take_terminal(struct error *err)
{
	tcgetattr(STDIN_FILENO, &before);
	curses = new_terminal(NULL);
	if (!curses)
		curses = new_terminal("xterm-256color");        /* this host does not know the name */
	if (curses && can_move())
		return 0;
	if (curses) {
		endwin();
		delscreen(curses);
		curses = NULL;
	}
	error_set(err, CODE_USAGE, "the chat screen cannot be drawn on this terminal (TERM=%s)",
	          getenv("TERM") ? getenv("TERM") : "");
	return error_hint(err, "TERM=xterm-256color ivchat, or --plain");
}

int
screen_open(const struct screen_options *options, struct error *err)
{
	if (check_terminal(err) < 0 || take_terminal(err) < 0)
		return -1;
	look.color = !options->no_color && has_colors();
	look.theme = options->theme;
	look.colors = options->colors;
	look.italics = (termattrs() & A_ITALIC) != 0;
	if (look.color) {
		start_color();
		use_default_colors();
	}
	keypad(stdscr, FALSE);
	idlok(stdscr, FALSE);
	idcok(stdscr, FALSE);
	leaveok(stdscr, FALSE);
	scrollok(stdscr, FALSE);
	set_modes();
	return 0;
}

void
screen_close(void)
{
	if (!curses)
		return;
	let_go();
	delscreen(curses);
	curses = NULL;
}

void
screen_lend(void)
{
	let_go();
}

void
screen_return(void)
{
	set_modes();
	clearok(curscr, TRUE);
}

void
screen_suspend(void)
{
	struct sigaction kept, plain = { .sa_handler = SIG_DFL };
	sigset_t stop, old;

	screen_lend();
	sigaction(SIGTSTP, &plain, &kept);
	sigemptyset(&stop);
	sigaddset(&stop, SIGTSTP);
	pthread_sigmask(SIG_UNBLOCK, &stop, &old);
	kill(0, SIGTSTP);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	sigaction(SIGTSTP, &kept, NULL);
	screen_return();
}

void
screen_emergency(void)
{
	if (!ours)
		return;
	ours = 0;
	if (write(STDOUT_FILENO, emergency, sizeof emergency - 1) < 0)
		return;
	tcsetattr(STDIN_FILENO, TCSANOW, &before);
}

void
screen_mouse(bool on)
{
	if (on != mouse)
		say(on ? mouse_on : mouse_off, on ? sizeof mouse_on - 1 : sizeof mouse_off - 1);
	mouse = on;
}

void
screen_title(const char *title)
{
	if (!titled)
		say(title_keep, sizeof title_keep - 1);
	titled = true;
	say("\033]2;", 4);
	say(title, strlen(title));
	say("\033\\", 2);
}

/* ---------------------------------------------------------------- size */

struct screen_size
screen_size(void)
{
	struct winsize ws = { 0 };

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) < 0 || ws.ws_row == 0 || ws.ws_col == 0)
		return (struct screen_size){ LINES, COLS, 0, 0 };
	return (struct screen_size){ ws.ws_row, ws.ws_col, ws.ws_xpixel, ws.ws_ypixel };
}

void
screen_resize(const struct screen_size *size)
{
	if (size->rows != LINES || size->cols != COLS)
		resizeterm(size->rows, size->cols);
	clearok(curscr, TRUE);
}

/* ---------------------------------------------------------------- rows → cells */

void
screen_set_theme(enum ui_theme theme)
{
	look.theme = theme;
}

int
screen_colors(void)
{
	return look.color ? COLORS : 0;
}

static attr_t
attributes(enum theme_role role, int *pair)
{
	bool few = look.color && COLORS < 256;
	struct theme_look l = few ? theme_few(look.theme, role) : *theme_look(look.theme, look.color, role);
	attr_t a = A_NORMAL;

	colors_apply(look.colors, role, &l);
	if (few) {
		l.fg = l.fg < 8 ? l.fg : theme_hue(l.fg);
		l.bg = l.bg < 8 ? l.bg : theme_hue(l.bg);
	}

	a |= l.bold ? A_BOLD : 0;
	a |= l.dim ? A_DIM : 0;
	a |= l.underline ? A_UNDERLINE : 0;
	a |= l.reverse ? A_REVERSE : 0;
	a |= !l.italic ? 0 : look.italics ? A_ITALIC : A_UNDERLINE;
	*pair = 0;
	if (look.color && (l.fg >= 0 || l.bg >= 0))
		*pair = alloc_pair(l.fg, l.bg);
	return a;
}

/* One grapheme of a drawable text: its first code point and what combines with it, as curses takes
 * it (a base and up to four). A code point that libc would draw in another width is replaced. */
static void
put_grapheme(int y, int x, const char *s, size_t n, int cols, attr_t attr, int pair)
{
	wchar_t wide[CCHARW_MAX + 1];
	cchar_t cell;
	int k = 0;

	for (size_t i = 0; i < n && k < CCHARW_MAX;) {
		int32_t cp;
		i += text_decode(s + i, n - i, &cp);
		if (k > 0 && wcwidth((wchar_t)cp) != 0)
			break;
		wide[k++] = (wchar_t)cp;
	}
	wide[k] = L'\0';
	if (k == 0 || wcwidth(wide[0]) > cols || wcwidth(wide[0]) < 1) {
		wide[0] = L'?';
		wide[1] = L'\0';
	}
	if (setcchar(&cell, wide, attr, 0, &pair) == OK)
		mvadd_wchnstr(y, x, &cell, 1);
}

static void
put_span(int y, int x, const struct span *span)
{
	int pair;
	const attr_t attr = attributes(span->role, &pair);

	for (size_t i = 0; i < span->n;) {
		int cols;
		const size_t n = text_grapheme(span->at + i, span->n - i, &cols);
		if (cols > 0)
			put_grapheme(y, x, span->at + i, n, cols, attr, pair);
		x += cols;
		i += n;
	}
}

void
screen_row(int y, int x, const struct row *row)
{
	for (int i = 0; i < row->n_spans; i++) {
		put_span(y, x, &row->spans[i]);
		x += row->spans[i].cols;
	}
}

void
screen_filler(int y, int x, int n)
{
	cchar_t cell;

	setcchar(&cell, L"\u00a0", A_NORMAL, 0, NULL);
	for (int i = 0; i < n; i++)
		mvadd_wchnstr(y, x + i, &cell, 1);
}
