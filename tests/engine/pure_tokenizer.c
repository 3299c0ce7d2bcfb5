/* pure_tokenizer.c: the tokenizer on a vocabulary small enough to be worked out by hand, and on broken ones. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "engine/protobuf.h"
#include "tests/engine/support.h"

/* The ids of model_small(). */
enum { SPACE = SMALL_LETTERS, A, B, C, AB, BC, ABC, SPACE_A, FROZEN, CC_UNUSED, AA, FROZEN_A, N_SMALL };
#define BYTE(b) (3 + (b))
#define END (-1)

static struct tokenizer *
open_small(bool dummy_prefix, bool squeeze, const char *file, const char *text)
{
	char *dir = folder_new();
	struct buf model = {0};
	struct error err = {0};
	struct tokenizer *t;

	model_small(&model, dummy_prefix, squeeze);
	folder_write(dir, "tokenizer.model", model.at, model.n);
	if (file)
		folder_text(dir, file, text);
	t = tokenizer_open(dir, &err);
	if (!t)
		print_error("%s\n", err.what);
	assert_non_null(t);
	buf_done(&model);
	folder_remove(dir);
	return t;
}

static void
expect(const struct tokenizer *t, const char *text, size_t n, bool bos, const int32_t *want)
{
	struct ids ids = {0};
	size_t n_want = 0;

	while (want[n_want] != END)
		n_want++;
	tokenizer_encode(t, text, n, bos, &ids);
	if (ids.n != n_want || (n_want > 0 && memcmp(ids.at, want, n_want * sizeof *want) != 0)) {
		print_error("\"%s\":", text);
		for (size_t i = 0; i < ids.n; i++)
			print_error(" %d", ids.at[i]);
		print_error("\n");
		fail();
	}
	ids_done(&ids);
}

#define EXPECT(t, text, ...) \
	expect(t, text, sizeof text - 1, false, (const int32_t[]){__VA_ARGS__ __VA_OPT__(,) END})

static void
test_merges(void **state)
{
	struct tokenizer *t = open_small(false, false, NULL, NULL);

	(void)state;
	EXPECT(t, "");
	EXPECT(t, "a", A);
	EXPECT(t, "abc", ABC);          /* ab before bc: the higher score */
	EXPECT(t, "bbc", B, BC);
	EXPECT(t, "aaa", AA, A);        /* the leftmost of equals */
	EXPECT(t, "aaaa", AA, AA);
	EXPECT(t, " a", SPACE_A);
	EXPECT(t, " ab", SPACE, AB);    /* the pair " a" is stale once ab is made */
	EXPECT(t, "  a ", SPACE, SPACE_A, SPACE);
	tokenizer_free(t);
}

static void
test_unused_is_split_again(void **state)
{
	struct tokenizer *t = open_small(false, false, NULL, NULL);

	(void)state;
	EXPECT(t, "cc", C, C);
	EXPECT(t, "cccb", C, C, C, B);
	tokenizer_free(t);
}

/* Without byte pieces: <unk> ▁ a b, "  " as the user's own, c unused; spaces are squeezed. */
static struct tokenizer *
open_without_bytes(void)
{
	static const struct { const char *text; int type; } pieces[] = {
		{"<unk>", 2}, {"\xe2\x96\x81", 1}, {"a", 1}, {"b", 1}, {"  ", 4}, {"c", 5},
	};
	char *dir = folder_new();
	struct buf model = {0}, trainer = {0}, normalizer = {0};
	struct error err = {0};
	struct tokenizer *t;

	for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
		model_piece(&model, pieces[i].text, 0, pieces[i].type);
	model_int(&trainer, 3, 2);
	model_message(&model, 2, &trainer);
	model_int(&normalizer, 3, 0);
	model_message(&model, 3, &normalizer);
	folder_write(dir, "tokenizer.model", model.at, model.n);
	t = tokenizer_open(dir, &err);
	assert_non_null(t);
	buf_done(&model);
	buf_done(&trainer);
	buf_done(&normalizer);
	folder_remove(dir);
	return t;
}

/* As sentencepiece has it: a run of unknown characters is one id, a single unused piece is unknown, and spaces inside a
 * user-defined piece are squeezed and spelled like others. */
