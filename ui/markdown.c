/* markdown.c: see markdown.h.
 *
 * Source lines are taken one by one. What holds them (quotes and list items) is a stack; what they make (a leaf: a
 * paragraph, a table, a formula) is collected until a line ends it, then drawn once and for all. Lines of code are drawn at
 * once. So the state between two lines is small, and to go on is all that a stream needs. */
#include "config.h"

#include "ui/markdown.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "ui/highlight.h"
#include "ui/inline.h"
#include "ui/source.h"
#include "ui/styled.h"
#include "ui/table.h"
#include "ui/wrap.h"

enum {
	DEPTH_MAX = sizeof ((struct markdown_block *)NULL)->holders / sizeof (struct markdown_holder),                /* deeper marks are text */
	BODY_MIN = 12,                  /* cells that nesting leaves to the text */
	RULE_MAX = 40,
	MARKER_BYTES = 16,
};

/* A quote or a list item. Columns are counted from where its holder's content begins. */
struct holder {
	bool quote;
	bool drawn;                     /* an item's marker stands on a line */
	int indent, content;            /* of an item: columns before its marker and before its text */
	char marker[MARKER_BYTES];
	int cols;                       /* of the marker with its blank */
	size_t source;
};

enum leaf { LEAF_NONE, LEAF_TEXT, LEAF_MATH, LEAF_TABLE, LEAF_FENCE, LEAF_INDENTED };

struct state {
	struct holder holders[DEPTH_MAX];
	int depth;
	int shared;                     /* of the holders, those that the last drawn line had too */
	enum leaf leaf;
	char fence;                     /* ` or ~, */
	size_t fence_n;                 /* so many of them, */
	int fence_indent;               /* behind so many blanks */
	struct highlight code;
	int code_blanks;                /* blank lines inside indented code, not drawn yet */
	bool gap;                       /* a blank line was passed since the last drawn one */
	size_t open;                    /* where in the source begins what is not drawn yet */
};

struct line {
	size_t start, end;              /* of `out` */
	size_t source;
	int cols;
};

struct markdown {
	int width;
	bool ascii, math;
	struct state state;
	struct styled leaf;             /* text of the open leaf, its holders' marks taken off */
	size_t at;                      /* of the source: the next line to take */
	size_t here;                    /* where the line that is being taken begins */
	size_t done;
	bool closed;

	struct styled out;
	struct line *lines;
	int n, cap;
	int committed;                  /* lines that stay; the others are drawn anew at the next call */

	markdown_sink *sink;            /* NULL: lines are made */
	void *sink_arg;
};

struct markdown *
markdown_new(int width, bool ascii)
{
	struct markdown *m = xcalloc(1, sizeof *m);

	assert(width >= 1);
	m->width = width;
	m->ascii = ascii;
	m->math = true;
	return m;
}

void
markdown_set_math(struct markdown *m, bool on)
{
	m->math = on;
}

void
markdown_free(struct markdown *m)
{
	if (!m)
		return;
	styled_done(&m->leaf);
	styled_done(&m->out);
	free(m->lines);
	free(m);
}

void
markdown_set_sink(struct markdown *m, markdown_sink *sink, void *arg)
{
	m->sink = sink;
	m->sink_arg = arg;
}

/* ---------------------------------------------------------------- blocks for the sink */

/* Whether there is one; then the block is its own. */
static bool
give(struct markdown *m, enum markdown_kind kind, int level, const struct styled *text)
{
	struct markdown_block block = { .kind = kind, .level = level, .text = text, .depth = m->state.depth };

	if (!m->sink)
		return false;
	for (int i = 0; i < block.depth; i++) {
		struct holder *h = &m->state.holders[i];

		h->drawn = true;
		block.holders[i] = (struct markdown_holder){ h->quote, h->marker, h->source };
	}
	m->state.gap = false;
	m->sink(m->sink_arg, &block);
	return true;
}

/* ---------------------------------------------------------------- drawn lines */

