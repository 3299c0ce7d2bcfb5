/* bundled.h: where the model that comes with the program lies. */
#ifndef CMD_BUNDLED_H
#define CMD_BUNDLED_H

/* The folder, existing or not: $IVCHAT_SHARE/model; beside the source that the program was built from; or
 * where `make install` puts it. The caller frees. */
char *
bundled_model(void);

#endif
