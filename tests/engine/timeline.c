/* timeline.c: context and engine on tiny models with random weights: what is reused, what is dropped, what a stop or
 * a full context leaves behind. Every answer is compared with one computed from nothing. */
#include "config.h"

#include <fcntl.h>
#include <malloc.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "base/file.h"
#include "bed.h"
#include "engine/engine.h"

static void
take_steps(const struct bed *b, struct context *ctx, int32_t *out, int n)
{
	struct sampler *s = greedy(b);
	struct error err = {0};
	struct step step;

	for (int i = 0; i < n; i++) {
		assert_ok(context_step(ctx, s, 0, &step, &err), &err);
		out[i] = step.id;
	}
	sampler_free(s);
}

#define N_STEPS 12

/* The context's continuation must be that of a new context which sees the prompt for the first time. */
static void
assert_like_new(const struct bed *b, const struct prompt *p)
{
	struct error err = {0};
	struct context *fresh = context_new(b->engine, &err);
	int32_t got[N_STEPS], want[N_STEPS];
	const float *a, *c;

	assert_non_null(fresh);
	sync_ok(fresh, p);
	a = context_logits(b->ctx, &err);
	c = context_logits(fresh, &err);
	for (int i = 0; i < b->shape.vocab; i++)
		assert_true(fabsf(a[i] - c[i]) < 1e-4f);
	take_steps(b, b->ctx, got, N_STEPS);
	take_steps(b, fresh, want, N_STEPS);
	assert_memory_equal(got, want, sizeof got);
	context_free(fresh);
}

/* ---- reuse */

static void
a_common_prefix_is_reused(void **state)
{
	struct bed b;
	struct prompt first = {0}, second = {0};
	struct sync_report report;

	(void)state;
	bed_init(&b, &tiny_default, 2);
	add_text(&first, &b, 20, 1);
	add_text(&second, &b, 13, 1);
	add_text(&second, &b, 9, 2);
	report = sync_ok(b.ctx, &first);
	assert_int_equal(report.n_prompt, 20);
	assert_int_equal(report.n_reused, 0);
	assert_like_new(&b, &first);
	report = sync_ok(b.ctx, &second);
	assert_int_equal(report.n_reused, 13);
	assert_like_new(&b, &second);
	prompt_done(&first);
	prompt_done(&second);
	bed_done(&b);
}

static void
the_last_token_is_always_computed(void **state)
{
	struct bed b;
	struct prompt p = {0};

	(void)state;
	bed_init(&b, &tiny_default, 1);
	add_text(&p, &b, 9, 1);
	sync_ok(b.ctx, &p);
	assert_int_equal(sync_ok(b.ctx, &p).n_reused, 8);
	p.ids.n = 5;
	assert_int_equal(sync_ok(b.ctx, &p).n_reused, 4);
	assert_like_new(&b, &p);
	p.ids.n = 1;
	assert_int_equal(sync_ok(b.ctx, &p).n_reused, 0);
	assert_like_new(&b, &p);
	p.ids.n = 9;
	prompt_done(&p);
	bed_done(&b);
}

/* The next round's prompt repeats what was generated: those tokens are in the timeline already. */
static void
generated_tokens_are_reused(void **state)
{
	struct bed b;
	struct prompt p = {0};
	int32_t answer[5];

	(void)state;
	bed_init(&b, &tiny_default, 1);
	add_text(&p, &b, 10, 1);
	sync_ok(b.ctx, &p);
	take_steps(&b, b.ctx, answer, 5);
	for (int i = 0; i < 5; i++)
		ids_add(&p.ids, answer[i]);
	add_text(&p, &b, 4, 3);
	assert_int_equal(sync_ok(b.ctx, &p).n_reused, 14);      /* the fifth was chosen, not computed */
	assert_like_new(&b, &p);
	prompt_done(&p);
	bed_done(&b);
}

static void
another_picture_ends_the_prefix(void **state)
{
	struct bed b;
	struct prompt first = {0}, second = {0};
	struct sync_report report;

	(void)state;
	bed_init(&b, &tiny_default, 2);
	add_text(&first, &b, 6, 1);
	add_picture(&first, &b, 10);
	add_text(&first, &b, 8, 2);
	add_text(&second, &b, 6, 1);
	add_picture(&second, &b, 11);
	add_text(&second, &b, 8, 2);
	report = sync_ok(b.ctx, &first);
	assert_int_equal(report.n_pictures_seen, 1);
	assert_like_new(&b, &first);
	report = sync_ok(b.ctx, &second);
	assert_int_equal(report.n_reused, 6);
	assert_int_equal(report.n_pictures_seen, 1);
	assert_like_new(&b, &second);
	report = sync_ok(b.ctx, &first);
	assert_int_equal(report.n_reused, 6);
	assert_int_equal(report.n_pictures_seen, 0);            /* its rows were kept */
	assert_like_new(&b, &first);
	prompt_done(&first);
	prompt_done(&second);
	bed_done(&b);
}

