/* pasted.c: see pasted.h. A picture that goes through ssh as text is the one way in that every terminal has:
 * `base64 < shot.png | pbcopy`, then paste. So it is known by its first bytes, with or without a data URI around it. */
#include "config.h"

#include "pasted.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/base64.h"
#include "base/file.h"
#include "clipboard.h"
#include "internal.h"
#include "words.h"

enum {
	FIRST = 64,             /* letters that are looked at to know a picture; fewer may be a word */
	PATHS_MAX = 1 << 14,    /* longer pastes are no paths */
};

/* ---- paths */

static bool
is_picture_file(const char *path)
{
	char *file = file_expand_home(path);
	struct stat st;
	FILE *f = stat(file, &st) == 0 && S_ISREG(st.st_mode) ? fopen(file, "rb") : NULL;
	char first[64];
	bool known = false;

	free(file);
	if (f) {
		known = picture_known(first, fread(first, 1, sizeof first, f)) != 0;
		fclose(f);
	}
	return known;
}

bool
pasted_is_picture(const struct word *word)
{
	if (word_is_foreign(word->text) && getenv("SSH_CONNECTION") && !file_exists(word->text))
		return true;
	return word_is_path(word->text) && is_picture_file(word->text);
}

/* Whether every word names a picture. */
static bool
all_paths(const char *text)
{
	struct word word;
	bool all = true, any = false;

	while (all && words_next(&text, &word)) {
		any = true;
		all = pasted_is_picture(&word);
		word_done(&word);
	}
	return any && all;
}

static int
stage_paths(struct app *app, const char *text)
{
	struct word word;
	int n = 0;

	while (words_next(&text, &word)) {
		n += staged_word(app, &word);
		word_done(&word);
	}
	return n;
}

/* ---- bytes */

/* Skips "data:image/png;base64," in front. 0: there is none; -1: another kind of data. */
static int
skip_header(const char **text, size_t *n, struct error *err)
{
	const char *comma = memchr(*text, ',', *n < 128 ? *n : 128), *mark = ";base64";
	size_t length;

	if (*n < 11 || strncasecmp(*text, "data:image/", 11) != 0)
		return 0;
	length = comma ? (size_t)(comma - *text) : 0;
	if (length < strlen(mark) || strncasecmp(comma - strlen(mark), mark, strlen(mark)) != 0)
		return error_set(err, CODE_INPUT, "the data URI is not in base64");
	*text += length + 1;
	*n -= length + 1;
	return 1;
}

/* Whether the letters, `least` of them or more, begin as a picture does. */
static bool
begins_as_picture(const char *text, size_t n, size_t least)
{
	char letters[FIRST] = { 0 };
	struct buf first = {0};
	size_t k = 0;
	bool known;

	for (size_t i = 0; i < n && i < 4 * FIRST && k < FIRST; i++)
		if (!isspace((unsigned char)text[i]))
			letters[k++] = text[i];
	known = k >= least && base64_decode(&first, letters, k & ~(size_t)3) == 0 && picture_known(buf_text(&first), first.n);
	buf_done(&first);
	return known;
}

int
pasted_decode(const char *text, size_t n, struct buf *out, struct error *err)
{
	int header;

	while (n > 0 && isspace((unsigned char)*text))
		text++, n--;
	header = skip_header(&text, &n, err);
	if (header < 0)
		return -1;
	if (!begins_as_picture(text, n, header ? 1 : FIRST))
		return header ? error_set(err, CODE_INPUT, "the data URI holds no picture of a known kind") : 0;
	if (n / 4 * 3 > PICTURE_MAX_BYTES + PICTURE_MAX_BYTES / 16)     /* with its line ends */
		return error_set(err, CODE_INPUT, "the pasted picture is larger than %u MiB", PICTURE_MAX_BYTES >> 20);
	if (base64_decode(out, text, n) != 0)
		return error_set(err, CODE_INPUT, "the pasted picture is not whole: bad base64");
	return 1;
}

/* ---- a paste */

static void
tell_added(struct app *app, int n)
{
	ui_flash(app->ui, n == 1 ? "picture added: Enter sends it, Backspace in an empty line takes it back"
	                         : "pictures added: Enter sends them, Backspace in an empty line takes one back");
}

static void
tell_trouble(struct app *app, const struct error *err)
{
	char text[sizeof err->what + 64];

	snprintf(text, sizeof text, "pasted as text: %s", err->what);
	ui_flash(app->ui, text);
}

/* Takes the bytes over. */
static bool
stage_bytes(struct app *app, struct buf *bytes)
{
	struct error err;

	if (staged_decode_take(app, "pasted", bytes, &err) != 0) {
		tell_trouble(app, &err);
		return false;
	}
	tell_added(app, 1);
	return true;
}

static bool
take_bytes(struct app *app, const char *text, size_t n)
{
	struct buf bytes = {0};
	struct error err;
	const int found = pasted_decode(text, n, &bytes, &err);

	if (found > 0)
		return stage_bytes(app, &bytes);
	if (found < 0)
		tell_trouble(app, &err);
	buf_done(&bytes);
	return false;
}

/* Files dropped on the terminal, at the start of a message. */
static bool
take_paths(struct app *app, const char *text, size_t n)
{
	struct buf copy = {0};
	int staged = 0;

	if (n > PATHS_MAX || *ui_input(app->ui))
		return false;
	buf_add(&copy, text, n);
	if (all_paths(copy.at))
		staged = stage_paths(app, copy.at);
	if (staged > 0)
		tell_added(app, staged);
	buf_done(&copy);
	return staged > 0;
}

bool
pasted_take(void *arg, const char *text, size_t n)
{
	return take_bytes(arg, text, n) || take_paths(arg, text, n);
}

void
pasted_clipboard(struct app *app)
{
	struct buf bytes = {0};

	if (clipboard_read_picture(&bytes) == 0) {
		stage_bytes(app, &bytes);
		return;
	}
	buf_done(&bytes);
	present_note(app, "No picture can be fetched from the clipboard here. Where you copied it, run\n"
	                  "    base64 < shot.png | pbcopy      (or wl-copy, or xclip -selection clipboard)\n"
	                  "and then paste: that goes through any ssh.");
}

void
pasted_picture(struct app *app, char *bytes, size_t n)
{
	struct buf file = {0};

	buf_add(&file, bytes, n);
	free(bytes);
	stage_bytes(app, &file);
}
