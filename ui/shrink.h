/* shrink.h: smaller pictures by area means. Pure. */
#ifndef UI_SHRINK_H
#define UI_SHRINK_H

#include <stdint.h>

/* The largest size of the same aspect inside max_w x max_h; never larger than it is, at least 1x1. */
void
shrink_size(int width, int height, int max_w, int max_h, int *w, int *h);

/* rgb [height, width, 3] → a malloc'd [h, w, 3]; 1 <= w <= width, 1 <= h <= height. */
uint8_t *
shrink_rgb(const uint8_t *rgb, int width, int height, int w, int h);

#endif
