/* jpeg.c: JPEG by libjpeg-turbo with its defaults (accurate integer DCT, fancy upsampling, block smoothing): the
 * reference's bytes exactly. CMYK as Pillow converts it. Without libjpeg, by stb_image: a few levels beside.
 *
 * libjpeg leaves by longjmp on errors; what must survive it stands in struct reader, never in a local variable. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "picture/decoders.h"
#include "picture/exif.h"
#include "picture/picture.h"

#ifdef HAVE_JPEG

#include <jpeglib.h>
#include <jerror.h>
#include <setjmp.h>

#include "base/team.h"
#include "picture/jpegcut.h"

struct reader {
	struct jpeg_error_mgr errors;   /* first: libjpeg hands back a pointer to it */
	struct jpeg_decompress_struct jpeg;
	jmp_buf out;
	char why[JMSG_LENGTH_MAX];
	uint8_t *row;                   /* one line that is not the picture's yet, or NULL */
	bool strict;                    /* any warning is fatal */
};

static void
leave(j_common_ptr jpeg)
{
	struct reader *reader = (struct reader *)jpeg->err;

	jpeg->err->format_message(jpeg, reader->why);
	longjmp(reader->out, 1);
}

/* Warnings are libjpeg's guesses about damage. One of them is fatal for us: the data ended, the rest would be grey. */
static void
on_message(j_common_ptr jpeg, int level)
{
	struct reader *reader = (struct reader *)jpeg->err;

	if (level >= 0)
		return;
	jpeg->err->num_warnings++;
	if (reader->strict)
		longjmp(reader->out, 1);
	if (jpeg->err->msg_code == JWRN_JPEG_EOF) {
		snprintf(reader->why, sizeof reader->why, "it is cut short");
		longjmp(reader->out, 1);
	}
}

static void
stay_silent(j_common_ptr jpeg)
{
	(void)jpeg;
}

static struct reader *
reader_new(void)
{
	struct reader *reader = calloc(1, sizeof *reader);

	if (!reader)
		return NULL;
	reader->jpeg.err = jpeg_std_error(&reader->errors);
	reader->errors.error_exit = leave;
	reader->errors.emit_message = on_message;
	reader->errors.output_message = stay_silent;
	return reader;
}

static void
reader_free(struct reader *reader)
{
	if (!reader)
		return;
	jpeg_destroy_decompress(&reader->jpeg);
	free(reader->row);
	free(reader);
}

/* a * b / 255, rounded as Pillow does. */
static unsigned
mul255(unsigned a, unsigned b)
{
	unsigned t = a * b + 128;

	return ((t >> 8) + t) >> 8;
}

/* Adobe stores CMYK inverted, and every CMYK JPEG is taken for Adobe's, as the reference's decoder does. */
static void
cmyk_to_rgb(uint8_t *to, const uint8_t *cmyk, int width)
{
	for (int x = 0; x < width; x++, cmyk += 4, to += 3)
		for (int c = 0; c < 3; c++) {
			unsigned n = cmyk[3], ink = mul255(255u - cmyk[c], n);

			to[c] = (uint8_t)(n > ink ? n - ink : 0);
		}
}

static void
read_rows(struct reader *reader, struct raster *r)
{
	struct jpeg_decompress_struct *jpeg = &reader->jpeg;

	if (jpeg->out_color_space == JCS_CMYK) {
		reader->row = malloc(4 * (size_t)r->width);
		if (!reader->row)
			ERREXIT1(jpeg, JERR_OUT_OF_MEMORY, 0);
	}
	while (jpeg->output_scanline < jpeg->output_height) {
		uint8_t *to = r->rgb + 3 * (size_t)r->width * jpeg->output_scanline;
		JSAMPROW row = reader->row ? reader->row : to;

		jpeg_read_scanlines(jpeg, &row, 1);
		if (reader->row)
			cmyk_to_rgb(to, reader->row, r->width);
	}
}

