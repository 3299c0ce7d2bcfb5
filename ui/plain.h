/* plain.h: the door of ui.h line by line, for screen readers, simple terminals and pipes: no curses, no escape codes,
 * nothing is ever drawn twice. ui.c hands every call on when it was opened with `plain`.
 *
 * Messages come from standard input, a line each, and only when nobody is at work (plain_hold), so that what a pipe says
 * is answered in order. What is said goes to standard output; what the program says too, but to standard error when
 * standard input is no terminal. "Working" and prompts are for terminals only.
 */
#ifndef UI_PLAIN_H
#define UI_PLAIN_H

#include "ui/ui.h"

struct plain;

struct plain *
plain_open(void);
void
plain_close(struct plain *p);                   /* what is still to be said goes out */

/* Nothing is read while held; so it begins. */
void
plain_hold(struct plain *p, bool held);
int
plain_fd(const struct plain *p);                /* -1 while held */
int
plain_timeout(const struct plain *p);
void
plain_read(struct plain *p);                    /* at most one line */
bool
plain_next(struct plain *p, struct ui_event *event);
void
plain_draw(struct plain *p);                    /* says what is new */
void
plain_suspend(struct plain *p);

/* As their namesakes in ui.h. An entry that has been said stays said. */
int
plain_add(struct plain *p, enum ui_look look, const char *text, size_t n);
void
plain_append(struct plain *p, int entry, const char *text, size_t n);
void
plain_set_text(struct plain *p, int entry, const char *text, size_t n);
void
plain_set_mark(struct plain *p, int entry, const char *mark);
void
plain_set_time(struct plain *p, int entry, const char *when);
void
plain_add_picture(struct plain *p, int entry, const char *label);
void
plain_remove(struct plain *p, int entry);
void
plain_clear(struct plain *p);

/* A line that the program says. */
void
plain_tell(struct plain *p, const char *text);
/* Numbered; the next line is the choice. */
void
plain_pick(struct plain *p, const char *title, const char *const *items, int n);
/* Offered: an empty line sends it. Not kept for a pipe, which cannot see it. */
void
plain_set_input(struct plain *p, const char *text);
const char *
plain_input(const struct plain *p);

#endif