static void
test_unknown_runs(void **state)
{
	struct tokenizer *t = open_without_bytes();

	(void)state;
	EXPECT(t, "x", 0);
	EXPECT(t, "xyz", 0);
	EXPECT(t, "xaxx b", 0, 2, 0, 1, 3);
	EXPECT(t, "c", 0);
	EXPECT(t, "acxb", 2, 0, 3);
	EXPECT(t, "a  b", 2, 1, 1, 3);
	EXPECT(t, "a   b", 2, 1, 1, 3);
	EXPECT(t, " a ", 2);
	tokenizer_free(t);
}

static void
test_user_defined_is_frozen(void **state)
{
	struct tokenizer *t = open_small(false, false, NULL, NULL);

	(void)state;
	EXPECT(t, "a<x>b", A, FROZEN, B);
	EXPECT(t, "<x>a", FROZEN, A);
	EXPECT(t, "<x><x>", FROZEN, FROZEN);
	EXPECT(t, "<x", BYTE('<'), BYTE('x'));
	tokenizer_free(t);
}

static void
test_bytes(void **state)
{
	struct tokenizer *t = open_small(false, false, NULL, NULL);

	(void)state;
	EXPECT(t, "\xc3\xa9", BYTE(0xc3), BYTE(0xa9));
	EXPECT(t, "a\0b", A, BYTE(0), B);
	EXPECT(t, "\xff", BYTE(0xef), BYTE(0xbf), BYTE(0xbd));
	EXPECT(t, "\xc0\x80", BYTE(0xef), BYTE(0xbf), BYTE(0xbd), BYTE(0xef), BYTE(0xbf), BYTE(0xbd));
	EXPECT(t, "\xe2\x96", BYTE(0xef), BYTE(0xbf), BYTE(0xbd), BYTE(0xef), BYTE(0xbf), BYTE(0xbd));
	EXPECT(t, "<s>", BYTE('<'), BYTE('s'), BYTE('>'));      /* a control piece is no text */
	EXPECT(t, "\xe2\x96\x81" "a", SPACE_A);                 /* a literal mark is a space */
	tokenizer_free(t);
}

static void
test_dummy_prefix(void **state)
{
	struct tokenizer *t = open_small(true, false, "added_tokens.json", "{\"<e>\": 300}");

	(void)state;
	EXPECT(t, "");
	EXPECT(t, "a", SPACE_A);
	EXPECT(t, " ", SPACE, SPACE);
	EXPECT(t, "a<e>a", SPACE_A, 300, SPACE_A);              /* before every segment */
	EXPECT(t, "<e>", 300);
	tokenizer_free(t);
}

static void
test_extra_spaces_removed(void **state)
{
	struct tokenizer *t = open_small(true, true, NULL, NULL);

	(void)state;
	EXPECT(t, "  a   b  ", SPACE_A, SPACE, B);
	EXPECT(t, "   ");
	tokenizer_free(t);
}

static void
test_added_tokens(void **state)
{
	struct tokenizer *t = open_small(false, false, "added_tokens.json", "{\"<e>\": 300, \"<e>a\": 301, \"b\": 302}");

	(void)state;
	EXPECT(t, "<e>", 300);
	EXPECT(t, "<e>a", 301);         /* the longest */
	EXPECT(t, "<e>ab", 301, 302);
	EXPECT(t, "<e", BYTE('<'), BYTE('e'));
	EXPECT(t, "abc", A, 302, C);    /* before any merge */
	assert_int_equal(tokenizer_n_ids(t), 303);
	assert_int_equal(tokenizer_find(t, "<e>a"), 301);
	assert_int_equal(tokenizer_find(t, "</s>"), 2);
	assert_int_equal(tokenizer_find(t, "nowhere"), -1);
	tokenizer_free(t);
}

/* Whether a BOS comes first, by the settings file. */
static void
expect_bos(const char *config, int32_t bos)
{
	struct tokenizer *t = open_small(false, false, config ? "tokenizer_config.json" : NULL, config);
	const int32_t with[] = {bos, A, END}, without[] = {A, END};

	expect(t, "a", 1, true, bos >= 0 ? with : without);
	expect(t, "a", 1, false, without);
	tokenizer_free(t);
}

