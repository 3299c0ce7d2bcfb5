/* panes.h: one or two pictures large, over the conversation or beside a list: how they share a box of the screen. Pure. */
#ifndef UI_PANES_H
#define UI_PANES_H

#include <stdbool.h>

#include "ui/picture.h"
#include "ui/transcript.h"
#include "ui/ui.h"

enum { PANES_MAX = 2 };

/* Cells of the screen. */
struct box {
	int row, col, rows, cols;
};

struct pane {
	struct transcript_picture picture;      /* id < 0, never used again; cols and rows as laid out */
	struct box part;                /* what it may take of the screen */
	struct box box;                 /* of the picture; the caption stands in the row below it */
};

/* An empty one is {0}. */
struct panes {
	struct pane at[PANES_MAX];
	int n;
	int last_id;
};

/* Copies, and lets go what was shown before; n = 0 only that. */
void
panes_set(struct panes *panes, const struct ui_picture *pictures, int n);
/* Side by side in the box, each as large as its part and the terminal allow, at most four times its own size. With
 * labels only (draw false) no picture has cells. */
void
panes_lay_out(struct panes *panes, const struct box *box, const struct picture_room *room, bool draw);
/* NULL: there is none of that id. */
const struct transcript_picture *
panes_picture(const struct panes *panes, int id);
void
panes_done(struct panes *panes);

#endif
