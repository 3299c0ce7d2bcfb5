/* card.c: the small files of a model folder, put together and checked against each other. Weights are opened only
 * by card_check() and card_digest(), and only their headers are read. */
#include "config.h"

#include "engine/card.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/file.h"
#include "engine/checkpoint.h"
#include "engine/jsonfile.h"
#include "engine/model.h"

/* ---------------------------------------------------------------- the folder */

static int
check_folder(const char *dir, struct error *err)
{
	struct stat st;

	if (stat(dir, &st) < 0)
		error_set(err, CODE_MODEL, "cannot open the model folder '%s': %s", dir, strerror(errno));
	else if (!S_ISDIR(st.st_mode))
		error_set(err, CODE_MODEL, "'%s' is not a folder; a model is one with config.json and weights", dir);
	else
		return 0;
	return error_hint(err, "give the folder of a published InternVL-Chat-V1.2 model with --model");
}

/* The last part of the path, without slashes at its end; of "." and the like the real one. */
static char *
name_of(const char *dir)
{
	char *real = realpath(dir, NULL);
	char *path = real ? real : xstrdup(dir);
	const char *slash = strrchr(path, '/');
	char *name = xstrdup(slash && slash[1] ? slash + 1 : path);

	free(path);
	return name;
}

/* ---------------------------------------------------------------- preprocessor_config.json */

/* Whether the list holds these three numbers. */
static bool
is_triple(const json_t *list, const double want[3])
{
	for (size_t i = 0; i < 3; i++)
		if (!(fabs(json_number_value(json_array_get(list, i)) - want[i]) < 1e-6))
			return false;
	return json_array_size(list) == 3;
}

/* The engine scales and normalises in one way; a folder that asks for another would be shown wrong pictures. */
static int
check_preprocessor(const char *dir, const json_t *p, struct error *err)
{
	static const double mean[] = {0.485, 0.456, 0.406}, std[] = {0.229, 0.224, 0.225};
	const char *key = NULL;

	if (json_object_get(p, "image_mean") && !is_triple(json_object_get(p, "image_mean"), mean))
		key = "image_mean is not [0.485, 0.456, 0.406]";
	else if (json_object_get(p, "image_std") && !is_triple(json_object_get(p, "image_std"), std))
		key = "image_std is not [0.229, 0.224, 0.225]";
	else if (json_is_false(json_object_get(p, "do_normalize")))
		key = "do_normalize is false";
	else if (json_is_false(json_object_get(p, "do_rescale")))
		key = "do_rescale is false";
	if (!key)
		return 0;
	return error_set(err, CODE_MODEL, "'%s/preprocessor_config.json': %s, which is not supported", dir, key);
}

static int
read_preprocessor(const struct card *c, struct error *err)
{
	json_t *p;
	int rc;

	if (c->hp.text_only)
		return 0;
	p = jsonfile_read(c->dir, "preprocessor_config.json", err);
	if (!p)
		return -1;
	rc = check_preprocessor(c->dir, p, err);
	json_decref(p);
	return rc;
}

/* ---------------------------------------------------------------- generation_config.json */

static double
number_or(const json_t *object, const char *key, double fallback)
{
	const json_t *value = json_object_get(object, key);

	return json_is_number(value) ? json_number_value(value) : fallback;
}

/* Decoding settings count when the file says that it samples; what makes no sense is left at its default. */
static void
read_sampling(struct sampling *s, const json_t *g)
{
	double temp = number_or(g, "temperature", 1), penalty = number_or(g, "repetition_penalty", 1);
	double top_p = number_or(g, "top_p", 1), top_k = number_or(g, "top_k", 50);

	if (!json_is_true(json_object_get(g, "do_sample")))
		return;
	s->temp = temp >= 0 && temp <= 100 ? (float)temp : 1;
	s->top_p = top_p > 0 && top_p <= 1 ? (float)top_p : 1;
	s->top_k = top_k >= 0 && top_k <= 1 << 21 ? (int)top_k : 50;
	s->repeat_penalty = penalty > 0 && penalty <= 100 ? (float)penalty : 1;
}

static void
add_stop(struct card_info *info, json_int_t id)
{
	for (int i = 0; i < info->n_stops; i++)
		if (info->stops[i] == id)
			return;
	if (id >= 0 && id < info->vocab_size && info->n_stops < CARD_MAX_STOPS)
		info->stops[info->n_stops++] = (int32_t)id;
}

/* eos_token_id is one id or a list. */
static void
add_stops(struct card_info *info, const json_t *eos)
{
	if (json_is_integer(eos))
		add_stop(info, json_integer_value(eos));
	for (size_t i = 0; i < json_array_size(eos); i++)
		if (json_is_integer(json_array_get(eos, i)))
			add_stop(info, json_integer_value(json_array_get(eos, i)));
}

static int
read_generation(struct card *c, struct error *err)
{
	json_t *g;

	if (jsonfile_read_optional(&g, c->dir, "generation_config.json", err) < 0)
		return -1;
	read_sampling(&c->info.defaults, g);
	add_stops(&c->info, json_object_get(g, "eos_token_id"));
	json_decref(g);
	return 0;
}

/* ---------------------------------------------------------------- the tokenizer beside the config */

