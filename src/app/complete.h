/* complete.h: candidates for Tab. */
#ifndef APP_COMPLETE_H
#define APP_COMPLETE_H

#include <stdbool.h>

/* By its suffix. */
bool
complete_is_picture_name(const char *name);

/* ui_options.complete; arg is the app. */
char **
complete_word(void *arg, const char *line, int start, int end, bool *is_path);

#endif
