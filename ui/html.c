/* html.c: an answer's Markdown as HTML, away from any screen. markdown.c says what the blocks are, and the roles of their
 * text what the screen would show; here both become elements. Nothing of the text is markup. */
#include "config.h"

#include "ui/ui.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "ui/markdown.h"
#include "ui/table.h"

enum { DEPTH_MAX = sizeof ((struct markdown_block *)NULL)->holders / sizeof (struct markdown_holder) };

/* An element that is open: a quote, or an item and the list that it stands in. */
struct open {
	bool quote, ordered;
	size_t source;
};

struct page {
	struct buf *out;
	struct open open[DEPTH_MAX];
	int depth;
	bool in_code;                   /* <pre> is open */
	bool begun;                     /* the innermost item has a text */
};

/* ---------------------------------------------------------------- text */

static void
put_escaped(struct buf *out, const char *s, size_t n)
{
	const char *end, *line;

	if (n == 0)
		return;
	end = s + n;
	for (; (line = memchr(s, '\n', (size_t)(end - s))); s = line + 1) {
		text_html(out, s, (size_t)(line - s));
		buf_str(out, "<br>\n");
	}
	text_html(out, s, (size_t)(end - s));
}

struct element {
	const char *begin, *end;
};

static struct element
element_of(enum theme_role role)
{
	switch (role) {
	case ROLE_EMPH:          return (struct element){ "<em>", "</em>" };
	case ROLE_STRONG:        return (struct element){ "<strong>", "</strong>" };
	case ROLE_STRIKE:        return (struct element){ "<del>", "</del>" };
	case ROLE_CODE:          return (struct element){ "<code>", "</code>" };
	case ROLE_REF:           return (struct element){ "<span class=\"ref\">", "</span>" };
	case ROLE_MATH:          return (struct element){ "<span class=\"math\">", "</span>" };
	case ROLE_CODE_KEYWORD:  return (struct element){ "<span class=\"k\">", "</span>" };
	case ROLE_CODE_STRING:   return (struct element){ "<span class=\"s\">", "</span>" };
	case ROLE_CODE_COMMENT:  return (struct element){ "<span class=\"c\">", "</span>" };
	case ROLE_CODE_NUMBER:   return (struct element){ "<span class=\"n\">", "</span>" };
	case ROLE_CODE_ADDED:    return (struct element){ "<span class=\"a\">", "</span>" };
	case ROLE_CODE_REMOVED:  return (struct element){ "<span class=\"r\">", "</span>" };
	default:                 return (struct element){ "", "" };
	}
}

static size_t
run_end(const struct styled *st, size_t at, size_t end)
{
	size_t to = at;

	while (to < end && st->roles[to] == st->roles[at])
		to++;
	return to;
}

static bool
may_lead(const char *url, size_t n)
{
	static const char *const schemes[] = { "http://", "https://", "mailto:" };

	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
		if (n > strlen(schemes[i]) && strncasecmp(url, schemes[i], strlen(schemes[i])) == 0)
			return true;
	return false;
}

static void
put_link(struct buf *out, const char *url, size_t url_n, const char *text, size_t n)
{
	buf_str(out, "<a rel=\"noreferrer\" href=\"");
	put_escaped(out, url, url_n);
	buf_str(out, "\">");
	put_escaped(out, text, n);
	buf_str(out, "</a>");
}

/* A link's text, and behind it " (URL)" if that differs. Returns where it ends. */
static size_t
put_linked(struct buf *out, const struct styled *st, size_t at, size_t end)
{
	const size_t to = run_end(st, at, end), past = to < end && st->roles[to] == ROLE_URL ? run_end(st, to, end) : to;
	const char *url = st->text + at;
	size_t n = to - at;

	if (past > to + 3) {
		url = st->text + to + 2;
		n = past - to - 3;
	}
	if (may_lead(url, n)) {
		put_link(out, url, n, st->text + at, to - at);
		return past;
	}
	buf_str(out, "<u>");
	put_escaped(out, st->text + at, to - at);
	buf_str(out, "</u>");
	return to;
}

/* What the screen leaves in place because few terminals strike through. */
static bool
has_tildes(const char *s, size_t n)
{
	return n > 4 && memcmp(s, "~~", 2) == 0 && memcmp(s + n - 2, "~~", 2) == 0;
}

/* inner: inside <code>, where plain code is no element of its own. */
static void
put_styled(struct buf *out, const struct styled *st, size_t at, size_t end, bool inner)
{
	while (at < end) {
		const size_t to = run_end(st, at, end);
		const struct element e = element_of(st->roles[at]);
		const bool bare = inner && st->roles[at] == ROLE_CODE;
		const size_t cut = st->roles[at] == ROLE_STRIKE && has_tildes(st->text + at, to - at) ? 2 : 0;

		if (st->roles[at] == ROLE_LINK) {
			at = put_linked(out, st, at, end);
			continue;
		}
		buf_str(out, bare ? "" : e.begin);
		put_escaped(out, st->text + at + cut, to - at - 2 * cut);
		buf_str(out, bare ? "" : e.end);
		at = to;
	}
}

/* ---------------------------------------------------------------- what holds blocks */

static bool
is_ordered(const struct markdown_holder *h)
{
	return h->marker[0] >= '0' && h->marker[0] <= '9';
}

static bool
is_task(const struct markdown_holder *h)
{
	return strcmp(h->marker, "☑") == 0 || strcmp(h->marker, "☐") == 0;
}

static void
end_code(struct page *p)
{
	if (p->in_code)
		buf_str(p->out, "</code></pre>\n");
	p->in_code = false;
}

