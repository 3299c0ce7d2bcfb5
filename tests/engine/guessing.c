/* guessing.c: answers whose tokens are guessed are those whose tokens are not: ids, margins, log probabilities, stretches
 * and the bits of all logits; on texts that repeat themselves, in the middle of a pass, at the end of the context, and on
 * a device that works ahead of its caller. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "bed.h"
#include "engine/context.h"

#define N_MAX 96
#define STOP 7                  /* of every tiny model */

/* ---- a device that records a step and works ahead, made of one that does not */

static struct {
	struct backend_ops ops;
	struct context *ctx;            /* whose step is recorded: one at a time */
	int n_replayed;
} ahead;

static int
record(struct backend *b)
{
	(void)b;
	return 0;
}

static struct device_graph *
record_end(struct backend *b)
{
	(void)b;
	return (struct device_graph *)&ahead;
}

/* What lies between the two: embedding, the layers, the choice. */
static void
replay(struct backend *b, struct device_graph *g)
{
	struct decoder_work *d = &ahead.ctx->decoder;

	assert_ptr_equal(g, &ahead);
	ahead.n_replayed++;
	b->ops->embed(b, d->model, d->x);
	for (int i = 0; i < d->model->hp.llm.n_layers; i++)
		decoder_layer(d, i);
	context_find_logits(ahead.ctx);
}

static void
graph_free(struct backend *b, struct device_graph *g)
{
	(void)b;
	assert_ptr_equal(g, &ahead);
}

static void
work_ahead(struct bed *b)
{
	ahead.ops = *b->engine->backend->ops;
	ahead.ops.record = record;
	ahead.ops.record_end = record_end;
	ahead.ops.replay = replay;
	ahead.ops.graph_free = graph_free;
	ahead.ops.cheap_steps = true;
	ahead.n_replayed = 0;
	b->engine->backend->ops = &ahead.ops;
}

/* ---- beds */

static struct tiny
shape_of(enum dtype type)
{
	struct tiny shape = tiny_default;

	shape.type = type;
	shape.n_ctx = 160;
	return shape;
}

static void
begin(struct bed *b, const struct tiny *shape, bool works_ahead)
{
	bed_init(b, shape, 2);
	if (works_ahead)
		work_ahead(b);
}

static struct context *
new_context(struct bed *b, enum engine_guess how)
{
	struct error err = {0};
	struct context *ctx = context_new(b->engine, &err);

	assert_ok(!ctx, &err);
	context_set_guess(ctx, how);
	ahead.ctx = ctx;
	return ctx;
}

/* ---- what an answer is */

struct answer {
	int n, n_segs;
	struct step steps[N_MAX];
	float *logits[N_MAX];           /* those that each token was chosen from */
	struct seg *segs;
	struct guess_report guesses;
};

static void
answer_done(struct answer *a)
{
	for (int i = 0; i < a->n; i++)
		free(a->logits[i]);
	free(a->segs);
	memset(a, 0, sizeof *a);
}

static float *
copy_logits(const struct bed *b, struct context *ctx)
{
	size_t size = (size_t)b->shape.vocab * sizeof(float);
	struct error err = {0};
	const float *logits = context_logits(ctx, &err);
	float *copy = xmalloc(size);

	assert_ok(!logits, &err);
	memcpy(copy, logits, size);
	return copy;
}

static void
assert_same_guess(const struct guess *a, const struct guess *b)
{
	int32_t from_a[3], from_b[3];
	enum guess_by by_a = GUESS_KINDS, by_b = GUESS_KINDS;
	int n = guess_next(a, 3, from_a, &by_a);

	assert_int_equal(n, guess_next(b, 3, from_b, &by_b));
	assert_int_equal(by_a, by_b);
	assert_memory_equal(from_a, from_b, (size_t)n * sizeof *from_a);
}

/* What guesses come from is the timeline, as far as it was followed, and nothing that stood there before. Cuts it. */
static void
assert_text(struct context *ctx)
{
	int n = ctx->guess ? guess_n(ctx->guess) : 0;
	struct guess *fresh = guess_new(ctx->engine->n_ctx);

	n = n < ctx->n_used ? n : ctx->n_used;
	for (int i = 0; i < n; i++)
		guess_add(fresh, ctx->places[i].row == NOTHING ? ctx->places[i].id : GUESS_PICTURE);
	for (; n > 0; n--) {
		guess_cut(ctx->guess, n);
		guess_cut(fresh, n);
		assert_same_guess(ctx->guess, fresh);
	}
	guess_free(fresh);
}

