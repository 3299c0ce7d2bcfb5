/* slash.c: the slash commands as one table, and how a line finds its command: by name, by alias, by a prefix that only
 * one of them has. /help, completion and `ivchat help` read the same table; the functions are in commands.c. */
#include "config.h"

#include "slash.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "commands.h"
#include "copy.h"
#include "internal.h"
#include "show.h"

static const struct slash table[] = {
	{ "help", "?", "[COMMAND]", "this page, or one line of it", WORDS_COMMANDS, command_help },
	{ "image", "", "[PATH...]", "add pictures to the next message", WORDS_PATHS, command_image },
	{ "images", "", "", "list the pictures of this conversation", WORDS_NONE, command_images },
	{ "view", "", "N", "picture #N over the whole screen", WORDS_NONE, command_view },
	{ "compare", "", "N M", "two pictures side by side", WORDS_NONE, command_compare },
	{ "find", "", "TEXT", "find in this conversation", WORDS_NONE, command_find },
	{ "copy", "", "[last|code [N]|all]", "answer, code or all into the clipboard", WORDS_NONE, command_copy },
	{ "detach", "", "N|all", "take back a picture that is not sent yet", WORDS_STAGED, command_detach },
	{ "system", "", "[TEXT|@FILE|none|default]", "the system message, from the next turn on", WORDS_SYSTEM, command_system },
	{ "set", "", "[KEY [VALUE]]", "show or change how answers are chosen", WORDS_SETTINGS, command_set },
	{ "preset", "", "[NAME]", "system message and sampling of that name", WORDS_NONE, command_preset },
	{ "new", "clear", "[NAME]", "begin another conversation", WORDS_NONE, command_new },
	{ "sessions", "resume", "[WHICH]", "go on with a stored conversation", WORDS_SESSIONS, command_sessions },
	{ "rename", "", "NAME", "name this conversation", WORDS_NONE, command_rename },
	{ "undo", "", "", "go one turn back, question into the input", WORDS_NONE, command_undo },
	{ "regen", "", "[TEMP]", "answer the last question once more", WORDS_NONE, command_regen },
	{ "continue", "", "", "go on with an answer that was stopped or cut", WORDS_NONE, command_continue },
	{ "edit", "", "[N]", "a question back into the input, to be asked anew", WORDS_NONE, command_edit },
	{ "fork", "", "[NAME]", "go on in a new session of this branch", WORDS_NONE, command_fork },
	{ "context", "", "", "what takes how many tokens", WORDS_NONE, command_context },
	{ "tokens", "", "", "tokens of the prompt and of the last answer", WORDS_NONE, command_tokens },
	{ "verify", "", "[TURN]", "whether the answers come out the same once more", WORDS_NONE, command_verify },
	{ "pin", "", "[N]", "keep a turn in the context, or let it go", WORDS_NONE, command_pin },
	{ "drop", "", "N", "let the model forget a turn, or see it again", WORDS_NONE, command_drop },
	{ "note", "", "[TEXT]", "write a note here, which the model is not told of; list those there are", WORDS_NONE, command_note },
	{ "search", "", "PATTERN", "find text in all conversations", WORDS_NONE, command_search },
	{ "tag", "", "[[-]TAG...]", "show, put on or take off tags", WORDS_NONE, command_tag },
	{ "export", "", "[FORMAT] [FILE]", "write this conversation as md, html, json, txt or cast", WORDS_NONE, command_export },
	{ "private", "", "", "begin a conversation that is not kept", WORDS_NONE, command_private },
	{ "info", "", "", "model, device, context, session file", WORDS_NONE, command_info },
	{ "save", "", "[FOLDER]", "where this conversation is kept; keep it in FOLDER from now on", WORDS_PATHS, command_save },
	{ "raw", "", "", "answers as they were written, or styled again", WORDS_NONE, command_raw },
	{ "redraw", "", "", "paint the screen anew", WORDS_NONE, command_redraw },
	{ "quit", "exit bye q", "", "leave", WORDS_NONE, command_quit },
	{ 0 },
};

const struct slash *
app_slash_table(void)
{
	return table;
}

