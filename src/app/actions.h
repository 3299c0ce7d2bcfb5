/* actions.h: what keys ask for, and what Enter does with the line. */
#ifndef APP_ACTIONS_H
#define APP_ACTIONS_H

#include "ui/ui.h"

struct app;

void
actions_event(struct app *app, struct ui_event *e);
void
actions_interrupt(struct app *app);
/* Puts text before what is in the input. */
void
actions_give_back(struct app *app, const char *text);
/* The same for what was said: a slash in front is doubled, so that it is no command. */
void
actions_give_back_message(struct app *app, const char *text);
/* Opens a list; `picked` gets the index, or -1 when it was left, as it is when another list takes its place. */
void
actions_pick(struct app *app, const char *title, const char *const *items, int n, int selected,
    void (*picked)(struct app *app, int i));
/* Leaves the list that is open, if one is: before what it shows is made anew. */
void
actions_leave_pick(struct app *app);

#endif
