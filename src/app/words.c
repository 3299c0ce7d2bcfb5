/* words.c: see words.h. Only word_files() looks at the disk. */
#include "config.h"

#include "words.h"

#include <ctype.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"

static void
add_char(struct buf *text, struct buf *pattern, char c, bool quoted)
{
	buf_char(text, c);
	if (quoted && strchr("*?[]\\~{}", c))
		buf_char(pattern, '\\');
	buf_char(pattern, c);
}

/* One step inside a word; *quote is the quotation mark that is open, or NUL. Returns the bytes taken. */
static size_t
take_char(const char *s, char *quote, struct buf *text, struct buf *pattern)
{
	if (*quote ? *s == *quote : (*s == '\'' || *s == '"')) {
		*quote = *quote ? '\0' : *s;
		return 1;
	}
	if (*s == '\\' && *quote != '\'' && s[1]) {
		add_char(text, pattern, s[1], true);
		return 2;
	}
	add_char(text, pattern, *s, *quote != '\0');
	return 1;
}

static const char *
skip_blanks(const char *s)
{
	while (isspace((unsigned char)*s))
		s++;
	return s;
}

/* "C:\…": a path whose backslashes quote nothing. */
static bool
begins_drive(const char *s)
{
	return isalpha((unsigned char)s[0]) && s[1] == ':' && s[2] == '\\';
}

static const char *
take_drive(const char *s, struct buf *text, struct buf *pattern)
{
	while (*s && !isspace((unsigned char)*s))
		add_char(text, pattern, *s++, true);
	return s;
}

static int
hex(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, tolower((unsigned char)c)) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* "file:///a%20b.png", as file managers drop it → the path. */
static void
take_uri(struct word *word)
{
	const char *path = strchr(word->text + strlen("file://"), '/');
	struct buf text = {0}, pattern = {0};

	if (!path)
		return;
	while (*path) {
		const bool code = *path == '%' && hex(path[1]) >= 0 && hex(path[2]) >= 0;
		const char c = code ? (char)(hex(path[1]) << 4 | hex(path[2])) : *path;

		if (!c)
			break;
		add_char(&text, &pattern, c, true);
		path += code ? 3 : 1;
	}
	word_done(word);
	*word = (struct word){ .text = buf_take(&text), .pattern = buf_take(&pattern) };
}

bool
words_next(const char **line, struct word *word)
{
	struct buf text = {0}, pattern = {0};
	const char *s = skip_blanks(*line);
	char quote = '\0';

	if (!*s) {
		*line = s;
		return false;
	}
	if (begins_drive(s))
		s = take_drive(s, &text, &pattern);
	while (*s && (quote || !isspace((unsigned char)*s)))
		s += take_char(s, &quote, &text, &pattern);
	*line = skip_blanks(s);
	*word = (struct word){ .text = buf_take(&text), .pattern = buf_take(&pattern) };
	if (strncmp(word->text, "file://", 7) == 0)
		take_uri(word);
	return true;
}

void
word_done(struct word *word)
{
	free(word->text);
	free(word->pattern);
	*word = (struct word){0};
}

bool
word_is_path(const char *text)
{
	return text[0] == '/' || strncmp(text, "./", 2) == 0 || strncmp(text, "../", 3) == 0 || strncmp(text, "~/", 2) == 0;
}

bool
word_is_foreign(const char *text)
{
	if (isalpha((unsigned char)text[0]) && text[1] == ':' && (text[2] == '\\' || text[2] == '/'))
		return true;
	return strncmp(text, "/Users/", 7) == 0 || strncmp(text, "/Volumes/", 9) == 0;
}

static char **
one_word(char *word)
{
	char **list = xcalloc(2, sizeof *list);

	list[0] = word;
	return list;
}

static char **
copy_matches(const glob_t *found)
{
	char **list = xcalloc(found->gl_pathc + 1, sizeof *list);

	for (size_t i = 0; i < found->gl_pathc; i++)
		list[i] = xstrdup(found->gl_pathv[i]);
	return list;
}

bool
word_is_url(const char *text)
{
	return strncmp(text, "http://", 7) == 0 || strncmp(text, "https://", 8) == 0;
}

char **
word_files(const struct word *word)
{
	char *plain = file_expand_home(word->text);
	char **list = NULL;
	glob_t found;

	if (file_exists(plain))
		return one_word(plain);
	if (glob(word->pattern, GLOB_TILDE, NULL, &found) == 0) {
		list = copy_matches(&found);
		globfree(&found);
		free(plain);
		return list;
	}
	return one_word(plain);
}

void
words_free(char **words)
{
	for (char **w = words; w && *w; w++)
		free(*w);
	free(words);
}
