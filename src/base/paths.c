/* paths.c: see paths.h. */
#include "config.h"

#include "base/paths.h"

#include <stdlib.h>

#include "base/alloc.h"

/* One folder: under IVCHAT_HOME, else by the XDG variable (absolute, as its specification demands), else by HOME. */
static char *
choose(const char *leaf, const char *xdg, const char *home_part)
{
	const char *own = getenv("IVCHAT_HOME"), *base = getenv(xdg), *home = getenv("HOME");

	if (own && own[0])
		return xasprintf("%s/%s", own, leaf);
	if (base && base[0] == '/')
		return xasprintf("%s/ivchat", base);
	if (home && home[0])
		return xasprintf("%s/%s/ivchat", home, home_part);
	return NULL;
}

int
paths_init(struct paths *p, struct error *err)
{
	p->config = choose("config", "XDG_CONFIG_HOME", ".config");
	p->data = choose("data", "XDG_DATA_HOME", ".local/share");
	p->state = choose("state", "XDG_STATE_HOME", ".local/state");
	p->cache = choose("cache", "XDG_CACHE_HOME", ".cache");
	if (p->config && p->data && p->state && p->cache)
		return 0;
	error_set(err, CODE_STORE, "no place to keep conversations: HOME is not set");
	return error_hint(err, "set HOME, or IVCHAT_HOME to a folder of your own");
}

void
paths_done(struct paths *p)
{
	free(p->config);
	free(p->data);
	free(p->state);
	free(p->cache);
	*p = (struct paths){0};
}
