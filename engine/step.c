/* step.c: the end of a timeline: its logits, the token chosen from them, and the pass that computes this token while the
 * caller shows it.
 *
 * Where the text says what may come then (guess.h), such tokens are computed in the same pass, each as if it were alone.
 * Tokens are chosen as ever, from the logits of one row after another; what was computed for one that is not chosen is
 * forgotten. So nothing but time depends on guesses: ids, logits, random stream and stretches are the same bit for bit.
 *
 * Invariant: while pass.row + 1 < pass.n and a token is pending, that is the one of row pass.row + 1.
 */
#include "config.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "engine/context.h"
#include "engine/sampler.h"

/* ---- guesses */

void
context_set_guess(struct context *ctx, enum engine_guess how)
{
	const struct backend_ops *ops = ctx->engine->backend->ops;
	bool wanted = how != ENGINE_GUESS_OFF && ops->max_steps > 1 && (how == ENGINE_GUESS_ON || ops->cheap_steps);

	ctx->always = how == ENGINE_GUESS_ON;
	if (wanted && !ctx->guess)
		ctx->guess = guess_new(ctx->engine->n_ctx);
	if (wanted)
		return;
	guess_free(ctx->guess);
	ctx->guess = NULL;
}

struct guess_report
context_guesses(const struct context *ctx)
{
	return ctx->guesses;
}

static bool
is_stop(const struct engine *e, int32_t id)
{
	for (int i = 0; i < e->n_stops; i++)
		if (e->stops[i] == id)
			return true;
	return false;
}

/* The text that guesses come from: the timeline, and the pending token. */
static void
follow_text(struct context *ctx)
{
	guess_cut(ctx->guess, ctx->n_used);
	for (int i = guess_n(ctx->guess); i < ctx->n_used; i++)
		guess_add(ctx->guess, ctx->places[i].row == NOTHING ? ctx->places[i].id : GUESS_PICTURE);
	guess_add(ctx->guess, ctx->pending);
}

/* Guesses up to one that ends an answer: it may be chosen, but nothing is computed behind it. */
static int
find_guesses(struct context *ctx, int most, int32_t *ids, enum guess_by *by)
{
	int n, useful = 0;

	follow_text(ctx);
	n = guess_next(ctx->guess, most, ids, by);
	while (useful < n && !is_stop(ctx->engine, ids[useful]))
		useful++;
	return ctx->always || useful == 0 ? useful : worth_take(&ctx->worth, *by, useful);
}

/* ---- passes */

/* The pending token, and those that may follow it and have room. */
static void
make_pass(struct context *ctx)
{
	struct pass *p = &ctx->pass;
	int most = ctx->engine->n_ctx - ctx->n_used, max_steps = ctx->engine->backend->ops->max_steps;

	*p = (struct pass){ .n = 1, .ids = { ctx->pending } };
	most = most < max_steps ? most : max_steps;
	if (ctx->guess)
		p->n += find_guesses(ctx, most - 1, p->ids + 1, &p->by);
	if (p->n > 1) {
		ctx->guesses.passes++;
		ctx->guesses.guessed += p->n - 1;
	}
	p->begun = clock_seconds();
}

void
context_find_logits(struct context *ctx)
{
	struct backend *b = ctx->engine->backend;

	decoder_logits(&ctx->decoder);
	b->ops->find_best(b, ctx->decoder.logits, ctx->engine->model.hp.llm.vocab_size);
}

static void
run_layers(struct context *ctx)
{
	for (int i = 0; i < ctx->engine->model.hp.llm.n_layers; i++)
		decoder_layer(&ctx->decoder, i);
	context_find_logits(ctx);
}

/* A step of one token. A device that records does so at the first, and is not waited for. */
static int
launch_step(struct context *ctx, struct error *err)
{
	struct backend *b = ctx->engine->backend;

	if (!b->ops->record) {
		decoder_embed(&ctx->decoder, ctx->pass.ids, 1, ctx->n_used);
		run_layers(ctx);
		return 0;
	}
	b->ops->begin(b, ctx->pass.ids, 1, ctx->n_used);
	if (!ctx->graph) {
		if (b->ops->record(b) != 0)
			return b->ops->sync(b, err);
		b->ops->embed(b, &ctx->engine->model, ctx->decoder.x);
		run_layers(ctx);
		ctx->graph = b->ops->record_end(b);
		if (!ctx->graph)
			return b->ops->sync(b, err);
	}
	b->ops->replay(b, ctx->graph);
	return 0;
}

/* Asks for the pass that begins with the pending token. */
static int
launch(struct context *ctx, struct error *err)
{
	if (ctx->n_used == ctx->engine->n_ctx)
		return error_set(err, CODE_INPUT, "the context is full (%d tokens)", ctx->engine->n_ctx);
	ctx->has_logits = false;
	ctx->logits = NULL;
	make_pass(ctx);
	if (ctx->pass.n > 1) {
		decoder_embed_steps(&ctx->decoder, ctx->pass.ids, ctx->pass.n, ctx->n_used);
		run_layers(ctx);
	} else if (launch_step(ctx, err) != 0) {
		return -1;
	}
	ctx->launched = true;
	return 0;
}

static bool
has_next_row(const struct context *ctx)
{
	return !ctx->launched && ctx->pass.row + 1 < ctx->pass.n;
}

