/* picture_decode.c: formats made here byte by byte: every kind of sample, every orientation, limits, cuts at every byte,
 * random damage. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef HAVE_JPEG
#include <jpeglib.h>
#endif

#include "base/buf.h"
#include "picture/picture.h"

/* ---- writers */

static void
put32(struct buf *out, uint32_t v)
{
	uint8_t b[4] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v };

	buf_add(out, b, 4);
}

static void
put_little(struct buf *out, uint32_t v, int n)
{
	for (; n > 0; n--, v >>= 8)
		buf_char(out, (char)(v & 255));
}

/* Bit by bit, unlike the one that is tested. */
static uint32_t
crc32_of(const uint8_t *p, size_t n)
{
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < n; i++) {
		crc ^= p[i];
		for (int k = 0; k < 8; k++)
			crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
	}
	return ~crc;
}

static void
put_chunk(struct buf *out, const char *name, const void *data, size_t n)
{
	size_t from;

	put32(out, (uint32_t)n);
	from = out->n;
	buf_str(out, name);
	buf_add(out, data, n);
	put32(out, crc32_of((const uint8_t *)out->at + from, n + 4));
}

static void
png_begin(struct buf *out, uint32_t width, uint32_t height, int depth, int colour)
{
	struct buf header = {0};

	buf_add(out, "\x89PNG\r\n\x1a\n", 8);
	put32(&header, width);
	put32(&header, height);
	buf_add(&header, (uint8_t[]){ (uint8_t)depth, (uint8_t)colour, 0, 0, 0 }, 5);
	put_chunk(out, "IHDR", header.at, header.n);
	buf_done(&header);
}

/* Rows with their filter bytes, as one stored deflate block. */
static void
png_end(struct buf *out, const void *rows, size_t n)
{
	struct buf zlib = {0};
	uint32_t a = 1, b = 0;

	buf_add(&zlib, "\x78\x01\x01", 3);
	put_little(&zlib, (uint32_t)n, 2);
	put_little(&zlib, ~(uint32_t)n, 2);
	buf_add(&zlib, rows, n);
	for (size_t i = 0; i < n; i++) {
		a = (a + ((const uint8_t *)rows)[i]) % 65521;
		b = (b + a) % 65521;
	}
	put32(&zlib, b << 16 | a);
	put_chunk(out, "IDAT", zlib.at, zlib.n);
	put_chunk(out, "IEND", "", 0);
	buf_done(&zlib);
}

/* ---- checks */

static struct picture
decoded(struct buf *bytes, enum orient orient)
{
	struct picture p;
	struct error err = {0};

	if (picture_decode_take(&p, "test", bytes, orient, &err) < 0)
		fail_msg("%s", err.what);
	return p;
}

/* The pixels, and the composed ones (NULL: there is no transparency). */
static void
check(struct buf *bytes, int width, int height, const void *rgb, const void *shown)
{
	struct picture p = decoded(bytes, ORIENT_APPLY);
	size_t n = (size_t)width * (size_t)height * 3;

	assert_int_equal(p.width, width);
	assert_int_equal(p.height, height);
	assert_memory_equal(p.rgb, rgb, n);
	assert_true((p.shown != NULL) == (shown != NULL));
	if (shown)
		assert_memory_equal(p.shown, shown, n);
	picture_done(&p);
}

static void
check_refused(const void *bytes, size_t n, const char *why)
{
	struct buf copy = {0};
	struct picture p;
	struct error err = {0};

	buf_add(&copy, bytes, n);
	assert_int_equal(picture_decode_take(&p, "the name", &copy, ORIENT_APPLY, &err), -1);
	assert_int_equal(err.code, CODE_INPUT);
	assert_null(p.rgb);
	assert_null(copy.at);
	assert_non_null(strstr(err.what, "'the name'"));
	if (!strstr(err.what, why))
		fail_msg("'%s' does not say '%s'", err.what, why);
}

