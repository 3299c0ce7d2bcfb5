/* snapshot.c: see snapshot.h. A file a session, named by its id. It may be of an older state of the session, or of a branch:
 * the engine compares every token, so that only time is at stake. */
#include "config.h"

#include "snapshot.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/file.h"
#include "internal.h"

/* NULL: nothing is kept of this conversation. */
static char *
path_of(const struct app *app)
{
	if (app->private || app->follow.reader || !app->chat->id[0])
		return NULL;
	return store_snapshot_path(app->store, app->chat->id);
}

void
snapshot_leave(struct app *app)
{
	char *path;

	if (!app->link || !app->options->conf->kv_snapshot)
		return;
	path = path_of(app);
	link_leave(app->link, path, app->options->conf->kv_snapshot_max);
	free(path);
}

void
snapshot_restore(struct app *app)
{
	char *path;

	if (!app->link || !app->options->conf->kv_snapshot)
		return;
	path = path_of(app);
	if (path && file_exists(path))
		link_restore(app->link, path);
	free(path);
}
