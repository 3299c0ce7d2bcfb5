/* keys.c: see keys.h. The tables below are the only place that knows which keys mean what at first. A row has a name, by
 * which other keys can be bound to it, and is an action of ours or (KEYS_NONE) a command of readline; help shows every
 * row. What a person binds lies over the table: a sequence that stands in the keymap is not looked for in the table. */
#include "config.h"

#include "ui/keys.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "ui/keyname.h"

#define KEY_TABLE(KEY) \
	KEY("send", "Enter", "send", KEYS_SEND, NULL, "\r", "\033OM") \
	KEY("newline", "Alt-Enter, Ctrl-J", "new line", KEYS_NEWLINE, NULL, "\033\r", "\n", "\033\n", "\033[13;2u", "\033[27;2;13~") \
	KEY("stop", "Ctrl-C", "stop the answer; else clear the input", KEYS_STOP, NULL, "\003") \
	KEY("delete-or-leave", "Ctrl-D", "delete; in an empty input: leave", KEYS_DELETE, NULL, "\004") \
	KEY("backspace", "Backspace", "delete back; in an empty input: take the last picture back", KEYS_BACKSPACE, NULL, \
		"\177", "\b") \
	KEY("up", "Up", "line up; on the first line: history", KEYS_UP, NULL, "\033[A", "\033OA") \
	KEY("down", "Down", "line down; on the last line: history", KEYS_DOWN, NULL, "\033[B", "\033OB") \
	KEY("recall", "Alt-Up", "last own message back into the input", KEYS_RECALL, NULL, \
		"\033[1;3A", "\033[1;9A", "\033\033[A", "\033\033OA") \
	KEY("reverse-search-history", "Ctrl-R", "search the history; Enter takes, Esc leaves", KEYS_NONE, "reverse-search-history", "\022") \
	KEY("complete", "Tab", "complete; again: next match", KEYS_COMPLETE, NULL, "\t") \
	KEY("complete-back", "Shift-Tab", "previous match", KEYS_COMPLETE_BACK, NULL, "\033[Z") \
	KEY("line-start", "Ctrl-A, Home", "line start", KEYS_HOME, NULL, "\001", "\033[H", "\033OH", "\033[1~", "\033[7~") \
	KEY("line-end", "Ctrl-E, End", "line end; in an empty input: end of the conversation", KEYS_END, NULL, \
		"\005", "\033[F", "\033OF", "\033[4~", "\033[8~") \
	KEY("backward-word", "Alt-B, Ctrl-Left", "word back", KEYS_NONE, "backward-word", \
		"\033b", "\033[1;5D", "\033[1;3D", "\033Od", "\033[5D") \
	KEY("forward-word", "Alt-F, Ctrl-Right", "word forward", KEYS_NONE, "forward-word", \
		"\033f", "\033[1;5C", "\033[1;3C", "\033Oc", "\033[5C") \
	KEY("delete-char", "Delete", "delete", KEYS_NONE, "delete-char", "\033[3~") \
	KEY("kill-line", "Ctrl-K", "kill to the end", KEYS_NONE, "kill-line", "\013") \
	KEY("unix-line-discard", "Ctrl-U", "kill to the beginning", KEYS_NONE, "unix-line-discard", "\025") \
	KEY("unix-word-rubout", "Ctrl-W", "kill the word before, up to a blank", KEYS_NONE, "unix-word-rubout", "\027") \
	KEY("kill-word", "Alt-D", "kill the word after", KEYS_NONE, "kill-word", "\033d") \
	KEY("backward-kill-word", "Alt-Backspace", "kill the word before", KEYS_NONE, "backward-kill-word", "\033\177", "\033\b") \
	KEY("yank", "Ctrl-Y", "yank what was killed", KEYS_NONE, "yank", "\031") \
	KEY("yank-pop", "Alt-Y", "yank what was killed before that", KEYS_NONE, "yank-pop", "\033y") \
	KEY("undo", "Ctrl-_", "undo", KEYS_NONE, "undo", "\037") \
	KEY("redo", "Alt-_", "redo", KEYS_NONE, "redo", "\033_") \
	KEY("transpose-chars", "Ctrl-T", "transpose", KEYS_NONE, "transpose-chars", "\024") \
	KEY("page-up", "PgUp", "scroll a page up", KEYS_PAGE_UP, NULL, "\033[5~") \
	KEY("page-down", "PgDn", "scroll a page down", KEYS_PAGE_DOWN, NULL, "\033[6~") \
	KEY("scroll-up", "Alt-P", "scroll a line up", KEYS_LINE_UP, NULL, "\033p") \
	KEY("scroll-down", "Alt-N", "scroll a line down", KEYS_LINE_DOWN, NULL, "\033n") \
	KEY("top", "Ctrl-Home", "beginning of the conversation", KEYS_TOP, NULL, "\033[1;5H", "\033[7^") \
	KEY("bottom", "Ctrl-End", "end of the conversation", KEYS_BOTTOM, NULL, "\033[1;5F", "\033[8^") \
	KEY("find", "Ctrl-S", "find in the conversation", KEYS_FIND, NULL, "\023") \
	KEY("read", "Esc", "read: move through the conversation by single keys; leave a list, a page, a search", KEYS_ESC, NULL, \
		NULL) \
	KEY("editor", "Ctrl-X Ctrl-E, Ctrl-G", "write the message in $VISUAL, $EDITOR or vi", KEYS_EDITOR, NULL, \
		"\030\005", "\007") \
	KEY("clipboard", "Ctrl-V", "add a picture from the clipboard", KEYS_CLIPBOARD, NULL, "\026") \
	KEY("pictures", "Alt-I", "choose a picture of this folder", KEYS_PICTURES, NULL, "\033i") \
	KEY("mouse", "Alt-M", "mouse on or off", KEYS_MOUSE, NULL, "\033m") \
	KEY("sessions", "Ctrl-O", "sessions", KEYS_SESSIONS, NULL, "\017") \
	KEY("redraw", "Ctrl-L", "redraw all, pictures too", KEYS_REDRAW, NULL, "\014") \
	KEY("suspend", "Ctrl-Z", "suspend", KEYS_SUSPEND, NULL, "\032") \
	KEY("help", "F1", "help", KEYS_HELP, NULL, "\033OP", "\033[11~", "\033[[A", "\033[P")

