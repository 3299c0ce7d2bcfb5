/* pure_golden.c: the pure half against the reference files: token ids and texts of every row, resized pixels, whole
 * prompts. Skipped (77) where the reference files are not. */
#include "config.h"

#include <setjmp.h>
#include <nettle/sha2.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_PNG
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wsign-compare"
#include <stb/stb_image.h>
#pragma GCC diagnostic pop

#include "base/alloc.h"
#include "base/text.h"
#include "engine/checkpoint.h"
#include "tests/engine/support.h"

/* ---------------------------------------------------------------- tokenizer rows */

static size_t
unhex(const char *text, unsigned char *out)
{
	size_t n = strlen(text) / 2;

	for (size_t i = 0; i < n; i++) {
		unsigned byte;

		sscanf(text + 2 * i, "%2x", &byte);
		out[i] = (unsigned char)byte;
	}
	return n;
}

static void
check_encoding(const struct tokenizer *t, const char *text, size_t n, const json_t *want, const char *what)
{
	struct ids ids = {0};

	tokenizer_encode(t, text, n, false, &ids);
	assert_ids(&ids, want, what);
	ids_done(&ids);
}

static void
assert_bytes(const struct buf *got, const char *want, size_t n, const char *what)
{
	if (got->n != n || memcmp(buf_text(got), want, n) != 0)
		print_error("%s: want \"%.*s\", got \"%s\"\n", what, (int)n, want, buf_text(got));
	assert_int_equal(got->n, n);
	assert_memory_equal(buf_text(got), want, n);
}

/* The raw bytes of a row's pieces, special tokens kept: the text itself unless the row says otherwise. */
static void
check_bytes(const struct tokenizer *t, const json_t *row, const char *text, size_t n)
{
	const char *special = json_string_value(json_object_get(row, "decoded_bytes_hex"));
	const json_t *ids = json_object_get(row, "ids");
	unsigned char *want = xmalloc(special ? strlen(special) + 1 : n + 1);
	struct buf got = {0};

	memcpy(want, text, special ? 0 : n);
	if (special)
		n = unhex(special, want);
	for (size_t i = 0; i < json_array_size(ids); i++)
		tokenizer_piece(t, (int32_t)json_integer_value(json_array_get(ids, i)), false, &got);
	assert_bytes(&got, (char *)want, n, text);
	buf_done(&got);
	free(want);
}

static void
check_decoding(const struct tokenizer *t, const json_t *row, const char *text, size_t n)
{
	const json_t *decoded = json_object_get(row, "decoded"), *list = json_object_get(row, "ids");
	struct ids ids = {0};
	struct buf got = {0};

	for (size_t i = 0; i < json_array_size(list); i++)
		ids_add(&ids, (int32_t)json_integer_value(json_array_get(list, i)));
	tokenizer_decode(t, ids.at, ids.n, false, &got);
	assert_bytes(&got, decoded ? json_string_value(decoded) : text, decoded ? json_string_length(decoded) : n, text);
	buf_done(&got);
	ids_done(&ids);
}

/* Streaming the ids one by one gives the stripped decoding. */
static void
check_stream(const struct tokenizer *t, const json_t *list)
{
	struct stream s;
	struct ids ids = {0};
	struct buf whole = {0}, streamed = {0};
	const char *want;
	size_t n;

	stream_init(&s, t);
	for (size_t i = 0; i < json_array_size(list); i++) {
		ids_add(&ids, (int32_t)json_integer_value(json_array_get(list, i)));
		stream_push(&s, ids.at[i], &streamed);
		assert_true(text_valid(buf_text(&streamed), streamed.n));
	}
	stream_finish(&s, &streamed);
	tokenizer_decode(t, ids.at, ids.n, true, &whole);
	want = buf_text(&whole);
	n = whole.n;
	text_strip(&want, &n);
	assert_bytes(&streamed, want, n, "streamed");
	buf_done(&whole);
	buf_done(&streamed);
	ids_done(&ids);
}

