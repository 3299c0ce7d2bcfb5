/* stream.c: ids → text, whole or while it streams. Bytes of pieces are joined first and read as UTF-8 then, since a
 * character may be spread over several ids; a byte that belongs to no character becomes one U+FFFD. */
#include "config.h"

#include <string.h>

#include "base/text.h"
#include "engine/tokenizer.h"

#define SPACE "\xe2\x96\x81"                    /* U+2581, how pieces spell a space */
#define SPACE_N 3
#define UNKNOWN_SURFACE " \xe2\x81\x87 "        /* what sentencepiece shows for an unknown id */
#define BAD "\xef\xbf\xbd"

/* ---------------------------------------------------------------- one id */

static const struct added *
added_token(const struct tokenizer *t, int32_t id)
{
	return t->added_of[id] >= 0 ? &t->added[t->added_of[id]] : NULL;
}

static void
add_spaced(struct buf *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		bool space = n - i >= SPACE_N && memcmp(s + i, SPACE, SPACE_N) == 0;

		buf_char(out, space ? ' ' : s[i]);
		i += space ? SPACE_N : 1;
	}
}

void
tokenizer_piece(const struct tokenizer *t, int32_t id, bool skip_special, struct buf *out)
{
	const struct added *a;
	const struct piece *p;

	if (id < 0 || id >= t->n_ids)
		return;
	a = added_token(t, id);
	if (a && !(skip_special && a->special))
		buf_add(out, a->text, a->n);
	if (a || id >= t->vocab.n_pieces)
		return;
	p = &t->vocab.pieces[id];
	if (p->type == PIECE_BYTE)
		buf_char(out, (char)p->byte);
	else if (p->type == PIECE_UNKNOWN)
		buf_str(out, UNKNOWN_SURFACE);
	else if (p->type != PIECE_CONTROL)
		add_spaced(out, p->at, p->n);
}

/* ---------------------------------------------------------------- many ids */

/* Appends s as valid UTF-8. */
static void
add_valid(struct buf *out, const char *s, size_t n)
{
	while (n > 0) {
		int32_t cp;
		size_t take = text_decode(s, n, &cp);

		if (cp == 0xfffd && take == 1)
			buf_str(out, BAD);
		else
			buf_add(out, s, take);
		s += take;
		n -= take;
	}
}

/* Whether this id begins with the space that encoding put in front of a segment. */
static bool
begins_with_prefix(const struct tokenizer *t, int32_t id)
{
	const struct vocab *v = &t->vocab;
	const struct piece *p;

	if (!v->add_dummy_prefix && !v->remove_extra_whitespaces)
		return false;
	if (id < 0 || id >= v->n_pieces || added_token(t, id))
		return false;
	p = &v->pieces[id];
	return p->type != PIECE_CONTROL && p->n >= SPACE_N && memcmp(p->at, SPACE, SPACE_N) == 0;
}

/* The bytes of all ids. Between two added tokens sentencepiece decodes on its own, so the prefix goes once from each
 * such run; with remove_extra_whitespaces from every piece until something has been said. */
static void
join(const struct tokenizer *t, const int32_t *ids, size_t n, bool skip_special, struct buf *out)
{
	bool at_start = true;

	for (size_t i = 0; i < n; i++) {
		bool drop = at_start && begins_with_prefix(t, ids[i]);
		bool added = ids[i] >= 0 && ids[i] < t->n_ids && added_token(t, ids[i]);
		size_t before = out->n;

		tokenizer_piece(t, ids[i], skip_special, out);
		if (drop) {
			memmove(out->at + before, out->at + before + 1, out->n - before - 1);
			buf_cut(out, out->n - 1);
		}
		if (added && out->n > before)
			at_start = true;
		else if (out->n > before || (drop && !t->vocab.remove_extra_whitespaces))
			at_start = false;
	}
}

void
tokenizer_decode(const struct tokenizer *t, const int32_t *ids, size_t n, bool skip_special, struct buf *out)
{
	struct buf bytes = {0};

	join(t, ids, n, skip_special, &bytes);
	add_valid(out, buf_text(&bytes), bytes.n);
	buf_done(&bytes);
}

/* ---------------------------------------------------------------- streaming */

/* The dummy prefix needs no care here: it is white space at the beginning. */
void
stream_init(struct stream *s, const struct tokenizer *t)
{
	*s = (struct stream){.tokenizer = t};
}

/* Gives out what of the first n held bytes cannot prove to be white space at the end. */
static void
give(struct stream *s, size_t n, struct buf *out)
{
	size_t from = 0, to = 0;

	for (size_t i = 0; i < n;) {
		int32_t cp;
		size_t take = text_decode(s->held.at + i, n - i, &cp);

		if (!text_is_space(cp)) {
			if (!s->started)
				from = i;
			s->started = true;
			to = i + take;
		}
		i += take;
	}
	if (to == 0 && !s->started)
		to = from = n;          /* white space at the beginning: gone for good */
	add_valid(out, s->held.at ? s->held.at + from : "", to - from);
	buf_drop(&s->held, to);
}

void
stream_push(struct stream *s, int32_t id, struct buf *out)
{
	tokenizer_piece(s->tokenizer, id, true, &s->held);
	give(s, s->held.n - text_partial(buf_text(&s->held), s->held.n), out);
}

void
stream_finish(struct stream *s, struct buf *out)
{
	give(s, s->held.n, out);
	buf_done(&s->held);
	*s = (struct stream){.tokenizer = s->tokenizer};
}
