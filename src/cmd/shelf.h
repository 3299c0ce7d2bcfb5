/* shelf.h: the store as subcommands use it: opened in one call, WHICH resolved to a conversation. */
#ifndef CMD_SHELF_H
#define CMD_SHELF_H

#include "base/paths.h"
#include "cmd/cmd.h"
#include "cmd/options.h"
#include "store/store.h"

struct shelf {
	struct paths paths;
	struct store *store;
};

int
shelf_open(struct shelf *s, const struct options *o, struct error *err);        /* opens the log too */
void
shelf_close(struct shelf *s);

/* All of a subcommand that has one session: do_it opens the shelf, 0 or -1 with err; returns the program's exit status. */
int
shelf_run(const struct command *self, const struct options *o,
    int (*do_it)(struct shelf *shelf, const struct options *o, struct error *err));

/* The conversation that WHICH names; with a word on stderr when lines of its file could not be read. */
struct chat *
shelf_read(struct shelf *s, const char *which, bool *read_only, struct error *err);

#endif
