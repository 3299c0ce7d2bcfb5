/* support.c: see support.h. */
#include "config.h"

#include "tests/engine/support.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/file.h"

/* ---------------------------------------------------------------- folders */

char *
folder_new(void)
{
	const char *parent = getenv("TMPDIR");
	char *dir = xasprintf("%s/engine-test-XXXXXX", parent ? parent : "/tmp");

	assert_non_null(mkdtemp(dir));
	return dir;
}

void
folder_remove(char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *entry;

	assert_non_null(d);
	while ((entry = readdir(d)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			unlinkat(dirfd(d), entry->d_name, 0);
	closedir(d);
	rmdir(dir);
	free(dir);
}

void
folder_write(const char *dir, const char *name, const void *bytes, size_t n)
{
	char *path = xasprintf("%s/%s", dir, name);
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
	free(path);
}

void
folder_text(const char *dir, const char *name, const char *text)
{
	folder_write(dir, name, text, strlen(text));
}

void
folder_link(const char *dir, const char *name, const char *target)
{
	char *path = xasprintf("%s/%s", dir, name);

	assert_int_equal(symlink(target, path), 0);
	free(path);
}

void
folder_edit(const char *dir, const char *name, const char *from, const char *to)
{
	char *path = xasprintf("%s/%s", dir, name);
	struct buf text = {0}, out = {0};
	const char *at;

	assert_int_equal(file_read(path, 1 << 20, &text, CODE_INPUT, NULL), 0);
	at = memmem(buf_text(&text), text.n, from, strlen(from));
	assert_non_null(at);
	buf_add(&out, text.at, (size_t)(at - text.at));
	buf_str(&out, to);
	buf_add(&out, at + strlen(from), text.n - (size_t)(at - text.at) - strlen(from));
	folder_write(dir, name, out.at, out.n);
	buf_done(&text);
	buf_done(&out);
	free(path);
}

/* ---------------------------------------------------------------- tokenizer.model */

static void
add_varint(struct buf *b, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		buf_char(b, (char)(value & 0x7f) | (char)0x80);
	buf_char(b, (char)value);
}

void
model_int(struct buf *b, int field, uint64_t value)
{
	add_varint(b, (uint64_t)field << 3);
	add_varint(b, value);
}

static void
add_bytes(struct buf *b, int field, const void *bytes, size_t n)
{
	add_varint(b, (uint64_t)field << 3 | 2);
	add_varint(b, n);
	buf_add(b, bytes, n);
}

void
model_message(struct buf *b, int field, const struct buf *message)
{
	add_bytes(b, field, buf_text(message), message->n);
}

void
model_piece(struct buf *b, const char *text, float score, int type)
{
	struct buf piece = {0};
	uint32_t bits;

	add_bytes(&piece, 1, text, strlen(text));
	memcpy(&bits, &score, sizeof bits);
	add_varint(&piece, 2 << 3 | 5);
	for (int i = 0; i < 4; i++)
		buf_char(&piece, (char)(bits >> 8 * i));
	if (type != 1)
		model_int(&piece, 3, (uint64_t)type);
	model_message(b, 1, &piece);
	buf_done(&piece);
}

static void
add_specs(struct buf *b, bool dummy_prefix, bool squeeze)
{
	struct buf trainer = {0}, normalizer = {0};

	model_int(&trainer, 3, 2);              /* BPE */
	model_int(&trainer, 35, 1);             /* byte_fallback */
	model_int(&trainer, 999, 12345);        /* a field of the future */
	model_message(b, 2, &trainer);
	model_int(&normalizer, 3, dummy_prefix);
	model_int(&normalizer, 4, squeeze);
	model_message(b, 3, &normalizer);
	buf_done(&trainer);
	buf_done(&normalizer);
}

/* Letters 259: ▁ a b c, then merges: ab (-1), bc (-2), abc (-3), ▁a (-4), frozen <x>, unused "cc", aa, and "<x>a", which
 * nothing can make. */
void
model_small(struct buf *b, bool dummy_prefix, bool squeeze)
{
	static const struct { const char *text; float score; int type; } pieces[] = {
		{"\xe2\x96\x81", -10, 1}, {"a", -11, 1}, {"b", -12, 1}, {"c", -13, 1}, {"ab", -1, 1}, {"bc", -2, 1},
		{"abc", -3, 1}, {"\xe2\x96\x81" "a", -4, 1}, {"<x>", 0, 4}, {"cc", -5, 5}, {"aa", -5, 1},
		{"<x>a", -1, 1},
	};

	model_piece(b, "<unk>", 0, 2);
	model_piece(b, "<s>", 0, 3);
	model_piece(b, "</s>", 0, 3);
	for (int i = 0; i < 256; i++) {
		char name[8];

		snprintf(name, sizeof name, "<0x%02X>", (unsigned)i);
		model_piece(b, name, 0, 6);
	}
	for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
		model_piece(b, pieces[i].text, pieces[i].score, pieces[i].type);
	add_specs(b, dummy_prefix, squeeze);
}

/* ---------------------------------------------------------------- safetensors */

void
folder_safetensors(const char *dir, const char *name, const char *header, size_t data_bytes)
{
	struct buf b = {0};
	uint64_t n = strlen(header);

	for (int i = 0; i < 8; i++)
		buf_char(&b, (char)(n >> 8 * i));
	buf_str(&b, header);
	for (size_t i = 0; i < data_bytes; i++)
		buf_char(&b, (char)(i % 3));
	folder_write(dir, name, b.at, b.n);
	buf_done(&b);
}

/* One entry of a header that is being written; sizes in F16, two bytes each. */
static void
add_entry(struct buf *header, size_t *at, const char *name, const char *shape, size_t n)
{
	buf_printf(header, "%s\"%s\":{\"dtype\":\"F16\",\"shape\":[%s]  ,\"data_offsets\":[%zu,%zu]}", header->n > 1 ? "," : "",
	    name, shape, *at, *at + 2 * n);
	*at += 2 * n;
}

/* C = 4, F = 8, patch 2, 4 pixels, so 5 tokens and 1 picture place; H = 4, M = 8, V = 277, one layer each. */
static void
write_weights(const char *dir)
{
	static const struct { const char *name, *shape; size_t n; } t[] = {
		{"vision_model.embeddings.class_embedding", "1,1,4", 4},
		{"vision_model.embeddings.patch_embedding.weight", "4,3,2,2", 48},
		{"vision_model.embeddings.patch_embedding.bias", "4", 4},
		{"vision_model.embeddings.position_embedding", "1,5,4", 20},
		{"vision_model.encoder.layers.0.norm1.weight", "4", 4},
		{"vision_model.encoder.layers.0.norm2.weight", "4", 4},
		{"vision_model.encoder.layers.0.ls1", "4", 4},
		{"vision_model.encoder.layers.0.ls2", "4", 4},
		{"vision_model.encoder.layers.0.attn.qkv.weight", "12,4", 48},
		{"vision_model.encoder.layers.0.attn.q_norm.weight", "4", 4},
		{"vision_model.encoder.layers.0.attn.k_norm.weight", "4", 4},
		{"vision_model.encoder.layers.0.attn.proj.weight", "4,4", 16},
		{"vision_model.encoder.layers.0.attn.proj.bias", "4", 4},
		{"vision_model.encoder.layers.0.mlp.fc1.weight", "8,4", 32},
		{"vision_model.encoder.layers.0.mlp.fc1.bias", "8", 8},
		{"vision_model.encoder.layers.0.mlp.fc2.weight", "4,8", 32},
		{"vision_model.encoder.layers.0.mlp.fc2.bias", "4", 4},
		{"mlp1.0.weight", "16", 16}, {"mlp1.0.bias", "16", 16},
		{"mlp1.1.weight", "4,16", 64}, {"mlp1.1.bias", "4", 4},
		{"mlp1.3.weight", "4,4", 16}, {"mlp1.3.bias", "4", 4},
		{"language_model.model.embed_tokens.weight", "277,4", 1108},
		{"language_model.model.layers.0.input_layernorm.weight", "4", 4},
		{"language_model.model.layers.0.post_attention_layernorm.weight", "4", 4},
		{"language_model.model.layers.0.self_attn.q_proj.weight", "4,4", 16},
		{"language_model.model.layers.0.self_attn.k_proj.weight", "2,4", 8},
		{"language_model.model.layers.0.self_attn.v_proj.weight", "2,4", 8},
		{"language_model.model.layers.0.self_attn.o_proj.weight", "4,4", 16},
		{"language_model.model.layers.0.mlp.gate_proj.weight", "8,4", 32},
		{"language_model.model.layers.0.mlp.up_proj.weight", "8,4", 32},
		{"language_model.model.layers.0.mlp.down_proj.weight", "4,8", 32},
		{"language_model.model.norm.weight", "4", 4},
		{"language_model.lm_head.weight", "277,4", 1108},
	};
	struct buf header = {0};
	size_t at = 0;

	buf_str(&header, "{");
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		add_entry(&header, &at, t[i].name, t[i].shape, t[i].n);
	add_entry(&header, &at, "language_model.model.layers.0.self_attn.rotary_emb.inv_freq", "1", 1);
	buf_str(&header, "}");
	folder_safetensors(dir, "model.safetensors", header.at, at);
	buf_done(&header);
}

void
folder_chat_model(const char *dir)
{
	struct buf model = {0};

	model_small(&model, false, false);
	folder_write(dir, "tokenizer.model", model.at, model.n);
	buf_done(&model);
	folder_text(dir, "config.json",
	    "{\"architectures\": [\"InternVLChatModel\"], \"template\": \"Hermes-2\", \"select_layer\": -1,\n"
	    "\"force_image_size\": 4, \"downsample_ratio\": 0.5, \"use_llm_lora\": 0, \"dynamic_image_size\": false,\n"
	    "\"vision_config\": {\"hidden_size\": 4, \"num_hidden_layers\": 1, \"num_attention_heads\": 2,\n"
	    "\"intermediate_size\": 8, \"patch_size\": 2, \"image_size\": 4, \"qk_normalization\": true,\n"
	    "\"qkv_bias\": false, \"norm_type\": \"rms_norm\"},\n"
	    "\"llm_config\": {\"architectures\": [\"LlamaForCausalLM\"], \"hidden_size\": 4, \"num_hidden_layers\": 1,\n"
	    "\"num_attention_heads\": 2, \"num_key_value_heads\": 1, \"intermediate_size\": 8, \"vocab_size\": 277,\n"
	    "\"hidden_act\": \"silu\", \"rope_theta\": 10000, \"rope_scaling\": null, \"eos_token_id\": 272}}\n");
	folder_text(dir, "tokenizer_config.json", "{\"add_bos_token\": false, \"bos_token\": \"<s>\"}");
	folder_text(dir, "added_tokens.json", "{\"<|im_start|>\": 271, \"<|im_end|>\": 272, \"<img>\": 273, \"</img>\": 274,\n"
	    "\"<IMG_CONTEXT>\": 275, \"<ref>\": 276}");
	folder_text(dir, "preprocessor_config.json", "{\"image_mean\": [0.485, 0.456, 0.406],\n"
	    "\"image_std\": [0.229, 0.224, 0.225], \"size\": 4}");
	write_weights(dir);
}

/* ---------------------------------------------------------------- golden files */

/* Absolute, so that links to what lies there work from anywhere; the caller frees. */
static char *
shared_root(void)
{
	const char *named = getenv("IVCHAT_SHARED"), *srcdir = getenv("srcdir");
	char *given = named ? xstrdup(named) : xasprintf("%s/../shared", srcdir ? srcdir : ".");
	char *fixtures = xasprintf("%s/fixtures", given);
	char *root = realpath(given, NULL);

	if (!root || access(fixtures, R_OK) != 0) {
		fprintf(stderr, "skipped: no reference files at '%s' (set IVCHAT_SHARED)\n", given);
		exit(77);
	}
	free(given);
	free(fixtures);
	return root;
}

char *
shared_path(const char *path)
{
	char *root = shared_root();
	char *full = xasprintf("%s/%s", root, path);

	free(root);
	return full;
}

json_t *
shared_json(const char *path)
{
	char *full = shared_path(path);
	json_error_t why;
	json_t *root = json_load_file(full, JSON_ALLOW_NUL, &why);

	if (!root)
		print_error("%s: %s\n", full, why.text);
	assert_non_null(root);
	free(full);
	return root;
}

/* ---------------------------------------------------------------- comparing */

void
assert_ids(const struct ids *got, const json_t *want, const char *what)
{
	bool same = got->n == json_array_size(want);

	for (size_t i = 0; same && i < got->n; i++)
		same = got->at[i] == json_integer_value(json_array_get(want, i));
	if (same)
		return;
	print_error("%s: want %zu ids", what, json_array_size(want));
	for (size_t i = 0; i < json_array_size(want) && i < 40; i++)
		print_error(" %lld", (long long)json_integer_value(json_array_get(want, i)));
	print_error("\n  got %zu ids", got->n);
	for (size_t i = 0; i < got->n && i < 40; i++)
		print_error(" %d", got->at[i]);
	print_error("\n");
	fail();
}

void
hex(char *out, const void *bytes, size_t n)
{
	const unsigned char *b = bytes;

	out[0] = '\0';
	for (size_t i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", b[i]);
}
