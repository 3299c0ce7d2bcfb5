/* list.c: what sessions there are, and which one a person means. A list reads every file, but parses only the lines
 * that it needs: of most a fixed beginning, written by record.c, tells all. */
#include "config.h"

#include "store/store.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "store/internal.h"

#define MAX_NAMED 5             /* ids that a message lists */

/* ---- ids */

void
list_folder(const char *folder, char (**ids)[32], int *n)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	char id[32];

	while (dir && (entry = readdir(dir))) {
		if (!id_of_file(entry->d_name, id))
			continue;
		*ids = xreallocarray(*ids, (size_t)*n + 1, sizeof **ids);
		memcpy((*ids)[(*n)++], id, sizeof id);
	}
	if (dir)
		closedir(dir);
}

int
list_ids(const struct store *s, char (**ids)[32], int *n, struct error *err)
{
	DIR *dir = opendir(s->sessions);
	struct dirent *year;

	*ids = NULL;
	*n = 0;
	if (!dir && errno == ENOENT)
		return 0;
	if (!dir)
		return error_set(err, CODE_STORE, "cannot read '%s': %s", s->sessions, strerror(errno));
	while ((year = readdir(dir)))
		if (strlen(year->d_name) == 4 && strspn(year->d_name, "0123456789") == 4) {
			char *folder = xasprintf("%s/%s", s->sessions, year->d_name);

			list_folder(folder, ids, n);
			free(folder);
		}
	closedir(dir);
	return 0;
}

/* ---- one session's line */

static bool
starts(const char *line, size_t n, const char *with)
{
	size_t m = strlen(with);

	return n >= m && memcmp(line, with, m) == 0;
}

void
line_time(const char *line, size_t n, char time[32])
{
	static const char key[] = "\"at\":\"";
	const char *at = memmem(line, n < 120 ? n : 120, key, sizeof key - 1);
	size_t length = 0;

	if (!at)
		return;
	at += sizeof key - 1;
	while (at + length < line + n && length + 1 < 32 && at[length] != '"')
		length++;
	memcpy(time, at, length);
	time[length] = '\0';
}

/* Quotes inside strings are escaped, so this spelling is a picture's beginning wherever it stands. */
static void
take_pics(struct session_info *info, const char *line, size_t n)
{
	static const char key[] = "{\"n\":";
	const char *end = line + n, *p;

	while ((p = memmem(line, (size_t)(end - line), key, sizeof key - 1))) {
		int number = 0;

		for (line = p + sizeof key - 1; line < end && isdigit((unsigned char)*line) && number < 100000; line++)
			number = 10 * number + (*line - '0');
		if (number > info->n_pics)
			info->n_pics = number;
	}
}

static void
take_name(struct session_info *info, const json_t *name)
{
	struct buf line = {0};

	free(info->title);
	info->title = NULL;
	info->named = json_is_string(name);
	if (!info->named)
		return;
	text_visible_line(&line, json_string_value(name), json_string_length(name));
	info->title = buf_take(&line);
}

static void
take_tag(struct session_info *info, const json_t *record)
{
	const char *tag = json_string_value(json_object_get(record, "tag"));

	if (tag && tag_valid(tag))
		tags_set(&info->tags, tag, json_is_true(json_object_get(record, "on")));
}

static char *
question_of(const json_t *record)
{
	const json_t *text = json_object_get(record, "text");
	const json_t *pic = json_array_get(json_object_get(record, "pics"), 0);

	if (json_string_length(text) == 0 && pic)
		text = json_object_get(pic, "name");
	return chat_title_from(json_is_string(text) ? json_string_value(text) : "", json_string_length(text));
}

struct scan {
	struct session_info *info;
	char *question;         /* the title that a session without a name has */
	bool begun;
};