/* ---- the same bits again */

/* Whether a timeline of its own, computed by these stretches, ends in exactly these logits. */
static bool
same_bits(struct bed *b, const struct prompt *p, const struct seg *segs, int n)
{
	size_t size = (size_t)card_info(b->card)->vocab_size * sizeof(float);
	struct error err = {0};
	struct context *fresh = context_new(b->engine, &err);
	bool same;

	assert_ok(!fresh, &err);
	assert_ok(context_sync_as(fresh, p, segs, n, NULL, NULL, &err), &err);
	same = memcmp(context_logits(b->ctx, &err), context_logits(fresh, &err), size) == 0;
	context_free(fresh);
	return same;
}

static void
assert_repeats(struct bed *b, const struct prompt *p)
{
	struct seg *segs, *again;
	int n = context_segs(b->ctx, &segs), n_again;
	struct error err = {0};

	assert_int_equal(segs[n - 1].end, p->ids.n);
	assert_true(same_bits(b, p, segs, n));
	assert_ok(context_sync_as(b->ctx, p, segs, n, NULL, NULL, &err), &err);
	n_again = context_segs(b->ctx, &again);
	assert_int_equal(n_again, n);
	assert_memory_equal(again, segs, (size_t)n * sizeof *segs);
	free(segs);
	free(again);
}

/* Rounds with answers, a picture, a branch that leaves within a batch: each can be computed again, bit for bit. */
static void
the_same_stretches_give_the_same_bits(void **state)
{
	struct tiny shape = tiny_default;
	struct bed b;
	struct prompt p = {0};
	int32_t answer[12];

	(void)state;
	shape.n_ctx = 128;
	bed_init(&b, &shape, 2);
	add_text(&p, &b, 30, 1);
	add_picture(&p, &b, 10);
	add_text(&p, &b, 11, 4);
	sync_ok(b.ctx, &p);
	assert_repeats(&b, &p);
	sync_ok(b.ctx, &p);             /* its last token alone, again */
	take_steps(&b, b.ctx, answer, 12);
	for (int i = 0; i < 12; i++)
		ids_add(&p.ids, answer[i]);
	add_text(&p, &b, 19, 3);
	sync_ok(b.ctx, &p);
	assert_repeats(&b, &p);
	p.ids.n -= 30;                  /* cuts the answer */
	add_text(&p, &b, 9, 5);
	sync_ok(b.ctx, &p);
	assert_repeats(&b, &p);
	p.ids.n = 17;                   /* cuts the first batch */
	p.n_pictures = 0;
	add_text(&p, &b, 14, 6);
	sync_ok(b.ctx, &p);
	assert_repeats(&b, &p);
	p.n_pictures = 1;
	prompt_done(&p);
	bed_done(&b);
}

/* ---- in a file */

static char *
snapshot_of(const struct bed *b)
{
	return xasprintf("%s/snapshot", b->dir);
}

static void
save(const struct bed *b, const char *path)
{
	struct error err = {0};
	struct stat st;

	assert_ok(context_save(b->ctx, path, NULL, &err), &err);
	assert_int_equal(stat(path, &st), 0);
	assert_in_range(context_save_bytes(b->ctx), st.st_size, st.st_size + 4096);
}

/* What a round with a picture and an answer leaves behind, and the prompt that repeats it. */
static void
make_round(struct bed *b, struct prompt *p)
{
	int32_t answer[9];

	add_text(p, b, 12, 1);
	add_picture(p, b, 10);
	add_text(p, b, 7, 2);
	sync_ok(b->ctx, p);
	take_steps(b, b->ctx, answer, 9);
	for (int i = 0; i < 8; i++)     /* the ninth was chosen, not computed */
		ids_add(&p->ids, answer[i]);
	assert_int_equal(context_n_used(b->ctx), p->ids.n);
}

/* An engine of its own, opened on the same folder. */
static void
reopen(struct bed *b, int n_threads)
{
	struct engine_options options = { .n_threads = n_threads };
	struct error err = {0};

	context_free(b->ctx);
	engine_free(b->engine);
	b->engine = engine_open(b->card, &options, NULL, &err);
	assert_ok(!b->engine, &err);
	b->ctx = context_new(b->engine, &err);
	assert_ok(!b->ctx, &err);
}

