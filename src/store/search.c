/* search.c: finding text in all sessions, without an index. Files are read whole and walked as bytes: the head of a
 * line, as record.c writes it, tells what message it is; its text is looked at as it stands in the file and decoded
 * only where it may fit. A line of any other spelling is parsed. */
#include "config.h"

#include "store/store.h"

#include <ctype.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/text.h"
#include "store/internal.h"
#include "store/match.h"

/* A message of the file that is being walked. Its text is either `json`, a string in the file with its quotes, or
 * `plain`, when it came in parts or in another spelling. */
struct said {
	int id, up, turn;
	bool answer, ended, replaced;   /* replaced: a longer answer has all of it */
	bool note;                      /* no message: the `id`th note, written below message `up` */
	bool has_picture;               /* the one that is looked for */
	char at[32];
	const char *json;
	size_t json_n;
	struct buf plain;
};

#define MAX_GAP 16              /* ids that may be missing: of lines that are gone */

struct walk {
	const struct query *query;
	struct match *match;
	struct said *said;              /* ids ascend */
	int n;
	struct said *notes;
	int n_notes;
	int n_lines;
	struct tags tags;
	char used[32];
	bool has_picture;
};

/* A message that fits, kept until all sessions are in order. */
struct hit {
	int message, turn;
	const char *role;
	char at[32];
	char *text;
	size_t text_n;
	struct span *lines;
	int n_lines;
};

struct session_hits {
	char id[32], used[32];
	struct hit *hits;
	int n;
};

struct results {
	struct session_hits *at;
	int n;
};

/* ---- the head of a line */

struct cursor {
	const char *at, *end;
};

static bool
skip(struct cursor *c, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(c->end - c->at) < n || memcmp(c->at, word, n) != 0)
		return false;
	c->at += n;
	return true;
}

static int
number(struct cursor *c)
{
	int n = 0;

	while (c->at < c->end && isdigit((unsigned char)*c->at) && n < 100000000)
		n = 10 * n + (*c->at++ - '0');
	return n;
}

enum kind { KIND_NONE, KIND_USER, KIND_PART, KIND_ANSWER, KIND_NOTE };

static enum kind
kind_of(struct cursor *c)
{
	if (skip(c, "{\"t\":\"user\","))
		return KIND_USER;
	if (skip(c, "{\"t\":\"part\","))
		return KIND_PART;
	if (skip(c, "{\"t\":\"note\","))
		return KIND_NOTE;
	return skip(c, "{\"t\":\"answer\",") ? KIND_ANSWER : KIND_NONE;
}

/* What one line says of a message. */
struct record {
	enum kind kind;
	int id, up, cont;
	const char *json;       /* the text with its quotes */
	size_t json_n;
};

static bool
read_id(struct cursor *c, const char *key, int *id)
{
	if (!skip(c, key))
		return false;
	*id = number(c);
	return true;
}

/* Quotes inside strings are escaped, so that the spelling of a key is a key wherever it stands. */
static bool
read_head(struct record *r, const char *line, size_t n)
{
	struct cursor c = { line, line + n };
	const char *text, *cont;

	*r = (struct record){ .kind = kind_of(&c) };
	if (r->kind == KIND_NONE || (r->kind != KIND_NOTE && !read_id(&c, "\"id\":", &r->id)))
		return false;
	skip(&c, ",");
	if (!read_id(&c, "\"up\":", &r->up))
		return false;
	text = memmem(c.at, (size_t)(c.end - c.at), ",\"text\":\"", 9);
	if (!text || c.end - text < 11 || memcmp(c.end - 2, "\"}", 2) != 0)
		return false;
	r->json = text + 8;
	r->json_n = (size_t)(c.end - 1 - r->json);
	cont = memmem(c.at, (size_t)(text - c.at), ",\"cont\":", 8);
	if (cont) {
		c.at = cont + 8;
		r->cont = number(&c);
	}
	return true;
}

/* ---- the messages of a file */