static void
check_rows(const char *dir, const char *rows_path)
{
	struct error err;
	struct tokenizer *t = tokenizer_open(dir, &err);
	json_t *root = shared_json(rows_path), *row;
	size_t i;

	assert_non_null(t);
	assert_true(json_array_size(json_object_get(root, "strings")) == 342);
	json_array_foreach(json_object_get(root, "strings"), i, row) {
		const char *text = json_string_value(json_object_get(row, "text"));
		size_t n = json_string_length(json_object_get(row, "text"));

		check_encoding(t, text, n, json_object_get(row, "ids"), text);
		check_bytes(t, row, text, n);
		check_decoding(t, row, text, n);
		check_stream(t, json_object_get(row, "ids"));
	}
	assert_true(json_array_size(json_object_get(root, "raw")) == 17);
	json_array_foreach(json_object_get(root, "raw"), i, row) {
		const char *text = json_string_value(json_object_get(row, "hex"));
		unsigned char bytes[512];

		assert_true(strlen(text) <= 2 * sizeof bytes);
		check_encoding(t, (char *)bytes, unhex(text, bytes), json_object_get(row, "ids"), text);
	}
	json_decref(root);
	tokenizer_free(t);
}

static void
test_rows_tiny(void **state)
{
	static const char *const names[] = {"tiny-a", "tiny-b"};

	(void)state;
	for (int i = 0; i < 2; i++) {
		char *part = xasprintf("fixtures/%s", names[i]), *rows = xasprintf("fixtures/tokenizers/%s.json", names[i]);
		char *dir = shared_path(part);

		check_rows(dir, rows);
		free(part);
		free(rows);
		free(dir);
	}
}

/* A folder with only the vocabulary of Llama 2 and the added tokens of its rows. */
static void
test_rows_llama2(void **state)
{
	char *dir = folder_new(), *model = shared_path("fixtures/tokenizers/llama2/tokenizer.model");
	json_t *root = shared_json("fixtures/tokenizers/llama2.json");
	char *added = json_dumps(json_object_get(root, "added"), 0);

	(void)state;
	folder_link(dir, "tokenizer.model", model);
	folder_text(dir, "added_tokens.json", added);
	check_rows(dir, "fixtures/tokenizers/llama2.json");
	free(added);
	json_decref(root);
	free(model);
	folder_remove(dir);
}

/* Rows of one JSON object a line: text, ids and perhaps decoded. */
static void
check_lines(const char *dir, const char *lines_path, int want_rows)
{
	char *path = shared_path(lines_path), line[65536];
	FILE *f = fopen(path, "r");
	struct error err;
	struct tokenizer *t = tokenizer_open(dir, &err);
	int n_rows = 0;

	assert_non_null(f);
	assert_non_null(t);
	for (; fgets(line, sizeof line, f); n_rows++) {
		json_t *row = json_loads(line, JSON_ALLOW_NUL, NULL);
		const json_t *text = json_object_get(row, "text");

		assert_non_null(row);
		check_encoding(t, json_string_value(text), json_string_length(text), json_object_get(row, "ids"), line);
		check_decoding(t, row, json_string_value(text), json_string_length(text));
		check_stream(t, json_object_get(row, "ids"));
		json_decref(row);
	}
	assert_int_equal(n_rows, want_rows);
	fclose(f);
	tokenizer_free(t);
	free(path);
}

static void
test_rows_yi(void **state)
{
	char *dir = shared_path("data/tokenizers/yi");

	(void)state;
	check_lines(dir, "data/tokenizers/yi/expected.jsonl", 67);
	free(dir);
}

static void
test_rows_mistral(void **state)
{
	char *dir = shared_path("data/tokenizers/mistral");

	(void)state;
	check_lines(dir, "data/tokenizers/mistral/expected.jsonl", 67);
	free(dir);
}

/* The real model's tokenizer: Yi's vocabulary and the seven added tokens. */
static void
test_rows_added(void **state)
{
	char *dir = folder_new(), *model = shared_path("data/tokenizers/yi/tokenizer.model");
	char *added = shared_path("data/internvl-chat-v1-2-plus/added_tokens.json");

	(void)state;
	folder_link(dir, "tokenizer.model", model);
	folder_link(dir, "added_tokens.json", added);
	check_lines(dir, "data/tokenizers/yi/expected-added.jsonl", 7);
	free(model);
	free(added);
	folder_remove(dir);
}

/* ---------------------------------------------------------------- continuations */

