/* export.c: the table of formats, and what they share. */
#include "config.h"

#include "export/export.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/text.h"
#include "export/internal.h"

const struct export_format *const export_formats[] = {
	&export_markdown, &export_html, &export_json, &export_text, &export_cast, NULL,
};

const struct export_format *
export_find(const char *name)
{
	for (int i = 0; export_formats[i]; i++)
		if (strcmp(export_formats[i]->name, name) == 0)
			return export_formats[i];
	return NULL;
}

const struct export_format *
export_of_file(const char *path)
{
	const char *dot = strrchr(path, '.');

	for (int i = 0; dot && i < (int)(sizeof export_formats / sizeof export_formats[0]) - 1; i++) {
		const struct export_format *f = export_formats[i];

		if (strcasecmp(dot + 1, f->name) == 0 || (f->other && strcasecmp(dot + 1, f->other) == 0))
			return f;
	}
	return NULL;
}

int
export_write(const struct export_format *format, struct export *e, struct buf *out, struct error *err)
{
	return format->write(e, out, err);
}

/* ---- messages */

static bool
is_replaced(const struct chat *c, int id)
{
	for (int i = id; i < c->n_messages; i++)
		if (c->messages[i].cont == id)
			return true;
	return false;
}

int
export_messages(const struct export *e, int **ids)
{
	const struct chat *c = e->chat;
	int n = 0;

	if (!e->all_branches)
		return chat_branch(c, c->head, ids);
	*ids = xreallocarray(NULL, (size_t)c->n_messages, sizeof **ids);
	for (int id = 1; id <= c->n_messages; id++)
		if (!is_replaced(c, id))
			(*ids)[n++] = id;
	return n;
}

const char *
export_role(const struct message *m)
{
	return m->role == ROLE_USER ? "User" : "Assistant";
}

void
export_summary(struct buf *out, const struct chat *chat)
{
	int n = chat_n_turns(chat);

	if (strlen(chat->made) > 16)
		buf_printf(out, "%.10s %.5s UTC · ", chat->made, chat->made + 11);
	if (chat->model_name && chat->model_name[0]) {
		text_visible_line(out, chat->model_name, strlen(chat->model_name));
		buf_str(out, " · ");
	}
	buf_printf(out, "%d turn%s", n, n == 1 ? "" : "s");
	for (int i = 0; i < chat->tags.n; i++)
		buf_printf(out, " · +%s", chat->tags.at[i]);
}

/* ---- pictures */

void
export_label(struct buf *out, const struct pic *pic)
{
	buf_printf(out, "#%d ", pic->n);
	if (pic->name)
		text_visible_line(out, pic->name, strlen(pic->name));
	buf_printf(out, " %dx%d", pic->width, pic->height);
}

bool
export_fetch(struct export *e, const struct pic *pic, struct buf *bytes)
{
	if (store_get_picture(e->store, pic, bytes, NULL) == 0)
		return true;
	e->n_missing++;
	return false;
}

/* ---- files */

static int
put_new(const char *path, const void *bytes, size_t n, struct error *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

	if (fd < 0 && errno == EEXIST) {
		error_set(err, CODE_STORE, "'%s' is already there", path);
		return error_hint(err, "-f overwrites it");
	}
	if (fd >= 0 && file_write_all(fd, bytes, n) == 0 && close(fd) == 0)
		return 0;
	error_set(err, CODE_STORE, "cannot write '%s': %s", path, strerror(errno));
	if (fd >= 0)
		unlink(path);
	return -1;
}

int
export_put_file(const char *path, const void *bytes, size_t n, bool force, struct error *err)
{
	return force ? file_replace(path, bytes, n, 0666, err) : put_new(path, bytes, n, err);
}
