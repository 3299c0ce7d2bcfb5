/* file.c: the config file: lines to keys.
 *
 *     # a comment                     also behind a value, after a blank
 *     key = value                     the value in "quotes" (\" \\ \n mean what they do in C), 'quotes' or none
 *     bind KEY = action               what a key does in the chat
 *     include FILE                    relative to the file it stands in; ~ is the home folder
 *     [preset NAME]                   keys until the next section or the end of the file belong to NAME
 *
 * Whatever is wrong costs one warning, with file and line, and only that line; a file that is no text is left there.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/text.h"
#include "conf/internal.h"

#define MAX_BYTES (1u << 20)
#define MAX_DEPTH 8
#define MAX_FILES 64            /* in all: files that include each other many times end too */

enum section { SECTION_MAIN, SECTION_PRESET, SECTION_UNKNOWN };

/* One for all files of a reading. */
struct reading {
	struct conf *conf;
	int n_files;
	struct stat open[MAX_DEPTH];    /* of the files that are being read, outermost first */
	int depth;
};

struct file {
	struct reading *reading;
	const char *path;
	int line;
	enum section section;
};

static void
read_file(struct reading *r, const char *path, struct file *from);

static void
warn(struct file *f, const char *what)
{
	conf_warn(f->reading->conf, "%s:%d: %s", f->path, f->line, what);
}

/* ---- words of a line */

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Takes blanks off both ends, in place. */
static char *
trim(char *s)
{
	size_t n;

	while (is_blank(*s))
		s++;
	for (n = strlen(s); n > 0 && is_blank(s[n - 1]);)
		s[--n] = '\0';
	return s;
}

/* Ends s before a '#' that begins it or follows a blank. */
static void
cut_comment(char *s)
{
	for (char *p = s; *p; p++)
		if (*p == '#' && (p == s || is_blank(p[-1]))) {
			*p = '\0';
			return;
		}
}

/* What "…" or '…' holds, in place; NULL when it does not end, or more than a comment follows it. */
static char *
unquote(char *s)
{
	char quote = *s, *from = s + 1, *to = s;

	for (; *from && *from != quote; from++) {
		if (quote == '"' && *from == '\\' && from[1])
			*to++ = *++from == 'n' ? '\n' : *from;
		else
			*to++ = *from;
	}
	if (!*from)
		return NULL;
	cut_comment(from + 1);
	if (*trim(from + 1))
		return NULL;
	*to = '\0';
	return s;
}

/* The value of a line, in place; NULL: its quotes are wrong. */
static char *
value_of(char *s)
{
	s = trim(s);
	if (*s == '"' || *s == '\'')
		return unquote(s);
	cut_comment(s);
	return trim(s);
}

/* ---- lines */

static void
take_section(struct file *f, char *s)
{
	char *end = strchr(s, ']'), *name;

	f->section = SECTION_UNKNOWN;
	if (end) {
		cut_comment(end + 1);
		*end = '\0';
	}
	s = trim(s + 1);
	name = strncmp(s, "preset", 6) == 0 && is_blank(s[6]) ? trim(s + 6) : NULL;
	if (!end || *trim(end + 1) || !name || !*name) {
		warn(f, "not a section: [preset NAME] is the only kind");
		return;
	}
	f->section = SECTION_PRESET;
	conf_preset_begin(f->reading->conf, name);
}

/* Relative to the folder of the file that says it. The caller frees. */
static char *
included_path(const struct file *f, const char *name)
{
	char *expanded = file_expand_home(name), *path;
	const char *slash = strrchr(f->path, '/');

	if (expanded[0] == '/' || !slash)
		return expanded;
	path = xasprintf("%.*s/%s", (int)(slash - f->path), f->path, expanded);
	free(expanded);
	return path;
}

static bool
is_open(const struct reading *r, const struct stat *st)
{
	for (int i = 0; i < r->depth; i++)
		if (r->open[i].st_dev == st->st_dev && r->open[i].st_ino == st->st_ino)
			return true;
	return false;
}

static void
take_include(struct file *f, char *s)
{
	struct reading *r = f->reading;
	char *name = value_of(s), *path;
	struct stat st;

	if (!name || !*name) {
		warn(f, "include needs the name of a file");
		return;
	}
	path = included_path(f, name);
	if (stat(path, &st) < 0)
		warn(f, "the included file cannot be found");
	else if (is_open(r, &st))
		warn(f, "the included file is this one, or includes it");
	else if (r->depth == MAX_DEPTH || r->n_files == MAX_FILES)
		warn(f, "files include each other too deeply, or are too many: this one is left out");
	else
		read_file(r, path, f);
	free(path);
}

static void
give(struct file *f, const char *key, const char *value)
{
	struct conf *c = f->reading->conf;
	char *where = xasprintf("%s:%d", f->path, f->line);
	struct error err = {0};
	int failed = 0;

	if (f->section == SECTION_MAIN && conf_bound_key(key))
		conf_bind(c, conf_bound_key(key), value, where);
	else if (f->section == SECTION_MAIN)
		failed = conf_give(c, key, value, CONF_FILE, where, &err);
	else if (f->section == SECTION_PRESET)
		failed = conf_preset_add(c, key, value, where, &err);
	if (failed)
		warn(f, err.what);
	free(where);
}

static void
take_key(struct file *f, char *s)
{
	char *equals = strchr(s, '='), *value;

	if (!equals) {
		warn(f, "neither 'key = value' nor 'include FILE' nor '[preset NAME]'");
		return;
	}
	*equals = '\0';
	value = value_of(equals + 1);
	if (value)
		give(f, trim(s), value);
	else
		warn(f, "the quotes around the value do not end it");
}

static void
take_line(struct file *f, char *s)
{
	s = trim(s);
	if (!*s || *s == '#')
		return;
	if (*s == '[')
		take_section(f, s);
	else if (strncmp(s, "include", 7) == 0 && is_blank(s[7]))
		take_include(f, s + 7);
	else
		take_key(f, s);
}

/* ---- files */

static bool
is_text(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < ' ' && s[i] != '\t' && s[i] != '\r')
			return false;
	return text_valid(s, n);
}

static void
take_lines(struct file *f, struct buf *text)
{
	char *s = text->at, *end = text->at + text->n;

	for (char *newline; s < end; s = newline + 1) {
		newline = memchr(s, '\n', (size_t)(end - s));
		if (!newline)
			newline = end;
		f->line++;
		if (!is_text(s, (size_t)(newline - s))) {
			warn(f, "this is not UTF-8 text: the file is left here");
			return;
		}
		*newline = '\0';
		take_line(f, s);
	}
}

static void
read_file(struct reading *r, const char *path, struct file *from)
{
	struct file f = { .reading = r, .path = path };
	struct buf text = {0};
	struct error err = {0};

	r->n_files++;
	if (file_read(path, MAX_BYTES, &text, CODE_USAGE, &err) < 0) {
		from ? warn(from, err.what) : conf_warn(r->conf, "%s", err.what);
	} else if (stat(path, &r->open[r->depth]) == 0) {
		r->depth++;
		take_lines(&f, &text);
		r->depth--;
	}
	buf_done(&text);
}

void
conf_read(struct conf *c, const char *path)
{
	struct reading r = { .conf = c };

	read_file(&r, path, NULL);
}
