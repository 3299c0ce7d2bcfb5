/* reading.h: reading mode: a cursor among the lines of the conversation, the message that is selected by it, and what
 * is looked for. It moves the transcript's view so that the cursor is seen. Pure. */
#ifndef UI_READING_H
#define UI_READING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "ui/find.h"
#include "ui/keys.h"

struct transcript;

/* Where a person stands. */
struct reading_place {
	bool on;
	int entry, line;        /* the selected entry, and which of its lines the cursor is on */
	int top;                /* of the view */
	bool follows;
};

struct reading {
	struct transcript *transcript;
	bool on;
	int entry, line;
	int at;                 /* the line of the conversation that this was last */
	struct find find;
	int by;                 /* +1: n goes down, -1: n goes up */
	bool asking;            /* a pattern is being typed */
	struct buf pattern;
	struct reading_place back;      /* where Esc leads from there */
};

/* Lends the transcript for its life. Begin with {0}. */
void
reading_init(struct reading *r, struct transcript *transcript);
void
reading_done(struct reading *r);

/* With the cursor at the last message that is in sight. */
void
reading_enter(struct reading *r);
void
reading_leave(struct reading *r);
/* Moves the cursor as a key says; false: the key does not move it. */
bool
reading_move(struct reading *r, enum keys_reading key);
/* To the first line of an entry that is shown, 0 or one that is gone: nothing. */
void
reading_select(struct reading *r, int entry);
/* To a line of the conversation. */
void
reading_stand(struct reading *r, int line);
/* Before a frame: the cursor is on a line that exists, and in sight. */
void
reading_settle(struct reading *r);
/* The view was moved by itself: the cursor comes along. */
void
reading_drag(struct reading *r);
/* The cursor's line of the conversation. */
int
reading_cursor(struct reading *r);
/* The picture under the cursor, else the first of the selected entry, else the nearest above; 0: there is none. */
int
reading_picture(struct reading *r);

/* ---- finding */

/* Begins to ask for a pattern; by: which way is looked first. */
void
reading_ask(struct reading *r, int by);
/* Text of the pattern; the first match from where the person stood is shown at once. */
void
reading_type(struct reading *r, const char *s, size_t n);
void
reading_erase(struct reading *r);       /* the last character, or the question when there is none */
void
reading_take(struct reading *r);        /* Enter: stay at the match */
void
reading_give_up(struct reading *r);     /* Esc: back to where it began */
/* To the next match, or the previous one (by < 0), around the end; false: there is none. */
bool
reading_find_next(struct reading *r, int by);
/* All at once: the last match. Returns how many there are; 0 changes nothing. */
int
reading_find(struct reading *r, const char *pattern, size_t n);

#endif