/* n steps more. Logits are looked at before a step that has no log probabilities, else not: both ways must do. */
static void
go_on(const struct bed *b, struct context *ctx, struct sampler *s, int n_best, int n, struct answer *a)
{
	struct error err = {0};

	ahead.ctx = ctx;
	for (; n > 0; n--, a->n++) {
		a->logits[a->n] = n_best == 0 ? copy_logits(b, ctx) : NULL;
		assert_ok(context_step(ctx, s, n_best, &a->steps[a->n], &err), &err);
		for (int row = 1; row < ctx->pass.n; row++)
			assert_int_not_equal(ctx->pass.ids[row], STOP);         /* nothing is computed behind it */
	}
	free(a->segs);
	a->n_segs = context_segs(ctx, &a->segs);
	a->guesses = context_guesses(ctx);
}

static void
assert_same(const struct bed *b, const struct answer *got, const struct answer *want)
{
	assert_int_equal(got->n, want->n);
	for (int i = 0; i < got->n; i++) {
		if (got->steps[i].id != want->steps[i].id)
			fail_msg("token %d is %d, not %d", i, got->steps[i].id, want->steps[i].id);
		assert_memory_equal(&got->steps[i], &want->steps[i], sizeof got->steps[i]);
		if (got->logits[i])
			assert_memory_equal(got->logits[i], want->logits[i], (size_t)b->shape.vocab * sizeof(float));
	}
	assert_int_equal(got->n_segs, want->n_segs);
	assert_memory_equal(got->segs, want->segs, (size_t)got->n_segs * sizeof *got->segs);
}

/* How tokens are chosen: given ones, drawn, or the likeliest. */
struct way {
	const int32_t *given;
	int n_given;
	float temp, penalty;
};

static struct sampler *
sampler_of(const struct bed *b, const struct way *way)
{
	struct sampling how = { .temp = way->temp, .top_p = 0.9f, .top_k = 40, .seed = 11,
		.repeat_penalty = way->penalty > 0 ? way->penalty : 1 };

	return way->given ? sampler_given(way->given, (size_t)way->n_given, b->shape.vocab) : sampler_new(&how, b->shape.vocab);
}

static void
make_answer(struct bed *b, const struct prompt *p, enum engine_guess how, const struct way *way, int n_best, int n,
    struct answer *out)
{
	struct context *ctx = new_context(b, how);
	struct sampler *s = sampler_of(b, way);

	sync_ok(ctx, p);
	go_on(b, ctx, s, n_best, n, out);
	sampler_free(s);
	context_free(ctx);
}

/* With guesses as without; returns how many of the guesses were right. */
static int
assert_guesses_change_nothing(struct bed *b, const struct prompt *p, const struct way *way, int n_best, int n)
{
	struct answer with = {0}, without = {0};
	int right;

	make_answer(b, p, ENGINE_GUESS_OFF, way, n_best, n, &without);
	make_answer(b, p, ENGINE_GUESS_ON, way, n_best, n, &with);
	assert_same(b, &with, &without);
	assert_int_equal(without.guesses.passes, 0);
	assert_true(with.guesses.guessed >= with.guesses.passes && with.guesses.right <= with.guesses.guessed);
	right = (int)with.guesses.right;
	answer_done(&with);
	answer_done(&without);
	return right;
}

/* A text that says the same thing again and again, with a change now and then. */
static void
fill_copies(int32_t *ids, int n)
{
	for (int i = 0; i < n; i++)
		ids[i] = 20 + i % 13 + (i % 31 == 30);
}

static void
add_copies(struct prompt *p, int n)
{
	int32_t ids[N_MAX];

	fill_copies(ids, n);
	for (int i = 0; i < n; i++)
		ids_add(&p->ids, ids[i]);
}

/* ---- answers */

