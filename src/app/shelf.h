/* shelf.h: what /search has found, while its list is open. */
#ifndef APP_SHELF_H
#define APP_SHELF_H

struct hit {
	char id[32];                    /* the session */
	int message;
};

struct hits {
	struct hit *at;
	int n;
	char *pattern;
};

void
hits_done(struct hits *h);

#endif
