/* present.h: conversation → entries of the screen. */
#ifndef APP_PRESENT_H
#define APP_PRESENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "chat/chat.h"

struct app;

struct shown {
	int entry;
	int id;                         /* the message, or 0: a note, a rule, a queued question */
};

struct present {
	struct shown *shown;            /* in the order of the screen */
	int n;
	int undrawn;                    /* messages shown[0..undrawn) may have pictures that are not drawn yet */
	int banner;                     /* the entry that names the model */
};

void
present_chat(struct app *app);                  /* everything anew; pictures follow by present_step */
void
present_banner(struct app *app);                /* written again when the model is known */
/* Draws the pictures of one message; false when all are there. */
bool
present_step(struct app *app);
int
present_user(struct app *app, int id, const struct pic *pics, int n_pics, const char *text, size_t n, const char *mark);
int
present_answer(struct app *app, const struct message *m);
void
present_mark(struct app *app, int entry, const struct message *m);
void
present_claim(struct app *app, int entry, int id);      /* this entry is that message now */
void
present_remove(struct app *app, int entry);
int
present_entry(const struct app *app, int id);           /* of this message, 0: it is not shown */
int
present_id(const struct app *app, int entry);           /* the message of this entry, 0: none */
/* Takes the entry of this message and all below it away. */
void
present_cut(struct app *app, int id);
void
present_rule(struct app *app, const char *system);      /* "system message: …" */
void
present_remark(struct app *app, const struct note *note);       /* a person's */
void
present_note(struct app *app, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void
present_error(struct app *app, const struct error *err);
char *
present_label(const struct pic *pic, int n);            /* "#2 cat.jpg 1280x720"; the caller frees */
void
present_done(struct present *p);

#endif
