/* chat.h: the door of chat/: one conversation as pure data. A tree of messages; the branch from the root to `head` is
 * what is said now. Nothing is ever overwritten: a new answer, an edit, an undo move the head. No I/O here. */
#ifndef CHAT_CHAT_H
#define CHAT_CHAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "engine/engine.h"

enum stop {
	STOP_NONE,              /* not ended: being written, or the writer was killed */
	STOP_EOS,               /* the model ended it */
	STOP_LENGTH,            /* max_tokens */
	STOP_USER,              /* Ctrl-C */
	STOP_CONTEXT,           /* the context was full */
	STOP_ERROR,             /* the engine failed */
	STOP_HANGUP,            /* the terminal went away, or SIGTERM */
};
const char *
stop_name(enum stop s);         /* "eos", "length", …; STOP_NONE: "part" */
enum stop
stop_from_name(const char *name);

/* A picture as a message names it; its bytes are in the store under sha. */
struct pic {
	int n;                  /* picture #n of the session */
	char sha[65];
	char *name;             /* owned */
	char *type;             /* owned, "image/png" */
	int width, height;
};

struct message {
	int id;                 /* 1 … in order of appearance in the session */
	int up;                 /* parent, 0 = root */
	enum role role;         /* ROLE_USER or ROLE_ANSWER */
	char at[32];            /* UTC */
	char *text;
	size_t text_n;
	struct pic *pics;
	int n_pics;
	bool pinned;            /* questions: their turn is never dropped */
	/* answers */
	enum stop stop;
	struct sampling sampling;
	int max_tokens;
	int32_t *ids;           /* generated ids, the stop id left out */
	int n_ids;
	int *ms;                /* when each id came, since the question was sent; NULL or n_ids */
	int n_prompt, n_reused; /* tokens of the prompt, and of them taken from the cache */
	struct seg *segs;       /* how the prompt was computed; n_segs 0: not known */
	int n_segs;
	int cont;               /* id of the shorter answer that this one continues, or 0 */
	int n_given;            /* of ids, those that stood already when it went on */
	bool edited;            /* the words, or the first of them, are a person's, who changed another answer */
	char *build, *device;   /* owned, may be NULL */
};

/* The system message from a place on: applies to questions below message `up` on the branch, the last one wins. */
struct system_change {
	int up;                 /* head when it was changed; 0 = from the start */
	char *text;             /* NULL: back to the model's own; "": none */
};

/* Turns that the model does not see any more, from a place on: what answers questions below message `up` is told nothing
 * of them. A turn is named by its question. Of several drops of a turn the last one says how it is. */
struct drop {
	int up;                 /* head when they were dropped */
	int *ids;
	int n;
	bool back;              /* the other way: they are seen again */
};

/* What a person wrote down beside the conversation, below message `up`: the model is never told of it. */
struct note {
	int up;                 /* head when it was written; 0 = before the first message */
	char at[32];            /* UTC */
	char *text;
	size_t text_n;
};

/* tags.c: words to sort conversations by. A tag is text without spaces, commas and control characters that does not
 * begin with + or -. */
#define TAG_MAX_BYTES 64

struct tags {
	char **at;
	int n;
};

bool
tag_valid(const char *tag);
bool
tags_has(const struct tags *t, const char *tag);
void
tags_set(struct tags *t, const char *tag, bool on);     /* adds or takes away; the same twice is once */
void
tags_done(struct tags *t);

struct chat {
	char id[32];            /* "20260823-141503-7f3a" */
	char made[32];
	char *name;             /* or NULL */
	struct tags tags;
	char *model_name, *model_digest;        /* or NULL */
	char *origin;           /* the session that this one was made from, or NULL */
	struct message *messages;               /* messages[id - 1] */
	int n_messages;
	struct system_change *systems;
	int n_systems;
	struct drop *drops;
	int n_drops;
	struct note *notes;
	int n_notes;
	int head;               /* id of the current leaf, 0 = empty */
	int n_pics;             /* highest picture number given out */
};

struct chat *
chat_new(void);                 /* no id yet: the store gives it at the first write */
void
chat_free(struct chat *c);

/* Appends a message below the head and makes it the head; texts and pictures are copied, `at` is now, other fields are
 * set to nothing. A picture whose n is 0 gets the session's next number. Returned pointer: lent until the next append. */
struct message *
chat_add_user(struct chat *c, const char *text, size_t n, const struct pic *pics, int n_pics);
struct message *
chat_add_answer(struct chat *c);        /* empty text, STOP_NONE */
/* A longer answer in the place of answer `id` (its parent, a copy of its text, ids and times, cont = id), to be written
 * on; the shorter one stays, but is no longer counted as a branch. NULL: no such answer. */
