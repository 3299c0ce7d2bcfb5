/* complete.c: candidates for Tab: commands after the slash, and after a command what its row of the table names: paths of
 * pictures and folders, settings, sessions, numbers of staged pictures. Words come back whole, as they would be typed
 * without quotes; the ui quotes paths. */
#include "config.h"

#include "complete.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/file.h"
#include "internal.h"
#include "settings.h"
#include "slash.h"
#include "words.h"

#define SESSIONS_OFFERED 100

struct list {
	char **at;
	size_t n;
	const char *prefix;     /* what is typed of the word */
};

/* Takes the word over if it begins as what is typed. */
static void
offer_take(struct list *l, char *word)
{
	if (strncmp(word, l->prefix, strlen(l->prefix)) != 0) {
		free(word);
		return;
	}
	l->at = xreallocarray(l->at, l->n + 2, sizeof *l->at);
	l->at[l->n++] = word;
	l->at[l->n] = NULL;
}

static void
offer(struct list *l, const char *word)
{
	offer_take(l, xstrdup(word));
}

/* ---- paths */

bool
complete_is_picture_name(const char *name)
{
	static const char *const suffixes[] = { "png", "jpg", "jpeg", "gif", "bmp", "pnm", "ppm", "pgm", "pbm", "webp", NULL };
	const char *dot = strrchr(name, '.');

	for (const char *const *s = suffixes; dot && *s; s++)
		if (strcasecmp(dot + 1, *s) == 0)
			return true;
	return false;
}

static bool
is_folder(const char *dir, const char *name)
{
	char *path = xasprintf("%s/%s", dir, name);
	struct stat st;
	bool folder = stat(path, &st) == 0 && S_ISDIR(st.st_mode);

	free(path);
	return folder;
}

/* `typed_dir`: the folder as it is typed, with its last slash; `dir`: where it is. */
static void
offer_entry(struct list *l, const char *typed_dir, const char *dir, const char *name, bool pictures)
{
	bool folder;

	if (name[0] == '.' && l->prefix[strlen(typed_dir)] != '.')
		return;
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return;
	folder = is_folder(dir, name);
	if (folder || !pictures || complete_is_picture_name(name))
		offer_take(l, xasprintf("%s%s%s", typed_dir, name, folder ? "/" : ""));
}

static void
offer_paths(struct list *l, bool pictures)
{
	const char *slash = strrchr(l->prefix, '/');
	char *typed_dir = xstrndup(l->prefix, slash ? (size_t)(slash - l->prefix) + 1 : 0);
	char *dir = file_expand_home(*typed_dir ? typed_dir : ".");
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d)))
		offer_entry(l, typed_dir, dir, e->d_name, pictures);
	if (d)
		closedir(d);
	free(dir);
	free(typed_dir);
}

/* "@FILE": the path is what stands behind the sign. */
static void
offer_files_at(struct list *l)
{
	struct list files = { .prefix = l->prefix + 1 };

	offer_paths(&files, false);
	for (size_t i = 0; i < files.n; i++)
		offer_take(l, xasprintf("@%s", files.at[i]));
	words_free(files.at);
}

/* ---- other words */

static void
offer_commands(struct list *l, const char *slash)
{
	for (const struct slash *s = app_slash_table(); s->name; s++)
		offer_take(l, xasprintf("%s%s\t%s%s%s", slash, s->name, s->operands, *s->operands ? "  " : "", s->does));
}

static void
offer_settings(struct list *l)
{
	for (int i = 0; settings_key(i); i++)
		offer(l, settings_key(i));
}

static void
offer_staged(struct app *app, struct list *l)
{
	offer(l, "all");
	for (int i = 0; i < app->staged.n; i++)
		offer_take(l, xasprintf("%d", staged_number(app, i)));
}

static void
offer_sessions(struct app *app, struct list *l)
{
	struct session_info *list;
	int n;

	if (store_list(app->store, &list, &n, NULL) != 0)
		return;
	for (int i = 0; i < n && i < SESSIONS_OFFERED; i++) {
		const char *dash = strrchr(list[i].id, '-');

		if (list[i].named)
			offer(l, list[i].title);
		else
			offer_take(l, xasprintf("%s\t%s", dash ? dash + 1 : list[i].id, list[i].title));
	}
	session_list_free(list, n);
}

static void
offer_system(struct list *l, bool *is_path)
{
	*is_path = l->prefix[0] == '@';
	if (*is_path)
		offer_files_at(l);
	offer(l, "none");
	offer(l, "default");
}

static void
offer_operands(struct app *app, const struct slash *s, struct list *l, bool first, bool *is_path)
{
	switch (s->words) {
	case WORDS_PATHS:
		*is_path = true;
		offer_paths(l, true);
		break;
	case WORDS_COMMANDS:
		offer_commands(l, "");
		break;
	case WORDS_SETTINGS:
		if (first)
			offer_settings(l);
		break;
	case WORDS_STAGED:
		offer_staged(app, l);
		break;
	case WORDS_SESSIONS:
		offer_sessions(app, l);
		break;
	case WORDS_SYSTEM:
		if (first)
			offer_system(l, is_path);
		break;
	case WORDS_NONE:
		break;
	}
}

/* ---- where the word stands */

/* The typed part of the word without quotes and backslashes. */
static char *
typed_word(const char *line, int start, int end)
{
	char *raw = xstrndup(line + start, (size_t)(end - start));
	const char *rest = raw;
	struct word word;
	char *text;

	if (!words_next(&rest, &word)) {
		free(raw);
		return xstrdup("");
	}
	text = xstrdup(word.text);
	word_done(&word);
	free(raw);
	return text;
}

static bool
is_first_operand(const char *line, int start)
{
	int i = start;

	while (i > 0 && strchr(" \t\"'", line[i - 1]))
		i--;
	return memchr(line, ' ', (size_t)i) == NULL;
}

static void
complete_operand(struct app *app, const char *line, int start, struct list *l, bool *is_path)
{
	char *name = xstrndup(line + 1, strcspn(line + 1, " \t"));
	const struct slash *s = slash_find(name, NULL);

	if (s)
		offer_operands(app, s, l, is_first_operand(line, start), is_path);
	free(name);
}

char **
complete_word(void *arg, const char *line, int start, int end, bool *is_path)
{
	char *typed = typed_word(line, start, end);
	struct list l = { .prefix = typed };
	bool in_front = start == 0 || (start == 1 && strchr("\"'", line[0]));

	*is_path = false;
	if (in_front && typed[0] == '/' && !strchr(typed + 1, '/'))
		offer_commands(&l, "/");
	if (in_front && l.n == 0 && word_is_path(typed)) {
		*is_path = true;
		offer_paths(&l, true);
	}
	if (!in_front && line[0] == '/' && line[1] != '/')
		complete_operand(arg, line, start, &l, is_path);
	free(typed);
	return l.at;
}
