/* ui.h: the door of ui/: draws and reads keys. It knows styled text, RGB and cells; no tensor, no token, no file of the
 * conversation, no thread. Main thread only; one struct ui a process (curses and readline keep their state in globals).
 *
 *     ui_open                     takes the terminal; paints the first frame at once
 *     loop: poll ui_fd and others, with ui_timeout as the longest wait
 *           ui_read when readable; ui_next until it gives no more events; set entries, status, …; ui_draw once
 *     ui_close                    gives the terminal back (also from ui_emergency, on every way out)
 *
 * The conversation is a list of entries. Text given to the ui is any bytes: it is made safe here (base/text.h) before it
 * reaches the terminal.
 */
#ifndef UI_UI_H
#define UI_UI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct ui;

enum ui_images { UI_IMAGES_AUTO, UI_IMAGES_SIXEL, UI_IMAGES_BLOCKS, UI_IMAGES_NONE };
enum ui_theme { UI_THEME_AUTO, UI_THEME_DARK, UI_THEME_LIGHT, UI_THEME_MONO };

struct ui_options {
	enum ui_images images;
	enum ui_theme theme;
	bool ascii;                     /* marks and rules in ASCII only */
	bool no_color;
	bool plain;                     /* line by line, without a screen: ui/plain.h */
	bool vi_mode;
	bool mouse;                     /* on at the start; Alt-M toggles it */
	bool source;                    /* answers as they were written: ui_set_raw */
	bool math_source;               /* of styled ones, formulas as they were written */
	bool title;                     /* "ivchat: NAME" as the terminal's */
	int image_width;                /* widest picture of the conversation in pixels, 0 = 640, which is the most */
	int image_max_kib;              /* largest sixel string, 0 = 256 */
	int paste_fold;                 /* a paste of more lines is drawn as one word; 0: none is */
	const char *const *history;     /* input lines, oldest first; copied */
	int n_history;
	/* Candidates for the word line[start..end): a malloc'd, NULL-terminated array of malloc'd whole words, or NULL.
	 * What follows a tab in one tells what it is.
	 * *is_path asks for quoting as a path. */
	char **(*complete)(void *arg, const char *line, int start, int end, bool *is_path);
	void *complete_arg;
	const struct ui_keymap *keymap; /* NULL: as built in; lent until ui_close */
	const struct ui_colors *colors; /* NULL: the theme's; lent until ui_close */
	/* A paste, before it becomes text of the input. true: it was something else, a picture, and is taken. NULL: none is. */
	bool (*paste)(void *arg, const char *text, size_t n);
	void *paste_arg;
};

/* Fails with CODE_USAGE: not a terminal, locale not UTF-8, TERM unknown, screen too small (40x8) is not a failure (one
 * line says so and waits for a resize). */
struct ui *
ui_open(const struct ui_options *options, struct error *err);
void
ui_close(struct ui *ui);

/* Gives the terminal back before the end: what is set afterwards is not shown. */
void
ui_let_go(struct ui *ui);

/* Async-signal-safe: gives the terminal back by one write; for crash and kill handlers. */
void
ui_emergency(void);

/* ---------------------------------------------------------------- events */

/* What a key asks of the program; what only moves text or the view is done inside. One table in keys.c names them. */
enum ui_action {
	UI_ACT_NONE,
	UI_ACT_INTERRUPT,       /* Ctrl-C with an empty line: stop the answer; the ui clears a non-empty line itself,
	                           unless ui_set_busy said that an answer runs: then it is always sent */
	UI_ACT_QUIT,            /* Ctrl-D on an empty line */
	UI_ACT_SUSPEND,         /* Ctrl-Z: call ui_suspend */
	UI_ACT_SESSIONS,        /* Ctrl-O */
	UI_ACT_HELP,            /* F1; in reading mode `entry` of the event is the selected one */
	UI_ACT_UNSTAGE,         /* Backspace in an empty input: take the last staged picture back */
	UI_ACT_RECALL,          /* Alt-Up: last own message back into the input */
	UI_ACT_CLIPBOARD,       /* Ctrl-V: a picture from the clipboard, which the terminal does not give */
	UI_ACT_PICTURES,        /* Alt-I: choose among the pictures of a folder */
	UI_ACT_EDITOR,          /* Ctrl-G: the input into an editor; ui_lend the terminal to it */
	/* of reading mode: `entry` of the event is the selected one. Those of this line lead back to typing by themselves: */
	UI_ACT_EDIT, UI_ACT_REGEN, UI_ACT_CONTINUE, UI_ACT_FORK,
	UI_ACT_BRANCH_PREV, UI_ACT_BRANCH_NEXT, /* when entries are made anew: ui_select the one to stand on */
	UI_ACT_COPY, UI_ACT_COPY_CODE,
	UI_ACT_ENLARGE,         /* `picture` of the event says which: answer by ui_show */
	UI_ACT_VIEW,            /* the same, as the model sees it */
	UI_ACT_BOXES,           /* the boxes that an answer names, on their picture */
};

