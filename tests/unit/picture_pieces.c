/* picture_pieces.c: a JPEG that several threads decode has the pixels that libjpeg gives by itself, whatever its size,
 * sampling, tables and contents; and one that is damaged or unusual is read, or refused with the same words, as by one
 * thread. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "picture/decoders.h"

#ifdef HAVE_JPEG

#include <jpeglib.h>

enum content { SLOPES, NOISE, FLAT, STEPS, BORDERS };

/* What is encoded, and how. */
struct sample {
	int width, height;
	int h, v;                       /* sampling of the first component; the others have 1 x 1 */
	int quality;
	enum content content;
	bool grey, optimal, progressive;
	int restart;                    /* MCUs between markers */
	bool apart;                     /* a scan for each component */
	int table;                      /* for all components: 1 */
};

static uint32_t
next(uint32_t *random)
{
	*random = *random * 1664525u + 1013904223u;
	return *random >> 8;
}

static int
value_at(const struct sample *s, int x, int y, int c, uint32_t *random)
{
	switch (s->content) {
	case SLOPES:
		return 40 + (x * (c + 1) / 7 + y / 3) % 150 + (int)(next(random) % 32);
	case NOISE:
		return (int)(next(random) % 256);
	case STEPS:
		return (x / 40 + y / 24) % 2 * 255;
	case BORDERS:
		return x < 3 || y % 16 == 15 ? 255 : 10 * c;
	default:
		return 50 + 60 * c;
	}
}

static void
encode_rows(struct jpeg_compress_struct *jpeg, const struct sample *s)
{
	size_t n = s->grey ? 1 : 3;
	uint8_t *row = malloc((size_t)s->width * n);
	uint32_t random = (uint32_t)(s->width * 31 + s->height);

	assert_non_null(row);
	for (int y = 0; y < s->height; y++) {
		for (int x = 0; x < s->width; x++)
			for (size_t c = 0; c < n; c++)
				row[(size_t)x * n + c] = (uint8_t)value_at(s, x, y, (int)c, &random);
		jpeg_write_scanlines(jpeg, &row, 1);
	}
	free(row);
}

static void
encode(const struct sample *s, struct buf *out)
{
	static const jpeg_scan_info each[] = {
		{ 1, { 0 }, 0, 63, 0, 0 }, { 1, { 1 }, 0, 63, 0, 0 }, { 1, { 2 }, 0, 63, 0, 0 },
	};
	struct jpeg_compress_struct jpeg;
	struct jpeg_error_mgr errors;
	unsigned char *bytes = NULL;
	unsigned long n = 0;

	jpeg.err = jpeg_std_error(&errors);
	jpeg_create_compress(&jpeg);
	jpeg_mem_dest(&jpeg, &bytes, &n);
	jpeg.image_width = (JDIMENSION)s->width;
	jpeg.image_height = (JDIMENSION)s->height;
	jpeg.input_components = s->grey ? 1 : 3;
	jpeg.in_color_space = s->grey ? JCS_GRAYSCALE : JCS_RGB;
	jpeg_set_defaults(&jpeg);
	jpeg_set_quality(&jpeg, s->quality, TRUE);
	jpeg.comp_info[0].h_samp_factor = s->h;
	jpeg.comp_info[0].v_samp_factor = s->v;
	for (int i = 1; i < jpeg.num_components && s->table; i++)
		jpeg.comp_info[i].dc_tbl_no = jpeg.comp_info[i].ac_tbl_no = 0;
	jpeg.optimize_coding = s->optimal;
	jpeg.restart_interval = (unsigned)s->restart;
	if (s->progressive)
		jpeg_simple_progression(&jpeg);
	if (s->apart) {
		jpeg.scan_info = each;
		jpeg.num_scans = 3;
	}
	jpeg_start_compress(&jpeg, TRUE);
	encode_rows(&jpeg, s);
	jpeg_finish_compress(&jpeg);
	jpeg_destroy_compress(&jpeg);
	buf_clear(out);
	buf_add(out, bytes, n);
	free(bytes);
}

