/* pure_card.c: a whole small model folder, then the same folder with one thing wrong at a time; and the prompts that
 * its template makes. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "engine/hparams.h"
#include "tests/engine/support.h"

static struct card *
open_card(const char *dir)
{
	struct error err = {0};
	struct card *card = card_open(dir, &err);

	if (!card)
		print_error("%s\n", err.what);
	assert_non_null(card);
	return card;
}

static void
test_whole_folder(void **state)
{
	char *dir = folder_new(), digest[65], again[65];
	struct error err = {0};
	struct card *card;
	const struct card_info *info;
	long long bytes;

	(void)state;
	folder_chat_model(dir);
	card = open_card(dir);
	info = card_info(card);
	assert_string_equal(info->dir, dir);
	assert_string_equal(info->name, strrchr(dir, '/') + 1);
	assert_string_equal(info->template_name, "Hermes-2");
	assert_string_equal(info->system_message, "Answer the questions.");
	assert_int_equal(info->image_size, 4);
	assert_int_equal(info->n_image_tokens, 1);
	assert_int_equal(info->n_ctx_max, 4096);
	assert_int_equal(info->vocab_size, 277);
	assert_false(info->text_only);
	assert_int_equal(info->n_stops, 2);
	assert_int_equal(info->stops[0], 272);
	assert_int_equal(info->stops[1], 2);                    /* </s> */
	assert_true(info->defaults.temp == 0 && info->defaults.top_p == 1 && info->defaults.repeat_penalty == 1);
	assert_int_equal(card_check(card, &bytes, &err), 0);
	assert_int_equal(bytes, 2 * info->n_params);
	assert_int_equal(card_digest(card, digest, &err), 0);
	assert_int_equal(strlen(digest), 64);
	folder_edit(dir, "config.json", "\"rope_theta\": 10000", "\"rope_theta\": 10001");
	assert_int_equal(card_digest(card, again, &err), 0);
	assert_string_not_equal(digest, again);
	card_free(card);
	folder_remove(dir);
}

/* InternVL-Chat-V1.2-Plus by its sizes alone: what it leaves out has its values, and the parameters are those that the
 * published shapes add up to. */
static void
test_real_numbers(void **state)
{
	char *dir = folder_new();
	struct error err = {0};
	struct hparams hp, known;

	(void)state;
	folder_text(dir, "config.json", "{\"architectures\": [\"InternVLChatModel\"], \"vision_config\": {},\n"
	    "\"llm_config\": {\"architectures\": [\"LlamaForCausalLM\"], \"num_key_value_heads\": 8}}");
	assert_int_equal(hparams_read(&hp, dir, &err), 0);
	assert_true(hparams_n_params(&hp) == 40068684160);
	assert_int_equal(hparams_n_image_tokens(&hp), 256);
	assert_int_equal(hp.n_vision_run, 45);
	assert_int_equal(hp.vision.head_dim, 128);
	assert_int_equal(hp.llm.head_dim, 128);
	assert_true(hp.llm.rope_theta == 5e6f && hp.llm.norm_eps == 1e-5f && hp.vision.norm_eps == 1e-6f);
	assert_int_equal(hp.shuffle, SHUFFLE_V1);
	assert_int_equal(hparams_default(&known, &err), 0);
	assert_memory_equal(&known, &hp, sizeof hp);
	folder_remove(dir);
}

/* Heads whose size is given need not fill hidden_size. */
static void
test_heads_of_another_size(void **state)
{
	char *dir = folder_new();
	struct error err = {0};
	struct hparams hp;

	(void)state;
	folder_text(dir, "config.json", "{\"architectures\": [\"LlamaForCausalLM\"], \"hidden_size\": 10,\n"
	    "\"num_hidden_layers\": 1, \"num_attention_heads\": 4, \"num_key_value_heads\": 2, \"head_dim\": 6,\n"
	    "\"intermediate_size\": 3, \"vocab_size\": 5}");
	assert_int_equal(hparams_read(&hp, dir, &err), 0);
	assert_int_equal(hp.llm.head_dim, 6);
	assert_true(hparams_n_params(&hp) == 2 * 5 * 10 + 2 * 10 + 2 * 24 * 10 + 2 * 12 * 10 + 3 * 10 * 3 + 10);
	folder_remove(dir);
}

