/* show.h: pictures over the conversation: enlarged, as the model sees them, two side by side. */
#ifndef APP_SHOW_H
#define APP_SHOW_H

#include <stdbool.h>

#include "base/error.h"
#include "commands.h"

struct app;

/* Picture `index` of an entry of the screen. */
void
show_enlarged(struct app *app, int entry, int index);
void
show_as_seen(struct app *app, int entry, int index);
/* The boxes that the answer of an entry names, on the picture that it is about. */
void
show_boxes(struct app *app, int entry);

command_fn command_view, command_compare;

#endif
