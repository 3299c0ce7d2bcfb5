/* ls.c: the sessions, newest first: a table for people, TAB separated for programs, or JSON. And whether all
 * of them are whole. */
#include "config.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/paint.h"
#include "cmd/shelf.h"

/* After the name; a column of its own only where there are some. */
static void
print_tags(const struct painter *p, const struct tags *tags, bool table)
{
	const char *on = paint_on(p, PAINT_GOOD), *off = paint_off(p, PAINT_GOOD);

	for (int i = 0; i < tags->n; i++)
		printf("%s%s%s%s%s", table ? "  " : i ? "," : "\t", on, table ? "+" : "", tags->at[i], off);
}

/* "2026-08-23T14:15:03.120Z" → "2026-08-23 14:15". */
static void
print_row(const struct painter *p, const struct session_info *s, bool table)
{
	const char *on = paint_on(p, PAINT_NAME), *off = paint_off(p, PAINT_NAME);
	const char *faint = paint_on(p, PAINT_FAINT), *end = paint_off(p, PAINT_FAINT);

	if (table)
		printf("%s%-20s%s  %s%.10s %.5s%s  %4d  %4d  ", on, s->id, off, faint, s->used,
		    strlen(s->used) > 11 ? s->used + 11 : "", end, s->n_turns, s->n_pics);
	else
		printf("%s%s%s\t%s%s%s\t%d\t%d\t", on, s->id, off, faint, s->used, end, s->n_turns, s->n_pics);
	paint_text(p, PAINT_TEXT, s->title, strlen(s->title));
	print_tags(p, &s->tags, table);
	putchar('\n');
}

static void
print_rows(const struct options *o, const struct session_info *list, int n)
{
	const struct painter p = painter_of(o);
	bool table = isatty(STDOUT_FILENO);

	if (table && n > 0)
		printf("%s%-20s  %-16s  %4s  %4s  %s%s\n", paint_on(&p, PAINT_HEAD), "id", "used (UTC)", "turn", "pics",
		    "name", paint_off(&p, PAINT_HEAD));
	for (int i = 0; i < n; i++)
		print_row(&p, &list[i], table);
}

static json_t *
tag_list(const struct tags *tags)
{
	json_t *list = json_array();

	for (int i = 0; i < tags->n; i++)
		json_array_append_new(list, json_string(tags->at[i]));
	return list;
}

static void
print_json(const struct session_info *list, int n)
{
	json_t *all = json_array();

	for (int i = 0; i < n; i++) {
		const struct session_info *s = &list[i];

		json_array_append_new(all,
		    json_pack("{s:s, s:s, s:s, s:i, s:i, s:s, s:b, s:s, s:o}", "id", s->id, "made", s->made,
		        "used", s->used, "turns", s->n_turns, "pictures", s->n_pics, "name", s->title,
		        "named", s->named, "path", s->path,
		        "tags", tag_list(&s->tags)));
	}
	json_dumpf(all, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(all);
}

/* Moves those with the tag to the front, in their order; returns how many they are. */
static int
choose(struct session_info *list, int n, const char *tag)
{
	int chosen = 0;

	for (int i = 0; i < n; i++)
		if (tags_has(&list[i].tags, tag)) {
			struct session_info one = list[i];

			list[i] = list[chosen];
			list[chosen++] = one;
		}
	return chosen;
}

static int
list_sessions(struct shelf *shelf, const struct options *o, struct error *err)
{
	struct session_info *list;
	int n, shown;

	if (store_list(shelf->store, &list, &n, err) < 0)
		return err->code;
	shown = o->tag ? choose(list, n, o->tag) : n;
	if (o->limit && o->limit < shown)
		shown = o->limit;
	o->json ? print_json(list, shown) : print_rows(o, list, shown);
	session_list_free(list, n);
	return CODE_OK;
}

static void
print_problem(void *arg, const char *line)
{
	(void)arg;
	cmd_print(stdout, line, strlen(line));
	putchar('\n');
}

static int
check(struct shelf *shelf, const struct options *o, struct error *err)
{
	int problems;

	if (o->json || o->tag || o->limit) {
		error_set(err, CODE_USAGE, "--check looks at everything: no --json, --tag, --limit");
		return err->code;
	}
	problems = store_check(shelf->store, print_problem, NULL, err);
	if (problems < 0)
		return err->code;
	if (problems > 0 && !o->quiet)
		fprintf(stderr, "%d problem%s\n", problems, problems == 1 ? "" : "s");
	return problems > 0 ? CODE_NEGATIVE : CODE_OK;
}

static int
run(const struct command *self, struct options *o)
{
	struct shelf shelf;
	struct error err = {0};
	int status;

	(void)self;
	if (o->n_operands > 0) {
		error_set(&err, CODE_USAGE, "ls takes no operand: '%s'", o->operands[0]);
		error_hint(&err, "ivchat show %s", o->operands[0]);
		return cmd_fail(&err);
	}
	if (shelf_open(&shelf, o, &err) < 0)
		status = err.code;
	else
		status = o->check ? check(&shelf, o, &err) : list_sessions(&shelf, o, &err);
	shelf_close(&shelf);
	return err.code ? cmd_fail(&err) : status;
}

const struct command cmd_ls = {
	"ls", "", "List sessions, newest first: id, date, turns, pictures, name.", OPT_LIST, run,
};
