/* words.h: a line as a person types it → words, with quotes and backslashes as a shell has them. Pure. */
#ifndef APP_WORDS_H
#define APP_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct word {
	char *text;             /* quotes and backslashes taken away */
	char *pattern;          /* for glob(3): what was quoted is escaped */
};

/* Takes the next word off *line, which moves behind it and the blanks after it. False at the end. "file:///a%20b" becomes
 * the path; "C:\x" keeps its backslashes. */
bool
words_next(const char **line, struct word *word);
void
word_done(struct word *word);

/* True if the word begins as a path that names where to start: "/", "./", "../", "~/". */
bool
word_is_path(const char *text);
/* True if it is spelled like a path of another kind of machine: "/Users/x/…", "C:\…". */
bool
word_is_foreign(const char *text);
bool
word_is_url(const char *text);

/* The files that a word means: the file spelled so, else what its pattern matches, else the word itself.
 * A malloc'd, NULL-terminated array; words_free frees it. */
char **
word_files(const struct word *word);
void
words_free(char **words);

#endif
