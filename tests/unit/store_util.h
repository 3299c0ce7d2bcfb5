/* store_util.h: a store in a folder of its own, made for one test and removed after it. */
#ifndef TESTS_STORE_UTIL_H
#define TESTS_STORE_UTIL_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "store/store.h"

struct fixture {
	char dir[64];
	struct paths paths;
	struct store *store;
};

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	(void)st;
	(void)kind;
	(void)where;
	return remove(path);
}

static int
setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);

	snprintf(f->dir, sizeof f->dir, "/tmp/ivchat-store-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	f->paths.data = xasprintf("%s/data", f->dir);
	f->paths.state = xasprintf("%s/state", f->dir);
	f->paths.cache = xasprintf("%s/cache", f->dir);
	f->store = store_open(&f->paths, NULL);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	store_close(f->store);
	paths_done(&f->paths);
	nftw(f->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static inline struct message *
say(struct chat *c, const char *text)
{
	return chat_add_user(c, text, strlen(text), NULL, 0);
}

static inline struct message *
reply(struct chat *c, const char *text)
{
	struct message *m = chat_add_answer(c);

	message_append(m, text, strlen(text));
	m->stop = STOP_EOS;
	return m;
}

/* A stored session of one turn; its id is in the chat. */
static inline struct chat *
stored_turn(struct store *s, const char *question, const char *answer)
{
	struct chat *c = chat_new();
	struct session *w = session_new(s, c);

	if (session_put_user(w, say(c, question), NULL) < 0 || session_put_answer(w, reply(c, answer), NULL) < 0)
		abort();
	session_close(w);
	return c;
}

#endif