/* Right and wrong guesses in turn, however the weights are held. */
static void
given_tokens(void **state)
{
	static const enum dtype types[] = { DTYPE_F32, DTYPE_BF16, DTYPE_F16 };
	int32_t ids[N_MAX];

	(void)state;
	fill_copies(ids, N_MAX);
	for (int i = 0; i < 6; i++) {
		struct tiny shape = shape_of(types[i % 3]);
		struct way way = { .given = ids, .n_given = N_MAX };
		struct bed b;
		struct prompt p = {0};
		int right;

		begin(&b, &shape, i >= 3);
		add_copies(&p, 30);
		right = assert_guesses_change_nothing(&b, &p, &way, i % 2 ? 5 : 0, 70);
		assert_in_range(right, 35, 60);
		if (i >= 3)
			assert_in_range(ahead.n_replayed, 70, 70 + 30);        /* each step of one, few of the other */
		prompt_done(&p);
		bed_done(&b);
	}
}

/* The likeliest tokens of a model that says nothing repeat themselves now and then; so do drawn ones where few may be. */
static int
answer_in_all_ways(bool works_ahead, uint64_t seed)
{
	static const struct way ways[] = { {0}, { .temp = 0.05f }, { .temp = 1 }, { .penalty = 1.05f }, { .temp = 0.3f, .penalty = 1.3f } };
	struct tiny shape = shape_of(DTYPE_BF16);
	struct prompt p = {0};
	struct bed b;
	int right = 0;

	shape.layers = 1;
	shape.seed = seed;
	begin(&b, &shape, works_ahead);
	add_copies(&p, 40);
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
		for (int n_best = 0; n_best < 4; n_best += 3)
			right += assert_guesses_change_nothing(&b, &p, &ways[i], n_best, N_MAX);
	prompt_done(&p);
	bed_done(&b);
	return right;
}

static void
chosen_tokens(void **state)
{
	(void)state;
	for (int ahead_too = 0; ahead_too < 2; ahead_too++)
		assert_true(answer_in_all_ways(ahead_too, 4) + answer_in_all_ways(ahead_too, 5) > 100);
}

/* Pictures stand in the text, and a stop token in what repeats itself: an answer may go on behind it. */
static void
pictures_and_stops(void **state)
{
	static const int32_t stops[] = { 41, 42, 43, 44, STOP, 45, 46, 41, 42, 43, 44, STOP, 45, 46, 41, 42, 43, 44, STOP, 45, 46,
		STOP, 45, 46 };
	struct tiny shape = shape_of(DTYPE_F32);
	struct way way = { .given = stops, .n_given = 24 };
	struct bed b;

	(void)state;
	for (int ahead_too = 0; ahead_too < 2; ahead_too++) {
		struct prompt p = {0};

		begin(&b, &shape, ahead_too);
		assert_int_equal(card_info(b.card)->stops[0], STOP);
		add_copies(&p, 20);
		add_picture(&p, &b, 3);
		add_text(&p, &b, 3, 1);
		add_picture(&p, &b, 3);
		for (int i = 0; i < 6; i++)
			ids_add(&p.ids, stops[i]);
		assert_in_range(assert_guesses_change_nothing(&b, &p, &way, 0, 24), 6, 16);
		prompt_done(&p);
		bed_done(&b);
	}
}

/* ---- the context's end */

static void
a_full_context_is_full_all_the_same(void **state)
{
	int32_t ids[N_MAX];
	struct way way = { .given = ids, .n_given = N_MAX };

	(void)state;
	fill_copies(ids, N_MAX);
	for (int n_ctx = 46; n_ctx < 52; n_ctx++)
		for (int ahead_too = 0; ahead_too < 2; ahead_too++) {
			struct tiny shape = shape_of(DTYPE_F32);
			struct bed b;
			struct prompt p = {0};
			struct error err = {0};
			struct context *ctx;
			struct sampler *s;
			struct answer got = {0};
			struct step step;

			shape.n_ctx = n_ctx;
			begin(&b, &shape, ahead_too);
			add_copies(&p, 30);
			assert_guesses_change_nothing(&b, &p, &way, 0, n_ctx - 30);
			ctx = new_context(&b, ENGINE_GUESS_ON);
			s = sampler_of(&b, &way);
			sync_ok(ctx, &p);
			go_on(&b, ctx, s, 0, n_ctx - 30 + 1, &got);
			assert_int_equal(context_n_used(ctx), n_ctx);
			assert_true(got.guesses.right > 0);
			assert_int_equal(context_step(ctx, s, 0, &step, &err), -1);
			assert_int_equal(err.code, CODE_INPUT);
			assert_int_equal(context_n_used(ctx), n_ctx);
			answer_done(&got);
			sampler_free(s);
			context_free(ctx);
			prompt_done(&p);
			bed_done(&b);
		}
}

