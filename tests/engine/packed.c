/* packed.c: model folders whose decoder is packed: they compute what a folder of the numbers that they stand for computes,
 * to the bit; nearly what their source does; and what is wrong with one, or with making it, is told in one line. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/file.h"
#include "engine/checkpoint.h"
#include "engine/cpu/cpu.h"
#include "engine/cpu/quant.h"
#include "engine/engine.h"
#include "engine/model.h"
#include "engine/shards.h"
#include "tiny.h"

static const enum engine_quant quants[] = {ENGINE_FP8, ENGINE_INT8, ENGINE_INT4};

/* Odd widths: half bytes and scales off their natural boundary. */
static const struct tiny odd = {
	.image_size = 56, .stored_image_size = 56, .patch_size = 14,
	.vision_hidden = 32, .vision_layers = 2, .vision_heads = 2, .vision_intermediate = 64,
	.hidden = 150, .layers = 2, .heads = 15, .kv_heads = 3, .intermediate = 257, .vocab = 291, .n_ctx = 64,
	.type = DTYPE_BF16, .seed = 9,
};

/* ---- folders */

static char *
new_name(void)
{
	struct tiny t = odd;
	char *dir = tiny_write(&t);
	char *name = xasprintf("%s-packed", dir);

	tiny_remove(dir);
	return name;
}

/* The model of `from` packed, in a new folder. */
static char *
quantized(const char *from, enum engine_quant quant, int n_threads, uint64_t shard_bytes)
{
	struct quantize q = {.from = from, .to = new_name(), .quant = quant, .n_threads = n_threads, .shard_bytes = shard_bytes};
	struct quantize_report report;
	struct error err = {0};

	if (quantize_write(&q, NULL, &report, &err) < 0)
		fail_msg("%s", err.what);
	return (char *)(uintptr_t)q.to;
}

static void
read_text(const char *dir, const char *name, struct buf *out)
{
	char *path = xasprintf("%s/%s", dir, name);

	assert_int_equal(file_read(path, 1 << 24, out, CODE_MODEL, NULL), 0);
	free(path);
}

static void
write_text(const char *dir, const char *name, const void *text, size_t n)
{
	char *path = xasprintf("%s/%s", dir, name);

	assert_int_equal(file_replace(path, text, n, 0644, NULL), 0);
	free(path);
}

/* One piece of a file for another; both are as long when the file has offsets. */
static void
edit(const char *dir, const char *name, const char *from, const char *to)
{
	struct buf text = {0}, out = {0};
	const char *at;

	read_text(dir, name, &text);
	at = memmem(text.at, text.n, from, strlen(from));
	assert_non_null(at);
	buf_add(&out, text.at, (size_t)(at - text.at));
	buf_str(&out, to);
	buf_add(&out, at + strlen(from), text.n - (size_t)(at - text.at) - strlen(from));
	write_text(dir, name, out.at, out.n);
	buf_done(&text);
	buf_done(&out);
}

/* ---- the numbers that a packed folder stands for */

struct copying {
	struct shards shards;
	const struct tensor *from[400];
};

static int
add_plain(void *arg, const char *name, struct tensor *t, struct error *err)
{
	struct copying *c = arg;
	struct tensor shape = *t;
	int i;

	(void)err;
	shape.type = dtype_is_packed(t->type) ? DTYPE_F32 : t->type;
	i = shards_add(&c->shards, name, &shape);
	assert_true(i < 400);
	c->from[i] = t;
	return 0;
}

static void
write_plain(struct copying *c, int i)
{
	const struct tensor *t = c->from[i];
	size_t cols = (size_t)tensor_cols(t);
	float *row = xcalloc(cols, sizeof *row);

	if (!dtype_is_packed(t->type))
		assert_int_equal(shards_write(&c->shards, i, 0, t->data, tensor_bytes(t), NULL), 0);
	for (size_t r = 0; dtype_is_packed(t->type) && r < (size_t)t->shape[0]; r++) {
		quant_unpack_row(row, t, r, 0, cols);
		assert_int_equal(shards_write(&c->shards, i, r * cols * sizeof *row, row, cols * sizeof *row, NULL), 0);
	}
	free(row);
}

