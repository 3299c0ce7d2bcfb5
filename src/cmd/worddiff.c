/* worddiff.c: see worddiff.h. The longest common subsequence of words, by the table that everybody learns; what is
 * equal at both ends is left out of it, and texts too long for it count as changed between those ends. Pure. */
#include "config.h"

#include "cmd/worddiff.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

#define TABLE_MAX ((size_t)1 << 24)
#define FIRST_WITHOUT_SPACES 0x2e80     /* from here on stand the scripts of East Asia */

const struct worddiff_marks worddiff_plain = { "[-", "-]", "{+", "+}" };

struct word {
	const char *at;
	size_t n;               /* of the word */
	size_t space;           /* bytes of white space after it */
};

struct words {
	struct word *at;
	size_t n;
};

/* ---- words */

static size_t
spaces(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n) {
		int32_t cp;
		size_t k = text_decode(s + i, n - i, &cp);

		if (!text_is_space(cp))
			break;
		i += k;
	}
	return i;
}

static size_t
word_length(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n) {
		int32_t cp;
		size_t k = text_decode(s + i, n - i, &cp);

		if (text_is_space(cp) || (cp >= FIRST_WITHOUT_SPACES && i > 0))
			break;
		i += k;
		if (cp >= FIRST_WITHOUT_SPACES)
			break;
	}
	return i;
}

static struct words
split(const char *s, size_t n)
{
	struct words w = {0};
	size_t i = spaces(s, n);

	while (i < n) {
		struct word word = {.at = s + i, .n = word_length(s + i, n - i)};

		i += word.n;
		word.space = spaces(s + i, n - i);
		i += word.space;
		w.at = xreallocarray(w.at, w.n + 1, sizeof *w.at);
		w.at[w.n++] = word;
	}
	return w;
}

static bool
same(const struct word *a, const struct word *b)
{
	return a->n == b->n && memcmp(a->at, b->at, a->n) == 0;
}

/* ---- what goes out */

static void
add_run(struct buf *out, const char *open, const struct word *words, size_t n, const char *close)
{
	if (n == 0)
		return;
	buf_str(out, open);
	for (size_t i = 0; i < n; i++)
		buf_add(out, words[i].at, words[i].n + (i + 1 < n ? words[i].space : 0));
	buf_str(out, close);
}

/* The white space after it as the text has it, or one space that keeps marks and words apart. */
static void
add_space(struct buf *out, const struct word *last)
{
	buf_add(out, last->at + last->n, last->space);
}

static void
add_change(struct buf *out, const struct worddiff_marks *marks, const struct word *a, size_t a_n, const struct word *b,
    size_t b_n)
{
	add_run(out, marks->gone, a, a_n, marks->gone_end);
	if (a_n > 0 && b_n > 0)
		buf_char(out, ' ');
	add_run(out, marks->new, b, b_n, marks->new_end);
	if (b_n > 0)
		add_space(out, &b[b_n - 1]);
	else if (a_n > 0)
		add_space(out, &a[a_n - 1]);
}

static void
add_same(struct buf *out, const struct word *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_add(out, words[i].at, words[i].n + words[i].space);
}

/* ---- the table: at[i][j] is how much a[i…] and b[j…] have in common */

struct table {
	uint32_t *at;
	size_t columns;
};

static uint32_t *
cell(const struct table *t, size_t i, size_t j)
{
	return &t->at[i * t->columns + j];
}

static struct table
make_table(const struct words *a, const struct words *b)
{
	struct table t = {.columns = b->n + 1};

	t.at = xcalloc((a->n + 1) * t.columns, sizeof *t.at);
	for (size_t i = a->n; i-- > 0;)
		for (size_t j = b->n; j-- > 0;) {
			uint32_t down = *cell(&t, i + 1, j), right = *cell(&t, i, j + 1);

			*cell(&t, i, j) = same(&a->at[i], &b->at[j]) ? *cell(&t, i + 1, j + 1) + 1 :
			    down > right ? down : right;
		}
	return t;
}

/* Steps over words that are not in common, the first text's first. */
static void
skip_change(const struct table *t, const struct words *a, const struct words *b, size_t *i, size_t *j)
{
	while (*i < a->n || *j < b->n) {
		if (*i < a->n && *j < b->n && same(&a->at[*i], &b->at[*j]))
			return;
		if (*j == b->n || (*i < a->n && *cell(t, *i + 1, *j) >= *cell(t, *i, *j + 1)))
			++*i;
		else
			++*j;
	}
}

static void
add_middle(struct buf *out, const struct worddiff_marks *marks, const struct words *a, const struct words *b)
{
	struct table t;
	size_t i = 0, j = 0;

	if ((a->n + 1) * (b->n + 1) > TABLE_MAX) {
		add_change(out, marks, a->at, a->n, b->at, b->n);
		return;
	}
	t = make_table(a, b);
	while (i < a->n || j < b->n) {
		size_t from_i = i, from_j = j;

		skip_change(&t, a, b, &i, &j);
		add_change(out, marks, a->at + from_i, i - from_i, b->at + from_j, j - from_j);
		for (from_j = j; i < a->n && j < b->n && same(&a->at[i], &b->at[j]); j++)
			i++;
		add_same(out, b->at + from_j, j - from_j);
	}
	free(t.at);
}

void
worddiff(struct buf *out, const char *a_text, size_t a_n, const char *b_text, size_t b_n,
    const struct worddiff_marks *marks)
{
	struct words a = split(a_text, a_n), b = split(b_text, b_n), mid_a, mid_b;
	size_t head = 0, tail = 0;

	while (head < a.n && head < b.n && same(&a.at[head], &b.at[head]))
		head++;
	while (tail < a.n - head && tail < b.n - head && same(&a.at[a.n - 1 - tail], &b.at[b.n - 1 - tail]))
		tail++;
	add_same(out, b.at, head);
	mid_a = (struct words){a.at ? a.at + head : NULL, a.n - head - tail};
	mid_b = (struct words){b.at ? b.at + head : NULL, b.n - head - tail};
	add_middle(out, marks, &mid_a, &mid_b);
	if (tail > 0)
		add_same(out, b.at + b.n - tail, tail);
	free(a.at);
	free(b.at);
}
