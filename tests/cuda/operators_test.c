/* operators_test.c: every operator of the CUDA backend against the CPU's, over odd sizes and real ones, through the border
 * alone. What lies in bfloat16 between two operators (q, attended, h, qkv) is looked at when the operators behind it have
 * made float32 of it. Exit 77 without a card; `cuda_operators cpu` lets the CPU play the card: the test of the test. */
#include "config.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "engine/cuda/kernels.h"
#include "engine/engine.h"
#include "tests/cuda/pair.h"
#include "tests/engine/tiny.h"

#define N_CTX 1600
#define FILLED 1536             /* of them that have keys and values before a step is tried */
#define MOST_ROWS 300
#define SHARPNESS 2.0f          /* one key in hundreds has a weight that is seen when it is missing */

/* Roundings to bfloat16 between input and result (pair.h). A softmax's weight moves by as much as its score, which is a
 * sum of products of mean square SCORE²; q and k have three roundings each: normalised, multiplied, turned. tiny.c's q and
 * k are of mean square 4/3, q's with SHARPNESS on top. */
#define SCORE (4.0 / 3 * SHARPNESS)
#define AFTER_ATTENTION (6 * SCORE * SCORE + 5)         /* v: normalised, multiplied, stored; weights; attended */
#define AFTER_TOWER_ATTENTION (8 * 1.0 + 6)             /* q and k normalised: mean square 1, once more rounded */
#define AFTER_MLP 8             /* normalised, gate, up, h; silu's slope makes more of those of gate */
#define AFTER_TOWER_MLP 6       /* normalised, multiplied, gelu, multiplied; gelu's slope */
#define AFTER_PROJECTOR 8       /* shuffled, normalised, multiplied, gelu, multiplied */
#define AFTER_PATCHES 3         /* pixels, multiplied */
#define AFTER_LOGITS 3
#define OF_PACKED 2             /* more, for each product: weights of many rows are unpacked to bfloat16 */

struct span {
	int n, pos;
};

/* Rows: one, which goes another way than more; below, at and beyond the tiles. Keys before them: none, few, several
 * splits of one row's attention. */
static const struct span steps[] = {
	{1, 0}, {1, 1}, {1, 31}, {1, 32}, {1, 33}, {1, 300}, {1, 511}, {1, 1100}, {1, 1535}, {2, 0}, {2, 33}, {2, 1023},
	{7, 0}, {7, 5}, {7, 300}, {17, 0}, {17, 33}, {17, 1100}, {130, 0}, {130, 33}, {130, 1000}, {300, 0}, {300, 300},
	{300, 1111},
};
#define N_STEPS (sizeof steps / sizeof *steps)

static const int rows[] = {1, 2, 7, 17, 130, 300};
#define N_ROWS (sizeof rows / sizeof *rows)
#define MANY 1300               /* more than products with packed matrices take */

/* Decoders. Widths that are a multiple of 8 and not, heads of all sizes and groups. */
static const struct tiny decoders[] = {
	{.hidden = 72, .heads = 1, .kv_heads = 1, .head_dim = 64, .intermediate = 172, .vocab = 1001},
	{.hidden = 172, .heads = 7, .kv_heads = 1, .head_dim = 80, .intermediate = 264, .vocab = 1001},
	{.hidden = 1024, .heads = 8, .kv_heads = 4, .head_dim = 128, .intermediate = 1000, .vocab = 1001},
	{.hidden = 896, .heads = 14, .kv_heads = 2, .head_dim = 64, .intermediate = 2432, .vocab = 1001},
	{.hidden = 264, .heads = 7, .kv_heads = 7, .head_dim = 128, .intermediate = 72, .vocab = 307},
	{.hidden = 75, .heads = 3, .kv_heads = 3, .head_dim = 26, .intermediate = 129, .vocab = 291},
	{.hidden = 320, .heads = 4, .kv_heads = 2, .head_dim = 160, .intermediate = 200, .vocab = 512},
};
#define N_DECODERS (sizeof decoders / sizeof *decoders)

static char *
write_decoder(const struct tiny *shape, int layers)
{
	struct tiny t = *shape;

	t.layers = layers;
	t.n_ctx = N_CTX;
	t.type = DTYPE_BF16;
	t.seed = 21;
	t.text_only = true;
	t.sharpness = SHARPNESS;
	return tiny_write(&t);
}

static const char *
name_decoder(const struct tiny *t, const char *kind)
{
	static char text[128];

	snprintf(text, sizeof text, "%s: %d wide, %d heads of %d (%d for keys), %d in the MLP", kind, t->hidden, t->heads,
	    t->head_dim, t->kv_heads, t->intermediate);
	return text;
}

static void
open_decoder(struct pair *p, const struct tiny *t, int layers)
{
	char *dir = write_decoder(t, layers);

	pair_open(p, dir, name_decoder(t, "bf16"), N_CTX, CONTEXT_CHUNK);
	tiny_remove(dir);
}

/* Whether gate and up are computed at once, by cards that can. */
static bool
is_in_tiles(const struct tiny *t)
{
	return t->hidden % 64 == 0 && t->intermediate % 64 == 0;
}

static const char *
name_step(const char *operator, int n, int pos, bool last)
{
	static char text[96];

	snprintf(text, sizeof text, "%s of %d row%s behind %d tokens%s", operator, n, n == 1 ? "" : "s", pos,
	    last ? ", the last alone" : "");
	return text;
}

/* ---- the decoder's operators, in groups whose result is float32 */

static void
call_qkv(struct side *s, int layer, int n)
{
	s->ops->qkv_rope(s->b, &s->model, layer, s->d.q, s->d.kv, s->d.x);
	side_round(s, s->d.q, (size_t)n * (size_t)(s->model.hp.llm.n_heads * s->model.hp.llm.head_dim));
}