/* A plain folder with the values of a packed one, matrices in float32. An output matrix stands by itself. */
static char *
unpacked(const char *packed, const struct tiny *shape)
{
	char *dir = tiny_write(shape), *single = xasprintf("%s/model.safetensors", dir);
	struct copying c = {.shards = {.dir = dir}};
	struct checkpoint *from = checkpoint_open(packed, NULL);
	struct hparams hp;
	struct model m;

	assert_int_equal(hparams_read(&hp, packed, NULL), 0);
	assert_int_equal(model_bind(&m, &hp, from, NULL), 0);
	unlink(single);
	free(single);
	model_each(&m, add_plain, &c, NULL);
	shards_deal(&c.shards, 0);
	assert_int_equal(shards_make(&c.shards, NULL), 0);
	for (int i = 0; i < c.shards.n_tensors; i++)
		write_plain(&c, i);
	assert_int_equal(shards_finish(&c.shards, NULL), 0);
	shards_done(&c.shards);
	model_done(&m);
	checkpoint_close(from);
	return dir;
}

/* ---- computing */

/* Logits behind a prompt of many rows, behind five more, and behind one. */
struct said {
	int vocab;
	float *logits[3];
};

static void
say(struct said *s, int i, struct context *ctx)
{
	s->logits[i] = xmalloc((size_t)s->vocab * sizeof(float));
	memcpy(s->logits[i], context_logits(ctx, NULL), (size_t)s->vocab * sizeof(float));
}

static struct said
compute(const char *dir, int n_threads)
{
	struct engine_options options = {.n_threads = n_threads, .no_gpu = true};
	struct error err = {0};
	struct card *card = card_open(dir, &err);
	struct engine *e = card ? engine_open(card, &options, NULL, &err) : NULL;
	struct context *ctx = e ? context_new(e, &err) : NULL;
	struct prompt p = {0};
	struct sync_report report;
	struct said s = {0};

	if (!ctx)
		fail_msg("%s", err.what);
	s.vocab = card_info(card)->vocab_size;
	for (int i = 0; i < 3; i++) {
		for (int n = i == 0 ? 20 : i == 1 ? 5 : 1; n > 0; n--)
			ids_add(&p.ids, (int32_t)(11 + 7 * p.ids.n % 200));
		assert_int_equal(context_sync(ctx, &p, NULL, &report, &err), 0);
		say(&s, i, ctx);
	}
	prompt_done(&p);
	context_free(ctx);
	engine_free(e);
	card_free(card);
	return s;
}

static void
said_done(struct said *s)
{
	for (int i = 0; i < 3; i++)
		free(s->logits[i]);
}

static void
assert_same(const struct said *a, const struct said *b)
{
	for (int i = 0; i < 3; i++)
		assert_memory_equal(a->logits[i], b->logits[i], (size_t)a->vocab * sizeof(float));
}

/* The spread of the difference, over that of the logits. */
static double
distance(const struct said *a, const struct said *b)
{
	double error = 0, size = 0;

	for (int i = 0; i < 3; i++)
		for (int k = 0; k < a->vocab; k++) {
			double d = (double)a->logits[i][k] - (double)b->logits[i][k];

			error += d * d;
			size += (double)b->logits[i][k] * (double)b->logits[i][k];
		}
	return sqrt(error / size);
}

static void
computes_the_numbers_it_stands_for(void **state)
{
	static const enum dtype types[] = {DTYPE_BF16, DTYPE_F16, DTYPE_F32};

	(void)state;
	for (int k = 0; k < 3; k++)
		for (int text_only = 0; text_only < 2; text_only++) {
			struct tiny shape = odd;
			struct said said, plain, alone;
			char *from, *packed, *other;

			shape.type = types[k];
			shape.text_only = text_only;
			from = tiny_write(&shape);
			packed = quantized(from, quants[k], 2, text_only ? 40000 : 0);
			other = unpacked(packed, &shape);
			said = compute(packed, 2);
			plain = compute(other, 2);
			alone = compute(packed, 1);
			assert_same(&said, &plain);
			assert_same(&said, &alone);
			said_done(&said);
			said_done(&plain);
			said_done(&alone);
			tiny_remove(other);
			tiny_remove(packed);
			tiny_remove(from);
		}
}

/* Random weights are harder than learnt ones: every value counts as much. */
static void
is_near_its_source(void **state)
{
	static const double most[] = {0.11, 0.02, 0.26}, least[] = {0.02, 0.003, 0.05};
	char *from = tiny_write(&odd);
	struct said plain = compute(from, 1);

	(void)state;
	for (int k = 0; k < 3; k++) {
		char *packed = quantized(from, quants[k], 1, 0);
		struct said said = compute(packed, 1);
		double d = distance(&said, &plain);

		print_message("%s: logits are off by %.4f\n", k == 0 ? "fp8" : k == 1 ? "int8" : "int4", d);
		assert_true(d < most[k] && d > least[k]);
		said_done(&said);
		tiny_remove(packed);
	}
	said_done(&plain);
	tiny_remove(from);
}

