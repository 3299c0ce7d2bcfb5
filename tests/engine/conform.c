/* conform.c: does the engine compute what the official modules compute?
 *
 *     conform [-p PROGRAM] [-g GPU] FOLDER …
 *
 * A folder with golden/ is a set of fixtures: every golden/NAME.json that names a checkpoint is compared stage by
 * stage with golden/NAME.safetensors, and golden/unit.safetensors operator by operator. A folder with expected.json is a
 * text model with greedy continuations. With -p the prompts also go through the program. Nothing here knows names or
 * shapes of fixtures: others can be dropped in. One line a check, a summary, and status 1 when one failed. Tolerances:
 * those in the fixtures' README, for a float32 engine, or with -g for one that computes in bfloat16 on that GPU.
 */
#include "config.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "conform.h"
#include "gpulist.h"
#include "picture/picture.h"

/* ---- one fixture */

bool
fixture_open(struct fixture *f, const char *dir)
{
	struct engine_options options = { .quant = f->gpu ? ENGINE_BF16 : ENGINE_AUTO };
	struct error err = {0};

	take_gpus(&options, f->gpu);
	if ((f->card = card_open(dir, &err)) && (f->engine = engine_open(f->card, &options, NULL, &err)) &&
	    (f->context = context_new(f->engine, &err)))
		return true;
	return check_failed(f->tally, dir, &err);
}

void
fixture_close(struct fixture *f)
{
	context_free(f->context);
	engine_free(f->engine);
	card_free(f->card);
	checkpoint_close(f->golden);
	json_decref(f->json);
}

bool
fixture_pixels(struct fixture *f, const char *name, struct pixels *out)
{
	const struct tensor *rgb = golden_bytes(f->golden, "image.%s.rgb", name);
	int size = card_info(f->card)->image_size;
	struct error err = {0};
	struct picture picture;
	char *path;
	int rc;

	if (rgb) {
		rc = pixels_make(out, size, rgb->data, (int)rgb->shape[1], (int)rgb->shape[0], &err);
		return rc == 0 || check_failed(f->tally, name, &err);
	}
	path = xasprintf("%s/images/%s", f->folder, name);
	rc = picture_open(&picture, path, ORIENT_IGNORE, &err);
	free(path);
	if (rc != 0)
		return check_failed(f->tally, name, &err);
	rc = pixels_make(out, size, picture.rgb, picture.width, picture.height, &err);
	picture_done(&picture);
	return rc == 0 || check_failed(f->tally, name, &err);
}

double
fixture_relative(const struct fixture *f)
{
	return f->engine->model.decoder.layers[0].wq.type == DTYPE_BF16 ? RELATIVE_LOGITS : RELATIVE_LOGITS_ROUNDED;
}

/* n greedy steps after the prompt, which is there. How many there are before a failure. */
static size_t
take_steps(struct fixture *f, const char *name, int n_best, struct step *steps, size_t n)
{
	struct sampling greedy = { .top_p = 1, .repeat_penalty = 1 };
	struct sampler *sampler = sampler_new(&greedy, card_info(f->card)->vocab_size);
	struct error err = {0};
	size_t i;

	for (i = 0; i < n; i++)
		if (context_step(f->context, sampler, n_best, &steps[i], &err) != 0) {
			check_failed(f->tally, name, &err);
			break;
		}
	sampler_free(sampler);
	return i;
}

/* What the device chose by itself is what its logits say, and the difference is no more than bfloat16 may make. */
static void
check_difference(struct fixture *f, const char *name, const struct prompt *prompt, const struct step *steps,
    const int32_t *want, size_t n, size_t first, const json_t *margins)
{
	struct step *again = xcalloc(n + 1, sizeof *again);
	double margin = json_number_value(json_array_get(margins, first));
	struct error err = {0};
	size_t n_same = 0, n_again;

	context_reset(f->context);
	if (context_sync(f->context, prompt, NULL, NULL, &err) != 0)
		check_failed(f->tally, name, &err);
	n_again = take_steps(f, name, 2, again, n);
	while (n_same < n_again && again[n_same].id == steps[n_same].id)
		n_same++;
	check_true(f->tally, n_same == n, "%s continuation: %zu of %zu tokens equal when logits are looked at", name, n_same,
	    n);
	if (first < n)
		check_true(f->tally, first > 0 && margin < NEAR_TIE && again[first].best[1].id == want[first],
		    "%s continuation: other at %zu, margin %.2g, second choice %s", name, first, margin,
		    again[first].best[1].id == want[first] ? "equal" : "other");
	free(again);
}

static json_t *
ids_of(const struct step *steps, size_t n)
{
	json_t *ids = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(ids, json_integer(steps[i].id));
	return ids;
}