static void
call_attention(struct side *s, int layer, int n)
{
	s->ops->attention(s->b, &s->model, layer, s->d.attended, s->d.q, s->d.kv);
	side_round(s, s->d.attended, (size_t)n * (size_t)(s->model.hp.llm.n_heads * s->model.hp.llm.head_dim));
	s->ops->attn_out(s->b, &s->model, layer, s->d.x, s->d.attended);
}

static void
call_mlp(struct side *s, int layer, int n)
{
	s->ops->swiglu(s->b, &s->model, layer, s->d.h, s->d.x);
	side_round(s, s->d.h, (size_t)n * (size_t)s->model.hp.llm.intermediate_size);
	s->ops->mlp_out(s->b, &s->model, layer, s->d.x, s->d.h);
}

static void
choose_last(struct pair *p)
{
	p->cpu.ops->last_row(p->cpu.b);
	p->card.ops->last_row(p->card.b);
}

/* Keys and values of the first n tokens of a layer. */
static void
fill_cache(struct pair *p, int layer, int n)
{
	for (int pos = 0; pos < n; pos += 1024) {
		int part = n - pos < 1024 ? n - pos : 1024;

		pair_put_x(p, part);
		pair_step(p, part, pos);
		call_qkv(&p->cpu, layer, part);
		call_qkv(&p->card, layer, part);
	}
}

static void
try_attention(struct pair *p, int layer, struct span s, bool last, double roundings)
{
	int left = last ? 1 : s.n;

	pair_put_x(p, s.n);
	pair_step(p, s.n, s.pos);
	call_qkv(&p->cpu, layer, s.n);
	call_qkv(&p->card, layer, s.n);
	if (last)
		choose_last(p);
	call_attention(&p->cpu, layer, left);
	call_attention(&p->card, layer, left);
	pair_compare_x(p, name_step("attention", s.n, s.pos, last), s.n - left, s.n, roundings);
}

static void
try_mlp(struct pair *p, int layer, int n, bool last, double roundings)
{
	int left = last ? 1 : n;

	pair_put_x(p, n);
	pair_step(p, n, 3);
	if (last)
		choose_last(p);
	call_mlp(&p->cpu, layer, left);
	call_mlp(&p->card, layer, left);
	pair_compare_x(p, name_step("MLP", n, 3, last), n - left, n, roundings);
}

static void
attention_adds_what_the_reference_adds(void **state)
{
	int wrong = 0;

	(void)state;
	for (size_t d = 0; d < N_DECODERS; d++) {
		struct pair p;

		open_decoder(&p, &decoders[d], 2);
		fill_cache(&p, 1, FILLED);
		for (size_t i = 0; i < N_STEPS; i++) {
			try_attention(&p, 1, steps[i], false, AFTER_ATTENTION);
			if (steps[i].n > 1)
				try_attention(&p, 1, steps[i], true, AFTER_ATTENTION);
		}
		wrong += pair_close(&p);
	}
	assert_int_equal(wrong, 0);
}

static void
the_mlp_adds_what_the_reference_adds(void **state)
{
	int wrong = 0;

	(void)state;
	for (size_t d = 0; d < N_DECODERS; d++) {
		struct pair p;

		open_decoder(&p, &decoders[d], 2);
		for (size_t i = 0; i < N_ROWS; i++) {
			try_mlp(&p, 1, rows[i], false, AFTER_MLP);
			if (rows[i] > 1)
				try_mlp(&p, 1, rows[i], true, AFTER_MLP);
		}
		if (is_in_tiles(&decoders[d]))
			try_mlp(&p, 1, MANY, false, AFTER_MLP);
		wrong += pair_close(&p);
	}
	assert_int_equal(wrong, 0);
}

/* ---- without arithmetic: the same bits */

static void
call_embed(struct side *s)
{
	s->ops->embed(s->b, &s->model, s->d.x);
}

static void
embeddings_are_the_same_and_spare_the_places_of_pictures(void **state)
{
	int wrong = 0;
	int32_t ids[MOST_ROWS];

	(void)state;
	for (size_t d = 0; d < N_DECODERS; d++) {
		struct pair p;
		int width = decoders[d].hidden, vocab = decoders[d].vocab;

		open_decoder(&p, &decoders[d], 1);
		for (size_t i = 0; i < N_ROWS; i++) {
			for (int r = 0; r < rows[i]; r++)
				ids[r] = r % 5 == 3 ? -1 : (vocab - 1 - 37 * r % vocab);
			pair_put_x(&p, rows[i]);
			pair_begin(&p, ids, rows[i], 9);
			call_embed(&p.cpu);
			call_embed(&p.card);
			pair_fetch(&p, p.card.d.x, p.cpu.d.x, (size_t)rows[i] * (size_t)width);
			pair_compare_exactly(&p, name_step("embedding", rows[i], 9, false), (size_t)rows[i] * (size_t)width);
			if (rows[i] > 3 && memcmp(p.got + 3 * width, p.x + 3 * width, (size_t)width * sizeof *p.x) != 0)
				pair_wrong(&p, "a picture's place was touched");
		}
		wrong += pair_close(&p);
	}
	assert_int_equal(wrong, 0);
}

static void
call_copy(struct side *s, size_t to, size_t at, size_t n)
{
	s->ops->copy(s->b, s->d.x, to, s->d.logits, at, n);
}