/* The raw bytes, the text and the stripped reply of the golden continuations. */
static void
check_continuation(const struct tokenizer *t, const json_t *prompt)
{
	const json_t *list = json_object_get(prompt, "continuation");
	const char *want = json_string_value(json_object_get(prompt, "continuation_bytes_hex"));
	const json_t *stripped = json_object_get(prompt, "response_stripped");
	struct buf raw = {0}, reply = {0};
	struct stream s;
	char *text;

	stream_init(&s, t);
	for (size_t i = 0; i < json_array_size(list); i++) {
		int32_t id = (int32_t)json_integer_value(json_array_get(list, i));

		tokenizer_piece(t, id, true, &raw);
		stream_push(&s, id, &reply);
	}
	stream_finish(&s, &reply);
	text = xmalloc(2 * raw.n + 1);
	hex(text, buf_text(&raw), raw.n);
	assert_string_equal(text, want);
	assert_bytes(&reply, json_string_value(stripped), json_string_length(stripped), "response_stripped");
	free(text);
	buf_done(&raw);
	buf_done(&reply);
}

/* ---------------------------------------------------------------- prompts */

/* The first stored picture of that name at the model's size. */
static void
load_pixels(struct pixels *p, const struct checkpoint *golden, const struct card_info *info, const char *name)
{
	char key[128];
	const struct stored *s;

	snprintf(key, sizeof key, "image.%s.rgb", name);
	s = checkpoint_find(golden, key);
	assert_non_null(s);
	assert_int_equal(s->view.type, DTYPE_U8);
	assert_int_equal(pixels_make(p, info->image_size, s->view.data, info->image_size, info->image_size, NULL), 0);
}

#define MAX_TURNS 8

/* One golden prompt: its turns with the pictures where the rule wants them. */
struct dialogue {
	struct turn turns[MAX_TURNS];
	int n;
	struct pixels pixels[2];
	const struct pixels *pointers[2];
	int n_pixels;
};

static void
add_turn(struct dialogue *d, enum role role, const json_t *text)
{
	d->turns[d->n++] = (struct turn){.role = role, .text = json_string_value(text), .text_n = json_string_length(text)};
}

/* All pictures belong to the first question in every golden prompt. */
static void
dialogue_init(struct dialogue *d, const json_t *prompt, const struct checkpoint *golden, const struct card_info *info)
{
	const json_t *history = json_object_get(prompt, "history"), *images = json_object_get(prompt, "images");

	*d = (struct dialogue){0};
	for (size_t i = 0; i < json_array_size(history); i++) {
		add_turn(d, ROLE_USER, json_array_get(json_array_get(history, i), 0));
		add_turn(d, ROLE_ANSWER, json_array_get(json_array_get(history, i), 1));
	}
	add_turn(d, ROLE_USER, json_object_get(prompt, "question"));
	for (size_t i = 0; i < json_array_size(images); i++) {
		load_pixels(&d->pixels[i], golden, info, json_string_value(json_array_get(images, i)));
		d->pointers[i] = &d->pixels[i];
	}
	d->n_pixels = (int)json_array_size(images);
	d->turns[0].pixels = d->pointers;
	d->turns[0].n_pixels = d->n_pixels;
}

static void
dialogue_done(struct dialogue *d)
{
	for (int i = 0; i < d->n_pixels; i++)
		pixels_done(&d->pixels[i]);
}

/* The places of each picture: n_image_tokens context ids, in order, and its own pixels. */
static void
check_places(const struct prompt *p, const struct dialogue *d, const struct card *card)
{
	int32_t context = tokenizer_find(card_tokenizer(card), "<IMG_CONTEXT>");
	size_t n_context = 0;

	assert_int_equal(p->n_pictures, d->n_pixels);
	for (size_t i = 0; i < p->ids.n; i++)
		n_context += p->ids.at[i] == context;
	assert_int_equal(n_context, d->n_pixels * card_info(card)->n_image_tokens);
	for (int i = 0; i < p->n_pictures; i++) {
		const struct prompt_picture *q = &p->pictures[i];

		assert_int_equal(q->n_tokens, card_info(card)->n_image_tokens);
		assert_memory_equal(q->pixels.key, d->pixels[i].key, PIXELS_KEY);
		for (int j = 0; j < q->n_tokens; j++)
			assert_int_equal(p->ids.at[q->pos + (size_t)j], context);
		if (i > 0)
			assert_true(q->pos >= p->pictures[i - 1].pos + (size_t)q->n_tokens);
	}
}

