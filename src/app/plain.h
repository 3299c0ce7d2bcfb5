/* plain.h: the chat line by line: when the next message is taken, what of an old conversation is said. */
#ifndef APP_PLAIN_H
#define APP_PLAIN_H

struct app;

/* Once a turn of the loop. */
void
plain_tick(struct app *app);
/* After the whole conversation was handed to the screen, and again when the model is known. */
void
plain_chat(struct app *app);

#endif
