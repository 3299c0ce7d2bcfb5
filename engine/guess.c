/* guess.c: see guess.h.
 *
 * Of the places whose last tokens fall into one slot of a table, the table knows the latest and each place the one before
 * it. So a text that is cut gives back what the tables held when it was that long, and nothing is ever searched but the
 * few places of one slot.
 *
 * Invariant: the tables are those of ids[0 … n), whatever stood behind it before.
 */
#include "config.h"

#include "engine/guess.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/alloc.h"

#define NOWHERE (-1)
#define MOST_LOOKS 8            /* places of a slot that are compared: others than equal ones are rare */

static const int lengths[GUESS_KINDS] = { [GUESS_BY_TWO] = 2, [GUESS_BY_THREE] = 3 };

/* Places by the `length` tokens that end there. */
struct table {
	int32_t *latest;        /* [n_slots] */
	int32_t *before;        /* [n_max]: the one before it in its slot */
};

struct guess {
	int n, n_max;
	uint32_t n_slots;       /* a power of two */
	int32_t *ids;           /* [n_max] */
	struct table tables[GUESS_KINDS];
};

struct guess *
guess_new(int n_max)
{
	struct guess *g = xcalloc(1, sizeof *g);

	g->n_max = n_max;
	for (g->n_slots = 16; g->n_slots < 2 * (uint32_t)n_max; g->n_slots *= 2)
		;
	g->ids = xcalloc((size_t)n_max, sizeof *g->ids);
	for (int by = 0; by < GUESS_KINDS; by++) {
		g->tables[by].latest = xcalloc(g->n_slots, sizeof *g->tables[by].latest);
		g->tables[by].before = xcalloc((size_t)n_max, sizeof *g->tables[by].before);
		for (uint32_t i = 0; i < g->n_slots; i++)
			g->tables[by].latest[i] = NOWHERE;
	}
	return g;
}

void
guess_free(struct guess *g)
{
	if (!g)
		return;
	for (int by = 0; by < GUESS_KINDS; by++) {
		free(g->tables[by].latest);
		free(g->tables[by].before);
	}
	free(g->ids);
	free(g);
}

int
guess_n(const struct guess *g)
{
	return g->n;
}

/* ---- the tables */

/* Whether `length` tokens of text end at place `at`. */
static bool
has_text(const struct guess *g, int at, int length)
{
	for (int i = 0; i < length; i++)
		if (at - i < 0 || g->ids[at - i] == GUESS_PICTURE)
			return false;
	return true;
}

static int32_t *
slot_of(const struct guess *g, enum guess_by by, int at)
{
	uint32_t hash = 0;

	for (int i = 0; i < lengths[by]; i++)
		hash = (hash ^ (uint32_t)g->ids[at - i]) * 0x9e3779b1u;
	return &g->tables[by].latest[(hash ^ hash >> 15) & (g->n_slots - 1)];
}

void
guess_add(struct guess *g, int32_t id)
{
	int at = g->n++;

	assert(at < g->n_max);
	g->ids[at] = id < 0 ? GUESS_PICTURE : id;
	for (int by = 0; by < GUESS_KINDS; by++)
		if (has_text(g, at, lengths[by])) {
			int32_t *slot = slot_of(g, (enum guess_by)by, at);

			g->tables[by].before[at] = *slot;
			*slot = at;
		}
}

void
guess_cut(struct guess *g, int n)
{
	assert(n >= 0);
	while (g->n > n) {
		int at = --g->n;

		for (int by = 0; by < GUESS_KINDS; by++)
			if (has_text(g, at, lengths[by]))
				*slot_of(g, (enum guess_by)by, at) = g->tables[by].before[at];
	}
}

/* ---- guessing */

static bool
same_end(const struct guess *g, int a, int b, int length)
{
	for (int i = 0; i < length; i++)
		if (g->ids[a - i] != g->ids[b - i])
			return false;
	return true;
}

/* The latest place before the last whose tokens are those of the last. */
static int
find_earlier(const struct guess *g, enum guess_by by)
{
	int last = g->n - 1, at, looks = 0;

	if (!has_text(g, last, lengths[by]))
		return NOWHERE;
	for (at = g->tables[by].before[last]; at != NOWHERE && looks < MOST_LOOKS; at = g->tables[by].before[at], looks++)
		if (same_end(g, at, last, lengths[by]))
			return at;
	return NOWHERE;
}

/* What followed; where that reaches the end of the text, it goes on with what was guessed just now. */
static int
take_following(const struct guess *g, int at, int most, int32_t *ids)
{
	int n = 0;

	for (; n < most; n++) {
		int from = at + 1 + n;
		int32_t id = from < g->n ? g->ids[from] : ids[from - g->n];

		if (id == GUESS_PICTURE)
			break;
		ids[n] = id;
	}
	return n;
}

int
guess_next(const struct guess *g, int most, int32_t *ids, enum guess_by *by)
{
	for (int kind = GUESS_KINDS - 1; kind >= 0; kind--) {
		int at = find_earlier(g, (enum guess_by)kind);

		if (at == NOWHERE)
			continue;
		*by = (enum guess_by)kind;
		return take_following(g, at, most, ids);
	}
	return 0;
}
