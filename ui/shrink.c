/* shrink.c: see shrink.h. Every pixel of the source counts once: output pixel x is the mean of the source columns
 * [x * width / w, (x + 1) * width / w), and rows alike. */
#include "config.h"

#include "ui/shrink.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "base/alloc.h"

void
shrink_size(int width, int height, int max_w, int max_h, int *w, int *h)
{
	*w = width;
	*h = height;
	if (*w > max_w) {
		*w = max_w;
		*h = (int)((int64_t)height * max_w / width);
	}
	if (*h > max_h) {
		*h = max_h;
		*w = (int)((int64_t)width * max_h / height);
	}
	*w = *w < 1 ? 1 : *w;
	*h = *h < 1 ? 1 : *h;
}

/* First source index of output index i. */
static size_t
edge(int i, int from, int to)
{
	return (size_t)((int64_t)i * from / to);
}

static void
mean(uint8_t out[3], const uint8_t *rgb, size_t stride, size_t x0, size_t x1, size_t y0, size_t y1)
{
	uint32_t sum[3] = {0}, count = (uint32_t)((x1 - x0) * (y1 - y0));

	for (size_t y = y0; y < y1; y++) {
		const uint8_t *p = rgb + y * stride + x0 * 3;

		for (size_t x = x0; x < x1; x++, p += 3) {
			sum[0] += p[0];
			sum[1] += p[1];
			sum[2] += p[2];
		}
	}
	for (int c = 0; c < 3; c++)
		out[c] = (uint8_t)((sum[c] + count / 2) / count);
}

uint8_t *
shrink_rgb(const uint8_t *rgb, int width, int height, int w, int h)
{
	size_t bytes = (size_t)w * (size_t)h * 3;
	uint8_t *out = xmalloc(bytes), *to = out;

	assert(w >= 1 && w <= width && h >= 1 && h <= height);
	if (w == width && h == height)
		return memcpy(out, rgb, bytes);
	for (int y = 0; y < h; y++)
		for (int x = 0; x < w; x++, to += 3)
			mean(to, rgb, (size_t)width * 3, edge(x, width, w), edge(x + 1, width, w),
				edge(y, height, h), edge(y + 1, height, h));
	return out;
}
