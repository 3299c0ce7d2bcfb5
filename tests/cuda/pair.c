/* pair.c: see pair.h. */
#include "config.h"

#include "tests/cuda/pair.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "engine/choose.h"
#include "tests/engine/tiny.h"

#define MOST_SAID 12            /* wrong cases of a model that are printed */
#define FEW_ROWS 4              /* fewer may be off by … */
#define FEW 2                   /* … times what is allowed over all values of many */
#define ROW 3                   /* of the largest of a row, for each of what is allowed over all */

/* Of cpu/cpu.h, whose buffers are not those of a card. */
float
bf16_float(uint16_t h);
uint16_t
float_bf16(float f);

int pair_device = -1;

static uint64_t random_state = 11;

/* ---- open and close */

static struct backend *
open_backend(struct side *s, bool is_card, struct error *err)
{
	s->plays = is_card && pair_device < 0;
	if (is_card && !s->plays)
		return cuda_backend_new(&pair_device, 1, choose_quant(s->model.hp.stored), err);
	return cpu_backend_new(0, err);
}

static int
side_open(struct side *s, const char *dir, bool is_card, int n_ctx, int max_rows, struct error *err)
{
	struct hparams hp;

	s->checkpoint = checkpoint_open(dir, err);
	if (!s->checkpoint || hparams_read(&hp, dir, err) != 0 || model_bind(&s->model, &hp, s->checkpoint, err) != 0)
		return -1;
	s->b = open_backend(s, is_card, err);
	if (!s->b)
		return -1;
	s->ops = s->b->ops;
	if (s->ops->load(s->b, &s->model, s->checkpoint, NULL, err) != 0 ||
	    decoder_init(&s->d, s->b, &s->model, n_ctx, max_rows, err) != 0)
		return -1;
	return hp.text_only ? 0 : vision_init(&s->v, s->b, &s->model, err);
}

static void
side_close(struct side *s)
{
	if (!s->model.hp.text_only)
		vision_done(&s->v);
	decoder_done(&s->d);
	s->ops->free(s->b);
	model_done(&s->model);
	checkpoint_close(s->checkpoint);
}

/* Values of the largest buffer that is looked at. */
static size_t
room_for(const struct side *s, int max_rows)
{
	const struct hparams *hp = &s->model.hp;
	size_t n = (size_t)max_rows * (size_t)hp->llm.hidden_size, tower = 0, rows = 0;

	if (!hp->text_only) {
		tower = (size_t)s->v.n_tokens * (size_t)hp->vision.hidden_size;
		rows = (size_t)hparams_n_image_tokens(hp) * (size_t)hp->llm.hidden_size;
	}
	n = n > tower ? n : tower;
	n = n > rows ? n : rows;
	return n > (size_t)hp->llm.vocab_size ? n : (size_t)hp->llm.vocab_size;
}

void
pair_open(struct pair *p, const char *dir, const char *what, int n_ctx, int max_rows)
{
	struct error err = {0};

	*p = (struct pair){0};
	snprintf(p->what, sizeof p->what, "%s", what);
	if (side_open(&p->cpu, dir, false, n_ctx, max_rows, &err) != 0 ||
	    side_open(&p->card, dir, true, n_ctx, max_rows, &err) != 0)
		fail_msg("%s: %s", what, err.what);
	p->hp = &p->cpu.model.hp;
	p->room = room_for(&p->cpu, max_rows);
	p->x = xcalloc(p->room, sizeof *p->x);
	p->got = xcalloc(p->room, sizeof *p->got);
	p->want = xcalloc(p->room, sizeof *p->want);
}

int
pair_close(struct pair *p)
{
	struct error err = {0};

	if (p->card.ops->sync(p->card.b, &err) != 0)
		pair_wrong(p, "%s", err.what);
	assert_int_equal(p->cpu.ops->sync(p->cpu.b, &err), 0);
	print_message("%s: %d compared, %d wrong; worst %.2f of what is allowed (%s)\n", p->what, p->n_compared, p->n_wrong,
	    p->worst, *p->worst_case ? p->worst_case : "none");
	side_close(&p->card);
	side_close(&p->cpu);
	free(p->x);
	free(p->got);
	free(p->want);
	return p->n_wrong;
}

void
pair_wrong(struct pair *p, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (p->n_wrong++ < MOST_SAID)
		print_error("%s: %s\n", p->what, text);
}

/* ---- inputs */

