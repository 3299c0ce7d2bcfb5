/* log.h: a file that is read after something went wrong. Before log_open(), and when it failed, lines are dropped:
 * the log is never a reason for the program to stop. One line a call, time in front, safe from any thread. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

void
log_open(const char *path);
void
log_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void
log_close(void);

#endif
