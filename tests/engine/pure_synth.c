/* pure_synth.c: made-up checkpoints: whole, in shards, the same for the same seed however many threads write; and
 * nothing left where it failed. */
#include "config.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "base/file.h"
#include "engine/checkpoint.h"
#include "engine/synth.h"
#include "support.h"

/* Larger than a block of values, so that rows come from several. */
static void
make_shape(const char *dir)
{
	folder_chat_model(dir);
	folder_edit(dir, "config.json", "\"vocab_size\": 277", "\"vocab_size\": 5003");
	folder_edit(dir, "config.json", "\"LlamaForCausalLM\"], \"hidden_size\": 4",
	    "\"LlamaForCausalLM\"], \"hidden_size\": 60");
}

static struct synth_report
write_or_fail(const struct synth *s)
{
	struct synth_report report;
	struct error err = {0};

	if (synth_write(s, NULL, &report, &err) < 0)
		fail_msg("%s", err.what);
	return report;
}

static void
file_bytes(const char *dir, const char *name, struct buf *out)
{
	char *path = xasprintf("%s/%s", dir, name);

	assert_int_equal(file_read(path, 1 << 24, out, CODE_MODEL, NULL), 0);
	free(path);
}

/* Whether all shards of the two folders hold the same bytes. */
static bool
same_weights(const char *a, const char *b, int n_shards)
{
	bool same = true;

	for (int i = 0; i < n_shards; i++) {
		char *name = xasprintf("model-%05d-of-%05d.safetensors", i + 1, n_shards);
		struct buf one = {0}, other = {0};

		file_bytes(a, name, &one);
		file_bytes(b, name, &other);
		same = same && one.n == other.n && memcmp(one.at, other.at, one.n) == 0;
		buf_done(&one);
		buf_done(&other);
		free(name);
	}
	return same;
}

static void
a_folder_of_shards_is_whole(void **state)
{
	char *shape = folder_new(), *to = folder_new();
	struct synth s = {.dir = to, .shape = shape, .tokenizer = shape, .shard_bytes = 100000, .n_threads = 2};
	struct synth_report report;
	struct error err = {0};
	struct checkpoint *c;
	struct card *card;
	long long bytes;

	(void)state;
	make_shape(shape);
	report = write_or_fail(&s);
	assert_true(report.n_shards > 2);
	card = card_open(to, &err);
	assert_non_null(card);
	assert_int_equal(card_check(card, &bytes, &err), 0);
	assert_int_equal(bytes, report.bytes);
	assert_int_equal(bytes, 2 * card_info(card)->n_params);
	card_free(card);
	c = checkpoint_open(to, &err);
	assert_int_equal(checkpoint_n_shards(c), report.n_shards);
	for (int i = 0; i < checkpoint_n_tensors(c); i++)
		assert_int_equal(checkpoint_at(c, i)->offset % 2, 0);
	checkpoint_close(c);
	folder_remove(to);
	folder_remove(shape);
}

static void
the_seed_decides(void **state)
{
	char *shape = folder_new(), *to[3] = {folder_new(), folder_new(), folder_new()};
	int n_shards = 0;

	(void)state;
	make_shape(shape);
	for (int i = 0; i < 3; i++) {
		struct synth s = {.dir = to[i], .shape = shape, .tokenizer = shape, .shard_bytes = 100000,
			.n_threads = 1 + 3 * i, .seed = i < 2 ? 7 : 8};

		n_shards = write_or_fail(&s).n_shards;
	}
	assert_true(same_weights(to[0], to[1], n_shards));
	assert_false(same_weights(to[0], to[2], n_shards));
	for (int i = 0; i < 3; i++)
		folder_remove(to[i]);
	folder_remove(shape);
}

static float
value(const struct tensor *t, int64_t i)
{
	uint32_t bits = (uint32_t)((const uint16_t *)t->data)[i] << 16;
	float f;

	memcpy(&f, &bits, sizeof f);
	return f;
}

/* Mean and spread over the whole tensor. */
static void
assert_spread(const struct checkpoint *c, const char *name, double mean, double spread)
{
	const struct tensor *t = &checkpoint_find(c, name)->view;
	int64_t n = tensor_count(t);
	double sum = 0, squares = 0;

	for (int64_t i = 0; i < n; i++) {
		sum += value(t, i);
		squares += (value(t, i) - mean) * (value(t, i) - mean);
	}
	assert_true(fabs(sum / (double)n - mean) < spread);
	assert_true(sqrt(squares / (double)n) > 0.3 * spread && sqrt(squares / (double)n) < 3 * spread);
}

