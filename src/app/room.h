/* room.h: when the context is full: what must go, who decides, and what each turn takes. */
#ifndef APP_ROOM_H
#define APP_ROOM_H

#include <stdbool.h>

#include "base/error.h"
#include "engine/engine.h"
#include "talk.h"

struct app;

enum overflow { OVERFLOW_ASK, OVERFLOW_DROP, OVERFLOW_STOP };
#define ROOM_MOST_CHOICES 4

struct room {
	enum overflow overflow;
	bool asking;                    /* the offer is open, for `question` */
	struct queued question;
	int missing;                    /* tokens that it has too many */
	int *drop, n_drop;              /* the turns that would go */
	int choices[ROOM_MOST_CHOICES]; /* of the offer, in its order */
};

/* Tokens that the prompt has too many for an answer to begin; 0: there is room. */
int
room_missing(const struct app *app, const struct prompt *prompt);
/* The same as an error, for what is not a new message. */
int
room_check(const struct app *app, const struct prompt *prompt, struct error *err);
/* Makes room for q as context.overflow says. 0: some turns were dropped; 1: the person is asked, q is held here; -1. */
int
room_make(struct app *app, struct queued *q, int missing, struct error *err);
void
room_picked(struct app *app, int i);            /* of the offer; -1: it was left */
bool
room_asks(const struct app *app);
/* Turns dropped by hand, pinned, let go. */
int
room_drop(struct app *app, int id, struct error *err);
int
room_pin(struct app *app, int id, struct error *err);
/* The table of /context; the caller frees. NULL with err set. */
char *
room_table(struct app *app, struct error *err);
const char *
room_overflow_name(enum overflow o);
int
room_overflow_from(const char *name);           /* -1: there is none */
void
room_done(struct room *r);

#endif
