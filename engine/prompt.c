/* prompt.c: turns and pictures → ids with picture places. The one file that knows the chat format (Hermes-2,
 * model.md section 8): the whole conversation is written as text, as the official code does it, and tokenized whole.
 * Invariant: the text holds <IMG_CONTEXT> only where a picture stands, so the places can be found again in the ids.
 */
#include "config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "engine/card.h"

#define CONTEXT "<IMG_CONTEXT>"
#define PLACEHOLDER "<image>"
#define SEPARATOR "<|im_end|>"

/* A prompt while it is written. */
struct draft {
	const struct card *card;
	enum picture_rule rule;
	struct buf text;
	const struct pixels **pictures;         /* in the order of their places, lent by the turns */
	int n_pictures;
	int n_used;                             /* of them, that have a place by now */
	int n_placeholders;                     /* PICTURES_REFERENCE: in all user texts */
};

static const char *const role_names[] = {
	[ROLE_SYSTEM] = "<|im_start|>system\n",
	[ROLE_USER] = "<|im_start|>user\n",
	[ROLE_ANSWER] = "<|im_start|>assistant\n",
};

/* ---------------------------------------------------------------- what is given */

static int
check_text(const char *s, size_t n, struct error *err)
{
	if (n == 0 || !memmem(s, n, CONTEXT, strlen(CONTEXT)))
		return 0;
	error_set(err, CODE_INPUT, "a message contains %s, the model's own mark for a picture", CONTEXT);
	return error_hint(err, "leave it out, or write it with a space inside");
}

static int
check_texts(const char *system, const struct turn *turns, int n_turns, struct error *err)
{
	if (check_text(system, strlen(system), err) < 0)
		return -1;
	for (int i = 0; i < n_turns; i++)
		if (check_text(turns[i].text, turns[i].text_n, err) < 0)
			return -1;
	return 0;
}

static int
count_placeholders(const char *s, size_t n)
{
	const char *end = s + n;
	int count = 0;

	while (n > 0 && (s = memmem(s, (size_t)(end - s), PLACEHOLDER, strlen(PLACEHOLDER)))) {
		count++;
		s += strlen(PLACEHOLDER);
	}
	return count;
}

/* Lists the pictures of all turns and counts what stands for them. */
static void
gather(struct draft *d, const struct turn *turns, int n_turns)
{
	for (int i = 0; i < n_turns; i++) {
		const struct turn *t = &turns[i];

		assert(t->n_pixels == 0 || t->role == ROLE_USER);
		if (t->role == ROLE_USER)
			d->n_placeholders += count_placeholders(t->text, t->text_n);
		d->pictures = xreallocarray(d->pictures, (size_t)d->n_pictures + (size_t)t->n_pixels + 1,
		    sizeof *d->pictures);
		for (int j = 0; j < t->n_pixels; j++) {
			assert(d->card->info.text_only || t->pixels[j]->size == d->card->info.image_size);
			d->pictures[d->n_pictures++] = t->pixels[j];
		}
	}
}

/* ---------------------------------------------------------------- pictures in the text */

/* One tag with the places of n pictures. */
static void
write_tag(struct draft *d, int n)
{
	buf_str(&d->text, "<img>");
	for (int i = 0; i < n * d->card->info.n_image_tokens; i++)
		buf_str(&d->text, CONTEXT);
	buf_str(&d->text, "</img>");
	d->n_used += n;
}

static int
refuse_count(const struct draft *d, struct error *err)
{
	return error_set(err, CODE_INPUT, "the texts have %d " PLACEHOLDER " for %d pictures", d->n_placeholders,
	    d->n_pictures);
}

/* Writes a user's text with each placeholder filled by `each` pictures. */
static int
fill_placeholders(struct draft *d, const char *s, size_t n, int each, struct error *err)
{
	const char *end = s + n, *mark;

	while (s < end && (mark = memmem(s, (size_t)(end - s), PLACEHOLDER, strlen(PLACEHOLDER)))) {
		if (d->n_pictures - d->n_used < each)
			return refuse_count(d, err);
		buf_add(&d->text, s, (size_t)(mark - s));
		write_tag(d, each);
		s = mark + strlen(PLACEHOLDER);
	}
	buf_add(&d->text, s, (size_t)(end - s));
	return 0;
}

/* The official chat(): a first question without a placeholder gets one, for all its pictures; a lone placeholder
 * takes all pictures there are; else each takes one. */
static int
write_reference(struct draft *d, const struct turn *t, bool first_question, struct error *err)
{
	int each = d->n_placeholders == 1 && d->n_used == 0 ? d->n_pictures : 1;

	if (d->n_pictures == 0) {
		buf_add(&d->text, t->text, t->text_n);
		return 0;
	}
	if (first_question && t->n_pixels > 0 && count_placeholders(t->text, t->text_n) == 0) {
		write_tag(d, t->n_pixels);
		buf_char(&d->text, '\n');
	}
	return fill_placeholders(d, t->text, t->text_n, each, err);
}