static void
test_generation_config(void **state)
{
	char *dir = folder_new();
	struct card *card;

	(void)state;
	folder_chat_model(dir);
	folder_text(dir, "generation_config.json", "{\"eos_token_id\": [2, 271, 5000, -1], \"do_sample\": true,\n"
	    "\"temperature\": 0.5, \"top_p\": 0.9, \"repetition_penalty\": 1.1}");
	card = open_card(dir);
	assert_int_equal(card_info(card)->n_stops, 3);
	assert_int_equal(card_info(card)->stops[1], 2);
	assert_int_equal(card_info(card)->stops[2], 271);
	assert_true(card_info(card)->defaults.temp == 0.5f);
	assert_true(card_info(card)->defaults.top_p == 0.9f);
	assert_int_equal(card_info(card)->defaults.top_k, 50);
	assert_true(card_info(card)->defaults.repeat_penalty == 1.1f);
	card_free(card);
	folder_text(dir, "generation_config.json", "{\"eos_token_id\": 1, \"temperature\": 0.5, \"top_p\": 0.9}");
	card = open_card(dir);
	assert_int_equal(card_info(card)->stops[1], 1);
	assert_true(card_info(card)->defaults.temp == 0 && card_info(card)->defaults.top_p == 1);
	card_free(card);
	folder_remove(dir);
}

