/* copy.h: messages into the clipboard, as they were said: always the source text. */
#ifndef APP_COPY_H
#define APP_COPY_H

#include <stddef.h>

#include "commands.h"

struct app;

/* The code block copied last by copy_code_of, so that the next one is the next time. */
struct copied {
	int message, block;
};

void
copy_entry(struct app *app, int entry);
void
copy_code_of(struct app *app, int entry);

/* Code block `which` (from 1) of Markdown text: its bytes without the fences. Returns how many blocks there are; *at is
 * NULL when there are fewer. An open fence at the end is a block. Pure. */
int
copy_find_code(const char *text, size_t n, int which, const char **at, size_t *at_n);

command_fn command_copy;

#endif