static void
test_bos(void **state)
{
	(void)state;
	expect_bos(NULL, 1);
	expect_bos("{\"add_bos_token\": false}", -1);
	expect_bos("{\"add_bos_token\": true, \"bos_token\": \"</s>\"}", 2);
	expect_bos("{\"bos_token\": {\"content\": \"<unk>\"}}", 0);
}

/* ---------------------------------------------------------------- ids → text */

static void
expect_text(const struct tokenizer *t, const int32_t *ids, size_t n, bool skip_special, const char *want)
{
	struct buf got = {0};

	tokenizer_decode(t, ids, n, skip_special, &got);
	assert_string_equal(buf_text(&got), want);
	buf_done(&got);
}

#define EXPECT_TEXT(t, want, skip, ...) \
	expect_text(t, (const int32_t[]){__VA_ARGS__}, sizeof (int32_t[]){__VA_ARGS__} / sizeof(int32_t), skip, want)

static void
test_decode(void **state)
{
	struct tokenizer *t = open_small(false, false, "tokenizer_config.json",
	    "{\"added_tokens_decoder\": {\"300\": {\"content\": \"<e>\", \"special\": true},"
	    "\"301\": {\"content\": \"<f>\", \"special\": false}}}");

	(void)state;
	EXPECT_TEXT(t, " abc<x>", false, SPACE_A, BC, FROZEN);
	EXPECT_TEXT(t, "a<e><f>", false, A, 300, 301);
	EXPECT_TEXT(t, "a<f>", true, A, 300, 301);
	EXPECT_TEXT(t, "ab", false, A, 1, B);                           /* control */
	EXPECT_TEXT(t, "a \xe2\x81\x87 ", false, A, 0);                 /* unknown */
	EXPECT_TEXT(t, "ab", false, A, -1, N_SMALL, 302, 1 << 30, B);   /* no such ids */
	EXPECT_TEXT(t, "\xc3\xa9", false, BYTE(0xc3), BYTE(0xa9));
	EXPECT_TEXT(t, "\xef\xbf\xbd" "a", false, BYTE(0xc3), A);
	EXPECT_TEXT(t, "\xef\xbf\xbd\xef\xbf\xbd", false, BYTE(0xe2), BYTE(0x96));
	tokenizer_free(t);
}

static void
test_decode_dummy_prefix(void **state)
{
	struct tokenizer *t = open_small(true, false, "added_tokens.json", "{\"<e>\": 300}");

	(void)state;
	EXPECT_TEXT(t, "a a", false, SPACE_A, SPACE_A);
	EXPECT_TEXT(t, "a", false, 1, SPACE_A);
	EXPECT_TEXT(t, " a", false, SPACE, SPACE_A);
	EXPECT_TEXT(t, "a<e>a", false, SPACE_A, 300, SPACE_A);
	EXPECT_TEXT(t, "a a", true, SPACE_A, 300, SPACE_A);
	tokenizer_free(t);
}

/* Pushes one id and says what came out. */
static void
push(struct stream *s, int32_t id, const char *want)
{
	struct buf out = {0};

	stream_push(s, id, &out);
	assert_string_equal(buf_text(&out), want);
	buf_done(&out);
}

static void
finish(struct stream *s, const char *want)
{
	struct buf out = {0};

	stream_finish(s, &out);
	assert_string_equal(buf_text(&out), want);
	buf_done(&out);
}

static void
test_stream(void **state)
{
	struct tokenizer *t = open_small(false, false, NULL, NULL);
	struct stream s;

	(void)state;
	stream_init(&s, t);
	push(&s, SPACE, "");
	push(&s, SPACE_A, "a");         /* leading white space is gone */
	push(&s, SPACE, "");            /* may be the end */
	push(&s, BYTE('\n'), "");
	push(&s, BYTE(0xe2), "");       /* may become a character */
	push(&s, BYTE(0x82), "");
	push(&s, BYTE(0xac), " \n\xe2\x82\xac");
	push(&s, BYTE(0xe2), "");
	push(&s, B, "\xef\xbf\xbd" "b");
	push(&s, SPACE, "");
	finish(&s, "");
	stream_init(&s, t);
	finish(&s, "");                 /* nothing at all */
	stream_init(&s, t);
	push(&s, SPACE, "");
	push(&s, BYTE(0xf0), "");
	push(&s, BYTE(0x9f), "");
	finish(&s, "\xef\xbf\xbd\xef\xbf\xbd");
	tokenizer_free(t);
}