enum { SEQUENCES_MAX = 6 };

struct binding {
	enum keys_action action;
	const char *command;
	const char *sequences[SEQUENCES_MAX];
};

#define BINDING(name, keys, does, action, command, ...) { action, command, { __VA_ARGS__ } },
#define HELP(name, keys, does, action, command, ...) { keys, does },
#define NAME(name, keys, does, action, command, ...) { name, does },

static const struct binding bindings[] = { KEY_TABLE(BINDING) };
static const struct ui_key_help help[] = { KEY_TABLE(HELP) { NULL, NULL } };
static const struct ui_key_help names[] = { KEY_TABLE(NAME) { "none", "nothing" }, { NULL, NULL } };

enum { N_BINDINGS = sizeof bindings / sizeof *bindings };

/* A row of reading mode: one action, or two with the same help: characters, and a key of the table above or NONE. */
#define READING_TABLE(KEY) \
	KEY("j, k, Down, Up", "a line down, up", \
		{ READING_DOWN, "j", KEYS_DOWN }, { READING_UP, "k", KEYS_UP }) \
	KEY("Space, PgDn, PgUp", "a page down, up", \
		{ READING_PAGE_DOWN, " ", KEYS_PAGE_DOWN }, { READING_PAGE_UP, "b", KEYS_PAGE_UP }) \
	KEY("g, G, Home, End", "beginning, end", \
		{ READING_TOP, "g", KEYS_HOME }, { READING_BOTTOM, "G", KEYS_END }) \
	KEY("], [", "next, previous message", { READING_NEXT, "]", 0 }, { READING_PREV, "[", 0 }) \
	KEY("p, P", "next, previous picture", { READING_PICTURE_NEXT, "p", 0 }, { READING_PICTURE_PREV, "P", 0 }) \
	KEY(">, <", "next, previous branch at a fork", \
		{ READING_BRANCH_NEXT, ">", 0 }, { READING_BRANCH_PREV, "<", 0 }) \
	KEY("/, ?", "find below, above", { READING_FIND, "/", KEYS_FIND }, { READING_FIND_BACK, "?", 0 }) \
	KEY("n, N", "next, previous match", { READING_FIND_NEXT, "n", 0 }, { READING_FIND_PREV, "N", 0 }) \
	KEY("Enter", "enlarge the picture", { READING_ENLARGE, "", KEYS_SEND }) \
	KEY("v", "the picture as the model sees it", { READING_VIEW, "v", 0 }) \
	KEY("B", "the boxes that an answer names", { READING_BOXES, "B", 0 }) \
	KEY("y, Y", "copy the message, its code block", \
		{ READING_COPY, "y", 0 }, { READING_COPY_CODE, "Y", 0 }) \
	KEY("e", "edit the message", { READING_EDIT, "e", 0 }) \
	KEY("r", "answer once more", { READING_REGEN, "r", 0 }) \
	KEY("c", "go on with a cut answer", { READING_CONTINUE, "c", 0 }) \
	KEY("f", "a new session from here", { READING_FORK, "f", 0 }) \
	KEY("q, i, Esc", "back to typing", { READING_LEAVE, "qi", KEYS_ESC }, { READING_LEAVE, "", KEYS_STOP })