static void
check_prompt(const struct card *card, const struct dialogue *d, enum picture_rule rule, const json_t *prompt)
{
	struct prompt p;
	struct error err = {0};
	struct ids ids = {0};
	const json_t *text = json_object_get(prompt, "prompt_text");

	if (prompt_build(&p, card, NULL, d->turns, d->n, rule, &err) < 0)
		print_error("%s\n", err.what);
	assert_int_equal(err.code, CODE_OK);
	assert_ids(&p.ids, json_object_get(prompt, "input_ids"), json_string_value(json_object_get(prompt, "question")));
	check_places(&p, d, card);
	prompt_done(&p);
	tokenizer_encode(card_tokenizer(card), json_string_value(text), json_string_length(text), true, &ids);
	assert_ids(&ids, json_object_get(prompt, "input_ids"), "prompt_text");
	ids_done(&ids);
}

/* Removes the "<image>\n" that the official history keeps: PICTURES_FIRST writes it itself. */
static void
drop_placeholder(struct dialogue *d)
{
	static const char mark[] = "<image>\n";

	if (d->turns[0].text_n >= sizeof mark - 1 && memcmp(d->turns[0].text, mark, sizeof mark - 1) == 0) {
		d->turns[0].text += sizeof mark - 1;
		d->turns[0].text_n -= sizeof mark - 1;
	}
}

static void
check_prompts(const char *name)
{
	char *dir, *arrays, *part = xasprintf("fixtures/%s", name), *file = xasprintf("fixtures/golden/%s.safetensors", name);
	char *rows = xasprintf("fixtures/golden/%s.json", name);
	json_t *root = shared_json(rows), *prompt;
	struct error err = {0};
	struct card *card;
	struct checkpoint *golden;
	const char *key;

	dir = shared_path(part);
	arrays = shared_path(file);
	card = card_open(dir, &err);
	golden = checkpoint_open_file(arrays, &err);
	assert_non_null(card);
	assert_non_null(golden);
	assert_int_equal(json_object_size(json_object_get(root, "prompts")), 5);
	json_object_foreach(json_object_get(root, "prompts"), key, prompt) {
		struct dialogue d;

		dialogue_init(&d, prompt, golden, card_info(card));
		check_prompt(card, &d, PICTURES_REFERENCE, prompt);
		drop_placeholder(&d);
		if (strcmp(key, "two_images_two_tags") != 0)
			check_prompt(card, &d, PICTURES_FIRST, prompt);
		dialogue_done(&d);
		check_continuation(card_tokenizer(card), prompt);
	}
	checkpoint_close(golden);
	card_free(card);
	json_decref(root);
	free(part);
	free(file);
	free(rows);
	free(dir);
	free(arrays);
}

static void
test_prompts(void **state)
{
	(void)state;
	check_prompts("tiny-a");
	check_prompts("tiny-b");
}

/* The plain Llama's prompts: the text behind a BOS. */
static void
test_prompts_text_only(void **state)
{
	char *dir = shared_path("data/stories260k");
	json_t *root = shared_json("data/stories260k/expected.json"), *row;
	struct error err = {0};
	struct card *card = card_open(dir, &err);
	size_t i;

	(void)state;
	assert_non_null(card);
	assert_true(card_info(card)->text_only);
	assert_true(json_array_size(json_object_get(root, "greedy")) > 0);
	json_array_foreach(json_object_get(root, "greedy"), i, row) {
		const json_t *text = json_object_get(row, "prompt");
		struct turn turn = {.role = ROLE_USER, .text = json_string_value(text), .text_n = json_string_length(text)};
		struct prompt p;

		assert_int_equal(prompt_build(&p, card, NULL, &turn, 1, PICTURES_FIRST, &err), 0);
		assert_ids(&p.ids, json_object_get(row, "prompt_ids"), turn.text);
		prompt_done(&p);
	}
	card_free(card);
	json_decref(root);
	free(dir);
}

/* ---------------------------------------------------------------- pixels */

static void
assert_sha(const uint8_t *rgb, size_t n, const json_t *want, const char *what)
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	char text[2 * SHA256_DIGEST_SIZE + 1];
	struct sha256_ctx sha;

	sha256_init(&sha);
	sha256_update(&sha, n, rgb);
	sha256_digest(&sha, SHA256_DIGEST_SIZE, digest);
	hex(text, digest, sizeof digest);
	if (strcmp(text, json_string_value(want)) != 0)
		print_error("%s differs\n", what);
	assert_string_equal(text, json_string_value(want));
}

