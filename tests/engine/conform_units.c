/* conform_units.c: operators against golden/unit.safetensors, pixel shuffle against golden/common.json. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "conform.h"
#include "engine/cpu/cpu.h"

static struct tensor
tensor_of(struct golden g)
{
	return (struct tensor){ .data = g.at, .type = DTYPE_F32, .n_dims = 1, .shape = { (int64_t)g.n } };
}

static void
check_norms(struct tally *t, struct cpu *c, const struct checkpoint *golden)
{
	struct golden x = golden_array(golden, "unit.x");
	struct tensor w = tensor_of(golden_array(golden, "unit.weight"));
	struct tensor b = tensor_of(golden_array(golden, "unit.bias"));
	struct golden rms = golden_array(golden, "unit.rmsnorm_1e-6");
	struct golden layer = golden_array(golden, "unit.layernorm_1e-5");
	float *got = xcalloc(x.n + 1, sizeof *got);

	if (rms.at) {
		cpu_rms_norm(c, got, x.n_columns, x.at, x.n_columns, &w, (int)x.n_rows, (int)x.n_columns, 1e-6f);
		check_close(t, "rms norm", got, rms.at, rms.n, TOLERANCE_UNIT);
	}
	if (layer.at) {
		memcpy(got, x.at, x.n * sizeof *got);
		cpu_layer_norm(c, got, &w, &b, (int)x.n_rows, (int)x.n_columns, 1e-5f);
		check_close(t, "layer norm", got, layer.at, layer.n, TOLERANCE_UNIT);
	}
	free(got);
}

static void
check_activations(struct tally *t, struct cpu *c, const struct checkpoint *golden)
{
	struct golden x = golden_array(golden, "unit.x");
	struct golden gelu = golden_array(golden, "unit.gelu_erf"), silu = golden_array(golden, "unit.silu");
	float *got = xcalloc(x.n + 1, sizeof *got), *fill = xcalloc(x.n + 1, sizeof *fill);
	struct tensor none = { .data = fill, .type = DTYPE_F32, .n_dims = 1, .shape = { (int64_t)x.n_columns } };

	if (gelu.at) {
		memcpy(got, x.at, x.n * sizeof *got);
		cpu_bias_gelu(c, got, &none, (int)x.n_rows, (int)x.n_columns);
		check_close(t, "gelu", got, gelu.at, gelu.n, TOLERANCE_UNIT);
	}
	for (size_t i = 0; i < x.n; i++)
		fill[i] = 1;
	if (silu.at) {
		memcpy(got, x.at, x.n * sizeof *got);
		cpu_silu_mul(c, got, fill, (int)x.n_rows, (int)x.n_columns);
		check_close(t, "silu", got, silu.at, silu.n, TOLERANCE_UNIT);
	}
	free(got);
	free(fill);
}

/* The goldens are [heads, positions, dim]; one row at a time, since positions need not follow one another. */
static void
check_rope(struct tally *t, struct cpu *c, const struct checkpoint *golden)
{
	struct golden in = golden_array(golden, "rope.in"), want = golden_array(golden, "rope.out");
	size_t n = 0;
	int32_t *positions = golden_ints(golden, "rope.positions", &n);
	int dim, n_ctx = 1;
	float *got, *cos, *sin;

	if (!in.at || !positions || n == 0) {
		free(positions);
		return;
	}
	dim = (int)(in.n_columns / n);
	for (size_t i = 0; i < n; i++)
		n_ctx = positions[i] >= n_ctx ? positions[i] + 1 : n_ctx;
	got = xcalloc(in.n, sizeof *got);
	cos = xcalloc((size_t)n_ctx, (size_t)dim / 2 * sizeof *cos);
	sin = xcalloc((size_t)n_ctx, (size_t)dim / 2 * sizeof *sin);
	memcpy(got, in.at, in.n * sizeof *got);
	cpu_rope_table(cos, sin, n_ctx, dim, 5e6f);
	for (size_t i = 0; i < in.n_rows * n; i++)
		cpu_rope(c, got + i * (size_t)dim, (size_t)dim, 1, 1, dim, positions[i % n], cos, sin);
	check_close(t, "rope", got, want.at, want.n, TOLERANCE_UNIT);
	free(got);
	free(cos);
	free(sin);
	free(positions);
}

static void
check_resample(struct tally *t, const char *name, struct golden in, struct golden want, int in_side, int rows,
    int columns)
{
	float *got = xcalloc(want.n, sizeof *got);

	cpu_resample(got, rows, columns, in.at, in_side, (int)in.n_columns);
	check_close(t, name, got, want.at, want.n, TOLERANCE_UNIT);
	free(got);
}

/* Every pos.output_RxC from the one pos.input_NxN. */
static void
check_positions(struct tally *t, const struct checkpoint *golden)
{
	struct golden in = {0};
	int side = 0, other, rows, columns;

	for (int i = 0; i < checkpoint_n_tensors(golden); i++)
		if (sscanf(checkpoint_at(golden, i)->name, "pos.input_%dx%d", &side, &other) == 2) {
			in = golden_array(golden, "%s", checkpoint_at(golden, i)->name);
			break;
		}
	for (int i = 0; in.at && i < checkpoint_n_tensors(golden); i++) {
		const char *name = checkpoint_at(golden, i)->name;

		if (sscanf(name, "pos.output_%dx%d", &rows, &columns) == 2)
			check_resample(t, name, in, golden_array(golden, "%s", name), side, rows, columns);
	}
}

void
check_units(struct tally *t, const char *folder)
{
	char *path = xasprintf("%s/golden/unit.safetensors", folder);
	struct error err = {0};
	struct checkpoint *golden = file_exists(path) ? checkpoint_open_file(path, &err) : NULL;
	struct backend *b;

	t->what = "unit";
	if (golden) {
		b = cpu_backend_new(0, &err);
		check_norms(t, cpu_of(b), golden);
		check_activations(t, cpu_of(b), golden);
		check_rope(t, cpu_of(b), golden);
		check_positions(t, golden);
		b->ops->free(b);
	} else if (err.code != CODE_OK)
		check_failed(t, path, &err);
	checkpoint_close(golden);
	free(path);
}

/* common.json's pixel shuffle of a 4 x 4 grid with C = 2 and values 0 … 31. */
static void
check_shuffle(struct tally *t, const json_t *common, const char *key, enum shuffle order)
{
	const json_t *rows = json_object_get(common, key);
	float in[32], out[32];
	bool same = true;

	if (!rows)
		return;
	for (int i = 0; i < 32; i++)
		in[i] = (float)i;
	cpu_pixel_shuffle(out, in, 4, 2, order);
	for (size_t i = 0; i < 32; i++) {
		const json_t *want = json_array_get(json_array_get(rows, i / 8), i % 8);

		same = same && json_number_value(want) == (double)out[i];
	}
	check_true(t, same, "%s: equal", key);
}

void
check_common(struct tally *t, const char *folder)
{
	char *path = xasprintf("%s/golden/common.json", folder);
	json_t *common = json_load_file(path, 0, NULL);

	t->what = "common";
	check_shuffle(t, common, "pixel_shuffle_4x4x2_v1", SHUFFLE_V1);
	check_shuffle(t, common, "pixel_shuffle_4x4x2_v2", SHUFFLE_V2);
	json_decref(common);
	free(path);
}
