/* plain.c: see plain.h. Entries wait in a list until plain_draw, so that pictures and marks that follow them at once are
 * said with them; only an answer that is still growing stays longer, and is said in whole lines. */
#include "config.h"

#include "ui/plain.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/text.h"

enum { LINE_MAX_BYTES = 1 << 20 };      /* a longer line is taken in pieces */

struct waiting {
	int entry;
	enum ui_look look;
	struct buf text;                /* of an answer: what is not said yet */
	struct buf labels;              /* of its pictures, a line each */
	char *mark, *when;
	bool begun, ended;              /* an answer: its label is said; nothing more comes */
};

struct plain {
	bool piped;                     /* standard input is no terminal */
	bool terminal;                  /* both are: a person types, and sees what is typed */
	bool held, told_working, prompted;
	bool end, gone, told_gone;      /* of the input; of the reader */

	struct waiting *list;
	int n, last_entry;

	struct buf input;               /* bytes that are no line yet */
	struct buf typed;               /* the last line, which stands on the terminal already */
	struct buf draft;               /* offered for an empty line */
	int n_items;                    /* of the list that a number is awaited for, or 0 */
	struct ui_event event;
	bool have_event;
};

/* ---------------------------------------------------------------- saying */

static FILE *
sink(const struct plain *p, enum ui_look look)
{
	return p->piped && look != UI_LOOK_USER && look != UI_LOOK_ANSWER ? stderr : stdout;
}

/* What is said begins a line of its own, also behind a prompt that nobody answered. */
static void
leave_prompt(struct plain *p)
{
	if (p->prompted)
		putchar('\n');
	p->prompted = false;
}

/* Control characters visible, and a newline at the end. */
static void
say(struct plain *p, enum ui_look look, const char *label, const char *text, size_t n)
{
	struct buf out = {0};

	leave_prompt(p);
	buf_str(&out, label);
	text_visible(&out, text, n);
	if (out.n == 0 || out.at[out.n - 1] != '\n')
		buf_char(&out, '\n');
	fwrite(out.at, 1, out.n, sink(p, look));
	buf_done(&out);
}

static bool
is_typed(const struct plain *p, const struct waiting *w)
{
	return p->terminal && p->typed.n > 0 && w->text.n == p->typed.n &&
	       memcmp(w->text.at, p->typed.at, w->text.n) == 0;
}

static void
say_labels(struct plain *p, const struct waiting *w)
{
	if (w->labels.n > 0)
		say(p, w->look, "", w->labels.at, w->labels.n);
}

/* "Assistant 14:15: " */
static void
say_message(struct plain *p, const struct waiting *w, const char *who, size_t n)
{
	struct buf label = {0};

	buf_printf(&label, "%s%s%s: ", who, w->when ? " " : "", w->when ? w->when : "");
	say(p, w->look, w->begun ? "" : buf_text(&label), buf_text(&w->text), n);
	buf_done(&label);
}

static void
say_user(struct plain *p, const struct waiting *w)
{
	say_labels(p, w);
	if (!is_typed(p, w))
		say_message(p, w, "User", w->text.n);
	buf_clear(&p->typed);
	if (w->mark)
		say(p, w->look, "", w->mark, strlen(w->mark));
}

/* An answer as far as its lines are whole. */
static void
say_answer(struct plain *p, struct waiting *w)
{
	const char *newline = w->text.n ? memrchr(w->text.at, '\n', w->text.n) : NULL;
	size_t n = w->ended ? w->text.n : newline ? (size_t)(newline + 1 - w->text.at) : 0;

	if (n > 0 || (w->ended && !w->begun)) {
		say_message(p, w, "Assistant", n);
		buf_drop(&w->text, n);
		w->begun = true;
	}
	if (w->ended && w->mark)
		say(p, w->look, "", w->mark, strlen(w->mark));
}

static const char *
label(enum ui_look look)
{
	switch (look) {
	case UI_LOOK_ERROR:
		return "ivchat: ";
	case UI_LOOK_RULE:
		return "-- ";
	default:
		return "";
	}
}

static void
say_entry(struct plain *p, struct waiting *w)
{
	switch (w->look) {
	case UI_LOOK_USER:
		say_user(p, w);
		break;
	case UI_LOOK_ANSWER:
		say_labels(p, w);
		say_answer(p, w);
		break;
	default:
		say_labels(p, w);
		say(p, w->look, label(w->look), buf_text(&w->text), w->text.n);
	}
}

static void
prompt(struct plain *p)
{
	if (!p->terminal || p->held || p->prompted || p->end)
		return;
	if (p->draft.n > 0) {
		say(p, UI_LOOK_NOTE, "Input: ", p->draft.at, p->draft.n);
		say(p, UI_LOOK_NOTE, "(Enter sends it, another line takes its place)", "", 0);
	}
	fputs(p->n_items ? "Number: " : "User: ", stdout);
	p->prompted = true;
}

