/* check.c: is the store whole? Every file is read, every picture hashed; nothing is changed. */
#include "config.h"

#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "store/internal.h"
#include "store/record.h"

struct check {
	const struct store *store;
	void (*report)(void *arg, const char *line);
	void *arg;
	int n;                  /* problems */
	char (*good)[65];       /* pictures whose bytes are what their names say, sorted */
	int n_good;
};

static void
tell(struct check *c, char *line)
{
	c->report(c->arg, line);
	c->n++;
	free(line);
}

/* ---- pictures */

static void
check_picture(struct check *c, const char *path, const char *name)
{
	struct error err = {0};
	struct buf bytes = {0};
	char sha[65];

	if (file_read(path, PICTURE_MAX_BYTES, &bytes, CODE_STORE, &err) < 0) {
		tell(c, xstrdup(err.what));
	} else {
		picture_sha(buf_text(&bytes), bytes.n, sha);
		if (strncmp(name, sha, 64) != 0 || name[64] != '.') {
			tell(c, xasprintf("%s: damaged: its bytes are not those that its name says", path));
		} else {
			c->good = xreallocarray(c->good, (size_t)c->n_good + 1, sizeof *c->good);
			memcpy(c->good[c->n_good++], sha, sizeof sha);
		}
	}
	buf_done(&bytes);
}

static int
by_sha(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void
check_pictures(struct check *c)
{
	char *roots[] = { c->store->pictures, NULL };
	FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *e;

	while (tree && (e = fts_read(tree))) {
		if (e->fts_info == FTS_F && strlen(e->fts_name) > 64 && !strstr(e->fts_name, ".tmp"))
			check_picture(c, e->fts_path, e->fts_name);
		else if (e->fts_info == FTS_DNR)
			tell(c, xasprintf("%s: %s", e->fts_path, strerror(e->fts_errno)));
	}
	if (tree)
		fts_close(tree);
	if (c->n_good > 0)
		qsort(c->good, (size_t)c->n_good, sizeof *c->good, by_sha);
}

/* ---- sessions */

static void
check_pics(struct check *c, const char *path, const struct message *m)
{
	for (int i = 0; i < m->n_pics; i++) {
		const char *sha = m->pics[i].sha;

		if (c->n_good == 0 || !bsearch(sha, c->good, (size_t)c->n_good, sizeof *c->good, by_sha))
			tell(c, xasprintf("%s: message %d: picture #%d '%s' (%.12s…) is missing or damaged", path, m->id,
			    m->pics[i].n, m->pics[i].name ? m->pics[i].name : "", sha));
	}
}

/* A line without a newline at its end was torn when its writer was killed. */
static void
check_lines(struct check *c, struct record_reader *r, const char *path, const struct buf *file)
{
	const char *p = buf_text(file), *end = p + file->n;
	int line = 0, n_before;

	for (const char *stop; p < end; p = stop + 1) {
		bool torn = !(stop = memchr(p, '\n', (size_t)(end - p)));

		line++;
		if (torn)
			stop = end;
		if (stop == p)
			continue;
		n_before = r->chat->n_messages;
		if (record_read(r, p, (size_t)(stop - p)) == 0) {
			if (r->chat->n_messages > n_before + 1)
				tell(c, xasprintf("%s:%d: lines before message %d are gone", path, line, r->chat->n_messages));
			continue;
		}
		r->n_bad += r->begun;
		tell(c, xasprintf("%s:%d: %s", path, line,
		    torn ? "torn: the next writer cuts it off" :
		    r->begun ? "cannot be read, or hangs below no message" : "is not the first line of a session"));
		if (!r->begun)
			return;
	}
	if (line == 0)
		tell(c, xasprintf("%s: is empty", path));
}

static void
check_session(struct check *c, const char *path)
{
	struct record_reader r = { .chat = chat_new() };
	struct error err = {0};
	struct buf file = {0};

	if (file_read(path, SESSION_MAX_BYTES, &file, CODE_STORE, &err) < 0)
		tell(c, xstrdup(err.what));
	else
		check_lines(c, &r, path, &file);
	for (int i = 0; i < r.chat->n_messages; i++)
		check_pics(c, path, &r.chat->messages[i]);
	buf_done(&file);
	chat_free(r.chat);
}

static int
by_id(const void *a, const void *b)
{
	return strcmp(a, b);
}

int
store_check(struct store *s, void (*report)(void *arg, const char *line), void *arg, struct error *err)
{
	struct check c = { .store = s, .report = report, .arg = arg };
	char (*ids)[32];
	int n;

	if (list_ids(s, &ids, &n, err) < 0)
		return -1;
	if (n > 0)
		qsort(ids, (size_t)n, sizeof *ids, by_id);
	check_pictures(&c);
	for (int i = 0; i < n; i++) {
		char *path = session_path(s, ids[i], ".jsonl");

		check_session(&c, path);
		free(path);
	}
	free(ids);
	free(c.good);
	return c.n;
}
