/* bench.c: what this machine makes of this engine: the ceilings of the card first, then every figure with its share of
 * them, in one process, so that machines and versions can be compared. Weights made up on the card, or a model's own. */
#include "config.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "cmd/cmd.h"
#include "cmd/device.h"
#include "cmd/measure.h"
#include "cmd/spec.h"
#include "commit.h"
#include "engine/gpus.h"

#define TEXT_TOKENS 256

/* Foretold by a model that knows language; random weights get random ids instead. */
static const char text[] =
    "The harbour lies on the north side of the bay, behind a long wall of grey stone. In the morning the boats come back "
    "one after another, and gulls follow them as far as the first bridge. A woman in a yellow coat counts the boxes, writes "
    "a number on each with chalk, and calls it to the man at the scales. By nine o'clock the market is full. There are "
    "crabs, mackerel and plaice, and baskets of mussels that still smell of the sea. Children stand in front of a tank and "
    "point at an eel. At noon the square is washed, the tables are folded, and only the ice that was thrown away is left in "
    "the sun. Later a train stops at the small station above the town; a few people get off, look at the timetable, and go "
    "down the steps to the water. The light changes quickly in this season. When the lamps along the quay are lit, the "
    "first boats are leaving again, and one can hear their engines for a long time after they have passed the lighthouse.";

struct bench {
	const struct options *o;
	struct card *card;
	json_t *root, *figures;         /* of one run; NULL unless --json */
	int32_t *usual;                 /* the likeliest ids of the first run, for those after it */
	enum engine_quant usual_quant;
	int n_text;
};

/* ---- saying it */

static const char *
name_of(enum measure_of of)
{
	return of == OF_READ ? "r_mem" : of == OF_FLOP ? "r_flop" : of == OF_COPY ? "r_copy" : "";
}

static void
print_guess(const struct figure *f)
{
	const struct figure_guess *g = f->guess;

	printf("%-13s %9.2f ms without: %.2f x; %.0f %% of %lld guesses right; %d tokens %s; %s\n", "", g->without,
	    g->without / f->median, g->guessed ? 100.0 * (double)g->right / (double)g->guessed : 0, g->guessed, g->tokens,
	    g->given ? "given, not chosen" : "chosen", g->same ? "the same bits" : "DIFFERS");
}

static void
print_figure(const struct figure *f)
{
	if (f->failed) {
		printf("%-13s not measured: %s\n", f->name, f->failed);
		return;
	}
	printf("%-13s %9.2f ms  %9.2f … %-9.2f", f->name, f->median, f->min, f->max);
	if (f->unit)
		printf(" %9.1f %-10s", f->rate, f->unit);
	else
		printf(" %20s", "");
	if (f->share > 0)
		printf(" %-6s %.3f", name_of(f->of), f->share);
	else
		printf(" %12s", "");
	if (f->rested > 0)
		printf(" r_rested %.3f", f->rested);
	printf("  %s\n", f->what);
	if (f->guess)
		print_guess(f);
	fflush(stdout);
}

static json_t *
guess_json(const struct figure *f)
{
	const struct figure_guess *g = f->guess;

	return json_pack("{s:f, s:f, s:I, s:I, s:i, s:b, s:b}", "without_ms", g->without, "gain", g->without / f->median,
	    "guessed", (json_int_t)g->guessed, "right", (json_int_t)g->right, "tokens", g->tokens, "given", g->given, "same",
	    g->same);
}

static json_t *
figure_json(const struct figure *f)
{
	json_t *j = json_pack("{s:s, s:s}", "name", f->name, "what", f->what);

	if (f->failed) {
		json_object_set_new(j, "failed", json_string(f->failed));
		return j;
	}
	json_object_set_new(j, "runs", json_integer(f->n));
	json_object_set_new(j, "median_ms", json_real(f->median));
	json_object_set_new(j, "min_ms", json_real(f->min));
	json_object_set_new(j, "max_ms", json_real(f->max));
	if (f->unit) {
		json_object_set_new(j, "rate", json_real(f->rate));
		json_object_set_new(j, "unit", json_string(f->unit));
	}
	if (f->share > 0)
		json_object_set_new(j, name_of(f->of), json_real(f->share));
	if (f->rested > 0)
		json_object_set_new(j, "r_rested", json_real(f->rested));
	if (f->guess)
		json_object_set_new(j, "guess", guess_json(f));
	return j;
}