/* The embeddings stay, the output matrix is packed beside them; one that is stored and not used is left out. */
static void
a_tied_output_stands_by_itself(void **state)
{
	struct tiny shape = odd;
	struct said said, plain;
	struct checkpoint *c;
	char *from, *packed, *other;

	(void)state;
	shape.text_only = true;
	from = tiny_write(&shape);
	edit(from, "config.json", "\"tie_word_embeddings\": false", "\"tie_word_embeddings\": true");
	for (int k = 0; k < 3; k++) {
		packed = quantized(from, quants[k], 1, 0);
		c = checkpoint_open(packed, NULL);
		assert_non_null(c);
		assert_int_equal(checkpoint_find(c, "model.embed_tokens.weight")->view.type, DTYPE_BF16);
		assert_non_null(checkpoint_find(c, "lm_head.weight_scale"));
		checkpoint_close(c);
		other = unpacked(packed, &shape);
		said = compute(packed, 1);
		plain = compute(other, 1);
		assert_same(&said, &plain);
		said_done(&plain);
		plain = compute(from, 1);
		assert_true(distance(&said, &plain) < 0.3);
		said_done(&said);
		said_done(&plain);
		tiny_remove(other);
		tiny_remove(packed);
	}
	tiny_remove(from);
}

/* ---- the folder */

static void
assert_same_file(const char *a, const char *b, const char *name)
{
	struct buf one = {0}, other = {0};

	read_text(a, name, &one);
	read_text(b, name, &other);
	assert_int_equal(one.n, other.n);
	assert_memory_equal(one.at, other.at, one.n);
	buf_done(&one);
	buf_done(&other);
}

static void
threads_change_nothing(void **state)
{
	char *from = tiny_write(&odd), *one = quantized(from, ENGINE_INT4, 1, 60000), *many = quantized(from, ENGINE_INT4, 5, 60000);
	struct checkpoint *c = checkpoint_open(one, NULL);

	(void)state;
	assert_non_null(c);
	assert_true(checkpoint_n_shards(c) > 3);
	for (int i = 0; i < checkpoint_n_shards(c); i++)
		assert_same_file(one, many, strrchr(checkpoint_shard_path(c, i), '/') + 1);
	assert_same_file(one, many, "model.safetensors.index.json");
	assert_same_file(one, many, "config.json");
	assert_same_file(one, from, "tokenizer.model");
	assert_same_file(one, from, "preprocessor_config.json");
	checkpoint_close(c);
	tiny_remove(one);
	tiny_remove(many);
	tiny_remove(from);
}

/* Its digest is another than that of its source: answers of the one are not called those of the other. */
static void
it_says_what_it_is(void **state)
{
	char *from = tiny_write(&odd), *packed = quantized(from, ENGINE_INT8, 1, 0), digest[65], other[65];
	struct card *card = card_open(packed, NULL), *plain = card_open(from, NULL);
	struct error err = {0};
	long long bytes, plain_bytes;

	(void)state;
	assert_string_equal(card_info(card)->stored, "int8");
	assert_null(card_info(plain)->stored);
	assert_true(card_info(card)->n_params == card_info(plain)->n_params);
	assert_int_equal(card_check(card, &bytes, &err), 0);
	assert_int_equal(card_check(plain, &plain_bytes, &err), 0);
	assert_true(bytes < plain_bytes * 7 / 10);
	assert_int_equal(card_digest(card, digest, &err), 0);
	assert_int_equal(card_digest(plain, other, &err), 0);
	assert_string_not_equal(digest, other);
	card_free(card);
	card_free(plain);
	tiny_remove(packed);
	tiny_remove(from);
}

/* ---- broken folders */

static void
assert_says(const struct error *err, enum code code, const char *wording)
{
	if (!strstr(err->what, wording))
		fail_msg("\"%s\" lacks \"%s\"", err->what, wording);
	assert_int_equal(err->code, code);
}

static void
refused(const char *dir, const char *wording)
{
	struct engine_options options = {.n_threads = 1, .no_gpu = true};
	struct error err = {0};
	struct card *card = card_open(dir, &err);

	if (card)
		assert_null(engine_open(card, &options, NULL, &err));
	assert_says(&err, CODE_MODEL, wording);
	card_free(card);
}

#define SHARD "model-00001-of-00001.safetensors"

