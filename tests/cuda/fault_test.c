/* fault_test.c: a card that fails for real. A kernel reads or writes where nothing is, in each kind of work, and the
 * process's hold on the card is spoilt. Then one line says so, at once and each time; closing ends; and an engine that is
 * opened in another process, beside this one, says what was said before and finds all of the card's memory. In this process
 * it says it too, or is refused with a line. On every card of $IVCHAT_TEST_GPU. Exit 77 without a card.
 *
 * Each case is this program once more, with the case's name and the card's index; and so is the other process of it. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "engine/context.h"
#include "engine/cuda/cuda.h"
#include "engine/engine.h"
#include "engine/running.h"
#include "tests/engine/gpulist.h"

#define NOWHERE ((void *)0x1000)        /* an address that no card maps */
#define N_SAID 24               /* tokens of an answer */
#define N_BEFORE 9              /* of them that are said before the card fails */
#define SOON_MS 1000            /* for a call on a card that has failed */
#define PATIENCE_S 60           /* whatever hangs is killed */
#define WANTED "IVCHAT_TEST_FAULT"      /* the variable with what another process is to say */

struct talk {
	struct card *card;
	struct engine_options options;
	struct pixels pictures[3];
	struct prompt text, seen;       /* seen: with the first picture */
	struct engine *engine;
	struct context *ctx;
	struct cuda *cuda;
	int32_t said[2][N_SAID];        /* what is answered to text and to seen before anything fails */
	size_t free;                    /* bytes of the card at first */
	int gpu;                        /* index of the card that is to fail */
	char *path;                     /* of a file that is never to be */
};

static struct talk talk;

/* ---- opening, asking, closing */

static void
assert_ok(bool is_good, const char *what, const struct error *err)
{
	if (!is_good)
		fail_msg("%s: %s", what, err->what);
}

static void
open_engine(struct talk *t)
{
	struct error err = {0};
	int64_t began = clock_ms();

	t->engine = engine_open(t->card, &t->options, NULL, &err);
	assert_ok(t->engine, "opening", &err);
	t->ctx = context_new(t->engine, &err);
	assert_ok(t->ctx, "a context", &err);
	t->cuda = cuda_of(t->engine->backend);
	print_message("  opened in %d ms: %s\n", (int)(clock_ms() - began), engine_device(t->engine));
}

static void
close_engine(struct talk *t)
{
	int64_t began = clock_ms();

	context_free(t->ctx);
	engine_free(t->engine);
	t->ctx = NULL;
	t->engine = NULL;
	print_message("  closed in %d ms\n", (int)(clock_ms() - began));
}

static size_t
free_on(const struct talk *t, int gpu)
{
	size_t now = 0, all = 0;

	assert_int_equal(cudaSetDevice(t->options.gpus[gpu]), cudaSuccess);
	assert_int_equal(cudaMemGetInfo(&now, &all), cudaSuccess);
	return now;
}

static void
answer(struct talk *t, const struct prompt *prompt, int n, int32_t *ids)
{
	struct sampling greedy = {.top_p = 1, .repeat_penalty = 1};
	struct sampler *s = sampler_new(&greedy, card_info(t->card)->vocab_size);
	struct error err = {0};
	struct step step;

	context_reset(t->ctx);
	assert_ok(context_sync(t->ctx, prompt, NULL, NULL, &err) == 0, "a prompt", &err);
	for (int i = 0; i < n; i++) {
		assert_ok(context_step(t->ctx, s, 0, &step, &err) == 0, "a step", &err);
		ids[i] = step.id;
	}
	sampler_free(s);
}

static void
answer_both(struct talk *t, int32_t said[2][N_SAID])
{
	answer(t, &t->text, N_SAID, said[0]);
	answer(t, &t->seen, N_SAID, said[1]);
}

static void
assert_says_the_same(struct talk *t)
{
	int32_t now[2][N_SAID];

	open_engine(t);
	answer_both(t, now);
	close_engine(t);
	for (int i = 0; i < 2; i++)
		for (int k = 0; k < N_SAID; k++)
			if (now[i][k] != t->said[i][k])
				fail_msg("answer %d: token %d is %d, and was %d", i, k, (int)now[i][k], (int)t->said[i][k]);
}

/* ---- failing */

