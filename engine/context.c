/* context.c: one timeline of tokens: what the KV cache holds. step.c has its end: logits, and the token chosen next.
 *
 * Invariant: places[0 … n_used) says exactly which tokens (and which rows of which pictures) the cache holds. It
 * grows only after the device has confirmed a step, so a stopped or failed call leaves a shorter but true timeline.
 */
#include "config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "engine/context.h"
#include "engine/running.h"

struct context *
context_new(struct engine *e, struct error *err)
{
	struct context *ctx = xcalloc(1, sizeof *ctx);
	int chunk = e->n_ctx < CONTEXT_CHUNK ? e->n_ctx : CONTEXT_CHUNK;

	ctx->engine = e;
	ctx->pending = NOTHING;
	ctx->places = calloc((size_t)e->n_ctx, sizeof *ctx->places);
	ctx->ids = xcalloc((size_t)chunk, sizeof *ctx->ids);
	if (!ctx->places)
		error_set(err, CODE_MEMORY, "no memory for a context of %d tokens", e->n_ctx);
	else if (decoder_init(&ctx->decoder, e->backend, &e->model, e->n_ctx, chunk, err) == 0) {
		worth_init(&ctx->worth);
		context_set_guess(ctx, e->guess);
		return ctx;
	}
	context_free(ctx);
	return NULL;
}

void
context_free(struct context *ctx)
{
	if (!ctx)
		return;
	if (ctx->graph)
		ctx->engine->backend->ops->graph_free(ctx->engine->backend, ctx->graph);
	decoder_done(&ctx->decoder);
	guess_free(ctx->guess);
	free(ctx->places);
	free(ctx->ids);
	free(ctx);
}

int
context_n_ctx(const struct context *ctx)
{
	return ctx->engine->n_ctx;
}

int
context_n_used(const struct context *ctx)
{
	return ctx->n_used;
}

/* ---- sync: the prompt's places against the timeline's */

static int
check_pictures(const struct context *ctx, const struct prompt *prompt, struct error *err)
{
	int n_each = hparams_n_image_tokens(&ctx->engine->model.hp);
	size_t end = 0;

	if (prompt->n_pictures > 0 && ctx->engine->model.hp.text_only)
		return error_set(err, CODE_INPUT, "this model is for text only: it cannot look at pictures");
	for (int i = 0; i < prompt->n_pictures; i++) {
		const struct prompt_picture *p = &prompt->pictures[i];

		if (p->n_tokens != n_each || p->pos < end || p->pos + (size_t)p->n_tokens > prompt->ids.n)
			return error_set(err, CODE_INPUT, "picture %d has no room of %d tokens in the prompt", i + 1,
			    n_each);
		end = p->pos + (size_t)p->n_tokens;
	}
	return 0;
}

static int
check(const struct context *ctx, const struct prompt *prompt, struct error *err)
{
	int n_vocab = ctx->engine->model.hp.llm.vocab_size;

	if (prompt->ids.n == 0)
		return error_set(err, CODE_INPUT, "the prompt is empty");
	if (prompt->ids.n > (size_t)ctx->engine->n_ctx)
		return error_set(err, CODE_INPUT, "the prompt has %zu tokens; the context holds %d", prompt->ids.n,
		    ctx->engine->n_ctx);
	for (size_t i = 0; i < prompt->ids.n; i++)
		if (prompt->ids.at[i] < 0 || prompt->ids.at[i] >= n_vocab)
			return error_set(err, CODE_INPUT, "token %d is not in the model's vocabulary of %d",
			    prompt->ids.at[i], n_vocab);
	return check_pictures(ctx, prompt, err);
}

static struct place *
make_places(const struct prompt *prompt)
{
	struct place *places = xcalloc(prompt->ids.n, sizeof *places);

	for (size_t i = 0; i < prompt->ids.n; i++) {
		places[i].id = prompt->ids.at[i];
		places[i].row = NOTHING;
	}
	for (int i = 0; i < prompt->n_pictures; i++) {
		const struct prompt_picture *p = &prompt->pictures[i];

		for (int row = 0; row < p->n_tokens; row++) {
			places[p->pos + (size_t)row].row = row;
			memcpy(places[p->pos + (size_t)row].key, p->pixels.key, PIXELS_KEY);
		}
	}
	return places;
}

static bool
same_place(const struct place *a, const struct place *b)
{
	return a->id == b->id && a->row == b->row && (a->row == NOTHING || memcmp(a->key, b->key, PIXELS_KEY) == 0);
}

/* Places that need not be computed again; never all of the prompt, so that there are logits at its end. */
static int
common_prefix(const struct context *ctx, const struct place *places, int n)
{
	int most = ctx->n_used < n - 1 ? ctx->n_used : n - 1, i = 0;

	while (i < most && same_place(&ctx->places[i], &places[i]))
		i++;
	return i;
}

