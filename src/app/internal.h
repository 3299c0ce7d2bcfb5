/* internal.h: the parts of the conductor and what each offers the others. One struct app a process of the chat, made and
 * freed in app.c and handed down; each part's fields are changed only in the file that is named after it.
 *
 *     keys ─ actions.c ─ slash.c ─ commands.c     what a person asks for
 *     staged.c gallery.c                          pictures: waiting to be said; their squares and small copies
 *     talk.c ─ keep.c                             sending, streaming, ending; what is said goes to the store
 *     present.c meter.c                          conversation → entries; the line below it
 */
#ifndef APP_INTERNAL_H
#define APP_INTERNAL_H

#include "app.h"

#include "chat/chat.h"
#include "link/link.h"
#include "picture/picture.h"
#include "store/store.h"
#include "ui/ui.h"

/* ---------------------------------------------------------------- gallery.c: every picture of the conversation */

struct gallery_item {
	char sha[65];
	struct pixels pixels;           /* what the tower sees; size 0 without a model */
	uint8_t *rgb;                   /* [height, width, 3], small enough for any screen */
	int width, height;
};

struct gallery {
	struct gallery_item **items;    /* newest last; the items stay where they are */
	int n;
};

const struct gallery_item *
gallery_find(const struct gallery *g, const char *sha);
/* From a decoded picture; there already: that one. image_size 0: no squares. */
const struct gallery_item *
gallery_add(struct gallery *g, const struct picture *p, int image_size, struct error *err);
/* The same from the store's bytes when it is not in the gallery. */
const struct gallery_item *
gallery_get(struct app *app, const struct pic *pic, struct error *err);
/* A pixels_fn for chat_assemble; arg is the app. */
const struct pixels *
gallery_pixels(void *arg, const struct pic *pic, struct error *err);
/* Forgets the oldest beyond what a context can hold; only for sessions whose pictures are in the store. */
void
gallery_trim(struct gallery *g);
void
gallery_done(struct gallery *g);

/* ---------------------------------------------------------------- staged.c: pictures that wait to be said */

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

/* ---------------------------------------------------------------- talk.c: questions and answers */

struct queued {
	char *text;
	size_t text_n;
	struct staged pictures;
	int entry;                      /* on the screen with "[queued]"; 0: not shown */
};

struct talk {
	int ticket;                     /* of the newest answer */
	bool running, stopping;
	int answer, entry;              /* message id and entry of the running one */
	struct queued *queue;
	int n_queued;
	bool told_pictures;             /* that the model was trained on one */
	enum stage stage;
	long long done, total;          /* of the stage; total 0: text flows */
};

/* The text and all that is staged. Whatever cannot be sent comes back into the input. */
void
talk_send(struct app *app, const char *text, size_t n);
void
talk_event(struct app *app, const struct event *e);
void
talk_stop(struct app *app);
/* Ends the running answer as it stands: when the program leaves. */
void
talk_end(struct app *app, enum stop stop);
/* The queue back into the input; false when it was empty. */
bool
talk_recall(struct app *app);
/* Sends the oldest that waits, if the engine is free. */
void
talk_next(struct app *app);
/* The last question once more; temp < 0: as it is set. */
int
talk_regen(struct app *app, float temp, struct error *err);
/* The tokens of the next prompt with the pictures that are staged and an empty text; -1 if it cannot be built. */
int
talk_count(struct app *app);
int
talk_n_ctx(const struct app *app);
void
talk_clear(struct talk *t);

/* ---------------------------------------------------------------- keep.c: what is said goes to the store */

