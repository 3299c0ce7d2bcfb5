/* notes.c: what a person wrote down beside the conversation. */
#include "config.h"

#include "chat/chat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"

const struct note *
chat_add_note(struct chat *c, int up, const char *at, const char *text, size_t n)
{
	struct note *note;

	c->notes = xreallocarray(c->notes, (size_t)c->n_notes + 1, sizeof *c->notes);
	note = &c->notes[c->n_notes++];
	*note = (struct note){ .up = up, .text = n ? xstrndup(text, n) : xstrdup(""), .text_n = n };
	if (at)
		snprintf(note->at, sizeof note->at, "%s", at);
	else
		clock_utc(note->at);
	return note;
}

const struct note *
chat_next_note(const struct chat *c, int id, int *from)
{
	while (*from < c->n_notes) {
		const struct note *note = &c->notes[(*from)++];

		if (chat_is_at(c, note->up, id))
			return note;
	}
	return NULL;
}