static void
scan_line(struct scan *scan, const char *line, size_t n)
{
	struct session_info *info = scan->info;
	bool user = starts(line, n, "{\"t\":\"user\""), name = starts(line, n, "{\"t\":\"name\"");
	bool session = !scan->begun && starts(line, n, "{\"t\":\"session\""), tag = starts(line, n, "{\"t\":\"tag\"");
	json_t *record = NULL;

	if (session || name || tag || (user && !scan->question))
		record = json_loadb(line, n, JSON_ALLOW_NUL, NULL);
	line_time(line, n, info->used);
	info->n_turns += user;
	if (user)
		take_pics(info, line, n);
	if (record && user)
		scan->question = question_of(record);
	if (record && name)
		take_name(info, json_object_get(record, "name"));
	if (record && tag)
		take_tag(info, record);
	if (record && session) {
		const char *made = json_string_value(json_object_get(record, "made"));

		scan->begun = true;
		snprintf(info->made, sizeof info->made, "%s", made ? made : "");
		snprintf(info->used, sizeof info->used, "%s", made ? made : "");
	}
	json_decref(record);
}

/* Fills info from the file at info->path; false when it is not a session. */
static bool
scan_file(struct session_info *info)
{
	struct scan scan = { .info = info };
	struct buf file = {0};
	const char *p, *end, *newline;

	if (file_read(info->path, SESSION_MAX_BYTES, &file, CODE_STORE, NULL) == 0) {
		p = buf_text(&file);
		end = p + file.n;
		for (; (newline = memchr(p, '\n', (size_t)(end - p))); p = newline + 1) {
			scan_line(&scan, p, (size_t)(newline - p));
			if (!scan.begun)
				break;
		}
	}
	buf_done(&file);
	if (!info->title)
		info->title = scan.question ? xstrdup(scan.question) : xstrdup("");
	free(scan.question);
	return scan.begun;
}

static bool
has_bytes(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0;
}

/* A file that has something to say, but not what: it is named, so that nobody believes it gone, behind all others. A
 * writer that was killed before its first line leaves an empty one. */
static bool
take_unreadable(struct session_info *info)
{
	if (!has_bytes(info->path))
		return false;
	free(info->title);
	info->title = xstrdup("(its first line cannot be read)");
	info->used[0] = '\0';
	return true;
}

static int
newest_first(const void *a, const void *b)
{
	const struct session_info *x = a, *y = b;
	int by_use = strcmp(y->used, x->used);

	return by_use ? by_use : strcmp(y->id, x->id);
}

static void
free_info(struct session_info *info)
{
	free(info->title);
	free(info->path);
	tags_done(&info->tags);
}

int
store_list(struct store *s, struct session_info **out, int *n, struct error *err)
{
	char (*ids)[32];
	int n_ids;

	*out = NULL;
	*n = 0;
	if (list_ids(s, &ids, &n_ids, err) < 0)
		return -1;
	*out = xcalloc((size_t)n_ids, sizeof **out);
	for (int i = 0; i < n_ids; i++) {
		struct session_info *info = &(*out)[*n];

		*info = (struct session_info){ .path = session_path(s, ids[i], ".jsonl") };
		memcpy(info->id, ids[i], sizeof info->id);
		if (scan_file(info) || take_unreadable(info)) {
			(*n)++;
			continue;
		}
		log_line("'%s' is not a session", info->path);
		free_info(info);
	}
	free(ids);
	qsort(*out, (size_t)*n, sizeof **out, newest_first);
	return 0;
}

struct session_info *
store_info(struct store *s, const char *id)
{
	struct session_info *info = xcalloc(1, sizeof *info);

	info->path = session_path(s, id, ".jsonl");
	snprintf(info->id, sizeof info->id, "%s", id);
	if (scan_file(info))
		return info;
	session_list_free(info, 1);
	return NULL;
}

void
session_list_free(struct session_info *list, int n)
{
	for (int i = 0; i < n; i++)
		free_info(&list[i]);
	free(list);
}

/* ---- finding */