/* A file that ends early is refused, wherever that is; `spare` bytes at its end are not needed. */
static void
check_cuts(const struct buf *bytes, size_t spare)
{
	for (size_t n = 0; n + spare < bytes->n; n++)
		check_refused(bytes->at, n, "");
}

/* Flipped bits: whatever is made of them, nothing is read or written beside memory. */
static void
damage(const struct buf *bytes)
{
	uint32_t seed = 7;

	for (int i = 0; i < 1000; i++) {
		struct buf copy = {0};
		struct picture p;

		buf_add(&copy, bytes->at, bytes->n);
		for (int k = i % 4; k >= 0; k--) {
			seed = seed * 1664525 + 1013904223;
			copy.at[(seed >> 8) % copy.n] ^= (char)(1 << (seed >> 29));
		}
		if (picture_decode_take(&p, "damaged", &copy, ORIENT_APPLY, NULL) == 0)
			picture_done(&p);
	}
}

/* ---- PNG */

static void
test_png_kinds(void **state)
{
	struct buf out = {0};

	(void)state;
	png_begin(&out, 2, 1, 8, 0);
	png_end(&out, "\0\x10\xf0", 3);
	check(&out, 2, 1, "\x10\x10\x10\xf0\xf0\xf0", NULL);
	png_begin(&out, 2, 1, 16, 0);
	png_end(&out, "\0\x10\xff\xf0\x80", 5);
	check(&out, 2, 1, "\x10\x10\x10\xf0\xf0\xf0", NULL);
	png_begin(&out, 3, 1, 1, 0);
	png_end(&out, "\0\xa0", 2);
	check(&out, 3, 1, "\xff\xff\xff\0\0\0\xff\xff\xff", NULL);
	png_begin(&out, 1, 2, 8, 2);
	png_end(&out, "\0abc\0def", 8);
	check(&out, 1, 2, "abcdef", NULL);
	png_begin(&out, 2, 1, 8, 4);
	png_end(&out, "\0\x64\x00\x64\xff", 5);
	check(&out, 2, 1, "dddddd", "\xff\xff\xff" "ddd");
	png_begin(&out, 2, 1, 8, 6);
	png_end(&out, "\0\x64\x00\xc8\x80" "abc\xff", 9);
	check(&out, 2, 1, "\x64\x00\xc8" "abc", "\xb1\x7f\xe3" "abc");
}

static void
test_png_transparent_colours(void **state)
{
	struct buf out = {0};

	(void)state;
	png_begin(&out, 3, 1, 2, 3);
	put_chunk(&out, "PLTE", "abcdefghi", 9);
	put_chunk(&out, "tRNS", "\x00\xff", 2);
	png_end(&out, "\0\x18", 2);             /* entries 0, 1, 2 */
	check(&out, 3, 1, "abcdefghi", "\xff\xff\xff" "defghi");
	png_begin(&out, 2, 1, 8, 0);
	put_chunk(&out, "tRNS", "\x00\x64", 2);
	png_end(&out, "\0de", 3);
	check(&out, 2, 1, "dddeee", "\xff\xff\xff" "eee");
}

static void
make_png(struct buf *out, const char *exif, size_t exif_n)
{
	png_begin(out, 2, 3, 8, 2);
	if (exif)
		put_chunk(out, "eXIf", exif, exif_n);
	png_end(out, "\0aaabbb\0cccddd\0eeefff", 21);
}

static void
test_png_damaged(void **state)
{
	struct buf out = {0};

	(void)state;
	make_png(&out, NULL, 0);
	check_cuts(&out, 0);
	out.at[45] ^= 1;
	check_refused(out.at, out.n, "checksum");
	out.at[45] ^= 1;
	out.at[24] = 17;                        /* depth, and its checksum made right again */
	uint32_t crc = crc32_of((const uint8_t *)out.at + 12, 17);
	for (int i = 0; i < 4; i++)
		out.at[29 + i] = (char)(crc >> (24 - 8 * i));
	check_refused(out.at, out.n, "");
	out.at[24] = 8;
	damage(&out);
	buf_done(&out);
}

