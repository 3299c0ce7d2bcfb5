/* measure.c: see measure.h. Host clock around calls that wait for the device. */
#include "config.h"

#include "cmd/measure.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "picture/picture.h"

#define WARM_UP 2
#define STEPS 128               /* of decoding a run */
#define SYSTEM_TOKENS 12        /* what stands before the first picture */
#define QUESTION_TOKENS 40
#define PHOTO_WIDTH 1632        /* 2 megapixels */
#define PHOTO_HEIGHT 1224
#define REPEAT_TOKENS 64
#ifdef HAVE_JPEG
#define HAS_JPEG true
#else
#define HAS_JPEG false          /* nothing makes the file */
#endif

int
measure_init(struct measure *m, const struct card *card, struct engine *e, struct error *err)
{
	static const struct sampling greedy = {.top_p = 1, .repeat_penalty = 1};
	static const struct sampling drawn = {.temp = 0.7f, .top_p = 1, .repeat_penalty = 1};

	m->card = card;
	m->engine = e;
	m->err = err;
	bench_shape(e, &m->shape);
	bench_costs(e, &m->costs);
	m->sampler = sampler_new(&greedy, m->shape.vocab_size);
	m->drawing = sampler_new(&drawn, m->shape.vocab_size);
	m->context = context_new(e, err);
	if (!m->context)
		return -1;
	context_set_guess(m->context, ENGINE_GUESS_OFF);        /* but for what that is worth, all is measured without */
	return 0;
}

void
measure_done(struct measure *m)
{
	context_free(m->context);
	sampler_free(m->sampler);
	sampler_free(m->drawing);
	m->context = NULL;
	m->sampler = m->drawing = NULL;
}

bool
measure_wants(const struct measure *m, const char *group)
{
	size_t n = strlen(group);

	for (const char *at = m->only; at && *at; at += strcspn(at, ",") + (at[strcspn(at, ",")] == ','))
		if (strncmp(at, group, n) == 0 && (at[n] == ',' || !at[n]))
			return true;
	return !m->only;
}

/* ---- prompts and pictures */

static uint64_t
next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

void
measure_ids(const struct measure *m, struct ids *out, int n, uint64_t seed)
{
	uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;

	for (int i = 0; i < n; i++)
		ids_add(out, (int32_t)(next_random(&state) % (uint64_t)m->shape.vocab_size));
}

/* n random ids, the picture (or none) among them behind the system message. */
static struct prompt
make_prompt(const struct measure *m, int n, const struct pixels *pixels, uint64_t seed)
{
	struct prompt p = {0};

	measure_ids(m, &p.ids, n, seed);
	if (pixels) {
		p.n_pictures = 1;
		p.pictures = xcalloc(1, sizeof *p.pictures);
		p.pictures[0].pos = SYSTEM_TOKENS;
		p.pictures[0].n_tokens = m->shape.n_image_tokens;
		pixels_copy(&p.pictures[0].pixels, pixels);
	}
	return p;
}

/* Slopes with some grain, as photographs have; another one for every seed. The caller frees. */
static uint8_t *
make_photo(int width, int height, uint64_t seed)
{
	uint8_t *rgb = xmalloc(3 * (size_t)width * (size_t)height), *at = rgb;
	double *across = xcalloc(3 * (size_t)width, sizeof *across);
	uint64_t state = seed * 77 + 5;

	for (int i = 0; i < 3 * width; i++)
		across[i] = sin(0.011 * (i / 3) * (i % 3 + 1) + (double)seed);
	for (int y = 0; y < height; y++) {
		double down[3] = { cos(0.017 * y), cos(0.017 * y + 1), cos(0.017 * y + 2) };

		for (int i = 0; i < 3 * width; i++)
			*at++ = (uint8_t)(110 + 45 * (across[i] + down[i % 3]) + (double)(next_random(&state) & 31));
	}
	free(across);
	return rgb;
}

static int
make_pixels(const struct measure *m, struct pixels *out, uint64_t seed)
{
	int size = m->shape.image_size, rc;
	uint8_t *rgb = make_photo(size, size, seed);

	rc = pixels_make(out, size, rgb, size, size, m->err);
	free(rgb);
	return rc;
}

/* ---- runs */

