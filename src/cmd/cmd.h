/* cmd.h: a subcommand a file, each ending in one filled `struct command`. Only this folder turns codes into exit
 * statuses and prints errors of the command line. */
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

extern const struct command cmd_chat, cmd_ask, cmd_tokenize, cmd_ls, cmd_show, cmd_rename, cmd_rm, cmd_path, cmd_model,
    cmd_help;

/* All of them, NULL at the end: main, help, completions and tests read this table. */
extern const struct command *const commands[];

/* "ivchat: WHAT" and "try: HINT" on stderr; returns the status. */
int
cmd_fail(const struct error *err);

#endif
