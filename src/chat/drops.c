/* drops.c: turns that the model is not told of any more, and those that must stay. A drop counts from the place on where
 * it was made, as a system message does: what was asked before, or on another branch, is asked again with everything
 * that it was told then. */
#include "config.h"

#include "chat/chat.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

struct drop *
chat_add_drop(struct chat *c, int up, const int *ids, int n)
{
	struct drop *d;

	c->drops = xreallocarray(c->drops, (size_t)c->n_drops + 1, sizeof *c->drops);
	d = &c->drops[c->n_drops++];
	*d = (struct drop){ .up = up, .ids = xcalloc((size_t)n + 1, sizeof *d->ids), .n = n };
	if (n > 0)
		memcpy(d->ids, ids, (size_t)n * sizeof *ids);
	return d;
}

void
chat_pin(struct chat *c, int id, bool on)
{
	assert(id >= 1 && id <= c->n_messages);
	c->messages[id - 1].pinned = on;
}

/* By id: the branch that ends in `place`, with the answers that its own continue; [0] is the root. Only that can be left out, and only by what was dropped there. */
static bool *
on_branch(const struct chat *c, int place)
{
	bool *on = xcalloc((size_t)c->n_messages + 1, sizeof *on);

	on[0] = true;
	for (const struct message *m = chat_message(c, place); m; m = chat_message(c, m->up))
		for (const struct message *s = m; s; s = chat_message(c, s->cont))
			on[s->id] = true;
	return on;
}

bool *
chat_left_out(const struct chat *c, int place)
{
	bool *on = on_branch(c, place), *out = xcalloc((size_t)c->n_messages + 1, sizeof *out);

	for (int i = 0; i < c->n_drops; i++) {
		const struct drop *d = &c->drops[i];

		if (d->up > c->n_messages || !on[d->up])
			continue;
		for (int k = 0; k < d->n; k++)
			if (d->ids[k] >= 1 && d->ids[k] <= c->n_messages)
				out[d->ids[k]] = on[d->ids[k]] && !d->back;
	}
	for (int id = 1; id <= c->n_messages; id++)
		if (c->messages[id - 1].role == ROLE_ANSWER)
			out[id] = on[id] && out[c->messages[id - 1].up];
	free(on);
	return out;
}
