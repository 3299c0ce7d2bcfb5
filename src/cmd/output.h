/* output.h: the way of an answer out of the program: standard output or a file. On a terminal text goes out
 * as it comes, with control characters made visible; into a pipe or file in whole lines, as it is. */
#ifndef CMD_OUTPUT_H
#define CMD_OUTPUT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"

struct output {
	int fd;
	const char *name;       /* for messages */
	bool terminal;
	bool broken;            /* a write failed: nothing more is tried */
	struct buf held;        /* the line that is not out yet; on a terminal: the whole current line, */
	size_t shown;           /* of whose visible form so many bytes are out */
};

/* path NULL or "-": standard output. */
int
output_open(struct output *out, const char *path, struct error *err);
int
output_text(struct output *out, const char *text, size_t n, struct error *err);
/* All that is held, and a newline. CODE_SIGPIPE when the reader went away, else CODE_STORE. */
int
output_end_line(struct output *out, struct error *err);
void
output_close(struct output *out);

#endif
