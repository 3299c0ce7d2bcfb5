/* vocab.c: tokenizer.model → struct vocab. Bytes and ids are doubted here; behind vocab_open() every piece has at
 * least one byte and a known type, and no two mergeable pieces are spelled alike. */
#include "config.h"

#include "engine/vocab.h"

#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "engine/protobuf.h"

#define FILE_NAME "tokenizer.model"
#define MAX_BYTES (256u << 20)
#define MAX_PIECES (1 << 21)
#define MAX_PIECE_BYTES 4096

/* Field numbers of sentencepiece_model.proto. */
enum { MODEL_PIECE = 1, MODEL_TRAINER = 2, MODEL_NORMALIZER = 3 };
enum { PIECE_TEXT = 1, PIECE_SCORE = 2, PIECE_TYPE = 3 };
enum { TRAINER_TYPE = 3, TRAINER_SPACE_SUFFIX = 24, TRAINER_BYTE_FALLBACK = 35, TRAINER_UNK = 40, TRAINER_BOS = 41,
	TRAINER_EOS = 42 };
enum { NORMALIZER_CHARSMAP = 2, NORMALIZER_PREFIX = 3, NORMALIZER_EXTRA_SPACES = 4, NORMALIZER_ESCAPE = 5 };
enum { TYPE_UNIGRAM = 1, TYPE_BPE = 2 };

/* The file while it is read. */
struct reading {
	struct vocab *v;
	const char *dir;
	int model_type;
	bool space_suffix;
	bool has_charsmap;
	struct error *err;
};

static int
broken(const struct reading *r, const char *why)
{
	error_set(r->err, CODE_MODEL, "'%s/%s' %s", r->dir, FILE_NAME, why);
	return error_hint(r->err, "the file is damaged or of another kind of tokenizer: download it again");
}

/* The value of "<0xNN>", or -1. */
static int
byte_value(const struct piece *p)
{
	static const char digits[] = "0123456789ABCDEF";
	const char *high, *low;

	if (p->n != 6 || memcmp(p->at, "<0x", 3) != 0 || p->at[5] != '>' || !p->at[3] || !p->at[4])
		return -1;
	high = strchr(digits, p->at[3]);
	low = strchr(digits, p->at[4]);
	return high && low ? (int)(16 * (high - digits) + (low - digits)) : -1;
}

static int
check_piece(const struct reading *r, struct piece *p)
{
	if (p->n == 0 || p->n > MAX_PIECE_BYTES)
		return broken(r, "has a piece that is empty or too long");
	if (p->type < PIECE_NORMAL || p->type > PIECE_BYTE)
		return broken(r, "has a piece of unknown type");
	if (!isfinite(p->score))
		return broken(r, "has a score that is no number");
	if (p->type == PIECE_BYTE && byte_value(p) < 0)
		return broken(r, "has a byte piece that is not spelled <0xNN>");
	if (p->type == PIECE_BYTE)
		p->byte = (unsigned char)byte_value(p);
	return 0;
}

static int
add_piece(struct reading *r, const struct piece *p)
{
	struct vocab *v = r->v;

	if (v->n_pieces == MAX_PIECES)
		return broken(r, "has too many pieces");
	if (v->n_pieces == v->cap_pieces) {
		v->cap_pieces = v->cap_pieces ? 2 * v->cap_pieces : 1024;
		v->pieces = xreallocarray(v->pieces, (size_t)v->cap_pieces, sizeof *v->pieces);
	}
	v->pieces[v->n_pieces++] = *p;
	return 0;
}

static int
read_piece(struct reading *r, struct protobuf message)
{
	struct piece p = {.at = "", .type = PIECE_NORMAL};
	struct protobuf_field f;
	int more;

	while ((more = protobuf_next(&message, &f)) > 0) {
		if (f.number == PIECE_TEXT && f.wire == WIRE_BYTES) {
			p.at = (const char *)f.bytes.at;
			p.n = (size_t)(f.bytes.end - f.bytes.at);
		} else if (f.number == PIECE_SCORE && f.wire == WIRE_32) {
			p.score = protobuf_float(&f);
		} else if (f.number == PIECE_TYPE && f.wire == WIRE_VARINT) {
			p.type = f.value <= PIECE_BYTE ? (enum piece_type)f.value : 0;
		}
	}
	if (more < 0)
		return broken(r, "is not a sentencepiece model: a piece is malformed");
	return check_piece(r, &p) < 0 ? -1 : add_piece(r, &p);
}

static int
read_trainer(struct reading *r, struct protobuf message)
{
	struct protobuf_field f;
	int more;

	while ((more = protobuf_next(&message, &f)) > 0) {
		if (f.wire != WIRE_VARINT)
			continue;
		switch (f.number) {
		case TRAINER_TYPE:
			r->model_type = f.value == TYPE_BPE ? TYPE_BPE : TYPE_UNIGRAM;
			break;
		case TRAINER_SPACE_SUFFIX:
			r->space_suffix = f.value != 0;
			break;
		case TRAINER_BYTE_FALLBACK:
			r->v->byte_fallback = f.value != 0;
			break;
		case TRAINER_UNK:
			r->v->unk_id = (int32_t)(uint32_t)f.value;
			break;
		case TRAINER_BOS:
			r->v->bos_id = (int32_t)(uint32_t)f.value;
			break;
		case TRAINER_EOS:
			r->v->eos_id = (int32_t)(uint32_t)f.value;
			break;
		}
	}
	return more < 0 ? broken(r, "is not a sentencepiece model: trainer_spec is malformed") : 0;
}

