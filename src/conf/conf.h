/* conf.h: the door of conf/: what the program is told beside its command line. One table names every key with its
 * default, range and help; the config file, the environment, presets and --set all give values through it, in this
 * order, each over the ones before:
 *
 *     conf_init            defaults
 *     conf_load            the file ($IVCHAT_CONFIG, else <config>/config), then the environment
 *     conf_use_preset      --preset NAME
 *     conf_set             --set KEY=VALUE
 *
 * and then the options of the command line, which are not of this room. It prints nothing: what is wrong with a file is
 * gathered as warnings, one line each, and the value that was there before holds.
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/paths.h"

struct conf {
	char *model_dir;                /* NULL: the built-in one */
	char *quant;                    /* "auto", "bf16", "fp8", "int8", "int4" */
	char *gpus;                     /* "auto", "none", "0,1" */
	int ctx, threads;               /* 0: the model's own; all cores */
	char *guess;                    /* "auto", "off", "on" */
	bool ahead;
	bool kv_snapshot;
	long long kv_snapshot_max;      /* bytes */

	int max_tokens, top_k;
	float temp, top_p, repeat_penalty;
	uint64_t seed;
	bool seed_set;                  /* false: random */
	char *system;                   /* NULL: the model's own; "@FILE" is not read here */

	char *overflow;                 /* "ask", "drop", "stop" */
	char *image_mode, *orient, *image_question;
	int image_width, image_max_kib;

	char *input_mode;               /* "emacs", "vi" */
	int paste_fold;                 /* lines; 0: never */
	bool history_save;
	int history_size;
	bool ascii;
	char *theme;
	bool title, markdown, math, mouse, timestamps;
	char *exit_print;               /* "last", "none", "all" */
	int hangup_grace;               /* seconds */
	char *store_dir;                /* NULL: as the environment says */
	int trash_days;
	char *log_level;                /* "off", "info", "debug" */

	struct conf_binding *bindings;  /* keys, in the order of their lines */
	int n_bindings;
	struct conf_binding *colors;    /* color.NAME = VALUE, the same way */
	int n_colors;
	char *path;                     /* of the file, whether it is there or not; NULL before conf_load */
	struct conf_origin *origins;    /* a key each */
	struct conf_preset *presets;
	int n_presets;
	char **warnings;
	int n_warnings;
};

void
conf_init(struct conf *c);
void
conf_load(struct conf *c, const struct paths *paths);
/* CODE_USAGE: no such preset. */
int
conf_use_preset(struct conf *c, const char *name, struct error *err);
/* "KEY=VALUE". CODE_USAGE names the key and what it takes. */
int
conf_set(struct conf *c, const char *assignment, struct error *err);
void
conf_done(struct conf *c);

/* Where things are kept, with store.dir in it; paths_done() frees. */
int
conf_paths(const struct conf *c, struct paths *paths, struct error *err);
/* Opens $IVCHAT_LOG, else the log in the state folder, as log.level says or, `verbose`, with all that there is to say. A
 * folder that is not there is not made. */
void
conf_open_log(const struct conf *c, const struct paths *paths, bool verbose);

/* ---- the keys, for help, manual, completion and `ivchat config` */

struct conf_key {
	const char *name;               /* "gen.temp" */
	const char *form;               /* "0 to 100", "on|off", "DIR" */
	const char *value;              /* the default as it is written, or "" */
	const char *help;
};

/* false past the last. The strings live as long as the program. */
bool
conf_key(int i, struct conf_key *key);

/* The value of key i as a line of a file would give it, texts in quotes; the caller frees. NULL: it has none. */
char *
conf_value(const struct conf *c, int i);
/* "default", "FILE:LINE", "environment NAME", "preset NAME", "--set"; lent. */
const char *
conf_origin(const struct conf *c, int i);
/* Whether the system message was asked for in this run (preset, --set), and not only by file or default. */
bool
conf_system_is_given(const struct conf *c);

/* ---- `bind KEY = ACTION`, `color.NAME = VALUE`: what keys, actions and names there are is not known here */

/* False past the last. Lent. */
bool
conf_binding(const struct conf *c, int i, const char **key, const char **action, const char **where);

bool
conf_color(const struct conf *c, int i, const char **name, const char **value, const char **where);

/* ---- presets: named bundles of system, temp, top_p, top_k, max_tokens */

const char *
conf_preset_name(const struct conf *c, int i);          /* NULL past the last */
/* -1: no such preset (CODE_USAGE, naming those that there are). */
int
conf_preset_find(const struct conf *c, const char *name, struct error *err);
/* The kth value of preset i: "temp", "0.7"; false past the last. Lent. */
bool
conf_preset_entry(const struct conf *c, int i, int k, const char **key, const char **value);
/* All of them as lines of a file; the caller frees. */
char *
conf_preset_text(const struct conf *c, int i);

#endif