struct reading_key {
	enum keys_reading reading;
	const char *chars;
	enum keys_action key;
};

#define READING_KEYS(keys, does, ...) __VA_ARGS__,
#define READING_HELP(keys, does, ...) { keys, does },

static const struct reading_key reading_keys[] = {
	READING_TABLE(READING_KEYS)
	{ READING_UP, "", KEYS_LINE_UP }, { READING_DOWN, "", KEYS_LINE_DOWN },
	{ READING_TOP, "", KEYS_TOP }, { READING_BOTTOM, "", KEYS_BOTTOM },
};
static const struct ui_key_help reading_help[] = { READING_TABLE(READING_HELP) { NULL, NULL } };

enum { N_READING_KEYS = sizeof reading_keys / sizeof *reading_keys };

/* ---------------------------------------------------------------- what a person bound */

struct bound {
	char *sequence, *key;
	int row;                        /* N_BINDINGS: nothing */
};

struct ui_keymap {
	struct bound *at;
	int n;
	struct ui_key_help help[N_BINDINGS + 1];        /* of the table in force; keys owned */
};

static const struct bound *
find_bound(const struct ui_keymap *map, const char *s, size_t n)
{
	for (int i = 0; map && i < map->n; i++)
		if (strlen(map->at[i].sequence) == n && memcmp(map->at[i].sequence, s, n) == 0)
			return &map->at[i];
	return NULL;
}

/* Whether one of the key's sequences means something else now. */
static bool
is_taken(const struct ui_keymap *map, const char *key)
{
	char sequences[KEYNAME_MOST][KEYNAME_BYTES];
	const int n = keyname_sequences(key, sequences);

	for (int i = 0; i < n; i++)
		if (find_bound(map, sequences[i], strlen(sequences[i])))
			return true;
	return false;
}

static void
add_name(struct buf *out, const char *name, size_t n)
{
	if (out->n > 0)
		buf_str(out, ", ");
	buf_add(out, name, n);
}

