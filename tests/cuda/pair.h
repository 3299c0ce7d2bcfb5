/* pair.h: one model on two backends, the CPU's and a card's, given the same inputs; and how far apart their results may
 * be. Where there is no card to look at, a second CPU backend plays it: it shows that a test is right, not that a card is.
 *
 * A card keeps activations in bfloat16 between products, where the CPU keeps float32. A number rounded to bfloat16 is off
 * by 2^-9 of itself at most, of either sign, by 0.42 * 2^-9 in the mean square. So a sum of products behind k such
 * roundings is off by about 0.42 √k 2^-9 of its size in the mean square: √k 2^-9 is allowed over all values, and twice
 * that over those of one row or a few, which hang on the same few scores (1.3 was seen on an H100). Of the
 * thousands of values of some hundred rows the worst is five times as far off, and more where a softmax hangs on one
 * score, while the largest of its row is two or three times the mean: 3 √k 2^-9 of that is allowed. The same roundings
 * made one by one in a plain program come to 0.3 … 0.8 of both. What is added to a residual stream in float32 is
 * compared without the stream, which may be any number of times larger.
 */
#ifndef TESTS_PAIR_H
#define TESTS_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/backend.h"
#include "engine/decoder.h"
#include "engine/vision.h"

struct side {
	struct backend *b;
	const struct backend_ops *ops;
	struct checkpoint *checkpoint;
	struct model model;
	struct decoder_work d;
	struct vision_work v;           /* unused when text_only */
	bool plays;                     /* a CPU that plays a card */
};

struct pair {
	struct side cpu, card;
	const struct hparams *hp;
	char what[160];                 /* the model, for what is said of a case */
	float *x, *got, *want;          /* host: what x was; what the card, the CPU made of it */
	size_t room;                    /* values in each */
	double worst;                   /* of what was allowed */
	char worst_case[160];
	int n_compared, n_wrong;
};

/* Where pairs find their card: a device number, or -1: a CPU plays it. */
extern int pair_device;

/* The model in dir, room for n_ctx tokens and steps of max_rows. Fails the test when it cannot be had. */
void
pair_open(struct pair *p, const char *dir, const char *what, int n_ctx, int max_rows);
/* Says how near to the limit it came; returns how many cases were wrong. */
int
pair_close(struct pair *p);

/* Counts a wrong case, says what it was. */
void
pair_wrong(struct pair *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Random values in the first n rows of x of both decoders: rows of very different size, as residual streams are. */
void
pair_put_x(struct pair *p, int n);
void
pair_begin(struct pair *p, const int32_t *ids, int n, int pos);
/* The same step over tokens of no matter. */
void
pair_step(struct pair *p, int n, int pos);

/* got and want [rows, cols], behind so many roundings. */
void
pair_compare(struct pair *p, const char *name, int rows, int cols, double roundings);
/* What was added to rows first … n - 1 of x since pair_put_x; the rows before must be as they were. */
void
pair_compare_x(struct pair *p, const char *name, int first, int n, double roundings);
/* Both downloads of n values into got and want. */
void
pair_fetch(struct pair *p, const struct device_buffer *card, const struct device_buffer *cpu, size_t n);
/* The first n values are the same to the bit. */
void
pair_compare_exactly(struct pair *p, const char *name, size_t n);

/* Rounds a buffer as a card would have it, where a CPU plays one. */
void
side_round(struct side *s, struct device_buffer *buf, size_t n);

#endif