static void
tell(void *arg, const struct figure *f)
{
	struct bench *b = arg;

	if (b->figures)
		json_array_append_new(b->figures, figure_json(f));
	else
		print_figure(f);
}

static void
tell_gpu(struct bench *b, int number, json_t *gpus)
{
	struct gpu_info g;

	if (gpus_info(number, &g) < 0)
		return;
	if (gpus)
		json_array_append_new(gpus, json_pack("{s:i, s:s, s:i, s:i, s:I, s:i, s:i, s:i, s:i}", "gpu", number, "name", g.name,
		    "compute", 10 * g.major + g.minor, "sms", g.n_sm, "bytes", (json_int_t)g.total, "sm_mhz", g.sm_mhz,
		    "max_sm_mhz", g.max_sm_mhz, "memory_mhz", g.memory_mhz, "power_limit_w", g.power_limit));
	else
		printf("gpu %d         %s, %d SMs, %.1f GB; SM %d of %d MHz, memory %d MHz, at most %d W\n", number, g.name,
		    g.n_sm, (double)g.total / 1e9, g.sm_mhz, g.max_sm_mhz, g.memory_mhz, g.power_limit);
	(void)b;
}

static const char *
weights_of(const struct bench *b, const struct measure *m)
{
	return m->shape.made_up ? b->o->random_weights : card_info(b->card)->name;
}

static void
tell_run(struct bench *b, const struct measure *m)
{
	struct gpu_software sw;
	char date[32];
	json_t *gpus = b->root ? json_array() : NULL;

	clock_utc(date);
	gpus_software(&sw);
	if (b->root) {
		json_object_set_new(b->root, "v", json_integer(1));
		json_object_set_new(b->root, "version", json_string(PACKAGE_VERSION));
		json_object_set_new(b->root, "commit", json_string(COMMIT));
		json_object_set_new(b->root, "date", json_string(date));
		json_object_set_new(b->root, "device", json_string(engine_device(m->engine)));
		json_object_set_new(b->root, "weights", json_string(weights_of(b, m)));
		json_object_set_new(b->root, "made_up", json_boolean(m->shape.made_up));
		json_object_set_new(b->root, "bytes", json_integer((json_int_t)m->shape.weight_bytes));
		json_object_set_new(b->root, "quant", json_string(device_quant_name(m->shape.quant)));
		json_object_set_new(b->root, "ctx", json_integer(m->shape.n_ctx));
		json_object_set_new(b->root, "driver", json_string(sw.driver_version));
		json_object_set_new(b->root, "cuda", json_integer(sw.runtime));
		json_object_set_new(b->root, "gpus", gpus);
	} else {
		printf("ivchat        %s, commit %s, %s\n", PACKAGE_VERSION, COMMIT, date);
		printf("device        %s\n", engine_device(m->engine));
		printf("weights       %s%s, %.2f GB; %.2f GB read a token; context %d\n", m->shape.made_up ? "random, shape " : "",
		    weights_of(b, m), (double)m->shape.weight_bytes / 1e9, m->costs.step_bytes / 1e9, m->shape.n_ctx);
		if (m->shape.n_gpus > 0)
			printf("driver        %s, CUDA %d.%d\n", sw.driver_version, sw.runtime / 1000, sw.runtime % 1000 / 10);
	}
	for (int i = 0; i < m->shape.n_gpus; i++)
		tell_gpu(b, m->shape.gpus[i], gpus);
}

static void
tell_ceilings(struct bench *b, const struct bench_ceilings *c)
{
	if (b->root) {
		json_object_set_new(b->root, "ceilings", json_pack("{s:f, s:f, s:f, s:f}", "read_bytes_per_s", c->read,
		    "flop_per_s", c->flop, "flop_per_s_rested", c->flop_rested, "copy_bytes_per_s", c->copy));
		return;
	}
	printf("ceilings      read %.1f GB/s (%s)", c->read / 1e9, c->read_how);
	if (c->flop > 0)
		printf(", bf16 product %.1f TFLOP/s", c->flop / 1e12);
	if (c->flop_rested > 0)
		printf(" (%.1f rested)", c->flop_rested / 1e12);
	if (c->copy > 0)
		printf(", copy to the card %.1f GB/s", c->copy / 1e9);
	printf("\n\n%-13s %9s     %9s … %-9s %9s %-10s %s\n", "what", "median", "min", "max", "rate", "", "of the ceiling");
	fflush(stdout);
}