static void
tell_working(struct plain *p)
{
	if (p->held && !p->told_working && p->terminal)
		say(p, UI_LOOK_NOTE, "Working", "", 0);
	p->told_working = p->held;
}

void
plain_tell(struct plain *p, const char *text)
{
	plain_add(p, UI_LOOK_NOTE, text, strlen(text));
}

/* ---------------------------------------------------------------- entries */

static struct waiting *
find(struct plain *p, int entry)
{
	for (int i = 0; i < p->n; i++)
		if (p->list[i].entry == entry)
			return &p->list[i];
	return NULL;
}

static void
free_waiting(struct waiting *w)
{
	buf_done(&w->text);
	buf_done(&w->labels);
	free(w->mark);
	free(w->when);
}

static void
forget(struct plain *p, struct waiting *w)
{
	free_waiting(w);
	p->n--;
	memmove(w, w + 1, (size_t)(&p->list[p->n] - w) * sizeof *w);
}

int
plain_add(struct plain *p, enum ui_look look, const char *text, size_t n)
{
	struct waiting w = { .entry = ++p->last_entry, .look = look };

	buf_add(&w.text, text, n);
	p->list = xreallocarray(p->list, (size_t)p->n + 1, sizeof *p->list);
	p->list[p->n++] = w;
	return w.entry;
}

void
plain_append(struct plain *p, int entry, const char *text, size_t n)
{
	struct waiting *w = find(p, entry);

	if (w)
		buf_add(&w->text, text, n);
}

/* What was said already is said anew: it has changed. */
void
plain_set_text(struct plain *p, int entry, const char *text, size_t n)
{
	struct waiting *w = find(p, entry);

	if (!w) {
		plain_add(p, UI_LOOK_NOTE, text, n);
		return;
	}
	buf_clear(&w->text);
	buf_add(&w->text, text, n);
}

/* The mark, or that there is none, is the end of an answer. */
void
plain_set_mark(struct plain *p, int entry, const char *mark)
{
	struct waiting *w = find(p, entry);

	if (!w)
		return;
	free(w->mark);
	w->mark = mark ? xstrdup(mark) : NULL;
	w->ended = true;
}

void
plain_set_time(struct plain *p, int entry, const char *when)
{
	struct waiting *w = find(p, entry);

	if (!w)
		return;
	free(w->when);
	w->when = xstrdup(when);
}

void
plain_add_picture(struct plain *p, int entry, const char *text)
{
	struct waiting *w = find(p, entry);

	if (w)
		buf_printf(&w->labels, "[%s]\n", text);
}

void
plain_remove(struct plain *p, int entry)
{
	struct waiting *w = find(p, entry);

	if (w)
		forget(p, w);
}

void
plain_clear(struct plain *p)
{
	while (p->n > 0)
		forget(p, &p->list[p->n - 1]);
}

/* What comes below an answer ends it. */
static bool
is_done(const struct plain *p, const struct waiting *w)
{
	return w->look != UI_LOOK_ANSWER || w->ended || w + 1 < p->list + p->n;
}

void
plain_draw(struct plain *p)
{
	if (p->gone)
		return;
	while (p->n > 0 && is_done(p, p->list)) {
		p->list->ended = true;
		say_entry(p, p->list);
		forget(p, p->list);
	}
	if (p->n > 0)
		say_entry(p, p->list);
	tell_working(p);
	prompt(p);
	fflush(stderr);
	if (fflush(stdout) != 0)
		p->gone = true;
}

/* ---------------------------------------------------------------- lists */

/* What stands at the right on a screen follows here, its columns as words between commas. */
static void
add_item(struct buf *out, int number, const char *item)
{
	const char *at = item;

	buf_printf(out, "%d. ", number);
	while (*at) {
		const size_t blanks = strspn(at, " \t");

		if (*at == '\t' || (blanks > 1 && at[blanks] && memchr(item, '\t', (size_t)(at - item))))
			buf_str(out, ", ");
		else
			buf_add(out, at, blanks);
		at += blanks;
		buf_add(out, at, strcspn(at, " \t"));
		at += strcspn(at, " \t");
	}
	buf_char(out, '\n');
}

void
plain_pick(struct plain *p, const char *title, const char *const *items, int n)
{
	struct buf out = {0};

	buf_printf(&out, "%s:\n", title);
	for (int i = 0; i < n; i++)
		add_item(&out, i + 1, items[i]);
	buf_str(&out, "A number chooses, an empty line leaves.");
	plain_add(p, UI_LOOK_NOTE, out.at, out.n);
	p->n_items = n;
	buf_done(&out);
}

static struct ui_event *
give(struct plain *p, enum ui_event_kind kind)
{
	p->have_event = true;
	p->event = (struct ui_event){ .kind = kind, .pick = -1 };
	return &p->event;
}

