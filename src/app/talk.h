/* talk.h: questions and answers. One answer runs at a time; what is sent meanwhile waits in a queue. */
#ifndef APP_TALK_H
#define APP_TALK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "link/link.h"
#include "staged.h"

struct app;

struct queued {
	char *text;
	size_t text_n;
	struct staged pictures;
	int edited;                     /* the question that it takes the place of, or 0 */
	int entry;                      /* on the screen with "[queued]"; 0: not shown */
};

void
queued_done(struct queued *q);

struct talk {
	int ticket;                     /* of the newest answer */
	bool running, stopping;
	int answer, entry;              /* message id and entry of the running one */
	int ms_before;                  /* what an answer that goes on had taken before */
	struct queued *queue;
	int n_queued;
	bool told_pictures;             /* that the model was trained on one */
	enum stage stage;
	long long done, total;          /* of the stage; total 0: text flows */
};

struct message *
talk_answer(struct app *app);                   /* the running one, to be changed */
/* The text and all that is staged. Whatever cannot be sent comes back into the input. */
void
talk_send(struct app *app, const char *text, size_t n);
void
talk_event(struct app *app, const struct event *e);
void
talk_stop(struct app *app);
/* Ends the running answer as it stands: when the program leaves. */
void
talk_end(struct app *app, enum stop stop);
/* The queue back into the input; false when it was empty. */
bool
talk_recall(struct app *app);
/* Sends the oldest that waits, if the engine is free. */
void
talk_next(struct app *app);
/* Empties q: it is said, or back in the input, or held by room.c until the person has chosen. 0: it is said. */
int
talk_ask(struct app *app, struct queued *q);
/* Back into the input, in front of what is typed. */
void
talk_give_back(struct app *app, struct queued *q);
/* The engine has work: an answer runs, or recorded ones are verified. */
bool
talk_is_busy(const struct app *app);
int
talk_check_ready(struct app *app, struct error *err);
/* The same, and the model is loaded and free. */
int
talk_check_free(struct app *app, struct error *err);
/* Lets the worker write the answer m, the newest message; takes the prompt over, whose last n_said tokens are what the
 * answer begins with. temp < 0: as it is set. `entry` shows it. */
void
talk_start(struct app *app, struct message *m, int entry, struct prompt *prompt, int n_said, float temp);
/* The conversation as it stands now on the screen, with all that waits. */
void
talk_repaint(struct app *app);
/* The next prompt with the pictures that are staged, as if this text were sent. */
int
talk_next_prompt(struct app *app, struct prompt *out, const char *text, struct error *err);
/* The tokens of the next prompt with the pictures that are staged and an empty text; -1 if it cannot be built. */
int
talk_count(struct app *app, struct error *err);
int
talk_n_ctx(const struct app *app);
void
talk_clear(struct talk *t);

#endif
