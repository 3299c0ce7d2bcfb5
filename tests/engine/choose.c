/* choose.c: which cards and which kind of weights are taken, by the bytes that the true model's shapes imply and by what
 * cards of usual sizes have free. Pure: no card is touched. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/choose.h"
#include "engine/hparams.h"

#define GB 1000000000LL
#define TAKEN (600 * GB / 1000)         /* of a card by the driver's own hold on it */
#define N_CTX 4096

/* Card sizes as they are sold, in bytes. */
#define CARD_24 (25769803776LL - TAKEN)
#define CARD_32 (34190917632LL - TAKEN)
#define CARD_48 (51539607552LL - TAKEN)
#define CARD_80 (85520809984LL - TAKEN)
#define CARD_141 (150754820096LL - TAKEN)

static struct model model;

static int
make_model(void **state)
{
	struct hparams hp;
	struct error err;

	(void)state;
	assert_int_equal(hparams_default(&hp, &err), 0);
	model_shape(&model, &hp);
	return 0;
}

static int
free_model(void **state)
{
	(void)state;
	model_done(&model);
	return 0;
}

static int
choose(struct choice *c, int n, long long free_bytes, const struct engine_options *o, int n_ctx, struct error *err)
{
	*err = (struct error){0};
	*c = (struct choice){ .n_gpus = n };
	for (int i = 0; i < n; i++) {
		c->gpus[i] = i;
		c->free[i] = free_bytes;
	}
	return choose_among(c, &model, o, n_ctx, err);
}

/* n cards, all that is left to auto: so many of them are taken, with such weights. */
static void
takes(int n, long long free_bytes, int n_taken, enum engine_quant quant)
{
	struct engine_options any = {0};
	struct choice c;
	struct error err;

	if (choose(&c, n, free_bytes, &any, N_CTX, &err) != 0)
		fail_msg("%d cards with %lld bytes: %s", n, free_bytes, err.what);
	if (c.n_gpus != n_taken || c.quant != quant)
		fail_msg("%d cards with %lld bytes: %d of them, quant %d", n, free_bytes, c.n_gpus, (int)c.quant);
	for (int i = 0; i < c.n_gpus; i++)
		assert_true(c.load[i].weights + c.load[i].kv + c.load[i].work + CHOOSE_MARGIN <= free_bytes);
}

static void
cards_of_usual_sizes(void **state)
{
	(void)state;
	takes(1, CARD_141, 1, ENGINE_BF16);
	takes(1, CARD_80, 1, ENGINE_BF16);
	takes(1, CARD_48, 1, ENGINE_INT8);
	takes(1, CARD_32, 1, ENGINE_INT4);
}

/* More cards are better than fewer bits. */
static void
several_cards(void **state)
{
	(void)state;
	takes(8, CARD_141, 1, ENGINE_BF16);
	takes(2, CARD_48, 2, ENGINE_BF16);
	takes(4, CARD_24, 4, ENGINE_BF16);
	takes(3, CARD_24, 3, ENGINE_INT8);
	takes(2, CARD_24, 2, ENGINE_INT4);
}

static void
a_card_of_24_gb_is_refused(void **state)
{
	struct engine_options any = {0};
	struct choice c;
	struct error err;

	(void)state;
	assert_int_equal(choose(&c, 1, CARD_24, &any, N_CTX, &err), -1);
	assert_int_equal(err.code, CODE_MEMORY);
	assert_non_null(strstr(err.what, "does not fit: in int4, with 4096 tokens, it takes 3"));
	assert_string_equal(err.hint, "2 GPUs with as much free, or --gpus none, on the CPU");
	assert_int_equal(c.n_gpus, 1);          /* the plan shows what it would have to hold */
	assert_true(c.load[0].weights > CARD_24);
}

static void
what_would_fit_is_told(void **state)
{
	struct engine_options bf16 = { .quant = ENGINE_BF16 };
	struct choice c;
	struct error err;
	struct card_load one;
	long long tight;

	(void)state;
	assert_int_equal(choose(&c, 1, CARD_48, &bf16, N_CTX, &err), -1);
	assert_string_equal(err.hint, "--quant int8, or 2 GPUs with as much free, or --gpus none, on the CPU");
	choose_loads(&model, ENGINE_BF16, 1000, 1, &one);
	tight = one.weights + one.kv + one.work + CHOOSE_MARGIN;
	assert_int_equal(choose(&c, 1, tight, &bf16, N_CTX, &err), -1);
	assert_non_null(strstr(err.hint, "--ctx 960"));         /* 1000 in whole 64s */
	assert_int_equal(choose(&c, 1, tight, &bf16, 960, &err), 0);
	assert_int_equal(choose(&c, 1, tight, &bf16, 1024, &err), -1);
}

/* Weights that lie packed are taken as they are, however much room there is, and nothing smaller is offered. */
static void
stored_weights_stay_as_they_are(void **state)
{
	struct engine_options any = {0};
	struct choice c;
	struct error err;

	(void)state;
	model.hp.stored = ENGINE_INT8;
	takes(1, CARD_141, 1, ENGINE_INT8);
	takes(3, CARD_24, 3, ENGINE_INT8);
	assert_int_equal(choose(&c, 1, CARD_32, &any, N_CTX, &err), -1);
	assert_non_null(strstr(err.what, "in int8, with 4096 tokens"));
	assert_string_equal(err.hint, "2 GPUs with as much free, or --gpus none, on the CPU");
	model.hp.stored = ENGINE_FP8;
	takes(1, CARD_141, 1, ENGINE_FP8);
	model.hp.stored = ENGINE_AUTO;
}

/* All the bytes of the model, once: cards only deal them out. */
static void
the_sum_does_not_depend_on_the_cards(void **state)
{
	static const double gb[] = { [ENGINE_BF16] = 80.1, [ENGINE_FP8] = 46.2, [ENGINE_INT8] = 46.2, [ENGINE_INT4] = 29.8 };

	(void)state;
	for (enum engine_quant quant = ENGINE_BF16; quant <= ENGINE_INT4; quant++)
		for (int n = 1; n <= ENGINE_MAX_GPUS; n++) {
			struct card_load load[ENGINE_MAX_GPUS];
			double weights = 0, kv = 0;

			choose_loads(&model, quant, N_CTX, n, load);
			for (int i = 0; i < n; i++) {
				weights += (double)load[i].weights;
				kv += (double)load[i].kv;
			}
			assert_true(weights > 0.985e9 * gb[quant] && weights < 1.015e9 * gb[quant]);
			assert_true(kv > 245760.0 * N_CTX && kv < 245760.0 * N_CTX + n * 600.0 * N_CTX);
		}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(cards_of_usual_sizes),
		cmocka_unit_test(several_cards),
		cmocka_unit_test(a_card_of_24_gb_is_refused),
		cmocka_unit_test(what_would_fit_is_told),
		cmocka_unit_test(stored_weights_stay_as_they_are),
		cmocka_unit_test(the_sum_does_not_depend_on_the_cards),
	};

	return cmocka_run_group_tests(tests, make_model, free_model);
}