/* One line that says what, and one that says what to do. Of several cards one may notice that cannot know why. */
static void
assert_told(const struct talk *t, const struct error *err, const char *what)
{
	print_message("  %s: %s\n  try: %s\n", what, err->what, err->hint);
	assert_int_equal(err->code, CODE_ENGINE);
	assert_non_null(strstr(err->what, "the GPU failed"));
	assert_true(t->options.n_gpus > 1 || strstr(err->what, cudaGetErrorString(cudaErrorIllegalAddress)));
	assert_null(strchr(err->what, '\n'));
	assert_non_null(strstr(err->hint, "nvidia-smi"));
}

/* A kernel that writes where nothing is, of nobody's work. */
static void
write_nowhere(struct talk *t)
{
	cuda_random(cuda_use(t->cuda, t->gpu)->stream, NOWHERE, NUMBER_F32, 4096, 1, 0, 1);
}

static struct cuda_decoder_layer *
layer_there(struct talk *t)
{
	int i = t->engine->model.hp.llm.n_layers - 1;

	while (t->cuda->w.layers[i].gpu != t->gpu)
		i--;
	return &t->cuda->w.layers[i];
}

static int
step_until_it_fails(struct talk *t, struct error *err)
{
	struct sampling greedy = {.top_p = 1, .repeat_penalty = 1};
	struct sampler *s = sampler_new(&greedy, card_info(t->card)->vocab_size);
	struct step step;
	int rc = 0;

	for (int i = 0; i < 3 && rc == 0; i++)
		rc = context_step(t->ctx, s, 0, &step, err);
	sampler_free(s);
	return rc;
}

/* Recorded with the address that is wrong, as it was with the right one. */
static int
in_a_step(struct talk *t, struct error *err)
{
	struct backend *b = t->engine->backend;

	assert_int_equal(b->ops->sync(b, err), 0);
	if (t->ctx->graph)
		b->ops->graph_free(b, t->ctx->graph);
	t->ctx->graph = NULL;
	layer_there(t)->o.at = NOWHERE;
	return step_until_it_fails(t, err);
}

static int
before_a_recorded_step(struct talk *t, struct error *err)
{
	write_nowhere(t);
	return step_until_it_fails(t, err);
}

static int
in_a_prompts_attention(struct talk *t, struct error *err)
{
	layer_there(t)->qkv.at = NOWHERE;
	return context_sync(t->ctx, &t->seen, NULL, NULL, err);
}

static int
in_a_prompts_mlp(struct talk *t, struct error *err)
{
	layer_there(t)->gate_up.at = NOWHERE;
	return context_sync(t->ctx, &t->seen, NULL, NULL, err);
}

/* The tower is on the first card. */
static int
in_a_picture(struct talk *t, struct error *err)
{
	t->cuda->w.tower[0].fc1.at = NOWHERE;
	return engine_see(t->engine, &t->pictures[2], NULL, err);
}

static int
in_a_snapshot(struct talk *t, struct error *err)
{
	write_nowhere(t);
	return context_save(t->ctx, t->path, NULL, err);
}

/* ---- and then */

static void
assert_soon(int64_t began, const char *what)
{
	int ms = (int)(clock_ms() - began);

	if (ms > SOON_MS)
		fail_msg("%s took %d ms on a card that has failed", what, ms);
}

static void
assert_fails_again(int rc, const struct error *err, const struct error *first, int64_t began, const char *what)
{
	assert_soon(began, what);
	if (rc == 0)
		fail_msg("%s succeeded on a card that has failed", what);
	if (err->code != first->code || strcmp(err->what, first->what) != 0)
		fail_msg("%s fails with %d, %s", what, (int)err->code, err->what);
}

static void
assert_all_fail(struct talk *t, const struct error *first)
{
	struct error err = {0};
	int64_t now = clock_ms();

	if (t->ctx->pending != NOTHING)
		assert_fails_again(step_until_it_fails(t, &err), &err, first, now, "a step");
	now = clock_ms();
	assert_fails_again(context_sync(t->ctx, &t->text, NULL, NULL, &err), &err, first, now, "a prompt");
	now = clock_ms();
	assert_fails_again(context_sync(t->ctx, &t->seen, NULL, NULL, &err), &err, first, now, "a prompt with a picture");
	now = clock_ms();
	assert_fails_again(engine_see(t->engine, &t->pictures[1], NULL, &err), &err, first, now, "a picture");
	if (context_n_used(t->ctx) > 0) {
		now = clock_ms();
		assert_fails_again(context_save(t->ctx, t->path, NULL, &err), &err, first, now, "a snapshot");
	}
	assert_int_not_equal(access(t->path, F_OK), 0);
	now = clock_ms();
	assert_fails_again(context_new(t->engine, &err) ? 0 : -1, &err, first, now, "a context");
}

