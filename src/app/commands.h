/* commands.h: the functions behind the table of slash.c. `operands` is the rest of the line without blanks in front. On
 * -1 the line is put back into the input and err is shown. */
#ifndef APP_COMMANDS_H
#define APP_COMMANDS_H

#include <stdbool.h>

#include "base/error.h"

struct app;

typedef int command_fn(struct app *app, const char *operands, struct error *err);

command_fn command_help, command_image, command_images, command_detach, command_system, command_set, command_preset, command_new,
    command_find, command_sessions, command_rename, command_undo, command_regen, command_info, command_save, command_raw,
    command_redraw, command_quit;
command_fn command_edit, command_continue, command_fork, command_pin, command_drop, command_context,
    command_tokens, command_verify, command_note;                                                             /* turns.c */
command_fn command_tag, command_search, command_export, command_private;        /* shelf.c */

/* The page of commands and keys, those of reading mode first when one reads. */
void
command_help_page(struct app *app, bool reading);

#endif
