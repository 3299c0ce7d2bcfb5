/* pasted.h: what is pasted, or stands in front of a line, and means a picture: its path, a data URI, its bytes in base64. */
#ifndef APP_PASTED_H
#define APP_PASTED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

struct app;
struct word;

/* A path that names a picture, or that only another computer can have. */
bool
pasted_is_picture(const struct word *word);

/* The picture bytes that a text holds: 1, and they are appended; 0: it is no picture; -1: it begins as one and is broken,
 * err says why. Pure. */
int
pasted_decode(const char *text, size_t n, struct buf *out, struct error *err);

/* A paste_fn of ui_options; arg is the app. True: it was pictures, which are staged now. */
bool
pasted_take(void *arg, const char *text, size_t n);

/* Ctrl-V: the picture of the clipboard, or how else to bring one. */
void
pasted_clipboard(struct app *app);
/* A picture's file; takes the text over. */
void
pasted_picture(struct app *app, char *bytes, size_t n);

#endif