static void
push_line(struct markdown *m, size_t start, size_t source)
{
	if (m->n == m->cap) {
		m->cap = m->cap ? m->cap * 2 : 4;
		m->lines = xreallocarray(m->lines, (size_t)m->cap, sizeof *m->lines);
	}
	if (m->n > 0 && source < m->lines[m->n - 1].source)
		source = m->lines[m->n - 1].source;     /* a table may look back */
	m->lines[m->n++] = (struct line){
		.start = start, .end = m->out.n, .source = source,
		.cols = m->out.n > start ? text_width(m->out.text + start, m->out.n - start) : 0,
	};
}

static void
cut_lines(struct markdown *m, int n)
{
	m->n = n;
	styled_cut(&m->out, n > 0 ? m->lines[n - 1].end : 0);
}

/* How many of the holders have room to be drawn, and the cells that those take. */
static int
holders_drawn(const struct markdown *m, int *cols)
{
	const struct state *s = &m->state;
	int i;

	*cols = 0;
	for (i = 0; i < s->depth && *cols + s->holders[i].cols + BODY_MIN <= m->width; i++)
		*cols += s->holders[i].cols;
	return i;
}

static int
body_width(const struct markdown *m)
{
	int cols;

	holders_drawn(m, &cols);
	return m->width - cols;
}

static void
put_bar(struct markdown *m, size_t source)
{
	styled_str(&m->out, ROLE_QUOTE, m->ascii ? "| " : "▎ ", source);
}

static void
put_marker(struct markdown *m, struct holder *h)
{
	styled_str(&m->out, ROLE_LIST, h->marker, h->source);
	styled_pad(&m->out, ROLE_TEXT, h->cols - text_width(h->marker, strlen(h->marker)), h->source);
	h->drawn = true;
}

/* The bars and markers that a line begins with; source: what the line stands for. */
static void
put_holders(struct markdown *m, size_t source)
{
	int cols, n = holders_drawn(m, &cols);

	for (int i = 0; i < n; i++) {
		struct holder *h = &m->state.holders[i];

		if (h->quote)
			put_bar(m, source);
		else if (!h->drawn)
			put_marker(m, h);
		else
			styled_pad(&m->out, ROLE_TEXT, h->cols, source);
	}
}

/* Markers that nesting has left no room for stand on lines of their own. */
static void
put_crowded_markers(struct markdown *m)
{
	int cols;

	for (int i = holders_drawn(m, &cols); i < m->state.depth; i++) {
		struct holder *h = &m->state.holders[i];
		size_t start = m->out.n;

		if (h->quote || h->drawn)
			continue;
		put_holders(m, h->source);
		styled_str(&m->out, ROLE_LIST, h->marker, h->source);
		h->drawn = true;
		push_line(m, start, h->source);
	}
}

/* The blank line before a block, with the bars of the quotes that go on. */
static void
put_gap(struct markdown *m)
{
	size_t start = m->out.n;
	int cols, n = holders_drawn(m, &cols);

	if (m->n == 0)
		return;
	if (n > m->state.shared)
		n = m->state.shared;
	while (n > 0 && !m->state.holders[n - 1].quote)
		n--;
	for (int i = 0; i < n; i++) {
		if (m->state.holders[i].quote)
			put_bar(m, m->state.open);
		else
			styled_pad(&m->out, ROLE_TEXT, m->state.holders[i].cols, m->state.open);
	}
	push_line(m, start, m->state.open);
}

static void
begin_block(struct markdown *m)
{
	if (m->state.gap)
		put_gap(m);
	m->state.gap = false;
	put_crowded_markers(m);
	m->state.shared = m->state.depth;
}

/* body.text[start..end) as one line. */
static void
put_line(struct markdown *m, const struct styled *body, size_t start, size_t end)
{
	size_t from = m->out.n, source = start < body->n ? body->source[start] : m->here;

	put_holders(m, source);
	styled_copy(&m->out, body, start, end);
	push_line(m, from, source);
}