json_t *
fixture_continuation(struct fixture *f, const char *name, const struct prompt *prompt, const int32_t *want, size_t n,
    const json_t *margins)
{
	struct step *steps = xcalloc(n + 1, sizeof *steps);
	size_t n_steps = take_steps(f, name, 0, steps, n), i = 0;
	double worst = 0;
	json_t *ids;

	for (; i < n_steps && steps[i].id == want[i]; i++)
		if (margins)
			worst = fmax(worst, fabs(steps[i].margin - json_number_value(json_array_get(margins, i))));
	check_true(f->tally, i == n || f->tally->bf16, "%s continuation: %zu of %zu tokens equal, margins max %.2g", name, i,
	    n, worst);
	if (f->tally->bf16)
		check_difference(f, name, prompt, steps, want, n, i, margins);
	else
		check_true(f->tally, worst <= 2 * TOLERANCE_LOGITS + 1e-4, "%s margins: max %.2g", name, worst);
	ids = ids_of(steps, n_steps);
	free(steps);
	return ids;
}

static void
check_all(struct fixture *f)
{
	check_images(f);
	check_prompts(f);
	check_sampling(f);
	check_tokenizer(f);
	check_program(f);
}

/* golden/NAME.json and, if it names a checkpoint, golden/NAME.safetensors and the folder of that checkpoint. */
static void
check_model(struct tally *t, char *folder, const char *name, const char *program, const char *gpu)
{
	char *json_path = xasprintf("%s/golden/%s.json", folder, name), *dir = NULL;
	char *array_path = xasprintf("%s/golden/%s.safetensors", folder, name);
	struct fixture f = { .tally = t, .folder = folder, .name = name, .program = program, .gpu = gpu,
		.json = json_load_file(json_path, JSON_ALLOW_NUL, NULL) };
	const char *checkpoint = json_string_value(json_object_get(f.json, "checkpoint"));
	struct error err = {0};

	t->what = name;
	if (!f.json)
		check_true(t, false, "%s is not JSON", json_path);
	if (checkpoint) {
		dir = xasprintf("%s/%s", folder, checkpoint);
		f.golden = checkpoint_open_file(array_path, &err);
		if (!f.golden)
			check_failed(t, array_path, &err);
		else if (fixture_open(&f, dir))
			check_all(&f);
	}
	fixture_close(&f);
	free(json_path);
	free(array_path);
	free(dir);
}

/* ---- folders */

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names of golden/NAME.json, sorted; the caller frees all. */
static char **
list_goldens(const char *dir, size_t *n)
{
	char **names = NULL;
	DIR *d = opendir(dir);
	struct dirent *e;

	*n = 0;
	while (d && (e = readdir(d))) {
		size_t length = strlen(e->d_name);

		if (length < 6 || strcmp(e->d_name + length - 5, ".json") != 0)
			continue;
		names = xreallocarray(names, *n + 1, sizeof *names);
		names[(*n)++] = xstrndup(e->d_name, length - 5);
	}
	if (d)
		closedir(d);
	if (*n > 1)
		qsort(names, *n, sizeof *names, compare_names);
	return names;
}

static void
check_folder(struct tally *t, char *folder, const char *program, const char *gpu)
{
	char *golden = xasprintf("%s/golden", folder), *expected = xasprintf("%s/expected.json", folder);
	size_t n;
	char **names = list_goldens(golden, &n);
	int before = t->n_checks;

	if (!gpu) {
		check_units(t, folder);
		check_common(t, folder);
	}
	for (size_t i = 0; i < n; i++) {
		check_model(t, folder, names[i], program, gpu);
		free(names[i]);
	}
	if (file_exists(expected))
		check_text_model(t, folder, gpu);
	t->what = folder;
	if (t->n_checks == before)
		check_true(t, false, "nothing to compare with: neither golden/*.json nor expected.json");
	free(names);
	free(golden);
	free(expected);
}

int
main(int argc, char **argv)
{
	struct tally t = {0};
	const char *program = NULL, *gpu = NULL;
	int first = 1;

	for (; first + 1 < argc && argv[first][0] == '-'; first += 2)
		*(strcmp(argv[first], "-p") == 0 ? &program : &gpu) = argv[first + 1];
	t.bf16 = gpu != NULL;
	if (argc <= first) {
		fprintf(stderr, "usage: conform [-p PROGRAM] [-g GPU] FOLDER …\n");
		return 2;
	}
	for (int i = first; i < argc; i++)
		check_folder(&t, argv[i], program, gpu);
	printf("%d checks, %d failed\n", t.n_checks, t.n_failed);
	return t.n_failed ? 1 : 0;
}
