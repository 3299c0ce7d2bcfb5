/* keep.h: what is said goes to the store. Failures are shown here, once; the caller goes on. */
#ifndef APP_KEEP_H
#define APP_KEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "chat/chat.h"
#include "picture/picture.h"
#include "staged.h"
#include "store/store.h"

struct app;

struct keep {
	struct session *session;        /* NULL: private, or read-only */
	int n_systems;                  /* written ones */
	int n_notes;                    /* the same */
	bool named;                     /* the name is written */
	bool failed;                    /* the red line is shown */
	int64_t part_at;                /* when the next part is due, 0: nothing new */
	struct picture *waiting;        /* pictures that could not be written yet */
	int n_waiting;
};

void
keep_user(struct app *app, const struct message *m, struct staged *pictures);
void
keep_part(struct app *app, const struct message *m);
void
keep_answer(struct app *app, const struct message *m);
void
keep_head(struct app *app);
void
keep_drop(struct app *app, const struct drop *drop);
void
keep_pin(struct app *app, const struct message *m);
/* Notes that are not written yet; before the first question they wait for it. */
void
keep_notes(struct app *app);
void
keep_tag(struct app *app, const char *tag, bool on);
/* All of a conversation that is not in the store yet, but its pictures are. */
void
keep_all(struct app *app);
/* Name and system messages that are not written yet; nothing before the first question. */
void
keep_settings(struct app *app);
int
keep_timeout(const struct app *app);            /* ms until a part is due, or -1 */
void
keep_tick(struct app *app);                     /* writes it if it is */
int
keep_n_waiting(const struct app *app);
/* Tries to write what waits; -1 when something still does. */
int
keep_flush(struct app *app, struct error *err);
/* All of the conversation into a store in that folder, which is written from then on. */
int
keep_move(struct app *app, const char *folder, struct error *err);
/* The conversation is the one that -c goes on with. */
void
keep_last(struct app *app);
void
keep_close(struct app *app);

#endif
