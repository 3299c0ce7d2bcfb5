/* search.c: text in all sessions, newest first: id:turn:role: line. Or the sessions that hold a picture. */
#include "config.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/paint.h"
#include "cmd/shelf.h"

struct printer {
	const struct options *o;
	struct store *store;
	int n;                  /* lines given; with -l sessions */
	char id[32];            /* the session given last */
	json_t *all;            /* --json, or NULL */
	struct painter painter;
};

/* ---- as text */

/* A TAB or a carriage return never breaks the form of a line; on a terminal nothing acts on it. */
static void
print_line(const struct printer *p, const struct found *f, char sign, size_t from, size_t to)
{
	struct buf line = {0};

	buf_printf(&line, "%s%s%s%s%c%d%c%s%c%s ", paint_on(&p->painter, PAINT_NAME), f->id,
	    paint_off(&p->painter, PAINT_NAME), paint_on(&p->painter, PAINT_FAINT), sign, f->turn, sign, f->role, sign,
	    paint_off(&p->painter, PAINT_FAINT));
	if (p->painter.visible)
		text_visible_line(&line, f->text + from, to - from);
	else
		for (size_t i = from; i < to; i++)
			buf_char(&line, f->text[i] == '\t' || f->text[i] == '\r' ? ' ' : f->text[i]);
	buf_char(&line, '\n');
	fwrite(line.at, 1, line.n, stdout);
	buf_done(&line);
}

/* Where the nth line before `at`, the start of a line, begins; not before `first`. */
static size_t
lines_before(const struct found *f, size_t at, int n, size_t first)
{
	while (n-- > 0 && at > first)
		for (at--; at > first && f->text[at - 1] != '\n'; at--)
			;
	return at;
}

/* Prints whole lines from `at` as context, at most n, none that begins at `end` or later; returns where it stopped. */
static size_t
print_context(const struct printer *p, const struct found *f, size_t at, int n, size_t end)
{
	for (; n > 0 && at < end; n--) {
		const char *newline = memchr(f->text + at, '\n', f->text_n - at);
		size_t to = newline ? (size_t)(newline - f->text) : f->text_n;

		print_line(p, f, '-', at, to);
		at = to + 1;
	}
	return at;
}

static void
print_lines(const struct printer *p, const struct found *f, int n)
{
	int around = p->o->context;
	size_t shown = 0;

	for (int i = 0; i < n; i++) {
		const struct span *line = &f->lines[i];
		size_t from = lines_before(f, line->from, around, shown), next = f->text_n;

		if (around > 0 && (i > 0 ? from > shown : p->n > 0))
			puts("--");
		print_context(p, f, from, around, line->from);
		print_line(p, f, ':', line->from, line->to);
		if (i + 1 < n)
			next = f->lines[i + 1].from;
		shown = print_context(p, f, line->to + 1, around, next);
	}
}

/* ---- as JSON */

static json_t *
text_of(const struct found *f, const struct span *line)
{
	return json_stringn(f->text + line->from, line->to - line->from);
}

static void
add_lines(const struct printer *p, const struct found *f, int n)
{
	for (int i = 0; i < n; i++)
		json_array_append_new(p->all,
		    json_pack("{s:s, s:i, s:i, s:s, s:s, s:o}", "session", f->id, "turn", f->turn, "message",
		        f->message, "role", f->role, "at", f->at, "line", text_of(f, &f->lines[i])));
}

/* ---- sessions only */

static void
give_session(const struct printer *p, const char *id)
{
	struct session_info *info = store_info(p->store, id);
	const char *title = info ? info->title : "";

	if (p->all) {
		json_array_append_new(p->all, json_pack("{s:s, s:s}", "session", id, "name", title));
	} else {
		paint_text(&p->painter, PAINT_NAME, id, strlen(id));
		putchar('\t');
		paint_text(&p->painter, PAINT_TEXT, title, strlen(title));
		putchar('\n');
	}
	if (info)
		session_list_free(info, 1);
}

/* ---- what is found */

static int
give(void *arg, const struct found *f)
{
	struct printer *p = arg;
	bool same = strcmp(p->id, f->id) == 0;
	int n = p->o->only_sessions ? !same : f->n_lines;

	if (p->o->limit && n > p->o->limit - p->n)
		n = p->o->limit - p->n;
	memcpy(p->id, f->id, strnlen(f->id, sizeof p->id - 1) + 1);
	if (p->o->only_sessions && n > 0)
		give_session(p, f->id);
	else if (p->all)
		add_lines(p, f, n);
	else if (!p->o->only_sessions)
		print_lines(p, f, n);
	p->n += n;
	return p->o->limit && p->n == p->o->limit;
}

static int
read_sha(const char *path, char sha[65], struct error *err)
{
	struct buf bytes = {0};
	int failed = file_read(path, PICTURE_MAX_BYTES, &bytes, CODE_INPUT, err);

	if (!failed)
		picture_sha(buf_text(&bytes), bytes.n, sha);
	buf_done(&bytes);
	return failed;
}

static int
check(const struct options *o, struct error *err)
{
	if (o->ignore_case && o->match_case)
		return error_set(err, CODE_USAGE, "--ignore-case and --case do not go together");
	if (o->n_images > 1)
		return error_set(err, CODE_USAGE, "search takes one --image");
	if (o->n_operands > 1) {
		error_set(err, CODE_USAGE, "search takes one pattern, and '%s' is a second one", o->operands[1]);
		return error_hint(err, "ivchat search '%s %s'", o->operands[0], o->operands[1]);
	}
	if (o->n_operands == 0 && o->n_images == 0) {
		error_set(err, CODE_USAGE, "search needs a pattern or --image");
		return error_hint(err, "ivchat search 'red fox'");
	}
	return 0;
}

static int
search(struct printer *p, const struct options *o, struct error *err)
{
	char sha[65];
	struct query query = {
		.pattern = o->n_operands ? o->operands[0] : NULL,
		.letters = o->ignore_case ? LETTERS_IGNORE : o->match_case ? LETTERS_EXACT : LETTERS_SMART,
		.extended = o->extended, .word = o->word, .role = o->role, .since = o->since, .until = o->until,
		.tag = o->tag, .sha = o->n_images ? sha : NULL,
	};

	if (o->n_images && read_sha(o->images[0], sha, err) < 0)
		return -1;
	if (store_search(p->store, &query, give, p, err) < 0)
		return -1;
	if (p->all) {
		json_dumpf(p->all, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	return 0;
}

static int
run(const struct command *self, struct options *o)
{
	struct printer p = {.o = o, .painter = painter_of(o)};
	struct shelf shelf = {0};
	struct error err = {0};
	int failed;

	(void)self;
	p.all = o->json ? json_array() : NULL;
	failed = check(o, &err) < 0 || shelf_open(&shelf, o, &err) < 0;
	p.store = shelf.store;
	if (!failed)
		failed = search(&p, o, &err) < 0;
	json_decref(p.all);
	shelf_close(&shelf);
	if (failed)
		return cmd_fail(&err);
	return p.n > 0 ? CODE_OK : CODE_NEGATIVE;
}

const struct command cmd_search = {
	"search", "PATTERN", "Find text in sessions: id:turn:role: line, newest first.", OPT_SEARCH, run,
};
