/* log.c: see log.h. The descriptor and its level are the one mutable global of base/: a log that has to be handed to every
 * function that might write to it is a log that nobody writes to. */
#include "config.h"

#include "base/log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"

#define LOG_MAX (4 << 20)

static int log_fd = -1;
static enum log_level log_level;

void
log_open(const char *path, enum log_level level)
{
	struct stat st;

	log_close();
	log_level = level;
	if (level == LOG_OFF)
		return;
	log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (log_fd >= 0 && fstat(log_fd, &st) == 0 && st.st_size > LOG_MAX && ftruncate(log_fd, 0) < 0)
		log_close();
}

static void
write_line(const char *fmt, va_list ap)
{
	char line[2048], now[32];
	int n, m;

	if (log_fd < 0)
		return;
	clock_utc(now);
	n = snprintf(line, sizeof line - 1, "%s ", now);
	m = vsnprintf(line + n, sizeof line - 1 - (size_t)n, fmt, ap);
	n = m < 0 ? n : n + m;
	if (n > (int)sizeof line - 2)
		n = (int)sizeof line - 2;
	line[n++] = '\n';
	if (file_write_all(log_fd, line, (size_t)n) < 0)
		log_close();
}

void
log_line(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	write_line(fmt, ap);
	va_end(ap);
}

void
log_debug(const char *fmt, ...)
{
	va_list ap;

	if (log_level < LOG_DEBUG)
		return;
	va_start(ap, fmt);
	write_line(fmt, ap);
	va_end(ap);
}

void
log_close(void)
{
	if (log_fd >= 0)
		close(log_fd);
	log_fd = -1;
}

int
log_descriptor(enum log_level *level)
{
	*level = log_fd < 0 ? LOG_OFF : log_level;
	return log_fd;
}

void
log_take(int fd, enum log_level level)
{
	log_close();
	log_fd = fd;
	log_level = level;
}
