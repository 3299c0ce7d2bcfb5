/* link.h: the door of link/: the one place where threads meet. The main thread submits requests and takes
 * events; the worker thread is the only caller of the running half of engine.h. A message is made by one
 * side, handed over whole and freed by the other, and so it can travel to an engine in another process (apart.h). */
#ifndef LINK_LINK_H
#define LINK_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "chat/chat.h"
#include "engine/engine.h"

struct link;

/* A program that has links begins with this: started with that word as its only argument, it carries out what one of
 * its own links asks, which has lost its GPU (apart.h), and ends. CODE_USAGE: no link has started it. */
#define LINK_SERVE "--serve-link"
int
link_serve(struct error *err);

/* Starts the worker, with no signal but faults coming to it. The card must outlive the link. */
struct link *
link_start(const struct card *card, const struct engine_options *options, struct error *err);

/* Ends: stop flag, join; frees everything that waits, but what link_leave() said before is done. */
void
link_end(struct link *l);
/* Its first half, for so long at most: false when the worker is still at it. link_end() has to follow. */
bool
link_end_within(struct link *l, int ms);
bool
link_is_keeping(const struct link *l);          /* the worker writes a file of link_leave() */

/* Readable (POLLIN) while events wait. At most one wake byte is outstanding. */
int
link_fd(const struct link *l);

/* ---- requests; answered in order */

void
link_load(struct link *l);                                      /* → PROGRESS… then READY or FAILED */
void
link_see_take(struct link *l, struct pixels *pixels); /* fill the picture cache early; no event unless FAILED */
/* The beginning of a prompt that is sure to come: computed as far as time allows, so that the question has less to wait for.
 * A favour: any request after it ends it, one that still waits makes room for a newer one, and there is no event unless
 * the engine FAILED. Taken over; *prompt is empty afterwards. */
void
link_warm_take(struct link *l, struct prompt *prompt);

/* The conversation is left. What was computed of it since it was restored, or since the one before was left, is kept in this
 * file, for which the oldest files beside it make room: together they have max_bytes at most. path NULL: none of it is
 * ever kept. A favour that a question ends; failures go to the log, and there is no event unless the engine FAILED. */
void
link_leave(struct link *l, const char *path, long long max_bytes);
/* The conversation to come was kept in this file. The same kind of favour, but a question waits for it. */
void
link_restore(struct link *l, const char *path);

struct question {
	int ticket;             /* the caller's number, repeated in every event of this answer */
	struct prompt prompt;
	struct sampling sampling;
	int max_tokens;
	int n_said;             /* of the prompt's last tokens, those of an answer that goes on: only what follows comes
	                           in events, with the white space between */
	int n_best;             /* log probabilities wanted per token, 0 = none */
	bool fresh;             /* computed from nothing, whatever was asked before */
	struct seg *segs;       /* how the prompt is to be computed; NULL: as is quickest. Taken over */
	int n_segs;
};

/* → PROGRESS… TEXT… then DONE or FAILED. Contents are taken over; *q is empty afterwards. */
void
link_ask_take(struct link *l, struct question *q);

/* Stops the answer or the load that runs now (one atomic). An answer that is only queued ends as STOP_USER
 * too. */
void
link_stop(struct link *l);

/* ---- events */

enum event_kind { EVENT_PROGRESS, EVENT_READY, EVENT_TEXT, EVENT_DONE, EVENT_FAILED };

struct token {
	int32_t id;
	int ms;                 /* since the question was taken up by the worker */
	float logprob;
	int n_best;
	struct candidate *best; /* n_best of them, or NULL */
};

struct event {
	struct event *next;
	enum event_kind kind;
	int ticket;             /* 0 for load, see and warm */
	/* PROGRESS */
	enum stage stage;
	long long done, total;
	/* TEXT: whole characters, white space at the ends held back; tokens that came since the last event */
	char *text;
	size_t text_n;
	struct token *tokens;
	int n_tokens;
	/* DONE (text and tokens may hold the last ones) */
	enum stop stop;
	struct sync_report sync;
	struct guess_report guesses;    /* of this answer */
	int ms_prefill, ms_first, ms_total;     /* first: until the first token */
	struct seg *segs;       /* how the prompt was computed; empty when it was not */
	int n_segs;
	/* READY */
	char *device;
	int ms_load;
	/* FAILED */
	struct error error;
};

/* All that wait, oldest first, or NULL. The caller frees each. */
struct event *
link_take(struct link *l);
void
event_free(struct event *e);

#endif
