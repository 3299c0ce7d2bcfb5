/* internal.h: what the door's three files share: ui.c (life, time, what the program sets), act.c (what keys do), frame.c
 * (what a frame shows). Nothing else includes it. */
#ifndef UI_INTERNAL_H
#define UI_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "ui/burst.h"
#include "ui/fetch.h"
#include "ui/panes.h"
#include "ui/reader.h"
#include "ui/reading.h"
#include "ui/row.h"
#include "ui/screen.h"
#include "ui/term.h"
#include "ui/ui.h"

struct input;
struct picker;
struct plain;
struct transcript;
struct view;

enum dirt { CLEAN, BY_PROGRAM, BY_KEY };

/* Copies of what ui_set_status was given. */
struct status_text {
	char *name, *state, *context, *speed, *model, *mode, *hint;
	int context_percent;
	bool private_session;
};

struct events {
	struct ui_event *at;
	int n, cap, taken;
};

struct ui {
	struct plain *plain;            /* or NULL; if not, nothing else below is there but status and chips */
	struct ui_options options;      /* history and complete are not used after input_new */
	struct term term;
	struct reader *reader;
	struct input *input;
	struct transcript *transcript;
	struct view *view;
	struct picker *picker;          /* or NULL */
	bool previews;                  /* it has a picture beside it: */
	int previewed;                  /* of this item */
	struct reading reading;
	struct fetch fetch;             /* from the terminal's clipboard */
	struct burst burst;             /* a paste without brackets, while it comes */
	bool guessed;                   /* the next paste is one of these */
	bool brackets;                  /* pastes have them: one was seen */
	int64_t rested;                 /* since when nothing is done but wait */
	struct panes panes;             /* over the conversation, or beside the picker */
	bool mouse;
	int area;                       /* rows of the conversation in the last frame */
	struct events events;
	struct screen_size size;
	int cell_w, cell_h;
	int images;                     /* enum view_images: how pictures are drawn */

	struct status_text status;
	struct buf chips, flash;        /* empty: no such row; of chips each ends with a newline */
	int n_chips;
	bool busy;                      /* an answer runs */
	bool keys_only;                 /* nothing is typed: */
	int progress;                   /* thousandths that are drawn instead */
	bool gone;                      /* the terminal is */
	bool slow;                      /* the line is: smaller pictures */
	int latency;                    /* ms of the quickest answer, or -1 */

	enum dirt dirt;
	bool clear;                     /* the next frame paints everything anew */
	int64_t drawn;                  /* when the last frame was made */
	int64_t calm;                   /* pictures are not sent before */

	struct rows input_rows, menu_rows, picker_rows, flash_rows;     /* work space */
	struct row row;
};

/* The next frame is due, sooner if a person caused it. */
void
ui_touch(struct ui *ui, enum dirt dirt);
/* Of two times the one that comes later. */
int64_t
ui_later(int64_t a, int64_t b);
/* A new event at the end, lent until the next one. */
struct ui_event *
ui_push(struct ui *ui, enum ui_event_kind kind);

/* ---- act.c */

/* Does what a key, text, a paste or the mouse means. */
void
act_take(struct ui *ui, const struct reader_unit *unit);
/* Asks for the picture of the item that a picker of pictures stands on. */
void
act_ask_preview(struct ui *ui);

/* ---- frame.c */

/* Composes a whole frame and sends what differs. */
void
frame_draw(struct ui *ui, int64_t now);

#endif