char *
app_slash_does(const struct slash *s)
{
	struct buf out = {0};

	buf_str(&out, s->does);
	for (const char *a = s->aliases; *a; a += strcspn(a, " "), a += *a == ' ')
		buf_printf(&out, "%s/%.*s", a == s->aliases ? "; also " : ", ", (int)strcspn(a, " "), a);
	return buf_take(&out);
}

static bool
has_alias(const struct slash *s, const char *word)
{
	size_t n = strlen(word);

	for (const char *a = s->aliases; *a; a += strcspn(a, " "), a += *a == ' ')
		if (strcspn(a, " ") == n && strncmp(a, word, n) == 0)
			return true;
	return false;
}

static bool
begins_alias(const struct slash *s, const char *word)
{
	size_t n = strlen(word);

	for (const char *a = s->aliases; *a; a += strcspn(a, " "), a += *a == ' ')
		if (strncmp(a, word, n) == 0)
			return true;
	return false;
}

static const struct slash *
find_prefix(const char *word, struct error *err)
{
	const struct slash *found = NULL;
	struct buf names = {0};
	int n = 0;

	for (const struct slash *s = table; s->name && *word; s++)
		if (strncmp(s->name, word, strlen(word)) == 0 || begins_alias(s, word)) {
			found = s;
			buf_printf(&names, "%s/%s", n++ ? ", " : "", s->name);
		}
	if (n == 0) {
		error_set(err, CODE_INPUT, "there is no %s /%s", strchr(word, '/') ? "command or picture" : "command", word);
		error_hint(err, "/help lists them; //%s sends it as text", word);
	} else if (n > 1) {
		error_set(err, CODE_INPUT, "/%s can be %s", word, buf_text(&names));
	}
	buf_done(&names);
	return n == 1 ? found : NULL;
}

const struct slash *
slash_find(const char *word, struct error *err)
{
	for (const struct slash *s = table; s->name; s++)
		if (strcmp(s->name, word) == 0 || has_alias(s, word))
			return s;
	return find_prefix(word, err);
}

static int
wider(int width, size_t n)
{
	return (int)n > width ? (int)n : width;
}

int
slash_run(struct app *app, const char *line, struct error *err)
{
	size_t n = 0;
	struct buf word = {0};
	const struct slash *s;

	while (line[n] && !isspace((unsigned char)line[n]))
		n++;
	buf_add(&word, line, n);
	s = slash_find(buf_text(&word), err);
	buf_done(&word);
	if (!s)
		return -1;
	while (isspace((unsigned char)line[n]))
		n++;
	if (!s->operands[0] && line[n])
		return error_set(err, CODE_INPUT, "/%s takes nothing after it", s->name);
	return s->run(app, line + n, err);
}

static void
help_commands(struct buf *out)
{
	int width = 0;

	for (const struct slash *s = table; s->name; s++)
		width = wider(width, strlen(s->name) + strlen(s->operands) + 2);
	for (const struct slash *s = table; s->name; s++) {
		char *does = app_slash_does(s);

		buf_printf(out, "  /%s %-*s  %s\n", s->name, width - (int)strlen(s->name) - 2, s->operands, does);
		free(does);
	}
}

static void
help_keys(struct buf *out, const struct ui_key_help *keys)
{
	int width = 0;

	for (const struct ui_key_help *k = keys; k->keys; k++)
		width = wider(width, strlen(k->keys));
	for (const struct ui_key_help *k = keys; k->keys; k++)
		buf_printf(out, "  %-*s  %s\n", width, k->keys, k->does);
}

static void
help_reading(struct buf *out, const struct ui_keymap *map)
{
	buf_str(out, "Keys while reading, which Esc begins:\n");
	help_keys(out, ui_reading_table(map));
}

char *
slash_help(const struct ui_keymap *map, bool reading)
{
	struct buf out = {0};

	if (reading) {
		help_reading(&out, map);
		buf_char(&out, '\n');
	}
	buf_str(&out, "Type a message and press Enter. Commands begin with a slash; the beginning of one is enough.\n\n");
	buf_str(&out, "Commands:\n");
	help_commands(&out);
	buf_str(&out, "\nKeys:\n");
	help_keys(&out, ui_key_table(map));
	if (!reading) {
		buf_char(&out, '\n');
		help_reading(&out, map);
	}
	return buf_take(&out);
}