static struct said *
find_said(const struct walk *w, int id)
{
	int low = 0, high = w->n;

	while (low < high) {
		int middle = low + (high - low) / 2;

		if (w->said[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < w->n && w->said[low].id == id ? &w->said[low] : NULL;
}

/* The message that a record speaks of, new or begun by parts; NULL when the record is void. */
static struct said *
take_said(struct walk *w, const struct record *r)
{
	struct said *m = find_said(w, r->id);
	const struct said *up = find_said(w, r->up);
	int turn = (up ? up->turn : 0) + (r->kind == KIND_USER), last = w->n ? w->said[w->n - 1].id : 0;

	if (m)
		return m->answer && !m->ended && r->kind != KIND_USER ? m : NULL;
	if (r->id <= last || r->id > w->n_lines + MAX_GAP || r->up >= r->id)
		return NULL;
	if ((w->n & (w->n - 1)) == 0)
		w->said = xreallocarray(w->said, w->n ? 2 * (size_t)w->n : 1, sizeof *w->said);
	m = &w->said[w->n++];
	*m = (struct said){ .id = r->id, .up = r->up, .turn = turn, .answer = r->kind != KIND_USER };
	return m;
}

static void
append_json(struct buf *out, const char *json, size_t n)
{
	json_t *text = json_loadb(json, n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

	if (text)
		buf_add(out, json_string_value(text), json_string_length(text));
	json_decref(text);
}

static bool
holds_picture(const struct walk *w, const char *line, size_t n)
{
	return w->query->sha && memmem(line, n, w->query->sha, 64);
}

static struct said *
add_note(struct walk *w, const struct record *r, const char *line, size_t n)
{
	struct said *note;

	w->notes = xreallocarray(w->notes, (size_t)w->n_notes + 1, sizeof *w->notes);
	note = &w->notes[w->n_notes++];
	*note = (struct said){ .id = w->n_notes, .up = r->up, .note = true, .json = r->json, .json_n = r->json_n };
	line_time(line, n, note->at);
	return note;
}

static struct said *
add_record(struct walk *w, const struct record *r, const char *line, size_t n)
{
	struct said *m = take_said(w, r), *shorter = r->cont ? find_said(w, r->cont) : NULL;

	if (!m)
		return NULL;
	line_time(line, n, m->at);
	if (r->kind == KIND_USER && holds_picture(w, line, n))
		m->has_picture = w->has_picture = true;
	if (shorter)
		shorter->replaced = true;
	if (r->kind == KIND_PART) {
		append_json(&m->plain, r->json, r->json_n);
		return m;
	}
	buf_clear(&m->plain);
	m->ended = true;
	m->json = r->json;
	m->json_n = r->json_n;
	return m;
}

/* 0, which is the id of nothing, for what is no id. */
static int
id_in(const json_t *object, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(object, key));

	return n > 0 && n <= INT32_MAX ? (int)n : 0;
}

/* A line in another spelling: an editor's, a later version's. */
static void
add_parsed(struct walk *w, const char *line, size_t n)
{
	json_t *object = json_loadb(line, n, JSON_ALLOW_NUL, NULL), *text = json_object_get(object, "text");
	const char *kind = json_string_value(json_object_get(object, "t"));
	struct record r = {
		.id = id_in(object, "id"),
		.up = id_in(object, "up"),
		.cont = id_in(object, "cont"),
		.json = "\"\"",
		.json_n = 2,
	};
	struct said *m = NULL;

	if (kind && json_is_string(text))
		r.kind = strcmp(kind, "user") == 0 ? KIND_USER : strcmp(kind, "part") == 0 ? KIND_PART :
			strcmp(kind, "answer") == 0 ? KIND_ANSWER : strcmp(kind, "note") == 0 ? KIND_NOTE : KIND_NONE;
	if (r.kind != KIND_NONE)
		m = r.kind == KIND_NOTE ? add_note(w, &r, line, n) : add_record(w, &r, line, n);
	if (m) {
		m->json = NULL;
		buf_add(&m->plain, json_string_value(text), json_string_length(text));
	}
	json_decref(object);
}

static void
add_tag(struct walk *w, const char *line, size_t n)
{
	json_t *object = json_loadb(line, n, 0, NULL);
	const char *tag = json_string_value(json_object_get(object, "tag"));

	if (tag && tag_valid(tag))
		tags_set(&w->tags, tag, json_is_true(json_object_get(object, "on")));
	json_decref(object);
}

static void
add_line(struct walk *w, const char *line, size_t n)
{
	struct cursor c = { line, line + n };
	struct record r;

	w->n_lines++;
	line_time(line, n, w->used);
	if (read_head(&r, line, n))
		(void)(r.kind == KIND_NOTE ? add_note(w, &r, line, n) : add_record(w, &r, line, n));
	else if (skip(&c, "{\"t\":\"tag\""))
		add_tag(w, line, n);
	else if (!skip(&c, "{\"t\":\"session\"") && !skip(&c, "{\"t\":\"head\"") && !skip(&c, "{\"t\":\"name\"") &&
	    !skip(&c, "{\"t\":\"system\""))
		add_parsed(w, line, n);
}

/* ---- what fits */

static bool
in_time(const struct said *m, const struct query *q)
{
	if (q->since && strncmp(m->at, q->since, strlen(q->since)) < 0)
		return false;
	return !q->until || strncmp(m->at, q->until, strlen(q->until)) <= 0;
}

static const char *
role_of(const struct said *m)
{
	return m->note ? "note" : m->answer ? "answer" : "user";
}

static bool
is_asked_for(const struct said *m, const struct query *q)
{
	if (m->replaced || !in_time(m, q) || (!q->pattern && !m->has_picture))
		return false;
	return !q->role || strcmp(q->role, role_of(m)) == 0;
}

/* The text of a message that may fit, as it was said; false: it certainly does not, or cannot be read. */
static bool
read_text(const struct walk *w, const struct said *m, struct buf *out)
{
	if (!m->json) {
		buf_add(out, buf_text(&m->plain), m->plain.n);
		return true;
	}
	if (w->match && !match_maybe(w->match, m->json + 1, m->json_n - 2))
		return false;
	if (memchr(m->json, '\\', m->json_n))
		append_json(out, m->json, m->json_n);
	else
		buf_add(out, m->json + 1, m->json_n - 2);
	return text_valid(buf_text(out), out->n);
}

static void
add_span(struct hit *h, size_t from, size_t to)
{
	h->lines = xreallocarray(h->lines, (size_t)h->n_lines + 1, sizeof *h->lines);
	h->lines[h->n_lines++] = (struct span){ from, to };
}

static void
find_lines(const struct walk *w, struct hit *h, const struct buf *text)
{
	const char *start = buf_text(text), *end = start + text->n;

	for (const char *p = start, *stop; p <= end; p = stop + 1) {
		stop = memchr(p, '\n', (size_t)(end - p));
		if (!stop)
			stop = end;
		if (!w->match || match_line(w->match, p, (size_t)(stop - p)))
			add_span(h, (size_t)(p - start), (size_t)(stop - start));
		if (!w->match)
			return;
	}
}

static void
look_at(const struct walk *w, struct session_hits *s, const struct said *m)
{
	struct hit hit = { .message = m->note ? m->up : m->id, .turn = m->turn, .role = role_of(m) };
	struct buf text = {0};

	if (!is_asked_for(m, w->query))
		return;
	if (read_text(w, m, &text))
		find_lines(w, &hit, &text);
	if (hit.n_lines == 0) {
		buf_done(&text);
		return;
	}
	memcpy(hit.at, m->at, sizeof hit.at);
	hit.text_n = text.n;
	hit.text = buf_take(&text);
	s->hits = xreallocarray(s->hits, (size_t)s->n + 1, sizeof *s->hits);
	s->hits[s->n++] = hit;
}

static void
walk_done(struct walk *w)
{
	for (int i = 0; i < w->n; i++)
		buf_done(&w->said[i].plain);
	for (int i = 0; i < w->n_notes; i++)
		buf_done(&w->notes[i].plain);
	free(w->said);
	free(w->notes);
	tags_done(&w->tags);
}

static int
by_place(const void *a, const void *b)
{
	const struct said *x = a, *y = b;

	return x->up != y->up ? (x->up > y->up) - (x->up < y->up) : x->id - y->id;
}

/* Those that stand below message `up`; returns how many of all are done. */
static int
look_at_notes(const struct walk *w, struct session_hits *s, int done, int up, int turn)
{
	for (; done < w->n_notes && w->notes[done].up <= up; done++) {
		w->notes[done].turn = turn;
		look_at(w, s, &w->notes[done]);
	}
	return done;
}

/* Notes stand behind the message that they were written at. */
static void
look_at_all(const struct walk *w, struct session_hits *s)
{
	int done;

	if (w->n_notes > 1)
		qsort(w->notes, (size_t)w->n_notes, sizeof *w->notes, by_place);
	done = look_at_notes(w, s, 0, 0, 0);
	for (int i = 0; i < w->n; i++) {
		look_at(w, s, &w->said[i]);
		done = look_at_notes(w, s, done, i + 1 < w->n ? w->said[i + 1].id - 1 : INT32_MAX, w->said[i].turn);
	}
}

static void
search_file(struct session_hits *s, const struct query *q, struct match *match, const struct buf *file)
{
	struct walk w = { .query = q, .match = match };
	const char *p = buf_text(file), *end = p + file->n;

	for (const char *stop; p < end; p = stop + 1) {
		stop = memchr(p, '\n', (size_t)(end - p));
		if (!stop)
			stop = end;
		add_line(&w, p, (size_t)(stop - p));
	}
	memcpy(s->used, w.used, sizeof s->used);
	if ((!q->tag || tags_has(&w.tags, q->tag)) && (!q->sha || w.has_picture))
		look_at_all(&w, s);
	walk_done(&w);
}

/* ---- all sessions */

static int
newest_first(const void *a, const void *b)
{
	const struct session_hits *x = a, *y = b;
	int by_use = strcmp(y->used, x->used);

	return by_use ? by_use : strcmp(y->id, x->id);
}

/* A session that cannot be read has nothing to find in it. */
static void
search_all(struct results *r, const struct store *s, char (*ids)[32], int n, const struct query *q, struct match *match)
{
	struct buf file = {0};

	r->at = xcalloc((size_t)n, sizeof *r->at);
	for (int i = 0; i < n; i++) {
		struct session_hits *one = &r->at[r->n];
		char *path = session_path(s, ids[i], ".jsonl");

		buf_clear(&file);
		if (file_read(path, SESSION_MAX_BYTES, &file, CODE_STORE, NULL) == 0) {
			memcpy(one->id, ids[i], sizeof one->id);
			search_file(one, q, match, &file);
			r->n += one->n > 0;
		}
		free(path);
	}
	buf_done(&file);
	qsort(r->at, (size_t)r->n, sizeof *r->at, newest_first);
}

static int
give_all(const struct results *r, int (*found)(void *arg, const struct found *f), void *arg)
{
	int n = 0;

	for (int i = 0; i < r->n; i++)
		for (int k = 0; k < r->at[i].n; k++) {
			const struct hit *h = &r->at[i].hits[k];
			struct found f = {
				.id = r->at[i].id, .message = h->message, .turn = h->turn,
				.role = h->role, .at = h->at, .text = h->text, .text_n = h->text_n,
				.lines = h->lines, .n_lines = h->n_lines,
			};

			n++;
			if (found(arg, &f) != 0)
				return n;
		}
	return n;
}

static void
results_done(struct results *r)
{
	for (int i = 0; i < r->n; i++) {
		for (int k = 0; k < r->at[i].n; k++) {
			free(r->at[i].hits[k].text);
			free(r->at[i].hits[k].lines);
		}
		free(r->at[i].hits);
	}
	free(r->at);
}

static int
check_date(const char *name, const char *date, struct error *err)
{
	const char *p = "dddd-dd-dd", *d = date;

	while (d && *p && *d && (*p == 'd' ? isdigit((unsigned char)*d) != 0 : *d == *p)) {
		p++;
		d++;
	}
	if (!d || (!*d && (!*p || *p == '-')))
		return 0;
	error_set(err, CODE_USAGE, "--%s '%s' is not a date", name, date);
	return error_hint(err, "--%s 2026-08-23", name);
}

int
store_search(struct store *s, const struct query *query, int (*found)(void *arg, const struct found *found), void *arg,
    struct error *err)
{
	struct match *match = NULL;
	struct results results = {0};
	char (*ids)[32] = NULL;
	int n, given = -1;

	if (check_date("since", query->since, err) < 0 || check_date("until", query->until, err) < 0)
		return -1;
	if (query->pattern && !(match = match_new(query, err)))
		return -1;
	if (list_ids(s, &ids, &n, err) == 0) {
		search_all(&results, s, ids, n, query, match);
		given = give_all(&results, found, arg);
	}
	results_done(&results);
	free(ids);
	match_free(match);
	return given;
}