static void
copies_are_the_same_from_any_place_to_any(void **state)
{
	static const struct { size_t to, at, n; } all[] = {{0, 0, 1}, {1, 3, 5}, {17, 0, 1001}, {1024, 1, 1000}, {5, 999, 2}};
	struct pair p;
	float *from = xcalloc(1001, sizeof *from);
	uint64_t random = 3;

	(void)state;
	open_decoder(&p, &decoders[2], 1);
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		for (size_t k = 0; k < 1001; k++)
			from[k] = tiny_random(&random);
		pair_put_x(&p, 3);
		p.cpu.ops->upload(p.cpu.b, p.cpu.d.logits, 0, from, 1001);
		p.card.ops->upload(p.card.b, p.card.d.logits, 0, from, 1001);
		call_copy(&p.cpu, all[i].to, all[i].at, all[i].n);
		call_copy(&p.card, all[i].to, all[i].at, all[i].n);
		pair_fetch(&p, p.card.d.x, p.cpu.d.x, 3 * 1024);
		pair_compare_exactly(&p, "copy", 3 * 1024);
		if (memcmp(p.got + all[i].to, from + all[i].at, all[i].n * sizeof *from) != 0)
			pair_wrong(&p, "copy: what came is not what went");
	}
	free(from);
	assert_int_equal(pair_close(&p), 0);
}

/* ---- keys and values to memory and back */

/* All n tokens of a layer; the caller frees. */
static char *
read_rows(struct side *s, int layer, int n)
{
	char *all = xcalloc(2 * (size_t)n, s->ops->kv_row_bytes(s->d.kv));

	s->ops->kv_read(s->b, s->d.kv, layer, 0, n, all);
	return all;
}

/* Tokens pos … pos + n - 1 of what was read of n_all. */
static char *
cut_rows(const char *all, int n_all, int pos, int n, size_t row)
{
	char *part = xcalloc(2 * (size_t)n, row);

	memcpy(part, all + (size_t)pos * row, (size_t)n * row);
	memcpy(part + (size_t)n * row, all + (size_t)(n_all + pos) * row, (size_t)n * row);
	return part;
}

static void
put_rows(char *all, int n_all, int pos, int n, size_t row, const char *part)
{
	memcpy(all + (size_t)pos * row, part, (size_t)n * row);
	memcpy(all + (size_t)(n_all + pos) * row, part + (size_t)n * row, (size_t)n * row);
}

/* Some tokens come back into a cache that holds others meanwhile: these, and no others of that or another layer. */
static void
try_rows(struct pair *p, struct span s, int n_all)
{
	struct side *card = &p->card;
	size_t row = card->ops->kv_row_bytes(card->d.kv), bytes = 2 * (size_t)n_all * row;
	char *first, *was, *part, *want, *got, *last;
	struct error err = {0};

	fill_cache(p, 0, n_all);
	fill_cache(p, 1, n_all);
	first = read_rows(card, 0, n_all);
	was = read_rows(card, 1, n_all);
	part = cut_rows(was, n_all, s.pos, s.n, row);
	fill_cache(p, 1, n_all);
	want = read_rows(card, 1, n_all);
	if (memcmp(was, want, bytes) == 0)
		pair_wrong(p, "other tokens have the same keys and values");
	put_rows(want, n_all, s.pos, s.n, row, part);
	card->ops->kv_write(card->b, card->d.kv, 1, s.pos, s.n, part);
	got = read_rows(card, 1, n_all);
	last = read_rows(card, 0, n_all);
	if (card->ops->sync(card->b, &err) != 0)
		pair_wrong(p, "%s", err.what);
	if (memcmp(got, want, bytes) != 0)
		pair_wrong(p, "%d rows at %d are not there", s.n, s.pos);
	if (memcmp(first, last, bytes) != 0)
		pair_wrong(p, "%d rows at %d are in another layer", s.n, s.pos);
	free(first);
	free(was);
	free(part);
	free(want);
	free(got);
	free(last);
}

static void
keys_and_values_go_to_memory_and_back(void **state)
{
	static const struct span all[] = {{1, 0}, {1, 299}, {17, 33}, {300, 0}};
	int wrong = 0;

	(void)state;
	for (size_t d = 0; d < N_DECODERS; d++) {
		struct pair p;

		open_decoder(&p, &decoders[d], 2);
		for (size_t i = 0; i < sizeof all / sizeof *all; i++)
			try_rows(&p, all[i], 300);
		wrong += pair_close(&p);
	}
	assert_int_equal(wrong, 0);
}

/* ---- logits, and the choice among them */

static void
call_logits(struct side *s)
{
	s->ops->logits(s->b, &s->model, s->d.logits, s->d.x);
	s->ops->find_best(s->b, s->d.logits, s->model.hp.llm.vocab_size);
}

/* The card's choice is that of its own logits, which are in got. */
static void
check_choice(struct pair *p, const char *name)
{
	int n = p->hp->llm.vocab_size, id = 0, second = -1;
	struct best best;

	p->card.ops->best(p->card.b, p->card.d.logits, 0, &best);
	for (int i = 1; i < n; i++)
		if (p->got[i] > p->got[id]) {
			second = id;
			id = i;
		} else if (second < 0 || p->got[i] > p->got[second]) {
			second = i;
		}
	if (best.id != id || best.best != p->got[id] || best.second != p->got[second] || !best.finite)
		pair_wrong(p, "%s: %d is chosen (%.9g, then %.9g), not %d (%.9g, then %.9g)", name, best.id, (double)best.best,
		    (double)best.second, id, (double)p->got[id], (double)p->got[second]);
}

static void
try_logits(struct pair *p, int n, double roundings)
{
	const char *name = name_step("logits", n, 3, false);
	int vocab = p->hp->llm.vocab_size;

	pair_put_x(p, n);
	pair_step(p, n, 3);
	call_logits(&p->cpu);
	call_logits(&p->card);
	pair_fetch(p, p->card.d.logits, p->cpu.d.logits, (size_t)vocab);
	check_choice(p, name);
	pair_compare(p, name, 1, vocab, roundings);
}

