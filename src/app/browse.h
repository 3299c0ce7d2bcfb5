/* browse.h: the picture picker: the folders and picture files of a folder, with a preview. */
#ifndef APP_BROWSE_H
#define APP_BROWSE_H

#include <stdbool.h>

struct app;

struct browse {
	bool open;
	char *folder;                   /* shown last; NULL: none yet */
	char **names;                   /* its entries as listed, folders with a slash */
	int n;
	int wanted;                     /* whose preview is not made yet, or -1 */
};

/* Where it was left; at first in the folder that the program runs in, or in this one. */
void
browse_begin(struct app *app);
void
browse_begin_in(struct app *app, const char *folder);
/* A picker has ended; false: it was not this one. */
bool
browse_picked(struct app *app, int i);
void
browse_preview(struct app *app, int i);
/* Makes the preview that is wanted; false: there was nothing to do. */
bool
browse_step(struct app *app);
void
browse_done(struct browse *b);

#endif