static void
what_does_not_fit_is_refused(void **state)
{
	static const struct {
		enum engine_quant quant;
		const char *file, *from, *to, *wording;
	} cases[] = {
		{ENGINE_INT8, "config.json", "\"int8\"", "\"fp8\"", "the type is I8; config.json needs F8_E4M3"},
		{ENGINE_FP8, "config.json", "\"fp8\"", "\"int8\"", "the type is F8_E4M3; config.json needs I8"},
		{ENGINE_INT4, "config.json", "\"int4\"", "\"fp8\"", "quantization_config.bits is 4; supported: 8"},
		{ENGINE_INT4, "config.json", "128", "64", "quantization_config.group_size is 64; supported: 128"},
		{ENGINE_INT8, "config.json", "\"int8\"", "\"int2\"", "quantization_config.format is \"int2\"; supported: \"fp8\","},
		{ENGINE_INT8, "config.json", "\"ivchat\"", "\"awq\"", "supported: what `ivchat model quantize` writes"},
		{ENGINE_INT8, "config.json", "\"quantization_config\"", "\"other\"", "the type is I8; supported: BF16, F16, F32"},
		{ENGINE_INT8, SHARD, "q_proj.weight_scale", "q_proj.weight_scalf",
		    "language_model.model.layers.0.self_attn.q_proj.weight_scale is missing"},
		{ENGINE_INT8, SHARD, "weight_scale\":{\"dtype\":\"F32\",\"shape\":[150]", "weight_scale\":{\"dtype\":\"F16\",\"shape\":[300]",
		    "q_proj.weight_scale has the shape [300]; config.json needs [150]"},
		{ENGINE_INT8, SHARD, "weight_scale\":{\"dtype\":\"F32\",\"shape\":[150]", "weight_scale\":{\"dtype\":\"F16\",\"shape\":[150]",
		    "its size in bytes does not match"},
		{ENGINE_INT4, SHARD, "\"U8\",\"shape\":[150,75]", "\"U8\",\"shape\":[75,150]", "has the shape [75, 150]; config.json needs [150, 75]"},
		{ENGINE_INT4, SHARD, "\"U8\",\"shape\":[150,75]", "\"I8\",\"shape\":[150,75]", "the type is I8; config.json needs U8"},
		{ENGINE_INT4, SHARD, "\"F16\",\"shape\":[150,2]", "\"F16\",\"shape\":[2,150]", "has the shape [2, 150]; config.json needs [150, 2]"},
		{ENGINE_INT4, SHARD, "\"F16\",\"shape\":[150,2]", "\"BF16\",\"shape\":[75,4]", "config.json needs [150, 2]"},
	};
	char *from = tiny_write(&odd);

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *packed = quantized(from, cases[i].quant, 1, 0), *index = xasprintf("%s/model.safetensors.index.json", packed);
		char *shard = xasprintf("%s/" SHARD, packed), *single = xasprintf("%s/model.safetensors", packed);

		edit(packed, cases[i].file, cases[i].from, cases[i].to);
		if (strcmp(cases[i].file, SHARD) == 0) {
			unlink(index);
			assert_int_equal(rename(shard, single), 0);
		}
		refused(packed, cases[i].wording);
		tiny_remove(packed);
		free(index);
		free(shard);
		free(single);
	}
	tiny_remove(from);
}

/* The bytes of a tensor's data, overwritten. */
static void
poke(const char *dir, const char *name, const void *bytes, size_t n)
{
	struct checkpoint *c = checkpoint_open(dir, NULL);
	const struct stored *s = checkpoint_find(c, name);
	int fd;

	assert_non_null(s);
	fd = open(checkpoint_shard_path(c, s->shard), O_WRONLY);
	assert_int_equal(pwrite(fd, bytes, n, (off_t)s->offset), n);
	close(fd);
	checkpoint_close(c);
}

static void
a_scale_that_is_no_number_is_refused(void **state)
{
	static const float none = NAN;
	static const uint16_t far = 0x7c00;
	const char *name = "language_model.model.layers.1.mlp.down_proj.weight_scale";
	char *from = tiny_write(&odd);

	(void)state;
	for (int k = 0; k < 3; k++) {
		char *packed = quantized(from, quants[k], 1, 0);

		if (quants[k] == ENGINE_INT4)
			poke(packed, name, &far, sizeof far);
		else
			poke(packed, name, &none, sizeof none);
		refused(packed, "layers.1.mlp.down_proj.weight_scale has a scale that is no number");
		tiny_remove(packed);
	}
	tiny_remove(from);
}

