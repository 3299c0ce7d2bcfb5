/* record.h: private to store/: one line of a session file, written and read. What the kinds hold is in the manual page
 * ivchat-session(5).
 *
 * `part` records hold the text that came since the last part of the same answer (a delta), so that a long answer does
 * not fill the disk with copies of itself. They are void once the answer record is there. */
#ifndef STORE_RECORD_H
#define STORE_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "chat/chat.h"

#define RECORD_VERSION 1

/* Each appends one line with its newline. Keys stand in a fixed order, the text last; text is valid UTF-8, unescaped
 * except for control characters, quotes and backslashes. */
void
record_session(struct buf *out, const struct chat *c);
void
record_user(struct buf *out, const struct message *m);
void
record_part(struct buf *out, const struct message *m, size_t from, size_t to);
void
record_answer(struct buf *out, const struct message *m);
void
record_head(struct buf *out, int head);
void
record_name(struct buf *out, const char *name);
void
record_tag(struct buf *out, const char *tag, bool on);
void
record_system(struct buf *out, const struct system_change *change);
void
record_drop(struct buf *out, const struct drop *drop);
void
record_note(struct buf *out, const struct note *note);
void
record_pin(struct buf *out, int id, bool on);

struct record_reader {
	struct chat *chat;
	bool begun;             /* the session record has been read */
	bool read_only;         /* of a newer version */
	int n_bad;              /* lines that could not be read; raised by the caller */
};

/* Applies one line (without newline) to the chat. -1: it cannot be read, and nothing has changed. */
int
record_read(struct record_reader *r, const char *line, size_t n);

#endif
