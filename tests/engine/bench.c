/* bench.c: how fast is this engine on this machine? By hand, never a test.
 *
 *     bench [FOLDER [THREADS [PROMPT_TOKENS]]]
 *
 * Without a folder it writes a model of the demo's shape with random weights. Prints load, picture, first token of a
 * picture question, prefill and decoding.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "engine/engine.h"
#include "tiny.h"

static const struct tiny demo_shape = {
	.image_size = 224, .stored_image_size = 224, .patch_size = 14,
	.vision_hidden = 256, .vision_layers = 7, .vision_heads = 4, .vision_intermediate = 1024,
	.hidden = 256, .layers = 5, .heads = 4, .kv_heads = 2, .intermediate = 704, .vocab = 4103, .n_ctx = 1024,
	.type = DTYPE_BF16, .seed = 1,
};

static void
die(const struct error *err)
{
	fprintf(stderr, "bench: %s\n", err->what);
	exit(1);
}

/* n ids, a picture behind the first eight when the model can look. */
static struct prompt
make_prompt(const struct card_info *info, int n, const struct pixels *pixels)
{
	struct prompt p = {0};

	for (int i = 0; i < n; i++)
		ids_add(&p.ids, (i * 7 + 11) % (info->vocab_size - 1));
	if (pixels) {
		p.n_pictures = 1;
		p.pictures = xcalloc(1, sizeof *p.pictures);
		p.pictures[0].pos = 8;
		p.pictures[0].n_tokens = info->n_image_tokens;
		pixels_copy(&p.pictures[0].pixels, pixels);
	}
	return p;
}

static struct pixels
make_pixels(int size, uint64_t seed)
{
	uint8_t *rgb = xmalloc(3 * (size_t)size * (size_t)size);
	struct pixels p = {0};
	struct error err = {0};

	for (size_t i = 0; i < 3 * (size_t)size * (size_t)size; i++)
		rgb[i] = (uint8_t)(127 + 127 * tiny_random(&seed));
	if (pixels_make(&p, size, rgb, size, size, &err) != 0)
		die(&err);
	free(rgb);
	return p;
}

/* Milliseconds from the prompt to its first token. */
static double
first_token(struct context *ctx, const struct prompt *prompt, struct sampler *sampler)
{
	struct error err = {0};
	struct step step;
	int64_t begin = clock_ms();

	if (context_sync(ctx, prompt, NULL, NULL, &err) != 0 || context_step(ctx, sampler, 0, &step, &err) != 0)
		die(&err);
	return (double)(clock_ms() - begin);
}

static void
decode(struct context *ctx, struct sampler *sampler, int n)
{
	struct error err = {0};
	struct step step;
	int64_t begin = clock_ms(), took;

	for (int i = 0; i < n; i++)
		if (context_step(ctx, sampler, 0, &step, &err) != 0)
			die(&err);
	took = clock_ms() - begin;
	printf("decode: %d tokens after %d, %.1f tok/s\n", n, context_n_used(ctx) - n,
	    1000.0 * n / (double)(took ? took : 1));
}

static void
measure(struct engine *engine, const struct card_info *info, int n_prompt)
{
	struct sampling greedy = { .top_p = 1, .repeat_penalty = 1 };
	struct sampler *sampler = sampler_new(&greedy, info->vocab_size);
	struct error err = {0};
	struct context *ctx = context_new(engine, &err);
	int n_picture = info->text_only ? 0 : info->n_image_tokens, n_decode = 200;

	if (!ctx)
		die(&err);
	for (uint64_t i = 0; i < 5 && n_picture; i++) {
		struct pixels pixels = make_pixels(info->image_size, i + 1);
		struct prompt prompt = make_prompt(info, n_picture + 48, &pixels);

		printf("first token, new picture and 48 tokens: %.0f ms\n", first_token(ctx, &prompt, sampler));
		prompt_done(&prompt);
		pixels_done(&pixels);
	}
	for (int i = 0; i < 2; i++) {
		struct prompt prompt = make_prompt(info, n_prompt, NULL);
		double took;

		prompt.ids.at[0] = i;
		took = first_token(ctx, &prompt, sampler);
		printf("prefill: %d tokens, %.0f ms, %.0f tok/s\n", n_prompt, took,
		    1000.0 * n_prompt / (took > 0 ? took : 1));
		prompt_done(&prompt);
	}
	if (n_prompt + n_decode >= context_n_ctx(ctx))
		n_decode = context_n_ctx(ctx) - n_prompt - 1;
	decode(ctx, sampler, n_decode);
	sampler_free(sampler);
	context_free(ctx);
}

int
main(int argc, char **argv)
{
	char *written = argc > 1 && argv[1][0] ? NULL : tiny_write(&demo_shape);
	struct engine_options options = { .n_threads = argc > 2 ? atoi(argv[2]) : 0 };
	struct error err = {0};
	struct card *card = card_open(written ? written : argv[1], &err);
	int64_t begin = clock_ms();
	struct engine *engine = card ? engine_open(card, &options, NULL, &err) : NULL;

	if (!engine)
		die(&err);
	printf("%s\nload: %d ms\n", engine_device(engine), (int)(clock_ms() - begin));
	measure(engine, card_info(card), argc > 3 ? atoi(argv[3]) : 300);
	engine_free(engine);
	card_free(card);
	if (written)
		tiny_remove(written);
	return 0;
}
