/* assemble.c: the branch that ends in a message as a prompt, through the pure half of the engine's door. All that is
 * borrowed here (texts from the chat, squares from the caller) is copied or tokenized by prompt_build. */
#include "config.h"

#include "chat/chat.h"

#include <stdlib.h>

#include "base/alloc.h"

struct assembly {
	struct turn *turns;
	const struct pixels **pixels;   /* one array for all turns; each turn points into it */
	int n_turns, n_pixels;
};

static int
count_pics(const struct chat *c, const int *ids, int n)
{
	int total = 0;

	for (int i = 0; i < n; i++)
		total += chat_message(c, ids[i])->n_pics;
	return total;
}

static int
add_turn(struct assembly *a, const struct message *m, pixels_fn pixels_of, void *arg, struct error *err)
{
	a->turns[a->n_turns++] = (struct turn){
		.role = m->role,
		.text = m->text,
		.text_n = m->text_n,
		.pixels = a->pixels + a->n_pixels,
		.n_pixels = m->n_pics,
	};
	for (int i = 0; i < m->n_pics; i++) {
		const struct pixels *pixels = pixels_of(arg, &m->pics[i], err);

		if (!pixels)
			return -1;
		a->pixels[a->n_pixels++] = pixels;
	}
	return 0;
}

/* A change of the system message, or a drop, counts from the question after it: what was changed at or below the
 * question that is answered here is not yet in force. */
static int
place_of(const struct chat *c, int leaf)
{
	const struct message *question = chat_message(c, chat_question_of(c, leaf));

	return question ? question->up : 0;
}

int
chat_assemble(struct prompt *out, const struct chat *c, int leaf, const struct card *card, pixels_fn pixels_of, void *arg,
    struct error *err)
{
	struct assembly a = {0};
	int place = place_of(c, leaf), *ids, n = chat_branch(c, leaf, &ids), rc = 0;
	bool *left_out = chat_left_out(c, place);

	a.turns = xcalloc((size_t)n, sizeof *a.turns);
	a.pixels = xcalloc((size_t)count_pics(c, ids, n), sizeof *a.pixels);
	for (int i = 0; i < n && rc == 0; i++)
		if (!left_out[ids[i]])
			rc = add_turn(&a, chat_message(c, ids[i]), pixels_of, arg, err);
	if (rc == 0)
		rc = prompt_build(out, card, chat_system(c, place), a.turns, a.n_turns, PICTURES_FIRST, err);
	free(a.turns);
	free(a.pixels);
	free(left_out);
	free(ids);
	return rc;
}
