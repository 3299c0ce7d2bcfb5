/* spec.c: see spec.h. Each run is a pair: the same prompt from nothing and the same tokens, first without guesses, then
 * with. Both have to choose from the same bits: margins of all tokens and the last logits are compared. */
#include "config.h"

#include "cmd/spec.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"

#define WARM_UP 1
#define TOKENS 80               /* of an answer, at most */

/* ---- the texts */

#define SHOPS \
	"Harbour Books, 14 Quay Street, open from 9 to 18, closed on Monday.\n" \
	"The Blue Kettle, 3 Mill Lane, open from 7 to 15, closed on Sunday.\n" \
	"Petersen and Daughter, sail makers, 27 Quay Street, open from 8 to 17, closed on Saturday.\n" \
	"Lighthouse Bakery, 1 Church Square, open from 6 to 13, closed on Monday.\n" \
	"Old Pharmacy, 8 Church Square, open from 8 to 19, closed on Sunday.\n"

#define SUM(numbers, total) \
	"double\nmean(const double *" numbers ", int n)\n{\n\tdouble " total " = 0;\n\n\tfor (int i = 0; i < n; i++)\n" \
	"\t\t" total " += " numbers "[i];\n\treturn n > 0 ? " total " / n : 0;\n}\n\n" \
	"double\nspread(const double *" numbers ", int n)\n{\n\tdouble " total " = 0, middle = mean(" numbers ", n);\n\n" \
	"\tfor (int i = 0; i < n; i++)\n\t\t" total " += (" numbers "[i] - middle) * (" numbers "[i] - middle);\n" \
	"\treturn n > 1 ? sqrt(" total " / (n - 1)) : 0;\n}\n"

struct text {
	const char *name, *what, *question, *answer;
};

static const struct text texts[] = {
	{ "spec-copy", "copying a list", "Please repeat this list word for word:\n\n" SHOPS, SHOPS },
	{ "spec-chat", "talking",
	    "My bicycle has stood in the cellar all winter. What should I look at before I ride it again?",
	    "Begin with the tyres: press them with your thumb, and pump them up to the pressure that is printed on the side. Look "
	    "for small cracks in the rubber. Then lift the front wheel and let it turn; it should run straight and touch nothing. "
	    "Pull both brakes hard. If a lever reaches the handlebar, the cable has to be tightened or the pads are worn. Wipe "
	    "the chain with a dry cloth and give it a few drops of oil. At last check that lights work, that the saddle does not "
	    "move, and ride one slow round before you go into traffic." },
	{ "spec-code", "changing code",
	    "Here are two functions. Please rename data to samples and acc to total:\n\n" SUM("data", "acc"),
	    SUM("samples", "total") },
};

/* ---- words as tokens, for weights that are made up */

/* The next word with the space before it, a digit, a mark, or a run of blanks. */
static size_t
next_word(const char *text)
{
	size_t n = text[0] == ' ' && isalpha((unsigned char)text[1]);

	if (isalpha((unsigned char)text[n]))
		while (isalpha((unsigned char)text[n]))
			n++;
	else if (isspace((unsigned char)text[0]))
		n = strspn(text, " \t\n");
	else
		n = 1;
	return n;
}

static void
add_words(struct ids *ids, const char *text, int n_vocab)
{
	for (size_t n; *text; text += n) {
		uint32_t hash = 1;

		n = next_word(text);
		for (size_t i = 0; i < n; i++)
			hash = (hash ^ (unsigned char)text[i]) * 0x9e3779b1u;
		ids_add(ids, (int32_t)(hash % (uint32_t)n_vocab));
	}
}

/* ---- one text */

struct spec {
	struct measure *m;
	struct prompt prompt;
	struct ids given;               /* made up: the answer */
};

/* An answer: what it was chosen by, and how long it took. */
struct said {
	int n;
	int32_t ids[TOKENS];
	float margins[TOKENS];
	float *logits;                  /* the last: [vocab_size] */
	double seconds;                 /* from the first token to the last */
};

static int
make_prompt(struct spec *s, const struct text *t)
{
	struct measure *m = s->m;
	struct turn turn = { .role = ROLE_USER, .text = t->question, .text_n = strlen(t->question) };

	if (!m->shape.made_up)
		return prompt_build(&s->prompt, m->card, NULL, &turn, 1, PICTURES_FIRST, m->err);
	add_words(&s->prompt.ids, t->question, m->shape.vocab_size);
	add_words(&s->given, t->answer, m->shape.vocab_size);
	return 0;
}

static bool
ends(const struct measure *m, int32_t id)
{
	const struct card_info *info = card_info(m->card);

	for (int i = 0; i < info->n_stops && !m->shape.made_up; i++)
		if (info->stops[i] == id)
			return true;
	return false;
}

static struct sampler *
make_sampler(const struct spec *s)
{
	static const struct sampling greedy = { .top_p = 1, .repeat_penalty = 1 };
	int n_vocab = s->m->shape.vocab_size;

	return s->m->shape.made_up ? sampler_given(s->given.at, s->given.n, n_vocab) : sampler_new(&greedy, n_vocab);
}

static int
take_tokens(struct spec *s, struct sampler *sampler, struct said *out)
{
	struct measure *m = s->m;
	int most = m->shape.made_up && s->given.n < TOKENS ? (int)s->given.n : TOKENS;
	struct step step;
	double begin = 0;

	for (out->n = 0; out->n < most; out->n++) {
		if (context_step(m->context, sampler, 0, &step, m->err) < 0)
			return -1;
		if (ends(m, step.id))
			break;
		if (out->n == 0)                /* it was there with the prompt */
			begin = clock_seconds();
		out->ids[out->n] = step.id;
		out->margins[out->n] = step.margin;
		out->seconds = clock_seconds() - begin;
	}
	return 0;
}

