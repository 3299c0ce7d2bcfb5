/* keys.h: which bytes mean which action: one table for the reader, readline's bindings, the help page and the manual. */
#ifndef UI_KEYS_H
#define UI_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "ui/ui.h"

enum keys_action {
	KEYS_NONE,              /* readline's own */
	/* for input_key, or for the list that is open (picker_key) */
	KEYS_SEND,              /* Enter */
	KEYS_NEWLINE,
	KEYS_STOP,              /* Ctrl-C */
	KEYS_DELETE,            /* Ctrl-D: delete, or leave on an empty line */
	KEYS_BACKSPACE,
	KEYS_UP,
	KEYS_DOWN,
	KEYS_HOME,
	KEYS_END,               /* with an empty input: the conversation's end */
	KEYS_COMPLETE,
	KEYS_COMPLETE_BACK,
	KEYS_ESC,               /* alone */
	/* for the conversation, or for the list that is open */
	KEYS_PAGE_UP,
	KEYS_PAGE_DOWN,
	KEYS_LINE_UP,
	KEYS_LINE_DOWN,
	KEYS_TOP,
	KEYS_BOTTOM,
	/* for the screen */
	KEYS_REDRAW,
	/* for the program: keys_asks() names the ui_action */
	KEYS_SUSPEND,
	KEYS_HELP,
	KEYS_SESSIONS,
	KEYS_RECALL,
	KEYS_CLIPBOARD,
	KEYS_PICTURES,
	KEYS_EDITOR,
	/* for the screen too */
	KEYS_FIND,              /* Ctrl-S */
	KEYS_MOUSE,             /* Alt-M */
	KEYS_READS,             /* bound in reading mode only: elsewhere its bytes are what they were */
};

/* What a character or a key means in reading mode. */
enum keys_reading {
	READING_NONE,
	READING_DOWN, READING_UP, READING_PAGE_DOWN, READING_PAGE_UP, READING_TOP, READING_BOTTOM,
	READING_NEXT, READING_PREV,                     /* message */
	READING_PICTURE_NEXT, READING_PICTURE_PREV,
	READING_FIND, READING_FIND_BACK, READING_FIND_NEXT, READING_FIND_PREV,
	READING_LEAVE,
	/* for the program: keys_reading_asks() names the ui_action */
	READING_ENLARGE, READING_VIEW, READING_BOXES, READING_COPY, READING_COPY_CODE,
	READING_EDIT, READING_REGEN, READING_CONTINUE, READING_FORK, READING_BRANCH_PREV, READING_BRANCH_NEXT,
};

/* SUSPEND to EDITOR → what the program is asked; NONE for the others. */
enum ui_action
keys_asks(enum keys_action action);

enum ui_action
keys_reading_asks(enum keys_reading reading);

/* What a character or a key does in reading mode: its bytes, and its action while typing (NONE: it has none). */
enum keys_reading
keys_reading_find(const struct ui_keymap *map, const char *s, size_t n, enum keys_action action);
/* Whether a person bound it there: then it comes before all that the key does elsewhere. */
bool
keys_reading_bound(const struct ui_keymap *map, const char *s, size_t n);

/* Looks s[0..n) up among the sequences of the map (NULL: as built in). n is the length of the whole match; *more gets true when s is the beginning of
 * a longer sequence as well. */
enum keys_action
keys_find(const struct ui_keymap *map, const char *s, size_t n, bool *more);

/* Calls fn for every sequence that is bound to a readline command by name ("redo" and "nothing" are input.c's own); own:
 * a person bound it. */
void
keys_each_readline(const struct ui_keymap *map, void (*fn)(void *arg, const char *seq, const char *command, bool own), void *arg);

/* The row of help for exactly these bytes, or NULL; the same in reading mode. */
const struct ui_key_help *
keys_help(const struct ui_keymap *map, const char *s, size_t n);
const struct ui_key_help *
keys_reading_help(const struct ui_keymap *map, const char *s, size_t n);

#endif