struct keep {
	struct session *session;        /* NULL: private, or read-only */
	int n_systems;                  /* written ones */
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
void
keep_close(struct app *app);

/* ---------------------------------------------------------------- present.c: conversation → entries */

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
/* Takes the entry of this message and all below it away. */
void
present_cut(struct app *app, int id);
void
present_rule(struct app *app, const char *system);      /* "system message: …" */
void
present_note(struct app *app, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void
present_error(struct app *app, const struct error *err);
char *
present_label(const struct pic *pic, int n);            /* "#2 cat.jpg 1280x720"; the caller frees */
void
present_done(struct present *p);

/* ---------------------------------------------------------------- meter.c: the status line */

struct meter {
	int n_base;                     /* tokens of the next prompt without the typed text, -1: unknown */
	int n_typed;
	bool base_stale;
	int64_t due;                    /* when to count again, 0: nothing changed */
};

void
meter_touch(struct app *app);                  /* conversation, staged pictures or system message changed */
void
meter_typed(struct app *app);
int
meter_timeout(const struct app *app);
void
meter_tick(struct app *app);                   /* counts if due */
void
meter_show(struct app *app);
/* Tokens per second of an answer, 0 when they are too few to say. */
double
meter_speed(const struct message *m);

/* ---------------------------------------------------------------- sessions.c: which conversation is open */

struct picks {
	struct session_info *list;      /* of the picker that is open */
	int n;
};

/* These two change what is open, not the screen. */
void
sessions_new(struct app *app, const char *name);
int
sessions_open(struct app *app, const char *which, struct error *err);   /* what is open stays when this fails */
/* -1 while the open conversation cannot be let go: an answer runs, or something of it is not on disk. */
int
sessions_check(struct app *app, struct error *err);
void
sessions_show(struct app *app);                 /* the conversation that is open now, and what is to be said of it */
/* Opens and shows WHICH. */
int
sessions_switch(struct app *app, const char *which, struct error *err);
int
sessions_pick(struct app *app, struct error *err);
void
sessions_picked(struct app *app, int i);
const char *
sessions_tail(const struct chat *chat);         /* "7f3a", or "" */

/* ---------------------------------------------------------------- load.c: card and worker */

enum engine_state {
	ENGINE_NONE,            /* there is no model, and there will be none */
	ENGINE_LOADING,
	ENGINE_READY,
	ENGINE_LOST,            /* it failed; the next question loads it again */
};

void
load_start(struct app *app);
void
load_again(struct app *app);                    /* after the engine was lost */
void
load_event(struct app *app, const struct event *e);
void
load_end(struct app *app);

/* ---------------------------------------------------------------- actions.c, slash.c, settings.c, complete.c */

void
actions_event(struct app *app, struct ui_event *e);
void
actions_interrupt(struct app *app);
/* Puts text before what is in the input. */
void
actions_give_back(struct app *app, const char *text);

int
slash_run(struct app *app, const char *line, struct error *err);        /* line: without the slash */
/* The command of that name, alias or unique prefix; NULL with err set. */
const struct slash *
slash_find(const char *word, struct error *err);
char *
slash_help(void);                               /* the whole page; the caller frees */

/* One of temp top_p top_k repeat_penalty seed max_tokens. */
int
settings_set(struct app *app, const char *key, const char *value, struct error *err);
char *
settings_show(const struct app *app, const char *key, struct error *err);       /* key NULL: all; the caller frees */
const char *
settings_key(int i);                            /* NULL past the last */

/* ui_options.complete; arg is the app. */
char **
complete_word(void *arg, const char *line, int start, int end, bool *is_path);

/* ---------------------------------------------------------------- trap.c */

int
trap_open(struct error *err);                /* the descriptor to wait on, or -1 */
/* The next signal that came, or 0. */
int
trap_next(void);
void
trap_close(void);

/* ---------------------------------------------------------------- all of it */

struct app {
	const struct app_options *options;
	struct ui *ui;
	struct store *store;
	struct chat *chat;
	bool read_only;                 /* a file of a newer version */
	int n_bad_lines;                /* of the file that chat was read from */

	struct card *card;              /* NULL until opened, and when it cannot be */
	struct link *link;
	enum engine_state engine;
	char *device;

	struct sampling sampling;
	bool seed_set;
	int max_tokens;

	struct gallery gallery;
	struct staged staged;
	struct talk talk;
	struct keep keep;
	struct present present;
	struct meter meter;
	struct picks picks;

	int n_images_opened;            /* of options->images */
	bool said;                      /* options->say is sent */
	int leave;                      /* -1: stay; else what app_run returns */
};

struct message *
app_answer(struct app *app);                    /* the running answer, to be changed */

#endif