static void
logits_are_those_of_the_last_row_and_the_largest_is_found(void **state)
{
	int wrong = 0;

	(void)state;
	for (size_t d = 0; d < N_DECODERS; d++) {
		struct pair p;

		open_decoder(&p, &decoders[d], 1);
		for (size_t i = 0; i < N_ROWS; i++)
			try_logits(&p, rows[i], AFTER_LOGITS);
		wrong += pair_close(&p);
	}
	assert_int_equal(wrong, 0);
}

static struct best
find(struct side *s, const float *values, int n)
{
	struct device_buffer *buf = s->ops->buffer_new(s->b, (size_t)n, NULL);
	struct best best;

	assert_non_null(buf);
	s->ops->upload(s->b, buf, 0, values, (size_t)n);
	s->ops->find_best(s->b, buf, n);
	s->ops->best(s->b, buf, 0, &best);
	s->ops->buffer_free(s->b, buf);
	return best;
}

/* Ids and values mean something only among numbers. */
static void
try_choice(struct pair *p, const char *name, const float *values, int n)
{
	struct best got = find(&p->card, values, n), want = find(&p->cpu, values, n);

	p->n_compared++;
	if (got.finite != want.finite || (want.finite && (got.id != want.id || got.best != want.best ||
	    got.second != want.second)))
		pair_wrong(p, "the choice among %d, %s: %d (%.9g, then %.9g%s), not %d (%.9g, then %.9g%s)", n, name, got.id,
		    (double)got.best, (double)got.second, got.finite ? "" : ", no number", want.id, (double)want.best,
		    (double)want.second, want.finite ? "" : ", no number");
}

/* All borders of a row of n: values below -1 but where one is put. */
static void
try_choices(struct pair *p, int n)
{
	static const struct { const char *name; float first, last; } odd[] = {
		{"the first and the last alike", 2, 2}, {"the last", 2, 3}, {"the first", 3, 2}, {"infinite", INFINITY, 0},
		{"minus infinity beside", -INFINITY, 1}, {"no number first", NAN, 1}, {"no number last", 1, NAN},
	};
	float *values = xcalloc((size_t)n, sizeof *values);
	uint64_t random = (uint64_t)n;

	try_choice(p, "all alike", values, n);
	for (int i = 0; i < n; i++)
		values[i] = tiny_random(&random) - 2;
	try_choice(p, "any", values, n);
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
		values[n - 1] = odd[i].last;
		values[0] = odd[i].first;
		try_choice(p, odd[i].name, values, n);
	}
	for (int i = 0; i < n; i++)
		values[i] = -INFINITY;
	try_choice(p, "minus infinity all", values, n);
	free(values);
}

static void
the_largest_is_found_in_any_row(void **state)
{
	static const int sizes[] = {1, 2, 3, 31, 33, 255, 257, 1001, 4097, 64007, 100003};
	struct pair p;

	(void)state;
	open_decoder(&p, &decoders[0], 1);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		try_choices(&p, sizes[i]);
	assert_int_equal(pair_close(&p), 0);
}

/* ---- lending: as a download, wherever it begins, and again when it wants more room */

static void
try_lend(struct pair *p, struct side *s, struct device_buffer *buf, size_t at, size_t n)
{
	const float *lent = s->ops->lend(s->b, buf, at, n);
	float *want = xcalloc(n, sizeof *want);

	assert_non_null(lent);
	s->ops->download(s->b, want, buf, at, n);
	p->n_compared++;
	if (memcmp(lent, want, n * sizeof *want) != 0)
		pair_wrong(p, "%zu values from %zu on are lent otherwise than downloaded", n, at);
	free(want);
}

/* The same buffer holds other values each time. */
static void
try_lends(struct pair *p, struct side *s, float *values, size_t n)
{
	static const struct { size_t at, n; } parts[] = { {0, 64000}, {64000, 64000}, {1, 1}, {0, 128000}, {127999, 1}, {3, 64000} };
	struct device_buffer *buf = s->ops->buffer_new(s->b, n, NULL);

	assert_non_null(buf);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		for (size_t k = 0; k < n; k++)
			values[k] = (float)(k + i);
		s->ops->upload(s->b, buf, 0, values, n);
		try_lend(p, s, buf, parts[i].at, parts[i].n);
	}
	s->ops->buffer_free(s->b, buf);
}

static void
what_is_lent_is_what_is_downloaded(void **state)
{
	size_t n = 128000;
	float *values = xcalloc(n, sizeof *values);
	struct pair p;

	(void)state;
	open_decoder(&p, &decoders[0], 1);
	try_lends(&p, &p.cpu, values, n);
	try_lends(&p, &p.card, values, n);
	free(values);
	assert_int_equal(pair_close(&p), 0);
}

/* ---- a step that is recorded once and replayed, as context.c does */

static void
run_layers(struct side *s, int n)
{
	call_embed(s);
	for (int i = 0; i < s->model.hp.llm.n_layers; i++) {
		call_qkv(s, i, n);
		call_attention(s, i, n);
		call_mlp(s, i, n);
	}
	call_logits(s);
}

static void
prefill(struct side *s, const int32_t *ids, int n)
{
	s->ops->begin(s->b, ids, n, 0);
	run_layers(s, n);
}

static void
run_recorded(struct pair *p, struct device_graph **graph)
{
	struct side *s = &p->card;

	if (s->plays) {
		run_layers(s, 1);
		return;
	}
	if (!*graph) {
		assert_int_equal(s->ops->record(s->b), 0);
		run_layers(s, 1);
		*graph = s->ops->record_end(s->b);
		assert_non_null(*graph);
	}
	s->ops->replay(s->b, *graph);
}

