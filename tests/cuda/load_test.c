/* load_test.c: weights of every type, on and off their natural boundary, through cuda_load to the card and back: bit
 * for bit what the CPU makes of the same file; and packed folders: bit for bit what the card makes of their source. Exit
 * 77 without a card. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "engine/engine.h"
#include "engine/cuda/cuda.h"
#include "engine/cuda/packed.h"
#include "../engine/tiny.h"

/* Of cpu/cpu.h, whose buffers have the names of those of cuda.h. */
float
bf16_float(uint16_t h);
float
f16_float(uint16_t h);
uint16_t
float_bf16(float f);

#define FILLING 0xee            /* what lies on the card before */
#define PITCH 64                /* padded rows begin at multiples of it */

/* Tensors smaller than a piece, larger than one, and vectors in between; odd sides. */
static const struct tiny shape = {
	.image_size = 56, .stored_image_size = 56, .patch_size = 14,
	.vision_hidden = 66, .vision_layers = 2, .vision_heads = 2, .vision_intermediate = 129,
	.hidden = 1005, .layers = 2, .heads = 15, .kv_heads = 3, .intermediate = 2049, .vocab = 5003, .n_ctx = 64,
	.type = DTYPE_BF16, .seed = 5,
};

/* A model on disk and where it goes. Kinds go round with the tensors, beginning at `turn`. */
struct fixture {
	char *dir;
	struct checkpoint *checkpoint;
	struct cuda *c;
};

static int n_gpus;

static size_t
landing_bytes(const struct landing *l)
{
	return (size_t)l->rows * (size_t)l->pitch * (l->kind == LAND_F32 ? sizeof(float) : sizeof(uint16_t));
}

static struct landing
make_landing(const struct stored *from, int kind, int gpu)
{
	const struct tensor *t = &from->view;
	struct landing l = {.from = from, .name = from->name, .type = t->type, .gpu = gpu};
	void *to = NULL;

	l.rows = t->n_dims == 2 || t->n_dims == 4 ? (int)t->shape[0] : 1;
	l.cols = (int)(tensor_count(t) / l.rows);
	l.pitch = kind == 2 ? (l.cols / PITCH + 1) * PITCH : l.cols;
	l.kind = kind == 0 ? LAND_F32 : LAND_BF16;
	assert_int_equal(cudaSetDevice(gpu), cudaSuccess);
	assert_int_equal(cudaMalloc(&to, landing_bytes(&l)), cudaSuccess);
	assert_int_equal(cudaMemset(to, FILLING, landing_bytes(&l)), cudaSuccess);
	assert_int_equal(cudaDeviceSynchronize(), cudaSuccess);
	l.to = to;
	return l;
}

static struct fixture
set_up(enum dtype type, int pad, int turn)
{
	struct tiny t = shape;
	struct fixture f = {0};
	struct error err = {0};

	t.type = type;
	t.pad = pad;
	f.dir = tiny_write(&t);
	f.checkpoint = checkpoint_open(f.dir, &err);
	assert_non_null(f.checkpoint);
	f.c = xcalloc(1, sizeof *f.c);
	f.c->n_gpus = n_gpus;
	for (int i = 0; i < n_gpus; i++)
		f.c->gpu[i].device = i;
	f.c->n_landings = checkpoint_n_tensors(f.checkpoint);
	f.c->landings = xcalloc((size_t)f.c->n_landings, sizeof *f.c->landings);
	for (int i = 0; i < f.c->n_landings; i++)
		f.c->landings[i] = make_landing(checkpoint_at(f.checkpoint, i), (i + turn) % 3, i % n_gpus);
	return f;
}

static void
tear_down(struct fixture *f)
{
	for (int i = 0; i < f->c->n_landings; i++)
		cudaFree(f->c->landings[i].to);
	free(f->c->landings);
	free(f->c);
	checkpoint_close(f->checkpoint);
	tiny_remove(f->dir);
}

/* ---- what is to be there */

static float
value_at(const struct tensor *t, size_t i)
{
	const char *at = (const char *)t->data + i * dtype_bytes(t->type);
	uint16_t half;
	float f;

	if (t->type == DTYPE_F32) {
		memcpy(&f, at, sizeof f);
		return f;
	}
	memcpy(&half, at, sizeof half);
	return t->type == DTYPE_F16 ? f16_float(half) : bf16_float(half);
}

static void
expect(const struct landing *l, size_t row, size_t col, void *out)
{
	float f = value_at(&l->from->view, row * (size_t)l->cols + col);
	uint16_t half = float_bf16(f);

	if (l->kind == LAND_F32)
		memcpy(out, &f, sizeof f);
	else
		memcpy(out, &half, sizeof half);
}

