/* tiny.h: writes a chat model of any shape with random weights, so that the engine's tests need no fixtures. */
#ifndef TESTS_TINY_H
#define TESTS_TINY_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/tensor.h"

struct tiny {
	int image_size, stored_image_size, patch_size;
	int vision_hidden, vision_layers, vision_heads, vision_intermediate;
	int hidden, layers, heads, kv_heads, intermediate, vocab, n_ctx;
	enum dtype type;                /* of all weights; F32 and BF16 hold the same values */
	int pad;                        /* spaces behind the header: moves data off its natural boundary */
	bool text_only;
	uint64_t seed;
	int head_dim;                   /* of the decoder; 0: hidden / heads */
	float sharpness;                /* of its attention: spread of q's weights over that of others; 0: 1 */
};

/* About 100 K parameters: 4 x 4 patches, 4 picture tokens. */
extern const struct tiny tiny_default;

/* The id of <IMG_CONTEXT> in every model written here. */
int32_t
tiny_context_id(const struct tiny *t);

/* A new folder with all files; the caller removes it by tiny_remove, which frees the path too. */
char *
tiny_write(const struct tiny *t);
/* The same without weights: a shape and a tokenizer. */
char *
tiny_write_shape(const struct tiny *t);
void
tiny_remove(char *dir);

/* Uniform in [-1, 1), from a small generator of its own. */
float
tiny_random(uint64_t *state);

#endif
