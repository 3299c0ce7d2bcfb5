/* picture.h: the door of picture/: bytes of a picture file → RGB. Format by content, limits before memory, exactly the
 * pixels that the reference's decoder gives (JPEG by libjpeg-turbo with its defaults; alpha dropped, not composed). */
#ifndef PICTURE_PICTURE_H
#define PICTURE_PICTURE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

#define PICTURE_MAX_BYTES (64u << 20)
#define PICTURE_MAX_PIXELS 100000000ll

/* A picture as the program keeps it: the file's bytes, and what they decode to. All owned. */
struct picture {
	char *name;             /* last part of the path, made visible on one line; "stdin" for a pipe */
	const char *type;       /* "image/png" …, static */
	const char *suffix;     /* "png", "jpg" …, static */
	char sha[65];           /* SHA-256 of the bytes, hex */
	struct buf bytes;       /* the file as it is */
	int width, height;      /* after orientation */
	uint8_t *rgb;           /* [height, width, 3] for the model: alpha dropped */
	uint8_t *shown;         /* NULL, or the same composed over white where the file has transparency: for the eye */
};

enum orient { ORIENT_APPLY, ORIENT_IGNORE };    /* EXIF orientation */

/* All failures are CODE_INPUT, with the name and what is wrong: not a picture, cut short, too large … */
int
picture_open(struct picture *p, const char *path, enum orient orient, struct error *err);
/* Takes the bytes over on success and failure. */
int
picture_decode_take(struct picture *p, const char *name, struct buf *bytes, enum orient orient, struct error *err);
void
picture_done(struct picture *p);

/* True if these first bytes are those of a format we read. */
int
picture_known(const void *bytes, size_t n);

/* rgb [height, width, 3] as a JPEG file in memory, for measuring. CODE_INPUT: built without libjpeg. */
int
picture_make_jpeg(const uint8_t *rgb, int width, int height, struct buf *out, struct error *err);

/* SHA-256 in lowercase hex. */
void
picture_sha(const void *bytes, size_t n, char out[65]);

#endif
