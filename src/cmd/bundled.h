/* bundled.h: where the model and the pictures that come with the program lie. */
#ifndef CMD_BUNDLED_H
#define CMD_BUNDLED_H

/* The folder, existing or not: $IVCHAT_SHARE/model; beside the source that the program was built from; or
 * where `make install` puts it. The caller frees. */
char *
bundled_model(void);
/* One of the pictures, by the same rule. */
char *
bundled_picture(const char *name);

#endif