/* All but the last token is there again, computed as it was, and what follows is the same bit for bit. */
static void
a_timeline_goes_through_a_file(void **state)
{
	struct tiny shape = tiny_default;
	struct bed b;
	struct prompt p = {0};
	struct seg *before, *after;
	struct error err = {0};
	size_t size = (size_t)shape.vocab * sizeof(float);
	float *logits = xmalloc(size);
	char *path;
	int n;

	(void)state;
	shape.n_ctx = 128;
	bed_init(&b, &shape, 2);
	path = snapshot_of(&b);
	make_round(&b, &p);
	n = context_segs(b.ctx, &before);
	save(&b, path);
	add_text(&p, &b, 5, 3);
	sync_ok(b.ctx, &p);
	memcpy(logits, context_logits(b.ctx, &err), size);

	reopen(&b, 2);
	assert_ok(context_restore(b.ctx, path, NULL, &err), &err);
	assert_int_equal(context_n_used(b.ctx), p.ids.n - 5);
	assert_int_equal(context_segs(b.ctx, &after), n);
	assert_memory_equal(before, after, (size_t)n * sizeof *before);
	assert_int_equal(sync_ok(b.ctx, &p).n_reused, p.ids.n - 5);
	assert_memory_equal(context_logits(b.ctx, &err), logits, size);
	assert_repeats(&b, &p);
	assert_like_new(&b, &p);

	p.ids.n -= 5;                   /* all of it again: the last token alone is computed */
	assert_ok(context_restore(b.ctx, path, NULL, &err), &err);
	assert_int_equal(sync_ok(b.ctx, &p).n_reused, p.ids.n - 1);
	free(before);
	free(after);
	free(logits);
	free(path);
	prompt_done(&p);
	bed_done(&b);
}

/* The picture and the tokens of the file decide, not its name. */
static void
a_file_of_another_prompt_is_reused_as_far_as_it_goes(void **state)
{
	struct tiny shape = tiny_default;
	struct bed b;
	struct prompt p = {0}, other = {0};
	struct error err = {0};
	char *path;

	(void)state;
	shape.n_ctx = 128;
	bed_init(&b, &shape, 1);
	path = snapshot_of(&b);
	make_round(&b, &p);
	save(&b, path);
	add_text(&other, &b, 12, 1);
	add_picture(&other, &b, 11);
	add_text(&other, &b, 7, 2);
	context_reset(b.ctx);
	assert_ok(context_restore(b.ctx, path, NULL, &err), &err);
	assert_int_equal(sync_ok(b.ctx, &other).n_reused, 12);
	assert_like_new(&b, &other);
	free(path);
	prompt_done(&p);
	prompt_done(&other);
	bed_done(&b);
}

static void
assert_refused(const struct bed *b, const char *path, const struct watch *watch, enum code code, const char *why)
{
	struct error err = {0};

	assert_int_equal(context_restore(b->ctx, path, watch, &err), -1);
	assert_int_equal(err.code, code);
	if (!strstr(err.what, why))
		fail_msg("'%s' does not say '%s'", err.what, why);
}

/* One byte of the file, counted from its end when at < 0; returns what it was. */
static uint8_t
patch(const char *path, long at, uint8_t with)
{
	FILE *f = fopen(path, "r+b");
	int was;

	assert_non_null(f);
	assert_int_equal(fseek(f, at, at < 0 ? SEEK_END : SEEK_SET), 0);
	was = fgetc(f);
	assert_int_equal(fseek(f, -1, SEEK_CUR), 0);
	fputc(with, f);
	fclose(f);
	return (uint8_t)was;
}

/* Where a text stands in the file. */
static long
find_in(const char *path, const char *text)
{
	struct buf b = {0};
	struct error err = {0};
	const char *at;
	long pos;

	assert_ok(file_read(path, 1 << 24, &b, CODE_INPUT, &err), &err);
	at = memmem(b.at, b.n, text, strlen(text));
	assert_non_null(at);
	pos = at - b.at;
	buf_done(&b);
	return pos;
}

static void
a_torn_file_is_refused(void **state)
{
	struct bed b;
	struct prompt p = {0};
	struct error err = {0};
	struct stat st;
	char *path;

	(void)state;
	bed_init(&b, &tiny_default, 1);
	path = snapshot_of(&b);
	assert_int_equal(context_save(b.ctx, path, NULL, &err), -1);    /* nothing is computed yet */
	assert_int_equal(err.code, CODE_INPUT);
	assert_refused(&b, path, NULL, CODE_STORE, "cannot open");
	make_round(&b, &p);
	save(&b, path);
	assert_int_equal(stat(path, &st), 0);
	for (long at = st.st_size - 1; at > 0; at -= st.st_size / 17) {         /* one byte of any part of it is another */
		uint8_t was = patch(path, at, 0);

		if (was == 0)
			patch(path, at, 1);
		context_reset(b.ctx);
		assert_int_equal(context_restore(b.ctx, path, NULL, &err), -1);
		assert_int_equal(context_n_used(b.ctx), 0);
		patch(path, at, was);
	}
	assert_ok(context_restore(b.ctx, path, NULL, &err), &err);
	for (off_t n = st.st_size - 1; n >= 0; n = n > 40 ? n / 2 : n - 1) {
		assert_int_equal(truncate(path, n), 0);
		context_reset(b.ctx);
		assert_refused(&b, path, NULL, CODE_INPUT, n < 16 ? "is torn" : "");
		assert_int_equal(context_n_used(b.ctx), 0);
	}
	assert_like_new(&b, (sync_ok(b.ctx, &p), &p));
	free(path);
	prompt_done(&p);
	bed_done(&b);
}

