/* synthfiles.c: the small files of a made-up checkpoint: those of InternVL-Chat-V1.2-Plus, written down here, or those
 * of the folder whose shape it has; and a tokenizer's, copied. config.json is the last: without it a folder is none. */
#include "config.h"

#include "engine/synth.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"

#define SMALL_FILE_MAX ((size_t)64 << 20)

const char *const synth_small_names[] = {
	"tokenizer.model", "tokenizer_config.json", "added_tokens.json", "special_tokens_map.json",
	"generation_config.json", "preprocessor_config.json", "config.json", NULL
};

static const char config_40b[] =
"{\n"
"  \"architectures\": [\"InternVLChatModel\"],\n"
"  \"downsample_ratio\": 0.5,\n"
"  \"dynamic_image_size\": false,\n"
"  \"force_image_size\": 448,\n"
"  \"llm_config\": {\n"
"    \"architectures\": [\"LlamaForCausalLM\"],\n"
"    \"attention_bias\": false,\n"
"    \"bos_token_id\": 1,\n"
"    \"eos_token_id\": 7,\n"
"    \"hidden_act\": \"silu\",\n"
"    \"hidden_size\": 7168,\n"
"    \"intermediate_size\": 20480,\n"
"    \"max_position_embeddings\": 4096,\n"
"    \"model_type\": \"llama\",\n"
"    \"num_attention_heads\": 56,\n"
"    \"num_hidden_layers\": 60,\n"
"    \"num_key_value_heads\": 8,\n"
"    \"pad_token_id\": 0,\n"
"    \"rms_norm_eps\": 1e-05,\n"
"    \"rope_scaling\": null,\n"
"    \"rope_theta\": 5000000.0,\n"
"    \"tie_word_embeddings\": false,\n"
"    \"torch_dtype\": \"bfloat16\",\n"
"    \"vocab_size\": 64007\n"
"  },\n"
"  \"model_type\": \"internvl_chat\",\n"
"  \"pad2square\": false,\n"
"  \"ps_version\": \"v1\",\n"
"  \"select_layer\": -1,\n"
"  \"template\": \"Hermes-2\",\n"
"  \"torch_dtype\": \"bfloat16\",\n"
"  \"use_backbone_lora\": 0,\n"
"  \"use_llm_lora\": 0,\n"
"  \"use_thumbnail\": false,\n"
"  \"vision_config\": {\n"
"    \"architectures\": [\"InternVisionModel\"],\n"
"    \"hidden_act\": \"gelu\",\n"
"    \"hidden_size\": 3200,\n"
"    \"image_size\": 448,\n"
"    \"intermediate_size\": 12800,\n"
"    \"layer_norm_eps\": 1e-06,\n"
"    \"model_type\": \"intern_vit_6b\",\n"
"    \"norm_type\": \"rms_norm\",\n"
"    \"num_attention_heads\": 25,\n"
"    \"num_channels\": 3,\n"
"    \"num_hidden_layers\": 45,\n"
"    \"patch_size\": 14,\n"
"    \"qk_normalization\": true,\n"
"    \"qkv_bias\": false,\n"
"    \"torch_dtype\": \"bfloat16\"\n"
"  }\n"
"}\n";

static const char generation_40b[] =
"{\n"
"  \"_from_model_config\": true,\n"
"  \"transformers_version\": \"4.37.2\"\n"
"}\n";

static int
write_text(const struct synth *s, const char *name, const void *text, size_t n, struct error *err)
{
	char *path = xasprintf("%s/%s", s->dir, name);
	int rc = file_replace(path, text, n, 0644, err);

	free(path);
	return rc;
}

/* A file that need not be there. */
static int
copy_file(const struct synth *s, const char *from, const char *name, struct error *err)
{
	char *path = xasprintf("%s/%s", from, name);
	struct buf text = {0};
	int rc = 0;

	if (file_exists(path))
		rc = file_read(path, SMALL_FILE_MAX, &text, CODE_MODEL, err);
	if (rc == 0 && file_exists(path))
		rc = write_text(s, name, buf_text(&text), text.n, err);
	buf_done(&text);
	free(path);
	return rc;
}

int
synth_check_tokenizer(const struct synth *s, const struct hparams *hp, struct error *err)
{
	struct tokenizer *t = tokenizer_open(s->tokenizer, err);
	int n_ids = t ? tokenizer_n_ids(t) : 0;

	if (!t)
		return -1;
	tokenizer_free(t);
	if (n_ids <= hp->llm.vocab_size)
		return 0;
	error_set(err, CODE_MODEL, "the tokenizer of '%s' has %d ids, the vocabulary of the shape only %d", s->tokenizer,
	    n_ids, hp->llm.vocab_size);
	return error_hint(err, "--model FOLDER with a tokenizer that fits");
}

static int
copy_tokenizer(const struct synth *s, struct error *err)
{
	for (int i = 0; i < 4; i++)
		if (copy_file(s, s->tokenizer, synth_small_names[i], err) < 0)
			return -1;
	return 0;
}

static int
write_preprocessor(const struct synth *s, const struct hparams *hp, struct error *err)
{
	struct buf b = {0};
	int rc;

	buf_printf(&b, "{\n  \"crop_size\": %d,\n  \"do_center_crop\": true,\n  \"do_normalize\": true,\n"
	    "  \"do_resize\": true,\n  \"feature_extractor_type\": \"CLIPFeatureExtractor\",\n"
	    "  \"image_mean\": [0.485, 0.456, 0.406],\n  \"image_std\": [0.229, 0.224, 0.225],\n"
	    "  \"resample\": 3,\n  \"size\": %d\n}\n", hp->image_size, hp->image_size);
	rc = write_text(s, "preprocessor_config.json", b.at, b.n, err);
	buf_done(&b);
	return rc;
}

int
synth_small_files(const struct synth *s, const struct hparams *hp, struct error *err)
{
	if (copy_tokenizer(s, err) < 0)
		return -1;
	if (!hp->text_only && write_preprocessor(s, hp, err) < 0)
		return -1;
	if (synth_is_40b(s->shape)) {
		if (write_text(s, "generation_config.json", generation_40b, strlen(generation_40b), err) < 0)
			return -1;
		return write_text(s, "config.json", config_40b, strlen(config_40b), err);
	}
	if (copy_file(s, s->shape, "generation_config.json", err) < 0)
		return -1;
	return copy_file(s, s->shape, "config.json", err);
}