static void
take_choice(struct plain *p, const char *line)
{
	char *end;
	long i = strtol(line, &end, 10);

	if (*line && (*end || i < 1 || i > p->n_items)) {
		plain_tell(p, "a number of the list, or an empty line");
		return;
	}
	p->n_items = 0;
	give(p, UI_EVENT_PICK)->pick = *line ? (int)i - 1 : -1;
}

/* ---------------------------------------------------------------- reading */

/* Takes the line over. */
static void
take_message(struct plain *p, struct buf *line)
{
	struct ui_event *e = give(p, UI_EVENT_LINE);

	if (line->n == 0 && p->draft.n > 0)
		buf_add(line, p->draft.at, p->draft.n);
	buf_clear(&p->draft);
	buf_clear(&p->typed);
	buf_add(&p->typed, buf_text(line), line->n);
	e->text_n = line->n;
	e->text = buf_take(line);
}

static void
take_line(struct plain *p, size_t n)
{
	struct buf line = {0};

	buf_add(&line, p->input.at, n);
	if (line.n > 0 && line.at[line.n - 1] == '\r')
		buf_cut(&line, line.n - 1);
	p->prompted = false;
	if (p->n_items)
		take_choice(p, buf_text(&line));
	else
		take_message(p, &line);
	buf_done(&line);
}

/* A whole line, or what stands at the end of the input without a newline. */
static bool
has_line(const struct plain *p)
{
	size_t n = p->input.n;

	return n > 0 && (p->end || n >= LINE_MAX_BYTES || memchr(p->input.at, '\n', n));
}

static bool
take_whole_line(struct plain *p)
{
	const char *newline;
	size_t n;

	if (!has_line(p))
		return false;
	newline = memchr(p->input.at, '\n', p->input.n);
	n = newline ? (size_t)(newline - p->input.at) : p->input.n;
	take_line(p, n);
	buf_drop(&p->input, n + (newline != NULL));
	return true;
}

static bool
readable(void)
{
	struct pollfd fd = { .fd = STDIN_FILENO, .events = POLLIN };

	return poll(&fd, 1, 0) > 0 && (fd.revents & (POLLIN | POLLHUP | POLLERR | POLLNVAL));
}

static void
read_more(struct plain *p)
{
	char bytes[4096];
	ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);

	if (n > 0)
		buf_add(&p->input, bytes, (size_t)n);
	else if (n == 0)
		p->end = true;
	else if (errno != EINTR && errno != EAGAIN)
		p->gone = true;
}

static void
tell_gone(struct plain *p)
{
	if (!p->told_gone)
		give(p, UI_EVENT_EOF);
	p->told_gone = true;
}

void
plain_read(struct plain *p)
{
	if (p->gone)
		tell_gone(p);
	if (p->held || p->gone || p->have_event || take_whole_line(p))
		return;
	if (!p->end && readable())
		read_more(p);
	if (!take_whole_line(p) && p->end)
		give(p, UI_EVENT_ACTION)->action = UI_ACT_QUIT;
}

bool
plain_next(struct plain *p, struct ui_event *event)
{
	if (!p->have_event)
		return false;
	*event = p->event;
	p->have_event = false;
	return true;
}

void
plain_hold(struct plain *p, bool held)
{
	p->held = held;
}

int
plain_fd(const struct plain *p)
{
	return p->held ? -1 : STDIN_FILENO;
}

/* Lines that were read with the one before wait for nobody. */
int
plain_timeout(const struct plain *p)
{
	bool ready = p->gone ? !p->told_gone : !p->held && (has_line(p) || p->end);

	return ready || p->have_event ? 0 : -1;
}

void
plain_set_input(struct plain *p, const char *text)
{
	buf_clear(&p->draft);
	if (!p->piped)
		buf_str(&p->draft, text);
	leave_prompt(p);
}

const char *
plain_input(const struct plain *p)
{
	return buf_text(&p->draft);
}

/* ---------------------------------------------------------------- opening and closing */

struct plain *
plain_open(void)
{
	struct plain *p = xcalloc(1, sizeof *p);

	p->piped = !isatty(STDIN_FILENO);
	p->terminal = !p->piped && isatty(STDOUT_FILENO);
	p->held = true;
	return p;
}

void
plain_suspend(struct plain *p)
{
	raise(SIGSTOP);
	p->prompted = false;
}

void
plain_close(struct plain *p)
{
	p->held = true;
	p->told_working = true;
	for (int i = 0; i < p->n; i++)
		p->list[i].ended = true;
	plain_draw(p);
	leave_prompt(p);
	plain_clear(p);
	free(p->list);
	if (p->have_event)
		free(p->event.text);
	buf_done(&p->input);
	buf_done(&p->typed);
	buf_done(&p->draft);
	free(p);
}
