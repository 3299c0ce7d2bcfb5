/* sessions.h: which conversation is open. */
#ifndef APP_SESSIONS_H
#define APP_SESSIONS_H

#include "base/error.h"
#include "chat/chat.h"
#include "store/store.h"

struct app;

struct picks {
	struct session_info *list;      /* of the picker that is open */
	int n;
};

/* These two change what is open, not the screen. */
void
sessions_new(struct app *app, const char *name);
void
sessions_private(struct app *app);              /* a new one of which nothing is kept */
void
sessions_next(struct app *app);                 /* a new one, private if this one is, with its system message */
void
sessions_fork(struct app *app, int leaf, const char *name);     /* the branch that ends there, kept as a new one */
int
sessions_open(struct app *app, const char *which, struct error *err);   /* what is open stays when this fails */
/* Whether the open conversation can be changed. One that another terminal wrote is taken over if that is gone. */
int
sessions_check_writable(struct app *app, struct error *err);
/* -1 while the open conversation cannot be let go: an answer runs, or something of it is not on disk. */
int
sessions_check(struct app *app, struct error *err);
void
sessions_show(struct app *app);                 /* the conversation that is open now, and what is to be said of it */
/* Opens and shows WHICH. */
int
sessions_switch(struct app *app, const char *which, struct error *err);
int
sessions_pick(struct app *app, struct error *err);
void
sessions_picked(struct app *app, int i);
const char *
sessions_tail(const struct chat *chat);         /* "7f3a", or "" */

#endif