/* libjpeg as anyone calls it. */
static uint8_t *
reference(const struct buf *file)
{
	struct jpeg_decompress_struct jpeg;
	struct jpeg_error_mgr errors;
	size_t step;
	uint8_t *rgb;

	jpeg.err = jpeg_std_error(&errors);
	jpeg_create_decompress(&jpeg);
	jpeg_mem_src(&jpeg, (const unsigned char *)file->at, file->n);
	jpeg_read_header(&jpeg, TRUE);
	jpeg.out_color_space = JCS_RGB;
	jpeg_start_decompress(&jpeg);
	step = 3 * (size_t)jpeg.output_width;
	rgb = malloc(step * jpeg.output_height);
	assert_non_null(rgb);
	while (jpeg.output_scanline < jpeg.output_height) {
		JSAMPROW row = rgb + step * jpeg.output_scanline;

		jpeg_read_scanlines(&jpeg, &row, 1);
	}
	jpeg_destroy_decompress(&jpeg);
	return rgb;
}

static void
fail_at(const struct sample *s, int n_threads, const char *what, long at)
{
	fail_msg("%d x %d, %d x %d, quality %d, content %d, %d threads: %s %ld", s->width, s->height, s->h, s->v, s->quality,
	    s->content, n_threads, what, at);
}

static void
compare(const struct sample *s, const struct raster *r, const uint8_t *want)
{
	if (r->width != s->width || r->height != s->height)
		fail_at(s, r->n_threads, "its width is", r->width);
	for (long i = 0; i < 3l * r->width * r->height; i++)
		if (r->rgb[i] != want[i])
			fail_at(s, r->n_threads, "differs in line", i / 3 / r->width);
}

static void
check(const struct sample *s, bool in_pieces)
{
	static const int n_threads[] = { 1, 2, 3, 4, 8, 16 };
	struct buf file = {0};
	uint8_t *want;

	encode(s, &file);
	want = reference(&file);
	for (size_t i = 0; i < sizeof n_threads / sizeof *n_threads; i++) {
		struct raster r = { .name = "a", .n_threads = n_threads[i] };
		struct error err = {0};

		if (jpeg_format.decode(&r, (const uint8_t *)file.at, file.n, &err) != 0)
			fail_msg("%s", err.what);
		if ((r.n_pieces > 0) != (in_pieces && n_threads[i] > 1))
			fail_at(s, n_threads[i], "pieces:", r.n_pieces);
		compare(s, &r, want);
		raster_done(&r);
	}
	free(want);
	buf_done(&file);
}

/* ---- what is cut */

static void
samplings_and_borders(void **state)
{
	static const int samplings[][2] = { {1, 1}, {2, 1}, {2, 2}, {1, 2}, {4, 1}, {4, 2}, {1, 4} };
	static const int sizes[][2] = { {512, 512}, {513, 513}, {527, 498}, {641, 430}, {1023, 257}, {96, 2731}, {5000, 65} };

	(void)state;
	for (size_t i = 0; i < sizeof samplings / sizeof *samplings; i++)
		for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
			struct sample s = { .width = sizes[k][0], .height = sizes[k][1], .h = samplings[i][0],
				.v = samplings[i][1], .quality = 85, .content = SLOPES };
			int n_rows = (s.height + 8 * s.v - 1) / (8 * s.v);

			check(&s, n_rows >= 6);
		}
}

/* The last rows of MCUs with every number of lines. */
static void
every_height(void **state)
{
	(void)state;
	for (int height = 600; height <= 616; height++)
		check(&(struct sample){ .width = 450, .height = height, .h = 2, .v = 2, .quality = 92, .content = NOISE }, true);
}

static void
contents_and_qualities(void **state)
{
	static const int qualities[] = { 1, 30, 75, 100 };

	(void)state;
	for (int content = SLOPES; content <= BORDERS; content++)
		for (size_t i = 0; i < sizeof qualities / sizeof *qualities; i++)
			for (int optimal = 0; optimal < 2; optimal++)
				check(&(struct sample){ .width = 700, .height = 400, .h = 2, .v = 2, .quality = qualities[i],
				    .content = (enum content)content, .optimal = optimal }, true);
}

static void
grey_pictures(void **state)
{
	(void)state;
	for (int content = SLOPES; content <= BORDERS; content++)
		for (int optimal = 0; optimal < 2; optimal++)
			check(&(struct sample){ .width = 611, .height = 437, .h = 1, .v = 1, .quality = 90, .grey = true,
			    .content = (enum content)content, .optimal = optimal }, true);
}

