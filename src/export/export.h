/* export.h: the door of export/: conversations as Markdown, HTML, JSON, text and terminal recordings, and JSON back into
 * conversations.
 *
 *     struct export e = { .store = store, .chat = chat };
 *     export_write(export_find("html"), &e, &out, &err)       then the bytes of out go where the caller wants
 *     import_file(store, path, id, &n_missing, &err)
 *
 * Pictures come from the store by their hash. One that is not there is named instead of shown, and counted.
 */
#ifndef EXPORT_EXPORT_H
#define EXPORT_EXPORT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"
#include "chat/chat.h"
#include "picture/picture.h"
#include "store/store.h"

/* Draws a picture for a terminal with sixel graphics; returns the rows it takes, or -1. */
typedef int (*export_draw)(const struct picture *picture, struct buf *out);

/* An answer's Markdown as HTML; the caller frees. */
typedef char *(*export_html_text)(const char *text, size_t n);

struct export {
	struct store *store;
	const struct chat *chat;
	bool all_branches;              /* else the current one; json has all in any case */
	bool embed;                     /* md, json: pictures inside */
	const char *pictures;           /* md: the folder to copy pictures to, made when there are any; or NULL */
	bool force;                     /* pictures may be overwritten */
	export_draw draw;               /* cast: or NULL, names instead */
	export_html_text html;          /* html: or NULL, answers as they were written */
	int n_missing;                  /* pictures that are not in the store, or damaged */
};

struct export_format {
	const char *name;               /* "md", also the suffix of its files */
	const char *other;              /* another suffix, or NULL */
	int (*write)(struct export *e, struct buf *out, struct error *err);
};

/* All of them, NULL at the end. */
extern const struct export_format *const export_formats[];

const struct export_format *
export_find(const char *name);                  /* NULL: there is none */
const struct export_format *
export_of_file(const char *path);               /* by its suffix */

/* Appends the whole conversation to out. */
int
export_write(const struct export_format *format, struct export *e, struct buf *out, struct error *err);

/* One message with label, pictures as lines and mark: what `show` prints too. */
void
export_text_message(struct buf *out, const struct message *m);

/* Writes a new file; one that is there is replaced only with `force`. CODE_STORE. */
int
export_put_file(const char *path, const void *bytes, size_t n, bool force, struct error *err);

/* A file that `export --format json` wrote, or a list of {"role", "content"}, as a new session. All of the file is
 * checked before anything is stored. CODE_INPUT names file and place. *n_missing: pictures whose bytes are neither in
 * the file nor in the store. */
int
import_file(struct store *s, const char *path, char id[32], int *n_missing, struct error *err);

#endif