/* What runs now has to be what ran then. */
static void
a_file_computed_otherwise_is_refused(void **state)
{
	struct tiny shape = tiny_default;
	struct bed b, other;
	struct prompt p = {0};
	struct error err = {0};
	char *path, *weights;
	uint8_t was;
	long at;

	(void)state;
	bed_init(&b, &shape, 1);
	path = snapshot_of(&b);
	make_round(&b, &p);
	save(&b, path);

	at = find_in(path, "build ") + 6;
	was = patch(path, at, 'x');
	assert_refused(&b, path, NULL, CODE_INPUT, "was computed otherwise: build");
	patch(path, at, was);
	at = find_in(path, "device cpu");
	was = patch(path, at + 7, 'C');
	assert_refused(&b, path, NULL, CODE_INPUT, "was computed otherwise: device");
	patch(path, at + 7, was);
	assert_ok(context_restore(b.ctx, path, NULL, &err), &err);

	shape.seed++;                   /* the same shapes and headers, other numbers */
	bed_init(&other, &shape, 1);
	assert_refused(&other, path, NULL, CODE_INPUT, "was computed otherwise: weights");
	bed_done(&other);
	shape = tiny_default;
	shape.type = tiny_default.type == DTYPE_BF16 ? DTYPE_F32 : DTYPE_BF16;
	bed_init(&other, &shape, 1);    /* the same numbers, held otherwise */
	assert_refused(&other, path, NULL, CODE_INPUT, "was computed otherwise: weights");
	bed_done(&other);
	reopen(&b, 2);
	assert_refused(&b, path, NULL, CODE_INPUT, "was computed otherwise: device");

	weights = xasprintf("%s/model.safetensors", b.dir);     /* written again: nobody knows what is in it now */
	assert_int_equal(utimensat(AT_FDCWD, weights, NULL, 0), 0);
	reopen(&b, 1);
	assert_refused(&b, path, NULL, CODE_INPUT, "was computed otherwise: weights");
	assert_int_equal(context_n_used(b.ctx), 0);
	free(weights);
	free(path);
	prompt_done(&p);
	bed_done(&b);
}

static void
a_file_longer_than_the_context_is_refused(void **state)
{
	struct engine_options small = { .n_threads = 1, .n_ctx = 16 };
	struct bed b;
	struct prompt p = {0};
	struct error err = {0};
	char *path;

	(void)state;
	bed_init(&b, &tiny_default, 1);
	path = snapshot_of(&b);
	make_round(&b, &p);
	save(&b, path);
	context_free(b.ctx);
	engine_free(b.engine);
	b.engine = engine_open(b.card, &small, NULL, &err);
	assert_ok(!b.engine, &err);
	b.ctx = context_new(b.engine, &err);
	assert_refused(&b, path, NULL, CODE_INPUT, "the context holds 16");
	free(path);
	prompt_done(&p);
	bed_done(&b);
}

/* A save that is stopped leaves what was there, a restore an empty timeline; neither leaves a file of its own. */
static void
files_can_be_stopped(void **state)
{
	atomic_bool stop = true;
	const struct watch watch = { .stop = &stop };
	struct bed b;
	struct prompt p = {0};
	struct error err = {0};
	char *path, *part;

	(void)state;
	bed_init(&b, &tiny_default, 1);
	path = snapshot_of(&b);
	part = xasprintf("%s.part", path);
	make_round(&b, &p);
	assert_int_equal(context_save(b.ctx, path, &watch, &err), -1);
	assert_int_equal(err.code, CODE_SIGINT);
	assert_false(file_exists(path));
	assert_false(file_exists(part));
	save(&b, path);
	assert_false(file_exists(part));
	assert_refused(&b, path, &watch, CODE_SIGINT, "stopped");
	assert_int_equal(context_n_used(b.ctx), 0);
	assert_like_new(&b, (sync_ok(b.ctx, &p), &p));
	free(part);
	free(path);
	prompt_done(&p);
	bed_done(&b);
}

static void
what_was_computed_so_already_is_kept(void **state)
{
	struct bed b;
	struct prompt p = {0};
	const struct seg first[] = { { SEG_PREFILL, 0, 20, 20 } };
	const struct seg next[] = { { SEG_PREFILL, 0, 15, 20 }, { SEG_DECODE, 15, 18, 18 }, { SEG_PREFILL, 18, 25, 25 } };
	struct sync_report report;
	struct error err = {0};

	(void)state;
	bed_init(&b, &tiny_default, 1);
	add_text(&p, &b, 20, 1);
	assert_ok(context_sync_as(b.ctx, &p, first, 1, NULL, &report, &err), &err);
	assert_int_equal(report.n_reused, 0);
	add_text(&p, &b, 5, 2);
	assert_ok(context_sync_as(b.ctx, &p, next, 3, NULL, &report, &err), &err);
	assert_int_equal(report.n_reused, 15);
	assert_ok(context_sync_as(b.ctx, &p, next, 3, NULL, &report, &err), &err);
	assert_int_equal(report.n_reused, 18);
	prompt_done(&p);
	bed_done(&b);
}

