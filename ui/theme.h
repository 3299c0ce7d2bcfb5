/* theme.h: names → attributes. Everything in ui/ speaks of roles; what a role looks like is decided here alone, and
 * only screen.c turns it into curses. Pure. */
#ifndef UI_THEME_H
#define UI_THEME_H

#include <stdbool.h>

#include "ui/ui.h"

enum theme_role {
	ROLE_TEXT,
	/* the conversation */
	ROLE_USER,              /* the label "User" */
	ROLE_ANSWER,            /* the label "Assistant" */
	ROLE_NOTE,
	ROLE_ERROR,
	ROLE_RULE,
	ROLE_MARK,              /* "[stopped]" after a text */
	ROLE_PICTURE,           /* the label under a picture, or instead of it */
	ROLE_BAR,               /* at the left of the selected message */
	ROLE_BAR_HERE,          /* and of the line with the cursor */
	ROLE_FOUND,             /* a match */
	ROLE_FOUND_HERE,        /* the one that is stood on */
	/* an answer's text */
	ROLE_HEADING1,
	ROLE_HEADING2,
	ROLE_HEADING3,          /* and smaller ones */
	ROLE_EMPH,
	ROLE_STRONG,
	ROLE_STRIKE,
	ROLE_LINK,
	ROLE_URL,               /* where a link leads, after its text */
	ROLE_REF,               /* a thing whose place in the picture is known */
	ROLE_MATH,
	ROLE_LIST,              /* bullets and numbers */
	ROLE_QUOTE,             /* the bar beside a quote */
	ROLE_LINE,              /* rules, the lines of tables */
	ROLE_CODE,
	ROLE_CODE_NAME,         /* of the language, above the code */
	ROLE_CODE_KEYWORD,
	ROLE_CODE_STRING,
	ROLE_CODE_COMMENT,
	ROLE_CODE_NUMBER,
	ROLE_CODE_ADDED,
	ROLE_CODE_REMOVED,
	/* the status line */
	ROLE_STATUS,
	ROLE_STATUS_NAME,
	ROLE_STATUS_STATE,
	ROLE_STATUS_WARM,       /* context from 75 % */
	ROLE_STATUS_HOT,        /* context from 90 % */
	ROLE_STATUS_PRIVATE,
	ROLE_STATUS_BELOW,      /* "+12 lines" */
	ROLE_STATUS_MODE,       /* "READING" */
	/* the input and what stands above it */
	ROLE_CHIP,              /* a staged picture */
	ROLE_FLASH,
	ROLE_PROMPT,
	ROLE_INPUT,
	ROLE_CONTROL,           /* ^X, <9B>: a character that has no shape of its own */
	ROLE_MATCH,             /* a completion */
	ROLE_MATCH_HERE,
	/* lists and pages */
	ROLE_TITLE,
	ROLE_ITEM,
	ROLE_ITEM_HERE,
	ROLE_FILTER,
	ROLE_HINT,
	ROLE_KEY,               /* a key or command on a page of help */
	ROLE_RULE_TEXT,
	N_ROLES
};

struct theme_look {
	short fg, bg;           /* of the 256 colours, or -1: the terminal's own */
	bool bold, dim, underline, reverse;
	bool italic;            /* underlined where there is none */
};

/* AUTO is dark; without colour every theme is mono. Never NULL. */
const struct theme_look *
theme_look(enum ui_theme theme, bool color, enum theme_role role);

/* For a terminal that has only the first 8 or 16 colours, which no palette makes the same: the attributes of mono, and
 * the hue where the theme has one and nothing is reversed. */
struct theme_look
theme_few(enum ui_theme theme, enum theme_role role);

/* The one of the first eight colours with the hue of one of the 256; -1: a grey, or none. */
short
theme_hue(short color);

#endif