enum ui_event_kind {
	UI_EVENT_LINE,          /* Enter: text is the input, which is now empty */
	UI_EVENT_ACTION,
	UI_EVENT_PICK,          /* a picker ended: pick = index, or -1 when left */
	UI_EVENT_PREVIEW,       /* a picker of ui_pick_pictures stands on pick: answer by ui_preview */
	UI_EVENT_PICTURE,       /* Ctrl-V, and the terminal has one: text is its file, owned by the caller */
	UI_EVENT_TYPED,         /* the input changed (for token counts); at most one a read */
	UI_EVENT_KEY,           /* after ui_set_keys_only */
	UI_EVENT_EOF,           /* the terminal is gone */
};

/* Keys that are no character: beyond the code points. */
enum ui_key {
	UI_KEY_LEFT = 0x110000, UI_KEY_RIGHT, UI_KEY_ENTER, UI_KEY_BACKSPACE, UI_KEY_ESC, UI_KEY_INTERRUPT, UI_KEY_EOF,
};

struct ui_event {
	enum ui_event_kind kind;
	enum ui_action action;
	int32_t key;            /* KEY: a code point or one of enum ui_key */
	char *text;             /* LINE: owned by the caller */
	size_t text_n;
	int pick;
	int entry;              /* ACTION of reading mode: the selected entry, or 0 */
	int picture;            /* ENLARGE, VIEW: which picture of that entry, from 0 */
};

int
ui_fd(const struct ui *ui);                     /* wait for POLLIN here */
int
ui_timeout(const struct ui *ui);                /* ms until ui_draw has something to do by itself, or -1 */
void
ui_read(struct ui *ui);                         /* takes what is there; never waits */
/* The next event. Keys behind it are looked at when it has been dealt with: they may be for a list that it opens. */
bool
ui_next(struct ui *ui, struct ui_event *event);
/* Line by line only: takes no message while true, which it is at first; nothing is said before ui_draw. */
void
ui_hold(struct ui *ui, bool held);
/* Nothing is typed from now on: characters, and keys that neither scroll nor act on the screen, come as UI_EVENT_KEY.
 * Lists and pages keep theirs. */
void
ui_set_keys_only(struct ui *ui, bool on);
void
ui_resize(struct ui *ui);                       /* after SIGWINCH */
void
ui_suspend(struct ui *ui);                      /* gives the terminal back, stops the process, takes it again */
void
ui_lend(struct ui *ui);                         /* gives the terminal to another program, */
void
ui_return(struct ui *ui);                       /* and takes it again */
void
ui_draw(struct ui *ui);                         /* one frame if anything changed and it is time; else nothing */
void
ui_redraw(struct ui *ui);                       /* next frame paints everything anew, pictures too */

/* ---------------------------------------------------------------- the conversation */

enum ui_look {
	UI_LOOK_USER,           /* label "User" */
	UI_LOOK_ANSWER,         /* label "Assistant" */
	UI_LOOK_NOTE,           /* what the program says: dim */
	UI_LOOK_ERROR,          /* red */
	UI_LOOK_RULE,           /* a horizontal rule with the text in it */
};

/* Adds an entry at the end; returns its handle (1, 2, …; never reused until ui_clear). */
int
ui_add(struct ui *ui, enum ui_look look, const char *text, size_t n);
void
ui_append(struct ui *ui, int entry, const char *text, size_t n);        /* partial characters are held until whole */
void
ui_set_text(struct ui *ui, int entry, const char *text, size_t n);
/* A short mark after the text: "[stopped]", "[cut at 512]", "[queued]"; NULL takes it away. */
void
ui_set_mark(struct ui *ui, int entry, const char *mark);
/* When it was said, behind the label of a message: "14:15". */
void
ui_set_time(struct ui *ui, int entry, const char *when);
void
ui_remove(struct ui *ui, int entry);
void
ui_clear(struct ui *ui);                        /* all entries */
/* Answers as they were written, or styled (at first): as Markdown, block by block as they are finished. */
void
ui_set_raw(struct ui *ui, bool raw);

struct ui_picture {
	const uint8_t *rgb;     /* [height, width, 3]; copied, already reduced to what a screen can use */
	int width, height;
	const char *label;      /* "#2 cat.jpg 1280x720": drawn under the picture, and instead of it without images */
};
/* The picture stands above the entry's text. */
void
ui_add_picture(struct ui *ui, int entry, const struct ui_picture *picture);

/* ---------------------------------------------------------------- the rest of the screen */

/* Fields of the status line, left to right by importance; what does not fit is left out from the end. Any may be NULL. */
struct ui_status {
	const char *name;       /* session */
	const char *state;      /* "loading 42 %", "answering", "" */
	const char *context;    /* "ctx 1312/4096" */
	const char *speed;      /* "31.4 tok/s" */
	const char *model;
	const char *mode;       /* what the screen does that is no chat: "REPLAY"; */
	const char *hint;       /* keys to know then */
	int context_percent;    /* colours the field from 75 and 90 */
	bool private_session;
};
void
ui_set_status(struct ui *ui, const struct ui_status *status);
/* After ui_set_keys_only: how much of the whole is done, in thousandths; a bar in place of the input. */
void
ui_set_progress(struct ui *ui, int permille);
void
ui_set_staged(struct ui *ui, const char *const *chips, int n);          /* "[#3 chart.png 1280x720]" … */
/* Whether an answer runs; false also finishes the last block of what was appended to. */
void
ui_set_busy(struct ui *ui, bool answering);
/* A line above the input, or a few on a narrow screen, until the next key, e.g. "Ctrl-D or /quit leaves". */
void
ui_flash(struct ui *ui, const char *text);