static int
read_normalizer(struct reading *r, struct protobuf message)
{
	struct protobuf_field f;
	int more;

	while ((more = protobuf_next(&message, &f)) > 0) {
		if (f.number == NORMALIZER_CHARSMAP && f.wire == WIRE_BYTES)
			r->has_charsmap = f.bytes.end > f.bytes.at;
		else if (f.number == NORMALIZER_PREFIX && f.wire == WIRE_VARINT)
			r->v->add_dummy_prefix = f.value != 0;
		else if (f.number == NORMALIZER_EXTRA_SPACES && f.wire == WIRE_VARINT)
			r->v->remove_extra_whitespaces = f.value != 0;
		else if (f.number == NORMALIZER_ESCAPE && f.wire == WIRE_VARINT)
			r->v->escape_whitespaces = f.value != 0;
	}
	return more < 0 ? broken(r, "is not a sentencepiece model: normalizer_spec is malformed") : 0;
}

static int
read_model(struct reading *r, struct protobuf message)
{
	struct protobuf_field f;
	int more, rc = 0;

	while (rc == 0 && (more = protobuf_next(&message, &f)) > 0) {
		if (f.wire != WIRE_BYTES)
			continue;
		if (f.number == MODEL_PIECE)
			rc = read_piece(r, f.bytes);
		else if (f.number == MODEL_TRAINER)
			rc = read_trainer(r, f.bytes);
		else if (f.number == MODEL_NORMALIZER)
			rc = read_normalizer(r, f.bytes);
	}
	if (rc < 0)
		return -1;
	return more < 0 ? broken(r, "is truncated or not a sentencepiece model") : 0;
}

static int
check_model(const struct reading *r)
{
	if (r->v->n_pieces == 0)
		return broken(r, "has no pieces");
	if (r->model_type != TYPE_BPE)
		return broken(r, "is not a BPE model (unigram, word and char models are not supported)");
	if (r->has_charsmap)
		return broken(r, "normalises text (precompiled_charsmap); only the identity is supported");
	if (r->space_suffix)
		return broken(r, "has treat_whitespace_as_suffix, which is not supported");
	return 0;
}

/* Enters the pieces into the tables that encoding looks things up in. */
static int
index_pieces(const struct reading *r)
{
	struct vocab *v = r->v;

	exact_init(&v->mergeable, (size_t)v->n_pieces);
	for (int32_t id = 0; id < v->n_pieces; id++) {
		const struct piece *p = &v->pieces[id];
		bool mergeable = p->type == PIECE_NORMAL || p->type == PIECE_USER_DEFINED || p->type == PIECE_UNUSED;

		if (mergeable && !exact_add(&v->mergeable, p->at, p->n, id))
			return broken(r, "has the same piece twice");
		if (mergeable && p->n > v->longest_piece)
			v->longest_piece = p->n;
		if (p->type == PIECE_USER_DEFINED)
			longest_add(&v->user_defined, p->at, p->n, id);
		if (p->type == PIECE_BYTE)
			v->byte_ids[p->byte] = id;
		if (p->type == PIECE_UNKNOWN)
			v->unk_id = id;
		v->has_unused = v->has_unused || p->type == PIECE_UNUSED;
	}
	longest_sort(&v->user_defined);
	return 0;
}

static int32_t
valid_id(const struct vocab *v, int32_t id, int32_t otherwise)
{
	return id >= 0 && id < v->n_pieces ? id : otherwise;
}

static int
read_file(struct vocab *v, const char *dir, struct error *err)
{
	char *path = xasprintf("%s/%s", dir, FILE_NAME);
	int rc = file_read(path, MAX_BYTES, &v->file, CODE_MODEL, err);

	free(path);
	return rc;
}

int
vocab_open(struct vocab *v, const char *dir, struct error *err)
{
	struct reading r = {.v = v, .dir = dir, .model_type = TYPE_UNIGRAM, .err = err};
	const unsigned char *bytes;

	*v = (struct vocab){.bos_id = 1, .eos_id = 2, .add_dummy_prefix = true, .remove_extra_whitespaces = true,
		.escape_whitespaces = true};
	for (int i = 0; i < 256; i++)
		v->byte_ids[i] = -1;
	if (read_file(v, dir, err) < 0)
		return -1;
	bytes = (const unsigned char *)buf_text(&v->file);
	if (read_model(&r, (struct protobuf){bytes, bytes + v->file.n}) < 0 || check_model(&r) < 0)
		return -1;
	if (index_pieces(&r) < 0)
		return -1;
	v->unk_id = valid_id(v, v->unk_id, 0);
	v->bos_id = valid_id(v, v->bos_id, -1);
	v->eos_id = valid_id(v, v->eos_id, -1);
	return 0;
}

void
vocab_done(struct vocab *v)
{
	exact_done(&v->mergeable);
	longest_done(&v->user_defined);
	free(v->pieces);
	buf_done(&v->file);
	*v = (struct vocab){0};
}
