/* internal.h: private to export/: what the formats share. */
#ifndef EXPORT_INTERNAL_H
#define EXPORT_INTERNAL_H

#include "export/export.h"

extern const struct export_format export_markdown, export_html, export_json, export_text, export_cast;

/* The messages to write: the current branch, or all that no longer answer replaces. The caller frees. */
int
export_messages(const struct export *e, int **ids);

/* "#1 cat.jpg 1280x720", made visible on one line. */
void
export_label(struct buf *out, const struct pic *pic);

const char *
export_role(const struct message *m);           /* "User", "Assistant" */

/* The stored bytes; false counts the picture as missing. */
bool
export_fetch(struct export *e, const struct pic *pic, struct buf *bytes);

/* "2026-08-23 14:15 UTC · InternVL · 3 turns" */
void
export_summary(struct buf *out, const struct chat *chat);

#endif
