/* link_fake.c: see link_fake.h. Only what link/ calls. */
#include "config.h"

#include "link_fake.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FILE_NAME "LINK_FAKE_FILE"      /* the variable that names the file in which the fake lies */

struct fake_engine *fake_shared;
static bool is_first;

struct card {
	struct card_info info;
};
struct engine {
	int unused;
};
struct context {
	int k;
	int32_t held[FAKE_MOST_HELD];   /* the ids of the prompts, as far as they were computed */
	size_t n_held;
};
struct sampler {
	int unused;
};

/* Before main(): the file is made by the first process, and found by those that it starts. */
__attribute__((constructor)) static void
map_fake(void)
{
	char name[] = "/tmp/ivchat-fake.XXXXXX";
	const char *named = getenv(FILE_NAME);
	int fd = named ? open(named, O_RDWR | O_CLOEXEC) : mkstemp(name);

	if (fd < 0 || ftruncate(fd, sizeof fake) < 0)
		abort();
	fake_shared = mmap(NULL, sizeof fake, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fake_shared == MAP_FAILED)
		abort();
	close(fd);
	if (!named)
		setenv(FILE_NAME, name, 1);
	is_first = !named;
}

__attribute__((destructor)) static void
remove_file(void)
{
	if (is_first)
		unlink(getenv(FILE_NAME));
}

void
fake_reset(void)
{
	memset(&fake, 0, sizeof fake);
	sem_init(&fake.gate, 1, 0);
	fake.n_answer = 5;
	fake.fail_step_at = fake.die_step_at = fake.hang_step_at = -1;
}

void
fake_let(int n)
{
	for (int i = 0; i < n; i++)
		sem_post(&fake.gate);
}

void
fake_let_all(void)
{
	atomic_store(&fake.gated, false);
	atomic_store(&fake.sync_gated, false);
	fake_let(1000);
}

static void
pass(void)
{
	if (atomic_load(&fake.gated))
		sem_wait(&fake.gate);
}

struct card *
card_open(const char *dir, struct error *err)
{
	(void)dir;
	if (fake.fail_card)
		error_set(err, CODE_MODEL, "no config.json");
	return fake.fail_card ? NULL : calloc(1, sizeof(struct card));
}

void
card_free(struct card *card)
{
	free(card);
}

const struct card_info *
card_info(const struct card *card)
{
	static const struct card_info info = {
	    .dir = "fake", .name = "fake", .vocab_size = 1 << 20, .n_stops = 1, .stops = {FAKE_STOP_ID}};

	(void)card;
	return &info;
}

const struct tokenizer *
card_tokenizer(const struct card *card)
{
	(void)card;
	return NULL;
}

struct engine *
engine_open(const struct card *card, const struct engine_options *options, const struct watch *watch,
    struct error *err)
{
	sigset_t mask;

	(void)card;
	(void)options;
	atomic_fetch_add(&fake.n_tries, 1);
	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	atomic_store(&fake.signals_blocked, sigismember(&mask, SIGINT) && sigismember(&mask, SIGWINCH));
	for (int i = 0; i < 10; i++) {
		if (atomic_load(watch->stop)) {
			error_set(err, CODE_SIGINT, "stopped");
			return NULL;
		}
		watch->report(watch->arg, STAGE_LOAD, i, 10);
		pass();
	}
	if (fake.fail_open) {
		error_set(err, CODE_MODEL, "a shard is missing");
		return NULL;
	}
	atomic_fetch_add(&fake.n_opened, 1);
	atomic_store(&fake.opener, (int)getpid());
	return calloc(1, sizeof(struct engine));
}

void
engine_free(struct engine *engine)
{
	if (engine)
		atomic_fetch_add(&fake.n_freed, 1);
	free(engine);
}

bool
engine_is_spoilt(void)
{
	return fake.spoilt;
}

const char *
engine_device(const struct engine *engine)
{
	(void)engine;
	return "fake device";
}

int
engine_see(struct engine *engine, const struct pixels *pixels, const struct watch *watch, struct error *err)
{
	(void)engine;
	(void)pixels;
	(void)watch;
	if (fake.fail_see)
		return error_set(err, CODE_MEMORY, "no memory for the picture");
	atomic_fetch_add(&fake.n_seen, 1);
	return 0;
}

struct context *
context_new(struct engine *engine, struct error *err)
{
	(void)engine;
	(void)err;
	return calloc(1, sizeof(struct context));
}

void
context_free(struct context *ctx)
{
	free(ctx);
}

void
context_reset(struct context *ctx)
{
	(void)ctx;
	atomic_fetch_add(&fake.n_resets, 1);
}

struct guess_report
context_guesses(const struct context *ctx)
{
	(void)ctx;
	return (struct guess_report){0};
}

static size_t
common_prefix(const struct context *ctx, const struct prompt *prompt)
{
	size_t n = 0;

	while (n < ctx->n_held && n + 1 < prompt->ids.n && ctx->held[n] == prompt->ids.at[n])
		n++;
	return n;
}

/* Token after token, each with a look at the wish to stop. */
int
context_sync(struct context *ctx, const struct prompt *prompt, const struct watch *watch,
    struct sync_report *report, struct error *err)
{
	size_t n_reused = common_prefix(ctx, prompt);