/* A text that is wrapped to the width that its holders leave. */
static void
put_wrapped(struct markdown *m, const struct styled *body, int indent)
{
	struct styled line = {0};
	struct wrap w = {0};
	int room = body_width(m);

	if (indent > room / 4)
		indent = 0;
	begin_block(m);
	if (body->n > 0)
		wrap_add(&w, body->text, 0, body->n, room - indent);
	for (int i = 0; i < w.n; i++) {
		styled_cut(&line, 0);
		styled_pad(&line, ROLE_TEXT, indent, w.lines[i].start < body->n ? body->source[w.lines[i].start] : m->here);
		styled_copy(&line, body, w.lines[i].start, w.lines[i].end);
		put_line(m, &line, 0, line.n);
	}
	if (w.n == 0)
		put_line(m, body, 0, 0);
	wrap_done(&w);
	styled_done(&line);
}

/* Lines that fit already. */
static void
put_ready(struct markdown *m, const struct styled *body)
{
	size_t start = 0;

	begin_block(m);
	for (size_t i = 0; i < body->n; i++)
		if (body->text[i] == '\n') {
			put_line(m, body, start, i);
			start = i + 1;
		}
}

/* ---------------------------------------------------------------- leaves */

static void
close_text(struct markdown *m)
{
	struct styled body = {0};

	inline_add(&body, ROLE_TEXT, &m->leaf, 0, m->leaf.n, m->math);
	if (!give(m, m->state.leaf == LEAF_MATH ? BLOCK_MATH : BLOCK_TEXT, 0, &body))
		put_wrapped(m, &body, m->state.leaf == LEAF_MATH ? 2 : 0);
	styled_done(&body);
}

static void
close_table(struct markdown *m)
{
	struct styled body = {0};

	if (give(m, BLOCK_TABLE, 0, &m->leaf))
		return;
	table_add(&body, &m->leaf, body_width(m), m->ascii, m->math);
	put_ready(m, &body);
	styled_done(&body);
}

/* Draws the open leaf. What opens from now on opens with this line. */
static void
close_leaf(struct markdown *m)
{
	enum leaf leaf = m->state.leaf;

	if (leaf == LEAF_TEXT || leaf == LEAF_MATH)
		close_text(m);
	else if (leaf == LEAF_TABLE)
		close_table(m);
	if (m->leaf.n > 0)
		m->state.open = m->here;
	styled_cut(&m->leaf, 0);
	m->state.leaf = LEAF_NONE;
	m->state.code_blanks = 0;
}

/* Whether something was read that no line stands for yet. */
static bool
is_pending(const struct state *s)
{
	if (s->leaf == LEAF_TEXT || s->leaf == LEAF_MATH || s->leaf == LEAF_TABLE || s->code_blanks > 0 || s->gap)
		return true;
	for (int i = 0; i < s->depth; i++)
		if (!s->holders[i].quote && !s->holders[i].drawn)
			return true;
	return false;
}

/* Items without a text are drawn when they end. */
static void
pop(struct markdown *m, int depth)
{
	struct state *s = &m->state;

	for (int i = depth; i < s->depth; i++)
		if (!s->holders[i].quote && !s->holders[i].drawn) {
			if (give(m, BLOCK_NOTHING, 0, &m->leaf))
				break;
			begin_block(m);
			put_line(m, &m->leaf, 0, 0);
			break;
		}
	s->depth = depth;
	if (s->shared > depth)
		s->shared = depth;
}

/* ---------------------------------------------------------------- holders */

static bool
goes_on(const struct markdown *m, const struct holder *h, struct source *c)
{
	int indent = source_indent(c);

	if (h->quote) {
		if (!source_is_quote(c))
			return false;
		source_skip_quote(c);
		return true;
	}
	if (!source_is_blank(c) && indent < h->indent + 2 && m->state.leaf != LEAF_FENCE)
		return false;
	c->at += (size_t)(indent < h->content ? indent : h->content);
	return true;
}

/* Takes the marks of the open holders off the line; returns how many go on. */
static int
match_holders(const struct markdown *m, struct source *c)
{
	int i = 0;

	while (i < m->state.depth && goes_on(m, &m->state.holders[i], c))
		i++;
	return i;
}

