/* hparams.c: config.json → struct hparams.
 *
 * Three kinds of keys: numbers with limits (tables of int_key), keys with the one value that this engine computes
 * (tables of fixed_key), and a few with a rule of their own. What stands for a missing key is the value of
 * InternVL-Chat-V1.2-Plus (model.md section 2.1); a plain Llama folder must give its sizes. The limits keep every
 * product of sizes inside 64 bits, so nothing behind this file checks for overflow again.
 */
#include "config.h"

#include "engine/hparams.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "engine/jsonfile.h"

/* One object of config.json and how messages call it. */
struct section {
	const char *dir;
	const char *prefix;             /* "", "vision_config." or "llm_config." */
	const json_t *object;
	struct error *err;
};

/* A number: its field in the struct, its limits, and what stands for a missing key (-1: it must be there). */
struct int_key {
	const char *key;
	size_t offset;
	int min, max, fallback;
};

/* A key with one supported value, written as JSON; missing and null mean that value. */
struct fixed_key {
	const char *key;
	const char *value;
};

static const struct int_key vision_ints[] = {
	{"hidden_size", offsetof(struct vision_hparams, hidden_size), 1, 1 << 16, 3200},
	{"num_hidden_layers", offsetof(struct vision_hparams, n_layers), 1, 1024, 45},
	{"num_attention_heads", offsetof(struct vision_hparams, n_heads), 1, 1024, 25},
	{"intermediate_size", offsetof(struct vision_hparams, intermediate_size), 1, 1 << 18, 12800},
	{"patch_size", offsetof(struct vision_hparams, patch_size), 1, 256, 14},
	{"image_size", offsetof(struct vision_hparams, image_size), 1, 4096, 448},
	{0}
};

static const struct int_key llm_ints[] = {
	{"hidden_size", offsetof(struct llm_hparams, hidden_size), 1, 1 << 16, 7168},
	{"num_hidden_layers", offsetof(struct llm_hparams, n_layers), 1, 1024, 60},
	{"num_attention_heads", offsetof(struct llm_hparams, n_heads), 1, 1024, 56},
	{"intermediate_size", offsetof(struct llm_hparams, intermediate_size), 1, 1 << 18, 20480},
	{"vocab_size", offsetof(struct llm_hparams, vocab_size), 1, 1 << 21, 64007},
	{0}
};

static const struct fixed_key top_fixed[] = {
	{"dynamic_image_size", "false"},
	{"pad2square", "false"},
	{"use_backbone_lora", "0"},
	{"use_llm_lora", "0"},
	{"downsample_ratio", "0.5"},
	{"template", "\"Hermes-2\""},
	{0}
};

static const struct fixed_key vision_fixed[] = {
	{"norm_type", "\"rms_norm\""},
	{"qk_normalization", "true"},
	{"qkv_bias", "false"},
	{"hidden_act", "\"gelu\""},
	{"num_channels", "3"},
	{0}
};

static const struct fixed_key llm_fixed[] = {
	{"hidden_act", "\"silu\""},
	{"rope_scaling", "null"},
	{"attention_bias", "false"},
	{"mlp_bias", "false"},
	{0}
};

/* Where a plain Llama folder has its own. */
static const struct fixed_key nested_llm_fixed[] = {
	{"quantization_config", "null"},
	{0}
};

/* What quantize.c writes. */
static const struct {
	const char *format;
	enum engine_quant quant;
	struct fixed_key fixed[3];
} formats[] = {
	{"fp8", ENGINE_FP8, {{"bits", "8"}, {"group_size", "null"}, {0}}},
	{"int8", ENGINE_INT8, {{"bits", "8"}, {"group_size", "null"}, {0}}},
	{"int4", ENGINE_INT4, {{"bits", "4"}, {"group_size", "128"}, {0}}},
};

/* ---------------------------------------------------------------- one key */

/* The value of a key; NULL when it is missing or null. */
static const json_t *
value_of(const struct section *s, const char *key)
{
	const json_t *value = json_object_get(s->object, key);

	return json_is_null(value) ? NULL : value;
}

/* Says which key has which value and what could be there instead. */
static int
refuse(const struct section *s, const char *key, const json_t *value, const char *supported)
{
	char *text = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS) : NULL;

	error_set(s->err, CODE_MODEL, "'%s/config.json': %s%s is %.120s%s; supported: %s", s->dir, s->prefix, key,
	    text ? text : "missing", text && strlen(text) > 120 ? "..." : "", supported);
	error_hint(s->err, "this program runs InternVL-Chat-V1.2 and V1.2-Plus and models of the same architecture");
	free(text);
	return -1;
}

