/* boxed.h: the places that an answer names, drawn into pixels. Pure. */
#ifndef APP_BOXED_H
#define APP_BOXED_H

#include <stdint.h>

#include "ui/boxes.h"

/* Draws every rectangle into rgb [height, width, 3], a name a colour. */
void
boxed_draw(uint8_t *rgb, int width, int height, const struct boxes *boxes);

/* The colour's name of the boxes of name i; static. */
const char *
boxed_colour(int i);

#endif
