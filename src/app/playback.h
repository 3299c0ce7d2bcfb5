/* playback.h: a branch of a conversation as steps in time: a question at once, an answer token by token, as they were
 * recorded. It knows no clock: the time is handed in. It draws nothing: whoever shows it looks at playback_at(). */
#ifndef APP_PLAYBACK_H
#define APP_PLAYBACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "chat/chat.h"

struct playback_step {
	int message;            /* id: from here on bytes [0, end) of its text are there */
	size_t end;
	int64_t at;             /* ms since the beginning, long pauses cut */
};

struct playback {
	const struct chat *chat;        /* lent */
	struct playback_step *steps;
	int n;
	int shown;              /* so many of them have happened */
	double clock;           /* ms since the beginning */
	int64_t now;            /* the caller's time when `clock` was right */
	double speed;           /* 0: all at once */
	bool paused;
};

struct playback_how {
	int leaf;               /* last message of the branch */
	int from, to;           /* turns; 0: all */
	double speed, idle_limit;       /* times; seconds */
	const struct tokenizer *tokenizer;      /* NULL, or not the session's: text is cut in proportion to the tokens */
};

/* CODE_INPUT: there are no such turns. */
int
playback_init(struct playback *p, const struct chat *c, const struct playback_how *how, int64_t now, struct error *err);
void
playback_done(struct playback *p);

/* The step that was taken last, or NULL at the very beginning. */
const struct playback_step *
playback_at(const struct playback *p);
int64_t
playback_length(const struct playback *p);              /* ms */
bool
playback_ended(const struct playback *p);

/* Time goes on. True: there is something new to see. */
bool
playback_tick(struct playback *p, int64_t now);
/* ms until playback_tick has something to do; -1: nothing by itself. */
int
playback_wait(const struct playback *p);

void
playback_pause(struct playback *p, bool paused);
void
playback_step_by(struct playback *p, int n);            /* and pauses */
void
playback_seek(struct playback *p, double clock);        /* to this ms, as near as there is one */
/* Messages, or messages with pictures, forward or back; back means first to the beginning of this one. False: no more. */
bool
playback_message(struct playback *p, int direction, bool with_pictures);
void
playback_faster(struct playback *p, double factor);
/* Where the text is said next, after here; from the beginning on when it is not. False: nowhere. */
bool
playback_find(struct playback *p, const char *text);

#endif