static struct holder *
push_holder(struct markdown *m)
{
	struct holder *h = &m->state.holders[m->state.depth++];

	*h = (struct holder){ .source = m->here, .cols = 2 };
	return h;
}

static const char *
bullet(const struct markdown *m)
{
	static const char *const shapes[] = { "•", "◦", "▪" };
	int items = 0;

	for (int i = 0; i < m->state.depth; i++)
		items += !m->state.holders[i].quote;
	return m->ascii ? "-" : shapes[(items - 1) % 3];
}

/* "[ ] " and "[x] " after a bullet; true when it was one. */
static bool
take_task(const struct markdown *m, struct source *c, struct holder *h)
{
	const char *s = c->s + c->at;
	bool ticked;

	if (c->end - c->at < 4 || s[0] != '[' || !strchr(" xX", s[1]) || s[2] != ']' || s[3] != ' ')
		return false;
	ticked = s[1] != ' ';
	snprintf(h->marker, sizeof h->marker, "%s", m->ascii ? ticked ? "[x]" : "[ ]" : ticked ? "☑" : "☐");
	c->at += 4;
	return true;
}

static void
open_item(struct markdown *m, struct source *c, size_t marker)
{
	struct holder *h = push_holder(m);
	size_t blanks;

	h->indent = source_indent(c);
	c->at += source_blanks(c);
	snprintf(h->marker, sizeof h->marker, "%.*s", (int)marker, c->s + c->at);
	c->at += marker;
	blanks = source_blanks(c);
	if (blanks == 0 || blanks > 4)
		blanks = c->at < c->end;
	c->at += blanks;
	h->content = h->indent + (int)(marker + (blanks ? blanks : 1));
	if (marker == 1 && !take_task(m, c, h))
		snprintf(h->marker, sizeof h->marker, "%s", bullet(m));
	h->cols = text_width(h->marker, strlen(h->marker)) + 1;
}

static bool
in_item(const struct markdown *m)
{
	return m->state.depth > 0 && !m->state.holders[m->state.depth - 1].quote;
}

/* Opens the quotes and items that begin on this line. */
static void
open_holders(struct markdown *m, struct source *c)
{
	while (m->state.depth < DEPTH_MAX) {
		size_t marker = source_marker(c);
		bool is_text = m->state.leaf == LEAF_TEXT;

		if (source_is_quote(c)) {
			close_leaf(m);
			push_holder(m)->quote = true;
			source_skip_quote(c);
		} else if (marker && !(is_text && source_is_empty_item(c, marker)) && (is_text || in_item(m) || source_indent(c) < 4)) {
			close_leaf(m);
			open_item(m, c, marker);
		} else {
			return;
		}
	}
}

/* ---------------------------------------------------------------- code */

/* A line longer than the width is cut between graphemes. */
static void
put_code_pieces(struct markdown *m, const struct styled *code, int room, int indent)
{
	size_t at = 0;

	do {
		size_t n = code->n > at ? text_fit(code->text + at, code->n - at, room - indent) : 0;
		struct styled piece = {0};
		int cols;

		if (n == 0 && at < code->n)
			n = text_grapheme(code->text + at, code->n - at, &cols);
		styled_pad(&piece, ROLE_CODE, n > 0 ? indent : 0, n > 0 ? code->source[at] : m->here);
		styled_copy(&piece, code, at, at + n);
		put_line(m, &piece, 0, piece.n);
		styled_done(&piece);
		at += n;
	} while (at < code->n);
}

static void
put_code(struct markdown *m, const char *s, size_t start, size_t end)
{
	struct styled code = {0};
	int room = body_width(m);

	styled_add(&code, ROLE_CODE, s + start, end - start, start);
	highlight_line(&m->state.code, s + start, end - start, code.roles);
	if (!give(m, BLOCK_CODE, 0, &code)) {
		begin_block(m);
		put_code_pieces(m, &code, room, room > 10 ? 2 : 0);
	}
	styled_done(&code);
}

