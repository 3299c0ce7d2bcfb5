/* snapshot.h: what the model has computed of a conversation, kept between two times that it is open (kv.snapshot). The
 * worker does it; nothing here waits. */
#ifndef APP_SNAPSHOT_H
#define APP_SNAPSHOT_H

struct app;

/* app->chat is about to be let go. */
void
snapshot_leave(struct app *app);
/* app->chat was opened, or the model was loaded. */
void
snapshot_restore(struct app *app);

#endif