/* One run: its seconds, or -1. */
struct run {
	struct measure *m;
	int i;                          /* counts warm-ups too */
	int n;                          /* tokens */
};
typedef double run_fn(const struct run *r);

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void
measure_times(struct figure *f, double *times, int n, double each)
{
	qsort(times, (size_t)n, sizeof *times, by_value);
	f->n = n;
	f->min = 1e3 * times[0] / each;
	f->max = 1e3 * times[n - 1] / each;
	f->median = 1e3 * (n % 2 ? times[n / 2] : (times[n / 2 - 1] + times[n / 2]) / 2) / each;
}

/* each: a run's time is of so many. */
static int
take_times(struct measure *m, struct figure *f, run_fn *fn, int n, double each)
{
	double times[MEASURE_MAX_RUNS];

	for (int i = 0; i < WARM_UP + m->runs; i++) {
		struct run r = {m, i, n};
		double t = fn(&r);

		if (t < 0)
			return -1;
		if (i >= WARM_UP)
			times[i - WARM_UP] = t;
	}
	measure_times(f, times, m->runs, each);
	return 0;
}

static struct figure
figure_of(const char *group, int n, const char *what)
{
	struct figure f = {.what = what};

	if (n > 0)
		snprintf(f.name, sizeof f.name, "%s@%d", group, n);
	else
		snprintf(f.name, sizeof f.name, "%s", group);
	return f;
}

static double
share(double amount, double ms, double ceiling)
{
	return ceiling > 0 && ms > 0 ? amount / (1e-3 * ms) / ceiling : 0;
}

/* ---- decoding */

static double
run_steps(const struct run *r, struct sampler *sampler)
{
	struct measure *m = r->m;
	struct prompt p = make_prompt(m, r->n, NULL, 1);
	struct step step;
	double begin = 0;
	int rc = context_sync(m->context, &p, NULL, NULL, m->err);

	for (int i = 0; i <= STEPS && rc == 0; i++) {   /* the first is there with the prompt */
		rc = context_step(m->context, sampler, 0, &step, m->err);
		if (i == 0)
			begin = clock_seconds();
	}
	prompt_done(&p);
	return rc == 0 ? clock_seconds() - begin : -1;
}

static double
run_decode(const struct run *r)
{
	return run_steps(r, r->m->sampler);
}

static double
run_drawn(const struct run *r)
{
	return run_steps(r, r->m->drawing);
}

static int
measure_decode(struct measure *m, const char *name, const char *what, run_fn *fn, int n)
{
	struct figure f = figure_of(name, n, what);
	double bytes = m->costs.step_bytes + m->costs.kv_bytes * (n + STEPS / 2);

	if (n + STEPS + 2 > m->shape.n_ctx)
		f.failed = "the context is too small";
	else if (take_times(m, &f, fn, n, STEPS) < 0)
		return -1;
	f.of = OF_READ;
	f.unit = "tok/s";
	f.rate = f.failed ? 0 : 1e3 / f.median;
	f.share = share(bytes, f.median, m->ceilings.read);
	m->tell(m->arg, &f);
	return 0;
}

/* ---- prompts */

static double
run_prompt(const struct run *r)
{
	struct measure *m = r->m;
	struct prompt p = make_prompt(m, r->n, NULL, 2 + (uint64_t)r->i);
	double begin;
	int rc;

	context_reset(m->context);
	begin = clock_seconds();
	rc = context_sync(m->context, &p, NULL, NULL, m->err);
	begin = clock_seconds() - begin;
	prompt_done(&p);
	return rc == 0 ? begin : -1;
}

static int
measure_prompt(struct measure *m, int n)
{
	struct figure f = figure_of("pp", n, "a prompt of so many tokens");
	double flop = n * m->costs.token_flop + m->costs.pair_flop * n * (n + 1) / 2 + m->costs.last_flop;

	if (n + 1 > m->shape.n_ctx)
		f.failed = "the context is too small";
	else if (take_times(m, &f, run_prompt, n, 1) < 0)
		return -1;
	f.of = OF_FLOP;
	f.unit = "tok/s";
	f.rate = f.failed ? 0 : 1e3 * n / f.median;
	f.share = share(flop, f.median, m->ceilings.flop);
	f.rested = share(flop, f.median, m->ceilings.flop_rested);
	m->tell(m->arg, &f);
	return 0;
}

/* ---- pictures */

static double
run_picture(const struct run *r)
{
	struct measure *m = r->m;
	struct pixels pixels;
	double begin;
	int rc;

	if (make_pixels(m, &pixels, 100 + (uint64_t)r->i) < 0)
		return -1;
	begin = clock_seconds();
	rc = engine_see(m->engine, &pixels, NULL, m->err);
	begin = clock_seconds() - begin;
	pixels_done(&pixels);
	return rc == 0 ? begin : -1;
}