/* Headers that promise much: refused before any of it is allocated. */
static void
test_limits(void **state)
{
	struct buf out = {0};
	char ppm[64];
	int n;

	(void)state;
	png_begin(&out, 10001, 10000, 8, 2);
	png_end(&out, "\0", 1);
	check_refused(out.at, out.n, "100 megapixels");
	buf_clear(&out);
	png_begin(&out, 0x7fffffff, 0x7fffffff, 8, 2);
	png_end(&out, "\0", 1);
	check_refused(out.at, out.n, "");
	buf_clear(&out);
	png_begin(&out, 0, 5, 8, 2);
	png_end(&out, "\0", 1);
	check_refused(out.at, out.n, "");
	n = snprintf(ppm, sizeof ppm, "P6 99999999999 99999999999 255\nx");
	check_refused(ppm, (size_t)n, "megapixels");
	n = snprintf(ppm, sizeof ppm, "P6 0 7 255\nx");
	check_refused(ppm, (size_t)n, "no pixels");
	check_refused("GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\1\0\1\0\0\2", 24, "megapixels");
	buf_done(&out);
}

/* ---- orientation */

static const char exif_big[] = "MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0N\0\0\0\0\0\0";
static const char exif_little[] = "II*\0\x08\0\0\0\1\0\x12\x01\3\0\1\0\0\0N\0\0\0\0\0\0\0";
#define EXIF_BYTES 26

static void
test_orientations(void **state)
{
	/* the stored picture: ab / cd / ef */
	static const char *const want[] = {
		"ab" "cd" "ef", "ba" "dc" "fe", "fe" "dc" "ba", "ef" "cd" "ab", "ace" "bdf", "eca" "fdb", "fdb" "eca", "bdf" "ace",
	};

	(void)state;
	for (int i = 0; i < 16; i++) {
		char exif[EXIF_BYTES], rgb[18];
		struct buf out = {0};

		memcpy(exif, i < 8 ? exif_big : exif_little, EXIF_BYTES);
		*(char *)memchr(exif, 'N', EXIF_BYTES) = (char)(i % 8 + 1);
		for (int k = 0; k < 18; k++)
			rgb[k] = want[i % 8][k / 3];
		make_png(&out, exif, EXIF_BYTES);
		check(&out, i % 8 < 4 ? 2 : 3, i % 8 < 4 ? 3 : 2, rgb, NULL);
	}
}

static void
test_orientation_ignored_or_nonsense(void **state)
{
	char exif[EXIF_BYTES];
	struct buf out = {0};
	struct picture p;

	(void)state;
	memcpy(exif, exif_big, EXIF_BYTES);
	*(char *)memchr(exif, 'N', EXIF_BYTES) = 6;
	make_png(&out, exif, EXIF_BYTES);
	p = decoded(&out, ORIENT_IGNORE);
	assert_int_equal(p.width, 2);
	picture_done(&p);
	*(char *)memchr(exif, 6, EXIF_BYTES) = 9;
	make_png(&out, exif, EXIF_BYTES);
	check(&out, 2, 3, "aaabbbcccdddeeefff", NULL);
	exif[4] = (char)0xff;                   /* the directory is far outside */
	make_png(&out, exif, EXIF_BYTES);
	check(&out, 2, 3, "aaabbbcccdddeeefff", NULL);
	for (size_t n = 0; n < EXIF_BYTES; n++) {
		make_png(&out, exif_big, n);
		check(&out, 2, 3, "aaabbbcccdddeeefff", NULL);
	}
}

/* ---- GIF */

struct bits {
	struct buf out;
	uint32_t held;
	int n;
};

static void
put_bits(struct bits *b, uint32_t v, int n)
{
	b->held |= v << b->n;
	for (b->n += n; b->n >= 8; b->n -= 8, b->held >>= 8)
		buf_char(&b->out, (char)b->held);
}

