/* reader.h: the terminal's bytes → units: keys that we act on, text for readline, pastes, answers to questions that
 * term.c asked. Answers are known by their shape and never become text, however late they come and wherever they are
 * split. Knows no descriptor and no clock: bytes and times are handed in. Pure.
 *
 *     reader_feed(r, bytes, n, clock_ms())       when stdin was readable
 *     while (reader_next(r, clock_ms(), &unit))   also when reader_timeout has run out without a byte
 */
#ifndef UI_READER_H
#define UI_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ui/keys.h"

struct reader;

enum reader_kind {
	READER_KEY,             /* action, and its bytes */
	READER_TEXT,            /* whole characters, or one escape sequence that readline may know: for input_type */
	READER_PASTE,           /* a whole paste, newlines as LF, other control characters dropped */
	READER_ANSWER,          /* one whole answer of the terminal, from its ESC to its last byte: for term.c */
	READER_MOUSE,           /* mouse: a button went down, or the wheel turned */
};

enum reader_button { MOUSE_LEFT, MOUSE_MIDDLE, MOUSE_RIGHT, MOUSE_WHEEL_UP, MOUSE_WHEEL_DOWN };

struct reader_mouse {
	enum reader_button button;
	int row, col;           /* of the screen, from 0 */
};

struct reader_unit {
	enum reader_kind kind;
	enum keys_action action;
	const char *at;         /* KEY, TEXT, PASTE, ANSWER; lent until the next call */
	size_t n;
	struct reader_mouse mouse;
};

struct reader *
reader_new(void);
void
reader_free(struct reader *r);
void
reader_set_keys(struct reader *r, const struct ui_keymap *map);         /* lent; as built in at first */

void
reader_feed(struct reader *r, const char *bytes, size_t n, int64_t now_ms);
bool
reader_next(struct reader *r, int64_t now_ms, struct reader_unit *unit);

/* ms until reader_next has something to say without further bytes (an ESC that stays alone), or -1. */
int
reader_timeout(const struct reader *r, int64_t now_ms);

/* Whether the beginning of a paste has come and its end has not. */
bool
reader_in_paste(const struct reader *r);
/* Feeds a paste that came without its brackets. */
void
reader_feed_paste(struct reader *r, const char *bytes, size_t n, int64_t now_ms);
/* Bytes of a paste that have come while its end has not; 0 outside of one. */
size_t
reader_pasting(const struct reader *r);

/* While answers are outstanding an ESC may be the beginning of one that a slow line has cut: it waits 500 ms instead
 * of 50. Set when a question goes out, cleared when the last answer came or is given up. */
void
reader_expect(struct reader *r, bool answers);

#endif
