/* conform_text.c: a text model against its expected.json. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "conform.h"

static bool
listed(const json_t *list, size_t i)
{
	for (size_t k = 0; k < json_array_size(list); k++)
		if ((size_t)json_integer_value(json_array_get(list, k)) == i)
			return true;
	return false;
}

/* Fed with the expected ids, so that a near tie, which is listed, does not end the comparison. */
static void
check_text(struct fixture *f, const json_t *golden)
{
	struct error err = {0};
	size_t n_prompt, n, n_equal = 0, n_ties = 0;
	int32_t *ids = json_ints(json_object_get(golden, "prompt_ids"), &n_prompt);
	int32_t *want = json_ints(json_object_get(golden, "new_ids"), &n);
	int32_t *all = xcalloc(n_prompt + n + 1, sizeof *all);
	struct prompt prompt = { .ids = { all, n_prompt, n_prompt + n } };
	struct sampling greedy = { .top_p = 1, .repeat_penalty = 1 };
	struct sampler *s = sampler_new(&greedy, card_info(f->card)->vocab_size);
	struct step step = {0};
	int n_best = f->tally->bf16 ? 2 : 0;

	memcpy(all, ids, n_prompt * sizeof *all);
	for (size_t i = 0; i < n; i++) {
		if ((i == 0 || step.id != want[i - 1]) && context_sync(f->context, &prompt, NULL, NULL, &err) != 0)
			break;
		if (context_step(f->context, s, n_best, &step, &err) != 0)
			break;
		n_equal += step.id == want[i];
		n_ties += step.id != want[i] && (listed(json_object_get(golden, "margin_below_0_05"), i) ||
		    (n_best && step.margin < NEAR_TIE && step.best[1].id == want[i]));
		all[prompt.ids.n++] = want[i];
	}
	check_true(f->tally, n_equal + n_ties == n, "\"%s\": %zu of %zu tokens equal, %zu at near ties",
	    json_string_value(json_object_get(golden, "prompt")), n_equal, n, n_ties);
	sampler_free(s);
	free(ids);
	free(want);
	free(all);
}

static void
check_first_logits(struct fixture *f)
{
	size_t n, n_want;
	int32_t *ids = json_ints(json_object_get(f->json, "logits_prompt_ids"), &n);
	const json_t *want = json_object_get(f->json, "last_logits_first_16");
	struct prompt prompt = { .ids = { ids, n, n } };
	struct error err = {0};
	float first[64];

	n_want = json_array_size(want) < 64 ? json_array_size(want) : 64;
	for (size_t i = 0; i < n_want; i++)
		first[i] = (float)json_number_value(json_array_get(want, i));
	if (context_sync(f->context, &prompt, NULL, NULL, &err) != 0)
		check_failed(f->tally, "logits", &err);
	else
		check_near(f->tally, "first logits", context_logits(f->context, &err), first, n_want, TOLERANCE_LOGITS,
		    fixture_relative(f));
	free(ids);
}

void
check_text_model(struct tally *t, char *folder, const char *gpu)
{
	char *path = xasprintf("%s/expected.json", folder);
	struct fixture f = { .tally = t, .folder = folder, .gpu = gpu, .json = json_load_file(path, 0, NULL) };
	const json_t *list = json_object_get(f.json, "greedy");

	t->what = folder;
	if (fixture_open(&f, folder)) {
		check_first_logits(&f);
		for (size_t i = 0; i < json_array_size(list); i++)
			check_text(&f, json_array_get(list, i));
	}
	fixture_close(&f);
	free(path);
}
