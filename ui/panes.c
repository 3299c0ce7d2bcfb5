/* panes.c: see panes.h. */
#include "config.h"

#include "ui/panes.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "ui/shrink.h"

enum {
	MAX_WIDTH = 2000, MAX_HEIGHT = 1500,    /* pixels kept */
	MAX_SCALE = 4,
	GAP = 2,                /* columns between two */
};

static void
drop(struct panes *panes)
{
	for (int i = 0; i < panes->n; i++) {
		free((void *)panes->at[i].picture.rgb);
		free((void *)panes->at[i].picture.label);
	}
	panes->n = 0;
}

void
panes_set(struct panes *panes, const struct ui_picture *pictures, int n)
{
	drop(panes);
	for (int i = 0; i < n && i < PANES_MAX; i++) {
		const struct ui_picture *from = &pictures[i];
		struct transcript_picture *p = &panes->at[panes->n++].picture;

		*p = (struct transcript_picture){ .id = --panes->last_id };
		shrink_size(from->width, from->height, MAX_WIDTH, MAX_HEIGHT, &p->width, &p->height);
		p->rgb = shrink_rgb(from->rgb, from->width, from->height, p->width, p->height);
		p->label = xstrdup(from->label ? from->label : "");
	}
}

static int
clamp(int n, int least, int most)
{
	return n < least || most < least ? least : n > most ? most : n;
}

/* Cells of a picture that fills the box as far as its shape, the scale and the terminal let it. */
static void
fit(struct transcript_picture *p, const struct box *box, const struct picture_room *room)
{
	double scale = MAX_SCALE, w = (double)box->cols * room->cell_w, h = (double)box->rows * room->cell_h;

	if (room->max_w > 0 && w > room->max_w)
		w = room->max_w;
	if (room->max_h > 0 && h > room->max_h)
		h = room->max_h;
	if (scale * p->width > w)
		scale = w / p->width;
	if (scale * p->height > h)
		scale = h / p->height;
	p->cols = clamp((int)(scale * p->width / room->cell_w + 0.5), 1, (int)(w / room->cell_w));
	p->rows = clamp((int)(scale * p->height / room->cell_h + 0.5), 1, (int)(h / room->cell_h));
}

static void
place(struct pane *pane, const struct box *part, const struct picture_room *room, bool draw)
{
	struct transcript_picture *p = &pane->picture;

	p->cols = p->rows = 0;
	pane->part = *part;
	if (draw && part->rows > 0 && part->cols > 0)
		fit(p, part, room);
	pane->box.rows = p->rows;
	pane->box.cols = p->cols;
	pane->box.row = part->row + (part->rows - p->rows) / 2;
	pane->box.col = part->col + (part->cols - p->cols) / 2;
}

void
panes_lay_out(struct panes *panes, const struct box *box, const struct picture_room *room, bool draw)
{
	const int n = panes->n, cols = n > 0 ? (box->cols - GAP * (n - 1)) / n : 0;

	for (int i = 0; i < n; i++) {
		const struct box part = { box->row, box->col + i * (cols + GAP), box->rows - 1, cols };

		place(&panes->at[i], &part, room, draw);
	}
}

const struct transcript_picture *
panes_picture(const struct panes *panes, int id)
{
	for (int i = 0; i < panes->n; i++)
		if (panes->at[i].picture.id == id)
			return &panes->at[i].picture;
	return NULL;
}

void
panes_done(struct panes *panes)
{
	drop(panes);
}