static void
after_a_reset_nothing_is_reused(void **state)
{
	struct bed b;
	struct prompt p = {0};

	(void)state;
	bed_init(&b, &tiny_default, 1);
	add_text(&p, &b, 20, 1);
	sync_ok(b.ctx, &p);
	context_reset(b.ctx);
	assert_int_equal(context_n_used(b.ctx), 0);
	assert_int_equal(sync_ok(b.ctx, &p).n_reused, 0);
	assert_like_new(&b, &p);
	prompt_done(&p);
	bed_done(&b);
}

/* What the plan says, against what loading and a context take from the heap. */
static void
the_plan_is_near_what_is_allocated(void **state)
{
	struct tiny shape = tiny_default;
	struct engine_options options = { .n_threads = 1 };
	struct error err = {0};
	struct mallinfo2 before, after;
	struct plan plan;
	struct bed b;
	double took;

	(void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	skip();                         /* their allocators do not count for mallinfo */
#endif
	shape.n_ctx = 16384;
	before = mallinfo2();
	bed_init(&b, &shape, 1);
	after = mallinfo2();
	took = (double)(after.uordblks + after.hblkhd) - (double)(before.uordblks + before.hblkhd);
	assert_ok(plan_make(&plan, b.card, &options, &err), &err);
	assert_int_equal(plan.n_ctx, 16384);
	assert_true(took > 0.5 * (double)(plan.kv + plan.work));        /* workers' memory comes with the first step */
	assert_true(took < 1.1 * (double)(plan.kv + plan.work));
	plan.available = plan.weights + plan.work + plan.kv / 2;
	assert_in_range(plan_most_ctx(&plan), 8000, 8192);
	plan.available = plan.weights;
	assert_int_equal(plan_most_ctx(&plan), 0);
	bed_done(&b);
}

static void
wrong_stretches_are_refused(void **state)
{
	static const struct seg wrong[][2] = {
		{ { SEG_PREFILL, 0, 5, 5 }, { SEG_PREFILL, 6, 10, 10 } },       /* a gap */
		{ { SEG_PREFILL, 0, 5, 5 }, { SEG_PREFILL, 5, 9, 9 } },         /* too short */
		{ { SEG_PREFILL, 0, 5, 4 }, { SEG_PREFILL, 5, 10, 10 } },       /* a batch smaller than what it left */
		{ { SEG_PREFILL, 0, 5, 1 << 30 }, { SEG_PREFILL, 5, 10, 10 } }, /* larger than any */
		{ { SEG_PREFILL, 0, 5, 5 }, { SEG_PREFILL, 5, 10, 11 } },       /* no logits at its end */
		{ { SEG_PREFILL, 0, 0, 5 }, { SEG_PREFILL, 0, 10, 10 } },       /* an empty one */
		{ { SEG_PREFILL, -5, 5, 5 }, { SEG_PREFILL, 5, 10, 10 } },
	};
	struct bed b;
	struct prompt p = {0};
	struct error err = {0};

	(void)state;
	bed_init(&b, &tiny_default, 1);
	add_text(&p, &b, 10, 1);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_int_equal(context_sync_as(b.ctx, &p, wrong[i], 2, NULL, NULL, &err), -1);
		assert_int_equal(err.code, CODE_INPUT);
	}
	assert_int_equal(context_sync_as(b.ctx, &p, NULL, 0, NULL, NULL, &err), -1);
	prompt_done(&p);
	bed_done(&b);
}

/* Two pictures next to each other; only the second is exchanged. */
static void
neighbouring_pictures_are_told_apart(void **state)
{
	struct bed b;
	struct prompt first = {0}, second = {0};
	struct sync_report report;
	int n;

	(void)state;
	bed_init(&b, &tiny_default, 2);
	n = card_info(b.card)->n_image_tokens;
	add_text(&first, &b, 3, 1);
	add_picture(&first, &b, 10);
	add_picture(&first, &b, 11);
	add_text(&second, &b, 3, 1);
	add_picture(&second, &b, 10);
	add_picture(&second, &b, 10);
	assert_int_equal(sync_ok(b.ctx, &first).n_pictures_seen, 2);
	report = sync_ok(b.ctx, &second);
	assert_int_equal(report.n_reused, 3 + n);
	assert_int_equal(report.n_pictures_seen, 0);
	assert_like_new(&b, &second);
	prompt_done(&first);
	prompt_done(&second);
	bed_done(&b);
}

static void
seeing_early_fills_the_cache(void **state)
{
	struct bed b;
	struct prompt p = {0};
	struct error err = {0};

	(void)state;
	bed_init(&b, &tiny_default, 1);
	add_picture(&p, &b, 5);
	add_text(&p, &b, 3, 1);
	assert_ok(engine_see(b.engine, &p.pictures[0].pixels, NULL, &err), &err);
	assert_int_equal(sync_ok(b.ctx, &p).n_pictures_seen, 0);
	assert_like_new(&b, &p);
	prompt_done(&p);
	bed_done(&b);
}

