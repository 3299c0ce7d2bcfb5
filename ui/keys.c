/* keys.c: see keys.h. The tables below are the only place that knows which keys mean what at first. A row has a name, by
 * which other keys can be bound to it, and is an action of ours or (KEYS_NONE) a command of readline; help shows every
 * row. What a person binds lies over the table: a sequence that stands in the keymap is not looked for in the table. */
#include "config.h"

#include "ui/keys.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

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

enum { N_BINDINGS = sizeof bindings / sizeof *bindings };

/* The rows of reading mode: a name, keys, what it does, the action, its characters, and keys of the table above that do the
 * same here. */
#define READING_TABLE(KEY) \
	KEY("read-down", "j, Down", "a line down", READING_DOWN, "j", KEYS_DOWN, KEYS_LINE_DOWN) \
	KEY("read-up", "k, Up", "a line up", READING_UP, "k", KEYS_UP, KEYS_LINE_UP) \
	KEY("read-page-down", "Space, PgDn", "a page down", READING_PAGE_DOWN, " ", KEYS_PAGE_DOWN) \
	KEY("read-page-up", "b, PgUp", "a page up", READING_PAGE_UP, "b", KEYS_PAGE_UP) \
	KEY("read-top", "g, Home", "beginning", READING_TOP, "g", KEYS_HOME, KEYS_TOP) \
	KEY("read-bottom", "G, End", "end", READING_BOTTOM, "G", KEYS_END, KEYS_BOTTOM) \
	KEY("read-next", "]", "next message", READING_NEXT, "]", KEYS_NONE) \
	KEY("read-previous", "[", "previous message", READING_PREV, "[", KEYS_NONE) \
	KEY("read-next-picture", "p", "next picture", READING_PICTURE_NEXT, "p", KEYS_NONE) \
	KEY("read-previous-picture", "P", "previous picture", READING_PICTURE_PREV, "P", KEYS_NONE) \
	KEY("read-next-branch", ">", "next branch at a fork", READING_BRANCH_NEXT, ">", KEYS_NONE) \
	KEY("read-previous-branch", "<", "previous branch at a fork", READING_BRANCH_PREV, "<", KEYS_NONE) \
	KEY("read-find", "/", "find below", READING_FIND, "/", KEYS_FIND) \
	KEY("read-find-back", "?", "find above", READING_FIND_BACK, "?", KEYS_NONE) \
	KEY("read-next-match", "n", "next match", READING_FIND_NEXT, "n", KEYS_NONE) \
	KEY("read-previous-match", "N", "previous match", READING_FIND_PREV, "N", KEYS_NONE) \
	KEY("read-enlarge", "Enter", "enlarge the picture", READING_ENLARGE, "", KEYS_SEND) \
	KEY("read-view", "v", "the picture as the model sees it", READING_VIEW, "v", KEYS_NONE) \
	KEY("read-boxes", "B", "the boxes that an answer names", READING_BOXES, "B", KEYS_NONE) \
	KEY("read-copy", "y", "copy the message", READING_COPY, "y", KEYS_NONE) \
	KEY("read-copy-code", "Y", "copy its code block", READING_COPY_CODE, "Y", KEYS_NONE) \
	KEY("read-edit", "e", "edit the message", READING_EDIT, "e", KEYS_NONE) \
	KEY("read-regen", "r", "answer once more", READING_REGEN, "r", KEYS_NONE) \
	KEY("read-continue", "c", "go on with a cut answer", READING_CONTINUE, "c", KEYS_NONE) \
	KEY("read-fork", "f", "a new session from here", READING_FORK, "f", KEYS_NONE) \
	KEY("read-leave", "q, i, Esc", "back to typing", READING_LEAVE, "qi", KEYS_ESC, KEYS_STOP)

struct reading_key {
	enum keys_reading reading;
	const char *chars;
	enum keys_action keys[2];
};

#define READING_KEY(name, keys, does, reading, chars, ...) { reading, chars, { __VA_ARGS__ } },
#define READING_HELP(name, keys, does, ...) { keys, does },
#define READING_NAME(name, keys, does, ...) { name, does },

static const struct reading_key reading_keys[] = { READING_TABLE(READING_KEY) };
static const struct ui_key_help reading_help[] = { READING_TABLE(READING_HELP) { NULL, NULL } };

enum { N_READING_KEYS = sizeof reading_keys / sizeof *reading_keys };

/* Every action by its name: the rows of both tables, each followed by the one that frees a key. */
static const struct ui_key_help names[] = {
	KEY_TABLE(NAME) { "none", "nothing while typing" },
	READING_TABLE(READING_NAME) { "read-none", "nothing while reading" },
	{ NULL, NULL }
};

/* ---------------------------------------------------------------- what a person bound */

