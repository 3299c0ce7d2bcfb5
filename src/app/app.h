/* app.h: the door of app/: the chat screen's conductor. Main thread only. It ties conversation, prompt, engine thread,
 * store and screen: waits on keys, worker, signals and timers; handles; draws once. */
#ifndef APP_APP_H
#define APP_APP_H

#include <stdbool.h>

#include "base/error.h"
#include "base/paths.h"
#include "conf/conf.h"
#include "chat/chat.h"
#include "engine/engine.h"
#include "link/link.h"
#include "store/store.h"

struct app_options {
	const char *model_dir;
	bool model_is_bundled;
	struct engine_options engine;
	const char *const *images;      /* staged at the start */
	int n_images;
	const char *samples;            /* a folder of pictures to begin with, or NULL */
	bool orient_ignore;
	const char *system;             /* NULL: the model's */
	bool system_is_usual;           /* for new conversations only, not for one that is gone on with */
	int max_tokens;
	struct sampling sampling;
	bool seed_set;
	const char *resume;             /* WHICH of store.h, or NULL: a new session */
	const char *name;
	bool no_save;
	bool verbose;                   /* in the log */
	const char *image_mode;         /* "auto", "sixel", "blocks", "none" */
	const char *theme;
	bool ascii;
	const char *say;                /* sent first, or NULL */
	const char *draft;              /* put into the input once the pictures are there, or NULL */
	bool plain, piped;              /* line by line; and the lines come from no terminal */
	const struct paths *paths;
	const struct conf *conf;        /* for what is set nowhere above: presets, history, picture question, … */
};

/* Opens the screen and returns when the person leaves: CODE_OK, or the code of the error that is in err, or
 * 128 + signal. */
int
app_run(const struct app_options *options, struct error *err);

/* ---- look.c: how exports look: pictures as sixel, answers as HTML, by what the screen draws with */

struct export;

void
app_look(struct export *e);

/* ---- keymap.c: keys and colours as the settings say */

struct ui_keymap;

/* As the settings bind them; each line that binds none is told. ui_keymap_free */
struct ui_keymap *
app_keymap(const struct conf *conf, void (*tell)(void *arg, const char *line), void *arg);

/* The same of colours. ui_colors_free */
struct ui_colors;
struct ui_colors *
app_colors(const struct conf *conf, void (*tell)(void *arg, const char *line), void *arg);

/* ---- replay.c, playback.c: a stored session as it happened */

struct replay_options {
	const struct app_options *screen;       /* pictures, theme, orientation */
	struct chat *chat;
	struct store *store;            /* its pictures */
	const struct tokenizer *tokenizer;      /* where each token's text ends; NULL: not known */
	double speed, idle_limit;       /* times; seconds */
	int from, to;                   /* turns; 0: all */
	int branch;                     /* Nth leaf; 0: the current one */
	bool loop;
};

/* The last message of the Nth branch (0: of the current one) in the order they came about; 0: there is none. */
int
playback_leaf(const struct chat *c, int n);

/* The branch as text, turns from … to (0: all). CODE_INPUT: there is no such branch or turn. */
int
playback_print(const struct chat *c, int branch, int from, int to, struct buf *out, struct error *err);

/* Plays it on the screen until the person leaves: CODE_OK, or the code of the error that is in err, or 128 + signal.
 * *go_on gets the message to go on from in a fork, or 0. */
int
replay_run(const struct replay_options *options, int *go_on, struct error *err);

/* ---- verdict.c: is an answer that was computed again the recorded one? For `replay --verify` and /verify */

enum verdict_kind { VERDICT_SAME, VERDICT_DIFFERS, VERDICT_NOTHING };

/* What was not as it had been, so that another result is no wonder. */
enum verdict_other {
	OTHER_MODEL = 1, OTHER_BUILD = 2, OTHER_GPU = 4,
	OTHER_PROMPT = 8,               /* the same words make other tokens */
	OTHER_CONTEXT = 16,             /* how it was computed is not recorded, or cannot be done again */
};
#define N_OTHERS 5

struct verdict {
	enum verdict_kind kind;         /* NOTHING: no tokens are recorded */
	unsigned other;                 /* enum verdict_other, or'ed */
	int n;                          /* recorded tokens */
	int at;                         /* DIFFERS: the first that is another, from 0 */
	int32_t was, now;               /* -1: the answer ended there */
	float margin;                   /* by which log probability `now` won, -1: not known */
};

/* How many tokens have to be generated to compare with this answer; 0: there is nothing to compare. */
int
verdict_n_wanted(const struct message *m);
/* tokens come from a question with n_best 2. Fills all but `other`. */
void
verdict_compare(struct verdict *v, const struct message *m, const struct token *tokens, int n);
/* "same 118", "other build: differs at 57 of 118: was "red" now "crimson", margin 0.0031" */
void
verdict_text(const struct verdict *v, const struct tokenizer *t, struct buf *out);
const char *
verdict_other_name(int bit);            /* 0 … N_OTHERS - 1 */

/* ---- the slash commands: one table for the chat, its /help, completion and `ivchat help` */

struct app;

enum slash_words { WORDS_NONE, WORDS_PATHS, WORDS_SETTINGS, WORDS_COMMANDS, WORDS_SESSIONS, WORDS_STAGED, WORDS_SYSTEM };

struct slash {
	const char *name;               /* "image" */
	const char *aliases;            /* "exit bye q", or "" */
	const char *operands;           /* "PATH..." */
	const char *does;               /* one line */
	enum slash_words words;         /* what Tab completes after it */
	int (*run)(struct app *app, const char *operands, struct error *err);
};

/* Ends with a NULL name. */
const struct slash *
app_slash_table(void);
/* What it does, and its other names: "leave; also /exit, /bye, /q". The caller frees. */
char *
app_slash_does(const struct slash *s);

#endif