void
ui_set_input(struct ui *ui, const char *text);
const char *
ui_input(const struct ui *ui);                  /* lent until the next ui_read */
void
ui_history_add(struct ui *ui, const char *line);

/* A list over the conversation; arrows move, typing filters, Enter takes, Esc leaves. Items are copied; what follows a
 * tab in one stands at the right, where there is room. */
void
ui_pick(struct ui *ui, const char *title, const char *const *items, int n, int selected);

/* Text with its own scroll over the conversation (help); any of q, Esc, Enter leaves. Lines that begin with two blanks and
 * have two columns stay columns at any width; lines that end with a colon are headings. */
void
ui_page(struct ui *ui, const char *title, const char *text);

/* The same with room for a picture beside it; PREVIEW events say which one is looked at. */
void
ui_pick_pictures(struct ui *ui, const char *title, const char *const *items, int n, int selected);
/* The picture beside the picker that is open; NULL: none can be shown. Copied. */
void
ui_preview(struct ui *ui, const struct ui_picture *picture);
/* One picture, or two side by side, over the whole conversation; any key returns. Copied. */
void
ui_show(struct ui *ui, const struct ui_picture *pictures, int n);

/* ---------------------------------------------------------------- reading, finding, copying */

/* Reading mode with this entry selected; 0: back to typing. */
void
ui_select(struct ui *ui, int entry);
/* Finds text in what is visible of the conversation: reading mode, at the last match. Without regard to case unless
 * the pattern has a capital. Returns how many there are; 0 changes nothing. */
int
ui_find(struct ui *ui, const char *pattern);

/* Hands text to the terminal's clipboard (OSC 52). Returns how many bytes of it went: at most UI_COPY_MAX, cut between
 * characters. Whether the terminal takes them is not known. */
enum { UI_COPY_MAX = 72 << 10 };
size_t
ui_copy(struct ui *ui, const char *text, size_t n);

/* A picture as a sixel string of whole cells of 10x20, of at most max_w x max_h pixels; needs no screen. NULL: it could
 * not be made. The caller frees. */
char *
ui_sixel(const uint8_t *rgb, int width, int height, int max_w, int max_h);

/* An answer's Markdown as HTML, as the screen shows it: elements of their own meaning, spans of class k s c n a r for
 * code, ref, math. No script, no picture, and no link but to http, https and mailto. The caller frees. */
char *
ui_html(const char *text, size_t n);

/* What the terminal is, asked without a screen (not between ui_open and ui_close); waits a second at most. false: there
 * is none, and only colors is filled. */
struct ui_terminal {
	int colors;             /* by terminfo; -1: TERM is not known */
	bool answered;          /* questions are */
	char name[64];          /* as it says itself, or "" */
	bool sixel, sync;
	int registers, max_w, max_h;    /* of sixels; 0: not told */
	int cols, rows, cell_w, cell_h;
	bool cell_told;         /* the pixels of a cell are no guess */
};
bool
ui_probe(struct ui_terminal *out);
/* Prints what each key sends and does, until q. CODE_USAGE: not a terminal. */
int
ui_show_keys(const struct ui_keymap *map, struct error *err);

/* ---------------------------------------------------------------- keys */

struct ui_keymap;

struct ui_keymap *
ui_keymap_new(void);
void
ui_keymap_free(struct ui_keymap *map);
/* "Ctrl-O", or "x" while reading → an action of ui_action_table. CODE_USAGE: there is no such key, or no such action. */
int
ui_keymap_bind(struct ui_keymap *map, const char *key, const char *action, struct error *err);

/* ---------------------------------------------------------------- colours of one's own, over the theme */

struct ui_colors;

struct ui_colors *
ui_colors_new(void);
void
ui_colors_free(struct ui_colors *colors);
/* "user", "214 on default bold". CODE_USAGE: nothing has that name, or it cannot look like that. */
int
ui_colors_set(struct ui_colors *colors, const char *name, const char *value, struct error *err);

/* ---------------------------------------------------------------- tables */

/* The tables in force, for help and manual: key, what it does. Lent by the map, or (NULL: as built in) static; end with
 * NULL. */
struct ui_key_help {
	const char *keys, *does;
};
const struct ui_key_help *
ui_key_table(const struct ui_keymap *map);      /* while typing */
const struct ui_key_help *
ui_action_table(void);                          /* what keys can be bound to, by name */
const struct ui_key_help *
ui_color_table(void);                           /* what has a colour, by name */
const struct ui_key_help *
ui_reading_table(const struct ui_keymap *map);  /* in reading mode */

#endif
