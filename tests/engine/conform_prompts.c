/* conform_prompts.c: from text to ids, from ids to logits, from logits to the distribution that is drawn from. */
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "conform.h"
#include "engine/cpu/cpu.h"
#include "engine/decoder.h"
#include "engine/sampler.h"

/* ---- ids */

/* Ids and pictures as the golden has them: the k-th run of n_image_tokens contexts is the k-th picture's. */
static bool
make_prompt(struct fixture *f, const json_t *golden, struct prompt *out)
{
	const json_t *images = json_object_get(golden, "images");
	const json_t *added = json_object_get(f->json, "added");
	int32_t context_id = (int32_t)json_integer_value(json_object_get(added, "<IMG_CONTEXT>"));
	size_t n, pos = 0;
	int32_t *ids = json_ints(json_object_get(golden, "input_ids"), &n);

	memset(out, 0, sizeof *out);
	out->ids = (struct ids){ ids, n, n };
	out->n_pictures = (int)json_array_size(images);
	out->pictures = xcalloc((size_t)out->n_pictures + 1, sizeof *out->pictures);
	for (int i = 0; i < out->n_pictures; i++) {
		struct prompt_picture *p = &out->pictures[i];

		while (pos < n && ids[pos] != context_id)
			pos++;
		p->pos = pos;
		p->n_tokens = card_info(f->card)->n_image_tokens;
		pos += (size_t)p->n_tokens;
		if (!fixture_pixels(f, json_string_value(json_array_get(images, (size_t)i)), &p->pixels))
			return false;
	}
	return true;
}

static bool
same_ids(const struct ids *a, const struct ids *b)
{
	return a->n == b->n && (a->n == 0 || memcmp(a->at, b->at, a->n * sizeof *a->at) == 0);
}

/* The conversation as the official chat() was given it: earlier rounds, then the question. */
static int
make_turns(const json_t *golden, struct turn *turns)
{
	const json_t *history = json_object_get(golden, "history"), *question = json_object_get(golden, "question");
	int n = 0;

	for (size_t i = 0; i < json_array_size(history); i++)
		for (size_t side = 0; side < 2; side++) {
			const json_t *text = json_array_get(json_array_get(history, i), side);

			turns[n++] = (struct turn){ .role = side ? ROLE_ANSWER : ROLE_USER,
				.text = json_string_value(text), .text_n = json_string_length(text) };
		}
	turns[n++] = (struct turn){ .role = ROLE_USER, .text = json_string_value(question),
		.text_n = json_string_length(question) };
	return n;
}

/* prompt_build must arrive at the golden's ids from the conversation. */
static void
check_assembly(struct fixture *f, const char *name, const json_t *golden, const struct prompt *want)
{
	struct turn *turns = xcalloc(2 * json_array_size(json_object_get(golden, "history")) + 1, sizeof *turns);
	const struct pixels **pixels = xcalloc((size_t)want->n_pictures + 1, sizeof *pixels);
	int n = make_turns(golden, turns);
	struct prompt got = {0};
	struct error err = {0};

	for (int i = 0; i < want->n_pictures; i++)
		pixels[i] = &want->pictures[i].pixels;
	turns[0].pixels = pixels;
	turns[0].n_pixels = want->n_pictures;
	if (prompt_build(&got, f->card, NULL, turns, n, PICTURES_REFERENCE, &err) != 0)
		check_failed(f->tally, name, &err);
	else
		check_true(f->tally, same_ids(&got.ids, &want->ids), "%s assembled: ids equal", name);
	prompt_done(&got);
	free(pixels);
	free(turns);
}

/* The tokenizer against the golden's ids, from the text that the official code made. */
static void
check_ids(struct fixture *f, const char *name, const json_t *golden, const struct prompt *want)
{
	const json_t *text = json_object_get(golden, "prompt_text");
	struct ids ids = {0};

	tokenizer_encode(card_tokenizer(f->card), json_string_value(text), json_string_length(text), true, &ids);
	check_true(f->tally, same_ids(&ids, &want->ids), "%s text: ids equal (%zu)", name, ids.n);
	ids_done(&ids);
	check_assembly(f, name, golden, want);
}

/* The golden continuation, streamed, is the official reply. */
static void
check_reply(struct fixture *f, const char *name, const json_t *golden, const int32_t *ids, size_t n)
{
	const json_t *want = json_object_get(golden, "response_stripped");
	struct buf got = {0};
	struct stream s;

	stream_init(&s, card_tokenizer(f->card));
	for (size_t i = 0; i < n; i++)
		stream_push(&s, ids[i], &got);
	stream_finish(&s, &got);
	check_true(f->tally, got.n == json_string_length(want) &&
	    memcmp(buf_text(&got), json_string_value(want), got.n) == 0, "%s reply: text equal (%zu bytes)", name, got.n);
	buf_done(&got);
}