/* Two layers and the logits: the roundings of all of them. Steps go on, and back as after a rewind. */
static void
try_replays(struct pair *p)
{
	static const int at[] = {200, 201, 202, 203, 33, 34, 1, 2};
	struct device_graph *graph = NULL;
	int32_t ids[200];
	int vocab = p->hp->llm.vocab_size;

	for (int i = 0; i < 200; i++)
		ids[i] = (31 * i + 7) % vocab;
	prefill(&p->cpu, ids, 200);
	prefill(&p->card, ids, 200);
	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		const char *name = name_step("a replay", 1, at[i], false);

		pair_begin(p, ids + 5 * i, 1, at[i]);
		run_layers(&p->cpu, 1);
		run_recorded(p, &graph);
		pair_fetch(p, p->card.d.logits, p->cpu.d.logits, (size_t)vocab);
		check_choice(p, name);
		pair_compare(p, name, 1, vocab, 2 * (AFTER_ATTENTION + AFTER_MLP) + AFTER_LOGITS);
	}
	if (graph)
		p->card.ops->graph_free(p->card.b, graph);
}

static void
a_replayed_step_gives_the_logits_of_its_own_token_and_place(void **state)
{
	int wrong = 0;

	(void)state;
	for (size_t d = 0; d < N_DECODERS; d++) {
		struct pair p;

		open_decoder(&p, &decoders[d], 2);
		try_replays(&p);
		wrong += pair_close(&p);
	}
	assert_int_equal(wrong, 0);
}

/* ---- packed weights: the CPU reads the same folder */

static const enum engine_quant kinds[] = {ENGINE_FP8, ENGINE_INT8, ENGINE_INT4};
static const char *const kind_names[] = {"fp8", "int8", "int4"};

static char *
quantized(const char *from, enum engine_quant quant)
{
	char *to = xasprintf("%s-packed", from);
	struct quantize q = {.from = from, .to = to, .quant = quant};
	struct quantize_report report;
	struct error err = {0};

	if (quantize_write(&q, NULL, &report, &err) < 0)
		fail_msg("%s", err.what);
	return to;
}

static void
try_packed(struct pair *p)
{
	static const struct span few[] = {{1, 0}, {1, 33}, {1, 300}, {2, 33}, {7, 5}, {17, 300}, {130, 33}, {300, 0}};

	fill_cache(p, 0, 320);
	for (size_t i = 0; i < sizeof few / sizeof *few; i++) {
		/* one more rounding in q, k, v and o: of each product's weights */
		try_attention(p, 0, few[i], false, AFTER_ATTENTION + OF_PACKED * (1 + SCORE * SCORE));
		try_mlp(p, 0, few[i].n, false, AFTER_MLP + 2 * OF_PACKED);
		if (few[i].n > 1)
			try_mlp(p, 0, few[i].n, true, AFTER_MLP + 2 * OF_PACKED);
		try_logits(p, few[i].n, AFTER_LOGITS + OF_PACKED);
	}
}

static void
packed_weights_weigh_as_they_do_on_the_cpu(void **state)
{
	int wrong = 0;

	(void)state;
	for (size_t d = 0; d < N_DECODERS; d++) {
		char *plain = write_decoder(&decoders[d], 1);

		for (size_t k = 0; k < 3; k++) {
			char *dir = quantized(plain, kinds[k]);
			struct pair p;

			pair_open(&p, dir, name_decoder(&decoders[d], kind_names[k]), N_CTX, CONTEXT_CHUNK);
			try_packed(&p);
			if (is_in_tiles(&decoders[d]))
				try_mlp(&p, 0, MANY, false, AFTER_MLP + 2 * OF_PACKED);
			wrong += pair_close(&p);
			tiny_remove(dir);
		}
		tiny_remove(plain);
	}
	assert_int_equal(wrong, 0);
}

/* ---- steps at once: to the bit what each is alone, by the same side */

/* What n steps leave: rows of logits, the choices, and keys and values of both layers. */
struct left {
	float *logits;
	struct best best[BACKEND_MAX_STEPS];
	char *rows[2];
};

static void
take_rows(struct side *s, struct left *l, int n, int pos)
{
	for (int layer = 0; layer < 2; layer++) {
		l->rows[layer] = xcalloc(2 * (size_t)n, s->ops->kv_row_bytes(s->d.kv));
		s->ops->kv_read(s->b, s->d.kv, layer, pos, n, l->rows[layer]);
	}
}

static void
leave_one_by_one(struct side *s, struct left *l, const int32_t *ids, int n, int pos)
{
	size_t vocab = (size_t)s->model.hp.llm.vocab_size;

	l->logits = xcalloc((size_t)n * vocab, sizeof *l->logits);
	for (int i = 0; i < n; i++) {
		s->ops->begin(s->b, ids + i, 1, pos + i);
		run_layers(s, 1);
		s->ops->best(s->b, s->d.logits, 0, &l->best[i]);
		s->ops->download(s->b, l->logits + (size_t)i * vocab, s->d.logits, 0, vocab);
	}
	take_rows(s, l, n, pos);
}

static void
leave_at_once(struct side *s, struct left *l, const int32_t *ids, int n, int pos)
{
	size_t vocab = (size_t)s->model.hp.llm.vocab_size;

	l->logits = xcalloc((size_t)n * vocab, sizeof *l->logits);
	s->ops->begin_steps(s->b, ids, n, pos);
	run_layers(s, n);
	for (int i = 0; i < n; i++)
		s->ops->best(s->b, s->d.logits, i, &l->best[i]);
	s->ops->download(s->b, l->logits, s->d.logits, 0, (size_t)n * vocab);
	take_rows(s, l, n, pos);
}

static void
left_free(struct left *l)
{
	free(l->logits);
	free(l->rows[0]);
	free(l->rows[1]);
}

