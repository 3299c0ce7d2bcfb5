/* bed.c: see bed.h. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "bed.h"

void
assert_ok(int rc, const struct error *err)
{
	if (rc != 0)
		fail_msg("%s", err->what);
}

void
bed_init(struct bed *b, const struct tiny *shape, int n_threads)
{
	struct engine_options options = { .n_threads = n_threads };
	struct error err = {0};

	b->shape = *shape;
	b->dir = tiny_write(shape);
	b->card = card_open(b->dir, &err);
	assert_ok(!b->card, &err);
	b->engine = engine_open(b->card, &options, NULL, &err);
	assert_ok(!b->engine, &err);
	b->ctx = context_new(b->engine, &err);
	assert_ok(!b->ctx, &err);
}

void
bed_done(struct bed *b)
{
	context_free(b->ctx);
	engine_free(b->engine);
	card_free(b->card);
	tiny_remove(b->dir);
}

struct pixels
pixels_of(const struct bed *b, uint64_t seed)
{
	int size = b->shape.image_size;
	uint8_t *rgb = xmalloc(3 * (size_t)(size * size));
	struct pixels p = {0};
	struct error err = {0};

	for (int i = 0; i < 3 * size * size; i++)
		rgb[i] = (uint8_t)(128 + 127 * tiny_random(&seed));
	assert_ok(pixels_make(&p, size, rgb, size, size, &err), &err);
	free(rgb);
	return p;
}

void
add_text(struct prompt *p, const struct bed *b, int n, uint64_t seed)
{
	for (int i = 0; i < n; i++)
		ids_add(&p->ids, (int32_t)((tiny_random(&seed) + 1) / 2 * (float)(b->shape.vocab - 2)));
}

void
add_picture(struct prompt *p, const struct bed *b, uint64_t seed)
{
	struct prompt_picture picture = { .pos = p->ids.n, .n_tokens = card_info(b->card)->n_image_tokens,
		.pixels = pixels_of(b, seed) };

	for (int i = 0; i < picture.n_tokens; i++)
		ids_add(&p->ids, tiny_context_id(&b->shape));
	p->pictures = xreallocarray(p->pictures, (size_t)p->n_pictures + 1, sizeof picture);
	p->pictures[p->n_pictures++] = picture;
}

struct sync_report
sync_ok(struct context *ctx, const struct prompt *p)
{
	struct sync_report report;
	struct error err = {0};

	assert_ok(context_sync(ctx, p, NULL, &report, &err), &err);
	assert_int_equal(context_n_used(ctx), p->ids.n);
	return report;
}

struct sampler *
greedy(const struct bed *b)
{
	struct sampling how = { .top_p = 1, .repeat_penalty = 1 };

	return sampler_new(&how, b->shape.vocab);
}