void
pair_put_x(struct pair *p, int n)
{
	static const float sizes[] = {1, 30, 0.01f};
	size_t width = (size_t)p->hp->llm.hidden_size;

	for (size_t i = 0; i < (size_t)n * width; i++)
		p->x[i] = sizes[i / width % 3] * tiny_random(&random_state);
	p->cpu.ops->upload(p->cpu.b, p->cpu.d.x, 0, p->x, (size_t)n * width);
	p->card.ops->upload(p->card.b, p->card.d.x, 0, p->x, (size_t)n * width);
}

void
pair_begin(struct pair *p, const int32_t *ids, int n, int pos)
{
	p->cpu.ops->begin(p->cpu.b, ids, n, pos);
	p->card.ops->begin(p->card.b, ids, n, pos);
}

void
pair_step(struct pair *p, int n, int pos)
{
	int32_t *ids = xcalloc((size_t)n, sizeof *ids);

	pair_begin(p, ids, n, pos);
	free(ids);
}

void
side_round(struct side *s, struct device_buffer *buf, size_t n)
{
	float *at;

	if (!s->plays)
		return;
	at = xcalloc(n, sizeof *at);
	s->ops->download(s->b, at, buf, 0, n);
	for (size_t i = 0; i < n; i++)
		at[i] = bf16_float(float_bf16(at[i]));
	s->ops->upload(s->b, buf, 0, at, n);
	free(at);
}

/* ---- results */

void
pair_fetch(struct pair *p, const struct device_buffer *card, const struct device_buffer *cpu, size_t n)
{
	assert_true(n <= p->room);
	p->card.ops->download(p->card.b, p->got, card, 0, n);
	p->cpu.ops->download(p->cpu.b, p->want, cpu, 0, n);
}

void
pair_compare_exactly(struct pair *p, const char *name, size_t n)
{
	size_t i = 0;

	p->n_compared++;
	while (i < n && memcmp(p->got + i, p->want + i, sizeof *p->got) == 0)
		i++;
	if (i < n)
		pair_wrong(p, "%s: value %zu is %.9g, not %.9g", name, i, (double)p->got[i], (double)p->want[i]);
}

/* How far two arrays are apart. A value that is no number is infinitely far. */
struct distance {
	double sum, size;               /* of squares: of differences, and of what is wanted */
	double worst;                   /* difference over the largest of its row */
	int worst_row, n_rows;
};

static void
add_row(struct distance *d, const float *got, const float *want, int row, size_t cols)
{
	double apart = 0, largest = 0;

	d->n_rows++;
	for (size_t i = 0; i < cols; i++) {
		double off = fabs((double)got[i] - (double)want[i]);

		off = isfinite(off) ? off : INFINITY;
		apart = fmax(apart, off);
		largest = fmax(largest, fabs((double)want[i]));
		d->sum += off * off;
		d->size += (double)want[i] * (double)want[i];
	}
	if (apart > 0 && apart / largest > d->worst) {
		d->worst = apart / largest;
		d->worst_row = row;
	}
}

static void
judge(struct pair *p, const char *name, const struct distance *d, double roundings)
{
	double each = sqrt(roundings) * 0x1p-9, allowed = d->n_rows < FEW_ROWS ? FEW * each : each;
	double all = sqrt(d->sum / d->size), share = fmax(all / allowed, d->worst / (ROW * each));

	p->n_compared++;
	if (!(d->size > 0) || !(share <= 1))
		pair_wrong(p, "%s: %.5f of all (%.5f allowed), %.5f of the largest in row %d (%.5f)", name, all, allowed,
		    d->worst, d->worst_row, ROW * each);
	if (share > p->worst) {
		p->worst = share;
		snprintf(p->worst_case, sizeof p->worst_case, "%s", name);
	}
}

void
pair_compare(struct pair *p, const char *name, int rows, int cols, double roundings)
{
	struct distance d = {0};

	for (int r = 0; r < rows; r++)
		add_row(&d, p->got + (size_t)r * (size_t)cols, p->want + (size_t)r * (size_t)cols, r, (size_t)cols);
	judge(p, name, &d, roundings);
}

void
pair_compare_x(struct pair *p, const char *name, int first, int n, double roundings)
{
	size_t width = (size_t)p->hp->llm.hidden_size, from = (size_t)first * width, end = (size_t)n * width;

	pair_fetch(p, p->card.d.x, p->cpu.d.x, end);
	if (memcmp(p->got, p->x, from * sizeof *p->got) != 0)
		pair_wrong(p, "%s: rows before the last were touched", name);
	for (size_t i = from; i < end; i++) {
		p->got[i - from] = p->got[i] - p->x[i];
		p->want[i - from] = p->want[i] - p->x[i];
	}
	pair_compare(p, name, n - first, (int)width, roundings);
}
