/* cmd.h: a subcommand a file, each ending in one filled `struct command`. Only this folder turns codes into
 * exit statuses and prints errors of the command line. */
#ifndef CMD_CMD_H
#define CMD_CMD_H

#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"
#include "cmd/options.h"

struct command {
	const char *name;
	const char *operands;           /* for usage: "[TEXT...]" */
	const char *summary;            /* one line */
	unsigned options;               /* which option groups it takes, OPT_… in options.h */
	int (*run)(const struct command *self, struct options *o);      /* returns the exit status */
};

extern const struct command cmd_chat, cmd_ask, cmd_tokenize, cmd_ls, cmd_show, cmd_rename, cmd_rm, cmd_path, cmd_tag,
    cmd_search, cmd_export, cmd_import, cmd_model, cmd_bench, cmd_replay, cmd_batch, cmd_config, cmd_doctor, cmd_completion,
    cmd_help;

/* Of `help`, beside the commands. */
#define HELP_TOPICS "options keys reading actions colors slash settings version"

/* All of them, NULL at the end: main, help, completions and tests read this table. */
extern const struct command *const commands[];

const struct command *
cmd_find(const char *name);             /* NULL: no such subcommand */
const struct command *
cmd_nearest(const char *name);          /* the one that was meant, or NULL */

/* Parses and runs; argv after the subcommand's name. Returns the exit status. */
int
cmd_run(const struct command *c, int argc, char **argv);

/* chat.c: the chat screen on this session, with the model and theme of `replay`'s options. */
int
chat_go_on(struct options *o, const char *session);
/* Line by line, because somebody asked for it, or the terminal can do no more. */
bool
chat_is_plain(const struct options *o);

/* "ivchat: WHAT" and "try: HINT" on stderr; returns the status. Silent for CODE_SIGPIPE: who would read
 * it? */
int
cmd_fail(const struct error *err);

void
cmd_usage(const struct command *c, FILE *file);
void
cmd_version(FILE *file);
/* "cpu", or "cpu, cuda (sm 80 90)": what can compute, and for which cards. */
#ifdef HAVE_CUDA
#define CMD_BACKENDS "cpu, cuda (sm " CUDA_ARCHS ")"
#else
#define CMD_BACKENDS "cpu"
#endif

/* Text that somebody else wrote: as it is into a file or pipe, with control characters made visible on a
 * terminal. */
void
cmd_print(FILE *file, const char *text, size_t n);

#endif
