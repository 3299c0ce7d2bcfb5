/* transcript.c: see transcript.h.
 *
 * An entry is drawn as: a blank line (not before the first, nor between notes of one line), its label, its pictures with their captions, its text,
 * its mark. settle() makes all derived numbers true; every question asks it first, every change only sets `stale`.
 *
 * Of an entry's text the part up to its last newline is settled: its visible form and its lines never change again
 * while text is appended. Only the last paragraph is kept as it came (`tail`) and made visible anew.
 *
 * The lines of a text are those that markdown.c made of its finished blocks, then those that wrap.c makes of the rest;
 * of what is no answer, or is shown raw, wrap.c makes all. */
#include "config.h"

#include "ui/transcript.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/text.h"
#include "ui/markdown.h"
#include "ui/shrink.h"
#include "ui/wrap.h"

enum { PICTURE_MAX_WIDTH = 1600, PICTURE_MAX_HEIGHT = 1200 };

struct entry {
	int id;
	enum ui_look look;
	struct buf shown;               /* visible text, all that is whole */
	size_t settled;                 /* bytes of `shown` before the last paragraph */
	struct buf tail;                /* source of the last paragraph, with a character that is not whole yet */
	char *mark, *when;              /* or NULL */
	struct transcript_picture *pictures;
	int n_pictures;

	bool open;                      /* it was appended to and may go on */
	bool raw;
	bool stale;                     /* the last paragraph is to be made anew */
	bool fresh;                     /* all of the text is */
	bool unmeasured;
	int width;                      /* for which all below holds */
	struct markdown *styled;        /* NULL: shown as source */
	size_t styled_n;                /* bytes of `shown` that its lines stand for */
	struct wrap wrap;               /* of the others */
	int first, height;              /* lines of the conversation, the blank one included */
};

/* The kinds of lines of an entry, in their order. */
enum part_kind { PART_BLANK, PART_LABEL, PART_PICTURE, PART_CAPTION, PART_TEXT, PART_MARK };

struct part {
	enum part_kind kind;
	int index;                      /* which picture, or which line of the text */
	int row;                        /* of the picture */
};

/* The top line of a view that does not follow, in words that outlive a layout. */
struct anchor {
	int entry;                      /* id */
	struct part part;
	size_t place;                   /* in `shown`, for PART_TEXT */
};

struct transcript {
	struct entry *entries;          /* by rising id */
	int n, cap;
	int last_id, last_picture;
	bool ascii, raw, math;
	transcript_measure *measure;
	void *measure_arg;
	int width, height;

	bool stale;
	unsigned version;
	int lines, top;
	bool follow, at_end;
	struct anchor anchor;
};

struct transcript *
transcript_new(bool ascii)
{
	struct transcript *t = xcalloc(1, sizeof *t);

	t->ascii = ascii;
	t->math = true;
	t->width = 80;
	t->height = 24;
	t->follow = true;
	return t;
}

static void
entry_done(struct entry *e)
{
	for (int i = 0; i < e->n_pictures; i++) {
		free((void *)e->pictures[i].rgb);
		free((void *)e->pictures[i].label);
	}
	free(e->pictures);
	free(e->mark);
	free(e->when);
	buf_done(&e->shown);
	buf_done(&e->tail);
	wrap_done(&e->wrap);
	markdown_free(e->styled);
}

void
transcript_clear(struct transcript *t)
{
	for (int i = 0; i < t->n; i++)
		entry_done(&t->entries[i]);
	t->n = 0;
	t->last_id = 0;
	t->stale = true;
	t->follow = true;
}

void
transcript_free(struct transcript *t)
{
	if (!t)
		return;
	transcript_clear(t);
	free(t->entries);
	free(t);
}

/* ---------------------------------------------------------------- finding */