/* Waits until the device has computed the pass. */
static int
finish_pass(struct context *ctx, struct error *err)
{
	struct backend *b = ctx->engine->backend;

	if (!ctx->launched && launch(ctx, err) != 0)
		return -1;
	ctx->launched = false;
	if (b->ops->sync(b, err) != 0) {
		ctx->pass.n = 0;
		return -1;
	}
	worth_passed(&ctx->worth, ctx->pass.by, ctx->pass.n, clock_seconds() - ctx->pass.begun);
	return 0;
}

/* The token chosen last joins the timeline, and there are logits behind it. */
static int
run_pending(struct context *ctx, struct error *err)
{
	if (has_next_row(ctx))
		ctx->pass.row++;
	else if (finish_pass(ctx, err) != 0)
		return -1;
	ctx->places[ctx->n_used] = (struct place){ .id = ctx->pending, .row = NOTHING, .begin = ctx->n_used,
		.to = ctx->n_used + 1, .stepped = true };
	ctx->n_used++;
	ctx->pending = NOTHING;
	ctx->has_logits = true;
	ctx->logits = NULL;
	return 0;
}

/* A token has been chosen: was it guessed? If not, the rest of the pass is of no use. */
static void
compare_guess(struct context *ctx)
{
	struct pass *p = &ctx->pass;
	bool right;

	if (!has_next_row(ctx))
		return;
	right = p->ids[p->row + 1] == ctx->pending;
	worth_tried(&ctx->worth, p->by, p->row, right);
	ctx->guesses.right += right;
	if (!right)
		p->n = p->row + 1;
}

/* While the caller shows the token, the device computes what follows it; not behind one that ends the answer. */
static int
run_ahead(struct context *ctx, struct error *err)
{
	const struct engine *e = ctx->engine;

	if (!e->backend->ops->record || has_next_row(ctx) || is_stop(e, ctx->pending) || ctx->n_used == e->n_ctx)
		return 0;
	return launch(ctx, err);
}

/* ---- logits */

static int
find_end(struct context *ctx, struct error *err)
{
	if (ctx->pending != NOTHING && run_pending(ctx, err) != 0)
		return -1;
	return ctx->has_logits ? 0 : error_set(err, CODE_ENGINE, "the context has no prompt yet");
}

static int
fetch_logits(struct context *ctx, struct error *err)
{
	struct backend *b = ctx->engine->backend;
	size_t n = (size_t)ctx->engine->model.hp.llm.vocab_size;

	if (ctx->logits)
		return 0;
	ctx->logits = b->ops->lend(b, ctx->decoder.logits, (size_t)ctx->pass.row * n, n);
	if (b->ops->sync(b, err) == 0)
		return 0;
	ctx->logits = NULL;
	return -1;
}

const float *
context_logits(struct context *ctx, struct error *err)
{
	return find_end(ctx, err) == 0 && fetch_logits(ctx, err) == 0 ? ctx->logits : NULL;
}

/* ---- choosing */

/* The n best of the logits, best first, the lower id on a tie. */
static int
find_best(const float *logits, int n_vocab, int n, struct candidate best[])
{
	int n_best = 0;

	for (int id = 0; id < n_vocab; id++) {
		int at = n_best < n ? n_best++ : n;     /* n: beyond the list */

		for (; at > 0 && logits[id] > best[at - 1].logprob; at--)
			if (at < n)
				best[at] = best[at - 1];
		if (at < n)
			best[at] = (struct candidate){ id, logits[id] };
	}
	return n_best;
}

static double
log_sum_exp(const float *logits, int n, float max)
{
	double sum = 0;

	for (int i = 0; i < n; i++)
		sum += exp((double)logits[i] - max);
	return max + log(sum);
}

static void
fill_logprobs(struct step *out, const float *logits, int n_vocab, int n_best)
{
	double all;

	out->n_best = find_best(logits, n_vocab, n_best < STEP_MAX_BEST ? n_best : STEP_MAX_BEST, out->best);
	all = log_sum_exp(logits, n_vocab, out->best[0].logprob);
	out->logprob = (float)(logits[out->id] - all);
	for (int i = 0; i < out->n_best; i++)
		out->best[i].logprob = (float)(out->best[i].logprob - all);
}

int
context_step(struct context *ctx, struct sampler *sampler, int n_best, struct step *out, struct error *err)
{
	struct backend *b = ctx->engine->backend;
	int n_vocab = ctx->engine->model.hp.llm.vocab_size;
	struct best best;

	if (find_end(ctx, err) != 0)
		return -1;
	b->ops->best(b, ctx->decoder.logits, ctx->pass.row, &best);
	if (!best.finite)
		return error_set(err, CODE_ENGINE, "the model computed no finite logits: are its weights damaged?");
	memset(out, 0, sizeof *out);
	out->margin = best.best - best.second;
	if ((n_best > 0 || sampler_needs_logits(sampler)) && fetch_logits(ctx, err) != 0)
		return -1;
	out->id = sampler_needs_logits(sampler) ? sampler_choose(sampler, ctx->logits) :
	    sampler_follow(sampler, best.id);
	if (n_best > 0)
		fill_logprobs(out, ctx->logits, n_vocab, n_best);
	ctx->pending = out->id;
	compare_guess(ctx);
	return run_ahead(ctx, err);
}
