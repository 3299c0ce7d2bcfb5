/* ask.h: one run of `ask`, shared by its files: what goes in, and what came out. */
#ifndef CMD_ASK_H
#define CMD_ASK_H

#include "cmd/asker.h"
#include "cmd/options.h"
#include "cmd/output.h"
#include "cmd/place.h"
#include "cmd/reply.h"
#include "cmd/squares.h"
#include "cmd/talk.h"
#include "engine/engine.h"

struct ask {
	const struct options *o;
	struct output out;
	struct talk talk;
	struct asker *asker;
	const struct card *card;        /* the asker's */
	struct place place;
	struct squares squares;
	struct sampling sampling;
	int question;                   /* id in the chat */
	struct prompt prompt;           /* empty once it is handed over */
	struct ids prompt_ids;          /* a copy, for --prompt-ids */
	int n_prompt, n_picture_tokens;
	struct reply reply;
	int (*hear)(struct ask *a, const struct event *e, struct error *err);   /* the text as it comes; may be NULL */
};

/* ask.c: one question from the talk to the stored answer, for `ask` and for every line of `batch`. */

/* The place, the sampling and the prompt; nothing is stored yet. */
int
ask_prepare(struct ask *a, struct error *err);
/* Stores the question and puts it to the asker. Then asker_hear() until a->reply.over. */
int
ask_put(struct ask *a, struct error *err);
/* Stores the answer. -1: it failed. */
int
ask_end(struct ask *a, struct error *err);
void
ask_done(struct ask *a);        /* all but the asker and the output */

/* report.c: what the JSON forms print; one line each. */
int
report_whole(struct ask *a, struct error *err);
int
report_start(struct ask *a, struct error *err);
int
report_text(struct ask *a, const char *text, size_t n, struct error *err);
int
report_end(struct ask *a, struct error *err);
int
report_error(struct ask *a, const struct error *what, struct error *err);
/* report_whole's figures, for another object. */
struct json_t;
void
report_add_figures(struct json_t *to, const struct ask *a);

/* prompt.c: the question and what was said before as a prompt, within the context. */
int
ask_prompt(struct ask *a, struct error *err);

#endif