/* ---- what is measured beside speed */

static int
check_repeat(struct bench *b, struct measure *m)
{
	bool same;
	int n;

	if (measure_repeat(m, &same, &n) < 0)
		return -1;
	if (b->root)
		json_object_set_new(b->root, "repeat", json_pack("{s:b, s:i}", "same", same, "tokens", n));
	else
		printf("repeat        %s: %d tokens and the last logits, computed twice\n", same ? "the same bits" : "DIFFERS", n);
	return 0;
}

static void
text_ids(const struct bench *b, const struct measure *m, struct ids *ids)
{
	size_t n = TEXT_TOKENS < m->shape.n_ctx - 1 ? TEXT_TOKENS : (size_t)m->shape.n_ctx - 1;

	if (m->shape.made_up)
		measure_ids(m, ids, (int)n, 11);
	else
		tokenizer_encode(card_tokenizer(b->card), text, strlen(text), true, ids);
	if (ids->n > n)
		ids->n = n;
}

/* Of the likeliest ids, how many are those of the first run. */
static double
agreement(const int32_t *a, const int32_t *b, int n)
{
	int same = 0;

	for (int i = 0; i < n; i++)
		same += a[i] == b[i];
	return (double)same / n;
}

static void
tell_text(struct bench *b, const struct measure *m, const int32_t *best, int n, double perplexity)
{
	bool compares = b->usual && b->n_text == n && b->usual_quant != m->shape.quant;
	double part = compares ? agreement(b->usual, best, n) : 0;

	if (b->root) {
		json_t *agree = json_pack("{s:i, s:f}", "tokens", n, "perplexity", perplexity);

		if (compares)
			json_object_set_new(agree, "top1", json_real(part));
		if (compares)
			json_object_set_new(agree, "with", json_string(device_quant_name(b->usual_quant)));
		json_object_set_new(b->root, "agree", agree);
		return;
	}
	printf("agree         perplexity %.4g over %d tokens", perplexity, n);
	if (compares)
		printf("; the likeliest token is that of %s in %.1f %%", device_quant_name(b->usual_quant), 100 * part);
	putchar('\n');
}

static int
check_text(struct bench *b, struct measure *m)
{
	struct ids ids = {0};
	double perplexity;
	int32_t *best;
	int n, rc;

	text_ids(b, m, &ids);
	n = (int)ids.n - 1;
	best = xcalloc(ids.n, sizeof *best);
	rc = measure_text(m, ids.at, (int)ids.n, best, &perplexity);
	if (rc == 0)
		tell_text(b, m, best, n, perplexity);
	if (rc == 0 && !b->usual) {
		b->usual = best;
		b->usual_quant = m->shape.quant;
		b->n_text = n;
		best = NULL;
	}
	free(best);
	ids_done(&ids);
	return rc;
}

/* ---- one engine */

static int
measure_open(struct bench *b, struct measure *m, const struct engine_options *options, struct error *err)
{
	struct engine *e = engine_open(b->card, options, NULL, err);
	int rc;

	if (!e)
		return -1;
	rc = measure_init(m, b->card, e, err);
	if (rc == 0) {
		tell_run(b, m);
		rc = bench_ceilings(e, options->n_threads, &m->ceilings, err);
	}
	if (rc == 0) {
		tell_ceilings(b, &m->ceilings);
		rc = measure_speed(m);
	}
	if (rc == 0 && measure_wants(m, "spec") && options->guess != ENGINE_GUESS_OFF)
		rc = spec_measure(m, options->guess);
	if (rc == 0 && measure_wants(m, "repeat"))
		rc = check_repeat(b, m);
	if (rc == 0 && measure_wants(m, "agree"))
		rc = check_text(b, m);
	measure_done(m);
	engine_free(e);
	return rc;
}

