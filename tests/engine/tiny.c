/* tiny.c: see tiny.h. */
#include "config.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "engine/cpu/cpu.h"
#include "tiny.h"

const struct tiny tiny_default = {
	.image_size = 56, .stored_image_size = 56, .patch_size = 14,
	.vision_hidden = 32, .vision_layers = 2, .vision_heads = 2, .vision_intermediate = 64,
	.hidden = 48, .layers = 2, .heads = 6, .kv_heads = 2, .intermediate = 80, .vocab = 291, .n_ctx = 64,
	.type = DTYPE_F32, .seed = 1,
};

float
tiny_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (float)(*state >> 40) * 0x1p-23f - 1;
}

int32_t
tiny_context_id(const struct tiny *t)
{
	return t->vocab - 1;
}

static FILE *
create(const char *dir, const char *name)
{
	char *path = xasprintf("%s/%s", dir, name);
	FILE *f = fopen(path, "wb");

	if (!f) {
		perror(path);
		exit(99);
	}
	free(path);
	return f;
}

/* ---- config and tokenizer */

static int
head_dim(const struct tiny *t)
{
	return t->head_dim ? t->head_dim : t->hidden / t->heads;
}

static void
write_config(const char *dir, const struct tiny *t)
{
	FILE *f = create(dir, "config.json");
	char llm[512];

	snprintf(llm, sizeof llm, "\"architectures\": [\"LlamaForCausalLM\"], \"hidden_size\": %d, "
	    "\"num_hidden_layers\": %d, \"num_attention_heads\": %d, \"num_key_value_heads\": %d, "
	    "\"head_dim\": %d, \"intermediate_size\": %d, \"vocab_size\": %d, \"max_position_embeddings\": %d, "
	    "\"rope_theta\": 10000.0, \"rms_norm_eps\": 1e-5, \"eos_token_id\": 7, \"tie_word_embeddings\": false",
	    t->hidden, t->layers, t->heads, t->kv_heads, head_dim(t), t->intermediate, t->vocab, t->n_ctx);
	if (t->text_only)
		fprintf(f, "{%s, \"model_type\": \"llama\"}\n", llm);
	else
		fprintf(f, "{\"architectures\": [\"InternVLChatModel\"], \"model_type\": \"internvl_chat\", "
		    "\"template\": \"Hermes-2\", \"select_layer\": -1, \"downsample_ratio\": 0.5, "
		    "\"force_image_size\": %d, \"llm_config\": {%s}, \"vision_config\": {\"hidden_size\": %d, "
		    "\"num_hidden_layers\": %d, \"num_attention_heads\": %d, "
		    "\"intermediate_size\": %d, \"patch_size\": %d, \"image_size\": %d, \"qk_normalization\": true, "
		    "\"qkv_bias\": false, \"norm_type\": \"rms_norm\", \"layer_norm_eps\": 1e-6}}\n",
		    t->image_size, llm, t->vision_hidden, t->vision_layers, t->vision_heads, t->vision_intermediate,
		    t->patch_size, t->stored_image_size);
	fclose(f);
}

static void
write_small_files(const char *dir, const struct tiny *t)
{
	FILE *f = create(dir, "preprocessor_config.json");

	fprintf(f, "{\"image_mean\": [0.485, 0.456, 0.406], \"image_std\": [0.229, 0.224, 0.225], \"size\": %d}\n",
	    t->image_size);
	fclose(f);
	f = create(dir, "tokenizer_config.json");
	fprintf(f, "{\"add_bos_token\": false, \"added_tokens_decoder\": {"
	    "\"6\": {\"content\": \"<|im_start|>\", \"special\": true}, "
	    "\"7\": {\"content\": \"<|im_end|>\", \"special\": true}}}\n");
	fclose(f);
	f = create(dir, "added_tokens.json");
	fprintf(f, "{\"<IMG_CONTEXT>\": %d}\n", tiny_context_id(t));
	fclose(f);
}

static void
varint(struct buf *b, unsigned v)
{
	for (; v > 127; v >>= 7)
		buf_char(b, (char)(v | 128));
	buf_char(b, (char)v);
}

static void
piece(struct buf *b, const char *text, unsigned type)
{
	size_t n = strlen(text);

	varint(b, 1 << 3 | 2);
	varint(b, (unsigned)n + 4);
	varint(b, 1 << 3 | 2);
	varint(b, (unsigned)n);
	buf_add(b, text, n);
	varint(b, 3 << 3);
	varint(b, type);
}

static void
field(struct buf *b, unsigned number, unsigned value)
{
	varint(b, number << 3);
	varint(b, value);
}

static void
message(struct buf *b, unsigned number, const struct buf *m)
{
	varint(b, number << 3 | 2);
	varint(b, (unsigned)m->n);
	buf_add(b, m->at, m->n);
}

