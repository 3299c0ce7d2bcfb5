/* bed.h: a tiny model on disk, opened, with one context, and prompts for it: what tests of timelines begin with. */
#ifndef TESTS_BED_H
#define TESTS_BED_H

#include "engine/engine.h"
#include "tiny.h"

struct bed {
	struct tiny shape;
	char *dir;
	struct card *card;
	struct engine *engine;
	struct context *ctx;
};

void
assert_ok(int rc, const struct error *err);

void
bed_init(struct bed *b, const struct tiny *shape, int n_threads);
void
bed_done(struct bed *b);

/* A picture of noise that depends on seed. */
struct pixels
pixels_of(const struct bed *b, uint64_t seed);

/* n text ids that depend on seed. */
void
add_text(struct prompt *p, const struct bed *b, int n, uint64_t seed);
void
add_picture(struct prompt *p, const struct bed *b, uint64_t seed);

struct sync_report
sync_ok(struct context *ctx, const struct prompt *p);

struct sampler *
greedy(const struct bed *b);

#endif
