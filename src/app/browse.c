/* browse.c: see browse.h. A preview is made between keys: whoever holds an arrow key down waits for none. */
#include "config.h"

#include "browse.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actions.h"
#include "base/alloc.h"
#include "base/file.h"
#include "complete.h"
#include "internal.h"
#include "words.h"

enum { PREVIEW_MAX_BYTES = 32 << 20 };

/* ---- the list */

static void
drop_names(struct browse *b)
{
	for (int i = 0; i < b->n; i++)
		free(b->names[i]);
	free(b->names);
	b->names = NULL;
	b->n = 0;
}

static void
add_name(struct browse *b, char *name)
{
	b->names = xreallocarray(b->names, (size_t)b->n + 1, sizeof *b->names);
	b->names[b->n++] = name;
}

/* Folders first, then by name. */
static int
order(const void *left, const void *right)
{
	const char *a = *(char *const *)left, *b = *(char *const *)right;
	const bool a_folder = a[strlen(a) - 1] == '/', b_folder = b[strlen(b) - 1] == '/';

	return a_folder != b_folder ? b_folder - a_folder : strcmp(a, b);
}

static void
add_entry(struct browse *b, const char *name)
{
	char *path = xasprintf("%s/%s", b->folder, name);
	struct stat st;

	if (name[0] != '.' && stat(path, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			add_name(b, xasprintf("%s/", name));
		else if (S_ISREG(st.st_mode) && complete_is_picture_name(name))
			add_name(b, xstrdup(name));
	}
	free(path);
}

static int
list_folder(struct browse *b, struct error *err)
{
	DIR *d = opendir(b->folder);
	struct dirent *e;

	drop_names(b);
	add_name(b, xstrdup("../"));
	if (!d)
		return error_set(err, CODE_INPUT, "cannot list \"%s\": %s", b->folder, strerror(errno));
	while ((e = readdir(d)))
		add_entry(b, e->d_name);
	closedir(d);
	qsort(b->names + 1, (size_t)b->n - 1, sizeof *b->names, order);
	return 0;
}

/* ---- the picker */

/* The first picture, else the first folder in it, else the way up. */
static int
first_of_use(const struct browse *b)
{
	for (int i = 1; i < b->n; i++)
		if (b->names[i][strlen(b->names[i]) - 1] != '/')
			return i;
	return b->n > 1 ? 1 : 0;
}

static void
open_folder(struct app *app)
{
	struct browse *b = &app->browse;
	struct error err;
	char *title, *folder;

	actions_leave_pick(app);
	if (list_folder(b, &err) != 0) {
		present_error(app, &err);
		return;
	}
	folder = file_shorten_home(b->folder);
	title = xasprintf("Pictures in %s", folder);
	free(folder);
	b->open = true;
	b->wanted = -1;
	ui_pick_pictures(app->ui, title, (const char *const *)b->names, b->n, first_of_use(b));
	free(title);
}

void
browse_begin(struct app *app)
{
	char folder[PATH_MAX];

	if (!app->browse.folder)
		app->browse.folder = xstrdup(getcwd(folder, sizeof folder) ? folder : "/");
	open_folder(app);
}

void
browse_begin_in(struct app *app, const char *folder)
{
	if (!app->browse.folder)
		app->browse.folder = xstrdup(folder);
	open_folder(app);
}

static void
go_to(struct browse *b, const char *name)
{
	char *path = xasprintf("%s/%s", b->folder, name), *real = realpath(path, NULL);

	free(path);
	if (!real)
		return;
	free(b->folder);
	b->folder = real;
}

static void
take_file(struct app *app, const char *name)
{
	char *path = xasprintf("%s/%s", app->browse.folder, name);
	struct error err;

	if (staged_open(app, path, &err) == 0)
		ui_flash(app->ui, "picture added: it goes with the next message");
	else
		present_error(app, &err);
	free(path);
}

bool
browse_picked(struct app *app, int i)
{
	struct browse *b = &app->browse;

	if (!b->open)
		return false;
	b->open = false;
	b->wanted = -1;
	if (i < 0 || i >= b->n)
		return true;
	if (b->names[i][strlen(b->names[i]) - 1] == '/') {
		go_to(b, b->names[i]);
		open_folder(app);
	} else {
		take_file(app, b->names[i]);
	}
	return true;
}

/* ---- the preview */

void
browse_preview(struct app *app, int i)
{
	app->browse.wanted = i;
}

static void
show_file(struct app *app, const char *path, long long size)
{
	const enum orient orient = app->options->orient_ignore ? ORIENT_IGNORE : ORIENT_APPLY;
	struct picture p = {0};
	char *label;

	if (size > PREVIEW_MAX_BYTES || picture_open(&p, path, orient, NULL) != 0) {
		ui_preview(app->ui, NULL);
		return;
	}
	label = xasprintf("%dx%d %s, %lld KiB", p.width, p.height, p.suffix, (size + 1023) / 1024);
	ui_preview(app->ui, &(struct ui_picture){ p.shown ? p.shown : p.rgb, p.width, p.height, label });
	free(label);
	picture_done(&p);
}

bool
browse_step(struct app *app)
{
	struct browse *b = &app->browse;
	const int i = b->wanted;
	struct stat st;
	char *path;

	b->wanted = -1;
	if (!b->open || i < 0 || i >= b->n)
		return false;
	path = xasprintf("%s/%s", b->folder, b->names[i]);
	if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
		show_file(app, path, st.st_size);
	else
		ui_preview(app->ui, NULL);
	free(path);
	return true;
}

void
browse_done(struct browse *b)
{
	drop_names(b);
	free(b->folder);
	*b = (struct browse){0};
}
