/* exif.h: private to picture/: the one thing that we ask of EXIF data, which way is up. */
#ifndef PICTURE_EXIF_H
#define PICTURE_EXIF_H

#include <stddef.h>
#include <stdint.h>

/* The orientation tag of a TIFF structure as EXIF holds it: 1 to 8; 1 when there is none or it cannot be read. */
int
exif_orientation(const uint8_t *tiff, size_t n);

/* The same with the six bytes "Exif\0\0" in front, as JPEG has it and some WebP writers put it. */
int
exif_orientation_prefixed(const uint8_t *bytes, size_t n);

#endif