/* ---- in the middle of a pass */

/* After so many tokens another prompt comes, which shares a beginning: the answer to it, and what is kept. */
static void
leave(struct bed *b, enum engine_guess how, int n_before, int n_shared, struct answer *out)
{
	int32_t ids[N_MAX];
	struct way way = { .given = ids, .n_given = N_MAX };
	struct context *ctx = new_context(b, how);
	struct prompt p = {0};
	struct sampler *s;

	fill_copies(ids, N_MAX);
	add_copies(&p, 26);
	s = sampler_of(b, &way);
	sync_ok(ctx, &p);
	go_on(b, ctx, s, 0, n_before, out);
	for (int i = 0; i < n_before - 1 && (int)p.ids.n < n_shared; i++)       /* the last is chosen, not computed */
		ids_add(&p.ids, out->steps[i].id);
	p.ids.n = (size_t)n_shared < p.ids.n ? (size_t)n_shared : p.ids.n;
	n_shared = (int)p.ids.n;
	add_text(&p, b, 5, 2);
	add_copies(&p, 15);
	assert_int_equal(sync_ok(ctx, &p).n_reused, n_shared);
	sampler_free(s);
	s = sampler_of(b, &way);
	go_on(b, ctx, s, 0, 20, out);
	assert_text(ctx);
	sampler_free(s);
	context_free(ctx);
	prompt_done(&p);
}

static void
another_prompt_comes_in_between(void **state)
{
	struct tiny shape = shape_of(DTYPE_F32);
	struct bed b;

	(void)state;
	for (int ahead_too = 0; ahead_too < 2; ahead_too++) {
		begin(&b, &shape, ahead_too);
		for (int n_before = 1; n_before < 9; n_before++)
			for (int n_shared = 20; n_shared < 34; n_shared += 3) {
				struct answer with = {0}, without = {0};

				leave(&b, ENGINE_GUESS_OFF, n_before, n_shared, &without);
				leave(&b, ENGINE_GUESS_ON, n_before, n_shared, &with);
				assert_same(&b, &with, &without);
				assert_true(with.guesses.right > 0);
				answer_done(&with);
				answer_done(&without);
			}
		bed_done(&b);
	}
}

/* What was computed with guesses can be computed again by its stretches, guessing or not, bit for bit. */
static void
stretches_repeat_it(void **state)
{
	int32_t ids[N_MAX];
	struct way way = { .given = ids, .n_given = N_MAX };
	struct tiny shape = shape_of(DTYPE_BF16);
	struct bed b;

	(void)state;
	fill_copies(ids, N_MAX);
	for (int n = 20; n < 26; n++) {
		struct prompt p = {0};
		struct answer a = {0};
		struct error err = {0};
		struct context *ctx, *again;
		struct sampler *s;
		float *got, *want;

		begin(&b, &shape, n % 2);
		add_copies(&p, 30);
		ctx = new_context(&b, ENGINE_GUESS_ON);
		s = sampler_of(&b, &way);
		sync_ok(ctx, &p);
		go_on(&b, ctx, s, 0, n, &a);
		got = copy_logits(&b, ctx);
		free(a.segs);
		a.n_segs = context_segs(ctx, &a.segs);
		for (int i = 0; i < n; i++)
			ids_add(&p.ids, a.steps[i].id);
		again = new_context(&b, ENGINE_GUESS_OFF);
		assert_ok(context_sync_as(again, &p, a.segs, a.n_segs, NULL, NULL, &err), &err);
		want = copy_logits(&b, again);
		assert_memory_equal(got, want, (size_t)shape.vocab * sizeof *got);
		free(got);
		free(want);
		answer_done(&a);
		sampler_free(s);
		context_free(ctx);
		context_free(again);
		prompt_done(&p);
		bed_done(&b);
	}
}

