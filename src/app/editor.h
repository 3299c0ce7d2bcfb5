/* editor.h: the input in the editor that the person has named, while the terminal is lent to it. */
#ifndef APP_EDITOR_H
#define APP_EDITOR_H

struct app;

void
editor_run(struct app *app);

#endif
