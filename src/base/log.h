/* log.h: a file that is read after something went wrong. Before log_open(), and when it failed, lines are dropped:
 * the log is never a reason for the program to stop. One line a call, time in front, safe from any thread once it is
 * open. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

enum log_level { LOG_OFF, LOG_INFO, LOG_DEBUG };

void
log_open(const char *path, enum log_level level);
/* What went wrong, and what will be asked about when something does. */
void
log_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Figures and steps, for who looks for a fault. */
void
log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void
log_close(void);

/* For another process of the program: the descriptor that lines go to, lent, or -1 and LOG_OFF, and which lines; it becomes
 * the log there. */
int
log_descriptor(enum log_level *level);
void
log_take(int fd, enum log_level level);

#endif
