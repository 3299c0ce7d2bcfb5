/* talk.h: what a person hands to `ask`: words, standard input, a file of messages, pictures. Read whole
 * before anything else is touched. */
#ifndef CMD_TALK_H
#define CMD_TALK_H

#include "base/error.h"
#include "cmd/options.h"
#include "engine/engine.h"
#include "picture/picture.h"

struct said {
	enum role role;         /* ROLE_USER, ROLE_ANSWER in turn; the last is ROLE_USER */
	char *text;             /* valid UTF-8 */
	size_t n;
};

struct talk {
	char *system;           /* from the file of messages, or NULL */
	struct said *said;
	int n_said;
	struct picture *pictures;
	int n_pictures;
};

int
talk_read(struct talk *t, const struct options *o, struct error *err);

/* What a file of messages holds: [{"role", "content"}, …]; `name` stands for it in messages. */
struct json_t;
int
talk_add_messages(struct talk *t, const char *name, struct json_t *list, struct error *err);
void
talk_add_said(struct talk *t, enum role role, const char *text, size_t n);
void
talk_done(struct talk *t);      /* takes a half-made one too */

#endif
