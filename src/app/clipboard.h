/* clipboard.h: the clipboard of the computer that this runs on, by the programs that reach it (wl-copy, xclip, pbcopy).
 * The terminal's own is ui_copy. No shell is run, and none of this takes longer than a second. */
#ifndef APP_CLIPBOARD_H
#define APP_CLIPBOARD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

/* Whether one of the programs took it. */
bool
clipboard_write(const char *text, size_t n);
/* Appends the picture that is in it: at most PICTURE_MAX_BYTES. -1: there is none that can be reached. */
int
clipboard_read_picture(struct buf *out);

#endif