int
find_among(char (*ids)[32], int n, const char *which, char id[32], struct error *err)
{
	struct buf several = {0};
	int found = 0;

	for (int i = 0; i < n; i++) {
		if (!id_matches(ids[i], which))
			continue;
		if (found++ == 0)
			memcpy(id, ids[i], 32);
		if (found <= MAX_NAMED)
			buf_printf(&several, "%s%s", found > 1 ? ", " : "", ids[i]);
	}
	if (found > 1)
		error_set(err, CODE_INPUT, "'%s' fits %d sessions: %s%s", which, found, buf_text(&several),
		    found > MAX_NAMED ? ", …" : "");
	else if (found == 0)
		error_set(err, CODE_INPUT, "no session '%s'", which);
	buf_done(&several);
	return found == 1 ? 0 : -1;
}

/* The number after "last" or "last~", -1 for other words. */
static int
parse_last(const char *which)
{
	size_t n;

	if (strcmp(which, "last") == 0)
		return 0;
	if (strncmp(which, "last~", 5) != 0)
		return -1;
	n = strspn(which + 5, "0123456789");
	return n >= 1 && n <= 6 && which[5 + n] == '\0' ? atoi(which + 5) : -1;
}

static bool
read_last(const struct store *s, char id[32])
{
	struct buf text = {0};
	bool ok = file_read(s->last, 4096, &text, CODE_STORE, NULL) == 0;

	snprintf(id, 32, "%.*s", (int)strcspn(buf_text(&text), "\n"), buf_text(&text));
	buf_done(&text);
	return ok && id_valid(id);
}

/* Moves the session that <state>/last names to the front: reading one again is a use too. */
static void
last_to_front(const struct store *s, struct session_info *list, int n)
{
	char id[32];

	if (!read_last(s, id))
		return;
	for (int i = 1; i < n; i++)
		if (strcmp(list[i].id, id) == 0) {
			struct session_info last = list[i];

			memmove(list + 1, list, (size_t)i * sizeof *list);
			list[0] = last;
			return;
		}
}

/* What <state>/last names, if it can be read: then no other file needs to be. */
static bool
last_is_there(struct store *s, char id[32])
{
	struct session_info *info = read_last(s, id) ? store_info(s, id) : NULL;

	if (info)
		session_list_free(info, 1);
	return info != NULL;
}

static int
find_last(struct store *s, int back, char id[32], struct error *err)
{
	struct session_info *list;
	int n, rc = 0;

	if (back == 0 && last_is_there(s, id))
		return 0;
	if (store_list(s, &list, &n, err) < 0)
		return -1;
	last_to_front(s, list, n);
	if (back < n)
		memcpy(id, list[back].id, 32);
	else if (n == 0)
		rc = error_set(err, CODE_INPUT, "there is no session yet");
	else
		rc = error_set(err, CODE_INPUT, "no session 'last~%d': there are %d", back, n);
	session_list_free(list, n);
	return rc;
}

/* 1 when exactly one session has this name, 0 none, -1 several. */
static int
find_name(struct store *s, const char *name, char id[32], struct error *err)
{
	struct session_info *list;
	struct buf visible = {0};
	int n, found = 0;

	if (store_list(s, &list, &n, err) < 0)
		return -1;
	text_visible_line(&visible, name, strlen(name));
	for (int i = 0; i < n; i++)
		if (list[i].named && strcmp(list[i].title, buf_text(&visible)) == 0 && found++ == 0)
			memcpy(id, list[i].id, 32);
	if (found > 1)
		error_set(err, CODE_INPUT, "%d sessions have the name '%s': use an id", found, name);
	buf_done(&visible);
	session_list_free(list, n);
	return found > 1 ? -1 : found;
}

int
store_find(struct store *s, const char *which, char id[32], struct error *err)
{
	int back = parse_last(which), n, rc;
	char (*ids)[32], *path;

	if (back >= 0)
		return find_last(s, back, id, err);
	if (id_valid(which)) {
		rc = store_path(s, which, &path, err);
		free(path);
		snprintf(id, 32, "%s", which);
		return rc;
	}
	rc = find_name(s, which, id, err);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	if (list_ids(s, &ids, &n, err) < 0)
		return -1;
	rc = find_among(ids, n, which, id, err);
	free(ids);
	return rc;
}