/* ---- sync: computing */

struct syncing {
	struct context *ctx;
	const struct prompt *prompt;
	const struct place *places;
	const struct watch *watch;
	int n_prompt, n_reused, n_pictures_seen;
};

/* Rows of picture p that stand in [begin, end) of the prompt → the x of the step to come. */
static int
put_picture(struct syncing *s, const struct prompt_picture *p, int begin, int end, struct error *err)
{
	struct context *ctx = s->ctx;
	struct backend *b = ctx->engine->backend;
	size_t width = (size_t)ctx->engine->model.hp.llm.hidden_size;
	int first = (int)p->pos > begin ? (int)p->pos : begin, last = (int)p->pos + p->n_tokens;
	const struct device_buffer *rows;
	bool computed;

	last = last < end ? last : end;
	if (first >= last)
		return 0;
	rows = engine_rows(ctx->engine, &p->pixels, s->watch, &computed, err);
	if (!rows)
		return -1;
	s->n_pictures_seen += computed;
	b->ops->copy(b, ctx->decoder.x, (size_t)(first - begin) * width, rows, (size_t)(first - (int)p->pos) * width,
	    (size_t)(last - first) * width);
	return 0;
}

static int
run_layers(struct syncing *s, int begin, int end, int to, struct error *err)
{
	int n_layers = s->ctx->engine->model.hp.llm.n_layers;
	long long before = begin - s->n_reused, n = end - begin, total = s->n_prompt - s->n_reused;

	for (int i = 0; i < n_layers; i++) {
		if (watch_stopped(s->watch))
			return error_set(err, CODE_SIGINT, "stopped while reading the prompt");
		if (i < n_layers - 1)
			decoder_layer(&s->ctx->decoder, i);
		else
			decoder_last_layer(&s->ctx->decoder, i, to - begin, end == s->n_prompt);
		watch_report(s->watch, STAGE_PREFILL, before + n * (i + 1) / n_layers, total);
	}
	return 0;
}

/* Places [begin, end), in a batch as large as [begin, to): what its other rows hold does not matter, they are never
 * looked at. */
static int
compute_batch(struct syncing *s, int begin, int end, int to, bool stepped, struct error *err)
{
	struct context *ctx = s->ctx;
	struct backend *b = ctx->engine->backend;

	for (int i = begin; i < to; i++)
		ctx->ids[i - begin] = i >= end ? 0 : s->places[i].row == NOTHING ? s->places[i].id : -1;
	for (int i = 0; i < s->prompt->n_pictures; i++)
		if (put_picture(s, &s->prompt->pictures[i], begin, end, err) != 0)
			return -1;
	decoder_embed(&ctx->decoder, ctx->ids, to - begin, begin);
	if (run_layers(s, begin, end, to, err) != 0)
		return -1;
	if (end == s->n_prompt)
		context_find_logits(ctx);
	if (b->ops->sync(b, err) != 0)
		return -1;
	for (int i = begin; i < end; i++) {
		ctx->places[i] = s->places[i];
		ctx->places[i].begin = begin;
		ctx->places[i].to = to;
		ctx->places[i].stepped = stepped;
	}
	ctx->n_used = end;
	return 0;
}

/* Rows of the next batch: as few batches as will do, all alike, for a short one costs a GPU almost as much as a long one. */
static int
rows_of_batch(int n, int most)
{
	int n_batches = (n + most - 1) / most, each = (n + n_batches - 1) / n_batches;

	each = (each + 7) / 8 * 8;
	each = each < most ? each : most;
	return each < n ? each : n;
}

static int
compute(struct syncing *s, struct error *err)
{
	int most = s->ctx->decoder.max_rows, end;

	for (int begin = s->n_reused; begin < s->n_prompt; begin = end) {
		end = begin + rows_of_batch(s->n_prompt - begin, most);
		if (compute_batch(s, begin, end, end, false, err) != 0)
			return -1;
	}
	s->ctx->has_logits = true;
	return 0;
}

void
context_drop_end(struct context *ctx)
{
	ctx->pending = NOTHING;
	ctx->launched = ctx->has_logits = false;
	ctx->logits = NULL;
	ctx->pass = (struct pass){0};
	if (ctx->guess)
		guess_cut(ctx->guess, ctx->n_used);
}

/* Drops what the prompt does not share; from here on there are no logits until it is computed. */
static void
rewind_to(struct context *ctx, int n)
{
	ctx->n_used = n;
	context_drop_end(ctx);
}

void
context_reset(struct context *ctx)
{
	rewind_to(ctx, 0);
}

int
context_sync(struct context *ctx, const struct prompt *prompt, const struct watch *watch, struct sync_report *report,
    struct error *err)
{
	struct syncing s = { .ctx = ctx, .prompt = prompt, .watch = watch };
	struct place *places;
	int rc;