static int
check_tokenizer(struct card *c, struct error *err)
{
	int n_ids = tokenizer_n_ids(c->tokenizer);

	if (n_ids > c->hp.llm.vocab_size)
		return error_set(err, CODE_MODEL,
		    "'%s': the tokenizer has %d ids, but vocab_size in config.json is %d: files of two models are mixed",
		    c->dir, n_ids, c->hp.llm.vocab_size);
	c->context_id = c->hp.text_only ? -1 : tokenizer_find(c->tokenizer, "<IMG_CONTEXT>");
	if (c->hp.text_only)
		return 0;
	if (c->context_id < 0 || tokenizer_find(c->tokenizer, "<|im_end|>") < 0) {
		error_set(err, CODE_MODEL, "'%s': the tokenizer has no token %s", c->dir,
		    c->context_id < 0 ? "<IMG_CONTEXT>" : "<|im_end|>");
		return error_hint(err, "added_tokens.json or tokenizer_config.json is missing or of another model");
	}
	return 0;
}

/* A plain Llama also ends where it would begin anew. */
static void
add_token_stops(struct card *c)
{
	static const char *const names[] = {"<|im_end|>", "<|endoftext|>", "</s>"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		add_stop(&c->info, tokenizer_find(c->tokenizer, names[i]));
	if (c->hp.text_only)
		add_stop(&c->info, tokenizer_find(c->tokenizer, "<s>"));
}

/* ---------------------------------------------------------------- the door */

/* A word, not the number, because AUTO would say nothing. */
static const char *
stored_name(enum engine_quant stored)
{
	return stored == ENGINE_FP8 ? "fp8" : stored == ENGINE_INT8 ? "int8" : stored == ENGINE_INT4 ? "int4" : NULL;
}

static void
fill_info(struct card *c)
{
	c->info = (struct card_info){
		.dir = c->dir,
		.name = c->name,
		.template_name = c->hp.template_name,
		.system_message = c->hp.system_message,
		.image_size = c->hp.image_size,
		.n_image_tokens = hparams_n_image_tokens(&c->hp),
		.n_ctx_max = c->hp.llm.max_position_embeddings,
		.vocab_size = c->hp.llm.vocab_size,
		.n_params = hparams_n_params(&c->hp),
		.defaults = {.temp = 0, .top_p = 1, .top_k = 0, .repeat_penalty = 1},
		.text_only = c->hp.text_only,
		.stored = stored_name(c->hp.stored),
	};
}

static int
read_card(struct card *c, struct error *err)
{
	if (check_folder(c->dir, err) < 0 || hparams_read(&c->hp, c->dir, err) < 0)
		return -1;
	c->name = name_of(c->dir);
	fill_info(c);
	if (read_preprocessor(c, err) < 0)
		return -1;
	c->tokenizer = tokenizer_open(c->dir, err);
	if (!c->tokenizer || check_tokenizer(c, err) < 0)
		return -1;
	add_stop(&c->info, c->hp.llm.eos_token_id);
	if (read_generation(c, err) < 0)
		return -1;
	add_token_stops(c);
	return 0;
}

struct card *
card_open(const char *dir, struct error *err)
{
	struct card *c = xcalloc(1, sizeof *c);

	c->dir = xstrdup(dir);
	if (read_card(c, err) == 0)
		return c;
	card_free(c);
	return NULL;
}

void
card_free(struct card *c)
{
	if (!c)
		return;
	tokenizer_free(c->tokenizer);
	free(c->name);
	free(c->dir);
	free(c);
}

const struct card_info *
card_info(const struct card *c)
{
	return &c->info;
}

const struct tokenizer *
card_tokenizer(const struct card *c)
{
	return c->tokenizer;
}

int
card_check(const struct card *card, long long *bytes, struct error *err)
{
	struct checkpoint *weights = checkpoint_open(card->dir, err);
	struct model m;
	int rc;

	if (!weights)
		return -1;
	rc = model_bind(&m, &card->hp, weights, err);
	if (rc == 0)
		model_done(&m);
	if (bytes)
		*bytes = (long long)checkpoint_bytes(weights);
	checkpoint_close(weights);
	return rc;
}

static int
hash_config(struct sha256_ctx *sha, const char *dir, struct error *err)
{
	char *path = xasprintf("%s/config.json", dir);
	struct buf text = {0};
	int rc = file_read(path, 64u << 20, &text, CODE_MODEL, err);

	if (rc == 0)
		sha256_update(sha, text.n, (const uint8_t *)buf_text(&text));
	buf_done(&text);
	free(path);
	return rc;
}

/* Each shard's size as eight bytes, little-endian, and its header. */
static void
hash_shards(struct sha256_ctx *sha, const struct checkpoint *weights)
{
	for (int i = 0; i < checkpoint_n_shards(weights); i++) {
		uint64_t bytes = checkpoint_shard_bytes(weights, i);
		uint8_t size[8];
		size_t n;
		const char *header = checkpoint_header(weights, i, &n);

		for (int j = 0; j < 8; j++)
			size[j] = (uint8_t)(bytes >> 8 * j);
		sha256_update(sha, sizeof size, size);
		sha256_update(sha, n, (const uint8_t *)header);
	}
}

int
card_digest(const struct card *card, char out[65], struct error *err)
{
	struct checkpoint *weights = checkpoint_open(card->dir, err);
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct sha256_ctx sha;
	int rc;

	if (!weights)
		return -1;
	sha256_init(&sha);
	rc = hash_config(&sha, card->dir, err);
	if (rc == 0)
		hash_shards(&sha, weights);
	sha256_digest(&sha, SHA256_DIGEST_SIZE, digest);
	for (int i = 0; i < SHA256_DIGEST_SIZE; i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
	checkpoint_close(weights);
	return rc;
}
