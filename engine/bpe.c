/* bpe.c: one segment of text → ids, as sentencepiece's BPE does it.
 *
 * Symbols form a linked list in an array; a heap holds the adjacent pairs that a piece spells. The pair with the
 * highest score is joined first, the leftmost of equals. A pair whose sides have changed since it was found is
 * recognised by its length and skipped, so nothing is ever removed from the middle of the heap.
 */
#include "config.h"

#include "engine/vocab.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

#define SPACE "\xe2\x96\x81"            /* U+2581, how pieces spell a space */
#define BAD "\xef\xbf\xbd"              /* U+FFFD */
#define NONE SIZE_MAX

struct symbol {
	const char *at;
	size_t n;                       /* 0: joined into the symbol before it */
	size_t prev, next;              /* NONE at the ends */
	bool frozen;                    /* a user-defined piece is never joined */
};

struct pair {
	size_t left, right;
	size_t n;                       /* bytes of both when the pair was found */
	float score;                    /* of the piece they spell */
};

/* One segment while it is encoded. */
struct merge {
	const struct vocab *v;
	struct symbol *symbols;
	size_t n_symbols;
	struct pair *heap;
	size_t n_heap, cap_heap;
	bool in_unknown;                /* the symbol emitted last was spelled by no piece */
	size_t *split;                  /* per UNUSED piece: bytes of its left part, 0: never made; or NULL */
};

/* ---------------------------------------------------------------- normalising */

/* How this vocabulary spells a space. */
static const char *
space_of(const struct vocab *v)
{
	return v->escape_whitespaces ? SPACE : " ";
}

static bool
ends_with(const struct buf *b, const char *s)
{
	size_t n = strlen(s);

	return b->n >= n && memcmp(b->at + b->n - n, s, n) == 0;
}

/* What the normaliser takes for one thing. */
struct unit {
	const char *at;
	size_t n;
	size_t take;                    /* bytes of the text that it stands for */
};

static struct unit
first_unit(const struct vocab *v, const char *s, size_t n)
{
	int32_t id, cp;
	size_t take = longest_match(&v->user_defined, s, n, &id);

	if (take == 0)
		take = text_decode(s, n, &cp);
	else
		return (struct unit){s, take, take};
	if (cp == 0xfffd && take == 1)
		return (struct unit){BAD, strlen(BAD), 1};
	return (struct unit){s, take, take};
}

/* Without the spaces in front that follow a space; *after_space is told of the one behind. */
static void
add_unit(const struct vocab *v, struct unit u, bool *after_space, struct buf *out)
{
	while (*after_space && u.n > 0 && u.at[0] == ' ')
		u.at++, u.n--;
	if (u.n == 0)
		return;
	*after_space = v->remove_extra_whitespaces && u.at[u.n - 1] == ' ';
	for (size_t i = 0; i < u.n; i++) {
		if (u.at[i] == ' ')
			buf_str(out, space_of(v));
		else
			buf_char(out, u.at[i]);
	}
}

/* Only the identity normaliser is supported, so what is left are spaces, bad bytes and the dummy prefix. Spaces inside
 * a user-defined piece count like others. */
static void
normalize(const struct vocab *v, const char *s, size_t n, struct buf *out)
{
	bool squeeze = v->remove_extra_whitespaces, after_space = squeeze;
	struct unit u;

	for (; squeeze && n > 0; s += u.take, n -= u.take) {
		u = first_unit(v, s, n);
		if (u.n != 1 || u.at[0] != ' ')
			break;
	}
	if (n == 0)
		return;
	if (v->add_dummy_prefix)
		buf_str(out, space_of(v));
	for (; n > 0; s += u.take, n -= u.take) {
		u = first_unit(v, s, n);
		add_unit(v, u, &after_space, out);
	}
	while (squeeze && ends_with(out, space_of(v)))
		buf_cut(out, out->n - strlen(space_of(v)));
}

/* ---------------------------------------------------------------- the heap */

static bool
comes_first(const struct pair *a, const struct pair *b)
{
	return a->score > b->score || (a->score == b->score && a->left < b->left);
}

static void
heap_push(struct merge *m, struct pair p)
{
	size_t i = m->n_heap++;

	if (m->n_heap > m->cap_heap) {
		m->cap_heap = m->cap_heap ? 2 * m->cap_heap : 64;
		m->heap = xreallocarray(m->heap, m->cap_heap, sizeof *m->heap);
	}
	for (; i > 0 && comes_first(&p, &m->heap[(i - 1) / 2]); i = (i - 1) / 2)
		m->heap[i] = m->heap[(i - 1) / 2];
	m->heap[i] = p;
}