/* A user's message: its pictures and its text, as the rule places them. */
static int
write_question(struct draft *d, const struct turn *t, bool first_question, struct error *err)
{
	if (d->rule == PICTURES_REFERENCE)
		return write_reference(d, t, first_question, err);
	if (t->n_pixels > 0) {
		write_tag(d, t->n_pixels);
		buf_char(&d->text, '\n');
	}
	buf_add(&d->text, t->text, t->text_n);
	return 0;
}

/* ---------------------------------------------------------------- the template */

/* An empty message is the role alone, without separator: that is how the official template asks for an answer. */
static int
write_turn(struct draft *d, const struct turn *t, bool first_question, bool open, struct error *err)
{
	size_t before;

	buf_str(&d->text, role_names[t->role]);
	before = d->text.n;
	if (t->role != ROLE_USER)
		buf_add(&d->text, t->text, t->text_n);
	else if (write_question(d, t, first_question, err) < 0)
		return -1;
	if (d->text.n > before && !open)
		buf_str(&d->text, SEPARATOR);
	return 0;
}

/* The system part is written even when it is empty, as the official code does it; the other rule leaves an empty one
 * out. */
static void
write_system(struct draft *d, const char *s, size_t n)
{
	if (n == 0 && d->rule != PICTURES_REFERENCE)
		return;
	buf_str(&d->text, role_names[ROLE_SYSTEM]);
	buf_add(&d->text, s, n);
	buf_str(&d->text, SEPARATOR);
}

/* A system turn at the beginning stands for the system message. */
static int
write_chat(struct draft *d, const char *system, const struct turn *turns, int n_turns, struct error *err)
{
	bool own = n_turns > 0 && turns[0].role == ROLE_SYSTEM, asked = false;

	if (own)
		write_system(d, turns[0].text, turns[0].text_n);
	else
		write_system(d, system, strlen(system));
	for (int i = own; i < n_turns; i++) {
		bool open = i == n_turns - 1 && turns[i].role == ROLE_ANSWER;
		bool first_question = turns[i].role == ROLE_USER && !asked;

		asked = asked || first_question;
		if (write_turn(d, &turns[i], first_question, open, err) < 0)
			return -1;
	}
	if (n_turns == 0 || turns[n_turns - 1].role != ROLE_ANSWER)
		buf_str(&d->text, role_names[ROLE_ANSWER]);
	return d->n_used == d->n_pictures ? 0 : refuse_count(d, err);
}

/* A plain Llama continues text: no roles, no pictures. */
static int
write_plain(struct draft *d, const struct turn *turns, int n_turns, struct error *err)
{
	if (d->n_pictures > 0)
		return error_set(err, CODE_INPUT, "the model '%s' has no vision tower: it takes no pictures",
		    d->card->info.name);
	for (int i = 0; i < n_turns; i++)
		buf_add(&d->text, turns[i].text, turns[i].text_n);
	return 0;
}

/* ---------------------------------------------------------------- text → prompt */

/* Finds each picture's run of places in the ids. */
static int
place_pictures(struct prompt *out, const struct draft *d, struct error *err)
{
	int n_tokens = d->card->info.n_image_tokens;
	size_t i = 0, n_places = 0;

	for (size_t k = 0; d->card->context_id >= 0 && k < out->ids.n; k++)
		n_places += out->ids.at[k] == d->card->context_id;
	if (n_places != (size_t)d->n_pictures * (size_t)n_tokens)
		return error_set(err, CODE_INPUT, "the prompt has %zu picture places for %d pictures of %d", n_places,
		    d->n_pictures, n_tokens);
	if (d->n_pictures > 0)
		out->pictures = xcalloc((size_t)d->n_pictures, sizeof *out->pictures);
	for (; out->n_pictures < d->n_pictures; out->n_pictures++) {
		struct prompt_picture *p = &out->pictures[out->n_pictures];

		while (out->ids.at[i] != d->card->context_id)
			i++;
		p->pos = i;
		p->n_tokens = n_tokens;
		pixels_copy(&p->pixels, d->pictures[out->n_pictures]);
		i += (size_t)n_tokens;
	}
	return 0;
}

static int
write_text(struct draft *d, const char *system, const struct turn *turns, int n_turns, struct error *err)
{
	if (!system)
		system = d->card->info.system_message;
	gather(d, turns, n_turns);
	if (d->card->info.text_only)
		return write_plain(d, turns, n_turns, err);
	if (check_texts(system, turns, n_turns, err) < 0)
		return -1;
	return write_chat(d, system, turns, n_turns, err);
}

int
prompt_build(struct prompt *out, const struct card *card, const char *system, const struct turn *turns, int n_turns,
    enum picture_rule rule, struct error *err)
{
	struct draft d = {.card = card, .rule = rule};
	int rc = write_text(&d, system, turns, n_turns, err);

	*out = (struct prompt){0};
	if (rc == 0) {
		tokenizer_encode(card->tokenizer, buf_text(&d.text), d.text.n, true, &out->ids);
		rc = place_pictures(out, &d, err);
	}
	if (rc < 0)
		prompt_done(out);
	free(d.pictures);
	buf_done(&d.text);
	return rc;
}

void
prompt_done(struct prompt *p)
{
	for (int i = 0; i < p->n_pictures; i++)
		pixels_done(&p->pictures[i].pixels);
	free(p->pictures);
	ids_done(&p->ids);
	*p = (struct prompt){0};
}