/* Four colours a, b, c, d; indices without compression: the table is cleared before each. */
static void
make_gif(struct buf *out, const char *screen, const char *control, const char *frame, const char *indices)
{
	struct bits lzw = {0};

	buf_str(out, "GIF89a");
	buf_add(out, screen, 4);
	buf_add(out, "\x81\0\0aaabbbcccddd", 15);
	if (control)
		buf_add(out, control, 8);
	buf_char(out, ',');
	buf_add(out, frame, 9);
	buf_char(out, 2);
	for (; *indices; indices++) {
		put_bits(&lzw, 4, 3);
		put_bits(&lzw, (uint32_t)(*indices - 'a'), 3);
	}
	put_bits(&lzw, 5, 3);
	put_bits(&lzw, 0, 7);
	buf_char(out, (char)lzw.out.n);
	buf_add(out, lzw.out.at, lzw.out.n);
	buf_add(out, "\0;", 2);
	buf_done(&lzw.out);
}

static const char *
tripled(const char *s, char out[64])
{
	for (size_t i = 0; i < 3 * strlen(s); i++)
		out[i] = s[i / 3] == '.' ? (char)0xff : s[i / 3];
	return out;
}

static void
test_gif(void **state)
{
	static const char control[] = "!\xf9\4\1\0\0\1\0";      /* index 1 is transparent */
	struct buf out = {0};
	char a[64], b[64];

	(void)state;
	make_gif(&out, "\2\0\2\0", NULL, "\0\0\0\0\2\0\2\0\0", "abcd");
	check_cuts(&out, 3);                    /* the end code, the end of blocks, the trailer */
	damage(&out);
	check(&out, 2, 2, tripled("abcd", a), NULL);
	make_gif(&out, "\2\0\2\0", control, "\0\0\0\0\2\0\2\0\0", "abcd");
	check(&out, 2, 2, tripled("abcd", a), tripled("a.cd", b));
	make_gif(&out, "\3\0\2\0", control, "\1\0\1\0\2\0\1\0\0", "cd");        /* a frame smaller than the screen */
	check(&out, 3, 2, tripled("bbbbcd", a), tripled("....cd", b));
	make_gif(&out, "\1\0\6\0", NULL, "\0\0\0\0\1\0\6\0\x40", "abcdab");     /* interlaced: rows 0, 4, 2, 1, 3, 5 */
	check(&out, 1, 6, tripled("adcabb", a), NULL);
}

/* Codes that repeat: the one that is only being defined (KwKwK), and a table that grows past a width. */
static void
test_gif_codes(void **state)
{
	struct bits lzw = {0};
	struct buf out = {0};
	uint8_t want[3 * 36];
	int width = 3, n_codes = 6;

	(void)state;
	buf_add(&out, "GIF87a\x24\0\1\0\x81\0\0aaabbbcccddd,\0\0\0\0\x24\0\1\0\0\2", 36);
	put_bits(&lzw, 4, width);
	put_bits(&lzw, 1, width);
	for (int i = 0; i < 7; i++) {           /* b, bb, bbb, … bbbbbbbb: 36 in all */
		put_bits(&lzw, (uint32_t)n_codes, width);
		if (++n_codes == 1 << width)
			width++;
	}
	put_bits(&lzw, 5, width);
	put_bits(&lzw, 0, 7);
	buf_char(&out, (char)lzw.out.n);
	buf_add(&out, lzw.out.at, lzw.out.n);
	buf_add(&out, "\0;", 2);
	memset(want, 'b', sizeof want);
	check(&out, 36, 1, want, NULL);
	buf_done(&lzw.out);
}

/* ---- BMP and PNM */

static void
make_bmp(struct buf *out, int32_t height)
{
	buf_str(out, "BM");
	put_little(out, 54 + 16, 4);
	put_little(out, 0, 4);
	put_little(out, 54, 4);
	put_little(out, 40, 4);
	put_little(out, 2, 4);
	put_little(out, (uint32_t)height, 4);
	put_little(out, 1, 2);
	put_little(out, 24, 2);
	for (int i = 0; i < 6; i++)
		put_little(out, 0, 4);
	buf_add(out, "cbafed\0\0ihglkj\0\0", 16);
}