/* This program once more, to its end. */
static int
run_self(const char *what, int gpu)
{
	char number[16];
	int status;
	pid_t pid;

	snprintf(number, sizeof number, "%d", gpu);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		execl("/proc/self/exe", "cuda_fault", what, number, (char *)NULL);
		_exit(99);
	}
	assert_true(pid > 0);
	while (waitpid(pid, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	if (status != 0)
		print_error("%s on card %d: status %#x\n", what, gpu, (unsigned)status);
	return status;
}

static void
set_wanted(const struct talk *t)
{
	struct buf text = {0};

	for (int i = 0; i < 2; i++)
		for (int k = 0; k < N_SAID; k++)
			buf_printf(&text, "%d ", (int)t->said[i][k]);
	buf_printf(&text, "%zu", t->free);
	setenv(WANTED, buf_text(&text), 1);
	buf_done(&text);
}

static void
assert_comes_back(struct talk *t)
{
	struct error err = {0};
	int64_t now = clock_ms();

	set_wanted(t);
	assert_int_equal(run_self("says_the_same", t->gpu), 0);
	if (!engine_is_spoilt()) {
		print_message("  here too:\n");
		assert_says_the_same(t);
		return;
	}
	now = clock_ms();
	assert_null(engine_open(t->card, &t->options, NULL, &err));
	assert_soon(now, "opening");
	print_message("  here: %s\n", err.what);
	assert_int_equal(err.code, CODE_ENGINE);
	assert_non_null(strstr(err.what, "cannot be used again by this process"));
}

static void
fails_and_comes_back(const char *what, int (*strike)(struct talk *t, struct error *err))
{
	struct talk *t = &talk;
	struct error err = {0};
	int32_t ids[N_SAID];
	int64_t began;

	open_engine(t);
	answer_both(t, t->said);
	answer(t, &t->text, N_BEFORE, ids);
	began = clock_ms();
	assert_int_equal(strike(t, &err), -1);
	print_message("  failed after %d ms\n", (int)(clock_ms() - began));
	assert_told(t, &err, what);
	assert_all_fail(t, &err);
	close_engine(t);
	assert_comes_back(t);
}

/* ---- the cases */

#define CASE(name) \
	static void \
	test_##name(void **state) \
	{ \
		(void)state; \
		fails_and_comes_back(#name, name); \
	}

CASE(in_a_step)
CASE(before_a_recorded_step)
CASE(in_a_prompts_attention)
CASE(in_a_prompts_mlp)
CASE(in_a_picture)
CASE(in_a_snapshot)

/* Nobody has asked whether the last of it ended well. */
static void
test_unnoticed(void **state)
{
	struct talk *t = &talk;

	(void)state;
	open_engine(t);
	answer_both(t, t->said);
	write_nowhere(t);
	close_engine(t);
	assert_comes_back(t);
}

static void
fail_early(void *arg, enum stage stage, long long done, long long total)
{
	(void)arg;
	(void)stage;
	(void)total;
	if (done == 0)
		cuda_random(NULL, NOWHERE, NUMBER_F32, 4096, 1, 0, 1);
}

static void
test_while_loading(void **state)
{
	struct talk *t = &talk;
	struct watch watch = {.report = fail_early};
	struct error err = {0};

	(void)state;
	open_engine(t);
	answer_both(t, t->said);
	close_engine(t);
	assert_null(engine_open(t->card, &t->options, &watch, &err));
	assert_told(t, &err, "while loading");
	assert_comes_back(t);
}

/* The other process. The first has given back what it held of the card: much more than others may take meanwhile. */
static void
test_says_the_same(void **state)
{
	struct talk *t = &talk;
	char *at = getenv(WANTED);
	size_t free;

	(void)state;
	assert_non_null(at);
	for (int i = 0; i < 2; i++)
		for (int k = 0; k < N_SAID; k++)
			t->said[i][k] = (int32_t)strtol(at, &at, 10);
	free = strtoull(at, NULL, 10);
	print_message("  another process: %.2f GB are free, %.2f were\n", (double)t->free / 1e9, (double)free / 1e9);
	assert_true(t->free > free / 4 * 3);
	assert_says_the_same(t);
}

/* ---- all of them */

static void
make_picture(struct talk *t, int which)
{
	int size = card_info(t->card)->image_size;
	uint8_t *rgb = xcalloc((size_t)size * (size_t)size, 3);
	struct error err = {0};

	for (int i = 0; i < 3 * size * size; i++)
		rgb[i] = (uint8_t)(i / (3 * (which + 4)) * (which + 1));
	assert_ok(pixels_make(&t->pictures[which], size, rgb, size, size, &err) == 0, "a picture", &err);
	free(rgb);
}

static void
build(struct talk *t, struct prompt *out, const char *text, int n_pixels)
{
	const struct pixels *pixels[] = {&t->pictures[0]};
	struct turn turn = {.role = ROLE_USER, .text = text, .text_n = strlen(text), .pixels = pixels, .n_pixels = n_pixels};
	struct error err = {0};

	assert_ok(prompt_build(out, t->card, NULL, &turn, 1, PICTURES_FIRST, &err) == 0, "a prompt", &err);
}

/* Of the card, as a large model does. */
static void
hold_half(const struct talk *t)
{
	void *held;

	assert_int_equal(cudaMalloc(&held, t->free / 2), cudaSuccess);
}

static int
set_up(void **state)
{
	const char *named = getenv("IVCHAT_MODEL"), *srcdir = getenv("srcdir");
	char *dir = named ? xstrdup(named) : xasprintf("%s/share/model", srcdir ? srcdir : ".");
	struct talk *t = &talk;
	struct error err = {0};

	(void)state;
	alarm(PATIENCE_S);
	t->options.n_ctx = 1024;
	t->path = xasprintf("fault-%d.kv", (int)getpid());
	t->card = card_open(dir, &err);
	assert_ok(t->card, dir, &err);
	free(dir);
	for (int i = 0; i < 3; i++)
		make_picture(t, i);
	build(t, &t->text, "Tell me about the moon and the sun.", 0);
	build(t, &t->seen, "What is in the picture?", 1);
	t->free = free_on(t, t->gpu);
	if (!getenv(WANTED))
		hold_half(t);
	return 0;
}

static int
tear_down(void **state)
{
	struct talk *t = &talk;

	(void)state;
	for (int i = 0; i < 3; i++)
		pixels_done(&t->pictures[i]);
	prompt_done(&t->text);
	prompt_done(&t->seen);
	card_free(t->card);
	free(t->path);
	return 0;
}

static const struct CMUnitTest cases[] = {
	cmocka_unit_test(test_in_a_step),
	cmocka_unit_test(test_before_a_recorded_step),
	cmocka_unit_test(test_in_a_prompts_attention),
	cmocka_unit_test(test_in_a_prompts_mlp),
	cmocka_unit_test(test_in_a_picture),
	cmocka_unit_test(test_in_a_snapshot),
	cmocka_unit_test(test_unnoticed),
	cmocka_unit_test(test_while_loading),
};
static const struct CMUnitTest other = cmocka_unit_test(test_says_the_same);
#define N_CASES ((int)(sizeof cases / sizeof *cases))

static int
run_one(const char *name, int gpu)
{
	struct CMUnitTest tests[] = {other};

	talk.gpu = gpu;
	for (int i = 0; i < N_CASES; i++)
		if (strcmp(cases[i].name + strlen("test_"), name) == 0)
			tests[0] = cases[i];
	return cmocka_run_group_tests_name(name, tests, set_up, tear_down);
}

int
main(int argc, char **argv)
{
	const char *gpus = getenv("IVCHAT_TEST_GPU");
	int n = 0, n_failed = 0;

	if (cudaGetDeviceCount(&n) != cudaSuccess || n == 0) {
		puts("no GPU: skipped");
		return 77;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	take_gpus(&talk.options, gpus ? gpus : "0");
	if (argc == 3)
		return run_one(argv[1], atoi(argv[2]));
	for (int i = 0; i < N_CASES; i++)
		for (int g = 0; g < talk.options.n_gpus; g++)
			n_failed += run_self(cases[i].name + strlen("test_"), g) != 0;
	printf("%d cases, %d failed\n", N_CASES * talk.options.n_gpus, n_failed);
	return n_failed;
}