static int
measure_files(struct bench *b, struct measure *m, const struct engine_options *options)
{
	double left;

	if (m->shape.made_up || !measure_wants(m, "load"))
		return 0;
	if (measure_load(m, options, &left) < 0)
		return -1;
	if (b->root)
		json_object_set_new(b->root, "left_in_cache", json_real(left));
	else if (left >= 0.01)
		printf("load-cold     not measured: the page cache keeps %.0f %% of the files\n", 100 * left);
	return 0;
}

static int
run_one(struct bench *b, const struct engine_options *options, struct error *err)
{
	struct measure m = {.runs = b->o->runs, .only = b->o->only, .tell = tell, .arg = b};
	int rc;

	if (b->o->json) {
		b->root = json_object();
		b->figures = json_array();
	}
	rc = measure_open(b, &m, options, err);
	m.card = b->card;
	m.err = err;
	if (rc == 0)
		rc = measure_files(b, &m, options);
	if (b->root) {
		json_object_set_new(b->root, "figures", b->figures);
		if (rc < 0)
			json_object_set_new(b->root, "error", json_string(err->what));
		json_dumpf(b->root, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
		putchar('\n');
		json_decref(b->root);
		b->root = b->figures = NULL;
	}
	fflush(stdout);
	return rc;
}

/* ---- tuning */

static void
print_row(void *arg, const char *row, double first_ms, double best_ms)
{
	(void)arg;
	printf("%s\t/* %.3f ms kept up; the first proposal in a burst %.3f */\n", row, best_ms, first_ms);
	fflush(stdout);
}

static int
tune(const struct bench *b, const struct engine_options *options, struct error *err)
{
	struct engine *e = engine_open(b->card, options, NULL, err);
	int rc = e ? bench_tune(e, print_row, NULL, err) : -1;

	engine_free(e);
	return rc;
}

/* ---- which of them */

/* The next word of a list with commas; false at its end or at one that is no kind of weights. */
static bool
next_quant(const char **list, enum engine_quant *out)
{
	char word[16];
	size_t n = strcspn(*list, ",");

	if (n == 0 || n >= sizeof word)
		return false;
	memcpy(word, *list, n);
	word[n] = '\0';
	*list += n + ((*list)[n] == ',');
	return device_quant_find(word, out);
}

static int
check_quants(const char *list, struct error *err)
{
	const char *at = list;
	enum engine_quant quant;

	while (*at)
		if (!next_quant(&at, &quant))
			break;
	return *list && !*at ? 0 : error_set(err, CODE_USAGE,
	    "--quant '%s': must be some of auto, bf16, fp8, int8, int4, with commas between", list);
}

static int
run_all(struct bench *b, struct error *err)
{
	struct engine_options options = device_options(b->o);
	const char *at = b->o->quant;
	int rc = 0;

	options.random_shape = b->o->random_weights;
	while (rc == 0 && next_quant(&at, &options.quant)) {
		rc = b->o->tune ? tune(b, &options, err) : run_one(b, &options, err);
		if (*at && !b->o->json)
			putchar('\n');
	}
	return rc;
}

static int
no_gpu(struct error *err)
{
	struct gpu_software sw;

	gpus_software(&sw);
	return error_set(err, CODE_MEMORY, "--random-weights are made up on a GPU: %s", sw.problem);
}

static int
run(const struct command *self, struct options *o)
{
	struct bench b = {.o = o};
	struct error err = {0};
	int rc = -1;

	if (o->n_operands > 0)
		error_set(&err, CODE_USAGE, "%s takes no operand: '%s'", self->name, o->operands[0]);
	else if (o->random_weights && gpus_count() == 0)
		no_gpu(&err);
	else if (check_quants(o->quant, &err) == 0 && (b.card = card_open(o->model, &err)))
		rc = run_all(&b, &err);
	card_free(b.card);
	free(b.usual);
	return rc < 0 ? cmd_fail(&err) : CODE_OK;
}

const struct command cmd_bench = {
	"bench", "", "Measure how fast the engine is here, and what share of the device's ceilings that is.", OPT_BENCH, run,
};