static void
open_fence(struct markdown *m, const struct source *c, size_t n)
{
	struct state *s = &m->state;
	size_t from = c->at + source_blanks(c) + n, end = c->end;
	struct styled name = {0};

	close_leaf(m);
	s->fence = source_first(c);
	s->fence_n = n;
	s->fence_indent = source_indent(c);
	while (from < end && c->s[from] == ' ')
		from++;
	while (end > from && c->s[end - 1] == ' ')
		end--;
	for (n = from; n < end && c->s[n] != ' ' && c->s[n] != '{' && c->s[n] != ','; n++)
		continue;
	s->code = (struct highlight){ .language = highlight_find(c->s + from, n - from) };
	s->leaf = LEAF_FENCE;
	styled_add(&name, ROLE_CODE_NAME, c->s + from, end - from, from);
	if (!give(m, BLOCK_FENCE, 0, &name) && from < end)
		put_wrapped(m, &name, 2);
	styled_done(&name);
}

static bool
closes_fence(const struct markdown *m, const struct source *c)
{
	size_t from = c->at + source_blanks(c), n = source_run(c, from, m->state.fence);
	struct source rest = { c->s, from + n, c->end };

	return n >= m->state.fence_n && source_is_blank(&rest);
}

static void
take_code(struct markdown *m, struct source *c)
{
	int indent = source_indent(c);

	if (closes_fence(m, c)) {
		m->state.leaf = LEAF_NONE;
		return;
	}
	c->at += (size_t)(indent < m->state.fence_indent ? indent : m->state.fence_indent);
	put_code(m, c->s, c->at, c->end);
}

static void
take_indented(struct markdown *m, struct source *c)
{
	int blanks = m->state.code_blanks;

	if (m->state.leaf == LEAF_NONE) {
		m->state.code = (struct highlight){0};
		give(m, BLOCK_FENCE, 0, &m->leaf);
	}
	if (blanks > 0)
		m->state.gap = false;
	for (; blanks > 0; blanks--)
		put_code(m, c->s, c->end, c->end);
	m->state.code_blanks = 0;
	m->state.leaf = LEAF_INDENTED;
	put_code(m, c->s, c->at + 4, c->end);
}

/* ---------------------------------------------------------------- text */

static void
add_text(struct markdown *m, struct source *c, enum leaf leaf)
{
	size_t end = c->end;

	c->at += source_blanks(c);
	while (end > c->at && c->s[end - 1] == ' ')
		end--;
	if (m->leaf.n > 0)
		styled_put(&m->leaf, ROLE_TEXT, "\n", 1, c->at);
	styled_add(&m->leaf, ROLE_TEXT, c->s + c->at, end - c->at, c->at);
	m->state.leaf = leaf;
}

static void
put_heading(struct markdown *m, const struct styled *text, int level)
{
	static const enum theme_role roles[] = { ROLE_HEADING1, ROLE_HEADING2, ROLE_HEADING3 };
	struct styled body = {0};

	if (m->n > 0)
		m->state.gap = true;
	inline_add(&body, roles[level > 3 ? 2 : level - 1], text, 0, text->n, m->math);
	if (!give(m, BLOCK_HEADING, level, &body))
		put_wrapped(m, &body, 0);
	styled_done(&body);
}

static void
take_heading(struct markdown *m, struct source *c, int level)
{
	struct styled text = {0};
	size_t end = c->end, hashes;

	close_leaf(m);
	c->at += source_blanks(c) + (size_t)level;
	c->at += source_blanks(c);
	while (end > c->at && c->s[end - 1] == ' ')
		end--;
	for (hashes = end; hashes > c->at && c->s[hashes - 1] == '#'; hashes--)
		continue;
	if (hashes == c->at || c->s[hashes - 1] == ' ')
		end = hashes;
	while (end > c->at && c->s[end - 1] == ' ')
		end--;
	styled_add(&text, ROLE_TEXT, c->s + c->at, end - c->at, c->at);
	put_heading(m, &text, level);
	styled_done(&text);
}

