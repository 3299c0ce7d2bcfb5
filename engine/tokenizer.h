/* tokenizer.h: what tokenizer.c (text → ids) and stream.c (ids → text) share. The door is engine.h. */
#ifndef ENGINE_TOKENIZER_H
#define ENGINE_TOKENIZER_H

#include <stdbool.h>

#include "engine/engine.h"
#include "engine/lookup.h"
#include "engine/vocab.h"

/* A token beyond sentencepiece: matched in the text before it, on bytes. Its id may be that of a piece. */
struct added {
	char *text;
	size_t n;
	int32_t id;
	bool special;
};

struct tokenizer {
	struct vocab vocab;
	struct added *added;
	int n_added;
	struct longest added_texts;     /* text → id */
	int32_t *added_of;              /* per id: index in added, or -1 */
	int n_ids;
	bool add_bos;
	int32_t bos_id;                 /* -1: none */
};

#endif
