/* reading.c: see reading.h. The cursor is kept as an entry and a line of it, so that it stays where it is when text comes
 * or goes elsewhere; every question turns that into a line of the conversation anew. */
#include "config.h"

#include "ui/reading.h"

#include "base/text.h"
#include "ui/transcript.h"

enum { MARGIN = 2 };            /* lines seen above and below the cursor */

void
reading_init(struct reading *r, struct transcript *transcript)
{
	*r = (struct reading){ .transcript = transcript, .by = 1, .find.here = -1 };
}

void
reading_done(struct reading *r)
{
	find_done(&r->find);
	buf_done(&r->pattern);
}

/* ---------------------------------------------------------------- the cursor */

static int
clamp(int n, int least, int most)
{
	return n > most ? (most < least ? least : most) : n < least ? least : n;
}

static struct line
line_at(struct reading *r, int index)
{
	struct line line = {0};

	transcript_line(r->transcript, index, &line);
	row_done(&line.row);
	return line;
}

/* The line itself, or the one below or above it: the blank line between messages is nobody's to stand on. */
static int
solid(struct reading *r, int index, int by)
{
	const int n = transcript_lines(r->transcript);

	index = clamp(index, 0, n - 1);
	return n > 0 && line_at(r, index).kind == LINE_BLANK ? clamp(index + by, 0, n - 1) : index;
}

/* Puts the cursor on a line without moving the view. */
static void
put(struct reading *r, int index)
{
	const int n = transcript_lines(r->transcript);
	int first = 0;

	r->at = solid(r, index, 1);
	r->entry = r->line = 0;
	if (n == 0)
		return;
	r->entry = line_at(r, r->at).entry;
	transcript_extent(r->transcript, r->entry, &first);
	r->line = r->at - first;
}

int
reading_cursor(struct reading *r)
{
	int first, n = transcript_extent(r->transcript, r->entry, &first);

	if (n == 0)
		put(r, r->at);
	else
		r->at = first + clamp(r->line, 0, n - 1);
	return r->at;
}

/* Moves the view as little as shows lines [from, to], or at least the first of them. */
static void
show(struct reading *r, int from, int to)
{
	const int top = transcript_top(r->transcript), height = transcript_height(r->transcript);

	if (to >= top + height)
		transcript_scroll(r->transcript, to - (top + height) + 1);
	if (from < transcript_top(r->transcript))
		transcript_scroll(r->transcript, from - transcript_top(r->transcript));
}

/* With some lines around it, as long as the view has room for that. */
static void
show_cursor(struct reading *r)
{
	const int margin = transcript_height(r->transcript) > 4 * MARGIN ? MARGIN : 0, at = reading_cursor(r);

	show(r, at - margin, at + margin);
}

void
reading_stand(struct reading *r, int line)
{
	put(r, line);
	show_cursor(r);
}

void
reading_settle(struct reading *r)
{
	const int at = reading_cursor(r), top = transcript_top(r->transcript);

	if (r->on && (at < top || at >= top + transcript_height(r->transcript)))
		show(r, at, at);
}

void
reading_drag(struct reading *r)
{
	const int top = transcript_top(r->transcript), bottom = top + transcript_height(r->transcript) - 1;
	const int at = clamp(reading_cursor(r), top, bottom);

	put(r, at == bottom ? solid(r, at, -1) : at);
}

/* ---------------------------------------------------------------- messages and pictures */

static bool
is_message(const struct line *line)
{
	return line->look == UI_LOOK_USER || line->look == UI_LOOK_ANSWER;
}

/* Shows the selected entry, with all of it if it fits. */
static void
show_entry(struct reading *r)
{
	int first = 0, n = transcript_extent(r->transcript, r->entry, &first);

	if (n > transcript_height(r->transcript))
		n = transcript_height(r->transcript);
	show(r, first, first + n - 1);
}

/* The first line of a message from `index` on, in steps of `by`, or -1. */
static int
label_from(struct reading *r, int index, int by)
{
	for (; index >= 0 && index < transcript_lines(r->transcript); index += by)
		if (line_at(r, index).kind == LINE_LABEL)
			return index;
	return -1;
}

static void
step_message(struct reading *r, int by)
{
	const int at = label_from(r, reading_cursor(r) + by, by);

	if (at >= 0) {
		put(r, at);
		show_entry(r);
	} else {
		reading_stand(r, by < 0 ? 0 : transcript_lines(r->transcript) - 1);
	}
}

void
reading_select(struct reading *r, int entry)
{
	int first, n = transcript_extent(r->transcript, entry, &first);

	if (n == 0)
		return;
	put(r, first);
	show_entry(r);
	r->on = true;
}

/* The first line of the picture that goes through line `index`. */
static int
picture_start(struct reading *r, int index)
{
	const int picture = line_at(r, index).picture;

	while (index > 0 && line_at(r, index - 1).picture == picture)
		index--;
	return index;
}

static int
picture_end(struct reading *r, int index)
{
	const int picture = line_at(r, index).picture, n = transcript_lines(r->transcript);

	while (index + 1 < n && line_at(r, index + 1).picture == picture)
		index++;
	return index;
}

/* A line of another picture than the cursor's, from the cursor on in steps of `by`, or -1. */
static int
picture_from(struct reading *r, int by)
{
	const int at = reading_cursor(r), n = transcript_lines(r->transcript);
	const int under = n > 0 ? line_at(r, at).picture : 0;

	for (int i = at + by; i >= 0 && i < n; i += by) {
		const int picture = line_at(r, i).picture;

		if (picture && picture != under)
			return i;
	}
	return -1;
}

