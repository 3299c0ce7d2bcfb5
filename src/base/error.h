/* error.h: how a function says that the world did not cooperate.
 *
 * Three kinds of trouble, told apart by who is to blame. Ours: assert. Nobody's (no memory for something
 * small): alloc.h ends the program. The world's (files, models, pictures, devices, people): the function
 * returns -1 or NULL and fills the `struct error *` that it takes last. Only src/cmd turns a code into an exit
 * status and only src/app into a line on the screen; nothing below them prints.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

/* The codes are the program's documented exit statuses. */
enum code {
	CODE_OK = 0,
	CODE_NEGATIVE = 1,      /* nothing found, sessions differ */
	CODE_USAGE = 2,         /* command line, config, not a terminal */
	CODE_INPUT = 3,         /* picture, text too long, no such session */
	CODE_MODEL = 4,         /* model folder missing, incomplete, or of another model */
	CODE_MEMORY = 5,        /* no usable GPU, or not enough memory */
	CODE_STORE = 6,         /* cannot write, session locked by another writer */
	CODE_ENGINE = 7,        /* the engine failed while running */
	CODE_SIGHUP = 129,
	CODE_SIGINT = 130,
	CODE_SIGPIPE = 141,
	CODE_SIGTERM = 143,
};

struct error {
	enum code code;
	char what[640];         /* one line: what, where, why; paths quoted; no control characters */
	char hint[320];         /* what to do about it, or "" */
};

/* Fills err (NULL is allowed) and returns -1, so that failing is one line: return error_set(err, …).
 * Control characters that a path or a file brought in are replaced by '?'. */
int
error_set(struct error *err, enum code code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Adds what a person can do about it to an error that is already set. Returns -1. */
int
error_hint(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void
error_clear(struct error *err);

#endif
