/* place.h: where the conversation of an `ask` stands: a session on disk, new or gone on with, or nowhere
 * (--no-save). */
#ifndef CMD_PLACE_H
#define CMD_PLACE_H

#include <stdbool.h>

#include "cmd/options.h"
#include "cmd/shelf.h"
#include "cmd/talk.h"

struct place {
	struct shelf shelf;
	struct chat *chat;
	struct session *writer;         /* NULL: nothing is kept */
	int first;                      /* id of the first message that this run said */
	int first_system;               /* index of the first change of the system message, likewise */
	int first_drop;                 /* of what was dropped from the context */
	int answer;                     /* id, or 0 */
	struct error trouble;           /* the first record that could not be written; code 0: none */
};

/* Opens what -c, -s, --no-save say, and takes the writer's place. */
int
place_open(struct place *p, const struct options *o, const struct card *card, struct error *err);
/* Says the talk in the chat, in memory; returns the id of the question. */
int
place_say(struct place *p, const struct talk *talk, const struct options *o);
/* Writes it. Failures from here on are kept in `trouble`: the answer goes on without the disk. */
void
place_put_question(struct place *p, const struct talk *talk, const struct options *o);

struct message *
place_answer(struct place *p);          /* made by the first call; lent */
void
place_put_part(struct place *p);
void
place_put_answer(struct place *p);
void
place_close(struct place *p);

#endif
