/* model.c: what a model folder holds (info), whether it is whole (check), and whether it fits into memory (plan): these
 * read headers only, but for check --full, which is in digests.c. Those that write one are in synth.c and quantize.c. */
#include "config.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "cmd/cmd.h"
#include "cmd/device.h"
#include "cmd/digests.h"
#include "cmd/quantize.h"
#include "cmd/synth.h"
#include "engine/engine.h"
#include "engine/gpus.h"

static void
print_line(const char *text)
{
	cmd_print(stdout, text, strlen(text));
	putchar('\n');
}

static void
print_info(const struct card_info *info, bool is_bundled)
{
	printf("name          ");
	print_line(info->name);
	if (is_bundled)
		printf("about         the small built-in demo, %.0f M parameters, simple drawings only; -m DIR opens the real one\n",
		    (double)info->n_params / 1e6);
	printf("parameters    %lld\n", info->n_params);
	if (info->stored)
		printf("packed        the decoder's matrices, in %s\n", info->stored);
	printf("vocabulary    %d\n", info->vocab_size);
	printf("context       %d tokens\n", info->n_ctx_max);
	printf("stops at      ");
	for (int i = 0; i < info->n_stops; i++)
		printf("%s%d", i ? ", " : "", (int)info->stops[i]);
	putchar('\n');
	if (info->text_only) {
		puts("pictures      none: a plain text model");
		return;
	}
	printf("template      %s\n", info->template_name);
	printf("system        ");
	print_line(info->system_message);
	printf("pictures      %d tokens each, seen at %d x %d\n", info->n_image_tokens, info->image_size,
	    info->image_size);
}

