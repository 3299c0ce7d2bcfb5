/* hparams.h: config.json as numbers, validated against what this engine can compute. Names are the field's. */
#ifndef ENGINE_HPARAMS_H
#define ENGINE_HPARAMS_H

#include <stdbool.h>

#include "base/error.h"
#include "engine/engine.h"

enum shuffle { SHUFFLE_V1, SHUFFLE_V2 };        /* pixel shuffle, model.md section 5 */

struct vision_hparams {
	int hidden_size;                /* C */
	int n_layers;
	int n_heads;
	int head_dim;                   /* hidden_size / n_heads */
	int intermediate_size;
	int patch_size;
	int image_size;                 /* of the stored position embedding */
	float norm_eps;
};

struct llm_hparams {
	int hidden_size;                /* H */
	int n_layers;
	int n_heads;
	int n_kv_heads;
	int head_dim;
	int intermediate_size;
	int vocab_size;
	int max_position_embeddings;
	float rope_theta;
	float norm_eps;
	bool tie_word_embeddings;
	int eos_token_id;               /* -1: not given */
};

struct hparams {
	bool text_only;                 /* LlamaForCausalLM alone: vision is zero */
	struct vision_hparams vision;
	struct llm_hparams llm;
	int image_size;                 /* force_image_size: what the tower is fed */
	int n_vision_run;               /* layers of the tower that select_layer needs, 1 … n_layers */
	enum shuffle shuffle;
	enum engine_quant stored;       /* how the decoder's matrices are packed in the files; AUTO: they are plain numbers */
	char template_name[32];
	char system_message[1024];
};

/* Reads <dir>/config.json. Failure: CODE_MODEL, naming the key, its value and what is supported. */
int
hparams_read(struct hparams *hp, const char *dir, struct error *err);

/* InternVL-Chat-V1.2-Plus itself, without its folder: for measuring and for made-up checkpoints. */
int
hparams_default(struct hparams *hp, struct error *err);

/* Picture places in the prompt: (image_size / patch)² / 4. */
int
hparams_n_image_tokens(const struct hparams *hp);

/* Parameters that these numbers imply. */
long long
hparams_n_params(const struct hparams *hp);

#endif