/* Index of the first entry whose id is at least `id`; n when there is none. */
static int
entry_from(const struct transcript *t, int id)
{
	int low = 0, high = t->n;

	while (low < high) {
		int mid = low + (high - low) / 2;

		if (t->entries[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* An entry that is about to change, or NULL. Who stands at the end when something changes will follow. */
static struct entry *
touch(struct transcript *t, int id)
{
	int i = entry_from(t, id);

	if (i == t->n || t->entries[i].id != id)
		return NULL;
	t->stale = true;
	t->follow = t->follow || t->at_end;
	return &t->entries[i];
}

/* ---------------------------------------------------------------- layout of one entry */

static bool
has_label(const struct entry *e)
{
	return e->look == UI_LOOK_USER || e->look == UI_LOOK_ANSWER;
}

static const char *
prefix(const struct entry *e)
{
	return e->look == UI_LOOK_ERROR && e->width >= 8 ? "! " : "";
}

static int
text_columns(const struct entry *e)
{
	return e->width - (int)strlen(prefix(e));
}

static int
styled_lines(const struct entry *e)
{
	return e->styled ? markdown_lines(e->styled) : 0;
}

static int
text_lines(const struct entry *e)
{
	return e->look == UI_LOOK_RULE ? 1 : styled_lines(e) + e->wrap.n;
}

static int
text_line_cols(const struct entry *e, int index)
{
	const struct wrap_line *line;
	int n = styled_lines(e);

	if (index < n)
		return markdown_cols(e->styled, index);
	line = &e->wrap.lines[index - n];
	return line->indent + line->cols;
}

/* The place in `shown` that a line begins with. */
static size_t
text_line_place(const struct entry *e, int index)
{
	int n = styled_lines(e);

	return index < n ? markdown_place(e->styled, index) : e->wrap.lines[index - n].start;
}

static int
text_line_find(const struct entry *e, size_t place)
{
	int n = styled_lines(e);

	if (n > 0 && (place < e->styled_n || e->wrap.n == 0))
		return markdown_find(e->styled, place);
	return n + wrap_find(&e->wrap, place);
}

/* The mark stands on the last line of the text when there is room for it. */
static bool
mark_joins(const struct entry *e)
{
	int n = text_lines(e);

	return e->mark && e->look != UI_LOOK_RULE && n > 0 &&
		text_line_cols(e, n - 1) + 1 + text_width(e->mark, strlen(e->mark)) <= text_columns(e);
}

static bool
has_mark_line(const struct entry *e)
{
	return e->mark && e->look != UI_LOOK_RULE && !mark_joins(e);
}

static int
picture_lines(const struct entry *e)
{
	int lines = 0;

	for (int i = 0; i < e->n_pictures; i++)
		lines += e->pictures[i].rows + 1;
	return lines;
}

/* Makes the last paragraph visible anew. */
static void
refresh_shown(struct entry *e)
{
	size_t whole = e->tail.n - text_partial(buf_text(&e->tail), e->tail.n), done = whole;

	buf_cut(&e->shown, e->settled);
	while (done > 0 && e->tail.at[done - 1] != '\n')
		done--;
	if (done > 0) {
		text_visible(&e->shown, e->tail.at, done);
		e->settled = e->shown.n;
	}
	text_visible(&e->shown, buf_text(&e->tail) + done, whole - done);
	buf_drop(&e->tail, done);
}

/* Styles the blocks that are finished. What is behind them is wrapped from `from` on at the latest; returns from where. */
static size_t
restyle(struct entry *e, size_t from)
{
	size_t done;

	markdown_feed(e->styled, buf_text(&e->shown), e->settled, e->shown.n, !e->open);
	done = markdown_done(e->styled);
	if (done != e->styled_n)
		wrap_cut(&e->wrap, 0);
	if (done != e->styled_n || from < done)
		from = done;
	e->styled_n = done;
	return from;
}

/* Lines anew from the last paragraph on, or, when the entry is fresh, from the beginning. */
static void
refresh_text(struct entry *e)
{
	size_t from = e->fresh ? 0 : e->settled;

	refresh_shown(e);
	if (e->styled)
		from = restyle(e, from);
	wrap_cut(&e->wrap, from);
	wrap_add(&e->wrap, buf_text(&e->shown), from, e->shown.n, text_columns(e));
	e->stale = e->fresh = false;
}

static void
measure_pictures(const struct transcript *t, struct entry *e)
{
	for (int i = 0; i < e->n_pictures; i++) {
		struct transcript_picture *p = &e->pictures[i];
		int cols = 0, rows = 0;

		if (!t->measure || !t->measure(t->measure_arg, p->width, p->height, t->width, &cols, &rows))
			cols = rows = 0;
		p->cols = rows > 0 ? cols : 0;
		p->rows = cols > 0 && rows > 0 ? rows : 0;
	}
	e->unmeasured = false;
}

/* Forgets all lines of the text. */
static void
begin_text(const struct transcript *t, struct entry *e)
{
	bool source = e->look != UI_LOOK_ANSWER || e->raw || t->raw;

	wrap_cut(&e->wrap, 0);
	e->wrap.hang = e->look == UI_LOOK_NOTE;
	markdown_free(e->styled);
	e->styled = source ? NULL : markdown_new(t->width, t->ascii);
	if (e->styled)
		markdown_set_math(e->styled, t->math);
	e->styled_n = 0;
}

static bool
is_short_note(const struct entry *e)
{
	return e->look == UI_LOOK_NOTE && !memchr(buf_text(&e->shown), '\n', e->shown.n);
}

/* Whether no blank line stands before entry i: it is the first, or a note of one line behind another such. */
static bool
leads(const struct transcript *t, int i)
{
	return i == 0 || (is_short_note(&t->entries[i]) && is_short_note(&t->entries[i - 1]));
}

static void
layout_entry(const struct transcript *t, int i)
{
	struct entry *e = &t->entries[i];

	if (e->width != t->width) {
		e->width = t->width;
		e->fresh = e->unmeasured = true;
	}
	if (e->fresh)
		begin_text(t, e);
	if (e->fresh || e->stale)
		refresh_text(e);
	if (e->unmeasured)
		measure_pictures(t, e);
	e->height = !leads(t, i) + has_label(e) + picture_lines(e) + text_lines(e) + has_mark_line(e);
}

/* ---------------------------------------------------------------- lines and parts */

/* What line `k` of an entry is; 0 <= k < height. */
static struct part
part_at(const struct entry *e, bool no_blank, int k)
{
	if (!no_blank && k-- == 0)
		return (struct part){ PART_BLANK, 0, 0 };
	if (has_label(e) && k-- == 0)
		return (struct part){ PART_LABEL, 0, 0 };
	for (int i = 0; i < e->n_pictures; i++) {
		if (k < e->pictures[i].rows)
			return (struct part){ PART_PICTURE, i, k };
		k -= e->pictures[i].rows;
		if (k-- == 0)
			return (struct part){ PART_CAPTION, i, 0 };
	}
	if (k < text_lines(e))
		return (struct part){ PART_TEXT, k, 0 };
	return (struct part){ PART_MARK, 0, 0 };
}

static int
order(struct part a, struct part b)
{
	bool a_picture = a.kind == PART_PICTURE || a.kind == PART_CAPTION;
	bool b_picture = b.kind == PART_PICTURE || b.kind == PART_CAPTION;

	if (a_picture && b_picture && a.index != b.index)
		return a.index - b.index;
	if (a.kind != b.kind)
		return (int)a.kind - (int)b.kind;
	return a.index != b.index ? a.index - b.index : a.row - b.row;
}

/* The line of the entry that is `part`, or what follows where that is gone. */
static int
line_of(const struct entry *e, bool no_blank, struct part part)
{
	int k = 0;

	while (k + 1 < e->height && order(part_at(e, no_blank, k), part) < 0)
		k++;
	return k;
}

/* Index of the entry that line `index` belongs to. */
static int
entry_at_line(const struct transcript *t, int index)
{
	int low = 0, high = t->n;

	while (high - low > 1) {
		int mid = low + (high - low) / 2;

		if (t->entries[mid].first <= index)
			low = mid;
		else
			high = mid;
	}
	return low;
}

/* ---------------------------------------------------------------- layout of all */

static int
last_top(const struct transcript *t)
{
	return t->lines > t->height ? t->lines - t->height : 0;
}

static void
drop_anchor(struct transcript *t)
{
	const struct entry *e;
	int i = entry_at_line(t, t->top);

	if (t->n == 0)
		return;
	e = &t->entries[i];
	t->anchor = (struct anchor){ .entry = e->id, .part = part_at(e, leads(t, i), t->top - e->first) };
	if (t->anchor.part.kind == PART_TEXT && e->look != UI_LOOK_RULE)
		t->anchor.place = text_line_place(e, t->anchor.part.index);
}

/* The line that the anchor means now; of an entry that is gone, where the next one begins. */
static int
anchored_top(const struct transcript *t)
{
	int i = entry_from(t, t->anchor.entry);
	struct part part = t->anchor.part;
	const struct entry *e;

	if (i == t->n)
		return t->lines;
	e = &t->entries[i];
	if (e->id != t->anchor.entry)
		return e->first;
	if (part.kind == PART_TEXT)
		part.index = text_line_find(e, t->anchor.place);
	return e->first + line_of(e, leads(t, i), part);
}

static void
settle(struct transcript *t)
{
	if (!t->stale)
		return;
	t->stale = false;
	t->version++;
	t->lines = 0;
	for (int i = 0; i < t->n; i++) {
		struct entry *e = &t->entries[i];

		layout_entry(t, i);
		e->first = t->lines;
		t->lines += e->height;
	}
	t->top = t->follow ? last_top(t) : anchored_top(t);
	if (t->top > last_top(t))
		t->top = last_top(t);
	t->at_end = t->top == last_top(t);
}

/* ---------------------------------------------------------------- entries */

int
transcript_add(struct transcript *t, enum ui_look look, const char *text, size_t n)
{
	if (t->n == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 16;
		t->entries = xreallocarray(t->entries, (size_t)t->cap, sizeof *t->entries);
	}
	t->entries[t->n++] = (struct entry){ .id = ++t->last_id, .look = look };
	transcript_set_text(t, t->last_id, text, n);
	return t->last_id;
}

void
transcript_append(struct transcript *t, int entry, const char *text, size_t n)
{
	struct entry *e = touch(t, entry);

	if (!e)
		return;
	buf_add(&e->tail, text, n);
	e->stale = e->open = true;
}

void
transcript_set_text(struct transcript *t, int entry, const char *text, size_t n)
{
	struct entry *e = touch(t, entry);

	if (!e)
		return;
	buf_clear(&e->tail);
	e->settled = 0;
	buf_add(&e->tail, text, n);
	e->open = false;
	e->fresh = true;
}

void
transcript_finish(struct transcript *t)
{
	for (int i = 0; i < t->n; i++)
		if (t->entries[i].open) {
			touch(t, t->entries[i].id)->stale = true;
			t->entries[i].open = false;
		}
}

void
transcript_set_math(struct transcript *t, bool on)
{
	t->math = on;
}

void
transcript_set_raw(struct transcript *t, int entry, bool raw)
{
	if (entry == 0)
		t->raw = raw;
	for (int i = 0; i < t->n; i++)
		if (entry == 0 || t->entries[i].id == entry) {
			t->entries[i].raw = raw;
			t->entries[i].fresh = true;
		}
	t->stale = true;
}

void
transcript_set_time(struct transcript *t, int entry, const char *when)
{
	struct entry *e = touch(t, entry);
	struct buf safe = {0};

	if (!e)
		return;
	free(e->when);
	text_visible_line(&safe, when, strlen(when));
	e->when = buf_take(&safe);
}

void
transcript_set_mark(struct transcript *t, int entry, const char *mark)
{
	struct entry *e = touch(t, entry);
	struct buf safe = {0};

	if (!e)
		return;
	free(e->mark);
	e->mark = NULL;
	if (!mark || !mark[0])
		return;
	text_visible_line(&safe, mark, strlen(mark));
	e->mark = buf_take(&safe);
}

void
transcript_add_picture(struct transcript *t, int entry, const struct ui_picture *picture)
{
	struct entry *e = touch(t, entry);
	struct transcript_picture *p;

	if (!e)
		return;
	assert(picture->width >= 1 && picture->height >= 1);
	e->pictures = xreallocarray(e->pictures, (size_t)e->n_pictures + 1, sizeof *e->pictures);
	p = &e->pictures[e->n_pictures++];
	*p = (struct transcript_picture){ .id = ++t->last_picture };
	shrink_size(picture->width, picture->height, PICTURE_MAX_WIDTH, PICTURE_MAX_HEIGHT, &p->width, &p->height);
	p->rgb = shrink_rgb(picture->rgb, picture->width, picture->height, p->width, p->height);
	p->label = xstrdup(picture->label ? picture->label : "");
	e->unmeasured = true;
}

void
transcript_remove(struct transcript *t, int entry)
{
	struct entry *e = touch(t, entry);
	int after;

	if (!e)
		return;
	entry_done(e);
	after = (int)(t->entries + t->n - (e + 1));
	memmove(e, e + 1, (size_t)after * sizeof *e);
	t->n--;
}

const struct transcript_picture *
transcript_picture(struct transcript *t, int id)
{
	settle(t);
	for (int i = 0; i < t->n; i++)
		for (int k = 0; k < t->entries[i].n_pictures; k++)
			if (t->entries[i].pictures[k].id == id)
				return &t->entries[i].pictures[k];
	return NULL;
}

int
transcript_owner(struct transcript *t, int picture, int *index)
{
	for (int i = 0; i < t->n; i++)
		for (int k = 0; k < t->entries[i].n_pictures; k++)
			if (t->entries[i].pictures[k].id == picture) {
				*index = k;
				return t->entries[i].id;
			}
	return 0;
}

int
transcript_extent(struct transcript *t, int entry, int *first)
{
	int i = entry_from(t, entry);

	settle(t);
	if (i == t->n || t->entries[i].id != entry)
		return 0;
	*first = t->entries[i].first;
	return t->entries[i].height;
}

unsigned
transcript_version(struct transcript *t)
{
	settle(t);
	return t->version;
}

/* ---------------------------------------------------------------- lines */

void
transcript_resize(struct transcript *t, int width, int height)
{
	assert(width >= 1 && height >= 1);
	if (width == t->width && height == t->height)
		return;
	t->width = width;
	t->height = height;
	t->stale = true;
}

void
transcript_set_measure(struct transcript *t, transcript_measure *measure, void *arg)
{
	t->measure = measure;
	t->measure_arg = arg;
	for (int i = 0; i < t->n; i++)
		t->entries[i].unmeasured = true;
	t->stale = true;
}

int
transcript_lines(struct transcript *t)
{
	settle(t);
	return t->lines;
}

static enum theme_role
text_role(enum ui_look look)
{
	switch (look) {
	case UI_LOOK_NOTE:
		return ROLE_NOTE;
	case UI_LOOK_ERROR:
		return ROLE_ERROR;
	case UI_LOOK_RULE:
		return ROLE_RULE;
	default:
		return ROLE_TEXT;
	}
}

static void
draw_rule(const struct transcript *t, const struct entry *e, struct row *row)
{
	const char *dash = t->ascii ? "-" : "─";
	size_t n = strlen(dash);
	int room = t->width - 5;

	row_fit(row, ROLE_RULE, dash, n, t->width);
	row_fit(row, ROLE_RULE, dash, n, t->width - row->cols);
	if (e->shown.n > 0 && room > 0) {
		row_str(row, ROLE_RULE, " ");
		row_fit(row, ROLE_RULE_TEXT, e->shown.at, e->shown.n, room);
		row_fit(row, ROLE_RULE, " ", 1, t->width - row->cols);
	}
	while (row->cols < t->width)
		row_add(row, ROLE_RULE, dash, n);
}

static void
draw_mark(const struct entry *e, struct row *row)
{
	row_fit(row, ROLE_MARK, e->mark, strlen(e->mark), e->width - row->cols);
}

/* A line of source. */
static void
draw_wrapped(const struct entry *e, int index, struct row *row)
{
	const struct wrap_line *line = &e->wrap.lines[index];
	enum theme_role role = text_role(e->look);

	if (index == 0)
		row_fit(row, role, prefix(e), strlen(prefix(e)), e->width);
	else if (line->cols > 0)
		row_pad(row, role, (int)strlen(prefix(e)));
	if (line->indent > 0)
		row_pad(row, role, row->cols + line->indent);
	row_fit(row, role, e->shown.at + line->start, line->end - line->start, e->width - row->cols);
}

static void
draw_text(const struct entry *e, int index, struct row *row)
{
	int n = styled_lines(e);

	if (index < n)
		markdown_row(e->styled, index, e->width, row);
	else
		draw_wrapped(e, index - n, row);
	if (index == text_lines(e) - 1 && mark_joins(e)) {
		row_str(row, text_role(e->look), " ");
		draw_mark(e, row);
	}
}

static void
draw_label(const struct entry *e, struct row *row, int width)
{
	const char *label = e->look == UI_LOOK_USER ? "User" : "Assistant";
	int cols = row_fit(row, e->look == UI_LOOK_USER ? ROLE_USER : ROLE_ANSWER, label, strlen(label), width);

	if (!e->when || width - cols < 3)
		return;
	row_str(row, ROLE_NOTE, "  ");
	row_fit(row, ROLE_NOTE, e->when, strlen(e->when), width - cols - 2);
}

void
transcript_line(struct transcript *t, int index, struct line *out)
{
	const struct entry *e;
	struct part part;
	int i;

	settle(t);
	assert(index >= 0 && index < t->lines);
	i = entry_at_line(t, index);
	e = &t->entries[i];
	part = part_at(e, leads(t, i), index - e->first);
	row_clear(&out->row);
	out->entry = e->id;
	out->look = e->look;
	out->picture = out->picture_row = 0;
	switch (part.kind) {
	case PART_BLANK:
		out->kind = LINE_BLANK;
		break;
	case PART_LABEL:
		out->kind = LINE_LABEL;
		draw_label(e, &out->row, t->width);
		break;
	case PART_PICTURE:
		out->kind = LINE_PICTURE;
		out->picture = e->pictures[part.index].id;
		out->picture_row = part.row;
		break;
	case PART_CAPTION:
		out->kind = LINE_TEXT;
		out->picture = e->pictures[part.index].id;
		row_fit(&out->row, ROLE_PICTURE, e->pictures[part.index].label, strlen(e->pictures[part.index].label),
			t->width);
		break;
	case PART_TEXT:
		out->kind = e->look == UI_LOOK_RULE ? LINE_RULE : LINE_TEXT;
		if (e->look == UI_LOOK_RULE)
			draw_rule(t, e, &out->row);
		else
			draw_text(e, part.index, &out->row);
		break;
	case PART_MARK:
		out->kind = LINE_TEXT;
		draw_mark(e, &out->row);
		break;
	}
}

/* ---------------------------------------------------------------- place */

int
transcript_height(const struct transcript *t)
{
	return t->height;
}

int
transcript_top(struct transcript *t)
{
	settle(t);
	return t->top;
}

int
transcript_below(struct transcript *t)
{
	settle(t);
	return last_top(t) - t->top;
}

bool
transcript_following(struct transcript *t)
{
	settle(t);
	return t->follow;
}

static void
stand_at(struct transcript *t, int top)
{
	t->top = top < 0 ? 0 : top > last_top(t) ? last_top(t) : top;
	t->at_end = t->follow = t->top == last_top(t);
	drop_anchor(t);
}

void
transcript_scroll(struct transcript *t, int lines)
{
	settle(t);
	stand_at(t, t->top + lines);
}

void
transcript_page(struct transcript *t, int pages)
{
	transcript_scroll(t, pages * (t->height > 1 ? t->height - 1 : 1));
}

void
transcript_home(struct transcript *t)
{
	settle(t);
	stand_at(t, 0);
}

void
transcript_end(struct transcript *t)
{
	settle(t);
	stand_at(t, last_top(t));
}
