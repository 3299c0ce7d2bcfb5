/* picture_samples.c: real files. Every row of samples.tsv (sizes, mean colours of both planes, refusals) and the SHA-256
 * of the decoded bytes of every fixture, which the reference's decoder gave. Needs the shared folder: skipped without. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "picture/picture.h"

/* Half of the table's last digit. stb_image's JPEG is a few levels beside in places, so its means move a little. */
#ifdef HAVE_JPEG
#define TOLERANCE 0.0501
#else
#define TOLERANCE 0.5
#endif

struct row {
	char file[64];
	int stored_width, stored_height, width, height;
	double plain[3], over_white[3];
};

static char *
shared_path(const char *under, const char *name)
{
	const char *srcdir = getenv("srcdir");

	return xasprintf("%s/../shared/%s%s", srcdir ? srcdir : ".", under, name);
}

static void
check_means(const char *what, const uint8_t *rgb, int width, int height, const double want[3])
{
	double sum[3] = {0}, n = (double)width * height;

	for (size_t i = 0; i < (size_t)n; i++)
		for (int c = 0; c < 3; c++)
			sum[c] += rgb[3 * i + c];
	for (int c = 0; c < 3; c++)
		if (fabs(sum[c] / n - want[c]) > TOLERANCE)
			fail_msg("%s: channel %d is %.3f, not %.1f", what, c, sum[c] / n, want[c]);
}

static void
check_row(const struct row *row)
{
	char *path = shared_path("data/samples/", row->file);
	struct picture p;
	struct error err = {0};

	if (picture_open(&p, path, ORIENT_IGNORE, &err) < 0)
		fail_msg("%s", err.what);
	assert_int_equal(p.width, row->stored_width);
	assert_int_equal(p.height, row->stored_height);
	check_means(row->file, p.rgb, p.width, p.height, row->plain);
	check_means(row->file, p.shown ? p.shown : p.rgb, p.width, p.height, row->over_white);
	picture_done(&p);
	assert_int_equal(picture_open(&p, path, ORIENT_APPLY, &err), 0);
	assert_int_equal(p.width, row->width);
	assert_int_equal(p.height, row->height);
	picture_done(&p);
	free(path);
}

static void
check_refused(const char *file, const char *why)
{
	char *path = shared_path("data/samples/", file);
	struct picture p;
	struct error err = {0};

	assert_int_equal(picture_open(&p, path, ORIENT_APPLY, &err), -1);
	assert_int_equal(err.code, CODE_INPUT);
	assert_non_null(strstr(err.what, file));
	if (!strstr(err.what, why))
		fail_msg("'%s' does not say '%s'", err.what, why);
	assert_null(p.rgb);
	free(path);
}

static int
read_row(char *line, struct row *row)
{
	return sscanf(line, "%63s %*s %dx%d %dx%d %*s %lf,%lf,%lf %lf,%lf,%lf", row->file, &row->stored_width,
	    &row->stored_height, &row->width, &row->height, &row->plain[0], &row->plain[1], &row->plain[2],
	    &row->over_white[0], &row->over_white[1], &row->over_white[2]) == 11;
}

static void
test_samples(void **state)
{
	char *path = shared_path("data/samples/", "samples.tsv"), line[512];
	FILE *f = fopen(path, "r");
	int n = 0;

	(void)state;
	while (fgets(line, sizeof line, f)) {
		struct row row;

		if (!read_row(line, &row) || strstr(row.file, ".tif"))
			continue;
#ifndef HAVE_WEBP
		if (strstr(row.file, ".webp"))
			continue;
#endif
		check_row(&row);
		n++;
	}
	fclose(f);
	free(path);
	assert_true(n >= 28);
}

static void
test_refused(void **state)
{
	(void)state;
	check_refused("bad-crc.png", "checksum");
	check_refused("bad-truncated.png", "cut short");
	check_refused("bad-truncated.jpg", "cut short");
	check_refused("bad-empty.jpg", "empty");
	check_refused("bad-text.png", "not a picture");
	check_refused("coffee.tif", "TIFF");
}

static void
test_fixtures(void **state)
{
	char *path = shared_path("fixtures/golden/", "common.json");
	json_t *root = json_load_file(path, 0, NULL), *image;
	const char *name;

	(void)state;
	assert_non_null(root);
	json_object_foreach(json_object_get(root, "images"), name, image) {
		char *file, sha[65];
		struct picture p;
		struct error err = {0};

#ifndef HAVE_JPEG
		if (strstr(name, ".jpg"))
			continue;
#endif
		file = shared_path("fixtures/images/", name);
		if (picture_open(&p, file, ORIENT_IGNORE, &err) < 0)
			fail_msg("%s", err.what);
		picture_sha(p.rgb, (size_t)p.width * (size_t)p.height * 3, sha);
		if (strcmp(sha, json_string_value(json_object_get(image, "rgb_sha256"))) != 0)
			fail_msg("%s: decoded bytes differ from the reference's", name);
		picture_done(&p);
		free(file);
	}
	json_decref(root);
	free(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_fixtures),
	};
	char *path = shared_path("data/samples/", "samples.tsv");

	if (!file_exists(path)) {
		fprintf(stderr, "skipped: '%s' is not there\n", path);
		free(path);
		return 77;
	}
	free(path);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