static void
compare_left(struct pair *p, const struct left *got, const struct left *want, int n, int pos)
{
	int vocab = p->hp->llm.vocab_size;
	size_t row = p->card.ops->kv_row_bytes(p->card.d.kv);

	p->n_compared++;
	for (int i = 0; i < n * vocab; i++)
		if (memcmp(got->logits + i, want->logits + i, sizeof *got->logits) != 0) {
			pair_wrong(p, "%d steps at %d: logit %d of row %d is %.9g, alone %.9g", n, pos, i % vocab, i / vocab,
			    (double)got->logits[i], (double)want->logits[i]);
			break;
		}
	for (int i = 0; i < n; i++)
		if (got->best[i].id != want->best[i].id || got->best[i].best != want->best[i].best ||
		    got->best[i].second != want->best[i].second || !got->best[i].finite)
			pair_wrong(p, "%d steps at %d: %d is chosen in row %d, alone %d", n, pos, got->best[i].id, i, want->best[i].id);
	for (int layer = 0; layer < 2; layer++)
		if (memcmp(got->rows[layer], want->rows[layer], 2 * (size_t)n * row) != 0)
			pair_wrong(p, "%d steps at %d: other keys or values in layer %d", n, pos, layer);
}

/* Other tokens stand where the steps will be, so that what is not written is seen. */
static void
try_steps(struct pair *p, int n, int pos)
{
	struct side *s = &p->card;
	struct left alone, others, at_once;
	int32_t ids[BACKEND_MAX_STEPS], other[BACKEND_MAX_STEPS];

	for (int i = 0; i < n; i++) {
		ids[i] = (101 * i + 13 + pos) % s->model.hp.llm.vocab_size;
		other[i] = (ids[i] + 1 + i) % s->model.hp.llm.vocab_size;
	}
	leave_one_by_one(s, &alone, ids, n, pos);
	leave_one_by_one(s, &others, other, n, pos);
	leave_at_once(s, &at_once, ids, n, pos);
	if (memcmp(alone.logits, others.logits, sizeof *alone.logits) == 0)
		pair_wrong(p, "other tokens have the same logits");
	compare_left(p, &at_once, &alone, n, pos);
	left_free(&alone);
	left_free(&others);
	left_free(&at_once);
}

static int
try_all_steps(const char *dir, const char *what)
{
	static const int at[] = {0, 1, 29, 31, 33, 300, 1100, 1500};
	struct pair p;

	pair_open(&p, dir, what, N_CTX, CONTEXT_CHUNK);
	fill_cache(&p, 0, FILLED);
	fill_cache(&p, 1, FILLED);
	for (size_t i = 0; i < sizeof at / sizeof *at; i++)
		for (int n = 1; n <= p.card.ops->max_steps; n++)
			try_steps(&p, n, at[i]);
	return pair_close(&p);
}

static void
steps_at_once_are_to_the_bit_what_each_is_alone(void **state)
{
	int wrong = 0;

	(void)state;
	for (size_t d = 0; d < N_DECODERS; d++) {
		char *plain = write_decoder(&decoders[d], 2);

		wrong += try_all_steps(plain, name_decoder(&decoders[d], "bf16, steps"));
		for (size_t k = 0; k < 3; k++) {
			char *dir = quantized(plain, kinds[k]), kind[32];

			snprintf(kind, sizeof kind, "%s, steps", kind_names[k]);
			wrong += try_all_steps(dir, name_decoder(&decoders[d], kind));
			tiny_remove(dir);
		}
		tiny_remove(plain);
	}
	assert_int_equal(wrong, 0);
}

/* ---- the vision tower. The card normalises a layer's input when it ends the one before, so the tower is walked from the
 * pixels on; the CPU goes on from the card's x every time, so that nothing is carried along. */

static size_t
n_tower(const struct pair *p)
{
	return (size_t)p->cpu.v.n_tokens * (size_t)p->hp->vision.hidden_size;
}

static void
take_over(struct pair *p)
{
	p->card.ops->download(p->card.b, p->x, p->card.v.x, 0, n_tower(p));
	p->cpu.ops->upload(p->cpu.b, p->cpu.v.x, 0, p->x, n_tower(p));
}

/* What was added to x since take_over. */
static void
compare_tower(struct pair *p, const char *name, double roundings)
{
	pair_fetch(p, p->card.v.x, p->cpu.v.x, n_tower(p));
	for (size_t i = 0; i < n_tower(p); i++) {
		p->got[i] -= p->x[i];
		p->want[i] -= p->x[i];
	}
	pair_compare(p, name, p->cpu.v.n_tokens, p->hp->vision.hidden_size, roundings);
}

static void
call_tower_attention(struct side *s, int layer)
{
	int n = s->v.n_tokens;
	size_t values = (size_t)n * (size_t)s->model.hp.vision.hidden_size;

	s->ops->vision_qkv(s->b, &s->model, layer, s->v.qkv, s->v.x, n);
	side_round(s, s->v.qkv, 3 * values);
	s->ops->vision_attention(s->b, &s->model, s->v.attended, s->v.qkv, n);
	side_round(s, s->v.attended, values);
	s->ops->vision_proj(s->b, &s->model, layer, s->v.x, s->v.attended, n);
}

static void
call_tower_mlp(struct side *s, int layer)
{
	int n = s->v.n_tokens;

	s->ops->vision_fc1(s->b, &s->model, layer, s->v.h, s->v.x, n);
	side_round(s, s->v.h, (size_t)n * (size_t)s->model.hp.vision.intermediate_size);
	s->ops->vision_fc2(s->b, &s->model, layer, s->v.x, s->v.h, n);
}

static void
call_patches(struct side *s)
{
	s->ops->vision_embed(s->b, &s->model, s->v.x, s->v.pixels);
}

