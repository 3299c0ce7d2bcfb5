/* status.h: the status line. Fields by importance; what does not fit is left out from the end. Pure. */
#ifndef UI_STATUS_H
#define UI_STATUS_H

#include "ui/row.h"
#include "ui/ui.h"

struct status_view {
	const struct ui_status *status;
	int below;              /* lines under the view; 0: it follows */
	const char *mode;       /* input_mode(), or NULL */
	const char *reading;    /* what reading mode says ("READING"), or NULL; the two behind it stand beside it */
	const char *found;      /* "match 3 of 17", or NULL */
	const char *hint;
	bool ascii;
};

/* Fills *out (cleared first) with exactly `width` cells. */
void
status_layout(const struct status_view *view, int width, struct row *out);

#endif
