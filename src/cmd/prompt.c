/* prompt.c: `ask` to prompt: as the chat assembles it, or exactly as the official chat() does
 * (--reference). */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "cmd/ask.h"

/* The question that brings the pictures: the first with an <image> mark, else the first. Where exactly they
 * stand, the marks decide. */
static struct turn *
bearer(struct turn *turns, int n)
{
	for (int i = 0; i < n; i++)
		if (turns[i].role == ROLE_USER && memmem(turns[i].text, turns[i].text_n, "<image>", 7))
			return &turns[i];
	return turns;
}

static int
reference_prompt(struct ask *a, struct error *err)
{
	const struct talk *talk = &a->talk;
	struct turn *turns = xcalloc((size_t)talk->n_said, sizeof *turns), *first;
	const struct pixels **pixels = xcalloc((size_t)a->squares.n, sizeof *pixels);
	int failed;

	for (int i = 0; i < a->squares.n; i++)
		pixels[i] = &a->squares.at[i]->pixels;
	for (int i = 0; i < talk->n_said; i++)
		turns[i] = (struct turn){
		    .role = talk->said[i].role, .text = talk->said[i].text, .text_n = talk->said[i].n};
	first = bearer(turns, talk->n_said);
	first->pixels = pixels;
	first->n_pixels = a->squares.n;
	failed = prompt_build(&a->prompt, a->card, NULL, turns, talk->n_said, PICTURES_REFERENCE, err);
	free(pixels);
	free(turns);
	return failed;
}

static int
make_squares(struct ask *a, struct error *err)
{
	a->squares.size = card_info(a->card)->image_size;
	a->squares.store = a->place.shelf.store;
	a->squares.orient = a->o->orient_ignore || a->o->reference ? ORIENT_IGNORE : ORIENT_APPLY;
	for (int i = 0; i < a->talk.n_pictures; i++)
		if (squares_add(&a->squares, &a->talk.pictures[i], err) < 0)
			return -1;
	return 0;
}

static void
count(struct ask *a)
{
	a->n_prompt = (int)a->prompt.ids.n;
	for (int i = 0; i < a->prompt.n_pictures; i++)
		a->n_picture_tokens += a->prompt.pictures[i].n_tokens;
	for (size_t i = 0; a->o->prompt_ids && i < a->prompt.ids.n; i++)
		ids_add(&a->prompt_ids, a->prompt.ids.at[i]);
}

static int
check_room(const struct ask *a, struct error *err)
{
	if (asker_has_room(a->asker, a->n_prompt, a->o->max_tokens, err))
		return 0;
	return error_hint(err,
	    a->o->go_on || a->o->session ? "a new session: leave out -c and -s" : "a shorter text");
}

int
ask_prompt(struct ask *a, struct error *err)
{
	int failed = make_squares(a, err);

	if (!failed && a->o->reference)
		failed = reference_prompt(a, err);
	else if (!failed)
		failed = chat_assemble(&a->prompt,
		    a->place.chat, a->question, a->card, squares_find, &a->squares, err);
	if (failed)
		return -1;
	count(a);
	return check_room(a, err);
}