static int
is_file(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void
print_files(const char *dir)
{
	struct dirent **list;
	int n = scandir(dir, &list, is_file, alphasort);

	for (int i = 0; i < n; i++) {
		char *path = xasprintf("%s/%s", dir, list[i]->d_name);
		struct stat st;

		if (stat(path, &st) == 0 && S_ISREG(st.st_mode)) {
			printf("file %14lld  ", (long long)st.st_size);
			print_line(list[i]->d_name);
		}
		free(path);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
}

static int
check(const struct card *card, const char *dir, const struct options *o, struct error *err)
{
	const char *stored;
	char digest[65];
	long long bytes;

	if (card_check(card, &bytes, err) < 0)
		return -1;
	stored = card_info(card)->stored;
	printf("%s: whole, %lld bytes of weights%s%s\n", card_info(card)->name, bytes, stored ? ", packed in " : "",
	    stored ? stored : "");
	if (o->verbose && card_digest(card, digest, err) == 0)
		printf("digest %s\n", digest);
	return o->full ? digests_check(dir, err) : 0;
}

/* ---- plan */

static void
print_bytes(const char *what, long long n, const char *more)
{
	double mib = (double)n / (1 << 20);

	if (mib < 1024)
		printf("%-13s %8.1f MiB%s\n", what, mib, more);
	else
		printf("%-13s %8.1f GiB%s\n", what, mib / 1024, more);
}

static int
does_not_fit(const struct plan *p, const struct card *card, struct error *err)
{
	double gib = (double)(p->weights + p->kv + p->work) / (1 << 30);

	error_set(err, CODE_MEMORY, "'%s' does not fit: it takes %.1f GiB", card_info(card)->name, gib);
	if (plan_most_ctx(p) >= 16)
		return error_hint(err, "--ctx %d", plan_most_ctx(p));
	return error_hint(err, "a machine with %.0f GiB of free memory", gib + 1);
}

static int
plan_on_cpu(const struct plan *p, const struct card *card, struct error *err)
{
	long long sum = p->weights + p->kv + p->work;
	char more[64];

	printf("%-13s cpu, %d thread%s\n", "device", p->n_threads, p->n_threads == 1 ? "" : "s");
	if (p->available >= 0)
		print_bytes("free", p->available, "");
	print_bytes("weights", p->weights, "  as they are stored, mapped from the files");
	snprintf(more, sizeof more, "  for %d tokens", p->n_ctx);
	print_bytes("kv", p->kv, more);
	print_bytes("work space", p->work, "");
	print_bytes("sum", sum, "");
	if (p->available < 0)
		return 0;
	print_bytes("margin", p->available - sum, sum <= p->available ? "  it fits" : "");
	return sum <= p->available ? 0 : does_not_fit(p, card, err);
}

/* Who else has memory of it, where the driver tells. */
static void
print_users(int gpu)
{
	struct gpu_user users[16];
	int n = gpus_users(gpu, users, 16);

	for (int i = 0; i < n; i++) {
		char what[32];

		if (users[i].pid == (int)getpid())
			continue;
		snprintf(what, sizeof what, "  process %d", users[i].pid);
		print_bytes("taken by", users[i].bytes < 0 ? 0 : users[i].bytes, what);
	}
}

static void
print_gpu(const struct plan *p, const struct plan_gpu *g)
{
	long long sum = g->weights + g->kv + g->work, left = g->free - sum;
	struct gpu_info info;
	char more[96];

	gpus_info(g->gpu, &info);
	printf("\nGPU %-9d %s\n", g->gpu, info.name);
	print_bytes("free", g->free, "");
	print_users(g->gpu);
	print_bytes("weights", g->weights, "");
	snprintf(more, sizeof more, "  for %d tokens", p->n_ctx);
	print_bytes("kv", g->kv, more);
	print_bytes("work space", g->work, "");
	print_bytes("sum", sum, "");
	snprintf(more, sizeof more, "  %s", left >= p->margin ? "it fits" : left >= 0 ? "too little is left" : "it does not fit");
	print_bytes("margin", left, more);
}

static int
plan_on_gpus(const struct plan *p, const struct card *card, const struct options *o, struct error *err)
{
	bool chosen = strcmp(o->quant, "auto") == 0;
	const char *by = card_info(card)->stored ? ", as it is stored" : chosen && !p->refusal.code ? ", chosen by auto" : "";

	printf("%-13s %d GPU%s%s\n", "device", p->n_gpus, p->n_gpus == 1 ? "" : "s",
	    strcmp(o->gpus, "auto") == 0 && !p->refusal.code ? ", chosen by auto" : "");
	printf("%-13s %s%s\n", "quant", device_quant_name(p->quant), by);
	for (int i = 0; i < p->n_gpus; i++)
		print_gpu(p, &p->gpus[i]);
	if (!p->refusal.code)
		return 0;
	*err = p->refusal;
	return -1;
}

static int
plan(const struct card *card, const struct options *o, struct error *err)
{
	struct engine_options options = device_options(o);
	struct plan p;

	if (plan_make(&p, card, &options, err) < 0)
		return -1;
	return p.n_gpus > 0 ? plan_on_gpus(&p, card, o, err) : plan_on_cpu(&p, card, err);
}

/* ---- which of them */

static int
do_verb(const struct options *o, struct error *err)
{
	const char *dir = o->n_operands > 1 ? o->operands[1] : o->model;
	struct card *card = card_open(dir, err);
	int failed = 0;

	if (!card)
		return -1;
	if (strcmp(o->operands[0], "check") == 0) {
		failed = check(card, dir, o, err);
	} else if (strcmp(o->operands[0], "plan") == 0) {
		failed = plan(card, o, err);
	} else {
		print_info(card_info(card), o->model_is_bundled && o->n_operands < 2);
		print_files(dir);
	}
	card_free(card);
	return failed;
}

static int
run(const struct command *self, struct options *o)
{
	const char *verb = o->n_operands > 0 ? o->operands[0] : "";
	struct error err = {0};

	(void)self;
	if (o->full && strcmp(verb, "check") != 0) {
		error_set(&err, CODE_USAGE, "--full goes with model check only");
		return cmd_fail(&err);
	}
	if (strcmp(verb, "synth") == 0)
		return synth_run(o, &err) < 0 ? cmd_fail(&err) : CODE_OK;
	if (strcmp(verb, "quantize") == 0)
		return quantize_run(o, &err) < 0 ? cmd_fail(&err) : CODE_OK;
	if (o->n_operands > 2 || (strcmp(verb, "info") != 0 && strcmp(verb, "check") != 0 && strcmp(verb, "plan") != 0)) {
		error_set(&err, CODE_USAGE, "model needs one of: info, check, plan, quantize, synth; and at most one folder");
		error_hint(&err, "ivchat model info");
		return cmd_fail(&err);
	}
	return do_verb(o, &err) < 0 ? cmd_fail(&err) : CODE_OK;
}

const struct command cmd_model = {
	"model", "info|check|plan|quantize|synth [DIR]",
	"Tell what a model folder holds, whether it is whole, whether it fits; write one smaller, or make one up.", OPT_MODEL | OPT_SYNTH, run,
};
