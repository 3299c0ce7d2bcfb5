/* markdown.c: a conversation as Markdown. Texts stand as they were said: an answer is Markdown already. Pictures are
 * copied beside the file, put inside as data, or named. */
#include "config.h"

#include "export/export.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/base64.h"
#include "export/internal.h"

/* Signs that mean something in the one line of a heading or label. */
static void
put_line(struct buf *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strchr("\\`*_[]<>#&!|", s[i]) && s[i])
			buf_char(out, '\\');
		buf_char(out, s[i]);
	}
}

/* A relative path as a link: all but plain letters as %XX. */
static void
put_link(struct buf *out, const char *path)
{
	for (; *path; path++) {
		if (isalnum((unsigned char)*path) || strchr("-._~/", *path))
			buf_char(out, *path);
		else
			buf_printf(out, "%%%02X", (unsigned char)*path);
	}
}

static const char *
last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* "image/svg+xml" → "svg": what the name of the copy ends with. */
static void
put_suffix(struct buf *out, const struct pic *pic)
{
	const char *slash = pic->type ? strchr(pic->type, '/') : NULL;
	const char *kind = slash ? slash + 1 : "bin";

	if (strcmp(kind, "jpeg") == 0)
		kind = "jpg";
	for (; isalnum((unsigned char)*kind); kind++)
		buf_char(out, *kind);
}

/* Copies the bytes to PICTURES/1-a1b2c3d4e5f6.png and appends the link. */
static int
put_copy(struct export *e, struct buf *out, const struct pic *pic, const struct buf *bytes, struct error *err)
{
	struct buf path = {0};
	int rc = 0;

	buf_printf(&path, "%s/%d-%.12s.", e->pictures, pic->n, pic->sha);
	put_suffix(&path, pic);
	if (mkdir(e->pictures, 0777) < 0 && errno != EEXIST)
		rc = error_set(err, CODE_STORE, "cannot make folder '%s': %s", e->pictures, strerror(errno));
	if (rc == 0)
		rc = export_put_file(buf_text(&path), bytes->at, bytes->n, e->force, err);
	put_link(out, buf_text(&path) + (last_part(e->pictures) - e->pictures));
	buf_done(&path);
	return rc;
}

static int
put_picture(struct export *e, struct buf *out, const struct pic *pic, struct error *err)
{
	struct buf bytes = {0}, label = {0};
	int rc = 0;

	export_label(&label, pic);
	if ((!e->embed && !e->pictures) || !export_fetch(e, pic, &bytes)) {
		buf_str(out, "*\\[");
		put_line(out, label.at, label.n);
		buf_printf(out, " sha %.6s\\]*\n\n", pic->sha);
	} else {
		buf_str(out, "![");
		put_line(out, label.at, label.n);
		buf_str(out, "](");
		if (e->embed) {
			buf_printf(out, "data:%s;base64,", pic->type ? pic->type : "application/octet-stream");
			base64_encode(out, bytes.at, bytes.n);
		} else {
			rc = put_copy(e, out, pic, &bytes, err);
		}
		buf_str(out, ")\n\n");
	}
	buf_done(&bytes);
	buf_done(&label);
	return rc;
}

static int
put_message(struct export *e, struct buf *out, const struct message *m, int above, struct error *err)
{
	struct buf mark = {0};

	buf_printf(out, "## %s", export_role(m));
	if (e->all_branches)
		buf_printf(out, m->up == above ? " (%d)" : " (%d, below %d)", m->id, m->up);
	buf_str(out, "\n\n");
	for (int i = 0; i < m->n_pics; i++)
		if (put_picture(e, out, &m->pics[i], err) < 0)
			return -1;
	buf_add(out, m->text, m->text_n);
	if (m->text_n > 0)
		buf_str(out, m->text[m->text_n - 1] == '\n' ? "\n" : "\n\n");
	message_mark(m, false, &mark);
	if (mark.n > 0) {
		buf_char(out, '*');
		put_line(out, mark.at, mark.n);
		buf_str(out, "*\n\n");
	}
	buf_done(&mark);
	return 0;
}

static void
put_notes(struct buf *out, const struct chat *c, int id)
{
	const struct note *note;
	int from = 0;

	while ((note = chat_next_note(c, id, &from))) {
		buf_str(out, "## Note\n\n");
		buf_add(out, note->text, note->text_n);
		buf_str(out, "\n\n");
	}
}

static int
write_markdown(struct export *e, struct buf *out, struct error *err)
{
	int *ids, n = export_messages(e, &ids), above = 0, rc = 0;
	char *title = chat_title(e->chat);

	buf_str(out, "# ");
	put_line(out, title, strlen(title));
	buf_str(out, "\n\n");
	export_summary(out, e->chat);
	buf_str(out, "\n\n");
	put_notes(out, e->chat, 0);
	for (int i = 0; i < n && rc == 0; i++) {
		rc = put_message(e, out, chat_message(e->chat, ids[i]), above, err);
		put_notes(out, e->chat, ids[i]);
		above = ids[i];
	}
	if (rc == 0)
		buf_cut(out, out->n - 1);
	free(title);
	free(ids);
	return rc;
}

const struct export_format export_markdown = { "md", "markdown", write_markdown };
