/* export.c: a session in another format, to standard output or into a file. */
#include "config.h"

#include "export/export.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "base/alloc.h"
#include "base/file.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/shelf.h"

static bool
to_file(const struct options *o)
{
	return o->out && strcmp(o->out, "-") != 0;
}

static const struct export_format *
choose_format(const struct options *o)
{
	const struct export_format *format = NULL;

	if (o->format)
		return export_find(o->format);
	if (to_file(o))
		format = export_of_file(o->out);
	return format ? format : export_find("md");
}

/* On a terminal nothing acts on it; a recording is made to act. */
static int
put(const struct options *o, const struct buf *bytes, struct error *err)
{
	if (to_file(o))
		return export_put_file(o->out, buf_text(bytes), bytes->n, o->force, err);
	cmd_print(stdout, buf_text(bytes), bytes->n);
	return fflush(stdout) == 0 ? 0 : error_set(err, CODE_STORE, "cannot write to standard output");
}

static void
tell_missing(int n)
{
	if (n > 0)
		fprintf(stderr, "ivchat: %d picture%s not in the store: only the name%s exported\n", n,
		    n == 1 ? " is" : "s are", n == 1 ? " is" : "s are");
}

static int
write_chat(struct shelf *shelf, const struct chat *chat, const struct options *o, struct error *err)
{
	char *pictures = to_file(o) ? xasprintf("%s.pictures", o->out) : NULL;
	struct export e = {
		.store = shelf->store, .chat = chat, .all_branches = o->branches && strcmp(o->branches, "all") == 0,
		.embed = o->embed, .pictures = pictures, .force = o->force,
	};
	struct buf bytes = {0};
	int failed;

	app_look(&e);
	failed = export_write(choose_format(o), &e, &bytes, err);

	if (!failed)
		failed = put(o, &bytes, err);
	if (!failed)
		tell_missing(e.n_missing);
	buf_done(&bytes);
	free(pictures);
	return failed;
}

/* What cannot be written is known before any picture is copied. */
static int
check(const struct options *o, struct error *err)
{
	if (o->n_operands != 1) {
		error_set(err, CODE_USAGE, "export needs one session");
		return error_hint(err, "ivchat export last -o talk.html");
	}
	if (to_file(o) && !o->force && file_exists(o->out)) {
		error_set(err, CODE_STORE, "'%s' is already there", o->out);
		return error_hint(err, "-f overwrites it");
	}
	return 0;
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
	    !(chat = shelf_read(&shelf, o->operands[0], &read_only, &err)) ||
	    write_chat(&shelf, chat, o, &err) < 0;
	chat_free(chat);
	shelf_close(&shelf);
	return failed ? cmd_fail(&err) : CODE_OK;
}

const struct command cmd_export = {
	"export", "WHICH", "Write a session as Markdown, HTML, JSON, text or recording.", OPT_EXPORT, run,
};