struct message *
chat_add_continued(struct chat *c, int id);
/* The same with id and parent as a file gives them (id must be n_messages + 1, up below it). NULL if they are not. */
struct message *
chat_add_as(struct chat *c, int id, int up, enum role role);
/* Copies a picture into a message; numbers as chat_add_user gives them. */
void
chat_add_pic(struct chat *c, struct message *m, const struct pic *pic);
void
message_append(struct message *m, const char *text, size_t n);
void
message_set_text(struct message *m, const char *text, size_t n);
void
message_add_id(struct message *m, int32_t id, int ms);
void
message_set_segs(struct message *m, const struct seg *segs, int n);

/* marks.c: "[stopped]", "[edited] [cut at 512]", behind what stands in out; nothing for an answer that ended by itself.
 * live: it may be going on. */
void
message_mark(const struct message *m, bool live, struct buf *out);

const struct message *
chat_message(const struct chat *c, int id);     /* NULL when there is none */
int
chat_branch(const struct chat *c, int leaf, int **ids); /* root first; the caller frees; returns how many */
/* The messages with the parent of `id`, itself among them, oldest first, without shorter answers that another one
 * continues. The caller frees; returns how many (0: no such message). */
int
chat_siblings(const struct chat *c, int id, int **ids);
/* The newest leaf below `id`, or id itself: where going to another branch leads. */
int
chat_leaf_below(const struct chat *c, int id);
/* Whether what was changed or noted at message `up` stands at message `id`: the same, or one that continues it. */
bool
chat_is_at(const struct chat *c, int up, int id);
int
chat_question_of(const struct chat *c, int id); /* the question of the turn that `id` belongs to, 0: there is none */
int
chat_n_turns(const struct chat *c);             /* questions on the current branch */
int
chat_parent_turn(const struct chat *c);         /* where /undo goes: the id above the last question, or -1 */
int
chat_set_head(struct chat *c, int id);          /* 0 or a message; -1 if there is none */
void
chat_set_name(struct chat *c, const char *name);
void
chat_set_system(struct chat *c, const char *text);      /* from the head on */
void
chat_add_system(struct chat *c, int up, const char *text);      /* from message `up` on, as a file gives it */
/* The system message in force for a question below `leaf`: the deepest change on its branch, of several at one place
 * the newest. NULL = the model's own. */
const char *
chat_system(const struct chat *c, int leaf);

/* The branch that ends in `leaf` as a conversation of its own: whole messages with new ids, system messages, drops,
 * pins and notes that count there. The new one has no id and no name; its origin is the old one's id. */
struct chat *
chat_fork(const struct chat *c, int leaf);

/* The title a list shows: the name, or the first 60 characters of the first question on one line (its picture's name
 * when it has no text). Caller frees. */
char *
chat_title(const struct chat *c);
char *
chat_title_from(const char *question, size_t n);

/* assemble.c: the branch that ends in `leaf` as a prompt. `pixels_of` finds the square of a picture by its hash (lent
 * until prompt_assemble returns), or NULL with err set. An answer without text (stopped before it said anything) and
 * its question stay in: the template leaves an empty answer out as the official code does. */
typedef const struct pixels *(*pixels_fn)(void *arg, const struct pic *pic, struct error *err);
int
chat_assemble(struct prompt *out, const struct chat *c, int leaf, const struct card *card, pixels_fn pixels_of, void *arg,
    struct error *err);

/* drops.c */
struct drop *
chat_add_drop(struct chat *c, int up, const int *ids, int n);   /* ids are copied; lent until the next one */
void
chat_pin(struct chat *c, int id, bool on);      /* id: of a question */
/* By id, [n_messages + 1]: whether the model is not told of the message by a question below `place`. The caller frees. */
bool *
chat_left_out(const struct chat *c, int place);

/* notes.c. Lent until the next one. at NULL: now. */
const struct note *
chat_add_note(struct chat *c, int up, const char *at, const char *text, size_t n);
/* The first note at message `id` from the (*from)th of all on, which moves behind it; NULL: there is no more. */
const struct note *
chat_next_note(const struct chat *c, int id, int *from);

/* budget.c: what fits, what would be dropped. */

struct turn_size {
	int id;                 /* the question */
	int n_tokens;           /* of the prompt: 0 of a dropped turn, whose pictures need not be there */
	bool pinned, dropped;
};

/* Chooses the oldest turns to drop, whole and none that is pinned, until `excess` tokens are free. ids [n] gets their
 * questions, oldest first; returns how many, or -1 when all that may go are not enough. Pure. */
int
budget_drop(const struct turn_size *turns, int n, int excess, int *ids);
/* The size of each turn above a question below `place`, oldest first. Returns how many, or -1. The caller frees. */
int
chat_measure(const struct chat *c, int place, const struct card *card, pixels_fn pixels_of, void *arg,
    struct turn_size **out, struct error *err);

#endif