/* More pictures than the cache holds: the first has to be looked at again, and is the same. */
static void
old_pictures_leave_the_cache(void **state)
{
	struct bed b;
	struct prompt p = {0};
	struct error err = {0};

	(void)state;
	bed_init(&b, &tiny_default, 1);
	add_picture(&p, &b, 1);
	sync_ok(b.ctx, &p);
	for (uint64_t seed = 2; seed < 20; seed++) {
		struct pixels other = pixels_of(&b, seed);

		assert_ok(engine_see(b.engine, &other, NULL, &err), &err);
		pixels_done(&other);
	}
	p.ids.at[0] = 0;                /* a text id where the picture's first place was … */
	p.pictures[0].pos = 1;
	ids_add(&p.ids, tiny_context_id(&b.shape));
	assert_int_equal(sync_ok(b.ctx, &p).n_pictures_seen, 1);
	assert_like_new(&b, &p);
	prompt_done(&p);
	bed_done(&b);
}

/* ---- stopping */

/* Stops when `stage` has reported `at` times. */
struct stopper {
	atomic_bool stop;
	enum stage stage;
	int at, n;
	long long last_done, last_total;
};

static void
count_report(void *arg, enum stage stage, long long done, long long total)
{
	struct stopper *s = arg;

	assert_in_range(done, 0, total);
	if (stage != s->stage)
		return;
	s->last_done = done;
	s->last_total = total;
	if (++s->n == s->at)
		atomic_store(&s->stop, true);
}

static struct tiny
long_shape(void)
{
	struct tiny shape = tiny_default;

	shape.n_ctx = 1700;
	return shape;
}

static void
a_stopped_prompt_is_resumed(void **state)
{
	struct tiny shape = long_shape();
	struct bed b;
	struct prompt p = {0};
	struct stopper s = { .stage = STAGE_PREFILL, .at = 3 };        /* in the first layer of the second batch of 800 */
	struct watch watch = { &s.stop, count_report, &s };
	struct error err = {0};
	struct sync_report report;

	(void)state;
	bed_init(&b, &shape, 2);
	add_text(&p, &b, 1600, 1);
	assert_int_equal(context_sync(b.ctx, &p, &watch, NULL, &err), -1);
	assert_int_equal(err.code, CODE_SIGINT);
	assert_int_equal(context_n_used(b.ctx), 800);
	assert_null(context_logits(b.ctx, &err));
	report = sync_ok(b.ctx, &p);
	assert_int_equal(report.n_reused, 800);
	assert_like_new(&b, &p);
	prompt_done(&p);
	bed_done(&b);
}

static void
progress_ends_at_its_total(void **state)
{
	struct tiny shape = long_shape();
	struct bed b;
	struct prompt p = {0};
	struct stopper s = { .stage = STAGE_PREFILL };
	struct watch watch = { &s.stop, count_report, &s };
	struct error err = {0};

	(void)state;
	bed_init(&b, &shape, 1);
	add_text(&p, &b, 700, 1);
	assert_ok(context_sync(b.ctx, &p, &watch, NULL, &err), &err);
	assert_int_equal(s.last_done, 700);
	assert_int_equal(s.last_total, 700);
	prompt_done(&p);
	bed_done(&b);
}

/* A picture whose tower was stopped must not be taken for seen. */
static void
a_stopped_picture_is_seen_again(void **state)
{
	struct bed b;
	struct prompt p = {0};
	struct stopper s = { .stage = STAGE_PICTURE, .at = 2 };
	struct watch watch = { &s.stop, count_report, &s };
	struct error err = {0};

	(void)state;
	bed_init(&b, &tiny_default, 1);
	add_text(&p, &b, 4, 1);
	add_picture(&p, &b, 9);
	add_text(&p, &b, 4, 2);
	assert_int_equal(context_sync(b.ctx, &p, &watch, NULL, &err), -1);
	assert_int_equal(err.code, CODE_SIGINT);
	assert_int_equal(context_n_used(b.ctx), 0);
	assert_int_equal(sync_ok(b.ctx, &p).n_pictures_seen, 1);
	assert_like_new(&b, &p);
	prompt_done(&p);
	bed_done(&b);
}

static void
loading_can_be_stopped(void **state)
{
	char *dir = tiny_write(&tiny_default);
	struct stopper s = { .stage = STAGE_LOAD, .at = 2 };
	struct watch watch = { &s.stop, count_report, &s };
	struct error err = {0};
	struct card *card = card_open(dir, &err);

	(void)state;
	assert_non_null(card);
	assert_null(engine_open(card, NULL, &watch, &err));
	assert_int_equal(err.code, CODE_SIGINT);
	card_free(card);
	tiny_remove(dir);
}

/* ---- limits */

