/* rename.c: gives a session another name; one record more in its file. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/shelf.h"

static int
put_name(struct shelf *shelf, struct chat *chat, const char *name, struct error *err)
{
	struct session *writer = session_resume(shelf->store, chat, err);
	int failed;

	if (!writer)
		return -1;
	chat_set_name(chat, name);
	failed = session_put_name(writer, name, err);
	session_close(writer);
	return failed;
}

static int
rename_session(struct shelf *shelf, const struct options *o, struct error *err)
{
	const char *name = o->operands[1];
	bool read_only;
	struct chat *chat;
	int failed;

	if (!name[0] || !text_valid(name, strlen(name)))
		return error_set(err, CODE_USAGE, "the name must be text in UTF-8, and not empty");
	if (shelf_open(shelf, o, err) < 0 || !(chat = shelf_read(shelf, o->operands[0], &read_only, err)))
		return -1;
	if (read_only)
		failed = error_set(err, CODE_INPUT,
		    "session %s was written by a newer version: it is read only", chat->id);
	else
		failed = put_name(shelf, chat, name, err);
	chat_free(chat);
	return failed;
}

static int
run(const struct command *self, struct options *o)
{
	struct shelf shelf = {0};
	struct error err = {0};
	int failed;

	if (o->n_operands != 2) {
		error_set(&err, CODE_USAGE, "%s needs a session and a name", self->name);
		error_hint(&err, "ivchat rename last 'my cat'");
		return cmd_fail(&err);
	}
	failed = rename_session(&shelf, o, &err);
	shelf_close(&shelf);
	return failed ? cmd_fail(&err) : CODE_OK;
}

const struct command cmd_rename = {"rename", "WHICH NAME", "Give a session another name.", OPT_CONF, run};
