/* colors.c: see colors.h. A name stands for one role or a few that belong together; a value is words: a colour, "on" and
 * the colour behind it, attributes. What is not said stays as the theme has it. */
#include "config.h"

#include "ui/colors.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

enum { ROLES_MOST = 4, NOT_SAID = -2 };

static const struct {
	const char *name, *what;
	int roles[ROLES_MOST];          /* the rest is -1 */
} names[] = {
	{ "text", "text", { ROLE_TEXT, ROLE_INPUT, ROLE_ITEM, -1 } },
	{ "user", "the label of your messages", { ROLE_USER, -1, -1, -1 } },
	{ "answer", "the label of answers", { ROLE_ANSWER, -1, -1, -1 } },
	{ "note", "what the program says", { ROLE_NOTE, ROLE_HINT, -1, -1 } },
	{ "error", "errors", { ROLE_ERROR, -1, -1, -1 } },
	{ "rule", "rules across the screen", { ROLE_RULE, ROLE_RULE_TEXT, ROLE_LINE, -1 } },
	{ "mark", "marks such as [stopped]", { ROLE_MARK, -1, -1, -1 } },
	{ "picture", "labels of pictures, and chips", { ROLE_PICTURE, ROLE_CHIP, -1, -1 } },
	{ "bar", "the bar beside the selected message", { ROLE_BAR, -1, -1, -1 } },
	{ "cursor", "the bar of the line with the reading cursor", { ROLE_BAR_HERE, -1, -1, -1 } },
	{ "found", "matches of a search", { ROLE_FOUND, -1, -1, -1 } },
	{ "found.here", "the match that is stood on", { ROLE_FOUND_HERE, -1, -1, -1 } },
	{ "heading", "headings", { ROLE_HEADING1, ROLE_HEADING2, ROLE_HEADING3, -1 } },
	{ "emph", "emphasis", { ROLE_EMPH, -1, -1, -1 } },
	{ "strong", "strong emphasis", { ROLE_STRONG, -1, -1, -1 } },
	{ "link", "links", { ROLE_LINK, -1, -1, -1 } },
	{ "url", "where links lead", { ROLE_URL, -1, -1, -1 } },
	{ "ref", "things whose place in the picture is known", { ROLE_REF, -1, -1, -1 } },
	{ "math", "formulas", { ROLE_MATH, -1, -1, -1 } },
	{ "list", "bullets and numbers", { ROLE_LIST, -1, -1, -1 } },
	{ "quote", "the bar beside a quote", { ROLE_QUOTE, -1, -1, -1 } },
	{ "code", "code", { ROLE_CODE, -1, -1, -1 } },
	{ "code.keyword", "words of the language", { ROLE_CODE_KEYWORD, -1, -1, -1 } },
	{ "code.string", "strings", { ROLE_CODE_STRING, -1, -1, -1 } },
	{ "code.comment", "comments", { ROLE_CODE_COMMENT, ROLE_CODE_NAME, -1, -1 } },
	{ "code.number", "numbers", { ROLE_CODE_NUMBER, -1, -1, -1 } },
	{ "status", "the status line", { ROLE_STATUS, ROLE_STATUS_NAME, -1, -1 } },
	{ "status.state", "what goes on, in the status line", { ROLE_STATUS_STATE, -1, -1, -1 } },
	{ "status.warm", "a context that is three quarters full", { ROLE_STATUS_WARM, -1, -1, -1 } },
	{ "status.hot", "a context that is nearly full", { ROLE_STATUS_HOT, -1, -1, -1 } },
	{ "prompt", "the prompt of the input", { ROLE_PROMPT, -1, -1, -1 } },
	{ "selected", "the selected line of a list", { ROLE_ITEM_HERE, ROLE_MATCH_HERE, -1, -1 } },
};

enum { N_NAMES = sizeof names / sizeof *names };

struct own_look {
	short fg, bg;                   /* NOT_SAID: as the theme has it */
	bool has_attributes;
	bool bold, dim, underline, reverse, italic;
};

struct ui_colors {
	struct own_look looks[N_ROLES];
};

struct ui_colors *
ui_colors_new(void)
{
	struct ui_colors *c = xcalloc(1, sizeof *c);

	for (int i = 0; i < N_ROLES; i++)
		c->looks[i].fg = c->looks[i].bg = NOT_SAID;
	return c;
}

void
ui_colors_free(struct ui_colors *c)
{
	free(c);
}

/* ---------------------------------------------------------------- words */