static void
a_full_context_says_so(void **state)
{
	struct bed b;
	struct prompt p = {0};
	struct error err = {0};
	struct sampler *s;
	struct step step;

	(void)state;
	bed_init(&b, &tiny_default, 1);
	s = greedy(&b);
	add_text(&p, &b, b.shape.n_ctx, 1);
	sync_ok(b.ctx, &p);
	assert_ok(context_step(b.ctx, s, 0, &step, &err), &err);        /* choosing needs no room, computing does */
	assert_int_equal(context_step(b.ctx, s, 0, &step, &err), -1);
	assert_int_equal(err.code, CODE_INPUT);
	add_text(&p, &b, 1, 2);
	assert_int_equal(context_sync(b.ctx, &p, NULL, NULL, &err), -1);
	assert_int_equal(err.code, CODE_INPUT);
	p.ids.n = 10;
	sync_ok(b.ctx, &p);                                             /* it goes on after that */
	sampler_free(s);
	prompt_done(&p);
	bed_done(&b);
}

static void
an_option_lowers_the_limit(void **state)
{
	char *dir = tiny_write(&tiny_default);
	struct error err = {0};
	struct card *card = card_open(dir, &err);
	static const int asked[] = { 0, 8, 64, 9999 }, given[] = { 64, 8, 64, 64 };

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct engine_options options = { .n_threads = 1, .n_ctx = asked[i] };
		struct engine *engine = engine_open(card, &options, NULL, &err);
		struct context *ctx = context_new(engine, &err);

		assert_int_equal(context_n_ctx(ctx), given[i]);
		context_free(ctx);
		engine_free(engine);
	}
	card_free(card);
	tiny_remove(dir);
}

static void
wrong_prompts_are_refused(void **state)
{
	struct bed b;
	struct prompt p = {0};
	struct error err = {0};

	(void)state;
	bed_init(&b, &tiny_default, 1);
	assert_int_equal(context_sync(b.ctx, &p, NULL, NULL, &err), -1);
	assert_int_equal(err.code, CODE_INPUT);
	assert_null(context_logits(b.ctx, &err));
	ids_add(&p.ids, b.shape.vocab);
	assert_int_equal(context_sync(b.ctx, &p, NULL, NULL, &err), -1);
	assert_int_equal(err.code, CODE_INPUT);
	p.ids.n = 0;
	add_picture(&p, &b, 1);
	p.ids.n--;                                                      /* the picture's last place is cut off */
	assert_int_equal(context_sync(b.ctx, &p, NULL, NULL, &err), -1);
	assert_int_equal(err.code, CODE_INPUT);
	p.ids.n++;
	sync_ok(b.ctx, &p);
	prompt_done(&p);
	bed_done(&b);
}

static void
a_text_model_refuses_pictures(void **state)
{
	struct tiny shape = tiny_default;
	struct bed b;
	struct prompt p = {0};
	struct pixels pixels;
	struct error err = {0};

	(void)state;
	shape.text_only = true;
	bed_init(&b, &shape, 1);
	assert_true(card_info(b.card)->text_only);
	add_text(&p, &b, 9, 1);
	sync_ok(b.ctx, &p);
	assert_like_new(&b, &p);
	pixels = pixels_of(&b, 1);
	assert_int_equal(engine_see(b.engine, &pixels, NULL, &err), -1);
	assert_int_equal(err.code, CODE_INPUT);
	pixels_done(&pixels);
	prompt_done(&p);
	bed_done(&b);
}

/* ---- steps */

static void
a_chosen_token_costs_nothing_until_the_next(void **state)
{
	struct bed b;
	struct prompt p = {0};
	struct error err = {0};
	struct sampler *s;
	struct step step;

	(void)state;
	bed_init(&b, &tiny_default, 1);
	s = greedy(&b);
	assert_int_equal(context_step(b.ctx, s, 0, &step, &err), -1);   /* nothing to go on from */
	add_text(&p, &b, 10, 1);
	sync_ok(b.ctx, &p);
	assert_ok(context_step(b.ctx, s, 0, &step, &err), &err);
	assert_int_equal(context_n_used(b.ctx), 10);
	assert_ok(context_step(b.ctx, s, 0, &step, &err), &err);
	assert_int_equal(context_n_used(b.ctx), 11);
	sampler_free(s);
	prompt_done(&p);
	bed_done(&b);
}

static void
log_probabilities_are_those_of_the_raw_logits(void **state)
{
	struct bed b;
	struct prompt p = {0};
	struct error err = {0};
	struct sampler *s;
	struct step step;
	const float *logits;
	double sum = 0;

	(void)state;
	bed_init(&b, &tiny_default, 1);
	s = greedy(&b);
	add_text(&p, &b, 10, 1);
	sync_ok(b.ctx, &p);
	logits = context_logits(b.ctx, &err);
	for (int i = 0; i < b.shape.vocab; i++)
		sum += exp(logits[i]);
	assert_ok(context_step(b.ctx, s, 5, &step, &err), &err);
	assert_int_equal(step.n_best, 5);
	assert_int_equal(step.best[0].id, step.id);
	assert_true(step.best[0].logprob == step.logprob);
	for (int i = 0; i < 5; i++) {
		int n_better = 0;

		for (int k = 0; k < b.shape.vocab; k++)
			n_better += logits[k] > logits[step.best[i].id];
		assert_int_equal(n_better, i);
		assert_true(fabs(step.best[i].logprob - (logits[step.best[i].id] - log(sum))) < 1e-5);
	}
	assert_true(fabsf(step.margin - (logits[step.best[0].id] - logits[step.best[1].id])) < 1e-6f);
	sampler_free(s);
	prompt_done(&p);
	bed_done(&b);
}