/* ---- in pieces, by a team */

#define WORTH_PIXELS (1 << 18)  /* that take longer than to start threads */
#define PART_BYTES 8192         /* of the scan, at least */
#define PIECE_ROWS 3            /* of MCUs, at least */
#define MOST_PIECES 16
#define MOST_HEADER (256 << 10) /* bytes: every piece has a copy */

/* Rows of MCUs [begin, end) of the picture. libjpeg reads [from, to): where colours are stretched down, lines at a border
 * take part of their colour from the row beyond it. */
struct piece {
	int begin, end, from, to;
	bool failed;
};

struct pieces {
	struct cut cut;
	struct raster *raster;
	const uint8_t *bytes;           /* the file */
	size_t n_header;                /* bytes before the scan */
	size_t height_at;               /* in it: where the picture's height stands */
	int row_lines;                  /* lines of a row of MCUs */
	struct piece at[MOST_PIECES];
	int n;
	bool joined;
};

/* Where the frame header says the height: segments are a marker, a length that counts itself, and the rest. 0: not found. */
static size_t
find_height(const uint8_t *bytes, size_t n)
{
	size_t at = 2;

	while (n - at >= 9 && bytes[at] == 0xff) {
		size_t length = (size_t)bytes[at + 2] << 8 | bytes[at + 3];

		if (bytes[at + 1] == 0xc0 || bytes[at + 1] == 0xc1)
			return at + 5;
		if (bytes[at + 1] == 0xff || length > n - at - 2)
			return 0;
		at += 2 + length;
	}
	return 0;
}

/* The lines [skip, …) of a file made for a piece → lines of the raster. */
static void
read_lines(struct reader *reader, struct raster *r, int skip, int begin, int end)
{
	struct jpeg_decompress_struct *jpeg = &reader->jpeg;

	reader->row = malloc(3 * (size_t)r->width);
	if (!reader->row)
		ERREXIT1(jpeg, JERR_OUT_OF_MEMORY, 0);
	for (; skip > 0; skip--)
		jpeg_read_scanlines(jpeg, &reader->row, 1);
	for (; begin < end; begin++) {
		JSAMPROW row = r->rgb + 3 * (size_t)r->width * (size_t)begin;

		jpeg_read_scanlines(jpeg, &row, 1);
	}
}

static int
read_piece(struct reader *reader, const struct pieces *all, const struct piece *piece, const struct buf *file)
{
	struct jpeg_decompress_struct *jpeg = &reader->jpeg;
	struct raster *r = all->raster;
	int end = piece->end * all->row_lines;

	if (setjmp(reader->out))
		return -1;
	jpeg_create_decompress(jpeg);
	jpeg_mem_src(jpeg, (const uint8_t *)file->at, (unsigned long)file->n);
	jpeg_read_header(jpeg, TRUE);
	cut_set_tables(&all->cut, jpeg);
	reader->strict = true;
	jpeg->out_color_space = JCS_RGB;
	jpeg_start_decompress(jpeg);
	read_lines(reader, r, (piece->begin - piece->from) * all->row_lines, piece->begin * all->row_lines,
	    end < r->height ? end : r->height);
	return 0;
}

/* The file's header with another height, and a scan of its own. */
static void
make_file(const struct pieces *all, const struct piece *piece, struct buf *out)
{
	int begin = piece->from * all->row_lines, end = piece->to * all->row_lines;
	int height = (end < all->raster->height ? end : all->raster->height) - begin;

	buf_add(out, all->bytes, all->n_header);
	out->at[all->height_at] = (char)(height >> 8);
	out->at[all->height_at + 1] = (char)height;
	cut_put_rows(&all->cut, piece->from, piece->to, out);
}

static void
open_job(void *arg, int i)
{
	(void)i;
	cut_open(&((struct pieces *)arg)->cut);
}

static void
part_job(void *arg, int i)
{
	cut_read_part(&((struct pieces *)arg)->cut, i);
}

