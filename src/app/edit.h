/* edit.h: a message of before in the input, to be said anew. */
#ifndef APP_EDIT_H
#define APP_EDIT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct app;

struct edit {
	int id;                         /* the message that is in the input, 0: none */
};

/* Text and pictures into the input; what Enter sends then begins a branch beside the message. */
int
edit_begin(struct app *app, int id, struct error *err);
int
edit_question(const struct app *app);           /* the question in the input, 0: none, or an answer */
/* Enter with an answer in the input: the text becomes a branch. False: there is no answer in it. */
bool
edit_enter(struct app *app, const char *text, size_t n);
/* It is sent: ends, and returns the question whose place it takes, or 0. */
int
edit_end(struct app *app);
/* It could not be sent and comes back. */
void
edit_take_back(struct app *app, int question);
/* Leaves the message as it was; false when there was none. */
bool
edit_cancel(struct app *app);

#endif
