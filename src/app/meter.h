/* meter.h: the status line: state, context in use, speed. */
#ifndef APP_METER_H
#define APP_METER_H

#include <stdbool.h>
#include <stdint.h>

#include "chat/chat.h"

struct app;

struct meter {
	int n_base;                     /* tokens of the next prompt without the typed text, -1: unknown */
	int n_typed;
	bool base_stale;
	int64_t due;                    /* when to count again, 0: nothing changed */
};

void
meter_touch(struct app *app);                  /* conversation, staged pictures or system message changed */
void
meter_typed(struct app *app);
int
meter_timeout(const struct app *app);
void
meter_tick(struct app *app);                   /* counts if due */
void
meter_show(struct app *app);
/* Tokens per second of an answer, 0 when they are too few to say. */
double
meter_speed(const struct message *m);

#endif
