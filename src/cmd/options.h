/* options.h: the command line → one struct. One table of options with names, defaults and help. */
#ifndef CMD_OPTIONS_H
#define CMD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "conf/conf.h"

enum option_group {
	OPT_MODEL = 1,          /* -m --quant -g --ctx --threads --guess */
	OPT_PICTURE = 2,        /* -i --orient */
	OPT_TALK = 4,           /* -S -n -t --top-p --top-k --repeat-penalty --seed */
	OPT_SESSION = 8,        /* -c -s --name --no-save */
	OPT_SCREEN = 16,        /* --images --theme --ascii --say */
	OPT_ASK = 32,           /* --json --stream-json --no-stream -o --prompt-ids --logprobs … */
	OPT_LIST = 64,          /* --limit --tag --json --check */
	OPT_SHOW = 128,         /* --turn --raw */
	OPT_RM = 256,           /* -f --restore --empty-trash --gc */
	OPT_TOKENIZE = 512,     /* --json --no-bos --decode */
	OPT_HELP = 1 << 17,     /* --man */
	OPT_DOCTOR = 1 << 18,   /* --keys */
	OPT_CONF = 1 << 16,     /* none: a command without other options that reads settings all the same */
	OPT_SYNTH = 1 << 20,    /* of model: --full --shape --seed */
	OPT_REPLAY = 1024,      /* --run --verify --speed … */
	OPT_BATCH = 2048,       /* -o --map --shard … */
	OPT_SEARCH = 4096,      /* what to find and where, --limit --tag --json */
	OPT_EXPORT = 8192,      /* --format --branch -o --embed -f */
	OPT_BENCH = 1 << 19,    /* --random-weights --tune --runs --only */
	OPT_TAGS = 16384,       /* none: after the first operand a word with one '-' in front is an operand */
};

struct options {
	/* model */
	const char *model;              /* -m, IVCHAT_MODEL, or the bundled one */
	bool model_is_bundled;
	const char *quant, *gpus;       /* "auto", "bf16" …; "auto", "none", "0,1" */
	int ctx, threads;
	const char *guess;              /* "auto", "off", "on" */
	/* pictures, in order; "-" is stdin */
	const char **images;
	int n_images;
	const char *orient;             /* "apply", "ignore" */
	bool orient_ignore;
	/* talk; *_set tells a given value from a default */
	const char *system;             /* NULL: the model's; already read from @FILE */
	bool system_is_usual;           /* it is the config file's: for new conversations only */
	const char *preset;
	int max_tokens;
	float temp, top_p, repeat_penalty;
	int top_k;
	uint64_t seed;
	bool temp_set, top_p_set, top_k_set, repeat_penalty_set, seed_set, max_tokens_set, system_set;
	/* session */
	bool go_on;                     /* -c */
	const char *session, *name;
	bool no_save;
	/* screen */
	const char *image_mode, *theme, *say;
	bool ascii, plain, demo;
	/* ask */
	bool json, stream_json, no_stream, prompt_ids, reference;
	const char *out, *messages;
	int logprobs;
	/* ls, show, rm, tokenize */
	int limit, turn;
	bool raw, force, restore, empty_trash, gc, check, no_bos, decode;
	/* model check, model synth */
	bool full;
	const char *shape;              /* "40b", a folder; NULL: 40b */
	/* replay */
	bool again, verify, diff, loop; /* again: --run */
	const char *history;            /* "recorded", "new" */
	float speed, idle_limit;
	int from, to, branch;           /* 0: not given */
	/* batch */
	const char *images_root, *map, *suffix, *shard;
	int jobs;
	bool keep;
	/* bench; its quant is a list */
	const char *random_weights, *only;
	int runs;
	bool tune;
	/* search */
	bool ignore_case, match_case, extended, word, only_sessions;
	int context;
	const char *role, *since, *until, *tag;
	/* export */
	const char *format, *branches;
	bool embed;
	/* all */
	bool quiet, verbose, help, version;
	bool man, keys;                 /* help; doctor */
	const char **sets;              /* KEY=VALUE, in order */
	int n_sets;
	const struct conf *conf;        /* what file, environment, --preset and --set say; lent, never NULL */
	/* what is left */
	const char **operands;
	int n_operands;
	void *owned;                    /* what options_done frees */
};

/* argv after the subcommand's name. Over what the settings say, which are read from the config file here for commands
 * that use any; what is wrong with the file is in o->conf->warnings. Abbreviated long options, --name=value and --name value, options before
 * and after operands, "--" ends them. CODE_USAGE names the option and the nearest one that exists. */
int
options_parse(struct options *o, unsigned groups, int argc, char **argv, struct error *err);
void
options_done(struct options *o);

/* The options of these groups, one a line, for --help and the manual. */
void
options_print(unsigned groups, FILE *file);

/* The table, for completions and tests. false past the last. */
struct option_info {
	char letter;                    /* 0: none */
	const char *name, *arg;         /* arg NULL: a flag */
	const char *choices;            /* "auto sixel …", or NULL */
	const char *help;
	bool many;                      /* may be repeated */
	unsigned groups;                /* 0: every command */
};
bool
options_info(int i, struct option_info *out);
bool
options_take(const struct option_info *option, unsigned groups);

/* Where the subcommand may stand: the index of the first word in argv[0..argc) that is neither an option nor
 * an option's value, or -1. */
int
options_first_operand(int argc, char **argv);

#endif
