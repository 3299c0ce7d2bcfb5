/* internal.h: what the parts of the conductor share: one struct app, made and freed in app.c and handed down; each part's
 * fields are changed only in the file that is named after it.
 *
 *     keys ─ actions.c ─ slash.c ─ commands.c     what a person asks for
 *     staged.c gallery.c                          pictures: waiting to be said; their squares and small copies
 *     pasted.c clipboard.c browse.c show.c copy.c pictures and text from and to elsewhere, large pictures
 *     editor.c keymap.c                           the input in an editor; keys as the settings bind them
 *     talk.c ─ keep.c                             sending, streaming, ending; what is said goes to the store
 *     ahead.c                                     the next prompt before it is asked
 *     rescue.c                                    leaving while something of it cannot be written
 *     again.c edit.c branches.c room.c            answers once more and on; old messages; branches; a full context
 *     verify.c verdict.c                          recorded answers against what comes now
 *     load.c sessions.c follow.c                  the model; which conversation is open; one that another terminal writes
 *     snapshot.c                                  what is computed of a conversation, between two times that it is open
 *     present.c meter.c                           conversation → entries; the line below it
 */
#ifndef APP_INTERNAL_H
#define APP_INTERNAL_H

#include "app.h"

#include "ahead.h"
#include "browse.h"
#include "chat/chat.h"
#include "copy.h"
#include "edit.h"
#include "follow.h"
#include "gallery.h"
#include "keep.h"
#include "link/link.h"
#include "load.h"
#include "meter.h"
#include "present.h"
#include "rescue.h"
#include "room.h"
#include "sessions.h"
#include "shelf.h"
#include "staged.h"
#include "store/store.h"
#include "talk.h"
#include "ui/ui.h"
#include "verify.h"

struct app {
	const struct app_options *options;
	struct ui *ui;
	struct ui_keymap *keymap;
	struct ui_colors *colors;
	struct store *store;
	char *folder;                   /* of keep_move, or NULL: the store is where the settings say */
	struct chat *chat;
	bool read_only;                 /* a file of a newer version */
	bool private;                   /* nothing of this conversation is kept */
	int n_bad_lines;                /* of the file that chat was read from */

	struct card *card;              /* NULL until opened, and when it cannot be */
	struct link *link;
	enum engine_state engine;
	int64_t load_began;             /* clock_ms of the last time that loading did */
	char *device;

	struct sampling sampling;
	bool seed_set;
	int max_tokens;

	struct gallery gallery;
	struct staged staged;
	struct talk talk;
	struct ahead ahead;
	struct keep keep;
	struct present present;
	struct meter meter;
	struct picks picks;
	struct browse browse;
	struct follow follow;
	struct rescue rescue;
	struct copied copied;
	struct edit edit;
	struct room room;
	struct verify verify;
	struct hits hits;
	void (*picked)(struct app *app, int i);         /* whose list is open */

	bool raw;                       /* answers are shown as source */
	int n_images_opened;            /* of options->images */
	bool said;                      /* options->say is sent */
	enum code first_error;          /* of those shown, or 0 */
	int leave;                      /* -1: stay; else what app_run returns */
};

/* app.c: the screen as options and settings want it. */
struct ui *
app_open_screen(struct app *app, struct error *err);

#endif
