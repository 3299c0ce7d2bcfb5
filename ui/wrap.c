/* wrap.c: see wrap.h. One pass over the graphemes of a line that remembers the last place where it may be broken. */
#include "config.h"

#include "ui/wrap.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/text.h"

/* ---------------------------------------------------------------- where a line may be broken */

static bool
among(const int32_t *set, int32_t cp)
{
	while (*set && *set != cp)
		set++;
	return *set != 0;
}

/* These do not begin a line. */
static bool
is_closing(int32_t cp)
{
	static const int32_t set[] = {
		0xff0c, 0x3002, 0xff01, 0xff1f, 0x3001, 0xff1b, 0xff1a, 0xff09, 0x300d, 0x300f, 0x201d, 0x2019, 0x300b,
		0x3009, 0x3011, 0x3015, 0x3017, 0xff3d, 0xff5d, 0xff0e, 0x2026, 0x30fb, 0x30fc, 0x3005, 0xff05, 0x2030,
		0xff5e, 0x301c, 0x2014, ')', ']', '}', ',', '.', '!', '?', ';', ':', '%', 0
	};

	return among(set, cp);
}

/* These do not end one. */
static bool
is_opening(int32_t cp)
{
	static const int32_t set[] = {
		0xff08, 0x300c, 0x300e, 0x201c, 0x2018, 0x300a, 0x3008, 0x3010, 0x3014, 0x3016, 0xff3b, 0xff5b, 0xffe5,
		0xff04, '(', '[', '{', 0
	};

	return among(set, cp);
}

/* A line may be broken between a and b, neither a blank. Words of narrow letters hold together. */
static bool
breaks_between(int32_t a, int cols_a, int32_t b, int cols_b)
{
	return (cols_a == 2 || cols_b == 2) && !is_closing(b) && !is_opening(a);
}

/* ---------------------------------------------------------------- lines */

enum { HANG_MAX = 24 };         /* bytes in which the second column has to begin */

static void
push(struct wrap *w, size_t start, size_t end, int cols, int indent)
{
	if (w->n == w->cap) {
		w->cap = w->cap ? w->cap * 2 : 4;
		w->lines = xreallocarray(w->lines, (size_t)w->cap, sizeof *w->lines);
	}
	w->lines[w->n++] = (struct wrap_line){ start, end, cols, indent };
}

/* A place to break the line: what belongs to it ends at `end`, the next begins at `next`. */
struct place {
	size_t end, next;
	int cols;
};

/* The walk along one line of the text. */
struct walk {
	size_t at;
	int cols;               /* from the line's start to `at`, blanks included */
	int32_t last;           /* first code point of the last grapheme, 0 at the beginning */
	int last_cols;
	struct place place;     /* the last possible one; place.next is 0 when there is none */
};

/* Notes that the line may be broken before the grapheme cp, which begins at w->at. */
static void
note_break(struct walk *w, int32_t cp, int cols)
{
	if (w->last == 0 || cp == ' ')
		return;
	if (w->last == ' ')
		w->place.next = w->at;
	else if (breaks_between(w->last, w->last_cols, cp, cols))
		w->place = (struct place){ w->at, w->at, w->cols };
}

/* Takes one grapheme into the line; of blanks the first ends what belongs to it. */
static void
step(struct walk *w, int32_t cp, size_t k, int cols)
{
	if (cp == ' ' && w->last != ' ')
		w->place = (struct place){ w->at, w->at + k, w->cols };
	else if (cp == ' ')
		w->place.next = w->at + k;
	w->at += k;
	w->cols += cols;
	w->last = cp;
	w->last_cols = cols;
}

/* Blanks may have run over the edge: what of s[start..end) is inside. */
static struct place
inside(const char *s, size_t start, size_t end, int width)
{
	return (struct place){ start + text_fit(s + start, end - start, width), end, width };
}

/* One drawn line of s[start..n), which has no newline; blanks at the edge hang over it. When a grapheme does not fit,
 * the line ends at the last possible place unless only blanks are before that, else before the grapheme; a line
 * takes at least one. */
static struct place
fill(const char *s, size_t start, size_t n, int width)
{
	struct walk w = { .at = start };

	while (w.at < n) {
		int32_t cp;
		int cols;
		size_t k = text_grapheme(s + w.at, n - w.at, &cols);

		text_decode(s + w.at, k, &cp);
		note_break(&w, cp, cols);
		if (w.cols + cols > width && cp != ' ') {
			if (w.place.next > start && w.place.cols > 0)
				return w.place;
			if (w.at > start)
				break;
		}
		step(&w, cp, k, cols);
		if (w.cols > width && cp != ' ')
			break;
	}
	if (w.cols > width && w.last == ' ')
		return inside(s, start, w.at, width);
	return (struct place){ w.at, w.at, w.cols };
}

static size_t
line_end(const char *s, size_t from, size_t n)
{
	while (from < n && s[from] != '\n')
		from++;
	return from;
}

/* The column behind the last gap of blanks near the beginning of a line, as in "size  12 KiB"; 0 when there is none, or
 * too little room behind it. */
static int
second_column(const char *s, size_t start, size_t end, int width)
{
	size_t last = 0;
	int cols;

	for (size_t i = start; i + 2 < end && i < start + HANG_MAX; i++)
		if (s[i] == ' ' && s[i + 1] == ' ' && s[i + 2] != ' ')
			last = i + 2;
	if (last == 0)
		return 0;
	cols = text_width(s + start, last - start);
	return cols <= width / 3 ? cols : 0;
}

void
wrap_add(struct wrap *w, const char *s, size_t from, size_t n, int width)
{
	assert(width >= 1);
	while (from < n) {
		size_t end = line_end(s, from, n);

		int hang = w->hang ? second_column(s, from, end, width) : 0, indent = 0;

		do {
			struct place place = fill(s, from, end, width - indent);

			push(w, from, place.end, place.cols, indent);
			from = place.next;
			indent = hang;
		} while (from < end);
		from = end + 1;
	}
}

void
wrap_cut(struct wrap *w, size_t from)
{
	while (w->n > 0 && w->lines[w->n - 1].start >= from)
		w->n--;
}

int
wrap_find(const struct wrap *w, size_t pos)
{
	int low = 0, high = w->n;

	while (high - low > 1) {
		int mid = low + (high - low) / 2;

		if (w->lines[mid].start <= pos)
			low = mid;
		else
			high = mid;
	}
	return low;
}

void
wrap_done(struct wrap *w)
{
	free(w->lines);
	*w = (struct wrap){0};
}
