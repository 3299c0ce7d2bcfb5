/* squares.h: the squares that the model sees, by the hash of the picture: those of this question, and those
 * of earlier turns fetched from the store when the prompt asks for them. */
#ifndef CMD_SQUARES_H
#define CMD_SQUARES_H

#include "chat/chat.h"
#include "engine/engine.h"
#include "picture/picture.h"
#include "store/store.h"

struct square {
	char sha[65];
	struct pixels pixels;
};

struct squares {
	struct square **at;     /* each by itself, because pixels are lent while more come */
	int n;
	int size;               /* the model's */
	struct store *store;    /* NULL: only what squares_add brought */
	enum orient orient;
};

int
squares_add(struct squares *s, const struct picture *picture, struct error *err);
/* A pixels_fn for chat_assemble(); arg is the struct squares. */
const struct pixels *
squares_find(void *arg, const struct pic *pic, struct error *err);
void
squares_done(struct squares *s);

#endif