/* A paragraph of one line becomes a heading; false when this line does not underline one. */
static bool
take_underline(struct markdown *m, const struct source *c)
{
	char mark = source_first(c);

	if (m->state.leaf != LEAF_TEXT || (mark != '=' && mark != '-') || !source_is_underline(c, mark))
		return false;
	if (memchr(m->leaf.text, '\n', m->leaf.n))
		return false;
	m->state.leaf = LEAF_NONE;
	put_heading(m, &m->leaf, mark == '=' ? 1 : 2);
	close_leaf(m);
	return true;
}

static void
take_rule(struct markdown *m)
{
	struct styled rule = {0};
	int n;

	close_leaf(m);
	if (give(m, BLOCK_RULE, 0, &rule))
		return;
	n = body_width(m) < RULE_MAX ? body_width(m) : RULE_MAX;
	for (int i = 0; i < n; i++)
		styled_str(&rule, ROLE_LINE, m->ascii ? "-" : "─", m->here);
	begin_block(m);
	put_line(m, &rule, 0, rule.n);
	styled_done(&rule);
}

static size_t
line_start(const char *s, size_t at)
{
	while (at > 0 && s[at - 1] != '\n')
		at--;
	return at;
}

/* The paragraph's last line becomes the head of a table; false when this line does not say so. */
static bool
take_table_head(struct markdown *m, struct source *c)
{
	struct styled head = {0};
	size_t from;

	if (m->state.leaf != LEAF_TEXT || !table_is_delimiter(c->s + c->at, c->end - c->at))
		return false;
	from = line_start(m->leaf.text, m->leaf.n);
	if (!table_is_row(m->leaf.text + from, m->leaf.n - from))
		return false;
	if (from > 0) {
		styled_copy(&head, &m->leaf, from, m->leaf.n);
		styled_cut(&m->leaf, from - 1);
		close_leaf(m);
		m->state.open = line_start(c->s, head.source[0]);
		styled_copy(&m->leaf, &head, 0, head.n);
		styled_done(&head);
	}
	add_text(m, c, LEAF_TABLE);
	return true;
}

static bool
ends_math(const struct markdown *m, const struct source *c)
{
	const char *close = m->leaf.text[0] == '$' ? "$$" : "\\]";

	for (size_t i = c->at; i + 2 <= c->end; i++)
		if (memcmp(c->s + i, close, 2) == 0)
			return true;
	return false;
}

static void
take_text(struct markdown *m, struct source *c)
{
	bool ends;

	if (source_begins_math(c, &ends)) {
		close_leaf(m);
		add_text(m, c, LEAF_MATH);
		if (ends)
			close_leaf(m);
		return;
	}
	if (m->state.leaf != LEAF_TEXT)
		close_leaf(m);
	add_text(m, c, LEAF_TEXT);
}

/* What a line is, its holders' marks taken off. */
static void
take_leaf(struct markdown *m, struct source *c)
{
	enum leaf leaf = m->state.leaf;
	size_t fence = source_fence(c);

	if (source_is_blank(c))
		return;                         /* an item whose text comes on the next line */
	if (take_underline(m, c) || take_table_head(m, c))
		return;
	if (leaf == LEAF_TABLE && table_is_row(c->s + c->at, c->end - c->at) && !source_begins_block(c))
		add_text(m, c, LEAF_TABLE);
	else if (source_indent(c) >= 4 && (leaf == LEAF_NONE || leaf == LEAF_INDENTED))
		take_indented(m, c);
	else if (fence > 0)
		open_fence(m, c, fence);
	else if (source_heading(c))
		take_heading(m, c, source_heading(c));
	else if (source_is_rule(c))
		take_rule(m);
	else
		take_text(m, c);
}

static void
take_blank(struct markdown *m, int matched)
{
	if (m->state.leaf == LEAF_INDENTED && matched == m->state.depth) {
		m->state.code_blanks++;
	} else {
		close_leaf(m);
		pop(m, matched);
	}
	if (!m->state.gap)
		m->state.open = m->here;
	m->state.gap = true;
}