static void
step_picture(struct reading *r, int by)
{
	const int at = picture_from(r, by);

	if (at < 0)
		return;
	put(r, picture_start(r, at));
	show(r, r->at > 0 ? r->at - 1 : 0, picture_end(r, r->at));      /* with whose it is */
}

static int
first_picture(struct reading *r)
{
	int first = 0, n = transcript_extent(r->transcript, r->entry, &first), picture = 0;

	for (int i = first; i < first + n && !picture; i++)
		picture = line_at(r, i).picture;
	return picture;
}

int
reading_picture(struct reading *r)
{
	const int at = reading_cursor(r);
	int picture, above;

	if (transcript_lines(r->transcript) == 0)
		return 0;
	picture = line_at(r, at).picture;
	if (!picture)
		picture = first_picture(r);
	if (picture || (above = picture_from(r, -1)) < 0)
		return picture;
	return line_at(r, above).picture;
}

/* ---------------------------------------------------------------- the mode */

void
reading_enter(struct reading *r)
{
	const int top = transcript_top(r->transcript), n = transcript_lines(r->transcript);
	const int end = clamp(top + transcript_height(r->transcript), 0, n);
	int at = end - 1;

	r->on = true;
	while (at > top && n > 0) {
		const struct line line = line_at(r, at);

		if (is_message(&line) && line.kind != LINE_BLANK)
			break;
		at--;
	}
	put(r, at > top ? at : end - 1);
}

static void
forget_find(struct reading *r)
{
	r->asking = false;
	buf_clear(&r->pattern);
	find_set(&r->find, "", 0);
}

void
reading_leave(struct reading *r)
{
	r->on = false;
	forget_find(r);
}

static void
page(struct reading *r, int by)
{
	const int height = transcript_height(r->transcript), step = by * (height > 1 ? height - 1 : 1);
	const int at = reading_cursor(r);

	transcript_scroll(r->transcript, step);
	reading_stand(r, at + step);
}

bool
reading_move(struct reading *r, enum keys_reading key)
{
	switch (key) {
	case READING_DOWN:         reading_stand(r, reading_cursor(r) + 1); break;
	case READING_UP:           reading_stand(r, solid(r, reading_cursor(r) - 1, -1)); break;
	case READING_PAGE_DOWN:    page(r, 1); break;
	case READING_PAGE_UP:      page(r, -1); break;
	case READING_TOP:          reading_stand(r, 0); break;
	case READING_BOTTOM:       reading_stand(r, transcript_lines(r->transcript) - 1); break;
	case READING_NEXT:         step_message(r, 1); break;
	case READING_PREV:         step_message(r, -1); break;
	case READING_PICTURE_NEXT: step_picture(r, 1); break;
	case READING_PICTURE_PREV: step_picture(r, -1); break;
	default:
		return false;
	}
	return true;
}

/* ---------------------------------------------------------------- finding */

static void
go_back(struct reading *r)
{
	const struct reading_place *back = &r->back;

	r->on = back->on;
	r->entry = back->entry;
	r->line = back->line;
	if (back->follows)
		transcript_end(r->transcript);
	else
		transcript_scroll(r->transcript, back->top - transcript_top(r->transcript));
}

void
reading_ask(struct reading *r, int by)
{
	struct transcript *t = r->transcript;

	r->back = (struct reading_place){ .on = r->on, .top = transcript_top(t), .follows = transcript_following(t) };
	if (!r->on)
		reading_enter(r);
	r->back.entry = r->entry;
	r->back.line = r->line;
	r->by = by;
	forget_find(r);
	r->asking = true;
}

static void
stand_at_match(struct reading *r, int match)
{
	r->find.here = match;
	reading_stand(r, find_line(&r->find, match));
}

/* Shows the first match of the pattern from where the question was asked. */
static void
look(struct reading *r)
{
	const bool on = r->on;
	int match;

	go_back(r);
	r->on = on;
	find_set(&r->find, buf_text(&r->pattern), r->pattern.n);
	find_run(&r->find, r->transcript);
	match = find_from(&r->find, reading_cursor(r), r->by);
	if (match >= 0)
		stand_at_match(r, match);
}

void
reading_type(struct reading *r, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] >= 0x20 && s[i] != 0x7f)
			buf_char(&r->pattern, s[i]);
	look(r);
}

void
reading_erase(struct reading *r)
{
	if (r->pattern.n == 0) {
		reading_give_up(r);
		return;
	}
	buf_cut(&r->pattern, r->pattern.n - text_grapheme_before(r->pattern.at, r->pattern.n));
	look(r);
}

void
reading_take(struct reading *r)
{
	if (r->find.n_matches == 0) {
		reading_give_up(r);
		return;
	}
	r->asking = false;
}

void
reading_give_up(struct reading *r)
{
	forget_find(r);
	go_back(r);
}

bool
reading_find_next(struct reading *r, int by)
{
	struct find *f = &r->find;

	find_run(f, r->transcript);
	if (f->n_matches == 0)
		return false;
	if (f->here < 0)
		stand_at_match(r, find_from(f, reading_cursor(r), by));
	else
		stand_at_match(r, (f->here + by + f->n_matches) % f->n_matches);
	return true;
}

int
reading_find(struct reading *r, const char *pattern, size_t n)
{
	reading_ask(r, -1);
	buf_add(&r->pattern, pattern, n);
	look(r);
	reading_take(r);
	return r->find.n_matches;
}