static int
measure_picture(struct measure *m)
{
	struct figure f = figure_of("vit", 0, "a picture, from pixels to embeddings");

	if (take_times(m, &f, run_picture, 0, 1) < 0)
		return -1;
	f.of = OF_FLOP;
	f.unit = "pictures/s";
	f.rate = 1e3 / f.median;
	f.share = share(m->costs.picture_flop, f.median, m->ceilings.flop);
	f.rested = share(m->costs.picture_flop, f.median, m->ceilings.flop_rested);
	m->tell(m->arg, &f);
	return 0;
}

/* ---- first tokens */

/* A GPU has begun the step after the last token: it is over before the clock starts. */
static void
settle(struct measure *m)
{
	struct error none = {0};

	context_logits(m->context, &none);
}

/* Seconds from begin until the first token of the prompt is here. */
static double
first_token(struct measure *m, const struct prompt *p, double begin)
{
	struct step step;

	if (context_sync(m->context, p, NULL, NULL, m->err) < 0 ||
	    context_step(m->context, m->sampler, 0, &step, m->err) < 0)
		return -1;
	return clock_seconds() - begin;
}

static double
run_first_text(const struct run *r)
{
	struct measure *m = r->m;
	struct prompt p = make_prompt(m, SYSTEM_TOKENS + QUESTION_TOKENS, NULL, 200 + (uint64_t)r->i);
	double t;

	settle(m);
	context_reset(m->context);
	t = first_token(m, &p, clock_seconds());
	prompt_done(&p);
	return t;
}

/* A photograph in a file of its own, in the page cache; the caller unlinks and frees the path. */
static char *
write_photo(struct measure *m, uint64_t seed)
{
	const char *dir = getenv("TMPDIR");
	char *path = xasprintf("%s/ivchat-bench-XXXXXX", dir && *dir ? dir : "/tmp");
	uint8_t *rgb = make_photo(PHOTO_WIDTH, PHOTO_HEIGHT, seed);
	struct buf file = {0};
	int rc = picture_make_jpeg(rgb, PHOTO_WIDTH, PHOTO_HEIGHT, &file, m->err), fd = rc < 0 ? -1 : mkstemp(path);

	free(rgb);
	if (rc == 0 && fd < 0)
		rc = error_set(m->err, CODE_STORE, "cannot write '%s': %s", path, strerror(errno));
	else if (rc == 0 && file_write_all(fd, file.at, file.n) < 0) {
		rc = error_set(m->err, CODE_STORE, "cannot write '%s': %s", path, strerror(errno));
		unlink(path);
	}
	if (fd >= 0)
		close(fd);
	buf_done(&file);
	if (rc == 0)
		return path;
	free(path);
	return NULL;
}

static int
see_file(struct measure *m, const char *path, struct pixels *pixels)
{
	struct picture picture;
	int rc;

	if (picture_open(&picture, path, ORIENT_APPLY, m->err) < 0)
		return -1;
	rc = pixels_make(pixels, m->shape.image_size, picture.rgb, picture.width, picture.height, m->err);
	picture_done(&picture);
	return rc;
}

/* What of it the host does before the device is asked for anything. */
static double
run_file(const struct run *r)
{
	char *path = write_photo(r->m, 350 + (uint64_t)r->i);
	struct pixels pixels;
	double begin = clock_seconds();
	int rc = path ? see_file(r->m, path, &pixels) : -1;

	begin = clock_seconds() - begin;
	if (rc == 0)
		pixels_done(&pixels);
	if (path)
		unlink(path);
	free(path);
	return rc == 0 ? begin : -1;
}

/* The context holds the system message and nothing else, as a chat has it when a picture comes. */
static int
hold_system(struct measure *m)
{
	struct prompt head = make_prompt(m, SYSTEM_TOKENS, NULL, 300);
	int rc;

	context_reset(m->context);
	rc = context_sync(m->context, &head, NULL, NULL, m->err);
	prompt_done(&head);
	return rc;
}

/* From a file's name on. */
static double
first_of_file(struct measure *m, const char *path)
{
	double begin = clock_seconds(), t;
	struct pixels pixels;
	struct prompt p;

	if (see_file(m, path, &pixels) < 0)
		return -1;
	p = make_prompt(m, SYSTEM_TOKENS + m->shape.n_image_tokens + QUESTION_TOKENS, &pixels, 300);
	t = first_token(m, &p, begin);
	prompt_done(&p);
	pixels_done(&pixels);
	return t;
}