/* Whether the line goes on with the paragraph though it lacks the marks of what holds it. */
static bool
is_lazy(const struct markdown *m, int matched, const struct source *c)
{
	return m->state.leaf == LEAF_TEXT && matched < m->state.depth && !source_begins_block(c);
}

static void
take_line(struct markdown *m, const char *s, size_t start, size_t end)
{
	struct source c = { s, start, end };
	int matched = match_holders(m, &c);
	bool all = matched == m->state.depth;

	m->here = start;
	if (m->state.leaf == LEAF_FENCE && all) {
		take_code(m, &c);
	} else if (source_is_blank(&c)) {
		take_blank(m, matched);
	} else if (m->state.leaf == LEAF_MATH && all) {
		bool ends = ends_math(m, &c);

		add_text(m, &c, LEAF_MATH);
		if (ends)
			close_leaf(m);
	} else if (is_lazy(m, matched, &c)) {
		add_text(m, &c, LEAF_TEXT);
	} else {
		if (!all) {
			close_leaf(m);
			pop(m, matched);
		}
		open_holders(m, &c);
		take_leaf(m, &c);
	}
}

/* ---------------------------------------------------------------- the stream */

static size_t
line_end(const char *s, size_t from, size_t n)
{
	const char *newline = memchr(s + from, '\n', n - from);

	return newline ? (size_t)(newline - s) : n;
}

static void
take_lines(struct markdown *m, const char *s, size_t n)
{
	while (m->at < n) {
		size_t end = line_end(s, m->at, n);

		if (!is_pending(&m->state))
			m->state.open = m->at;
		take_line(m, s, m->at, end);
		m->at = end < n ? end + 1 : n;
	}
}

/* A line that is not whole yet, of open code; nothing is shown of what may become the end of the fence. */
static void
preview_code(struct markdown *m, const char *s, size_t n)
{
	struct source c = { s, m->at, n };
	struct state saved = m->state;
	size_t at = m->at;
	bool all = match_holders(m, &c) == m->state.depth;

	if (all && source_first(&c) != m->state.fence) {
		take_lines(m, s, n);
		styled_cut(&m->leaf, 0);
		m->state = saved;
		m->at = at;
	}
	if (all)
		m->done = n;
}

/* Draws all that is left. What comes after it would make everything anew. */
static void
finish(struct markdown *m, const char *s, size_t n)
{
	take_lines(m, s, n);
	m->here = n;
	close_leaf(m);
	pop(m, 0);
	m->done = n;
	m->closed = true;
}

static void
restart(struct markdown *m)
{
	styled_cut(&m->leaf, 0);
	m->state = (struct state){0};
	m->at = m->done = 0;
	m->committed = 0;
	m->closed = false;
}

void
markdown_feed(struct markdown *m, const char *s, size_t settled, size_t n, bool closed)
{
	assert(settled <= n);
	if (m->closed)
		restart(m);
	cut_lines(m, m->committed);
	take_lines(m, s, settled);
	m->committed = m->n;
	m->done = is_pending(&m->state) ? m->state.open : m->at;
	if (closed)
		finish(m, s, n);
	else if (m->state.leaf == LEAF_FENCE && m->at < n)
		preview_code(m, s, n);
}

size_t
markdown_done(const struct markdown *m)
{
	return m->done;
}

int
markdown_lines(const struct markdown *m)
{
	return m->n;
}

int
markdown_cols(const struct markdown *m, int line)
{
	return m->lines[line].cols;
}

void
markdown_row(const struct markdown *m, int line, int max_cols, struct row *row)
{
	styled_row(&m->out, m->lines[line].start, m->lines[line].end, max_cols, row);
}

size_t
markdown_place(const struct markdown *m, int line)
{
	return m->lines[line].source;
}

int
markdown_find(const struct markdown *m, size_t place)
{
	int low = 0, high = m->n;

	while (high - low > 1) {
		int mid = low + (high - low) / 2;

		if (m->lines[mid].source <= place)
			low = mid;
		else
			high = mid;
	}
	return low;
}
