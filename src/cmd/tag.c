/* tag.c: puts tags on a session, takes them off, or prints them; one record more in its file for each change. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/shelf.h"

static const char *
name_of(const char *change)
{
	return change[0] == '+' || change[0] == '-' ? change + 1 : change;
}

static int
check(const struct options *o, struct error *err)
{
	if (o->n_operands == 0) {
		error_set(err, CODE_USAGE, "tag needs a session");
		return error_hint(err, "ivchat tag last +work");
	}
	for (int i = 1; i < o->n_operands; i++)
		if (!tag_valid(name_of(o->operands[i]))) {
			error_set(err, CODE_USAGE, "'%s' cannot be a tag", o->operands[i]);
			return error_hint(err, "a word of at most %d bytes without spaces and commas: +work", TAG_MAX_BYTES);
		}
	return 0;
}

static void
print(const struct chat *chat)
{
	for (int i = 0; i < chat->tags.n; i++) {
		cmd_print(stdout, chat->tags.at[i], strlen(chat->tags.at[i]));
		putchar('\n');
	}
}

/* A change that changes nothing leaves no record. */
static int
put(struct session *writer, struct chat *chat, const char *change, struct error *err)
{
	bool on = change[0] != '-';

	if (tags_has(&chat->tags, name_of(change)) == on)
		return 0;
	tags_set(&chat->tags, name_of(change), on);
	return session_put_tag(writer, name_of(change), on, err);
}

static int
change_all(struct shelf *shelf, struct chat *chat, const struct options *o, struct error *err)
{
	struct session *writer = session_resume(shelf->store, chat, err);
	int failed = 0;

	if (!writer)
		return -1;
	for (int i = 1; i < o->n_operands && !failed; i++)
		failed = put(writer, chat, o->operands[i], err);
	session_close(writer);
	return failed;
}

static int
run(const struct command *self, struct options *o)
{
	struct shelf shelf = {0};
	struct error err = {0};
	struct chat *chat = NULL;
	bool read_only;
	int failed;

	(void)self;
	failed = check(o, &err) < 0 || shelf_open(&shelf, o, &err) < 0 ||
	    !(chat = shelf_read(&shelf, o->operands[0], &read_only, &err));
	if (!failed && o->n_operands == 1)
		print(chat);
	else if (!failed)
		failed = change_all(&shelf, chat, o, &err);
	chat_free(chat);
	shelf_close(&shelf);
	return failed ? cmd_fail(&err) : CODE_OK;
}

const struct command cmd_tag = {
	"tag", "WHICH [+T] [-T]...", "Put tags on a session or take them off; without any, print them.", OPT_TAGS, run,
};
