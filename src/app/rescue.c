/* rescue.c: see rescue.h. What is offered are folders that can be written now; any other one can be named by /save. */
#include "config.h"

#include "rescue.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "actions.h"
#include "base/alloc.h"
#include "internal.h"

#define NEEDED_BYTES (16ll << 20)

/* Takes `folder` over. It must be ours, or not be there yet, and its disk must have room. */
static void
consider(struct rescue *r, char *folder, const char *above)
{
	struct statvfs fs;
	struct stat st;
	bool free_to_use = stat(folder, &st) == 0 ? S_ISDIR(st.st_mode) && st.st_uid == getuid() : access(above, W_OK) == 0;

	if (free_to_use && r->n < RESCUE_MOST_FOLDERS && statvfs(above, &fs) == 0 &&
	    (long long)fs.f_bavail * (long long)fs.f_frsize >= NEEDED_BYTES)
		r->folders[r->n++] = folder;
	else
		free(folder);
}

static void
find_folders(struct rescue *r)
{
	const char *home = getenv("HOME"), *tmp = getenv("TMPDIR");

	rescue_done(r);
	if (home && *home)
		consider(r, xasprintf("%s/ivchat-saved", home), home);
	if (tmp && *tmp)
		consider(r, xasprintf("%s/ivchat-saved-%ld", tmp, (long)getuid()), tmp);
	consider(r, xasprintf("/var/tmp/ivchat-saved-%ld", (long)getuid()), "/var/tmp");
}

static void
picked(struct app *app, int i)
{
	struct rescue *r = &app->rescue;
	struct error err;

	if (i == 0) {
		app->leave = CODE_OK;
	} else if (i >= 1 && i <= r->n) {
		if (keep_move(app, r->folders[i - 1], &err) == 0)
			app->leave = CODE_OK;
		else
			present_error(app, &err);
	} else if (i == r->n + 1) {
		ui_set_input(app->ui, "/save ");
	} else if (i == r->n + 2) {
		r->given_up = true;
		app->leave = CODE_OK;
	}
}

bool
rescue_may_leave(struct app *app)
{
	struct rescue *r = &app->rescue;
	char *items[RESCUE_MOST_FOLDERS + 3];
	struct error err;
	int n = 0;

	if (r->given_up || app->options->piped || keep_flush(app, &err) == 0)
		return true;
	find_folders(r);
	items[n++] = xstrdup("Try to write it once more");
	for (int i = 0; i < r->n; i++)
		items[n++] = xasprintf("Keep the conversation in %s", r->folders[i]);
	items[n++] = xstrdup("Another folder: /save FOLDER");
	items[n++] = xasprintf("Leave, and lose %d records", keep_n_waiting(app));
	actions_pick(app, err.what, (const char *const *)items, n, 0, picked);
	for (int i = 0; i < n; i++)
		free(items[i]);
	return false;
}

void
rescue_done(struct rescue *r)
{
	while (r->n > 0)
		free(r->folders[--r->n]);
}
