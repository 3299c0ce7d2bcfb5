/* import.c: a file of JSON → a new session. Read whole, understood by import_own.c or import_list.c, and only then
 * stored: pictures first, then records in the order in which they would have come. */
#include "config.h"

#include "export/export.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/text.h"
#include "base/base64.h"
#include "export/import.h"

#define FILE_MAX ((size_t)1 << 30)

int
import_wrong(const struct import *im, const char *place, const char *fmt, ...)
{
	char why[320];
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, sizeof why, fmt, args);
	va_end(args);
	return error_set(im->err, CODE_INPUT, "'%s': %s%s%s", im->path, place, place[0] ? ": " : "", why);
}

const struct picture *
import_picture(struct import *im, const char *place, const char *name, const char *base64, size_t n)
{
	struct error err = {0};
	struct buf bytes = {0};
	struct picture *p;

	if (base64_decode(&bytes, base64, n) < 0) {
		buf_done(&bytes);
		import_wrong(im, place, "is not base64");
		return NULL;
	}
	im->pictures = xreallocarray(im->pictures, (size_t)im->n_pictures + 1, sizeof *im->pictures);
	p = &im->pictures[im->n_pictures];
	*p = (struct picture){0};
	if (picture_decode_take(p, name, &bytes, ORIENT_APPLY, &err) < 0) {
		picture_done(p);
		import_wrong(im, place, "%s", err.what);
		return NULL;
	}
	im->n_pictures++;
	free(p->rgb);
	free(p->shown);
	p->rgb = p->shown = NULL;
	return p;
}

/* ---- reading */

static int
read_chat(struct import *im, const struct buf *file)
{
	json_error_t where;
	size_t mark = file->n >= 3 && memcmp(file->at, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;    /* of byte order */
	json_t *all = json_loadb(buf_text(file) + mark, file->n - mark, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &where);
	const json_t *messages = json_object_get(all, "messages");
	int rc;

	if (!all)
		rc = error_set(im->err, CODE_INPUT, "'%s' line %d: not JSON: %s", im->path, where.line, where.text);
	else if (json_object_get(all, "ivchat"))
		rc = import_own(im, all);
	else if (json_is_array(all) || json_is_array(messages))
		rc = import_list(im, messages ? messages : all);
	else
		rc = import_wrong(im, "", "neither an exported session nor a list of {\"role\", \"content\"}");
	json_decref(all);
	return rc;
}

static int
read_file(struct import *im)
{
	struct buf file = {0};
	int rc;

	if (strcmp(im->path, "-") == 0)
		rc = file_read_fd(STDIN_FILENO, "stdin", FILE_MAX, &file, CODE_INPUT, im->err);
	else
		rc = file_read(im->path, FILE_MAX, &file, CODE_INPUT, im->err);
	if (rc == 0)
		rc = read_chat(im, &file);
	if (rc == 0 && im->chat->n_messages == 0)
		rc = import_wrong(im, "", "has no messages");
	buf_done(&file);
	return rc;
}

/* ---- storing */

static bool
has_picture(struct import *im, struct store *s, const struct pic *pic)
{
	struct buf bytes = {0};
	bool found = false;

	for (int i = 0; i < im->n_pictures && !found; i++)
		found = strcmp(im->pictures[i].sha, pic->sha) == 0;
	if (!found)
		found = store_get_picture(s, pic, &bytes, NULL) == 0;
	buf_done(&bytes);
	return found;
}

static int
count_missing(struct import *im, struct store *s)
{
	int n = 0;

	for (int i = 0; i < im->chat->n_messages; i++)
		for (int k = 0; k < im->chat->messages[i].n_pics; k++)
			n += !has_picture(im, s, &im->chat->messages[i].pics[k]);
	return n;
}

static int
store_import(struct import *im, struct store *s)
{
	struct session *w;
	int rc = 0;

	for (int i = 0; i < im->n_pictures && rc == 0; i++)
		rc = store_put_picture(s, &im->pictures[i], im->err);
	if (rc < 0)
		return -1;
	w = session_new(s, im->chat);
	rc = session_put_chat(w, im->chat, im->err);
	session_close(w);
	return rc;
}

int
import_file(struct store *s, const char *path, char id[32], int *n_missing, struct error *err)
{
	struct import im = { .path = path, .chat = chat_new(), .err = err };
	int rc = read_file(&im);

	if (rc == 0) {
		*n_missing = count_missing(&im, s);
		rc = store_import(&im, s);
		memcpy(id, im.chat->id, sizeof im.chat->id);
	}
	for (int i = 0; i < im.n_pictures; i++)
		picture_done(&im.pictures[i]);
	free(im.pictures);
	chat_free(im.chat);
	return rc;
}
