/* paint.c: see paint.h. */
#include "config.h"

#include "cmd/paint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/text.h"

/* With colours, and with attributes alone; NULL: as the text around it. */
static const struct look {
	const char *coloured, *plain;
} looks[] = {
	[PAINT_TEXT] = { NULL, NULL },
	[PAINT_HEAD] = { "\033[1m", "\033[1m" },
	[PAINT_NAME] = { "\033[36m", NULL },
	[PAINT_USER] = { "\033[1;34m", "\033[1m" },
	[PAINT_ANSWER] = { "\033[1;32m", "\033[1m" },
	[PAINT_FAINT] = { "\033[2m", "\033[2m" },
	[PAINT_GOOD] = { "\033[32m", NULL },
	[PAINT_BAD] = { "\033[31m", NULL },
};

/* Set, and not to nothing or 0. */
static bool
is_wanted(const char *name)
{
	const char *value = getenv(name);

	return value && *value && strcmp(value, "0") != 0;
}

static bool
has_no_colour(void)
{
	const char *value = getenv("NO_COLOR");

	return value && *value;
}

static bool
is_dumb(void)
{
	const char *term = getenv("TERM");

	return !term || !*term || strcmp(term, "dumb") == 0 || is_wanted("ACCESSIBLE");
}

static struct painter
make(const struct options *o, bool terminal)
{
	bool forced = is_wanted("CLICOLOR_FORCE") && !has_no_colour();
	bool able = forced || (terminal && !is_dumb());
	bool mono = o->conf->theme && strcmp(o->conf->theme, "mono") == 0;

	return (struct painter){
		.colours = able && !has_no_colour() && !mono,
		.attributes = able,
		.visible = forced || isatty(STDOUT_FILENO),
	};
}

struct painter
painter_of(const struct options *o)
{
	return make(o, isatty(STDOUT_FILENO));
}

struct painter
painter_of_pager(const struct options *o)
{
	return make(o, false);
}

static const char *
find(const struct painter *p, enum paint kind)
{
	return p->colours ? looks[kind].coloured : p->attributes ? looks[kind].plain : NULL;
}

const char *
paint_on(const struct painter *p, enum paint kind)
{
	const char *on = find(p, kind);

	return on ? on : "";
}

const char *
paint_off(const struct painter *p, enum paint kind)
{
	return find(p, kind) ? "\033[0m" : "";
}

void
paint_text(const struct painter *p, enum paint kind, const char *text, size_t n)
{
	struct buf out = {0};

	buf_str(&out, paint_on(p, kind));
	if (p->visible)
		text_visible(&out, text, n);
	else
		buf_add(&out, text, n);
	buf_str(&out, paint_off(p, kind));
	fwrite(out.at, 1, out.n, stdout);
	buf_done(&out);
}
