/* store.h: the door of store/: conversations on disk, so that nothing said is ever lost.
 *
 *     <data>/sessions/2026/20260823-141503-7f3a.jsonl    append-only, one JSON object a line, text as the last key
 *     <data>/sessions/2026/20260823-141503-7f3a.lock     who writes: host, pid, start time
 *     <data>/pictures/a1/a1b2….png                       original bytes by SHA-256, read-only
 *     <data>/trash/                                      what `rm` took, 30 days
 *     <state>/history  <state>/last                      input lines; the session used last
 *
 * Files 0600, folders 0700. Each record is one write(2) with O_APPEND; fdatasync after what is said or noted, and at
 * most once a second while an answer streams. A torn last line is ignored by readers and cut off, into the log, by the
 * next writer. Main thread only.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>

#include "base/error.h"
#include "base/paths.h"
#include "chat/chat.h"
#include "picture/picture.h"

struct store;

/* Makes nothing on disk until something is written. */
struct store *
store_open(const struct paths *paths, struct error *err);
void
store_close(struct store *s);

/* ---- finding. WHICH: full id, unique id prefix or its last part, exact name, "last", "last~N". */

struct session_info {
	char id[32];
	char made[32], used[32];        /* UTC; used = time of the last record */
	char *title;                    /* name, or the first question; one visible line */
	bool named;
	char *path;
	int n_turns, n_pics;
	struct tags tags;
};

/* Newest first. The caller frees with session_list_free. */
int
store_list(struct store *s, struct session_info **out, int *n, struct error *err);
/* One of it; NULL: there is no such session. Freed with session_list_free(info, 1). */
struct session_info *
store_info(struct store *s, const char *id);
void
session_list_free(struct session_info *list, int n);

/* WHICH → id. CODE_INPUT: none, or several (named in the message). */
int
store_find(struct store *s, const char *which, char id[32], struct error *err);
int
store_path(struct store *s, const char *id, char **path, struct error *err);    /* caller frees */

/* ---- reading */

/* The whole session. Lines that cannot be read are skipped and counted in *n_bad (may be NULL); only a file without a
 * readable first record fails (CODE_INPUT). A newer format version opens with *read_only true. */
struct chat *
store_read(struct store *s, const char *id, int *n_bad, bool *read_only, struct error *err);

/* ---- writing: one writer a session */

struct session;

/* A session that is not on disk yet: its file is made by the first record. */
struct session *
session_new(struct store *s, struct chat *chat);
/* Takes the writer's place in an existing one, cutting a torn last line off. CODE_STORE when another writer has it (the
 * message names host and pid). chat must be what store_read gave. */
struct session *
session_resume(struct store *s, struct chat *chat, struct error *err);
/* Lets go; the chat stays the caller's. */
void
session_close(struct session *w);
/* The same without another try to write what waits: all of it is kept elsewhere. */
void
session_abandon(struct session *w);

/* Records. On failure (disk full, I/O error; CODE_STORE) the record is kept in memory and written, in order, before the
 * next one: the caller shows the line and goes on. */
int
session_put_user(struct session *w, const struct message *m, struct error *err);
int
session_put_part(struct session *w, const struct message *m, struct error *err);        /* new text since the last part;
                                                                 writes at most once a second, or when `m` is new */
int
session_put_answer(struct session *w, const struct message *m, struct error *err);
int
session_put_head(struct session *w, int head, struct error *err);
int
session_put_name(struct session *w, const char *name, struct error *err);
int
session_put_tag(struct session *w, const char *tag, bool on, struct error *err);
int
session_put_system(struct session *w, const struct system_change *change, struct error *err);
int
session_put_drop(struct session *w, const struct drop *drop, struct error *err);
int
session_put_note(struct session *w, const struct note *note, struct error *err);
int
session_put_pin(struct session *w, int id, bool on, struct error *err);
/* Everything that a chat holds, as one that was made from another: for a session that has no record yet. */
int
session_put_chat(struct session *w, const struct chat *c, struct error *err);
int
session_retry(struct session *w, struct error *err);    /* 0 when nothing is waiting any more */
int
session_n_waiting(const struct session *w);             /* records that could not be written yet */