/* A file written after any token holds what was chosen and computed, and no guess; what comes then is the same. */
static void
a_file_is_written_in_between(void **state)
{
	int32_t ids[N_MAX];
	struct way way = { .given = ids, .n_given = N_MAX };
	struct tiny shape = shape_of(DTYPE_F32);
	struct bed b;

	(void)state;
	fill_copies(ids, N_MAX);
	for (int n = 8; n < 16; n++) {
		struct prompt p = {0};
		struct answer whole = {0}, before = {0}, rest = {0}, rest_again = {0};
		struct error err = {0};
		struct context *ctx, *later;
		struct sampler *s;
		char *path;

		begin(&b, &shape, n % 2);
		path = xasprintf("%s/snapshot", b.dir);
		add_copies(&p, 30);
		make_answer(&b, &p, ENGINE_GUESS_OFF, &way, 0, 30, &whole);
		ctx = new_context(&b, ENGINE_GUESS_ON);
		s = sampler_of(&b, &way);
		sync_ok(ctx, &p);
		go_on(&b, ctx, s, 3, n, &before);       /* with log probabilities: the pass is left where it is */
		assert_int_equal(context_n_used(ctx), 30 + n - 1);
		assert_ok(context_save(ctx, path, NULL, &err), &err);

		later = new_context(&b, ENGINE_GUESS_ON);
		assert_ok(context_restore(later, path, NULL, &err), &err);
		assert_int_equal(context_n_used(later), 30 + n - 1);
		for (int i = 0; i < n - 1; i++)
			ids_add(&p.ids, before.steps[i].id);
		for (int k = 0; k < 2; k++) {           /* restored, and in the context that was saved: the last token anew */
			struct way from = { .given = ids + n - 1, .n_given = N_MAX - (n - 1) };
			struct sampler *t = sampler_of(&b, &from);

			ahead.ctx = k ? ctx : later;
			assert_int_equal(sync_ok(ahead.ctx, &p).n_reused, 30 + n - 2);
			go_on(&b, ahead.ctx, t, 0, 30 - n, k ? &rest_again : &rest);
			assert_text(ahead.ctx);
			sampler_free(t);
		}
		assert_same(&b, &rest, &rest_again);
		for (int i = 0; i < 30 - n; i++)
			assert_int_equal(rest.steps[i].id, whole.steps[n - 1 + i].id);
		assert_true(rest.guesses.right > 0);
		answer_done(&whole);
		answer_done(&before);
		answer_done(&rest);
		answer_done(&rest_again);
		free(path);
		sampler_free(s);
		context_free(ctx);
		context_free(later);
		prompt_done(&p);
		bed_done(&b);
	}
}

/* ---- when */

/* By itself it guesses where that costs little, and not on the CPU; it may be told at any time. */
static void
it_is_off_where_it_does_not_pay(void **state)
{
	int32_t ids[N_MAX];
	struct way way = { .given = ids, .n_given = N_MAX };
	struct tiny shape = shape_of(DTYPE_F32);

	(void)state;
	fill_copies(ids, N_MAX);
	for (int ahead_too = 0; ahead_too < 2; ahead_too++) {
		struct bed b;
		struct prompt p = {0};
		struct answer a = {0}, off = {0}, turns = {0};
		struct context *ctx;
		struct sampler *s;

		begin(&b, &shape, ahead_too);
		add_copies(&p, 30);
		make_answer(&b, &p, ENGINE_GUESS_OFF, &way, 0, 60, &off);
		make_answer(&b, &p, ENGINE_GUESS_AUTO, &way, 0, 60, &a);
		assert_int_equal(off.guesses.passes, 0);
		assert_int_equal(a.guesses.passes > 0, ahead_too);
		assert_same(&b, &a, &off);

		ctx = new_context(&b, ENGINE_GUESS_ON);
		s = sampler_of(&b, &way);
		sync_ok(ctx, &p);
		for (int i = 0; i < 12; i++) {
			context_set_guess(ctx, i % 2 ? ENGINE_GUESS_OFF : ENGINE_GUESS_ON);
			go_on(&b, ctx, s, 0, 5, &turns);
		}
		assert_true(turns.guesses.right > 0 && turns.guesses.right < 40);
		assert_same(&b, &turns, &off);
		answer_done(&a);
		answer_done(&off);
		answer_done(&turns);
		sampler_free(s);
		context_free(ctx);
		prompt_done(&p);
		bed_done(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(given_tokens),
		cmocka_unit_test(chosen_tokens),
		cmocka_unit_test(pictures_and_stops),
		cmocka_unit_test(a_full_context_is_full_all_the_same),
		cmocka_unit_test(another_prompt_comes_in_between),
		cmocka_unit_test(stretches_repeat_it),
		cmocka_unit_test(a_file_is_written_in_between),
		cmocka_unit_test(it_is_off_where_it_does_not_pay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