static void
another_form_is_refused(void **state)
{
	char *from = tiny_write(&odd), *packed = quantized(from, ENGINE_INT8, 1, 0);
	struct card *card = card_open(packed, NULL);
	struct engine_options options = {.n_threads = 1, .no_gpu = true};
	struct error err = {0};
	struct engine *e;
	struct plan plan;

	(void)state;
	for (enum engine_quant quant = ENGINE_AUTO; quant <= ENGINE_INT4; quant++) {
		bool good = quant == ENGINE_AUTO || quant == ENGINE_INT8;

		options.quant = quant;
		err = (struct error){0};
		e = engine_open(card, &options, NULL, &err);
		assert_int_equal(e != NULL, good);
		assert_int_equal(plan_make(&plan, card, &options, &err), good ? 0 : -1);
		if (!good)
			assert_says(&err, CODE_USAGE, ": the weights are stored in int8, and are used as they are");
		engine_free(e);
	}
	card_free(card);
	tiny_remove(packed);
	tiny_remove(from);
}

/* ---- making one */

static void
not_made(const struct quantize *q, const struct watch *watch, enum code code, const char *wording)
{
	struct quantize_report report;
	struct error err = {0};
	char *part = xasprintf("%s.part", q->to);

	assert_int_equal(quantize_write(q, watch, &report, &err), -1);
	assert_says(&err, code, wording);
	assert_false(file_exists(part));
	free(part);
}

static void
nothing_is_left_of_a_failure(void **state)
{
	static const uint16_t infinite = 0x7f80;
	char *from = tiny_write(&odd), *to = new_name();
	struct quantize q = {.from = from, .to = to, .quant = ENGINE_FP8, .n_threads = 2};
	atomic_bool stop = true;
	struct watch watch = {.stop = &stop};
	struct rlimit was, little;

	(void)state;
	not_made(&q, &watch, CODE_SIGINT, "stopped while packing the weights");
	assert_false(file_exists(to));
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	little = was;
	little.rlim_cur = 100000;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
	not_made(&q, NULL, CODE_STORE, "cannot write '");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_false(file_exists(to));
	poke(from, "language_model.model.layers.1.mlp.up_proj.weight", &infinite, sizeof infinite);
	not_made(&q, NULL, CODE_MODEL, "tensor language_model.model.layers.1.mlp.up_proj.weight, row 0, column 0: inf cannot be packed");
	assert_false(file_exists(to));
	edit(from, "config.json", "\"hidden_size\": 150", "\"hidden_size\": 180");
	not_made(&q, NULL, CODE_MODEL, "config.json needs [");
	free(to);
	tiny_remove(from);
}

static void
only_into_a_new_place(void **state)
{
	char *from = tiny_write(&odd), *packed = quantized(from, ENGINE_INT8, 1, 0), *to = new_name();
	char *part = xasprintf("%s.part", to);
	struct quantize q = {.from = from, .to = packed, .quant = ENGINE_FP8};
	struct quantize_report report;
	struct error err = {0};

	(void)state;
	not_made(&q, NULL, CODE_STORE, "is not empty");
	q.to = from;
	not_made(&q, NULL, CODE_STORE, "is not empty");
	q.from = packed;
	q.to = to;
	not_made(&q, NULL, CODE_MODEL, "is packed already, in int8");
	q.from = from;
	assert_int_equal(mkdir(part, 0755), 0);
	assert_int_equal(quantize_write(&q, NULL, &report, &err), -1);
	assert_says(&err, CODE_STORE, ".part' is there");
	assert_int_equal(rmdir(part), 0);       /* and was left alone */
	assert_int_equal(mkdir(to, 0755), 0);
	err = (struct error){0};
	if (quantize_write(&q, NULL, &report, &err) < 0)
		fail_msg("%s", err.what);
	tiny_remove(packed);
	tiny_remove(from);
	tiny_remove(to);
	free(part);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(computes_the_numbers_it_stands_for),
		cmocka_unit_test(is_near_its_source),
		cmocka_unit_test(a_tied_output_stands_by_itself),
		cmocka_unit_test(threads_change_nothing),
		cmocka_unit_test(it_says_what_it_is),
		cmocka_unit_test(what_does_not_fit_is_refused),
		cmocka_unit_test(a_scale_that_is_no_number_is_refused),
		cmocka_unit_test(another_form_is_refused),
		cmocka_unit_test(nothing_is_left_of_a_failure),
		cmocka_unit_test(only_into_a_new_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
