/* decode.c: the door of picture/: which format it is, limits, orientation, names. Each format is a file of its own
 * that ends in one filled `struct format`. */
#include "config.h"

#include "picture/picture.h"

#include <nettle/sha2.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/text.h"
#include "base/thread.h"
#include "picture/decoders.h"

#define WORTH_A_THREAD (128u << 10)     /* bytes that take longer to hash than a thread to start */

/* Order matters only for PNM and BMP, whose signatures are two bytes long. */
static const struct format *const formats[] = {
	&jpeg_format, &png_format, &gif_format,
#ifdef HAVE_WEBP
	&webp_format,
#endif
	&bmp_format, &pnm_format,
};

/* What people also call pictures: told by name, so that nobody thinks that the file is broken. */
static const struct {
	size_t at, n;
	const char *magic, *label;
} strangers[] = {
	{ 0, 4, "II*\0", "a TIFF file" },
	{ 0, 4, "MM\0*", "a TIFF file" },
	{ 8, 4, "WEBP", "a WebP picture, and this build reads none" },
	{ 4, 8, "ftypavif", "an AVIF picture" },
	{ 4, 8, "ftypheic", "a HEIC picture" },
	{ 4, 8, "ftypmif1", "a HEIF picture" },
	{ 0, 12, "\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 picture" },
	{ 0, 2, "\xff\x0a", "a JPEG XL picture" },
	{ 4, 4, "JXL ", "a JPEG XL picture" },
	{ 0, 4, "8BPS", "a Photoshop file" },
	{ 0, 4, "\0\0\1\0", "an icon file" },
	{ 0, 4, "%PDF", "a PDF" },
	{ 0, 4, "<svg", "an SVG drawing" },
	{ 0, 5, "<?xml", "an XML file, perhaps an SVG drawing" },
};

/* ---- rasters */

int
raster_fail(const struct raster *r, struct error *err, const char *fmt, ...)
{
	char why[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	return error_set(err, CODE_INPUT, "cannot read picture '%s': %s", r->name, why);
}

int
raster_begin(struct raster *r, long long width, long long height, struct error *err)
{
	if (width < 1 || height < 1)
		return raster_fail(r, err, "it has no pixels (%lldx%lld)", width, height);
	if (width > PICTURE_MAX_PIXELS / height)
		return raster_fail(r, err, "%lldx%lld is more than %lld megapixels", width, height,
		    PICTURE_MAX_PIXELS / 1000000);
	r->rgb = alloc_large((size_t)width * (size_t)height * 3);
	if (!r->rgb)
		return raster_fail(r, err, "no memory for %lldx%lld pixels", width, height);
	r->width = (int)width;
	r->height = (int)height;
	return 0;
}

int
raster_begin_shown(struct raster *r, struct error *err)
{
	r->shown = calloc((size_t)r->width * (size_t)r->height, 3);
	if (!r->shown)
		return raster_fail(r, err, "no memory for %dx%d pixels", r->width, r->height);
	return 0;
}

void
raster_done(struct raster *r)
{
	free(r->rgb);
	free(r->shown);
	r->rgb = r->shown = NULL;
}

void
raster_put(struct raster *r, size_t i, const uint8_t rgb[3], uint8_t alpha)
{
	memcpy(r->rgb + 3 * i, rgb, 3);
	if (!r->shown)
		return;
	for (int c = 0; c < 3; c++)
		r->shown[3 * i + c] = (uint8_t)((rgb[c] * alpha + 255 * (255 - alpha) + 127) / 255);
}

/* ---- orientation */

/* Where pixel (x, y) of the turned picture stands in the stored one of width x height (EXIF 2 to 8). */
static size_t
source_of(int orientation, int x, int y, int width, int height)
{
	int sx = x, sy = y;

	if (orientation >= 5) {
		sx = y;
		sy = x;
	}
	if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8)
		sx = width - 1 - sx;
	if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7)
		sy = height - 1 - sy;
	return (size_t)sy * (size_t)width + (size_t)sx;
}

static uint8_t *
turned(const uint8_t *rgb, int orientation, int width, int height)
{
	int out_width = orientation >= 5 ? height : width, out_height = orientation >= 5 ? width : height;
	uint8_t *out = malloc((size_t)width * (size_t)height * 3), *to = out;

	if (!out)
		return NULL;
	for (int y = 0; y < out_height; y++)
		for (int x = 0; x < out_width; x++, to += 3)
			memcpy(to, rgb + 3 * source_of(orientation, x, y, width, height), 3);
	return out;
}

static int
turn_plane(const struct raster *r, uint8_t **plane, int orientation, struct error *err)
{
	uint8_t *out;

	if (!*plane)
		return 0;
	out = turned(*plane, orientation, r->width, r->height);
	if (!out)
		return raster_fail(r, err, "no memory to turn it");
	free(*plane);
	*plane = out;
	return 0;
}

