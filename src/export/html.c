/* html.c: a conversation as one page that needs nothing else: no script, no network (the policy in its head says so),
 * pictures inside as data. Light and dark as the reader has it. What a person wrote stands as it was written; answers are
 * styled by the caller's means, and nothing of a text is markup of the page. */
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
	" --user: #f3f6f9; --mark: #9a6700; --link: #0a58ca; --keyword: #8a2f9c; --string: #1f7a34; --number: #0b6e99;"
	" --removed: #b3261e; }\n"
	"@media (prefers-color-scheme: dark) { :root { --paper: #0f1216; --ink: #e2e6ea; --dim: #8f98a3;"
	" --line: #2c333b; --user: #1a1f26; --mark: #d9a441; --link: #7db3ff; --keyword: #d78ee6; --string: #83c98f;"
	" --number: #6cc5e8; --removed: #ff8a80; } }\n"
	"* { box-sizing: border-box; }\n"
	"body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.6 system-ui, -apple-system,"
	" \"Segoe UI\", Roboto, \"Noto Sans\", \"Noto Sans CJK SC\", \"PingFang SC\", \"Hiragino Sans GB\","
	" \"Microsoft YaHei\", \"Source Han Sans SC\", sans-serif; }\n"
	"main { max-width: 46rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }\n"
	"header { border-bottom: 1px solid var(--line); margin-bottom: 1.5rem; padding-bottom: 1rem; }\n"
	"h1 { font-size: 1.5rem; line-height: 1.3; margin: 0 0 .25rem; overflow-wrap: anywhere; }\n"
	"header p, h2, figcaption { color: var(--dim); font-size: .85rem; margin: 0; }\n"
	"h2 { font-weight: 600; margin-bottom: .35rem; }\n"
	"h2 a, h2 span { color: inherit; font-weight: 400; text-decoration: none; margin-left: .5rem; }\n"
	"article { margin: 0 0 1.25rem; padding: .75rem 1rem; border-radius: .6rem; }\n"
	".user { background: var(--user); }\n"
	"aside { margin: 0 0 1.25rem; padding: .25rem 1rem; border-left: 3px solid var(--mark); }\n"
	".text { white-space: pre-wrap; overflow-wrap: anywhere; }\n"
	".styled > :first-child { margin-top: 0; }\n"
	".styled > :last-child { margin-bottom: 0; }\n"
	".styled { overflow-wrap: anywhere; }\n"
	".styled h3, .styled h4, .styled h5, .styled h6 { line-height: 1.3; margin: 1.1rem 0 .4rem; }\n"
	".styled h3 { font-size: 1.25rem; } .styled h4 { font-size: 1.1rem; } .styled h5, .styled h6 { font-size: 1rem; }\n"
	".styled p { margin: .6rem 0; }\n"
	".styled ul, .styled ol { margin: .6rem 0; padding-left: 1.6rem; }\n"
	".styled li { margin: .15rem 0; } .styled li > ul, .styled li > ol { margin: .15rem 0; }\n"
	".styled li.task { list-style: none; margin-left: -1.3rem; }\n"
	"blockquote { margin: .6rem 0; padding: .1rem 0 .1rem .9rem; border-left: 3px solid var(--line); color: var(--dim); }\n"
	"hr { border: 0; border-top: 1px solid var(--line); margin: 1rem 0; }\n"
	"code { font: .9em/1.5 ui-monospace, \"DejaVu Sans Mono\", Menlo, Consolas, \"Noto Sans Mono CJK SC\", monospace;"
	" background: var(--user); border-radius: .25rem; padding: .1em .3em; }\n"
	"pre { background: var(--user); border-radius: .4rem; padding: .7rem .9rem; overflow-x: auto; margin: .4rem 0; }\n"
	"pre code { background: none; padding: 0; }\n"
	".language { color: var(--dim); font-size: .8rem; margin-bottom: -.2rem; }\n"
	".k { color: var(--keyword); } .s { color: var(--string); } .c { color: var(--dim); font-style: italic; }"
	" .n { color: var(--number); } .a { color: var(--string); } .r { color: var(--removed); }\n"
	".ref { text-decoration: underline dotted; } .math { font-family: \"STIX Two Math\", \"Cambria Math\", serif; }\n"
	".formula { text-align: center; }\n"
	"table { border-collapse: collapse; display: block; overflow-x: auto; margin: .6rem 0; }\n"
	"th, td { border-bottom: 1px solid var(--line); padding: .3rem .8rem .3rem 0; text-align: left; vertical-align: top; }\n"
	".right { text-align: right; } .center { text-align: center; }\n"
	".styled a { color: var(--link); }\n"
	".mark { color: var(--mark); font-size: .85rem; margin: .35rem 0 0; }\n"
	"figure { margin: .25rem 0 .75rem; }\n"
	"img { display: block; max-width: 100%; max-height: 32rem; width: auto; height: auto; border-radius: .35rem; }\n"
	"@media print { body { font-size: 11pt; } article { break-inside: avoid-page; } }\n"
	"</style>\n";