static double
run_first_picture(const struct run *r)
{
	char *path = write_photo(r->m, 300 + (uint64_t)r->i);
	double t = -1;

	if (path && hold_system(r->m) == 0) {
		settle(r->m);
		t = first_of_file(r->m, path);
	}
	if (path)
		unlink(path);
	free(path);
	return t;
}

/* What can be done before Enter: the picture is seen; the context holds all up to its end, when n says so. */
static double
run_first_prepared(const struct run *r)
{
	struct measure *m = r->m;
	int before = SYSTEM_TOKENS + m->shape.n_image_tokens;
	struct pixels pixels;
	struct prompt p, head;
	double t = -1;
	int rc;

	if (make_pixels(m, &pixels, 400 + (uint64_t)r->i) < 0)
		return -1;
	p = make_prompt(m, before + QUESTION_TOKENS, &pixels, 400);
	head = make_prompt(m, before, &pixels, 400);
	context_reset(m->context);
	rc = engine_see(m->engine, &pixels, NULL, m->err);
	if (rc == 0 && r->n)
		rc = context_sync(m->context, &head, NULL, NULL, m->err);
	if (rc == 0)
		t = first_token(m, &p, clock_seconds());
	prompt_done(&head);
	prompt_done(&p);
	pixels_done(&pixels);
	return t;
}

/* A later turn: 300 tokens and an answer of 32 are there, 40 are new. */
static double
run_first_later(const struct run *r)
{
	struct measure *m = r->m;
	struct prompt p = make_prompt(m, 300, NULL, 500);
	struct step step;
	double t = -1;
	int rc = context_sync(m->context, &p, NULL, NULL, m->err);

	for (int i = 0; i < 32 && rc == 0; i++) {
		rc = context_step(m->context, m->sampler, 0, &step, m->err);
		ids_add(&p.ids, step.id);
	}
	measure_ids(m, &p.ids, QUESTION_TOKENS, 600 + (uint64_t)r->i);
	settle(m);
	if (rc == 0)
		t = first_token(m, &p, clock_seconds());
	prompt_done(&p);
	return t;
}

static int
measure_first(struct measure *m, const char *name, const char *what, run_fn *fn, int n, bool picture)
{
	struct figure f = figure_of(name, 0, what);

	if (picture && m->shape.n_image_tokens == 0)
		f.failed = "the model is for text only";
	else if (take_times(m, &f, fn, n, 1) < 0)
		return -1;
	m->tell(m->arg, &f);
	return 0;
}

static int
measure_firsts(struct measure *m)
{
	if (measure_first(m, "ttft-text", "first token, 52 tokens of text", run_first_text, 0, false) < 0 ||
	    measure_first(m, "ttft-seen", "… picture seen before Enter", run_first_prepared, 0, true) < 0 ||
	    measure_first(m, "ttft-next", "… and all up to its end processed", run_first_prepared, 1, true) < 0 ||
	    measure_first(m, "ttft-turn", "first token of a later turn, 40 new tokens", run_first_later, 0, false) < 0)
		return -1;
	if (!HAS_JPEG)
		return 0;
	if (measure_first(m, "ttft-picture", "first token, new JPEG file of 2 megapixels", run_first_picture, 0, true) < 0)
		return -1;
	return measure_first(m, "ttft-file", "… of it, until the tower's square is there", run_file, 0, true);
}

static int
measure_decodes(struct measure *m)
{
	if (measure_decode(m, "tg", "a token, after so many", run_decode, 300) < 0 ||
	    measure_decode(m, "tg", "a token, after so many", run_decode, 3000) < 0)
		return -1;
	return measure_decode(m, "tg-drawn", "… drawn at temperature 0.7", run_drawn, 300);
}

int
measure_speed(struct measure *m)
{
	if (measure_wants(m, "tg") && measure_decodes(m) < 0)
		return -1;
	if (measure_wants(m, "pp") && (measure_prompt(m, 300) < 0 || measure_prompt(m, 3000) < 0))
		return -1;
	if (measure_wants(m, "vit") && m->shape.n_image_tokens > 0 && measure_picture(m) < 0)
		return -1;
	return measure_wants(m, "ttft") ? measure_firsts(m) : 0;
}

/* ---- loading */

/* What a model gives back is wiped before it is given out again: in the background, so that a program that starts need not
 * wait for that, but one that takes it at once does (0.2 s for 80 GB). */
#define WIPE_SECONDS 1

