/* rm.c: sessions into the trash, out of it again, and for good; and pictures that no session names. Asks first, unless -f; without a terminal to
 * ask on it does nothing rather than guess. */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "cmd/cmd.h"
#include "cmd/shelf.h"

/* 1 yes, 0 no, -1 nobody can be asked. */
static int
ask(const char *question, struct error *err)
{
	char line[64];

	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
		error_set(err, CODE_USAGE, "rm asks first, and there is no terminal to ask on");
		return error_hint(err, "ivchat rm -f …");
	}
	fputs(question, stderr);
	fputs(" [y/N] ", stderr);
	return fgets(line, sizeof line, stdin) && (line[0] == 'y' || line[0] == 'Y');
}

static int
ask_session(struct shelf *shelf, const char *id, struct error *err)
{
	bool read_only;
	struct chat *chat = store_read(shelf->store, id, NULL, &read_only, err);
	char *title = chat ? chat_title(chat) : xstrdup("(unreadable)");
	char *question = xasprintf("move %s \"%s\" to the trash?", id, title);
	int yes = ask(question, err);

	free(question);
	free(title);
	chat_free(chat);
	return yes;
}

static int
trash(struct shelf *shelf, const char *which, const struct options *o, struct error *err)
{
	char id[32];
	int yes;

	if (store_find(shelf->store, which, id, err) < 0)
		return -1;
	yes = o->force ? 1 : ask_session(shelf, id, err);
	return yes <= 0 ? yes : store_trash(shelf->store, id, err);
}

static int
empty_trash(struct shelf *shelf, const struct options *o, struct error *err)
{
	int yes = o->force ? 1 : ask("remove everything in the trash for good?", err), n = 0;

	if (yes <= 0)
		return yes;
	if (store_empty_trash(shelf->store, 0, &n, err) < 0)
		return -1;
	if (!o->quiet)
		fprintf(stderr, "%d removed\n", n);
	return 0;
}

static int
collect(struct shelf *shelf, const struct options *o, struct error *err)
{
	struct garbage found = {0};
	char *question;
	int yes;

	if (store_collect(shelf->store, false, &found, err) < 0)
		return -1;
	question = xasprintf("remove %d picture%s, %lld bytes, that no session names?", found.n,
	    found.n == 1 ? "" : "s", found.bytes);
	yes = o->force || found.n == 0 ? 1 : ask(question, err);
	free(question);
	if (yes <= 0)
		return yes;
	if (store_collect(shelf->store, true, &found, err) < 0)
		return -1;
	if (!o->quiet)
		fprintf(stderr, "%d picture%s, %lld bytes removed\n", found.n, found.n == 1 ? "" : "s",
		    found.bytes);
	return 0;
}

static int
each(struct shelf *shelf, const struct options *o, struct error *err)
{
	int failed = 0, n_old;

	for (int i = 0; i < o->n_operands && !failed; i++)
		failed = o->restore ? store_restore(shelf->store, o->operands[i], err) :
		    trash(shelf, o->operands[i], o, err);
	if (!o->restore)
		store_empty_trash(shelf->store, o->conf->trash_days, &n_old, NULL);
	return failed;
}

static int
remove_what(struct shelf *shelf, const struct options *o, struct error *err)
{
	if (o->gc)
		return collect(shelf, o, err);
	return o->empty_trash ? empty_trash(shelf, o, err) : each(shelf, o, err);
}

static int
check(const struct options *o, struct error *err)
{
	const char *whole = o->empty_trash ? "--empty-trash" : o->gc ? "--gc" : NULL;

	if (o->restore + o->empty_trash + o->gc > 1)
		return error_set(err, CODE_USAGE, "--restore, --empty-trash and --gc do not go together");
	if (whole && o->n_operands > 0)
		return error_set(err, CODE_USAGE, "%s takes no session: '%s'", whole, o->operands[0]);
	if (!whole && o->n_operands == 0) {
		error_set(err, CODE_USAGE, "rm needs a session");
		return error_hint(err, "ivchat ls");
	}
	return 0;
}

static int
run(const struct command *self, struct options *o)
{
	struct shelf shelf = {0};
	struct error err = {0};
	int failed;

	(void)self;
	failed = check(o, &err) < 0 || shelf_open(&shelf, o, &err) < 0 || remove_what(&shelf, o, &err) < 0;
	shelf_close(&shelf);
	return failed ? cmd_fail(&err) : CODE_OK;
}

const struct command cmd_rm = {
	"rm", "WHICH...", "Move sessions to the trash, where they are kept for 30 days.", OPT_RM, run,
};
