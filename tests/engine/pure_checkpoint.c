/* pure_checkpoint.c: weights as they come: whole, in shards, truncated, lying about themselves. Each broken folder
 * must be refused with CODE_MODEL and with words that name what is wrong. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/checkpoint.h"
#include "tests/engine/support.h"

static void
expect_refused(const char *dir, const char *wording)
{
	struct error err = {0};
	struct checkpoint *c = checkpoint_open(dir, &err);

	assert_null(c);
	assert_int_equal(err.code, CODE_MODEL);
	if (!strstr(err.what, wording))
		print_error("\"%s\" lacks \"%s\"\n", err.what, wording);
	assert_non_null(strstr(err.what, wording));
}

static void
test_single_file(void **state)
{
	char *dir = folder_new();
	struct error err;
	struct checkpoint *c;
	const struct stored *s;

	(void)state;
	folder_safetensors(dir, "model.safetensors",
	    "{\"__metadata__\":{\"format\":\"pt\"},\"b\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[4,12]},"
	    "\"a\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[0,4]},"
	    "\"x.rotary_emb.inv_freq\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8]},"
	    "\"nothing\":{\"dtype\":\"F16\",\"shape\":[0,7],\"data_offsets\":[12,12]},"
	    "\"scalar\":{\"dtype\":\"F16\",\"shape\":[],\"data_offsets\":[12,14]}}   ", 14);
	c = checkpoint_open(dir, &err);
	assert_non_null(c);
	assert_int_equal(checkpoint_n_tensors(c), 4);
	assert_int_equal(checkpoint_n_shards(c), 1);
	assert_int_equal(checkpoint_bytes(c), 14);
	s = checkpoint_find(c, "b");
	assert_non_null(s);
	assert_int_equal(s->view.type, DTYPE_F32);
	assert_int_equal(s->view.n_dims, 2);
	assert_int_equal(s->view.shape[0], 2);
	assert_int_equal(((const unsigned char *)s->view.data)[0], 4 % 3);
	assert_int_equal(checkpoint_shard_bytes(c, 0), s->offset + s->bytes + 2);
	assert_null(checkpoint_find(c, "c"));
	assert_null(checkpoint_find(c, "x.rotary_emb.inv_freq"));
	checkpoint_close(c);
	folder_remove(dir);
}

static void
test_shards(void **state)
{
	char *dir = folder_new();
	struct error err;
	struct checkpoint *c;

	(void)state;
	folder_safetensors(dir, "one.safetensors", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4);
	folder_safetensors(dir, "two.safetensors", "{\"b\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[0,2]}}", 2);
	folder_text(dir, "model.safetensors.index.json",
	    "{\"weight_map\": {\"a\": \"one.safetensors\", \"b\": \"two.safetensors\"}}");
	c = checkpoint_open(dir, &err);
	assert_non_null(c);
	assert_int_equal(checkpoint_n_shards(c), 2);
	assert_int_equal(checkpoint_find(c, "b")->shard, 1);
	assert_non_null(strstr(checkpoint_shard_path(c, 1), "two.safetensors"));
	checkpoint_close(c);
	folder_remove(dir);
}

/* ---------------------------------------------------------------- broken files */

static void
test_nothing_there(void **state)
{
	char *dir = folder_new();

	(void)state;
	expect_refused(dir, "model.safetensors': No such file");
	folder_remove(dir);
}