static void
assert_landed(const struct landing *l)
{
	size_t item = l->kind == LAND_F32 ? sizeof(float) : sizeof(uint16_t), n = landing_bytes(l);
	char *got = xmalloc(n), want[sizeof(float)] = {0};

	assert_int_equal(cudaMemcpy(got, l->to, n, cudaMemcpyDeviceToHost), cudaSuccess);
	for (size_t i = 0; i < n / item; i++) {
		size_t row = i / (size_t)l->pitch, col = i % (size_t)l->pitch;

		memset(want, 0, sizeof want);
		if (col < (size_t)l->cols)
			expect(l, row, col, want);
		if (memcmp(got + i * item, want, item) != 0)
			fail_msg("%s: row %zu, column %zu is wrong", l->name, row, col);
	}
	free(got);
}

/* ---- progress */

struct seen {
	long long done, total;
	int n;
	bool sank;                      /* done went back, or beyond the total */
};

static void
see(void *arg, enum stage stage, long long done, long long total)
{
	struct seen *s = arg;

	assert_int_equal(stage, STAGE_LOAD);
	s->sank = s->sank || done < s->done || done > total;
	s->done = done;
	s->total = total;
	s->n++;
}

/* ---- tests */

static void
load_and_compare(enum dtype type, int pad, int turn)
{
	struct fixture f = set_up(type, pad, turn);
	struct seen seen = {0};
	struct watch watch = {.report = see, .arg = &seen};
	struct error err = {0};

	if (cuda_load(f.c, f.checkpoint, &watch, &err) < 0)
		fail_msg("%s", err.what);
	for (int i = 0; i < f.c->n_landings; i++)
		assert_landed(&f.c->landings[i]);
	assert_true(seen.n >= 2 && !seen.sank && seen.done == seen.total);
	assert_int_equal(seen.total, checkpoint_bytes(f.checkpoint));
	tear_down(&f);
}

static void
every_type_lands_in_every_form(void **state)
{
	static const enum dtype types[] = {DTYPE_BF16, DTYPE_F16, DTYPE_F32};

	(void)state;
	for (int i = 0; i < 3; i++)
		for (int turn = 0; turn < 3; turn++)
			load_and_compare(types[i], 0, turn);
}

static void
data_off_its_boundary_lands(void **state)
{
	(void)state;
	load_and_compare(DTYPE_BF16, 1, 0);
	load_and_compare(DTYPE_F16, 5, 1);
	load_and_compare(DTYPE_F32, 3, 2);
}

/* The other way of reading; where the system does not drop the file from memory, the same as before. */
static void
a_file_not_in_memory_lands(void **state)
{
	struct fixture f = set_up(DTYPE_BF16, 3, 0);
	int fd = open(checkpoint_shard_path(f.checkpoint, 0), O_RDONLY);
	struct error err = {0};

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(fsync(fd), 0);
	assert_int_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
	close(fd);
	if (cuda_load(f.c, f.checkpoint, NULL, &err) < 0)
		fail_msg("%s", err.what);
	for (int i = 0; i < f.c->n_landings; i++)
		assert_landed(&f.c->landings[i]);
	tear_down(&f);
}

/* ---- packed */

struct packed {
	struct matrix m;
	size_t at_bytes, scale_bytes;
};

static struct packed
packed_new(enum quant quant, int rows, int cols)
{
	struct packed p = {.m = {.rows = rows, .cols = cols, .quant = quant}};
	void *at, *scale;

	cuda_packed_bytes(&p.m, &p.at_bytes, &p.scale_bytes);
	assert_int_equal(cudaMalloc(&at, p.at_bytes), cudaSuccess);
	assert_int_equal(cudaMalloc(&scale, p.scale_bytes), cudaSuccess);
	assert_int_equal(cudaMemset(at, FILLING, p.at_bytes), cudaSuccess);
	assert_int_equal(cudaMemset(scale, FILLING, p.scale_bytes), cudaSuccess);
	assert_int_equal(cudaDeviceSynchronize(), cudaSuccess);
	p.m.at = at;
	p.m.scale = scale;
	return p;
}

static void
packed_free(struct packed *p)
{
	cudaFree((void *)(uintptr_t)p->m.at);
	cudaFree((void *)(uintptr_t)p->m.scale);
}

