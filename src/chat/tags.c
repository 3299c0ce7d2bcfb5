/* tags.c: a conversation's tags: short words that a person sorts by, in the order they were given, each once. */
#include "config.h"

#include "chat/chat.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

bool
tag_valid(const char *tag)
{
	size_t n = strlen(tag);

	if (n == 0 || n > TAG_MAX_BYTES || tag[0] == '+' || tag[0] == '-' || !text_valid(tag, n))
		return false;
	while (n > 0) {
		int32_t cp;
		size_t taken = text_decode(tag, n, &cp);

		if (text_is_space(cp) || cp == ',' || cp < 0x20 || (cp >= 0x7f && cp < 0xa0))
			return false;
		tag += taken;
		n -= taken;
	}
	return true;
}

static int
find(const struct tags *t, const char *tag)
{
	for (int i = 0; i < t->n; i++)
		if (strcmp(t->at[i], tag) == 0)
			return i;
	return -1;
}

bool
tags_has(const struct tags *t, const char *tag)
{
	return find(t, tag) >= 0;
}

void
tags_set(struct tags *t, const char *tag, bool on)
{
	int i = find(t, tag);

	if (on && i < 0) {
		t->at = xreallocarray(t->at, (size_t)t->n + 1, sizeof *t->at);
		t->at[t->n++] = xstrdup(tag);
	} else if (!on && i >= 0) {
		free(t->at[i]);
		t->n--;
		memmove(t->at + i, t->at + i + 1, (size_t)(t->n - i) * sizeof *t->at);
	}
}

void
tags_done(struct tags *t)
{
	for (int i = 0; i < t->n; i++)
		free(t->at[i]);
	free(t->at);
	*t = (struct tags){0};
}
