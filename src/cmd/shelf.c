/* shelf.c: see shelf.h. */
#include "config.h"

#include "cmd/shelf.h"

#include <stdio.h>

int
shelf_open(struct shelf *s, const struct options *o, struct error *err)
{
	*s = (struct shelf){0};
	if (conf_paths(o->conf, &s->paths, err) < 0)
		return -1;
	conf_open_log(o->conf, &s->paths, o->verbose);
	s->store = store_open(&s->paths, err);
	return s->store ? 0 : -1;
}

void
shelf_close(struct shelf *s)
{
	if (s->store)
		store_close(s->store);
	paths_done(&s->paths);
	*s = (struct shelf){0};
}

int
shelf_run(const struct command *self, const struct options *o,
    int (*do_it)(struct shelf *shelf, const struct options *o, struct error *err))
{
	struct shelf shelf = {0};
	struct error err = {0};
	int failed;

	if (o->n_operands != 1) {
		error_set(&err, CODE_USAGE, "%s needs one session", self->name);
		error_hint(&err, "ivchat %s last", self->name);
		return cmd_fail(&err);
	}
	failed = do_it(&shelf, o, &err);
	shelf_close(&shelf);
	return failed ? cmd_fail(&err) : CODE_OK;
}

struct chat *
shelf_read(struct shelf *s, const char *which, bool *read_only, struct error *err)
{
	char id[32];
	int n_bad = 0;
	struct chat *chat;

	*read_only = false;
	if (store_find(s->store, which, id, err) < 0)
		return NULL;
	chat = store_read(s->store, id, &n_bad, read_only, err);
	if (chat && n_bad > 0)
		fprintf(stderr, "ivchat: session %s: %d line%s could not be read and %s left out\n", id,
		    n_bad, n_bad == 1 ? "" : "s", n_bad == 1 ? "is" : "are");
	return chat;
}
