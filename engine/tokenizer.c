/* tokenizer.c: the tokenizer files of a folder, and text → ids.
 *
 * Added tokens come from added_tokens_decoder (tokenizer_config.json), then added_tokens.json, then the names in
 * special_tokens_map.json and tokenizer_config.json that are pieces; of two that share text or id the first holds.
 * Invariant behind tokenizer_open(): every id that encoding can give is below n_ids.
 */
#include "config.h"

#include "engine/tokenizer.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "engine/jsonfile.h"

#define CONFIG_NAME "tokenizer_config.json"
#define ADDED_NAME "added_tokens.json"
#define SPECIAL_NAME "special_tokens_map.json"
#define MAX_IDS (1 << 22)
#define MAX_ADDED 16384

/* ---------------------------------------------------------------- ids */

void
ids_add(struct ids *ids, int32_t id)
{
	if (ids->n == ids->cap) {
		ids->cap = ids->cap ? 2 * ids->cap : 64;
		ids->at = xreallocarray(ids->at, ids->cap, sizeof *ids->at);
	}
	ids->at[ids->n++] = id;
}

void
ids_done(struct ids *ids)
{
	free(ids->at);
	*ids = (struct ids){0};
}

/* ---------------------------------------------------------------- added tokens */

static struct added *
find_added(const struct tokenizer *t, const char *text)
{
	for (int i = 0; i < t->n_added; i++)
		if (strcmp(t->added[i].text, text) == 0)
			return &t->added[i];
	return NULL;
}

static bool
id_is_added(const struct tokenizer *t, int32_t id)
{
	for (int i = 0; i < t->n_added; i++)
		if (t->added[i].id == id)
			return true;
	return false;
}

/* The id of the piece spelled so, of any type; -1: none. */
static int32_t
find_piece(const struct vocab *v, const char *text)
{
	size_t n = strlen(text);
	int32_t id = exact_find(&v->mergeable, text, n);

	for (int i = 0; id < 0 && i < v->n_pieces; i++)
		if (v->pieces[i].n == n && memcmp(v->pieces[i].at, text, n) == 0)
			id = i;
	return id;
}

static int
add_token(struct tokenizer *t, const char *text, json_int_t id, bool special, const char *file, struct error *err)
{
	if (!text || !*text || id < 0 || id >= MAX_IDS)
		return error_set(err, CODE_MODEL, "%s: an added token without text, or with an id out of range (%lld)",
		    file, (long long)id);
	if (find_added(t, text) || id_is_added(t, (int32_t)id))
		return 0;
	if (t->n_added == MAX_ADDED)
		return error_set(err, CODE_MODEL, "%s: more than %d added tokens", file, MAX_ADDED);
	t->added = xreallocarray(t->added, (size_t)t->n_added + 1, sizeof *t->added);
	t->added[t->n_added++] = (struct added){xstrdup(text), strlen(text), (int32_t)id, special};
	return 0;
}

/* {"7": {"content": "<|im_end|>", "special": true, …}, …} */
static int
read_decoder(struct tokenizer *t, const json_t *decoder, struct error *err)
{
	const char *key;
	json_t *entry;

	json_object_foreach((json_t *)decoder, key, entry) {
		char *end;
		long id = strtol(key, &end, 10);
		const char *text = json_string_value(json_object_get(entry, "content"));

		if (end == key || *end)
			id = -1;
		if (add_token(t, text, id, json_is_true(json_object_get(entry, "special")), CONFIG_NAME, err) < 0)
			return -1;
	}
	return 0;
}

/* {"<IMG_CONTEXT>": 64000, …}. The file does not say which are special; all of them were added as such. */
static int
read_added(struct tokenizer *t, const json_t *added, struct error *err)
{
	const char *text;
	json_t *id;

	json_object_foreach((json_t *)added, text, id) {
		json_int_t value = json_is_integer(id) ? json_integer_value(id) : -1;

		if (add_token(t, text, value, true, ADDED_NAME, err) < 0)
			return -1;
	}
	return 0;
}

/* A token's text: a string, or an object with "content"; NULL when it is neither. */
static const char *
token_text(const json_t *token)
{
	return json_string_value(json_is_object(token) ? json_object_get(token, "content") : token);
}

/* Marks a token special; one that is only a piece so far becomes an added token too, as transformers does it. */
static int
make_special(struct tokenizer *t, const json_t *token, struct error *err)
{
	const char *text = token_text(token);
	struct added *a = text ? find_added(t, text) : NULL;
	int32_t id;

	if (!text || !*text)
		return 0;
	if (a) {
		a->special = true;
		return 0;
	}
	id = find_piece(&t->vocab, text);
	return id < 0 ? 0 : add_token(t, text, id, true, SPECIAL_NAME, err);
}

