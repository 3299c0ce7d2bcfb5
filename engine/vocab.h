/* vocab.h: tokenizer.model, and sentencepiece's BPE over it. It knows nothing of added tokens: tokenizer.c splits at
 * them first. Inside the engine only. */
#ifndef ENGINE_VOCAB_H
#define ENGINE_VOCAB_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"
#include "engine/engine.h"
#include "engine/lookup.h"

/* sentencepiece's numbers */
enum piece_type { PIECE_NORMAL = 1, PIECE_UNKNOWN, PIECE_CONTROL, PIECE_USER_DEFINED, PIECE_UNUSED, PIECE_BYTE };

struct piece {
	const char *at;                 /* inside the vocabulary's file */
	size_t n;
	float score;
	enum piece_type type;
	unsigned char byte;             /* of a PIECE_BYTE */
};

struct vocab {
	struct buf file;                /* tokenizer.model as it lies on disk; pieces point into it */
	struct piece *pieces;           /* the id is the index */
	int n_pieces, cap_pieces;
	size_t longest_piece;           /* bytes */
	struct exact mergeable;         /* NORMAL, USER_DEFINED and UNUSED pieces: what merging may make */
	struct longest user_defined;
	int32_t byte_ids[256];          /* -1: no such piece */
	int32_t unk_id, bos_id, eos_id;
	bool add_dummy_prefix;
	bool remove_extra_whitespaces;
	bool escape_whitespaces;
	bool byte_fallback;
	bool has_unused;
};

/* Reads <dir>/tokenizer.model. Malformed, not BPE, or with a normaliser: CODE_MODEL. vocab_done also takes what a
 * failed call left. */
int
vocab_open(struct vocab *v, const char *dir, struct error *err);
void
vocab_done(struct vocab *v);

/* One segment of text, any bytes, appended as ids (model.md section 7.2, a to d). O(n log n). */
void
vocab_encode(const struct vocab *v, const char *text, size_t n, struct ids *out);

#endif