static void
join_parts(void *arg)
{
	struct pieces *all = arg;

	all->joined = cut_join(&all->cut);
}

static void
piece_job(void *arg, int i)
{
	struct pieces *all = arg;
	struct piece *piece = &all->at[i];
	struct buf file = {0};
	struct reader *reader;

	if (!all->joined)
		return;
	reader = reader_new();
	piece->failed = true;
	if (reader) {
		make_file(all, piece, &file);
		piece->failed = read_piece(reader, all, piece, &file) < 0;
	}
	reader_free(reader);
	buf_done(&file);
}

static void
share_out(struct pieces *all, int n)
{
	int n_rows = all->cut.n_rows, beyond = all->row_lines > 8;

	all->n = n < n_rows / PIECE_ROWS ? n : n_rows / PIECE_ROWS;
	all->n = all->n < MOST_PIECES ? all->n : MOST_PIECES;
	for (int i = 0; i < all->n; i++) {
		struct piece *p = &all->at[i];

		p->begin = n_rows * i / all->n;
		p->end = n_rows * (i + 1) / all->n;
		p->from = p->begin > beyond ? p->begin - beyond : 0;
		p->to = p->end + beyond < n_rows ? p->end + beyond : n_rows;
	}
}

static bool
run_pieces(struct pieces *all, int n_threads)
{
	struct jobs lists[] = { { open_job, 1, NULL }, { part_job, all->cut.n_parts, join_parts }, { piece_job, all->n, NULL } };

	team_run(lists, 3, all, n_threads);
	for (int i = 0; i < all->n; i++)
		if (all->at[i].failed)
			return false;
	return all->joined;
}

/* All of the picture, by so many threads. False: it is nothing for them, or something is unusual, and libjpeg has to read
 * the file from beginning to end; it will also know what is wrong with it. */
static bool
read_in_pieces(const struct reader *reader, struct raster *r, const uint8_t *bytes, size_t n, int n_threads)
{
	const struct jpeg_decompress_struct *jpeg = &reader->jpeg;
	struct pieces *all;
	size_t scan, n_parts;
	bool done = false;

	if (n_threads < 2 || (long long)r->width * r->height < WORTH_PIXELS)
		return false;
	all = calloc(1, sizeof *all);
	if (!all)
		return false;
	all->raster = r;
	all->bytes = bytes;
	all->n_header = (size_t)(jpeg->src->next_input_byte - bytes);
	all->height_at = find_height(bytes, all->n_header);
	all->row_lines = 8 * jpeg->max_v_samp_factor;
	scan = n - all->n_header;
	n_parts = scan / PART_BYTES + 1 < (size_t)n_threads ? scan / PART_BYTES + 1 : (size_t)n_threads;
	if (all->height_at && all->n_header <= MOST_HEADER &&
	    cut_init(&all->cut, jpeg, bytes + all->n_header, scan, (int)n_parts)) {
		share_out(all, n_threads);
		done = all->n > 1 && run_pieces(all, n_threads);
		r->n_pieces = done ? all->n : 0;
	}
	cut_done(&all->cut);
	free(all);
	return done;
}

/* ---- as a whole */

static int
read_picture(struct reader *reader, struct raster *r, const uint8_t *bytes, size_t n, struct error *err)
{
	struct jpeg_decompress_struct *jpeg = &reader->jpeg;

	if (setjmp(reader->out))
		return raster_fail(r, err, "%s", reader->why);
	jpeg_create_decompress(jpeg);
	jpeg_mem_src(jpeg, bytes, (unsigned long)n);
	jpeg_read_header(jpeg, TRUE);
	if (jpeg->num_components == 2)
		return raster_fail(r, err, "a JPEG with two colour channels is of no known kind");
	if (raster_begin(r, jpeg->image_width, jpeg->image_height, err) < 0)
		return -1;
	if (read_in_pieces(reader, r, bytes, n, r->n_threads ? r->n_threads : team_usual()))
		return 0;
	jpeg->out_color_space = jpeg->num_components == 4 ? JCS_CMYK : JCS_RGB;
	jpeg_start_decompress(jpeg);
	read_rows(reader, r);
	return 0;
}

