/* html.c: a conversation as one page that needs nothing else: no script, no network (the policy in its head says so),
 * pictures inside as data. Light and dark as the reader has it. Nothing of the conversation is markup here. */
#include "config.h"

#include "export/export.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/base64.h"
#include "export/internal.h"

static const char head[] =
	"<!DOCTYPE html>\n"
	"<html>\n"
	"<head>\n"
	"<meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	"<meta name=\"generator\" content=\"ivchat " PACKAGE_VERSION "\">\n"
	"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:;"
	" style-src 'unsafe-inline'\">\n";

static const char style[] =
	"<style>\n"
	":root { color-scheme: light dark; --paper: #ffffff; --ink: #1f2328; --dim: #656d76; --line: #d8dee4;"
	" --user: #f3f6f9; --mark: #9a6700; }\n"
	"@media (prefers-color-scheme: dark) { :root { --paper: #0f1216; --ink: #e2e6ea; --dim: #8f98a3;"
	" --line: #2c333b; --user: #1a1f26; --mark: #d9a441; } }\n"
	"* { box-sizing: border-box; }\n"
	"body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.6 system-ui, -apple-system,"
	" \"Segoe UI\", Roboto, \"Noto Sans\", \"Noto Sans CJK SC\", \"PingFang SC\", \"Hiragino Sans GB\","
	" \"Microsoft YaHei\", \"Source Han Sans SC\", sans-serif; }\n"
	"main { max-width: 46rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }\n"
	"header { border-bottom: 1px solid var(--line); margin-bottom: 1.5rem; padding-bottom: 1rem; }\n"
	"h1 { font-size: 1.5rem; line-height: 1.3; margin: 0 0 .25rem; overflow-wrap: anywhere; }\n"
	"header p, h2, figcaption { color: var(--dim); font-size: .85rem; margin: 0; }\n"
	"h2 { font-weight: 600; margin-bottom: .35rem; }\n"
	"h2 a { color: inherit; font-weight: 400; text-decoration: none; margin-left: .5rem; }\n"
	"article { margin: 0 0 1.25rem; padding: .75rem 1rem; border-radius: .6rem; }\n"
	".user { background: var(--user); }\n"
	".text { white-space: pre-wrap; overflow-wrap: anywhere; }\n"
	".mark { color: var(--mark); font-size: .85rem; margin: .35rem 0 0; }\n"
	"figure { margin: .25rem 0 .75rem; }\n"
	"img { display: block; max-width: 100%; max-height: 32rem; width: auto; height: auto; border-radius: .35rem; }\n"
	"@media print { body { font-size: 11pt; } article { break-inside: avoid-page; } }\n"
	"</style>\n";

static void
put_escaped(struct buf *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		switch (s[i]) {
		case '&': buf_str(out, "&amp;"); break;
		case '<': buf_str(out, "&lt;"); break;
		case '>': buf_str(out, "&gt;"); break;
		case '"': buf_str(out, "&quot;"); break;
		default: buf_char(out, s[i]);
		}
}

static void
put_buf(struct buf *out, const struct buf *text)
{
	put_escaped(out, buf_text(text), text->n);
}

/* Text of the conversation: control characters are visible here too. */
static void
put_text(struct buf *out, const char *s, size_t n)
{
	struct buf visible = {0};

	text_visible(&visible, s, n);
	put_buf(out, &visible);
	buf_done(&visible);
}

/* What every browser draws. */
static bool
is_drawn(const struct pic *pic)
{
	static const char *const types[] = { "image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp" };

	for (size_t i = 0; pic->type && i < sizeof types / sizeof types[0]; i++)
		if (strcmp(pic->type, types[i]) == 0)
			return true;
	return false;
}

static void
put_picture(struct export *e, struct buf *out, const struct pic *pic)
{
	struct buf bytes = {0}, label = {0};

	export_label(&label, pic);
	buf_str(out, "<figure>");
	if (is_drawn(pic) && export_fetch(e, pic, &bytes)) {
		buf_printf(out, "<img width=\"%d\" height=\"%d\" alt=\"", pic->width, pic->height);
		put_buf(out, &label);
		buf_printf(out, "\" src=\"data:%s;base64,", pic->type);
		base64_encode(out, bytes.at, bytes.n);
		buf_str(out, "\">");
	}
	buf_str(out, "<figcaption>");
	put_buf(out, &label);
	buf_str(out, "</figcaption></figure>\n");
	buf_done(&bytes);
	buf_done(&label);
}

static void
put_heading(struct export *e, struct buf *out, const struct message *m, int above)
{
	buf_printf(out, "<h2>%s<a href=\"#m%d\">", export_role(m), m->id);
	if (strlen(m->at) > 16) {
		put_escaped(out, m->at, 10);
		buf_char(out, ' ');
		put_escaped(out, m->at + 11, 5);
	}
	if (e->all_branches)
		buf_printf(out, " (%d)", m->id);
	buf_str(out, "</a>");
	if (m->up != above && m->up > 0)
		buf_printf(out, "<a href=\"#m%d\">below (%d)</a>", m->up, m->up);
	buf_str(out, "</h2>\n");
}

static void
put_message(struct export *e, struct buf *out, const struct message *m, int above)
{
	struct buf mark = {0};

	buf_printf(out, "<article class=\"%s\" id=\"m%d\">\n", m->role == ROLE_USER ? "user" : "answer", m->id);
	put_heading(e, out, m, above);
	for (int i = 0; i < m->n_pics; i++)
		put_picture(e, out, &m->pics[i]);
	buf_str(out, "<div class=\"text\" dir=\"auto\">");
	put_text(out, m->text, m->text_n);
	buf_str(out, "</div>\n");
	export_mark(&mark, m);
	if (mark.n > 0)
		buf_printf(out, "<p class=\"mark\">%s</p>\n", buf_text(&mark));
	buf_str(out, "</article>\n");
	buf_done(&mark);
}

static void
put_head(struct buf *out, const struct chat *chat)
{
	char *title = chat_title(chat);
	struct buf summary = {0};

	export_summary(&summary, chat);
	buf_str(out, head);
	buf_str(out, "<title>");
	put_escaped(out, title, strlen(title));
	buf_printf(out, "</title>\n%s</head>\n<body>\n<main>\n<header>\n<h1 dir=\"auto\">", style);
	put_escaped(out, title, strlen(title));
	buf_str(out, "</h1>\n<p>");
	put_buf(out, &summary);
	buf_str(out, "</p>\n</header>\n");
	buf_done(&summary);
	free(title);
}

static int
write_html(struct export *e, struct buf *out, struct error *err)
{
	int *ids, n = export_messages(e, &ids), above = 0;

	(void)err;
	put_head(out, e->chat);
	for (int i = 0; i < n; i++) {
		put_message(e, out, chat_message(e->chat, ids[i]), above);
		above = ids[i];
	}
	buf_str(out, "</main>\n</body>\n</html>\n");
	free(ids);
	return 0;
}

const struct export_format export_html = { "html", "htm", write_html };
