/* conform.h: what the files of the conformance program share. See conform.c. */
#ifndef TESTS_CONFORM_H
#define TESTS_CONFORM_H

#include "engine/engine.h"
#include "engine/running.h"
#include "golden.h"

/* For a float32 engine: the fixtures' README. */
#define TOLERANCE_PIXELS 1e-6
#define TOLERANCE_STATES 1e-4
#define TOLERANCE_LOGITS 1e-3
#define TOLERANCE_UNIT 1e-5
#define TOLERANCE_PROBS 1e-4
/* For one that computes in bfloat16, relative: states; logits of a checkpoint in bfloat16, and of another, whose weights
 * are rounded as well; and how close two logits may lie for either to be chosen. */
#define RELATIVE_STATES 0.02
#define RELATIVE_LOGITS 0.03
#define RELATIVE_LOGITS_ROUNDED 0.06
#define NEAR_TIE 0.5

/* One checkpoint and its goldens. */
struct fixture {
	struct tally *tally;
	char *folder;                   /* of all fixtures */
	const char *name;
	const char *program;            /* NULL: only the library is compared */
	const char *gpu;                /* numbers, "0" or "0,1"; NULL: the CPU computes */
	json_t *json;
	struct checkpoint *golden;
	struct card *card;
	struct engine *engine;
	struct context *context;
};

/* Opens card, engine and context of a model folder; fixture_close takes half-open ones. */
bool
fixture_open(struct fixture *f, const char *dir);
void
fixture_close(struct fixture *f);

/* The square that the tower sees: the golden's own where it has it, else decoded from the file. */
bool
fixture_pixels(struct fixture *f, const char *name, struct pixels *out);

/* Of logits, when the engine computes in bfloat16. */
double
fixture_relative(const struct fixture *f);

/* Greedy steps against golden ids; where margins are listed, ours must agree with them. In bfloat16 the first difference
 * may stand at a near tie with the golden id as the second choice. Gives our ids. */
json_t *
fixture_continuation(struct fixture *f, const char *name, const struct prompt *prompt, const int32_t *want, size_t n,
    const json_t *margins);

/* The checks, each of them over whatever the fixture has. */
void
check_units(struct tally *t, const char *folder);       /* conform_units.c */
void
check_common(struct tally *t, const char *folder);
void
check_images(struct fixture *f);                        /* conform_images.c */
void
check_prompts(struct fixture *f);                       /* conform_prompts.c */
void
check_sampling(struct fixture *f);
void
check_tokenizer(struct fixture *f);
void
check_program(struct fixture *f);                       /* conform_program.c */
void
check_text_model(struct tally *t, char *folder, const char *gpu);        /* conform_text.c */

#endif
