/* bench.h: DOOR, for measuring: what a computation has to move and to compute at least, and what the device can move
 * and compute at most. Times are compared with these two. Running half: the engine's thread. */
#ifndef ENGINE_BENCH_H
#define ENGINE_BENCH_H

#include "engine/engine.h"

struct bench_shape {
	int vocab_size, n_ctx, image_size;
	int n_image_tokens;             /* 0: text only */
	enum engine_quant quant;        /* never AUTO */
	int n_gpus;
	int gpus[ENGINE_MAX_GPUS];
	long long weight_bytes;         /* all of them, as they are held */
	bool made_up;                   /* the weights are random numbers */
	int max_steps;                  /* rows of such a pass at most; 1: the device has none */
	bool guesses;                   /* tokens are guessed ahead unless it is told not to */
};

/* Bytes that must be read and operations that must be done; a multiplication and its addition are two. */
struct bench_costs {
	double step_bytes;              /* weights that a decoded token reads: the layers and the output matrix */
	double kv_bytes;                /* keys and values of one token of context */
	double token_flop;              /* a prompt token through the layers, attention left out */
	double pair_flop;               /* attention: each pair of a token and one that it sees */
	double last_flop;               /* the output matrix, once a prompt */
	double picture_flop;            /* tower and projector */
};

/* A second's worth, the best of several ways to do it; 0: not measured. */
struct bench_ceilings {
	double read;                    /* bytes: plain reading of the very weights that are loaded */
	double flop;                    /* bf16 products of 1024 x 7168 with 7168 x 40960, by the best of the library's proposals,
	                                 * when the card is at work: as all figures are, after a warm-up */
	double flop_rested;             /* … in the first milliseconds of work, before its power limits it; 0: not known */
	double copy;                    /* bytes: pinned memory to the device */
	char read_how[64];
};

void
bench_shape(const struct engine *e, struct bench_shape *out);
void
bench_costs(const struct engine *e, struct bench_costs *out);
int
bench_ceilings(struct engine *e, int n_threads, struct bench_ceilings *out, struct error *err);

/* Seconds of a pass over n rows behind the timeline, each as if alone (begin_steps of backend.h); n from 1 to
 * shape.max_steps, and the context has room for them. The logits at the end are gone then, until the next context_sync. */
int
bench_pass(struct context *ctx, int n, double *seconds, struct error *err);

/* Finds the fastest algorithm for every product of the model and tells each as a row of gemm_table.c, with milliseconds
 * of the library's first proposal and of the best. CODE_USAGE: the engine is on the CPU. */
typedef void bench_tell(void *arg, const char *row, double first_ms, double best_ms);
int
bench_tune(struct engine *e, bench_tell *tell, void *arg, struct error *err);

/* The shards of a folder that no engine has open leave the page cache, as far as the system lets go of them. *left gets
 * the part of them that is still there, 0 to 1. */
int
bench_forget_files(const char *dir, double *left, struct error *err);

#endif
