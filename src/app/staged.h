/* staged.h: pictures that wait to be said: decoded, seen by the vision tower, shown as chips above the input. */
#ifndef APP_STAGED_H
#define APP_STAGED_H

#include <stdbool.h>

#include "base/error.h"
#include "chat/chat.h"
#include "picture/picture.h"

struct app;

struct staged_picture {
	struct pic pic;                 /* n = 0: numbered when it is sent; name and type owned */
	struct picture file;            /* the bytes, for the store; empty when it has them already */
};

struct staged {
	struct staged_picture *at;
	int n;
};

int
staged_open(struct app *app, const char *path, struct error *err);
/* The same from bytes, which are taken over; `name` without a suffix. */
int
staged_decode_take(struct app *app, const char *name, struct buf *bytes, struct error *err);
/* Makes the square of one that has none yet and hands it to the tower; false when all have theirs. */
bool
staged_prepare(struct app *app);
/* Every file of a word; how many could be staged. What failed is a red line each. */
struct word;
int
staged_word(struct app *app, const struct word *word);
/* Takes the pictures in front of the others; `from` is empty afterwards. */
void
staged_return(struct app *app, struct staged *from);
/* Of a message that is asked again. */
void
staged_again(struct app *app, const struct message *m);
int
staged_remove(struct app *app, int i);          /* -1: there is none */
/* Moves all out into *to. */
void
staged_take(struct app *app, struct staged *to);
/* Pictures keep the numbers up to `most` that messages gave them; the others are numbered when they are sent. */
void
staged_renumber(struct app *app, int most);
void
staged_show(struct app *app);                   /* the chips */
void
staged_see(struct app *app);                    /* all of them to the tower: once the worker runs */
int
staged_number(const struct app *app, int i);    /* the #N it would get now */
int
staged_next_number(const struct app *app);      /* the first that no message and nothing queued has */
void
staged_done(struct staged *s);

#endif