	ctx->k = 0;
	if (fake.fail_sync)
		return error_set(err, CODE_INPUT, "too long");
	if (fake.lose_sync)
		return error_set(err, CODE_ENGINE, "the device was lost");
	if (prompt->ids.n > FAKE_MOST_HELD)
		return error_set(err, CODE_INPUT, "the fake holds %d tokens", FAKE_MOST_HELD);
	for (ctx->n_held = n_reused; ctx->n_held < prompt->ids.n; ctx->n_held++) {
		if (atomic_load(&fake.sync_gated))
			sem_wait(&fake.gate);
		if (atomic_load(watch->stop))
			return error_set(err, CODE_SIGINT, "stopped");
		ctx->held[ctx->n_held] = prompt->ids.at[ctx->n_held];
		atomic_fetch_add(&fake.n_synced, 1);
		if (watch->report)
			watch->report(watch->arg, STAGE_PREFILL, 1, 1);
	}
	if (report)
		*report = (struct sync_report){.n_prompt = (int)prompt->ids.n, .n_reused = (int)n_reused};
	return 0;
}

/* Everything at once, however it was asked for. */
int
context_segs(const struct context *ctx, struct seg **segs)
{
	(void)ctx;
	*segs = calloc(1, sizeof **segs);
	**segs = (struct seg){SEG_PREFILL, 0, 1, 1};
	return 1;
}

int
context_sync_as(struct context *ctx, const struct prompt *prompt, const struct seg *segs, int n_segs,
    const struct watch *watch, struct sync_report *report, struct error *err)
{
	atomic_store(&fake.n_segs, segs ? n_segs : 0);
	return context_sync(ctx, prompt, watch, report, err);
}

static _Noreturn void
hang(void)
{
	atomic_store(&fake.hanging, (int)getpid());
	for (;;)
		pause();
}

int
context_step(struct context *ctx, struct sampler *sampler, int n_best, struct step *out, struct error *err)
{
	(void)sampler;
	pass();
	atomic_fetch_add(&fake.n_steps, 1);
	if (ctx->k == fake.die_step_at && fake.die_status)
		_exit(fake.die_status);
	if (ctx->k == fake.die_step_at)
		raise(SIGKILL);
	if (ctx->k == fake.hang_step_at)
		hang();
	if (ctx->k == fake.fail_step_at)
		return error_set(err, CODE_ENGINE, "the device was lost");
	if (fake.n_context && ctx->k == fake.n_context)
		return error_set(err, CODE_INPUT, "the context is full");
	*out = (struct step){
	    .id = ctx->k == fake.n_answer ? FAKE_STOP_ID : FAKE_FIRST_ID + ctx->k, .logprob = -0.5f};
	out->n_best = n_best;
	for (int i = 0; i < n_best; i++)
		out->best[i] = (struct candidate){out->id + i, -0.5f - (float)i};
	ctx->k++;
	return 0;
}

int
context_n_used(const struct context *ctx)
{
	return (int)ctx->n_held;
}

long long
context_save_bytes(const struct context *ctx)
{
	return (long long)ctx->n_held;
}

/* A byte a token, each with a look at the wish to stop. */
int
context_save(struct context *ctx, const char *path, const struct watch *watch, struct error *err)
{
	FILE *f = fopen(path, "w");

	atomic_fetch_add(&fake.n_saves, 1);
	for (size_t i = 0; f && i < ctx->n_held; i++) {
		pass();
		if (atomic_load(watch->stop)) {
			fclose(f);
			unlink(path);
			return error_set(err, CODE_SIGINT, "stopped");
		}
		fputc((int)(ctx->held[i] & 0xff), f);
	}
	if (f)
		fclose(f);
	return f ? 0 : error_set(err, CODE_STORE, "cannot write '%s'", path);
}

int
context_restore(struct context *ctx, const char *path, const struct watch *watch, struct error *err)
{
	FILE *f = fopen(path, "r");

	(void)watch;
	ctx->n_held = 0;
	for (int c; f && (c = fgetc(f)) != EOF;)
		ctx->held[ctx->n_held++] = c;
	if (f)
		fclose(f);
	if (fake.lose_restore)
		return error_set(err, CODE_ENGINE, "the device was lost");
	return f ? 0 : error_set(err, CODE_STORE, "cannot open '%s'", path);
}

struct sampler *
sampler_new(const struct sampling *how, int vocab_size)
{
	(void)how;
	(void)vocab_size;
	return calloc(1, sizeof(struct sampler));
}

void
sampler_free(struct sampler *s)
{
	free(s);
}

void
sampler_remember(struct sampler *s, int32_t id)
{
	(void)s;
	atomic_fetch_add(&fake.n_remembered, 1);
	(void)id;
}

/* One letter an id; the last one is held back as a real stream may do. */
void
stream_init(struct stream *s, const struct tokenizer *t)
{
	*s = (struct stream){.tokenizer = t};
}

void
stream_push(struct stream *s, int32_t id, struct buf *out)
{
	buf_add(out, s->held.at, s->held.n);
	buf_clear(&s->held);
	buf_char(&s->held, (char)('a' + (id - FAKE_FIRST_ID) % 26));
}

void
stream_finish(struct stream *s, struct buf *out)
{
	buf_add(out, s->held.at, s->held.n);
	buf_done(&s->held);
}

void
prompt_done(struct prompt *p)
{
	for (int i = 0; i < p->n_pictures; i++)
		free(p->pictures[i].pixels.rgb);
	free(p->pictures);
	free(p->ids.at);
	*p = (struct prompt){0};
}

void
pixels_done(struct pixels *p)
{
	free(p->rgb);
	*p = (struct pixels){0};
}
