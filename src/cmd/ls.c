/* ls.c: the sessions, newest first: a table for people, TAB separated for programs, or JSON. */
#include "config.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/shelf.h"

/* "2026-08-23T14:15:03.120Z" → "2026-08-23 14:15". */
static void
print_row(const struct session_info *s, bool table)
{
	if (table)
		printf("%-20s  %.10s %.5s  %4d  %4d  ", s->id, s->used,
		    strlen(s->used) > 11 ? s->used + 11 : "", s->n_turns, s->n_pics);
	else
		printf("%s\t%s\t%d\t%d\t", s->id, s->used, s->n_turns, s->n_pics);
	cmd_print(stdout, s->title, strlen(s->title));
	putchar('\n');
}

static void
print_rows(const struct session_info *list, int n)
{
	bool table = isatty(STDOUT_FILENO);

	if (table && n > 0)
		printf("%-20s  %-16s  %4s  %4s  %s\n", "id", "used (UTC)", "turn", "pics", "name");
	for (int i = 0; i < n; i++)
		print_row(&list[i], table);
}

static void
print_json(const struct session_info *list, int n)
{
	json_t *all = json_array();

	for (int i = 0; i < n; i++) {
		const struct session_info *s = &list[i];

		json_array_append_new(all,
		    json_pack("{s:s, s:s, s:s, s:i, s:i, s:s, s:b, s:s}", "id", s->id, "made", s->made,
		        "used", s->used, "turns", s->n_turns, "pictures", s->n_pics, "name", s->title,
		        "named", s->named, "path", s->path));
	}
	json_dumpf(all, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(all);
}

static int
run(const struct command *self, struct options *o)
{
	struct shelf shelf;
	struct error err = {0};
	struct session_info *list = NULL;
	int n = 0, failed;

	(void)self;
	if (o->n_operands > 0) {
		error_set(&err, CODE_USAGE, "ls takes no operand: '%s'", o->operands[0]);
		error_hint(&err, "ivchat show %s", o->operands[0]);
		return cmd_fail(&err);
	}
	failed = shelf_open(&shelf, &err) < 0 || store_list(shelf.store, &list, &n, &err) < 0;
	if (!failed && o->json)
		print_json(list, o->limit && o->limit < n ? o->limit : n);
	else if (!failed)
		print_rows(list, o->limit && o->limit < n ? o->limit : n);
	session_list_free(list, n);
	shelf_close(&shelf);
	return failed ? cmd_fail(&err) : CODE_OK;
}

const struct command cmd_ls = {
	"ls", "", "List sessions, newest first: id, date, turns, pictures, name.", OPT_LIST, run,
};