static int
read_int(const struct section *s, const struct int_key *k, int *out)
{
	const json_t *value = value_of(s, k->key);
	json_int_t n = json_integer_value(value);
	char limits[64];

	if (!value && k->fallback >= 0) {
		*out = k->fallback;
		return 0;
	}
	if (json_is_integer(value) && n >= k->min && n <= k->max) {
		*out = (int)n;
		return 0;
	}
	snprintf(limits, sizeof limits, "an integer from %d to %d", k->min, k->max);
	return refuse(s, k->key, value, limits);
}

/* A positive number, integer or real; fallback 0: it must be there. */
static int
read_real(const struct section *s, const char *key, double fallback, float *out)
{
	const json_t *value = value_of(s, key);
	double x = json_number_value(value);

	if (!value && fallback > 0)
		x = fallback;
	else if (!value || !json_is_number(value) || !(x > 0 && x < 1e12))
		return refuse(s, key, value, "a number above 0");
	*out = (float)x;
	return 0;
}

static int
read_bool(const struct section *s, const char *key, bool fallback, bool *out)
{
	const json_t *value = value_of(s, key);

	if (value && !json_is_boolean(value))
		return refuse(s, key, value, "true or false");
	*out = value ? json_is_true(value) : fallback;
	return 0;
}

static int
read_string(const struct section *s, const char *key, const char *fallback, char *out, size_t cap)
{
	const json_t *value = value_of(s, key);

	if (value && (!json_is_string(value) || json_string_length(value) >= cap ||
	    strlen(json_string_value(value)) != json_string_length(value)))
		return refuse(s, key, value, "a string of reasonable length");
	snprintf(out, cap, "%s", value ? json_string_value(value) : fallback);
	return 0;
}

/* ---------------------------------------------------------------- tables */

/* Reads a table of numbers into the struct at base; no key has a default when `strict`. */
static int
read_ints(const struct section *s, const struct int_key *table, bool strict, void *base)
{
	for (; table->key; table++) {
		struct int_key k = *table;

		if (strict)
			k.fallback = -1;
		if (read_int(s, &k, (int *)((char *)base + k.offset)) < 0)
			return -1;
	}
	return 0;
}

static int
check_fixed(const struct section *s, const struct fixed_key *table)
{
	for (; table->key; table++) {
		const json_t *value = value_of(s, table->key);
		char *text = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
		bool same = !value || (text && strcmp(text, table->value) == 0);

		free(text);
		if (!same)
			return refuse(s, table->key, value, table->value);
	}
	return 0;
}

/* ---------------------------------------------------------------- rules */

/* architectures[0], or "" */
static const char *
architecture(const json_t *object)
{
	const char *name = json_string_value(json_array_get(json_object_get(object, "architectures"), 0));

	return name ? name : "";
}

static int
check_architecture(const struct section *s, const char *supported)
{
	if (strcmp(architecture(s->object), supported) == 0)
		return 0;
	return refuse(s, "architectures", json_object_get(s->object, "architectures"), supported);
}

static int
check_heads(const struct section *s, int hidden_size, int n_heads, int *head_dim)
{
	if (hidden_size % n_heads == 0) {
		*head_dim = hidden_size / n_heads;
		return 0;
	}
	return refuse(s, "num_attention_heads", value_of(s, "num_attention_heads"), "a divisor of hidden_size");
}

static int
read_vision(struct vision_hparams *v, const struct section *s)
{
	if (check_fixed(s, vision_fixed) < 0 || read_ints(s, vision_ints, false, v) < 0)
		return -1;
	if (read_real(s, "layer_norm_eps", 1e-6, &v->norm_eps) < 0)
		return -1;
	if (v->image_size % v->patch_size != 0)
		return refuse(s, "image_size", value_of(s, "image_size"), "a multiple of patch_size");
	return check_heads(s, v->hidden_size, v->n_heads, &v->head_dim);
}

/* Newer configs keep rope_theta in rope_parameters, whose type must then be the plain one. */
static int
read_rope(struct llm_hparams *l, const struct section *s, double fallback)
{
	struct section rope = {s->dir, "llm_config.rope_parameters.", value_of(s, "rope_parameters"), s->err};
	static const struct fixed_key plain[] = {{"rope_type", "\"default\""}, {0}};

	if (!rope.object || value_of(s, "rope_theta"))
		return read_real(s, "rope_theta", fallback, &l->rope_theta);
	if (!*s->prefix)
		rope.prefix = "rope_parameters.";
	if (check_fixed(&rope, plain) < 0)
		return -1;
	return read_real(&rope, "rope_theta", fallback, &l->rope_theta);
}