/* The keys of a row: those of the table that are not taken, and those that were bound to it. */
static char *
keys_of(const struct ui_keymap *map, int row)
{
	struct buf out = {0};
	const char *last = "";

	for (const char *p = help[row].keys, *end; *p; p = *end ? end + 2 : end) {
		char *key;

		end = strstr(p, ", ") ? strstr(p, ", ") : p + strlen(p);
		key = xstrndup(p, (size_t)(end - p));
		if (!is_taken(map, key))
			add_name(&out, key, strlen(key));
		free(key);
	}
	for (int i = 0; i < map->n; i++)
		if (map->at[i].row == row && strcmp(map->at[i].key, last) != 0)
			add_name(&out, last = map->at[i].key, strlen(map->at[i].key));
	return out.n ? buf_take(&out) : xstrdup("(no key)");
}

static void
write_help(struct ui_keymap *map)
{
	for (int i = 0; i < N_BINDINGS; i++) {
		free((void *)map->help[i].keys);
		map->help[i] = (struct ui_key_help){ keys_of(map, i), help[i].does };
	}
}

struct ui_keymap *
ui_keymap_new(void)
{
	struct ui_keymap *map = xcalloc(1, sizeof *map);

	write_help(map);
	return map;
}

void
ui_keymap_free(struct ui_keymap *map)
{
	if (!map)
		return;
	for (int i = 0; i < map->n; i++) {
		free(map->at[i].sequence);
		free(map->at[i].key);
	}
	for (int i = 0; i < N_BINDINGS; i++)
		free((void *)map->help[i].keys);
	free(map->at);
	free(map);
}

static void
bind_sequence(struct ui_keymap *map, const char *sequence, const char *key, int row)
{
	struct bound *b = (struct bound *)find_bound(map, sequence, strlen(sequence));

	if (!b) {
		map->at = xreallocarray(map->at, (size_t)map->n + 1, sizeof *map->at);
		b = &map->at[map->n++];
		b->sequence = xstrdup(sequence);
	} else {
		free(b->key);
	}
	b->key = xstrdup(key);
	b->row = row;
}

int
ui_keymap_bind(struct ui_keymap *map, const char *key, const char *action, struct error *err)
{
	char sequences[KEYNAME_MOST][KEYNAME_BYTES];
	const int n = keyname_sequences(key, sequences);
	int row = 0;

	while (names[row].keys && strcmp(names[row].keys, action) != 0)
		row++;
	if (!names[row].keys) {
		error_set(err, CODE_USAGE, "bind %s: there is no action '%s'", key, action);
		return error_hint(err, "ivchat help actions");
	}
	if (n == 0) {
		error_set(err, CODE_USAGE, "bind %s: this is not a key that can be bound", key);
		return error_hint(err, "Ctrl-O, Alt-I, F5, Alt-Up and the like; characters alone are text");
	}
	for (int i = 0; i < n; i++)
		bind_sequence(map, sequences[i], key, row);
	write_help(map);
	return 0;
}

/* ---------------------------------------------------------------- tables */

const struct ui_key_help *
ui_key_table(const struct ui_keymap *map)
{
	return map ? map->help : help;
}

const struct ui_key_help *
ui_action_table(void)
{
	return names;
}

const struct ui_key_help *
ui_reading_table(void)
{
	return reading_help;
}

enum keys_reading
keys_reading_char(char c)
{
	for (int i = 0; c && i < N_READING_KEYS; i++)
		if (strchr(reading_keys[i].chars, c))
			return reading_keys[i].reading;
	return READING_NONE;
}

enum keys_reading
keys_reading_key(enum keys_action action)
{
	for (int i = 0; action != KEYS_NONE && i < N_READING_KEYS; i++)
		if (reading_keys[i].key == action)
			return reading_keys[i].reading;
	return READING_NONE;
}

/* Looks among n sequences that may be NULL from somewhere on. */
static bool
find_among(const char *const *sequences, const char *s, size_t n, const struct ui_keymap *map, bool *more)
{
	bool found = false;

	for (int k = 0; k < SEQUENCES_MAX && sequences[k]; k++) {
		if (strncmp(sequences[k], s, n) != 0 || find_bound(map, sequences[k], strlen(sequences[k])))
			continue;
		if (sequences[k][n])
			*more = true;
		else
			found = true;
	}
	return found;
}