static void
values_are_sensible_and_no_row_repeats(void **state)
{
	char *shape = folder_new(), *to = folder_new();
	struct synth s = {.dir = to, .shape = shape, .tokenizer = shape};
	const char *embed = "language_model.model.embed_tokens.weight";
	struct checkpoint *c;
	const struct tensor *t;
	size_t row_bytes;

	(void)state;
	make_shape(shape);
	write_or_fail(&s);
	c = checkpoint_open(to, NULL);
	assert_non_null(c);
	assert_spread(c, embed, 0, 0.02);
	assert_spread(c, "language_model.model.norm.weight", 1, 0.05);
	t = &checkpoint_find(c, embed)->view;
	assert_spread(c, "language_model.lm_head.weight", 0, 1 / sqrt((double)t->shape[1]));
	row_bytes = (size_t)t->shape[1] * sizeof(uint16_t);
	for (int64_t i = 0; i < 300; i++)
		for (int64_t k = i + 1; k < t->shape[0]; k++)
			assert_memory_not_equal((const char *)t->data + (size_t)i * row_bytes,
			    (const char *)t->data + (size_t)k * row_bytes, row_bytes);
	checkpoint_close(c);
	folder_remove(to);
	folder_remove(shape);
}

/* What is written for the built-in shape says what the engine takes for it. */
static void
the_known_shape_is_written_down(void **state)
{
	char *tokenizer = folder_new(), *to = folder_new();
	struct synth s = {.dir = to, .shape = "40b", .tokenizer = tokenizer};
	struct hparams known, written;
	struct error err = {0};
	struct card *card;

	(void)state;
	folder_chat_model(tokenizer);
	assert_int_equal(hparams_default(&known, &err), 0);
	assert_int_equal(synth_check_tokenizer(&s, &known, &err), 0);
	assert_int_equal(synth_small_files(&s, &known, &err), 0);
	assert_int_equal(hparams_read(&written, to, &err), 0);
	known.llm.eos_token_id = 7;
	assert_memory_equal(&written, &known, sizeof known);
	card = card_open(to, &err);
	assert_non_null(card);
	assert_true(card_info(card)->n_params == 40068684160);
	card_free(card);
	folder_remove(to);
	folder_remove(tokenizer);
}

/* ---------------------------------------------------------------- one thing wrong */

static void
expect_failure(const struct synth *s, const struct watch *watch, enum code code, const char *wording)
{
	struct synth_report report;
	struct error err = {0};

	assert_int_equal(synth_write(s, watch, &report, &err), -1);
	if (!strstr(err.what, wording))
		print_error("\"%s\" lacks \"%s\"\n", err.what, wording);
	assert_non_null(strstr(err.what, wording));
	assert_int_equal(err.code, code);
}

static void
nothing_is_left_of_a_failure(void **state)
{
	char *shape = folder_new(), *parent = folder_new(), *to = xasprintf("%s/new", parent);
	struct synth s = {.dir = to, .shape = shape, .tokenizer = shape};
	atomic_bool stop = true;
	struct watch watch = {.stop = &stop};

	(void)state;
	make_shape(shape);
	expect_failure(&s, &watch, CODE_SIGINT, "stopped");
	assert_false(file_exists(to));
	folder_edit(shape, "config.json", "\"vocab_size\": 5003", "\"vocab_size\": 276");
	expect_failure(&s, NULL, CODE_MODEL, "277 ids, the vocabulary of the shape only 276");
	assert_false(file_exists(to));
	folder_remove(parent);
	folder_remove(shape);
	free(to);
}

static void
what_is_there_stays(void **state)
{
	char *shape = folder_new(), *to = folder_new();
	struct synth s = {.dir = to, .shape = shape, .tokenizer = shape};
	struct buf text = {0};

	(void)state;
	make_shape(shape);
	folder_text(to, "config.json", "mine");
	expect_failure(&s, NULL, CODE_STORE, "is not empty");
	file_bytes(to, "config.json", &text);
	assert_string_equal(buf_text(&text), "mine");
	buf_done(&text);
	folder_remove(to);
	folder_remove(shape);
}

static void
a_model_that_does_not_fit_is_not_begun(void **state)
{
	char *shape = folder_new(), *to = folder_new();
	struct synth s = {.dir = to, .shape = shape, .tokenizer = shape};

	(void)state;
	make_shape(shape);
	folder_edit(shape, "config.json", "\"hidden_size\": 60, \"num_hidden_layers\": 1",
	    "\"hidden_size\": 65536, \"num_hidden_layers\": 1024");
	expect_failure(&s, NULL, CODE_STORE, "no room in");
	assert_int_equal(rmdir(to), 0);
	free(to);
	folder_remove(shape);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_folder_of_shards_is_whole),
		cmocka_unit_test(the_seed_decides),
		cmocka_unit_test(values_are_sensible_and_no_row_repeats),
		cmocka_unit_test(the_known_shape_is_written_down),
		cmocka_unit_test(nothing_is_left_of_a_failure),
		cmocka_unit_test(what_is_there_stays),
		cmocka_unit_test(a_model_that_does_not_fit_is_not_begun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