/* Random bytes: the card computes their values itself, to the last bit. */
static void
put_pixels(struct pair *p)
{
	static const float mean[3] = { 0.485f, 0.456f, 0.406f }, std[3] = { 0.229f, 0.224f, 0.225f };
	size_t side = (size_t)p->hp->image_size, n = 3 * side * side;
	float *values = xcalloc(n, sizeof *values), *got = xcalloc(n, sizeof *got);
	struct pixels pixels = { .size = p->hp->image_size, .rgb = xcalloc(n, 1) };
	uint64_t random = 17;

	for (size_t i = 0; i < n; i++)
		pixels.rgb[i] = i < 256 ? (uint8_t)i : (uint8_t)(128 + 128 * tiny_random(&random));
	vision_pixel_values(values, &pixels);
	p->cpu.ops->upload(p->cpu.b, p->cpu.v.pixels, 0, values, n);
	if (p->card.plays)
		p->card.ops->upload(p->card.b, p->card.v.pixels, 0, values, n);
	else
		p->card.ops->upload_picture(p->card.b, p->card.v.pixels, pixels.rgb, pixels.size, mean, std);
	p->card.ops->download(p->card.b, got, p->card.v.pixels, 0, n);
	for (size_t i = 0; i < n; i++)
		if (got[i] != values[i])
			fail_msg("pixel value %zu is %.9g, not %.9g", i, (double)got[i], (double)values[i]);
	pixels_done(&pixels);
	free(values);
	free(got);
}

static void
call_project(struct side *s, struct device_buffer *out)
{
	s->ops->project(s->b, &s->model, out, s->v.x, s->v.tmp);
}

static void
try_projector(struct pair *p)
{
	int n = hparams_n_image_tokens(p->hp), width = p->hp->llm.hidden_size;
	struct device_buffer *cpu, *card;

	cpu = p->cpu.ops->buffer_new(p->cpu.b, (size_t)n * (size_t)width, NULL);
	card = p->card.ops->buffer_new(p->card.b, (size_t)n * (size_t)width, NULL);
	assert_true(cpu && card);
	call_project(&p->cpu, cpu);
	call_project(&p->card, card);
	side_round(&p->card, card, (size_t)n * (size_t)width);
	pair_fetch(p, card, cpu, (size_t)n * (size_t)width);
	pair_compare(p, "projector", n, width, AFTER_PROJECTOR);
	p->cpu.ops->buffer_free(p->cpu.b, cpu);
	p->card.ops->buffer_free(p->card.b, card);
}

static void
try_tower(struct pair *p)
{
	char name[48];

	put_pixels(p);
	call_patches(&p->cpu);
	call_patches(&p->card);
	pair_fetch(p, p->card.v.x, p->cpu.v.x, n_tower(p));
	pair_compare(p, "patches", p->cpu.v.n_tokens, p->hp->vision.hidden_size, AFTER_PATCHES);
	for (int i = 0; i < p->hp->n_vision_run; i++) {
		take_over(p);
		call_tower_attention(&p->cpu, i);
		call_tower_attention(&p->card, i);
		snprintf(name, sizeof name, "attention of tower layer %d", i);
		compare_tower(p, name, AFTER_TOWER_ATTENTION);
		take_over(p);
		call_tower_mlp(&p->cpu, i);
		call_tower_mlp(&p->card, i);
		snprintf(name, sizeof name, "MLP of tower layer %d", i);
		compare_tower(p, name, AFTER_TOWER_MLP);
	}
	take_over(p);
	try_projector(p);
}

/* 5, 17, 65, 257 tokens; heads of an odd size too; positions that are resampled and not. */
static const struct tiny towers[] = {
	{.image_size = 28, .stored_image_size = 28, .vision_hidden = 64, .vision_heads = 1, .vision_intermediate = 96, .hidden = 72},
	{.image_size = 56, .stored_image_size = 56, .vision_hidden = 160, .vision_heads = 2, .vision_intermediate = 264, .hidden = 172},
	{.image_size = 112, .stored_image_size = 56, .vision_hidden = 66, .vision_heads = 2, .vision_intermediate = 129, .hidden = 75},
	{.image_size = 224, .stored_image_size = 448, .vision_hidden = 384, .vision_heads = 3, .vision_intermediate = 1000, .hidden = 256},
	{.image_size = 224, .stored_image_size = 224, .vision_hidden = 72, .vision_heads = 1, .vision_intermediate = 172, .hidden = 1024},
};

static char *
write_tower(const struct tiny *shape)
{
	struct tiny t = *shape;

	t.patch_size = 14;
	t.vision_layers = 2;
	t.layers = t.heads = t.kv_heads = 1;
	t.head_dim = 64;
	t.intermediate = 64;
	t.vocab = 291;
	t.n_ctx = 64;
	t.type = DTYPE_BF16;
	t.seed = 22;
	return tiny_write(&t);
}

static void
open_tower(struct pair *p, const struct tiny *t)
{
	char *dir = write_tower(t), what[128];

	snprintf(what, sizeof what, "tower: %d pixels, %d wide, %d heads, %d in the MLP, for %d", t->image_size,
	    t->vision_hidden, t->vision_heads, t->vision_intermediate, t->hidden);
	pair_open(p, dir, what, 64, 1);
	tiny_remove(dir);
}

static void
the_tower_sees_what_the_reference_sees(void **state)
{
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof towers / sizeof *towers; i++) {
		struct pair p;

		open_tower(&p, &towers[i]);
		try_tower(&p);
		wrong += pair_close(&p);
	}
	assert_int_equal(wrong, 0);
}

static void
look(struct side *s, const struct pixels *pixels, float *out, size_t n)
{
	struct device_buffer *seen = s->ops->buffer_new(s->b, n, NULL);
	struct error err = {0};

	assert_non_null(seen);
	if (vision_run(&s->v, pixels, seen, NULL, &err) != 0)
		fail_msg("%s", err.what);
	s->ops->download(s->b, out, seen, 0, n);
	s->ops->buffer_free(s->b, seen);
}