/* ---- hidden states */

/* Rows of pictures that stand in [begin, end) → x at their places, whose ids become negative. */
static bool
put_pictures(struct fixture *f, struct decoder_work *w, const struct prompt *prompt, int32_t *ids, int begin, int end)
{
	size_t width = (size_t)f->engine->model.hp.llm.hidden_size;
	struct error err = {0};
	bool computed;

	for (int i = 0; i < prompt->n_pictures; i++) {
		const struct prompt_picture *p = &prompt->pictures[i];
		const struct device_buffer *rows = engine_rows(f->engine, &p->pixels, NULL, &computed, &err);

		if (!rows)
			return check_failed(f->tally, "picture", &err);
		for (int k = 0; k < p->n_tokens; k++) {
			int at = (int)p->pos + k;

			if (at < begin || at >= end)
				continue;
			ids[at] = -1;
			w->backend->ops->copy(w->backend, w->x, (size_t)(at - begin) * width, rows, (size_t)k * width, width);
		}
	}
	return true;
}

static void
take_last_row(struct decoder_work *w, int n, float *out)
{
	size_t width = (size_t)w->model->hp.llm.hidden_size;

	w->backend->ops->download(w->backend, out, w->x, (size_t)(n - 1) * width, width);
}

/* The last position's row: embedding, every layer, final norm. The rows before `begin` are done. */
static void
run_hidden(struct decoder_work *w, const int32_t *ids, int begin, int n, float *out)
{
	const struct llm_hparams *hp = &w->model->hp.llm;
	size_t width = (size_t)hp->hidden_size;
	struct backend *cpu = cpu_backend_new(1, NULL);

	decoder_embed(w, ids + begin, n - begin, begin);
	take_last_row(w, n - begin, out);
	for (int i = 0; i < hp->n_layers; i++) {
		decoder_layer(w, i);
		out += width;
		take_last_row(w, n - begin, out);
	}
	cpu_rms_norm(cpu_of(cpu), out + width, width, out, width, &w->model->decoder.norm, 1, (int)width,
	    hp->norm_eps);
	cpu->ops->free(cpu);
}

/* A chunk that is not the last. */
static void
run_before(struct decoder_work *w, const int32_t *ids, int begin, int end)
{
	decoder_embed(w, ids + begin, end - begin, begin);
	for (int i = 0; i < w->model->hp.llm.n_layers; i++)
		decoder_layer(w, i);
}

static void
check_hidden(struct fixture *f, const char *name, const struct prompt *prompt)
{
	struct golden want = golden_array(f->golden, "prompt.%s.hidden_last", name);
	const struct model *m = &f->engine->model;
	int n = (int)prompt->ids.n, chunk = n < CONTEXT_CHUNK ? n : CONTEXT_CHUNK, begin = 0;
	bool good;
	float *got = xcalloc((size_t)(m->hp.llm.n_layers + 2) * (size_t)m->hp.llm.hidden_size, sizeof *got);
	int32_t *ids = xcalloc((size_t)n, sizeof *ids);
	struct error err = {0};
	struct decoder_work w;
	char label[128];

	memcpy(ids, prompt->ids.at, (size_t)n * sizeof *ids);
	snprintf(label, sizeof label, "%s hidden_last", name);
	good = decoder_init(&w, f->engine->backend, m, n, chunk, &err) == 0 || check_failed(f->tally, name, &err);
	for (; want.at && good && begin + chunk < n; begin += chunk) {
		good = put_pictures(f, &w, prompt, ids, begin, begin + chunk);
		run_before(&w, ids, begin, begin + chunk);
	}
	if (want.at && good && put_pictures(f, &w, prompt, ids, begin, n)) {
		run_hidden(&w, ids, begin, n, got);
		/* in bfloat16 what leads to the logits is no nearer than they are */
		check_near(f->tally, label, got, want.at, want.n, TOLERANCE_STATES, fixture_relative(f));
	}
	decoder_done(&w);
	free(got);
	free(ids);
}

/* ---- logits and what follows */

static void
check_logits(struct fixture *f, const char *name, const struct prompt *prompt)
{
	struct golden want = golden_array(f->golden, "prompt.%s.logits", name);
	struct error err = {0};
	const float *got = NULL;
	char label[128];

	snprintf(label, sizeof label, "%s logits", name);
	if (context_sync(f->context, prompt, NULL, NULL, &err) == 0)
		got = context_logits(f->context, &err);
	if (!got)
		check_failed(f->tally, label, &err);
	else if (want.at)
		check_near(f->tally, label, got, want.at, want.n, TOLERANCE_LOGITS, fixture_relative(f));
}

