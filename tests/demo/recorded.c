/* recorded.c: the engine on the model that comes with the program, against what the PyTorch code that trained it recorded
 * (share/demo/golden.py): the visual embeddings of two pictures, and 13 conversations, prompt ids, first logits and
 * answer ids. A step whose two best logits lie closer than CLOSE_CALL may fall either way: there a turn's comparison ends. */
#include "config.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "engine/checkpoint.h"
#include "engine/engine.h"
#include "engine/running.h"
#include "picture/picture.h"
#include "tests/engine/gpulist.h"

#define TOLERANCE_VISUAL 1e-3
#define TOLERANCE_LOGITS 2e-3
#define CLOSE_CALL 0.05
/* On a GPU, in bfloat16: relative errors, and how close two logits may lie for either to be chosen. */
#define RELATIVE_VISUAL 0.02
#define RELATIVE_LOGITS 0.06
#define NEAR_TIE 0.5
#define MAX_TURNS 8
#define MAX_PICTURES 4

struct bed {
	const char *srcdir;
	struct card *card;
	struct engine *engine;
	struct context *ctx;
	bool gpu;               /* $IVCHAT_TEST_GPU computes */
	int n_steps;            /* answer tokens compared */
};

/* A conversation on its way: what was said, with the recorded answers, not ours. */
struct past {
	struct turn turns[2 * MAX_TURNS];
	int n;
	struct pixels pixels[MAX_PICTURES];
	const struct pixels *lent[MAX_PICTURES];
	int n_pixels, n_used;
};

static void
assert_ok(int failed, const struct error *err)
{
	if (failed)
		fail_msg("%s", err->what);
}

static void
assert_close(const char *what, size_t i, double got, double want, double tolerance)
{
	if (!(fabs(got - want) <= tolerance))
		fail_msg("%s, value %zu: %.6f, recorded %.6f", what, i, got, want);
}

/* n values: on the CPU each of them, on a GPU their relative error. */
static void
assert_near(const struct bed *b, const char *what, const float *got, const float *want, size_t n, double tolerance,
    double relative)
{
	double wrong = 0, all = 0;

	for (size_t i = 0; i < n; i++) {
		wrong += ((double)got[i] - want[i]) * ((double)got[i] - want[i]);
		all += (double)want[i] * want[i];
		if (!b->gpu)
			assert_close(what, i, got[i], want[i], tolerance);
	}
	if (b->gpu && !(sqrt(wrong) <= relative * sqrt(all)))
		fail_msg("%s: relative error %.4f of %zu values", what, sqrt(wrong / all), n);
}

static int
open_bed(void **state)
{
	struct bed *b = xcalloc(1, sizeof *b);
	const char *gpu = getenv("IVCHAT_TEST_GPU");
	struct engine_options options = {.n_threads = 2};
	struct error err = {0};
	char *dir;

	b->srcdir = getenv("srcdir") ? getenv("srcdir") : ".";
	dir = xasprintf("%s/share/model", b->srcdir);
	*state = b;
	b->gpu = gpu != NULL;
	take_gpus(&options, gpu);
	b->card = card_open(dir, &err);
	free(dir);
	if (b->card)
		b->engine = engine_open(b->card, &options, NULL, &err);
	if (b->engine)
		b->ctx = context_new(b->engine, &err);
	if (!b->ctx)
		print_error("%s\n", err.what);
	return b->ctx ? 0 : -1;
}

static int
close_bed(void **state)
{
	struct bed *b = *state;

	context_free(b->ctx);
	engine_free(b->engine);
	card_free(b->card);
	free(b);
	return 0;
}

/* ---- the tower and the projector */

static void
read_square(const struct bed *b, const char *name, struct pixels *out)
{
	char *path = xasprintf("%s/tests/demo/%s", b->srcdir, name);
	struct picture p = {0};
	struct error err = {0};

	assert_ok(picture_open(&p, path, ORIENT_APPLY, &err), &err);
	assert_ok(pixels_make(out, card_info(b->card)->image_size, p.rgb, p.width, p.height, &err), &err);
	picture_done(&p);
	free(path);
}