/* With one table for all components nothing tells them apart: whoever begins in the middle may stay out of step. */
static void
one_table_for_all(void **state)
{
	(void)state;
	for (int content = SLOPES; content <= BORDERS; content++)
		for (int optimal = 0; optimal < 2; optimal++)
			check(&(struct sample){ .width = 700, .height = 410, .h = 2, .v = 2, .quality = 80, .table = 1,
			    .content = (enum content)content, .optimal = optimal }, true);
}

/* ---- what is not */

static void
unusual_files_are_read_as_a_whole(void **state)
{
	(void)state;
	check(&(struct sample){ .width = 640, .height = 480, .h = 2, .v = 2, .quality = 85, .progressive = true }, false);
	check(&(struct sample){ .width = 640, .height = 480, .h = 2, .v = 2, .quality = 85, .restart = 7 }, false);
	check(&(struct sample){ .width = 640, .height = 480, .h = 2, .v = 2, .quality = 85, .apart = true }, false);
	check(&(struct sample){ .width = 640, .height = 480, .h = 2, .v = 2, .quality = 85, .grey = true }, false);
	check(&(struct sample){ .width = 300, .height = 300, .h = 2, .v = 2, .quality = 85 }, false);
}

/* One thread and eight say the same of it. */
static void
check_same(const struct buf *file, size_t n)
{
	struct raster one = { .name = "a", .n_threads = 1 }, eight = { .name = "a", .n_threads = 8 };
	struct error err = {0}, err8 = {0};
	int rc = jpeg_format.decode(&one, (const uint8_t *)file->at, n, &err);

	assert_int_equal(jpeg_format.decode(&eight, (const uint8_t *)file->at, n, &err8), rc);
	assert_string_equal(err.what, err8.what);
	assert_int_equal(one.width, eight.width);
	assert_int_equal(one.height, eight.height);
	if (rc == 0)
		assert_memory_equal(one.rgb, eight.rgb, 3 * (size_t)one.width * (size_t)one.height);
	raster_done(&one);
	raster_done(&eight);
}

static void
a_cut_file_is_refused_in_the_same_words(void **state)
{
	struct sample s = { .width = 640, .height = 480, .h = 2, .v = 2, .quality = 60, .content = SLOPES };
	struct buf file = {0};
	uint32_t random = 5;

	(void)state;
	encode(&s, &file);
	for (size_t n = file.n - 5; n <= file.n; n++)
		check_same(&file, n);
	for (int i = 0; i < 100; i++)
		check_same(&file, next(&random) % file.n);
	buf_done(&file);
}

/* Flipped bits, bytes that are not there, and bytes too many, in the header and in the scan. */
static void
damage(struct buf *file, uint32_t *random)
{
	size_t at = next(random) % (next(random) % 4 == 0 ? 700 : file->n - 8), n = next(random) % 5;

	switch (next(random) % 4) {
	case 0:
		memmove(file->at + at, file->at + at + n, file->n - at - n);
		file->n -= n;
		break;
	case 1:
		file->at[at] = (char)0xff;
		break;
	default:
		file->at[at] ^= (char)(1 << n);
	}
}

static void
a_damaged_file_is_taken_alike(void **state)
{
	static const struct sample samples[] = {
		{ .width = 640, .height = 480, .h = 2, .v = 2, .quality = 60, .content = SLOPES },
		{ .width = 640, .height = 480, .h = 1, .v = 1, .quality = 30, .content = FLAT },
		{ .width = 640, .height = 480, .h = 1, .v = 1, .quality = 30, .content = STEPS, .grey = true, .optimal = true },
	};
	uint32_t random = 11;

	(void)state;
	for (size_t k = 0; k < sizeof samples / sizeof *samples; k++) {
		struct buf file = {0}, copy = {0};

		encode(&samples[k], &file);
		for (int i = 0; i < 150; i++) {
			buf_clear(&copy);
			buf_add(&copy, file.at, file.n);
			for (int times = 0; times <= i % 3; times++)
				damage(&copy, &random);
			check_same(&copy, copy.n);
		}
		buf_done(&file);
		buf_done(&copy);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samplings_and_borders),
		cmocka_unit_test(every_height),
		cmocka_unit_test(contents_and_qualities),
		cmocka_unit_test(grey_pictures),
		cmocka_unit_test(one_table_for_all),
		cmocka_unit_test(unusual_files_are_read_as_a_whole),
		cmocka_unit_test(a_cut_file_is_refused_in_the_same_words),
		cmocka_unit_test(a_damaged_file_is_taken_alike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int
main(void)
{
	return 77;
}

#endif
