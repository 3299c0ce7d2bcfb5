/* worth.c: see worth.h. */
#include "config.h"

#include "engine/worth.h"

#include <assert.h>
#include <string.h>

#define PART (1.0 / 256)        /* of all time, for a kind of guesses that does not pay */
#define PURSE 3                 /* single passes: enough for bad luck where rows are dear */
#define TRIAL 1.0               /* … the most that one costs */
#define LEARN (1.0 / 8)         /* how much the last guess says of the next */
#define ROW 0.05                /* of a single pass: what a further row costs, as long as that is not known */

void
worth_init(struct worth *w)
{
	memset(w, 0, sizeof *w);
	for (int i = 0; i < BACKEND_MAX_STEPS; i++) {
		w->odds[GUESS_BY_THREE][i] = i ? 0.8 : 0.5;
		w->odds[GUESS_BY_TWO][i] = i ? 0.8 : 0.3;
	}
	for (int by = 0; by < GUESS_KINDS; by++)
		w->purse[by] = PURSE;
}

/* What a further row costs, by the nearest number of rows that is known. */
static double
price_of_row(const struct worth *w, int n_rows)
{
	for (int d = 0; d < BACKEND_MAX_STEPS; d++)
		for (int i = n_rows - d; i <= n_rows + d; i += d ? 2 * d : 1)
			if (i > 1 && i <= BACKEND_MAX_STEPS && w->cost[i] > 0)
				return (w->cost[i] / w->cost[1] - 1) / (i - 1);
	return ROW;
}

/* What a pass takes, in passes of a single row. */
static double
ratio(const struct worth *w, int n_rows)
{
	double price = w->cost[1] > 0 ? price_of_row(w, n_rows) : ROW;

	return price > 0 ? 1 + price * (n_rows - 1) : 1;
}

/* The number of guesses that promises the most tokens in a time, if that is more than without. */
static int
most_promising(const struct worth *w, enum guess_by by, int n)
{
	double chance = 1, tokens = 1, most = 1;
	int best = 0;

	for (int i = 0; i < n; i++) {
		double gain;

		chance *= w->odds[by][i];
		tokens += chance;
		gain = tokens / ratio(w, i + 2);
		if (gain > most) {
			most = gain;
			best = i + 1;
		}
	}
	return best;
}

int
worth_take(const struct worth *w, enum guess_by by, int n)
{
	int take;

	assert(n < BACKEND_MAX_STEPS);
	if (w->cost[1] <= 0)
		return 0;
	take = most_promising(w, by, n);
	if (take > 0)
		return w->purse[by] > 0 ? take : 0;
	if (w->purse[by] < PURSE)
		return 0;
	while (n > 0 && ratio(w, n + 1) > 1 + TRIAL)
		n--;
	return n;
}

/* The least that it takes is what the device needs; what it takes beyond is the caller's, or another program's. So less
 * is believed at once, and more little by little. */
static void
learn_cost(struct worth *w, int n_rows, double seconds)
{
	double *cost = &w->cost[n_rows], more = *cost * 1.25;

	if (!w->begun[n_rows])
		w->begun[n_rows] = true;
	else if (*cost <= 0 || seconds < *cost)
		*cost = seconds;
	else
		*cost += ((seconds < more ? seconds : more) - *cost) / 16;
}

static void
fill(struct worth *w, enum guess_by by, double passes)
{
	w->purse[by] += passes;
	if (w->purse[by] > PURSE)
		w->purse[by] = PURSE;
}

static void
fill_all(struct worth *w)
{
	for (int by = 0; by < GUESS_KINDS; by++)
		fill(w, (enum guess_by)by, PART);
}

void
worth_passed(struct worth *w, enum guess_by by, int n_rows, double seconds)
{
	learn_cost(w, n_rows, seconds);
	fill(w, by, 1 - ratio(w, n_rows));
	fill_all(w);
}

void
worth_tried(struct worth *w, enum guess_by by, int i, bool right)
{
	double *odds = &w->odds[by][i];

	*odds += ((right ? 1 : 0) - *odds) * LEARN;
	if (!right)
		return;
	fill(w, by, 1);
	fill_all(w);
}