/* The file, decoded and resized here, against what Pillow made of it: decoders of JPEG may differ in the last bit. */
static void
check_square(const struct bed *b, const char *name, const struct pixels *want)
{
	char *path = xasprintf("pictures/%s", name);
	size_t n = 3 * (size_t)want->size * (size_t)want->size;
	struct pixels got = {0};

	read_square(b, path, &got);
	assert_int_equal(got.size, want->size);
	for (size_t i = 0; i < n; i++)
		assert_close(name, i, got.rgb[i], want->rgb[i], 2);
	pixels_done(&got);
	free(path);
}

static void
check_embeds(struct bed *b, const char *name, const struct pixels *pixels, const struct tensor *want)
{
	struct backend *backend = b->engine->backend;
	size_t n = (size_t)tensor_count(want);
	struct error err = {0};
	struct device_buffer *rows = backend->ops->buffer_new(backend, n, &err);
	float *got = xcalloc(n, sizeof *got);

	assert_int_equal(want->shape[0], card_info(b->card)->n_image_tokens);
	assert_ok(vision_run(&b->engine->vision, pixels, rows, NULL, &err), &err);
	backend->ops->download(backend, got, rows, 0, n);
	assert_near(b, name, got, want->data, n, TOLERANCE_VISUAL, RELATIVE_VISUAL);
	backend->ops->buffer_free(backend, rows);
	free(got);
}

static void
check_picture(struct bed *b, const struct checkpoint *golden, const char *name)
{
	char *rgb_name = xasprintf("%s.rgb", name), *embeds_name = xasprintf("%s.embeds", name);
	const struct stored *rgb = checkpoint_find(golden, rgb_name), *embeds = checkpoint_find(golden, embeds_name);
	struct pixels pixels = {0};

	assert_non_null(rgb);
	assert_non_null(embeds);
	pixels.size = (int)rgb->view.shape[0];
	pixels.rgb = xcalloc((size_t)tensor_count(&rgb->view), 1);
	memcpy(pixels.rgb, rgb->view.data, (size_t)tensor_count(&rgb->view));
	check_square(b, name, &pixels);
	check_embeds(b, name, &pixels, &embeds->view);
	pixels_done(&pixels);
	free(rgb_name);
	free(embeds_name);
}

static void
sees_as_recorded(void **state)
{
	struct bed *b = *state;
	char *path = xasprintf("%s/tests/demo/visual.safetensors", b->srcdir);
	struct error err = {0};
	struct checkpoint *golden = checkpoint_open_file(path, &err);
	int n = 0;

	assert_ok(!golden, &err);
	for (int i = 0; i < checkpoint_n_tensors(golden); i++) {
		const char *name = checkpoint_at(golden, i)->name, *end = strstr(name, ".embeds");
		char *picture = end ? xstrndup(name, (size_t)(end - name)) : NULL;

		if (picture)
			check_picture(b, golden, picture);
		n += picture != NULL;
		free(picture);
	}
	assert_int_equal(n, 2);
	checkpoint_close(golden);
	free(path);
}

/* ---- conversations */

static void
say(struct past *p, enum role role, const char *text, int n_pictures)
{
	assert_true(p->n < 2 * MAX_TURNS && p->n_used + n_pictures <= p->n_pixels);
	p->turns[p->n++] = (struct turn){role, text, strlen(text), p->lent + p->n_used, n_pictures};
	p->n_used += n_pictures;
}

static void
check_ids(const json_t *want, const struct ids *got, const char *question)
{
	if (got->n != json_array_size(want))
		fail_msg("'%s': a prompt of %zu ids, recorded %zu", question, got->n, json_array_size(want));
	for (size_t i = 0; i < got->n; i++)
		if (json_integer_value(json_array_get(want, i)) != got->at[i])
			fail_msg("'%s': id %zu of the prompt is %d", question, i, got->at[i]);
}