/* ---- sameness */

static void
copy_logits(const struct tiny *shape, int n_threads, float *out)
{
	struct bed b;
	struct prompt p = {0};
	struct error err = {0};

	bed_init(&b, shape, n_threads);
	add_text(&p, &b, 5, 1);
	add_picture(&p, &b, 2);
	add_text(&p, &b, 30, 3);
	sync_ok(b.ctx, &p);
	take_steps(&b, b.ctx, (int32_t[3]){0}, 3);
	memcpy(out, context_logits(b.ctx, &err), (size_t)shape->vocab * sizeof *out);
	prompt_done(&p);
	bed_done(&b);
}

static void
threads_change_no_bit(void **state)
{
	float one[291], many[291];

	(void)state;
	copy_logits(&tiny_default, 1, one);
	for (int n = 2; n < 6; n++) {
		copy_logits(&tiny_default, n, many);
		assert_memory_equal(one, many, sizeof one);
	}
}

/* BF16 and F32 files hold the same values; data off its natural boundary is read all the same. */
static void
storage_changes_little(void **state)
{
	struct tiny shape = tiny_default;
	float want[291], got[291];

	(void)state;
	copy_logits(&shape, 2, want);
	shape.pad = 3;
	copy_logits(&shape, 2, got);
	assert_memory_equal(want, got, sizeof got);
	shape.type = DTYPE_BF16;
	copy_logits(&shape, 2, got);
	for (int i = 0; i < 291; i++)
		assert_true(fabsf(want[i] - got[i]) < 1e-4f);
	shape.type = DTYPE_F16;
	shape.pad = 0;
	copy_logits(&shape, 2, got);
	for (int i = 0; i < 291; i++)
		assert_true(fabsf(want[i] - got[i]) < 1e-2f);
}

static void
a_larger_picture_resamples_positions(void **state)
{
	struct tiny shape = tiny_default;
	struct bed b;
	struct prompt p = {0};

	(void)state;
	shape.image_size = 84;
	bed_init(&b, &shape, 2);
	assert_int_equal(card_info(b.card)->n_image_tokens, 9);
	add_text(&p, &b, 3, 1);
	add_picture(&p, &b, 1);
	assert_int_equal(sync_ok(b.ctx, &p).n_pictures_seen, 1);
	assert_like_new(&b, &p);
	prompt_done(&p);
	bed_done(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_common_prefix_is_reused),
		cmocka_unit_test(the_last_token_is_always_computed),
		cmocka_unit_test(generated_tokens_are_reused),
		cmocka_unit_test(another_picture_ends_the_prefix),
		cmocka_unit_test(the_same_stretches_give_the_same_bits),
		cmocka_unit_test(a_timeline_goes_through_a_file),
		cmocka_unit_test(a_file_of_another_prompt_is_reused_as_far_as_it_goes),
		cmocka_unit_test(a_torn_file_is_refused),
		cmocka_unit_test(a_file_computed_otherwise_is_refused),
		cmocka_unit_test(a_file_longer_than_the_context_is_refused),
		cmocka_unit_test(files_can_be_stopped),
		cmocka_unit_test(what_was_computed_so_already_is_kept),
		cmocka_unit_test(after_a_reset_nothing_is_reused),
		cmocka_unit_test(the_plan_is_near_what_is_allocated),
		cmocka_unit_test(wrong_stretches_are_refused),
		cmocka_unit_test(neighbouring_pictures_are_told_apart),
		cmocka_unit_test(seeing_early_fills_the_cache),
		cmocka_unit_test(old_pictures_leave_the_cache),
		cmocka_unit_test(a_stopped_prompt_is_resumed),
		cmocka_unit_test(progress_ends_at_its_total),
		cmocka_unit_test(a_stopped_picture_is_seen_again),
		cmocka_unit_test(loading_can_be_stopped),
		cmocka_unit_test(a_full_context_says_so),
		cmocka_unit_test(an_option_lowers_the_limit),
		cmocka_unit_test(wrong_prompts_are_refused),
		cmocka_unit_test(a_text_model_refuses_pictures),
		cmocka_unit_test(a_chosen_token_costs_nothing_until_the_next),
		cmocka_unit_test(log_probabilities_are_those_of_the_raw_logits),
		cmocka_unit_test(threads_change_no_bit),
		cmocka_unit_test(storage_changes_little),
		cmocka_unit_test(a_larger_picture_resamples_positions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