static int
decode(struct raster *r, const uint8_t *bytes, size_t n, struct error *err)
{
	struct reader *reader = reader_new();
	int rc;

	if (!reader)
		return raster_fail(r, err, "no memory");
	rc = read_picture(reader, r, bytes, n, err);
	reader_free(reader);
	return rc;
}

/* Errors of writing: memory alone can be missing here. */
static void
make_rows(struct jpeg_compress_struct *jpeg, const uint8_t *rgb, size_t width)
{
	while (jpeg->next_scanline < jpeg->image_height) {
		JSAMPROW row = (JSAMPROW)(uintptr_t)(rgb + 3 * width * jpeg->next_scanline);

		jpeg_write_scanlines(jpeg, &row, 1);
	}
}

int
picture_make_jpeg(const uint8_t *rgb, int width, int height, struct buf *out, struct error *err)
{
	struct jpeg_compress_struct jpeg;
	struct jpeg_error_mgr errors;
	unsigned char *bytes = NULL;
	unsigned long n = 0;

	(void)err;
	jpeg.err = jpeg_std_error(&errors);
	jpeg_create_compress(&jpeg);
	jpeg_mem_dest(&jpeg, &bytes, &n);
	jpeg.image_width = (JDIMENSION)width;
	jpeg.image_height = (JDIMENSION)height;
	jpeg.input_components = 3;
	jpeg.in_color_space = JCS_RGB;
	jpeg_set_defaults(&jpeg);
	jpeg_set_quality(&jpeg, 90, TRUE);
	jpeg_start_compress(&jpeg, TRUE);
	make_rows(&jpeg, rgb, (size_t)width);
	jpeg_finish_compress(&jpeg);
	jpeg_destroy_compress(&jpeg);
	buf_add(out, bytes, n);
	free(bytes);
	return 0;
}

#else

int
picture_make_jpeg(const uint8_t *rgb, int width, int height, struct buf *out, struct error *err)
{
	(void)rgb;
	(void)width;
	(void)height;
	(void)out;
	return error_set(err, CODE_INPUT, "built without libjpeg");
}

static bool
is_whole(const uint8_t *bytes, size_t n)
{
	while (n > 2 && bytes[n - 1] == 0)
		n--;
	return bytes[n - 2] == 0xff && bytes[n - 1] == 0xd9;
}

static int
decode(struct raster *r, const uint8_t *bytes, size_t n, struct error *err)
{
	if (!is_whole(bytes, n))
		return raster_fail(r, err, "it is cut short");
	return stb_decode(r, bytes, n, (size_t)2 << 30, err);
}

#endif

static bool
known(const uint8_t *bytes, size_t n)
{
	return n >= 3 && memcmp(bytes, "\xff\xd8\xff", 3) == 0;
}

/* Segments from SOI to the first scan: 0xff, kind, length of two bytes that counts itself. EXIF is an APP1. */
static int
orientation(const uint8_t *bytes, size_t n)
{
	size_t at = 2;

	while (n - at >= 4 && bytes[at] == 0xff && bytes[at + 1] != 0xda) {
		size_t length = (size_t)bytes[at + 2] << 8 | bytes[at + 3];

		if (bytes[at + 1] == 0xff) {    /* fill byte */
			at++;
			continue;
		}
		if (length < 2 || length > n - at - 2)
			return 1;
		if (bytes[at + 1] == 0xe1 && length >= 8 && memcmp(bytes + at + 4, "Exif\0\0", 6) == 0)
			return exif_orientation_prefixed(bytes + at + 4, length - 2);
		at += 2 + length;
	}
	return 1;
}

const struct format jpeg_format = { "JPEG", "image/jpeg", "jpg", known, decode, orientation };