/* The first 32 logits, and the five best wherever they lie. Turns without pictures have none recorded. */
static void
check_logits(struct bed *b, const json_t *turn)
{
	const json_t *first = json_object_get(turn, "first_logits"), *best = json_object_get(turn, "first_best"), *value;
	const char *question = json_string_value(json_object_get(turn, "question"));
	struct error err = {0};
	const float *got = context_logits(b->ctx, &err);
	float ours[64], theirs[64];
	size_t i, n = 0;

	assert_ok(!got, &err);
	json_array_foreach(first, i, value) {
		ours[n] = got[i];
		theirs[n++] = (float)json_number_value(value);
		assert_true(n < 48);
	}
	json_array_foreach(best, i, value) {
		ours[n] = got[json_integer_value(json_array_get(value, 0))];
		theirs[n++] = (float)json_number_value(json_array_get(value, 1));
		assert_true(n < 64);
	}
	assert_near(b, question, ours, theirs, n, TOLERANCE_LOGITS, RELATIVE_LOGITS);
}

static void
check_answer(struct bed *b, const json_t *turn)
{
	const json_t *ids = json_object_get(turn, "answer_ids"), *gaps = json_object_get(turn, "gaps"), *id;
	const struct sampling greedy = {.temp = 0, .top_p = 1, .repeat_penalty = 1};
	struct sampler *sampler = sampler_new(&greedy, card_info(b->card)->vocab_size);
	struct error err = {0};
	struct step step;
	size_t i;

	json_array_foreach(ids, i, id) {
		if (json_number_value(json_array_get(gaps, i)) < CLOSE_CALL)
			break;
		assert_ok(context_step(b->ctx, sampler, 0, &step, &err), &err);
		if (b->gpu && step.id != json_integer_value(id) && json_number_value(json_array_get(gaps, i)) < NEAR_TIE)
			break;
		if (step.id != json_integer_value(id))
			fail_msg("'%s': token %zu of the answer is %d, recorded %d",
			    json_string_value(json_object_get(turn, "question")), i, step.id,
			    (int)json_integer_value(id));
		b->n_steps++;
	}
	sampler_free(sampler);
}

static void
check_turn(struct bed *b, struct past *past, const json_t *turn)
{
	const char *question = json_string_value(json_object_get(turn, "question"));
	struct prompt prompt = {0};
	struct error err = {0};

	say(past, ROLE_USER, question, (int)json_integer_value(json_object_get(turn, "pictures")));
	assert_ok(prompt_build(&prompt, b->card, NULL, past->turns, past->n, PICTURES_FIRST, &err), &err);
	check_ids(json_object_get(turn, "prompt_ids"), &prompt.ids, question);
	assert_ok(context_sync(b->ctx, &prompt, NULL, NULL, &err), &err);
	check_logits(b, turn);
	check_answer(b, turn);
	say(past, ROLE_ANSWER, json_string_value(json_object_get(turn, "answer")), 0);
	prompt_done(&prompt);
}

static void
check_conversation(struct bed *b, const json_t *conversation)
{
	const json_t *files = json_object_get(conversation, "files"), *turns = json_object_get(conversation, "turns"), *item;
	struct past past = {0};
	size_t i;

	assert_true(json_array_size(files) <= MAX_PICTURES);
	json_array_foreach(files, i, item) {
		read_square(b, json_string_value(item), &past.pixels[i]);
		past.lent[i] = &past.pixels[i];
		past.n_pixels++;
	}
	json_array_foreach(turns, i, item)
		check_turn(b, &past, item);
	for (int k = 0; k < past.n_pixels; k++)
		pixels_done(&past.pixels[k]);
}

static void
answers_as_recorded(void **state)
{
	struct bed *b = *state;
	char *path = xasprintf("%s/tests/demo/conversations.json", b->srcdir);
	json_t *all = json_load_file(path, 0, NULL), *list = json_object_get(all, "conversations"), *conversation;
	size_t i;

	assert_int_equal(json_array_size(list), 13);
	json_array_foreach(list, i, conversation)
		check_conversation(b, conversation);
	print_message("%d tokens compared\n", b->n_steps);
	assert_true(b->n_steps > 400);
	json_decref(all);
	free(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sees_as_recorded),
		cmocka_unit_test(answers_as_recorded),
	};

	return cmocka_run_group_tests_name("demo model", tests, open_bed, close_bed);
}