static void
test_broken_file(void **state)
{
	static const struct { const char *bytes; size_t n; const char *wording; } cases[] = {
		{"", 0, "is truncated: 0 bytes"},
		{"\0\0\0", 3, "is truncated: 3 bytes"},
		{"\0\0\0\0\0\0\0\0", 8, "not a JSON object"},
		{"\x09\0\0\0\0\0\0\0{}", 10, "a header of 9 bytes in a file of 10"},
		{"\xff\xff\xff\xff\xff\xff\xff\xff{}", 10, "a header of 18446744073709551615 bytes"},
		{"\x02\0\0\0\0\0\0\0[]", 10, "not a JSON object"},
		{"\x04\0\0\0\0\0\0\0\xff\xfe{}", 12, "not a JSON object"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *dir = folder_new();

		folder_write(dir, "model.safetensors", cases[i].bytes, cases[i].n);
		expect_refused(dir, cases[i].wording);
		folder_remove(dir);
	}
}

#define ENTRY(type, shape, offsets) "{\"w\":{\"dtype\":" type ",\"shape\":" shape ",\"data_offsets\":" offsets "}}"

/* One tensor w in a file with 16 bytes of data. */
static void
test_broken_tensor(void **state)
{
	static const struct { const char *header, *wording; } cases[] = {
		{ENTRY("\"F32\"", "[4]", "[4,20]"), "beyond the end of the file"},
		{ENTRY("\"F32\"", "[4]", "[0,15]"), "does not match its shape"},
		{ENTRY("\"F32\"", "[2]", "[0,16]"), "does not match its shape"},
		{ENTRY("\"F32\"", "[4]", "[16,0]"), "not in order"},
		{ENTRY("\"F32\"", "[4]", "[-16,0]"), "not in order"},
		{ENTRY("\"F32\"", "[4]", "[0]"), "not a pair"},
		{ENTRY("\"F32\"", "[4]", "[0,16.0]"), "not a pair"},
		{ENTRY("\"F32\"", "[4]", "\"0,16\""), "not a pair"},
		{ENTRY("\"F32\"", "[-4]", "[0,16]"), "no sensible number"},
		{ENTRY("\"F32\"", "[\"4\"]", "[0,16]"), "no sensible number"},
		{ENTRY("\"F32\"", "4", "[0,16]"), "not a list"},
		{ENTRY("\"F32\"", "[1,1,1,1,4]", "[0,16]"), "at most 4"},
		{ENTRY("\"F32\"", "[1099511627776,1099511627776]", "[0,16]"), "too large"},
		{ENTRY("\"F32\"", "[1099511627776,4194304]", "[0,16]"), "does not match its shape"},
		{ENTRY("\"F64\"", "[2]", "[0,16]"), "the type is F64; supported: BF16, F16, F32"},
		{ENTRY("\"U4\"", "[16]", "[0,16]"), "the type is U4"},
		{ENTRY("7", "[4]", "[0,16]"), "the type is missing"},
		{"{\"w\":3}", "the type is missing"},
		{"{\"w\":{},\"w\":{}}", "duplicate object key"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *dir = folder_new();

		folder_safetensors(dir, "model.safetensors", cases[i].header, 16);
		expect_refused(dir, cases[i].wording);
		folder_remove(dir);
	}
}

static void
test_broken_index(void **state)
{
	static const struct { const char *index, *wording; } cases[] = {
		{"{\"weight_map\": {\"a\": \"one.safetensors\", \"b\": \"gone.safetensors\"}}", "gone.safetensors': No such file"},
		{"{\"weight_map\": {\"a\": \"one.safetensors\", \"b\": \"one.safetensors\"}}", "tensor b is not in"},
		{"{\"weight_map\": {\"c\": \"other.safetensors\", \"a\": \"other.safetensors\", \"a2\": \"one.safetensors\"}}",
		    "tensor a is not in"},
		{"{\"weight_map\": {\"a\": \"../one.safetensors\"}}", "'../one.safetensors' is not the name of a file"},
		{"{\"weight_map\": {\"a\": \"/etc/passwd\"}}", "'/etc/passwd' is not the name of a file"},
		{"{\"weight_map\": {\"a\": \"..\"}}", "is not the name of a file"},
		{"{\"weight_map\": {\"a\": \"\"}}", "is not the name of a file"},
		{"{\"weight_map\": {\"a\": 7}}", "is not the name of a file"},
		{"{\"weight_map\": {\"a\": \"folder\"}}", "folder': No such file"},
		{"{\"weight_map\": {\"a\": \"one.safetensors\", \"a2\": \"copy.safetensors\"}}", "tensor a is stored twice"},
		{"{\"weight_map\": {}}", "weight_map is missing or empty"},
		{"{\"weight_map\": []}", "weight_map is missing or empty"},
		{"{}", "weight_map is missing or empty"},
		{"[]", "is not a JSON object"},
		{"{\"weight_map\": {", "is not JSON"},
	};
	static const char one[] = "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}";
	static const char other[] = "{\"c\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}";

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *dir = folder_new();

		folder_safetensors(dir, "one.safetensors", one, 4);
		folder_safetensors(dir, "copy.safetensors", one, 4);
		folder_safetensors(dir, "other.safetensors", other, 4);
		folder_text(dir, "model.safetensors.index.json", cases[i].index);
		expect_refused(dir, cases[i].wording);
		folder_remove(dir);
	}
}

/* A header cut or changed at any byte is refused or read within its bounds. */
static void
test_damaged_everywhere(void **state)
{
	static const char header[] = "{\"w\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}}";
	char bytes[8 + sizeof header + 16] = {(char)(sizeof header - 1)};

	(void)state;
	memcpy(bytes + 8, header, sizeof header - 1);
	for (size_t at = 0; at < 8 + sizeof header - 1; at++) {
		char was = bytes[at], *dir = folder_new();
		struct error err = {0};
		struct checkpoint *c;

		bytes[at] ^= (char)(1 << at % 7);
		folder_write(dir, "model.safetensors", bytes, 8 + sizeof header - 1 + 16);
		c = checkpoint_open(dir, &err);
		assert_true(c || err.code == CODE_MODEL);
		for (int i = 0; c && i < checkpoint_n_tensors(c); i++)
			assert_true(checkpoint_at(c, i)->offset + checkpoint_at(c, i)->bytes <= checkpoint_shard_bytes(c, 0));
		checkpoint_close(c);
		bytes[at] = was;
		folder_remove(dir);
	}
}

static void
test_array_file(void **state)
{
	char *dir = folder_new(), path[512];
	struct error err;
	struct checkpoint *c;

	(void)state;
	folder_safetensors(dir, "arrays.safetensors",
	    "{\"rgb\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]},"
	    "\"ids\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,8]}}", 8);
	snprintf(path, sizeof path, "%s/arrays.safetensors", dir);
	c = checkpoint_open_file(path, &err);
	assert_non_null(c);
	assert_int_equal(checkpoint_find(c, "rgb")->view.type, DTYPE_U8);
	assert_null(checkpoint_find(c, "ids"));
	checkpoint_close(c);
	folder_remove(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_single_file),
		cmocka_unit_test(test_shards),
		cmocka_unit_test(test_nothing_there),
		cmocka_unit_test(test_broken_file),
		cmocka_unit_test(test_broken_tensor),
		cmocka_unit_test(test_broken_index),
		cmocka_unit_test(test_damaged_everywhere),
		cmocka_unit_test(test_array_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
