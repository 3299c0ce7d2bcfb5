/* app.h: the door of app/: the chat screen's conductor. Main thread only. It ties conversation, prompt, engine thread,
 * store and screen: waits on keys, worker, signals and timers; handles; draws once. */
#ifndef APP_APP_H
#define APP_APP_H

#include <stdbool.h>

#include "base/error.h"
#include "base/paths.h"
#include "engine/engine.h"

struct app_options {
	const char *model_dir;
	bool model_is_bundled;
	int n_ctx, n_threads;           /* 0 = default */
	const char *const *images;      /* staged at the start */
	int n_images;
	bool orient_ignore;
	const char *system;             /* NULL: the model's */
	int max_tokens;
	struct sampling sampling;
	bool seed_set;
	const char *resume;             /* WHICH of store.h, or NULL: a new session */
	const char *name;
	bool no_save;
	const char *image_mode;         /* "auto", "sixel", "blocks", "none" */
	const char *theme;
	bool ascii;
	const char *say;                /* sent first, or NULL */
	const struct paths *paths;
};

/* Opens the screen and returns when the person leaves: CODE_OK, or the code of the error that is in err, or
 * 128 + signal. */
int
app_run(const struct app_options *options, struct error *err);

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

#endif