/* ---- follow.c: reading along while another process writes */

struct follower;

/* Reads what is there. Its chat is lent, and grows by the steps. */
struct follower *
store_follow(struct store *s, const char *id, struct error *err);
struct chat *
follower_chat(struct follower *f);
bool
follower_step(struct follower *f);              /* true: something was written since the last step, and is in the chat */
struct chat *
follower_close(struct follower *f);             /* the chat is the caller's now; NULL is allowed */

enum store_writer { WRITER_NONE, WRITER_HERE, WRITER_ELSEWHERE };       /* elsewhere: on another host, perhaps dead */
enum store_writer
follower_writer(const struct follower *f);
/* Takes the lock of another host's writer away: only after a person said that it is gone. */
int
store_break_lock(struct store *s, const char *id, struct error *err);

/* ---- pictures */

/* Stores the bytes before the record that names them; already there: nothing to do. */
int
store_put_picture(struct store *s, const struct picture *p, struct error *err);
/* Appends the bytes of a stored picture and checks its hash. CODE_INPUT: missing or damaged. */
int
store_get_picture(struct store *s, const struct pic *pic, struct buf *out, struct error *err);
int
store_copy_picture(struct store *from, struct store *to, const struct pic *pic, struct error *err);

/* ---- looking after: check.c, collect.c */

/* Reads every session and every picture; `report` gets one line for each thing that is not as it should be: a line that
 * cannot be read, a picture that is missing or damaged. Returns how many, or -1 when the folders cannot be read. */
int
store_check(struct store *s, void (*report)(void *arg, const char *line), void *arg, struct error *err);

/* Pictures that no session names, those in the trash included: counts them, or removes them. CODE_STORE when a file
 * that may name some cannot be read, or while a chat is about to name one: then nothing is removed. */
struct garbage {
	int n;
	long long bytes;
};
int
store_collect(struct store *s, bool remove, struct garbage *found, struct error *err);

/* ---- searching: search.c */

enum letters { LETTERS_SMART, LETTERS_IGNORE, LETTERS_EXACT };       /* smart: exact when the pattern has a capital */

struct query {
	const char *pattern;            /* NULL: every message with the picture `sha` */
	enum letters letters;
	bool extended, word;            /* POSIX extended expression; whole words only */
	const char *role;               /* "user", "answer", "note", or NULL for all of them */
	const char *since, *until;      /* "2026", "2026-08", "2026-08-23", or NULL */
	const char *tag, *sha;          /* sessions with this tag, with this picture; or NULL */
};

struct span {
	size_t from, to;
};

/* A message or a note with lines that fit; all lent until the call returns. */
struct found {
	const char *id;                 /* the session */
	int message, turn;              /* of a note, those that it stands below */
	const char *role, *at;
	const char *text;               /* the whole message */
	size_t text_n;
	const struct span *lines;       /* those that fit, without their newlines; without a pattern the first one */
	int n_lines;
};

/* Calls `found` for every message that fits, of every branch, the session used last first, until it returns non-zero.
 * Returns how many calls that were, or -1: CODE_USAGE when the query is wrong. */
int
store_search(struct store *s, const struct query *query, int (*found)(void *arg, const struct found *found), void *arg,
    struct error *err);

/* Where the engine keeps what it computed of a session (engine.h, context_save); removed with it, and so is what a kill
 * left of it, PATH.part. The caller frees. */
char *
store_snapshot_path(const struct store *s, const char *id);

/* ---- trash, history, last */

int
store_trash(struct store *s, const char *id, struct error *err);
int
store_restore(struct store *s, const char *id, struct error *err);
int
store_empty_trash(struct store *s, int older_than_days, int *n_removed, struct error *err);

int
store_set_last(struct store *s, const char *id, struct error *err);

/* Input lines, oldest first, multi-line entries whole; at most `max` are kept. Appending locks the file. */
int
store_history_read(struct store *s, char ***lines, int *n, struct error *err);         /* caller frees all */
int
store_history_add(struct store *s, const char *line, int max, struct error *err);

#endif