/* White space of three bytes that ends in the middle: Python strips U+3000 as well. */
static void
test_stream_wide_space(void **state)
{
	struct tokenizer *t = open_small(false, false, NULL, NULL);
	struct stream s;

	(void)state;
	stream_init(&s, t);
	push(&s, A, "a");
	push(&s, BYTE(0xe3), "");
	push(&s, BYTE(0x80), "");
	push(&s, BYTE(0x80), "");
	push(&s, B, "\xe3\x80\x80" "b");
	push(&s, BYTE(0xe3), "");
	push(&s, BYTE(0x80), "");
	push(&s, BYTE(0x80), "");
	finish(&s, "");
	tokenizer_free(t);
}

static void
test_long_text(void **state)
{
	struct tokenizer *t = open_small(false, false, NULL, NULL);
	size_t n = 200001;
	char *text = xmalloc(n);
	struct ids ids = {0};

	(void)state;
	memset(text, 'a', n);
	tokenizer_encode(t, text, n, false, &ids);
	assert_int_equal(ids.n, n / 2 + 1);
	assert_int_equal(ids.at[0], AA);
	assert_int_equal(ids.at[n / 2], A);
	ids_done(&ids);
	free(text);
	tokenizer_free(t);
}

/* ---------------------------------------------------------------- broken files */