static struct pair
heap_pop(struct merge *m)
{
	struct pair top = m->heap[0], last = m->heap[--m->n_heap];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < m->n_heap) {
		if (child + 1 < m->n_heap && comes_first(&m->heap[child + 1], &m->heap[child]))
			child++;
		if (!comes_first(&m->heap[child], &last))
			break;
		m->heap[i] = m->heap[child];
		i = child;
	}
	m->heap[i] = last;
	return top;
}

/* ---------------------------------------------------------------- merging */

/* Cuts the normalised text into symbols: user-defined pieces whole, else characters. */
static void
cut_symbols(struct merge *m, const char *s, size_t n)
{
	const char *end = s + n;
	size_t count = 0;

	m->symbols = xreallocarray(NULL, n, sizeof *m->symbols);        /* no symbol is empty */
	while (s < end) {
		int32_t id, cp;
		size_t take = longest_match(&m->v->user_defined, s, (size_t)(end - s), &id);
		bool frozen = take > 0;

		if (!frozen)
			take = text_decode(s, (size_t)(end - s), &cp);
		m->symbols[count] = (struct symbol){s, take, count - 1, count + 1, frozen};    /* 0 - 1 is NONE */
		s += take;
		count++;
	}
	m->symbols[count - 1].next = NONE;
	m->n_symbols = count;
}

/* Enters the pair into the heap when its sides may be joined and a piece spells them. */
static void
consider(struct merge *m, size_t left, size_t right)
{
	const struct symbol *a, *b;
	int32_t id;

	if (left == NONE || right == NONE)
		return;
	a = &m->symbols[left];
	b = &m->symbols[right];
	if (a->frozen || b->frozen || a->n + b->n > m->v->longest_piece)
		return;
	id = exact_find(&m->v->mergeable, a->at, a->n + b->n);
	if (id < 0)
		return;
	heap_push(m, (struct pair){left, right, a->n + b->n, m->v->pieces[id].score});
	if (m->split && m->v->pieces[id].type == PIECE_UNUSED)
		m->split[id] = a->n;
}

static void
join(struct merge *m, const struct pair *p)
{
	struct symbol *a = &m->symbols[p->left], *b = &m->symbols[p->right];

	if (a->n == 0 || b->n == 0 || a->n + b->n != p->n)
		return;
	a->n += b->n;
	a->next = b->next;
	if (b->next != NONE)
		m->symbols[b->next].prev = p->left;
	b->n = 0;
	consider(m, a->prev, p->left);
	consider(m, p->left, a->next);
}

static void
merge_all(struct merge *m)
{
	for (size_t i = 1; i < m->n_symbols; i++)
		consider(m, i - 1, i);
	while (m->n_heap > 0) {
		struct pair p = heap_pop(m);

		join(m, &p);
	}
}

/* ---------------------------------------------------------------- symbols → ids */

/* A symbol that no piece spells: its bytes, or one unknown id for a run of such symbols. */
static void
emit_unknown(struct merge *m, const char *s, size_t n, struct ids *out)
{
	const struct vocab *v = m->v;

	for (size_t i = 0; v->byte_fallback && i < n; i++) {
		int32_t id = v->byte_ids[(unsigned char)s[i]];

		ids_add(out, id >= 0 ? id : v->unk_id);
	}
	if (!v->byte_fallback && !m->in_unknown)
		ids_add(out, v->unk_id);
	m->in_unknown = true;
}

/* The symbol's id; an UNUSED piece goes back to the two parts it was made of, a single character of that kind is as
 * good as unknown. A piece is at most 4096 bytes and a part is shorter than the whole: that bounds the depth. */
static void
emit(struct merge *m, const char *s, size_t n, struct ids *out)
{
	int32_t id = exact_find(&m->v->mergeable, s, n);
	bool unused = id >= 0 && m->v->pieces[id].type == PIECE_UNUSED;

	if (unused && m->split[id] > 0) {
		emit(m, s, m->split[id], out);
		emit(m, s + m->split[id], n - m->split[id], out);
	} else if (id < 0 || unused) {
		emit_unknown(m, s, n, out);
	} else {
		ids_add(out, id);
		m->in_unknown = false;
	}
}

void
vocab_encode(const struct vocab *v, const char *text, size_t n, struct ids *out)
{
	struct merge m = {.v = v};
	struct buf normal = {0};

	normalize(v, text, n, &normal);
	if (normal.n > 0) {
		if (v->has_unused)
			m.split = xcalloc((size_t)v->n_pieces, sizeof *m.split);
		cut_symbols(&m, normal.at, normal.n);
		merge_all(&m);
		for (size_t i = 0; i != NONE; i = m.symbols[i].next)
			emit(&m, m.symbols[i].at, m.symbols[i].n, out);
	}
	free(m.split);
	free(m.symbols);
	free(m.heap);
	buf_done(&normal);
}
