/* import.h: private to export/: a conversation on its way in, before anything of it is stored. */
#ifndef EXPORT_IMPORT_H
#define EXPORT_IMPORT_H

#include <jansson.h>
#include <stddef.h>

#include "chat/chat.h"
#include "picture/picture.h"

struct import {
	const char *path;               /* for messages */
	struct chat *chat;
	struct picture *pictures;       /* whose bytes came along; pixels already gone */
	int n_pictures;
	struct error *err;
};

/* One line with file and place: "'x.json': messages[3].up: must be …". Returns -1. */
int
import_wrong(const struct import *im, const char *place, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Decodes bytes in base64 that must be a picture, and keeps them. NULL: they are not one, and the error says so. */
const struct picture *
import_picture(struct import *im, const char *place, const char *name, const char *base64, size_t n);

/* Each fills im->chat from a whole file. 0, or -1 with im->err. */
int
import_own(struct import *im, const json_t *object);
int
import_list(struct import *im, const json_t *list);

#endif
