/* support.h: what the engine's tests share: temporary folders, model files made of bytes, the golden files. */
#ifndef TESTS_ENGINE_SUPPORT_H
#define TESTS_ENGINE_SUPPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "engine/engine.h"

/* ---- folders: made under TMPDIR, removed with all files in them */

char *
folder_new(void);                       /* the caller frees by folder_remove */
void
folder_remove(char *dir);
void
folder_write(const char *dir, const char *name, const void *bytes, size_t n);
void
folder_text(const char *dir, const char *name, const char *text);
void
folder_link(const char *dir, const char *name, const char *target);

/* ---- tokenizer.model as protobuf bytes */

void
model_piece(struct buf *b, const char *text, float score, int type);
void
model_int(struct buf *b, int field, uint64_t value);                    /* one varint field */
void
model_message(struct buf *b, int field, const struct buf *message);

/* A small BPE model: <unk> <s> </s>, 256 bytes, "▁", letters and a few merges (see support.c). The ids of byte b is
 * 3 + b; the letters follow from SMALL_LETTERS on. */
#define SMALL_LETTERS 259
void
model_small(struct buf *b, bool dummy_prefix, bool squeeze);

/* ---- safetensors */

void
folder_safetensors(const char *dir, const char *name, const char *header, size_t data_bytes);

/* A whole tiny chat model: config, tokenizer, preprocessor and (zero) weights that fit each other. */
void
folder_chat_model(const char *dir);

/* Replaces one piece of text in a file of the folder; the text must be there. */
void
folder_edit(const char *dir, const char *name, const char *from, const char *to);

/* ---- golden files */

/* <shared>/path, from IVCHAT_SHARED or beside the source; the caller frees. Ends the test with 77, saying why, when
 * there is no such folder. */
char *
shared_path(const char *path);
json_t *
shared_json(const char *path);

/* ---- comparing */

void
assert_ids(const struct ids *got, const json_t *want, const char *what);
void
hex(char *out, const void *bytes, size_t n);

#endif
