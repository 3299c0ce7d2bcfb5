/* ahead.c: see ahead.h. What is sure is found without knowing the template: the ids that two next prompts share whose
 * texts differ. Everything here is a guess that costs time if it is wrong, never a wrong answer: the engine compares the
 * ids of the question with those it has computed. */
#include "config.h"

#include "ahead.h"

#include <string.h>

#include "base/alloc.h"
#include "internal.h"

#define LEAST_TOKENS 16         /* a pass of fewer adds next to nothing to the question's own */
#define CPU_MOST_PARAMS 1000000000LL

void
ahead_forget(struct ahead *a)
{
	prompt_done(&a->held);
}

void
ahead_asked(struct ahead *a, const struct prompt *prompt)
{
	struct prompt *held = &a->held;

	ahead_forget(a);
	for (size_t i = 0; i < prompt->ids.n; i++)
		ids_add(&held->ids, prompt->ids.at[i]);
	held->n_pictures = prompt->n_pictures;
	held->pictures = xcalloc((size_t)prompt->n_pictures + 1, sizeof *held->pictures);
	for (int i = 0; i < prompt->n_pictures; i++) {
		held->pictures[i] = prompt->pictures[i];
		held->pictures[i].pixels.rgb = NULL;
	}
}

void
ahead_answered(struct ahead *a, const struct message *answer)
{
	for (int i = answer->n_given; i < answer->n_ids; i++)
		ids_add(&a->held.ids, answer->ids[i]);
}

/* How many tokens two prompts have in common at their beginning: a picture counts by its key. */
static size_t
common(const struct prompt *a, const struct prompt *b)
{
	size_t n = 0, most = a->ids.n < b->ids.n ? a->ids.n : b->ids.n;

	while (n < most && a->ids.at[n] == b->ids.at[n])
		n++;
	for (int i = 0; i < a->n_pictures && i < b->n_pictures; i++) {
		const struct prompt_picture *p = &a->pictures[i], *q = &b->pictures[i];

		if (p->pos < n && (p->pos != q->pos || memcmp(p->pixels.key, q->pixels.key, PIXELS_KEY) != 0))
			n = p->pos;
	}
	return n;
}

/* A large model on the CPU would keep all cores busy for minutes, for a question that may never come. */
static bool
is_cheap(const struct app *app)
{
	bool on_cpu = !app->device || strncmp(app->device, "cpu", 3) == 0;      /* engine_device() begins so */

	return !on_cpu || card_info(app->card)->n_params <= CPU_MOST_PARAMS;
}

/* Lines that come from a pipe leave no time between them; a conversation that is only read gets no question. */
static bool
is_wanted(const struct app *app)
{
	return app->options->conf->ahead && !app->options->piped && app->engine == ENGINE_READY && !talk_is_busy(app) &&
	    app->talk.n_queued == 0 && !app->read_only && !app->follow.reader && is_cheap(app);
}

void
ahead_offer(struct app *app)
{
	struct prompt prompt = {0}, other = {0};

	if (!is_wanted(app))
		return;
	if (talk_next_prompt(app, &prompt, "", NULL) == 0 && talk_next_prompt(app, &other, "x", NULL) == 0) {
		prompt.ids.n = common(&prompt, &other);
		if ((int)prompt.ids.n < talk_n_ctx(app) && prompt.ids.n > common(&prompt, &app->ahead.held) + LEAST_TOKENS) {
			ahead_asked(&app->ahead, &prompt);
			link_warm_take(app->link, &prompt);
		}
	}
	prompt_done(&prompt);
	prompt_done(&other);
}