/* Keys that old and new configs write differently. */
static void
test_other_spellings(void **state)
{
	static const char *const edits[][2] = {
		{"\"rope_theta\": 10000", "\"rope_parameters\": {\"rope_theta\": 5000000.0, \"rope_type\": \"default\"}"},
		{"\"rope_theta\": 10000", "\"rope_theta\": 1e4"},
		{"\"select_layer\": -1,", ""},
		{"\"select_layer\": -1", "\"select_layer\": 1"},
		{"\"select_layer\": -1", "\"ps_version\": \"v2\""},
		{"\"force_image_size\": 4", "\"force_image_size\": null"},
		{"\"eos_token_id\": 272", "\"eos_token_id\": [272, 2]"},
		{"\"num_key_value_heads\": 1", "\"num_key_value_heads\": null"},
		{"\"use_llm_lora\": 0", "\"use_llm_lora\": null"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
		char *dir = folder_new();

		folder_chat_model(dir);
		folder_edit(dir, "config.json", edits[i][0], edits[i][1]);
		card_free(open_card(dir));
		folder_remove(dir);
	}
}

/* ---------------------------------------------------------------- one thing wrong */

static void
expect_refused(const char *dir, const char *wording)
{
	struct error err = {0};
	struct card *card = card_open(dir, &err);

	if (card || !strstr(err.what, wording))
		print_error("\"%s\" lacks \"%s\"\n", err.what, wording);
	assert_null(card);
	assert_int_equal(err.code, CODE_MODEL);
	assert_non_null(strstr(err.what, wording));
}

static void
test_refused_configs(void **state)
{
	static const struct { const char *from, *to, *wording; } cases[] = {
		{"InternVLChatModel", "LlavaForCausalLM", "architectures is [\"LlavaForCausalLM\"]; supported: InternVLChatModel"},
		{"LlamaForCausalLM", "InternLM2ForCausalLM", "llm_config.architectures is [\"InternLM2ForCausalLM\"]"},
		{"LlamaForCausalLM", "Qwen2ForCausalLM", "supported: LlamaForCausalLM"},
		{"\"architectures\"", "\"arch\"", "architectures is missing"},
		{"\"use_llm_lora\": 0", "\"use_llm_lora\": 16", "use_llm_lora is 16; supported: 0"},
		{"\"use_llm_lora\": 0", "\"use_backbone_lora\": 8", "use_backbone_lora is 8; supported: 0"},
		{"\"dynamic_image_size\": false", "\"dynamic_image_size\": true", "dynamic_image_size is true; supported: false"},
		{"\"dynamic_image_size\": false", "\"pad2square\": true", "pad2square is true"},
		{"\"downsample_ratio\": 0.5", "\"downsample_ratio\": 0.25", "downsample_ratio is 0.25; supported: 0.5"},
		{"Hermes-2", "internvl2_5", "template is \"internvl2_5\"; supported: \"Hermes-2\""},
		{"\"rms_norm\"", "\"layer_norm\"", "vision_config.norm_type is \"layer_norm\"; supported: \"rms_norm\""},
		{"\"qk_normalization\": true", "\"qk_normalization\": false", "vision_config.qk_normalization is false"},
		{"\"qkv_bias\": false", "\"qkv_bias\": true", "vision_config.qkv_bias is true"},
		{"\"qkv_bias\": false", "\"hidden_act\": \"gelu_tanh\"", "vision_config.hidden_act is \"gelu_tanh\""},
		{"\"silu\"", "\"gelu\"", "llm_config.hidden_act is \"gelu\"; supported: \"silu\""},
		{"\"rope_scaling\": null", "\"rope_scaling\": {\"factor\": 2.0}", "llm_config.rope_scaling is {\"factor\":2.0}"},
		{"\"rope_scaling\": null", "\"attention_bias\": true", "llm_config.attention_bias is true"},
		{"\"rope_theta\": 10000", "\"rope_theta\": \"big\"", "llm_config.rope_theta is \"big\"; supported: a number above 0"},
		{"\"rope_theta\": 10000", "\"rope_theta\": -1", "rope_theta is -1"},
		{"\"rope_theta\": 10000", "\"rope_parameters\": {\"rope_type\": \"yarn\"}", "rope_parameters.rope_type is \"yarn\""},
		{"\"num_key_value_heads\": 1", "\"num_key_value_heads\": 3", "num_key_value_heads is 3"},
		{"\"num_attention_heads\": 2, \"num_key_value_heads\": 1", "\"num_attention_heads\": 4, \"num_key_value_heads\": 3",
		    "num_key_value_heads is 3; supported: a divisor"},
		{"\"num_key_value_heads\": 1", "\"num_key_value_heads\": 0", "num_key_value_heads is 0"},
		{"\"num_attention_heads\": 2", "\"num_attention_heads\": 3", "num_attention_heads is 3; supported: a divisor"},
		{"\"intermediate_size\": 8", "\"intermediate_size\": 99999999999", "intermediate_size is 99999999999"},
		{"\"hidden_size\": 4", "\"hidden_size\": 4.5", "hidden_size is 4.5; supported: an integer from 1 to"},
		{"\"hidden_size\": 4", "\"hidden_size\": -4", "hidden_size is -4"},
		{"\"vocab_size\": 277", "\"vocab_size\": 1e9", "vocab_size is"},
		{"\"force_image_size\": 4", "\"force_image_size\": 6", "force_image_size is 6; supported: a multiple of twice"},
		{"\"force_image_size\": 4", "\"force_image_size\": 4000000", "force_image_size is 4000000"},
		{"\"select_layer\": -1", "\"select_layer\": -3", "select_layer is -3"},
		{"\"select_layer\": -1", "\"select_layer\": 0", "select_layer is 0"},
		{"\"select_layer\": -1", "\"select_layer\": 2", "select_layer is 2"},
		{"\"select_layer\": -1", "\"ps_version\": \"v3\"", "ps_version is \"v3\"; supported: \"v1\" or \"v2\""},
		{"\"vision_config\": {", "\"other\": {", "vision_config is missing"},
		{"\"llm_config\": {", "\"other\": {", "llm_config is missing"},
		{"\"template\": \"Hermes-2\"", "\"template\": ", "config.json' is not JSON"},
		{"\"template\": \"Hermes-2\"", "\"system_message\": 7", "system_message is 7"},
		{"\"vocab_size\": 277", "\"vocab_size\": 276", "the tokenizer has 277 ids, but vocab_size in config.json is 276"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *dir = folder_new();

		folder_chat_model(dir);
		folder_edit(dir, "config.json", cases[i].from, cases[i].to);
		expect_refused(dir, cases[i].wording);
		folder_remove(dir);
	}
}

static void
test_refused_folders(void **state)
{
	static const struct { const char *file, *text, *wording; } cases[] = {
		{"config.json", NULL, "config.json': No such file"},
		{"config.json", "[]", "config.json' is not a JSON object"},
		{"tokenizer.model", NULL, "tokenizer.model': No such file"},
		{"tokenizer.model", "garbage", "tokenizer.model' is"},
		{"preprocessor_config.json", NULL, "preprocessor_config.json': No such file"},
		{"preprocessor_config.json", "{\"image_mean\": [0.5, 0.5, 0.5]}", "image_mean is not [0.485"},
		{"preprocessor_config.json", "{\"image_std\": [0.5]}", "image_std is not [0.229"},
		{"preprocessor_config.json", "{\"do_normalize\": false}", "do_normalize is false"},
		{"added_tokens.json", "{\"<|im_end|>\": 272}", "has no token <IMG_CONTEXT>"},
		{"added_tokens.json", "{\"<IMG_CONTEXT>\": 275}", "has no token <|im_end|>"},
		{"generation_config.json", "{", "generation_config.json' is not JSON"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *dir = folder_new(), *path = xasprintf("%s/%s", dir, cases[i].file);

		folder_chat_model(dir);
		if (cases[i].text)
			folder_text(dir, cases[i].file, cases[i].text);
		else
			unlink(path);
		expect_refused(dir, cases[i].wording);
		free(path);
		folder_remove(dir);
	}
	expect_refused("/nowhere/at/all", "cannot open the model folder '/nowhere/at/all'");
	expect_refused("/dev/null", "is not a folder");
}

static void
expect_check_fails(const char *file, const char *from, const char *to, const char *wording)
{
	char *dir = folder_new();
	struct error err = {0};
	struct card *card;

	folder_chat_model(dir);
	folder_edit(dir, file, from, to);
	card = open_card(dir);
	assert_int_equal(card_check(card, NULL, &err), -1);
	assert_int_equal(err.code, CODE_MODEL);
	if (!strstr(err.what, wording))
		print_error("\"%s\" lacks \"%s\"\n", err.what, wording);
	assert_non_null(strstr(err.what, wording));
	card_free(card);
	folder_remove(dir);
}

/* Weights that do not fit the config: the message names tensor and shapes. */
static void
test_check(void **state)
{
	(void)state;
	expect_check_fails("config.json", "\"hidden_size\": 4, \"num_hidden_layers\": 1,\n\"num_attention_heads\": 2, \"num_key",
	    "\"hidden_size\": 8, \"num_hidden_layers\": 1,\n\"num_attention_heads\": 2, \"num_key",
	    "tensor mlp1.1.weight has the shape [4, 16]; config.json needs [8, 16]");
	expect_check_fails("config.json", "\"num_hidden_layers\": 1", "\"num_hidden_layers\": 2",
	    "tensor vision_model.encoder.layers.1.norm1.weight is missing");
	expect_check_fails("config.json", "\"vocab_size\": 277", "\"vocab_size\": 300",
	    "tensor language_model.model.embed_tokens.weight has the shape [277, 4]; config.json needs [300, 4]");
	expect_check_fails("model.safetensors", "[16]  ", "[16,1]",
	    "tensor mlp1.0.weight has the shape [16, 1]; config.json needs [16]");
	expect_check_fails("model.safetensors", "\"mlp1.0.bias\"", "\"mlp1.0.bia_\"", "tensor mlp1.0.bias is missing");
}

/* Layers that select_layer does not need may be missing; tied weights need no lm_head. */
static void
test_check_needs_only_what_runs(void **state)
{
	char *dir = folder_new();
	struct error err = {0};
	struct card *card;

	(void)state;
	folder_chat_model(dir);
	folder_edit(dir, "config.json", "\"select_layer\": -1", "\"select_layer\": -2");
	folder_edit(dir, "config.json", "\"num_hidden_layers\": 1", "\"num_hidden_layers\": 2");
	folder_edit(dir, "config.json", "\"vocab_size\": 277", "\"vocab_size\": 277, \"tie_word_embeddings\": true");
	folder_edit(dir, "model.safetensors", "_model.lm_head", "_model.lm_tail");
	card = open_card(dir);
	assert_int_equal(card_check(card, NULL, &err), 0);
	card_free(card);
	folder_remove(dir);
}

/* ---------------------------------------------------------------- prompts */

/* A card and two pictures of its size. */
struct fixture {
	char *dir;
	struct card *card;
	struct pixels red, blue;
	const struct pixels *pictures[2];
};

static int
setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);
	uint8_t rgb[4 * 4 * 3] = {0};

	f->dir = folder_new();
	folder_chat_model(f->dir);
	f->card = open_card(f->dir);
	for (int i = 0; i < 16; i++)
		rgb[3 * i] = 200;
	assert_int_equal(pixels_make(&f->red, 4, rgb, 4, 4, NULL), 0);
	memset(rgb, 7, sizeof rgb);
	assert_int_equal(pixels_make(&f->blue, 4, rgb, 4, 4, NULL), 0);
	f->pictures[0] = &f->red;
	f->pictures[1] = &f->blue;
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	pixels_done(&f->red);
	pixels_done(&f->blue);
	card_free(f->card);
	folder_remove(f->dir);
	free(f);
	return 0;
}

static struct turn
say(enum role role, const char *text)
{
	return (struct turn){.role = role, .text = text, .text_n = strlen(text)};
}

static struct turn
show(const struct fixture *f, int n, const char *text)
{
	struct turn t = say(ROLE_USER, text);

	t.pixels = f->pictures;
	t.n_pixels = n;
	return t;
}

/* The prompt is this text, tokenized whole. */
static void
expect_prompt(const struct fixture *f, const char *system, const struct turn *turns, int n, enum picture_rule rule,
    const char *want)
{
	struct prompt p;
	struct error err = {0};
	struct buf got = {0};

	if (prompt_build(&p, f->card, system, turns, n, rule, &err) < 0)
		print_error("%s\n", err.what);
	assert_int_equal(err.code, CODE_OK);
	tokenizer_decode(card_tokenizer(f->card), p.ids.at, p.ids.n, false, &got);
	assert_string_equal(buf_text(&got), want);
	buf_done(&got);
	prompt_done(&p);
}

#define ASK "<|im_end|><|im_start|>assistant\n"

static void
test_template(void **state)
{
	const struct fixture *f = *state;
	struct turn turns[] = {say(ROLE_USER, "a"), say(ROLE_ANSWER, "b"), say(ROLE_USER, "c")};
	struct turn odd[] = {say(ROLE_SYSTEM, "be"), say(ROLE_USER, ""), say(ROLE_ANSWER, ""), say(ROLE_USER, "c")};

	expect_prompt(f, NULL, turns, 1, PICTURES_FIRST,
	    "<|im_start|>system\nAnswer the questions.<|im_end|><|im_start|>user\na" ASK);
	expect_prompt(f, "s", turns, 3, PICTURES_FIRST, "<|im_start|>system\ns<|im_end|><|im_start|>user\na" ASK
	    "b<|im_end|><|im_start|>user\nc" ASK);
	expect_prompt(f, "", turns, 1, PICTURES_FIRST, "<|im_start|>user\na" ASK);
	expect_prompt(f, "", turns, 1, PICTURES_REFERENCE, "<|im_start|>system\n<|im_end|><|im_start|>user\na" ASK);
	expect_prompt(f, "s", turns, 2, PICTURES_FIRST, "<|im_start|>system\ns<|im_end|><|im_start|>user\na" ASK "b");
	expect_prompt(f, "s", odd, 4, PICTURES_FIRST, "<|im_start|>system\nbe<|im_end|><|im_start|>user\n"
	    "<|im_start|>assistant\n<|im_start|>user\nc" ASK);
	expect_prompt(f, "", NULL, 0, PICTURES_FIRST, "<|im_start|>assistant\n");
}

#define PLACE "<img><IMG_CONTEXT></img>"
#define PLACES "<img><IMG_CONTEXT><IMG_CONTEXT></img>"

static void
test_pictures_first(void **state)
{
	const struct fixture *f = *state;
	struct turn turns[] = {show(f, 1, "a"), say(ROLE_ANSWER, "b"), show(f, 2, "<image>")}, empty = show(f, 1, "");

	expect_prompt(f, "", turns, 3, PICTURES_FIRST, "<|im_start|>user\n" PLACE "\na" ASK
	    "b<|im_end|><|im_start|>user\n" PLACES "\n<image>" ASK);
	expect_prompt(f, "", &empty, 1, PICTURES_FIRST, "<|im_start|>user\n" PLACE "\n" ASK);
}

#define EMPTY_SYSTEM "<|im_start|>system\n<|im_end|>"

static void
test_pictures_reference(void **state)
{
	const struct fixture *f = *state;
	struct turn lone = show(f, 2, "x <image> y"), both = show(f, 2, "<image>,<image>"), none = show(f, 2, "a");
	struct turn late[] = {say(ROLE_USER, "a"), say(ROLE_ANSWER, "b"), show(f, 1, "<image>c")};
	struct turn plain = say(ROLE_USER, "<image>");

	expect_prompt(f, "", &lone, 1, PICTURES_REFERENCE, EMPTY_SYSTEM "<|im_start|>user\nx " PLACES " y" ASK);
	expect_prompt(f, "", &both, 1, PICTURES_REFERENCE, EMPTY_SYSTEM "<|im_start|>user\n" PLACE "," PLACE ASK);
	expect_prompt(f, "", &none, 1, PICTURES_REFERENCE, EMPTY_SYSTEM "<|im_start|>user\n" PLACES "\na" ASK);
	expect_prompt(f, "", late, 3, PICTURES_REFERENCE, EMPTY_SYSTEM "<|im_start|>user\na" ASK
	    "b<|im_end|><|im_start|>user\n" PLACE "c" ASK);
	expect_prompt(f, "", &plain, 1, PICTURES_REFERENCE, EMPTY_SYSTEM "<|im_start|>user\n<image>" ASK);
}

static void
expect_no_prompt(const struct fixture *f, const char *system, const struct turn *turns, int n, enum picture_rule rule,
    const char *wording)
{
	struct prompt p;
	struct error err = {0};

	assert_int_equal(prompt_build(&p, f->card, system, turns, n, rule, &err), -1);
	assert_int_equal(err.code, CODE_INPUT);
	assert_non_null(strstr(err.what, wording));
	assert_null(p.ids.at);
	assert_null(p.pictures);
}

static void
test_refused_prompts(void **state)
{
	const struct fixture *f = *state;
	struct turn mark = say(ROLE_USER, "what is <IMG_CONTEXT>?"), ask = say(ROLE_USER, "a");
	struct turn three = show(f, 2, "<image><image><image>");
	struct turn late[] = {say(ROLE_USER, "a"), say(ROLE_ANSWER, "b"), show(f, 1, "c")};

	expect_no_prompt(f, NULL, &mark, 1, PICTURES_FIRST, "contains <IMG_CONTEXT>");
	expect_no_prompt(f, "<IMG_CONTEXT>", &ask, 1, PICTURES_FIRST, "contains <IMG_CONTEXT>");
	expect_no_prompt(f, NULL, &three, 1, PICTURES_REFERENCE, "3 <image> for 2 pictures");
	expect_no_prompt(f, NULL, late, 3, PICTURES_REFERENCE, "0 <image> for 1 pictures");
}

/* Each picture knows its place and carries its own copy of the pixels. */
static void
test_places(void **state)
{
	const struct fixture *f = *state;
	struct turn turn = show(f, 2, "a");
	struct prompt p;

	assert_int_equal(prompt_build(&p, f->card, "", &turn, 1, PICTURES_FIRST, NULL), 0);
	assert_int_equal(p.n_pictures, 2);
	assert_int_equal(p.ids.at[p.pictures[0].pos], 275);
	assert_int_equal(p.ids.at[p.pictures[0].pos - 1], 273);
	assert_int_equal(p.pictures[1].pos, p.pictures[0].pos + 1);
	assert_memory_equal(p.pictures[0].pixels.key, f->red.key, PIXELS_KEY);
	assert_memory_equal(p.pictures[1].pixels.rgb, f->blue.rgb, 48);
	assert_ptr_not_equal(p.pictures[1].pixels.rgb, f->blue.rgb);
	assert_memory_not_equal(f->red.key, f->blue.key, PIXELS_KEY);
	prompt_done(&p);
}

/* A plain Llama: no template, no pictures. */
static void
test_text_only(void **state)
{
	struct fixture *f = *state;
	struct fixture plain = {.dir = folder_new()};
	struct buf model = {0};
	struct turn turns[] = {say(ROLE_USER, "ab"), say(ROLE_ANSWER, "c")}, picture = show(f, 1, "a");

	model_small(&model, false, false);
	folder_write(plain.dir, "tokenizer.model", model.at, model.n);
	folder_text(plain.dir, "config.json", "{\"architectures\": [\"LlamaForCausalLM\"], \"hidden_size\": 4,\n"
	    "\"num_hidden_layers\": 1, \"num_attention_heads\": 2, \"intermediate_size\": 8, \"vocab_size\": 271}");
	plain.card = open_card(plain.dir);
	assert_true(card_info(plain.card)->text_only);
	assert_int_equal(card_info(plain.card)->n_image_tokens, 0);
	assert_int_equal(card_info(plain.card)->n_ctx_max, 2048);
	expect_prompt(&plain, NULL, turns, 2, PICTURES_FIRST, "abc");
	expect_no_prompt(&plain, NULL, &picture, 1, PICTURES_FIRST, "no vision tower");
	folder_edit(plain.dir, "config.json", "\"hidden_size\": 4,", "");
	expect_refused(plain.dir, "hidden_size is missing");
	card_free(plain.card);
	buf_done(&model);
	folder_remove(plain.dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_folder),
		cmocka_unit_test(test_real_numbers),
		cmocka_unit_test(test_heads_of_another_size),
		cmocka_unit_test(test_generation_config),
		cmocka_unit_test(test_other_spellings),
		cmocka_unit_test(test_refused_configs),
		cmocka_unit_test(test_refused_folders),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_check_needs_only_what_runs),
		cmocka_unit_test_setup_teardown(test_template, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pictures_first, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pictures_reference, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused_prompts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_places, setup, teardown),
		cmocka_unit_test_setup_teardown(test_text_only, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