static int
read_kv_heads(struct llm_hparams *l, const struct section *s)
{
	const struct int_key k = {"num_key_value_heads", 0, 1, l->n_heads, l->n_heads};

	if (read_int(s, &k, &l->n_kv_heads) < 0)
		return -1;
	if (l->n_heads % l->n_kv_heads != 0)
		return refuse(s, k.key, value_of(s, k.key), "a divisor of num_attention_heads");
	return 0;
}

/* Llama's heads need not fill hidden_size: q and o then have a width of their own. RoPE turns pairs, so the size is
 * even. */
static int
read_head_dim(struct llm_hparams *l, const struct section *s)
{
	const struct int_key k = {"head_dim", 0, 2, 1 << 12, -1};

	if (value_of(s, k.key)) {
		if (read_int(s, &k, &l->head_dim) < 0)
			return -1;
		return l->head_dim % 2 == 0 ? 0 : refuse(s, k.key, value_of(s, k.key), "an even number");
	}
	if (check_heads(s, l->hidden_size, l->n_heads, &l->head_dim) < 0)
		return -1;
	if (l->head_dim % 2 != 0)
		return refuse(s, "num_attention_heads", value_of(s, "num_attention_heads"), "heads of an even size");
	return 0;
}

/* One id, or a list whose first counts; card.c gathers all stop ids. */
static void
read_eos(struct llm_hparams *l, const struct section *s)
{
	const json_t *value = value_of(s, "eos_token_id");

	if (json_is_array(value))
		value = json_array_get(value, 0);
	l->eos_token_id = -1;
	if (json_is_integer(value) && json_integer_value(value) >= 0 && json_integer_value(value) < l->vocab_size)
		l->eos_token_id = (int)json_integer_value(value);
}

static int
read_n_ctx(struct llm_hparams *l, const struct section *s, int fallback)
{
	const struct int_key k = {"max_position_embeddings", 0, 1, 1 << 24, fallback};

	return read_int(s, &k, &l->max_position_embeddings);
}

/* Missing keys: a plain Llama folder means transformers' defaults, another the values of the known model. */
static int
read_llm(struct llm_hparams *l, const struct section *s, bool text_only)
{
	if (check_architecture(s, "LlamaForCausalLM") < 0 || check_fixed(s, llm_fixed) < 0)
		return -1;
	if (read_ints(s, llm_ints, text_only, l) < 0 || read_kv_heads(l, s) < 0)
		return -1;
	if (read_head_dim(l, s) < 0)
		return -1;
	if (read_n_ctx(l, s, text_only ? 2048 : 4096) < 0)
		return -1;
	if (read_real(s, "rms_norm_eps", text_only ? 1e-6 : 1e-5, &l->norm_eps) < 0)
		return -1;
	if (read_rope(l, s, text_only ? 1e4 : 5e6) < 0)
		return -1;
	read_eos(l, s);
	return read_bool(s, "tie_word_embeddings", false, &l->tie_word_embeddings);
}

/* select_layer names one of the n_layers + 1 hidden states, the embeddings first, from the end when negative; the
 * layers behind it need not run. */
static int
read_select_layer(struct hparams *hp, const struct section *s)
{
	const struct int_key k = {"select_layer", 0, -hp->vision.n_layers, hp->vision.n_layers, -1};
	int state = -1;

	if (value_of(s, k.key) && read_int(s, &k, &state) < 0)
		return -1;
	if (state == 0)
		return refuse(s, k.key, value_of(s, k.key), "a layer of the vision tower: 1 is the first, -1 the last");
	hp->n_vision_run = state < 0 ? hp->vision.n_layers + 1 + state : state;
	return 0;
}

static int
read_image_size(struct hparams *hp, const struct section *s)
{
	const struct int_key k = {"force_image_size", 0, 1, 4096, hp->vision.image_size};

	if (read_int(s, &k, &hp->image_size) < 0)
		return -1;
	if (hp->image_size % (2 * hp->vision.patch_size) != 0)
		return refuse(s, k.key, value_of(s, k.key), "a multiple of twice the patch_size");
	return 0;
}

static int
read_shuffle(struct hparams *hp, const struct section *s)
{
	char version[8];

	if (read_string(s, "ps_version", "v1", version, sizeof version) < 0)
		return -1;
	if (strcmp(version, "v1") != 0 && strcmp(version, "v2") != 0)
		return refuse(s, "ps_version", value_of(s, "ps_version"), "\"v1\" or \"v2\"");
	hp->shuffle = version[1] == '1' ? SHUFFLE_V1 : SHUFFLE_V2;
	return 0;
}

