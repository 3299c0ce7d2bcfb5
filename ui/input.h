/* input.h: the line that is being written: readline's callback interface, drawn by ourselves. readline gets its bytes
 * from a queue here and writes to /dev/null; it never touches the terminal, its modes or signals. As readline keeps
 * its state in globals there is one struct input a process, on the main thread only. It needs no curses and no terminal.
 *
 * Start order: curses first, then input_new; afterwards check that cur_term is unchanged (set_curterm).
 */
#ifndef UI_INPUT_H
#define UI_INPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "ui/keys.h"
#include "ui/row.h"
#include "ui/ui.h"

struct input;

/* Uses history, vi_mode, paste_fold and complete of the options. */
struct input *
input_new(const struct ui_options *options);
void
input_free(struct input *in);

/* Bytes of a READER_TEXT unit. */
void
input_type(struct input *in, const char *s, size_t n);
/* One insertion, one undo step; never sends. */
void
input_paste(struct input *in, const char *s, size_t n);
/* A key of the first group in keys.h. Returns what it asks of the program: INTERRUPT, QUIT, UNSTAGE, or NONE when all
 * was done here. */
enum ui_action
input_key(struct input *in, enum keys_action key, bool busy);

/* Whether Esc is the input's own now: it leaves a search or a list, or vi's insert mode. */
bool
input_wants_esc(const struct input *in);
/* The line that Enter sent since the last call, or NULL; the caller owns it. It may be empty: staged pictures alone. */
char *
input_sent(struct input *in, size_t *n);
/* Whether the text changed since the last call. */
bool
input_changed(struct input *in);

const char *
input_text(const struct input *in);             /* lent until the next input_ call */
bool
input_empty(const struct input *in);            /* no text, and no search of the history going on */
bool
input_folded(const struct input *in);           /* a paste is drawn as one word: Enter beside it shows it first */
void
input_set_text(struct input *in, const char *text);
void
input_history_add(struct input *in, const char *line);
/* "-- NORMAL --" in vi mode's command state, else NULL. */
const char *
input_mode(const struct input *in);

/* Tell readline the width, for its own arithmetic. */
void
input_resize(struct input *in, int height, int width);

/* Prompt and text as rows, at least one and at most max_rows of them (those around the caret), and the caret in them.
 * Every row is at most `width` cells. */
void
input_layout(struct input *in, int width, int max_rows, struct rows *out, int *caret_row, int *caret_col);
/* The completions that are on offer, for above the input: at most max_rows rows, none when there are none. */
void
input_menu(struct input *in, int width, int max_rows, struct rows *out);

#endif
