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

struct reader {
	struct jpeg_error_mgr errors;   /* first: libjpeg hands back a pointer to it */
	struct jpeg_decompress_struct jpeg;
	jmp_buf out;
	char why[JMSG_LENGTH_MAX];
	uint8_t *row;                   /* one line of CMYK, or NULL */
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
	jpeg->out_color_space = jpeg->num_components == 4 ? JCS_CMYK : JCS_RGB;
	jpeg_start_decompress(jpeg);
	read_rows(reader, r);
	return 0;
}

static int
decode(struct raster *r, const uint8_t *bytes, size_t n, struct error *err)
{
	struct reader *reader = calloc(1, sizeof *reader);
	int rc;

	if (!reader)
		return raster_fail(r, err, "no memory");
	reader->jpeg.err = jpeg_std_error(&reader->errors);
	reader->errors.error_exit = leave;
	reader->errors.emit_message = on_message;
	reader->errors.output_message = stay_silent;
	rc = read_picture(reader, r, bytes, n, err);
	jpeg_destroy_decompress(&reader->jpeg);
	free(reader->row);
	free(reader);
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