static void
test_bmp(void **state)
{
	struct buf out = {0};

	(void)state;
	make_bmp(&out, 2);
	check_cuts(&out, 0);
	damage(&out);
	check(&out, 2, 2, "ghijklabcdef", NULL);
	make_bmp(&out, -2);
	check(&out, 2, 2, "abcdefghijkl", NULL);
}

static void
check_pnm(const char *bytes, size_t n, int width, int height, const char *rgb)
{
	struct buf out = {0};

	buf_add(&out, bytes, n);
	damage(&out);
	check(&out, width, height, rgb, NULL);
}

static void
test_pnm(void **state)
{
	(void)state;
	check_pnm("P1\n# bits\n2 2\n01 1 0", 20, 2, 2, "\xff\xff\xff\0\0\0\0\0\0\xff\xff\xff");
	check_pnm("P2 2 1 15\n0 15\n", 15, 2, 1, "\0\0\0\xff\xff\xff");
	check_pnm("P3 1 1 255 97 98 99", 19, 1, 1, "abc");
	check_pnm("P4 9 2\n\x00\x80\xff\x00", 11, 9, 2,
	    "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0"
	    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xff\xff\xff");
	check_pnm("P5 2 1 255\nab", 13, 2, 1, "aaabbb");
	check_pnm("P5 1 1 65535\na\xff", 15, 1, 1, "aaa");
	check_pnm("P6 1 2 255 abcdef", 17, 1, 2, "abcdef");
	check_pnm("P6 1 1 5\n\0\1\5", 12, 1, 1, "\0\x33\xff");
	check_refused("P6 1 2 255 abcde", 16, "cut short");
	check_refused("P1 2 2 010", 10, "cut short");
	check_refused("P4 9 2\n\0\0\0", 10, "cut short");
	check_refused("P5 1 1 0\na", 10, "header");
	check_refused("P5 1 1 65536\nab", 15, "header");
	check_refused("P6 1 1", 6, "header");
}

/* ---- JPEG */

#ifdef HAVE_JPEG

/* A flat 16x8 picture of n_channels values, perhaps with an orientation. */
static void
make_jpeg(struct buf *out, int n_channels, J_COLOR_SPACE space, const uint8_t *colour, int orientation)
{
	struct jpeg_compress_struct jpeg;
	struct jpeg_error_mgr errors;
	unsigned char *bytes = NULL, row[64];
	unsigned long n = 0;
	JSAMPROW rows = row;
	char exif[6 + EXIF_BYTES] = "Exif\0";

	jpeg.err = jpeg_std_error(&errors);
	jpeg_create_compress(&jpeg);
	jpeg_mem_dest(&jpeg, &bytes, &n);
	jpeg.image_width = 16;
	jpeg.image_height = 8;
	jpeg.input_components = n_channels;
	jpeg.in_color_space = space;
	jpeg_set_defaults(&jpeg);
	jpeg_set_quality(&jpeg, 100, TRUE);
	jpeg_start_compress(&jpeg, TRUE);
	memcpy(exif + 6, exif_big, EXIF_BYTES);
	*(char *)memchr(exif + 6, 'N', EXIF_BYTES) = (char)orientation;
	if (orientation)
		jpeg_write_marker(&jpeg, JPEG_APP0 + 1, (const JOCTET *)exif, sizeof exif);
	for (int x = 0; x < 16; x++)
		memcpy(row + n_channels * x, colour, (size_t)n_channels);
	while (jpeg.next_scanline < jpeg.image_height)
		jpeg_write_scanlines(&jpeg, &rows, 1);
	jpeg_finish_compress(&jpeg);
	jpeg_destroy_compress(&jpeg);
	buf_clear(out);
	buf_add(out, bytes, n);
	free(bytes);
}

static void
check_flat(struct buf *bytes, int width, int height, int r, int g, int b)
{
	struct picture p = decoded(bytes, ORIENT_APPLY);

	assert_int_equal(p.width, width);
	assert_int_equal(p.height, height);
	assert_string_equal(p.type, "image/jpeg");
	for (int i = 0; i < width * height; i++) {
		assert_in_range(p.rgb[3 * i], r - 1, r + 1);
		assert_in_range(p.rgb[3 * i + 1], g - 1, g + 1);
		assert_in_range(p.rgb[3 * i + 2], b - 1, b + 1);
	}
	picture_done(&p);
}

static void
test_jpeg(void **state)
{
	static const uint8_t grey[] = { 100 }, rgb[] = { 200, 100, 50 }, cmyk[] = { 255, 128, 55, 200 };
	struct buf out = {0};

	(void)state;
	make_jpeg(&out, 1, JCS_GRAYSCALE, grey, 0);
	check_flat(&out, 16, 8, 100, 100, 100);
	make_jpeg(&out, 3, JCS_RGB, rgb, 6);
	check_cuts(&out, 2);                    /* the end mark */
	damage(&out);
	check_flat(&out, 8, 16, 200, 100, 50);
	make_jpeg(&out, 4, JCS_CMYK, cmyk, 0);
	check_flat(&out, 16, 8, 200, 100, 43);  /* 200 - 200 * (255 - C) / 255, and so on */
}

#endif

/* ---- the door */

static void
test_strangers(void **state)
{
	(void)state;
	check_refused("", 0, "empty");
	check_refused("hello, world", 12, "not a picture");
	check_refused("II*\0\x08\0\0\0", 8, "TIFF");
	check_refused("%PDF-1.4", 8, "PDF");
	check_refused("\0\0\0\x20" "ftypheic", 12, "HEIC");
	check_refused("\x89PNG\r\n\x1a\n", 8, "cut short");
	check_refused("\xff\xd8\xff", 3, "");
	check_refused("GIF89a", 6, "cut short");
	assert_true(picture_known("\xff\xd8\xff\xe0", 4));
	assert_true(picture_known("GIF89a", 6));
	assert_false(picture_known("II*\0", 4));
	assert_false(picture_known("", 0));
	assert_false(picture_known("P6", 2));
}

static void
test_names_and_hash(void **state)
{
	struct buf out = {0};
	struct picture p;
	struct error err = {0};

	(void)state;
	buf_str(&out, "P3 1 1 255 97 98 99");
	assert_int_equal(picture_decode_take(&p, "/some/where/a\033[2J\nb.ppm", &out, ORIENT_APPLY, &err), 0);
	assert_null(strpbrk(p.name, "/\033\n"));
	assert_non_null(strstr(p.name, "b.ppm"));
	assert_string_equal(p.suffix, "pnm");
	assert_int_equal(p.bytes.n, 19);
	picture_done(&p);
	picture_done(&p);
	picture_sha("abc", 3, p.sha);
	assert_string_equal(p.sha, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_int_equal(picture_open(&p, "/nowhere/at all.png", ORIENT_APPLY, &err), -1);
	assert_int_equal(err.code, CODE_INPUT);
	assert_non_null(strstr(err.what, "/nowhere/at all.png"));
	picture_done(&p);
	assert_int_equal(picture_open(&p, "/", ORIENT_APPLY, &err), -1);
	assert_int_equal(err.code, CODE_INPUT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_png_kinds),
		cmocka_unit_test(test_png_transparent_colours),
		cmocka_unit_test(test_png_damaged),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_orientations),
		cmocka_unit_test(test_orientation_ignored_or_nonsense),
		cmocka_unit_test(test_gif),
		cmocka_unit_test(test_gif_codes),
		cmocka_unit_test(test_bmp),
		cmocka_unit_test(test_pnm),
#ifdef HAVE_JPEG
		cmocka_unit_test(test_jpeg),
#endif
		cmocka_unit_test(test_strangers),
		cmocka_unit_test(test_names_and_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