static void
put_buf(struct buf *out, const struct buf *text)
{
	text_html(out, buf_text(text), text->n);
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
put_time(struct buf *out, const char *at)
{
	if (strlen(at) <= 16)
		return;
	text_html(out, at, 10);
	buf_char(out, ' ');
	text_html(out, at + 11, 5);
}

static void
put_heading(struct export *e, struct buf *out, const struct message *m, int above)
{
	buf_printf(out, "<h2>%s<a href=\"#m%d\">", export_role(m), m->id);
	put_time(out, m->at);
	if (e->all_branches)
		buf_printf(out, " (%d)", m->id);
	buf_str(out, "</a>");
	if (m->up != above && m->up > 0)
		buf_printf(out, "<a href=\"#m%d\">below (%d)</a>", m->up, m->up);
	buf_str(out, "</h2>\n");
}

static void
put_words(const struct export *e, struct buf *out, const struct message *m)
{
	char *styled = e->html && m->role == ROLE_ANSWER ? e->html(m->text, m->text_n) : NULL;

	buf_printf(out, "<div class=\"%s\" dir=\"auto\">%s", styled ? "styled" : "text", styled ? "\n" : "");
	if (styled)
		buf_str(out, styled);
	else
		put_text(out, m->text, m->text_n);
	buf_str(out, "</div>\n");
	free(styled);
}

static void
put_message(struct export *e, struct buf *out, const struct message *m, int above)
{
	struct buf mark = {0};

	buf_printf(out, "<article class=\"%s\" id=\"m%d\">\n", m->role == ROLE_USER ? "user" : "answer", m->id);
	put_heading(e, out, m, above);
	for (int i = 0; i < m->n_pics; i++)
		put_picture(e, out, &m->pics[i]);
	put_words(e, out, m);
	message_mark(m, false, &mark);
	if (mark.n > 0)
		buf_printf(out, "<p class=\"mark\">%s</p>\n", buf_text(&mark));
	buf_str(out, "</article>\n");
	buf_done(&mark);
}

static void
put_notes(struct buf *out, const struct chat *c, int id)
{
	const struct note *note;
	int from = 0;

	while ((note = chat_next_note(c, id, &from))) {
		buf_str(out, "<aside>\n<h2>Note<span>");
		put_time(out, note->at);
		buf_str(out, "</span></h2>\n<div class=\"text\" dir=\"auto\">");
		put_text(out, note->text, note->text_n);
		buf_str(out, "</div>\n</aside>\n");
	}
}

static void
put_head(struct buf *out, const struct chat *chat)
{
	char *title = chat_title(chat);
	struct buf summary = {0};

	export_summary(&summary, chat);
	buf_str(out, head);
	buf_str(out, "<title>");
	text_html(out, title, strlen(title));
	buf_printf(out, "</title>\n%s</head>\n<body>\n<main>\n<header>\n<h1 dir=\"auto\">", style);
	text_html(out, title, strlen(title));
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
	put_notes(out, e->chat, 0);
	for (int i = 0; i < n; i++) {
		put_message(e, out, chat_message(e->chat, ids[i]), above);
		put_notes(out, e->chat, ids[i]);
		above = ids[i];
	}
	buf_str(out, "</main>\n</body>\n</html>\n");
	free(ids);
	return 0;
}

const struct export_format export_html = { "html", "htm", write_html };