static void
close_one(struct page *p)
{
	const struct open *o = &p->open[--p->depth];

	buf_str(p->out, o->quote ? "</blockquote>\n" : o->ordered ? "</li>\n</ol>\n" : "</li>\n</ul>\n");
	p->begun = true;
}

static void
begin_item(struct page *p, const struct markdown_holder *h)
{
	buf_str(p->out, is_task(h) ? "<li class=\"task\">" : "<li>");
	if (is_task(h))
		buf_printf(p->out, "%s ", h->marker);
	p->begun = false;
}

static void
open_one(struct page *p, const struct markdown_holder *h)
{
	struct open *o = &p->open[p->depth++];

	*o = (struct open){ h->quote, !h->quote && is_ordered(h), h->source };
	if (h->quote)
		buf_str(p->out, "<blockquote>\n");
	else if (o->ordered)
		buf_printf(p->out, "<ol start=\"%d\">\n", atoi(h->marker));
	else
		buf_str(p->out, "<ul>\n");
	if (!h->quote)
		begin_item(p, h);
}

static bool
is_same(const struct open *o, const struct markdown_holder *h)
{
	return o->quote == h->quote && o->source == h->source;
}

/* The next item of a list that is open. */
static bool
is_next(const struct open *o, const struct markdown_holder *h)
{
	return !o->quote && !h->quote && o->ordered == is_ordered(h);
}

/* Closes and opens until what is open is what holds the block. */
static void
hold(struct page *p, const struct markdown_block *b)
{
	int same = 0;

	while (same < p->depth && same < b->depth && is_same(&p->open[same], &b->holders[same]))
		same++;
	if (same < p->depth || same < b->depth)
		end_code(p);
	while (p->depth > same + 1)
		close_one(p);
	if (p->depth == same + 1 && same < b->depth && is_next(&p->open[same], &b->holders[same])) {
		buf_str(p->out, "</li>\n");
		begin_item(p, &b->holders[same]);
		p->open[same++].source = b->holders[p->depth - 1].source;
	}
	while (p->depth > same)
		close_one(p);
	while (p->depth < b->depth)
		open_one(p, &b->holders[p->depth]);
}

/* ---------------------------------------------------------------- blocks */

/* The first text of an item stands in it as it is. */
static void
put_paragraph(struct page *p, const struct markdown_block *b)
{
	const bool bare = b->depth > 0 && !b->holders[b->depth - 1].quote && !p->begun;

	buf_str(p->out, bare ? "" : "<p>");
	put_styled(p->out, b->text, 0, b->text->n, false);
	buf_str(p->out, bare ? "\n" : "</p>\n");
}

static void
put_heading(struct page *p, const struct markdown_block *b)
{
	/* the page has h1 and h2 of its own */
	const int level = b->level + 2 > 6 ? 6 : b->level + 2;

	buf_printf(p->out, "<h%d>", level);
	put_styled(p->out, b->text, 0, b->text->n, false);
	buf_printf(p->out, "</h%d>\n", level);
}

static void
begin_code(struct page *p, const struct markdown_block *b)
{
	end_code(p);
	if (b->text->n > 0) {
		buf_str(p->out, "<p class=\"language\">");
		put_escaped(p->out, b->text->text, b->text->n);
		buf_str(p->out, "</p>\n");
	}
	buf_str(p->out, "<pre><code>");
	p->in_code = true;
}

static void
put_cell(void *arg, const struct table_cell *cell)
{
	static const char *const aligns[] = { [TABLE_LEFT] = "", [TABLE_RIGHT] = " class=\"right\"", [TABLE_CENTER] = " class=\"center\"" };
	struct buf *out = arg;
	const char *name = cell->row == 0 ? "th" : "td";

	if (cell->col == 0)
		buf_str(out, "<tr>");
	buf_printf(out, "<%s%s>", name, aligns[cell->align]);
	put_styled(out, cell->text, cell->start, cell->end, false);
	buf_printf(out, "</%s>", name);
	if (cell->col == cell->n_cols - 1)
		buf_str(out, "</tr>\n");
}

static void
put_table(struct page *p, const struct markdown_block *b)
{
	buf_str(p->out, "<table>\n");
	table_each(b->text, true, put_cell, p->out);
	buf_str(p->out, "</table>\n");
}

static void
take_block(void *arg, const struct markdown_block *b)
{
	struct page *p = arg;

	hold(p, b);
	if (b->kind != BLOCK_CODE)
		end_code(p);
	switch (b->kind) {
	case BLOCK_TEXT:
		put_paragraph(p, b);
		break;
	case BLOCK_HEADING:
		put_heading(p, b);
		break;
	case BLOCK_MATH:
		buf_str(p->out, "<p class=\"formula\">");
		put_styled(p->out, b->text, 0, b->text->n, false);
		buf_str(p->out, "</p>\n");
		break;
	case BLOCK_TABLE:
		put_table(p, b);
		break;
	case BLOCK_RULE:
		buf_str(p->out, "<hr>\n");
		break;
	case BLOCK_FENCE:
		begin_code(p, b);
		break;
	case BLOCK_CODE:
		put_styled(p->out, b->text, 0, b->text->n, true);
		buf_char(p->out, '\n');
		break;
	case BLOCK_NOTHING:
		break;
	}
	p->begun = true;
}

char *
ui_html(const char *text, size_t n)
{
	struct buf visible = {0}, out = {0};
	struct page page = { .out = &out };
	struct markdown *m = markdown_new(80, false);

	text_visible(&visible, text, n);
	markdown_set_sink(m, take_block, &page);
	markdown_feed(m, buf_text(&visible), 0, visible.n, true);
	end_code(&page);
	while (page.depth > 0)
		close_one(&page);
	markdown_free(m);
	buf_done(&visible);
	return buf_take(&out);
}