static int
say(struct spec *s, enum engine_guess how, struct said *out)
{
	struct measure *m = s->m;
	struct sampler *sampler = make_sampler(s);
	size_t size = (size_t)m->shape.vocab_size * sizeof *out->logits;
	const float *last;
	int rc;

	context_set_guess(m->context, how);
	context_reset(m->context);
	rc = context_sync(m->context, &s->prompt, NULL, NULL, m->err);
	if (rc == 0)
		rc = take_tokens(s, sampler, out);
	sampler_free(sampler);
	if (rc < 0 || !(last = context_logits(m->context, m->err)))
		return -1;
	memcpy(out->logits, last, size);
	return 0;
}

static bool
same(const struct said *a, const struct said *b, int n_vocab)
{
	return a->n == b->n && memcmp(a->ids, b->ids, (size_t)a->n * sizeof *a->ids) == 0 &&
	    memcmp(a->margins, b->margins, (size_t)a->n * sizeof *a->margins) == 0 &&
	    memcmp(a->logits, b->logits, (size_t)n_vocab * sizeof *a->logits) == 0;
}

/* A pair; what was guessed in it. */
static int
say_twice(struct spec *s, enum engine_guess how, struct said *without, struct said *with, struct guess_report *r)
{
	struct guess_report before, after;

	if (say(s, ENGINE_GUESS_OFF, without) < 0)
		return -1;
	before = context_guesses(s->m->context);
	if (say(s, how, with) < 0)
		return -1;
	after = context_guesses(s->m->context);
	r->passes += after.passes - before.passes;
	r->guessed += after.guessed - before.guessed;
	r->right += after.right - before.right;
	return 0;
}

static int
run_pairs(struct spec *s, enum engine_guess how, struct figure *f, struct figure_guess *g)
{
	struct measure *m = s->m;
	double times[2][MEASURE_MAX_RUNS];
	struct said said[2] = {0};
	int rc = 0, n = 0;

	for (int i = 0; i < 2; i++)
		said[i].logits = xcalloc((size_t)m->shape.vocab_size, sizeof *said[i].logits);
	g->same = true;
	for (int i = 0; i < WARM_UP + m->runs && rc == 0; i++) {
		struct guess_report r = {0};

		rc = say_twice(s, how, &said[0], &said[1], &r);
		n = said[0].n;
		g->same = g->same && rc == 0 && same(&said[0], &said[1], m->shape.vocab_size);
		if (i < WARM_UP)
			continue;
		times[0][i - WARM_UP] = said[0].seconds;
		times[1][i - WARM_UP] = said[1].seconds;
		g->guessed += r.guessed;
		g->right += r.right;
	}
	if (rc == 0 && n < 2) {
		f->failed = "the answer is of one token";
	} else if (rc == 0) {
		g->tokens = n;
		measure_times(f, times[0], m->runs, n - 1);
		g->without = f->median;
		measure_times(f, times[1], m->runs, n - 1);
	}
	free(said[0].logits);
	free(said[1].logits);
	return rc;
}

static int
measure_answer(struct measure *m, const struct text *t, enum engine_guess how)
{
	struct figure_guess guess = { .given = m->shape.made_up };
	struct figure f = { .what = t->what, .unit = "tok/s", .guess = &guess };
	struct spec s = { .m = m };
	int rc = make_prompt(&s, t);

	snprintf(f.name, sizeof f.name, "%s", t->name);
	if (rc == 0 && (int)s.prompt.ids.n + TOKENS + 1 > m->shape.n_ctx)
		f.failed = "the context is too small";
	else if (rc == 0)
		rc = run_pairs(&s, how, &f, &guess);
	f.rate = f.failed || rc < 0 ? 0 : 1e3 / f.median;
	if (rc == 0)
		m->tell(m->arg, &f);
	prompt_done(&s.prompt);
	ids_done(&s.given);
	return rc;
}

/* ---- passes */

/* What a pass takes by the number of its rows: what guesses cost. */
static int
measure_pass(struct measure *m, int n_rows)
{
	struct figure f = { .what = "a pass of so many rows, each as if alone", .unit = "rows/s" };
	double times[MEASURE_MAX_RUNS];

	snprintf(f.name, sizeof f.name, "spec-pass@%d", n_rows);
	for (int i = -WARM_UP; i < m->runs; i++)
		if (bench_pass(m->context, n_rows, &times[i < 0 ? 0 : i], m->err) < 0)
			return -1;
	measure_times(&f, times, m->runs, 1);
	f.rate = 1e3 * n_rows / f.median;
	m->tell(m->arg, &f);
	return 0;
}

static int
measure_passes(struct measure *m)
{
	struct prompt p = {0};
	int rc;

	measure_ids(m, &p.ids, m->shape.n_ctx < 600 ? m->shape.n_ctx / 2 : 300, 8);
	rc = context_sync(m->context, &p, NULL, NULL, m->err);
	for (int n = 1; n <= m->shape.max_steps && rc == 0; n++)
		rc = measure_pass(m, n);
	prompt_done(&p);
	return rc;
}

int
spec_measure(struct measure *m, enum engine_guess how)
{
	if (m->shape.max_steps == 1)
		return 0;
	if (measure_passes(m) < 0)
		return -1;
	if (how == ENGINE_GUESS_AUTO && !m->shape.guesses)
		how = ENGINE_GUESS_ON;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (measure_answer(m, &texts[i], how) < 0)
			return -1;
	context_set_guess(m->context, ENGINE_GUESS_OFF);
	return 0;
}
