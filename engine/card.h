/* card.h: what the rest of engine/ may see of a card. The door is engine.h. */
#ifndef ENGINE_CARD_H
#define ENGINE_CARD_H

#include "engine/engine.h"
#include "engine/hparams.h"

struct card {
	struct card_info info;          /* its strings are dir, name and those of hp */
	struct hparams hp;
	struct tokenizer *tokenizer;
	int32_t context_id;             /* <IMG_CONTEXT>; -1 in a text_only card */
	char *dir, *name;
};

#endif
