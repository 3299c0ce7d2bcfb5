/* keys.c: see keys.h. The tables below are the only place that knows sequences. A row is an action of ours, or
 * (KEYS_NONE) a command of readline by its name; help shows every row. */
#include "config.h"

#include "ui/keys.h"

#include <string.h>

#define KEY_TABLE(KEY) \
	KEY("Enter", "send", KEYS_SEND, NULL, "\r", "\033OM") \
	KEY("Alt-Enter, Ctrl-J", "new line", KEYS_NEWLINE, NULL, "\033\r", "\n", "\033\n", "\033[13;2u", "\033[27;2;13~") \
	KEY("Ctrl-C", "stop the answer; else clear the input", KEYS_STOP, NULL, "\003") \
	KEY("Ctrl-D", "delete; in an empty input: leave", KEYS_DELETE, NULL, "\004") \
	KEY("Backspace", "delete back; in an empty input: take the last picture back", KEYS_BACKSPACE, NULL, \
		"\177", "\b") \
	KEY("Up", "line up; on the first line: history", KEYS_UP, NULL, "\033[A", "\033OA") \
	KEY("Down", "line down; on the last line: history", KEYS_DOWN, NULL, "\033[B", "\033OB") \
	KEY("Alt-Up", "last own message back into the input", KEYS_RECALL, NULL, \
		"\033[1;3A", "\033[1;9A", "\033\033[A", "\033\033OA") \
	KEY("Ctrl-R", "search the history; Enter takes, Esc leaves", KEYS_NONE, "reverse-search-history", "\022") \
	KEY("Tab", "complete; again: next match", KEYS_COMPLETE, NULL, "\t") \
	KEY("Shift-Tab", "previous match", KEYS_COMPLETE_BACK, NULL, "\033[Z") \
	KEY("Ctrl-A, Home", "line start", KEYS_HOME, NULL, "\001", "\033[H", "\033OH", "\033[1~", "\033[7~") \
	KEY("Ctrl-E, End", "line end; in an empty input: end of the conversation", KEYS_END, NULL, \
		"\005", "\033[F", "\033OF", "\033[4~", "\033[8~") \
	KEY("Alt-B, Ctrl-Left", "word back", KEYS_NONE, "backward-word", \
		"\033b", "\033[1;5D", "\033[1;3D", "\033Od", "\033[5D") \
	KEY("Alt-F, Ctrl-Right", "word forward", KEYS_NONE, "forward-word", \
		"\033f", "\033[1;5C", "\033[1;3C", "\033Oc", "\033[5C") \
	KEY("Delete", "delete", KEYS_NONE, "delete-char", "\033[3~") \
	KEY("Ctrl-K", "kill to the end", KEYS_NONE, "kill-line", "\013") \
	KEY("Ctrl-U", "kill to the beginning", KEYS_NONE, "unix-line-discard", "\025") \
	KEY("Ctrl-W", "kill the word before, up to a blank", KEYS_NONE, "unix-word-rubout", "\027") \
	KEY("Alt-D", "kill the word after", KEYS_NONE, "kill-word", "\033d") \
	KEY("Alt-Backspace", "kill the word before", KEYS_NONE, "backward-kill-word", "\033\177", "\033\b") \
	KEY("Ctrl-Y", "yank what was killed", KEYS_NONE, "yank", "\031") \
	KEY("Alt-Y", "yank what was killed before that", KEYS_NONE, "yank-pop", "\033y") \
	KEY("Ctrl-_", "undo", KEYS_NONE, "undo", "\037") \
	KEY("Ctrl-T", "transpose", KEYS_NONE, "transpose-chars", "\024") \
	KEY("PgUp", "scroll a page up", KEYS_PAGE_UP, NULL, "\033[5~") \
	KEY("PgDn", "scroll a page down", KEYS_PAGE_DOWN, NULL, "\033[6~") \
	KEY("Alt-P", "scroll a line up", KEYS_LINE_UP, NULL, "\033p") \
	KEY("Alt-N", "scroll a line down", KEYS_LINE_DOWN, NULL, "\033n") \
	KEY("Ctrl-Home", "beginning of the conversation", KEYS_TOP, NULL, "\033[1;5H", "\033[7^") \
	KEY("Ctrl-End", "end of the conversation", KEYS_BOTTOM, NULL, "\033[1;5F", "\033[8^") \
	KEY("Ctrl-S", "find in the conversation", KEYS_FIND, NULL, "\023") \
	KEY("Esc", "read: move through the conversation by single keys; leave a list, a page, a search", KEYS_ESC, NULL, \
		NULL) \
	KEY("Ctrl-V", "add a picture from the clipboard", KEYS_CLIPBOARD, NULL, "\026") \
	KEY("Alt-I", "choose a picture of this folder", KEYS_PICTURES, NULL, "\033i") \
	KEY("Alt-M", "mouse on or off", KEYS_MOUSE, NULL, "\033m") \
	KEY("Ctrl-O", "sessions", KEYS_SESSIONS, NULL, "\017") \
	KEY("Ctrl-L", "redraw all, pictures too", KEYS_REDRAW, NULL, "\014") \
	KEY("Ctrl-Z", "suspend", KEYS_SUSPEND, NULL, "\032") \
	KEY("F1", "help", KEYS_HELP, NULL, "\033OP", "\033[11~", "\033[[A", "\033[P")

enum { SEQUENCES_MAX = 6 };

struct binding {
	enum keys_action action;
	const char *command;
	const char *sequences[SEQUENCES_MAX];
};

#define BINDING(keys, does, action, command, ...) { action, command, { __VA_ARGS__ } },
#define HELP(keys, does, action, command, ...) { keys, does },

static const struct binding bindings[] = { KEY_TABLE(BINDING) };
static const struct ui_key_help help[] = { KEY_TABLE(HELP) { NULL, NULL } };

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

const struct ui_key_help *
ui_key_table(void)
{
	return help;
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

enum keys_action
keys_find(const char *s, size_t n, bool *more)
{
	enum keys_action found = KEYS_NONE;

	*more = false;
	for (int i = 0; i < N_BINDINGS; i++) {
		const char *const *seq = bindings[i].sequences;

		for (int k = 0; bindings[i].action != KEYS_NONE && k < SEQUENCES_MAX && seq[k]; k++) {
			if (strncmp(seq[k], s, n) != 0)
				continue;
			if (seq[k][n])
				*more = true;
			else
				found = bindings[i].action;
		}
	}
	return found;
}

void
keys_each_readline(void (*fn)(void *arg, const char *seq, const char *command), void *arg)
{
	for (int i = 0; i < N_BINDINGS; i++)
		for (int k = 0; bindings[i].command && k < SEQUENCES_MAX && bindings[i].sequences[k]; k++)
			fn(arg, bindings[i].sequences[k], bindings[i].command);
}

const struct ui_key_help *
keys_help(const char *s, size_t n)
{
	for (int i = 0; i < N_BINDINGS; i++)
		for (int k = 0; k < SEQUENCES_MAX && bindings[i].sequences[k]; k++)
			if (strlen(bindings[i].sequences[k]) == n && memcmp(bindings[i].sequences[k], s, n) == 0)
				return &help[i];
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
