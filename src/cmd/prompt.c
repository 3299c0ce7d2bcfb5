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

static bool
drops(const struct ask *a)
{
	return strcmp(a->o->conf->overflow, "drop") == 0;
}

static int
check_room(const struct ask *a, struct error *err)
{
	if (asker_has_room(a->asker, a->n_prompt, a->o->max_tokens, err))
		return 0;
	if (!a->o->go_on && !a->o->session)
		return error_hint(err, "a shorter text");
	return error_hint(err, "%sa new session: leave out -c and -s", drops(a) ? "" : "--set context.overflow=drop, or ");
}

/* The oldest turns of the session go until `missing` tokens are free. 0 when some did. */
static int
drop_turns(struct ask *a, int missing, struct error *err)
{
	struct chat *c = a->place.chat;
	int up = chat_message(c, a->question)->up, n_drop = -1, *ids;
	struct turn_size *turns;
	int n = chat_measure(c, up, a->card, squares_find, &a->squares, &turns, err);

	if (n < 0)
		return -1;
	ids = xcalloc((size_t)n + 1, sizeof *ids);
	n_drop = budget_drop(turns, n, missing, ids);
	if (n_drop > 0)
		chat_add_drop(c, up, ids, n_drop);
	free(ids);
	free(turns);
	return n_drop > 0 ? 0 : -1;
}

/* As the chat does it; with context.overflow = drop, turns make room for the question. */
static int
chat_prompt(struct ask *a, struct error *err)
{
	int missing;

	for (;;) {
		if (chat_assemble(&a->prompt, a->place.chat, a->question, a->card, squares_find, &a->squares, err) < 0)
			return -1;
		missing = asker_missing(a->asker, (int)a->prompt.ids.n, a->o->max_tokens);
		if (!drops(a) || missing == 0 || drop_turns(a, missing, err) < 0)
			return 0;
		prompt_done(&a->prompt);
	}
}

int
ask_prompt(struct ask *a, struct error *err)
{
	int failed = make_squares(a, err);

	if (!failed)
		failed = a->o->reference ? reference_prompt(a, err) : chat_prompt(a, err);
	if (failed)
		return -1;
	count(a);
	return check_room(a, err);
}