static int
orient(struct raster *r, int orientation, struct error *err)
{
	int width = r->width;

	if (orientation < 2 || orientation > 8)
		return 0;
	if (turn_plane(r, &r->rgb, orientation, err) < 0 || turn_plane(r, &r->shown, orientation, err) < 0)
		return -1;
	if (orientation >= 5) {
		r->width = r->height;
		r->height = width;
	}
	return 0;
}

/* ---- the door */

static const struct format *
format_of(const void *bytes, size_t n)
{
	for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
		if (formats[i]->known(bytes, n))
			return formats[i];
	return NULL;
}

static int
refuse(const struct raster *r, const struct buf *bytes, struct error *err)
{
	if (bytes->n == 0)
		return raster_fail(r, err, "the file is empty");
	for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++)
		if (bytes->n >= strangers[i].at + strangers[i].n &&
		    memcmp(bytes->at + strangers[i].at, strangers[i].magic, strangers[i].n) == 0) {
			raster_fail(r, err, "this is %s", strangers[i].label);
			return error_hint(err, "convert it to PNG or JPEG");
		}
	raster_fail(r, err, "this is not a picture");
	return error_hint(err, "JPEG, PNG, GIF, BMP, PNM%s are read",
	    picture_known("RIFF\0\0\0\0WEBP", 12) ? ", WebP" : "");
}

static char *
visible_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *last = slash && slash[1] ? slash + 1 : path;
	struct buf out = {0};

	text_visible_line(&out, last, strlen(last));
	return buf_take(&out);
}

static int
decode(struct picture *p, enum orient how, struct error *err)
{
	const uint8_t *bytes = (const uint8_t *)buf_text(&p->bytes);
	struct raster r = { .name = p->name };
	const struct format *f = format_of(bytes, p->bytes.n);

	if (!f)
		return refuse(&r, &p->bytes, err);
	if (p->bytes.n > PICTURE_MAX_BYTES)
		return raster_fail(&r, err, "the file is larger than %u MiB", PICTURE_MAX_BYTES >> 20);
	if (f->decode(&r, bytes, p->bytes.n, err) < 0 ||
	    (how == ORIENT_APPLY && f->orientation && orient(&r, f->orientation(bytes, p->bytes.n), err) < 0)) {
		raster_done(&r);
		return -1;
	}
	p->type = f->type;
	p->suffix = f->suffix;
	p->width = r.width;
	p->height = r.height;
	p->rgb = r.rgb;
	p->shown = r.shown;
	return 0;
}

static void *
name_bytes(void *arg)
{
	struct picture *p = arg;

	picture_sha(p->bytes.at, p->bytes.n, p->sha);
	return NULL;
}

/* A large file gets its name while it is decoded. */
static int
decode_and_name(struct picture *p, enum orient how, struct error *err)
{
	pthread_t thread;
	bool beside = p->bytes.n >= WORTH_A_THREAD && thread_n_cores() > 1 &&
	    thread_start_small(&thread, name_bytes, p) == 0;
	int rc = decode(p, how, err);

	if (beside)
		pthread_join(thread, NULL);
	else if (rc == 0)
		name_bytes(p);
	return rc;
}

int
picture_decode_take(struct picture *p, const char *name, struct buf *bytes, enum orient how, struct error *err)
{
	*p = (struct picture){ .name = visible_name(name), .bytes = *bytes };
	*bytes = (struct buf){0};
	if (decode_and_name(p, how, err) == 0)
		return 0;
	picture_done(p);
	return -1;
}

int
picture_open(struct picture *p, const char *path, enum orient how, struct error *err)
{
	struct buf bytes = {0};

	*p = (struct picture){0};
	if (file_read(path, PICTURE_MAX_BYTES, &bytes, CODE_INPUT, err) < 0) {
		buf_done(&bytes);
		return -1;
	}
	return picture_decode_take(p, path, &bytes, how, err);
}

void
picture_done(struct picture *p)
{
	free(p->name);
	free(p->rgb);
	free(p->shown);
	buf_done(&p->bytes);
	*p = (struct picture){0};
}

int
picture_known(const void *bytes, size_t n)
{
	return format_of(bytes, n) != NULL;
}

void
picture_sha(const void *bytes, size_t n, char out[65])
{
	struct sha256_ctx ctx;
	uint8_t digest[SHA256_DIGEST_SIZE];

	sha256_init(&ctx);
	sha256_update(&ctx, n, bytes);
	sha256_digest(&ctx, SHA256_DIGEST_SIZE, digest);
	for (int i = 0; i < SHA256_DIGEST_SIZE; i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
}
