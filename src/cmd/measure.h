/* measure.h: how long an engine takes for what people ask of it, through the door that the chat uses, and what share of
 * the device's ceilings that is. Every figure: 2 runs of warm-up, then `runs` of them; the median, with minimum and
 * maximum. */
#ifndef CMD_MEASURE_H
#define CMD_MEASURE_H

#include "engine/bench.h"
#include "engine/engine.h"

#define MEASURE_MAX 24
#define MEASURE_MAX_RUNS 64

/* What a figure's rate was compared with. */
enum measure_of { OF_NOTHING, OF_READ, OF_FLOP, OF_COPY };

/* Beside a figure of what guessing ahead is worth. */
struct figure_guess {
	double without;                 /* ms, median */
	int tokens;                     /* of the answer */
	bool given;                     /* … which were not chosen by the model */
	long long guessed, right;       /* tokens, in all runs */
	bool same;                      /* the same ids, margins and last logits with and without, bit for bit */
};

struct figure {
	char name[24];                  /* "tg@300" */
	const char *what;               /* in words */
	int n;                          /* runs */
	double median, min, max;        /* ms */
	double rate;
	const char *unit;               /* of the rate: "tok/s"; NULL: none */
	enum measure_of of;
	double share;                   /* of that ceiling; 0: not known */
	double rested;                  /* OF_FLOP: of what a card that had rest does; 0: not known */
	const struct figure_guess *guess;       /* NULL: of something else */
	const char *failed;             /* why there is no figure; NULL: there is */
};

struct measure {
	const struct card *card;
	struct engine *engine;
	struct context *context;
	struct sampler *sampler, *drawing;      /* greedy, and at a temperature */
	struct bench_shape shape;
	struct bench_costs costs;
	struct bench_ceilings ceilings;
	int runs;
	const char *only;               /* names of groups: "tg,pp,vit"; NULL: all */
	void (*tell)(void *arg, const struct figure *f);        /* as soon as there is one */
	void *arg;
	struct error *err;
};

/* Speaks to an engine that is open; ceilings, runs, only and tell are the caller's to fill. */
int
measure_init(struct measure *m, const struct card *card, struct engine *e, struct error *err);
void
measure_done(struct measure *m);
bool
measure_wants(const struct measure *m, const char *group);

/* Decoding, prompts, pictures, first tokens: groups tg, pp, vit, ttft. Stops at the first failure. */
int
measure_speed(struct measure *m);

/* Milliseconds of opening the model's files: page cache warm `runs` times, then once after it was dropped. No engine is
 * open. left gets the part of the files that could not be dropped. */
int
measure_load(struct measure *m, const struct engine_options *options, double *left);

/* The same prompt and 64 greedy tokens twice, from nothing: equal ids, and equal bits of the last logits? *n: tokens. */
int
measure_repeat(struct measure *m, bool *same, int *n);

/* How well a text is foretold: each token from those before it. ids are the caller's, n of them; best gets the likeliest
 * id before each of ids[1 … n). */
int
measure_text(struct measure *m, const int32_t *ids, int n, int32_t *best, double *perplexity);

/* Median, least and largest of n times in seconds, each of so many; sorts them. */
void
measure_times(struct figure *f, double *times, int n, double each);

/* Ids of a fixed random stream, below the vocabulary. */
void
measure_ids(const struct measure *m, struct ids *out, int n, uint64_t seed);

#endif