/* The first picture goes operator by operator, the next is recorded, the third replayed. */
static void
a_replayed_picture_gives_the_rows_of_one_that_was_not(void **state)
{
	const struct tiny *shape = &towers[3];
	size_t bytes = 3 * (size_t)shape->image_size * (size_t)shape->image_size, n;
	struct pixels pixels = {.size = shape->image_size, .rgb = xmalloc(bytes)};
	struct pair p;

	(void)state;
	open_tower(&p, shape);
	n = (size_t)hparams_n_image_tokens(p.hp) * (size_t)p.hp->llm.hidden_size;
	for (size_t i = 0; i < bytes; i++)
		pixels.rgb[i] = (uint8_t)(i * i % 251);
	look(&p.card, &pixels, p.want, n);
	for (int i = 0; i < 3; i++) {
		look(&p.card, &pixels, p.got, n);
		pair_compare_exactly(&p, "a picture again", n);
	}
	free(pixels.rgb);
	assert_int_equal(pair_close(&p), 0);
}

/* ---- at the width of InternVL-Chat-V1.2-Plus: a layer of each half, by the weights that synth.h makes */

/* Their q and k are of mean square 1. */
#define AFTER_REAL_ATTENTION (6 * 1.0 + 5)

static char *
write_real(const struct tiny *shape)
{
	char *config = tiny_write_shape(shape), *dir = xasprintf("%s-real", config);
	struct synth s = {.dir = dir, .shape = config, .tokenizer = config, .seed = 4};
	struct synth_report report;
	struct error err = {0};

	if (synth_write(&s, NULL, &report, &err) != 0)
		fail_msg("%s", err.what);
	tiny_remove(config);
	return dir;
}

static int
try_real_decoder(const char *dir, const char *kind, double more)
{
	static const struct span few[] = {{1, 0}, {1, 33}, {1, 1023}, {2, 1000}, {7, 300}, {17, 33}, {130, 600}};
	char what[64];
	struct pair p;

	snprintf(what, sizeof what, "%s: a real decoder layer", kind);
	pair_open(&p, dir, what, N_CTX, CONTEXT_CHUNK);
	fill_cache(&p, 0, 1024);
	for (size_t i = 0; i < sizeof few / sizeof *few; i++) {
		try_attention(&p, 0, few[i], false, AFTER_REAL_ATTENTION + 2 * more);
		if (few[i].n > 1)
			try_attention(&p, 0, few[i], true, AFTER_REAL_ATTENTION + 2 * more);
		try_mlp(&p, 0, few[i].n, false, AFTER_MLP + 2 * more);
		try_logits(&p, few[i].n, AFTER_LOGITS + more);
	}
	try_mlp(&p, 0, MANY, false, AFTER_MLP + 2 * more);
	return pair_close(&p);
}

static void
a_decoder_layer_of_real_width(void **state)
{
	static const struct tiny real = {.hidden = 7168, .layers = 1, .heads = 56, .kv_heads = 8, .intermediate = 20480,
		.vocab = 1001, .n_ctx = 1100, .text_only = true};
	char *dir = write_real(&real);
	int wrong = try_real_decoder(dir, "bf16", 0);

	(void)state;
	for (size_t k = 0; k < 3; k++) {
		char *packed = quantized(dir, kinds[k]);

		wrong += try_real_decoder(packed, kind_names[k], OF_PACKED);
		tiny_remove(packed);
	}
	tiny_remove(dir);
	assert_int_equal(wrong, 0);
}

/* All 1025 rows, and the projector; the decoder beside it is small but as wide as the projector's rows. */
static void
a_tower_layer_of_real_width(void **state)
{
	static const struct tiny real = {.image_size = 448, .stored_image_size = 448, .patch_size = 14, .vision_hidden = 3200,
		.vision_layers = 1, .vision_heads = 25, .vision_intermediate = 12800, .hidden = 7168, .layers = 1, .heads = 2,
		.kv_heads = 1, .head_dim = 128, .intermediate = 64, .vocab = 291, .n_ctx = 64};
	char *dir = write_real(&real);
	struct pair p;

	(void)state;
	pair_open(&p, dir, "a real tower layer", 64, 1);
	tiny_remove(dir);
	try_tower(&p);
	assert_int_equal(pair_close(&p), 0);
}

/* ---- main */

/* $IVCHAT_TEST_GPU names cards as --gpus does; the first of them is tried. */
static int
first_device(void)
{
	const char *named = getenv("IVCHAT_TEST_GPU");
	int device = named ? atoi(named) : 0, n = 0;

	return cudaGetDeviceCount(&n) == cudaSuccess && device < n ? device : -1;
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(embeddings_are_the_same_and_spare_the_places_of_pictures),
		cmocka_unit_test(copies_are_the_same_from_any_place_to_any),
		cmocka_unit_test(keys_and_values_go_to_memory_and_back),
		cmocka_unit_test(the_largest_is_found_in_any_row),
		cmocka_unit_test(what_is_lent_is_what_is_downloaded),
		cmocka_unit_test(logits_are_those_of_the_last_row_and_the_largest_is_found),
		cmocka_unit_test(the_mlp_adds_what_the_reference_adds),
		cmocka_unit_test(attention_adds_what_the_reference_adds),
		cmocka_unit_test(a_replayed_step_gives_the_logits_of_its_own_token_and_place),
		cmocka_unit_test(packed_weights_weigh_as_they_do_on_the_cpu),
		cmocka_unit_test(steps_at_once_are_to_the_bit_what_each_is_alone),
		cmocka_unit_test(the_tower_sees_what_the_reference_sees),
		cmocka_unit_test(a_replayed_picture_gives_the_rows_of_one_that_was_not),
		cmocka_unit_test(a_tower_layer_of_real_width),
		cmocka_unit_test(a_decoder_layer_of_real_width),
	};
	bool cpu = argc == 2 && strcmp(argv[1], "cpu") == 0;

	pair_device = cpu ? -1 : first_device();
	if (!cpu && pair_device < 0) {
		puts("no GPU: skipped");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
