/* look.c: what export/ asks of ui/, so that neither knows the other. */
#include "config.h"

#include "app.h"

#include <stdlib.h>

#include "export/export.h"
#include "ui/ui.h"

/* At most so many pixels: a third of a screen of 80x24, as in the chat. */
#define DRAWN_WIDTH 480
#define DRAWN_HEIGHT 200

static int
draw(const struct picture *p, struct buf *out)
{
	char *sixel = ui_sixel(p->shown ? p->shown : p->rgb, p->width, p->height, DRAWN_WIDTH, DRAWN_HEIGHT);

	if (!sixel)
		return -1;
	buf_str(out, sixel);
	free(sixel);
	return 0;
}

void
app_look(struct export *e)
{
	e->draw = draw;
	e->html = ui_html;
}