struct bound {
	char *sequence, *key;
	int row;                        /* of its table; behind the last one: nothing */
};

/* What lies over one of the two tables. */
struct layer {
	struct bound *at;
	int n;
};

struct ui_keymap {
	struct layer typing, reading;
	/* the tables in force; keys owned */
	struct ui_key_help help[N_BINDINGS + 1], reading_help[N_READING_KEYS + 1];
};

static const struct bound *
find_in(const struct layer *layer, const char *s, size_t n)
{
	for (int i = 0; i < layer->n; i++)
		if (strlen(layer->at[i].sequence) == n && memcmp(layer->at[i].sequence, s, n) == 0)
			return &layer->at[i];
	return NULL;
}

static const struct bound *
find_bound(const struct ui_keymap *map, const char *s, size_t n)
{
	return map ? find_in(&map->typing, s, n) : NULL;
}

static const struct bound *
find_reading(const struct ui_keymap *map, const char *s, size_t n)
{
	return map ? find_in(&map->reading, s, n) : NULL;
}

/* While reading, characters are keys as well. */
static int
reading_sequences(const char *key, char sequences[KEYNAME_MOST][KEYNAME_BYTES])
{
	const bool space = strcasecmp(key, "Space") == 0;

	if (!space && (key[0] <= ' ' || key[0] > '~' || key[1]))
		return keyname_sequences(key, sequences);
	strcpy(sequences[0], space ? " " : key);
	return 1;
}

