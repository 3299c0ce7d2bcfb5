/* path.c: prints the file of a session. */
#include "config.h"

#include <stdlib.h>

#include "cmd/cmd.h"
#include "cmd/shelf.h"

static int
print_path(struct shelf *shelf, const struct options *o, struct error *err)
{
	char id[32], *path = NULL;

	if (shelf_open(shelf, o, err) < 0 || store_find(shelf->store, o->operands[0], id, err) < 0 ||
	    store_path(shelf->store, id, &path, err) < 0)
		return -1;
	puts(path);
	free(path);
	return 0;
}

static int
run(const struct command *self, struct options *o)
{
	return shelf_run(self, o, print_path);
}

const struct command cmd_path = {"path", "WHICH", "Print the file name of a session.", OPT_CONF, run};