/* Weights that somebody else has packed are of no use here. */
static int
read_stored(struct hparams *hp, const struct section *top)
{
	struct section s = {top->dir, "quantization_config.", value_of(top, "quantization_config"), top->err};
	const char *method = json_string_value(json_object_get(s.object, "quant_method"));
	const char *format = json_string_value(json_object_get(s.object, "format"));

	if (!s.object)
		return 0;
	if (!method || strcmp(method, "ivchat") != 0)
		return refuse(top, "quantization_config", s.object, "what `ivchat model quantize` writes");
	for (size_t i = 0; format && i < sizeof formats / sizeof *formats; i++)
		if (strcmp(format, formats[i].format) == 0) {
			hp->stored = formats[i].quant;
			return check_fixed(&s, formats[i].fixed);
		}
	return refuse(&s, "format", value_of(&s, "format"), "\"fp8\", \"int8\", \"int4\"");
}

/* ---------------------------------------------------------------- the two kinds of folder */

static int
read_chat(struct hparams *hp, const struct section *top)
{
	struct section vision = {top->dir, "vision_config.", value_of(top, "vision_config"), top->err};
	struct section llm = {top->dir, "llm_config.", value_of(top, "llm_config"), top->err};

	if (!json_is_object(vision.object))
		return refuse(top, "vision_config", vision.object, "an object");
	if (!json_is_object(llm.object))
		return refuse(top, "llm_config", llm.object, "an object");
	if (check_fixed(top, top_fixed) < 0 || check_fixed(&llm, nested_llm_fixed) < 0 || read_shuffle(hp, top) < 0)
		return -1;
	if (read_vision(&hp->vision, &vision) < 0 || read_llm(&hp->llm, &llm, false) < 0)
		return -1;
	if (read_select_layer(hp, top) < 0 || read_image_size(hp, top) < 0)
		return -1;
	if (read_string(top, "template", "Hermes-2", hp->template_name, sizeof hp->template_name) < 0)
		return -1;
	return read_string(top, "system_message", "Answer the questions.", hp->system_message,
	    sizeof hp->system_message);
}

static int
read_top(struct hparams *hp, const struct section *top)
{
	hp->text_only = strcmp(architecture(top->object), "LlamaForCausalLM") == 0;
	if (read_stored(hp, top) < 0)
		return -1;
	if (hp->text_only)
		return read_llm(&hp->llm, top, true);
	if (strcmp(architecture(top->object), "InternVLChatModel") == 0)
		return read_chat(hp, top);
	return refuse(top, "architectures", json_object_get(top->object, "architectures"),
	    "InternVLChatModel, LlamaForCausalLM");
}

int
hparams_read(struct hparams *hp, const char *dir, struct error *err)
{
	json_t *root = jsonfile_read(dir, "config.json", err);
	struct section top = {dir, "", root, err};
	int rc;

	*hp = (struct hparams){0};
	if (!root)
		return -1;
	rc = read_top(hp, &top);
	json_decref(root);
	return rc;
}

int
hparams_default(struct hparams *hp, struct error *err)
{
	json_t *root = json_pack("{s:[s], s:{}, s:{s:[s], s:i}}", "architectures", "InternVLChatModel", "vision_config",
	    "llm_config", "architectures", "LlamaForCausalLM", "num_key_value_heads", 8);
	struct section top = {"", "", root, err};
	int rc;

	*hp = (struct hparams){0};
	rc = read_top(hp, &top);
	json_decref(root);
	return rc;
}

int
hparams_n_image_tokens(const struct hparams *hp)
{
	int grid;

	if (hp->text_only)
		return 0;
	grid = hp->image_size / hp->vision.patch_size;
	return grid * grid / 4;
}

static long long
vision_params(const struct hparams *hp)
{
	const struct vision_hparams *v = &hp->vision;
	long long c = v->hidden_size, f = v->intermediate_size, p = v->patch_size, h = hp->llm.hidden_size;
	long long grid = v->image_size / v->patch_size;
	long long embeddings = c + 3 * p * p * c + c + (1 + grid * grid) * c;
	long long layer = 8 * c + 4 * c * c + 2 * f * c + f;    /* norms, scales, biases; qkv, proj; fc1, fc2 */
	long long projector = 8 * c + 4 * c * h + h + h * h + h;

	return embeddings + v->n_layers * layer + projector;
}

static long long
llm_params(const struct llm_hparams *l)
{
	long long h = l->hidden_size, q = (long long)l->n_heads * l->head_dim;
	long long kv = (long long)l->n_kv_heads * l->head_dim;
	long long layer = 2 * h + 2 * q * h + 2 * kv * h + 3 * h * l->intermediate_size;

	return (l->tie_word_embeddings ? 1 : 2) * h * l->vocab_size + l->n_layers * layer + h;
}

long long
hparams_n_params(const struct hparams *hp)
{
	return llm_params(&hp->llm) + (hp->text_only ? 0 : vision_params(hp));
}