	if (check(ctx, prompt, err) != 0)
		return -1;
	s.places = places = make_places(prompt);
	s.n_prompt = (int)prompt->ids.n;
	s.n_reused = common_prefix(ctx, places, s.n_prompt);
	rewind_to(ctx, s.n_reused);
	rc = compute(&s, err);
	free(places);
	if (report)
		*report = (struct sync_report){ s.n_prompt, s.n_reused, s.n_pictures_seen };
	return rc;
}

/* ---- the same bits again */

int
context_segs(const struct context *ctx, struct seg **segs)
{
	struct seg *last;
	int n = 0;

	*segs = xcalloc((size_t)ctx->n_used + 1, sizeof **segs);
	for (int i = 0; i < ctx->n_used; i++) {
		const struct place *p = &ctx->places[i];

		last = n > 0 ? &(*segs)[n - 1] : NULL;
		if (p->stepped && last && last->kind == SEG_DECODE)
			last->to = last->end = i + 1;
		else if (!p->stepped && p->begin < i)
			last->end = i + 1;
		else
			(*segs)[n++] = (struct seg){ p->stepped ? SEG_DECODE : SEG_PREFILL, i, i + 1, p->to };
	}
	return n;
}

static int
check_segs(const struct context *ctx, int n_prompt, const struct seg *segs, int n, struct error *err)
{
	int at = 0;

	for (int i = 0; i < n; i++) {
		const struct seg *s = &segs[i];
		bool fits = s->kind == SEG_DECODE ? s->to == s->end :
		    s->to - s->begin <= ctx->decoder.max_rows && s->to <= ctx->engine->n_ctx;

		if (s->begin != at || s->end <= at || s->to < s->end || !fits)
			return error_set(err, CODE_INPUT, "the context cannot be computed as it was: tokens %d to %d "
			    "do not fit this engine", s->begin, s->end);
		at = s->end;
	}
	if (n == 0 || at != n_prompt || segs[n - 1].to != n_prompt)
		return error_set(err, CODE_INPUT, "the context was computed for another prompt: %d tokens, not %d", at,
		    n_prompt);
	return 0;
}

static bool
computed_as(const struct place *p, const struct seg *s, int pos)
{
	if (s->kind == SEG_DECODE)
		return p->to - p->begin == 1 && p->begin == pos;
	return p->begin == s->begin && p->to == s->to;
}

/* How much of the stretch the timeline holds already, computed the same way; a batch counts whole or not at all. */
static int
common_in_seg(const struct context *ctx, const struct place *places, const struct seg *s)
{
	int i = s->begin;

	while (i < s->end && i < ctx->n_used && same_place(&ctx->places[i], &places[i]) &&
	    computed_as(&ctx->places[i], s, i))
		i++;
	return i < s->end && s->kind == SEG_PREFILL ? s->begin : i;
}

/* The last stretch is always computed, so that there are logits at its end. */
static int
common_as(const struct context *ctx, const struct place *places, const struct seg *segs, int n)
{
	int at = 0;

	for (int i = 0; i < n - 1 && at == segs[i].begin; i++)
		at = common_in_seg(ctx, places, &segs[i]);
	return at;
}

static int
compute_as(struct syncing *s, const struct seg *segs, int n, struct error *err)
{
	for (int i = 0; i < n; i++) {
		const struct seg *seg = &segs[i];
		int at = seg->begin > s->n_reused ? seg->begin : s->n_reused;

		if (seg->kind == SEG_PREFILL && at < seg->end && compute_batch(s, at, seg->end, seg->to, false, err) != 0)
			return -1;
		for (; seg->kind == SEG_DECODE && at < seg->end; at++)
			if (compute_batch(s, at, at + 1, at + 1, true, err) != 0)
				return -1;
	}
	s->ctx->has_logits = true;
	return 0;
}

int
context_sync_as(struct context *ctx, const struct prompt *prompt, const struct seg *segs, int n_segs,
    const struct watch *watch, struct sync_report *report, struct error *err)
{
	struct syncing s = { .ctx = ctx, .prompt = prompt, .watch = watch, .n_prompt = (int)prompt->ids.n };
	struct place *places;
	int rc;

	if (check(ctx, prompt, err) != 0 || check_segs(ctx, s.n_prompt, segs, n_segs, err) != 0)
		return -1;
	s.places = places = make_places(prompt);
	s.n_reused = common_as(ctx, places, segs, n_segs);
	rewind_to(ctx, s.n_reused);
	rc = compute_as(&s, segs, n_segs, err);
	free(places);
	if (report)
		*report = (struct sync_report){ s.n_prompt, s.n_reused, s.n_pictures_seen };
	return rc;
}