static void
check_prompt(struct fixture *f, const char *name, const json_t *golden)
{
	struct prompt prompt;
	size_t n;
	int32_t *ids = json_ints(json_object_get(golden, "continuation"), &n);

	if (make_prompt(f, golden, &prompt)) {
		check_ids(f, name, golden, &prompt);
		check_hidden(f, name, &prompt);
		check_logits(f, name, &prompt);
		json_object_set_new((json_t *)(uintptr_t)golden, "ours",
		    fixture_continuation(f, name, &prompt, ids, n, json_object_get(golden, "margins")));
		check_reply(f, name, golden, ids, n);
	}
	prompt_done(&prompt);
	free(ids);
}

void
check_prompts(struct fixture *f)
{
	const char *name;
	json_t *golden;

	json_object_foreach(json_object_get(f->json, "prompts"), name, golden)
		check_prompt(f, name, golden);
}

/* ---- sampling */

static double
number(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

static double
prob_of(const struct drawable *d, json_int_t id)
{
	for (int i = 0; i < d->n; i++)
		if (d->ids[i] == id)
			return d->probs[i];
	return 0;
}

static void
check_sampling_case(struct fixture *f, const json_t *golden, int index)
{
	const char *prompt = json_string_value(json_object_get(golden, "prompt"));
	struct golden logits = golden_array(f->golden, "prompt.%s.logits", prompt);
	const json_t *ids = json_object_get(golden, "ids"), *probs = json_object_get(golden, "probs");
	struct sampling how = { (float)number(golden, "temperature"), (float)number(golden, "top_p"),
		(int)number(golden, "top_k"), (float)number(golden, "repetition_penalty"), 1 };
	struct sampler *s = sampler_new(&how, card_info(f->card)->vocab_size);
	struct drawable d = sampler_filter(s, logits.at);
	double worst = 0;

	for (size_t i = 0; i < json_array_size(ids); i++)
		worst = fmax(worst, fabs(prob_of(&d, json_integer_value(json_array_get(ids, i))) -
		    json_number_value(json_array_get(probs, i))));
	check_true(f->tally, d.n == (int)number(golden, "kept") && worst <= TOLERANCE_PROBS,
	    "sampling %d: %d kept of %d, probabilities max %.2g", index, d.n, (int)number(golden, "kept"), worst);
	sampler_free(s);
}

void
check_sampling(struct fixture *f)
{
	const json_t *list = json_object_get(f->json, "sampling");

	for (size_t i = 0; i < json_array_size(list); i++)
		check_sampling_case(f, json_array_get(list, i), (int)i);
}

/* ---- tokenizer rows */

static bool
same_row(const struct tokenizer *t, const void *text, size_t n, const json_t *want)
{
	struct ids got = {0}, ids = {0};
	bool same;

	ids.at = json_ints(want, &ids.n);
	tokenizer_encode(t, text, n, false, &got);
	same = same_ids(&got, &ids);
	ids_done(&got);
	ids_done(&ids);
	return same;
}

static size_t
unhex(const char *text, unsigned char *out)
{
	size_t n = strlen(text) / 2;

	for (size_t i = 0; i < n; i++)
		out[i] = (unsigned char)strtoul((const char[]){ text[2 * i], text[2 * i + 1], 0 }, NULL, 16);
	return n;
}

/* tokenizers/NAME.json: every string, and every malformed one, to its ids. */
void
check_tokenizer(struct fixture *f)
{
	const struct tokenizer *t = card_tokenizer(f->card);
	char *path = xasprintf("%s/tokenizers/%s.json", f->folder, f->name);
	json_t *root = json_load_file(path, JSON_ALLOW_NUL, NULL), *row;
	size_t i, n = 0, n_same = 0;

	json_array_foreach(json_object_get(root, "strings"), i, row) {
		const json_t *text = json_object_get(row, "text"), *ids = json_object_get(row, "ids");

		n_same += same_row(t, json_string_value(text), json_string_length(text), ids);
		n++;
	}
	json_array_foreach(json_object_get(root, "raw"), i, row) {
		const char *hex = json_string_value(json_object_get(row, "hex"));
		unsigned char *bytes = xcalloc(strlen(hex) / 2 + 1, 1);

		n_same += same_row(t, bytes, unhex(hex, bytes), json_object_get(row, "ids"));
		n++;
		free(bytes);
	}
	if (file_exists(path))
		check_true(f->tally, root && n_same == n, "tokenizer: %zu of %zu rows equal", n_same, n);
	json_decref(root);
	free(path);
}
