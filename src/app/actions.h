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

#endif
