/* cast.c: a conversation as a recording in the asciicast format, version 2: the branch as it was said, questions at
 * once, answers at the times of their tokens. A session does not say which letters a token had, so an answer is cut into
 * as many equal pieces as it has tokens; its lines are broken before, between words. */
#include "config.h"

#include "export/export.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "export/internal.h"

#define COLS 80
#define ROWS 24
#define IDLE_LIMIT 2            /* seconds; longer pauses are cut by the player */

struct cast {
	struct export *e;
	struct buf *out;
	int64_t start, now;     /* ms; `now` never goes back */
};

/* "2026-08-23T14:15:03.120Z" in ms since 1970, or -1. */
static int64_t
time_of(const char *at)
{
	struct tm tm = {0};
	int ms = 0;

	if (sscanf(at, "%4d-%2d-%2dT%2d:%2d:%2d.%3d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min,
	    &tm.tm_sec, &ms) < 6)
		return -1;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	return (int64_t)timegm(&tm) * 1000 + ms;
}

static void
advance(struct cast *c, int64_t at)
{
	if (at > c->now)
		c->now = at;
}

static void
put_event(struct cast *c, const char *bytes, size_t n)
{
	json_t *text = n ? json_stringn(bytes, n) : NULL;
	char *quoted = text ? json_dumps(text, JSON_ENCODE_ANY) : NULL;
	int64_t ms = c->now - c->start;

	if (quoted)
		buf_printf(c->out, "[%" PRId64 ".%03d, \"o\", %s]\n", ms / 1000, (int)(ms % 1000), quoted);
	free(quoted);
	json_decref(text);
}

static void
put_words(struct cast *c, const char *s)
{
	put_event(c, s, strlen(s));
}

/* ---- lines */

/* One line, broken between words where it would pass the last column. */
static void
put_wrapped(struct buf *out, const char *s, size_t n)
{
	int col = 0;

	while (n > 0) {
		const char *space = memchr(s, ' ', n);
		size_t word = space ? (size_t)(space - s) : n;
		int cols = text_width(s, word);

		if (col > 0 && col + cols > COLS) {
			while (out->n > 0 && out->at[out->n - 1] == ' ')
				buf_cut(out, out->n - 1);
			buf_str(out, "\r\n");
			col = 0;
		}
		buf_add(out, s, word);
		col += cols;
		if (space) {
			buf_char(out, ' ');
			col++;
			word++;
		}
		s += word;
		n -= word;
	}
}

/* What a terminal gets for a text. */
static void
put_screen_text(struct buf *out, const char *s, size_t n)
{
	struct buf visible = {0};
	const char *p, *end, *newline;

	text_visible(&visible, s, n);
	p = buf_text(&visible);
	end = p + visible.n;
	for (; (newline = memchr(p, '\n', (size_t)(end - p))); p = newline + 1) {
		put_wrapped(out, p, (size_t)(newline - p));
		buf_str(out, "\r\n");
	}
	put_wrapped(out, p, (size_t)(end - p));
	buf_done(&visible);
}

/* ---- messages */

static void
put_picture(struct cast *c, const struct pic *pic)
{
	struct buf bytes = {0}, drawn = {0};
	struct picture picture = {0};
	bool is_drawn = false;

	if (c->e->draw && export_fetch(c->e, pic, &bytes)) {
		if (picture_decode_take(&picture, pic->name ? pic->name : "", &bytes, ORIENT_APPLY, NULL) == 0)
			is_drawn = c->e->draw(&picture, &drawn) >= 0;
		picture_done(&picture);
	}
	if (is_drawn)
		buf_str(&drawn, "\r\n");
	buf_str(&drawn, "\033[2m[");
	export_label(&drawn, pic);
	buf_str(&drawn, "]\033[0m\r\n");
	put_event(c, drawn.at, drawn.n);
	buf_done(&drawn);
}

static void
put_question(struct cast *c, const struct message *m)
{
	struct buf text = {0};

	advance(c, time_of(m->at));
	put_words(c, "\033[1mUser\033[0m\r\n");
	for (int i = 0; i < m->n_pics; i++)
		put_picture(c, &m->pics[i]);
	put_screen_text(&text, m->text, m->text_n);
	buf_str(&text, "\r\n\r\n");
	put_event(c, text.at, text.n);
	buf_done(&text);
}

/* The end of the ith of n pieces: behind a whole character, never inside CR LF. */
static size_t
piece_end(const struct buf *text, int i, int n)
{
	size_t at = (size_t)((double)text->n * (i + 1) / n);

	if (i + 1 >= n || at > text->n)
		return text->n;
	while (at < text->n && (((unsigned char)text->at[at] & 0xc0) == 0x80 || text->at[at] == '\n'))
		at++;
	return at;
}

static void
put_answer(struct cast *c, const struct message *m, int64_t asked)
{
	struct buf text = {0}, mark = {0};
	size_t from = 0;
	int n = m->ms ? m->n_ids : 0;

	put_words(c, "\033[1mAssistant\033[0m\r\n");
	put_screen_text(&text, m->text, m->text_n);
	for (int i = 0; i < n; i++) {
		size_t to = piece_end(&text, i, n);

		advance(c, asked + m->ms[i]);
		if (to > from)
			put_event(c, text.at + from, to - from);
		from = to > from ? to : from;
	}
	if (n == 0)
		advance(c, time_of(m->at));
	put_event(c, buf_text(&text) + from, text.n - from);
	message_mark(m, false, &mark);
	if (mark.n > 0) {
		put_words(c, text.n > 0 ? " " : "");
		put_event(c, mark.at, mark.n);
	}
	put_words(c, "\r\n\r\n");
	buf_done(&mark);
	buf_done(&text);
}

static void
put_notes(struct cast *c, int id)
{
	const struct note *note;
	int from = 0;

	while ((note = chat_next_note(c->e->chat, id, &from))) {
		struct buf text = {0};

		advance(c, time_of(note->at));
		put_words(c, "\033[1mNote\033[0m\r\n");
		put_screen_text(&text, note->text, note->text_n);
		buf_str(&text, "\r\n\r\n");
		put_event(c, text.at, text.n);
		buf_done(&text);
	}
}

static void
put_header(struct cast *c)
{
	char *title = chat_title(c->e->chat), *line;
	json_t *header = json_pack("{s:i, s:i, s:i, s:I, s:f, s:s, s:{s:s}}", "version", 2, "width", COLS, "height", ROWS,
	    "timestamp", (json_int_t)(c->start / 1000), "idle_time_limit", (double)IDLE_LIMIT, "title", title, "env",
	    "TERM", "xterm-256color");

	line = json_dumps(header, 0);
	buf_str(c->out, line ? line : "{}");
	buf_char(c->out, '\n');
	free(line);
	json_decref(header);
	free(title);
}

static int
write_cast(struct export *e, struct buf *out, struct error *err)
{
	struct cast c = { .e = e, .out = out };
	int *ids, n = export_messages(e, &ids);

	(void)err;
	if (n > 0 && time_of(chat_message(e->chat, ids[0])->at) > 0)
		c.start = time_of(chat_message(e->chat, ids[0])->at);
	c.now = c.start;
	put_header(&c);
	put_notes(&c, 0);
	for (int i = 0; i < n; i++) {
		const struct message *m = chat_message(e->chat, ids[i]), *up = chat_message(e->chat, m->up);

		if (m->role == ROLE_USER)
			put_question(&c, m);
		else
			put_answer(&c, m, up ? time_of(up->at) : c.now);
		put_notes(&c, m->id);
	}
	free(ids);
	return 0;
}

const struct export_format export_cast = { "cast", NULL, write_cast };