static void
check_resize(const uint8_t *rgb, int width, int height, int to_width, int to_height, const json_t *want, const char *what)
{
	size_t n = (size_t)to_width * (size_t)to_height * 3;
	uint8_t *out = xmalloc(n);

	assert_int_equal(pixels_resize(out, to_width, to_height, rgb, width, height, NULL), 0);
	assert_sha(out, n, want, what);
	free(out);
}

/* The decoded RGB, alpha dropped; NULL for a JPEG, which needs the decoder of another room. */
static uint8_t *
load_png(const char *name, int *width, int *height)
{
	char *part = xasprintf("fixtures/images/%s", name), *path = shared_path(part);
	int channels;
	uint8_t *all = stbi_load(path, width, height, &channels, 0), *rgb;

	free(part);
	free(path);
	if (!all)
		return NULL;
	rgb = xmalloc((size_t)*width * (size_t)*height * 3);
	for (size_t i = 0; i < (size_t)*width * (size_t)*height; i++)
		for (size_t c = 0; c < 3; c++)
			rgb[3 * i + c] = all[i * (size_t)channels + (channels < 3 ? 0 : c)];
	stbi_image_free(all);
	return rgb;
}

static void
test_resizes(void **state)
{
	json_t *root = shared_json("fixtures/golden/common.json"), *image, *want, *row;
	const char *name, *size;
	int width, height, n_checked = 0;
	size_t i;

	(void)state;
	json_object_foreach(json_object_get(root, "images"), name, image) {
		uint8_t *rgb = load_png(name, &width, &height);

		if (!rgb)
			continue;
		assert_sha(rgb, (size_t)width * (size_t)height * 3, json_object_get(image, "rgb_sha256"), name);
		json_object_foreach(json_object_get(image, "resized_sha256"), size, want) {
			int to_width, to_height;

			assert_int_equal(sscanf(size, "%dx%d", &to_width, &to_height), 2);
			check_resize(rgb, width, height, to_width, to_height, want, name);
			n_checked++;
		}
		free(rgb);
	}
	assert_int_equal(n_checked, 6 * 3);
	json_array_foreach(json_object_get(root, "resizes"), i, row) {
		const json_t *to = json_object_get(row, "size");
		uint8_t *rgb = load_png(json_string_value(json_object_get(row, "image")), &width, &height);

		assert_non_null(rgb);
		check_resize(rgb, width, height, (int)json_integer_value(json_array_get(to, 0)),
		    (int)json_integer_value(json_array_get(to, 1)), json_object_get(row, "sha256"), "resizes");
		free(rgb);
	}
	json_decref(root);
}

/* ---------------------------------------------------------------- real cards */

static void
test_cards(void **state)
{
	static const struct { const char *path; int n_tokens; long long params; bool text_only; } cards[] = {
		{"fixtures/tiny-a", 256, 3442688, false}, {"fixtures/tiny-b", 36, 1429312, false},
		{"data/stories260k", 0, 292800, true}, {"data/stories260k-bf16", 0, 292800, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cards / sizeof *cards; i++) {
		char *dir = shared_path(cards[i].path), digest[65];
		struct error err = {0};
		struct card *card = card_open(dir, &err);
		long long bytes;

		assert_non_null(card);
		assert_int_equal(card_info(card)->n_image_tokens, cards[i].n_tokens);
		assert_int_equal(card_info(card)->n_params, cards[i].params);
		assert_int_equal(card_info(card)->text_only, cards[i].text_only);
		assert_int_equal(card_check(card, &bytes, &err), 0);
		assert_true(bytes >= 2 * cards[i].params);
		assert_int_equal(card_digest(card, digest, &err), 0);
		assert_int_equal(strlen(digest), 64);
		card_free(card);
		free(dir);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_tiny),
		cmocka_unit_test(test_rows_llama2),
		cmocka_unit_test(test_rows_yi),
		cmocka_unit_test(test_rows_mistral),
		cmocka_unit_test(test_rows_added),
		cmocka_unit_test(test_prompts),
		cmocka_unit_test(test_prompts_text_only),
		cmocka_unit_test(test_resizes),
		cmocka_unit_test(test_cards),
	};

	free(shared_path(""));          /* skips the whole program when there is nothing to compare with */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