/* Eleven named pieces and the 256 bytes: enough to spell any text. */
static void
write_tokenizer(const char *dir)
{
	static const char *const names[] = { "<unk>", "<|startoftext|>", "<|endoftext|>", "<|Human|>",
		"<|Assistant|>", "<|System|>", "<|im_start|>", "<|im_end|>", "<|im_sep|>", "<img>", "</img>" };
	static const unsigned types[] = { 2, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4 };
	struct buf b = {0}, trainer = {0}, normalizer = {0};
	FILE *f = create(dir, "tokenizer.model");
	char byte[8];

	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		piece(&b, names[i], types[i]);
	for (unsigned i = 0; i < 256; i++) {
		snprintf(byte, sizeof byte, "<0x%02X>", i);
		piece(&b, byte, 6);
	}
	piece(&b, "\xe2\x96\x81", 1);
	field(&trainer, 3, 2);
	field(&trainer, 35, 1);
	field(&trainer, 40, 0);
	field(&trainer, 41, 1);
	field(&trainer, 42, 2);
	field(&normalizer, 3, 0);
	field(&normalizer, 4, 0);
	field(&normalizer, 5, 1);
	message(&b, 2, &trainer);
	message(&b, 3, &normalizer);
	fwrite(b.at, 1, b.n, f);
	fclose(f);
	buf_done(&b);
	buf_done(&trainer);
	buf_done(&normalizer);
}

/* ---- weights */

/* A tensor to be written: values are base + spread * random. */
struct entry {
	char name[96];
	int n_dims, shape[4];
	float base, spread;
};

struct entries {
	struct entry *at;
	size_t n;
};

static size_t
count_of(const struct entry *e)
{
	size_t n = 1;

	for (int i = 0; i < e->n_dims; i++)
		n *= (size_t)e->shape[i];
	return n;
}

static void
add(struct entries *list, const char *name, int layer, int n_dims, int a, int b, int c, int d, float base, float spread)
{
	struct entry e = { .n_dims = n_dims, .shape = { a, b, c, d }, .base = base, .spread = spread };
	size_t prefix = strcspn(name, "#");

	snprintf(e.name, sizeof e.name, "%s", name);
	if (name[prefix] == '#')
		snprintf(e.name, sizeof e.name, "%.*s%d%s", (int)prefix, name, layer, name + prefix + 1);
	list->at = xreallocarray(list->at, list->n + 1, sizeof *list->at);
	list->at[list->n++] = e;
}

static void
add_norm(struct entries *list, const char *name, int layer, int n)
{
	add(list, name, layer, 1, n, 0, 0, 0, 1, 0.2f);
}

static void
add_bias(struct entries *list, const char *name, int layer, int n)
{
	add(list, name, layer, 1, n, 0, 0, 0, 0, 0.2f);
}

static void
add_linear(struct entries *list, const char *name, int layer, int out, int in)
{
	add(list, name, layer, 2, out, in, 0, 0, 0, 2 / sqrtf((float)in));
}

#define VISION "vision_model.encoder.layers.#."

static void
add_vision_layer(struct entries *list, const struct tiny *t, int i)
{
	int c = t->vision_hidden, f = t->vision_intermediate;

	add_norm(list, VISION "norm1.weight", i, c);
	add_norm(list, VISION "norm2.weight", i, c);
	add_norm(list, VISION "ls1", i, c);
	add_norm(list, VISION "ls2", i, c);
	add_linear(list, VISION "attn.qkv.weight", i, 3 * c, c);
	add_norm(list, VISION "attn.q_norm.weight", i, c);
	add_norm(list, VISION "attn.k_norm.weight", i, c);
	add_linear(list, VISION "attn.proj.weight", i, c, c);
	add_bias(list, VISION "attn.proj.bias", i, c);
	add_linear(list, VISION "mlp.fc1.weight", i, f, c);
	add_bias(list, VISION "mlp.fc1.bias", i, f);
	add_linear(list, VISION "mlp.fc2.weight", i, c, f);
	add_bias(list, VISION "mlp.fc2.bias", i, c);
}

static void
add_vision(struct entries *list, const struct tiny *t)
{
	int c = t->vision_hidden, p = t->patch_size, grid = t->stored_image_size / p;

	add(list, "vision_model.embeddings.class_embedding", 0, 3, 1, 1, c, 0, 0, 1);
	add(list, "vision_model.embeddings.patch_embedding.weight", 0, 4, c, 3, p, p, 0, 2 / sqrtf(3 * (float)(p * p)));
	add_bias(list, "vision_model.embeddings.patch_embedding.bias", 0, c);
	add(list, "vision_model.embeddings.position_embedding", 0, 3, 1, 1 + grid * grid, c, 0, 0, 0.5f);
	for (int i = 0; i < t->vision_layers; i++)
		add_vision_layer(list, t, i);
	add_norm(list, "mlp1.0.weight", 0, 4 * c);
	add_bias(list, "mlp1.0.bias", 0, 4 * c);
	add_linear(list, "mlp1.1.weight", 0, t->hidden, 4 * c);
	add_bias(list, "mlp1.1.bias", 0, t->hidden);
	add_linear(list, "mlp1.3.weight", 0, t->hidden, t->hidden);
	add_bias(list, "mlp1.3.bias", 0, t->hidden);
}