/* Whether one of the key's sequences means something else now. */
static bool
is_taken(const struct layer *layer, const char *key)
{
	char sequences[KEYNAME_MOST][KEYNAME_BYTES];
	const int n = reading_sequences(key, sequences);

	for (int i = 0; i < n; i++)
		if (find_in(layer, sequences[i], strlen(sequences[i])))
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

/* Those of the names "j, Down" that no layer has taken. */
static void
add_free(struct buf *out, const char *keys, const struct layer *layer, const struct layer *other)
{
	for (const char *p = keys, *end; *p; p = *end ? end + 2 : end) {
		char *key;

		end = strstr(p, ", ") ? strstr(p, ", ") : p + strlen(p);
		key = xstrndup(p, (size_t)(end - p));
		if (!is_taken(layer, key) && !(other && is_taken(other, key)))
			add_name(out, key, strlen(key));
		free(key);
	}
}

/* The keys that were bound to a row, but for those that another layer has. */
static void
add_bound(struct buf *out, const struct layer *layer, int row, const struct layer *over)
{
	const char *last = "";

	for (int i = 0; i < layer->n; i++)
		if (layer->at[i].row == row && strcmp(layer->at[i].key, last) != 0 && !(over && is_taken(over, layer->at[i].key)))
			add_name(out, last = layer->at[i].key, strlen(layer->at[i].key));
}

static char *
take_keys(struct buf *out)
{
	return out->n ? buf_take(out) : xstrdup("(no key)");
}

/* The keys of a row: those of the table that are not taken, and those that were bound to it. */
static char *
keys_of(const struct ui_keymap *map, int row)
{
	struct buf out = {0};

	add_free(&out, help[row].keys, &map->typing, NULL);
	add_bound(&out, &map->typing, row, NULL);
	return take_keys(&out);
}

static bool
reads_as(const struct reading_key *key, enum keys_action action)
{
	return action != KEYS_NONE && (key->keys[0] == action || key->keys[1] == action);
}

/* The same while reading. What is bound to a row of typing that means the same here is a key as well. */
static char *
reading_keys_of(const struct ui_keymap *map, int row)
{
	struct buf out = {0};

	add_free(&out, reading_help[row].keys, &map->reading, &map->typing);
	for (int i = 0; i < N_BINDINGS; i++)
		if (reads_as(&reading_keys[row], bindings[i].action))
			add_bound(&out, &map->typing, i, &map->reading);
	add_bound(&out, &map->reading, row, NULL);
	return take_keys(&out);
}

static void
write_help(struct ui_keymap *map)
{
	for (int i = 0; i < N_BINDINGS; i++) {
		free((void *)map->help[i].keys);
		map->help[i] = (struct ui_key_help){ keys_of(map, i), help[i].does };
	}
	for (int i = 0; i < N_READING_KEYS; i++) {
		free((void *)map->reading_help[i].keys);
		map->reading_help[i] = (struct ui_key_help){ reading_keys_of(map, i), reading_help[i].does };
	}
}

struct ui_keymap *
ui_keymap_new(void)
{
	struct ui_keymap *map = xcalloc(1, sizeof *map);

	write_help(map);
	return map;
}

static void
free_layer(struct layer *layer)
{
	for (int i = 0; i < layer->n; i++) {
		free(layer->at[i].sequence);
		free(layer->at[i].key);
	}
	free(layer->at);
}

void
ui_keymap_free(struct ui_keymap *map)
{
	if (!map)
		return;
	free_layer(&map->typing);
	free_layer(&map->reading);
	for (int i = 0; i < N_BINDINGS; i++)
		free((void *)map->help[i].keys);
	for (int i = 0; i < N_READING_KEYS; i++)
		free((void *)map->reading_help[i].keys);
	free(map);
}

static void
bind_sequence(struct layer *layer, const char *sequence, const char *key, int row)
{
	struct bound *b = (struct bound *)find_in(layer, sequence, strlen(sequence));

	if (!b) {
		layer->at = xreallocarray(layer->at, (size_t)layer->n + 1, sizeof *layer->at);
		b = &layer->at[layer->n++];
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
	int row = 0, n;
	bool reading;

	while (names[row].keys && strcmp(names[row].keys, action) != 0)
		row++;
	if (!names[row].keys) {
		error_set(err, CODE_USAGE, "bind %s: there is no action '%s'", key, action);
		return error_hint(err, "ivchat help actions");
	}
	reading = row > N_BINDINGS;
	n = reading ? reading_sequences(key, sequences) : keyname_sequences(key, sequences);
	if (n == 0) {
		error_set(err, CODE_USAGE, "bind %s: this is not a key that can be bound", key);
		return error_hint(err, "Ctrl-O, Alt-I, F5, Alt-Up and the like; characters alone only to actions that begin with read-");
	}
	for (int i = 0; i < n; i++)
		bind_sequence(reading ? &map->reading : &map->typing, sequences[i], key, reading ? row - N_BINDINGS - 1 : row);
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
ui_reading_table(const struct ui_keymap *map)
{
	return map ? map->reading_help : reading_help;
}

/* The row of reading mode, or -1: these bytes, which mean that action while typing, do nothing there. */
static int
reading_row(const struct ui_keymap *map, const char *s, size_t n, enum keys_action action)
{
	const struct bound *bound = find_reading(map, s, n);

	if (bound)
		return bound->row < N_READING_KEYS ? bound->row : -1;
	for (int i = 0; i < N_READING_KEYS; i++)
		if (reads_as(&reading_keys[i], action) || (n == 1 && s[0] && strchr(reading_keys[i].chars, s[0])))
			return i;
	return -1;
}

enum keys_reading
keys_reading_find(const struct ui_keymap *map, const char *s, size_t n, enum keys_action action)
{
	const int row = reading_row(map, s, n, action);

	return row < 0 ? READING_NONE : reading_keys[row].reading;
}

bool
keys_reading_bound(const struct ui_keymap *map, const char *s, size_t n)
{
	return find_reading(map, s, n) != NULL;
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

/* Whether the layer has a longer sequence that begins like this. */
static bool
goes_on(const struct layer *layer, const char *s, size_t n)
{
	for (int i = 0; i < layer->n; i++)
		if (strlen(layer->at[i].sequence) > n && strncmp(layer->at[i].sequence, s, n) == 0)
			return true;
	return false;
}

static bool
is_character(const char *s, size_t n)
{
	return n == 1 && (unsigned char)s[0] >= ' ' && s[0] != 0x7f;
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
	if (map && (goes_on(&map->typing, s, n) || goes_on(&map->reading, s, n)))
		*more = true;
	if (bound)
		found = bound->row < N_BINDINGS ? bindings[bound->row].action : KEYS_NONE;
	if (found == KEYS_NONE && !is_character(s, n) && find_reading(map, s, n))
		return KEYS_READS;
	return found;
}

void
keys_each_readline(const struct ui_keymap *map, void (*fn)(void *arg, const char *seq, const char *command, bool own), void *arg)
{
	for (int i = 0; i < N_BINDINGS; i++)
		for (int k = 0; bindings[i].command && k < SEQUENCES_MAX && bindings[i].sequences[k]; k++)
			if (!find_bound(map, bindings[i].sequences[k], strlen(bindings[i].sequences[k])))
				fn(arg, bindings[i].sequences[k], bindings[i].command, false);
	for (int i = 0; map && i < map->typing.n; i++) {
		const struct bound *b = &map->typing.at[i];

		if (b->row == N_BINDINGS || bindings[b->row].command)
			fn(arg, b->sequence, b->row < N_BINDINGS ? bindings[b->row].command : "nothing", true);
	}
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

const struct ui_key_help *
keys_reading_help(const struct ui_keymap *map, const char *s, size_t n)
{
	bool more;
	const int row = reading_row(map, s, n, keys_find(map, s, n, &more));

	return row < 0 ? NULL : &ui_reading_table(map)[row];
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
