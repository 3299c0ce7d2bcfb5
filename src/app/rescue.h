/* rescue.h: leaving while something of the conversation cannot be written: the person is asked for another place. */
#ifndef APP_RESCUE_H
#define APP_RESCUE_H

#include <stdbool.h>

struct app;

enum { RESCUE_MOST_FOLDERS = 3 };

struct rescue {
	char *folders[RESCUE_MOST_FOLDERS];     /* on offer */
	int n;
	bool given_up;                          /* the person leaves without it */
};

/* Whether nothing keeps the program; else the question is on the screen, and the answer may be to leave. */
bool
rescue_may_leave(struct app *app);
void
rescue_done(struct rescue *r);

#endif