enum keys_action
keys_find(const struct ui_keymap *map, const char *s, size_t n, bool *more)
{
	const struct bound *bound = find_bound(map, s, n);
	enum keys_action found = KEYS_NONE;

	*more = false;
	for (int i = 0; i < N_BINDINGS; i++)
		if (bindings[i].action != KEYS_NONE && find_among(bindings[i].sequences, s, n, map, more))
			found = bindings[i].action;
	for (int i = 0; map && i < map->n; i++)
		if (strlen(map->at[i].sequence) > n && strncmp(map->at[i].sequence, s, n) == 0)
			*more = true;
	if (bound)
		return bound->row < N_BINDINGS ? bindings[bound->row].action : KEYS_NONE;
	return found;
}

void
keys_each_readline(const struct ui_keymap *map, void (*fn)(void *arg, const char *seq, const char *command, bool own), void *arg)
{
	for (int i = 0; i < N_BINDINGS; i++)
		for (int k = 0; bindings[i].command && k < SEQUENCES_MAX && bindings[i].sequences[k]; k++)
			if (!find_bound(map, bindings[i].sequences[k], strlen(bindings[i].sequences[k])))
				fn(arg, bindings[i].sequences[k], bindings[i].command, false);
	for (int i = 0; map && i < map->n; i++)
		if (map->at[i].row == N_BINDINGS || bindings[map->at[i].row].command)
			fn(arg, map->at[i].sequence, map->at[i].row < N_BINDINGS ? bindings[map->at[i].row].command : "nothing", true);
}

const struct ui_key_help *
keys_help(const struct ui_keymap *map, const char *s, size_t n)
{
	const struct bound *bound = find_bound(map, s, n);

	if (bound)
		return bound->row < N_BINDINGS ? &ui_key_table(map)[bound->row] : NULL;
	for (int i = 0; i < N_BINDINGS; i++)
		for (int k = 0; k < SEQUENCES_MAX && bindings[i].sequences[k]; k++)
			if (strlen(bindings[i].sequences[k]) == n && memcmp(bindings[i].sequences[k], s, n) == 0)
				return &ui_key_table(map)[i];
	return NULL;
}

enum ui_action
keys_asks(enum keys_action action)
{
	switch (action) {
	case KEYS_SUSPEND:
		return UI_ACT_SUSPEND;
	case KEYS_HELP:
		return UI_ACT_HELP;
	case KEYS_SESSIONS:
		return UI_ACT_SESSIONS;
	case KEYS_RECALL:
		return UI_ACT_RECALL;
	case KEYS_CLIPBOARD:
		return UI_ACT_CLIPBOARD;
	case KEYS_PICTURES:
		return UI_ACT_PICTURES;
	case KEYS_EDITOR:
		return UI_ACT_EDITOR;
	default:
		return UI_ACT_NONE;
	}
}

enum ui_action
keys_reading_asks(enum keys_reading reading)
{
	static const enum ui_action asks[] = {
		[READING_ENLARGE] = UI_ACT_ENLARGE, [READING_VIEW] = UI_ACT_VIEW, [READING_BOXES] = UI_ACT_BOXES,
		[READING_COPY] = UI_ACT_COPY, [READING_COPY_CODE] = UI_ACT_COPY_CODE, [READING_EDIT] = UI_ACT_EDIT,
		[READING_REGEN] = UI_ACT_REGEN, [READING_CONTINUE] = UI_ACT_CONTINUE, [READING_FORK] = UI_ACT_FORK,
		[READING_BRANCH_PREV] = UI_ACT_BRANCH_PREV, [READING_BRANCH_NEXT] = UI_ACT_BRANCH_NEXT,
	};

	return asks[reading];
}