/* The nearest step of the cube's levels. */
static int
cube_step(int level)
{
	return level < 48 ? 0 : level < 115 ? 1 : (level - 35) / 40;
}

static short
nearest(long rgb)
{
	const int r = (int)(rgb >> 16 & 255), g = (int)(rgb >> 8 & 255), b = (int)(rgb & 255);
	const int grey = (r + g + b) / 3;

	if (abs(r - grey) < 10 && abs(g - grey) < 10 && abs(b - grey) < 10 && grey >= 8 && grey <= 238)
		return (short)(232 + (grey - 3) / 10);
	return (short)(16 + 36 * cube_step(r) + 6 * cube_step(g) + cube_step(b));
}

/* "red", "214", "#ff8800", "default" (the terminal's own). */
static bool
read_color(const char *word, short *color)
{
	static const char *const basic[] = { "black", "red", "green", "yellow", "blue", "magenta", "cyan", "white" };
	char *end;
	long n;

	for (size_t i = 0; i < sizeof basic / sizeof *basic; i++)
		if (strcmp(basic[i], word) == 0) {
			*color = (short)i;
			return true;
		}
	if (strcmp(word, "default") == 0) {
		*color = -1;
		return true;
	}
	n = strtol(*word == '#' ? word + 1 : word, &end, *word == '#' ? 16 : 10);
	if (*end || end == word || *word == '-' || *word == '+' || (*word == '#' ? strlen(word) != 7 : n > 255))
		return false;
	*color = *word == '#' ? nearest(n) : (short)n;
	return true;
}

static bool
read_attribute(const char *word, struct own_look *look)
{
	struct {
		const char *name;
		bool *to;
	} attributes[] = {
		{ "bold", &look->bold }, { "dim", &look->dim }, { "underline", &look->underline },
		{ "reverse", &look->reverse }, { "italic", &look->italic },
	};

	for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++)
		if (strcmp(attributes[i].name, word) == 0) {
			look->has_attributes = *attributes[i].to = true;
			return true;
		}
	if (strcmp(word, "plain") != 0)
		return false;
	look->has_attributes = true;
	return true;
}

/* Takes the words of text apart, in place. */
static bool
read_look(char *text, struct own_look *look)
{
	char *rest = NULL;

	*look = (struct own_look){ .fg = NOT_SAID, .bg = NOT_SAID };
	for (char *word = strtok_r(text, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest)) {
		if (strcmp(word, "on") == 0) {
			word = strtok_r(NULL, " \t", &rest);
			if (!word || !read_color(word, &look->bg))
				return false;
		} else if (!read_attribute(word, look) && !read_color(word, &look->fg)) {
			return false;
		}
	}
	return look->fg != NOT_SAID || look->bg != NOT_SAID || look->has_attributes;
}

/* ---------------------------------------------------------------- the door */

int
ui_colors_set(struct ui_colors *c, const char *name, const char *value, struct error *err)
{
	struct own_look look;
	char *text = xstrdup(value);
	bool good = read_look(text, &look);
	int at = 0;

	free(text);
	while (at < N_NAMES && strcmp(names[at].name, name) != 0)
		at++;
	if (at == N_NAMES) {
		error_set(err, CODE_USAGE, "color.%s: nothing has this name", name);
		return error_hint(err, "ivchat help colors");
	}
	if (!good)
		return error_set(err, CODE_USAGE,
		    "color.%s '%s': must be a colour (red, 214, #ff8800, default), on a colour, and bold, dim, italic, "
		    "underline, reverse or plain", name, value);
	for (int i = 0; i < ROLES_MOST && names[at].roles[i] >= 0; i++)
		c->looks[names[at].roles[i]] = look;
	return 0;
}

const struct ui_key_help *
ui_color_table(void)
{
	static struct ui_key_help table[N_NAMES + 1];

	for (int i = 0; i < N_NAMES; i++)
		table[i] = (struct ui_key_help){ names[i].name, names[i].what };
	return table;
}

void
colors_apply(const struct ui_colors *c, enum theme_role role, struct theme_look *look)
{
	const struct own_look *own = c ? &c->looks[role] : NULL;

	if (!own)
		return;
	if (own->fg != NOT_SAID)
		look->fg = own->fg;
	if (own->bg != NOT_SAID)
		look->bg = own->bg;
	if (!own->has_attributes)
		return;
	look->bold = own->bold;
	look->dim = own->dim;
	look->underline = own->underline;
	look->reverse = own->reverse;
	look->italic = own->italic;
}
