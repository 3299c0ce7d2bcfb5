/* source.c: see source.h. Everything is asked of the line alone, without regard to the lines before it. */
#include "config.h"

#include "ui/source.h"

#include <string.h>

size_t
source_blanks(const struct source *c)
{
	size_t i = c->at;

	while (i < c->end && c->s[i] == ' ')
		i++;
	return i - c->at;
}

int
source_indent(const struct source *c)
{
	size_t n = source_blanks(c);

	return n < 1000 ? (int)n : 1000;
}

bool
source_is_blank(const struct source *c)
{
	return c->at + source_blanks(c) == c->end;
}

char
source_first(const struct source *c)
{
	size_t i = c->at + source_blanks(c);

	return i < c->end ? c->s[i] : '\0';
}

size_t
source_run(const struct source *c, size_t at, char what)
{
	size_t from = at;

	while (at < c->end && c->s[at] == what)
		at++;
	return at - from;
}

bool
source_is_quote(const struct source *c)
{
	return source_indent(c) <= 3 && source_first(c) == '>';
}

void
source_skip_quote(struct source *c)
{
	c->at += source_blanks(c) + 1;
	if (c->at < c->end && c->s[c->at] == ' ')
		c->at++;
}

bool
source_is_rule(const struct source *c)
{
	char mark = source_first(c);
	int n = 0;

	if (mark != '-' && mark != '*' && mark != '_')
		return false;
	for (size_t i = c->at; i < c->end; i++) {
		if (c->s[i] != mark && c->s[i] != ' ')
			return false;
		n += c->s[i] == mark;
	}
	return n >= 3;
}

bool
source_is_underline(const struct source *c, char mark)
{
	size_t from = c->at + source_blanks(c), n = source_run(c, from, mark);
	struct source rest = { c->s, from + n, c->end };

	return n >= 3 && source_is_blank(&rest);
}

int
source_heading(const struct source *c)
{
	size_t from = c->at + source_blanks(c), n = source_run(c, from, '#');

	return n >= 1 && n <= 6 && source_indent(c) <= 3 && (from + n == c->end || c->s[from + n] == ' ') ? (int)n : 0;
}

size_t
source_fence(const struct source *c)
{
	char mark = source_first(c);
	size_t from = c->at + source_blanks(c), n;

	if (mark != '`' && mark != '~')
		return 0;
	n = source_run(c, from, mark);
	if (n < 3 || (mark == '`' && memchr(c->s + from + n, '`', c->end - from - n)))
		return 0;
	return n;
}

size_t
source_marker(const struct source *c)
{
	size_t from = c->at + source_blanks(c), i = from;

	if (i < c->end && strchr("-+*", c->s[i])) {
		i++;
	} else {
		while (i < c->end && i - from < 9 && c->s[i] >= '0' && c->s[i] <= '9')
			i++;
		if (i == from || i == c->end || !strchr(".)", c->s[i]))
			return 0;
		i++;
	}
	return (i == c->end || c->s[i] == ' ') && !source_is_rule(c) ? i - from : 0;
}

bool
source_is_empty_item(const struct source *c, size_t marker)
{
	struct source rest = { c->s, c->at + source_blanks(c) + marker, c->end };

	return source_is_blank(&rest);
}

bool
source_begins_block(const struct source *c)
{
	size_t marker = source_marker(c);

	return source_is_quote(c) || source_heading(c) || source_fence(c) || source_is_rule(c) ||
		(marker && !source_is_empty_item(c, marker));
}

bool
source_begins_math(const struct source *c, bool *ends)
{
	size_t from = c->at + source_blanks(c), end = c->end;
	const char *close;

	while (end > from && c->s[end - 1] == ' ')
		end--;
	if (end - from < 2 || (memcmp(c->s + from, "\\[", 2) != 0 && memcmp(c->s + from, "$$", 2) != 0))
		return false;
	close = c->s[from] == '$' ? "$$" : "\\]";
	*ends = end - from >= 4 && memcmp(c->s + end - 2, close, 2) == 0;
	for (size_t i = from + 2; i + 2 < end; i++)
		if (memcmp(c->s + i, close, 2) == 0)
			return false;
	return true;
}