#define LLM "language_model.model.layers.#."

static void
add_llm_layer(struct entries *list, const struct tiny *t, int i)
{
	int h = t->hidden, m = t->intermediate, q = t->heads * head_dim(t), kv = t->kv_heads * head_dim(t);

	add_norm(list, LLM "input_layernorm.weight", i, h);
	add_norm(list, LLM "post_attention_layernorm.weight", i, h);
	add_linear(list, LLM "self_attn.q_proj.weight", i, q, h);
	if (t->sharpness > 0)
		list->at[list->n - 1].spread *= t->sharpness;
	add_linear(list, LLM "self_attn.k_proj.weight", i, kv, h);
	add_linear(list, LLM "self_attn.v_proj.weight", i, kv, h);
	add_linear(list, LLM "self_attn.o_proj.weight", i, h, q);
	add_linear(list, LLM "mlp.gate_proj.weight", i, m, h);
	add_linear(list, LLM "mlp.up_proj.weight", i, m, h);
	add_linear(list, LLM "mlp.down_proj.weight", i, h, m);
}

static void
add_llm(struct entries *list, const struct tiny *t)
{
	add(list, "language_model.model.embed_tokens.weight", 0, 2, t->vocab, t->hidden, 0, 0, 0, 1);
	for (int i = 0; i < t->layers; i++)
		add_llm_layer(list, t, i);
	add_norm(list, "language_model.model.norm.weight", 0, t->hidden);
	add(list, "language_model.lm_head.weight", 0, 2, t->vocab, t->hidden, 0, 0, 0, 1);
}

static void
write_header(FILE *f, const struct tiny *t, const struct entries *list)
{
	static const char *const types[] = { [DTYPE_F32] = "F32", [DTYPE_BF16] = "BF16", [DTYPE_F16] = "F16" };
	struct buf b = {0};
	size_t at = 0;

	buf_char(&b, '{');
	for (size_t i = 0; i < list->n; i++) {
		const struct entry *e = &list->at[i];
		size_t n = count_of(e) * dtype_bytes(t->type);
		const char *name = e->name + (t->text_only ? strlen("language_model.") : 0);

		buf_printf(&b, "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[", i ? "," : "", name, types[t->type]);
		for (int d = 0; d < e->n_dims; d++)
			buf_printf(&b, "%s%d", d ? "," : "", e->shape[d]);
		buf_printf(&b, "],\"data_offsets\":[%zu,%zu]}", at, at + n);
		at += n;
	}
	buf_char(&b, '}');
	while (b.n % 8 != 0)
		buf_char(&b, ' ');
	for (int i = 0; i < t->pad; i++)
		buf_char(&b, ' ');
	for (int i = 0; i < 8; i++)
		fputc((int)(b.n >> (8 * i) & 255), f);
	fwrite(b.at, 1, b.n, f);
	buf_done(&b);
}

static void
write_value(FILE *f, enum dtype type, float value)
{
	uint16_t half = type == DTYPE_BF16 ? float_bf16(value) : float_f16(value);

	if (type == DTYPE_F32)
		fwrite(&value, sizeof value, 1, f);
	else
		fwrite(&half, sizeof half, 1, f);
}

/* Values are rounded to bfloat16 first: written as F32 or BF16 the model is the same. */
static void
write_weights(const char *dir, const struct tiny *t)
{
	struct entries list = {0};
	FILE *f = create(dir, "model.safetensors");
	uint64_t state = t->seed;

	if (!t->text_only)
		add_vision(&list, t);
	add_llm(&list, t);
	write_header(f, t, &list);
	for (size_t i = 0; i < list.n; i++)
		for (size_t n = count_of(&list.at[i]); n > 0; n--) {
			float value = list.at[i].base + list.at[i].spread * tiny_random(&state);

			write_value(f, t->type, bf16_float(float_bf16(value)));
		}
	fclose(f);
	free(list.at);
}

char *
tiny_write_shape(const struct tiny *t)
{
	const char *tmp = getenv("TMPDIR");
	char *dir = xasprintf("%s/ivchat-test-XXXXXX", tmp && *tmp ? tmp : "/tmp");

	if (!mkdtemp(dir)) {
		perror(dir);
		exit(99);
	}
	write_config(dir, t);
	write_small_files(dir, t);
	write_tokenizer(dir);
	return dir;
}

char *
tiny_write(const struct tiny *t)
{
	char *dir = tiny_write_shape(t);

	write_weights(dir, t);
	return dir;
}

void
tiny_remove(char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.') {
			char *path = xasprintf("%s/%s", dir, e->d_name);

			unlink(path);
			free(path);
		}
	if (d)
		closedir(d);
	rmdir(dir);
	free(dir);
}