/* The named tokens of tokenizer_config.json or special_tokens_map.json. */
static int
read_special(struct tokenizer *t, const json_t *file, struct error *err)
{
	static const char *const names[] = {"bos_token", "eos_token", "unk_token", "pad_token"};
	const json_t *more = json_object_get(file, "additional_special_tokens");
	const json_t *bos = json_object_get(file, "bos_token");

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (make_special(t, json_object_get(file, names[i]), err) < 0)
			return -1;
	for (size_t i = 0; i < json_array_size(more); i++)
		if (make_special(t, json_array_get(more, i), err) < 0)
			return -1;
	if (token_text(bos) && tokenizer_find(t, token_text(bos)) >= 0)
		t->bos_id = tokenizer_find(t, token_text(bos));
	return 0;
}

/* ---------------------------------------------------------------- opening */

/* The tables over all added tokens, once there are no more to come. */
static void
index_added(struct tokenizer *t)
{
	t->n_ids = t->vocab.n_pieces;
	for (int i = 0; i < t->n_added; i++)
		if (t->added[i].id >= t->n_ids)
			t->n_ids = t->added[i].id + 1;
	t->added_of = xreallocarray(NULL, (size_t)t->n_ids, sizeof *t->added_of);
	for (int i = 0; i < t->n_ids; i++)
		t->added_of[i] = -1;
	for (int i = 0; i < t->n_added; i++) {
		t->added_of[t->added[i].id] = i;
		longest_add(&t->added_texts, t->added[i].text, t->added[i].n, t->added[i].id);
	}
	longest_sort(&t->added_texts);
}

static int
read_files(struct tokenizer *t, const char *dir, struct error *err)
{
	json_t *config = NULL, *added = NULL, *special = NULL;
	const json_t *add_bos;
	int rc = -1;

	if (jsonfile_read_optional(&config, dir, CONFIG_NAME, err) == 0 &&
	    jsonfile_read_optional(&added, dir, ADDED_NAME, err) == 0 &&
	    jsonfile_read_optional(&special, dir, SPECIAL_NAME, err) == 0 &&
	    read_decoder(t, json_object_get(config, "added_tokens_decoder"), err) == 0 &&
	    read_added(t, added, err) == 0 && read_special(t, config, err) == 0 && read_special(t, special, err) == 0)
		rc = 0;
	/* LlamaTokenizer adds a BOS unless it is told not to. */
	add_bos = json_object_get(config, "add_bos_token");
	t->add_bos = !add_bos || json_is_true(add_bos);
	json_decref(config);
	json_decref(added);
	json_decref(special);
	return rc;
}

struct tokenizer *
tokenizer_open(const char *dir, struct error *err)
{
	struct tokenizer *t = xcalloc(1, sizeof *t);

	if (vocab_open(&t->vocab, dir, err) < 0)
		goto fail;
	t->bos_id = t->vocab.bos_id;
	if (read_files(t, dir, err) < 0)
		goto fail;
	index_added(t);
	return t;
fail:
	tokenizer_free(t);
	return NULL;
}

void
tokenizer_free(struct tokenizer *t)
{
	if (!t)
		return;
	for (int i = 0; i < t->n_added; i++)
		free(t->added[i].text);
	free(t->added);
	free(t->added_of);
	longest_done(&t->added_texts);
	vocab_done(&t->vocab);
	free(t);
}

int
tokenizer_n_ids(const struct tokenizer *t)
{
	return t->n_ids;
}

int32_t
tokenizer_find(const struct tokenizer *t, const char *token)
{
	const struct added *a = find_added(t, token);

	return a ? a->id : find_piece(&t->vocab, token);
}

/* ---------------------------------------------------------------- text → ids */

void
tokenizer_encode(const struct tokenizer *t, const char *text, size_t n, bool bos, struct ids *out)
{
	size_t from = 0, i = 0;

	if (bos && t->add_bos && t->bos_id >= 0)
		ids_add(out, t->bos_id);
	while (i < n) {
		int32_t id;
		size_t take = longest_match(&t->added_texts, text + i, n - i, &id);

		if (take == 0) {
			i++;
			continue;
		}
		vocab_encode(&t->vocab, text + from, i - from, out);
		ids_add(out, id);
		from = i += take;
	}
	vocab_encode(&t->vocab, text + from, n - from, out);
}