static double
load_once(struct measure *m, const struct engine_options *options)
{
	struct engine *e;
	struct context *ctx;
	double begin, t;

	if (m->shape.n_gpus > 0)
		sleep(WIPE_SECONDS);
	begin = clock_seconds();
	e = engine_open(m->card, options, NULL, m->err);
	ctx = e ? context_new(e, m->err) : NULL;
	t = clock_seconds() - begin;
	context_free(ctx);
	engine_free(e);
	return ctx ? t : -1;
}

static void
tell_load(struct measure *m, const char *name, const char *what, double *times, int n, long long bytes)
{
	struct figure f = figure_of(name, 0, what);

	measure_times(&f, times, n, 1);
	f.unit = "GB/s";
	f.rate = 1e-6 * (double)bytes / f.median;
	f.of = OF_COPY;
	f.share = share((double)bytes, f.median, m->ceilings.copy);
	m->tell(m->arg, &f);
}

int
measure_load(struct measure *m, const struct engine_options *options, double *left)
{
	const char *dir = card_info(m->card)->dir;
	double times[MEASURE_MAX_RUNS], cold;
	long long bytes;

	if (card_check(m->card, &bytes, m->err) < 0)
		return -1;
	for (int i = 0; i < m->runs; i++)
		if ((times[i] = load_once(m, options)) < 0)
			return -1;
	tell_load(m, "load-warm", "the files into place, in the page cache", times, m->runs, bytes);
	if (bench_forget_files(dir, left, m->err) < 0 || (cold = load_once(m, options)) < 0)
		return -1;
	if (*left < 0.01)
		tell_load(m, "load-cold", "… from the disk, once", &cold, 1, bytes);
	return 0;
}

/* ---- the same again */

/* The ids of one run, and its last logits, both the caller's. */
static int
say(struct measure *m, const struct prompt *p, int32_t *ids, int n, float *logits)
{
	struct step step;
	const float *last;

	context_reset(m->context);
	if (context_sync(m->context, p, NULL, NULL, m->err) < 0)
		return -1;
	for (int i = 0; i < n; i++) {
		if (context_step(m->context, m->sampler, 0, &step, m->err) < 0)
			return -1;
		ids[i] = step.id;
	}
	if (!(last = context_logits(m->context, m->err)))
		return -1;
	memcpy(logits, last, (size_t)m->shape.vocab_size * sizeof *logits);
	return 0;
}

int
measure_repeat(struct measure *m, bool *same, int *n)
{
	int room = m->shape.n_ctx - REPEAT_TOKENS - 2;
	struct prompt p = make_prompt(m, room < 300 ? room : 300, NULL, 7);
	float *logits = xcalloc(2 * (size_t)m->shape.vocab_size, sizeof *logits);
	int32_t ids[2][REPEAT_TOKENS];
	int rc = 0;

	for (int i = 0; i < 2 && rc == 0; i++)
		rc = say(m, &p, ids[i], REPEAT_TOKENS, logits + i * (size_t)m->shape.vocab_size);
	*n = REPEAT_TOKENS;
	*same = rc == 0 && memcmp(ids[0], ids[1], sizeof ids[0]) == 0 &&
	    memcmp(logits, logits + m->shape.vocab_size, (size_t)m->shape.vocab_size * sizeof *logits) == 0;
	prompt_done(&p);
	free(logits);
	return rc;
}

/* ---- foretelling */

/* log softmax of id, and the likeliest one. */
static double
log_probability(const float *logits, int n, int32_t id, int32_t *best)
{
	double sum = 0;

	*best = 0;
	for (int i = 1; i < n; i++)
		if (logits[i] > logits[*best])
			*best = i;
	for (int i = 0; i < n; i++)
		sum += exp((double)logits[i] - (double)logits[*best]);
	return (double)logits[id] - (double)logits[*best] - log(sum);
}

int
measure_text(struct measure *m, const int32_t *ids, int n, int32_t *best, double *perplexity)
{
	struct prompt p = {0};
	double sum = 0;
	int rc = 0;

	context_reset(m->context);
	for (int i = 1; i < n && rc == 0; i++) {
		const float *logits = NULL;

		ids_add(&p.ids, ids[i - 1]);
		rc = context_sync(m->context, &p, NULL, NULL, m->err);
		if (rc == 0 && !(logits = context_logits(m->context, m->err)))
			rc = -1;
		if (rc == 0)
			sum += log_probability(logits, m->shape.vocab_size, ids[i], &best[i - 1]);
	}
	*perplexity = exp(-sum / (n - 1));
	prompt_done(&p);
	return rc;
}