static void
test_protobuf_bounds(void **state)
{
	static const struct { const char *bytes; size_t n; int want; } cases[] = {
		{"", 0, 0},
		{"\x0a\x01" "a", 3, 1},
		{"\x0a\x02" "a", 3, -1},                /* longer than the message */
		{"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, -1},
		{"\x08", 1, -1},                        /* a varint that never comes */
		{"\x08\x80", 2, -1},
		{"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12, -1},
		{"\x0d\x01\x02\x03", 4, -1},
		{"\x09\x01\x02\x03\x04\x05\x06\x07", 8, -1},
		{"\x0b", 1, -1},                        /* a group */
		{"\x02\x00", 2, -1},                    /* field 0 */
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const unsigned char *at = (const unsigned char *)cases[i].bytes;
		struct protobuf p = {at, at + cases[i].n};
		struct protobuf_field f;

		assert_int_equal(protobuf_next(&p, &f), cases[i].want);
		assert_true(p.at <= p.end);
	}
}

/* Opens these bytes as a vocabulary; when that works it must also encode. Returns whether it worked. */
static bool
survives(const char *dir, const void *bytes, size_t n, const char *wording)
{
	struct error err = {0};
	struct tokenizer *t;
	struct ids ids = {0};

	folder_write(dir, "tokenizer.model", bytes, n);
	t = tokenizer_open(dir, &err);
	if (!t) {
		assert_int_equal(err.code, CODE_MODEL);
		assert_non_null(strstr(err.what, "tokenizer.model"));
		if (wording && !strstr(err.what, wording))
			print_error("%s\n", err.what);
		assert_true(!wording || strstr(err.what, wording));
		return false;
	}
	tokenizer_encode(t, "aabbcc <x>\xff", 11, true, &ids);
	for (size_t i = 0; i < ids.n; i++)
		assert_in_range(ids.at[i], 0, tokenizer_n_ids(t) - 1);
	ids_done(&ids);
	tokenizer_free(t);
	return true;
}

static void
test_truncated_everywhere(void **state)
{
	char *dir = folder_new();
	struct buf model = {0};
	int n_failed = 0;

	(void)state;
	model_small(&model, false, false);
	for (size_t n = 0; n < model.n; n++)
		n_failed += !survives(dir, model.at, n, NULL);
	assert_true(n_failed > (int)model.n / 2);
	assert_true(survives(dir, model.at, model.n, NULL));
	buf_done(&model);
	folder_remove(dir);
}

static void
test_damaged_everywhere(void **state)
{
	static const unsigned char values[] = {0x00, 0x7f, 0x80, 0xff};
	char *dir = folder_new();
	struct buf model = {0};

	(void)state;
	model_small(&model, true, true);
	for (size_t at = 0; at < model.n; at++) {
		char was = model.at[at];

		model.at[at] = (char)values[at % sizeof values];
		survives(dir, model.at, model.n, NULL);
		model.at[at] = was;
	}
	buf_done(&model);
	folder_remove(dir);
}

static void
expect_refused(const struct buf *model, const char *wording)
{
	char *dir = folder_new();

	assert_false(survives(dir, buf_text(model), model->n, wording));
	folder_remove(dir);
}

static void
test_refused_models(void **state)
{
	struct buf model = {0}, spec = {0};

	(void)state;
	expect_refused(&model, "has no pieces");
	buf_str(&model, "this is a text file, not a model");
	expect_refused(&model, "not a sentencepiece model");
	buf_clear(&model);
	model_piece(&model, "<unk>", 0, 2);
	expect_refused(&model, "is not a BPE model");
	model_small(&model, false, false);
	model_piece(&model, "ab", 0, 1);
	expect_refused(&model, "the same piece twice");
	buf_clear(&model);
	model_small(&model, false, false);
	model_piece(&model, "", 0, 1);
	expect_refused(&model, "empty");
	buf_clear(&model);
	model_small(&model, false, false);
	model_message(&spec, 2, &(struct buf){"charsmap", 8, 0});
	model_message(&model, 3, &spec);
	expect_refused(&model, "precompiled_charsmap");
	buf_done(&model);
	buf_done(&spec);
}

/* A settings file that is broken, and what the message names. */
static void
expect_bad_file(const char *file, const char *text, const char *wording)
{
	char *dir = folder_new();
	struct buf model = {0};
	struct error err = {0};

	model_small(&model, false, false);
	folder_write(dir, "tokenizer.model", model.at, model.n);
	folder_text(dir, file, text);
	assert_null(tokenizer_open(dir, &err));
	assert_int_equal(err.code, CODE_MODEL);
	assert_non_null(strstr(err.what, file));
	assert_non_null(strstr(err.what, wording));
	buf_done(&model);
	folder_remove(dir);
}

static void
test_bad_settings(void **state)
{
	(void)state;
	expect_bad_file("added_tokens.json", "{\"<e>\": ", "is not JSON");
	expect_bad_file("added_tokens.json", "[1, 2]", "is not a JSON object");
	expect_bad_file("added_tokens.json", "{\"<e>\": -5}", "out of range");
	expect_bad_file("added_tokens.json", "{\"<e>\": 99999999999}", "out of range");
	expect_bad_file("added_tokens.json", "{\"\": 300}", "without text");
	expect_bad_file("tokenizer_config.json", "{\"added_tokens_decoder\": {\"x\": {\"content\": \"<e>\"}}}", "out of range");
}

static void
test_missing_model(void **state)
{
	char *dir = folder_new();
	struct error err = {0};

	(void)state;
	assert_null(tokenizer_open(dir, &err));
	assert_int_equal(err.code, CODE_MODEL);
	assert_non_null(strstr(err.what, "tokenizer.model"));
	folder_remove(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_merges),
		cmocka_unit_test(test_unused_is_split_again),
		cmocka_unit_test(test_unknown_runs),
		cmocka_unit_test(test_user_defined_is_frozen),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_dummy_prefix),
		cmocka_unit_test(test_extra_spaces_removed),
		cmocka_unit_test(test_added_tokens),
		cmocka_unit_test(test_bos),
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_decode_dummy_prefix),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_stream_wide_space),
		cmocka_unit_test(test_long_text),
		cmocka_unit_test(test_protobuf_bounds),
		cmocka_unit_test(test_truncated_everywhere),
		cmocka_unit_test(test_damaged_everywhere),
		cmocka_unit_test(test_refused_models),
		cmocka_unit_test(test_bad_settings),
		cmocka_unit_test(test_missing_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
