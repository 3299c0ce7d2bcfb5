/* output.c: see output.h. Writes by write(2): an answer that could not be written must be known at once,
 * because the engine is to be stopped then. */
#include "config.h"

#include "cmd/output.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

int
output_open(struct output *out, const char *path, struct error *err)
{
	*out = (struct output){.fd = STDOUT_FILENO, .name = "standard output"};
	if (path && strcmp(path, "-") != 0) {
		out->name = path;
		out->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
		if (out->fd < 0)
			return error_set(err, CODE_STORE, "cannot write '%s': %s", path, strerror(errno));
	}
	out->terminal = isatty(out->fd);
	return 0;
}

static int
put(struct output *out, const char *bytes, size_t n, struct error *err)
{
	if (out->broken || n == 0 || file_write_all(out->fd, bytes, n) == 0)
		return out->broken ? -1 : 0;
	out->broken = true;
	return error_set(err, errno == EPIPE ? CODE_SIGPIPE : CODE_STORE, "cannot write the answer to %s: %s",
	    out->name, strerror(errno));
}

static size_t
whole_lines(const struct buf *b)
{
	const char *last = b->n ? memrchr(b->at, '\n', b->n) : NULL;

	return last ? (size_t)(last - b->at) + 1 : 0;
}

/* Tabs and CR LF depend on what stands before them in their line, so the line is made visible anew each time
 * and only what is new of it goes out. */
static int
show(struct output *out, struct error *err)
{
	struct buf visible = {0};
	int failed;

	text_visible(&visible, buf_text(&out->held), out->held.n);
	failed = put(out, buf_text(&visible) + out->shown, visible.n - out->shown, err);
	out->shown = visible.n;
	buf_done(&visible);
	if (whole_lines(&out->held) == out->held.n) {
		buf_clear(&out->held);
		out->shown = 0;
	}
	return failed;
}

int
output_text(struct output *out, const char *text, size_t n, struct error *err)
{
	size_t ready;
	int failed;

	buf_add(&out->held, text, n);
	if (out->terminal)
		return show(out, err);
	ready = whole_lines(&out->held);
	failed = put(out, buf_text(&out->held), ready, err);
	buf_drop(&out->held, ready);
	return failed;
}

int
output_end_line(struct output *out, struct error *err)
{
	return output_text(out, "\n", 1, err);
}

void
output_close(struct output *out)
{
	if (out->fd > STDERR_FILENO)
		close(out->fd);
	buf_done(&out->held);
	*out = (struct output){.fd = -1};
}