/* All rows at once, without the loader. */
static void
pack_whole(const struct packed *p, const struct tensor *t)
{
	size_t n = (size_t)tensor_count(t);
	uint16_t *rows = xcalloc(n, sizeof *rows);
	cudaStream_t stream;
	void *on_card;

	for (size_t i = 0; i < n; i++)
		rows[i] = float_bf16(value_at(t, i));
	assert_int_equal(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
	assert_int_equal(cudaMalloc(&on_card, n * sizeof *rows), cudaSuccess);
	assert_int_equal(cudaMemcpy(on_card, rows, n * sizeof *rows, cudaMemcpyHostToDevice), cudaSuccess);
	cuda_pack_rows(stream, &p->m, 0, p->m.rows, on_card);
	assert_int_equal(cudaStreamSynchronize(stream), cudaSuccess);
	cudaStreamDestroy(stream);
	cudaFree(on_card);
	free(rows);
}

static void
assert_same_on_card(const void *a, const void *b, size_t n)
{
	char *one = xmalloc(n), *other = xmalloc(n);

	assert_int_equal(cudaMemcpy(one, a, n, cudaMemcpyDeviceToHost), cudaSuccess);
	assert_int_equal(cudaMemcpy(other, b, n, cudaMemcpyDeviceToHost), cudaSuccess);
	assert_memory_equal(one, other, n);
	free(one);
	free(other);
}

static void
pack_and_compare(const struct stored *from, enum quant quant, struct cuda *c, const struct checkpoint *checkpoint)
{
	int rows = (int)from->view.shape[0], cols = (int)from->view.shape[1];
	struct packed loaded = packed_new(quant, rows, cols), whole = packed_new(quant, rows, cols);
	struct landing l = {.from = from, .name = from->name, .kind = LAND_PACKED, .type = from->view.type, .rows = rows,
		.cols = cols, .pitch = cols, .matrix = &loaded.m};
	struct error err = {0};

	c->landings = &l;
	c->n_landings = 1;
	if (cuda_load(c, checkpoint, NULL, &err) < 0)
		fail_msg("%s", err.what);
	pack_whole(&whole, &from->view);
	assert_same_on_card(loaded.m.at, whole.m.at, loaded.at_bytes);
	assert_same_on_card(loaded.m.scale, whole.m.scale, loaded.scale_bytes);
	packed_free(&loaded);
	packed_free(&whole);
}

/* A matrix of several pieces is packed as if it came at once. */
static void
pieces_are_packed_as_the_whole(void **state)
{
	static const enum dtype types[] = {DTYPE_BF16, DTYPE_F16, DTYPE_F32};
	static const enum quant quants[] = {QUANT_FP8, QUANT_INT8, QUANT_INT4};
	struct tiny t = shape;

	(void)state;
	t.hidden = 1024;
	t.heads = 8;
	t.kv_heads = 2;
	t.vocab = 6001;
	t.text_only = true;
	for (int i = 0; i < 3; i++) {
		struct checkpoint *checkpoint;
		struct cuda *c = xcalloc(1, sizeof *c);
		char *dir;

		t.type = types[i];
		dir = tiny_write(&t);
		checkpoint = checkpoint_open(dir, NULL);
		assert_non_null(checkpoint);
		c->n_gpus = 1;
		assert_int_equal(cudaSetDevice(0), cudaSuccess);
		for (int k = 0; k < 3; k++)
			pack_and_compare(checkpoint_find(checkpoint, "lm_head.weight"), quants[k], c, checkpoint);
		checkpoint_close(checkpoint);
		free(c);
		tiny_remove(dir);
	}
}

/* ---- folders that are packed already */

/* Odd sides: half bytes, groups and tiles that are not full, scales off their boundary, and more than one piece. */
static const struct tiny whole_shape = {
	.image_size = 56, .stored_image_size = 56, .patch_size = 14,
	.vision_hidden = 64, .vision_layers = 1, .vision_heads = 2, .vision_intermediate = 96,
	.hidden = 1020, .layers = 2, .heads = 15, .kv_heads = 3, .intermediate = 2049, .vocab = 20001, .n_ctx = 64,
	.type = DTYPE_BF16, .seed = 6,
};

/* A model where an engine would have it. */
struct placed {
	struct cuda *c;
	struct checkpoint *checkpoint;
	struct model model;
};

static struct placed
place(const char *dir, enum quant quant)
{
	struct placed p = {.c = xcalloc(1, sizeof *p.c)};
	struct error err = {0};
	struct hparams hp;

	p.c->n_gpus = 1;
	p.c->quant = quant;
	p.checkpoint = checkpoint_open(dir, &err);
	if (!p.checkpoint || hparams_read(&hp, dir, &err) < 0 || model_bind(&p.model, &hp, p.checkpoint, &err) < 0 ||
	    cuda_place(p.c, &p.model, p.checkpoint, &err) < 0)
		fail_msg("%s", err.what);
	assert_int_equal(cudaMemset(p.c->gpu[0].arena, FILLING, p.c->gpu[0].arena_bytes), cudaSuccess);
	assert_int_equal(cudaDeviceSynchronize(), cudaSuccess);
	return p;
}

static void
placed_free(struct placed *p)
{
	cuda_unplace(p->c);
	model_done(&p->model);
	checkpoint_close(p->checkpoint);
	free(p->c);
}

static void
poke(const char *dir, const char *name, size_t at, const void *bytes, size_t n)
{
	struct checkpoint *c = checkpoint_open(dir, NULL);
	const struct stored *s = checkpoint_find(c, name);
	int fd;

	assert_non_null(s);
	fd = open(checkpoint_shard_path(c, s->shard), O_WRONLY);
	assert_int_equal(pwrite(fd, bytes, n, (off_t)(s->offset + at)), n);
	close(fd);
	checkpoint_close(c);
}

/* Rows as random weights do not have them: nothing, one value far from all, next to nothing, all alike, a ramp, -0. */
static void
add_odd_rows(const char *dir)
{
	static const float of_all[] = {0, 0.001f, 1e-38f, 0.25f, 1e-6f, -0.0f}, of_one[] = {0, 300, 2e-39f, 0.25f, 4e-6f, 1e-20f};
	size_t cols = (size_t)whole_shape.hidden, row_bytes = cols * sizeof(uint16_t);
	uint16_t *row = xcalloc(cols, sizeof *row);

	for (size_t r = 0; r < 7; r++) {
		for (size_t i = 0; i < cols; i++)
			row[i] = float_bf16(r == 6 ? (float)i * 1e-4f - 0.03f : i == 777 ? of_one[r] : of_all[r]);
		poke(dir, "language_model.model.layers.1.mlp.up_proj.weight", r * row_bytes, row, row_bytes);
	}
	free(row);
}

static char *
quantized(const char *from, enum engine_quant quant)
{
	struct quantize q = {.from = from, .to = xasprintf("%s-packed", from), .quant = quant};
	struct quantize_report report;
	struct error err = {0};

	if (quantize_write(&q, NULL, &report, &err) < 0)
		fail_msg("%s", err.what);
	return (char *)(uintptr_t)q.to;
}

static const enum quant card_quants[] = {QUANT_FP8, QUANT_INT8, QUANT_INT4};
static const enum engine_quant engine_quants[] = {ENGINE_FP8, ENGINE_INT8, ENGINE_INT4};

static void
load_placed(struct placed *p)
{
	struct seen seen = {0};
	struct watch watch = {.report = see, .arg = &seen};
	struct error err = {0};

	if (cuda_load(p->c, p->checkpoint, &watch, &err) < 0)
		fail_msg("%s", err.what);
	assert_true(!seen.sank && seen.done == seen.total);
}

/* Everything on the card, tiles and scales, is what the card makes of the bfloat16 rows that the folder was made from. */
static void
packed_folders_land_as_they_are_packed_here(void **state)
{
	char *from = tiny_write(&whole_shape);

	(void)state;
	assert_int_equal(cudaSetDevice(0), cudaSuccess);
	add_odd_rows(from);
	for (int k = 0; k < 3; k++) {
		char *packed = quantized(from, engine_quants[k]);
		struct placed here = place(from, card_quants[k]), there = place(packed, card_quants[k]);

		load_placed(&here);
		load_placed(&there);
		assert_int_equal(here.c->gpu[0].arena_bytes, there.c->gpu[0].arena_bytes);
		assert_same_on_card(here.c->gpu[0].arena, there.c->gpu[0].arena, here.c->gpu[0].arena_bytes);
		placed_free(&here);
		placed_free(&there);
		tiny_remove(packed);
	}
	tiny_remove(from);
}

static void
a_scale_that_is_no_number_is_named(void **state)
{
	static const uint16_t far = 0x7c00;
	static const uint32_t none = 0x7fc00000;
	const char *name = "language_model.model.layers.1.mlp.down_proj.weight_scale";
	char *from = tiny_write(&whole_shape);

	(void)state;
	assert_int_equal(cudaSetDevice(0), cudaSuccess);
	for (int k = 0; k < 3; k++) {
		char *packed = quantized(from, engine_quants[k]);
		struct error err = {0};
		struct placed p;

		if (card_quants[k] == QUANT_INT4)
			poke(packed, name, 4, &far, sizeof far);
		else
			poke(packed, name, 4, &none, sizeof none);
		p = place(packed, card_quants[k]);
		assert_int_equal(cuda_load(p.c, p.checkpoint, NULL, &err), -1);
		assert_int_equal(err.code, CODE_MODEL);
		assert_non_null(strstr(err.what, "layers.1.mlp.down_proj.weight_scale has a scale that is no number"));
		placed_free(&p);
		tiny_remove(packed);
	}
	tiny_remove(from);
}

static void
a_file_cut_short_is_named(void **state)
{
	struct fixture f = set_up(DTYPE_BF16, 0, 0);
	struct error err = {0};

	(void)state;
	assert_int_equal(truncate(checkpoint_shard_path(f.checkpoint, 0), 1 << 20), 0);
	assert_int_equal(cuda_load(f.c, f.checkpoint, NULL, &err), -1);
	assert_int_equal(err.code, CODE_MODEL);
	assert_non_null(strstr(err.what, "model.safetensors"));
	tear_down(&f);
}

static void
a_lost_file_is_named(void **state)
{
	struct fixture f = set_up(DTYPE_BF16, 0, 0);
	struct error err = {0};

	(void)state;
	assert_int_equal(unlink(checkpoint_shard_path(f.checkpoint, 0)), 0);
	assert_int_equal(cuda_load(f.c, f.checkpoint, NULL, &err), -1);
	assert_int_equal(err.code, CODE_MODEL);
	assert_non_null(strstr(err.what, "model.safetensors"));
	tear_down(&f);
}

static void
a_stop_ends_it_soon(void **state)
{
	struct fixture f = set_up(DTYPE_F32, 0, 0);
	atomic_bool stop = true;
	struct watch watch = {.stop = &stop};
	struct error err = {0};
	int64_t began = clock_ms();

	(void)state;
	assert_int_equal(cuda_load(f.c, f.checkpoint, &watch, &err), -1);
	assert_int_equal(err.code, CODE_SIGINT);
	assert_true(clock_ms() - began < 2000);
	tear_down(&f);
}

/* Without files: numbers of the range asked for, not all alike, the same the next time, zeros in the padding. */
static void
random_weights_fill_the_places(void **state)
{
	struct fixture f = set_up(DTYPE_BF16, 0, 0);
	struct landing *l = NULL;
	uint16_t *first, *second;
	float sum = 0;
	size_t n;

	(void)state;
	for (int i = 0; i < f.c->n_landings; i++) {
		f.c->landings[i].from = NULL;
		f.c->landings[i].range = 0.5f;
		if (f.c->landings[i].kind == LAND_BF16 && f.c->landings[i].pitch > f.c->landings[i].cols &&
		    f.c->landings[i].rows > 1)
			l = &f.c->landings[i];
	}
	assert_non_null(l);
	n = landing_bytes(l);
	first = xmalloc(n);
	second = xmalloc(n);
	assert_int_equal(cuda_load(f.c, f.checkpoint, NULL, NULL), 0);
	assert_int_equal(cudaMemcpy(first, l->to, n, cudaMemcpyDeviceToHost), cudaSuccess);
	assert_int_equal(cuda_load(f.c, f.checkpoint, NULL, NULL), 0);
	assert_int_equal(cudaMemcpy(second, l->to, n, cudaMemcpyDeviceToHost), cudaSuccess);
	assert_memory_equal(first, second, n);
	for (size_t i = 0; i < n / sizeof *first; i++) {
		float v = bf16_float(first[i]);

		assert_true(v >= -0.5f && v <= 0.5f);
		if (i % (size_t)l->pitch >= (size_t)l->cols)
			assert_int_equal(first[i], 0);
		sum += v < 0 ? -v : v;
	}
	assert_true(sum > 0.2f * (float)(l->rows * l->cols) && sum < 0.3f * (float)(l->rows * l->cols));
	free(first);
	free(second);
	tear_down(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_lands_in_every_form),
		cmocka_unit_test(data_off_its_boundary_lands),
		cmocka_unit_test(a_file_not_in_memory_lands),
		cmocka_unit_test(pieces_are_packed_as_the_whole),
		cmocka_unit_test(packed_folders_land_as_they_are_packed_here),
		cmocka_unit_test(a_scale_that_is_no_number_is_named),
		cmocka_unit_test(a_file_cut_short_is_named),
		cmocka_unit_test(a_lost_file_is_named),
		cmocka_unit_test(a_stop_ends_it_soon),
		cmocka_unit_test(random_weights_fill_the_places),
	};

	if (cudaGetDeviceCount(&n_gpus) != cudaSuccess || n_gpus == 0) {
		puts("no GPU: skipped");
		return 77;
	}
	if (n_gpus > MAX_GPUS)
		n_gpus = MAX_GPUS;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
