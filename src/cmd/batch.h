/* batch.h: what the files of `batch` share: how lines are named and chosen, and which are done already. */
#ifndef CMD_BATCH_H
#define CMD_BATCH_H

#include <stdbool.h>

#include "base/error.h"

/* The keys of lines: what --map renames. */
struct names {
	char *id, *image, *text, *out;
};

/* "id=question_id,text=question"; NULL: as they are. CODE_USAGE. */
int
names_parse(struct names *names, const char *map, struct error *err);
void
names_done(struct names *names);

/* "2/5": of five parts the second. NULL: all. CODE_USAGE. */
struct shard {
	int k, n;
};
int
shard_parse(struct shard *s, const char *text, struct error *err);
bool
shard_has(const struct shard *s, long line);    /* lines count from 1 */

/* The lines that an output holds already, each by its id as compact JSON; an id may be there several times. */
struct answered {
	char **keys;            /* sorted once they are all there; NULL: taken */
	bool *taken;
	int n;
	int n_failed;           /* of them, those that hold an error */
};

/* The key of an id; a line that has none is known by its number. The caller frees. */
struct json_t;
char *
answered_key(const struct json_t *id, long line);
/* Reads an output that an earlier run left. *whole gets the length of its whole lines: the rest is torn. A file that is
 * not such an output is CODE_INPUT. */
int
answered_read(struct answered *a, const struct names *names, const char *name, const char *text, size_t n, size_t *whole,
    struct error *err);
/* True once for every time it is there. */
bool
answered_take(struct answered *a, const char *key);
void
answered_done(struct answered *a);

/* question.c: a line, whose sampling goes into *o (what a->o points to), is made ready to be asked. */
struct ask;
struct options;
int
question_read(struct ask *a, struct options *o, const struct names *names, const struct json_t *line, struct error *err);

#endif
